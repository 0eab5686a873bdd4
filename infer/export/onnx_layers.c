/* Every layer's form in ONNX. Weights keep their names and, where ONNX has the same layout,
 * PyTorch's shapes. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "infer/export/graph.h"
#include "infer/export/onnx_layers.h"
#include "nn/layers/options.h"

typedef infer_onnx_value emit(const infer_onnx_layer *call);

static nn_shape shape_in(const infer_onnx_layer *call) {
    return call->node.plan->in[0];
}

/* x[0] with `fill` past its length, for layers that must not see the zeros there. */
static infer_onnx_value filled(const infer_onnx_layer *call, double fill) {
    if (call->length == NULL) return call->x[0];
    return infer_onnx_mask_frames(call->onnx, call->x[0], call->length, shape_in(call), fill);
}

/* The number of valid frames as float, [N] under `rank` axes; a number where all are valid. */
static infer_onnx_value frame_count(const infer_onnx_layer *call, int rank) {
    infer_onnx *onnx = call->onnx;
    nn_shape in = shape_in(call);
    if (call->length == NULL) {
        return infer_onnx_float(onnx, (double)in.dim[nn_shape_time_axis(in)]);
    }
    infer_onnx_value count = INFER_OP(onnx, "Cast", call->length);
    infer_onnx_set_int(onnx, "to", INFER_ONNX_FLOAT);
    return INFER_OP(onnx, "Reshape", count, infer_onnx_list(onnx, rank, (int64_t[]){-1, 1, 1, 1}));
}

const float *infer_onnx_layer_data(const infer_onnx_layer *call, const char *name, bool is_state) {
    const float *block = is_state ? call->node.state : call->node.param;
    return nn_plan_find(call->node.plan, name, (float *)block);
}

/* A named tensor of the layer as it lies; "" if the layer has none of that name. */
static infer_onnx_value weight_of(const infer_onnx_layer *call, const char *name) {
    const nn_tensor_plan *tensor = nn_plan_tensor_named(call->node.plan, name);
    if (tensor == NULL) return "";
    const float *block = tensor->is_state ? call->node.state : call->node.param;
    infer_onnx_shape shape = {.type = INFER_ONNX_FLOAT, .rank = tensor->shape.rank};
    memcpy(shape.dim, tensor->shape.dim, sizeof tensor->shape.dim);
    char full[1024];
    snprintf(full, sizeof full, "%s%s.%s", call->onnx->member, call->node.path, name);
    return infer_onnx_weight(call->onnx, full, shape, block + tensor->offset);
}

/* ---- images ---- */

static void set_pair(const infer_onnx_layer *call, const char *name, base_ints list) {
    infer_onnx_set_ints(call->onnx, name, 2,
                        (int64_t[]){nn_pair_item(list, 0), nn_pair_item(list, 1)});
}

static infer_onnx_value emit_conv2d(const infer_onnx_layer *call) {
    const nn_graph_node *node = &call->node;
    int64_t pads[4];
    nn_conv2d_pads(node->options, shape_in(call), pads);
    infer_onnx_value weight = weight_of(call, "weight"), bias = weight_of(call, "bias");
    infer_onnx_value y = INFER_OP(call->onnx, "Conv", call->x[0], weight, bias);
    set_pair(call, "kernel_shape", infer_graph_ints(node, "kernel"));
    set_pair(call, "strides", infer_graph_ints(node, "stride"));
    set_pair(call, "dilations", infer_graph_ints(node, "dilation"));
    infer_onnx_set_ints(call->onnx, "pads", 4, pads);
    infer_onnx_set_int(call->onnx, "group", nn_conv2d_groups(node->options, shape_in(call)));
    return y;
}

static infer_onnx_value emit_windows(const infer_onnx_layer *call, const char *op,
                                     infer_onnx_value x) {
    const nn_pool_options *o = call->node.options;
    int64_t pads[4];
    nn_pool_pads(o, shape_in(call), pads);
    infer_onnx_value y = INFER_OP(call->onnx, op, x);
    set_pair(call, "kernel_shape", o->kernel);
    set_pair(call, "strides", nn_pool_stride(o));
    infer_onnx_set_ints(call->onnx, "pads", 4, pads);
    return y;
}

