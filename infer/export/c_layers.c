/* Each layer's constants and calls. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "infer/export/c.h"
#include "nn/layers/options.h"

static nn_shape shape_in(const export_c_call *call) {
    return call->node.plan->in[0];
}

static nn_shape shape_out(const export_c_call *call) {
    return call->node.plan->out;
}

static const char *name_of(const export_c_call *call, const char *what) {
    return export_c_format(call->e, "%s_%d", what, call->index);
}

/* What lies `offset` numbers behind the start of a buffer. */
static const char *place(export_c *e, const char *buffer, int64_t offset) {
    return offset == 0 ? buffer : export_c_format(e, "%s + %lld", buffer, (long long)offset);
}

static float *tensor(const export_c_call *call, const char *name) {
    return nn_plan_find(call->node.plan, name, (float *)call->node.param);
}

/* Writes weights; what refers to them in a struct: "w" or "w, w_scale". */
static base_status weights(const export_c_call *call, const char *name, export_c_matrix m,
                           const char **reference) {
    export_c *e = call->e;
    const char *c_name = name_of(call, name);
    BASE_TRY(export_c_weights(e, c_name, m));
    *reference = e->int8 ? export_c_format(e, "model_%s, model_%s_scale", c_name, c_name)
                         : export_c_format(e, "model_%s", c_name);
    return BASE_OK;
}

/* ---- convolution and normalisation ---- */

typedef struct {
    int64_t n;
    float *scale, *shift;
} channel_maps;

/* What a batch_norm does to each channel: scale x + shift. */
static base_status make_maps(export_c *e, const nn_graph_node *norm, channel_maps *maps) {
    const nn_plan *plan = norm->plan;
    nn_shape in = plan->in[0];
    const float *weight = nn_plan_find(plan, "weight", (float *)norm->param);
    const float *bias = nn_plan_find(plan, "bias", (float *)norm->param);
    const float *mean = nn_plan_find(plan, "running_mean", (float *)norm->state);
    const float *variance = nn_plan_find(plan, "running_var", (float *)norm->state);
    double eps = infer_graph_float(norm, "eps");
    maps->n = in.rank == 3 ? in.dim[0] : in.dim[in.rank - 1];
    maps->scale = base_arena_alloc(&e->arena, (size_t)maps->n, sizeof *maps->scale);
    maps->shift = base_arena_alloc(&e->arena, (size_t)maps->n, sizeof *maps->shift);
    if (maps->scale == NULL || maps->shift == NULL) return export_c_no_memory(e);
    for (int64_t i = 0; i < maps->n; i++) {
        double scale = 1.0 / sqrt((double)variance[i] + eps);
        if (weight != NULL) scale *= (double)weight[i];
        maps->scale[i] = (float)scale;
        maps->shift[i] = (float)((bias != NULL ? (double)bias[i] : 0.0) - scale * (double)mean[i]);
    }
    return BASE_OK;
}

/* The convolution's weights and bias with the normalisation in them. What integers stand for goes
 * back into the network's own weights. */
static base_status fold_norm(const export_c_call *call, export_c_matrix m, float *bias,
                             const char **reference) {
    channel_maps maps;
    BASE_TRY(make_maps(call->e, call->norm, &maps));
    for (int64_t i = 0; i < m.rows; i++) {
        bias[i] = bias[i] * maps.scale[i] + maps.shift[i];
        for (int64_t j = 0; j < m.n; j++) m.data[i * m.n + j] *= maps.scale[i];
    }
    BASE_TRY(weights(call, "weight", m, reference));
    for (int64_t i = 0; i < m.rows; i++) {
        float back = maps.scale[i] != 0 ? 1 / maps.scale[i] : 0;
        for (int64_t j = 0; j < m.n; j++) m.data[i * m.n + j] *= back;
    }
    return BASE_OK;
}

static base_status convolution_weights(const export_c_call *call, const char **weight,
                                       const char **bias) {
    const nn_shape shape = call->node.plan->tensor[0].shape;
    int64_t out = shape.dim[0];
    export_c_matrix m = {tensor(call, "weight"), out, nn_shape_count(shape) / out};
    const float *own = tensor(call, "bias");
    *bias = "NULL";
    if (call->norm == NULL) {
        if (own != NULL) *bias = export_c_tensor(call, "bias");
        return weights(call, "weight", m, weight);
    }
    float *folded = base_arena_alloc(&call->e->arena, (size_t)out, sizeof *folded);
    if (folded == NULL) return export_c_no_memory(call->e);
    for (int64_t i = 0; own != NULL && i < out; i++) folded[i] = own[i];
    BASE_TRY(fold_norm(call, m, folded, weight));
    const char *name = name_of(call, "bias");
    export_c_constant(call->e, name, folded, out);
    *bias = export_c_format(call->e, "model_%s", name);
    return BASE_OK;
}

