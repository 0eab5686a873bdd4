/* nn/kernels/extent.h - arithmetic of extents, which are never negative, and of what holds them. */
#ifndef NN_KERNELS_EXTENT_H
#define NN_KERNELS_EXTENT_H

#include <stdint.h>

static inline int64_t nn_max(int64_t a, int64_t b) {
    return a > b ? a : b;
}

static inline int64_t nn_min(int64_t a, int64_t b) {
    return a < b ? a : b;
}

/* Blocks of `unit` that hold n. */
static inline int64_t nn_ceil_div(int64_t n, int64_t unit) {
    return (n + unit - 1) / unit;
}

static inline int64_t nn_round_up(int64_t n, int64_t unit) {
    return nn_ceil_div(n, unit) * unit;
}

#define NN_LINE 16 /* floats of a cache line */

static inline int64_t nn_whole_lines(int64_t n_floats) {
    return nn_round_up(n_floats, NN_LINE);
}

/* Floats that hold n bytes. */
static inline int64_t nn_byte_floats(int64_t n_bytes) {
    return nn_ceil_div(n_bytes, (int64_t)sizeof(float));
}

#endif
