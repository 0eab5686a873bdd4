/* infer/npz.h - writes NumPy arrays (.npy format 1.0) into a zip archive. */
#ifndef INFER_NPZ_H
#define INFER_NPZ_H

#include "infer/zip.h"

typedef struct {
    const char *name; /* without ".npy" */
    const char *type; /* NumPy's: "<f4", "<i8", "<U12" */
    int rank;
    const int64_t *dim;
    const void *data; /* little-endian, row-major */
    size_t n_bytes;
} infer_npz_array;

void infer_npz_add(infer_zip_writer *zip, const infer_npz_array *array);

/* The same for n strings, which become NumPy's fixed-width Unicode. */
void infer_npz_add_strings(infer_zip_writer *zip, const char *name, const char *const *strings,
                           int64_t n);

/* Closes the archive, writes it to `path` and releases it. ESHAPE above 4 GiB. */
base_status infer_npz_finish(infer_zip_writer *zip, const char *path, base_error *err);

#endif
