/* train/predictions.h - what a network made of a list of clips. */
#ifndef TRAIN_PREDICTIONS_H
#define TRAIN_PREDICTIONS_H

#include "train/experiment.h"

typedef struct {
    const train_data *data;
    const int64_t *index; /* [n] clips */
    int64_t n;
    const float *probability; /* [n, n_classes] */
} train_predictions;

base_status train_predictions_measure(const train_predictions *predictions, base_arena *arena,
                                      train_metrics *metrics, base_error *err);
/* Writes predictions.csv or another file of its kind. */
base_status train_predictions_write(const train_predictions *predictions, const char *path,
                                    base_error *err);

#endif
