#include "data/manifest.h"

#include <stdio.h>

#include "data/synth.h"
#include "tests/sound.h"
#include "tests/test.h"

static base_error err;
static base_arena arena;

/* A folder with labels.csv of five rows, three labels and two groups, and rules files. */
static const char *data_set(void) {
    const char *folder = test_folder();
    sound_write_text(&arena, folder, "labels.csv",
                     "path,label,group\na.wav,Snare 1,x\nb.wav,Kick,x\nc.wav,Kick,y\n"
                     "d.wav,Snare 1,y\ne.wav,Bongo,y\n");
    sound_write_text(&arena, folder, "rules.yaml",
                     "classes: {tom: \"*tom*\", snare: \"*snare*\", kick: \"*kick*\"}\n");
    return folder;
}

static base_status open_with(const char *folder, const char *more, data_manifest *m) {
    return sound_open_manifest(&arena,
                               base_arena_printf(&arena, "{source: csv, path: %s%s}", folder, more),
                               folder, m, &err);
}

static void check_classes(const data_manifest *m, const char *expected) {
    base_text names = {0};
    for (int c = 0; c < m->n_classes; c++) base_text_printf(&names, "%s,", m->classes[c]);
    ck_assert_str_eq(base_text_string(&names), expected);
    base_text_release(&names);
}

START_TEST(labels_are_classes_in_name_order) {
    data_manifest m;
    TEST_OK(open_with(data_set(), "", &m), err);
    check_classes(&m, "Bongo,Kick,Snare 1,");
    ck_assert_int_eq(m.rows[0].class_index, 2);
    ck_assert_int_eq(m.rows[4].class_index, 0);
    ck_assert_int_eq(m.rows[4].duplicate, -1);
    ck_assert_int_eq(m.n_notes, 0);
    data_manifest_release(&m);
    data_manifest_release(&m); /* once more is harmless */
}
END_TEST

START_TEST(rules_give_classes_in_their_order) {
    data_manifest m;
    TEST_OK(open_with(data_set(), ", rules: rules.yaml", &m), err);
    check_classes(&m, "snare,kick,");
    ck_assert_int_eq(m.rows[0].class_index, 0);
    ck_assert_int_eq(m.rows[1].class_index, 1);
    ck_assert_int_eq(m.rows[4].class_index, -1);
    ck_assert_str_eq(m.rows[4].left_out, "no rule matches");
    ck_assert(sound_has_note(&m, "class 'tom' is left out"));
    data_manifest_release(&m);
    TEST_FAILS(open_with(data_set(), ", rules: none.yaml", &m), BASE_ENOTFOUND, err, "none.yaml");
}
END_TEST

START_TEST(classes_can_be_selected) {
    data_manifest m;
    TEST_OK(open_with(data_set(), ", classes: [Snare 1, Kick]", &m), err);
    check_classes(&m, "Snare 1,Kick,");
    ck_assert_str_eq(m.rows[4].left_out, "class not selected");
    data_manifest_release(&m);
    TEST_FAILS(open_with(data_set(), ", classes: [Kick, Bnogo]", &m), BASE_EDATA, err,
               "no sound of class 'Bnogo'; did you mean 'Bongo'?");
    TEST_FAILS(open_with(data_set(), ", classes: [tom], rules: rules.yaml", &m), BASE_EDATA, err,
               "no sound of class 'tom'");
    TEST_FAILS(open_with(data_set(), ", classes: [Kick, Snare 1, Kick]", &m), BASE_ECONFIG, err,
               "classes: 'Kick' stands twice");
}
END_TEST

START_TEST(groups_can_be_selected) {
    data_manifest m;
    TEST_OK(open_with(data_set(), ", only_groups: x", &m), err);
    check_classes(&m, "Kick,Snare 1,");
    ck_assert_str_eq(m.rows[2].left_out, "group not selected");
    data_manifest_release(&m);
    TEST_OK(open_with(data_set(), ", skip_groups: [x]", &m), err);
    ck_assert_str_eq(m.rows[0].left_out, "group skipped");
    ck_assert_ptr_null(m.rows[2].left_out);
    data_manifest_release(&m);
    TEST_FAILS(open_with(data_set(), ", only_groups: z", &m), BASE_EDATA, err,
               "no sound of group 'z'");
    TEST_FAILS(open_with(data_set(), ", only_groups: x, skip_groups: x", &m), BASE_EDATA, err,
               "none of the 5 sounds found is in use");
}
END_TEST

