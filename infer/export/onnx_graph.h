/* infer/export/onnx_graph.h - the two halves of an ONNX graph: front end and network. */
#ifndef INFER_EXPORT_ONNX_GRAPH_H
#define INFER_EXPORT_ONNX_GRAPH_H

#include "infer/export/onnx_builder.h"

/* A value and its number of valid frames ([N], int32; NULL: all). Frames past them are zero, except
 * in the network's input (`is_raw`), where they are normalised silence. */
typedef struct {
    infer_onnx_value x, length;
    bool is_raw;
} infer_onnx_signal;

/* From sounds [N, any channels, any samples] at the model's rate, with their valid samples ([N],
 * int64), to clips [N, channels, samples] as data_clip_prepare makes them, and their valid samples.
 * *silent: [N,1], whether there is no clip. */
infer_onnx_signal infer_onnx_clip(infer_onnx *onnx, const data_audio_options *audio,
                                  infer_onnx_signal sound, infer_onnx_value *silent);

/* From waveforms [N, channels, samples] and their valid samples to filled frames [N,C,F,t] and how
 * many are valid. The fitted normalisation differs per member: infer_onnx_normalized. */
infer_onnx_signal infer_onnx_features(infer_onnx *onnx, const dsp_features *features,
                                      infer_onnx_signal waveform);

/* The filled frames [N,C,F,t] of features [N,C,F,T]. */
infer_onnx_value infer_onnx_filled(infer_onnx *onnx, const dsp_features *features,
                                   infer_onnx_value x);

/* The network's input [N,C,F,T]: t frames with the member's fitted normalisation, then zeros. */
infer_onnx_value infer_onnx_normalized(infer_onnx *onnx, const dsp_features *features,
                                       infer_onnx_value x);

/* From features to logits [N, classes]. The network must be planned with keep_order. ESHAPE, naming
 * the layer, if it cannot be written in ONNX. */
base_status infer_onnx_network(infer_onnx *onnx, const nn_network *network,
                               infer_onnx_signal features, infer_onnx_value *logits,
                               base_error *err);

/* Whether a layer can be written in ONNX; an elementwise one may still be refused. */
bool infer_onnx_knows(const nn_layer *layer);

/* Switches: the user's, and the web page's: the input `length` has no default. */
#define INFER_ONNX_WITH_FEATURES "with-features"
#define INFER_ONNX_NEEDS_LENGTH  "needs-length"

/* Runs the file in python3's onnxruntime on synthesised drums. */
base_status infer_onnx_verify(infer_model *model, const infer_export_options *options,
                              const char *path, base_text *report, base_error *err);

#endif
