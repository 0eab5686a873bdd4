/* nn/weights.h - a network's tensors in HDF5.
 *
 * Under the group `prefix`, one float32 dataset per tensor, its name the tensor's with PyTorch's
 * spelling ("weights/3.weight_hh_l0"), in network order. */
#ifndef NN_WEIGHTS_H
#define NN_WEIGHTS_H

#include "base/h5.h"
#include "nn/network.h"

base_status nn_weights_write(nn_network *network, base_h5_writer *writer, const char *prefix,
                             base_error *err);
/* All tensors must be there with their shapes; nothing else may be. The file and every missing,
 * extra and misshaped tensor are named in the one error. On failure the network is unchanged. */
base_status nn_weights_read(nn_network *network, base_h5_reader *reader, const char *prefix,
                            base_error *err);

#endif
