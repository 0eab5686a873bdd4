/* train/final.h - the model a run leaves behind: model.h5 in its folder. */
#ifndef TRAIN_FINAL_H
#define TRAIN_FINAL_H

#include "nn/network.h"
#include "train/run.h"
#include "train/setup.h"

typedef struct {
    const train_config *config;
    const char *yaml;   /* resolved configuration */
    const char *folder; /* of the run: all folds are finished */
    const train_facts *facts;
    const train_data *data;
    const char *fingerprint;
    base_pool *pool;
    nn_network *network; /* trained on everything (train.final: all); else NULL */
    dsp_features *features;
    nn_classifier *classifier; /* NULL: none */
} train_final_request;

/* Writes model.h5 as train.final says, with the temperature fitted on the folds' predictions and a
 * record of the folds' scores; where there are held-out sounds, also the model's own scores on
 * them, and unseen.csv. */
base_status train_final_write(const train_final_request *request, base_error *err);

#endif
