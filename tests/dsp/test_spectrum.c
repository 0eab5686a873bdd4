#include <float.h>
#include <math.h>

#include "base/arena.h"
#include "base/rng.h"
#include "dsp/fft.h"
#include "dsp/kernels.h"
#include "dsp/spectrum.h"
#include "dsp/stft.h"
#include "tests/test.h"

enum { LONGEST = 65536 };

/* A Hann window, and FFTW's transform of what it makes of x. */
static void transform(const float *x, int64_t n, double *window, double complex *X) {
    dsp_fft *fft;
    base_error err;
    double *frame = base_alloc((size_t)n, sizeof *frame);
    for (int64_t i = 0; i < n; i++) {
        window[i] = 0.5 - 0.5 * cos(2.0 * M_PI * (double)i / (double)n);
        frame[i] = window[i] * (double)x[i];
    }
    TEST_OK(dsp_fft_new(n, &fft, &err), err);
    dsp_fft_forward(fft, frame, X);
    dsp_fft_free(fft);
    base_free(frame);
}

/* Each bin is the double transform's, rounded to float, and its power as well. */
static void check(const float *x, int64_t n) {
    dsp_spectrum *spectrum;
    base_error err;
    double *window = base_alloc((size_t)n, sizeof *window);
    double complex *X = base_alloc((size_t)n / 2 + 1, sizeof *X);
    float complex *bins = base_alloc((size_t)n / 2 + 2, sizeof *bins);
    float *power = base_alloc((size_t)n / 2 + 2, sizeof *power);
    transform(x, n, window, X);
    TEST_OK(dsp_spectrum_new(window, n, &spectrum, &err), err);
    double *scratch = base_alloc((size_t)dsp_spectrum_scratch(spectrum), sizeof *scratch);
    bins[n / 2 + 1] = power[n / 2 + 1] = 7.0f;
    dsp_spectrum_bins(spectrum, x, scratch, bins);
    dsp_spectrum_power(spectrum, x, scratch, power);
    double energy = 0.0;
    for (int64_t i = 0; i < n; i++) energy += pow(window[i] * (double)x[i], 2.0);
    double rounding = 4.0 * DBL_EPSILON * sqrt(energy * log2((double)n));
    for (int64_t k = 0; k <= n / 2; k++) {
        double size = cabs(X[k]);
        if (!(cabs((double complex)bins[k] - X[k]) <= rounding + 6e-8 * size)) {
            ck_abort_msg("bin %lld of %lld", (long long)k, (long long)n);
        }
        double off = fabs((double)power[k] - size * size);
        if (!(off <= rounding * (2.0 * size + rounding) + 6e-8 * size * size + (double)FLT_MIN)) {
            ck_abort_msg("power of bin %lld of %lld", (long long)k, (long long)n);
        }
    }
    ck_assert(crealf(bins[n / 2 + 1]) == 7.0f && power[n / 2 + 1] == 7.0f);
    dsp_spectrum_free(spectrum);
    base_free(scratch);
    base_free(window);
    base_free(X);
    base_free(bins);
    base_free(power);
}

START_TEST(agrees_with_fftw) {
    if (dsp_kernels()->spectrum_power == NULL) return;
    float *x = base_alloc(LONGEST, sizeof *x);
    base_rng rng = base_rng_open(1, BASE_RNG_TEST, 0, 0);
    for (int64_t i = 0; i < LONGEST; i++) x[i] = base_rng_normal(&rng);
    for (int64_t n = 64; n <= LONGEST; n *= 2) check(x, n);
    base_free(x);
}
END_TEST

/* A tone at bin 40, noise 120 dB below: its bins are as exact as the tone's. */
START_TEST(quiet_bins_beside_a_loud_one_are_exact) {
    enum { N = 2048 };
    if (dsp_kernels()->spectrum_power == NULL) return;
    float x[N];
    base_rng rng = base_rng_open(2, BASE_RNG_TEST, 0, 0);
    for (int i = 0; i < N; i++) {
        x[i] = cosf(2.0f * (float)M_PI * 40.0f * (float)i / (float)N);
        x[i] += 1e-6f * base_rng_normal(&rng);
    }
    check(x, N);
}
END_TEST

START_TEST(other_lengths_are_left_to_the_fft) {
    const int64_t lengths[] = {0, 1, 32, 63, 65, 96, 2000, 44100};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        ck_assert(!dsp_spectrum_fits(lengths[i]));
    }
    dsp_spectrum_free(NULL);
}
END_TEST

/* Both ways of an STFT's frame to its powers agree, with and without a spectrum of its length. */
START_TEST(powers_of_frames_are_their_bins) {
    const int64_t lengths[] = {96, 128};
    float x[1000];
    base_rng rng = base_rng_open(3, BASE_RNG_TEST, 0, 0);
    for (int i = 0; i < 1000; i++) x[i] = base_rng_normal(&rng);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        dsp_stft *stft;
        base_error err;
        dsp_stft_options options = {
            .n_fft = lengths[i], .hop = 50, .win_length = 80, .centered = true};
        TEST_OK(dsp_stft_new(&options, &stft, &err), err);
        size_t n_bytes = dsp_stft_scratch_bytes(stft);
        void *one = base_alloc(1, n_bytes), *other = base_alloc(1, n_bytes);
        for (int64_t t = 0; t < dsp_stft_frames(stft, 1000); t++) {
            const float complex *bins = dsp_stft_frame(stft, x, 1000, t, one);
            const float *power = dsp_stft_power(stft, x, 1000, t, other);
            for (int64_t k = 0; k <= lengths[i] / 2; k++) {
                float size = cabsf(bins[k]);
                ck_assert_float_eq_tol(power[k], size * size, 1e-5f * (1.0f + size * size));
            }
        }
        base_free(one);
        base_free(other);
        dsp_stft_free(stft);
    }
}
END_TEST

TEST_MAIN("dsp/spectrum", agrees_with_fftw, quiet_bins_beside_a_loud_one_are_exact,
          other_lengths_are_left_to_the_fft, powers_of_frames_are_their_bins)
