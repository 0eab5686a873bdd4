/* dsp/loudness.h - integrated loudness in LUFS, as ITU-R BS.1770-4.
 *
 * Mean squares of K-weighted sound over blocks of 400 ms, a new one every 100 ms; those above -70
 * LUFS, and of these the ones no more than 10 LU below their mean, are averaged. The filters are
 * the recommendation's analogue prototypes, at any sample rate; at 48 kHz they have its
 * coefficients. */
#ifndef DSP_LOUDNESS_H
#define DSP_LOUDNESS_H

#include "base/status.h"

/* The two sections of the K-weighting: y = b0 x + b1 x' + b2 x'' - a1 y' - a2 y''. */
typedef struct {
    double b[3], a[3]; /* a[0] is 1 */
} dsp_biquad;
void dsp_loudness_filters(double sample_rate_hz, dsp_biquad filters[2]);

/* Up to two channels, which weigh the same: channel c is x[c * stride .. c * stride + n). */
typedef struct {
    const float *x;
    int64_t n_channels, n, stride;
    double sample_rate_hz; /* >= 8000 */
} dsp_loudness_sound;

/* Of the 64-byte aligned scratch for n samples or fewer. */
size_t dsp_loudness_scratch_bytes(int64_t n, double sample_rate_hz);

/* A sound shorter than a block is taken as followed by silence. NaN if no block is above -70 LUFS.
 */
double dsp_loudness_lufs(const dsp_loudness_sound *sound, void *scratch);

#endif
