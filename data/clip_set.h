/* data/clip_set.h - prepared clips in memory, one after the other. */
#ifndef DATA_CLIP_SET_H
#define DATA_CLIP_SET_H

#include "base/h5.h"

typedef struct {
    double sample_rate_hz;
    int64_t n_channels, n_samples; /* per channel of a padded clip */
    int64_t n_clips;
    int64_t *row;    /* [n_clips] manifest row of each */
    int32_t *label;  /* [n_clips] class */
    int64_t *offset; /* [n_clips + 1] start in audio, floats; clip i has n = (offset[i+1]-offset[i])
                        / n_channels valid samples, planar */
    float *audio;
    base_h5_reader *cache; /* whose memory the audio is; NULL: the audio's is its own */
} data_clips;

void data_clips_release(data_clips *clips);
int64_t data_clips_valid(const data_clips *clips, int64_t clip); /* samples per channel */
/* Copies clip i into out [n_channels, n_samples], zero-padded. */
void data_clips_load(const data_clips *clips, int64_t clip, float *out);

#endif
