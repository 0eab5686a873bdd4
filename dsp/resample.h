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

#endif
