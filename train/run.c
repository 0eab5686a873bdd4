#include "train/run.h"

#include <string.h>

#include "base/csv.h"

static base_status no_memory(const char *what, base_error *err) {
    return base_fail(err, BASE_EMEMORY, "%s: out of memory", what);
}

/* The arena's path of a file that must be there. */
static base_status find_file(train_run *run, const char *folder, const char *name,
                             const char **path, base_error *err) {
    *path = base_arena_printf(&run->arena, "%s/%s%s", run->folder, folder, name);
    if (*path == NULL) return no_memory(run->folder, err);
    if (base_file_exists(*path)) return BASE_OK;
    return base_fail(err, BASE_ENOTFOUND, "%s: not a finished run: %s%s is missing", run->folder,
                     folder, name);
}

/* What a set of folds is read from. */
typedef struct {
    const char *folds; /* "compare/fold", before a fold's number; NULL: the run folder, as one */
    const char *table;
    bool has_history;    /* of its own, which held-out sounds do not have */
    base_arena *scratch; /* for predictions, until they are joined */
} source;

/* Reads fold `number`, from 1. */
static base_status read_fold(train_run *run, const source *from, int number, train_fold *fold,
                             base_error *err) {
    const char *path, *folder = "";
    if (from->folds != NULL) {
        folder = base_arena_printf(&run->arena, "%s%d/", from->folds, number);
        if (folder == NULL) return no_memory(run->folder, err);
    }
    if (from->has_history) {
        BASE_TRY(find_file(run, folder, "history.csv", &path, err));
        BASE_TRY(train_history_read(path, &run->arena, fold, err));
        fold->best_epoch = train_history_best(fold->epochs, fold->n_epochs, run->facts.monitor);
    }
    BASE_TRY(find_file(run, folder, from->table, &path, err));
    fold->predictions.classes = run->facts.classes;
    fold->predictions.n_classes = run->facts.n_classes;
    BASE_TRY(train_predictions_read(path, from->scratch, &fold->predictions, err));
    base_status status =
        train_metrics_compute(&fold->predictions, &run->arena, &fold->metrics, err);
    return status == BASE_OK ? BASE_OK : base_fail_within(err, "%s", path);
}

/* Joins the folds' predictions in the run's arena; each fold keeps its part of them. */
static base_status join(train_run *run, train_fold_set *set, base_error *err) {
    int64_t n = 0, k = run->facts.n_classes;
    for (int f = 0; f < set->n_folds; f++) n += set->folds[f].predictions.n;
    train_clip_name *clip = base_arena_alloc(&run->arena, (size_t)n, sizeof *clip);
    int32_t *truth = base_arena_alloc(&run->arena, (size_t)n, sizeof *truth);
    float *probability = base_arena_alloc(&run->arena, (size_t)(n * k), sizeof *probability);
    if (clip == NULL || truth == NULL || probability == NULL) return no_memory(run->folder, err);
    set->predictions = (train_predictions){.n = n,
                                           .n_classes = run->facts.n_classes,
                                           .classes = run->facts.classes,
                                           .clip = clip,
                                           .truth = truth,
                                           .probability = probability};
    for (int64_t f = 0, first = 0; f < set->n_folds; f++) {
        train_predictions *p = &set->folds[f].predictions;
        memcpy(truth + first, p->truth, (size_t)p->n * sizeof *truth);
        memcpy(probability + first * k, p->probability, (size_t)(p->n * k) * sizeof *probability);
        for (int64_t i = 0; i < p->n; i++) {
            clip[first + i] = p->clip[i];
            clip[first + i].path = base_arena_string(&run->arena, p->clip[i].path);
            if (clip[first + i].path == NULL) return no_memory(run->folder, err);
        }
        *p = train_predictions_part(&set->predictions, first, p->n);
        first += p->n;
    }
    return BASE_OK;
}

static base_status summarise(train_run *run, train_fold_set *set, base_error *err) {
    double *values = base_arena_alloc(&run->arena, (size_t)set->n_folds, sizeof *values);
    if (values == NULL) return no_memory(run->folder, err);
    for (int m = 0; m < train_n_metrics(); m++) {
        for (int f = 0; f < set->n_folds; f++) values[f] = set->folds[f].metrics.value[m];
        set->interval[m] = train_interval_of(values, set->n_folds);
    }
    return train_metrics_compute(&set->predictions, &run->arena, &set->pooled, err);
}

