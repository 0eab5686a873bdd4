#include "dsp/pitch.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "dsp/fft.h"
#include "dsp/scratch.h"

#define HOP_S    0.01
#define TROUGH   0.4
#define QUIET    1e-3 /* of the loudest frame's energy: 30 dB below */
#define VOICED   0.5
#define MIN_DROP 4 /* voiced frames */

struct dsp_pitch {
    double sample_rate_hz;
    int64_t hop, n_frame;         /* samples */
    int64_t min_period, n_period; /* the shortest; how many lags are looked at */
    dsp_fft *fft;                 /* of a frame with room for the longest lag */
};

/* The next number that only has the factors 2, 3 and 5. */
static int64_t fast_length(int64_t n) {
    for (;; n++) {
        int64_t rest = n;
        for (int64_t factor = 2; factor <= 5; factor++) {
            while (rest % factor == 0) rest /= factor;
        }
        if (rest == 1) return n;
    }
}

base_status dsp_pitch_new(double sample_rate_hz, dsp_pitch **pitch, base_error *err) {
    BASE_CHECK(sample_rate_hz > 2.0 * DSP_PITCH_HIGHEST_HZ);
    *pitch = NULL;
    dsp_pitch *made = base_alloc(1, sizeof *made);
    if (made == NULL) return base_fail(err, BASE_EMEMORY, "no memory for finding pitch");
    int64_t max_period = (int64_t)ceil(sample_rate_hz / DSP_PITCH_LOWEST_HZ);
    made->sample_rate_hz = sample_rate_hz;
    made->hop = (int64_t)(HOP_S * sample_rate_hz + 0.5);
    made->n_frame = 2 * max_period;
    made->min_period = (int64_t)floor(sample_rate_hz / DSP_PITCH_HIGHEST_HZ);
    made->n_period = max_period - made->min_period + 1;
    base_status status = dsp_fft_new(fast_length(made->n_frame + max_period), &made->fft, err);
    if (status != BASE_OK) {
        dsp_pitch_free(made);
        return status;
    }
    *pitch = made;
    return BASE_OK;
}

void dsp_pitch_free(dsp_pitch *pitch) {
    if (pitch == NULL) return;
    dsp_fft_free(pitch->fft);
    base_free(pitch);
}

int64_t dsp_pitch_frame_length(const dsp_pitch *pitch) {
    return pitch->n_frame;
}

int64_t dsp_pitch_hop(const dsp_pitch *pitch) {
    return pitch->hop;
}

int64_t dsp_pitch_frames(const dsp_pitch *pitch, int64_t n) {
    return (n + pitch->hop - 1) / pitch->hop;
}

/* One call's buffers. */
typedef struct {
    double *frame;                 /* [fft], zeros behind n_frame */
    double *correlation;           /* [fft], sum of x[i] x[i + lag] */
    double complex *spectrum;      /* [fft / 2 + 1] */
    double *trough;                /* [n_period], d' of librosa from min_period on */
    double *aperiodicity;          /* [n_period], d' of the confidence */
    dsp_pitch_frame *track, *some; /* [frames], of a whole clip */
} buffers;

static buffers cut(const dsp_pitch *p, int64_t n, dsp_scratch *scratch) {
    int64_t n_fft = dsp_fft_size(p->fft), n_frames = dsp_pitch_frames(p, n);
    buffers b;
    b.frame = dsp_scratch_take(scratch, n_fft, sizeof *b.frame);
    b.correlation = dsp_scratch_take(scratch, n_fft, sizeof *b.correlation);
    b.spectrum = dsp_scratch_take(scratch, n_fft / 2 + 1, sizeof *b.spectrum);
    b.trough = dsp_scratch_take(scratch, p->n_period, sizeof *b.trough);
    b.aperiodicity = dsp_scratch_take(scratch, p->n_period, sizeof *b.aperiodicity);
    b.track = dsp_scratch_take(scratch, n_frames, sizeof *b.track);
    b.some = dsp_scratch_take(scratch, n_frames, sizeof *b.some);
    return b;
}

