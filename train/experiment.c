#include "train/experiment.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "nn/gemm.h"
#include "nn/kernels.h"
#include "train/feed.h"
#include "train/final.h"
#include "train/loop.h"
#include "train/report.h"

typedef struct {
    const char *name; /* in the run folder */
    void *bytes;
    size_t n_bytes;
} kept_file;

/* A run in progress. */
typedef struct {
    train_config *config;
    const train_experiment_options *options;
    base_arena arena;
    train_data data;
    data_folds main, compare; /* compare.n_folds 0: none */
    data_augment *augment;
    train_facts facts;
    base_text yaml;   /* resolved configuration */
    kept_file *rules; /* label rules, copied so that the folder can be run again by itself */
    int n_rules;
    char fingerprint[33];
    nn_summary plan; /* of the network, for one thread */
    int64_t count;   /* numbers in its input */
    int n_parallel;  /* folds side by side */

    pthread_mutex_t mutex; /* guards what follows, and the listener */
    double work_total, work_done,
        started_s;        /* work: clips trained on, for the estimate of what is left */
    double worked_before; /* part of work_done that a resumed run found done */
    bool *at_work;        /* [n_folds] of the present set */
    bool halted;          /* the listener said so, or a fold failed: all are to stop */
} experiment;

static double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static bool tell(const experiment *e, const train_event *event) {
    if (!e->options->listener) return true;
    return e->options->listener(e->options->listener_context, event);
}

static base_status out_of_memory(base_error *err) {
    return base_fail(err, BASE_EMEMORY, "run: out of memory");
}

/* ------------------------------------------------------------------ the run folder */

static bool has_file(const char *folder, const char *name, base_arena *arena) {
    const char *path = base_path_join(arena, folder, name);
    return path && base_file_exists(path);
}

/* Nothing but a run may be overwritten: a folder with some config.yaml of its user's is not one. */
static bool holds_a_run(const char *folder, base_arena *arena) {
    return has_file(folder, "config.yaml", arena) && has_file(folder, "manifest.csv", arena);
}

/* Renamed first, so that a kill leaves no half of a run under its name. */
static base_status remove_run(experiment *e, const char *folder, base_error *err) {
    const char *aside = base_arena_printf(&e->arena, "%s.overwritten", folder);
    if (!aside) return out_of_memory(err);
    BASE_TRY(base_folder_remove(aside, err));
    if (rename(folder, aside) != 0) return base_fail_errno(err, errno, "%s", folder);
    return base_folder_remove(aside, err);
}

static base_status refuse_existing(const char *folder, base_error *err) {
    return base_fail(err, BASE_EEXISTS,
                     "%s: already exists; --resume goes on with it, --overwrite starts afresh, "
                     "--out chooses another folder",
                     folder);
}

static base_status claim_folder(experiment *e, base_error *err) {
    const train_experiment_options *options = e->options;
    const char *folder = options->folder;
    if (!base_folder_exists(folder) && base_file_exists(folder)) {
        return base_fail(err, BASE_EEXISTS, "%s: is a file, not a run folder", folder);
    }
    if (base_folder_exists(folder) && !base_folder_is_empty(folder)) {
        if (options->overwrite && !holds_a_run(folder, &e->arena)) {
            return base_fail(err, BASE_EEXISTS, "%s: is no run folder, so it is not overwritten",
                             folder);
        }
        if (options->overwrite) BASE_TRY(remove_run(e, folder, err));
    }
    return base_folder_make(folder, err);
}

static base_status check_same_config(const experiment *e, const char *path, base_error *err) {
    void *text;
    size_t n_bytes;
    BASE_TRY(base_file_read(path, 0, &text, &n_bytes, err));
    const char *ours = base_text_string(&e->yaml), *theirs = text;
    int line = 1;
    size_t i = 0;
    for (; ours[i] && ours[i] == theirs[i]; i++) line += ours[i] == '\n';
    bool same = ours[i] == theirs[i];
    base_free(text);
    if (same) return BASE_OK;
    return base_fail(err, BASE_EMISMATCH,
                     "%s:%d: the run was started with another configuration; to resume, give the "
                     "same file and overrides",
                     path, line);
}

/* A run goes on only with the kernels it was begun with, others give other last bits, and with the
 * same sounds. */
