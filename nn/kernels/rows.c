#include "nn/kernels/rows.h"

#include <string.h>

#include "nn/kernels/extent.h"
#include "nn/kernels/kernels.h"

/* Weights are transposed as they are needed: panels of PANEL outputs by a slice of the features, up
 * to GROUP panels together so that rows are gathered once for all of them. A panel stays in the
 * first-level cache, a group in the second. */
enum {
    PANEL = 2 * NN_LANES,
    GROUP = 4,
    SLICE = 256,
    ROWS = 48,
    ROW_PITCH = SLICE + 16,
    PAGE_FLOATS = 1024,
    PANEL_FLOATS = PANEL * SLICE
};
_Static_assert(NN_ROWS_SCRATCH >= GROUP * PANEL_FLOATS + ROWS * (ROW_PITCH + PANEL), "scratch");

/* A task is a group and a part of the rows. Each task of a group turns its weights anew, each of a
 * part gathers its rows anew: few rows are cut by groups, smaller ones if need be, many into
 * halves as well. Numbers do not depend on the cut. */
enum { GROUPS = 4, MAX_TASKS = 16, MANY_ROWS = 384, MANY_MACS = 2000000 };

typedef struct {
    const nn_rows_product *product;
    const nn_kernels_table *kernels;
    int64_t group; /* outputs of one */
    int64_t n_groups, n_parts;
} rows_call;

/* Features [begin, begin + n) of a group's weights: panel p from p * PANEL_FLOATS on. */
typedef struct {
    int64_t begin, n;
    float *panels, *rows, *rest;
} slice;

/* The columns of the panel from `first` on, and those it has in scratch. */
static int64_t panel_columns(const nn_rows_product *p, int64_t first) {
    return nn_min(p->n_out - first, PANEL);
}

static int64_t panel_pitch(int64_t n_columns) {
    return nn_round_up(n_columns, NN_LANES);
}

static void turn_panel(const rows_call *call, int64_t first, const slice *s, float *panel) {
    const nn_rows_product *p = call->product;
    int64_t n_columns = panel_columns(p, first), pitch = panel_pitch(n_columns);
    const float *weight = p->weight + first * p->n_in + s->begin;
    if (n_columns == pitch) {
        call->kernels->transpose(weight, p->n_in, pitch, s->n, panel);
        return;
    }
    memset(panel, 0, (size_t)(pitch * s->n) * sizeof *panel);
    for (int64_t k = 0; k < s->n; k++) {
        for (int64_t j = 0; j < n_columns; j++) panel[k * pitch + j] = weight[j * p->n_in + k];
    }
}

/* n_rows gathered rows times a panel, added to their part of y. A panel that is not full writes
 * beyond its columns, so it works on a copy of them. */
static void multiply_panel(const rows_call *call, int64_t first, const slice *s,
                           const nn_positions_product *rows, float *y) {
    const nn_rows_product *p = call->product;
    int64_t n_columns = panel_columns(p, first);
    nn_positions_product product = *rows;
    product.n_columns = product.b_pitch = panel_pitch(n_columns);
    product.c = y + first;
    product.c_pitch = p->y_pitch;
    bool full = product.b_pitch == n_columns;
    size_t n_bytes = (size_t)n_columns * sizeof *y;
    if (!full) {
        product.c = s->rest;
        product.c_pitch = PANEL;
        for (int64_t i = 0; i < rows->n_rows; i++) {
            memcpy(s->rest + i * PANEL, y + i * p->y_pitch + first, n_bytes);
        }
    }
    call->kernels->multiply_positions(&product);
    for (int64_t i = 0; i < rows->n_rows && !full; i++) {
        memcpy(y + i * p->y_pitch + first, s->rest + i * PANEL, n_bytes);
    }
}

/* Rows some pages apart would displace each other in the cache; the kernel counts in 32 bits. */
static bool needs_gathering(const nn_rows_product *p) {
    return p->x_pitch % PAGE_FLOATS == 0 || p->x_pitch > INT32_MAX / ROWS;
}

/* Rows [begin, end) times the slice of the outputs [first, last). */
static void multiply_slice(const rows_call *call, int64_t first, int64_t last, int64_t begin,
                           int64_t end, const slice *s) {
    const nn_rows_product *p = call->product;
    bool gathers = needs_gathering(p);
    int32_t offset[ROWS];
    for (int r = 0; r < ROWS; r++) offset[r] = r * (int32_t)(gathers ? ROW_PITCH : p->x_pitch);
    for (int64_t j = first; j < last; j += PANEL) {
        turn_panel(call, j, s, s->panels + (j - first) * SLICE);
    }
    for (int64_t row = begin; row < end; row += ROWS) {
        const float *x = p->x + row * p->x_pitch + s->begin;
        nn_positions_product rows = {
            .n_rows = nn_min(end - row, ROWS), .n_terms = s->n, .a = x, .offset = offset};
        for (int64_t i = 0; i < rows.n_rows && gathers; i++) {
            memcpy(s->rows + i * ROW_PITCH, x + i * p->x_pitch, (size_t)s->n * sizeof *x);
            rows.a = s->rows;
        }
        for (int64_t j = first; j < last; j += PANEL) {
            rows.b = s->panels + (j - first) * SLICE;
            multiply_panel(call, j, s, &rows, p->y + row * p->y_pitch);
        }
    }
}

static void start_rows(const nn_rows_product *p, int64_t first, int64_t last, int64_t begin,
                       int64_t end) {
    size_t n_bytes = (size_t)(last - first) * sizeof *p->y;
    for (int64_t row = begin; row < end; row++) {
        float *y = p->y + row * p->y_pitch + first;
        if (p->bias != NULL) {
            memcpy(y, p->bias + first, n_bytes);
        } else {
            memset(y, 0, n_bytes);
        }
    }
}

static void multiply_task(void *context, int64_t task, int worker) {
    const rows_call *call = context;
    const nn_rows_product *p = call->product;
    int64_t part = task / call->n_groups, first = task % call->n_groups * call->group;
    int64_t last = nn_min(first + call->group, p->n_out);
    int64_t begin = p->n_rows * part / call->n_parts, end = p->n_rows * (part + 1) / call->n_parts;
    float *scratch = p->worker_scratch + worker * p->scratch_pitch;
    slice s = {.panels = scratch, .rows = scratch + GROUP * PANEL_FLOATS};
    s.rest = s.rows + ROWS * ROW_PITCH;
    start_rows(p, first, last, begin, end);
    for (s.begin = 0; s.begin < p->n_in; s.begin += SLICE) {
        s.n = nn_min(p->n_in - s.begin, SLICE);
        multiply_slice(call, first, last, begin, end, &s);
    }
}

void nn_rows_multiply(base_pool *pool, const nn_rows_product *p) {
    rows_call call = {.product = p, .kernels = nn_kernels(), .n_parts = 1};
    if (p->n_rows <= 0 || p->n_out <= 0) return;
    int64_t n_panels = nn_ceil_div(p->n_out, PANEL);
    bool divides = p->n_rows < MANY_ROWS && p->n_rows * p->n_in * p->n_out >= MANY_MACS;
    call.group = PANEL * nn_min(divides ? nn_ceil_div(n_panels, GROUPS) : n_panels, GROUP);
    call.n_groups = nn_ceil_div(p->n_out, call.group);
    while (2 * call.n_parts * call.n_groups <= MAX_TASKS && p->n_rows >= call.n_parts * MANY_ROWS) {
        call.n_parts *= 2;
    }
    base_parallel(pool, call.n_groups * call.n_parts, multiply_task, &call);
}
