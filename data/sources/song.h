/* data/sources/song.h - which drums a made-up song strikes when; no sound yet.
 *
 * Four beats to the bar, cut into eighths. Sections of four bars repeat a pattern of bass drum,
 * snare and a timekeeper (closed hat, open hat or ride) with variations; the last bar of a section
 * ends in a fill on snare and toms, and the next one begins with a crash. */
#ifndef DATA_SOURCES_SONG_H
#define DATA_SOURCES_SONG_H

#include "base/rng.h"
#include "data/sources/parts.h"

enum { DATA_SONG_STEPS = 8 }; /* of a bar */

/* Streams of a song's random numbers; step i has the last of them plus i. */
enum {
    DATA_SONG_TEMPO,
    DATA_SONG_NOTES,
    DATA_SONG_SOUNDS, /* which of a pool's one-shots */
    DATA_SONG_STROKES
};
base_rng data_song_stream(uint64_t seed, int64_t song, int64_t stream);

/* The names of the parts it strikes: B, S, CH, OH, R, FT, MT, C. */
enum { DATA_SONG_CLOSED_HAT = 2, DATA_SONG_OPEN_HAT = 3, DATA_SONG_N_PARTS = 8 };
extern const char *const data_song_parts[DATA_SONG_N_PARTS];

/* Writes song number `song` of a seed: bit[i] stands for data_song_parts[i] in the sets;
 * set [bars * DATA_SONG_STEPS] is overwritten. */
void data_song_write(uint64_t seed, int64_t song, const data_part_set bit[DATA_SONG_N_PARTS],
                     int64_t bars, data_part_set *set);

/* The song's tempo, drawn from bpm[0]..bpm[1]: seconds of an eighth note. */
double data_song_step_s(uint64_t seed, int64_t song, const double bpm[2]);

#endif
