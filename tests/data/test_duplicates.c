#include "data/duplicates.h"

#include <math.h>

#include "base/rng.h"
#include "data/synth.h"
#include "dsp/effects.h"
#include "tests/data/fixture.h"

enum { N_HITS = 8, N_KINDS = 6, N_SOUND = 22050 };
#define NEAR 0.99

static float *audio_of(fixture *f, int64_t clip) {
    return f->clips.audio + f->clips.offset[clip];
}

/* N_HITS hits of every class of the synthesiser, then room for n_more. */
static fixture fixture_hits(int64_t n_more) {
    int64_t n = DATA_SYNTH_N_CLASSES * N_HITS;
    fixture f = fixture_new(n + n_more, 5, 1, N_SOUND);
    for (int64_t i = 0; i < n; i++) {
        data_audio hit;
        base_error err;
        TEST_OK(data_synth_hit((int)(i / N_HITS), i % N_HITS, 5, &hit, &err), err);
        memcpy(audio_of(&f, i), hit.x, (size_t)(hit.n < N_SOUND ? hit.n : N_SOUND) * sizeof *hit.x);
        data_audio_release(&hit);
    }
    return f;
}

static void copy_clip(fixture *f, int64_t from, int64_t to, int64_t skip) {
    memcpy(audio_of(f, to), audio_of(f, from) + skip, (size_t)(N_SOUND - skip) * sizeof(float));
}

static dsp_clip clip_of(fixture *f, int64_t clip) {
    return (dsp_clip){audio_of(f, clip), 1, N_SOUND, f->clips.sample_rate_hz};
}

/* Copies of another kind each: softer, trimmed, requantised, noisy, through MP3, faded. */
static void alter(fixture *f, int64_t clip, int64_t kind) {
    dsp_clip c = clip_of(f, clip);
    base_rng rng = base_rng_open(1, BASE_RNG_TEST, (uint64_t)clip, 0);
    base_error err;
    if (kind == 0 || kind == 2) dsp_gain(c, -20.0);
    if (kind == 2) {
        for (int64_t i = 0; i < c.n; i++) c.x[i] = roundf(c.x[i] * 32768.0f) / 32768.0f;
    }
    if (kind == 3) TEST_OK(dsp_noise(c, DSP_NOISE_WHITE, 50.0, &rng, &err), err);
    if (kind == 4) TEST_OK(dsp_mp3_round_trip(c, 160, &err), err);
    if (kind == 5) dsp_fade_out(c, c.n / 4);
}

static data_duplicates find(fixture *f, double near, int n_threads) {
    data_duplicates found;
    base_error err;
    base_pool *pool;
    TEST_OK(base_pool_new(n_threads, &pool, &err), err);
    TEST_OK(data_duplicates_find(&(data_duplicates_search){&f->clips, near, pool}, &f->manifest,
                                 &found, &err),
            err);
    base_pool_free(pool);
    return found;
}

START_TEST(equal_content_is_one_group) {
    fixture f = fixture_new(9, 3, 1, 4);
    f.manifest.rows[7].content.low = f.manifest.rows[4].content.low = 1; /* snares 1, 4, 7 */
    f.manifest.rows[8].content.low = 3;                                  /* hat 8 = kick 3 */
    f.manifest.rows[6].content.high = 5;
    f.manifest.rows[6].content.low = 0; /* half of 0's digest is not enough */
    for (int i = 0; i < 9; i++) f.manifest.rows[i].duplicate = 77;
    data_duplicates found = find(&f, 0.0, 1);
    static const int64_t expected[] = {-1, 0, -1, 1, 0, -1, -1, 0, 1};
    for (int i = 0; i < 9; i++) ck_assert_int_eq(f.manifest.rows[i].duplicate, expected[i]);
    ck_assert_int_eq(found.n_groups, 2);
    ck_assert_int_eq(found.n_copies, 3);
    ck_assert_int_eq(found.n_conflicts, 1);
    fixture_release(&f);
}
END_TEST

START_TEST(clips_stand_for_rows) {
    fixture f = fixture_new(4, 1, 1, 4);
    f.clips.n_clips = 2;
    f.clips.row[0] = 1;
    f.clips.row[1] = 3;
    f.manifest.rows[1].content = f.manifest.rows[3].content;
    find(&f, 0.0, 1);
    static const int64_t expected[] = {-1, 0, -1, 0};
    for (int i = 0; i < 4; i++) ck_assert_int_eq(f.manifest.rows[i].duplicate, expected[i]);
    fixture_release(&f);
}
END_TEST

START_TEST(different_hits_are_no_copies) {
    fixture f = fixture_hits(0);
    data_duplicates found = find(&f, NEAR, 2);
    ck_assert_int_eq(found.n_groups, 0);
    fixture_release(&f);
}
END_TEST

/* One copy of every hit, altered in turn; each must be found and joined with nothing else. */
START_TEST(altered_copies_are_found) {
    int64_t n = DATA_SYNTH_N_CLASSES * N_HITS;
    fixture f = fixture_hits(n);
    for (int64_t i = 0; i < n; i++) {
        copy_clip(&f, i, n + i, i % N_KINDS == 1 ? 8 : 0);
        alter(&f, n + i, i % N_KINDS);
    }
    data_duplicates found = find(&f, NEAR, 2);
    for (int64_t i = 0; i < n; i++) {
        ck_assert_msg(f.manifest.rows[n + i].duplicate == f.manifest.rows[i].duplicate,
                      "class %s, copy of kind %d: not found", data_synth_classes[i / N_HITS],
                      (int)(i % N_KINDS));
        ck_assert_int_eq(f.manifest.rows[i].duplicate, i);
    }
    ck_assert_int_eq(found.n_groups, n);
    ck_assert_int_eq(found.n_copies, n);
    fixture_release(&f);
}
END_TEST

