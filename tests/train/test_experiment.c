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

START_TEST(threads_do_not_matter) {
    const char *folder = test_folder();
    program_fixture(folder, 4);
    for (int threads = 1; threads <= 3; threads++) {
        char command[128];
        snprintf(command, sizeof command,
                 "$RIMSHOT train tiny.yaml --out run%d --threads %d --quiet", threads, threads);
        program_expect(folder, command, 0, NULL);
    }
    same_run(folder, "run1", "run2");
    same_run(folder, "run1", "run3");
}
END_TEST

/* Kills the run a moment after it has said `text`; true if it was still alive then. */
static bool kill_after(const char *folder, const char *text, long wait_us) {
    pid_t process =
        program_start(folder, "exec $RIMSHOT train tiny.yaml train.epochs=4 --out hurt --resume");
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
                   {"fold 1/2  epoch 1", 0},
                   {"fold 1/2  epoch 2", 700},
                   {"fold 1/2  epoch 3", 2500},
                   {"fold 1/2  accuracy", 0},
                   {"fold 2/2  epoch 1", 1500},
                   {"fold 2/2  epoch 4", 300},
                   {"final model  epoch 1", 0},
                   {"final model  epoch 4", 1000},
                   {"final model  epoch 4", 9000}};
    const char *folder = test_folder();
    int n_killed = 0;
    program_fixture(folder, 4);
    program_expect(folder, "$RIMSHOT train tiny.yaml train.epochs=4 --out whole --quiet", 0, NULL);
    for (size_t i = 0; i < sizeof moments / sizeof *moments; i++) {
        n_killed += kill_after(folder, moments[i].text, moments[i].wait_us);
    }
    ck_assert_int_ge(n_killed, 5);
    program_expect(folder, "$RIMSHOT train tiny.yaml train.epochs=4 --out hurt --resume", 0, NULL);
    same_run(folder, "whole", "hurt");
}
END_TEST

START_TEST(an_interrupted_run_tells_how_to_go_on) {
    const char *folder = test_folder();
    program_fixture(folder, 4);
    program_expect(folder, "$RIMSHOT train tiny.yaml train.epochs=30 --out whole --quiet", 0, NULL);
    pid_t process = program_start(
        folder, "exec $RIMSHOT train tiny.yaml train.epochs=30 --out 'a run' --threads 2");
    ck_assert(program_says(process, folder, "epoch 3/30"));
    kill(process, SIGINT);
    program_end end = program_wait(process, folder);
    ck_assert_msg(end.code == 130, "exit status %d", end.code);
    ck_assert_ptr_nonnull(strstr(end.err, "\nstopped after epoch "));
    ck_assert_ptr_nonnull(strstr(end.err, " of fold 1/2; go on with: rimshot train tiny.yaml "
                                          "train.epochs=30 --out 'a run' --resume\n"));
    program_expect(folder, "$RIMSHOT train tiny.yaml train.epochs=30 --out 'a run' --resume", 0,
                   NULL);
    same_run(folder, "whole", "a run");
}
END_TEST

START_TEST(a_run_is_resumed_only_as_it_was_begun) {
    const char *folder = test_folder();
    program_fixture(folder, 4);
    program_expect(folder, "$RIMSHOT train tiny.yaml --out run --quiet", 0, NULL);
    program_expect(folder, "$RIMSHOT train tiny.yaml --out run", 1, "run: already exists");
    program_expect(folder, "$RIMSHOT train tiny.yaml train.epochs=3 --out run --resume", 1,
                   "run/config.yaml:");
    program_expect(folder, "$RIMSHOT train tiny.yaml --out drums --overwrite", 1,
                   "drums: is no run folder, so it is not overwritten");
    program_expect(folder, "$RIMSHOT train tiny.yaml --out run --resume --overwrite", 2,
                   "exclude each other");
    program_expect(folder, "$RIMSHOT train tiny.yaml --out again --resume --quiet", 0, NULL);
    same_run(folder, "run", "again");
    program_expect(folder, "$RIMSHOT train tiny.yaml --out again --overwrite --quiet", 0, NULL);
    same_run(folder, "run", "again");
}
END_TEST

TEST_MAIN("train/experiment", threads_do_not_matter, kills_do_not_matter,
          an_interrupted_run_tells_how_to_go_on, a_run_is_resumed_only_as_it_was_begun)
