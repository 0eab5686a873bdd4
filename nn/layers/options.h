/* nn/layers/options.h - options and helpers that layers share, and what exports ask of them. */
#ifndef NN_LAYERS_OPTIONS_H
#define NN_LAYERS_OPTIONS_H

#include "nn/kernels/axis.h"
#include "nn/kernels/kernels.h"
#include "nn/layer.h"

typedef struct {
    base_ints kernel, stride; /* stride n = 0: the kernel's extent */
    base_strings pad;
} nn_pool_options;

/* Item 0 (frequency) or 1 (time) of an option that is one number or [f, t]. */
static inline int64_t nn_pair_item(base_ints list, int axis) {
    return list.items[list.n == 1 ? 0 : axis];
}

/* What surrounds a conv2d's or a pool's input: frequency before, time before, frequency after, time
 * after. */
void nn_conv2d_pads(const void *options, nn_shape in, int64_t pads[4]);
int64_t nn_conv2d_groups(const void *options, nn_shape in);
void nn_pool_pads(const nn_pool_options *options, nn_shape in, int64_t pads[4]);
static inline base_ints nn_pool_stride(const nn_pool_options *options) {
    return options->stride.n > 0 ? options->stride : options->kernel;
}

/* Whether windows lie side by side: the stride is the kernel's extent and there is no padding. */
bool nn_pool_is_tiling(const nn_pool_options *options);
/* Floats of a batch that hold, for each maximum of a fused pool, its place within its window. */
int64_t nn_pool_index_floats(const nn_plan *plan);

/* Added to each class's probability in a forest, so that its logarithm is finite. */
#define NN_FOREST_TINY 1e-30f

/* The input that split `split` of tree `tree` of a forest looks at. */
int64_t nn_forest_unit(const nn_plan *plan, const float *state, int64_t tree, int64_t split);
/* The leaves' distributions of a forest, [classes, trees * 2^depth]. */
void nn_forest_leaves(const void *options, const nn_plan *plan, const float *param,
                      const float *state, float *leaves);

/* Fails with ECONFIG unless an option holds one number or two. */
base_status nn_check_pair(const char *key, base_ints list, base_error *err);

#endif
