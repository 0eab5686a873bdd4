/* dsp/onset.h - where something is struck: onsets by SuperFlux (Boeck & Widmer, "Maximum Filter
 * Vibrato Suppression for Onset Detection", DAFx 2013), and where exactly an attack begins.
 *
 * 200 frames a second, each a Hann window of about 46 ms; magnitudes are summed by triangles, 24 an
 * octave from 30 Hz to 17 kHz, and taken as B = log10(1 + sum). With M(t, b) = max(B(t, b - 1),
 * B(t, b), B(t, b + 1)) the strength of frame t is the sum over b of max(0, B(t, b) - M(t - lag,
 * b)), where lag is the frames after which the window has fallen to half.
 *
 * A frame is an onset if its strength is the largest from 30 ms before to 50 ms after it, lies
 * `threshold` above the mean from 100 ms before to 70 ms after, and comes more than 30 ms after the
 * onset before it.
 *
 * A recording of any length is fed piece by piece; what is kept of it is 8 bytes a frame. */
#ifndef DSP_ONSET_H
#define DSP_ONSET_H

#include "base/status.h"

#define DSP_ONSET_FRAMES_HZ 200.0

typedef struct dsp_onset dsp_onset; /* one thread at a time */

/* sample_rate_hz 8000 to 768000. Samples are multiplied by `gain`: thresholds are meant for a
 * recording whose peak is 1. */
base_status dsp_onset_new(double sample_rate_hz, double gain, dsp_onset **onset, base_error *err);
void dsp_onset_free(dsp_onset *onset); /* NULL is fine */

/* The next n >= 0 mono samples. EMEMORY. */
base_status dsp_onset_add(dsp_onset *onset, const float *x, int64_t n, base_error *err);
/* Ends the recording: computes the frames that reach over its end, where zeros follow. */
base_status dsp_onset_finish(dsp_onset *onset, base_error *err);

/* Frame t is centred on sample dsp_onset_sample(onset, t). */
int64_t dsp_onset_frames(const dsp_onset *onset);
int64_t dsp_onset_sample(const dsp_onset *onset, int64_t t);
const float *dsp_onset_strength(const dsp_onset *onset); /* [frames] */
/* [frames] largest |sample| from each frame's centre to the next one's, times `gain` */
const float *dsp_onset_level(const dsp_onset *onset);

/* The threshold that scored best on rendered performances (tests/onsets). */
#define DSP_ONSET_THRESHOLD 1.25

/* The first onset after the one at frame `before` (-1: of all); -1: there is none. */
int64_t dsp_onset_next(const dsp_onset *onset, int64_t before, double threshold);

/* The sample at which a slice should begin so that the attack near sample `at` of x[n] is whole:
 * the steepest rise of the differenced sound's level within 40 ms around it, followed back to where
 * the level stops falling, then 1 ms before that back to the last zero crossing, if there is one
 * within 5 ms. 0 <= at < n; the result is in 0..n - 1. */
int64_t dsp_attack_begin(const float *x, int64_t n, int64_t at, double sample_rate_hz);

#endif
