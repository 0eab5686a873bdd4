/* train/evaluate.h - what a network in inference mode, or a classifier behind it, makes of clips.
 */
#ifndef TRAIN_EVALUATE_H
#define TRAIN_EVALUATE_H

#include "train/feed.h"
#include "train/loop.h"

/* One pass over the clips of a feed, in their order. */
typedef struct {
    uint64_t seed, epoch; /* name the augmentation, where the feed augments */
    /* Told after each batch how many clips are done; false stops. NULL: nobody is told. */
    bool (*progress)(void *context, int64_t done);
    void *context;
} train_pass;

/* The network's output for the feed's n clips into rows [n, its size]. ESTOPPED. */
base_status train_encode(nn_network *network, train_feed *feed, int64_t n, const train_pass *pass,
                         float *rows, base_error *err);

/* Clips by their numbers. */
typedef struct {
    const data_clips *clips;
    const int64_t *index; /* [n] */
    int64_t n;
} train_clips;

/* Probabilities [n, n_classes] of clips as they are. `loss` makes a network's logits
 * probabilities. */
base_status train_evaluate(const train_outcome *outcome, const train_clips *clips,
                           nn_loss_kind loss, base_pool *pool, float *probability, base_error *err);

#endif
