/* train/study/sweep.h - grid search: a run for every combination of several keys' values.
 *
 * A sweep file names a configuration and, for some of its keys, several values each. Every cell of
 * that grid is an ordinary run in <folder>/<cell>. The tables are computed from the runs' folders,
 * so that they can be made again at any time. <folder>/sweep.yaml says whose folder it is.
 * docs/formats.md describes the files. */
#ifndef TRAIN_STUDY_SWEEP_H
#define TRAIN_STUDY_SWEEP_H

#include "train/experiment.h"
#include "train/report/report.h"
#include "train/work_folder.h"

typedef struct {
    const char *label;    /* as shown: "none", "0.001" */
    const char *name;     /* the same, fit for a folder's name */
    const char *override; /* "augment=[]"; NULL: the configuration's own value stays */
    const base_node *node;
    int line;
} train_sweep_value;

/* One key of the grid. */
typedef struct {
    const char *key;  /* "features.kind" */
    const char *word; /* what heads its column: "kind", or the key where two end in that */
    train_sweep_value *values;
    int n_values;
    int baseline; /* the value that `baseline` names; -1: none */
} train_sweep_axis;

typedef enum {
    TRAIN_SWEEP_TO_DO,
    TRAIN_SWEEP_BEGUN, /* will be resumed */
    TRAIN_SWEEP_FINISHED,
    TRAIN_SWEEP_FAILED, /* when it was last tried; problem says why */
    TRAIN_SWEEP_BAD     /* its configuration is wrong: problem */
} train_sweep_state;

typedef struct {
    const char *name; /* "kind-raster,augment-none": its folder, and its run's name */
    int *value;       /* [n_axes] */
    train_sweep_state state;
    const char *problem;
} train_sweep_cell;

typedef struct {
    base_arena arena;
    const char *path; /* of the sweep file */
    const char *name;
    const char *config; /* path of the base configuration */
    int config_line;
    const base_node *set;         /* list of overrides for all cells; NULL: none */
    const char *const *overrides; /* [n_overrides] more of them, from the command line */
    int n_overrides;
    train_sweep_axis *axes;
    int n_axes;
    bool has_baseline;
    train_sweep_cell *cells; /* the last key's values follow each other */
    int n_cells;
} train_sweep;

/* Reads and checks all but the values, which each cell's configuration checks. `overrides` come
 * after those of the file and are borrowed as long as the sweep lives. */
base_status train_sweep_read(const char *path, const char *const *overrides, int n_overrides,
                             train_sweep *sweep, base_error *err);
void train_sweep_release(train_sweep *sweep);

/* The cell that `cell` is compared with where there is a baseline: the same but for the values that
 * the baseline names. */
int train_sweep_baseline_of(const train_sweep *sweep, int cell);

/* A cell's configuration. A wrong value is reported with its line in the sweep file. */
base_status train_sweep_config(const train_sweep *sweep, int cell, train_config *config,
                               base_error *err);

/* What the cells have in common: the base configuration with all that is overridden for every cell.
 * It need not be a whole one: where the cells make it so, it is given without defaults. */
base_status train_sweep_base(const train_sweep *sweep, base_arena *arena, base_node **base,
                             base_error *err);

/* The line of a failed.txt; NULL, without a failure, if there is no such file. */
base_status train_sweep_read_failure(const char *path, base_arena *arena, const char **line,
                                     base_error *err);

/* Refuses a folder that holds anything but this sweep: EEXISTS what is no sweep, EMISMATCH one that
 * has begun cells and other keys in its grid, or other settings that all its cells have in common.
 * The grid's values, the baseline and the name may differ. */
base_status train_sweep_folder_check(const train_sweep *sweep, const char *folder, base_error *err);
/* Checks the same, claims the folder and writes the sweep's record into it, sweep.yaml. The caller
 * releases `work`, also after a failure. */
base_status train_sweep_folder_claim(const train_sweep *sweep, train_work_folder *work,
                                     base_error *err);
