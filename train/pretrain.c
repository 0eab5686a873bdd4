#include "data/dataset.h"
#include "train/pretrain.h"

#include <math.h>
#include <string.h>

#include "data/duplicates.h"
#include "infer/export/tensors.h"
#include "nn/contrastive.h"
#include "nn/kernels/gemm.h"
#include "nn/kernels/kernels.h"
#include "train/checkpoint.h"
#include "train/experiment.h"
#include "train/feed.h"
#include "train/init.h"
#include "train/work_folder.h"

enum { VIEWS = 2 };

/* A pretraining in progress. */
typedef struct {
    train_config *config;
    const train_pretrain_options *options;
    const train_options *train;
    base_arena arena;
    train_work_folder work;
    data_manifest manifest;
    data_clips clips;
    data_augment *augment;
    train_init init;
    nn_network *network;
    dsp_features *features;
    nn_optimizer *optimizer;
    nn_schedule schedule;
    train_feed *feed;
    train_state state;
    base_text yaml;
    char fingerprint[33];
    const char *last, *weights;
    int64_t count, width; /* numbers that the network is given, and gives, per view */
    int64_t n_batches;    /* per epoch */
    int64_t n;            /* clips that are taught: none for testing (use: test), no copy of one */
    int64_t *index;       /* [n] their numbers */
    int64_t *order;       /* [n] of this epoch: places in index */
    int64_t *place;       /* [views of a batch] */
    int32_t *length;
    float *x, *dy;
    double *scratch;
} pretraining;

static base_status out_of_memory(base_error *err) {
    return base_fail(err, BASE_EMEMORY, "pretraining: out of memory");
}

/* ------------------------------------------------------------------ one epoch */

/* Batches of nearly equal size: none is so small that it has no other clips to compare with. */
static int64_t batch_begin(const pretraining *p, int64_t batch) {
    return p->n * batch / p->n_batches;
}

/* A step on the clips of one batch; rows 2i and 2i + 1 are views of clip i. */
static base_status run_batch(pretraining *p, uint64_t epoch, int64_t batch,
                             nn_contrastive_result *result, base_error *err) {
    int64_t begin = batch_begin(p, batch), n = batch_begin(p, batch + 1) - begin;
    uint64_t seed = (uint64_t)p->train->seed;
    for (int64_t i = 0; i < VIEWS * n; i++) p->place[i] = p->order[begin + i / VIEWS];
    train_feed_request request = {
        .place = p->place, .n = VIEWS * n, .seed = seed, .epoch = epoch, .first = VIEWS * begin};
    BASE_TRY(train_feed_batch(p->feed, &request, p->x, p->length, err));
    nn_input input = {.x = p->x,
                      .length = p->length,
                      .n = VIEWS * n,
                      .training = true,
                      .seed = seed,
                      .step = (uint64_t)*nn_optimizer_steps(p->optimizer)};
    nn_network_zero_grads(p->network);
    const float *y = nn_network_forward(p->network, &input);
    *result = nn_contrastive(n, p->width, p->config->pretrain.temperature, y, p->scratch, p->dy);
    nn_network_backward(p->network, &input, p->dy, NULL);
    return BASE_OK;
}

static base_status ran_away(const pretraining *p, int64_t epoch, base_error *err) {
    return base_fail(
        err, BASE_ENUMERIC,
        "%s: epoch %lld gave a loss or a gradient that is not a finite number; a lower "
        "learning rate or train.clip_norm may help",
        p->options->folder, (long long)epoch);
}

static base_status report(const pretraining *p, train_progress progress, base_error *err) {
    const train_pretrain_options *o = p->options;
    progress.n_epochs = p->train->epochs;
    progress.total = p->n;
    bool go_on = o->progress == NULL || o->progress(o->context, &progress);
    return go_on ? BASE_OK : base_fail(err, BASE_ESTOPPED, "stopped");
}

