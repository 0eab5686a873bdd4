/* The promise that a run keeps: the same bytes with any number of threads, and after any kill. */
#include <signal.h>
#include <stdio.h>
#include <time.h>

#include "base/file.h"
#include "tests/program.h"
#include "tests/test.h"

static const char *const kept[] = {
    "config.yaml",       "manifest.csv",          "folds.csv",     "facts.json",
    "fold1/last.h5",     "fold1/best.h5",         "fold2/last.h5", "fold2/best.h5",
    "fold1/history.csv", "fold2/predictions.csv", "model.h5",      "summary.json",
};

static base_digest digest_of(const char *folder, const char *run, const char *name) {
    char path[4096];
    void *data;
    size_t n_bytes;
    base_error err;
    snprintf(path, sizeof path, "%s/%s/%s", folder, run, name);
    TEST_OK(base_file_read(path, 0, &data, &n_bytes, &err), err);
    base_digest digest = base_digest_bytes(data, n_bytes);
    base_free(data);
    return digest;
}

static void same_run(const char *folder, const char *a, const char *b) {
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        ck_assert_msg(
            base_digest_equal(digest_of(folder, a, kept[i]), digest_of(folder, b, kept[i])),
            "%s differs between %s and %s", kept[i], a, b);
    }
}

/* 200 steps, so that a difference in the last bit of any sum has grown by the end. */
START_TEST(threads_and_parallel_folds_do_not_matter) {
    static const struct {
        const char *run, *flags;
    } runs[] = {{"run1", "--threads 1"},
                {"run2", "--threads 2"},
                {"run3", "--threads 3"},
                {"run4", "--threads 4"},
                {"run7", "--threads 7"},
                {"side2", "--threads 2 --parallel-folds 2"},
                {"side5", "--threads 5 --parallel-folds 2"}};
    const char *folder = test_folder();
    program_fixture(folder, 4);
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
        char command[256];
        snprintf(command, sizeof command,
                 "$RIMSHOT train tiny.yaml train.epochs=4 train.steps=50 --out %s %s", runs[i].run,
                 runs[i].flags);
        program_end end = program_expect(folder, command, 0, NULL);
        bool side = strstr(end.err, "2 side by side\n") != NULL;
        ck_assert_msg(side == (strstr(runs[i].flags, "parallel") != NULL), "%s", end.err);
        same_run(folder, "run1", runs[i].run);
    }
}
END_TEST

START_TEST(memory_and_threads_bound_parallel_folds) {
    static const char *const flags[] = {"--threads 2 --memory 1", "--threads 1"};
    const char *folder = test_folder();
    program_fixture(folder, 4);
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        char command[256];
        snprintf(
            command, sizeof command,
            "$RIMSHOT train tiny.yaml train.batch=2000 --out run --overwrite --parallel-folds 2 %s",
            flags[i]);
        program_end end = program_expect(folder, command, 0, NULL);
        ck_assert_msg(strstr(end.err, " 1 side by side: ") != NULL, "%s", end.err);
    }
}
END_TEST

START_TEST(a_fold_that_fails_stops_the_others) {
    const char *folder = test_folder();
    program_fixture(folder, 4);
    program_expect(folder, "mkdir run && touch run/fold2", 0, NULL);
    program_expect(folder,
                   "$RIMSHOT train tiny.yaml train.epochs=100000 --out run --resume --quiet "
                   "--threads 2 --parallel-folds 2",
                   1, "run/fold2");
    program_expect(folder, "test ! -e run/fold1/predictions.csv", 0, NULL);
}
END_TEST

/* Long enough that a run is still under way when a busy machine comes to look at what it said. */
#define KILLED_RUN "train tiny.yaml train.epochs=60"

/* Kills the run a moment after it has said `text`; true if it was still alive then. */
static bool kill_after(const char *folder, const char *text, long wait_us) {
    pid_t process = program_start(folder, "exec $RIMSHOT " KILLED_RUN " --out hurt --resume");
    if (program_says(process, folder, text)) {
        nanosleep(&(struct timespec){.tv_nsec = wait_us * 1000}, NULL);
        kill(process, SIGKILL);
    }
    return program_wait(process, folder).code == 128 + SIGKILL;
}

