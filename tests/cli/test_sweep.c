/* `rimshot sweep` as its users meet it. */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/arena.h"
#include "tests/program.h"
#include "tests/test.h"

/* Of the four cells one cannot be trained: mixup needs a batch of two. */
static const char grid[] = "name: little\n"
                           "config: tiny.yaml\n"
                           "set: ['dataset={source: synth, per_class: 4}', train.epochs=20]\n"
                           "grid:\n"
                           "  train.batch: [8, 1]\n"
                           "  train.mixup: {plain: 0, mixed: 0.2}\n";

static base_arena arena;

static const char *with_sweep(const char *text) {
    const char *folder = test_folder();
    program_fixture(folder, 1);
    program_write(folder, "sweep.yaml", text);
    return folder;
}

static void contains(const char *text, const char *part) {
    ck_assert_msg(strstr(text, part) != NULL, "'%s' is not in: %s", part, text);
}

START_TEST(a_cell_that_fails_does_not_keep_the_others_back) {
    const char *folder = with_sweep(grid);
    program_end end = program_run(folder, "$RIMSHOT sweep sweep.yaml");
    ck_assert_int_eq(end.code, 1);
    contains(end.err, "cell 1/4  batch-8,mixup-plain\n");
    contains(end.err, "cell 3/4  fold 2/2  accuracy ");
    contains(end.err, "rimshot: cell 4/4 batch-1,mixup-mixed: tiny.yaml:");
    contains(end.err, "mixup needs a batch of at least 2\n");
    contains(end.out, "\n1      mixed      failed ");
    contains(end.out, "  best ");
    contains(end.out, "\n3 of 4 cells are finished");
    contains(end.out, "\nreport   runs/little/sweep.html");
    program_expect(folder,
                   "cd runs/little && test -e batch-1,mixup-plain/report.html && test -e table.csv "
                   "&& test -e table.tex && grep -q at.least 'batch-1,mixup-mixed/failed.txt'",
                   0, NULL);
    /* A second call has only the failed one to try, and makes nothing new. */
    program_expect(folder, "cp -r runs/little before", 0, NULL);
    end = program_run(folder, "$RIMSHOT sweep sweep.yaml");
    ck_assert_int_eq(end.code, 1);
    contains(end.err, "cell 3/4  batch-1,mixup-plain  is finished\ncell 4/4");
    ck_assert_ptr_null(strstr(end.err, "fold"));
    program_expect(folder, "diff -r before runs/little >&2", 0, NULL);
    contains(program_expect(folder, "$RIMSHOT sweep sweep.yaml --dry-run", 1, NULL).out,
             "finished  batch-1,mixup-plain\nwrong     batch-1,mixup-mixed: tiny.yaml:");
}
END_TEST

START_TEST(one_that_runs_away_fails_when_it_does) {
    const char *folder =
        with_sweep("name: little\n"
                   "config: tiny.yaml\n"
                   "set:\n"
                   "  - 'dataset={source: synth, per_class: 2, classes: " PROGRAM_CLASSES "}'\n"
                   "  - 'network=[flatten, linear: 8, linear: 8, linear: classes]'\n"
                   "grid:\n"
                   "  train.optimizer: [adamw, {sgd: {lr: 1000, momentum: 0.99}}]\n");
    program_end end =
        program_expect(folder, "$RIMSHOT sweep sweep.yaml --quiet", 1, "cell 2/2 optimizer-sgd: ");
    const char *row = strstr(end.out, "\nsgd ");
    ck_assert_ptr_nonnull(row);
    row += strlen("\nsgd");
    ck_assert_int_eq(strncmp(row + strspn(row, " "), "failed ", 7), 0);
    contains(program_expect(folder, "$RIMSHOT sweep sweep.yaml --dry-run", 0, NULL).out,
             "failed    optimizer-sgd: ");
}
END_TEST

