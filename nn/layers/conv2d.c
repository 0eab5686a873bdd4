/* Convolution of images: x [B,C,F,T], weight [O,C/G,kf,kt], y [B,O,F',T'], for G groups, in one of
 * three ways. A single group is convolved directly (nn/kernels/convolution.h). Where its planes are
 * too small for that, or there are more groups, im2col of a tile of output positions (f', t'),
 * flattened, gives a matrix [K, tile], K = C/G kf kt, that stays in the cache, and one matrix
 * product per tile and group gives y. Where a group has one input channel a product would have too
 * few rows: nn/kernels/depthwise.h convolves it plane by plane.
 *
 * Each block, tile or plane of each sample is a task. A fused map or, in inference, a fused
 * normalisation is applied to it while it is in the cache, and so is max_pool after ReLU: what is
 * pooled is never written. */
#include <math.h>
#include <string.h>

#include "nn/kernels/convolution.h"
#include "nn/kernels/depthwise.h"
#include "nn/kernels/gemm.h"
#include "nn/layers/options.h"

enum { TILE_FLOATS = 96 * 1024, MIN_TILE = 64, TILE_ALIGN = 16, MAX_CHANNELS = 1 << 20 };

/* Up to this many multiply-adds OpenBLAS multiplies without repacking its operands, which is faster
 * unless the tile becomes very narrow. */
enum {
    UNPACKED_MACS = 1000000,
    MIN_UNPACKED_TILE = 96,
    TILE_POSITIONS = 4096,
    MIN_TRANSPOSED_K = 32
};

/* Where there are few blocks, their output channels are split into parts of at least MIN_PART
 * channels and MIN_PART_MACS multiply-adds. */
enum { MIN_PART = 32, MIN_PART_MACS = 1 << 22 };

enum { TASK_MACS = 1 << 18 /* of planes that are convolved one by one */ };

typedef struct {
    const char *out;
    base_ints kernel, stride, dilation;
    base_strings pad;
    int64_t groups; /* 0: as many as input channels */
    bool bias;
    int init;
} conv2d_options;

enum { INIT_UNIFORM, INIT_HE };

static const base_option conv2d_table[] = {
    {"out", BASE_OPT_STRING, offsetof(conv2d_options, out), NULL, 0, 0, NULL, NULL,
     "output channels: a number, or the input's times N (xN) or divided by N (/N)"},
    {"kernel", BASE_OPT_INTS, offsetof(conv2d_options, kernel), NULL, 1, 1 << 16, NULL, NULL,
     "extent of the kernel, one number or [frequency, time]"},
    {"stride", BASE_OPT_INTS, offsetof(conv2d_options, stride), "1", 1, 1 << 16, NULL, NULL,
     "step of the kernel, one number or [frequency, time]"},
    {"dilation", BASE_OPT_INTS, offsetof(conv2d_options, dilation), "1", 1, 1 << 16, NULL, NULL,
     "distance of the kernel's elements, one number or [frequency, time]"},
    {"pad", BASE_OPT_STRINGS, offsetof(conv2d_options, pad), "0", 0, 0, NULL, NULL,
     "zeros around the input: same (extent / stride, rounded up), half (of the kernel's extent "
     "less 1, rounded down), one number, [frequency, time] or [frequency before, after, time "
     "before, after]"},
    {"groups", BASE_OPT_INT, offsetof(conv2d_options, groups), "1", 0, 1 << 20, NULL, NULL,
     "independent groups of channels; 0: as many as input channels, which makes it depthwise"},
    {"bias", BASE_OPT_BOOL, offsetof(conv2d_options, bias), "true", 0, 0, NULL, NULL,
     "add a trained number to each output channel"},
    {"init", BASE_OPT_CHOICE, offsetof(conv2d_options, init), "uniform", 0, 0, "uniform|he", NULL,
     "first weights: PyTorch's default, or He's normal distribution by fan out and biases of 0"},
    {0}};

typedef struct {
    nn_axis f, t;
    int64_t groups, group_in, group_out; /* channels of a group */
    int64_t k;                           /* rows of the im2col matrix */
    int64_t in_plane, out_plane;         /* positions */
    int64_t tile, n_tiles; /* positions (depthwise: groups) of a tile; tiles of a sample */
    bool flat; /* stride 1, T' = T: a row of the im2col matrix is a shifted plane but for its edges
                */
    bool pointwise; /* 1x1: the input is its own im2col matrix */
    bool bias;
    bool depthwise; /* groups of one input channel: plane by plane, without products */
    nn_depthwise plane;
    bool direct; /* a single group, without im2col */
    nn_convolution convolution;
} conv_geometry;

static int64_t clamped(int64_t x, int64_t lo, int64_t hi) {
    return x < lo ? lo : x > hi ? hi : x;
}

static nn_axis make_axis(const conv2d_options *o, int axis, int64_t in) {
    return (nn_axis){.in = in,
                     .kernel = nn_pair_item(o->kernel, axis),
                     .stride = nn_pair_item(o->stride, axis),
                     .dilation = nn_pair_item(o->dilation, axis)};
}

static bool axis_is_trivial(const nn_axis *a) {
    return a->kernel == 1 && a->stride == 1 && a->before == 0 && a->after == 0;
}

