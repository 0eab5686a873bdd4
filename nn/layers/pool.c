/* Pooling of images: max_pool and avg_pool over windows, adaptive_pool over windows of the extents
 * that give an output of a certain extent, global_pool over whole planes.
 *
 * Outside the image and past the valid frames there is nothing for a maximum to choose and zero for
 * an average, which always divides by the whole window (PyTorch's count_include_pad). */
#include <math.h>
#include <string.h>

#include "nn/layers/options.h"

#define WINDOW_OPTIONS(name, verb)                                                                 \
    static const base_option name[] = {                                                            \
        {"kernel", BASE_OPT_INTS, offsetof(nn_pool_options, kernel), "2", 1, 1 << 16, NULL, NULL,  \
         "extent of the window, one number or [frequency, time]"},                                 \
        {"stride", BASE_OPT_INTS, offsetof(nn_pool_options, stride), "~", 1, 1 << 16, NULL, NULL,  \
         "step of the window, one number or [frequency, time]; without it the extent"},            \
        {"pad", BASE_OPT_STRINGS, offsetof(nn_pool_options, pad), "0", 0, 0, NULL, NULL,           \
         verb " around the input, at most half the window: same (extent / stride, rounded up), "   \
              "one number, [frequency, time] or [frequency before, after, time before, after]"},   \
        {0}};

WINDOW_OPTIONS(max_pool_table, "positions left out of account")
WINDOW_OPTIONS(avg_pool_table, "zeros")

base_status nn_check_pair(const char *key, base_ints list, base_error *err) {
    if (list.n == 1 || list.n == 2) return BASE_OK;
    return base_fail(err, BASE_ECONFIG, "%s takes one number or [frequency, time]", key);
}

static base_ints stride_of(const nn_pool_options *o) {
    return o->stride.n > 0 ? o->stride : o->kernel;
}

bool nn_pool_is_tiling(const nn_pool_options *o) {
    for (int axis = 0; axis < 2; axis++) {
        if (nn_pair_item(stride_of(o), axis) != nn_pair_item(o->kernel, axis)) return false;
    }
    for (int i = 0; i < o->pad.n; i++) {
        if (strcmp(o->pad.items[i], "0") != 0) return false;
    }
    return true;
}

static bool max_pool_tiling(const void *options, nn_tiling *windows) {
    const nn_pool_options *o = options;
    *windows = (nn_tiling){nn_pair_item(o->kernel, 0), nn_pair_item(o->kernel, 1)};
    return nn_pool_is_tiling(o);
}

int64_t nn_pool_index_floats(const nn_plan *plan) {
    int64_t size = sizeof(float);
    return (plan->max_batch * nn_shape_count(plan->out) + size - 1) / size;
}

static nn_axis make_axis(const nn_pool_options *o, int axis, int64_t in) {
    return (nn_axis){.in = in,
                     .kernel = nn_pair_item(o->kernel, axis),
                     .stride = nn_pair_item(stride_of(o), axis),
                     .dilation = 1};
}

/* Frequency and time. The options have passed check_lists. */
static void make_axes(const nn_pool_options *o, nn_shape in, nn_axis axes[2]) {
    for (int i = 0; i < 2; i++) axes[i] = make_axis(o, i, in.dim[i + 1]);
    nn_set_padding(&o->pad, &axes[0], &axes[1]);
    for (int i = 0; i < 2; i++) axes[i].out = nn_axis_extent(&axes[i], axes[i].in);
}

void nn_pool_pads(const nn_pool_options *options, nn_shape in, int64_t pads[4]) {
    nn_axis axes[2];
    make_axes(options, in, axes);
    for (int i = 0; i < 2; i++) {
        pads[i] = axes[i].before;
        pads[2 + i] = axes[i].after;
    }
}

static base_status check_lists(const nn_pool_options *o, base_error *err) {
    BASE_TRY(nn_check_pair("kernel", o->kernel, err));
    BASE_TRY(nn_check_pair("stride", stride_of(o), err));
    return nn_check_padding(&o->pad, err);
}

