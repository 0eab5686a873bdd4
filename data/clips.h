/* data/clips.h - decoded, trimmed, resampled clips, ready for batches.
 *
 * Every file is decoded once, in parallel, into one HDF5 cache file keyed by the content of the
 * sources and the audio settings; later runs read only that. */
#ifndef DATA_CLIPS_H
#define DATA_CLIPS_H

#include "base/parallel.h"
#include "data/clip.h"
#include "data/clip_set.h"

/* Progress of a long job, called from the calling thread; returning false stops it (ESTOPPED). */
typedef bool data_progress(void *context, const char *what, int64_t done, int64_t total);

/* Decodes (or reads from the cache in `cache_folder`; NULL: no cache) all used rows; fills in their
 * facts; rows that are silent or cannot be decoded are left out with the reason. EDATA when no clip
 * is left, or a class is left without one (named). */
base_status data_clips_open(data_manifest *manifest, const data_audio_options *options,
                            const char *cache_folder, base_pool *pool, data_progress *progress,
                            void *progress_context, data_clips *clips, base_error *err);

#endif
