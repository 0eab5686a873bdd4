/* nn/kernels/kernels_winograd.h - included by kernels.c alone: Winograd's transforms. */
#ifndef NN_KERNELS_KERNELS_WINOGRAD_H
#define NN_KERNELS_KERNELS_WINOGRAD_H

#include "nn/kernels/kernels_vectors.h"

/* ---- transforms of Winograd's F(2x2, 3x3) ---- */

/* Four by four vectors, and what a transform along one axis makes of four or two of them. */
typedef floats tile[4][4];

static void winograd_input(const float *x, const int32_t offset[16], int64_t n, float *to,
                           int64_t pitch) {
    for (int64_t i = 0; i < n; i += WIDTH) {
        tile d, r;
        UNROLL for (int e = 0; e < 16; e++) d[e / 4][e % 4] = FLOATS(x + offset[e] + i);
        UNROLL for (int t = 0; t < 4; t++) {
            r[0][t] = d[0][t] - d[2][t];
            r[1][t] = d[1][t] + d[2][t];
            r[2][t] = d[2][t] - d[1][t];
            r[3][t] = d[1][t] - d[3][t];
        }
        UNROLL for (int f = 0; f < 4; f++) {
            *(floats *)(to + (4 * f + 0) * pitch + i) = r[f][0] - r[f][2];
            *(floats *)(to + (4 * f + 1) * pitch + i) = r[f][1] + r[f][2];
            *(floats *)(to + (4 * f + 2) * pitch + i) = r[f][2] - r[f][1];
            *(floats *)(to + (4 * f + 3) * pitch + i) = r[f][1] - r[f][3];
        }
    }
}

static void winograd_output(const float *from, int64_t pitch, int64_t n, float *y,
                            int64_t y_pitch) {
    for (int64_t i = 0; i < n; i += WIDTH) {
        tile m;
        UNROLL for (int e = 0; e < 16; e++) m[e / 4][e % 4] = FLOATS(from + e * pitch + i);
        UNROLL for (int f = 0; f < 2; f++) {
            floats r[4];
            UNROLL for (int t = 0; t < 4; t++) {
                r[t] = f ? (m[1][t] - m[2][t]) - m[3][t] : (m[0][t] + m[1][t]) + m[2][t];
            }
            floats even = (r[0] + r[1]) + r[2], odd = (r[1] - r[2]) - r[3];
            float *row = y + f * y_pitch + 2 * i;
            *(floats *)row = __builtin_shufflevector(even, odd, LOW_PAIRS);
            *(floats *)(row + WIDTH) = __builtin_shufflevector(even, odd, HIGH_PAIRS);
        }
    }
}

static void winograd_gradient(const float *dy, int64_t n, float *to, int64_t pitch) {
    EACH(i, n) {
        float a = dy[i], b = dy[n + i], c = dy[2 * n + i], d = dy[3 * n + i];
        float row[4][2] = {{a, b}, {a + c, b + d}, {a - c, b - d}, {-c, -d}};
        UNROLL for (int f = 0; f < 4; f++) {
            to[(4 * f + 0) * pitch + i] = row[f][0];
            to[(4 * f + 1) * pitch + i] = row[f][0] + row[f][1];
            to[(4 * f + 2) * pitch + i] = row[f][0] - row[f][1];
            to[(4 * f + 3) * pitch + i] = -row[f][1];
        }
    }
}

static void winograd_kernel(const float *g, int64_t g_pitch, int64_t n, float *m, int64_t pitch) {
    EACH(i, n) {
        float column[3][4];
        UNROLL for (int t = 0; t < 3; t++) {
            const float *at = g + t * g_pitch + i;
            float even = 0.5f * (at[0] + at[6 * g_pitch]), odd = 0.5f * at[3 * g_pitch];
            column[t][0] = at[0];
            column[t][1] = even + odd;
            column[t][2] = even - odd;
            column[t][3] = at[6 * g_pitch];
        }
        UNROLL for (int f = 0; f < 4; f++) {
            float even = 0.5f * (column[0][f] + column[2][f]), odd = 0.5f * column[1][f];
            m[(4 * f + 0) * pitch + i] = column[0][f];
            m[(4 * f + 1) * pitch + i] = even + odd;
            m[(4 * f + 2) * pitch + i] = even - odd;
            m[(4 * f + 3) * pitch + i] = column[2][f];
        }
    }
}

