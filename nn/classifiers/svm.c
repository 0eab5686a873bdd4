/* Support vector machine by LIBSVM (C.-C. Chang and C.-J. Lin, ACM TIST 2, 2011), one machine for
 * each pair of classes.
 *
 * Probabilities come as in LIBSVM from a sigmoid of each pair's decision values, fitted on values
 * for rows left out in turn, and from coupling the pairs. LIBSVM draws the rows to leave out by
 * rand(); here every fifth row of a class is left out, so that nothing is drawn and the machines
 * are tasks. The class of the highest probability need not be the one that wins most pairs. LIBSVM
 * does not check its allocations. */
#include <libsvm/svm.h>
#include <math.h>
#include <pthread.h>
#include <string.h>

#include "nn/classifiers/coupling.h"
#include "nn/classifiers/classifier_kind.h"

enum { KERNEL_RBF, KERNEL_LINEAR, KERNEL_POLY };
enum { N_PARTS = 5, N_MACHINES = N_PARTS + 1 /* of a pair: on all rows, and without each part */ };

typedef struct {
    nn_classifier_common common;
    double c, coef0, tolerance;
    const char *gamma;
    int64_t degree;
    int kernel;
} svm_options;

typedef struct {
    float *vector;       /* [n, n_features] */
    int32_t *label;      /* [n] */
    double *coef;        /* [n_classes - 1, n] of a vector against each other class, in order */
    double *rho;         /* [n_pairs] */
    nn_sigmoid *sigmoid; /* [n_pairs] */
    double *parameters;  /* gamma, coef0 */
    int64_t n, n_features, n_pairs, kernel, degree;
    int n_classes;
} svm_classifier;

#define FIELD(name) offsetof(svm_options, name)
static const base_option svm_table[] = {
    {"c", BASE_OPT_FLOAT, FIELD(c), "1", 1e-9, 1e9, NULL, NULL,
     "weight of the errors against the width of the margin"},
    {"kernel", BASE_OPT_CHOICE, FIELD(kernel), "rbf", 0, 0, "rbf|linear|poly", NULL,
     "rbf: exp(-gamma (x - y)^2); poly: (gamma <x, y> + coef0)^degree"},
    {"gamma", BASE_OPT_STRING, FIELD(gamma), "scale", 0, 0, NULL, NULL,
     "scale: 1 / (features * variance of all numbers); auto: 1 / features; or a number"},
    {"degree", BASE_OPT_INT, FIELD(degree), "3", 1, 20, NULL, NULL, "of kernel poly"},
    {"coef0", BASE_OPT_FLOAT, FIELD(coef0), "0", -1e6, 1e6, NULL, NULL, "of kernel poly"},
    {"tolerance", BASE_OPT_FLOAT, FIELD(tolerance), "1e-3", 1e-12, 1, NULL, NULL,
     "violation at which the solver stops"},
    NN_CLASS_WEIGHT_OPTION,
    NN_STANDARDIZE_OPTION,
    {0}};

static base_status svm_check(const void *options, base_error *err) {
    const char *text = ((const svm_options *)options)->gamma;
    double gamma;
    bool named = strcmp(text, "scale") == 0 || strcmp(text, "auto") == 0;
    if (named || (base_parse_double(text, &gamma) && gamma > 0 && gamma <= 1e9)) return BASE_OK;
    return base_fail(err, BASE_ECONFIG, "gamma is '%s', not scale, auto or a number up to 1e9",
                     text);
}

static double variance(const nn_classifier_fitting *f) {
    int64_t n = f->n * f->n_features;
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < n; i++) sum += f->x[i];
    for (int64_t i = 0; i < n; i++) {
        squares += (f->x[i] - sum / (double)n) * (f->x[i] - sum / (double)n);
    }
    return squares / (double)n;
}

static double find_gamma(const char *text, const nn_classifier_fitting *f) {
    double gamma = 1 / (double)f->n_features, spread;
    if (strcmp(text, "auto") == 0) return gamma;
    if (strcmp(text, "scale") == 0) return (spread = variance(f)) > 0 ? gamma / spread : 1;
    BASE_CHECK(base_parse_double(text, &gamma));
    return gamma;
}

/* ---- fitting ---- */

