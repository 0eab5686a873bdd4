/* Functions of single numbers, on inputs of any shape. */
#include <string.h>

#include "nn/layers/options.h"

enum { TASK_FLOATS = 16 * 1024 };

static const base_option leaky_relu_table[] = {{"slope", BASE_OPT_FLOAT,
                                                offsetof(nn_leaky_relu_options, slope), "0.01", 0,
                                                1, NULL, NULL, "factor of negative numbers"},
                                               {0}};

static const base_option gelu_table[] = {
    {"approximate", BASE_OPT_CHOICE, offsetof(nn_gelu_options, approximate), "none", 0, 0,
     "none|tanh", NULL, "the exact function, or the common approximation by tanh"},
    {0}};

bool nn_activation_of(const char *name, const void *options, nn_map *map) {
    *map = (nn_map){.scale = 1.0f};
    if (strcmp(name, "relu") == 0) {
        map->kind = NN_RELU;
    } else if (strcmp(name, "leaky_relu") == 0) {
        map->kind = NN_LEAKY_RELU;
        map->slope = (float)((const nn_leaky_relu_options *)options)->slope;
    } else if (strcmp(name, "gelu") == 0) {
        bool exact = ((const nn_gelu_options *)options)->approximate == 0;
        map->kind = exact ? NN_GELU : NN_GELU_TANH;
    } else if (strcmp(name, "silu") == 0) {
        map->kind = NN_SILU;
    } else if (strcmp(name, "sigmoid") == 0) {
        map->kind = NN_SIGMOID;
    } else if (strcmp(name, "tanh") == 0) {
        map->kind = NN_TANH;
    } else {
        return false;
    }
    return true;
}

/* Sigmoid and tanh have derivatives that are simple in y. */
static bool derives_from_y(nn_activation kind) {
    return kind == NN_SIGMOID || kind == NN_TANH;
}

typedef struct {
    nn_map map;
    const nn_kernels_table *kernels;
    const float *x; /* backward: x or y, whichever the derivative is made of */
    const float *dy;
    float *y; /* backward: dx */
    int64_t n;
} activation_call;

static activation_call open_call(const char *name, const void *options, const nn_run *run) {
    activation_call call = {.kernels = nn_kernels(),
                            .n = run->batch * nn_shape_count(run->plan->in[0])};
    BASE_CHECK(nn_activation_of(name, options, &call.map));
    return call;
}

static int64_t task_range(const activation_call *call, int64_t task, int64_t *n) {
    int64_t begin = task * TASK_FLOATS;
    *n = call->n - begin < TASK_FLOATS ? call->n - begin : TASK_FLOATS;
    return begin;
}

static void forward_task(void *context, int64_t task, int worker) {
    (void)worker;
    const activation_call *call = context;
    int64_t n, begin = task_range(call, task, &n);
    call->kernels->activate(&call->map, call->x + begin, call->y + begin, n);
}

static void backward_task(void *context, int64_t task, int worker) {
    (void)worker;
    const activation_call *call = context;
    int64_t n, begin = task_range(call, task, &n);
    memcpy(call->y + begin, call->dy + begin, (size_t)n * sizeof *call->y);
    call->kernels->activate_backward(&call->map, call->x + begin, call->y + begin, n);
}

static void run_tasks(activation_call *call, const nn_run *run, base_task *task) {
    base_parallel(run->pool, (call->n + TASK_FLOATS - 1) / TASK_FLOATS, task, call);
}

static base_status plan_activation(const char *name, const void *options, nn_plan *plan) {
    nn_map map;
    BASE_CHECK(nn_activation_of(name, options, &map));
    plan->out = plan->in[0];
    if (plan->training) plan->backward_reads = derives_from_y(map.kind) ? NN_READS_Y : NN_READS_X;
    return BASE_OK;
}

static void forward_activation(const char *name, const void *options, const nn_run *run,
                               const float *x, float *y) {
    activation_call call = open_call(name, options, run);
    call.x = x;
    call.y = y;
    run_tasks(&call, run, forward_task);
}

static void backward_activation(const char *name, const void *options, const nn_run *run,
                                const activation_call *arrays) {
    if (arrays->y == NULL) return;
    activation_call call = open_call(name, options, run);
    call.dy = arrays->dy;
    call.y = arrays->y;
    call.x = arrays->x;
    run_tasks(&call, run, backward_task);
}

#define ACTIVATION(id, help_text, shorthand, table, size)                                          \
    static base_status id##_plan(const void *options, nn_plan *plan, base_error *err) {            \
        (void)err;                                                                                 \
        return plan_activation(#id, options, plan);                                                \
    }                                                                                              \
    static void id##_forward(const void *options, const nn_run *run, const float *const *x,        \
                             float *y) {                                                           \
        forward_activation(#id, options, run, x[0], y);                                            \
    }                                                                                              \
    static void id##_backward(const void *options, const nn_run *run, const float *const *x,       \
                              const float *y, float *dy, float *const *dx) {                       \
        bool from_y = run->plan->backward_reads == NN_READS_Y;                                     \
        activation_call arrays = {.x = from_y ? y : x[0], .dy = dy, .y = dx[0]};                   \
        backward_activation(#id, options, run, &arrays);                                           \
    }                                                                                              \
    const nn_layer nn_layer_##id = {                                                               \
        .variant = {#id, help_text, shorthand, table, size},                                       \
        .plan = id##_plan,                                                                         \
        .init = nn_init_none,                                                                      \
        .length = nn_length_same,                                                                  \
        .forward = id##_forward,                                                                   \
        .backward = id##_backward,                                                                 \
    };

ACTIVATION(relu, "max(x, 0)", NULL, NULL, 0)
ACTIVATION(leaky_relu, "x, times a small slope where negative", "slope", leaky_relu_table,
           sizeof(nn_leaky_relu_options))
ACTIVATION(gelu, "x times the normal distribution function of x", "approximate", gelu_table,
           sizeof(nn_gelu_options))
ACTIVATION(silu, "x sigmoid(x), also called swish", NULL, NULL, 0)
ACTIVATION(sigmoid, "1 / (1 + exp(-x))", NULL, NULL, 0)
ACTIVATION(tanh, "hyperbolic tangent", NULL, NULL, 0)
