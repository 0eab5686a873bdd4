/* dsp/features.h - the front end: waveform in, network input out.
 *
 * One description drives training, inference and every export. Output is [C,F,T] for one clip:
 * kind waveform: [channels, 1, n]; stft: [channels, bins, T]; log_mel, mel_power: [channels,
 * n_mels, T]; mfcc: [channels * (1 + deltas), n_mfcc, T]; descriptors: [1, DSP_N_DESCRIPTORS, 1],
 * the table of dsp/descriptors.h as dsp_descriptors_features gives it; raster: [channels, n_mels,
 * T], the picture of dsp/raster.h; raster_log_mel: [2 * channels, n_mels, T], all channels'
 * rasters, then their log_mels, two parts that are normalised apart. Formulas as librosa 0.11: mel
 * power = mel filters on |STFT|^2; log_mel = 10 log10(max(power, amin)) - reference, cut top_db
 * below the clip's maximum (0: no cut); MFCC = orthonormal DCT-II of log_mel; deltas by
 * Savitzky-Golay over 9 frames, nearest at the ends; plane c * (1 + deltas) + d is derivative d of
 * channel c. */
#ifndef DSP_FEATURES_H
#define DSP_FEATURES_H

#include "base/options.h"
#include "base/parallel.h"
#include "base/text.h"
#include "dsp/clip.h"

typedef enum {
    DSP_WAVEFORM,
    DSP_STFT,
    DSP_LOG_MEL,
    DSP_MEL_POWER,
    DSP_MFCC,
    DSP_DESCRIPTORS,
    DSP_RASTER,
    DSP_RASTER_LOG_MEL
} dsp_features_kind;
typedef enum {
    DSP_NORM_NONE,
    DSP_NORM_CLIP,
    DSP_NORM_FEATURE,
    DSP_NORM_DATASET,
    DSP_NORM_MINMAX
} dsp_norm_kind;

/* `features:` in a config. */
typedef struct {
    int kind;                       /* dsp_features_kind */
    int64_t n_fft, hop, win_length; /* win_length 0: n_fft */
    int window;                     /* dsp_window_kind */
    bool centered;
    int pad; /* dsp_pad_kind */
    int64_t n_mels;
    double fmin_hz, fmax_hz;
    bool htk, area;
    bool empty;     /* mel: filters without a bin are allowed */
    bool root;      /* mel: square root of the power, before decibels */
    double power;   /* stft: 1 magnitude, 2 power */
    bool scale;     /* stft: divide by sqrt(n_fft) */
    bool drop_last; /* stft: leave out the last bin */
    bool decibels;  /* stft: 10 log10(max(value, amin)), levelled as log_mel */
    double amin, top_db;
    int reference; /* 0: one ("1.0"), 1: max (of the clip) */
    int64_t n_mfcc;
    int64_t deltas;    /* 0, 1, 2 */
    int normalize;     /* dsp_norm_kind: per clip; per feature row and per data set (fitted) */
    bool mask_padding; /* false: every frame counts as valid */
    int64_t frames;    /* 0: as many as the clip gives; otherwise cut or zero-padded to this many */
} dsp_features_options;

extern const base_option dsp_features_table[];

/* Whether a clip is cut into frames and transformed. */
bool dsp_features_is_framed(const dsp_features_options *options);

typedef struct dsp_features
    dsp_features; /* immutable but for the normalisation; shared by threads */

/* For clips of that form. */
base_status dsp_features_new(const dsp_features_options *options, const dsp_clip_form *form,
                             dsp_features **features, base_error *err);
void dsp_features_free(dsp_features *features);
/* Extents [C,F,T] of the output. */
void dsp_features_shape(const dsp_features *features, int64_t shape[3]);
size_t dsp_features_scratch_bytes(const dsp_features *features);
/* About how many multiply-adds one clip takes. */
double dsp_features_work(const dsp_features *features);

/* audio: n_channels rows of n_samples (row stride n_samples). out [C,F,T] overwritten. scratch:
 * 64-byte aligned, one per thread. Deterministic; no allocation (but FFTW's own where n_fft is
 * odd). */
void dsp_features_apply(const dsp_features *features, const float *audio, void *scratch,
                        float *out);
/* Valid frames of a clip whose first n_valid samples are valid (the rest being padding):
 * 1 + (n_valid - 1) / hop for framed kinds, n_valid for waveform, at most those the clip gives; T
 * without mask_padding. */
int64_t dsp_features_valid_frames(const dsp_features *features, int64_t n_valid);

/* Fitted normalisation. feature: F means and standard deviations; dataset: one of each; minmax:
 * minimum and range of all; others none; as many again for each further part. y = (x - offset) /
 * scale. */
int64_t dsp_features_norm_size(const dsp_features *features);
bool dsp_features_needs_fit(const dsp_features *features); /* has such and none is set yet */
void dsp_features_set_norm(dsp_features *features, const float *offset, const float *scale);
void dsp_features_get_norm(const dsp_features *features, float *offset, float *scale);

/* Fits over clips: add() each clip's unnormalised output (apply before set_norm gives that), in a
 * fixed order, then finish. */
typedef struct dsp_features_fit dsp_features_fit;
base_status dsp_features_fit_new(const dsp_features *features, dsp_features_fit **fit,
                                 base_error *err);
void dsp_features_fit_add(dsp_features_fit *fit, const float *out);
void dsp_features_fit_finish(dsp_features_fit *fit, dsp_features *features); /* frees fit */
void dsp_features_fit_free(dsp_features_fit *fit);

#endif