START_TEST(kills_do_not_matter) {
    static const struct {
        const char *text;
        long wait_us;
    } moments[] = {{"folds", 0},
                   {"fold 1/2  epoch", 0},
                   {"fold 1/2  epoch", 700},
                   {"fold 1/2  epoch", 2500},
                   {"fold 1/2  accuracy", 0},
                   {"fold 2/2  epoch", 1500},
                   {"fold 2/2  epoch", 300},
                   {"fold 2/2  accuracy", 0},
                   {"final model  epoch", 1000},
                   {"final model  epoch", 9000}};
    const char *folder = test_folder();
    int n_killed = 0;
    program_fixture(folder, 4);
    program_expect(folder, "$RIMSHOT " KILLED_RUN " --out whole --quiet", 0, NULL);
    for (size_t i = 0; i < sizeof moments / sizeof *moments; i++) {
        n_killed += kill_after(folder, moments[i].text, moments[i].wait_us);
    }
    ck_assert_int_ge(n_killed, 5);
    program_expect(folder, "$RIMSHOT " KILLED_RUN " --out hurt --resume", 0, NULL);
    same_run(folder, "whole", "hurt");
}
END_TEST

static void interrupt_and_go_on(const char *folder, const char *run, const char *flags) {
    char command[256], advice[256];
    snprintf(command, sizeof command, "exec $RIMSHOT train tiny.yaml train.epochs=30 --out '%s' %s",
             run, flags);
    pid_t process = program_start(folder, command);
    ck_assert(program_says(process, folder, "epoch 3/30"));
    kill(process, SIGINT);
    program_end end = program_wait(process, folder);
    ck_assert_msg(end.code == 130, "exit status %d", end.code);
    ck_assert_ptr_nonnull(strstr(end.err, "\nstopped after epoch "));
    snprintf(advice, sizeof advice,
             "/2; go on with: rimshot train tiny.yaml train.epochs=30 --out '%s' --resume\n", run);
    ck_assert_msg(strstr(end.err, advice) != NULL, "%s", end.err);
    snprintf(command, sizeof command,
             "$RIMSHOT train tiny.yaml train.epochs=30 --out '%s' --resume %s", run, flags);
    program_expect(folder, command, 0, NULL);
    same_run(folder, "whole", run);
}

START_TEST(an_interrupted_run_tells_how_to_go_on) {
    const char *folder = test_folder();
    program_fixture(folder, 4);
    program_expect(folder, "$RIMSHOT train tiny.yaml train.epochs=30 --out whole --quiet", 0, NULL);
    interrupt_and_go_on(folder, "a run", "--threads 2");
    interrupt_and_go_on(folder, "side by side", "--threads 2 --parallel-folds 2");
}
END_TEST

/* Its leaves are estimated from averaged weights, clips without augmentation and their classes'
 * weights. */
START_TEST(a_forest_keeps_the_promise) {
    const char *folder = test_folder();
    program_fixture(folder, 4);
    program_expect(
        folder,
        "sed -i -e 's/linear: classes/linear: 8\\n  - forest: {out: classes, trees: 3}/' "
        "-e 's/batch: 8/batch: 8, balance: draws/' tiny.yaml && "
        "$RIMSHOT train tiny.yaml train.epochs=30 --out whole --quiet",
        0, NULL);
    interrupt_and_go_on(folder, "a run", "--threads 2");
    interrupt_and_go_on(folder, "side by side", "--threads 2 --parallel-folds 2");
}
END_TEST

/* A run that starts from a file, has frozen layers and is tested on held-out sounds as well, one of
 * them the copy of a sound to train on. */
