/* nn/classifiers/classifier_kind.h - the contract every kind of classifier fulfils.
 *
 * nn/classifiers/classifier.c does what all have in common: it checks the rows, numbers the classes
 * that occur from 0 on, standardises, cuts rows into tasks. A kind sees neither absent classes nor
 * numbers that are not finite. */
#ifndef NN_CLASSIFIERS_CLASSIFIER_KIND_H
#define NN_CLASSIFIERS_CLASSIFIER_KIND_H

#include "nn/classifiers/classifier.h"

/* What every options struct begins with. A table without these options leaves them 0. */
typedef struct {
    int class_weight; /* 0: none, 1: balanced */
    bool standardize;
} nn_classifier_common;

#define NN_CLASS_WEIGHT_OPTION                                                                     \
    {                                                                                              \
        "class_weight", BASE_OPT_CHOICE, offsetof(nn_classifier_common, class_weight), "none", 0,  \
            0, "none|balanced", NULL,                                                              \
            "balanced: rows of a class weigh the more, the rarer it is, as in scikit-learn"        \
    }
#define NN_STANDARDIZE_OPTION                                                                      \
    {                                                                                              \
        "standardize", BASE_OPT_BOOL, offsetof(nn_classifier_common, standardize), "true", 0, 0,   \
            NULL, NULL,                                                                            \
            "whether features are given a mean of 0 and a standard deviation of 1 first"           \
    }

/* What `fit` is given. */
typedef struct {
    const float *x;             /* [n, n_features] */
    const int32_t *label;       /* [n], in [0, n_classes); every class occurs */
    const double *class_weight; /* [n_classes] */
    int64_t n, n_features;      /* both at most NN_CLASSIFIER_MAX */
    int n_classes;              /* at least 2 */
    uint64_t seed;
    base_pool *pool;
    base_arena *arena; /* for the model, whose life it has */
} nn_classifier_fitting;

#define NN_CLASSIFIER_MAX (1 << 30)

/* A group of a file being written, and one being read. */
typedef struct {
    base_h5_writer *writer;
    const char *prefix;
} nn_classifier_store;

typedef struct {
    base_h5_reader *reader;
    const char *prefix;
    int64_t n_features;
    int n_classes;
    base_arena *arena; /* for the model */
} nn_classifier_stored;

/* Every pointer is mandatory. */
typedef struct {
    base_variant variant;

    /* What the table of options can't say; ECONFIG. */
    base_status (*check)(const void *options, base_error *err);

    base_status (*fit)(const void *options, const nn_classifier_fitting *fitting, void **model,
                       base_error *err);

    /* One row x [n_features] to probability [n_classes]; scratch [scratch(model)]. */
    void (*predict)(const void *model, const float *x, double *scratch, double *probability);
    int64_t (*scratch)(const void *model);

    /* Errors are remembered by the writer. */
    void (*write)(const void *model, const nn_classifier_store *store);
    /* Leaves no number in the model that `predict` could stumble on. */
    base_status (*read)(const nn_classifier_stored *stored, void **model, base_error *err);

    void (*describe)(const void *model, base_text *text);
} nn_classifier_kind;

base_status nn_classifier_check_nothing(const void *options, base_error *err);
int64_t nn_classifier_no_scratch(const void *model);

/* Writes one dataset of the group. */
void nn_classifier_put(const nn_classifier_store *store, const char *name, base_h5_type type,
                       int rank, const int64_t *shape, const void *data);

/* Reads one into *data, from the arena. An extent of -1 may be any from 1 to NN_CLASSIFIER_MAX and
 * is replaced by the one found; any other is an error. So are numbers that are not finite. */
base_status nn_classifier_get(const nn_classifier_stored *stored, const char *name,
                              base_h5_type type, int rank, int64_t *shape, void **data,
                              base_error *err);
/* The same for a single whole number in min..max, stored as I64. */
base_status nn_classifier_get_int(const nn_classifier_stored *stored, const char *name, int64_t min,
                                  int64_t max, int64_t *value, base_error *err);
/* Fails unless lo <= items[i] < hi for all of them. */
base_status nn_classifier_check_range(const nn_classifier_stored *stored, const char *name,
                                      const int32_t *items, int64_t n, int64_t lo, int64_t hi,
                                      base_error *err);
base_status nn_classifier_malformed(const nn_classifier_stored *stored, const char *name,
                                    const char *what, base_error *err);

/* Sums in double, in an order that depends on n alone. */
double nn_row_dot(const float *a, const float *b, int64_t n);
double nn_row_distance2(const float *a, const float *b, int64_t n); /* of (a - b)^2 */

void nn_row_softmax(double *scores, int n);

#define NN_CLASSIFIER(name) extern const nn_classifier_kind nn_classifier_##name;
#include "nn/classifiers/classifiers.def"
#undef NN_CLASSIFIER

#endif
