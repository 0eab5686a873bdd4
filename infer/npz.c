#include "infer/npz.h"

#include <string.h>

#include "base/file.h"

/* Magic, length of the header, a Python dictionary padded to 64 bytes. */
static void add_header(const infer_npz_array *array, base_text *out) {
    enum { PREFIX = 10, ALIGN = 64 };
    base_text text = {0};
    base_text_printf(&text, "{'descr': '%s', 'fortran_order': False, 'shape': (", array->type);
    for (int i = 0; i < array->rank; i++) {
        base_text_printf(&text, "%lld,", (long long)array->dim[i]);
    }
    base_text_add(&text, "), }");
    while ((PREFIX + text.size + 1) % ALIGN != 0 && !text.failed) base_text_add(&text, " ");
    base_text_add(&text, "\n");
    uint8_t length[2] = {(uint8_t)text.size, (uint8_t)(text.size >> 8)};
    base_text_add_bytes(out, "\x93NUMPY\1\0", 8);
    base_text_add_bytes(out, length, sizeof length);
    base_text_add(out, base_text_string(&text));
    out->failed |= text.failed;
    base_text_release(&text);
}

void infer_npz_add(infer_zip_writer *zip, const infer_npz_array *array) {
    base_text head = {0}, name = {0};
    add_header(array, &head);
    base_text_printf(&name, "%s.npy", array->name);
    const infer_zip_part parts[2] = {{base_text_string(&head), head.size},
                                     {array->data, array->n_bytes}};
    infer_zip_add(zip, base_text_string(&name), parts);
    zip->file.failed |= head.failed || name.failed;
    base_text_release(&head);
    base_text_release(&name);
}

/* The next character and its length; a byte that is no UTF-8 stands for itself. */
static size_t next_character(const char *text, uint32_t *code) {
    size_t n = base_utf8_decode(text, code);
    if (n > 0 || *text == '\0') return n;
    *code = (uint8_t)*text;
    return 1;
}

static int64_t count_characters(const char *text) {
    int64_t count = 0;
    uint32_t code;
    for (size_t n; (n = next_character(text, &code)) > 0; text += n) count++;
    return count;
}

void infer_npz_add_strings(infer_zip_writer *zip, const char *name, const char *const *strings,
                           int64_t n) {
    int64_t longest = 1;
    base_text type = {0};
    for (int64_t i = 0; i < n; i++) {
        int64_t count = count_characters(strings[i]);
        if (count > longest) longest = count;
    }
    size_t n_codes = (size_t)n * (size_t)longest;
    uint32_t *codes = base_alloc(n_codes > 0 ? n_codes : 1, sizeof *codes);
    base_text_printf(&type, "<U%lld", (long long)longest);
    if (codes != NULL && !type.failed) {
        memset(codes, 0, n_codes * sizeof *codes);
        for (int64_t i = 0; i < n; i++) {
            uint32_t *row = codes + i * longest;
            const char *at = strings[i];
            for (size_t length; (length = next_character(at, row)) > 0; at += length) row++;
        }
        infer_npz_add(zip, &(infer_npz_array){.name = name,
                                              .type = type.data,
                                              .rank = 1,
                                              .dim = &n,
                                              .data = codes,
                                              .n_bytes = n_codes * sizeof *codes});
    } else {
        zip->file.failed = true;
    }
    base_free(codes);
    base_text_release(&type);
}

base_status infer_npz_finish(infer_zip_writer *zip, const char *path, base_error *err) {
    infer_zip_close(zip);
    base_status status =
        zip->too_large ? base_fail(err, BASE_ESHAPE, "%s: would be larger than a zip's 4 GiB", path)
                       : base_file_write_text(path, &zip->file, err);
    infer_zip_release(zip);
    return status;
}
