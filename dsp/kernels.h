/* dsp/kernels.h - the inner loops of the front end, compiled once per instruction-set level.
 *
 * As nn/kernels/kernels.h: dsp_kernels() gives the table of the highest level this processor runs,
 * lowered by RIMSHOT_LEVEL=v2|v3|v4; every output is computed in one fixed order within a level. n
 * is any length >= 0; pointers need no alignment. */
#ifndef DSP_KERNELS_H
#define DSP_KERNELS_H

#include <complex.h>

#include "base/status.h"

/* Band-limited reading of x at the places start + i * step, i < n. Row p of `table` [n_phases + 1,
 * n_taps] is the filter for a place p / n_phases past a sample; places between two rows take the
 * weighted mean of both. n_taps is a multiple of 8. x is readable n_taps / 2 samples around. */
typedef struct {
    const float *x, *table;
    int64_t n_phases, n_taps;
    double start, step;
} dsp_reading;

/* What the windowed transform of n real samples needs, n = 2^k >= 64: one complex transform of half
 * the length (dsp/spectrum.c makes it). */
typedef struct {
    int64_t n;
    bool pairs;                    /* an odd number of halvings: the last stage is of radix 2 */
    const double *window;          /* [n], halved */
    const double *stages;          /* three factors (re, im) for each butterfly of each stage */
    const double *lanes;           /* [n / 32] times three factors: re and im of four frequencies */
    const int32_t *order;          /* [n / 32], the row where frequencies 4 i to 4 i + 3 begin */
    const double *cosines, *sines; /* [n / 4 + 1], e^(-2 pi i k / n) */
} dsp_spectrum_plan;

typedef struct {
    const char *level; /* "v2", "v3", "v4", "v0" */

    void (*window)(const float *x, const double *w, double *y, int64_t n); /* y = w x */
    void (*narrow)(const double complex *x, float complex *y, int64_t n);  /* y = (float)x */
    void (*power)(const float complex *x, float *y, int64_t n);            /* y = |x|^2 */
    float (*dot)(const float *a, const float *b, int64_t n);
    /* y = 10 log10(max(x, floor)), floor > 0 and normal, within 1e-5 dB + 1e-6 relative; NaN and
     * infinity stay as they are. */
    void (*decibels)(const float *x, float floor, float *y, int64_t n);
    /* x = restore tanh(drive x), tanh within 4e-7 relative; NaN stays. */
    void (*soft_clip)(float *x, float drive, float restore, int64_t n);
    /* Box-Muller: n uniforms of [0, 1), n even, to n independent normal numbers of deviation 1,
     * the i-th and the (n / 2 + i)-th from the two uniforms at these places. */
    void (*normal)(const float *u, float *y, int64_t n);
    void (*read)(const dsp_reading *reading, float *y, int64_t n);
    /* Bins 0..n/2 of the windowed samples x[n], or their powers; 64-byte aligned scratch of 2 n.
     * NULL at levels without vectors of four doubles. */
    void (*spectrum_power)(const dsp_spectrum_plan *plan, const float *x, double *scratch,
                           float *y);
    void (*spectrum_bins)(const dsp_spectrum_plan *plan, const float *x, double *scratch,
                          float complex *y);
} dsp_kernels_table;

const dsp_kernels_table *dsp_kernels(void);

/* The table of a level (2, 3, 4), or of the highest below it that this processor runs. */
const dsp_kernels_table *dsp_kernels_at(int level);

#endif
