#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "dsp/effects.h"
#include "tests/test.h"

enum { N = 12000 };

static void fill(float *x, int64_t n_channels, int64_t n, double rate_hz) {
    for (int64_t c = 0; c < n_channels; c++) {
        for (int64_t i = 0; i < n; i++) {
            double angle = 6.283185307179586 * (double)(300 + 170 * c) * (double)i / rate_hz;
            x[c * n + i] = (float)(0.5 * sin(angle));
        }
    }
}

/* Ratio of a tone to what the trip changed of it. */
static double trip_snr_db(int64_t n_channels, double rate_hz, int64_t kbps) {
    size_t n = (size_t)(n_channels * N);
    float *x = base_alloc(n, sizeof *x), *y = base_alloc(n, sizeof *y);
    base_error err;
    double energy = 0.0, error = 0.0;
    fill(x, n_channels, N, rate_hz);
    memcpy(y, x, n * sizeof *x);
    TEST_OK(dsp_mp3_round_trip((dsp_clip){y, n_channels, N, rate_hz}, kbps, &err), err);
    for (size_t i = 0; i < n; i++) {
        energy += (double)x[i] * (double)x[i];
        error += ((double)x[i] - (double)y[i]) * ((double)x[i] - (double)y[i]);
    }
    base_free(x);
    base_free(y);
    ck_assert(error > 0.0);
    return 10.0 * log10(energy / error);
}

START_TEST(a_tone_comes_back_in_its_place) {
    const double rates[] = {8000, 11025, 16000, 22050, 32000, 44100, 48000};
    for (int r = 0; r < 7; r++) ck_assert_double_gt(trip_snr_db(1, rates[r], 128), 20.0);
    ck_assert_double_gt(trip_snr_db(2, 44100, 192), 20.0);
    ck_assert_double_gt(trip_snr_db(3, 44100, 192), 20.0);
}
END_TEST

START_TEST(so_it_does_at_rates_too_low_for_a_note) {
    ck_assert_double_gt(trip_snr_db(1, 48000, 32), 20.0);
    ck_assert_double_gt(trip_snr_db(1, 44100, 1), 20.0);
}
END_TEST

START_TEST(a_higher_rate_is_closer) {
    ck_assert_double_gt(trip_snr_db(1, 44100, 320), trip_snr_db(1, 44100, 64) + 10.0);
}
END_TEST

START_TEST(the_same_trip_gives_the_same_bits) {
    float a[N], b[N];
    base_error err;
    fill(a, 1, N, 44100);
    memcpy(b, a, sizeof a);
    TEST_OK(dsp_mp3_round_trip((dsp_clip){a, 1, N, 44100.0}, 96, &err), err);
    TEST_OK(dsp_mp3_round_trip((dsp_clip){b, 1, N, 44100.0}, 96, &err), err);
    ck_assert_mem_eq(a, b, sizeof a);
}
END_TEST

START_TEST(shortest_clips) {
    base_error err;
    for (int64_t n = 0; n <= 3; n++) {
        float x[6] = {0.5f, -0.5f, 0.5f, 0.1f, 0.1f, 0.1f};
        TEST_OK(dsp_mp3_round_trip((dsp_clip){x, 2, n, 44100.0}, 128, &err), err);
        for (int i = 0; i < 6; i++) ck_assert(fabsf(x[i]) < 1.0f);
    }
}
END_TEST

START_TEST(other_sample_rates_are_refused) {
    float x[10] = {0};
    base_error err;
    TEST_FAILS(dsp_mp3_round_trip((dsp_clip){x, 1, 10, 96000.0}, 128, &err), BASE_EDATA, err,
               "96000 Hz");
}
END_TEST

TEST_MAIN("dsp/mp3", a_tone_comes_back_in_its_place, so_it_does_at_rates_too_low_for_a_note,
          a_higher_rate_is_closer, the_same_trip_gives_the_same_bits, shortest_clips,
          other_sample_rates_are_refused)
