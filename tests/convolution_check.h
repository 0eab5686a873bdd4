/* tests/convolution_check.h - convolution by its definition, to compare with what nn/ does. */
#ifndef TESTS_CONVOLUTION_CHECK_H
#define TESTS_CONVOLUTION_CHECK_H

#include <stddef.h>

#include "base/rng.h"
#include "nn/layers/options.h"

/* Blocks of exactly the size asked for, so that a sanitizer sees a step beside them. */
typedef struct {
    void *block[24];
    int n;
} check_memory;

void *check_zeros(check_memory *m, int64_t n, size_t item_bytes);
/* Numbers that would show if they were used. */
float *check_dirt(check_memory *m, int64_t n);

/* Random inputs, and what follows from them. */
typedef struct {
    nn_axis f, t;
    int64_t in, out; /* channels */
    int64_t k, n_x, n_y, n_weight;
    const float *x, *weight, *bias, *dy;
    double *y, *dweight, *dx;
    check_memory memory;
} convolution_truth;

/* The axes' `out` is filled in. */
void convolution_truth_init(convolution_truth *truth, nn_axis f, nn_axis t, int64_t in,
                            int64_t out);
void convolution_truth_release(convolution_truth *truth);

/* Fails, naming the geometry, unless got[n] is as wanted. */
void convolution_expect(const convolution_truth *truth, const char *what, const float *got,
                        const double *wanted, int64_t n, double tolerance);

/* Any small geometry that has an output, down to inputs and outputs of one place, kernels longer
 * than their input and pads longer than the kernel. */
nn_axis convolution_random_axis(base_rng *rng);

/* An axis of kernels of 3 x 3, with stride and dilation of 1. */
nn_axis convolution_axis_of_3(int64_t in, int64_t before, int64_t after);
/* Call `check`, which releases what it is given, for kernels of 3 x 3: on planes that fill tiles in
 * awkward ways, and on random ones. */
typedef void convolution_checker(convolution_truth *truth);
void convolution_check_3x3(convolution_checker *check);
void convolution_check_random_3x3(convolution_checker *check);
/* The weights' gradient of such kernels as [in, 9, pitch]. */
void convolution_expect_3x3_gradient(const convolution_truth *truth, const float *gradient,
                                     int64_t pitch);

#endif
