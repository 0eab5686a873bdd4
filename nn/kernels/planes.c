#include "nn/kernels/planes.h"

enum { BLOCK_FLOATS = 56 * 1024, MIN_SHARED_MACS = 1 << 18 };

static int64_t n_phases(const nn_planes *p) {
    return p->f.stride * p->t.stride;
}

int64_t nn_planes_reach(const nn_axis *axis) {
    return (axis->kernel - 1) * axis->dilation / axis->stride;
}

int64_t nn_planes_floats(const nn_planes *p) {
    return p->channels * n_phases(p) * p->rows * p->pitch;
}

int64_t nn_planes_room(const nn_planes *p) {
    return nn_round_up(nn_planes_floats(p) + NN_MAX_TAPS_BLOCK, NN_LANES);
}

int64_t nn_planes_cut(int64_t extent, int64_t floats_per_row, int64_t floats, int64_t share) {
    int64_t n = nn_ceil_div(extent * floats_per_row, floats);
    n = nn_min(nn_round_up(n, share), extent);
    return nn_ceil_div(extent, n);
}

int64_t nn_planes_cut_outputs(const nn_output_cut *cut) {
    int64_t per_row = cut->x_floats, floats = BLOCK_FLOATS;
    if (cut->unit > 0) {
        per_row += cut->y_floats;
        floats *= 2;
    }
    int64_t share = cut->macs > MIN_SHARED_MACS ? 2 : 1;
    int64_t rows = nn_planes_cut(cut->extent, per_row, floats, share);
    return cut->unit > 0 ? nn_round_up(rows, cut->unit) : rows;
}

static void clear(float *row, int64_t first, int64_t end) {
    for (int64_t i = first; i < end; i++) row[i] = 0.0f;
}

/* A row of a phase, [pitch]: every stride-th input from `phase` on, with zeros around it. */
static void copy_row(const nn_axis *t, int64_t phase, int64_t pitch, const float *x, float *row) {
    nn_axis_span span = nn_axis_span_of(t, phase - t->before, pitch);
    clear(row, 0, span.first);
    nn_strided_gather(x + span.origin + span.first * t->stride, t->stride, row + span.first,
                      span.end - span.first);
    clear(row, span.end, pitch);
}

/* Rows [first, end) of the padded input's phase `phase_f` that are there, among `rows`. */
static nn_axis_span rows_there(const nn_planes *p, int64_t first, int64_t phase_f) {
    return nn_axis_span_of(&p->f, first * p->f.stride + phase_f - p->f.before, p->rows);
}

/* All phases along time of one along frequency. */
static void lay_out_phases(const nn_planes *p, const float *x, nn_axis_span there, float *to) {
    int64_t plane = p->rows * p->pitch, n_phases_t = p->t.stride;
    const float *from = x + (there.origin + there.first * p->f.stride) * p->t.in;
    float *at = to + there.first * p->pitch;
    nn_padded_rows rows = {.n_rows = there.end - there.first,
                           .n = p->t.in,
                           .before = p->t.before,
                           .x_step = p->f.stride * p->t.in,
                           .pitch = p->pitch};
    for (int64_t t = 0; t < n_phases_t; t++) {
        clear(to + t * plane, 0, there.first * p->pitch);
        clear(to + t * plane, there.end * p->pitch, plane);
        for (int64_t r = 0; r < rows.n_rows && n_phases_t != 2; r++) {
            copy_row(&p->t, t, p->pitch, from + r * rows.x_step, at + t * plane + r * p->pitch);
        }
    }
    if (n_phases_t == 2) nn_kernels()->deinterleave(&rows, from, at, at + plane);
}

void nn_planes_lay_out(const nn_planes *p, const float *x, int64_t first, float *planes) {
    for (int64_t i = 0; i < p->channels * p->f.stride; i++) {
        const float *from = x + i / p->f.stride * p->f.in * p->t.in;
        float *to = planes + i * p->t.stride * p->rows * p->pitch;
        lay_out_phases(p, from, rows_there(p, first, i % p->f.stride), to);
    }
}

void nn_planes_offsets(const nn_planes *p, int32_t *offset) {
    int64_t n_elements = p->f.kernel * p->t.kernel;
    for (int64_t i = 0; i < p->channels * n_elements; i++) {
        int64_t channel = i / n_elements, e = i % n_elements;
        int64_t f = e / p->t.kernel * p->f.dilation, t = e % p->t.kernel * p->t.dilation;
        int64_t phase = f % p->f.stride * p->t.stride + t % p->t.stride;
        int64_t row = (channel * n_phases(p) + phase) * p->rows + f / p->f.stride;
        offset[i] = (int32_t)(row * p->pitch + t / p->t.stride);
    }
}
