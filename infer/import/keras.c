/* Keras: the HDF5 file of save_weights or, under /model_weights, of model.save. The group of each
 * layer has an attribute weight_names with paths below it: "conv2d/kernel:0",
 * "bidirectional/forward_gru/gru_cell/bias:0".
 *
 * libhdf5 runs in a child process, which hands over names, shapes and numbers unchanged; the parent
 * converts them to PyTorch's names and layouts. */
#include "infer/import/keras.h"

#include <stdio.h>
#include <string.h>

#include "base/h5_foreign.h"
#include "base/isolated.h"

enum {
    MAX_WEIGHTS = 5000, /* each is compared with each */
    MAX_NAME = 240,
    SECONDS = 10, /* and more for large files */
    BYTES_PER_SECOND = 1 << 23,
    ROOM_BYTES = 1 << 26, /* for numbers that are stored compressed */
    MEMORY_BYTES = 1 << 29
};

/* ---- in the child: from HDF5 ---- */

typedef struct {
    const char *path;
    void *bytes;
    size_t n_bytes, most_bytes; /* of the file; of all numbers */
} source;

typedef struct {
    const source *file;
    base_h5_foreign *h5;
    base_arena arena;
    base_text *out;
    int n_weights;
} extraction;

typedef struct {
    const char **items;
    int64_t n;
} name_list;

/* The strings of an attribute; one too long for HDF5 is split into numbered parts. */
static base_status get_names(extraction *x, const char *object, const char *attribute,
                             name_list *names, base_error *err) {
    base_status status =
        base_h5_foreign_strings(x->h5, object, attribute, &x->arena, &names->items, &names->n, err);
    if (status != BASE_ENOTFOUND) return status;
    size_t capacity = 0;
    const char **all = NULL;
    names->n = 0;
    for (int part = 0; part < MAX_WEIGHTS; part++) {
        char name[64];
        const char **more;
        int64_t n_more;
        snprintf(name, sizeof name, "%s%d", attribute, part);
        if (base_h5_foreign_strings(x->h5, object, name, &x->arena, &more, &n_more, NULL) !=
            BASE_OK) {
            break;
        }
        if (!base_grow((void **)&all, &capacity, (size_t)(names->n + n_more), sizeof *all)) {
            base_free(all);
            return base_fail(err, BASE_EMEMORY, "out of memory");
        }
        memcpy(all + names->n, more, (size_t)n_more * sizeof *all);
        names->n += n_more;
        status = BASE_OK;
    }
    size_t n_bytes = (size_t)names->n * sizeof *all;
    names->items = base_arena_alloc(&x->arena, (size_t)names->n, sizeof *all);
    if (names->items != NULL && names->n > 0) memcpy(names->items, all, n_bytes);
    base_free(all);
    return names->items != NULL ? status : base_fail(err, BASE_EMEMORY, "out of memory");
}

static void put_number(base_text *out, int64_t number) {
    base_text_add_bytes(out, &number, sizeof number);
}

static void put_name(base_text *out, const char *name) {
    base_text_add_bytes(out, name, strlen(name) + 1);
}

/* Layer and name, rank and extents, numbers. */
static base_status extract_weight(extraction *x, const char *group, const char *layer,
                                  const char *name, base_error *err) {
    int rank;
    int64_t shape[BASE_H5_MAX_RANK], n;
    float *numbers;
    const char *dataset = base_arena_printf(&x->arena, "%s/%s", group, name);
    if (dataset == NULL) return base_fail(err, BASE_EMEMORY, "out of memory");
    if (strlen(layer) > MAX_NAME || strlen(name) > MAX_NAME || x->n_weights++ == MAX_WEIGHTS) {
        return base_fail(err, BASE_EFORMAT, "%s: too many weights, or too long a name",
                         x->file->path);
    }
    BASE_TRY(base_h5_foreign_shape(x->h5, dataset, &rank, shape, err));
    infer_tensor tensor = {.rank = rank};
    memcpy(tensor.dim, shape, sizeof shape);
    n = infer_tensor_count(&tensor);
    if (n < 0 || x->out->size > x->file->most_bytes ||
        (uint64_t)n > (x->file->most_bytes - x->out->size) / sizeof *numbers) {
        return base_fail(err, BASE_EFORMAT, "%s: %s: more numbers than a file of this size holds",
                         x->file->path, dataset);
    }
    put_name(x->out, layer);
    put_name(x->out, name);
    put_number(x->out, rank);
    for (int i = 0; i < rank; i++) put_number(x->out, shape[i]);
    numbers = base_alloc((size_t)n + 1, sizeof *numbers);
    if (numbers == NULL) return base_fail(err, BASE_EMEMORY, "out of memory");
    base_status status = base_h5_foreign_floats(x->h5, dataset, n, numbers, err);
    base_text_add_bytes(x->out, numbers, (size_t)n * sizeof *numbers);
    base_free(numbers);
    return status;
}

