/* data/performance.h - which drums a made-up song strikes when; no sound yet.
 *
 * Four beats to the bar, cut into eighths. Sections of four bars repeat a pattern of bass drum,
 * snare and a timekeeper (closed hat, open hat or ride) with variations; the last bar of a section
 * ends in a fill on snare and toms, and the next one begins with a crash. */
#ifndef DATA_PERFORMANCE_H
#define DATA_PERFORMANCE_H

#include "base/rng.h"
#include "data/mix.h"

enum { DATA_PERFORMANCE_STEPS = 8 }; /* of a bar */

/* Streams of a song's random numbers; step i has the last of them plus i. */
enum {
    DATA_PERFORMANCE_TEMPO,
    DATA_PERFORMANCE_NOTES,
    DATA_PERFORMANCE_SOUNDS, /* which of a pool's one-shots */
    DATA_PERFORMANCE_STROKES
};
base_rng data_performance_open(uint64_t seed, int64_t song, int64_t stream);

/* The names of the parts it strikes: B, S, CH, OH, R, FT, MT, C. */
enum {
    DATA_PERFORMANCE_CLOSED_HAT = 2,
    DATA_PERFORMANCE_OPEN_HAT = 3,
    DATA_PERFORMANCE_N_PARTS = 8
};
extern const char *const data_performance_parts[DATA_PERFORMANCE_N_PARTS];

/* Writes song number `song` of a seed: bit[i] stands for data_performance_parts[i] in the sets;
 * set [bars * DATA_PERFORMANCE_STEPS] is overwritten. */
void data_performance_write(uint64_t seed, int64_t song,
                            const data_mix_set bit[DATA_PERFORMANCE_N_PARTS], int64_t bars,
                            data_mix_set *set);

/* The song's tempo, drawn from bpm[0]..bpm[1]: seconds of an eighth note. */
double data_performance_step(uint64_t seed, int64_t song, const double bpm[2]);

#endif
