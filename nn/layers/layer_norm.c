/* Layer normalisation (J. L. Ba, J. R. Kiros, G. E. Hinton, 2016): over the features of a vector or
 * of each frame of a sequence, over all of an image. weight and bias have the normalised shape. */
#include <math.h>
#include <string.h>

#include "nn/kernels/extent.h"
#include "nn/kernels/kernels.h"
#include "nn/layer.h"

typedef struct {
    double eps;
    bool affine;
} layer_norm_options;

static const base_option layer_norm_table[] = {
    {"eps", BASE_OPT_FLOAT, offsetof(layer_norm_options, eps), "1e-5", 1e-12, 1, NULL, NULL,
     "added to the variance"},
    {"affine", BASE_OPT_BOOL, offsetof(layer_norm_options, affine), "true", 0, 0, NULL, NULL,
     "scale and shift the result by trained numbers"},
    {0}};

static nn_shape normalized_shape(const nn_plan *plan) {
    nn_shape in = plan->in[0];
    return in.rank == 3 ? in : nn_shape_make(1, &in.dim[in.rank - 1]);
}

static base_status layer_norm_plan(nn_plan *plan, base_error *err) {
    const layer_norm_options *o = plan->options;
    nn_shape shape = normalized_shape(plan);
    if (o->affine) {
        BASE_TRY(nn_plan_tensor(plan, "weight", shape, NN_TRAINED, err));
        BASE_TRY(nn_plan_tensor(plan, "bias", shape, NN_TRAINED, err));
    }
    plan->out = plan->in[0];
    if (plan->training) {
        plan->backward_reads = NN_READS_X;
        plan->n_sums = o->affine ? 2 * nn_shape_count(shape) : 0;
        plan->n_worker_scratch = nn_shape_count(shape);
    }
    return BASE_OK;
}

static void layer_norm_init(const nn_plan *plan, base_rng *rng, float *param, float *state) {
    const layer_norm_options *o = plan->options;
    (void)rng, (void)state;
    if (!o->affine) return;
    float *weight = nn_plan_find(plan, "weight", param), *bias = nn_plan_find(plan, "bias", param);
    int64_t n = nn_shape_count(normalized_shape(plan));
    for (int64_t i = 0; i < n; i++) weight[i] = 1.0f;
    memset(bias, 0, (size_t)n * sizeof *bias);
}

typedef struct {
    const layer_norm_options *options;
    const nn_run *run;
    const nn_kernels_table *kernels;
    const float *weight, *bias, *x, *dy;
    float *y, *dx;
    int64_t n, rows; /* floats of a row; rows of a sample */
} norm_call;

static norm_call open_call(const nn_run *run) {
    const nn_plan *plan = run->plan;
    int64_t n = nn_shape_count(normalized_shape(plan));
    return (norm_call){.options = plan->options,
                       .run = run,
                       .kernels = nn_kernels(),
                       .weight = nn_plan_find(plan, "weight", (float *)run->param),
                       .bias = nn_plan_find(plan, "bias", (float *)run->param),
                       .x = run->x[0],
                       .dy = run->dy,
                       .y = run->y,
                       .dx = run->dx[0],
                       .n = n,
                       .rows = nn_shape_count(plan->in[0]) / n};
}

static void row_statistics(const norm_call *call, const float *x, double *mean, double *inverse) {
    double sum, squares, n = (double)call->n;
    call->kernels->sum_and_squares(x, call->n, &sum, &squares);
    *mean = sum / n;
    double variance = squares / n - *mean * *mean;
    *inverse = 1.0 / sqrt((variance > 0.0 ? variance : 0.0) + call->options->eps);
}

static void forward_row(const norm_call *call, const float *x, float *y) {
    double mean, inverse;
    row_statistics(call, x, &mean, &inverse);
    const float scale = (float)inverse, center = (float)mean;
    for (int64_t i = 0; i < call->n; i++) y[i] = (x[i] - center) * scale;
    if (call->weight == NULL) return;
    for (int64_t i = 0; i < call->n; i++) y[i] = y[i] * call->weight[i] + call->bias[i];
}

