#include "dsp/mfcc.h"

#include <math.h>

void dsp_dct_fill(const dsp_dct *dct) {
    double n = (double)dct->n_in;
    for (int64_t k = 0; k < dct->n_out; k++) {
        double scale = sqrt((k == 0 ? 1.0 : 2.0) / n);
        float *row = dct->matrix + k * dct->n_in;
        for (int64_t i = 0; i < dct->n_in; i++) {
            row[i] = (float)(scale * cos(M_PI * (double)(k * (2 * i + 1)) / (2.0 * n)));
        }
    }
}

void dsp_dct_apply(const dsp_dct *dct, const float *x, float *y, int64_t stride, int64_t n) {
    for (int64_t k = 0; k < dct->n_out; k++) {
        float *restrict row = y + k * stride;
        for (int64_t t = 0; t < n; t++) row[t] = 0.0f;
        for (int64_t i = 0; i < dct->n_in; i++) {
            const float *restrict in = x + i * stride;
            float weight = dct->matrix[k * dct->n_in + i];
            for (int64_t t = 0; t < n; t++) row[t] += weight * in[t];
        }
    }
}

enum { REACH = 4 }; /* points on each side */

/* Least squares over k = -4..4: the slope is sum k x / 60, twice the curvature
 * 2 sum (9 k^2 - 60) x / 2772. */
static double delta_weight(int order, int64_t k) {
    return order == 1 ? (double)k / 60.0 : (double)(9 * k * k - 60) / 1386.0;
}

void dsp_delta(int order, const float *x, float *y, int64_t n) {
    for (int64_t t = 0; t < n; t++) {
        double sum = 0.0;
        for (int64_t k = -REACH; k <= REACH; k++) {
            int64_t at = t + k < 0 ? 0 : t + k >= n ? n - 1 : t + k;
            sum += delta_weight(order, k) * (double)x[at];
        }
        y[t] = (float)sum;
    }
}
