/* train/tensorboard.h - event files that TensorBoard reads: scalars, text, hyperparameters.
 *
 * TFRecord framing (length, masked CRC-32C, data, masked CRC-32C) around tensorflow.Event messages,
 * through protobuf-c. The file is rewritten whole from the history, so a resumed run has no gaps
 * or duplicates; wall times count epochs (second i is epoch i), because a run's files hold no
 * clock. */
#ifndef TRAIN_TENSORBOARD_H
#define TRAIN_TENSORBOARD_H

#include "base/yaml.h"
#include "train/run.h"

typedef struct {
    const train_epoch *epochs;
    int64_t n_epochs;
    const base_node *config; /* resolved; NULL: no text and no hyperparameters */
    const char *name;        /* of the run, which groups its folds */
} train_tensorboard;

/* Writes <fold_folder>/events.out.tfevents.0.rimshot with the scalars lr, train/loss,
 * validation/loss, validation/accuracy, validation/balanced; the configuration as the text
 * "config"; and its values as hyperparameters: each of audio, features, classifier, train and folds
 * under its path ("train.optimizer.adamw.lr"), and the names of the layers and effects. */
base_status train_tensorboard_write(const train_tensorboard *board, const char *fold_folder,
                                    base_error *err);

/* CRC-32C of the bytes (RFC 3720); "123456789" gives 0xE3069283. */
uint32_t train_crc32c(const void *data, size_t n_bytes);

#endif
