#include "nn/kernels/convolution.h"

#include <math.h>

enum {
    BACKWARD_FLOATS = 112 * 1024 /* of planes that a block reads: half of an L2 cache of 1 MiB */
};
enum { CHUNK = 512 /* places whose products are added to the weights' gradient at a time */ };
enum { MAX_OFFSET = 1 << 30 };
/* Pairs of channels for each task that transforms kernels: fewer would not be worth a task. */
enum { TASK_PAIRS = 64 * 64 };
enum { CHANNELS = 16 /* output channels of a part; parts of one block may run in parallel */ };
/* With fewer products per output, or fewer channels, what is not products costs more. */
enum { MIN_K = 32, MIN_POINT_K = 16, MIN_POOLED_K = 9, MIN_OUT = 16 };

/* ------------------------------------------------------------------ geometry */

static int64_t n_phases(const nn_convolution *c) {
    return c->f.stride * c->t.stride;
}

static int64_t n_elements(const nn_convolution *c) {
    return c->f.kernel * c->t.kernel;
}

/* The last place of the padded input, counted in steps of the stride. */
static int64_t last_place(const nn_axis *a) {
    return (a->in - 1 + a->before) / a->stride;
}

/* Rows of the padded input that the backward pass walks over. */
static int64_t back_extent(const nn_convolution *c) {
    return nn_max(last_place(&c->f) + 1, c->f.out);
}

/* Zeros that the backward pass needs before dy. */
static int64_t lead(const nn_axis *a) {
    return nn_planes_reach(a);
}

/* Output rows of a block. */
static int64_t block_rows(const nn_convolution *c) {
    nn_output_cut cut = {.extent = c->f.out,
                         .x_floats = c->in * n_phases(c) * c->x.pitch,
                         .y_floats = c->out * c->t.out,
                         .macs = c->out * c->k * c->f.out * c->t.out,
                         .unit = c->pooled.kernel_f};
    return nn_planes_cut_outputs(&cut);
}

/* `rows`, increased until the last block, too, has as many places as are computed at once. */
static int64_t fill_last(const nn_convolution *c, int64_t extent, int64_t rows) {
    int64_t unit = nn_max(c->pooled.kernel_f, 1), least = nn_ceil_div(NN_MAX_TAPS_BLOCK, c->t.out);
    while (rows < extent && (extent - 1) % rows + 1 < least) rows += unit;
    return rows;
}

static void cut_forward(nn_convolution *c) {
    int64_t pitch = c->t.out + lead(&c->t);
    c->in_place = c->f.stride == 1 && c->t.stride == 1 && c->f.before == 0 && c->t.before == 0 &&
                  c->f.out + lead(&c->f) <= c->f.in && pitch <= c->t.in;
    if (c->in_place) pitch = c->t.in;
    c->x = (nn_planes){.f = c->f, .t = c->t, .channels = c->in, .pitch = pitch};
    c->rows = block_rows(c);
    if (c->in_place) c->rows = fill_last(c, c->f.out, c->rows);
    c->n_blocks = nn_ceil_div(c->f.out, c->rows);
    int64_t last = c->f.out - (c->n_blocks - 1) * c->rows; /* rows of the shortest block */
    if ((last - 1) * pitch + c->t.out < NN_MAX_TAPS_BLOCK) c->in_place = false;
    c->x.rows = c->in_place ? c->f.in : c->rows + lead(&c->f);
    c->n_worker_forward = (c->in_place ? 0 : nn_planes_room(&c->x)) + c->out * NN_MAX_TAPS_BLOCK;
    c->n_shared_forward = nn_round_up(c->k, NN_LANES);
    c->n_begin_forward = 1;
    c->unit = CHANNELS;
}

/* dy as the transposed convolution, which has a stride of 1, reads it. */
static nn_axis transposed_axis(const nn_axis *a) {
    return (nn_axis){
        .in = a->out, .kernel = lead(a) + 1, .stride = 1, .dilation = 1, .before = lead(a)};
}

/* Whether places can be read where they lie: a kernel of one element, and enough of them in every
 * block. */
static bool is_back_in_place(const nn_convolution *c) {
    int64_t last = c->f.out - (nn_ceil_div(c->f.out, c->back_rows) - 1) * c->back_rows;
    return c->in_place && n_elements(c) == 1 && c->f.out == c->f.in && c->t.out == c->t.in &&
           last * c->t.out >= NN_MAX_TAPS_BLOCK;
}

/* The weights' gradient transposes one of its operands: x, if that lies in place and has fewer rows
 * than dy, else dy. */
