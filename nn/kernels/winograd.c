#include "nn/kernels/winograd.h"

#include <string.h>

enum {
    TILE = 4,
    ELEMENTS = TILE * TILE,
    STEP = 2,
    PHASES = STEP * STEP,
    KERNEL = 3,
    KERNEL_SIZE = 9
};
enum { LOADED = 16 /* input channels whose kernels are read at a time */ };
enum { ROWS = NN_PANEL /* output channels whose products stay in the L1 cache */ };
/* Of what is multiplied at a time for the weights' gradient: half of an L2 cache of 1 MiB. */
enum { GATHER_FLOATS = 112 * 1024, MAX_CHUNK = 256 };
/* From this many pairs of channels on, gradients are folded at once. */
enum { MIN_FOLDED_PAIRS = 128 * 128, FOLDED_GATHER_FLOATS = 512 * 1024 };
/* The transforms take about as long as SPARED of the 36 products; with fewer pairs of channels they
 * cost what is won. */
enum { SPARED = 6, MIN_PAIRS = 256, MIN_CHANNELS = 8 };

/* ------------------------------------------------------------------ geometry */

bool nn_winograd_can(const nn_axis *f, const nn_axis *t) {
    const nn_axis *axes[2] = {f, t};
    for (int i = 0; i < 2; i++) {
        if (axes[i]->kernel != KERNEL || axes[i]->stride != 1 || axes[i]->dilation != 1 ||
            axes[i]->before >= KERNEL) {
            return false;
        }
    }
    return true;
}

static int64_t n_tiles(const nn_axis *a) {
    return nn_ceil_div(a->out, STEP);
}

/* Places of n_rows rows of tiles as they lie in the planes, those between two rows included. */
static int64_t n_places(const nn_winograd *w, int64_t n_rows) {
    return (n_rows - 1) * w->x.pitch + w->columns;
}

static nn_axis input_tiles(const nn_axis *a) {
    return (nn_axis){
        .in = a->in, .kernel = TILE, .stride = STEP, .dilation = 1, .before = a->before};
}

static nn_axis output_tiles(const nn_axis *a) {
    return (nn_axis){.in = a->out, .kernel = STEP, .stride = STEP, .dilation = 1};
}

/* Floats between the elements of `channels` tiles at n places. They are written side by side, and
 * a multiple of 4096 bytes would put all of them into the same lines of the L1 cache. */
static int64_t tile_pitch(int64_t channels, int64_t n) {
    return channels * n + NN_LANES;
}

static void count_scratch(nn_winograd *w) {
    int64_t steps = nn_round_up(w->in, NN_LANES), block = NN_MAX_TAPS_BLOCK;
    w->n_sum = ELEMENTS * w->in * w->sum_pitch;
    w->n_panels = nn_ceil_div(w->out, NN_PANEL);
    w->kernel_pitch = tile_pitch(w->in, NN_PANEL);
    w->n_shared = w->n_panels * ELEMENTS * w->kernel_pitch;
    w->n_run = nn_planes_room(&w->x) + ELEMENTS * tile_pitch(w->in, block) +
               ROWS * (ELEMENTS + PHASES) * block + ELEMENTS * w->kernel_pitch;
    w->n_gather = steps + nn_planes_room(&w->x) + nn_planes_room(&w->dy) +
                  ELEMENTS * (tile_pitch(w->in, w->chunk) + tile_pitch(w->out, w->chunk)) +
                  PHASES * w->chunk * w->out + (w->folds ? ELEMENTS * NN_WINOGRAD_PAIRS : 0);
}

static void cut_gradient(nn_winograd *w) {
    w->folds = w->in * w->out >= MIN_FOLDED_PAIRS;
    int64_t floats = w->folds ? FOLDED_GATHER_FLOATS : GATHER_FLOATS;
    w->chunk = floats / (ELEMENTS * (w->in + w->out)) / NN_LANES * NN_LANES;
    w->chunk = nn_max(nn_min(w->chunk, MAX_CHUNK), NN_LANES);
    w->sum_pitch = nn_round_up(w->out, NN_LANES);
}

