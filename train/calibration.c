#include "train/calibration.h"

#include <math.h>

static float largest_of(const float *p, int n_classes) {
    float largest = 0;
    for (int c = 0; c < n_classes; c++) largest = p[c] > largest ? p[c] : largest;
    return largest;
}

/* What a row of probabilities is divided by after tempering, shifted by its largest entry. */
static double tempered_sum(const float *p, int n_classes, double inverse) {
    double shift = log(largest_of(p, n_classes)), sum = 0;
    for (int c = 0; c < n_classes; c++) {
        if (p[c] > 0) sum += exp(inverse * (log(p[c]) - shift));
    }
    return sum;
}

/* Log loss of one row of probabilities after tempering. */
static double row_loss(const float *p, int truth, int n_classes, double inverse) {
    double right = p[truth] > 0 ? p[truth] : 1e-30;
    return log(tempered_sum(p, n_classes, inverse)) -
           inverse * (log(right) - log(largest_of(p, n_classes)));
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

void train_temper(double temperature, int64_t n, int n_classes, float *probability) {
    double inverse = 1 / temperature;
    for (int64_t i = 0; i < n; i++) {
        float *p = probability + i * n_classes;
        double sum = tempered_sum(p, n_classes, inverse), shift = log(largest_of(p, n_classes));
        for (int c = 0; c < n_classes; c++) {
            p[c] = p[c] > 0 ? (float)(exp(inverse * (log(p[c]) - shift)) / sum) : 0;
        }
    }
}