static int64_t transposed_rows(const nn_convolution *c) {
    return c->grad_by_out ? c->k : c->out;
}

static int64_t transposed_floats(const nn_convolution *c) {
    return nn_round_up(CHUNK * transposed_rows(c) + NN_LANES, NN_LANES);
}

static void cut_backward(nn_convolution *c) {
    int64_t pitch = nn_max(c->x.pitch, lead(&c->t) + last_place(&c->t) + 1);
    int64_t per_row = (c->in * n_phases(c) + c->out) * pitch;
    c->back_rows = nn_planes_cut(back_extent(c), per_row, BACKWARD_FLOATS, 1);
    if (c->in_place) c->back_rows = fill_last(c, back_extent(c), c->back_rows);
    c->back_in_place = is_back_in_place(c);
    c->back_x = c->x;
    c->back_x.rows = c->back_in_place ? c->f.in : c->back_rows + lead(&c->f);
    c->back_x.pitch = pitch;
    c->back_dy = (nn_planes){.f = transposed_axis(&c->f),
                             .t = transposed_axis(&c->t),
                             .channels = c->out,
                             .rows = c->back_x.rows,
                             .pitch = pitch};
    c->grad_by_out = c->back_in_place && c->k < c->out;
    c->n_worker_backward = transposed_floats(c) + c->in * NN_MAX_TAPS_BLOCK;
    if (!c->back_in_place) {
        c->n_worker_backward += nn_planes_room(&c->back_x) + nn_planes_room(&c->back_dy);
    }
    /* Offsets of x, and for all phases together offsets of dy and transposed weights. */
    c->n_shared_backward =
        nn_round_up(c->k, NN_LANES) + nn_round_up(c->out * n_elements(c), NN_LANES) + c->out * c->k;
    c->n_begin_backward = n_phases(c);
}

/* Tasks of the begin functions, each of which transforms whole panels of kernels. */
static void count_tasks(nn_convolution *c, int64_t n_panels, int64_t n_panels_dx) {
    int64_t n = nn_max(c->in * c->out / TASK_PAIRS, 1);
    c->n_begin_forward = nn_min(n, n_panels);
    c->n_begin_backward = nn_min(n, n_panels_dx);
}

/* Replaces what cut_forward and cut_backward found. */
static void cut_winograd(nn_convolution *c) {
    c->winograd = nn_winograd_make(c->f, c->t, c->in, c->out, c->pooled.kernel_f);
    if (!nn_winograd_fits(&c->winograd)) return;
    c->way = NN_BY_WINOGRAD;
    c->winograd_dx = nn_winograd_transposed(&c->winograd);
    c->n_blocks = c->winograd.n_blocks;
    c->n_worker_forward = c->winograd.n_run;
    c->n_shared_forward = c->winograd.n_shared;
    c->n_worker_backward = nn_max(c->winograd_dx.n_run, c->winograd.n_gather);
    c->n_shared_backward = c->winograd_dx.n_shared;
    if (!c->winograd.folds) c->n_gradient = c->winograd.n_sum;
    count_tasks(c, c->winograd.n_panels, c->winograd_dx.n_panels);
}

static void cut_winograd4(nn_convolution *c) {
    c->winograd4 = nn_winograd4_make(c->f, c->t, c->in, c->out, c->pooled.kernel_f);
    if (!nn_winograd4_fits(&c->winograd4)) return;
    c->way = NN_BY_WINOGRAD4;
    c->winograd4_dx = nn_winograd4_transposed(&c->winograd4);
    c->n_blocks = c->winograd4.n_blocks;
    c->n_worker_forward = c->winograd4.n_run;
    c->n_shared_forward = c->winograd4.n_shared;
    c->n_worker_backward = nn_max(c->winograd4_dx.n_run, c->winograd4.n_gather);
    c->n_shared_backward = c->winograd4_dx.n_shared;
    count_tasks(c, c->winograd4.n_panels, c->winograd4_dx.n_panels);
}

static void cut_winograd_time(nn_convolution *c) {
    c->winograd_time = nn_winograd_time_make(c->f, c->t, c->in, c->out, c->pooled.kernel_f);
    if (!nn_winograd_time_fits(&c->winograd_time)) return;
    c->way = NN_BY_WINOGRAD_TIME;
    c->n_blocks = c->winograd_time.n_blocks;
    c->n_worker_forward = c->winograd_time.n_forward;
    c->n_worker_backward = c->winograd_time.n_backward;
    c->n_shared_forward = c->n_shared_backward = c->winograd_time.n_shared;
    c->n_gradient = c->winograd_time.n_sum;
    c->n_begin_backward = 1;
    c->unit = c->out;
}

