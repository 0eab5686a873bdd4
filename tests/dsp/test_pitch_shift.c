#include <complex.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/rng.h"
#include "dsp/pitch_shift.h"
#include "tests/test.h"

#define TURN 6.283185307179586
#define RATE 44100.0

enum { N = 33000 };

static const double shifts[] = {-12.0, -3.0, -0.25, 0.5, 4.0, 12.0};
enum { N_SHIFTS = sizeof shifts / sizeof *shifts };

/* Shifts with scratch of exactly the size asked for, full of NaN. */
static void apply(dsp_pitch_kind kind, float *x, int64_t n_channels, int64_t n, double semitones) {
    dsp_pitch_shift *shift;
    base_error err;
    TEST_OK(dsp_pitch_shift_new(kind, n, 12.0, &shift, &err), err);
    size_t n_bytes = dsp_pitch_shift_scratch_bytes(shift);
    void *scratch = base_alloc(1, n_bytes);
    memset(scratch, 0xFF, n_bytes);
    dsp_pitch_shift_apply(shift, (dsp_clip){x, n_channels, n, RATE}, semitones, scratch);
    base_free(scratch);
    dsp_pitch_shift_free(shift);
}

static void fill_sine(float *x, double hz) {
    for (int i = 0; i < N; i++) x[i] = (float)(0.5 * sin(TURN * hz * i / RATE));
}

/* Amplitude of the wave of frequency `hz` in the middle of a span, Hann-windowed. */
static double amplitude_at(const float *x, int64_t begin, int64_t n, double hz) {
    double complex sum = 0.0;
    for (int64_t i = 0; i < n; i++) {
        double hann = 1.0 - cos(TURN * (double)i / (double)n);
        sum += (double)x[begin + i] * hann * cexp(-I * TURN * hz * (double)i / RATE);
    }
    return 2.0 * cabs(sum) / (double)n;
}

/* The wave at the shifted pitch is nearly all there is, and it is off by less than `cents`: half
 * that far to either side its amplitude falls alike. */
static void check_sine(const float *x, int64_t begin, int64_t n, double hz, double cents) {
    double at = amplitude_at(x, begin, n, hz), energy = 0.0;
    double below = amplitude_at(x, begin, n, hz - RATE / (double)n);
    double above = amplitude_at(x, begin, n, hz + RATE / (double)n);
    for (int64_t i = begin; i < begin + n; i++) energy += (double)x[i] * (double)x[i];
    ck_assert_double_eq_tol(at, 0.5, 0.02);
    ck_assert_double_eq_tol(sqrt(2.0 * energy / (double)n), 0.5, 0.02);
    /* Hann lobes one bin off: (above - below) / at = 4/3 of the offset in bins. */
    double offset_hz = 0.75 * (above - below) / at * RATE / (double)n;
    ck_assert_double_lt(fabs(1200.0 * log2((hz + offset_hz) / hz)), cents);
}

START_TEST(a_sine_moves_by_the_interval) {
    const double tones[] = {60.0, 440.0, 3000.0};
    float *x = base_alloc(N, sizeof *x);
    for (int i = 0; i < N_SHIFTS; i++) {
        for (int t = 0; t < 3; t++) {
            double hz = tones[t] * exp2(shifts[i] / 12.0);
            fill_sine(x, tones[t]);
            apply(DSP_PHASE_VOCODER, x, 1, N, shifts[i]);
            check_sine(x, 6000, 22050, hz, 2.0);
            fill_sine(x, tones[t]);
            apply(DSP_VARISPEED, x, 1, N, shifts[i]);
            check_sine(x, 1000, 14700, hz, 2.0);
        }
    }
    base_free(x);
}
END_TEST

START_TEST(attacks_stay_where_they_were) {
    const int clicks[] = {0, 5000, 14000, 23456};
    float *x = base_alloc(N, sizeof *x);
    for (int i = 0; i < N_SHIFTS; i++) {
        memset(x, 0, N * sizeof *x);
        for (int c = 0; c < 4; c++) x[clicks[c]] = 1.0f;
        apply(DSP_PHASE_VOCODER, x, 1, N, shifts[i]);
        for (int c = 0; c < 4; c++) {
            float peak = 0.0f, smear = 0.0f;
            for (int t = -1500; t < 1500; t++) {
                float level = clicks[c] + t < 0 ? 0.0f : fabsf(x[clicks[c] + t]);
                if (abs(t) <= 2) peak = fmaxf(peak, level);
                if (abs(t) > 100) smear = fmaxf(smear, level);
            }
            ck_assert_float_gt(peak, 0.4f);
            ck_assert_float_lt(smear, 0.02f);
        }
    }
    base_free(x);
}
END_TEST

