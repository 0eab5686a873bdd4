#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/yaml.h"
#include "dsp/features.h"
#include "dsp/stft.h"
#include "tests/golden.h"
#include "tests/test.h"

static const dsp_features_options plain = {.mask_padding = true,
                                           .kind = DSP_LOG_MEL,
                                           .n_fft = 2048,
                                           .hop = 441,
                                           .centered = true,
                                           .n_mels = 64,
                                           .area = true,
                                           .power = 1,
                                           .amin = 1e-10,
                                           .n_mfcc = 13,
                                           .normalize = DSP_NORM_NONE};

static dsp_features *make(const dsp_features_options *options, int64_t n_channels, int64_t n) {
    dsp_features *f;
    base_error err;
    const dsp_clip_form form = {44100.0, n_channels, n};
    TEST_OK(dsp_features_new(options, &form, &f, &err), err);
    return f;
}

/* Into new memory with a guard behind; scratch and output start as NaN. */
static float *apply(const dsp_features *f, const float *audio) {
    int64_t shape[3];
    dsp_features_shape(f, shape);
    size_t n = (size_t)(shape[0] * shape[1] * shape[2]), n_scratch = dsp_features_scratch_bytes(f);
    float *out = base_alloc(n + 1, sizeof *out);
    void *scratch = base_alloc(1, n_scratch + 1);
    memset(out, 0xFF, n * sizeof *out);
    memset(scratch, 0xFF, n_scratch);
    out[n] = 7.0f;
    dsp_features_apply(f, audio, scratch, out);
    ck_assert(out[n] == 7.0f);
    base_free(scratch);
    return out;
}

/* Compares n_planes planes from `first` on, a step apart, with a golden array. */
static void check_planes(golden *g, const char *name, const dsp_features_options *options,
                         int64_t first, int64_t step, double atol) {
    const float *x = golden_get(g, "x", NULL);
    int64_t shape[3], expected[8];
    dsp_features *f = make(options, 2, 6000);
    dsp_features_shape(f, shape);
    golden_shape(g, name, expected);
    ck_assert_int_eq(shape[1], expected[1]);
    ck_assert_int_eq(shape[2], expected[2]);
    ck_assert_int_eq(shape[0], expected[0] * step);
    float *out = apply(f, x);
    int64_t n = shape[1] * shape[2];
    for (int64_t c = 0; c < 2; c++) {
        test_close(name, out + (c * step + first) * n, golden_get(g, name, NULL) + c * n, n, 2e-6,
                   atol);
    }
    base_free(out);
    dsp_features_free(f);
}

START_TEST(log_mel_agrees_with_librosa) {
    golden *g = golden_open("dsp_features");
    dsp_features_options o = plain;
    check_planes(g, "log_mel", &o, 0, 1, 1e-4);
    o.pad = DSP_PAD_ZERO;
    check_planes(g, "log_mel_zero_pad", &o, 0, 1, 1e-4);
    o.pad = DSP_PAD_REFLECT;
    o.reference = 1;
    o.top_db = 60;
    check_planes(g, "log_mel_max", &o, 0, 1, 1e-4);
    o = plain;
    o.centered = false;
    check_planes(g, "log_mel_uncentered", &o, 0, 1, 1e-4);
    golden_close(g);
}
END_TEST

START_TEST(every_mel_option_agrees_with_librosa) {
    golden *g = golden_open("dsp_features");
    dsp_features_options o = plain;
    o.n_fft = 1024;
    o.hop = 300;
    o.win_length = 800;
    o.window = DSP_HAMMING;
    o.n_mels = 24;
    o.fmin_hz = 100;
    o.fmax_hz = 12000;
    o.htk = true;
    o.area = false;
    o.amin = 1e-5;
    check_planes(g, "log_mel_htk", &o, 0, 1, 1e-4);
    golden_close(g);
}
END_TEST

