/* infer/export/onnx_graph.h - the two halves of an exported path: front end and network. */
#ifndef INFER_EXPORT_ONNX_GRAPH_H
#define INFER_EXPORT_ONNX_GRAPH_H

#include "infer/export/onnx_builder.h"

/* A value and its valid frames ([N], int32; NULL: all). What follows them is zero, except in the
 * network's input, which is raw: silence, normalised. */
typedef struct {
    infer_onnx_value x, length;
    bool is_raw;
} infer_onnx_signal;

/* From waveforms [N, channels, samples] and their valid samples to the frames they fill, [N,C,F,t],
 * and the valid ones. Fitted normalisation is left to infer_onnx_normalized, since it is a member's
 * own. */
infer_onnx_signal infer_onnx_features(infer_onnx *onnx, const dsp_features *features,
                                      infer_onnx_signal waveform);

/* [N,C,F,t] of features [N,C,F,T]. */
infer_onnx_value infer_onnx_filled(infer_onnx *onnx, const dsp_features *features,
                                   infer_onnx_value x);

/* What the network is given, [N,C,F,T]: t frames normalised by what was fitted, then zeros. */
infer_onnx_value infer_onnx_normalized(infer_onnx *onnx, const dsp_features *features,
                                       infer_onnx_value x);

/* From features to logits [N, classes]. The network is planned with keep_order. ESHAPE, naming the
 * layer, where one has no form in ONNX. */
base_status infer_onnx_network(infer_onnx *onnx, const nn_network *network,
                               infer_onnx_signal features, infer_onnx_value *logits,
                               base_error *err);

/* Whether a layer has a form in ONNX; an elementwise one may still be refused. */
bool infer_onnx_knows(const nn_layer *layer);

/* Switches: the user's, and one of the web page's: the input `length` has no preset value. */
#define INFER_ONNX_WITH_FEATURES "with-features"
#define INFER_ONNX_NEEDS_LENGTH  "needs-length"

/* Runs the file in onnxruntime, by python3, on synthesised drums. */
base_status infer_onnx_verify(infer_model *model, const infer_export_options *options,
                              const char *path, base_text *report, base_error *err);

#endif
