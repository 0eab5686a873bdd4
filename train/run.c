#include "train/run.h"

#include <string.h>

#include "base/csv.h"

enum { PLAIN_COLUMNS = 5, HISTORY_COLUMNS = 6 };

/* One CSV file while it is read, record by record; its fields live until the file is closed. */
typedef struct {
    const char *path;
    void *data;
    const char *cursor, *end;
    base_arena arena;
    const char **fields;
    int n_columns, line;
    base_error *err;
} table;

static base_status no_memory(const char *what, base_error *err) {
    return base_fail(err, BASE_EMEMORY, "%s: out of memory", what);
}

static void table_close(table *t) {
    base_free(t->data);
    base_arena_release(&t->arena);
}

/* False with *status BASE_OK at the end of the file. */
static bool table_next(table *t, base_status *status) {
    int n = 0;
    *status = base_csv_record(&t->cursor, t->end, &t->arena, t->fields, t->n_columns, &n, &t->line,
                              t->err);
    if (*status != BASE_OK) {
        *status = base_fail_within(t->err, "%s", t->path);
    } else if (n != 0 && n != t->n_columns) {
        *status = base_fail(t->err, BASE_EFORMAT, "%s:%d: %d fields, not %d", t->path, t->line, n,
                            t->n_columns);
    }
    return *status == BASE_OK && n != 0;
}

/* Opens the file and skips its header; rows_most: an upper bound of the records that follow. */
static base_status table_open(table *t, const char *path, int n_columns, size_t *rows_most,
                              base_error *err) {
    *t = (table){.path = path, .n_columns = n_columns, .err = err};
    size_t n_bytes;
    base_status status;
    BASE_TRY(base_file_read(path, 0, &t->data, &n_bytes, err));
    t->cursor = t->data;
    t->end = t->cursor + n_bytes;
    t->fields = base_arena_alloc(&t->arena, (size_t)n_columns, sizeof *t->fields);
    if (t->fields == NULL) return no_memory(path, err);
    *rows_most = 1;
    for (const char *c = t->cursor; c < t->end; c++) *rows_most += *c == '\n';
    if (table_next(t, &status) || status != BASE_OK) return status;
    return base_fail(err, BASE_EFORMAT, "%s: empty", path);
}

static base_status table_number(const table *t, int column, double *value) {
    if (base_parse_double(t->fields[column], value)) return BASE_OK;
    return base_fail(t->err, BASE_EFORMAT, "%s:%d: '%s' is not a number", t->path, t->line,
                     t->fields[column]);
}

static base_status read_epochs(table *t, size_t rows_most, base_arena *arena, train_fold *fold) {
    base_status status;
    fold->epochs = base_arena_alloc(arena, rows_most, sizeof *fold->epochs);
    if (fold->epochs == NULL) return no_memory(t->path, t->err);
    while (table_next(t, &status)) {
        train_epoch *e = &fold->epochs[fold->n_epochs++];
        double *const columns[] = {&e->lr, &e->train_loss, &e->loss, &e->accuracy, &e->balanced};
        if (!base_parse_int(t->fields[0], &e->epoch) || e->epoch != fold->n_epochs) {
            return base_fail(t->err, BASE_EFORMAT, "%s:%d: epoch '%s' where %lld should be",
                             t->path, t->line, t->fields[0], (long long)fold->n_epochs);
        }
        for (int c = 1; c < HISTORY_COLUMNS; c++) BASE_TRY(table_number(t, c, columns[c - 1]));
    }
    return status;
}

static double merit(const train_epoch *epoch, const char *monitor) {
    if (strcmp(monitor, "loss") == 0) return -epoch->loss;
    return strcmp(monitor, "balanced") == 0 ? epoch->balanced : epoch->accuracy;
}

int64_t train_history_best(const train_epoch *epochs, int64_t n, const char *monitor) {
    int64_t best = 0;
    for (int64_t i = 1; i < n; i++) {
        if (merit(&epochs[i], monitor) > merit(&epochs[best], monitor)) best = i;
    }
    return n > 0 ? epochs[best].epoch : 0;
}

static base_status read_history(const char *path, const char *monitor, base_arena *arena,
                                train_fold *fold, base_error *err) {
    table t;
    size_t rows_most = 0;
    base_status status = table_open(&t, path, HISTORY_COLUMNS, &rows_most, err);
    if (status == BASE_OK) status = read_epochs(&t, rows_most, arena, fold);
    fold->best_epoch = train_history_best(fold->epochs, fold->n_epochs, monitor);
    table_close(&t);
    return status;
}

/* The rows of a fold set while they are gathered. */
typedef struct {
    const train_facts *facts;
    train_run *run;
    train_prediction *rows;
    float *probability;
    size_t n, capacity, probability_capacity;
} gathering;

static bool grow(gathering *all, size_t n_more) {
    void *rows = all->rows, *probability = all->probability;
    size_t k = (size_t)all->facts->n_classes;
    bool grown = n_more <= SIZE_MAX / k - all->n &&
                 base_grow(&rows, &all->capacity, all->n + n_more, sizeof *all->rows) &&
                 base_grow(&probability, &all->probability_capacity, (all->n + n_more) * k,
                           sizeof *all->probability);
    all->rows = rows;
    all->probability = probability;
    return grown;
}