/* The way OpenL3's networks hear, at a smaller size. */
START_TEST(decibels_of_magnitudes_agree_with_librosa) {
    golden *g = golden_open("dsp_features");
    dsp_features_options o = plain;
    base_error err;
    dsp_features *f;
    o.n_fft = 512;
    o.hop = 121;
    o.n_mels = 96;
    o.pad = DSP_PAD_SAME;
    o.htk = o.root = true;
    o.reference = 1;
    o.top_db = 80;
    const dsp_clip_form form = {44100, 2, 6000};
    TEST_FAILS(dsp_features_new(&o, &form, &f, &err), BASE_ECONFIG, err, "has no bin");
    o.empty = true;
    check_planes(g, "root_same", &o, 0, 1, 2e-4);
    o.kind = DSP_STFT;
    o.n_fft = 128;
    o.centered = false;
    o.decibels = true;
    check_planes(g, "stft_decibels", &o, 0, 1, 2e-4);
    golden_close(g);
}
END_TEST

START_TEST(other_kinds_agree_with_librosa) {
    golden *g = golden_open("dsp_features");
    dsp_features_options o = plain;
    o.kind = DSP_MEL_POWER;
    check_planes(g, "mel_power", &o, 0, 1, 1e-9);
    o.kind = DSP_MFCC;
    check_planes(g, "mfcc", &o, 0, 1, 1e-3);
    o.deltas = 2;
    check_planes(g, "mfcc", &o, 0, 3, 1e-3);
    check_planes(g, "delta1", &o, 1, 3, 1e-3);
    check_planes(g, "delta2", &o, 2, 3, 1e-3);
    o = plain;
    o.kind = DSP_STFT;
    o.n_fft = 512;
    o.hop = 200;
    check_planes(g, "stft", &o, 0, 1, 1e-6);
    o.power = 2;
    o.scale = o.drop_last = true;
    check_planes(g, "stft_power", &o, 0, 1, 1e-8);
    golden_close(g);
}
END_TEST

/* Samples of 1e-30 are not skipped as silence, but their powers are too small for a float: the
 * features must be those of zeros, whose frames are not transformed. */
START_TEST(silent_frames_are_as_if_transformed) {
    enum { N = 12000, BEGIN = 3000, END = 6000 };
    static float zeros[N], quiet[N];
    for (int i = 0; i < N; i++) {
        bool sounds = i >= BEGIN && i < END;
        zeros[i] = sounds ? sinf(0.1f * (float)i) : i % 2 == 0 ? 0.0f : -0.0f;
        quiet[i] = sounds ? zeros[i] : 1e-30f;
    }
    for (int kind = DSP_STFT; kind <= DSP_MFCC; kind++) {
        for (int pad = DSP_PAD_REFLECT; pad <= DSP_PAD_SAME; pad++) {
            dsp_features_options o = plain;
            o.kind = kind;
            o.pad = pad;
            o.top_db = 80;
            dsp_features *f = make(&o, 1, N);
            int64_t shape[3];
            dsp_features_shape(f, shape);
            float *out = apply(f, zeros), *expected = apply(f, quiet);
            for (int64_t i = 0; i < shape[1] * shape[2]; i++) {
                ck_assert_float_eq(out[i], expected[i]);
            }
            base_free(out);
            base_free(expected);
            dsp_features_free(f);
        }
    }
}
END_TEST

START_TEST(waveform_is_the_clip_itself) {
    const float audio[6] = {1, 2, 3, 4, 5, 6};
    dsp_features_options o = plain;
    o.kind = DSP_WAVEFORM;
    for (int64_t frames = 0; frames <= 4; frames += 2) {
        int64_t shape[3];
        o.frames = frames;
        dsp_features *f = make(&o, 2, 3);
        dsp_features_shape(f, shape);
        ck_assert(shape[0] == 2 && shape[1] == 1 && shape[2] == (frames ? frames : 3));
        float *out = apply(f, audio);
        for (int64_t i = 0; i < 2 * shape[2]; i++) {
            int64_t c = i / shape[2], t = i % shape[2];
            ck_assert_float_eq(out[i], t < 3 ? audio[c * 3 + t] : 0.0f);
        }
        base_free(out);
        dsp_features_free(f);
    }
}
END_TEST

