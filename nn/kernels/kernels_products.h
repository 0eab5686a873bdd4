/* nn/kernels/kernels_products.h - included by kernels.c alone: transposes, and products whose
 * operands are read in place. */
#ifndef NN_KERNELS_KERNELS_PRODUCTS_H
#define NN_KERNELS_KERNELS_PRODUCTS_H

#include "nn/kernels/kernels_vectors.h"

typedef float quad __attribute__((vector_size(16), aligned(4), may_alias));

/* Four rows of four numbers, `stride` apart, transposed. */
INLINE void transpose_quads(const float *x, int64_t stride, float *y, int64_t y_stride) {
    quad a = *(const quad *)x, b = *(const quad *)(x + stride);
    quad c = *(const quad *)(x + 2 * stride), d = *(const quad *)(x + 3 * stride);
    quad ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5);
    quad ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
    quad cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5);
    quad cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
    *(quad *)y = __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5);
    *(quad *)(y + y_stride) = __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7);
    *(quad *)(y + 2 * y_stride) = __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5);
    *(quad *)(y + 3 * y_stride) = __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7);
}

#if WIDTH == 16
/* Sixteen rows of sixteen numbers: rows that lie eight apart are dealt into each other, four times.
 */
INLINE void transpose_tile(const float *x, int64_t stride, float *y, int64_t y_stride) {
    floats row[WIDTH], dealt[WIDTH];
    UNROLL for (int i = 0; i < WIDTH; i++) row[i] = FLOATS(x + i * stride);
    UNROLL for (int round = 0; round < 4; round++) {
        UNROLL for (int i = 0; i < WIDTH / 2; i++) {
            floats a = row[i], b = row[i + WIDTH / 2];
            dealt[2 * i] = __builtin_shufflevector(a, b, LOW_PAIRS);
            dealt[2 * i + 1] = __builtin_shufflevector(a, b, HIGH_PAIRS);
        }
        UNROLL for (int i = 0; i < WIDTH; i++) row[i] = dealt[i];
    }
    UNROLL for (int i = 0; i < WIDTH; i++) * (floats *)(y + i * y_stride) = row[i];
}
#endif

static void transpose(const float *x, int64_t stride, int64_t rows, int64_t columns, float *y) {
#if WIDTH == 16
    if (rows % WIDTH == 0 && columns % WIDTH == 0) {
        for (int64_t j = 0; j < columns; j += WIDTH) {
            for (int64_t i = 0; i < rows; i += WIDTH) {
                transpose_tile(x + i * stride + j, stride, y + j * rows + i, rows);
            }
        }
        return;
    }
#endif
    enum { LINE = 8 }; /* columns that are read together: half of what memory moves at once */
    int64_t whole_rows = rows / 4 * 4, whole_columns = columns / 4 * 4;
    for (int64_t begin = 0; begin < whole_columns; begin += LINE) {
        int64_t end = begin + LINE < whole_columns ? begin + LINE : whole_columns;
        for (int64_t i = 0; i < whole_rows; i += 4) {
            for (int64_t j = begin; j < end; j += 4) {
                transpose_quads(x + i * stride + j, stride, y + j * rows + i, rows);
            }
        }
    }
    for (int64_t i = 0; i < rows; i++) {
        int64_t done = i < whole_rows ? whole_columns : 0;
        for (int64_t j = done; j < columns; j++) y[j * rows + i] = x[i * stride + j];
    }
}

enum { MAX_ROWS = 12, MAX_WIDE = 8 };

/* A tile of a product: `rows` rows of `wide` vectors, whose sums stay in registers; both are
 * constants where this is called. */
typedef struct {
    const float *row[MAX_ROWS]; /* of a; those past n_rows repeat the last */
    int n_rows;
    int64_t n_terms;
    const float *b;
    const int32_t *offset; /* of the terms in b; NULL: pitch apart */
    int64_t pitch;
    float *c;
    int64_t c_pitch;
} product_tile;

INLINE void multiply_tile(const product_tile *t, bool adds, int rows, int wide) {
    floats sum[MAX_ROWS][MAX_WIDE];
    const float *row[MAX_ROWS];
    UNROLL for (int r = 0; r < rows; r++) {
        row[r] = t->row[r];
        UNROLL for (int v = 0; v < wide; v++) sum[r][v] = (floats){0};
    }
    for (int64_t k = 0; k < t->n_terms; k++) {
        const float *from = t->b + (t->offset ? t->offset[k] : k * t->pitch);
        floats b[MAX_WIDE];
        UNROLL for (int v = 0; v < wide; v++) b[v] = FLOATS(from + v * WIDTH);
        UNROLL for (int r = 0; r < rows; r++) {
            float a = row[r][k];
            UNROLL for (int v = 0; v < wide; v++) sum[r][v] += a * b[v];
        }
    }
    UNROLL for (int r = 0; r < rows; r++) {
        if (r == t->n_rows) return;
        float *c = t->c + r * t->c_pitch;
        UNROLL for (int v = 0; v < wide; v++) {
            if (adds) sum[r][v] += FLOATS(c + v * WIDTH);
            *(floats *)(c + v * WIDTH) = sum[r][v];
        }
    }
}