/* The check for callers that only read cells: settings may differ. ENOTFOUND if the folder holds
 * nothing of the sweep. */
base_status train_sweep_folder_find(const train_sweep *sweep, const char *folder, base_error *err);

/* Fills in the cells' states. Fails if the folder or a cell's is that of another sweep, a cell was
 * begun with another configuration, or no cell has a valid configuration. */
base_status train_sweep_look(train_sweep *sweep, const char *folder, base_error *err);

/* Who works in the folder of a sweep: this process alone, or several, each on a cell of its own. */
typedef enum { TRAIN_SWEEP_ALONE, TRAIN_SWEEP_AMONG_OTHERS } train_sweep_company;

/* Claims the folder, among others only for as long as its record is written, and trains one cell in
 * it, or goes on with it. `options` are those of the run, but for its folder, which is that of the
 * sweep, and `resume`, which is set. Why a cell failed is kept in its failed.txt. */
base_status train_sweep_run_cell(const train_sweep *sweep, int cell, train_sweep_company company,
                                 const train_experiment_options *options, base_error *err);

/* ---- results ---- */

typedef struct {
    bool finished;
    const char *problem; /* of a cell that is not: why it failed; NULL: not trained so far */
    int n_folds;
    int64_t n_clips, n_param, macs;
    union { /* over the folds, as in train_fold_set */
        train_interval accuracy;
        train_interval interval[TRAIN_MAX_METRICS];
    };
    int reference; /* the cell it is compared with, itself for that one; -1: not finished */
    train_comparison against;
} train_sweep_result;

/* Means over the finished cells that have one value; NaN where n_cells is 0. */
typedef struct {
    int n_cells;
    double value[TRAIN_MAX_METRICS];
} train_sweep_margin;

typedef struct {
    base_arena arena;
    const train_sweep *sweep;
    const char *folder;
    train_sweep_result *cells;    /* [n_cells] */
    train_sweep_margin **margins; /* [n_axes][n_values] */
    int n_finished;
    int best; /* cell of the highest mean accuracy; -1: none is finished */
} train_sweep_results;

base_status train_sweep_results_read(const train_sweep *sweep, const char *folder,
                                     train_sweep_results *results, base_error *err);
void train_sweep_results_release(train_sweep_results *results);

/* ---- tables ---- */

typedef struct {
    const char *text;
    bool bold;
} train_sweep_field;

/* A table for people. A heading that starts with '#' is a column of numbers. */
typedef struct {
    const char *const *headings;
    int n_columns, n_rows;
    train_sweep_field *fields; /* [n_rows, n_columns] */
} train_sweep_table;

/* One row per cell: its values, figures, and how it compares. */
base_status train_sweep_table_cells(const train_sweep_results *results, base_arena *arena,
                                    train_sweep_table *table, base_error *err);
/* One row per value of the grid. */
base_status train_sweep_table_margins(const train_sweep_results *results, base_arena *arena,
                                      train_sweep_table *table, base_error *err);
/* How to read them, and why cells are missing: sentences. */
base_status train_sweep_notes(const train_sweep_results *results, base_arena *arena,
                              base_strings *notes, base_error *err);

/* The contents of table.csv, margins.csv, table.md and table.tex. */
void train_sweep_csv(const train_sweep_results *results, base_text *out);
void train_sweep_margins_csv(const train_sweep_results *results, base_text *out);
base_status train_sweep_markdown(const train_sweep_results *results, base_text *out,
                                 base_error *err);
base_status train_sweep_tex(const train_sweep_results *results, base_text *out, base_error *err);

/* The picture of all cells, cells.svg and cells.png in the sweep's folder. */
base_status train_sweep_plot(const train_sweep_results *results, base_error *err);
/* Adds the page; the picture must be there. */
base_status train_sweep_page(const train_sweep_results *results, base_text *page, base_error *err);

/* Writes all of these files. */
base_status train_sweep_write(const train_sweep_results *results, base_error *err);

#endif
