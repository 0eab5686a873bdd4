/* nn/kernels/kernels_planes.h - included by kernels.c alone: rows with zeros around them, whole or
 * split into even and odd columns. */
#ifndef NN_KERNELS_KERNELS_PLANES_H
#define NN_KERNELS_KERNELS_PLANES_H

#include "nn/kernels/kernels_vectors.h"

/* A vector of z: the row x [n] with zeros around it, from x + at on. */
INLINE floats load_around(const float *x, int64_t at, int64_t n) {
    return at >= 0 ? load_part(x + at, n - at) : load_between(x + at, -at, n - at);
}

INLINE void deinterleave_row(const nn_padded_rows *d, const float *x, float *even, float *odd) {
    for (int64_t i = 0; i < d->pitch; i += WIDTH) {
        int64_t at = 2 * i - d->before;
        if (at >= 0 && at + 2 * WIDTH <= d->n && i + WIDTH <= d->pitch) {
            floats a = FLOATS(x + at), b = FLOATS(x + at + WIDTH);
            *(floats *)(even + i) = __builtin_shufflevector(a, b, EVENS);
            *(floats *)(odd + i) = __builtin_shufflevector(a, b, ODDS);
            continue;
        }
        floats a = load_around(x, at, d->n), b = load_around(x, at + WIDTH, d->n);
        store_part(even + i, __builtin_shufflevector(a, b, EVENS), d->pitch - i);
        store_part(odd + i, __builtin_shufflevector(a, b, ODDS), d->pitch - i);
    }
}

static void deinterleave(const nn_padded_rows *d, const float *x, float *even, float *odd) {
    for (int64_t r = 0; r < d->n_rows; r++) {
        deinterleave_row(d, x + r * d->x_step, even + r * d->pitch, odd + r * d->pitch);
    }
}

INLINE void pad_row(const nn_padded_rows *d, const float *x, float *y) {
    for (int64_t i = 0; i < d->pitch; i += WIDTH) {
        store_part(y + i, load_around(x, i - d->before, d->n), d->pitch - i);
    }
}

/* In whole vectors, which reach into the next row: that is written afterwards. */
INLINE void pad_row_over(const nn_padded_rows *d, const float *x, float *y) {
    const floats zero = {0};
    float *to = y + d->before;
    int64_t n = d->n < d->pitch - d->before ? d->n : d->pitch - d->before, i = 0;
    for (int64_t k = 0; k < d->before; k += WIDTH) *(floats *)(y + k) = zero;
    for (; i + WIDTH <= n; i += WIDTH) *(floats *)(to + i) = FLOATS(x + i);
    if (i < n) *(floats *)(to + i) = load_part(x + i, n - i);
    for (i += WIDTH * (i < n); d->before + i < d->pitch; i += WIDTH) *(floats *)(to + i) = zero;
}

static void pad(const nn_padded_rows *d, const float *x, float *y) {
    int64_t last = d->pitch >= WIDTH && d->before <= d->pitch ? d->n_rows - 1 : 0;
    for (int64_t r = 0; r < last; r++) pad_row_over(d, x + r * d->x_step, y + r * d->pitch);
    for (int64_t r = last < 0 ? 0 : last; r < d->n_rows; r++) {
        pad_row(d, x + r * d->x_step, y + r * d->pitch);
    }
}

INLINE void interleave_row(const nn_padded_rows *d, const float *even, const float *odd, bool adds,
                           float *x) {
    const int64_t half = d->before / 2;
    const float *a = d->before % 2 == 0 ? even + half : odd + half;
    const float *b = d->before % 2 == 0 ? odd + half : even + half + 1;
    for (int64_t i = 0; 2 * i < d->n; i += WIDTH) {
        float *to = x + 2 * i;
        int64_t left = d->n - 2 * i;
        floats low = __builtin_shufflevector(FLOATS(a + i), FLOATS(b + i), LOW_PAIRS);
        floats high = __builtin_shufflevector(FLOATS(a + i), FLOATS(b + i), HIGH_PAIRS);
        if (adds) low += load_part(to, left);
        store_part(to, low, left);
        if (left <= WIDTH) continue;
        left -= WIDTH;
        to += WIDTH;
        if (adds) high += load_part(to, left);
        store_part(to, high, left);
    }
}

static void interleave(const nn_padded_rows *d, const float *even, const float *odd, bool adds,
                       float *x) {
    for (int64_t r = 0; r < d->n_rows; r++, even += d->pitch, odd += d->pitch) {
        interleave_row(d, even, odd, adds, x + r * d->x_step);
    }
}

#endif