START_TEST(sources_are_joined) {
    data_manifest m;
    const char *folder = data_set();
    const char *yaml = base_arena_printf(&arena,
                                         "- {source: csv, path: %s, rules: rules.yaml}\n"
                                         "- {source: synth, per_class: 3, rules: rules.yaml}\n"
                                         "- {source: synth, per_class: 1, classes: [rim, kick]}\n",
                                         folder);
    TEST_OK(sound_open_manifest(&arena, yaml, folder, &m, &err), err);
    check_classes(&m, "tom,snare,kick,rim,"); /* the rules' order, though csv has no tom */
    ck_assert_int_eq(m.n_rows, 5 + 4 * DATA_SYNTH_N_CLASSES);
    ck_assert_int_eq(sound_find_row(&m, "synth:tom:2:1")->class_index, 0);
    ck_assert_int_eq(m.rows[5 + 3 * DATA_SYNTH_N_CLASSES].class_index, 2);
    ck_assert_int_eq(sound_find_row(&m, "synth:rim:0:1")->class_index, -1);
    ck_assert_int_eq(m.rows[5 + 3 * DATA_SYNTH_N_CLASSES + 2].class_index, 3);
    data_manifest_release(&m);
    TEST_FAILS(sound_open_manifest(&arena, "[]", ".", &m, &err), BASE_EDATA, err, "none of the 0");
}
END_TEST

START_TEST(missing_folder_can_be_synthesised) {
    data_manifest m;
    TEST_OK(open_with("/no/such", ", otherwise: synth, per_class: 2, seed: 4", &m), err);
    ck_assert_int_eq(m.n_rows, 2 * DATA_SYNTH_N_CLASSES);
    ck_assert_str_eq(m.rows[1].path, "synth:kick:1:4");
    ck_assert(sound_has_note(&m, "/no/such: no such folder; using the built-in synthesiser"));
    data_manifest_release(&m);
}
END_TEST

START_TEST(sounds_are_for_folds_training_or_testing) {
    data_manifest m;
    const char *folder = data_set();
    const char *yaml = base_arena_printf(&arena,
                                         "- {source: csv, path: %s, rules: rules.yaml}\n"
                                         "- {source: synth, per_class: 2, classes: [kick], "
                                         "use: train}\n"
                                         "- {source: synth, per_class: 1, seed: 2, classes: [%%s], "
                                         "use: test}\n",
                                         folder);
    char text[4096];
    snprintf(text, sizeof text, yaml, "kick, snare");
    TEST_OK(sound_open_manifest(&arena, text, folder, &m, &err), err);
    ck_assert_int_eq(m.rows[0].use, DATA_USE_FOLDS);
    ck_assert_int_eq(sound_find_row(&m, "synth:kick:1:1")->use, DATA_USE_TRAIN);
    ck_assert_int_eq(sound_find_row(&m, "synth:kick:0:2")->use, DATA_USE_TEST);
    check_classes(&m, "snare,kick,");
    data_manifest_release(&m);
    snprintf(text, sizeof text, yaml, "kick, rim");
    TEST_FAILS(sound_open_manifest(&arena, text, folder, &m, &err), BASE_EDATA, err,
               "class 'rim' occurs only in what is for testing");
    TEST_FAILS(open_with(folder, ", use: tests", &m), BASE_ECONFIG, err, "did you mean 'test'");
}
END_TEST

START_TEST(copies_of_sounds_for_testing_are_left_out) {
    static const struct {
        data_use use;
        int64_t duplicate;
        bool stays;
    } rows[] = {{DATA_USE_FOLDS, 0, false},
                {DATA_USE_TEST, 0, true},
                {DATA_USE_TRAIN, 0, false},
                {DATA_USE_FOLDS, 1, true},
                {DATA_USE_FOLDS, -1, true}};
    data_manifest m;
    TEST_OK(open_with(data_set(), "", &m), err);
    for (int i = 0; i < 5; i++) {
        m.rows[i].use = rows[i].use;
        m.rows[i].duplicate = rows[i].duplicate;
        m.rows[i].class_index = i / 3;
    }
    m.n_classes = 2;
    m.rows[3].class_index = 0;
    TEST_OK(data_manifest_leave_out_copies(&m, &err), err);
    for (int i = 0; i < 5; i++) {
        ck_assert(rows[i].stays == (m.rows[i].left_out == NULL));
        ck_assert(rows[i].stays == (m.rows[i].class_index >= 0));
    }
    ck_assert(sound_has_note(&m, "2 sounds are not trained on"));
    data_manifest_release(&m);
}
END_TEST

