/* infer/library/one_shot.h - a sound made ready to be played as part of a kit. */
#ifndef LIBRARY_ONE_SHOT_H
#define LIBRARY_ONE_SHOT_H

#include "data/audio.h"

typedef struct {
    double loudness_lufs; /* NaN: below -70 LUFS */
    double peak;
} library_level;

/* Cuts off what stands before the sound (50 dB below its peak, but for 1 ms) and behind it (60 dB
 * below), fades both ends, keeps no more than two channels, and measures what is left. EDATA:
 * silent. */
base_status library_one_shot_trim(data_audio *audio, library_level *level, base_error *err);

void library_one_shot_gain(data_audio *audio, double gain);

/* The loudness that n sounds can have in common with no peak above -1 dBFS, but no less than -24
 * LUFS: what is softer then is as loud as it can be. */
double library_common_loudness(const library_level *levels, int64_t n);
/* The gain that brings a sound there. */
double library_gain_to(const library_level *level, double loudness_lufs);

#endif