static base_status add_convolution(const export_c_call *call) {
    export_c *e = call->e;
    const nn_graph_node *node = &call->node;
    const int64_t *in = shape_in(call).dim, *out = shape_out(call).dim;
    const char *weight = "", *bias = "";
    int64_t pads[4], pair[6];
    BASE_TRY(convolution_weights(call, &weight, &bias));
    nn_conv2d_pads(node->options, shape_in(call), pads);
    static const char *const keys[] = {"kernel", "stride", "dilation"};
    for (int i = 0; i < 6; i++) pair[i] = nn_pair_item(infer_graph_ints(node, keys[i / 2]), i % 2);
    base_text_printf(&e->constants,
                     "static const model_convolution model_layer_%d = {\n"
                     "    %lld, %lld, %lld, %lld, %lld, %lld, %lld, %lld, %lld, %lld, %lld, %lld, "
                     "%lld, %lld, %lld,\n    %s, %s};\n",
                     call->index, (long long)in[0], (long long)in[1], (long long)in[2],
                     (long long)out[0], (long long)out[1], (long long)out[2], (long long)pair[0],
                     (long long)pair[1], (long long)pair[2], (long long)pair[3], (long long)pair[4],
                     (long long)pair[5], (long long)pads[0], (long long)pads[1],
                     (long long)nn_conv2d_groups(node->options, shape_in(call)), weight, bias);
    return BASE_OK;
}

static base_status write_conv2d(const export_c_call *call) {
    BASE_TRY(add_convolution(call));
    base_text_printf(&call->e->body, "    model_conv2d(&model_layer_%d, %s, %s, %s);\n",
                     call->index, call->x[0], call->y, export_c_frames_out(call));
    return BASE_OK;
}

static base_status write_batch_norm(const export_c_call *call) {
    export_c *e = call->e;
    nn_shape in = shape_in(call);
    channel_maps maps;
    BASE_TRY(make_maps(e, &call->node, &maps));
    const char *scale = name_of(call, "scale"), *shift = name_of(call, "shift");
    export_c_constant(e, scale, maps.scale, maps.n);
    export_c_constant(e, shift, maps.shift, maps.n);
    long long rows = in.rank == 2 ? (long long)in.dim[0] : 1;
    long long n = in.rank == 3 ? (long long)(in.dim[1] * in.dim[2]) : 1;
    base_text_printf(&call->e->body,
                     "    model_scale(%s, %s, %lld, %lld, %lld, model_%s, model_%s);\n", call->x[0],
                     call->y, rows, (long long)maps.n, n, scale, shift);
    export_c_clear(call);
    return BASE_OK;
}

/* ---- matrices ---- */

/* "{in, out, weight, bias}" of a named pair of tensors. */
static base_status matrix(const export_c_call *call, const char *weight_name, const char *bias_name,
                          const char **text) {
    const char *weight;
    nn_shape shape = nn_plan_tensor_named(call->node.plan, weight_name)->shape;
    int64_t out = shape.dim[0], in = shape.dim[1];
    export_c_matrix m = {tensor(call, weight_name), out, in};
    BASE_TRY(weights(call, weight_name, m, &weight));
    const char *bias = export_c_tensor(call, bias_name);
    *text = export_c_format(call->e, "{%lld, %lld, %s, %s}", (long long)in, (long long)out, weight,
                            bias);
    return BASE_OK;
}

static base_status write_linear(const export_c_call *call) {
    export_c *e = call->e;
    const char *text;
    BASE_TRY(matrix(call, "weight", "bias", &text));
    base_text_printf(&e->constants, "static const model_matrix model_layer_%d = %s;\n", call->index,
                     text);
    nn_shape in = shape_in(call);
    long long rows = in.rank == 2 ? (long long)in.dim[0] : 1;
    base_text_printf(&call->e->body, "    model_linear(&model_layer_%d, %s, %s, %lld, %s);\n",
                     call->index, call->x[0], call->y, rows,
                     in.rank == 2 ? export_c_frames_in(call) : "1");
    return BASE_OK;
}

