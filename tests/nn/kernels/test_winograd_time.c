#include "nn/kernels/winograd_time.h"

#include <math.h>

#include "tests/convolution_check.h"
#include "tests/test.h"

typedef struct {
    int64_t in, out;
    struct {
        int64_t in, kernel, stride, dilation, before, after;
    } f;
    struct {
        int64_t in, before, after;
    } t;
} kase;

static const kase cases[] = {
    {1, 1, {1, 1, 1, 1, 0, 0}, {8, 0, 0}},      /* one tile */
    {1, 1, {2, 2, 1, 1, 0, 0}, {1, 2, 2}},      /* a quarter of one */
    {1, 1, {3, 3, 2, 1, 1, 1}, {3, 4, 4}},      /* more zeros than numbers */
    {2, 3, {9, 4, 2, 1, 1, 1}, {13, 2, 2}},     /* S1's form */
    {2, 3, {9, 2, 4, 1, 0, 0}, {17, 2, 2}},     /* phases that no row reaches */
    {3, 2, {17, 3, 3, 2, 4, 1}, {20, 0, 7}},    /* all of frequency's settings */
    {2, 2, {7, 1, 1, 1, 0, 0}, {12, 6, 6}},     /* more zeros than the kernel has columns */
    {33, 35, {5, 2, 1, 1, 0, 0}, {9, 0, 0}},    /* sums in parts, more outputs than at a time */
    {8, 32, {64, 4, 2, 1, 1, 1}, {173, 2, 2}},  /* S1's second, several blocks */
    {48, 64, {12, 4, 2, 1, 1, 1}, {173, 2, 2}}, /* several blocks of dx, too */
};
enum { N_CASES = sizeof cases / sizeof *cases };

static nn_axis columns(int64_t in, int64_t before, int64_t after) {
    return (nn_axis){
        .in = in, .kernel = 5, .stride = 1, .dilation = 1, .before = before, .after = after};
}

static void truth_of(const kase *k, convolution_truth *t) {
    nn_axis f = {.in = k->f.in,
                 .kernel = k->f.kernel,
                 .stride = k->f.stride,
                 .dilation = k->f.dilation,
                 .before = k->f.before,
                 .after = k->f.after};
    convolution_truth_init(t, f, columns(k->t.in, k->t.before, k->t.after), k->in, k->out);
}

/* y of all blocks. */
static void run(const nn_winograd_time *w, convolution_truth *t, float lower_bound, float *y) {
    float *shared = check_dirt(&t->memory, w->n_shared);
    nn_winograd_time_sample at = {.shared = shared,
                                  .x = t->x,
                                  .bias = t->bias,
                                  .lower_bound = lower_bound,
                                  .scratch = check_dirt(&t->memory, w->n_forward),
                                  .y_pitch = w->f.out * w->t.out};
    int64_t next = 0;
    nn_winograd_time_begin(w, t->weight, shared);
    for (int64_t block = 0; block < w->n_blocks; block++) {
        int64_t first, end;
        nn_winograd_time_rows(w, block, &first, &end);
        at.y = y + first * w->t.out;
        nn_winograd_time_run(w, &at, block);
        ck_assert_int_eq(first, next);
        next = end;
    }
    ck_assert_int_eq(next, w->f.out);
}

static void run_dx(const nn_winograd_time *w, convolution_truth *t, float *dx) {
    float *shared = check_dirt(&t->memory, w->n_shared);
    nn_winograd_time_sample at = {.shared = shared,
                                  .x = t->dy,
                                  .lower_bound = -INFINITY,
                                  .y = dx,
                                  .y_pitch = w->f.in * w->t.in,
                                  .scratch = check_dirt(&t->memory, w->n_backward)};
    nn_winograd_time_begin_dx(w, t->weight, shared);
    nn_winograd_time_run_dx(w, &at);
}

