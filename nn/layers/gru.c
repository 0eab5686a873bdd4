/* The reset-after form of torch.nn.GRU and cuDNN (K. Cho et al., 2014, with the reset gate applied
 * after the product):
 *     r = sigmoid(W_ir x + b_ir + W_hr h + b_hr)      n = tanh(W_in x + b_in + r (W_hn h + b_hn))
 *     z = sigmoid(W_iz x + b_iz + W_hz h + b_hz)      h' = (1 - z) n + z h */
#include "nn/layers/recurrent.h"

static void step_forward(const nn_kernels_table *kernels, const nn_cell_step *step) {
    kernels->gru(step);
}

static void step_backward(const nn_kernels_table *kernels, const nn_cell_step *step) {
    kernels->gru_backward(step);
}

static const nn_cell cell = {.n_gates = 3,
                             .n_row = 4,
                             .span = {{.row = 0, .gate = 0, .n = 2}, {.row = 3, .gate = 2, .n = 1}},
                             .n_spans = 2,
                             .forward = step_forward,
                             .backward = step_backward};

static base_status plan(nn_plan *plan, base_error *err) {
    return nn_recurrent_plan(&cell, plan, err);
}

static const base_option option_table[] = {NN_RECURRENT_OPTIONS, {0}};

NN_RECURRENT_LAYER(gru, "Gated recurrent units over a sequence, as torch.nn.GRU", option_table,
                   plan)
