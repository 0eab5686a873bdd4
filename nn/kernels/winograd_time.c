#include "nn/kernels/winograd_time.h"

#include <string.h>

enum { KERNEL = 5, TILE = 4, ELEMENTS = TILE + KERNEL - 1 };
enum { ROWS = 32 /* output channels whose products stay in the cache with their weights */ };
/* Terms of a part of a sum, and parts of a sum. For the weights' gradient: places of a block, and
 * blocks that are summed before their sum is added to the rest. */
enum { MAX_PART = 32, MIN_PARTS = 4, MAX_PLACES = 96, SUMMED_BLOCKS = 12 };
/* Of the transformed inputs of a block, which with as much again fit into an L2 cache of 1 MiB. */
enum { BLOCK_FLOATS = 96 * 1024, GATHER_FLOATS = 160 * 1024, MIN_SHARED_MACS = 1 << 18 };
/* The time of a transform per element, in products; and the terms and channels below which the
 * transforms cost more than is won. */
enum { INPUT_COST = 12, OUTPUT_COST = 12, MIN_TERMS = 16, MIN_CHANNELS = 8 };

/* G: values of a kernel's polynomial at the points, scaled. */
static const double kernel_matrix[ELEMENTS][KERNEL] = {
    {1, 0, 0, 0, 0},
    {-2.0 / 9, -2.0 / 9, -2.0 / 9, -2.0 / 9, -2.0 / 9},
    {-2.0 / 9, 2.0 / 9, -2.0 / 9, 2.0 / 9, -2.0 / 9},
    {32.0 / 45, 16.0 / 45, 8.0 / 45, 4.0 / 45, 2.0 / 45},
    {32.0 / 45, -16.0 / 45, 8.0 / 45, -4.0 / 45, 2.0 / 45},
    {1.0 / 90, 2.0 / 90, 4.0 / 90, 8.0 / 90, 16.0 / 90},
    {1.0 / 90, -2.0 / 90, 4.0 / 90, -8.0 / 90, 16.0 / 90},
    {0, 0, 0, 0, 1}};

/* ------------------------------------------------------------------ geometry */

bool nn_winograd_time_can(const nn_axis *f, const nn_axis *t) {
    (void)f;
    return t->kernel == KERNEL && t->stride == 1 && t->dilation == 1;
}

static int64_t n_terms(const nn_winograd_time *w) {
    return w->in * w->f.kernel;
}

static int64_t n_planes(const nn_time_tiles *x) {
    return x->channels * x->f.stride;
}

/* Places of the padded input along frequency, counted in strides. */
static int64_t dx_extent(const nn_winograd_time *w) {
    return (w->f.in - 1 + w->f.before) / w->f.stride + 1;
}

/* An odd number of cache lines between elements: those of a tile are written together and should
 * not share lines of the L1 cache. */
static nn_time_tiles tiles_of(nn_axis f, nn_axis t, int64_t channels, int64_t rows) {
    nn_time_tiles x = {.f = f, .t = t, .channels = channels, .rows = rows};
    x.n_tiles = nn_ceil_div(t.out, TILE);
    x.pitch = nn_round_up(n_planes(&x) * rows * x.n_tiles + NN_MAX_TAPS_BLOCK, 2 * NN_LINE);
    x.pitch += NN_LINE;
    return x;
}

/* How dy is read: with zeros for the rows and columns before and after it. */
static nn_axis transposed_f(const nn_axis *f) {
    return (nn_axis){.in = f->out, .stride = 1, .before = nn_planes_reach(f)};
}

static nn_axis transposed_t(const nn_axis *t) {
    return (nn_axis){.in = t->out, .out = t->in, .stride = 1, .before = KERNEL - 1 - t->before};
}

/* Of a padded row, with room for what vectors read past its end. */
static int64_t row_floats(const nn_time_tiles *x) {
    return TILE * nn_round_up(x->n_tiles, NN_LANES) + NN_LANES;
}

