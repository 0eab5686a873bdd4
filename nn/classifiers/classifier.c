#include "nn/classifiers/classifier_kind.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "nn/kernels/extent.h"

#define NN_CLASSIFIER(name) &nn_classifier_##name,
static const nn_classifier_kind *const kinds[] = {
#include "nn/classifiers/classifiers.def"
};
#undef NN_CLASSIFIER

#define NN_CLASSIFIER(name) &nn_classifier_##name.variant,
static const base_variant *const variants[] = {
#include "nn/classifiers/classifiers.def"
};
#undef NN_CLASSIFIER

enum { N_KINDS = sizeof kinds / sizeof *kinds, BLOCK = 64 /* rows of a task */ };

struct nn_classifier {
    const nn_classifier_kind *kind;
    base_arena arena; /* holds all below */
    int64_t n_features;
    int n_classes, n_present;
    int32_t *present;                 /* [n_present] classes that occurred, ascending */
    double *mean, *inverse_deviation; /* [n_features]: x is standardised; NULL: as it is */
    void *model;
};

const base_variant *const *nn_classifier_variants(int *n) {
    *n = N_KINDS;
    return variants;
}

base_status nn_classifier_bind(base_node *node, base_arena *arena, base_choice *choice,
                               base_error *err) {
    const base_family family = {.what = "classifier", .variants = variants, .n = N_KINDS};
    base_error found;
    BASE_TRY(base_variant_bind(&family, node, arena, choice, err));
    base_status status = kinds[choice->index]->check(choice->options, &found);
    return status == BASE_OK ? BASE_OK : base_node_fail(node, err, status, "%s", found.text);
}

base_status nn_classifier_check_nothing(const void *options, base_error *err) {
    (void)options, (void)err;
    return BASE_OK;
}

int64_t nn_classifier_no_scratch(const void *model) {
    (void)model;
    return 0;
}

/* ---- rows ---- */

enum { LANES = 8 };

static double sum_lanes(const double lane[LANES], double rest) {
    return (((lane[0] + lane[4]) + (lane[2] + lane[6])) +
            ((lane[1] + lane[5]) + (lane[3] + lane[7]))) +
           rest;
}

double nn_row_dot(const float *a, const float *b, int64_t n) {
    double lane[LANES] = {0}, rest = 0;
    int64_t i = 0;
    for (; n - i >= LANES; i += LANES) {
        for (int l = 0; l < LANES; l++) lane[l] += (double)a[i + l] * b[i + l];
    }
    for (; i < n; i++) rest += (double)a[i] * b[i];
    return sum_lanes(lane, rest);
}

double nn_row_distance2(const float *a, const float *b, int64_t n) {
    double lane[LANES] = {0}, rest = 0;
    int64_t i = 0;
    for (; n - i >= LANES; i += LANES) {
        for (int l = 0; l < LANES; l++) {
            double d = (double)a[i + l] - b[i + l];
            lane[l] += d * d;
        }
    }
    for (; i < n; i++) rest += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
    return sum_lanes(lane, rest);
}

void nn_row_softmax(double *scores, int n) {
    double peak = scores[0], sum = 0;
    for (int i = 1; i < n; i++) peak = fmax(peak, scores[i]);
    for (int i = 0; i < n; i++) sum += scores[i] = exp(scores[i] - peak);
    for (int i = 0; i < n; i++) scores[i] /= sum;
}

static base_status check_finite(const float *x, int64_t n, int64_t n_features, base_error *err) {
    for (int64_t i = 0; i < n * n_features; i++) {
        if (isfinite(x[i])) continue;
        return base_fail(err, BASE_ENUMERIC, "row %lld, feature %lld is not a finite number",
                         (long long)(i / n_features), (long long)(i % n_features));
    }
    return BASE_OK;
}

/* ---- fitting ---- */

static base_status no_memory(base_error *err) {
    return base_fail(err, BASE_EMEMORY, "no memory for the classifier");
}

static nn_classifier *new_classifier(const nn_classifier_kind *kind, int64_t n_features,
                                     int n_classes) {
    nn_classifier *c = base_alloc(1, sizeof *c);
    if (c == NULL) return NULL;
    *c = (nn_classifier){.kind = kind, .n_features = n_features, .n_classes = n_classes};
    return c;
}

