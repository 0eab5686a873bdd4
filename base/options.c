#include "base/options.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MAX_NAMES = 256 };

static base_status no_memory(base_error *err) {
    return base_fail(err, BASE_EMEMORY, "out of memory");
}

/* ---- limits ---- */

static bool has_limits(const base_option *option) {
    return option->min != 0.0 || option->max != 0.0;
}

/* Adds "1 to 64 ms", "at least 1", "ms" or nothing. */
static void add_limits(const base_option *option, base_text *out) {
    bool low = has_limits(option) && option->min > -9e18;
    bool high = has_limits(option) && option->max < 9e18;
    if (low && !high) base_text_add(out, "at least ");
    if (high && !low) base_text_add(out, "at most ");
    if (low) base_text_add_number(out, option->min);
    if (low && high) base_text_add(out, " to ");
    if (high) base_text_add_number(out, option->max);
    if (option->unit != NULL) base_text_printf(out, low || high ? " %s" : "%s", option->unit);
}

static base_status check_limits(const base_option *option, const base_node *node, double value,
                                base_error *err) {
    if (!has_limits(option) || (value >= option->min && value <= option->max)) return BASE_OK;
    base_text limits = {0};
    add_limits(option, &limits);
    base_status status = base_node_fail(node, err, BASE_ECONFIG, "%s is out of range: %s",
                                        node->text, base_text_string(&limits));
    base_text_release(&limits);
    return status;
}

/* ---- single values ---- */

static const char *describe(const base_node *node) {
    return node->kind == BASE_NODE_MAP ? "a map" : node->kind == BASE_NODE_LIST ? "a list" : "text";
}

static base_status need_scalar(const base_node *node, const char *wanted, base_error *err) {
    if (node->kind == BASE_NODE_SCALAR) return BASE_OK;
    return base_node_fail(node, err, BASE_ECONFIG, "%s is needed here, not %s", wanted,
                          describe(node));
}

static base_status read_bool(const base_option *option, base_node *node, void *field,
                             base_error *err) {
    (void)option;
    BASE_TRY(need_scalar(node, "true or false", err));
    node->quoted = false;
    if (base_yaml_truth(node->text, field)) return BASE_OK;
    return base_node_fail(node, err, BASE_ECONFIG, "'%s' is neither true nor false", node->text);
}

static base_status read_float(const base_option *option, base_node *node, void *field,
                              base_error *err) {
    double value;
    BASE_TRY(need_scalar(node, "a number", err));
    node->quoted = false;
    if (!base_parse_double(node->text, &value) || !isfinite(value)) {
        return base_node_fail(node, err, BASE_ECONFIG, "'%s' is not a number", node->text);
    }
    BASE_TRY(check_limits(option, node, value, err));
    *(double *)field = value;
    return BASE_OK;
}

/* Takes 48000 and, as people write large ones, 48e3. */
static base_status read_int(const base_option *option, base_node *node, void *field,
                            base_error *err) {
    int64_t value;
    double number;
    BASE_TRY(need_scalar(node, "a whole number", err));
    bool whole = base_parse_int(node->text, &value);
    if (!whole && base_parse_double(node->text, &number)) {
        whole = fabs(number) < 0x1p53 && number == floor(number);
        if (whole) value = (int64_t)number;
    }
    node->quoted = false;
    if (!whole) {
        return base_node_fail(node, err, BASE_ECONFIG, "'%s' is not a whole number", node->text);
    }
    BASE_TRY(check_limits(option, node, (double)value, err));
    *(int64_t *)field = value;
    return BASE_OK;
}

static base_status read_string(const base_option *option, base_node *node, void *field,
                               base_error *err) {
    (void)option;
    BASE_TRY(need_scalar(node, "text", err));
    base_node_mark_text(node);
    *(const char **)field = node->text;
    return BASE_OK;
}

