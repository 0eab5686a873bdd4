/* Where the network's values lie, how many of their frames are valid, and in what order all that is
 * written down. */
#include <string.h>

#include "infer/export/c.h"

enum { ROUND = 16 /* floats */ };

static nn_graph_node node_at(const export_c *e, int layer) {
    return nn_network_node(e->network, layer);
}

/* A normalisation that the convolution before it does by other weights. */
static bool is_folded(const export_c *e, int layer) {
    nn_graph_node node = node_at(e, layer);
    if (layer == 0 || node.layer != &nn_layer_batch_norm || node.in[0] != layer) return false;
    nn_graph_node before = node_at(e, layer - 1);
    return before.layer == &nn_layer_conv2d && e->last_reader[layer] == layer &&
           e->n_readers[layer] == 1;
}

static base_status find_readers(export_c *e) {
    size_t n = (size_t)e->n_layers + 1;
    e->last_reader = base_arena_alloc(&e->arena, n, sizeof *e->last_reader);
    e->n_readers = base_arena_alloc(&e->arena, n, sizeof *e->n_readers);
    e->values = base_arena_alloc(&e->arena, n, sizeof *e->values);
    e->buffers = base_arena_alloc(&e->arena, n, sizeof *e->buffers);
    e->maps = base_arena_alloc(&e->arena, n, sizeof *e->maps);
    if (e->last_reader == NULL || e->n_readers == NULL || e->values == NULL || e->buffers == NULL ||
        e->maps == NULL) {
        return export_c_no_memory(e);
    }
    for (int k = 0; k < e->n_layers; k++) {
        nn_graph_node node = node_at(e, k);
        for (int i = 0; i < node.plan->n_in; i++) {
            e->last_reader[node.in[i]] = k;
            e->n_readers[node.in[i]]++;
        }
    }
    e->last_reader[e->n_layers] = e->n_layers;
    return BASE_OK;
}

/* ---- buffers ---- */

static void new_buffer(export_c *e, int value, nn_shape shape, int birth) {
    int64_t n = (nn_shape_count(shape) + ROUND - 1) / ROUND * ROUND;
    e->values[value].buffer = e->n_buffers;
    e->buffers[e->n_buffers++] =
        (export_c_buffer){.n = n, .birth = birth, .death = e->last_reader[value]};
}

static void share_buffer(export_c *e, int value, int with) {
    int index = e->values[with].buffer;
    export_c_buffer *buffer = &e->buffers[index];
    e->values[value].buffer = index;
    if (e->last_reader[value] > buffer->death) buffer->death = e->last_reader[value];
}

/* Whether the layer, of which nothing else might remain, makes its output zero past the length: the
 * network's input is not. */
static bool cleans(const export_c *e, const nn_graph_node *node) {
    return node->in[0] == 0 && infer_model_masks(e->model) &&
           nn_shape_time_axis(node->plan->out) >= 0;
}

static void give_buffers(export_c *e) {
    new_buffer(e, 0, nn_network_get_config(e->network)->input, -1);
    for (int k = 0; k < e->n_layers; k++) {
        nn_graph_node node = node_at(e, k);
        const export_c_buffer *x = &e->buffers[e->values[node.in[0]].buffer];
        bool is_free = x->death == k;
        if (is_folded(e, k) || (export_c_is_identity(&node) && !cleans(e, &node)) ||
            (is_free && export_c_works_in_place(&node))) {
            share_buffer(e, k + 1, node.in[0]);
        } else {
            new_buffer(e, k + 1, node.plan->out, k);
        }
    }
}

static bool fits(const export_c *e, int index, int64_t at) {
    const export_c_buffer *own = &e->buffers[index];
    for (int i = 0; i < index; i++) {
        const export_c_buffer *other = &e->buffers[i];
        bool in_time = own->birth <= other->death && other->birth <= own->death;
        if (in_time && at < other->at + other->n && other->at < at + own->n) return false;
    }
    return true;
}

/* The lowest place that is free for as long as the buffer lives: 0 or behind another one. */
static void place_buffer(export_c *e, int index) {
    int64_t best = fits(e, index, 0) ? 0 : INT64_MAX;
    for (int i = 0; i < index; i++) {
        int64_t at = e->buffers[i].at + e->buffers[i].n;
        if (at < best && fits(e, index, at)) best = at;
    }
    e->buffers[index].at = best;
    int64_t end = best + e->buffers[index].n;
    if (end > e->n_values) e->n_values = end;
}

/* ---- lengths ---- */

static int64_t extent_of_time(nn_shape shape) {
    return shape.dim[nn_shape_time_axis(shape)];
}

/* How the valid frames after a layer follow from those before it: window by window, or by a table.
 */
