/* nn/kernels/winograd4.h - convolution by kernels of 3 x 3 under a stride of 1 with 36 products
 * where the definition takes 144: Winograd's F(4x4, 3x3), for layers with many channels.
 *
 * An input is cut into tiles of 6 x 6, four apart, of which each gives 4 x 4 outputs, otherwise as
 * in nn/kernels/winograd.h, and the weights' gradient is always folded. The interpolation points
 * are 0, +-5/8, +-3/2 and infinity: powers of the finite ones are exact in binary, and rounding
 * errors are 1.6 times those of the definition summed in order, where 0, +-1, +-2 and infinity
 * would make them 3.5 to 3.9 times (tests/golden/winograd_rounding.py; B. Barabasz et al., "Error
 * Analysis and Improving the Accuracy of Winograd Convolution for Deep Neural Networks", ACM TOMS
 * 46(4), 2020, on the choice of points).
 *
 * Places are the tiles of a block, row by row, without any between rows. Transformed kernels are
 * stored in panels of NN_PANEL output channels, in the order in which they are multiplied. */
#ifndef NN_KERNELS_WINOGRAD4_H
#define NN_KERNELS_WINOGRAD4_H

#include "nn/kernels/winograd.h"

typedef struct {
    nn_axis f, t;
    int64_t in, out;                 /* channels */
    int64_t tiles_f, tiles_t;        /* of a sample */
    int64_t rows, n_blocks;          /* rows of tiles of a block; blocks of a sample */
    int64_t n_panels, kernel_pitch;  /* of kernels; floats between the 36 elements of a panel */
    int64_t place_pitch, tile_pitch; /* floats between channels and between elements of a block */
    int64_t plane_pitch;             /* floats between rows of a padded plane */
    int64_t chunk;           /* rows of tiles that are multiplied at a time for the gradient */
    int64_t n_shared;        /* floats of the transformed kernels */
    int64_t sum_pitch;       /* floats per row of the gradient */
    int64_t n_run, n_gather; /* floats of scratch of nn_winograd4_run and _gather */
} nn_winograd4;

/* For axes with all their extents known that nn_winograd_can. unit > 0: a block's outputs are a
 * multiple of `unit` rows, which stay in the cache with the rest. */
nn_winograd4 nn_winograd4_make(nn_axis f, nn_axis t, int64_t in, int64_t out, int64_t unit);
/* The convolution that takes dy to dx. */
nn_winograd4 nn_winograd4_transposed(const nn_winograd4 *w);
/* Whether this is the fastest way: few channels, or planes that leave many places empty, cost more
 * than is won. */
bool nn_winograd4_fits(const nn_winograd4 *w);

/* Transforms the kernels of one of n_panels panels of output channels to its [36, in, NN_PANEL] of
 * shared [n_shared]; weight and transposed as in nn_winograd_weights. Panels may be transformed in
 * parallel. */
void nn_winograd4_begin(const nn_winograd4 *w, int64_t panel, const float *weight, bool transposed,
                        float *shared);

/* Whether a block\'s tiles are multiplied with all kernels at once. */
bool nn_winograd4_is_small(const nn_winograd4 *w);
/* Output rows [first, end) of block `block` of n_blocks; nn_winograd4_run writes them to the
 * sample's y [out, rows, T']. All panels of `shared` have been written by nn_winograd4_begin.
 * n_idle is ignored: all frames are computed. */
void nn_winograd4_rows(const nn_winograd4 *w, int64_t block, int64_t *first, int64_t *end);
void nn_winograd4_run(const nn_winograd4 *w, const nn_winograd_sample *at, int64_t block);

/* Adds a sample's part to the weights' gradient [in, 9, sum_pitch], or overwrites that with the
 * first sample's. The columns from `out` on hold nothing of use. */
void nn_winograd4_gather(const nn_winograd4 *w, const nn_winograd_gradient *at);

#endif
