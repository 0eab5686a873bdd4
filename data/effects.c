#include <math.h>

#include "data/effect_rows.h"
#include "dsp/pitch_shift.h"

/* Effects with a probability and perhaps an amount. */
typedef struct {
    data_effect_options common;
} plain_options;
static const base_option plain_table[] = {P_ROW(plain_options), {0}};

/* ---- level and channels ---- */

static base_status apply_polarity(const data_effect_call *call, base_error *err) {
    (void)err;
    dsp_polarity(call->clip);
    return BASE_OK;
}

const data_effect data_effect_polarity = {
    .variant = VARIANT("polarity", "the waveform inverted", plain_table, plain_options),
    .apply = apply_polarity,
};

static const base_option gain_table[] = {
    P_ROW(plain_options),
    RANGE_ROW(plain_options, "db", "[-6, 6]", -60, 60, "dB", "gain, drawn from this range"),
    {0}};

static base_status apply_gain(const data_effect_call *call, base_error *err) {
    (void)err;
    dsp_gain(call->clip, call->amount);
    return BASE_OK;
}

const data_effect data_effect_gain = {
    .variant = VARIANT("gain", "louder or softer", gain_table, plain_options),
    .apply = apply_gain,
};

static base_status apply_channel_swap(const data_effect_call *call, base_error *err) {
    (void)err;
    dsp_channel_swap(call->clip);
    return BASE_OK;
}

const data_effect data_effect_channel_swap = {
    .variant = VARIANT("channel_swap", "left and right exchanged", plain_table, plain_options),
    .needs_stereo = true,
    .apply = apply_channel_swap,
};

static const base_option stereo_image_table[] = {
    P_ROW(plain_options),
    RANGE_ROW(plain_options, "depth", "[-0.5, 0.5]", -1, 10, NULL,
              "side signal times 1 + depth; -1 gives mono"),
    {0}};

static base_status apply_stereo_image(const data_effect_call *call, base_error *err) {
    (void)err;
    dsp_stereo_image(call->clip, call->amount);
    return BASE_OK;
}

const data_effect data_effect_stereo_image = {
    .variant =
        VARIANT("stereo_image", "wider or narrower stereo", stereo_image_table, plain_options),
    .needs_stereo = true,
    .apply = apply_stereo_image,
};

/* ---- pitch ---- */

typedef struct {
    data_effect_options common;
    int method; /* dsp_pitch_kind */
} pitch_options;

#define SEMITONES_ROW(type)                                                                        \
    RANGE_ROW(type, "semitones", "[-3, 3]", -24, 24, "semitones", "how far, drawn from this range")
static const base_option pitch_shift_table[] = {
    P_ROW(pitch_options),
    SEMITONES_ROW(pitch_options),
    CHOICE_ROW(pitch_options, method, "method", "phase_vocoder", "phase_vocoder|varispeed",
               "keep the duration, or change it too, like a tape"),
    {0}};
static const base_option varispeed_table[] = {
    P_ROW(plain_options), SEMITONES_ROW(plain_options), {0}};

static base_status new_shift(dsp_pitch_kind kind, const double range[2], const dsp_clip_form *form,
                             void **plan, base_error *err) {
    dsp_pitch_shift *shift;
    double most = fmax(fabs(range[0]), fabs(range[1]));
    BASE_TRY(dsp_pitch_shift_new(kind, form->n_samples, most, &shift, err));
    *plan = shift;
    return BASE_OK;
}

static base_status prepare_pitch_shift(const void *options, const dsp_clip_form *form, void **plan,
                                       base_error *err) {
    const pitch_options *o = options;
    return new_shift((dsp_pitch_kind)o->method, o->common.range, form, plan, err);
}

static base_status prepare_varispeed(const void *options, const dsp_clip_form *form, void **plan,
                                     base_error *err) {
    const plain_options *o = options;
    return new_shift(DSP_VARISPEED, o->common.range, form, plan, err);
}

static base_status apply_shift(const data_effect_call *call, base_error *err) {
    (void)err;
    dsp_pitch_shift_apply(call->plan, call->clip, call->amount, call->scratch);
    return BASE_OK;
}

static size_t shift_scratch_bytes(const void *plan) {
    return dsp_pitch_shift_scratch_bytes(plan);
}

static void release_shift(void *plan) {
    dsp_pitch_shift_free(plan);
}

const data_effect data_effect_pitch_shift = {
    .variant = VARIANT("pitch_shift", "higher or lower", pitch_shift_table, pitch_options),
    .apply = apply_shift,
    .prepare = prepare_pitch_shift,
    .scratch_bytes = shift_scratch_bytes,
    .release = release_shift,
};

const data_effect data_effect_varispeed = {
    .variant = VARIANT("varispeed", "faster and higher, or slower and lower", varispeed_table,
                       plain_options),
    .apply = apply_shift,
    .prepare = prepare_varispeed,
    .scratch_bytes = shift_scratch_bytes,
    .release = release_shift,
};

/* ---- time ---- */

static int64_t samples_of(const data_effect_call *call) {
    return llround(call->amount * 1e-3 * call->clip.sample_rate_hz);
}

static const base_option time_shift_table[] = {P_ROW(plain_options),
                                               RANGE_ROW(plain_options, "ms", "[0, 50]", -10000,
                                                         10000, "ms",
                                                         "later by this much; negative: earlier"),
                                               {0}};

