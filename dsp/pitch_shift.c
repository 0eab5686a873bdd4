#include "dsp/pitch_shift.h"

#include <math.h>
#include <string.h>

#include "dsp/kernels.h"
#include "dsp/time_stretch.h"

#define CUTOFF          0.94 /* of the lower Nyquist frequency: the filter's slope ends near it */
#define KAISER_BETA     9.0
#define LARGEST_SHIFT   24.0 /* semitones */
#define LONGEST_SAMPLES ((int64_t)1 << 40)

enum {
    CROSSINGS = 16,     /* zeros of the sinc on each side */
    PER_CROSSING = 512, /* points of the prototype, read with linear interpolation */
    PHASES = 128,       /* rows of the reading table */
    TAP_GRAIN = 8
};

struct dsp_pitch_shift {
    dsp_pitch_kind kind;
    const dsp_kernels_table *kernels;
    int64_t max_samples;
    double max_semitones;
    dsp_time_stretch *stretch; /* phase_vocoder */
    float *prototype;          /* windowed sinc from 0 to CROSSINGS, with two zeros behind */
};

/* The modified Bessel function I0 by its power series. */
static double bessel_i0(double x) {
    double term = 1.0, sum = 1.0;
    for (int k = 1; term > 1e-17 * sum; k++) {
        term *= (x / 2.0 / k) * (x / 2.0 / k);
        sum += term;
    }
    return sum;
}

static void fill_prototype(float *prototype) {
    for (int i = 0; i < CROSSINGS * PER_CROSSING; i++) {
        double u = (double)i / PER_CROSSING, edge = u / CROSSINGS;
        double sinc = i == 0 ? 1.0 : sin(M_PI * u) / (M_PI * u);
        double kaiser = bessel_i0(KAISER_BETA * sqrt(1.0 - edge * edge)) / bessel_i0(KAISER_BETA);
        prototype[i] = (float)(sinc * kaiser);
    }
}

static double ratio_of(double semitones) {
    return exp2(semitones / 12.0);
}

/* Reading by steps above 1 must not fold what lies above the new Nyquist frequency. */
static double cutoff_of(double ratio) {
    return ratio > 1.0 ? CUTOFF / ratio : CUTOFF;
}

static int64_t taps_of(double ratio) {
    int64_t n = 2 * (int64_t)ceil(CROSSINGS / cutoff_of(ratio));
    return (n + TAP_GRAIN - 1) / TAP_GRAIN * TAP_GRAIN;
}

base_status dsp_pitch_shift_new(dsp_pitch_kind kind, int64_t max_samples, double max_semitones,
                                dsp_pitch_shift **shift, base_error *err) {
    *shift = NULL;
    if (!(max_semitones >= 0.0 && max_semitones <= LARGEST_SHIFT)) {
        return base_fail(err, BASE_ECONFIG, "a shift by %g semitones is not within 0 to %g",
                         max_semitones, LARGEST_SHIFT);
    }
    BASE_CHECK(max_samples >= 0 && max_samples <= LONGEST_SAMPLES);
    dsp_pitch_shift *made = base_alloc(1, sizeof *made);
    float *prototype = base_alloc(CROSSINGS * PER_CROSSING + 2, sizeof *prototype);
    if (made == NULL || prototype == NULL) {
        base_free(made);
        base_free(prototype);
        return base_fail(err, BASE_EMEMORY, "no memory for a pitch shift");
    }
    *made = (dsp_pitch_shift){.kind = kind,
                              .kernels = dsp_kernels(),
                              .max_samples = max_samples,
                              .max_semitones = max_semitones,
                              .prototype = prototype};
    fill_prototype(prototype);
    base_status status =
        kind == DSP_PHASE_VOCODER ? dsp_time_stretch_new(&made->stretch, err) : BASE_OK;
    if (status != BASE_OK) {
        dsp_pitch_shift_free(made);
        return status;
    }
    *shift = made;
    return BASE_OK;
}

void dsp_pitch_shift_free(dsp_pitch_shift *shift) {
    if (shift == NULL) return;
    dsp_time_stretch_free(shift->stretch);
    base_free(shift->prototype);
    base_free(shift);
}

/* One call's buffers. */
typedef struct {
    float *table; /* [PHASES + 1, taps] */
    float *line;  /* what is read, with `margin` zeros before and behind */
    int64_t margin;
    float *energies;
    int64_t *onsets;
    dsp_time_piece *pieces;
    dsp_stretch_buffers stretch;
} buffers;

