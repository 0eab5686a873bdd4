/* Results on terminals of any width. */
#include "tests/program.h"
#include "tests/test.h"

static void contains(const char *text, const char *part) {
    ck_assert_msg(strstr(text, part) != NULL, "'%s' is not in: %s", part, text);
}

static int widest(const char *text) {
    int most = 0, columns = 0;
    for (; *text; text++) {
        bool escape = *text == '\033';
        if (escape) text += strcspn(text, "m");
        if (*text == '\n' || *text == '\r') columns = 0;
        columns += !escape && ((unsigned char)*text & 0xC0) != 0x80 && *text >= ' ';
        most = columns > most ? columns : most;
    }
    return most;
}

static int count(const char *text, const char *part) {
    int n = 0;
    for (; (text = strstr(text, part)) != NULL; text += strlen(part)) n++;
    return n;
}

START_TEST(tables_are_broken_to_fit) {
    const char *folder = test_folder();
    program_fixture(folder, 2);
    program_expect(folder, "$RIMSHOT train tiny.yaml --out run --quiet", 0, NULL);
    static const char *const commands[] = {"$RIMSHOT evaluate run/model.h5 drums",
                                           "$RIMSHOT summary tiny.yaml | cat; $RIMSHOT data "
                                           "overview drums"};
    const char *log = program_expect(folder, commands[0], 0, NULL).out;
    ck_assert_int_gt(widest(log), 80);
    ck_assert_int_eq(count(log, "\nkick "), 2); /* per class, and in the confusion matrix */
    const char *narrow = program_on_terminal(folder, commands[0], 44);
    ck_assert_msg(widest(narrow) <= 44, "%d columns: %s", widest(narrow), narrow);
    ck_assert_int_gt(count(narrow, "\nkick "), 3);
    ck_assert_int_eq(count(narrow, "recall"), count(log, "recall"));
    ck_assert_int_eq(count(narrow, "\033[1m"), count(narrow, "\033[0m"));
    ck_assert_int_eq(count(narrow, "\033[1m"), 9); /* the diagonal */
    const char *wide = program_on_terminal(folder, commands[0], 300);
    ck_assert_int_eq(count(wide, "\nkick "), 2);
    const char *summary = program_on_terminal(folder, "$RIMSHOT summary tiny.yaml", 60);
    contains(summary, "multiply-adds");
    ck_assert_int_eq(count(summary, "\n7  "), 2);
    const char *overview = program_on_terminal(folder, "$RIMSHOT data overview drums", 30);
    ck_assert_int_gt(count(overview, "\nkick "), 1);
    ck_assert_int_eq(count(overview, "clipped"), 1);
}
END_TEST

TEST_MAIN("cli/tables", tables_are_broken_to_fit)
