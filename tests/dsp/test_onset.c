#include "dsp/onset.h"

#include <math.h>
#include <stdio.h>

#include "base/arena.h"
#include "tests/golden.h"
#include "tests/test.h"

static base_error err;

/* All of x, `at_once` samples at a time. */
static dsp_onset *listen(const float *x, int64_t n, double rate_hz, int64_t at_once) {
    dsp_onset *o;
    float peak = 0;
    for (int64_t i = 0; i < n; i++) peak = fmaxf(peak, fabsf(x[i]));
    TEST_OK(dsp_onset_new(rate_hz, 1 / (double)peak, &o, &err), err);
    for (int64_t i = 0; i < n; i += at_once) {
        TEST_OK(dsp_onset_add(o, x + i, at_once < n - i ? at_once : n - i, &err), err);
    }
    TEST_OK(dsp_onset_finish(o, &err), err);
    return o;
}

static const float *get(golden *g, const char *clip, const char *what, int64_t *n) {
    char name[64];
    snprintf(name, sizeof name, "%s/%s", clip, what);
    return golden_get(g, name, n);
}

static void check_clip(golden *g, const char *clip) {
    int64_t n, n_frames, n_onsets;
    const float *x = get(g, clip, "x", &n);
    const float *strength = get(g, clip, "strength", &n_frames);
    dsp_onset *o = listen(x, n, (double)*get(g, clip, "rate", NULL), 1000);
    ck_assert_int_eq(dsp_onset_frames(o), n_frames);
    test_close("strength", dsp_onset_strength(o), strength, n_frames, 1e-4, 1e-4);
    test_close("level", dsp_onset_level(o), get(g, clip, "level", NULL), n_frames, 1e-4, 1e-6);
    const float *onsets = get(g, clip, "onsets", &n_onsets);
    int64_t t = -1;
    for (int64_t i = 0; i < n_onsets; i++) {
        t = dsp_onset_next(o, t, DSP_ONSET_THRESHOLD);
        ck_assert_int_eq(t, (int64_t)onsets[i]);
    }
    ck_assert_int_eq(dsp_onset_next(o, t, DSP_ONSET_THRESHOLD), -1);
    dsp_onset_free(o);
}

START_TEST(agrees_with_librosa) {
    golden *g = golden_open("dsp_onset");
    check_clip(g, "low");
    check_clip(g, "high");
    golden_close(g);
}
END_TEST

START_TEST(pieces_and_gain_do_not_show) {
    golden *g = golden_open("dsp_onset");
    int64_t n;
    const float *x = get(g, "high", "x", &n);
    dsp_onset *whole = listen(x, n, 44100, n), *pieces = listen(x, n, 44100, 37);
    int64_t n_frames = dsp_onset_frames(whole);
    ck_assert_int_eq(dsp_onset_frames(pieces), n_frames);
    ck_assert_mem_eq(dsp_onset_strength(whole), dsp_onset_strength(pieces),
                     (size_t)n_frames * sizeof(float));
    float *quiet = base_alloc((size_t)n, sizeof *quiet);
    for (int64_t i = 0; i < n; i++) quiet[i] = x[i] / 1024;
    dsp_onset *soft = listen(quiet, n, 44100, n);
    test_close("of a quiet one", dsp_onset_strength(soft), dsp_onset_strength(whole), n_frames,
               1e-4, 1e-4);
    dsp_onset_free(whole);
    dsp_onset_free(pieces);
    dsp_onset_free(soft);
    base_free(quiet);
    golden_close(g);
}
END_TEST

START_TEST(no_sound_has_no_onset) {
    static float x[20000];
    dsp_onset *o;
    TEST_OK(dsp_onset_new(8000, 1, &o, &err), err);
    TEST_OK(dsp_onset_finish(o, &err), err);
    ck_assert_int_eq(dsp_onset_frames(o), 0);
    ck_assert_int_eq(dsp_onset_next(o, -1, 1), -1);
    TEST_OK(dsp_onset_add(o, x, 20000, &err), err);
    TEST_OK(dsp_onset_finish(o, &err), err);
    ck_assert_int_eq(dsp_onset_frames(o), 500);
    ck_assert_int_eq(dsp_onset_next(o, -1, 1), -1);
    dsp_onset_free(o);
    TEST_FAILS(dsp_onset_new(4000, 1, &o, &err), BASE_EDATA, err, "not 4000");
    TEST_FAILS(dsp_onset_new(NAN, 1, &o, &err), BASE_EDATA, err, "sample rate");
}
END_TEST

/* Noise that is the same everywhere. */
static float noise(uint32_t *state) {
    *state = *state * 1664525 + 1013904223;
    return (float)(*state >> 8) / (float)(1 << 23) - 1;
}

enum { RATE = 44100, N = 22050, ATTACK = 11000 };

/* A low tone that rings on, faint noise, and a burst at ATTACK. */
static void make_attack(float *x, float burst) {
    uint32_t state = 1;
    for (int i = 0; i < N; i++) {
        x[i] = 0.3F * (float)sin(2 * M_PI * 70 * i / RATE) + 1e-3F * noise(&state);
        if (i >= ATTACK) x[i] += burst * noise(&state) * (float)exp((ATTACK - i) / 2000.0);
    }
}

START_TEST(an_attack_is_whole_wherever_it_was_looked_for) {
    static float x[N];
    static const int off[] = {-1500, -400, 0, 500, 1500}; /* samples; 35 ms at most */
    make_attack(x, 0.2F);
    for (size_t i = 0; i < sizeof off / sizeof *off; i++) {
        int64_t begin = dsp_attack_begin(x, N, ATTACK + off[i], RATE);
        ck_assert_int_le(begin, ATTACK - RATE / 2000);     /* all of it, and half a millisecond */
        ck_assert_int_ge(begin, ATTACK - RATE * 8 / 1000); /* 1 ms, and 5 to a zero crossing */
        ck_assert(x[begin] == 0 || (x[begin] > 0) != (x[begin - 1] > 0));
    }
}
END_TEST

START_TEST(the_ends_of_a_sound_are_no_trouble) {
    static float x[N];
    make_attack(x, 0.2F);
    ck_assert_int_eq(dsp_attack_begin(x + ATTACK, N - ATTACK, 0, RATE), 0);
    ck_assert_int_ge(dsp_attack_begin(x, ATTACK + 600, ATTACK + 599, RATE),
                     ATTACK - RATE * 8 / 1000);
    ck_assert_int_eq(dsp_attack_begin(x, 1, 0, RATE), 0);
    memset(x, 0, sizeof x);
    int64_t begin = dsp_attack_begin(x, N, ATTACK, RATE);
    ck_assert_int_ge(begin, 0);
    ck_assert_int_lt(begin, N);
}
END_TEST

TEST_MAIN("dsp/onset", agrees_with_librosa, pieces_and_gain_do_not_show, no_sound_has_no_onset,
          an_attack_is_whole_wherever_it_was_looked_for, the_ends_of_a_sound_are_no_trouble)
