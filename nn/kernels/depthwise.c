/* A plane is spread: padded with zeros and sorted into sf st parts by the remainders of its
 * coordinates to the strides, so that each element of the kernel reads a part in steps of one. As y
 * gets rows as wide as a part's, element (k, l) needs nothing but the part, shifted by
 * (k df / sf) width + l dt / st floats; what comes out between the rows is dropped. The gradients
 * go the same way: that of an element is the product of dy with its shifted part, and a part's is
 * the sum of dy shifted back, where the zeros between the rows of dy stand for the padding.
 *
 * All this is done strip by strip: some rows of the parts, and those that the kernel reaches from
 * there, stay in the L1 cache. */
#include "nn/kernels/depthwise.h"

#include <string.h>

enum { STRIP_FLOATS = 8 * 1024 /* that stay in the L1 cache, or nearly */, MIN_STRIP = 4 };

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
    nn_depthwise d = {.f = f, .t = t, .reach_f = steps_to_last(&f)};
    d.height = f.out + d.reach_f;
    d.width = t.out + steps_to_last(&t);
    d.reach = d.reach_f * d.width + steps_to_last(&t);
    d.strip = nn_max(STRIP_FLOATS / ((n_parts(&d) + 2) * d.width), MIN_STRIP);
    d.strip = nn_min(d.strip, d.height);
    d.part_floats = nn_whole_lines(d.strip * d.width + d.reach + NN_LINE);
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

/* A strip's rows [begin, end) of the parts. */
typedef struct {
    int64_t begin, end;
} strip_rows;

static strip_rows strip_at(const nn_depthwise *d, int64_t begin, int64_t height) {
    return (strip_rows){begin, nn_min(begin + d->strip, height)};
}

/* The rows that the kernel reaches from a strip. */
static void spread(const nn_depthwise *d, const float *x, strip_rows strip, float *parts) {
    int64_t end = strip.end + d->reach_f;
    for (int64_t part = 0; part < n_parts(d); part++, parts += d->part_floats) {
        nn_axis_span f = rows_of(d, part), t = columns_of(d, part);
        int64_t first = nn_min(nn_max(f.first, strip.begin), end);
        int64_t last = nn_max(nn_min(f.end, end), first);
        clear(parts, (first - strip.begin) * d->width);
        for (int64_t row = first; row < last; row++) {
            float *to = parts + (row - strip.begin) * d->width;
            clear(to, t.first);
            nn_strided_gather(x + place_in(d, f, t, row), d->t.stride, to + t.first,
                              t.end - t.first);
            clear(to + t.end, d->width - t.end);
        }
        int64_t n_done = (last - strip.begin) * d->width;
        clear(parts + n_done, d->part_floats - n_done);
    }
}

static void forward_strip(const nn_depthwise *d, const nn_depthwise_plane *at, strip_rows strip,
                          const workspace *w) {
    int64_t n = nn_whole_lines((strip.end - strip.begin) * d->width);
    spread(d, at->x, strip, w->parts);
    for (int64_t i = 0; i < n; i++) w->rows[i] = at->bias;
    nn_taps taps = {.n = n_elements(d), .offset = w->offset, .weight = at->weight};
    nn_kernels()->correlate(&taps, w->parts, w->rows, n);
    for (int64_t row = strip.begin; row < strip.end; row++) {
        memcpy(at->y + row * d->t.out, w->rows + (row - strip.begin) * d->width,
               (size_t)d->t.out * sizeof *at->y);
    }
}

void nn_depthwise_forward(const nn_depthwise *d, const nn_depthwise_plane *at, float *scratch) {
    workspace w = cut(d, scratch);
    for (int64_t i = 0; i < n_elements(d); i++) {
        w.offset[i] = part_of(d, i) * d->part_floats + shift_of(d, i);
    }
    for (int64_t begin = 0; begin < d->f.out; begin += d->strip) {
        forward_strip(d, at, strip_at(d, begin, d->f.out), &w);
    }
}

/* dy in wide rows, zeros between and around them: the strip's and, before, those that reach it. */
static void widen(const nn_depthwise *d, const float *dy, strip_rows strip, float *rows) {
    int64_t first = nn_max(strip.begin - d->reach_f, 0), last = nn_min(strip.end, d->f.out);
    float *from = rows + (first - strip.begin) * d->width;
    clear(rows - d->reach, from - (rows - d->reach));
    for (int64_t row = first; row < last; row++) {
        float *to = rows + (row - strip.begin) * d->width;
        memcpy(to, dy + row * d->t.out, (size_t)d->t.out * sizeof *rows);
        clear(to + d->t.out, d->width - d->t.out);
    }
    int64_t n_done = (nn_max(last, first) - strip.begin) * d->width;
    clear(rows + n_done, nn_whole_lines((strip.end - strip.begin) * d->width) - n_done);
}

static void backward_weight(const nn_depthwise *d, const nn_depthwise_gradient *at,
                            strip_rows strip, const workspace *w) {
    int64_t n = (nn_min(strip.end, d->f.out) - strip.begin) * d->width;
    for (int64_t i = 0; i < n_elements(d) && n > 0; i++) {
        const float *x = w->parts + part_of(d, i) * d->part_floats + shift_of(d, i);
        at->dweight[i * at->dweight_step] += nn_kernels()->dot(w->rows, x, n);
    }
}

/* A strip of one part's gradient, added to its places in dx. */
static void backward_part(const nn_depthwise *d, const nn_depthwise_gradient *at, int64_t part,
                          strip_rows strip, const workspace *w) {
    nn_axis_span f = rows_of(d, part), t = columns_of(d, part);
    nn_taps taps = {.offset = w->offset, .weight = w->weight};
    for (int64_t i = 0; i < n_elements(d); i++) {
        if (part_of(d, i) != part) continue;
        w->offset[taps.n] = -shift_of(d, i);
        w->weight[taps.n++] = at->weight[i];
    }
    int64_t n = nn_whole_lines((strip.end - strip.begin) * d->width);
    clear(w->dpart, n);
    nn_kernels()->correlate(&taps, w->rows, w->dpart, n);
    int64_t first = nn_max(f.first, strip.begin), last = nn_min(f.end, strip.end);
    for (int64_t row = first; row < last; row++) {
        nn_strided_add(w->dpart + (row - strip.begin) * d->width + t.first, t.end - t.first,
                       at->dx + place_in(d, f, t, row), d->t.stride);
    }
}

void nn_depthwise_backward(const nn_depthwise *d, const nn_depthwise_gradient *at, float *scratch) {
    workspace w = cut(d, scratch);
    for (int64_t begin = 0; begin < d->height; begin += d->strip) {
        strip_rows strip = strip_at(d, begin, d->height);
        spread(d, at->x, strip, w.parts);
        widen(d, at->dy, strip, w.rows);
        backward_weight(d, at, strip, &w);
        for (int64_t part = 0; part < n_parts(d) && at->dx != NULL; part++) {
            backward_part(d, at, part, strip, &w);
        }
    }
}
