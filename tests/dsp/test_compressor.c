#include "dsp/compressor.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "tests/golden.h"
#include "tests/test.h"

#define RATE 44100.0

START_TEST(agrees_with_the_paper) {
    golden *g = golden_open("dsp_compressor");
    int64_t n, shape[8];
    const float *x = golden_get(g, "x", &n), *cases = golden_get(g, "cases", NULL);
    float *y = base_alloc((size_t)n, sizeof *y);
    golden_shape(g, "cases", shape);
    for (int64_t i = 0; i < shape[0]; i++) {
        const float *c = cases + 5 * i;
        char name[32];
        snprintf(name, sizeof name, "y%lld", (long long)i);
        memcpy(y, x, (size_t)n * sizeof *y);
        dsp_compress((dsp_clip){y, 2, n / 2, RATE}, (dsp_compressor){.threshold_db = (double)c[0],
                                                                     .ratio = (double)c[1],
                                                                     .knee_db = (double)c[2],
                                                                     .attack_s = (double)c[3],
                                                                     .release_s = (double)c[4]});
        test_close(name, y, golden_get(g, name, NULL), n, 1e-5, 1e-7);
    }
    base_free(y);
    golden_close(g);
}
END_TEST

/* A steady tone 20 dB over the threshold comes out 20 dB / ratio over it, beside a softer part that
 * stays. */
START_TEST(reduces_by_the_ratio) {
    enum { N = 40000 };
    static float x[N];
    for (int i = 0; i < N; i++) x[i] = (i < N / 2 ? 1.0f : 0.01f) * (i % 2 ? 0.5f : -0.5f);
    dsp_compress((dsp_clip){x, 1, N, RATE}, (dsp_compressor){-20.0, 4.0, 6.0, 0.0001, 0.001});
    double step_db = 20.0 * log10((double)(x[N / 2 - 1] / x[N - 1]));
    ck_assert_double_eq_tol(step_db, 40.0 - 15.0, 0.01);
}
END_TEST

START_TEST(keeps_the_peak) {
    float x[1000];
    for (int i = 0; i < 1000; i++) x[i] = 0.7f * expf(-(float)i / 100.0f) * (i % 2 ? 1.0f : -1.0f);
    dsp_compress((dsp_clip){x, 1, 1000, RATE}, (dsp_compressor){-30.0, 8.0, 6.0, 0.001, 0.1});
    float peak = 0.0f;
    for (int i = 0; i < 1000; i++) peak = fmaxf(peak, fabsf(x[i]));
    ck_assert_float_eq_tol(peak, 0.7f, 1e-6f);
}
END_TEST

START_TEST(silence_stays) {
    float x[100] = {0};
    dsp_compress((dsp_clip){x, 2, 50, RATE}, (dsp_compressor){-30.0, 8.0, 6.0, 0.001, 0.1});
    for (int i = 0; i < 100; i++) ck_assert_float_eq(x[i], 0.0f);
    dsp_compress((dsp_clip){x, 1, 0, RATE}, (dsp_compressor){-30.0, 8.0, 6.0, 0.001, 0.1});
}
END_TEST

TEST_MAIN("dsp/compressor", agrees_with_the_paper, reduces_by_the_ratio, keeps_the_peak,
          silence_stays)
