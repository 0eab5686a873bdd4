/* From the nested list of a configuration to flat, planned nodes. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "nn/network_internal.h"

enum { MAX_NODES = 4000, MAX_DEPTH = 16, MAX_NAME = 40 };

/* The four items that nest lists. Their values are read from the tree, which is rewritten as it is
 * bound; the structs exist for the tables. */
typedef struct {
    const base_node *body, *shortcut;
} residual_options;
typedef struct {
    const base_node *times, *each, *body;
} repeat_options;

static const base_option residual_table[] = {
    {"body", BASE_OPT_NODE, offsetof(residual_options, body), NULL, 0, 0, NULL, NULL,
     "layers whose output is added to the input"},
    {"shortcut", BASE_OPT_NODE, offsetof(residual_options, shortcut), NULL, 0, 0, NULL, NULL,
     "layers the input goes through before it is added"},
    {0}};
static const base_option gate_table[] = {{"body", BASE_OPT_NODE, 0, NULL, 0, 0, NULL, NULL,
                                          "layers whose output the input is multiplied by"},
                                         {0}};
static const base_option concat_table[] = {
    {"branches", BASE_OPT_NODE, 0, NULL, 0, 0, NULL, NULL,
     "lists of layers whose outputs are joined; an empty list hands the input on"},
    {0}};
static const base_option repeat_table[] = {
    {"times", BASE_OPT_NODE, offsetof(repeat_options, times), NULL, 0, 0, NULL, NULL,
     "how often the body stands there"},
    {"for", BASE_OPT_NODE, offsetof(repeat_options, each), NULL, 0, 0, NULL, NULL,
     "options and the list of values each takes in turn"},
    {"body", BASE_OPT_NODE, offsetof(repeat_options, body), NULL, 0, 0, NULL, NULL,
     "layers that are repeated"},
    {0}};

static const base_variant residual_variant = {"residual",
                                              "adds the input to what a list of layers makes of it",
                                              NULL, residual_table, sizeof(residual_options)};
static const base_variant gate_variant = {
    "gate", "multiplies the input by what a list of layers makes of it", "body", gate_table,
    sizeof(const base_node *)};
static const base_variant concat_variant = {"concat",
                                            "joins the outputs of several lists of layers",
                                            "branches", concat_table, sizeof(const base_node *)};
static const base_variant repeat_variant = {"repeat", "repeats a list of layers", NULL,
                                            repeat_table, sizeof(repeat_options)};

#define NN_LAYER(name) &nn_layer_##name.variant,
static const base_variant *const variants[] = {
#include "nn/layers.def"
    &residual_variant, &gate_variant, &concat_variant, &repeat_variant};
#undef NN_LAYER
enum { N_VARIANTS = sizeof variants / sizeof *variants };

const base_variant *const *nn_network_variants(int *n) {
    *n = N_VARIANTS;
    return variants;
}

typedef struct {
    nn_network *network;
    base_error *err;
} builder;

/* A list that layers are being taken from; the copies of a `repeat` share their parent's. */
typedef struct {
    const char *prefix; /* of its layers' paths: "3.body." */
    int n_items;        /* so far */
    int depth;          /* 0: the network itself */
} scope;

static base_status build_list(builder *b, base_node *list, scope *s, int *value);

static base_status no_memory(const builder *b) {
    return base_fail(b->err, BASE_EMEMORY, "no memory for the network's description");
}

/* ---- nodes ---- */

typedef struct {
    const nn_layer *layer;
    const void *options;
    const base_node *where;
    const char *path;
    bool is_named;
    int n_in, in[NN_MAX_INPUTS];
} new_node;

static nn_shape value_shape(const nn_network *network, int value) {
    return value == 0 ? network->config.input : network->nodes[value - 1].plan.out;
}

static base_status check_path(const builder *b, const new_node *wanted) {
    const nn_network *network = b->network;
    for (int i = 0; i < network->n_nodes; i++) {
        if (!wanted->is_named && !network->nodes[i].is_named) continue;
        if (strcmp(network->nodes[i].path, wanted->path) == 0) {
            return base_node_fail(wanted->where, b->err, BASE_ECONFIG,
                                  "two layers are named '%s' (within 'repeat', leave the name out)",
                                  wanted->path);
        }
    }
    return BASE_OK;
}

