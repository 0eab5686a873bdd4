/* data/batch.h - from clips to network input, for training and inference alike: load, augment,
 * extract features; one parallel loop over samples. */
#ifndef DATA_BATCH_H
#define DATA_BATCH_H

#include "base/parallel.h"
#include "base/rng.h"
#include "data/audio.h"
#include "data/clip_set.h"
#include "dsp/clip.h"
#include "dsp/features.h"

/* Where clips come from. */
typedef struct {
    dsp_clip_form form;
    /* Writes clip `index` into x [n_channels, n_samples], zeros behind it; returns its valid
     * samples per channel, at least 1. Called by several threads at once. */
    int64_t (*load)(const void *context, int64_t index, float *x);
    const void *context;
} data_clip_source;
data_clip_source data_clips_source(const data_clips *clips); /* borrows */

/* Augments a sample (data/augment.h): first the clip, then its features, from the same random
 * stream. A struct of functions, so that inference does not link the effects. */
typedef struct {
    size_t scratch_bytes;
    base_status (*waveform)(const void *context, dsp_clip clip, base_rng *rng, void *scratch,
                            base_error *err);
    void (*features)(const void *context, float *x, const int64_t shape[3], base_rng *rng);
    const void *context;
} data_augmenter;

typedef struct data_batcher data_batcher;

/* All borrowed. */
typedef struct {
    data_clip_source source;
    const data_augmenter *effects; /* NULL: none */
    const dsp_features *features;
    int64_t max_batch;
    base_pool *pool;
} data_batcher_options;

/* Every worker's memory is allocated here; a batch, of at most max_batch samples, is the caller's.
 */
base_status data_batcher_new(const data_batcher_options *options, data_batcher **batcher,
                             base_error *err);
void data_batcher_free(data_batcher *batcher);

/* Prepares clips index[0..n): x [n, C,F,T] and length[n] (valid frames) are overwritten.
 * `augmented`: effects on, each sample from the stream (seed, AUGMENT, epoch, position[i]);
 * position NULL: index. A clip drawn twice in an epoch must have two positions. */
typedef struct {
    const int64_t *index, *position;
    int64_t n;
    bool augmented;
    uint64_t seed, epoch;
    const dsp_features
        *features;     /* in place of the batcher's, with the same options; NULL: those */
    data_audio *heard; /* [n], each with room for n_channels * n_samples in x: becomes the
                          clip that the features are made of, after the effects and without the
                          zeros behind it; NULL: not wanted */
} data_batch_request;
base_status data_batch_prepare(data_batcher *batcher, const data_batch_request *request, float *x,
                               int32_t *length, base_error *err);

/* Fits the features' normalisation on clips index[0..n) without augmentation (a no-op if none is
 * needed); the same bits for any number of threads. */
base_status data_batch_fit(data_batcher *batcher, const int64_t *index, int64_t n,
                           dsp_features *features, base_error *err);

#endif
