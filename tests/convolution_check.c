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
