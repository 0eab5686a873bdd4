/* nn/kernels/winograd_time.h - convolution by kernels of five columns under a stride of 1 along
 * time, with 8 products where the definition takes 20: the F(4, 5) of S. Winograd, at the points
 * 0, 1, -1, 1/2, -1/2, 2, -2 and infinity (A. Lavin and S. Gray, "Fast Algorithms for Convolutional
 * Neural Networks", CVPR 2016).
 *
 * Along time a row is cut into tiles of 8 inputs, four apart, of which each gives 4 outputs; along
 * frequency kernel, stride, dilation and zeros may be any. With tiles and kernels transformed, each
 * of the 8 elements is a product of matrices over terms: channels and rows of the kernel. Tiles lie
 * side by side, so that each term reads its tile at a fixed offset from the output's place, as in
 * nn/kernels/planes.h, but without unused places between rows. The input's gradient is a
 * convolution of the same kind for each phase of the stride along frequency; the weights' gradient
 * is summed in the transformed kernel's 8 elements.
 *
 * The transforms increase rounding errors; sums of a fifth as many terms, taken in parts, reduce
 * them. Together they stay within twice those of the definition summed in order. */
#ifndef NN_KERNELS_WINOGRAD_TIME_H
#define NN_KERNELS_WINOGRAD_TIME_H

#include "nn/kernels/planes.h"

/* Rows of planes, transformed: [8, channels, phases, rows, n_tiles]. */
typedef struct {
    nn_axis f;        /* of which in, stride and before are used */
    nn_axis t;        /* of which in, out and before are used */
    int64_t channels; /* of what is read */
    int64_t n_tiles;  /* of a row of outputs */
    int64_t rows;     /* of a block, per phase */
    int64_t pitch;    /* floats between the 8 elements */
} nn_time_tiles;

typedef struct {
    nn_axis f, t;
    int64_t in, out;          /* channels */
    nn_time_tiles x, dy;      /* of a block of nn_winograd_time_run, of nn_winograd_time_run_dx */
    nn_time_tiles gathered_x; /* of a block of nn_winograd_time_gather */
    int64_t block_rows;       /* output rows of a block */
    int64_t n_blocks;         /* of a sample */
    int64_t dx_rows;          /* rows of the padded input, in strides, of a block of dx */
    int64_t gather_rows;      /* output rows whose products are added to the gradient at a time */
    int64_t n_shared;         /* floats of the transformed weights, for either direction */
    int64_t sum_pitch, n_sum; /* floats per row of their gradient; in all */
    int64_t n_forward, n_backward; /* floats of scratch */
} nn_winograd_time;

/* Whether this can do it. */
bool nn_winograd_time_can(const nn_axis *f, const nn_axis *t);
/* For axes with all their extents known. unit > 0: a block has a multiple of `unit` output rows. */
nn_winograd_time nn_winograd_time_make(nn_axis f, nn_axis t, int64_t in, int64_t out, int64_t unit);
/* Whether this is a good way to do it: with few terms the transforms cost more than is won. */
bool nn_winograd_time_fits(const nn_winograd_time *w);

/* Transforms the weights [out,in,kf,5] to shared [n_shared], for y or for dx. */
void nn_winograd_time_begin(const nn_winograd_time *w, const float *weight, float *shared);
void nn_winograd_time_begin_dx(const nn_winograd_time *w, const float *weight, float *shared);

/* All borrowed. */
typedef struct {
    const float *shared; /* of nn_winograd_time_begin, or of nn_winograd_time_begin_dx */
    const float *x, *bias;
    float lower_bound; /* of y: 0 for ReLU, -INFINITY for none */
    float *y, *scratch;
    int64_t y_pitch; /* floats between the channels of y */
} nn_winograd_time_sample;

/* Output rows [first, end) of block `block` of n_blocks; nn_winograd_time_run writes them to the
 * sample's y [out, rows, T']. bias is [out] or NULL. */
void nn_winograd_time_rows(const nn_winograd_time *w, int64_t block, int64_t *first, int64_t *end);
void nn_winograd_time_run(const nn_winograd_time *w, const nn_winograd_time_sample *at,
                          int64_t block);
/* Takes dy as at->x and overwrites at->y, dx [in,F,T]. */
void nn_winograd_time_run_dx(const nn_winograd_time *w, const nn_winograd_time_sample *at);

/* Adds a sample's part of the transformed weights' gradient to sum [8, in kf, sum_pitch]; the
 * columns from `out` on hold nothing of use. */
void nn_winograd_time_gather(const nn_winograd_time *w, const float *x, const float *dy, float *sum,
                             float *scratch);
/* Adds the weights' gradient to dweight [out,in,kf,5]. */
void nn_winograd_time_add_gradient(const nn_winograd_time *w, const float *sum, float *dweight);

#endif
