#include <math.h>
#include <string.h>

#include "train/study/sweep.h"

static base_status no_memory(const train_sweep *sweep, base_error *err) {
    return base_fail(err, BASE_EMEMORY, "%s: out of memory", sweep->path);
}

static const char *cell_path(const train_sweep_results *results, int cell, const char *name,
                             base_arena *arena) {
    return base_arena_printf(arena, "%s/%s%s", results->folder, results->sweep->cells[cell].name,
                             name);
}

/* ---- each cell ---- */

static void take_figures(const train_run *run, train_sweep_result *cell) {
    cell->finished = true;
    cell->n_folds = run->main.n_folds;
    cell->n_clips = run->main.predictions.n;
    cell->n_param = run->facts.n_param;
    cell->macs = run->facts.macs;
    memcpy(cell->interval, run->main.interval, sizeof cell->interval);
}

/* A run whose folds are not all there yet has no figures; a damaged one has a problem. */
static base_status read_cell(train_sweep_results *results, int cell, base_arena *scratch,
                             base_error *err) {
    train_sweep_result *result = &results->cells[cell];
    const char *folder = cell_path(results, cell, "", scratch);
    const char *failure = cell_path(results, cell, "/failed.txt", scratch);
    const char *facts = cell_path(results, cell, "/facts.json", scratch);
    if (folder == NULL || failure == NULL || facts == NULL) return no_memory(results->sweep, err);
    result->reference = -1;
    BASE_TRY(train_sweep_read_failure(failure, &results->arena, &result->problem, err));
    if (result->problem != NULL || !base_file_exists(facts)) return BASE_OK;
    train_run run;
    base_status status = train_run_read(folder, &run, err);
    if (status == BASE_ENOTFOUND) return BASE_OK;
    if (status == BASE_EMEMORY) return status;
    if (status != BASE_OK) {
        result->problem = base_arena_string(&results->arena, err->text);
        return result->problem != NULL ? BASE_OK : no_memory(results->sweep, err);
    }
    take_figures(&run, result);
    train_run_release(&run);
    return BASE_OK;
}

/* Of equally accurate cells the one with fewer parameters, then the first. */
static bool is_better(const train_sweep_result *a, const train_sweep_result *b) {
    if (a->accuracy.mean != b->accuracy.mean) return a->accuracy.mean > b->accuracy.mean;
    return a->n_param < b->n_param;
}

static base_status read_cells(train_sweep_results *results, base_error *err) {
    base_arena scratch = {0};
    base_status status = BASE_OK;
    for (int i = 0; i < results->sweep->n_cells && status == BASE_OK; i++) {
        status = read_cell(results, i, &scratch, err);
        const train_sweep_result *cell = &results->cells[i];
        if (!cell->finished) continue;
        results->n_finished++;
        if (results->best < 0 || is_better(cell, &results->cells[results->best])) {
            results->best = i;
        }
    }
    base_arena_release(&scratch);
    return status;
}

/* ---- each cell against another ---- */

/* The run that was read last is kept: the next cell is often compared with the same. */
typedef struct {
    train_run run;
    int cell; /* -1: none */
} kept_run;

static base_status keep_run(const train_sweep_results *results, int cell, kept_run *kept,
                            base_error *err) {
    if (kept->cell == cell) return BASE_OK;
    train_run_release(&kept->run);
    kept->cell = -1;
    base_arena scratch = {0};
    const char *folder = cell_path(results, cell, "", &scratch);
    base_status status =
        folder != NULL ? train_run_read(folder, &kept->run, err) : no_memory(results->sweep, err);
    base_arena_release(&scratch);
    if (status == BASE_OK) kept->cell = cell;
    return status;
}

static base_status compare_cells(train_sweep_results *results, kept_run *reference, kept_run *other,
                                 base_error *err) {
    const train_sweep *sweep = results->sweep;
    for (int i = 0; i < sweep->n_cells; i++) {
        train_sweep_result *cell = &results->cells[i];
        int with = sweep->has_baseline ? train_sweep_baseline_of(sweep, i) : results->best;
        if (!cell->finished || !results->cells[with].finished) continue;
        cell->reference = with;
        if (with == i) continue;
        BASE_TRY(keep_run(results, with, reference, err));
        BASE_TRY(keep_run(results, i, other, err));
        BASE_TRY(train_compare(&reference->run, &other->run, &cell->against, err));
    }
    return BASE_OK;
}

/* ---- each value of the grid ---- */

static void add_margin(train_sweep_results *results, int axis, int value) {
    train_sweep_margin *margin = &results->margins[axis][value];
    for (int i = 0; i < results->sweep->n_cells; i++) {
        const train_sweep_result *cell = &results->cells[i];
        if (!cell->finished || results->sweep->cells[i].value[axis] != value) continue;
        margin->n_cells++;
        for (int m = 0; m < train_n_metrics(); m++) margin->value[m] += cell->interval[m].mean;
    }
    for (int m = 0; m < train_n_metrics(); m++) margin->value[m] /= margin->n_cells; /* none: NaN */
}

static base_status take_margins(train_sweep_results *results, base_error *err) {
    const train_sweep *sweep = results->sweep;
    results->margins =
        base_arena_alloc(&results->arena, (size_t)sweep->n_axes, sizeof *results->margins);
    if (results->margins == NULL) return no_memory(sweep, err);
    for (int a = 0; a < sweep->n_axes; a++) {
        int n = sweep->axes[a].n_values;
        results->margins[a] =
            base_arena_alloc(&results->arena, (size_t)n, sizeof **results->margins);
        if (results->margins[a] == NULL) return no_memory(sweep, err);
        for (int v = 0; v < n; v++) add_margin(results, a, v);
    }
    return BASE_OK;
}

static base_status read_results(train_sweep_results *results, base_error *err) {
    const train_sweep *sweep = results->sweep;
    kept_run reference = {.cell = -1}, other = {.cell = -1};
    results->cells =
        base_arena_alloc(&results->arena, (size_t)sweep->n_cells, sizeof *results->cells);
    if (results->folder == NULL || results->cells == NULL) return no_memory(sweep, err);
    BASE_TRY(read_cells(results, err));
    base_status status =
        results->best >= 0 ? compare_cells(results, &reference, &other, err) : BASE_OK;
    train_run_release(&reference.run);
    train_run_release(&other.run);
    return status == BASE_OK ? take_margins(results, err) : status;
}

base_status train_sweep_results_read(const train_sweep *sweep, const char *folder,
                                     train_sweep_results *results, base_error *err) {
    *results = (train_sweep_results){.sweep = sweep, .best = -1};
    results->folder = base_arena_string(&results->arena, folder);
    base_status status = read_results(results, err);
    if (status != BASE_OK) train_sweep_results_release(results);
    return status;
}

void train_sweep_results_release(train_sweep_results *results) {
    if (results == NULL) return;
    base_arena_release(&results->arena);
    *results = (train_sweep_results){0};
}
