/* train/loop.h - one training: epochs over some clips, a checkpoint after each, evaluation on
 * others. */
#ifndef TRAIN_LOOP_H
#define TRAIN_LOOP_H

#include "train/job.h"

/* Runs to the last epoch (or early stop), writes history.csv and the event file, and evaluates.
 * After ESTOPPED or any other failure the folder holds the checkpoint of the last finished epoch.
 */
base_status train_loop_run(const train_job *job, train_outcome *outcome, base_error *err);

/* Clips that an epoch over n_train clips goes through. */
int64_t train_draws_per_epoch(const train_options *train, int64_t n_train);

#endif
