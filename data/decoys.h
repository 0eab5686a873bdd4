/* data/decoys.h - synthesised sounds that are no drums, for a model to learn to refuse.
 *
 * Kinds: tone (a steady wave), chord, sweep, noise (long, coloured, swelling), hum (mains and its
 * harmonics), clicks (impulses, alone and in trains), speech (a buzz or noise through gliding
 * formants, in syllables), pluck (a string, K. Karplus, A. Strong, "Digital synthesis of
 * plucked-string and drum timbres", 1983), bell (frequency modulation) and music (several of the
 * others at once, one after the other). A sound's parameters are drawn from base_rng_open(seed,
 * DECOY, kind, number): the same seed gives the same bytes. Mono, 44.1 kHz, 0.3 to 2 s; clicks may
 * be shorter than a millisecond, with silence behind. */
#ifndef DATA_DECOYS_H
#define DATA_DECOYS_H

#include "data/audio_file.h"

#define DATA_DECOYS_N_KINDS 10
extern const char *const data_decoys_kinds[DATA_DECOYS_N_KINDS];

base_status data_decoys_make(int kind, int64_t number, uint64_t seed, data_audio *audio,
                             base_error *err);

#endif
