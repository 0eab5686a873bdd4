/* train/feed.h - batches of features of a fixed list of clips.
 *
 * Without augmentation the features never change: they are computed once and kept, if they fit. */
#ifndef TRAIN_FEED_H
#define TRAIN_FEED_H

#include "data/batch.h"

typedef struct train_feed train_feed;

/* Clips index[0..n), borrowed like all else. augment NULL or empty: features are kept. */
base_status train_feed_new(const data_clips *clips, const data_augment *augment,
                           const dsp_features *features, const int64_t *index, int64_t n,
                           int64_t max_batch, base_pool *pool, train_feed **feed, base_error *err);
void train_feed_free(train_feed *feed);

/* Bytes of features a feed keeps of n clips of `count` numbers each. */
size_t train_feed_kept_bytes(const data_augment *augment, int64_t n, int64_t count);

/* Fits the normalisation of `features` (the one given above) on the feed's clips; before any batch.
 */
base_status train_feed_fit(train_feed *feed, dsp_features *features, base_error *err);

/* Features of the clips at place[0..n) of the list into x [n, C,F,T] and length [n]. `first` is the
 * number of place[0] within the epoch: with (seed, epoch) it names each sample's augmentation. */
base_status train_feed_batch(train_feed *feed, const int64_t *place, int64_t n, uint64_t seed,
                             uint64_t epoch, int64_t first, float *x, int32_t *length,
                             base_error *err);

#endif
