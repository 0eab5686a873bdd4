/* Sounds that cannot be read, or are damaged, in the commands that read sounds. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/walk.h"
#include "tests/program.h"
#include "tests/test.h"

static base_arena arena;

static void contains(const char *text, const char *part) {
    ck_assert_msg(strstr(text, part) != NULL, "'%s' is not in: %s", part, text);
}

static void lacks(const char *text, const char *part) {
    ck_assert_msg(strstr(text, part) == NULL, "'%s' is in: %s", part, text);
}

/* Three sounds of each class, and a model of them. */
static const char *trained(void) {
    const char *folder = test_folder();
    program_fixture(folder, 3);
    program_expect(folder, "$RIMSHOT train tiny.yaml --out run train.epochs=1 --quiet", 0, NULL);
    return folder;
}

/* Cuts a sound of 32-bit floats by 400 bytes: 100 frames. */
static void cut(const char *folder, const char *name) {
    base_error err;
    void *bytes;
    size_t n;
    const char *path = base_path_join(&arena, folder, name);
    TEST_OK(base_file_read(path, 0, &bytes, &n, &err), err);
    TEST_OK(base_file_write(path, bytes, n - 400, &err), err);
    base_free(bytes);
}

START_TEST(damage_is_named_with_its_frames) {
    const char *folder = trained();
    cut(folder, "drums/kick/1.wav");
    program_end end =
        program_run(folder, "$RIMSHOT classify run/model.h5 drums/kick --format json");
    ck_assert_int_eq(end.code, 1);
    contains(end.err, "rimshot: drums/kick/1.wav: damaged: ");
    contains(end.out, "\"path\": \"drums/kick/0.wav\", \"class\"");
    contains(end.out, "\"path\": \"drums/kick/1.wav\", \"error\": \"drums/kick/1.wav: damaged: ");
    contains(end.out, "\"condition\": \"damaged: ");
    end = program_run(folder,
                      "$RIMSHOT classify run/model.h5 drums/kick --format json --damaged use");
    ck_assert_int_eq(end.code, 0);
    contains(end.err, "rimshot: drums/kick/1.wav: damaged: ");
    contains(end.out, "\"path\": \"drums/kick/1.wav\", \"condition\": \"damaged: ");
    lacks(end.out, "\"error\"");
    end = program_run(folder, "$RIMSHOT classify run/model.h5 - --json < drums/kick/1.wav");
    ck_assert_int_eq(end.code, 1);
    contains(end.err, "rimshot: standard input: damaged: ");
    end = program_run(folder, "$RIMSHOT classify run/model.h5 drums/kick --format csv");
    contains(end.out, ",error,condition,reason\n");
    contains(end.out, " frames,damaged: ");
    program_expect(folder, "$RIMSHOT classify run/model.h5 drums --damaged keep", 2,
                   "--damaged=keep: must be refuse or use");
    end = program_run(folder, "$RIMSHOT data overview drums --json");
    ck_assert_int_eq(end.code, 0);
    contains(end.out, "\"left_out\": {\"damaged: ");
    end = program_run(folder, "$RIMSHOT data overview drums audio.damaged=use --out shown");
    ck_assert_int_eq(end.code, 0);
    contains(end.out, "1 sounds in use are not whole; the first: drums/kick/1.wav: damaged: ");
    end = program_run(folder, "grep -c ',damaged: .* frames$' shown/manifest.csv");
    ck_assert_int_eq(end.code, 0);
    program_expect(folder, "$RIMSHOT train tiny.yaml --out run2 train.epochs=1 --quiet", 0, NULL);
    end = program_run(folder, "grep -c 'kick/1.wav.*,damaged: .* frames,' run2/manifest.csv");
    ck_assert_int_eq(end.code, 0);
}
END_TEST

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define PRELOADS false /* sanitizers want to be the first library */
#else
#define PRELOADS true
#endif

/* A command during which attempt n on drums/kick/0.wav fails. */
static program_end run_failing(const char *folder, const char *command, long n, int error) {
    const char *line = base_arena_printf(
        &arena,
        "rm -rf .cache count; LD_PRELOAD=${RIMSHOT%%/*}/tests/fail_reads.so FAIL_READS_COUNT=count "
        "FAIL_READS='kick/0.wav %ld %d' $RIMSHOT %s",
        n, error, command);
    return program_run(folder, line);
}

static long attempts(const char *folder) {
    return atol(program_run(folder, "cat count").out);
}

static int64_t n_cached(const char *folder) {
    const char *cache = base_path_join(&arena, folder, ".cache");
    base_walk found;
    base_error err;
    if (!base_folder_exists(cache)) return 0;
    TEST_OK(base_folder_walk(cache, NULL, &arena, &found, &err), err);
    return found.n_paths;
}