static base_status plan_node(const builder *b, nn__node *node) {
    base_error why = {0};
    char text[64];
    base_status status = node->plan.layer->plan(&node->plan, &why);
    if (status == BASE_OK && nn_shape_count(node->plan.out) < 0) {
        status = base_fail(&why, BASE_ESHAPE, "output would be %s, which is empty or too large",
                           nn_shape_text(node->plan.out, true, text));
    }
    int64_t n_classes = b->network->config.n_classes;
    if (status == BASE_OK && node->plan.learns && nn_shape_count(node->plan.out) != n_classes) {
        status = base_fail(&why, BASE_ESHAPE,
                           "output is %s; it learns from the labels of %lld classes and must give "
                           "one number for each",
                           nn_shape_text(node->plan.out, true, text), (long long)n_classes);
    }
    if (status == BASE_OK) return BASE_OK;
    return base_node_fail(node->where, b->err, status, "%s", why.text);
}

static bool is_frozen(const nn_network *network, const char *path) {
    base_strings names = network->config.freeze;
    for (int i = 0; i < names.n; i++) {
        if (nn_path_is_within(path, names.items[i])) return true;
    }
    return false;
}

static bool wants_grad(const nn_network *network, int value) {
    return value == 0 ? network->config.input_grad : network->nodes[value - 1].wants_grad;
}

/* Appends a node and gives the number of its output. A frozen one through which no gradient has to
 * go is planned for inference. */
static base_status add_node(builder *b, const new_node *wanted, int *value) {
    nn_network *network = b->network;
    if (network->n_nodes == MAX_NODES) {
        return base_node_fail(wanted->where, b->err, BASE_ECONFIG,
                              "the network has more than %d layers", MAX_NODES);
    }
    BASE_TRY(check_path(b, wanted));
    if (!base_grow((void **)&network->nodes, &network->node_capacity, (size_t)network->n_nodes + 1,
                   sizeof *network->nodes)) {
        return no_memory(b);
    }
    nn__node *node = &network->nodes[network->n_nodes];
    *node = (nn__node){.where = wanted->where,
                       .path = wanted->path,
                       .is_named = wanted->is_named,
                       .is_frozen = is_frozen(network, wanted->path),
                       .fused_text = "",
                       .out = network->n_nodes + 1};
    node->plan.layer = wanted->layer;
    node->plan.options = wanted->options;
    node->plan.arena = &network->arena;
    node->plan.n_in = wanted->n_in;
    node->plan.max_batch = network->config.max_batch;
    node->plan.n_shards = network->config.n_shards;
    node->plan.n_workers = base_pool_threads(network->config.pool);
    for (int i = 0; i < wanted->n_in; i++) {
        node->in[i] = wanted->in[i];
        node->plan.in[i] = value_shape(network, wanted->in[i]);
        node->wants_grad = node->wants_grad || wants_grad(network, wanted->in[i]);
    }
    node->plan.training = network->config.training && (node->wants_grad || !node->is_frozen);
    BASE_TRY(plan_node(b, node));
    node->wants_grad = node->wants_grad || (node->plan.n_param > 0 && !node->is_frozen);
    *value = ++network->n_nodes;
    return BASE_OK;
}

/* The node in which a nested item ends; it has the item's own path. */
static base_status add_combination(builder *b, const nn_layer *layer, new_node *wanted,
                                   int *value) {
    wanted->layer = layer;
    wanted->options = base_arena_alloc(&b->network->arena, 1, layer->variant.size_bytes);
    return wanted->options != NULL ? add_node(b, wanted, value) : no_memory(b);
}

/* ---- nested lists ---- */

/* What one item of a list is: its long form {variant: {options}} and the path of what it makes. */
typedef struct {
    base_node *map; /* the options */
    const char *path;
    bool is_named;
    int depth;
} item;

