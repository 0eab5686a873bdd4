/* train/report/compare.h - two runs held against each other: as a whole, by class, clip by clip. */
#ifndef TRAIN_REPORT_COMPARE_H
#define TRAIN_REPORT_COMPARE_H

#include "train/report/report.h"

/* Of a class that both runs have: the recall of each, and the second's minus the first's. Paired
 * over the clips of the class where both runs tested the same clips, over folds otherwise; `low` is
 * NaN where nothing can be said: no clip that one run alone has right, or fewer than two folds. */
typedef struct {
    const char *name;
    int64_t n; /* its clips in the first run */
    double recall[2];
    train_paired result;
} train_class_comparison;

/* A clip that the runs take for different classes: its number in the predictions of each. */
typedef struct {
    int64_t clip[2];
    bool right[2];
} train_disagreement;

typedef struct {
    train_comparison all;
    const train_class_comparison *classes; /* [n_classes] in the first run's order */
    int n_classes;
    /* Those that one run has right first, then those that neither has; the surer, the earlier. None
     * where the runs tested different clips. */
    const train_disagreement *disagreements;
    int64_t n_disagreements;
    int64_t n_only[2]; /* right in one run alone */
} train_pair;

/* Lives in the arena; names are the first run's. */
base_status train_compare_pair(const train_run *const runs[2], base_arena *arena, train_pair *pair,
                               base_error *err);

/* One value that is not the same in the configurations of all runs. */
typedef struct {
    const char *key;           /* "train.epochs", "network[2..4]": some entries of a list */
    const char *const *values; /* [n_runs] as YAML, maybe of several lines; NULL: there is none */
} train_difference;

/* What distinguishes the configurations of the runs, but their names, in the order of the first
 * run's; then the versions and kernels they were made with. Lists of as many entries of the same
 * kinds are compared entry by entry, of others what is left without their common beginning and end.
 */
base_status train_compare_configs(const train_run *runs, int n_runs, base_arena *arena,
                                  const train_difference **differences, int64_t *n_differences,
                                  base_error *err);

/* Everything as one JSON object. pairs: [n_runs], those against the first run from 1 on. */
struct train_compared {
    const train_run *runs;
    int n_runs;
    const train_pair *pairs;
    const train_difference *differences;
    int64_t n_differences;
};
void train_compared_add_json(const train_compared *compared, base_text *json);

/* All of it, computed; lives in the arena. */
base_status train_compare_all(const train_run *runs, int n_runs, base_arena *arena,
                              train_compared *compared, base_error *err);

/* The part of a page about one pair: recall of each class, and the clips taken for different
 * classes. `number` is the second run's. */
base_status train_compare_add_pair(base_text *page, const train_compared *compared, int number,
                                   const train_sounds *sounds, base_error *err);

/* Cells of a row: difference in points, interval, p; then the same on a scale of `reach` at either
 * side. */
void train_compare_add_cells(base_text *page, const train_paired *result);
void train_compare_add_whisker(base_text *page, const train_paired *result, double reach);
/* What the scale of a table must reach for this result, at least `reach`. */
double train_compare_reach(const train_paired *result, double reach);

#endif
