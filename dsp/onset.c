#include "dsp/onset.h"

#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "dsp/stft.h"

#define WINDOW_S     0.0464
#define LOWEST_HZ    30.0
#define HIGHEST_HZ   17000.0
#define PER_OCTAVE   24.0
#define REFERENCE_HZ 440.0
#define AT_ONCE      8192 /* samples between two runs over the buffer */

enum { BEFORE = 6, AFTER = 10, MEAN_BEFORE = 20, MEAN_AFTER = 14, APART = 6 }; /* frames */
enum { MAX_EDGES = 512, MAX_LAG = 16 };

/* A triangle over the bins first..last, with its top at `middle`. */
typedef struct {
    int64_t first, middle, last;
} band;

struct dsp_onset {
    double rate_hz;
    float gain;
    dsp_stft *stft;
    int64_t n_fft, lag;
    band bands[MAX_EDGES];
    int n_bands;
    float *rows;   /* [MAX_LAG + 1, n_bands] the latest frames, by number modulo that */
    float *buffer; /* [n_fft + AT_ONCE] the latest samples */
    int64_t n_buffer, buffer_begin, n_samples;
    void *scratch;
    float *strength, *level; /* [n_frames] */
    size_t strength_capacity, level_capacity;
    int64_t n_frames;
};

/* ---- making it ---- */

/* Edges at the bins nearest to 440 Hz times powers of 2^(1/24), each bin once; neighbouring
 * triangles share edges. */
static void make_bands(dsp_onset *o) {
    int64_t edges[MAX_EDGES];
    int n = 0;
    double top_hz = fmin(HIGHEST_HZ, o->rate_hz / 2);
    int low = (int)ceil(PER_OCTAVE * log2(LOWEST_HZ / REFERENCE_HZ));
    int high = (int)floor(PER_OCTAVE * log2(top_hz / REFERENCE_HZ));
    for (int i = low; i <= high && n < MAX_EDGES; i++) {
        double hz = REFERENCE_HZ * exp2(i / PER_OCTAVE);
        int64_t bin = (int64_t)floor(hz * (double)o->n_fft / o->rate_hz + 0.5);
        bool is_new = n == 0 || bin > edges[n - 1];
        if (bin >= 1 && bin <= o->n_fft / 2 && is_new) edges[n++] = bin;
    }
    for (int i = 0; i + 2 < n; i++) o->bands[i] = (band){edges[i], edges[i + 1], edges[i + 2]};
    o->n_bands = n > 2 ? n - 2 : 0;
}

static base_status allocate(dsp_onset *o, base_error *err) {
    const dsp_stft_options options = {.n_fft = o->n_fft,
                                      .hop = 1,
                                      .win_length = o->n_fft,
                                      .window = DSP_HANN,
                                      .pad = DSP_PAD_ZERO};
    BASE_TRY(dsp_stft_new(&options, &o->stft, err));
    make_bands(o);
    o->rows = base_alloc((size_t)(MAX_LAG + 1) * (size_t)o->n_bands, sizeof *o->rows);
    o->buffer = base_alloc((size_t)o->n_fft + AT_ONCE, sizeof *o->buffer);
    o->scratch = base_alloc(1, dsp_stft_scratch_bytes(o->stft));
    bool done = o->rows != NULL && o->buffer != NULL && o->scratch != NULL;
    return done ? BASE_OK : base_fail(err, BASE_EMEMORY, "no memory to find onsets");
}

base_status dsp_onset_new(double sample_rate_hz, double gain, dsp_onset **onset, base_error *err) {
    *onset = NULL;
    if (!(sample_rate_hz >= 8000 && sample_rate_hz <= 768000)) {
        return base_fail(err, BASE_EDATA, "onsets need a sample rate of 8000 to 768000 Hz, not %g",
                         sample_rate_hz);
    }
    dsp_onset *o = base_alloc(1, sizeof *o);
    if (o == NULL) return base_fail(err, BASE_EMEMORY, "no memory to find onsets");
    o->rate_hz = sample_rate_hz;
    o->gain = (float)gain;
    o->n_fft = (int64_t)1 << lround(log2(WINDOW_S * sample_rate_hz));
    double hop = sample_rate_hz / DSP_ONSET_FRAMES_HZ;
    o->lag = llround((double)o->n_fft / 4 / hop);
    if (o->lag < 1) o->lag = 1;
    BASE_CHECK(o->lag <= MAX_LAG);
    base_status status = allocate(o, err);
    if (status != BASE_OK) {
        dsp_onset_free(o);
        return status;
    }
    *onset = o;
    return BASE_OK;
}

