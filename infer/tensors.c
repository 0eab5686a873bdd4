#include "infer/tensors.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "tensors are read as they lie");

enum { MAX_TENSORS = 20000 }; /* names are compared each with each */

void infer_tensors_release(infer_tensors *tensors) {
    if (tensors == NULL) return;
    base_free(tensors->items);
    base_free(tensors->file);
    base_arena_release(&tensors->arena);
    *tensors = (infer_tensors){0};
}

size_t infer_number_bytes(infer_number type) {
    static const size_t n_bytes[INFER_N_NUMBERS] = {
        [INFER_F32] = 4,  [INFER_F64] = 8, [INFER_F16] = 2,
        [INFER_BF16] = 2, [INFER_I32] = 4, [INFER_I64] = 8};
    return n_bytes[type];
}

int64_t infer_tensor_count(const infer_tensor *tensor) {
    int64_t count = 1;
    for (int i = 0; i < tensor->rank; i++) {
        if (!base_mul(count, tensor->dim[i], &count)) return -1;
    }
    return count;
}

const char *infer_tensor_shape(const infer_tensor *tensor, char buf[160]) {
    enum { SIZE = 160 };
    size_t used = (size_t)snprintf(buf, SIZE, "[");
    for (int i = 0; i < tensor->rank && used < SIZE; i++) {
        used += (size_t)snprintf(buf + used, SIZE - used, "%s%lld", i > 0 ? "," : "",
                                 (long long)tensor->dim[i]);
    }
    if (used < SIZE) snprintf(buf + used, SIZE - used, "]");
    return buf;
}

/* ---- numbers ---- */

/* IEEE 754 half precision. */
static float half_value(uint16_t bits) {
    int exponent = bits >> 10 & 31, fraction = bits & 1023;
    float value = exponent == 31  ? (fraction != 0 ? NAN : INFINITY)
                  : exponent == 0 ? ldexpf((float)fraction, -24)
                                  : ldexpf((float)(1024 + fraction), exponent - 25);
    return bits & 0x8000 ? -value : value;
}

static float bfloat_value(uint16_t bits) {
    uint32_t wide = (uint32_t)bits << 16;
    float value;
    memcpy(&value, &wide, sizeof value);
    return value;
}

static float number_at(infer_number type, const uint8_t *at) {
    union {
        float f32;
        double f64;
        uint16_t u16;
        int32_t i32;
        int64_t i64;
    } number;
    memcpy(&number, at, infer_number_bytes(type));
    switch (type) {
    case INFER_F64:
        return (float)number.f64;
    case INFER_F16:
        return half_value(number.u16);
    case INFER_BF16:
        return bfloat_value(number.u16);
    case INFER_I32:
        return (float)number.i32;
    case INFER_I64:
        return (float)number.i64;
    default:
        return number.f32;
    }
}

void infer_tensor_floats(const infer_tensor *tensor, float *out) {
    size_t size = infer_number_bytes(tensor->type);
    int64_t n = infer_tensor_count(tensor);
    for (int64_t i = 0; i < n; i++) {
        out[i] = number_at(tensor->type, tensor->data + (size_t)i * size);
    }
}

/* ---- lists ---- */

/* Names are printed. */
static bool is_printable(const char *name) {
    while (*name != '\0') {
        uint32_t code;
        size_t n = base_utf8_decode(name, &code);
        if (n == 0 || base_utf8_is_hidden(code)) return false;
        name += n;
    }
    return true;
}

