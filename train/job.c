#include "train/job.h"

void train_outcome_release(train_outcome *outcome) {
    if (outcome == NULL) return;
    nn_network_free(outcome->network);
    dsp_features_free(outcome->features);
    nn_classifier_free(outcome->classifier);
    base_free(outcome->epochs);
    base_free(outcome->probability);
    *outcome = (train_outcome){0};
}