static const char *new_length(export_c *e, int layer, const char *before) {
    nn_graph_node node = node_at(e, layer);
    int64_t span, zeros, stride, n_in = extent_of_time(node.plan->in[0]);
    const char *after = export_c_format(e, "n%d", layer + 1);
    if (strcmp(before, "n0") == 0) e->reads_length = true;
    if (export_c_window(&node, &span, &zeros, &stride)) {
        const char *room =
            zeros == 0 ? before : export_c_format(e, "%s + %lld", before, (long long)zeros);
        base_text_printf(&e->body, "    const int %s = model_frames(%s, %lld, %lld, %lld);\n",
                         after, room, (long long)span, (long long)stride,
                         (long long)extent_of_time(node.plan->out));
        return after;
    }
    int *table = base_arena_alloc(&e->arena, (size_t)n_in + 1, sizeof *table);
    if (table == NULL) {
        e->failed = true;
        return after;
    }
    for (int64_t i = 0; i <= n_in; i++) table[i] = (int)nn_graph_length(&node, i);
    const char *name = export_c_format(e, "frames_%d", layer);
    export_c_ints(&e->constants, name, table, n_in + 1);
    base_text_printf(&e->body, "    const int %s = model_%s[%s];\n", after, name, before);
    return after;
}

static void find_length(export_c *e, int layer) {
    nn_graph_node node = node_at(e, layer);
    const char *before = e->values[node.in[0]].length;
    if (before == NULL || nn_shape_time_axis(node.plan->out) < 0) return;
    int64_t n_in = extent_of_time(node.plan->in[0]), n_out = extent_of_time(node.plan->out);
    bool all = true, same = true;
    for (int64_t i = 1; i <= n_in; i++) {
        int64_t after = nn_graph_length(&node, i);
        all = all && after == n_out;
        same = same && after == i;
    }
    if (all) return;
    e->values[layer + 1].length = same ? before : new_length(e, layer, before);
}

/* ---- writing ---- */

static const char *buffer_name(export_c *e, int value) {
    return export_c_format(e, "b%d", e->values[value].buffer);
}

static void write_title(export_c *e, int layer, bool folds) {
    nn_graph_node node = node_at(e, layer);
    char text[64];
    base_text_printf(&e->body, "\n    /* %s: %s%s, gives %s */\n", node.path,
                     node.layer->variant.name, folds ? " and batch_norm" : "",
                     nn_shape_text(node.plan->out, false, text));
}

static base_status write_layer(export_c *e, int layer) {
    nn_graph_node next = {0};
    export_c_call call = {.e = e, .index = layer, .node = node_at(e, layer)};
    bool folds = layer + 1 < e->n_layers && is_folded(e, layer + 1);
    if (folds) {
        next = node_at(e, layer + 1);
        call.norm = &next;
    }
    write_title(e, layer, folds);
    find_length(e, layer);
    for (int i = 0; i < call.node.plan->n_in; i++) call.x[i] = buffer_name(e, call.node.in[i]);
    call.y = buffer_name(e, layer + 1);
    call.n_in = e->values[call.node.in[0]].length;
    call.n_out = e->values[layer + 1].length;
    return export_c_layer(&call);
}

/* Pointers to all buffers. */
static void write_buffers(export_c *e) {
    for (int i = 0; i < e->n_buffers; i++) {
        const export_c_buffer *b = &e->buffers[i];
        base_text_printf(&e->body, "    float *const b%d = work->values + %lld; /* [%lld] */\n", i,
                         (long long)b->at, (long long)b->n);
    }
}

static base_status write_layers(export_c *e) {
    for (int k = 0; k < e->n_layers; k++) {
        nn_graph_node node = node_at(e, k);
        if (is_folded(e, k) || (export_c_is_identity(&node) && !cleans(e, &node))) {
            find_length(e, k);
        } else {
            BASE_TRY(write_layer(e, k));
        }
    }
    return BASE_OK;
}

/* network.c of the template. */
static void write_network(export_c *e) {
    base_text *text = &e->network_text;
    base_text_add(text, base_text_string(&e->functions));
    base_text_add(text, base_text_string(&e->constants));
    base_text_add(text, "\n"
                        "/* From features, at work->values and with n0 valid frames, to logits. "
                        "Layer by layer one\n"
                        " * buffer is read and another filled; two share memory unless both are "
                        "needed at the same\n"
                        " * time. */\n"
                        "static const float *model_network(model_work *work, int n0) {\n");
    if (!e->reads_length) base_text_add(text, "    (void)n0;\n");
    base_text_add(text, base_text_string(&e->body));
    base_text_printf(text, "\n    return b%d;\n}\n", e->values[e->n_layers].buffer);
    e->failed |= e->functions.failed || e->constants.failed || e->body.failed || text->failed;
}

base_status export_c_network(export_c *e) {
    BASE_TRY(find_readers(e));
    give_buffers(e);
    for (int i = 0; i < e->n_buffers; i++) place_buffer(e, i);
    if (e->n_values > INT32_MAX) {
        return base_fail(e->err, BASE_ESHAPE, "the network's values are too many for C's int");
    }
    write_buffers(e);
    if (infer_model_masks(e->model)) e->values[0].length = "n0";
    BASE_TRY(write_layers(e));
    write_network(e);
    return BASE_OK;
}
