#include <complex.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "dsp/kernels.h"
#include "tests/test.h"

/* Every level this processor runs; a level it lacks gives a lower one again. */
static const int levels[] = {2, 3, 4};

static void fill(float *x, int64_t n) {
    base_rng rng = base_rng_open(1, BASE_RNG_TEST, 0, 0);
    for (int64_t i = 0; i < n; i++) x[i] = base_rng_normal(&rng);
}

START_TEST(the_level_can_be_lowered) {
    const char *level = dsp_kernels_at(2)->level;
    ck_assert(strcmp(level, "v2") == 0 || strcmp(level, "v0") == 0);
    ck_assert_ptr_eq(dsp_kernels_at(99), dsp_kernels());
}
END_TEST

START_TEST(decibels_are_close) {
    const dsp_kernels_table *k = dsp_kernels_at(levels[_i]);
    for (int exponent = -100; exponent < 120; exponent++) {
        float x[37], y[37];
        for (int i = 0; i < 37; i++) x[i] = ldexpf(1.0f + (float)i / 37.0f, exponent);
        k->decibels(x, FLT_MIN, y, 37);
        for (int i = 0; i < 37; i++) {
            double exact = 10.0 * log10((double)x[i]);
            ck_assert_double_eq_tol((double)y[i], exact, 1e-6 + 3e-7 * fabs(exact));
        }
    }
    float x[4] = {0.0f, 1e-12f, INFINITY, NAN}, y[4];
    k->decibels(x, 1e-10f, y, 4);
    ck_assert_float_eq_tol(y[0], -100.0f, 1e-4f);
    ck_assert_float_eq(y[1], y[0]);
    ck_assert(isinf(y[2]) && isnan(y[3]));
}
END_TEST

START_TEST(soft_clip_is_tanh) {
    enum { N_PLACES = 20011 };
    static float x[N_PLACES + 1], y[N_PLACES + 1];
    for (int i = 0; i < N_PLACES; i++) {
        float size = ldexpf(1.0f + (float)(i % 101) / 101.0f, i % 29 - 20);
        x[i] = y[i] = i % 2 == 0 ? size : -size;
    }
    x[0] = y[0] = INFINITY;
    y[N_PLACES] = 7.0f;
    dsp_kernels_at(levels[_i])->soft_clip(y, 0.5f, 3.0f, N_PLACES);
    for (int i = 0; i < N_PLACES; i++) {
        double exact = 3.0 * tanh(0.5 * (double)x[i]);
        ck_assert_double_eq_tol((double)y[i], exact, 4e-7 * fabs(exact));
    }
    ck_assert(y[N_PLACES] == 7.0f);
    float odd[2] = {NAN, 0.0f};
    dsp_kernels_at(levels[_i])->soft_clip(odd, 1.0f, 1.0f, 2);
    ck_assert(isnan(odd[0]) && odd[1] == 0.0f);
}
END_TEST

START_TEST(normals_follow_from_their_uniforms) {
    enum { N_MOST = 1024, N_STEPS = 499 };
    const dsp_kernels_table *k = dsp_kernels_at(levels[_i]);
    float u[N_MOST], y[N_MOST + 1];
    for (int n = N_MOST; n >= 0; n -= n > 40 ? 82 : 2) {
        int half = n / 2;
        for (int i = 0; i < half; i++) {
            u[i] = i % 8 == 3 ? 0x1.fffffep-1f : (float)(i % N_STEPS) / (float)N_STEPS;
            u[half + i] = i % 8 == 5 ? 0x1.fffffep-1f : (float)(7 * i % N_STEPS) / (float)N_STEPS;
        }
        y[n] = 7.0f;
        k->normal(u, y, n);
        for (int i = 0; i < half; i++) {
            double radius = sqrt(-2.0 * log1p(-(double)u[i]));
            double complex truth = radius * cexp(2.0 * M_PI * (double)u[half + i] * I);
            double complex got = (double)y[i] + (double)y[half + i] * I;
            if (!(cabs(got - truth) <= 2e-6)) ck_abort_msg("pair %d of %d", i, half);
        }
        ck_assert(y[n] == 7.0f);
    }
}
END_TEST

