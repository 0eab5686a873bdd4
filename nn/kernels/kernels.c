/* Element-wise loops are plain C around inline functions without branches, which compilers turn
 * into vector code, remainder included, without reordering anything. Reductions have to be
 * reordered to be fast, so they name their lanes: vectors of the level's natural width, the
 * remainder padded with zeros to a whole block. */
#include "nn/kernels/kernels.h"

#include <math.h>
#include <string.h>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

#define NAME_OF_(level) nn_kernels_##level
#define NAME_OF(level)  NAME_OF_(level)
#define TEXT_OF_(level) #level
#define TEXT_OF(level)  TEXT_OF_(level)

extern const nn_kernels_table NAME_OF(KERNEL_LEVEL);

/* A loop whose iterations do not depend on each other, even where x is y. */
#if defined(__clang__)
#pragma clang diagnostic ignored "-Wpass-failed" /* where it stays scalar, it is right as well */
#define EACH(i, n) _Pragma("clang loop vectorize(assume_safety)") for (int64_t i = 0; i < (n); i++)
#else
#define EACH(i, n) _Pragma("GCC ivdep") for (int64_t i = 0; i < (n); i++)
#endif

#define INLINE static inline __attribute__((always_inline))

INLINE uint32_t bits_of(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

INLINE float float_of(uint32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* condition ? a : b, for conditions on floats: as a branch it would keep compilers from vectors. */
INLINE float choose(bool condition, float a, float b) {
    uint32_t mask = -(uint32_t)condition;
    return float_of((bits_of(a) & mask) | (bits_of(b) & ~mask));
}

/* exp(x) = 2^n exp(f), n = round(x / ln 2), |f| <= ln 2 / 2: the polynomial and the split of ln 2
 * are those of Cephes (expf.c). Adding 1.5 * 2^23 rounds and leaves n in the low bits. */
INLINE float exp_of(float x) {
    const float magic = 0x1.8p23f;
    float shifted = x * 1.44269504f + magic;
    float n = shifted - magic;
    float f = x - n * 0.693359375f;
    f = f - n * -2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * f + 1.3981999507e-3f;
    p = p * f + 8.3334519073e-3f;
    p = p * f + 4.1665795894e-2f;
    p = p * f + 1.6666665459e-1f;
    p = p * f + 5.0000001201e-1f;
    p = p * (f * f) + f;
    p = p + 1.0f;
    float y = float_of(bits_of(p) + (bits_of(shifted) << 23));
    y = choose(x > 88.7228394f, INFINITY, y);
    y = choose(x < -87.3f, 0.0f, y);
    return choose(x != x, x, y);
}

INLINE float abs_of(float x) {
    return float_of(bits_of(x) & 0x7fffffffu);
}

INLINE float with_sign(float magnitude, float sign) {
    return float_of(bits_of(magnitude) | (bits_of(sign) & 0x80000000u));
}

/* Below 0.625 the odd polynomial of Cephes (tanhf.c); above, 1 - 2 / (exp(2|x|) + 1). */
INLINE float tanh_of(float x) {
    float a = abs_of(x), s = x * x;
    float p = -5.70498872745e-3f;
    p = p * s + 2.06390887954e-2f;
    p = p * s - 5.37397155531e-2f;
    p = p * s + 1.33314422036e-1f;
    p = p * s - 3.33332819422e-1f;
    float small = p * (s * x) + x;
    float large = with_sign(1.0f - 2.0f / (exp_of(2.0f * a) + 1.0f), x);
    return choose(a < 0.625f, small, large);
}

INLINE float sigmoid_of(float x) {
    return 1.0f / (1.0f + exp_of(-x));
}

/* Phi(x), the normal distribution, and its density. With a = |x| / sqrt 2 and t = 1 / (1 + a / 2),
 * erfc(a) / 2 = exp(-a^2) t P(t); P is a least-squares fit to scipy.special.erfcx with a relative
 * error of 5e-8. */
INLINE float normal_of(float x, float *density) {
    float a = abs_of(x), e = exp_of(-0.5f * x * x);
    float t = 1.0f / (1.0f + a * 0.353553391f);
    float p = -0.0295969862f;
    p = p * t + 0.142592937f;
    p = p * t - 0.244233474f;
    p = p * t + 0.139759615f;
    p = p * t - 0.0138138831f;
    p = p * t + 0.101555824f;
    p = p * t + 0.121498108f;
    p = p * t + 0.141195059f;
    p = p * t + 0.141042784f;
    float tail = p * (t * e);
    *density = e * 0.398942280f;
    return choose(x < 0.0f, tail, 1.0f - tail);
}

/* tanh's argument in the approximation of GELU and its derivative. */
INLINE float gelu_argument(float x, float *derivative) {
    float s = x * x;
    *derivative = 0.797884561f + 0.107032225f * s;
    return x * (0.797884561f + 0.0356774081f * s);
}

/* Comparisons are such that NaN comes through. */
INLINE float activation_of(nn_activation kind, float slope, float x) {
    float ignored;
    switch (kind) {
    case NN_RELU:
        return x < 0.0f ? 0.0f : x;
    case NN_LEAKY_RELU:
        return choose(x < 0.0f, slope * x, x);
    case NN_GELU:
        return x * normal_of(x, &ignored);
    case NN_GELU_TANH:
        return 0.5f * x * (1.0f + tanh_of(gelu_argument(x, &ignored)));
    case NN_SIGMOID:
        return sigmoid_of(x);
    case NN_TANH:
        return tanh_of(x);
    default:
        return x;
    }
}

/* f'(x), or for NN_SIGMOID and NN_TANH f'(f^-1(x)). */
INLINE float derivative_of(nn_activation kind, float slope, float x) {
    float aid;
    switch (kind) {
    case NN_RELU:
        return x > 0.0f ? 1.0f : 0.0f;
    case NN_LEAKY_RELU:
        return x > 0.0f ? 1.0f : slope;
    case NN_GELU: {
        float phi = normal_of(x, &aid);
        return aid * x + phi;
    }
    case NN_GELU_TANH: {
        float t = tanh_of(gelu_argument(x, &aid));
        return 0.5f * (1.0f + t) + 0.5f * x * (1.0f - t * t) * aid;
    }
    case NN_SIGMOID:
        return x * (1.0f - x);
    case NN_TANH:
        return 1.0f - x * x;
    default:
        return 1.0f;
    }
}

static void run_exp(const float *x, float *y, int64_t n) {
    EACH(i, n) y[i] = exp_of(x[i]);
}

static void run_tanh(const float *x, float *y, int64_t n) {
    EACH(i, n) y[i] = tanh_of(x[i]);
}

static void run_sigmoid(const float *x, float *y, int64_t n) {
    EACH(i, n) y[i] = sigmoid_of(x[i]);
}

static void add(const float *x, float *y, int64_t n) {
    EACH(i, n) y[i] += x[i];
}

static void axpy(float a, const float *x, float *y, int64_t n) {
    EACH(i, n) y[i] += a * x[i];
}

static void scale(float a, float *y, int64_t n) {
    EACH(i, n) y[i] *= a;
}

static void multiply(const float *a, const float *b, float *y, int64_t n) {
    EACH(i, n) y[i] = a[i] * b[i];
}

static void multiply_add(const float *a, const float *b, float *y, int64_t n) {
    EACH(i, n) y[i] += a[i] * b[i];
}

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

static float sum(const float *x, int64_t n) {
    floats part[CHAIN] = {{0}};
    float rest[WIDTH];
    int64_t i = 0;
    for (; i + CHAIN * WIDTH <= n; i += CHAIN * WIDTH) {
        for (int k = 0; k < CHAIN; k++) part[k] += FLOATS(x + i + k * WIDTH);
    }
    for (; i + WIDTH <= n; i += WIDTH) part[0] += FLOATS(x + i);
    if (i < n) part[1] += FLOATS(padded(x + i, n - i, rest, WIDTH));
    return tree_of_floats(part);
}

static float dot(const float *a, const float *b, int64_t n) {
    floats part[CHAIN] = {{0}};
    float rest_a[WIDTH], rest_b[WIDTH];
    int64_t i = 0;
    for (; i + CHAIN * WIDTH <= n; i += CHAIN * WIDTH) {
        for (int k = 0; k < CHAIN; k++) {
            part[k] += FLOATS(a + i + k * WIDTH) * FLOATS(b + i + k * WIDTH);
        }
    }
    for (; i + WIDTH <= n; i += WIDTH) part[0] += FLOATS(a + i) * FLOATS(b + i);
    if (i < n) {
        part[1] += FLOATS(padded(a + i, n - i, rest_a, WIDTH)) *
                   FLOATS(padded(b + i, n - i, rest_b, WIDTH));
    }
    return tree_of_floats(part);
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

/* Of `rows` rows `wide` vectors, the last of which has `left` numbers; both are constants, so that
 * the sums stay in registers. */
INLINE void correlate_tile(const nn_taps *taps, const nn_correlation *c, const float *x, float *y,
                           int64_t left, int rows, int wide) {
    const float *from[TAPS_CHAIN];
    floats part[TAPS_CHAIN], zero = {0};
    for (int i = 0; i < rows * wide; i++) {
        const float *to = y + i / wide * c->y_pitch + i % wide * WIDTH;
        part[i] = zero + c->bias;
        if (c->adds) part[i] = load_part(to, i % wide == wide - 1 ? left : WIDTH);
    }
    for (int r = 0; r < rows; r++) from[r] = x + r * c->x_pitch;
    for (int64_t k = 0; k < taps->n; k++) {
        const float weight = taps->weight[k];
        const int64_t offset = taps->offset[k];
        for (int i = 0; i < rows * wide; i++) {
            part[i] += weight * FLOATS(from[i / wide] + offset + i % wide * WIDTH);
        }
    }
    for (int i = 0; i < rows * wide; i++) {
        float *to = y + i / wide * c->y_pitch + i % wide * WIDTH;
        store_part(to, part[i], i % wide == wide - 1 ? left : WIDTH);
    }
}

/* All rows of `wide` vectors, as many at once as there are registers for. */
INLINE void correlate_column(const nn_taps *taps, const nn_correlation *c, const float *x, float *y,
                             int64_t left, int wide) {
    const int at_once = TAPS_CHAIN / wide;
    int64_t r = 0;
    for (; r + at_once <= c->n_rows; r += at_once) {
        correlate_tile(taps, c, x + r * c->x_pitch, y + r * c->y_pitch, left, at_once, wide);
    }
    for (; r < c->n_rows; r++) {
        correlate_tile(taps, c, x + r * c->x_pitch, y + r * c->y_pitch, left, 1, wide);
    }
}

static void correlate(const nn_taps *taps, const nn_correlation *c, const float *x, float *y) {
    int64_t i = 0;
    for (; i + TAPS_CHAIN * WIDTH <= c->n; i += TAPS_CHAIN * WIDTH) {
        correlate_column(taps, c, x + i, y + i, WIDTH, TAPS_CHAIN);
    }
    int64_t wide = (c->n - i + WIDTH - 1) / WIDTH, left = c->n - i - (wide - 1) * WIDTH;
#define COLUMN(number)                                                                             \
    case number:                                                                                   \
        correlate_column(taps, c, x + i, y + i, left, number);                                     \
        return
    switch (wide) {
        COLUMN(1);
        COLUMN(2);
        COLUMN(3);
        COLUMN(4);
        COLUMN(5);
        COLUMN(6);
        COLUMN(7);
        COLUMN(8);
    default:
        return;
    }
#undef COLUMN
}

enum { DOTS = 9 /* taps whose sums stay in registers */ };

INLINE void dot_some(const nn_tap_dots *t, int64_t first, int n, float *sum) {
    const float *from[DOTS];
    floats part[DOTS] = {{0}};
    for (int k = 0; k < n; k++) from[k] = t->x + t->offset[first + k];
    for (int64_t i = 0; i < t->n; i += WIDTH) {
        floats d = FLOATS(t->d + i);
        for (int k = 0; k < n; k++) part[k] += d * FLOATS(from[k] + i);
    }
    for (int k = 0; k < n; k++) sum[first + k] = sum_of_lanes(part[k]);
}

static void dot_taps(const nn_tap_dots *t, float *sum) {
    int64_t k = 0;
    for (; k + DOTS <= t->n_taps; k += DOTS) dot_some(t, k, DOTS, sum);
    for (; k + 5 <= t->n_taps; k += 5) dot_some(t, k, 5, sum);
    for (; k + 2 <= t->n_taps; k += 2) dot_some(t, k, 2, sum);
    for (; k < t->n_taps; k++) dot_some(t, k, 1, sum);
}

INLINE void add_doubles(const float *x, const float *y, doubles *sum_part, doubles *dot_part) {
    doubles a, b;
    widen(x, &a);
    widen(y, &b);
    *sum_part += a;
    *dot_part += a * b;
}

INLINE void add_products(const float *x, const float *y, int64_t n, double *total,
                         double *product) {
    doubles sums[CHAIN] = {{0}}, dots[CHAIN] = {{0}};
    float rest_x[HALF], rest_y[HALF];
    int64_t i = 0;
    for (; i + CHAIN * HALF <= n; i += CHAIN * HALF) {
        for (int k = 0; k < CHAIN; k++) {
            add_doubles(x + i + k * HALF, y + i + k * HALF, &sums[k], &dots[k]);
        }
    }
    for (; i + HALF <= n; i += HALF) add_doubles(x + i, y + i, &sums[0], &dots[0]);
    if (i < n) {
        add_doubles(padded(x + i, n - i, rest_x, HALF), padded(y + i, n - i, rest_y, HALF),
                    &sums[1], &dots[1]);
    }
    *total = tree_of_doubles(sums);
    *product = tree_of_doubles(dots);
}

/* Inlined twice, so that squares widen x once. */
static void sum_and_squares(const float *x, int64_t n, double *total, double *squares) {
    add_products(x, x, n, total, squares);
}

static void sum_and_dot(const float *x, const float *y, int64_t n, double *total, double *product) {
    if (x == y) {
        sum_and_squares(x, n, total, product);
    } else {
        add_products(x, y, n, total, product);
    }
}

static void add_columns(const float *x, const float *y, int64_t n, double *total, double *product) {
    EACH(i, n) {
        total[i] += (double)x[i];
        product[i] += (double)x[i] * (double)y[i];
    }
}

typedef float quad __attribute__((vector_size(16), aligned(4), may_alias));

/* Four rows of four numbers, `stride` apart, transposed. */
INLINE void transpose_quads(const float *x, int64_t stride, float *y, int64_t y_stride) {
    quad a = *(const quad *)x, b = *(const quad *)(x + stride);
    quad c = *(const quad *)(x + 2 * stride), d = *(const quad *)(x + 3 * stride);
    quad ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5);
    quad ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
    quad cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5);
    quad cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
    *(quad *)y = __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5);
    *(quad *)(y + y_stride) = __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7);
    *(quad *)(y + 2 * y_stride) = __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5);
    *(quad *)(y + 3 * y_stride) = __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7);
}

