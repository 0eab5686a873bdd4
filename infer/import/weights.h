/* infer/import/weights.h - weights of another tool into a network. */
#ifndef INFER_IMPORT_WEIGHTS_H
#define INFER_IMPORT_WEIGHTS_H

#include "infer/tensors.h"

/* Copies all tensors into the network. `names` (a YAML map; NULL: none) turns a tensor's name, or
 * the longest run of its leading parts, into the network's: {conv: "", gru: "13", head.extra: ~}
 * makes conv.0.weight to 0.weight and gru.bias_hh_l0 to 13.bias_hh_l0 and leaves out all of
 * head.extra, if it is there. On ESHAPE `faults` has one line for each tensor that is missing,
 * unknown, of another shape or not finite, and for each entry of `names` that names nothing; the
 * network is then as before. A single number may have the shape [] or [1]. */
base_status infer_import_weights(const infer_tensors *tensors, const base_node *names,
                                 nn_network *network, base_text *faults, base_error *err);

typedef struct {
    const base_node *names; /* as above, of what `prefix` leaves */
    const char *prefix;     /* only tensors under it count, by the rest of their names; NULL: all */
    base_strings only;      /* layers, or leading parts of their names, to set; none: all */
    bool partial;           /* tensors that the network does not have are passed over */
    bool whole;             /* every tensor of the network is needed, */
    base_strings keep;      /* but those of these layers */
} infer_import_options;

/* The same for some layers, of which *n_taken tensors are set. A layer of the network that is given
 * none stays as it is; one that is given some must be given all but its counter of batches. What
 * `only` or `keep` names must be there. */
base_status infer_import_layers(const infer_tensors *tensors, const infer_import_options *options,
                                nn_network *network, int *n_taken, base_text *faults,
                                base_error *err);

#endif
