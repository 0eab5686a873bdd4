/* nn/layer_options.h - options and helpers that layers share when one does another's work. */
#ifndef NN_LAYER_OPTIONS_H
#define NN_LAYER_OPTIONS_H

#include "nn/kernels.h"
#include "nn/layer.h"

typedef struct {
    double slope;
} nn_leaky_relu_options;

typedef struct {
    int approximate; /* 0: exact, 1: by tanh */
} nn_gelu_options;

typedef struct {
    base_ints kernel, stride, pad; /* stride n = 0: the kernel's extent */
} nn_pool_options;

/* The function that a layer of that name applies to each number, with scale 1 and shift 0; false if
 * the layer is no activation. */
bool nn_activation_of(const char *name, const void *options, nn_map *map);

/* Item 0 (frequency) or 1 (time) of an option that is one number or [f, t]. */
static inline int64_t nn_pair_item(base_ints list, int axis) {
    return list.items[list.n == 1 ? 0 : axis];
}

/* Zeros around a conv2d's input: frequency before, time before, frequency after, time after. */
void nn_conv2d_pads(const void *options, nn_shape in, int64_t pads[4]);

/* Whether windows lie side by side: the stride is the kernel's extent and there is no padding. */
bool nn_pool_is_tiling(const nn_pool_options *options);

/* Fails with ECONFIG unless an option holds one number or two. */
base_status nn_check_pair(const char *key, base_ints list, base_error *err);

#endif
