#include "nn/convolution.h"

#include <string.h>

/* Of planes that a block reads: a quarter, or half, of a usual second cache. */
enum { FORWARD_FLOATS = 56 * 1024, BACKWARD_FLOATS = 112 * 1024 };
enum { CHUNK = 512 /* places whose products are added to the weights' gradient at a time */ };
enum { MIN_SHARED_MACS = 1 << 18 /* a sample of more is cut for two threads */ };
enum { MAX_OFFSET = 1 << 30 };
/* With fewer products per output, or fewer channels, what is not products costs more. */
enum { MIN_K = 32, MIN_OUT = 16 };

static int64_t at_least(int64_t x, int64_t least) {
    return x > least ? x : least;
}

static int64_t at_most(int64_t x, int64_t most) {
    return x < most ? x : most;
}

static int64_t round_up(int64_t n, int64_t unit) {
    return (n + unit - 1) / unit * unit;
}

/* ------------------------------------------------------------------ geometry */

static int64_t n_phases(const nn_convolution *c) {
    return c->f.stride * c->t.stride;
}

static int64_t n_elements(const nn_convolution *c) {
    return c->f.kernel * c->t.kernel;
}

/* Places by which the kernel's last element reads further than its first. */
static int64_t reach(const nn_axis *a) {
    return (a->kernel - 1) * a->dilation / a->stride;
}

/* The last place of the padded input, counted in steps of the stride. */
static int64_t last_place(const nn_axis *a) {
    return (a->in - 1 + a->before) / a->stride;
}

/* Rows of the padded input that the backward pass walks over. */
static int64_t turn_extent(const nn_convolution *c) {
    return at_least(last_place(&c->f) + 1, c->f.out);
}

/* Numbers of a block's planes: rows and those that the kernel reaches over. */
static int64_t plane_rows(const nn_convolution *c, int64_t rows) {
    return rows + c->lead_f;
}

static int64_t x_floats(const nn_convolution *c, int64_t rows, int64_t pitch) {
    return c->in * n_phases(c) * plane_rows(c, rows) * pitch;
}

static int64_t dy_floats(const nn_convolution *c, int64_t rows) {
    return c->out * plane_rows(c, rows) * c->turn_pitch;
}

/* Rows of a block such that its planes have about `floats` numbers, all blocks nearly alike. */
static int64_t cut_rows(int64_t extent, int64_t floats_per_row, int64_t floats, int64_t least) {
    int64_t n = (extent * floats_per_row + floats - 1) / floats;
    n = at_most(at_least(n, least), extent);
    return (extent + n - 1) / n;
}

static void cut_forward(nn_convolution *c) {
    int64_t macs = c->out * c->k * c->f.out * c->t.out;
    c->rows = cut_rows(c->f.out, x_floats(c, 1, c->pitch) - x_floats(c, 0, c->pitch),
                       FORWARD_FLOATS, macs > MIN_SHARED_MACS ? 2 : 1);
    c->n_blocks = (c->f.out + c->rows - 1) / c->rows;
    c->in_place = c->f.stride == 1 && c->t.stride == 1 && c->f.before == 0 && c->t.before == 0 &&
                  c->f.out + c->lead_f == c->f.in && c->pitch == c->t.in;
    int64_t last = c->f.out - (c->n_blocks - 1) * c->rows; /* rows of the shortest block */
    if ((last - 1) * c->pitch + c->t.out < NN_MAX_TAPS_BLOCK) c->in_place = false;
    int64_t planes = c->in_place ? 0 : x_floats(c, c->rows, c->pitch) + NN_MAX_TAPS_BLOCK;
    c->n_worker_forward = round_up(planes, NN_LANES) + c->out * NN_MAX_TAPS_BLOCK;
    c->n_shared_forward = round_up(c->k, NN_LANES);
}