static base_status read_set(train_run *run, source from, int n_folds, train_fold_set *set,
                            base_error *err) {
    set->n_folds = n_folds;
    if (n_folds == 0) return BASE_OK;
    set->folds = base_arena_alloc(&run->arena, (size_t)n_folds, sizeof *set->folds);
    if (set->folds == NULL) return no_memory(run->folder, err);
    base_arena scratch = {0};
    base_status status = BASE_OK;
    from.scratch = &scratch;
    for (int f = 0; f < n_folds && status == BASE_OK; f++) {
        status = read_fold(run, &from, f + 1, &set->folds[f], err);
    }
    if (status == BASE_OK) status = join(run, set, err);
    base_arena_release(&scratch);
    return status == BASE_OK ? summarise(run, set, err) : status;
}

static base_status read_config(train_run *run, base_error *err) {
    void *data = NULL;
    size_t n_bytes;
    const char *path = base_path_join(&run->arena, run->folder, "config.yaml");
    if (path == NULL) return no_memory(run->folder, err);
    BASE_TRY(base_file_read(path, 0, &data, &n_bytes, err));
    run->config = base_arena_copy(&run->arena, data, n_bytes);
    base_free(data);
    return run->config != NULL ? BASE_OK : no_memory(run->folder, err);
}

static base_status read_sets(train_run *run, base_error *err) {
    const train_facts *facts = &run->facts;
    const char *of_model = base_path_join(&run->arena, run->folder, "unseen.csv");
    if (of_model == NULL) return no_memory(run->folder, err);
    run->main.grouped_by = facts->grouped_by;
    run->compare.grouped_by = facts->compared_by;
    const source main = {.folds = "fold", .table = "predictions.csv", .has_history = true};
    const source compare = {
        .folds = "compare/fold", .table = "predictions.csv", .has_history = true};
    const source held_out = {.folds = "fold", .table = "unseen.csv"},
                 model = {.table = "unseen.csv"};
    BASE_TRY(read_set(run, main, facts->n_folds, &run->main, err));
    BASE_TRY(read_set(run, compare, facts->n_compare_folds, &run->compare, err));
    if (facts->n_held_out == 0) return BASE_OK;
    BASE_TRY(read_set(run, held_out, facts->n_folds, &run->held_out, err));
    return read_set(run, model, base_file_exists(of_model), &run->model, err);
}

static base_status read_run(train_run *run, base_error *err) {
    const char *needed[] = {"facts.json", "config.yaml"};
    if (!base_folder_exists(run->folder)) {
        return base_fail(err, BASE_ENOTFOUND, "%s: no such folder", run->folder);
    }
    for (int i = 0; i < 2; i++) {
        const char *path = base_path_join(&run->arena, run->folder, needed[i]);
        if (path == NULL) return no_memory(run->folder, err);
        if (!base_file_exists(path)) {
            return base_fail(err, BASE_ENOTFOUND, "%s: not a run: %s is missing", run->folder,
                             needed[i]);
        }
    }
    BASE_TRY(train_facts_read(run->folder, &run->arena, &run->facts, err));
    BASE_TRY(read_config(run, err));
    BASE_TRY(read_sets(run, err));
    const char *model = base_path_join(&run->arena, run->folder, "model.h5");
    if (model == NULL) return no_memory(run->folder, err);
    run->has_model = base_file_exists(model);
    return BASE_OK;
}

base_status train_run_read(const char *folder, train_run *run, base_error *err) {
    *run = (train_run){0};
    run->folder = base_arena_string(&run->arena, folder);
    base_status status = run->folder != NULL ? read_run(run, err) : no_memory(folder, err);
    if (status != BASE_OK) train_run_release(run);
    return status;
}

void train_run_release(train_run *run) {
    if (run == NULL) return;
    base_arena_release(&run->arena);
    *run = (train_run){0};
}

/* The largest confidences so far, in descending order; among equals the earlier clip first. */
int64_t train_run_mistakes(const train_predictions *p, int64_t n, int64_t *clips) {
    int64_t n_found = 0;
    for (int64_t i = 0; n > 0 && i < p->n; i++) {
        if (p->truth[i] == train_predicted(p, i)) continue;
        double confidence = train_confidence(p, i);
        int64_t at = n_found < n ? n_found++ : n;
        for (; at > 0 && train_confidence(p, clips[at - 1]) < confidence; at--) {
            if (at < n) clips[at] = clips[at - 1];
        }
        if (at < n) clips[at] = i;
    }
    return n_found;
}

double train_set_figure(const train_fold_set *set, int metric) {
    return train_metric_at(metric)->is_pooled ? set->pooled.value[metric]
                                              : set->interval[metric].mean;
}
