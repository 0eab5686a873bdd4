/* infer/tensors.h - named tensors to and from files of other tools. */
#ifndef INFER_TENSORS_H
#define INFER_TENSORS_H

#include "base/file.h"
#include "nn/network.h"

typedef enum {
    INFER_F32,
    INFER_F64,
    INFER_F16,
    INFER_BF16,
    INFER_I32,
    INFER_I64,
    INFER_N_NUMBERS
} infer_number;

#define INFER_TENSOR_RANK 8

typedef struct {
    const char *name;
    infer_number type;
    int rank; /* 0: one number */
    int64_t dim[INFER_TENSOR_RANK];
    const uint8_t *data; /* little-endian, row-major, not aligned */
    size_t n_bytes;
} infer_tensor;

typedef struct {
    base_arena arena; /* names and numbers made for the list */
    void *file;       /* what was read; the tensors' data lie in it */
    infer_tensor *items;
    size_t n, capacity;
} infer_tensors; /* all zeros is an empty list */

void infer_tensors_release(infer_tensors *tensors);

/* Every tensor of a network as in PyTorch's state_dict, with num_batches_tracked a single I64. Data
 * are borrowed from the network. */
base_status infer_tensors_of(nn_network *network, infer_tensors *tensors, base_error *err);

/* Reads a safetensors, NPZ or Keras HDF5 file, told apart by content; Keras' names and layouts
 * become PyTorch's. Untrusted input: every extent and offset is checked. EFORMAT names the file and
 * the tensor. Entries that are not tensors (metadata) are skipped. On failure the list is released.
 */
base_status infer_tensors_read(const char *path, infer_tensors *tensors, base_error *err);

/* For the readers: appends a tensor after checking that its extents match its bytes and that its
 * name is new and printable. */
base_status infer_tensors_add(infer_tensors *tensors, const char *path, const infer_tensor *tensor,
                              base_error *err);
base_status infer_safetensors_read(const char *path, const uint8_t *bytes, size_t n_bytes,
                                   infer_tensors *tensors, base_error *err);
base_status infer_npz_read(const char *path, const uint8_t *bytes, size_t n_bytes,
                           infer_tensors *tensors, base_error *err);
base_status infer_keras_read(const char *path, const uint8_t *bytes, size_t n_bytes,
                             infer_tensors *tensors, base_error *err);

/* Whether a tensor is the batch counter of PyTorch's batch norms, which affects no result. */
bool infer_tensor_is_counter(const char *name);

size_t infer_number_bytes(infer_number type);
int64_t infer_tensor_count(const infer_tensor *tensor); /* -1 if it cannot be counted */
/* Numbers as float, rounded to nearest, into out [count]. */
void infer_tensor_floats(const infer_tensor *tensor, float *out);
/* "[64,1,3,3]" into buf[160]; returns buf. */
const char *infer_tensor_shape(const infer_tensor *tensor, char buf[160]);

#endif
