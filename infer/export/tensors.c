#include "infer/export/tensors.h"

#include <string.h>

#include "infer/export/graph.h"

base_status infer_tensors_export(infer_model *model, const infer_export_options *options,
                                 const char *path, infer_tensors_writer *write, base_error *err) {
    int member;
    infer_metadata metadata;
    infer_tensors tensors;
    BASE_TRY(infer_graph_member(model, options, &member, err));
    BASE_TRY(infer_tensors_of(infer_model_network(model, member), &tensors, err));
    base_status status = infer_metadata_make(model, member, &metadata, err);
    if (status == BASE_OK) {
        status = write(&metadata, &tensors, path, err);
        infer_metadata_release(&metadata);
    }
    infer_tensors_release(&tensors);
    return status;
}

static const infer_tensor *find(const infer_tensors *tensors, const char *name) {
    for (size_t i = 0; i < tensors->n; i++) {
        if (strcmp(tensors->items[i].name, name) == 0) return &tensors->items[i];
    }
    return NULL;
}

static bool equal(const infer_tensor *a, const infer_tensor *b) {
    return a->type == b->type && a->rank == b->rank && a->n_bytes == b->n_bytes &&
           memcmp(a->dim, b->dim, (size_t)a->rank * sizeof *a->dim) == 0 &&
           memcmp(a->data, b->data, a->n_bytes) == 0;
}

static base_status compare(const infer_tensors *own, const infer_tensors *stored, const char *path,
                           base_text *report, base_error *err) {
    for (size_t i = 0; i < own->n; i++) {
        const infer_tensor *other = find(stored, own->items[i].name);
        if (other != NULL && equal(&own->items[i], other)) continue;
        return base_fail(err, BASE_EMISMATCH, "%s: %s differs from the model", path,
                         own->items[i].name);
    }
    if (stored->n > own->n) {
        return base_fail(err, BASE_EMISMATCH, "%s: has tensors that the model lacks", path);
    }
    base_text_printf(report, "read back: all %zu tensors equal bit for bit\n", own->n);
    return BASE_OK;
}

base_status infer_tensors_verify(infer_model *model, const infer_export_options *options,
                                 const char *path, base_text *report, base_error *err) {
    int member;
    infer_tensors own, stored;
    BASE_TRY(infer_graph_member(model, options, &member, err));
    BASE_TRY(infer_tensors_of(infer_model_network(model, member), &own, err));
    base_status status = infer_tensors_read(path, &stored, err);
    if (status == BASE_OK) {
        status = compare(&own, &stored, path, report, err);
        infer_tensors_release(&stored);
    }
    infer_tensors_release(&own);
    return status;
}
