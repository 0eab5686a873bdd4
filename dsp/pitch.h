/* dsp/pitch.h - fundamental frequency by YIN (de Cheveigne & Kawahara, JASA 111(4), 2002).
 *
 * A frame begins every 10 ms and holds two periods of the lowest pitch, 32 Hz; frames over the end
 * are filled with zeros. The pitch of a frame is that of librosa.yin (0.11) with center=False: the
 * first trough below 0.4 of the cumulative mean normalized difference function, or else its lowest
 * place, refined by a parabola. (The usual 0.1 is for speech: in the noise of a drum no trough is
 * that deep.) librosa's difference counts what a shifted frame has lost; the confidence, 1 - d' at
 * the period found, leaves it out, so that an even tone has 1 at any pitch. */
#ifndef DSP_PITCH_H
#define DSP_PITCH_H

#include "base/status.h"

#define DSP_PITCH_LOWEST_HZ  32.0
#define DSP_PITCH_HIGHEST_HZ 3000.0

typedef struct dsp_pitch dsp_pitch; /* immutable once made: shared by threads */

typedef struct {
    double hz, confidence; /* confidence 0 (noise, silence) to 1 */
    double energy;         /* sum of squares */
} dsp_pitch_frame;

/* sample_rate_hz > 2 DSP_PITCH_HIGHEST_HZ. */
base_status dsp_pitch_new(double sample_rate_hz, dsp_pitch **pitch, base_error *err);
void dsp_pitch_free(dsp_pitch *pitch);
int64_t dsp_pitch_frame_length(const dsp_pitch *pitch);
int64_t dsp_pitch_hop(const dsp_pitch *pitch);
/* Frames that begin within n samples. */
int64_t dsp_pitch_frames(const dsp_pitch *pitch, int64_t n);
/* Of the 64-byte aligned scratch that a call for n samples or fewer needs. */
size_t dsp_pitch_scratch_bytes(const dsp_pitch *pitch, int64_t n);

/* The frame that begins at sample `start` of x[n], 0 <= start < n. */
dsp_pitch_frame dsp_pitch_at(const dsp_pitch *pitch, const float *x, int64_t n, int64_t start,
                             void *scratch);

/* One clip's pitch, told from its frames within 30 dB of the loudest. */
typedef struct {
    double hz;         /* median over voiced frames, weighted by energy; NaN: none is voiced */
    double confidence; /* mean over all of them, weighted by energy; voiced: at least 0.5 */
    double drop_st;    /* semitones from the median of the later half of the voiced frames up to the
                          first one; NaN: fewer than four are voiced */
} dsp_pitch_summary;

dsp_pitch_summary dsp_pitch_measure(const dsp_pitch *pitch, const float *x, int64_t n,
                                    void *scratch);

#endif
