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

/* Tasks are samples. */
static void run_samples(const nn_run *run, base_task *task) {
    base_parallel(run->pool, run->batch, task, (void *)run);
}

/* add */

static base_status add_plan(nn_plan *plan, base_error *err) {
    BASE_TRY(broadcast_plan(plan, "residual", err));
    plan->macs = nn_shape_count(plan->out);
    return BASE_OK;
}

/* Only the sum after the map is kept. */
static bool add_fuse_map(nn_plan *plan, const nn_function *function) {
    if (plan->training && !(function->derivative & NN_READS_Y)) return false;
    plan->backward_reads = NN_READS_Y;
    return true;
}

static void add_sample(void *context, int64_t sample, int worker) {
    (void)worker;
    const nn_run *run = context;
    broadcast s = broadcast_of(run->plan);
    int64_t n = s.outer * s.inner;
    const float *a = run->x[0] + sample * n, *b = run->x[1] + sample * s.outer;
    float *restrict y = run->y + sample * n;
    if (s.inner == 1) {
        for (int64_t i = 0; i < n; i++) y[i] = a[i] + b[i];
    } else {
        for (int64_t o = 0; o < s.outer; o++) {
            for (int64_t i = 0; i < s.inner; i++) y[o * s.inner + i] = a[o * s.inner + i] + b[o];
        }
    }
    const nn_map *map = &run->plan->map;
    if (map->kind != NN_IDENTITY) nn_kernels()->activate(map, y, y, n);
}

static void add_forward(const nn_run *run) {
    run_samples(run, add_sample);
}

static void add_back_sample(void *context, int64_t sample, int worker) {
    (void)worker;
    const nn_run *run = context;
    broadcast s = broadcast_of(run->plan);
    int64_t n = s.outer * s.inner;
    float *dy = run->dy + sample * n;
    const nn_map *map = &run->plan->map;
    if (map->kind != NN_IDENTITY) nn_kernels()->activate_backward(map, run->y + sample * n, dy, n);
    if (run->dx[0] != NULL) memcpy(run->dx[0] + sample * n, dy, (size_t)n * sizeof *dy);
    if (run->dx[1] == NULL) return;
    float *db = run->dx[1] + sample * s.outer;
    if (s.inner == 1) {
        memcpy(db, dy, (size_t)n * sizeof *dy);
    } else {
        for (int64_t o = 0; o < s.outer; o++) db[o] = nn_kernels()->sum(dy + o * s.inner, s.inner);
    }
}

static void add_backward(const nn_run *run) {
    run_samples(run, add_back_sample);
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

static base_status multiply_plan(nn_plan *plan, base_error *err) {
    BASE_TRY(broadcast_plan(plan, "gate", err));
    plan->macs = nn_shape_count(plan->out);
    plan->backward_reads = NN_READS_X;
    return BASE_OK;
}

/* y [outer, inner] = a b, b [outer] */
static void multiply_rows(broadcast s, const float *a, const float *b, float *restrict y) {
    if (s.inner == 1) {
        nn_kernels()->multiply(a, b, y, s.outer);
        return;
    }
    for (int64_t o = 0; o < s.outer; o++) {
        for (int64_t i = 0; i < s.inner; i++) y[o * s.inner + i] = a[o * s.inner + i] * b[o];
    }
}

static void multiply_sample(void *context, int64_t sample, int worker) {
    (void)worker;
    const nn_run *run = context;
    broadcast s = broadcast_of(run->plan);
    int64_t at = sample * s.outer * s.inner;
    multiply_rows(s, run->x[0] + at, run->x[1] + sample * s.outer, run->y + at);
}

static void multiply_forward(const nn_run *run) {
    run_samples(run, multiply_sample);
}

static void multiply_back_sample(void *context, int64_t sample, int worker) {
    (void)worker;
    const nn_run *run = context;
    broadcast s = broadcast_of(run->plan);
    int64_t at = sample * s.outer * s.inner;
    const float *a = run->x[0] + at, *b = run->x[1] + sample * s.outer, *dy = run->dy + at;
    if (run->dx[1] != NULL) {
        float *db = run->dx[1] + sample * s.outer;
        if (s.inner == 1) nn_kernels()->multiply(a, dy, db, s.outer);
        for (int64_t o = 0; s.inner > 1 && o < s.outer; o++) {
            db[o] = nn_kernels()->dot(a + o * s.inner, dy + o * s.inner, s.inner);
        }
    }
    if (run->dx[0] != NULL) multiply_rows(s, dy, b, run->dx[0] + at);
}

static void multiply_backward(const nn_run *run) {
    run_samples(run, multiply_back_sample);
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

static base_status concatenate_plan(nn_plan *plan, base_error *err) {
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

/* Copies one sample's rows between the joined array and each input's own. */
static void copy_parts(const nn_run *run, int64_t sample, bool join) {
    const nn_plan *plan = run->plan;
    int64_t outer = plan->out.rank == 2 ? plan->out.dim[0] : 1;
    int64_t n_joined = nn_shape_count(plan->out), stride = n_joined / outer;
    float *joined = (join ? run->y : run->dy) + sample * n_joined;
    for (int i = 0; i < plan->n_in; i++) {
        int64_t n = nn_shape_count(plan->in[i]), width = n / outer;
        float *part = join ? (float *)run->x[i] : run->dx[i]; /* x is only read */
        for (int64_t o = 0; o < outer && part != NULL; o++) {
            float *a = joined + o * stride, *b = part + sample * n + o * width;
            memcpy(join ? a : b, join ? b : a, (size_t)width * sizeof *a);
        }
        joined += width;
    }
}

static void join_sample(void *context, int64_t sample, int worker) {
    (void)worker;
    copy_parts(context, sample, true);
}

static void part_sample(void *context, int64_t sample, int worker) {
    (void)worker;
    copy_parts(context, sample, false);
}

static void concatenate_forward(const nn_run *run) {
    run_samples(run, join_sample);
}

static void concatenate_backward(const nn_run *run) {
    run_samples(run, part_sample);
}

const nn_layer nn_layer_concatenate = {
    .variant = {"concatenate", "values side by side; what concat ends in", NULL, NULL, 0},
    .plan = concatenate_plan,
    .init = nn_init_none,
    .length = nn_length_same,
    .forward = concatenate_forward,
    .backward = concatenate_backward};
