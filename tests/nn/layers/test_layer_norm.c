#include "tests/layer_check.h"
#include "tests/test.h"

extern const nn_layer nn_layer_layer_norm;

START_TEST(agrees_with_pytorch) {
    static const struct {
        const char *name, *options;
    } cases[] = {{"vector", NULL},
                 {"sequence", NULL},
                 {"image", NULL},
                 {"plain", "{eps: 1e-3, affine: false}"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        layer_check_golden(&(layer_golden){.layer = &nn_layer_layer_norm,
                                           .options = cases[i].options,
                                           .file = "nn_layer_norm",
                                           .name = cases[i].name,
                                           .rtol = 1e-5,
                                           .atol = 5e-6});
    }
}
END_TEST

static layer_case sequences(int64_t batch) {
    return (layer_case){.layer = &nn_layer_layer_norm, .in[0] = {2, {6, 19}}, .batch = batch};
}

START_TEST(has_the_right_gradient) {
    layer_case setup = sequences(3);
    layer_check_gradient(&setup, 0.02, 1e-3);
    setup.in[0] = (nn_shape){3, {2, 3, 4}};
    layer_check_gradient(&setup, 0.02, 1e-3);
}
END_TEST

START_TEST(gives_the_same_bits_on_any_threads) {
    layer_case setup = sequences(1);
    layer_check_threads(&setup);
    setup.batch = 13;
    layer_check_threads(&setup);
}
END_TEST

START_TEST(heeds_lengths) {
    static const int32_t length[] = {6, 1, 3, 5, 2, 6, 6, 4, 1};
    layer_case setup = sequences(9);
    setup.length = length;
    layer_check_lengths(&setup, 1e-6, 1e-6);
}
END_TEST

TEST_MAIN("nn/layers/layer_norm", agrees_with_pytorch, has_the_right_gradient,
          gives_the_same_bits_on_any_threads, heeds_lengths)
