/* dsp/resample.h - change of sample rate; the only user of libsoxr (VHQ). */
#ifndef DSP_RESAMPLE_H
#define DSP_RESAMPLE_H

#include "base/status.h"
#include "dsp/clip.h"

/* Samples out for n in: ceil(n * to / from). */
int64_t dsp_resample_length(int64_t n, double from_hz, double to_hz);
/* All channels of a clip, each into dsp_resample_length samples of y, one after the other; delay
 * compensated. EDATA unless the ratio of the rates is within 1/256..256. */
base_status dsp_resample(dsp_clip clip, double to_hz, float *y, base_error *err);

/* The same block by block, to the same bits. */
typedef struct dsp_resampler dsp_resampler;

/* EDATA as above; EMEMORY. */
base_status dsp_resampler_new(double from_hz, double to_hz, int64_t n_channels,
                              dsp_resampler **resampler, base_error *err);
void dsp_resampler_free(dsp_resampler *resampler); /* NULL is fine */
/* Takes the next block, planar and of any length; `last` ends the sound. *y, the resampler's own
 * until the next call, are *n samples of each channel, one channel after the other: what follows on
 * what was given before. After the last block they sum up to dsp_resample_length. */
base_status dsp_resampler_push(dsp_resampler *resampler, dsp_clip block, bool last, const float **y,
                               int64_t *n, base_error *err);

#endif