START_TEST(varispeed_changes_the_duration) {
    float *x = base_alloc(N, sizeof *x);
    for (int c = 0; c < 2; c++) {
        double semitones = c == 0 ? 12.0 : -12.0;
        memset(x, 0, N * sizeof *x);
        x[10000] = 1.0f;
        apply(DSP_VARISPEED, x, 1, N, semitones);
        int64_t loudest = 0;
        for (int i = 0; i < N; i++) loudest = fabsf(x[i]) > fabsf(x[loudest]) ? i : loudest;
        ck_assert_int_eq(loudest, c == 0 ? 5000 : 20000);
    }
    for (int i = 0; i < N; i++) x[i] = 1.0f;
    apply(DSP_VARISPEED, x, 1, N, 12.0);
    for (int i = 100; i < N / 2 - 100; i++) ck_assert_float_eq_tol(x[i], 1.0f, 1e-3f);
    for (int i = N / 2; i < N; i++) ck_assert_float_eq(x[i], 0.0f);
    base_free(x);
}
END_TEST

START_TEST(nothing_folds_back) {
    float *x = base_alloc(N, sizeof *x);
    for (int kind = DSP_PHASE_VOCODER; kind <= DSP_VARISPEED; kind++) {
        fill_sine(x, 15000.0);
        apply((dsp_pitch_kind)kind, x, 1, N, 12.0);
        for (int i = 3000; i < 12000; i++) ck_assert_float_lt(fabsf(x[i]), 2e-3f);
    }
    base_free(x);
}
END_TEST

START_TEST(no_shift_is_no_change) {
    float *x = base_alloc(N, sizeof *x), *y = base_alloc(N, sizeof *y);
    fill_sine(x, 440.0);
    memcpy(y, x, N * sizeof *x);
    apply(DSP_PHASE_VOCODER, x, 1, N, 0.0);
    ck_assert_mem_eq(x, y, N * sizeof *x);
    base_free(x);
    base_free(y);
}
END_TEST

START_TEST(noise_keeps_its_energy) {
    float *x = base_alloc(N, sizeof *x);
    for (int i = 1; i < 4; i++) {
        base_rng rng = base_rng_open(1, BASE_RNG_TEST, 0, 0);
        double before = 0.0, after = 0.0;
        for (int t = 0; t < N; t++) {
            x[t] = base_rng_normal(&rng) * expf(-(float)t / 4000.0f);
            before += (double)x[t] * (double)x[t];
        }
        apply(DSP_PHASE_VOCODER, x, 1, N, shifts[i]);
        for (int t = 0; t < N; t++) after += (double)x[t] * (double)x[t];
        ck_assert_double_eq_tol(after / before, 0.9, 0.2);
    }
    base_free(x);
}
END_TEST

START_TEST(channels_do_not_mix) {
    float *stereo = base_alloc((size_t)2 * N, sizeof *stereo), *mono = base_alloc(N, sizeof *mono);
    fill_sine(mono, 440.0);
    memcpy(stereo + N, mono, N * sizeof *mono);
    apply(DSP_PHASE_VOCODER, stereo, 2, N, 3.0);
    apply(DSP_PHASE_VOCODER, mono, 1, N, 3.0);
    for (int i = 0; i < N; i++) ck_assert_float_eq(stereo[i], 0.0f);
    ck_assert_mem_eq(stereo + N, mono, N * sizeof *mono);
    base_free(stereo);
    base_free(mono);
}
END_TEST

START_TEST(shortest_clips_and_broken_samples) {
    for (int kind = DSP_PHASE_VOCODER; kind <= DSP_VARISPEED; kind++) {
        for (int64_t n = 0; n <= 3; n++) {
            for (int i = 0; i < N_SHIFTS; i++) {
                float x[4] = {1.0f, NAN, INFINITY, 7.0f};
                apply((dsp_pitch_kind)kind, x, 1, n, shifts[i]);
                ck_assert_float_eq(x[3], 7.0f);
            }
        }
    }
}
END_TEST

START_TEST(impossible_shifts_are_refused) {
    dsp_pitch_shift *shift;
    base_error err;
    TEST_FAILS(dsp_pitch_shift_new(DSP_VARISPEED, 10, 24.5, &shift, &err), BASE_ECONFIG, err,
               "24.5 semitones");
    TEST_FAILS(dsp_pitch_shift_new(DSP_VARISPEED, 10, NAN, &shift, &err), BASE_ECONFIG, err, "nan");
    dsp_pitch_shift_free(NULL);
}
END_TEST

TEST_MAIN("dsp/pitch_shift", a_sine_moves_by_the_interval, attacks_stay_where_they_were,
          varispeed_changes_the_duration, nothing_folds_back, no_shift_is_no_change,
          noise_keeps_its_energy, channels_do_not_mix, shortest_clips_and_broken_samples,
          impossible_shifts_are_refused)
