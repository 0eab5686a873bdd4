#include "nn/loss.h"

#include <math.h>
#include <stddef.h>

static const base_option cross_entropy_options[] = {
    {"label_smoothing", BASE_OPT_FLOAT, offsetof(nn_loss_options, label_smoothing), "0", 0, 0.999,
     NULL, NULL, "share of the target spread evenly over all classes"},
    {0}};

const base_variant nn_loss_cross_entropy = {
    "cross_entropy", "one class per sample: softmax and negative log-likelihood", "label_smoothing",
    cross_entropy_options, sizeof(nn_loss_options)};
const base_variant nn_loss_binary_cross_entropy = {
    "binary_cross_entropy", "any number of classes per sample: a sigmoid for each", NULL, NULL,
    sizeof(nn_loss_options)};

const base_variant *const *nn_loss_variants(int *n) {
    static const base_variant *const variants[] = {[NN_CROSS_ENTROPY] = &nn_loss_cross_entropy,
                                                   [NN_BINARY_CROSS_ENTROPY] =
                                                       &nn_loss_binary_cross_entropy};
    *n = sizeof variants / sizeof *variants;
    return variants;
}

static double class_weight(const nn_loss *loss, int64_t c) {
    return loss->class_weight != NULL ? loss->class_weight[c] : 1.0;
}

static double log_sum_exp(const float *x, int64_t n) {
    double top = x[0], sum = 0;
    for (int64_t c = 1; c < n; c++) top = x[c] > top ? x[c] : top;
    for (int64_t c = 0; c < n; c++) sum += exp(x[c] - top);
    return top + log(sum);
}

/* -sum_c q_c log softmax(x)_c with q = weight * smoothed target; its gradient is
 * softmax(x) * sum(q) - q. */
static double cross_entropy_row(const nn_loss *loss, const float *x, const float *target,
                                double scale, float *dx) {
    int64_t n = loss->n_classes;
    double smoothing = loss->options.label_smoothing, log_sum = log_sum_exp(x, n);
    double value = 0, total = 0;
    for (int64_t c = 0; c < n; c++) {
        double q =
            class_weight(loss, c) * ((1 - smoothing) * (double)target[c] + smoothing / (double)n);
        value -= q == 0 ? 0 : q * (x[c] - log_sum);
        total += q;
    }
    for (int64_t c = 0; dx != NULL && c < n; c++) {
        double q =
            class_weight(loss, c) * ((1 - smoothing) * (double)target[c] + smoothing / (double)n);
        dx[c] = (float)(scale * (exp(x[c] - log_sum) * total - q));
    }
    return value;
}

static double sigmoid(double x) {
    return x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x));
}

/* log(1 + exp(x)) - target x, in the form that overflows nowhere. */
static double binary_row(const nn_loss *loss, const float *x, const float *target, double scale,
                         float *dx) {
    double value = 0;
    for (int64_t c = 0; c < loss->n_classes; c++) {
        double weight = class_weight(loss, c), z = x[c], t = target[c];
        value += weight * (fmax(z, 0) + log1p(exp(-fabs(z))) - t * z);
        if (dx != NULL) dx[c] = (float)(scale * weight * (sigmoid(z) - t));
    }
    return value;
}

double nn_loss_apply(const nn_loss *loss, int64_t n, const float *logits, const float *target,
                     double denominator, float *dlogits) {
    double scale = denominator > 0 ? 1 / denominator : 0, sum = 0;
    for (int64_t i = 0; i < n; i++) {
        int64_t row = i * loss->n_classes;
        float *dx = dlogits != NULL ? dlogits + row : NULL;
        sum += loss->kind == NN_CROSS_ENTROPY
                   ? cross_entropy_row(loss, logits + row, target + row, scale, dx)
                   : binary_row(loss, logits + row, target + row, scale, dx);
    }
    return sum * scale;
}

double nn_loss_weight(const nn_loss *loss, int64_t n, const float *target) {
    if (loss->kind == NN_BINARY_CROSS_ENTROPY) return (double)n * (double)loss->n_classes;
    double sum = 0;
    for (int64_t i = 0; i < n; i++) {
        for (int64_t c = 0; c < loss->n_classes; c++) {
            sum += class_weight(loss, c) * (double)target[i * loss->n_classes + c];
        }
    }
    return sum;
}

void nn_softmax(const float *logits, float *y, int64_t n, int64_t n_classes) {
    for (int64_t i = 0; i < n; i++) {
        const float *x = logits + i * n_classes;
        double log_sum = log_sum_exp(x, n_classes);
        for (int64_t c = 0; c < n_classes; c++) y[i * n_classes + c] = (float)exp(x[c] - log_sum);
    }
}

void nn_loss_probabilities(nn_loss_kind kind, const float *logits, float *y, int64_t n,
                           int64_t n_classes) {
    if (kind == NN_CROSS_ENTROPY) {
        nn_softmax(logits, y, n, n_classes);
    } else {
        for (int64_t i = 0; i < n * n_classes; i++) y[i] = (float)sigmoid(logits[i]);
    }
}

int64_t nn_most_probable(const float *probability, int64_t n) {
    int64_t best = 0;
    for (int64_t i = 1; i < n; i++) best = probability[i] > probability[best] ? i : best;
    return best;
}