static base_status check_axis(const nn_axis *a, const char *name, nn_shape in, base_error *err) {
    int64_t pad = a->before > a->after ? a->before : a->after;
    if (2 * pad > a->kernel) {
        return base_fail(err, BASE_ECONFIG, "pad %lld is more than half the window's %lld",
                         (long long)pad, (long long)a->kernel);
    }
    if (a->out >= 1) return BASE_OK;
    char text[64];
    return base_fail(err, BASE_ESHAPE,
                     "input is %s; a window of %lld does not fit into its %s axis of %lld",
                     nn_shape_text(in, true, text), (long long)a->kernel, name, (long long)a->in);
}

static base_status pool_plan(const void *options, nn_plan *plan, base_error *err) {
    static const char *const names[] = {"frequency", "time"};
    nn_axis axes[2];
    BASE_TRY(check_lists(options, err));
    BASE_TRY(nn_need_rank(plan, 3, NULL, err));
    make_axes(options, plan->in[0], axes);
    plan->out = plan->in[0];
    for (int i = 0; i < 2; i++) {
        BASE_TRY(check_axis(&axes[i], names[i], plan->in[0], err));
        plan->out.dim[i + 1] = axes[i].out;
    }
    return BASE_OK;
}

static base_status max_pool_plan(const void *options, nn_plan *plan, base_error *err) {
    if (plan->training) plan->backward_reads = NN_READS_X;
    return pool_plan(options, plan, err);
}

static int64_t pool_length(const void *options, const nn_plan *plan, int64_t length) {
    nn_axis axes[2];
    make_axes(options, plan->in[0], axes);
    return nn_axis_extent(&axes[1], length);
}

typedef struct {
    const nn_run *run;
    const nn_kernels_table *kernels;
    nn_axis f, t;
    bool tiling, adaptive;
    const float *x, *dy;
    float *y, *dx;
} pool_call;

static pool_call open_call(const nn_pool_options *o, const nn_run *run) {
    nn_axis axes[2];
    make_axes(o, run->plan->in[0], axes);
    return (pool_call){.run = run,
                       .kernels = nn_kernels(),
                       .f = axes[0],
                       .t = axes[1],
                       .tiling = nn_pool_is_tiling(o)};
}

/* A plane of x and of y, and how much of x is valid. */
typedef struct {
    const float *x, *dy;
    float *y, *dx;
    int64_t frames;
} pool_plane;

static int64_t in_plane(const pool_call *call) {
    return call->f.in * call->t.in;
}

static pool_plane plane_of(const pool_call *call, int64_t plane) {
    const int32_t *length = call->run->in_length;
    int64_t in = plane * in_plane(call), out = plane * call->f.out * call->t.out;
    int64_t sample = plane / call->run->plan->in[0].dim[0];
    return (pool_plane){.x = call->x != NULL ? call->x + in : NULL,
                        .dy = call->dy != NULL ? call->dy + out : NULL,
                        .y = call->y != NULL ? call->y + out : NULL,
                        .dx = call->dx != NULL ? call->dx + in : NULL,
                        .frames = length != NULL ? length[sample] : call->t.in};
}

/* The part of window number i that lies within [0, extent). */
typedef struct {
    int64_t begin, end;
} pool_span;

static pool_span span_at(const nn_axis *a, int64_t i, int64_t extent) {
    int64_t begin = i * a->stride - a->before, end = begin + a->kernel;
    return (pool_span){begin < 0 ? 0 : begin, end > extent ? extent : end};
}

/* Position of the first maximum of a window, -1 if it is empty. */
static int64_t find_max(const pool_call *call, const float *x, pool_span f, pool_span t) {
    int64_t best = -1;
    for (int64_t i = f.begin; i < f.end; i++) {
        for (int64_t j = t.begin; j < t.end; j++) {
            int64_t at = i * call->t.in + j;
            if (best < 0 || x[at] > x[best]) best = at;
        }
    }
    return best;
}

static nn_pool_row window_row(const pool_call *call) {
    return (nn_pool_row){.kernel_f = call->f.kernel,
                         .kernel_t = call->t.kernel,
                         .width = call->t.in,
                         .n_windows = call->t.out};
}

