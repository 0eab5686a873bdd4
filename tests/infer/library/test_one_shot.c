#include "infer/library/one_shot.h"

#include <math.h>

#include "base/arena.h"
#include "tests/test.h"

enum { RATE = 10000 };
static base_error err;

/* Silence, a block of +-height, silence. */
static data_audio make(int64_t before, int64_t n, int64_t behind, float height) {
    data_audio audio = {.n_channels = 3, .n = before + n + behind, .sample_rate_hz = RATE};
    audio.x = base_alloc((size_t)(3 * audio.n), sizeof *audio.x);
    for (int c = 0; c < 3; c++) {
        for (int64_t i = 0; i < n; i++) {
            audio.x[c * audio.n + before + i] = i % 20 < 10 ? height : -height;
        }
    }
    return audio;
}

START_TEST(silence_goes_but_for_a_moment) {
    library_level level;
    data_audio audio = make(500, 2000, 700, 0.25F);
    TEST_OK(library_one_shot_trim(&audio, &level, &err), err);
    ck_assert_int_eq(audio.n_channels, 2);
    ck_assert_int_eq(audio.n, 10 + 2000 + 50); /* 1 ms before, 5 ms behind */
    ck_assert_float_eq(audio.x[0], 0);
    ck_assert_float_eq(audio.x[audio.n + 10], 0.25F);
    ck_assert_double_eq_tol(level.peak, 0.25, 1e-9);
    ck_assert(level.loudness_lufs > -30 && level.loudness_lufs < -5);
    data_audio_release(&audio);
    audio = make(0, 100, 0, 0.5F); /* nothing to cut, but the end is faded all the same */
    TEST_OK(library_one_shot_trim(&audio, &level, &err), err);
    ck_assert_int_eq(audio.n, 100);
    ck_assert_float_eq(audio.x[99], 0);
    data_audio_release(&audio);
    audio = make(10, 0, 10, 0);
    TEST_FAILS(library_one_shot_trim(&audio, &level, &err), BASE_EDATA, err, "silent");
    data_audio_release(&audio);
}
END_TEST

START_TEST(levels_become_one_within_the_peak) {
    /* The second can be raised by 1 dB less than its distance to full scale: to -13.
     * The third is as loud as can be at -20. */
    const library_level levels[3] = {{-10, 0.5}, {-20, 0.398107}, {-21, 0.794328}};
    double common = library_common_loudness(levels, 3);
    ck_assert_double_eq_tol(common, -20, 0.02);
    for (int i = 0; i < 3; i++) {
        double gain = library_gain_to(&levels[i], common);
        ck_assert_double_eq_tol(levels[i].loudness_lufs + 20 * log10(gain), common, 0.02);
        ck_assert_double_le(gain * levels[i].peak, 0.8914);
    }
    const library_level click = {-50, 1};
    common = library_common_loudness(&click, 1);
    ck_assert_double_eq(common, -24);
    ck_assert_double_eq_tol(library_gain_to(&click, common), 0.891, 1e-6);
    const library_level faint = {NAN, 0.1};
    ck_assert_double_eq_tol(library_gain_to(&faint, -20), 8.91, 1e-6);
    ck_assert_double_eq(library_common_loudness(&faint, 1), -24);
}
END_TEST

START_TEST(a_gain_is_on_all_channels) {
    data_audio audio = make(0, 30, 0, 0.5F);
    library_one_shot_gain(&audio, 0.5);
    ck_assert_float_eq(audio.x[0], 0.25F);
    ck_assert_float_eq(audio.x[2 * 30], 0.25F);
    data_audio_release(&audio);
}
END_TEST

TEST_MAIN("infer/library/one_shot", silence_goes_but_for_a_moment,
          levels_become_one_within_the_peak, a_gain_is_on_all_channels)
