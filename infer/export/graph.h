/* infer/export/graph.h - a model's network as exporters walk it: layer by layer, none fused. */
#ifndef INFER_EXPORT_GRAPH_H
#define INFER_EXPORT_GRAPH_H

#include "infer/export/export.h"

/* The member that `options` names. EUSAGE if there is no such member, or if the model is an
 * ensemble and none is named. */
base_status infer_graph_member(const infer_model *model, const infer_export_options *options,
                               int *member, base_error *err);

/* The same for formats that hold an ensemble: -1 (all) if none is named. */
base_status infer_graph_members(const infer_model *model, const infer_export_options *options,
                                int *member, base_error *err);

/* A copy of a network, weights included, planned for one sample with keep_order. */
base_status infer_graph_new(nn_network *network, nn_network **plain, base_error *err);

/* ECONFIG if the member's front end has no form in `format` ("ONNX"): no format has one for
 * descriptors, and not every format for rasters. */
base_status infer_graph_features(const infer_member *member, const char *format, bool has_rasters,
                                 base_error *err);

/* A member's front end with its own network, or with another of the same input. */
typedef struct {
    infer_model *model;
    int member;
    nn_network *network;
} infer_graph_path;

/* Probabilities of one prepared clip. */
base_status infer_graph_classify(const infer_graph_path *path, const data_audio *clip,
                                 float *probability, base_error *err);

/* Whether f(0) = 0. */
bool infer_graph_keeps_zero(const nn_function *function);

/* A bound option by its key, which the layer must have. */
const void *infer_graph_option(const nn_graph_node *node, const char *key);
int64_t infer_graph_int(const nn_graph_node *node, const char *key);
int infer_graph_choice(const nn_graph_node *node, const char *key);
bool infer_graph_bool(const nn_graph_node *node, const char *key);
double infer_graph_float(const nn_graph_node *node, const char *key);
base_ints infer_graph_ints(const nn_graph_node *node, const char *key);
base_strings infer_graph_strings(const nn_graph_node *node, const char *key);

#endif
