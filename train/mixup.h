/* train/mixup.h - mixup (Zhang et al., ICLR 2018): clips of a batch are blended pairwise. */
#ifndef TRAIN_MIXUP_H
#define TRAIN_MIXUP_H

#include "base/rng.h"

/* A share from Beta(a, a): G / (G + G') with gamma variates by Marsaglia and Tsang (2000). */
double train_beta(base_rng *rng, double a);

typedef struct {
    int64_t n;
    float *x; /* [n, count] */
    int64_t count;
    float *target; /* [n, n_classes] */
    int64_t n_classes;
    int32_t *length; /* [n] */
} train_mixup_batch;

/* Row i of x and target becomes share * row i + (1 - share) * row n-1-i; length[i] the longer of
 * the two. */
void train_mixup(double share, const train_mixup_batch *batch);

#endif
