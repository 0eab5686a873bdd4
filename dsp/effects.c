#include "dsp/effects.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "dsp/kernels.h"

static int64_t n_values(dsp_clip clip) {
    return clip.n_channels * clip.n;
}

static double decibels_to_factor(double db) {
    return pow(10.0, db / 20.0);
}

static void scale(dsp_clip clip, float factor) {
    for (int64_t i = 0; i < n_values(clip); i++) clip.x[i] *= factor;
}

static float larger(float peak, float x) {
    return fabsf(x) > peak ? fabsf(x) : peak; /* fmaxf would be a call for every sample */
}

float dsp_peak(const float *x, int64_t n) {
    float lane[8] = {0};
    int64_t i = 0;
    for (; i + 8 <= n; i += 8) {
        for (int j = 0; j < 8; j++) lane[j] = larger(lane[j], x[i + j]);
    }
    for (; i < n; i++) lane[0] = larger(lane[0], x[i]);
    for (int j = 1; j < 8; j++) lane[0] = larger(lane[0], lane[j]);
    return lane[0];
}

static float peak_of(dsp_clip clip) {
    return dsp_peak(clip.x, n_values(clip));
}

void dsp_polarity(dsp_clip clip) {
    scale(clip, -1.0f);
}

void dsp_gain(dsp_clip clip, double gain_db) {
    scale(clip, (float)decibels_to_factor(gain_db));
}

void dsp_channel_swap(dsp_clip clip) {
    for (int64_t c = 0; c < clip.n_channels / 2; c++) {
        float *a = clip.x + c * clip.n, *b = clip.x + (clip.n_channels - 1 - c) * clip.n;
        for (int64_t i = 0; i < clip.n; i++) {
            float sample = a[i];
            a[i] = b[i];
            b[i] = sample;
        }
    }
}

void dsp_stereo_image(dsp_clip clip, double depth) {
    if (clip.n_channels != 2) return;
    float width = (float)(1.0 + depth), *left = clip.x, *right = clip.x + clip.n;
    for (int64_t i = 0; i < clip.n; i++) {
        float mid = 0.5f * (left[i] + right[i]), side = 0.5f * (left[i] - right[i]) * width;
        left[i] = mid + side;
        right[i] = mid - side;
    }
}

void dsp_time_shift(dsp_clip clip, int64_t shift) {
    int64_t n = clip.n;
    if (shift > n) shift = n;
    if (shift < -n) shift = -n;
    int64_t distance = shift < 0 ? -shift : shift;
    for (int64_t c = 0; c < clip.n_channels; c++) {
        float *x = clip.x + c * n, *from = shift < 0 ? x + distance : x;
        float *to = shift < 0 ? x : x + distance, *gap = shift < 0 ? x + n - distance : x;
        memmove(to, from, (size_t)(n - distance) * sizeof *x);
        memset(gap, 0, (size_t)distance * sizeof *x);
    }
}

/* NaN stays. */
static float clipped(float x) {
    float low = x < -1.0f ? -1.0f : x;
    return low > 1.0f ? 1.0f : low;
}

static void hard_clip(float *x, float drive, float restore, int64_t n) {
    for (int64_t i = 0; i < n; i++) x[i] = restore * clipped(drive * x[i]);
}

void dsp_distortion(dsp_clip clip, dsp_distortion_kind kind, double gain_db) {
    void (*shape)(float *, float, float, int64_t) =
        kind == DSP_DISTORTION_SOFT ? dsp_kernels()->soft_clip : hard_clip;
    float peak = peak_of(clip), drive = (float)decibels_to_factor(gain_db), shaped_peak = peak;
    shape(&shaped_peak, drive, 1.0f, 1);
    if (!(shaped_peak > 0.0f)) return;
    shape(clip.x, drive, peak / shaped_peak, n_values(clip));
}

void dsp_crush(dsp_clip clip, double bits, double rate_hz) {
    float peak = peak_of(clip);
    if (!(peak > 0.0f)) return;
    double step = (double)peak / exp2(bits - 1.0), held_for = clip.sample_rate_hz / rate_hz;
    for (int64_t c = 0; c < clip.n_channels; c++) {
        float *x = clip.x + c * clip.n, held = 0.0f;
        double due = 0.0;
        for (int64_t i = 0; i < clip.n; i++) {
            if ((double)i >= due) {
                held = (float)(rint((double)x[i] / step) * step);
                due += held_for;
            }
            x[i] = held;
        }
    }
}

/* Sum and sum of squares over all channels. */
static void sums_of(dsp_clip clip, double *sum, double *squares) {
    *sum = *squares = 0.0;
    for (int64_t i = 0; i < n_values(clip); i++) {
        double x = (double)clip.x[i];
        *sum += x;
        *squares += x * x;
    }
}

static void scale_to(dsp_clip clip, double level, double target_db) {
    if (level > 0.0) scale(clip, (float)(decibels_to_factor(target_db) / level));
}

void dsp_normalize_peak(dsp_clip clip, double level_db) {
    scale_to(clip, (double)peak_of(clip), level_db);
}