static base_status check_same_facts(experiment *e, base_error *err) {
    train_facts before;
    const train_facts *now = &e->facts;
    BASE_TRY(train_facts_read(e->options->folder, &e->arena, &before, err));
    if (strcmp(before.blas_kernel, now->blas_kernel) != 0 ||
        strcmp(before.level, now->level) != 0) {
        return base_fail(
            err, BASE_EMISMATCH,
            "%s: begun with kernels %s, %s; here they are %s, %s, and the bits would differ",
            e->options->folder, before.blas_kernel, before.level, now->blas_kernel, now->level);
    }
    if (strcmp(before.fingerprint, now->fingerprint) == 0) return BASE_OK;
    return base_fail(err, BASE_EMISMATCH,
                     "%s: the sounds, their labels or the program have changed since it was begun",
                     e->options->folder);
}

/* The data set's rules files get a copy in the run folder, and the resolved configuration names
 * that. They are read now: the folder that is about to be overwritten may hold them. */
static base_status keep_rules_of(experiment *e, base_node *dataset, base_error *err) {
    base_node *rules = base_node_get(dataset, "rules");
    if (!rules || base_node_is_null(rules)) return BASE_OK;
    kept_file *kept = &e->rules[e->n_rules++];
    const char *path = base_path_join(&e->arena, e->config->folder, rules->text);
    kept->name =
        e->n_rules == 1 ? "rules.yaml" : base_arena_printf(&e->arena, "rules%d.yaml", e->n_rules);
    if (!path || !kept->name) return out_of_memory(err);
    base_node *name = base_node_scalar(&e->config->arena, kept->name, rules->source, rules->line);
    if (!name) return out_of_memory(err);
    base_node_put(dataset, "rules", name);
    return base_file_read(path, 0, &kept->bytes, &kept->n_bytes, err);
}

static base_status keep_rules(experiment *e, base_error *err) {
    base_node *dataset = base_node_copy(e->data.manifest.dataset, &e->config->arena);
    if (!dataset) return out_of_memory(err);
    base_node_put(e->config->root, "dataset", dataset);
    e->config->dataset = dataset;
    bool is_list = dataset->kind == BASE_NODE_LIST;
    size_t n = is_list ? (size_t)dataset->n_children : 1;
    e->rules = base_arena_alloc(&e->arena, n, sizeof *e->rules);
    if (!e->rules) return out_of_memory(err);
    if (!is_list) return keep_rules_of(e, dataset, err);
    for (base_node *item = dataset->child; item; item = item->next) {
        BASE_TRY(keep_rules_of(e, item, err));
    }
    return BASE_OK;
}

static base_status write_rules(experiment *e, base_error *err) {
    for (int i = 0; i < e->n_rules; i++) {
        const char *path = base_path_join(&e->arena, e->options->folder, e->rules[i].name);
        if (!path) return out_of_memory(err);
        BASE_TRY(base_file_write(path, e->rules[i].bytes, e->rules[i].n_bytes, err));
    }
    return BASE_OK;
}

/* facts.json is written last: its presence says that the other files are there. */
static base_status write_beginning(experiment *e, base_error *err) {
    const char *folder = e->options->folder;
    const char *config = base_path_join(&e->arena, folder, "config.yaml");
    const char *manifest = base_path_join(&e->arena, folder, "manifest.csv");
    const char *folds = base_path_join(&e->arena, folder, "folds.csv");
    const char *compare = base_path_join(&e->arena, folder, "compare/folds.csv");
    const char *facts = base_path_join(&e->arena, folder, "facts.json");
    if (!config || !manifest || !folds || !compare || !facts) return out_of_memory(err);
    if (e->options->resume && base_file_exists(facts)) {
        BASE_TRY(check_same_config(e, config, err));
        return check_same_facts(e, err);
    }
    BASE_TRY(base_file_write_text(config, &e->yaml, err));
    BASE_TRY(write_rules(e, err));
    BASE_TRY(data_manifest_write(&e->data.manifest, manifest, err));
    BASE_TRY(data_folds_write(&e->main, &e->data.manifest, &e->data.clips, folds, err));
    if (e->compare.n_folds > 0) {
        BASE_TRY(base_folder_make(base_path_folder(&e->arena, compare), err));
        BASE_TRY(data_folds_write(&e->compare, &e->data.manifest, &e->data.clips, compare, err));
    }
    return train_facts_write(&e->facts, folder, err);
}

