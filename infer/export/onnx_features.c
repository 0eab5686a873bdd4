/* The front end in ONNX. The DFT of windowed frames is a matrix product in double precision: in
 * single precision the rounding errors of loud bins would exceed quiet ones.
 *
 * A real frame y[N] is folded, which halves the work: with u_n = y_n + y_{N-n} and v_n = y_n -
 * y_{N-n}, n = 0..N/2, its bins are sum u_n cos(2 pi k n / N) and -sum v_n sin(2 pi k n / N). The
 * matrices are gathered from a table of one period, so that the file stays small. */
#include <math.h>
#include <string.h>

#include "dsp/features_plan.h"
#include "infer/export/onnx_graph.h"

#define DECIBEL_LN 4.34294481903251827651 /* 10 / ln 10 */

typedef struct {
    infer_onnx *onnx;
    const dsp_features *f;
} front;

static infer_onnx_value int64_matrix(infer_onnx *onnx, int64_t rows, int64_t columns,
                                     const int64_t *items) {
    return infer_onnx_constant(onnx, (infer_onnx_shape){INFER_ONNX_INT64, 2, {rows, columns}},
                               items);
}

static infer_onnx_value doubles(infer_onnx *onnx, int64_t n, const double *items) {
    return infer_onnx_constant(onnx, (infer_onnx_shape){INFER_ONNX_DOUBLE, 1, {n}}, items);
}

static infer_onnx_value cast(infer_onnx *onnx, infer_onnx_value x, infer_onnx_type type) {
    infer_onnx_value y = INFER_OP(onnx, "Cast", x);
    infer_onnx_set_int(onnx, "to", type);
    return y;
}

/* The first n items of an axis. */
static infer_onnx_value sliced(infer_onnx *onnx, infer_onnx_value x, int axis, int64_t n) {
    return INFER_OP(onnx, "Slice", x, infer_onnx_list(onnx, 1, (int64_t[]){0}),
                    infer_onnx_list(onnx, 1, &n), infer_onnx_list(onnx, 1, (int64_t[]){axis}));
}

/* The last of `rank` axes, extended by pad[0] items before and pad[1] after. */
static infer_onnx_value padded(infer_onnx *onnx, infer_onnx_value x, int rank, const char *mode,
                               const int64_t pad[2]) {
    int64_t pads[8] = {0};
    pads[rank - 1] = pad[0];
    pads[2 * rank - 1] = pad[1];
    infer_onnx_value y = INFER_OP(onnx, "Pad", x, infer_onnx_list(onnx, 2 * rank, pads));
    infer_onnx_set_string(onnx, "mode", mode);
    return y;
}

/* ---- spectra ---- */

/* A reflection is at most as long as the signal less one sample; a longer one takes several. */
static infer_onnx_value extended(const front *e, infer_onnx_value x) {
    const dsp_features_options *o = &e->f->options;
    int64_t n = e->f->n_samples, missing = o->n_fft / 2, before, after;
    dsp_stft_extension(e->f->stft, n, &before, &after);
    if (!o->centered) return x;
    if (o->pad != DSP_PAD_REFLECT) {
        return padded(e->onnx, x, 3, "constant", (const int64_t[]){before, after});
    }
    if (n == 1) return padded(e->onnx, x, 3, "edge", (const int64_t[]){missing, missing});
    while (missing > 0) {
        int64_t step = missing < n - 1 ? missing : n - 1;
        x = padded(e->onnx, x, 3, "reflect", (const int64_t[]){step, step});
        n += 2 * step;
        missing -= step;
    }
    return x;
}

/* Samples t hop + n of every frame (`mirrored`: t hop + (N - n) mod N), times the window: [N,
 * channels, T, N/2 + 1]. */
static infer_onnx_value half_frames(const front *e, infer_onnx_value x, bool mirrored) {
    infer_onnx *onnx = e->onnx;
    int64_t n_fft = e->f->options.n_fft, n_half = n_fft / 2 + 1, n_frames = e->f->n_filled;
    const double *window = dsp_stft_window(e->f->stft);
    int64_t *place = infer_onnx_take(onnx, n_half, sizeof *place);
    int64_t *start = infer_onnx_take(onnx, n_frames, sizeof *start);
    double *factor = infer_onnx_take(onnx, n_half, sizeof *factor);
    if (onnx->failed) return "";
    for (int64_t n = 0; n < n_half; n++) {
        place[n] = mirrored ? (n_fft - n) % n_fft : n;
        factor[n] = window[place[n]] * (n == (n_fft - n) % n_fft ? 0.5 : 1.0);
    }
    for (int64_t t = 0; t < n_frames; t++) start[t] = t * e->f->options.hop;
    infer_onnx_value index = INFER_OP(onnx, "Add", int64_matrix(onnx, n_frames, 1, start),
                                      int64_matrix(onnx, 1, n_half, place));
    infer_onnx_value frames = INFER_OP(onnx, "Gather", x, index);
    infer_onnx_set_int(onnx, "axis", 2);
    return INFER_OP(onnx, "Mul", cast(onnx, frames, INFER_ONNX_DOUBLE),
                    doubles(onnx, n_half, factor));
}

