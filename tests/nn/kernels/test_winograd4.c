#include "nn/kernels/winograd4.h"

#include <math.h>

#include "tests/convolution_check.h"
#include "tests/test.h"

static void check_run(const nn_winograd4 *w, convolution_truth *t, bool transposed, const float *x,
                      const float *bias, const char *what, const double *wanted, int64_t n) {
    float *shared = check_dirt(&t->memory, w->n_shared);
    float *y = check_dirt(&t->memory, n), *scratch = check_dirt(&t->memory, w->n_run);
    nn_winograd_sample at = {
        .shared = shared, .x = x, .bias = bias, .lower_bound = -INFINITY, .scratch = scratch};
    at.y_pitch = w->f.out * w->t.out;
    int64_t next = 0;
    for (int64_t p = 0; p < w->n_panels; p++) {
        nn_winograd4_begin(w, p, t->weight, transposed, shared);
    }
    at.last_channel = w->out;
    for (int64_t block = 0; block < w->n_blocks; block++) {
        int64_t first, end;
        nn_winograd4_rows(w, block, &first, &end);
        at.y = y + first * w->t.out;
        nn_winograd4_run(w, &at, block);
        ck_assert_int_eq(first, next);
        next = end;
    }
    ck_assert_int_eq(next, w->f.out);
    convolution_expect(t, what, y, wanted, n, 4e-4);
}

static void check(convolution_truth *t) {
    nn_winograd4 w = nn_winograd4_make(t->f, t->t, t->in, t->out, 0),
                 transposed = nn_winograd4_transposed(&w);
    ck_assert(nn_winograd_can(&t->f, &t->t));
    check_run(&w, t, false, t->x, t->bias, "y", t->y, t->n_y);
    check_run(&transposed, t, true, t->dy, NULL, "dx", t->dx, t->n_x);
    float *gradient = check_dirt(&t->memory, 9 * w.in * w.sum_pitch);
    nn_winograd_gradient at = {t->x, t->dy, gradient, true, check_dirt(&t->memory, w.n_gather)};
    nn_winograd4_gather(&w, &at);
    convolution_expect_3x3_gradient(t, gradient, w.sum_pitch);
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
    nn_winograd4 w = nn_winograd4_make(t.f, t.t, t.in, t.out, 0);
    float *shared = check_dirt(&t.memory, w.n_shared), *y = check_dirt(&t.memory, t.n_y);
    int64_t n_zeros = 0;
    for (int64_t i = 0; i < t.n_y; i++) t.y[i] = fmax(t.y[i], 0.0);
    nn_winograd4_begin(&w, 0, t.weight, false, shared);
    nn_winograd_sample at = {
        .shared = shared, .x = t.x, .bias = t.bias, .y = y, .last_channel = w.out};
    at.scratch = check_dirt(&t.memory, w.n_run);
    at.y_pitch = w.f.out * w.t.out;
    for (int64_t block = 0; block < w.n_blocks; block++) {
        int64_t first, end;
        nn_winograd4_rows(&w, block, &first, &end);
        at.y = y + first * w.t.out;
        nn_winograd4_run(&w, &at, block);
    }
    convolution_expect(&t, "y", y, t.y, t.n_y, 4e-4);
    for (int64_t i = 0; i < t.n_y; i++) n_zeros += y[i] == 0.0F;
    ck_assert(n_zeros > t.n_y / 4 && n_zeros < t.n_y);
    convolution_truth_release(&t);
}
END_TEST

START_TEST(only_what_is_worth_it_fits) {
    nn_axis large = convolution_axis_of_3(40, 1, 1), narrow = convolution_axis_of_3(9, 1, 1);
    large.out = 40;
    narrow.out = 9;
    nn_winograd4 good = nn_winograd4_make(large, large, 64, 64, 0);
    nn_winograd4 few = nn_winograd4_make(large, large, 16, 64, 0);
    nn_winograd4 small = nn_winograd4_make(narrow, narrow, 64, 64, 0);
    ck_assert(nn_winograd4_fits(&good));
    ck_assert(!nn_winograd4_fits(&few));
    ck_assert(!nn_winograd4_fits(&small));
    nn_axis long_one = convolution_axis_of_3(100000, 1, 1);
    long_one.out = 100000;
    nn_winograd4 much = nn_winograd4_make(large, long_one, 64, 64, 0);
    ck_assert(!nn_winograd4_fits(&much));
}
END_TEST

/* One output by the definition, its products added one after the other. */
static float sum_in_order(const convolution_truth *t, int64_t o, int64_t f, int64_t time) {
    float sum = 0.0F;
    for (int64_t i = 0; i < t->in * 9; i++) {
        int64_t row = f + i % 9 / 3 - t->f.before, column = time + i % 3 - t->t.before;
        if (row < 0 || row >= t->f.in || column < 0 || column >= t->t.in) continue;
        sum = fmaf(t->weight[o * t->in * 9 + i], t->x[(i / 9 * t->f.in + row) * t->t.in + column],
                   sum);
    }
    return sum;
}

START_TEST(rounding_errors_are_at_most_twice_those_of_a_sum_in_order) {
    convolution_truth t;
    convolution_truth_init(&t, convolution_axis_of_3(16, 1, 1), convolution_axis_of_3(24, 1, 1),
                           256, 32);
    nn_winograd4 w = nn_winograd4_make(t.f, t.t, t.in, t.out, 0);
    float *shared = check_dirt(&t.memory, w.n_shared), *y = check_dirt(&t.memory, t.n_y);
    for (int64_t p = 0; p < w.n_panels; p++) nn_winograd4_begin(&w, p, t.weight, false, shared);
    nn_winograd_sample at = {
        .shared = shared, .x = t.x, .y = y, .lower_bound = -INFINITY, .last_channel = w.out};
    at.scratch = check_dirt(&t.memory, w.n_run);
    at.y_pitch = w.f.out * w.t.out;
    double squares = 0, squares_in_order = 0;
    for (int64_t block = 0; block < w.n_blocks; block++) {
        int64_t first, end;
        nn_winograd4_rows(&w, block, &first, &end);
        at.y = y + first * w.t.out;
        nn_winograd4_run(&w, &at, block);
    }
    for (int64_t i = 0; i < t.n_y; i++) {
        int64_t o = i / at.y_pitch, place = i % at.y_pitch;
        double wanted = t.y[i] - (double)t.bias[o];
        double error = y[i] - wanted;
        double in_order = sum_in_order(&t, o, place / w.t.out, place % w.t.out) - wanted;
        squares += error * error;
        squares_in_order += in_order * in_order;
    }
    ck_assert(squares > 0 && squares < 4 * squares_in_order);
    convolution_truth_release(&t);
}
END_TEST

TEST_MAIN("nn/kernels/winograd4", results_are_those_of_the_definition,
          results_of_any_extents_are_those_of_the_definition, heeds_the_lower_bound,
          only_what_is_worth_it_fits, rounding_errors_are_at_most_twice_those_of_a_sum_in_order)
