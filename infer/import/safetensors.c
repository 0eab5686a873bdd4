/* safetensors: length of the header (u64), header (JSON: name to {dtype, shape, data_offsets}),
 * data. As the format demands, the tensors' ranges must cover the data without gap or overlap. */
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "infer/tensors.h"

#define MAX_HEADER_BYTES ((uint64_t)100 << 20) /* the reference implementation's limit */
#define MAX_EXACT        9007199254740992.0    /* 2^53: whole numbers a JSON number can hold */

typedef struct {
    const char *path;
    const uint8_t *data;
    uint64_t n_data;
    infer_tensors *tensors;
} reading;

static base_status bad(const reading *r, const char *name, const char *what, base_error *err) {
    return base_fail(err, BASE_EFORMAT, "%s: %s: %s", r->path, name, what);
}

static bool whole_number(const cJSON *item, int64_t *value) {
    if (!cJSON_IsNumber(item)) return false;
    double number = item->valuedouble;
    if (!(number >= 0 && number <= MAX_EXACT)) return false;
    *value = (int64_t)number;
    return (double)*value == number;
}

static bool find_type(const cJSON *item, infer_number *type) {
    static const char *const names[INFER_N_NUMBERS] = {
        [INFER_F32] = "F32",   [INFER_F64] = "F64", [INFER_F16] = "F16",
        [INFER_BF16] = "BF16", [INFER_I32] = "I32", [INFER_I64] = "I64"};
    for (int i = 0; cJSON_IsString(item) && i < INFER_N_NUMBERS; i++) {
        *type = (infer_number)i;
        if (strcmp(item->valuestring, names[i]) == 0) return true;
    }
    return false;
}

static base_status read_shape(const reading *r, const cJSON *list, infer_tensor *tensor,
                              base_error *err) {
    if (!cJSON_IsArray(list)) return bad(r, tensor->name, "it has no shape", err);
    const cJSON *item;
    cJSON_ArrayForEach(item, list) {
        if (tensor->rank == INFER_TENSOR_RANK) {
            return bad(r, tensor->name, "it has more than 8 axes", err);
        }
        if (!whole_number(item, &tensor->dim[tensor->rank++])) {
            return bad(r, tensor->name, "an extent is not a whole number", err);
        }
    }
    return BASE_OK;
}

static base_status read_range(const reading *r, const cJSON *pair, infer_tensor *tensor,
                              base_error *err) {
    int64_t begin, end;
    if (!cJSON_IsArray(pair) || cJSON_GetArraySize(pair) != 2 ||
        !whole_number(cJSON_GetArrayItem(pair, 0), &begin) ||
        !whole_number(cJSON_GetArrayItem(pair, 1), &end)) {
        return bad(r, tensor->name, "its data_offsets are not two whole numbers", err);
    }
    if (begin > end || (uint64_t)end > r->n_data) {
        return base_fail(err, BASE_EFORMAT,
                         "%s: %s: its data_offsets %lld to %lld do not lie within the file's %llu "
                         "bytes of data",
                         r->path, tensor->name, (long long)begin, (long long)end,
                         (unsigned long long)r->n_data);
    }
    tensor->data = r->data + begin;
    tensor->n_bytes = (size_t)(end - begin);
    return BASE_OK;
}

static base_status read_tensor(const reading *r, const cJSON *entry, base_error *err) {
    infer_tensor tensor = {.name = base_arena_string(&r->tensors->arena, entry->string)};
    if (tensor.name == NULL) return base_fail(err, BASE_EMEMORY, "%s: out of memory", r->path);
    if (!cJSON_IsObject(entry)) return bad(r, tensor.name, "it is not described", err);
    if (!find_type(cJSON_GetObjectItemCaseSensitive(entry, "dtype"), &tensor.type)) {
        return bad(r, tensor.name, "its dtype is none of F32, F64, F16, BF16, I32 and I64", err);
    }
    BASE_TRY(read_shape(r, cJSON_GetObjectItemCaseSensitive(entry, "shape"), &tensor, err));
    BASE_TRY(read_range(r, cJSON_GetObjectItemCaseSensitive(entry, "data_offsets"), &tensor, err));
    return infer_tensors_add(r->tensors, r->path, &tensor, err);
}

static int by_place(const void *a, const void *b) {
    const infer_tensor *x = a, *y = b;
    if (x->data != y->data) return x->data < y->data ? -1 : 1;
    return x->n_bytes < y->n_bytes ? -1 : x->n_bytes > y->n_bytes;
}

static base_status check_cover(const reading *r, base_error *err) {
    const uint8_t *end = r->data;
    if (r->tensors->n > 0) {
        qsort(r->tensors->items, r->tensors->n, sizeof *r->tensors->items, by_place);
    }
    for (size_t i = 0; i < r->tensors->n; i++) {
        const infer_tensor *tensor = &r->tensors->items[i];
        if (tensor->data < end) return bad(r, tensor->name, "it overlaps the one before it", err);
        if (tensor->data > end) return bad(r, tensor->name, "there is a gap before it", err);
        end = tensor->data + tensor->n_bytes;
    }
    if (end == r->data + r->n_data) return BASE_OK;
    return base_fail(err, BASE_EFORMAT, "%s: bytes follow the last tensor", r->path);
}

static base_status read_entries(const reading *r, const cJSON *root, base_error *err) {
    const cJSON *entry;
    if (!cJSON_IsObject(root)) {
        return base_fail(err, BASE_EFORMAT, "%s: its header is not a JSON object", r->path);
    }
    cJSON_ArrayForEach(entry, root) {
        if (strcmp(entry->string, "__metadata__") == 0) continue;
        BASE_TRY(read_tensor(r, entry, err));
    }
    return check_cover(r, err);
}

base_status infer_safetensors_read(const char *path, const uint8_t *bytes, size_t n_bytes,
                                   infer_tensors *tensors, base_error *err) {
    uint64_t n_header;
    if (n_bytes < sizeof n_header) {
        return base_fail(err, BASE_EFORMAT, "%s: neither a safetensors nor an NPZ file", path);
    }
    memcpy(&n_header, bytes, sizeof n_header);
    uint64_t n_rest = n_bytes - sizeof n_header;
    if (n_header > n_rest || n_header > MAX_HEADER_BYTES) {
        return base_fail(err, BASE_EFORMAT,
                         "%s: neither an NPZ file nor safetensors: a header of %llu bytes does not "
                         "fit",
                         path, (unsigned long long)n_header);
    }
    const char *header = (const char *)bytes + sizeof n_header;
    reading r = {.path = path,
                 .data = bytes + sizeof n_header + n_header,
                 .n_data = n_rest - n_header,
                 .tensors = tensors};
    cJSON *root = cJSON_ParseWithLength(header, (size_t)n_header);
    base_status status = read_entries(&r, root, err);
    cJSON_Delete(root);
    return status;
}