/* Sets the columns of tiles, and the places of a row of them with those its last tile reaches. */
static void set_columns(nn_winograd *w, int64_t n) {
    w->columns = n;
    w->x.pitch = w->dy.pitch = n + nn_planes_reach(&w->x.t);
}

/* Rows of tiles of a block. */
static int64_t tile_rows(const nn_winograd *w, int64_t unit) {
    nn_output_cut cut = {.extent = n_tiles(&w->f),
                         .x_floats = w->in * PHASES * w->x.pitch,
                         .y_floats = w->out * STEP * w->t.out,
                         .macs = w->out * w->in * KERNEL * KERNEL * w->f.out * w->t.out,
                         .unit = unit % STEP == 0 ? unit / STEP : unit};
    return nn_planes_cut_outputs(&cut);
}

nn_winograd nn_winograd_make(nn_axis f, nn_axis t, int64_t in, int64_t out, int64_t unit) {
    nn_winograd w = {.f = f, .t = t, .in = in, .out = out};
    w.x = (nn_planes){.f = input_tiles(&f), .t = input_tiles(&t), .channels = in};
    w.dy = (nn_planes){.f = output_tiles(&f), .t = output_tiles(&t), .channels = out};
    set_columns(&w, n_tiles(&t));
    w.dy.rows = tile_rows(&w, unit);
    w.x.rows = w.dy.rows + nn_planes_reach(&w.x.f);
    w.block_rows = w.dy.rows * STEP;
    w.n_blocks = nn_ceil_div(n_tiles(&f), w.dy.rows);
    cut_gradient(&w);
    count_scratch(&w);
    return w;
}

nn_axis nn_winograd_transposed_axis(const nn_axis *a) {
    return (nn_axis){.in = a->out,
                     .out = a->in,
                     .kernel = KERNEL,
                     .stride = 1,
                     .dilation = 1,
                     .before = KERNEL - 1 - a->before};
}

nn_winograd nn_winograd_transposed(const nn_winograd *w) {
    return nn_winograd_make(nn_winograd_transposed_axis(&w->f), nn_winograd_transposed_axis(&w->t),
                            w->out, w->in, 0);
}

bool nn_winograd_fits(const nn_winograd *w) {
    if (w->in < MIN_CHANNELS || w->out < MIN_CHANNELS || w->in * w->out < MIN_PAIRS) return false;
    int64_t places = nn_round_up(n_places(w, w->dy.rows), NN_LANES) * w->n_blocks;
    return places * (ELEMENTS + SPARED) < w->f.out * w->t.out * KERNEL * KERNEL;
}

/* ------------------------------------------------------------------ weights */

/* Rows [4, n] of x become the three of G^T x, in place. */
static void fold(float *x, int64_t pitch, int64_t n) {
    float *a = x, *b = x + pitch, *c = x + 2 * pitch, *d = x + 3 * pitch;
    for (int64_t i = 0; i < n; i++) {
        float even = 0.5f * (b[i] + c[i]), odd = 0.5f * (b[i] - c[i]);
        a[i] += even;
        b[i] = odd;
        c[i] = even + d[i];
    }
}

/* Which of 4 x 4 elements is element k of 3 x 3. */
static int64_t element_of(int64_t k) {
    return k / KERNEL * TILE + k % KERNEL;
}

/* The kernels of input channels [c, c + n) of a panel, each [9, output channels]. */
static void load_rows(const nn_winograd_weights *w, int64_t first, int64_t c, int64_t n, float *g) {
    int64_t n_rows = nn_min(NN_PANEL, w->out - first), row = w->in * KERNEL_SIZE;
    nn_kernels()->transpose(w->weight + first * row + c * KERNEL_SIZE, row, n_rows, n * KERNEL_SIZE,
                            g);
}

