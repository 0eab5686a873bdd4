/* nn/layer.h - the contract every layer file fulfils.
 *
 * A layer is one file that exports one nn_layer and has one line in nn/layers.def. It has no memory
 * of its own: plan() states what it needs, the network allocates everything once and hands it over
 * in an nn_run. Only plan() may fail. Forward and backward cut their work by shape and batch alone,
 * never by the number of threads, so that results are the same bits on any machine of one kind.
 *
 * Layouts: images [B,C,F,T], sequences [B,T,F], vectors [B,F], float32, row-major (nn/shape.h). */
#ifndef NN_LAYER_H
#define NN_LAYER_H

#include "base/options.h"
#include "base/parallel.h"
#include "base/ranks.h"
#include "base/rng.h"
#include "nn/kernels/kernels.h"
#include "nn/shape.h"

#define NN_MAX_INPUTS  8
#define NN_MAX_TENSORS 40 /* parameters and states of one layer */

/* Sums over the samples of a batch (weight gradients, batch statistics) are made in a fixed number
 * of shards, shard s of n taking samples [s * B / n, (s + 1) * B / n) in order, then joined by a
 * binary tree whose shape depends on n alone. So the order of additions depends neither on threads
 * nor on how many processes share a batch. */
enum { NN_DEFAULT_SHARDS = 8, NN_MAX_SHARDS = 64 };

/* The shards of a batch, and those of them that a call works on. */
typedef struct {
    int n, first, end;     /* all; own: [first, end) */
    int64_t batch;         /* samples of all shards */
    const int32_t *length; /* [batch] valid frames of x[0] of all samples; NULL: all */
} nn_shards;

/* A tensor of parameters (trained) or of state (saved, not trained: running mean). */
typedef struct {
    char name[32]; /* PyTorch's: "weight", "weight_ih_l0_reverse", "running_mean" */
    nn_shape shape;
    int64_t offset; /* floats into the layer's parameter or state block; multiple of 16 */
    bool is_state;
    bool decays; /* takes part in weight decay: weights do, biases and norms don't */
} nn_tensor_plan;

/* What backward reads besides dy; the network frees or reuses the rest early. */
enum { NN_READS_X = 1, NN_READS_Y = 2 };

/* An elementwise function y = f(x): how it is computed, and how exports write it down. In the
 * texts, p0 and p1 stand for map.p[0] and map.p[1]. */
typedef struct {
    nn_map map; /* scale and shift are set by nn_layer_function */
    int n_parameters;
    /* What f' is computed from: NN_READS_X, NN_READS_Y, or both where either will do, as x and y
     * have one sign and only that counts. */
    unsigned derivative;
    /* C99: the body of `float f(float x, float p0, float p1)`, which has as many parameters p as
     * n_parameters says; <math.h> is included. */
    const char *c;
    /* ONNX (opset 17): nested calls of operators on x, numbers and parameters, with attributes
     * last: "Mul(x, Sigmoid(x))", "LeakyRelu(x, alpha=p0)". NULL: the ONNX export refuses the
     * layer. */
    const char *onnx;
} nn_function;

/* Maxima of windows that lie side by side, without padding; kernel_f 0: none. */
typedef struct {
    int64_t kernel_f, kernel_t;
} nn_tiling;

typedef struct nn_layer nn_layer;

/* Filled by the network: all up to `training`. By plan(): all others. */
typedef struct nn_plan {
    const nn_layer *layer;
    const void *options; /* as layer->variant.options describes them */
    base_arena *arena;   /* for nn_plan_keep */
    nn_shape in[NN_MAX_INPUTS];
    int n_in;
    int64_t max_batch;
    int n_workers;
    int n_shards;
    bool training; /* backward will be called; if not, cache and backward scratch may be 0 */

    nn_shape out;
    nn_tensor_plan tensor[NN_MAX_TENSORS]; /* appended with nn_plan_tensor */
    int n_tensors;
    int64_t n_param, n_state; /* floats, kept by nn_plan_tensor */
    int64_t n_cache;          /* floats kept from forward to backward, for max_batch samples */
    int64_t n_scratch;        /* floats shared by all tasks of one call */
    int64_t n_sums;           /* floats of each shard's sums that backward makes, see add_sums */
    int64_t n_worker_scratch; /* floats private to each worker */
    int64_t macs;             /* multiply-adds per sample, forward: see nn_plan_work */
    int64_t n_visits;         /* numbers looked at per sample where windows overlap; 0: each once */
    bool learns;              /* learn() is to be called */
    unsigned backward_reads;  /* NN_READS_X | NN_READS_Y */
    void *kept;               /* the layer's own, from nn_plan_keep */
    nn_map map;     /* fused into this layer, applied to what it gives; NN_IDENTITY: none */
    nn_tiling pool; /* likewise, after the map */
    const struct nn_plan *norm; /* of the normalisation fused into this layer, borrowed; or NULL */
} nn_plan;