/* ------------------------------------------------------------------ data and facts */

static bool tell_decoding(void *context, const char *what, int64_t done, int64_t total) {
    train_event event = {
        .kind = TRAIN_EVENT_DECODE, .stage = "data", .text = what, .done = done, .total = total};
    return tell(context, &event);
}

static const char *join_keys(base_arena *arena, base_strings keys) {
    const char *text = keys.n ? keys.items[0] : "";
    for (int i = 1; i < keys.n && text; i++) {
        text = base_arena_printf(arena, "%s and %s", text, keys.items[i]);
    }
    return text;
}

static base_status count_clips(experiment *e, base_error *err) {
    train_facts *facts = &e->facts;
    const data_manifest *manifest = &e->data.manifest;
    facts->class_counts =
        base_arena_alloc(&e->arena, (size_t)manifest->n_classes, sizeof *facts->class_counts);
    if (!facts->class_counts) return out_of_memory(err);
    for (int64_t i = 0; i < e->data.clips.n_clips; i++) {
        facts->class_counts[e->data.clips.label[i]]++;
    }
    for (int64_t i = 0; i < manifest->n_rows; i++) {
        const char *why = manifest->rows[i].left_out;
        facts->n_left_out += why != NULL;
        facts->n_silent += why && strcmp(why, "silent") == 0;
    }
    return BASE_OK;
}

/* "3 conv2d, gru, linear": the layers with weights, in order, norms left out. */
static const char *list_layers(const nn_network *network, base_arena *arena) {
    const char *text = "";
    int n_rows = nn_network_n_rows(network);
    for (int i = 0, n; i < n_rows && text; i += n) {
        nn_summary_row row = nn_network_row(network, i);
        n = 1;
        if (row.n_param == 0 || strstr(row.layer, "norm")) continue;
        int n_equal = 1;
        for (; i + n < n_rows; n++) { /* what has no weights, and norms, stand between equals */
            nn_summary_row next = nn_network_row(network, i + n);
            bool counts = next.n_param > 0 && !strstr(next.layer, "norm");
            if (counts && strcmp(next.layer, row.layer) != 0) break;
            n_equal += counts;
        }
        const char *comma = text[0] ? ", " : "";
        text = n_equal > 1 ? base_arena_printf(arena, "%s%s%d %s", text, comma, n_equal, row.layer)
                           : base_arena_printf(arena, "%s%s%s", text, comma, row.layer);
    }
    return text;
}

/* Facts of the network as planned for one thread, so that they are the same everywhere; the
 * resolved configuration shows its layers unfolded and with their defaults. */
static base_status describe_network(experiment *e, base_error *err) {
    nn_network *network;
    train_config *config = e->config;
    BASE_TRY(train_network_new(config, e->data.manifest.n_classes, config->train.batch, true, NULL,
                               &network, NULL, err));
    nn_shape shape = nn_network_get_config(network)->input;
    char input[64];
    nn_shape_text(shape, true, input);
    e->plan = nn_network_summary(network);
    e->count = nn_shape_count(shape);
    e->facts.n_param = e->plan.n_param;
    e->facts.macs = e->plan.macs;
    e->facts.memory_bytes = e->plan.param_bytes + e->plan.activation_bytes;
    e->facts.input = base_arena_string(&e->arena, input);
    e->facts.network = list_layers(network, &e->arena);
    base_node *layers = base_node_copy(nn_network_layers(network), &config->arena);
    nn_network_free(network);
    if (!layers || !e->facts.input || !e->facts.network) return out_of_memory(err);
    base_node_put(config->root, "network", layers);
    config->network = layers;
    return BASE_OK;
}

