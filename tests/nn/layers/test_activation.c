#include <math.h>
#include <string.h>

#include "tests/layer_check.h"
#include "tests/test.h"

extern const nn_layer nn_layer_relu, nn_layer_leaky_relu, nn_layer_gelu, nn_layer_silu,
    nn_layer_sigmoid, nn_layer_tanh;

static const struct {
    const char *name;
    const nn_layer *layer;
    const char *options;
} kinds[] = {{"relu", &nn_layer_relu, NULL}, {"leaky_relu", &nn_layer_leaky_relu, "0.2"},
             {"gelu", &nn_layer_gelu, NULL}, {"gelu_tanh", &nn_layer_gelu, "tanh"},
             {"silu", &nn_layer_silu, NULL}, {"sigmoid", &nn_layer_sigmoid, NULL},
             {"tanh", &nn_layer_tanh, NULL}};
enum { N_KINDS = sizeof kinds / sizeof *kinds };

START_TEST(agrees_with_pytorch) {
    for (int i = 0; i < N_KINDS; i++) {
        layer_check_golden(&(layer_golden){.layer = kinds[i].layer,
                                           .options = kinds[i].options,
                                           .file = "nn_activation",
                                           .name = kinds[i].name,
                                           .rtol = 1e-6,
                                           .atol = 1e-6});
    }
}
END_TEST

static layer_case make_case(int kind, int64_t batch) {
    return (layer_case){.layer = kinds[kind].layer,
                        .options = kinds[kind].options,
                        .in[0] = {2, {7, 900}},
                        .batch = batch,
                        .fill = layer_fill_apart};
}

START_TEST(has_the_right_gradient) {
    for (int i = 0; i < N_KINDS; i++) {
        layer_case setup = make_case(i, 1);
        setup.in[0] = (nn_shape){1, {37}};
        layer_check_gradient(&setup, 0.005, 1e-3);
    }
}
END_TEST

START_TEST(gives_the_same_bits_on_any_threads) {
    for (int i = 0; i < N_KINDS; i++) {
        layer_case setup = make_case(i, 6);
        layer_check_threads(&setup);
    }
}
END_TEST

START_TEST(heeds_lengths) {
    static const int32_t length[] = {7, 1, 3};
    for (int i = 0; i < N_KINDS; i++) {
        layer_case setup = make_case(i, 3);
        setup.length = length;
        layer_check_lengths(&setup, 0, 0);
    }
}
END_TEST

START_TEST(passes_nan_on) {
    for (int i = 0; i < N_KINDS; i++) {
        layer_case setup = make_case(i, 1);
        setup.in[0] = (nn_shape){1, {1}};
        layer_probe *probe = layer_probe_new(&setup);
        const float nan = NAN;
        float y = 0;
        setup.layer->forward(&(nn_run){.plan = &probe->plan, .batch = 1, .x = {&nan}, .y = &y});
        ck_assert_msg(isnan(y), "%s gives %g", kinds[i].name, (double)y);
        layer_probe_free(probe);
    }
}
END_TEST

TEST_MAIN("nn/layers/activation", agrees_with_pytorch, has_the_right_gradient,
          gives_the_same_bits_on_any_threads, heeds_lengths, passes_nan_on)
