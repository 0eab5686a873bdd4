/* dsp/fft.h - real discrete Fourier transforms; the only user of FFTW.
 *
 * In double precision: a quiet band beside a loud one drowns in the rounding of a float transform,
 * and FFTW's real transforms are no slower in double.
 *
 * Plans are made with FFTW_ESTIMATE under a mutex, so that they are the same every time; running
 * one is thread-safe as long as each thread has its own buffers. */
#ifndef DSP_FFT_H
#define DSP_FFT_H

#include <complex.h>

#include "base/status.h"

typedef struct dsp_fft dsp_fft;

/* Real transforms of length n >= 1 (any n; fast where n has small factors). */
base_status dsp_fft_new(int64_t n, dsp_fft **fft, base_error *err);
void dsp_fft_free(dsp_fft *fft);
int64_t dsp_fft_size(const dsp_fft *fft);

/* X[k] = sum_t x[t] exp(-2 pi i k t / n), k = 0..n/2. x and X are 64-byte aligned and apart; x is
 * preserved. */
void dsp_fft_forward(const dsp_fft *fft, const double *x, double complex *X);
/* The inverse, scaled by 1/n, so that inverse(forward(x)) = x. X is destroyed. */
void dsp_fft_inverse(const dsp_fft *fft, double complex *X, double *x);

#endif
