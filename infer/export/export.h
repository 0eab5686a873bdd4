/* infer/export/export.h - models for other tools.
 *
 * A format is one file of infer/export/ that defines an infer_exporter, listed in
 * infer/export/exporters.def. An export appears whole or not at all. */
#ifndef INFER_EXPORT_EXPORT_H
#define INFER_EXPORT_EXPORT_H

#include "infer/model.h"

/* A switch of a format: its key and one line of help. */
typedef struct {
    const char *key; /* "int8"; NULL ends a table */
    const char *help;
} infer_export_switch;

typedef struct {
    const char *const *switches; /* keys of those that are on, ended by NULL; NULL: none */
    int member; /* which network of an ensemble; -1: all (an ensemble is then refused by formats
                   that hold one network) */
} infer_export_options;

typedef struct {
    const char *name;      /* "onnx" */
    const char *extension; /* "onnx"; of the default file name; "" for a folder */
    const char *help;      /* what is written and how it is verified, in two sentences */
    const infer_export_switch *switches; /* NULL: none */
    /* Writes to `path`. ESHAPE or ECONFIG, naming the layer, if the format cannot express it. */
    base_status (*write)(infer_model *model, const infer_export_options *options, const char *path,
                         base_error *err);
    /* Compares the export at `path` with the model and adds a line to `report`. Fails if they
     * differ or cannot be compared. NULL: it cannot be verified. */
    base_status (*verify)(infer_model *model, const infer_export_options *options, const char *path,
                          base_text *report, base_error *err);
} infer_exporter;

const infer_exporter *const *infer_exporters(int *n);
/* NULL: no such format. */
const infer_exporter *infer_exporter_find(const char *name);
bool infer_export_is_on(const infer_export_options *options, const char *key);

#endif
