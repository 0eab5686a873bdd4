/* Layers that only move numbers: flatten, reshape, permute, to_sequence, to_image. Each is a copy
 * between two arrangements of one sample, run forwards or backwards. */
#include <stddef.h>
#include <string.h>

#include "nn/kernels/extent.h"
#include "nn/kernels/kernels.h"
#include "nn/layer.h"

enum { AXES = 3, TILE = 16 };

/* One sample seen along the output's axes: extents, and strides in the input and in the output.
 * Unused axes are of extent 1. */
typedef struct {
    int64_t extent[AXES], in_stride[AXES], out_stride[AXES];
} arrangement;

typedef arrangement arrange(const nn_plan *plan);

typedef struct {
    arrangement a;
    const float *from;
    float *to;
    int64_t n; /* floats of a sample */
} move;

/* The axis along which `stride` is 1; the longest of them, as axes of extent 1 say nothing. */
static int dense_axis(const arrangement *a, const int64_t stride[AXES]) {
    int dense = AXES - 1;
    for (int i = 0; i < AXES; i++) {
        bool longer = stride[dense] != 1 || a->extent[i] > a->extent[dense];
        if (stride[i] == 1 && longer) dense = i;
    }
    return dense;
}

/* Tiles of two axes, one dense on either side, so that every cache line read is used up before it
 * is dropped. */
static void copy_plane(const arrangement *a, int p, int q, const float *from, float *to) {
    int64_t n_p = a->extent[p], n_q = a->extent[q];
    for (int64_t p0 = 0; p0 < n_p; p0 += TILE) {
        int64_t p1 = nn_min(p0 + TILE, n_p);
        for (int64_t q0 = 0; q0 < n_q; q0 += TILE) {
            int64_t q1 = nn_min(q0 + TILE, n_q);
            for (int64_t i = p0; i < p1; i++) {
                const float *x = from + i * a->in_stride[p];
                float *y = to + i * a->out_stride[p];
                for (int64_t j = q0; j < q1; j++) {
                    y[j * a->out_stride[q]] = x[j * a->in_stride[q]];
                }
            }
        }
    }
}

/* Rows and columns swap places: the output's dense axis q lies across the input's dense axis p. */
static bool is_transposition(const arrangement *a, int p, int q) {
    return a->in_stride[p] == 1 && a->out_stride[q] == 1 && a->out_stride[p] == a->extent[q];
}

static void copy_sample(void *context, int64_t sample, int worker) {
    (void)worker;
    const move *m = context;
    const arrangement *a = &m->a;
    const float *from = m->from + sample * m->n;
    float *to = m->to + sample * m->n;
    if (memcmp(a->in_stride, a->out_stride, sizeof a->in_stride) == 0) {
        memcpy(to, from, (size_t)m->n * sizeof *to);
        return;
    }
    int q = dense_axis(a, a->out_stride), p = dense_axis(a, a->in_stride);
    if (p == q) p = (q + 1) % AXES;
    int r = AXES - p - q; /* the third axis */
    for (int64_t k = 0; k < a->extent[r]; k++) {
        const float *x = from + k * a->in_stride[r];
        float *y = to + k * a->out_stride[r];
        if (is_transposition(a, p, q)) {
            nn_kernels()->transpose(x, a->in_stride[q], a->extent[q], a->extent[p], y);
        } else {
            copy_plane(a, p, q, x, y);
        }
    }
}

static void run_forward(const nn_run *run, arrange *of) {
    move m = {of(run->plan), run->x[0], run->y, nn_shape_count(run->plan->out)};
    base_parallel(run->pool, run->batch, copy_sample, &m);
}

static void run_backward(const nn_run *run, arrange *of) {
    if (run->dx[0] == NULL) return;
    arrangement a = of(run->plan), back = a;
    memcpy(back.in_stride, a.out_stride, sizeof a.out_stride);
    memcpy(back.out_stride, a.in_stride, sizeof a.in_stride);
    move m = {back, run->dy, run->dx[0], nn_shape_count(run->plan->out)};
    base_parallel(run->pool, run->batch, copy_sample, &m);
}