INLINE void winograd_fold(const nn_kernel_gradient *at, int64_t n, bool overwrites) {
    const float *m = at->m;
    float *g = at->g;
    const int64_t pitch = at->m_pitch, g_pitch = at->g_pitch;
    EACH(i, n) {
        float row[3][4];
        UNROLL for (int t = 0; t < 4; t++) {
            const float *from = m + t * pitch + i;
            float even = 0.5f * (from[4 * pitch] + from[8 * pitch]);
            row[0][t] = from[0] + even;
            row[1][t] = 0.5f * (from[4 * pitch] - from[8 * pitch]);
            row[2][t] = even + from[12 * pitch];
        }
        UNROLL for (int f = 0; f < 3; f++) {
            float even = 0.5f * (row[f][1] + row[f][2]);
            float *to = g + 3 * f * g_pitch + i;
            float odd = 0.5f * (row[f][1] - row[f][2]);
            to[0] = (overwrites ? 0.0f : to[0]) + (row[f][0] + even);
            to[g_pitch] = (overwrites ? 0.0f : to[g_pitch]) + odd;
            to[2 * g_pitch] = (overwrites ? 0.0f : to[2 * g_pitch]) + (even + row[f][3]);
        }
    }
}

static void winograd_kernel_gradient(const nn_kernel_gradient *at, int64_t n, bool overwrites) {
    if (overwrites) {
        winograd_fold(at, n, true);
    } else {
        winograd_fold(at, n, false);
    }
}

/* ---- transforms of Winograd's F(4, 5) ---- */

/* phase[i] gets every fourth of 4 WIDTH numbers, from number i on. */
INLINE void deal_four(const floats x[4], floats phase[4]) {
    floats even_low = __builtin_shufflevector(x[0], x[1], EVENS);
    floats odd_low = __builtin_shufflevector(x[0], x[1], ODDS);
    floats even_high = __builtin_shufflevector(x[2], x[3], EVENS);
    floats odd_high = __builtin_shufflevector(x[2], x[3], ODDS);
    phase[0] = __builtin_shufflevector(even_low, even_high, EVENS);
    phase[1] = __builtin_shufflevector(odd_low, odd_high, EVENS);
    phase[2] = __builtin_shufflevector(even_low, even_high, ODDS);
    phase[3] = __builtin_shufflevector(odd_low, odd_high, ODDS);
}

/* The inverse. */
INLINE void collect_four(const floats phase[4], float *y) {
    floats even_low = __builtin_shufflevector(phase[0], phase[2], LOW_PAIRS);
    floats even_high = __builtin_shufflevector(phase[0], phase[2], HIGH_PAIRS);
    floats odd_low = __builtin_shufflevector(phase[1], phase[3], LOW_PAIRS);
    floats odd_high = __builtin_shufflevector(phase[1], phase[3], HIGH_PAIRS);
    *(floats *)y = __builtin_shufflevector(even_low, odd_low, LOW_PAIRS);
    *(floats *)(y + WIDTH) = __builtin_shufflevector(even_low, odd_low, HIGH_PAIRS);
    *(floats *)(y + 2 * WIDTH) = __builtin_shufflevector(even_high, odd_high, LOW_PAIRS);
    *(floats *)(y + 3 * WIDTH) = __builtin_shufflevector(even_high, odd_high, HIGH_PAIRS);
}

/* The elements of two points that are each other's negative. */
INLINE void store_pair(floats even, floats odd, float *to, int64_t pitch) {
    *(floats *)to = even + odd;
    *(floats *)(to + pitch) = even - odd;
}

static void winograd_time_input(const float *x, int64_t n, float *to, int64_t pitch) {
    for (int64_t i = 0; i < n; i += WIDTH, to += WIDTH) {
        floats number[4], next[4], d[8];
        UNROLL for (int v = 0; v < 4; v++) {
            number[v] = FLOATS(x + 4 * i + v * WIDTH);
            next[v] = FLOATS(x + 4 * i + 4 + v * WIDTH);
        }
        deal_four(number, d);
        deal_four(next, d + 4);
        *(floats *)to = (d[0] - d[6]) + 5.25f * (d[4] - d[2]);
        store_pair((d[2] + d[6]) - 4.25f * d[4], (d[1] + d[5]) - 4.25f * d[3], to + pitch, pitch);
        store_pair((d[6] + 4.0f * d[2]) - 5.0f * d[4], (2.0f * d[1] - 2.5f * d[3]) + 0.5f * d[5],
                   to + 3 * pitch, pitch);
        store_pair((d[6] + 0.25f * d[2]) - 1.25f * d[4], (0.5f * d[1] - 2.5f * d[3]) + 2.0f * d[5],
                   to + 5 * pitch, pitch);
        *(floats *)(to + 7 * pitch) = (d[7] - d[1]) + 5.25f * (d[3] - d[5]);
    }
}

