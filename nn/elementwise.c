/* Layers that are a function of single numbers, on inputs of any shape. */
#include <string.h>

#include "nn/layer.h"

enum { TASK_FLOATS = 16 * 1024 };

typedef struct {
    const nn_map *map;
    const float *x; /* backward: x or y, whichever the derivative is computed from */
    const float *dy;
    float *y; /* backward: dx */
    int64_t n;
} elementwise_call;

static void run_task(void *context, int64_t task, int worker) {
    (void)worker;
    const elementwise_call *call = context;
    int64_t begin = task * TASK_FLOATS, left = call->n - begin;
    int64_t n = left < TASK_FLOATS ? left : TASK_FLOATS;
    const float *x = call->x + begin;
    float *y = call->y + begin;
    if (call->dy == NULL) {
        nn_kernels()->activate(call->map, x, y, n);
    } else {
        memcpy(y, call->dy + begin, (size_t)n * sizeof *y);
        nn_kernels()->activate_backward(call->map, x, y, n);
    }
}

static void run_all(const nn_run *run, elementwise_call call) {
    call.map = &run->plan->map;
    call.n = run->batch * nn_shape_count(run->plan->in[0]);
    base_parallel(run->pool, (call.n + TASK_FLOATS - 1) / TASK_FLOATS, run_task, &call);
}

base_status nn_elementwise_plan(const void *options, nn_plan *plan, base_error *err) {
    (void)err;
    nn_function function;
    BASE_CHECK(nn_layer_function(plan->layer, options, &function));
    plan->map = function.map;
    plan->out = plan->in[0];
    if (plan->training) {
        plan->backward_reads = function.derivative & NN_READS_X ? NN_READS_X : NN_READS_Y;
    }
    return BASE_OK;
}

void nn_elementwise_forward(const void *options, const nn_run *run, const float *const *x,
                            float *y) {
    (void)options;
    run_all(run, (elementwise_call){.x = x[0], .y = y});
}

void nn_elementwise_backward(const void *options, const nn_run *run, const float *const *x,
                             const float *y, float *dy, float *const *dx) {
    (void)options;
    if (dx[0] == NULL) return;
    bool from_y = run->plan->backward_reads == NN_READS_Y;
    run_all(run, (elementwise_call){.x = from_y ? y : x[0], .dy = dy, .y = dx[0]});
}