static base_status extract_layers(extraction *x, const char *top, base_error *err) {
    name_list layers, names;
    BASE_TRY(get_names(x, top, "layer_names", &layers, err));
    for (int64_t i = 0; i < layers.n; i++) {
        const char *layer = layers.items[i];
        const char *group = base_arena_printf(&x->arena, "%s/%s", top, layer);
        if (group == NULL) return base_fail(err, BASE_EMEMORY, "out of memory");
        BASE_TRY(get_names(x, group, "weight_names", &names, err));
        for (int64_t k = 0; k < names.n; k++) {
            BASE_TRY(extract_weight(x, group, layer, names.items[k], err));
        }
    }
    return BASE_OK;
}

static base_status extract_file(extraction *x, base_error *err) {
    bool whole = base_h5_foreign_has(x->h5, "model_weights");
    base_status status = extract_layers(x, whole ? "model_weights" : "", err);
    if (status != BASE_ENOTFOUND || x->n_weights > 0) return status;
    return base_fail(err, BASE_EFORMAT,
                     "%s: an HDF5 file that Keras' model.save(\"x.h5\") or, before Keras 3, "
                     "save_weights(\"x.h5\") did not write",
                     x->file->path);
}

static base_status extract(void *context, base_text *out, base_error *err) {
    source *file = context;
    extraction x = {.file = file, .out = out};
    BASE_TRY(base_h5_foreign_open(file->path, file->bytes, file->n_bytes, &x.h5, err));
    base_status status = extract_file(&x, err);
    base_h5_foreign_free(x.h5);
    base_arena_release(&x.arena);
    return status;
}

/* ---- in the parent: to PyTorch's names and layouts ---- */

/* A weight as Keras stores it. */
typedef struct {
    const char *layer, *path;
    const char *owner; /* "conv2d", below another layer "model.conv2d" */
    const char *kind;  /* "kernel" */
    size_t n_folder;   /* of the path: "gru/gru_cell/" */
    bool reverse;      /* of a bidirectional layer's backward half */
    int rank;
    int64_t dim[BASE_H5_MAX_RANK];
    const float *data;
} weight;

typedef struct {
    const char *path; /* of the file */
    const char *at, *end;
    infer_tensors *tensors;
    weight *weights;
    size_t n, capacity;
} conversion;

static base_status no_memory(const conversion *c, base_error *err) {
    return base_fail(err, BASE_EMEMORY, "%s: out of memory", c->path);
}

static bool take_number(conversion *c, int64_t *number) {
    if ((size_t)(c->end - c->at) < sizeof *number) return false;
    memcpy(number, c->at, sizeof *number);
    c->at += sizeof *number;
    return true;
}

static bool take_name(conversion *c, const char **name) {
    size_t room = (size_t)(c->end - c->at), n = strnlen(c->at, room);
    if (n == room || n > MAX_NAME) return false;
    *name = base_arena_copy(&c->tensors->arena, c->at, n);
    c->at += n + 1;
    return *name != NULL;
}

/* -1 if an extent is 0 or the product overflows: otherwise no partial product overflows either. */
static int64_t count(const weight *w) {
    int64_t n = 1;
    for (int i = 0; i < w->rank; i++) {
        if (w->dim[i] < 1 || !base_mul(n, w->dim[i], &n)) return -1;
    }
    return n;
}