/* The picture of each channel, then what log_mel gives, frame by frame side by side. */
START_TEST(rasters_stand_before_log_mel) {
    enum { N = 6000, FRAMES = 16 };
    golden *g = golden_open("dsp_features");
    const float *x = golden_get(g, "x", NULL);
    dsp_features_options o = plain;
    int64_t shape[3];
    o.frames = FRAMES;
    float *out[3];
    for (int i = 0; i < 3; i++) {
        o.kind = (const int[]){DSP_RASTER, DSP_LOG_MEL, DSP_RASTER_LOG_MEL}[i];
        dsp_features *f = make(&o, 2, N);
        dsp_features_shape(f, shape);
        ck_assert(shape[0] == (i < 2 ? 2 : 4) && shape[1] == 64 && shape[2] == FRAMES);
        ck_assert_int_eq(dsp_features_valid_frames(f, N), 14);
        ck_assert_int_eq(dsp_features_valid_frames(f, 442), 2);
        out[i] = apply(f, x);
        dsp_features_free(f);
    }
    size_t n_part = 2 * 64 * FRAMES;
    ck_assert_mem_eq(out[2], out[0], n_part * sizeof(float));
    ck_assert_mem_eq(out[2] + n_part, out[1], n_part * sizeof(float));
    for (int i = 0; i < 3; i++) base_free(out[i]);
    golden_close(g);
}
END_TEST

START_TEST(frames_cut_and_fill) {
    golden *g = golden_open("dsp_features");
    const float *x = golden_get(g, "x", NULL), *expected = golden_get(g, "log_mel", NULL);
    int64_t natural = 14;
    for (int64_t frames = 10; frames <= 20; frames += 10) {
        dsp_features_options o = plain;
        o.frames = frames;
        dsp_features *f = make(&o, 1, 6000);
        float *out = apply(f, x);
        for (int64_t i = 0; i < 64 * frames; i++) {
            int64_t row = i / frames, t = i % frames;
            float want = t < natural ? expected[row * natural + t] : 0.0f;
            ck_assert_float_eq_tol(out[i], want, 1e-3f);
        }
        base_free(out);
        dsp_features_free(f);
    }
    golden_close(g);
}
END_TEST

START_TEST(valid_frames_follow_the_hop) {
    dsp_features_options o = plain;
    dsp_features *f = make(&o, 1, 6000);
    ck_assert_int_eq(dsp_features_valid_frames(f, 0), 1);
    ck_assert_int_eq(dsp_features_valid_frames(f, 1), 1);
    ck_assert_int_eq(dsp_features_valid_frames(f, 441), 1);
    ck_assert_int_eq(dsp_features_valid_frames(f, 442), 2);
    ck_assert_int_eq(dsp_features_valid_frames(f, 1 << 20), 14);
    dsp_features_free(f);
    o.frames = 20; /* those that fill up to it carry no sound */
    o.centered = false;
    f = make(&o, 1, 6000);
    ck_assert_int_eq(dsp_features_valid_frames(f, 6000), 1 + (6000 - 2048) / 441);
    dsp_features_free(f);
    o = plain;
    o.kind = DSP_WAVEFORM;
    f = make(&o, 1, 6000);
    ck_assert_int_eq(dsp_features_valid_frames(f, 442), 442);
    ck_assert_int_eq(dsp_features_valid_frames(f, 9000), 6000);
    dsp_features_free(f);
    o.mask_padding = false;
    f = make(&o, 1, 6000);
    ck_assert_int_eq(dsp_features_valid_frames(f, 442), 6000);
    dsp_features_free(f);
}
END_TEST

