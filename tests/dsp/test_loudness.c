#include "dsp/loudness.h"

#include <math.h>

#include "base/arena.h"
#include "tests/golden.h"
#include "tests/test.h"

/* The coefficients printed in ITU-R BS.1770-4, annex 1, tables 1 and 2. */
START_TEST(has_the_filters_of_the_recommendation) {
    static const dsp_biquad printed[2] = {
        {{1.53512485958697, -2.69169618940638, 1.19839281085285},
         {1, -1.69065929318241, 0.73248077421585}},
        {{1, -2, 1}, {1, -1.99004745483398, 0.99007225036621}},
    };
    dsp_biquad filters[2];
    dsp_loudness_filters(48000, filters);
    for (int f = 0; f < 2; f++) {
        for (int i = 0; i < 3; i++) {
            ck_assert_double_eq_tol(filters[f].b[i], printed[f].b[i], 1e-8);
            ck_assert_double_eq_tol(filters[f].a[i], printed[f].a[i], 1e-8);
        }
    }
}
END_TEST

static double measure(dsp_loudness_sound sound) {
    size_t n_scratch = dsp_loudness_scratch_bytes(sound.n, sound.sample_rate_hz);
    void *scratch = base_alloc(1, n_scratch);
    memset(scratch, 0xFF, n_scratch);
    double lufs = dsp_loudness_lufs(&sound, scratch);
    base_free(scratch);
    return lufs;
}

/* Sine waves of 1 kHz as in EBU Tech 3341: their levels, each for so many seconds. */
static double measure_tones(int64_t n_channels, const double *levels_db, const double *seconds,
                            int n_tones) {
    enum { RATE = 48000, MAX = 20 * RATE };
    float *x = base_alloc(2 * MAX, sizeof *x);
    int64_t n = 0;
    for (int k = 0; k < n_tones; k++) {
        double peak = pow(10.0, levels_db[k] / 20.0);
        for (int64_t end = n + (int64_t)(seconds[k] * RATE); n < end; n++) {
            x[n] = x[MAX + n] = (float)(peak * sin(2 * M_PI * 1000.0 * (double)n / RATE));
        }
    }
    double lufs = measure((dsp_loudness_sound){x, n_channels, n, MAX, RATE});
    base_free(x);
    return lufs;
}

START_TEST(meets_the_test_signals_of_the_ebu) {
    /* Cases 1, 2, 3 and 5 of table 1, a quarter as long. */
    static const double loud[] = {-23}, soft[] = {-33};
    static const double steps[] = {-36, -23, -36}, hill[] = {-26, -20, -26};
    static const double long_s[] = {5}, steps_s[] = {2.5, 15, 2.5}, hill_s[] = {5, 5.025, 5};
    ck_assert_double_eq_tol(measure_tones(2, loud, long_s, 1), -23, 0.1);
    ck_assert_double_eq_tol(measure_tones(2, soft, long_s, 1), -33, 0.1);
    ck_assert_double_eq_tol(measure_tones(2, steps, steps_s, 3), -23, 0.1);
    ck_assert_double_eq_tol(measure_tones(2, hill, hill_s, 3), -23, 0.1);
    /* One channel has half the energy. */
    ck_assert_double_eq_tol(measure_tones(1, loud, long_s, 1), -26.01, 0.1);
}
END_TEST

START_TEST(silence_has_none_and_short_sounds_get_silence) {
    static float x[8000];
    ck_assert(isnan(measure((dsp_loudness_sound){x, 1, 8000, 8000, 8000})));
    for (int i = 0; i < 800; i++) x[i] = (float)(0.5 * sin(i));
    double alone = measure((dsp_loudness_sound){x, 1, 800, 800, 8000});
    ck_assert_double_eq_tol(alone, measure((dsp_loudness_sound){x, 1, 3200, 3200, 8000}), 1e-12);
    ck_assert_double_eq_tol(alone, measure((dsp_loudness_sound){x, 2, 800, 0, 8000}) - 3.0103,
                            1e-4);
    ck_assert(isnan(measure((dsp_loudness_sound){x, 1, 1, 1, 8000})));
}
END_TEST

TEST_MAIN("dsp/loudness", has_the_filters_of_the_recommendation, meets_the_test_signals_of_the_ebu,
          silence_has_none_and_short_sounds_get_silence)
