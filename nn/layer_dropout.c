/* Dropout (N. Srivastava et al., JMLR 2014): in training each number becomes 0 with probability p
 * and is otherwise divided by 1 - p; in inference nothing changes. Each sample draws from a stream
 * of its own. The cache holds the factors. */
#include <string.h>

#include "nn/kernels.h"
#include "nn/layer.h"

typedef struct {
    double p;
} dropout_options;

static const base_option dropout_table[] = {{"p", BASE_OPT_FLOAT, offsetof(dropout_options, p),
                                             "0.5", 0, 0.999, NULL, NULL, "probability of a zero"},
                                            {0}};

static base_status dropout_plan(const void *options, nn_plan *plan, base_error *err) {
    (void)options, (void)err;
    plan->out = plan->in[0];
    if (plan->training) plan->n_cache = plan->max_batch * nn_shape_count(plan->in[0]);
    return BASE_OK;
}

typedef struct {
    const nn_run *run;
    const nn_kernels_table *kernels;
    float p;
    const float *x; /* backward: dy */
    float *y;       /* backward: dx */
    int64_t n;      /* floats of a sample */
} dropout_call;

static dropout_call open_call(const void *options, const nn_run *run, const float *x, float *y) {
    const dropout_options *o = options;
    return (dropout_call){.run = run,
                          .kernels = nn_kernels(),
                          .p = (float)o->p,
                          .x = x,
                          .y = y,
                          .n = nn_shape_count(run->plan->in[0])};
}

static void draw_factors(const dropout_call *call, int64_t sample, float *factor) {
    base_rng rng = call->run->open_rng(call->run->rng_context, (uint64_t)sample);
    base_rng_fill_uniform(&rng, factor, call->n);
    const float p = call->p, keep = 1.0f / (1.0f - p);
    for (int64_t i = 0; i < call->n; i++) factor[i] = factor[i] < p ? 0.0f : keep;
}

static void forward_task(void *context, int64_t sample, int worker) {
    (void)worker;
    const dropout_call *call = context;
    float *factor = call->run->cache + sample * call->n;
    draw_factors(call, sample, factor);
    call->kernels->multiply(call->x + sample * call->n, factor, call->y + sample * call->n,
                            call->n);
}

static void backward_task(void *context, int64_t sample, int worker) {
    (void)worker;
    const dropout_call *call = context;
    int64_t at = sample * call->n;
    call->kernels->multiply(call->x + at, call->run->cache + at, call->y + at, call->n);
}

static void copy_task(void *context, int64_t sample, int worker) {
    (void)worker;
    const dropout_call *call = context;
    memcpy(call->y + sample * call->n, call->x + sample * call->n,
           (size_t)call->n * sizeof *call->y);
}

static void dropout_forward(const void *options, const nn_run *run, const float *const *x,
                            float *y) {
    dropout_call call = open_call(options, run, x[0], y);
    base_parallel(run->pool, run->batch, run->training ? forward_task : copy_task, &call);
}

static void dropout_backward(const void *options, const nn_run *run, const float *const *x,
                             const float *y, float *dy, float *const *dx) {
    (void)x, (void)y;
    if (dx[0] == NULL) return;
    dropout_call call = open_call(options, run, dy, dx[0]);
    base_parallel(run->pool, run->batch, run->training ? backward_task : copy_task, &call);
}

const nn_layer nn_layer_dropout = {
    .variant = {"dropout", "random zeros while training", "p", dropout_table,
                sizeof(dropout_options)},
    .plan = dropout_plan,
    .init = nn_init_none,
    .length = nn_length_same,
    .forward = dropout_forward,
    .backward = dropout_backward,
};
