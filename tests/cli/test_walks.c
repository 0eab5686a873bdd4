/* Folders with entries that can't be read, in every command that walks folders. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "tests/program.h"
#include "tests/test.h"

static void contains(const char *text, const char *part) {
    ck_assert_msg(strstr(text, part) != NULL, "'%s' is not in: %s", part, text);
}

static void lacks(const char *text, const char *part) {
    ck_assert_msg(strstr(text, part) == NULL, "'%s' is in: %s", part, text);
}

static int count(const char *text, const char *part) {
    int n = 0;
    for (; (text = strstr(text, part)) != NULL; text++) n++;
    return n;
}

/* Three entries that can't be read: folders beyond the longest path, a pipe, a link to nowhere; and
 * links that loop. */
static const char spoil[] =
    "mkfifo drums/kick/pipe.wav && ln -s nowhere.wav drums/rim/lost.wav && "
    "ln -s .. drums/kick/up && ln -s loop drums/kick/loop && mkfifo drums/kick/pipe && "
    "long=$(printf '%200s' '' | tr ' ' d) && (cd drums/clap && "
    "for i in $(seq 25); do mkdir $long && cd -P $long || exit 1; done)";
enum { N_SPOILT = 3 };

static const char *spoilt(void) {
    const char *folder = test_folder();
    program_fixture(folder, 2);
    program_expect(folder, "$RIMSHOT train tiny.yaml --out run train.epochs=1 --quiet", 0, NULL);
    program_end end = program_run(folder, spoil);
    ck_assert_msg(end.code == 0, "%s", end.err);
    return folder;
}

/* Each problem has a line, and nothing else has. */
static void names_them(const char *command, const program_end *end) {
    ck_assert_msg(end->code == 1, "%s: exit status %d: %s", command, end->code, end->err);
    contains(end->err, "rimshot: drums/kick/pipe.wav: a pipe, a socket or a device, not a file\n");
    contains(end->err, "rimshot: drums/rim/lost.wav: a link that leads nowhere\n");
    contains(end->err, "...: File name too long\n");
    ck_assert_msg(count(end->err, "\n") == N_SPOILT, "%s: %s", command, end->err);
}

START_TEST(one_bad_entry_ends_no_walk) {
    static const char *const commands[] = {
        "$RIMSHOT classify run/model.h5 drums",
        "$RIMSHOT data overview drums",
        "$RIMSHOT data duplicates drums",
        "$RIMSHOT evaluate run/model.h5 drums",
        "$RIMSHOT embed run/model.h5 drums --out x.csv",
        "$RIMSHOT data descriptors drums --out y.csv",
    };
    const char *folder = spoilt();
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        program_end end = program_run(folder, commands[i]);
        names_them(commands[i], &end);
    }
    contains(program_run(folder, "$RIMSHOT data overview drums 2>/dev/null").out, "18 clips");
    contains(program_run(folder, "wc -l x.csv y.csv").out, "19 x.csv");
    ck_assert_int_eq(program_run(folder, "rm -r drums").code, 0);
}
END_TEST

START_TEST(json_and_csv_say_which) {
    const char *folder = spoilt();
    program_end end = program_run(folder, "$RIMSHOT classify run/model.h5 drums none --json");
    ck_assert_int_eq(end.code, 1);
    ck_assert_int_eq(count(end.out, "\"class\": "), 18);
    ck_assert_int_eq(count(end.out, "\"error\": "), N_SPOILT + 1);
    contains(end.out,
             "{\"path\": \"drums/kick/pipe.wav\", \"error\": \"drums/kick/pipe.wav: a pipe");
    end = program_run(folder, "$RIMSHOT classify run/model.h5 drums --format csv");
    ck_assert_int_eq(count(end.out, "\n"), 1 + 18 + N_SPOILT);
    ck_assert_int_eq(program_run(folder, "rm -r drums").code, 0);
}
END_TEST