START_TEST(shortest_clips_and_broken_samples) {
    const float audio[2] = {0.5f, NAN};
    for (int kind = DSP_WAVEFORM; kind <= DSP_MFCC; kind++) {
        for (int64_t n = 1; n <= 2; n++) {
            dsp_features_options o = plain;
            o.kind = kind;
            o.deltas = 2;
            o.top_db = 80;
            o.normalize = DSP_NORM_CLIP;
            dsp_features *f = make(&o, 1, n);
            float *out = apply(f, audio);
            ck_assert(isfinite(out[0]) == (n == 1));
            base_free(out);
            dsp_features_free(f);
        }
    }
}
END_TEST

static void check_refused(dsp_features_options options, const char *part) {
    dsp_features *f;
    base_error err;
    const dsp_clip_form form = {44100.0, 1, 1000};
    TEST_FAILS(dsp_features_new(&options, &form, &f, &err), BASE_ECONFIG, err, part);
    ck_assert_ptr_null(f);
}

START_TEST(impossible_options_name_their_key) {
    dsp_features_options o = plain;
    o.hop = 2049;
    check_refused(o, "features.hop: 2049");
    o = plain;
    o.win_length = 2049;
    check_refused(o, "features.win_length: 2049");
    o = plain;
    o.fmax_hz = 22051;
    check_refused(o, "features.fmax: 22051");
    o = plain;
    o.fmin_hz = 22050;
    check_refused(o, "features.fmin: 22050");
    o = plain;
    o.n_mels = 1000;
    check_refused(o, "features.n_mels: filter");
    o = plain;
    o.centered = false;
    check_refused(o, "features.n_fft: a clip of 1000 samples");
    o = plain;
    o.kind = DSP_MFCC;
    o.n_mfcc = 65;
    check_refused(o, "features.n_mfcc: 65");
    o = plain;
    o.kind = DSP_STFT;
    o.power = 1.5;
    check_refused(o, "features.power: 1.5");
    dsp_features_free(NULL);
}
END_TEST

START_TEST(the_table_gives_the_presets) {
    base_arena arena = {0};
    base_error err;
    base_node *root;
    dsp_features_options o;
    const char *text = "{kind: mfcc, fmax: 16000, normalize: minmax}";
    TEST_OK(base_yaml_parse(text, "test", &arena, &root, &err), err);
    TEST_OK(base_options_bind(dsp_features_table, root, &o, &arena, &err), err);
    ck_assert_int_eq(o.kind, DSP_MFCC);
    ck_assert_int_eq(o.normalize, DSP_NORM_MINMAX);
    ck_assert_int_eq(o.window, DSP_HANN);
    ck_assert_int_eq(o.pad, DSP_PAD_REFLECT);
    ck_assert(o.n_fft == 2048 && o.hop == 441 && o.n_mels == 64 && o.n_mfcc == 20);
    ck_assert(o.centered && o.area && !o.htk && o.fmax_hz == 16000.0 && o.amin == 1e-10);
    TEST_OK(base_options_bind(dsp_features_table, NULL, &o, &arena, &err), err);
    ck_assert_int_eq(o.kind, DSP_LOG_MEL);
    ck_assert_int_eq(o.normalize, DSP_NORM_FEATURE);
    base_arena_release(&arena);
}
END_TEST

TEST_MAIN("dsp/features", log_mel_agrees_with_librosa, every_mel_option_agrees_with_librosa,
          decibels_of_magnitudes_agree_with_librosa, other_kinds_agree_with_librosa,
          silent_frames_are_as_if_transformed, waveform_is_the_clip_itself,
          rasters_stand_before_log_mel, frames_cut_and_fill, valid_frames_follow_the_hop,
          shortest_clips_and_broken_samples, impossible_options_name_their_key,
          the_table_gives_the_presets)
