/* Random forest (L. Breiman, Machine Learning 45, 2001): trees grown on rows drawn with
 * replacement, each node seeing a few features; their class shares are averaged. Every tree is a
 * task with a random stream of its own. As in scikit-learn, a row is drawn the more often, the more
 * it weighs, and weighs no more after that. Trees see only the order of a feature's values, so that
 * there is nothing to standardise. */
#include <math.h>
#include <string.h>

#include "nn/classifiers/tree.h"

typedef struct {
    nn_classifier_common common;
    int64_t trees, max_depth, min_leaf;
    const char *features;
    bool bootstrap;
} forest_options;

#define FIELD(name) offsetof(forest_options, name)
static const base_option forest_table[] = {
    {"trees", BASE_OPT_INT, FIELD(trees), "500", 1, 100000, NULL, NULL, "number of trees"},
    {"max_depth", BASE_OPT_INT, FIELD(max_depth), "0", 0, 1000000, NULL, NULL,
     "splits on the way to a leaf; 0: any number"},
    {"min_leaf", BASE_OPT_INT, FIELD(min_leaf), "1", 1, 1000000, NULL, NULL,
     "rows that a leaf must have"},
    {"features", BASE_OPT_STRING, FIELD(features), "sqrt", 0, 0, NULL, NULL,
     "features tried at each node: sqrt, log2, all, or a number"},
    {"bootstrap", BASE_OPT_BOOL, FIELD(bootstrap), "true", 0, 0, NULL, NULL,
     "whether each tree is grown on rows drawn with replacement"},
    NN_CLASS_WEIGHT_OPTION,
    {0}};

/* How many of n_features; 0 if the text says nothing of the kind. */
static int64_t n_tried(const char *text, int64_t n_features) {
    int64_t n;
    if (strcmp(text, "all") == 0) return n_features;
    if (strcmp(text, "sqrt") == 0) return (int64_t)sqrt((double)n_features);
    if (strcmp(text, "log2") == 0) {
        n = (int64_t)log2((double)n_features);
        return n > 1 ? n : 1;
    }
    return base_parse_int(text, &n) && n > 0 ? n : 0;
}

static base_status forest_check(const void *options, base_error *err) {
    const forest_options *o = options;
    if (n_tried(o->features, 1) > 0) return BASE_OK;
    return base_fail(err, BASE_ECONFIG, "features is '%s', not sqrt, log2, all or a number",
                     o->features);
}

typedef struct {
    const nn_classifier_fitting *fitting;
    const forest_options *options;
    nn_tree_growth growth;
    double *sum;   /* [n] weights of the rows up to and with each */
    nn_tree *tree; /* [trees] */
    bool *failed;  /* [trees] */
} forest_fit_context;

/* The first row whose sum is above a number drawn below the last sum. */
static int64_t draw_row(const forest_fit_context *c, base_rng *rng) {
    int64_t lo = 0, hi = c->fitting->n - 1;
    double drawn = base_rng_range(rng, 0, c->sum[hi]);
    while (lo < hi) {
        int64_t middle = (lo + hi) / 2;
        if (c->sum[middle] > drawn) {
            hi = middle;
        } else {
            lo = middle + 1;
        }
    }
    return lo;
}

static void grow_tree(void *context, int64_t number, int worker) {
    (void)worker;
    forest_fit_context *c = context;
    const nn_classifier_fitting *f = c->fitting;
    base_rng rng = base_rng_open(f->seed, BASE_RNG_FOREST, (uint64_t)number, 0);
    double *weight = base_alloc((size_t)f->n, sizeof *weight);
    c->failed[number] = true;
    if (weight == NULL) return;
    for (int64_t i = 0; i < f->n; i++) {
        if (c->options->bootstrap) {
            weight[draw_row(c, &rng)] += 1;
        } else {
            weight[i] = f->class_weight[f->label[i]];
        }
    }
    c->failed[number] = !nn_tree_grow(&c->growth, weight, &rng, &c->tree[number]);
    base_free(weight);
}

static base_status grow_all(forest_fit_context *c, nn_trees *trees, base_error *err) {
    const nn_classifier_fitting *f = c->fitting;
    int64_t n = c->options->trees;
    double sum = 0;
    for (int64_t i = 0; i < f->n; i++) c->sum[i] = sum += f->class_weight[f->label[i]];
    BASE_TRY(nn_tree_growth_init(&c->growth, f, err));
    base_parallel(f->pool, n, grow_tree, c);
    for (int64_t i = 0; i < n; i++) {
        if (c->failed[i]) return base_fail(err, BASE_EMEMORY, "no memory to grow the trees");
    }
    return nn_trees_join(c->tree, n, f->n_classes, f->arena, trees, err);
}

static base_status forest_fit(const void *options, const nn_classifier_fitting *fitting,
                              void **model, base_error *err) {
    const forest_options *o = options;
    int64_t tried = n_tried(o->features, fitting->n_features);
    if (tried > fitting->n_features) {
        return base_fail(err, BASE_ECONFIG, "features is %lld, but there are only %lld",
                         (long long)tried, (long long)fitting->n_features);
    }
    forest_fit_context c = {.fitting = fitting, .options = o};
    c.growth =
        (nn_tree_growth){.max_depth = o->max_depth, .min_leaf = o->min_leaf, .n_tried = tried};
    c.tree = base_alloc((size_t)o->trees, sizeof *c.tree);
    c.failed = base_alloc((size_t)o->trees, sizeof *c.failed);
    c.sum = base_alloc((size_t)fitting->n, sizeof *c.sum);
    *model = base_arena_alloc(fitting->arena, 1, sizeof(nn_trees));
    base_status status = c.tree && c.failed && c.sum && *model
                             ? grow_all(&c, *model, err)
                             : base_fail(err, BASE_EMEMORY, "no memory for the trees");
    for (int64_t i = 0; i < o->trees && c.tree != NULL; i++) nn_tree_release(&c.tree[i]);
    base_free(c.tree);
    base_free(c.failed);
    base_free(c.sum);
    nn_tree_growth_release(&c.growth);
    return status;
}

static void forest_predict(const void *model, const float *x, double *scratch,
                           double *probability) {
    (void)scratch;
    const nn_trees *t = model;
    memset(probability, 0, (size_t)t->n_classes * sizeof *probability);
    for (int64_t i = 0; i < t->n_trees; i++) {
        const float *leaf =
            t->leaf + (int64_t)nn_tree_descend(&t->nodes, t->root[i], x) * t->n_classes;
        for (int k = 0; k < t->n_classes; k++) probability[k] += leaf[k];
    }
    for (int k = 0; k < t->n_classes; k++) probability[k] /= (double)t->n_trees;
}

static void forest_write(const void *model, const nn_classifier_store *store) {
    nn_trees_write(model, store);
}

static base_status forest_read(const nn_classifier_stored *stored, void **model, base_error *err) {
    *model = base_arena_alloc(stored->arena, 1, sizeof(nn_trees));
    if (*model == NULL) return base_fail(err, BASE_EMEMORY, "no memory for the trees");
    return nn_trees_read(stored, *model, err);
}

static void forest_describe(const void *model, base_text *text) {
    nn_trees_describe(model, text);
}

const nn_classifier_kind nn_classifier_random_forest = {
    .variant = {"random_forest", "trees on drawn rows and features, averaged", "trees",
                forest_table, sizeof(forest_options)},
    .check = forest_check,
    .fit = forest_fit,
    .predict = forest_predict,
    .scratch = nn_classifier_no_scratch,
    .write = forest_write,
    .read = forest_read,
    .describe = forest_describe};
