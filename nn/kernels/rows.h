/* nn/kernels/rows.h - products of rows with a weight matrix, for layers whose rows are samples or
 * frames.
 *
 * Each number of the product is the same bits whatever rows stand beside its own, however many they
 * are and whichever it is. BLAS kernels do not promise that: many take the last rows of a matrix in
 * another order than the others. A number is one sum in order of the terms within a slice of
 * fixed length, and the slices' sums are added in order. */
#ifndef NN_KERNELS_ROWS_H
#define NN_KERNELS_ROWS_H

#include "base/parallel.h"

/* Floats each worker needs. */
#define NN_ROWS_SCRATCH 47360

/* y [n_rows, n_out] = x [n_rows, n_in] weight^T + bias. Rows of x and y are `pitch` floats apart;
 * what lies between those of y stays. bias may be NULL: 0. */
typedef struct {
    int64_t n_rows, n_in, n_out;
    const float *x;
    int64_t x_pitch;
    const float *weight, *bias; /* [n_out, n_in], [n_out] */
    float *y;
    int64_t y_pitch;
    float *worker_scratch; /* worker w has NN_ROWS_SCRATCH floats from w * scratch_pitch on */
    int64_t scratch_pitch;
} nn_rows_product;
void nn_rows_multiply(base_pool *pool, const nn_rows_product *product);

#endif