static void max_forward_task(void *context, int64_t plane, int worker) {
    (void)worker;
    const pool_call *call = context;
    pool_plane p = plane_of(call, plane);
    nn_pool_row row = window_row(call);
    for (int64_t i = 0; i < call->f.out; i++, p.y += call->t.out) {
        if (call->tiling) {
            call->kernels->max_pool(&row, p.x + i * row.kernel_f * row.width, p.y);
            continue;
        }
        pool_span f = span_at(&call->f, i, call->f.in);
        for (int64_t j = 0; j < call->t.out; j++) {
            int64_t at = find_max(call, p.x, f, span_at(&call->t, j, p.frames));
            p.y[j] = at >= 0 ? p.x[at] : 0.0f;
        }
    }
}

static void max_backward_task(void *context, int64_t plane, int worker) {
    (void)worker;
    const pool_call *call = context;
    pool_plane p = plane_of(call, plane);
    nn_pool_row row = window_row(call);
    bool whole = call->tiling && call->f.out * row.kernel_f == call->f.in &&
                 call->t.out * row.kernel_t == call->t.in; /* windows cover all of it */
    if (!whole) memset(p.dx, 0, (size_t)in_plane(call) * sizeof *p.dx);
    for (int64_t i = 0; i < call->f.out; i++, p.dy += call->t.out) {
        if (call->tiling) {
            int64_t at = i * row.kernel_f * row.width;
            call->kernels->max_pool_backward(&row, p.x + at, p.dy, p.dx + at);
            continue;
        }
        pool_span f = span_at(&call->f, i, call->f.in);
        for (int64_t j = 0; j < call->t.out; j++) {
            int64_t at = find_max(call, p.x, f, span_at(&call->t, j, p.frames));
            if (at >= 0) p.dx[at] += p.dy[j];
        }
    }
}

/* PyTorch's: the windows of `out` outputs over [0, extent), which overlap where they must. */
static pool_span adaptive_span(const nn_axis *a, int64_t i, int64_t extent) {
    return (pool_span){i * extent / a->out, ((i + 1) * extent + a->out - 1) / a->out};
}

static pool_span avg_span(const pool_call *call, const nn_axis *a, int64_t i, int64_t extent) {
    return (call->adaptive ? adaptive_span : span_at)(a, i, extent);
}

static float share_of(const pool_call *call, pool_span f, pool_span t) {
    bool whole = call->adaptive;
    int64_t n = whole ? (f.end - f.begin) * (t.end - t.begin) : call->f.kernel * call->t.kernel;
    return 1.0f / (float)n;
}

static void avg_forward_task(void *context, int64_t plane, int worker) {
    (void)worker;
    const pool_call *call = context;
    pool_plane p = plane_of(call, plane);
    for (int64_t i = 0; i < call->f.out; i++) {
        pool_span f = avg_span(call, &call->f, i, call->f.in);
        for (int64_t j = 0; j < call->t.out; j++) {
            pool_span t = avg_span(call, &call->t, j, p.frames);
            float sum = 0.0f;
            for (int64_t k = f.begin; k < f.end; k++) {
                for (int64_t l = t.begin; l < t.end; l++) sum += p.x[k * call->t.in + l];
            }
            *p.y++ = sum * share_of(call, f, t);
        }
    }
}

static void avg_backward_task(void *context, int64_t plane, int worker) {
    (void)worker;
    const pool_call *call = context;
    pool_plane p = plane_of(call, plane);
    memset(p.dx, 0, (size_t)in_plane(call) * sizeof *p.dx);
    for (int64_t i = 0; i < call->f.out; i++) {
        pool_span f = avg_span(call, &call->f, i, call->f.in);
        for (int64_t j = 0; j < call->t.out; j++) {
            pool_span t = avg_span(call, &call->t, j, p.frames);
            float share = *p.dy++ * share_of(call, f, t);
            for (int64_t k = f.begin; k < f.end; k++) {
                for (int64_t l = t.begin; l < t.end; l++) p.dx[k * call->t.in + l] += share;
            }
        }
    }
}

