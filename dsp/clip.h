/* dsp/clip.h - one sound in memory. */
#ifndef DSP_CLIP_H
#define DSP_CLIP_H

#include <stdbool.h>
#include <stdint.h>

/* Planar: channel c has the samples x[c * n, (c + 1) * n). */
typedef struct {
    float *x;
    int64_t n_channels, n; /* n samples per channel */
    double sample_rate_hz;
} dsp_clip;

/* What all clips of one kind have in common. */
typedef struct {
    double sample_rate_hz;
    int64_t n_channels, n_samples; /* n_samples per channel */
} dsp_clip_form;

/* Whether all samples x[n] are zero, of either sign. */
bool dsp_is_silent(const float *x, int64_t n);
/* The number of samples up to and including the last one that is not zero; 0: there is none. */
int64_t dsp_sounding(const float *x, int64_t n);

#endif
