/* What data_clip_prepare does with a sound at the model's rate, in ONNX: mixing, trimming, cutting,
 * levelling. */
#include <float.h>
#include <math.h>

#include "infer/export/onnx_graph.h"

typedef struct {
    infer_onnx *onnx;
    const data_audio_options *audio;
    int64_t n_samples;         /* of a clip */
    infer_onnx_value length;   /* [N] samples of each sound, */
    infer_onnx_value n, valid; /* [N,1,1] of each clip, at most n_samples; [N,1,n_samples] which */
} preparer;

static infer_onnx_value cast(infer_onnx *onnx, infer_onnx_value x, infer_onnx_type type) {
    infer_onnx_value y = INFER_OP(onnx, "Cast", x);
    infer_onnx_set_int(onnx, "to", type);
    return y;
}

static infer_onnx_value number(infer_onnx *onnx, double value) {
    return infer_onnx_constant(onnx, (infer_onnx_shape){INFER_ONNX_DOUBLE, 0, {0}}, &value);
}

static infer_onnx_value whole(infer_onnx *onnx, int64_t value) {
    return infer_onnx_constant(onnx, (infer_onnx_shape){INFER_ONNX_INT64, 0, {0}}, &value);
}

/* [N] as [N,1,1]. */
static infer_onnx_value per_sound(infer_onnx *onnx, infer_onnx_value x) {
    return INFER_OP(onnx, "Reshape", x, infer_onnx_list(onnx, 3, (int64_t[]){-1, 1, 1}));
}

/* Extent of an axis, [1]. */
static infer_onnx_value extent(infer_onnx *onnx, infer_onnx_value x, int axis) {
    infer_onnx_value y = INFER_OP(onnx, "Shape", x);
    infer_onnx_set_int(onnx, "start", axis);
    infer_onnx_set_int(onnx, "end", axis + 1);
    return y;
}

/* The largest magnitude of each sound, [N,1,1]. */
static infer_onnx_value peak_of(infer_onnx *onnx, infer_onnx_value x) {
    infer_onnx_value y = INFER_OP(onnx, "ReduceMax", INFER_OP(onnx, "Abs", x));
    infer_onnx_set_ints(onnx, "axes", 2, (int64_t[]){1, 2});
    return y;
}

/* Any number of channels as the model's: their mean, or the first two. */
static infer_onnx_value mixed(infer_onnx *onnx, infer_onnx_value x, int64_t channels) {
    infer_onnx_value n = extent(onnx, x, 1);
    if (channels == 1) {
        infer_onnx_value sum = INFER_OP(onnx, "ReduceSum", cast(onnx, x, INFER_ONNX_DOUBLE),
                                        infer_onnx_list(onnx, 1, (int64_t[]){1}));
        return cast(onnx, INFER_OP(onnx, "Div", sum, cast(onnx, n, INFER_ONNX_DOUBLE)),
                    INFER_ONNX_FLOAT);
    }
    infer_onnx_value last = INFER_OP(onnx, "Sub", n, whole(onnx, 1));
    infer_onnx_value y =
        INFER_OP(onnx, "Gather", x,
                 INFER_OP(onnx, "Min", infer_onnx_list(onnx, 2, (int64_t[]){0, 1}), last));
    infer_onnx_set_int(onnx, "axis", 1);
    return y;
}

/* Zeros past the length, and one more sample, so that there is any. */
static infer_onnx_value ended(preparer *p, infer_onnx_value x, infer_onnx_value length) {
    infer_onnx *onnx = p->onnx;
    p->length =
        INFER_OP(onnx, "Max", INFER_OP(onnx, "Min", length, extent(onnx, x, 2)), whole(onnx, 0));
    x = INFER_OP(onnx, "Pad", x, infer_onnx_list(onnx, 6, (int64_t[]){0, 0, 0, 0, 0, 1}));
    infer_onnx_value n = INFER_OP(onnx, "Squeeze", extent(onnx, x, 2));
    infer_onnx_value places = INFER_OP(onnx, "Range", whole(onnx, 0), n, whole(onnx, 1));
    infer_onnx_value sounds = INFER_OP(onnx, "Less", places, per_sound(onnx, p->length));
    return INFER_OP(onnx, "Where", sounds, x, infer_onnx_float(onnx, 0));
}

/* The first or the last place louder than the threshold, [N]. */
static infer_onnx_value loud_place(infer_onnx *onnx, infer_onnx_value is_loud, bool last) {
    infer_onnx_value y = INFER_OP(onnx, "ArgMax", is_loud);
    infer_onnx_set_int(onnx, "axis", 1);
    infer_onnx_set_int(onnx, "keepdims", 0);
    infer_onnx_set_int(onnx, "select_last_index", last);
    return y;
}

