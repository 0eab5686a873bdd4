#include <complex.h>
#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "dsp/effects.h"
#include "dsp/fft.h"
#include "tests/test.h"

enum { N = 16384 };

/* A quiet square wave; a multiple of its period long in each channel. */
static void fill(float *x, int64_t n) {
    for (int64_t i = 0; i < n; i++) x[i] = i / 32 % 2 == 0 ? 0.25f : -0.25f;
}

/* Adds noise to x[2 N] and leaves the noise alone in it. */
static void isolate(dsp_noise_kind kind, double snr_db, uint64_t seed, float *x) {
    float *clean = base_alloc((size_t)2 * N, sizeof *clean);
    base_rng rng = base_rng_open(seed, BASE_RNG_TEST, 0, 0);
    base_error err;
    fill(clean, (int64_t)2 * N);
    memcpy(x, clean, (size_t)2 * N * sizeof *x);
    TEST_OK(dsp_noise((dsp_clip){x, 2, N, 44100.0}, kind, snr_db, &rng, &err), err);
    for (int i = 0; i < 2 * N; i++) x[i] -= clean[i];
    base_free(clean);
}

static double power_of(const float *x, int64_t n) {
    double sum = 0.0;
    for (int64_t i = 0; i < n; i++) sum += (double)x[i] * (double)x[i];
    return sum / (double)n;
}

START_TEST(the_ratio_is_exact) {
    float *x = base_alloc((size_t)2 * N, sizeof *x);
    for (int kind = DSP_NOISE_WHITE; kind <= DSP_NOISE_PINK; kind++) {
        for (double snr_db = -10.0; snr_db <= 40.0; snr_db += 25.0) {
            isolate((dsp_noise_kind)kind, snr_db, 1, x);
            double got = 10.0 * log10(0.0625 / power_of(x, (int64_t)2 * N));
            ck_assert_double_eq_tol(got, snr_db, 1e-3);
        }
    }
    base_free(x);
}
END_TEST

enum { N_CLIPS = 64, FIRST_BIN = 16, OCTAVES = 9 };

/* Sums over clips: energies by octave, from FIRST_BIN on, and of both ends. */
typedef struct {
    double octaves[OCTAVES], start, end;
} noise_energies;

/* The sine is a window, which keeps strong low bins out of the others. */
static void add_octaves(const dsp_fft *fft, const float *x, double octaves[OCTAVES]) {
    double *wide = base_alloc(N, sizeof *wide);
    double complex *X = base_alloc(N / 2 + 1, sizeof *X);
    for (int i = 0; i < N; i++) wide[i] = (double)x[i] * sin(M_PI * i / N);
    dsp_fft_forward(fft, wide, X);
    for (int i = 0; i < OCTAVES; i++) {
        for (int64_t k = FIRST_BIN << i; k < FIRST_BIN << (i + 1); k++) {
            octaves[i] += pow(cabs(X[k]), 2.0);
        }
    }
    base_free(wide);
    base_free(X);
}

static noise_energies measure(dsp_noise_kind kind) {
    enum { END = 256 };
    noise_energies sum = {0};
    float *x = base_alloc((size_t)2 * N, sizeof *x);
    dsp_fft *fft;
    base_error err;
    TEST_OK(dsp_fft_new(N, &fft, &err), err);
    for (uint64_t clip = 0; clip < N_CLIPS; clip++) {
        isolate(kind, 0.0, 100 + clip, x);
        for (int c = 0; c < 2; c++) {
            add_octaves(fft, x + c * N, sum.octaves);
            sum.start += power_of(x + c * N, END);
            sum.end += power_of(x + (c + 1) * N - END, END);
        }
    }
    dsp_fft_free(fft);
    base_free(x);
    return sum;
}

START_TEST(white_rises_by_octave_and_pink_does_not) {
    for (int kind = DSP_NOISE_WHITE; kind <= DSP_NOISE_PINK; kind++) {
        noise_energies sum = measure((dsp_noise_kind)kind);
        for (int i = 1; i < OCTAVES; i++) {
            double rise_db = 10.0 * log10(sum.octaves[i] / sum.octaves[i - 1]);
            ck_assert_double_eq_tol(rise_db, kind == DSP_NOISE_WHITE ? 3.01 : 0.0, 0.4);
        }
        ck_assert_double_eq_tol(10.0 * log10(sum.start / sum.end), 0.0, 0.4);
    }
}
END_TEST

START_TEST(samples_are_normal_and_channels_independent) {
    float *x = base_alloc((size_t)2 * N, sizeof *x);
    isolate(DSP_NOISE_WHITE, 0.0, 3, x);
    double deviation = sqrt(power_of(x, N)), within = 0.0, fourth = 0.0, product = 0.0;
    for (int i = 0; i < N; i++) {
        double z = (double)x[i] / deviation;
        within += fabs(z) < 1.0 ? 1.0 / N : 0.0;
        fourth += z * z * z * z / N;
        product += z * (double)x[N + i] / deviation / N;
    }
    ck_assert_double_eq_tol(within, 0.6827, 0.02);
    ck_assert_double_eq_tol(fourth, 3.0, 0.2);
    ck_assert_double_eq_tol(product, 0.0, 0.03);
    base_free(x);
}
END_TEST

START_TEST(the_stream_decides) {
    float *a = base_alloc((size_t)2 * N, sizeof *a), *b = base_alloc((size_t)2 * N, sizeof *b);
    isolate(DSP_NOISE_PINK, 10.0, 4, a);
    isolate(DSP_NOISE_PINK, 10.0, 4, b);
    ck_assert_mem_eq(a, b, (size_t)2 * N * sizeof *a);
    isolate(DSP_NOISE_PINK, 10.0, 5, b);
    ck_assert(memcmp(a, b, (size_t)2 * N * sizeof *a) != 0);
    base_free(a);
    base_free(b);
}
END_TEST

START_TEST(silence_and_shortest_clips) {
    float silence[3] = {0}, one[1] = {0.5f};
    base_rng rng = base_rng_open(1, BASE_RNG_TEST, 0, 0);
    base_error err;
    TEST_OK(dsp_noise((dsp_clip){silence, 1, 3, 44100.0}, DSP_NOISE_PINK, 0.0, &rng, &err), err);
    ck_assert(silence[0] == 0.0f && silence[1] == 0.0f && silence[2] == 0.0f);
    TEST_OK(dsp_noise((dsp_clip){one, 1, 1, 44100.0}, DSP_NOISE_WHITE, 20.0, &rng, &err), err);
    ck_assert_float_eq_tol(fabsf(one[0] - 0.5f), 0.05f, 1e-6f);
    TEST_OK(dsp_noise((dsp_clip){one, 1, 0, 44100.0}, DSP_NOISE_WHITE, 20.0, &rng, &err), err);
}
END_TEST

TEST_MAIN("dsp/noise", the_ratio_is_exact, white_rises_by_octave_and_pink_does_not,
          samples_are_normal_and_channels_independent, the_stream_decides,
          silence_and_shortest_clips)
