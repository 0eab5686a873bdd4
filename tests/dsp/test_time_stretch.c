#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "dsp/time_stretch.h"
#include "tests/test.h"

enum { N = 40000 };

START_TEST(onsets_are_where_sound_begins) {
    float *x = base_alloc(N, sizeof *x), *energies = base_alloc(N, sizeof *energies);
    int64_t onsets[N / 1000];
    dsp_clip clip = {x, 1, N, 44100.0};
    ck_assert_int_eq(dsp_onsets(clip, energies, onsets), 0);
    for (int i = 0; i < N; i++) {
        double since = i < 20000 ? i - 700 : i - 20000;
        if (since >= 0) x[i] = (float)(exp(-since / 3000.0) * cos(0.03 * since));
    }
    ck_assert_int_eq(dsp_onsets(clip, energies, onsets), 2);
    ck_assert_int_eq(onsets[0], 700);
    ck_assert_int_eq(onsets[1], 20000);
    base_free(x);
    base_free(energies);
}
END_TEST

START_TEST(a_low_tone_is_one_onset) {
    float *x = base_alloc(N, sizeof *x), *energies = base_alloc(N, sizeof *energies);
    int64_t onsets[N / 1000];
    for (int i = 0; i < N; i++) x[i] = (float)sin(6.283185307179586 * 45.0 * i / 44100.0);
    ck_assert_int_eq(dsp_onsets((dsp_clip){x, 1, N, 44100.0}, energies, onsets), 1);
    ck_assert_int_lt(onsets[0], 64);
    base_free(x);
    base_free(energies);
}
END_TEST

/* Where the map puts a stretched place. */
static double clip_place(const dsp_time_piece *pieces, int64_t n, double at) {
    int64_t i = 0;
    while (i + 1 < n && pieces[i + 1].stretched <= at) i++;
    return pieces[i].clip + (at - pieces[i].stretched) * pieces[i].speed;
}

START_TEST(the_map_is_continuous_and_meets_its_onsets) {
    const int64_t onsets[] = {300, 12000, 14000, 30000};
    const double ratios[] = {0.5, 0.8, 1.01, 1.5, 2.0};
    for (int r = 0; r < 5; r++) {
        dsp_time_piece pieces[10];
        int64_t n = dsp_time_map(N, ratios[r], onsets, 4, pieces);
        ck_assert(n >= 4 && n <= 10);
        for (int64_t i = 0; i < n; i++) {
            ck_assert_double_gt(pieces[i].speed, 0.0);
            ck_assert(!pieces[i].locked || pieces[i].speed == 1.0);
            if (i == 0) continue;
            double at = pieces[i].stretched, before = nextafter(at, 0.0);
            ck_assert_double_gt(at, pieces[i - 1].stretched);
            ck_assert_double_eq_tol(clip_place(pieces, n, before), pieces[i].clip, 1e-6);
        }
        for (int i = 0; i < 4; i += i == 1 ? 2 : 1) { /* the third is too near the second */
            double place = round(ratios[r] * (double)onsets[i]);
            ck_assert_double_eq_tol(clip_place(pieces, n, place), (double)onsets[i], 1e-6);
        }
        ck_assert_double_eq_tol(clip_place(pieces, n, ratios[r] * N), N, 1e-6);
    }
}
END_TEST

START_TEST(the_map_of_nothing) {
    dsp_time_piece pieces[4];
    const int64_t onset = 0;
    ck_assert_int_ge(dsp_time_map(1, 0.5, &onset, 1, pieces), 1);
    ck_assert_int_ge(dsp_time_map(1, 2.0, NULL, 0, pieces), 1);
}
END_TEST

/* At ratio 1 nothing changes but for rounding. */
START_TEST(ratio_one_reconstructs) {
    float *x = base_alloc(N, sizeof *x), *y = base_alloc(N, sizeof *y);
    for (int i = 0; i < N; i++) x[i] = (float)(sin(0.001 * i * i / 40.0) * exp(-i / 9000.0));
    dsp_time_stretch *stretch;
    base_error err;
    TEST_OK(dsp_time_stretch_new(&stretch, &err), err);
    dsp_scratch scratch = {0};
    dsp_time_stretch_cut(stretch, &scratch);
    void *memory = base_alloc(1, scratch.used_bytes);
    dsp_stretch_buffers buffers = dsp_time_stretch_cut(stretch, &(dsp_scratch){.memory = memory});
    const int64_t onset = 9000;
    dsp_time_piece pieces[4];
    dsp_stretch_job job = {.x = x, .y = y, .n = N, .n_out = N, .pieces = pieces};
    job.n_pieces = dsp_time_map(N, 1.0, &onset, 1, pieces);
    dsp_time_stretch_run(stretch, &job, &buffers);
    test_close("y", y, x, N, 0.0, 1e-6);
    base_free(memory);
    dsp_time_stretch_free(stretch);
    base_free(x);
    base_free(y);
}
END_TEST

TEST_MAIN("dsp/time_stretch", onsets_are_where_sound_begins, a_low_tone_is_one_onset,
          the_map_is_continuous_and_meets_its_onsets, the_map_of_nothing, ratio_one_reconstructs)
