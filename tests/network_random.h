/* tests/network_random.h - random networks over all layers, lists within lists among them.
 *
 * A network is made of steps, a few layers each, which are added where the whole still fits. A
 * layer that is added to nn/layers.def belongs among the steps of network_random.c, unless it is
 * elementwise: those become steps by themselves. */
#ifndef NETWORK_RANDOM_H
#define NETWORK_RANDOM_H

#include "base/rng.h"
#include "base/text.h"
#include "nn/network.h"

/* Adds a list in flow style, "[{conv2d: ...}, relu, ...]", for this input and these classes, of at
 * most `most_steps` steps and what leads to the classes. */
void network_random(const nn_network_config *config, base_rng *rng, int most_steps,
                    base_text *layers);

/* The same, with a chosen layer before all others, or as near to the input as its rank allows;
 * false if it cannot stand there. */
bool network_random_from(const nn_layer *first, const nn_network_config *config, base_rng *rng,
                         int most_steps, base_text *layers);

#endif
