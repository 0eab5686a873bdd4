/* data/clips.h - decoded, trimmed, resampled clips, ready for batches.
 *
 * Every file is decoded once, in parallel, into one HDF5 cache file keyed by the content of the
 * sources and the audio settings; later runs read only that. */
#ifndef DATA_CLIPS_H
#define DATA_CLIPS_H

#include "data/clip.h"
#include "data/clip_set.h"
#include "data/work.h"

/* Decodes (or reads from the cache) all used rows; fills in their facts; rows that are silent or
 * cannot be decoded are left out with the reason. work NULL: one thread, no cache. EDATA when no
 * clip is left, or a class has nothing left to train on (named). */
base_status data_clips_open(data_manifest *manifest, const data_audio_options *options,
                            const data_work *work, data_clips *clips, base_error *err);

#endif