/* Windows that lie side by side are valid as a whole or not at all. */
static infer_onnx_value emit_max_pool(const infer_onnx_layer *call) {
    bool tiling = nn_pool_is_tiling(call->node.options);
    return emit_windows(call, "MaxPool", tiling ? call->x[0] : filled(call, -FLT_MAX));
}

static infer_onnx_value emit_avg_pool(const infer_onnx_layer *call) {
    infer_onnx_value y = emit_windows(call, "AveragePool", call->x[0]);
    infer_onnx_set_int(call->onnx, "count_include_pad", 1);
    return y;
}

static infer_onnx_value reduced(infer_onnx *onnx, const char *op, infer_onnx_value x, int n_axes,
                                const int64_t *axes) {
    infer_onnx_value y = INFER_OP(onnx, op, x);
    infer_onnx_set_ints(onnx, "axes", n_axes, axes);
    infer_onnx_set_int(onnx, "keepdims", 0);
    return y;
}

/* ReduceSum takes its axes as an input, other than its relatives. */
static infer_onnx_value summed(infer_onnx *onnx, infer_onnx_value x, int n_axes,
                               const int64_t *axes) {
    infer_onnx_value y = INFER_OP(onnx, "ReduceSum", x, infer_onnx_list(onnx, n_axes, axes));
    infer_onnx_set_int(onnx, "keepdims", 0);
    return y;
}

/* Row i of [n_out, extent] averages output i's window of the first n positions. */
static void fill_windows(int64_t n_out, int64_t extent, int64_t n, float *rows) {
    for (int64_t i = 0; i < n_out; i++, rows += extent) {
        int64_t begin = i * n / n_out, end = ((i + 1) * n + n_out - 1) / n_out;
        for (int64_t k = begin; k < end; k++) rows[k] = 1.0f / (float)(end - begin);
    }
}

/* P x Q', P and Q averaging along frequency and time; Q is looked up by the length. */
static infer_onnx_value emit_adaptive_pool(const infer_onnx_layer *call) {
    infer_onnx *onnx = call->onnx;
    const int64_t *in = shape_in(call).dim, *out = call->node.plan->out.dim;
    int64_t first = call->length == NULL ? in[2] : 0, n_lengths = in[2] + 1 - first;
    float *rows = infer_onnx_take(onnx, out[1] * in[1], sizeof *rows);
    float *columns = infer_onnx_take(onnx, n_lengths * out[2] * in[2], sizeof *columns);
    if (onnx->failed) return "";
    fill_windows(out[1], in[1], in[1], rows);
    for (int64_t i = first == 0; i < n_lengths; i++) {
        fill_windows(out[2], in[2], first + i, columns + i * out[2] * in[2]);
    }
    infer_onnx_shape shape = {INFER_ONNX_FLOAT, 4, {n_lengths, 1, out[2], in[2]}};
    infer_onnx_value along = infer_onnx_constant(onnx, shape, columns);
    if (call->length != NULL) along = INFER_OP(onnx, "Gather", along, call->length);
    along = infer_onnx_transpose(onnx, along, 4, (int64_t[]){0, 1, 3, 2});
    shape = (infer_onnx_shape){INFER_ONNX_FLOAT, 2, {out[1], in[1]}};
    return INFER_OP(onnx, "MatMul", infer_onnx_constant(onnx, shape, rows),
                    INFER_OP(onnx, "MatMul", call->x[0], along));
}

static infer_onnx_value emit_global_pool(const infer_onnx_layer *call) {
    enum { MEAN, MAX };
    infer_onnx *onnx = call->onnx;
    static const int64_t axes[] = {2, 3};
    infer_onnx_value y;
    if (infer_graph_choice(&call->node, "kind") == MAX) {
        y = reduced(onnx, "ReduceMax", filled(call, -FLT_MAX), 2, axes);
    } else {
        infer_onnx_value rows = infer_onnx_float(onnx, (double)shape_in(call).dim[1]);
        infer_onnx_value count = INFER_OP(onnx, "Mul", frame_count(call, 2), rows);
        y = INFER_OP(onnx, "Div", summed(onnx, call->x[0], 2, axes), count);
    }
    return infer_graph_bool(&call->node, "keep") ? infer_onnx_reshape(onnx, y, call->node.plan->out)
                                                 : y;
}

