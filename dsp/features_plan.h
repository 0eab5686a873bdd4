/* dsp/features_plan.h - what the files of the front end share: its options resolved to extents. */
#ifndef DSP_FEATURES_PLAN_H
#define DSP_FEATURES_PLAN_H

#include "dsp/features.h"
#include "dsp/kernels.h"
#include "dsp/mel.h"
#include "dsp/mfcc.h"
#include "dsp/stft.h"

struct dsp_features {
    dsp_features_options options;
    const dsp_kernels_table *kernels;
    int64_t n_channels, n_samples;
    int64_t n_bins;                     /* of the transform */
    int64_t n_planes, n_rows, n_frames; /* the output's C, F, T */
    int64_t n_filled;                   /* frames the clip gives, at most T; the rest is zero */
    dsp_stft *stft;                     /* framed kinds */
    dsp_mel *mel;                       /* log_mel, mel_power, mfcc */
    dsp_dct dct;                        /* mfcc: n_mfcc from n_mels; owns its matrix */
    int64_t n_norm;                     /* F for feature, 1 for dataset and minmax, otherwise 0 */
    bool fitted;
    float *offset, *scale; /* [n_norm] */
};

/* y = (x - offset) / scale over the filled frames of a clip [C,F,T], as far as it is known. */
void dsp_features_normalize(const dsp_features *features, float *out);

#endif
