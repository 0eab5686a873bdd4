/* train/experiment_internal.h - what the files of an experiment share.
 *
 * experiment.c runs the whole; experiment_facts.c prepares the data and says what they and the
 * network are; experiment_folder.c keeps the run folder; experiment_folds.c trains, fold after fold
 * or side by side. */
#ifndef TRAIN_EXPERIMENT_INTERNAL_H
#define TRAIN_EXPERIMENT_INTERNAL_H

#include <pthread.h>

#include "train/experiment.h"
#include "train/init.h"
#include "train/loop.h"
#include "train/work_folder.h"

/* A file of the user's that gets a copy in the run folder. */
typedef struct {
    const char *name; /* there */
    void *bytes;
    size_t n_bytes;
} train__kept_file;

/* A run in progress. */
typedef struct {
    train_config *config;
    const train_experiment_options *options;
    base_arena arena;
    train_work_folder work; /* the run folder */
    train_data data;
    data_folds main, compare; /* compare.n_folds 0: none */
    data_augment *augment;
    train_facts facts;
    base_text yaml; /* resolved configuration */
    train_init init;
    train__kept_file *kept; /* label rules and starting weights, so that the folder can be run
                               again by itself */
    int n_kept;
    char fingerprint[33];
    nn_summary plan;        /* of the network, for one thread */
    int64_t n_learned_from; /* per training clip: numbers that layers, or a classifier, learn from
                             */
    int64_t count;          /* numbers in its input */
    int n_parallel;         /* folds side by side */

    pthread_mutex_t mutex; /* guards what follows, and the listener */
    double work_total, work_done,
        started_s;        /* work: clips trained on, for the estimate of what is left */
    double worked_before; /* part of work_done that a resumed run found done */
    bool *at_work;        /* [n_folds] of the present set */
    bool halted;          /* the listener said so, or a fold failed: all are to stop */
} train__experiment;

/* False if the listener says stop. */
bool train__tell(const train__experiment *e, const train_event *event);
base_status train__out_of_memory(base_error *err);

/* Opens the data, deals the folds, gathers the facts, resolves the configuration and names all that
 * the weights depend on. */
base_status train__prepare(train__experiment *e, base_error *err);

/* Reads the files that get a copy in the run folder, whose names the configuration then has. */
base_status train__folder_keep(train__experiment *e, base_error *err);
/* Makes the folder this run's own, once all is known to fit, and writes what it begins with; or,
 * resumed, checks that it was begun with the same. */
base_status train__folder_begin(train__experiment *e, base_error *err);

/* How many folds go side by side, and how much work there is. Before the first training. */
void train__folds_plan(train__experiment *e);
/* Trains and tests all folds of a set, each in <prefix>fold<i>. */
base_status train__folds_run(train__experiment *e, const data_folds *folds, const char *stage,
                             const char *prefix, base_error *err);
/* Trains on all clips; `outcome` is the caller's to release. */
base_status train__folds_run_final(train__experiment *e, train_outcome *outcome, base_error *err);

#endif