static int64_t tile_limit(const conv_geometry *g) {
    int64_t limit = TILE_FLOATS / g->k, unpacked = UNPACKED_MACS / (g->k * g->group_out);
    if (limit > TILE_POSITIONS) limit = TILE_POSITIONS;
    if (unpacked >= MIN_UNPACKED_TILE && unpacked < limit) limit = unpacked;
    if (limit < MIN_TILE) limit = MIN_TILE;
    return limit / TILE_ALIGN * TILE_ALIGN;
}

/* All tiles but the last have the same extent. More than one are an even number, so that two
 * threads share a single sample well. */
static void cut_tiles(conv_geometry *g) {
    int64_t limit = tile_limit(g), n = nn_ceil_div(g->out_plane, limit);
    if (n > 1) n += n % 2;
    g->tile = nn_round_up(nn_ceil_div(g->out_plane, n), TILE_ALIGN);
    g->n_tiles = nn_ceil_div(g->out_plane, g->tile);
}

/* Output channels for `in` of the input; 0 if there can be none. */
static int64_t out_channels(const conv2d_options *o, int64_t in) {
    bool times = o->out[0] == 'x', part = o->out[0] == '/';
    int64_t number, out;
    if (!base_parse_int(o->out + (times || part), &number) || number < 1) return 0;
    if (!times)
        out = part ? in / number : number;
    else if (!base_mul(in, number, &out))
        return 0;
    return out <= MAX_CHANNELS ? out : 0;
}

int64_t nn_conv2d_groups(const void *options, nn_shape in) {
    const conv2d_options *o = options;
    return o->groups > 0 ? o->groups : in.dim[0];
}

/* As many planes of y as make a task worth its while. */
static void cut_planes(conv_geometry *g) {
    int64_t limit = TASK_MACS / (g->k * g->group_out * g->out_plane);
    g->tile = limit < 1 ? 1 : limit < g->groups ? limit : g->groups;
    g->n_tiles = nn_ceil_div(g->groups, g->tile);
    g->plane = nn_depthwise_make(g->f, g->t);
}

/* One group whose planes are large enough does without im2col. */
static void cut_group(conv_geometry *g) {
    g->convolution = nn_convolution_make(g->f, g->t, g->group_in, g->group_out);
    g->direct = g->groups == 1 && nn_convolution_fits(&g->convolution);
    if (!g->direct) {
        cut_tiles(g);
        return;
    }
    g->n_tiles = g->convolution.n_blocks;
}

/* The options have passed plan(). */
static conv_geometry make_geometry(const conv2d_options *o, nn_shape in) {
    int64_t groups = nn_conv2d_groups(o, in);
    conv_geometry g = {.f = make_axis(o, 0, in.dim[1]),
                       .t = make_axis(o, 1, in.dim[2]),
                       .groups = groups,
                       .group_in = in.dim[0] / groups,
                       .group_out = out_channels(o, in.dim[0]) / groups,
                       .bias = o->bias};
    nn_set_padding(&o->pad, &g.f, &g.t);
    g.f.out = nn_axis_extent(&g.f, g.f.in);
    g.t.out = nn_axis_extent(&g.t, g.t.in);
    g.k = g.group_in * g.f.kernel * g.t.kernel;
    g.in_plane = g.f.in * g.t.in;
    g.out_plane = g.f.out * g.t.out;
    g.flat = g.f.stride == 1 && g.t.stride == 1 && g.t.out == g.t.in;
    g.depthwise = g.group_in == 1 && g.groups > 1;
    g.pointwise = !g.depthwise && axis_is_trivial(&g.f) && axis_is_trivial(&g.t);
    if (g.out_plane > 0) (g.depthwise ? cut_planes : cut_group)(&g);
    return g;
}

void nn_conv2d_pads(const void *options, nn_shape in, int64_t pads[4]) {
    conv_geometry g = make_geometry(options, in);
    nn_axis_pads(&g.f, &g.t, pads);
}

static base_status check_lists(const conv2d_options *o, base_error *err) {
    BASE_TRY(nn_check_pair("kernel", o->kernel, err));
    BASE_TRY(nn_check_pair("stride", o->stride, err));
    BASE_TRY(nn_check_pair("dilation", o->dilation, err));
    return nn_check_padding(&o->pad, err);
}

/* Whether weights, padded planes and products can be counted, as make_geometry does. */
static bool is_countable(const conv2d_options *o, nn_shape in, int64_t groups, int64_t out) {
    nn_axis f = make_axis(o, 0, in.dim[1]), t = make_axis(o, 1, in.dim[2]);
    nn_set_padding(&o->pad, &f, &t);
    nn_shape weight = nn_shape_make(4, (int64_t[]){out, in.dim[0] / groups, f.kernel, t.kernel});
    nn_shape planes =
        nn_shape_make(3, (int64_t[]){nn_max(in.dim[0], out), f.in + f.before + f.after + f.stride,
                                     t.in + t.before + t.after + t.stride});
    int64_t n_weights = nn_shape_count(weight), n_places = nn_shape_count(planes), n_products;
    return n_weights > 0 && n_places > 0 && base_mul(n_weights, n_places, &n_products);
}

