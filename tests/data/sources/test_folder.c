#include <sys/stat.h>
#include <unistd.h>

#include "tests/sound.h"
#include "tests/test.h"

static const sound_tone tone = {0.05, 440, 8000, 0.5, 1};
static base_error err;
static base_arena arena;

START_TEST(folders_are_classes_and_groups) {
    data_manifest m;
    const char *folder = test_folder();
    static const char *const files[] = {"snare/b.wav", "kick/pack/deep/a.wav", "kick/z.flac",
                                        "kick/Pack2/a.aiff", "loose.wav"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        sound_write_tone(&arena, folder, files[i], tone);
    sound_write_text(&arena, folder, "kick/readme.txt", "not a sound");
    TEST_OK(sound_open_manifest(&arena,
                                base_arena_printf(&arena, "{source: folder, path: %s//}", folder),
                                ".", &m, &err),
            err);
    ck_assert_int_eq(m.n_rows, 5);
    ck_assert_int_eq(m.n_classes, 2);
    ck_assert_str_eq(m.classes[0], "kick");
    ck_assert_str_eq(m.classes[1], "snare");
    ck_assert_str_eq(sound_find_row(&m, "kick/pack/deep/a.wav")->group, "pack");
    ck_assert_str_eq(sound_find_row(&m, "kick/Pack2/a.aiff")->group, "Pack2");
    ck_assert_str_eq(sound_find_row(&m, "kick/z.flac")->group, "");
    ck_assert_int_eq(sound_find_row(&m, "snare/b.wav")->class_index, 1);
    ck_assert_int_eq(sound_find_row(&m, "loose.wav")->class_index, -1);
    ck_assert_str_eq(sound_find_row(&m, "loose.wav")->left_out,
                     "not in a folder named after a class");
    data_manifest_release(&m);
}
END_TEST

START_TEST(labels_may_be_file_names) {
    data_manifest m;
    const char *folder = test_folder();
    sound_write_tone(&arena, folder, "bd_808.x.wav", tone);
    sound_write_tone(&arena, folder, "pack/deep/snare 1.wav", tone);
    TEST_OK(sound_open_manifest(
                &arena,
                base_arena_printf(&arena, "{source: folder, path: %s, label_from: file}", folder),
                ".", &m, &err),
            err);
    ck_assert_int_eq(m.n_rows, 2);
    ck_assert_str_eq(sound_find_row(&m, "bd_808.x.wav")->label, "bd_808.x");
    ck_assert_str_eq(sound_find_row(&m, "bd_808.x.wav")->group, "");
    ck_assert_str_eq(sound_find_row(&m, "snare 1.wav")->label, "snare 1");
    ck_assert_str_eq(sound_find_row(&m, "snare 1.wav")->group, "pack");
    data_manifest_release(&m);
}
END_TEST

START_TEST(says_what_is_wrong_with_a_folder) {
    data_manifest m;
    const char *folder = test_folder();
    sound_write_text(&arena, folder, "kick/readme.txt", "not a sound");
    const char *yaml = base_arena_printf(&arena, "{source: folder, path: %s}", folder);
    TEST_FAILS(sound_open_manifest(&arena, yaml, ".", &m, &err), BASE_EDATA, err,
               "no audio files below");
    TEST_FAILS(sound_open_manifest(&arena, "{source: folder, path: /no/folder}", ".", &m, &err),
               BASE_ENOTFOUND, err, "/no/folder: no such folder");
    TEST_FAILS(sound_open_manifest(&arena, "{source: folder}", ".", &m, &err), BASE_ECONFIG, err,
               "needs a 'path'");
    if (geteuid() == 0) return; /* root may read everything */
    sound_write_tone(&arena, folder, "kick/a.wav", tone);
    const char *kick = base_path_join(&arena, folder, "kick");
    ck_assert_int_eq(chmod(kick, 0), 0);
    TEST_FAILS(sound_open_manifest(&arena, yaml, ".", &m, &err), BASE_EIO, err, "kick");
    ck_assert_int_eq(chmod(kick, 0700), 0);
}
END_TEST

TEST_MAIN("data/sources/folder", folders_are_classes_and_groups, labels_may_be_file_names,
          says_what_is_wrong_with_a_folder)