void nn_winograd_transform_panel(const nn_winograd_weights *w, int64_t panel,
                                 nn_winograd_transform *transform, float *to, int64_t pitch) {
    int64_t first = panel * NN_PANEL, n = nn_min(NN_PANEL, w->out - first), size = n * KERNEL_SIZE;
    float g[LOADED * KERNEL_SIZE * NN_PANEL];
    for (int64_t c = 0; c < w->in; c++) {
        if (w->transposed) { /* the kernel's elements in reverse */
            const float *from = w->weight + (c * w->out + first) * KERNEL_SIZE;
            nn_kernels()->transpose(from, KERNEL_SIZE, n, KERNEL_SIZE, g);
            transform(g + size - n, -n, n, to + c * NN_PANEL, pitch);
            continue;
        }
        if (c % LOADED == 0) load_rows(w, first, c, nn_min(LOADED, w->in - c), g);
        transform(g + c % LOADED * size, n, n, to + c * NN_PANEL, pitch);
    }
}

void nn_winograd_begin(const nn_winograd *w, int64_t panel, const float *weight, bool transposed,
                       float *shared) {
    nn_winograd_weights weights = {weight, transposed, w->in, w->out};
    nn_winograd_transform_panel(&weights, panel, nn_kernels()->winograd_kernel,
                                shared + panel * ELEMENTS * w->kernel_pitch, w->kernel_pitch);
}

void nn_winograd_add_gradient(const nn_winograd *w, float *sum, float *dweight) {
    enum { N = KERNEL * KERNEL };
    int64_t n = w->in * w->sum_pitch;
    fold(sum, TILE * n, TILE * n);
    for (int f = 0; f < KERNEL; f++) fold(sum + f * TILE * n, n, n);
    for (int64_t i = 0; i < w->out * w->in; i++) {
        const float *from = sum + i % w->in * w->sum_pitch + i / w->in;
        for (int k = 0; k < N; k++) dweight[i * N + k] += from[element_of(k) * n];
    }
}

/* ------------------------------------------------------------------ from x to y */

/* Where a tile's elements are in a channel's planes. */
static void tile_offsets(const nn_planes *x, int32_t offset[ELEMENTS]) {
    nn_planes one = *x;
    one.channels = 1;
    nn_planes_offsets(&one, offset);
}

/* n places side by side: from which one in the planes on, and to which one of the tiles. */
typedef struct {
    int64_t from, to, n;
} tile_piece;
typedef struct {
    tile_piece piece[NN_MAX_TAPS_BLOCK];
    int n_pieces;
} tile_pieces;

/* B^T d B: for channel c `size` floats of each element, from tiles + c size on. What is written
 * past a piece's last place is overwritten by the next piece or channel. */
static void transform_x(const nn_winograd *w, const float *planes, const tile_pieces *pieces,
                        float *tiles, int64_t size) {
    int32_t offset[ELEMENTS];
    tile_offsets(&w->x, offset);
    int64_t channel = PHASES * w->x.rows * w->x.pitch;
    for (int64_t c = 0; c < w->in; c++) {
        for (int i = 0; i < pieces->n_pieces; i++) {
            const tile_piece *piece = &pieces->piece[i];
            nn_kernels()->winograd_input(planes + c * channel + piece->from, offset, piece->n,
                                         tiles + c * size + piece->to, tile_pitch(w->in, size));
        }
    }
}

/* The rows of a sample's tiles that a block has. */
typedef struct {
    int64_t first, n; /* tile rows */
} tile_block;

static tile_block block_at(const nn_winograd *w, int64_t block) {
    tile_block at = {.first = block * w->dy.rows};
    at.n = nn_min(w->dy.rows, n_tiles(&w->f) - at.first);
    return at;
}

