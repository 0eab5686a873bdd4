#include "dsp/time_stretch.h"

#include <complex.h>
#include <math.h>
#include <string.h>

#include "dsp/fft.h"
#include "dsp/kernels.h"
#include "dsp/stft.h"

enum {
    FRAME = 2048,
    HOP = FRAME / 4,
    BINS = FRAME / 2 + 1,
    BLOCK = 64,            /* of onset detection */
    RECENT_BLOCKS = 16,    /* longer than half a cycle of the lowest drum */
    REACH = FRAME * 3 / 8, /* frames centred farther from an attack hardly contain it */
    REST = 2 * REACH       /* no second onset this soon */
};

#define ONSET_RISE  4.0f   /* energy against the loudest of the recent blocks */
#define ONSET_FLOOR 0.003f /* energy against the clip's loudest block */
#define SPEED_RANGE 2.0    /* how far a piece's speed may be from the mean */

struct dsp_time_stretch {
    const dsp_kernels_table *kernels;
    dsp_stft *stft;      /* analysis */
    dsp_fft *fft;        /* synthesis */
    float window[FRAME]; /* of both; its square, HOP apart, sums to a constant */
};

static base_status make_transforms(dsp_time_stretch *stretch, base_error *err) {
    const dsp_stft_options options = {
        .n_fft = FRAME, .hop = HOP, .win_length = FRAME, .window = DSP_HANN, .pad = DSP_PAD_ZERO};
    BASE_TRY(dsp_stft_new(&options, &stretch->stft, err));
    return dsp_fft_new(FRAME, &stretch->fft, err);
}

base_status dsp_time_stretch_new(dsp_time_stretch **stretch, base_error *err) {
    *stretch = NULL;
    dsp_time_stretch *made = base_alloc(1, sizeof *made);
    if (made == NULL) return base_fail(err, BASE_EMEMORY, "no memory for a time stretch");
    made->kernels = dsp_kernels();
    dsp_window(DSP_HANN, FRAME, made->window);
    base_status status = make_transforms(made, err);
    if (status != BASE_OK) {
        dsp_time_stretch_free(made);
        return status;
    }
    *stretch = made;
    return BASE_OK;
}

void dsp_time_stretch_free(dsp_time_stretch *stretch) {
    if (stretch == NULL) return;
    dsp_stft_free(stretch->stft);
    dsp_fft_free(stretch->fft);
    base_free(stretch);
}

int64_t dsp_onsets_max(int64_t n) {
    return n / REST + 2;
}

int64_t dsp_onsets_energies(int64_t n) {
    return (n + BLOCK - 1) / BLOCK;
}

/* Energy of the difference of neighbouring samples over a block, and where it is largest: attacks
 * are bright, tails are not. */
static float block_energy(dsp_clip clip, int64_t block, int64_t *steepest) {
    int64_t begin = block * BLOCK, end = begin + BLOCK < clip.n ? begin + BLOCK : clip.n;
    float sum = 0.0f, largest = -1.0f;
    for (int64_t c = 0; c < clip.n_channels; c++) {
        const float *x = clip.x + c * clip.n;
        float last = begin > 0 ? x[begin - 1] : 0.0f;
        for (int64_t i = begin; i < end; i++) {
            float energy = (x[i] - last) * (x[i] - last);
            sum += energy;
            last = x[i];
            if (energy > largest) {
                largest = energy;
                *steepest = i;
            }
        }
    }
    return sum;
}

static float loudest_of(const float *energies, int64_t begin, int64_t end) {
    float loudest = 0.0f;
    for (int64_t b = begin > 0 ? begin : 0; b < end; b++) loudest = fmaxf(loudest, energies[b]);
    return loudest;
}

int64_t dsp_onsets(dsp_clip clip, float *energies, int64_t *onsets) {
    int64_t n_blocks = dsp_onsets_energies(clip.n), n_onsets = 0, next = 0, steepest = 0;
    for (int64_t b = 0; b < n_blocks; b++) energies[b] = block_energy(clip, b, &steepest);
    float floor = ONSET_FLOOR * loudest_of(energies, 0, n_blocks);
    for (int64_t b = 0; b < n_blocks; b++) {
        float recent = loudest_of(energies, b - RECENT_BLOCKS, b);
        bool rises = energies[b] > floor && energies[b] > ONSET_RISE * recent;
        if (!rises || b * BLOCK < next) continue;
        block_energy(clip, b, &steepest);
        onsets[n_onsets++] = steepest;
        next = b * BLOCK + REST;
    }
    return n_onsets;
}