static base_status write_forest(const export_c_call *call) {
    export_c *e = call->e;
    const nn_graph_node *node = &call->node;
    int64_t trees = infer_graph_int(node, "trees"), depth = infer_graph_int(node, "depth");
    int64_t n_leaves = (int64_t)1 << depth, n_splits = trees * (n_leaves - 1);
    int64_t classes = shape_out(call).dim[0], n = classes * trees * n_leaves;
    int *unit = base_arena_alloc(&e->arena, (size_t)n_splits, sizeof *unit);
    float *leaves = base_arena_alloc(&e->arena, (size_t)n, sizeof *leaves);
    if (unit == NULL || leaves == NULL) return export_c_no_memory(e);
    for (int64_t i = 0; i < n_splits; i++) {
        unit[i] =
            (int)nn_forest_unit(node->plan, node->state, i / (n_leaves - 1), i % (n_leaves - 1));
    }
    nn_forest_leaves(node->options, node->plan, node->param, node->state, leaves);
    for (int64_t i = 0; i < n; i++) leaves[i] /= (float)trees;
    const char *reach = export_c_scratch(e, call->index, n_leaves);
    export_c_ints(&e->constants, name_of(call, "unit"), unit, n_splits);
    export_c_constant(e, name_of(call, "leaves"), leaves, n);
    base_text_printf(&e->constants,
                     "static const model_trees model_layer_%d = {%lld, %lld, %lld, model_unit_%d, "
                     "model_leaves_%d};\n",
                     call->index, (long long)trees, (long long)depth, (long long)classes,
                     call->index, call->index);
    base_text_printf(&call->e->body, "    model_forest(&model_layer_%d, %s, %s, %s);\n",
                     call->index, call->x[0], call->y, reach);
    return BASE_OK;
}

/* ---- recurrent layers ---- */

typedef struct {
    const char *cell; /* of the C */
    int n_gates;
} recurrent_form;

static recurrent_form recurrent_form_of(const nn_graph_node *node) {
    if (node->layer == &nn_layer_gru) return (recurrent_form){"gru", 3};
    if (node->layer == &nn_layer_lstm) return (recurrent_form){"lstm", 4};
    bool relu = infer_graph_choice(node, "nonlinearity") == 1;
    return relu ? (recurrent_form){"rnn_relu", 1} : (recurrent_form){"rnn_tanh", 1};
}

static base_status recurrence(const export_c_call *call, int layer, int direction) {
    export_c *e = call->e;
    const char *text[2];
    static const char *const kinds[2] = {"ih", "hh"};
    for (int i = 0; i < 2; i++) {
        char weight[32], bias[32];
        const char *end = direction ? "_reverse" : "";
        snprintf(weight, sizeof weight, "weight_%s_l%d%s", kinds[i], layer, end);
        snprintf(bias, sizeof bias, "bias_%s_l%d%s", kinds[i], layer, end);
        BASE_TRY(matrix(call, weight, bias, &text[i]));
    }
    base_text_printf(
        &e->constants,
        "static const model_recurrence model_layer_%d_%d%s = {%lld, %lld, %d,\n    %s,\n    %s};\n",
        call->index, layer, direction ? "r" : "", (long long)shape_in(call).dim[0],
        (long long)infer_graph_int(&call->node, "hidden"), direction, text[0], text[1]);
    return BASE_OK;
}

static base_status write_recurrent(const export_c_call *call) {
    export_c *e = call->e;
    const nn_graph_node *node = &call->node;
    recurrent_form form = recurrent_form_of(node);
    int64_t hidden = infer_graph_int(node, "hidden"), layers = infer_graph_int(node, "layers");
    int directions = infer_graph_bool(node, "bidirectional") ? 2 : 1;
    int64_t step = directions * hidden, sequence = shape_in(call).dim[0] * step;
    const char *cell = export_c_scratch(e, call->index, (2 * form.n_gates + 2) * hidden);
    const char *between[2] = {"", ""}; /* layers of the stack, by turns */
    for (int i = 0; i < 2 && i < layers - 1; i++) {
        between[i] = export_c_scratch(e, call->index, sequence);
    }
    const char *x = call->x[0];
    for (int l = 0; l < layers; l++) {
        bool is_last = l == layers - 1, keeps_last = is_last && shape_out(call).rank == 1;
        const char *y = is_last ? call->y : between[l % 2];
        for (int d = 0; d < directions; d++) {
            BASE_TRY(recurrence(call, l, d));
            base_text_printf(&call->e->body,
                             "    model_recur(&model_layer_%d_%d%s, model_%s, %s, %s, %lld, %s, "
                             "%s);\n",
                             call->index, l, d ? "r" : "", form.cell, x, place(e, y, d * hidden),
                             keeps_last ? 0 : (long long)step, export_c_frames_in(call), cell);
        }
        x = y;
    }
    return BASE_OK;
}

