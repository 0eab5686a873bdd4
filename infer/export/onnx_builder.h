/* infer/export/onnx_builder.h - an ONNX graph, built operator by operator.
 *
 * A value is its name. Once an allocation fails, `failed` stays set, further calls do nothing and
 * every value is "": check once at the end. Names and copies live in the arena; weights are
 * borrowed until the model is written. */
#ifndef INFER_EXPORT_ONNX_BUILDER_H
#define INFER_EXPORT_ONNX_BUILDER_H

#include "base/file.h"
#include "infer/export/metadata.h"
#include "infer/export/onnx.pb-c.h"

/* TensorProto.DataType */
typedef enum {
    INFER_ONNX_FLOAT = 1,
    INFER_ONNX_INT32 = 6,
    INFER_ONNX_INT64 = 7,
    INFER_ONNX_DOUBLE = 11
} infer_onnx_type;

typedef const char *infer_onnx_value;

typedef struct {
    infer_onnx_type type;
    int rank;
    int64_t dim[5]; /* negative, of an input: any */
} infer_onnx_shape;

/* Masks of valid frames made so far, by length and rank. */
typedef struct infer_onnx_mask infer_onnx_mask;

typedef struct {
    base_arena arena;
    Rimshot__Onnx__Graph graph;
    size_t node_capacity, initializer_capacity, input_capacity, output_capacity;
    const char *member; /* "" or, in an ensemble, "member0/": put before the names of weights */
    const char *scope;  /* put before the names of nodes and of their values */
    infer_onnx_mask *masks;
    bool failed;
} infer_onnx;

void infer_onnx_init(infer_onnx *onnx);
void infer_onnx_release(infer_onnx *onnx);

/* Zeroed memory that lives as long as the graph; NULL once anything failed. */
void *infer_onnx_take(infer_onnx *onnx, int64_t n, size_t size_bytes);

/* Appends a node and returns its (first) output. An input "" is omitted. */
infer_onnx_value infer_onnx_op(infer_onnx *onnx, const char *op, int n_in,
                               const infer_onnx_value *in);
#define INFER_OP(onnx, op, ...)                                                                    \
    infer_onnx_op(onnx, op, (int)(sizeof((const char *[]){__VA_ARGS__}) / sizeof(const char *)),   \
                  (const char *[]){__VA_ARGS__})
/* The next output of the last node. */
infer_onnx_value infer_onnx_add_output(infer_onnx *onnx);

/* Renames the last node's output. */
void infer_onnx_rename(infer_onnx *onnx, const char *name);

/* Attributes of the last node. */
void infer_onnx_set_int(infer_onnx *onnx, const char *name, int64_t value);
void infer_onnx_set_float(infer_onnx *onnx, const char *name, double value);
void infer_onnx_set_string(infer_onnx *onnx, const char *name, const char *value);
void infer_onnx_set_ints(infer_onnx *onnx, const char *name, int n, const int64_t *items);
void infer_onnx_set_strings(infer_onnx *onnx, const char *name, int n, const char *item);

/* A named tensor; `data` is borrowed. */
infer_onnx_value infer_onnx_weight(infer_onnx *onnx, const char *name, infer_onnx_shape shape,
                                   const void *data);
/* Constants under generated names: a copy of `data`, a number, a list of numbers. */
infer_onnx_value infer_onnx_constant(infer_onnx *onnx, infer_onnx_shape shape, const void *data);
infer_onnx_value infer_onnx_float(infer_onnx *onnx, double value);
infer_onnx_value infer_onnx_int32(infer_onnx *onnx, int64_t value);
infer_onnx_value infer_onnx_list(infer_onnx *onnx, int n, const int64_t *items);

/* x reshaped to [N, shape]. */
infer_onnx_value infer_onnx_reshape(infer_onnx *onnx, infer_onnx_value x, nn_shape shape);
/* Axis i of the result is axis order[i] of x. */
infer_onnx_value infer_onnx_transpose(infer_onnx *onnx, infer_onnx_value x, int rank,
                                      const int64_t *order);

/* Inputs and outputs of the graph. Their first axis is dynamic and named `batch`. */
void infer_onnx_input(infer_onnx *onnx, const char *name, const char *batch, infer_onnx_shape shape,
                      const char *help);
void infer_onnx_output(infer_onnx *onnx, const char *name, const char *batch,
                       infer_onnx_shape shape, const char *help);

/* True for each frame before `length` ([N], int32): [N,1,1,T] for an image (rank 3), [N,T,1] for a
 * sequence (rank 2). Built once per length and rank. */
infer_onnx_value infer_onnx_frames(infer_onnx *onnx, infer_onnx_value length, int rank,
                                   int64_t n_frames);
/* Frames past the length replaced by `fill`. */
infer_onnx_value infer_onnx_mask_frames(infer_onnx *onnx, infer_onnx_value x,
                                        infer_onnx_value length, nn_shape shape, double fill);

base_status infer_onnx_write(infer_onnx *onnx, const infer_metadata *metadata, const char *path,
                             base_error *err);

#endif
