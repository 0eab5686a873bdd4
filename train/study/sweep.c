#include "train/study/sweep.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum {
    MAX_CELLS = 1000,
    MAX_AXES = 64,
    MAX_KEYS = 256,
    MAX_VALUE_BYTES = 40,
    MAX_NAME_BYTES = 100
};

typedef struct {
    const char *name, *config;
    const base_node *set, *grid, *baseline;
} sweep_options;

static const base_option sweep_table[] = {
    {"name", BASE_OPT_STRING, offsetof(sweep_options, name), NULL, 0, 0, NULL, NULL,
     "name of the sweep and, by default, of its folder below runs/"},
    {"config", BASE_OPT_STRING, offsetof(sweep_options, config), NULL, 0, 0, NULL, NULL,
     "base configuration, relative to the sweep file"},
    {"set", BASE_OPT_NODE, offsetof(sweep_options, set), NULL, 0, 0, NULL, NULL,
     "overrides for all cells, as on the command line"},
    {"grid", BASE_OPT_NODE, offsetof(sweep_options, grid), NULL, 0, 0, NULL, NULL,
     "keys of the configuration, and the values each is to have"},
    {"baseline", BASE_OPT_NODE, offsetof(sweep_options, baseline), NULL, 0, 0, NULL, NULL,
     "values of the cells that the others are compared with"},
    {0}};

static base_status no_memory(const train_sweep *sweep, base_error *err) {
    return base_fail(err, BASE_EMEMORY, "%s: out of memory", sweep->path);
}

/* "...; did you mean 'x'?" */
static base_status fail_unknown(const base_node *node, const char *what, const char *word,
                                base_strings names, base_error *err) {
    const char *near = base_nearest(word, names.items, names.n);
    if (near == NULL) return base_node_fail(node, err, BASE_ECONFIG, "no such %s '%s'", what, word);
    return base_node_fail(node, err, BASE_ECONFIG, "no such %s '%s'; did you mean '%s'?", what,
                          word, near);
}

/* ---- keys ---- */

static const train_config_section *find_section(const char *name, size_t n_bytes) {
    int n;
    const train_config_section *sections = train_config_sections(&n);
    for (int i = 0; i < n; i++) {
        if (strlen(sections[i].name) == n_bytes && memcmp(sections[i].name, name, n_bytes) == 0) {
            return &sections[i];
        }
    }
    return NULL;
}

static void add_keys(const base_option *table, const char *names[MAX_KEYS], int *n) {
    for (; table != NULL && table->key != NULL && *n < MAX_KEYS; table++)
        names[(*n)++] = table->key;
}

/* A key of the section, or of one of its kinds: which of them a cell has is not known yet. */
static base_status check_step(const base_node *node, const train_config_section *section,
                              const char *step, base_error *err) {
    const char *names[MAX_KEYS];
    int n = 0, n_variants = 0;
    const base_variant *const *variants =
        section->variants != NULL ? section->variants(&n_variants) : NULL;
    add_keys(section->table, names, &n);
    for (int v = 0; v < n_variants; v++) add_keys(variants[v]->options, names, &n);
    for (int i = 0; i < n; i++) {
        if (strcmp(names[i], step) == 0) return BASE_OK;
    }
    return fail_unknown(node, "key", step, (base_strings){names, n}, err);
}

/* Follows "train.optimizer.adamw.lr" through the tables of keys as far as they go; what lies within
 * layers, effects and other variants is looked up when a cell's configuration is bound. */
static base_status check_key(const train_sweep *sweep, const base_node *node, const char *key,
                             base_error *err) {
    base_arena scratch = {0};
    base_status status = BASE_OK;
    const train_config_section *section = find_section("", 0);
    for (const char *step = key; status == BASE_OK && section != NULL && section->table != NULL;) {
        size_t n = strcspn(step, ".[");
        char *name = base_arena_copy(&scratch, step, n);
        status = name != NULL ? check_step(node, section, name, err) : no_memory(sweep, err);
        section = find_section(key, (size_t)(step + n - key));
        const char *dot = strchr(step + n, '.');
        if (dot == NULL) break;
        step = dot + 1;
    }
    base_arena_release(&scratch);
    if (status == BASE_OK && strcmp(key, "name") == 0) {
        return base_node_fail(node, err, BASE_ECONFIG, "the cells are named by their values");
    }
    return status;
}

/* ---- names ---- */

