/* The simple recurrence of torch.nn.RNN: h' = f(W_ih x + b_ih + W_hh h + b_hh), f tanh or relu. */
#include <string.h>

#include "nn/layers/recurrent.h"

enum { TANH, RELU };

/* The row becomes the sum of all products and biases. */
static void sum_products(const nn_kernels_table *kernels, const nn_cell_step *step) {
    kernels->add(step->bias_ih, step->row, step->hidden);
    kernels->add(step->product, step->row, step->hidden);
    kernels->add(step->bias_hh, step->row, step->hidden);
}

static void tanh_forward(const nn_kernels_table *kernels, const nn_cell_step *step) {
    sum_products(kernels, step);
    kernels->tanh(step->row, step->row, step->hidden);
    memcpy(step->h, step->row, (size_t)step->hidden * sizeof *step->h);
}

static void relu_forward(const nn_kernels_table *kernels, const nn_cell_step *step) {
    static const nn_map relu = {.kind = NN_RELU, .scale = 1};
    sum_products(kernels, step);
    kernels->activate(&relu, step->row, step->row, step->hidden);
    memcpy(step->h, step->row, (size_t)step->hidden * sizeof *step->h);
}

/* The gradient goes through f from dh into the row, which holds h; nothing of it passes by f. */
static void step_backward(nn_activation kind, const nn_kernels_table *kernels,
                          const nn_cell_step *step) {
    const nn_map map = {.kind = kind, .scale = 1};
    size_t n_bytes = (size_t)step->hidden * sizeof *step->row;
    kernels->activate_backward(&map, step->row, step->dh, step->hidden);
    memcpy(step->row, step->dh, n_bytes);
    memset(step->dh, 0, n_bytes);
}

static void tanh_backward(const nn_kernels_table *kernels, const nn_cell_step *step) {
    step_backward(NN_TANH, kernels, step);
}

static void relu_backward(const nn_kernels_table *kernels, const nn_cell_step *step) {
    step_backward(NN_RELU, kernels, step);
}

#define CELL(kind)                                                                                 \
    {                                                                                              \
        .n_gates = 1, .n_row = 1, .span = {{.row = 0, .gate = 0, .n = 1}}, .n_spans = 1,           \
        .forward = kind##_forward, .backward = kind##_backward                                     \
    }

static const nn_cell cells[] = {[TANH] = CELL(tanh), [RELU] = CELL(relu)};

static base_status plan(nn_plan *plan, base_error *err) {
    const nn_recurrent_options *options = plan->options;
    return nn_recurrent_plan(&cells[options->nonlinearity], plan, err);
}

static const base_option option_table[] = {
    NN_RECURRENT_OPTIONS,
    NN_RECURRENT_ROW(nonlinearity, CHOICE, "tanh", 0, 0, "tanh|relu", "function of the sum"),
    {0}};

NN_RECURRENT_LAYER(rnn, "Simple recurrent units over a sequence, as torch.nn.RNN", option_table,
                   plan)