/* y for n places of a block from `begin` on. A row of tiles has `row` places: as many as tiles, or
 * as many as in the planes, so that all rows can be transformed in one go. */
typedef struct {
    const nn_winograd *w;
    const nn_winograd_sample *sample;
    const tile_block *at;
    int64_t row, begin, n;
    float *planes, *tiles;
    float *products;           /* [16, ROWS, block] */
    float *rows;               /* [ROWS, 2, 2 block] */
    float *kernels;            /* of a panel, where none are shared */
    nn_taps_store store[STEP]; /* of even and odd rows */
} place_run;

/* The pieces of rows of tiles among the run's places. */
static void cut_rows(const place_run *run, tile_pieces *pieces) {
    int64_t last = run->begin + run->n;
    pieces->n_pieces = 0;
    for (int64_t i = run->begin; i < last;) {
        tile_piece *piece = &pieces->piece[pieces->n_pieces++];
        piece->from = i / run->row * run->w->x.pitch + i % run->row;
        piece->to = i - run->begin;
        piece->n = nn_min(last - i, run->row - i % run->row);
        i += piece->n;
    }
}

/* And the pieces of even or odd output rows that come of them. */
static void cut_pieces(const place_run *run, const tile_pieces *tiles, int odd,
                       nn_taps_store *store) {
    const nn_winograd *w = run->w;
    store->n_pieces = 0;
    for (int i = 0; i < tiles->n_pieces; i++) {
        const tile_piece *tile = &tiles->piece[i];
        int64_t y_row = tile->from / w->x.pitch * STEP + odd;
        int64_t column = tile->from % w->x.pitch, n = nn_min(tile->n, w->columns - column);
        if (run->at->first * STEP + y_row >= w->f.out || n <= 0) continue;
        int k = store->n_pieces++;
        store->piece[k].from = (int)(tile->to * STEP);
        store->piece[k].n = (int)nn_min(n * STEP, w->t.out - column * STEP);
        store->piece[k].to = y_row * w->t.out + column * STEP;
    }
}

/* The kernels of a panel, transformed. */
static const float *kernels_of(const place_run *run, int64_t panel) {
    const nn_winograd *w = run->w;
    if (run->sample->shared) return run->sample->shared + panel * ELEMENTS * w->kernel_pitch;
    nn_winograd_weights weights = {run->sample->weight, false, w->in, w->out};
    nn_winograd_transform_panel(&weights, panel, nn_kernels()->winograd_kernel, run->kernels,
                                w->kernel_pitch);
    return run->kernels;
}

static void run_channels(place_run *run, int64_t first, int64_t n) {
    const nn_winograd *w = run->w;
    const nn_winograd_sample *sample = run->sample;
    const nn_kernels_table *kernels = nn_kernels();
    int64_t block = kernels->taps_block;
    const float *panel = kernels_of(run, first / NN_PANEL);
    for (int64_t e = 0; e < ELEMENTS; e++) {
        kernels->multiply_panel(&(nn_panel_product){.n_terms = w->in,
                                                    .n_columns = run->n,
                                                    .a = panel + e * w->kernel_pitch,
                                                    .b = run->tiles + e * tile_pitch(w->in, block),
                                                    .b_pitch = block,
                                                    .c = run->products + e * ROWS * block,
                                                    .c_pitch = block});
    }
    for (int64_t r = 0; r < n; r++) {
        kernels->winograd_output(run->products + r * block, ROWS * block, run->n,
                                 run->rows + r * PHASES * block, STEP * block);
    }
    for (int odd = 0; odd < STEP; odd++) {
        nn_taps_store *store = &run->store[odd];
        store->n_rows = n;
        store->bias = sample->bias ? sample->bias + first : NULL;
        store->y = sample->y + first * sample->y_pitch;
        kernels->store_taps(store);
    }
}