static base_status need_list(const builder *b, const item *of, const char *key, bool may_be_empty,
                             base_node **list) {
    *list = base_node_get(of->map, key);
    if (*list == NULL) {
        return base_node_fail(of->map, b->err, BASE_ECONFIG, "'%s', a list of layers, is missing",
                              key);
    }
    if ((*list)->kind != BASE_NODE_LIST || (!may_be_empty && (*list)->n_children == 0)) {
        return base_node_fail(*list, b->err, BASE_ECONFIG, "a list of layers is needed here");
    }
    return BASE_OK;
}

/* Builds a list below an item; its layers' paths start "<path>.<key>.". */
static base_status build_below(builder *b, const item *of, base_node *list, const char *key,
                               int *value) {
    scope inner = {.depth = of->depth + 1};
    inner.prefix = base_arena_printf(&b->network->arena, "%s.%s.", of->path, key);
    return inner.prefix != NULL ? build_list(b, list, &inner, value) : no_memory(b);
}

static new_node combination(const item *of, int a, int b) {
    return (new_node){
        .where = of->map, .path = of->path, .is_named = of->is_named, .n_in = 2, .in = {a, b}};
}

static base_status build_residual(builder *b, const item *of, int *value) {
    base_node *list;
    int body = *value, shortcut = *value;
    BASE_TRY(need_list(b, of, "body", false, &list));
    BASE_TRY(build_below(b, of, list, "body", &body));
    if (base_node_get(of->map, "shortcut") != NULL) {
        BASE_TRY(need_list(b, of, "shortcut", true, &list));
        BASE_TRY(build_below(b, of, list, "shortcut", &shortcut));
    }
    new_node sum = combination(of, body, shortcut);
    return add_combination(b, &nn_layer_add, &sum, value);
}

static base_status build_gate(builder *b, const item *of, int *value) {
    base_node *list;
    int body = *value;
    BASE_TRY(need_list(b, of, "body", false, &list));
    BASE_TRY(build_below(b, of, list, "body", &body));
    new_node product = combination(of, *value, body);
    return add_combination(b, &nn_layer_multiply, &product, value);
}

static base_status build_concat(builder *b, const item *of, int *value) {
    base_node *branches;
    BASE_TRY(need_list(b, of, "branches", false, &branches));
    if (branches->n_children < 2 || branches->n_children > NN_MAX_INPUTS) {
        return base_node_fail(branches, b->err, BASE_ECONFIG, "2 to %d lists are needed here",
                              NN_MAX_INPUTS);
    }
    new_node joined = combination(of, 0, 0);
    joined.n_in = 0;
    for (base_node *branch = branches->child; branch != NULL; branch = branch->next) {
        char key[32];
        int end = *value;
        snprintf(key, sizeof key, "branches.%d", joined.n_in);
        BASE_TRY(build_below(b, of, branch, key, &end));
        joined.in[joined.n_in++] = end;
    }
    return add_combination(b, &nn_layer_concatenate, &joined, value);
}

/* ---- repeat ---- */

static const base_variant *find_variant(const char *name) {
    for (int i = 0; i < N_VARIANTS; i++) {
        if (strcmp(variants[i]->name, name) == 0) return variants[i];
    }
    return NULL;
}

static bool has_option(const base_variant *variant, const char *key) {
    const base_option *option = variant->options;
    while (option != NULL && option->key != NULL && strcmp(option->key, key) != 0) option++;
    return option != NULL && option->key != NULL;
}

/* The entry that names the layer of a list's item; NULL if the item is no map. */
static base_node *layer_entry(const base_node *of) {
    if (of->kind != BASE_NODE_MAP) return NULL;
    base_node *entry = of->child;
    while (entry != NULL && strcmp(entry->key, "name") == 0) entry = entry->next;
    return entry;
}

