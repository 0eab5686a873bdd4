/* train/study/curate_internal.h - what the files of curating share.
 *
 * curate.c keeps the folder and runs the rounds; curate_listen.c finds out what a model makes of
 * the sounds; curate_choose.c picks those that join; curate_files.c reads and writes lists;
 * curate_results.c and curate_write.c make tables and pages of the results. */
#ifndef TRAIN_STUDY_CURATE_INTERNAL_H
#define TRAIN_STUDY_CURATE_INTERNAL_H

#include "infer/model.h"
#include "train/study/curate.h"

base_status train__curate_no_memory(const train_curate *curate, base_error *err);

/* Orders things whose first member is their path, or texts. */
int train__curate_compare(const void *a, const void *b);

/* out/round<round>/name; NULL when out of memory. */
const char *train__curate_path(const train_curate *curate, int round, const char *name,
                               base_arena *arena);
int train__curate_class(const train_curate *curate, const char *name); /* -1: none */

/* ---- curate_files.c ---- */

/* A round's proposals; empty for a round that has none. */
base_status train__curate_record_read(const train_curate *curate, int round, base_arena *arena,
                                      train_curate_record *record, base_error *err);
base_status train__curate_record_write(const train_curate *curate,
                                       const train_curate_record *record, const char *path,
                                       base_error *err);
/* The person's labels; none if there is no such file. */
base_status train__curate_labels_read(const train_curate *curate, base_arena *arena,
                                      train_curate_labels *labels, base_error *err);
/* What is in options->truth; sounds that are not in the folder play no part. */
base_status train__curate_truth_read(const train_curate *curate, base_arena *arena,
                                     train_curate_labels *truth, base_error *err);

/* How a round's model classified the test set. */
base_status train__curate_tests_read(const train_curate *curate, int round, base_arena *arena,
                                     train_predictions *tests, base_error *err);

/* ---- curate_listen.c ---- */

/* A model whose classes are those of the data set. */
typedef struct {
    infer_model *model; /* infer_model_free it */
    int *class_of;      /* [n_classes] in the arena: the data set's class of each of the model's */
} train__curate_model;
base_status train__curate_model_open(const train_curate *curate, const char *path,
                                     base_arena *arena, train__curate_model *opened,
                                     base_error *err);
/* sounds [n_paths] */
base_status train__curate_listen(const train_curate *curate, const char *model_path,
                                 base_arena *arena, train_curate_sound *sounds, base_error *err);
/* Tests the model that is round 0. */
base_status train__curate_test_model(const train_curate *curate, base_error *err);

#endif