static void run_places(place_run *run) {
    const nn_winograd *w = run->w;
    int64_t block = nn_kernels()->taps_block;
    tile_pieces pieces, together = {{{run->begin, 0, run->n}}, 1};
    cut_rows(run, &pieces);
    bool apart = run->row < w->x.pitch;
    transform_x(w, run->planes, apart ? &pieces : &together, run->tiles, block);
    for (int odd = 0; odd < STEP; odd++) {
        run->store[odd] = (nn_taps_store){.y_pitch = run->sample->y_pitch,
                                          .lower_bound = run->sample->lower_bound,
                                          .c = run->rows + odd * STEP * block,
                                          .c_pitch = PHASES * block};
        cut_pieces(run, &pieces, odd, &run->store[odd]);
    }
    int64_t end = run->sample->last_channel;
    for (int64_t o = run->sample->first_channel; o < end; o += ROWS) {
        run_channels(run, o, nn_min(ROWS, end - o));
    }
}

bool nn_winograd_is_small(const nn_winograd *w) {
    return w->dy.rows * w->columns <= nn_kernels()->taps_block;
}

void nn_winograd_rows(const nn_winograd *w, int64_t block, int64_t *first, int64_t *end) {
    tile_block rows = block_at(w, block);
    *first = rows.first * STEP;
    *end = nn_min((rows.first + rows.n) * STEP, w->f.out);
}

void nn_winograd_run(const nn_winograd *whole, const nn_winograd_sample *at, int64_t block) {
    nn_winograd narrow = *whole, *w = &narrow;
    set_columns(w, nn_ceil_div(w->t.out - at->n_idle, STEP));
    tile_block rows = block_at(w, block);
    int64_t n = nn_kernels()->taps_block;
    place_run run = {.w = w, .sample = at, .at = &rows};
    run.planes = at->scratch;
    run.tiles = run.planes + nn_planes_room(&w->x);
    run.products = run.tiles + ELEMENTS * tile_pitch(w->in, n);
    run.rows = run.products + ELEMENTS * ROWS * n;
    run.kernels = run.rows + ROWS * PHASES * n;
    nn_planes_lay_out(&w->x, at->x, rows.first, run.planes);
    int64_t end = n_places(w, rows.n), n_tiles_there = rows.n * w->columns;
    run.row = w->x.pitch;
    if (nn_ceil_div(n_tiles_there, n) < nn_ceil_div(end, n)) {
        run.row = w->columns;
        end = n_tiles_there;
    }
    for (; run.begin < end; run.begin += n) {
        run.n = nn_min(n, end - run.begin);
        run_places(&run);
    }
}

/* ------------------------------------------------------------------ the weights' gradient */

/* A dy A^T for n places, each element [n, out]: dy's four phases are transposed first. */
static void transform_dy(const nn_winograd *w, const float *planes, int64_t n, float *transposed,
                         float *tiles) {
    const nn_kernels_table *kernels = nn_kernels();
    int64_t plane = w->dy.rows * w->dy.pitch;
    for (int64_t phase = 0; phase < PHASES; phase++) {
        kernels->transpose(planes + phase * plane, PHASES * plane, w->out, n,
                           transposed + phase * n * w->out);
    }
    kernels->winograd_gradient(transposed, n * w->out, tiles, tile_pitch(w->out, w->chunk));
}

/* Of element e, from input channel c and output channel o on. */
static nn_positions_product product_at(const nn_winograd_products *at, int64_t e, int64_t c,
                                       int64_t o) {
    return (nn_positions_product){.n_terms = at->n,
                                  .a = at->x + e * at->x_pitch,
                                  .offset = at->steps + c,
                                  .b = at->dy + e * at->dy_pitch + o,
                                  .b_pitch = at->out};
}

