/* AdaBoost, SAMME (J. Zhu et al., Multi-class AdaBoost, Statistics and Its Interface 2, 2009):
 * small trees one after the other, each on rows weighed by the mistakes of those before it. As in
 * scikit-learn, equation (15) of the paper turns the trees' weighted votes into probabilities. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "nn/classifiers/tree.h"

typedef struct {
    nn_classifier_common common;
    int64_t rounds, max_depth;
    double learning_rate;
} boost_options;

typedef struct {
    nn_trees trees;
    double *vote; /* [n_trees], sums to 1 */
} boost_model;

#define FIELD(name) offsetof(boost_options, name)
static const base_option boost_table[] = {{"rounds", BASE_OPT_INT, FIELD(rounds), "200", 1, 100000,
                                           NULL, NULL, "number of trees at most"},
                                          {"max_depth", BASE_OPT_INT, FIELD(max_depth), "1", 1,
                                           1000, NULL, NULL, "splits on the way to a leaf"},
                                          {"learning_rate", BASE_OPT_FLOAT, FIELD(learning_rate),
                                           "1", 1e-6, 1e3, NULL, NULL,
                                           "factor on the weight of each tree"},
                                          NN_CLASS_WEIGHT_OPTION,
                                          {0}};

typedef struct {
    const boost_options *options;
    const nn_classifier_fitting *fitting;
    nn_tree_growth growth;
    double *weight; /* [n] of the rows */
    bool *missed;   /* [n] by the last tree */
    nn_tree *tree;  /* [rounds] */
    double *vote;   /* [rounds] */
    int64_t n_trees;
} boosting;

static void normalize(double *items, int64_t n) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += items[i];
    for (int64_t i = 0; i < n; i++) items[i] /= sum;
}

/* The share of the rows' weight that the tree gets wrong. */
static double find_misses(boosting *b, const nn_tree *tree) {
    const nn_classifier_fitting *f = b->fitting;
    double wrong = 0, all = 0;
    for (int64_t i = 0; i < f->n; i++) {
        const float *x = f->x + i * f->n_features;
        b->missed[i] = nn_tree_descend(&tree->nodes, 0, x) != f->label[i];
        if (b->missed[i]) wrong += b->weight[i];
        all += b->weight[i];
    }
    return wrong / all;
}

/* One more tree; *done when there is nothing left to learn. False when out of memory. */
static bool boost_once(boosting *b, bool *done) {
    const nn_classifier_fitting *f = b->fitting;
    nn_tree *tree = &b->tree[b->n_trees];
    base_rng rng = base_rng_open(f->seed, BASE_RNG_FOREST, (uint64_t)b->n_trees, 0);
    if (!nn_tree_grow(&b->growth, b->weight, &rng, tree)) return false;
    double error = find_misses(b, tree), classes = f->n_classes;
    *done = error <= 0 || error >= 1 - 1 / classes;
    if (error >= 1 - 1 / classes) {
        nn_tree_release(tree); /* no better than chance */
        return true;
    }
    double vote = 1;
    if (error > 0) {
        vote = b->options->learning_rate * (log((1 - error) / error) + log(classes - 1));
    }
    b->vote[b->n_trees++] = vote;
    double factor = exp(vote);
    if (!isfinite(factor)) *done = true;
    for (int64_t i = 0; i < f->n && !*done; i++) {
        if (b->missed[i]) b->weight[i] *= factor;
    }
    return true;
}

static base_status boost_all(boosting *b, base_error *err) {
    const nn_classifier_fitting *f = b->fitting;
    bool done = false;
    BASE_TRY(nn_tree_growth_init(&b->growth, f, err));
    for (int64_t i = 0; i < f->n; i++) b->weight[i] = f->class_weight[f->label[i]];
    for (int64_t round = 0; round < b->options->rounds && !done; round++) {
        normalize(b->weight, f->n);
        for (int64_t i = 0; i < f->n; i++) b->weight[i] = fmax(b->weight[i], DBL_EPSILON);
        if (!boost_once(b, &done)) return base_fail(err, BASE_EMEMORY, "no memory to grow trees");
    }
    if (b->n_trees > 0) return BASE_OK;
    return base_fail(err, BASE_EDATA, "the first tree is no better than chance");
}