static base_status gather_facts(experiment *e, base_error *err) {
    static const char *const monitors[] = {"accuracy", "balanced", "loss"};
    static const char *const results[] = {"last", "best"};
    const train_config *config = e->config;
    const data_manifest *manifest = &e->data.manifest;
    e->facts = (train_facts){.name = config->name,
                             .classes = manifest->classes,
                             .n_classes = manifest->n_classes,
                             .n_rows = manifest->n_rows,
                             .n_clips = e->data.clips.n_clips,
                             .n_duplicate_groups = e->data.duplicates.n_groups,
                             .n_copies = e->data.duplicates.n_copies,
                             .n_conflicts = e->data.duplicates.n_conflicts,
                             .blas_kernel = nn_blas_kernel(),
                             .level = nn_kernels()->level,
                             .version = RIMSHOT_VERSION,
                             .grouped_by = join_keys(&e->arena, config->folds.group),
                             .n_folds = (int)e->main.n_folds,
                             .n_compare_folds = (int)e->compare.n_folds,
                             .monitor = monitors[config->train.monitor],
                             .result = results[config->train.result],
                             .notes = manifest->notes,
                             .n_notes = manifest->n_notes};
    if (e->compare.n_folds > 0) e->facts.compared_by = join_keys(&e->arena, config->folds.compare);
    BASE_TRY(count_clips(e, err));
    return describe_network(e, err);
}

/* Names everything the weights depend on. */
static void make_fingerprint(experiment *e) {
    const data_clips *clips = &e->data.clips;
    size_t n = (size_t)clips->n_clips;
    base_digest digest = base_digest_bytes(e->yaml.data, e->yaml.size);
    const base_digest parts[] = {
        base_digest_bytes(clips->audio, (size_t)clips->offset[n] * sizeof *clips->audio),
        base_digest_bytes(clips->label, n * sizeof *clips->label),
        base_digest_bytes(clips->offset, (n + 1) * sizeof *clips->offset),
        base_digest_bytes(e->main.fold, n * sizeof *e->main.fold),
        base_digest_bytes(e->compare.fold, e->compare.fold ? n * sizeof *e->compare.fold : 0),
        base_digest_bytes(e->facts.blas_kernel, strlen(e->facts.blas_kernel)),
        base_digest_bytes(e->facts.level, strlen(e->facts.level)),
        base_digest_bytes(RIMSHOT_VERSION, strlen(RIMSHOT_VERSION)),
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        digest = base_digest_join(digest, parts[i]);
    }
    base_digest_hex(digest, e->fingerprint);
}

/* The second set of folds is kept apart by folds.compare; where that cannot be done (no kits, too
 * few of them for a class) it is left out with a note, because the main result does not depend on
 * it. */
static base_status make_compare_folds(experiment *e, base_error *err) {
    data_folds_options options = e->config->folds;
    if (options.compare.n == 0) return BASE_OK;
    options.group = options.compare;
    options.file = NULL;
    base_error reason;
    base_status status =
        data_folds_make(&e->data.manifest, &e->data.clips, &options, &e->compare, &reason);
    if (status == BASE_OK) return BASE_OK;
    e->compare = (data_folds){0};
    if (status != BASE_EDATA) return base_fail(err, status, "%s", reason.text);
    data_manifest *manifest = &e->data.manifest;
    const char **notes =
        base_arena_alloc(&manifest->arena, (size_t)manifest->n_notes + 1, sizeof *notes);
    char *note = base_arena_printf(&manifest->arena, "no second set of folds (folds.compare): %s",
                                   reason.text);
    if (!notes || !note) return out_of_memory(err);
    for (int i = 0; i < manifest->n_notes; i++) notes[i] = manifest->notes[i];
    notes[manifest->n_notes++] = note;
    manifest->notes = notes;
    return BASE_OK;
}

/* The chain binds a copy of its list; the resolved configuration shows that one, with its defaults.
 */
static base_status resolve_augment(experiment *e, base_error *err) {
    const base_node *list = data_augment_list(e->augment);
    if (!list || !e->config->augment) return BASE_OK;
    base_node *copy = base_node_copy(list, &e->config->arena);
    if (!copy) return out_of_memory(err);
    base_node_put(e->config->root, "augment", copy);
    e->config->augment = copy;
    return BASE_OK;
}

static base_status prepare(experiment *e, base_error *err) {
    train_config *config = e->config;
    BASE_TRY(train_data_open(config, e->options->pool, tell_decoding, e, &e->data, err));
    const data_clips *clips = &e->data.clips;
    BASE_TRY(data_folds_make(&e->data.manifest, clips, &config->folds, &e->main, err));
    BASE_TRY(make_compare_folds(e, err));
    BASE_TRY(data_augment_new(config->augment, clips->sample_rate_hz, clips->n_channels,
                              clips->n_samples, &e->augment, err));
    BASE_TRY(gather_facts(e, err));
    BASE_TRY(resolve_augment(e, err));
    BASE_TRY(keep_rules(e, err));
    base_yaml_write(config->root, &e->yaml);
    if (e->yaml.failed) return out_of_memory(err);
    make_fingerprint(e);
    e->facts.fingerprint = e->fingerprint;
    return BASE_OK;
}

