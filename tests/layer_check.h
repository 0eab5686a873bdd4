/* tests/layer_check.h - checks one nn_layer by itself, without a network.
 *
 * A layer_probe plays the network's part: it binds the options, plans, allocates every block the
 * plan asks for with guard zones on both sides, fills what a call must overwrite with NaN, and
 * after each call fails the test if a guard was touched, something constant was written or a NaN
 * was left. The guards hold NaN, so that reading past a block shows in the results too. */
#ifndef LAYER_CHECK_H
#define LAYER_CHECK_H

#include "base/arena.h"
#include "nn/layer.h"

/* Writes the n values of input number `input`. */
typedef void layer_fill(float *x, int64_t n, int input, base_rng *rng);
layer_fill layer_fill_normal; /* mean 0, deviation 1 */
/* Shuffled multiples of 0.05 without 0: no two values of an input, nor any value and zero, nearer
 * than 0.025. For layers with kinks, with a gradient step of at most 0.005. */
layer_fill layer_fill_apart;

typedef enum {
    LAYER_TRAIN, /* planned for backward, forward in training mode */
    LAYER_EVAL,  /* planned for backward, forward in inference mode */
    LAYER_INFER  /* planned without backward */
} layer_mode;

typedef struct {
    const nn_layer *layer;
    const char *options;     /* YAML of its options or shorthand: "{hidden: 3}", "3"; NULL: none */
    const nn_layer *next[2]; /* layers that must fuse with it, in order; NULL: none */
    const char *next_options[2];
    nn_shape in[NN_MAX_INPUTS];
    int n_in; /* 0 counts as 1 */
    int64_t batch;
    int64_t max_batch;     /* 0: batch */
    const int32_t *length; /* [batch] valid frames of every input's time axis; NULL: all */
    layer_fill *fill;      /* NULL: layer_fill_normal */
    layer_mode mode;
    int n_threads; /* 0 or 1: no pool */
} layer_case;

typedef struct {
    layer_case setup;
    base_arena arena;
    nn_plan plan;
    base_pool *pool;
    int64_t n_x[NN_MAX_INPUTS], n_y; /* floats of the whole batch */
    int32_t *out_length;             /* NULL without setup.length or time axis */
    float *param, *dparam, *state, *state_start, *cache, *scratch, *sums, *worker_scratch;
    float *x[NN_MAX_INPUTS], *dx[NN_MAX_INPUTS], *y;
    float *dy; /* backward gets a copy of it, as it may write there */
    float *dy_copy;
    bool adds; /* backward adds to dx[0], which is 1 before */
} layer_probe;

/* Parameters and state come from init (plus noise, so that none is a trivial 0 or 1), x from fill,
 * dy from a normal distribution; all may be rewritten before a call. Fails the test if anything is
 * refused. */
layer_probe *layer_probe_new(const layer_case *setup);
void layer_probe_free(layer_probe *probe);
/* Forward starts from `state` := state_start; what lies past out_length in y becomes zero. */
void layer_probe_forward(layer_probe *probe);
/* dparam is NOT cleared: it adds up over calls (zero at first). Frames past out_length in dy are
 * cleared, as are those of dx that the layer may leave as they were. with_dx false: the layer is
 * told to skip all dx. */
void layer_probe_backward(layer_probe *probe, bool with_dx);
/* Clears dparam, then forward and backward. */
void layer_probe_run(layer_probe *probe);
/* A parameter or state tensor by name within `block`; fails the test if absent. *n may be NULL. */
float *layer_probe_tensor(layer_probe *probe, const char *name, float *block, int64_t *n);

/* Expects plan() to refuse with `status` and a text that contains `part`. */
void layer_check_refused(const layer_case *setup, base_status status, const char *part);

/* Compares with the arrays of one case of a golden file: <case>/x (or x0, x1, ...), /param.<name>,
 * /state.<name>, /length (optional), /y, and for gradients /dy, /dx (or dx0, ...),
 * /dparam.<name>, /state_after.<name>. Shapes and batch are those of the arrays. Every parameter
 * needs its array and every array its parameter. A case without /dy runs in inference mode, planned
 * with and without backward. */
typedef struct {
    const nn_layer *layer;
    const char *options;
    const char *file, *name; /* golden file and case */
    double rtol, atol;
    double grad_rtol, grad_atol; /* both 0: rtol and atol */
} layer_golden;
void layer_check_golden(const layer_golden *check);

/* For each input, each parameter tensor, and all of them at once: the derivative of <dy, y> along a
 * random direction, by a five-point difference (sums in double) with the given step, against the
 * gradient's product with that direction. tolerance is relative to the size such a product has
 * on average. Also checks that backward adds into dparam, gives the same dparam without dx, and
 * adds to dx where the layer says that it can. */
void layer_check_gradient(const layer_case *setup, double step, double tolerance);

/* Forward and backward must give the same bits without a pool, with pools of 1, 2 and 3 threads,
 * and when planned for a larger batch. */
void layer_check_threads(const layer_case *setup);

/* The same parameters and input through setup->layer and the layers in setup->next one by one: y,
 * all gradients and the state must be the same bits as when fused. */
void layer_check_fusion(const layer_case *setup);
/* Where sums are made in another order: y and the gradients within `tolerance`, relative and
 * absolute. */
void layer_check_fusion_near(const layer_case *setup, double tolerance);

/* For layers that heed lengths (setup->length must be set): with `rubbish` in the frames of x past
 * the lengths no bit of y or dparam changes, and dx is zero there. */
void layer_check_padding(const layer_case *setup, float rubbish);
/* And each sample's y is, up to rtol and atol, what the layer gives for its valid frames alone. */
void layer_check_lengths(const layer_case *setup, double rtol, double atol);

#endif