/* [N/2 + 1, bins] of cos or sin (2 pi k n / N). */
static infer_onnx_value wave_matrix(const front *e, double (*wave)(double)) {
    infer_onnx *onnx = e->onnx;
    int64_t n_fft = e->f->options.n_fft, n_half = n_fft / 2 + 1;
    double *period = infer_onnx_take(onnx, n_fft, sizeof *period);
    int64_t *number = infer_onnx_take(onnx, n_half, sizeof *number);
    if (onnx->failed) return "";
    for (int64_t i = 0; i < n_fft; i++) period[i] = wave(2 * M_PI * (double)i / (double)n_fft);
    for (int64_t i = 0; i < n_half; i++) number[i] = i;
    infer_onnx_value product = INFER_OP(onnx, "Mul", int64_matrix(onnx, n_half, 1, number),
                                        int64_matrix(onnx, 1, n_half, number));
    infer_onnx_value index = INFER_OP(onnx, "Mod", product, infer_onnx_list(onnx, 1, &n_fft));
    return INFER_OP(onnx, "Gather", doubles(onnx, n_fft, period), index);
}

/* |X|^2, [N, channels, T, bins]. */
static infer_onnx_value power_spectrum(const front *e, infer_onnx_value waveform) {
    infer_onnx *onnx = e->onnx;
    infer_onnx_value x = extended(e, waveform);
    infer_onnx_value left = half_frames(e, x, false), right = half_frames(e, x, true);
    infer_onnx_value even = INFER_OP(onnx, "Add", left, right);
    infer_onnx_value odd = INFER_OP(onnx, "Sub", left, right);
    infer_onnx_value real = INFER_OP(onnx, "MatMul", even, wave_matrix(e, cos));
    infer_onnx_value imaginary = INFER_OP(onnx, "MatMul", odd, wave_matrix(e, sin));
    infer_onnx_value power = INFER_OP(onnx, "Add", INFER_OP(onnx, "Mul", real, real),
                                      INFER_OP(onnx, "Mul", imaginary, imaginary));
    return cast(onnx, power, INFER_ONNX_FLOAT);
}

static infer_onnx_value scaled_spectrum(const front *e, infer_onnx_value power) {
    const dsp_features_options *o = &e->f->options;
    infer_onnx *onnx = e->onnx;
    if (o->scale) {
        infer_onnx_value scale = infer_onnx_float(onnx, 1.0 / (double)o->n_fft);
        power = INFER_OP(onnx, "Mul", power, scale);
    }
    if (o->power == 1.0) power = INFER_OP(onnx, "Sqrt", power);
    return o->drop_last ? sliced(onnx, power, 3, e->f->n_rows) : power;
}

/* x[..., n_in] times the transpose of rows [n_out, n_in]. */
static infer_onnx_value multiplied(infer_onnx *onnx, infer_onnx_value x, int64_t n_out,
                                   int64_t n_in, const float *rows) {
    infer_onnx_shape shape = {INFER_ONNX_FLOAT, 2, {n_out, n_in}};
    infer_onnx_value transposed =
        INFER_OP(onnx, "Transpose", infer_onnx_constant(onnx, shape, rows));
    return INFER_OP(onnx, "MatMul", x, transposed);
}

static infer_onnx_value mel_spectrum(const front *e, infer_onnx_value power) {
    int64_t n_mels = e->f->options.n_mels, n_bins = e->f->n_bins;
    float *rows = infer_onnx_take(e->onnx, n_mels * n_bins, sizeof *rows);
    if (rows == NULL) return "";
    for (int64_t m = 0; m < n_mels; m++) dsp_mel_row(e->f->mel, m, rows + m * n_bins);
    return multiplied(e->onnx, power, n_mels, n_bins, rows);
}

/* Reduces all axes of a clip. */
static infer_onnx_value clip_reduced(infer_onnx *onnx, const char *op, infer_onnx_value x) {
    infer_onnx_value y = INFER_OP(onnx, op, x);
    infer_onnx_set_ints(onnx, "axes", 3, (int64_t[]){1, 2, 3});
    return y;
}

