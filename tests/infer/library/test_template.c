#include "infer/library/template.h"

#include <math.h>

#include "tests/test.h"

static base_error err;
static base_arena arena;

static const library_facts facts = {.path = "/sounds/Kit 1/BD.deep 03.wav",
                                    .below = "drums/Kit 1",
                                    .class_name = "kick",
                                    .confidence = 0.987,
                                    .pitch_hz = 55.4,
                                    .loudness_lufs = -14.4,
                                    .seconds = 0.5};

static void gives(const char *text, const library_facts *of, const char *expected) {
    bool measures;
    TEST_OK(library_template_check(text, &measures, &err), err);
    ck_assert_str_eq(library_template_expand(text, of, &arena), expected);
}

START_TEST(fields_stand_for_what_is_known) {
    gives("{class}/{name}", &facts, "kick/BD.deep 03");
    gives("{pitch}_{note}_{loudness}_{seconds}_{confidence}", &facts, "55Hz_A1_-14LUFS_0.50s_0.99");
    gives("{path}/{folder}/{ext}", &facts, "drums/Kit 1/Kit 1/wav");
    library_facts bare = {.path = "x.flac",
                          .below = "",
                          .class_name = "a/b:..",
                          .confidence = NAN,
                          .pitch_hz = NAN,
                          .loudness_lufs = NAN};
    gives("{class}/{pitch}{note}{loudness}{confidence}{path}{folder}", &bare,
          "a_b_../nonenonenonenonenonenone");
    bare.class_name = "../etc";
    gives("{class}/x", &bare, "_._etc/x");
    bare.class_name = "\x1b[2J";
    gives("{class}", &bare, "_[2J");
}
END_TEST

START_TEST(notes_are_the_nearest) {
    static const struct {
        double hz;
        const char *name;
    } rows[] = {{440, "A4"}, {261.6, "C4"}, {32.7, "C1"}, {466, "A#4"}, {NAN, "none"}, {0, "none"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char name[16];
        ck_assert_str_eq(library_note_name(rows[i].hz, name), rows[i].name);
    }
}
END_TEST

START_TEST(long_names_are_cut_between_characters) {
    char name[1000] = "/a";
    for (int i = 0; i < 300; i++) strcat(name, "\xc3\xa4");
    library_facts of = facts;
    of.path = name;
    const char *path = library_template_expand("{class}/{name}", &of, &arena);
    ck_assert_uint_eq(strlen(path), strlen("kick/") + 199);
    ck_assert_ptr_null(base_utf8_fault(path));
}
END_TEST

START_TEST(what_is_no_template_is_one_line) {
    static const struct {
        const char *text, *why;
    } rows[] = {
        {"{class}/{ptich}", "no field {ptich}; there are {class}, {name}, {ext}, {folder}, {path}, "
                            "{pitch}, {note}, {loudness}, {seconds}, {confidence}"},
        {"{class", "no field {class; there are"},
        {"class}", "a '}' alone"},
        {"", "names a folder"},
        {"{class}/", "names a folder"},
        {"/tmp/{name}", "must be a path below"},
        {"../{name}", "must be a path below"},
        {"a/../{name}", "must be a path below"},
        {"a//{name}", "must be a path below"},
    };
    bool measures;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        TEST_FAILS(library_template_check(rows[i].text, &measures, &err), BASE_ECONFIG, err,
                   rows[i].why);
    }
}
END_TEST

START_TEST(says_whether_it_needs_measures) {
    bool measures;
    TEST_OK(library_template_check("{class}/{seconds}{name}", &measures, &err), err);
    ck_assert(!measures);
    TEST_OK(library_template_check("{note}", &measures, &err), err);
    ck_assert(measures);
}
END_TEST

TEST_MAIN("infer/library/template", fields_stand_for_what_is_known, notes_are_the_nearest,
          long_names_are_cut_between_characters, what_is_no_template_is_one_line,
          says_whether_it_needs_measures)
