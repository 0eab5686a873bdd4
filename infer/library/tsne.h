/* infer/library/tsne.h - vectors as points of a plane, so that near ones stay near: t-SNE.
 *
 * van der Maaten & Hinton, JMLR 9, 2008; the repulsion by a tree as in van der Maaten, JMLR 15,
 * 2014, with theta 0.5. Distances are between vectors of unit length (of 2 - 2 cos); each has its 3
 * * perplexity nearest, which are found exactly. It starts from the two main axes with a standard
 * deviation of 1e-4, as Kobak & Berens (Nature Communications 10, 2019) advise, and a jitter from
 * the seed's stream; exaggerates 12 times for the first 250 of 750 steps; and learns at n / 12, at
 * least 200, with momentum 0.5 and then 0.8. Same bits for any number of threads. */
#ifndef LIBRARY_TSNE_H
#define LIBRARY_TSNE_H

#include "base/parallel.h"

enum { LIBRARY_TSNE_STEPS = 750 };

/* All borrowed. */
typedef struct {
    const float *x; /* [n, width], of any length but zero */
    int64_t n, width;
    double perplexity; /* no more than (n - 1) / 3 is used */
    uint64_t seed;
    base_pool *pool;
    /* Called now and then with what is done of n vectors ("comparing") and of the steps
     * ("mapping"); false stops. NULL: not. */
    bool (*progress)(void *context, const char *what, int64_t done, int64_t total);
    void *context;
} library_tsne;

/* xy[n, 2], centred on the origin; the farthest coordinate is 1 from it. EMEMORY, ESTOPPED. */
base_status library_tsne_run(const library_tsne *job, double *xy, base_error *err);

/* ---- its parts, for tests ---- */

/* The k < n nearest of each vector, nearest first, of equally near ones the first; neighbour and
 * the square of its distance, both [n, k]. x is of unit length. */
base_status library_tsne_nearest(const library_tsne *job, int64_t k, int32_t *neighbour,
                                 float *distance, base_error *err);

/* What each of n points is pushed by, sum of q_ij^2 (y_i - y_j) over all j, force[n, 2]; returns
 * the sum of q_ij over all pairs i != j, where q_ij = 1 / (1 + |y_i - y_j|^2). *status: EMEMORY. */
double library_tsne_repulsion(base_pool *pool, const double *xy, int64_t n, double *force,
                              base_status *status);

#endif