/* ---- norms ---- */

/* A number per channel as [C] for an image, else along the last axis. */
static infer_onnx_value emit_batch_norm_affine(const infer_onnx_layer *call) {
    infer_onnx *onnx = call->onnx;
    nn_shape in = shape_in(call);
    int64_t n = in.dim[in.rank - 1];
    const float *weight = infer_onnx_layer_data(call, "weight", false),
                *bias = infer_onnx_layer_data(call, "bias", false);
    const float *mean = infer_onnx_layer_data(call, "running_mean", true);
    const float *variance = infer_onnx_layer_data(call, "running_var", true);
    float *scale = infer_onnx_take(onnx, n, sizeof *scale);
    float *shift = infer_onnx_take(onnx, n, sizeof *shift);
    if (onnx->failed) return "";
    for (int64_t i = 0; i < n; i++) {
        double inverse = 1 / sqrt(variance[i] + infer_graph_float(&call->node, "eps"));
        double factor = weight != NULL ? weight[i] * inverse : inverse;
        scale[i] = (float)factor;
        shift[i] = (float)((bias != NULL ? bias[i] : 0) - mean[i] * factor);
    }
    infer_onnx_shape shape = {INFER_ONNX_FLOAT, 1, {n}};
    infer_onnx_value product =
        INFER_OP(onnx, "Mul", call->x[0], infer_onnx_constant(onnx, shape, scale));
    return INFER_OP(onnx, "Add", product, infer_onnx_constant(onnx, shape, shift));
}

/* One number everywhere, where a norm has no trained ones. */
static infer_onnx_value same_numbers(infer_onnx *onnx, nn_shape of, float value) {
    infer_onnx_shape shape = {.type = INFER_ONNX_FLOAT, .rank = of.rank};
    memcpy(shape.dim, of.dim, sizeof of.dim);
    int64_t n = nn_shape_count(of);
    float *numbers = infer_onnx_take(onnx, n, sizeof *numbers);
    for (int64_t i = 0; numbers != NULL && i < n; i++) numbers[i] = value;
    return infer_onnx_constant(onnx, shape, numbers);
}

static infer_onnx_value emit_batch_norm(const infer_onnx_layer *call) {
    infer_onnx *onnx = call->onnx;
    if (shape_in(call).rank != 3) return emit_batch_norm_affine(call);
    nn_shape channels = {.rank = 1, .dim = {shape_in(call).dim[0]}};
    bool affine = infer_graph_bool(&call->node, "affine");
    infer_onnx_value weight = affine ? weight_of(call, "weight") : same_numbers(onnx, channels, 1);
    infer_onnx_value bias = affine ? weight_of(call, "bias") : same_numbers(onnx, channels, 0);
    infer_onnx_value mean = weight_of(call, "running_mean");
    infer_onnx_value variance = weight_of(call, "running_var");
    infer_onnx_value y =
        INFER_OP(onnx, "BatchNormalization", call->x[0], weight, bias, mean, variance);
    infer_onnx_set_float(onnx, "epsilon", infer_graph_float(&call->node, "eps"));
    return y;
}

static infer_onnx_value emit_layer_norm(const infer_onnx_layer *call) {
    infer_onnx *onnx = call->onnx;
    nn_shape in = shape_in(call);
    nn_shape normalized = in.rank == 3 ? in : nn_shape_make(1, &in.dim[in.rank - 1]);
    bool affine = infer_graph_bool(&call->node, "affine");
    infer_onnx_value weight =
        affine ? weight_of(call, "weight") : same_numbers(onnx, normalized, 1);
    infer_onnx_value bias = affine ? weight_of(call, "bias") : same_numbers(onnx, normalized, 0);
    infer_onnx_value y = INFER_OP(onnx, "LayerNormalization", call->x[0], weight, bias);
    infer_onnx_set_int(onnx, "axis", -normalized.rank);
    infer_onnx_set_float(onnx, "epsilon", infer_graph_float(&call->node, "eps"));
    return y;
}