/* Rewrites `name` and `name: shorthand` to `name: {...}`; NULL when out of memory. */
static base_node *long_form(builder *b, base_node *of, const base_variant *variant) {
    base_node *entry = layer_entry(of);
    if (entry != NULL && entry->kind == BASE_NODE_MAP) return entry;
    base_node *map = base_node_new(&b->network->arena, BASE_NODE_MAP, of->source, of->line);
    if (map == NULL) return NULL;
    if (entry == NULL) {
        of->kind = BASE_NODE_MAP;
        of->text = NULL;
    }
    base_node_put(of, variant->name, map);
    if (entry != NULL && !base_node_is_null(entry)) {
        base_node_put(map, variant->shorthand, entry);
    }
    return map;
}

static base_status set_in_lists(builder *b, base_node *node, const base_node *value, bool *taken);

/* Gives `value`, whose key is an option's, to a layer that has the option and does not state it.
 * Items that are not well-formed are left for binding to complain about. */
static base_status set_in_item(builder *b, base_node *of, const base_node *value, bool *taken) {
    base_node *entry = layer_entry(of);
    const base_variant *variant = find_variant(entry != NULL                  ? entry->key
                                               : of->kind == BASE_NODE_SCALAR ? of->text
                                                                              : "");
    if (variant == NULL) return BASE_OK;
    if (entry != NULL && base_node_get(base_node_get(entry, "for"), value->key) != NULL) {
        return BASE_OK; /* an inner repeat's own list wins */
    }
    if (!has_option(variant, value->key)) {
        return entry != NULL ? set_in_lists(b, entry, value, taken) : BASE_OK;
    }
    *taken = true;
    bool is_short = entry != NULL && entry->kind != BASE_NODE_MAP && !base_node_is_null(entry);
    if (is_short && (variant->shorthand == NULL || strcmp(variant->shorthand, value->key) == 0)) {
        return BASE_OK;
    }
    base_node *map = long_form(b, of, variant);
    base_node *copy = base_node_copy(value, &b->network->arena);
    if (map == NULL || copy == NULL) return no_memory(b);
    if (base_node_get(map, value->key) == NULL) base_node_put(map, value->key, copy);
    return BASE_OK;
}

/* All layers of the lists found in or directly below `node`. */
static base_status set_in_lists(builder *b, base_node *node, const base_node *value, bool *taken) {
    for (base_node *child = node->child; child != NULL; child = child->next) {
        if (child->kind == BASE_NODE_LIST) {
            BASE_TRY(set_in_lists(b, child, value, taken));
        } else if (node->kind == BASE_NODE_LIST) {
            BASE_TRY(set_in_item(b, child, value, taken));
        }
    }
    return BASE_OK;
}

/* How often: `times`, or the common length of the lists in `for`. */
static base_status count_repeats(const builder *b, const item *of, int64_t *n) {
    const base_node *times = base_node_get(of->map, "times"), *each = base_node_get(of->map, "for");
    if ((times != NULL) == (each != NULL)) {
        return base_node_fail(of->map, b->err, BASE_ECONFIG,
                              "either 'times' or 'for' is needed here");
    }
    if (times != NULL) {
        if (times->kind == BASE_NODE_SCALAR && base_parse_int(times->text, n) && *n >= 1 &&
            *n <= MAX_NODES) {
            return BASE_OK;
        }
        return base_node_fail(times, b->err, BASE_ECONFIG,
                              "a whole number from 1 to %d is needed here", MAX_NODES);
    }
    if (each->kind != BASE_NODE_MAP || each->n_children == 0) {
        return base_node_fail(each, b->err, BASE_ECONFIG,
                              "options and lists of values are needed here: {out: [16, 32]}");
    }
    *n = each->child->n_children;
    for (const base_node *list = each->child; list != NULL; list = list->next) {
        if (list->kind != BASE_NODE_LIST || list->n_children == 0 || list->n_children != *n) {
            return base_node_fail(list, b->err, BASE_ECONFIG,
                                  "a list of values is needed here, as long as its neighbours");
        }
    }
    return BASE_OK;
}

