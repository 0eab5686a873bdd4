#include <math.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/rng.h"
#include "dsp/fft.h"
#include "tests/golden.h"
#include "tests/test.h"

typedef struct {
    dsp_fft *fft;
    int64_t n, n_bins;
    double *x;
    double complex *X;
} fixture;

static fixture open_fixture(int64_t n) {
    base_error err;
    fixture f = {.n = n, .n_bins = n / 2 + 1};
    TEST_OK(dsp_fft_new(n, &f.fft, &err), err);
    ck_assert_int_eq(dsp_fft_size(f.fft), n);
    f.x = base_alloc((size_t)n, sizeof *f.x);
    f.X = base_alloc((size_t)f.n_bins, sizeof *f.X);
    return f;
}

static void close_fixture(fixture *f) {
    dsp_fft_free(f->fft);
    base_free(f->x);
    base_free(f->X);
}

static void fill(double *x, int64_t n, uint64_t seed) {
    base_rng rng = base_rng_open(seed, BASE_RNG_TEST, 0, 0);
    for (int64_t i = 0; i < n; i++) x[i] = (double)base_rng_normal(&rng);
}

START_TEST(agrees_with_numpy) {
    golden *g = golden_open("dsp_fft");
    const int sizes[] = {1, 2, 7, 16, 30, 64};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char name[32];
        fixture f = open_fixture(sizes[i]);
        snprintf(name, sizeof name, "x%d", sizes[i]);
        const float *x = golden_get(g, name, NULL);
        for (int64_t t = 0; t < f.n; t++) f.x[t] = (double)x[t];
        dsp_fft_forward(f.fft, f.x, f.X);
        float X[2 * 33];
        for (int64_t k = 0; k < f.n_bins; k++) {
            X[2 * k] = (float)creal(f.X[k]);
            X[2 * k + 1] = (float)cimag(f.X[k]);
        }
        snprintf(name, sizeof name, "X%d", sizes[i]);
        test_close(name, X, golden_get(g, name, NULL), 2 * f.n_bins, 1e-6, 1e-5);
        for (int64_t t = 0; t < f.n; t++) ck_assert(f.x[t] == (double)x[t]);
        close_fixture(&f);
    }
    golden_close(g);
}
END_TEST

START_TEST(inverse_restores) {
    const int64_t sizes[] = {1, 2, 3, 17, 441, 1000, 2048};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        fixture f = open_fixture(sizes[i]);
        double *original = base_alloc((size_t)f.n, sizeof *original);
        fill(original, f.n, 1);
        for (int64_t t = 0; t < f.n; t++) f.x[t] = original[t];
        dsp_fft_forward(f.fft, f.x, f.X);
        dsp_fft_inverse(f.fft, f.X, f.x);
        for (int64_t t = 0; t < f.n; t++) ck_assert_double_eq_tol(f.x[t], original[t], 1e-13);
        base_free(original);
        close_fixture(&f);
    }
}
END_TEST

START_TEST(keeps_energy) {
    fixture f = open_fixture(360);
    fill(f.x, f.n, 2);
    double energy = 0.0, spectral = 0.0;
    for (int64_t t = 0; t < f.n; t++) energy += f.x[t] * f.x[t];
    dsp_fft_forward(f.fft, f.x, f.X);
    for (int64_t k = 0; k < f.n_bins; k++) {
        bool single = k == 0 || 2 * k == f.n;
        spectral += (single ? 1.0 : 2.0) * pow(cabs(f.X[k]), 2.0) / (double)f.n;
    }
    ck_assert_double_eq_tol(spectral, energy, 1e-10 * energy);
    close_fixture(&f);
}
END_TEST

START_TEST(is_linear) {
    fixture f = open_fixture(100);
    double a[100], b[100];
    double complex A[51], B[51];
    fill(a, 100, 3);
    fill(b, 100, 4);
    for (int t = 0; t < 100; t++) f.x[t] = a[t];
    dsp_fft_forward(f.fft, f.x, f.X);
    for (int k = 0; k < 51; k++) A[k] = f.X[k];
    for (int t = 0; t < 100; t++) f.x[t] = b[t];
    dsp_fft_forward(f.fft, f.x, f.X);
    for (int k = 0; k < 51; k++) B[k] = f.X[k];
    for (int t = 0; t < 100; t++) f.x[t] = 2.0 * a[t] - 3.0 * b[t];
    dsp_fft_forward(f.fft, f.x, f.X);
    for (int k = 0; k < 51; k++) ck_assert(cabs(f.X[k] - (2.0 * A[k] - 3.0 * B[k])) < 1e-11);
    close_fixture(&f);
}
END_TEST

START_TEST(refuses_impossible_lengths) {
    dsp_fft *fft;
    base_error err;
    TEST_FAILS(dsp_fft_new(0, &fft, &err), BASE_ESHAPE, err, "length 0");
    TEST_FAILS(dsp_fft_new(INT64_MAX, &fft, &err), BASE_ESHAPE, err, "length 9");
    dsp_fft_free(NULL);
}
END_TEST

TEST_MAIN("dsp/fft", agrees_with_numpy, inverse_restores, keeps_energy, is_linear,
          refuses_impossible_lengths)
