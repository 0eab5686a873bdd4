/* The configurations of docs/systems.md that no other test runs, at reduced size and on synthesised
 * drums: each trains and leaves a run. */
#include <stdio.h>

#include "tests/program.h"
#include "tests/test.h"

#define FEW "train.epochs=1 train.batch=8 folds.k=2 --quiet"

typedef struct {
    const char *config, *more;
} small_run;

static const small_run runs[] = {
    {"systems/s1.yaml",
     "'dataset=[{source: synth, per_class: 4, rules: ../labels/s1.yaml}, "
     "{source: synth, seed: 9, per_class: 2, rules: ../labels/s1.yaml, use: test}]' "
     "audio.sample_rate=22050 audio.seconds=0.5 features.n_fft=512 features.hop=256 train.steps=2 "
     "train.epochs=1 train.batch=4 --quiet"},
    {"systems/s3.yaml",
     "'dataset={source: synth, per_class: 4}' audio.seconds=0.5 features.frames=24 " FEW},
    {"kits5.yaml",
     "'dataset=[{source: synth, per_class: 3, classes: [kick, snare], use: train}, "
     "{source: synth, seed: 5, per_class: 4, classes: [kick, snare]}]' folds.group=[] " FEW},
    {"kits7.yaml",
     "'dataset=[{source: synth, per_class: 3, rules: labels/seven.yaml, use: train}, "
     "{source: synth, seed: 5, per_class: 4, rules: labels/seven.yaml}]' folds.group=[] " FEW},
    {"systems/s0-variable.yaml",
     "'dataset={source: synth, per_class: 4}' audio.seconds=1.2 features.n_mels=16 " FEW},
    {"systems/s0-mlp.yaml", "'dataset={source: synth, per_class: 4}' audio.seconds=0.3 " FEW},
};

START_TEST(every_one_trains) {
    const char *folder = test_folder();
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
        char command[2048];
        snprintf(command, sizeof command, "$RIMSHOT train %s/../configs/%s --out run%zu %s",
                 test_path(""), runs[i].config, i, runs[i].more);
        program_expect(folder, command, 0, NULL);
        snprintf(command, sizeof command, "test -s run%zu/report.html && test -s run%zu/model.h5",
                 i, i);
        program_expect(folder, command, 0, NULL);
    }
}
END_TEST

/* An encoder taught without labels is what a classifier starts from. */
START_TEST(a_pretrained_encoder_is_started_from) {
    const char *folder = test_folder();
    char command[2048];
    snprintf(command, sizeof command,
             "$RIMSHOT data synth drums --per-class 3 --quiet && "
             "$RIMSHOT pretrain %s/../configs/systems/s0-pretrain.yaml --out encoder --quiet "
             "dataset.path=$PWD/drums train.epochs=1 train.batch=8 features.n_mels=16 "
             "audio.seconds=0.3",
             test_path(""));
    program_expect(folder, command, 0, NULL);
    snprintf(command, sizeof command,
             "$RIMSHOT train %s/../configs/systems/s0-pretrained.yaml --out run "
             "'dataset={source: synth, per_class: 4}' features.n_mels=16 audio.seconds=0.3 "
             "train.init.weights=$PWD/encoder/weights.safetensors " FEW,
             test_path(""));
    program_expect(folder, command, 0, NULL);
    program_expect(folder, "grep -q 'init' run/facts.json || grep -q weights run/config.yaml", 0,
                   NULL);
}
END_TEST

TEST_MAIN("cli/systems", every_one_trains, a_pretrained_encoder_is_started_from)