base_status infer_tensors_add(infer_tensors *tensors, const char *path, const infer_tensor *tensor,
                              base_error *err) {
    int64_t count = infer_tensor_count(tensor);
    char shape[160];
    if (!is_printable(tensor->name)) {
        return base_fail(err, BASE_EFORMAT, "%s: tensor %zu has a name that is no text", path,
                         tensors->n);
    }
    if (count < 0 || (uint64_t)count > tensor->n_bytes ||
        (size_t)count * infer_number_bytes(tensor->type) != tensor->n_bytes) {
        return base_fail(err, BASE_EFORMAT, "%s: %s: its %zu bytes do not hold the shape %s", path,
                         tensor->name, tensor->n_bytes, infer_tensor_shape(tensor, shape));
    }
    for (size_t i = 0; i < tensors->n; i++) {
        if (strcmp(tensors->items[i].name, tensor->name) != 0) continue;
        return base_fail(err, BASE_EFORMAT, "%s: %s stands there twice", path, tensor->name);
    }
    if (tensors->n == MAX_TENSORS) {
        return base_fail(err, BASE_EFORMAT, "%s: more than %d tensors", path, MAX_TENSORS);
    }
    if (!base_grow((void **)&tensors->items, &tensors->capacity, tensors->n + 1,
                   sizeof *tensors->items)) {
        return base_fail(err, BASE_EMEMORY, "%s: out of memory", path);
    }
    tensors->items[tensors->n++] = *tensor;
    return BASE_OK;
}

bool infer_tensor_is_counter(const char *name) {
    static const char end[] = ".num_batches_tracked";
    size_t n = strlen(name), n_end = sizeof end - 1;
    return n >= n_end && strcmp(name + n - n_end, end) == 0;
}

/* PyTorch counts batches in one integer. */
static base_status count_as_integer(const nn_tensor *from, infer_tensors *tensors, infer_tensor *to,
                                    base_error *err) {
    int64_t *number = base_arena_alloc(&tensors->arena, 1, sizeof *number);
    if (number == NULL) return base_fail(err, BASE_EMEMORY, "export: out of memory");
    *number = (int64_t)from->data[0];
    *to = (infer_tensor){.name = from->name,
                         .type = INFER_I64,
                         .data = (const uint8_t *)number,
                         .n_bytes = sizeof *number};
    return BASE_OK;
}

static base_status list_all(nn_network *network, infer_tensors *tensors, base_error *err) {
    for (int i = 0; i < nn_network_n_tensors(network); i++) {
        nn_tensor from = nn_network_tensor(network, i);
        size_t n_bytes = (size_t)nn_shape_count(from.shape) * sizeof *from.data;
        infer_tensor to = {.name = from.name,
                           .rank = from.shape.rank,
                           .data = (const uint8_t *)from.data,
                           .n_bytes = n_bytes};
        memcpy(to.dim, from.shape.dim, sizeof from.shape.dim);
        if (infer_tensor_is_counter(from.name)) {
            BASE_TRY(count_as_integer(&from, tensors, &to, err));
        }
        BASE_TRY(infer_tensors_add(tensors, "export", &to, err));
    }
    return BASE_OK;
}

base_status infer_tensors_of(nn_network *network, infer_tensors *tensors, base_error *err) {
    *tensors = (infer_tensors){0};
    base_status status = list_all(network, tensors, err);
    if (status != BASE_OK) infer_tensors_release(tensors);
    return status;
}

base_status infer_tensors_read(const char *path, infer_tensors *tensors, base_error *err) {
    size_t n_bytes;
    *tensors = (infer_tensors){0};
    BASE_TRY(base_file_read(path, 0, &tensors->file, &n_bytes, err));
    const uint8_t *bytes = tensors->file;
    static const char hdf5[] = "\x89HDF\r\n\x1a\n";
    bool zip = n_bytes >= 4 && memcmp(bytes, "PK", 2) == 0;
    bool keras = n_bytes >= sizeof hdf5 && memcmp(bytes, hdf5, sizeof hdf5 - 1) == 0;
    base_status status = zip     ? infer_npz_read(path, bytes, n_bytes, tensors, err)
                         : keras ? infer_keras_read(path, bytes, n_bytes, tensors, err)
                                 : infer_safetensors_read(path, bytes, n_bytes, tensors, err);
    if (status != BASE_OK) infer_tensors_release(tensors);
    return status;
}