/* What a value without a name of its own is called: what it says, if that is short. */
static const char *describe(const base_node *node, int number, base_arena *arena) {
    const base_node *first = node->child;
    if (base_node_is_null(node)) return "base";
    if (node->kind == BASE_NODE_SCALAR) return node->text[0] != '\0' ? node->text : "empty";
    if (first == NULL) return "none";
    if (node->kind == BASE_NODE_MAP) {
        if (node->n_children > 1) return base_arena_printf(arena, "%d", number);
        if (first->kind != BASE_NODE_SCALAR || base_node_is_null(first)) return first->key;
        return base_arena_printf(arena, "%s %s", first->key, first->text);
    }
    const char *text = NULL;
    for (const base_node *item = first; item != NULL; item = item->next) {
        if (item->kind != BASE_NODE_SCALAR) return base_arena_printf(arena, "%d", number);
        text = text != NULL ? base_arena_printf(arena, "%s+%s", text, item->text) : item->text;
        if (text == NULL) return NULL;
    }
    return text;
}

/* Control characters, which quotes let in, would break a table. */
static const char *one_line(const char *text, base_arena *arena) {
    char *line = base_arena_string(arena, text);
    for (char *c = line; c != NULL && *c != '\0'; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7F) *c = ' ';
    }
    return line;
}