/* Whether the gradients of samples are summed as those of the kernels, not of the transformed
 * kernels. */
static bool is_of_kernels(const nn_convolution *c) {
    bool transformed = c->way == NN_BY_WINOGRAD && !c->winograd.folds;
    return !transformed && c->way != NN_BY_WINOGRAD_TIME;
}

static void cut(nn_convolution *c) {
    cut_forward(c);
    cut_backward(c);
    c->grad_pitch = nn_round_up(transposed_rows(c), NN_LANES);
    c->n_gradient = (c->grad_by_out ? c->out : c->k) * c->grad_pitch;
    if (nn_winograd_can(&c->f, &c->t)) cut_winograd4(c);
    if (nn_winograd_can(&c->f, &c->t) && c->way == NN_BY_PLACES) cut_winograd(c);
    if (nn_winograd_time_can(&c->f, &c->t)) cut_winograd_time(c);
    c->needs_zeros = c->way == NN_BY_PLACES || !is_of_kernels(c) || c->out < c->grad_pitch;
    c->n_add = is_of_kernels(c) ? nn_ceil_div(c->out, NN_LANES) : 1;
}

nn_convolution nn_convolution_make(nn_axis f, nn_axis t, int64_t in, int64_t out) {
    nn_convolution c = {.f = f, .t = t, .in = in, .out = out, .k = in * f.kernel * t.kernel};
    cut(&c);
    return c;
}

/* The output rows [first, end) of a block, before pooling. */
static void block_rows_of(const nn_convolution *c, int64_t block, int64_t *first, int64_t *end) {
    switch (c->way) {
    case NN_BY_PLACES:
        *first = block * c->rows;
        *end = nn_min(*first + c->rows, c->f.out);
        break;
    case NN_BY_WINOGRAD:
        nn_winograd_rows(&c->winograd, block, first, end);
        break;
    case NN_BY_WINOGRAD4:
        nn_winograd4_rows(&c->winograd4, block, first, end);
        break;
    case NN_BY_WINOGRAD_TIME:
        nn_winograd_time_rows(&c->winograd_time, block, first, end);
        break;
    }
}

/* Numbers that maxima are chosen from: of a block, and of all of a sample. */
static int64_t block_numbers(const nn_convolution *c) {
    int64_t ignored, rows;
    block_rows_of(c, 0, &ignored, &rows);
    return c->out * rows * c->t.out;
}

static int64_t all_numbers(const nn_convolution *c) {
    return c->out * c->f.out * c->t.out;
}

nn_convolution nn_convolution_make_pooled(const nn_convolution *c, int64_t kernel_f,
                                          int64_t kernel_t) {
    nn_convolution p = {.f = c->f, .t = c->t, .in = c->in, .out = c->out, .k = c->k};
    p.pooled = (nn_pooled){.f = c->f.out / kernel_f,
                           .t = c->t.out / kernel_t,
                           .kernel_f = kernel_f,
                           .kernel_t = kernel_t};
    p.f.out = p.pooled.f * kernel_f;
    p.t.out = p.pooled.t * kernel_t;
    cut(&p);
    p.n_worker_forward = nn_round_up(p.n_worker_forward, NN_LANES) + block_numbers(&p);
    p.n_worker_backward = nn_round_up(p.n_worker_backward, NN_LANES) + all_numbers(&p);
    return p;
}

bool nn_convolution_fits(const nn_convolution *c) {
    if (c->in * c->f.in * c->t.in >= MAX_OFFSET || c->n_worker_backward >= MAX_OFFSET) return false;
    if (c->way != NN_BY_PLACES) return true;
    int64_t min_k = c->pooled.kernel_f > 0 ? MIN_POOLED_K : c->back_in_place ? MIN_POINT_K : MIN_K;
    if (c->k < min_k || c->out < MIN_OUT) return false;
    int64_t places = nn_round_up((c->rows - 1) * c->x.pitch + c->t.out, NN_MAX_TAPS_BLOCK);
    return 2 * c->f.out * c->t.out >= c->n_blocks * places;
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
    float lower_bound;
    float *y;
    int64_t y_pitch, step_f, step_t; /* floats between channels, rows, columns of y */
    float *block;
} place_job;

