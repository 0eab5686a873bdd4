/* train/setup.h - what every use of a configuration starts with: its data, its network. */
#ifndef TRAIN_SETUP_H
#define TRAIN_SETUP_H

#include "data/duplicates.h"
#include "data/manifest.h"
#include "nn/network.h"
#include "train/config.h"

/* The data part alone, as the run does it; shared with evaluate, summary and `data`. */
typedef struct {
    data_manifest manifest;
    data_clips clips;
    data_duplicates duplicates;
    int64_t *held_out; /* [n_held_out] clips of use: test */
    int64_t n_held_out;
} train_data;
/* The cache folder of `work` is ignored: it is always the user's. */
base_status train_data_open(train_config *config, const data_work *work, train_data *data,
                            base_error *err);
void train_data_release(train_data *data);

typedef struct {
    const train_config *config;
    int64_t n_classes, max_batch;
    bool training;
    bool measure;      /* to be asked what it would need, not run: nn_network_config.measure */
    base_pool *pool;   /* NULL: the calling thread alone */
    base_ranks *ranks; /* share a batch; NULL: this process alone */
} train_network_plan;
/* Plans the configured network, which must give the classes, and its front end; features may be
 * NULL. */
base_status train_network_new(const train_network_plan *plan, nn_network **network,
                              dsp_features **features, base_error *err);
/* Checks what needs no sounds: the keys of sources, of effects and of layers. Mistakes are better
 * told before anything else is looked at. */
base_status train_setup_check(const train_config *config, base_error *err);
/* The same for a network whose output may be anything. */
base_status train_encoder_new(const train_network_plan *plan, nn_network **network,
                              dsp_features **features, base_error *err);

#endif