static void forward_task(void *context, int64_t sample, int worker) {
    (void)worker;
    const norm_call *call = context;
    for (int64_t i = 0; i < call->rows; i++) {
        int64_t at = (sample * call->rows + i) * call->n;
        forward_row(call, call->x + at, call->y + at);
    }
}

/* g is scratch for one row: the gradient before weight and bias. */
static void backward_row(const norm_call *call, int64_t at, float *dweight, float *g) {
    const float *x = call->x + at, *dy = call->dy + at;
    double mean, inverse, sum, dot, n = (double)call->n;
    row_statistics(call, x, &mean, &inverse);
    const float center = (float)mean, scale = (float)inverse;
    for (int64_t i = 0; i < call->n && dweight != NULL; i++) {
        dweight[i] += dy[i] * ((x[i] - center) * scale);
        dweight[call->n + i] += dy[i];
    }
    if (call->dx == NULL) return;
    memcpy(g, dy, (size_t)call->n * sizeof *g);
    if (call->weight != NULL) call->kernels->multiply(dy, call->weight, g, call->n);
    call->kernels->sum_and_dot(g, x, call->n, &sum, &dot);
    double along = inverse * (dot - mean * sum);
    nn_slope slope = {.a = scale,
                      .b = (float)(-inverse * inverse * along / n),
                      .c = (float)(-inverse * sum / n),
                      .center = center};
    call->kernels->normalize_backward(&slope, x, g, call->dx + at, call->n);
}

static int64_t valid_row_count(const norm_call *call, int64_t sample) {
    bool frames = call->run->plan->in[0].rank == 2 && call->run->in_length != NULL;
    return frames ? call->run->in_length[sample] : call->rows;
}

/* All samples of a shard, one after the other. Its sums: gradients of weight and bias. */
static void backward_task(void *context, int64_t task, int worker) {
    const norm_call *call = context;
    const nn_run *run = call->run;
    int shard = run->shards.first + (int)task;
    float *g = run->worker_scratch + worker * run->plan->n_worker_scratch, *dweight = NULL;
    if (call->weight != NULL) {
        dweight = nn_shard_sums(run, shard);
        memset(dweight, 0, (size_t)nn_sums_stride(run->plan) * sizeof *dweight);
    }
    int64_t end = nn_shard_begin(run, shard + 1);
    for (int64_t sample = nn_shard_begin(run, shard); sample < end; sample++) {
        int64_t start = sample * call->rows * call->n, valid = valid_row_count(call, sample);
        for (int64_t i = 0; i < valid; i++) backward_row(call, start + i * call->n, dweight, g);
        if (call->dx == NULL) continue;
        memset(call->dx + start + valid * call->n, 0,
               (size_t)((call->rows - valid) * call->n) * sizeof *call->dx);
    }
}

static void layer_norm_forward(const nn_run *run) {
    norm_call call = open_call(run);
    base_parallel(run->pool, run->batch, forward_task, &call);
}

static void layer_norm_backward(const nn_run *run) {
    norm_call call = open_call(run);
    base_parallel(run->pool, run->shards.end - run->shards.first, backward_task, &call);
}

static void layer_norm_add_sums(const nn_run *run, float *sums) {
    int64_t n = run->plan->n_sums / 2;
    nn_kernels()->add(sums, nn_plan_find(run->plan, "weight", run->dparam), n);
    nn_kernels()->add(sums + n, nn_plan_find(run->plan, "bias", run->dparam), n);
}

const nn_layer nn_layer_layer_norm = {
    .variant = {"layer_norm", "normalises each sample or frame by itself", NULL, layer_norm_table,
                sizeof(layer_norm_options)},
    .plan = layer_norm_plan,
    .init = layer_norm_init,
    .length = nn_length_same,
    .forward = layer_norm_forward,
    .backward = layer_norm_backward,
    .add_sums = layer_norm_add_sums,
};
