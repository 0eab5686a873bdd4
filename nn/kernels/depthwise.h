/* nn/kernels/depthwise.h - convolution of a single plane, x [F,T], with a single kernel: y [F',T'].
 * What conv2d does where a group has one input channel and a matrix product would have one row. */
#ifndef NN_KERNELS_DEPTHWISE_H
#define NN_KERNELS_DEPTHWISE_H

#include "nn/kernels/axis.h"

typedef struct {
    nn_axis f, t;
    int64_t height, width;  /* of a part of the spread plane */
    int64_t strip;          /* rows of parts that are worked on at a time */
    int64_t reach_f, reach; /* of the kernel, in rows and in floats of a part */
    int64_t part_floats;    /* of a strip, with the rows it reaches and room behind */
    int64_t n_scratch;      /* floats that either pass needs, on a cache line */
    bool covers;            /* every element of x belongs to a part, so backward writes all of dx */
} nn_depthwise;

nn_depthwise nn_depthwise_make(nn_axis f, nn_axis t);

/* Writes tables that depend on the geometry alone to a worker's scratch [n_scratch]. To be called
 * before the first plane of either pass; both passes leave the tables as they are. */
void nn_depthwise_begin(const nn_depthwise *d, float *scratch);

/* y = bias + weight * x; overwrites y. */
typedef struct {
    const float *weight, *x;
    float bias;
    float *y;
} nn_depthwise_plane;

void nn_depthwise_forward(const nn_depthwise *d, const nn_depthwise_plane *at, float *scratch);

typedef struct {
    const float *weight, *x, *dy;
    float *dweight;       /* added to */
    int64_t dweight_step; /* floats between neighbours */
    float *dx;            /* NULL: not wanted */
    bool adds;            /* to dx, instead of overwriting it */
} nn_depthwise_gradient;

void nn_depthwise_backward(const nn_depthwise *d, const nn_depthwise_gradient *at, float *scratch);

#endif
