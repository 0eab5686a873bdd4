/* What calls of layers are made of; and the whole call for layers that need no writer of their own:
 * the parameters of the template's function model_LAYER say what it is called with. */
#include <string.h>

#include "infer/export/c.h"

/* The valid frames as an expression; all where there is no length. */
static const char *frames(const export_c_call *call, const char *length, nn_shape shape) {
    int axis = nn_shape_time_axis(shape);
    if (length == NULL) {
        return export_c_format(call->e, "%lld", axis < 0 ? 1LL : (long long)shape.dim[axis]);
    }
    if (strcmp(length, "n0") == 0) call->e->reads_length = true;
    return length;
}

const char *export_c_frames_in(const export_c_call *call) {
    return frames(call, call->n_in, call->node.plan->in[0]);
}

const char *export_c_frames_out(const export_c_call *call) {
    return frames(call, call->n_out, call->node.plan->out);
}

static const char *integer(const export_c_call *call, int64_t value) {
    return export_c_format(call->e, "%lld", (long long)value);
}

bool export_c_is_raw(const export_c_call *call) {
    return call->node.in[0] == 0;
}

void export_c_clear(const export_c_call *call) {
    nn_shape shape = call->node.plan->out;
    if (call->n_out == NULL) return;
    bool image = shape.rank == 3;
    base_text_printf(&call->e->body, "    model_clear(%s, %lld, %lld, %lld, %s);\n", call->y,
                     image ? (long long)(shape.dim[0] * shape.dim[1]) : 1LL,
                     (long long)shape.dim[nn_shape_time_axis(shape)],
                     image ? 1LL : (long long)shape.dim[1], export_c_frames_out(call));
}

const char *export_c_tensor(const export_c_call *call, const char *name) {
    const nn_tensor_plan *tensor = nn_plan_tensor_named(call->node.plan, name);
    if (tensor == NULL) return "NULL";
    const float *block = tensor->is_state ? call->node.state : call->node.param;
    const char *constant = export_c_format(call->e, "%s_%d", name, call->index);
    export_c_constant(call->e, constant, block + tensor->offset, nn_shape_count(tensor->shape));
    return export_c_format(call->e, "model_%s", constant);
}

/* ---- elementwise functions ---- */

/* Adds a body, indented; lines end in a newline or the text. */
static void add_body(const char *body, base_text *out) {
    while (*body != '\0') {
        size_t n = strcspn(body, "\n");
        base_text_printf(out, "    %.*s\n", (int)n, body);
        body += n + (body[n] == '\n');
    }
}

/* Writes the function, and the loop around it, once; their names end in what it returns. */
static const char *map_name(const export_c_call *call, const nn_function *f) {
    export_c *e = call->e;
    const char *layer = call->node.layer->variant.name;
    int n_alike = 0;
    for (int i = 0; i < e->n_maps; i++) {
        if (strcmp(e->maps[i].text, f->c) == 0) return e->maps[i].name;
        n_alike += strncmp(e->maps[i].name, layer, strlen(layer)) == 0;
    }
    const char *name = n_alike > 0 ? export_c_format(e, "%s_%d", layer, n_alike + 1) : layer;
    static const char *const parameters[] = {"", ", float p0", ", float p0, float p1"};
    static const char *const arguments[] = {"", ", p0", ", p0, p1"};
    base_text_printf(&e->functions, "static float model_%s_of(float x%s) {\n", name,
                     parameters[f->n_parameters]);
    add_body(f->c, &e->functions);
    base_text_printf(&e->functions,
                     "}\n\n"
                     "static void model_apply_%s(const float *x, float *y, int n%s) {\n"
                     "    for (int i = 0; i < n; i++) y[i] = model_%s_of(x[i]%s);\n"
                     "}\n\n",
                     name, parameters[f->n_parameters], name, arguments[f->n_parameters]);
    e->maps[e->n_maps++] = (export_c_map){f->c, name};
    return name;
}

void export_c_apply_map(const export_c_call *call, const char *x, const char *count) {
    nn_function f;
    base_text *body = &call->e->body;
    BASE_CHECK(nn_layer_function(call->node.layer, call->node.options, &f));
    base_text_printf(body, "model_apply_%s(%s, %s, %s", map_name(call, &f), x, call->y, count);
    for (int i = 0; i < f.n_parameters; i++) {
        base_text_add(body, ", ");
        export_c_number(body, f.map.p[i]);
    }
    base_text_add(body, ");\n");
}

bool export_c_map_keeps_zero(const export_c_call *call) {
    nn_function f;
    BASE_CHECK(nn_layer_function(call->node.layer, call->node.options, &f));
    return infer_graph_keeps_zero(&f);
}

