#include "nn/kernels/axis.h"

#include <string.h>

enum { MAX_EXTENT = 1 << 20 };

/* Positions before and after so that the output has ceil(in / stride) of them; the odd one comes
 * after. */
static void pad_same(nn_axis *axis) {
    int64_t out = nn_ceil_div(axis->in, axis->stride);
    int64_t span = axis->dilation * (axis->kernel - 1) + 1;
    int64_t total = (out - 1) * axis->stride + span - axis->in;
    if (total < 0) total = 0;
    axis->before = total / 2;
    axis->after = total - total / 2;
}

static void pad_half(nn_axis *axis) {
    axis->before = axis->after = axis->dilation * (axis->kernel - 1) / 2;
}

bool nn_set_padding(const base_strings *pad, nn_axis *f, nn_axis *t) {
    if (pad->n == 1 && strcmp(pad->items[0], "same") == 0) {
        pad_same(f);
        pad_same(t);
        return true;
    }
    if (pad->n == 1 && strcmp(pad->items[0], "half") == 0) {
        pad_half(f);
        pad_half(t);
        return true;
    }
    static const int places[5][4] = {{0}, {0, 0, 0, 0}, {0, 0, 1, 1}, {0}, {0, 1, 2, 3}};
    if (pad->n != 1 && pad->n != 2 && pad->n != 4) return false;
    int64_t value[4];
    for (int i = 0; i < pad->n; i++) {
        if (!base_parse_int(pad->items[i], &value[i])) return false;
        if (value[i] < 0 || value[i] > MAX_EXTENT) return false;
    }
    const int *place = places[pad->n];
    f->before = value[place[0]];
    f->after = value[place[1]];
    t->before = value[place[2]];
    t->after = value[place[3]];
    return true;
}

base_status nn_check_padding(const base_strings *pad, base_error *err) {
    nn_axis ignored[2] = {{.in = 1, .kernel = 1, .stride = 1, .dilation = 1},
                          {.in = 1, .kernel = 1, .stride = 1, .dilation = 1}};
    if (nn_set_padding(pad, &ignored[0], &ignored[1])) return BASE_OK;
    return base_fail(
        err, BASE_ECONFIG,
        "pad takes 'same', 'half', one number, [frequency, time] or [frequency before, "
        "after, time before, after]");
}

void nn_axis_pads(const nn_axis *f, const nn_axis *t, int64_t pads[4]) {
    pads[0] = f->before;
    pads[1] = t->before;
    pads[2] = f->after;
    pads[3] = t->after;
}

int64_t nn_axis_extent(const nn_axis *a, int64_t n) {
    int64_t span = a->dilation * (a->kernel - 1) + 1, room = n + a->before + a->after - span;
    return room < 0 ? 0 : room / a->stride + 1;
}

nn_axis_span nn_axis_span_of(const nn_axis *a, int64_t origin, int64_t n) {
    nn_axis_span span = {.origin = origin};
    span.end = nn_min(nn_ceil_div(nn_max(a->in - origin, 0), a->stride), n);
    span.first = nn_min(nn_ceil_div(nn_max(-origin, 0), a->stride), span.end);
    return span;
}

void nn_strided_gather(const float *x, int64_t stride, float *y, int64_t n) {
    if (stride == 1) {
        memcpy(y, x, (size_t)n * sizeof *y);
    } else if (stride == 2) {
        for (int64_t i = 0; i < n; i++) y[i] = x[2 * i];
    } else {
        for (int64_t i = 0; i < n; i++) y[i] = x[stride * i];
    }
}

void nn_strided_add(const float *y, int64_t n, float *x, int64_t stride) {
    if (stride == 1) {
        nn_kernels()->add(y, x, n);
    } else {
        for (int64_t i = 0; i < n; i++) x[stride * i] += y[i];
    }
}