static void run_planes(pool_call *call, base_task *task) {
    base_parallel(call->run->pool, call->run->batch * call->run->plan->in[0].dim[0], task, call);
}

static void pool_forward(const void *options, const nn_run *run, const float *const *x, float *y,
                         base_task *task) {
    pool_call call = open_call(options, run);
    call.x = x[0];
    call.y = y;
    run_planes(&call, task);
}

static void max_pool_forward(const void *options, const nn_run *run, const float *const *x,
                             float *y) {
    pool_forward(options, run, x, y, max_forward_task);
}

static void avg_pool_forward(const void *options, const nn_run *run, const float *const *x,
                             float *y) {
    pool_forward(options, run, x, y, avg_forward_task);
}

static void max_pool_backward(const void *options, const nn_run *run, const float *const *x,
                              const float *y, float *dy, float *const *dx) {
    (void)y;
    if (dx[0] == NULL) return;
    pool_call call = open_call(options, run);
    call.x = x[0];
    call.dy = dy;
    call.dx = dx[0];
    run_planes(&call, max_backward_task);
}

static void avg_pool_backward(const void *options, const nn_run *run, const float *const *x,
                              const float *y, float *dy, float *const *dx) {
    (void)x, (void)y;
    if (dx[0] == NULL) return;
    pool_call call = open_call(options, run);
    call.dy = dy;
    call.dx = dx[0];
    run_planes(&call, avg_backward_task);
}

const nn_layer nn_layer_max_pool = {
    .variant = {"max_pool", "maximum of windows of an image", "kernel", max_pool_table,
                sizeof(nn_pool_options)},
    .pool = max_pool_tiling,
    .plan = max_pool_plan,
    .init = nn_init_none,
    .length = pool_length,
    .forward = max_pool_forward,
    .backward = max_pool_backward,
};

const nn_layer nn_layer_avg_pool = {
    .variant = {"avg_pool", "average of windows of an image", "kernel", avg_pool_table,
                sizeof(nn_pool_options)},
    .plan = pool_plan,
    .init = nn_init_none,
    .length = pool_length,
    .forward = avg_pool_forward,
    .backward = avg_pool_backward,
};

typedef struct {
    base_ints extent;
} adaptive_options;

static const base_option adaptive_table[] = {
    {"extent", BASE_OPT_INTS, offsetof(adaptive_options, extent), NULL, 1, 1 << 16, NULL, NULL,
     "extent of the output, one number or [frequency, time]"},
    {0}};

static base_status adaptive_plan(const void *options, nn_plan *plan, base_error *err) {
    const adaptive_options *o = options;
    BASE_TRY(nn_check_pair("extent", o->extent, err));
    BASE_TRY(nn_need_rank(plan, 3, ". For a sequence use 'time_pool'", err));
    plan->out = plan->in[0];
    for (int i = 0; i < 2; i++) plan->out.dim[i + 1] = nn_pair_item(o->extent, i);
    return BASE_OK;
}

static pool_call open_adaptive(const nn_run *run) {
    nn_shape in = run->plan->in[0], out = run->plan->out;
    return (pool_call){.run = run,
                       .kernels = nn_kernels(),
                       .f = {.in = in.dim[1], .out = out.dim[1]},
                       .t = {.in = in.dim[2], .out = out.dim[2]},
                       .adaptive = true};
}

static void adaptive_forward(const void *options, const nn_run *run, const float *const *x,
                             float *y) {
    (void)options;
    pool_call call = open_adaptive(run);
    call.x = x[0];
    call.y = y;
    run_planes(&call, avg_forward_task);
}

static void adaptive_backward(const void *options, const nn_run *run, const float *const *x,
                              const float *y, float *dy, float *const *dx) {
    (void)options, (void)x, (void)y;
    if (dx[0] == NULL) return;
    pool_call call = open_adaptive(run);
    call.dy = dy;
    call.dx = dx[0];
    run_planes(&call, avg_backward_task);
}

const nn_layer nn_layer_adaptive_pool = {
    .variant = {"adaptive_pool", "average of windows of an image, cut to give a certain extent",
                "extent", adaptive_table, sizeof(adaptive_options)},
    .plan = adaptive_plan,
    .init = nn_init_none,
    .length = nn_length_none,
    .forward = adaptive_forward,
    .backward = adaptive_backward,
};

