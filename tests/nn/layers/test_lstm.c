#include <math.h>

#include "tests/layer_check.h"
#include "tests/recurrent_check.h"
#include "tests/test.h"

extern const nn_layer nn_layer_lstm;

static double sigmoid(double x) {
    return 1 / (1 + exp(-x));
}

static void cell(int64_t hidden, const double *input, const double *product, double *h, double *c) {
    for (int64_t k = 0; k < hidden; k++) {
        double i = sigmoid(input[k] + product[k]);
        double f = sigmoid(input[hidden + k] + product[hidden + k]);
        double g = tanh(input[2 * hidden + k] + product[2 * hidden + k]);
        double o = sigmoid(input[3 * hidden + k] + product[3 * hidden + k]);
        c[k] = f * c[k] + i * g;
        h[k] = o * tanh(c[k]);
    }
}

static const recurrent_subject lstm = {&nn_layer_lstm, "", 4, cell};

START_TEST(agrees_with_pytorch) {
    recurrent_check_goldens(&lstm);
}
END_TEST

START_TEST(agrees_with_loops_in_double) {
    recurrent_check_reference(&lstm);
}
END_TEST

START_TEST(has_the_right_gradient) {
    recurrent_check_gradients(&lstm);
}
END_TEST

START_TEST(gives_the_same_bits_on_any_threads) {
    recurrent_check_threads(&lstm);
}
END_TEST

START_TEST(heeds_lengths) {
    recurrent_check_lengths(&lstm);
}
END_TEST

START_TEST(drops_between_layers_in_training) {
    recurrent_check_dropout(&lstm);
}
END_TEST

START_TEST(refuses_what_it_cannot_read) {
    recurrent_check_refusals(&lstm);
}
END_TEST

TEST_MAIN("nn/layers/lstm", agrees_with_pytorch, agrees_with_loops_in_double,
          has_the_right_gradient, gives_the_same_bits_on_any_threads, heeds_lengths,
          drops_between_layers_in_training, refuses_what_it_cannot_read)