static void cut_backward(nn_convolution *c) {
    c->turn_pitch = at_least(c->pitch, c->lead_t + last_place(&c->t) + 1);
    int64_t per_row = c->in * n_phases(c) * c->turn_pitch + c->out * c->turn_pitch;
    c->turn_rows = cut_rows(turn_extent(c), per_row, BACKWARD_FLOATS, 1);
    c->grad_pitch = round_up(c->out, NN_LANES);
    c->n_worker_backward =
        round_up(x_floats(c, c->turn_rows, c->turn_pitch) + NN_MAX_TAPS_BLOCK, NN_LANES) +
        round_up(dy_floats(c, c->turn_rows) + NN_MAX_TAPS_BLOCK + CHUNK, NN_LANES) +
        round_up(CHUNK * c->out + NN_LANES, NN_LANES) + c->in * NN_MAX_TAPS_BLOCK;
    /* Offsets of x, and for all phases together offsets of dy and the weights turned. */
    c->n_shared_backward =
        round_up(c->k, NN_LANES) + round_up(c->out * n_elements(c), NN_LANES) + c->out * c->k;
}

nn_convolution nn_convolution_make(nn_axis f, nn_axis t, int64_t in, int64_t out) {
    nn_convolution c = {.f = f, .t = t, .in = in, .out = out, .k = in * f.kernel * t.kernel};
    c.lead_f = reach(&f);
    c.lead_t = reach(&t);
    c.pitch = t.out + c.lead_t;
    cut_forward(&c);
    cut_backward(&c);
    return c;
}

bool nn_convolution_fits(const nn_convolution *c) {
    if (c->k < MIN_K || c->out < MIN_OUT) return false;
    if (c->in * c->f.in * c->t.in >= MAX_OFFSET || c->n_worker_backward >= MAX_OFFSET) return false;
    int64_t places = round_up((c->rows - 1) * c->pitch + c->t.out, NN_MAX_TAPS_BLOCK);
    return 2 * c->f.out * c->t.out >= c->n_blocks * places;
}

/* ------------------------------------------------------------------ planes */

/* A row of a phase, [pitch]: every stride-th input from `phase` on, with zeros around it. */
static void copy_row(const nn_axis *t, int64_t phase, int64_t pitch, const float *x, float *row) {
    int64_t origin = phase - t->before, first = 0;
    if (origin < 0) first = (-origin + t->stride - 1) / t->stride;
    int64_t end = origin < t->in ? (t->in - origin + t->stride - 1) / t->stride : 0;
    first = at_most(first, pitch);
    end = at_least(at_most(end, pitch), first);
    memset(row, 0, (size_t)first * sizeof *row);
    const float *from = x + origin + first * t->stride;
    if (t->stride == 1) {
        memcpy(row + first, from, (size_t)(end - first) * sizeof *row);
    } else {
        for (int64_t i = first; i < end; i++) row[i] = from[(i - first) * t->stride];
    }
    memset(row + end, 0, (size_t)(pitch - end) * sizeof *row);
}

/* The planes [in, phases, rows + lead, pitch] that output rows from `first` on read. */
static void lay_out_x(const nn_convolution *c, const float *x, int64_t first, int64_t rows,
                      int64_t pitch, float *planes) {
    int64_t n = plane_rows(c, rows);
    for (int64_t i = 0; i < c->in * n_phases(c); i++) {
        const float *plane = x + i / n_phases(c) * c->f.in * c->t.in;
        int64_t phase = i % n_phases(c), phase_f = phase / c->t.stride,
                phase_t = phase % c->t.stride;
        for (int64_t r = 0; r < n; r++) {
            float *row = planes + (i * n + r) * pitch;
            int64_t from = (first + r) * c->f.stride + phase_f - c->f.before;
            if (from >= 0 && from < c->f.in) {
                copy_row(&c->t, phase_t, pitch, plane + from * c->t.in, row);
            } else {
                memset(row, 0, (size_t)pitch * sizeof *row);
            }
        }
    }
}

/* Where each element of the kernel reads in planes of that size, relative to the output's place. */
static void place_x(const nn_convolution *c, int64_t plane, int64_t pitch, int32_t *offset) {
    for (int64_t i = 0; i < c->k; i++) {
        int64_t channel = i / n_elements(c), e = i % n_elements(c);
        int64_t f = e / c->t.kernel * c->f.dilation, t = e % c->t.kernel * c->t.dilation;
        int64_t phase = f % c->f.stride * c->t.stride + t % c->t.stride;
        offset[i] = (int32_t)((channel * n_phases(c) + phase) * plane + f / c->f.stride * pitch +
                              t / c->t.stride);
    }
}

/* The planes [out, rows + lead, turn_pitch] of output rows from `first` - lead on, the first lead
 * columns zero. */