static base_status check_training(const nn_classifier_training *t, base_error *err) {
    int64_t n_numbers;
    BASE_CHECK(t->n_classes > 0);
    if (t->n < 2 || t->n_features < 1 || t->n > NN_CLASSIFIER_MAX ||
        t->n_features > NN_CLASSIFIER_MAX || !base_mul(t->n, t->n_features, &n_numbers)) {
        return base_fail(err, BASE_EDATA, "a classifier can't be fitted on %lld rows of %lld",
                         (long long)t->n, (long long)t->n_features);
    }
    for (int64_t i = 0; i < t->n; i++) {
        BASE_CHECK(t->label[i] >= 0 && t->label[i] < t->n_classes);
    }
    return check_finite(t->x, t->n, t->n_features, err);
}

/* Finds the classes that occur and how often, and numbers the labels by them. */
static base_status number_classes(nn_classifier *c, const nn_classifier_training *t, int32_t *label,
                                  int64_t *count, base_error *err) {
    int32_t *number = base_alloc((size_t)t->n_classes, sizeof *number);
    c->present = base_arena_alloc(&c->arena, (size_t)t->n_classes, sizeof *c->present);
    if (number == NULL || c->present == NULL) {
        base_free(number);
        return no_memory(err);
    }
    for (int64_t i = 0; i < t->n; i++) count[t->label[i]]++;
    for (int k = 0; k < t->n_classes; k++) {
        if (count[k] == 0) continue;
        number[k] = c->n_present;
        count[c->n_present] = count[k];
        c->present[c->n_present++] = k;
    }
    for (int64_t i = 0; i < t->n; i++) label[i] = number[t->label[i]];
    base_free(number);
    if (c->n_present >= 2) return BASE_OK;
    return base_fail(err, BASE_EDATA, "a classifier needs rows of at least two classes");
}

/* The deviation is that of all rows (divided by n); a constant feature becomes 0. */
static bool fit_scale(nn_classifier *c, const nn_classifier_training *t) {
    c->mean = base_arena_alloc(&c->arena, (size_t)t->n_features, sizeof *c->mean);
    c->inverse_deviation =
        base_arena_alloc(&c->arena, (size_t)t->n_features, sizeof *c->inverse_deviation);
    if (c->mean == NULL || c->inverse_deviation == NULL) return false;
    for (int64_t i = 0; i < t->n; i++) {
        const float *x = t->x + i * t->n_features;
        for (int64_t f = 0; f < t->n_features; f++) c->mean[f] += x[f];
    }
    for (int64_t f = 0; f < t->n_features; f++) c->mean[f] /= (double)t->n;
    for (int64_t i = 0; i < t->n; i++) {
        const float *x = t->x + i * t->n_features;
        for (int64_t f = 0; f < t->n_features; f++) {
            c->inverse_deviation[f] += (x[f] - c->mean[f]) * (x[f] - c->mean[f]);
        }
    }
    for (int64_t f = 0; f < t->n_features; f++) {
        double deviation = sqrt(c->inverse_deviation[f] / (double)t->n);
        c->inverse_deviation[f] = deviation > 1e-12 * fabs(c->mean[f]) ? 1 / deviation : 1;
    }
    return true;
}

/* What a float can't hold becomes the largest it can. */
static void standardize(const nn_classifier *c, const float *x, float *y) {
    for (int64_t f = 0; f < c->n_features; f++) {
        double value = (x[f] - c->mean[f]) * c->inverse_deviation[f];
        y[f] = (float)fmin(fmax(value, -FLT_MAX), FLT_MAX);
    }
}

/* scikit-learn's "balanced": n / (classes * rows of the class). */
static void weigh_classes(const nn_classifier_training *t, bool balanced, int n_classes,
                          const int64_t *count, double *weight) {
    for (int k = 0; k < n_classes; k++) {
        weight[k] = balanced ? (double)t->n / ((double)n_classes * (double)count[k]) : 1;
    }
}

/* What fitting needs for itself. */
typedef struct {
    int32_t *label;       /* [n] */
    float *x;             /* [n, n_features] standardised; NULL: not needed */
    int64_t *count;       /* [n_classes] */
    double *class_weight; /* [n_classes] */
} workspace;

