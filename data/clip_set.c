#include "data/clip_set.h"

#include <string.h>

void data_clips_release(data_clips *clips) {
    if (clips == NULL) return;
    base_free(clips->row);
    base_free(clips->label);
    base_free(clips->offset);
    if (clips->cache == NULL) base_free(clips->audio);
    base_h5_reader_free(clips->cache);
    *clips = (data_clips){0};
}

int64_t data_clips_valid(const data_clips *clips, int64_t clip) {
    return (clips->offset[clip + 1] - clips->offset[clip]) / clips->n_channels;
}

void data_clips_load(const data_clips *clips, int64_t clip, float *out) {
    BASE_CHECK(clip >= 0 && clip < clips->n_clips);
    int64_t n = data_clips_valid(clips, clip), room = clips->n_samples;
    const float *x = clips->audio + clips->offset[clip];
    for (int64_t c = 0; c < clips->n_channels; c++) {
        memcpy(out + c * room, x + c * n, (size_t)n * sizeof *out);
        memset(out + c * room + n, 0, (size_t)(room - n) * sizeof *out);
    }
}