#if WIDTH == 16
/* Sixteen rows of sixteen numbers: rows that lie eight apart are dealt into each other, four times.
 */
INLINE void transpose_tile(const float *x, int64_t stride, float *y, int64_t y_stride) {
    floats row[WIDTH], dealt[WIDTH];
    UNROLL for (int i = 0; i < WIDTH; i++) row[i] = FLOATS(x + i * stride);
    UNROLL for (int round = 0; round < 4; round++) {
        UNROLL for (int i = 0; i < WIDTH / 2; i++) {
            floats a = row[i], b = row[i + WIDTH / 2];
            dealt[2 * i] = __builtin_shufflevector(a, b, LOW_PAIRS);
            dealt[2 * i + 1] = __builtin_shufflevector(a, b, HIGH_PAIRS);
        }
        UNROLL for (int i = 0; i < WIDTH; i++) row[i] = dealt[i];
    }
    UNROLL for (int i = 0; i < WIDTH; i++) * (floats *)(y + i * y_stride) = row[i];
}
#endif

static void transpose(const float *x, int64_t stride, int64_t rows, int64_t columns, float *y) {
#if WIDTH == 16
    if (rows % WIDTH == 0 && columns % WIDTH == 0) {
        for (int64_t j = 0; j < columns; j += WIDTH) {
            for (int64_t i = 0; i < rows; i += WIDTH) {
                transpose_tile(x + i * stride + j, stride, y + j * rows + i, rows);
            }
        }
        return;
    }
#endif
    enum { LINE = 8 }; /* columns that are read together: half of what memory moves at once */
    int64_t whole_rows = rows / 4 * 4, whole_columns = columns / 4 * 4;
    for (int64_t begin = 0; begin < whole_columns; begin += LINE) {
        int64_t end = begin + LINE < whole_columns ? begin + LINE : whole_columns;
        for (int64_t i = 0; i < whole_rows; i += 4) {
            for (int64_t j = begin; j < end; j += 4) {
                transpose_quads(x + i * stride + j, stride, y + j * rows + i, rows);
            }
        }
    }
    for (int64_t i = 0; i < rows; i++) {
        int64_t done = i < whole_rows ? whole_columns : 0;
        for (int64_t j = done; j < columns; j++) y[j * rows + i] = x[i * stride + j];
    }
}

