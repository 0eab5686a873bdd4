#include "nn/kernels/convolution.h"

#include <math.h>

#include "tests/convolution_check.h"
#include "tests/test.h"

typedef struct {
    int64_t in, out;
    struct {
        int64_t in, kernel, stride, dilation, before, after;
    } f, t;
} kase;

static const kase cases[] = {
    {1, 16, {16, 3, 1, 1, 1, 1}, {25, 3, 1, 1, 1, 1}},  /* "same" */
    {3, 5, {20, 3, 1, 1, 0, 0}, {31, 3, 1, 1, 0, 0}},   /* in place */
    {4, 9, {13, 1, 1, 1, 0, 0}, {17, 1, 1, 1, 0, 0}},   /* 1x1 */
    {2, 8, {40, 4, 2, 1, 1, 1}, {33, 5, 1, 1, 2, 2}},   /* S1's */
    {3, 17, {23, 3, 2, 1, 1, 1}, {24, 3, 2, 1, 1, 1}},  /* ResNet's */
    {2, 3, {21, 7, 2, 1, 3, 3}, {22, 7, 2, 1, 3, 3}},   /* and its first */
    {5, 6, {19, 3, 1, 2, 2, 2}, {30, 3, 1, 3, 3, 3}},   /* dilated */
    {2, 4, {17, 3, 2, 3, 0, 1}, {29, 2, 3, 2, 5, 0}},   /* uneven */
    {3, 4, {20, 1, 2, 1, 0, 0}, {21, 1, 3, 1, 0, 0}},   /* kernel below stride */
    {2, 4, {12, 2, 2, 1, 3, 4}, {13, 3, 1, 1, 5, 6}},   /* more zeros than kernel */
    {48, 33, {40, 3, 1, 1, 1, 1}, {60, 3, 1, 1, 1, 1}}, /* several blocks, both ways */
    {20, 24, {30, 3, 1, 1, 0, 0}, {31, 3, 1, 1, 0, 0}}, /* and in place */
    {24, 64, {64, 5, 1, 1, 2, 2}, {80, 3, 1, 1, 1, 1}},
    {64, 56, {32, 3, 1, 1, 1, 1}, {47, 3, 1, 1, 1, 1}},  /* many channels */
    {64, 40, {16, 3, 1, 1, 1, 1}, {24, 3, 1, 1, 1, 1}},  /* in one block, */
    {33, 20, {8, 3, 1, 1, 1, 1}, {12, 3, 1, 1, 1, 1}},   /* of small tiles */
    {2, 2, {3, 3, 1, 1, 1, 1}, {4, 3, 1, 1, 1, 1}},      /* smaller than a block */
    {16, 50, {33, 1, 1, 1, 0, 0}, {49, 1, 1, 1, 0, 0}},  /* 1x1: many places, few terms */
    {70, 23, {41, 1, 1, 1, 0, 0}, {12, 1, 1, 1, 0, 0}},  /* many terms */
    {400, 40, {16, 1, 1, 1, 0, 0}, {24, 1, 1, 1, 0, 0}}, /* blocks of few rows */
};
enum { N_CASES = sizeof cases / sizeof *cases };

#define AXIS(a)                                                                                    \
    {                                                                                              \
        .in = (a).in, .kernel = (a).kernel, .stride = (a).stride, .dilation = (a).dilation,        \
        .before = (a).before, .after = (a).after                                                   \
    }

static void truth_of(const kase *k, convolution_truth *t) {
    nn_axis f = AXIS(k->f), time = AXIS(k->t);
    convolution_truth_init(t, f, time, k->in, k->out);
}

static nn_convolution convolution_of(const kase *k) {
    nn_axis f = AXIS(k->f), t = AXIS(k->t);
    f.out = nn_axis_extent(&f, f.in);
    t.out = nn_axis_extent(&t, t.in);
    return nn_convolution_make(f, t, k->in, k->out);
}

