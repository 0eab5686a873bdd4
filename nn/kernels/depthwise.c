/* A plane is spread: padded with zeros and sorted into sf st parts by the remainders of its
 * coordinates to the strides, so that each element of the kernel reads a part in steps of one. As y
 * gets rows as wide as a part's, element (k, l) needs nothing but the part, shifted by
 * (k df / sf) width + l dt / st floats; what comes out between the rows is dropped. The gradients
 * go the same way: that of an element is the product of dy with its shifted part, and a part's is
 * the sum of dy shifted back, where the zeros between the rows of dy stand for the padding. */
#include "nn/kernels/depthwise.h"

#include <string.h>

enum { CHUNK = 2048 /* floats that stay in the L1 cache */ };

/* How far the last element of the kernel is from the first, in steps of the stride. */
static int64_t steps_to_last(const nn_axis *a) {
    return a->dilation * (a->kernel - 1) / a->stride;
}

static int64_t n_elements(const nn_depthwise *d) {
    return d->f.kernel * d->t.kernel;
}

static int64_t n_parts(const nn_depthwise *d) {
    return d->f.stride * d->t.stride;
}

nn_depthwise nn_depthwise_make(nn_axis f, nn_axis t) {
    nn_depthwise d = {.f = f, .t = t};
    d.height = f.out + steps_to_last(&f);
    d.width = t.out + steps_to_last(&t);
    d.reach = steps_to_last(&f) * d.width + steps_to_last(&t);
    d.part_floats = nn_whole_lines(d.height * d.width + steps_to_last(&t) + NN_LINE);
    int64_t n_floats = (n_parts(&d) + 2) * d.part_floats + nn_whole_lines(d.reach);
    d.n_scratch = n_floats + nn_whole_lines(3 * n_elements(&d));
    return d;
}

typedef struct {
    float *parts;    /* [sf st] of part_floats: the spread x */
    float *rows;     /* y or dy in rows as wide as a part's; before dy lie zeros, `reach` or more */
    float *dpart;    /* the gradient of one part */
    int64_t *offset; /* [elements] */
    float *weight;   /* [elements] */
} workspace;

static workspace cut(const nn_depthwise *d, float *scratch) {
    workspace w = {.offset = (int64_t *)(void *)scratch};
    w.weight = scratch + 2 * n_elements(d);
    w.parts = scratch + nn_whole_lines(3 * n_elements(d));
    w.dpart = w.parts + n_parts(d) * d->part_floats;
    w.rows = w.dpart + d->part_floats + nn_whole_lines(d->reach);
    return w;
}

static int64_t part_of(const nn_depthwise *d, int64_t element) {
    int64_t f = element / d->t.kernel * d->f.dilation, t = element % d->t.kernel * d->t.dilation;
    return f % d->f.stride * d->t.stride + t % d->t.stride;
}

static int64_t shift_of(const nn_depthwise *d, int64_t element) {
    int64_t f = element / d->t.kernel * d->f.dilation, t = element % d->t.kernel * d->t.dilation;
    return f / d->f.stride * d->width + t / d->t.stride;
}

static void clear(float *x, int64_t n) {
    memset(x, 0, (size_t)n * sizeof *x);
}

static nn_axis_span rows_of(const nn_depthwise *d, int64_t part) {
    return nn_axis_span_of(&d->f, part / d->t.stride - d->f.before, d->height);
}

static nn_axis_span columns_of(const nn_depthwise *d, int64_t part) {
    return nn_axis_span_of(&d->t, part % d->t.stride - d->t.before, d->width);
}

/* Where the span's first position of a row of a part lies in x. */
static int64_t place_in(const nn_depthwise *d, nn_axis_span f, nn_axis_span t, int64_t row) {
    return (row * d->f.stride + f.origin) * d->t.in + t.first * d->t.stride + t.origin;
}

