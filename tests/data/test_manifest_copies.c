/* Sounds for testing that reach the training inside of mixes. tests/data/test_manifest.c has plain
 * copies. */
#include "data/duplicates.h"
#include "tests/mix_parts.h"
#include "tests/sound.h"
#include "tests/test.h"

static base_error err;
static base_arena arena;
static data_manifest m;

static sound_tone tone(double hz) {
    return (sound_tone){0.3, hz, 8000, 0.4, 1};
}

/* Three one-shots of each class for mixes, parts/CLASS/KIT/NUMBER.wav, and other sounds. */
static const char *data_set(void) {
    const char *folder = test_folder();
    for (int i = 0; i < 6; i++) {
        sound_write_tone(&arena, folder,
                         base_arena_printf(&arena, "parts/%s/kit/%d.wav", i % 2 ? "b" : "a", i / 2),
                         tone(100 + 37 * i));
    }
    return folder;
}

/* As a run opens its data. `sources`: %s is the folder. */
static base_status open_data(const char *folder, const char *sources) {
    data_clips clips;
    data_duplicates found;
    data_audio_options form = {.sample_rate_hz = 8000,
                               .channels = 1,
                               .seconds = 0.5,
                               .trim_db = -50,
                               .normalize = DATA_NORMALIZE_PEAK,
                               .min_peak_db = -60};
    base_text yaml = {0};
    for (const char *s = sources; *s != '\0'; s++) {
        if (*s == '@') {
            base_text_add(&yaml, folder);
        } else {
            base_text_add_bytes(&yaml, s, 1);
        }
    }
    TEST_OK(sound_open_manifest(&arena, base_text_string(&yaml), ".", &m, &err), err);
    base_text_release(&yaml);
    TEST_OK(data_clips_open(&m, &form, NULL, &clips, &err), err);
    TEST_OK(data_duplicates_find(&(data_duplicates_search){.clips = &clips}, &m, &found, &err),
            err);
    data_clips_release(&clips);
    return data_manifest_leave_out_copies(&m, &err);
}

static bool is_from(const data_row *row, const char *name) {
    for (int64_t i = 0; i < row->n_parts; i++) {
        if (strcmp(row->parts[i].name, name) == 0) return true;
    }
    return false;
}

/* Of the mixes just those go that have the one-shot in them, louder or in another file as it may
 * be; the reason names both. */
START_TEST(mixes_of_a_sound_for_testing_are_left_out) {
    const char *folder = data_set();
    sound_tone louder = tone(100 + 37 * 2);
    louder.peak = 0.8;
    sound_write_tone(&arena, folder, "tests/a/same.wav", louder);
    sound_write_tone(&arena, folder, "tests/b/other.wav", tone(999));
    TEST_OK(
        open_data(folder,
                  "[{source: mix, parts: {source: folder, path: @/parts}, classes: [a, b, a+b], "
                  "per_class: 20, pools: 1},"
                  " {source: folder, path: @/tests, use: test}]"),
        err);
    const char *why = base_arena_printf(
        &arena,
        "made from kit/1.wav, a copy of a sound for testing (use: test): %s/tests/a/same.wav",
        folder);
    int n_left_out = 0;
    for (int i = 0; i < 60; i++) {
        const data_row *row = &m.rows[i];
        /* kit/1.wav is a name in both classes */
        bool tested = i < 20   ? is_from(row, "kit/1.wav")
                      : i < 40 ? false
                               : strncmp(row->parts[0].name, "kit/1.wav", 9) == 0;
        ck_assert_msg(tested == (row->left_out != NULL), "%s: %s", row->path, row->label);
        ck_assert(tested == (row->class_index < 0));
        if (tested) ck_assert_str_eq(row->left_out, why);
        n_left_out += tested;
    }
    ck_assert(n_left_out > 5 && n_left_out < 30);
    ck_assert_ptr_null(m.rows[60].left_out);
    ck_assert_ptr_null(m.rows[61].left_out);
    ck_assert(sound_has_note(
        &m, base_arena_printf(&arena, "%d sounds are not trained on: they have one-shots in common",
                              n_left_out)));
    ck_assert(sound_has_note(&m, why));
    data_manifest_release(&m);
}
END_TEST

/* The other way round: what test mixes are made from is neither trained on nor mixed. */
START_TEST(one_shots_of_mixes_for_testing_are_left_out) {
    const char *folder = data_set();
    sound_write_tone(&arena, folder, "drums/a/same.wav", tone(100));
    sound_write_tone(&arena, folder, "drums/a/other.wav", tone(999));
    TEST_OK(open_data(folder,
                      "[{source: folder, path: @/drums, use: train},"
                      " {source: mix, parts: {source: folder, path: @/parts}, classes: [a], "
                      "per_class: 20, pools: 1, use: test},"
                      " {source: mix, parts: [{source: folder, path: @/parts},"
                      " {source: folder, path: @/drums}], classes: [a+b], per_class: 20, pools: 1, "
                      "seed: 2}]"),
            err);
    const data_row *same = sound_find_row(&m, "drums/a/same.wav");
    ck_assert_msg(
        strncmp(same->left_out,
                "a copy of what a sound for testing (use: test) is made from: mix:a:", 67) == 0,
        "%s", same->left_out);
    ck_assert_ptr_null(sound_find_row(&m, "drums/a/other.wav")->left_out);
    int n_kept = 0;
    for (int64_t i = 2; i < m.n_rows; i++) {
        const data_row *row = &m.rows[i];
        bool kept = row->use == DATA_USE_TEST || is_from(row, "other.wav");
        ck_assert_msg(kept == (row->left_out == NULL), "%s", row->label);
        if (!kept) ck_assert_ptr_nonnull(strstr(row->left_out, ", as is a sound for testing (use"));
        n_kept += kept;
    }
    ck_assert(n_kept > 20 && n_kept < 35);
    data_manifest_release(&m);
}
END_TEST

/* Pools keep mixes apart that have the same parts. */
START_TEST(other_pools_of_the_same_parts_stay) {
    const char *folder = data_set();
    TEST_OK(open_data(folder,
                      "[{source: mix, parts: {source: folder, path: @/parts}, classes: [a, b], "
                      "per_class: 9, pools: 3, only_groups: [pool1, pool2]},"
                      " {source: mix, parts: {source: folder, path: @/parts}, classes: [a, b], "
                      "per_class: 9, pools: 3, only_groups: [pool3], use: test, seed: 2}]"),
            err);
    int n = 0;
    for (int64_t i = 0; i < m.n_rows; i++) n += m.rows[i].left_out == NULL;
    ck_assert_int_eq(n, 12 + 6);
    data_manifest_release(&m);
}
END_TEST

START_TEST(a_class_that_goes_altogether_is_an_error) {
    TEST_FAILS(open_data(data_set(),
                         "[{source: mix, parts: {source: folder, path: @/parts}, classes: [b, a], "
                         "per_class: 9, pools: 1},"
                         " {source: mix, parts: {source: folder, path: @/parts}, classes: [a], "
                         "per_class: 99, pools: 1, use: test, seed: 2}]"),
               BASE_EDATA, err,
               "class 'a' has nothing left to train on (9 left out; the first: mix:a:0:1: ");
    data_manifest_release(&m);
}
END_TEST

TEST_MAIN("data/manifest_copies", mixes_of_a_sound_for_testing_are_left_out,
          one_shots_of_mixes_for_testing_are_left_out, other_pools_of_the_same_parts_stay,
          a_class_that_goes_altogether_is_an_error)