typedef struct {
    const char *items[MAX_NAMES];
    int n;
    char text[1024]; /* where the items are, if they were split */
} name_list;

static void add_name(name_list *names, const char *name) {
    BASE_CHECK(names->n < MAX_NAMES);
    names->items[names->n++] = name;
}

/* Splits "a|b|c". */
static void split_choices(const char *choices, name_list *names) {
    size_t size = strlen(choices) + 1;
    BASE_CHECK(size <= sizeof names->text);
    memcpy(names->text, choices, size);
    names->n = 0;
    for (char *c = names->text; c != NULL;) {
        add_name(names, c);
        c = strchr(c, '|');
        if (c != NULL) *c++ = '\0';
    }
}

static void add_list(const name_list *names, base_text *out) {
    for (int i = 0; i < names->n; i++) {
        base_text_printf(out, "%s%s", i > 0 ? ", " : "", names->items[i]);
    }
}

/* Adds "; did you mean 'x'?" or else, where there are not too many to read, what there is. */
static void add_help(const char *word, const name_list *names, base_text *out) {
    const char *nearest = base_nearest(word, names->items, names->n);
    if (nearest != NULL) {
        base_text_printf(out, "; did you mean '%s'?", nearest);
    } else if (names->n > 0 && names->n <= 24) {
        base_text_add(out, "; there are ");
        add_list(names, out);
    }
}

static base_status fail_unknown(const base_node *node, const char *what, const char *word,
                                const name_list *names, base_error *err) {
    base_text help = {0};
    add_help(word, names, &help);
    base_status status = base_node_fail(node, err, BASE_ECONFIG, "no such %s '%s'%s", what, word,
                                        base_text_string(&help));
    base_text_release(&help);
    return status;
}

static base_status read_choice(const base_option *option, base_node *node, void *field,
                               base_error *err) {
    name_list names;
    BASE_TRY(need_scalar(node, "a name", err));
    split_choices(option->choices, &names);
    for (int i = 0; i < names.n; i++) {
        if (strcmp(node->text, names.items[i]) == 0) {
            *(int *)field = i;
            return BASE_OK;
        }
    }
    return fail_unknown(node, "choice", node->text, &names, err);
}

/* ---- lists ---- */

static int count_items(const base_node *node) {
    if (node == NULL) return 0;
    return node->kind == BASE_NODE_LIST ? (int)node->n_children : 1;
}

static const struct {
    base_status (*read)(const base_option *, base_node *, void *, base_error *);
    size_t size_bytes;
} list_items[] = {[BASE_OPT_INTS] = {.read = read_int, .size_bytes = sizeof(int64_t)},
                  [BASE_OPT_FLOATS] = {.read = read_float, .size_bytes = sizeof(double)},
                  [BASE_OPT_STRINGS] = {.read = read_string, .size_bytes = sizeof(char *)}};

/* Reads a list, or one value as a list of one, into new memory. */
static base_status read_list(const base_option *option, base_node *node, base_arena *arena,
                             void **items, base_error *err) {
    *items = NULL;
    if (node == NULL) return BASE_OK;
    size_t size_bytes = list_items[option->kind].size_bytes;
    unsigned char *item = base_arena_alloc(arena, (size_t)count_items(node), size_bytes);
    if (item == NULL) return no_memory(err);
    *items = item;
    base_node *child = node->kind == BASE_NODE_LIST ? node->child : node;
    for (int i = 0; i < count_items(node); i++, child = child->next, item += size_bytes) {
        BASE_TRY(list_items[option->kind].read(option, child, item, err));
    }
    return BASE_OK;
}