static infer_onnx_value decibels(const front *e, infer_onnx_value power) {
    const dsp_features_options *o = &e->f->options;
    infer_onnx *onnx = e->onnx;
    infer_onnx_value bounded = INFER_OP(onnx, "Max", power, infer_onnx_float(onnx, o->amin));
    infer_onnx_value y =
        INFER_OP(onnx, "Mul", INFER_OP(onnx, "Log", bounded), infer_onnx_float(onnx, DECIBEL_LN));
    if (o->reference == 0 && !(o->top_db > 0)) return y;
    infer_onnx_value peak_db = clip_reduced(onnx, "ReduceMax", y);
    if (o->top_db > 0) {
        infer_onnx_value range = infer_onnx_float(onnx, o->top_db);
        y = INFER_OP(onnx, "Max", y, INFER_OP(onnx, "Sub", peak_db, range));
    }
    return o->reference == 0 ? y : INFER_OP(onnx, "Sub", y, peak_db);
}

/* ---- cepstra ---- */

enum { DELTA_TAPS = 9 };

/* Derivative `order` along time of x [N, channels, n_mfcc, T]: each row convolved with dsp_delta's
 * impulse response. */
static infer_onnx_value derivative(const front *e, infer_onnx_value x, int order) {
    infer_onnx *onnx = e->onnx;
    float impulse[2 * DELTA_TAPS - 1] = {[DELTA_TAPS - 1] = 1.0f};
    float response[2 * DELTA_TAPS - 1], taps[DELTA_TAPS];
    dsp_delta(order, impulse, response, 2 * DELTA_TAPS - 1);
    for (int i = 0; i < DELTA_TAPS; i++) {
        taps[i] = response[DELTA_TAPS - 1 + DELTA_TAPS / 2 - i];
    }
    int64_t rows[] = {-1, 1, e->f->n_filled};
    int64_t back[] = {-1, e->f->n_channels, e->f->n_rows, e->f->n_filled};
    infer_onnx_value one = INFER_OP(onnx, "Reshape", x, infer_onnx_list(onnx, 3, rows));
    one = padded(onnx, one, 3, "edge", (const int64_t[]){DELTA_TAPS / 2, DELTA_TAPS / 2});
    infer_onnx_shape shape = {INFER_ONNX_FLOAT, 3, {1, 1, DELTA_TAPS}};
    infer_onnx_value y = INFER_OP(onnx, "Conv", one, infer_onnx_constant(onnx, shape, taps));
    return INFER_OP(onnx, "Reshape", y, infer_onnx_list(onnx, 4, back));
}

/* [N, channels, T, n_rows] to [N, channels, n_rows, T]. */
static infer_onnx_value frames_last(infer_onnx *onnx, infer_onnx_value x) {
    return infer_onnx_transpose(onnx, x, 4, (int64_t[]){0, 1, 3, 2});
}

/* [N, channels * (1 + deltas), n_mfcc, T] from log-mel [N, channels, T, n_mels]. */
static infer_onnx_value cepstra(const front *e, infer_onnx_value log_mel) {
    enum { MAX_PLANES = 3 };
    infer_onnx *onnx = e->onnx;
    const dsp_features *f = e->f;
    infer_onnx_value planes[MAX_PLANES];
    planes[0] =
        frames_last(onnx, multiplied(onnx, log_mel, f->dct.n_out, f->dct.n_in, f->dct.matrix));
    int n = 1 + (int)f->options.deltas;
    BASE_CHECK(n <= MAX_PLANES);
    if (n == 1) return planes[0];
    for (int order = 1; order < n; order++) planes[order] = derivative(e, planes[0], order);
    infer_onnx_value apart =
        infer_onnx_list(onnx, 5, (int64_t[]){-1, f->n_channels, 1, f->n_rows, f->n_filled});
    for (int i = 0; i < n; i++) planes[i] = INFER_OP(onnx, "Reshape", planes[i], apart);
    infer_onnx_value all = infer_onnx_op(onnx, "Concat", n, planes);
    infer_onnx_set_int(onnx, "axis", 2);
    int64_t dims[] = {-1, f->n_planes, f->n_rows, f->n_filled};
    return INFER_OP(onnx, "Reshape", all, infer_onnx_list(onnx, 4, dims));
}

/* ---- pictures ---- */

/* The samples of each column: [N, channels, columns hop + 1], the last one repeated past the end.
 */
static infer_onnx_value column_samples(const front *e, infer_onnx_value waveform) {
    int64_t n = e->f->n_samples, wanted = e->f->n_filled * e->f->options.hop + 1;
    if (wanted <= n) return sliced(e->onnx, waveform, 2, wanted);
    return padded(e->onnx, waveform, 3, "edge", (const int64_t[]){0, wanted - n});
}

