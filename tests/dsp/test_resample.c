#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/rng.h"
#include "dsp/resample.h"
#include "tests/test.h"

#define TURN 6.283185307179586

/* Largest error of a sine of `hz` brought from one rate to another, away from the ends. */
static double sine_error(double hz, double from_hz, double to_hz, double amplitude_out) {
    int64_t n = (int64_t)(from_hz / 4.0), n_out = dsp_resample_length(n, from_hz, to_hz);
    float *x = base_alloc((size_t)n, sizeof *x), *y = base_alloc((size_t)n_out, sizeof *y);
    base_error err;
    double worst = 0.0;
    for (int64_t i = 0; i < n; i++) x[i] = (float)sin(TURN * hz * (double)i / from_hz);
    TEST_OK(dsp_resample((dsp_clip){x, 1, n, from_hz}, to_hz, y, &err), err);
    for (int64_t i = n_out / 4; i < n_out * 3 / 4; i++) {
        double expected = amplitude_out * sin(TURN * hz * (double)i / to_hz);
        worst = fmax(worst, fabs((double)y[i] - expected));
    }
    base_free(x);
    base_free(y);
    return worst;
}

START_TEST(a_sine_keeps_its_place_and_pitch) {
    ck_assert_double_lt(sine_error(1000.0, 48000.0, 44100.0, 1.0), 1e-5);
    ck_assert_double_lt(sine_error(1000.0, 44100.0, 48000.0, 1.0), 1e-5);
    ck_assert_double_lt(sine_error(3000.0, 8000.0, 44100.0, 1.0), 1e-4);
    ck_assert_double_lt(sine_error(440.0, 96000.0, 22050.0, 1.0), 1e-5);
}
END_TEST

START_TEST(what_does_not_fit_is_removed) {
    ck_assert_double_lt(sine_error(15000.0, 44100.0, 22050.0, 0.0), 1e-5);
}
END_TEST

START_TEST(lengths_round_up) {
    ck_assert_int_eq(dsp_resample_length(0, 44100, 48000), 0);
    ck_assert_int_eq(dsp_resample_length(441, 44100, 48000), 480);
    ck_assert_int_eq(dsp_resample_length(442, 44100, 48000), 482);
    ck_assert_int_eq(dsp_resample_length(1, 48000, 8000), 1);
}
END_TEST

START_TEST(equal_rates_copy) {
    float x[4] = {1, -2, 3, -4}, y[4] = {0};
    base_error err;
    TEST_OK(dsp_resample((dsp_clip){x, 1, 4, 44100}, 44100, y, &err), err);
    ck_assert_mem_eq(x, y, sizeof x);
}
END_TEST

START_TEST(channels_are_resampled_apart) {
    float x[2 * 40], y[2 * 80], single[80];
    base_error err;
    for (int i = 0; i < 80; i++) x[i] = (float)sin(0.1 * i * i);
    TEST_OK(dsp_resample((dsp_clip){x, 2, 40, 22050}, 44100, y, &err), err);
    for (int c = 0; c < 2; c++) {
        TEST_OK(dsp_resample((dsp_clip){x + 40 * c, 1, 40, 22050}, 44100, single, &err), err);
        ck_assert_mem_eq(single, y + 80 * c, sizeof single);
    }
}
END_TEST

START_TEST(shortest_clips_fill_their_length) {
    const double rates[] = {8000, 22050, 44100, 96000};
    for (int64_t n = 0; n <= 3; n++) {
        for (int r = 0; r < 4; r++) {
            float x[3] = {1, 1, 1}, y[40];
            base_error err;
            memset(y, 0xFF, sizeof y);
            int64_t n_out = dsp_resample_length(n, 11025, rates[r]);
            ck_assert_int_lt(n_out, 40);
            TEST_OK(dsp_resample((dsp_clip){x, 1, n, 11025}, rates[r], y, &err), err);
            for (int64_t i = 0; i < n_out; i++) ck_assert(isfinite(y[i]));
            ck_assert(isnan(y[n_out]));
        }
    }
}
END_TEST

