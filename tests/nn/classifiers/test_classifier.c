#include "nn/classifiers/classifier.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/rng.h"
#include "tests/golden.h"
#include "tests/test.h"

enum { FEATURES = 24, CLASSES = 5, FOLDS = 3, MAX_ROWS = 640 };

/* The golden's rows; fold f holds every third row from f on. */
typedef struct {
    float x[MAX_ROWS * FEATURES];
    int32_t label[MAX_ROWS];
    int64_t n;
} rows;

static rows all, train, held_out;
static golden *reference;
static base_arena arena;
static base_error err;

static void add_row(rows *to, const float *x, int32_t label) {
    memcpy(to->x + to->n * FEATURES, x, FEATURES * sizeof *x);
    to->label[to->n++] = label;
}

static void split(int fold) {
    train.n = held_out.n = 0;
    for (int64_t i = 0; i < all.n; i++) {
        add_row(i % FOLDS == fold ? &held_out : &train, all.x + i * FEATURES, all.label[i]);
    }
}

static void open_rows(void) {
    if (reference == NULL) {
        int64_t n;
        reference = golden_open("nn_classifiers");
        const float *label = golden_get(reference, "label", &n);
        const float *x = golden_get(reference, "x", NULL);
        ck_assert_int_le(n, MAX_ROWS);
        for (int64_t i = 0; i < n; i++) add_row(&all, x + i * FEATURES, (int32_t)label[i]);
    }
    split(0);
}

static base_status bind(const char *yaml, base_choice *choice) {
    base_node *root;
    char text[256];
    snprintf(text, sizeof text, "classifier: %s\n", yaml);
    TEST_OK(base_yaml_parse(text, "test", &arena, &root, &err), err);
    return nn_classifier_bind(base_node_get(root, "classifier"), &arena, choice, &err);
}

static nn_classifier_training training_on(const rows *r) {
    return (nn_classifier_training){.x = r->x,
                                    .label = r->label,
                                    .n = r->n,
                                    .n_features = FEATURES,
                                    .n_classes = CLASSES,
                                    .seed = 11};
}

static nn_classifier *fit_with(const char *yaml, const nn_classifier_training *training) {
    base_choice choice;
    nn_classifier *classifier;
    TEST_OK(bind(yaml, &choice), err);
    TEST_OK(nn_classifier_fit(&choice, training, &classifier, &err), err);
    return classifier;
}

static nn_classifier *fit(const char *yaml) {
    nn_classifier_training training = training_on(&train);
    return fit_with(yaml, &training);
}

static base_status fit_status(const char *yaml, const nn_classifier_training *training) {
    base_choice choice;
    nn_classifier *classifier;
    TEST_OK(bind(yaml, &choice), err);
    base_status status = nn_classifier_fit(&choice, training, &classifier, &err);
    ck_assert(status != BASE_OK && classifier == NULL);
    return status;
}

static void predict(const nn_classifier *classifier, const rows *r, base_pool *pool, float *p) {
    memset(p, 0xff, (size_t)(r->n * CLASSES) * sizeof *p);
    TEST_OK(nn_classifier_predict(classifier, r->x, r->n, pool, p, &err), err);
}

static int best_of(const float *p) {
    int best = 0;
    for (int k = 1; k < CLASSES; k++) {
        if (p[k] > p[best]) best = k;
    }
    return best;
}

static double accuracy(const rows *r, const float *p) {
    int64_t hits = 0;
    for (int64_t i = 0; i < r->n; i++) hits += best_of(p + i * CLASSES) == r->label[i];
    return (double)hits / (double)r->n;
}

/* ---- against scikit-learn ---- */

typedef struct {
    const char *name, *yaml;
    double tolerance;
    int n_classes; /* classes the rows for fitting are of */
} golden_case;