/* ------------------------------------------------------------------ memory */

/* What one fold takes: the network, the optimiser's two moments and average, what it is fed. */
static size_t fold_bytes(const experiment *e, int n_threads) {
    int64_t n_clips = e->data.clips.n_clips, n_test = n_clips / e->main.n_folds;
    size_t n_floats = (size_t)(3 * e->plan.n_param + e->config->train.batch * e->count);
    return e->plan.param_bytes + e->plan.activation_bytes +
           e->plan.scratch_bytes * (size_t)n_threads + n_floats * sizeof(float) +
           train_feed_kept_bytes(e->augment, n_clips - n_test, e->count) +
           train_feed_kept_bytes(NULL, n_test, e->count);
}

/* As many folds side by side as were asked for and as threads and memory allow. */
static int count_parallel(const experiment *e) {
    const train_experiment_options *options = e->options;
    int n = options->parallel_folds, n_threads = base_pool_threads(options->pool);
    size_t budget = options->memory_bytes > 0 ? options->memory_bytes : base_memory() / 4 * 3;
    const data_clips *clips = &e->data.clips;
    size_t shared = (size_t)clips->offset[clips->n_clips] * sizeof *clips->audio;
    if (n > e->main.n_folds) n = (int)e->main.n_folds;
    if (n > n_threads) n = n_threads;
    while (n > 1 && shared + (size_t)n * fold_bytes(e, (n_threads + n - 1) / n) > budget) n--;
    return n > 1 ? n : 1;
}

/* ------------------------------------------------------------------ one fold */

/* One training to do. */
typedef struct {
    const data_folds *folds; /* NULL: all clips train, none is tested */
    const char *stage;
    int fold;
    char place[64]; /* in the run folder */
    base_pool *pool;
} training;

typedef struct {
    experiment *experiment;
    const char *stage;
    int fold, n_folds;
    double work; /* of this fold, as told so far */
} fold_progress;

static double draws_per_epoch(const train_options *train, int64_t n_train) {
    return train->steps > 0 ? (double)(train->steps * train->batch) : (double)n_train;
}

/* One fold at a time; false as soon as all are to stop. */
static bool tell_of_fold(experiment *e, const fold_progress *p, train_event *event) {
    event->stage = p->stage;
    event->fold = p->fold;
    event->n_folds = p->n_folds;
    event->at_work = e->at_work;
    if (!e->halted) e->halted = !tell(e, event);
    return !e->halted;
}

static bool tell_progress(void *context, int64_t epoch, int64_t done, int64_t total, double loss,
                          const train_epoch *over, int64_t best_epoch, double best_accuracy) {
    fold_progress *p = context;
    experiment *e = p->experiment;
    pthread_mutex_lock(&e->mutex);
    double step = (double)((epoch - 1) * total + done) - p->work;
    /* The first report of a fold shows how much of it a resumed run had done already. */
    if (step > (double)total) e->worked_before += step - (double)done;
    p->work += step;
    e->work_done += step;
    double elapsed_s = now_s() - e->started_s, worked = e->work_done - e->worked_before;
    double rate = elapsed_s > 0 ? worked / elapsed_s : 0;
    train_event event = {.kind = over ? TRAIN_EVENT_EPOCH : TRAIN_EVENT_STEP,
                         .epoch_number = epoch,
                         .n_epochs = e->config->train.epochs,
                         .done = done,
                         .total = total,
                         .loss = loss,
                         .best_accuracy = best_accuracy,
                         .best_epoch = best_epoch,
                         .samples_per_s = rate,
                         .seconds_left = rate > 0 ? (e->work_total - e->work_done) / rate : -1,
                         .epoch = over};
    bool go_on = tell_of_fold(e, p, &event);
    pthread_mutex_unlock(&e->mutex);
    return go_on;
}

