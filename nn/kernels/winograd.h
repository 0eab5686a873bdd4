/* nn/kernels/winograd.h - convolution by kernels of 3 x 3 under a stride of 1 with 16 products
 * where the definition takes 36: the F(2x2, 3x3) of A. Lavin and S. Gray, "Fast
 * Algorithms for Convolutional Neural Networks", CVPR 2016, after S. Winograd.
 *
 * An input is cut into tiles of 4 x 4, two apart, of which each gives 2 x 2 outputs. With tiles and
 * kernels transformed, each of the 16 elements is a product of matrices over channels. The input's
 * gradient is a convolution of the same kind. The weights' gradient is summed in the transformed
 * kernel's 16 elements; with many channels these sums would not stay in the cache, so they are
 * folded, transformed back to the kernel's 9, for each chunk of places and some pairs of channels
 * at a time. Rounding errors are below those of the definition summed in order, because the sums
 * are a ninth as long. */
#ifndef NN_KERNELS_WINOGRAD_H
#define NN_KERNELS_WINOGRAD_H

#include "nn/kernels/planes.h"

typedef struct {
    nn_axis f, t;
    int64_t in, out;    /* channels */
    int64_t columns;    /* of tiles */
    nn_planes x, dy;    /* tiles of a block's inputs; of its outputs, at the same places */
    int64_t block_rows; /* output rows of a block */
    int64_t n_blocks;   /* of a sample */
    int64_t chunk;      /* places whose products are added to the gradient at a time */
    bool folds;         /* the gradient is summed as that of the kernels, not transformed */
    int64_t n_panels, kernel_pitch; /* of kernels; floats between the 16 elements of a panel */
    int64_t n_shared;               /* floats of the transformed weights */
    int64_t sum_pitch, n_sum;       /* floats per row of their gradient; in all */
    int64_t n_run, n_gather; /* floats of scratch of nn_winograd_run and nn_winograd_gather */
} nn_winograd;

/* Whether this can do it. */
bool nn_winograd_can(const nn_axis *f, const nn_axis *t);
/* For axes with all their extents known. unit > 0: y is a block's alone and stays in the cache with
 * the rest; a block has a multiple of `unit` output rows. */
nn_winograd nn_winograd_make(nn_axis f, nn_axis t, int64_t in, int64_t out, int64_t unit);
/* An axis of the convolution that takes dy to dx. */
nn_axis nn_winograd_transposed_axis(const nn_axis *a);
/* The convolution that takes dy to dx. */
nn_winograd nn_winograd_transposed(const nn_winograd *w);
/* Whether this is a good way to do it: narrow planes leave most of their tiles empty, and with few
 * channels the transforms cost more than is won. */
bool nn_winograd_fits(const nn_winograd *w);

/* Weights [out,in,3,3], borrowed. transposed: in and out are those of the convolution that takes dy
 * to dx, the weights those of the forward one, [in,out,3,3]. */
typedef struct {
    const float *weight;
    bool transposed;
    int64_t in, out;
} nn_winograd_weights;
/* Writes the kernels of a panel of NN_PANEL output channels, transformed by `transform` of
 * nn_kernels(): elements [in, NN_PANEL], `pitch` floats apart. Columns of the last panel that have
 * no channel are left as they are. */
typedef void nn_winograd_transform(const float *g, int64_t g_pitch, int64_t n, float *m,
                                   int64_t pitch);
void nn_winograd_transform_panel(const nn_winograd_weights *weights, int64_t panel,
                                 nn_winograd_transform *transform, float *to, int64_t pitch);

/* Transforms the kernels of one of n_panels panels of output channels to its [16, in, NN_PANEL] of
 * shared [n_shared]. Panels may be transformed in parallel. */
void nn_winograd_begin(const nn_winograd *w, int64_t panel, const float *weight, bool transposed,
                       float *shared);

/* All borrowed. */
typedef struct {
    const float
        *shared; /* of nn_winograd_begin; NULL: kernels are transformed as they are needed, */
    const float *weight; /* from [out,in,3,3] */
    const float *x, *bias;
    float lower_bound; /* of y: 0 for ReLU, -INFINITY for none */
    float *y, *scratch;
    int64_t y_pitch;                     /* floats between the channels of y */
    int64_t n_idle;                      /* frames at the end of y that need not be computed */
    int64_t first_channel, last_channel; /* [first, last) of y are computed; first is a multiple of
                                          * NN_PANEL, last is one too or all there are */
} nn_winograd_sample;

/* Whether a block's tiles are multiplied with all kernels at once. */
bool nn_winograd_is_small(const nn_winograd *w);
/* Output rows [first, end) of block `block` of n_blocks; nn_winograd_run writes them to y [out,
 * rows, T'] on; bias [out] or NULL. */
void nn_winograd_rows(const nn_winograd *w, int64_t block, int64_t *first, int64_t *end);
void nn_winograd_run(const nn_winograd *w, const nn_winograd_sample *at, int64_t block);

/* A sample, and the gradient of the weights that it is added to. All borrowed. */
typedef struct {
    const float *x, *dy;
    float *gradient;
    bool is_first; /* of the samples that share the gradient; where that folds, it is overwritten */
    float *scratch;
} nn_winograd_gradient;

/* Transformed gradients of many pairs of channels do not stay in the cache from one sample to the
 * next. They are folded back at once, for so many channels at a time. */
enum { NN_WINOGRAD_PAIRS_IN = 48, NN_WINOGRAD_PAIRS_OUT = 64 };
#define NN_WINOGRAD_PAIRS (NN_WINOGRAD_PAIRS_IN * NN_WINOGRAD_PAIRS_OUT)

/* Transformed tiles of n places, and the gradient that their products become. */
typedef struct {
    int64_t n, n_elements, in, out;
    const float *x; /* of each element [in], channel c at steps[c]; elements lie x_pitch apart */
    const int32_t *steps;
    int64_t x_pitch;
    const float *dy; /* of each element [n, out]; elements lie dy_pitch apart */
    int64_t dy_pitch;
    float *sum; /* scratch [n_elements, NN_WINOGRAD_PAIRS] */
    void (*fold)(const nn_kernel_gradient *at, int64_t n, bool overwrites); /* of nn_kernels() */
    float *gradient; /* [in, 9, gradient_pitch] */
    int64_t gradient_pitch;
    bool overwrites; /* the gradient; else adds to it */
} nn_winograd_products;
void nn_winograd_fold_products(const nn_winograd_products *at);

/* Adds a sample's part of the weights' gradient to `gradient`: [in, 9, sum_pitch] where it folds,
 * else transformed, [16, in, sum_pitch]. The columns from `out` on hold nothing of use. */
void nn_winograd_gather(const nn_winograd *w, const nn_winograd_gradient *at);
/* Where the gradient does not fold: adds sum [16, in, sum_pitch] to dweight [out,in,3,3] and leaves
 * anything in `sum`. */
void nn_winograd_add_gradient(const nn_winograd *w, float *sum, float *dweight);

#endif
