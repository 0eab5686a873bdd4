/* nn/classifiers/classifier.h - statistical classifiers of feature vectors: forests, boosted trees,
 * linear models, support vectors, nearest neighbours.
 *
 * Chosen in a configuration as `classifier: NAME` or `classifier: {NAME: {options}}`. What they are
 * given are rows of n_features float32; the same rows, options and seed give the same bits for any
 * number of threads. A classifier that is fitted does not change: threads may share it.
 *
 * A new kind is one file that exports one nn_classifier_kind (nn/classifiers/classifier_kind.h) and
 * one line in nn/classifiers/classifiers.def. */
#ifndef NN_CLASSIFIERS_CLASSIFIER_H
#define NN_CLASSIFIERS_CLASSIFIER_H

#include "base/h5.h"
#include "base/options.h"
#include "base/parallel.h"

const base_variant *const *nn_classifier_variants(int *n);

/* Binds what stands at `classifier:`. The options live in the arena. */
base_status nn_classifier_bind(base_node *node, base_arena *arena, base_choice *choice,
                               base_error *err);

/* What a classifier is fitted on; all borrowed for the call. */
typedef struct {
    const float *x;       /* [n, n_features], all finite */
    const int32_t *label; /* [n], in [0, n_classes); at least two classes must occur */
    int64_t n, n_features;
    int n_classes;
    uint64_t seed;
    base_pool *pool;
} nn_classifier_training;

typedef struct nn_classifier nn_classifier;

/* EDATA for rows that cannot be fitted on, ENUMERIC for a number that is not finite, ECONFIG for
 * options that do not go with the rows. */
base_status nn_classifier_fit(const base_choice *choice, const nn_classifier_training *training,
                              nn_classifier **classifier, base_error *err);
void nn_classifier_free(nn_classifier *classifier);

/* probability [n, n_classes]: each row sums to 1; a class without training rows has 0. x
 * [n, n_features]; ENUMERIC if one of its numbers is not finite. */
base_status nn_classifier_predict(const nn_classifier *classifier, const float *x, int64_t n,
                                  base_pool *pool, float *probability, base_error *err);

const char *nn_classifier_name(const nn_classifier *classifier); /* "random_forest" */
int64_t nn_classifier_n_features(const nn_classifier *classifier);
int nn_classifier_n_classes(const nn_classifier *classifier);
/* Adds its size in a few words: "500 trees, 123,456 nodes". */
void nn_classifier_describe(const nn_classifier *classifier, base_text *text);

/* Puts all that predicting needs into the group `prefix` (docs/formats.md). */
base_status nn_classifier_write(const nn_classifier *classifier, base_h5_writer *writer,
                                const char *prefix, base_error *err);
/* The file need not be trusted: what does not fit together is an error. ESHAPE unless the
 * classifier is one of n_features and n_classes. Nothing is borrowed from the reader. */
base_status nn_classifier_read(base_h5_reader *reader, const char *prefix, int64_t n_features,
                               int n_classes, nn_classifier **classifier, base_error *err);

#endif