typedef struct {
    const nn_classifier_fitting *fitting;
    struct svm_parameter parameter;
    struct svm_node *nodes; /* [n, n_features + 1]: features, an end mark */
    int64_t *row;           /* [n] rows class by class */
    int64_t *begin;         /* [n_classes + 1] of a class in `row` */
    int32_t *pair_class;    /* [n_pairs, 2] */
    int64_t *pair_begin;    /* [n_pairs + 1] of a pair in `value` */
    double *value;          /* decision values of rows when left out */
    bool *first;            /* whether such a row is of the pair's first class */
    double *coef;           /* [n_classes - 1, n] */
    double *rho;            /* [n_pairs] */
    bool *failed;           /* [n_pairs, N_MACHINES] */
} svm_fitting;

static void print_nothing(const char *text) {
    (void)text;
}

static void silence(void) {
    svm_set_print_string_function(print_nothing);
}

static void fill_nodes(svm_fitting *s) {
    const nn_classifier_fitting *f = s->fitting;
    struct svm_node *node = s->nodes;
    for (int64_t i = 0; i < f->n; i++) {
        for (int64_t j = 0; j < f->n_features; j++) {
            *node++ = (struct svm_node){(int)j + 1, f->x[i * f->n_features + j]};
        }
        *node++ = (struct svm_node){-1, 0};
    }
}

static void sort_rows(svm_fitting *s) {
    const nn_classifier_fitting *f = s->fitting;
    int64_t at = 0, pair = 0;
    for (int k = 0; k < f->n_classes; k++) {
        s->begin[k] = at;
        for (int64_t i = 0; i < f->n; i++) {
            if (f->label[i] == k) s->row[at++] = i;
        }
    }
    s->begin[f->n_classes] = at;
    for (int i = 0; i < f->n_classes; i++) {
        for (int j = i + 1; j < f->n_classes; j++, pair++) {
            s->pair_class[2 * pair] = i;
            s->pair_class[2 * pair + 1] = j;
            s->pair_begin[pair + 1] =
                s->pair_begin[pair] + s->begin[i + 1] - s->begin[i] + s->begin[j + 1] - s->begin[j];
        }
    }
}

/* The rows of a pair, one class after the other, with or without every fifth. */
typedef struct {
    int class[2];
    int64_t n;             /* of the pair */
    int n_kept, n_side[2]; /* rows to train on */
    struct svm_node **x, **kept;
    double *y;     /* [n_kept] 1 or -1 */
    int64_t *from; /* [n_kept] place in `row` */
    bool *out;     /* [n] */
} pair_rows;

static bool new_pair_rows(pair_rows *p, const svm_fitting *s, int64_t pair) {
    p->n = s->pair_begin[pair + 1] - s->pair_begin[pair];
    p->class[0] = s->pair_class[2 * pair];
    p->class[1] = s->pair_class[2 * pair + 1];
    p->x = base_alloc((size_t)p->n, sizeof *p->x);
    p->kept = base_alloc((size_t)p->n, sizeof *p->kept);
    p->y = base_alloc((size_t)p->n, sizeof *p->y);
    p->from = base_alloc((size_t)p->n, sizeof *p->from);
    p->out = base_alloc((size_t)p->n, sizeof *p->out);
    return p->x && p->kept && p->y && p->from && p->out;
}

static void release_pair_rows(pair_rows *p) {
    base_free(p->x);
    base_free(p->kept);
    base_free(p->y);
    base_free(p->from);
    base_free(p->out);
}

/* part N_PARTS leaves nothing out. */
static void pick_rows(pair_rows *p, const svm_fitting *s, int part) {
    int64_t n = 0;
    for (int side = 0; side < 2; side++) {
        int64_t begin = s->begin[p->class[side]], end = s->begin[p->class[side] + 1];
        for (int64_t i = begin; i < end; i++, n++) {
            p->x[n] = s->nodes + s->row[i] * (s->fitting->n_features + 1);
            p->out[n] = (i - begin) % N_PARTS == part;
            if (p->out[n]) continue;
            p->kept[p->n_kept] = p->x[n];
            p->y[p->n_kept] = side == 0 ? 1 : -1;
            p->from[p->n_kept++] = i;
            p->n_side[side]++;
        }
    }
}

static struct svm_model *train_pair(const svm_fitting *s, const pair_rows *p) {
    int labels[] = {1, -1};
    double weights[] = {s->fitting->class_weight[p->class[0]],
                        s->fitting->class_weight[p->class[1]]};
    struct svm_parameter parameter = s->parameter;
    struct svm_problem problem = {.l = p->n_kept, .y = p->y, .x = p->kept};
    parameter.nr_weight = 2;
    parameter.weight_label = labels;
    parameter.weight = weights;
    return svm_train(&problem, &parameter);
}