/* The largest sample of each column, [N, channels, 1, columns]. */
static infer_onnx_value column_peaks(const front *e, infer_onnx_value samples) {
    infer_onnx *onnx = e->onnx;
    int64_t hop = e->f->options.hop, window = hop + 1;
    int64_t dims[] = {-1, e->f->n_channels, 1, e->f->n_filled};
    infer_onnx_value y = INFER_OP(onnx, "MaxPool", samples);
    infer_onnx_set_ints(onnx, "kernel_shape", 1, &window);
    infer_onnx_set_ints(onnx, "strides", 1, &hop);
    return INFER_OP(onnx, "Reshape", y, infer_onnx_list(onnx, 4, dims));
}

/* The part of each row that lies below `peak` plus half a row; negative above it. `flipped`: rows
 * and amplitudes are counted from the top. */
static infer_onnx_value covered(const front *e, infer_onnx_value peak, bool flipped) {
    infer_onnx *onnx = e->onnx;
    int64_t n_rows = e->f->n_rows;
    float *start = infer_onnx_take(onnx, n_rows, sizeof *start);
    if (start == NULL) return "";
    for (int64_t i = 0; i < n_rows; i++) {
        start[flipped ? n_rows - 1 - i : i] = (float)i - 0.5f - 0.5f * (float)n_rows;
    }
    infer_onnx_value clipped =
        INFER_OP(onnx, "Clip", peak, infer_onnx_float(onnx, -1), infer_onnx_float(onnx, 1));
    infer_onnx_value height =
        INFER_OP(onnx, "Mul", clipped, infer_onnx_float(onnx, 0.5 * (double)n_rows));
    infer_onnx_shape shape = {INFER_ONNX_FLOAT, 4, {1, 1, n_rows, 1}};
    infer_onnx_value y = INFER_OP(onnx, "Sub", height, infer_onnx_constant(onnx, shape, start));
    return INFER_OP(onnx, "Min", y, infer_onnx_float(onnx, 1));
}

/* dsp_raster_draw: the overlap of what is covered from below and from above is their sum less 1. */
static infer_onnx_value rasters(const front *e, infer_onnx_value waveform) {
    infer_onnx *onnx = e->onnx;
    infer_onnx_value x = column_samples(e, waveform);
    infer_onnx_value up = covered(e, column_peaks(e, x), false);
    infer_onnx_value down = covered(e, column_peaks(e, INFER_OP(onnx, "Neg", x)), true);
    infer_onnx_value y =
        INFER_OP(onnx, "Sub", INFER_OP(onnx, "Add", up, down), infer_onnx_float(onnx, 1));
    return INFER_OP(onnx, "Max", y, infer_onnx_float(onnx, 0));
}

/* ---- all ---- */

static infer_onnx_value waveform_image(const front *e, infer_onnx_value waveform) {
    infer_onnx_value x = sliced(e->onnx, waveform, 2, e->f->n_filled);
    int64_t dims[] = {0, e->f->n_planes, 1, e->f->n_filled};
    return INFER_OP(e->onnx, "Reshape", x, infer_onnx_list(e->onnx, 4, dims));
}

/* [N, C, F, filled frames]; of raster_log_mel, the log-mel part. */
static infer_onnx_value raw_features(const front *e, infer_onnx_value waveform) {
    int kind = e->f->options.kind;
    if (kind == DSP_WAVEFORM) return waveform_image(e, waveform);
    if (kind == DSP_RASTER) return rasters(e, waveform);
    infer_onnx_value x = power_spectrum(e, waveform);
    x = kind == DSP_STFT ? scaled_spectrum(e, x) : mel_spectrum(e, x);
    if (kind != DSP_STFT && e->f->options.root) x = INFER_OP(e->onnx, "Sqrt", x);
    if (dsp_features_is_decibels(&e->f->options)) x = decibels(e, x);
    return kind == DSP_MFCC ? cepstra(e, x) : frames_last(e->onnx, x);
}

/* Standard deviations that are mere rounding error: decibels are rounded as far from zero as amin
 * is, whatever they are relative to. */
#define LEAST_DEVIATION          1e-12
#define LEAST_DECIBELS_DEVIATION 1e-4

/* A clip at zero mean and, unless its standard deviation is mere rounding error, at unit standard
 * deviation. */
