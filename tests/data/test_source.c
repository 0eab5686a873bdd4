#include "data/source.h"

#include "data/synth.h"
#include "tests/sound.h"
#include "tests/test.h"

static base_error err;
static base_arena arena;

static base_status open_yaml(const char *yaml, data_manifest *m) {
    return sound_open_manifest(&arena, yaml, ".", m, &err);
}

START_TEST(kinds_have_a_name_a_sentence_and_options) {
    int n;
    const base_variant *const *variants = data_source_variants(&n);
    ck_assert_int_ge(n, 6);
    for (int i = 0; i < n; i++) {
        ck_assert_str_ne(variants[i]->help, "");
        ck_assert(variants[i]->options != NULL && variants[i]->size_bytes > 0);
        ck_assert_ptr_nonnull(strstr(data_source_table[0].choices, variants[i]->name));
    }
}
END_TEST

/* Older versions wrote the keys of all kinds into run folders and models. */
START_TEST(keys_of_other_kinds_are_dropped_at_their_default) {
    data_manifest m, again;
    TEST_OK(
        open_yaml("{parts: ~, source: synth, per_class: 1, path: ~, label: ~, labels: labels.csv, "
                  "gain_db: [-9, 0], seed: 2, ringing: 0}",
                  &m),
        err);
    ck_assert_int_eq(m.n_rows, DATA_SYNTH_N_CLASSES);
    base_text resolved = {0};
    base_yaml_write(m.dataset, &resolved);
    ck_assert_str_eq(base_text_string(&resolved),
                     "source: synth\nper_class: 1\nseed: 2\nuse: folds\nrules: ~\nclasses: ~\n"
                     "only_groups: ~\nskip_groups: ~\n");
    ck_assert_int_eq(m.dataset->n_children, 8);
    TEST_OK(open_yaml(base_text_string(&resolved), &again), err);
    base_text same = {0};
    base_yaml_write(again.dataset, &same);
    ck_assert_str_eq(base_text_string(&same), base_text_string(&resolved));
    base_text_release(&resolved);
    base_text_release(&same);
    data_manifest_release(&m);
    data_manifest_release(&again);
}
END_TEST

START_TEST(mistakes_are_named) {
    static const struct {
        const char *yaml, *part;
    } cases[] = {
        {"{source: synth, tempo: 100}", "tempo: a key of source: performance, not of synth"},
        {"{source: csv, path: ., pools: 3}",
         "pools: a key of source: mix, performance, not of csv"},
        {"{source: mix, gain_db: [-9, 0], label: x}",
         "label: a key of source: folder, soundfont, sfz, decoys, not of mix"},
        {"{source: synth, path: x}",
         "path: a key of source: folder, csv, hydrogen, soundfont, sfz, drumsynth"},
        {"{source: synth, per_clas: 3}", "no such key; did you mean 'per_class'"},
        {"{source: cvs}", "no such choice 'cvs'; did you mean 'csv'?"},
        {"{use: train}", "'source' is missing"},
        {"{source: [csv]}", "a name is needed here"},
        {"synth", "a map of options is needed here"},
        {"{source: folder}", "this source needs a 'path'"},
        {"{source: csv, path: ~}", "this source needs a 'path'"},
        {"{source: hydrogen, otherwise: mix}", "no such choice 'mix'"},
    };
    data_manifest m;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        TEST_FAILS(open_yaml(cases[i].yaml, &m), BASE_ECONFIG, err, cases[i].part);
    }
    TEST_FAILS(open_yaml("{source: folder, path: /no/such/}", &m), BASE_ENOTFOUND, err,
               "/no/such: no such folder");
}
END_TEST

START_TEST(a_row_without_origin_is_a_file) {
    sound_tone tone = {0.1, 440, 8000, 0.5, 1};
    data_row row = {.path = sound_write_tone(&arena, test_folder(), "a.wav", tone), .end_s = 0.05};
    data_audio audio;
    TEST_OK(sound_read_row(&row, &audio, &err), err);
    ck_assert_int_eq(audio.n, 400);
    data_audio_release(&audio);
    base_digest digest = sound_digest_row(&row);
    ck_assert(!base_digest_equal(digest, sound_digest_row(&(data_row){.path = "/no/such"})));
    ck_assert(base_digest_equal(digest, sound_digest_row(&(data_row){.path = row.path})));
}
END_TEST

TEST_MAIN("data/source", kinds_have_a_name_a_sentence_and_options,
          keys_of_other_kinds_are_dropped_at_their_default, mistakes_are_named,
          a_row_without_origin_is_a_file)