static base_status apply_time_shift(const data_effect_call *call, base_error *err) {
    (void)err;
    dsp_time_shift(call->clip, samples_of(call));
    return BASE_OK;
}

const data_effect data_effect_time_shift = {
    .variant =
        VARIANT("time_shift", "later or earlier within the clip", time_shift_table, plain_options),
    .apply = apply_time_shift,
};

static const base_option fade_table[] = {P_ROW(plain_options),
                                         RANGE_ROW(plain_options, "ms", "[10, 100]", 0, 10000, "ms",
                                                   "length of the fade at the clip's end"),
                                         {0}};

static base_status apply_fade(const data_effect_call *call, base_error *err) {
    (void)err;
    dsp_fade_out(call->clip, samples_of(call));
    return BASE_OK;
}

const data_effect data_effect_fade = {
    .variant = VARIANT("fade", "a fade at the end of the clip", fade_table, plain_options),
    .apply = apply_fade,
};

/* ---- damage ---- */

typedef struct {
    data_effect_options common;
    int color; /* dsp_noise_kind */
} noise_options;

static const base_option noise_table[] = {
    P_ROW(noise_options),
    RANGE_ROW(noise_options, "snr_db", "[10, 40]", -40, 120, "dB",
              "power of the clip over the noise's"),
    CHOICE_ROW(noise_options, color, "color", "white", "white|pink", "spectrum of the noise"),
    {0}};

static base_status apply_noise(const data_effect_call *call, base_error *err) {
    const noise_options *o = call->options;
    return dsp_noise(call->clip, (dsp_noise_kind)o->color, call->amount, call->rng, err);
}

const data_effect data_effect_noise = {
    .variant = VARIANT("noise", "noise over the whole clip", noise_table, noise_options),
    .apply = apply_noise,
};

typedef struct {
    data_effect_options common;
    int kind; /* dsp_distortion_kind */
} distortion_options;

static const base_option distortion_table[] = {
    P_ROW(distortion_options),
    RANGE_ROW(distortion_options, "gain_db", "[0, 30]", 0, 60, "dB", "drive before the curve"),
    CHOICE_ROW(distortion_options, kind, "kind", "soft", "soft|hard", "curve: tanh or clipping"),
    {0}};

static base_status apply_distortion(const data_effect_call *call, base_error *err) {
    const distortion_options *o = call->options;
    (void)err;
    dsp_distortion(call->clip, (dsp_distortion_kind)o->kind, call->amount);
    return BASE_OK;
}

const data_effect data_effect_distortion = {
    .variant =
        VARIANT("distortion", "overdrive at the same peak", distortion_table, distortion_options),
    .apply = apply_distortion,
};

static const base_option mp3_table[] = {P_ROW(plain_options),
                                        RANGE_ROW(plain_options, "kbps", "[32, 128]", 8, 320,
                                                  "kbit/s", "bit rate, drawn from this range"),
                                        {0}};

/* Whether the encoder takes the sample rate shows when it is tried. */
static base_status prepare_mp3(const void *options, const dsp_clip_form *form, void **plan,
                               base_error *err) {
    const plain_options *o = options;
    int64_t n = 4096;
    float *x = base_alloc((size_t)(n * form->n_channels), sizeof *x);
    *plan = NULL;
    if (x == NULL) return base_fail(err, BASE_EMEMORY, "augment: out of memory");
    dsp_clip clip = {x, form->n_channels, n, form->sample_rate_hz};
    base_status status = dsp_mp3_round_trip(clip, llround(o->common.range[1]), err);
    base_free(x);
    return status;
}

static base_status apply_mp3(const data_effect_call *call, base_error *err) {
    return dsp_mp3_round_trip(call->clip, llround(call->amount), err);
}

const data_effect data_effect_mp3 = {
    .variant = VARIANT("mp3", "what MP3 at a low bit rate leaves", mp3_table, plain_options),
    .apply = apply_mp3,
    .prepare = prepare_mp3,
};

/* ---- masks ---- */

typedef struct {
    data_effect_options common;
    int64_t width, n;
} mask_options;

#define MASK_ROWS(preset, unit)                                                                    \
    P_ROW(mask_options),                                                                           \
        {"width", BASE_OPT_INT, offsetof(mask_options, width), preset, 1, 100000, NULL,            \
         unit,    "widest mask"},                                                                  \
    {                                                                                              \
        "n", BASE_OPT_INT, offsetof(mask_options, n), "1", 1, 100, NULL, NULL, "number of masks"   \
    }
static const base_option mask_frequency_table[] = {MASK_ROWS("8", "bands"), {0}};
static const base_option mask_time_table[] = {MASK_ROWS("10", "frames"), {0}};

static dsp_masks masks_of(const data_effect_call *call) {
    const mask_options *o = call->options;
    return (dsp_masks){.max_width = o->width, .n = o->n, .value = call->mean};
}

static void mask_frequency(const data_effect_call *call) {
    dsp_mask_frequency(call->features, call->shape, masks_of(call), call->rng);
}

const data_effect data_effect_mask_frequency = {
    .variant = VARIANT("mask_frequency", "bands of the features set to their mean",
                       mask_frequency_table, mask_options),
    .mask = mask_frequency,
};

static void mask_time(const data_effect_call *call) {
    dsp_mask_time(call->features, call->shape, masks_of(call), call->rng);
}

const data_effect data_effect_mask_time = {
    .variant = VARIANT("mask_time", "frames of the features set to their mean", mask_time_table,
                       mask_options),
    .mask = mask_time,
};
