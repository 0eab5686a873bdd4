#include "nn/contrastive.h"

#include <math.h>
#include <string.h>

#include "base/status.h"

#define SMALLEST_NORM 1e-12

/* One call's numbers, in double. */
typedef struct {
    int64_t n, width; /* n: views */
    double *unit;     /* [n, width] outputs of length 1 */
    double *norm;     /* [n] their lengths before */
    double *share;    /* [n, n] similarities, then what each view gives each other one */
    double *dunit;    /* [width] */
} views;

size_t nn_contrastive_scratch(int64_t n_clips, int64_t width) {
    size_t n = 2 * (size_t)n_clips;
    return n * (size_t)width + n + n * n + (size_t)width;
}

static views lay_out(int64_t n_clips, int64_t width, double *scratch) {
    views v = {.n = 2 * n_clips, .width = width, .unit = scratch};
    v.norm = v.unit + v.n * width;
    v.share = v.norm + v.n;
    v.dunit = v.share + v.n * v.n;
    return v;
}

static double dot(const double *a, const double *b, int64_t n) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += a[i] * b[i];
    return sum;
}

static void normalise(const views *v, const float *y) {
    for (int64_t i = 0; i < v->n; i++) {
        double *unit = v->unit + i * v->width;
        for (int64_t k = 0; k < v->width; k++) unit[k] = (double)y[i * v->width + k];
        double norm = fmax(sqrt(dot(unit, unit, v->width)), SMALLEST_NORM);
        for (int64_t k = 0; k < v->width; k++) unit[k] /= norm;
        v->norm[i] = norm;
    }
}

static void compare_all(const views *v, double temperature) {
    for (int64_t i = 0; i < v->n; i++) {
        for (int64_t j = 0; j < i; j++) {
            double cosine = dot(v->unit + i * v->width, v->unit + j * v->width, v->width);
            v->share[i * v->n + j] = v->share[j * v->n + i] = cosine / temperature;
        }
        v->share[i * v->n + i] = -INFINITY; /* none is its own partner */
    }
}

/* Row i becomes a softmax; returns -ln of the partner's share. */
static double share_row(const views *v, int64_t i, int64_t partner, bool *found) {
    double *row = v->share + i * v->n, most = -INFINITY, sum = 0;
    int64_t nearest = 0;
    for (int64_t j = 0; j < v->n; j++) {
        if (row[j] > most) {
            most = row[j];
            nearest = j;
        }
    }
    double wanted = row[partner];
    for (int64_t j = 0; j < v->n; j++) sum += row[j] = exp(row[j] - most);
    for (int64_t j = 0; j < v->n; j++) row[j] /= sum;
    *found = nearest == partner;
    return most + log(sum) - wanted;
}

/* With g_ij = (share_ij - [j is i's partner]) / (n temperature), the gradient of unit vector i is
 * the sum over j of (g_ij + g_ji) unit_j; of it only what is across unit_i turns y_i. */
static void gradient(const views *v, double temperature, float *dy) {
    for (int64_t i = 0; i < v->n; i++) {
        const double *unit = v->unit + i * v->width;
        memset(v->dunit, 0, (size_t)v->width * sizeof *v->dunit);
        for (int64_t j = 0; j < v->n; j++) {
            if (j == i) continue;
            double g = v->share[i * v->n + j] + v->share[j * v->n + i] - (j == (i ^ 1) ? 2 : 0);
            for (int64_t k = 0; k < v->width; k++) v->dunit[k] += g * v->unit[j * v->width + k];
        }
        double along = dot(v->dunit, unit, v->width);
        double scale = 1 / ((double)v->n * temperature * v->norm[i]);
        for (int64_t k = 0; k < v->width; k++) {
            dy[i * v->width + k] = (float)(scale * (v->dunit[k] - along * unit[k]));
        }
    }
}

nn_contrastive_result nn_contrastive(int64_t n_clips, int64_t width, double temperature,
                                     const float *y, double *scratch, float *dy) {
    BASE_CHECK(n_clips >= 2 && temperature > 0);
    views v = lay_out(n_clips, width, scratch);
    nn_contrastive_result result = {0};
    normalise(&v, y);
    compare_all(&v, temperature);
    for (int64_t i = 0; i < v.n; i++) {
        bool found;
        result.loss += share_row(&v, i, i ^ 1, &found) / (double)v.n;
        result.n_found += found;
    }
    gradient(&v, temperature, dy);
    return result;
}
