#include "data/labels.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/file.h"
#include "tests/test.h"

static base_error err;
static base_arena arena;

static const char *written(const char *text) {
    const char *path = base_arena_printf(&arena, "%s/rules.yaml", test_folder());
    TEST_OK(base_file_write(path, text, strlen(text), &err), err);
    return path;
}

static const char *class_of(const data_labels *labels, const char *label) {
    int c = data_labels_match(labels, label, &arena, NULL);
    return c >= 0 ? data_labels_class(labels, c) : "-";
}

START_TEST(first_class_that_matches_wins) {
    data_labels *labels;
    TEST_OK(data_labels_read(written("leave_out: [\"*roll*\"]\n"
                                     "classes: {kick: [\"*kick*\", \"bd?\"], all: \"*drum*\"}\n"),
                             &arena, &labels, &err),
            err);
    ck_assert_int_eq(data_labels_n_classes(labels), 2);
    ck_assert_str_eq(class_of(labels, "Kick Drum"), "kick");
    ck_assert_str_eq(class_of(labels, "BD1"), "kick");
    ck_assert_str_eq(class_of(labels, "drum"), "all");
    ck_assert_str_eq(class_of(labels, "bd"), "-");
    const char *reason;
    ck_assert_int_eq(data_labels_match(labels, "Kick Roll", &arena, &reason), -1);
    ck_assert_str_eq(reason, "left out by rule '*roll*'");
    ck_assert_int_eq(data_labels_match(labels, "", &arena, &reason), -1);
    ck_assert_str_eq(reason, "no rule matches");
    base_arena full = {.limit_bytes = 1};
    ck_assert_int_eq(data_labels_match(labels, "Kick Roll", &full, &reason), -1);
    ck_assert_ptr_null(reason);
}
END_TEST

START_TEST(refuses_broken_rules) {
    static const struct {
        const char *text, *part;
        base_status status;
    } cases[] = {
        {"leave_out: [a]\n", "needs 'classes'", BASE_ECONFIG},
        {"classes: [a]\n", "needs 'classes'", BASE_ECONFIG},
        {"classes: {kick: []}\n", "rules.yaml:1: classes.kick: a class needs", BASE_ECONFIG},
        {"classes: {kick: {a: b}}\n", "a class needs", BASE_ECONFIG},
        {"classes:\n  kick: [\"\"]\n", "rules.yaml:2: ", BASE_ECONFIG},
        {"classes: {kick: [[a]]}\n", "a pattern must be", BASE_ECONFIG},
        {"clases: {kick: a}\n", "classes", BASE_ECONFIG}};
    data_labels *labels;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        TEST_FAILS(data_labels_read(written(cases[i].text), &arena, &labels, &err), cases[i].status,
                   err, cases[i].part);
    TEST_FAILS(data_labels_read("/no/rules.yaml", &arena, &labels, &err), BASE_ENOTFOUND, err,
               "/no/rules.yaml");
}
END_TEST

/* Names as drum kits have them, with the class each rules file is to give. */
START_TEST(shipped_rules_know_the_names_of_kits) {
    static const struct {
        const char *label, *seven, *five;
    } names[] = {{"BassDrum", "kick", "kick"},
                 {"c3 - bass drum 1", "kick", "kick"},
                 {"Kick (Tama Superstar 22\")", "kick", "kick"},
                 {"Snare Rimshot (Pearl Free Floating Maple 14x3.5)", "snare", "snare"},
                 {"redo super opaco", "snare", "snare"},
                 {"Snare Roll", "-", "-"},
                 {"Rim Click (Pearl Free Floating Maple 14x3.5)", "-", "-"},
                 {"Pearl Side Stick", "-", "-"},
                 {"Hi Hat Opened", "hat", "openhat"},
                 {"Hi-Hat Semiopen (Paiste Alpha Metal edge 14\")", "hat", "-"},
                 {"Hi-Hat Pedal (Paiste Alpha Metal edge 14\")", "hat", "closedhat"},
                 {"Side HH", "hat", "-"},
                 {"Side OHH", "hat", "openhat"},
                 {"VariBreaks Hat 1 Pd", "hat", "closedhat"},
                 {"Hat Op Phaser", "hat", "openhat"},
                 {"f#3 - hi-hat closed", "hat", "closedhat"},
                 {"Hat Low", "hat", "-"},
                 {"Ride (Custom, Zagrebin 22\")", "cymbal", "-"},
                 {"ride-crash20inch", "cymbal", "-"},
                 {"Paiste Bell", "cymbal", "-"},
                 {"tomhi2", "tom", "-"},
                 {"b3 - low tom", "tom", "-"},
                 {"Floor Tom", "tom", "-"},
                 {"Cowbell", "cowbell", "-"},
                 {"d#3 - clap", "clap", "clap"},
                 {"Finger Snaps", "-", "-"},
                 {"Sangban1 Bell Hit", "-", "-"},
                 {"Tambourine Pedal (Pearl PTM-10GH)", "-", "-"},
                 {"Sample: beats_08-37.flac", "-", "-"},
                 {"Click", "-", "-"},
                 {"32", "-", "-"},
                 {"", "-", "-"},
                 {"closedhat", "hat", "closedhat"},
                 {"openhat", "hat", "openhat"},
                 {"rim", "-", "-"}};
    data_labels *seven, *five;
    const char *path = test_path("../configs/labels/seven.yaml");
    TEST_OK(data_labels_read(path, &arena, &seven, &err), err);
    path = test_path("../configs/labels/five.yaml");
    TEST_OK(data_labels_read(path, &arena, &five, &err), err);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        ck_assert_msg(strcmp(class_of(seven, names[i].label), names[i].seven) == 0, "seven: '%s'",
                      names[i].label);
        ck_assert_msg(strcmp(class_of(five, names[i].label), names[i].five) == 0, "five: '%s'",
                      names[i].label);
    }
}
END_TEST

TEST_MAIN("data/labels", first_class_that_matches_wins, refuses_broken_rules,
          shipped_rules_know_the_names_of_kits)
