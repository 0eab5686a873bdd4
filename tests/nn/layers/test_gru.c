#include <math.h>

#include "tests/layer_check.h"
#include "tests/recurrent_check.h"
#include "tests/test.h"

extern const nn_layer nn_layer_gru;

static double sigmoid(double x) {
    return 1 / (1 + exp(-x));
}

static void cell(int64_t hidden, const double *input, const double *product, double *h, double *c) {
    (void)c;
    for (int64_t i = 0; i < hidden; i++) {
        double r = sigmoid(input[i] + product[i]);
        double z = sigmoid(input[hidden + i] + product[hidden + i]);
        double n = tanh(input[2 * hidden + i] + r * product[2 * hidden + i]);
        h[i] = (1 - z) * n + z * h[i];
    }
}

static const recurrent_subject gru = {&nn_layer_gru, "", 3, cell};

START_TEST(agrees_with_pytorch) {
    recurrent_check_goldens(&gru);
}
END_TEST

START_TEST(agrees_with_loops_in_double) {
    recurrent_check_reference(&gru);
}
END_TEST

START_TEST(has_the_right_gradient) {
    recurrent_check_gradients(&gru);
}
END_TEST

START_TEST(gives_the_same_bits_on_any_threads) {
    recurrent_check_threads(&gru);
}
END_TEST

START_TEST(heeds_lengths) {
    recurrent_check_lengths(&gru);
}
END_TEST

START_TEST(drops_between_layers_in_training) {
    recurrent_check_dropout(&gru);
}
END_TEST

START_TEST(refuses_what_it_cannot_read) {
    recurrent_check_refusals(&gru);
}
END_TEST

TEST_MAIN("nn/layers/gru", agrees_with_pytorch, agrees_with_loops_in_double, has_the_right_gradient,
          gives_the_same_bits_on_any_threads, heeds_lengths, drops_between_layers_in_training,
          refuses_what_it_cannot_read)