static bool new_workspace(workspace *w, const nn_classifier_training *t, bool standardized) {
    size_t n = (size_t)t->n, k = (size_t)t->n_classes;
    w->label = base_alloc(n, sizeof *w->label);
    w->count = base_alloc(k, sizeof *w->count);
    w->class_weight = base_alloc(k, sizeof *w->class_weight);
    w->x = standardized ? base_alloc(n * (size_t)t->n_features, sizeof *w->x) : NULL;
    return w->label && w->count && w->class_weight && (w->x || !standardized);
}

static base_status fit_in(nn_classifier *c, const base_choice *choice,
                          const nn_classifier_training *t, workspace *w, base_error *err) {
    const nn_classifier_common *common = choice->options;
    if (!new_workspace(w, t, common->standardize)) return no_memory(err);
    BASE_TRY(number_classes(c, t, w->label, w->count, err));
    weigh_classes(t, common->class_weight != 0, c->n_present, w->count, w->class_weight);
    if (common->standardize) {
        if (!fit_scale(c, t)) return no_memory(err);
        for (int64_t i = 0; i < t->n; i++) {
            standardize(c, t->x + i * t->n_features, w->x + i * t->n_features);
        }
    }
    nn_classifier_fitting fitting = {.x = common->standardize ? w->x : t->x,
                                     .label = w->label,
                                     .class_weight = w->class_weight,
                                     .n = t->n,
                                     .n_features = t->n_features,
                                     .n_classes = c->n_present,
                                     .seed = t->seed,
                                     .pool = t->pool,
                                     .arena = &c->arena};
    return c->kind->fit(choice->options, &fitting, &c->model, err);
}

base_status nn_classifier_fit(const base_choice *choice, const nn_classifier_training *training,
                              nn_classifier **classifier, base_error *err) {
    *classifier = NULL;
    BASE_TRY(check_training(training, err));
    const nn_classifier_kind *kind = kinds[choice->index];
    nn_classifier *c = new_classifier(kind, training->n_features, training->n_classes);
    if (c == NULL) return no_memory(err);
    workspace w = {0};
    base_status status = fit_in(c, choice, training, &w, err);
    base_free(w.label);
    base_free(w.x);
    base_free(w.count);
    base_free(w.class_weight);
    if (status != BASE_OK) {
        nn_classifier_free(c);
        return base_fail_within(err, "%s", kind->variant.name);
    }
    *classifier = c;
    return BASE_OK;
}

void nn_classifier_free(nn_classifier *c) {
    if (c == NULL) return;
    base_arena_release(&c->arena);
    base_free(c);
}

/* ---- predicting ---- */

typedef struct {
    const nn_classifier *classifier;
    const float *x;
    int64_t n, n_scratch;
    float *probability;
    float *row;      /* of each worker [n_features] */
    double *scratch; /* of each worker [n_present + n_scratch] */
} prediction;

static void predict_block(void *context, int64_t block, int worker) {
    const prediction *p = context;
    const nn_classifier *c = p->classifier;
    double *probability = p->scratch + worker * (c->n_present + p->n_scratch);
    float *row = p->row + worker * c->n_features;
    int64_t end = nn_min((block + 1) * BLOCK, p->n);
    for (int64_t i = block * BLOCK; i < end; i++) {
        const float *x = p->x + i * c->n_features;
        float *out = p->probability + i * c->n_classes;
        if (c->mean != NULL) standardize(c, x, row);
        c->kind->predict(c->model, c->mean != NULL ? row : x, probability + c->n_present,
                         probability);
        memset(out, 0, (size_t)c->n_classes * sizeof *out);
        for (int k = 0; k < c->n_present; k++) out[c->present[k]] = (float)probability[k];
    }
}

base_status nn_classifier_predict(const nn_classifier *c, const float *x, int64_t n,
                                  base_pool *pool, float *probability, base_error *err) {
    BASE_TRY(check_finite(x, n, c->n_features, err));
    prediction p = {.classifier = c, .x = x, .n = n, .probability = probability};
    p.n_scratch = c->kind->scratch(c->model);
    size_t workers = (size_t)base_pool_threads(pool);
    p.row = base_alloc(workers * (size_t)c->n_features, sizeof *p.row);
    p.scratch = base_alloc(workers * (size_t)(c->n_present + p.n_scratch), sizeof *p.scratch);
    bool ready = p.row != NULL && p.scratch != NULL;
    if (ready) base_parallel(pool, nn_ceil_div(n, BLOCK), predict_block, &p);
    base_free(p.row);
    base_free(p.scratch);
    return ready ? BASE_OK : no_memory(err);
}

