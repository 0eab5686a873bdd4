/* infer/import/keras.h - the second half of reading a Keras file, apart for its tests. */
#ifndef INFER_IMPORT_KERAS_H
#define INFER_IMPORT_KERAS_H

#include "infer/tensors.h"

/* Converts the output of the process that read the file into tensors with PyTorch's names and
 * layouts. For each weight: the layer's name and the weight's path, NUL-terminated; rank and
 * extents, int64; the numbers, float. The file was untrusted, and so are these bytes: EFORMAT. */
base_status infer_keras_convert(const char *path, const void *bytes, size_t n_bytes,
                                infer_tensors *tensors, base_error *err);

#endif
