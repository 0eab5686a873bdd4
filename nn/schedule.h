/* nn/schedule.h - learning-rate schedules: a factor on the optimiser's rate, per step.
 *
 * All with linear warm-up over `warmup` epochs from warmup_from. Curves as PyTorch's StepLR,
 * ExponentialLR, CosineAnnealingLR, OneCycleLR (cosine, per step; momentum left alone) and
 * ReduceLROnPlateau; stepped per optimiser step at fractional epochs except step, exponential and
 * plateau, which change at epoch ends. */
#ifndef NN_SCHEDULE_H
#define NN_SCHEDULE_H

#include "base/options.h"

typedef enum {
    NN_CONSTANT,
    NN_STEP,
    NN_EXPONENTIAL,
    NN_COSINE,
    NN_ONE_CYCLE,
    NN_PLATEAU
} nn_schedule_kind;

typedef struct {
    double warmup;                        /* epochs */
    double warmup_from;                   /* factor at step 0 */
    double step_epochs, gamma;            /* step; exponential uses gamma */
    double floor;                         /* cosine: final factor; plateau: smallest factor */
    double peak_at, start_div, final_div; /* one cycle: 0.3, 25, 1e4 */
    int64_t patience;                     /* plateau, epochs */
    double factor, threshold;             /* plateau: 0.1, 1e-4 (relative) */
} nn_schedule_options;

const base_variant *const *nn_schedule_variants(int *n); /* in the order of nn_schedule_kind */

typedef struct {
    nn_schedule_kind kind;
    nn_schedule_options options;
    int64_t steps_per_epoch, n_epochs;
    /* plateau's memory, saved in checkpoints */
    double best, plateau_factor;
    int64_t bad_epochs;
} nn_schedule;

void nn_schedule_init(nn_schedule *schedule, nn_schedule_kind kind,
                      const nn_schedule_options *options, int64_t steps_per_epoch,
                      int64_t n_epochs);
/* Factor for optimiser step `step` (from 0). */
double nn_schedule_factor(const nn_schedule *schedule, int64_t step);
/* Whether the factor of a step is the same whatever the number of epochs. */
bool nn_schedule_extends(nn_schedule_kind kind);
/* Tells the plateau schedule the epoch's validation loss (lower is better). */
void nn_schedule_epoch_end(nn_schedule *schedule, double loss);

#endif
