/* rimshot export, as a user types it: what it refuses, and that nothing is left behind then. */
#include <stdio.h>

#include "tests/model_make.h"
#include "tests/program.h"
#include "tests/test.h"

static const char *const formats[] = {"onnx", "safetensors", "npz", "c", "web"};
enum { N_FORMATS = sizeof formats / sizeof *formats };

static const char *make_model(int n_members) {
    char path[1024];
    const char *folder = test_folder();
    snprintf(path, sizeof path, "%s/model.h5", folder);
    model_make(path, n_members);
    return folder;
}

/* `line` has %s for the format. */
static void refuse_all(const char *folder, const char *line, int code, const char *part) {
    for (int i = 0; i < N_FORMATS; i++) {
        char command[1024];
        snprintf(command, sizeof command, line, formats[i]);
        program_expect(folder, command, code, part);
    }
    program_expect(folder, "test \"$(ls -A | grep -v '^[.]\\(out\\|err\\|cache\\)$')\" = model.h5",
                   0, NULL);
}

START_TEST(mistakes_on_the_command_line) {
    const char *folder = make_model(1);
    static const struct {
        const char *command, *part;
    } mistakes[] = {
        {"$RIMSHOT export model.h5", "--to is needed; formats: onnx, safetensors, npz, c, web"},
        {"$RIMSHOT export model.h5 --to tflite",
         "--to tflite: no such format; formats: onnx, safetensors, npz, c, web"},
        {"$RIMSHOT export model.h5 --to npz --with-features",
         "--with-features: npz has no such form"},
        {"$RIMSHOT export model.h5 --to onnx --int8", "--int8: onnx has no such form"},
        {"$RIMSHOT export model.h5 --to onnx --member 1", "no member 1: it has 1"},
        {"$RIMSHOT export model.h5 --to onnx --member -1", "--member=-1: must be a whole number"}};
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
        program_expect(folder, mistakes[i].command, 2, mistakes[i].part);
    }
    program_expect(folder, "$RIMSHOT export none.h5 --to npz", 1, "none.h5: No such file");
}
END_TEST

START_TEST(what_cannot_be_written) {
    const char *folder = make_model(1);
    refuse_all(folder, "$RIMSHOT export model.h5 --to %s --out none/x", 1, "none");
    refuse_all(folder, "$RIMSHOT export model.h5 --to %s --out model.h5/x", 1,
               "writing model.h5/x");
}
END_TEST

/* Files may have no more than 512 bytes, as on a full disk. */
START_TEST(a_full_disk_leaves_nothing) {
    refuse_all(make_model(1), "trap '' XFSZ; ulimit -f 1; $RIMSHOT export model.h5 --to %s --out x",
               1, "writing x");
}
END_TEST

START_TEST(an_old_file_stays_where_the_new_one_fails) {
    const char *folder = make_model(1);
    program_write(folder, "x", "old");
    program_expect(folder, "trap '' XFSZ; ulimit -f 1; $RIMSHOT export model.h5 --to c --out x", 1,
                   "writing x: File too large");
    program_expect(folder, "test \"$(cat x)\" = old", 0, NULL);
}
END_TEST

START_TEST(an_ensemble_where_one_network_fits) {
    const char *folder = make_model(2);
    static const char *const single[] = {"safetensors", "npz", "c"};
    for (int i = 0; i < 3; i++) {
        char command[256];
        snprintf(command, sizeof command, "$RIMSHOT export model.h5 --to %s --out x", single[i]);
        program_expect(folder, command, 2, "an ensemble of 2 networks");
        program_expect(folder, command, 2, "--member N");
    }
    program_expect(folder, "test ! -e x", 0, NULL);
    program_expect(folder, "$RIMSHOT export model.h5 --to npz --member 1 --verify --out x", 0,
                   NULL);
}
END_TEST

TEST_MAIN("cli/cmd_export", mistakes_on_the_command_line, what_cannot_be_written,
          a_full_disk_leaves_nothing, an_old_file_stays_where_the_new_one_fails,
          an_ensemble_where_one_network_fits)
