/* k nearest neighbours: shares of the classes among the k training rows nearest to a row. Of rows
 * at one distance the first come first. */
#include <math.h>
#include <string.h>

#include "nn/classifiers/classifier_kind.h"

enum { EUCLIDEAN, COSINE };
enum { UNIFORM, DISTANCE };

typedef struct {
    nn_classifier_common common;
    int64_t k;
    int weights, metric;
} nearest_options;

typedef struct {
    float *x;       /* [n, n_features] */
    int32_t *label; /* [n] */
    double *norm;   /* [n] 2-norm of each row */
    int64_t n, n_features, k;
    int n_classes;
    int weights, metric;
} nearest_model;

#define FIELD(name) offsetof(nearest_options, name)
static const base_option nearest_table[] = {
    {"k", BASE_OPT_INT, FIELD(k), "5", 1, 1000000, NULL, NULL, "number of neighbours"},
    {"weights", BASE_OPT_CHOICE, FIELD(weights), "uniform", 0, 0, "uniform|distance", NULL,
     "whether neighbours count alike or by the inverse of their distance"},
    {"metric", BASE_OPT_CHOICE, FIELD(metric), "euclidean", 0, 0, "euclidean|cosine", NULL,
     "distance between rows; cosine: 1 minus that of the angle"},
    NN_STANDARDIZE_OPTION,
    {0}};

static double norm_of(const float *x, int64_t n) {
    return sqrt(nn_row_dot(x, x, n));
}

static base_status fill_norms(nearest_model *m, base_arena *arena, base_error *err) {
    m->norm = base_arena_alloc(arena, (size_t)m->n, sizeof *m->norm);
    if (m->norm == NULL) return base_fail(err, BASE_EMEMORY, "no memory for the neighbours");
    for (int64_t i = 0; i < m->n; i++) {
        m->norm[i] = norm_of(m->x + i * m->n_features, m->n_features);
    }
    return BASE_OK;
}

static base_status nearest_fit(const void *options, const nn_classifier_fitting *f, void **model,
                               base_error *err) {
    const nearest_options *o = options;
    if (o->k > f->n) {
        return base_fail(err, BASE_ECONFIG, "k is %lld, but there are only %lld rows",
                         (long long)o->k, (long long)f->n);
    }
    nearest_model *m = base_arena_alloc(f->arena, 1, sizeof *m);
    if (m == NULL) return base_fail(err, BASE_EMEMORY, "no memory for the neighbours");
    *m = (nearest_model){.n = f->n,
                         .n_features = f->n_features,
                         .k = o->k,
                         .n_classes = f->n_classes,
                         .weights = o->weights,
                         .metric = o->metric};
    m->x = base_arena_alloc(f->arena, (size_t)(f->n * f->n_features), sizeof *m->x);
    m->label = base_arena_alloc(f->arena, (size_t)f->n, sizeof *m->label);
    if (m->x == NULL || m->label == NULL) {
        return base_fail(err, BASE_EMEMORY, "no memory for the neighbours");
    }
    memcpy(m->x, f->x, (size_t)(f->n * f->n_features) * sizeof *m->x);
    memcpy(m->label, f->label, (size_t)f->n * sizeof *m->label);
    *model = m;
    return fill_norms(m, f->arena, err);
}

static double distance_to(const nearest_model *m, int64_t i, const float *x, double norm) {
    const float *row = m->x + i * m->n_features;
    if (m->metric == EUCLIDEAN) return sqrt(nn_row_distance2(row, x, m->n_features));
    double norms = norm * m->norm[i];
    return norms > 0 ? fmax(1 - nn_row_dot(row, x, m->n_features) / norms, 0) : 1;
}

/* Puts a distance into near[k], which is ascending, with the neighbour's class beside it. */
static void insert(double *near, double *class, int64_t k, double distance, int32_t label) {
    int64_t at = k - 1;
    for (; at > 0 && near[at - 1] > distance; at--) {
        near[at] = near[at - 1];
        class[at] = class[at - 1];
    }
    near[at] = distance;
    class[at] = label;
}

