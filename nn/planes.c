#include "nn/planes.h"

#include "nn/conv_axis.h"

static int64_t n_phases(const nn_planes *p) {
    return p->f.stride * p->t.stride;
}

int64_t nn_planes_reach(const nn_axis *axis) {
    return (axis->kernel - 1) * axis->dilation / axis->stride;
}

int64_t nn_planes_floats(const nn_planes *p) {
    return p->channels * n_phases(p) * p->rows * p->pitch;
}

int64_t nn_planes_cut(int64_t extent, int64_t floats_per_row, int64_t floats, int64_t least) {
    int64_t n = (extent * floats_per_row + floats - 1) / floats;
    n = nn_at_most(nn_at_least(n, least), extent);
    return (extent + n - 1) / n;
}

static void clear(float *row, int64_t first, int64_t end) {
    for (int64_t i = first; i < end; i++) row[i] = 0.0f;
}

/* A row of a phase, [pitch]: every stride-th input from `phase` on, with zeros around it. */
static void copy_row(const nn_axis *t, int64_t phase, int64_t pitch, const float *x, float *row) {
    nn_conv_span span = nn_conv_span_of(t, phase - t->before, pitch);
    clear(row, 0, span.first);
    nn_conv_gather(x + span.origin + span.first * t->stride, t->stride, row + span.first,
                   span.end - span.first);
    clear(row, span.end, pitch);
}

/* Both phases of a row under a stride of two, read once. */
static void copy_pairs(const nn_kernels_table *kernels, const nn_planes *p, const float *x,
                       float *even) {
    const nn_axis *t = &p->t;
    float *odd = even + p->rows * p->pitch;
    int64_t pitch = p->pitch;
    int64_t first = nn_at_most((t->before + 1) / 2, pitch); /* of the whole pairs */
    int64_t end = nn_at_least(nn_at_most((t->in + t->before) / 2, pitch), first);
    kernels->deal(x + 2 * first - t->before, even + first, odd + first, end - first);
    clear(even, 0, first);
    clear(odd, 0, first);
    clear(even, end, pitch);
    clear(odd, end, pitch);
    if (t->before % 2 == 1 && t->before / 2 < pitch) odd[t->before / 2] = x[0];
    int64_t last = t->in - 1 + t->before; /* of the padded row */
    if (last % 2 == 0 && last / 2 < pitch) even[last / 2] = x[t->in - 1];
}

void nn_planes_lay_out(const nn_planes *p, const float *x, int64_t first, float *planes) {
    const nn_kernels_table *kernels = nn_kernels();
    int64_t plane = p->rows * p->pitch, n = p->t.stride;
    for (int64_t i = 0; i < p->channels * p->f.stride; i++) {
        const float *from = x + i / p->f.stride * p->f.in * p->t.in;
        float *to = planes + i * n * plane;
        for (int64_t r = 0; r < p->rows; r++, to += p->pitch) {
            int64_t f = (first + r) * p->f.stride + i % p->f.stride - p->f.before;
            bool there = f >= 0 && f < p->f.in;
            const float *row = from + f * p->t.in;
            if (there && n == 2) {
                copy_pairs(kernels, p, row, to);
                continue;
            }
            for (int64_t t = 0; t < n; t++) {
                if (there) {
                    copy_row(&p->t, t, p->pitch, row, to + t * plane);
                } else {
                    clear(to + t * plane, 0, p->pitch);
                }
            }
        }
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
