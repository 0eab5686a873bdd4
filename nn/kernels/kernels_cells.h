/* nn/kernels/kernels_cells.h - included by kernels.c alone: recurrent cells, frame by frame.
 * Backward does not add to dh what passes through W_hh: the caller does. */
#ifndef NN_KERNELS_KERNELS_CELLS_H
#define NN_KERNELS_KERNELS_CELLS_H

#include "nn/kernels/kernels_functions.h"

static void gru(const nn_cell_step *step) {
    const int64_t n = step->hidden;
    const float *bi = step->bias_ih, *bh = step->bias_hh, *p = step->product;
    const float *before = step->h_before;
    float *row = step->row, *h = step->h;
    EACH(i, n) {
        float r = sigmoid_of(row[i] + bi[i] + (p[i] + bh[i]));
        float z = sigmoid_of(row[n + i] + bi[n + i] + (p[n + i] + bh[n + i]));
        float product = p[2 * n + i] + bh[2 * n + i];
        float candidate = tanh_of(row[2 * n + i] + bi[2 * n + i] + r * product);
        row[i] = r;
        row[n + i] = z;
        row[2 * n + i] = candidate;
        row[3 * n + i] = product;
        h[i] = candidate + z * (before[i] - candidate);
    }
}

static void gru_backward(const nn_cell_step *step) {
    const int64_t n = step->hidden;
    const float *before = step->h_before;
    float *row = step->row, *dh = step->dh;
    EACH(i, n) {
        float r = row[i], z = row[n + i], candidate = row[2 * n + i], product = row[3 * n + i];
        float d = dh[i], dn = d * (1.0f - z) * (1.0f - candidate * candidate);
        row[i] = dn * product * (r * (1.0f - r));
        row[n + i] = d * (before[i] - candidate) * (z * (1.0f - z));
        row[2 * n + i] = dn;
        row[3 * n + i] = dn * r;
        dh[i] = d * z;
    }
}

static void lstm(const nn_cell_step *step) {
    const int64_t n = step->hidden;
    const float *bi = step->bias_ih, *bh = step->bias_hh, *p = step->product;
    const float *before = step->row_before + 4 * n;
    float *row = step->row, *h = step->h;
    EACH(i, n) {
        float in = sigmoid_of(row[i] + bi[i] + (p[i] + bh[i]));
        float forget = sigmoid_of(row[n + i] + bi[n + i] + (p[n + i] + bh[n + i]));
        float g = tanh_of(row[2 * n + i] + bi[2 * n + i] + (p[2 * n + i] + bh[2 * n + i]));
        float out = sigmoid_of(row[3 * n + i] + bi[3 * n + i] + (p[3 * n + i] + bh[3 * n + i]));
        float c = forget * before[i] + in * g;
        row[i] = in;
        row[n + i] = forget;
        row[2 * n + i] = g;
        row[3 * n + i] = out;
        row[4 * n + i] = c;
        h[i] = out * tanh_of(c);
    }
}

static void lstm_backward(const nn_cell_step *step) {
    const int64_t n = step->hidden;
    const float *before = step->row_before + 4 * n;
    float *row = step->row, *dh = step->dh, *dc = step->dc;
    EACH(i, n) {
        float in = row[i], forget = row[n + i], g = row[2 * n + i], out = row[3 * n + i];
        float t = tanh_of(row[4 * n + i]), d = dc[i] + dh[i] * out * (1.0f - t * t);
        row[i] = d * g * (in * (1.0f - in));
        row[n + i] = d * before[i] * (forget * (1.0f - forget));
        row[2 * n + i] = d * in * (1.0f - g * g);
        row[3 * n + i] = dh[i] * t * (out * (1.0f - out));
        dc[i] = d * forget;
        dh[i] = 0.0f;
    }
}

#endif
