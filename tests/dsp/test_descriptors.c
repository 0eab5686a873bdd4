#include "dsp/descriptors.h"

#include <math.h>
#include <stdio.h>

#include "base/file.h"
#include "dsp/features.h"
#include "tests/golden.h"
#include "tests/test.h"

enum { N = DSP_N_DESCRIPTORS };

static int row(const char *name) {
    for (int i = 0; i < N; i++) {
        if (strcmp(dsp_descriptor_table[i].name, name) == 0) return i;
    }
    ck_abort_msg("no descriptor %s", name);
}

typedef struct {
    const float *x; /* [n_channels, n] */
    int64_t n_channels, n;
    double rate_hz;
} sound;

/* With a plan for clips of up to `max` samples; scratch starts as NaN. */
static void measure_within(sound s, int64_t max, double values[N]) {
    base_error err;
    dsp_descriptors *d;
    TEST_OK(dsp_descriptors_new(s.rate_hz, s.n_channels, max, &d, &err), err);
    size_t n_scratch = dsp_descriptors_scratch_bytes(d);
    void *scratch = base_alloc(1, n_scratch);
    memset(scratch, 0xFF, n_scratch);
    dsp_descriptors_measure(d, s.x, s.n, scratch, values);
    base_free(scratch);
    dsp_descriptors_free(d);
}

static void measure(sound s, double values[N]) {
    measure_within(s, s.n, values);
}

static const float *of_clip(golden *g, const char *clip, const char *what, int64_t *n) {
    char name[64];
    snprintf(name, sizeof name, "%s/%s", clip, what);
    return golden_get(g, name, n);
}

static void check_close(const char *clip, int i, double value, double expected, double tolerance) {
    ck_assert_msg(fabs(value - expected) <= tolerance, "%s of %s is %g, not %g",
                  dsp_descriptor_table[i].name, clip, value, expected);
}

static void check_clip(golden *g, const char *clip) {
    int64_t n, n_tone;
    double values[N];
    const float *x = of_clip(g, clip, "x", &n), *tone = of_clip(g, clip, "tone", &n_tone);
    const float *levels = of_clip(g, clip, "levels", NULL);
    measure((sound){x, 1, n, (double)*of_clip(g, clip, "rate", NULL)}, values);
    ck_assert_int_eq(n_tone, 18);
    int first = row("centroid_hz");
    for (int i = 0; i < 18; i++) {
        double expected = (double)tone[i];
        check_close(clip, first + i, values[first + i], expected,
                    2e-4 * fmax(fabs(expected), 1e-3));
    }
    static const char *const names[] = {"loudness_lufs", "rms_db",    "peak_db",
                                        "crest_db",      "attack_ms", "decay_ms"};
    for (int i = 0; i < 6; i++) {
        check_close(clip, row(names[i]), values[row(names[i])], (double)levels[i], 1e-3);
    }
}

START_TEST(agree_with_librosa_and_pyloudnorm) {
    static const char *const clips[] = {"kick", "snare", "hat", "tom", "quiet"};
    golden *g = golden_open("dsp_descriptors");
    for (size_t i = 0; i < sizeof clips / sizeof *clips; i++) check_clip(g, clips[i]);
    golden_close(g);
}
END_TEST

START_TEST(padding_plays_no_part) {
    golden *g = golden_open("dsp_descriptors");
    int64_t n;
    double plain[N], padded[N];
    const float *x = of_clip(g, "snare", "x", &n);
    float *long_x = base_alloc((size_t)(4 * n), sizeof *long_x);
    memcpy(long_x, x, (size_t)n * sizeof *x);
    measure((sound){x, 1, n, 22050}, plain);
    measure_within((sound){long_x, 1, 3 * n, 22050}, 4 * n, padded);
    ck_assert_mem_eq(plain, padded, sizeof plain);
    ck_assert_double_eq_tol(plain[row("duration_s")], 0.3, 1e-4);
    /* Both channels alike: only the loudness, a sum over channels, is more. */
    memcpy(long_x + 2 * n, x, (size_t)n * sizeof *x);
    measure((sound){long_x, 2, 2 * n, 22050}, padded);
    ck_assert_double_eq_tol(padded[row("loudness_lufs")], plain[row("loudness_lufs")] + 3.0103,
                            1e-4);
    padded[row("loudness_lufs")] = plain[row("loudness_lufs")];
    for (int i = 0; i < N; i++) ck_assert_double_eq_tol(padded[i], plain[i], 1e-9);
    base_free(long_x);
    golden_close(g);
}
END_TEST

START_TEST(what_silence_lacks_is_neutral) {
    static const float silence[1000];
    static const char *const undefined[] = {"pitch_hz",  "pitch_drop_st", "loudness_lufs",
                                            "rms_db",    "peak_db",       "crest_db",
                                            "attack_ms", "decay_ms"};
    double values[N];
    float features[N];
    int n_undefined = 0;
    measure((sound){silence, 1, 1000, 44100}, values);
    dsp_descriptors_features(values, features);
    for (int i = 0; i < N; i++) {
        n_undefined += isnan(values[i]);
        ck_assert(isfinite(features[i]));
    }
    ck_assert_int_eq(n_undefined, sizeof undefined / sizeof *undefined);
    for (int i = 0; i < n_undefined; i++) ck_assert(isnan(values[row(undefined[i])]));
    ck_assert_float_eq_tol(features[row("pitch_hz")], (float)log2(200), 1e-6f);
    ck_assert_float_eq(features[row("loudness_lufs")], -70.0f);
}
END_TEST

