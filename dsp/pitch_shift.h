/* dsp/pitch_shift.h - pitch shift of a whole clip.
 *
 * phase_vocoder keeps the duration: time stretch by a phase vocoder with identity phase locking
 * (Laroche & Dolson 1999) and transient phase reset, then resampling back. varispeed changes pitch
 * and duration together, like a tape: resampling, then cut or zero-padded to the clip's length. */
#ifndef DSP_PITCH_SHIFT_H
#define DSP_PITCH_SHIFT_H

#include "dsp/effects.h"

typedef enum { DSP_PHASE_VOCODER, DSP_VARISPEED } dsp_pitch_kind;

typedef struct dsp_pitch_shift
    dsp_pitch_shift; /* plans and windows; immutable, shared by threads */

/* For clips of up to max_samples per channel and shifts within +-max_semitones (<= 24). */
base_status dsp_pitch_shift_new(dsp_pitch_kind kind, int64_t max_samples, double max_semitones,
                                dsp_pitch_shift **shift, base_error *err);
void dsp_pitch_shift_free(dsp_pitch_shift *shift);
size_t dsp_pitch_shift_scratch_bytes(const dsp_pitch_shift *shift);
/* In place; scratch 64-byte aligned, one per thread. 0 semitones leaves the clip as it is. */
void dsp_pitch_shift_apply(const dsp_pitch_shift *shift, dsp_clip clip, double semitones,
                           void *scratch);

#endif
