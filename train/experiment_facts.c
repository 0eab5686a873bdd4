/* What a run is about: its data, its folds, its network, and the digest of all that counts. */
#include <string.h>

#include "infer/budget.h"
#include "nn/kernels/gemm.h"
#include "nn/kernels/kernels.h"
#include "train/experiment_internal.h"
#include "train/fit.h"
#include "train/teacher.h"

static bool tell_decoding(void *context, const char *what, int64_t done, int64_t total) {
    train_event event = {
        .kind = TRAIN_EVENT_DECODE, .stage = "data", .text = what, .done = done, .total = total};
    return train__tell(context, &event);
}

static const char *join_keys(base_arena *arena, base_strings keys) {
    const char *text = keys.n ? keys.items[0] : "";
    for (int i = 1; i < keys.n && text != NULL; i++) {
        text = base_arena_printf(arena, "%s and %s", text, keys.items[i]);
    }
    return text;
}

static base_status count_clips(train__experiment *e, base_error *err) {
    train_facts *facts = &e->facts;
    const data_manifest *manifest = &e->data.manifest;
    facts->class_counts =
        base_arena_alloc(&e->arena, (size_t)manifest->n_classes, sizeof *facts->class_counts);
    if (facts->class_counts == NULL) return train__out_of_memory(err);
    for (int64_t i = 0; i < e->data.clips.n_clips; i++) {
        if (!data_folds_trains(&e->main, DATA_FOLD_NONE, i)) continue;
        facts->class_counts[e->data.clips.label[i]]++;
        facts->n_clips++;
    }
    facts->n_held_out = e->data.n_held_out;
    for (int64_t i = 0; i < manifest->n_rows; i++) {
        const char *why = manifest->rows[i].left_out;
        facts->n_left_out += why != NULL;
        facts->n_silent += why != NULL && strcmp(why, "silent") == 0;
    }
    return BASE_OK;
}

/* "3 conv2d, gru, linear": the layers with weights, in order, norms left out; last the classifier.
 */
static const char *list_layers(const train_config *config, const nn_network *network,
                               base_arena *arena) {
    const char *text = "";
    int n_rows = nn_network_n_rows(network);
    for (int i = 0, n; i < n_rows && text != NULL; i += n) {
        nn_summary_row row = nn_network_row(network, i);
        n = 1;
        if (row.n_param == 0 || strstr(row.layer, "norm") != NULL) continue;
        int n_equal = 1;
        for (; i + n < n_rows; n++) { /* what has no weights, and norms, stand between equals */
            nn_summary_row next = nn_network_row(network, i + n);
            bool counts = next.n_param > 0 && strstr(next.layer, "norm") == NULL;
            if (counts && strcmp(next.layer, row.layer) != 0) break;
            n_equal += counts;
        }
        const char *comma = text[0] ? ", " : "";
        text = n_equal > 1 ? base_arena_printf(arena, "%s%s%d %s", text, comma, n_equal, row.layer)
                           : base_arena_printf(arena, "%s%s%s", text, comma, row.layer);
    }
    if (config->classifier == NULL || text == NULL) return text;
    int n;
    const char *last = nn_classifier_variants(&n)[config->classifier->index]->name;
    return base_arena_printf(arena, "%s%s%s", text, text[0] ? ", " : "", last);
}

/* Where the weights come from, and which stay as they are. */
static base_status note_weights(train__experiment *e, nn_network *network, base_error *err) {
    int n_taken;
    BASE_TRY(train_init_apply(&e->init, network, &n_taken, err));
    if (n_taken > 0) {
        data_manifest_note(&e->data.manifest,
                           "train.init: %d of %d tensors start from the file given, the others at "
                           "random",
                           n_taken, nn_network_n_tensors(network));
    }
    if (e->config->classifier != NULL && n_taken == 0 && e->plan.n_param > 0) {
        data_manifest_note(&e->data.manifest,
                           "classifier: the network before it has random weights and is not "
                           "trained; train.init gives it others");
    }
    if (e->plan.n_frozen > 0) {
        data_manifest_note(&e->data.manifest,
                           "train.freeze: %lld of %lld parameters stay as they are",
                           (long long)e->plan.n_frozen, (long long)e->plan.n_param);
    }
    return BASE_OK;
}

/* What is trained must be openable as a model: better refused now than at the end. Sounds one at a
 * time are the least that using it takes. */