static base_status run_epoch(pretraining *p, train_epoch *epoch, base_error *err) {
    double sum = 0;
    int64_t n_found = 0;
    uint64_t number = (uint64_t)epoch->epoch;
    base_rng rng = base_rng_open((uint64_t)p->train->seed, BASE_RNG_SHUFFLE, number, 0);
    for (int64_t i = 0; i < p->n; i++) p->order[i] = i;
    base_rng_shuffle(&rng, p->order, p->n);
    for (int64_t b = 0; b < p->n_batches; b++) {
        nn_contrastive_result result;
        BASE_TRY(run_batch(p, number, b, &result, err));
        double norm = nn_clip_gradients(p->network, p->train->clip_norm);
        if (!isfinite(result.loss) || !isfinite(norm)) return ran_away(p, epoch->epoch, err);
        epoch->lr = p->train->optimizer_options.lr *
                    nn_schedule_factor(&p->schedule, *nn_optimizer_steps(p->optimizer));
        nn_optimizer_step(p->optimizer, epoch->lr);
        sum += result.loss;
        n_found += result.n_found;
        train_progress progress = {
            .epoch = epoch->epoch, .done = batch_begin(p, b + 1), .loss = sum / (double)(b + 1)};
        BASE_TRY(report(p, progress, err));
    }
    epoch->train_loss = sum / (double)p->n_batches;
    epoch->accuracy = (double)n_found / (double)(VIEWS * p->n);
    return BASE_OK;
}

static base_status run_epochs(pretraining *p, base_error *err) {
    train_state *state = &p->state;
    while (state->n_epochs < p->train->epochs) {
        train_epoch epoch = {.epoch = state->n_epochs + 1, .loss = NAN, .balanced = NAN};
        BASE_TRY(run_epoch(p, &epoch, err));
        state->epochs[state->n_epochs++] = epoch;
        state->best_epoch = epoch.epoch;
        nn_schedule_epoch_end(&p->schedule, epoch.train_loss);
        BASE_TRY(train_checkpoint_write(state, p->last, err));
        BASE_TRY(train_history_write(state->epochs, state->n_epochs, p->options->folder, err));
        train_progress progress = {
            .epoch = epoch.epoch, .done = p->n, .loss = epoch.train_loss, .over = &epoch};
        BASE_TRY(report(p, progress, err));
    }
    return train_history_write(state->epochs, state->n_epochs, p->options->folder, err);
}

/* ------------------------------------------------------------------ setting up */

static base_status check_config(const pretraining *p, base_error *err) {
    const base_node *train = base_node_get(p->config->root, "train");
    if (p->train->batch < 3) {
        return base_node_fail(train, err, BASE_ECONFIG,
                              "batch: a clip is told from the others of its batch, so there must "
                              "be at least 3: then none is left alone in the last one");
    }
    if (p->train->mixup > 0 || p->train->accumulate > 1 || p->train->steps > 0 ||
        p->train->balance != TRAIN_BALANCE_NONE || p->train->distill.model != NULL) {
        return base_node_fail(
            train, err, BASE_ECONFIG,
            "mixup, accumulate, steps, balance and distill are not for pretraining");
    }
    if (p->config->classifier != NULL) {
        return base_node_fail(
            p->config->parts.classifier, err, BASE_ECONFIG,
            "a classifier is not for pretraining, only for the encoder it leaves");
    }
    if (!data_augment_is_empty(p->augment)) return BASE_OK;
    return base_node_fail(p->config->root, err, BASE_ECONFIG,
                          "'augment' is needed: without it a clip's two views would be the same");
}

static base_status open_data(pretraining *p, base_error *err) {
    train_config *config = p->config;
    const data_manifest_request request = train_config_request(config);
    BASE_TRY(train_init_open(config, &p->init, err));
    const dsp_clip_form form = data_audio_form(&config->audio);
    BASE_TRY(data_augment_new(config->augment, &form, &p->augment, err));
    BASE_TRY(check_config(p, err));
    BASE_TRY(data_manifest_open(config->dataset, &request, &p->manifest, err));
    BASE_TRY(train_encoder_new(&(train_network_plan){.config = config,
                                                     .n_classes = p->manifest.n_classes,
                                                     .max_batch = VIEWS * p->train->batch,
                                                     .training = true,
                                                     .pool = p->options->pool},
                               &p->network, &p->features, err));
    nn_shape output = nn_network_output(p->network);
    if (output.rank != 1) {
        return base_node_fail(config->network, err, BASE_ESHAPE,
                              "the network must end in a vector, the projection that is compared");
    }
    p->width = output.dim[0];
    p->count = nn_shape_count(nn_network_get_config(p->network)->input);
    data_work work = {.pool = p->options->pool,
                      .cache_folder = base_path_cache(&p->arena),
                      .progress = p->options->decoding,
                      .progress_context = p->options->context,
                      .unread = p->options->unread,
                      .unread_context = p->options->context};
    return data_clips_open(&p->manifest, &config->audio, &work, &p->clips, err);
}