static void winograd_time_output(const float *from, int64_t pitch, int64_t n, float *y) {
    for (int64_t i = 0; i < n; i += WIDTH) {
        floats m[8], sum[3], odd[3], row[4];
        UNROLL for (int e = 0; e < 8; e++) m[e] = FLOATS(from + e * pitch + i);
        UNROLL for (int k = 0; k < 3; k++) {
            sum[k] = m[2 * k + 1] + m[2 * k + 2];
            odd[k] = m[2 * k + 1] - m[2 * k + 2];
        }
        row[0] = (m[0] + sum[0]) + (sum[1] + sum[2]);
        row[1] = (odd[0] + 0.5f * odd[1]) + 2.0f * odd[2];
        row[2] = (sum[0] + 0.25f * sum[1]) + 4.0f * sum[2];
        row[3] = ((m[7] + odd[0]) + 0.125f * odd[1]) + 8.0f * odd[2];
        collect_four(row, y + 4 * i);
    }
}

static void winograd_time_gradient(const float *dy, int64_t n, float *to, int64_t pitch) {
    EACH(i, n) {
        float a = dy[i], b = dy[n + i], c = dy[2 * n + i], d = dy[3 * n + i];
        float even = a + 0.25f * c, odd = 0.5f * b + 0.125f * d;
        to[i] = a;
        to[pitch + i] = (a + c) + (b + d);
        to[2 * pitch + i] = (a + c) - (b + d);
        to[3 * pitch + i] = even + odd;
        to[4 * pitch + i] = even - odd;
        even = a + 4.0f * c;
        odd = 2.0f * b + 8.0f * d;
        to[5 * pitch + i] = even + odd;
        to[6 * pitch + i] = even - odd;
        to[7 * pitch + i] = d;
    }
}

/* ---- transforms of Winograd's F(4x4, 3x3) at 0, P, -P, Q, -Q and infinity ---- */

#define P1 0.625f /* P = 5/8, Q = 3/2, and their powers, all exact */
#define P2 0.390625f
#define P3 0.244140625f
#define Q1 1.5f
#define Q2 2.25f
#define Q3 3.375f
/* Reciprocals of the product of the differences between a point and the other points. */
#define G0 (1.0f / (P2 * Q2))
#define GP (1.0f / (2.0f * P2 * (P2 - Q2)))
#define GQ (1.0f / (2.0f * Q2 * (Q2 - P2)))

/* B^T d of six vectors: the row of point p holds the coefficients of the product of (x - q) over
 * all other finite points q. */
#define INPUT_TRANSFORM(d0, d1, d2, d3, d4, d5, to)                                                \
    do {                                                                                           \
        floats even_p = (d4)-Q2 * (d2), odd_p = (d3)-Q2 * (d1);                                    \
        floats even_q = (d4)-P2 * (d2), odd_q = (d3)-P2 * (d1);                                    \
        to(0, ((d4) - (P2 + Q2) * (d2)) + (P2 * Q2) * (d0));                                       \
        to(1, even_p + P1 * odd_p);                                                                \
        to(2, even_p - P1 * odd_p);                                                                \
        to(3, even_q + Q1 * odd_q);                                                                \
        to(4, even_q - Q1 * odd_q);                                                                \
        to(5, ((d5) - (P2 + Q2) * (d3)) + (P2 * Q2) * (d1));                                       \
    } while (0)

/* Columns 0 to 5 of WIDTH tiles, four apart, from 4 WIDTH + 2 columns. */
INLINE void split_columns(const floats x[5], floats d[6]) {
    deal_four(x, d);
    d[4] = __builtin_shufflevector(d[0], x[4], NEXT);
    d[5] = __builtin_shufflevector(d[1], __builtin_shufflevector(x[4], x[4], NEXT), NEXT);
}

static void winograd4_input(const float *x, int64_t x_pitch, int64_t n, float *tiles,
                            int64_t pitch) {
    for (int64_t i = 0; i < n; i += WIDTH) {
        floats row[6][5];
        UNROLL for (int v = 0; v < 5; v++) {
            const float *at = x + 4 * i + v * WIDTH;
            floats d[6];
            UNROLL for (int f = 0; f < 6; f++) d[f] = FLOATS(at + f * x_pitch);
#define TO(f, value) row[f][v] = value
            INPUT_TRANSFORM(d[0], d[1], d[2], d[3], d[4], d[5], TO);
#undef TO
        }
        for (int f = 0; f < 6; f++) {
            floats d[6];
            float *to = tiles + 6 * f * pitch + i;
            split_columns(row[f], d);
#define TO(t, value) *(floats *)(to + (t)*pitch) = value
            INPUT_TRANSFORM(d[0], d[1], d[2], d[3], d[4], d[5], TO);
#undef TO
        }
    }
}

/* A^T m: powers of the points. */
INLINE void output_transform(const floats m[6], floats y[4]) {
    floats even_p = m[1] + m[2], odd_p = m[1] - m[2];
    floats even_q = m[3] + m[4], odd_q = m[3] - m[4];
    y[0] = (m[0] + even_p) + even_q;
    y[1] = P1 * odd_p + Q1 * odd_q;
    y[2] = P2 * even_p + Q2 * even_q;
    y[3] = (P3 * odd_p + Q3 * odd_q) + m[5];
}

