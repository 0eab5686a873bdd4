/* Effects that a sound meets in samplers and on mixing desks. What they draw beside the amount
 * comes from their own stream; frequencies and times are drawn so that each octave is as likely as
 * the next. */
#include <math.h>

#include "data/effect_rows.h"
#include "dsp/compressor.h"
#include "dsp/filter.h"
#include "dsp/reverb.h"

/* Uniform in the logarithm; range[0] > 0. */
static double draw_log(base_rng *rng, const double range[2]) {
    return range[0] * pow(range[1] / range[0], base_rng_range(rng, 0.0, 1.0));
}

static double draw(base_rng *rng, const double range[2]) {
    return base_rng_range(rng, range[0], range[1]);
}

#define HZ_ROW(type, field, key, preset, help)                                                     \
    FIELD_RANGE_ROW(type, field, key, preset, 10, 96000, "Hz", help)

/* ---- filters ---- */

typedef struct {
    data_effect_options common; /* range: of all three gains, dB */
    double low_hz[2], peak_hz[2], peak_q[2], high_hz[2];
} eq_options;

static const base_option eq_table[] = {
    P_ROW(eq_options),
    RANGE_ROW(eq_options, "db", "[-9, 9]", -30, 30, "dB", "gain of each band, drawn for each"),
    HZ_ROW(eq_options, low_hz, "low_hz", "[60, 400]", "corner frequency of the low shelf"),
    HZ_ROW(eq_options, peak_hz, "peak_hz", "[150, 6000]", "centre frequency of the peak or dip"),
    FIELD_RANGE_ROW(eq_options, peak_q, "peak_q", "[0.5, 3]", 0.1, 20, NULL,
                    "how narrow it is: its middle over its width"),
    HZ_ROW(eq_options, high_hz, "high_hz", "[2500, 12000]", "corner frequency of the high shelf"),
    {0}};

static base_status apply_eq(const data_effect_call *call, base_error *err) {
    const eq_options *o = call->options;
    const double *db = o->common.range;
    base_rng *rng = call->rng;
    (void)err;
    dsp_filter bands[3] = {
        {DSP_FILTER_LOW_SHELF, draw_log(rng, o->low_hz), M_SQRT1_2, call->amount},
        {.kind = DSP_FILTER_PEAK},
        {.kind = DSP_FILTER_HIGH_SHELF, .q = M_SQRT1_2},
    };
    bands[1].hz = draw_log(rng, o->peak_hz);
    bands[1].q = draw_log(rng, o->peak_q);
    bands[1].gain_db = draw(rng, db);
    bands[2].hz = draw_log(rng, o->high_hz);
    bands[2].gain_db = draw(rng, db);
    dsp_filter_apply(call->clip, bands, 3);
    return BASE_OK;
}

const data_effect data_effect_eq = {
    .variant = VARIANT("eq", "an equaliser: low shelf, peak and high shelf", eq_table, eq_options),
    .apply = apply_eq,
};

typedef struct {
    data_effect_options common; /* range: q */
    double hz[2];
} pass_options;

#define PASS_ROWS(preset)                                                                          \
    P_ROW(pass_options), HZ_ROW(pass_options, hz, "hz", preset, "cutoff frequency"),               \
        RANGE_ROW(pass_options, "q", "[0.5, 1.4]", 0.1, 20, NULL,                                  \
                  "gain at the frequency; 0.707: no resonance, 12 dB per octave")
static const base_option lowpass_table[] = {PASS_ROWS("[2000, 16000]"), {0}};
static const base_option highpass_table[] = {PASS_ROWS("[30, 300]"), {0}};

static void pass(const data_effect_call *call, dsp_filter_kind kind) {
    const pass_options *o = call->options;
    dsp_filter filter = {.kind = kind, .hz = draw_log(call->rng, o->hz), .q = call->amount};
    dsp_filter_apply(call->clip, &filter, 1);
}

static base_status apply_lowpass(const data_effect_call *call, base_error *err) {
    (void)err;
    pass(call, DSP_FILTER_LOWPASS);
    return BASE_OK;
}

const data_effect data_effect_lowpass = {
    .variant = VARIANT("lowpass", "duller: a filter against high frequencies", lowpass_table,
                       pass_options),
    .apply = apply_lowpass,
};

static base_status apply_highpass(const data_effect_call *call, base_error *err) {
    (void)err;
    pass(call, DSP_FILTER_HIGHPASS);
    return BASE_OK;
}

const data_effect data_effect_highpass = {
    .variant = VARIANT("highpass", "thinner: a filter against low frequencies", highpass_table,
                       pass_options),
    .apply = apply_highpass,
};

/* ---- dynamics ---- */

typedef struct {
    data_effect_options common; /* range: threshold, dB */
    double ratio[2], attack_ms[2], release_ms[2];
} compress_options;

