#include "nn/convolution.h"

#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/rng.h"
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
    {24, 64, {64, 5, 1, 1, 2, 2}, {80, 3, 1, 1, 1, 1}},
    {2, 2, {3, 3, 1, 1, 1, 1}, {4, 3, 1, 1, 1, 1}}, /* smaller than a block */
};
enum { N_CASES = sizeof cases / sizeof *cases };

#define AXIS(a)                                                                                    \
    {                                                                                              \
        .in = (a).in, .kernel = (a).kernel, .stride = (a).stride, .dilation = (a).dilation,        \
        .before = (a).before, .after = (a).after                                                   \
    }

static nn_convolution convolution_of(const kase *k) {
    nn_axis f = AXIS(k->f), t = AXIS(k->t);
    f.out = nn_axis_extent(&f, f.in);
    t.out = nn_axis_extent(&t, t.in);
    return nn_convolution_make(f, t, k->in, k->out);
}

static float *numbers(base_arena *arena, int64_t n, uint64_t stream) {
    float *x = base_arena_alloc(arena, (size_t)n, sizeof *x);
    base_rng rng = base_rng_open(5, BASE_RNG_TEST, stream, 0);
    ck_assert_ptr_nonnull(x);
    for (int64_t i = 0; i < n && stream > 0; i++) x[i] = base_rng_normal(&rng);
    return x;
}

/* Calls `each` for every product of an element of the kernel with an input. */
typedef void visit(void *context, int64_t y, int64_t weight, int64_t x);
static void walk(const nn_convolution *c, visit *each, void *context) {
    int64_t n_y = c->f.out * c->t.out;
    for (int64_t y = 0; y < c->out * n_y; y++) {
        for (int64_t e = 0; e < c->k; e++) {
            int64_t kf = e / c->t.kernel % c->f.kernel, kt = e % c->t.kernel;
            int64_t f = y % n_y / c->t.out * c->f.stride + kf * c->f.dilation - c->f.before;
            int64_t t = y % c->t.out * c->t.stride + kt * c->t.dilation - c->t.before;
            if (f < 0 || f >= c->f.in || t < 0 || t >= c->t.in) continue;
            int64_t channel = e / (c->f.kernel * c->t.kernel);
            each(context, y, y / n_y * c->k + e, (channel * c->f.in + f) * c->t.in + t);
        }
    }
}

typedef struct {
    const float *x, *weight, *dy;
    double *y, *dweight, *dx;
} truth;

static void add_product(void *context, int64_t y, int64_t weight, int64_t x) {
    truth *t = context;
    t->y[y] += (double)t->weight[weight] * (double)t->x[x];
    t->dweight[weight] += (double)t->dy[y] * (double)t->x[x];
    t->dx[x] += (double)t->dy[y] * (double)t->weight[weight];
}

static double *zeros(base_arena *arena, int64_t n) {
    double *x = base_arena_alloc(arena, (size_t)n, sizeof *x);
    ck_assert_ptr_nonnull(x);
    memset(x, 0, (size_t)n * sizeof *x);
    return x;
}

static void expect_near(const char *what, int number, const float *got, const double *wanted,
                        int64_t n, double tolerance) {
    for (int64_t i = 0; i < n; i++) {
        if (fabs((double)got[i] - wanted[i]) <= tolerance) continue;
        ck_abort_msg("case %d, %s[%lld]: %g is not %g", number, what, (long long)i, (double)got[i],
                     wanted[i]);
    }
}

/* Scratch is filled with numbers that would show if they were used. */
static float *dirt(base_arena *arena, int64_t n) {
    float *x = numbers(arena, n, 99);
    for (int64_t i = 0; i < n; i++) x[i] = 1e6F * x[i];
    return x;
}

static void check(int number) {
    base_arena arena = {0};
    nn_convolution c = convolution_of(&cases[number]);
    int64_t n_x = c.in * c.f.in * c.t.in, n_y = c.out * c.f.out * c.t.out, n_w = c.out * c.k;
    nn_convolution_sample at = {.x = numbers(&arena, n_x, 1),
                                .weight = numbers(&arena, n_w, 2),
                                .bias = numbers(&arena, c.out, 3),
                                .dy = numbers(&arena, n_y, 4),
                                .y = dirt(&arena, n_y),
                                .dx = dirt(&arena, n_x)};
    truth t = {at.x, at.weight, at.dy, zeros(&arena, n_y), zeros(&arena, n_w), zeros(&arena, n_x)};
    for (int64_t i = 0; i < n_y; i++) t.y[i] = (double)at.bias[i / (c.f.out * c.t.out)];
    walk(&c, add_product, &t);

    float *shared = dirt(&arena, c.n_shared_forward);
    int64_t next = 0;
    at.shared = shared;
    at.scratch = dirt(&arena, c.n_worker_forward);
    nn_convolution_begin_forward(&c, shared);
    for (int64_t block = 0; block < c.n_blocks; block++) {
        int64_t first, end;
        nn_convolution_forward(&c, &at, block, &first, &end);
        ck_assert_int_eq(first, next);
        next = end;
    }
    ck_assert_int_eq(next, c.f.out);
    expect_near("y", number, at.y, t.y, n_y, 2e-4);

    float *dweight = base_arena_alloc(&arena, (size_t)(c.k * c.grad_pitch), sizeof *dweight);
    memset(dweight, 0, (size_t)(c.k * c.grad_pitch) * sizeof *dweight);
    shared = dirt(&arena, c.n_shared_backward);
    at.shared = shared;
    at.scratch = dirt(&arena, c.n_worker_backward);
    at.dweight = dweight;
    nn_convolution_begin_backward(&c, at.weight, shared);
    nn_convolution_backward(&c, &at);
    expect_near("dx", number, at.dx, t.dx, n_x, 2e-4);
    float *turned = numbers(&arena, n_w, 0);
    for (int64_t i = 0; i < n_w; i++) turned[i] = dweight[i % c.k * c.grad_pitch + i / c.k];
    expect_near("dweight", number, turned, t.dweight, n_w, 2e-3);
    base_arena_release(&arena);
}

START_TEST(products_are_those_of_the_definition) {
    for (int i = 0; i < N_CASES; i++) check(i);
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

TEST_MAIN("nn/convolution", products_are_those_of_the_definition, little_does_not_fit)
