#include "tests/convolution_check.h"

#include <math.h>
#include <stdlib.h>

#include "tests/test.h"

void *check_zeros(check_memory *m, int64_t n, size_t item_bytes) {
    ck_assert_int_lt(m->n, (int)(sizeof m->block / sizeof *m->block));
    void *block = calloc((size_t)n, item_bytes);
    ck_assert_ptr_nonnull(block);
    return m->block[m->n++] = block;
}

static void release(check_memory *m) {
    while (m->n > 0) free(m->block[--m->n]);
}

static float *numbers(check_memory *m, int64_t n, uint64_t stream, float scale) {
    float *x = check_zeros(m, n, sizeof *x);
    base_rng rng = base_rng_open(5, BASE_RNG_TEST, stream, 0);
    for (int64_t i = 0; i < n; i++) x[i] = scale * base_rng_normal(&rng);
    return x;
}

float *check_dirt(check_memory *m, int64_t n) {
    return numbers(m, n, 99, 1e6F);
}

static void add_product(convolution_truth *c, int64_t y, int64_t weight, int64_t x) {
    c->y[y] += (double)c->weight[weight] * (double)c->x[x];
    c->dweight[weight] += (double)c->dy[y] * (double)c->x[x];
    c->dx[x] += (double)c->dy[y] * (double)c->weight[weight];
}

/* Every product of an element of the kernel with an input. */
static void add_products(convolution_truth *c) {
    int64_t n_y = c->f.out * c->t.out;
    for (int64_t y = 0; y < c->n_y; y++) {
        for (int64_t e = 0; e < c->k; e++) {
            int64_t kf = e / c->t.kernel % c->f.kernel, kt = e % c->t.kernel;
            int64_t f = y % n_y / c->t.out * c->f.stride + kf * c->f.dilation - c->f.before;
            int64_t t = y % c->t.out * c->t.stride + kt * c->t.dilation - c->t.before;
            if (f < 0 || f >= c->f.in || t < 0 || t >= c->t.in) continue;
            int64_t channel = e / (c->f.kernel * c->t.kernel);
            add_product(c, y, y / n_y * c->k + e, (channel * c->f.in + f) * c->t.in + t);
        }
    }
}

void convolution_truth_init(convolution_truth *c, nn_axis f, nn_axis t, int64_t in, int64_t out) {
    f.out = nn_axis_extent(&f, f.in);
    t.out = nn_axis_extent(&t, t.in);
    *c = (convolution_truth){.f = f, .t = t, .in = in, .out = out};
    check_memory *m = &c->memory;
    c->k = in * f.kernel * t.kernel;
    c->n_x = in * f.in * t.in;
    c->n_y = out * f.out * t.out;
    c->n_weight = out * c->k;
    c->x = numbers(m, c->n_x, 1, 1);
    c->weight = numbers(m, c->n_weight, 2, 1);
    c->bias = numbers(m, out, 3, 1);
    c->dy = numbers(m, c->n_y, 4, 1);
    c->y = check_zeros(m, c->n_y, sizeof *c->y);
    c->dweight = check_zeros(m, c->n_weight, sizeof *c->dweight);
    c->dx = check_zeros(m, c->n_x, sizeof *c->dx);
    for (int64_t i = 0; i < c->n_y; i++) c->y[i] = (double)c->bias[i / (f.out * t.out)];
    add_products(c);
}

void convolution_truth_release(convolution_truth *truth) {
    release(&truth->memory);
}

void convolution_expect(const convolution_truth *c, const char *what, const float *got,
                        const double *wanted, int64_t n, double tolerance) {
    for (int64_t i = 0; i < n; i++) {
        if (fabs((double)got[i] - wanted[i]) <= tolerance) continue;
        const nn_axis *f = &c->f, *t = &c->t;
        ck_abort_msg("{%d, %d, {%d, %d, %d, %d, %d, %d}, {%d, %d, %d, %d, %d, %d}}: %s[%d]: %g is "
                     "not %g",
                     (int)c->in, (int)c->out, (int)f->in, (int)f->kernel, (int)f->stride,
                     (int)f->dilation, (int)f->before, (int)f->after, (int)t->in, (int)t->kernel,
                     (int)t->stride, (int)t->dilation, (int)t->before, (int)t->after, what, (int)i,
                     (double)got[i], wanted[i]);
    }
}