static int64_t tiles_floats(const nn_time_tiles *x) {
    return row_floats(x) + ELEMENTS * x->pitch;
}

/* Of the products of up to ROWS of `out` channels, and of the offsets of their terms. */
static int64_t product_floats(int64_t out, int64_t terms) {
    int64_t rows = nn_min(out, ROWS);
    return nn_round_up(terms, NN_LANES) + rows * (ELEMENTS + TILE) * NN_MAX_TAPS_BLOCK;
}

/* Floats from one place of transformed dy to the next: not a power of two, so that the places of
 * one channel do not share lines of the L1 cache. */
static int64_t dy_pitch(const nn_winograd_time *w) {
    return w->sum_pitch + NN_LANES;
}

static int64_t gather_places(const nn_winograd_time *w) {
    return w->gather_rows * w->x.n_tiles;
}

static int64_t gather_floats(const nn_winograd_time *w) {
    return nn_round_up(n_terms(w), NN_LANES) + tiles_floats(&w->gathered_x) +
           TILE * w->x.n_tiles * w->out + NN_LANES + ELEMENTS * gather_places(w) * dy_pitch(w) +
           w->n_sum;
}

nn_winograd_time nn_winograd_time_make(nn_axis f, nn_axis t, int64_t in, int64_t out,
                                       int64_t unit) {
    nn_winograd_time w = {.f = f, .t = t, .in = in, .out = out};
    int64_t reach = nn_planes_reach(&f), macs = out * n_terms(&w) * KERNEL * f.out * t.out;
    int64_t x_row = ELEMENTS * in * f.stride * nn_ceil_div(t.out, TILE);
    int64_t dy_row = ELEMENTS * out * nn_ceil_div(t.in, TILE);
    int64_t gather_row = x_row + ELEMENTS * out * nn_ceil_div(t.out, TILE);
    w.block_rows = nn_planes_cut(f.out, x_row, BLOCK_FLOATS, macs > MIN_SHARED_MACS ? 2 : 1);
    if (unit > 0) w.block_rows = nn_round_up(w.block_rows, unit);
    w.n_blocks = nn_ceil_div(f.out, w.block_rows);
    w.dx_rows = nn_planes_cut(dx_extent(&w), dy_row, BLOCK_FLOATS, 1);
    w.gather_rows = nn_planes_cut(f.out, gather_row, GATHER_FLOATS, 1);
    w.gather_rows = nn_max(nn_min(w.gather_rows, MAX_PLACES / nn_ceil_div(t.out, TILE)), 1);
    w.x = tiles_of(f, t, in, w.block_rows + reach);
    w.gathered_x = tiles_of(f, t, in, w.gather_rows + reach);
    w.dy = tiles_of(transposed_f(&f), transposed_t(&t), out, w.dx_rows + reach);
    w.sum_pitch = nn_round_up(out, NN_LANES);
    w.n_sum = ELEMENTS * n_terms(&w) * w.sum_pitch;
    w.n_shared = ELEMENTS * out * n_terms(&w);
    w.n_forward = tiles_floats(&w.x) + product_floats(out, n_terms(&w));
    w.n_backward =
        nn_max(tiles_floats(&w.dy) + product_floats(in, out * f.kernel), gather_floats(&w));
    return w;
}

bool nn_winograd_time_fits(const nn_winograd_time *w) {
    if (n_terms(w) < MIN_TERMS || w->in < MIN_CHANNELS || w->out < MIN_CHANNELS) return false;
    int64_t read = n_planes(&w->x) * w->x.rows * w->n_blocks * w->x.n_tiles;
    int64_t written = w->out * w->f.out * w->x.n_tiles;
    int64_t cost = ELEMENTS * (written * (n_terms(w) + OUTPUT_COST) + read * INPUT_COST);
    return cost < w->out * n_terms(w) * KERNEL * w->f.out * w->t.out;
}

/* ------------------------------------------------------------------ weights */

