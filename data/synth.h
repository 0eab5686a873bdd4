/* data/synth.h - a small drum synthesiser: real enough to try everything without a file.
 *
 * kick, snare, closedhat, openhat, clap, tom, cymbal, cowbell, rim; each hit's parameters (pitch,
 * decay, noise, drive, level) are drawn from base_rng_open(seed, SYNTH, class, number). Mono, 44.1
 * kHz, up to 1.5 s. */
#ifndef DATA_SYNTH_H
#define DATA_SYNTH_H

#include "base/arena.h"
#include "data/audio_file.h"

#define DATA_SYNTH_N_CLASSES 9
extern const char *const data_synth_classes[DATA_SYNTH_N_CLASSES];

base_status data_synth_hit(int class_index, int64_t number, uint64_t seed, data_audio *audio,
                           base_error *err);

#endif