void dsp_normalize_rms(dsp_clip clip, double level_db) {
    double sum, squares;
    sums_of(clip, &sum, &squares);
    if (n_values(clip) > 0) scale_to(clip, sqrt(squares / (double)n_values(clip)), level_db);
}

void dsp_normalize_standard(dsp_clip clip) {
    int64_t n = n_values(clip);
    if (n < 1) return;
    double sum, squares, ignored;
    sums_of(clip, &sum, &squares);
    float mean = (float)(sum / (double)n);
    for (int64_t i = 0; i < n; i++) clip.x[i] -= mean;
    sums_of(clip, &ignored, &squares);
    double deviation = sqrt(squares / (double)n);
    bool constant = !(deviation > (double)(FLT_EPSILON * fabsf(mean)));
    scale(clip, constant ? 0.0f : (float)(1.0 / deviation));
}

/* Mean square of the frame centred on sample `centre`, zeros around the clip. */
static double frame_power(const float *x, int64_t n, int64_t centre, int64_t frame) {
    int64_t begin = centre - frame / 2, end = begin + frame;
    if (begin < 0) begin = 0;
    if (end > n) end = n;
    double sum = 0.0;
    for (int64_t i = begin; i < end; i++) sum += (double)x[i] * (double)x[i];
    return sum / (double)frame;
}

static double loudest_channel(dsp_clip clip, int64_t centre, int64_t frame) {
    double power = 0.0;
    for (int64_t c = 0; c < clip.n_channels; c++) {
        power = fmax(power, frame_power(clip.x + c * clip.n, clip.n, centre, frame));
    }
    return power;
}

bool dsp_trim(dsp_clip clip, double top_db, int64_t frame, int64_t hop, int64_t *begin,
              int64_t *end) {
    BASE_CHECK(frame > 0 && hop > 0);
    const double amin = 1e-10;               /* librosa.amplitude_to_db's, squared */
    const int64_t last = clip.n - frame % 2; /* centre of the last whole frame */
    *begin = *end = 0;
    double loudest = 0.0;
    for (int64_t at = 0; at <= last; at += hop) {
        loudest = fmax(loudest, loudest_channel(clip, at, frame));
    }
    if (!(loudest > 0.0)) return false;
    double threshold = fmax(loudest, amin) * pow(10.0, -top_db / 10.0);
    bool found = false;
    for (int64_t at = 0; at <= last; at += hop) {
        if (!(fmax(loudest_channel(clip, at, frame), amin) > threshold)) continue;
        if (!found) *begin = at;
        found = true;
        *end = at + hop < clip.n ? at + hop : clip.n;
    }
    return true;
}

void dsp_fade_out(dsp_clip clip, int64_t n_fade) {
    if (n_fade > clip.n) n_fade = clip.n;
    for (int64_t c = 0; c < clip.n_channels; c++) {
        float *tail = clip.x + (c + 1) * clip.n - n_fade;
        for (int64_t i = 0; i < n_fade; i++) tail[i] *= (float)(n_fade - 1 - i) / (float)n_fade;
    }
}

void dsp_decay(dsp_clip clip, double seconds) {
    double n_60_db = seconds * clip.sample_rate_hz, step = pow(10.0, -3.0 / n_60_db);
    int64_t n_sounding = 2.0 * n_60_db < (double)clip.n ? (int64_t)(2.0 * n_60_db) : clip.n;
    for (int64_t c = 0; c < clip.n_channels; c++) {
        float *x = clip.x + c * clip.n;
        double level = 1.0;
        for (int64_t i = 0; i < n_sounding; i++, level *= step) x[i] *= (float)level;
        memset(x + n_sounding, 0, (size_t)(clip.n - n_sounding) * sizeof *x);
    }
}

/* A random span of up to max_width within [0, n). */
static void draw_span(int64_t n, int64_t max_width, base_rng *rng, int64_t *begin, int64_t *end) {
    int64_t widest = max_width < n ? max_width : n;
    int64_t width = base_rng_below(rng, (widest > 0 ? widest : 0) + 1);
    *begin = base_rng_below(rng, n - width + 1);
    *end = *begin + width;
}

void dsp_mask_frequency(float *features, const int64_t shape[3], dsp_masks masks, base_rng *rng) {
    for (int64_t m = 0; m < masks.n; m++) {
        int64_t begin, end;
        draw_span(shape[1], masks.max_width, rng, &begin, &end);
        for (int64_t c = 0; c < shape[0]; c++) {
            float *rows = features + c * shape[1] * shape[2];
            for (int64_t i = begin * shape[2]; i < end * shape[2]; i++) rows[i] = masks.value;
        }
    }
}

void dsp_mask_time(float *features, const int64_t shape[3], dsp_masks masks, base_rng *rng) {
    for (int64_t m = 0; m < masks.n; m++) {
        int64_t begin, end;
        draw_span(shape[2], masks.max_width, rng, &begin, &end);
        for (int64_t row = 0; row < shape[0] * shape[1]; row++) {
            for (int64_t t = begin; t < end; t++) features[row * shape[2] + t] = masks.value;
        }
    }
}
