/* train/tensorboard.h - scalar event files that TensorBoard reads.
 *
 * TFRecord framing (length, masked CRC-32C, data, masked CRC-32C) around tensorflow.Event messages,
 * through protobuf-c. The file is rewritten whole from the history, so a resumed run has no gaps
 * or duplicates; wall times count epochs (second i is epoch i), because a run's files hold no
 * clock. */
#ifndef TRAIN_TENSORBOARD_H
#define TRAIN_TENSORBOARD_H

#include "train/run.h"

/* Writes <fold_folder>/events.out.tfevents.0.rimshot with lr, train/loss, validation/loss,
 * validation/accuracy, validation/balanced. */
base_status train_tensorboard_write(const train_epoch *epochs, int64_t n, const char *fold_folder,
                                    base_error *err);

/* CRC-32C of the bytes (RFC 3720); "123456789" gives 0xE3069283. */
uint32_t train_crc32c(const void *data, size_t n_bytes);

#endif
