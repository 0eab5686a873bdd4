#include "nn/kernels/winograd.h"

enum { TILE = 4, ELEMENTS = TILE * TILE, STEP = 2, PHASES = STEP * STEP, KERNEL = 3 };
enum { ROWS = 8 /* output channels whose products stay in the L1 cache */ };
/* Of what is multiplied at a time for the weights' gradient: half of an L2 cache of 1 MiB. */
enum { GATHER_FLOATS = 112 * 1024, MAX_CHUNK = 256 };
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

/* What n_rows rows of tiles take. */
static int64_t n_places(const nn_winograd *w, int64_t n_rows) {
    return (n_rows - 1) * w->x.pitch + n_tiles(&w->t);
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
    w->sum_pitch = nn_round_up(w->out, NN_LANES);
    w->n_sum = ELEMENTS * w->in * w->sum_pitch;
    w->n_shared = ELEMENTS * w->in * w->out;
    w->n_run = steps + nn_planes_room(&w->x) + ELEMENTS * tile_pitch(w->in, block) +
               ROWS * (ELEMENTS + PHASES) * block;
    w->n_gather = steps + nn_planes_room(&w->x) + nn_planes_room(&w->dy) +
                  ELEMENTS * (tile_pitch(w->in, w->chunk) + tile_pitch(w->out, w->chunk)) +
                  PHASES * w->chunk * w->out;
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
    w.x.pitch = w.dy.pitch = n_tiles(&t) + nn_planes_reach(&w.x.t);
    w.dy.rows = tile_rows(&w, unit);
    w.x.rows = w.dy.rows + nn_planes_reach(&w.x.f);
    w.block_rows = w.dy.rows * STEP;
    w.n_blocks = nn_ceil_div(n_tiles(&f), w.dy.rows);
    w.chunk = GATHER_FLOATS / (ELEMENTS * (in + out)) / NN_LANES * NN_LANES;
    w.chunk = nn_max(nn_min(w.chunk, MAX_CHUNK), NN_LANES);
    count_scratch(&w);
    return w;
}

static nn_axis transposed_axis(const nn_axis *a) {
    return (nn_axis){.in = a->out,
                     .out = a->in,
                     .kernel = KERNEL,
                     .stride = 1,
                     .dilation = 1,
                     .before = KERNEL - 1 - a->before};
}

nn_winograd nn_winograd_transposed(const nn_winograd *w) {
    return nn_winograd_make(transposed_axis(&w->f), transposed_axis(&w->t), w->out, w->in, 0);
}

bool nn_winograd_fits(const nn_winograd *w) {
    if (w->in < MIN_CHANNELS || w->out < MIN_CHANNELS || w->in * w->out < MIN_PAIRS) return false;
    int64_t places = nn_round_up(n_places(w, w->dy.rows), NN_LANES) * w->n_blocks;
    return places * (ELEMENTS + SPARED) < w->f.out * w->t.out * KERNEL * KERNEL;
}

/* ------------------------------------------------------------------ weights */

/* Rows [3, n] of x become the four of G x, in place. */
static void spread(float *x, int64_t pitch, int64_t n) {
    float *a = x, *b = x + pitch, *c = x + 2 * pitch, *d = x + 3 * pitch;
    for (int64_t i = 0; i < n; i++) {
        float even = 0.5f * (a[i] + c[i]), odd = 0.5f * b[i];
        d[i] = c[i];
        b[i] = even + odd;
        c[i] = even - odd;
    }
}

/* And rows [4, n] the three of G^T x. */
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

