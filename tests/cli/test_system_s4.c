/* System S4 at reduced size and on synthesised drums: what its configuration includes is found, and
 * its inputs fit its network. tests/nn/test_systems.c trains all its networks. */
#include <stdio.h>

#include "tests/program.h"
#include "tests/test.h"

static void train_two_steps(const char *folder, const char *kind) {
    char command[4096];
    snprintf(command, sizeof command,
             "$RIMSHOT train %s --out run --overwrite --quiet 'dataset={source: synth, per_class: "
             "2}' audio.sample_rate=16000 audio.seconds=0.3 features.n_fft=512 features.hop=50 "
             "features.n_mels=64 features.frames=96 features.kind=%s 'folds={k: 1, holdout: 0.5}' "
             "train.epochs=1 train.steps=2 train.batch=2 "
             "train.final=none",
             test_path("../configs/systems/s4.yaml"), kind);
    program_expect(folder, command, 0, NULL);
}

START_TEST(every_input_trains) {
    const char *folder = test_folder();
    train_two_steps(folder, "log_mel");
    train_two_steps(folder, "raster");
    train_two_steps(folder, "raster_log_mel");
}
END_TEST

TEST_MAIN("cli/system_s4", every_input_trains)