static void nearest_predict(const void *model, const float *x, double *near, double *probability) {
    const nearest_model *m = model;
    double *class = near + m->k, norm = norm_of(x, m->n_features), sum = 0;
    for (int64_t i = 0; i < m->k; i++) {
        near[i] = INFINITY;
        class[i] = 0;
    }
    for (int64_t i = 0; i < m->n; i++) {
        double distance = distance_to(m, i, x, norm);
        if (distance < near[m->k - 1]) insert(near, class, m->k, distance, m->label[i]);
    }
    memset(probability, 0, (size_t)m->n_classes * sizeof *probability);
    bool equal = near[0] == 0; /* then only equal rows count */
    for (int64_t i = 0; i < m->k; i++) {
        double weight = m->weights == UNIFORM ? 1 : equal ? near[i] == 0 : 1 / near[i];
        probability[(int)class[i]] += weight;
        sum += weight;
    }
    for (int c = 0; c < m->n_classes; c++) probability[c] /= sum;
}

static int64_t nearest_scratch(const void *model) {
    return 2 * ((const nearest_model *)model)->k;
}

static void nearest_write(const void *model, const nn_classifier_store *store) {
    const nearest_model *m = model;
    int64_t shape[] = {m->n, m->n_features}, weights = m->weights, metric = m->metric;
    nn_classifier_put(store, "k", BASE_H5_I64, 0, NULL, &m->k);
    nn_classifier_put(store, "weights", BASE_H5_I64, 0, NULL, &weights);
    nn_classifier_put(store, "metric", BASE_H5_I64, 0, NULL, &metric);
    nn_classifier_put(store, "x", BASE_H5_F32, 2, shape, m->x);
    nn_classifier_put(store, "label", BASE_H5_I32, 1, &m->n, m->label);
}

static base_status nearest_read(const nn_classifier_stored *stored, void **model, base_error *err) {
    nearest_model *m = base_arena_alloc(stored->arena, 1, sizeof *m);
    if (m == NULL) return base_fail(err, BASE_EMEMORY, "no memory for the neighbours");
    int64_t shape[] = {-1, stored->n_features}, weights, metric;
    void *x, *label;
    BASE_TRY(nn_classifier_get(stored, "x", BASE_H5_F32, 2, shape, &x, err));
    BASE_TRY(nn_classifier_get(stored, "label", BASE_H5_I32, 1, shape, &label, err));
    BASE_TRY(
        nn_classifier_check_range(stored, "label", label, shape[0], 0, stored->n_classes, err));
    *m = (nearest_model){.x = x,
                         .label = label,
                         .n = shape[0],
                         .n_features = stored->n_features,
                         .n_classes = stored->n_classes};
    BASE_TRY(nn_classifier_get_int(stored, "k", 1, m->n, &m->k, err));
    BASE_TRY(nn_classifier_get_int(stored, "weights", UNIFORM, DISTANCE, &weights, err));
    BASE_TRY(nn_classifier_get_int(stored, "metric", EUCLIDEAN, COSINE, &metric, err));
    m->weights = (int)weights;
    m->metric = (int)metric;
    *model = m;
    return fill_norms(m, stored->arena, err);
}

static void nearest_describe(const void *model, base_text *text) {
    const nearest_model *m = model;
    char rows[32];
    base_text_printf(text, "%s neighbours", base_thousands(m->n, rows));
}

const nn_classifier_kind nn_classifier_nearest = {
    .variant = {"nearest", "shares of the classes among the nearest training rows", "k",
                nearest_table, sizeof(nearest_options)},
    .check = nn_classifier_check_nothing,
    .fit = nearest_fit,
    .predict = nearest_predict,
    .scratch = nearest_scratch,
    .write = nearest_write,
    .read = nearest_read,
    .describe = nearest_describe};