/* ---- pooling ---- */

static void add_pool(const export_c_call *call) {
    const nn_pool_options *o = call->node.options;
    const int64_t *in = shape_in(call).dim, *out = shape_out(call).dim;
    base_ints stride = nn_pool_stride(o);
    int64_t pads[4];
    nn_pool_pads(o, shape_in(call), pads);
    base_text_printf(
        &call->e->constants,
        "static const model_pool model_layer_%d = {%lld, %lld, %lld, %lld, %lld, %lld, %lld, "
        "%lld, %lld, %lld, %lld};\n",
        call->index, (long long)in[0], (long long)in[1], (long long)in[2], (long long)out[1],
        (long long)out[2], (long long)nn_pair_item(o->kernel, 0),
        (long long)nn_pair_item(o->kernel, 1), (long long)nn_pair_item(stride, 0),
        (long long)nn_pair_item(stride, 1), (long long)pads[0], (long long)pads[1]);
}

static const char *pool_name(const export_c_call *call) {
    return call->node.layer == &nn_layer_max_pool ? "max_pool" : "avg_pool";
}

/* The frames of x that the pool reads. A window of one that tiles is valid as a whole or not. */
static const char *pool_frames_in(const export_c_call *call) {
    bool max = call->node.layer == &nn_layer_max_pool;
    return max && nn_pool_is_tiling(call->node.options)
               ? export_c_format(call->e, "%lld", (long long)shape_in(call).dim[2])
               : export_c_frames_in(call);
}

static base_status write_pool(const export_c_call *call) {
    add_pool(call);
    base_text_printf(&call->e->body,
                     "    model_pool_image(&model_layer_%d, model_%s_row, %s, %s, %s, %s);\n",
                     call->index, pool_name(call), call->x[0], pool_frames_in(call), call->y,
                     export_c_frames_out(call));
    return BASE_OK;
}

bool export_c_pools_rows(const nn_graph_node *node) {
    if (node->layer != &nn_layer_max_pool && node->layer != &nn_layer_avg_pool) return false;
    const nn_pool_options *o = node->options;
    return nn_pair_item(nn_pool_stride(o), 0) >= nn_pair_item(o->kernel, 0);
}

int64_t export_c_pool_rows(const nn_graph_node *pool) {
    const nn_pool_options *o = pool->options;
    return nn_pair_item(o->kernel, 0);
}

static void write_map_of_rows(const export_c_call *call) {
    base_text *body = &call->e->body;
    long long width = (long long)shape_out(call).dim[2];
    base_text_add(body, "            ");
    export_c_apply_map(call, call->x[0], export_c_format(call->e, "rows * %lld", width));
    if (export_c_map_keeps_zero(call) || call->n_out == NULL) return;
    base_text_printf(body, "            model_clear(%s, rows, %lld, 1, %s);\n", call->y, width,
                     export_c_frames_out(call));
}

base_status export_c_strip(const export_c_call *call, int n) {
    const export_c_call *pool = &call[n - 1];
    const int64_t *out = shape_out(pool).dim;
    base_text *body = &call->e->body;
    BASE_TRY(add_convolution(call));
    add_pool(pool);
    base_text_printf(body,
                     "    for (int c = 0; c < %lld; c++) {\n"
                     "        for (int i = 0; i < %lld; i++) {\n"
                     "            const int rows = model_convolve_window(\n"
                     "                    &model_layer_%d, &model_layer_%d, %s, c, i, %s, %s);\n",
                     (long long)out[0], (long long)out[1], call->index, pool->index, call->x[0],
                     call->y, export_c_frames_out(call));
    for (int i = 1; i < n - 1; i++) {
        if (call[i].node.layer->map != NULL) write_map_of_rows(&call[i]);
    }
    base_text_printf(body,
                     "            model_%s_row(&model_layer_%d, %s, rows, %s,\n"
                     "                    %s + (c * %lld + i) * %lld, %s);\n"
                     "        }\n"
                     "    }\n",
                     pool_name(pool), pool->index, pool->x[0], pool_frames_in(pool), pool->y,
                     (long long)out[1], (long long)out[2], export_c_frames_out(pool));
    return BASE_OK;
}