static const golden_case cases[] = {
    {"logistic", "{logistic_regression: {tolerance: 1e-9}}", 1e-5, 5},
    {"logistic_balanced",
     "{logistic_regression: {c: 0.05, class_weight: balanced, tolerance: 1e-9}}", 1e-5, 5},
    {"logistic_l1", "{logistic_regression: {c: 0.2, penalty: l1, tolerance: 1e-9}}", 1e-5, 5},
    {"logistic_two", "{logistic_regression: {tolerance: 1e-9}}", 1e-5, 2},
    {"linear_svm", "{linear_svm: {c: 0.1, tolerance: 1e-9}}", 1e-5, 5},
    {"linear_svm_balanced", "{linear_svm: {c: 0.01, class_weight: balanced, tolerance: 1e-9}}",
     1e-5, 5},
    {"svm", "{svm: {tolerance: 1e-7}}", 1e-5, 5},
    {"svm_two", "{svm: {tolerance: 1e-7}}", 1e-5, 2},
    {"svm_balanced", "{svm: {c: 0.3, gamma: auto, class_weight: balanced, tolerance: 1e-7}}", 1e-5,
     5},
    {"svm_linear", "{svm: {c: 0.1, kernel: linear, tolerance: 1e-7}}", 1e-5, 5},
    {"svm_poly", "{svm: {c: 2, kernel: poly, degree: 2, gamma: 0.05, coef0: 1, tolerance: 1e-7}}",
     1e-5, 5},
    {"nearest", "nearest", 1e-6, 5},
    {"nearest_distance", "{nearest: {k: 7, weights: distance, standardize: false}}", 1e-6, 5},
    {"nearest_cosine", "{nearest: {k: 9, metric: cosine}}", 1e-6, 5},
    {"tree",
     "{random_forest: {trees: 1, features: all, bootstrap: false, max_depth: 3, min_leaf: 5,"
     " class_weight: balanced}}",
     1e-6, 5},
    {"boosted", "{adaboost: {rounds: 30}}", 1e-5, 5},
};
enum { N_CASES = sizeof cases / sizeof *cases };

static void check_case(const golden_case *c) {
    static rows few;
    static float p[MAX_ROWS * CLASSES], expected[MAX_ROWS * CLASSES];
    int64_t n;
    few.n = 0;
    for (int64_t i = 0; i < train.n; i++) {
        if (train.label[i] < c->n_classes) {
            add_row(&few, train.x + i * FEATURES, train.label[i]);
        }
    }
    const float *stored = golden_get(reference, c->name, &n);
    ck_assert_int_eq(n, held_out.n * c->n_classes);
    memset(expected, 0, sizeof expected); /* what is absent has probability 0 */
    for (int64_t i = 0; i < n; i++) {
        expected[i / c->n_classes * CLASSES + i % c->n_classes] = stored[i];
    }
    nn_classifier_training training = training_on(&few);
    nn_classifier *classifier = fit_with(c->yaml, &training);
    predict(classifier, &held_out, NULL, p);
    test_close(c->name, p, expected, held_out.n * CLASSES, 0, c->tolerance);
    nn_classifier_free(classifier);
}

START_TEST(gives_scikit_learns_probabilities) {
    open_rows();
    for (int i = 0; i < N_CASES; i++) check_case(&cases[i]);
}
END_TEST

/* Mean over the folds, as in make_classifiers.py. */
static double cross_validate(const char *yaml) {
    static float p[MAX_ROWS * CLASSES];
    double sum = 0;
    for (int fold = 0; fold < FOLDS; fold++) {
        split(fold);
        nn_classifier *classifier = fit(yaml);
        predict(classifier, &held_out, NULL, p);
        sum += accuracy(&held_out, p);
        nn_classifier_free(classifier);
    }
    return sum / FOLDS;
}

START_TEST(is_as_accurate_as_scikit_learn) {
    static const struct {
        const char *name, *yaml;
    } models[] = {
        {"forest_accuracy", "random_forest"},
        {"forest_small_accuracy",
         "{random_forest: {trees: 200, max_depth: 4, min_leaf: 3, features: log2,"
         " class_weight: balanced}}"},
        {"forest_all_accuracy", "{random_forest: {trees: 200, features: 12, bootstrap: false}}"},
        {"boosted_accuracy", "adaboost"},
        {"boosted_deep_accuracy", "{adaboost: {rounds: 100, max_depth: 3, learning_rate: 0.5}}"},
        {"svm_accuracy", "svm"},
    };
    open_rows();
    for (int i = 0; i < 6; i++) {
        double ours = cross_validate(models[i].yaml);
        double theirs = *golden_get(reference, models[i].name, NULL);
        ck_assert_msg(fabs(ours - theirs) <= 0.01, "%s: %.4f, scikit-learn has %.4f",
                      models[i].name, ours, theirs);
    }
}
END_TEST

