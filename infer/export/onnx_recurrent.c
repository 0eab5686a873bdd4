/* gru, lstm and rnn in ONNX, where sequences are [T,N,F], both directions share a tensor and the
 * gates have another order. */
#include <stdio.h>
#include <string.h>

#include "infer/export/graph.h"
#include "infer/export/onnx_layers.h"

/* A recurrent operator; gate[g] is the PyTorch index of ONNX's gate g. */
typedef struct {
    const char *op;
    int n_gates, gate[4];
} recurrent_form;

typedef struct {
    const infer_onnx_layer *call;
    const recurrent_form *form;
    int n_directions;
    int64_t hidden;
    int layer; /* of the stack */
} recurrent_call;

/* Copies the rows of all directions with the gates in ONNX's order. `width`: columns, 1 for a bias;
 * `stride`: floats from one direction to the next. */
static void copy_gates(const recurrent_call *r, const char *name, int64_t width, int64_t stride,
                       float *to) {
    int64_t n = r->hidden * width;
    for (int d = 0; d < r->n_directions; d++) {
        char full[32];
        snprintf(full, sizeof full, "%s_l%d%s", name, r->layer, d > 0 ? "_reverse" : "");
        const float *from = infer_onnx_layer_data(r->call, full, false);
        for (int g = 0; g < r->form->n_gates; g++) {
            memcpy(to + d * stride + g * n, from + r->form->gate[g] * n, (size_t)n * sizeof *to);
        }
    }
}

static infer_onnx_value gate_tensor(const recurrent_call *r, const char *name,
                                    infer_onnx_shape shape, float *data) {
    char full[1024];
    snprintf(full, sizeof full, "%s%s.%s_l%d", r->call->onnx->member, r->call->node.path, name,
             r->layer);
    return infer_onnx_weight(r->call->onnx, full, shape, data);
}

/* weight_ih or weight_hh of all directions, [directions, gates * hidden, width]. */
static infer_onnx_value gate_weight(const recurrent_call *r, const char *name, int64_t width) {
    int64_t rows = r->form->n_gates * r->hidden;
    float *data = infer_onnx_take(r->call->onnx, r->n_directions * rows * width, sizeof *data);
    if (data == NULL) return "";
    copy_gates(r, name, width, rows * width, data);
    return gate_tensor(
        r, name, (infer_onnx_shape){INFER_ONNX_FLOAT, 3, {r->n_directions, rows, width}}, data);
}

/* [directions, 2 * gates * hidden]: bias_ih, then bias_hh. */
static infer_onnx_value gate_bias(const recurrent_call *r) {
    int64_t rows = r->form->n_gates * r->hidden;
    float *data = infer_onnx_take(r->call->onnx, r->n_directions * 2 * rows, sizeof *data);
    if (data == NULL) return "";
    copy_gates(r, "bias_ih", 1, 2 * rows, data);
    copy_gates(r, "bias_hh", 1, 2 * rows, data + rows);
    return gate_tensor(r, "bias",
                       (infer_onnx_shape){INFER_ONNX_FLOAT, 2, {r->n_directions, 2 * rows}}, data);
}

static void set_recurrence(const recurrent_call *r) {
    infer_onnx *onnx = r->call->onnx;
    const nn_graph_node *node = &r->call->node;
    infer_onnx_set_int(onnx, "hidden_size", r->hidden);
    infer_onnx_set_string(onnx, "direction", r->n_directions == 2 ? "bidirectional" : "forward");
    if (strcmp(r->form->op, "GRU") == 0) infer_onnx_set_int(onnx, "linear_before_reset", 1);
    if (strcmp(r->form->op, "RNN") != 0) return;
    bool relu = infer_graph_choice(node, "nonlinearity") == 1;
    infer_onnx_set_strings(onnx, "activations", r->n_directions, relu ? "Relu" : "Tanh");
}

/* One layer of a stack, x [T,N,F]. Its states [T, directions, N, hidden], or the final ones
 * [directions, N, hidden]. */
static infer_onnx_value emit_recurrence(const recurrent_call *r, infer_onnx_value x, bool final) {
    const infer_onnx_layer *call = r->call;
    int64_t width = r->layer == 0 ? call->node.plan->in[0].dim[1] : r->n_directions * r->hidden;
    infer_onnx_value weight_ih = gate_weight(r, "weight_ih", width);
    infer_onnx_value weight_hh = gate_weight(r, "weight_hh", r->hidden);
    infer_onnx_value lengths = call->length != NULL ? call->length : "";
    infer_onnx_value y =
        INFER_OP(call->onnx, r->form->op, x, weight_ih, weight_hh, gate_bias(r), lengths);
    if (final) y = infer_onnx_add_output(call->onnx);
    set_recurrence(r);
    return y;
}

static infer_onnx_value emit_recurrent(const infer_onnx_layer *call, const recurrent_form *form) {
    infer_onnx *onnx = call->onnx;
    recurrent_call r = {.call = call, .form = form};
    r.n_directions = infer_graph_bool(&call->node, "bidirectional") ? 2 : 1;
    r.hidden = infer_graph_int(&call->node, "hidden");
    int n_layers = (int)infer_graph_int(&call->node, "layers");
    bool last = infer_graph_choice(&call->node, "output") == 1;
    infer_onnx_value x = infer_onnx_transpose(onnx, call->x[0], 3, (int64_t[]){1, 0, 2});
    infer_onnx_value all = infer_onnx_list(onnx, 3, (int64_t[]){0, 0, r.n_directions * r.hidden});
    for (; r.layer < n_layers; r.layer++) {
        bool final = last && r.layer == n_layers - 1;
        x = emit_recurrence(&r, x, final);
        if (final) {
            x = infer_onnx_transpose(onnx, x, 3, (int64_t[]){1, 0, 2});
            return infer_onnx_reshape(onnx, x, call->node.plan->out);
        }
        x = infer_onnx_transpose(onnx, x, 4, (int64_t[]){0, 2, 1, 3});
        x = INFER_OP(onnx, "Reshape", x, all);
    }
    return infer_onnx_transpose(onnx, x, 3, (int64_t[]){1, 0, 2});
}

infer_onnx_value infer_onnx_gru(const infer_onnx_layer *call) {
    static const recurrent_form form = {"GRU", 3, {1, 0, 2}}; /* z r n from r z n */
    return emit_recurrent(call, &form);
}

infer_onnx_value infer_onnx_lstm(const infer_onnx_layer *call) {
    static const recurrent_form form = {"LSTM", 4, {0, 3, 1, 2}}; /* i o f g from i f g o */
    return emit_recurrent(call, &form);
}

infer_onnx_value infer_onnx_rnn(const infer_onnx_layer *call) {
    static const recurrent_form form = {"RNN", 1, {0}};
    return emit_recurrent(call, &form);
}