/* Every attempt on one of the sounds fails, in turn: the command fails and names it, or does as if
 * nothing had been. What is cached then is healthy: `again` gives the same. */
static void sweep(const char *folder, const char *command, const char *again) {
    static const int errors[] = {EIO, EMFILE, ENOMEM};
    program_end healthy = run_failing(folder, command, 0, EIO);
    ck_assert_msg(healthy.code == 0, "%s: %s", command, healthy.err);
    long n_attempts = attempts(folder), n_failed = 0;
    const char *digest = program_run(folder, again).out;
    ck_assert_int_gt(n_attempts, 4);
    for (long n = 1; n <= n_attempts; n++) {
        program_end end = run_failing(folder, command, n, errors[n % 3]);
        if (end.code != 0) {
            n_failed++;
            ck_assert_msg(end.code == 1, "%s, attempt %ld: %d", command, n, end.code);
            contains(end.err, "rimshot: ");
            contains(end.err, "drums/kick/0.wav: ");
            ck_assert_int_eq(n_cached(folder), 0);
        } else {
            ck_assert_str_eq(program_run(folder, again).out, digest);
        }
    }
    ck_assert_int_gt(n_failed, 2);
}

START_TEST(no_failed_read_goes_unnoticed_in_training) {
    if (!PRELOADS) return;
    const char *folder = test_folder();
    program_fixture(folder, 3);
    sweep(folder,
          "train tiny.yaml --out run train.epochs=1 train.final=best_fold --overwrite --quiet "
          "--threads 1",
          "sha256sum run/model.h5 run/fold1/predictions.csv");
}
END_TEST

START_TEST(no_failed_read_goes_unnoticed_in_an_overview) {
    if (!PRELOADS) return;
    const char *folder = test_folder();
    program_fixture(folder, 3);
    sweep(folder, "data overview drums --json > shown", "cat shown");
}
END_TEST

START_TEST(no_failed_read_goes_unnoticed_in_classifying) {
    if (!PRELOADS) return;
    sweep(trained(), "classify run/model.h5 drums --json > shown", "cat shown");
}
END_TEST

START_TEST(keep_going_leaves_out_what_cannot_be_read) {
    if (!PRELOADS) return;
    const char *folder = test_folder();
    const char *train = "train tiny.yaml --out run train.epochs=1 --overwrite --quiet --keep-going";
    program_fixture(folder, 3);
    run_failing(folder, train, 0, EIO);
    long last = attempts(folder);
    program_end end = run_failing(folder, train, last, EIO); /* in decoding */
    ck_assert_int_eq(end.code, 1);
    ck_assert_str_eq(end.err, "rimshot: drums/kick/0.wav: Input/output error\n");
    ck_assert_int_eq(n_cached(folder), 0);
    end = program_run(folder, "grep -c 'kick/0.wav.*,could not be read,' run/manifest.csv");
    ck_assert_int_eq(end.code, 0);
    end = program_run(folder, "ls run/model.h5");
    ck_assert_int_eq(end.code, 0);
    end = run_failing(folder, "data overview drums", last, EIO);
    ck_assert_int_eq(end.code, 1);
    contains(end.err, "rimshot: drums/kick/0.wav: Input/output error\n");
    contains(end.out, "26 clips in 9 classes");
}
END_TEST

/* Whether a process has become the program, with a handler for SIGTERM. */
static bool handles_end(pid_t process) {
    unsigned long long caught = 0;
    char line[256], program[4096];
    snprintf(line, sizeof line, "/proc/%ld/exe", (long)process);
    ssize_t n = readlink(line, program, sizeof program - 1);
    if (n < 8 || memcmp(program + n - 8, "/rimshot", 8) != 0) return false;
    snprintf(line, sizeof line, "/proc/%ld/status", (long)process);
    FILE *file = fopen(line, "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "SigCgt: %llx", &caught) == 1) break;
    }
    if (file != NULL) fclose(file);
    return (caught >> (SIGTERM - 1) & 1) != 0;
}

START_TEST(waiting_for_standard_input_can_be_ended) {
    const char *folder = trained();
    pid_t program = program_start(
        folder, "mkfifo pipe; exec $RIMSHOT classify run/model.h5 - <>pipe"); /* never ends */
    while (!handles_end(program)) usleep(1000);
    kill(program, SIGTERM);
    ck_assert_int_eq(program_wait(program, folder).code, 130);
}
END_TEST

TEST_MAIN("unread", damage_is_named_with_its_frames, no_failed_read_goes_unnoticed_in_training,
          no_failed_read_goes_unnoticed_in_an_overview,
          no_failed_read_goes_unnoticed_in_classifying, keep_going_leaves_out_what_cannot_be_read,
          waiting_for_standard_input_can_be_ended)
