/* train/report/report.h - one self-contained HTML page about a run, or several side by side. */
#ifndef TRAIN_REPORT_REPORT_H
#define TRAIN_REPORT_REPORT_H

#include "train/report/sounds.h"

/* Draws confusion.*, unseen.* (if there are held-out sounds; neither of more than 100 classes),
 * curves.*, reliability.*, classes.* into the run's folder and writes report.html there: headline
 * figures, per-fold and per-class tables, curves, confusion matrix, reliability, the most confident
 * mistakes with their file names, data facts and notes, the configuration. Pictures are inlined; no
 * scripts, no network; reads on a phone and prints well. The mistakes can be played where `sounds`
 * (NULL: nowhere) finds them. */
base_status train_report_write_with(const train_run *run, const train_sounds *sounds,
                                    base_error *err);
base_status train_report_write(const train_run *run, base_error *err); /* without sounds */

/* Several runs on one page (path), with a picture beside it, <page>-curves.svg and .png: a table of
 * all, what differs between their configurations, their curves, and for each against the first the
 * difference of accuracy with its 95 % interval, the recall of each class, and the clips that they
 * take for different classes. Intervals are paired over clips where both tested the same clips,
 * else over folds. `sounds` may be NULL. */
typedef struct train_compared train_compared;
base_status train_report_compare(const train_compared *compared, const char *path,
                                 const train_sounds *sounds, base_error *err);

/* The comparison of two runs, as used above. `paired` false: the clips differ; then the interval is
 * Welch's over folds and p_value its two-sided p. */
typedef struct {
    bool paired;
    train_paired result;
} train_comparison;
base_status train_compare(const train_run *a, const train_run *b, train_comparison *comparison,
                          base_error *err);

#endif
