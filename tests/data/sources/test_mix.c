#include "data/sources/parts.h"
#include "tests/mix_parts.h"
#include "tests/sound.h"
#include "tests/test.h"

static base_error err;
static base_arena arena;

/* A mix of synthesised parts; `more` are further keys. */
static const char *mix_yaml(const char *more) {
    return base_arena_printf(&arena, "{source: mix, parts: %s%s}",
                             mix_parts(&arena, test_folder(), 2), more);
}

static base_status open_mix(const char *more, data_manifest *m) {
    return sound_open_manifest(&arena, mix_yaml(more), ".", m, &err);
}

START_TEST(rows_have_classes_names_and_pools) {
    data_manifest m;
    TEST_OK(open_mix(", classes: [S+B, rest, CH], per_class: 4, pools: 3, seed: 9", &m), err);
    ck_assert_int_eq(m.n_rows, 12);
    ck_assert_int_eq(m.n_classes, 3);
    ck_assert_str_eq(m.classes[0], "S+B"); /* the order of the configuration */
    ck_assert_str_eq(m.classes[1], "rest");
    ck_assert_str_eq(m.classes[2], "CH");
    ck_assert_str_eq(m.rows[0].path, "mix:S+B:0:9");
    ck_assert_str_eq(m.rows[7].path, "mix:rest:3:9");
    ck_assert_str_eq(m.rows[7].group, "pool1");
    ck_assert_str_eq(m.rows[6].group, "pool3");
    ck_assert_str_eq(m.rows[8].label, "CH");
    for (int i = 0; i < 12; i++) ck_assert_int_eq(m.rows[i].class_index, i / 4);
    data_manifest_release(&m);
}
END_TEST

START_TEST(pools_are_groups) {
    data_manifest m;
    TEST_OK(open_mix(", classes: [B, S], per_class: 6, pools: 3, only_groups: [pool2]", &m), err);
    for (int i = 0; i < 12; i++) {
        if (i % 6 % 3 == 1) ck_assert_ptr_null(m.rows[i].left_out);
        if (i % 6 % 3 != 1) ck_assert_str_eq(m.rows[i].left_out, "group not selected");
    }
    data_manifest_release(&m);
}
END_TEST

START_TEST(all_classes_of_s4_can_be_made) {
    data_manifest m;
    TEST_OK(open_mix(base_arena_printf(&arena, ", classes: %s, per_class: 1", mix_classes), &m),
            err);
    ck_assert_int_eq(m.n_classes, 23);
    ck_assert_int_eq(((const data_parts *)m.origins->state)->manifest.n_classes, 8);
    data_manifest_release(&m);
}
END_TEST

START_TEST(joins_other_sources) {
    data_manifest m;
    const char *yaml =
        base_arena_printf(&arena, "[%s, {source: synth, per_class: 1, classes: [kick]}, %s]",
                          mix_yaml(", classes: [B, S], per_class: 1"),
                          mix_yaml(", classes: [S, S+B], per_class: 1, seed: 2"));
    TEST_OK(sound_open_manifest(&arena, yaml, ".", &m, &err), err);
    ck_assert_int_eq(m.n_classes, 4);
    ck_assert_str_eq(m.classes[2], "kick");
    ck_assert_str_eq(m.classes[3], "S+B");
    ck_assert_str_eq(sound_find_row(&m, "mix:S:0:2")->label, "S");
    ck_assert_int_eq(sound_find_row(&m, "mix:S:0:2")->class_index, 1);
    data_manifest_release(&m);
}
END_TEST

START_TEST(the_parts_defaults_are_resolved_and_their_notes_kept) {
    data_manifest m;
    const char *yaml = "{source: mix, classes: [kick+tom], per_class: 1,\n"
                       " parts: {source: folder, path: /no/such, otherwise: synth}}";
    TEST_OK(sound_open_manifest(&arena, yaml, ".", &m, &err), err);
    const base_node *parts = base_node_get(m.dataset, "parts");
    ck_assert_str_eq(base_node_get(parts, "per_class")->text, "60");
    ck_assert_str_eq(base_node_get(m.dataset, "pools")->text, "5");
    ck_assert(sound_has_note(&m, "mix: /no/such: no such folder; using the built-in"));
    data_manifest_release(&m);
}
END_TEST

START_TEST(mistakes_are_named) {
    static const struct {
        const char *more, *text;
    } cases[] = {
        {"", "test.yaml:1: this source needs 'classes'"},
        {", classes: [B, B+X]", "'B+X': no part is of class 'X'"},
        {", classes: [B+]", "'B+': no part is of class ''"},
        {", classes: [S+B+S]", "'S+B+S' has a part twice"},
        {", classes: [S+B, B+S]", "'S+B' and 'B+S' are the same"},
        {", classes: [rest, B, rest]", "'rest' and 'rest' are the same"},
        {", classes: [B], rules: x.yaml", "'rules' belongs to the parts"},
        {", classes: [B], pools: 21", "pools"},
        {", classes: [B], gain_db: [0, 3]", "gain_db"},
    };
    data_manifest m;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        TEST_FAILS(open_mix(cases[i].more, &m), BASE_ECONFIG, err, cases[i].text);
    TEST_FAILS(sound_open_manifest(&arena, "{source: mix, classes: [B]}", ".", &m, &err),
               BASE_ECONFIG, err, "this source needs 'parts'");
    const char *one = mix_yaml(", classes: [B], per_class: 1");
    TEST_FAILS(
        sound_open_manifest(&arena, base_arena_printf(&arena, "[%s, %s]", one, one), ".", &m, &err),
        BASE_ECONFIG, err, "has the same 'seed'");
    const char *nested = base_arena_printf(&arena, "{source: mix, classes: [B], parts: %s}", one);
    TEST_FAILS(sound_open_manifest(&arena, nested, ".", &m, &err), BASE_ECONFIG, err,
               "parts cannot be made of parts themselves");
    const char *used = "{source: mix, classes: [kick], parts: {source: synth, use: train}}";
    TEST_FAILS(sound_open_manifest(&arena, used, ".", &m, &err), BASE_ECONFIG, err,
               "'use' belongs to this source");
}
END_TEST

TEST_MAIN("data/sources/mix", rows_have_classes_names_and_pools, pools_are_groups,
          all_classes_of_s4_can_be_made, joins_other_sources,
          the_parts_defaults_are_resolved_and_their_notes_kept, mistakes_are_named)
