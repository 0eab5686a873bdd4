/* data/batch.h - from clips to network input: augment, front end, targets; one parallel loop over
 * samples. */
#ifndef DATA_BATCH_H
#define DATA_BATCH_H

#include "data/augment.h"
#include "data/clips.h"
#include "dsp/features.h"

typedef struct data_batcher data_batcher;

/* Borrows all. augment NULL: none. Every worker's memory is allocated here; a batch, of at most
 * max_batch samples, is the caller's. */
base_status data_batcher_new(const data_clips *clips, const data_augment *augment,
                             const dsp_features *features, int64_t max_batch, base_pool *pool,
                             data_batcher **batcher, base_error *err);
void data_batcher_free(data_batcher *batcher);

/* Prepares clips index[0..n): x [n, C,F,T] and length[n] (valid frames) are overwritten.
 * `augmented`: effects on, each sample from the stream (seed, AUGMENT, epoch, position[i]);
 * position NULL: index. A clip drawn twice in an epoch must have two positions. */
typedef struct {
    const int64_t *index, *position;
    int64_t n;
    bool augmented;
    uint64_t seed, epoch;
} data_batch_request;
base_status data_batch_prepare(data_batcher *batcher, const data_batch_request *request, float *x,
                               int32_t *length, base_error *err);

/* Fits the features' normalisation on clips index[0..n) without augmentation (a no-op if none is
 * needed); the same bits for any number of threads. */
base_status data_batch_fit(data_batcher *batcher, const int64_t *index, int64_t n,
                           dsp_features *features, base_error *err);

#endif
