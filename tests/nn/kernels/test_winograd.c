#include "nn/kernels/winograd.h"

#include <math.h>
#include <string.h>

#include "tests/convolution_check.h"
#include "tests/test.h"

static void check_run(const nn_winograd *w, convolution_truth *t, bool transposed, const float *x,
                      const float *bias, const char *what, const double *wanted, int64_t n) {
    float *shared = check_dirt(&t->memory, w->n_shared);
    float *y = check_dirt(&t->memory, n), *scratch = check_dirt(&t->memory, w->n_run);
    nn_winograd_sample at = {
        .shared = shared, .x = x, .bias = bias, .lower_bound = -INFINITY, .scratch = scratch};
    at.y_pitch = w->f.out * w->t.out;
    int64_t next = 0;
    for (int64_t p = 0; p < w->n_panels; p++) {
        nn_winograd_begin(w, p, t->weight, transposed, shared);
    }
    at.last_channel = w->out;
    for (int64_t block = 0; block < w->n_blocks; block++) {
        int64_t first, end;
        nn_winograd_rows(w, block, &first, &end);
        at.y = y + first * w->t.out;
        nn_winograd_run(w, &at, block);
        ck_assert_int_eq(first, next);
        next = end;
    }
    ck_assert_int_eq(next, w->f.out);
    convolution_expect(t, what, y, wanted, n, 4e-4);
}

static void check(convolution_truth *t) {
    nn_winograd w = nn_winograd_make(t->f, t->t, t->in, t->out, 0),
                transposed = nn_winograd_transposed(&w);
    ck_assert(nn_winograd_can(&t->f, &t->t));
    check_run(&w, t, false, t->x, t->bias, "y", t->y, t->n_y);
    check_run(&transposed, t, true, t->dy, NULL, "dx", t->dx, t->n_x);
    float *sum = check_zeros(&t->memory, w.n_sum, sizeof *sum);
    float *dweight = check_zeros(&t->memory, t->n_weight, sizeof *dweight);
    nn_winograd_gradient at = {t->x, t->dy, sum, w.folds, check_dirt(&t->memory, w.n_gather)};
    nn_winograd_gather(&w, &at);
    if (!w.folds) nn_winograd_add_gradient(&w, sum, dweight);
    if (w.folds) {
        convolution_expect_3x3_gradient(t, sum, w.sum_pitch);
    } else {
        convolution_expect(t, "dweight", dweight, t->dweight, t->n_weight, 4e-3);
    }
    convolution_truth_release(t);
}

START_TEST(results_are_those_of_the_definition) {
    convolution_check_3x3(check);
}
END_TEST

START_TEST(results_of_any_extents_are_those_of_the_definition) {
    convolution_check_random_3x3(check);
}
END_TEST

START_TEST(heeds_the_lower_bound) {
    convolution_truth t;
    convolution_truth_init(&t, convolution_axis_of_3(9, 1, 1), convolution_axis_of_3(40, 1, 1), 2,
                           3);
    nn_winograd w = nn_winograd_make(t.f, t.t, t.in, t.out, 0);
    float *shared = check_dirt(&t.memory, w.n_shared), *y = check_dirt(&t.memory, t.n_y);
    int64_t n_zeros = 0;
    for (int64_t i = 0; i < t.n_y; i++) t.y[i] = fmax(t.y[i], 0.0);
    nn_winograd_begin(&w, 0, t.weight, false, shared);
    nn_winograd_sample at = {.shared = shared, .x = t.x, .bias = t.bias, .y = y};
    at.scratch = check_dirt(&t.memory, w.n_run);
    at.y_pitch = w.f.out * w.t.out;
    at.last_channel = w.out;
    ck_assert_int_eq(w.n_blocks, 1);
    nn_winograd_run(&w, &at, 0);
    convolution_expect(&t, "y", y, t.y, t.n_y, 4e-4);
    for (int64_t i = 0; i < t.n_y; i++) n_zeros += y[i] == 0.0F;
    ck_assert(n_zeros > t.n_y / 4 && n_zeros < t.n_y);
    convolution_truth_release(&t);
}
END_TEST

/* y has the same bits as without idle frames, of which none is written but the rest of a tile. */
START_TEST(idle_frames_change_no_other) {
    enum { OUT = 9, F = 12, T = 29 };
    convolution_truth t;
    convolution_truth_init(&t, convolution_axis_of_3(F, 1, 1), convolution_axis_of_3(T, 1, 1), 8,
                           OUT);
    nn_winograd w = nn_winograd_make(t.f, t.t, t.in, t.out, 0);
    float *shared = check_dirt(&t.memory, w.n_shared), *whole = check_dirt(&t.memory, t.n_y);
    for (int64_t p = 0; p < w.n_panels; p++) nn_winograd_begin(&w, p, t.weight, false, shared);
    nn_winograd_sample at = {
        .shared = shared, .x = t.x, .bias = t.bias, .y = whole, .last_channel = OUT};
    at.scratch = check_dirt(&t.memory, w.n_run);
    at.y_pitch = F * T;
    ck_assert_int_eq(w.n_blocks, 1);
    nn_winograd_run(&w, &at, 0);
    float *y = at.y = check_dirt(&t.memory, t.n_y);
    for (at.n_idle = 1; at.n_idle < T; at.n_idle++) {
        memset(y, 0, (size_t)t.n_y * sizeof *y);
        int64_t n_computed = (T - at.n_idle + 1) / 2 * 2;
        nn_winograd_run(&w, &at, 0);
        for (int64_t i = 0; i < t.n_y; i++) {
            ck_assert_float_eq(y[i], i % T < n_computed ? whole[i] : 0.0f);
        }
    }
    convolution_truth_release(&t);
}
END_TEST

START_TEST(only_what_is_worth_it_fits) {
    nn_axis large = convolution_axis_of_3(40, 1, 1), narrow = convolution_axis_of_3(5, 1, 1);
    large.out = 40;
    narrow.out = 5;
    nn_winograd good = nn_winograd_make(large, large, 32, 32, 0);
    nn_winograd few = nn_winograd_make(large, large, 3, 32, 0);
    nn_winograd small = nn_winograd_make(narrow, narrow, 32, 32, 0);
    ck_assert(nn_winograd_fits(&good));
    ck_assert(!nn_winograd_fits(&few));
    ck_assert(!nn_winograd_fits(&small));
    nn_axis strided = large, dilated = large, wide = large, padded = large;
    strided.stride = 2;
    dilated.dilation = 2;
    wide.kernel = 5;
    padded.before = 3;
    ck_assert(!nn_winograd_can(&large, &strided) && !nn_winograd_can(&dilated, &large));
    ck_assert(!nn_winograd_can(&large, &wide) && !nn_winograd_can(&padded, &large));
}
END_TEST

TEST_MAIN("nn/kernels/winograd", results_are_those_of_the_definition,
          results_of_any_extents_are_those_of_the_definition, heeds_the_lower_bound,
          idle_frames_change_no_other, only_what_is_worth_it_fits)
