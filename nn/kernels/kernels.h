/* nn/kernels/kernels.h - the inner loops, compiled once per instruction-set level.
 *
 * nn/kernels/kernels.c is compiled for x86-64-v2, v3 and v4 (plain C elsewhere); nn_kernels() gives
 * the table of the highest level this processor runs (RIMSHOT_LEVEL=v2|v3|v4 lowers it). Loops are
 * written so that each output is computed in one fixed order: an element-wise loop gives the same
 * bits however its range is split, and the order of a reduction depends on n alone. Tables of
 * different levels may differ in the last bits, so the level is recorded with every run. n is any
 * length >= 0; pointers need no alignment; x may equal y where both are [n]. */
#ifndef NN_KERNELS_KERNELS_H
#define NN_KERNELS_KERNELS_H

#include "base/status.h"

typedef enum {
    NN_IDENTITY,
    NN_RELU,
    NN_LEAKY_RELU,
    NN_GELU,      /* x Phi(x), Phi the normal distribution */
    NN_GELU_TANH, /* its approximation 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) */
    NN_SILU,      /* x sigmoid(x) */
    NN_SIGMOID,
    NN_TANH,
    NN_CUSTOM /* none of these: nn_map.forward and backward */
} nn_activation;

/* f(scale x + shift): a normalisation and the activation after it in one pass. */
typedef struct {
    nn_activation kind;
    float p[2]; /* parameters of f; NN_LEAKY_RELU: the slope */
    float scale, shift;
    /* NN_CUSTOM: y = f(x), where y may be x; d *= f'(x), or where f' is computed from f(x), as for
     * NN_SIGMOID and NN_TANH, x is what forward gave. */
    void (*forward)(const float p[2], const float *x, float *y, int64_t n);
    void (*backward)(const float p[2], const float *x, float *d, int64_t n);
} nn_map;

typedef struct {
    float a, b, c, center;
} nn_slope;

/* n_f rows of n_t pooling windows side by side: window (i, j) covers rows [i kernel_f,
 * (i + 1) kernel_f) and columns [j kernel_t, (j + 1) kernel_t) of an image whose rows are `width`
 * floats apart. */
typedef struct {
    int64_t kernel_f, kernel_t, width, n_f, n_t;
} nn_pool_windows;

/* A row of n windows that may overlap: window j covers rows [0, kernel_f) and columns [j step,
 * j step + kernel_t) of an image whose rows are `width` floats apart. */
typedef struct {
    int64_t kernel_f, kernel_t, width, step, n;
} nn_window_row;

/* Elements of a kernel: what each weighs and where it reads. */
typedef struct {
    const float *weight;
    const int64_t *offset;
    int64_t n;
} nn_taps;

/* Sums over taps: n_rows rows of n outputs. x_pitch, y_pitch: floats between rows of x and of y. */
typedef struct {
    int64_t n_rows, n, x_pitch, y_pitch;
    float bias;
    bool adds; /* y += the sums, without the bias */
} nn_correlation;

/* Dot products of d [n] with n_taps vectors x + offset[k] [n]. */
typedef struct {
    const int64_t *offset;
    int64_t n_taps, n;
    const float *d, *x;
} nn_tap_dots;

/* Rows of n numbers, x_step floats apart, with `before` zeros in front of each and zeros behind it;
 * rows of output have `pitch` floats. */
typedef struct {
    int64_t n_rows, n, before, x_step, pitch;
} nn_padded_rows;

/* c [n_rows, taps_block] = a [n_rows, n_terms] times a matrix whose row k is b + offset[k]; the
 * rows need not lie side by side. Of the columns n_columns, at least, are read and written. */
typedef struct {
    int64_t n_rows, n_terms, n_columns;
    const float *a;
    int64_t a_pitch;
    const float *b;
    const int32_t *offset;
    float *c;
    int64_t c_pitch; /* floats between rows of c; 0: taps_block */
    bool adds;       /* to c */
} nn_taps_product;

