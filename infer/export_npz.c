/* NumPy's NPZ: a zip archive of one array per tensor, and metadata.json. */
#include "infer/export_tensors.h"
#include "infer/zip.h"

/* NumPy's format 1.0: magic, length of the header, a Python dictionary padded to 64 bytes. */
static void add_npy_header(const infer_tensor *tensor, base_text *out) {
    enum { PREFIX = 10, ALIGN = 64 };
    base_text text = {0};
    base_text_printf(&text, "{'descr': '%s', 'fortran_order': False, 'shape': (",
                     tensor->type == INFER_I64 ? "<i8" : "<f4");
    for (int i = 0; i < tensor->rank; i++) {
        base_text_printf(&text, "%lld,", (long long)tensor->dim[i]);
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

static void add_tensor(infer_zip_writer *zip, const infer_tensor *tensor) {
    base_text head = {0}, name = {0};
    add_npy_header(tensor, &head);
    base_text_printf(&name, "%s.npy", tensor->name);
    const infer_zip_part parts[2] = {{base_text_string(&head), head.size},
                                     {tensor->data, tensor->n_bytes}};
    infer_zip_add(zip, base_text_string(&name), parts);
    zip->file.failed |= head.failed || name.failed;
    base_text_release(&head);
    base_text_release(&name);
}

static void add_metadata(infer_zip_writer *zip, const infer_metadata *metadata) {
    base_text json = {0};
    infer_metadata_add_json(metadata, &json);
    const infer_zip_part parts[2] = {{base_text_string(&json), json.size}, {"\n", 1}};
    infer_zip_add(zip, "metadata.json", parts);
    zip->file.failed |= json.failed;
    base_text_release(&json);
}

static base_status write_archive(const infer_metadata *metadata, const infer_tensors *tensors,
                                 const char *path, base_error *err) {
    infer_zip_writer zip = {0};
    for (size_t i = 0; i < tensors->n; i++) add_tensor(&zip, &tensors->items[i]);
    add_metadata(&zip, metadata);
    infer_zip_close(&zip);
    base_status status =
        zip.too_large
            ? base_fail(err, BASE_ESHAPE, "%s: the weights are larger than a zip's 4 GiB", path)
            : base_file_write_text(path, &zip.file, err);
    infer_zip_release(&zip);
    return status;
}

static base_status write(infer_model *model, const infer_export_options *options, const char *path,
                         base_error *err) {
    return infer_tensors_export(model, options, path, write_archive, err);
}

const infer_exporter infer_export_npz = {
    .name = "npz",
    .extension = "npz",
    .help = "weights under PyTorch's names as NumPy arrays, with classes and configuration",
    .write = write,
    .verify = infer_tensors_verify,
};
