/* What distinguishes the configurations of runs. */
#include <string.h>

#include "base/yaml.h"
#include "train/report/compare.h"

enum { MAX_VALUE_BYTES = 20000 }; /* of a value that is shown; a network may have many layers */

typedef struct {
    int n_runs;
    base_arena *arena;
    base_error *err;
    train_difference *rows;
    int64_t n, capacity;
} gathering;

static base_status no_memory(const gathering *g) {
    return base_fail(g->err, BASE_EMEMORY, "configurations: out of memory");
}

static base_status add_row(gathering *g, const char *key, const char *const *values) {
    if (key == NULL || values == NULL) return no_memory(g);
    if (g->n == g->capacity) {
        int64_t capacity = 2 * g->capacity + 16;
        train_difference *rows = base_arena_alloc(g->arena, (size_t)capacity, sizeof *rows);
        if (rows == NULL) return no_memory(g);
        if (g->n > 0) memcpy(rows, g->rows, (size_t)g->n * sizeof *rows);
        g->rows = rows;
        g->capacity = capacity;
    }
    g->rows[g->n++] = (train_difference){key, values};
    return BASE_OK;
}

/* A bare text, or YAML without the end of its last line. NULL without memory. */
static const char *write_value(const base_node *node, base_arena *arena) {
    base_text text = {0};
    if (node->kind == BASE_NODE_SCALAR) return base_arena_string(arena, node->text);
    base_node *alone =
        base_node_copy(node, arena); /* without a parent, which the form depends on */
    if (alone == NULL) return NULL;
    base_yaml_write(alone, &text);
    size_t size = text.size < MAX_VALUE_BYTES ? text.size : MAX_VALUE_BYTES;
    while (size > 0 && base_text_string(&text)[size - 1] == '\n') size--;
    const char *value = text.failed ? NULL : base_arena_copy(arena, base_text_string(&text), size);
    base_text_release(&text);
    return value;
}

/* nodes: [n_runs] of one place, NULL where a run has none. */
static bool are_equal(const base_node *a, const base_node *b) {
    if (a == NULL || b == NULL) return a == b;
    if (a->kind != b->kind || a->n_children != b->n_children) return false;
    if (a->kind == BASE_NODE_SCALAR) return strcmp(a->text, b->text) == 0;
    const base_node *y = b->child;
    for (const base_node *x = a->child; x != NULL; x = x->next, y = y->next) {
        const base_node *other = a->kind == BASE_NODE_MAP ? base_node_get(b, x->key) : y;
        if (!are_equal(x, other)) return false;
    }
    return true;
}

static bool all_equal(const gathering *g, const base_node *const *nodes) {
    for (int r = 1; r < g->n_runs; r++) {
        if (!are_equal(nodes[0], nodes[r])) return false;
    }
    return true;
}

static bool all_of_kind(const gathering *g, const base_node *const *nodes, base_node_kind kind) {
    for (int r = 0; r < g->n_runs; r++) {
        if (nodes[r] == NULL || nodes[r]->kind != kind) return false;
    }
    return true;
}

static base_status add_values(gathering *g, const char *key, const base_node *const *nodes) {
    const char **values = base_arena_alloc(g->arena, (size_t)g->n_runs, sizeof *values);
    for (int r = 0; r < g->n_runs && values != NULL; r++) {
        if (nodes[r] == NULL) continue;
        values[r] = write_value(nodes[r], g->arena);
        if (values[r] == NULL) values = NULL;
    }
    return add_row(g, key, values);
}

static base_status compare(gathering *g, const char *key, const base_node *const *nodes);

/* ---- maps ---- */

/* Compares what stands under `key` in all of the maps. */
static base_status compare_entry(gathering *g, const char *way, const base_node *const *maps,
                                 const char *key) {
    const base_node **nodes = base_arena_alloc(g->arena, (size_t)g->n_runs, sizeof *nodes);
    if (nodes == NULL) return no_memory(g);
    for (int r = 0; r < g->n_runs; r++) nodes[r] = base_node_get(maps[r], key);
    const char *full = way[0] != '\0' ? base_arena_printf(g->arena, "%s.%s", way, key)
                                      : base_arena_string(g->arena, key);
    return full != NULL ? compare(g, full, nodes) : no_memory(g);
}

static bool was_in(const base_node *const *maps, int n, const char *key) {
    for (int r = 0; r < n; r++) {
        if (base_node_get(maps[r], key) != NULL) return true;
    }
    return false;
}

static base_status compare_maps(gathering *g, const char *way, const base_node *const *maps) {
    for (int r = 0; r < g->n_runs; r++) {
        for (const base_node *entry = maps[r]->child; entry != NULL; entry = entry->next) {
            bool is_name = way[0] == '\0' && strcmp(entry->key, "name") == 0;
            if (is_name || was_in(maps, r, entry->key)) continue;
            BASE_TRY(compare_entry(g, way, maps, entry->key));
        }
    }
    return BASE_OK;
}

/* ---- lists ---- */

/* An entry is of the same kind as another if both are scalars, or maps whose first keys are the
 * same: layers of one type, effects of one name. */
static bool same_kind(const base_node *a, const base_node *b) {
    if (a == NULL || b == NULL || a->kind != b->kind) return false;
    if (a->kind != BASE_NODE_MAP) return true;
    if (a->child == NULL || b->child == NULL) return a->child == b->child;
    return strcmp(a->child->key, b->child->key) == 0;
}

