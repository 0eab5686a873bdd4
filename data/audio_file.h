/* data/audio_file.h - sound files in memory: decoded (data/sound.h) and written. */
#ifndef DATA_AUDIO_FILE_H
#define DATA_AUDIO_FILE_H

#include "data/audio.h"

/* Errors name the path: not found, unreadable, not audio, no samples in the span, NaN or infinite
 * samples (ENUMERIC), more than 64 channels. Of a damaged file, what can be decoded. span NULL: all
 * (up to 600 s). */
base_status data_audio_read(const char *path, const data_audio_span *span, data_audio *audio,
                            base_error *err);
/* The same from memory. */
base_status data_audio_decode(data_audio_bytes file, const data_audio_span *span, data_audio *audio,
                              base_error *err);

/* True if the extension is one of an audio file (wav, aif, aiff, aifc, flac, ogg, oga, opus, mp3,
 * au, snd, caf, w64, rf64), any case. */
bool data_audio_is_name(const char *path);

/* Writes a 32-bit float WAV, 24-bit FLAC or 16-bit AIFF by the path's extension (wav, flac, aiff);
 * equal samples give equal bytes. FLAC and AIFF clip at full scale. */
base_status data_audio_write(const char *path, const data_audio *audio, base_error *err);

#endif