/* The pair every layer here has, made of its arrangement. */
#define MOVES(layer)                                                                               \
    static void layer##_forward(const nn_run *run) {                                               \
        run_forward(run, layer##_arrange);                                                         \
    }                                                                                              \
    static void layer##_backward(const nn_run *run) {                                              \
        run_backward(run, layer##_arrange);                                                        \
    }

/* Output axis i is input axis order[i]. */
static arrangement permuted(nn_shape in, const int order[AXES]) {
    int64_t extent[AXES] = {1, 1, 1}, stride[AXES];
    for (int i = 0; i < in.rank; i++) extent[i] = in.dim[i];
    stride[2] = 1;
    stride[1] = extent[2];
    stride[0] = extent[1] * extent[2];
    arrangement a;
    int64_t out_stride = 1;
    for (int i = AXES - 1; i >= 0; i--) {
        a.extent[i] = extent[order[i]];
        a.in_stride[i] = stride[order[i]];
        a.out_stride[i] = out_stride;
        out_stride *= a.extent[i];
    }
    return a;
}

static arrangement unchanged(const nn_plan *plan) {
    return permuted((nn_shape){.rank = 1, .dim = {nn_shape_count(plan->out)}},
                    (const int[AXES]){0, 1, 2});
}

/* flatten */

static base_status flatten_plan(nn_plan *plan, base_error *err) {
    (void)err;
    plan->out = (nn_shape){.rank = 1, .dim = {nn_shape_count(plan->in[0])}};
    return BASE_OK;
}

#define flatten_arrange unchanged
MOVES(flatten)

const nn_layer nn_layer_flatten = {
    .variant = {"flatten", "one vector of all numbers of a sample", NULL, NULL, 0},
    .plan = flatten_plan,
    .init = nn_init_none,
    .length = nn_length_none,
    .forward = flatten_forward,
    .backward = flatten_backward};

/* reshape */

typedef struct {
    base_ints shape;
} reshape_options;

static base_status reshape_plan(nn_plan *plan, base_error *err) {
    const base_ints *wanted = &((const reshape_options *)plan->options)->shape;
    char text[64];
    if (wanted->n < 1 || wanted->n > AXES) {
        return base_fail(err, BASE_ECONFIG, "shape has %d extents; 1 to 3 are needed", wanted->n);
    }
    nn_shape out = {.rank = wanted->n};
    int64_t count = nn_shape_count(plan->in[0]), known = 1;
    int open = -1;
    for (int i = 0; i < wanted->n; i++) {
        out.dim[i] = wanted->items[i];
        if (out.dim[i] == -1 && open < 0) {
            open = i;
        } else if (out.dim[i] < 1 || !base_mul(known, out.dim[i], &known)) {
            return base_fail(err, BASE_ECONFIG,
                             "shape must hold positive extents and at most one -1");
        }
    }
    if (open >= 0) out.dim[open] = count / known;
    if (nn_shape_count(out) != count) {
        return base_fail(err, BASE_ESHAPE, "input is %s, %lld numbers; they do not fill the shape",
                         nn_shape_text(plan->in[0], true, text), (long long)count);
    }
    plan->out = out;
    return BASE_OK;
}

static const base_option reshape_table[] = {
    {"shape", BASE_OPT_INTS, offsetof(reshape_options, shape), NULL, -1, 1e9, NULL, NULL,
     "extents of one sample, without the batch; one may be -1 and is worked out"},
    {0}};

#define reshape_arrange unchanged
MOVES(reshape)

const nn_layer nn_layer_reshape = {
    .variant = {"reshape", "the same numbers in the same order under other extents", "shape",
                reshape_table, sizeof(reshape_options)},
    .plan = reshape_plan,
    .init = nn_init_none,
    .length = nn_length_none,
    .forward = reshape_forward,
    .backward = reshape_backward};

/* permute */

typedef struct {
    base_ints order;
} permute_options;