START_TEST(shortest_clips_have_all_but_a_pitch) {
    static const float click[2] = {0.5f, -0.5f};
    double values[N];
    float features[N];
    for (int64_t n = 1; n <= 2; n++) {
        measure((sound){click, 1, n, 44100}, values);
        dsp_descriptors_features(values, features);
        for (int i = 0; i < N; i++) ck_assert(isfinite(features[i]));
        ck_assert_double_eq_tol(values[row("peak_db")], -6.0206, 1e-4);
        ck_assert(isnan(values[row("pitch_hz")]));
    }
}
END_TEST

START_TEST(broken_samples_are_not_hidden) {
    static float x[3000];
    double values[N];
    float features[N];
    x[0] = 0.5f;
    x[2999] = NAN;
    measure((sound){x, 2, 1500, 44100}, values);
    dsp_descriptors_features(values, features);
    for (int i = 0; i < N; i++) {
        ck_assert(isnan(values[i]));
        ck_assert(isnan(features[i]) == isnan(dsp_descriptor_table[i].neutral));
    }
}
END_TEST

START_TEST(ratios_become_steps) {
    double values[N] = {0};
    float features[N], doubled[N];
    for (int i = 0; i < N; i++) values[i] = 50;
    dsp_descriptors_features(values, features);
    for (int i = 0; i < N; i++) values[i] = 100;
    dsp_descriptors_features(values, doubled);
    for (int i = 0; i < N; i++) {
        float step = dsp_descriptor_table[i].lower_bound > 0 ? 1.0f : 50.0f;
        ck_assert_float_eq_tol(doubled[i] - features[i], step, 1e-5f);
    }
}
END_TEST

START_TEST(the_front_end_gives_the_same) {
    golden *g = golden_open("dsp_descriptors");
    base_error err;
    dsp_features *f;
    int64_t n, shape[3];
    double values[N];
    float expected[N], out[N], offset[N], scale[N];
    const float *x = of_clip(g, "kick", "x", &n);
    const dsp_features_options options = {
        .kind = DSP_DESCRIPTORS, .normalize = DSP_NORM_FEATURE, .hop = 100, .mask_padding = true};
    const dsp_clip_form form = {16000, 1, n};
    TEST_OK(dsp_features_new(&options, &form, &f, &err), err);
    dsp_features_shape(f, shape);
    ck_assert(shape[0] == 1 && shape[1] == N && shape[2] == 1);
    ck_assert_int_eq(dsp_features_valid_frames(f, n), 1);
    ck_assert_int_eq(dsp_features_norm_size(f), N);
    void *scratch = base_alloc(1, dsp_features_scratch_bytes(f));
    dsp_features_apply(f, x, scratch, out);
    measure((sound){x, 1, n, 16000}, values);
    dsp_descriptors_features(values, expected);
    ck_assert_mem_eq(out, expected, sizeof out);
    for (int i = 0; i < N; i++) {
        offset[i] = (float)i;
        scale[i] = 2.0f;
    }
    dsp_features_set_norm(f, offset, scale);
    dsp_features_apply(f, x, scratch, out);
    for (int i = 0; i < N; i++) ck_assert_float_eq(out[i], (expected[i] - (float)i) / 2.0f);
    base_free(scratch);
    dsp_features_free(f);
    golden_close(g);
}
END_TEST

START_TEST(names_are_columns) {
    for (int i = 0; i < N; i++) {
        const dsp_descriptor *d = &dsp_descriptor_table[i];
        ck_assert_ptr_nonnull(d->name);
        ck_assert_uint_gt(strlen(d->help), 10);
        ck_assert_uint_eq(strspn(d->name, "abcdefghijklmnopqrstuvwxyz0123456789_"),
                          strlen(d->name));
        for (int k = 0; k < i; k++) ck_assert_str_ne(d->name, dsp_descriptor_table[k].name);
    }
}
END_TEST

START_TEST(the_documentation_has_them_all) {
    base_error err;
    void *text;
    size_t n_bytes;
    TEST_OK(base_file_read(test_path("../docs/formats.md"), 0, &text, &n_bytes, &err), err);
    for (int i = 0; i < N; i++) {
        char name[64];
        const char *known = dsp_descriptor_table[i].name;
        snprintf(name, sizeof name, "`%s`", strncmp(known, "mfcc", 4) == 0 ? "mfcc_0" : known);
        ck_assert_msg(strstr(text, name) != NULL, "%s", name);
    }
    base_free(text);
}
END_TEST

START_TEST(low_rates_are_refused) {
    base_error err;
    dsp_descriptors *d;
    TEST_FAILS(dsp_descriptors_new(4000, 1, 100, &d, &err), BASE_ECONFIG, err, "4000 Hz is below");
    ck_assert_ptr_null(d);
}
END_TEST

TEST_MAIN("dsp/descriptors", agree_with_librosa_and_pyloudnorm, padding_plays_no_part,
          what_silence_lacks_is_neutral, shortest_clips_have_all_but_a_pitch,
          broken_samples_are_not_hidden, ratios_become_steps, the_front_end_gives_the_same,
          names_are_columns, the_documentation_has_them_all, low_rates_are_refused)
