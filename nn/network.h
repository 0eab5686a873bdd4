/* nn/network.h - a planned network.
 *
 * A network is a YAML list of layers. Four keys nest lists:
 *   residual: {body: [...], shortcut: [...]}   body(x) + shortcut(x); no shortcut: + x
 *   gate: [...]                                x * body(x), over x's trailing axes if body(x) is
 *                                              shorter
 *   concat: [[...], [...]]                     outputs joined along channels (features of a
 *                                              sequence); an empty list hands x on
 *   repeat: {times: 3, body: [...]}            or {for: {out: [16, 32, 64]}, body: [...]}: each
 *                                              item's value goes to that option in every layer of
 *                                              the body that has it and does not state it itself
 * The word `classes` as a value stands for the number of classes. Any layer may carry `name: text`
 * beside its options; parameter names are "<name>.weight", without a name "<index>.weight", the
 * index counting layers of that list from 0 after unfolding `repeat`, nested lists joined by '.':
 * "3.body.0.weight", "4.shortcut.1.bias", "5.branches.0.2.weight" (gate: body, concat: branches) -
 * as in nested torch.nn.Sequential modules.
 *
 * Ranks that share a batch (config.ranks) each make the same calls on it, but for forward in
 * inference mode, and end with the same bits in all parameters, gradients and states. Of x a rank
 * needs its own samples, those of its shards, to be filled in; others' are overwritten where a
 * layer takes the whole batch. The sums of gradients travel while backward goes on.
 *
 * Layers can be frozen, by path ("3.body.0", "stem") or by a leading part of it ("3.body"): they
 * run as in inference, also in training, and their parameters' gradients stay zero. Backward does
 * not run through what has nothing trained before it.
 *
 * The network is planned once for the largest batch. Three allocations hold all numbers: parameters
 * (with gradients), activations, scratch; no other call allocates. One network serves one calling
 * thread at a time; its pool is used inside. */
#ifndef NN_NETWORK_H
#define NN_NETWORK_H

#include "base/text.h"
#include "nn/layer.h"

typedef struct nn_network nn_network;

typedef struct {
    nn_shape input;
    int64_t n_classes;
    int64_t max_batch;
    bool training;     /* plan for backward too */
    bool input_grad;   /* backward also yields the gradient of the input */
    bool measure;      /* plan only, for nn_network_summary: nothing is allocated or run */
    bool keep_order;   /* fuse no layers */
    base_ranks *ranks; /* share each training batch, at most one per shard; NULL: alone; borrowed */
    int n_shards;      /* of a batch, up to NN_MAX_SHARDS; decides the bits; 0: the default */
    base_strings freeze; /* layers that are not trained; borrowed by nn_network_new */
    base_pool *pool;     /* borrowed; NULL: one thread */
} nn_network_config;

/* All that may stand in the list: the layers, then the four that nest lists. */
const base_variant *const *nn_network_variants(int *n);

/* Builds from `layers` (a list; copied, defaults filled in: see nn_network_layers). Errors name
 * file, line and layer: "a.yaml:14: network[2].gru: input is [B,64,8,12]; a sequence ...". A name
 * in config->freeze that no layer has is an error, too. */
base_status nn_network_new(const base_node *layers, const nn_network_config *config,
                           nn_network **network, base_error *err);
void nn_network_free(nn_network *network);

/* Draws all parameters: layer i from the stream (seed, INIT, i, 0). */
void nn_network_init(nn_network *network, uint64_t seed);

typedef struct {
    const float *x;        /* [n, input]; zero past length */
    const int32_t *length; /* [n] valid frames along the input's time axis, or NULL: all */
    int64_t n;             /* 1..max_batch */
    bool training;
    uint64_t seed, step;   /* name the dropout streams: (seed, DROPOUT + layer, step, sample) */
    uint64_t first_sample; /* number of x[0] within its step (micro-batches of one step) */
    float *learned_from;   /* [n, nn_network_n_learned_from] is overwritten, or NULL */
} nn_input;

/* Returns y [n, output], valid until the next call. */
const float *nn_network_forward(nn_network *network, const nn_input *input);

