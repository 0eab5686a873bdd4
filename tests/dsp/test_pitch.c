#include "dsp/pitch.h"

#include <math.h>
#include <stdio.h>

#include "base/arena.h"
#include "tests/golden.h"
#include "tests/test.h"

static dsp_pitch *make(double rate_hz) {
    base_error err;
    dsp_pitch *p;
    TEST_OK(dsp_pitch_new(rate_hz, &p, &err), err);
    return p;
}

static dsp_pitch_summary measure(const dsp_pitch *p, const float *x, int64_t n) {
    size_t n_scratch = dsp_pitch_scratch_bytes(p, n);
    void *scratch = base_alloc(1, n_scratch);
    memset(scratch, 0xFF, n_scratch);
    dsp_pitch_summary summary = dsp_pitch_measure(p, x, n, scratch);
    base_free(scratch);
    return summary;
}

static void check_track(golden *g, const char *clip) {
    char name[64];
    int64_t n, n_frames;
    snprintf(name, sizeof name, "%s/x", clip);
    const float *x = golden_get(g, name, &n);
    snprintf(name, sizeof name, "%s/rate", clip);
    dsp_pitch *p = make((double)*golden_get(g, name, NULL));
    snprintf(name, sizeof name, "%s/hz", clip);
    const float *hz = golden_get(g, name, &n_frames);
    snprintf(name, sizeof name, "%s/confidence", clip);
    const float *confidence = golden_get(g, name, NULL);
    ck_assert_int_eq(dsp_pitch_frames(p, n), n_frames);
    void *scratch = base_alloc(1, dsp_pitch_scratch_bytes(p, n));
    for (int64_t t = 0; t < n_frames; t++) {
        dsp_pitch_frame frame = dsp_pitch_at(p, x, n, t * dsp_pitch_hop(p), scratch);
        ck_assert_msg(fabs(frame.hz / (double)hz[t] - 1.0) < 1e-4, "%s, frame %d: %g, not %g Hz",
                      clip, (int)t, frame.hz, (double)hz[t]);
        ck_assert_double_eq_tol(frame.confidence, (double)confidence[t], 1e-5);
    }
    base_free(scratch);
    dsp_pitch_free(p);
}

START_TEST(agrees_with_librosa) {
    static const char *const clips[] = {"kick", "snare", "hat", "tom", "quiet"};
    golden *g = golden_open("dsp_descriptors");
    for (size_t i = 0; i < sizeof clips / sizeof *clips; i++) check_track(g, clips[i]);
    golden_close(g);
}
END_TEST

enum { RATE = 44100, N = 22050 };

START_TEST(a_tone_is_found_at_any_pitch) {
    static const double tones_hz[] = {35, 50, 111, 440, 999, 2500};
    static float x[N];
    dsp_pitch *p = make(RATE);
    for (size_t k = 0; k < sizeof tones_hz / sizeof *tones_hz; k++) {
        for (int i = 0; i < N; i++) {
            x[i] = (float)(0.5 * sin(2 * M_PI * tones_hz[k] * i / RATE) * exp(-3.0 * i / RATE));
        }
        dsp_pitch_summary s = measure(p, x, N);
        ck_assert_double_eq_tol(s.hz / tones_hz[k], 1.0, 0.02);
        ck_assert_double_gt(s.confidence, 0.95);
        ck_assert_double_eq_tol(s.drop_st, 0.0, 0.5);
    }
    dsp_pitch_free(p);
}
END_TEST

START_TEST(a_fall_is_told_from_onset_to_tail) {
    static float x[N];
    dsp_pitch *p = make(RATE);
    double phase = 0.0;
    for (int i = 0; i < N; i++) { /* an octave, in steps that frames can follow */
        double hz = 120.0 * pow(2.0, -fmin(fmax((double)i / RATE - 0.1, 0.0) / 0.1, 1.0));
        x[i] = (float)(0.5 * sin(phase));
        phase += 2 * M_PI * hz / RATE;
    }
    dsp_pitch_summary s = measure(p, x, N);
    ck_assert_double_eq_tol(s.drop_st, 12.0, 0.3);
    ck_assert_double_eq_tol(s.hz, 60.0, 1.0);
    dsp_pitch_free(p);
}
END_TEST

START_TEST(noise_and_silence_have_no_pitch) {
    static float x[N];
    dsp_pitch *p = make(RATE);
    dsp_pitch_summary s = measure(p, x, N);
    ck_assert(isnan(s.hz) && isnan(s.drop_st) && s.confidence == 0.0);
    uint32_t state = 1;
    for (int i = 0; i < N; i++) {
        state = 1664525 * state + 1013904223;
        x[i] = (float)state / 4294967296.0f - 0.5f;
    }
    s = measure(p, x, N);
    ck_assert(isnan(s.hz) && isnan(s.drop_st));
    ck_assert_double_lt(s.confidence, 0.3);
    for (int64_t n = 1; n < 4; n++) ck_assert(measure(p, x, n).confidence <= 1.0);
    dsp_pitch_free(p);
}
END_TEST

TEST_MAIN("dsp/pitch", agrees_with_librosa, a_tone_is_found_at_any_pitch,
          a_fall_is_told_from_onset_to_tail, noise_and_silence_have_no_pitch)
