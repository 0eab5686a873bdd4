/* tests/bench/bench_sound.c - front end and augmentation, in the calling thread.
 *
 * A sound file holds the sections `audio`, `features` and `augment` of a configuration. The clip is
 * a synthesised drum over faint noise, so that no part of it is silent. An effect works on a fresh
 * copy of the clip each time; the copy counts. */
#include "tests/bench/bench.h"

#include <string.h>

#include "data/augment.h"
#include "data/clips.h"
#include "data/synth.h"
#include "dsp/features.h"

enum { CHAIN_CLIPS = 64 };

typedef struct {
    base_arena arena;
    const base_node *audio_node, *features_node, *augment_node;
    data_audio_options audio;
    dsp_features_options options;
    dsp_features *features;
    data_augment *augment;
    dsp_clip clip;   /* what effects work on */
    float *original; /* [n_channels, n] */
    float *out;      /* features [C,F,T] */
    int64_t shape[3];
    void *scratch;
    int effect;      /* the one measured */
    uint64_t sample; /* every call draws from the next stream */
    base_status status;
    base_error failure; /* unless it is BASE_OK */
} sound_work;

static const base_option sound_table[] = {
    {"audio", BASE_OPT_NODE, offsetof(sound_work, audio_node), NULL, 0, 0, NULL, NULL,
     "form of the clip"},
    {"features", BASE_OPT_NODE, offsetof(sound_work, features_node), NULL, 0, 0, NULL, NULL,
     "front end"},
    {"augment", BASE_OPT_NODE, offsetof(sound_work, augment_node), NULL, 0, 0, NULL, NULL,
     "list of effects"},
    {0}};

/* ------------------------------------------------------------------ the clip */

static base_status make_clip(sound_work *work, base_error *err) {
    data_audio hit;
    BASE_TRY(data_synth_hit(0, 0, 1, &hit, err));
    dsp_clip *clip = &work->clip;
    base_rng rng = base_rng_open(1, BASE_RNG_TEST, 0, 0);
    for (int64_t c = 0; c < clip->n_channels; c++) {
        for (int64_t i = 0; i < clip->n; i++) {
            float sound = i < hit.n ? hit.x[i] / (float)(c + 1) : 0;
            work->original[c * clip->n + i] = sound + 1e-4F * base_rng_normal(&rng);
        }
    }
    data_audio_release(&hit);
    return BASE_OK;
}

static base_status make_buffers(sound_work *work, base_error *err) {
    size_t effects = data_augment_scratch_bytes(work->augment);
    size_t features = dsp_features_scratch_bytes(work->features);
    size_t n = (size_t)(work->clip.n_channels * work->clip.n);
    size_t n_out = (size_t)(work->shape[0] * work->shape[1] * work->shape[2]);
    work->scratch = base_alloc(effects > features ? effects : features, 1);
    work->clip.x = base_alloc(n, sizeof(float));
    work->original = base_alloc(n, sizeof(float));
    work->out = base_alloc(n_out, sizeof(float));
    bool complete = work->scratch && work->clip.x && work->original && work->out;
    return complete ? BASE_OK : base_fail(err, BASE_EMEMORY, "sound: out of memory");
}

static base_status sound_init(sound_work *work, const char *path, base_error *err) {
    base_node *root;
    base_arena *arena = &work->arena;
    BASE_TRY(base_yaml_read(path, arena, &root, err));
    BASE_TRY(base_options_bind(sound_table, root, work, arena, err));
    BASE_TRY(base_options_bind(data_audio_table, base_node_get(root, "audio"), &work->audio, arena,
                               err));
    BASE_TRY(base_options_bind(dsp_features_table, base_node_get(root, "features"), &work->options,
                               arena, err));
    dsp_clip *clip = &work->clip;
    clip->n_channels = work->audio.channels;
    clip->n = data_audio_samples(&work->audio);
    clip->sample_rate_hz = work->audio.sample_rate_hz;
    const dsp_clip_form form = data_audio_form(&work->audio);
    BASE_TRY(dsp_features_new(&work->options, &form, &work->features, err));
    BASE_TRY(data_augment_new(base_node_get(root, "augment"), &form, &work->augment, err));
    dsp_features_shape(work->features, work->shape);
    BASE_TRY(make_buffers(work, err));
    return make_clip(work, err);
}

