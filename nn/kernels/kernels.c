/* Element-wise loops are plain C around inline functions without branches, which compilers turn
 * into vector code, remainder included, without reordering anything. Reductions have to be
 * reordered to be fast, so they name their lanes: vectors of the level's natural width, the
 * remainder padded with zeros to a whole block. */
#include "nn/kernels/kernels_cells.h"
#include "nn/kernels/kernels_functions.h"
#include "nn/kernels/kernels_mask.h"
#include "nn/kernels/kernels_planes.h"
#include "nn/kernels/kernels_pool.h"
#include "nn/kernels/kernels_products.h"
#include "nn/kernels/kernels_winograd.h"

#define NAME_OF_(level) nn_kernels_##level
#define NAME_OF(level)  NAME_OF_(level)
#define TEXT_OF_(level) #level
#define TEXT_OF(level)  TEXT_OF_(level)

extern const nn_kernels_table NAME_OF(KERNEL_LEVEL);

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

/* `rows` rows of `wide` vectors, the last of which has `left` numbers. rows and wide are constants
 * where this is called, so that the sums stay in registers. */
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

/* All rows of `wide` vectors, as many rows at once as there are registers for their sums. */
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

/* A loop for each kind, so that the choice is made outside of it; NN_SILU has its own functions. */
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

/* x clamped to [-limit, limit]. */
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

/* 1 + exp(-x) as a divisor, with the polynomial of exp_of. x is clamped to where exp(-x) is a
 * normal number, so that no results have to be selected afterwards. NaN need not come through: it
 * does in the dividend or in another factor. */
INLINE floats sigmoid_divisor(floats x) {
    const float magic = 0x1.8p23f;
    floats v = within(x, 87.3f);
    floats shifted = v * -1.44269504f + magic;
    floats n = shifted - magic;
    floats f = -n * 0.693359375f - v;
    f = f - n * -2.12194440e-4f;
    floats p;
    EXP_POLYNOMIAL(p, f);
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

static void mask(const uint8_t *keep, float factor, const float *x, float *y, int64_t n) {
    EACH(i, n) y[i] = x[i] * (factor * (float)keep[i]);
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