static const char *held_out_fixture(void) {
    const char *folder = test_folder();
    program_fixture(folder, 4);
    program_expect(
        folder,
        "$RIMSHOT train tiny.yaml train.seed=9 --out first --quiet && "
        "mv first/model.h5 first.h5 && mkdir -p more/kick && "
        "cp drums/kick/2.wav more/kick/copy.wav && "
        "sed -i -e 's/^dataset:.*/dataset: [{source: folder, path: drums}, "
        "{source: folder, path: more, use: test}, "
        "{source: synth, per_class: 2, seed: 5, use: test, classes: " PROGRAM_CLASSES "}, "
        "{source: synth, per_class: 1, seed: 6, use: train, classes: " PROGRAM_CLASSES "}]/' "
        "-e 's/batch: 8/batch: 8, init: {weights: first.h5}, freeze: [0, 1]/' tiny.yaml",
        0, NULL);
    return folder;
}

START_TEST(held_out_sounds_are_tested_and_never_trained_on) {
    const char *folder = held_out_fixture();
    program_end end = program_expect(folder, "$RIMSHOT train tiny.yaml --out run", 0, NULL);
    ck_assert_ptr_nonnull(strstr(end.err, "data     44 clips of 9 classes; 13 rows left out"));
    ck_assert_ptr_nonnull(strstr(end.err, " 19 held-out sounds to test with"));
    ck_assert_ptr_nonnull(strstr(end.err, "  held out 0."));
    ck_assert_ptr_nonnull(
        strstr(end.out, "19 held-out sounds, tested by the network of every fold"));
    ck_assert_ptr_nonnull(strstr(end.out, "model.h5: accuracy "));
    program_expect(
        folder,
        "grep -q 'drums/kick/2.wav,.*,a copy of a sound for testing' run/manifest.csv && "
        "test $(grep -c ',test$' run/folds.csv) = 19 && "
        "test $(grep -c ',-2,test$' run/folds.csv) = 19 && "
        "test $(grep -c ',-1,train$' run/folds.csv) = 9 && "
        "test $(grep -c ',[01],folds$' run/folds.csv) = 35 && "
        "! grep -q drums/kick/2.wav run/folds.csv && "
        "for file in run/fold1/unseen.csv run/fold2/unseen.csv run/unseen.csv; do "
        "test $(grep -c '' $file) = 20 && grep -q more/kick/copy.wav $file || exit 1; "
        "done && "
        "test $(cat run/fold?/predictions.csv | grep -c synth) = 0 && "
        "test $(cat run/fold?/predictions.csv | grep -c drums/) = 35 && "
        "grep -q '\"n_clips\": 44,' run/facts.json && "
        "grep -q '\"unseen\": {' run/summary.json && "
        "$RIMSHOT summary run/model.h5 | grep -q '\"unseen\": {\"clips\": 19, \"acc'",
        0, NULL);
}
END_TEST

/* Every kind of final model is tested as it is written. */
START_TEST(final_models_are_tested_on_held_out_sounds) {
    static const char *const kinds[] = {"best_fold", "ensemble", "none"};
    const char *folder = held_out_fixture();
    for (int i = 0; i < 3; i++) {
        char command[512];
        snprintf(command, sizeof command,
                 "$RIMSHOT train tiny.yaml train.final=%s --out run --overwrite --quiet && "
                 "test $(grep -c '' run/unseen.csv || echo 0) = %d",
                 kinds[i], i < 2 ? 20 : 0);
        program_run(folder, "rm -f run/unseen.csv");
        program_expect(folder, command, 0, NULL);
    }
}
END_TEST

START_TEST(held_out_sounds_and_starting_weights_keep_the_promise) {
    const char *folder = held_out_fixture();
    program_expect(folder,
                   "$RIMSHOT train tiny.yaml train.epochs=30 --out whole --quiet --threads 1", 0,
                   NULL);
    interrupt_and_go_on(folder, "a run", "--threads 3");
    interrupt_and_go_on(folder, "side by side", "--threads 4 --parallel-folds 2");
    program_expect(folder, "diff -r whole 'a run' && diff -r whole 'side by side'", 0, NULL);
}
END_TEST