/* ---- products whose operands stay where they are ---- */

enum { MAX_ROWS = 12, MAX_WIDE = 8 };

/* A tile of a product: `rows` rows of `wide` vectors, whose sums stay in registers; both are
 * constants where this is called. */
typedef struct {
    const float *row[MAX_ROWS]; /* of a; those past n_rows repeat the last */
    int n_rows;
    int64_t n_terms;
    const float *b;
    const int32_t *offset; /* of the terms in b; NULL: pitch apart */
    int64_t pitch;
    float *c;
    int64_t c_pitch;
} product_tile;

INLINE void multiply_tile(const product_tile *t, bool adds, int rows, int wide) {
    floats sum[MAX_ROWS][MAX_WIDE];
    const float *row[MAX_ROWS];
    UNROLL for (int r = 0; r < rows; r++) {
        row[r] = t->row[r];
        UNROLL for (int v = 0; v < wide; v++) sum[r][v] = (floats){0};
    }
    for (int64_t k = 0; k < t->n_terms; k++) {
        const float *from = t->b + (t->offset ? t->offset[k] : k * t->pitch);
        floats b[MAX_WIDE];
        UNROLL for (int v = 0; v < wide; v++) b[v] = FLOATS(from + v * WIDTH);
        UNROLL for (int r = 0; r < rows; r++) {
            float a = row[r][k];
            UNROLL for (int v = 0; v < wide; v++) sum[r][v] += a * b[v];
        }
    }
    UNROLL for (int r = 0; r < rows; r++) {
        if (r == t->n_rows) return;
        float *c = t->c + r * t->c_pitch;
        UNROLL for (int v = 0; v < wide; v++) {
            if (adds) sum[r][v] += FLOATS(c + v * WIDTH);
            *(floats *)(c + v * WIDTH) = sum[r][v];
        }
    }
}

/* As many sums as there are registers beside the operands. */
#if defined(__AVX512F__)
enum { TAPS_ROWS = 8, TAPS_WIDE = 3, NARROW_ROWS = 8 };
#else
enum { TAPS_ROWS = 4, TAPS_WIDE = 3, NARROW_ROWS = 8 };
#endif

INLINE void multiply_rows(const nn_taps_product *p, int rows, int wide) {
    product_tile t = {.n_terms = p->n_terms,
                      .b = p->b,
                      .offset = p->offset,
                      .c_pitch = p->c_pitch > 0 ? p->c_pitch : TAPS_WIDE * WIDTH};
    for (int64_t first = 0; first < p->n_rows; first += rows) {
        int64_t left = p->n_rows - first;
        t.n_rows = left < rows ? (int)left : rows;
        for (int r = 0; r < rows; r++) {
            t.row[r] = p->a + (first + (r < t.n_rows ? r : t.n_rows - 1)) * p->a_pitch;
        }
        t.c = p->c + first * t.c_pitch;
        multiply_tile(&t, p->adds, rows, wide);
    }
}

static void multiply_taps(const nn_taps_product *p) {
    if (p->n_columns <= WIDTH) {
        multiply_rows(p, NARROW_ROWS, 1);
    } else if (p->n_columns <= 2 * WIDTH) {
        multiply_rows(p, TAPS_ROWS, 2);
    } else {
        multiply_rows(p, TAPS_ROWS, TAPS_WIDE);
    }
}

/* Panels of large layers come from beyond the L2 cache, and prefetchers stop at the end of a page:
 * this many floats ahead is in the next one. */
enum { PANEL_AHEAD = 1024 };

/* `rows` rows of the panel from `first` on. */
INLINE void multiply_panel_rows(const nn_panel_product *p, int first, int rows, int wide) {
    floats sum[NN_PANEL][TAPS_WIDE];
    UNROLL for (int r = 0; r < rows; r++) {
        UNROLL for (int v = 0; v < wide; v++) sum[r][v] = (floats){0};
    }
    const float *a = p->a + first, *from = p->b;
    for (int64_t k = 0; k < p->n_terms; k++, a += NN_PANEL, from += p->b_pitch) {
        __builtin_prefetch(a + PANEL_AHEAD);
        floats b[TAPS_WIDE];
        UNROLL for (int v = 0; v < wide; v++) b[v] = FLOATS(from + v * WIDTH);
        UNROLL for (int r = 0; r < rows; r++) {
            UNROLL for (int v = 0; v < wide; v++) sum[r][v] += a[r] * b[v];
        }
    }
    UNROLL for (int r = 0; r < rows; r++) {
        UNROLL for (int v = 0; v < wide; v++) {
            *(floats *)(p->c + (first + r) * p->c_pitch + v * WIDTH) = sum[r][v];
        }
    }
}

static void multiply_panel(const nn_panel_product *p) {
    if (p->n_columns <= WIDTH) {
        multiply_panel_rows(p, 0, NN_PANEL, 1);
        return;
    }
    for (int first = 0; first < NN_PANEL; first += TAPS_ROWS) {
        if (p->n_columns <= 2 * WIDTH) {
            multiply_panel_rows(p, first, TAPS_ROWS, 2);
        } else {
            multiply_panel_rows(p, first, TAPS_ROWS, TAPS_WIDE);
        }
    }
}

INLINE void multiply_columns(const nn_positions_product *p, int64_t column, int rows, int wide) {
    product_tile t = {
        .n_terms = p->n_terms, .b = p->b + column, .pitch = p->b_pitch, .c_pitch = p->c_pitch};
    for (int64_t first = 0; first < p->n_rows; first += rows) {
        int64_t left = p->n_rows - first;
        t.n_rows = left < rows ? (int)left : rows;
        for (int r = 0; r < rows; r++) {
            t.row[r] = p->a + p->offset[first + (r < t.n_rows ? r : t.n_rows - 1)];
        }
        t.c = p->c + first * p->c_pitch + column;
        multiply_tile(&t, !p->overwrites, rows, wide);
    }
}

/* Whether groups of `fewer` rows leave fewer of them empty than groups of `rows`. */
INLINE bool fits_fewer(int64_t n, int rows, int fewer) {
    return (n + fewer - 1) / fewer * fewer < (n + rows - 1) / rows * rows;
}

/* Columns from vector i on, as long as there are `wide` vectors. */
#define MULTIPLY_COLUMNS(wide, rows, fewer)                                                        \
    for (; i + (wide) <= n; i += (wide)) {                                                         \
        if (fits_fewer(p->n_rows, rows, fewer)) {                                                  \
            multiply_columns(p, i *WIDTH, fewer, wide);                                            \
        } else {                                                                                   \
            multiply_columns(p, i *WIDTH, rows, wide);                                             \
        }                                                                                          \
    }

static void multiply_positions(const nn_positions_product *p) {
    int64_t n = (p->n_columns + WIDTH - 1) / WIDTH, i = 0; /* in vectors */
    if (p->n_rows == 1) {
        for (; i + MAX_WIDE <= n; i += MAX_WIDE) multiply_columns(p, i * WIDTH, 1, MAX_WIDE);
        for (; i + 2 <= n; i += 2) multiply_columns(p, i * WIDTH, 1, 2);
    }
    /* 24 or 12 sums in registers, as above. */
#if defined(__AVX512F__)
    MULTIPLY_COLUMNS(4, 6, 4)
    MULTIPLY_COLUMNS(2, 12, 8)
#else
    MULTIPLY_COLUMNS(2, 6, 4)
#endif
    for (; i < n; i++) multiply_columns(p, i * WIDTH, 12, 1);
}