/* G g G^T for all kernels, [16, out, in]. */
void nn_winograd_begin(const nn_winograd *w, const float *weight, bool transposed, float *shared) {
    enum { N = KERNEL * KERNEL };
    int64_t n = w->out * w->in, step = transposed ? w->out * N : N;
    for (int64_t i = 0; i < N * w->out; i++) {
        int64_t k = i / w->out, o = i % w->out;
        const float *from = transposed ? weight + o * N + N - 1 - k : weight + o * w->in * N + k;
        float *to = shared + element_of(k) * n + o * w->in;
        for (int64_t c = 0; c < w->in; c++) to[c] = from[c * step];
    }
    spread(shared, TILE * n, KERNEL * n);
    for (int f = 0; f < TILE; f++) spread(shared + f * TILE * n, n, n);
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

/* B^T d B for the first n places: of channel c, `size` floats each from tiles + c size on. */
static void transform_x(const nn_winograd *w, const float *planes, int64_t n, float *tiles,
                        int64_t size) {
    const nn_kernels_table *kernels = nn_kernels();
    int32_t offset[ELEMENTS];
    tile_offsets(&w->x, offset);
    int64_t channel = PHASES * w->x.rows * w->x.pitch;
    for (int64_t c = 0; c < w->in; c++) {
        kernels->winograd_input(planes + c * channel, offset, n, tiles + c * size,
                                tile_pitch(w->in, size));
    }
}

/* The rows of a sample's tiles that a block has. */
typedef struct {
    int64_t first, n; /* tile rows */
    int64_t n_places;
} tile_block;

static tile_block block_at(const nn_winograd *w, int64_t block) {
    tile_block at = {.first = block * w->dy.rows};
    at.n = nn_min(w->dy.rows, n_tiles(&w->f) - at.first);
    at.n_places = n_places(w, at.n);
    return at;
}

/* Pieces of rows among the places from `begin` on, for the even or the odd row of each tile. */
static void cut_pieces(const nn_winograd *w, const tile_block *at, int64_t begin, int odd,
                       nn_taps_store *store) {
    int64_t last = nn_min(begin + nn_kernels()->taps_block, at->n_places);
    store->n_pieces = 0;
    for (int64_t row = begin / w->x.pitch; row * w->x.pitch < last; row++) {
        int64_t y_row = row * STEP + odd, start = row * w->x.pitch;
        int64_t from = nn_max(begin, start), end = nn_min(last, start + n_tiles(&w->t));
        if (from >= end || at->first * STEP + y_row >= w->f.out) continue;
        int64_t column = (from - start) * STEP;
        int i = store->n_pieces++;
        store->piece[i].from = (int)((from - begin) * STEP);
        store->piece[i].n = (int)nn_min((end - from) * STEP, w->t.out - column);
        store->piece[i].to = y_row * w->t.out + column;
    }
}

/* y for n places from `begin` on. */
typedef struct {
    const nn_winograd *w;
    const nn_winograd_sample *sample;
    const tile_block *at;
    int64_t begin, n;
    float *planes, *tiles;
    int32_t *steps;            /* between channels of tiles */
    float *products;           /* [16, ROWS, block] */
    float *rows;               /* [ROWS, 2, 2 block] */
    nn_taps_store store[STEP]; /* of even and odd rows */
} place_run;

static void run_channels(place_run *run, int64_t first, int64_t n) {
    const nn_winograd *w = run->w;
    const nn_winograd_sample *sample = run->sample;
    const nn_kernels_table *kernels = nn_kernels();
    int64_t block = kernels->taps_block;
    for (int64_t e = 0; e < ELEMENTS; e++) {
        kernels->multiply_taps(
            &(nn_taps_product){.n_rows = n,
                               .n_terms = w->in,
                               .n_columns = run->n,
                               .a = sample->shared + (e * w->out + first) * w->in,
                               .a_pitch = w->in,
                               .b = run->tiles + e * tile_pitch(w->in, block),
                               .offset = run->steps,
                               .c = run->products + e * ROWS * block});
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
    transform_x(w, run->planes + run->begin, run->n, run->tiles, block);
    for (int odd = 0; odd < STEP; odd++) {
        run->store[odd] = (nn_taps_store){.y_pitch = run->sample->y_pitch,
                                          .lower_bound = run->sample->lower_bound,
                                          .c = run->rows + odd * STEP * block,
                                          .c_pitch = PHASES * block};
        cut_pieces(w, run->at, run->begin, odd, &run->store[odd]);
    }
    for (int64_t o = 0; o < w->out; o += ROWS) {
        run_channels(run, o, nn_min(ROWS, w->out - o));
    }
}

void nn_winograd_rows(const nn_winograd *w, int64_t block, int64_t *first, int64_t *end) {
    tile_block rows = block_at(w, block);
    *first = rows.first * STEP;
    *end = nn_min((rows.first + rows.n) * STEP, w->f.out);
}

void nn_winograd_run(const nn_winograd *w, const nn_winograd_sample *at, int64_t block) {
    tile_block rows = block_at(w, block);
    int64_t n = nn_kernels()->taps_block;
    place_run run = {.w = w, .sample = at, .at = &rows};
    run.steps = (int32_t *)(void *)at->scratch;
    run.planes = at->scratch + nn_round_up(w->in, NN_LANES);
    run.tiles = run.planes + nn_planes_room(&w->x);
    run.products = run.tiles + ELEMENTS * tile_pitch(w->in, n);
    run.rows = run.products + ELEMENTS * ROWS * n;
    for (int64_t c = 0; c < w->in; c++) run.steps[c] = (int32_t)(c * n);
    nn_planes_lay_out(&w->x, at->x, rows.first, run.planes);
    for (; run.begin < rows.n_places; run.begin += n) {
        run.n = nn_min(n, rows.n_places - run.begin);
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

/* Tiles at n places, and what they are multiplied to. */
typedef struct {
    int64_t n;
    const float *x, *dy; /* elements [in, chunk] and [n, out] */
    const int32_t *steps;
    float *sum;
} tile_products;

static void add_products(const nn_winograd *w, const tile_products *at) {
    for (int64_t e = 0; e < ELEMENTS; e++) {
        nn_kernels()->multiply_positions(
            &(nn_positions_product){.n_rows = w->in,
                                    .n_terms = at->n,
                                    .n_columns = w->out,
                                    .a = at->x + e * tile_pitch(w->in, w->chunk),
                                    .offset = at->steps,
                                    .b = at->dy + e * tile_pitch(w->out, w->chunk),
                                    .b_pitch = w->out,
                                    .c = at->sum + e * w->in * w->sum_pitch,
                                    .c_pitch = w->sum_pitch});
    }
}

void nn_winograd_gather(const nn_winograd *w, const float *x, const float *dy, float *sum,
                        float *scratch) {
    int32_t *steps = (int32_t *)(void *)scratch;
    float *x_planes = scratch + nn_round_up(w->in, NN_LANES);
    float *dy_planes = x_planes + nn_planes_room(&w->x);
    float *x_tiles = dy_planes + nn_planes_room(&w->dy);
    float *dy_tiles = x_tiles + ELEMENTS * tile_pitch(w->in, w->chunk);
    float *transposed = dy_tiles + ELEMENTS * tile_pitch(w->out, w->chunk);
    tile_products products = {.x = x_tiles, .dy = dy_tiles, .steps = steps, .sum = sum};
    for (int64_t c = 0; c < w->in; c++) steps[c] = (int32_t)(c * w->chunk);
    for (int64_t block = 0; block < w->n_blocks; block++) {
        tile_block at = block_at(w, block);
        nn_planes_lay_out(&w->x, x, at.first, x_planes);
        nn_planes_lay_out(&w->dy, dy, at.first, dy_planes);
        for (int64_t i = 0; i < at.n_places; i += w->chunk) {
            products.n = nn_min(w->chunk, at.n_places - i);
            transform_x(w, x_planes + i, products.n, x_tiles, w->chunk);
            transform_dy(w, dy_planes + i, products.n, transposed, dy_tiles);
            add_products(w, &products);
        }
    }
}