/* The rows of a kernel that reach inputs of one phase of the stride: n rows, `step` apart. */
typedef struct {
    int64_t first, step, n;
} row_run;

static row_run rows_of(const nn_axis *f, int64_t phase) {
    row_run run = {.step = f->kernel};
    for (int64_t e = 0; e < f->kernel; e++) {
        if (e * f->dilation % f->stride != phase) continue;
        if (run.n == 0) run.first = e;
        if (run.n == 1) run.step = e - run.first;
        run.n++;
    }
    return run;
}

/* G g, or with `back` of g reversed, to elements `step` floats apart. */
static void transform_kernel(const float *g, bool back, float *to, int64_t step) {
    for (int e = 0; e < ELEMENTS; e++) {
        double sum = 0.0;
        for (int k = 0; k < KERNEL; k++) {
            sum += kernel_matrix[e][k] * (double)g[back ? KERNEL - 1 - k : k];
        }
        to[e * step] = (float)sum;
    }
}

/* [8, out, in kf] */
void nn_winograd_time_begin(const nn_winograd_time *w, const float *weight, float *shared) {
    int64_t n = w->out * n_terms(w);
    for (int64_t i = 0; i < n; i++) transform_kernel(weight + i * KERNEL, false, shared + i, n);
}

/* [8, in, out rows] for each phase */
void nn_winograd_time_begin_dx(const nn_winograd_time *w, const float *weight, float *shared) {
    for (int64_t phase = 0; phase < w->f.stride; phase++) {
        row_run rows = rows_of(&w->f, phase);
        int64_t terms = w->out * rows.n, n = w->in * terms;
        for (int64_t i = 0; i < n; i++) {
            int64_t c = i / terms, o = i % terms / rows.n, f = rows.first + i % rows.n * rows.step;
            const float *g = weight + (o * n_terms(w) + c * w->f.kernel + f) * KERNEL;
            transform_kernel(g, true, shared + i, n);
        }
        shared += ELEMENTS * n;
    }
}

void nn_winograd_time_add_gradient(const nn_winograd_time *w, const float *sum, float *dweight) {
    int64_t step = n_terms(w) * w->sum_pitch;
    for (int64_t i = 0; i < w->out * n_terms(w); i++) {
        const float *from = sum + i % n_terms(w) * w->sum_pitch + i / n_terms(w);
        for (int k = 0; k < KERNEL; k++) {
            double total = 0.0;
            for (int e = 0; e < ELEMENTS; e++) {
                total += kernel_matrix[e][k] * (double)from[e * step];
            }
            dweight[i * KERNEL + k] += (float)total;
        }
    }
}

/* ------------------------------------------------------------------ tiles */

/* Row by row: what a vector writes past the end of a row is overwritten by the next row. */
static void transform_plane(const nn_time_tiles *x, const float *plane, int64_t first, float *row,
                            float *to) {
    nn_axis_span there = nn_axis_span_of(&x->f, first, x->rows);
    nn_axis_span columns = nn_axis_span_of(&x->t, -x->t.before, TILE * x->n_tiles + KERNEL - 1);
    size_t bytes = (size_t)(columns.end - columns.first) * sizeof(float);
    for (int64_t r = 0; r < x->rows; r++, to += x->n_tiles) {
        if (r < there.first || r >= there.end) {
            for (int e = 0; e < ELEMENTS; e++) {
                memset(to + e * x->pitch, 0, (size_t)x->n_tiles * sizeof *to);
            }
            continue;
        }
        const float *from = plane + (there.origin + r * x->f.stride) * x->t.in;
        memcpy(row + columns.first, from + columns.origin + columns.first, bytes);
        nn_kernels()->winograd_time_input(row, x->n_tiles, to, x->pitch);
    }
}

