#include "tests/test.h"
#include "train/experiment.h"

START_TEST(a_network_that_does_not_end_in_the_classes_is_none) {
    static const char text[] = "name: a\ndataset: {source: synth}\nnetwork: [flatten, linear: 5]\n";
    train_config config;
    base_error err;
    nn_network *network = NULL;
    dsp_features *features = NULL;
    TEST_OK(train_config_parse(text, "a.yaml", &config, &err), err);
    TEST_FAILS(train_network_new(&config, 3, 1, true, NULL, &network, &features, &err), BASE_ESHAPE,
               err, "[B,3] is needed");
    ck_assert_ptr_null(network);
    ck_assert_ptr_null(features);
    TEST_OK(train_network_new(&config, 5, 1, true, NULL, &network, NULL, &err), err);
    nn_network_free(network);
    train_config_release(&config);
}
END_TEST

TEST_MAIN("train/setup", a_network_that_does_not_end_in_the_classes_is_none)