static base_status find_geometry(const conv2d_options *o, const nn_plan *plan, conv_geometry *g,
                                 base_error *err) {
    BASE_TRY(nn_need_rank(plan, 3, ". Put 'to_image' before it", err));
    int64_t channels = plan->in[0].dim[0], groups = nn_conv2d_groups(o, plan->in[0]);
    int64_t out = out_channels(o, channels);
    if (out == 0) {
        return base_fail(err, BASE_ECONFIG,
                         "out: '%s' for %lld input channels; a number from 1 to %d, xN or /N is "
                         "needed",
                         o->out, (long long)channels, MAX_CHANNELS);
    }
    if (channels % groups != 0 || out % groups != 0) {
        return base_fail(err, BASE_ESHAPE,
                         "groups: %lld does not divide both %lld input and %lld output channels",
                         (long long)groups, (long long)channels, (long long)out);
    }
    char text[64];
    if (!is_countable(o, plan->in[0], groups, out)) {
        return base_fail(err, BASE_ESHAPE, "input is %s; kernel, stride or pad is too large for it",
                         nn_shape_text(plan->in[0], true, text));
    }
    *g = make_geometry(o, plan->in[0]);
    if (g->f.out >= 1 && g->t.out >= 1) return BASE_OK;
    return base_fail(err, BASE_ESHAPE, "input is %s; the kernel [%lld,%lld] does not fit into it",
                     nn_shape_text(plan->in[0], true, text), (long long)g->f.kernel,
                     (long long)g->t.kernel);
}

static int64_t weight_count(const conv_geometry *g) {
    return g->groups * g->group_out * g->k;
}

static int64_t gradient_count(const conv_geometry *g) {
    return g->direct ? g->convolution.n_gradient : g->groups * g->k * g->group_out;
}

static int64_t column_floats(const conv_geometry *g) {
    return g->pointwise ? 0 : g->k * g->tile;
}

/* For each worker, for all, and the sums of each shard. */
static void plan_scratch(const conv_geometry *g, nn_plan *plan) {
    const nn_convolution *c = &g->convolution;
    plan->n_worker_scratch = column_floats(g) + (plan->training ? g->group_out * g->tile : 0);
    if (g->depthwise) plan->n_worker_scratch = g->plane.n_scratch;
    if (g->direct) {
        plan->n_worker_scratch = c->n_worker_forward;
        plan->n_scratch = c->n_shared_forward;
    }
    if (!plan->training) return;
    if (g->direct && c->n_worker_backward > plan->n_worker_scratch) {
        plan->n_worker_scratch = c->n_worker_backward;
    }
    if (g->direct) plan->n_scratch = nn_max(c->n_shared_forward, c->n_shared_backward);
    plan->n_sums = gradient_count(g) + g->groups * g->group_out;
}

static base_status conv2d_plan(nn_plan *plan, base_error *err) {
    const conv2d_options *o = plan->options;
    conv_geometry g;
    BASE_TRY(check_lists(o, err));
    BASE_TRY(find_geometry(o, plan, &g, err));
    int64_t out = g.groups * g.group_out;
    plan->out = nn_shape_make(3, (int64_t[]){out, g.f.out, g.t.out});
    nn_shape weight = nn_shape_make(4, (int64_t[]){out, g.group_in, g.f.kernel, g.t.kernel});
    BASE_TRY(nn_plan_tensor(plan, "weight", weight, NN_DECAYED, err));
    if (o->bias) {
        nn_shape bias = nn_shape_make(1, &out);
        BASE_TRY(nn_plan_tensor(plan, "bias", bias, NN_TRAINED, err));
    }
    nn_plan_work(plan, out * g.k, g.out_plane);
    plan_scratch(&g, plan);
    if (plan->training) plan->backward_reads = NN_READS_X;
    return nn_plan_keep(plan, &g, sizeof g, err);
}

/* Only what the map gives is kept. */
static bool conv2d_fuse_map(nn_plan *plan, const nn_function *function) {
    if (!plan->training) return true;
    if (!(function->derivative & NN_READS_Y)) return false;
    plan->backward_reads |= NN_READS_Y;
    return true;
}

/* Behind ReLU: a maximum above zero is then one of a valid frame, and from no other is there a
 * gradient. */
static bool conv2d_fuse_pool(nn_plan *plan) {
    conv_geometry *g = plan->kept;
    if (plan->map.kind != NN_RELU || g->groups != 1) return false;
    nn_convolution pooled =
        nn_convolution_make_pooled(&g->convolution, plan->pool.kernel_f, plan->pool.kernel_t);
    if (!nn_convolution_fits(&pooled)) return false;
    g->convolution = pooled;
    g->direct = true;
    g->n_tiles = pooled.n_blocks;
    g->out_plane = plan->out.dim[1] * plan->out.dim[2]; /* y holds the maxima */
    plan_scratch(g, plan);
    if (plan->training) plan->n_cache = nn_pool_index_floats(plan);
    return true;
}

/* Scale and shift of each channel follow the scratch that all tasks share. */
static bool conv2d_fuse_norm(nn_plan *plan, const nn_plan *norm) {
    (void)norm;
    plan->n_scratch = nn_whole_lines(plan->n_scratch) + 2 * plan->out.dim[0];
    return true;
}

static void fill_floats(float *x, int64_t n, float value) {
    for (int64_t i = 0; i < n; i++) x[i] = value;
}