static base_status read_range(const base_option *option, base_node *node, double range[2],
                              base_error *err) {
    base_node *lo = node, *hi = node;
    if (node->kind == BASE_NODE_LIST) {
        if (node->n_children != 2) {
            return base_node_fail(node, err, BASE_ECONFIG,
                                  "a range [low, high] or one number is needed here");
        }
        lo = node->child;
        hi = lo->next;
    }
    BASE_TRY(read_float(option, lo, &range[0], err));
    BASE_TRY(read_float(option, hi, &range[1], err));
    if (range[0] <= range[1]) return BASE_OK;
    return base_node_fail(node, err, BASE_ECONFIG, "the range [%s, %s] ends before it begins",
                          lo->text, hi->text);
}

/* `node` is NULL for an absent value. */
static base_status read_value(const base_option *option, base_node *node, void *field,
                              base_arena *arena, base_error *err) {
    void *items;
    switch (option->kind) {
    case BASE_OPT_BOOL:
        return read_bool(option, node, field, err);
    case BASE_OPT_INT:
        return read_int(option, node, field, err);
    case BASE_OPT_FLOAT:
        return read_float(option, node, field, err);
    case BASE_OPT_CHOICE:
        return read_choice(option, node, field, err);
    case BASE_OPT_RANGE:
        return read_range(option, node, field, err);
    case BASE_OPT_STRING:
        *(const char **)field = NULL;
        return node != NULL ? read_string(option, node, field, err) : BASE_OK;
    case BASE_OPT_INTS:
        BASE_TRY(read_list(option, node, arena, &items, err));
        *(base_ints *)field = (base_ints){.items = items, .n = count_items(node)};
        return BASE_OK;
    case BASE_OPT_FLOATS:
        BASE_TRY(read_list(option, node, arena, &items, err));
        *(base_floats *)field = (base_floats){.items = items, .n = count_items(node)};
        return BASE_OK;
    case BASE_OPT_STRINGS:
        BASE_TRY(read_list(option, node, arena, &items, err));
        *(base_strings *)field = (base_strings){.items = items, .n = count_items(node)};
        return BASE_OK;
    case BASE_OPT_NODE:
        memcpy(field, &node, sizeof node); /* the module's field may point to const or not */
        return BASE_OK;
    }
    base_bug(__FILE__, __LINE__, "an option kind");
}

/* ---- tables ---- */

/* A mistake on the command line is best told with what stood there. */
static base_status fail_command_line(const base_node *node, const char *help, base_error *err) {
    char path[BASE_ERROR_SIZE], parent[BASE_ERROR_SIZE];
    base_node_path(node, path, sizeof path);
    base_node_path(node->parent, parent, sizeof parent);
    const char *value = node->kind == BASE_NODE_SCALAR ? node->text : "...";
    int n_section = (int)strcspn(parent, ".[");
    return base_fail(err, BASE_ECONFIG,
                     "%s=%s: no such key in '%s'%s   (all keys: rimshot help config%s%.*s)", path,
                     value, n_section > 0 ? parent : "configuration", help,
                     n_section > 0 ? " " : "", n_section, parent);
}

static base_status fail_unknown_key(const base_option *table, const base_node *node,
                                    base_error *err) {
    name_list names = {.n = 0};
    base_text help = {0};
    for (const base_option *option = table; option != NULL && option->key != NULL; option++) {
        add_name(&names, option->key);
    }
    add_help(node->key, &names, &help);
    base_status status =
        node->line == 0 && strcmp(node->source, "command line") == 0
            ? fail_command_line(node, base_text_string(&help), err)
            : base_node_fail(node, err, BASE_ECONFIG, "no such key%s", base_text_string(&help));
    base_text_release(&help);
    return status;
}

static base_status check_keys(const base_option *table, const base_node *map, base_error *err) {
    for (const base_node *child = map->child; child != NULL; child = child->next) {
        const base_option *option = table;
        while (option != NULL && option->key != NULL && strcmp(option->key, child->key) != 0) {
            option++;
        }
        if (option == NULL || option->key == NULL) return fail_unknown_key(table, child, err);
    }
    return BASE_OK;
}