START_TEST(a_full_tree_knows_its_rows) {
    static float p[MAX_ROWS * CLASSES];
    open_rows();
    nn_classifier *tree = fit("{random_forest: {trees: 1, features: all, bootstrap: false}}");
    predict(tree, &train, NULL, p);
    ck_assert(accuracy(&train, p) == 1);
    nn_classifier_free(tree);
}
END_TEST

/* ---- the same bits ---- */

static const char *const kinds[] = {
    "{random_forest: {trees: 20}}",
    "{random_forest: {trees: 7, max_depth: 3, features: all}}",
    "{adaboost: {rounds: 12, max_depth: 2}}",
    "logistic_regression",
    "{linear_svm: {penalty: l1, c: 0.05, tolerance: 1e-3}}",
    "svm",
    "{svm: {kernel: poly, coef0: 1, standardize: false}}",
    "nearest",
    "{nearest: {k: 3, weights: distance, metric: cosine, standardize: false}}",
};
enum { N_KINDS = sizeof kinds / sizeof *kinds };

START_TEST(bits_do_not_depend_on_threads) {
    static float p[MAX_ROWS * CLASSES], q[MAX_ROWS * CLASSES];
    open_rows();
    for (int i = 0; i < N_KINDS; i++) {
        nn_classifier *one = fit(kinds[i]);
        predict(one, &held_out, NULL, p);
        for (int threads = 2; threads <= 3; threads++) {
            base_pool *pool;
            TEST_OK(base_pool_new(threads, &pool, &err), err);
            nn_classifier_training training = training_on(&train);
            training.pool = pool;
            nn_classifier *other = fit_with(kinds[i], &training);
            predict(other, &held_out, pool, q);
            ck_assert_mem_eq(p, q, (size_t)(held_out.n * CLASSES) * sizeof *p);
            nn_classifier_free(other);
            base_pool_free(pool);
        }
        nn_classifier_free(one);
    }
}
END_TEST

/* Fits that go on at the same time, as folds do; l1 shuffles by a generator that all share. */
enum { JOBS = 4 };
static float side[JOBS][MAX_ROWS * CLASSES];
static base_choice side_choice;

static void fit_aside(void *context, int job) {
    base_error mine;
    nn_classifier *classifier;
    const nn_classifier_training *training = context;
    if (nn_classifier_fit(&side_choice, training, &classifier, &mine) != BASE_OK) return;
    nn_classifier_predict(classifier, held_out.x, held_out.n, NULL, side[job], &mine);
    nn_classifier_free(classifier);
}

START_TEST(fits_side_by_side_do_not_disturb_each_other) {
    static float p[MAX_ROWS * CLASSES];
    open_rows();
    static const char *const disturbed[] = {"{logistic_regression: {penalty: l1, tolerance: 0.1}}",
                                            "{svm: {tolerance: 0.1}}"};
    for (int i = 0; i < 2; i++) {
        nn_classifier *classifier = fit(disturbed[i]);
        predict(classifier, &held_out, NULL, p);
        nn_classifier_free(classifier);
        TEST_OK(bind(disturbed[i], &side_choice), err);
        memset(side, 0, sizeof side);
        nn_classifier_training training = training_on(&train);
        base_side_by_side(JOBS, fit_aside, &training);
        for (int job = 0; job < JOBS; job++) {
            ck_assert_mem_eq(side[job], p, (size_t)(held_out.n * CLASSES) * sizeof *p);
        }
    }
}
END_TEST