static base_status write_global_pool(const export_c_call *call) {
    const int64_t *in = shape_in(call).dim;
    bool max = infer_graph_choice(&call->node, "kind") == 1;
    base_text_printf(&call->e->body, "    model_global_%s(%s, %s, %lld, %lld, %lld, %s);\n",
                     max ? "max" : "mean", call->x[0], call->y, (long long)in[0], (long long)in[1],
                     (long long)in[2], export_c_frames_in(call));
    return BASE_OK;
}

static const char *attention_arguments(const export_c_call *call) {
    export_c *e = call->e;
    const int64_t *in = shape_in(call).dim;
    const char *scratch = export_c_scratch(e, call->index, in[0]);
    const char *weight = export_c_tensor(call, "attention_weight");
    base_text bias = {0};
    export_c_number(&bias, *tensor(call, "attention_bias"));
    const char *text = export_c_format(e, ", %s, %s, %s", weight, base_text_string(&bias), scratch);
    e->failed |= bias.failed;
    base_text_release(&bias);
    return text;
}

static base_status write_time_pool(const export_c_call *call) {
    base_strings kinds = infer_graph_strings(&call->node, "kinds");
    int64_t features = shape_in(call).dim[1];
    for (int k = 0; k < kinds.n; k++) {
        bool attends = strcmp(kinds.items[k], "attention") == 0;
        const char *more = attends ? attention_arguments(call) : "";
        base_text_printf(&call->e->body, "    model_time_%s(%s, %s, %s, %lld%s);\n", kinds.items[k],
                         call->x[0], place(call->e, call->y, k * features),
                         export_c_frames_in(call), (long long)features, more);
    }
    return BASE_OK;
}

/* ---- moving and joining ---- */

/* Axis i of the output is axis order[i] of x[extent]. */
static base_status write_permuted(const export_c_call *call, const int64_t extent[3],
                                  const int order[3]) {
    const int64_t stride[3] = {extent[1] * extent[2], extent[2], 1};
    base_text_printf(&call->e->body,
                     "    model_permute(%s, %s, %lld, %lld, %lld, %lld, %lld, %lld);\n", call->x[0],
                     call->y, (long long)extent[order[0]], (long long)stride[order[0]],
                     (long long)extent[order[1]], (long long)stride[order[1]],
                     (long long)extent[order[2]], (long long)stride[order[2]]);
    if (export_c_is_raw(call)) export_c_clear(call);
    return BASE_OK;
}

static base_status write_permute(const export_c_call *call) {
    nn_shape in = shape_in(call);
    base_ints wanted = infer_graph_ints(&call->node, "order");
    int64_t extent[3] = {1, 1, 1};
    int order[3] = {0, 1, 2};
    for (int i = 0; i < in.rank; i++) {
        extent[i] = in.dim[i];
        order[i] = (int)wanted.items[i];
    }
    return write_permuted(call, extent, order);
}

static base_status write_to_sequence(const export_c_call *call) {
    const int64_t *in = shape_in(call).dim;
    return write_permuted(call, (const int64_t[3]){1, in[0] * in[1], in[2]},
                          (const int[3]){0, 2, 1});
}

static base_status write_to_image(const export_c_call *call) {
    const int64_t *in = shape_in(call).dim;
    return write_permuted(call, (const int64_t[3]){1, in[0], in[1]}, (const int[3]){0, 2, 1});
}

static base_status write_combination(const export_c_call *call) {
    const nn_plan *plan = call->node.plan;
    bool adds = call->node.layer == &nn_layer_add;
    int64_t outer = nn_shape_count(plan->in[1]);
    base_text_printf(&call->e->body, "    model_%s(%s, %s, %s, %lld, %lld);\n",
                     adds ? "add" : "multiply", call->x[0], call->x[1], call->y, (long long)outer,
                     (long long)(nn_shape_count(plan->out) / outer));
    if (adds || export_c_is_raw(call)) export_c_clear(call);
    return BASE_OK;
}