/* Layers that learn from all training samples at once (nn_layer.learn): floats of one sample that
 * they read; 0 if there are none. Passes in inference mode collect them through
 * nn_input.learned_from; then nn_network_learn, with the samples' classes label [n] and
 * class_weight [classes] or NULL, writes those layers' states. The network must be planned for
 * training. */
int64_t nn_network_n_learned_from(const nn_network *network);
void nn_network_learn(nn_network *network, int64_t n, const float *learned_from,
                      const int32_t *label, const float *class_weight);

/* After a training forward: dy [n, output] (overwritten as scratch). Adds into the gradients. dx
 * [n, input] is overwritten if not NULL (needs config.input_grad). */
void nn_network_backward(nn_network *network, const nn_input *input, float *dy, float *dx);

/* The samples of a training batch of n that are this rank's own: [*begin, *end). */
void nn_network_own(const nn_network *network, int64_t n, int64_t *begin, int64_t *end);
/* Gives every rank all n samples of `data`, of sample_bytes each, of which it has its own
 * (together). */
void nn_network_gather(const nn_network *network, int64_t n, void *data, int64_t sample_bytes);

nn_shape nn_network_output(const nn_network *network);
const nn_network_config *nn_network_get_config(const nn_network *network);
/* The list with `repeat` unfolded and all defaults filled in: it builds the same network again.
 * Lives as long as the network. */
const base_node *nn_network_layers(const nn_network *network);

/* All trained numbers as one vector, and their gradients (NULL if not training). Padding between
 * tensors is zero and stays so. n may be NULL. */
float *nn_network_params(nn_network *network, int64_t *n);
float *nn_network_grads(nn_network *network, int64_t *n);
void nn_network_zero_grads(nn_network *network);

/* An intermediate value (for embeddings): the last forward's value after the layer that is
 * `from_end` from the end of the top-level list, 0 to 4 (0: the output; 1: what the last layer
 * read). NULL where the list is shorter or the layer behind did both in one pass, which never
 * happens to 1. */
const float *nn_network_value(nn_network *network, int from_end, nn_shape *shape);

typedef struct {
    const char *name; /* full, "3.weight_hh_l0" */
    nn_shape shape;
    float *data;
    float *grad; /* NULL for state, or if not training */
    bool is_state, decays, is_frozen;
} nn_tensor;

int nn_network_n_tensors(const nn_network *network);
nn_tensor nn_network_tensor(nn_network *network, int index);

/* Whether `path`, a layer's or a tensor's, is that of `layer` or of something within it. */
bool nn_path_is_within(const char *path, const char *layer);

/* The planned layers for those who write the network down elsewhere, in order of execution. Values
 * are numbered, 0 being the network's input; every layer reads values of smaller numbers. With
 * config.keep_order layer i gives value i + 1. All is the network's. */
typedef struct {
    const nn_layer *layer;
    const void *options; /* as layer->variant.options describes them */
    const nn_plan *plan;
    const char *path;           /* "3.body.0" or the given name */
    const float *param, *state; /* the layer's blocks, for nn_plan_find */
    const int *in;              /* [plan->n_in] values */
    int out;
} nn_graph_node;

nn_graph_node nn_network_node(const nn_network *network, int index); /* 0..n_rows - 1 */

/* Valid frames after a layer for `length` before it; 0 if its output has no time axis. */
int64_t nn_graph_length(const nn_graph_node *node, int64_t length);

/* One row per layer, nested ones included, in order of execution. */
typedef struct {
    const char *path;  /* "3.body.0" or the given name */
    const char *layer; /* "conv2d" */
    const char *fused; /* "relu, max_pool" done in the same pass, or "" */
    nn_shape in, out;
    int64_t n_param, macs;
    bool is_frozen;
    double forward_s, backward_s; /* summed since profiling was switched on */
} nn_summary_row;

int nn_network_n_rows(const nn_network *network);
nn_summary_row nn_network_row(const nn_network *network, int index);
void nn_network_profile(nn_network *network, bool on);

typedef struct {
    int64_t n_param, n_state, macs; /* macs per sample */
    int64_t work;                   /* macs and numbers that layers read and write, per sample */
    int64_t n_frozen;               /* of n_param */
    size_t param_bytes, activation_bytes, scratch_bytes;
} nn_summary;
nn_summary nn_network_summary(const nn_network *network);

#endif