size_t dsp_pitch_scratch_bytes(const dsp_pitch *pitch, int64_t n) {
    dsp_scratch count = {0};
    cut(pitch, n, &count);
    return count.used_bytes;
}

/* ---- one frame ---- */

static void load_frame(const dsp_pitch *p, const float *x, int64_t n, double *frame) {
    if (n > p->n_frame) n = p->n_frame;
    for (int64_t i = 0; i < n; i++) frame[i] = (double)x[i];
    memset(frame + n, 0, (size_t)(dsp_fft_size(p->fft) - n) * sizeof *frame);
}

static void correlate(const dsp_pitch *p, const buffers *b) {
    dsp_fft_forward(p->fft, b->frame, b->spectrum);
    for (int64_t k = 0; k <= dsp_fft_size(p->fft) / 2; k++) {
        double re = creal(b->spectrum[k]), im = cimag(b->spectrum[k]);
        b->spectrum[k] = re * re + im * im;
    }
    dsp_fft_inverse(p->fft, b->spectrum, b->correlation);
}

/* d and its mean over the lags so far (YIN, equations 6 to 8). With r the correlation, E the
 * frame's energy, and `head` and `tail` that of its first and last `lag` samples, the difference
 * over the samples that have a partner is 2 E - head - tail - 2 r; librosa's is without the tail.
 * The former is taken per sample, as fewer and fewer have one. */
static void normalize_differences(const dsp_pitch *p, const buffers *b) {
    const double *x = b->frame, *r = b->correlation;
    double head = 0.0, tail = 0.0, sum_all = 0.0, sum = 0.0;
    for (int64_t lag = 1; lag < p->min_period + p->n_period; lag++) {
        int64_t n_pairs = p->n_frame - lag, i = lag - p->min_period;
        head += x[lag - 1] * x[lag - 1];
        tail += x[n_pairs] * x[n_pairs];
        double all = 2.0 * (r[0] - r[lag]) - head, pairs = (all - tail) / (double)n_pairs;
        sum_all += all;
        sum += pairs;
        if (i < 0) continue;
        b->trough[i] = all * (double)lag / (sum_all + DBL_MIN);
        b->aperiodicity[i] = pairs * (double)lag / (sum + DBL_MIN);
    }
}

/* As librosa.util.localmin, where the first lag needs a neighbour that is higher. */
static bool is_trough(const double *d, int64_t n, int64_t i) {
    if (i == 0) return d[0] < d[1];
    return d[i] < d[i - 1] && (i == n - 1 || d[i] <= d[i + 1]);
}

static int64_t find_period(const double *d, int64_t n) {
    int64_t lowest = 0;
    for (int64_t i = 0; i < n; i++) {
        if (d[i] < TROUGH && is_trough(d, n, i)) return i;
        if (d[i] < d[lowest]) lowest = i;
    }
    return lowest;
}

/* Where the parabola through three neighbours has its end, relative to the middle one. */
static double refine(const double *d, int64_t n, int64_t i) {
    if (i == 0 || i == n - 1) return 0.0;
    double a = d[i + 1] + d[i - 1] - 2.0 * d[i], b = (d[i + 1] - d[i - 1]) / 2.0;
    return fabs(b) < fabs(a) ? -b / a : 0.0;
}

static double clamp(double value, double low, double high) {
    return value > low ? (value < high ? value : high) : low;
}

static dsp_pitch_frame analyze(const dsp_pitch *p, const float *x, int64_t n, const buffers *b) {
    load_frame(p, x, n, b->frame);
    correlate(p, b);
    normalize_differences(p, b);
    int64_t i = find_period(b->trough, p->n_period);
    double period = (double)(p->min_period + i) + refine(b->trough, p->n_period, i);
    double energy = b->correlation[0];
    double confidence = energy > 0.0 ? clamp(1.0 - b->aperiodicity[i], 0.0, 1.0) : 0.0;
    return (dsp_pitch_frame){p->sample_rate_hz / period, confidence, energy};
}

