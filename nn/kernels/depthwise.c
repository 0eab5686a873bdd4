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

/* Floats of the tables that nn_depthwise_begin writes. */
static int64_t table_floats(const nn_depthwise *d) {
    return nn_whole_lines(6 * n_elements(d) + n_parts(d) + 1);
}

nn_depthwise nn_depthwise_make(nn_axis f, nn_axis t) {
    nn_depthwise d = {.f = f, .t = t, .reach_f = steps_to_last(&f)};
    d.height = f.out + d.reach_f;
    d.width = t.out + steps_to_last(&t);
    d.reach = d.reach_f * d.width + steps_to_last(&t);
    d.strip = nn_max(STRIP_FLOATS / ((n_parts(&d) + 2) * d.width), MIN_STRIP);
    d.strip = nn_min(d.strip, d.height);
    d.part_floats = nn_whole_lines(d.strip * d.width + d.reach + NN_LINE);
    d.covers = d.height * f.stride >= f.in + f.before && d.width * t.stride >= t.in + t.before;
    d.n_scratch = table_floats(&d) + (n_parts(&d) + 3) * d.part_floats + nn_whole_lines(d.reach);
    return d;
}

typedef struct {
    int64_t *offset;      /* [elements] in the parts */
    int64_t *back_offset; /* [elements] from a part to dy, sorted by part */
    int32_t *element;     /* [elements] numbers in the kernel, in the same order */
    int32_t *first;       /* [parts + 1] where the elements of each part begin in that order */
    float *weight;        /* [elements] in that order */
    float *parts;         /* [sf st] of part_floats: the spread x */
    float *rows;          /* dy in rows as wide as a part's; before it lie zeros, `reach` or more */
    float *dpart[2];      /* the gradients of parts */
} workspace;