START_TEST(seeds_count_where_numbers_are_drawn) {
    static float p[MAX_ROWS * CLASSES], q[MAX_ROWS * CLASSES];
    open_rows();
    nn_classifier_training training = training_on(&train);
    training.seed++;
    for (int i = 0; i < N_KINDS; i++) {
        nn_classifier *a = fit(kinds[i]), *b = fit_with(kinds[i], &training);
        predict(a, &held_out, NULL, p);
        predict(b, &held_out, NULL, q);
        bool same = memcmp(p, q, (size_t)(held_out.n * CLASSES) * sizeof *p) == 0;
        bool draws = strncmp(nn_classifier_name(a), "random", 6) == 0 || strstr(kinds[i], "l1");
        if (draws) ck_assert_msg(!same, "%s", kinds[i]);
        if (!draws && strcmp(nn_classifier_name(a), "adaboost") != 0) {
            ck_assert_msg(same, "%s", kinds[i]);
        }
        nn_classifier_free(a);
        nn_classifier_free(b);
    }
}
END_TEST

/* ---- files ---- */

static char path[512], spoiled_path[512];

static void write_file(const nn_classifier *classifier) {
    base_h5_writer *writer;
    snprintf(path, sizeof path, "%s/c.h5", test_folder());
    snprintf(spoiled_path, sizeof spoiled_path, "%s/spoiled.h5", test_folder());
    TEST_OK(base_h5_writer_new("test", 1, &writer, &err), err);
    TEST_OK(nn_classifier_write(classifier, writer, "a/classifier", &err), err);
    TEST_OK(base_h5_writer_finish(writer, path, &err), err);
}

static base_status read_file(const char *file, int64_t n_features, int n_classes,
                             nn_classifier **classifier) {
    base_h5_reader *reader;
    TEST_OK(base_h5_reader_open(file, "test", 1, NULL, &reader, &err), err);
    base_status status =
        nn_classifier_read(reader, "a/classifier", n_features, n_classes, classifier, &err);
    base_h5_reader_free(reader);
    ck_assert((status == BASE_OK) == (*classifier != NULL));
    return status;
}

START_TEST(reads_what_it_wrote) {
    static float p[MAX_ROWS * CLASSES], q[MAX_ROWS * CLASSES];
    open_rows();
    for (int i = 0; i < N_KINDS; i++) {
        void *first, *second;
        size_t n_first, n_second;
        nn_classifier *a = fit(kinds[i]), *b;
        write_file(a);
        TEST_OK(base_file_read(path, 0, &first, &n_first, &err), err);
        TEST_OK(read_file(path, FEATURES, CLASSES, &b), err);
        write_file(b);
        TEST_OK(base_file_read(path, 0, &second, &n_second, &err), err);
        ck_assert(n_first == n_second && memcmp(first, second, n_first) == 0);
        predict(a, &held_out, NULL, p);
        predict(b, &held_out, NULL, q);
        ck_assert_mem_eq(p, q, (size_t)(held_out.n * CLASSES) * sizeof *p);
        ck_assert_str_eq(nn_classifier_name(a), nn_classifier_name(b));
        ck_assert_int_eq(nn_classifier_n_features(b), FEATURES);
        ck_assert_int_eq(nn_classifier_n_classes(b), CLASSES);
        nn_classifier_free(a);
        nn_classifier_free(b);
        base_free(first);
        base_free(second);
    }
}
END_TEST

START_TEST(a_file_of_another_size_is_refused) {
    open_rows();
    nn_classifier *classifier = fit("nearest"), *read;
    write_file(classifier);
    TEST_FAILS(read_file(path, FEATURES + 1, CLASSES, &read), BASE_ESHAPE, err, "24 features");
    TEST_FAILS(read_file(path, FEATURES, CLASSES - 1, &read), BASE_ESHAPE, err, "5 classes");
    nn_classifier_free(classifier);
}
END_TEST

/* What to do to one dataset of a file on the way into another. */
typedef struct {
    const char *name; /* in the group */
    enum { KEEP, DROP, SHORTEN, SET } change;
    int64_t at; /* SET: which number */
    double value;
} fault;

