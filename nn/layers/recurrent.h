/* nn/layers/recurrent.h - what gru, lstm and rnn share: everything but the cell.
 *
 * A stack of layers, each in one or two directions, over sequences [B,T,F]. The input products of
 * all frames are one matrix product; the recurrence then runs in tasks of one direction and a fixed
 * number of samples, each of which walks the frames in order. Backward walks back, leaves the
 * gates' gradients where the gates were, and ends with one product over all frames per weight.
 *
 * Padding is treated as by PyTorch's packed sequences: a frame past its sample's length has state
 * zero, so the reverse direction starts at the sample's own last frame. Initial states are zero. */
#ifndef NN_LAYERS_RECURRENT_H
#define NN_LAYERS_RECURRENT_H

#include "nn/kernels/kernels.h"
#include "nn/layer.h"

enum { NN_RECURRENT_SEQUENCE, NN_RECURRENT_LAST };

typedef struct {
    int64_t hidden, layers;
    bool bidirectional;
    double dropout;
    int output;
    int nonlinearity; /* of rnn alone */
} nn_recurrent_options;

/* Rows of the option tables; the terminator is the table's. */
/* clang-format off */
#define NN_RECURRENT_ROW(key, kind, preset, min, max, choices, help)                               \
    {#key, BASE_OPT_##kind, offsetof(nn_recurrent_options, key), preset, min, max, choices, NULL, help}
#define NN_RECURRENT_OPTIONS                                                                       \
    NN_RECURRENT_ROW(hidden, INT, NULL, 1, 8192, NULL, "size of the hidden state"),                \
    NN_RECURRENT_ROW(layers, INT, "1", 1, 5, NULL, "layers stacked on each other"),                \
    NN_RECURRENT_ROW(bidirectional, BOOL, "false", 0, 0, NULL,                                     \
                     "also read from the end, which doubles the output's features"),               \
    NN_RECURRENT_ROW(dropout, FLOAT, "0", 0, 0.99, NULL,                                           \
                     "share of features zeroed between stacked layers in training"),               \
    NN_RECURRENT_ROW(output, CHOICE, "sequence", 0, 0, "sequence|last",                            \
                     "the state at every frame, or the final states as one vector")
/* clang-format on */

/* A cell keeps n_row * hidden floats per frame and direction, its row. Forward finds the products
 * of the input with the n_gates gates in the first n_gates * hidden of them and leaves there what
 * backward needs; backward leaves the gradients of those products in their place. */
typedef struct {
    int n_gates, n_row;
    /* Where backward leaves the gradient of the state's products (W_hh h + b_hh): n parts of
     * `hidden` floats, from part `row` of the row on, belong to the gates from `gate` on. */
    struct {
        int row, gate, n;
    } span[2];
    int n_spans;
    void (*forward)(const nn_kernels_table *kernels, const nn_cell_step *step);
    void (*backward)(const nn_kernels_table *kernels, const nn_cell_step *step);
} nn_cell;

/* A layer is its cell, which plan keeps, and a table of options. */
base_status nn_recurrent_plan(const nn_cell *cell, nn_plan *plan, base_error *err);
void nn_recurrent_init(const nn_plan *plan, base_rng *rng, float *param, float *state);
int64_t nn_recurrent_length(const nn_plan *plan, int64_t length);
void nn_recurrent_forward(const nn_run *run);
void nn_recurrent_backward(const nn_run *run);

#define NN_RECURRENT_LAYER(id, text, table, plan_cell)                                             \
    const nn_layer nn_layer_##id = {                                                               \
        .variant = {#id, text, "hidden", table, sizeof(nn_recurrent_options)},                     \
        .plan = plan_cell,                                                                         \
        .batch = NN_WHOLE,                                                                         \
        .init = nn_recurrent_init,                                                                 \
        .length = nn_recurrent_length,                                                             \
        .forward = nn_recurrent_forward,                                                           \
        .backward = nn_recurrent_backward};

#endif