/* Epochs done before, or left out by train.patience, are no work for this run. */
static void pass_rest(experiment *e, const fold_progress *p, double whole) {
    pthread_mutex_lock(&e->mutex);
    e->worked_before += whole - p->work;
    e->work_done += whole - p->work;
    pthread_mutex_unlock(&e->mutex);
}

/* Gives the job its clips: those the fold tests, in order, and the others. */
static base_status split(const experiment *e, const training *t, base_arena *arena, train_job *job,
                         base_error *err) {
    int64_t n = e->data.clips.n_clips;
    int64_t *train = base_arena_alloc(arena, (size_t)n, sizeof *train);
    int64_t *test = base_arena_alloc(arena, (size_t)n, sizeof *test);
    if (!train || !test) return out_of_memory(err);
    for (int64_t i = 0; i < n; i++) {
        if (t->folds && t->folds->fold[i] == t->fold) {
            test[job->n_test++] = i;
        } else {
            train[job->n_train++] = i;
        }
    }
    job->train_index = train;
    job->test_index = test;
    return BASE_OK;
}

static base_status write_predictions(experiment *e, const train_job *job, int fold,
                                     const train_outcome *outcome, base_error *err) {
    train_prediction *rows = base_alloc((size_t)job->n_test, sizeof *rows);
    if (!rows) return out_of_memory(err);
    for (int64_t i = 0; i < job->n_test; i++) {
        const float *p = outcome->probability + i * job->n_classes;
        const data_row *row = &e->data.manifest.rows[job->clips->row[job->test_index[i]]];
        int best = 0;
        for (int c = 1; c < job->n_classes; c++) best = p[c] > p[best] ? c : best;
        rows[i] = (train_prediction){.path = row->path,
                                     .begin_s = row->begin_s,
                                     .end_s = row->end_s,
                                     .predicted = best,
                                     .fold = fold,
                                     .truth = job->clips->label[job->test_index[i]]};
    }
    base_status status =
        train_predictions_write(rows, job->n_test, outcome->probability, e->facts.classes,
                                job->n_classes, job->folder, err);
    base_free(rows);
    return status;
}

static bool tell_fold_over(experiment *e, const fold_progress *p, const train_job *job,
                           const train_outcome *outcome, base_error *err, base_status *status) {
    base_arena arena = {0};
    int32_t *truth = base_arena_alloc(&arena, (size_t)job->n_test, sizeof *truth);
    train_metrics metrics;
    bool go_on = true;
    *status = truth ? BASE_OK : out_of_memory(err);
    for (int64_t i = 0; truth && i < job->n_test; i++) {
        truth[i] = job->clips->label[job->test_index[i]];
    }
    if (truth) {
        *status = train_metrics_compute(outcome->probability, truth, job->n_test, job->n_classes,
                                        &arena, &metrics, err);
    }
    if (*status == BASE_OK) {
        train_event event = {.kind = TRAIN_EVENT_FOLD, .metrics = &metrics};
        pthread_mutex_lock(&e->mutex);
        go_on = tell_of_fold(e, p, &event);
        pthread_mutex_unlock(&e->mutex);
    }
    base_arena_release(&arena);
    return go_on;
}

/* Each training of a run has its own streams: the run's seed, its stage and its fold. */
static uint64_t training_seed(const experiment *e, const char *stage, int fold) {
    base_digest digest = base_digest_bytes(stage, strlen(stage));
    return (uint64_t)e->config->train.seed + digest.low + (uint64_t)fold * 0x9e3779b97f4a7c15u;
}

/* Trains, and tells what came of it; `outcome` is the caller's to release. */
static base_status run_job(experiment *e, const training *t, train_job *job, train_outcome *outcome,
                           base_error *err) {
    fold_progress progress = {.experiment = e,
                              .stage = t->stage,
                              .fold = t->fold + 1,
                              .n_folds = t->folds ? (int)t->folds->n_folds : 1};
    job->progress = tell_progress;
    job->progress_context = &progress;
    BASE_TRY(train_loop_run(job, outcome, err));
    const train_options *train = &e->config->train;
    pass_rest(e, &progress, (double)train->epochs * draws_per_epoch(train, job->n_train));
    if (job->n_test == 0) return BASE_OK;
    base_status status = write_predictions(e, job, t->fold, outcome, err);
    bool go_on = true;
    if (status == BASE_OK) go_on = tell_fold_over(e, &progress, job, outcome, err, &status);
    if (status == BASE_OK && !go_on) status = base_fail(err, BASE_ESTOPPED, "stopped");
    if (status != BASE_OK) train_outcome_release(outcome);
    return status;
}

