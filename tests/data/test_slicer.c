#include "data/slicer.h"

#include <math.h>

#include "dsp/onset.h"
#include "tests/sound.h"
#include "tests/test.h"

static base_error err;
static base_arena arena;

enum { RATE = 22050 };

static const char *write_song(const char *name, double seconds, const double *at_s, int n) {
    return sound_write_strokes(&arena, test_folder(), name, (sound_strokes){seconds, at_s, n});
}

static const data_slicer_options usual = {.threshold = DSP_ONSET_THRESHOLD, .longest_s = 6};
static const double strokes_s[] = {0.3, 0.6, 0.75, 2.0};
enum { N_STROKES = sizeof strokes_s / sizeof *strokes_s };

static void check_slices(data_slicer *s) {
    int64_t n, last = 0;
    const data_slice *slices = data_slicer_slices(s, &n);
    ck_assert_int_eq(n, N_STROKES);
    for (int i = 0; i < N_STROKES; i++) {
        double begin_s = (double)slices[i].begin / RATE, end_s = (double)slices[i].end / RATE;
        ck_assert_double_le(begin_s, strokes_s[i]);
        ck_assert_double_ge(begin_s, strokes_s[i] - 0.008);
        ck_assert_int_ge(slices[i].begin, last);
        last = slices[i].end;
        ck_assert_double_gt(end_s - begin_s, 0.14);
        ck_assert_double_lt(end_s - begin_s, 0.32); /* e^(-30 t) is 1/1000 after 0.23 s */
        data_audio audio;
        TEST_OK(data_slicer_next(s, &audio, &err), err);
        ck_assert_int_eq(audio.n, slices[i].end - slices[i].begin);
        ck_assert_int_eq(audio.n_channels, 2);
        ck_assert(audio.x[0] == 0 && audio.x[audio.n - 1] == 0);
        float peak = 0;
        for (int64_t k = 0; k < audio.n; k++) {
            peak = fmaxf(peak, audio.x[k]);
            ck_assert_float_eq_tol(audio.x[audio.n + k], audio.x[k] / 2, 1e-6);
        }
        ck_assert_float_gt(peak, 0.25);
        data_audio_release(&audio);
    }
    ck_assert_int_eq(slices[1].end, slices[2].begin); /* cut off by the next one */
}

START_TEST(strokes_are_cut_where_they_begin_and_end) {
    data_slicer *s;
    TEST_OK(data_slicer_open(write_song("a.wav", 3, strokes_s, N_STROKES), &usual, &s, &err), err);
    ck_assert_double_eq(data_slicer_seconds(s), 3);
    check_slices(s);
    int64_t n;
    const float *level = data_slicer_levels(s, &n);
    ck_assert_int_eq(n, 600);
    ck_assert_float_lt(level[40], 1e-3F);
    ck_assert_float_gt(level[60], 0.5F);
    data_slicer_close(s);
}
END_TEST

START_TEST(a_recording_may_begin_with_a_stroke) {
    static const double at_s[] = {0, 0.5};
    data_slicer *s;
    data_audio audio;
    int64_t n;
    TEST_OK(data_slicer_open(write_song("a.wav", 1, at_s, 2), &usual, &s, &err), err);
    const data_slice *slices = data_slicer_slices(s, &n);
    ck_assert_int_eq(n, 2);
    ck_assert_int_eq(slices[0].begin, 0);
    ck_assert_double_eq_tol((double)slices[1].begin / RATE, 0.496, 0.004);
    TEST_OK(data_slicer_next(s, &audio, &err), err);
    ck_assert_float_gt(fabsf(audio.x[RATE / 500]), 0.1F);
    data_audio_release(&audio);
    data_slicer_close(s);
}
END_TEST

/* Blocks of half a million frames each: the third stroke lies over the first border. */
START_TEST(blocks_do_not_show) {
    double at_s[] = {0.3, 10, (double)(DATA_BLOCK_SAMPLES / 2) / RATE + 0.001, 40};
    data_slicer *s;
    TEST_OK(data_slicer_open(write_song("long.wav", 50, at_s, 4), &usual, &s, &err), err);
    int64_t n;
    const data_slice *slices = data_slicer_slices(s, &n);
    ck_assert_int_eq(n, 4);
    for (int i = 0; i < 4; i++) {
        data_audio audio;
        ck_assert_double_eq_tol((double)slices[i].begin / RATE, at_s[i] - 0.004, 0.004);
        TEST_OK(data_slicer_next(s, &audio, &err), err);
        ck_assert_float_gt(fabsf(audio.x[llround((at_s[i] + 0.001) * RATE) - slices[i].begin]),
                           0.01F);
        data_audio_release(&audio);
    }
    data_slicer_close(s);
}
END_TEST