static base_status write_concatenate(const export_c_call *call) {
    const nn_plan *plan = call->node.plan;
    int64_t rows = plan->out.rank == 2 ? plan->out.dim[0] : 1;
    int64_t step = nn_shape_count(plan->out) / rows, at = 0;
    for (int i = 0; i < plan->n_in; i++) {
        int64_t width = nn_shape_count(plan->in[i]) / rows;
        base_text_printf(&call->e->body, "    model_copy_rows(%s, %s, %lld, %lld, %lld);\n",
                         call->x[i], place(call->e, call->y, at), (long long)rows, (long long)width,
                         (long long)step);
        at += width;
    }
    export_c_clear(call);
    return BASE_OK;
}

/* An identity, where it must leave zeros past the length. */
static base_status write_copy(const export_c_call *call) {
    if (strcmp(call->x[0], call->y) != 0) {
        base_text_printf(&call->e->body, "    model_copy_rows(%s, %s, 1, %lld, 0);\n", call->x[0],
                         call->y, (long long)nn_shape_count(shape_out(call)));
    }
    export_c_clear(call);
    return BASE_OK;
}

/* ---- all of them ---- */

typedef struct {
    const nn_layer *layer;
    base_status (*write)(const export_c_call *call); /* NULL: y = x */
    bool in_place;
} layer_form;

/* A layer that is not among them is called as the parameters of its function in the template say.
 */
static const layer_form forms[] = {
    {&nn_layer_conv2d, write_conv2d, false},
    {&nn_layer_linear, write_linear, false},
    {&nn_layer_forest, write_forest, false},
    {&nn_layer_gru, write_recurrent, false},
    {&nn_layer_lstm, write_recurrent, false},
    {&nn_layer_rnn, write_recurrent, false},
    {&nn_layer_batch_norm, write_batch_norm, true},
    {&nn_layer_layer_norm, export_c_function_call, true},
    {&nn_layer_dropout, NULL, true},
    {&nn_layer_stochastic_depth, NULL, true},
    {&nn_layer_max_pool, write_pool, false},
    {&nn_layer_avg_pool, write_pool, false},
    {&nn_layer_global_pool, write_global_pool, false},
    {&nn_layer_time_pool, write_time_pool, false},
    {&nn_layer_flatten, NULL, true},
    {&nn_layer_reshape, NULL, true},
    {&nn_layer_permute, write_permute, false},
    {&nn_layer_to_sequence, write_to_sequence, false},
    {&nn_layer_to_image, write_to_image, false},
    {&nn_layer_add, write_combination, false},
    {&nn_layer_multiply, write_combination, false},
    {&nn_layer_concatenate, write_concatenate, false},
};

static layer_form form_of(const nn_layer *layer) {
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        if (forms[i].layer == layer) return forms[i];
    }
    return layer->map != NULL ? (layer_form){layer, export_c_map_call, true}
                              : (layer_form){layer, export_c_function_call, false};
}

bool export_c_is_identity(const nn_graph_node *node) {
    return form_of(node->layer).write == NULL;
}

bool export_c_works_in_place(const nn_graph_node *node) {
    return form_of(node->layer).in_place;
}

bool export_c_knows(const nn_layer *layer) {
    return form_of(layer).write != export_c_function_call ||
           export_c_parameters(layer->variant.name) != NULL;
}

base_status export_c_layer(const export_c_call *call) {
    const nn_layer *layer = call->node.layer;
    if (export_c_is_identity(&call->node)) return write_copy(call);
    if (export_c_knows(layer)) return form_of(layer).write(call);
    return base_fail(call->e->err, BASE_ESHAPE, "network[%s].%s has no form in C", call->node.path,
                     layer->variant.name);
}

bool export_c_window(const nn_graph_node *node, int64_t *span, int64_t *zeros, int64_t *stride) {
    nn_shape in = node->plan->in[0];
    int64_t pads[4];
    if (node->layer == &nn_layer_conv2d) {
        int64_t kernel = nn_pair_item(infer_graph_ints(node, "kernel"), 1);
        *span = nn_pair_item(infer_graph_ints(node, "dilation"), 1) * (kernel - 1) + 1;
        *stride = nn_pair_item(infer_graph_ints(node, "stride"), 1);
        nn_conv2d_pads(node->options, in, pads);
    } else if (node->layer == &nn_layer_max_pool || node->layer == &nn_layer_avg_pool) {
        const nn_pool_options *o = node->options;
        *span = nn_pair_item(o->kernel, 1);
        *stride = nn_pair_item(nn_pool_stride(o), 1);
        nn_pool_pads(o, in, pads);
    } else {
        return false;
    }
    *zeros = pads[1] + pads[3];
    return true;
}