static base_status check_budget(const train_config *config, int64_t n_classes, base_error *err) {
    nn_network *network;
    dsp_features *features;
    if (config->train.final == TRAIN_FINAL_NONE) return BASE_OK;
    BASE_TRY(train_network_new(
        &(train_network_plan){
            .config = config, .n_classes = n_classes, .max_batch = 1, .measure = true},
        &network, &features, err));
    infer_parts parts = {.features = features,
                         .options = &config->features,
                         .network = nn_network_summary(network),
                         .batch = 1,
                         .n_members =
                             config->train.final == TRAIN_FINAL_ENSEMBLE ? config->folds.k : 1,
                         .n_workers = 1,
                         .n_audio = config->audio.channels * data_audio_samples(&config->audio)};
    infer_needs needs = {0};
    infer_needs_add_up(&parts, &needs);
    needs.file_bytes = (double)parts.n_members * (double)sizeof(float) *
                       (double)(parts.network.n_param + parts.network.n_state);
    base_status status = infer_budget_check(&needs, config->name, err);
    nn_network_free(network);
    dsp_features_free(features);
    return status;
}

/* Facts of the network as planned for one thread, so that they are the same everywhere; the
 * resolved configuration shows its layers unfolded and with their defaults. */
static base_status describe_network(train__experiment *e, base_error *err) {
    nn_network *network;
    train_config *config = e->config;
    BASE_TRY(check_budget(config, e->data.manifest.n_classes, err));
    BASE_TRY(train_network_new(&(train_network_plan){.config = config,
                                                     .n_classes = e->data.manifest.n_classes,
                                                     .max_batch = config->train.batch,
                                                     .training = config->classifier == NULL},
                               &network, NULL, err));
    nn_shape shape = nn_network_get_config(network)->input;
    char input[64];
    nn_shape_text(shape, true, input);
    e->plan = nn_network_summary(network);
    e->n_learned_from = config->classifier != NULL ? train_fit_numbers(config, network)
                                                   : nn_network_n_learned_from(network);
    e->count = nn_shape_count(shape);
    e->facts.n_param = e->plan.n_param;
    e->facts.macs = e->plan.macs;
    e->facts.memory_bytes = e->plan.param_bytes + e->plan.activation_bytes;
    e->facts.input = base_arena_string(&e->arena, input);
    e->facts.network = list_layers(config, network, &e->arena);
    base_node *layers = base_node_copy(nn_network_layers(network), &config->arena);
    base_status status = note_weights(e, network, err);
    nn_network_free(network);
    BASE_TRY(status);
    if (layers == NULL || e->facts.input == NULL || e->facts.network == NULL) {
        return train__out_of_memory(err);
    }
    base_node_put(config->root, "network", layers);
    config->network = layers;
    return BASE_OK;
}

static base_status gather_facts(train__experiment *e, base_error *err) {
    static const char *const monitors[] = {"accuracy", "balanced", "loss"};
    static const char *const results[] = {"last", "best"};
    const train_config *config = e->config;
    const data_manifest *manifest = &e->data.manifest;
    e->facts = (train_facts){.name = config->name,
                             .classes = manifest->classes,
                             .n_classes = manifest->n_classes,
                             .n_rows = manifest->n_rows,
                             .n_duplicate_groups = e->data.duplicates.n_groups,
                             .n_copies = e->data.duplicates.n_copies,
                             .n_conflicts = e->data.duplicates.n_conflicts,
                             .blas_kernel = nn_blas_kernel(),
                             .level = nn_kernels()->level,
                             .version = RIMSHOT_VERSION,
                             .commit = e->options->commit,
                             .grouped_by = join_keys(&e->arena, config->folds.group),
                             .n_folds = (int)e->main.n_folds,
                             .n_compare_folds = (int)e->compare.n_folds,
                             .monitor = monitors[config->train.monitor],
                             .result = results[config->train.result]};
    if (e->compare.n_folds > 0) e->facts.compared_by = join_keys(&e->arena, config->folds.compare);
    BASE_TRY(count_clips(e, err));
    BASE_TRY(describe_network(e, err));
    e->facts.notes = manifest->notes;
    e->facts.n_notes = manifest->n_notes;
    return BASE_OK;
}

