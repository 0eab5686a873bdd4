#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "nn/kernels/kernels.h"
#include "tests/test.h"

/* Check's own comparison writes to a pipe each time, which is slow in long loops. */
static void expect_near(double value, double expected, double tolerance) {
    if (!(fabs(value - expected) <= tolerance)) {
        ck_abort_msg("%.9g is not within %g of %.9g", value, tolerance, expected);
    }
}

static void expect_same(float value, float expected) {
    if (value != expected) ck_abort_msg("%.9g is not %.9g", (double)value, (double)expected);
}

enum { N_LEVELS = 3, N = 1031 };

/* The table of a level, or of the best below it that this processor has. */
static const nn_kernels_table *table_of(int level) {
    return nn_kernels_at(2 + level);
}

static float x[N], y[N], z[N], got[N], again[N];

static void fill(float *values, uint64_t stream) {
    base_rng rng = base_rng_open(9, BASE_RNG_TEST, stream, 0);
    for (int i = 0; i < N; i++) values[i] = 3.0f * base_rng_normal(&rng);
}

static void fill_all(void) {
    fill(x, 1);
    fill(y, 2);
    fill(z, 3);
}

START_TEST(chooses_a_level) {
    for (int level = 0; level < N_LEVELS; level++) {
        ck_assert_int_le(table_of(level)->level[1], '2' + level);
    }
    ck_assert_str_eq(table_of(0)->level, nn_kernels()->level[1] == '0' ? "v0" : "v2");
}
END_TEST

/* Error in units of the last place of the float nearest to the truth. */
static double ulps(float value, double truth) {
    float nearest = (float)truth;
    if (!isfinite(nearest)) return value == nearest ? 0.0 : INFINITY;
    int exponent;
    frexp(truth, &exponent);
    return fabs(value - truth) / ldexp(1.0, (exponent < -125 ? -125 : exponent) - 24);
}

typedef void unary(const float *x, float *y, int64_t n);

/* The worst error over every 4999th float between -limit and limit. */
static double worst_ulps(unary *function, double (*truth)(double), float limit) {
    enum { BLOCK = 512 };
    float in[BLOCK], out[BLOCK];
    double worst = 0;
    int n = 0;
    for (uint64_t bits = 0; bits < (uint64_t)1 << 32; bits += 4999) {
        uint32_t low = (uint32_t)bits;
        memcpy(&in[n], &low, sizeof low);
        bool last = bits + 4999 >= (uint64_t)1 << 32;
        if (fabsf(in[n]) <= limit && (fabsf(in[n]) >= 0x1p-126f || in[n] == 0)) n++;
        if (n < BLOCK && !last) continue;
        function(in, out, n);
        for (int i = 0; i < n; i++) worst = fmax(worst, ulps(out[i], truth(in[i])));
        n = 0;
    }
    return worst;
}

static double flushed_exp(double v) {
    return v < (double)-87.3f ? 0 : exp(v);
}

static double true_sigmoid(double v) {
    return 1 / (1 + exp(-v));
}

START_TEST(exp_tanh_and_sigmoid_are_accurate) {
    for (int level = 0; level < N_LEVELS; level++) {
        const nn_kernels_table *k = table_of(level);
        ck_assert_double_le(worst_ulps(k->exp, flushed_exp, INFINITY), 2.0);
        ck_assert_double_le(worst_ulps(k->tanh, tanh, INFINITY), 2.0);
        ck_assert_double_le(worst_ulps(k->sigmoid, true_sigmoid, 87.0f), 3.0);
    }
}
END_TEST

START_TEST(knows_the_special_numbers) {
    const float special[] = {INFINITY, -INFINITY, NAN, 0.0f, -0.0f, 89.0f, -1e30f};
    float out[7];
    for (int level = 0; level < N_LEVELS; level++) {
        const nn_kernels_table *k = table_of(level);
        k->exp(special, out, 7);
        ck_assert(isinf(out[0]) && out[1] == 0 && isnan(out[2]) && out[3] == 1 && out[4] == 1);
        ck_assert(isinf(out[5]) && out[6] == 0);
        k->tanh(special, out, 7);
        ck_assert(out[0] == 1 && out[1] == -1 && isnan(out[2]) && out[3] == 0 && out[6] == -1);
        k->sigmoid(special, out, 7);
        ck_assert(out[0] == 1 && out[1] == 0 && isnan(out[2]) && out[3] == 0.5f && out[6] == 0);
    }
}
END_TEST

static double normal_cdf(double v) {
    return 0.5 * erfc(-v * sqrt(0.5));
}

static double gelu_argument(double v) {
    return sqrt(2 / M_PI) * (v + 0.044715 * v * v * v);
}

static double true_activation(nn_activation kind, double v) {
    switch (kind) {
    case NN_RELU:
        return v > 0 ? v : 0;
    case NN_LEAKY_RELU:
        return v > 0 ? v : 0.25 * v;
    case NN_GELU:
        return v * normal_cdf(v);
    case NN_GELU_TANH:
        return 0.5 * v * (1 + tanh(gelu_argument(v)));
    case NN_SILU:
        return v * true_sigmoid(v);
    case NN_SIGMOID:
        return true_sigmoid(v);
    case NN_TANH:
        return tanh(v);
    default:
        return v;
    }
}

