/* train/mixup.h - mixup (Zhang et al., ICLR 2018): clips of a batch are blended pairwise. */
#ifndef TRAIN_MIXUP_H
#define TRAIN_MIXUP_H

#include "base/rng.h"

/* A share from Beta(a, a): G / (G + G') with gamma variates by Marsaglia and Tsang (2000). */
double train_beta(base_rng *rng, double a);

/* Row i of x [n, count] becomes share * row i + (1 - share) * row n-1-i, likewise target [n,
 * n_classes]; length[i] the longer of the two. */
void train_mixup(double share, float *x, int64_t count, float *target, int64_t n_classes,
                 int32_t *length, int64_t n);

#endif
