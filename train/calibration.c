#include "train/calibration.h"

#include <math.h>

/* Log loss of one row of probabilities after tempering; rows are shifted by their largest entry. */
static double row_loss(const float *p, int truth, int n_classes, double inverse) {
    double largest = 0;
    for (int c = 0; c < n_classes; c++) largest = p[c] > largest ? p[c] : largest;
    double sum = 0;
    for (int c = 0; c < n_classes; c++) {
        if (p[c] > 0) sum += exp(inverse * (log(p[c]) - log(largest)));
    }
    double right = p[truth] > 0 ? p[truth] : 1e-30;
    return log(sum) - inverse * (log(right) - log(largest));
}

static double mean_loss(const train_predictions *p, double log_temperature) {
    double sum = 0, inverse = exp(-log_temperature);
    for (int64_t i = 0; i < p->n; i++) {
        sum += row_loss(p->probability + i * p->n_classes, p->truth[i], p->n_classes, inverse);
    }
    return sum / (double)p->n;
}

double train_fit_temperature(const train_predictions *p) {
    if (p->n == 0) return 1;
    const double golden = 0.6180339887498949;
    double low = log(0.05), high = log(20.0);
    double a = high - golden * (high - low), b = low + golden * (high - low);
    double loss_a = mean_loss(p, a);
    double loss_b = mean_loss(p, b);
    while (high - low > 1e-4) {
        if (loss_a < loss_b) {
            high = b;
            b = a;
            loss_b = loss_a;
            a = high - golden * (high - low);
            loss_a = mean_loss(p, a);
        } else {
            low = a;
            a = b;
            loss_a = loss_b;
            b = low + golden * (high - low);
            loss_b = mean_loss(p, b);
        }
    }
    return exp((low + high) / 2);
}