/* Gives the body the index-th value of each option in `for`. */
static base_status set_options(builder *b, const base_node *each, int64_t index, base_node *body) {
    for (const base_node *list = each != NULL ? each->child : NULL; list != NULL;
         list = list->next) {
        base_node value = *base_node_at(list, index);
        bool taken = false;
        value.key = list->key;
        BASE_TRY(set_in_lists(b, body, &value, &taken));
        if (!taken) {
            return base_node_fail(list, b->err, BASE_ECONFIG,
                                  "no layer of the body has an option '%s'", list->key);
        }
    }
    return BASE_OK;
}

/* Builds the copies in the surrounding scope and chains their items up: *first to *last. */
static base_status build_repeat(builder *b, const item *of, scope *s, int *value, base_node **first,
                                base_node **last) {
    base_node *body, *each = base_node_get(of->map, "for");
    int64_t n = 0;
    BASE_TRY(need_list(b, of, "body", false, &body));
    BASE_TRY(count_repeats(b, of, &n));
    base_node **link = first;
    for (int64_t i = 0; i < n; i++) {
        base_node *copy = base_node_copy(body, &b->network->arena);
        if (copy == NULL) return no_memory(b);
        copy->key = body->key;
        copy->parent = of->map; /* so that errors name the way through the repeat */
        BASE_TRY(set_options(b, each, i, copy));
        s->depth++;
        BASE_TRY(build_list(b, copy, s, value));
        s->depth--;
        *link = copy->child;
        for (*last = copy->child; (*last)->next != NULL;) *last = (*last)->next;
        link = &(*last)->next;
    }
    return BASE_OK;
}

/* ---- lists and their items ---- */

static base_node *take_name(base_node *of) {
    if (of->kind != BASE_NODE_MAP) return NULL;
    base_node **link = &of->child;
    while (*link != NULL && strcmp((*link)->key, "name") != 0) link = &(*link)->next;
    base_node *name = *link;
    if (name != NULL) {
        *link = name->next;
        of->n_children--;
    }
    return name;
}

/* A name must read as one part of a path and not as an index. */
static base_status check_name(const builder *b, const base_node *name) {
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-0123456789";
    const char *text = name->kind == BASE_NODE_SCALAR ? name->text : "";
    size_t length = strlen(text);
    bool starts_well = length > 0 && strchr("0123456789-", text[0]) == NULL;
    if (starts_well && length <= MAX_NAME && strspn(text, allowed) == length) return BASE_OK;
    return base_node_fail(name, b->err, BASE_ECONFIG,
                          "a name is a letter and at most %d more letters, digits, '_' and '-'",
                          MAX_NAME - 1);
}

static base_status build_layer(builder *b, const base_choice *choice, const item *of, int *value) {
    int n_layers;
    new_node wanted = {.layer = nn_layers(&n_layers)[choice->index],
                       .options = choice->options,
                       .where = of->map,
                       .path = of->path,
                       .is_named = of->is_named,
                       .n_in = 1,
                       .in = {*value}};
    return add_node(b, &wanted, value);
}

static void note_top(nn_network *network, int value) {
    memmove(network->top + 1, network->top, (NN__KEPT - 1) * sizeof *network->top);
    network->top[0] = value;
}

static base_status path_of(const builder *b, const scope *s, const base_node *name, item *of) {
    if (name != NULL) BASE_TRY(check_name(b, name));
    of->is_named = name != NULL;
    of->path = name != NULL ? base_arena_printf(&b->network->arena, "%s%s", s->prefix, name->text)
                            : base_arena_printf(&b->network->arena, "%s%d", s->prefix, s->n_items);
    return of->path != NULL ? BASE_OK : no_memory(b);
}

/* One item that is no repeat. */
static base_status build_single(builder *b, const base_choice *choice, scope *s, item *of,
                                int *value) {
    const base_variant *variant = variants[choice->index];
    if (variant == &residual_variant) {
        BASE_TRY(build_residual(b, of, value));
    } else if (variant == &gate_variant) {
        BASE_TRY(build_gate(b, of, value));
    } else if (variant == &concat_variant) {
        BASE_TRY(build_concat(b, of, value));
    } else {
        BASE_TRY(build_layer(b, choice, of, value));
    }
    s->n_items++;
    if (s->prefix[0] == '\0') note_top(b->network, *value);
    return BASE_OK;
}