START_TEST(kills_and_threads_do_not_matter) {
    const char *folder = with_sweep(grid);
    program_expect(folder, "$RIMSHOT sweep sweep.yaml --threads 1 --out whole >text; test $? = 1",
                   0, NULL);
    static const char *const moments[] = {"cell 1/4  fold 1/2", "cell 2/4  batch",
                                          "cell 3/4  fold 2/2"};
    for (int i = 0; i < 3; i++) {
        pid_t process = program_start(folder, "exec $RIMSHOT sweep sweep.yaml --out hurt");
        ck_assert(program_says(process, folder, moments[i]));
        kill(process, SIGKILL);
        program_wait(process, folder);
    }
    program_run(folder, "$RIMSHOT sweep sweep.yaml --out hurt --threads 3 --parallel-folds 2");
    program_expect(folder, "diff -r whole hurt >&2", 0, NULL);
    program_expect(folder, "rm hurt/table.* hurt/margins.csv hurt/sweep.html hurt/cells.*", 0,
                   NULL);
    program_expect(folder,
                   "$RIMSHOT sweep sweep.yaml --out hurt --table md >printed && "
                   "cmp printed hurt/table.md && diff -r whole hurt >&2",
                   0, NULL);
}
END_TEST

START_TEST(an_interrupted_sweep_tells_how_to_go_on) {
    const char *folder = with_sweep(grid);
    pid_t process =
        program_start(folder, "exec $RIMSHOT sweep sweep.yaml train.epochs=100000 --out 'a sweep'");
    ck_assert(program_says(process, folder, "cell 1/4  batch"));
    kill(process, SIGINT);
    program_end end = program_wait(process, folder);
    ck_assert_int_eq(end.code, 130);
    contains(end.err, "\nstopped in cell 1/4; go on with: rimshot sweep sweep.yaml "
                      "train.epochs=100000 --out 'a sweep'\n");
}
END_TEST

START_TEST(a_cell_of_another_configuration_is_refused) {
    const char *folder = with_sweep(grid);
    program_run(folder, "$RIMSHOT sweep sweep.yaml train.epochs=1");
    program_expect(folder, "$RIMSHOT sweep sweep.yaml train.epochs=2", 1,
                   "runs/little: holds a sweep with other settings: train.epochs was 1 and is 2 "
                   "now; to go on, give the same");
    program_expect(folder, "sed -i 's/plain: 0, mixed: 0.2/plain: 0.1, mixed: 0.3/' sweep.yaml", 0,
                   NULL);
    program_expect(folder, "$RIMSHOT sweep sweep.yaml train.epochs=1", 1,
                   "runs/little/batch-8,mixup-plain/cell.yaml:");
    program_expect(folder, "$RIMSHOT sweep sweep.yaml train.epochs=1 --dry-run", 1,
                   "begun with another configuration; remove its folder");
    program_expect(folder, "rm -r runs/little/batch-8,mixup-plain", 0, NULL);
    program_expect(folder, "$RIMSHOT sweep sweep.yaml train.epochs=1", 1,
                   "runs/little/batch-8,mixup-mixed/cell.yaml:");
}
END_TEST

/* A value more is a cell more; the others stay. Another grid has no place there, nor has anything
 * else. */
START_TEST(a_folder_is_one_sweeps) {
    const char *folder =
        with_sweep("name: little\n"
                   "config: tiny.yaml\n"
                   "set: ['dataset={source: synth, per_class: 4}', train.epochs=1]\n"
                   "grid: {train.seed: [1]}\n");
    program_expect(folder, "$RIMSHOT sweep sweep.yaml --table csv", 1, "nothing of the sweep");
    program_expect(folder, "$RIMSHOT sweep sweep.yaml && cp -r runs/little/seed-1 before", 0, NULL);
    program_expect(folder,
                   "sed 's/\\[1\\]/[1, 2]/' sweep.yaml >more.yaml && $RIMSHOT sweep more.yaml && "
                   "diff -r before runs/little/seed-1 && test -e runs/little/seed-2/report.html && "
                   "test $(grep -c finished runs/little/table.csv) = 2",
                   0, NULL);
    program_expect(folder,
                   "sed 's/train.seed: .*/folds.seed: [1]}/' sweep.yaml >other.yaml && "
                   "cp -r runs/little before-other",
                   0, NULL);
    static const char *const commands[] = {"other.yaml", "other.yaml --dry-run",
                                           "other.yaml --table md"};
    for (int i = 0; i < 3; i++) {
        program_expect(folder, base_arena_printf(&arena, "$RIMSHOT sweep %s", commands[i]), 1,
                       "runs/little: holds another sweep: the keys of its grid are train.seed, "
                       "here they are folds.seed; --out chooses another folder");
    }
    static const char *const others[] = {"train tiny.yaml --resume",
                                         "curate tiny.yaml drums 'dataset=[{source: folder, path: "
                                         "drums}, {source: synth, use: test}]' --resume",

                                         "pretrain tiny.yaml --resume"};
    for (int i = 0; i < 3; i++) {
        program_expect(folder,
                       base_arena_printf(&arena, "$RIMSHOT %s --out runs/little", others[i]), 1,
                       "runs/little: is the folder of a sweep, not of ");
    }
    program_expect(folder, "$RIMSHOT sweep more.yaml --out drums", 1,
                   "drums: is neither empty nor the folder of a sweep");
    program_expect(folder, "$RIMSHOT sweep more.yaml --table csv --out drums", 1,
                   "drums: is neither");
    program_expect(folder, "diff -r before-other runs/little && test ! -e drums/table.csv", 0,
                   NULL);
}
END_TEST

