/* Affine map of the last axis: y = x W^T + b, weight [out, in], bias [out], for vectors [B,F] and
 * for each frame of sequences [B,T,F]. */
#include <math.h>
#include <string.h>

#include "nn/kernels/extent.h"
#include "nn/kernels/gemm.h"
#include "nn/kernels/kernels.h"
#include "nn/kernels/rows.h"
#include "nn/layer.h"

/* Few rows and many features: reading the weights is what takes time, and a library that packs them
 * first reads them twice. The features are cut into slices that stay in the cache, and these into
 * PARTS, whose sums are joined by a tree. */
enum { LONG = 4096, SLICE = 1024, PARTS = 8 };

typedef struct {
    int64_t out;
    bool bias;
} linear_options;

static const base_option linear_table[] = {{"out", BASE_OPT_INT, offsetof(linear_options, out),
                                            NULL, 1, 1 << 24, NULL, NULL, "output features"},
                                           {"bias", BASE_OPT_BOOL, offsetof(linear_options, bias),
                                            "true", 0, 0, NULL, NULL,
                                            "add a trained number to each output"},
                                           {0}};

static int64_t features_in(const nn_plan *plan) {
    return plan->in[0].dim[plan->in[0].rank - 1];
}

static int64_t rows_of(const nn_run *run) {
    const nn_plan *plan = run->plan;
    return run->batch * (plan->in[0].rank == 2 ? plan->in[0].dim[0] : 1);
}

static bool is_long(const nn_plan *plan) {
    return plan->in[0].rank == 1 && features_in(plan) >= LONG;
}

static base_status linear_plan(nn_plan *plan, base_error *err) {
    const linear_options *o = plan->options;
    if (plan->in[0].rank != 1) {
        BASE_TRY(nn_need_rank(plan, 2, ". Put 'flatten' or 'to_sequence' before it", err));
    }
    plan->out = plan->in[0];
    plan->out.dim[plan->out.rank - 1] = o->out;
    nn_shape weight = nn_shape_make(2, (int64_t[]){o->out, features_in(plan)});
    BASE_TRY(nn_plan_tensor(plan, "weight", weight, NN_DECAYED, err));
    if (o->bias) {
        BASE_TRY(nn_plan_tensor(plan, "bias", nn_shape_make(1, &o->out), NN_TRAINED, err));
    }
    nn_plan_work(plan, nn_shape_count(plan->in[0]), o->out);
    if (plan->training) {
        plan->backward_reads = NN_READS_X;
        plan->n_sums = o->bias ? o->out : 0;
    }
    if (!is_long(plan)) plan->n_worker_scratch = NN_ROWS_SCRATCH;
    if (is_long(plan)) plan->n_scratch = PARTS * plan->max_batch * o->out;
    return BASE_OK;
}

/* PyTorch's: uniform within 1 / sqrt(features). */
static void linear_init(const nn_plan *plan, base_rng *rng, float *param, float *state) {
    const linear_options *o = plan->options;
    (void)state;
    float bound = (float)(1.0 / sqrt((double)features_in(plan)));
    nn_init_uniform(rng, bound, nn_plan_find(plan, "weight", param), o->out * features_in(plan));
    if (o->bias) nn_init_uniform(rng, bound, nn_plan_find(plan, "bias", param), o->out);
}

typedef struct {
    const nn_run *run;
    const float *x, *weight;
    int64_t out;
} long_call;

static void long_task(void *context, int64_t part, int worker) {
    (void)worker;
    const long_call *call = context;
    int64_t in = features_in(call->run->plan), batch = call->run->batch;
    int64_t n_slices = nn_ceil_div(in, SLICE), n_sums = batch * call->out;
    float *sums = call->run->scratch + part * n_sums;
    memset(sums, 0, (size_t)n_sums * sizeof *sums);
    for (int64_t slice = part * n_slices / PARTS; slice < (part + 1) * n_slices / PARTS; slice++) {
        int64_t begin = slice * SLICE;
        nn_kernels()->multiply_dots(&(nn_dot_products){.n_rows = batch,
                                                       .n_columns = call->out,
                                                       .n_terms = nn_min(in - begin, SLICE),
                                                       .a = call->x + begin,
                                                       .b = call->weight + begin,
                                                       .a_pitch = in,
                                                       .b_pitch = in,
                                                       .c_pitch = call->out,
                                                       .c = sums});
    }
}

