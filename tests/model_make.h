/* tests/model_make.h - a small untrained model in a file. */
#ifndef MODEL_MAKE_H
#define MODEL_MAKE_H

#include "infer/model.h"

enum { MODEL_MAKE_CLASSES = 3, MODEL_MAKE_EMBEDDING = 8, MODEL_MAKE_RATE_HZ = 22050 };

/* Writes a model of n_members networks, member i initialised with seed 1 + i: quarter-second mono
 * clips, log-mel, convolution, GRU, classes "kick", "snare" and "hat". Fails the test if it can't.
 */
void model_make(const char *path, int n_members);

/* The same of a configuration with the keys audio, features and network. Statistics and fitted
 * normalisation are random as well, and logits are spread so that probabilities differ. */
void model_make_of(const char *path, const char *config);

/* The front end and the initialised network of such a configuration, the caller's to free. */
infer_member model_make_member(const char *config, int n_classes, uint64_t seed);

#endif
