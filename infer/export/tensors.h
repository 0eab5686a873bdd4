/* infer/export/tensors.h - shared by the formats that are lists of named tensors. */
#ifndef INFER_EXPORT_TENSORS_H
#define INFER_EXPORT_TENSORS_H

#include "infer/export/metadata.h"
#include "infer/tensors.h"

typedef base_status infer_tensors_writer(const infer_metadata *metadata,
                                         const infer_tensors *tensors, const char *path,
                                         base_error *err);

infer_tensors_writer infer_safetensors_write;

/* Collects a member's tensors and metadata and hands them to `write`. */
base_status infer_tensors_export(infer_model *model, const infer_export_options *options,
                                 const char *path, infer_tensors_writer *write, base_error *err);

/* Reads the file back and compares names, shapes and bits. */
base_status infer_tensors_verify(infer_model *model, const infer_export_options *options,
                                 const char *path, base_text *report, base_error *err);

#endif
