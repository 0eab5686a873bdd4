#include "infer/rimshot.h"

#include <math.h>
#include <pthread.h>
#include <string.h>

#include "base/processor.h"
#include "dsp/descriptors.h"
#include "infer/model.h"
#include "nn/kernels/gemm.h"

enum { BATCH = 8, MAX_CALLS = 256, MAX_CHANNELS = 64, MAX_RATE_HZ = 768000 };
#define MAX_SECONDS 600.0

#define SAME_STATUS(name, meaning)                                                                 \
    _Static_assert((int)RIMSHOT_##name == (int)BASE_##name, "public numbers never change");
BASE_STATUS_MAP(SAME_STATUS)
#undef SAME_STATUS
_Static_assert(sizeof(rimshot_error) == sizeof(base_error), "a text fits as it is");

/* The same model, open as often as calls may compute at the same time: a network serves one calling
 * thread. The idle ones are kept as a stack. What never changes is asked of the first. */
struct rimshot_model {
    infer_model **copies;
    infer_model **idle;
    int n_copies, n_idle;
    int64_t embedding_size;
    pthread_mutex_t lock;
    pthread_cond_t returned;
};

/* ---- errors ---- */

static rimshot_status report(base_status status, const base_error *err, rimshot_error *error) {
    if (error != NULL) {
        const char *text = status == BASE_OK ? "" : err->text;
        error->status = (rimshot_status)status;
        memcpy(error->text, text, strlen(text) + 1);
    }
    return (rimshot_status)status;
}

static base_status need(const void *argument, const char *name, base_error *err) {
    return argument != NULL ? BASE_OK : base_fail(err, BASE_EUSAGE, "%s is NULL", name);
}

const char *rimshot_version(void) {
    return RIMSHOT_VERSION;
}

const char *rimshot_status_text(rimshot_status status) {
    return base_status_text((base_status)status);
}

/* ---- models ---- */

static infer_model *take_copy(rimshot_model *model) {
    pthread_mutex_lock(&model->lock);
    while (model->n_idle == 0) pthread_cond_wait(&model->returned, &model->lock);
    infer_model *copy = model->idle[--model->n_idle];
    pthread_mutex_unlock(&model->lock);
    return copy;
}

static void return_copy(rimshot_model *model, infer_model *copy) {
    pthread_mutex_lock(&model->lock);
    model->idle[model->n_idle++] = copy;
    pthread_cond_signal(&model->returned);
    pthread_mutex_unlock(&model->lock);
}

static base_status open_copy(rimshot_model *model, const char *path, base_error *err) {
    infer_model *copy;
    BASE_TRY(infer_model_open(path, BATCH, NULL, &copy, err));
    model->copies[model->n_copies++] = model->idle[model->n_idle++] = copy;
    const infer_model *first = model->copies[0];
    bool same = strcmp(infer_model_config(copy), infer_model_config(first)) == 0 &&
                strcmp(infer_model_record(copy), infer_model_record(first)) == 0;
    return same ? BASE_OK
                : base_fail(err, BASE_EMISMATCH, "%s: replaced while it was opened", path);
}

static base_status open_copies(rimshot_model *model, const char *path, int n, base_error *err) {
    model->copies = base_alloc((size_t)n, sizeof *model->copies);
    model->idle = base_alloc((size_t)n, sizeof *model->idle);
    if (model->copies == NULL || model->idle == NULL) {
        return base_fail(err, BASE_EMEMORY, "%s: out of memory", path);
    }
    for (int i = 0; i < n; i++) BASE_TRY(open_copy(model, path, err));
    model->embedding_size = infer_model_embedding_size(model->copies[0]);
    return BASE_OK;
}

static base_status open_model(const char *path, int32_t n_calls, rimshot_model **out,
                              base_error *err) {
    BASE_TRY(need(out, "model", err));
    *out = NULL;
    BASE_TRY(need(path, "path", err));
    BASE_TRY(base_processor_check(err));
    if (n_calls < 1 || n_calls > MAX_CALLS) {
        return base_fail(err, BASE_EUSAGE, "n_calls is %d, not within 1 to %d", (int)n_calls,
                         (int)MAX_CALLS);
    }
    rimshot_model *model = base_alloc(1, sizeof *model);
    if (model == NULL) return base_fail(err, BASE_EMEMORY, "%s: out of memory", path);
    pthread_mutex_init(&model->lock, NULL);
    pthread_cond_init(&model->returned, NULL);
    nn_blas_setup();
    base_status status = open_copies(model, path, n_calls, err);
    if (status != BASE_OK) {
        rimshot_close(model);
        return status;
    }
    *out = model;
    return BASE_OK;
}

rimshot_status rimshot_open(const char *path, int32_t n_calls, rimshot_model **model,
                            rimshot_error *error) {
    base_error err;
    return report(open_model(path, n_calls, model, &err), &err, error);
}

void rimshot_close(rimshot_model *model) {
    if (model == NULL) return;
    for (int i = 0; i < model->n_copies; i++) infer_model_free(model->copies[i]);
    pthread_cond_destroy(&model->returned);
    pthread_mutex_destroy(&model->lock);
    base_free(model->copies);
    base_free(model->idle);
    base_free(model);
}

int32_t rimshot_n_classes(const rimshot_model *model) {
    return infer_model_n_classes(model->copies[0]);
}

const char *rimshot_class_name(const rimshot_model *model, int32_t index) {
    bool known = index >= 0 && index < rimshot_n_classes(model);
    return known ? infer_model_class(model->copies[0], index) : NULL;
}

int32_t rimshot_decide(const rimshot_model *model, const float *probability) {
    rimshot_reason reason;
    return rimshot_decide_why(model, probability, &reason);
}

int32_t rimshot_decide_why(const rimshot_model *model, const float *probability,
                           rimshot_reason *reason) {
    const infer_model *copy = model->copies[0];
    infer_decision said =
        infer_refusal_judge(infer_model_refusal(copy), probability, infer_model_n_classes(copy));
    *reason = (rimshot_reason){said.cause, said.bound};
    return said.answer;
}

const char *rimshot_model_config(const rimshot_model *model) {
    return infer_model_config(model->copies[0]);
}

const char *rimshot_model_record(const rimshot_model *model) {
    return infer_model_record(model->copies[0]);
}

int32_t rimshot_model_format(const rimshot_model *model) {
    return (int32_t)infer_model_format(model->copies[0]);
}

double rimshot_model_sample_rate_hz(const rimshot_model *model) {
    return infer_model_audio(model->copies[0])->sample_rate_hz;
}

int32_t rimshot_model_n_channels(const rimshot_model *model) {
    return (int32_t)infer_model_audio(model->copies[0])->channels;
}

double rimshot_model_seconds(const rimshot_model *model) {
    return infer_model_audio(model->copies[0])->seconds;
}

double rimshot_model_temperature(const rimshot_model *model) {
    return infer_model_temperature(model->copies[0]);
}

int64_t rimshot_embedding_size(const rimshot_model *model) {
    return model->embedding_size;
}

void rimshot_features_shape(const rimshot_model *model, int64_t shape[3]) {
    nn_shape input = nn_network_get_config(infer_model_network(model->copies[0], 0))->input;
    memcpy(shape, input.dim, 3 * sizeof *shape);
}

/* ---- weights ---- */

int32_t rimshot_n_networks(const rimshot_model *model) {
    return (int32_t)infer_model_n_members(model->copies[0]);
}

static nn_network *network_at(const rimshot_model *model, int32_t network) {
    bool known = network >= 0 && network < rimshot_n_networks(model);
    return known ? infer_model_network(model->copies[0], network) : NULL;
}

int32_t rimshot_n_tensors(const rimshot_model *model, int32_t network) {
    const nn_network *found = network_at(model, network);
    return found != NULL ? (int32_t)nn_network_n_tensors(found) : 0;
}

static base_status get_tensor(const rimshot_model *model, int32_t network, int32_t index,
                              rimshot_tensor *tensor, base_error *err) {
    BASE_TRY(need(model, "model", err));
    BASE_TRY(need(tensor, "tensor", err));
    int n = rimshot_n_tensors(model, network);
    if (index < 0 || index >= n) {
        return base_fail(err, BASE_EUSAGE, "no tensor %d in network %d, which has %d", (int)index,
                         (int)network, n);
    }
    nn_tensor found = nn_network_tensor(network_at(model, network), index);
    *tensor = (rimshot_tensor){
        .name = found.name, .data = found.data, .n_axes = (int32_t)found.shape.rank};
    for (int i = 0; i < found.shape.rank; i++) tensor->shape[i] = found.shape.dim[i];
    return BASE_OK;
}

rimshot_status rimshot_get_tensor(const rimshot_model *model, int32_t network, int32_t index,
                                  rimshot_tensor *tensor, rimshot_error *error) {
    base_error err;
    return report(get_tensor(model, network, index, tensor, &err), &err, error);
}

/* ---- sound ---- */

static base_status check_audio(const rimshot_audio *audio, base_error *err) {
    BASE_TRY(need(audio, "audio", err));
    if (audio->n_channels < 1 || audio->n_channels > MAX_CHANNELS) {
        return base_fail(err, BASE_EDATA, "%d channels; at least 1 and at most %d",
                         (int)audio->n_channels, (int)MAX_CHANNELS);
    }
    if (!(audio->sample_rate_hz >= 1 && audio->sample_rate_hz <= MAX_RATE_HZ)) {
        return base_fail(err, BASE_EDATA, "a sample rate of %g Hz; at least 1 and at most %d",
                         audio->sample_rate_hz, (int)MAX_RATE_HZ);
    }
    if (audio->n_frames < 1) return base_fail(err, BASE_EDATA, "no samples");
    if ((double)audio->n_frames > MAX_SECONDS * audio->sample_rate_hz + 1) {
        return base_fail(err, BASE_EDATA, "%g seconds; at most %g",
                         (double)audio->n_frames / audio->sample_rate_hz, MAX_SECONDS);
    }
    return need(audio->samples, "samples", err);
}

/* Checks a clip and lays its channels out one after the other. */
static base_status to_planar(const rimshot_audio *audio, data_audio *out, base_error *err) {
    *out = (data_audio){0};
    BASE_TRY(check_audio(audio, err));
    int64_t n = audio->n_frames, n_channels = audio->n_channels;
    *out = (data_audio){.x = base_alloc((size_t)n, (size_t)n_channels * sizeof *out->x),
                        .n_channels = n_channels,
                        .n = n,
                        .sample_rate_hz = audio->sample_rate_hz};
    if (out->x == NULL) return base_fail(err, BASE_EMEMORY, "no memory for the samples");
    for (int64_t i = 0; i < n * n_channels; i++) {
        float x = audio->samples[i];
        if (!isfinite(x)) {
            data_audio_release(out);
            return base_fail(err, BASE_ENUMERIC, "frame %lld is not a finite number",
                             (long long)(i / n_channels));
        }
        out->x[i % n_channels * n + i / n_channels] = x;
    }
    return BASE_OK;
}

/* Into the form the model takes. */
static base_status prepare(const rimshot_model *model, const rimshot_audio *audio, data_audio *clip,
                           base_error *err) {
    data_audio planar;
    *clip = (data_audio){0};
    BASE_TRY(to_planar(audio, &planar, err));
    base_status status = data_clip_prepare(&planar, infer_model_audio(model->copies[0]), clip, err);
    data_audio_release(&planar);
    return status;
}

/* All of a sound that must be whole. */
static base_status read_whole(const char *path, data_audio *audio, base_error *err) {
    data_sound *sound;
    *audio = (data_audio){0};
    BASE_TRY(data_sound_open(path, NULL, &sound, err));
    base_status status = data_sound_read_all(sound, audio, err);
    const data_condition *condition = data_sound_condition(sound);
    if (status == BASE_OK && condition->damaged) {
        status = base_fail(err, BASE_EDATA, "%s: %s", path, condition->text);
        data_audio_release(audio);
    }
    data_sound_close(sound);
    return status;
}

static base_status read_audio(const char *path, rimshot_audio *audio, base_error *err) {
    BASE_TRY(need(audio, "audio", err));
    *audio = (rimshot_audio){0};
    BASE_TRY(need(path, "path", err));
    data_audio planar;
    BASE_TRY(read_whole(path, &planar, err));
    int64_t n = planar.n, n_channels = planar.n_channels;
    float *samples = base_alloc((size_t)n, (size_t)n_channels * sizeof *samples);
    if (samples != NULL) {
        for (int64_t i = 0; i < n * n_channels; i++) {
            samples[i] = planar.x[i % n_channels * n + i / n_channels];
        }
        *audio = (rimshot_audio){samples, n, (int32_t)n_channels, planar.sample_rate_hz};
    }
    data_audio_release(&planar);
    return samples != NULL ? BASE_OK
                           : base_fail(err, BASE_EMEMORY, "%s: no memory for the samples", path);
}

rimshot_status rimshot_audio_read(const char *path, rimshot_audio *audio, rimshot_error *error) {
    base_error err;
    return report(read_audio(path, audio, &err), &err, error);
}

void rimshot_audio_free(rimshot_audio *audio) {
    if (audio == NULL) return;
    base_free((void *)audio->samples);
    *audio = (rimshot_audio){0};
}

/* ---- one clip ---- */

/* What is asked about a clip, and where it goes; NULL: not that. */
typedef struct {
    float *probability, *embedding, *features;
    int network; /* whose features */
} question;

static void store_embedding(infer_model *copy, float *embedding) {
    for (int m = 0; m < infer_model_n_members(copy); m++) {
        int64_t size;
        const float *value = infer_model_embedding(copy, m, &size);
        if (size > 0) memcpy(embedding, value, (size_t)size * sizeof *embedding);
        embedding += size;
    }
}

/* The embedding is what a classification leaves behind. */
static base_status answer_prepared(rimshot_model *model, const data_audio *clip, question q,
                                   base_error *err) {
    float *probability = base_alloc((size_t)rimshot_n_classes(model), sizeof *probability);
    if (probability == NULL) return base_fail(err, BASE_EMEMORY, "out of memory");
    infer_model *copy = take_copy(model);
    base_status status = BASE_OK;
    if (q.features != NULL) infer_model_prepare(copy, q.network, clip, q.features);
    if (q.probability != NULL || q.embedding != NULL) {
        status = infer_model_classify(copy, clip, 1, probability, err);
    }
    if (q.embedding != NULL && status == BASE_OK) store_embedding(copy, q.embedding);
    return_copy(model, copy);
    if (q.probability != NULL && status == BASE_OK) {
        memcpy(q.probability, probability,
               (size_t)rimshot_n_classes(model) * sizeof *q.probability);
    }
    base_free(probability);
    return status;
}

static base_status check_question(const rimshot_model *model, question q, base_error *err) {
    BASE_TRY(need(model, "model", err));
    if (q.probability == NULL && q.embedding == NULL && q.features == NULL) {
        return base_fail(err, BASE_EUSAGE, "the place for the result is NULL");
    }
    if (q.embedding != NULL && model->embedding_size == 0) {
        return base_fail(err, BASE_ESHAPE, "a network of one layer has no embedding");
    }
    return BASE_OK;
}

static base_status answer(rimshot_model *model, const rimshot_audio *audio, question q,
                          base_error *err) {
    BASE_TRY(check_question(model, q, err));
    data_audio clip;
    BASE_TRY(prepare(model, audio, &clip, err));
    base_status status = answer_prepared(model, &clip, q, err);
    data_audio_release(&clip);
    return status;
}

rimshot_status rimshot_classify(rimshot_model *model, const rimshot_audio *audio,
                                float *probability, rimshot_error *error) {
    base_error err;
    question q = {.probability = probability};
    return report(answer(model, audio, q, &err), &err, error);
}

rimshot_status rimshot_embed(rimshot_model *model, const rimshot_audio *audio, float *embedding,
                             rimshot_error *error) {
    base_error err;
    question q = {.embedding = embedding};
    return report(answer(model, audio, q, &err), &err, error);
}

rimshot_status rimshot_features(rimshot_model *model, const rimshot_audio *audio, float *features,
                                rimshot_error *error) {
    base_error err;
    question q = {.features = features};
    return report(answer(model, audio, q, &err), &err, error);
}

static base_status network_features(rimshot_model *model, int32_t network,
                                    const rimshot_audio *audio, float *features, base_error *err) {
    BASE_TRY(need(model, "model", err));
    if (network_at(model, network) == NULL) {
        return base_fail(err, BASE_EUSAGE, "no network %d in a model of %d", (int)network,
                         (int)rimshot_n_networks(model));
    }
    return answer(model, audio, (question){.features = features, .network = network}, err);
}

rimshot_status rimshot_network_features(rimshot_model *model, int32_t network,
                                        const rimshot_audio *audio, float *features,
                                        rimshot_error *error) {
    base_error err;
    return report(network_features(model, network, audio, features, &err), &err, error);
}

static base_status features_frames(const rimshot_model *model, const rimshot_audio *audio,
                                   int64_t *n_frames, base_error *err) {
    BASE_TRY(need(model, "model", err));
    BASE_TRY(need(n_frames, "n_frames", err));
    data_audio clip;
    BASE_TRY(prepare(model, audio, &clip, err));
    const infer_member *member = infer_model_member(model->copies[0], 0);
    *n_frames = dsp_features_valid_frames(member->features, clip.n);
    data_audio_release(&clip);
    return BASE_OK;
}

rimshot_status rimshot_features_frames(rimshot_model *model, const rimshot_audio *audio,
                                       int64_t *n_frames, rimshot_error *error) {
    base_error err;
    return report(features_frames(model, audio, n_frames, &err), &err, error);
}

static base_status classify_file(rimshot_model *model, const char *path, float *probability,
                                 base_error *err) {
    const question q = {.probability = probability};
    data_sound *sound;
    data_audio clip;
    BASE_TRY(need(path, "path", err));
    BASE_TRY(check_question(model, q, err));
    data_audio_options form = *infer_model_audio(model->copies[0]);
    form.damaged = DATA_DAMAGED_REFUSE;
    BASE_TRY(data_sound_open(path, NULL, &sound, err));
    base_status status = data_clip_read(sound, &form, NULL, &clip, err);
    data_sound_close(sound);
    if (status == BASE_OK) status = answer_prepared(model, &clip, q, err);
    data_audio_release(&clip);
    return status;
}

rimshot_status rimshot_classify_file(rimshot_model *model, const char *path, float *probability,
                                     rimshot_error *error) {
    base_error err;
    return report(classify_file(model, path, probability, &err), &err, error);
}

/* ---- many clips ---- */

/* A call of rimshot_classify_batch. `failure` holds the first of all clips that fail. */
typedef struct {
    rimshot_model *model;
    const rimshot_audio *audio;
    float *probability;
    rimshot_status *status; /* NULL: no clip may fail */
    base_error failure;
} batch_call;

/* Up to BATCH clips from `first` on. A clip that fails stays empty. */
static base_status classify_batch(batch_call *call, int64_t first, int64_t n) {
    data_audio clips[BATCH];
    for (int64_t i = 0; i < n; i++) {
        base_error err;
        base_status fared = prepare(call->model, &call->audio[first + i], &clips[i], &err);
        if (call->status != NULL) call->status[first + i] = (rimshot_status)fared;
        if (fared == BASE_OK || call->failure.status != BASE_OK) continue;
        call->failure = err;
        base_fail_within(&call->failure, "clip %lld", (long long)(first + i));
    }
    base_status result = call->status == NULL ? call->failure.status : BASE_OK;
    if (result == BASE_OK) {
        float *probability = call->probability + first * rimshot_n_classes(call->model);
        infer_model *copy = take_copy(call->model);
        result = infer_model_classify(copy, clips, n, probability, &call->failure);
        return_copy(call->model, copy);
    }
    for (int64_t i = 0; i < n; i++) data_audio_release(&clips[i]);
    return result;
}

static base_status classify_all(batch_call *call, int64_t n) {
    BASE_TRY(need(call->model, "model", &call->failure));
    BASE_TRY(need(call->audio, "audio", &call->failure));
    BASE_TRY(need(call->probability, "probability", &call->failure));
    if (n < 0) return base_fail(&call->failure, BASE_EUSAGE, "n is %lld", (long long)n);
    for (int64_t first = 0; first < n; first += BATCH) {
        BASE_TRY(classify_batch(call, first, n - first < BATCH ? n - first : BATCH));
    }
    return BASE_OK;
}

/* The error may describe a clip although the call succeeds. */
rimshot_status rimshot_classify_batch(rimshot_model *model, const rimshot_audio *audio, int64_t n,
                                      float *probability, rimshot_status *status,
                                      rimshot_error *error) {
    batch_call call = {
        .model = model, .audio = audio, .probability = probability, .status = status};
    base_status result = classify_all(&call, n);
    report(call.failure.status, &call.failure, error);
    return (rimshot_status)result;
}

/* ---- log-mel without a model ---- */

static rimshot_log_mel_options with_defaults(const rimshot_log_mel_options *options) {
    rimshot_log_mel_options o = {0};
    if (options != NULL) o = *options;
    if (o.n_fft == 0) o.n_fft = 2048;
    if (o.hop == 0) o.hop = 441;
    if (o.n_mels == 0) o.n_mels = 64;
    return o;
}

static base_status check_options(const rimshot_log_mel_options *o, base_error *err) {
    if (o->n_fft < 16 || o->n_fft > 65536) {
        return base_fail(err, BASE_ECONFIG, "n_fft is %lld, not within 16 to 65536",
                         (long long)o->n_fft);
    }
    if (o->hop < 1 || o->hop > o->n_fft) {
        return base_fail(err, BASE_ECONFIG, "hop is %lld, not within 1 to n_fft",
                         (long long)o->hop);
    }
    if (o->n_mels < 1 || o->n_mels > 1024) {
        return base_fail(err, BASE_ECONFIG, "n_mels is %lld, not within 1 to 1024",
                         (long long)o->n_mels);
    }
    if (!(o->fmin_hz >= 0 && o->fmax_hz >= 0 && o->fmax_hz <= MAX_RATE_HZ)) {
        return base_fail(err, BASE_ECONFIG, "no mel filters from %g Hz to %g Hz", o->fmin_hz,
                         o->fmax_hz);
    }
    return BASE_OK;
}

int64_t rimshot_log_mel_frames(const rimshot_log_mel_options *options, int64_t n_frames) {
    rimshot_log_mel_options o = with_defaults(options);
    if (n_frames < 1 || check_options(&o, NULL) != BASE_OK) return 0;
    return 1 + (n_frames - o.n_fft % 2) / o.hop;
}

static base_status apply_log_mel(const rimshot_log_mel_options *o, const data_audio *audio,
                                 float *decibel, base_error *err) {
    dsp_features_options options = {.kind = DSP_LOG_MEL,
                                    .n_fft = o->n_fft,
                                    .hop = o->hop,
                                    .centered = true,
                                    .n_mels = o->n_mels,
                                    .fmin_hz = o->fmin_hz,
                                    .fmax_hz = o->fmax_hz,
                                    .area = true,
                                    .amin = 1e-10};
    dsp_features *front_end;
    const dsp_clip_form form = {audio->sample_rate_hz, audio->n_channels, audio->n};
    BASE_TRY(dsp_features_new(&options, &form, &front_end, err));
    void *scratch = base_alloc(dsp_features_scratch_bytes(front_end), 1);
    if (scratch != NULL) dsp_features_apply(front_end, audio->x, scratch, decibel);
    base_free(scratch);
    dsp_features_free(front_end);
    return scratch != NULL ? BASE_OK : base_fail(err, BASE_EMEMORY, "out of memory");
}

static base_status log_mel(const rimshot_log_mel_options *options, const rimshot_audio *audio,
                           float *decibel, base_error *err) {
    rimshot_log_mel_options o = with_defaults(options);
    BASE_TRY(need(decibel, "decibel", err));
    BASE_TRY(check_options(&o, err));
    BASE_TRY(base_processor_check(err));
    data_audio planar;
    BASE_TRY(to_planar(audio, &planar, err));
    base_status status = apply_log_mel(&o, &planar, decibel, err);
    data_audio_release(&planar);
    return status;
}

rimshot_status rimshot_log_mel(const rimshot_log_mel_options *options, const rimshot_audio *audio,
                               float *decibel, rimshot_error *error) {
    base_error err;
    return report(log_mel(options, audio, decibel, &err), &err, error);
}

/* ---- descriptors ---- */

int32_t rimshot_n_descriptors(void) {
    return DSP_N_DESCRIPTORS;
}

const char *rimshot_descriptor_name(int32_t index) {
    bool known = index >= 0 && index < DSP_N_DESCRIPTORS;
    return known ? dsp_descriptor_table[index].name : NULL;
}

static base_status measure(const data_audio *audio, double *values, base_error *err) {
    dsp_descriptors *descriptors;
    BASE_TRY(
        dsp_descriptors_new(audio->sample_rate_hz, audio->n_channels, audio->n, &descriptors, err));
    void *scratch = base_alloc(dsp_descriptors_scratch_bytes(descriptors), 1);
    if (scratch != NULL) dsp_descriptors_measure(descriptors, audio->x, audio->n, scratch, values);
    base_free(scratch);
    dsp_descriptors_free(descriptors);
    return scratch != NULL ? BASE_OK : base_fail(err, BASE_EMEMORY, "out of memory");
}

static base_status describe(const rimshot_audio *audio, double *values, base_error *err) {
    BASE_TRY(need(values, "values", err));
    BASE_TRY(need(audio, "audio", err));
    if (audio->n_channels > 2) {
        return base_fail(err, BASE_EDATA, "%d channels; at most 2", (int)audio->n_channels);
    }
    BASE_TRY(base_processor_check(err));
    data_audio planar;
    BASE_TRY(to_planar(audio, &planar, err));
    base_status status = measure(&planar, values, err);
    data_audio_release(&planar);
    return status;
}

rimshot_status rimshot_descriptors(const rimshot_audio *audio, double *values,
                                   rimshot_error *error) {
    base_error err;
    return report(describe(audio, values, &err), &err, error);
}