static void lay_out_dy(const nn_convolution *c, const float *dy, int64_t first, int64_t rows,
                       float *planes) {
    int64_t n = plane_rows(c, rows), rest = c->turn_pitch - c->lead_t - c->t.out;
    for (int64_t i = 0; i < c->out * n; i++) {
        float *row = planes + i * c->turn_pitch;
        int64_t from = first - c->lead_f + i % n;
        if (from < 0 || from >= c->f.out) {
            memset(row, 0, (size_t)c->turn_pitch * sizeof *row);
            continue;
        }
        memset(row, 0, (size_t)c->lead_t * sizeof *row);
        memcpy(row + c->lead_t, dy + (i / n * c->f.out + from) * c->t.out,
               (size_t)c->t.out * sizeof *row);
        memset(row + c->lead_t + c->t.out, 0, (size_t)rest * sizeof *row);
    }
}

/* ------------------------------------------------------------------ blocks of places */

/* Rows of places that are computed, and where their numbers go. */
typedef struct {
    const float *weight; /* [n_channels, n_terms] */
    int64_t n_channels, n_terms;
    const int32_t *offset; /* [n_terms] */
    const float *planes;
    int64_t pitch;
    int64_t start, n_f, n_t; /* the first place; rows and columns */
    bool bounded;            /* nothing may be read behind the last place */
    const float *bias;
    float *y;
    int64_t y_pitch, step_f, step_t; /* floats between channels, rows, columns of y */
    float *block;
} place_job;

/* The pieces of rows among the block's places, counted from the first. */
static void cut_pieces(const place_job *job, int64_t begin, int64_t block, nn_taps_store *store) {
    int64_t last = at_most(begin + block, (job->n_f - 1) * job->pitch + job->n_t);
    store->n_pieces = 0;
    for (int64_t row = begin / job->pitch; row * job->pitch < last; row++) {
        int64_t from = at_least(begin, row * job->pitch);
        int64_t end = at_most(last, row * job->pitch + job->n_t);
        if (from >= end) continue;
        int i = store->n_pieces++;
        store->piece[i].from = (int)(from - begin);
        store->piece[i].n = (int)(end - from);
        store->piece[i].to = row * job->step_f + (from - row * job->pitch) * job->step_t;
    }
}

static void store_apart(const nn_taps_store *store, int64_t block, int64_t step) {
    for (int64_t r = 0; r < store->n_rows; r++) {
        for (int i = 0; i < store->n_pieces; i++) {
            const float *c = store->c + r * block + store->piece[i].from;
            float *y = store->y + r * store->y_pitch + store->piece[i].to;
            for (int j = 0; j < store->piece[i].n; j++) y[j * step] = c[j];
        }
    }
}

static void run_places(const place_job *job) {
    const nn_kernels_table *kernels = nn_kernels();
    int64_t block = kernels->taps_block, n = (job->n_f - 1) * job->pitch + job->n_t;
    nn_taps_store store = {.n_rows = job->n_channels,
                           .y_pitch = job->y_pitch,
                           .c = job->block,
                           .bias = job->bias,
                           .y = job->y};
    for (int64_t i = 0; i < n; i += block) {
        int64_t begin = job->bounded ? at_most(i, n - block) : i; /* the last one overlaps */
        kernels->multiply_taps(&(nn_taps_product){.n_rows = job->n_channels,
                                                  .n_terms = job->n_terms,
                                                  .a = job->weight,
                                                  .a_pitch = job->n_terms,
                                                  .b = job->planes + job->start + begin,
                                                  .offset = job->offset,
                                                  .c = job->block});
        cut_pieces(job, begin, block, &store);
        if (job->step_t == 1) {
            kernels->store_taps(&store);
        } else {
            store_apart(&store, block, job->step_t);
        }
    }
}

/* ------------------------------------------------------------------ forward */

void nn_convolution_begin_forward(const nn_convolution *c, float *shared) {
    int64_t plane = c->in_place ? c->f.in * c->t.in : plane_rows(c, c->rows) * c->pitch;
    place_x(c, plane, c->pitch, (int32_t *)(void *)shared);
}

