/* safetensors: a JSON header with names, shapes and offsets, then the numbers. */
#include <inttypes.h>
#include <string.h>

#include "infer/export/tensors.h"

static void add_tensor(const infer_tensor *tensor, size_t begin, base_text *header) {
    char shape[160];
    base_text_add(header, ",");
    base_text_add_json(header, tensor->name);
    base_text_printf(header, ":{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":[%zu,%zu]}",
                     tensor->type == INFER_I64 ? "I64" : "F32", infer_tensor_shape(tensor, shape),
                     begin, begin + tensor->n_bytes);
}

static void add_header(const infer_metadata *metadata, const infer_tensors *tensors,
                       base_text *file) {
    enum { LENGTH_BYTES = 8 };
    base_text header = {0};
    size_t begin = 0;
    base_text_add(&header, "{\"__metadata__\":");
    infer_metadata_add_json(metadata, &header);
    for (size_t i = 0; i < tensors->n; i++) {
        add_tensor(&tensors->items[i], begin, &header);
        begin += tensors->items[i].n_bytes;
    }
    base_text_add(&header, "}");
    while (header.size % LENGTH_BYTES != 0 && !header.failed) base_text_add(&header, " ");
    uint64_t length = header.size;
    base_text_add_bytes(file, &length, sizeof length);
    base_text_add_bytes(file, base_text_string(&header), header.size);
    file->failed |= header.failed;
    base_text_release(&header);
}

base_status infer_safetensors_write(const infer_metadata *metadata, const infer_tensors *tensors,
                                    const char *path, base_error *err) {
    base_text file = {0};
    add_header(metadata, tensors, &file);
    for (size_t i = 0; i < tensors->n; i++) {
        base_text_add_bytes(&file, tensors->items[i].data, tensors->items[i].n_bytes);
    }
    base_status status = base_file_write_text(path, &file, err);
    base_text_release(&file);
    return status;
}

static base_status write(infer_model *model, const infer_export_options *options, const char *path,
                         base_error *err) {
    return infer_tensors_export(model, options, path, infer_safetensors_write, err);
}

const infer_exporter infer_export_safetensors = {
    .name = "safetensors",
    .extension = "safetensors",
    .help = "weights under PyTorch's names, with classes and configuration as metadata. --verify "
            "reads them back.",
    .write = write,
    .verify = infer_tensors_verify,
};
