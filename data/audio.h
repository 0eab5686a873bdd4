/* data/audio.h - samples in memory. */
#ifndef DATA_AUDIO_H
#define DATA_AUDIO_H

#include "base/status.h"

typedef struct {
    float *x; /* planar: channel c has [c * n, (c + 1) * n); base_free */
    int64_t n_channels, n;
    double sample_rate_hz;
} data_audio;

typedef struct {
    double begin_s, end_s; /* span; end 0: to the end */
    double max_s;          /* cut after this much of the span; 0: 600 s */
} data_audio_span;

/* A sound file in memory. */
typedef struct {
    const void *bytes;
    size_t n_bytes;
    const char *name; /* in errors */
} data_audio_bytes;

void data_audio_release(data_audio *audio); /* NULL is fine */

/* Keeps frames [begin, end), in the same memory. */
void data_audio_crop(data_audio *audio, int64_t begin, int64_t end);
/* Linear fades of the first n_in and the last n_out samples, each over a quarter of them at most.
 */
void data_audio_fade(data_audio *audio, int64_t n_in, int64_t n_out);

#endif
