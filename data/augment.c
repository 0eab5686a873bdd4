#include "data/augment.h"

#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "dsp/pitch_shift.h"

/* One struct serves all effects; each declares the options it has. */
typedef struct {
    double p;
    double range[2];  /* of the amount: decibels, semitones, milliseconds, ... */
    int choice;       /* of the enum that the effect's function takes */
    int64_t width, n; /* masks */
} effect_options;

#define FIELD(name) offsetof(effect_options, name)
#define PROBABILITY                                                                                \
    {                                                                                              \
        "p", BASE_OPT_FLOAT, FIELD(p), "0.5", 0, 1, NULL, NULL,                                    \
            "probability that a clip gets the effect"                                              \
    }
#define AMOUNT(key, preset, min, max, unit, help)                                                  \
    { key, BASE_OPT_RANGE, FIELD(range), preset, min, max, NULL, unit, help }
#define CHOICE(key, preset, choices, help)                                                         \
    { key, BASE_OPT_CHOICE, FIELD(choice), preset, 0, 0, choices, NULL, help }
#define SEMITONES                                                                                  \
    AMOUNT("semitones", "[-3, 3]", -24, 24, "semitones", "how far, drawn from this range")

static const base_option plain_table[] = {PROBABILITY, {0}};
static const base_option gain_table[] = {
    PROBABILITY, AMOUNT("db", "[-6, 6]", -60, 60, "dB", "gain, drawn from this range"), {0}};
static const base_option stereo_image_table[] = {
    PROBABILITY,
    AMOUNT("depth", "[-0.5, 0.5]", -1, 10, NULL, "side signal times 1 + depth; -1 gives mono"),
    {0}};
static const base_option pitch_shift_table[] = {
    PROBABILITY,
    SEMITONES,
    CHOICE("method", "phase_vocoder", "phase_vocoder|varispeed",
           "keep the duration, or change it too, like a tape"),
    {0}};
static const base_option varispeed_table[] = {PROBABILITY, SEMITONES, {0}};
static const base_option time_shift_table[] = {
    PROBABILITY,
    AMOUNT("ms", "[0, 50]", -10000, 10000, "ms", "later by this much; negative: earlier"),
    {0}};
static const base_option noise_table[] = {
    PROBABILITY,
    AMOUNT("snr_db", "[10, 40]", -40, 120, "dB", "power of the clip over the noise's"),
    CHOICE("color", "white", "white|pink", "spectrum of the noise"),
    {0}};
static const base_option distortion_table[] = {
    PROBABILITY,
    AMOUNT("gain_db", "[0, 30]", 0, 60, "dB", "drive before the curve"),
    CHOICE("kind", "soft", "soft|hard", "curve: tanh or clipping"),
    {0}};
static const base_option mp3_table[] = {
    PROBABILITY,
    AMOUNT("kbps", "[32, 128]", 8, 320, "kbit/s", "bit rate, drawn from this range"),
    {0}};
static const base_option fade_table[] = {
    PROBABILITY,
    AMOUNT("ms", "[10, 100]", 0, 10000, "ms", "length of the fade at the clip's end"),
    {0}};
#define MASK_TABLE(preset, unit)                                                                   \
    {                                                                                              \
        PROBABILITY,                                                                               \
            {"width", BASE_OPT_INT, FIELD(width), preset, 1, 100000, NULL, unit, "widest mask"},   \
            {"n", BASE_OPT_INT, FIELD(n), "1", 1, 100, NULL, NULL, "number of masks"}, {           \
            0                                                                                      \
        }                                                                                          \
    }
static const base_option mask_frequency_table[] = MASK_TABLE("8", "bands");
static const base_option mask_time_table[] = MASK_TABLE("10", "frames");

/* ---- the effects ---- */

/* One effect on one clip, with all that was drawn for it. */
typedef struct {
    const effect_options *options;
    const dsp_pitch_shift *shift; /* pitch_shift and varispeed; otherwise NULL */
    dsp_clip clip;
    double amount; /* within options->range */
    base_rng *rng;
    void *scratch;
    base_error *err;
} effect_call;

static base_status run_polarity(const effect_call *call) {
    dsp_polarity(call->clip);
    return BASE_OK;
}

static base_status run_gain(const effect_call *call) {
    dsp_gain(call->clip, call->amount);
    return BASE_OK;
}