static bool takes_y(nn_activation kind) {
    return kind == NN_SIGMOID || kind == NN_TANH;
}

START_TEST(activations_and_their_derivatives) {
    fill_all();
    for (int level = 0; level < N_LEVELS; level++) {
        for (nn_activation kind = NN_IDENTITY; kind <= NN_TANH; kind++) {
            nn_map map = {.kind = kind, .p = {0.25f}, .scale = 1.5f, .shift = -0.25f};
            table_of(level)->activate(&map, x, got, N);
            for (int i = 0; i < N; i++) {
                double v = true_activation(kind, (double)1.5 * x[i] - 0.25);
                expect_near(got[i], v, 1e-6 * fmax(1, fabs(v)));
            }
            nn_map plain = {.kind = kind, .p = {0.25f}, .scale = 1.0f};
            memcpy(again, y, sizeof y);
            if (takes_y(kind)) plain.kind = kind, table_of(level)->activate(&plain, x, got, N);
            table_of(level)->activate_backward(&plain, takes_y(kind) ? got : x, again, N);
            for (int i = 0; i < N; i++) {
                double h = 1e-6, v = x[i];
                double slope =
                    (true_activation(kind, v + h) - true_activation(kind, v - h)) / (2 * h);
                expect_near(again[i], slope * y[i], 1e-5);
            }
        }
    }
}
END_TEST

/* The header's promise for GELU, over the range that matters. */
START_TEST(gelu_is_accurate) {
    nn_map map = {.kind = NN_GELU, .scale = 1.0f};
    for (int level = 0; level < N_LEVELS; level++) {
        for (int i = -1000000; i <= 1000000; i += N) {
            for (int j = 0; j < N; j++) x[j] = (float)(i + j) * 1.3e-5f;
            table_of(level)->activate(&map, x, got, N);
            for (int j = 0; j < N; j++) {
                double truth = x[j] * normal_cdf(x[j]);
                expect_near(got[j], truth, 3e-7 * fmax(1, fabs(truth)));
            }
        }
    }
}
END_TEST

START_TEST(silu_is_accurate) {
    nn_map map = {.kind = NN_SILU, .scale = 1.0f};
    const float special[] = {NAN, 0.0f, 300.0f, -300.0f, INFINITY, -1e30f};
    float out[6];
    for (int level = 0; level < N_LEVELS; level++) {
        for (int i = -100000; i <= 100000; i += N) {
            for (int j = 0; j < N; j++) x[j] = (float)(i + j) * 1e-3f;
            table_of(level)->activate(&map, x, got, N);
            for (int j = 0; j < N; j++) {
                double truth = x[j] * true_sigmoid(x[j]);
                expect_near(got[j], truth, 3e-7 * fabs(truth) + 1e-35);
            }
        }
        table_of(level)->activate(&map, special, out, 6);
        ck_assert(isnan(out[0]) && out[1] == 0 && out[2] == 300 && isinf(out[4]));
        ck_assert(fabsf(out[3]) < 1e-30f && fabsf(out[5]) < 1e-6f);
        for (int i = 0; i < 6; i++) out[i] = 1;
        table_of(level)->activate_backward(&map, special, out, 4);
        ck_assert(isnan(out[0]) && out[1] == 0.5f && out[2] == 1 && fabsf(out[3]) < 1e-30f);
    }
}
END_TEST

START_TEST(elementwise_loops) {
    fill_all();
    for (int level = 0; level < N_LEVELS; level++) {
        const nn_kernels_table *k = table_of(level);
        memcpy(got, y, sizeof y);
        k->add(x, got, N);
        k->axpy(0.5f, z, got, N);
        k->scale(2.0f, got, N);
        k->multiply_add(x, z, got, N);
        for (int i = 0; i < N; i++) {
            double sum = 2.0 * ((double)x[i] + y[i] + 0.5 * z[i]) + (double)x[i] * z[i];
            expect_near(got[i], sum, 1e-5);
        }
        k->multiply(x, y, got, N);
        for (int i = 0; i < N; i++) expect_same(got[i], x[i] * y[i]);
        nn_slope slope = {.a = 2.0f, .b = 0.5f, .c = -1.0f, .center = 3.0f};
        k->normalize_backward(&slope, x, y, got, N);
        for (int i = 0; i < N; i++) {
            expect_near(got[i], 2.0 * y[i] + 0.5 * (x[i] - 3.0) - 1.0, 1e-5);
        }
    }
}
END_TEST

