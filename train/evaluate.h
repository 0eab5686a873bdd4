/* train/evaluate.h - the outputs of a network in inference mode, or of a classifier behind it. */
#ifndef TRAIN_EVALUATE_H
#define TRAIN_EVALUATE_H

#include "train/feed.h"
#include "train/job.h"

/* One pass over the clips of a feed, in their order. */
typedef struct {
    uint64_t seed, epoch; /* name the augmentation, where the feed augments */
    float *learned_from; /* [n, nn_network_n_learned_from]: what layers learn from; NULL: nothing */
    /* Told after each batch how many clips are done; false stops. NULL: nobody is told. */
    bool (*progress)(void *context, int64_t done);
    void *context;
    base_ranks *ranks; /* share the clips, and all get the whole output (together); NULL: alone */
} train_pass;

/* The network's output for the feed's clips into rows [n, its size], unless that is NULL.
 * ESTOPPED. */
base_status train_encode(nn_network *network, train_feed *feed, const train_pass *pass, float *rows,
                         base_error *err);

/* Probabilities [n, n_classes] of clips as they are. */
base_status train_evaluate(const train_job *job, const train_outcome *outcome,
                           const train_clips *clips, float *probability, base_error *err);

/* Sets loss, accuracy and balanced of the test clips' probabilities [n_test, n_classes]. */
base_status train_measure_epoch(const train_job *job, const float *probability, train_epoch *epoch,
                                base_error *err);

#endif
