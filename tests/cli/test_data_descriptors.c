/* Descriptors from the command line to a trained network and what refuses it. */
#include <stdio.h>

#include "tests/program.h"
#include "tests/test.h"

START_TEST(a_table_has_a_row_per_sound) {
    const char *folder = test_folder();
    program_fixture(folder, 2);
    program_expect(folder, "$RIMSHOT data descriptors drums", 0, NULL);
    program_expect(folder, "test $(wc -l <descriptors.csv) = 19", 0, NULL);
    program_expect(folder,
                   "head -1 descriptors.csv | grep -q "
                   "'^path,begin_s,end_s,class,group,pitch_hz,.*,mfcc_12,.*,duration_s$'",
                   0, NULL);
    /* In the manifest's order, each with as many fields as the head. */
    program_expect(folder,
                   "cut -d, -f1 descriptors.csv | tail -n +2 >a && find drums -name '*.wav' | "
                   "LC_ALL=C sort | cmp - a && test $(awk -F, '{print NF}' descriptors.csv | sort "
                   "-u) = 33",
                   0, NULL);
}
END_TEST

START_TEST(threads_do_not_show) {
    const char *folder = test_folder();
    program_fixture(folder, 2);
    program_expect(folder,
                   "$RIMSHOT data descriptors drums --threads 1 -o 1.h5 && $RIMSHOT data "
                   "descriptors drums --threads 3 -o 3.h5 && cmp 1.h5 3.h5",
                   0, NULL);
    program_expect(folder, "$RIMSHOT data descriptors drums -o x.wav", 2, "end in .csv, .h5 or");
}
END_TEST

START_TEST(levels_stay_unless_an_override_says_so) {
    const char *folder = test_folder();
    program_fixture(folder, 1);
    /* peak_db is column 29; how many sounds have the peak at full scale. */
    static const char count[] =
        "test $(awk -F, 'NR > 1 && $29 > -1e-4 && $29 < 1e-4' descriptors.csv | wc -l)";
    char command[512];
    snprintf(command, sizeof command,
             "$RIMSHOT data descriptors drums audio.normalize=peak && %s = 9", count);
    program_expect(folder, command, 0, NULL);
    snprintf(command, sizeof command,
             "$RIMSHOT data descriptors drums && %s -lt 9 && test $(head -1 descriptors.csv | cut "
             "-d, -f29) = peak_db",
             count);
    program_expect(folder, command, 0, NULL);
}
END_TEST

/* Trains a configuration of configs/systems on a few synthesised drums. */
static void train_system(const char *folder, const char *name, const char *overrides) {
    char command[4096];
    snprintf(command, sizeof command,
             "$RIMSHOT train '%s' 'dataset={source: synth, per_class: 4}' train.epochs=1 "
             "folds.k=2 %s --out run --quiet",
             test_path(name), overrides);
    program_expect(folder, command, 0, NULL);
}

START_TEST(system_s2_trains_and_has_no_form_from_the_waveform) {
    const char *folder = test_folder();
    train_system(folder, "../configs/systems/s2.yaml", "");
    program_fixture(folder, 1);
    program_expect(folder, "$RIMSHOT classify run/model.h5 drums", 0, NULL);
    program_expect(folder, "$RIMSHOT export run/model.h5 --to npz --out m.npz", 0, NULL);
    program_expect(folder, "$RIMSHOT export run/model.h5 --to onnx --out m.onnx", 0, NULL);
    program_expect(folder, "$RIMSHOT export run/model.h5 --to onnx --with-features --out f.onnx", 2,
                   "features.kind: 'descriptors' has no form in ONNX");
    program_expect(folder, "$RIMSHOT export run/model.h5 --to c --out m.h", 2,
                   "features.kind: 'descriptors' has no form in C");
    program_expect(folder, "$RIMSHOT export run/model.h5 --to web --out page", 2,
                   "has no form in ONNX");
    program_expect(folder, "test ! -e f.onnx && test ! -e m.h && test ! -e page", 0, NULL);
}
END_TEST

START_TEST(system_s2_has_a_convolutional_form) {
    train_system(test_folder(), "../configs/systems/s2-cnn.yaml",
                 "audio.sample_rate=8000 audio.seconds=0.3 features.n_mels=24");
}
END_TEST

TEST_MAIN("cli/data_descriptors", a_table_has_a_row_per_sound, threads_do_not_show,
          levels_stay_unless_an_override_says_so,
          system_s2_trains_and_has_no_form_from_the_waveform, system_s2_has_a_convolutional_form)