START_TEST(sums) {
    fill_all();
    for (int level = 0; level < N_LEVELS; level++) {
        const nn_kernels_table *k = table_of(level);
        for (int n = 0; n < 300; n++) {
            double sum = 0, squares = 0, dot = 0, size = 1e-6;
            for (int i = 0; i < n; i++) {
                sum += x[i];
                squares += (double)x[i] * x[i];
                dot += (double)x[i] * y[i];
                size += 1e-6 * fabs(x[i] * y[i]) + 1e-6 * fabsf(x[i]);
            }
            expect_near(k->sum(x, n), sum, size);
            expect_near(k->dot(x, y, n), dot, size);
            double got_sum, got_dot;
            k->sum_and_squares(x, n, &got_sum, &got_dot);
            expect_near(got_sum, sum, 1e-11);
            expect_near(got_dot, squares, 1e-10);
            k->sum_and_dot(x, y, n, &got_sum, &got_dot);
            expect_near(got_sum, sum, 1e-11);
            expect_near(got_dot, dot, 1e-10);
        }
        double columns[N] = {0}, products[N] = {0};
        k->add_columns(x, y, N, columns, products);
        k->add_columns(z, z, N, columns, products);
        for (int i = 0; i < N; i++) {
            ck_assert_double_eq(columns[i], (double)x[i] + z[i]);
            double product = (double)x[i] * y[i] + (double)z[i] * z[i];
            expect_near(products[i], product, 1e-13 * fabs(product) + 1e-13);
        }
    }
}
END_TEST

/* Each loop in one piece, and cut at every kind of place: the same bits. */
START_TEST(splitting_changes_no_bit) {
    fill_all();
    for (int level = 0; level < N_LEVELS; level++) {
        const nn_kernels_table *k = table_of(level);
        unary *const functions[] = {k->exp, k->tanh, k->sigmoid};
        for (int f = 0; f < 3 + 2 * (NN_TANH + 1); f++) {
            int kind = (f - 3) / 2;
            nn_map map = {.kind = (nn_activation)kind, .p = {0.3f}, .scale = 1.1f, .shift = 0.7f};
            for (int pass = 0; pass < 2; pass++) {
                float *out = pass == 0 ? again : got;
                memcpy(out, y, sizeof y);
                for (int at = 0, n = N; at < N; at += n, n = 1 + at % 41) {
                    n = pass == 0 ? N : n == N ? 7 : n;
                    if (at + n > N) n = N - at;
                    if (f < 3) {
                        functions[f](x + at, out + at, n);
                    } else if (f % 2 == 0) {
                        k->activate(&map, x + at, out + at, n);
                    } else {
                        k->activate_backward(&map, x + at, out + at, n);
                    }
                    if (pass == 0) break;
                }
            }
            ck_assert_mem_eq(got, again, sizeof got);
        }
    }
}
END_TEST

/* y [n_f, n_t], the first maximum of each window, takes its place of dy in dx. */
static void naive_pool(const nn_pool_windows *w, const float *dy, float *out, float *dx) {
    for (int64_t j = 0; j < w->n_f * w->n_t; j++) {
        int64_t start = j / w->n_t * w->kernel_f * w->width + j % w->n_t * w->kernel_t,
                best = start;
        for (int64_t i = 0; i < w->kernel_f * w->kernel_t; i++) {
            int64_t at = start + i / w->kernel_t * w->width + i % w->kernel_t;
            dx[at] = 0;
            if (x[at] > x[best]) best = at;
        }
        out[j] = x[best];
        dx[best] = dy[j];
    }
}

START_TEST(pools) {
    static const nn_pool_windows windows[] = {
        {9, 28, 56, 2, 2}, {2, 2, 101, 1, 50}, {2, 2, 9, 3, 4},
        {2, 1, 33, 2, 33}, {1, 2, 70, 4, 35},  {4, 2, 45, 1, 22},
        {3, 5, 52, 2, 10}, {1, 1, 17, 3, 17},  {2, 2, 2, 1, 1}};
    fill_all();
    for (int i = 0; i < N; i++) x[i] = roundf(x[i]); /* many ties */
    for (int level = 0; level < N_LEVELS; level++) {
        for (size_t r = 0; r < sizeof windows / sizeof *windows; r++) {
            static float out[N], expected_out[N], expected[N];
            memcpy(got, z, sizeof z);
            memcpy(expected, z, sizeof z);
            memset(out, 0, sizeof out);
            memset(expected_out, 0, sizeof out);
            naive_pool(&windows[r], y, expected_out, expected);
            table_of(level)->max_pool(&windows[r], x, out, NULL);
            table_of(level)->max_pool_backward(&windows[r], x, y, got);
            ck_assert_mem_eq(out, expected_out, sizeof out);
            for (int i = 0; i < N; i++) expect_same(got[i], expected[i]);
        }
    }
}
END_TEST