static void run_dweight(const nn_winograd_time *w, convolution_truth *t, float *dweight) {
    float *sum = check_zeros(&t->memory, w->n_sum, sizeof *sum);
    nn_winograd_time_gather(w, t->x, t->dy, sum, check_dirt(&t->memory, w->n_backward));
    nn_winograd_time_add_gradient(w, sum, dweight);
}

static void check(convolution_truth *t) {
    nn_winograd_time w = nn_winograd_time_make(t->f, t->t, t->in, t->out, 0);
    ck_assert(nn_winograd_time_can(&t->f, &t->t));
    float *y = check_dirt(&t->memory, t->n_y), *dx = check_dirt(&t->memory, t->n_x);
    float *dweight = check_zeros(&t->memory, t->n_weight, sizeof *dweight);
    run(&w, t, -INFINITY, y);
    convolution_expect(t, "y", y, t->y, t->n_y, 4e-4);
    run_dx(&w, t, dx);
    convolution_expect(t, "dx", dx, t->dx, t->n_x, 4e-4);
    run_dweight(&w, t, dweight);
    convolution_expect(t, "dweight", dweight, t->dweight, t->n_weight, 4e-3);
    convolution_truth_release(t);
}

START_TEST(results_are_those_of_the_definition) {
    for (int i = 0; i < N_CASES; i++) {
        convolution_truth t;
        truth_of(&cases[i], &t);
        check(&t);
    }
}
END_TEST

START_TEST(results_of_any_extents_are_those_of_the_definition) {
    enum { N_RANDOM = 150 };
    base_rng rng = base_rng_open(8, BASE_RNG_TEST, 0, 0);
    for (int i = 0; i < N_RANDOM; i++) {
        nn_axis f = convolution_random_axis(&rng);
        nn_axis t =
            columns(5 + base_rng_below(&rng, 40), base_rng_below(&rng, 6), base_rng_below(&rng, 6));
        convolution_truth truth;
        int64_t in = 1 + base_rng_below(&rng, 4), out = 1 + base_rng_below(&rng, 20);
        convolution_truth_init(&truth, f, t, in, out);
        check(&truth);
    }
}
END_TEST

START_TEST(heeds_the_lower_bound) {
    convolution_truth t;
    truth_of(&cases[3], &t);
    nn_winograd_time w = nn_winograd_time_make(t.f, t.t, t.in, t.out, 0);
    float *y = check_dirt(&t.memory, t.n_y);
    int64_t n_zeros = 0;
    for (int64_t i = 0; i < t.n_y; i++) t.y[i] = fmax(t.y[i], 0.0);
    run(&w, &t, 0.0F, y);
    convolution_expect(&t, "y", y, t.y, t.n_y, 4e-4);
    for (int64_t i = 0; i < t.n_y; i++) n_zeros += y[i] == 0.0F;
    ck_assert(n_zeros > t.n_y / 4 && n_zeros < t.n_y);
    convolution_truth_release(&t);
}
END_TEST

START_TEST(blocks_have_whole_units) {
    nn_axis f = {.in = 64, .kernel = 4, .stride = 2, .dilation = 1, .before = 1, .after = 1};
    nn_axis t = columns(173, 2, 2);
    f.out = nn_axis_extent(&f, f.in);
    t.out = nn_axis_extent(&t, t.in);
    nn_winograd_time w = nn_winograd_time_make(f, t, 32, 64, 4);
    ck_assert(w.n_blocks > 1);
    ck_assert_int_eq(w.block_rows % 4, 0);
}
END_TEST

static double squared_error(const float *got, const double *wanted, int64_t n) {
    double sum = 0.0;
    for (int64_t i = 0; i < n; i++) sum += pow((double)got[i] - wanted[i], 2);
    return sum;
}

/* By the definition in single precision, summed in order. */
typedef struct {
    float *y, *dx, *dweight;
} plain_sums;

