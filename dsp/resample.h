/* dsp/resample.h - change of sample rate; the only user of libsoxr (VHQ). */
#ifndef DSP_RESAMPLE_H
#define DSP_RESAMPLE_H

#include "base/status.h"

/* Samples out for n in: ceil(n * to / from). */
int64_t dsp_resample_length(int64_t n, double from_hz, double to_hz);
/* One channel, x[n] -> y[dsp_resample_length]; delay compensated. ratio from/to within 1/256..256.
 */
base_status dsp_resample(const float *x, int64_t n, double from_hz, double to_hz, float *y,
                         base_error *err);

#endif
