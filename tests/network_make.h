/* tests/network_make.h - networks from a line of YAML. */
#ifndef NETWORK_MAKE_H
#define NETWORK_MAKE_H

#include "nn/network.h"

/* Builds from a list in flow style, "[{linear: 3}, relu]", which stands under the key `network` of
 * a file "test.yaml" that is gone when this returns. */
base_status network_try(const char *layers, const nn_network_config *config, nn_network **network,
                        base_error *err);

/* The same, initialised with seed 1; fails the test if it is refused. */
nn_network *network_make(const char *layers, const nn_network_config *config);

/* Standard normal numbers from the stream (seed, TEST, 0, 0). */
void network_fill(float *x, int64_t n, uint64_t seed);

/* `scale` times numbers in [-1, 1) that the scripts in tests/golden make in the same way. */
void network_noise(uint64_t stream, int64_t n, float scale, float *out);

#endif