dsp_pitch_frame dsp_pitch_at(const dsp_pitch *pitch, const float *x, int64_t n, int64_t start,
                             void *scratch) {
    BASE_CHECK(start >= 0 && start < n);
    buffers b = cut(pitch, n, &(dsp_scratch){.memory = scratch});
    return analyze(pitch, x + start, n - start, &b);
}

/* ---- a clip ---- */

/* A frame's energy is known at once; its pitch takes two transforms. */
static double frame_energy(const dsp_pitch *p, const float *x, int64_t n) {
    double energy = 0.0;
    for (int64_t i = 0; i < n && i < p->n_frame; i++) energy += (double)x[i] * (double)x[i];
    return energy;
}

/* Frames within 30 dB of the loudest, into b->track; returns how many. */
static int64_t track(const dsp_pitch *p, const float *x, int64_t n, const buffers *b) {
    int64_t n_frames = dsp_pitch_frames(p, n), n_track = 0;
    double loudest = 0.0;
    for (int64_t t = 0; t < n_frames; t++) {
        b->some[t].energy = frame_energy(p, x + t * p->hop, n - t * p->hop);
        loudest = fmax(loudest, b->some[t].energy);
    }
    for (int64_t t = 0; t < n_frames; t++) {
        if (!(b->some[t].energy > QUIET * loudest)) continue;
        b->track[n_track++] = analyze(p, x + t * p->hop, n - t * p->hop, b);
    }
    return n_track;
}

static int compare_hz(const void *a, const void *b) {
    double x = ((const dsp_pitch_frame *)a)->hz, y = ((const dsp_pitch_frame *)b)->hz;
    return (x > y) - (x < y);
}

/* Median weighted by energy; sorts a copy. */
static double median_hz(const dsp_pitch_frame *frames, int64_t n, dsp_pitch_frame *copy) {
    double total = 0.0, sum = 0.0;
    memcpy(copy, frames, (size_t)n * sizeof *copy);
    qsort(copy, (size_t)n, sizeof *copy, compare_hz);
    for (int64_t i = 0; i < n; i++) total += copy[i].energy;
    int64_t i = 0;
    for (; i < n - 1; i++) {
        sum += copy[i].energy;
        if (sum >= 0.5 * total) break;
    }
    return copy[i].hz;
}

static double mean_confidence(const dsp_pitch_frame *frames, int64_t n) {
    double total = 0.0, sum = 0.0;
    for (int64_t i = 0; i < n; i++) {
        total += frames[i].energy;
        sum += frames[i].energy * frames[i].confidence;
    }
    return total > 0.0 ? sum / total : 0.0;
}

/* Moves voiced frames to the front; returns how many. */
static int64_t keep_voiced(dsp_pitch_frame *frames, int64_t n) {
    int64_t n_voiced = 0;
    for (int64_t i = 0; i < n; i++) {
        if (frames[i].confidence >= VOICED) frames[n_voiced++] = frames[i];
    }
    return n_voiced;
}

dsp_pitch_summary dsp_pitch_measure(const dsp_pitch *pitch, const float *x, int64_t n,
                                    void *scratch) {
    buffers b = cut(pitch, n, &(dsp_scratch){.memory = scratch});
    int64_t n_track = track(pitch, x, n, &b);
    dsp_pitch_summary summary = {NAN, mean_confidence(b.track, n_track), NAN};
    int64_t n_voiced = keep_voiced(b.track, n_track), half = n_voiced / 2;
    if (n_voiced == 0) return summary;
    summary.hz = median_hz(b.track, n_voiced, b.some);
    if (n_voiced < MIN_DROP) return summary;
    double tail_hz = median_hz(b.track + half, n_voiced - half, b.some);
    summary.drop_st = 12.0 * log2(b.track[0].hz / tail_hz);
    return summary;
}
