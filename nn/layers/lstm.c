/* S. Hochreiter and J. Schmidhuber, "Long short-term memory", 1997, with forget gates, as
 * torch.nn.LSTM:
 *     i, f, o = sigmoid(W_i. x + b_i. + W_h. h + b_h.)      c' = f c + i g
 *     g       = tanh(W_ig x + b_ig + W_hg h + b_hg)         h' = o tanh(c') */
#include "nn/layers/recurrent.h"

static void step_forward(const nn_kernels_table *kernels, const nn_cell_step *step) {
    kernels->lstm(step);
}

static void step_backward(const nn_kernels_table *kernels, const nn_cell_step *step) {
    kernels->lstm_backward(step);
}

static const nn_cell cell = {.n_gates = 4,
                             .n_row = 5,
                             .span = {{.row = 0, .gate = 0, .n = 4}},
                             .n_spans = 1,
                             .forward = step_forward,
                             .backward = step_backward};

NN_RECURRENT_LAYER(&cell)

static const base_option option_table[] = {NN_RECURRENT_OPTIONS, {.key = NULL}};

const nn_layer nn_layer_lstm = {.variant = {.name = "lstm",
                                            .help = "Long short-term memory over a sequence, as "
                                                    "torch.nn.LSTM",
                                            .shorthand = "hidden",
                                            .options = option_table,
                                            .size_bytes = sizeof(nn_recurrent_options)},
                                .plan = plan,
                                .init = nn_recurrent_init,
                                .length = nn_recurrent_length,
                                .forward = forward,
                                .backward = backward};
