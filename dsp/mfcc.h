/* dsp/mfcc.h - cepstral coefficients from log-mel spectra, as librosa.feature.mfcc and .delta. */
#ifndef DSP_MFCC_H
#define DSP_MFCC_H

#include "base/status.h"

/* Orthonormal DCT-II: row k of n_out = cos(pi k (2 i + 1) / (2 n_in)), scaled. */
typedef struct {
    int64_t n_out, n_in;
    float *matrix; /* [n_out, n_in], the caller's */
} dsp_dct;

void dsp_dct_fill(const dsp_dct *dct);
/* y[n_out, stride] = matrix times x[n_in, stride], over the first n columns. */
void dsp_dct_apply(const dsp_dct *dct, const float *x, float *y, int64_t stride, int64_t n);
/* First (order 1) or second derivative of x[n] over 9 points: Savitzky & Golay (1964), a polynomial
 * of degree `order`; the ends are repeated outwards. */
void dsp_delta(int order, const float *x, float *y, int64_t n);

#endif