START_TEST(pools_to_where_it_came_from) {
    uint8_t index[N];
    float out[N], direct[N];
    fill_all();
    for (int i = 0; i < N; i += 7) x[i] = x[i + 1 < N ? i + 1 : i]; /* equal ones */
    for (int level = 0; level < N_LEVELS; level++) {
        for (int i = 0; i < 3 * 60; i++) {
            static const int kernel[3][2] = {{2, 2}, {2, 3}, {3, 1}};
            nn_pool_windows w = {.kernel_f = kernel[i % 3][0], .kernel_t = kernel[i % 3][1]};
            w.n_f = i / 3 < 20 ? 2 : 1;
            w.n_t = i / 3;
            w.width = w.n_t * w.kernel_t + i % 2;
            memset(out, 0, sizeof out);
            memset(direct, 0, sizeof direct);
            memset(index, 99, sizeof index);
            table_of(level)->max_pool(&w, x, direct, NULL);
            table_of(level)->max_pool(&w, x, out, index);
            ck_assert_mem_eq(out, direct, sizeof out);
            ck_assert_int_eq(index[w.n_f * w.n_t], 99);
            memset(got, 0, sizeof got);
            memset(again, 0, sizeof again);
            table_of(level)->max_pool_backward(&w, x, y, again);
            table_of(level)->max_unpool(&w, y, index, got);
            ck_assert_mem_eq(got, again, sizeof got);
        }
    }
}
END_TEST

/* Windows whose last number is the last of x, so that a guard behind it shows in no result. */
static void check_windows(int level, const nn_window_row *w) {
    float out[N + 1] = {0}, plain[N + 1] = {0};
    uint8_t index[N + 1];
    int64_t need = (w->kernel_f - 1) * w->width + (w->n - 1) * w->step + w->kernel_t;
    const float *from = x + N - need;
    memset(index, 99, sizeof index);
    table_of(level)->max_windows(w, from, out, index);
    table_of(level)->max_windows(w, from, plain, NULL);
    ck_assert_mem_eq(out, plain, sizeof out);
    ck_assert_int_eq(index[w->n], 99);
    for (int64_t j = 0; j < w->n; j++) {
        int best = 0;
        const float *start = from + j * w->step;
        for (int k = 0; k < w->kernel_f * w->kernel_t; k++) {
            float value = start[k / w->kernel_t * w->width + k % w->kernel_t];
            if (value > start[best / w->kernel_t * w->width + best % w->kernel_t]) best = k;
        }
        ck_assert_int_eq(index[j], best);
        const float *maximum = start + best / w->kernel_t * w->width + best % w->kernel_t;
        ck_assert_mem_eq(&out[j], maximum, sizeof *maximum);
    }
}

START_TEST(windows_that_overlap) {
    static const int kernels[][3] = {{3, 3, 2}, {2, 3, 2}, {1, 2, 2}, {5, 2, 2}, {3, 3, 1},
                                     {2, 1, 1}, {3, 4, 3}, {2, 1, 2}, {1, 7, 4}};
    fill_all();
    for (int i = 0; i < N; i++) x[i] = roundf(x[i]); /* many ties */
    for (int i = 0; i < N; i += 37)
        x[i] = NAN; /* first of a window it stays, else it is not seen */
    for (int level = 0; level < N_LEVELS; level++) {
        for (size_t r = 0; r < sizeof kernels / sizeof *kernels; r++) {
            for (int n = 1; n < 45; n++) {
                const int *k = kernels[r];
                nn_window_row w = {.kernel_f = k[0], .kernel_t = k[1], .step = k[2], .n = n};
                w.width = (n - 1) * k[2] + k[1] + n % 2;
                check_windows(level, &w);
            }
        }
    }
}
END_TEST

START_TEST(transposes) {
    fill_all();
    for (int level = 0; level < N_LEVELS; level++) {
        for (int rows = 0; rows < 14; rows++) {
            for (int columns = 0; columns < 23; columns++) {
                memset(got, 0, sizeof got);
                table_of(level)->transpose(x, 37, rows, columns, got);
                for (int i = 0; i < rows * columns; i++) {
                    expect_same(got[i], x[i % rows * 37 + i / rows]);
                }
                expect_same(got[rows * columns], 0);
            }
        }
    }
}
END_TEST

/* Number i of a stretch comes from half a word of one of its blocks, as drawn by base/rng. */
static bool is_kept(const nn_mask_source *source, int64_t i) {
    int64_t place = i % NN_MASK_NUMBERS, row = place / NN_MASK_BLOCKS;
    uint32_t counter[4], word[4];
    memcpy(counter, source->counter, sizeof counter);
    counter[0] += (uint32_t)(i / NN_MASK_NUMBERS * NN_MASK_BLOCKS + place % NN_MASK_BLOCKS);
    base_rng_philox(counter, source->key, word);
    return (word[row / 2] >> 16 * (row % 2) & 0xffff) >= source->threshold;
}

