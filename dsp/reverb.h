/* dsp/reverb.h - a short room: convolution with decaying noise, another in each channel.
 *
 * J. A. Moorer, "About this reverberation business", Computer Music Journal 3(2), 1979: noise that
 * decays exponentially sounds like a concert hall's response. Here what lies above 3 kHz (6 dB per
 * octave) decays twice as fast as the rest. */
#ifndef DSP_REVERB_H
#define DSP_REVERB_H

#include "base/rng.h"
#include "dsp/clip.h"
#include "dsp/scratch.h"

typedef struct {
    double wet;        /* 0..1: (1 - wet) of the clip and wet of the room, whose response has the
                        * energy 1 */
    double decay_s;    /* > 0: time to -60 dB, where the response ends */
    double predelay_s; /* >= 0: before the response begins */
} dsp_room;

typedef struct dsp_reverb dsp_reverb; /* immutable, shared by threads */

/* For clips of up to form's length and rooms whose decay and delay are no longer than those of
 * `longest`. Fails for want of memory, or for clips that are too long (ECONFIG). */
base_status dsp_reverb_new(const dsp_clip_form *form, dsp_room longest, dsp_reverb **reverb,
                           base_error *err);
void dsp_reverb_free(dsp_reverb *reverb);
size_t dsp_reverb_scratch_bytes(const dsp_reverb *reverb);

/* What rings on past the clip's end is cut. Silence stays as it is. */
void dsp_reverb_apply(const dsp_reverb *reverb, dsp_clip clip, dsp_room room, base_rng *rng,
                      void *scratch);

/* The response of a channel, without the delay before it, into response[n], n <=
 * dsp_reverb_response_samples. */
int64_t dsp_reverb_response_samples(double decay_s, double sample_rate_hz);
void dsp_reverb_response(double decay_s, double sample_rate_hz, base_rng *rng, double *response,
                         int64_t n);

#endif