/* B^T d of the rows that outputs from row `first` on read; `row` is scratch. */
static void transform_rows(const nn_time_tiles *x, const float *planes, int64_t first, float *row,
                           float *tiles) {
    int64_t stride = x->f.stride;
    memset(row, 0, (size_t)row_floats(x) * sizeof *row);
    for (int64_t i = 0; i < n_planes(x); i++) {
        const float *plane = planes + i / stride * x->f.in * x->t.in;
        int64_t origin = first * stride + i % stride - x->f.before;
        transform_plane(x, plane, origin, row, tiles + i * x->rows * x->n_tiles);
    }
}

/* offset[channels * kernel rows] of the terms in the tiles. */
static void forward_offsets(const nn_winograd_time *w, const nn_time_tiles *x, int32_t *offset) {
    for (int64_t i = 0; i < n_terms(w); i++) {
        int64_t f = i % w->f.kernel * w->f.dilation;
        int64_t plane = i / w->f.kernel * w->f.stride + f % w->f.stride;
        offset[i] = (int32_t)((plane * x->rows + f / w->f.stride) * x->n_tiles);
    }
}

static void dx_offsets(const nn_winograd_time *w, const row_run *rows, int32_t *offset) {
    for (int64_t i = 0; i < w->out * rows->n; i++) {
        int64_t f = rows->first + i % rows->n * rows->step;
        int64_t row = w->dy.f.before - f * w->f.dilation / w->f.stride;
        offset[i] = (int32_t)((i / rows->n * w->dy.rows + row) * w->dy.n_tiles);
    }
}

/* ------------------------------------------------------------------ products */

/* Rows of outputs from tiles. */
typedef struct {
    const nn_time_tiles *x;
    const nn_winograd_time_sample *sample; /* y: of the first row */
    const float *weight;                   /* [8, out, n_terms] */
    const float *tiles;                    /* from the first row's on */
    const int32_t *offset;                 /* [n_terms] */
    int64_t out, n_terms, n_rows;
    int64_t step_f;  /* floats between rows of y */
    float *products; /* [8, ROWS, block], and the outputs they give */
} tile_job;

/* The pieces of output rows among the block's places. */
static void cut_pieces(const tile_job *job, int64_t begin, nn_taps_store *store) {
    int64_t n = job->x->n_tiles;
    int64_t last = nn_min(begin + nn_kernels()->taps_block, job->n_rows * n);
    store->n_pieces = 0;
    for (int64_t at = begin; at < last;) {
        int64_t row = at / n, end = nn_min(last, (row + 1) * n), column = (at - row * n) * TILE;
        int i = store->n_pieces++;
        store->piece[i].from = (int)((at - begin) * TILE);
        store->piece[i].n = (int)nn_min((end - at) * TILE, job->x->t.out - column);
        store->piece[i].to = row * job->step_f + column;
        at = end;
    }
}

/* Sums are taken in parts, which keeps rounding errors small. */
static void multiply_element(const tile_job *job, int64_t e, int64_t first, nn_taps_product p) {
    int64_t n_parts = nn_max(nn_ceil_div(job->n_terms, MAX_PART), MIN_PARTS);
    int64_t part = nn_ceil_div(job->n_terms, n_parts), at = 0;
    p.a = job->weight + (e * job->out + first) * job->n_terms;
    p.a_pitch = job->n_terms;
    p.b += e * job->x->pitch;
    p.offset = job->offset;
    do {
        p.n_terms = nn_min(part, job->n_terms - at);
        p.adds = at > 0;
        nn_kernels()->multiply_taps(&p);
        p.a += part;
        p.offset += part;
        at += part;
    } while (at < job->n_terms);
}

