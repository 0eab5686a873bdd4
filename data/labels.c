#include "data/labels.h"

/* One class with its patterns; leave_out is kept in the same form. */
typedef struct {
    const char *name;
    base_strings patterns;
} rule;

struct data_labels {
    rule *rules; /* [n] in the order of the file */
    int n;
    base_strings leave_out;
};

typedef struct {
    base_node *classes;
    base_strings leave_out;
} rules_file;

static const base_option rules_table[] = {
    {.key = "classes",
     .kind = BASE_OPT_NODE,
     .offset = offsetof(rules_file, classes),
     .help = "a map from each class to its patterns"},
    {.key = "leave_out",
     .kind = BASE_OPT_STRINGS,
     .offset = offsetof(rules_file, leave_out),
     .preset = "~",
     .help = "patterns of labels to leave out, checked first"},
    {0}};

static base_status check_pattern(const base_node *node, base_error *err) {
    if (node->kind != BASE_NODE_SCALAR || node->text[0] == '\0') {
        return base_node_fail(node, err, BASE_ECONFIG, "a pattern must be a text such as '*kick*'");
    }
    return BASE_OK;
}

/* A list of patterns, or one pattern alone. */
static base_status read_patterns(const base_node *node, base_arena *arena, base_strings *patterns,
                                 base_error *err) {
    if (node->kind == BASE_NODE_MAP || (node->kind == BASE_NODE_LIST && node->child == NULL)) {
        return base_node_fail(node, err, BASE_ECONFIG, "a class needs a list of patterns");
    }
    bool list = node->kind == BASE_NODE_LIST;
    int64_t n = list ? node->n_children : 1;
    const char **items = base_arena_alloc(arena, (size_t)n, sizeof *items);
    if (items == NULL) return base_fail(err, BASE_EMEMORY, "%s: no memory", node->source);
    int at = 0;
    for (const base_node *item = list ? node->child : node; item != NULL;
         item = list ? item->next : NULL) {
        BASE_TRY(check_pattern(item, err));
        items[at] = base_arena_string(arena, item->text);
        if (items[at++] == NULL) return base_fail(err, BASE_EMEMORY, "%s: no memory", node->source);
    }
    *patterns = (base_strings){items, at};
    return BASE_OK;
}

static base_status read_rules(const base_node *classes, base_arena *arena, data_labels *labels,
                              base_error *err) {
    labels->rules = base_arena_alloc(arena, (size_t)classes->n_children, sizeof *labels->rules);
    if (labels->rules == NULL) {
        return base_fail(err, BASE_EMEMORY, "%s: no memory", classes->source);
    }
    for (const base_node *node = classes->child; node != NULL; node = node->next) {
        if (node->key[0] == '\0') {
            return base_node_fail(node, err, BASE_ECONFIG, "a class needs a name");
        }
        rule *r = &labels->rules[labels->n++];
        r->name = base_arena_string(arena, node->key);
        if (r->name == NULL) return base_fail(err, BASE_EMEMORY, "%s: no memory", node->source);
        BASE_TRY(read_patterns(node, arena, &r->patterns, err));
    }
    return BASE_OK;
}

base_status data_labels_read(const char *path, base_arena *arena, data_labels **labels,
                             base_error *err) {
    base_node *root;
    rules_file file;
    BASE_TRY(base_yaml_read(path, arena, &root, err));
    BASE_TRY(base_options_bind(rules_table, root, &file, arena, err));
    const base_node *classes = file.classes;
    if (classes == NULL || classes->kind != BASE_NODE_MAP || classes->child == NULL) {
        return base_fail(err, BASE_ECONFIG, "%s: needs 'classes', a map from class to patterns",
                         path);
    }
    data_labels *read = base_arena_alloc(arena, 1, sizeof *read);
    if (read == NULL) return base_fail(err, BASE_EMEMORY, "%s: no memory", path);
    read->leave_out = file.leave_out;
    BASE_TRY(read_rules(classes, arena, read, err));
    *labels = read;
    return BASE_OK;
}

int data_labels_n_classes(const data_labels *labels) {
    return labels->n;
}

const char *data_labels_class(const data_labels *labels, int index) {
    BASE_CHECK(index >= 0 && index < labels->n);
    return labels->rules[index].name;
}

/* The first pattern that matches, or NULL. */
static const char *matching(base_strings patterns, const char *label) {
    for (int i = 0; i < patterns.n; i++) {
        if (base_glob(patterns.items[i], label)) return patterns.items[i];
    }
    return NULL;
}

int data_labels_match(const data_labels *labels, const char *label, base_arena *arena,
                      const char **reason) {
    const char *out = matching(labels->leave_out, label);
    for (int i = 0; i < labels->n && out == NULL; i++) {
        if (matching(labels->rules[i].patterns, label) != NULL) return i;
    }
    if (reason != NULL) {
        *reason = out != NULL ? base_arena_printf(arena, "left out by rule '%s'", out)
                              : "no rule matches";
    }
    return -1;
}