START_TEST(training_ends_or_keeps_going) {
    const char *folder = spoilt();
    program_end end = program_run(folder, "$RIMSHOT train tiny.yaml --out new --quiet");
    ck_assert_int_eq(end.code, 1);
    ck_assert_int_eq(count(end.err, "\n"), 1);
    ck_assert_int_ne(program_run(folder, "test -e new/model.h5").code, 0);
    end = program_run(folder, "$RIMSHOT train tiny.yaml --out new --quiet --keep-going "
                              "train.epochs=1");
    names_them("train --keep-going", &end);
    ck_assert_int_eq(program_run(folder, "cmp new/model.h5 run/model.h5").code, 0);
    end = program_run(folder, "$RIMSHOT pretrain tiny.yaml --out pre --quiet");
    ck_assert_int_eq(end.code, 1);
    ck_assert_int_eq(program_run(folder, "rm -r drums").code, 0);
}
END_TEST

START_TEST(a_folder_met_twice_is_noted) {
    const char *folder = test_folder();
    program_fixture(folder, 2);
    program_run(folder, "ln -s kick drums/again");
    program_end end = program_run(folder, "$RIMSHOT data overview drums");
    ck_assert_int_eq(end.code, 0);
    contains(end.out, "note      drums/kick is the same folder as drums/again: ");
    contains(end.out, "18 clips");
}
END_TEST

START_TEST(a_kit_that_cannot_be_read_is_named) {
    const char *folder = test_folder();
    program_fixture(folder, 2);
    program_run(folder,
                "mkdir -p kits/a kits/b/drumkit.xml kits/none && mv drums/kick/0.wav kits/a/k.wav "
                "&& mv drums/snare/0.wav kits/a/s.wav && printf '<drumkit_info><instrumentList>"
                "<instrument><name>K</name><filename>k.wav</filename></instrument>"
                "<instrument><name>S</name><filename>s.wav</filename></instrument>"
                "</instrumentList></drumkit_info>' >kits/a/drumkit.xml && "
                "printf 'dataset: {source: hydrogen, path: kits}\\n' >kits.yaml");
    program_end end = program_run(folder, "$RIMSHOT data overview kits.yaml");
    ck_assert_int_eq(end.code, 1);
    contains(end.err, "kits/b/drumkit.xml: not a regular file");
    ck_assert_int_eq(count(end.err, "\n"), 1);
    contains(end.out, "2 clips");
}
END_TEST

START_TEST(degenerate_data_is_said_aloud) {
    const char *folder = test_folder();
    program_fixture(folder, 4);
    program_run(folder, "mkdir -p one two/B two/A && mv drums/kick one/ && "
                        "cp drums/snare/* two/A && cp drums/snare/* two/B");
    program_expect(folder, "$RIMSHOT train tiny.yaml dataset.path=one", 1,
                   "the data set has one class alone, 'kick'");
    ck_assert_int_ne(program_run(folder, "test -e runs").code, 0);
    contains(program_run(folder, "$RIMSHOT data overview one").out, "4 clips in 1 classes");
    const char *shown = program_run(folder, "$RIMSHOT data overview two").out;
    contains(shown, "the classes 'A' and 'B' have the same sounds: 4 of the 4");
    program_run(folder, "mkdir -p kits/K kits/S && for k in x y; do mkdir kits/S/$k; done && "
                        "mkdir kits/K/x && cp drums/rim/0.wav drums/rim/1.wav kits/K/x && "
                        "cp drums/tom/0.wav kits/S/x && cp drums/tom/1.wav kits/S/y");
    shown = program_run(folder, "$RIMSHOT data overview kits").out;
    contains(shown, "the class 'K' occurs in one group alone, 'x'");
    lacks(shown, "the class 'S'");
    program_run(folder, "mv kits/S kits/k");
    contains(program_run(folder, "$RIMSHOT data overview kits").out,
             "the classes 'K' and 'k' look alike");
    contains(program_run(folder, "$RIMSHOT train tiny.yaml dataset.path=kits train.epochs=1 "
                                 "'folds={k: 2, group: []}'")
                 .err,
             "note     the classes 'K' and 'k' look alike");
}
END_TEST

TEST_MAIN("cli/walks", one_bad_entry_ends_no_walk, json_and_csv_say_which,
          training_ends_or_keeps_going, a_folder_met_twice_is_noted,
          a_kit_that_cannot_be_read_is_named, degenerate_data_is_said_aloud)
