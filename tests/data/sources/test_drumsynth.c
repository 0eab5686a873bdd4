#include "data/drumsynth.h"

#include <string.h>

#include "data/source.h"
#include "tests/sound.h"
#include "tests/test.h"

static base_error err;
static base_arena arena;

static const char preset[] = "[General]\nVersion=DrumSynth v2.0\n[Noise]\nOn=1\nLevel=90\n"
                             "Envelope=0,100 2000,0\n";

START_TEST(presets_are_labelled_by_folder_and_name) {
    data_manifest m;
    const char *folder = test_folder();
    sound_write_text(&arena, folder, "tr/Kick.v1.ds", preset);
    sound_write_text(&arena, folder, "loose.ds", preset);
    sound_write_text(&arena, folder, "tr/readme.txt", preset);
    TEST_OK(sound_open_manifest(&arena,
                                base_arena_printf(&arena, "{source: drumsynth, path: %s}", folder),
                                ".", &m, &err),
            err);
    ck_assert_int_eq(m.n_rows, 2);
    const data_row *row = sound_find_row(&m, "tr/Kick.v1.ds");
    ck_assert_str_eq(row->label, "tr/Kick.v1");
    ck_assert_str_eq(row->group, "tr");
    ck_assert_str_eq(sound_find_row(&m, "loose.ds")->group, "");
    data_audio read, direct;
    TEST_OK(sound_read_row(row, &read, &err), err);
    TEST_OK(data_drumsynth_render(preset, strlen(preset), "preset", &direct, &err), err);
    ck_assert_int_eq(read.n, direct.n);
    ck_assert_mem_eq(read.x, direct.x, (size_t)read.n * sizeof(float));
    data_audio_release(&read);
    data_audio_release(&direct);
    data_manifest_release(&m);
}
END_TEST

START_TEST(what_is_no_preset_says_so) {
    data_manifest m;
    const char *folder = test_folder();
    const char *yaml = base_arena_printf(&arena, "{source: drumsynth, path: %s}", folder);
    sound_write_text(&arena, folder, "a.txt", preset);
    TEST_FAILS(sound_open_manifest(&arena, yaml, ".", &m, &err), BASE_EDATA, err, "lmms-common");
    sound_write_text(&arena, folder, "bad.ds", "hello");
    TEST_OK(sound_open_manifest(&arena, yaml, ".", &m, &err), err);
    data_audio audio;
    TEST_FAILS(sound_read_row(sound_find_row(&m, "bad.ds"), &audio, &err), BASE_EFORMAT, err,
               "bad.ds: not a preset");
    data_manifest_release(&m);
}
END_TEST

TEST_MAIN("data/sources/drumsynth", presets_are_labelled_by_folder_and_name,
          what_is_no_preset_says_so)
