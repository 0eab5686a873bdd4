#include "train/mixup.h"

#include <math.h>

/* Gamma(a, 1); for a < 1 the variate of a + 1 times U^(1/a). */
static double gamma_variate(base_rng *rng, double a) {
    if (a < 1) {
        double u = base_rng_range(rng, 0, 1);
        return gamma_variate(rng, a + 1) * pow(u, 1 / a);
    }
    double d = a - 1.0 / 3, c = 1 / sqrt(9 * d);
    for (;;) {
        double x = base_rng_normal(rng), v = 1 + c * x;
        if (v <= 0) continue;
        v = v * v * v;
        double u = base_rng_range(rng, 0, 1);
        if (log(u) < 0.5 * x * x + d - d * v + d * log(v)) return d * v;
    }
}

double train_beta(base_rng *rng, double a) {
    double x = gamma_variate(rng, a), y = gamma_variate(rng, a);
    return x + y > 0 ? x / (x + y) : 0.5;
}

/* Blends two rows with each other: a' = s a + (1 - s) b, b' = s b + (1 - s) a. */
static void blend(float share, float *a, float *b, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        float u = a[i], v = b[i];
        a[i] = share * u + (1 - share) * v;
        b[i] = share * v + (1 - share) * u;
    }
}

void train_mixup(double share, const train_mixup_batch *batch) {
    int64_t count = batch->count, n_classes = batch->n_classes;
    int32_t *length = batch->length;
    for (int64_t i = 0, j = batch->n - 1; i < j; i++, j--) {
        blend((float)share, batch->x + i * count, batch->x + j * count, count);
        blend((float)share, batch->target + i * n_classes, batch->target + j * n_classes,
              n_classes);
        length[i] = length[j] = length[i] > length[j] ? length[i] : length[j];
    }
}
