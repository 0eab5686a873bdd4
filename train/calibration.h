/* train/calibration.h - temperature scaling (Guo et al., ICML 2017).
 *
 * One number T divides a model's logits so that its confidence matches its accuracy; which class is
 * largest never changes. Fitted on predictions for clips the model was not trained on. */
#ifndef TRAIN_CALIBRATION_H
#define TRAIN_CALIBRATION_H

#include "train/predictions.h"

/* The T in [0.05, 20] with the least log loss of softmax(ln p / T), by golden-section search on ln
 * T; 1 for n = 0. */
double train_fit_temperature(const train_predictions *p);

/* Rows [n, n_classes] of probabilities p become softmax(ln p / temperature). */
void train_temper(double temperature, int64_t n, int n_classes, float *probability);

#endif