/* Another machine, on all rows, is what the classifier consists of. */
static void keep_machine(svm_fitting *s, int64_t pair, const pair_rows *p) {
    struct svm_model *model = train_pair(s, p);
    s->rho[pair] = model->rho[0];
    for (int v = 0; v < model->l; v++) {
        int kept = model->sv_indices[v] - 1, side = p->y[kept] > 0 ? 0 : 1;
        int other = side == 0 ? p->class[1] - 1 : p->class[0];
        int64_t row = s->row[p->from[kept]];
        s->coef[other * s->fitting->n + row] = model->sv_coef[0][v];
    }
    svm_free_and_destroy_model(&model);
}

/* Where one side has no rows left, the other is what every row is taken for. */
static void value_part(svm_fitting *s, int64_t pair, const pair_rows *p) {
    bool both = p->n_side[0] > 0 && p->n_side[1] > 0;
    double value = (p->n_side[0] > 0) - (p->n_side[1] > 0);
    struct svm_model *model = both ? train_pair(s, p) : NULL;
    for (int64_t i = 0; i < p->n; i++) {
        if (!p->out[i]) continue;
        if (both) svm_predict_values(model, p->x[i], &value);
        s->value[s->pair_begin[pair] + i] = value;
    }
    if (both) svm_free_and_destroy_model(&model);
}

static void fit_machine(void *context, int64_t task, int worker) {
    (void)worker;
    svm_fitting *s = context;
    int64_t pair = task / N_MACHINES;
    int part = (int)(task % N_MACHINES);
    pair_rows p = {0};
    s->failed[task] = !new_pair_rows(&p, s, pair);
    if (!s->failed[task]) {
        pick_rows(&p, s, part);
        if (part < N_PARTS) {
            value_part(s, pair, &p);
        } else {
            keep_machine(s, pair, &p);
        }
    }
    release_pair_rows(&p);
}

static void fit_sigmoids(svm_fitting *s, svm_classifier *m) {
    for (int64_t pair = 0; pair < m->n_pairs; pair++) {
        int64_t at = s->pair_begin[pair], n = s->pair_begin[pair + 1] - at;
        int first = s->pair_class[2 * pair];
        int64_t n_first = s->begin[first + 1] - s->begin[first];
        for (int64_t i = 0; i < n; i++) s->first[at + i] = i < n_first;
        m->sigmoid[pair] = nn_sigmoid_fit(s->value + at, s->first + at, n);
    }
}

static bool is_support(const svm_fitting *s, int64_t row) {
    for (int k = 0; k < s->fitting->n_classes - 1; k++) {
        if (s->coef[k * s->fitting->n + row] != 0) return true;
    }
    return false;
}

static base_status keep_vectors(const svm_fitting *s, svm_classifier *m, base_error *err) {
    const nn_classifier_fitting *f = s->fitting;
    size_t row_bytes = (size_t)f->n_features * sizeof *m->vector;
    for (int64_t i = 0; i < f->n; i++) m->n += is_support(s, i);
    size_t n = (size_t)m->n;
    m->vector = base_arena_alloc(f->arena, n, row_bytes);
    m->label = base_arena_alloc(f->arena, n, sizeof *m->label);
    m->coef = base_arena_alloc(f->arena, n, (size_t)(f->n_classes - 1) * sizeof *m->coef);
    if (!m->vector || !m->label || !m->coef) {
        return base_fail(err, BASE_EMEMORY, "no memory for the support vectors");
    }
    for (int64_t i = 0, at = 0; i < f->n; i++) {
        if (!is_support(s, i)) continue;
        memcpy(m->vector + at * f->n_features, f->x + i * f->n_features, row_bytes);
        m->label[at] = f->label[i];
        for (int k = 0; k < f->n_classes - 1; k++) {
            m->coef[k * m->n + at] = s->coef[k * f->n + i];
        }
        at++;
    }
    return BASE_OK;
}

static bool new_fitting(svm_fitting *s, int64_t n_pairs, base_arena *arena) {
    const nn_classifier_fitting *f = s->fitting;
    size_t n = (size_t)f->n, k = (size_t)f->n_classes, pairs = (size_t)n_pairs;
    size_t n_values = n * (k - 1);
    return (s->nodes = base_arena_alloc(arena, n * ((size_t)f->n_features + 1),
                                        sizeof *s->nodes)) != NULL &&
           (s->row = base_arena_alloc(arena, n, sizeof *s->row)) != NULL &&
           (s->begin = base_arena_alloc(arena, k + 1, sizeof *s->begin)) != NULL &&
           (s->pair_class = base_arena_alloc(arena, 2 * pairs, sizeof *s->pair_class)) != NULL &&
           (s->pair_begin = base_arena_alloc(arena, pairs + 1, sizeof *s->pair_begin)) != NULL &&
           (s->value = base_arena_alloc(arena, n_values, sizeof *s->value)) != NULL &&
           (s->first = base_arena_alloc(arena, n_values, sizeof *s->first)) != NULL &&
           (s->coef = base_arena_alloc(arena, n_values, sizeof *s->coef)) != NULL &&
           (s->failed = base_arena_alloc(arena, pairs, N_MACHINES)) != NULL;
}