void nn_convolution_forward(const nn_convolution *c, const nn_convolution_sample *at, int64_t block,
                            int64_t *first, int64_t *end) {
    *first = block * c->rows;
    *end = at_most(*first + c->rows, c->f.out);
    const float *planes = at->x + *first * c->t.in;
    float *scratch = at->scratch;
    if (!c->in_place) {
        /* A short last block is laid out as the others are: offsets hold for all. */
        lay_out_x(c, at->x, *first, c->rows, c->pitch, scratch);
        planes = scratch;
        scratch += round_up(x_floats(c, c->rows, c->pitch) + NN_MAX_TAPS_BLOCK, NN_LANES);
    }
    run_places(&(place_job){.weight = at->weight,
                            .n_channels = c->out,
                            .n_terms = c->k,
                            .offset = (const int32_t *)(const void *)at->shared,
                            .planes = planes,
                            .pitch = c->pitch,
                            .n_f = *end - *first,
                            .n_t = c->t.out,
                            .bounded = c->in_place,
                            .bias = at->bias,
                            .y = at->y + *first * c->t.out,
                            .y_pitch = c->f.out * c->t.out,
                            .step_f = c->t.out,
                            .step_t = 1,
                            .block = scratch});
}

/* ------------------------------------------------------------------ backward */

/* What begin_backward makes. */
typedef struct {
    int32_t *x_offset;  /* [k] */
    int32_t *dy_offset; /* for each phase [out * its elements] */
    float *turned;      /* for each phase [in, out * its elements] */
} turned_parts;

static turned_parts parts_of(const nn_convolution *c, const float *shared) {
    float *at = (float *)shared; /* written by begin_backward alone */
    turned_parts parts = {.x_offset = (int32_t *)(void *)at};
    at += round_up(c->k, NN_LANES);
    parts.dy_offset = (int32_t *)(void *)at;
    parts.turned = at + round_up(c->out * n_elements(c), NN_LANES);
    return parts;
}

/* The elements of an axis that reach inputs of a phase: from the first on, every `step`-th. */
typedef struct {
    int64_t first, step, n;
} element_run;

static element_run elements_of(const nn_axis *a, int64_t phase) {
    element_run run = {.step = a->kernel};
    for (int64_t e = 0; e < a->kernel; e++) {
        if (e * a->dilation % a->stride != phase) continue;
        if (run.n == 0) run.first = e;
        if (run.n == 1) run.step = e - run.first;
        run.n++;
    }
    return run;
}

/* Element `number` of an axis reads dy this many places before the input's. */
static int64_t places_back(const nn_axis *a, int64_t element) {
    return element * a->dilation / a->stride;
}

static void turn_phase(const nn_convolution *c, const float *weight, const element_run *f,
                       const element_run *t, int32_t *offset, float *turned) {
    int64_t plane = plane_rows(c, c->turn_rows) * c->turn_pitch, n = f->n * t->n;
    for (int64_t i = 0; i < c->out * n; i++) {
        int64_t ef = f->first + i % n / t->n * f->step, et = t->first + i % n % t->n * t->step;
        offset[i] = (int32_t)(i / n * plane + (c->lead_f - places_back(&c->f, ef)) * c->turn_pitch +
                              c->lead_t - places_back(&c->t, et));
        const float *from = weight + i / n * c->k + ef * c->t.kernel + et;
        for (int64_t ch = 0; ch < c->in; ch++) {
            turned[ch * c->out * n + i] = from[ch * n_elements(c)];
        }
    }
}

void nn_convolution_begin_backward(const nn_convolution *c, const float *weight, float *shared) {
    turned_parts parts = parts_of(c, shared);
    place_x(c, plane_rows(c, c->turn_rows) * c->turn_pitch, c->turn_pitch, parts.x_offset);
    for (int64_t phase = 0; phase < n_phases(c); phase++) {
        element_run f = elements_of(&c->f, phase / c->t.stride);
        element_run t = elements_of(&c->t, phase % c->t.stride);
        turn_phase(c, weight, &f, &t, parts.dy_offset, parts.turned);
        parts.dy_offset += c->out * f.n * t.n;
        parts.turned += c->in * c->out * f.n * t.n;
    }
}

