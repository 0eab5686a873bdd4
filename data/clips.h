/* data/clips.h - decoded, trimmed, resampled clips, ready for batches.
 *
 * Every file is decoded once, in parallel, into one HDF5 cache file keyed by the content of the
 * sources and the audio settings; later runs read only that. */
#ifndef DATA_CLIPS_H
#define DATA_CLIPS_H

#include "base/h5.h"
#include "base/parallel.h"
#include "data/audio_file.h"
#include "data/manifest.h"

/* `audio.normalize`. */
enum {
    DATA_NORMALIZE_NONE,
    DATA_NORMALIZE_PEAK,
    DATA_NORMALIZE_RMS,
    DATA_NORMALIZE_STANDARD /* zero mean, unit deviation */
};

/* `audio:` in a config. */
typedef struct {
    double sample_rate_hz;
    int64_t channels;   /* 1: mixed down by the mean; 2: stereo (mono doubled) */
    double seconds;     /* longest clip; what is beyond is cut */
    double trim_db;     /* leading silence below this (re the peak) is removed; 0: no trim */
    int normalize;      /* DATA_NORMALIZE_... */
    double min_peak_db; /* a clip whose peak is below this is silent and left out */
} data_audio_options;
extern const base_option data_audio_table[];

/* Samples per channel that every clip is played into: seconds at the sample rate, rounded. */
static inline int64_t data_audio_samples(const data_audio_options *options) {
    return (int64_t)(options->seconds * options->sample_rate_hz + 0.5);
}

/* Brings one decoded file into the form of `options`: mix, resample, trim, cut, fade the last 5 ms
 * if cut, normalise. *clip gets its own memory (base_free), n <= seconds * rate, no padding. EDATA
 * "silent" if so. */
base_status data_clip_prepare(const data_audio *audio, const data_audio_options *options,
                              data_audio *clip, base_error *err);

typedef struct {
    double sample_rate_hz;
    int64_t n_channels, n_samples; /* every clip is played into this many samples */
    int64_t n_clips;
    int64_t *row;    /* [n_clips] manifest row of each */
    int32_t *label;  /* [n_clips] class */
    int64_t *offset; /* [n_clips + 1] start in audio, floats; clip i has n = (offset[i+1]-offset[i])
                        / n_channels valid samples, planar */
    float *audio;
    base_h5_reader *cache; /* whose memory the audio is; NULL: the audio's is its own */
} data_clips;

/* Progress of a long job, called from the calling thread; returning false stops it (ESTOPPED). */
typedef bool data_progress(void *context, const char *what, int64_t done, int64_t total);

/* Decodes (or reads from the cache in `cache_folder`; NULL: no cache) all used rows; fills in their
 * facts; rows that are silent or cannot be decoded are left out with the reason. EDATA when no clip
 * is left, or a class is left without one (named). */
base_status data_clips_open(data_manifest *manifest, const data_audio_options *options,
                            const char *cache_folder, base_pool *pool, data_progress *progress,
                            void *progress_context, data_clips *clips, base_error *err);
void data_clips_release(data_clips *clips);
int64_t data_clips_valid(const data_clips *clips, int64_t clip); /* samples per channel */
/* Copies clip i into out [n_channels, n_samples], zero-padded. */
void data_clips_load(const data_clips *clips, int64_t clip, float *out);

#endif
