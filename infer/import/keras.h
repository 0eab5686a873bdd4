/* infer/import/keras.h - the second half of reading a Keras file. */
#ifndef INFER_IMPORT_KERAS_H
#define INFER_IMPORT_KERAS_H

#include "infer/tensors.h"

/* Turns what the process that read the file hands over into tensors of PyTorch's names and layouts.
 * For each weight: the layer's name and the weight's path, NUL-terminated; its rank and extents,
 * int64; its numbers, float. That process worked on input that nobody vouches for, and so may these
 * bytes be anything: EFORMAT then. */
base_status infer_keras_convert(const char *path, const void *bytes, size_t n_bytes,
                                infer_tensors *tensors, base_error *err);

#endif