START_TEST(annotations_are_followed) {
    const char *song = write_song("a.wav", 3, strokes_s, N_STROKES);
    data_annotation a;
    data_slicer *s;
    const char *path = sound_write_text(&arena, test_folder(), "a.txt",
                                        "0.31 KD\n0.61 SD\n0.73 HH\n2.02\t2.1\tKD\n");
    TEST_OK(data_annotation_read(path, song, &arena, &a, &err), err);
    data_slicer_options options = usual;
    options.annotation = &a;
    TEST_OK(data_slicer_open(song, &options, &s, &err), err);
    int64_t n;
    const data_slice *slices = data_slicer_slices(s, &n);
    ck_assert_int_eq(n, N_STROKES);
    ck_assert_str_eq(slices[2].label, "HH");
    for (int i = 0; i < N_STROKES; i++) {
        ck_assert_double_eq_tol((double)slices[i].begin / RATE, strokes_s[i] - 0.004, 0.004);
    }
    ck_assert_int_eq(slices[3].end, llround(2.1 * RATE));
    data_slicer_close(s);
    data_annotation_release(&a);
}
END_TEST

START_TEST(one_slice_alone_is_the_same) {
    const char *song = write_song("a.wav", 3, strokes_s, N_STROKES);
    data_slicer *s;
    data_audio whole, alone;
    int64_t n;
    TEST_OK(data_slicer_open(song, &usual, &s, &err), err);
    TEST_OK(data_slicer_next(s, &whole, &err), err);
    data_audio_release(&whole);
    TEST_OK(data_slicer_next(s, &whole, &err), err);
    const data_slice *slices = data_slicer_slices(s, &n);
    data_audio_span span = {.begin_s = slices[1].at_s, .end_s = slices[2].at_s};
    TEST_OK(data_slice_read(song, &span, 6, &alone, &err), err);
    ck_assert_int_eq(alone.n, whole.n);
    test_close("samples", alone.x, whole.x, 2 * whole.n, 0, 1e-7);
    data_audio_release(&whole);
    data_audio_release(&alone);
    data_slicer_close(s);
    span = (data_audio_span){.begin_s = 0.3, .end_s = 0.6};
    TEST_OK(data_slice_read(song, &span, 0.05, &alone, &err), err); /* the longest */
    ck_assert_double_eq_tol((double)alone.n / RATE, 0.05, 0.009);
    data_audio_release(&alone);
    span = (data_audio_span){.begin_s = 3.5, .end_s = 4};
    TEST_FAILS(data_slice_read(song, &span, 6, &alone, &err), BASE_EDATA, err, "a.wav");
}
END_TEST

static bool stop_now(void) {
    return true;
}

START_TEST(what_cannot_be_cut_is_told) {
    data_slicer *s;
    data_slicer_options options = usual;
    TEST_FAILS(data_slicer_open(write_song("silent.wav", 1, NULL, 0), &usual, &s, &err), BASE_EDATA,
               err, "silent.wav: silent");
    const char *song = write_song("a.wav", 3, strokes_s, N_STROKES);
    options.threshold = 1e6;
    TEST_FAILS(data_slicer_open(song, &options, &s, &err), BASE_EDATA, err,
               "a.wav: no onsets found");
    TEST_FAILS(data_slicer_open("nowhere.wav", &usual, &s, &err), BASE_ENOTFOUND, err, "nowhere");
    options = usual;
    options.stopped = stop_now;
    TEST_FAILS(data_slicer_open(song, &options, &s, &err), BASE_ESTOPPED, err, "stopped");
    const char *low =
        sound_write_tone(&arena, test_folder(), "low.wav", (sound_tone){1, 100, 4000, 0.5, 1});
    TEST_FAILS(data_slicer_open(low, &usual, &s, &err), BASE_EDATA, err,
               "low.wav: onsets need a sample rate");
}
END_TEST

TEST_MAIN("data/slicer", strokes_are_cut_where_they_begin_and_end,
          a_recording_may_begin_with_a_stroke, blocks_do_not_show, annotations_are_followed,
          one_slice_alone_is_the_same, what_cannot_be_cut_is_told)