nn_axis convolution_random_axis(base_rng *rng) {
    for (;;) {
        nn_axis a = {.in = 1 + base_rng_below(rng, 12), .kernel = 1 + base_rng_below(rng, 5)};
        a.stride = 1 + base_rng_below(rng, 3);
        a.dilation = 1 + base_rng_below(rng, 3);
        a.before = base_rng_below(rng, 5);
        a.after = base_rng_below(rng, 5);
        if (nn_axis_extent(&a, a.in) > 0) return a;
    }
}

typedef struct {
    int64_t in, out;
    struct {
        int64_t in, before, after;
    } f, t;
} case_of_3x3;

static const case_of_3x3 cases_of_3x3[] = {
    {1, 1, {4, 0, 0}, {4, 0, 0}},      /* one tile */
    {1, 1, {1, 1, 1}, {1, 1, 1}},      /* a quarter of one */
    {2, 3, {3, 1, 1}, {6, 0, 0}},      /* half ones */
    {3, 9, {17, 1, 1}, {25, 1, 1}},    /* more outputs than are done at a time */
    {5, 8, {12, 2, 0}, {13, 0, 2}},    /* uneven zeros */
    {4, 5, {9, 2, 2}, {10, 2, 2}},     /* as many as can be */
    {3, 2, {8, 0, 5}, {6, 1, 7}},      /* more after than kernel */
    {32, 64, {63, 0, 0}, {49, 0, 0}},  /* S3's second */
    {64, 48, {40, 1, 1}, {60, 1, 1}},  /* several blocks, both ways */
    {130, 140, {9, 1, 1}, {13, 1, 1}}, /* a gradient folded part by part */
    {64, 64, {9, 1, 1}, {210, 1, 1}},  /* a row of more tiles than are done at a time */
};
enum { N_CASES = sizeof cases_of_3x3 / sizeof *cases_of_3x3 };

nn_axis convolution_axis_of_3(int64_t in, int64_t before, int64_t after) {
    return (nn_axis){
        .in = in, .kernel = 3, .stride = 1, .dilation = 1, .before = before, .after = after};
}

void convolution_check_3x3(convolution_checker *check) {
    for (int i = 0; i < N_CASES; i++) {
        const case_of_3x3 *k = &cases_of_3x3[i];
        convolution_truth t;
        convolution_truth_init(&t, convolution_axis_of_3(k->f.in, k->f.before, k->f.after),
                               convolution_axis_of_3(k->t.in, k->t.before, k->t.after), k->in,
                               k->out);
        check(&t);
    }
}

void convolution_check_random_3x3(convolution_checker *check) {
    enum { N_RANDOM = 100 };
    base_rng rng = base_rng_open(8, BASE_RNG_TEST, 0, 0);
    for (int i = 0; i < N_RANDOM; i++) {
        nn_axis axis[2];
        for (int a = 0; a < 2; a++) {
            axis[a] = convolution_axis_of_3(3 + base_rng_below(&rng, 30), base_rng_below(&rng, 3),
                                            base_rng_below(&rng, 4));
        }
        convolution_truth t;
        int64_t in = 1 + base_rng_below(&rng, 4), out = 1 + base_rng_below(&rng, 20);
        convolution_truth_init(&t, axis[0], axis[1], in, out);
        check(&t);
    }
}

void convolution_expect_3x3_gradient(const convolution_truth *t, const float *gradient,
                                     int64_t pitch) {
    check_memory memory = {0};
    float *dweight = check_dirt(&memory, t->n_weight);
    for (int64_t i = 0; i < t->n_weight; i++) {
        dweight[i] = gradient[i % (9 * t->in) * pitch + i / (9 * t->in)];
    }
    convolution_expect(t, "dweight", dweight, t->dweight, t->n_weight, 4e-3);
    release(&memory);
}
