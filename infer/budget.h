/* infer/budget.h - limits on the memory and time that a model may take.
 *
 * A model is untrusted input: a few bytes of its file set the length of clips, the size of
 * transforms and the depth of the network, and could demand hours and all memory. Its needs are
 * therefore computed before it is opened. The limits are generous: the largest networks in configs/
 * stay a factor of ten below them. RIMSHOT_BUDGET=N in the environment multiplies them by N, which
 * may be a fraction. */
#ifndef INFER_BUDGET_H
#define INFER_BUDGET_H

#include "dsp/features.h"
#include "nn/network.h"

typedef struct {
    double memory_bytes; /* for one batch, beside the weights, which are as large as the file */
    double work; /* multiply-adds per sound, of front end and network, or operations of like cost */
    double n_fft; /* of the front end; 0: it has none */
    double file_bytes;
} infer_needs;

/* The limits. EUSAGE if RIMSHOT_BUDGET is not a positive number. */
base_status infer_budget(infer_needs *most, base_error *err);
/* EDATA, naming `path`, the need and the limit, if a need exceeds its limit. */
base_status infer_budget_check(const infer_needs *needs, const char *path, base_error *err);

/* The needs of n_members equal networks and their front end; file_bytes is left as it is. */
typedef struct {
    const dsp_features *features;
    const dsp_features_options *options;
    nn_summary network;
    int64_t batch, n_members, n_workers, n_audio; /* n_audio: samples of a clip, all channels */
} infer_parts;
void infer_needs_add_up(const infer_parts *parts, infer_needs *needs);

#endif