#if defined(__AVX512F__)
enum { DOT_ROWS = 6, DOT_COLUMNS = 4 };
#else
enum { DOT_ROWS = 3, DOT_COLUMNS = 4 };
#endif

/* Of rows i to i + `rows` and columns j to j + `columns`; those past the last repeat it. */
INLINE void multiply_dot_tile(const nn_dot_products *p, int64_t i, int64_t j, int rows) {
    floats sum[DOT_ROWS][DOT_COLUMNS];
    const float *a[DOT_ROWS], *b[DOT_COLUMNS];
    UNROLL for (int r = 0; r < rows; r++) {
        a[r] = p->a + (i + r < p->n_rows ? i + r : p->n_rows - 1) * p->a_pitch;
        UNROLL for (int c = 0; c < DOT_COLUMNS; c++) sum[r][c] = (floats){0};
    }
    UNROLL for (int c = 0; c < DOT_COLUMNS; c++) {
        b[c] = p->b + (j + c < p->n_columns ? j + c : p->n_columns - 1) * p->b_pitch;
    }
    int64_t k = 0;
    for (; k + WIDTH <= p->n_terms; k += WIDTH) {
        floats column[DOT_COLUMNS];
        UNROLL for (int c = 0; c < DOT_COLUMNS; c++) column[c] = FLOATS(b[c] + k);
        UNROLL for (int r = 0; r < rows; r++) {
            floats row = FLOATS(a[r] + k);
            UNROLL for (int c = 0; c < DOT_COLUMNS; c++) sum[r][c] += row * column[c];
        }
    }
    for (int r = 0; r < rows && i + r < p->n_rows; r++) {
        for (int c = 0; c < DOT_COLUMNS && j + c < p->n_columns; c++) {
            float total = sum_of_lanes(sum[r][c]);
            for (int64_t rest = k; rest < p->n_terms; rest++) total += a[r][rest] * b[c][rest];
            p->c[(i + r) * p->c_pitch + j + c] += total;
        }
    }
}

static void multiply_dots(const nn_dot_products *p) {
    for (int64_t i = 0; i < p->n_rows; i += DOT_ROWS) {
        for (int64_t j = 0; j < p->n_columns; j += DOT_COLUMNS) {
            if (p->n_rows - i == 1) {
                multiply_dot_tile(p, i, j, 1);
            } else {
                multiply_dot_tile(p, i, j, DOT_ROWS);
            }
        }
    }
}

/* NaN comes through. */
INLINE floats not_below(floats x, float bound) {
    floats bounds = bound - (floats){0};
    return pick(x < bounds, bounds, x);
}

/* The last vector overlaps the one before it. */
INLINE void store_piece(const float *c, float bias, float bound, float *y, int n) {
    if (n < WIDTH) {
        for (int i = 0; i < n; i++) y[i] = c[i] + bias < bound ? bound : c[i] + bias;
        return;
    }
    for (int i = 0; i + WIDTH <= n; i += WIDTH) {
        *(floats *)(y + i) = not_below(FLOATS(c + i) + bias, bound);
    }
    *(floats *)(y + n - WIDTH) = not_below(FLOATS(c + n - WIDTH) + bias, bound);
}

static void store_taps(const nn_taps_store *s) {
    for (int64_t r = 0; r < s->n_rows; r++) {
        const float *c = s->c + r * s->c_pitch;
        float *y = s->y + r * s->y_pitch, bias = s->bias ? s->bias[r] : 0.0f;
        for (int i = 0; i < s->n_pieces; i++) {
            store_piece(c + s->piece[i].from, bias, s->lower_bound, y + s->piece[i].to,
                        s->piece[i].n);
        }
    }
}

/* ---- transforms of Winograd's F(2x2, 3x3) ---- */

/* Four by four vectors, and what a transform along one axis makes of four or two of them. */
typedef floats tile[4][4];

static void winograd_input(const float *x, const int32_t offset[16], int64_t n, float *to,
                           int64_t pitch) {
    for (int64_t i = 0; i < n; i += WIDTH) {
        tile d, r;
        UNROLL for (int e = 0; e < 16; e++) d[e / 4][e % 4] = FLOATS(x + offset[e] + i);
        UNROLL for (int t = 0; t < 4; t++) {
            r[0][t] = d[0][t] - d[2][t];
            r[1][t] = d[1][t] + d[2][t];
            r[2][t] = d[2][t] - d[1][t];
            r[3][t] = d[1][t] - d[3][t];
        }
        UNROLL for (int f = 0; f < 4; f++) {
            *(floats *)(to + (4 * f + 0) * pitch + i) = r[f][0] - r[f][2];
            *(floats *)(to + (4 * f + 1) * pitch + i) = r[f][1] + r[f][2];
            *(floats *)(to + (4 * f + 2) * pitch + i) = r[f][2] - r[f][1];
            *(floats *)(to + (4 * f + 3) * pitch + i) = r[f][1] - r[f][3];
        }
    }
}

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

/* Whole vectors, which reach into the row behind. */
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

static void winograd_output(const float *from, int64_t pitch, int64_t n, float *y,
                            int64_t y_pitch) {
    for (int64_t i = 0; i < n; i += WIDTH) {
        tile m;
        UNROLL for (int e = 0; e < 16; e++) m[e / 4][e % 4] = FLOATS(from + e * pitch + i);
        UNROLL for (int f = 0; f < 2; f++) {
            floats r[4];
            UNROLL for (int t = 0; t < 4; t++) {
                r[t] = f ? (m[1][t] - m[2][t]) - m[3][t] : (m[0][t] + m[1][t]) + m[2][t];
            }
            floats even = (r[0] + r[1]) + r[2], odd = (r[1] - r[2]) - r[3];
            float *row = y + f * y_pitch + 2 * i;
            *(floats *)row = __builtin_shufflevector(even, odd, LOW_PAIRS);
            *(floats *)(row + WIDTH) = __builtin_shufflevector(even, odd, HIGH_PAIRS);
        }
    }
}

static void winograd_gradient(const float *dy, int64_t n, float *to, int64_t pitch) {
    EACH(i, n) {
        float a = dy[i], b = dy[n + i], c = dy[2 * n + i], d = dy[3 * n + i];
        float row[4][2] = {{a, b}, {a + c, b + d}, {a - c, b - d}, {-c, -d}};
        UNROLL for (int f = 0; f < 4; f++) {
            to[(4 * f + 0) * pitch + i] = row[f][0];
            to[(4 * f + 1) * pitch + i] = row[f][0] + row[f][1];
            to[(4 * f + 2) * pitch + i] = row[f][0] - row[f][1];
            to[(4 * f + 3) * pitch + i] = -row[f][1];
        }
    }
}

static void winograd_kernel(const float *g, int64_t g_pitch, int64_t n, float *m, int64_t pitch) {
    EACH(i, n) {
        float column[3][4];
        UNROLL for (int t = 0; t < 3; t++) {
            const float *at = g + t * g_pitch + i;
            float even = 0.5f * (at[0] + at[6 * g_pitch]), odd = 0.5f * at[3 * g_pitch];
            column[t][0] = at[0];
            column[t][1] = even + odd;
            column[t][2] = even - odd;
            column[t][3] = at[6 * g_pitch];
        }
        UNROLL for (int f = 0; f < 4; f++) {
            float even = 0.5f * (column[0][f] + column[2][f]), odd = 0.5f * column[1][f];
            m[(4 * f + 0) * pitch + i] = column[0][f];
            m[(4 * f + 1) * pitch + i] = even + odd;
            m[(4 * f + 2) * pitch + i] = even - odd;
            m[(4 * f + 3) * pitch + i] = column[2][f];
        }
    }
}

