/* nn/kernels/kernels_vectors.h - included by the parts of kernels.c alone: vectors of the level's
 * width, and loops that compilers vectorise. */
#ifndef NN_KERNELS_KERNELS_VECTORS_H
#define NN_KERNELS_KERNELS_VECTORS_H

#include "nn/kernels/kernels.h"

#include <string.h>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

/* A loop whose iterations do not depend on each other, even where x is y. */
#if defined(__clang__)
#pragma clang diagnostic ignored "-Wpass-failed" /* where it stays scalar, it is right as well */
#define EACH(i, n) _Pragma("clang loop vectorize(assume_safety)") for (int64_t i = 0; i < (n); i++)
#else
#define EACH(i, n) _Pragma("GCC ivdep") for (int64_t i = 0; i < (n); i++)
#endif

#define INLINE static inline __attribute__((always_inline))

#if defined(__AVX512F__)
#define WIDTH 16
#elif defined(__AVX__)
#define WIDTH 8
#else
#define WIDTH 4
#endif
#if defined(__AVX__)
#define HALF 4 /* doubles at once: conversions to wider vectors are slow where those are split */
#else
#define HALF 2
#endif
#define CHAIN      4 /* independent sums, to hide the latency of an addition */
#define TAPS_CHAIN 8

typedef float floats __attribute__((vector_size(4 * WIDTH), aligned(4), may_alias));
typedef int32_t integers __attribute__((vector_size(4 * WIDTH)));
typedef uint8_t bytes __attribute__((vector_size(WIDTH), aligned(1), may_alias));
typedef float half_floats __attribute__((vector_size(4 * HALF), aligned(4), may_alias));
typedef double doubles __attribute__((vector_size(8 * HALF)));

static float sum_of_lanes(floats x) {
    float lane[WIDTH];
    memcpy(lane, &x, sizeof lane);
    for (int half = WIDTH / 2; half >= 1; half /= 2) {
        for (int i = 0; i < half; i++) lane[i] += lane[i + half];
    }
    return lane[0];
}

static float tree_of_floats(const floats part[CHAIN]) {
    return sum_of_lanes((part[0] + part[1]) + (part[2] + part[3]));
}

static double tree_of_doubles(const doubles part[CHAIN]) {
    doubles total = (part[0] + part[1]) + (part[2] + part[3]);
    double lane[HALF];
    memcpy(lane, &total, sizeof lane);
    for (int half = HALF / 2; half >= 1; half /= 2) {
        for (int i = 0; i < half; i++) lane[i] += lane[i + half];
    }
    return lane[0];
}

/* The last n < size numbers, followed by zeros. */
INLINE const float *padded(const float *x, int64_t n, float *buffer, int64_t size) {
    for (int64_t i = 0; i < size; i++) buffer[i] = i < n ? x[i] : 0.0f;
    return buffer;
}

#define FLOATS(x) (*(const floats *)(x))

#define UNROLL _Pragma("GCC unroll 16")

/* Pairs side by side and apart. */
#if WIDTH == 16
#define LOW_PAIRS  0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define HIGH_PAIRS 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#define EVENS      0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30
#define ODDS       1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31
#define NEXT       1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16
#elif WIDTH == 8
#define LOW_PAIRS  0, 8, 1, 9, 2, 10, 3, 11
#define HIGH_PAIRS 4, 12, 5, 13, 6, 14, 7, 15
#define EVENS      0, 2, 4, 6, 8, 10, 12, 14
#define ODDS       1, 3, 5, 7, 9, 11, 13, 15
#define NEXT       1, 2, 3, 4, 5, 6, 7, 8
#else
#define LOW_PAIRS  0, 4, 1, 5
#define HIGH_PAIRS 2, 6, 3, 7
#define EVENS      0, 2, 4, 6
#define ODDS       1, 3, 5, 7
#define NEXT       1, 2, 3, 4
#endif

INLINE floats pick(integers mask, floats a, floats b) {
    return (floats)(((integers)a & mask) | ((integers)b & ~mask));
}

/* Where the next vector of n >= WIDTH numbers starts: the last one overlaps the one before it. */
INLINE int64_t vector_at(int64_t i, int64_t n) {
    return i + WIDTH <= n ? i : n - WIDTH;
}

/* GCC 12 makes two conversions of what one instruction does. */
INLINE void widen(const float *x, doubles *y) {
#if defined(__AVX__)
    *y = (doubles)_mm256_cvtps_pd(_mm_loadu_ps(x));
#else
    *y = __builtin_convertvector(*(const half_floats *)x, doubles);
#endif
}

/* The first n numbers of a vector, or those from `first` up to `end`, and zeros. */
#if defined(__AVX512F__)
INLINE __mmask16 first_of(int64_t n) {
    return (__mmask16)(n >= WIDTH ? 0xffff : n > 0 ? (1 << n) - 1 : 0);
}

INLINE floats load_part(const float *x, int64_t n) {
    return (floats)_mm512_maskz_loadu_ps(first_of(n), x);
}

INLINE floats load_between(const float *x, int64_t first, int64_t end) {
    return (floats)_mm512_maskz_loadu_ps((__mmask16)(first_of(end) & ~first_of(first)), x);
}

INLINE void store_part(float *y, floats x, int64_t n) {
    _mm512_mask_storeu_ps(y, first_of(n), (__m512)x);
}
#elif defined(__AVX__)
INLINE __m256i first_of(int64_t n) {
    static const int32_t ones_zeros[2 * WIDTH] = {-1, -1, -1, -1, -1, -1, -1, -1};
    int64_t from = n >= WIDTH ? 0 : n > 0 ? WIDTH - n : WIDTH;
    return _mm256_loadu_si256((const __m256i *)(const void *)(ones_zeros + from));
}

INLINE floats load_part(const float *x, int64_t n) {
    return n >= WIDTH ? FLOATS(x) : (floats)_mm256_maskload_ps(x, first_of(n));
}

INLINE floats load_between(const float *x, int64_t first, int64_t end) {
    __m256i mask = _mm256_castps_si256(
        _mm256_andnot_ps(_mm256_castsi256_ps(first_of(first)), _mm256_castsi256_ps(first_of(end))));
    return (floats)_mm256_maskload_ps(x, mask);
}

INLINE void store_part(float *y, floats x, int64_t n) {
    if (n >= WIDTH)
        *(floats *)y = x;
    else
        _mm256_maskstore_ps(y, first_of(n), (__m256)x);
}
#else
INLINE floats load_part(const float *x, int64_t n) {
    float rest[WIDTH];
    return n >= WIDTH ? FLOATS(x) : FLOATS(padded(x, n, rest, WIDTH));
}

INLINE floats load_between(const float *x, int64_t first, int64_t end) {
    float part[WIDTH];
    for (int64_t i = 0; i < WIDTH; i++) part[i] = i >= first && i < end ? x[i] : 0.0f;
    return FLOATS(part);
}

INLINE void store_part(float *y, floats x, int64_t n) {
    if (n >= WIDTH) *(floats *)y = x;
    for (int64_t i = 0; i < n && n < WIDTH; i++) y[i] = x[i];
}
#endif

#endif
