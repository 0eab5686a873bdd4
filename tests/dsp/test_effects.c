#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "dsp/effects.h"
#include "tests/golden.h"
#include "tests/test.h"

#define CLIP(array, channels)                                                                      \
    ((dsp_clip){(array), (channels), (int64_t)(sizeof(array) / sizeof *(array)) / (channels),      \
                44100.0})
#define SAME(x, ...)                                                                               \
    test_close(#x, x, (const float[]){__VA_ARGS__}, (int64_t)(sizeof(x) / sizeof *(x)), 1e-6, 1e-7)

START_TEST(polarity_gain_and_swap) {
    float x[6] = {1, -2, 3, 4, 5, 6};
    dsp_polarity(CLIP(x, 2));
    SAME(x, -1, 2, -3, -4, -5, -6);
    dsp_gain(CLIP(x, 2), 20.0);
    SAME(x, -10, 20, -30, -40, -50, -60);
    dsp_channel_swap(CLIP(x, 2));
    SAME(x, -40, -50, -60, -10, 20, -30);
    dsp_channel_swap(CLIP(x, 3));
    SAME(x, 20, -30, -60, -10, -40, -50);
    dsp_channel_swap(CLIP(x, 1));
    SAME(x, 20, -30, -60, -10, -40, -50);
}
END_TEST

START_TEST(stereo_image_scales_the_side) {
    float x[4] = {3, 1, 1, 1};
    dsp_stereo_image(CLIP(x, 2), 1.0);
    SAME(x, 4, 1, 0, 1);
    dsp_stereo_image(CLIP(x, 2), -1.0);
    SAME(x, 2, 1, 2, 1);
    float mono[2] = {1, 2};
    dsp_stereo_image(CLIP(mono, 1), 1.0);
    SAME(mono, 1, 2);
}
END_TEST

START_TEST(time_shift_moves_zeros_in) {
    float x[6] = {1, 2, 3, 4, 5, 6};
    dsp_time_shift(CLIP(x, 2), 1);
    SAME(x, 0, 1, 2, 0, 4, 5);
    dsp_time_shift(CLIP(x, 2), -2);
    SAME(x, 2, 0, 0, 5, 0, 0);
    dsp_time_shift(CLIP(x, 2), INT64_MIN);
    SAME(x, 0, 0, 0, 0, 0, 0);
    dsp_time_shift((dsp_clip){x, 1, 0, 44100.0}, 5);
}
END_TEST

START_TEST(distortion_keeps_the_peak) {
    float hard[4] = {0.1f, -0.5f, 0.25f, 0.01f};
    dsp_distortion(CLIP(hard, 1), DSP_DISTORTION_HARD, 20.0);
    SAME(hard, 0.5f, -0.5f, 0.5f, 0.05f);
    float soft[3] = {0.1f, -0.5f, 0.0f};
    dsp_distortion(CLIP(soft, 1), DSP_DISTORTION_SOFT, 20.0);
    SAME(soft, 0.5f * tanhf(1.0f) / tanhf(5.0f), -0.5f, 0.0f);
    float silence[2] = {0, 0};
    dsp_distortion(CLIP(silence, 1), DSP_DISTORTION_SOFT, 20.0);
    SAME(silence, 0, 0);
}
END_TEST

START_TEST(levels_are_set) {
    float x[4] = {3, -4, 0, 0};
    dsp_normalize_peak(CLIP(x, 2), -20.0);
    SAME(x, 0.075f, -0.1f, 0, 0);
    dsp_normalize_rms(CLIP(x, 1), 0.0);
    SAME(x, 1.2f, -1.6f, 0, 0);
    float silence[3] = {0, 0, 0};
    dsp_normalize_peak(CLIP(silence, 1), 0.0);
    dsp_normalize_rms(CLIP(silence, 1), 0.0);
    SAME(silence, 0, 0, 0);
}
END_TEST

START_TEST(standard_has_no_mean_and_unit_deviation) {
    float x[4] = {1, 3, 5, 7};
    dsp_normalize_standard(CLIP(x, 2));
    float root = sqrtf(5.0f);
    SAME(x, -3 / root, -1 / root, 1 / root, 3 / root);
    float constant[3] = {0.3f, 0.3f, 0.3f};
    dsp_normalize_standard(CLIP(constant, 1));
    SAME(constant, 0, 0, 0);
    dsp_normalize_standard((dsp_clip){x, 1, 0, 44100.0});
}
END_TEST

static void check_trim(golden *g, const char *name, int64_t n_channels) {
    int64_t shape[8];
    const float *x = golden_get(g, "stereo", NULL), *cases = golden_get(g, "cases", NULL);
    const float *spans = golden_get(g, name, NULL);
    golden_shape(g, "stereo", shape);
    dsp_clip clip = {(float *)x, n_channels, shape[1], 44100.0};
    golden_shape(g, name, shape);
    for (int64_t i = 0; i < shape[0]; i++) {
        int64_t begin, end;
        const float *c = cases + 3 * i;
        ck_assert(dsp_trim(clip, (double)c[0], (int64_t)c[1], (int64_t)c[2], &begin, &end));
        ck_assert_int_eq(begin, (int64_t)spans[2 * i]);
        ck_assert_int_eq(end, (int64_t)spans[2 * i + 1]);
    }
}

START_TEST(trim_agrees_with_librosa) {
    golden *g = golden_open("dsp_effects");
    check_trim(g, "mono_spans", 1);
    check_trim(g, "stereo_spans", 2);
    golden_close(g);
}
END_TEST

START_TEST(silence_has_nothing_to_trim) {
    float x[100] = {0};
    int64_t begin = 5, end = 5;
    ck_assert(!dsp_trim(CLIP(x, 1), 60.0, 32, 8, &begin, &end));
    ck_assert(begin == 0 && end == 0);
    ck_assert(!dsp_trim((dsp_clip){x, 1, 0, 44100.0}, 60.0, 33, 8, &begin, &end));
    x[0] = 1.0f;
    ck_assert(dsp_trim((dsp_clip){x, 1, 1, 44100.0}, 60.0, 32, 8, &begin, &end));
    ck_assert(begin == 0 && end == 1);
}
END_TEST

START_TEST(fade_out_ends_at_zero) {
    float x[8] = {1, 1, 1, 1, 1, 1, 1, 1};
    dsp_fade_out(CLIP(x, 2), 2);
    SAME(x, 1, 1, 0.5f, 0, 1, 1, 0.5f, 0);
    dsp_fade_out(CLIP(x, 2), 100);
    SAME(x, 0.75f, 0.5f, 0.125f, 0, 0.75f, 0.5f, 0.125f, 0);
    dsp_fade_out(CLIP(x, 2), 0);
    SAME(x, 0.75f, 0.5f, 0.125f, 0, 0.75f, 0.5f, 0.125f, 0);
}
END_TEST

START_TEST(crush_holds_and_rounds) {
    float x[9] = {0.1f, 0.2f, 0.3f, 0.4f, 0.5f, 0.6f, 0.7f, -1.0f, 0.9f};
    dsp_crush(CLIP(x, 1), 3.0, 44100.0); /* steps of 1/4 */
    SAME(x, 0, 0.25f, 0.25f, 0.5f, 0.5f, 0.5f, 0.75f, -1, 1);
    float y[16] = {1, 2, 3, 4, 5, 6, 7, 8, 8, 7, 6, 5, 4, 3, 2, 1};
    dsp_crush(CLIP(y, 2), 24.0, 44100.0 / 2.5); /* samples 0, 3, 5 of each channel */
    SAME(y, 1, 1, 1, 4, 4, 6, 6, 6, 8, 8, 8, 5, 5, 3, 3, 3);
    float same[3] = {0.1f, -0.3f, 0.2f};
    dsp_crush(CLIP(same, 1), 24.0, 192000.0);
    SAME(same, 0.1f, -0.3f, 0.2f);
    float silence[2] = {0, 0};
    dsp_crush(CLIP(silence, 1), 8.0, 8000.0);
    SAME(silence, 0, 0);
}
END_TEST

START_TEST(decay_takes_60_db_off) {
    enum { N = 4410 };
    static float x[2 * N];
    for (int i = 0; i < 2 * N; i++) x[i] = i < N ? 1.0f : -0.5f;
    dsp_decay((dsp_clip){x, 2, N, 44100.0}, 0.04);
    test_close("left", (float[]){x[0], x[441], x[1764], x[3000]},
               (float[]){1.0f, powf(10.0f, -0.75f), 1e-3f, powf(10.0f, -9000.0f / 1764.0f)}, 4,
               1e-5, 0);
    ck_assert_float_eq_tol(x[N + 1764], -5e-4f, 1e-8f);
    ck_assert(x[3527] != 0.0f && x[2 * N - 1] == 0.0f);
    for (int i = 3528; i < N; i++) ck_assert(x[i] == 0.0f);
}
END_TEST

enum { C = 2, F = 6, T = 9 };

/* Sets masks and counts the values masked, which must be whole rows or whole columns. */
static int count_masked(bool time, int64_t max_width, uint64_t seed) {
    float x[C * F * T];
    const int64_t shape[3] = {C, F, T};
    base_rng rng = base_rng_open(seed, BASE_RNG_TEST, 0, 0);
    for (int i = 0; i < C * F * T; i++) x[i] = 1.0f;
    (time ? dsp_mask_time : dsp_mask_frequency)(x, shape, (dsp_masks){max_width, 1, -3.0f}, &rng);
    int n = 0;
    for (int i = 0; i < C * F * T; i++) {
        int t = i % T, row = i / T % F;
        ck_assert(x[i] == 1.0f || x[i] == -3.0f);
        ck_assert(x[i] == x[time ? t : row * T]);
        n += x[i] == -3.0f;
    }
    return n;
}

START_TEST(masks_cover_spans_of_every_channel) {
    for (int time = 0; time < 2; time++) {
        int unit = C * F * T / (time ? T : F), seen[4] = {0};
        for (uint64_t seed = 0; seed < 100; seed++) {
            int n = count_masked(time, 3, seed);
            ck_assert(n % unit == 0 && n / unit <= 3);
            seen[n / unit]++;
        }
        for (int width = 0; width <= 3; width++) ck_assert_int_gt(seen[width], 5);
        ck_assert_int_eq(count_masked(time, 0, 1), 0);
        ck_assert_int_le(count_masked(time, 1000, 1), C * F * T);
    }
}
END_TEST

TEST_MAIN("dsp/effects", polarity_gain_and_swap, stereo_image_scales_the_side,
          time_shift_moves_zeros_in, distortion_keeps_the_peak, levels_are_set,
          standard_has_no_mean_and_unit_deviation, trim_agrees_with_librosa,
          silence_has_nothing_to_trim, fade_out_ends_at_zero, crush_holds_and_rounds,
          decay_takes_60_db_off, masks_cover_spans_of_every_channel)