INLINE void winograd_fold(const nn_kernel_gradient *at, int64_t n, bool overwrites) {
    const float *m = at->m;
    float *g = at->g;
    const int64_t pitch = at->m_pitch, g_pitch = at->g_pitch;
    EACH(i, n) {
        float row[3][4];
        UNROLL for (int t = 0; t < 4; t++) {
            const float *from = m + t * pitch + i;
            float even = 0.5f * (from[4 * pitch] + from[8 * pitch]);
            row[0][t] = from[0] + even;
            row[1][t] = 0.5f * (from[4 * pitch] - from[8 * pitch]);
            row[2][t] = even + from[12 * pitch];
        }
        UNROLL for (int f = 0; f < 3; f++) {
            float even = 0.5f * (row[f][1] + row[f][2]);
            float *to = g + 3 * f * g_pitch + i;
            float odd = 0.5f * (row[f][1] - row[f][2]);
            to[0] = (overwrites ? 0.0f : to[0]) + (row[f][0] + even);
            to[g_pitch] = (overwrites ? 0.0f : to[g_pitch]) + odd;
            to[2 * g_pitch] = (overwrites ? 0.0f : to[2 * g_pitch]) + (even + row[f][3]);
        }
    }
}

static void winograd_kernel_gradient(const nn_kernel_gradient *at, int64_t n, bool overwrites) {
    if (overwrites) {
        winograd_fold(at, n, true);
    } else {
        winograd_fold(at, n, false);
    }
}

/* ---- transforms of Winograd's F(4, 5) ---- */

/* phase[i] is every fourth of 4 WIDTH numbers, from the i-th on. */
INLINE void deal_four(const floats x[4], floats phase[4]) {
    floats even_low = __builtin_shufflevector(x[0], x[1], EVENS);
    floats odd_low = __builtin_shufflevector(x[0], x[1], ODDS);
    floats even_high = __builtin_shufflevector(x[2], x[3], EVENS);
    floats odd_high = __builtin_shufflevector(x[2], x[3], ODDS);
    phase[0] = __builtin_shufflevector(even_low, even_high, EVENS);
    phase[1] = __builtin_shufflevector(odd_low, odd_high, EVENS);
    phase[2] = __builtin_shufflevector(even_low, even_high, ODDS);
    phase[3] = __builtin_shufflevector(odd_low, odd_high, ODDS);
}

/* And back. */
INLINE void collect_four(const floats phase[4], float *y) {
    floats even_low = __builtin_shufflevector(phase[0], phase[2], LOW_PAIRS);
    floats even_high = __builtin_shufflevector(phase[0], phase[2], HIGH_PAIRS);
    floats odd_low = __builtin_shufflevector(phase[1], phase[3], LOW_PAIRS);
    floats odd_high = __builtin_shufflevector(phase[1], phase[3], HIGH_PAIRS);
    *(floats *)y = __builtin_shufflevector(even_low, odd_low, LOW_PAIRS);
    *(floats *)(y + WIDTH) = __builtin_shufflevector(even_low, odd_low, HIGH_PAIRS);
    *(floats *)(y + 2 * WIDTH) = __builtin_shufflevector(even_high, odd_high, LOW_PAIRS);
    *(floats *)(y + 3 * WIDTH) = __builtin_shufflevector(even_high, odd_high, HIGH_PAIRS);
}

/* The elements of two points, one the other's negative. */
INLINE void store_pair(floats even, floats odd, float *to, int64_t pitch) {
    *(floats *)to = even + odd;
    *(floats *)(to + pitch) = even - odd;
}

static void winograd_time_input(const float *x, int64_t n, float *to, int64_t pitch) {
    for (int64_t i = 0; i < n; i += WIDTH, to += WIDTH) {
        floats number[4], next[4], d[8];
        UNROLL for (int v = 0; v < 4; v++) {
            number[v] = FLOATS(x + 4 * i + v * WIDTH);
            next[v] = FLOATS(x + 4 * i + 4 + v * WIDTH);
        }
        deal_four(number, d);
        deal_four(next, d + 4);
        *(floats *)to = (d[0] - d[6]) + 5.25f * (d[4] - d[2]);
        store_pair((d[2] + d[6]) - 4.25f * d[4], (d[1] + d[5]) - 4.25f * d[3], to + pitch, pitch);
        store_pair((d[6] + 4.0f * d[2]) - 5.0f * d[4], (2.0f * d[1] - 2.5f * d[3]) + 0.5f * d[5],
                   to + 3 * pitch, pitch);
        store_pair((d[6] + 0.25f * d[2]) - 1.25f * d[4], (0.5f * d[1] - 2.5f * d[3]) + 2.0f * d[5],
                   to + 5 * pitch, pitch);
        *(floats *)(to + 7 * pitch) = (d[7] - d[1]) + 5.25f * (d[3] - d[5]);
    }
}

static void winograd_time_output(const float *from, int64_t pitch, int64_t n, float *y) {
    for (int64_t i = 0; i < n; i += WIDTH) {
        floats m[8], sum[3], odd[3], row[4];
        UNROLL for (int e = 0; e < 8; e++) m[e] = FLOATS(from + e * pitch + i);
        UNROLL for (int k = 0; k < 3; k++) {
            sum[k] = m[2 * k + 1] + m[2 * k + 2];
            odd[k] = m[2 * k + 1] - m[2 * k + 2];
        }
        row[0] = (m[0] + sum[0]) + (sum[1] + sum[2]);
        row[1] = (odd[0] + 0.5f * odd[1]) + 2.0f * odd[2];
        row[2] = (sum[0] + 0.25f * sum[1]) + 4.0f * sum[2];
        row[3] = ((m[7] + odd[0]) + 0.125f * odd[1]) + 8.0f * odd[2];
        collect_four(row, y + 4 * i);
    }
}

static void winograd_time_gradient(const float *dy, int64_t n, float *to, int64_t pitch) {
    EACH(i, n) {
        float a = dy[i], b = dy[n + i], c = dy[2 * n + i], d = dy[3 * n + i];
        float even = a + 0.25f * c, odd = 0.5f * b + 0.125f * d;
        to[i] = a;
        to[pitch + i] = (a + c) + (b + d);
        to[2 * pitch + i] = (a + c) - (b + d);
        to[3 * pitch + i] = even + odd;
        to[4 * pitch + i] = even - odd;
        even = a + 4.0f * c;
        odd = 2.0f * b + 8.0f * d;
        to[5 * pitch + i] = even + odd;
        to[6 * pitch + i] = even - odd;
        to[7 * pitch + i] = d;
    }
}

/* ---- transforms of Winograd's F(4x4, 3x3) at 0, P, -P, Q, -Q and infinity ---- */

#define P1 0.625f /* P = 5/8, Q = 3/2, and their powers, all exact */
#define P2 0.390625f
#define P3 0.244140625f
#define Q1 1.5f
#define Q2 2.25f
#define Q3 3.375f
/* The products of the differences between a point and the others, inverted. */
#define G0 (1.0f / (P2 * Q2))
#define GP (1.0f / (2.0f * P2 * (P2 - Q2)))
#define GQ (1.0f / (2.0f * Q2 * (Q2 - P2)))

/* B^T d of six numbers or vectors: the products of (x - point) over the other points. */
#define INPUT_TRANSFORM(d0, d1, d2, d3, d4, d5, to)                                                \
    do {                                                                                           \
        floats even_p = (d4)-Q2 * (d2), odd_p = (d3)-Q2 * (d1);                                    \
        floats even_q = (d4)-P2 * (d2), odd_q = (d3)-P2 * (d1);                                    \
        to(0, ((d4) - (P2 + Q2) * (d2)) + (P2 * Q2) * (d0));                                       \
        to(1, even_p + P1 * odd_p);                                                                \
        to(2, even_p - P1 * odd_p);                                                                \
        to(3, even_q + Q1 * odd_q);                                                                \
        to(4, even_q - Q1 * odd_q);                                                                \
        to(5, ((d5) - (P2 + Q2) * (d3)) + (P2 * Q2) * (d1));                                       \
    } while (0)

/* The four phases, and the two of the next tile, of 4 WIDTH + 2 columns. */
INLINE void split_columns(const floats x[5], floats d[6]) {
    deal_four(x, d);
    d[4] = __builtin_shufflevector(d[0], x[4], NEXT);
    d[5] = __builtin_shufflevector(d[1], __builtin_shufflevector(x[4], x[4], NEXT), NEXT);
}

