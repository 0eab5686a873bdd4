#include "nn/kernels/winograd4.h"

#include <math.h>

#include "tests/convolution_check.h"
#include "tests/test.h"

typedef struct {
    int64_t in, out;
    struct {
        int64_t in, before, after;
    } f, t;
} kase;

static const kase cases[] = {
    {1, 1, {4, 0, 0}, {4, 0, 0}},     /* one tile */
    {1, 1, {1, 1, 1}, {1, 1, 1}},     /* a quarter of one */
    {2, 3, {3, 1, 1}, {6, 0, 0}},     /* half ones */
    {3, 9, {17, 1, 1}, {25, 1, 1}},   /* more outputs than are done at a time */
    {5, 8, {12, 2, 0}, {13, 0, 2}},   /* uneven zeros */
    {4, 5, {9, 2, 2}, {10, 2, 2}},    /* as many as can be */
    {3, 2, {8, 0, 5}, {6, 1, 7}},     /* more after than kernel */
    {32, 64, {63, 0, 0}, {49, 0, 0}}, /* S3's second */
    {64, 48, {40, 1, 1}, {60, 1, 1}}, /* several blocks, both ways */
    {64, 64, {9, 1, 1}, {210, 1, 1}}, /* a row of more places than are done at a time */
};
enum { N_CASES = sizeof cases / sizeof *cases };

static nn_axis axis_of(int64_t in, int64_t before, int64_t after) {
    return (nn_axis){
        .in = in, .kernel = 3, .stride = 1, .dilation = 1, .before = before, .after = after};
}

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
    float *dweight = check_zeros(&t->memory, t->n_weight, sizeof *dweight);
    nn_winograd_gradient at = {t->x, t->dy, gradient, true, check_dirt(&t->memory, w.n_gather)};
    nn_winograd4_gather(&w, &at);
    for (int64_t i = 0; i < t->n_weight; i++) {
        dweight[i] = gradient[i % (9 * w.in) * w.sum_pitch + i / (9 * w.in)];
    }
    convolution_expect(t, "dweight", dweight, t->dweight, t->n_weight, 4e-3);
    convolution_truth_release(t);
}

START_TEST(results_are_those_of_the_definition) {
    for (int i = 0; i < N_CASES; i++) {
        const kase *k = &cases[i];
        convolution_truth t;
        convolution_truth_init(&t, axis_of(k->f.in, k->f.before, k->f.after),
                               axis_of(k->t.in, k->t.before, k->t.after), k->in, k->out);
        check(&t);
    }
}
END_TEST

START_TEST(results_of_any_extents_are_those_of_the_definition) {
    enum { N_RANDOM = 100 };
    base_rng rng = base_rng_open(8, BASE_RNG_TEST, 0, 0);
    for (int i = 0; i < N_RANDOM; i++) {
        nn_axis axis[2];
        for (int a = 0; a < 2; a++) {
            axis[a] = axis_of(3 + base_rng_below(&rng, 30), base_rng_below(&rng, 3),
                              base_rng_below(&rng, 4));
        }
        convolution_truth t;
        int64_t in = 1 + base_rng_below(&rng, 4), out = 1 + base_rng_below(&rng, 20);
        convolution_truth_init(&t, axis[0], axis[1], in, out);
        check(&t);
    }
}
END_TEST

START_TEST(heeds_the_lower_bound) {
    convolution_truth t;
    convolution_truth_init(&t, axis_of(9, 1, 1), axis_of(40, 1, 1), 2, 3);
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
    nn_axis large = axis_of(40, 1, 1), narrow = axis_of(9, 1, 1);
    large.out = 40;
    narrow.out = 9;
    nn_winograd4 good = nn_winograd4_make(large, large, 64, 64, 0);
    nn_winograd4 few = nn_winograd4_make(large, large, 16, 64, 0);
    nn_winograd4 small = nn_winograd4_make(narrow, narrow, 64, 64, 0);
    ck_assert(nn_winograd4_fits(&good));
    ck_assert(!nn_winograd4_fits(&few));
    ck_assert(!nn_winograd4_fits(&small));
    nn_axis long_one = axis_of(100000, 1, 1);
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
    convolution_truth_init(&t, axis_of(16, 1, 1), axis_of(24, 1, 1), 256, 32);
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
