#include "infer/library/sounds.h"

#include <math.h>
#include <string.h>

#include "dsp/loudness.h"
#include "dsp/pitch.h"
#include "dsp/scratch.h"
#include "infer/decode.h"

typedef struct {
    double pitch_hz, loudness_lufs;
} measures;

typedef struct {
    const library_listen_job *job;
    dsp_pitch *pitch;
    int64_t max_samples; /* of a clip */
    size_t n_scratch;    /* bytes of a worker's */
    char *scratch;       /* [workers, n_scratch] */
    measures measured[INFER_DECODE_GROUP];
    float *probability; /* [INFER_DECODE_GROUP, classes] */
    float *embedding;   /* [INFER_DECODE_GROUP, size]; NULL: the model gives none */
} listener;

/* ---- pitch and loudness ---- */

typedef struct {
    float *mono; /* [max_samples] */
    void *pitch, *loudness;
} buffers;

static buffers cut(const listener *l, double rate_hz, dsp_scratch *scratch) {
    buffers b;
    b.mono = dsp_scratch_take(scratch, l->max_samples, sizeof *b.mono);
    b.pitch = dsp_scratch_take(scratch, 1, dsp_pitch_scratch_bytes(l->pitch, l->max_samples));
    b.loudness = dsp_scratch_take(scratch, 1, dsp_loudness_scratch_bytes(l->max_samples, rate_hz));
    return b;
}

/* Mean of the first and the last channel, up to the last sample that is not zero: how many. */
static int64_t mix_down(const data_audio *clip, float *mono) {
    const float *right = clip->x + (clip->n_channels - 1) * clip->n;
    int64_t n = 1;
    for (int64_t i = 0; i < clip->n; i++) {
        mono[i] = 0.5F * clip->x[i] + 0.5F * right[i];
        if (clip->x[i] != 0 || right[i] != 0) n = i + 1;
    }
    return n;
}

static void measure_clip(void *context, const data_audio *clip, int64_t place, int worker) {
    listener *l = context;
    dsp_scratch scratch = {.memory = l->scratch + (size_t)worker * l->n_scratch};
    buffers b = cut(l, clip->sample_rate_hz, &scratch);
    int64_t n = mix_down(clip, b.mono);
    dsp_loudness_sound sound = {clip->x, clip->n_channels, n, clip->n, clip->sample_rate_hz};
    l->measured[place].pitch_hz = dsp_pitch_measure(l->pitch, b.mono, n, b.pitch).hz;
    l->measured[place].loudness_lufs = dsp_loudness_lufs(&sound, b.loudness);
}

/* ---- results ---- */

static library_sound sound_of(const listener *l, const infer_decoded *group, int64_t i) {
    const library_listen_job *job = l->job;
    const base_error *failure = &group->errors[i];
    const char *condition = group->conditions[i].text;
    int n_classes = infer_model_n_classes(job->model);
    library_sound sound = {.path = job->paths[group->first + i],
                           .status = failure->status,
                           .best = INFER_UNKNOWN,
                           .condition = condition[0] != '\0' ? condition : NULL,
                           .pitch_hz = NAN,
                           .loudness_lufs = NAN};
    if (failure->status != BASE_OK) {
        sound.error = failure->text;
        return sound;
    }
    sound.probability = l->probability + i * n_classes;
    sound.best =
        infer_refusal_decide(infer_model_refusal(job->model), sound.probability, n_classes);
    if (l->embedding != NULL) {
        sound.embedding = l->embedding + i * infer_model_embedding_size(job->model);
    }
    sound.content = group->facts[i].content;
    sound.seconds = group->facts[i].seconds;
    sound.stamp = group->stamps[i];
    if (!job->measures) return sound;
    sound.pitch_hz = l->measured[i].pitch_hz;
    sound.loudness_lufs = l->measured[i].loudness_lufs;
    return sound;
}

static base_status listen_to_group(void *context, const infer_decoded *group, base_error *err) {
    const listener *l = context;
    const library_listen_job *job = l->job;
    BASE_TRY(
        infer_model_listen(job->model, group->clips, group->n, l->probability, l->embedding, err));
    for (int64_t i = 0; i < group->n; i++) {
        const library_sound sound = sound_of(l, group, i);
        if (!job->handler(job->context, &sound)) return base_fail(err, BASE_ESTOPPED, "stopped");
    }
    return BASE_OK;
}

/* ---- the job ---- */

static base_status prepare_measures(listener *l, const data_audio_options *form, base_error *err) {
    size_t n_workers = (size_t)base_pool_threads(l->job->pool);
    dsp_scratch count = {0};
    l->max_samples = data_audio_samples(form);
    BASE_TRY(dsp_pitch_new(form->sample_rate_hz, &l->pitch, err));
    cut(l, form->sample_rate_hz, &count);
    l->n_scratch = count.used_bytes;
    l->scratch = base_alloc(n_workers, l->n_scratch);
    return l->scratch != NULL ? BASE_OK : base_fail(err, BASE_EMEMORY, "out of memory");
}

static base_status prepare(listener *l, const data_audio_options *form, base_error *err) {
    size_t n_classes = (size_t)infer_model_n_classes(l->job->model);
    size_t width = (size_t)infer_model_embedding_size(l->job->model);
    l->probability = base_alloc(INFER_DECODE_GROUP * n_classes, sizeof *l->probability);
    if (width > 0) l->embedding = base_alloc(INFER_DECODE_GROUP * width, sizeof *l->embedding);
    if (l->probability == NULL || (width > 0 && l->embedding == NULL)) {
        return base_fail(err, BASE_EMEMORY, "out of memory");
    }
    return l->job->measures ? prepare_measures(l, form, err) : BASE_OK;
}

base_status library_listen(const library_listen_job *job, base_error *err) {
    data_audio_options form = *infer_model_audio(job->model);
    listener l = {.job = job};
    infer_decode_job decoding = {.form = &form,
                                 .paths = job->paths,
                                 .n = job->n,
                                 .pool = job->pool,
                                 .wants_facts = true,
                                 .stopped = job->stopped,
                                 .measure = job->measures ? measure_clip : NULL,
                                 .handler = listen_to_group,
                                 .context = &l};
    form.damaged = job->damaged;
    base_status status = prepare(&l, &form, err);
    if (status == BASE_OK) status = infer_decode_files(&decoding, err);
    dsp_pitch_free(l.pitch);
    base_free(l.scratch);
    base_free(l.probability);
    base_free(l.embedding);
    return status;
}

const char *library_class_name(const infer_model *model, int best) {
    return best >= 0 ? infer_model_class(model, best) : "unknown";
}
