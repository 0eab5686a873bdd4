/* infer/import_weights.h - weights of another tool into a network. */
#ifndef INFER_IMPORT_WEIGHTS_H
#define INFER_IMPORT_WEIGHTS_H

#include "infer/tensors.h"

/* Copies all tensors into the network. `names` (a YAML map; NULL: none) turns a tensor's name, or
 * the longest run of its leading parts, into the network's: {conv: "", gru: "13", head.extra: ~}
 * makes conv.0.weight to 0.weight and gru.bias_hh_l0 to 13.bias_hh_l0 and leaves out all of
 * head.extra. On ESHAPE `faults` has one line for each tensor that is missing, unknown, of another
 * shape or not finite, and for each entry of `names` that names nothing; the network is then as
 * before. A single number may have the shape [] or [1]. */
base_status infer_import_weights(const infer_tensors *tensors, const base_node *names,
                                 nn_network *network, base_text *faults, base_error *err);

#endif
