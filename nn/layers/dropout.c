/* Dropout (N. Srivastava et al., JMLR 2014): in training each number becomes 0 with probability p
 * and is otherwise divided by 1 - p; in inference nothing changes. Each sample draws from a stream
 * of its own, 16 bits for each number, so that p is exact to 1e-5. The cache holds the masks. A
 * fused map is applied to the masked numbers, which backward computes again from x and the mask.
 * Stochastic depth (G. Huang et al., ECCV 2016) does the same to a sample as a whole; at the end of
 * a residual body it takes the body out. */
#include <string.h>

#include "nn/kernels/extent.h"
#include "nn/kernels/kernels.h"
#include "nn/layer.h"

typedef struct {
    double p;
} dropout_options;

static const base_option dropout_table[] = {{"p", BASE_OPT_FLOAT, offsetof(dropout_options, p),
                                             "0.5", 0, 0.999, NULL, NULL, "probability of a zero"},
                                            {0}};

/* Numbers of a task, and of a part of it that stays in the L1 cache from the mask to the map. */
enum { PIECE = 256 * NN_MASK_NUMBERS, PART = 1024 };

/* A sample's mask holds one byte for each number. */
static base_status dropout_plan(nn_plan *plan, base_error *err) {
    (void)err;
    plan->out = plan->in[0];
    if (plan->training)
        plan->n_cache = plan->max_batch * nn_byte_floats(nn_shape_count(plan->in[0]));
    return BASE_OK;
}

static bool dropout_fuse_map(nn_plan *plan, const nn_function *function) {
    if (!(function->derivative & NN_READS_X)) return false;
    if (plan->training) plan->backward_reads |= NN_READS_X;
    return true;
}

typedef struct {
    const nn_run *run;
    const nn_kernels_table *kernels;
    const nn_map *map;
    double p;
    float factor;
    const float *x, *dy;
    float *y;            /* backward: dx */
    int64_t n, n_pieces; /* of a sample */
} dropout_call;

static dropout_call open_call(const nn_run *run, float *y) {
    const dropout_options *o = run->plan->options;
    int64_t n = nn_shape_count(run->plan->in[0]);
    return (dropout_call){.run = run,
                          .kernels = nn_kernels(),
                          .map = &run->plan->map,
                          .p = o->p,
                          .factor = (float)(1.0 / (1.0 - o->p)),
                          .x = run->x[0],
                          .dy = run->dy,
                          .y = y,
                          .n = n,
                          .n_pieces = nn_ceil_div(n, PIECE)};
}

/* Part of a sample: it begins at number `begin` of the sample, `at` of the batch. */
typedef struct {
    int64_t sample, begin, at, n;
    uint8_t *keep; /* NULL: nothing is dropped */
} dropout_piece;

static dropout_piece piece_of(const dropout_call *call, int64_t task) {
    dropout_piece piece = {.sample = task / call->n_pieces, .begin = task % call->n_pieces * PIECE};
    piece.at = piece.sample * call->n + piece.begin;
    piece.n = nn_min(call->n - piece.begin, PIECE);
    if (!call->run->training) return piece;
    piece.keep =
        (uint8_t *)(call->run->cache + piece.sample * nn_byte_floats(call->n)) + piece.begin;
    return piece;
}

static void draw_piece(const dropout_call *call, const dropout_piece *piece) {
    base_rng rng = call->run->open_rng(call->run->rng_context, (uint64_t)piece->sample);
    nn_mask_source source = {.threshold = (uint32_t)(call->p * 65536.0 + 0.5)};
    memcpy(source.key, rng.key, sizeof source.key);
    memcpy(source.counter, rng.counter, sizeof source.counter);
    source.counter[0] += (uint32_t)(piece->begin / NN_MASK_NUMBERS * NN_MASK_BLOCKS);
    call->kernels->draw_mask(&source, piece->keep, piece->n);
}

static bool has_map(const dropout_call *call) {
    return call->map->kind != NN_IDENTITY;
}

/* keep NULL: nothing is dropped, and x is copied. */
static void apply_mask(const dropout_call *call, const uint8_t *keep, const float *x, float *y,
                       int64_t n) {
    if (keep != NULL) {
        call->kernels->mask(keep, call->factor, x, y, n);
    } else if (x != y) {
        memcpy(y, x, (size_t)n * sizeof *y);
    }
}

