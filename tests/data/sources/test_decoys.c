#include "data/decoys.h"

#include "data/source.h"
#include "tests/sound.h"
#include "tests/test.h"

static base_error err;
static base_arena arena;

START_TEST(rows_are_sounds_by_their_names) {
    data_manifest m;
    TEST_OK(sound_open_manifest(&arena, "{source: decoys, per_kind: 7, seed: 3}", ".", &m, &err),
            err);
    ck_assert_int_eq(m.n_rows, 7 * DATA_DECOYS_N_KINDS);
    ck_assert_int_eq(m.n_classes, 1);
    ck_assert_str_eq(m.classes[0], "other");
    const data_row *row = sound_find_row(&m, "decoys:sweep:6:3");
    data_audio read, direct;
    TEST_OK(sound_read_row(row, &read, &err), err);
    TEST_OK(data_decoys_make(2, 6, 3, &direct, &err), err);
    ck_assert_int_eq(read.n, direct.n);
    ck_assert_mem_eq(read.x, direct.x, (size_t)direct.n * sizeof(float));
    data_audio_release(&read);
    data_audio_release(&direct);
    data_manifest_release(&m);
    TEST_OK(
        sound_open_manifest(&arena, "{source: decoys, per_kind: 1, label: none}", ".", &m, &err),
        err);
    ck_assert_str_eq(m.classes[0], "none");
    data_manifest_release(&m);
}
END_TEST

TEST_MAIN("data/sources/decoys", rows_are_sounds_by_their_names)