static infer_onnx_value emit_nothing(const infer_onnx_layer *call) {
    return call->x[0];
}

/* ---- vectors and sequences ---- */

static infer_onnx_value emit_linear(const infer_onnx_layer *call) {
    infer_onnx *onnx = call->onnx;
    infer_onnx_value weight = weight_of(call, "weight"), bias = weight_of(call, "bias");
    if (shape_in(call).rank == 1) {
        infer_onnx_value y = INFER_OP(onnx, "Gemm", call->x[0], weight, bias);
        infer_onnx_set_int(onnx, "transB", 1);
        return y;
    }
    infer_onnx_value transposed = infer_onnx_transpose(onnx, weight, 2, (int64_t[]){1, 0});
    infer_onnx_value y = INFER_OP(onnx, "MatMul", call->x[0], transposed);
    return bias[0] != '\0' ? INFER_OP(onnx, "Add", y, bias) : y;
}

static infer_onnx_value attention_pool(const infer_onnx_layer *call) {
    infer_onnx *onnx = call->onnx;
    infer_onnx_value transposed =
        infer_onnx_transpose(onnx, weight_of(call, "attention_weight"), 2, (int64_t[]){1, 0});
    infer_onnx_value score = INFER_OP(onnx, "MatMul", call->x[0], transposed);
    score = INFER_OP(onnx, "Add", score, weight_of(call, "attention_bias"));
    if (call->length != NULL) {
        nn_shape frames = {.rank = 2, .dim = {shape_in(call).dim[0], 1}};
        score = infer_onnx_mask_frames(onnx, score, call->length, frames, -FLT_MAX);
    }
    infer_onnx_value share = INFER_OP(onnx, "Softmax", score);
    infer_onnx_set_int(onnx, "axis", 1);
    return summed(onnx, INFER_OP(onnx, "Mul", call->x[0], share), 1, (int64_t[]){1});
}

/* The one frame that is valid while the next is not. */
static infer_onnx_value last_pool(const infer_onnx_layer *call) {
    infer_onnx *onnx = call->onnx;
    int64_t n_frames = shape_in(call).dim[0];
    if (call->length == NULL) {
        infer_onnx_value at = infer_onnx_constant(
            onnx, (infer_onnx_shape){INFER_ONNX_INT64, 0, {0}}, &(int64_t){n_frames - 1});
        infer_onnx_value y = INFER_OP(onnx, "Gather", call->x[0], at);
        infer_onnx_set_int(onnx, "axis", 1);
        return y;
    }
    infer_onnx_value before = INFER_OP(onnx, "Sub", call->length, infer_onnx_int32(onnx, 1));
    infer_onnx_value valid = infer_onnx_frames(onnx, call->length, 2, n_frames);
    infer_onnx_value earlier = infer_onnx_frames(onnx, before, 2, n_frames);
    infer_onnx_value last = INFER_OP(onnx, "Xor", valid, earlier);
    infer_onnx_value only = INFER_OP(onnx, "Where", last, call->x[0], infer_onnx_float(onnx, 0));
    return summed(onnx, only, 1, (int64_t[]){1});
}

static infer_onnx_value pool_kind(const infer_onnx_layer *call, const char *kind) {
    static const int64_t frames[] = {1};
    if (strcmp(kind, "attention") == 0) return attention_pool(call);
    if (strcmp(kind, "last") == 0) return last_pool(call);
    if (strcmp(kind, "max") == 0) {
        return reduced(call->onnx, "ReduceMax", filled(call, -FLT_MAX), 1, frames);
    }
    return INFER_OP(call->onnx, "Div", summed(call->onnx, call->x[0], 1, frames),
                    frame_count(call, 2));
}

static infer_onnx_value joined(infer_onnx *onnx, int n, const infer_onnx_value *parts, int axis) {
    infer_onnx_value y = infer_onnx_op(onnx, "Concat", n, parts);
    infer_onnx_set_int(onnx, "axis", axis);
    return y;
}

