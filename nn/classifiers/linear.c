/* Linear models by LIBLINEAR (R.-E. Fan et al., JMLR 9, 2008): logistic regression and the linear
 * support vector machine with squared hinge loss, one class against the rest; of two classes, one
 * against the other. The constant term is a feature that is 1 and is penalised like any other.
 *
 * With the l2 penalty LIBLINEAR's primal solvers draw no random numbers and classes are fitted side
 * by side. With l1 it shuffles by rand(), whose state all threads share: such fits go one after the
 * other behind a lock, each from a seed of its own. LIBLINEAR does not check its allocations. */
#include <linear.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "nn/classifiers/classifier_kind.h"

typedef struct {
    nn_classifier_common common;
    double c, tolerance;
    int penalty;
} linear_options;

enum { L2, L1 };

typedef struct {
    double *weight; /* [n_classes, n_features + 1], the constant last */
    int64_t n_features;
    int n_classes;
    bool logistic;
} linear_model;

#define FIELD(name) offsetof(linear_options, name)
static const base_option linear_table[] = {
    {"c", BASE_OPT_FLOAT, FIELD(c), "1", 1e-9, 1e9, NULL, NULL,
     "weight of the errors against that of the penalty"},
    {"penalty", BASE_OPT_CHOICE, FIELD(penalty), "l2", 0, 0, "l2|l1", NULL,
     "sum of squares or of absolute values of the weights"},
    {"tolerance", BASE_OPT_FLOAT, FIELD(tolerance), "1e-4", 1e-12, 1, NULL, NULL,
     "gradient at which the solver stops, relative to the first"},
    NN_CLASS_WEIGHT_OPTION,
    NN_STANDARDIZE_OPTION,
    {0}};

/* ---- fitting ---- */

typedef struct {
    const nn_classifier_fitting *fitting;
    const linear_options *options;
    int solver;
    struct feature_node *nodes; /* [n, n_features + 2]: features, the constant, an end mark */
    double *weight;             /* of the model */
    bool *failed;               /* [n_classes] */
} linear_fitting;

static void print_nothing(const char *text) {
    (void)text;
}

static void silence(void) {
    set_print_string_function(print_nothing);
}

static void fill_nodes(linear_fitting *l) {
    const nn_classifier_fitting *f = l->fitting;
    struct feature_node *node = l->nodes;
    for (int64_t i = 0; i < f->n; i++) {
        for (int64_t j = 0; j < f->n_features; j++) {
            *node++ = (struct feature_node){(int)j + 1, f->x[i * f->n_features + j]};
        }
        *node++ = (struct feature_node){(int)f->n_features + 1, 1};
        *node++ = (struct feature_node){-1, 0};
    }
}

/* Of two classes the first is fitted against the second. The rest has a weight of its own only
 * then, as in LIBLINEAR. */
static void train_class(linear_fitting *l, int class, struct feature_node **x, double *y) {
    const nn_classifier_fitting *f = l->fitting;
    int64_t n_weights = f->n_features + 1;
    int labels[] = {1, -1};
    double weights[] = {f->class_weight[class], f->n_classes == 2 ? f->class_weight[1] : 1};
    for (int64_t i = 0; i < f->n; i++) {
        x[i] = l->nodes + i * (f->n_features + 2);
        y[i] = f->label[i] == class ? 1 : -1;
    }
    struct problem problem = {.l = (int)f->n, .n = (int)n_weights, .y = y, .x = x, .bias = 1};
    struct parameter parameter = {.solver_type = l->solver,
                                  .eps = l->options->tolerance,
                                  .C = l->options->c,
                                  .nr_weight = 2,
                                  .weight_label = labels,
                                  .weight = weights,
                                  .p = 0.1};
    struct model *model = train(&problem, &parameter);
    double sign = model->label[0] == 1 ? 1 : -1;
    for (int64_t j = 0; j < n_weights; j++) l->weight[class * n_weights + j] = sign * model->w[j];
    free_and_destroy_model(&model);
}

static void fit_class(void *context, int64_t class, int worker) {
    (void)worker;
    linear_fitting *l = context;
    size_t n = (size_t)l->fitting->n;
    struct feature_node **x = base_alloc(n, sizeof *x);
    double *y = base_alloc(n, sizeof *y);
    l->failed[class] = x == NULL || y == NULL;
    if (!l->failed[class]) train_class(l, (int)class, x, y);
    base_free(x);
    base_free(y);
}

static void fit_one_by_one(linear_fitting *l, int n_fits) {
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&lock);
    for (int class = 0; class < n_fits; class ++) {
        srand((unsigned)l->fitting->seed + (unsigned)class);
        fit_class(l, class, 0);
    }
    pthread_mutex_unlock(&lock);
}

static base_status fit_classes(linear_fitting *l, base_error *err) {
    static pthread_once_t silenced = PTHREAD_ONCE_INIT;
    const nn_classifier_fitting *f = l->fitting;
    int n_fits = f->n_classes == 2 ? 1 : f->n_classes;
    int64_t n_weights = f->n_features + 1;
    pthread_once(&silenced, silence);
    fill_nodes(l);
    if (l->options->penalty == L1) {
        fit_one_by_one(l, n_fits);
    } else {
        base_parallel(f->pool, n_fits, fit_class, l);
    }
    for (int k = 0; k < n_fits; k++) {
        if (l->failed[k]) return base_fail(err, BASE_EMEMORY, "no memory to fit");
    }
    for (int64_t j = 0; j < n_weights && n_fits == 1; j++) {
        l->weight[n_weights + j] = -l->weight[j];
    }
    return BASE_OK;
}

