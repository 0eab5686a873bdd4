/* infer/import/weights.h - weights of other tools into a network. */
#ifndef INFER_IMPORT_WEIGHTS_H
#define INFER_IMPORT_WEIGHTS_H

#include "infer/tensors.h"

typedef struct {
    /* A YAML map (NULL: none) from a tensor's name, or the longest run of its leading parts, to the
     * network's: {conv: "", gru: "13", head.extra: ~} turns conv.0.weight into 0.weight and
     * gru.bias_hh_l0 into 13.bias_hh_l0, and leaves out head.extra, if it is there. */
    const base_node *names;
    const char *prefix; /* only tensors below it are read, by what follows it; NULL: all */
    base_strings only;  /* layers to set, or leading parts of their names; none: all */
    bool partial;       /* tensors that the network lacks are skipped */
    bool whole;         /* every tensor of the network must be given, */
    base_strings keep;  /* except those of these layers */
} infer_import_options;

typedef struct {
    base_text faults;  /* one line each; released by the caller */
    int n_taken;       /* tensors of the network that were set */
} infer_import_report; /* all zeros before the call */

/* Copies tensors into the network. A layer that is given no tensor stays as it is; one that is
 * given some must be given all but its batch counter. What `only` or `keep` names must exist. On
 * ESHAPE the faults list every tensor that is missing, unknown, of another shape or not finite, and
 * every entry of `names` that matches nothing; the network is then unchanged. A single number may
 * have the shape [] or [1]. */
base_status infer_import_weights(const infer_tensors *tensors, const infer_import_options *options,
                                 nn_network *network, infer_import_report *report, base_error *err);

#endif
