/* Layers that are a function of single numbers, on inputs of any shape. */
#include <string.h>

#include "nn/kernels/extent.h"
#include "nn/layer.h"

enum { TASK_FLOATS = 16 * 1024 };

static int64_t count(const nn_run *run) {
    return run->batch * nn_shape_count(run->plan->in[0]);
}

/* The task's numbers [begin, begin + n). */
static int64_t range(const nn_run *run, int64_t task, int64_t *n) {
    int64_t begin = task * TASK_FLOATS;
    *n = nn_min(count(run) - begin, TASK_FLOATS);
    return begin;
}

static void forward_task(void *context, int64_t task, int worker) {
    (void)worker;
    const nn_run *run = context;
    int64_t n, begin = range(run, task, &n);
    nn_kernels()->activate(&run->plan->map, run->x[0] + begin, run->y + begin, n);
}

static void backward_task(void *context, int64_t task, int worker) {
    (void)worker;
    const nn_run *run = context;
    int64_t n, begin = range(run, task, &n);
    const float *from = run->plan->backward_reads == NN_READS_Y ? run->y : run->x[0];
    float *dx = run->dx[0] + begin;
    memcpy(dx, run->dy + begin, (size_t)n * sizeof *dx);
    nn_kernels()->activate_backward(&run->plan->map, from + begin, dx, n);
}

static void run_tasks(const nn_run *run, base_task *task) {
    base_parallel(run->pool, nn_ceil_div(count(run), TASK_FLOATS), task, (void *)run);
}

base_status nn_elementwise_plan(nn_plan *plan, base_error *err) {
    (void)err;
    nn_function function;
    BASE_CHECK(nn_layer_function(plan->layer, plan->options, &function));
    plan->map = function.map;
    plan->out = plan->in[0];
    if (plan->training) {
        plan->backward_reads = function.derivative & NN_READS_X ? NN_READS_X : NN_READS_Y;
    }
    return BASE_OK;
}

void nn_elementwise_forward(const nn_run *run) {
    run_tasks(run, forward_task);
}

void nn_elementwise_backward(const nn_run *run) {
    if (run->dx[0] != NULL) run_tasks(run, backward_task);
}
