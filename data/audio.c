#include "data/audio.h"

#include <string.h>

#include "base/arena.h"
#include "dsp/effects.h"

void data_audio_release(data_audio *audio) {
    if (audio == NULL) return;
    base_free(audio->x);
    *audio = (data_audio){0};
}

void data_audio_crop(data_audio *audio, int64_t begin, int64_t end) {
    int64_t n = end - begin;
    for (int64_t c = 0; c < audio->n_channels; c++) {
        memmove(audio->x + c * n, audio->x + c * audio->n + begin, (size_t)n * sizeof *audio->x);
    }
    audio->n = n;
}

void data_audio_fade(data_audio *audio, int64_t n_in, int64_t n_out) {
    int64_t n = audio->n;
    if (n_in > n / 4) n_in = n / 4;
    if (n_out > n / 4) n_out = n / 4;
    for (int64_t c = 0; c < audio->n_channels; c++) {
        for (int64_t i = 0; i < n_in; i++) audio->x[c * n + i] *= (float)i / (float)n_in;
    }
    dsp_fade_out((dsp_clip){audio->x, audio->n_channels, n, audio->sample_rate_hz}, n_out);
}