/* K. He et al., ICCV 2015, by fan out. */
static void init_he(const conv_geometry *g, base_rng *rng, float *weight, float *bias) {
    int64_t n_out = g->groups * g->group_out, fan_out = n_out * g->f.kernel * g->t.kernel;
    float deviation = (float)sqrt(2.0 / (double)fan_out);
    for (int64_t i = 0; i < weight_count(g); i++) weight[i] = deviation * base_rng_normal(rng);
    if (bias != NULL) fill_floats(bias, n_out, 0.0f);
}

/* PyTorch's kaiming_uniform(a = sqrt 5): uniform within 1 / sqrt(fan in). */
static void conv2d_init(const nn_plan *plan, base_rng *rng, float *param, float *state) {
    const conv2d_options *o = plan->options;
    (void)state;
    const conv_geometry *g = plan->kept;
    float *weight = nn_plan_find(plan, "weight", param), *bias = nn_plan_find(plan, "bias", param);
    if (o->init == INIT_HE) {
        init_he(g, rng, weight, bias);
        return;
    }
    float bound = (float)(1.0 / sqrt((double)g->k));
    nn_init_uniform(rng, bound, weight, weight_count(g));
    if (bias != NULL) nn_init_uniform(rng, bound, bias, g->groups * g->group_out);
}

static int64_t conv2d_length(const nn_plan *plan, int64_t length) {
    const conv_geometry *g = plan->kept;
    int64_t kernel_t = plan->pool.kernel_t;
    length = nn_axis_extent(&g->t, length);
    return kernel_t == 0 ? length : clamped(length, 1, g->t.out) / kernel_t;
}

/* What tasks share. */
typedef struct {
    const conv_geometry *g;
    const nn_run *run;
    const nn_kernels_table *kernels;
    nn_map map;                 /* the activation */
    const float *scale, *shift; /* [channels], applied before the map; NULL: 1 and 0 */
    const float *x, *weight, *bias;
    float *y, *dy, *dx;
    float *shared;   /* of a direct convolution */
    int64_t n_parts; /* of its output channels */
} conv_call;

static conv_call open_call(const nn_run *run) {
    const nn_plan *plan = run->plan;
    return (conv_call){.g = plan->kept,
                       .run = run,
                       .kernels = nn_kernels(),
                       .map = plan->map,
                       .x = run->x[0],
                       .weight = nn_plan_find(plan, "weight", (float *)run->param),
                       .bias = nn_plan_find(plan, "bias", (float *)run->param),
                       .y = run->y,
                       .dy = run->dy,
                       .dx = run->dx[0],
                       .shared = run->scratch};
}

/* Scale and shift of the fused normalisation; the map is then the one fused into that. */
static void open_norm(conv_call *call) {
    const nn_plan *plan = call->run->plan, *norm = plan->norm;
    if (norm == NULL) return;
    int64_t channels = plan->out.dim[0];
    float *scale = call->run->scratch + plan->n_scratch - 2 * channels, *shift = scale + channels;
    norm->layer->scales(norm, call->run->norm_param, call->run->norm_state, scale, shift);
    call->map = norm->map;
    call->scale = scale;
    call->shift = shift;
}

/* Whether anything is left to apply to the convolution's output. */
static bool is_mapped(const conv_call *call) {
    return call->map.kind != NN_IDENTITY || call->scale != NULL;
}

/* The outputs that one element of the kernel has an input for. */
static nn_axis_span span_of(const nn_axis *a, int64_t element) {
    return nn_axis_span_of(a, element * a->dilation - a->before, a->out);
}

/* A tile of output positions [begin, end) seen through one element of the kernel. */
typedef struct {
    const conv_geometry *g;
    nn_axis_span f, t;
    int64_t begin, end;
    int64_t row;                /* where the output row starts in which the tile begins */
    int64_t first, last, shift; /* flat: positions [first, last) take their input `shift` further,
                                 * except that those at the ends of rows would take a neighbour's */
} conv_view;

static conv_view view_of(const conv_geometry *g, int64_t element, int64_t begin, int64_t end) {
    conv_view v = {.g = g,
                   .f = span_of(&g->f, element / g->t.kernel),
                   .t = span_of(&g->t, element % g->t.kernel),
                   .begin = begin,
                   .end = end,
                   .row = begin - begin % g->t.out};
    v.shift = v.f.origin * g->t.in + v.t.origin;
    int64_t first = v.f.first * g->t.out, last = v.f.end * g->t.out;
    if (first < -v.shift) first = -v.shift;
    if (last > g->in_plane - v.shift) last = g->in_plane - v.shift;
    v.first = clamped(first, begin, end);
    v.last = clamped(last, v.first, end);
    return v;
}

/* Zeroes the columns whose input lies before or after its row. */
static void clear_edges(const conv_view *v, float *col) {
    int64_t width = v->g->t.out;
    for (int64_t row = v->row; row < v->end && v->t.first > 0; row += width) {
        int64_t end = clamped(row + v->t.first, v->begin, v->end);
        for (int64_t i = clamped(row, v->begin, v->end); i < end; i++) col[i - v->begin] = 0.0f;
    }
    for (int64_t row = v->row; row < v->end && v->t.end < width; row += width) {
        int64_t end = clamped(row + width, v->begin, v->end);
        int64_t i = clamped(row + v->t.end, v->begin, v->end);
        for (; i < end; i++) col[i - v->begin] = 0.0f;
    }
}