static void run_places(const tile_job *job, int64_t first, int64_t begin) {
    const nn_kernels_table *kernels = nn_kernels();
    const nn_winograd_time_sample *sample = job->sample;
    int64_t block = kernels->taps_block, n = nn_min(ROWS, job->out - first);
    float *y = job->products + ELEMENTS * n * block;
    nn_taps_product product = {.n_rows = n,
                               .n_columns = nn_min(block, job->n_rows * job->x->n_tiles - begin),
                               .b = job->tiles + begin};
    for (int64_t e = 0; e < ELEMENTS; e++) {
        product.c = job->products + e * n * block;
        multiply_element(job, e, first, product);
    }
    for (int64_t r = 0; r < n; r++) {
        kernels->winograd_time_output(job->products + r * block, n * block, product.n_columns,
                                      y + r * TILE * block);
    }
    nn_taps_store store = {.n_rows = n,
                           .c = y,
                           .c_pitch = TILE * block,
                           .y = sample->y + first * sample->y_pitch,
                           .y_pitch = sample->y_pitch,
                           .bias = sample->bias ? sample->bias + first : NULL,
                           .lower_bound = sample->lower_bound};
    cut_pieces(job, begin, &store);
    kernels->store_taps(&store);
}

static void run_job(const tile_job *job) {
    int64_t block = nn_kernels()->taps_block;
    for (int64_t first = 0; first < job->out; first += ROWS) {
        for (int64_t begin = 0; begin < job->n_rows * job->x->n_tiles; begin += block) {
            run_places(job, first, begin);
        }
    }
}

void nn_winograd_time_rows(const nn_winograd_time *w, int64_t block, int64_t *first, int64_t *end) {
    *first = block * w->block_rows;
    *end = nn_min(*first + w->block_rows, w->f.out);
}

void nn_winograd_time_run(const nn_winograd_time *w, const nn_winograd_time_sample *at,
                          int64_t block) {
    int64_t first, end;
    nn_winograd_time_rows(w, block, &first, &end);
    int32_t *offset = (int32_t *)(void *)at->scratch;
    float *row = at->scratch + nn_round_up(n_terms(w), NN_LANES), *tiles = row + row_floats(&w->x);
    forward_offsets(w, &w->x, offset);
    transform_rows(&w->x, at->x, first, row, tiles);
    run_job(&(tile_job){.x = &w->x,
                        .sample = at,
                        .weight = at->shared,
                        .tiles = tiles,
                        .offset = offset,
                        .out = w->out,
                        .n_terms = n_terms(w),
                        .n_rows = end - first,
                        .step_f = w->t.out,
                        .products = tiles + ELEMENTS * w->x.pitch});
}

/* dx for rows [first, end) of the padded input, in strides, from the tiles of the job. */
static void run_phases(const nn_winograd_time *w, tile_job *job, int64_t first, int64_t end) {
    nn_winograd_time_sample at = *job->sample;
    int32_t *offset = (int32_t *)(void *)at.scratch;
    const float *tiles = job->tiles;
    for (int64_t phase = 0; phase < w->f.stride; phase++) {
        row_run rows = rows_of(&w->f, phase);
        nn_axis_span span = nn_axis_span_of(&w->f, phase - w->f.before, end);
        int64_t from = nn_max(first, span.first);
        if (from >= span.end) from = span.end = first; /* none */
        job->n_terms = w->out * rows.n;
        job->n_rows = span.end - from;
        job->tiles = tiles + (from - first) * w->dy.n_tiles;
        at.y = job->sample->y + (span.origin + from * w->f.stride) * w->t.in;
        dx_offsets(w, &rows, offset);
        tile_job here = *job;
        here.sample = &at;
        run_job(&here);
        job->weight += ELEMENTS * w->in * job->n_terms;
    }
}

void nn_winograd_time_run_dx(const nn_winograd_time *w, const nn_winograd_time_sample *at) {
    float *row = at->scratch + nn_round_up(w->out * w->f.kernel, NN_LANES);
    float *tiles = row + row_floats(&w->dy);
    for (int64_t first = 0; first < dx_extent(w); first += w->dx_rows) {
        transform_rows(&w->dy, at->x, first, row, tiles);
        tile_job job = {.x = &w->dy,
                        .sample = at,
                        .weight = at->shared,
                        .tiles = tiles,
                        .offset = (const int32_t *)(const void *)at->scratch,
                        .out = w->in,
                        .step_f = w->f.stride * w->t.in,
                        .products = tiles + ELEMENTS * w->dy.pitch};
        run_phases(w, &job, first, nn_min(first + w->dx_rows, dx_extent(w)));
    }
}