void dsp_onset_free(dsp_onset *onset) {
    if (onset == NULL) return;
    dsp_stft_free(onset->stft);
    base_free(onset->rows);
    base_free(onset->buffer);
    base_free(onset->scratch);
    base_free(onset->strength);
    base_free(onset->level);
    base_free(onset);
}

/* ---- frames ---- */

int64_t dsp_onset_sample(const dsp_onset *onset, int64_t t) {
    return (int64_t)floor((double)t * onset->rate_hz / DSP_ONSET_FRAMES_HZ + 0.5);
}

static void sum_bands(const dsp_onset *o, const float complex *bins, float *row) {
    for (int i = 0; i < o->n_bands; i++) {
        const band *b = &o->bands[i];
        double sum = 0;
        for (int64_t k = b->first + 1; k < b->last; k++) {
            int64_t from = k <= b->middle ? k - b->first : b->last - k;
            int64_t width = k <= b->middle ? b->middle - b->first : b->last - b->middle;
            sum += (double)cabsf(bins[k]) * (double)from / (double)width;
        }
        row[i] = (float)log10(1 + sum);
    }
}

static float rise(const dsp_onset *o, int64_t t) {
    const float *row = o->rows + t % (MAX_LAG + 1) * o->n_bands;
    const float *old = o->rows + (t - o->lag) % (MAX_LAG + 1) * o->n_bands;
    double sum = 0;
    for (int b = 0; b < o->n_bands; b++) {
        float most = old[b];
        if (b > 0) most = fmaxf(most, old[b - 1]);
        if (b + 1 < o->n_bands) most = fmaxf(most, old[b + 1]);
        sum += fmax(0, (double)(row[b] - most));
    }
    return (float)sum;
}

static float level_of(const dsp_onset *o, int64_t begin, int64_t end) {
    float most = 0;
    if (end > o->n_samples) end = o->n_samples;
    for (int64_t i = begin; i < end; i++) most = fmaxf(most, fabsf(o->buffer[i - o->buffer_begin]));
    return most;
}

static base_status add_frame(dsp_onset *o, base_error *err) {
    int64_t t = o->n_frames, centre = dsp_onset_sample(o, t);
    void *strength = o->strength, *level = o->level;
    bool grown = base_grow(&strength, &o->strength_capacity, (size_t)t + 1, sizeof *o->strength);
    o->strength = strength;
    grown = grown && base_grow(&level, &o->level_capacity, (size_t)t + 1, sizeof *o->level);
    o->level = level;
    if (!grown) return base_fail(err, BASE_EMEMORY, "no memory for the onsets' strengths");
    const float complex *bins = dsp_stft_at(o->stft, o->buffer, o->n_buffer,
                                            centre - o->n_fft / 2 - o->buffer_begin, o->scratch);
    sum_bands(o, bins, o->rows + t % (MAX_LAG + 1) * o->n_bands);
    o->strength[t] = t >= o->lag ? rise(o, t) : 0;
    o->level[t] = level_of(o, centre, dsp_onset_sample(o, t + 1));
    o->n_frames++;
    return BASE_OK;
}

/* What no later frame needs. */
static void drop_samples(dsp_onset *o) {
    int64_t keep = dsp_onset_sample(o, o->n_frames) - o->n_fft / 2;
    int64_t n = keep - o->buffer_begin;
    if (n <= 0) return;
    o->n_buffer -= n;
    memmove(o->buffer, o->buffer + n, (size_t)o->n_buffer * sizeof *o->buffer);
    o->buffer_begin = keep;
}

base_status dsp_onset_add(dsp_onset *onset, const float *x, int64_t n, base_error *err) {
    dsp_onset *o = onset;
    while (n > 0) {
        int64_t room = o->n_fft + AT_ONCE - o->n_buffer, now = n < room ? n : room;
        for (int64_t i = 0; i < now; i++) o->buffer[o->n_buffer + i] = x[i] * o->gain;
        o->n_buffer += now;
        o->n_samples += now;
        x += now;
        n -= now;
        while (dsp_onset_sample(o, o->n_frames) + o->n_fft / 2 <= o->n_samples) {
            BASE_TRY(add_frame(o, err));
        }
        drop_samples(o);
    }
    return BASE_OK;
}

