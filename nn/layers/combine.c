/* Layers of several inputs: add, multiply, concatenate. The lists residual, gate and concat end in
 * them; a layer list by itself has no way to name a second input. */
#include <string.h>

#include "nn/kernels/kernels.h"
#include "nn/layer.h"

static base_status need_inputs(const nn_plan *plan, const char *list, base_error *err) {
    if (plan->n_in >= 2) return BASE_OK;
    return base_fail(err, BASE_ESHAPE, "needs two inputs; it is what '%s:' ends in", list);
}

/* add, multiply: the second input is as the first, or lacks some of its trailing axes (or has
 * extent 1 there) and counts for all their positions. A sample is so [outer, inner] against
 * [outer]. */
typedef struct {
    int64_t outer, inner;
} broadcast;

static broadcast broadcast_of(const nn_plan *plan) {
    int64_t outer = nn_shape_count(plan->in[1]);
    return (broadcast){outer, nn_shape_count(plan->in[0]) / outer};
}

static base_status broadcast_plan(nn_plan *plan, const char *list, base_error *err) {
    BASE_TRY(need_inputs(plan, list, err));
    nn_shape a = plan->in[0], b = plan->in[1];
    int rank = b.rank;
    while (rank > 0 && b.dim[rank - 1] == 1) rank--;
    bool fits = plan->n_in == 2 && rank <= a.rank;
    for (int i = 0; fits && i < rank; i++) fits = a.dim[i] == b.dim[i];
    if (!fits) {
        char text_a[64], text_b[64];
        return base_fail(err, BASE_ESHAPE,
                         "%s and %s do not fit; the second must equal the first or lack trailing "
                         "axes",
                         nn_shape_text(a, true, text_a), nn_shape_text(b, true, text_b));
    }
    plan->out = a;
    return BASE_OK;
}

/* One call of any layer here; tasks are samples. */
typedef struct {
    const nn_run *run;
    const float *const *x;
    float *y, *dy;
    float *const *dx;
} call;

static void run_samples(const nn_run *run, base_task *task, call c) {
    c.run = run;
    base_parallel(run->pool, run->batch, task, &c);
}

/* add */

static base_status add_plan(const void *options, nn_plan *plan, base_error *err) {
    (void)options;
    BASE_TRY(broadcast_plan(plan, "residual", err));
    plan->macs = nn_shape_count(plan->out);
    return BASE_OK;
}

/* Only the sum after the map is kept. */
static bool add_fuse_map(const void *options, nn_plan *plan, const nn_function *function) {
    (void)options;
    if (plan->training && !(function->derivative & NN_READS_Y)) return false;
    plan->backward_reads = NN_READS_Y;
    return true;
}

static void add_sample(void *context, int64_t sample, int worker) {
    (void)worker;
    const call *c = context;
    broadcast s = broadcast_of(c->run->plan);
    int64_t n = s.outer * s.inner;
    const float *a = c->x[0] + sample * n, *b = c->x[1] + sample * s.outer;
    float *restrict y = c->y + sample * n;
    if (s.inner == 1) {
        for (int64_t i = 0; i < n; i++) y[i] = a[i] + b[i];
    } else {
        for (int64_t o = 0; o < s.outer; o++) {
            for (int64_t i = 0; i < s.inner; i++) y[o * s.inner + i] = a[o * s.inner + i] + b[o];
        }
    }
    const nn_map *map = &c->run->plan->map;
    if (map->kind != NN_IDENTITY) nn_kernels()->activate(map, y, y, n);
}

static void add_forward(const void *options, const nn_run *run, const float *const *x, float *y) {
    (void)options;
    run_samples(run, add_sample, (call){.x = x, .y = y});
}

static void add_back_sample(void *context, int64_t sample, int worker) {
    (void)worker;
    const call *c = context;
    broadcast s = broadcast_of(c->run->plan);
    int64_t n = s.outer * s.inner;
    float *dy = c->dy + sample * n;
    const nn_map *map = &c->run->plan->map;
    if (map->kind != NN_IDENTITY) nn_kernels()->activate_backward(map, c->y + sample * n, dy, n);
    if (c->dx[0] != NULL) memcpy(c->dx[0] + sample * n, dy, (size_t)n * sizeof *dy);
    if (c->dx[1] == NULL) return;
    float *db = c->dx[1] + sample * s.outer;
    if (s.inner == 1) {
        memcpy(db, dy, (size_t)n * sizeof *dy);
    } else {
        for (int64_t o = 0; o < s.outer; o++) db[o] = nn_kernels()->sum(dy + o * s.inner, s.inner);
    }
}

static void add_backward(const void *options, const nn_run *run, const float *const *x,
                         const float *y, float *dy, float *const *dx) {
    (void)options;
    (void)x;
    run_samples(run, add_back_sample, (call){.y = (float *)y, .dy = dy, .dx = dx});
}

const nn_layer nn_layer_add = {
    .variant = {"add", "sum of two values; what residual ends in", NULL, NULL, 0},
    .plan = add_plan,
    .fuse_map = add_fuse_map,
    .init = nn_init_none,
    .length = nn_length_same,
    .forward = add_forward,
    .backward = add_backward};

/* multiply */

static base_status multiply_plan(const void *options, nn_plan *plan, base_error *err) {
    (void)options;
    BASE_TRY(broadcast_plan(plan, "gate", err));
    plan->macs = nn_shape_count(plan->out);
    plan->backward_reads = NN_READS_X;
    return BASE_OK;
}