static base_status run_channel_swap(const effect_call *call) {
    dsp_channel_swap(call->clip);
    return BASE_OK;
}

static base_status run_stereo_image(const effect_call *call) {
    dsp_stereo_image(call->clip, call->amount);
    return BASE_OK;
}

static base_status run_pitch_shift(const effect_call *call) {
    dsp_pitch_shift_apply(call->shift, call->clip, call->amount, call->scratch);
    return BASE_OK;
}

static int64_t samples_of(const effect_call *call) {
    return llround(call->amount * 1e-3 * call->clip.sample_rate_hz);
}

static base_status run_time_shift(const effect_call *call) {
    dsp_time_shift(call->clip, samples_of(call));
    return BASE_OK;
}

static base_status run_noise(const effect_call *call) {
    dsp_noise_kind kind = (dsp_noise_kind)call->options->choice;
    return dsp_noise(call->clip, kind, call->amount, call->rng, call->err);
}

static base_status run_distortion(const effect_call *call) {
    dsp_distortion(call->clip, (dsp_distortion_kind)call->options->choice, call->amount);
    return BASE_OK;
}

static base_status run_mp3(const effect_call *call) {
    return dsp_mp3_round_trip(call->clip, llround(call->amount), call->err);
}

static base_status run_fade(const effect_call *call) {
    dsp_fade_out(call->clip, samples_of(call));
    return BASE_OK;
}

typedef base_status run_waveform(const effect_call *call);
typedef void mask_features(float *features, const int64_t shape[3], int64_t max_width,
                           int64_t n_masks, float value, base_rng *rng);

typedef struct {
    base_variant variant;
    run_waveform *run;   /* NULL: on the features */
    mask_features *mask; /* NULL: on the waveform */
} effect_kind;

enum {
    POLARITY,
    GAIN,
    CHANNEL_SWAP,
    STEREO_IMAGE,
    PITCH_SHIFT,
    VARISPEED,
    TIME_SHIFT,
    NOISE,
    DISTORTION,
    MP3,
    FADE,
    MASK_FREQUENCY,
    MASK_TIME,
    N_KINDS
};

#define VARIANT(name, help, table)                                                                 \
    { name, help, NULL, table, sizeof(effect_options) }

static const effect_kind kinds[N_KINDS] = {
    [POLARITY] = {VARIANT("polarity", "the waveform upside down", plain_table), run_polarity, NULL},
    [GAIN] = {VARIANT("gain", "louder or softer", gain_table), run_gain, NULL},
    [CHANNEL_SWAP] = {VARIANT("channel_swap", "left and right exchanged", plain_table),
                      run_channel_swap, NULL},
    [STEREO_IMAGE] = {VARIANT("stereo_image", "wider or narrower stereo", stereo_image_table),
                      run_stereo_image, NULL},
    [PITCH_SHIFT] = {VARIANT("pitch_shift", "higher or lower", pitch_shift_table), run_pitch_shift,
                     NULL},
    [VARISPEED] = {VARIANT("varispeed", "faster and higher, or slower and lower", varispeed_table),
                   run_pitch_shift, NULL},
    [TIME_SHIFT] = {VARIANT("time_shift", "later or earlier within the clip", time_shift_table),
                    run_time_shift, NULL},
    [NOISE] = {VARIANT("noise", "noise over the whole clip", noise_table), run_noise, NULL},
    [DISTORTION] = {VARIANT("distortion", "overdrive at the same peak", distortion_table),
                    run_distortion, NULL},
    [MP3] = {VARIANT("mp3", "what MP3 at a low bit rate leaves", mp3_table), run_mp3, NULL},
    [FADE] = {VARIANT("fade", "a fade at the end of the clip", fade_table), run_fade, NULL},
    [MASK_FREQUENCY] = {VARIANT("mask_frequency", "bands of the features set to their mean",
                                mask_frequency_table),
                        NULL, dsp_mask_frequency},
    [MASK_TIME] = {VARIANT("mask_time", "frames of the features set to their mean",
                           mask_time_table),
                   NULL, dsp_mask_time},
};