static bool take_weight(conversion *c, weight *w) {
    int64_t rank = 0;
    *w = (weight){0};
    if (!take_name(c, &w->layer) || !take_name(c, &w->path) || !take_number(c, &rank)) return false;
    if (rank < 0 || rank > BASE_H5_MAX_RANK) return false;
    w->rank = (int)rank;
    for (int i = 0; i < w->rank; i++) {
        if (!take_number(c, &w->dim[i])) return false;
    }
    int64_t n = count(w);
    if (n < 0 || (uint64_t)n > (size_t)(c->end - c->at) / sizeof *w->data) return false;
    float *data = base_arena_alloc(&c->tensors->arena, (size_t)n, sizeof *data);
    if (data == NULL) return false;
    memcpy(data, c->at, (size_t)n * sizeof *data);
    w->data = data;
    c->at += (size_t)n * sizeof *data;
    return true;
}

static bool starts_with(const char *text, const char *start) {
    return strncmp(text, start, strlen(start)) == 0;
}

/* Splits a path: "bidirectional/backward_gru/gru_cell/kernel:0" is the kernel of the backward half
 * of "bidirectional". Cells have no names in PyTorch. */
static bool name_weight(conversion *c, weight *w) {
    base_arena *arena = &c->tensors->arena;
    char *path = base_arena_string(arena, w->path), *slash = strrchr(path != NULL ? path : "", '/');
    if (path == NULL) return false;
    char *kind = slash != NULL ? slash + 1 : path;
    kind[strcspn(kind, ":")] = '\0';
    w->kind = kind;
    w->n_folder = (size_t)(kind - path);
    w->owner = w->layer;
    while (slash != NULL) {
        *slash = '\0';
        slash = strrchr(path, '/');
        const char *part = slash != NULL ? slash + 1 : path;
        bool backward = starts_with(part, "backward_");
        if (backward) w->reverse = true;
        if (backward || starts_with(part, "forward_") || strstr(part, "_cell") != NULL) continue;
        if (strcmp(part, w->layer) != 0) {
            w->owner = base_arena_printf(arena, "%s.%s", w->layer, part);
        }
        break;
    }
    return w->owner != NULL;
}

static base_status take_all(conversion *c, base_error *err) {
    while (c->at < c->end) {
        if (!base_grow((void **)&c->weights, &c->capacity, c->n + 1, sizeof *c->weights)) {
            return no_memory(c, err);
        }
        weight *w = &c->weights[c->n];
        if (!take_weight(c, w) || !name_weight(c, w)) {
            return base_fail(err, BASE_EFORMAT, "%s: its weights are damaged or too large",
                             c->path);
        }
        c->n++;
    }
    return BASE_OK;
}

/* Another weight of the same layer, or NULL. */
static const weight *sibling(const conversion *c, const weight *w, const char *kind) {
    for (size_t i = 0; i < c->n; i++) {
        const weight *other = &c->weights[i];
        if (strcmp(other->kind, kind) == 0 && strcmp(other->layer, w->layer) == 0 &&
            other->n_folder == w->n_folder && memcmp(other->path, w->path, w->n_folder) == 0) {
            return other;
        }
    }
    return NULL;
}

/* ---- layouts ---- */

/* A weight in the network's layout. */
typedef struct {
    float *data; /* NULL: no memory */
    int rank;
    int64_t dim[BASE_H5_MAX_RANK];
} numbers;

/* New memory whose axis i is w's axes[i]. */
static numbers transposed(conversion *c, const weight *w, const int *axes) {
    int64_t step[BASE_H5_MAX_RANK], at[BASE_H5_MAX_RANK] = {0}, place = 0, total = 1, n = count(w);
    numbers y = {.rank = w->rank};
    y.data = base_arena_alloc(&c->tensors->arena, (size_t)n, sizeof *y.data);
    for (int i = w->rank - 1; i >= 0; i--) {
        step[i] = total;
        total *= w->dim[i];
        y.dim[i] = w->dim[axes[i]];
    }
    for (int64_t k = 0; y.data != NULL && k < n; k++) {
        y.data[k] = w->data[place];
        for (int i = w->rank - 1; i >= 0; i--) {
            place += step[axes[i]];
            if (++at[i] < y.dim[i]) break;
            place -= at[i] * step[axes[i]];
            at[i] = 0;
        }
    }
    return y;
}