START_TEST(two_processes_do_not_share_a_folder) {
    const char *folder = test_folder();
    program_fixture(folder, 4);
    program_expect(folder, "mkdir other", 0, NULL);
    pid_t process = program_start(
        folder, "exec $RIMSHOT train ./tiny.yaml train.epochs=100000 --out run --threads 1");
    ck_assert(program_says(process, folder, "epoch 2/"));
    char other[4096];
    snprintf(other, sizeof other, "%s/other", folder);
    static const char in_use[] = "run: another rimshot train is at work in it";
    program_expect(other,
                   "cd .. && $RIMSHOT train tiny.yaml train.epochs=100000 --out run --resume "
                   "--quiet",
                   1, in_use);
    program_expect(other, "cd .. && $RIMSHOT train tiny.yaml --out run --overwrite --quiet", 1,
                   in_use);
    kill(process, SIGKILL);
    program_wait(process, folder);
    program_expect(folder, "$RIMSHOT train tiny.yaml --out run --overwrite --quiet", 0, NULL);
    program_expect(folder, "test ! -e run/.lock", 0, NULL);
}
END_TEST

START_TEST(a_run_is_resumed_only_as_it_was_begun) {
    const char *folder = test_folder();
    program_fixture(folder, 4);
    program_expect(folder, "$RIMSHOT train tiny.yaml --out run --quiet", 0, NULL);
    program_expect(folder, "$RIMSHOT train tiny.yaml --out run", 1, "run: already exists");
    program_expect(folder, "$RIMSHOT train tiny.yaml train.batch=3 --out run --resume", 1,
                   "run/config.yaml:");
    static const char *const edits[][2] = {{"folds.csv", "s/,1,folds/,0,folds/"},
                                           {"manifest.csv", "2d"},
                                           {"facts.json", "s/n_silent\": 0/n_silent\": 1/"}};
    for (int i = 0; i < 3; i++) {
        char command[256], said[128];
        snprintf(command, sizeof command, "cp -r run edited && sed -i '%s' edited/%s", edits[i][1],
                 edits[i][0]);
        program_expect(folder, command, 0, NULL);
        snprintf(said, sizeof said, "edited/%s: has been changed since the run was begun",
                 edits[i][0]);
        program_expect(folder, "$RIMSHOT train tiny.yaml --out edited --resume", 1, said);
        program_expect(folder, "test ! -e edited/.expected && rm -r edited", 0, NULL);
    }
    program_expect(folder, "$RIMSHOT train tiny.yaml --out drums --overwrite", 1,
                   "drums: is not a run folder, so it is not overwritten");
    program_expect(folder, "$RIMSHOT train tiny.yaml --out run --resume --overwrite", 2,
                   "exclude each other");
    program_expect(folder, "mkdir pre && touch pre/config.yaml pre/manifest.csv pre/last.h5", 0,
                   NULL);
    program_expect(folder, "$RIMSHOT train tiny.yaml --out pre --overwrite", 1,
                   "pre: is the folder of a pretraining, not of a run");
    program_expect(folder, "$RIMSHOT train tiny.yaml --out pre --resume", 1,
                   "pre: is the folder of a pretraining, not of a run");
    program_expect(folder, "$RIMSHOT train tiny.yaml --out again --resume --quiet", 0, NULL);
    same_run(folder, "run", "again");
    program_expect(folder, "$RIMSHOT train tiny.yaml --out again --overwrite --quiet", 0, NULL);
    same_run(folder, "run", "again");
}
END_TEST

/* The folder of a run with as many epochs from the start. The third fills in what an extension
 * killed half-way leaves: other facts, and the old configuration. */