static void clear_lines(base_node *node) {
    node->line = 0;
    for (base_node *child = node->child; child != NULL; child = child->next) clear_lines(child);
}

/* Puts the default of an option that is absent into the map. *node is NULL if it has none. */
static base_status use_preset(const base_option *option, base_node *map, base_arena *arena,
                              base_node **node, base_error *err) {
    *node = NULL;
    if (option->preset == NULL) {
        if (option->kind == BASE_OPT_NODE) return BASE_OK;
        return base_node_fail(map, err, BASE_ECONFIG, "'%s' is missing: %s", option->key,
                              option->help);
    }
    bool absent = strcmp(option->preset, "~") == 0;
    if (absent && option->kind == BASE_OPT_NODE) return BASE_OK;
    base_node *preset;
    BASE_TRY(base_yaml_parse(option->preset, "default", arena, &preset, err));
    clear_lines(preset);
    base_node_put(map, option->key, preset);
    if (!absent) *node = preset;
    return BASE_OK;
}

/* Turns nothing into an empty map; anything but a map is an error. */
static base_status need_map(base_node *node, base_error *err) {
    if (base_node_is_null(node)) {
        node->kind = BASE_NODE_MAP;
        node->text = NULL;
    }
    if (node->kind == BASE_NODE_MAP) return BASE_OK;
    return base_node_fail(node, err, BASE_ECONFIG, "a map of options is needed here, not %s",
                          describe(node));
}

base_status base_options_bind(const base_option *table, base_node *node, void *out,
                              base_arena *arena, base_error *err) {
    if (node == NULL) node = base_node_new(arena, BASE_NODE_MAP, "configuration", 0);
    if (node == NULL) return no_memory(err);
    BASE_TRY(need_map(node, err));
    BASE_TRY(check_keys(table, node, err));
    for (const base_option *option = table; option != NULL && option->key != NULL; option++) {
        base_node *value = base_node_get(node, option->key);
        if (value == NULL || base_node_is_null(value)) {
            BASE_TRY(use_preset(option, node, arena, &value, err));
        }
        BASE_TRY(read_value(option, value, (char *)out + option->offset, arena, err));
    }
    return BASE_OK;
}

/* ---- variants ---- */

/* Rewrites a bare name to `name: {}` and gives the value behind the name. */
static base_status name_variant(const char *what, base_node *node, base_arena *arena,
                                base_node **value, base_error *err) {
    if (node->kind == BASE_NODE_SCALAR && !base_node_is_null(node)) {
        const char *name = node->text;
        *value = base_node_new(arena, BASE_NODE_MAP, node->source, node->line);
        if (*value == NULL) return no_memory(err);
        node->kind = BASE_NODE_MAP;
        node->text = NULL;
        node->quoted = false;
        base_node_put(node, name, *value);
    }
    if (node->kind != BASE_NODE_MAP || node->n_children != 1) {
        return base_node_fail(node, err, BASE_ECONFIG,
                              "one %s is needed here: its name, or 'name: {options}'", what);
    }
    *value = node->child;
    return BASE_OK;
}

/* Rewrites `name: value` to `name: {shorthand: value}`. */
static base_status expand_shorthand(const base_variant *variant, base_node *node, base_node **value,
                                    base_arena *arena, base_error *err) {
    if ((*value)->kind == BASE_NODE_MAP || base_node_is_null(*value)) return BASE_OK;
    if (variant->shorthand == NULL) {
        return base_node_fail(*value, err, BASE_ECONFIG,
                              variant->options != NULL ? "options are needed here: %s: {...}"
                                                       : "%s takes no options",
                              variant->name);
    }
    base_node *options = base_node_new(arena, BASE_NODE_MAP, (*value)->source, (*value)->line);
    if (options == NULL) return no_memory(err);
    base_node_put(node, variant->name, options);
    base_node_put(options, variant->shorthand, *value);
    *value = options;
    return BASE_OK;
}