static base_status add(conversion *c, const weight *w, const char *name, const numbers *x,
                       base_error *err) {
    infer_tensor tensor = {.rank = x->rank, .data = (const uint8_t *)x->data};
    tensor.name = base_arena_printf(&c->tensors->arena, "%s.%s", w->owner, name);
    if (tensor.name == NULL || x->data == NULL) return no_memory(c, err);
    memcpy(tensor.dim, x->dim, (size_t)x->rank * sizeof *x->dim);
    tensor.n_bytes = (size_t)infer_tensor_count(&tensor) * sizeof *x->data;
    return infer_tensors_add(c->tensors, c->path, &tensor, err);
}

/* Kernels end in [inputs, outputs], weights begin with [outputs, inputs]. */
static numbers transposed_kernel(conversion *c, const weight *w) {
    static const int orders[][BASE_H5_MAX_RANK] = {{0},       {0},          {1, 0},
                                                   {2, 1, 0}, {3, 2, 0, 1}, {4, 3, 0, 1, 2}};
    return transposed(c, w, orders[w->rank]);
}

static base_status add_kernel(conversion *c, const weight *w, const char *name, base_error *err) {
    numbers kernel = transposed_kernel(c, w);
    return add(c, w, name, &kernel, err);
}

/* [f, t, channels, multiplier] to [channels * multiplier, 1, f, t] */
static base_status add_depthwise(conversion *c, const weight *w, const char *name,
                                 base_error *err) {
    if (w->rank != 4) return add_kernel(c, w, name, err);
    numbers kernel = transposed(c, w, (const int[]){2, 3, 0, 1});
    kernel.dim[0] *= kernel.dim[1];
    kernel.dim[1] = 1;
    return add(c, w, name, &kernel, err);
}

/* ---- recurrent layers ---- */

/* Gates of a recurrent layer, from its shape [hidden, gates * hidden]; 0: none that PyTorch has. */
static int64_t gates_of(const weight *recurrent) {
    if (recurrent->rank != 2 || recurrent->dim[0] < 1) return 0;
    int64_t n = recurrent->dim[1] / recurrent->dim[0];
    bool known = n == 1 || n == 3 || n == 4;
    return known && n * recurrent->dim[0] == recurrent->dim[1] ? n : 0;
}

/* Reorders the rows of a GRU's gates from z r h to r z n; those of an LSTM are in order. */
static void order_gates(float *data, int64_t n_gates, int64_t n_floats) {
    int64_t block = n_floats / n_gates;
    for (int64_t i = 0; n_gates == 3 && i < block; i++) {
        float z = data[i];
        data[i] = data[block + i];
        data[block + i] = z;
    }
}

static const char *recurrent_name(conversion *c, const weight *w, const char *name) {
    return base_arena_printf(&c->tensors->arena, "%s_l0%s", name, w->reverse ? "_reverse" : "");
}

static base_status add_recurrent(conversion *c, const weight *w, int64_t n_gates, const char *name,
                                 base_error *err) {
    const char *full = recurrent_name(c, w, name);
    numbers kernel = transposed_kernel(c, w);
    if (full == NULL || kernel.data == NULL) return no_memory(c, err);
    if (w->rank == 2 && kernel.dim[0] % n_gates == 0) {
        order_gates(kernel.data, n_gates, count(w));
    }
    return add(c, w, full, &kernel, err);
}

/* A GRU that resets after the product has a bias for the input and one for the state; other layers
 * have one for both. */
