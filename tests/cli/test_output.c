/* Where files may be written. */
#include <stdio.h>

#include "tests/program.h"
#include "tests/test.h"

START_TEST(a_folder_that_holds_files_is_not_filled) {
    const char *folder = test_folder();
    program_expect(folder, "mkdir mine empty && echo 1 >mine/notes", 0, NULL);
    program_expect(folder, "$RIMSHOT data synth mine --per-class 1", 1,
                   "mine: is not empty; --overwrite writes into it all the same");
    program_expect(folder, "test $(ls mine | wc -l) = 1", 0, NULL);
    program_expect(folder, "$RIMSHOT data synth empty --per-class 1 --quiet", 0, NULL);
    program_expect(folder,
                   "$RIMSHOT data synth mine --per-class 1 --quiet --overwrite && "
                   "test -f mine/notes && rm mine/notes && diff -r mine empty",
                   0, NULL);
    program_expect(folder, "$RIMSHOT data performance empty --out mine", 1, "mine: is not empty");
}
END_TEST

/* Without a home there is no cache, least of all in the working folder. */
START_TEST(the_working_folder_is_not_littered) {
    const char *folder = test_folder();
    program_expect(folder,
                   "$RIMSHOT data synth drums --per-class 1 --quiet && "
                   "env -u HOME -u RIMSHOT_CACHE -u XDG_CACHE_HOME $RIMSHOT data overview drums "
                   ">overview && test \"$(echo $(ls -A))\" = \".err .out drums overview\" || "
                   "{ ls -A >&2; exit 3; }",
                   0, NULL);
}
END_TEST

START_TEST(a_mistake_is_told_before_a_folder_that_exists) {
    const char *folder = test_folder();
    program_fixture(folder, 2);
    static const char *const overrides[] = {"train.epocs=5", "'network[0].conv2d.kernal=3'",
                                            "'augment[1].gain.dB=3'", "dataset.lable=x"};
    program_expect(folder, "mkdir taken && echo 1 >taken/file", 0, NULL);
    for (size_t i = 0; i < sizeof overrides / sizeof *overrides; i++) {
        char command[200];
        snprintf(command, sizeof command, "$RIMSHOT train tiny.yaml --out taken %s", overrides[i]);
        program_expect(folder, command, 2, "no such key");
        snprintf(command, sizeof command, "$RIMSHOT pretrain tiny.yaml --out taken %s",
                 overrides[i]);
        program_expect(folder, command, 2, "no such key");
    }
    program_expect(folder, "$RIMSHOT train tiny.yaml --out taken", 1, "taken: already exists");
}
END_TEST

TEST_MAIN("cli/output", a_folder_that_holds_files_is_not_filled, the_working_folder_is_not_littered,
          a_mistake_is_told_before_a_folder_that_exists)