static base_status fit_pairs(svm_fitting *s, svm_classifier *m, base_error *err) {
    static pthread_once_t silenced = PTHREAD_ONCE_INIT;
    pthread_once(&silenced, silence);
    fill_nodes(s);
    sort_rows(s);
    base_parallel(s->fitting->pool, m->n_pairs * N_MACHINES, fit_machine, s);
    for (int64_t i = 0; i < m->n_pairs * N_MACHINES; i++) {
        if (s->failed[i]) return base_fail(err, BASE_EMEMORY, "no memory to fit");
    }
    fit_sigmoids(s, m);
    return keep_vectors(s, m, err);
}

static svm_classifier *new_model(const nn_classifier_fitting *f, const svm_options *o) {
    svm_classifier *m = base_arena_alloc(f->arena, 1, sizeof *m);
    if (m == NULL) return NULL;
    *m = (svm_classifier){.n_features = f->n_features,
                          .n_classes = f->n_classes,
                          .n_pairs = (int64_t)f->n_classes * (f->n_classes - 1) / 2,
                          .kernel = o->kernel,
                          .degree = o->degree};
    m->rho = base_arena_alloc(f->arena, (size_t)m->n_pairs, sizeof *m->rho);
    m->sigmoid = base_arena_alloc(f->arena, (size_t)m->n_pairs, sizeof *m->sigmoid);
    m->parameters = base_arena_alloc(f->arena, 2, sizeof *m->parameters);
    if (!m->rho || !m->sigmoid || !m->parameters) return NULL;
    m->parameters[0] = find_gamma(o->gamma, f);
    m->parameters[1] = o->coef0;
    return m;
}

static base_status svm_fit(const void *options, const nn_classifier_fitting *f, void **model,
                           base_error *err) {
    static const int kernels[] = {
        [KERNEL_RBF] = RBF, [KERNEL_LINEAR] = LINEAR, [KERNEL_POLY] = POLY};
    const svm_options *o = options;
    svm_classifier *m = new_model(f, o);
    base_arena arena = {0};
    if (m == NULL) return base_fail(err, BASE_EMEMORY, "no memory to fit");
    svm_fitting s = {.fitting = f, .rho = m->rho};
    s.parameter = (struct svm_parameter){.svm_type = C_SVC,
                                         .kernel_type = kernels[o->kernel],
                                         .degree = (int)o->degree,
                                         .gamma = m->parameters[0],
                                         .coef0 = o->coef0,
                                         .cache_size = 100,
                                         .eps = o->tolerance,
                                         .C = o->c,
                                         .shrinking = 1};
    base_status status = new_fitting(&s, m->n_pairs, &arena)
                             ? fit_pairs(&s, m, err)
                             : base_fail(err, BASE_EMEMORY, "no memory to fit");
    base_arena_release(&arena);
    *model = m;
    return status;
}

/* ---- predicting ---- */

static double power(double base, int64_t exponent) {
    double result = 1;
    for (int64_t i = 0; i < exponent; i++) result *= base;
    return result;
}

static double kernel(const svm_classifier *m, const float *a, const float *b) {
    double gamma = m->parameters[0], coef0 = m->parameters[1];
    if (m->kernel == KERNEL_RBF) return exp(-gamma * nn_row_distance2(a, b, m->n_features));
    double dot = nn_row_dot(a, b, m->n_features);
    return m->kernel == KERNEL_LINEAR ? dot : power(gamma * dot + coef0, m->degree);
}

