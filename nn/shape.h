/* nn/shape.h - extents of one sample, without the batch.
 *
 * rank 1: vector [F]. rank 2: sequence [T,F]. rank 3: image [C,F,T] (channels, frequency, time).
 * All data is float32, row-major, sample after sample: a batch of B has B * nn_shape_count floats.
 */
#ifndef NN_SHAPE_H
#define NN_SHAPE_H

#include "base/status.h"

#define NN_MAX_RANK 4 /* parameters may have 4: [out, in, kernel_f, kernel_t] */

typedef struct {
    int rank;
    int64_t dim[NN_MAX_RANK];
} nn_shape;

nn_shape nn_shape_make(int rank, const int64_t *dim);
bool nn_shape_equal(nn_shape a, nn_shape b);
int64_t nn_shape_count(nn_shape shape); /* product; -1 if a dim is < 1 or it exceeds 2^40 */

/* The axis that runs along time: 2 of an image, 0 of a sequence, -1 of a vector. */
int nn_shape_time_axis(nn_shape shape);

/* "[B,64,8,12]" (batched) or "[64,8,12]" into buf[64]; returns buf. */
const char *nn_shape_text(nn_shape shape, bool batched, char buf[64]);

#endif
