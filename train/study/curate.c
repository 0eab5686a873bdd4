/* The folder of the rounds, and the rounds one by one. */
#include <stdlib.h>
#include <string.h>

#include "infer/classify.h"
#include "train/report/report.h"
#include "train/study/curate_internal.h"

base_status train__curate_no_memory(const train_curate *curate, base_error *err) {
    return base_fail(err, BASE_EMEMORY, "%s: out of memory", curate->options->out);
}

int train__curate_compare(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

const char *train__curate_path(const train_curate *curate, int round, const char *name,
                               base_arena *arena) {
    return base_arena_printf(arena, "%s/round%d/%s", curate->options->out, round, name);
}

int train__curate_class(const train_curate *curate, const char *name) {
    for (int c = 0; c < curate->n_classes; c++) {
        if (strcmp(curate->classes[c], name) == 0) return c;
    }
    return -1;
}

static bool round_has(const train_curate *curate, int round, const char *name) {
    base_arena arena = {0};
    const char *path = train__curate_path(curate, round, name, &arena);
    bool there = path != NULL && base_file_exists(path);
    base_arena_release(&arena);
    return there;
}

/* ---- the configuration ---- */

static bool is_for_testing(const base_node *source) {
    const base_node *use = source->kind == BASE_NODE_MAP ? base_node_get(source, "use") : NULL;
    return use != NULL && use->text != NULL && strcmp(use->text, "test") == 0;
}

static base_status check_test_set(const train_config *config, base_error *err) {
    bool found = is_for_testing(config->dataset);
    for (const base_node *item = config->dataset->child; item != NULL; item = item->next) {
        found = found || (config->dataset->kind == BASE_NODE_LIST && is_for_testing(item));
    }
    if (found) return BASE_OK;
    return base_node_fail(config->dataset, err, BASE_ECONFIG,
                          "there is no test set: a gain shows on sounds that are the same in all "
                          "rounds, a source with 'use: test' (folds, and a hold-out, are dealt "
                          "anew when sounds are added)");
}

static base_status read_config(const train_curate_options *options, train_config *config,
                               base_error *err) {
    BASE_TRY(
        train_config_read(options->config, options->overrides, options->n_overrides, config, err));
    base_status status = check_test_set(config, err);
    if (status == BASE_OK && config->train.final == TRAIN_FINAL_NONE) {
        status = base_fail(err, BASE_ECONFIG,
                           "%s: train.final is 'none': without a model nothing can be proposed",
                           options->config);
    }
    if (status != BASE_OK) train_config_release(config);
    return status;
}

/* Adds what joined as one more source. Its path leads to the working folder, which the paths of
 * sounds that were proposed are relative to. */
static base_status add_source(const train_curate *curate, int round, train_config *config,
                              base_error *err) {
    static const char origin[] = "curate";
    base_arena *arena = &config->arena;
    const char *here;
    BASE_TRY(base_path_between(config->sounds_folder, ".", arena, &here, err));
    here = base_path_text(arena, here);
    const struct {
        const char *key, *text;
    } entries[] = {{"source", "csv"},
                   {"use", "train"},
                   {"path", here},
                   {"labels", train__curate_path(curate, round, "proposals.csv", arena)}};
    base_node *list = base_node_new(arena, BASE_NODE_LIST, origin, 0);
    base_node *source = base_node_new(arena, BASE_NODE_MAP, origin, 0);
    base_node *before = base_node_copy(config->dataset, arena);
    if (list == NULL || source == NULL || before == NULL || here == NULL ||
        entries[3].text == NULL) {
        return train__curate_no_memory(curate, err);
    }
    for (int i = 0; i < 4; i++) {
        base_node *node = base_node_scalar(arena, entries[i].text, origin, 0);
        if (node == NULL) return train__curate_no_memory(curate, err);
        base_node_put(source, entries[i].key, node);
    }
    if (before->kind == BASE_NODE_LIST) {
        list = before;
    } else {
        base_node_put(list, NULL, before);
    }
    base_node_put(list, NULL, source);
    base_node_put(config->root, "dataset", list);
    config->dataset = list;
    return BASE_OK;
}

static base_status name_round(const train_curate *curate, int round, train_config *config,
                              base_error *err) {
    const char *name = base_arena_printf(&config->arena, "%s-round%d", curate->name, round);
    base_node *node = name != NULL ? base_node_scalar(&config->arena, name, "curate", 0) : NULL;
    if (node == NULL) return train__curate_no_memory(curate, err);
    base_node_put(config->root, "name", node);
    config->name = name;
    return BASE_OK;
}

static base_status read_round_config(const train_curate *curate, int round, train_config *config,
                                     base_error *err) {
    BASE_TRY(read_config(curate->options, config, err));
    if (round == 0) return BASE_OK;
    base_status status = add_source(curate, round, config, err);
    if (status == BASE_OK) status = name_round(curate, round, config, err);
    if (status != BASE_OK) train_config_release(config);
    return status;
}

/* ---- what the folder was begun with ---- */

static base_status digest_file(const char *path, char hex[33], base_error *err) {
    void *data;
    size_t n_bytes;
    BASE_TRY(base_file_read(path, 0, &data, &n_bytes, err));
    base_digest_hex(base_digest_bytes(data, n_bytes), hex);
    base_free(data);
    return BASE_OK;
}

/* What curate.yaml says. The labels are not in it: they may change between the rounds. */
static base_status write_settings(const train_curate *curate, const train_config *config,
                                  base_text *out, base_error *err) {
    const train_curate_options *options = curate->options;
    base_arena arena = {0};
    base_text number = {0};
    char model[33] = "~";
    if (options->model != NULL) BASE_TRY(digest_file(options->model, model, err));
    base_text_add_number(&number, options->confidence);
    const char *const entries[][2] = {
        {"sounds", curate->sounds},
        {"model", model},
        {"confidence", base_text_string(&number)},
        {"per_class", options->per_class == 0
                          ? "~"
                          : base_arena_printf(&arena, "%lld", (long long)options->per_class)}};
    base_node *root = base_node_new(&arena, BASE_NODE_MAP, "curate", 0);
    base_node *copy = base_node_copy(config->root, &arena);
    bool whole = root != NULL && copy != NULL && !number.failed;
    for (size_t i = 0; whole && i < sizeof entries / sizeof *entries; i++) {
        const char *text = entries[i][1];
        base_node *node = text != NULL ? base_node_scalar(&arena, text, "curate", 0) : NULL;
        whole = node != NULL;
        if (whole) base_node_put(root, entries[i][0], node);
    }
    if (whole) {
        base_node_put(root, "config", copy);
        base_yaml_write(root, out);
    }
    base_text_release(&number);
    base_arena_release(&arena);
    return whole && !out->failed ? BASE_OK : train__curate_no_memory(curate, err);
}

static base_status check_settings(const char *path, const base_text *settings, base_error *err) {
    return train_config_check_same(path, settings,
                                   "begun with other settings; to go on, give the same, or choose "
                                   "another folder with --out",
                                   err);
}

/* ---- opening ---- */

static base_status list_sounds(train_curate *curate, base_error *err) {
    const char *given = curate->options->sounds;
    size_t n = strlen(given);
    while (n > 1 && given[n - 1] == '/') n--;
    curate->sounds = base_arena_copy(&curate->arena, given, n);
    if (curate->sounds == NULL) return train__curate_no_memory(curate, err);
    if (!base_folder_exists(curate->sounds)) {
        return base_fail(err, BASE_ENOTFOUND, "%s: no such folder", curate->sounds);
    }
    infer_paths found;
    BASE_TRY(infer_expand_paths(&curate->sounds, 1, &curate->arena, &found, err));
    const train_curate_options *options = curate->options;
    for (int64_t i = 0; i < found.n_problems; i++) {
        const base_walk_problem *problem = &found.problems[i];
        bool goes_on = options->unread != NULL && found.n > 0;
        if (!goes_on) return base_fail(err, problem->status, "%s", problem->why);
        options->unread(options->unread_context, problem->why);
    }
    curate->paths = found.items;
    curate->n_paths = found.n;
    qsort(curate->paths, (size_t)curate->n_paths, sizeof *curate->paths, train__curate_compare);
    return BASE_OK;
}

static base_status take_classes(train_curate *curate, const data_manifest *manifest,
                                base_error *err) {
    const char **classes =
        base_arena_alloc(&curate->arena, (size_t)manifest->n_classes, sizeof *classes);
    if (classes == NULL) return train__curate_no_memory(curate, err);
    for (int c = 0; c < manifest->n_classes; c++) {
        classes[c] = base_arena_string(&curate->arena, manifest->classes[c]);
        if (classes[c] == NULL) return train__curate_no_memory(curate, err);
    }
    curate->classes = classes;
    curate->n_classes = manifest->n_classes;
    return BASE_OK;
}

static base_status take_contents(train_curate *curate, const data_manifest *manifest,
                                 base_error *err) {
    curate->known =
        base_arena_alloc(&curate->arena, (size_t)manifest->n_rows, sizeof *curate->known);
    if (curate->known == NULL) return train__curate_no_memory(curate, err);
    for (int64_t i = 0; i < manifest->n_rows; i++) {
        char hex[33];
        if (manifest->rows[i].n_channels == 0) continue; /* not decoded */
        base_digest_hex(manifest->rows[i].content, hex);
        const char *content = base_arena_string(&curate->arena, hex);
        if (content == NULL) return train__curate_no_memory(curate, err);
        curate->known[curate->n_known++] = content;
    }
    qsort(curate->known, (size_t)curate->n_known, sizeof *curate->known, train__curate_compare);
    return BASE_OK;
}

static base_status look_at_data(train_curate *curate, train_config *config, base_error *err) {
    const train_curate_options *options = curate->options;
    train_data data;
    data_work work = {.pool = options->pool,
                      .progress = options->progress,
                      .progress_context = options->progress_context,
                      .unread = options->unread,
                      .unread_context = options->unread_context};
    BASE_TRY(train_data_open(config, &work, &data, err));
    base_status status = take_classes(curate, &data.manifest, err);
    if (status == BASE_OK) status = take_contents(curate, &data.manifest, err);
    train_data_release(&data);
    return status;
}

/* What would be found out only when it is needed, hours later. */
static base_status check_files(const train_curate *curate, base_error *err) {
    base_arena arena = {0};
    train_curate_labels labels;
    train__curate_model opened = {0};
    base_status status = train__curate_labels_read(curate, &arena, &labels, err);
    if (status == BASE_OK && curate->options->truth != NULL) {
        status = train__curate_truth_read(curate, &arena, &labels, err);
    }
    if (status == BASE_OK && curate->options->model != NULL) {
        status = train__curate_model_open(curate, curate->options->model, &arena, &opened, err);
    }
    infer_model_free(opened.model);
    base_arena_release(&arena);
    return status;
}

/* The report is what a run writes last. */
static bool is_done(const train_curate *curate, int round) {
    if (round == 0 && curate->options->model != NULL) return round_has(curate, 0, "unseen.csv");
    return round_has(curate, round, "model.h5") && round_has(curate, round, "unseen.csv") &&
           round_has(curate, round, "report.html");
}

static base_status open_with(train_curate *curate, train_config *config, base_text *settings,
                             base_error *err) {
    const char *path = base_path_join(&curate->arena, curate->options->out, "curate.yaml");
    curate->name = base_arena_string(&curate->arena, config->name);
    if (path == NULL || curate->name == NULL) return train__curate_no_memory(curate, err);
    BASE_TRY(train_setup_check(config, err));
    BASE_TRY(train_work_folder_open(&curate->work, err));
    BASE_TRY(list_sounds(curate, err));
    BASE_TRY(write_settings(curate, config, settings, err));
    if (base_file_exists(path)) BASE_TRY(check_settings(path, settings, err));
    BASE_TRY(look_at_data(curate, config, err));
    BASE_TRY(check_files(curate, err));
    BASE_TRY(train_work_folder_claim(&curate->work, err));
    BASE_TRY(base_file_exists(path) ? check_settings(path, settings, err)
                                    : base_file_write_text(path, settings, err));
    while (is_done(curate, curate->n_done)) curate->n_done++;
    return BASE_OK;
}

base_status train_curate_open(const train_curate_options *options, train_curate *curate,
                              base_error *err) {
    *curate = (train_curate){
        .options = options,
        .work = {.path = options->out, .kind = TRAIN_FOLDER_ROUNDS, .resume = options->resume}};
    train_config config;
    base_text settings = {0};
    BASE_TRY(read_config(options, &config, err));
    base_status status = open_with(curate, &config, &settings, err);
    base_text_release(&settings);
    train_config_release(&config);
    if (status != BASE_OK) train_curate_release(curate);
    return status;
}

void train_curate_release(train_curate *curate) {
    if (curate == NULL) return;
    train_work_folder_release(&curate->work);
    base_arena_release(&curate->arena);
    *curate = (train_curate){0};
}

/* ---- rounds ---- */

/* The model that proposes for a round; for round 0 that which is round 0. */
static const char *proposing_model(const train_curate *curate, int round, base_arena *arena) {
    bool given = round <= 1 && curate->options->model != NULL;
    return given ? curate->options->model
                 : train__curate_path(curate, round - 1, "model.h5", arena);
}

base_status train_curate_propose(const train_curate *curate, base_arena *arena,
                                 train_curate_proposals *proposals, base_error *err) {
    int round = curate->n_done > 0 ? curate->n_done : 1;
    const char *model = proposing_model(curate, round, arena);
    char *digest = base_arena_alloc(arena, 33, 1);
    train_curate_record before;
    train_curate_labels labels;
    train_curate_sound *sounds = base_arena_alloc(arena, (size_t)curate->n_paths, sizeof *sounds);
    if (model == NULL || digest == NULL || sounds == NULL) {
        return train__curate_no_memory(curate, err);
    }
    BASE_TRY(digest_file(model, digest, err));
    BASE_TRY(train__curate_record_read(curate, round - 1, arena, &before, err));
    BASE_TRY(train__curate_labels_read(curate, arena, &labels, err));
    BASE_TRY(train__curate_listen(curate, model, arena, sounds, err));
    train_curate_choice choice = {.n_classes = curate->n_classes,
                                  .sounds = sounds,
                                  .n_sounds = curate->n_paths,
                                  .known = curate->known,
                                  .n_known = curate->n_known,
                                  .before = &before,
                                  .labels = &labels,
                                  .confidence = curate->options->confidence,
                                  .per_class = curate->options->per_class,
                                  .round = round,
                                  .model = digest};
    return train_curate_choose(&choice, arena, proposals, err);
}

bool train_curate_is_begun(const train_curate *curate) {
    return round_has(curate, curate->n_done, "facts.json");
}

base_status train_curate_accept(const train_curate *curate, const train_curate_proposals *proposals,
                                base_error *err) {
    base_arena arena = {0};
    const char *path = train__curate_path(curate, curate->n_done, "proposals.csv", &arena);
    const char *folder = path != NULL ? base_path_folder(&arena, path) : NULL;
    base_status status =
        folder != NULL ? base_folder_make(folder, err) : train__curate_no_memory(curate, err);
    if (status == BASE_OK) {
        status = train__curate_record_write(curate, &proposals->record, path, err);
    }
    base_arena_release(&arena);
    return status;
}

base_status train_curate_show(const train_curate *curate, const train_curate_proposals *proposals,
                              base_error *err) {
    base_arena arena = {0};
    base_status status = train__curate_record_write(
        curate, &proposals->record, base_path_join(&arena, curate->options->out, "proposals.csv"),
        err);
    base_arena_release(&arena);
    return status;
}

/* proposals.csv is that of the round. */
static base_status copy_record(const train_curate *curate, base_arena *arena, base_error *err) {
    const char *from = train__curate_path(curate, curate->n_done, "proposals.csv", arena);
    const char *to = base_path_join(arena, curate->options->out, "proposals.csv");
    void *data;
    size_t n_bytes;
    if (from == NULL || to == NULL) return train__curate_no_memory(curate, err);
    BASE_TRY(base_file_read(from, 0, &data, &n_bytes, err));
    base_status status = base_file_write(to, data, n_bytes, err);
    base_free(data);
    return status;
}

static base_status train_round(const train_curate *curate, const train_experiment_options *run,
                               base_arena *arena, base_error *err) {
    int round = curate->n_done;
    const char *folder = base_arena_printf(arena, "%s/round%d", curate->options->out, round);
    if (folder == NULL) return train__curate_no_memory(curate, err);
    if (round > 0) BASE_TRY(copy_record(curate, arena, err));
    train_config config;
    BASE_TRY(read_round_config(curate, round, &config, err));
    train_experiment_options options = *run;
    options.folder = folder;
    options.resume = true;
    options.overwrite = false;
    options.report = train_report_write;
    base_status status = train_experiment_run(&config, &options, err);
    train_config_release(&config);
    return status;
}

base_status train_curate_train(train_curate *curate, const train_experiment_options *run,
                               base_error *err) {
    base_arena arena = {0};
    bool given = curate->n_done == 0 && curate->options->model != NULL;
    base_status status =
        given ? train__curate_test_model(curate, err) : train_round(curate, run, &arena, err);
    base_arena_release(&arena);
    if (status == BASE_OK) curate->n_done++;
    return status;
}

/* ---- labels that came late ---- */

/* Also if the model had said the same. */
static bool is_used(const train_curate_label *label, const train_curate_row *row) {
    return label->class_index == (row != NULL ? row->class_index : -1);
}

base_status train_curate_unused_labels(const train_curate *curate, int64_t *n, base_error *err) {
    base_arena arena = {0};
    train_curate_labels labels = {0};
    train_curate_record record = {0};
    *n = 0;
    base_status status = train__curate_labels_read(curate, &arena, &labels, err);
    if (status == BASE_OK) {
        status = train__curate_record_read(curate, curate->n_done - 1, &arena, &record, err);
    }
    if (status == BASE_OK && record.n > 0) {
        qsort(record.rows, (size_t)record.n, sizeof *record.rows, train__curate_compare);
    }
    for (int64_t i = 0; status == BASE_OK && i < labels.n; i++) {
        const train_curate_label *label = &labels.items[i];
        const train_curate_row *row = record.n > 0
                                          ? bsearch(label, record.rows, (size_t)record.n,
                                                    sizeof *record.rows, train__curate_compare)
                                          : NULL;
        *n += !is_used(label, row);
    }
    base_arena_release(&arena);
    return status;
}
