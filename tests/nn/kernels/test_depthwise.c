#include "nn/kernels/depthwise.h"

#include "tests/convolution_check.h"
#include "tests/test.h"

static void check_forward(const nn_depthwise *d, convolution_truth *t) {
    float *y = check_dirt(&t->memory, t->n_y);
    nn_depthwise_plane to = {.weight = t->weight, .x = t->x, .bias = t->bias[0], .y = y};
    float *scratch = check_dirt(&t->memory, d->n_scratch);
    nn_depthwise_begin(d, scratch);
    nn_depthwise_forward(d, &to, scratch);
    convolution_expect(t, "y", y, t->y, t->n_y, 1e-4);
}

/* dweight is added to what is there, and dx on request. */
static void check_backward(const nn_depthwise *d, convolution_truth *t, float *scratch, bool adds) {
    enum { STEP = 3 };
    float *wide = check_zeros(&t->memory, t->n_weight * STEP, sizeof *wide);
    float *dweight = check_zeros(&t->memory, t->n_weight, sizeof *dweight);
    float *dx = check_dirt(&t->memory, t->n_x);
    nn_depthwise_gradient at = {.weight = t->weight,
                                .x = t->x,
                                .dy = t->dy,
                                .dweight = wide,
                                .dweight_step = STEP,
                                .dx = dx,
                                .adds = adds};
    for (int64_t i = 0; i < t->n_x && adds; i++) dx[i] = 1;
    for (int64_t i = 0; i < t->n_weight; i++) wide[i * STEP] = 2;
    nn_depthwise_backward(d, &at, scratch);
    for (int64_t i = 0; i < t->n_x && adds; i++) dx[i] -= 1;
    for (int64_t i = 0; i < t->n_weight; i++) dweight[i] = wide[i * STEP] - 2;
    convolution_expect(t, "dx", dx, t->dx, t->n_x, 1e-4);
    convolution_expect(t, "dweight", dweight, t->dweight, t->n_weight, 1e-3);
}

static void check(nn_axis f, nn_axis time) {
    convolution_truth t;
    convolution_truth_init(&t, f, time, 1, 1);
    nn_depthwise d = nn_depthwise_make(t.f, t.t);
    check_forward(&d, &t);
    float *scratch = check_dirt(&t.memory, d.n_scratch);
    nn_depthwise_begin(&d, scratch);
    check_backward(&d, &t, scratch, false);
    check_backward(&d, &t, scratch, true);
    convolution_truth_release(&t);
}

START_TEST(planes_of_any_geometry_are_convolved_by_definition) {
    enum { N_RANDOM = 1000 };
    base_rng rng = base_rng_open(7, BASE_RNG_TEST, 0, 0);
    for (int i = 0; i < N_RANDOM; i++) {
        nn_axis f = convolution_random_axis(&rng);
        check(f, convolution_random_axis(&rng));
    }
}
END_TEST

/* More positions than are summed at once. */
START_TEST(large_planes_are_summed_in_parts) {
    nn_axis f = {.in = 60, .kernel = 3, .stride = 1, .dilation = 1, .before = 1, .after = 1};
    nn_axis t = {.in = 101, .kernel = 5, .stride = 2, .dilation = 1, .before = 2, .after = 2};
    check(f, t);
}
END_TEST

TEST_MAIN("nn/kernels/depthwise", planes_of_any_geometry_are_convolved_by_definition,
          large_planes_are_summed_in_parts)