static void check_forward(const nn_convolution *c, convolution_truth *t, bool biased) {
    float *shared = check_dirt(&t->memory, c->n_shared_forward);
    int64_t next = 0;
    nn_convolution_sample at = {.x = t->x,
                                .weight = t->weight,
                                .bias = biased ? t->bias : NULL,
                                .y = check_dirt(&t->memory, t->n_y),
                                .lower_bound = -INFINITY,
                                .shared = shared,
                                .scratch = check_dirt(&t->memory, c->n_worker_forward)};
    if (nn_convolution_is_alone(c, 1)) at.shared = NULL;
    for (int64_t i = 0; i < c->n_begin_forward && at.shared != NULL; i++) {
        nn_convolution_begin_forward(c, i, t->weight, shared);
    }
    for (int64_t block = 0; block < c->n_blocks; block++) {
        int64_t first, end;
        at.first_channel = 0;
        at.last_channel = nn_min(c->unit, c->out);
        nn_convolution_forward(c, &at, block, &first, &end);
        at.first_channel = at.last_channel;
        at.last_channel = c->out;
        nn_convolution_forward(c, &at, block, &first, &end);
        ck_assert_int_eq(first, next);
        next = end;
    }
    ck_assert_int_eq(next, c->f.out);
    for (int64_t i = 0; i < t->n_y && !biased; i++) at.y[i] += t->bias[i / (c->f.out * c->t.out)];
    convolution_expect(t, "y", at.y, t->y, t->n_y, 4e-4);
}

enum { N_SAMPLES = 2 };

static void check_backward(const nn_convolution *c, convolution_truth *t) {
    float *shared = check_dirt(&t->memory, c->n_shared_backward);
    float *sums = c->needs_zeros ? check_zeros(&t->memory, c->n_gradient, sizeof *sums)
                                 : check_dirt(&t->memory, c->n_gradient);
    float *dweight = check_zeros(&t->memory, t->n_weight, sizeof *dweight);
    nn_convolution_sample at = {.x = t->x,
                                .weight = t->weight,
                                .dy = t->dy,
                                .dx = check_dirt(&t->memory, t->n_x),
                                .dweight = sums,
                                .shared = shared,
                                .scratch = check_dirt(&t->memory, c->n_worker_backward)};
    for (int64_t i = 0; i < c->n_begin_backward; i++) {
        nn_convolution_begin_backward(c, i, at.weight, shared);
    }
    for (int i = 0; i < N_SAMPLES; i++) { /* the same one again and again */
        at.is_first = i == 0;
        nn_convolution_backward(c, &at);
    }
    convolution_expect(t, "dx", at.dx, t->dx, t->n_x, 4e-4);
    for (int64_t i = 0; i < c->n_add; i++) nn_convolution_add_gradient(c, i, sums, dweight);
    for (int64_t i = 0; i < t->n_weight; i++) dweight[i] /= N_SAMPLES;
    convolution_expect(t, "dweight", dweight, t->dweight, t->n_weight, 2e-3);
}

static void check(convolution_truth *t) {
    nn_convolution c = nn_convolution_make(t->f, t->t, t->in, t->out);
    check_forward(&c, t, true);
    check_forward(&c, t, false);
    check_backward(&c, t);
    convolution_truth_release(t);
}

START_TEST(products_are_those_of_the_definition) {
    for (int i = 0; i < N_CASES; i++) {
        convolution_truth t;
        truth_of(&cases[i], &t);
        check(&t);
    }
}
END_TEST

START_TEST(products_of_any_geometry_are_those_of_the_definition) {
    enum { N_RANDOM = 150 };
    base_rng rng = base_rng_open(6, BASE_RNG_TEST, 0, 0);
    for (int i = 0; i < N_RANDOM; i++) {
        convolution_truth t;
        nn_axis f = convolution_random_axis(&rng), time = convolution_random_axis(&rng);
        int64_t in = 1 + base_rng_below(&rng, 3), out = 1 + base_rng_below(&rng, 18);
        convolution_truth_init(&t, f, time, in, out);
        check(&t);
    }
}
END_TEST

START_TEST(little_does_not_fit) {
    nn_convolution few = convolution_of(&cases[0]), large = convolution_of(&cases[N_CASES - 2]);
    kase tiny = cases[N_CASES - 2];
    tiny.f.in = 3;
    tiny.t.in = 4;
    nn_convolution small = convolution_of(&tiny);
    ck_assert(nn_convolution_fits(&large));
    ck_assert(!nn_convolution_fits(&few));
    ck_assert(!nn_convolution_fits(&small));
}
END_TEST

TEST_MAIN("nn/kernels/convolution", products_are_those_of_the_definition,
          products_of_any_geometry_are_those_of_the_definition, little_does_not_fit)
