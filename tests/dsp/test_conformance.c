/* The front end against the conformance files, the clips made by their formulas. */
#include <math.h>
#include <stdio.h>

#include "base/csv.h"
#include "base/file.h"
#include "dsp/features.h"
#include "dsp/stft.h"
#include "tests/test.h"

enum { RATE_HZ = 44100, N_SAMPLES = 4410, MAX_FRAMES = 64 };
#define TOLERANCE 0.001 /* as docs/formats.md states: decibels, or units of a coefficient */
#define PI        3.14159265358979323846

/* u[0] is what stands before the noise's first sample. */
static void make_noise(double u[N_SAMPLES + 1]) {
    uint32_t s = 1;
    u[0] = 0;
    for (int64_t i = 1; i <= N_SAMPLES; i++) {
        s = s * 1664525u + 1013904223u;
        u[i] = s / 2147483648.0 - 1;
    }
}

/* u points to noise sample i. */
static double sample(const char *clip, int64_t i, const double *u) {
    double t = (double)i / RATE_HZ;
    if (strcmp(clip, "tone") == 0) return 0.5 * sin(2 * PI * 440 * t);
    if (strcmp(clip, "click") == 0) return i == 1000;
    if (strcmp(clip, "noise") == 0) return 0.5 * u[0];
    if (strcmp(clip, "sweep") == 0) return 0.5 * sin(2 * PI * (50 * t + 40000 * t * t));
    if (strcmp(clip, "kick") == 0) {
        return 0.9 * exp(-25 * t) * sin(2 * PI * (50 * t + 3.75 * (1 - exp(-40 * t))));
    }
    if (strcmp(clip, "snare") == 0) {
        return 0.5 * exp(-20 * t) * sin(2 * PI * 190 * t) + 0.4 * exp(-30 * t) * u[0];
    }
    ck_assert_str_eq(clip, "hat");
    return 0.4 * exp(-60 * t) * (u[0] - u[-1]);
}

static void make_clip(const char *clip, float *x) {
    double u[N_SAMPLES + 1];
    make_noise(u);
    for (int64_t i = 0; i < N_SAMPLES; i++) x[i] = (float)sample(clip, i, &u[i + 1]);
}

/* A file of tests/conformance, row by row. */
typedef struct {
    base_arena arena;
    void *bytes;
    const char *cursor, *end;
    int line, n_fields;
    const char *fields[MAX_FRAMES + 2];
} table;

static bool next_row(table *t) {
    base_error err;
    TEST_OK(base_csv_record(&t->cursor, t->end, &t->arena, t->fields, MAX_FRAMES + 2, &t->n_fields,
                            &t->line, &err),
            err);
    return t->n_fields > 0;
}

static table open_table(const char *name) {
    table t = {0};
    base_error err;
    char relative[64];
    size_t n_bytes;
    snprintf(relative, sizeof relative, "conformance/%s.csv", name);
    TEST_OK(base_file_read(test_path(relative), 0, &t.bytes, &n_bytes, &err), err);
    t.cursor = t.bytes;
    t.end = t.cursor + n_bytes;
    ck_assert(next_row(&t)); /* the header */
    return t;
}

static void close_table(table *t) {
    base_arena_release(&t->arena);
    base_free(t->bytes);
}

static float field(const table *t, int i) {
    double value;
    ck_assert_int_lt(i, t->n_fields);
    ck_assert(base_parse_double(t->fields[i], &value));
    return (float)value;
}

START_TEST(the_formulas_give_the_clips) {
    table t = open_table("clips");
    int n_clips = 0;
    for (; next_row(&t); n_clips++) {
        float x[N_SAMPLES];
        double sum = 0;
        make_clip(t.fields[0], x);
        for (int64_t i = 0; i < N_SAMPLES; i++) sum += (double)x[i] * x[i];
        const float found[] = {(float)sum, x[100], x[1000], x[4000]};
        const float expected[] = {field(&t, 1), field(&t, 2), field(&t, 3), field(&t, 4)};
        test_close(t.fields[0], found, expected, 4, 1e-6, 1e-7);
    }
    ck_assert_int_eq(n_clips, 7);
    close_table(&t);
}
END_TEST

static float *front_end(const dsp_features_options *options, const char *clip, int64_t shape[3]) {
    dsp_features *f;
    base_error err;
    float x[N_SAMPLES];
    make_clip(clip, x);
    const dsp_clip_form form = {RATE_HZ, 1, N_SAMPLES};
    TEST_OK(dsp_features_new(options, &form, &f, &err), err);
    dsp_features_shape(f, shape);
    float *out = base_alloc((size_t)(shape[1] * shape[2]), sizeof *out);
    void *scratch = base_alloc(dsp_features_scratch_bytes(f), 1);
    ck_assert(out && scratch);
    dsp_features_apply(f, x, scratch, out);
    base_free(scratch);
    dsp_features_free(f);
    return out;
}

/* Rows of a clip stand together, in order. */
static void check_features(const char *name, const dsp_features_options *options) {
    table t = open_table(name);
    float *out = NULL;
    int64_t shape[3] = {0}, n_rows = 0;
    while (next_row(&t)) {
        int64_t row = (int64_t)field(&t, 1);
        if (row == 0) {
            base_free(out);
            out = front_end(options, t.fields[0], shape);
        }
        ck_assert_int_eq(t.n_fields, shape[2] + 2);
        float expected[MAX_FRAMES];
        for (int i = 0; i < t.n_fields - 2; i++) expected[i] = field(&t, i + 2);
        test_close(t.fields[0], out + row * shape[2], expected, shape[2], 0, TOLERANCE);
        n_rows++;
    }
    ck_assert_int_eq(n_rows, 7 * shape[1]);
    base_free(out);
    close_table(&t);
}

static const dsp_features_options log_mel = {.kind = DSP_LOG_MEL,
                                             .n_fft = 2048,
                                             .hop = 441,
                                             .centered = true,
                                             .n_mels = 64,
                                             .area = true,
                                             .amin = 1e-10,
                                             .top_db = 80};

START_TEST(log_mel_conforms) {
    check_features("log_mel", &log_mel);
}
END_TEST

START_TEST(htk_log_mel_conforms) {
    dsp_features_options o = log_mel;
    o.n_fft = 1024;
    o.hop = 300;
    o.win_length = 800;
    o.window = DSP_HAMMING;
    o.pad = DSP_PAD_ZERO;
    o.n_mels = 40;
    o.fmin_hz = 30;
    o.fmax_hz = 16000;
    o.htk = true;
    o.area = false;
    check_features("log_mel_htk", &o);
}
END_TEST

START_TEST(mfcc_conforms) {
    dsp_features_options o = log_mel;
    o.kind = DSP_MFCC;
    o.n_mfcc = 20;
    check_features("mfcc", &o);
}
END_TEST

TEST_MAIN("dsp/conformance", the_formulas_give_the_clips, log_mel_conforms, htk_log_mel_conforms,
          mfcc_conforms)