/* Copies what follows from options and shapes alone to plan->kept, which lives as long as the plan.
 */
base_status nn_plan_keep(nn_plan *plan, const void *data, size_t n_bytes, base_error *err);

/* Adds a * b multiply-adds per sample. Products saturate at NN_MAX_WORK, which sums of all layers'
 * cannot overflow. */
#define NN_MAX_WORK ((int64_t)1 << 48)
void nn_plan_work(nn_plan *plan, int64_t a, int64_t b);
int64_t nn_saturated(int64_t a, int64_t b);

/* Weights are trained and decay; biases and norms are trained alone; states are not trained. */
typedef enum { NN_DECAYED, NN_TRAINED, NN_STATE } nn_tensor_kind;

/* Appends a tensor; offsets are padded so that every tensor starts on a cache line. Fails with
 * ESHAPE when an extent is unusable. */
base_status nn_plan_tensor(nn_plan *plan, const char *name, nn_shape shape, nn_tensor_kind kind,
                           base_error *err);
/* NULL: the layer has none of that name. */
const nn_tensor_plan *nn_plan_tensor_named(const nn_plan *plan, const char *name);
/* The tensor of that name within `block` (a run's param, dparam or state), or NULL. */
float *nn_plan_find(const nn_plan *plan, const char *name, float *block);

/* One call. Everything is borrowed. */
typedef struct {
    const nn_plan *plan;
    base_pool *pool;
    int64_t batch;                 /* samples, up to plan->max_batch */
    nn_shards shards;              /* that these samples are */
    base_ranks *ranks;             /* that share the batch; NULL: all shards are here */
    bool training;                 /* dropout active, batch statistics; false: inference */
    const float *x[NN_MAX_INPUTS]; /* x[i] [batch, in[i]] */
    float *y;                      /* [batch, out]; no x */
    float *dy;                     /* backward: [batch, out]; may be used as scratch */
    float *dx[NN_MAX_INPUTS];      /* backward: as x; NULL: not wanted */
    bool adds; /* to dx[0], instead of overwriting it: for layers with adds_dx */
    const float *param;
    float *dparam; /* backward ADDS into it */
    float *state;
    const float *norm_param, *norm_state; /* of plan->norm */
    float *cache;
    float *scratch;
    float *sums;              /* [plan->n_shards] times nn_sums_stride(plan) */
    float *worker_scratch;    /* worker w has [w * plan->n_worker_scratch, ...) */
    const int32_t *in_length; /* [batch] valid frames of x[0]'s time axis; NULL: all */
    base_rng (*open_rng)(const void *rng_context, uint64_t sample); /* per call, layer and sample */
    const void *rng_context;
} nn_run;

/* The call's first sample of a shard: number from 0, up to run->batch for shards.end. */
int64_t nn_shard_begin(const nn_run *run, int shard);
/* Floats between the sums of two shards. */
int64_t nn_sums_stride(const nn_plan *plan);
/* The sums of one shard. */
float *nn_shard_sums(const nn_run *run, int shard);
/* The first shard of a rank's, of those that n_ranks share. */
int nn_shard_of_rank(int n_shards, int n_ranks, int rank);
/* Of sums that are needed at once: every rank gets those of all shards, [shards.n, n]. */
void nn_gather_sums(const nn_run *run, double *sums, int64_t n);
/* The sum over shards, by the tree of base_tree_sum, of numbers that lie `stride` apart. */
double nn_join_sums(const nn_run *run, const double *sums, int64_t stride);

/* All training samples, for layers that learn from them otherwise than by gradients. */
typedef struct {
    int64_t n;
    const float *x;            /* [n, in[0]] what the layer reads in inference mode */
    int64_t stride;            /* floats between the samples of x */
    const int32_t *label;      /* [n] numbers of the classes, which are the layer's outputs */
    const float *class_weight; /* [classes]; NULL: all 1 */
} nn_samples;

struct nn_layer {
    base_variant variant; /* name in YAML, help, options table, shorthand */

    /* Checks shapes and plan->options, fills *plan. ESHAPE or ECONFIG with a text that starts with
     * what is wrong, not with the layer's name (the network puts "file:line: network[2].gru: "
     * before it). */
    base_status (*plan)(nn_plan *plan, base_error *err);

    /* Abilities, NULL where the layer has none. What a layer does, if the layer before it can do it
     * in its own pass: an elementwise function, or maxima of windows (false: not with these
     * options). */
    void (*map)(const void *options, nn_function *function);
    bool (*pool)(const void *options, nn_tiling *windows);
    /* And whether this layer does that work for the layer that follows, its only reader. It adapts
     * its plan (cache, scratch, backward_reads); plan->map, pool and out are set for it (out by
     * fuse_pool alone), and length() then speaks for both. The result must be what the layers give
     * one after the other, but for rounding. No map is fused after another or after a pool. */
    bool (*fuse_map)(nn_plan *plan, const nn_function *function);
    bool (*fuse_pool)(nn_plan *plan);