/* As in every training, sounds for testing and their copies are held out. */
static base_status list_clips(pretraining *p, base_error *err) {
    data_duplicates found;
    const data_duplicates_search search = {&p->clips, p->config->folds.near, p->options->pool};
    BASE_TRY(data_duplicates_find(&search, &p->manifest, &found, err));
    BASE_TRY(data_manifest_leave_out_copies(&p->manifest, err));
    p->index = base_arena_alloc(&p->arena, (size_t)p->clips.n_clips, sizeof *p->index);
    if (p->index == NULL) return out_of_memory(err);
    for (int64_t i = 0; i < p->clips.n_clips; i++) {
        const data_row *row = &p->manifest.rows[p->clips.row[i]];
        if (row->left_out == NULL && row->use != DATA_USE_TEST) p->index[p->n++] = i;
    }
    if (p->n >= 2) return BASE_OK;
    return base_fail(err, BASE_EDATA, "pretraining needs at least two sounds");
}

static base_status make_buffers(pretraining *p, base_error *err) {
    int64_t batch = p->train->batch, n = VIEWS * batch;
    p->n_batches = (p->n + batch - 1) / batch;
    base_arena *arena = &p->arena;
    p->order = base_arena_alloc(arena, (size_t)p->n, sizeof *p->order);
    p->place = base_arena_alloc(arena, (size_t)n, sizeof *p->place);
    p->length = base_arena_alloc(arena, (size_t)n, sizeof *p->length);
    p->x = base_arena_alloc(arena, (size_t)(n * p->count), sizeof *p->x);
    p->dy = base_arena_alloc(arena, (size_t)(n * p->width), sizeof *p->dy);
    p->scratch =
        base_arena_alloc(arena, nn_contrastive_scratch(batch, p->width), sizeof *p->scratch);
    p->state.epochs = base_arena_alloc(arena, (size_t)p->train->epochs, sizeof *p->state.epochs);
    if (p->order == NULL || p->place == NULL || p->length == NULL || p->x == NULL ||
        p->dy == NULL || p->scratch == NULL || p->state.epochs == NULL) {
        return out_of_memory(err);
    }
    return BASE_OK;
}

/* Names all that the weights depend on. */
static base_status make_fingerprint(pretraining *p, base_error *err) {
    const data_clips *clips = &p->clips;
    size_t n = (size_t)clips->n_clips;
    base_yaml_write(p->config->root, &p->yaml);
    if (p->yaml.failed) return out_of_memory(err);
    base_digest digest = base_digest_bytes(p->yaml.data, p->yaml.size);
    const base_digest parts[] = {
        base_digest_bytes(clips->audio, (size_t)clips->offset[n] * sizeof *clips->audio),
        base_digest_bytes(clips->offset, (n + 1) * sizeof *clips->offset),
        base_digest_bytes(p->index, (size_t)p->n * sizeof *p->index),
        base_digest_bytes(nn_blas_kernel(), strlen(nn_blas_kernel())),
        base_digest_bytes(nn_kernels()->level, strlen(nn_kernels()->level)),
        base_digest_bytes(RIMSHOT_VERSION, strlen(RIMSHOT_VERSION)),
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        digest = base_digest_join(digest, parts[i]);
    }
    BASE_TRY(train_init_digest(&p->init, &digest, err));
    base_digest_hex(digest, p->fingerprint);
    return BASE_OK;
}

