#include "data/batch.h"

#include <string.h>

#include "base/arena.h"

enum { FIT_BLOCK = 32 }; /* clips whose features are held at once while fitting */

struct data_batcher {
    data_batcher_options options;
    int64_t shape[3], n_floats;     /* of one sample's features */
    size_t audio_bytes, work_bytes; /* of one worker: its clip, then scratch */
    char *scratch;
    base_error *failure; /* [threads], of a worker's first sample that failed */
};

static int64_t load_clip(const void *context, int64_t index, float *x) {
    data_clips_load(context, index, x);
    return data_clips_valid(context, index);
}

data_clip_source data_clips_source(const data_clips *clips) {
    return (data_clip_source){.form = {clips->sample_rate_hz, clips->n_channels, clips->n_samples},
                              .load = load_clip,
                              .context = clips};
}

static size_t round_up(size_t n_bytes) {
    return (n_bytes + BASE_ALIGNMENT - 1) / BASE_ALIGNMENT * BASE_ALIGNMENT;
}

/* Effects and features run one after the other, so they share their scratch. */
static size_t work_bytes(const data_batcher_options *options) {
    size_t effect = options->effects != NULL ? options->effects->scratch_bytes : 0;
    size_t feature = dsp_features_scratch_bytes(options->features);
    return round_up(effect > feature ? effect : feature);
}

base_status data_batcher_new(const data_batcher_options *options, data_batcher **batcher,
                             base_error *err) {
    *batcher = NULL;
    data_batcher *b = base_alloc(1, sizeof *b);
    if (b == NULL) return base_fail(err, BASE_EMEMORY, "batches: out of memory");
    *b = (data_batcher){.options = *options};
    const dsp_clip_form *form = &options->source.form;
    dsp_features_shape(options->features, b->shape);
    b->n_floats = b->shape[0] * b->shape[1] * b->shape[2];
    b->audio_bytes = round_up((size_t)(form->n_channels * form->n_samples) * sizeof(float));
    b->work_bytes = work_bytes(options);
    size_t n_threads = (size_t)base_pool_threads(options->pool);
    b->scratch = base_alloc(n_threads, b->audio_bytes + b->work_bytes);
    b->failure = base_alloc(n_threads, sizeof *b->failure);
    if (b->scratch == NULL || b->failure == NULL) {
        data_batcher_free(b);
        return base_fail(err, BASE_EMEMORY, "batches: no memory for %d threads",
                         base_pool_threads(options->pool));
    }
    *batcher = b;
    return BASE_OK;
}

void data_batcher_free(data_batcher *batcher) {
    if (batcher == NULL) return;
    base_free(batcher->scratch);
    base_free(batcher->failure);
    base_free(batcher);
}

/* ---- one sample ---- */

/* A worker's own memory. */
typedef struct {
    dsp_clip clip;
    void *work;
} worker_scratch;

static worker_scratch scratch_of(const data_batcher *b, int worker) {
    char *memory = b->scratch + (size_t)worker * (b->audio_bytes + b->work_bytes);
    const dsp_clip_form *form = &b->options.source.form;
    return (worker_scratch){.clip = {.x = (float *)memory,
                                     .n_channels = form->n_channels,
                                     .n = form->n_samples,
                                     .sample_rate_hz = form->sample_rate_hz},
                            .work = memory + b->audio_bytes};
}

/* Samples up to the last that is not zero in some channel. */
static int64_t sounding_samples(dsp_clip clip) {
    int64_t most = 0;
    for (int64_t c = 0; c < clip.n_channels; c++) {
        int64_t n = dsp_sounding(clip.x + c * clip.n, clip.n);
        if (n > most) most = n;
    }
    return most;
}

/* Effects lengthen, shorten or move the sound; the zeros that the clip itself ended with stay part
 * of it. *n_valid becomes the valid samples afterwards. */
static base_status augment_clip(const data_batcher *b, worker_scratch own, int64_t *n_valid,
                                base_rng *rng, base_error *err) {
    const data_augmenter *effects = b->options.effects;
    int64_t n_zeros = *n_valid - sounding_samples(own.clip);
    BASE_TRY(effects->waveform(effects->context, own.clip, rng, own.work, err));
    int64_t n = sounding_samples(own.clip) + n_zeros;
    *n_valid = n < own.clip.n ? n : own.clip.n;
    return BASE_OK;
}

typedef struct {
    const data_batcher *batcher;
    const data_batch_request *request;
    float *x;
    int32_t *length;
} prepare_job;