static void gather_flat(const conv_view *v, const float *x, float *col) {
    int64_t n = v->last - v->first;
    memset(col, 0, (size_t)(v->first - v->begin) * sizeof *col);
    if (n > 0) memcpy(col + v->first - v->begin, x + v->first + v->shift, (size_t)n * sizeof *col);
    memset(col + v->last - v->begin, 0, (size_t)(v->end - v->last) * sizeof *col);
    clear_edges(v, col);
}

/* A part of one output row: the next n columns, of which [lead, lead + valid) come from x at
 * `source` on, a stride apart. */
typedef struct {
    int64_t n, lead, valid, source;
} conv_piece;

static conv_piece piece_at(const conv_view *v, int64_t row_start, int64_t position) {
    const conv_geometry *g = v->g;
    int64_t row = row_start / g->t.out, from = position - row_start, to = v->end - row_start;
    if (to > g->t.out) to = g->t.out;
    conv_piece piece = {.n = to - from};
    if (row < v->f.first || row >= v->f.end) return piece;
    int64_t first = clamped(v->t.first, from, to), last = clamped(v->t.end, from, to);
    piece.lead = first - from;
    piece.valid = last - first;
    piece.source = (row * g->f.stride + v->f.origin) * g->t.in + first * g->t.stride + v->t.origin;
    return piece;
}

/* One row of the im2col matrix from a plane x. */
static void gather_row(const conv_view *v, const float *x, float *col) {
    if (v->g->flat) {
        gather_flat(v, x, col);
        return;
    }
    int64_t position = v->begin;
    for (int64_t row = v->row; row < v->end; row += v->g->t.out) {
        conv_piece p = piece_at(v, row, position);
        for (int64_t i = 0; i < p.lead; i++) col[i] = 0.0f;
        col += p.lead;
        nn_strided_gather(x + p.source, v->g->t.stride, col, p.valid);
        col += p.valid;
        int64_t rest = p.n - p.lead - p.valid;
        for (int64_t i = 0; i < rest; i++) col[i] = 0.0f;
        col += rest;
        position += p.n;
    }
}

/* The reverse (col2im): adds a row of the matrix, which may be altered, to the plane dx. */
static void scatter_row(const conv_view *v, const nn_kernels_table *kernels, float *col,
                        float *dx) {
    if (v->g->flat) {
        clear_edges(v, col);
        kernels->add(col + v->first - v->begin, dx + v->first + v->shift, v->last - v->first);
        return;
    }
    int64_t position = v->begin;
    for (int64_t row = v->row; row < v->end; row += v->g->t.out) {
        conv_piece p = piece_at(v, row, position);
        col += p.lead;
        nn_strided_add(col, p.valid, dx + p.source, v->g->t.stride);
        col += p.n - p.lead;
        position += p.n;
    }
}

/* im2col: the matrix [k, n] of a tile of one group's planes x. */
static void gather_tile(const conv_geometry *g, const float *x, int64_t begin, int64_t n,
                        float *col) {
    int64_t elements = g->f.kernel * g->t.kernel;
    for (int64_t i = 0; i < elements; i++) {
        conv_view view = view_of(g, i, begin, begin + n);
        for (int64_t c = 0; c < g->group_in; c++) {
            gather_row(&view, x + c * g->in_plane, col + (c * elements + i) * n);
        }
    }
}

static void scatter_tile(const conv_call *call, float *col, int64_t begin, int64_t n, float *dx) {
    const conv_geometry *g = call->g;
    int64_t elements = g->f.kernel * g->t.kernel;
    for (int64_t i = 0; i < elements; i++) {
        conv_view view = view_of(g, i, begin, begin + n);
        for (int64_t c = 0; c < g->group_in; c++) {
            scatter_row(&view, call->kernels, col + (c * elements + i) * n, dx + c * g->in_plane);
        }
    }
}

/* A group of one sample. */
typedef struct {
    const float *weight, *bias, *x, *dy; /* bias may be NULL */
    float *y, *dx, *dweight;
    int64_t first_out; /* the group's first output channel */
} conv_group;

static conv_group group_of(const conv_call *call, int64_t sample, int64_t group) {
    const conv_geometry *g = call->g;
    int64_t in = (sample * g->groups + group) * g->group_in * g->in_plane;
    int64_t out = (sample * g->groups + group) * g->group_out * g->out_plane;
    return (conv_group){.weight = call->weight + group * g->group_out * g->k,
                        .bias = g->bias ? call->bias + group * g->group_out : NULL,
                        .x = call->x + in,
                        .dy = call->dy != NULL ? call->dy + out : NULL,
                        .y = call->y != NULL ? call->y + out : NULL,
                        .dx = call->dx != NULL ? call->dx + in : NULL,
                        .first_out = group * g->group_out};
}

/* Output positions [begin, begin + n), and scratch for their im2col matrix. */
typedef struct {
    int64_t begin, n;
    float *scratch;
} conv_tile;

static conv_tile tile_at(const conv_geometry *g, int64_t begin, float *scratch) {
    return (conv_tile){begin, clamped(g->out_plane - begin, 0, g->tile), scratch};
}

