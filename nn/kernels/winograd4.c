#include "nn/kernels/winograd4.h"

#include <string.h>

enum { TILE = 6, ELEMENTS = TILE * TILE, STEP = 4, OUTPUTS = STEP * STEP, KERNEL = 3 };
enum { GROUP = 2 /* panels multiplied with an element's tiles while these are in the L1 cache */ };
enum { ROWS = GROUP * NN_PANEL };
/* Of the tiles of a block, and of those of a chunk of the gradient. */
enum { BLOCK_FLOATS = 768 * 1024, CHUNK_FLOATS = 384 * 1024 };
/* Places assumed to be multiplied at a time (levels differ); of which multiple a block has. */
enum { BLOCK_PLACES = 24, PLACES = 8 };
enum { NEARLY = 32 /* larger blocks must save more than this part of all places */ };
enum { MIN_CHANNELS = 32, MIN_PAIRS = 32 * 64, MOST_PRODUCTS = 3 };
enum { MAX_ROW_FLOATS = 8 * 1024 * 1024 /* of the tiles of x and dy in one row */ };

/* ------------------------------------------------------------------ geometry */

/* Places of n_rows rows of tiles. */
static int64_t n_places(const nn_winograd4 *w, int64_t n_rows) {
    return n_rows * w->tiles_t;
}

/* The fewest rows of tiles whose outputs are a multiple of `unit` rows. */
static int64_t unit_rows(int64_t unit) {
    return unit % STEP == 0 ? nn_max(unit / STEP, 1) : unit % 2 == 0 ? unit / 2 : unit;
}

/* Rows of tiles of a block: more of them only where that clearly reduces the number of places
 * computed in vain. */
static int64_t block_rows(const nn_winograd4 *w, int64_t unit) {
    int64_t step = unit_rows(unit), best = step, best_used = 0;
    for (int64_t rows = step; rows < w->tiles_f + step; rows += step) {
        int64_t places = nn_round_up(n_places(w, rows), BLOCK_PLACES);
        int64_t used = places * nn_ceil_div(w->tiles_f, rows);
        int64_t y_floats = unit > 0 ? w->out * w->t.out * STEP * rows : 0;
        if (best_used > 0 && ELEMENTS * w->in * places + y_floats > BLOCK_FLOATS) break;
        if (best_used == 0 || used < best_used - best_used / NEARLY) {
            best = rows;
            best_used = used;
        }
    }
    return best;
}

/* Rows of padded planes: those of a block's tiles. */
static int64_t plane_rows(int64_t tile_rows) {
    return tile_rows * STEP + KERNEL - 1;
}

static int64_t plane_floats(const nn_winograd4 *w, int64_t tile_rows) {
    return nn_whole_lines(plane_rows(tile_rows) * w->plane_pitch);
}

/* With a pitch that is a multiple of 4096 bytes all elements would share lines of the L1 cache. The
 * NN_LANES floats also leave room for vectors that reach past the last number. */
static int64_t element_pitch(int64_t n_floats) {
    return nn_whole_lines(n_floats) + NN_LANES;
}

/* Places of a chunk, for the gradient. */
static int64_t chunk_places(const nn_winograd4 *w) {
    return nn_round_up(n_places(w, w->chunk), PLACES);
}

static int64_t dy_row(const nn_winograd4 *w) {
    return w->tiles_t * STEP * w->out;
}

static int64_t dy_pitch(const nn_winograd4 *w) {
    return element_pitch(n_places(w, w->chunk) * w->out + NN_LANES);
}

static void count_scratch(nn_winograd4 *w) {
    int64_t block = NN_MAX_TAPS_BLOCK;
    w->place_pitch = nn_round_up(n_places(w, w->rows), PLACES);
    w->tile_pitch = element_pitch(w->in * w->place_pitch);
    w->n_panels = nn_ceil_div(w->out, NN_PANEL);
    w->kernel_pitch = element_pitch(w->in * NN_PANEL);
    w->n_shared = w->n_panels * ELEMENTS * w->kernel_pitch;
    w->sum_pitch = nn_round_up(w->out, NN_LANES);
    w->n_run = plane_floats(w, w->rows) + ELEMENTS * w->tile_pitch +
               ROWS * (ELEMENTS + OUTPUTS) * block + GROUP * ELEMENTS * w->kernel_pitch;
    w->n_gather = nn_whole_lines(w->in) + plane_floats(w, w->chunk) +
                  ELEMENTS * (element_pitch(w->in * chunk_places(w)) + dy_pitch(w)) +
                  nn_whole_lines(STEP * dy_row(w)) + ELEMENTS * NN_WINOGRAD_PAIRS;
}