const char *nn_classifier_name(const nn_classifier *c) {
    return c->kind->variant.name;
}

int64_t nn_classifier_n_features(const nn_classifier *c) {
    return c->n_features;
}

int nn_classifier_n_classes(const nn_classifier *c) {
    return c->n_classes;
}

void nn_classifier_describe(const nn_classifier *c, base_text *text) {
    c->kind->describe(c->model, text);
}

/* ---- files ---- */

enum { NAME_SIZE = 256 };

static const char *full_name(const char *prefix, const char *name, char full[NAME_SIZE]) {
    int n = snprintf(full, NAME_SIZE, "%s/%s", prefix, name);
    BASE_CHECK(n > 0 && n < NAME_SIZE);
    return full;
}

void nn_classifier_put(const nn_classifier_store *store, const char *name, base_h5_type type,
                       int rank, const int64_t *shape, const void *data) {
    char full[NAME_SIZE];
    (void)base_h5_put(store->writer, full_name(store->prefix, name, full), type, rank, shape, data,
                      NULL);
}

base_status nn_classifier_malformed(const nn_classifier_stored *stored, const char *name,
                                    const char *what, base_error *err) {
    return base_fail(err, BASE_EFORMAT, "%s: '%s/%s' %s", base_h5_reader_path(stored->reader),
                     stored->prefix, name, what);
}

static bool all_finite(base_h5_type type, const void *data, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        if (type == BASE_H5_F32 && !isfinite(((const float *)data)[i])) return false;
        if (type == BASE_H5_F64 && !isfinite(((const double *)data)[i])) return false;
    }
    return true;
}

static bool fill_shape(int rank, const int64_t *found, int64_t *shape, int64_t *n) {
    *n = 1;
    for (int i = 0; i < rank; i++) {
        bool fits = found[i] >= 1 && found[i] <= NN_CLASSIFIER_MAX;
        if (!fits || (shape[i] >= 0 && shape[i] != found[i])) return false;
        shape[i] = found[i];
        if (!base_mul(*n, found[i], n)) return false;
    }
    return true;
}

base_status nn_classifier_get(const nn_classifier_stored *stored, const char *name,
                              base_h5_type type, int rank, int64_t *shape, void **data,
                              base_error *err) {
    int found_rank;
    int64_t found[BASE_H5_MAX_RANK], n, n_read;
    char full[NAME_SIZE];
    full_name(stored->prefix, name, full);
    BASE_TRY(base_h5_shape(stored->reader, full, &found_rank, found, err));
    if (found_rank != rank || !fill_shape(rank, found, shape, &n)) {
        return base_fail(err, BASE_ESHAPE, "%s: '%s' does not have the shape that is needed",
                         base_h5_reader_path(stored->reader), full);
    }
    BASE_TRY(base_h5_get_alloc(stored->reader, full, type, stored->arena, data, &n_read, err));
    if (all_finite(type, *data, n)) return BASE_OK;
    return nn_classifier_malformed(stored, name, "holds numbers that are not finite", err);
}

base_status nn_classifier_get_int(const nn_classifier_stored *stored, const char *name, int64_t min,
                                  int64_t max, int64_t *value, base_error *err) {
    void *data;
    BASE_TRY(nn_classifier_get(stored, name, BASE_H5_I64, 0, NULL, &data, err));
    *value = *(const int64_t *)data;
    if (*value >= min && *value <= max) return BASE_OK;
    return nn_classifier_malformed(stored, name, "is out of range", err);
}

base_status nn_classifier_check_range(const nn_classifier_stored *stored, const char *name,
                                      const int32_t *items, int64_t n, int64_t lo, int64_t hi,
                                      base_error *err) {
    for (int64_t i = 0; i < n; i++) {
        if (items[i] >= lo && items[i] < hi) continue;
        return nn_classifier_malformed(stored, name, "holds a number that is out of range", err);
    }
    return BASE_OK;
}

