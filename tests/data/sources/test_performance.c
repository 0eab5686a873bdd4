#include "tests/mix_parts.h"
#include "tests/sound.h"
#include "tests/test.h"

static base_error err;
static base_arena arena;

static base_status open_performance(const char *more, data_manifest *m) {
    const char *yaml = base_arena_printf(&arena, "{source: performance, parts: %s%s}",
                                         mix_parts(&arena, test_folder(), 1), more);
    return sound_open_manifest(&arena, yaml, ".", m, &err);
}

START_TEST(crops_follow_each_other_in_time) {
    data_manifest m;
    TEST_OK(open_performance(base_arena_printf(&arena,
                                               ", classes: %s, songs: 3, bars: 4, pools: 2, "
                                               "tempo: 120, seed: 5",
                                               mix_classes),
                             &m),
            err);
    ck_assert_int_eq(m.n_rows, 3 * 32);
    for (int i = 0; i < 96; i++) {
        const data_row *row = &m.rows[i];
        ck_assert_double_eq(row->begin_s, i % 32 * 0.25);
        ck_assert_double_eq(row->end_s, i % 32 * 0.25 + 0.25);
        ck_assert_str_eq(row->path, base_arena_printf(&arena, "performance:%d:5", i / 32));
        ck_assert_str_eq(row->group, i / 32 == 1 ? "pool2" : "pool1");
        if (row->left_out == NULL) ck_assert_str_eq(m.classes[row->class_index], row->label);
    }
    data_manifest_release(&m);
}
END_TEST

/* The rows that are left out say what was struck, and the classes that never are have a note. */
START_TEST(combinations_without_a_class_are_left_out) {
    data_manifest m;
    TEST_OK(open_performance(", classes: [CH+B, MT+R, rest], songs: 4", &m), err);
    ck_assert_int_eq(m.n_classes, 2);
    ck_assert_str_eq(m.classes[0], "CH+B");
    ck_assert(sound_has_note(&m, "class 'MT+R' is left out: no sound belongs to it"));
    int n_used = 0, n_both = 0;
    for (int64_t i = 0; i < m.n_rows; i++) {
        const data_row *row = &m.rows[i];
        n_used += row->left_out == NULL;
        ck_assert_str_ne(row->label, "B+CH");
        if (strcmp(row->label, "B+S+CH") != 0) continue;
        ck_assert_str_eq(row->left_out, "no class for B+S+CH");
        ck_assert_int_eq(row->class_index, -1);
        n_both++;
    }
    ck_assert(n_used > 0 && n_used < m.n_rows && n_both > 0);
    data_manifest_release(&m);
}
END_TEST

START_TEST(all_its_drums_must_be_there) {
    data_manifest m;
    TEST_FAILS(sound_open_manifest(&arena,
                                   "{source: performance, classes: [kick], parts: {source: synth}}",
                                   ".", &m, &err),
               BASE_EDATA, err, "test.yaml:1: a performance needs parts of class 'B'");
    TEST_FAILS(open_performance(", classes: [B], tempo: [1, 2]", &m), BASE_ECONFIG, err, "tempo");
}
END_TEST

TEST_MAIN("data/sources/performance", crops_follow_each_other_in_time,
          combinations_without_a_class_are_left_out, all_its_drums_must_be_there)