static const base_option compress_table[] = {
    P_ROW(compress_options),
    RANGE_ROW(compress_options, "threshold_db", "[-30, -6]", -90, 0, "dB",
              "where it begins, under the clip's peak"),
    FIELD_RANGE_ROW(compress_options, ratio, "ratio", "[2, 10]", 1, 100, NULL,
                    "decibels in for one out, above the threshold"),
    FIELD_RANGE_ROW(compress_options, attack_ms, "attack_ms", "[0.1, 30]", 0.01, 1000, "ms",
                    "time constant of the attack; a long one lets attacks through"),
    FIELD_RANGE_ROW(compress_options, release_ms, "release_ms", "[20, 300]", 1, 10000, "ms",
                    "time constant of the release"),
    {0}};

#define KNEE_DB 6.0

static base_status apply_compress(const data_effect_call *call, base_error *err) {
    const compress_options *o = call->options;
    (void)err;
    dsp_compressor c = {.threshold_db = call->amount, .knee_db = KNEE_DB};
    c.ratio = draw_log(call->rng, o->ratio);
    c.attack_s = 1e-3 * draw_log(call->rng, o->attack_ms);
    c.release_s = 1e-3 * draw_log(call->rng, o->release_ms);
    dsp_compress(call->clip, c);
    return BASE_OK;
}

const data_effect data_effect_compress = {
    .variant =
        VARIANT("compress", "a compressor, at the same peak", compress_table, compress_options),
    .apply = apply_compress,
};

typedef struct {
    data_effect_options common; /* range: seconds */
} decay_options;

static const base_option decay_table[] = {P_ROW(decay_options),
                                          RANGE_ROW(decay_options, "seconds", "[0.1, 2]", 0.001,
                                                    100, "s", "time in which it takes off 60 dB"),
                                          {0}};

static base_status apply_decay(const data_effect_call *call, base_error *err) {
    (void)err;
    dsp_decay(call->clip, call->amount);
    return BASE_OK;
}

const data_effect data_effect_decay = {
    .variant = VARIANT("decay", "shorter, as by a sampler's decay", decay_table, decay_options),
    .apply = apply_decay,
};

/* ---- old converters ---- */

typedef struct {
    data_effect_options common; /* range: bits */
    double rate_hz[2];
} crush_options;

static const base_option crush_table[] = {
    P_ROW(crush_options),
    RANGE_ROW(crush_options, "bits", "[6, 12]", 1, 24, "bits", "resolution, under the clip's peak"),
    FIELD_RANGE_ROW(crush_options, rate_hz, "rate_hz", "[8000, 32000]", 100, 192000, "Hz",
                    "sample rate, with no filter against aliasing"),
    {0}};

static base_status apply_crush(const data_effect_call *call, base_error *err) {
    const crush_options *o = call->options;
    (void)err;
    dsp_crush(call->clip, call->amount, draw_log(call->rng, o->rate_hz));
    return BASE_OK;
}

const data_effect data_effect_crush = {
    .variant = VARIANT("crush", "the bits and the sample rate of an early sampler", crush_table,
                       crush_options),
    .apply = apply_crush,
};

/* ---- rooms ---- */

typedef struct {
    data_effect_options common; /* range: wet */
    double decay_s[2], predelay_ms[2];
} reverb_options;

static const base_option reverb_table[] = {
    P_ROW(reverb_options),
    RANGE_ROW(reverb_options, "wet", "[0.05, 0.4]", 0, 1, NULL,
              "share of the room, beside 1 - wet of the clip"),
    FIELD_RANGE_ROW(reverb_options, decay_s, "decay_s", "[0.1, 0.8]", 0.01, 20, "s",
                    "time in which the room's sound falls by 60 dB"),
    FIELD_RANGE_ROW(reverb_options, predelay_ms, "predelay_ms", "[0, 20]", 0, 1000, "ms",
                    "time before the room answers"),
    {0}};

static base_status prepare_reverb(const void *options, const dsp_clip_form *form, void **plan,
                                  base_error *err) {
    const reverb_options *o = options;
    dsp_reverb *reverb;
    dsp_room longest = {.decay_s = o->decay_s[1], .predelay_s = 1e-3 * o->predelay_ms[1]};
    BASE_TRY(dsp_reverb_new(form, longest, &reverb, err));
    *plan = reverb;
    return BASE_OK;
}

static base_status apply_reverb(const data_effect_call *call, base_error *err) {
    const reverb_options *o = call->options;
    (void)err;
    dsp_room room = {.wet = call->amount};
    room.decay_s = draw_log(call->rng, o->decay_s);
    room.predelay_s = 1e-3 * draw(call->rng, o->predelay_ms);
    dsp_reverb_apply(call->plan, call->clip, room, call->rng, call->scratch);
    return BASE_OK;
}

static size_t reverb_scratch_bytes(const void *plan) {
    return dsp_reverb_scratch_bytes(plan);
}

static void release_reverb(void *plan) {
    dsp_reverb_free(plan);
}

const data_effect data_effect_reverb = {
    .variant = VARIANT("reverb", "a short room", reverb_table, reverb_options),
    .apply = apply_reverb,
    .prepare = prepare_reverb,
    .scratch_bytes = reverb_scratch_bytes,
    .release = release_reverb,
};