base_status dsp_onset_finish(dsp_onset *onset, base_error *err) {
    while (dsp_onset_sample(onset, onset->n_frames) < onset->n_samples) {
        BASE_TRY(add_frame(onset, err));
    }
    return BASE_OK;
}

int64_t dsp_onset_frames(const dsp_onset *onset) {
    return onset->n_frames;
}

const float *dsp_onset_strength(const dsp_onset *onset) {
    return onset->strength;
}

const float *dsp_onset_level(const dsp_onset *onset) {
    return onset->level;
}

/* ---- peaks ---- */

static bool is_peak(const dsp_onset *o, int64_t t, double threshold) {
    const float *s = o->strength;
    int64_t last = o->n_frames - 1;
    int64_t begin = t > MEAN_BEFORE ? t - MEAN_BEFORE : 0;
    int64_t end = t + MEAN_AFTER < last ? t + MEAN_AFTER : last;
    double sum = 0;
    for (int64_t i = begin; i <= end; i++) {
        if (i >= t - BEFORE && i <= t + AFTER && s[i] > s[t]) return false;
        sum += (double)s[i];
    }
    return (double)s[t] >= sum / (double)(end - begin + 1) + threshold;
}

int64_t dsp_onset_next(const dsp_onset *onset, int64_t before, double threshold) {
    for (int64_t t = before < 0 ? 0 : before + APART + 1; t < onset->n_frames; t++) {
        if (is_peak(onset, t, threshold)) return t;
    }
    return -1;
}

/* ---- the attack ---- */

enum {
    STEPS_HZ = 2000,              /* levels a second */
    REACH = 80,                   /* steps around the place: 40 ms */
    SIDE = 20,                    /* steps compared on both sides of a rise */
    BACK = 20,                    /* steps that it is followed back at most */
    N_STEPS = 2 * (REACH + SIDE), /* looked at */
};

/* Mean squares of the differenced sound, a step each, from `begin` on; zero outside of x. */
static void measure_steps(const float *x, int64_t n, double begin, double step, double *steps) {
    for (int k = 0; k < N_STEPS; k++) {
        int64_t from = llround(begin + k * step), to = llround(begin + (k + 1) * step);
        double sum = 0;
        for (int64_t i = from > 1 ? from : 1; i < to && i < n; i++) {
            double d = (double)x[i] - (double)x[i - 1];
            sum += d * d;
        }
        steps[k] = sum / step;
    }
}

static double sum_of(const double *steps, int first, int n) {
    double sum = 0;
    for (int i = 0; i < n; i++) sum += steps[first + i];
    return sum;
}

/* The step before which there is least and from which on there is most. What lies 80 dB below the
 * loudest step counts as silence. */
static int steepest(const double *steps) {
    double most = 0, best = -1;
    int at = REACH + SIDE;
    for (int k = 0; k < N_STEPS; k++) most = fmax(most, steps[k]);
    double silence = most * 1e-8 * SIDE + 1e-30;
    for (int k = SIDE; k + SIDE <= N_STEPS; k++) {
        double ratio =
            (sum_of(steps, k, SIDE) + silence) / (sum_of(steps, k - SIDE, SIDE) + silence);
        if (ratio > best) {
            best = ratio;
            at = k;
        }
    }
    return at;
}

int64_t dsp_attack_begin(const float *x, int64_t n, int64_t at, double sample_rate_hz) {
    double steps[N_STEPS], step = sample_rate_hz / STEPS_HZ;
    double begin = (double)at - (REACH + SIDE) * step;
    measure_steps(x, n, begin, step, steps);
    int k = steepest(steps), first = k > BACK ? k - BACK : 0;
    while (k > first && steps[k - 1] < steps[k]) k--;
    int64_t i = llround(begin + k * step - 1e-3 * sample_rate_hz);
    if (i < 1) return 0;
    if (i >= n) i = n - 1;
    int64_t furthest = i - llround(5e-3 * sample_rate_hz);
    for (int64_t j = i; j > furthest && j > 0; j--) {
        if (x[j] == 0 || (x[j] > 0) != (x[j - 1] > 0)) return j;
    }
    return i;
}