static base_h5_type type_of(const char *name) {
    static const struct {
        base_h5_type type;
        const char *names;
    } types[] = {{BASE_H5_I32, " root feature child label classes "},
                 {BASE_H5_F32, " threshold leaf x vector "},
                 {BASE_H5_I64, " k weights metric kernel degree n_features n_classes "}};
    char padded[64];
    snprintf(padded, sizeof padded, " %s ", name);
    for (int i = 0; i < 3; i++) {
        if (strstr(types[i].names, padded) != NULL) return types[i].type;
    }
    return BASE_H5_F64;
}

static void copy_numbers(base_h5_reader *reader, base_h5_writer *writer, const char *name,
                         const char *full, const fault *f) {
    base_arena numbers = {0};
    int rank;
    int64_t shape[BASE_H5_MAX_RANK], n;
    void *data;
    base_h5_type type = type_of(name);
    TEST_OK(base_h5_shape(reader, full, &rank, shape, &err), err);
    TEST_OK(base_h5_get_alloc(reader, full, type, &numbers, &data, &n, &err), err);
    if (f->change == SHORTEN && rank > 0 && shape[0] > 1) shape[0]--;
    if (f->change == SET) {
        int64_t at = f->at % n;
        if (type == BASE_H5_I32) ((int32_t *)data)[at] = (int32_t)f->value;
        if (type == BASE_H5_I64) ((int64_t *)data)[at] = (int64_t)f->value;
        if (type == BASE_H5_F32) ((float *)data)[at] = (float)f->value;
        if (type == BASE_H5_F64) ((double *)data)[at] = f->value;
    }
    TEST_OK(base_h5_put(writer, full, type, rank, shape, data, &err), err);
    base_arena_release(&numbers);
}

/* Copies the file with a fault. */
static void spoil(const char *const *names, int64_t n_names, const fault *f) {
    base_h5_reader *reader;
    base_h5_writer *writer;
    base_arena strings = {0};
    TEST_OK(base_h5_reader_open(path, "test", 1, NULL, &reader, &err), err);
    TEST_OK(base_h5_writer_new("test", 1, &writer, &err), err);
    for (int64_t i = 0; i < n_names; i++) {
        char full[128];
        const char *text;
        fault own = strcmp(names[i], f->name) == 0 ? *f : (fault){0};
        snprintf(full, sizeof full, "a/classifier/%s", names[i]);
        if (own.change == DROP) continue;
        if (strcmp(names[i], "kind") != 0) {
            copy_numbers(reader, writer, names[i], full, &own);
            continue;
        }
        TEST_OK(base_h5_get_string(reader, full, &strings, &text, &err), err);
        TEST_OK(base_h5_put_string(writer, full, own.change == SET ? "oracle" : text, &err), err);
    }
    base_h5_reader_free(reader);
    base_arena_release(&strings);
    TEST_OK(base_h5_writer_finish(writer, spoiled_path, &err), err);
}

static int64_t list_names(const char ***names) {
    base_h5_reader *reader;
    int64_t n;
    TEST_OK(base_h5_reader_open(path, "test", 1, NULL, &reader, &err), err);
    TEST_OK(base_h5_list(reader, "a/classifier", &arena, names, &n, &err), err);
    base_h5_reader_free(reader);
    return n;
}

/* Reads the spoiled file; if it is taken for good, predicting must end and stay in bounds. */
static base_status read_spoiled(const char *const *names, int64_t n_names, const fault *f) {
    static float p[MAX_ROWS * CLASSES];
    nn_classifier *read;
    spoil(names, n_names, f);
    base_status status = read_file(spoiled_path, FEATURES, CLASSES, &read);
    if (status == BASE_OK) {
        ck_assert_msg(f->change == SET, "%s was not missed", f->name);
        TEST_OK(nn_classifier_predict(read, held_out.x, 20, NULL, p, &err), err);
    }
    nn_classifier_free(read);
    return status;
}