START_TEST(mistakes_are_refused) {
    static const struct {
        const char *command;
        int code;
        const char *part;
    } rows[] = {
        {"$RIMSHOT sweep", 2, "usage: rimshot sweep SWEEP [KEY=VALUE ...]"},
        {"$RIMSHOT sweep nosuch.yaml", 1, "nosuch.yaml: No such file"},
        {"$RIMSHOT sweep tiny.yaml", 2, "tiny.yaml:2: dataset: no such key"},
        {"$RIMSHOT sweep sweep.yaml --table xml", 2, "--table=xml: must be text, csv, md or tex"},
        {"$RIMSHOT sweep sweep.yaml --table md --dry-run", 2, "exclude each other"},
        {"$RIMSHOT sweep sweep.yaml --table md", 1, "runs/little: no such folder"},
        {"$RIMSHOT sweep sweep.yaml --out tiny.yaml", 1, "tiny.yaml: is a file, not a folder"},
        {"$RIMSHOT sweep sweep.yaml train.epocs=5", 2, "did you mean 'epochs'?"},
        {"$RIMSHOT sweep sweep.yaml --parallel-folds 0", 2, "--parallel-folds=0"},
    };
    const char *folder = with_sweep(grid);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        program_expect(folder, rows[i].command, rows[i].code, rows[i].part);
    }
}
END_TEST

/* The example that comes with the program, with little data and few steps. */
START_TEST(the_demo_sweep_runs) {
    char command[8192];
    snprintf(command, sizeof command,
             "$RIMSHOT sweep '%s' 'dataset={source: synth, per_class: 2}' train.epochs=1 "
             "train.steps=1 train.batch=4 folds.k=2 --out demo --quiet",
             test_path("../configs/sweeps/demo.yaml"));
    program_end end = program_expect(test_folder(), command, 0, NULL);
    ck_assert_str_eq(end.err, "");
    contains(end.out, "augment  hidden");
}
END_TEST

/* Those of system S4, which train too long for a test: every cell is a configuration. */
START_TEST(sweeps_of_systems_are_understood) {
    static const struct {
        const char *file, *cells;
    } sweeps[] = {{"../configs/sweeps/s4.yaml", "12 of 12 cells to train"},
                  {"../configs/sweeps/s4-networks.yaml", "5 of 5 cells to train"}};
    for (size_t i = 0; i < sizeof sweeps / sizeof *sweeps; i++) {
        char command[8192];
        snprintf(command, sizeof command, "$RIMSHOT sweep '%s' --dry-run --out none",
                 test_path(sweeps[i].file));
        program_end end = program_expect(test_folder(), command, 0, NULL);
        contains(end.out, sweeps[i].cells);
    }
}
END_TEST

TEST_MAIN("cli/sweep", a_cell_that_fails_does_not_keep_the_others_back,
          one_that_runs_away_fails_when_it_does, kills_and_threads_do_not_matter,
          an_interrupted_sweep_tells_how_to_go_on, a_cell_of_another_configuration_is_refused,
          a_folder_is_one_sweeps, mistakes_are_refused, the_demo_sweep_runs,
          sweeps_of_systems_are_understood)
