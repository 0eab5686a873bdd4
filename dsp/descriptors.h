/* dsp/descriptors.h - named features of a clip: its pitch, tone and loudness.
 *
 * A clip ends with its last non-zero sample, so padding has no effect. Pitch, tone and
 * times are those of the mean of the channels; levels are over all channels. The front end's kind
 * `descriptors` and `rimshot data descriptors` give the same numbers.
 *
 * Tone is the plain mean over the frames of librosa 0.11 with its defaults: n_fft 2048, hop 512,
 * Hann, centred, padded with zeros; centroid, spread (spectral_bandwidth) and rolloff (85 %) of the
 * magnitude, flatness of the power, zero_crossing_rate, and mfcc with 128 mels, cut 80 dB below the
 * loudest. Pitch: dsp/pitch.h. Loudness: dsp/loudness.h. */
#ifndef DSP_DESCRIPTORS_H
#define DSP_DESCRIPTORS_H

#include "base/status.h"

enum { DSP_N_DESCRIPTORS = 28 };

typedef struct {
    const char *name, *unit, *help; /* unit "" if it has none; help: one sentence without a stop */
    /* As a network's input. */
    double neutral;     /* replaces an undefined value; NaN: it is always defined */
    double lower_bound; /* > 0: log2(max(value, lower_bound)) is given, so a step is a ratio */
} dsp_descriptor;

extern const dsp_descriptor dsp_descriptor_table[DSP_N_DESCRIPTORS];

typedef struct dsp_descriptors dsp_descriptors; /* immutable once made: shared by threads */

/* For clips of `n_channels` (1 or 2) and at most max_samples per channel; ECONFIG for rates below
 * 8000 Hz or no samples. */
base_status dsp_descriptors_new(double sample_rate_hz, int64_t n_channels, int64_t max_samples,
                                dsp_descriptors **descriptors, base_error *err);
void dsp_descriptors_free(dsp_descriptors *descriptors);
/* Of the 64-byte aligned scratch that a call needs. */
size_t dsp_descriptors_scratch_bytes(const dsp_descriptors *descriptors);

/* x: n_channels rows of n samples, 1 <= n <= max_samples. What a clip does not have (the pitch of
 * noise, the level of silence) is NaN; so is everything where x is not finite. */
void dsp_descriptors_measure(const dsp_descriptors *descriptors, const float *x, int64_t n,
                             void *scratch, double values[DSP_N_DESCRIPTORS]);

/* The same as a network's input; finite unless x was not. */
void dsp_descriptors_features(const double values[DSP_N_DESCRIPTORS],
                              float features[DSP_N_DESCRIPTORS]);

#endif