enum { GLOBAL_MEAN, GLOBAL_MAX };

typedef struct {
    int kind;
    bool keep;
} global_options;

static const base_option global_table[] = {
    {"kind", BASE_OPT_CHOICE, offsetof(global_options, kind), "mean", 0, 0, "mean|max", NULL,
     "what is taken of each channel"},
    {"keep", BASE_OPT_BOOL, offsetof(global_options, keep), "false", 0, 0, NULL, NULL,
     "give an image [C,1,1] instead of a vector [C]"},
    {0}};

static base_status global_plan(const void *options, nn_plan *plan, base_error *err) {
    const global_options *o = options;
    BASE_TRY(nn_need_rank(plan, 3, ". For a sequence use 'time_pool'", err));
    plan->out = nn_shape_make(o->keep ? 3 : 1, (int64_t[]){plan->in[0].dim[0], 1, 1});
    if (plan->training && o->kind == GLOBAL_MAX) plan->backward_reads = NN_READS_X;
    return BASE_OK;
}

/* All of an image as one window. */
static pool_call open_global(const nn_run *run) {
    nn_shape in = run->plan->in[0];
    nn_axis f = {.in = in.dim[1], .out = 1, .kernel = in.dim[1], .stride = 1};
    nn_axis t = {.in = in.dim[2], .out = 1, .kernel = in.dim[2], .stride = 1};
    return (pool_call){.run = run, .kernels = nn_kernels(), .f = f, .t = t};
}

/* Without lengths a plane is one row. */
static int64_t row_count(const pool_call *call, const pool_plane *p, int64_t *row_floats) {
    bool whole = p->frames == call->t.in;
    *row_floats = whole ? in_plane(call) : p->frames;
    return whole ? 1 : call->f.in;
}

static void mean_forward_task(void *context, int64_t plane, int worker) {
    (void)worker;
    const pool_call *call = context;
    pool_plane p = plane_of(call, plane);
    int64_t n, n_rows = row_count(call, &p, &n);
    float sum = 0.0f;
    for (int64_t i = 0; i < n_rows; i++) sum += call->kernels->sum(p.x + i * call->t.in, n);
    *p.y = n > 0 ? sum / (float)(n_rows * n) : 0.0f;
}

static void mean_backward_task(void *context, int64_t plane, int worker) {
    (void)worker;
    const pool_call *call = context;
    pool_plane p = plane_of(call, plane);
    int64_t n, n_rows = row_count(call, &p, &n);
    memset(p.dx, 0, (size_t)in_plane(call) * sizeof *p.dx);
    float share = n > 0 ? *p.dy / (float)(n_rows * n) : 0.0f;
    for (int64_t i = 0; i < n_rows; i++) {
        for (int64_t j = 0; j < n; j++) p.dx[i * call->t.in + j] = share;
    }
}

static void global_forward(const void *options, const nn_run *run, const float *const *x,
                           float *y) {
    const global_options *o = options;
    pool_call call = open_global(run);
    call.x = x[0];
    call.y = y;
    run_planes(&call, o->kind == GLOBAL_MAX ? max_forward_task : mean_forward_task);
}

static void global_backward(const void *options, const nn_run *run, const float *const *x,
                            const float *y, float *dy, float *const *dx) {
    const global_options *o = options;
    (void)y;
    if (dx[0] == NULL) return;
    pool_call call = open_global(run);
    call.x = o->kind == GLOBAL_MAX ? x[0] : NULL;
    call.dy = dy;
    call.dx = dx[0];
    run_planes(&call, o->kind == GLOBAL_MAX ? max_backward_task : mean_backward_task);
}

const nn_layer nn_layer_global_pool = {
    .variant = {"global_pool", "mean or maximum of each channel of an image", "kind", global_table,
                sizeof(global_options)},
    .plan = global_plan,
    .init = nn_init_none,
    .length = nn_length_none,
    .forward = global_forward,
    .backward = global_backward,
};
