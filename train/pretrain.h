/* train/pretrain.h - contrastive pretraining of an encoder, on sounds without labels.
 *
 * T. Chen et al., "A simple framework for contrastive learning of visual representations", 2020:
 * every clip is augmented twice, and the network learns to tell its two views from those of the
 * batch's other clips (nn/contrastive.h). The configuration's network is the encoder and, behind
 * it, the projection that is compared and then thrown away; its `train` section says how it is
 * trained; labels and folds are not used. What is left is weights, for train.init.
 *
 * Into the folder: config.yaml (resolved), manifest.csv, history.csv (accuracy: share of views
 * whose nearest other one is their clip's), last.h5, and weights.safetensors at the end. Killed at
 * any moment and resumed, with any number of threads, they have the same bytes. */
#ifndef TRAIN_PRETRAIN_H
#define TRAIN_PRETRAIN_H

#include "data/clips.h"
#include "train/loop.h"

typedef struct {
    const char *folder;
    bool resume; /* go on where it stopped; the configuration must be the same */
    base_pool *pool;
    data_progress *decoding; /* with context; NULL: none */
    train_watcher *progress; /* likewise */
    data_unread *unread;     /* likewise; NULL: a sound that cannot be read ends it */
    void *context;
} train_pretrain_options;

base_status train_pretrain_run(train_config *config, const train_pretrain_options *options,
                               base_error *err);

#endif