static base_status claim_folder(pretraining *p, base_error *err) {
    const char *folder = p->options->folder;
    p->last = base_path_join(&p->arena, folder, "last.h5");
    p->weights = base_path_join(&p->arena, folder, "weights.safetensors");
    if (p->last == NULL || p->weights == NULL) return out_of_memory(err);
    return train_work_folder_claim(&p->work, err);
}

/* Only once it is known that what a resumed run finds there is its own. */
static base_status write_beginning(pretraining *p, base_error *err) {
    const char *folder = p->options->folder;
    const char *config = base_path_join(&p->arena, folder, "config.yaml");
    const char *manifest = base_path_join(&p->arena, folder, "manifest.csv");
    if (config == NULL || manifest == NULL) return out_of_memory(err);
    BASE_TRY(base_file_write_text(config, &p->yaml, err));
    BASE_TRY(train_config_write_way(p->config, folder, err));
    return data_manifest_write(&p->manifest, manifest, err);
}

static base_status set_up(pretraining *p, base_error *err) {
    const train_options *train = p->train;
    nn_network_init(p->network, (uint64_t)train->seed);
    BASE_TRY(train_init_apply(&p->init, p->network, NULL, err));
    train_feed_options feed = {.clips = {.clips = &p->clips, .index = p->index, .n = p->n},
                               .augment = p->augment,
                               .features = p->features,
                               .max_batch = VIEWS * train->batch,
                               .pool = p->options->pool};
    BASE_TRY(train_feed_new(&feed, &p->feed, err));
    BASE_TRY(nn_optimizer_new(p->network, train->optimizer, &train->optimizer_options, train->ema,
                              &p->optimizer, err));
    nn_schedule_init(&p->schedule, train->schedule, &train->schedule_options, p->n_batches,
                     train->epochs);
    p->state.network = p->network;
    p->state.features = p->features;
    p->state.optimizer = p->optimizer;
    p->state.schedule = &p->schedule;
    p->state.max_epochs = train->epochs;
    p->state.fingerprint = p->fingerprint;
    if (p->options->resume && base_file_exists(p->last)) {
        return train_checkpoint_read(&p->state, p->last, err);
    }
    return train_feed_fit(p->feed, p->features, err);
}

static base_status write_weights(pretraining *p, base_error *err) {
    infer_tensors tensors = {0};
    infer_metadata metadata = {.n = 1};
    metadata.key[0] = "config";
    metadata.value[0] = base_text_string(&p->yaml);
    nn_optimizer_swap_average(p->optimizer);
    base_status status = infer_tensors_of(p->network, &tensors, err);
    if (status == BASE_OK) status = infer_safetensors_write(&metadata, &tensors, p->weights, err);
    infer_tensors_release(&tensors);
    return status;
}

static base_status run(pretraining *p, base_error *err) {
    BASE_TRY(train_setup_check(p->config, err));
    BASE_TRY(train_work_folder_open(&p->work, err));
    BASE_TRY(open_data(p, err));
    BASE_TRY(list_clips(p, err));
    BASE_TRY(make_buffers(p, err));
    BASE_TRY(make_fingerprint(p, err));
    BASE_TRY(claim_folder(p, err));
    BASE_TRY(set_up(p, err));
    BASE_TRY(write_beginning(p, err));
    BASE_TRY(run_epochs(p, err));
    return write_weights(p, err);
}

base_status train_pretrain_run(train_config *config, const train_pretrain_options *options,
                               base_error *err) {
    pretraining p = {.config = config,
                     .options = options,
                     .train = &config->train,
                     .work = {.path = options->folder,
                              .kind = TRAIN_FOLDER_PRETRAINING,
                              .resume = options->resume}};
    base_status status = run(&p, err);
    train_feed_free(p.feed);
    nn_optimizer_free(p.optimizer);
    nn_network_free(p.network);
    dsp_features_free(p.features);
    data_augment_free(p.augment);
    train_init_release(&p.init);
    data_clips_release(&p.clips);
    data_manifest_release(&p.manifest);
    train_work_folder_release(&p.work);
    base_text_release(&p.yaml);
    base_arena_release(&p.arena);
    return status;
}
