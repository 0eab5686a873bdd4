/* train/report/report.h - one self-contained HTML page about a run, or several side by side. */
#ifndef TRAIN_REPORT_REPORT_H
#define TRAIN_REPORT_REPORT_H

#include "train/run.h"

/* Draws confusion.*, unseen.* (if there are held-out sounds; neither of more than 100 classes),
 * curves.*, reliability.*, classes.* into the run's folder and writes report.html there: headline
 * figures, per-fold and per-class tables, curves, confusion matrix, reliability, the most confident
 * mistakes with their file names, data facts and notes, the configuration. Pictures are inlined; no
 * scripts, no network; reads on a phone and prints well. */
base_status train_report_write(const train_run *run, base_error *err);

/* Several runs on one page (path): a table of all, and for each against the first the mean
 * difference with its 95 % interval: paired over clips where both tested the same clips, else over
 * folds. */
base_status train_report_compare(const train_run *runs, int n_runs, const char *path,
                                 base_error *err);

/* The comparison of two runs, as used above. `paired` false: the clips differ; then the interval is
 * Welch's over folds and p_value its two-sided p. */
typedef struct {
    bool paired;
    train_paired result;
} train_comparison;
base_status train_compare(const train_run *a, const train_run *b, train_comparison *comparison,
                          base_error *err);

#endif