/* The im2col matrix of a tile: gathered, or for 1x1 the input itself. */
static const float *tile_columns(const conv_geometry *g, const float *x, const conv_tile *tile,
                                 int64_t *stride) {
    *stride = g->pointwise ? g->in_plane : tile->n;
    if (g->pointwise) return x + tile->begin;
    gather_tile(g, x, tile->begin, tile->n, tile->scratch);
    return tile->scratch;
}

static void forward_group(const conv_call *call, const conv_group *at, const conv_tile *tile) {
    const conv_geometry *g = call->g;
    int64_t stride;
    const float *col = tile_columns(g, at->x, tile, &stride);
    for (int64_t o = 0; o < g->group_out && g->bias; o++) {
        fill_floats(at->y + o * g->out_plane + tile->begin, tile->n, at->bias[o]);
    }
    nn_gemm(&(nn_gemm_args){.m = g->group_out,
                            .n = tile->n,
                            .k = g->k,
                            .alpha = 1.0f,
                            .beta = g->bias ? 1.0f : 0.0f,
                            .a = at->weight,
                            .lda = g->k,
                            .b = col,
                            .ldb = stride,
                            .c = at->y + tile->begin,
                            .ldc = g->out_plane});
}

/* Channels [first, end) of a group. */
static void activate_channels(const conv_call *call, const conv_group *group, int64_t first,
                              int64_t end, const conv_tile *tile) {
    nn_map map = call->map;
    for (int64_t o = first; o < end; o++) {
        float *y = group->y + o * call->g->out_plane + tile->begin;
        if (call->scale != NULL) {
            map.scale = call->scale[group->first_out + o];
            map.shift = call->shift[group->first_out + o];
        }
        call->kernels->activate(&map, y, y, tile->n);
    }
}

static void activate_group(const conv_call *call, const conv_group *at, const conv_tile *tile) {
    activate_channels(call, at, 0, call->g->group_out, tile);
}

static float *scratch_of(const conv_call *call, int worker) {
    return call->run->worker_scratch + worker * call->run->plan->n_worker_scratch;
}

static void forward_task(void *context, int64_t task, int worker) {
    const conv_call *call = context;
    const conv_geometry *g = call->g;
    conv_tile tile = tile_at(g, task % g->n_tiles * g->tile, scratch_of(call, worker));
    for (int64_t group = 0; group < g->groups; group++) {
        conv_group at = group_of(call, task / g->n_tiles, group);
        forward_group(call, &at, &tile);
        if (is_mapped(call)) activate_group(call, &at, &tile);
    }
}

static void forward_planes_task(void *context, int64_t task, int worker) {
    const conv_call *call = context;
    const conv_geometry *g = call->g;
    int64_t begin = task % g->n_tiles * g->tile, end = clamped(begin + g->tile, 0, g->groups);
    conv_tile plane = {.n = g->out_plane};
    nn_depthwise_begin(&g->plane, scratch_of(call, worker));
    for (int64_t group = begin; group < end; group++) {
        conv_group at = group_of(call, task / g->n_tiles, group);
        for (int64_t o = 0; o < g->group_out; o++) {
            nn_depthwise_plane to = {.weight = at.weight + o * g->k,
                                     .x = at.x,
                                     .bias = g->bias ? at.bias[o] : 0.0f,
                                     .y = at.y + o * g->out_plane};
            nn_depthwise_forward(&g->plane, &to, scratch_of(call, worker));
        }
        if (is_mapped(call)) activate_group(call, &at, &plane);
    }
}

/* Frames of a sample's numbers before they are pooled. */
static int64_t valid_frames(const conv_call *call, int64_t sample) {
    const int32_t *length = call->run->in_length;
    const nn_axis *t = &call->g->t;
    return length != NULL ? clamped(nn_axis_extent(t, length[sample]), 1, t->out) : t->out;
}

static int64_t padding_frames(const conv_call *call, int64_t sample) {
    const int32_t *length = call->run->in_length;
    return length != NULL ? call->g->t.in - clamped(length[sample], 1, call->g->t.in) : 0;
}

/* Whether all there is to apply is ReLU, which a direct convolution does by its lower_bound. */
static bool is_bounded(const conv_call *call) {
    return call->map.kind == NN_RELU && call->scale == NULL;
}

/* What the direct convolution of a sample is given. */
static nn_convolution_sample direct_sample(const conv_call *call, const conv_group *at,
                                           int64_t number, float *scratch) {
    uint8_t *index = (uint8_t *)call->run->cache;
    bool indexed = call->run->plan->n_cache > 0;
    return (nn_convolution_sample){
        .weight = at->weight,
        .bias = at->bias,
        .x = at->x,
        .dy = at->dy,
        .y = at->y,
        .index = indexed ? index + number * call->g->group_out * call->g->out_plane : NULL,
        .n_valid = valid_frames(call, number),
        .n_idle = call->g->t.out - valid_frames(call, number),
        .n_idle_dx = padding_frames(call, number),
        .lower_bound = is_bounded(call) ? 0.0f : -INFINITY,
        .dx = at->dx,
        .dweight = at->dweight,
        .shared = call->shared,
        .scratch = scratch};
}

/* The first output channel of a part. */
static int64_t part_begin(const conv_call *call, int64_t part) {
    int64_t out = call->g->group_out, unit = call->g->convolution.unit;
    return nn_min(part * nn_ceil_div(out, unit) / call->n_parts * unit, out);
}

