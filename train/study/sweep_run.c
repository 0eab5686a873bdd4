#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "train/study/sweep.h"

enum { CLAIM_S = 60 /* to wait for others that write the sweep's record */ };

static base_status no_memory(const train_sweep *sweep, base_error *err) {
    return base_fail(err, BASE_EMEMORY, "%s: out of memory", sweep->path);
}

/* ---- a cell's configuration ---- */

/* Whether a message is about `key` or something in it: "train.epochs: ...", "train.epochs=0: ...".
 */
static bool is_about(const char *text, const char *key, size_t n_bytes) {
    return strncmp(text, key, n_bytes) == 0 && text[n_bytes] != '\0' &&
           strchr(":=.[", text[n_bytes]) != NULL;
}

/* What came from the sweep file has no line of its own; its messages begin with the key. */
static base_status locate(const train_sweep *sweep, int cell, base_error *err) {
    if (strncmp(err->text, sweep->config, strlen(sweep->config)) == 0) return err->status;
    for (int a = sweep->n_axes - 1; a >= 0; a--) {
        const train_sweep_axis *axis = &sweep->axes[a];
        const train_sweep_value *value = &axis->values[sweep->cells[cell].value[a]];
        if (value->override != NULL && is_about(err->text, axis->key, strlen(axis->key))) {
            return base_fail_within(err, "%s:%d", sweep->path, value->line);
        }
    }
    const base_node *item = sweep->set != NULL ? sweep->set->child : NULL;
    for (; item != NULL; item = item->next) {
        if (is_about(err->text, item->text, strcspn(item->text, "="))) {
            return base_fail_within(err, "%s:%d", sweep->path, item->line);
        }
    }
    return err->status;
}

/* The overrides for all cells, with room for those of one. */
static const char **list_common(const train_sweep *sweep, base_arena *arena, int *n) {
    int64_t n_set = sweep->set != NULL ? sweep->set->n_children : 0;
    size_t n_most = (size_t)(n_set + sweep->n_overrides + sweep->n_axes + 1);
    const char **list = base_arena_alloc(arena, n_most, sizeof *list);
    if (list == NULL) return NULL;
    *n = 0;
    const base_node *item = sweep->set != NULL ? sweep->set->child : NULL;
    for (; item != NULL; item = item->next) list[(*n)++] = item->text;
    for (int i = 0; i < sweep->n_overrides; i++) list[(*n)++] = sweep->overrides[i];
    return list;
}

/* These, then this cell's values; the last one is the run's name. */
static const char **list_overrides(const train_sweep *sweep, int cell, base_arena *arena, int *n) {
    const char **list = list_common(sweep, arena, n);
    const char *name = base_arena_printf(arena, "name='%s'", sweep->cells[cell].name);
    if (list == NULL || name == NULL) return NULL;
    for (int a = 0; a < sweep->n_axes; a++) {
        const train_sweep_value *value = &sweep->axes[a].values[sweep->cells[cell].value[a]];
        if (value->override != NULL) list[(*n)++] = value->override;
    }
    list[(*n)++] = name;
    return list;
}

base_status train_sweep_config(const train_sweep *sweep, int cell, train_config *config,
                               base_error *err) {
    base_arena scratch = {0};
    int n = 0;
    const char **overrides = list_overrides(sweep, cell, &scratch, &n);
    base_status status = overrides != NULL
                             ? train_config_read(sweep->config, overrides, n, config, err)
                             : no_memory(sweep, err);
    if (status != BASE_OK) status = locate(sweep, cell, err);
    base_arena_release(&scratch);
    return status;
}

base_status train_sweep_base(const train_sweep *sweep, base_arena *arena, base_node **base,
                             base_error *err) {
    train_config config;
    base_error not_whole;
    int n = 0;
    const char **overrides = list_common(sweep, arena, &n);
    if (overrides == NULL) return no_memory(sweep, err);
    if (train_config_read(sweep->config, overrides, n, &config, &not_whole) == BASE_OK) {
        *base = base_node_copy(config.root, arena);
        train_config_release(&config);
        return *base != NULL ? BASE_OK : no_memory(sweep, err);
    }
    if (base_status_is_transient(not_whole.status)) {
        *err = not_whole;
        return err->status;
    }
    BASE_TRY(base_yaml_read(sweep->config, arena, base, err));
    for (int i = 0; i < n; i++) BASE_TRY(base_yaml_override(*base, overrides[i], arena, err));
    if ((*base)->kind == BASE_NODE_MAP) return BASE_OK;
    return base_node_fail(*base, err, BASE_ECONFIG, "a configuration is a map of sections");
}

