#include <complex.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "dsp/stft.h"
#include "tests/golden.h"
#include "tests/test.h"

typedef struct {
    float *bins; /* [n_bins, n_frames, 2] */
    int64_t n_bins, n_frames;
} collector;

/* Runs with scratch of exactly the size asked for. The caller frees c.bins. */
static collector run(const dsp_stft_options *options, const float *x, int64_t n) {
    dsp_stft *stft;
    base_error err;
    TEST_OK(dsp_stft_new(options, &stft, &err), err);
    collector c = {.n_bins = options->n_fft / 2 + 1, .n_frames = dsp_stft_frames(stft, n)};
    c.bins = base_alloc((size_t)(c.n_bins * c.n_frames + 1), 2 * sizeof *c.bins);
    void *scratch = base_alloc(1, dsp_stft_scratch_bytes(stft));
    memset(scratch, 0xFF, dsp_stft_scratch_bytes(stft));
    for (int64_t t = 0; t < c.n_frames; t++) {
        const float complex *bins = dsp_stft_frame(stft, x, n, t, scratch);
        for (int64_t k = 0; k < c.n_bins; k++) {
            c.bins[2 * (k * c.n_frames + t)] = crealf(bins[k]);
            c.bins[2 * (k * c.n_frames + t) + 1] = cimagf(bins[k]);
        }
    }
    base_free(scratch);
    dsp_stft_free(stft);
    return c;
}

START_TEST(agrees_with_librosa) {
    golden *g = golden_open("dsp_stft");
    for (int i = 0; i < 7; i++) {
        char name[32];
        int64_t n, shape[8];
        snprintf(name, sizeof name, "options%d", i);
        const float *o = golden_get(g, name, NULL);
        dsp_stft_options options = {.n_fft = (int64_t)o[0],
                                    .hop = (int64_t)o[1],
                                    .win_length = (int64_t)o[2],
                                    .window = (dsp_window_kind)o[3],
                                    .centered = o[4] != 0.0f,
                                    .pad = o[5] != 0.0f ? DSP_PAD_ZERO : DSP_PAD_REFLECT};
        snprintf(name, sizeof name, "x%d", i);
        const float *x = golden_get(g, name, &n);
        collector c = run(&options, x, n);
        snprintf(name, sizeof name, "X%d", i);
        golden_shape(g, name, shape);
        ck_assert_int_eq(shape[0], c.n_bins);
        ck_assert_int_eq(shape[1], c.n_frames);
        test_close(name, c.bins, golden_get(g, name, NULL), 2 * c.n_bins * c.n_frames, 1e-6, 1e-6);
        base_free(c.bins);
    }
    golden_close(g);
}
END_TEST

START_TEST(windows_agree_with_scipy) {
    golden *g = golden_open("dsp_stft");
    const char *const names[] = {"hann", "hamming", "boxcar"};
    const int sizes[] = {1, 2, 15, 16};
    for (int w = 0; w < 3; w++) {
        for (int s = 0; s < 4; s++) {
            char name[32];
            float window[16];
            snprintf(name, sizeof name, "%s%d", names[w], sizes[s]);
            dsp_window((dsp_window_kind)w, sizes[s], window);
            test_close(name, window, golden_get(g, name, NULL), sizes[s], 1e-7, 1e-7);
        }
    }
    golden_close(g);
}
END_TEST

START_TEST(hann_windows_overlap_to_a_constant) {
    float window[64], sum[16] = {0};
    dsp_window(DSP_HANN, 64, window);
    for (int i = 0; i < 64; i++) sum[i % 16] += window[i];
    for (int i = 0; i < 16; i++) ck_assert_float_eq_tol(sum[i], 2.0f, 1e-6f);
}
END_TEST

/* Far from a loud tone there is only the rounding of the samples, which a transform in single
 * precision would bury. */
START_TEST(a_quiet_band_survives_a_loud_one) {
    enum { N = 2048 };
    const double turn = 2.0 * 3.14159265358979323846 / N;
    float *x = base_alloc(N, sizeof *x);
    for (int i = 0; i < N; i++) x[i] = (float)sin(turn * i * 40.37);
    dsp_stft_options options = {.n_fft = N, .hop = N, .win_length = N};
    collector c = run(&options, x, N);
    for (int64_t k = 400; k < 1000; k += 50) {
        double complex exact = 0.0;
        for (int64_t i = 0; i < N; i++) {
            double angle = turn * (double)(i * k % N);
            exact += (double)x[i] * (0.5 - 0.5 * cos(turn * (double)i)) * cexp(-I * angle);
        }
        double complex got = (double)c.bins[2 * k] + (double)c.bins[2 * k + 1] * I;
        ck_assert_double_lt(cabs(exact), 1e-4);
        ck_assert_double_lt(cabs(got - exact), 1e-4 * cabs(exact));
    }
    base_free(c.bins);
    base_free(x);
}
END_TEST

START_TEST(one_sample_and_not_a_number) {
    dsp_stft_options options = {.n_fft = 8, .hop = 2, .win_length = 8, .centered = true};
    float x[3] = {NAN, INFINITY, 1.0f};
    collector c = run(&options, x, 3);
    ck_assert_int_eq(c.n_frames, 2);
    ck_assert(isnan(c.bins[0]));
    base_free(c.bins);
    c = run(&options, x + 2, 1);
    ck_assert_int_eq(c.n_frames, 1);
    ck_assert_float_eq_tol(c.bins[0], 4.0f, 1e-6f);
    base_free(c.bins);
    c = run(&options, x, 0);
    ck_assert_int_eq(c.n_frames, 0);
    base_free(c.bins);
}
END_TEST

START_TEST(powers_of_silence_are_none) {
    enum { N = 300 };
    float x[N] = {0};
    x[1] = -0.0f;
    x[250] = 1e-45f;                                      /* the smallest there is */
    for (int64_t n_fft = 96; n_fft <= 128; n_fft += 32) { /* of both transforms */
        dsp_stft *stft;
        base_error err;
        dsp_stft_options options = {.n_fft = n_fft, .hop = 10, .win_length = n_fft};
        TEST_OK(dsp_stft_new(&options, &stft, &err), err);
        void *scratch = base_alloc(1, dsp_stft_scratch_bytes(stft));
        for (int64_t t = 0; t < dsp_stft_frames(stft, N); t++) {
            const float *power = dsp_stft_power(stft, x, N, t, scratch);
            ck_assert((power == NULL) == (10 * t > 250 || 10 * t + n_fft <= 250));
        }
        base_free(scratch);
        dsp_stft_free(stft);
    }
}
END_TEST

START_TEST(refuses_impossible_options) {
    dsp_stft *stft;
    base_error err;
    dsp_stft_options options = {.n_fft = 8, .hop = 2, .win_length = 9};
    TEST_FAILS(dsp_stft_new(&options, &stft, &err), BASE_ECONFIG, err, "win_length");
    options = (dsp_stft_options){.n_fft = 8, .hop = 0, .win_length = 8};
    TEST_FAILS(dsp_stft_new(&options, &stft, &err), BASE_ECONFIG, err, "hop");
    options = (dsp_stft_options){.n_fft = 0, .hop = 1, .win_length = 8};
    TEST_FAILS(dsp_stft_new(&options, &stft, &err), BASE_ECONFIG, err, "n_fft");
    dsp_stft_free(NULL);
}
END_TEST

TEST_MAIN("dsp/stft", agrees_with_librosa, windows_agree_with_scipy,
          hann_windows_overlap_to_a_constant, a_quiet_band_survives_a_loud_one,
          one_sample_and_not_a_number, powers_of_silence_are_none, refuses_impossible_options)