static base_status fit_linear(const linear_options *options, const nn_classifier_fitting *f,
                              int solver, linear_model *m, base_error *err) {
    linear_fitting l = {.fitting = f, .options = options, .solver = solver};
    size_t n_classes = (size_t)f->n_classes, n_weights = (size_t)f->n_features + 1;
    m->n_features = f->n_features;
    m->n_classes = f->n_classes;
    m->weight = base_arena_alloc(f->arena, n_classes * n_weights, sizeof *m->weight);
    l.weight = m->weight;
    l.nodes = base_alloc((size_t)f->n * (n_weights + 1), sizeof *l.nodes);
    l.failed = base_alloc(n_classes, sizeof *l.failed);
    base_status status = m->weight && l.nodes && l.failed
                             ? fit_classes(&l, err)
                             : base_fail(err, BASE_EMEMORY, "no memory to fit");
    base_free(l.nodes);
    base_free(l.failed);
    return status;
}

static base_status new_model(base_arena *arena, bool logistic, linear_model **model,
                             base_error *err) {
    *model = base_arena_alloc(arena, 1, sizeof **model);
    if (*model == NULL) return base_fail(err, BASE_EMEMORY, "no memory for the weights");
    (*model)->logistic = logistic;
    return BASE_OK;
}

static base_status logistic_fit(const void *options, const nn_classifier_fitting *f, void **model,
                                base_error *err) {
    const linear_options *o = options;
    linear_model *m;
    BASE_TRY(new_model(f->arena, true, &m, err));
    *model = m;
    return fit_linear(o, f, o->penalty == L1 ? L1R_LR : L2R_LR, m, err);
}

static base_status hinge_fit(const void *options, const nn_classifier_fitting *f, void **model,
                             base_error *err) {
    const linear_options *o = options;
    linear_model *m;
    BASE_TRY(new_model(f->arena, false, &m, err));
    *model = m;
    return fit_linear(o, f, o->penalty == L1 ? L1R_L2LOSS_SVC : L2R_L2LOSS_SVC, m, err);
}

/* ---- predicting ---- */

/* Logistic regression gives each class a probability of its own; they are divided by their sum. A
 * hinge loss has no probabilities: its decision values, which it drives to 1 and -1, are taken as
 * logits. */
static void linear_predict(const void *model, const float *x, double *scratch,
                           double *probability) {
    (void)scratch;
    const linear_model *m = model;
    double sum = 0;
    for (int k = 0; k < m->n_classes; k++) {
        const double *weight = m->weight + k * (m->n_features + 1);
        double value = weight[m->n_features];
        for (int64_t j = 0; j < m->n_features; j++) value += weight[j] * x[j];
        probability[k] = m->logistic ? 1 / (1 + exp(-value)) : value;
        sum += probability[k];
    }
    if (!m->logistic) nn_row_softmax(probability, m->n_classes);
    for (int k = 0; k < m->n_classes && m->logistic; k++) {
        probability[k] = sum > 0 ? probability[k] / sum : 1.0 / m->n_classes;
    }
}

static void linear_write(const void *model, const nn_classifier_store *store) {
    const linear_model *m = model;
    int64_t shape[] = {m->n_classes, m->n_features + 1};
    nn_classifier_put(store, "weight", BASE_H5_F64, 2, shape, m->weight);
}

static base_status read_linear(const nn_classifier_stored *stored, bool logistic, void **model,
                               base_error *err) {
    linear_model *m;
    int64_t shape[] = {stored->n_classes, stored->n_features + 1};
    void *weight;
    BASE_TRY(new_model(stored->arena, logistic, &m, err));
    BASE_TRY(nn_classifier_get(stored, "weight", BASE_H5_F64, 2, shape, &weight, err));
    m->weight = weight;
    m->n_classes = stored->n_classes;
    m->n_features = stored->n_features;
    *model = m;
    return BASE_OK;
}

static base_status logistic_read(const nn_classifier_stored *stored, void **model,
                                 base_error *err) {
    return read_linear(stored, true, model, err);
}

static base_status hinge_read(const nn_classifier_stored *stored, void **model, base_error *err) {
    return read_linear(stored, false, model, err);
}

static void linear_describe(const void *model, base_text *text) {
    const linear_model *m = model;
    char weights[32];
    base_text_printf(text, "%s weights",
                     base_thousands(m->n_classes * (m->n_features + 1), weights));
}

const nn_classifier_kind nn_classifier_logistic_regression = {
    .variant = {"logistic_regression", "linear, each class against the rest, logistic loss", "c",
                linear_table, sizeof(linear_options)},
    .check = nn_classifier_check_nothing,
    .fit = logistic_fit,
    .predict = linear_predict,
    .scratch = nn_classifier_no_scratch,
    .write = linear_write,
    .read = logistic_read,
    .describe = linear_describe};

const nn_classifier_kind nn_classifier_linear_svm = {
    .variant = {"linear_svm", "linear, each class against the rest, squared hinge loss", "c",
                linear_table, sizeof(linear_options)},
    .check = nn_classifier_check_nothing,
    .fit = hinge_fit,
    .predict = linear_predict,
    .scratch = nn_classifier_no_scratch,
    .write = linear_write,
    .read = hinge_read,
    .describe = linear_describe};