    /* For a layer that in inference does nothing but y = map(scale[c] x + shift[c]) for each
     * channel c of an image, map being the one fused into it: writes scale and shift [channels]. */
    void (*scales)(const nn_plan *plan, const float *param, const float *state, float *scale,
                   float *shift);
    /* Asked only of a layer planned for inference: whether it applies scale, shift and map of such
     * a layer, its only reader, to its own output; plan->norm is then set. The result must have the
     * same bits as one layer after the other. */
    bool (*fuse_norm)(nn_plan *plan, const nn_plan *norm);

    /* y = x unless the network was planned for training: otherwise the layer is left out. */
    bool idle_in_inference;

    /* backward can add to dx[0], which saves those who share an input a buffer and two passes. */
    bool adds_dx;

    /* Frames of x past in_length may hold anything, even NaN: nothing within the lengths depends on
     * them, and backward writes zeros there in dx. The network then need not zero them. */
    bool passes_padding;

    /* What is one product over all samples is not cut among ranks that share a batch: each of them
     * does the whole of it. */
    enum { NN_CUT, NN_WHOLE_BACKWARD, NN_WHOLE } batch;

    /* Writes every parameter and state. PyTorch's default distributions, one stream. */
    void (*init)(const nn_plan *plan, base_rng *rng, float *param, float *state);

    /* Valid frames of the output for `length` valid frames of the input. Use nn_length_same or
     * nn_length_none (the output has no time axis, or all of it is valid) where they fit. */
    int64_t (*length)(const nn_plan *plan, int64_t length);

    /* Overwrites y. No allocation, no failure. Frames past in_length are zero in x (see also
     * passes_padding), except in the network's own input, which keeps what the front end gives for
     * silence; the network zeroes those of y past its length. */
    void (*forward)(const nn_run *run);

    /* Adds into dparam, OVERWRITES dx[i] (skipped where it is NULL; see run->adds), but for frames
     * past in_length, which the network zeroes. dy is zero past y's length. x and y, which is only
     * read, hold what forward saw where plan->backward_reads says so, else may be NULL. */
    void (*backward)(const nn_run *run);

    /* Where plan->n_sums > 0: backward has overwritten the sums of its own shards, has not read any
     * others, and left dparam alone. They are joined, and this adds what they came to, `sums`, to
     * dparam; sums may be overwritten. Nothing but plan, param and dparam of the run is set. */
    void (*add_sums)(const nn_run *run, float *sums);

    /* Where plan->learns: writes states that follow from all training samples at once, whatever
     * they were before. May use the worker scratch; run->batch counts for nothing. */
    void (*learn)(const nn_run *run, const nn_samples *samples);
};

/* The registry: all layers of nn/layers.def, in its order. */
#define NN_LAYER(name) extern const nn_layer nn_layer_##name;
#include "nn/layers.def"
#undef NN_LAYER
const nn_layer *const *nn_layers(int *n_layers);
const base_variant *const *nn_layer_variants(int *n_layers);

/* What an elementwise layer computes; false if it is none. */
bool nn_layer_function(const nn_layer *layer, const void *options, nn_function *function);
/* Lets a planned layer take over the work of the next one, if it can. */
bool nn_layer_fuse(nn_plan *plan, const nn_layer *next, const void *next_options);
/* The same for a normalisation together with what is fused into it. Its plan must outlast this
 * one. */
bool nn_layer_fuse_norm(nn_plan *plan, const nn_plan *next);

/* All that an elementwise layer has beside `variant` and `map`: its file is the only one that knows
 * its function (nn/layers/activation.c shows how). */
base_status nn_elementwise_plan(nn_plan *plan, base_error *err);
void nn_elementwise_forward(const nn_run *run);
void nn_elementwise_backward(const nn_run *run);
#define NN_ELEMENTWISE                                                                             \
    .plan = nn_elementwise_plan, .init = nn_init_none, .length = nn_length_same,                   \
    .forward = nn_elementwise_forward, .backward = nn_elementwise_backward

/* Common answers and arithmetic, written once. */
void nn_init_none(const nn_plan *plan, base_rng *rng, float *param, float *state);
int64_t nn_length_same(const nn_plan *plan, int64_t length);
int64_t nn_length_none(const nn_plan *plan, int64_t length);
/* Uniform in [-bound, bound), the initialisation of PyTorch's Conv2d, Linear and RNNs. */
void nn_init_uniform(base_rng *rng, float bound, float *out, int64_t n);
/* Fails with ESHAPE "input is [B,64,8,12]; a sequence [B,T,F] is needed" + `advice` unless
 * in[0] has that rank. */
base_status nn_need_rank(const nn_plan *plan, int rank, const char *advice, base_error *err);

#endif
