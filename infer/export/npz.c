/* NumPy's NPZ: a zip archive of one array per tensor, and metadata.json. */
#include "infer/export/tensors.h"
#include "infer/npz.h"

static void add_tensor(infer_zip_writer *zip, const infer_tensor *tensor) {
    infer_npz_add(zip, &(infer_npz_array){.name = tensor->name,
                                          .type = tensor->type == INFER_I64 ? "<i8" : "<f4",
                                          .rank = tensor->rank,
                                          .dim = tensor->dim,
                                          .data = tensor->data,
                                          .n_bytes = tensor->n_bytes});
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
    return infer_npz_finish(&zip, path, err);
}

static base_status write(infer_model *model, const infer_export_options *options, const char *path,
                         base_error *err) {
    return infer_tensors_export(model, options, path, write_archive, err);
}

const infer_exporter infer_export_npz = {
    .name = "npz",
    .extension = "npz",
    .help =
        "weights under PyTorch's names as NumPy arrays, with classes and configuration. --verify "
        "reads them back.",
    .write = write,
    .verify = infer_tensors_verify,
};
