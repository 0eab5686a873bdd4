#include "nn/classifiers/coupling.h"

#include <math.h>

/* ---- a pair's sigmoid ---- */

typedef struct {
    const double *values;
    const bool *first;
    int64_t n;
    double target[2]; /* of the second class and of the first */
} sigmoid_problem;

/* log(1 + exp(z)) - (1 - t) z, summed, with z = a value + b: both forms are safe from overflow. */
static double sigmoid_loss(const sigmoid_problem *s, nn_sigmoid at) {
    double loss = 0;
    for (int64_t i = 0; i < s->n; i++) {
        double z = at.a * s->values[i] + at.b, t = s->target[s->first[i]];
        loss += z >= 0 ? t * z + log1p(exp(-z)) : (t - 1) * z + log1p(exp(z));
    }
    return loss;
}

double nn_sigmoid_apply(nn_sigmoid sigmoid, double value) {
    double z = sigmoid.a * value + sigmoid.b;
    return z >= 0 ? exp(-z) / (1 + exp(-z)) : 1 / (1 + exp(z));
}

typedef struct {
    double aa, ab, bb; /* second derivatives */
    double a, b;       /* first */
} derivatives;

static derivatives differentiate(const sigmoid_problem *s, nn_sigmoid at) {
    derivatives d = {.aa = 1e-12, .bb = 1e-12};
    for (int64_t i = 0; i < s->n; i++) {
        double value = s->values[i], p = nn_sigmoid_apply(at, value);
        double curve = p * (1 - p), slope = s->target[s->first[i]] - p;
        d.aa += value * value * curve;
        d.ab += value * curve;
        d.bb += curve;
        d.a += value * slope;
        d.b += slope;
    }
    return d;
}

nn_sigmoid nn_sigmoid_fit(const double *values, const bool *first, int64_t n) {
    enum { MAX_STEPS = 100 };
    const double least_slope = 1e-5, least_step = 1e-10;
    double n_first = 0;
    for (int64_t i = 0; i < n; i++) n_first += first[i];
    double n_second = (double)n - n_first;
    sigmoid_problem s = {values, first, n, {1 / (n_second + 2), (n_first + 1) / (n_first + 2)}};
    nn_sigmoid at = {0, log((n_second + 1) / (n_first + 1))};
    double loss = sigmoid_loss(&s, at);
    for (int step = 0; step < MAX_STEPS; step++) {
        derivatives d = differentiate(&s, at);
        if (fabs(d.a) < least_slope && fabs(d.b) < least_slope) break;
        double det = d.aa * d.bb - d.ab * d.ab;
        double da = -(d.bb * d.a - d.ab * d.b) / det, db = -(d.aa * d.b - d.ab * d.a) / det;
        double fall = d.a * da + d.b * db, size = 1;
        for (; size >= least_step; size /= 2) {
            nn_sigmoid next = {at.a + size * da, at.b + size * db};
            double next_loss = sigmoid_loss(&s, next);
            if (!(next_loss < loss + 1e-4 * size * fall)) continue; /* nor what is no number */
            at = next;
            loss = next_loss;
            break;
        }
        if (size < least_step) break;
    }
    return at;
}

/* ---- all pairs ---- */

/* Q of the paper's equation (21), from pairs kept away from 0 and 1. */
static void fill_matrix(const double *pair, int n, double *q) {
    const double least = 1e-7;
    for (int i = 0; i < n; i++) q[i * n + i] = 0;
    for (int i = 0; i < n; i++) {
        for (int j = i + 1; j < n; j++) {
            double r = fmin(fmax(pair[nn_pair(i, j, n)], least), 1 - least);
            q[i * n + i] += (1 - r) * (1 - r);
            q[j * n + j] += r * r;
            q[i * n + j] = q[j * n + i] = -r * (1 - r);
        }
    }
}

/* Algorithm 2 of the paper. */
void nn_couple_pairs(const double *pair, int n, double *scratch, double *p) {
    enum { MAX_ROUNDS = 1000 };
    double *q = scratch, *qp = scratch + n * n;
    fill_matrix(pair, n, q);
    for (int i = 0; i < n; i++) p[i] = 1.0 / n;
    for (int round = 0; round < MAX_ROUNDS; round++) {
        double pqp = 0, worst = 0;
        for (int i = 0; i < n; i++) {
            qp[i] = 0;
            for (int j = 0; j < n; j++) qp[i] += q[i * n + j] * p[j];
            pqp += p[i] * qp[i];
        }
        for (int i = 0; i < n; i++) worst = fmax(worst, fabs(qp[i] - pqp));
        if (worst < 1e-7 / n) break;
        for (int i = 0; i < n; i++) {
            double change = (pqp - qp[i]) / q[i * n + i], scale = 1 + change;
            p[i] += change;
            pqp = (pqp + change * (change * q[i * n + i] + 2 * qp[i])) / (scale * scale);
            for (int j = 0; j < n; j++) {
                qp[j] = (qp[j] + change * q[i * n + j]) / scale;
                p[j] /= scale;
            }
        }
    }
}
