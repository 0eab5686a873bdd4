/* data/sound.h - a sound read block by block, and once more from its start: what is kept of it need
 * not grow with its length. Decoding is libsndfile's: WAV, AIFF, FLAC, Ogg, MP3, CAF, ...
 *
 * Untrusted input: frame counts in headers are not believed, but compared with what was decoded. A
 * file that ends before its header says so, or whose decoder reports an error, is damaged; a read
 * that fails is no damage but an error of its own (EIO, EMEMORY). */
#ifndef DATA_SOUND_H
#define DATA_SOUND_H

#include "data/audio.h"

typedef struct data_sound data_sound;

enum { DATA_CONDITION_SIZE = 160, DATA_BLOCK_SAMPLES = 1 << 20 };

/* How a sound turned out, once read to its end. */
typedef struct {
    bool damaged;
    bool unfinished; /* its header was never finalised: it was read to the file's end */
    /* "damaged: 12345 of 44100 frames", with the decoder's reason in brackets if it gave one; or
     * what an unfinished header is; "" for a sound that is whole. */
    char text[DATA_CONDITION_SIZE];
} data_condition;

/* Errors name the path: not found, not a regular file, empty, not audio (EFORMAT), over 64
 * channels, a span that is none (EDATA), damaged beyond decoding (EDATA "damaged: ..."). `path`
 * must outlive the sound. span NULL: all (up to 600 s). */
base_status data_sound_open(const char *path, const data_audio_span *span, data_sound **sound,
                            base_error *err);
/* The same of a file that is open, and stays so; of bytes, which must outlive the sound. */
base_status data_sound_open_descriptor(int fd, const char *name, data_sound **sound,
                                       base_error *err);
base_status data_sound_open_bytes(data_audio_bytes file, const data_audio_span *span,
                                  data_sound **sound, base_error *err);
/* Of samples in one block: taken over (and *audio emptied), or borrowed. */
base_status data_sound_take(data_audio *audio, data_sound **sound, base_error *err);
base_status data_sound_borrow(const data_audio *audio, data_sound **sound, base_error *err);
void data_sound_close(data_sound *sound); /* NULL is fine */

/* The next block, of up to DATA_BLOCK_SAMPLES over all channels; its memory is the sound's, valid
 * until the next call. *last: it ends the sound (and may be empty if it is not the first). Fails
 * for a sound without samples, for one that is too long, and for samples that are not finite
 * (ENUMERIC). */
base_status data_sound_next(data_sound *sound, data_audio *block, bool *last, base_error *err);
/* From the start again; a sound of one block keeps it. */
base_status data_sound_rewind(data_sound *sound, base_error *err);
/* All of it, in memory of the caller's; no block may have been read. */
base_status data_sound_read_all(data_sound *sound, data_audio *audio, base_error *err);

const char *data_sound_name(const data_sound *sound); /* NULL of samples */
double data_sound_rate_hz(const data_sound *sound);   /* of its samples */
/* Valid once the last block was read. */
const data_condition *data_sound_condition(const data_sound *sound);

#endif
