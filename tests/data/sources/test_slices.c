#include <math.h>

#include "tests/sound.h"
#include "tests/test.h"

static base_error err;
static base_arena arena;

static base_status open_slices(const char *folder, const char *keys, data_manifest *m) {
    return sound_open_manifest(
        &arena, base_arena_printf(&arena, "{source: slices, path: %s%s}", folder, keys), ".", m,
        &err);
}

static void write_recording(const char *folder, const char *name) {
    sound_write_tone(&arena, folder, name, (sound_tone){2, 200, 22050, 0.5, 2});
}

START_TEST(rows_are_the_strokes_of_recordings) {
    data_manifest m;
    const char *folder = test_folder();
    write_recording(folder, "a.wav");
    write_recording(folder, "deep/b.wav");
    write_recording(folder, "without.wav");
    sound_write_text(&arena, folder, "a.txt", "0.25 KD\n0.26 HH\n0.75\t1\tSD\n1.2 KD\n");
    sound_write_text(&arena, folder, "deep/b.csv", "time,label\n0.5,SD\n");
    TEST_OK(open_slices(folder, ", longest: 0.3", &m), err);
    ck_assert_int_eq(m.n_rows, 4);
    static const struct {
        double begin_s, end_s;
        const char *label, *group;
    } rows[] = {{0.25, 0.55, "KD+HH", "a"},
                {0.75, 1, "SD", "a"},
                {1.2, 1.5, "KD", "a"},
                {0.5, 0.8, "SD", "deep/b"}};
    for (int i = 0; i < 4; i++) {
        ck_assert_double_eq_tol(m.rows[i].begin_s, rows[i].begin_s, 1e-12);
        ck_assert_double_eq_tol(m.rows[i].end_s, rows[i].end_s, 1e-12);
        ck_assert_str_eq(m.rows[i].label, rows[i].label);
        ck_assert_str_eq(m.rows[i].group, rows[i].group);
    }
    ck_assert(sound_has_note(&m, "recordings without an annotation: 1"));
    data_manifest_release(&m);
}
END_TEST

START_TEST(layouts_of_data_sets_are_patterns) {
    data_manifest m;
    const char *folder = test_folder();
    write_recording(folder, "audio/drum_only/Rock_Drum.wav");
    write_recording(folder, "audio/full_mix/Rock_MIX.wav");
    sound_write_text(&arena, folder, "annotations/class/Rock_class.txt", "0.5 \tKD\n1.0 \tSD\n");
    TEST_OK(open_slices(folder,
                        ", recordings: 'audio/drum_only/*_Drum.wav', annotations: "
                        "'annotations/class/*_class.txt'",
                        &m),
            err);
    ck_assert_int_eq(m.n_rows, 2);
    ck_assert_str_eq(m.rows[0].group, "Rock");
    data_manifest_release(&m);
}
END_TEST

START_TEST(a_row_is_its_slice) {
    data_manifest m;
    const char *folder = test_folder();
    write_recording(folder, "a.wav");
    sound_write_text(&arena, folder, "a.txt", "0.25 KD\n0.75 SD\n");
    TEST_OK(open_slices(folder, ", longest: 0.3", &m), err);
    data_audio audio;
    TEST_OK(sound_read_row(&m.rows[0], &audio, &err), err);
    ck_assert_int_eq(audio.n_channels, 2);
    ck_assert_double_eq_tol((double)audio.n / 22050, 0.3, 0.05);
    ck_assert(audio.x[0] == 0);
    data_audio_release(&audio);
    base_digest before = sound_digest_row(&m.rows[0]);
    data_manifest_release(&m);
    TEST_OK(open_slices(folder, ", longest: 0.2", &m), err);
    ck_assert(!base_digest_equal(before, sound_digest_row(&m.rows[0])));
    data_manifest_release(&m);
    sound_write_tone(&arena, folder, "a.wav", (sound_tone){2, 300, 22050, 0.5, 2});
    TEST_OK(open_slices(folder, ", longest: 0.3", &m), err);
    ck_assert(!base_digest_equal(before, sound_digest_row(&m.rows[0])));
    data_manifest_release(&m);
}
END_TEST

START_TEST(what_cannot_be_read_is_told) {
    data_manifest m;
    const char *folder = test_folder();
    write_recording(folder, "a.wav");
    TEST_FAILS(open_slices(folder, "", &m), BASE_EDATA, err, "no recording '*' with an annotation");
    TEST_FAILS(open_slices(folder, ", recordings: a.wav", &m), BASE_ECONFIG, err,
               "recordings: needs one *");
    TEST_FAILS(open_slices(folder, ", annotations: '*/*'", &m), BASE_ECONFIG, err,
               "annotations: needs one *");
    sound_write_text(&arena, folder, "a.txt", "1 KD\n0.5 SD\n");
    TEST_FAILS(open_slices(folder, "", &m), BASE_EFORMAT, err, "a.txt:2: 0.5 s comes after 1 s");
    sound_write_text(&arena, folder, "a.txt", "1 KD\n9 SD\n");
    TEST_OK(open_slices(folder, "", &m), err);
    data_audio audio;
    TEST_FAILS(sound_read_row(&m.rows[1], &audio, &err), BASE_EDATA, err, "a.wav: no samples from");
    data_manifest_release(&m);
}
END_TEST

TEST_MAIN("data/sources/slices", rows_are_the_strokes_of_recordings,
          layouts_of_data_sets_are_patterns, a_row_is_its_slice, what_cannot_be_read_is_told)