/* Exact copies go without `near`; near ones need it; stereo is judged by its mean. */
START_TEST(near_is_the_callers_choice) {
    fixture f = fixture_new(3, 1, 2, N_SOUND);
    base_rng rng = base_rng_open(2, BASE_RNG_TEST, 0, 0);
    for (int64_t c = 0; c < 3; c++) {
        for (int64_t i = 0; i < 2 * N_SOUND; i++) {
            float decay = expf(-(float)(i % N_SOUND) / (c == 1 ? 900.0f : 3000.0f));
            audio_of(&f, c)[i] = decay * base_rng_normal(&rng);
        }
    }
    memcpy(audio_of(&f, 2), audio_of(&f, 0), 2 * N_SOUND * sizeof(float));
    audio_of(&f, 2)[50] += 0.01f;
    ck_assert_int_eq(find(&f, 0.0, 1).n_groups, 0);
    ck_assert_int_eq(find(&f, NEAR, 1).n_groups, 1);
    ck_assert_int_eq(f.manifest.rows[2].duplicate, f.manifest.rows[0].duplicate);
    ck_assert_int_eq(f.manifest.rows[1].duplicate, -1);
    fixture_release(&f);
}
END_TEST

/* Chords of four tones; every fifth is a softer copy of the one before. */
START_TEST(finds_copies_among_thousands_with_any_number_of_threads) {
    enum { N = 1500, SHORT = 2400 };
    fixture f = fixture_new(N, 5, 1, SHORT);
    for (int64_t c = 0; c < N; c++) {
        base_rng rng = base_rng_open(3, BASE_RNG_TEST, (uint64_t)(c % 5 == 4 ? c - 1 : c), 0);
        double decay = base_rng_range(&rng, 100, 2000), pitch[4];
        for (int k = 0; k < 4; k++) pitch[k] = 40 * exp(base_rng_range(&rng, 0, 5));
        for (int64_t i = 0; i < SHORT; i++) {
            double tone = 0.0, t = (double)i / 44100;
            for (int k = 0; k < 4; k++) tone += sin(6.2831853 * t * pitch[k]);
            audio_of(&f, c)[i] = (float)(tone * exp(-(double)i / decay));
        }
        if (c % 5 == 4) dsp_gain((dsp_clip){audio_of(&f, c), 1, SHORT, 44100.0}, -7.0);
    }
    data_duplicates found = find(&f, NEAR, 1);
    int64_t groups[N];
    for (int64_t c = 0; c < N; c++) {
        groups[c] = f.manifest.rows[c].duplicate;
        if (c % 5 == 4) ck_assert(groups[c] >= 0 && groups[c] == groups[c - 1]);
    }
    ck_assert_int_ge(found.n_groups, N / 5 * 9 / 10);
    ck_assert_int_le(found.n_copies, N / 5 * 13 / 10);
    for (int n_threads = 2; n_threads <= 3; n_threads++) {
        data_duplicates again = find(&f, NEAR, n_threads);
        ck_assert_int_eq(again.n_copies, found.n_copies);
        for (int64_t c = 0; c < N; c++) ck_assert_int_eq(f.manifest.rows[c].duplicate, groups[c]);
    }
    fixture_release(&f);
}
END_TEST

START_TEST(silence_and_odd_thresholds_find_nothing) {
    fixture f = fixture_new(20, 2, 1, 100);
    ck_assert_int_eq(find(&f, 0.9, 1).n_groups, 0);
    data_duplicates found;
    base_error err;
    TEST_FAILS(data_duplicates_find(&(data_duplicates_search){&f.clips, 0.5, NULL}, &f.manifest,
                                    &found, &err),
               BASE_ECONFIG, err, "folds.near: 0.5 is neither 0 nor from 0.9 to 1");
    fixture_release(&f);
}
END_TEST

/* Two channels that cancel each other say what they say apart. */
START_TEST(channels_that_cancel_are_no_copies) {
    enum { N = 4, LONG = 22050 };
    fixture f = fixture_new(2 * N, 2, 2, LONG);
    for (int64_t i = 0; i < N; i++) {
        data_audio hit;
        base_error err;
        TEST_OK(data_synth_hit((int)i, 0, 5, &hit, &err), err);
        for (int64_t j = 0; j < 2 * LONG; j++) {
            int64_t at = j % LONG;
            float x = at < hit.n ? hit.x[at] : 0.0f;
            audio_of(&f, i)[j] = j < LONG ? x : -x * 0.9999f;
            audio_of(&f, N + i)[j] = 0.5f * audio_of(&f, i)[j];
        }
        data_audio_release(&hit);
    }
    ck_assert_int_eq(find(&f, NEAR, 1).n_groups, N); /* each with its softer copy */
    for (int64_t i = 0; i < N; i++) {
        ck_assert_int_eq(f.manifest.rows[i].duplicate, f.manifest.rows[N + i].duplicate);
    }
    fixture_release(&f);
}
END_TEST

START_TEST(nothing_is_no_copy_of_nothing) {
    fixture f = fixture_new(6, 2, 1, 10);
    for (int i = 0; i < 6; i++) f.manifest.rows[i].content = (base_digest){0, 0};
    ck_assert_int_eq(find(&f, 0, 1).n_groups, 0);
    fixture_release(&f);
}
END_TEST

TEST_MAIN("data/duplicates", equal_content_is_one_group, clips_stand_for_rows,
          different_hits_are_no_copies, altered_copies_are_found, near_is_the_callers_choice,
          finds_copies_among_thousands_with_any_number_of_threads,
          silence_and_odd_thresholds_find_nothing, channels_that_cancel_are_no_copies,
          nothing_is_no_copy_of_nothing)
