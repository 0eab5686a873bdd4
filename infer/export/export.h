/* infer/export/export.h - a model's weights for other tools.
 *
 * Every format is one file of infer/export/ that exports one infer_exporter, listed in
 * infer/export/exporters.def. An export appears whole or not at all. */
#ifndef INFER_EXPORT_EXPORT_H
#define INFER_EXPORT_EXPORT_H

#include "infer/model.h"

typedef struct {
    bool with_features; /* from the waveform instead of from the features */
    bool int8; /* weights as 8-bit integers with a scale per output channel, where the format can */
    bool needs_length; /* onnx: the input `length` has no preset value, so must be given */
    int member; /* which network of an ensemble; -1: all (an ensemble is then refused by formats
                   that hold one network) */
} infer_export_options;

typedef struct {
    const char *name;      /* "onnx" */
    const char *extension; /* "onnx"; of the default file name; "" for a folder */
    const char *help;      /* one sentence */
    bool takes_features;   /* knows with_features */
    bool takes_int8;
    /* Writes to `path`. ESHAPE or ECONFIG, naming the layer, for a network that has no form in this
     * format. */
    base_status (*write)(infer_model *model, const infer_export_options *options, const char *path,
                         base_error *err);
    /* Compares what lies at `path` with the model and adds a line about it to `report`. Fails where
     * they differ, or where they cannot be compared. */
    base_status (*verify)(infer_model *model, const infer_export_options *options, const char *path,
                          base_text *report, base_error *err);
} infer_exporter;

const infer_exporter *const *infer_exporters(int *n);

#endif