/* One training, in <folder>/<place>; `outcome` is the caller's to release. */
static base_status run_training(experiment *e, const training *t, train_outcome *outcome,
                                base_error *err) {
    base_arena arena = {0};
    train_job job = {.config = e->config,
                     .clips = &e->data.clips,
                     .augment = e->augment,
                     .n_classes = e->facts.n_classes,
                     .seed = training_seed(e, t->stage, t->fold),
                     .folder = base_path_join(&arena, e->options->folder, t->place),
                     .fingerprint = base_arena_printf(&arena, "%s %s", e->fingerprint, t->place),
                     .resume = e->options->resume,
                     .pool = t->pool};
    base_status status = job.folder && job.fingerprint ? BASE_OK : out_of_memory(err);
    if (status == BASE_OK) status = split(e, t, &arena, &job, err);
    if (status == BASE_OK) status = base_folder_make(job.folder, err);
    if (status == BASE_OK) status = run_job(e, t, &job, outcome, err);
    base_arena_release(&arena);
    return status;
}

/* ------------------------------------------------------------------ folds side by side */

/* A set of folds in progress. */
typedef struct {
    experiment *experiment;
    const data_folds *folds;
    const char *stage, *prefix;
    int n_jobs;
    int next; /* the first fold that no job has taken; guarded by the experiment's mutex, */
    base_status status; /* as is what became of the first fold that failed */
    base_error *err;
} fold_set;

/* The next fold to be trained, or none: -1. */
static int take_fold(fold_set *set) {
    experiment *e = set->experiment;
    pthread_mutex_lock(&e->mutex);
    int fold = e->halted || set->next >= set->folds->n_folds ? -1 : set->next++;
    if (fold >= 0) e->at_work[fold] = true;
    pthread_mutex_unlock(&e->mutex);
    return fold;
}

/* A fold is over. If it failed, or was stopped, all others stop. */
static void put_fold(fold_set *set, int fold, base_status status, const base_error *err) {
    experiment *e = set->experiment;
    pthread_mutex_lock(&e->mutex);
    if (fold >= 0) e->at_work[fold] = false;
    if (status != BASE_OK && set->status == BASE_OK) {
        set->status = status;
        *set->err = *err;
        e->halted = true;
    }
    pthread_mutex_unlock(&e->mutex);
}

static base_status run_fold(fold_set *set, int fold, base_pool *pool, base_error *err) {
    training t = {.folds = set->folds, .stage = set->stage, .fold = fold, .pool = pool};
    snprintf(t.place, sizeof t.place, "%sfold%d", set->prefix, fold + 1);
    train_outcome outcome = {0};
    BASE_TRY(run_training(set->experiment, &t, &outcome, err));
    train_outcome_release(&outcome);
    return BASE_OK;
}

static void run_folds(fold_set *set, base_pool *pool) {
    for (int fold; (fold = take_fold(set)) >= 0;) {
        base_error err = {0};
        base_status status = run_fold(set, fold, pool, &err);
        put_fold(set, fold, status, &err);
    }
}

/* One of several jobs, with its share of the threads. */
static void run_fold_job(void *context, int job) {
    fold_set *set = context;
    int n_threads = base_pool_threads(set->experiment->options->pool);
    base_error err = {0};
    base_pool *pool;
    base_status status =
        base_pool_new(n_threads / set->n_jobs + (job < n_threads % set->n_jobs), &pool, &err);
    if (status == BASE_OK) {
        run_folds(set, pool);
        base_pool_free(pool);
    } else {
        put_fold(set, -1, status, &err);
    }
}

static base_status run_set(experiment *e, const data_folds *folds, const char *stage,
                           const char *prefix, base_error *err) {
    if (folds->n_folds == 0) return BASE_OK;
    fold_set set = {.experiment = e, .folds = folds, .stage = stage, .prefix = prefix, .err = err};
    set.n_jobs = e->n_parallel < folds->n_folds ? e->n_parallel : (int)folds->n_folds;
    e->at_work = base_arena_alloc(&e->arena, (size_t)folds->n_folds, sizeof *e->at_work);
    if (!e->at_work) return out_of_memory(err);
    if (set.n_jobs > 1) {
        base_side_by_side(set.n_jobs, run_fold_job, &set);
    } else {
        run_folds(&set, e->options->pool);
    }
    e->at_work = NULL;
    return set.status;
}

