/* train/checkpoint.h - the state of one training, in HDF5 (kind "checkpoint", docs/formats.md).
 *
 * Holds everything the next epoch depends on and nothing else (no clock, no thread count), so that
 * a resumed training ends with the same bytes as one never stopped. */
#ifndef TRAIN_CHECKPOINT_H
#define TRAIN_CHECKPOINT_H

#include "dsp/features.h"
#include "nn/classifiers/classifier.h"
#include "nn/optimizer.h"
#include "nn/schedule.h"
#include "train/run.h"

typedef struct {
    nn_network *network;
    dsp_features *features; /* its fitted normalisation is saved */
    nn_optimizer
        *optimizer; /* NULL: weights alone (best.h5); averaged weights are saved as weights then */
    nn_schedule *schedule; /* NULL with optimizer */
    train_epoch *epochs;   /* [max_epochs] */
    int64_t n_epochs, best_epoch;
    int64_t max_epochs;
    const char *fingerprint;   /* names configuration, data, folds and kernels */
    nn_classifier *classifier; /* of the network's output, written unless it is NULL */
    int n_classes;             /* its classes: then it is read, and the caller's to free; 0: none */
} train_state;

base_status train_checkpoint_write(const train_state *state, const char *path, base_error *err);

/* Restores what was written. EMISMATCH if the fingerprint differs, ESHAPE if the network does. */
base_status train_checkpoint_read(train_state *state, const char *path, base_error *err);

/* Gives a checkpoint that has the fingerprint `from` the fingerprint `to`, of equal length; one
 * that has it already stays as it is, any other is EMISMATCH. The file is as if it had been written
 * so.
 */
base_status train_checkpoint_rename(const char *path, const char *from, const char *to,
                                    base_error *err);

#endif
