/* infer/export/onnx_layers.h - shared by the files that write layers in ONNX. */
#ifndef INFER_EXPORT_ONNX_LAYERS_H
#define INFER_EXPORT_ONNX_LAYERS_H

#include "infer/export/onnx_graph.h"

/* A layer about to be written. */
typedef struct {
    infer_onnx *onnx;
    nn_graph_node node;
    infer_onnx_value x[NN_MAX_INPUTS];
    infer_onnx_value length; /* valid frames of x[0]; NULL: all */
} infer_onnx_layer;

/* A tensor of the layer; NULL if it has none of that name. */
const float *infer_onnx_layer_data(const infer_onnx_layer *call, const char *name, bool is_state);

infer_onnx_value infer_onnx_map(const infer_onnx_layer *call);
infer_onnx_value infer_onnx_gru(const infer_onnx_layer *call);
infer_onnx_value infer_onnx_lstm(const infer_onnx_layer *call);
infer_onnx_value infer_onnx_rnn(const infer_onnx_layer *call);

#endif