static void fold_pairs(const nn_winograd_products *at, int64_t c, int64_t o) {
    int64_t n_in = nn_min(NN_WINOGRAD_PAIRS_IN, at->in - c);
    int64_t n_out = nn_min(NN_WINOGRAD_PAIRS_OUT, at->out - o);
    for (int64_t e = 0; e < at->n_elements; e++) {
        nn_positions_product product = product_at(at, e, c, o);
        product.n_rows = n_in;
        product.n_columns = n_out;
        product.c = at->sum + e * NN_WINOGRAD_PAIRS;
        product.c_pitch = NN_WINOGRAD_PAIRS_OUT;
        product.overwrites = true;
        nn_kernels()->multiply_positions(&product);
    }
    for (int64_t i = 0; i < n_in; i++) {
        nn_kernel_gradient kernels = {.m = at->sum + i * NN_WINOGRAD_PAIRS_OUT,
                                      .m_pitch = NN_WINOGRAD_PAIRS,
                                      .g = at->gradient +
                                           (c + i) * KERNEL_SIZE * at->gradient_pitch + o,
                                      .g_pitch = at->gradient_pitch};
        at->fold(&kernels, n_out, at->overwrites);
    }
}

void nn_winograd_fold_products(const nn_winograd_products *at) {
    for (int64_t c = 0; c < at->in; c += NN_WINOGRAD_PAIRS_IN) {
        for (int64_t o = 0; o < at->out; o += NN_WINOGRAD_PAIRS_OUT) fold_pairs(at, c, o);
    }
}

/* To the gradient in transformed form, [16, in, gradient_pitch]. */
static void add_products(const nn_winograd_products *at) {
    for (int64_t e = 0; e < ELEMENTS; e++) {
        nn_positions_product product = product_at(at, e, 0, 0);
        product.n_rows = at->in;
        product.n_columns = at->out;
        product.c = at->gradient + e * at->in * at->gradient_pitch;
        product.c_pitch = at->gradient_pitch;
        nn_kernels()->multiply_positions(&product);
    }
}

void nn_winograd_gather(const nn_winograd *w, const nn_winograd_gradient *at) {
    int32_t *steps = (int32_t *)(void *)at->scratch;
    float *x_planes = at->scratch + nn_round_up(w->in, NN_LANES);
    float *dy_planes = x_planes + nn_planes_room(&w->x);
    float *x_tiles = dy_planes + nn_planes_room(&w->dy);
    float *dy_tiles = x_tiles + ELEMENTS * tile_pitch(w->in, w->chunk);
    float *transposed = dy_tiles + ELEMENTS * tile_pitch(w->out, w->chunk);
    nn_winograd_products products = {.n_elements = ELEMENTS,
                                     .in = w->in,
                                     .out = w->out,
                                     .x = x_tiles,
                                     .steps = steps,
                                     .x_pitch = tile_pitch(w->in, w->chunk),
                                     .dy = dy_tiles,
                                     .dy_pitch = tile_pitch(w->out, w->chunk),
                                     .sum = transposed + PHASES * w->chunk * w->out,
                                     .fold = nn_kernels()->winograd_kernel_gradient,
                                     .gradient = at->gradient,
                                     .gradient_pitch = w->sum_pitch};
    for (int64_t c = 0; c < w->in; c++) steps[c] = (int32_t)(c * w->chunk);
    for (int64_t block = 0; block < w->n_blocks; block++) {
        tile_block rows = block_at(w, block);
        int64_t end = n_places(w, rows.n);
        nn_planes_lay_out(&w->x, at->x, rows.first, x_planes);
        nn_planes_lay_out(&w->dy, at->dy, rows.first, dy_planes);
        for (int64_t i = 0; i < end; i += w->chunk) {
            products.n = nn_min(w->chunk, end - i);
            products.overwrites = at->is_first && block == 0 && i == 0;
            transform_x(w, x_planes, &(tile_pieces){{{i, 0, products.n}}, 1}, x_tiles, w->chunk);
            transform_dy(w, dy_planes + i, products.n, transposed, dy_tiles);
            (w->folds ? nn_winograd_fold_products : add_products)(&products);
        }
    }
}