static void sound_release(sound_work *work) {
    dsp_features_free(work->features);
    data_augment_free(work->augment);
    base_free(work->scratch);
    base_free(work->clip.x);
    base_free(work->original);
    base_free(work->out);
    base_arena_release(&work->arena);
}

static base_rng renew_clip(sound_work *work) {
    size_t n = (size_t)(work->clip.n_channels * work->clip.n);
    memcpy(work->clip.x, work->original, n * sizeof *work->original);
    return base_rng_open(1, BASE_RNG_AUGMENT, 0, work->sample++);
}

/* ------------------------------------------------------------------ what is measured */

static void run_features(void *context) {
    sound_work *work = context;
    dsp_features_apply(work->features, work->original, work->scratch, work->out);
}

static void note(sound_work *work, base_status status) {
    if (status != BASE_OK) work->status = status;
}

static void run_effect(void *context) {
    sound_work *work = context;
    base_rng rng = renew_clip(work);
    note(work, data_augment_link_run(data_augment_at(work->augment, work->effect), work->clip, &rng,
                                     work->scratch, &work->failure));
}

/* Masks work on the features, and whether they do is left to their probability. */
static void run_masks(void *context) {
    sound_work *work = context;
    base_rng rng = base_rng_open(1, BASE_RNG_AUGMENT, 1, work->sample++);
    data_augment_features(work->augment, work->out, work->shape, &rng);
}

/* Some clips get a slow effect and most do not: many are run as one. */
static void run_chain(void *context) {
    sound_work *work = context;
    for (int i = 0; i < CHAIN_CLIPS; i++) {
        base_rng rng = renew_clip(work);
        note(work,
             data_augment_waveform(work->augment, work->clip, &rng, work->scratch, &work->failure));
    }
}

static void run_every_effect(void *context) {
    sound_work *work = context;
    base_rng rng = renew_clip(work);
    for (int i = 0; i < data_augment_n(work->augment); i++) {
        note(work, data_augment_link_run(data_augment_at(work->augment, i), work->clip, &rng,
                                         work->scratch, &work->failure));
    }
}

static bool is_mask(const char *effect) {
    return strncmp(effect, "mask_", 5) == 0;
}

static void measure(const bench_call *call, sound_work *work, base_text *json) {
    double seconds = call->seconds;
    bool masks = false;
    bench_number(json, "features", 1e3 * bench_time(run_features, work, seconds));
    for (int i = 0; i < data_augment_n(work->augment); i++) {
        const char *name = data_augment_link_name(data_augment_at(work->augment, i));
        work->effect = i;
        masks |= is_mask(name);
        if (!is_mask(name)) bench_number(json, name, 1e3 * bench_time(run_effect, work, seconds));
    }
    if (masks) bench_number(json, "masks", 1e3 * bench_time(run_masks, work, seconds));
    double chain = bench_time(run_chain, work, seconds) / CHAIN_CLIPS;
    bench_number(json, "chain", 1e3 * chain);
    bench_number(json, "every_effect", 1e3 * bench_time(run_every_effect, work, seconds));
}

base_status bench_sound(const bench_call *call, base_text *json, base_error *err) {
    sound_work work = {0};
    base_status status = sound_init(&work, call->arguments[0], err);
    if (status == BASE_OK) {
        unsigned mode = base_denormals_flush();
        bench_open(json, "ms", "{");
        measure(call, &work, json);
        base_text_add(json, "}");
        base_denormals_restore(mode);
        status = work.status;
        if (status != BASE_OK) *err = work.failure;
    }
    sound_release(&work);
    return status;
}
