/* train/config_classifier.h - what stands at `classifier:`, and what `train:` may say with it. */
#ifndef TRAIN_CONFIG_CLASSIFIER_H
#define TRAIN_CONFIG_CLASSIFIER_H

#include "train/config.h"

/* Whether the configuration has a classifier. */
bool train_classifier_is_wanted(const train_config *config);

/* Before `train` is bound: its defaults are others with a classifier. */
base_status train_classifier_preset(train_config *config, base_node *train, base_error *err);

/* Binds it into config->classifier and refuses what only training by gradients can do. */
base_status train_classifier_bind(train_config *config, const base_node *train, base_error *err);

#endif