static const base_variant *const variants[N_KINDS] = {
    &kinds[POLARITY].variant,     &kinds[GAIN].variant,        &kinds[CHANNEL_SWAP].variant,
    &kinds[STEREO_IMAGE].variant, &kinds[PITCH_SHIFT].variant, &kinds[VARISPEED].variant,
    &kinds[TIME_SHIFT].variant,   &kinds[NOISE].variant,       &kinds[DISTORTION].variant,
    &kinds[MP3].variant,          &kinds[FADE].variant,        &kinds[MASK_FREQUENCY].variant,
    &kinds[MASK_TIME].variant,
};

const base_variant *const *data_augment_variants(int *n) {
    *n = N_KINDS;
    return variants;
}

/* ---- the chain ---- */

typedef struct {
    int kind;
    const effect_options *options;
    dsp_pitch_shift *shift;
} effect;

struct data_augment {
    base_arena arena;
    base_node *list; /* a copy, with its defaults */
    effect *effects;
    int n;
};

typedef struct {
    double sample_rate_hz;
    int64_t n_channels, n_samples;
} clip_form;

static base_status no_memory(base_error *err) {
    return base_fail(err, BASE_EMEMORY, "augment: out of memory");
}

static base_status prepare_shift(effect *e, const clip_form *form, base_error *err) {
    dsp_pitch_kind kind = e->kind == VARISPEED ? DSP_VARISPEED : (dsp_pitch_kind)e->options->choice;
    double most = fmax(fabs(e->options->range[0]), fabs(e->options->range[1]));
    return dsp_pitch_shift_new(kind, form->n_samples, most, &e->shift, err);
}

/* Whether the encoder takes the sample rate shows when it is tried. */
static base_status try_mp3(const effect *e, const clip_form *form, base_error *err) {
    int64_t n = 4096;
    float *x = base_alloc((size_t)(n * form->n_channels), sizeof *x);
    if (x == NULL) return no_memory(err);
    dsp_clip clip = {x, form->n_channels, n, form->sample_rate_hz};
    base_status status = dsp_mp3_round_trip(clip, llround(e->options->range[1]), err);
    base_free(x);
    return status;
}

static base_status prepare(effect *e, const base_node *node, const clip_form *form,
                           base_error *err) {
    if ((e->kind == CHANNEL_SWAP || e->kind == STEREO_IMAGE) && form->n_channels < 2) {
        return base_node_fail(node, err, BASE_ECONFIG, "needs audio.channels: 2");
    }
    base_error reason;
    base_status status = e->kind == PITCH_SHIFT || e->kind == VARISPEED
                             ? prepare_shift(e, form, &reason)
                         : e->kind == MP3 ? try_mp3(e, form, &reason)
                                          : BASE_OK;
    return status == BASE_OK ? BASE_OK : base_node_fail(node, err, status, "%s", reason.text);
}

static base_status add_effects(data_augment *augment, const clip_form *form, base_error *err) {
    base_node *list = augment->list;
    if (list->kind != BASE_NODE_LIST) {
        return base_node_fail(list, err, BASE_ECONFIG, "a list of effects is needed here");
    }
    augment->effects =
        base_arena_alloc(&augment->arena, (size_t)list->n_children, sizeof *augment->effects);
    if (augment->effects == NULL) return no_memory(err);
    const base_family family = {.what = "effect", .variants = variants, .n = N_KINDS};
    for (base_node *node = list->child; node != NULL; node = node->next) {
        effect *e = &augment->effects[augment->n];
        base_choice choice;
        BASE_TRY(base_variant_bind(&family, node, &augment->arena, &choice, err));
        e->kind = choice.index;
        e->options = choice.options;
        augment->n++;
        BASE_TRY(prepare(e, node->child, form, err));
    }
    return BASE_OK;
}

/* Works on a copy, since defaults that are filled in live in this chain's memory. The copy keeps
 * its place in the configuration for errors to name. */
static base_status copy_list(data_augment *augment, const base_node *list, base_error *err) {
    augment->list = list != NULL ? base_node_copy(list, &augment->arena)
                                 : base_node_new(&augment->arena, BASE_NODE_LIST, "default", 0);
    if (augment->list == NULL) return no_memory(err);
    if (list != NULL) {
        augment->list->key = list->key;
        augment->list->parent = list->parent;
    }
    if (base_node_is_null(augment->list)) {
        augment->list->kind = BASE_NODE_LIST;
        augment->list->text = NULL;
    }
    return BASE_OK;
}

