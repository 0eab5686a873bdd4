#include "data/synth.h"

#include "data/source.h"
#include "tests/sound.h"
#include "tests/test.h"

static base_error err;
static base_arena arena;

START_TEST(rows_are_hits_by_their_names) {
    data_manifest m;
    TEST_OK(sound_open_manifest(&arena, "{source: synth, per_class: 18, seed: 4294967295}", ".", &m,
                                &err),
            err);
    ck_assert_int_eq(m.n_rows, 18 * DATA_SYNTH_N_CLASSES);
    const data_row *row = sound_find_row(&m, "synth:clap:17:4294967295");
    ck_assert_str_eq(row->label, "clap");
    ck_assert_str_eq(row->group, "");
    int class_index = 0;
    while (strcmp(data_synth_classes[class_index], "clap") != 0) class_index++;
    data_audio read, direct;
    TEST_OK(sound_read_row(row, &read, &err), err);
    TEST_OK(data_synth_hit(class_index, 17, 4294967295, &direct, &err), err);
    ck_assert_int_eq(read.n, direct.n);
    ck_assert_mem_eq(read.x, direct.x, (size_t)direct.n * sizeof(float));
    data_audio_release(&read);
    data_audio_release(&direct);
    data_manifest_release(&m);
}
END_TEST

TEST_MAIN("data/sources/synth", rows_are_hits_by_their_names)
