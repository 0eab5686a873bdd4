/* nn/loss.h - losses and their gradients, means over the batch as in PyTorch. */
#ifndef NN_LOSS_H
#define NN_LOSS_H

#include "base/options.h"

/* Options of `train.loss`: cross_entropy | binary_cross_entropy, with these fields. */
typedef struct {
    double label_smoothing; /* cross entropy: [0, 1) */
} nn_loss_options;

extern const base_variant nn_loss_cross_entropy, nn_loss_binary_cross_entropy;
typedef enum { NN_CROSS_ENTROPY, NN_BINARY_CROSS_ENTROPY } nn_loss_kind;
const base_variant *const *nn_loss_variants(int *n); /* in the order of nn_loss_kind */

typedef struct {
    nn_loss_kind kind;
    nn_loss_options options;
    int64_t n_classes;
    const float *class_weight; /* [n_classes] or NULL; borrowed */
} nn_loss;

/* logits [n, classes]; target [n, classes], rows that sum to 1 (one-hot or mixed) for cross
 * entropy, each in [0, 1] for the binary one. `denominator`: what the sum is divided by: the step's
 * sum of target-weighted class weights (nn_loss_weight) for cross entropy, samples * classes for
 * binary; given by the caller so that micro-batches of one step add up exactly. Returns the loss's
 * share, summed in double in sample order; dlogits [n, classes] is overwritten unless NULL. As
 * PyTorch's CrossEntropyLoss(weight, label_smoothing) with probabilities as target when target is
 * mixed, and with class indices when one-hot; but for one thing: with mixed targets and class
 * weights PyTorch divides by the number of samples, not by nn_loss_weight. A denominator of 0
 * (only classes of weight 0) gives 0. */
double nn_loss_apply(const nn_loss *loss, int64_t n, const float *logits, const float *target,
                     double denominator, float *dlogits);
/* The denominator for n samples: the sum over samples and classes of target * class weight, or n *
 * classes for the binary one. */
double nn_loss_weight(const nn_loss *loss, int64_t n, const float *target);

/* Rows of probabilities: softmax for cross entropy, sigmoid for binary. x may equal y. */
void nn_softmax(const float *logits, float *y, int64_t n, int64_t n_classes);
void nn_loss_probabilities(nn_loss_kind kind, const float *logits, float *y, int64_t n,
                           int64_t n_classes);

/* The first of the largest among n numbers. */
int64_t nn_most_probable(const float *probability, int64_t n);

#endif
