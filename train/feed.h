/* train/feed.h - batches of features of a fixed list of clips.
 *
 * Without augmentation the features never change: they are computed once and kept, if they fit. */
#ifndef TRAIN_FEED_H
#define TRAIN_FEED_H

#include "data/augment.h"
#include "data/batch.h"
#include "train/predictions.h"

typedef struct train_feed train_feed;

/* All borrowed. */
typedef struct {
    train_clips clips;
    const data_augment *augment;  /* NULL or empty: features are kept */
    const dsp_features *features; /* to be fitted before the first batch */
    int64_t max_batch;
    base_pool *pool;
} train_feed_options;
base_status train_feed_new(const train_feed_options *options, train_feed **feed, base_error *err);
void train_feed_free(train_feed *feed);
int64_t train_feed_n(const train_feed *feed); /* clips */

/* Bytes of features a feed keeps of n clips of `count` numbers each. */
size_t train_feed_kept_bytes(const data_augment *augment, int64_t n, int64_t count);

/* Fits the normalisation of `features` (the one given above) on the feed's clips; before any batch.
 */
base_status train_feed_fit(train_feed *feed, dsp_features *features, base_error *err);

typedef struct {
    const int64_t *place; /* [n] places in the list of clips */
    int64_t n;
    uint64_t seed, epoch;
    int64_t first; /* number of place[0] within the epoch: with the two above it names each sample's
                      augmentation */
    data_audio *heard; /* [n], as in data_batch_request; NULL: not wanted */
} train_feed_request;
/* Features of the clips into x [n, C,F,T], valid frames into length [n]. */
base_status train_feed_batch(train_feed *feed, const train_feed_request *request, float *x,
                             int32_t *length, base_error *err);

#endif
