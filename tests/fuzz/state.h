/* tests/fuzz/state.h - a small training's state, for its checkpoints. */
#ifndef FUZZ_STATE_H
#define FUZZ_STATE_H

#include "train/checkpoint.h"
#include "train/config.h"

enum { FUZZ_STATE_EPOCHS = 4, FUZZ_STATE_CLASSES = 3, FUZZ_STATE_NORM = 4 };

typedef struct {
    train_config config;
    train_state state;
    nn_schedule schedule;
    train_epoch epochs[FUZZ_STATE_EPOCHS];
} fuzz_state;

/* One with initialised weights and no epoch done. */
void fuzz_state_open(fuzz_state *state);
void fuzz_state_release(fuzz_state *state);

#endif
