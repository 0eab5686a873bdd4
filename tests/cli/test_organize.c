/* rimshot organize, as its users call it. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "tests/program.h"
#include "tests/test.h"

/* A folder "drums" of nine sounds, an MP4, a broken one, a copy and a side file, all with times of
 * their own; "before" says what is there. */
static const char *fixture(void) {
    const char *folder = test_folder();
    program_fixture(folder, 1);
    program_write(folder, "list", "#!/bin/sh\nfind drums -printf '%p %m %T@ %s\\n' | sort\n");
    program_expect(folder,
                   "chmod +x list && echo no sound >drums/kick/bad.wav && "
                   "echo no sound >drums/tom/song.m4a && "
                   "cp \"$(ls drums/tom/*.wav | head -1)\" drums/zz.wav && "
                   "echo warp >drums/zz.wav.asd && chmod 600 drums/zz.wav && "
                   "find drums -exec touch -d 2001-02-03 {} + && ./list >before",
                   0, NULL);
    return folder;
}

#define ORGANIZE  "$RIMSHOT organize "
#define AS_BEFORE "./list | diff before -"

static void contains(const char *text, const char *part) {
    ck_assert_msg(strstr(text, part) != NULL, "'%s' is not in: %s", part, text);
}

START_TEST(a_dry_run_writes_nothing) {
    const char *folder = fixture();
    program_end end = program_run(folder, ORGANIZE "drums out --dry-run");
    ck_assert_int_eq(end.code, 1); /* one could not be read */
    contains(end.out, "nothing written; run without --dry-run, undo later with: rimshot organize "
                      "--undo out\n");
    contains(end.out, "1 copies set aside\n");
    contains(end.out, "duplicates/zz.wav  <-  ");
    contains(end.out, "left             drums/kick/bad.wav  (");
    contains(end.err, "skipped: drums/tom/song.m4a: AAC");
    end = program_run(folder, ORGANIZE "drums out --dry-run --json");
    contains(end.out, "\"written\": false, \"known\": 0, \"operations\": [");
    contains(end.out, "\"fate\": \"duplicate\", \"copy_of\": \"");
    contains(end.out, "{\"path\": \"drums/tom/song.m4a\", \"why\": \"AAC");
    program_expect(folder, "test ! -e out && " AS_BEFORE, 0, NULL);
}
END_TEST

START_TEST(every_action_can_be_undone) {
    static const char *const actions[] = {"copy", "move", "hardlink", "symlink"};
    const char *folder = fixture();
    for (int i = 0; i < 4; i++) {
        char command[200];
        snprintf(command, sizeof command,
                 ORGANIZE "drums out --action %s --with-side-files --quiet", actions[i]);
        program_end end = program_run(folder, command);
        ck_assert_msg(end.code == 1, "%d %s", end.code, end.err);
        program_expect(
            folder,
            "test -f out/duplicates/zz.wav.asd && test $(find out -name '*.wav' | wc -l) "
            "= 10 && test ! -e out/kick/bad.wav && test -e drums/kick/bad.wav",
            0, NULL);
        end = program_run(folder, ORGANIZE "--undo out");
        ck_assert_msg(end.code == 0, "%s", end.err);
        ck_assert_str_eq(end.out, "11 undone\n");
        program_expect(folder, "test ! -e out && " AS_BEFORE, 0, NULL);
    }
}
END_TEST

START_TEST(only_what_is_new_is_carried) {
    const char *folder = fixture();
    program_run(folder, ORGANIZE "drums out --quiet");
    program_expect(folder,
                   "find out | sort >first && mkdir drums/new && "
                   "$RIMSHOT data synth s --per-class 1 --quiet && "
                   "cp s/kick/*.wav drums/new/n.wav",
                   0, NULL);
    program_end end = program_run(folder, ORGANIZE "drums out");
    contains(end.out, "10 organised before\n");
    program_expect(folder, "test $(find out -name '*.wav' | wc -l) = 11", 0, NULL);
    end = program_run(folder, ORGANIZE "drums out");
    contains(end.out, "11 organised before\nnothing new; undo with: ");
    end = program_run(folder, ORGANIZE "--undo --last out");
    ck_assert_str_eq(end.out, "1 undone\n");
    program_expect(folder, "find out | sort | diff first -", 0, NULL);
    program_expect(folder,
                   ORGANIZE "--undo out --quiet && rm -r drums/new && "
                            "touch -d 2001-02-03 drums && " AS_BEFORE,
                   0, NULL);
}
END_TEST