/* Places [first, end) of an axis, cut to the block [begin, stop), that are inputs of a phase. */
static void phase_places(const nn_axis *a, int64_t phase, int64_t *first, int64_t *end) {
    int64_t begin = a->before - phase, stop = a->in - 1 + a->before - phase;
    begin = begin > 0 ? (begin + a->stride - 1) / a->stride : 0;
    stop = stop >= 0 ? stop / a->stride + 1 : 0;
    *first = at_least(*first, begin);
    *end = at_most(*end, stop);
}

/* dx of the padded input's rows [first, end), from the planes of dy. */
static void backward_x(const nn_convolution *c, const nn_convolution_sample *at, int64_t first,
                       int64_t end, const float *planes, float *block) {
    turned_parts parts = parts_of(c, at->shared);
    for (int64_t phase = 0; phase < n_phases(c); phase++) {
        int64_t phase_f = phase / c->t.stride, phase_t = phase % c->t.stride;
        int64_t f0 = first, f1 = end, t0 = 0, t1 = c->turn_pitch;
        phase_places(&c->f, phase_f, &f0, &f1);
        phase_places(&c->t, phase_t, &t0, &t1);
        int64_t n = elements_of(&c->f, phase_f).n * elements_of(&c->t, phase_t).n;
        int64_t row = f0 * c->f.stride + phase_f - c->f.before;
        int64_t column = t0 * c->t.stride + phase_t - c->t.before;
        if (f0 < f1 && t0 < t1) {
            run_places(&(place_job){.weight = parts.turned,
                                    .n_channels = c->in,
                                    .n_terms = c->out * n,
                                    .offset = parts.dy_offset,
                                    .planes = planes,
                                    .pitch = c->turn_pitch,
                                    .start = (f0 - first) * c->turn_pitch + t0,
                                    .n_f = f1 - f0,
                                    .n_t = t1 - t0,
                                    .y = at->dx + row * c->t.in + column,
                                    .y_pitch = c->f.in * c->t.in,
                                    .step_f = c->f.stride * c->t.in,
                                    .step_t = c->t.stride,
                                    .block = block});
        }
        parts.dy_offset += c->out * n;
        parts.turned += c->in * c->out * n;
    }
}

/* Adds what output rows [first, end) say of the weights. */
static void backward_weight(const nn_convolution *c, const nn_convolution_sample *at, int64_t first,
                            int64_t end, const float *dy_planes, float *x_planes, float *turned) {
    const nn_kernels_table *kernels = nn_kernels();
    int64_t n = (end - first - 1) * c->turn_pitch + c->t.out;
    int64_t plane = plane_rows(c, c->turn_rows) * c->turn_pitch;
    const float *dy = dy_planes + c->lead_f * c->turn_pitch + c->lead_t;
    lay_out_x(c, at->x, first, c->turn_rows, c->turn_pitch, x_planes);
    for (int64_t i = 0; i < n; i += CHUNK) {
        int64_t places = at_most(CHUNK, n - i);
        kernels->transpose(dy + i, plane, c->out, places, turned);
        kernels->multiply_positions(
            &(nn_positions_product){.n_rows = c->k,
                                    .n_terms = places,
                                    .n_columns = c->out,
                                    .a = x_planes + i,
                                    .offset = parts_of(c, at->shared).x_offset,
                                    .b = turned,
                                    .b_pitch = c->out,
                                    .c = at->dweight,
                                    .c_pitch = c->grad_pitch});
    }
}

void nn_convolution_backward(const nn_convolution *c, const nn_convolution_sample *at) {
    float *x_planes = at->scratch;
    float *dy_planes =
        x_planes + round_up(x_floats(c, c->turn_rows, c->turn_pitch) + NN_MAX_TAPS_BLOCK, NN_LANES);
    float *turned =
        dy_planes + round_up(dy_floats(c, c->turn_rows) + NN_MAX_TAPS_BLOCK + CHUNK, NN_LANES);
    float *block = turned + round_up(CHUNK * c->out + NN_LANES, NN_LANES);
    for (int64_t first = 0; first < turn_extent(c); first += c->turn_rows) {
        int64_t end = at_most(first + c->turn_rows, turn_extent(c));
        int64_t end_y = at_most(end, c->f.out);
        lay_out_dy(c, at->dy, first, c->turn_rows, dy_planes);
        if (first < end_y) backward_weight(c, at, first, end_y, dy_planes, x_planes, turned);
        if (at->dx != NULL) backward_x(c, at, first, end, dy_planes, block);
    }
}
