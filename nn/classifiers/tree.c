#include "nn/classifiers/tree.h"

#include <math.h>
#include <string.h>

/* A run of g->row that belongs to a node. */
typedef struct {
    int32_t begin, n, depth;
} span;

typedef struct {
    const nn_tree_growth *growth;
    const double *weight;
    base_rng *rng;
    nn_tree *tree;
    base_arena arena;      /* holds all below */
    span *spans;           /* of the nodes */
    int32_t *row, *spare;  /* rows in the tree, ordered by node, then by number */
    uint64_t *key, *other; /* values and rows to sort */
    int32_t *feature;      /* all, in the order of the last draws */
    double *total, *left;  /* [n_classes] weights in the node and before a threshold */
    size_t leaf_capacity;
} grower;

typedef struct {
    int32_t feature;
    float threshold;
    double score;
} split;

base_status nn_tree_growth_init(nn_tree_growth *growth, const nn_classifier_fitting *fitting,
                                base_error *err) {
    int64_t n = fitting->n, n_features = fitting->n_features;
    growth->label = fitting->label;
    growth->n = n;
    growth->n_features = n_features;
    growth->n_classes = fitting->n_classes;
    growth->column = base_alloc((size_t)(n * n_features), sizeof *growth->column);
    if (growth->column == NULL) return base_fail(err, BASE_EMEMORY, "no memory for the columns");
    for (int64_t i = 0; i < n; i++) {
        for (int64_t f = 0; f < n_features; f++) {
            growth->column[f * n + i] = fitting->x[i * n_features + f];
        }
    }
    return BASE_OK;
}

void nn_tree_growth_release(nn_tree_growth *growth) {
    base_free(growth->column);
    growth->column = NULL;
}

/* ---- sorting ---- */