static base_status add_biases(conversion *c, const weight *w, int64_t n_gates, base_error *err) {
    static const char *const names[] = {"bias_ih", "bias_hh"};
    int64_t n = w->rank > 0 ? w->dim[w->rank - 1] : 0;
    if (n_gates == 3 && w->rank == 1) {
        return base_fail(err, BASE_EFORMAT,
                         "%s: %s: a GRU with reset_after=False, which PyTorch does not have",
                         c->path, w->owner);
    }
    if (w->rank != (n_gates == 3 ? 2 : 1) || (w->rank == 2 && w->dim[0] != 2) || n % n_gates != 0) {
        return base_fail(err, BASE_EFORMAT, "%s: %s: a bias of unknown shape", c->path, w->path);
    }
    for (int i = 0; i < 2; i++) {
        numbers bias = {.rank = 1, .dim = {n}};
        bias.data = base_arena_alloc(&c->tensors->arena, (size_t)n, sizeof *bias.data);
        const char *name = recurrent_name(c, w, names[i]);
        if (bias.data == NULL || name == NULL) return no_memory(c, err);
        if (i < w->rank) memcpy(bias.data, w->data + i * n, (size_t)n * sizeof *bias.data);
        order_gates(bias.data, n_gates, n);
        BASE_TRY(add(c, w, name, &bias, err));
    }
    return BASE_OK;
}

static base_status convert_recurrent(conversion *c, const weight *w, int64_t n_gates,
                                     base_error *err) {
    if (strcmp(w->kind, "bias") == 0) return add_biases(c, w, n_gates, err);
    bool input = strcmp(w->kind, "kernel") == 0;
    return add_recurrent(c, w, n_gates, input ? "weight_ih" : "weight_hh", err);
}

/* ---- all ---- */

static const char *name_of(const char *kind) {
    static const char *const names[][2] = {{"gamma", "weight"},
                                           {"beta", "bias"},
                                           {"moving_mean", "running_mean"},
                                           {"moving_variance", "running_var"},
                                           {"kernel", "weight"},
                                           {"depthwise_kernel", "weight"},
                                           {"pointwise_kernel", "pointwise.weight"},
                                           {"embeddings", "weight"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(names[i][0], kind) == 0) return names[i][1];
    }
    return kind;
}

static base_status convert(conversion *c, const weight *w, base_error *err) {
    const weight *recurrent = sibling(c, w, "recurrent_kernel");
    int64_t n_gates = recurrent != NULL ? gates_of(recurrent) : 0;
    if (n_gates > 0) return convert_recurrent(c, w, n_gates, err);
    bool separable = sibling(c, w, "pointwise_kernel") != NULL;
    const char *name = name_of(w->kind);
    if (strcmp(w->kind, "depthwise_kernel") == 0) {
        return add_depthwise(c, w, separable ? "depthwise.weight" : name, err);
    }
    if (strcmp(w->kind, "bias") == 0 && separable) name = "pointwise.bias";
    bool transposes = strcmp(w->kind, "kernel") == 0 || strcmp(w->kind, "pointwise_kernel") == 0;
    if (transposes) return add_kernel(c, w, name, err);
    numbers same = {.data = (float *)w->data, .rank = w->rank};
    memcpy(same.dim, w->dim, sizeof same.dim);
    return add(c, w, name, &same, err);
}

static base_status convert_all(conversion *c, base_error *err) {
    BASE_TRY(take_all(c, err));
    for (size_t i = 0; i < c->n; i++) BASE_TRY(convert(c, &c->weights[i], err));
    return BASE_OK;
}

base_status infer_keras_convert(const char *path, const void *bytes, size_t n_bytes,
                                infer_tensors *tensors, base_error *err) {
    conversion c = {
        .path = path, .at = bytes, .end = (const char *)bytes + n_bytes, .tensors = tensors};
    base_status status = convert_all(&c, err);
    base_free(c.weights);
    return status;
}

base_status infer_keras_read(const char *path, const uint8_t *bytes, size_t n_bytes,
                             infer_tensors *tensors, base_error *err) {
    source file = {.path = path,
                   .bytes = (void *)(uintptr_t)bytes,
                   .n_bytes = n_bytes,
                   .most_bytes = n_bytes + ROOM_BYTES};
    base_isolated_job job = {.name = path,
                             .work = extract,
                             .context = &file,
                             .seconds = SECONDS + (int64_t)(n_bytes / BYTES_PER_SECOND),
                             .memory_bytes = MEMORY_BYTES + 8 * n_bytes,
                             .result_bytes = file.most_bytes + ROOM_BYTES};
    base_text all = {0};
    base_status status = base_isolated(&job, &all, err);
    if (status == BASE_OK) {
        status = infer_keras_convert(path, base_text_string(&all), all.size, tensors, err);
    }
    base_text_release(&all);
    return status;
}
