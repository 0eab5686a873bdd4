/* Pooling of images: max_pool and avg_pool over windows, adaptive_pool over windows of the extents
 * that give an output of a certain extent, global_pool over whole planes.
 *
 * Outside the image and past the valid frames there is nothing for a maximum to choose and zero for
 * an average, which always divides by the whole window (PyTorch's count_include_pad). */
#include <string.h>

#include "nn/layers/options.h"

enum { MAX_ELEMENTS = 256 /* of a window, for an index of one byte */ };

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

bool nn_pool_is_tiling(const nn_pool_options *o) {
    for (int axis = 0; axis < 2; axis++) {
        if (nn_pair_item(nn_pool_stride(o), axis) != nn_pair_item(o->kernel, axis)) return false;
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
    return nn_byte_floats(plan->max_batch * nn_shape_count(plan->out));
}

static nn_axis make_axis(const nn_pool_options *o, int axis, int64_t in) {
    return (nn_axis){.in = in,
                     .kernel = nn_pair_item(o->kernel, axis),
                     .stride = nn_pair_item(nn_pool_stride(o), axis),
                     .dilation = 1};
}

/* Kept by the plan. */
typedef struct {
    nn_axis f, t;
    bool tiling, adaptive;
    bool indexed; /* forward keeps the number of each maximum within its window for backward */
} pool_geometry;

/* The options have passed check_lists. */
static pool_geometry make_geometry(const nn_pool_options *o, nn_shape in) {
    pool_geometry g = {.f = make_axis(o, 0, in.dim[1]),
                       .t = make_axis(o, 1, in.dim[2]),
                       .tiling = nn_pool_is_tiling(o)};
    nn_set_padding(&o->pad, &g.f, &g.t);
    g.f.out = nn_axis_extent(&g.f, g.f.in);
    g.t.out = nn_axis_extent(&g.t, g.t.in);
    return g;
}

void nn_pool_pads(const nn_pool_options *options, nn_shape in, int64_t pads[4]) {
    pool_geometry g = make_geometry(options, in);
    nn_axis_pads(&g.f, &g.t, pads);
}

static base_status check_lists(const nn_pool_options *o, base_error *err) {
    BASE_TRY(nn_check_pair("kernel", o->kernel, err));
    BASE_TRY(nn_check_pair("stride", nn_pool_stride(o), err));
    return nn_check_padding(&o->pad, err);
}

static base_status check_axis(const nn_axis *a, const char *name, nn_shape in, base_error *err) {
    int64_t pad = nn_max(a->before, a->after);
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

static base_status pool_plan(nn_plan *plan, base_error *err) {
    nn_shape in = plan->in[0];
    BASE_TRY(check_lists(plan->options, err));
    BASE_TRY(nn_need_rank(plan, 3, NULL, err));
    pool_geometry g = make_geometry(plan->options, in);
    BASE_TRY(check_axis(&g.f, "frequency", in, err));
    BASE_TRY(check_axis(&g.t, "time", in, err));
    plan->out = nn_shape_make(3, (int64_t[]){in.dim[0], g.f.out, g.t.out});
    plan->n_visits = nn_saturated(nn_shape_count(plan->out), nn_saturated(g.f.kernel, g.t.kernel));
    return nn_plan_keep(plan, &g, sizeof g, err);
}

/* Where windows overlap and a byte can number their elements, an index of the maxima is kept for
 * backward; otherwise backward looks for them in x again. */
static base_status max_pool_plan(nn_plan *plan, base_error *err) {
    BASE_TRY(pool_plan(plan, err));
    pool_geometry *g = plan->kept;
    g->indexed = !g->tiling && g->f.kernel <= MAX_ELEMENTS / g->t.kernel;
    if (plan->training && g->indexed) plan->n_cache = nn_pool_index_floats(plan);
    if (plan->training && !g->indexed) plan->backward_reads = NN_READS_X;
    return BASE_OK;
}

static int64_t pool_length(const nn_plan *plan, int64_t length) {
    const pool_geometry *g = plan->kept;
    return nn_axis_extent(&g->t, length);
}

/* A plane of x and of y, and how much of x is valid. */
typedef struct {
    const pool_geometry *g;
    const float *x, *dy;
    float *y, *dx;
    uint8_t *index; /* of the maxima, as y; NULL: none */
    bool adds;
    int64_t frames;
} pool_plane;

static int64_t in_plane(const pool_geometry *g) {
    return g->f.in * g->t.in;
}

static pool_plane plane_of(const nn_run *run, int64_t plane) {
    const pool_geometry *g = run->plan->kept;
    int64_t in = plane * in_plane(g), out = plane * g->f.out * g->t.out;
    int64_t sample = plane / run->plan->in[0].dim[0];
    return (pool_plane){.g = g,
                        .x = run->x[0] ? run->x[0] + in : NULL,
                        .dy = run->dy ? run->dy + out : NULL,
                        .y = run->y ? run->y + out : NULL,
                        .dx = run->dx[0] ? run->dx[0] + in : NULL,
                        .index = g->indexed && run->plan->n_cache > 0 ? (uint8_t *)run->cache + out
                                                                      : NULL,
                        .adds = run->adds,
                        .frames = run->in_length ? run->in_length[sample] : g->t.in};
}

/* The part of a window that lies within [0, extent). */
typedef struct {
    int64_t begin, end;
} pool_span;

static pool_span span_at(const nn_axis *a, int64_t i, int64_t extent) {
    int64_t begin = i * a->stride - a->before, end = begin + a->kernel;
    return (pool_span){nn_max(begin, 0), nn_min(end, extent)};
}

/* Position of the first maximum of a window, -1 if it is empty. */
static int64_t find_max(const pool_plane *p, int64_t i, int64_t j) {
    pool_span f = span_at(&p->g->f, i, p->g->f.in), t = span_at(&p->g->t, j, p->frames);
    int64_t best = -1;
    for (int64_t k = f.begin; k < f.end; k++) {
        for (int64_t l = t.begin; l < t.end; l++) {
            int64_t at = k * p->g->t.in + l;
            if (best < 0 || p->x[at] > p->x[best]) best = at;
        }
    }
    return best;
}

static nn_pool_windows windows_of(const pool_geometry *g) {
    return (nn_pool_windows){.kernel_f = g->f.kernel,
                             .kernel_t = g->t.kernel,
                             .width = g->t.in,
                             .n_f = g->f.out,
                             .n_t = g->t.out};
}

/* Offset in the plane of a window's element 0, which may lie outside of it. */
static int64_t window_origin(const pool_geometry *g, int64_t i, int64_t j) {
    return (i * g->f.stride - g->f.before) * g->t.in + j * g->t.stride - g->t.before;
}

static void max_forward_window(const pool_plane *p, int64_t i, int64_t j) {
    const nn_axis *t = &p->g->t;
    int64_t at = find_max(p, i, j);
    p->y[i * t->out + j] = at >= 0 ? p->x[at] : 0.0f;
    if (p->index == NULL) return;
    int64_t row = at / t->in - (i * p->g->f.stride - p->g->f.before);
    int64_t column = at % t->in - (j * t->stride - t->before);
    p->index[i * t->out + j] = (uint8_t)(at >= 0 ? row * t->kernel + column : 0);
}

/* Windows `inner` of row i, all of whose columns lie inside the plane. */
static void max_forward_inner(const pool_plane *p, int64_t i, pool_span inner) {
    const nn_axis *t = &p->g->t;
    pool_span f = span_at(&p->g->f, i, p->g->f.in);
    int64_t skipped = f.begin - (i * p->g->f.stride - p->g->f.before);
    nn_window_row row = {.kernel_f = f.end - f.begin,
                         .kernel_t = t->kernel,
                         .width = t->in,
                         .step = t->stride,
                         .n = inner.end - inner.begin};
    int64_t to = i * t->out + inner.begin;
    uint8_t *index = p->index != NULL ? p->index + to : NULL;
    const float *x = p->x + f.begin * t->in + inner.begin * t->stride - t->before;
    nn_kernels()->max_windows(&row, x, p->y + to, index);
    for (int64_t j = 0; j < row.n && index != NULL && skipped > 0; j++) {
        index[j] = (uint8_t)(index[j] + skipped * t->kernel);
    }
}

/* The windows of a row all of whose columns lie inside [0, extent). */
static pool_span inner_windows(const nn_axis *a, int64_t extent) {
    int64_t begin = nn_min(nn_ceil_div(a->before, a->stride), a->out);
    int64_t room = extent + a->before - a->kernel;
    int64_t end = room < 0 ? 0 : room / a->stride + 1;
    return (pool_span){begin, nn_max(begin, nn_min(end, a->out))};
}

static void max_forward_row(const pool_plane *p, int64_t i) {
    pool_span f = span_at(&p->g->f, i, p->g->f.in), inner = inner_windows(&p->g->t, p->frames);
    if (f.begin >= f.end) inner.end = inner.begin;
    if (inner.begin < inner.end) max_forward_inner(p, i, inner);
    for (int64_t j = 0; j < inner.begin; j++) max_forward_window(p, i, j);
    for (int64_t j = inner.end; j < p->g->t.out; j++) max_forward_window(p, i, j);
}

static void max_forward_task(void *context, int64_t plane, int worker) {
    (void)worker;
    pool_plane p = plane_of(context, plane);
    if (p.g->tiling) {
        nn_pool_windows windows = windows_of(p.g);
        nn_kernels()->max_pool(&windows, p.x, p.y, NULL);
        return;
    }
    if (p.g->indexed) {
        for (int64_t i = 0; i < p.g->f.out; i++) max_forward_row(&p, i);
        return;
    }
    for (int64_t i = 0; i < p.g->f.out * p.g->t.out; i++) {
        max_forward_window(&p, i / p.g->t.out, i % p.g->t.out);
    }
}

/* Windows without valid numbers are skipped: there is no place to add their gradient to. */
static void max_backward_indexed(const pool_plane *p) {
    const nn_axis *f = &p->g->f, *t = &p->g->t;
    int64_t n_elements = f->kernel * t->kernel, offset[MAX_ELEMENTS];
    int64_t n_t = nn_min(nn_ceil_div(p->frames + t->before, t->stride), t->out);
    for (int64_t e = 0; e < n_elements; e++) {
        offset[e] = e / t->kernel * t->in + e % t->kernel;
    }
    for (int64_t i = 0; i < f->out; i++) {
        pool_span rows = span_at(f, i, f->in);
        const float *dy = p->dy + i * t->out;
        const uint8_t *index = p->index + i * t->out;
        int64_t at = window_origin(p->g, i, 0);
        for (int64_t j = 0; j < n_t && rows.begin < rows.end; j++, at += t->stride) {
            p->dx[at + offset[index[j]]] += dy[j];
        }
    }
}

static void max_backward_task(void *context, int64_t plane, int worker) {
    (void)worker;
    pool_plane p = plane_of(context, plane);
    const nn_axis *f = &p.g->f, *t = &p.g->t;
    bool whole =
        p.g->tiling && f->out * f->kernel == f->in && t->out * t->kernel == t->in; /* no rest */
    if (!whole && !p.adds) memset(p.dx, 0, (size_t)in_plane(p.g) * sizeof *p.dx);
    if (p.g->tiling) {
        nn_pool_windows windows = windows_of(p.g);
        nn_kernels()->max_pool_backward(&windows, p.x, p.dy, p.dx);
        return;
    }
    if (p.g->indexed) {
        max_backward_indexed(&p);
        return;
    }
    for (int64_t i = 0; i < f->out * t->out; i++) {
        int64_t at = find_max(&p, i / t->out, i % t->out);
        if (at >= 0) p.dx[at] += p.dy[i];
    }
}

/* A window of an average, and what each of its numbers counts. */
typedef struct {
    pool_span f, t;
    float share;
} avg_window;

/* PyTorch's: the windows of `out` outputs over [0, extent), which overlap where they must. */
static pool_span adaptive_span(const nn_axis *a, int64_t i, int64_t extent) {
    return (pool_span){i * extent / a->out, nn_ceil_div((i + 1) * extent, a->out)};
}

static avg_window avg_window_at(const pool_plane *p, int64_t i, int64_t j) {
    const nn_axis *f = &p->g->f, *t = &p->g->t;
    if (!p->g->adaptive) {
        return (avg_window){.f = span_at(f, i, f->in),
                            .t = span_at(t, j, p->frames),
                            .share = 1.0f / (float)(f->kernel * t->kernel)};
    }
    avg_window w = {.f = adaptive_span(f, i, f->in), .t = adaptive_span(t, j, p->frames)};
    w.share = 1.0f / (float)((w.f.end - w.f.begin) * (w.t.end - w.t.begin));
    return w;
}

static void avg_forward_task(void *context, int64_t plane, int worker) {
    (void)worker;
    pool_plane p = plane_of(context, plane);
    for (int64_t i = 0; i < p.g->f.out * p.g->t.out; i++) {
        avg_window w = avg_window_at(&p, i / p.g->t.out, i % p.g->t.out);
        float sum = 0.0f;
        for (int64_t k = w.f.begin; k < w.f.end; k++) {
            for (int64_t l = w.t.begin; l < w.t.end; l++) sum += p.x[k * p.g->t.in + l];
        }
        p.y[i] = sum * w.share;
    }
}

static void avg_backward_task(void *context, int64_t plane, int worker) {
    (void)worker;
    pool_plane p = plane_of(context, plane);
    memset(p.dx, 0, (size_t)in_plane(p.g) * sizeof *p.dx);
    for (int64_t i = 0; i < p.g->f.out * p.g->t.out; i++) {
        avg_window w = avg_window_at(&p, i / p.g->t.out, i % p.g->t.out);
        float d = p.dy[i] * w.share;
        for (int64_t k = w.f.begin; k < w.f.end; k++) {
            for (int64_t l = w.t.begin; l < w.t.end; l++) p.dx[k * p.g->t.in + l] += d;
        }
    }
}

/* Tasks are planes. */
static void run_planes(const nn_run *run, base_task *task) {
    base_parallel(run->pool, run->batch * run->plan->in[0].dim[0], task, (void *)run);
}

static void max_pool_forward(const nn_run *run) {
    run_planes(run, max_forward_task);
}

static void max_pool_backward(const nn_run *run) {
    if (run->dx[0] != NULL) run_planes(run, max_backward_task);
}

static void avg_pool_forward(const nn_run *run) {
    run_planes(run, avg_forward_task);
}

static void avg_pool_backward(const nn_run *run) {
    if (run->dx[0] != NULL) run_planes(run, avg_backward_task);
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

static base_status adaptive_plan(nn_plan *plan, base_error *err) {
    const adaptive_options *o = plan->options;
    BASE_TRY(nn_check_pair("extent", o->extent, err));
    BASE_TRY(nn_need_rank(plan, 3, ". For a sequence use 'time_pool'", err));
    const int64_t *in = plan->in[0].dim;
    pool_geometry g = {.f = {.in = in[1], .out = nn_pair_item(o->extent, 0)},
                       .t = {.in = in[2], .out = nn_pair_item(o->extent, 1)},
                       .adaptive = true};
    plan->out = nn_shape_make(3, (int64_t[]){in[0], g.f.out, g.t.out});
    return nn_plan_keep(plan, &g, sizeof g, err);
}

const nn_layer nn_layer_adaptive_pool = {
    .variant = {"adaptive_pool", "average of windows of an image, cut to give a certain extent",
                "extent", adaptive_table, sizeof(adaptive_options)},
    .plan = adaptive_plan,
    .init = nn_init_none,
    .length = nn_length_none,
    .forward = avg_pool_forward,
    .backward = avg_pool_backward,
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

/* All of an image is one window. */
static base_status global_plan(nn_plan *plan, base_error *err) {
    const global_options *o = plan->options;
    BASE_TRY(nn_need_rank(plan, 3, ". For a sequence use 'time_pool'", err));
    const int64_t *in = plan->in[0].dim;
    pool_geometry g = {.f = {.in = in[1], .out = 1, .kernel = in[1], .stride = 1},
                       .t = {.in = in[2], .out = 1, .kernel = in[2], .stride = 1}};
    plan->out = nn_shape_make(o->keep ? 3 : 1, (int64_t[]){in[0], 1, 1});
    if (plan->training && o->kind == GLOBAL_MAX) plan->backward_reads = NN_READS_X;
    return nn_plan_keep(plan, &g, sizeof g, err);
}

/* Without lengths a plane is one row. */
static int64_t row_count(const pool_plane *p, int64_t *row_floats) {
    bool whole = p->frames == p->g->t.in;
    *row_floats = whole ? in_plane(p->g) : p->frames;
    return whole ? 1 : p->g->f.in;
}

static void mean_forward_task(void *context, int64_t plane, int worker) {
    (void)worker;
    pool_plane p = plane_of(context, plane);
    int64_t n, n_rows = row_count(&p, &n);
    float sum = 0.0f;
    for (int64_t i = 0; i < n_rows; i++) sum += nn_kernels()->sum(p.x + i * p.g->t.in, n);
    *p.y = n > 0 ? sum / (float)(n_rows * n) : 0.0f;
}

static void mean_backward_task(void *context, int64_t plane, int worker) {
    (void)worker;
    pool_plane p = plane_of(context, plane);
    int64_t n, n_rows = row_count(&p, &n);
    if (!p.adds) memset(p.dx, 0, (size_t)in_plane(p.g) * sizeof *p.dx);
    float share = n > 0 ? *p.dy / (float)(n_rows * n) : 0.0f;
    for (int64_t i = 0; i < n_rows; i++) {
        for (int64_t j = 0; j < n; j++) p.dx[i * p.g->t.in + j] += share;
    }
}

static bool is_max(const nn_plan *plan) {
    return ((const global_options *)plan->options)->kind == GLOBAL_MAX;
}

static void global_forward(const nn_run *run) {
    run_planes(run, is_max(run->plan) ? max_forward_task : mean_forward_task);
}

static void global_backward(const nn_run *run) {
    if (run->dx[0] == NULL) return;
    run_planes(run, is_max(run->plan) ? max_backward_task : mean_backward_task);
}

const nn_layer nn_layer_global_pool = {
    .variant = {"global_pool", "mean or maximum of each channel of an image", "kind", global_table,
                sizeof(global_options)},
    .plan = global_plan,
    .init = nn_init_none,
    .adds_dx = true,
    .length = nn_length_none,
    .forward = global_forward,
    .backward = global_backward,
};
