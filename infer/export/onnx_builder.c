#include "infer/export/onnx_builder.h"

#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "tensors are written as they lie");

enum { OPSET = 17, IR_VERSION = 8 };
#define MAX_MODEL_BYTES ((size_t)INT32_MAX) /* protobuf's limit of a message */

struct infer_onnx_mask {
    infer_onnx_mask *next;
    infer_onnx_value length, frames;
    int rank;
};

void infer_onnx_init(infer_onnx *onnx) {
    *onnx = (infer_onnx){.graph = RIMSHOT__ONNX__GRAPH__INIT, .member = "", .scope = ""};
    onnx->graph.name = "rimshot";
}

void infer_onnx_release(infer_onnx *onnx) {
    base_free(onnx->graph.node);
    base_free(onnx->graph.initializer);
    base_free(onnx->graph.input);
    base_free(onnx->graph.output);
    base_arena_release(&onnx->arena);
}

void *infer_onnx_take(infer_onnx *onnx, int64_t n, size_t size_bytes) {
    void *memory = onnx->failed ? NULL : base_arena_alloc(&onnx->arena, (size_t)n, size_bytes);
    onnx->failed = memory == NULL;
    return memory;
}

/* protobuf-c's structs hold strings that they never write to without const. */
static char *keep(infer_onnx *onnx, const char *text) {
    char *copy = onnx->failed ? NULL : base_arena_string(&onnx->arena, text);
    onnx->failed = copy == NULL;
    return copy;
}

static void *append(infer_onnx *onnx, void *list, size_t *capacity, size_t n, void *item) {
    void *grown = *(void **)list;
    if (onnx->failed || !base_grow(&grown, capacity, n + 1, sizeof item)) {
        onnx->failed = true;
        return NULL;
    }
    ((void **)grown)[n] = item;
    *(void **)list = grown;
    return item;
}

/* ---- nodes ---- */

static Rimshot__Onnx__Node *last_node(const infer_onnx *onnx) {
    return onnx->graph.node[onnx->graph.n_node - 1];
}

static char *make_name(infer_onnx *onnx, const char *what) {
    size_t number = onnx->graph.n_node + onnx->graph.n_initializer;
    char *name = onnx->failed
                     ? NULL
                     : base_arena_printf(&onnx->arena, "%s%s_%zu", onnx->scope, what, number);
    onnx->failed = name == NULL;
    return name;
}

infer_onnx_value infer_onnx_op(infer_onnx *onnx, const char *op, int n_in,
                               const infer_onnx_value *in) {
    Rimshot__Onnx__Node *node = infer_onnx_take(onnx, 1, sizeof *node);
    char **input = infer_onnx_take(onnx, n_in, sizeof *input),
         **output = infer_onnx_take(onnx, 2, sizeof *input);
    char *name = make_name(onnx, op), *op_type = keep(onnx, op);
    for (int i = 0; i < n_in; i++) {
        char *copy = keep(onnx, in[i]);
        if (!onnx->failed) input[i] = copy;
    }
    if (onnx->failed) return "";
    rimshot__onnx__node__init(node);
    node->name = name;
    node->op_type = op_type;
    node->n_input = (size_t)n_in;
    node->input = input;
    node->n_output = 1;
    node->output = output;
    output[0] = name;
    if (append(onnx, &onnx->graph.node, &onnx->node_capacity, onnx->graph.n_node, node) == NULL) {
        return "";
    }
    onnx->graph.n_node++;
    return name;
}

infer_onnx_value infer_onnx_add_output(infer_onnx *onnx) {
    if (onnx->failed) return "";
    Rimshot__Onnx__Node *node = last_node(onnx);
    BASE_CHECK(node->n_output == 1);
    char *name = base_arena_printf(&onnx->arena, "%s_b", node->name);
    onnx->failed = name == NULL;
    if (onnx->failed) return "";
    node->output[node->n_output++] = name;
    return name;
}

void infer_onnx_rename(infer_onnx *onnx, const char *name) {
    char *copy = keep(onnx, name);
    if (!onnx->failed) last_node(onnx)->output[0] = copy;
}

enum { MAX_ATTRIBUTES = 8 };

static Rimshot__Onnx__Attribute *add_attribute(infer_onnx *onnx, const char *name,
                                               Rimshot__Onnx__Attribute__Type type) {
    Rimshot__Onnx__Attribute *attribute = infer_onnx_take(onnx, 1, sizeof *attribute);
    char *copy = keep(onnx, name);
    if (onnx->failed) return NULL;
    Rimshot__Onnx__Node *node = last_node(onnx);
    if (node->attribute == NULL) {
        node->attribute = infer_onnx_take(onnx, MAX_ATTRIBUTES, sizeof *node->attribute);
        if (node->attribute == NULL) return NULL;
    }
    BASE_CHECK(node->n_attribute < MAX_ATTRIBUTES);
    rimshot__onnx__attribute__init(attribute);
    attribute->name = copy;
    attribute->has_type = true;
    attribute->type = type;
    node->attribute[node->n_attribute++] = attribute;
    return attribute;
}

