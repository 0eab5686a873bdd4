/* data/cache.h - decoded rows, and the HDF5 file that keeps them; private to data/clips.c.
 *
 * The file is named after a digest of everything that decides its content: the bytes of the sound
 * files, the spans, the audio settings. It holds
 *     audio [offset of the last] f32; row r is [offset[r], offset[r + 1]), planar, empty if left
 * out offset [n_rows + 1] i64 facts/sample_rate_hz, seconds, peak [n_rows] f64; facts/n_channels,
 * n_clipped [n_rows] i64 facts/content [n_rows, 2] i64: the digest's low and high half
 *     facts/left_out [n_rows] strings, "" for a row in use */
#ifndef DATA_CACHE_H
#define DATA_CACHE_H

#include "data/clips.h"

/* Work with an observer. */
typedef struct {
    base_pool *pool;
    data_progress *progress; /* may be NULL */
    void *progress_context;
} data_work;

typedef struct {
    int64_t n_rows;
    data_row *facts; /* [n_rows]: what is known after decoding, and left_out; the rest is unused */
    int64_t *offset; /* [n_rows + 1] floats */
    float *audio;
    base_h5_reader *cache; /* whose memory the audio is; NULL: the audio's is its own */
} data_decoded;

void data_decoded_release(data_decoded *decoded);

/* The path of the cache file of rows[n_rows], in the arena; files are digested in parallel. */
base_status data_cache_path(const char *folder, const data_row *const *rows, int64_t n_rows,
                            const data_audio_options *options, const data_work *work,
                            base_arena *arena, const char **path, base_error *err);

/* Reads what was written for n_rows rows, the audio staying where the file was read to; reasons
 * live in the arena. Any failure means: decode. */
base_status data_cache_read(const char *path, int64_t n_rows, const data_audio_options *options,
                            base_arena *arena, data_decoded *decoded, base_error *err);
base_status data_cache_write(const char *path, const data_decoded *decoded, base_error *err);

/* Runs task(context, i, worker) for i in [0, n), telling the observer now and then. */
base_status data_work_run(const data_work *work, const char *what, int64_t n, base_task *task,
                          void *context, base_error *err);

#endif
