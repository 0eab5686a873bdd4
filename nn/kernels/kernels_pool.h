/* nn/kernels/kernels_pool.h - included by kernels.c alone: maxima of windows, and their indices. */
#ifndef NN_KERNELS_KERNELS_POOL_H
#define NN_KERNELS_KERNELS_POOL_H

#include "nn/kernels/kernels_vectors.h"

/* Inlined with constant extents for the windows that networks use most. */
INLINE float window_max(const float *x, int64_t width, int64_t kernel_f, int64_t kernel_t) {
    float max = x[0];
    for (int64_t f = 0; f < kernel_f; f++) {
        for (int64_t t = 0; t < kernel_t; t++) {
            float value = x[f * width + t];
            max = value > max ? value : max;
        }
    }
    return max;
}

/* The first maximum takes the gradient and leaves 0 for those after it. */
INLINE void window_backward(nn_pool_windows w, const float *x, float d, float *dx) {
    float max = window_max(x, w.width, w.kernel_f, w.kernel_t);
    for (int64_t f = 0; f < w.kernel_f; f++) {
        for (int64_t t = 0; t < w.kernel_t; t++) {
            int64_t i = f * w.width + t;
            bool here = x[i] == max;
            dx[i] = choose(here, d, 0.0f);
            d = choose(here, 0.0f, d);
        }
    }
}

#define FOR_EACH_WINDOW(LOOP)                                                                      \
    if (w->kernel_f == 2 && w->kernel_t == 2) {                                                    \
        LOOP(2, 2);                                                                                \
    } else if (w->kernel_f == 2 && w->kernel_t == 1) {                                             \
        LOOP(2, 1);                                                                                \
    } else if (w->kernel_f == 1 && w->kernel_t == 2) {                                             \
        LOOP(1, 2);                                                                                \
    } else if (w->kernel_f == 4 && w->kernel_t == 2) {                                             \
        LOOP(4, 2);                                                                                \
    } else {                                                                                       \
        LOOP(w->kernel_f, w->kernel_t);                                                            \
    }

static void pool_row(const nn_pool_windows *w, const float *x, float *y) {
    const int64_t width = w->width;
#define LOOP(kf, kt) EACH(j, w->n_t) y[j] = window_max(x + j * (kt), width, kf, kt)
    FOR_EACH_WINDOW(LOOP)
#undef LOOP
}

static void max_pool_backward(const nn_pool_windows *w, const float *x, const float *dy,
                              float *dx) {
    for (int64_t i = 0; i < w->n_f; i++) {
#define LOOP(kf, kt)                                                                               \
    const nn_pool_windows one = {.kernel_f = (kf), .kernel_t = (kt), .width = w->width};           \
    EACH(j, w->n_t) window_backward(one, x + j * (kt), dy[j], dx + j * (kt))
        FOR_EACH_WINDOW(LOOP)
#undef LOOP
        x += w->kernel_f * w->width;
        dx += w->kernel_f * w->width;
        dy += w->n_t;
    }
}

#if defined(__AVX512F__)
enum { PARTIAL = 1 /* vectors can be loaded and stored in part */ };

INLINE integers load_bytes(const uint8_t *x, int64_t n) {
    return (integers)_mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(first_of(n), x));
}

INLINE void store_bytes(uint8_t *y, integers x, int64_t n) {
    _mm512_mask_cvtepi32_storeu_epi8(y, first_of(n), (__m512i)x);
}
#else
enum { PARTIAL = 0 };

INLINE integers load_bytes(const uint8_t *x, int64_t n) {
    (void)n;
    return __builtin_convertvector(*(const bytes *)x, integers);
}

INLINE void store_bytes(uint8_t *y, integers x, int64_t n) {
    (void)n;
    *(bytes *)y = __builtin_convertvector(x, bytes);
}
#endif

/* n windows of 2 x 2, or as many as there are lanes. */
INLINE void pairs_index(const float *x, int64_t width, float *y, uint8_t *index, int64_t n) {
    floats max = {0};
    integers at = {0};
    UNROLL for (int k = 0; k < 4; k++) {
        const float *row = x + k / 2 * width;
        floats low = load_part(row, 2 * n), high = load_part(row + WIDTH, 2 * n - WIDTH);
        floats value = k % 2 ? __builtin_shufflevector(low, high, ODDS)
                             : __builtin_shufflevector(low, high, EVENS);
        integers more = value > max;
        max = k == 0 ? value : pick(more, value, max);
        if (k > 0) at = (more & k) | (~more & at);
    }
    store_part(y, max, n);
    store_bytes(index, at, n);
}

INLINE void pairs_unpool(const float *dy, const uint8_t *index, int64_t width, float *dx,
                         int64_t n) {
    floats d = load_part(dy, n), zero = {0};
    integers at = load_bytes(index, n);
    UNROLL for (int f = 0; f < 2; f++) {
        floats even = pick(at == 2 * f, d, zero), odd = pick(at == 2 * f + 1, d, zero);
        float *row = dx + f * width;
        store_part(row, __builtin_shufflevector(even, odd, LOW_PAIRS), 2 * n);
        store_part(row + WIDTH, __builtin_shufflevector(even, odd, HIGH_PAIRS), 2 * n - WIDTH);
    }
}

/* Where the vector that follows i numbers of n starts: the last one is partial, or overlaps. */
INLINE int64_t part_at(int64_t i, int64_t n) {
    return PARTIAL ? i : vector_at(i, n);
}

static bool has_vectors_of_pairs(const nn_pool_windows *w) {
    return w->kernel_f == 2 && w->kernel_t == 2 && (PARTIAL || w->n_t >= WIDTH);
}