void infer_onnx_set_int(infer_onnx *onnx, const char *name, int64_t value) {
    Rimshot__Onnx__Attribute *attribute =
        add_attribute(onnx, name, RIMSHOT__ONNX__ATTRIBUTE__TYPE__INT);
    if (attribute == NULL) return;
    attribute->has_i = true;
    attribute->i = value;
}

void infer_onnx_set_float(infer_onnx *onnx, const char *name, double value) {
    Rimshot__Onnx__Attribute *attribute =
        add_attribute(onnx, name, RIMSHOT__ONNX__ATTRIBUTE__TYPE__FLOAT);
    if (attribute == NULL) return;
    attribute->has_f = true;
    attribute->f = (float)value;
}

static ProtobufCBinaryData bytes_of(char *text) {
    return (ProtobufCBinaryData){.len = text != NULL ? strlen(text) : 0, .data = (uint8_t *)text};
}

void infer_onnx_set_string(infer_onnx *onnx, const char *name, const char *value) {
    Rimshot__Onnx__Attribute *attribute =
        add_attribute(onnx, name, RIMSHOT__ONNX__ATTRIBUTE__TYPE__STRING);
    if (attribute == NULL) return;
    attribute->has_s = true;
    attribute->s = bytes_of(keep(onnx, value));
}

void infer_onnx_set_ints(infer_onnx *onnx, const char *name, int n, const int64_t *items) {
    Rimshot__Onnx__Attribute *attribute =
        add_attribute(onnx, name, RIMSHOT__ONNX__ATTRIBUTE__TYPE__INTS);
    int64_t *copy = infer_onnx_take(onnx, n, sizeof *copy);
    if (onnx->failed) return;
    memcpy(copy, items, (size_t)n * sizeof *copy);
    attribute->n_ints = (size_t)n;
    attribute->ints = copy;
}

void infer_onnx_set_strings(infer_onnx *onnx, const char *name, int n, const char *item) {
    Rimshot__Onnx__Attribute *attribute =
        add_attribute(onnx, name, RIMSHOT__ONNX__ATTRIBUTE__TYPE__STRINGS);
    ProtobufCBinaryData *list = infer_onnx_take(onnx, n, sizeof *list);
    if (onnx->failed) return;
    for (int i = 0; i < n; i++) list[i] = bytes_of(keep(onnx, item));
    attribute->n_strings = (size_t)n;
    attribute->strings = list;
}

/* ---- tensors ---- */

static size_t item_bytes(infer_onnx_type type) {
    return type == INFER_ONNX_FLOAT || type == INFER_ONNX_INT32 ? 4 : 8;
}

static size_t tensor_bytes(infer_onnx_shape shape) {
    size_t n_bytes = item_bytes(shape.type);
    for (int i = 0; i < shape.rank; i++) n_bytes *= (size_t)shape.dim[i];
    return n_bytes;
}

infer_onnx_value infer_onnx_weight(infer_onnx *onnx, const char *name, infer_onnx_shape shape,
                                   const void *data) {
    Rimshot__Onnx__Tensor *tensor = infer_onnx_take(onnx, 1, sizeof *tensor);
    int64_t *dims = infer_onnx_take(onnx, shape.rank + 1, sizeof *dims);
    char *copy = keep(onnx, name);
    if (onnx->failed) return "";
    memcpy(dims, shape.dim, (size_t)shape.rank * sizeof *dims);
    rimshot__onnx__tensor__init(tensor);
    tensor->n_dims = (size_t)shape.rank;
    tensor->dims = dims;
    tensor->has_data_type = tensor->has_raw_data = true;
    tensor->data_type = shape.type;
    tensor->name = copy;
    tensor->raw_data = (ProtobufCBinaryData){.len = tensor_bytes(shape), .data = (uint8_t *)data};
    size_t n = onnx->graph.n_initializer;
    if (append(onnx, &onnx->graph.initializer, &onnx->initializer_capacity, n, tensor) == NULL) {
        return "";
    }
    onnx->graph.n_initializer++;
    return copy;
}

infer_onnx_value infer_onnx_constant(infer_onnx *onnx, infer_onnx_shape shape, const void *data) {
    size_t n_bytes = tensor_bytes(shape);
    void *copy = infer_onnx_take(onnx, (int64_t)n_bytes + 1, 1);
    char *name = make_name(onnx, "constant");
    if (onnx->failed) return "";
    memcpy(copy, data, n_bytes);
    return infer_onnx_weight(onnx, name, shape, copy);
}

