#include <math.h>

#include "tests/layer_check.h"
#include "tests/recurrent_check.h"
#include "tests/test.h"

extern const nn_layer nn_layer_rnn;

static void tanh_cell(int64_t hidden, const double *input, const double *product, double *h,
                      double *c) {
    (void)c;
    for (int64_t i = 0; i < hidden; i++) h[i] = tanh(input[i] + product[i]);
}

static void relu_cell(int64_t hidden, const double *input, const double *product, double *h,
                      double *c) {
    (void)c;
    for (int64_t i = 0; i < hidden; i++) h[i] = fmax(0, input[i] + product[i]);
}

static const recurrent_subject rnn = {&nn_layer_rnn, "", 1, tanh_cell};
static const recurrent_subject relu = {&nn_layer_rnn, ", nonlinearity: relu", 1, relu_cell};

START_TEST(agrees_with_pytorch) {
    recurrent_check_goldens(&rnn);
    layer_check_golden(
        &(layer_golden){.layer = &nn_layer_rnn,
                        .options = "{hidden: 6, bidirectional: true, nonlinearity: relu}",
                        .file = "nn_recurrent",
                        .name = "rnn/relu",
                        .rtol = 1e-5,
                        .atol = 5e-6});
}
END_TEST

START_TEST(agrees_with_loops_in_double) {
    recurrent_check_reference(&rnn);
    recurrent_check_reference(&relu);
}
END_TEST

START_TEST(has_the_right_gradient) {
    recurrent_check_gradients(&rnn);
}
END_TEST

START_TEST(gives_the_same_bits_on_any_threads) {
    recurrent_check_threads(&rnn);
    recurrent_check_threads(&relu);
}
END_TEST

START_TEST(heeds_lengths) {
    recurrent_check_lengths(&rnn);
    recurrent_check_lengths(&relu);
}
END_TEST

START_TEST(drops_between_layers_in_training) {
    recurrent_check_dropout(&rnn);
}
END_TEST

START_TEST(refuses_what_it_cannot_read) {
    recurrent_check_refusals(&rnn);
}
END_TEST

TEST_MAIN("nn/layers/rnn", agrees_with_pytorch, agrees_with_loops_in_double, has_the_right_gradient,
          gives_the_same_bits_on_any_threads, heeds_lengths, drops_between_layers_in_training,
          refuses_what_it_cannot_read)