static infer_onnx_value normalized_clip(const front *e, infer_onnx_value x, double least) {
    infer_onnx *onnx = e->onnx;
    infer_onnx_value mean = clip_reduced(onnx, "ReduceMean", x);
    infer_onnx_value centred = INFER_OP(onnx, "Sub", x, mean);
    infer_onnx_value square = INFER_OP(onnx, "Mul", centred, centred);
    infer_onnx_value deviation = INFER_OP(onnx, "Sqrt", clip_reduced(onnx, "ReduceMean", square));
    infer_onnx_value rounding =
        INFER_OP(onnx, "Mul", INFER_OP(onnx, "Abs", mean), infer_onnx_float(onnx, 1e-6));
    rounding = INFER_OP(onnx, "Max", rounding, infer_onnx_float(onnx, least));
    infer_onnx_value usable = INFER_OP(onnx, "Greater", deviation, rounding);
    return INFER_OP(onnx, "Div", centred,
                    INFER_OP(onnx, "Where", usable, deviation, infer_onnx_float(onnx, 1)));
}

static infer_onnx_value all_features(const front *e, infer_onnx_value waveform) {
    bool per_clip = e->f->options.normalize == DSP_NORM_CLIP;
    infer_onnx_value last = raw_features(e, waveform);
    double least =
        dsp_features_is_decibels(&e->f->options) ? LEAST_DECIBELS_DEVIATION : LEAST_DEVIATION;
    if (per_clip) last = normalized_clip(e, last, least);
    if (e->f->options.kind != DSP_RASTER_LOG_MEL) return last;
    infer_onnx_value first = rasters(e, waveform);
    if (per_clip) first = normalized_clip(e, first, LEAST_DEVIATION);
    infer_onnx_value y = INFER_OP(e->onnx, "Concat", first, last);
    infer_onnx_set_int(e->onnx, "axis", 1);
    return y;
}

/* dsp_features_valid_frames. */
static infer_onnx_value valid_frames(const front *e, infer_onnx_value n_valid) {
    infer_onnx *onnx = e->onnx;
    infer_onnx_value n = INFER_OP(onnx, "Max", n_valid, infer_onnx_int32(onnx, 1));
    if (e->f->options.kind != DSP_WAVEFORM) {
        infer_onnx_value one = infer_onnx_int32(onnx, 1);
        infer_onnx_value hop = infer_onnx_int32(onnx, e->f->options.hop);
        n = INFER_OP(onnx, "Add", INFER_OP(onnx, "Div", INFER_OP(onnx, "Sub", n, one), hop), one);
    }
    return INFER_OP(onnx, "Min", n, infer_onnx_int32(onnx, e->f->n_filled));
}

infer_onnx_signal infer_onnx_features(infer_onnx *onnx, const dsp_features *features,
                                      infer_onnx_signal waveform) {
    front e = {onnx, features};
    onnx->scope = "features/";
    infer_onnx_signal y = {.x = all_features(&e, waveform.x)};
    if (waveform.length != NULL) y.length = valid_frames(&e, waveform.length);
    onnx->scope = "";
    return y;
}

/* A member's offsets or scales, broadcast to [N, C, F, T]; expanded to one per row where parts of
 * the planes have their own. */
static infer_onnx_value norm_table(infer_onnx *onnx, const dsp_features *f, const float *table) {
    infer_onnx_shape shape = {INFER_ONNX_FLOAT, 4, {1, 1, f->n_norm, 1}};
    if (f->n_parts == 1) return infer_onnx_constant(onnx, shape, table);
    float *rows = infer_onnx_take(onnx, f->n_planes * f->n_rows, sizeof *rows);
    if (rows == NULL) return "";
    for (int64_t i = 0; i < f->n_planes * f->n_rows; i++) {
        rows[i] = table[dsp_features_norm_index(f, i)];
    }
    shape.dim[1] = f->n_planes;
    shape.dim[2] = f->n_rows;
    return infer_onnx_constant(onnx, shape, rows);
}

infer_onnx_value infer_onnx_filled(infer_onnx *onnx, const dsp_features *features,
                                   infer_onnx_value x) {
    bool all = features->n_filled == features->n_frames;
    return all ? x : sliced(onnx, x, 3, features->n_filled);
}

infer_onnx_value infer_onnx_normalized(infer_onnx *onnx, const dsp_features *features,
                                       infer_onnx_value x) {
    int64_t n_rest = features->n_frames - features->n_filled;
    if (features->fitted) {
        infer_onnx_value offset = norm_table(onnx, features, features->offset);
        infer_onnx_value scale = norm_table(onnx, features, features->scale);
        x = INFER_OP(onnx, "Div", INFER_OP(onnx, "Sub", x, offset), scale);
    }
    return n_rest > 0 ? padded(onnx, x, 4, "constant", (const int64_t[]){0, n_rest}) : x;
}