/* As many sums as there are registers beside the operands. */
#if defined(__AVX512F__)
enum { TAPS_ROWS = 8, TAPS_WIDE = 3, NARROW_ROWS = 8 };
#else
enum { TAPS_ROWS = 4, TAPS_WIDE = 3, NARROW_ROWS = 8 };
#endif

INLINE void multiply_rows(const nn_taps_product *p, int rows, int wide) {
    product_tile t = {.n_terms = p->n_terms,
                      .b = p->b,
                      .offset = p->offset,
                      .c_pitch = p->c_pitch > 0 ? p->c_pitch : TAPS_WIDE * WIDTH};
    for (int64_t first = 0; first < p->n_rows; first += rows) {
        int64_t left = p->n_rows - first;
        t.n_rows = left < rows ? (int)left : rows;
        for (int r = 0; r < rows; r++) {
            t.row[r] = p->a + (first + (r < t.n_rows ? r : t.n_rows - 1)) * p->a_pitch;
        }
        t.c = p->c + first * t.c_pitch;
        multiply_tile(&t, p->adds, rows, wide);
    }
}

static void multiply_taps(const nn_taps_product *p) {
    if (p->n_columns <= WIDTH) {
        multiply_rows(p, NARROW_ROWS, 1);
    } else if (p->n_columns <= 2 * WIDTH) {
        multiply_rows(p, TAPS_ROWS, 2);
    } else {
        multiply_rows(p, TAPS_ROWS, TAPS_WIDE);
    }
}

/* Panels of large layers come from beyond the L2 cache, and hardware prefetchers stop at the end of
 * a page: this many floats ahead lies in the next page. */
enum { PANEL_AHEAD = 1024 };

/* `rows` rows of the panel from `first` on. */
INLINE void multiply_panel_rows(const nn_panel_product *p, int first, int rows, int wide) {
    floats sum[NN_PANEL][TAPS_WIDE];
    UNROLL for (int r = 0; r < rows; r++) {
        UNROLL for (int v = 0; v < wide; v++) sum[r][v] = (floats){0};
    }
    const float *a = p->a + first, *from = p->b;
    for (int64_t k = 0; k < p->n_terms; k++, a += NN_PANEL, from += p->b_pitch) {
        __builtin_prefetch(a + PANEL_AHEAD);
        floats b[TAPS_WIDE];
        UNROLL for (int v = 0; v < wide; v++) b[v] = FLOATS(from + v * WIDTH);
        UNROLL for (int r = 0; r < rows; r++) {
            UNROLL for (int v = 0; v < wide; v++) sum[r][v] += a[r] * b[v];
        }
    }
    UNROLL for (int r = 0; r < rows; r++) {
        UNROLL for (int v = 0; v < wide; v++) {
            *(floats *)(p->c + (first + r) * p->c_pitch + v * WIDTH) = sum[r][v];
        }
    }
}

static void multiply_panel(const nn_panel_product *p) {
    if (p->n_columns <= WIDTH) {
        multiply_panel_rows(p, 0, NN_PANEL, 1);
        return;
    }
    for (int first = 0; first < NN_PANEL; first += TAPS_ROWS) {
        if (p->n_columns <= 2 * WIDTH) {
            multiply_panel_rows(p, first, TAPS_ROWS, 2);
        } else {
            multiply_panel_rows(p, first, TAPS_ROWS, TAPS_WIDE);
        }
    }
}

INLINE void multiply_columns(const nn_positions_product *p, int64_t column, int rows, int wide) {
    product_tile t = {
        .n_terms = p->n_terms, .b = p->b + column, .pitch = p->b_pitch, .c_pitch = p->c_pitch};
    for (int64_t first = 0; first < p->n_rows; first += rows) {
        int64_t left = p->n_rows - first;
        t.n_rows = left < rows ? (int)left : rows;
        for (int r = 0; r < rows; r++) {
            t.row[r] = p->a + p->offset[first + (r < t.n_rows ? r : t.n_rows - 1)];
        }
        t.c = p->c + first * p->c_pitch + column;
        multiply_tile(&t, !p->overwrites, rows, wide);
    }
}

/* Whether groups of `fewer` rows leave fewer of them empty than groups of `rows`. */
INLINE bool fits_fewer(int64_t n, int rows, int fewer) {
    return (n + fewer - 1) / fewer * fewer < (n + rows - 1) / rows * rows;
}

