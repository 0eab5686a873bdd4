/* An export format: names and extents of the weights. */
#include "base/file.h"
#include "infer/export/tensors.h"

static base_status write_shapes(const infer_metadata *metadata, const infer_tensors *tensors,
                                const char *path, base_error *err) {
    (void)metadata;
    base_text csv = {0};
    base_text_add(&csv, "name,extents\n");
    for (size_t i = 0; i < tensors->n; i++) {
        const infer_tensor *tensor = &tensors->items[i];
        base_text_add_csv(&csv, tensor->name);
        for (int d = 0; d < tensor->rank; d++) {
            base_text_printf(&csv, "%s%lld", d == 0 ? "," : " ", (long long)tensor->dim[d]);
        }
        base_text_add(&csv, "\n");
    }
    base_status status = base_file_write_text(path, &csv, err);
    base_text_release(&csv);
    return status;
}

static base_status write(infer_model *model, const infer_export_options *options, const char *path,
                         base_error *err) {
    return infer_tensors_export(model, options, path, write_shapes, err);
}

const infer_exporter infer_export_shapes = {
    .name = "shapes",
    .extension = "csv",
    .help = "the names and extents of all weights as CSV",
    .write = write,
};