/* ------------------------------------------------------------------ the weights' gradient */

/* A dy of rows [first, first + n), to to[1] [8, places, dy_pitch]; to[0] is scratch. */
static void transform_dy(const nn_winograd_time *w, const float *dy, int64_t first, int64_t n,
                         float *const to[2]) {
    const nn_kernels_table *kernels = nn_kernels();
    float *transposed = to[0], *tiles = to[1];
    int64_t plane = w->f.out * w->t.out, step = dy_pitch(w), n_tiles = w->x.n_tiles;
    memset(transposed + w->t.out * w->out, 0,
           (size_t)((TILE * n_tiles - w->t.out) * w->out) * sizeof *transposed);
    for (int64_t r = 0; r < n; r++) {
        kernels->transpose(dy + (first + r) * w->t.out, plane, w->out, w->t.out, transposed);
        for (int64_t j = 0; j < n_tiles; j++) {
            kernels->winograd_time_gradient(transposed + j * TILE * w->out, w->out,
                                            tiles + (r * n_tiles + j) * step,
                                            gather_places(w) * step);
        }
    }
}

/* The operands of a block's products, and where these go. */
typedef struct {
    const int32_t *offset;
    float *row, *x_tiles, *dy_tiles, *transposed;
    float *sum; /* over up to SUMMED_BLOCKS blocks */
} gather_parts;

static gather_parts cut_scratch(const nn_winograd_time *w, float *scratch) {
    gather_parts at = {.offset = (const int32_t *)(void *)scratch};
    forward_offsets(w, &w->gathered_x, (int32_t *)(void *)scratch);
    at.row = scratch + nn_round_up(n_terms(w), NN_LANES);
    at.x_tiles = at.row + row_floats(&w->gathered_x);
    at.dy_tiles = at.x_tiles + ELEMENTS * w->gathered_x.pitch;
    at.sum = at.dy_tiles + ELEMENTS * gather_places(w) * dy_pitch(w);
    at.transposed = at.sum + w->n_sum;
    return at;
}

static void add_products(const nn_winograd_time *w, const gather_parts *at, int64_t n_places) {
    for (int64_t e = 0; e < ELEMENTS; e++) {
        nn_kernels()->multiply_positions(
            &(nn_positions_product){.n_rows = n_terms(w),
                                    .n_terms = n_places,
                                    .n_columns = w->out,
                                    .a = at->x_tiles + e * w->gathered_x.pitch,
                                    .offset = at->offset,
                                    .b = at->dy_tiles + e * gather_places(w) * dy_pitch(w),
                                    .b_pitch = dy_pitch(w),
                                    .c = at->sum + e * n_terms(w) * w->sum_pitch,
                                    .c_pitch = w->sum_pitch});
    }
}

void nn_winograd_time_gather(const nn_winograd_time *w, const float *x, const float *dy, float *sum,
                             float *scratch) {
    gather_parts at = cut_scratch(w, scratch);
    int64_t n_blocks = nn_ceil_div(w->f.out, w->gather_rows);
    for (int64_t block = 0; block < n_blocks; block++) {
        int64_t first = block * w->gather_rows, n = nn_min(w->gather_rows, w->f.out - first);
        if (block % SUMMED_BLOCKS == 0) memset(at.sum, 0, (size_t)w->n_sum * sizeof *at.sum);
        transform_rows(&w->gathered_x, x, first, at.row, at.x_tiles);
        transform_dy(w, dy, first, n, (float *const[2]){at.transposed, at.dy_tiles});
        add_products(w, &at, n * w->x.n_tiles);
        if ((block + 1) % SUMMED_BLOCKS == 0 || block + 1 == n_blocks) {
            nn_kernels()->add(at.sum, sum, w->n_sum);
        }
    }
}
