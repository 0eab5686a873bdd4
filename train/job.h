/* train/job.h - what one training is given, and what it leaves. */
#ifndef TRAIN_JOB_H
#define TRAIN_JOB_H

#include "data/batch.h"
#include "train/config.h"
#include "train/init.h"
#include "train/run.h"

/* Where a training stands. */
typedef struct {
    int64_t epoch, n_epochs; /* from 1 */
    int64_t done, total;     /* samples of the epoch */
    double loss;             /* its running mean; NaN: there is none */
    const train_epoch *over; /* the epoch that is over; NULL: it is under way */
    int64_t best_epoch;      /* so far; 0: none */
    double best_accuracy;    /* negative: none */
} train_progress;
/* Called after every batch and every epoch; false stops. */
typedef bool train_watcher(void *context, const train_progress *progress);

/* What one training works on. All borrowed. */
typedef struct {
    const train_config *config;
    const data_clips *clips;
    const data_augment *augment;
    const train_init *init; /* NULL: all weights start at random */
    const char *teacher;    /* path of the model that teaches; NULL: the labels alone do */
    const char *const *classes;
    int n_classes;
    const int64_t *train_index, *test_index; /* clips; n_test may be 0 */
    int64_t n_train, n_test;
    uint64_t seed;           /* of this training: the run's seed and the fold's place */
    const char *folder;      /* last.h5, best.h5, history.csv go here */
    const char *fingerprint; /* of configuration, data and kernels */
    bool resume;             /* from last.h5, if it is there */
    base_pool *pool;
    base_ranks *group;       /* ranks that share this training; the first of them alone writes, the
                                others end with the same outcome; NULL: this process alone */
    base_arena *arena;       /* for what lives as long as the job; NULL: there is none */
    train_watcher *progress; /* NULL: nobody watches */
    void *progress_context;
} train_job;

/* What it leaves behind. */
typedef struct {
    nn_network *network; /* the weights it is judged by, planned for training if it was trained */
    dsp_features *features;    /* fitted */
    nn_classifier *classifier; /* fitted on the network's output (train/fit.h); NULL: none */
    train_epoch *epochs;
    int64_t n_epochs, best_epoch;
    float *probability; /* [n_test, n_classes] */
} train_outcome;
void train_outcome_release(train_outcome *outcome);

#endif