static infer_onnx_value emit_time_pool(const infer_onnx_layer *call) {
    enum { MAX_KINDS = 4 };
    base_strings kinds = infer_graph_strings(&call->node, "kinds");
    infer_onnx_value parts[MAX_KINDS];
    BASE_CHECK(kinds.n <= MAX_KINDS);
    for (int i = 0; i < kinds.n; i++) parts[i] = pool_kind(call, kinds.items[i]);
    return kinds.n == 1 ? parts[0] : joined(call->onnx, kinds.n, parts, 1);
}

/* Where the splits of one level look, each twice: for going left and for going right. */
static infer_onnx_value forest_units(const infer_onnx_layer *call, int64_t trees, int64_t splits) {
    infer_onnx_shape shape = {INFER_ONNX_INT64, 3, {trees, splits, 2}};
    int64_t *unit = infer_onnx_take(call->onnx, trees * splits * 2, sizeof *unit);
    for (int64_t i = 0; unit != NULL && i < trees * splits * 2; i++) {
        int64_t tree = i / (2 * splits), split = splits - 1 + i / 2 % splits;
        unit[i] = nn_forest_unit(call->node.plan, call->node.state, tree, split);
    }
    return infer_onnx_constant(call->onnx, shape, unit);
}

/* Leaves over the number of trees, [trees * leaves, classes]. */
static infer_onnx_value forest_leaves(const infer_onnx_layer *call, int64_t trees, int64_t n,
                                      int64_t classes) {
    infer_onnx *onnx = call->onnx;
    infer_onnx_shape shape = {INFER_ONNX_FLOAT, 2, {classes, n}};
    float *leaves = infer_onnx_take(onnx, n * classes, sizeof *leaves);
    if (leaves == NULL) return "";
    nn_forest_leaves(call->node.options, call->node.plan, call->node.param, call->node.state,
                     leaves);
    for (int64_t i = 0; i < n * classes; i++) leaves[i] /= (float)trees;
    infer_onnx_value rows = infer_onnx_constant(onnx, shape, leaves);
    return infer_onnx_transpose(onnx, rows, 2, (int64_t[]){1, 0});
}

/* Level by level: the probability of arriving at a split times that of going left and right. */
static infer_onnx_value emit_forest(const infer_onnx_layer *call) {
    infer_onnx *onnx = call->onnx;
    int64_t trees = infer_graph_int(&call->node, "trees"), n = 1;
    infer_onnx_shape pair = {INFER_ONNX_FLOAT, 1, {2}};
    infer_onnx_value sign = infer_onnx_constant(onnx, pair, (float[]){1, -1}), reach = NULL;
    for (int64_t level = 0; level < infer_graph_int(&call->node, "depth"); level++, n *= 2) {
        infer_onnx_value go = INFER_OP(onnx, "Gather", call->x[0], forest_units(call, trees, n));
        infer_onnx_set_int(onnx, "axis", 1);
        go = INFER_OP(onnx, "Sigmoid", INFER_OP(onnx, "Mul", go, sign));
        nn_shape arriving = nn_shape_make(3, (int64_t[]){trees, n, 1});
        reach =
            level == 0 ? go : INFER_OP(onnx, "Mul", infer_onnx_reshape(onnx, reach, arriving), go);
    }
    n *= trees;
    reach = infer_onnx_reshape(onnx, reach, nn_shape_make(1, &n));
    int64_t classes = call->node.plan->out.dim[0];
    infer_onnx_value p = INFER_OP(onnx, "MatMul", reach, forest_leaves(call, trees, n, classes));
    return INFER_OP(onnx, "Log", INFER_OP(onnx, "Add", p, infer_onnx_float(onnx, NN_FOREST_TINY)));
}

/* ---- arrangement ---- */

static infer_onnx_value emit_reshape(const infer_onnx_layer *call) {
    return infer_onnx_reshape(call->onnx, call->x[0], call->node.plan->out);
}