base_status base_variant_bind(const base_family *family, base_node *node, base_arena *arena,
                              base_choice *choice, base_error *err) {
    base_node *value = NULL;
    BASE_TRY(name_variant(family->what, node, arena, &value, err));
    int i = 0;
    while (i < family->n && strcmp(family->variants[i]->name, value->key) != 0) i++;
    if (i == family->n) {
        name_list names = {.n = 0};
        for (int j = 0; j < family->n; j++) add_name(&names, family->variants[j]->name);
        return fail_unknown(node, family->what, value->key, &names, err);
    }
    const base_variant *variant = family->variants[i];
    BASE_TRY(expand_shorthand(variant, node, &value, arena, err));
    *choice = (base_choice){.index = i, .options = base_arena_alloc(arena, 1, variant->size_bytes)};
    if (choice->options == NULL) return no_memory(err);
    return base_options_bind(variant->options, value, choice->options, arena, err);
}

/* ---- reference ---- */

/* Adds what may be written for an option: "whole number, 1 to 64 ms". */
static void add_values(const base_option *option, base_text *out) {
    static const char *const kinds[] = {
        [BASE_OPT_BOOL] = "true or false", [BASE_OPT_INT] = "whole number",
        [BASE_OPT_FLOAT] = "number",       [BASE_OPT_STRING] = "text",
        [BASE_OPT_CHOICE] = "one of",      [BASE_OPT_RANGE] = "[low, high]",
        [BASE_OPT_INTS] = "whole numbers", [BASE_OPT_FLOATS] = "numbers",
        [BASE_OPT_STRINGS] = "texts",      [BASE_OPT_NODE] = "see below",
    };
    base_text_add(out, kinds[option->kind]);
    if (option->kind == BASE_OPT_CHOICE) {
        name_list names;
        split_choices(option->choices, &names);
        base_text_add(out, " ");
        add_list(&names, out);
    } else if (has_limits(option) || option->unit != NULL) {
        base_text_add(out, ", ");
        add_limits(option, out);
    }
}

static const char *preset_text(const base_option *option) {
    if (option->preset == NULL) return option->kind == BASE_OPT_NODE ? "none" : "required";
    return strcmp(option->preset, "~") == 0 ? "none" : option->preset;
}

static void add_manual_row(const base_option *option, const char *values, base_text *out) {
    base_text_add(out, ".TP\n.B ");
    base_text_add_troff(out, option->key);
    base_text_add(out, "\n(");
    base_text_add_troff(out, values);
    base_text_add(out,
                  option->preset != NULL && strcmp(option->preset, "~") != 0 ? "; default " : "; ");
    base_text_add_troff(out, preset_text(option));
    base_text_add(out, ")\n");
    base_text_add_troff(out, option->help);
    base_text_add(out, "\n");
}

static void add_row(const base_option *option, base_help_form form, base_text *out) {
    base_text text = {0};
    add_values(option, &text);
    if (text.failed) out->failed = true;
    const char *values = base_text_string(&text), *preset = preset_text(option);
    switch (form) {
    case BASE_HELP_TEXT:
        base_text_printf(out, "  %-18s %-26s [%s]\n                     %s\n", option->key, values,
                         preset, option->help);
        break;
    case BASE_HELP_MARKDOWN:
        base_text_printf(out, "| `%s` | %s | `%s` | %s |\n", option->key, values, preset,
                         option->help);
        break;
    case BASE_HELP_MANUAL:
        add_manual_row(option, values, out);
        break;
    }
    base_text_release(&text);
}

void base_options_help(const base_option *table, base_help_form form, base_text *out) {
    if (form == BASE_HELP_MARKDOWN) {
        base_text_add(out, "| key | value | default | meaning |\n|---|---|---|---|\n");
    }
    for (const base_option *option = table; option != NULL && option->key != NULL; option++) {
        add_row(option, form, out);
    }
}