static void sum_in_order(const convolution_truth *t, plain_sums *to) {
    int64_t plane = t->f.out * t->t.out;
    for (int64_t i = 0; i < t->n_y * t->k; i++) {
        int64_t y = i / t->k, k = i % t->k, kf = k / t->t.kernel % t->f.kernel;
        int64_t f = y % plane / t->t.out * t->f.stride + kf - t->f.before;
        int64_t at = y % t->t.out + k % t->t.kernel - t->t.before;
        int64_t c = k / (t->f.kernel * t->t.kernel), weight = y / plane * t->k + k;
        if (f < 0 || f >= t->f.in || at < 0 || at >= t->t.in) continue;
        int64_t x = (c * t->f.in + f) * t->t.in + at;
        to->y[y] = fmaf(t->x[x], t->weight[weight], to->y[y]);
        to->dx[x] = fmaf(t->dy[y], t->weight[weight], to->dx[x]);
        to->dweight[weight] = fmaf(t->dy[y], t->x[x], to->dweight[weight]);
    }
}

static void expect_error(const char *what, const float *got, const float *plain,
                         const double *wanted, int64_t n) {
    double error = sqrt(squared_error(got, wanted, n) / squared_error(plain, wanted, n));
    ck_assert_msg(error < 2.0, "%s: %g times the error of the definition", what, error);
}

/* Of S1's third convolution, on a smaller plane. */
START_TEST(errors_are_within_twice_those_of_sums_in_order) {
    convolution_truth t;
    truth_of(&(kase){32, 32, {12, 4, 2, 1, 1, 1}, {173, 2, 2}}, &t);
    nn_winograd_time w = nn_winograd_time_make(t.f, t.t, t.in, t.out, 0);
    float *y = check_dirt(&t.memory, t.n_y), *dx = check_dirt(&t.memory, t.n_x);
    float *dweight = check_zeros(&t.memory, t.n_weight, sizeof *dweight);
    plain_sums plain = {check_zeros(&t.memory, t.n_y, sizeof *y),
                        check_zeros(&t.memory, t.n_x, sizeof *dx),
                        check_zeros(&t.memory, t.n_weight, sizeof *dweight)};
    for (int64_t i = 0; i < t.n_y; i++) plain.y[i] = t.bias[i / (t.f.out * t.t.out)];
    sum_in_order(&t, &plain);
    run(&w, &t, -INFINITY, y);
    expect_error("y", y, plain.y, t.y, t.n_y);
    run_dx(&w, &t, dx);
    expect_error("dx", dx, plain.dx, t.dx, t.n_x);
    run_dweight(&w, &t, dweight);
    expect_error("dweight", dweight, plain.dweight, t.dweight, t.n_weight);
    convolution_truth_release(&t);
}
END_TEST

START_TEST(only_what_is_worth_it_fits) {
    nn_axis f = {.in = 64, .kernel = 4, .stride = 2, .dilation = 1, .before = 1, .after = 1};
    nn_axis t = columns(173, 2, 2), narrow = columns(5, 0, 0);
    f.out = nn_axis_extent(&f, f.in);
    t.out = nn_axis_extent(&t, t.in);
    narrow.out = 1;
    nn_winograd_time good = nn_winograd_time_make(f, t, 32, 128, 0);
    nn_winograd_time few = nn_winograd_time_make(f, t, 2, 8, 0);
    nn_winograd_time small = nn_winograd_time_make(f, narrow, 32, 128, 0);
    ck_assert(nn_winograd_time_fits(&good));
    ck_assert(!nn_winograd_time_fits(&few));
    ck_assert(!nn_winograd_time_fits(&small));
    nn_axis strided = t, dilated = t, wide = t;
    strided.stride = 2;
    dilated.dilation = 2;
    wide.kernel = 7;
    ck_assert(!nn_winograd_time_can(&f, &strided) && !nn_winograd_time_can(&f, &dilated));
    ck_assert(!nn_winograd_time_can(&f, &wide));
}
END_TEST

TEST_MAIN("nn/kernels/winograd_time", results_are_those_of_the_definition,
          results_of_any_extents_are_those_of_the_definition, heeds_the_lower_bound,
          blocks_have_whole_units, errors_are_within_twice_those_of_sums_in_order,
          only_what_is_worth_it_fits)