static bool is_usable_speed(double speed, double ratio) {
    return speed * ratio >= 1.0 / SPEED_RANGE && speed * ratio <= SPEED_RANGE;
}

/* Stretched place ratio * onset is the onset; REACH around it runs at speed 1. An onset too near
 * the one before it for that is left to the vocoder. */
int64_t dsp_time_map(int64_t n, double ratio, const int64_t *onsets, int64_t n_onsets,
                     dsp_time_piece *pieces) {
    int64_t n_pieces = 0;
    double stretched = 0.0, clip = 0.0; /* how far the map is made */
    for (int64_t i = 0; i < n_onsets; i++) {
        double onset = (double)onsets[i], place = round(ratio * onset);
        double gap = place - REACH - stretched, clip_gap = onset - REACH - clip;
        if (n_pieces == 0 && (gap <= 0.0 || clip_gap <= 0.0)) {
            pieces[n_pieces++] = (dsp_time_piece){0.0, onset - place, 1.0, true};
        } else if (gap > 0.0 && is_usable_speed(clip_gap / gap, ratio)) {
            pieces[n_pieces++] = (dsp_time_piece){stretched, clip, clip_gap / gap, false};
            pieces[n_pieces++] = (dsp_time_piece){stretched + gap, clip + clip_gap, 1.0, true};
        } else {
            continue;
        }
        stretched = place + REACH;
        clip = onset + REACH;
    }
    double left = ratio * (double)n - stretched, clip_left = (double)n - clip;
    if (left > 0.0) {
        double speed = clip_left > 0.0 ? clip_left / left : 0.0;
        speed = fmin(fmax(speed, 1.0 / (SPEED_RANGE * ratio)), SPEED_RANGE / ratio);
        pieces[n_pieces++] = (dsp_time_piece){stretched, clip, speed, false};
    }
    return n_pieces;
}

dsp_stretch_buffers dsp_time_stretch_cut(const dsp_time_stretch *stretch, dsp_scratch *scratch) {
    dsp_stretch_buffers b;
    b.stft = dsp_scratch_take(scratch, 1, dsp_stft_scratch_bytes(stretch->stft));
    b.now = dsp_scratch_take(scratch, BINS, sizeof *b.now);
    b.before = dsp_scratch_take(scratch, BINS, sizeof *b.before);
    b.turned = dsp_scratch_take(scratch, BINS, sizeof *b.turned);
    b.power = dsp_scratch_take(scratch, BINS + 4, sizeof *b.power);
    b.spectrum = dsp_scratch_take(scratch, BINS, sizeof *b.spectrum);
    b.frame = dsp_scratch_take(scratch, FRAME, sizeof *b.frame);
    return b;
}

/* One run over one channel. */
typedef struct {
    const dsp_time_stretch *stretch;
    const dsp_stretch_job *job;
    dsp_stretch_buffers b;
} channel;

/* Spectrum of the frame centred on sample `centre` of the clip. */
static void analyse(const channel *c, int64_t centre, float complex *spectrum) {
    int64_t start = centre - FRAME / 2;
    const float complex *bins =
        dsp_stft_at(c->stretch->stft, c->job->x, c->job->n, start, c->b.stft);
    memcpy(spectrum, bins, BINS * sizeof *spectrum);
}

/* The turn from `before` to `turned` at a bin, of length one. */
static float complex turn_at(const channel *c, int64_t k) {
    double a = (double)crealf(c->b.turned[k]), b = (double)cimagf(c->b.turned[k]);
    double u = (double)crealf(c->b.before[k]), v = (double)cimagf(c->b.before[k]);
    double re = a * u + b * v, im = b * u - a * v, length = sqrt(re * re + im * im);
    return length > 1e-30 ? (float)(re / length) + (float)(im / length) * I : 1.0f;
}