/* c [NN_PANEL, n_columns] = a^T b, for a [n_terms, NN_PANEL], a panel whose rows are contiguous,
 * and b [n_terms, n_columns]. b is read and c written with n_columns rounded up to a multiple of
 * NN_LANES; n_columns is at most taps_block. May prefetch past the end of a. */
#define NN_PANEL 8
typedef struct {
    int64_t n_terms, n_columns;
    const float *a;
    const float *b;
    int64_t b_pitch;
    float *c;
    int64_t c_pitch;
} nn_panel_product;

/* c [n_rows, n_columns] += (= with `overwrites`) a matrix whose row r is a + offset[r], n_terms
 * floats, times b [n_terms, n_columns]. The columns of c, and what is read of b's rows, are rounded
 * up to a multiple of NN_LANES. */
typedef struct {
    int64_t n_rows, n_terms, n_columns;
    const float *a;
    const int32_t *offset;
    const float *b;
    int64_t b_pitch;
    float *c;
    int64_t c_pitch;
    bool overwrites;
} nn_positions_product;

/* c [n_rows, n_columns] += a [n_rows, n_terms] b^T, b [n_columns, n_terms]. */
typedef struct {
    int64_t n_rows, n_columns, n_terms;
    const float *a, *b;
    int64_t a_pitch, b_pitch, c_pitch;
    float *c;
} nn_dot_products;

#define NN_LANES          16
#define NN_MAX_TAPS_BLOCK 48

/* Where parts of n_rows rows c go: piece i, columns [from, from + n), to y + to. */
typedef struct {
    int64_t n_rows, c_pitch, y_pitch; /* floats between rows */
    const float *c, *bias;            /* bias [n_rows] is added; NULL: none */
    float lower_bound;                /* of what is stored: -INFINITY for none */
    float *y;
    int n_pieces;
    struct {
        int from, n;
        int64_t to;
    } piece[NN_MAX_TAPS_BLOCK];
} nn_taps_store;

/* Where a mask's random numbers come from: Philox blocks from a counter on, as in base/rng.h. */
typedef struct {
    uint32_t key[2], counter[4];
    uint32_t threshold; /* of 65536: how many are 0 */
} nn_mask_source;

/* One frame of one sample in a recurrent cell; vectors of `hidden` floats unless stated. Gates have
 * PyTorch's order. A row starts as the products of the input with the gates; see gru and lstm. */
typedef struct {
    int64_t hidden;
    const float *bias_ih, *bias_hh;     /* [gates * hidden] */
    const float *product;               /* [gates * hidden]: W_hh h_before */
    const float *h_before, *row_before; /* of the frame before */
    float *row, *h;
    float *dh, *dc; /* gradients of h and c; replaced by those of h_before and c_before */
} nn_cell_step;

#define NN_MASK_BLOCKS  32
#define NN_MASK_NUMBERS (8 * NN_MASK_BLOCKS)

/* Gradients of transformed kernels, m, and of kernels, g; the pitches are floats from one element
 * of a kernel to the next, kernels lie side by side. */
typedef struct {
    const float *m;
    int64_t m_pitch;
    float *g;
    int64_t g_pitch;
} nn_kernel_gradient;