static void forward_task(void *context, int64_t task, int worker) {
    (void)worker;
    const dropout_call *call = context;
    dropout_piece piece = piece_of(call, task);
    if (piece.keep != NULL) draw_piece(call, &piece);
    for (int64_t i = 0; i < piece.n; i += PART) {
        int64_t n = nn_min(piece.n - i, PART), at = piece.at + i;
        float *y = call->y + at;
        apply_mask(call, piece.keep ? piece.keep + i : NULL, call->x + at, y, n);
        if (has_map(call)) call->kernels->activate(call->map, y, y, n);
    }
}

static void backward_task(void *context, int64_t task, int worker) {
    (void)worker;
    const dropout_call *call = context;
    dropout_piece piece = piece_of(call, task);
    float z[PART];
    for (int64_t i = 0; i < piece.n; i += PART) {
        int64_t n = nn_min(piece.n - i, PART), at = piece.at + i;
        const uint8_t *keep = piece.keep ? piece.keep + i : NULL;
        float *d = call->y + at;
        if (!has_map(call)) {
            apply_mask(call, keep, call->dy + at, d, n);
            continue;
        }
        memcpy(d, call->dy + at, (size_t)n * sizeof *d);
        apply_mask(call, keep, call->x + at, z, n);
        call->kernels->activate_backward(call->map, z, d, n);
        apply_mask(call, keep, d, d, n);
    }
}

static void run_pieces(const nn_run *run, float *y, base_task *task) {
    dropout_call call = open_call(run, y);
    base_parallel(run->pool, run->batch * call.n_pieces, task, &call);
}

static void dropout_forward(const nn_run *run) {
    run_pieces(run, run->y, forward_task);
}

static void dropout_backward(const nn_run *run) {
    if (run->dx[0] != NULL) run_pieces(run, run->dx[0], backward_task);
}

const nn_layer nn_layer_dropout = {
    .variant = {"dropout", "random zeros while training", "p", dropout_table,
                sizeof(dropout_options)},
    .plan = dropout_plan,
    .idle_in_inference = true,
    .fuse_map = dropout_fuse_map,
    .init = nn_init_none,
    .length = nn_length_same,
    .forward = dropout_forward,
    .backward = dropout_backward,
};

static const base_option depth_table[] = {{"p", BASE_OPT_FLOAT, offsetof(dropout_options, p), "0.2",
                                           0, 0.999, NULL, NULL,
                                           "probability that a sample becomes zero"},
                                          {0}};

/* The cache holds a factor for each sample. */
static base_status depth_plan(nn_plan *plan, base_error *err) {
    (void)err;
    plan->out = plan->in[0];
    if (plan->training) plan->n_cache = plan->max_batch;
    return BASE_OK;
}

static void scale_piece(void *context, int64_t task, int worker) {
    (void)worker;
    const dropout_call *call = context;
    int64_t sample = task / call->n_pieces, begin = task % call->n_pieces * PIECE;
    int64_t at = sample * call->n + begin, n = nn_min(call->n - begin, PIECE);
    float factor = call->run->training ? call->run->cache[sample] : 1.0f;
    for (int64_t i = 0; i < n; i++) call->y[at + i] = factor * call->x[at + i];
}

static void scale_samples(const nn_run *run, const float *x, float *y) {
    dropout_call call = open_call(run, y);
    call.x = x;
    base_parallel(run->pool, run->batch * call.n_pieces, scale_piece, &call);
}

static void depth_forward(const nn_run *run) {
    const dropout_options *o = run->plan->options;
    for (int64_t i = 0; run->training && i < run->batch; i++) {
        base_rng rng = run->open_rng(run->rng_context, (uint64_t)i);
        bool kept = (double)base_rng_uniform(&rng) >= o->p;
        run->cache[i] = kept ? (float)(1.0 / (1.0 - o->p)) : 0.0f;
    }
    scale_samples(run, run->x[0], run->y);
}

static void depth_backward(const nn_run *run) {
    if (run->dx[0] != NULL) scale_samples(run, run->dy, run->dx[0]);
}

const nn_layer nn_layer_stochastic_depth = {
    .variant = {"stochastic_depth",
                "random samples become zero while training; ends a residual body", "p", depth_table,
                sizeof(dropout_options)},
    .plan = depth_plan,
    .idle_in_inference = true,
    .init = nn_init_none,
    .length = nn_length_same,
    .forward = depth_forward,
    .backward = depth_backward,
};