static void winograd4_output(const float *tiles, int64_t pitch, int64_t n, float *y,
                             int64_t y_pitch) {
    for (int64_t i = 0; i < n; i += WIDTH) {
        floats row[4][6];
        UNROLL for (int t = 0; t < 6; t++) {
            floats m[6], column[4];
            UNROLL for (int f = 0; f < 6; f++) m[f] = FLOATS(tiles + (6 * f + t) * pitch + i);
            output_transform(m, column);
            UNROLL for (int f = 0; f < 4; f++) row[f][t] = column[f];
        }
        for (int f = 0; f < 4; f++) {
            floats d[4];
            output_transform(row[f], d);
            collect_four(d, y + f * y_pitch + 4 * i);
        }
    }
}

/* A d of four numbers. */
INLINE void spread_gradient(float a, float b, float c, float d, float to[6]) {
    float even_p = a + P2 * c, odd_p = P1 * b + P3 * d;
    float even_q = a + Q2 * c, odd_q = Q1 * b + Q3 * d;
    to[0] = a;
    to[1] = even_p + odd_p;
    to[2] = even_p - odd_p;
    to[3] = even_q + odd_q;
    to[4] = even_q - odd_q;
    to[5] = d;
}

static void winograd4_gradient(const float *dy, int64_t row, int64_t n, float *tiles,
                               int64_t pitch) {
    EACH(i, n) {
        float column[4][6];
        UNROLL for (int t = 0; t < 4; t++) {
            const float *at = dy + t * n + i;
            spread_gradient(at[0], at[row], at[2 * row], at[3 * row], column[t]);
        }
        UNROLL for (int f = 0; f < 6; f++) {
            float to[6];
            spread_gradient(column[0][f], column[1][f], column[2][f], column[3][f], to);
            UNROLL for (int t = 0; t < 6; t++) tiles[(6 * f + t) * pitch + i] = to[t];
        }
    }
}

/* G g of three numbers. */
INLINE void spread_kernel(float a, float b, float c, float to[6]) {
    float even_p = GP * a + (GP * P2) * c, odd_p = (GP * P1) * b;
    float even_q = GQ * a + (GQ * Q2) * c, odd_q = (GQ * Q1) * b;
    to[0] = G0 * a;
    to[1] = even_p + odd_p;
    to[2] = even_p - odd_p;
    to[3] = even_q + odd_q;
    to[4] = even_q - odd_q;
    to[5] = c;
}

static void winograd4_kernel(const float *g, int64_t g_pitch, int64_t n, float *m, int64_t pitch) {
    EACH(i, n) {
        float column[3][6];
        UNROLL for (int t = 0; t < 3; t++) {
            const float *at = g + t * g_pitch + i;
            spread_kernel(at[0], at[3 * g_pitch], at[6 * g_pitch], column[t]);
        }
        UNROLL for (int f = 0; f < 6; f++) {
            float to[6];
            spread_kernel(column[0][f], column[1][f], column[2][f], to);
            UNROLL for (int t = 0; t < 6; t++) m[(6 * f + t) * pitch + i] = to[t];
        }
    }
}

/* And G^T m. */
INLINE void fold_kernel(const float m[6], float to[3]) {
    float even_p = GP * (m[1] + m[2]), even_q = GQ * (m[3] + m[4]);
    to[0] = (G0 * m[0] + even_p) + even_q;
    to[1] = (GP * P1) * (m[1] - m[2]) + (GQ * Q1) * (m[3] - m[4]);
    to[2] = (P2 * even_p + Q2 * even_q) + m[5];
}

INLINE void winograd4_fold(const nn_kernel_gradient *at, int64_t n, bool overwrites) {
    const float *m = at->m;
    float *g = at->g;
    const int64_t pitch = at->m_pitch, g_pitch = at->g_pitch;
    EACH(i, n) {
        float row[3][6];
        UNROLL for (int t = 0; t < 6; t++) {
            float column[6], to[3];
            UNROLL for (int f = 0; f < 6; f++) column[f] = m[(6 * f + t) * pitch + i];
            fold_kernel(column, to);
            UNROLL for (int f = 0; f < 3; f++) row[f][t] = to[f];
        }
        UNROLL for (int f = 0; f < 3; f++) {
            float to[3];
            fold_kernel(row[f], to);
            UNROLL for (int t = 0; t < 3; t++) {
                float *sum = g + (3 * f + t) * g_pitch + i;
                *sum = (overwrites ? 0.0f : *sum) + to[t];
            }
        }
    }
}

static void winograd4_kernel_gradient(const nn_kernel_gradient *at, int64_t n, bool overwrites) {
    if (overwrites) {
        winograd4_fold(at, n, true);
    } else {
        winograd4_fold(at, n, false);
    }
}

#endif