static workspace cut(const nn_depthwise *d, float *scratch) {
    int64_t n = n_elements(d);
    workspace w = {.offset = (int64_t *)(void *)scratch};
    w.back_offset = w.offset + n;
    w.element = (int32_t *)(void *)(w.back_offset + n);
    w.weight = scratch + 5 * n;
    w.first = (int32_t *)(void *)(scratch + 6 * n);
    w.parts = scratch + table_floats(d);
    w.dpart[0] = w.parts + n_parts(d) * d->part_floats;
    w.dpart[1] = w.dpart[0] + d->part_floats;
    w.rows = w.dpart[1] + d->part_floats + nn_whole_lines(d->reach);
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

void nn_depthwise_begin(const nn_depthwise *d, float *scratch) {
    workspace w = cut(d, scratch);
    int32_t n = 0;
    for (int64_t i = 0; i < n_elements(d); i++) {
        w.offset[i] = part_of(d, i) * d->part_floats + shift_of(d, i);
    }
    for (int64_t part = 0; part < n_parts(d); part++) {
        w.first[part] = n;
        for (int64_t i = 0; i < n_elements(d); i++) {
            if (part_of(d, i) != part) continue;
            w.element[n] = (int32_t)i;
            w.back_offset[n++] = -shift_of(d, i);
        }
    }
    w.first[n_parts(d)] = n;
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

/* A strip's rows [begin, end) of the parts. */
typedef struct {
    int64_t begin, end;
} strip_rows;

static strip_rows strip_at(const nn_depthwise *d, int64_t begin, int64_t height) {
    return (strip_rows){begin, nn_min(begin + d->strip, height)};
}

/* One row of a part, for strides along time that have no vector kernel. */
static void gather_row(const nn_depthwise *d, const float *x, int64_t part, float *to) {
    nn_axis_span t = columns_of(d, part);
    clear(to, t.first);
    nn_strided_gather(x + t.first * d->t.stride + t.origin, d->t.stride, to + t.first,
                      t.end - t.first);
    clear(to + t.end, d->width - t.end);
}

/* Spreads n_rows rows of x over the parts of their remainder along frequency, from `part` on. */
static void spread_rows(const nn_depthwise *d, const float *x, int64_t n_rows, int64_t part,
                        float *to) {
    nn_padded_rows rows = {.n_rows = n_rows,
                           .n = d->t.in,
                           .before = d->t.before,
                           .x_step = d->f.stride * d->t.in,
                           .pitch = d->width};
    if (d->t.stride == 1) {
        nn_kernels()->pad(&rows, x, to);
    } else if (d->t.stride == 2) {
        nn_kernels()->deinterleave(&rows, x, to, to + d->part_floats);
    }
    for (int64_t i = 0; d->t.stride > 2 && i < n_rows * d->t.stride; i++) {
        int64_t row = i / d->t.stride, t = i % d->t.stride;
        gather_row(d, x + row * rows.x_step, part + t, to + t * d->part_floats + row * d->width);
    }
}

/* The rows that the kernel reaches from a strip. */
static void spread(const nn_depthwise *d, const float *x, strip_rows strip, float *parts) {
    int64_t end = strip.end + d->reach_f;
    for (int64_t part = 0; part < n_parts(d); part += d->t.stride) {
        nn_axis_span f = rows_of(d, part);
        int64_t first = nn_min(nn_max(f.first, strip.begin), end);
        int64_t last = nn_max(nn_min(f.end, end), first);
        int64_t before = (first - strip.begin) * d->width, done = (last - strip.begin) * d->width;
        float *to = parts + part * d->part_floats;
        const float *from = x + (first * d->f.stride + f.origin) * d->t.in;
        if (first < last) spread_rows(d, from, last - first, part, to + before);
        for (int64_t t = 0; t < d->t.stride; t++, to += d->part_floats) {
            clear(to, before);
            clear(to + done, d->part_floats - done);
        }
    }
}

void nn_depthwise_forward(const nn_depthwise *d, const nn_depthwise_plane *at, float *scratch) {
    workspace w = cut(d, scratch);
    nn_taps taps = {.n = n_elements(d), .offset = w.offset, .weight = at->weight};
    for (int64_t begin = 0; begin < d->f.out; begin += d->strip) {
        strip_rows strip = strip_at(d, begin, d->f.out);
        nn_correlation rows = {.n_rows = strip.end - begin,
                               .n = d->t.out,
                               .x_pitch = d->width,
                               .y_pitch = d->t.out,
                               .bias = at->bias};
        spread(d, at->x, strip, w.parts);
        nn_kernels()->correlate(&taps, &rows, w.parts, at->y + begin * d->t.out);
    }
}

/* dy in wide rows, zeros between and around them: the strip's and, before, those that reach it. */
static void widen(const nn_depthwise *d, const float *dy, strip_rows strip, float *rows) {
    int64_t first = nn_max(strip.begin - d->reach_f, 0), last = nn_min(strip.end, d->f.out);
    float *from = rows + (first - strip.begin) * d->width;
    nn_padded_rows wide = {
        .n_rows = nn_max(last - first, 0), .n = d->t.out, .x_step = d->t.out, .pitch = d->width};
    clear(rows - d->reach, from - (rows - d->reach));
    nn_kernels()->pad(&wide, dy + first * d->t.out, from);
    int64_t n_done = (nn_max(last, first) - strip.begin) * d->width;
    clear(rows + n_done, nn_whole_lines((strip.end - strip.begin) * d->width) - n_done);
}

/* Of TAPS elements of the kernel at a time. */
static void backward_weight(const nn_depthwise *d, const nn_depthwise_gradient *at,
                            strip_rows strip, const workspace *w) {
    enum { TAPS = 45 };
    float sum[TAPS];
    int64_t n = (nn_min(strip.end, d->f.out) - strip.begin) * d->width;
    for (int64_t first = 0; first < n_elements(d) && n > 0; first += TAPS) {
        nn_tap_dots dots = {.offset = w->offset + first,
                            .n_taps = nn_min(n_elements(d) - first, TAPS),
                            .n = nn_whole_lines(n),
                            .d = w->rows,
                            .x = w->parts};
        nn_kernels()->dot_taps(&dots, sum);
        float *dweight = at->dweight + first * at->dweight_step;
        for (int64_t i = 0; i < dots.n_taps; i++) dweight[i * at->dweight_step] += sum[i];
    }
}

/* The rows of dx with one remainder to the stride along frequency that a strip completes. */
typedef struct {
    int64_t part;        /* the first of their parts */
    int64_t row, n_rows; /* within the strip */
    float *dx;
    bool adds;
} gradient_rows;

/* Rows of a part's gradient: its elements of the kernel correlated with dy. */
static void correlate_part(const nn_depthwise *d, const workspace *w, int64_t part, const float *dy,
                           nn_correlation rows, float *y) {
    int32_t first = w->first[part];
    nn_taps taps = {.weight = w->weight + first,
                    .offset = w->back_offset + first,
                    .n = w->first[part + 1] - first};
    rows.x_pitch = d->width;
    nn_kernels()->correlate(&taps, &rows, dy, y);
}

static void backward_rows(const nn_depthwise *d, const workspace *w, const gradient_rows *g) {
    const float *dy = w->rows + g->row * d->width;
    nn_axis_span t = columns_of(d, g->part);
    nn_correlation rows = {.n_rows = g->n_rows,
                           .n = t.end - t.first,
                           .y_pitch = d->f.stride * d->t.in,
                           .adds = g->adds};
    correlate_part(d, w, g->part, dy + t.first, rows, g->dx + t.first + t.origin);
}

static void backward_pairs(const nn_depthwise *d, const workspace *w, const gradient_rows *g) {
    nn_correlation rows = {.n_rows = g->n_rows, .n = d->width, .y_pitch = d->width};
    nn_padded_rows pairs = {.n_rows = g->n_rows,
                            .n = nn_min(d->t.in, 2 * d->width - d->t.before),
                            .before = d->t.before,
                            .x_step = d->f.stride * d->t.in,
                            .pitch = d->width};
    for (int t = 0; t < 2; t++) {
        correlate_part(d, w, g->part + t, w->rows + g->row * d->width, rows, w->dpart[t]);
    }
    nn_kernels()->interleave(&pairs, w->dpart[0], w->dpart[1], g->adds, g->dx);
}

/* For any stride; adds to what dx holds. */
static void backward_apart(const nn_depthwise *d, const workspace *w, const gradient_rows *g) {
    nn_correlation rows = {.n_rows = g->n_rows, .n = d->width, .y_pitch = d->width};
    for (int64_t part = g->part; part < g->part + d->t.stride; part++) {
        nn_axis_span t = columns_of(d, part);
        correlate_part(d, w, part, w->rows + g->row * d->width, rows, w->dpart[0]);
        for (int64_t r = 0; r < g->n_rows; r++) {
            float *to = g->dx + r * d->f.stride * d->t.in + t.first * d->t.stride + t.origin;
            nn_strided_add(w->dpart[0] + r * d->width + t.first, t.end - t.first, to, d->t.stride);
        }
    }
}

static void backward_strip(const nn_depthwise *d, const workspace *w, strip_rows strip, float *dx,
                           bool adds) {
    for (int64_t part = 0; part < n_parts(d); part += d->t.stride) {
        nn_axis_span f = rows_of(d, part);
        int64_t first = nn_max(f.first, strip.begin), last = nn_min(f.end, strip.end);
        gradient_rows g = {.part = part,
                           .row = first - strip.begin,
                           .n_rows = last - first,
                           .dx = dx + (first * d->f.stride + f.origin) * d->t.in,
                           .adds = adds};
        if (first >= last) continue;
        if (d->t.stride == 1)
            backward_rows(d, w, &g);
        else if (d->t.stride == 2)
            backward_pairs(d, w, &g);
        else
            backward_apart(d, w, &g);
    }
}

void nn_depthwise_backward(const nn_depthwise *d, const nn_depthwise_gradient *at, float *scratch) {
    workspace w = cut(d, scratch);
    bool adds = at->adds || !d->covers || d->t.stride > 2;
    if (adds && !at->adds && at->dx != NULL) clear(at->dx, d->f.in * d->t.in);
    for (int64_t i = 0; i < n_elements(d); i++) w.weight[i] = at->weight[w.element[i]];
    for (int64_t begin = 0; begin < d->height; begin += d->strip) {
        strip_rows strip = strip_at(d, begin, d->height);
        spread(d, at->x, strip, w.parts);
        widen(d, at->dy, strip, w.rows);
        backward_weight(d, at, strip, &w);
        if (at->dx != NULL) backward_strip(d, &w, strip, at->dx, adds);
    }
}