static void spread(const nn_depthwise *d, const float *x, float *parts) {
    for (int64_t part = 0; part < n_parts(d); part++, parts += d->part_floats) {
        nn_axis_span f = rows_of(d, part), t = columns_of(d, part);
        clear(parts, f.first * d->width);
        for (int64_t row = f.first; row < f.end; row++) {
            float *to = parts + row * d->width;
            clear(to, t.first);
            nn_strided_gather(x + place_in(d, f, t, row), d->t.stride, to + t.first,
                              t.end - t.first);
            clear(to + t.end, d->width - t.end);
        }
        clear(parts + f.end * d->width, d->part_floats - f.end * d->width);
    }
}

void nn_depthwise_forward(const nn_depthwise *d, const nn_depthwise_plane *at, float *scratch) {
    workspace w = cut(d, scratch);
    int64_t n = nn_whole_lines(d->f.out * d->width);
    spread(d, at->x, w.parts);
    for (int64_t i = 0; i < n_elements(d); i++) {
        w.offset[i] = part_of(d, i) * d->part_floats + shift_of(d, i);
    }
    for (int64_t i = 0; i < n; i++) w.rows[i] = at->bias;
    nn_taps taps = {.n = n_elements(d), .offset = w.offset, .weight = at->weight};
    nn_kernels()->correlate(&taps, w.parts, w.rows, n);
    for (int64_t row = 0; row < d->f.out; row++) {
        memcpy(at->y + row * d->t.out, w.rows + row * d->width, (size_t)d->t.out * sizeof *at->y);
    }
}

/* dy in wide rows, zeros between and around them. */
static void widen(const nn_depthwise *d, const float *dy, float *rows) {
    int64_t n = d->f.out * d->width;
    clear(rows - d->reach, d->reach);
    for (int64_t row = 0; row < d->f.out; row++) {
        memcpy(rows + row * d->width, dy + row * d->t.out, (size_t)d->t.out * sizeof *rows);
        clear(rows + row * d->width + d->t.out, d->width - d->t.out);
    }
    clear(rows + n, d->part_floats - n);
}

static void backward_weight(const nn_depthwise *d, const nn_depthwise_gradient *at,
                            const workspace *w) {
    int64_t n = d->f.out * d->width;
    for (int64_t begin = 0; begin < n; begin += CHUNK) {
        int64_t size = nn_min(n - begin, CHUNK);
        for (int64_t i = 0; i < n_elements(d); i++) {
            const float *x = w->parts + part_of(d, i) * d->part_floats + shift_of(d, i);
            at->dweight[i * at->dweight_step] +=
                nn_kernels()->dot(w->rows + begin, x + begin, size);
        }
    }
}

/* One part's gradient, added to its places in dx. */
static void backward_part(const nn_depthwise *d, const nn_depthwise_gradient *at, int64_t part,
                          const workspace *w) {
    nn_axis_span f = rows_of(d, part), t = columns_of(d, part);
    nn_taps taps = {.offset = w->offset, .weight = w->weight};
    for (int64_t i = 0; i < n_elements(d); i++) {
        if (part_of(d, i) != part) continue;
        w->offset[taps.n] = -shift_of(d, i);
        w->weight[taps.n++] = at->weight[i];
    }
    int64_t n = nn_whole_lines(d->height * d->width);
    clear(w->dpart, n);
    nn_kernels()->correlate(&taps, w->rows, w->dpart, n);
    for (int64_t row = f.first; row < f.end; row++) {
        nn_strided_add(w->dpart + row * d->width + t.first, t.end - t.first,
                       at->dx + place_in(d, f, t, row), d->t.stride);
    }
}

void nn_depthwise_backward(const nn_depthwise *d, const nn_depthwise_gradient *at, float *scratch) {
    workspace w = cut(d, scratch);
    spread(d, at->x, w.parts);
    widen(d, at->dy, w.rows);
    backward_weight(d, at, &w);
    for (int64_t part = 0; part < n_parts(d) && at->dx != NULL; part++) {
        backward_part(d, at, part, &w);
    }
}
