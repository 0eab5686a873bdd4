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

/* Hits stand among files by a name, "synth:CLASS:NUMBER:SEED". _is_name tells them apart;
 * _name makes one in the arena (NULL: no memory); _read renders one, EDATA if it names no hit. */
bool data_synth_is_name(const char *path);
char *data_synth_name(int class_index, int64_t number, int64_t seed, base_arena *arena);
base_status data_synth_read(const char *name, data_audio *audio, base_error *err);

#endif