static void forward_direct_task(void *context, int64_t task, int worker) {
    const conv_call *call = context;
    const conv_geometry *g = call->g;
    int64_t part = task % call->n_parts, block = task / call->n_parts;
    int64_t number = block / g->n_tiles;
    conv_group at = group_of(call, number, 0);
    nn_convolution_sample sample = direct_sample(call, &at, number, scratch_of(call, worker));
    sample.first_channel = part_begin(call, part);
    sample.last_channel = part_begin(call, part + 1);
    int64_t first, end;
    nn_convolution_forward(&g->convolution, &sample, block % g->n_tiles, &first, &end);
    conv_tile rows = {.begin = first * g->t.out, .n = (end - first) * g->t.out};
    if (!is_mapped(call) || is_bounded(call)) return;
    activate_channels(call, &at, sample.first_channel, sample.last_channel, &rows);
}

/* Too few blocks to keep all threads busy are split by output channels as well. That decides which
 * thread computes a channel, not how: no bit depends on it. */
static int64_t count_parts(const conv_call *call, int64_t n_blocks) {
    const conv_geometry *g = call->g;
    int64_t wanted = base_pool_threads(call->run->pool);
    int64_t macs = weight_count(g) * g->out_plane / g->n_tiles;
    int64_t most =
        nn_min(g->group_out / nn_max(MIN_PART, g->convolution.unit), macs / MIN_PART_MACS);
    return n_blocks >= wanted ? 1 : clamped(wanted / n_blocks, 1, nn_max(most, 1));
}

static void begin_forward_task(void *context, int64_t task, int worker) {
    (void)worker;
    const conv_call *call = context;
    nn_convolution_begin_forward(&call->g->convolution, task, call->weight, call->shared);
}

static void forward_direct(conv_call *call) {
    const conv_geometry *g = call->g;
    base_pool *pool = call->run->pool;
    int64_t n_blocks = call->run->batch * g->n_tiles;
    call->n_parts = count_parts(call, n_blocks);
    if (nn_convolution_is_alone(&g->convolution, call->run->batch)) {
        call->shared = NULL;
    } else {
        base_parallel(pool, g->convolution.n_begin_forward, begin_forward_task, call);
    }
    base_parallel(pool, n_blocks * call->n_parts, forward_direct_task, call);
}

static void conv2d_forward(const nn_run *run) {
    conv_call call = open_call(run);
    open_norm(&call);
    if (call.g->direct) {
        forward_direct(&call);
        return;
    }
    base_task *task = call.g->depthwise ? forward_planes_task : forward_task;
    base_parallel(run->pool, run->batch * call.g->n_tiles, task, &call);
}

/* dW^T += col dy^T. Unless there is little to multiply, dy, the smaller operand, is transposed
 * first: OpenBLAS is a third slower where both operands have their long side inside. */
static void backward_weight(const conv_call *call, const conv_group *at, const conv_tile *tile) {
    const conv_geometry *g = call->g;
    int64_t stride;
    const float *col = tile_columns(g, at->x, tile, &stride), *dy = at->dy + tile->begin;
    bool transpose = g->k >= MIN_TRANSPOSED_K;
    float *transposed = tile->scratch + column_floats(g);
    if (transpose) call->kernels->transpose(dy, g->out_plane, g->group_out, tile->n, transposed);
    nn_gemm(&(nn_gemm_args){.trans_b = !transpose,
                            .m = g->k,
                            .n = g->group_out,
                            .k = tile->n,
                            .alpha = 1.0f,
                            .beta = 1.0f,
                            .a = col,
                            .lda = stride,
                            .b = transpose ? transposed : dy,
                            .ldb = transpose ? g->group_out : g->out_plane,
                            .c = at->dweight,
                            .ldc = g->group_out});
}

/* dx += W^T dy, brought back from columns to places. */
static void backward_x(const conv_call *call, const conv_group *at, const conv_tile *tile) {
    const conv_geometry *g = call->g;
    nn_gemm(&(nn_gemm_args){.trans_a = true,
                            .m = g->k,
                            .n = tile->n,
                            .k = g->group_out,
                            .alpha = 1.0f,
                            .beta = 0.0f,
                            .a = at->weight,
                            .lda = g->k,
                            .b = at->dy + tile->begin,
                            .ldb = g->out_plane,
                            .c = g->pointwise ? at->dx + tile->begin : tile->scratch,
                            .ldc = g->pointwise ? g->in_plane : tile->n});
    if (!g->pointwise) scatter_tile(call, tile->scratch, tile->begin, tile->n, at->dx);
}

static void backward_planes(const conv_call *call, const conv_group *at, float *scratch) {
    const conv_geometry *g = call->g;
    for (int64_t o = 0; o < g->group_out; o++) {
        nn_depthwise_gradient plane = {.weight = at->weight + o * g->k,
                                       .x = at->x,
                                       .dy = at->dy + o * g->out_plane,
                                       .dweight = at->dweight + o,
                                       .dweight_step = g->group_out,
                                       .dx = at->dx,
                                       .adds = o > 0};
        nn_depthwise_backward(&g->plane, &plane, scratch);
    }
}