START_TEST(names_are_the_users) {
    const char *folder = fixture();
    program_write(folder, "rules.yaml",
                  "classes: {Everything: [\"*/*\"]}\nleave_out: [\"*/zz*\"]\n");
    program_run(folder, ORGANIZE "drums a --rules rules.yaml --quiet --confidence 0 --template "
                                 "'{class}/{ext}/{folder}_{note}_{seconds}'");
    program_expect(folder,
                   "test $(ls a) = Everything && test $(ls a/Everything/wav | wc -l) = 9 && "
                   "test ! -e a/duplicates",
                   0, NULL);
    program_run(folder, ORGANIZE "drums b --confidence 1 --duplicates sort --quiet");
    program_expect(folder, "test $(ls b) = unsorted && test $(ls b/unsorted | wc -l) = 10", 0,
                   NULL);
    program_end end = program_run(folder, ORGANIZE "drums c --duplicates leave --dry-run --json");
    contains(end.out, "\"why\": \"a copy of ");
    program_run(folder, "find drums -name '*.wav' -print0 | " ORGANIZE
                        "- d --merge All=kick+tom+snare --only All --confidence 0 --quiet");
    program_expect(folder, "test -d d/All && test ! -e d/kick", 0, NULL);
}
END_TEST

START_TEST(what_cannot_be_is_one_line) {
    const char *folder = fixture();
    static const struct {
        const char *command, *why;
        int code;
    } rows[] = {
        {"drums out --template '{class}/{pich}'", "no field {pich}; there are {class}", 2},
        {"drums drums/out", "which it is made from", 2},
        {"drums .", "the library", 2},
        {"drums drums", "which it is made from", 2},
        {"drums out --action steal",
         "--action=steal: must be one of copy, move, hardlink, symlink, reflink", 2},
        {"drums out --rules none.yaml", "none.yaml: No such file", 1},
        {"nowhere out", "nowhere: No such file", 1},
        {"empty out", "empty: no sound files", 1},
        {"drums", "name the sounds and the library", 2},
        {"--undo drums", "drums: no run of organize to undo", 1},
        {"--resume drums", "drums: no unfinished run", 1},
        {"--undo", "too few arguments", 2},
        {"--undo a b", "take one folder", 2},
    };
    program_expect(folder, "mkdir empty", 0, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char command[300];
        snprintf(command, sizeof command, ORGANIZE "%s", rows[i].command);
        program_expect(folder, command, rows[i].code, rows[i].why);
    }
    program_expect(folder, "test ! -e out && " AS_BEFORE, 0, NULL);
}
END_TEST

/* Files of more than so many blocks cannot be written: as on a full disk, the first copy fails. */
START_TEST(a_full_disk_loses_nothing) {
    const char *folder = fixture();
    program_expect(folder,
                   "rm drums/kick/bad.wav drums/tom/song.m4a && "
                   "find drums -exec touch -d 2001-02-03 {} + && ./list >before",
                   0, NULL);
    program_end end = program_run(folder, "trap '' XFSZ; ulimit -f 6; " ORGANIZE "drums out");
    ck_assert_int_eq(end.code, 1);
    contains(end.err, "File too large\n");
    contains(end.err, "nothing is lost; go on with: rimshot organize --resume out   or take it "
                      "back with: rimshot organize --undo out\n");
    program_expect(folder, "test -z \"$(find out -name '*.wav' -o -name '.rimshot-0*')\"", 0, NULL);
    program_expect(folder, ORGANIZE "drums out --action move", 2, "with other settings");
    end = program_run(folder, ORGANIZE "--resume out");
    ck_assert_str_eq(end.out, "10 done\n");
    program_expect(folder, ORGANIZE "--undo out --quiet && test ! -e out && " AS_BEFORE, 0, NULL);
}
END_TEST

START_TEST(a_read_only_folder_is_one_line) {
    if (geteuid() == 0) return; /* may write everywhere */
    const char *folder = fixture();
    program_expect(folder, "rm drums/kick/bad.wav drums/tom/song.m4a && mkdir out && chmod 500 out",
                   0, NULL);
    program_end end = program_run(folder, ORGANIZE "drums out");
    ck_assert_int_eq(end.code, 1);
    contains(end.err, "Permission denied");
    program_expect(folder, "chmod 700 out && test -z \"$(ls -A out)\"", 0, NULL);
}
END_TEST

START_TEST(a_stopped_run_goes_on) {
    const char *folder = fixture();
    pid_t process = program_start(folder, "exec " ORGANIZE "drums out");
    nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    kill(process, SIGINT);
    program_end end = program_wait(process, folder);
    ck_assert_msg(end.code == 130 || end.code == 1, "%d %s", end.code, end.err);
    program_run(folder, ORGANIZE "drums out --quiet");
    program_run(folder, ORGANIZE "drums out --quiet");
    program_expect(folder, "test $(find out -name '*.wav' | wc -l) = 10", 0, NULL);
    program_expect(folder, ORGANIZE "--undo out --quiet && " AS_BEFORE, 0, NULL);
}
END_TEST

TEST_MAIN("cli/organize", a_dry_run_writes_nothing, every_action_can_be_undone,
          only_what_is_new_is_carried, names_are_the_users, what_cannot_be_is_one_line,
          a_full_disk_loses_nothing, a_read_only_folder_is_one_line, a_stopped_run_goes_on)
