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

static base_status plan(nn_plan *plan, base_error *err) {
    return nn_recurrent_plan(&cell, plan, err);
}

static const base_option option_table[] = {NN_RECURRENT_OPTIONS, {0}};

NN_RECURRENT_LAYER(lstm, "Long short-term memory over a sequence, as torch.nn.LSTM", option_table,
                   plan)