static base_status read_class(const table *t, int column, const train_facts *facts,
                              int32_t *index) {
    for (int c = 0; c < facts->n_classes; c++) {
        if (strcmp(t->fields[column], facts->classes[c]) == 0) {
            *index = c;
            return BASE_OK;
        }
    }
    return base_fail(t->err, BASE_EFORMAT, "%s:%d: '%s' is none of the run's classes", t->path,
                     t->line, t->fields[column]);
}

/* Counts and lists rest on what was predicted, the metrics on the probabilities: they must agree.
 */
static base_status check_predicted(const table *t, const train_facts *facts,
                                   const train_prediction *row, const float *probability) {
    for (int c = 0; c < facts->n_classes; c++) {
        bool earlier = c < row->predicted && probability[c] == probability[row->predicted];
        if (probability[c] > probability[row->predicted] || earlier) {
            return base_fail(t->err, BASE_EFORMAT, "%s:%d: '%s' is more probable than '%s'",
                             t->path, t->line, facts->classes[c], facts->classes[row->predicted]);
        }
    }
    return BASE_OK;
}

static base_status read_prediction(const table *t, gathering *all, int fold) {
    train_prediction *row = &all->rows[all->n];
    float *probability = all->probability + all->n * (size_t)all->facts->n_classes;
    *row =
        (train_prediction){.fold = fold, .path = base_arena_string(&all->run->arena, t->fields[0])};
    if (row->path == NULL) return no_memory(t->path, t->err);
    BASE_TRY(table_number(t, 1, &row->begin_s));
    BASE_TRY(table_number(t, 2, &row->end_s));
    BASE_TRY(read_class(t, 3, all->facts, &row->truth));
    BASE_TRY(read_class(t, 4, all->facts, &row->predicted));
    for (int c = 0; c < all->facts->n_classes; c++) {
        double p;
        BASE_TRY(table_number(t, PLAIN_COLUMNS + c, &p));
        probability[c] = (float)p;
    }
    all->n++;
    return check_predicted(t, all->facts, row, probability);
}

static base_status read_rows(table *t, size_t rows_most, gathering *all, train_fold *fold,
                             int number) {
    base_status status;
    if (!grow(all, rows_most)) return no_memory(t->path, t->err);
    fold->first = (int64_t)all->n;
    while (table_next(t, &status)) BASE_TRY(read_prediction(t, all, number));
    fold->n = (int64_t)all->n - fold->first;
    if (status == BASE_OK && fold->n == 0) {
        return base_fail(t->err, BASE_EFORMAT, "%s: no predictions", t->path);
    }
    return status;
}

static base_status measure(const gathering *all, int64_t first, int64_t n, const char *what,
                           train_metrics *metrics, base_error *err) {
    base_arena scratch = {0};
    int32_t *truth = base_arena_alloc(&scratch, (size_t)n, sizeof *truth);
    if (truth == NULL) return no_memory(what, err);
    for (int64_t i = 0; i < n; i++) truth[i] = all->rows[first + i].truth;
    int k = all->facts->n_classes;
    base_status status = train_metrics_compute(all->probability + first * k, truth, n, k,
                                               &all->run->arena, metrics, err);
    base_arena_release(&scratch);
    return status == BASE_OK ? BASE_OK : base_fail_within(err, "%s", what);
}

static base_status read_predictions(const char *path, gathering *all, int number, train_fold *fold,
                                    base_error *err) {
    table t;
    size_t rows_most = 0;
    base_status status =
        table_open(&t, path, PLAIN_COLUMNS + all->facts->n_classes, &rows_most, err);
    if (status == BASE_OK) status = read_rows(&t, rows_most, all, fold, number);
    table_close(&t);
    if (status != BASE_OK) return status;
    return measure(all, fold->first, fold->n, path, &fold->metrics, err);
}

static base_status find_file(train_run *run, const char *sub_folder, int number, const char *name,
                             const char **path, base_error *err) {
    *path = base_arena_printf(&run->arena, "%s/%sfold%d/%s", run->folder, sub_folder, number, name);
    if (*path == NULL) return no_memory(run->folder, err);
    if (base_file_exists(*path)) return BASE_OK;
    return base_fail(err, BASE_ENOTFOUND, "%s: not a finished run: %sfold%d/%s is missing",
                     run->folder, sub_folder, number, name);
}

static base_status read_fold(gathering *all, const char *sub_folder, int number, train_fold *fold,
                             base_error *err) {
    const char *history, *predictions;
    BASE_TRY(find_file(all->run, sub_folder, number, "history.csv", &history, err));
    BASE_TRY(find_file(all->run, sub_folder, number, "predictions.csv", &predictions, err));
    BASE_TRY(read_history(history, all->facts->monitor, &all->run->arena, fold, err));
    return read_predictions(predictions, all, number, fold, err);
}

