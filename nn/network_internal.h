/* nn/network_internal.h - what the three files of the network share.
 *
 * The nested list becomes a flat list of nodes (network_build.c). Values are numbered: 0 is the
 * network's input, v the output of node v - 1; every node reads values of smaller numbers. Then
 * nodes are fused with those that follow and all buffers get their places (network_plan.c); what is
 * left is to run (network.c). */
#ifndef NN_NETWORK_INTERNAL_H
#define NN_NETWORK_INTERNAL_H

#include "nn/exchange.h"
#include "nn/network.h"

enum { NN__KEPT = 5 /* values at the end of the top-level list that can be asked for */ };

typedef struct {
    nn_plan plan;
    const base_node *where; /* in the configuration, for errors */
    const char *path;       /* "3.body.0" */
    const char *fused_text;
    bool is_named;   /* the last part of path was given, not counted */
    bool is_fused;   /* done by an earlier node */
    int norm;        /* node of plan.norm, for its tensors; 0: none, as node 0 has no predecessor */
    bool is_frozen;  /* not trained, runs as in inference */
    bool wants_grad; /* something at or before it is trained, or the input's gradient is wanted */
    int in[NN_MAX_INPUTS]; /* values */
    int out;               /* value; with n others fused into it node k gives value k + 1 + n */
    int64_t param_at, state_at; /* floats into the network's blocks */
    float *cache;
    float *dx[NN_MAX_INPUTS]; /* where the gradient of an input goes; NULL: nowhere, or outside */
    bool adds[NN_MAX_INPUTS]; /* dx is then added to what later nodes gave */
    bool runs_backward;
    bool whole_forward, whole_backward; /* of a batch that ranks share: not cut among them */
    int64_t sums_at;                    /* within the exchange */
    double forward_s, backward_s;
} nn__node;

typedef struct {
    nn_shape shape;
    bool exists; /* false where it is inside of what was fused */
    bool wants_grad;
    bool is_whole, dy_is_whole; /* every rank has all samples' */
    int n_readers;
    bool keeps_padding; /* frames past the length are not zeroed: its only reader ignores them */
    float *y, *dy;      /* NULL for the input and, dy, for the output: they are the caller's */
    int32_t *length_memory; /* [max_batch]; NULL if there is no time axis */
    const int32_t *length;  /* of the last forward; NULL: all frames are valid */
} nn__value;

typedef struct {
    const char *name;
    int node, tensor;
} nn__tensor_name;

struct nn_network {
    nn_network_config config;
    base_arena arena;
    base_node *layers;
    nn__node *nodes;
    size_t node_capacity;
    int n_nodes;
    nn__value *values; /* [n_nodes + 1] */
    int top[NN__KEPT]; /* values after the last items of the top-level list, last first; -1: none */
    nn__tensor_name *tensors;
    int n_tensors;
    int *rows; /* nodes that are not fused into others */
    int n_rows;

    int64_t n_param, n_state, n_activation, n_scratch; /* floats */
    float *param, *grad, *state;                       /* one allocation */
    float *activation;                                 /* outputs, gradients, caches, lengths */
    float *scratch;
    nn_exchange *exchange; /* NULL: no ranks share a batch */
    int64_t n_run;         /* samples of the last forward */
    bool profiling;
};

/* Fills nodes, top and layers from a list whose place in the configuration stays known. */
base_status nn__network_build(nn_network *network, const base_node *layers, base_error *err);
/* Fuses, places all buffers, allocates. */
base_status nn__network_plan(nn_network *network, base_error *err);

#endif