base_status nn_classifier_write(const nn_classifier *c, base_h5_writer *writer, const char *prefix,
                                base_error *err) {
    nn_classifier_store store = {writer, prefix};
    char full[NAME_SIZE];
    int64_t n_features = c->n_features, n_classes = c->n_classes, n_present = c->n_present;
    nn_classifier_put(&store, "n_features", BASE_H5_I64, 0, NULL, &n_features);
    nn_classifier_put(&store, "n_classes", BASE_H5_I64, 0, NULL, &n_classes);
    nn_classifier_put(&store, "classes", BASE_H5_I32, 1, &n_present, c->present);
    if (c->mean != NULL) {
        nn_classifier_put(&store, "mean", BASE_H5_F64, 1, &n_features, c->mean);
        nn_classifier_put(&store, "gain", BASE_H5_F64, 1, &n_features, c->inverse_deviation);
    }
    c->kind->write(c->model, &store);
    /* The last put reports what the writer remembers of the others. */
    return base_h5_put_string(writer, full_name(prefix, "kind", full), c->kind->variant.name, err);
}

static base_status read_kind(base_h5_reader *reader, const char *prefix,
                             const nn_classifier_kind **kind, base_error *err) {
    base_arena arena = {0};
    const char *name = "";
    char full[NAME_SIZE];
    base_status status =
        base_h5_get_string(reader, full_name(prefix, "kind", full), &arena, &name, err);
    *kind = NULL;
    for (int i = 0; i < N_KINDS && status == BASE_OK; i++) {
        if (strcmp(kinds[i]->variant.name, name) == 0) *kind = kinds[i];
    }
    if (status == BASE_OK && *kind == NULL) {
        status = base_fail(err, BASE_EFORMAT, "%s: '%s' is '%s', a classifier this program lacks",
                           base_h5_reader_path(reader), full, name);
    }
    base_arena_release(&arena);
    return status;
}

static base_status read_common(nn_classifier *c, nn_classifier_stored *stored, base_error *err) {
    int64_t n_features = c->n_features, n_present = -1, stored_features, stored_classes;
    void *present, *mean, *inverse;
    char full[NAME_SIZE];
    BASE_TRY(
        nn_classifier_get_int(stored, "n_features", 1, NN_CLASSIFIER_MAX, &stored_features, err));
    BASE_TRY(nn_classifier_get_int(stored, "n_classes", 1, INT64_MAX, &stored_classes, err));
    if (stored_features != n_features || stored_classes != c->n_classes) {
        return base_fail(
            err, BASE_ESHAPE, "%s: '%s' has %lld features and %lld classes, not %lld and %d",
            base_h5_reader_path(stored->reader), stored->prefix, (long long)stored_features,
            (long long)stored_classes, (long long)n_features, c->n_classes);
    }
    BASE_TRY(nn_classifier_get(stored, "classes", BASE_H5_I32, 1, &n_present, &present, err));
    c->present = present;
    for (int64_t i = 0, lowest = 0; i < n_present; i++) {
        BASE_TRY(nn_classifier_check_range(stored, "classes", c->present + i, 1, lowest,
                                           c->n_classes, err));
        lowest = c->present[i] + 1;
    }
    c->n_present = stored->n_classes = (int)n_present;
    if (n_present < 2) return nn_classifier_malformed(stored, "classes", "has one item only", err);
    if (!base_h5_has(stored->reader, full_name(stored->prefix, "mean", full))) return BASE_OK;
    BASE_TRY(nn_classifier_get(stored, "mean", BASE_H5_F64, 1, &n_features, &mean, err));
    BASE_TRY(nn_classifier_get(stored, "gain", BASE_H5_F64, 1, &n_features, &inverse, err));
    c->mean = mean;
    c->inverse_deviation = inverse;
    return BASE_OK;
}

base_status nn_classifier_read(base_h5_reader *reader, const char *prefix, int64_t n_features,
                               int n_classes, nn_classifier **classifier, base_error *err) {
    *classifier = NULL;
    const nn_classifier_kind *kind;
    BASE_CHECK(n_features > 0 && n_classes > 0);
    BASE_TRY(read_kind(reader, prefix, &kind, err));
    nn_classifier *c = new_classifier(kind, n_features, n_classes);
    if (c == NULL) return no_memory(err);
    nn_classifier_stored stored = {
        .reader = reader, .prefix = prefix, .n_features = n_features, .arena = &c->arena};
    base_status status = read_common(c, &stored, err);
    if (status == BASE_OK) status = kind->read(&stored, &c->model, err);
    if (status != BASE_OK) {
        nn_classifier_free(c);
        return status;
    }
    *classifier = c;
    return BASE_OK;
}
