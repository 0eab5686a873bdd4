/* nn/kernels/conv_axis.h - what the two ways of convolving share: where elements read, moves by
 * strides. */
#ifndef NN_KERNELS_CONV_AXIS_H
#define NN_KERNELS_CONV_AXIS_H

#include <string.h>

#include "nn/kernels/axis.h"
#include "nn/kernels/kernels.h"

/* The positions [first, end) whose input, `origin` + stride * position, lies inside. */
typedef struct {
    int64_t first, end;
    int64_t origin; /* may be negative */
} nn_conv_span;

static inline int64_t nn_ceil_div(int64_t a, int64_t b) {
    return a > 0 ? (a + b - 1) / b : 0;
}

/* Of the first n positions. */
static inline nn_conv_span nn_conv_span_of(const nn_axis *a, int64_t origin, int64_t n) {
    nn_conv_span span = {.origin = origin};
    span.first = nn_ceil_div(-origin, a->stride);
    span.end = nn_ceil_div(a->in - origin, a->stride);
    if (span.end > n) span.end = n;
    if (span.first > span.end) span.first = span.end;
    return span;
}

/* Every stride-th of x to y[n]. */
static inline void nn_conv_gather(const float *x, int64_t stride, float *y, int64_t n) {
    if (stride == 1) {
        memcpy(y, x, (size_t)n * sizeof *y);
    } else if (stride == 2) {
        for (int64_t i = 0; i < n; i++) y[i] = x[2 * i];
    } else {
        for (int64_t i = 0; i < n; i++) y[i] = x[stride * i];
    }
}

/* Adds y[n] to every stride-th of x. */
static inline void nn_conv_scatter(const float *y, int64_t n, float *x, int64_t stride) {
    if (stride == 1) {
        nn_kernels()->add(y, x, n);
    } else {
        for (int64_t i = 0; i < n; i++) x[stride * i] += y[i];
    }
}

#endif