static buffers cut(const dsp_pitch_shift *s, dsp_scratch *scratch) {
    buffers b = {0};
    double max_ratio = ratio_of(s->max_semitones);
    int64_t n_taps = taps_of(max_ratio), n = s->max_samples;
    int64_t n_line = s->kind == DSP_PHASE_VOCODER ? (int64_t)ceil((double)n * max_ratio) : n;
    b.margin = n_taps;
    b.table = dsp_scratch_take(scratch, (PHASES + 1) * n_taps, sizeof *b.table);
    b.line = dsp_scratch_take(scratch, n_line + 2 * n_taps, sizeof *b.line);
    if (s->kind != DSP_PHASE_VOCODER) return b;
    int64_t n_onsets = dsp_onsets_max(n);
    b.energies = dsp_scratch_take(scratch, dsp_onsets_energies(n), sizeof *b.energies);
    b.onsets = dsp_scratch_take(scratch, n_onsets, sizeof *b.onsets);
    b.pieces = dsp_scratch_take(scratch, 2 * n_onsets + 2, sizeof *b.pieces);
    b.stretch = dsp_time_stretch_cut(s->stretch, scratch);
    return b;
}

size_t dsp_pitch_shift_scratch_bytes(const dsp_pitch_shift *shift) {
    dsp_scratch count = {0};
    cut(shift, &count);
    return count.used_bytes;
}

static float prototype_at(const float *prototype, double u) {
    if (u >= CROSSINGS) return 0.0f;
    double place = u * PER_CROSSING;
    int64_t i = (int64_t)place;
    return prototype[i] + (float)(place - (double)i) * (prototype[i + 1] - prototype[i]);
}

static dsp_reading reading_for(const dsp_pitch_shift *s, double ratio, const buffers *b) {
    dsp_reading reading = {.x = b->line + b->margin,
                           .table = b->table,
                           .n_phases = PHASES,
                           .n_taps = taps_of(ratio),
                           .step = ratio};
    double cutoff = cutoff_of(ratio);
    int64_t centre = reading.n_taps / 2 - 1;
    for (int64_t p = 0; p <= PHASES; p++) {
        float *row = b->table + p * reading.n_taps;
        for (int64_t k = 0; k < reading.n_taps; k++) {
            double u = (double)(k - centre) - (double)p / PHASES;
            row[k] = (float)cutoff * prototype_at(s->prototype, fabs(u) * cutoff);
        }
    }
    return reading;
}

/* Reads the n_line samples of the line into x[n], zeros following where the line ends early. */
static void read_line(const dsp_pitch_shift *s, const dsp_reading *reading, int64_t n_line,
                      float *x, int64_t n) {
    int64_t n_read = (int64_t)ceil((double)n_line / reading->step);
    if (n_read > n) n_read = n;
    s->kernels->read(reading, x, n_read);
    memset(x + n_read, 0, (size_t)(n - n_read) * sizeof *x);
}

void dsp_pitch_shift_apply(const dsp_pitch_shift *shift, dsp_clip clip, double semitones,
                           void *scratch) {
    BASE_CHECK(clip.n <= shift->max_samples && fabs(semitones) <= shift->max_semitones);
    if (semitones == 0.0 || clip.n < 1) return;
    double ratio = ratio_of(semitones);
    buffers b = cut(shift, &(dsp_scratch){.memory = scratch});
    dsp_stretch_job job = {.y = b.line + b.margin, .n = clip.n, .n_out = clip.n};
    if (shift->stretch != NULL) {
        int64_t n_onsets = dsp_onsets(clip, b.energies, b.onsets);
        job.n_out = (int64_t)ceil((double)clip.n * ratio);
        job.pieces = b.pieces;
        job.n_pieces = dsp_time_map(clip.n, ratio, b.onsets, n_onsets, b.pieces);
    }
    dsp_reading reading = reading_for(shift, ratio, &b);
    memset(b.line, 0, (size_t)b.margin * sizeof *b.line);
    memset(job.y + job.n_out, 0, (size_t)b.margin * sizeof *b.line);
    for (int64_t c = 0; c < clip.n_channels; c++) {
        float *x = clip.x + c * clip.n;
        job.x = x;
        if (shift->stretch != NULL) {
            dsp_time_stretch_run(shift->stretch, &job, &b.stretch);
        } else {
            memcpy(job.y, x, (size_t)clip.n * sizeof *x);
        }
        read_line(shift, &reading, job.n_out, x, clip.n);
    }
}