static float window_index(const nn_pool_windows *w, const float *x, uint8_t *index) {
    float max = x[0];
    int64_t at = 0;
    for (int64_t k = 1; k < w->kernel_f * w->kernel_t; k++) {
        float value = x[k / w->kernel_t * w->width + k % w->kernel_t];
        if (value > max) {
            max = value;
            at = k;
        }
    }
    *index = (uint8_t)at;
    return max;
}

static void window_unpool(const nn_pool_windows *w, float d, int64_t index, float *dx) {
    for (int64_t k = 0; k < w->kernel_f * w->kernel_t; k++) {
        dx[k / w->kernel_t * w->width + k % w->kernel_t] = k == index ? d : 0.0f;
    }
}

static void pool_row_index(const nn_pool_windows *w, const float *x, float *y, uint8_t *index) {
    bool pairs = has_vectors_of_pairs(w);
    for (int64_t i = 0; i < w->n_t && pairs; i += WIDTH) {
        int64_t j = part_at(i, w->n_t);
        pairs_index(x + 2 * j, w->width, y + j, index + j, w->n_t - j);
    }
    for (int64_t j = 0; j < w->n_t && !pairs; j++) {
        y[j] = window_index(w, x + j * w->kernel_t, index + j);
    }
}

static void max_pool(const nn_pool_windows *w, const float *x, float *y, uint8_t *index) {
    for (int64_t i = 0; i < w->n_f; i++, x += w->kernel_f * w->width) {
        if (index != NULL) {
            pool_row_index(w, x, y + i * w->n_t, index + i * w->n_t);
        } else {
            pool_row(w, x, y + i * w->n_t);
        }
    }
}

static void unpool_row(const nn_pool_windows *w, const float *dy, const uint8_t *index, float *dx) {
    bool pairs = has_vectors_of_pairs(w);
    for (int64_t i = 0; i < w->n_t && pairs; i += WIDTH) {
        int64_t j = part_at(i, w->n_t);
        pairs_unpool(dy + j, index + j, w->width, dx + 2 * j, w->n_t - j);
    }
    for (int64_t j = 0; j < w->n_t && !pairs; j++) {
        window_unpool(w, dy[j], index[j], dx + j * w->kernel_t);
    }
}

static void max_unpool(const nn_pool_windows *w, const float *dy, const uint8_t *index, float *dx) {
    for (int64_t i = 0; i < w->n_f; i++) {
        unpool_row(w, dy + i * w->n_t, index + i * w->n_t, dx + i * w->kernel_f * w->width);
    }
}

/* n numbers, every step-th from x + t on, t < kernel_t. A step of 2 reads pairs: for t = 0 also the
 * number that follows the last one, which belongs to the same window. */
INLINE floats load_stepped(const float *x, int64_t t, int64_t step, int64_t n) {
    if (step == 1) return load_part(x + t, n);
    const float *from = x + (t > 0 ? t - 1 : 0);
    floats low = load_part(from, 2 * n), high = load_part(from + WIDTH, 2 * n - WIDTH);
    return t > 0 ? __builtin_shufflevector(low, high, ODDS)
                 : __builtin_shufflevector(low, high, EVENS);
}

/* n windows, or as many as there are lanes. Whether index is NULL, kernel_t and step are constants
 * where this is called. */
INLINE void windows_index(const nn_window_row *w, const float *x, float *y, uint8_t *index,
                          int64_t n) {
    floats max = load_stepped(x, 0, w->step, n);
    integers at = {0};
    for (int64_t f = 0; f < w->kernel_f; f++) {
        for (int64_t t = 0; t < w->kernel_t; t++) {
            floats value = load_stepped(x + f * w->width, t, w->step, n);
            integers more = value > max;
            max = pick(more, value, max);
            if (index != NULL) at = (more & (int32_t)(f * w->kernel_t + t)) | (~more & at);
        }
    }
    store_part(y, max, n);
    if (index != NULL) store_bytes(index, at, n);
}

/* With a step of 2 pairs of columns are read, so a window must have two. */
static bool has_vectors_of_windows(const nn_window_row *w) {
    return (w->step == 1 || (w->step == 2 && w->kernel_t >= 2)) && (PARTIAL || w->n >= WIDTH);
}

static void max_windows(const nn_window_row *w, const float *x, float *y, uint8_t *index) {
    const nn_pool_windows one = {
        .kernel_f = w->kernel_f, .kernel_t = w->kernel_t, .width = w->width};
    if (!has_vectors_of_windows(w)) {
        for (int64_t j = 0; j < w->n; j++) {
            uint8_t at;
            y[j] = window_index(&one, x + j * w->step, &at);
            if (index != NULL) index[j] = at;
        }
        return;
    }
#define LOOP(kt, by)                                                                               \
    {                                                                                              \
        const nn_window_row row = {                                                                \
            .kernel_f = w->kernel_f, .kernel_t = (kt), .width = w->width, .step = (by)};           \
        for (int64_t i = 0; i < w->n; i += WIDTH) {                                                \
            int64_t j = part_at(i, w->n);                                                          \
            if (index != NULL)                                                                     \
                windows_index(&row, x + j * (by), y + j, index + j, w->n - j);                     \
            else                                                                                   \
                windows_index(&row, x + j * (by), y + j, NULL, w->n - j);                          \
        }                                                                                          \
    }
    if (w->step == 2 && w->kernel_t == 3)
        LOOP(3, 2)
    else if (w->step == 2)
        LOOP(w->kernel_t, 2)
    else
        LOOP(w->kernel_t, 1)
#undef LOOP
}

#endif