static void winograd4_input(const float *x, int64_t x_pitch, int64_t n, float *tiles,
                            int64_t pitch) {
    for (int64_t i = 0; i < n; i += WIDTH) {
        floats row[6][5];
        UNROLL for (int v = 0; v < 5; v++) {
            const float *at = x + 4 * i + v * WIDTH;
            floats d[6];
            UNROLL for (int f = 0; f < 6; f++) d[f] = FLOATS(at + f * x_pitch);
#define TO(f, value) row[f][v] = value
            INPUT_TRANSFORM(d[0], d[1], d[2], d[3], d[4], d[5], TO);
#undef TO
        }
        for (int f = 0; f < 6; f++) {
            floats d[6];
            float *to = tiles + 6 * f * pitch + i;
            split_columns(row[f], d);
#define TO(t, value) *(floats *)(to + (t)*pitch) = value
            INPUT_TRANSFORM(d[0], d[1], d[2], d[3], d[4], d[5], TO);
#undef TO
        }
    }
}

/* A^T m: powers of the points. */
INLINE void output_transform(const floats m[6], floats y[4]) {
    floats even_p = m[1] + m[2], odd_p = m[1] - m[2];
    floats even_q = m[3] + m[4], odd_q = m[3] - m[4];
    y[0] = (m[0] + even_p) + even_q;
    y[1] = P1 * odd_p + Q1 * odd_q;
    y[2] = P2 * even_p + Q2 * even_q;
    y[3] = (P3 * odd_p + Q3 * odd_q) + m[5];
}

static void winograd4_output(const float *tiles, int64_t pitch, int64_t n, float *y,
                             int64_t y_pitch) {
    for (int64_t i = 0; i < n; i += WIDTH) {
        floats row[4][6];
        UNROLL for (int t = 0; t < 6; t++) {
            floats m[6], column[4];
            UNROLL for (int f = 0; f < 6; f++) m[f] = FLOATS(tiles + (6 * f + t) * pitch + i);
            output_transform(m, column);
            UNROLL for (int f = 0; f < 4; f++) row[f][t] = column[f];
        }
        for (int f = 0; f < 4; f++) {
            floats d[4];
            output_transform(row[f], d);
            collect_four(d, y + f * y_pitch + 4 * i);
        }
    }
}

/* A d of four numbers. */
INLINE void spread_gradient(float a, float b, float c, float d, float to[6]) {
    float even_p = a + P2 * c, odd_p = P1 * b + P3 * d;
    float even_q = a + Q2 * c, odd_q = Q1 * b + Q3 * d;
    to[0] = a;
    to[1] = even_p + odd_p;
    to[2] = even_p - odd_p;
    to[3] = even_q + odd_q;
    to[4] = even_q - odd_q;
    to[5] = d;
}

static void winograd4_gradient(const float *dy, int64_t row, int64_t n, float *tiles,
                               int64_t pitch) {
    EACH(i, n) {
        float column[4][6];
        UNROLL for (int t = 0; t < 4; t++) {
            const float *at = dy + t * n + i;
            spread_gradient(at[0], at[row], at[2 * row], at[3 * row], column[t]);
        }
        UNROLL for (int f = 0; f < 6; f++) {
            float to[6];
            spread_gradient(column[0][f], column[1][f], column[2][f], column[3][f], to);
            UNROLL for (int t = 0; t < 6; t++) tiles[(6 * f + t) * pitch + i] = to[t];
        }
    }
}

/* G g of three numbers. */
INLINE void spread_kernel(float a, float b, float c, float to[6]) {
    float even_p = GP * a + (GP * P2) * c, odd_p = (GP * P1) * b;
    float even_q = GQ * a + (GQ * Q2) * c, odd_q = (GQ * Q1) * b;
    to[0] = G0 * a;
    to[1] = even_p + odd_p;
    to[2] = even_p - odd_p;
    to[3] = even_q + odd_q;
    to[4] = even_q - odd_q;
    to[5] = c;
}

static void winograd4_kernel(const float *g, int64_t g_pitch, int64_t n, float *m, int64_t pitch) {
    EACH(i, n) {
        float column[3][6];
        UNROLL for (int t = 0; t < 3; t++) {
            const float *at = g + t * g_pitch + i;
            spread_kernel(at[0], at[3 * g_pitch], at[6 * g_pitch], column[t]);
        }
        UNROLL for (int f = 0; f < 6; f++) {
            float to[6];
            spread_kernel(column[0][f], column[1][f], column[2][f], to);
            UNROLL for (int t = 0; t < 6; t++) m[(6 * f + t) * pitch + i] = to[t];
        }
    }
}

/* And G^T m. */
INLINE void fold_kernel(const float m[6], float to[3]) {
    float even_p = GP * (m[1] + m[2]), even_q = GQ * (m[3] + m[4]);
    to[0] = (G0 * m[0] + even_p) + even_q;
    to[1] = (GP * P1) * (m[1] - m[2]) + (GQ * Q1) * (m[3] - m[4]);
    to[2] = (P2 * even_p + Q2 * even_q) + m[5];
}

INLINE void winograd4_fold(const nn_kernel_gradient *at, int64_t n, bool overwrites) {
    const float *m = at->m;
    float *g = at->g;
    const int64_t pitch = at->m_pitch, g_pitch = at->g_pitch;
    EACH(i, n) {
        float row[3][6];
        UNROLL for (int t = 0; t < 6; t++) {
            float column[6], to[3];
            UNROLL for (int f = 0; f < 6; f++) column[f] = m[(6 * f + t) * pitch + i];
            fold_kernel(column, to);
            UNROLL for (int f = 0; f < 3; f++) row[f][t] = to[f];
        }
        UNROLL for (int f = 0; f < 3; f++) {
            float to[3];
            fold_kernel(row[f], to);
            UNROLL for (int t = 0; t < 3; t++) {
                float *sum = g + (3 * f + t) * g_pitch + i;
                *sum = (overwrites ? 0.0f : *sum) + to[t];
            }
        }
    }
}

static void winograd4_kernel_gradient(const nn_kernel_gradient *at, int64_t n, bool overwrites) {
    if (overwrites) {
        winograd4_fold(at, n, true);
    } else {
        winograd4_fold(at, n, false);
    }
}

/* A loop for each kind but NN_SILU, so that the choice is made outside. */
#define FOR_EACH_KIND(LOOP)                                                                        \
    switch (map->kind) {                                                                           \
    case NN_RELU:                                                                                  \
        LOOP(NN_RELU);                                                                             \
        break;                                                                                     \
    case NN_LEAKY_RELU:                                                                            \
        LOOP(NN_LEAKY_RELU);                                                                       \
        break;                                                                                     \
    case NN_GELU:                                                                                  \
        LOOP(NN_GELU);                                                                             \
        break;                                                                                     \
    case NN_GELU_TANH:                                                                             \
        LOOP(NN_GELU_TANH);                                                                        \
        break;                                                                                     \
    case NN_SIGMOID:                                                                               \
        LOOP(NN_SIGMOID);                                                                          \
        break;                                                                                     \
    case NN_TANH:                                                                                  \
        LOOP(NN_TANH);                                                                             \
        break;                                                                                     \
    default:                                                                                       \
        LOOP(NN_IDENTITY);                                                                         \
        break;                                                                                     \
    }

/* x between -limit and limit. */
INLINE floats within(floats x, float limit) {
#if defined(__AVX512F__)
    __m512 low = _mm512_max_ps(_mm512_set1_ps(-limit), (__m512)x);
    return (floats)_mm512_min_ps(_mm512_set1_ps(limit), low);
#elif defined(__AVX__)
    __m256 low = _mm256_max_ps(_mm256_set1_ps(-limit), (__m256)x);
    return (floats)_mm256_min_ps(_mm256_set1_ps(limit), low);
#else
    const floats zero = {0};
    x = pick(x > limit, zero + limit, x);
    return pick(x < -limit, zero - limit, x);
#endif
}

/* 1 + exp(-x) for quotients, with exp_of's polynomial: x stays where exp is a normal number, so
 * that nothing has to be chosen after it. Of NaN the quotient's other part takes care. */