START_TEST(spoiled_files_do_no_harm) {
    static const char *const small[] = {"{random_forest: 3}", "{adaboost: 3}", "linear_svm",
                                        "{svm: {tolerance: 0.1}}", "nearest"};
    static const double values[] = {-2, 24, 2147483647, NAN};
    base_rng rng = base_rng_open(8, BASE_RNG_TEST, 0, 0);
    open_rows();
    for (int i = 0; i < 5; i++) {
        const char **names;
        nn_classifier *classifier = fit(small[i]);
        write_file(classifier);
        int64_t n = list_names(&names);
        for (int64_t j = 0; j < n; j++) {
            base_h5_type type = type_of(names[j]);
            bool integral = type == BASE_H5_I32 || type == BASE_H5_I64;
            bool optional = strcmp(names[j], "mean") == 0; /* rows are then not standardised */
            if (!optional) ck_assert(read_spoiled(names, n, &(fault){names[j], DROP, 0, 0}));
            for (int v = 0; v < 4; v++) {
                fault f = {names[j], SET, base_rng_below(&rng, 1 << 30), values[v]};
                if (isnan(f.value) && integral) continue;
                base_status status = read_spoiled(names, n, &f);
                if (isnan(f.value)) ck_assert_msg(status != BASE_OK, "%s took NaN", names[j]);
            }
        }
        nn_classifier_free(classifier);
    }
}
END_TEST

START_TEST(faults_are_named) {
    static const struct {
        const char *yaml;
        fault fault;
        base_status status;
        const char *text;
    } known[] = {
        {"{random_forest: 5}", {"child", SET, 0, 0}, BASE_EFORMAT, "classifier/child'"},
        {"{random_forest: 5}", {"root", SET, 1, 1e6}, BASE_EFORMAT, "classifier/root'"},
        {"{random_forest: 5}", {"root", SET, 1, -1}, BASE_EFORMAT, "classifier/root'"},
        {"{random_forest: 5}", {"feature", SET, 0, FEATURES}, BASE_EFORMAT, "classifier/feature'"},
        {"{random_forest: 5}", {"child", SHORTEN, 0, 0}, BASE_ESHAPE, "classifier/child'"},
        {"{random_forest: 5}", {"leaf", SET, 0, 0.5}, BASE_EFORMAT, "no probabilities"},
        {"{random_forest: 5}", {"kind", SET, 0, 0}, BASE_EFORMAT, "'oracle'"},
        {"{adaboost: 5}", {"vote", SET, 0, 2}, BASE_EFORMAT, "classifier/vote'"},
        {"{adaboost: 5}", {"classes", SET, 1, 0}, BASE_EFORMAT, "classifier/classes'"},
        {"nearest", {"k", SET, 0, 1000}, BASE_EFORMAT, "classifier/k'"},
        {"nearest", {"label", SET, 7, CLASSES}, BASE_EFORMAT, "classifier/label'"},
        {"svm", {"label", SET, 7, -1}, BASE_EFORMAT, "classifier/label'"},
        {"svm", {"kernel", SET, 0, 3}, BASE_EFORMAT, "classifier/kernel'"},
        {"svm", {"coef", SHORTEN, 0, 0}, BASE_ESHAPE, "classifier/coef'"},
        {"logistic_regression", {"weight", SHORTEN, 0, 0}, BASE_ESHAPE, "classifier/weight'"},
    };
    open_rows();
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        const char **names;
        nn_classifier *classifier = fit(known[i].yaml);
        write_file(classifier);
        int64_t n = list_names(&names);
        TEST_FAILS(read_spoiled(names, n, &known[i].fault), known[i].status, err, known[i].text);
        nn_classifier_free(classifier);
    }
}
END_TEST

/* ---- settings and rows ---- */

