/* dsp/mel.h - mel filter banks, as librosa.filters.mel.
 *
 * Slaney scale: linear below 1 kHz, logarithmic above (Auditory Toolbox, 1998); HTK scale:
 * 2595 log10(1 + f / 700). Norm slaney: each triangle has unit area. Stored sparse. */
#ifndef DSP_MEL_H
#define DSP_MEL_H

#include "base/status.h"

typedef struct {
    double sample_rate_hz, fmin_hz, fmax_hz; /* fmax 0: half the sample rate */
    int64_t n_fft, n_mels;
    bool htk;  /* scale */
    bool area; /* slaney norm */
} dsp_mel_options;

typedef struct dsp_mel dsp_mel;

/* ECONFIG if a filter has no bin in it (too many mels for n_fft), naming the filter, unless
 * allow_empty. */
base_status dsp_mel_new(const dsp_mel_options *options, bool allow_empty, dsp_mel **mel,
                        base_error *err);
void dsp_mel_free(dsp_mel *mel);
/* power[n_fft / 2 + 1] -> out[n_mels] */
void dsp_mel_apply(const dsp_mel *mel, const float *power, float *out);
/* Dense row m of n_fft / 2 + 1 weights. */
void dsp_mel_row(const dsp_mel *mel, int64_t m, float *row);
double dsp_hz_to_mel(double hz, bool htk);
double dsp_mel_to_hz(double mel, bool htk);

#endif