INLINE floats sigmoid_divisor(floats x) {
    const float magic = 0x1.8p23f;
    floats v = within(x, 87.3f);
    floats shifted = v * -1.44269504f + magic;
    floats n = shifted - magic;
    floats f = -n * 0.693359375f - v;
    f = f - n * -2.12194440e-4f;
    floats p = f * 1.9875691500e-4f + 1.3981999507e-3f;
    p = p * f + 8.3334519073e-3f;
    p = p * f + 4.1665795894e-2f;
    p = p * f + 1.6666665459e-1f;
    p = p * f + 5.0000001201e-1f;
    p = p * (f * f) + f;
    p = p + 1.0f;
    return (floats)((integers)p + ((integers)shifted << 23)) + 1.0f;
}

INLINE floats silu_of(const nn_map *map, floats x) {
    floats z = x * map->scale + map->shift;
    return z / sigmoid_divisor(z);
}

INLINE floats silu_slope(const nn_map *map, floats x) {
    floats z = x * map->scale + map->shift, one = {0};
    one = one + 1.0f;
    floats s = one / sigmoid_divisor(z);
    return s * (z * (one - s) + 1.0f);
}

static void silu(nn_map map, const float *x, float *y, int64_t n) {
    float rest[WIDTH];
    int64_t i = 0;
    for (; i + WIDTH <= n; i += WIDTH) *(floats *)(y + i) = silu_of(&map, FLOATS(x + i));
    if (i == n) return;
    floats last = silu_of(&map, FLOATS(padded(x + i, n - i, rest, WIDTH)));
    memcpy(y + i, &last, (size_t)(n - i) * sizeof *y);
}

static void silu_backward(nn_map map, const float *x, float *d, int64_t n) {
    float rest[WIDTH], rest_d[WIDTH];
    int64_t i = 0;
    for (; i + WIDTH <= n; i += WIDTH) *(floats *)(d + i) *= silu_slope(&map, FLOATS(x + i));
    if (i == n) return;
    floats last = silu_slope(&map, FLOATS(padded(x + i, n - i, rest, WIDTH)));
    last *= FLOATS(padded(d + i, n - i, rest_d, WIDTH));
    memcpy(d + i, &last, (size_t)(n - i) * sizeof *d);
}

static void activate(const nn_map *map, const float *x, float *y, int64_t n) {
    const float a = map->scale, b = map->shift, slope = map->p[0];
    if (map->kind == NN_SILU) {
        silu(*map, x, y, n);
        return;
    }
    if (map->kind == NN_CUSTOM) {
        EACH(i, n) y[i] = a * x[i] + b;
        map->forward(map->p, y, y, n);
        return;
    }
#define LOOP(kind) EACH(i, n) y[i] = activation_of(kind, slope, a * x[i] + b)
    FOR_EACH_KIND(LOOP)
#undef LOOP
}

static void activate_custom_backward(const nn_map *map, const float *x, float *d, int64_t n) {
    enum { CHUNK = 512 };
    float z[CHUNK];
    const float a = map->scale, b = map->shift;
    for (int64_t at = 0; at < n; at += CHUNK) {
        int64_t size = n - at < CHUNK ? n - at : CHUNK;
        EACH(i, size) z[i] = a * x[at + i] + b;
        map->backward(map->p, z, d + at, size);
    }
}

static void activate_backward(const nn_map *map, const float *x, float *d, int64_t n) {
    const float a = map->scale, b = map->shift, slope = map->p[0];
    if (map->kind == NN_CUSTOM) {
        activate_custom_backward(map, x, d, n);
        return;
    }
    if (map->kind == NN_SILU) {
        silu_backward(*map, x, d, n);
        return;
    }
#define LOOP(kind) EACH(i, n) d[i] *= derivative_of(kind, slope, a * x[i] + b)
    FOR_EACH_KIND(LOOP)
#undef LOOP
}

static void normalize_backward(const nn_slope *slope, const float *x, const float *d, float *dx,
                               int64_t n) {
    const float a = slope->a, b = slope->b, c = slope->c, center = slope->center;
    EACH(i, n) {
        float offset = b * (x[i] - center) + c;
        dx[i] = a * d[i] + offset;
    }
}

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

/* The first n numbers, or as many as there are lanes. */
INLINE floats load_first(const float *x, int64_t n) {
    return (floats)_mm512_maskz_loadu_ps(first_of(n), x);
}

INLINE void store_first(float *y, floats x, int64_t n) {
    _mm512_mask_storeu_ps(y, first_of(n), (__m512)x);
}

INLINE integers load_bytes(const uint8_t *x, int64_t n) {
    return (integers)_mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(first_of(n), x));
}

INLINE void store_bytes(uint8_t *y, integers x, int64_t n) {
    _mm512_mask_cvtepi32_storeu_epi8(y, first_of(n), (__m512i)x);
}
#else
enum { PARTIAL = 0 };

INLINE floats load_first(const float *x, int64_t n) {
    (void)n;
    return FLOATS(x);
}

INLINE void store_first(float *y, floats x, int64_t n) {
    (void)n;
    *(floats *)y = x;
}

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
        floats low = load_first(row, 2 * n), high = load_first(row + WIDTH, 2 * n - WIDTH);
        floats value = k % 2 ? __builtin_shufflevector(low, high, ODDS)
                             : __builtin_shufflevector(low, high, EVENS);
        integers more = value > max;
        max = k == 0 ? value : pick(more, value, max);
        if (k > 0) at = (more & k) | (~more & at);
    }
    store_first(y, max, n);
    store_bytes(index, at, n);
}