base_status data_augment_new(const base_node *list, double sample_rate_hz, int64_t n_channels,
                             int64_t n_samples, data_augment **augment, base_error *err) {
    *augment = base_alloc(1, sizeof **augment);
    if (*augment == NULL) return no_memory(err);
    clip_form form = {sample_rate_hz, n_channels, n_samples};
    base_status status = copy_list(*augment, list, err);
    if (status == BASE_OK) status = add_effects(*augment, &form, err);
    if (status != BASE_OK) {
        data_augment_free(*augment);
        *augment = NULL;
    }
    return status;
}

void data_augment_free(data_augment *augment) {
    if (augment == NULL) return;
    for (int i = 0; i < augment->n; i++) dsp_pitch_shift_free(augment->effects[i].shift);
    base_arena_release(&augment->arena);
    base_free(augment);
}

const base_node *data_augment_list(const data_augment *augment) {
    return augment->list;
}

size_t data_augment_scratch_bytes(const data_augment *augment) {
    size_t most = 0;
    for (int i = 0; i < augment->n; i++) {
        const dsp_pitch_shift *shift = augment->effects[i].shift;
        size_t bytes = shift != NULL ? dsp_pitch_shift_scratch_bytes(shift) : 0;
        if (bytes > most) most = bytes;
    }
    return most;
}

/* What one effect takes from the sample's stream: always three numbers, whether it is applied or
 * not, so that no effect's settings change what the others draw. An effect that needs many numbers
 * has them from a stream of its own. */
typedef struct {
    bool applied;
    double amount;
    base_rng rng;
} draw;

static draw draw_effect(const effect_options *options, base_rng *rng) {
    draw d = {.applied = base_rng_chance(rng, options->p)};
    d.amount = base_rng_range(rng, options->range[0], options->range[1]);
    d.rng = base_rng_open(base_rng_u64(rng), BASE_RNG_AUGMENT, 0, 0);
    return d;
}

static base_status run_effect(const effect *e, dsp_clip clip, draw *d, void *scratch,
                              base_error *err) {
    effect_call call = {.options = e->options,
                        .shift = e->shift,
                        .clip = clip,
                        .amount = d->amount,
                        .rng = &d->rng,
                        .scratch = scratch,
                        .err = err};
    base_status status = kinds[e->kind].run(&call);
    if (status == BASE_OK) return BASE_OK;
    return base_fail_within(err, "augment: %s", kinds[e->kind].variant.name);
}

base_status data_augment_waveform(const data_augment *augment, dsp_clip clip, base_rng *rng,
                                  void *scratch, base_error *err) {
    for (int i = 0; i < augment->n; i++) {
        const effect *e = &augment->effects[i];
        if (kinds[e->kind].run == NULL) continue;
        draw d = draw_effect(e->options, rng);
        if (d.applied) BASE_TRY(run_effect(e, clip, &d, scratch, err));
    }
    return BASE_OK;
}

static float mean_of(const float *x, int64_t n) {
    double sum = 0.0;
    for (int64_t i = 0; i < n; i++) sum += x[i];
    return (float)(sum / (double)n);
}

void data_augment_features(const data_augment *augment, float *features, const int64_t shape[3],
                           base_rng *rng) {
    for (int i = 0; i < augment->n; i++) {
        const effect *e = &augment->effects[i];
        if (kinds[e->kind].mask == NULL) continue;
        draw d = draw_effect(e->options, rng);
        if (!d.applied) continue;
        float mean = mean_of(features, shape[0] * shape[1] * shape[2]);
        kinds[e->kind].mask(features, shape, e->options->width, e->options->n, mean, &d.rng);
    }
}

bool data_augment_is_empty(const data_augment *augment) {
    return augment->n == 0;
}

int data_augment_n(const data_augment *augment) {
    return augment->n;
}

const char *data_augment_name(const data_augment *augment, int index) {
    BASE_CHECK(index >= 0 && index < augment->n);
    return kinds[augment->effects[index].kind].variant.name;
}

base_status data_augment_one(const data_augment *augment, int index, dsp_clip clip, base_rng *rng,
                             void *scratch, base_error *err) {
    BASE_CHECK(index >= 0 && index < augment->n);
    const effect *e = &augment->effects[index];
    draw d = draw_effect(e->options, rng);
    return kinds[e->kind].run != NULL ? run_effect(e, clip, &d, scratch, err) : BASE_OK;
}