START_TEST(correlates) {
    static const float weight[] = {0.5f, -2.0f, 3.0f};
    static const int64_t offset[] = {0, 7, -3};
    fill_all();
    for (int i = 0; i < 4 * 5 * 50 * N_LEVELS; i++) {
        nn_taps taps = {weight, offset, 3};
        nn_correlation c = {.n_rows = i % 4, .n = i / 20 % 50, .bias = 0.25f, .adds = i % 3 == 0};
        c.x_pitch = c.n + i / 4 % 5;
        c.y_pitch = c.n + i % 3;
        memcpy(got, y, sizeof got);
        table_of(i / 1000)->correlate(&taps, &c, x + 3, got);
        for (int at = 0; at < N; at++) {
            int64_t row = at / (c.y_pitch + !c.y_pitch), column = at % (c.y_pitch + !c.y_pitch);
            bool inside = row < c.n_rows && column < c.n;
            double sum = inside && !c.adds ? 0.25 : y[at];
            for (int k = 0; k < 3 && inside; k++) {
                sum += (double)weight[k] * x[3 + offset[k] + row * c.x_pitch + column];
            }
            expect_near(got[at], sum, 1e-5);
        }
    }
}
END_TEST

START_TEST(dots_of_taps) {
    enum { MAX = 45 };
    int64_t offset[MAX];
    float sum[MAX + 1];
    fill_all();
    for (int k = 0; k < MAX; k++) offset[k] = (k * 29) % 97;
    for (int level = 0; level < N_LEVELS; level++) {
        for (int i = 0; i < MAX * 5; i++) {
            nn_tap_dots dots = {
                .offset = offset, .n_taps = i % MAX + 1, .n = i / MAX * 48, .d = y, .x = x};
            sum[dots.n_taps] = 99;
            table_of(level)->dot_taps(&dots, sum);
            ck_assert_float_eq(sum[dots.n_taps], 99);
            for (int k = 0; k < dots.n_taps; k++) {
                double wanted = 0;
                for (int j = 0; j < dots.n; j++) wanted += (double)y[j] * x[offset[k] + j];
                expect_near(sum[k], wanted, 1e-3);
            }
        }
    }
}
END_TEST

START_TEST(masks) {
    fill_all();
    uint8_t keep[N + 1];
    for (int level = 0; level < N_LEVELS; level++) {
        static const uint32_t thresholds[] = {0, 20000, 65535};
        for (int i = 0; i < 3; i++) {
            nn_mask_source source = {{1, 2}, {UINT32_MAX - 40, 4, 5, 6}, thresholds[i]};
            for (int n = 0; n <= N; n += i == 1 ? 103 : N) {
                memset(keep, 7, sizeof keep);
                table_of(level)->draw_mask(&source, keep, n);
                table_of(level)->mask(keep, 1.5f, x, got, n);
                for (int k = 0; k < n; k++) {
                    if (keep[k] != is_kept(&source, k))
                        ck_abort_msg("level %d, number %d", level, k);
                    expect_same(got[k], keep[k] ? 1.5f * x[k] : 0.0f);
                }
                ck_assert_int_eq(keep[n], 7);
            }
        }
    }
}
END_TEST

START_TEST(deinterleaves) {
    enum { MAX_PITCH = 45 };
    fill_all();
    for (int level = 0; level < N_LEVELS; level++) {
        for (int i = 0; i < 4 * 70 * MAX_PITCH; i++) {
            nn_padded_rows rows = {.n_rows = 3, .x_step = 75, .before = i % 4};
            rows.n = i / 4 % 70 + 1;
            rows.pitch = i / 4 / 70 + 1;
            float even[3 * MAX_PITCH + 1] = {0}, odd[3 * MAX_PITCH + 1] = {0};
            table_of(level)->deinterleave(&rows, x, even, odd);
            for (int k = 0; k < 2 * 3 * rows.pitch; k++) {
                int row = k / 2 / (int)rows.pitch,
                    at = k % (2 * (int)rows.pitch) - (int)rows.before;
                float wanted = at >= 0 && at < rows.n ? x[75 * row + at] : 0;
                expect_same(k % 2 ? odd[k / 2] : even[k / 2], wanted);
            }
            expect_same(even[3 * rows.pitch], 0);
            expect_same(odd[3 * rows.pitch], 0);
        }
    }
}
END_TEST

START_TEST(pads_and_interleaves) {
    enum { PITCH = 75 };
    fill_all();
    for (int level = 0; level < N_LEVELS; level++) {
        for (int i = 0; i < 4 * 40 * 40; i++) {
            nn_padded_rows rows = {.n_rows = 3, .before = i % 4, .n = i / 4 % 40 + 1};
            rows.x_step = rows.n + 1;
            rows.pitch = i / 160 + 1;
            float padded[3 * 40 + 1] = {0};
            table_of(level)->pad(&rows, x, padded);
            ck_assert_float_eq(padded[3 * rows.pitch], 0);
            for (int k = 0; k < 3 * rows.pitch; k++) {
                int row = k / (int)rows.pitch, at = k % (int)rows.pitch - (int)rows.before;
                float wanted = at >= 0 && at < rows.n ? x[row * (rows.n + 1) + at] : 0;
                expect_same(padded[k], wanted);
            }
            bool adds = rows.n % 2;
            rows.pitch = (rows.n + rows.before + 1) / 2;
            memcpy(got, z, sizeof got);
            table_of(level)->interleave(&rows, x, y, adds, got);
            for (int k = 0; k < 3 * (rows.n + 1); k++) {
                int row = k / (int)rows.x_step, at = k % (int)rows.x_step + (int)rows.before;
                float number = (at % 2 ? y : x)[row * rows.pitch + at / 2];
                bool inside = k % rows.x_step < rows.n;
                expect_same(got[k], !inside ? z[k] : adds ? z[k] + number : number);
            }
        }
    }
}
END_TEST