/* Letters, digits and a few signs that mean nothing to a shell, a URL or a file system. */
static char *plain_name(const char *text, base_arena *arena) {
    static const char kept[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                               "0123456789_-.+";
    size_t n = strnlen(text, MAX_VALUE_BYTES);
    char *name = base_arena_copy(arena, text, n);
    for (char *c = name; c != NULL && *c != '\0'; c++) {
        if (strchr(kept, *c) == NULL) *c = '_';
    }
    return name;
}

/* Some file systems take no notice of case. */
static bool is_taken(const train_sweep_axis *axis, int n, const char *name) {
    for (int i = 0; i < n; i++) {
        if (strcasecmp(axis->values[i].name, name) == 0) return true;
    }
    return false;
}

static base_status check_name(const train_sweep *sweep, const base_node *root, base_error *err) {
    const char *name = sweep->name;
    bool plain = name[0] != '\0' && name[0] != '.' && strlen(name) <= MAX_NAME_BYTES;
    for (const char *c = name; *c != '\0'; c++) plain &= *c != '/' && (unsigned char)*c >= ' ';
    if (plain) return BASE_OK;
    return base_node_fail(base_node_get(root, "name"), err, BASE_ECONFIG,
                          "must be usable as a folder name: no '/', no leading '.'");
}

/* ---- the grid ---- */

/* The value as an override would have it on the command line. */
static const char *make_override(const char *key, const base_node *node, base_arena *arena) {
    base_text text = {0};
    base_text_printf(&text, "%s=", key);
    base_yaml_write(node, &text);
    size_t n = text.size;
    while (n > 0 && text.data[n - 1] == '\n') n--;
    const char *override = text.failed ? NULL : base_arena_copy(arena, text.data, n);
    base_text_release(&text);
    return override;
}

static base_status read_value(train_sweep *sweep, train_sweep_axis *axis, const base_node *node,
                              int i, base_error *err) {
    base_arena *arena = &sweep->arena;
    train_sweep_value *value = &axis->values[i];
    bool keeps = base_node_is_null(node);
    value->line = node->line;
    value->node = node;
    value->label = node->key != NULL ? node->key : describe(node, i + 1, arena);
    if (value->label != NULL) value->label = one_line(value->label, arena);
    value->override = keeps ? NULL : make_override(axis->key, node, arena);
    if (value->label == NULL || (value->override == NULL && !keeps)) return no_memory(sweep, err);
    for (int before = 0; before < i; before++) {
        const char *other = axis->values[before].override;
        bool same = keeps ? other == NULL : other != NULL && strcmp(other, value->override) == 0;
        if (!same) continue;
        return base_node_fail(node, err, BASE_ECONFIG, "the same value as in line %d",
                              axis->values[before].line);
    }
    value->name = plain_name(value->label, arena);
    while (value->name != NULL && is_taken(axis, i, value->name)) {
        value->name = base_arena_printf(arena, "%s.%d", value->name, i + 1);
    }
    return value->name != NULL ? BASE_OK : no_memory(sweep, err);
}

static const char *last_word(const char *key) {
    const char *dot = strrchr(key, '.');
    return dot != NULL ? dot + 1 : key;
}

static base_status read_axis(train_sweep *sweep, const base_node *node, train_sweep_axis *axis,
                             base_error *err) {
    if (node->kind == BASE_NODE_SCALAR || node->n_children == 0) {
        return base_node_fail(node, err, BASE_ECONFIG,
                              "a list of values is needed here, or a map that names them");
    }
    BASE_TRY(check_key(sweep, node, node->key, err));
    if (node->n_children > MAX_CELLS) {
        return base_node_fail(node, err, BASE_ECONFIG, "more than %d values", MAX_CELLS);
    }
    const char *key = one_line(node->key, &sweep->arena);
    if (key == NULL) return no_memory(sweep, err);
    *axis = (train_sweep_axis){
        .key = key, .word = last_word(key), .n_values = (int)node->n_children, .baseline = -1};
    axis->values = base_arena_alloc(&sweep->arena, (size_t)axis->n_values, sizeof *axis->values);
    if (axis->values == NULL) return no_memory(sweep, err);
    int i = 0;
    for (const base_node *value = node->child; value != NULL; value = value->next) {
        BASE_TRY(read_value(sweep, axis, value, i++, err));
    }
    return BASE_OK;
}

/* "a.kind" and "b.kind" keep their whole keys. */
static void tell_words_apart(train_sweep *sweep) {
    for (int a = 0; a < sweep->n_axes; a++) {
        bool twice = false;
        for (int b = 0; b < sweep->n_axes; b++) {
            twice |= a != b &&
                     strcasecmp(last_word(sweep->axes[a].key), last_word(sweep->axes[b].key)) == 0;
        }
        if (twice) sweep->axes[a].word = sweep->axes[a].key;
    }
}

static base_status read_grid(train_sweep *sweep, const base_node *grid, base_error *err) {
    if (grid->kind != BASE_NODE_MAP || grid->n_children == 0 || grid->n_children > MAX_AXES) {
        return base_node_fail(grid, err, BASE_ECONFIG,
                              "must be a map of 1 to %d keys, each with its values", MAX_AXES);
    }
    int64_t n_cells = 1;
    sweep->axes = base_arena_alloc(&sweep->arena, (size_t)grid->n_children, sizeof *sweep->axes);
    if (sweep->axes == NULL) return no_memory(sweep, err);
    for (const base_node *node = grid->child; node != NULL; node = node->next) {
        train_sweep_axis *axis = &sweep->axes[sweep->n_axes];
        BASE_TRY(read_axis(sweep, node, axis, err));
        sweep->n_axes++;
        n_cells *= axis->n_values;
        if (n_cells > MAX_CELLS) {
            return base_node_fail(grid, err, BASE_ECONFIG, "makes more than %d cells", MAX_CELLS);
        }
    }
    sweep->n_cells = (int)n_cells;
    tell_words_apart(sweep);
    return BASE_OK;
}

static const char *name_cell(train_sweep *sweep, const int *value) {
    const char *name = "";
    for (int a = 0; a < sweep->n_axes && name != NULL; a++) {
        const char *word = plain_name(sweep->axes[a].word, &sweep->arena);
        if (word == NULL) return NULL;
        name = base_arena_printf(&sweep->arena, "%s%s%s-%s", name, a > 0 ? "," : "", word,
                                 sweep->axes[a].values[value[a]].name);
    }
    return name;
}

static base_status make_cells(train_sweep *sweep, const base_node *grid, base_error *err) {
    sweep->cells = base_arena_alloc(&sweep->arena, (size_t)sweep->n_cells, sizeof *sweep->cells);
    if (sweep->cells == NULL) return no_memory(sweep, err);
    for (int i = 0; i < sweep->n_cells; i++) {
        train_sweep_cell *cell = &sweep->cells[i];
        cell->value = base_arena_alloc(&sweep->arena, (size_t)sweep->n_axes, sizeof *cell->value);
        if (cell->value == NULL) return no_memory(sweep, err);
        for (int a = sweep->n_axes - 1, rest = i; a >= 0; a--) {
            cell->value[a] = rest % sweep->axes[a].n_values;
            rest /= sweep->axes[a].n_values;
        }
        cell->name = name_cell(sweep, cell->value);
        if (cell->name == NULL) return no_memory(sweep, err);
        if (strlen(cell->name) <= MAX_NAME_BYTES) continue;
        return base_node_fail(grid, err, BASE_ECONFIG,
                              "'%s' is too long for a cell's name; name the values, shorter: "
                              "{NAME: VALUE, ...}",
                              cell->name);
    }
    return BASE_OK;
}

/* ---- the baseline ---- */

static train_sweep_axis *find_axis(const train_sweep *sweep, const char *key) {
    for (int a = 0; a < sweep->n_axes; a++) {
        if (strcmp(sweep->axes[a].key, key) == 0) return &sweep->axes[a];
    }
    return NULL;
}

static base_status fail_no_axis(const train_sweep *sweep, const base_node *node, base_error *err) {
    const char *keys[MAX_AXES];
    for (int a = 0; a < sweep->n_axes; a++) keys[a] = sweep->axes[a].key;
    return fail_unknown(node, "key of the grid", node->key, (base_strings){keys, sweep->n_axes},
                        err);
}

static base_status find_value(train_sweep *sweep, const base_node *node, train_sweep_axis *axis,
                              base_error *err) {
    const char **labels =
        base_arena_alloc(&sweep->arena, (size_t)axis->n_values, sizeof(const char *));
    const char *wanted = describe(node, 0, &sweep->arena);
    if (labels == NULL || wanted == NULL) return no_memory(sweep, err);
    for (int v = 0; v < axis->n_values; v++) {
        labels[v] = axis->values[v].label;
        if (strcmp(labels[v], wanted) == 0) axis->baseline = v;
    }
    if (axis->baseline >= 0) return BASE_OK;
    return fail_unknown(node, "value in the grid", wanted, (base_strings){labels, axis->n_values},
                        err);
}

static base_status read_baseline(train_sweep *sweep, const base_node *baseline, base_error *err) {
    if (baseline == NULL || base_node_is_null(baseline)) return BASE_OK;
    if (baseline->kind != BASE_NODE_MAP) {
        return base_node_fail(baseline, err, BASE_ECONFIG,
                              "must be a map of keys of the grid, each with one of its values");
    }
    for (const base_node *node = baseline->child; node != NULL; node = node->next) {
        train_sweep_axis *axis = find_axis(sweep, node->key);
        if (axis == NULL) return fail_no_axis(sweep, node, err);
        BASE_TRY(find_value(sweep, node, axis, err));
        sweep->has_baseline = true;
    }
    return BASE_OK;
}

int train_sweep_baseline_of(const train_sweep *sweep, int cell) {
    int other = 0;
    for (int a = 0; a < sweep->n_axes; a++) {
        const train_sweep_axis *axis = &sweep->axes[a];
        int value = axis->baseline >= 0 ? axis->baseline : sweep->cells[cell].value[a];
        other = other * axis->n_values + value;
    }
    return other;
}

/* ---- the whole ---- */

static base_status read_set(train_sweep *sweep, const base_node *set, base_error *err) {
    if (set == NULL || base_node_is_null(set)) return BASE_OK;
    if (set->kind != BASE_NODE_LIST) {
        return base_node_fail(set, err, BASE_ECONFIG, "must be a list like [train.epochs=5]");
    }
    for (const base_node *item = set->child; item != NULL; item = item->next) {
        const char *equals = item->kind == BASE_NODE_SCALAR ? strchr(item->text, '=') : NULL;
        if (equals == NULL) {
            return base_node_fail(item, err, BASE_ECONFIG, "not of the form key.key=value");
        }
        const char *key = base_arena_copy(&sweep->arena, item->text, (size_t)(equals - item->text));
        if (key == NULL) return no_memory(sweep, err);
        BASE_TRY(check_key(sweep, item, key, err));
    }
    sweep->set = set;
    return BASE_OK;
}

static base_status read_sweep(train_sweep *sweep, base_error *err) {
    base_node *root;
    sweep_options options;
    BASE_TRY(base_yaml_read(sweep->path, &sweep->arena, &root, err));
    if (root->kind != BASE_NODE_MAP) {
        return base_node_fail(root, err, BASE_ECONFIG,
                              "a sweep is a map: name, config, set, grid, baseline");
    }
    BASE_TRY(base_options_bind(sweep_table, root, &options, &sweep->arena, err));
    sweep->name = options.name;
    BASE_TRY(check_name(sweep, root, err));
    if (options.grid == NULL) {
        return base_node_fail(root, err, BASE_ECONFIG, "'grid' is missing");
    }
    const char *folder = base_path_folder(&sweep->arena, sweep->path);
    if (folder == NULL) return no_memory(sweep, err);
    bool here = strcmp(folder, ".") == 0; /* "base.yaml", not "./base.yaml" */
    sweep->config_line = base_node_get(root, "config")->line;
    sweep->config = here ? options.config : base_path_join(&sweep->arena, folder, options.config);
    if (sweep->config == NULL) return no_memory(sweep, err);
    BASE_TRY(read_set(sweep, options.set, err));
    BASE_TRY(read_grid(sweep, options.grid, err));
    BASE_TRY(make_cells(sweep, options.grid, err));
    return read_baseline(sweep, options.baseline, err);
}

base_status train_sweep_read(const char *path, const char *const *overrides, int n_overrides,
                             train_sweep *sweep, base_error *err) {
    *sweep = (train_sweep){.overrides = overrides, .n_overrides = n_overrides};
    sweep->path = base_arena_string(&sweep->arena, path);
    base_status status = sweep->path != NULL
                             ? read_sweep(sweep, err)
                             : base_fail(err, BASE_EMEMORY, "%s: out of memory", path);
    if (status != BASE_OK) train_sweep_release(sweep);
    return status;
}

void train_sweep_release(train_sweep *sweep) {
    if (sweep == NULL) return;
    base_arena_release(&sweep->arena);
    *sweep = (train_sweep){0};
}