/* scratch: pairs, then what coupling needs. */
static void svm_classify(const void *model, const float *x, double *pair, double *probability) {
    const svm_classifier *m = model;
    int n = m->n_classes;
    for (int64_t i = 0; i < m->n_pairs; i++) pair[i] = -m->rho[i];
    for (int64_t v = 0; v < m->n; v++) {
        double near = kernel(m, m->vector + v * m->n_features, x);
        int own = m->label[v];
        for (int k = 0; k < n - 1; k++) {
            int64_t at = k < own ? nn_pair(k, own, n) : nn_pair(own, k + 1, n);
            pair[at] += m->coef[k * m->n + v] * near;
        }
    }
    for (int64_t i = 0; i < m->n_pairs; i++) pair[i] = nn_sigmoid_apply(m->sigmoid[i], pair[i]);
    nn_couple_pairs(pair, n, pair + m->n_pairs, probability);
}

static int64_t svm_scratch(const void *model) {
    const svm_classifier *m = model;
    return m->n_pairs + (int64_t)m->n_classes * (m->n_classes + 1);
}

static void svm_write(const void *model, const nn_classifier_store *store) {
    const svm_classifier *m = model;
    int64_t vector[] = {m->n, m->n_features}, coef[] = {m->n_classes - 1, m->n};
    int64_t sigmoid[] = {m->n_pairs, 2}, two = 2;
    nn_classifier_put(store, "kernel", BASE_H5_I64, 0, NULL, &m->kernel);
    nn_classifier_put(store, "degree", BASE_H5_I64, 0, NULL, &m->degree);
    nn_classifier_put(store, "parameters", BASE_H5_F64, 1, &two, m->parameters);
    nn_classifier_put(store, "vector", BASE_H5_F32, 2, vector, m->vector);
    nn_classifier_put(store, "label", BASE_H5_I32, 1, &m->n, m->label);
    nn_classifier_put(store, "coef", BASE_H5_F64, 2, coef, m->coef);
    nn_classifier_put(store, "rho", BASE_H5_F64, 1, &m->n_pairs, m->rho);
    nn_classifier_put(store, "sigmoid", BASE_H5_F64, 2, sigmoid, m->sigmoid);
}

static base_status svm_read(const nn_classifier_stored *stored, void **model, base_error *err) {
    svm_classifier *m = base_arena_alloc(stored->arena, 1, sizeof *m);
    if (m == NULL) return base_fail(err, BASE_EMEMORY, "no memory for the support vectors");
    int n_classes = stored->n_classes;
    *m = (svm_classifier){.n_features = stored->n_features,
                          .n_classes = n_classes,
                          .n_pairs = (int64_t)n_classes * (n_classes - 1) / 2};
    int64_t vector_shape[] = {-1, m->n_features}, two = 2, sigmoid_shape[] = {m->n_pairs, 2};
    void *vector, *label, *coef, *rho, *sigmoid, *parameters;
    BASE_TRY(nn_classifier_get_int(stored, "kernel", KERNEL_RBF, KERNEL_POLY, &m->kernel, err));
    BASE_TRY(nn_classifier_get_int(stored, "degree", 1, 20, &m->degree, err));
    BASE_TRY(nn_classifier_get(stored, "parameters", BASE_H5_F64, 1, &two, &parameters, err));
    BASE_TRY(nn_classifier_get(stored, "vector", BASE_H5_F32, 2, vector_shape, &vector, err));
    m->n = vector_shape[0];
    int64_t coef_shape[] = {n_classes - 1, m->n};
    BASE_TRY(nn_classifier_get(stored, "label", BASE_H5_I32, 1, &m->n, &label, err));
    BASE_TRY(nn_classifier_check_range(stored, "label", label, m->n, 0, n_classes, err));
    BASE_TRY(nn_classifier_get(stored, "coef", BASE_H5_F64, 2, coef_shape, &coef, err));
    BASE_TRY(nn_classifier_get(stored, "rho", BASE_H5_F64, 1, &m->n_pairs, &rho, err));
    BASE_TRY(nn_classifier_get(stored, "sigmoid", BASE_H5_F64, 2, sigmoid_shape, &sigmoid, err));
    m->vector = vector;
    m->label = label;
    m->coef = coef;
    m->rho = rho;
    m->sigmoid = sigmoid;
    m->parameters = parameters;
    *model = m;
    return BASE_OK;
}

static void svm_describe(const void *model, base_text *text) {
    char vectors[32];
    base_text_printf(text, "%s support vectors",
                     base_thousands(((const svm_classifier *)model)->n, vectors));
}

const nn_classifier_kind nn_classifier_svm = {
    .variant = {"svm", "support vectors with a kernel, one machine for each pair of classes", "c",
                svm_table, sizeof(svm_options)},
    .check = svm_check,
    .fit = svm_fit,
    .predict = svm_classify,
    .scratch = svm_scratch,
    .write = svm_write,
    .read = svm_read,
    .describe = svm_describe};
