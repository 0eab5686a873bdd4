#include <stdio.h>

#include "tests/program.h"
#include "tests/test.h"
#include "train/experiment.h"

START_TEST(a_network_that_does_not_end_in_the_classes_is_none) {
    static const char text[] = "name: a\ndataset: {source: synth}\nnetwork: [flatten, linear: 5]\n";
    train_config config;
    base_error err;
    nn_network *network = NULL;
    dsp_features *features = NULL;
    TEST_OK(train_config_parse(text, "a.yaml", &config, &err), err);
    TEST_FAILS(train_network_new(
                   &(train_network_plan){
                       .config = &config, .n_classes = 3, .max_batch = 1, .training = true},
                   &network, &features, &err),
               BASE_ESHAPE, err, "[B,3] is needed");
    ck_assert_ptr_null(network);
    ck_assert_ptr_null(features);
    TEST_OK(train_network_new(
                &(train_network_plan){
                    .config = &config, .n_classes = 5, .max_batch = 1, .training = true},
                &network, NULL, &err),
            err);
    nn_network_free(network);
    train_config_release(&config);
}
END_TEST

/* Under a sanitizer it would be told what is left behind. */
START_TEST(data_that_are_not_there_leave_nothing_behind) {
    static const char text[] = "name: a\ndataset: {source: folder, path: /nowhere/at/all}\n"
                               "network: [flatten, linear: classes]\n";
    train_config config;
    train_data data;
    base_error err;
    TEST_OK(train_config_parse(text, "a.yaml", &config, &err), err);
    TEST_FAILS(train_data_open(&config, &(data_work){0}, &data, &err), BASE_ENOTFOUND, err,
               "/nowhere/at/all");
    train_config_release(&config);
}
END_TEST

/* As they stand but for the sounds, which are few, short and made up. */
START_TEST(both_heads_of_system_s0_train) {
    static const char *const heads[] = {"dndf", "mlp"};
    const char *folder = test_folder();
    for (int i = 0; i < 2; i++) {
        char command[1024];
        snprintf(command, sizeof command,
                 "$RIMSHOT train '%s/s0-%s.yaml' 'dataset={source: synth, per_class: 4}' "
                 "audio.seconds=0.2 audio.sample_rate=16000 features.n_mels=16 train.epochs=2 "
                 "folds.k=2 --out %s --quiet",
                 test_path("../configs/systems"), heads[i], heads[i]);
        program_expect(folder, command, 0, NULL);
    }
    program_expect(folder,
                   "grep -q iterations: dndf/config.yaml && ! grep -q forest mlp/config.yaml", 0,
                   NULL);
}
END_TEST

TEST_MAIN("train/setup", a_network_that_does_not_end_in_the_classes_is_none,
          data_that_are_not_there_leave_nothing_behind, both_heads_of_system_s0_train)