/* ---- a cell's folder ---- */

/* cell.yaml is the configuration that the cell was begun with, before the data told the rest. */
typedef struct {
    const char *folder, *record, *failure, *facts, *report, *model;
} cell_files;

/* folder: of the cell; NULL: out of memory */
static base_status find_files(const train_sweep *sweep, const char *folder, base_arena *arena,
                              cell_files *files, base_error *err) {
    files->folder = folder;
    if (files->folder == NULL) return no_memory(sweep, err);
    const struct {
        const char **path, *name;
    } rows[] = {{&files->record, "cell.yaml"},
                {&files->failure, "failed.txt"},
                {&files->facts, "facts.json"},
                {&files->report, "report.html"},
                {&files->model, "model.h5"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        *rows[i].path = base_path_join(arena, files->folder, rows[i].name);
        if (*rows[i].path == NULL) return no_memory(sweep, err);
    }
    return BASE_OK;
}

static base_status check_record(const cell_files *files, const base_text *record, base_error *err) {
    return train_config_check_same(files->record, record,
                                   "this cell was begun with another configuration; remove its "
                                   "folder to train it anew, or choose another one for the sweep "
                                   "with --out",
                                   err);
}

base_status train_sweep_read_failure(const char *path, base_arena *arena, const char **line,
                                     base_error *err) {
    void *data;
    size_t n_bytes;
    *line = NULL;
    if (!base_file_exists(path)) return BASE_OK;
    BASE_TRY(base_file_read(path, 0, &data, &n_bytes, err));
    *line = base_arena_copy(arena, data, strcspn(data, "\n"));
    base_free(data);
    return *line != NULL ? BASE_OK : base_fail(err, BASE_EMEMORY, "%s: out of memory", path);
}

/* ---- before anything is trained ---- */

/* The report is what a run writes last, the model shortly before. */
static bool is_finished(const cell_files *files, const train_config *config) {
    bool whole = config->train.final == TRAIN_FINAL_NONE || base_file_exists(files->model);
    return whole && base_file_exists(files->report);
}

static base_status look_at(train_sweep *sweep, const char *folder, int cell, base_arena *scratch,
                           base_error *err) {
    train_config config;
    cell_files files;
    base_error problem;
    base_text record = {0};
    train_sweep_cell *c = &sweep->cells[cell];
    BASE_TRY(find_files(sweep, base_path_join(scratch, folder, c->name), scratch, &files, err));
    if (train_sweep_config(sweep, cell, &config, &problem) != BASE_OK) {
        c->state = TRAIN_SWEEP_BAD;
        c->problem = base_arena_string(&sweep->arena, problem.text);
        return c->problem != NULL ? BASE_OK : no_memory(sweep, err);
    }
    bool begun = base_file_exists(files.facts);
    c->state = !begun                         ? TRAIN_SWEEP_TO_DO
               : is_finished(&files, &config) ? TRAIN_SWEEP_FINISHED
                                              : TRAIN_SWEEP_BEGUN;
    base_yaml_write(config.root, &record);
    base_status status = record.failed ? no_memory(sweep, err) : BASE_OK;
    if (status == BASE_OK && begun) status = check_record(&files, &record, err);
    if (status == BASE_OK && c->state != TRAIN_SWEEP_FINISHED) {
        status = train_sweep_read_failure(files.failure, &sweep->arena, &c->problem, err);
        if (c->problem != NULL) c->state = TRAIN_SWEEP_FAILED;
    }
    base_text_release(&record);
    train_config_release(&config);
    return status;
}

/* A mistake that all cells share is one of the sweep file or of the base configuration. */
static base_status refuse_if_all_bad(const train_sweep *sweep, base_error *err) {
    for (int i = 0; i < sweep->n_cells; i++) {
        if (sweep->cells[i].state != TRAIN_SWEEP_BAD) return BASE_OK;
    }
    return base_fail(err, BASE_ECONFIG, "%s", sweep->cells[0].problem);
}

static base_status check_places(const train_sweep *sweep, const char *folder, base_error *err) {
    BASE_TRY(train_sweep_folder_check(sweep, folder, err));
    if (base_file_exists(sweep->config)) return BASE_OK;
    return base_fail(err, BASE_ECONFIG, "%s:%d: config: %s: no such file", sweep->path,
                     sweep->config_line, sweep->config);
}

base_status train_sweep_look(train_sweep *sweep, const char *folder, base_error *err) {
    base_arena scratch = {0};
    base_status status = check_places(sweep, folder, err);
    for (int i = 0; status == BASE_OK && i < sweep->n_cells; i++) {
        status = look_at(sweep, folder, i, &scratch, err);
    }
    base_arena_release(&scratch);
    return status == BASE_OK ? refuse_if_all_bad(sweep, err) : status;
}

/* ---- training ---- */

/* A cell that has not come as far as its facts may be begun again in any way. */
static base_status keep_record(const train_sweep *sweep, const train_config *config,
                               const cell_files *files, base_error *err) {
    base_text record = {0};
    base_yaml_write(config->root, &record);
    base_status status = record.failed ? no_memory(sweep, err) : BASE_OK;
    if (status == BASE_OK && base_file_exists(files->facts)) {
        status = check_record(files, &record, err);
    } else if (status == BASE_OK) {
        status = base_file_write_text(files->record, &record, err);
    }
    base_text_release(&record);
    return status;
}

static bool leads(const train_experiment_options *options) {
    return base_ranks_self(options->ranks) == 0;
}

static base_status train_with(const train_sweep *sweep, train_config *config,
                              const cell_files *files, const train_experiment_options *options,
                              base_error *err) {
    train_experiment_options run = *options;
    run.folder = files->folder;
    run.resume = true;
    run.overwrite = false;
    run.report = train_report_write;
    base_status status = leads(options) ? keep_record(sweep, config, files, err) : BASE_OK;
    BASE_TRY(base_ranks_agree(options->ranks, status, err));
    return train_experiment_run(config, &run, err);
}

static base_status train_cell(const train_sweep *sweep, int cell, const cell_files *files,
                              const train_experiment_options *options, base_error *err) {
    train_config config;
    base_status status = train_sweep_config(sweep, cell, &config, err);
    bool was_read = status == BASE_OK;
    status = base_ranks_agree(options->ranks, status, err);
    if (status == BASE_OK) {
        status = train_with(sweep, &config, files, options, err);
        if (status != BASE_OK && status != BASE_ESTOPPED) status = locate(sweep, cell, err);
    }
    if (was_read) train_config_release(&config);
    return status;
}

/* The line for the table; if it can't be written, the caller has it all the same. */
static void keep_failure(const cell_files *files, const base_error *err) {
    base_text line = {0};
    base_text_printf(&line, "%s\n", err->text);
    base_file_write_text(files->failure, &line, NULL);
    base_text_release(&line);
}

static base_status run_in(const train_sweep *sweep, int cell, const cell_files *files,
                          const train_experiment_options *options, base_error *err) {
    base_status status = leads(options) ? base_folder_make(files->folder, err) : BASE_OK;
    BASE_TRY(base_ranks_agree(options->ranks, status, err));
    status = train_cell(sweep, cell, files, options, err);
    if (!leads(options)) return status;
    if (status == BASE_OK) unlink(files->failure);
    if (status != BASE_OK && status != BASE_ESTOPPED) keep_failure(files, err);
    return status;
}

/* Another process that writes the record now has the folder for a moment only. */
static base_status claim_among_others(const train_sweep *sweep, train_work_folder *work,
                                      base_error *err) {
    BASE_TRY(train_sweep_folder_check(sweep, work->path, err));
    int64_t deadline = base_clock_ns() + (int64_t)CLAIM_S * 1000000000;
    for (;;) {
        base_status status = train_sweep_folder_claim(sweep, work, err);
        if (status != BASE_EEXISTS || base_clock_ns() > deadline) return status;
        train_work_folder_release(work);
        base_ranks_pause();
    }
}

static base_status claim(const train_sweep *sweep, train_work_folder *work,
                         train_sweep_company company, base_error *err) {
    if (company == TRAIN_SWEEP_ALONE) return train_sweep_folder_claim(sweep, work, err);
    base_status status = claim_among_others(sweep, work, err);
    train_work_folder_release(work);
    return status;
}

base_status train_sweep_run_cell(const train_sweep *sweep, int cell, train_sweep_company company,
                                 const train_experiment_options *options, base_error *err) {
    base_arena scratch = {0};
    cell_files files;
    train_work_folder work = {.path = options->folder, .kind = TRAIN_FOLDER_SWEEP, .resume = true};
    base_status status = leads(options) ? claim(sweep, &work, company, err) : BASE_OK;
    if (status == BASE_OK) {
        const char *place = base_path_join(&scratch, options->folder, sweep->cells[cell].name);
        status = find_files(sweep, place, &scratch, &files, err);
    }
    status = base_ranks_agree(options->ranks, status, err);
    if (status == BASE_OK) status = run_in(sweep, cell, &files, options, err);
    if (company == TRAIN_SWEEP_ALONE) train_work_folder_release(&work);
    base_arena_release(&scratch);
    return status;
}