/* y += x W^T */
static void forward_long(const nn_run *run, const float *x, const float *weight, float *y) {
    long_call call = {.run = run, .x = x, .weight = weight, .out = run->plan->out.dim[0]};
    int64_t n = run->batch * call.out;
    base_parallel(run->pool, PARTS, long_task, &call);
    base_tree_sum(run->pool, run->scratch, PARTS, n, n);
    nn_kernels()->add(run->scratch, y, n);
}

static void linear_forward(const nn_run *run) {
    const linear_options *o = run->plan->options;
    const nn_plan *plan = run->plan;
    int64_t rows = rows_of(run), in = features_in(plan);
    const float *bias = nn_plan_find(plan, "bias", (float *)run->param);
    const float *weight = nn_plan_find(plan, "weight", (float *)run->param);
    if (is_long(plan)) {
        for (int64_t i = 0; i < rows; i++) {
            size_t n_bytes = (size_t)o->out * sizeof *run->y;
            if (o->bias) {
                memcpy(run->y + i * o->out, bias, n_bytes);
            } else {
                memset(run->y + i * o->out, 0, n_bytes);
            }
        }
        forward_long(run, run->x[0], weight, run->y);
        return;
    }
    nn_rows_multiply(run->pool, &(nn_rows_product){.n_rows = rows,
                                                   .n_in = in,
                                                   .n_out = o->out,
                                                   .x = run->x[0],
                                                   .x_pitch = in,
                                                   .weight = weight,
                                                   .bias = bias,
                                                   .y = run->y,
                                                   .y_pitch = o->out,
                                                   .worker_scratch = run->worker_scratch,
                                                   .scratch_pitch = plan->n_worker_scratch});
}

/* The gradient of the bias: the sum over the rows of a shard. */
static void bias_task(void *context, int64_t task, int worker) {
    (void)worker;
    const nn_run *run = context;
    int shard = run->shards.first + (int)task;
    int64_t out = run->plan->n_sums, sample_rows = rows_of(run) / run->batch;
    float *sum = nn_shard_sums(run, shard);
    memset(sum, 0, (size_t)nn_sums_stride(run->plan) * sizeof *sum);
    int64_t end = nn_shard_begin(run, shard + 1) * sample_rows;
    for (int64_t row = nn_shard_begin(run, shard) * sample_rows; row < end; row++) {
        nn_kernels()->add(run->dy + row * out, sum, out);
    }
}

static void linear_backward(const nn_run *run) {
    const linear_options *o = run->plan->options;
    const nn_plan *plan = run->plan;
    int64_t rows = rows_of(run), in = features_in(plan);
    nn_gemm_parallel(run->pool, &(nn_gemm_args){.trans_a = true,
                                                .m = o->out,
                                                .n = in,
                                                .k = rows,
                                                .alpha = 1.0f,
                                                .beta = 1.0f,
                                                .a = run->dy,
                                                .lda = o->out,
                                                .b = run->x[0],
                                                .ldb = in,
                                                .c = nn_plan_find(plan, "weight", run->dparam),
                                                .ldc = in});
    if (o->bias) {
        base_parallel(run->pool, run->shards.end - run->shards.first, bias_task, (void *)run);
    }
    if (run->dx[0] == NULL) return;
    nn_gemm_parallel(run->pool,
                     &(nn_gemm_args){.m = rows,
                                     .n = in,
                                     .k = o->out,
                                     .alpha = 1.0f,
                                     .a = run->dy,
                                     .lda = o->out,
                                     .b = nn_plan_find(plan, "weight", (float *)run->param),
                                     .ldb = in,
                                     .c = run->dx[0],
                                     .ldc = in});
}

static void linear_add_sums(const nn_run *run, float *sums) {
    nn_kernels()->add(sums, nn_plan_find(run->plan, "bias", run->dparam), run->plan->n_sums);
}

const nn_layer nn_layer_linear = {
    .variant = {"linear", "trained affine map of the features", "out", linear_table,
                sizeof(linear_options)},
    .plan = linear_plan,
    .batch = NN_WHOLE_BACKWARD,
    .init = linear_init,
    .length = nn_length_same,
    .forward = linear_forward,
    .backward = linear_backward,
    .add_sums = linear_add_sums,
};
