/* data/sources/performance.h - drum performances played with one-shots; their rows are crops of an
 * eighth note. */
#ifndef DATA_SOURCES_PERFORMANCE_H
#define DATA_SOURCES_PERFORMANCE_H

#include "data/sources/parts.h"

/* The options of an origin whose source is data_source_performance. */
typedef struct {
    data_parts_options parts;
    double tempo_bpm[2]; /* quarter notes a minute */
    int64_t songs, bars; /* bars of each song */
} data_performance_options;

typedef struct {
    double step_s; /* an eighth note */
    int64_t n_steps;
    const data_part_set *set; /* [n_steps] what is struck at each */
} data_song;

/* Its state. */
typedef struct {
    data_parts parts;
    const data_song *song;        /* [options.songs] */
    data_part_set hats, open_hat; /* a hat that is struck ends an open one's ringing */
} data_performance;

/* Plays a whole song of a loaded performance; its rows are crops of it. */
base_status data_performance_play(const data_performance *performance, int64_t song,
                                  data_audio *audio, base_error *err);

#endif
