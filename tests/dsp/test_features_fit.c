#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "dsp/features.h"
#include "tests/test.h"

enum { CHANNELS = 2, N = 50, ROWS = 1 };

/* Waveforms have one row; transforms of 16 points have nine. */
static dsp_features *make(int kind, int normalize, int64_t frames) {
    dsp_features_options o = {.kind = kind,
                              .n_fft = 16,
                              .hop = 5,
                              .n_mels = 2,
                              .centered = true,
                              .power = 1,
                              .amin = 1e-10,
                              .normalize = normalize,
                              .frames = frames};
    dsp_features *f;
    base_error err;
    const dsp_clip_form form = {8000.0, CHANNELS, N};
    TEST_OK(dsp_features_new(&o, &form, &f, &err), err);
    return f;
}

static void fill(float *audio, uint64_t seed) {
    base_rng rng = base_rng_open(seed, BASE_RNG_TEST, 0, 0);
    for (int i = 0; i < CHANNELS * N; i++) {
        audio[i] = (float)(seed + 1) * base_rng_normal(&rng) + 100.0f;
    }
}

enum { N_CLIPS = 3, MAX_OUT = CHANNELS * 9 * 20 };

typedef struct {
    dsp_features *features;
    float out[N_CLIPS][MAX_OUT];
    int64_t shape[3];
    _Alignas(64) char scratch[4096];
} fixture;

static void apply_all(fixture *f) {
    ck_assert_uint_le(dsp_features_scratch_bytes(f->features), sizeof f->scratch);
    dsp_features_shape(f->features, f->shape);
    for (uint64_t i = 0; i < N_CLIPS; i++) {
        float audio[CHANNELS * N];
        fill(audio, i);
        dsp_features_apply(f->features, audio, f->scratch, f->out[i]);
    }
}

static void fit_all(fixture *f) {
    dsp_features_fit *fit;
    base_error err;
    ck_assert(dsp_features_needs_fit(f->features));
    apply_all(f);
    TEST_OK(dsp_features_fit_new(f->features, &fit, &err), err);
    for (int i = 0; i < N_CLIPS; i++) dsp_features_fit_add(fit, f->out[i]);
    dsp_features_fit_finish(fit, f->features);
    ck_assert(!dsp_features_needs_fit(f->features));
    apply_all(f);
}

/* Mean and deviation over all clips of one row, or of all for row -1. */
static void moments(const fixture *f, int64_t row, double *mean, double *deviation) {
    double sum = 0.0, squares = 0.0, n = 0.0;
    for (int i = 0; i < N_CLIPS; i++) {
        for (int64_t k = 0; k < f->shape[0] * f->shape[1] * f->shape[2]; k++) {
            if (row >= 0 && k / f->shape[2] % f->shape[1] != row) continue;
            sum += (double)f->out[i][k];
            squares += (double)f->out[i][k] * (double)f->out[i][k];
            n += 1.0;
        }
    }
    *mean = sum / n;
    *deviation = sqrt(squares / n - *mean * *mean);
}

START_TEST(per_feature_row_over_all_channels) {
    static fixture f;
    f.features = make(DSP_STFT, DSP_NORM_FEATURE, 0);
    ck_assert_int_eq(dsp_features_norm_size(f.features), 9);
    fit_all(&f);
    for (int64_t row = 0; row < 9; row++) {
        double mean, deviation;
        moments(&f, row, &mean, &deviation);
        ck_assert_double_eq_tol(mean, 0.0, 1e-5);
        ck_assert_double_eq_tol(deviation, 1.0, 1e-5);
    }
    dsp_features_free(f.features);
}
END_TEST

START_TEST(over_the_data_set) {
    static fixture f;
    f.features = make(DSP_STFT, DSP_NORM_DATASET, 0);
    ck_assert_int_eq(dsp_features_norm_size(f.features), 1);
    fit_all(&f);
    double mean, deviation;
    moments(&f, -1, &mean, &deviation);
    ck_assert_double_eq_tol(mean, 0.0, 1e-5);
    ck_assert_double_eq_tol(deviation, 1.0, 1e-5);
    moments(&f, 0, &mean, &deviation);
    ck_assert_double_gt(fabs(mean), 0.1);
    dsp_features_free(f.features);
}
END_TEST

START_TEST(into_zero_to_one) {
    static fixture f;
    f.features = make(DSP_WAVEFORM, DSP_NORM_MINMAX, 0);
    fit_all(&f);
    float lowest = INFINITY, highest = -INFINITY;
    for (int i = 0; i < N_CLIPS; i++) {
        for (int64_t k = 0; k < CHANNELS * N; k++) {
            lowest = fminf(lowest, f.out[i][k]);
            highest = fmaxf(highest, f.out[i][k]);
        }
    }
    ck_assert_float_eq(lowest, 0.0f);
    ck_assert_float_eq(highest, 1.0f);
    dsp_features_free(f.features);
}
END_TEST