/* Row r, column c of a product of rows of x with rows of y that start at 5 k. */
static double product_of(int r, int c, int n_terms) {
    double sum = 0;
    for (int k = 0; k < n_terms; k++) sum += (double)x[r * n_terms + k] * y[5 * k + c];
    return sum;
}

START_TEST(products_of_rows_where_they_lie) {
    enum { N_ROWS = 11, N_TERMS = 7 };
    int32_t offset[N_TERMS];
    float c[N_ROWS * (NN_MAX_TAPS_BLOCK + 3)];
    fill_all();
    for (int k = 0; k < N_TERMS; k++) offset[k] = 5 * k;
    for (int level = 0; level < N_LEVELS; level++) {
        for (int n = 1; n <= table_of(level)->taps_block; n++) {
            int block = (int)table_of(level)->taps_block + n % 2 * 3;
            nn_taps_product product = {.n_rows = N_ROWS,
                                       .n_terms = N_TERMS,
                                       .n_columns = n,
                                       .a = x,
                                       .a_pitch = N_TERMS,
                                       .b = y,
                                       .offset = offset,
                                       .c = c,
                                       .c_pitch = n % 2 ? block : 0};
            table_of(level)->multiply_taps(&product);
            for (int i = 0; i < N_ROWS * n; i++) {
                expect_near(c[i / n * block + i % n], product_of(i / n, i % n, N_TERMS), 1e-4);
            }
            product.adds = true;
            table_of(level)->multiply_taps(&product);
            for (int i = 0; i < N_ROWS * n; i++) {
                expect_near(c[i / n * block + i % n], 2 * product_of(i / n, i % n, N_TERMS), 2e-4);
            }
        }
    }
}
END_TEST

START_TEST(products_of_rows_with_rows) {
    enum { MAX = 14 };
    float c[MAX * MAX];
    fill_all();
    for (int level = 0; level < N_LEVELS; level++) {
        for (int i = 0; i < 7 * 9 * 50; i++) {
            nn_dot_products product = {.n_rows = 1 + i % 7,
                                       .n_columns = 1 + i / 7 % 9,
                                       .n_terms = i / 63,
                                       .a = x,
                                       .b = y,
                                       .a_pitch = 51,
                                       .b_pitch = 53,
                                       .c_pitch = MAX,
                                       .c = c};
            for (int k = 0; k < MAX * MAX; k++) c[k] = 1;
            table_of(level)->multiply_dots(&product);
            for (int k = 0; k < MAX * MAX; k++) {
                bool there = k / MAX < product.n_rows && k % MAX < product.n_columns;
                double sum = 1;
                for (int t = 0; there && t < product.n_terms; t++) {
                    sum += (double)x[k / MAX * 51 + t] * y[k % MAX * 53 + t];
                }
                expect_near(c[k], sum, 1e-3);
            }
        }
    }
}
END_TEST

START_TEST(products_summed_over_positions) {
    enum { N_TERMS = 5, MAX_COLUMNS = 6 * NN_LANES, PITCH = MAX_COLUMNS };
    int32_t offset[40];
    float c[40 * PITCH];
    fill_all();
    for (int r = 0; r < 40; r++) offset[r] = 3 * r;
    for (int level = 0; level < N_LEVELS; level++) {
        for (int i = 0; i < 40 * 6; i++) {
            int n_rows = 1 + i % 40, n_columns = i / 40 * NN_LANES + 1 + i % NN_LANES;
            nn_positions_product product = {.n_rows = n_rows,
                                            .n_terms = N_TERMS,
                                            .n_columns = n_columns,
                                            .a = x,
                                            .offset = offset,
                                            .b = y,
                                            .b_pitch = 100,
                                            .c = c,
                                            .c_pitch = PITCH};
            for (int k = 0; k < 40 * PITCH; k++) c[k] = 1;
            table_of(level)->multiply_positions(&product);
            for (int k = 0; k < n_rows * n_columns; k++) {
                int row = k / n_columns, column = k % n_columns;
                double sum = 1;
                for (int t = 0; t < N_TERMS; t++) {
                    sum += (double)x[3 * row + t] * y[100 * t + column];
                }
                expect_near(c[row * PITCH + column], sum, 1e-4);
            }
        }
    }
}
END_TEST