static double work_of(const experiment *e, const data_folds *folds) {
    int64_t n = e->data.clips.n_clips, n_trained = 0;
    for (int fold = 0; fold < folds->n_folds; fold++) {
        for (int64_t i = 0; i < n; i++) n_trained += folds->fold[i] != fold;
    }
    const train_options *train = &e->config->train;
    if (train->steps > 0) n_trained = folds->n_folds * train->steps * train->batch;
    return (double)train->epochs * (double)n_trained;
}

/* ------------------------------------------------------------------ the whole */

static base_status write_final(experiment *e, base_error *err) {
    const train_config *config = e->config;
    if (config->train.final == TRAIN_FINAL_NONE) return BASE_OK;
    train_outcome outcome = {0};
    if (config->train.final == TRAIN_FINAL_ALL) {
        training all = {.stage = "final", .fold = -1, .place = "final", .pool = e->options->pool};
        BASE_TRY(run_training(e, &all, &outcome, err));
    }
    train_event event = {.kind = TRAIN_EVENT_STAGE, .stage = "model", .text = "model"};
    tell(e, &event);
    train_final_request request = {.config = config,
                                   .yaml = base_text_string(&e->yaml),
                                   .folder = e->options->folder,
                                   .facts = &e->facts,
                                   .fingerprint = e->fingerprint,
                                   .pool = e->options->pool,
                                   .network = outcome.network,
                                   .features = outcome.features};
    base_status status = train_final_write(&request, err);
    train_outcome_release(&outcome);
    return status;
}

static base_status write_report(experiment *e, base_error *err) {
    train_event event = {.kind = TRAIN_EVENT_STAGE, .stage = "report", .text = "report"};
    tell(e, &event);
    train_run run;
    BASE_TRY(train_run_read(e->options->folder, &run, err));
    base_status status = train_run_write_summary(&run, err);
    if (status == BASE_OK) status = train_report_write(&run, err);
    train_run_release(&run);
    return status;
}

static base_status run_all(experiment *e, base_error *err) {
    BASE_TRY(prepare(e, err));
    BASE_TRY(claim_folder(e, err));
    BASE_TRY(write_beginning(e, err));
    e->n_parallel = count_parallel(e);
    train_event event = {
        .kind = TRAIN_EVENT_DATA, .stage = "data", .facts = &e->facts, .n_parallel = e->n_parallel};
    if (!tell(e, &event)) return base_fail(err, BASE_ESTOPPED, "stopped");
    e->work_total = work_of(e, &e->main) + work_of(e, &e->compare);
    if (e->config->train.final == TRAIN_FINAL_ALL) {
        e->work_total += (double)e->config->train.epochs *
                         draws_per_epoch(&e->config->train, e->data.clips.n_clips);
    }
    e->started_s = now_s();
    BASE_TRY(run_set(e, &e->main, "fold", "", err));
    BASE_TRY(run_set(e, &e->compare, "compare", "compare/", err));
    BASE_TRY(write_final(e, err));
    return write_report(e, err);
}

/* Cheap refusals come before decoding; a folder is claimed only when all is known to fit. */
static base_status refuse_early(const train_experiment_options *options, base_error *err) {
    bool free = !base_folder_exists(options->folder) || base_folder_is_empty(options->folder);
    if (free || options->resume || options->overwrite) return BASE_OK;
    return refuse_existing(options->folder, err);
}

base_status train_experiment_run(train_config *config, const train_experiment_options *options,
                                 base_error *err) {
    BASE_TRY(refuse_early(options, err));
    experiment e = {.config = config, .options = options};
    pthread_mutex_init(&e.mutex, NULL);
    base_status status = run_all(&e, err);
    pthread_mutex_destroy(&e.mutex);
    data_augment_free(e.augment);
    data_folds_release(&e.main);
    data_folds_release(&e.compare);
    train_data_release(&e.data);
    base_text_release(&e.yaml);
    for (int i = 0; i < e.n_rules; i++) base_free(e.rules[i].bytes);
    base_arena_release(&e.arena);
    return status;
}