static infer_onnx_value emit_permute(const infer_onnx_layer *call) {
    base_ints order = infer_graph_ints(&call->node, "order");
    int64_t axes[1 + NN_MAX_RANK] = {0};
    for (int i = 0; i < order.n; i++) axes[1 + i] = 1 + order.items[i];
    return infer_onnx_transpose(call->onnx, call->x[0], 1 + order.n, axes);
}

static infer_onnx_value emit_to_sequence(const infer_onnx_layer *call) {
    infer_onnx_value x = infer_onnx_transpose(call->onnx, call->x[0], 4, (int64_t[]){0, 3, 1, 2});
    return infer_onnx_reshape(call->onnx, x, call->node.plan->out);
}

static infer_onnx_value emit_to_image(const infer_onnx_layer *call) {
    infer_onnx_value x = infer_onnx_transpose(call->onnx, call->x[0], 3, (int64_t[]){0, 2, 1});
    return infer_onnx_reshape(call->onnx, x, call->node.plan->out);
}

/* ---- several inputs ---- */

/* The second input may lack trailing axes of the first, or have extent 1 there. */
static infer_onnx_value second_input(const infer_onnx_layer *call) {
    nn_shape a = call->node.plan->in[0], b = call->node.plan->in[1];
    if (a.rank == b.rank) return call->x[1];
    while (b.rank > a.rank) b.rank--;
    while (b.rank < a.rank) b.dim[b.rank++] = 1;
    return infer_onnx_reshape(call->onnx, call->x[1], b);
}

static infer_onnx_value emit_add(const infer_onnx_layer *call) {
    return INFER_OP(call->onnx, "Add", call->x[0], second_input(call));
}

static infer_onnx_value emit_multiply(const infer_onnx_layer *call) {
    return INFER_OP(call->onnx, "Mul", call->x[0], second_input(call));
}

static infer_onnx_value emit_concatenate(const infer_onnx_layer *call) {
    const nn_plan *plan = call->node.plan;
    return joined(call->onnx, plan->n_in, call->x, plan->out.rank == 2 ? 2 : 1);
}

/* ---- the network ---- */

typedef struct {
    const nn_layer *layer;
    emit *emit;
    enum {
        KEEPS_ZEROS = 1, /* past the length y is zero if x is */
        MAKES_ZEROS = 2, /* past the length y is zero whatever x is */
        NEEDS_ZEROS = 4  /* takes x for zero past the length */
    } traits;
} form;

static const form forms[] = {
    {&nn_layer_conv2d, emit_conv2d, 0},
    {&nn_layer_linear, emit_linear, 0},
    {&nn_layer_forest, emit_forest, 0},
    {&nn_layer_gru, infer_onnx_gru, MAKES_ZEROS},
    {&nn_layer_rnn, infer_onnx_rnn, MAKES_ZEROS},
    {&nn_layer_lstm, infer_onnx_lstm, MAKES_ZEROS},
    {&nn_layer_batch_norm, emit_batch_norm, 0},
    {&nn_layer_layer_norm, emit_layer_norm, 0},
    {&nn_layer_dropout, emit_nothing, KEEPS_ZEROS},
    {&nn_layer_stochastic_depth, emit_nothing, KEEPS_ZEROS},
    {&nn_layer_max_pool, emit_max_pool, 0},
    {&nn_layer_avg_pool, emit_avg_pool, NEEDS_ZEROS},
    {&nn_layer_adaptive_pool, emit_adaptive_pool, 0},
    {&nn_layer_global_pool, emit_global_pool, NEEDS_ZEROS},
    {&nn_layer_time_pool, emit_time_pool, NEEDS_ZEROS},
    {&nn_layer_flatten, emit_reshape, 0},
    {&nn_layer_reshape, emit_reshape, 0},
    {&nn_layer_permute, emit_permute, KEEPS_ZEROS},
    {&nn_layer_to_sequence, emit_to_sequence, KEEPS_ZEROS},
    {&nn_layer_to_image, emit_to_image, KEEPS_ZEROS},
    {&nn_layer_add, emit_add, 0},
    {&nn_layer_multiply, emit_multiply, KEEPS_ZEROS},
    {&nn_layer_concatenate, emit_concatenate, 0},
};