nn_winograd4 nn_winograd4_make(nn_axis f, nn_axis t, int64_t in, int64_t out, int64_t unit) {
    nn_winograd4 w = {.f = f, .t = t, .in = in, .out = out};
    w.tiles_f = nn_ceil_div(f.out, STEP);
    w.tiles_t = nn_ceil_div(t.out, STEP);
    w.plane_pitch = STEP * nn_round_up(w.tiles_t, NN_LANES) + NN_LANES;
    w.rows = block_rows(&w, unit);
    w.n_blocks = nn_ceil_div(w.tiles_f, w.rows);
    w.chunk = CHUNK_FLOATS / (ELEMENTS * (in + out) * w.tiles_t);
    w.chunk = nn_max(w.chunk, nn_ceil_div(BLOCK_PLACES, w.tiles_t));
    w.chunk = nn_min(w.chunk, w.tiles_f);
    count_scratch(&w);
    return w;
}

nn_winograd4 nn_winograd4_transposed(const nn_winograd4 *w) {
    return nn_winograd4_make(nn_winograd_transposed_axis(&w->f), nn_winograd_transposed_axis(&w->t),
                             w->out, w->in, 0);
}

/* F(2x2, 3x3) takes 4 products for an output, this one 2.25; with places computed in vain it may
 * take up to MOST_PRODUCTS before the dearer transforms use up what it saves. */
bool nn_winograd4_fits(const nn_winograd4 *w) {
    if (w->in < MIN_CHANNELS || w->out < MIN_CHANNELS || w->in * w->out < MIN_PAIRS) return false;
    if (ELEMENTS * (w->in + w->out) * w->tiles_t > MAX_ROW_FLOATS) return false;
    int64_t places = nn_round_up(n_places(w, w->rows), BLOCK_PLACES) * w->n_blocks;
    return places * ELEMENTS <= MOST_PRODUCTS * w->f.out * w->t.out;
}

/* ------------------------------------------------------------------ weights */

void nn_winograd4_begin(const nn_winograd4 *w, int64_t panel, const float *weight, bool transposed,
                        float *shared) {
    nn_winograd_weights weights = {weight, transposed, w->in, w->out};
    nn_winograd_transform_panel(&weights, panel, nn_kernels()->winograd4_kernel,
                                shared + panel * ELEMENTS * w->kernel_pitch, w->kernel_pitch);
}

/* ------------------------------------------------------------------ tiles */

/* Tiles of rows [first, first + n) of a sample's x. */
typedef struct {
    int64_t first, n;
    const float *x;
    float *plane, *tiles;
    int64_t place_pitch, tile_pitch;
} tile_rows;

static void clear(float *x, int64_t n) {
    memset(x, 0, (size_t)n * sizeof *x);
}

/* Rows of one channel with zeros around them, as wide as the transform reads them. */
static void pad_plane(const nn_winograd4 *w, const tile_rows *at, const float *x) {
    int64_t n_rows = plane_rows(at->n), row = at->first * STEP - w->f.before;
    int64_t n = nn_max(nn_min(w->t.in, w->plane_pitch - w->t.before), 0);
    for (int64_t i = 0; i < n_rows; i++, row++) {
        float *to = at->plane + i * w->plane_pitch;
        if (row < 0 || row >= w->f.in) {
            clear(to, w->plane_pitch);
            continue;
        }
        clear(to, w->t.before);
        memcpy(to + w->t.before, x + row * w->t.in, (size_t)n * sizeof *to);
        clear(to + w->t.before + n, w->plane_pitch - w->t.before - n);
    }
}

/* What is written past a row's last tile is overwritten by the next row or channel. */
static void transform_x(const nn_winograd4 *w, const tile_rows *at) {
    for (int64_t c = 0; c < w->in; c++) {
        pad_plane(w, at, at->x + c * w->f.in * w->t.in);
        for (int64_t row = 0; row < at->n; row++) {
            nn_kernels()->winograd4_input(
                at->plane + row * STEP * w->plane_pitch, w->plane_pitch, w->tiles_t,
                at->tiles + c * at->place_pitch + row * w->tiles_t, at->tile_pitch);
        }
    }
}

/* ------------------------------------------------------------------ from x to y */

