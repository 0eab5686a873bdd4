/* A command is told to stop, or is started by a process that has its own way with signals. */
#include <signal.h>
#include <stdio.h>
#include <time.h>

#include "base/file.h"
#include "tests/model_make.h"
#include "tests/program.h"
#include "tests/test.h"

static base_arena arena;

static const char *in(const char *folder, const char *name) {
    return base_path_join(&arena, folder, name);
}

/* Stops the command once the file is there; its end. */
static program_end stop(const char *folder, const char *command, const char *file, int number) {
    pid_t process = program_start(folder, command);
    while (!base_file_exists(in(folder, file))) {
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    kill(process, number);
    return program_wait(process, folder);
}

static const char *model_folder(void) {
    const char *folder = test_folder();
    model_make(in(folder, "model.h5"), 1);
    return folder;
}

/* A batch of many seconds has no place to stop at: the command ends in it. */
START_TEST(in_the_middle_of_a_batch) {
    const char *folder = test_folder();
    program_fixture(folder, 4);
    program_write(
        folder, "slow.yaml",
        "name: slow\n"
        "dataset: {source: folder, path: drums}\n"
        "audio: {sample_rate: 8000, seconds: 0.5}\n"
        "features: {kind: log_mel, n_fft: 256, hop: 128, n_mels: 40}\n"
        "network: [{conv2d: {out: 64, kernel: 31, pad: same}}, "
        "{conv2d: {out: 64, kernel: 31, pad: same}}, {conv2d: {out: 64, kernel: 31, pad: same}}, "
        "{global_pool: mean}, {linear: classes}]\n"
        "train: {epochs: 2, batch: 32}\n"
        "folds: {k: 2}\n");
    static const struct {
        const char *command, *file;
        int number;
    } rows[] = {
        {"exec $RIMSHOT train slow.yaml --out a --threads 1", "a/folds.csv", SIGTERM},
        {"exec $RIMSHOT train slow.yaml --out b --threads 1", "b/folds.csv", SIGINT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        program_end end = stop(folder, rows[i].command, rows[i].file, rows[i].number);
        ck_assert_msg(end.code == 130, "%d %s", end.code, end.err);
        ck_assert_msg(strstr(end.err, "stopped") != NULL, "%s", end.err);
    }
}
END_TEST

/* Another program is at work: it ends too, and its folder goes. */
START_TEST(while_another_program_works) {
    const char *folder = model_folder();
    program_write(folder, "python3", "#!/bin/sh\necho $$ >started\nexec sleep 1000\n");
    program_write(folder, "gone",
                  "#!/bin/sh\ntest -z \"$(ls tmp)\" && ! kill -0 $(cat started) 2>/dev/null\n");
    program_expect(folder, "chmod +x python3 gone && mkdir tmp", 0, NULL);
    program_end end =
        stop(folder,
             "export TMPDIR=$PWD/tmp PATH=$PWD:$PATH; exec $RIMSHOT export model.h5 --to "
             "onnx --verify --out x.onnx",
             "started", SIGTERM);
    ck_assert_msg(end.code == 130, "%d %s", end.code, end.err);
    program_expect(folder, "./gone", 0, NULL);
}
END_TEST

/* The system would then take its children's status, too. */
START_TEST(a_parent_that_ignores_its_children) {
    char command[1024];
    const char *folder = model_folder();
    program_expect(
        folder,
        "exec env --ignore-signal=CHLD $RIMSHOT export model.h5 --to c --verify --quiet --out x.h",
        0, NULL);
    program_write(folder, "other.yaml",
                  "name: x\ndataset: {source: synth, per_class: 2}\naudio: {sample_rate: 8000, "
                  "seconds: 0.25}\nnetwork: [flatten, {linear: classes}]\n");
    snprintf(command, sizeof command,
             "exec env --ignore-signal=CHLD $RIMSHOT import other.yaml '%s' --classes a,b -o x",
             test_path("golden/keras_image.h5"));
    program_end end = program_run(folder, command);
    ck_assert_ptr_nonnull(strstr(end.err, "the weights do not fit"));
}
END_TEST

/* What was ignored or blocked when it began. */
START_TEST(a_parent_that_ignores_signals) {
    const char *folder = model_folder();
    program_write(folder, "python3", "#!/bin/sh\necho >started\nexec sleep 1000\n");
    program_expect(folder, "chmod +x python3", 0, NULL);
    program_end end = stop(folder,
                           "export PATH=$PWD:$PATH; exec env --ignore-signal=ALRM "
                           "--block-signal=TERM $RIMSHOT export model.h5 "
                           "--to onnx --verify --out x.onnx",
                           "started", SIGTERM);
    ck_assert_msg(end.code == 130, "%d %s", end.code, end.err);
}
END_TEST

TEST_MAIN("cli/signals", in_the_middle_of_a_batch, while_another_program_works,
          a_parent_that_ignores_its_children, a_parent_that_ignores_signals)