/* Where a clip begins and how long it would be, uncut; both [N]. */
static void find_span(const preparer *p, infer_onnx_value x, infer_onnx_value peak,
                      infer_onnx_value span[2]) {
    infer_onnx *onnx = p->onnx;
    int64_t before = llround(DATA_BEFORE_ONSET_S * p->audio->sample_rate_hz);
    if (p->audio->trim_db >= 0) {
        span[0] = INFER_OP(onnx, "Mul", p->length, whole(onnx, 0));
        span[1] = p->length;
        return;
    }
    infer_onnx_value threshold = INFER_OP(onnx, "Mul", cast(onnx, peak, INFER_ONNX_DOUBLE),
                                          number(onnx, pow(10.0, p->audio->trim_db / 20)));
    infer_onnx_value is_loud = INFER_OP(
        onnx, "Greater", cast(onnx, INFER_OP(onnx, "Abs", x), INFER_ONNX_DOUBLE), threshold);
    is_loud = INFER_OP(onnx, "ReduceMax", cast(onnx, is_loud, INFER_ONNX_INT32));
    infer_onnx_set_ints(onnx, "axes", 1, (int64_t[]){1});
    infer_onnx_set_int(onnx, "keepdims", 0);
    infer_onnx_value first = loud_place(onnx, is_loud, false);
    span[0] =
        INFER_OP(onnx, "Max", INFER_OP(onnx, "Sub", first, whole(onnx, before)), whole(onnx, 0));
    span[1] =
        INFER_OP(onnx, "Sub",
                 INFER_OP(onnx, "Add", loud_place(onnx, is_loud, true), whole(onnx, 1)), span[0]);
}

/* The span, at most n_samples of it, with zeros behind. */
static infer_onnx_value cut_out(preparer *p, infer_onnx_value x, const infer_onnx_value span[2]) {
    infer_onnx *onnx = p->onnx;
    int64_t *place = infer_onnx_take(onnx, p->n_samples, sizeof *place);
    for (int64_t i = 0; place != NULL && i < p->n_samples; i++) place[i] = i;
    if (place == NULL) return "";
    infer_onnx_value places = infer_onnx_constant(
        onnx, (infer_onnx_shape){INFER_ONNX_INT64, 3, {1, 1, p->n_samples}}, place);
    p->n = per_sound(onnx, INFER_OP(onnx, "Min", span[1], whole(onnx, p->n_samples)));
    p->valid = INFER_OP(onnx, "Less", places, p->n);
    infer_onnx_value index = INFER_OP(onnx, "Add", per_sound(onnx, span[0]), places);
    infer_onnx_value last = INFER_OP(onnx, "Sub", extent(onnx, x, 2), whole(onnx, 1));
    index = INFER_OP(onnx, "Min", index, last);
    index = INFER_OP(onnx, "Expand", index,
                     infer_onnx_list(onnx, 3, (int64_t[]){1, p->audio->channels, 1}));
    infer_onnx_value y = INFER_OP(onnx, "GatherElements", x, index);
    infer_onnx_set_int(onnx, "axis", 2);
    return INFER_OP(onnx, "Where", p->valid, y, infer_onnx_float(onnx, 0));
}

/* The end of a clip that was cut, faded out as dsp_fade_out does. */
static infer_onnx_value faded(const preparer *p, infer_onnx_value x, infer_onnx_value n_uncut) {
    infer_onnx *onnx = p->onnx;
    int64_t n = p->n_samples, n_fade = llround(DATA_FADE_S * p->audio->sample_rate_hz);
    float *factor = infer_onnx_take(onnx, n, sizeof *factor);
    for (int64_t i = 0; factor != NULL && i < n; i++) {
        int64_t left = n - 1 - i;
        factor[i] = left < n_fade ? (float)left / (float)n_fade : 1;
    }
    if (factor == NULL) return "";
    infer_onnx_value fade =
        infer_onnx_constant(onnx, (infer_onnx_shape){INFER_ONNX_FLOAT, 3, {1, 1, n}}, factor);
    infer_onnx_value is_cut = INFER_OP(onnx, "Greater", n_uncut, whole(onnx, n));
    return INFER_OP(
        onnx, "Mul", x,
        INFER_OP(onnx, "Where", per_sound(onnx, is_cut), fade, infer_onnx_float(onnx, 1)));
}

/* x times wanted / level, in single precision, where the level is more than `least`; elsewhere
 * times `otherwise`. */
