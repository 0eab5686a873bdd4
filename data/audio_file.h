/* data/audio_file.h - decoding with libsndfile.
 *
 * Whatever libsndfile reads: WAV, AIFF, FLAC, Ogg, MP3, CAF, ... Untrusted input: frame counts in
 * headers are not believed, memory grows with what was really decoded, up to a cap. */
#ifndef DATA_AUDIO_FILE_H
#define DATA_AUDIO_FILE_H

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

/* Errors name the path: not found, unreadable, not audio, no samples in the span, NaN or infinite
 * samples (ENUMERIC), more than 64 channels. span NULL: all (up to 600 s). */
base_status data_audio_read(const char *path, const data_audio_span *span, data_audio *audio,
                            base_error *err);
/* The same from memory. */
typedef struct {
    const void *bytes;
    size_t n_bytes;
    const char *name; /* in errors */
} data_audio_bytes;
base_status data_audio_decode(data_audio_bytes file, const data_audio_span *span, data_audio *audio,
                              base_error *err);
void data_audio_release(data_audio *audio);

/* True if the extension is one of an audio file (wav, aif, aiff, aifc, flac, ogg, oga, opus, mp3,
 * au, snd, caf, w64, rf64), any case. */
bool data_audio_is_name(const char *path);

/* Writes a 32-bit float WAV, 24-bit FLAC or 16-bit AIFF by the path's extension (wav, flac, aiff);
 * equal samples give equal bytes. FLAC and AIFF clip at full scale. */
base_status data_audio_write(const char *path, const data_audio *audio, base_error *err);

#endif