/* Names everything the weights depend on. */
base_status train__fingerprint(train__experiment *e, const base_text *yaml, char hex[33],
                               base_error *err) {
    const data_clips *clips = &e->data.clips;
    size_t n = (size_t)clips->n_clips;
    base_digest digest = base_digest_bytes(yaml->data, yaml->size);
    const base_digest parts[] = {
        base_digest_bytes(clips->audio, (size_t)clips->offset[n] * sizeof *clips->audio),
        base_digest_bytes(clips->label, n * sizeof *clips->label),
        base_digest_bytes(clips->offset, (n + 1) * sizeof *clips->offset),
        base_digest_bytes(e->main.fold, n * sizeof *e->main.fold),
        base_digest_bytes(e->main.use, n * sizeof *e->main.use),
        base_digest_bytes(e->compare.fold, e->compare.fold ? n * sizeof *e->compare.fold : 0),
        base_digest_bytes(e->facts.blas_kernel, strlen(e->facts.blas_kernel)),
        base_digest_bytes(e->facts.level, strlen(e->facts.level)),
        base_digest_bytes(RIMSHOT_VERSION, strlen(RIMSHOT_VERSION)),
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        digest = base_digest_join(digest, parts[i]);
    }
    BASE_TRY(train_init_digest(&e->init, &digest, err));
    if (e->teacher != NULL) BASE_TRY(base_digest_join_file(&digest, e->teacher, err));
    base_digest_hex(digest, hex);
    return BASE_OK;
}

/* The second set of folds is kept apart by folds.compare; where that cannot be done (no kits, too
 * few of them for a class) it is left out with a note, because the main result does not depend on
 * it. */
static base_status make_compare_folds(train__experiment *e, base_error *err) {
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
    data_manifest_note(&e->data.manifest, "no second set of folds (folds.compare): %s",
                       reason.text);
    return BASE_OK;
}

/* The chain binds a copy of its list; the resolved configuration shows that one, with its defaults.
 */
static base_status resolve_augment(train__experiment *e, base_error *err) {
    const base_node *list = data_augment_list(e->augment);
    if (list == NULL || e->config->augment == NULL) return BASE_OK;
    base_node *copy = base_node_copy(list, &e->config->arena);
    if (copy == NULL) return train__out_of_memory(err);
    base_node_put(e->config->root, "augment", copy);
    e->config->augment = copy;
    return BASE_OK;
}

/* A teacher that does not fit is better refused now than when training begins. */
static base_status find_teacher(train__experiment *e, base_error *err) {
    const train_config *config = e->config;
    train_teacher *teacher;
    if (config->train.distill.model == NULL) return BASE_OK;
    e->teacher = base_path_join(&e->arena, config->folder, config->train.distill.model);
    if (e->teacher == NULL) return train__out_of_memory(err);
    BASE_TRY(train_teacher_open(&(train_student){.path = e->teacher,
                                                 .audio = &config->audio,
                                                 .classes = e->facts.classes,
                                                 .n_classes = e->facts.n_classes,
                                                 .max_batch = 1},
                                &teacher, err));
    train_teacher_free(teacher);
    return BASE_OK;
}

base_status train__prepare(train__experiment *e, base_error *err) {
    train_config *config = e->config;
    BASE_TRY(train_init_open(config, &e->init, err));
    data_work work = {.pool = e->options->pool,
                      .progress = tell_decoding,
                      .progress_context = e,
                      .unread = e->options->unread,
                      .unread_context = e->options->unread_context};
    BASE_TRY(train_data_open(config, &work, &e->data, err));
    const data_clips *clips = &e->data.clips;
    BASE_TRY(data_folds_make(&e->data.manifest, clips, &config->folds, &e->main, err));
    BASE_TRY(make_compare_folds(e, err));
    const dsp_clip_form form = {clips->sample_rate_hz, clips->n_channels, clips->n_samples};
    BASE_TRY(data_augment_new(config->augment, &form, &e->augment, err));
    BASE_TRY(gather_facts(e, err));
    BASE_TRY(resolve_augment(e, err));
    BASE_TRY(find_teacher(e, err));
    BASE_TRY(train__folder_keep(e, err));
    base_yaml_write(config->root, &e->yaml);
    if (e->yaml.failed) return train__out_of_memory(err);
    e->facts.fingerprint = e->fingerprint;
    return train__fingerprint(e, &e->yaml, e->fingerprint, err);
}
