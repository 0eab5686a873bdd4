/* nn/convolution.h - convolution of one sample's planes, x [in,F,T] -> y [out,F',T'], without a
 * column matrix.
 *
 * Rows of the input are laid out with zeros around them and, under a stride of s, in s phases per
 * axis. Then an output position is a place p, element i of the kernel reads its input at offset[i]
 * + p, and neighbouring outputs read neighbouring inputs: the product of the weights with a matrix
 * whose rows are windows on the planes (nn_taps_product). Places between the ends of two rows are
 * computed with the others and left out where a block of them is stored. The input's gradient is a
 * convolution of the same kind with the output's gradient, one for each phase; the weights'
 * gradient is a sum over places (nn_positions_product).
 *
 * Work is cut into blocks of output rows, whose planes stay in the cache. */
#ifndef NN_CONVOLUTION_H
#define NN_CONVOLUTION_H

#include "nn/layer_options.h"

typedef struct {
    nn_axis f, t;
    int64_t in, out;               /* channels */
    int64_t k;                     /* elements of one output channel's kernel: in * kf * kt */
    int64_t lead_f, lead_t;        /* places by which a kernel reaches over its first one */
    int64_t pitch;                 /* places per row of planes in the forward pass */
    bool in_place;                 /* its planes are the input itself */
    int64_t rows, n_blocks;        /* output rows of a block; blocks of a sample, forward */
    int64_t turn_rows, turn_pitch; /* the same for the backward pass, of the padded input's rows */
    int64_t n_worker_forward, n_worker_backward; /* floats of scratch per worker */
    int64_t n_shared_forward, n_shared_backward; /* and for all */
    int64_t grad_pitch; /* floats per row of the gradient [k, out] of the weights */
} nn_convolution;

/* For axes with all their extents known. */
nn_convolution nn_convolution_make(nn_axis f, nn_axis t, int64_t in, int64_t out);
/* Whether this is a good way to do it: small planes leave most of a block empty, and few channels
 * have too few products for what is copied. */
bool nn_convolution_fits(const nn_convolution *c);

/* What all blocks need is made once per pass, in `shared`. */
void nn_convolution_begin_forward(const nn_convolution *c, float *shared);
void nn_convolution_begin_backward(const nn_convolution *c, const float *weight, float *shared);

/* One sample (of one group of channels). All borrowed. */
typedef struct {
    const float *weight, *bias; /* [out, k]; bias may be NULL */
    const float *x, *dy;
    float *y;
    float *dx;      /* overwritten; NULL: not wanted */
    float *dweight; /* [k, grad_pitch], added to; the columns from `out` on hold nothing of use */
    const float *shared;
    float *scratch; /* the worker's */
} nn_convolution_sample;

/* Output rows [first, end) of y for block `block` of n_blocks. */
void nn_convolution_forward(const nn_convolution *c, const nn_convolution_sample *at, int64_t block,
                            int64_t *first, int64_t *end);
void nn_convolution_backward(const nn_convolution *c, const nn_convolution_sample *at);

#endif