/* Columns from vector i on, as long as there are `wide` vectors. */
#define MULTIPLY_COLUMNS(wide, rows, fewer)                                                        \
    for (; i + (wide) <= n; i += (wide)) {                                                         \
        if (fits_fewer(p->n_rows, rows, fewer)) {                                                  \
            multiply_columns(p, i *WIDTH, fewer, wide);                                            \
        } else {                                                                                   \
            multiply_columns(p, i *WIDTH, rows, wide);                                             \
        }                                                                                          \
    }

static void multiply_positions(const nn_positions_product *p) {
    int64_t n = (p->n_columns + WIDTH - 1) / WIDTH, i = 0; /* in vectors */
    if (p->n_rows == 1) {
        for (; i + MAX_WIDE <= n; i += MAX_WIDE) multiply_columns(p, i * WIDTH, 1, MAX_WIDE);
        for (; i + 2 <= n; i += 2) multiply_columns(p, i * WIDTH, 1, 2);
    }
    /* 24 or 12 sums in registers, as above. */
#if defined(__AVX512F__)
    MULTIPLY_COLUMNS(4, 6, 4)
    MULTIPLY_COLUMNS(2, 12, 8)
#else
    MULTIPLY_COLUMNS(2, 6, 4)
#endif
    for (; i < n; i++) multiply_columns(p, i * WIDTH, 12, 1);
}

#if defined(__AVX512F__)
enum { DOT_ROWS = 6, DOT_COLUMNS = 4 };
#else
enum { DOT_ROWS = 3, DOT_COLUMNS = 4 };
#endif

/* Of rows i to i + `rows` and columns j to j + `columns`; those past the last repeat it. */
INLINE void multiply_dot_tile(const nn_dot_products *p, int64_t i, int64_t j, int rows) {
    floats sum[DOT_ROWS][DOT_COLUMNS];
    const float *a[DOT_ROWS], *b[DOT_COLUMNS];
    UNROLL for (int r = 0; r < rows; r++) {
        a[r] = p->a + (i + r < p->n_rows ? i + r : p->n_rows - 1) * p->a_pitch;
        UNROLL for (int c = 0; c < DOT_COLUMNS; c++) sum[r][c] = (floats){0};
    }
    UNROLL for (int c = 0; c < DOT_COLUMNS; c++) {
        b[c] = p->b + (j + c < p->n_columns ? j + c : p->n_columns - 1) * p->b_pitch;
    }
    int64_t k = 0;
    for (; k + WIDTH <= p->n_terms; k += WIDTH) {
        floats column[DOT_COLUMNS];
        UNROLL for (int c = 0; c < DOT_COLUMNS; c++) column[c] = FLOATS(b[c] + k);
        UNROLL for (int r = 0; r < rows; r++) {
            floats row = FLOATS(a[r] + k);
            UNROLL for (int c = 0; c < DOT_COLUMNS; c++) sum[r][c] += row * column[c];
        }
    }
    for (int r = 0; r < rows && i + r < p->n_rows; r++) {
        for (int c = 0; c < DOT_COLUMNS && j + c < p->n_columns; c++) {
            float total = sum_of_lanes(sum[r][c]);
            for (int64_t rest = k; rest < p->n_terms; rest++) total += a[r][rest] * b[c][rest];
            p->c[(i + r) * p->c_pitch + j + c] += total;
        }
    }
}

static void multiply_dots(const nn_dot_products *p) {
    for (int64_t i = 0; i < p->n_rows; i += DOT_ROWS) {
        for (int64_t j = 0; j < p->n_columns; j += DOT_COLUMNS) {
            if (p->n_rows - i == 1) {
                multiply_dot_tile(p, i, j, 1);
            } else {
                multiply_dot_tile(p, i, j, DOT_ROWS);
            }
        }
    }
}

/* NaN comes through. */
INLINE floats not_below(floats x, float bound) {
    floats bounds = bound - (floats){0};
    return pick(x < bounds, bounds, x);
}

/* The last vector overlaps the one before it. */
INLINE void store_piece(const float *c, float bias, float bound, float *y, int n) {
    if (n < WIDTH) {
        for (int i = 0; i < n; i++) y[i] = c[i] + bias < bound ? bound : c[i] + bias;
        return;
    }
    for (int i = 0; i + WIDTH <= n; i += WIDTH) {
        *(floats *)(y + i) = not_below(FLOATS(c + i) + bias, bound);
    }
    *(floats *)(y + n - WIDTH) = not_below(FLOATS(c + n - WIDTH) + bias, bound);
}

static void store_taps(const nn_taps_store *s) {
    for (int64_t r = 0; r < s->n_rows; r++) {
        const float *c = s->c + r * s->c_pitch;
        float *y = s->y + r * s->y_pitch, bias = s->bias ? s->bias[r] : 0.0f;
        for (int i = 0; i < s->n_pieces; i++) {
            store_piece(c + s->piece[i].from, bias, s->lower_bound, y + s->piece[i].to,
                        s->piece[i].n);
        }
    }
}

#endif
