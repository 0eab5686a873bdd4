#include <complex.h>
#include <float.h>
#include <math.h>
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

START_TEST(turns_are_accurate) {
    enum { N_TURNS = 10007 };
    static float x[N_TURNS];
    static double complex y[N_TURNS];
    for (int i = 0; i < N_TURNS; i++) x[i] = (float)i / (float)(N_TURNS - 1);
    for (int n = N_TURNS; n > N_TURNS - 20; n--) {
        y[n - 1] = 7.0;
        if (n < N_TURNS) y[n] = 7.0;
        dsp_kernels_at(levels[_i])->turn(x, y, n);
        for (int i = 0; i < n; i++) {
            double complex truth = cexp(6.283185307179586 * (double)x[i] * I);
            if (!(cabs(y[i] - truth) <= 1.5e-7)) ck_abort_msg("%g of a turn", (double)x[i]);
        }
        if (n < N_TURNS) ck_assert(creal(y[n]) == 7.0);
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
    tcase_add_loop_test(tcase, turns_are_accurate, 0, 3);
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