infer_onnx_value infer_onnx_float(infer_onnx *onnx, double value) {
    return infer_onnx_constant(onnx, (infer_onnx_shape){INFER_ONNX_FLOAT, 0, {0}},
                               &(float){(float)value});
}

infer_onnx_value infer_onnx_int32(infer_onnx *onnx, int64_t value) {
    return infer_onnx_constant(onnx, (infer_onnx_shape){INFER_ONNX_INT32, 0, {0}},
                               &(int32_t){(int32_t)value});
}

infer_onnx_value infer_onnx_list(infer_onnx *onnx, int n, const int64_t *items) {
    return infer_onnx_constant(onnx, (infer_onnx_shape){INFER_ONNX_INT64, 1, {n}}, items);
}

/* ---- arrangement ---- */

infer_onnx_value infer_onnx_reshape(infer_onnx *onnx, infer_onnx_value x, nn_shape shape) {
    int64_t dims[1 + NN_MAX_RANK] = {0};
    memcpy(dims + 1, shape.dim, (size_t)shape.rank * sizeof *dims);
    return INFER_OP(onnx, "Reshape", x, infer_onnx_list(onnx, shape.rank + 1, dims));
}

infer_onnx_value infer_onnx_transpose(infer_onnx *onnx, infer_onnx_value x, int rank,
                                      const int64_t *order) {
    infer_onnx_value y = INFER_OP(onnx, "Transpose", x);
    infer_onnx_set_ints(onnx, "perm", rank, order);
    return y;
}

/* ---- inputs and outputs ---- */

static void set_dimension(infer_onnx *onnx, Rimshot__Onnx__Dimension *dim, const char *batch,
                          int64_t extent) {
    rimshot__onnx__dimension__init(dim);
    dim->value_case = batch != NULL ? RIMSHOT__ONNX__DIMENSION__VALUE_DIM_PARAM
                                    : RIMSHOT__ONNX__DIMENSION__VALUE_DIM_VALUE;
    if (batch != NULL) {
        dim->dim_param = keep(onnx, batch);
    } else {
        dim->dim_value = extent;
    }
}

/* The name of an extent that may be any. */
static const char *make_extent(infer_onnx *onnx, const char *name, int axis) {
    char *made = onnx->failed ? NULL : base_arena_printf(&onnx->arena, "%s_%d", name, axis);
    onnx->failed = made == NULL;
    return onnx->failed ? "" : made;
}

static Rimshot__Onnx__ValueInfo *make_info(infer_onnx *onnx, const char *name, const char *batch,
                                           infer_onnx_shape of, const char *help) {
    Rimshot__Onnx__ValueInfo *info = infer_onnx_take(onnx, 1, sizeof *info);
    Rimshot__Onnx__Type *type = infer_onnx_take(onnx, 1, sizeof *type);
    Rimshot__Onnx__TensorType *tensor = infer_onnx_take(onnx, 1, sizeof *tensor);
    Rimshot__Onnx__Shape *shape = infer_onnx_take(onnx, 1, sizeof *shape);
    Rimshot__Onnx__Dimension *dims = infer_onnx_take(onnx, of.rank, sizeof *dims);
    Rimshot__Onnx__Dimension **list = infer_onnx_take(onnx, of.rank, sizeof *list);
    if (onnx->failed) return NULL;
    rimshot__onnx__value_info__init(info);
    rimshot__onnx__type__init(type);
    rimshot__onnx__tensor_type__init(tensor);
    rimshot__onnx__shape__init(shape);
    for (int i = 0; i < of.rank; i++) {
        const char *given = i == 0 ? batch : of.dim[i] < 0 ? make_extent(onnx, name, i) : NULL;
        set_dimension(onnx, &dims[i], given, of.dim[i]);
        list[i] = &dims[i];
    }
    shape->n_dim = (size_t)of.rank;
    shape->dim = list;
    tensor->has_elem_type = true;
    tensor->elem_type = of.type;
    tensor->shape = shape;
    type->tensor_type = tensor;
    info->type = type;
    info->name = keep(onnx, name);
    info->doc_string = keep(onnx, help);
    return info;
}

void infer_onnx_input(infer_onnx *onnx, const char *name, const char *batch, infer_onnx_shape shape,
                      const char *help) {
    Rimshot__Onnx__ValueInfo *info = make_info(onnx, name, batch, shape, help);
    size_t *n = &onnx->graph.n_input;
    *n += append(onnx, &onnx->graph.input, &onnx->input_capacity, *n, info) != NULL;
}

void infer_onnx_output(infer_onnx *onnx, const char *name, const char *batch,
                       infer_onnx_shape shape, const char *help) {
    Rimshot__Onnx__ValueInfo *info = make_info(onnx, name, batch, shape, help);
    size_t *n = &onnx->graph.n_output;
    *n += append(onnx, &onnx->graph.output, &onnx->output_capacity, *n, info) != NULL;
}