START_TEST(per_clip_needs_no_fit) {
    static fixture f;
    f.features = make(DSP_WAVEFORM, DSP_NORM_CLIP, 0);
    ck_assert(!dsp_features_needs_fit(f.features));
    ck_assert_int_eq(dsp_features_norm_size(f.features), 0);
    apply_all(&f);
    for (int i = 0; i < N_CLIPS; i++) {
        double sum = 0.0, squares = 0.0, n = CHANNELS * N;
        for (int64_t k = 0; k < CHANNELS * N; k++) {
            sum += (double)f.out[i][k];
            squares += (double)f.out[i][k] * (double)f.out[i][k];
        }
        ck_assert_double_eq_tol(sum / n, 0.0, 1e-4);
        ck_assert_double_eq_tol(squares / n, 1.0, 1e-4);
    }
    dsp_features_free(f.features);
}
END_TEST

START_TEST(filling_frames_do_not_count) {
    static fixture bare, filled;
    bare.features = make(DSP_STFT, DSP_NORM_FEATURE, 0);
    filled.features = make(DSP_STFT, DSP_NORM_FEATURE, 20);
    fit_all(&bare);
    fit_all(&filled);
    float offset[2][9], scale[2][9];
    dsp_features_get_norm(bare.features, offset[0], scale[0]);
    dsp_features_get_norm(filled.features, offset[1], scale[1]);
    ck_assert_mem_eq(offset[0], offset[1], sizeof offset[0]);
    ck_assert_mem_eq(scale[0], scale[1], sizeof scale[0]);
    ck_assert_float_eq(filled.out[0][19], 0.0f);
    dsp_features_free(bare.features);
    dsp_features_free(filled.features);
}
END_TEST

START_TEST(what_is_set_is_used_and_given_back) {
    static fixture f;
    f.features = make(DSP_WAVEFORM, DSP_NORM_DATASET, 0);
    apply_all(&f);
    float raw = f.out[0][0], offset = 98.0f, scale = 4.0f, got[2];
    dsp_features_set_norm(f.features, &offset, &scale);
    ck_assert(!dsp_features_needs_fit(f.features));
    apply_all(&f);
    ck_assert_float_eq(f.out[0][0], (raw - offset) / scale);
    dsp_features_get_norm(f.features, &got[0], &got[1]);
    ck_assert(got[0] == offset && got[1] == scale);
    dsp_features_free(f.features);
}
END_TEST

START_TEST(constant_data_is_only_shifted) {
    dsp_features *f = make(DSP_WAVEFORM, DSP_NORM_FEATURE, 0);
    dsp_features_fit *fit;
    base_error err;
    float audio[CHANNELS * N], out[CHANNELS * N];
    for (int i = 0; i < CHANNELS * N; i++) audio[i] = 0.1f;
    TEST_OK(dsp_features_fit_new(f, &fit, &err), err);
    dsp_features_fit_add(fit, audio);
    dsp_features_fit_finish(fit, f);
    dsp_features_apply(f, audio, NULL, out);
    for (int i = 0; i < CHANNELS * N; i++) ck_assert_float_eq(out[i], 0.0f);
    dsp_features_free(f);
    dsp_features_fit_free(NULL);
}
END_TEST

/* The parts of raster_log_mel: two planes of two rows each, then two more. */
static void check_parts(int normalize, int64_t n_norm, int64_t n_groups) {
    enum { PLANE = 2 * (1 + N / 5), N_OUT = 4 * PLANE };
    float audio[CHANNELS * N], out[N_OUT];
    _Alignas(64) char scratch[4096];
    dsp_features_fit *fit;
    base_error err;
    dsp_features *f = make(DSP_RASTER_LOG_MEL, normalize, 0);
    ck_assert_uint_le(dsp_features_scratch_bytes(f), sizeof scratch);
    ck_assert_int_eq(dsp_features_norm_size(f), n_norm);
    fill(audio, 3);
    for (int i = 0; i < CHANNELS * N; i++) audio[i] = 0.1f * (audio[i] - 100.0f);
    TEST_OK(dsp_features_fit_new(f, &fit, &err), err);
    dsp_features_apply(f, audio, scratch, out);
    dsp_features_fit_add(fit, out);
    dsp_features_fit_finish(fit, f);
    dsp_features_apply(f, audio, scratch, out);
    for (int64_t group = 0; group < n_groups; group++) {
        double sum = 0.0, squares = 0.0, n = (double)N_OUT / (double)n_groups;
        for (int64_t k = 0; k < N_OUT; k++) {
            int64_t part = k / (2 * PLANE), row = k / (PLANE / 2) % 2;
            if ((n_groups == 2 ? part : 2 * part + row) != group) continue;
            sum += (double)out[k];
            squares += (double)out[k] * (double)out[k];
        }
        ck_assert_double_eq_tol(sum / n, 0.0, 1e-5);
        ck_assert_double_eq_tol(squares / n, 1.0, 1e-5);
    }
    dsp_features_free(f);
}

START_TEST(parts_are_normalised_apart) {
    check_parts(DSP_NORM_DATASET, 2, 2);
    check_parts(DSP_NORM_FEATURE, 4, 4);
    check_parts(DSP_NORM_CLIP, 0, 2);
}
END_TEST

TEST_MAIN("dsp/features_fit", per_feature_row_over_all_channels, over_the_data_set,
          into_zero_to_one, per_clip_needs_no_fit, filling_frames_do_not_count,
          what_is_set_is_used_and_given_back, constant_data_is_only_shifted,
          parts_are_normalised_apart)