/* y for the n places of a block from `begin` on. */
typedef struct {
    const nn_winograd4 *w;
    const nn_winograd_sample *sample;
    const tile_rows *tiles;
    int64_t begin, n;
    float *products;           /* [36, ROWS, block] */
    float *rows;               /* [ROWS, 4, 4 block] */
    float *kernels;            /* of a group of panels, where none are shared */
    nn_taps_store store[STEP]; /* of the tiles' four rows */
} place_run;

/* Pieces of output rows among the places, for row `f` of each tile. */
static void cut_pieces(const place_run *run, int64_t f, nn_taps_store *store) {
    const nn_winograd4 *w = run->w;
    int64_t last = run->begin + run->n;
    store->n_pieces = 0;
    for (int64_t row = run->begin / w->tiles_t; n_places(w, row) < last; row++) {
        int64_t start = n_places(w, row), y_row = row * STEP + f;
        int64_t from = nn_max(run->begin, start), end = nn_min(last, start + w->tiles_t);
        if (run->tiles->first * STEP + y_row >= w->f.out) continue;
        int64_t column = (from - start) * STEP;
        int i = store->n_pieces++;
        store->piece[i].from = (int)((from - run->begin) * STEP);
        store->piece[i].n = (int)nn_min((end - from) * STEP, w->t.out - column);
        store->piece[i].to = y_row * w->t.out + column;
    }
}

/* The kernels of n panels, transformed. */
static const float *kernels_of(const place_run *run, int64_t panel, int64_t n) {
    const nn_winograd4 *w = run->w;
    int64_t panel_floats = ELEMENTS * w->kernel_pitch;
    if (run->sample->shared) return run->sample->shared + panel * panel_floats;
    nn_winograd_weights weights = {run->sample->weight, false, w->in, w->out};
    for (int64_t p = 0; p < n; p++) {
        nn_winograd_transform_panel(&weights, panel + p, nn_kernels()->winograd4_kernel,
                                    run->kernels + p * panel_floats, w->kernel_pitch);
    }
    return run->kernels;
}

static void multiply_panels(const place_run *run, int64_t panel, int64_t n) {
    const nn_winograd4 *w = run->w;
    int64_t block = nn_kernels()->taps_block, panel_floats = ELEMENTS * w->kernel_pitch;
    const float *kernels = kernels_of(run, panel, n);
    for (int64_t e = 0; e < ELEMENTS; e++) {
        for (int64_t p = 0; p < n; p++) {
            nn_kernels()->multiply_panel(&(nn_panel_product){
                .n_terms = w->in,
                .n_columns = run->n,
                .a = kernels + p * panel_floats + e * w->kernel_pitch,
                .b = run->tiles->tiles + e * run->tiles->tile_pitch + run->begin,
                .b_pitch = run->tiles->place_pitch,
                .c = run->products + (e * ROWS + p * NN_PANEL) * block,
                .c_pitch = block});
        }
    }
}

static void run_panels(place_run *run, int64_t panel, int64_t n) {
    const nn_winograd_sample *sample = run->sample;
    int64_t block = nn_kernels()->taps_block, first = panel * NN_PANEL;
    int64_t n_channels = nn_min(n * NN_PANEL, sample->last_channel - first);
    multiply_panels(run, panel, n);
    for (int64_t r = 0; r < n_channels; r++) {
        nn_kernels()->winograd4_output(run->products + r * block, ROWS * block, run->n,
                                       run->rows + r * OUTPUTS * block, STEP * block);
    }
    for (int f = 0; f < STEP; f++) {
        nn_taps_store *store = &run->store[f];
        store->n_rows = n_channels;
        store->bias = sample->bias ? sample->bias + first : NULL;
        store->y = sample->y + first * sample->y_pitch;
        nn_kernels()->store_taps(store);
    }
}

static void run_places(place_run *run) {
    int64_t block = nn_kernels()->taps_block;
    for (int f = 0; f < STEP; f++) {
        run->store[f] = (nn_taps_store){.y_pitch = run->sample->y_pitch,
                                        .lower_bound = run->sample->lower_bound,
                                        .c = run->rows + f * STEP * block,
                                        .c_pitch = OUTPUTS * block};
        cut_pieces(run, f, &run->store[f]);
    }
    int64_t end = nn_ceil_div(run->sample->last_channel, NN_PANEL);
    for (int64_t p = run->sample->first_channel / NN_PANEL; p < end; p += GROUP) {
        run_panels(run, p, nn_min(GROUP, end - p));
    }
}

