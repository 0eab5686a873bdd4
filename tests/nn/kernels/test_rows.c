#include "nn/kernels/rows.h"

#include <math.h>
#include <string.h>

#include "nn/kernels/kernels.h"
#include "tests/network_make.h"
#include "tests/test.h"

enum { GAP = 5, MAX_X = 400 * 700, MAX_WEIGHT = 420 * 700, MAX_Y = 400 * 430, N_THREADS = 3 };

static float x[MAX_X], weight[MAX_WEIGHT], bias[420], y[MAX_Y], alone[MAX_Y];
static float scratch[N_THREADS * NN_ROWS_SCRATCH];

/* Rows, features, outputs: below, at and above the edges of slices, panels, groups and blocks of
 * rows, and enough rows for several tasks. */
static const int64_t shapes[][3] = {{1, 1, 1},     {1, 700, 33}, {2, 255, 16},  {7, 256, 15},
                                    {48, 257, 32}, {49, 512, 7}, {97, 31, 129}, {13, 64, 420},
                                    {400, 40, 17}, {5, 3, 300}};
enum { N_SHAPES = sizeof shapes / sizeof *shapes };

static nn_rows_product make_product(int shape, bool with_bias) {
    const int64_t *s = shapes[shape];
    return (nn_rows_product){.n_rows = s[0],
                             .n_in = s[1],
                             .n_out = s[2],
                             .x = x,
                             .x_pitch = s[1],
                             .weight = weight,
                             .bias = with_bias ? bias : NULL,
                             .y = y,
                             .y_pitch = s[2] + GAP,
                             .worker_scratch = scratch,
                             .scratch_pitch = NN_ROWS_SCRATCH};
}

static void fill(void) {
    network_fill(x, MAX_X, 1);
    network_fill(weight, MAX_WEIGHT, 2);
    network_fill(bias, 420, 3);
    /* What scratch holds must not matter. */
    for (int64_t i = 0; i < N_THREADS * NN_ROWS_SCRATCH; i++) scratch[i] = NAN;
    for (int64_t i = 0; i < MAX_Y; i++) y[i] = -1.0f;
}

START_TEST(is_the_definition) {
    for (int shape = 0; shape < N_SHAPES; shape++) {
        nn_rows_product p = make_product(shape, shape % 2);
        fill();
        nn_rows_multiply(NULL, &p);
        for (int64_t i = 0; i < p.n_rows; i++) {
            for (int64_t j = 0; j < p.n_out; j++) {
                double sum = p.bias ? bias[j] : 0.0, value = y[i * p.y_pitch + j];
                for (int64_t k = 0; k < p.n_in; k++) {
                    sum += (double)x[i * p.x_pitch + k] * (double)weight[j * p.n_in + k];
                }
                if (!(fabs(value - sum) <= 1e-4)) {
                    ck_abort_msg("shape %d [%d,%d]: %g, not %g", shape, (int)i, (int)j, value, sum);
                }
            }
            for (int64_t j = p.n_out; j < p.y_pitch; j++) {
                if (y[i * p.y_pitch + j] != -1.0f) ck_abort_msg("shape %d: wrote between", shape);
            }
        }
    }
}
END_TEST

START_TEST(rows_do_not_depend_on_each_other) {
    base_error err = {0};
    base_pool *pool;
    TEST_OK(base_pool_new(N_THREADS, &pool, &err), err);
    for (int shape = 0; shape < N_SHAPES; shape++) {
        nn_rows_product p = make_product(shape, true), one = p;
        fill();
        one.n_rows = 1;
        for (int64_t i = 0; i < p.n_rows; i++) {
            one.x = x + i * p.x_pitch;
            one.y = alone + i * p.y_pitch;
            nn_rows_multiply(NULL, &one);
        }
        for (int64_t first = 0; first < p.n_rows; first += 1 + first) {
            nn_rows_product some = p;
            some.n_rows = p.n_rows - first;
            some.x += first * p.x_pitch;
            nn_rows_multiply(first % 3 ? pool : NULL, &some);
            for (int64_t i = 0; i < some.n_rows; i++) {
                ck_assert_mem_eq(y + i * p.y_pitch, alone + (first + i) * p.y_pitch,
                                 (size_t)p.n_out * sizeof *y);
            }
        }
    }
    base_pool_free(pool);
}
END_TEST

START_TEST(does_nothing_without_extent) {
    nn_rows_product p = make_product(0, true);
    fill();
    p.n_rows = 0;
    nn_rows_multiply(NULL, &p);
    ck_assert_float_eq(y[0], -1.0f);
}
END_TEST

TEST_MAIN("nn/kernels/rows", is_the_definition, rows_do_not_depend_on_each_other,
          does_nothing_without_extent)
