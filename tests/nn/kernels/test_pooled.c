#include "nn/kernels/pooled.h"

#include <string.h>

#include "base/rng.h"
#include "tests/test.h"

enum { MAX_X = 3 * 12 * 200 };

static float x[MAX_X], y[MAX_X], dy[MAX_X], dx[MAX_X];
static uint8_t at[MAX_X];

static const nn_pooled cases[] = {
    {1, 1, 1, 1, 1},  {2, 3, 5, 2, 2},  {3, 4, 40, 2, 2}, {3, 5, 17, 2, 2},
    {2, 2, 33, 3, 1}, {1, 6, 50, 1, 4}, {2, 1, 2, 9, 28},
};
enum { N_CASES = sizeof cases / sizeof *cases };

static int64_t count_y(const nn_pooled *p) {
    return p->channels * p->f * p->t;
}

/* Element e of window i. */
static int64_t element(const nn_pooled *p, int64_t i, int64_t e) {
    int64_t row = i / p->t * p->kernel_f + e / p->kernel_t;
    return row * p->t * p->kernel_t + i % p->t * p->kernel_t + e % p->kernel_t;
}

static void fill(void) {
    base_rng rng = base_rng_open(4, BASE_RNG_TEST, 0, 0);
    for (int64_t i = 0; i < MAX_X; i++) {
        x[i] = (float)base_rng_below(&rng, 9); /* with many equal ones */
        dy[i] = base_rng_normal(&rng);
    }
}

START_TEST(first_maxima_of_windows) {
    fill();
    for (int k = 0; k < N_CASES; k++) {
        const nn_pooled *p = &cases[k];
        int64_t n = p->kernel_f * p->kernel_t, plane = p->f * p->t * n;
        for (int64_t first = 0; first < p->f; first += 2) { /* two rows at a time */
            nn_pooled_rows rows = {.x = x + first * p->kernel_f * p->t * p->kernel_t,
                                   .pitch = plane,
                                   .first = first,
                                   .n = first + 1 < p->f ? 2 : 1};
            nn_pooled_forward(p, &rows, y, at);
        }
        for (int64_t i = 0; i < count_y(p); i++) {
            ck_assert_int_lt(at[i], n);
            for (int64_t e = 0; e < n; e++) {
                float value = x[element(p, i, e)];
                ck_assert(e < at[i] ? value < y[i] : value <= y[i]);
            }
            ck_assert(x[element(p, i, at[i])] == y[i]);
        }
        nn_pooled_rows all = {.x = x, .pitch = plane, .n = p->f};
        nn_pooled_forward(p, &all, dx, NULL);
        ck_assert_mem_eq(dx, y, (size_t)count_y(p) * sizeof *y);
    }
}
END_TEST

START_TEST(gradients_go_where_the_maxima_were) {
    fill();
    for (int k = 0; k < N_CASES; k++) {
        const nn_pooled *p = &cases[k];
        int64_t n = p->kernel_f * p->kernel_t;
        nn_pooled_rows all = {.x = x, .pitch = p->f * p->t * n, .n = p->f};
        nn_pooled_forward(p, &all, y, at);
        memset(dx, 1, sizeof dx);
        nn_pooled_backward(p, dy, at, dx);
        for (int64_t i = 0; i < count_y(p); i++) {
            for (int64_t e = 0; e < n; e++) {
                ck_assert(dx[element(p, i, e)] == (e == at[i] ? dy[i] : 0.0F));
            }
        }
    }
}
END_TEST

TEST_MAIN("nn/kernels/pooled", first_maxima_of_windows, gradients_go_where_the_maxima_were)
