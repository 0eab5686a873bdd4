/* nn/kernels/axis.h - one axis of a window that moves over an image: kernel, stride, dilation and
 * padding, the extents that follow from them, and which positions read inside of the input. */
#ifndef NN_KERNELS_AXIS_H
#define NN_KERNELS_AXIS_H

#include "base/options.h"
#include "nn/kernels/extent.h"
#include "nn/kernels/kernels.h"

typedef struct {
    int64_t in, out, kernel, stride, dilation, before, after;
} nn_axis;

/* What `pad` adds before and after, for axes that have in, kernel, stride and dilation; false if it
 * is none of the forms allowed, which nn_check_padding reports. */
bool nn_set_padding(const base_strings *pad, nn_axis *f, nn_axis *t);
base_status nn_check_padding(const base_strings *pad, base_error *err);
/* What is added: f before, t before, f after, t after. */
void nn_axis_pads(const nn_axis *f, const nn_axis *t, int64_t pads[4]);

/* Extent of the output for n positions of the input: floor((n + before + after - dilation *
 * (kernel - 1) - 1) / stride) + 1, or 0 if the window does not fit. */
int64_t nn_axis_extent(const nn_axis *axis, int64_t n);

/* Of the first n positions, those whose input, `origin` + stride * position, lies inside. */
typedef struct {
    int64_t first, end;
    int64_t origin; /* may be negative */
} nn_axis_span;
nn_axis_span nn_axis_span_of(const nn_axis *axis, int64_t origin, int64_t n);

/* Every stride-th of x to y[n]; and y[n] added to every stride-th of x. */
void nn_strided_gather(const float *x, int64_t stride, float *y, int64_t n);
void nn_strided_add(const float *y, int64_t n, float *x, int64_t stride);

#endif
