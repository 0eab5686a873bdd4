#include "data/audio.h"

#include "base/arena.h"

void data_audio_release(data_audio *audio) {
    if (audio == NULL) return;
    base_free(audio->x);
    *audio = (data_audio){0};
}