/* The valid samples of the clip. */
static void keep_heard(dsp_clip clip, int64_t n_valid, data_audio *heard) {
    heard->n_channels = clip.n_channels;
    heard->n = n_valid;
    heard->sample_rate_hz = clip.sample_rate_hz;
    for (int64_t c = 0; c < clip.n_channels; c++) {
        memcpy(heard->x + c * n_valid, clip.x + c * clip.n, (size_t)n_valid * sizeof *clip.x);
    }
}

static void prepare_sample(void *context, int64_t task, int worker) {
    const prepare_job *job = context;
    const data_batcher *b = job->batcher;
    const data_batch_request *request = job->request;
    base_error *failure = &b->failure[worker];
    if (failure->status != BASE_OK) return;
    int64_t index = request->index[task];
    const data_clip_source *source = &b->options.source;
    const data_augmenter *effects = request->augmented ? b->options.effects : NULL;
    const dsp_features *features =
        request->features != NULL ? request->features : b->options.features;
    worker_scratch own = scratch_of(b, worker);
    base_rng rng =
        base_rng_open(request->seed, BASE_RNG_AUGMENT, request->epoch,
                      (uint64_t)(request->position != NULL ? request->position[task] : index));
    float *out = job->x + task * b->n_floats;
    int64_t n_valid = source->load(source->context, index, own.clip.x);
    if (effects != NULL && augment_clip(b, own, &n_valid, &rng, failure) != BASE_OK) return;
    if (request->heard != NULL) keep_heard(own.clip, n_valid, &request->heard[task]);
    dsp_features_apply(features, own.clip.x, own.work, out);
    if (effects != NULL) effects->features(effects->context, out, b->shape, &rng);
    job->length[task] = (int32_t)dsp_features_valid_frames(features, n_valid);
}

static base_status prepare(data_batcher *b, const data_batch_request *request, float *x,
                           int32_t *length, base_error *err) {
    prepare_job job = {.batcher = b, .request = request, .x = x, .length = length};
    int n_threads = base_pool_threads(b->options.pool);
    for (int i = 0; i < n_threads; i++) b->failure[i].status = BASE_OK;
    base_parallel(b->options.pool, request->n, prepare_sample, &job);
    for (int i = 0; i < n_threads; i++) {
        const base_error *failure = &b->failure[i];
        if (failure->status != BASE_OK) return base_fail(err, failure->status, "%s", failure->text);
    }
    return BASE_OK;
}

base_status data_batch_prepare(data_batcher *batcher, const data_batch_request *request, float *x,
                               int32_t *length, base_error *err) {
    BASE_CHECK(request->n >= 0 && request->n <= batcher->options.max_batch);
    return prepare(batcher, request, x, length, err);
}

/* ---- fitting ---- */

/* Blocks are prepared in parallel and added in the clips' order. */
static base_status fit_blocks(data_batcher *b, data_batch_request clips, dsp_features_fit *fit,
                              base_error *err) {
    int32_t length[FIT_BLOCK];
    float *x = base_alloc((size_t)(FIT_BLOCK * b->n_floats), sizeof *x);
    base_status status =
        x != NULL ? BASE_OK : base_fail(err, BASE_EMEMORY, "fitting features: out of memory");
    while (status == BASE_OK && clips.n > 0) {
        data_batch_request block = clips;
        if (block.n > FIT_BLOCK) block.n = FIT_BLOCK;
        status = prepare(b, &block, x, length, err);
        for (int64_t i = 0; status == BASE_OK && i < block.n; i++) {
            dsp_features_fit_add(fit, x + i * b->n_floats);
        }
        clips.index += block.n;
        clips.n -= block.n;
    }
    base_free(x);
    return status;
}

base_status data_batch_fit(data_batcher *batcher, const int64_t *index, int64_t n,
                           dsp_features *features, base_error *err) {
    BASE_CHECK(features == batcher->options.features);
    if (!dsp_features_needs_fit(features)) return BASE_OK;
    if (n == 0) return base_fail(err, BASE_EDATA, "no clips to fit features.normalize on");
    dsp_features_fit *fit = NULL;
    BASE_TRY(dsp_features_fit_new(features, &fit, err));
    const data_batch_request clips = {.index = index, .n = n};
    base_status status = fit_blocks(batcher, clips, fit, err);
    if (status == BASE_OK) {
        dsp_features_fit_finish(fit, features);
    } else {
        dsp_features_fit_free(fit);
    }
    return status;
}