/* ---- lengths ---- */

static infer_onnx_value compare_frames(infer_onnx *onnx, infer_onnx_value length, int rank,
                                       int64_t n_frames) {
    int32_t *number = infer_onnx_take(onnx, n_frames, sizeof *number);
    for (int64_t t = 0; number != NULL && t < n_frames; t++) number[t] = (int32_t)t;
    if (number == NULL) return "";
    infer_onnx_shape image = {INFER_ONNX_INT32, 4, {1, 1, 1, n_frames}};
    infer_onnx_shape sequence = {INFER_ONNX_INT32, 3, {1, n_frames, 1}};
    infer_onnx_value frames = infer_onnx_constant(onnx, rank == 3 ? image : sequence, number);
    infer_onnx_value places = infer_onnx_list(onnx, rank + 1, (int64_t[]){-1, 1, 1, 1});
    return INFER_OP(onnx, "Less", frames, INFER_OP(onnx, "Reshape", length, places));
}

infer_onnx_value infer_onnx_frames(infer_onnx *onnx, infer_onnx_value length, int rank,
                                   int64_t n_frames) {
    for (infer_onnx_mask *mask = onnx->masks; mask != NULL; mask = mask->next) {
        if (mask->rank == rank && strcmp(mask->length, length) == 0) return mask->frames;
    }
    infer_onnx_mask *made = infer_onnx_take(onnx, 1, sizeof *made);
    if (made == NULL) return "";
    *made = (infer_onnx_mask){.next = onnx->masks, .length = length, .rank = rank};
    made->frames = compare_frames(onnx, length, rank, n_frames);
    onnx->masks = made;
    return made->frames;
}

infer_onnx_value infer_onnx_mask_frames(infer_onnx *onnx, infer_onnx_value x,
                                        infer_onnx_value length, nn_shape shape, double fill) {
    int64_t n_frames = shape.dim[nn_shape_time_axis(shape)];
    infer_onnx_value frames = infer_onnx_frames(onnx, length, shape.rank, n_frames);
    return INFER_OP(onnx, "Where", frames, x, infer_onnx_float(onnx, fill));
}

/* ---- writing ---- */

static void add_metadata(infer_onnx *onnx, const infer_metadata *metadata,
                         Rimshot__Onnx__Model *model) {
    Rimshot__Onnx__StringStringEntry *entries =
        infer_onnx_take(onnx, INFER_METADATA_MAX, sizeof *entries);
    Rimshot__Onnx__StringStringEntry **list =
        infer_onnx_take(onnx, INFER_METADATA_MAX, sizeof *list);
    if (onnx->failed) return;
    for (int i = 0; i < metadata->n; i++) {
        rimshot__onnx__string_string_entry__init(&entries[i]);
        entries[i].key = keep(onnx, metadata->key[i]);
        entries[i].value = keep(onnx, metadata->value[i]);
        list[i] = &entries[i];
    }
    model->n_metadata_props = (size_t)metadata->n;
    model->metadata_props = list;
}

static base_status write_message(const Rimshot__Onnx__Model *model, const char *path,
                                 base_error *err) {
    size_t n_bytes = rimshot__onnx__model__get_packed_size(model);
    if (n_bytes > MAX_MODEL_BYTES) {
        return base_fail(err, BASE_ESHAPE, "%s: the model is larger than ONNX's 2 GiB", path);
    }
    uint8_t *bytes = base_alloc(n_bytes, 1);
    if (bytes == NULL) return base_fail(err, BASE_EMEMORY, "%s: out of memory", path);
    rimshot__onnx__model__pack(model, bytes);
    base_status status = base_file_write(path, bytes, n_bytes, err);
    base_free(bytes);
    return status;
}

base_status infer_onnx_write(infer_onnx *onnx, const infer_metadata *metadata, const char *path,
                             base_error *err) {
    Rimshot__Onnx__Model model = RIMSHOT__ONNX__MODEL__INIT;
    Rimshot__Onnx__OperatorSetId operators = RIMSHOT__ONNX__OPERATOR_SET_ID__INIT;
    operators.domain = "";
    operators.has_version = true;
    operators.version = OPSET;
    model.has_ir_version = true;
    model.ir_version = IR_VERSION;
    model.producer_name = "rimshot";
    model.producer_version = RIMSHOT_VERSION;
    model.graph = &onnx->graph;
    model.n_opset_import = 1;
    model.opset_import = &(Rimshot__Onnx__OperatorSetId *){&operators};
    add_metadata(onnx, metadata, &model);
    if (onnx->failed) return base_fail(err, BASE_EMEMORY, "%s: out of memory", path);
    return write_message(&model, path, err);
}