/* Builds the item at *link and moves *link past it; a repeat is replaced by its copies. */
static base_status build_item(builder *b, base_node *list, base_node ***link, scope *s,
                              int *value) {
    base_node *node = **link, *name = take_name(node);
    item of = {.depth = s->depth};
    const base_family family = {.what = "layer", .variants = variants, .n = N_VARIANTS};
    base_choice choice;
    BASE_TRY(base_variant_bind(&family, node, &b->network->arena, &choice, b->err));
    of.map = node->child;
    BASE_TRY(path_of(b, s, name, &of));
    if (variants[choice.index] != &repeat_variant) {
        BASE_TRY(build_single(b, &choice, s, &of, value));
        if (name != NULL) base_node_put(node, "name", name);
        *link = &node->next;
        return BASE_OK;
    }
    if (name != NULL) return base_node_fail(name, b->err, BASE_ECONFIG, "a repeat has no name");
    base_node *first = NULL, *last = NULL;
    BASE_TRY(build_repeat(b, &of, s, value, &first, &last));
    last->next = node->next;
    **link = first;
    *link = &last->next;
    list->n_children--;
    for (base_node *copy = first; copy != last->next; copy = copy->next) {
        copy->parent = list;
        list->n_children++;
    }
    return BASE_OK;
}

static base_status build_list(builder *b, base_node *list, scope *s, int *value) {
    if (list->kind != BASE_NODE_LIST) {
        return base_node_fail(list, b->err, BASE_ECONFIG, "a list of layers is needed here");
    }
    if (s->depth > MAX_DEPTH) {
        return base_node_fail(list, b->err, BASE_ECONFIG, "lists nest deeper than %d", MAX_DEPTH);
    }
    for (base_node **link = &list->child; *link != NULL;) {
        BASE_TRY(build_item(b, list, &link, s, value));
    }
    return BASE_OK;
}

/* Every name in config.freeze must be that of a layer. */
static base_status check_freeze(const builder *b, const base_node *layers) {
    const nn_network *network = b->network;
    base_strings names = network->config.freeze;
    for (int i = 0; i < names.n; i++) {
        int k = 0;
        while (k < network->n_nodes && !nn_path_is_within(network->nodes[k].path, names.items[i])) {
            k++;
        }
        if (k < network->n_nodes) continue;
        return base_node_fail(layers, b->err, BASE_ECONFIG,
                              "no layer to freeze is named '%s', nor is one within it",
                              names.items[i]);
    }
    return BASE_OK;
}

/* The word `classes`, unless quoted or a name. */
static void replace_classes(base_node *node, const char *number) {
    bool is_name = node->key != NULL && strcmp(node->key, "name") == 0;
    if (node->kind == BASE_NODE_SCALAR && !node->quoted && !is_name &&
        strcmp(node->text, "classes") == 0) {
        node->text = number;
    }
    for (base_node *child = node->child; child != NULL; child = child->next) {
        replace_classes(child, number);
    }
}

base_status nn__network_build(nn_network *network, const base_node *layers, base_error *err) {
    builder b = {.network = network, .err = err};
    base_node *copy = base_node_copy(layers, &network->arena);
    const char *number =
        base_arena_printf(&network->arena, "%lld", (long long)network->config.n_classes);
    if (copy == NULL || number == NULL) return no_memory(&b);
    copy->key = layers->key;
    copy->parent = layers->parent; /* while building, so that errors name the whole way */
    for (int i = 0; i < NN__KEPT; i++) network->top[i] = -1;
    replace_classes(copy, number);
    scope s = {.prefix = ""};
    int value = 0;
    BASE_TRY(build_list(&b, copy, &s, &value));
    if (value == 0) return base_node_fail(copy, err, BASE_ECONFIG, "the network has no layers");
    BASE_TRY(check_freeze(&b, copy));
    network->config.freeze = (base_strings){0};
    copy->key = NULL;
    copy->parent = NULL;
    network->layers = copy;
    return BASE_OK;
}