static const form *find_form(const nn_layer *layer) {
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        if (forms[i].layer == layer) return &forms[i];
    }
    return NULL;
}

bool infer_onnx_knows(const nn_layer *layer) {
    return find_form(layer) != NULL || layer->map != NULL;
}

/* A layer's form; an elementwise layer brings its own along. `emit` is NULL: there is none. */
static form form_of(const nn_graph_node *node) {
    nn_function f;
    const form *own = find_form(node->layer);
    if (own != NULL) return *own;
    if (!nn_layer_function(node->layer, node->options, &f) || f.onnx == NULL) return (form){0};
    return (form){node->layer, infer_onnx_map, infer_graph_keeps_zero(&f) ? KEEPS_ZEROS : 0};
}

/* The layer's lengths as a table of what it answers: each distinct answer is a value of its own.
 * NULL: all frames are valid. */
static infer_onnx_value length_after(infer_onnx *onnx, const nn_graph_node *node,
                                     infer_onnx_value length) {
    int axis = nn_shape_time_axis(node->plan->out);
    if (length == NULL || axis < 0) return NULL;
    nn_shape in = node->plan->in[0];
    int64_t n_in = in.dim[nn_shape_time_axis(in)], extent = node->plan->out.dim[axis];
    int32_t *table = infer_onnx_take(onnx, n_in + 1, sizeof *table);
    if (table == NULL) return NULL;
    bool all = true, same = n_in == extent;
    for (int64_t i = 0; i <= n_in; i++) {
        table[i] = (int32_t)nn_graph_length(node, i);
        all = all && table[i] == extent;
        same = same && (i == 0 || table[i] == i);
    }
    if (all) return NULL;
    if (same) return length;
    infer_onnx_shape shape = {INFER_ONNX_INT32, 1, {n_in + 1}};
    return INFER_OP(onnx, "Gather", infer_onnx_constant(onnx, shape, table), length);
}

static base_status emit_node(infer_onnx *onnx, const nn_graph_node *node, infer_onnx_signal *values,
                             base_error *err) {
    form f = form_of(node);
    if (f.emit == NULL) {
        return base_fail(err, BASE_ESHAPE, "network[%s].%s has no form in ONNX", node->path,
                         node->layer->variant.name);
    }
    infer_onnx_signal x = values[node->in[0]];
    infer_onnx_layer call = {.onnx = onnx, .node = *node, .length = x.length};
    for (int i = 0; i < node->plan->n_in; i++) call.x[i] = values[node->in[i]].x;
    onnx->scope = base_arena_printf(&onnx->arena, "%s%s/", onnx->member, node->path);
    if (onnx->scope == NULL) return base_fail(err, BASE_EMEMORY, "export: out of memory");
    if (x.is_raw && f.traits & NEEDS_ZEROS) call.x[0] = filled(&call, 0);
    infer_onnx_signal y = {.x = f.emit(&call), .length = length_after(onnx, node, x.length)};
    bool same = y.length == x.length;
    bool masked = same && (f.traits & MAKES_ZEROS || (f.traits & KEEPS_ZEROS && !x.is_raw));
    if (y.length != NULL && !masked) {
        y.x = infer_onnx_mask_frames(onnx, y.x, y.length, node->plan->out, 0);
    }
    values[node->out] = y;
    return BASE_OK;
}

base_status infer_onnx_network(infer_onnx *onnx, const nn_network *network,
                               infer_onnx_signal features, infer_onnx_value *logits,
                               base_error *err) {
    int n = nn_network_n_rows(network);
    infer_onnx_signal *values = base_arena_alloc(&onnx->arena, (size_t)n + 1, sizeof *values);
    if (values == NULL) return base_fail(err, BASE_EMEMORY, "export: out of memory");
    values[0] = features;
    values[0].is_raw = features.length != NULL;
    for (int i = 0; i < n; i++) {
        nn_graph_node node = nn_network_node(network, i);
        BASE_TRY(emit_node(onnx, &node, values, err));
    }
    onnx->scope = "";
    *logits = values[n].x;
    return BASE_OK;
}
