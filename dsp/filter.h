/* dsp/filter.h - second-order filters (biquads), in double.
 *
 * R. Bristow-Johnson, "Cookbook formulae for audio equalizer biquad filter coefficients": analogue
 * prototypes, the bilinear transform, frequencies prewarped. */
#ifndef DSP_FILTER_H
#define DSP_FILTER_H

#include "dsp/clip.h"

typedef enum {
    DSP_FILTER_LOWPASS,   /* 12 dB per octave; q 0.707 is a Butterworth filter */
    DSP_FILTER_HIGHPASS,  /* likewise */
    DSP_FILTER_LOW_SHELF, /* gain_db below hz; q 0.707 is the steepest slope without a bump */
    DSP_FILTER_PEAK,      /* gain_db around hz, q = hz over the width between half of gain_db */
    DSP_FILTER_HIGH_SHELF /* gain_db above hz */
} dsp_filter_kind;

typedef struct {
    dsp_filter_kind kind;
    double hz;      /* > 0; taken as at most 0.49 of the sample rate */
    double q;       /* > 0 */
    double gain_db; /* of shelves and peaks */
} dsp_filter;

/* y[t] = b[0] x[t] + b[1] x[t-1] + b[2] x[t-2] - a[0] y[t-1] - a[1] y[t-2]; always stable. */
typedef struct {
    double b[3], a[2];
} dsp_biquad;

dsp_biquad dsp_filter_design(dsp_filter filter, double sample_rate_hz);

enum { DSP_FILTERS_AT_ONCE = 4 };
/* One after the other, up to DSP_FILTERS_AT_ONCE, each channel from silence. What rings on after
 * the sound below -180 dB re 1 ends there. */
void dsp_filter_apply(dsp_clip clip, const dsp_filter *filters, int n);

#endif
