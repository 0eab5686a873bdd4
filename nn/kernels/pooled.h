/* nn/kernels/pooled.h - maxima of windows of a sample's planes, made while the planes are in the
 * cache, and what backward needs to know of them: which element of its window each maximum is.
 * Windows neither overlap nor reach outside; what they leave over at the ends is not computed. */
#ifndef NN_KERNELS_POOLED_H
#define NN_KERNELS_POOLED_H

#include "nn/kernels/kernels.h"

typedef struct {
    int64_t channels, f, t;     /* planes of maxima */
    int64_t kernel_f, kernel_t; /* of a window, at most 256 elements */
} nn_pooled;

/* Rows of numbers x, from windows' row `first` on. */
typedef struct {
    const float *x;
    int64_t pitch; /* floats between channels; rows have kernel_t * t */
    int64_t first, n;
} nn_pooled_rows;

/* n rows of maxima y [channels,f,t]; index, NULL if not wanted, has the same shape. */
void nn_pooled_forward(const nn_pooled *p, const nn_pooled_rows *rows, float *y, uint8_t *index);
/* Overwrites dx [channels, kernel_f f, kernel_t t]. */
void nn_pooled_backward(const nn_pooled *p, const float *dy, const uint8_t *index, float *dx);

#endif