START_TEST(stores_pieces) {
    static const float bias[] = {1, -2};
    fill_all();
    x[60] = NAN;
    for (int level = 0; level < N_LEVELS; level++) {
        for (int n = 1; n < 48; n++) {
            nn_taps_store store = {.n_rows = 2,
                                   .c_pitch = 55,
                                   .y_pitch = 100,
                                   .c = x,
                                   .bias = bias,
                                   .lower_bound = n % 2 ? -INFINITY : 0.5f,
                                   .y = got,
                                   .n_pieces = 2,
                                   .piece = {{3, n, 2}, {n, 1, 60}}};
            for (int i = 0; i < N; i++) got[i] = 9;
            table_of(level)->store_taps(&store);
            for (int i = 0; i < 200; i++) {
                int row = i / 100, at = i % 100;
                float from = at == 60 ? x[55 * row + n] : x[55 * row + 3 + at - 2];
                float wanted =
                    from + bias[row] < store.lower_bound ? store.lower_bound : from + bias[row];
                if (at != 60 && (at < 2 || at >= 2 + n)) wanted = 9;
                if (isnan(wanted)) {
                    ck_assert(isnan(got[i]));
                } else {
                    expect_same(got[i], wanted);
                }
            }
        }
    }
}
END_TEST

/* The matrices of F(2x2, 3x3). */
static const double input_matrix[4][4] = {
    {1, 0, -1, 0}, {0, 1, 1, 0}, {0, -1, 1, 0}, {0, 1, 0, -1}};
static const double output_matrix[2][4] = {{1, 1, 1, 0}, {0, 1, -1, -1}};

START_TEST(transforms_of_tiles) {
    enum { N_TILES = 48, PITCH = 60 };
    static float tiles[16 * PITCH];
    int32_t offset[16];
    fill_all();
    for (int e = 0; e < 16; e++) offset[e] = 17 * e;
    for (int level = 0; level < N_LEVELS; level++) {
        const nn_kernels_table *table = table_of(level);
        table->winograd_input(x, offset, N_TILES, tiles, PITCH);
        for (int k = 0; k < 16 * N_TILES; k++) {
            int e = k / N_TILES, i = k % N_TILES;
            double sum = 0;
            for (int d = 0; d < 16; d++) {
                sum += input_matrix[e / 4][d / 4] * input_matrix[e % 4][d % 4] * x[17 * d + i];
            }
            expect_near(tiles[e * PITCH + i], sum, 1e-5);
        }
        table->winograd_output(x, PITCH, N_TILES, got, 2 * PITCH);
        for (int k = 0; k < 4 * N_TILES; k++) {
            int f = k / (2 * N_TILES), t = k % (2 * N_TILES);
            double sum = 0;
            for (int m = 0; m < 16; m++) {
                sum += output_matrix[f][m / 4] * output_matrix[t % 2][m % 4] * x[m * PITCH + t / 2];
            }
            expect_near(got[f * 2 * PITCH + t], sum, 1e-5);
        }
        for (int n = 1; n <= N_TILES; n++) {
            table->winograd_gradient(x, n, tiles, PITCH);
            for (int k = 0; k < 16 * n; k++) {
                int e = k / n, i = k % n;
                double sum = 0;
                for (int d = 0; d < 4; d++) {
                    sum += output_matrix[d / 2][e / 4] * output_matrix[d % 2][e % 4] * x[d * n + i];
                }
                expect_near(tiles[e * PITCH + i], sum, 1e-5);
            }
        }
    }
}
END_TEST

/* The matrices of F(4, 5): B^T, and A^T at the points 0, 1, -1, 1/2, -1/2, 2, -2 and infinity. */
static const double time_input_matrix[8][8] = {
    {1, 0, -5.25, 0, 5.25, 0, -1, 0},      {0, 1, 1, -4.25, -4.25, 1, 1, 0},
    {0, -1, 1, 4.25, -4.25, -1, 1, 0},     {0, 2, 4, -2.5, -5, 0.5, 1, 0},
    {0, -2, 4, 2.5, -5, -0.5, 1, 0},       {0, 0.5, 0.25, -2.5, -1.25, 2, 1, 0},
    {0, -0.5, 0.25, 2.5, -1.25, -2, 1, 0}, {0, -1, 0, 5.25, 0, -5.25, 0, 1}};

static double time_output_element(int row, int element) {
    static const double point[7] = {0, 1, -1, 0.5, -0.5, 2, -2};
    return element == 7 ? row == 3 : row == 0 ? 1 : pow(point[element], row);
}

static void check_time_transforms(const nn_kernels_table *table, int n) {
    enum { PITCH = 60 };
    static float tiles[8 * PITCH];
    table->winograd_time_input(x, n, tiles, PITCH);
    for (int k = 0; k < 8 * n; k++) {
        double sum = 0;
        for (int d = 0; d < 8; d++) sum += time_input_matrix[k / n][d] * x[4 * (k % n) + d];
        expect_near(tiles[k / n * PITCH + k % n], sum, 1e-5);
    }
    table->winograd_time_output(x, PITCH, n, got);
    for (int k = 0; k < 4 * n; k++) {
        double sum = 0;
        for (int e = 0; e < 8; e++) sum += time_output_element(k % 4, e) * x[e * PITCH + k / 4];
        expect_near(got[k], sum, 1e-5);
    }
    table->winograd_time_gradient(x, n, tiles, PITCH);
    for (int k = 0; k < 8 * n; k++) {
        double sum = 0;
        for (int d = 0; d < 4; d++) sum += time_output_element(d, k / n) * x[d * n + k % n];
        expect_near(tiles[k / n * PITCH + k % n], sum, 1e-5);
    }
}