INLINE void pairs_unpool(const float *dy, const uint8_t *index, int64_t width, float *dx,
                         int64_t n) {
    floats d = load_first(dy, n), zero = {0};
    integers at = load_bytes(index, n);
    UNROLL for (int f = 0; f < 2; f++) {
        floats even = pick(at == 2 * f, d, zero), odd = pick(at == 2 * f + 1, d, zero);
        float *row = dx + f * width;
        store_first(row, __builtin_shufflevector(even, odd, LOW_PAIRS), 2 * n);
        store_first(row + WIDTH, __builtin_shufflevector(even, odd, HIGH_PAIRS), 2 * n - WIDTH);
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

/* Every step-th number from x + t on, t < kernel_t; nothing past those is read. */
INLINE floats load_stepped(const float *x, int64_t t, int64_t step, int64_t n) {
    if (step == 1) return load_first(x + t, n);
    const float *from = x + (t > 0 ? t - 1 : 0);
    floats low = load_first(from, 2 * n), high = load_first(from + WIDTH, 2 * n - WIDTH);
    return t > 0 ? __builtin_shufflevector(low, high, ODDS)
                 : __builtin_shufflevector(low, high, EVENS);
}

/* n windows, or as many as there are lanes; index NULL, the extents and the step are constants
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
    store_first(y, max, n);
    if (index != NULL) store_bytes(index, at, n);
}

/* Two columns are read together where the step is 2, so a window must have them. */
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

/* Words of 32 bits, each in the lower half of a lane; what the upper one holds does not matter. */
typedef uint64_t words __attribute__((vector_size(4 * WIDTH)));
enum { WORDS = WIDTH / 2 };

INLINE words multiply_words(words a, uint32_t b) {
#if defined(__AVX512F__)
    return (words)_mm512_mul_epu32((__m512i)a, _mm512_set1_epi64(b));
#elif defined(__AVX2__)
    return (words)_mm256_mul_epu32((__m256i)a, _mm256_set1_epi64x(b));
#elif defined(__SSE2__)
    return (words)_mm_mul_epu32((__m128i)a, _mm_set1_epi64x(b));
#else
    return (a & 0xffffffffu) * b;
#endif
}

/* A round of Philox4x32 (base/rng.h), one block per lane. */
INLINE void philox_round(words c[4], const words key[2]) {
    words p0 = multiply_words(c[0], 0xD2511F53u), p1 = multiply_words(c[2], 0xCD9E8D57u);
    c[0] = (p1 >> 32) ^ c[1] ^ key[0];
    c[1] = p1;
    c[2] = (p0 >> 32) ^ c[3] ^ key[1];
    c[3] = p0;
}

enum { ROUNDS = 10 };

INLINE void philox_keys(const nn_mask_source *source, words key[ROUNDS][2]) {
    static const uint32_t step[2] = {0x9E3779B9u, 0xBB67AE85u};
    for (uint32_t i = 0; i < 2 * ROUNDS; i++) {
        for (int w = 0; w < WORDS; w++) {
            key[i / 2][i % 2][w] = source->key[i % 2] + i / 2 * step[i % 2];
        }
    }
}

/* word[j * NN_MASK_BLOCKS + i] is word j of block first + i, for WIDTH blocks. */
INLINE void philox_blocks(const nn_mask_source *source, const words key[ROUNDS][2], uint32_t first,
                          uint32_t *word) {
    words even[4], odd[4], step, none = {0};
    UNROLL for (int i = 0; i < WORDS; i++) step[i] = first + 2 * (uint32_t)i;
    even[0] = step + source->counter[0];
    odd[0] = even[0] + 1;
    UNROLL for (int j = 1; j < 4; j++) {
        even[j] = none + source->counter[j];
        odd[j] = even[j];
    }
    UNROLL for (int round = 0; round < ROUNDS; round++) {
        philox_round(even, key[round]);
        philox_round(odd, key[round]);
    }
    UNROLL for (int j = 0; j < 4; j++) {
        words both = (even[j] & 0xffffffffu) | (odd[j] << 32);
        memcpy(word + j * NN_MASK_BLOCKS, &both, sizeof both);
    }
}

/* Two numbers of 16 bits from each word: first the lower halves of a row of words, then the upper.
 */
static void draw_mask(const nn_mask_source *source, uint8_t *keep, int64_t n) {
    uint32_t word[4][NN_MASK_BLOCKS], threshold = source->threshold;
    uint8_t drawn[NN_MASK_NUMBERS];
    words key[ROUNDS][2];
    philox_keys(source, key);
    for (int64_t at = 0; at < n; at += NN_MASK_NUMBERS) {
        uint32_t first = (uint32_t)(at / NN_MASK_NUMBERS * NN_MASK_BLOCKS);
        for (int i = 0; i < NN_MASK_BLOCKS; i += WIDTH) {
            philox_blocks(source, key, first + (uint32_t)i, &word[0][i]);
        }
        for (int j = 0; j < 4; j++) {
            uint8_t *low = drawn + 2 * j * NN_MASK_BLOCKS, *high = low + NN_MASK_BLOCKS;
            EACH(i, NN_MASK_BLOCKS) low[i] = (word[j][i] & 0xffff) >= threshold;
            EACH(i, NN_MASK_BLOCKS) high[i] = (word[j][i] >> 16) >= threshold;
        }
        int64_t left = n - at;
        memcpy(keep + at, drawn, (size_t)(left < NN_MASK_NUMBERS ? left : NN_MASK_NUMBERS));
    }
}

static void mask(const uint8_t *keep, float factor, const float *x, float *y, int64_t n) {
    EACH(i, n) y[i] = x[i] * (factor * (float)keep[i]);
}

/* Recurrent cells. In backward, what passes through W_hh is not in dh yet: the caller adds it. */

static void gru(const nn_cell_step *step) {
    const int64_t n = step->hidden;
    const float *bi = step->bias_ih, *bh = step->bias_hh, *p = step->product;
    const float *before = step->h_before;
    float *row = step->row, *h = step->h;
    EACH(i, n) {
        float r = sigmoid_of(row[i] + bi[i] + (p[i] + bh[i]));
        float z = sigmoid_of(row[n + i] + bi[n + i] + (p[n + i] + bh[n + i]));
        float product = p[2 * n + i] + bh[2 * n + i];
        float candidate = tanh_of(row[2 * n + i] + bi[2 * n + i] + r * product);
        row[i] = r;
        row[n + i] = z;
        row[2 * n + i] = candidate;
        row[3 * n + i] = product;
        h[i] = candidate + z * (before[i] - candidate);
    }
}

static void gru_backward(const nn_cell_step *step) {
    const int64_t n = step->hidden;
    const float *before = step->h_before;
    float *row = step->row, *dh = step->dh;
    EACH(i, n) {
        float r = row[i], z = row[n + i], candidate = row[2 * n + i], product = row[3 * n + i];
        float d = dh[i], dn = d * (1.0f - z) * (1.0f - candidate * candidate);
        row[i] = dn * product * (r * (1.0f - r));
        row[n + i] = d * (before[i] - candidate) * (z * (1.0f - z));
        row[2 * n + i] = dn;
        row[3 * n + i] = dn * r;
        dh[i] = d * z;
    }
}

static void lstm(const nn_cell_step *step) {
    const int64_t n = step->hidden;
    const float *bi = step->bias_ih, *bh = step->bias_hh, *p = step->product;
    const float *before = step->row_before + 4 * n;
    float *row = step->row, *h = step->h;
    EACH(i, n) {
        float in = sigmoid_of(row[i] + bi[i] + (p[i] + bh[i]));
        float forget = sigmoid_of(row[n + i] + bi[n + i] + (p[n + i] + bh[n + i]));
        float g = tanh_of(row[2 * n + i] + bi[2 * n + i] + (p[2 * n + i] + bh[2 * n + i]));
        float out = sigmoid_of(row[3 * n + i] + bi[3 * n + i] + (p[3 * n + i] + bh[3 * n + i]));
        float c = forget * before[i] + in * g;
        row[i] = in;
        row[n + i] = forget;
        row[2 * n + i] = g;
        row[3 * n + i] = out;
        row[4 * n + i] = c;
        h[i] = out * tanh_of(c);
    }
}

static void lstm_backward(const nn_cell_step *step) {
    const int64_t n = step->hidden;
    const float *before = step->row_before + 4 * n;
    float *row = step->row, *dh = step->dh, *dc = step->dc;
    EACH(i, n) {
        float in = row[i], forget = row[n + i], g = row[2 * n + i], out = row[3 * n + i];
        float t = tanh_of(row[4 * n + i]), d = dc[i] + dh[i] * out * (1.0f - t * t);
        row[i] = d * g * (in * (1.0f - in));
        row[n + i] = d * before[i] * (forget * (1.0f - forget));
        row[2 * n + i] = d * in * (1.0f - g * g);
        row[3 * n + i] = dh[i] * t * (out * (1.0f - out));
        dc[i] = d * forget;
        dh[i] = 0.0f;
    }
}

const nn_kernels_table NAME_OF(KERNEL_LEVEL) = {
    .level = TEXT_OF(KERNEL_LEVEL),
    .exp = run_exp,
    .tanh = run_tanh,
    .sigmoid = run_sigmoid,
    .add = add,
    .axpy = axpy,
    .scale = scale,
    .multiply = multiply,
    .multiply_add = multiply_add,
    .sum = sum,
    .dot = dot,
    .multiply_dots = multiply_dots,
    .correlate = correlate,
    .dot_taps = dot_taps,
    .sum_and_squares = sum_and_squares,
    .sum_and_dot = sum_and_dot,
    .add_columns = add_columns,
    .transpose = transpose,
    .taps_block = TAPS_WIDE * WIDTH,
    .multiply_taps = multiply_taps,
    .multiply_panel = multiply_panel,
    .multiply_positions = multiply_positions,
    .store_taps = store_taps,
    .deinterleave = deinterleave,
    .pad = pad,
    .interleave = interleave,
    .winograd_input = winograd_input,
    .winograd_output = winograd_output,
    .winograd_gradient = winograd_gradient,
    .winograd_kernel = winograd_kernel,
    .winograd_kernel_gradient = winograd_kernel_gradient,
    .winograd_time_input = winograd_time_input,
    .winograd_time_output = winograd_time_output,
    .winograd_time_gradient = winograd_time_gradient,
    .winograd4_input = winograd4_input,
    .winograd4_output = winograd4_output,
    .winograd4_gradient = winograd4_gradient,
    .winograd4_kernel = winograd4_kernel,
    .winograd4_kernel_gradient = winograd4_kernel_gradient,
    .activate = activate,
    .activate_backward = activate_backward,
    .normalize_backward = normalize_backward,
    .max_pool = max_pool,
    .max_pool_backward = max_pool_backward,
    .max_unpool = max_unpool,
    .max_windows = max_windows,
    .draw_mask = draw_mask,
    .mask = mask,
    .gru = gru,
    .gru_backward = gru_backward,
    .lstm = lstm,
    .lstm_backward = lstm_backward,
};
