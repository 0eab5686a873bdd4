/* train/run.h - a run folder, read back.
 *
 * Everything shown of a run - terminal tables, summary.json, report, comparisons - is computed from
 * the files of its folder, so that it can be shown again at any time:
 *
 *     config.yaml            the resolved configuration
 *     facts.json             what the data and the network were (train_facts)
 *     manifest.csv folds.csv
 *     fold<i>/history.csv    one line per epoch: epoch,lr,train_loss,loss,accuracy,balanced
 *     fold<i>/predictions.csv  path,begin_s,end_s,truth,predicted,<one column per class>
 *     fold<i>/last.h5 best.h5
 *     fold<i>/unseen.csv     as predictions.csv, of the held-out sounds (use: test), if any
 *     compare/fold<i>/...    the same for the second set of folds (folds.compare), if any
 *     unseen.csv             predictions of model.h5 for the held-out sounds
 *     summary.json report.html model.h5, pictures
 *
 * truth and predicted are class names; probabilities have nine digits, which keep every bit. */
#ifndef TRAIN_RUN_H
#define TRAIN_RUN_H

#include "base/file.h"
#include "train/metrics.h"

typedef struct {
    int64_t epoch; /* from 1 */
    double lr, train_loss, loss, accuracy, balanced;
} train_epoch;

typedef struct {
    train_epoch *epochs;
    int64_t n_epochs, best_epoch; /* best: the checkpoint kept as best.h5 */
    train_predictions predictions;
    train_metrics metrics; /* of the final epoch (or of the best, as train.result says) */
} train_fold;

/* One set of folds. */
typedef struct {
    const char *grouped_by; /* "duplicates", "kit" */
    int n_folds;
    train_fold *folds;
    train_predictions predictions; /* fold after fold */
    train_metrics pooled;          /* over all predictions */
    union {                        /* over the folds */
        struct {
            train_interval accuracy, balanced, macro_f1, log_loss, calibration;
        };
        train_interval interval[TRAIN_MAX_METRICS]; /* all, as train_metrics.value */
    };
} train_fold_set;

/* facts.json: written when the run starts; nothing in it depends on time, threads or the machine's
 * name. */
typedef struct {
    const char *name;
    const char *const *classes;
    int n_classes;
    int64_t n_rows, n_clips, n_left_out, n_silent; /* n_clips: trained on or tested by folds */
    int64_t n_held_out;                            /* clips of use: test */
    int64_t n_duplicate_groups, n_copies, n_conflicts;
    int64_t *class_counts; /* [n_classes] clips */
    const char *network;   /* "3 conv2d, gru, linear" */
    int64_t n_param, macs; /* multiply-adds per clip */
    size_t memory_bytes;   /* of weights, gradients and activations at the training batch; scratch
                              memory, which grows with the threads, is not counted */
    const char *input;     /* "[B,1,64,101]" */
    const char *blas_kernel, *level, *version;
    const char *commit; /* of the sources that the program was built from, with "+" where they were
                           changed; NULL: not built from a repository */
    const char
        *fingerprint; /* of configuration, sounds, folds, kernels and version: 32 hex digits */
    const char *grouped_by, *compared_by; /* compared_by NULL: none */
    int n_folds, n_compare_folds;
    const char *monitor; /* what best.h5 is best by: "accuracy", "balanced" or "loss" */
    const char *result;  /* which weights a fold is judged by: "last" or "best" */
    const char *const *notes;
    int n_notes;
} train_facts;

typedef struct {
    base_arena arena;
    const char *folder;
    const char *config; /* YAML text */
    train_facts facts;
    train_fold_set main;
    train_fold_set compare;  /* n_folds 0: none */
    train_fold_set held_out; /* every fold's network on all held-out sounds; n_folds 0: none */
    train_fold_set model;    /* model.h5 on them, as one fold; n_folds 0: none */
    bool has_model;
} train_run;

/* What a page gives as the figure of the folds: the mean over them, or that of all clips together.
 */
double train_set_figure(const train_fold_set *set, int metric);

base_status train_facts_write(const train_facts *facts, const char *folder, base_error *err);
/* The strings and lists live in the arena. */
base_status train_facts_read(const char *folder, base_arena *arena, train_facts *facts,
                             base_error *err);
void train_facts_add_json(const train_facts *facts, int indent, base_text *json);
base_status train_history_write(const train_epoch *epochs, int64_t n, const char *fold_folder,
                                base_error *err);
/* Adds the epochs of a history.csv to the fold, in the arena. */
base_status train_history_read(const char *path, base_arena *arena, train_fold *fold,
                               base_error *err);

/* The first epoch that is best by `monitor` (of train_facts), from 1; 0 if there are none. */
int64_t train_history_best(const train_epoch *epochs, int64_t n, const char *monitor);

/* Reads a finished run: every fold that the facts promise must have a history and predictions. */
base_status train_run_read(const char *folder, train_run *run, base_error *err);
void train_run_release(train_run *run);

/* summary.json, with null for what is not finite: metrics per fold, mean, deviation, interval; per
 * class; confusion matrix; comparison; facts. The same run gives the same bytes. */
base_status train_run_write_summary(const train_run *run, base_error *err);

/* The clips that were classified wrongly, the most confident mistakes first, at most n; returns how
 * many. */
int64_t train_run_mistakes(const train_predictions *p, int64_t n, int64_t *clips);

#endif