static infer_onnx_value scaled(const preparer *p, infer_onnx_value x, infer_onnx_value level,
                               infer_onnx_value least, const double factors[2]) {
    infer_onnx *onnx = p->onnx;
    infer_onnx_value factor = INFER_OP(onnx, "Div", number(onnx, factors[0]), level);
    infer_onnx_value usable = INFER_OP(onnx, "Greater", level, least);
    factor = INFER_OP(onnx, "Where", usable, cast(onnx, factor, INFER_ONNX_FLOAT),
                      infer_onnx_float(onnx, factors[1]));
    return INFER_OP(onnx, "Mul", x, factor);
}

/* The mean over a clip's samples of all channels, in double. */
static infer_onnx_value mean_of(const preparer *p, infer_onnx_value x) {
    infer_onnx *onnx = p->onnx;
    infer_onnx_value n = INFER_OP(onnx, "Max", p->n, whole(onnx, 1));
    n = INFER_OP(onnx, "Mul", n, whole(onnx, p->audio->channels));
    infer_onnx_value sum =
        INFER_OP(onnx, "ReduceSum", x, infer_onnx_list(onnx, 2, (int64_t[]){1, 2}));
    return INFER_OP(onnx, "Div", sum, cast(onnx, n, INFER_ONNX_DOUBLE));
}

static infer_onnx_value root_mean_square(const preparer *p, infer_onnx_value x) {
    infer_onnx_value wide = cast(p->onnx, x, INFER_ONNX_DOUBLE);
    return INFER_OP(p->onnx, "Sqrt", mean_of(p, INFER_OP(p->onnx, "Mul", wide, wide)));
}

/* Zero mean and unit deviation; a constant becomes zero. */
static infer_onnx_value standardised(const preparer *p, infer_onnx_value x) {
    infer_onnx *onnx = p->onnx;
    infer_onnx_value mean =
        cast(onnx, mean_of(p, cast(onnx, x, INFER_ONNX_DOUBLE)), INFER_ONNX_FLOAT);
    x = INFER_OP(onnx, "Where", p->valid, INFER_OP(onnx, "Sub", x, mean),
                 infer_onnx_float(onnx, 0));
    infer_onnx_value rounding =
        INFER_OP(onnx, "Mul", INFER_OP(onnx, "Abs", mean), infer_onnx_float(onnx, FLT_EPSILON));
    return scaled(p, x, root_mean_square(p, x), cast(onnx, rounding, INFER_ONNX_DOUBLE),
                  (const double[]){1, 0});
}

static infer_onnx_value levelled(const preparer *p, infer_onnx_value x) {
    infer_onnx *onnx = p->onnx;
    const double full[] = {1, 1}, rms[] = {pow(10.0, DATA_RMS_LEVEL_DB / 20), 1};
    switch (p->audio->normalize) {
    case DATA_NORMALIZE_PEAK:
        return scaled(p, x, cast(onnx, peak_of(onnx, x), INFER_ONNX_DOUBLE), number(onnx, 0), full);
    case DATA_NORMALIZE_RMS:
        return scaled(p, x, root_mean_square(p, x), number(onnx, 0), rms);
    case DATA_NORMALIZE_STANDARD:
        return standardised(p, x);
    default:
        return x;
    }
}

infer_onnx_signal infer_onnx_clip(infer_onnx *onnx, const data_audio_options *audio,
                                  infer_onnx_signal sound, infer_onnx_value *silent) {
    preparer p = {.onnx = onnx, .audio = audio, .n_samples = data_audio_samples(audio)};
    infer_onnx_value span[2];
    onnx->scope = "clip/";
    infer_onnx_value x = ended(&p, mixed(onnx, sound.x, audio->channels), sound.length);
    infer_onnx_value peak = peak_of(onnx, x);
    infer_onnx_value low = INFER_OP(onnx, "Less", cast(onnx, peak, INFER_ONNX_DOUBLE),
                                    number(onnx, pow(10.0, audio->min_peak_db / 20)));
    infer_onnx_value none = INFER_OP(onnx, "Equal", peak, infer_onnx_float(onnx, 0));
    *silent = INFER_OP(onnx, "Or", low, none);
    *silent = INFER_OP(onnx, "Reshape", *silent, infer_onnx_list(onnx, 2, (int64_t[]){-1, 1}));
    find_span(&p, x, peak, span);
    x = levelled(&p, faded(&p, cut_out(&p, x, span), span[1]));
    infer_onnx_value n = INFER_OP(onnx, "Reshape", p.n, infer_onnx_list(onnx, 1, (int64_t[]){-1}));
    infer_onnx_signal clip = {.x = x, .length = cast(onnx, n, INFER_ONNX_INT32)};
    onnx->scope = "";
    return clip;
}