static void multiply_sample(void *context, int64_t sample, int worker) {
    (void)worker;
    const call *c = context;
    broadcast s = broadcast_of(c->run->plan);
    int64_t n = s.outer * s.inner;
    const float *a = c->x[0] + sample * n, *b = c->x[1] + sample * s.outer;
    float *restrict y = c->y + sample * n;
    if (s.inner == 1) {
        nn_kernels()->multiply(a, b, y, n);
        return;
    }
    for (int64_t o = 0; o < s.outer; o++) {
        for (int64_t i = 0; i < s.inner; i++) y[o * s.inner + i] = a[o * s.inner + i] * b[o];
    }
}

static void multiply_forward(const void *options, const nn_run *run, const float *const *x,
                             float *y) {
    (void)options;
    run_samples(run, multiply_sample, (call){.x = x, .y = y});
}

static void multiply_back_sample(void *context, int64_t sample, int worker) {
    (void)worker;
    const call *c = context;
    broadcast s = broadcast_of(c->run->plan);
    int64_t n = s.outer * s.inner;
    const float *a = c->x[0] + sample * n, *b = c->x[1] + sample * s.outer;
    const float *dy = c->dy + sample * n;
    if (c->dx[1] != NULL) {
        float *db = c->dx[1] + sample * s.outer;
        if (s.inner == 1) nn_kernels()->multiply(a, dy, db, n);
        for (int64_t o = 0; s.inner > 1 && o < s.outer; o++) {
            db[o] = nn_kernels()->dot(a + o * s.inner, dy + o * s.inner, s.inner);
        }
    }
    if (c->dx[0] == NULL) return;
    float *restrict da = c->dx[0] + sample * n;
    if (s.inner == 1) {
        nn_kernels()->multiply(b, dy, da, n);
        return;
    }
    for (int64_t o = 0; o < s.outer; o++) {
        for (int64_t i = 0; i < s.inner; i++) da[o * s.inner + i] = dy[o * s.inner + i] * b[o];
    }
}

static void multiply_backward(const void *options, const nn_run *run, const float *const *x,
                              const float *y, float *dy, float *const *dx) {
    (void)options;
    (void)y;
    run_samples(run, multiply_back_sample, (call){.x = x, .dy = dy, .dx = dx});
}

const nn_layer nn_layer_multiply = {
    .variant = {"multiply", "product of two values; what gate ends in", NULL, NULL, 0},
    .plan = multiply_plan,
    .init = nn_init_none,
    .length = nn_length_same,
    .forward = multiply_forward,
    .backward = multiply_backward};

/* concatenate: channels of images, features of sequences and vectors. Each input of a sample is
 * [outer, own width]: outer is T of a sequence, else 1. */

static int joined_axis(nn_shape shape) {
    return shape.rank == 2 ? 1 : 0;
}

static base_status concatenate_plan(const void *options, nn_plan *plan, base_error *err) {
    (void)options;
    BASE_TRY(need_inputs(plan, "concat", err));
    plan->out = plan->in[0];
    int axis = joined_axis(plan->out);
    for (int i = 1; i < plan->n_in; i++) {
        nn_shape other = plan->in[i];
        int64_t extent = other.dim[axis];
        other.dim[axis] = plan->in[0].dim[axis];
        if (!nn_shape_equal(other, plan->in[0])) {
            char text_a[64], text_b[64];
            return base_fail(err, BASE_ESHAPE, "%s and %s differ in more than %s",
                             nn_shape_text(plan->in[0], true, text_a),
                             nn_shape_text(plan->in[i], true, text_b),
                             other.rank == 3 ? "channels" : "features");
        }
        plan->out.dim[axis] += extent;
    }
    return BASE_OK;
}

/* Copies one sample's rows between the joined array and input i, whose rows start at `column`. */
static void copy_rows(const nn_plan *plan, int i, int64_t column, float *joined, float *part,
                      bool join) {
    int64_t outer = plan->out.rank == 2 ? plan->out.dim[0] : 1;
    int64_t width = nn_shape_count(plan->in[i]) / outer, stride = nn_shape_count(plan->out) / outer;
    for (int64_t o = 0; o < outer; o++) {
        float *a = joined + o * stride + column, *b = part + o * width;
        memcpy(join ? a : b, join ? b : a, (size_t)width * sizeof *a);
    }
}

static void concatenate_sample(void *context, int64_t sample, int worker) {
    (void)worker;
    const call *c = context;
    const nn_plan *plan = c->run->plan;
    bool forward = c->x != NULL;
    float *joined = (forward ? c->y : c->dy) + sample * nn_shape_count(plan->out);
    int64_t outer = plan->out.rank == 2 ? plan->out.dim[0] : 1, column = 0;
    for (int i = 0; i < plan->n_in; i++) {
        int64_t n = nn_shape_count(plan->in[i]);
        float *part = forward ? (float *)c->x[i] : c->dx[i];
        if (part != NULL) copy_rows(plan, i, column, joined, part + sample * n, forward);
        column += n / outer;
    }
}

static void concatenate_forward(const void *options, const nn_run *run, const float *const *x,
                                float *y) {
    (void)options;
    run_samples(run, concatenate_sample, (call){.x = x, .y = y});
}

static void concatenate_backward(const void *options, const nn_run *run, const float *const *x,
                                 const float *y, float *dy, float *const *dx) {
    (void)options;
    (void)x;
    (void)y;
    run_samples(run, concatenate_sample, (call){.dy = dy, .dx = dx});
}

const nn_layer nn_layer_concatenate = {
    .variant = {"concatenate", "values side by side; what concat ends in", NULL, NULL, 0},
    .plan = concatenate_plan,
    .init = nn_init_none,
    .length = nn_length_same,
    .forward = concatenate_forward,
    .backward = concatenate_backward};
