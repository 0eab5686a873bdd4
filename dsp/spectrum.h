/* dsp/spectrum.h - spectra of windowed frames whose length is a power of two.
 *
 * Window, transform and power are one pass over a frame, in double precision: a quiet band beside a
 * loud one drowns in the rounding of a float transform. A third faster than dsp/fft.h, which
 * takes any length. */
#ifndef DSP_SPECTRUM_H
#define DSP_SPECTRUM_H

#include <complex.h>

#include "base/status.h"

typedef struct dsp_spectrum dsp_spectrum; /* immutable once made: shared by threads */

/* Whether spectra of this length can be made here; otherwise there is dsp/fft.h. */
bool dsp_spectrum_fits(int64_t n);
/* window[n] is copied; n is a length that fits. Fails only for want of memory. */
base_status dsp_spectrum_new(const double *window, int64_t n, dsp_spectrum **spectrum,
                             base_error *err);
void dsp_spectrum_free(dsp_spectrum *spectrum);

/* Doubles of the 64-byte aligned scratch that a call needs. */
int64_t dsp_spectrum_scratch(const dsp_spectrum *spectrum);
/* Of x[n]: X[k] = sum_t window[t] x[t] exp(-2 pi i k t / n), k = 0..n/2, or |X|^2. */
void dsp_spectrum_bins(const dsp_spectrum *spectrum, const float *x, double *scratch,
                       float complex *bins);
void dsp_spectrum_power(const dsp_spectrum *spectrum, const float *x, double *scratch,
                        float *power);

#endif