static base_status permute_plan(nn_plan *plan, base_error *err) {
    const base_ints *order = &((const permute_options *)plan->options)->order;
    nn_shape in = plan->in[0];
    unsigned seen = 0;
    for (int i = 0; i < order->n && i < in.rank; i++) {
        if (order->items[i] < in.rank) seen |= 1u << order->items[i];
        plan->out.dim[i] = in.dim[order->items[i] < in.rank ? order->items[i] : 0];
    }
    if (order->n != in.rank || seen != (1u << in.rank) - 1) {
        char text[64];
        return base_fail(err, BASE_ESHAPE,
                         "input is %s; order must name each of its axes 0 to %d once (the batch is "
                         "not counted)",
                         nn_shape_text(in, true, text), in.rank - 1);
    }
    plan->out.rank = in.rank;
    return BASE_OK;
}

static arrangement permute_arrange(const nn_plan *plan) {
    const base_ints *order = &((const permute_options *)plan->options)->order;
    int axes[AXES] = {0, 1, 2};
    for (int i = 0; i < order->n; i++) axes[i] = (int)order->items[i];
    return permuted(plan->in[0], axes);
}

/* Time stays time only where its axis is again the one that nn_shape_time_axis names. */
static int64_t permute_length(const nn_plan *plan, int64_t length) {
    const base_ints *order = &((const permute_options *)plan->options)->order;
    int axis = nn_shape_time_axis(plan->in[0]);
    bool kept = axis >= 0 && order->items[axis] == axis;
    return kept ? length : nn_length_none(plan, length);
}

static const base_option permute_table[] = {
    {"order", BASE_OPT_INTS, offsetof(permute_options, order), NULL, 0, AXES - 1, NULL, NULL,
     "for each axis of the output the axis of the input, from 0, without the batch"},
    {0}};

MOVES(permute)

const nn_layer nn_layer_permute = {.variant = {"permute", "axes in another order", "order",
                                               permute_table, sizeof(permute_options)},
                                   .plan = permute_plan,
                                   .init = nn_init_none,
                                   .length = permute_length,
                                   .forward = permute_forward,
                                   .backward = permute_backward};

/* to_sequence: torch's x.permute(0, 3, 1, 2).reshape(B, T, C * F) */

static base_status to_sequence_plan(nn_plan *plan, base_error *err) {
    BASE_TRY(nn_need_rank(plan, 3, "", err));
    const int64_t *in = plan->in[0].dim;
    plan->out = (nn_shape){.rank = 2, .dim = {in[2], in[0] * in[1]}};
    return BASE_OK;
}

static arrangement to_sequence_arrange(const nn_plan *plan) {
    const int64_t *in = plan->in[0].dim;
    nn_shape plane = {.rank = 2, .dim = {in[0] * in[1], in[2]}};
    return permuted(plane, (const int[AXES]){1, 0, 2});
}

MOVES(to_sequence)

const nn_layer nn_layer_to_sequence = {
    .variant = {"to_sequence", "image [C,F,T] to sequence [T,C*F]", NULL, NULL, 0},
    .plan = to_sequence_plan,
    .init = nn_init_none,
    .length = nn_length_same,
    .forward = to_sequence_forward,
    .backward = to_sequence_backward};

/* to_image */

static base_status to_image_plan(nn_plan *plan, base_error *err) {
    BASE_TRY(nn_need_rank(plan, 2, "", err));
    const int64_t *in = plan->in[0].dim;
    plan->out = (nn_shape){.rank = 3, .dim = {1, in[1], in[0]}};
    return BASE_OK;
}

static arrangement to_image_arrange(const nn_plan *plan) {
    return permuted(plan->in[0], (const int[AXES]){1, 0, 2});
}

MOVES(to_image)

const nn_layer nn_layer_to_image = {
    .variant = {"to_image", "sequence [T,F] to image of one channel [1,F,T]", NULL, NULL, 0},
    .plan = to_image_plan,
    .init = nn_init_none,
    .length = nn_length_same,
    .forward = to_image_forward,
    .backward = to_image_backward};
