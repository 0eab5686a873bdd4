/* nn/contrastive.h - the loss that teaches a network without labels.
 *
 * NT-Xent of T. Chen et al., "A simple framework for contrastive learning of visual
 * representations", 2020: there are two views of each of n clips, and each view is to tell the
 * other one of its clip from all 2n - 2 views of other clips by the cosine between outputs. */
#ifndef NN_CONTRASTIVE_H
#define NN_CONTRASTIVE_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
    double loss;     /* mean over the views of -ln of the other view's share */
    int64_t n_found; /* views nearest to the other one of their clip */
} nn_contrastive_result;

/* Doubles of scratch that a call needs. */
size_t nn_contrastive_scratch(int64_t n_clips, int64_t width);

/* y [2 n_clips, width]: rows 2i and 2i + 1 are the views of clip i; n_clips at least 2.
 * Similarities are divided by `temperature`. dy is overwritten. All sums in double, in a fixed
 * order. */
nn_contrastive_result nn_contrastive(int64_t n_clips, int64_t width, double temperature,
                                     const float *y, double *scratch, float *dy);

#endif
