/* train/fit.h - one training of a statistical classifier: the front end is fitted on the training
 * clips, the network runs over them with the weights it starts from, as in inference, and the
 * classifier is fitted on what it gives. Where clips are augmented, train.epochs augmented passes
 * join the clips as they are. */
#ifndef TRAIN_FIT_H
#define TRAIN_FIT_H

#include "train/loop.h"

/* As train_loop_run, with outcome->classifier and one epoch. The folder gets last.h5, once all is
 * done, and history.csv. */
base_status train_fit_run(const train_job *job, train_outcome *outcome, base_error *err);

/* Numbers of four bytes that fitting takes for each training clip. */
int64_t train_fit_numbers(const train_config *config, const nn_network *network);

#endif