static void backward_group(const conv_call *call, const conv_group *at, float *scratch) {
    const conv_geometry *g = call->g;
    if (g->depthwise) {
        backward_planes(call, at, scratch);
        return;
    }
    if (at->dx != NULL) fill_floats(at->dx, g->group_in * g->in_plane, 0.0f);
    for (int64_t begin = 0; begin < g->out_plane; begin += g->tile) {
        conv_tile tile = tile_at(g, begin, scratch);
        backward_weight(call, at, &tile);
        if (at->dx != NULL) backward_x(call, at, &tile);
    }
}

static void backward_direct(const conv_call *call, int64_t number, bool is_first, float *dweight,
                            float *scratch) {
    conv_group at = group_of(call, number, 0);
    at.dweight = dweight;
    nn_convolution_sample sample = direct_sample(call, &at, number, scratch);
    sample.is_first = is_first;
    nn_convolution_backward(&call->g->convolution, &sample);
}

static void backward_bias(const conv_call *call, int64_t sample, float *dbias) {
    const conv_geometry *g = call->g;
    int64_t channels = g->groups * g->group_out;
    for (int64_t o = 0; o < channels; o++) {
        const float *dy = call->dy + (sample * channels + o) * g->out_plane;
        dbias[o] += call->kernels->sum(dy, g->out_plane);
    }
}

/* dy of one sample becomes the gradient of what the activation was applied to. */
static void backward_activation(const conv_call *call, int64_t sample) {
    int64_t n = call->g->groups * call->g->group_out * call->g->out_plane;
    call->kernels->activate_backward(&call->map, call->y + sample * n, call->dy + sample * n, n);
}

/* All samples of a shard, one after the other. Its sums: the weight's gradient, then the bias's. */
static void backward_task(void *context, int64_t task, int worker) {
    const conv_call *call = context;
    const conv_geometry *g = call->g;
    float *scratch = scratch_of(call, worker);
    int shard = call->run->shards.first + (int)task;
    float *dweight = nn_shard_sums(call->run, shard);
    int64_t begin = nn_shard_begin(call->run, shard), end = nn_shard_begin(call->run, shard + 1);
    bool needs_zeros = !g->direct || g->convolution.needs_zeros || begin == end;
    int64_t n_kept = needs_zeros ? 0 : gradient_count(g); /* the first sample overwrites them */
    memset(dweight + n_kept, 0,
           (size_t)(nn_sums_stride(call->run->plan) - n_kept) * sizeof *dweight);
    if (g->depthwise) nn_depthwise_begin(&g->plane, scratch);
    for (int64_t sample = begin; sample < end; sample++) {
        if (call->map.kind != NN_IDENTITY) backward_activation(call, sample);
        if (g->direct) backward_direct(call, sample, sample == begin, dweight, scratch);
        for (int64_t group = 0; group < g->groups && !g->direct; group++) {
            conv_group at = group_of(call, sample, group);
            at.dweight = dweight + group * g->k * g->group_out;
            backward_group(call, &at, scratch);
        }
        if (g->bias) backward_bias(call, sample, dweight + gradient_count(g));
    }
}

typedef struct {
    const nn_convolution *convolution;
    float *from, *dweight;
} direct_addition;

static void add_direct_task(void *context, int64_t task, int worker) {
    (void)worker;
    const direct_addition *at = context;
    nn_convolution_add_gradient(at->convolution, task, at->from, at->dweight);
}

/* Gradients of the weights are collected as [groups, k, group_out]. */
static void add_gradient(const conv_geometry *g, base_pool *pool, float *from, float *dweight) {
    if (g->direct) {
        direct_addition all = {&g->convolution, from, dweight};
        base_parallel(pool, g->convolution.n_add, add_direct_task, &all);
        return;
    }
    for (int64_t o = 0; o < g->groups * g->group_out; o++) {
        const float *column = from + o / g->group_out * g->k * g->group_out + o % g->group_out;
        for (int64_t i = 0; i < g->k; i++) dweight[o * g->k + i] += column[i * g->group_out];
    }
}

static void begin_backward_task(void *context, int64_t task, int worker) {
    (void)worker;
    const conv_call *call = context;
    nn_convolution_begin_backward(&call->g->convolution, task, call->weight, call->shared);
}

static void conv2d_backward(const nn_run *run) {
    conv_call call = open_call(run);
    const conv_geometry *g = call.g;
    if (g->direct) {
        base_parallel(run->pool, g->convolution.n_begin_backward, begin_backward_task, &call);
    }
    base_parallel(run->pool, run->shards.end - run->shards.first, backward_task, &call);
}

static void conv2d_add_sums(const nn_run *run, float *sums) {
    const conv_geometry *g = run->plan->kept;
    add_gradient(g, run->pool, sums, nn_plan_find(run->plan, "weight", run->dparam));
    float *dbias = nn_plan_find(run->plan, "bias", run->dparam);
    if (dbias != NULL) nn_kernels()->add(sums + gradient_count(g), dbias, g->groups * g->group_out);
}

const nn_layer nn_layer_conv2d = {
    .variant = {"conv2d", "convolution of an image with trained kernels", NULL, conv2d_table,
                sizeof(conv2d_options)},
    .plan = conv2d_plan,
    .fuse_map = conv2d_fuse_map,
    .fuse_pool = conv2d_fuse_pool,
    .fuse_norm = conv2d_fuse_norm,
    .init = conv2d_init,
    .length = conv2d_length,
    .forward = conv2d_forward,
    .backward = conv2d_backward,
    .add_sums = conv2d_add_sums,
};
