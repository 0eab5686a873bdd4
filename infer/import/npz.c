/* NPZ: a zip archive of arrays NAME.npy (numpy.lib.format 1 to 3). Entries must be uncompressed and
 * below 4 GiB; one that is not an array, such as metadata.json, is skipped. */
#include <string.h>

#include "infer/tensors.h"
#include "infer/zip.h"

#define NPY_MAGIC "\x93NUMPY"

typedef struct {
    const char *path, *name;
    const char *at, *end; /* of the header's text */
} header;

static base_status bad(const header *h, const char *what, base_error *err) {
    return base_fail(err, BASE_EFORMAT, "%s: %s: %s", h->path, h->name, what);
}

static void skip_spaces(header *h) {
    while (h->at < h->end && (*h->at == ' ' || *h->at == '\n')) h->at++;
}

static bool take(header *h, const char *text) {
    size_t n = strlen(text);
    skip_spaces(h);
    if ((size_t)(h->end - h->at) < n || memcmp(h->at, text, n) != 0) return false;
    h->at += n;
    return true;
}

/* A text in single quotes, at most size - 1 long. */
static bool take_text(header *h, char *text, size_t size) {
    if (!take(h, "'")) return false;
    const char *close = memchr(h->at, '\'', (size_t)(h->end - h->at));
    if (close == NULL || (size_t)(close - h->at) >= size) return false;
    memcpy(text, h->at, (size_t)(close - h->at));
    text[close - h->at] = '\0';
    h->at = close + 1;
    return true;
}

static bool take_number(header *h, int64_t *value) {
    skip_spaces(h);
    const char *start = h->at;
    *value = 0;
    while (h->at < h->end && *h->at >= '0' && *h->at <= '9') {
        int64_t tens;
        if (!base_mul(*value, 10, &tens) || !base_add(tens, *h->at - '0', value)) return false;
        h->at++;
    }
    return h->at > start;
}

/* "(3, 4)", "(3,)", "()" */
static bool take_shape(header *h, infer_tensor *tensor) {
    if (!take(h, "(")) return false;
    while (!take(h, ")")) {
        if (tensor->rank == INFER_TENSOR_RANK) return false;
        if (!take_number(h, &tensor->dim[tensor->rank++])) return false;
        if (take(h, ",")) continue;
        return take(h, ")");
    }
    return true;
}

static base_status set_type(const header *h, const char *descr, infer_tensor *tensor,
                            base_error *err) {
    static const struct {
        const char *descr;
        infer_number type;
    } types[] = {{"<f4", INFER_F32},
                 {"<f8", INFER_F64},
                 {"<f2", INFER_F16},
                 {"<i4", INFER_I32},
                 {"<i8", INFER_I64}};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        tensor->type = types[i].type;
        if (strcmp(types[i].descr, descr) == 0) return BASE_OK;
    }
    if (descr[0] == '|' && descr[1] == 'O') {
        return bad(h, "an array of Python objects, which only Python can read", err);
    }
    return base_fail(err, BASE_EFORMAT,
                     "%s: %s: its numbers are '%s'; <f4, <f8, <f2, <i4 and <i8 are read", h->path,
                     h->name, descr);
}

/* "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }" in any order. */
static base_status read_header(header *h, infer_tensor *tensor, base_error *err) {
    char key[32], descr[32] = "";
    bool has_shape = false, has_order = false, fortran = false, fits = take(h, "{");
    while (fits && !take(h, "}")) {
        fits = take_text(h, key, sizeof key) && take(h, ":");
        if (!fits) break;
        if (strcmp(key, "descr") == 0) {
            fits = take_text(h, descr, sizeof descr);
        } else if (strcmp(key, "fortran_order") == 0) {
            fortran = take(h, "True");
            fits = has_order = fortran || take(h, "False");
        } else {
            fits = has_shape = strcmp(key, "shape") == 0 && !has_shape && take_shape(h, tensor);
        }
        take(h, ",");
    }
    if (!fits || !has_shape || !has_order || descr[0] == '\0') {
        return bad(h, "its header is not that of an array of numbers", err);
    }
    BASE_TRY(set_type(h, descr, tensor, err));
    if (!fortran) return BASE_OK;
    return bad(h, "Fortran order; save numpy.ascontiguousarray(...) of it", err);
}

static base_status read_array(const char *path, const char *name, const infer_zip_entry *entry,
                              infer_tensors *tensors, base_error *err) {
    enum { FIXED = 8 };
    header h = {.path = path, .name = name};
    const uint8_t *bytes = entry->data;
    if (entry->n_bytes < FIXED + 4 || memcmp(bytes, NPY_MAGIC, 6) != 0) {
        return bad(&h, "not an array of NumPy's format", err);
    }
    size_t start = bytes[6] == 1 ? FIXED + 2 : FIXED + 4, length;
    length = (size_t)bytes[8] | (size_t)bytes[9] << 8;
    if (bytes[6] != 1) length |= (size_t)bytes[10] << 16 | (size_t)bytes[11] << 24;
    if (bytes[6] < 1 || bytes[6] > 3 || length > entry->n_bytes - start) {
        return bad(&h, "its header is cut off or of an unknown version", err);
    }
    h.at = (const char *)bytes + start;
    h.end = h.at + length;
    infer_tensor tensor = {
        .name = name, .data = bytes + start + length, .n_bytes = entry->n_bytes - start - length};
    BASE_TRY(read_header(&h, &tensor, err));
    return infer_tensors_add(tensors, path, &tensor, err);
}

base_status infer_npz_read(const char *path, const uint8_t *bytes, size_t n_bytes,
                           infer_tensors *tensors, base_error *err) {
    infer_zip zip;
    BASE_TRY(infer_zip_open(path, bytes, n_bytes, &zip, err));
    for (int64_t i = 0; i < zip.n; i++) {
        infer_zip_entry entry;
        BASE_TRY(infer_zip_next(&zip, &entry, err));
        static const char extension[] = ".npy";
        size_t n_extension = sizeof extension - 1;
        if (entry.n_name < n_extension) continue;
        size_t n_name = entry.n_name - n_extension;
        if (memcmp(entry.name + n_name, extension, n_extension) != 0) continue;
        const char *name = base_arena_copy(&tensors->arena, entry.name, n_name);
        if (name == NULL) return base_fail(err, BASE_EMEMORY, "%s: out of memory", path);
        BASE_TRY(read_array(path, name, &entry, tensors, err));
    }
    return BASE_OK;
}