static void turn_bins(const channel *c, float complex turn, int64_t begin, int64_t end) {
    const float *restrict now = (const float *)c->b.now;
    float *restrict turned = (float *)c->b.turned;
    float re = crealf(turn), im = cimagf(turn);
    for (int64_t i = 2 * begin; i < 2 * end; i += 2) {
        turned[i] = now[i] * re - now[i + 1] * im;
        turned[i + 1] = now[i] * im + now[i + 1] * re;
    }
}

/* power[k + 2] of bin k, the two places before and after being lower than any. */
static void fill_power(const channel *c) {
    float *power = c->b.power;
    power[0] = power[1] = power[BINS + 2] = power[BINS + 3] = -1.0f;
    c->stretch->kernels->power(c->b.now, power + 2, BINS);
}

static bool is_peak(const float *power, int64_t k) {
    const float *p = power + k + 2;
    return p[0] > p[1] && p[0] >= p[-1] && p[0] > p[2] && p[0] >= p[-2];
}

/* Turns `now` into the next synthesis frame, in place of the last one in `turned`. Regions meet
 * half-way between peaks. */
static void advance_phases(const channel *c) {
    fill_power(c);
    int64_t begin = 0, last_peak = -1;
    for (int64_t k = 0; k < BINS; k++) {
        if (!is_peak(c->b.power, k)) continue;
        if (last_peak >= 0) {
            int64_t end = (last_peak + k + 1) / 2;
            turn_bins(c, turn_at(c, last_peak), begin, end);
            begin = end;
        }
        last_peak = k;
    }
    turn_bins(c, last_peak >= 0 ? turn_at(c, last_peak) : 1.0f, begin, BINS);
}

/* Windows the synthesis frame centred on `centre` and adds it. Squared Hann windows a quarter
 * apart sum to 3/2. */
static void overlap_add(const channel *c, int64_t centre) {
    for (int64_t k = 0; k < BINS; k++) c->b.spectrum[k] = c->b.turned[k];
    dsp_fft_inverse(c->stretch->fft, c->b.spectrum, c->b.frame);
    int64_t start = centre - FRAME / 2, begin = start < 0 ? -start : 0;
    int64_t end = start + FRAME > c->job->n_out ? c->job->n_out - start : FRAME;
    const double *restrict frame = c->b.frame;
    const float *restrict window = c->stretch->window;
    for (int64_t i = begin; i < end; i++) {
        c->job->y[start + i] += (float)frame[i] * window[i] * (2.0f / 3.0f);
    }
}

static const dsp_time_piece *piece_at(const dsp_stretch_job *job, double at) {
    const dsp_time_piece *last = job->pieces + job->n_pieces - 1, *piece = job->pieces;
    while (piece < last && piece[1].stretched <= at) piece++;
    return piece;
}

static void swap_spectra(dsp_stretch_buffers *b) {
    float complex *former = b->now;
    b->now = b->before;
    b->before = former;
}

void dsp_time_stretch_run(const dsp_time_stretch *stretch, const dsp_stretch_job *job,
                          const dsp_stretch_buffers *buffers) {
    channel c = {.stretch = stretch, .job = job, .b = *buffers};
    memset(job->y, 0, (size_t)job->n_out * sizeof *job->y);
    const dsp_time_piece *last = NULL;
    int64_t last_time = 0;
    for (int64_t place = -HOP; place < job->n_out + FRAME / 2; place += HOP) {
        const dsp_time_piece *piece = piece_at(job, (double)place);
        double passed = (double)place - piece->stretched;
        int64_t time = (int64_t)floor(piece->clip + passed * piece->speed + 0.5);
        bool starts = last == NULL || (piece != last && piece->locked);
        if (!starts) {
            swap_spectra(&c.b);
            if (time - HOP != last_time) analyse(&c, time - HOP, c.b.before);
        }
        analyse(&c, time, c.b.now);
        if (starts) {
            memcpy(c.b.turned, c.b.now, BINS * sizeof *c.b.turned);
        } else {
            advance_phases(&c);
        }
        overlap_add(&c, place);
        last = piece;
        last_time = time;
    }
}