base_status export_c_map_call(const export_c_call *call) {
    base_text_add(&call->e->body, "    ");
    export_c_apply_map(call, call->x[0], integer(call, nn_shape_count(call->node.plan->in[0])));
    if (!export_c_map_keeps_zero(call) || export_c_is_raw(call)) export_c_clear(call);
    return BASE_OK;
}

/* ---- calls by parameters ---- */

enum { MAX_EXTENTS = 12 };

typedef struct {
    const char *name;
    int64_t value;
} extent;

/* The extents of a layer's input and output by the names that parameters give them. */
typedef struct {
    extent item[MAX_EXTENTS];
    int n;
} extents;

static void add_shape(extents *list, nn_shape shape, bool is_output) {
    static const char *const names[2][NN_MAX_RANK][NN_MAX_RANK] = {
        {{"features"}, {"t", "features"}, {"channels", "f", "t"}},
        {{"out_features"}, {"out_t", "out_features"}, {"out_channels", "out_f", "out_t"}}};
    for (int i = 0; i < shape.rank; i++) {
        list->item[list->n++] = (extent){names[is_output][shape.rank - 1][i], shape.dim[i]};
    }
}

/* Any value is also [rows, width]: the frames of a sequence, or one row. */
static extents extents_of(const nn_plan *plan) {
    extents list = {0};
    nn_shape in = plan->in[0];
    int64_t count = nn_shape_count(in), rows = in.rank == 2 ? in.dim[0] : 1;
    add_shape(&list, in, false);
    add_shape(&list, plan->out, true);
    list.item[list.n++] = (extent){"count", count};
    list.item[list.n++] = (extent){"rows", rows};
    list.item[list.n++] = (extent){"width", count / rows};
    return list;
}

/* An option of the layer as a constant; NULL: it has none of that name, or no number. */
static const char *option_of(const export_c_call *call, const char *name, bool is_float) {
    const nn_graph_node *node = &call->node;
    const base_option *o = node->layer->variant.options;
    while (o != NULL && o->key != NULL && strcmp(o->key, name) != 0) o++;
    if (o == NULL || o->key == NULL) return NULL;
    if (o->kind == BASE_OPT_BOOL) return integer(call, infer_graph_bool(node, name));
    if (o->kind == BASE_OPT_INT) return integer(call, infer_graph_int(node, name));
    if (o->kind == BASE_OPT_CHOICE) return integer(call, infer_graph_choice(node, name));
    if (o->kind != BASE_OPT_FLOAT) return NULL;
    double value = infer_graph_float(node, name);
    base_text text = {0};
    if (is_float) export_c_number(&text, (float)value);
    if (!is_float) export_c_double(&text, value);
    const char *constant = export_c_format(call->e, "%s", base_text_string(&text));
    call->e->failed |= text.failed;
    base_text_release(&text);
    return constant;
}

static bool is(const char *a, const char *b) {
    return strcmp(a, b) == 0;
}

/* What stands for a parameter; NULL: nothing does. A pointer is a tensor, perhaps an absent one. */
static const char *argument_of(const export_c_call *call, const char *parameter, size_t n) {
    size_t begin = n;
    while (parameter[begin - 1] != ' ' && parameter[begin - 1] != '*') begin--;
    const char *name = export_c_format(call->e, "%.*s", (int)(n - begin), parameter + begin);
    if (is(name, "x")) return call->x[0];
    if (is(name, "y")) return call->y;
    if (is(name, "n")) return export_c_frames_in(call);
    if (is(name, "n_out")) return export_c_frames_out(call);
    if (memchr(parameter, '*', n) != NULL) return export_c_tensor(call, name);
    extents list = extents_of(call->node.plan);
    for (int i = 0; i < list.n; i++) {
        if (is(list.item[i].name, name)) return integer(call, list.item[i].value);
    }
    return option_of(call, name, strncmp(parameter, "float ", strlen("float ")) == 0);
}

base_status export_c_function_call(const export_c_call *call) {
    const char *layer = call->node.layer->variant.name, *parameter = export_c_parameters(layer);
    base_text_printf(&call->e->body, "    model_%s(", layer);
    for (bool is_last = false; !is_last;) {
        parameter += strspn(parameter, " \n");
        size_t n = strcspn(parameter, ",)");
        const char *argument = argument_of(call, parameter, n);
        if (argument == NULL) {
            return base_fail(call->e->err, BASE_ESHAPE,
                             "network[%s].%s: nothing is known to stand for '%.*s' in C",
                             call->node.path, layer, (int)n, parameter);
        }
        is_last = parameter[n] == ')';
        base_text_printf(&call->e->body, "%s%s", argument, is_last ? ");\n" : ", ");
        parameter += n + 1;
    }
    export_c_clear(call);
    return BASE_OK;
}