typedef double metric_of(const train_metrics *metrics);
static double accuracy_of(const train_metrics *m) {
    return m->accuracy;
}
static double balanced_of(const train_metrics *m) {
    return m->balanced;
}
static double log_loss_of(const train_metrics *m) {
    return m->log_loss;
}
static double macro_f1_of(const train_metrics *m) {
    return m->macro_f1;
}
static double calibration_of(const train_metrics *m) {
    return m->calibration;
}

static base_status summarise(train_fold_set *set, const char *folder, base_error *err) {
    const struct {
        metric_of *of;
        train_interval *interval;
    } metrics[] = {{accuracy_of, &set->accuracy},
                   {balanced_of, &set->balanced},
                   {log_loss_of, &set->log_loss},
                   {macro_f1_of, &set->macro_f1},
                   {calibration_of, &set->calibration}};
    double *values = base_alloc((size_t)set->n_folds, sizeof *values);
    if (values == NULL) return no_memory(folder, err);
    for (size_t m = 0; m < sizeof metrics / sizeof *metrics; m++) {
        for (int f = 0; f < set->n_folds; f++) values[f] = metrics[m].of(&set->folds[f].metrics);
        *metrics[m].interval = train_interval_of(values, set->n_folds);
    }
    base_free(values);
    return BASE_OK;
}

/* Moves the gathered rows into the run's arena. */
static base_status keep_rows(const gathering *all, train_fold_set *set, base_error *err) {
    size_t k = (size_t)all->facts->n_classes;
    set->n = (int64_t)all->n;
    set->predictions = base_arena_alloc(&all->run->arena, all->n, sizeof *set->predictions);
    set->probability = base_arena_alloc(&all->run->arena, all->n * k, sizeof *set->probability);
    if (set->predictions == NULL || set->probability == NULL) {
        return no_memory(all->run->folder, err);
    }
    memcpy(set->predictions, all->rows, all->n * sizeof *all->rows);
    memcpy(set->probability, all->probability, all->n * k * sizeof *all->probability);
    return measure(all, 0, set->n, all->run->folder, &set->pooled, err);
}

/* Reads what one of a set's folds has left behind. */
typedef base_status read_part(gathering *all, const char *sub_folder, int number, train_fold *fold,
                              base_error *err);

/* What a fold's network made of the unseen sounds; it has no history of its own. */
static base_status read_unseen(gathering *all, const char *sub_folder, int number, train_fold *fold,
                               base_error *err) {
    const char *predictions;
    BASE_TRY(find_file(all->run, sub_folder, number, "unseen.csv", &predictions, err));
    return read_predictions(predictions, all, number, fold, err);
}

/* The same of model.h5. */
static base_status read_model(gathering *all, const char *sub_folder, int number, train_fold *fold,
                              base_error *err) {
    (void)sub_folder;
    const char *path = base_path_join(&all->run->arena, all->run->folder, "unseen.csv");
    if (path == NULL) return no_memory(all->run->folder, err);
    return read_predictions(path, all, number, fold, err);
}

static base_status read_folds(gathering *all, read_part *read, const char *sub_folder,
                              train_fold_set *set, base_error *err) {
    set->folds = base_arena_alloc(&all->run->arena, (size_t)set->n_folds, sizeof *set->folds);
    if (set->folds == NULL) return no_memory(all->run->folder, err);
    for (int f = 0; f < set->n_folds; f++) {
        BASE_TRY(read(all, sub_folder, f + 1, &set->folds[f], err));
    }
    BASE_TRY(keep_rows(all, set, err));
    return summarise(set, all->run->folder, err);
}

static base_status read_set(train_run *run, read_part *read, const char *sub_folder, int n_folds,
                            train_fold_set *set, base_error *err) {
    set->n_folds = n_folds;
    if (n_folds == 0) return BASE_OK;
    gathering all = {.facts = &run->facts, .run = run};
    base_status status = read_folds(&all, read, sub_folder, set, err);
    base_free(all.rows);
    base_free(all.probability);
    return status;
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
    BASE_TRY(read_set(run, read_fold, "", facts->n_folds, &run->main, err));
    BASE_TRY(read_set(run, read_fold, "compare/", facts->n_compare_folds, &run->compare, err));
    if (facts->n_unseen == 0) return BASE_OK;
    BASE_TRY(read_set(run, read_unseen, "", facts->n_folds, &run->unseen, err));
    return read_set(run, read_model, "", base_file_exists(of_model), &run->model, err);
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

/* The largest confidences so far, in descending order; among equals the earlier row first. */
int64_t train_run_mistakes(const train_fold_set *set, int n_classes, int64_t n, int64_t *rows) {
    int64_t n_found = 0;
    const float *p = set->probability;
    const train_prediction *all = set->predictions;
    for (int64_t i = 0; n > 0 && i < set->n; i++) {
        if (all[i].truth == all[i].predicted) continue;
        float confidence = p[i * n_classes + all[i].predicted];
        int64_t at = n_found < n ? n_found++ : n;
        for (; at > 0; at--) {
            int64_t above = rows[at - 1];
            if (p[above * n_classes + all[above].predicted] >= confidence) break;
            if (at < n) rows[at] = above;
        }
        if (at < n) rows[at] = i;
    }
    return n_found;
}
