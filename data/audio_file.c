#include "data/audio_file.h"

#include <math.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "data/sound.h"
#include "dsp/sound_memory.h"

/* Decodes all and closes. */
static base_status read_all(data_sound *sound, data_audio *audio, base_error *err) {
    base_status status = data_sound_read_all(sound, audio, err);
    data_sound_close(sound);
    return status;
}

base_status data_audio_decode(data_audio_bytes file, const data_audio_span *span, data_audio *audio,
                              base_error *err) {
    data_sound *sound;
    *audio = (data_audio){0};
    BASE_TRY(data_sound_open_bytes(file, span, &sound, err));
    return read_all(sound, audio, err);
}

base_status data_audio_read(const char *path, const data_audio_span *span, data_audio *audio,
                            base_error *err) {
    data_sound *sound;
    *audio = (data_audio){0};
    BASE_TRY(data_sound_open(path, span, &sound, err));
    return read_all(sound, audio, err);
}

bool data_audio_is_name(const char *path) {
    static const char *const extensions[] = {"wav",  "aif", "aiff", "aifc", "flac", "ogg", "oga",
                                             "opus", "mp3", "au",   "snd",  "caf",  "w64", "rf64"};
    const char *extension = base_path_extension(path);
    for (size_t i = 0; i < sizeof extensions / sizeof *extensions; i++) {
        if (strcasecmp(extension, extensions[i]) == 0) return true;
    }
    return false;
}

static int format_of_name(const char *path) {
    const char *extension = base_path_extension(path);
    if (strcasecmp(extension, "wav") == 0) return SF_FORMAT_WAV | SF_FORMAT_FLOAT;
    if (strcasecmp(extension, "flac") == 0) return SF_FORMAT_FLAC | SF_FORMAT_PCM_24;
    if (strcasecmp(extension, "aiff") == 0) return SF_FORMAT_AIFF | SF_FORMAT_PCM_16;
    return 0;
}

static base_status encode(const char *path, const data_audio *audio, base_text *out,
                          base_error *err) {
    SF_INFO info = {.samplerate = (int)lround(audio->sample_rate_hz),
                    .channels = (int)audio->n_channels,
                    .format = format_of_name(path)};
    if (info.format == 0) {
        return base_fail(err, BASE_EFORMAT, "%s: can write wav, flac and aiff only", path);
    }
    float *x = base_alloc((size_t)(audio->n * audio->n_channels), sizeof *x);
    if (x == NULL) return base_fail(err, BASE_EMEMORY, "%s: no memory for the samples", path);
    for (int64_t c = 0; c < audio->n_channels; c++) {
        for (int64_t i = 0; i < audio->n; i++) {
            x[i * audio->n_channels + c] = audio->x[c * audio->n + i];
        }
    }
    dsp_sound_memory memory = {.out = out};
    char reason[DSP_SOUND_REASON];
    SNDFILE *file = dsp_sound_memory_open(&memory, SFM_WRITE, &info, reason);
    base_status status =
        file != NULL ? BASE_OK : base_fail(err, BASE_EFORMAT, "%s: %s", path, reason);
    if (status == BASE_OK) {
        sf_command(file, SFC_SET_ADD_PEAK_CHUNK, NULL, SF_FALSE); /* it carries the time of day */
        sf_command(file, SFC_SET_CLIPPING, NULL, SF_TRUE);        /* not wrapped around */
        bool whole = sf_writef_float(file, x, audio->n) == audio->n;
        if (sf_close(file) != 0 || !whole || out->failed) {
            status = base_fail(err, BASE_EIO, "%s: the samples could not be encoded", path);
        }
    }
    base_free(x);
    return status;
}

base_status data_audio_write(const char *path, const data_audio *audio, base_error *err) {
    base_text out = {0};
    base_status status = encode(path, audio, &out, err);
    if (status == BASE_OK) status = base_file_write_text(path, &out, err);
    base_text_release(&out);
    return status;
}