/* Before and after copies are left out. */
START_TEST(every_class_has_something_to_train_on) {
    data_manifest m;
    TEST_OK(open_with(data_set(), "", &m), err);
    TEST_OK(data_manifest_check_trained(&m, &err), err);
    m.rows[4].use = DATA_USE_TEST;
    TEST_FAILS(data_manifest_check_trained(&m, &err), BASE_EDATA, err,
               "class 'Bongo' occurs only in what is for testing");
    m.rows[1].duplicate = m.rows[2].duplicate = m.rows[4].duplicate = 0;
    m.rows[4].class_index = m.rows[1].class_index;
    m.rows[0].class_index = 0;
    TEST_FAILS(data_manifest_leave_out_copies(&m, &err), BASE_EDATA, err,
               "class 'Kick' has nothing left to train on (2 left out; the first: ");
    ck_assert_ptr_nonnull(strstr(err.text, "b.wav: a copy of a sound for testing"));
    data_manifest_release(&m);
}
END_TEST

START_TEST(a_thousand_classes_are_too_many) {
    base_text csv = {0};
    base_text_add(&csv, "path,label\n");
    for (int i = 0; i < 1001; i++) base_text_printf(&csv, "%d.wav,l%d\n", i, i);
    const char *folder = test_folder();
    sound_write_text(&arena, folder, "labels.csv", base_text_string(&csv));
    base_text_release(&csv);
    data_manifest m;
    TEST_FAILS(open_with(folder, "", &m), BASE_EDATA, err, "1001 different labels");
}
END_TEST

/* "a+c+d": the set whose bits are given, of parts a to k. */
static void add_set(base_text *out, int bits) {
    const char *plus = "";
    for (int part = 0; part < 11; part++) {
        if ((bits >> part & 1) == 0) continue;
        base_text_printf(out, "%s%c", plus, 'a' + part);
        plus = "+";
    }
}

START_TEST(a_thousand_classes_made_are_too_many) {
    base_text csv = {0}, classes = {0};
    base_text_add(&csv, "path,label\n");
    for (int part = 'a'; part <= 'k'; part++) base_text_printf(&csv, "%c.wav,%c\n", part, part);
    for (int bits = 1; bits <= 1001; bits++) {
        base_text_add(&classes, bits > 1 ? ", " : "");
        add_set(&classes, bits);
    }
    const char *folder = test_folder();
    sound_write_text(&arena, folder, "labels.csv", base_text_string(&csv));
    const char *yaml = base_arena_printf(
        &arena, "{source: mix, per_class: 1, parts: {source: csv, path: %s}, classes: [%s]}",
        folder, base_text_string(&classes));
    base_text_release(&csv);
    base_text_release(&classes);
    data_manifest m;
    TEST_FAILS(sound_open_manifest(&arena, yaml, ".", &m, &err), BASE_EDATA, err,
               "more than 1000 classes");
}
END_TEST

START_TEST(is_written_as_csv) {
    data_manifest m;
    void *bytes;
    size_t n_bytes;
    const char *folder = data_set();
    TEST_OK(open_with(folder, ", classes: [Kick]", &m), err);
    data_row *row = &m.rows[1];
    row->sample_rate_hz = 44100, row->seconds = 0.5, row->n_channels = 2, row->peak = 0.25;
    row->n_clipped = 3, row->duplicate = 7, row->content = (base_digest){1, 2};
    row->condition = "damaged: 1 of 2 frames";
    const char *path = base_path_join(&arena, folder, "manifest.csv");
    TEST_OK(data_manifest_write(&m, path, &err), err);
    TEST_OK(base_file_read(path, 0, &bytes, &n_bytes, &err), err);
    const char *start = base_arena_printf(
        &arena,
        "path,begin_s,end_s,label,class,group,duplicate,left_out,sample_rate_hz,channels,seconds,"
        "peak,clipped,content,condition\n"
        "%s/a.wav,0,0,Snare 1,,x,,class not selected,,,,,,,\n"
        "%s/b.wav,0,0,Kick,Kick,x,7,,44100,2,0.5,0.25,3,00000000000000020000000000000001,"
        "damaged: 1 of 2 frames\n",
        folder, folder);
    ck_assert_msg(strncmp(bytes, start, strlen(start)) == 0, "%s", (char *)bytes);
    base_free(bytes);
    data_manifest_release(&m);
}
END_TEST

START_TEST(options_are_checked) {
    data_manifest m;
    TEST_FAILS(open_with("/", ", pth: 3", &m), BASE_ECONFIG, err, "path");
    TEST_FAILS(sound_open_manifest(&arena, "{source: tape}", ".", &m, &err), BASE_ECONFIG, err,
               "test.yaml:1");
}
END_TEST

TEST_MAIN("data/manifest", labels_are_classes_in_name_order, rules_give_classes_in_their_order,
          classes_can_be_selected, groups_can_be_selected, sources_are_joined,
          missing_folder_can_be_synthesised, sounds_are_for_folds_training_or_testing,
          copies_of_sounds_for_testing_are_left_out, every_class_has_something_to_train_on,
          a_thousand_classes_are_too_many, a_thousand_classes_made_are_too_many, is_written_as_csv,
          options_are_checked)