START_TEST(settings_are_checked) {
    base_choice choice;
    static const struct {
        const char *yaml, *text;
    } wrong[] = {
        {"{random_forest: {features: some}}", "test:1: classifier"},
        {"{random_forest: {features: 0}}", "sqrt, log2, all or a number"},
        {"{svm: {gamma: -1}}", "gamma is '-1'"},
        {"{svm: {gamma: wide}}", "gamma is 'wide'"},
        {"{svm: {kernel: string}}", "kernel"},
        {"{nearest: {neighbours: 3}}", "neighbours"},
        {"random_forrest", "random_forest"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        TEST_FAILS(bind(wrong[i].yaml, &choice), BASE_ECONFIG, err, wrong[i].text);
    }
}
END_TEST

START_TEST(rows_are_checked) {
    open_rows();
    nn_classifier_training training = training_on(&train);
    TEST_FAILS(fit_status("{nearest: 1000}", &training), BASE_ECONFIG, err, "k is 1000");
    TEST_FAILS(fit_status("{random_forest: {features: 25}}", &training), BASE_ECONFIG, err,
               "features is 25, but there are only 24");
    train.x[3 * FEATURES + 5] = NAN;
    TEST_FAILS(fit_status("svm", &training), BASE_ENUMERIC, err, "row 3, feature 5");
    open_rows();
    memset(train.label, 0, sizeof train.label);
    TEST_FAILS(fit_status("svm", &training), BASE_EDATA, err, "at least two classes");
    open_rows();
    nn_classifier *classifier = fit("nearest");
    float row[FEATURES] = {0}, p[CLASSES];
    row[2] = INFINITY;
    TEST_FAILS(nn_classifier_predict(classifier, row, 1, NULL, p, &err), BASE_ENUMERIC, err,
               "row 0, feature 2");
    nn_classifier_free(classifier);
    split(0);
}
END_TEST

/* Rows that are all the same but for their labels, and rows far from all that was seen. */
START_TEST(strange_rows_get_probabilities) {
    float x[8 * FEATURES] = {0}, p[2 * CLASSES], far[2 * FEATURES];
    open_rows();
    const int32_t label[8] = {0, 3, 0, 3, 0, 3, 0, 3};
    for (int i = 0; i < 8 * FEATURES; i++) x[i] = 1e-30f;
    for (int i = 0; i < FEATURES; i++) {
        far[i] = i % 2 ? 3e38f : -3e38f;
        far[FEATURES + i] = -far[i];
    }
    nn_classifier_training training = {
        .x = x, .label = label, .n = 8, .n_features = FEATURES, .n_classes = CLASSES};
    for (int i = 0; i < N_KINDS; i++) {
        if (strstr(kinds[i], "adaboost") != NULL) {
            training.x = all.x; /* it refuses rows on which nothing beats chance */
        }
        nn_classifier *classifier = fit_with(kinds[i], &training);
        training.x = x;
        TEST_OK(nn_classifier_predict(classifier, far, 2, NULL, p, &err), err);
        for (int row = 0; row < 2; row++) {
            const float *q = p + row * CLASSES;
            ck_assert_msg(fabsf(q[0] + q[3] - 1) < 1e-5f && q[0] >= 0 && q[3] >= 0, "%s: %g %g",
                          kinds[i], q[0], q[3]);
            ck_assert(q[1] == 0 && q[2] == 0 && q[4] == 0);
        }
        nn_classifier_free(classifier);
    }
    TEST_FAILS(fit_status("adaboost", &training), BASE_EDATA, err, "no better than chance");
}
END_TEST

START_TEST(classifiers_describe_themselves) {
    static const struct {
        const char *yaml, *text;
    } described[] = {{"{random_forest: 20}", "20 trees, "},
                     {"{adaboost: 4}", "4 trees, 12 nodes"},
                     {"logistic_regression", "125 weights"},
                     {"svm", " support vectors"},
                     {"nearest", "400 neighbours"}};
    open_rows();
    for (size_t i = 0; i < sizeof described / sizeof *described; i++) {
        base_text text = {0};
        nn_classifier *classifier = fit(described[i].yaml);
        nn_classifier_describe(classifier, &text);
        ck_assert_msg(strstr(base_text_string(&text), described[i].text) != NULL, "%s",
                      base_text_string(&text));
        base_text_release(&text);
        nn_classifier_free(classifier);
    }
}
END_TEST

TEST_MAIN("nn/classifiers/classifier", gives_scikit_learns_probabilities,
          is_as_accurate_as_scikit_learn, a_full_tree_knows_its_rows, bits_do_not_depend_on_threads,
          fits_side_by_side_do_not_disturb_each_other, seeds_count_where_numbers_are_drawn,
          reads_what_it_wrote, a_file_of_another_size_is_refused, spoiled_files_do_no_harm,
          faults_are_named, settings_are_checked, rows_are_checked, strange_rows_get_probabilities,
          classifiers_describe_themselves)
