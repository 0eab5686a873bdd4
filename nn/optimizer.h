/* nn/optimizer.h - SGD, Adam, AdamW, with gradient clipping and an averaged copy of the weights.
 *
 * Update rules as in PyTorch's torch.optim.SGD, Adam, AdamW. Weight decay applies to tensors that
 * decay (nn_tensor.decays) unless decay_all. */
#ifndef NN_OPTIMIZER_H
#define NN_OPTIMIZER_H

#include "nn/network.h"

typedef enum { NN_SGD, NN_ADAM, NN_ADAMW } nn_optimizer_kind;

typedef struct {
    double lr; /* the schedule multiplies it */
    double weight_decay;
    double momentum;     /* SGD */
    bool nesterov;       /* SGD */
    double beta1, beta2; /* Adam, AdamW */
    double eps;          /* Adam, AdamW */
    bool decay_all;      /* also biases and norms, PyTorch's default */
} nn_optimizer_options;

const base_variant *const *nn_optimizer_variants(int *n); /* in the order of nn_optimizer_kind */

typedef struct nn_optimizer nn_optimizer;

/* Allocates moments for the network's parameters (borrowed). ema_decay 0: no average. */
base_status nn_optimizer_new(nn_network *network, nn_optimizer_kind kind,
                             const nn_optimizer_options *options, double ema_decay,
                             nn_optimizer **optimizer, base_error *err);
void nn_optimizer_free(nn_optimizer *optimizer);

/* Scales all gradients so that their 2-norm is at most max_norm (0: leave). Returns the norm
 * before, in double, summed in a fixed order. */
double nn_clip_gradients(nn_network *network, double max_norm);

/* One update with learning rate `lr` (already scheduled), then the average:
 * ema = d * ema + (1 - d) * param, with d = min(ema_decay, (1 + step) / (10 + step)). */
void nn_optimizer_step(nn_optimizer *optimizer, double lr);

/* Swaps the network's parameters with the averaged ones (and back when called again). No-op without
 * an average. Batch-norm states are not averaged. */
void nn_optimizer_swap_average(nn_optimizer *optimizer);
bool nn_optimizer_has_average(const nn_optimizer *optimizer);

/* What a checkpoint holds: the number of steps and vectors as long as nn_network_params. */
typedef struct {
    const char *name; /* "momentum", "adam_m", "adam_v", "average" */
    float *data;
    int64_t n;
} nn_optimizer_vector;
int64_t *nn_optimizer_steps(nn_optimizer *optimizer);
int nn_optimizer_vectors(nn_optimizer *optimizer, nn_optimizer_vector vectors[3]);

#endif
