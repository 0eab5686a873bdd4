/* nn/kernels/axis.h - one axis of a window that moves over an image: kernel, stride, dilation and
 * padding, and the extents that follow from them. */
#ifndef NN_KERNELS_AXIS_H
#define NN_KERNELS_AXIS_H

#include "base/options.h"

typedef struct {
    int64_t in, out, kernel, stride, dilation, before, after;
} nn_axis;

/* What `pad` adds before and after, for axes that have in, kernel, stride and dilation; false if it
 * is none of the forms allowed, which nn_check_padding reports. */
bool nn_set_padding(const base_strings *pad, nn_axis *f, nn_axis *t);
base_status nn_check_padding(const base_strings *pad, base_error *err);

/* Extent of the output for n positions of the input: floor((n + before + after - dilation *
 * (kernel - 1) - 1) / stride) + 1, or 0 if the window does not fit. */
int64_t nn_axis_extent(const nn_axis *axis, int64_t n);

#endif