START_TEST(transforms_of_tiles_along_time) {
    enum { N_TILES = 48 };
    fill_all();
    for (int level = 0; level < N_LEVELS; level++) {
        for (int n = 1; n <= N_TILES; n++) check_time_transforms(table_of(level), n);
    }
}
END_TEST

/* Of F(4x4, 3x3): what one tile gives, and the gradient of its kernel, by the definition. */
static double tile_output(const float *d, int64_t pitch, const float *g, int f, int t) {
    double sum = 0;
    for (int k = 0; k < 9; k++) sum += (double)g[k] * d[(f + k / 3) * pitch + t + k % 3];
    return sum;
}

static double tile_gradient(const float *d, int64_t pitch, const float *dy, int k) {
    double sum = 0;
    for (int i = 0; i < 16; i++) sum += (double)dy[i] * d[(k / 3 + i / 4) * pitch + k % 3 + i % 4];
    return sum;
}

START_TEST(transforms_of_larger_tiles) {
    enum { N_TILES = 48, X_PITCH = 4 * N_TILES + 16, PITCH = 60, ROW = 256 };
    static float input[6 * X_PITCH], tiles[36 * PITCH], rows[4 * ROW], kernel[36], gradient[36];
    fill_all();
    for (int i = 0; i < 6 * X_PITCH; i++) input[i] = x[i % N];
    const float *g = y;
    for (int level = 0; level < N_LEVELS; level++) {
        const nn_kernels_table *table = table_of(level);
        table->winograd4_kernel(g, 1, 1, kernel, 1);
        for (int n = 1; n <= N_TILES; n += 5) {
            table->winograd4_input(input, X_PITCH, n, tiles, PITCH);
            for (int i = 0; i < 36 * PITCH; i++) tiles[i] *= kernel[i / PITCH];
            table->winograd4_output(tiles, PITCH, n, rows, ROW);
            for (int i = 0; i < 16 * n; i++) {
                int f = i / (4 * n), t = i % (4 * n);
                const float *d = input + t / 4 * 4;
                expect_near(rows[f * ROW + t], tile_output(d, X_PITCH, g, f, t % 4), 1e-4);
            }
        }
        float dy[16], dg[9];
        for (int i = 0; i < 16; i++) dy[i] = x[60 + i];
        table->winograd4_gradient(dy, 4, 1, gradient, 1);
        table->winograd4_input(input, X_PITCH, 1, tiles, PITCH);
        for (int e = 0; e < 36; e++) gradient[e] *= tiles[e * PITCH];
        nn_kernel_gradient fold = {gradient, 1, dg, 1};
        table->winograd4_kernel_gradient(&fold, 1, true);
        table->winograd4_kernel_gradient(&fold, 1, false);
        for (int k = 0; k < 9; k++)
            expect_near(dg[k], 2 * tile_gradient(input, X_PITCH, dy, k), 2e-4);
    }
}
END_TEST

START_TEST(products_of_panels) {
    enum { N_TERMS = 30, PITCH = 60 };
    static float c[NN_PANEL * PITCH];
    fill_all();
    for (int level = 0; level < N_LEVELS; level++) {
        for (int n = 1; n <= table_of(level)->taps_block; n++) {
            nn_panel_product product = {.n_terms = N_TERMS,
                                        .n_columns = n,
                                        .a = x,
                                        .b = y,
                                        .b_pitch = 3,
                                        .c = c,
                                        .c_pitch = PITCH};
            table_of(level)->multiply_panel(&product);
            for (int i = 0; i < NN_PANEL * n; i++) {
                int row = i / n, column = i % n;
                double sum = 0;
                for (int k = 0; k < N_TERMS; k++) {
                    sum += (double)x[NN_PANEL * k + row] * y[3 * k + column];
                }
                expect_near(c[row * PITCH + column], sum, 1e-4);
            }
        }
    }
}
END_TEST

TEST_MAIN("nn/kernels/kernels", chooses_a_level, exp_tanh_and_sigmoid_are_accurate,
          knows_the_special_numbers, activations_and_their_derivatives, gelu_is_accurate,
          silu_is_accurate, elementwise_loops, sums, splitting_changes_no_bit, pools,
          pools_to_where_it_came_from, windows_that_overlap, transposes, correlates, dots_of_taps,
          masks, deinterleaves, pads_and_interleaves, products_of_rows_where_they_lie,
          products_of_rows_with_rows, products_summed_over_positions, products_of_panels,
          stores_pieces, transforms_of_tiles, transforms_of_tiles_along_time,
          transforms_of_larger_tiles)