typedef struct {
    const char *level; /* "v2", "v3", "v4", "v0" */

    /* exp and tanh: within 2 ulp over the whole range (tested); exp flushes below -87.3 to 0.
     * sigmoid: within 3 ulp where exp(-x) is finite, 0 beyond. NaN gives NaN. */
    void (*exp)(const float *x, float *y, int64_t n);
    void (*tanh)(const float *x, float *y, int64_t n);
    void (*sigmoid)(const float *x, float *y, int64_t n);

    void (*add)(const float *x, float *y, int64_t n);                          /* y += x */
    void (*axpy)(float a, const float *x, float *y, int64_t n);                /* y += a x */
    void (*scale)(float a, float *y, int64_t n);                               /* y *= a */
    void (*multiply)(const float *a, const float *b, float *y, int64_t n);     /* y = a b */
    void (*multiply_add)(const float *a, const float *b, float *y, int64_t n); /* y += a b */
    float (*sum)(const float *x, int64_t n); /* in lanes, then a tree */
    float (*dot)(const float *a, const float *b, int64_t n);

    /* Each number is one sum in lanes, then a tree; where it stands does not matter. */
    void (*multiply_dots)(const nn_dot_products *product);

    /* y[r y_pitch + i] = bias + sum over k of weight[k] x[r x_pitch + offset[k] + i], in order of
     * k. x can be read up to the next multiple of NN_LANES. */
    void (*correlate)(const nn_taps *taps, const nn_correlation *c, const float *x, float *y);
    /* sum[k], one for each tap, in lanes, then a tree; n is a multiple of NN_LANES. */
    void (*dot_taps)(const nn_tap_dots *dots, float *sum);

    /* Sums of x and x^2, of x and x y; every product and addition in double. */
    void (*sum_and_squares)(const float *x, int64_t n, double *sum, double *squares);
    void (*sum_and_dot)(const float *x, const float *y, int64_t n, double *sum, double *dot);
    /* The same column by column, one row: sum[i] += x[i], dot[i] += x[i] y[i]. */
    void (*add_columns)(const float *x, const float *y, int64_t n, double *sum, double *dot);

    /* y [columns, rows] from x [rows, columns], whose rows are `stride` floats apart. */
    void (*transpose)(const float *x, int64_t stride, int64_t rows, int64_t columns, float *y);

    /* even[i] = z[2 i], odd[i] = z[2 i + 1] for i below `pitch`, row by row; z is a row of x with
     * zeros around it. pad: y[i] = z[i]. */
    void (*deinterleave)(const nn_padded_rows *rows, const float *x, float *even, float *odd);
    void (*pad)(const nn_padded_rows *rows, const float *x, float *y);
    /* The inverse: writes rows of x from rows of even and odd, which can be read up to the next
     * multiple of NN_LANES; `adds`: adds them to x. */
    void (*interleave)(const nn_padded_rows *rows, const float *even, const float *odd, bool adds,
                       float *x);

    /* Products of rows that stay where they are, as convolution reads them; each number of c is one
     * sum in order of the terms. */
    int64_t taps_block;
    void (*multiply_taps)(const nn_taps_product *product);
    void (*multiply_panel)(const nn_panel_product *product);
    void (*multiply_positions)(const nn_positions_product *product);
    void (*store_taps)(const nn_taps_store *store);

    /* Transforms of nn/kernels/winograd.h for n places at once; element e of the tile of place i is
     * tiles[e * pitch + i]. Input: B^T x B, whose element e is read at x + offset[e]. Output:
     * A^T m A, as two rows of 2 n numbers. Both read and write up to the next multiple of
     * NN_LANES; where n is within taps_block, not beyond that. Gradient: A dy A^T of dy [4, n]. */
    void (*winograd_input)(const float *x, const int32_t offset[16], int64_t n, float *tiles,
                           int64_t pitch);
    void (*winograd_output)(const float *tiles, int64_t pitch, int64_t n, float *y,
                            int64_t y_pitch);
    void (*winograd_gradient)(const float *dy, int64_t n, float *tiles, int64_t pitch);
    /* Kernel: m = G g G^T for n kernels side by side, whose elements (f, t) are at
     * g[(3 f + t) g_pitch] and those of m `pitch` floats apart. Its gradient: g += G^T m G, or
     * g = with `overwrites`. */
    void (*winograd_kernel)(const float *g, int64_t g_pitch, int64_t n, float *m, int64_t pitch);
    void (*winograd_kernel_gradient)(const nn_kernel_gradient *at, int64_t n, bool overwrites);

    /* Transforms of nn/kernels/winograd_time.h; element e of the tile of place i is tiles[e * pitch
     * + i]. Input: B^T d of the tiles x[4 i] to x[4 i + 7], i < n. Output: A^T m, y [4 n]. Both
     * read and write as if n were the next multiple of NN_LANES; where n is within taps_block, not
     * beyond that. Gradient: A dy of dy [4, n]. */
    void (*winograd_time_input)(const float *x, int64_t n, float *tiles, int64_t pitch);
    void (*winograd_time_output)(const float *tiles, int64_t pitch, int64_t n, float *y);
    void (*winograd_time_gradient)(const float *dy, int64_t n, float *tiles, int64_t pitch);
    /* Transforms of nn/kernels/winograd4.h; element e of the 36 is `pitch` floats from the next.
     * Input: B^T x B for n tiles side by side, x [6, x_pitch]. With n rounded up to a multiple of
     * NN_LANES, n tiles are written and 4 n + NN_LANES columns of x may be read. Output: A^T m A
     * for n tiles, rounded up likewise, as four rows of 4 n numbers. Gradient: A dy A^T of one tile
     * for each of n channels, whose number (f, t) is dy[f row + t n]. */
    void (*winograd4_input)(const float *x, int64_t x_pitch, int64_t n, float *tiles,
                            int64_t pitch);
    void (*winograd4_output)(const float *tiles, int64_t pitch, int64_t n, float *y,
                             int64_t y_pitch);
    void (*winograd4_gradient)(const float *dy, int64_t row, int64_t n, float *tiles,
                               int64_t pitch);
    /* As winograd_kernel and winograd_kernel_gradient, with 36 elements of m. */
    void (*winograd4_kernel)(const float *g, int64_t g_pitch, int64_t n, float *m, int64_t pitch);
    void (*winograd4_kernel_gradient)(const nn_kernel_gradient *at, int64_t n, bool overwrites);

    /* y = map(x). GELU: the absolute error is within 3e-7 max(1, |y|). */
    void (*activate)(const nn_map *map, const float *x, float *y, int64_t n);
    /* d *= f'(scale x + shift); for NN_SIGMOID and NN_TANH x is what activate gave instead. */
    void (*activate_backward)(const nn_map *map, const float *x, float *d, int64_t n);

    /* dx = a d + b (x - center) + c: the last step of a normalisation's backward pass. */
    void (*normalize_backward)(const nn_slope *slope, const float *x, const float *d, float *dx,
                               int64_t n);

    /* y [n_f, n_t]: the maximum of each window. index, as y, or NULL: which of at most 256 elements
     * is the first maximum (row by row). */
    void (*max_pool)(const nn_pool_windows *w, const float *x, float *y, uint8_t *index);
    /* Overwrite the windows' part of dx: dy at the first maximum, found in x or told by index, else
     * 0. */
    void (*max_pool_backward)(const nn_pool_windows *w, const float *x, const float *dy, float *dx);
    void (*max_unpool)(const nn_pool_windows *w, const float *dy, const uint8_t *index, float *dx);

    /* y [n]: the maximum of each window; index as of max_pool, or NULL. */
    void (*max_windows)(const nn_window_row *w, const float *x, float *y, uint8_t *index);

    /* keep[n] of 0 and 1; the same at all levels. Every NN_MASK_NUMBERS numbers take up
     * NN_MASK_BLOCKS blocks. */
    void (*draw_mask)(const nn_mask_source *source, uint8_t *keep, int64_t n);
    /* y = factor keep x */
    void (*mask)(const uint8_t *keep, float factor, const float *x, float *y, int64_t n);

    /* GRU, reset after the product: row becomes r, z, n and W_hn h_before + b_hn. Backward makes
     * them gradients of the sums that r, z and n are functions of, and of the fourth. */
    void (*gru)(const nn_cell_step *step);
    void (*gru_backward)(const nn_cell_step *step);
    /* LSTM: row becomes i, f, g, o, c, of which backward makes i, f, g, o gradients of their sums.
     */
    void (*lstm)(const nn_cell_step *step);
    void (*lstm_backward)(const nn_cell_step *step);
} nn_kernels_table;

const nn_kernels_table *nn_kernels(void);

/* The table of a level (2, 3, 4), or of the highest below it that this processor runs. */
const nn_kernels_table *nn_kernels_at(int level);

#endif
