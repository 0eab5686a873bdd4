/* Where the network's values lie, how many of their frames are valid, and in what order all that is
 * written down. */
#include <string.h>

#include "infer/export/c.h"

enum { ROUND = 16 /* floats */, MAX_BUFFERS_A_LAYER = 8 };

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
    e->buffers = base_arena_alloc(&e->arena, n * MAX_BUFFERS_A_LAYER, sizeof *e->buffers);
    e->strip = base_arena_alloc(&e->arena, n, sizeof *e->strip);
    e->maps = base_arena_alloc(&e->arena, n, sizeof *e->maps);
    if (e->last_reader == NULL || e->n_readers == NULL || e->values == NULL || e->buffers == NULL ||
        e->strip == NULL || e->maps == NULL) {
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

/* ---- convolutions that a pool reads ---- */

/* Whether the layer alone reads what the one before it gives. */
static bool follows(const export_c *e, int layer) {
    return node_at(e, layer).in[0] == layer && e->n_readers[layer] == 1 &&
           e->last_reader[layer] == layer;
}

/* Whether a row of the output follows from the same row of the input and nothing else. */
static bool works_on_rows(const export_c *e, int layer) {
    nn_graph_node node = node_at(e, layer);
    return is_folded(e, layer) || node.layer->map != NULL ||
           (export_c_is_identity(&node) && nn_shape_equal(node.plan->in[0], node.plan->out));
}

/* The layers from a convolution up to a pool, of whose values only the rows that are at work need
 * to be kept; 0: there is no such pool. */
static int find_strip(const export_c *e, int layer) {
    if (node_at(e, layer).layer != &nn_layer_conv2d) return 0;
    for (int k = layer + 1; k < e->n_layers && follows(e, k); k++) {
        nn_graph_node node = node_at(e, k);
        if (export_c_pools_rows(&node)) return k - layer + 1;
        if (!works_on_rows(e, k)) return 0;
    }
    return 0;
}

/* ---- buffers ---- */

static int add_buffer(export_c *e, int64_t n, int birth, int death) {
    BASE_CHECK(e->n_buffers < MAX_BUFFERS_A_LAYER * (e->n_layers + 1));
    n = (n + ROUND - 1) / ROUND * ROUND;
    e->buffers[e->n_buffers] = (export_c_buffer){.n = n, .birth = birth, .death = death};
    return e->n_buffers++;
}

static void new_buffer(export_c *e, int value, nn_shape shape, int birth) {
    e->values[value].buffer = add_buffer(e, nn_shape_count(shape), birth, e->last_reader[value]);
}

const char *export_c_scratch(export_c *e, int layer, int64_t n) {
    return export_c_format(e, "b%d", add_buffer(e, n, layer, layer));
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

/* One buffer for the rows at work, another for what the pool makes of them. */
static void give_strip_buffers(export_c *e, int layer) {
    int pool = layer + e->strip[layer] - 1;
    nn_graph_node node = node_at(e, pool);
    int64_t width = node.plan->in[0].dim[2];
    int rows = add_buffer(e, export_c_pool_rows(&node) * width, layer, layer);
    for (int k = layer; k < pool; k++) e->values[k + 1].buffer = rows;
    new_buffer(e, pool + 1, node.plan->out, layer);
}

static void give_buffers(export_c *e) {
    new_buffer(e, 0, nn_network_get_config(e->network)->input, -1);
    for (int k = 0; k<e->n_layers; k += e->strip[k]> 0 ? e->strip[k] : 1) {
        nn_graph_node node = node_at(e, k);
        const export_c_buffer *x = &e->buffers[e->values[node.in[0]].buffer];
        bool is_free = x->death == k;
        e->strip[k] = find_strip(e, k);
        if (e->strip[k] > 0) {
            give_strip_buffers(e, k);
        } else if (is_folded(e, k) || (export_c_is_identity(&node) && !cleans(e, &node)) ||
                   (is_free && export_c_works_in_place(&node))) {
            share_buffer(e, k + 1, node.in[0]);
        } else {
            new_buffer(e, k + 1, node.plan->out, k);
        }
    }
}

/* Whether a buffer that has no place yet can lie there. */
static bool fits(const export_c *e, const export_c_buffer *own, int64_t at) {
    for (int i = 0; i < e->n_buffers; i++) {
        const export_c_buffer *other = &e->buffers[i];
        bool in_time = own->birth <= other->death && other->birth <= own->death;
        if (!other->placed || !in_time) continue;
        if (at < other->at + other->n && other->at < at + own->n) return false;
    }
    return true;
}

/* The lowest place that is free for as long as the buffer lives: 0 or behind another one. */
static int64_t find_place(const export_c *e, const export_c_buffer *own) {
    int64_t best = fits(e, own, 0) ? 0 : INT64_MAX;
    for (int i = 0; i < e->n_buffers; i++) {
        int64_t at = e->buffers[i].at + e->buffers[i].n;
        if (e->buffers[i].placed && at < best && fits(e, own, at)) best = at;
    }
    return best;
}

/* The largest first: smaller ones find room between them. */
void export_c_place(export_c *e) {
    int front = add_buffer(e, e->n_front, -1, -1);
    for (int i = 0; i < e->n_buffers; i++) {
        export_c_buffer *largest = NULL;
        for (int k = 0; k < e->n_buffers; k++) {
            export_c_buffer *buffer = &e->buffers[k];
            if (!buffer->placed && (largest == NULL || buffer->n > largest->n)) largest = buffer;
        }
        largest->at = find_place(e, largest);
        largest->placed = true;
        if (largest->at + largest->n > e->n_values) e->n_values = largest->at + largest->n;
    }
    e->front_at = e->buffers[front].at;
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

/* The n layers that the next lines do. */
static void write_title(export_c *e, int layer, int n) {
    char text[64];
    base_text_printf(&e->body, "\n    /* %s: ", node_at(e, layer).path);
    for (int k = layer; k < layer + n; k++) {
        const char *join = k == layer ? "" : k == layer + n - 1 ? " and " : ", ";
        base_text_printf(&e->body, "%s%s", join, node_at(e, k).layer->variant.name);
    }
    base_text_printf(&e->body, ", gives %s */\n",
                     nn_shape_text(node_at(e, layer + n - 1).plan->out, false, text));
}

/* norm: room for the one done with a convolution. */
static export_c_call call_of(export_c *e, int layer, nn_graph_node *norm) {
    export_c_call call = {.e = e, .index = layer, .node = node_at(e, layer)};
    if (layer + 1 < e->n_layers && is_folded(e, layer + 1)) {
        *norm = node_at(e, layer + 1);
        call.norm = norm;
    }
    for (int i = 0; i < call.node.plan->n_in; i++) call.x[i] = buffer_name(e, call.node.in[i]);
    call.y = buffer_name(e, layer + 1);
    call.n_in = e->values[call.node.in[0]].length;
    call.n_out = e->values[layer + 1].length;
    return call;
}

static base_status write_layer(export_c *e, int layer) {
    nn_graph_node norm;
    bool folds = layer + 1 < e->n_layers && is_folded(e, layer + 1);
    write_title(e, layer, folds ? 2 : 1);
    find_length(e, layer);
    export_c_call call = call_of(e, layer, &norm);
    return export_c_layer(&call);
}

static base_status write_strip(export_c *e, int layer) {
    nn_graph_node norm;
    int n = e->strip[layer];
    export_c_call *calls = base_arena_alloc(&e->arena, (size_t)n, sizeof *calls);
    if (calls == NULL) return export_c_no_memory(e);
    write_title(e, layer, n);
    for (int i = 0; i < n; i++) find_length(e, layer + i);
    for (int i = 0; i < n; i++) calls[i] = call_of(e, layer + i, &norm);
    return export_c_strip(calls, n);
}

static base_status write_layers(export_c *e) {
    for (int k = 0; k<e->n_layers; k += e->strip[k]> 0 ? e->strip[k] : 1) {
        nn_graph_node node = node_at(e, k);
        if (e->strip[k] > 0) {
            BASE_TRY(write_strip(e, k));
        } else if (is_folded(e, k) || (export_c_is_identity(&node) && !cleans(e, &node))) {
            find_length(e, k);
        } else {
            BASE_TRY(write_layer(e, k));
        }
    }
    return BASE_OK;
}

/* Pointers to the buffers of the network. */
static void write_buffers(const export_c *e, base_text *text) {
    for (int i = 0; i < e->n_network_buffers; i++) {
        const export_c_buffer *b = &e->buffers[i];
        base_text_printf(text, "    float *const b%d = work->values + %lld; /* [%lld] */\n", i,
                         (long long)b->at, (long long)b->n);
    }
}

void export_c_network_text(export_c *e) {
    base_text *text = &e->network_text;
    base_text_add(text, base_text_string(&e->functions));
    base_text_add(text, base_text_string(&e->constants));
    base_text_printf(text,
                     "\n/* From features, at b%d and with n0 valid frames, to logits. Layer by "
                     "layer one buffer is\n"
                     " * read and another filled; two share memory unless both are needed at the "
                     "same time. */\n"
                     "static const float *model_network(model_work *work, int n0) {\n",
                     e->values[0].buffer);
    write_buffers(e, text);
    if (!e->reads_length) base_text_add(text, "    (void)n0;\n");
    base_text_add(text, base_text_string(&e->body));
    base_text_printf(text, "\n    return b%d;\n}\n", e->values[e->n_layers].buffer);
    e->failed |= e->functions.failed || e->constants.failed || e->body.failed || text->failed;
}

base_status export_c_network(export_c *e) {
    BASE_TRY(find_readers(e));
    give_buffers(e);
    if (infer_model_masks(e->model)) e->values[0].length = "n0";
    BASE_TRY(write_layers(e));
    e->n_network_buffers = e->n_buffers;
    return BASE_OK;
}
