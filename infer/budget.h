/* infer/budget.h - what using a model takes, and how much of that is allowed.
 *
 * A model is input: its file says how long the clips are, how large the transforms and how deep the
 * network, and a few bytes of it can ask for hours and all memory. What a model needs is therefore
 * counted before it is opened. The limits are generous: the largest networks in configs/ stay a
 * factor of ten below them. RIMSHOT_BUDGET=N in the environment allows N times as much, also a
 * fraction. */
#ifndef INFER_BUDGET_H
#define INFER_BUDGET_H

#include "dsp/features.h"
#include "nn/network.h"

typedef struct {
    double memory_bytes; /* beside the weights, which are as large as the file, for one batch */
    double work;  /* multiply-adds per sound, of front end and network, and what is as dear */
    double n_fft; /* of the front end; 0: it has none */
    double file_bytes;
} infer_needs;

/* What is allowed. EUSAGE if RIMSHOT_BUDGET is not a positive number. */
base_status infer_budget(infer_needs *most, base_error *err);
/* EDATA, naming `path`, what is needed and what is allowed. */
base_status infer_budget_check(const infer_needs *needs, const char *path, base_error *err);

/* What n_members equal networks and their front end need; the file's size is left as it is. */
typedef struct {
    const dsp_features *features;
    const dsp_features_options *options;
    nn_summary network;
    int64_t batch, n_members, n_workers, n_audio; /* n_audio: samples of a clip, all channels */
} infer_parts;
void infer_needs_add_up(const infer_parts *parts, infer_needs *needs);

#endif
