/* data/cache.h - decoded rows, and the HDF5 file that keeps them; private to data/clips.c.
 *
 * The file is named after a digest of everything that decides its content: the bytes of the sound
 * files, the spans, the audio settings. It holds, for n_rows rows,
 *     audio                f32: row r is [offset[r], offset[r + 1]), planar; empty if left out
 *     offset               i64 [n_rows + 1], the last being the number of floats
 *     facts/sample_rate_hz, facts/seconds, facts/peak       f64
 *     facts/n_channels, facts/n_clipped                     i64
 *     facts/content        i64 [n_rows, 2]: the digest's low and high half
 *     facts/left_out       strings, "" for a row in use
 *     facts/condition      strings, "" for a sound that is whole */
#ifndef DATA_CACHE_H
#define DATA_CACHE_H

#include "base/h5.h"
#include "data/clip.h"
#include "data/work.h"

typedef struct {
    int64_t n_rows;
    data_row *facts; /* [n_rows]: what is known after decoding, left_out and condition; the rest is
                        unused */
    int64_t *offset; /* [n_rows + 1] floats */
    float *audio;
    base_h5_reader *cache; /* whose memory the audio is; NULL: the audio's is its own */
    int64_t n_unread;      /* rows that are left out for now: they are not to be kept */
} data_decoded;

void data_decoded_release(data_decoded *decoded);

/* Rows to be decoded, and how. */
typedef struct {
    data_row **rows; /* [n_rows] */
    int64_t n_rows;
    const data_audio_options *options;
    const data_work *work;
    base_arena *arena; /* for reasons why a row is left out */
} data_decoding;

/* The path of the cache file of these rows, in the arena; files are digested in parallel. NULL if
 * one of them cannot be read. */
base_status data_cache_path(const data_decoding *decoding, const char **path, base_error *err);

/* Reads what was written for these rows, the audio staying where the file was read to. Any failure
 * means: decode. */
base_status data_cache_read(const char *path, const data_decoding *decoding, data_decoded *decoded,
                            base_error *err);
base_status data_cache_write(const char *path, const data_decoded *decoded, base_error *err);

#endif