static tile_rows rows_at(const nn_winograd4 *w, int64_t first, int64_t n) {
    return (tile_rows){.first = first, .n = nn_min(n, w->tiles_f - first)};
}

bool nn_winograd4_is_small(const nn_winograd4 *w) {
    return n_places(w, w->rows) <= nn_kernels()->taps_block;
}

void nn_winograd4_rows(const nn_winograd4 *w, int64_t block, int64_t *first, int64_t *end) {
    tile_rows rows = rows_at(w, block * w->rows, w->rows);
    *first = rows.first * STEP;
    *end = nn_min((rows.first + rows.n) * STEP, w->f.out);
}

void nn_winograd4_run(const nn_winograd4 *w, const nn_winograd_sample *at, int64_t block) {
    int64_t n = nn_kernels()->taps_block;
    tile_rows tiles = rows_at(w, block * w->rows, w->rows);
    tiles.x = at->x;
    tiles.plane = at->scratch;
    tiles.tiles = at->scratch + plane_floats(w, w->rows);
    tiles.place_pitch = w->place_pitch;
    tiles.tile_pitch = w->tile_pitch;
    transform_x(w, &tiles);
    place_run run = {.w = w, .sample = at, .tiles = &tiles};
    run.products = tiles.tiles + ELEMENTS * w->tile_pitch;
    run.rows = run.products + ELEMENTS * ROWS * NN_MAX_TAPS_BLOCK;
    run.kernels = run.rows + ROWS * OUTPUTS * NN_MAX_TAPS_BLOCK;
    int64_t end = n_places(w, tiles.n);
    for (; run.begin < end; run.begin += n) {
        run.n = nn_min(n, end - run.begin);
        run_places(&run);
    }
}

/* ------------------------------------------------------------------ the weights' gradient */

/* A dy A^T at the places of one row of tiles, [places, out] for each element. */
static void transform_dy(const nn_winograd4 *w, const float *dy, int64_t row, float *transposed,
                         float *tiles) {
    int64_t width = dy_row(w);
    for (int64_t f = 0; f < STEP; f++) {
        float *to = transposed + f * width;
        int64_t n = row * STEP + f < w->f.out ? w->t.out : 0;
        nn_kernels()->transpose(dy + (row * STEP + f) * w->t.out, w->f.out * w->t.out, w->out, n,
                                to);
        clear(to + n * w->out, width - n * w->out);
    }
    for (int64_t i = 0; i < w->tiles_t; i++) {
        nn_kernels()->winograd4_gradient(transposed + i * STEP * w->out, width, w->out,
                                         tiles + i * w->out, dy_pitch(w));
    }
}

void nn_winograd4_gather(const nn_winograd4 *w, const nn_winograd_gradient *at) {
    int32_t *steps = (int32_t *)(void *)at->scratch;
    tile_rows x = {.x = at->x, .plane = at->scratch + nn_whole_lines(w->in)};
    x.tiles = x.plane + plane_floats(w, w->chunk);
    x.place_pitch = chunk_places(w);
    x.tile_pitch = element_pitch(w->in * x.place_pitch);
    float *dy = x.tiles + ELEMENTS * x.tile_pitch, *transposed = dy + ELEMENTS * dy_pitch(w);
    nn_winograd_products products = {.n_elements = ELEMENTS,
                                     .in = w->in,
                                     .out = w->out,
                                     .x = x.tiles,
                                     .steps = steps,
                                     .x_pitch = x.tile_pitch,
                                     .dy = dy,
                                     .dy_pitch = dy_pitch(w),
                                     .sum = transposed + nn_whole_lines(STEP * dy_row(w)),
                                     .fold = nn_kernels()->winograd4_kernel_gradient,
                                     .gradient = at->gradient,
                                     .gradient_pitch = w->sum_pitch};
    for (int64_t c = 0; c < w->in; c++) steps[c] = (int32_t)(c * x.place_pitch);
    for (; x.first < w->tiles_f; x.first += w->chunk) {
        x.n = nn_min(w->chunk, w->tiles_f - x.first);
        products.n = n_places(w, x.n);
        products.overwrites = at->is_first && x.first == 0;
        transform_x(w, &x);
        for (int64_t row = 0; row < x.n; row++) {
            transform_dy(w, at->dy, x.first + row, transposed, dy + n_places(w, row) * w->out);
        }
        nn_winograd_fold_products(&products);
    }
}
