/* train/experiment.h - a whole run: data, folds, epochs, checkpoints, final model, pictures.
 *
 * Killed at any moment and resumed, a run ends with the same bytes in every file. */
#ifndef TRAIN_EXPERIMENT_H
#define TRAIN_EXPERIMENT_H

#include "base/ranks.h"
#include "data/duplicates.h"
#include "train/config.h"
#include "train/run.h"
#include "train/setup.h"

/* What a run reports as it goes; its pointers are valid during the call only. */
typedef enum {
    TRAIN_EVENT_DATA,   /* the facts are known: facts */
    TRAIN_EVENT_DECODE, /* done, total: files decoded */
    TRAIN_EVENT_STEP,   /* position within an epoch */
    TRAIN_EVENT_EPOCH,  /* an epoch is over: epoch */
    TRAIN_EVENT_FOLD,   /* a fold is over: metrics */
    TRAIN_EVENT_STAGE   /* "report", "model": text */
} train_event_kind;

typedef struct {
    train_event_kind kind;
    const char *stage;              /* "fold", "compare", "final" */
    int fold, n_folds;              /* from 1 */
    const bool *at_work;            /* [n_folds] which folds are under way, this one among them */
    int64_t epoch_number, n_epochs; /* from 1 */
    int64_t done, total;            /* samples within the epoch, or files */
    double loss;                    /* running mean of the epoch; NaN: there is none */
    double best_accuracy;           /* so far in this fold; negative: none */
    int64_t best_epoch;
    double samples_per_s;
    double seconds_left; /* of the whole run, estimated; negative: unknown */
    const train_epoch *epoch;
    const train_metrics *metrics, *held_out; /* held_out: NULL without such sounds */
    const train_facts *facts;
    int n_elsewhere; /* trainings of other stages that are under way, too, */
    bool is_behind;  /* and one of them comes before */
    int n_trainings; /* TRAIN_EVENT_DATA in a job of several ranks: to be dealt, and to so many */
    int n_groups;    /* groups of ranks; 0: there is one process */
    int n_parallel;  /* folds side by side: what was asked for, or what memory and threads allow */
    const char *text;
} train_event;

/* Called by one thread at a time, which need not be the caller's. Return false to stop at the next
 * batch (ESTOPPED); a resumed run goes on from the last finished epoch. */
typedef bool train_listener(void *context, const train_event *event);

/* Writes the report of a run that is over, such as train_report_write of train/report/report.h. */
typedef base_status train_reporter(const train_run *run, base_error *err);

typedef struct {
    const char *folder; /* run folder */
    bool resume;        /* go on where it stopped; the configuration must be the same */
    bool overwrite;     /* start afresh in an existing run folder */
    base_pool *pool;
    int parallel_folds;  /* folds side by side, which share the pool's threads among them; 0: 1 */
    size_t memory_bytes; /* that folds side by side may take; 0: three quarters of the machine's */
    base_ranks *ranks;   /* of the job, which all run this together; NULL: this process alone */
    int data_parallel;   /* ranks that share a training; 0: 1 */
    train_listener *listener; /* of rank 0 that of the whole run; of others asked whether to stop */
    void *listener_context;
    const char *commit;     /* of the program, for facts.json; NULL: unknown */
    train_reporter *report; /* NULL: no report is written */
    data_unread *unread; /* sounds that cannot be read are told and left out; NULL: the first ends
                            the run */
    void *unread_context;
} train_experiment_options;

/* Runs everything. Refuses a folder that exists (unless resume or overwrite; overwrite only removes
 * a folder that holds a run), and one that another process is at work in. */
base_status train_experiment_run(train_config *config, const train_experiment_options *options,
                                 base_error *err);

#endif