/* Orders as the numbers do, 0 and -0 being one. */
static uint32_t ordered_bits(float value) {
    uint32_t bits;
    value += 0.0f;
    memcpy(&bits, &value, sizeof bits);
    return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

static uint32_t value_of(uint64_t key) {
    return (uint32_t)(key >> 32);
}

static void sort_few(uint64_t *key, int64_t n) {
    for (int64_t i = 1; i < n; i++) {
        uint64_t moved = key[i];
        int64_t j = i;
        for (; j > 0 && key[j - 1] > moved; j--) key[j] = key[j - 1];
        key[j] = moved;
    }
}

/* By the four bytes of the value, lowest first; rows come in order and stay so. */
static void sort_many(uint64_t *key, uint64_t *other, int64_t n) {
    for (int shift = 32; shift < 64; shift += 8) {
        int64_t begin[256] = {0}, sum = 0;
        for (int64_t i = 0; i < n; i++) begin[key[i] >> shift & 255]++;
        for (int b = 0; b < 256; b++) {
            int64_t count = begin[b];
            begin[b] = sum;
            sum += count;
        }
        for (int64_t i = 0; i < n; i++) other[begin[key[i] >> shift & 255]++] = key[i];
        uint64_t *sorted = other;
        other = key;
        key = sorted;
    }
}

static void sort_rows(grower *g, const float *column, span s) {
    enum { FEW = 80 };
    for (int32_t i = 0; i < s.n; i++) {
        uint32_t row = (uint32_t)g->row[s.begin + i];
        g->key[i] = (uint64_t)ordered_bits(column[row]) << 32 | row;
    }
    if (s.n < FEW) {
        sort_few(g->key, s.n);
    } else {
        sort_many(g->key, g->other, s.n);
    }
}

/* ---- splitting ---- */

static float midway(float a, float b) {
    float middle = (float)(0.5 * a + 0.5 * b);
    return middle < b ? middle : a;
}

/* The thresholds of one feature. Least impurity is the largest sum over both sides of (sum of
 * squared class weights) / weight, which is at most the weight: the cap keeps a side whose weights
 * are lost in rounding from looking better than it can be. */
static void scan(grower *g, int32_t feature, span s, split *best) {
    const nn_tree_growth *t = g->growth;
    const float *column = t->column + feature * t->n;
    double all = 0, left = 0, left2 = 0, right2 = 0;
    for (int k = 0; k < t->n_classes; k++) {
        all += g->total[k];
        right2 += g->total[k] * g->total[k];
        g->left[k] = 0;
    }
    for (int32_t i = 0; i + 1 < s.n; i++) {
        uint32_t row = (uint32_t)g->key[i];
        int32_t label = t->label[row];
        double w = g->weight[row], before = g->left[label];
        left += w;
        left2 += w * (2 * before + w);
        right2 -= w * (2 * (g->total[label] - before) - w);
        g->left[label] = before + w;
        if (value_of(g->key[i]) == value_of(g->key[i + 1])) continue;
        if (i + 1 < t->min_leaf || s.n - i - 1 < t->min_leaf) continue;
        double right = all - left;
        if (!(right > 0)) continue;
        double score = left2 / left + fmin(right2 / right, right);
        if (score > best->score) {
            *best = (split){feature, midway(column[row], column[(uint32_t)g->key[i + 1]]), score};
        }
    }
}

/* Features are drawn without replacement; see the head of classifier_tree.h. */
static split find_split(grower *g, span s) {
    const nn_tree_growth *t = g->growth;
    split best = {.feature = -1, .score = -INFINITY};
    bool varied = false;
    for (int64_t drawn = 0; drawn < t->n_features && (drawn < t->n_tried || !varied); drawn++) {
        int64_t pick = drawn + base_rng_below(g->rng, t->n_features - drawn);
        int32_t feature = g->feature[pick];
        g->feature[pick] = g->feature[drawn];
        g->feature[drawn] = feature;
        sort_rows(g, t->column + feature * t->n, s);
        if (value_of(g->key[0]) == value_of(g->key[s.n - 1])) continue;
        varied = true;
        scan(g, feature, s, &best);
    }
    return best;
}

/* Rows keep their order on either side; returns how many go left. */
static int32_t part_rows(grower *g, span s, const split *at) {
    const float *column = g->growth->column + at->feature * g->growth->n;
    int32_t n_left = 0, n_right = 0;
    int32_t *row = g->row + s.begin;
    for (int32_t i = 0; i < s.n; i++) {
        if (column[row[i]] <= at->threshold) {
            row[n_left++] = row[i];
        } else {
            g->spare[n_right++] = row[i];
        }
    }
    memcpy(row + n_left, g->spare, (size_t)n_right * sizeof *row);
    return n_left;
}

/* ---- growing ---- */

/* Weighs the classes; returns the heaviest and counts those that have weight. */
static int weigh(grower *g, span s, int *n_held) {
    const nn_tree_growth *t = g->growth;
    int heaviest = 0;
    memset(g->total, 0, (size_t)t->n_classes * sizeof *g->total);
    for (int32_t i = 0; i < s.n; i++) {
        int32_t row = g->row[s.begin + i];
        g->total[t->label[row]] += g->weight[row];
    }
    *n_held = 0;
    for (int k = 0; k < t->n_classes; k++) {
        *n_held += g->total[k] > 0;
        if (g->total[k] > g->total[heaviest]) heaviest = k;
    }
    return heaviest;
}

/* Adds a row of class shares to the tree's leaves. */
static bool add_mixed(grower *g, int32_t *number) {
    int n_classes = g->growth->n_classes;
    nn_tree *tree = g->tree;
    double sum = 0;
    if (!base_grow((void **)&tree->leaf, &g->leaf_capacity, (size_t)tree->n_mixed + 1,
                   (size_t)n_classes * sizeof *tree->leaf)) {
        return false;
    }
    for (int k = 0; k < n_classes; k++) sum += g->total[k];
    float *share = tree->leaf + tree->n_mixed * n_classes;
    for (int k = 0; k < n_classes; k++) share[k] = (float)(g->total[k] / sum);
    *number = (int32_t)(n_classes + tree->n_mixed++);
    return true;
}

static void add_children(grower *g, int64_t node, const split *at) {
    nn_tree *tree = g->tree;
    span s = g->spans[node];
    int32_t n_left = part_rows(g, s, at);
    tree->nodes.feature[node] = at->feature;
    tree->nodes.threshold[node] = at->threshold;
    tree->nodes.child[node] = (int32_t)tree->n_nodes;
    g->spans[tree->n_nodes++] = (span){s.begin, n_left, s.depth + 1};
    g->spans[tree->n_nodes++] = (span){s.begin + n_left, s.n - n_left, s.depth + 1};
}

static bool settle(grower *g, int64_t node) {
    const nn_tree_growth *t = g->growth;
    span s = g->spans[node];
    int n_held, heaviest = weigh(g, s, &n_held);
    bool may_split =
        n_held > 1 && s.n >= 2 * t->min_leaf && (t->max_depth == 0 || s.depth < t->max_depth);
    if (may_split) {
        split at = find_split(g, s);
        if (at.feature >= 0) {
            add_children(g, node, &at);
            return true;
        }
    }
    g->tree->nodes.feature[node] = -1;
    g->tree->nodes.threshold[node] = 0;
    g->tree->nodes.child[node] = heaviest;
    return n_held == 1 || t->votes || add_mixed(g, &g->tree->nodes.child[node]);
}

static bool new_grower(grower *g, int64_t n_rows, nn_tree_nodes *nodes) {
    size_t n = (size_t)n_rows, n_classes = (size_t)g->growth->n_classes;
    base_arena *arena = &g->arena;
    return (g->spans = base_arena_alloc(arena, 2 * n, sizeof *g->spans)) != NULL &&
           (g->row = base_arena_alloc(arena, n, sizeof *g->row)) != NULL &&
           (g->spare = base_arena_alloc(arena, n, sizeof *g->spare)) != NULL &&
           (g->key = base_arena_alloc(arena, n, sizeof *g->key)) != NULL &&
           (g->other = base_arena_alloc(arena, n, sizeof *g->other)) != NULL &&
           (g->feature = base_arena_alloc(arena, (size_t)g->growth->n_features,
                                          sizeof *g->feature)) != NULL &&
           (g->total = base_arena_alloc(arena, n_classes, sizeof *g->total)) != NULL &&
           (g->left = base_arena_alloc(arena, n_classes, sizeof *g->left)) != NULL &&
           (nodes->feature = base_arena_alloc(arena, 2 * n, sizeof *nodes->feature)) != NULL &&
           (nodes->threshold = base_arena_alloc(arena, 2 * n, sizeof *nodes->threshold)) != NULL &&
           (nodes->child = base_arena_alloc(arena, 2 * n, sizeof *nodes->child)) != NULL;
}

static bool grow_nodes(grower *g) {
    const nn_tree_growth *t = g->growth;
    int64_t n_rows = 0;
    for (int64_t i = 0; i < t->n; i++) n_rows += g->weight[i] > 0;
    BASE_CHECK(n_rows > 0);
    if (!new_grower(g, n_rows, &g->tree->nodes)) return false;
    int32_t n = 0;
    for (int64_t i = 0; i < t->n; i++) {
        if (g->weight[i] > 0) g->row[n++] = (int32_t)i;
    }
    for (int64_t f = 0; f < t->n_features; f++) g->feature[f] = (int32_t)f;
    g->spans[0] = (span){0, n, 0};
    g->tree->n_nodes = 1;
    for (int64_t node = 0; node < g->tree->n_nodes; node++) {
        if (!settle(g, node)) return false;
    }
    return true;
}

static void *copy(const void *items, int64_t n, size_t item_bytes) {
    void *copied = base_alloc((size_t)n, item_bytes);
    if (copied != NULL) memcpy(copied, items, (size_t)n * item_bytes);
    return copied;
}

/* Nodes are settled in the order they are made, level by level. */
bool nn_tree_grow(const nn_tree_growth *growth, const double *weight, base_rng *rng,
                  nn_tree *tree) {
    *tree = (nn_tree){0};
    grower g = {.growth = growth, .weight = weight, .rng = rng, .tree = tree};
    bool grown = grow_nodes(&g);
    nn_tree_nodes nodes = tree->nodes;
    tree->nodes = (nn_tree_nodes){0};
    if (grown) {
        tree->nodes.feature = copy(nodes.feature, tree->n_nodes, sizeof *nodes.feature);
        tree->nodes.threshold = copy(nodes.threshold, tree->n_nodes, sizeof *nodes.threshold);
        tree->nodes.child = copy(nodes.child, tree->n_nodes, sizeof *nodes.child);
        grown = tree->nodes.feature && tree->nodes.threshold && tree->nodes.child;
    }
    base_arena_release(&g.arena);
    if (!grown) nn_tree_release(tree);
    return grown;
}

void nn_tree_release(nn_tree *tree) {
    base_free(tree->nodes.feature);
    base_free(tree->nodes.threshold);
    base_free(tree->nodes.child);
    base_free(tree->leaf);
    *tree = (nn_tree){0};
}

int32_t nn_tree_descend(const nn_tree_nodes *nodes, int32_t root, const float *x) {
    int32_t i = root;
    while (nodes->feature[i] >= 0) {
        i = nodes->child[i] + !(x[nodes->feature[i]] <= nodes->threshold[i]);
    }
    return nodes->child[i];
}

/* ---- lists of trees ---- */

static bool new_trees(nn_trees *t, base_arena *arena) {
    size_t n_nodes = (size_t)t->n_nodes, n_leaves = (size_t)t->n_leaves;
    t->nodes.feature = base_arena_alloc(arena, n_nodes, sizeof *t->nodes.feature);
    t->nodes.threshold = base_arena_alloc(arena, n_nodes, sizeof *t->nodes.threshold);
    t->nodes.child = base_arena_alloc(arena, n_nodes, sizeof *t->nodes.child);
    t->root = base_arena_alloc(arena, (size_t)t->n_trees, sizeof *t->root);
    t->leaf = base_arena_alloc(arena, n_leaves, (size_t)t->n_classes * sizeof *t->leaf);
    return t->nodes.feature && t->nodes.threshold && t->nodes.child && t->root && t->leaf;
}

static void add_tree(nn_trees *t, const nn_tree *tree, int64_t number) {
    int64_t at = t->n_nodes, n = tree->n_nodes;
    int64_t leaf_shift = t->n_leaves - t->n_classes;
    memcpy(t->nodes.feature + at, tree->nodes.feature, (size_t)n * sizeof *t->nodes.feature);
    memcpy(t->nodes.threshold + at, tree->nodes.threshold, (size_t)n * sizeof *t->nodes.threshold);
    for (int64_t i = 0; i < n; i++) {
        int32_t child = tree->nodes.child[i];
        bool leaf = tree->nodes.feature[i] < 0, certain = child < t->n_classes;
        t->nodes.child[at + i] = (int32_t)(child + (!leaf ? at : certain ? 0 : leaf_shift));
    }
    if (tree->n_mixed > 0) {
        memcpy(t->leaf + t->n_leaves * t->n_classes, tree->leaf,
               (size_t)(tree->n_mixed * t->n_classes) * sizeof *t->leaf);
    }
    t->root[number] = (int32_t)at;
    t->n_nodes += n;
    t->n_leaves += tree->n_mixed;
}

base_status nn_trees_join(const nn_tree *trees, int64_t n_trees, int n_classes, base_arena *arena,
                          nn_trees *joined, base_error *err) {
    nn_trees t = {.n_trees = n_trees, .n_leaves = n_classes, .n_classes = n_classes};
    for (int64_t i = 0; i < n_trees; i++) {
        t.n_nodes += trees[i].n_nodes;
        t.n_leaves += trees[i].n_mixed;
    }
    if (t.n_nodes > NN_CLASSIFIER_MAX) {
        return base_fail(err, BASE_EDATA, "%lld nodes are too many", (long long)t.n_nodes);
    }
    if (!new_trees(&t, arena)) {
        return base_fail(err, BASE_EMEMORY, "no memory for %lld nodes", (long long)t.n_nodes);
    }
    for (int k = 0; k < n_classes; k++) t.leaf[k * n_classes + k] = 1;
    t.n_nodes = 0;
    t.n_leaves = n_classes;
    for (int64_t i = 0; i < n_trees; i++) add_tree(&t, &trees[i], i);
    *joined = t;
    return BASE_OK;
}

void nn_trees_write(const nn_trees *t, const nn_classifier_store *store) {
    int64_t leaf_shape[] = {t->n_leaves, t->n_classes};
    nn_classifier_put(store, "root", BASE_H5_I32, 1, &t->n_trees, t->root);
    nn_classifier_put(store, "feature", BASE_H5_I32, 1, &t->n_nodes, t->nodes.feature);
    nn_classifier_put(store, "threshold", BASE_H5_F32, 1, &t->n_nodes, t->nodes.threshold);
    nn_classifier_put(store, "child", BASE_H5_I32, 1, &t->n_nodes, t->nodes.child);
    nn_classifier_put(store, "leaf", BASE_H5_F32, 2, leaf_shape, t->leaf);
}

/* Children stand behind their parent, so that every way ends at a leaf. */
static base_status check_nodes(const nn_classifier_stored *stored, const nn_trees *t,
                               base_error *err) {
    for (int64_t i = 0; i < t->n_nodes; i++) {
        bool leaf = t->nodes.feature[i] < 0;
        int64_t lo = leaf ? 0 : i + 1, hi = leaf ? t->n_leaves : t->n_nodes - 1;
        BASE_TRY(nn_classifier_check_range(stored, "child", t->nodes.child + i, 1, lo, hi, err));
    }
    return BASE_OK;
}

static base_status check_leaves(const nn_classifier_stored *stored, const nn_trees *t,
                                base_error *err) {
    for (int64_t i = 0; i < t->n_leaves; i++) {
        double sum = 0;
        bool positive = true;
        for (int k = 0; k < t->n_classes; k++) {
            float share = t->leaf[i * t->n_classes + k];
            positive = positive && share >= 0;
            sum += share;
        }
        if (positive && fabs(sum - 1) < 1e-3) continue;
        return nn_classifier_malformed(stored, "leaf", "holds rows that are no probabilities", err);
    }
    return BASE_OK;
}

base_status nn_trees_read(const nn_classifier_stored *stored, nn_trees *t, base_error *err) {
    *t = (nn_trees){.n_nodes = -1, .n_trees = -1, .n_classes = stored->n_classes};
    int64_t leaf_shape[] = {-1, stored->n_classes};
    void *root, *feature, *threshold, *child, *leaf;
    BASE_TRY(nn_classifier_get(stored, "root", BASE_H5_I32, 1, &t->n_trees, &root, err));
    BASE_TRY(nn_classifier_get(stored, "feature", BASE_H5_I32, 1, &t->n_nodes, &feature, err));
    BASE_TRY(nn_classifier_get(stored, "threshold", BASE_H5_F32, 1, &t->n_nodes, &threshold, err));
    BASE_TRY(nn_classifier_get(stored, "child", BASE_H5_I32, 1, &t->n_nodes, &child, err));
    BASE_TRY(nn_classifier_get(stored, "leaf", BASE_H5_F32, 2, leaf_shape, &leaf, err));
    t->root = root;
    t->nodes = (nn_tree_nodes){feature, threshold, child};
    t->leaf = leaf;
    t->n_leaves = leaf_shape[0];
    BASE_TRY(nn_classifier_check_range(stored, "root", root, t->n_trees, 0, t->n_nodes, err));
    BASE_TRY(nn_classifier_check_range(stored, "feature", feature, t->n_nodes, -1,
                                       stored->n_features, err));
    BASE_TRY(check_nodes(stored, t, err));
    return check_leaves(stored, t, err);
}

void nn_trees_describe(const nn_trees *t, base_text *text) {
    char trees[32], nodes[32];
    base_text_printf(text, "%s trees, %s nodes", base_thousands(t->n_trees, trees),
                     base_thousands(t->n_nodes, nodes));
}
