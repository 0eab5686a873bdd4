/* nn/kernels/convolution.h - convolution of one sample's planes, x [in,F,T] -> y [out,F',T'],
 * directly, without im2col.
 *
 * The input is laid out as planes (nn/kernels/planes.h), and the output is the product of the
 * weights with a matrix whose rows are windows on them (nn_taps_product). Places between the ends
 * of two rows are computed with the others and left out where a block of them is stored. The
 * input's gradient is a transposed convolution, one of the same kind for each phase of the stride;
 * the weights' gradient is a sum over places (nn_positions_product). Winograd's algorithms take its
 * place where they save time: for kernels of 3 x 3 under a stride of 1 F(2x2, 3x3)
 * (nn/kernels/winograd.h) or, with many channels, F(4x4, 3x3) (nn/kernels/winograd4.h), and for
 * kernels of five columns under a stride of 1 along time F(4, 5) (nn/kernels/winograd_time.h).
 * Maxima of windows can be taken while the output is in the cache; then only they are written.
 *
 * Work is cut into blocks of output rows, whose planes stay in the cache. */
#ifndef NN_KERNELS_CONVOLUTION_H
#define NN_KERNELS_CONVOLUTION_H

#include "nn/kernels/winograd4.h"
#include "nn/kernels/winograd_time.h"

/* Maxima of windows that neither overlap nor reach outside; what they leave over at the ends is not
 * computed. kernel_f 0: none. */
typedef struct {
    int64_t f, t;               /* planes of maxima */
    int64_t kernel_f, kernel_t; /* of a window, at most 256 elements */
} nn_pooled;

typedef enum {
    NN_BY_PLACES,       /* as nn/kernels/planes.h describes */
    NN_BY_WINOGRAD,     /* F(2x2, 3x3) */
    NN_BY_WINOGRAD4,    /* F(4x4, 3x3) */
    NN_BY_WINOGRAD_TIME /* F(4, 5) */
} nn_convolution_way;

typedef struct {
    nn_axis f, t;
    int64_t in, out;                             /* channels */
    int64_t k;                                   /* elements of one output channel's kernel */
    nn_planes x;                                 /* of a block, forward */
    bool in_place;                               /* they are the input itself */
    int64_t rows, n_blocks;                      /* output rows of a block; blocks of a sample */
    nn_planes back_x, back_dy;                   /* of a block, backward */
    bool back_in_place;                          /* they are x and dy themselves */
    int64_t back_rows;                           /* rows of the padded input that it covers */
    int64_t n_worker_forward, n_worker_backward; /* floats of scratch per worker */
    int64_t n_shared_forward, n_shared_backward; /* and for all */
    bool grad_by_out;               /* samples' dweight is [out, k] as the weights; else [k, out] */
    int64_t grad_pitch, n_gradient; /* floats per row of the weights' gradient; in all */
    int64_t n_begin_forward, n_begin_backward; /* tasks of the begin functions */
    int64_t n_add;                             /* and of nn_convolution_add_gradient */
    bool needs_zeros; /* dweight must be zero before the first sample; else that overwrites it */
    int64_t unit;     /* output channels can be computed separately in multiples of this */
    nn_convolution_way way;
    nn_winograd winograd, winograd_dx; /* the second one takes dy to dx */
    nn_winograd4 winograd4, winograd4_dx;
    nn_winograd_time winograd_time;
    nn_pooled pooled;
} nn_convolution;

/* For axes with all their extents known. */
nn_convolution nn_convolution_make(nn_axis f, nn_axis t, int64_t in, int64_t out);
/* The same with maxima of windows of kernel_f x kernel_t in place of the output: f.out and t.out
 * become what windows cover. */
nn_convolution nn_convolution_make_pooled(const nn_convolution *c, int64_t kernel_f,
                                          int64_t kernel_t);
/* Whether this is faster than im2col: small planes leave most of a block empty, and few channels
 * have too few products for what is copied. */
bool nn_convolution_fits(const nn_convolution *c);

/* Once per pass, before its first block: tasks [0, n_begin_forward) or [0, n_begin_backward), which
 * may run in parallel, write to `shared` what all blocks need. */
void nn_convolution_begin_forward(const nn_convolution *c, int64_t task, const float *weight,
                                  float *shared);
void nn_convolution_begin_backward(const nn_convolution *c, int64_t task, const float *weight,
                                   float *shared);

/* Whether forward does better without nn_convolution_begin_forward and with shared == NULL, for so
 * many samples: kernels that are needed once are transformed when they are, and stay in the cache.
 */
bool nn_convolution_is_alone(const nn_convolution *c, int64_t n_samples);

/* One sample (of one group of channels). All borrowed; where it is pooled, y and dy are of the
 * maxima. */
typedef struct {
    const float *weight, *bias; /* [out, k]; bias may be NULL */
    const float *x, *dy;
    float *y;
    uint8_t *index;            /* of the maxima, as y; NULL: no backward pass will come */
    int64_t n_valid;           /* frames of the output before pooling; those that follow are zero */
    int64_t n_idle, n_idle_dx; /* frames at the end of y and dx that need not be computed */
    float *dx;                 /* overwritten; NULL: not wanted */
    float lower_bound;         /* of y: 0 for ReLU, -INFINITY for none */
    float *dweight;            /* [n_gradient], added to; for nn_convolution_add_gradient alone */
    bool is_first; /* of the samples that share dweight, which is uninitialised before it or, with
                    * needs_zeros, zero */
    int64_t first_channel, last_channel; /* forward computes channels [first, last) of y: multiples
                                          * of `unit`, the last one or `out` */
    const float *shared;                 /* or NULL, see nn_convolution_is_alone */
    float *scratch;                      /* the worker's */
} nn_convolution_sample;

/* Rows [first, end) of y for block `block` of n_blocks. */
void nn_convolution_forward(const nn_convolution *c, const nn_convolution_sample *at, int64_t block,
                            int64_t *first, int64_t *end);
void nn_convolution_backward(const nn_convolution *c, const nn_convolution_sample *at);
/* Adds the sum over samples, `gradient` (a sample's dweight), to the weights' gradient dweight
 * [out, k], and leaves anything in `gradient`. Tasks [0, n_add) may run in parallel. */
void nn_convolution_add_gradient(const nn_convolution *c, int64_t task, float *gradient,
                                 float *dweight);

#endif
