/* train/init.h - starting weights from a file (train.init). */
#ifndef TRAIN_INIT_H
#define TRAIN_INIT_H

#include "infer/model.h"
#include "infer/tensors.h"
#include "train/config.h"

/* A file that is open; all zeros where the configuration names none. Many threads may use it. */
typedef struct {
    const train_init_options *options; /* the configuration's */
    const char *path;
    infer_model *model; /* whose tensors these are; NULL: a safetensors or NPZ file's */
    infer_tensors tensors;
    base_arena arena;
} train_init;

base_status train_init_open(const train_config *config, train_init *init, base_error *err);
void train_init_release(train_init *init);

/* Joins the bytes of the file to a digest of what a training depends on; without a file nothing. */
base_status train_init_digest(const train_init *init, base_digest *digest, base_error *err);

/* Sets those of the network's tensors that the file has and train.init admits, *n_taken of them
 * (may be NULL), and leaves the others. ESHAPE, with all that does not fit in one line. NULL or no
 * file: nothing is set. */
base_status train_init_apply(const train_init *init, nn_network *network, int *n_taken,
                             base_error *err);

#endif