static bool are_parallel(const gathering *g, const base_node *const *lists) {
    for (int r = 1; r < g->n_runs; r++) {
        if (lists[r]->n_children != lists[0]->n_children) return false;
        for (int64_t i = 0; i < lists[0]->n_children; i++) {
            if (!same_kind(base_node_at(lists[0], i), base_node_at(lists[r], i))) return false;
        }
    }
    return true;
}

static base_status compare_entries(gathering *g, const char *way, const base_node *const *lists) {
    for (int64_t i = 0; i < lists[0]->n_children; i++) {
        const base_node **nodes = base_arena_alloc(g->arena, (size_t)g->n_runs, sizeof *nodes);
        const char *key = base_arena_printf(g->arena, "%s[%lld]", way, (long long)i);
        if (nodes == NULL || key == NULL) return no_memory(g);
        for (int r = 0; r < g->n_runs; r++) nodes[r] = base_node_at(lists[r], i);
        BASE_TRY(compare(g, key, nodes));
    }
    return BASE_OK;
}

/* Entry i from the beginning, or from the end, is the same in all lists. */
static bool agree_at(const gathering *g, const base_node *const *lists, int64_t i, bool from_end) {
    const base_node *first = NULL;
    for (int r = 0; r < g->n_runs; r++) {
        const base_node *entry =
            base_node_at(lists[r], from_end ? lists[r]->n_children - 1 - i : i);
        if (r > 0 && !are_equal(first, entry)) return false;
        first = entry;
    }
    return true;
}

static const base_node *cut(const base_node *list, int64_t begin, int64_t end, base_arena *arena) {
    base_node *part = base_node_new(arena, BASE_NODE_LIST, list->source, list->line);
    for (int64_t i = begin; i < end && part != NULL; i++) {
        base_node *entry = base_node_copy(base_node_at(list, i), arena);
        if (entry == NULL) return NULL;
        base_node_put(part, NULL, entry);
    }
    return part;
}

/* What is left of lists of different entries, without their common beginning and end. */
static base_status compare_middles(gathering *g, const char *way, const base_node *const *lists) {
    int64_t shortest = lists[0]->n_children, longest = shortest, n_first = 0, n_last = 0;
    for (int r = 1; r < g->n_runs; r++) {
        int64_t n = lists[r]->n_children;
        shortest = n < shortest ? n : shortest;
        longest = n > longest ? n : longest;
    }
    while (n_first < shortest && agree_at(g, lists, n_first, false)) n_first++;
    while (n_first + n_last < shortest && agree_at(g, lists, n_last, true)) n_last++;
    const base_node **parts = base_arena_alloc(g->arena, (size_t)g->n_runs, sizeof *parts);
    if (parts == NULL) return no_memory(g);
    for (int r = 0; r < g->n_runs; r++) {
        if (lists[r]->n_children == n_first + n_last) continue;
        parts[r] = cut(lists[r], n_first, lists[r]->n_children - n_last, g->arena);
        if (parts[r] == NULL) return no_memory(g);
    }
    int64_t last = longest - n_last - 1;
    const char *key = last > n_first
                          ? base_arena_printf(g->arena, "%s[%lld..%lld]", way, (long long)n_first,
                                              (long long)last)
                          : base_arena_printf(g->arena, "%s[%lld]", way, (long long)n_first);
    return key != NULL ? add_values(g, key, parts) : no_memory(g);
}

static base_status compare(gathering *g, const char *key, const base_node *const *nodes) {
    if (all_equal(g, nodes)) return BASE_OK;
    if (all_of_kind(g, nodes, BASE_NODE_MAP)) return compare_maps(g, key, nodes);
    if (!all_of_kind(g, nodes, BASE_NODE_LIST)) return add_values(g, key, nodes);
    return are_parallel(g, nodes) ? compare_entries(g, key, nodes) : compare_middles(g, key, nodes);
}

/* ---- versions and kernels ---- */

static base_status compare_builds(gathering *g, const train_run *runs) {
    static const struct {
        const char *name;
        size_t offset;
    } facts[] = {{"(version)", offsetof(train_facts, version)},
                 {"(commit)", offsetof(train_facts, commit)},
                 {"(BLAS kernel)", offsetof(train_facts, blas_kernel)},
                 {"(level)", offsetof(train_facts, level)}};
    for (size_t f = 0; f < sizeof facts / sizeof *facts; f++) {
        bool differ = false;
        const char **values = base_arena_alloc(g->arena, (size_t)g->n_runs, sizeof *values);
        if (values == NULL) return no_memory(g);
        for (int r = 0; r < g->n_runs; r++) {
            values[r] = *(const char *const *)((const char *)&runs[r].facts + facts[f].offset);
            bool none = values[0] == NULL || values[r] == NULL;
            differ |= none ? values[0] != values[r] : strcmp(values[0], values[r]) != 0;
        }
        if (differ) BASE_TRY(add_row(g, facts[f].name, values));
    }
    return BASE_OK;
}

base_status train_compare_configs(const train_run *runs, int n_runs, base_arena *arena,
                                  const train_difference **differences, int64_t *n_differences,
                                  base_error *err) {
    gathering g = {.n_runs = n_runs, .arena = arena, .err = err};
    const base_node **roots = base_arena_alloc(arena, (size_t)n_runs, sizeof *roots);
    if (roots == NULL) return no_memory(&g);
    for (int r = 0; r < n_runs; r++) {
        base_node *root;
        BASE_TRY(base_yaml_parse(runs[r].config, runs[r].folder, arena, &root, err));
        roots[r] = root;
    }
    BASE_TRY(compare(&g, "", roots));
    BASE_TRY(compare_builds(&g, runs));
    *differences = g.rows;
    *n_differences = g.n;
    return BASE_OK;
}
