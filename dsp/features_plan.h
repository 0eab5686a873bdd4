/* dsp/features_plan.h - what the files of the front end share: its options resolved to extents. */
#ifndef DSP_FEATURES_PLAN_H
#define DSP_FEATURES_PLAN_H

#include "dsp/descriptors.h"
#include "dsp/features.h"
#include "dsp/kernels.h"
#include "dsp/mel.h"
#include "dsp/mfcc.h"
#include "dsp/raster.h"
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
    dsp_descriptors *descriptors;       /* of their kind */
    int64_t n_parts;                    /* of the planes, normalised apart: 2 for raster_log_mel */
    int64_t n_norm; /* for each part: F for feature, 1 for dataset and minmax, otherwise 0 */
    bool fitted;
    float *offset, *scale; /* [n_norm] */
};

/* Whether what the network is given, or its cosine transform, is decibels. */
bool dsp_features_is_decibels(const dsp_features_options *options);

/* Where the offset and scale of row i of all planes' rows are. */
int64_t dsp_features_norm_index(const dsp_features *features, int64_t i);

/* y = (x - offset) / scale over the filled frames of a clip [C,F,T], as far as it is known. */
void dsp_features_normalize(const dsp_features *features, float *out);

#endif