static base_status make_model(boosting *b, void **model, base_error *err) {
    base_arena *arena = b->fitting->arena;
    boost_model *m = base_arena_alloc(arena, 1, sizeof *m);
    if (m != NULL) m->vote = base_arena_alloc(arena, (size_t)b->n_trees, sizeof *m->vote);
    if (m == NULL || m->vote == NULL) return base_fail(err, BASE_EMEMORY, "no memory for trees");
    memcpy(m->vote, b->vote, (size_t)b->n_trees * sizeof *m->vote);
    normalize(m->vote, b->n_trees);
    *model = m;
    return nn_trees_join(b->tree, b->n_trees, b->fitting->n_classes, arena, &m->trees, err);
}

static base_status boost_fit(const void *options, const nn_classifier_fitting *fitting,
                             void **model, base_error *err) {
    const boost_options *o = options;
    boosting b = {.options = o, .fitting = fitting};
    b.growth = (nn_tree_growth){
        .max_depth = o->max_depth, .min_leaf = 1, .n_tried = fitting->n_features, .votes = true};
    b.weight = base_alloc((size_t)fitting->n, sizeof *b.weight);
    b.missed = base_alloc((size_t)fitting->n, sizeof *b.missed);
    b.tree = base_alloc((size_t)o->rounds, sizeof *b.tree);
    b.vote = base_alloc((size_t)o->rounds, sizeof *b.vote);
    base_status status = b.weight && b.missed && b.tree && b.vote
                             ? boost_all(&b, err)
                             : base_fail(err, BASE_EMEMORY, "no memory for the trees");
    if (status == BASE_OK) status = make_model(&b, model, err);
    for (int64_t i = 0; i < b.n_trees; i++) nn_tree_release(&b.tree[i]);
    base_free(b.weight);
    base_free(b.missed);
    base_free(b.tree);
    base_free(b.vote);
    nn_tree_growth_release(&b.growth);
    return status;
}

/* A tree's vote counts for its class, and as much in all against the others. */
static void boost_predict(const void *model, const float *x, double *scratch, double *probability) {
    (void)scratch;
    const boost_model *m = model;
    const nn_trees *t = &m->trees;
    int n_classes = t->n_classes;
    memset(probability, 0, (size_t)n_classes * sizeof *probability);
    for (int64_t i = 0; i < t->n_trees; i++) {
        const float *leaf =
            t->leaf + (int64_t)nn_tree_descend(&t->nodes, t->root[i], x) * n_classes;
        for (int k = 0; k < n_classes; k++) {
            probability[k] += m->vote[i] * (leaf[k] - (1 - leaf[k]) / (n_classes - 1));
        }
    }
    for (int k = 0; k < n_classes; k++) probability[k] /= n_classes - 1;
    nn_row_softmax(probability, n_classes);
}

static void boost_write(const void *model, const nn_classifier_store *store) {
    const boost_model *m = model;
    nn_trees_write(&m->trees, store);
    nn_classifier_put(store, "vote", BASE_H5_F64, 1, &m->trees.n_trees, m->vote);
}

static base_status boost_read(const nn_classifier_stored *stored, void **model, base_error *err) {
    boost_model *m = base_arena_alloc(stored->arena, 1, sizeof *m);
    if (m == NULL) return base_fail(err, BASE_EMEMORY, "no memory for the trees");
    BASE_TRY(nn_trees_read(stored, &m->trees, err));
    void *vote;
    BASE_TRY(nn_classifier_get(stored, "vote", BASE_H5_F64, 1, &m->trees.n_trees, &vote, err));
    m->vote = vote;
    *model = m;
    for (int64_t i = 0; i < m->trees.n_trees; i++) {
        if (m->vote[i] >= 0 && m->vote[i] <= 1) continue;
        return nn_classifier_malformed(stored, "vote", "holds numbers that are no shares", err);
    }
    return BASE_OK;
}

static void boost_describe(const void *model, base_text *text) {
    nn_trees_describe(&((const boost_model *)model)->trees, text);
}

const nn_classifier_kind nn_classifier_adaboost = {
    .variant = {"adaboost", "small trees that each mend the mistakes of those before", "rounds",
                boost_table, sizeof(boost_options)},
    .check = nn_classifier_check_nothing,
    .fit = boost_fit,
    .predict = boost_predict,
    .scratch = nn_classifier_no_scratch,
    .write = boost_write,
    .read = boost_read,
    .describe = boost_describe};
