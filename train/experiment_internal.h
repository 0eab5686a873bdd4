/* train/experiment_internal.h - what the files of an experiment share.
 *
 * experiment.c runs the whole; experiment_facts.c prepares the data and says what they and the
 * network are; experiment_folder.c keeps the run folder; experiment_training.c does one training,
 * experiment_folds.c all of them, fold after fold or side by side; in a job of several ranks
 * experiment_ranks.c begins the run and experiment_deal.c deals the trainings out. */
#ifndef TRAIN_EXPERIMENT_INTERNAL_H
#define TRAIN_EXPERIMENT_INTERNAL_H

#include <pthread.h>

#include "train/experiment.h"
#include "train/init.h"
#include "train/loop.h"
#include "train/work_folder.h"

#define TRAIN__TEACHER "teacher.h5" /* the copy in the run folder */

/* A file of the user's that gets a copy in the run folder. */
typedef struct {
    const char *name; /* there */
    void *bytes;
    size_t n_bytes;
} train__kept_file;

typedef struct train__deal train__deal;

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
    const char *teacher;    /* the path as the configuration has it; NULL: none */
    train__kept_file *kept; /* label rules, starting weights, a teacher: so that the folder can be
                               run again by itself */
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
    bool halted;          /* the listener said so, or a fold failed: all are to stop */

    train__deal *deal; /* trainings are dealt to ranks; NULL: this process does all of them */
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

/* The fingerprint of the run with `yaml` as its configuration. */
base_status train__fingerprint(train__experiment *e, const base_text *yaml, char hex[33],
                               base_error *err);
/* Whether the run at hand goes on with more epochs than the configuration at `path` has, which else
 * is the same: then `former` is its fingerprint, otherwise empty. EMISMATCH if that cannot be had.
 */
base_status train__extension_find(train__experiment *e, const char *path, char former[33],
                                  base_error *err);
/* Makes of it what it would be if it had been begun so, and stopped. */
base_status train__extension_begin(train__experiment *e, const char *former, base_error *err);

/* One training to do. */
typedef struct {
    const data_folds *folds;
    const char *stage;
    int fold;       /* DATA_FOLD_NONE: all clips train, none is tested */
    char place[64]; /* in the run folder */
    base_pool *pool;
    base_ranks *group; /* ranks that share it; NULL: this process alone */
    bool *at_work;     /* [n_folds of the stage] which are under way; NULL: there is but one */
    int number;        /* of those that are dealt */
    bool silent;       /* a rank did it: what it left is read, and nothing is told */
} train__training;

/* What has been told of a training. */
typedef struct {
    train__experiment *experiment;
    const char *stage;
    int fold, n_folds;
    const bool *at_work;
    int number;
    double whole, work; /* of this training: all, and what has been told so far */
} train__progress;

train__progress train__progress_of(train__experiment *e, const train__training *t);
/* They tell the listener; false: all are to stop. */
bool train__progress_tell(train__progress *p, const train_progress *now);
bool train__progress_tell_fold(train__progress *p, const train_metrics *metrics,
                               const train_metrics *held_out);
/* The training is over. */
void train__progress_end(train__progress *p);

/* Trains in <folder>/<place>, and tests; `outcome` is the caller's to release. */
base_status train__training_run(train__experiment *e, const train__training *t,
                                train_outcome *outcome, base_error *err);

/* Clips that a fold trains on. */
int64_t train__folds_count_trained(const data_folds *folds, int64_t fold);
/* How many folds go side by side, and how much work there is. Before the first training. */
void train__folds_plan(train__experiment *e);
/* Trains and tests all folds of a set, each in <prefix>fold<i>. */
base_status train__folds_run(train__experiment *e, const data_folds *folds, const char *stage,
                             const char *prefix, base_error *err);
/* Trains on all clips; `outcome` is the caller's to release. */
base_status train__folds_run_final(train__experiment *e, train_outcome *outcome, base_error *err);

/* The same in a job of several ranks (experiment_ranks.c): begins the run, with rank 0 as the one
 * that writes its folder, and sees to it that all compute alike on the same files (together). */
base_status train__ranks_begin(train__experiment *e, base_error *err);

/* Deals all trainings to the ranks (experiment_deal.c), longest first; rank 0 tells the listener of
 * all of them. Leaves e->deal, to be freed (together). */
base_status train__deal_run(train__experiment *e, base_error *err);
void train__deal_free(train__deal *deal);
/* Sets what an event says of trainings of other stages. */
void train__deal_count(const train__progress *p, train_event *event);
/* What a training under way tells in such a job; false: it is to stop. */
bool train__deal_tell(train__progress *p, const train_progress *now);
bool train__deal_tell_fold(train__progress *p, const train_metrics *metrics,
                           const train_metrics *held_out);

#endif
