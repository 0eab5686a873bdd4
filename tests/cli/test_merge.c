/* Classes joined, left out and refused on the command line. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/program.h"
#include "tests/test.h"

static const char *fixture(const char *more) {
    char command[512];
    const char *folder = test_folder();
    program_fixture(folder, 2);
    snprintf(command, sizeof command,
             "$RIMSHOT train tiny.yaml train.epochs=1 %s --out run --quiet", more);
    program_expect(folder, command, 0, NULL);
    return folder;
}

/* The number in column `column` of line `line` of a CSV file in the test's folder. */
static double number_at(const char *folder, const char *file, int line, int column) {
    char command[256];
    snprintf(command, sizeof command, "sed -n %dp %s | cut -d, -f%d", line, file, column);
    return atof(program_expect(folder, command, 0, NULL).out);
}

START_TEST(probabilities_of_joined_classes_are_summed) {
    const char *folder = fixture("");
    program_expect(folder,
                   "$RIMSHOT classify run/model.h5 drums/kick --format csv --quiet >all.csv && "
                   "$RIMSHOT classify run/model.h5 drums/kick --format csv --quiet "
                   "--merge hat=openhat+closedhat,skin=kick+tom+snare >few.csv && "
                   "$RIMSHOT classify run/model.h5 drums/kick --format csv --quiet "
                   "--merge hat=openhat+closedhat --only hat,clap >two.csv",
                   0, NULL);
    program_end end = program_expect(folder, "head -qn 1 all.csv few.csv two.csv", 0, NULL);
    ck_assert_str_eq(end.out, "path,class,clap,closedhat,cowbell,crash,kick,openhat,rim,snare,tom,"
                              "error,condition,reason\n"
                              "path,class,clap,hat,cowbell,crash,skin,rim,error,condition,reason\n"
                              "path,class,clap,hat,error,condition,reason\n");
    for (int line = 2; line <= 3; line++) {
        double clap = number_at(folder, "all.csv", line, 3);
        double hat = number_at(folder, "all.csv", line, 4) + number_at(folder, "all.csv", line, 8);
        double skin = number_at(folder, "all.csv", line, 7) +
                      number_at(folder, "all.csv", line, 10) +
                      number_at(folder, "all.csv", line, 11);
        ck_assert_double_eq_tol(number_at(folder, "few.csv", line, 4), hat, 2e-6);
        ck_assert_double_eq_tol(number_at(folder, "few.csv", line, 7), skin, 3e-6);
        ck_assert_double_eq_tol(number_at(folder, "two.csv", line, 4), hat / (hat + clap), 1e-4);
    }
}
END_TEST

START_TEST(data_sets_of_joined_classes_are_evaluated) {
    const char *folder = fixture("");
    program_expect(folder,
                   "mkdir -p few/hat few/skin && cp drums/openhat/0.wav few/hat && "
                   "cp drums/kick/1.wav few/skin && "
                   "cp -r drums/closedhat drums/clap few && "
                   "$RIMSHOT evaluate run/model.h5 few --json --quiet "
                   "--merge hat=openhat+closedhat,skin=kick+tom+snare --only hat,skin >few.json",
                   0, NULL);
    program_end end = program_expect(folder, "cat few.json", 0, NULL);
    ck_assert_ptr_nonnull(strstr(end.out, "\"clips\": 4, \"left_out\": 2"));
    ck_assert_ptr_nonnull(strstr(end.out, "\"classes\": [\"hat\", \"skin\"]"));
}
END_TEST

START_TEST(mistakes_in_joining_are_usage_errors) {
    static const char *const rows[][2] = {
        {"--merge hat", "'hat' is not of the form NAME=CLASS+CLASS"},
        {"--merge hat=openhad", "the model has no class 'openhad'; did you mean 'openhat'?"},
        {"--merge a=kick,b=kick", "class 'kick' is given twice"},
        {"--merge a=kick,a=tom", "'a' is given twice"},
        {"--merge tom=kick", "class 'tom' is there already"},
        {"--only tomb", "the model has no class 'tomb'"},
        {"--merge a=kick --only kick", "the model has no class 'kick'"},
        {"--only tom,tom", "class 'tom' is given twice"}};
    char command[512];
    const char *folder = fixture("");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        snprintf(command, sizeof command, "$RIMSHOT classify run/model.h5 drums %s", rows[i][0]);
        program_expect(folder, command, 2, rows[i][1]);
        snprintf(command, sizeof command, "$RIMSHOT evaluate run/model.h5 drums %s", rows[i][0]);
        program_expect(folder, command, 2, rows[i][1]);
    }
    program_expect(folder, "$RIMSHOT classify run/model.h5 drums --refuse 0.5", 2,
                   "--refuse: the model has no class");
}
END_TEST

START_TEST(a_class_may_be_refused) {
    const char *folder = fixture("'refuse={class: clap, above: 0}'");
    program_end end = program_expect(
        folder, "$RIMSHOT classify run/model.h5 drums --format csv --quiet | cut -d, -f2 | sort -u",
        0, NULL);
    ck_assert_str_eq(end.out, "class\nunknown\n"); /* every probability is above 0 */
    end = program_expect(folder,
                         "$RIMSHOT classify run/model.h5 drums --refuse 1 --format csv --quiet | "
                         "cut -d, -f2 | grep -cE '^(clap|unknown)$'",
                         1, NULL);
    ck_assert_str_eq(end.out, "0\n");
    end =
        program_expect(folder, "$RIMSHOT classify run/model.h5 drums/kick/0.wav --top 3", 0, NULL);
    ck_assert_int_eq(strncmp(end.out, "unknown ", 8), 0);
    ck_assert_ptr_nonnull(strstr(end.out, "0.wav: clap 0."));
    program_expect(folder, "$RIMSHOT train tiny.yaml 'refuse={class: clapp}' --out no --quiet", 2,
                   "refuse: 'clapp' is not one of several classes");
    program_expect(folder, "$RIMSHOT train tiny.yaml 'refuse={above: 2}' --out no --quiet", 2,
                   "refuse");
}
END_TEST

TEST_MAIN("cli/merge", probabilities_of_joined_classes_are_summed,
          data_sets_of_joined_classes_are_evaluated, mistakes_in_joining_are_usage_errors,
          a_class_may_be_refused)