START_TEST(impossible_ratios_are_refused) {
    float x[1] = {0}, y[1];
    base_error err;
    TEST_FAILS(dsp_resample((dsp_clip){x, 1, 1, 44100}, 100, y, &err), BASE_EDATA, err,
               "44100 to 100 Hz");
    TEST_FAILS(dsp_resample((dsp_clip){x, 1, 1, 100}, 44100, y, &err), BASE_EDATA, err,
               "100 to 44100 Hz");
    TEST_FAILS(dsp_resample((dsp_clip){x, 1, 1, 0}, 44100, y, &err), BASE_EDATA, err,
               "0 to 44100 Hz");
    TEST_FAILS(dsp_resample((dsp_clip){x, 1, 1, 44100}, NAN, y, &err), BASE_EDATA, err, "nan");
}
END_TEST

/* Of two channels, in blocks of which some are empty: the same bits as at once. */
static void check_blocks(double from_hz, double to_hz, int64_t n, int64_t block) {
    int64_t n_out = dsp_resample_length(n, from_hz, to_hz), n_got = 0;
    float *x = base_alloc((size_t)(2 * n), sizeof *x), *part = base_alloc((size_t)n, 2 * sizeof *x);
    float *y = base_alloc((size_t)(2 * n_out), sizeof *y);
    float *z = base_alloc((size_t)(2 * n_out), sizeof *z);
    base_error err;
    dsp_resampler *r;
    base_rng rng = base_rng_open(1, BASE_RNG_TEST, (uint64_t)n, (uint64_t)from_hz);
    for (int64_t i = 0; i < 2 * n; i++) x[i] = (float)base_rng_range(&rng, -1.0, 1.0);
    TEST_OK(dsp_resample((dsp_clip){x, 2, n, from_hz}, to_hz, y, &err), err);
    TEST_OK(dsp_resampler_new(from_hz, to_hz, 2, &r, &err), err);
    for (int64_t at = 0, i = 0; at <= n; i++) {
        int64_t n_now = i % 3 == 1 ? 0 : n - at < block ? n - at : block, n_part;
        bool last = i % 3 != 1 && at + n_now == n;
        const float *got;
        for (int c = 0; c < 2; c++) {
            memcpy(part + c * n_now, x + c * n + at, (size_t)n_now * sizeof *x);
        }
        dsp_clip given = {part, 2, n_now, from_hz};
        TEST_OK(dsp_resampler_push(r, given, last, &got, &n_part, &err), err);
        ck_assert_int_le(n_got + n_part, n_out);
        for (int c = 0; c < 2; c++) {
            memcpy(z + c * n_out + n_got, got + c * n_part, (size_t)n_part * sizeof *z);
        }
        n_got += n_part;
        at += n_now;
        if (last) break;
    }
    ck_assert_int_eq(n_got, n_out);
    ck_assert_mem_eq(y, z, (size_t)(2 * n_out) * sizeof *y);
    dsp_resampler_free(r);
    base_free(x);
    base_free(part);
    base_free(y);
    base_free(z);
}

START_TEST(blocks_give_the_same_bits) {
    static const double rates[][2] = {{44100, 48000}, {48000, 44100}, {22050, 44100},
                                      {96000, 44100}, {8000, 44100},  {44100, 8000},
                                      {44100, 22050}, {11025, 44100}, {12345, 16000}};
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        check_blocks(rates[i][0], rates[i][1], 1, 7);
        check_blocks(rates[i][0], rates[i][1], 300, 7);
        check_blocks(rates[i][0], rates[i][1], 60000, 16384);
    }
}
END_TEST

START_TEST(blocks_refuse_impossible_ratios_too) {
    dsp_resampler *r;
    base_error err;
    TEST_FAILS(dsp_resampler_new(44100, 100, 1, &r, &err), BASE_EDATA, err, "44100 to 100 Hz");
    ck_assert_ptr_null(r);
    dsp_resampler_free(NULL);
}
END_TEST

TEST_MAIN("dsp/resample", a_sine_keeps_its_place_and_pitch, what_does_not_fit_is_removed,
          lengths_round_up, equal_rates_copy, channels_are_resampled_apart,
          shortest_clips_fill_their_length, impossible_ratios_are_refused,
          blocks_give_the_same_bits, blocks_refuse_impossible_ratios_too)
