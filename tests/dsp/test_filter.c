#include "dsp/filter.h"

#include <complex.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "tests/golden.h"
#include "tests/test.h"

#define RATE 44100.0

static dsp_filter filter_at(golden *g, int64_t i) {
    const float *c = golden_get(g, "cases", NULL) + 4 * i;
    double q = fabs((double)c[2] - M_SQRT1_2) < 1e-6 ? M_SQRT1_2 : (double)c[2];
    if (c[2] == 1.4f) q = 1.4;
    return (dsp_filter){(dsp_filter_kind)c[0], (double)c[1], q, (double)c[3]};
}

static int64_t n_cases(golden *g) {
    int64_t shape[8];
    golden_shape(g, "cases", shape);
    return shape[0];
}

static const float *numbered(golden *g, const char *what, int64_t i, int64_t *n) {
    char name[32];
    snprintf(name, sizeof name, "%s%lld", what, (long long)i);
    return golden_get(g, name, n);
}

static double gain_of(dsp_biquad f, double hz) {
    double complex z = cexp(-2.0 * I * M_PI * hz / RATE);
    return cabs((f.b[0] + f.b[1] * z + f.b[2] * z * z) / (1.0 + f.a[0] * z + f.a[1] * z * z));
}

START_TEST(gains_agree_with_scipy) {
    golden *g = golden_open("dsp_filter");
    int64_t n;
    const float *hz = golden_get(g, "frequencies", &n);
    for (int64_t i = 0; i < n_cases(g); i++) {
        const float *wanted = numbered(g, "gain", i, NULL);
        dsp_biquad f = dsp_filter_design(filter_at(g, i), RATE);
        for (int64_t k = 0; k < n; k++) {
            double gain = gain_of(f, (double)hz[k]);
            ck_assert_double_eq_tol(gain, (double)wanted[k], 1e-6 * gain + 1e-9);
        }
    }
    golden_close(g);
}
END_TEST

static float *copy_of(golden *g, int64_t *n) {
    const float *x = golden_get(g, "x", n);
    float *y = base_alloc((size_t)*n, sizeof *y);
    memcpy(y, x, (size_t)*n * sizeof *y);
    return y;
}

START_TEST(sounds_agree_with_scipy) {
    golden *g = golden_open("dsp_filter");
    for (int64_t i = 0; i < n_cases(g); i++) {
        int64_t n;
        float *x = copy_of(g, &n);
        dsp_filter filter = filter_at(g, i);
        dsp_filter_apply((dsp_clip){x, 2, n / 2, RATE}, &filter, 1);
        test_close("y", x, numbered(g, "y", i, NULL), n, 1e-6, 1e-7);
        base_free(x);
    }
    golden_close(g);
}
END_TEST

START_TEST(several_run_in_turn) {
    golden *g = golden_open("dsp_filter");
    int64_t n;
    float *x = copy_of(g, &n);
    const float *turn = golden_get(g, "turn", NULL);
    dsp_filter filters[3];
    for (int i = 0; i < 3; i++) filters[i] = filter_at(g, (int64_t)turn[i]);
    dsp_filter_apply((dsp_clip){x, 2, n / 2, RATE}, filters, 3);
    test_close("y", x, golden_get(g, "y_turn", NULL), n, 1e-6, 1e-7);
    base_free(x);
    golden_close(g);
}
END_TEST

/* The poles stay within the unit circle whatever is asked for. */
START_TEST(is_stable) {
    const double hz[] = {1e-3, 10, 1000, 22000, 22050, 96000}, q[] = {0.1, 0.7, 20};
    const double db[] = {-30, 0, 30};
    for (int i = 0; i < 5 * 6 * 3 * 3; i++) {
        dsp_filter f = {(dsp_filter_kind)(i % 5), hz[i / 5 % 6], q[i / 30 % 3], db[i / 90]};
        dsp_biquad b = dsp_filter_design(f, RATE);
        ck_assert_double_lt(fabs(b.a[1]), 1.0);
        ck_assert_double_lt(fabs(b.a[0]), 1.0 + b.a[1]);
    }
}
END_TEST

START_TEST(rings_to_an_end) {
    enum { N = 20000 };
    static float x[N];
    dsp_filter filter = {DSP_FILTER_LOW_SHELF, 60.0, M_SQRT1_2, 9.0};
    memset(x, 0, sizeof x);
    x[0] = 1.0f;
    dsp_filter_apply((dsp_clip){x, 1, N, RATE}, &filter, 1);
    ck_assert(x[1000] != 0.0f);
    for (int i = 8000; i < N; i++) ck_assert_float_eq(x[i], 0.0f);
}
END_TEST

TEST_MAIN("dsp/filter", gains_agree_with_scipy, sounds_agree_with_scipy, several_run_in_turn,
          is_stable, rings_to_an_end)
