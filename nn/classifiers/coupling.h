/* nn/classifiers/coupling.h - from decision values of pairs of classes to probabilities. */
#ifndef NN_CLASSIFIERS_COUPLING_H
#define NN_CLASSIFIERS_COUPLING_H

#include "base/status.h"

/* 1 / (1 + exp(a value + b)) is the probability of the first class. */
typedef struct {
    double a, b;
} nn_sigmoid;

/* Platt's sigmoid of most likelihood for values[n], by Newton's method with the targets and the
 * line search of H.-T. Lin, C.-J. Lin and R. Weng, "A note on Platt's probabilistic outputs for
 * support vector machines", Machine Learning 68, 2007. */
nn_sigmoid nn_sigmoid_fit(const double *values, const bool *first, int64_t n);
double nn_sigmoid_apply(nn_sigmoid sigmoid, double value);

/* The number of the pair i < j of n classes, in the order (0,1), (0,2), ..., (1,2), ... */
static inline int64_t nn_pair(int i, int j, int n) {
    return (int64_t)i * (2 * n - i - 1) / 2 + j - i - 1;
}

/* p [n] that fits pair[nn_pair(i, j)], the probabilities of i given that it is i or j: the second
 * approach of T.-F. Wu, C.-J. Lin and R. Weng, "Probability estimates for multi-class
 * classification by pairwise coupling", JMLR 5, 2004. scratch [n * (n + 1)]. */
void nn_couple_pairs(const double *pair, int n, double *scratch, double *p);

#endif