static int by_value(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

enum { N_NORMALS = 1 << 18 };

static void draw_normals(const dsp_kernels_table *k, float *y) {
    float u[512];
    base_rng rng = base_rng_open(1, BASE_RNG_TEST, 0, 0);
    for (int i = 0; i < N_NORMALS; i += 512) {
        base_rng_fill_uniform(&rng, u, 512);
        k->normal(u, y + i, 512);
    }
}

/* scipy.stats.norm.cdf at these places; counts within five standard deviations. The largest
 * distance of the two distributions exceeds kstwobign.isf(0.01) / sqrt(n) once in a hundred
 * streams. */
START_TEST(normals_are_normally_distributed) {
    static const struct {
        double x, below;
    } cdf[] = {
        {-4.0, 3.167124183311986e-05}, {-3.0, 0.0013498980316300933}, {-2.0, 0.022750131948179195},
        {-1.0, 0.15865525393145707},   {-0.5, 0.3085375387259869},    {0.0, 0.5},
        {0.5, 0.6914624612740131},     {1.0, 0.8413447460685429},     {2.0, 0.9772498680518208},
        {3.0, 0.9986501019683699},     {4.0, 0.9999683287581669}};
    static float y[N_NORMALS];
    draw_normals(dsp_kernels_at(levels[_i]), y);
    qsort(y, N_NORMALS, sizeof *y, by_value);
    int at = 0;
    for (size_t c = 0; c < sizeof cdf / sizeof *cdf; c++) {
        while (at < N_NORMALS && (double)y[at] < cdf[c].x) at++;
        double expected = N_NORMALS * cdf[c].below;
        double deviation = sqrt(expected * (1.0 - cdf[c].below));
        ck_assert_double_eq_tol(at, expected, 5.0 * deviation);
    }
    double distance = 0.0;
    for (int i = 0; i < N_NORMALS; i++) {
        double exact = 0.5 * erfc(-(double)y[i] * M_SQRT1_2);
        distance = fmax(distance, fabs(exact - (double)i / N_NORMALS));
        distance = fmax(distance, fabs(exact - (double)(i + 1) / N_NORMALS));
    }
    ck_assert_double_lt(distance, 1.6276236 / sqrt(N_NORMALS));
}
END_TEST

/* Mean products, of the numbers and of their squares, at these distances; 256: of one pair. */
START_TEST(normals_are_independent) {
    static const int lags[] = {1, 2, 8, 255, 256, 257, 512};
    static float y[N_NORMALS];
    draw_normals(dsp_kernels_at(levels[_i]), y);
    double mean = 0.0, moment[5] = {0.0};
    for (int i = 0; i < N_NORMALS; i++) {
        double z = (double)y[i];
        mean += z / N_NORMALS;
        for (int j = 2; j <= 4; j++) moment[j] += pow(z, j) / N_NORMALS;
    }
    ck_assert_double_eq_tol(mean, 0.0, 5.0 / sqrt(N_NORMALS));
    ck_assert_double_eq_tol(moment[2], 1.0, 5.0 * sqrt(2.0 / N_NORMALS));
    ck_assert_double_eq_tol(moment[3], 0.0, 5.0 * sqrt(15.0 / N_NORMALS));
    ck_assert_double_eq_tol(moment[4], 3.0, 5.0 * sqrt(96.0 / N_NORMALS));
    for (size_t l = 0; l < sizeof lags / sizeof *lags; l++) {
        double product = 0.0, squares = 0.0;
        for (int i = lags[l]; i < N_NORMALS; i++) {
            double a = (double)y[i], b = (double)y[i - lags[l]];
            product += a * b / N_NORMALS;
            squares += (a * a - 1.0) * (b * b - 1.0) / N_NORMALS;
        }
        ck_assert_double_eq_tol(product, 0.0, 5.0 / sqrt(N_NORMALS));
        ck_assert_double_eq_tol(squares, 0.0, 5.0 * 2.0 / sqrt(N_NORMALS));
    }
}
END_TEST

START_TEST(dot_takes_any_length) {
    const dsp_kernels_table *k = dsp_kernels_at(levels[_i]);
    float a[80], b[80];
    fill(a, 80);
    fill(b, 80);
    for (int n = 0; n <= 79; n++) {
        double sum = 0.0;
        for (int i = 0; i < n; i++) sum += (double)a[i + 1] * (double)b[i];
        ck_assert_double_eq_tol((double)k->dot(a + 1, b, n), sum, 1e-5);
    }
}
END_TEST

START_TEST(element_wise_loops_take_any_length) {
    const dsp_kernels_table *k = dsp_kernels_at(levels[_i]);
    for (int n = 0; n < 20; n++) {
        float x[40], real[21], power[21];
        double w[21], wide[21];
        double complex spectrum[21];
        float complex narrow[21];
        fill(x, 40);
        real[n] = power[n] = 7.0f;
        wide[n] = 7.0;
        for (int i = 0; i < n; i++) {
            w[i] = 0.1 * i;
            spectrum[i] = (double)x[i] + (double)x[20 + i] * I;
        }
        k->window(x, w, wide, n);
        k->narrow(spectrum, narrow, n);
        k->power(narrow, power, n);
        for (int i = 0; i < n; i++) {
            ck_assert(wide[i] == w[i] * (double)x[i]);
            ck_assert(crealf(narrow[i]) == x[i] && cimagf(narrow[i]) == x[20 + i]);
            ck_assert_float_eq_tol(power[i], x[i] * x[i] + x[20 + i] * x[20 + i], 1e-5f);
        }
        ck_assert(real[n] == 7.0f && power[n] == 7.0f && wide[n] == 7.0);
    }
}
END_TEST

/* With filters that draw a straight line between neighbours, a ramp is read exactly. */
START_TEST(places_are_read) {
    const dsp_kernels_table *k = dsp_kernels_at(levels[_i]);
    float x[64], table[5 * 8] = {0}, y[30];
    for (int i = 0; i < 64; i++) x[i] = (float)(3 * i);
    for (int p = 0; p <= 4; p++) {
        table[p * 8 + 3] = 1.0f - (float)p / 4.0f;
        table[p * 8 + 4] = (float)p / 4.0f;
    }
    dsp_reading reading = {
        .x = x, .table = table, .n_phases = 4, .n_taps = 8, .start = 10.3, .step = 1.37};
    k->read(&reading, y, 30);
    for (int i = 0; i < 30; i++) {
        ck_assert_double_eq_tol((double)y[i], 3.0 * (10.3 + 1.37 * i), 1e-4);
    }
}
END_TEST

int main(void) {
    TCase *tcase = tcase_create("dsp/kernels");
    Suite *suite = suite_create("dsp/kernels");
    tcase_add_test(tcase, the_level_can_be_lowered);
    tcase_add_loop_test(tcase, decibels_are_close, 0, 3);
    tcase_add_loop_test(tcase, soft_clip_is_tanh, 0, 3);
    tcase_add_loop_test(tcase, normals_follow_from_their_uniforms, 0, 3);
    tcase_add_loop_test(tcase, normals_are_normally_distributed, 0, 3);
    tcase_add_loop_test(tcase, normals_are_independent, 0, 3);
    tcase_add_loop_test(tcase, dot_takes_any_length, 0, 3);
    tcase_add_loop_test(tcase, element_wise_loops_take_any_length, 0, 3);
    tcase_add_loop_test(tcase, places_are_read, 0, 3);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed == 0 ? 0 : 1;
}