/* The pieces of rows among the block's places, counted from the first. */
static void cut_pieces(const place_job *job, int64_t begin, int64_t block, nn_taps_store *store) {
    int64_t last = nn_min(begin + block, (job->n_f - 1) * job->pitch + job->n_t);
    store->n_pieces = 0;
    for (int64_t row = begin / job->pitch; row * job->pitch < last; row++) {
        int64_t from = nn_max(begin, row * job->pitch);
        int64_t end = nn_min(last, row * job->pitch + job->n_t);
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

/* Rows that follow each other without gaps, both in the planes and in y, are treated as one. */
static place_job joined(place_job job) {
    bool gapless = job.pitch == job.n_t && job.step_f == job.n_t && job.step_t == 1;
    if (!gapless) return job;
    job.n_t *= job.n_f;
    job.pitch = job.n_t;
    job.n_f = 1;
    return job;
}

/* Whether products can go straight to y: a single row of contiguous places in whole blocks, with
 * neither a bias nor a bound to apply. */
static bool is_plain(const place_job *job) {
    return job->n_f == 1 && job->step_t == 1 && job->bounded && job->bias == NULL &&
           job->lower_bound == -INFINITY;
}

/* A few channels at a time for a span of blocks, so that y is written in long runs; or, where there
 * are many terms, all channels for one block of places, whose inputs then stay in the cache. */
static void run_plain(const place_job *job) {
    enum { SPAN = 16, TOGETHER = 8, FEW_TERMS = 64 };
    const nn_kernels_table *kernels = nn_kernels();
    int64_t block = kernels->taps_block, span = job->n_terms > FEW_TERMS ? block : SPAN * block;
    int64_t channels = job->n_terms > FEW_TERMS ? job->n_channels : TOGETHER;
    nn_taps_product product = {.n_terms = job->n_terms,
                               .n_columns = block,
                               .a_pitch = job->n_terms,
                               .offset = job->offset,
                               .c_pitch = job->y_pitch};
    for (int64_t first = 0; first < job->n_t; first += span) {
        for (int64_t o = 0; o < job->n_channels; o += channels) {
            product.a = job->weight + o * job->n_terms;
            product.n_rows = nn_min(channels, job->n_channels - o);
            for (int64_t i = first; i < nn_min(first + span, job->n_t); i += block) {
                int64_t begin = nn_min(i, job->n_t - block); /* the last one overlaps */
                product.b = job->planes + job->start + begin;
                product.c = job->y + o * job->y_pitch + begin;
                kernels->multiply_taps(&product);
            }
        }
    }
}

static void run_places(const place_job *given) {
    const nn_kernels_table *kernels = nn_kernels();
    place_job whole = joined(*given);
    const place_job *job = &whole;
    if (is_plain(job)) {
        run_plain(job);
        return;
    }
    int64_t block = kernels->taps_block, n = (job->n_f - 1) * job->pitch + job->n_t;
    nn_taps_store store = {.n_rows = job->n_channels,
                           .c_pitch = block,
                           .y_pitch = job->y_pitch,
                           .c = job->block,
                           .bias = job->bias,
                           .lower_bound = job->lower_bound,
                           .y = job->y};
    for (int64_t i = 0; i < n; i += block) {
        int64_t begin = job->bounded ? nn_min(i, n - block) : i; /* the last one overlaps */
        kernels->multiply_taps(&(nn_taps_product){.n_rows = job->n_channels,
                                                  .n_terms = job->n_terms,
                                                  .n_columns = nn_min(block, n - begin),
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

/* Of task `task` of the n tasks that share the panels. */
static int64_t first_panel(int64_t n_panels, int64_t task, int64_t n) {
    return task * n_panels / n;
}

static void begin_panels(const nn_convolution *c, int64_t task, const float *weight,
                         bool transposed, float *shared) {
    int64_t n_panels = nn_ceil_div(transposed ? c->in : c->out, NN_PANEL);
    int64_t n = transposed ? c->n_begin_backward : c->n_begin_forward;
    int64_t end = first_panel(n_panels, task + 1, n);
    for (int64_t panel = first_panel(n_panels, task, n); panel < end; panel++) {
        if (c->way == NN_BY_WINOGRAD4) {
            nn_winograd4_begin(transposed ? &c->winograd4_dx : &c->winograd4, panel, weight,
                               transposed, shared);
        } else {
            nn_winograd_begin(transposed ? &c->winograd_dx : &c->winograd, panel, weight,
                              transposed, shared);
        }
    }
}

bool nn_convolution_is_alone(const nn_convolution *c, int64_t n_samples) {
    if (n_samples * c->n_blocks > 1) return false;
    return (c->way == NN_BY_WINOGRAD && nn_winograd_is_small(&c->winograd)) ||
           (c->way == NN_BY_WINOGRAD4 && nn_winograd4_is_small(&c->winograd4));
}

void nn_convolution_begin_forward(const nn_convolution *c, int64_t task, const float *weight,
                                  float *shared) {
    switch (c->way) {
    case NN_BY_PLACES:
        nn_planes_offsets(&c->x, (int32_t *)(void *)shared);
        break;
    case NN_BY_WINOGRAD:
    case NN_BY_WINOGRAD4:
        begin_panels(c, task, weight, false, shared);
        break;
    case NN_BY_WINOGRAD_TIME:
        nn_winograd_time_begin(&c->winograd_time, weight, shared);
        break;
    }
}

/* Where a block's numbers go. */
typedef struct {
    float *y;
    int64_t pitch; /* floats between channels */
} block_target;

static void forward_places(const nn_convolution *c, const nn_convolution_sample *at, int64_t block,
                           const block_target *to) {
    int64_t first, end;
    block_rows_of(c, block, &first, &end);
    const float *planes = at->x + first * c->t.in;
    float *scratch = at->scratch;
    if (!c->in_place) {
        /* A short last block is laid out as the others are: offsets hold for all. */
        nn_planes_lay_out(&c->x, at->x, first, scratch);
        planes = scratch;
        scratch += nn_planes_room(&c->x);
    }
    run_places(&(place_job){.weight = at->weight + at->first_channel * c->k,
                            .n_channels = at->last_channel - at->first_channel,
                            .n_terms = c->k,
                            .offset = (const int32_t *)(const void *)at->shared,
                            .planes = planes,
                            .pitch = c->x.pitch,
                            .n_f = end - first,
                            .n_t = c->t.out,
                            .bounded = c->in_place,
                            .bias = at->bias ? at->bias + at->first_channel : NULL,
                            .lower_bound = at->lower_bound,
                            .y = to->y + at->first_channel * to->pitch,
                            .y_pitch = to->pitch,
                            .step_f = c->t.out,
                            .step_t = 1,
                            .block = scratch});
}

static void forward_winograd_time(const nn_convolution *c, const nn_convolution_sample *at,
                                  int64_t block, const block_target *to) {
    nn_winograd_time_sample sample = {.shared = at->shared,
                                      .x = at->x,
                                      .bias = at->bias,
                                      .lower_bound = at->lower_bound,
                                      .y = to->y,
                                      .y_pitch = to->pitch,
                                      .scratch = at->scratch};
    nn_winograd_time_run(&c->winograd_time, &sample, block);
}

static void forward_block(const nn_convolution *c, const nn_convolution_sample *at, int64_t block,
                          const block_target *to) {
    nn_winograd_sample sample = {.shared = at->shared,
                                 .weight = at->weight,
                                 .x = at->x,
                                 .bias = at->bias,
                                 .lower_bound = at->lower_bound,
                                 .y = to->y,
                                 .y_pitch = to->pitch,
                                 .first_channel = at->first_channel,
                                 .last_channel = at->last_channel,
                                 .n_idle = c->pooled.kernel_f > 0 ? 0 : at->n_idle,
                                 .scratch = at->scratch};
    switch (c->way) {
    case NN_BY_PLACES:
        forward_places(c, at, block, to);
        break;
    case NN_BY_WINOGRAD:
        nn_winograd_run(&c->winograd, &sample, block);
        break;
    case NN_BY_WINOGRAD4:
        nn_winograd4_run(&c->winograd4, &sample, block);
        break;
    case NN_BY_WINOGRAD_TIME:
        forward_winograd_time(c, at, block, to);
        break;
    }
}

/* A sample shorter than a window has zeros in its first one. */
static void clear_short(const nn_convolution *c, int64_t n_valid, int64_t n_rows, float *numbers) {
    for (int64_t i = 0; i < n_rows; i++) {
        for (int64_t t = n_valid; t < c->pooled.kernel_t; t++) numbers[i * c->t.out + t] = 0.0f;
    }
}

static nn_pool_windows windows_of(const nn_pooled *p, int64_t n_rows) {
    return (nn_pool_windows){.kernel_f = p->kernel_f,
                             .kernel_t = p->kernel_t,
                             .width = p->kernel_t * p->t,
                             .n_f = n_rows,
                             .n_t = p->t};
}

static void forward_pooled(const nn_convolution *c, const nn_convolution_sample *at, int64_t block,
                           int64_t *first, int64_t *end) {
    float *numbers = at->scratch + c->n_worker_forward - block_numbers(c);
    int64_t n = *end - *first, plane = n * c->t.out;
    forward_block(c, at, block, &(block_target){numbers, plane});
    clear_short(c, at->n_valid, (at->last_channel - at->first_channel) * n,
                numbers + at->first_channel * plane);
    *first /= c->pooled.kernel_f;
    *end /= c->pooled.kernel_f;
    nn_pool_windows windows = windows_of(&c->pooled, *end - *first);
    for (int64_t o = at->first_channel; o < at->last_channel; o++) {
        int64_t to = (o * c->pooled.f + *first) * c->pooled.t;
        nn_kernels()->max_pool(&windows, numbers + o * plane, at->y + to,
                               at->index ? at->index + to : NULL);
    }
}

void nn_convolution_forward(const nn_convolution *c, const nn_convolution_sample *at, int64_t block,
                            int64_t *first, int64_t *end) {
    block_rows_of(c, block, first, end);
    if (c->pooled.kernel_f > 0) {
        forward_pooled(c, at, block, first, end);
        return;
    }
    block_target whole = {at->y + *first * c->t.out, c->f.out * c->t.out};
    forward_block(c, at, block, &whole);
}

/* ------------------------------------------------------------------ backward */

/* What begin_backward makes. */
typedef struct {
    int32_t *x_offset;  /* [k] */
    int32_t *dy_offset; /* for each phase [out * its elements] */
    float *weight;      /* for each phase [in, out * its elements], transposed */
} back_parts;

static back_parts parts_of(const nn_convolution *c, const float *shared) {
    float *at = (float *)shared; /* written by begin_backward alone */
    back_parts parts = {.x_offset = (int32_t *)(void *)at};
    at += nn_round_up(c->k, NN_LANES);
    parts.dy_offset = (int32_t *)(void *)at;
    parts.weight = at + nn_round_up(c->out * n_elements(c), NN_LANES);
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

/* The elements that reach inputs of a phase. */
typedef struct {
    element_run f, t;
} phase_elements;

static phase_elements phase_of(const nn_convolution *c, int64_t phase) {
    return (phase_elements){elements_of(&c->f, phase / c->t.stride),
                            elements_of(&c->t, phase % c->t.stride)};
}

static void transpose_phase(const nn_convolution *c, const float *weight, const phase_elements *e,
                            const back_parts *to) {
    int64_t plane = c->back_dy.rows * c->back_dy.pitch, n = e->f.n * e->t.n;
    bool whole = n_elements(c) == 1 && n == 1; /* one element, which this phase has */
    if (whole) nn_kernels()->transpose(weight, c->k, c->out, c->in, to->weight);
    for (int64_t i = 0; i < c->out * n; i++) {
        int64_t f = e->f.first + i % n / e->t.n * e->f.step;
        int64_t t = e->t.first + i % n % e->t.n * e->t.step;
        int64_t row = lead(&c->f) - places_back(&c->f, f);
        to->dy_offset[i] =
            (int32_t)(i / n * plane + row * c->back_dy.pitch + lead(&c->t) - places_back(&c->t, t));
        const float *from = weight + i / n * c->k + f * c->t.kernel + t;
        for (int64_t ch = 0; ch < c->in && !whole; ch++) {
            to->weight[ch * c->out * n + i] = from[ch * n_elements(c)];
        }
    }
}

static void skip_phase(const nn_convolution *c, int64_t phase, back_parts *parts) {
    phase_elements e = phase_of(c, phase);
    parts->dy_offset += c->out * e.f.n * e.t.n;
    parts->weight += c->in * c->out * e.f.n * e.t.n;
}

static void begin_phase(const nn_convolution *c, int64_t phase, const float *weight,
                        float *shared) {
    back_parts parts = parts_of(c, shared);
    if (phase == 0) nn_planes_offsets(&c->back_x, parts.x_offset);
    for (int64_t before = 0; before < phase; before++) skip_phase(c, before, &parts);
    phase_elements e = phase_of(c, phase);
    transpose_phase(c, weight, &e, &parts);
}

void nn_convolution_begin_backward(const nn_convolution *c, int64_t task, const float *weight,
                                   float *shared) {
    switch (c->way) {
    case NN_BY_PLACES:
        begin_phase(c, task, weight, shared);
        break;
    case NN_BY_WINOGRAD:
    case NN_BY_WINOGRAD4:
        begin_panels(c, task, weight, true, shared);
        break;
    case NN_BY_WINOGRAD_TIME:
        nn_winograd_time_begin_dx(&c->winograd_time, weight, shared);
        break;
    }
}

/* Cuts places [first, end) of an axis to those that are inputs of a phase. */
static void phase_places(const nn_axis *a, int64_t phase, int64_t *first, int64_t *end) {
    nn_axis_span span = nn_axis_span_of(a, phase - a->before, *end);
    *first = nn_max(*first, span.first);
    *end = span.end;
}

/* Rows [first, end) of the padded input, and worker scratch. */
typedef struct {
    int64_t first, end;
    const float *x_planes, *dy_planes;
    float *transposed; /* [CHUNK, transposed_rows] */
    float *products;
} back_block;

static void backward_x(const nn_convolution *c, const nn_convolution_sample *at,
                       const back_block *b) {
    back_parts parts = parts_of(c, at->shared);
    for (int64_t phase = 0; phase < n_phases(c); phase++) {
        int64_t phase_f = phase / c->t.stride, phase_t = phase % c->t.stride;
        int64_t f0 = b->first, f1 = b->end, t0 = 0, t1 = c->back_dy.pitch;
        phase_places(&c->f, phase_f, &f0, &f1);
        phase_places(&c->t, phase_t, &t0, &t1);
        phase_elements e = phase_of(c, phase);
        int64_t n = e.f.n * e.t.n;
        int64_t row = f0 * c->f.stride + phase_f - c->f.before;
        int64_t column = t0 * c->t.stride + phase_t - c->t.before;
        if (f0 < f1 && t0 < t1) {
            run_places(&(place_job){.weight = parts.weight,
                                    .n_channels = c->in,
                                    .n_terms = c->out * n,
                                    .offset = parts.dy_offset,
                                    .planes = b->dy_planes,
                                    .pitch = c->back_dy.pitch,
                                    .start = (f0 - b->first) * c->back_dy.pitch + t0,
                                    .n_f = f1 - f0,
                                    .n_t = t1 - t0,
                                    .bounded = c->back_in_place,
                                    .lower_bound = -INFINITY,
                                    .y = at->dx + row * c->t.in + column,
                                    .y_pitch = c->f.in * c->t.in,
                                    .step_f = c->f.stride * c->t.in,
                                    .step_t = c->t.stride,
                                    .block = b->products});
        }
        skip_phase(c, phase, &parts);
    }
}

/* Adds what the output rows that start in the block say of the weights. */
static void backward_weight(const nn_convolution *c, const nn_convolution_sample *at,
                            const back_block *b) {
    const nn_kernels_table *kernels = nn_kernels();
    int64_t n_rows = nn_min(b->end, c->f.out) - b->first;
    if (n_rows <= 0) return;
    int64_t n = (n_rows - 1) * c->back_dy.pitch + c->t.out;
    int64_t plane = c->back_dy.rows * c->back_dy.pitch; /* in place also x's */
    const float *dy = b->dy_planes + lead(&c->f) * c->back_dy.pitch + lead(&c->t);
    const float *across = c->grad_by_out ? b->x_planes : dy;
    back_parts parts = parts_of(c, at->shared);
    nn_positions_product product = {.n_rows = c->grad_by_out ? c->out : c->k,
                                    .n_columns = transposed_rows(c),
                                    .a = c->grad_by_out ? dy : b->x_planes,
                                    .offset = c->grad_by_out ? parts.dy_offset : parts.x_offset,
                                    .b = b->transposed,
                                    .b_pitch = transposed_rows(c),
                                    .c = at->dweight,
                                    .c_pitch = c->grad_pitch};
    for (int64_t i = 0; i < n; i += CHUNK, product.a += CHUNK) {
        product.n_terms = nn_min(CHUNK, n - i);
        kernels->transpose(across + i, plane, transposed_rows(c), product.n_terms, b->transposed);
        kernels->multiply_positions(&product);
    }
}

/* The planes of the block, in place or laid out in `room`. */
static void load_block(const nn_convolution *c, const nn_convolution_sample *at, float *room,
                       back_block *b) {
    if (c->back_in_place) {
        b->x_planes = at->x + b->first * c->t.in;
        b->dy_planes = at->dy + b->first * c->t.in;
        return;
    }
    float *dy_room = room + nn_planes_room(&c->back_x);
    if (b->first < c->f.out) nn_planes_lay_out(&c->back_x, at->x, b->first, room);
    nn_planes_lay_out(&c->back_dy, at->dy, b->first, dy_room);
    b->x_planes = room;
    b->dy_planes = dy_room;
}

static void backward_blocks(const nn_convolution *c, const nn_convolution_sample *at) {
    back_block b = {.transposed = at->scratch};
    b.products = b.transposed + transposed_floats(c);
    float *room = b.products + c->in * NN_MAX_TAPS_BLOCK;
    for (; b.first < back_extent(c); b.first += c->back_rows) {
        b.end = nn_min(b.first + c->back_rows, back_extent(c));
        load_block(c, at, room, &b);
        backward_weight(c, at, &b);
        if (at->dx != NULL) backward_x(c, at, &b);
    }
}

/* For the convolution that takes dy to dx. */
static nn_winograd_sample sample_of_dx(const nn_convolution *c, const nn_convolution_sample *at) {
    return (nn_winograd_sample){.shared = at->shared,
                                .x = at->dy,
                                .lower_bound = -INFINITY,
                                .y_pitch = c->f.in * c->t.in,
                                .last_channel = c->in,
                                .n_idle = at->n_idle_dx,
                                .scratch = at->scratch};
}

static void backward_winograd(const nn_convolution *c, const nn_convolution_sample *at) {
    nn_winograd_gradient gradient = {at->x, at->dy, at->dweight, at->is_first, at->scratch};
    nn_winograd_gather(&c->winograd, &gradient);
    nn_winograd_sample back = sample_of_dx(c, at);
    for (int64_t block = 0; block < c->winograd_dx.n_blocks && at->dx != NULL; block++) {
        int64_t first, end;
        nn_winograd_rows(&c->winograd_dx, block, &first, &end);
        back.y = at->dx + first * c->t.in;
        nn_winograd_run(&c->winograd_dx, &back, block);
    }
}

static void backward_winograd_time(const nn_convolution *c, const nn_convolution_sample *at) {
    nn_winograd_time_gather(&c->winograd_time, at->x, at->dy, at->dweight, at->scratch);
    nn_winograd_time_sample back = {.shared = at->shared,
                                    .x = at->dy,
                                    .lower_bound = -INFINITY,
                                    .y = at->dx,
                                    .y_pitch = c->f.in * c->t.in,
                                    .scratch = at->scratch};
    if (at->dx != NULL) nn_winograd_time_run_dx(&c->winograd_time, &back);
}

static void backward_winograd4(const nn_convolution *c, const nn_convolution_sample *at) {
    nn_winograd_gradient gradient = {at->x, at->dy, at->dweight, at->is_first, at->scratch};
    nn_winograd4_gather(&c->winograd4, &gradient);
    nn_winograd_sample back = sample_of_dx(c, at);
    for (int64_t block = 0; block < c->winograd4_dx.n_blocks && at->dx != NULL; block++) {
        int64_t first, end;
        nn_winograd4_rows(&c->winograd4_dx, block, &first, &end);
        back.y = at->dx + first * c->t.in;
        nn_winograd4_run(&c->winograd4_dx, &back, block);
    }
}

void nn_convolution_backward(const nn_convolution *c, const nn_convolution_sample *at) {
    nn_convolution_sample all = *at;
    if (c->pooled.kernel_f > 0) {
        float *dy = at->scratch + c->n_worker_backward - all_numbers(c);
        nn_pool_windows windows = windows_of(&c->pooled, c->out * c->pooled.f);
        nn_kernels()->max_unpool(&windows, at->dy, at->index, dy);
        all.dy = dy;
    }
    switch (c->way) {
    case NN_BY_PLACES:
        backward_blocks(c, &all);
        break;
    case NN_BY_WINOGRAD:
        backward_winograd(c, &all);
        break;
    case NN_BY_WINOGRAD4:
        backward_winograd4(c, &all);
        break;
    case NN_BY_WINOGRAD_TIME:
        backward_winograd_time(c, &all);
        break;
    }
}

/* For a cache line of output channels, from `first` on. */
static void add_kernels(const nn_convolution *c, int64_t first, const float *gradient,
                        float *dweight) {
    int64_t end = nn_min(first + NN_LANES, c->out);
    for (int64_t o = first; o < end && c->grad_by_out; o++) {
        nn_kernels()->add(gradient + o * c->grad_pitch, dweight + o * c->k, c->k);
    }
    for (int64_t i = 0; i < c->k && !c->grad_by_out; i++) {
        for (int64_t o = first; o < end; o++) {
            dweight[o * c->k + i] += gradient[i * c->grad_pitch + o];
        }
    }
}

void nn_convolution_add_gradient(const nn_convolution *c, int64_t task, float *gradient,
                                 float *dweight) {
    if (is_of_kernels(c)) {
        add_kernels(c, task * NN_LANES, gradient, dweight);
    } else if (c->way == NN_BY_WINOGRAD) {
        nn_winograd_add_gradient(&c->winograd, gradient, dweight);
    } else {
        nn_winograd_time_add_gradient(&c->winograd_time, gradient, dweight);
    }
}