START_TEST(a_run_is_extended_to_the_same_bytes) {
    static const char *const settings[] = {
        "train.schedule=constant train.ema=0.9 train.result=best",
        "'train.schedule={step: {every: 2, gamma: 0.5, warmup: 3}}' 'folds.compare=[kit]'",
        "'train.schedule={plateau: {patience: 1}}' train.patience=2 train.monitor=loss",
        "'train.schedule={exponential: 0.8}' train.final=best_fold"};
    const char *folder = test_folder();
    program_fixture(folder, 4);
    for (int i = 0; i < 4; i++) {
        char command[1024];
        snprintf(command, sizeof command,
                 "rm -rf run long && "
                 "$RIMSHOT train tiny.yaml %s train.epochs=3 --out run --quiet && "
                 "$RIMSHOT train tiny.yaml %s train.epochs=7 --out long --quiet && "
                 "%s $RIMSHOT train tiny.yaml %s train.epochs=7 --out run --resume --quiet && "
                 "diff -r run long",
                 settings[i], settings[i], i == 2 ? "cp long/facts.json run && " : "", settings[i]);
        program_expect(folder, command, 0, NULL);
    }
}
END_TEST

/* While it is extended it is no finished run; killed then, it goes on. */
START_TEST(a_run_being_extended_is_not_finished) {
    const char *folder = test_folder();
    program_fixture(folder, 4);
    program_expect(folder,
                   "$RIMSHOT train tiny.yaml train.schedule=constant train.epochs=2 --out run "
                   "--quiet && $RIMSHOT train tiny.yaml train.schedule=constant train.epochs=30 "
                   "--out long --quiet",
                   0, NULL);
    pid_t process = program_start(folder, "exec $RIMSHOT train tiny.yaml train.schedule=constant "
                                          "train.epochs=30 --out run --resume");
    ck_assert(program_says(process, folder, "epoch 6/30"));
    kill(process, SIGKILL);
    ck_assert_int_eq(program_wait(process, folder).code, 128 + SIGKILL);
    program_expect(folder, "$RIMSHOT report run", 1, "not a finished run: fold1/predictions.csv");
    program_expect(folder,
                   "test ! -e run/model.h5 && $RIMSHOT train tiny.yaml train.schedule=constant "
                   "train.epochs=30 --out run --resume --quiet && diff -r run long",
                   0, NULL);
}
END_TEST

START_TEST(says_why_a_run_cannot_be_extended) {
    static const struct {
        const char *settings, *more, *said;
    } cases[] = {
        {"train.schedule=one_cycle", "train.epochs=9", "train.schedule one_cycle spans all epochs"},
        {"train.schedule=cosine", "train.epochs=9", "train.schedule cosine spans all epochs"},
        {"train.schedule=constant", "train.epochs=1", "training cannot be taken back"},
        {"train.schedule=constant", "train.epochs=9 train.batch=5", "another configuration"},
        {"classifier=nearest 'network=[flatten]' train.ema=0", "train.epochs=9",
         "a classifier is fitted once"},
    };
    const char *folder = test_folder();
    program_fixture(folder, 3);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char command[512];
        snprintf(command, sizeof command,
                 "rm -rf run && $RIMSHOT train tiny.yaml %s train.epochs=2 --out run --quiet && "
                 "cp -r run before",
                 cases[i].settings);
        program_expect(folder, command, 0, NULL);
        snprintf(command, sizeof command, "$RIMSHOT train tiny.yaml %s %s --out run --resume",
                 cases[i].settings, cases[i].more);
        program_expect(folder, command, 1, cases[i].said);
        program_expect(folder, "diff -r before run && rm -r before", 0, NULL);
    }
}
END_TEST

TEST_MAIN("train/experiment", threads_and_parallel_folds_do_not_matter,
          memory_and_threads_bound_parallel_folds, a_fold_that_fails_stops_the_others,
          kills_do_not_matter, an_interrupted_run_tells_how_to_go_on, a_forest_keeps_the_promise,
          held_out_sounds_are_tested_and_never_trained_on,
          final_models_are_tested_on_held_out_sounds,
          held_out_sounds_and_starting_weights_keep_the_promise,
          two_processes_do_not_share_a_folder, a_run_is_resumed_only_as_it_was_begun,
          a_run_is_extended_to_the_same_bytes, a_run_being_extended_is_not_finished,
          says_why_a_run_cannot_be_extended)
