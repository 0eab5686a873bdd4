#include "train/metrics.h"

#include <ctype.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"

static base_status check_rows(const train_predictions *p, base_error *err) {
    if (p->n < 1 || p->n_classes < 1) {
        return base_fail(err, BASE_EDATA, "metrics of no predictions");
    }
    for (int64_t i = 0; i < p->n; i++) {
        if (p->truth[i] < 0 || p->truth[i] >= p->n_classes) {
            return base_fail(err, BASE_EDATA, "prediction %lld: class %d of %d", (long long)i,
                             (int)p->truth[i], p->n_classes);
        }
        for (int c = 0; c < p->n_classes; c++) {
            float share = p->probability[i * p->n_classes + c];
            if (!(share >= 0 && share <= 1)) {
                return base_fail(err, BASE_ENUMERIC, "prediction %lld: %g is no probability",
                                 (long long)i, (double)share);
            }
        }
    }
    return BASE_OK;
}

static bool alloc_arrays(base_arena *arena, train_metrics *m) {
    size_t n = (size_t)m->n_classes;
    m->confusion = base_arena_alloc(arena, n * n, sizeof *m->confusion);
    m->precision = base_arena_alloc(arena, n, sizeof *m->precision);
    m->recall = base_arena_alloc(arena, n, sizeof *m->recall);
    m->f1 = base_arena_alloc(arena, n, sizeof *m->f1);
    m->support = base_arena_alloc(arena, n, sizeof *m->support);
    return m->confusion != NULL && m->precision != NULL && m->recall != NULL && m->f1 != NULL &&
           m->support != NULL;
}

static double ratio(int64_t part, int64_t whole) {
    return whole > 0 ? (double)part / (double)whole : 0;
}

/* F1 as 2 tp / (support + predicted), which is defined wherever either is not zero. */
static void score_classes(train_metrics *m) {
    int k = m->n_classes;
    for (int c = 0; c < k; c++) {
        int64_t support = 0, predicted = 0, right = m->confusion[c * k + c];
        for (int j = 0; j < k; j++) {
            support += m->confusion[c * k + j];
            predicted += m->confusion[j * k + c];
        }
        m->support[c] = support;
        m->precision[c] = ratio(right, predicted);
        m->recall[c] = ratio(right, support);
        m->f1[c] = ratio(2 * right, support + predicted);
    }
}

/* ---- the metrics ---- */

static double accuracy(const train_predictions *p, const train_metrics *m) {
    int64_t n_right = 0;
    for (int c = 0; c < m->n_classes; c++) n_right += m->confusion[c * m->n_classes + c];
    return ratio(n_right, p->n);
}

static double balanced(const train_predictions *p, const train_metrics *m) {
    (void)p;
    double sum = 0;
    int n = 0;
    for (int c = 0; c < m->n_classes; c++) {
        sum += m->recall[c];
        n += m->support[c] > 0;
    }
    return sum / n;
}

/* Like scikit-learn's, over the classes that occur in the truth or in the predictions. */
static double macro_f1(const train_predictions *p, const train_metrics *m) {
    (void)p;
    double sum = 0;
    int n = 0;
    for (int c = 0; c < m->n_classes; c++) {
        bool occurs = m->support[c] > 0;
        for (int t = 0; t < m->n_classes && !occurs; t++) {
            occurs = m->confusion[t * m->n_classes + c] > 0;
        }
        sum += m->f1[c];
        n += occurs;
    }
    return sum / n;
}

static double log_loss(const train_predictions *p, const train_metrics *m) {
    (void)m;
    double sum = 0;
    for (int64_t i = 0; i < p->n; i++) {
        float share = p->probability[i * p->n_classes + p->truth[i]];
        sum -= log((double)fminf(fmaxf(share, FLT_EPSILON), 1 - FLT_EPSILON));
    }
    return sum / (double)p->n;
}

static double calibration(const train_predictions *p, const train_metrics *m) {
    (void)m;
    double error = 0;
    train_reliability_bin bins[TRAIN_RELIABILITY_BINS];
    train_reliability(p, bins);
    for (int b = 0; b < TRAIN_RELIABILITY_BINS; b++) {
        error += fabs(bins[b].accuracy - bins[b].confidence) * (double)bins[b].n / (double)p->n;
    }
    return error;
}

/* The first five are those that train_metrics names; others follow. */
static const struct {
    train_metric metric;
    double (*of)(const train_predictions *p, const train_metrics *m); /* m: counts and classes */
} table[] = {{{"accuracy", "accuracy", true, false}, accuracy},
             {{"balanced", "balanced accuracy", true, false}, balanced},
             {{"macro F1", "macro F1", true, false}, macro_f1},
             {{"log loss", "log loss", false, false}, log_loss},
             {{"calibration", "calibration error", false, true}, calibration}};
enum { N_METRICS = sizeof table / sizeof *table };
_Static_assert((int)N_METRICS <= (int)TRAIN_MAX_METRICS, "train_metrics has room for all");

int train_n_metrics(void) {
    return N_METRICS;
}

const train_metric *train_metric_at(int metric) {
    return &table[metric].metric;
}

const char *train_metric_key(const char *name, char key[32]) {
    snprintf(key, 32, "%s", name);
    for (char *c = key; *c != '\0'; c++) *c = *c == ' ' ? '_' : (char)tolower((unsigned char)*c);
    return key;
}

const char *train_metric_heading(const char *name, char heading[32]) {
    snprintf(heading, 32, "%s", name);
    heading[0] = (char)toupper((unsigned char)heading[0]);
    return heading;
}

base_status train_metrics_compute(const train_predictions *p, base_arena *arena,
                                  train_metrics *metrics, base_error *err) {
    BASE_TRY(check_rows(p, err));
    train_metrics *m = metrics;
    *m = (train_metrics){.n_classes = p->n_classes, .n = p->n};
    if (!alloc_arrays(arena, m)) return base_fail(err, BASE_EMEMORY, "metrics: out of memory");
    for (int64_t i = 0; i < p->n; i++) {
        m->confusion[p->truth[i] * p->n_classes + train_predicted(p, i)]++;
    }
    score_classes(m);
    for (int i = 0; i < N_METRICS; i++) m->value[i] = table[i].of(p, m);
    return BASE_OK;
}

/* Bin b holds the confidences in (b / 15, (b + 1) / 15]. */
void train_reliability(const train_predictions *p,
                       train_reliability_bin bins[TRAIN_RELIABILITY_BINS]) {
    memset(bins, 0, TRAIN_RELIABILITY_BINS * sizeof *bins);
    for (int64_t i = 0; i < p->n; i++) {
        double confidence = train_confidence(p, i);
        int b = (int)ceil(confidence * TRAIN_RELIABILITY_BINS) - 1;
        b = b < 0 ? 0 : b >= TRAIN_RELIABILITY_BINS ? TRAIN_RELIABILITY_BINS - 1 : b;
        bins[b].confidence += confidence;
        bins[b].accuracy += train_predicted(p, i) == p->truth[i];
        bins[b].n++;
    }
    for (int b = 0; b < TRAIN_RELIABILITY_BINS; b++) {
        if (bins[b].n == 0) continue;
        bins[b].confidence /= (double)bins[b].n;
        bins[b].accuracy /= (double)bins[b].n;
    }
}

static int compare_doubles(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Linear between the neighbouring draws, as numpy's default. */
static double quantile(const double *sorted, int n, double q) {
    double position = q * (n - 1);
    int below = (int)position;
    int above = below + 1 < n ? below + 1 : below;
    return sorted[below] + (position - below) * (sorted[above] - sorted[below]);
}

void train_percentiles(double *draws, double *low, double *high) {
    qsort(draws, TRAIN_BOOTSTRAP_DRAWS, sizeof *draws, compare_doubles);
    *low = quantile(draws, TRAIN_BOOTSTRAP_DRAWS, 0.025);
    *high = quantile(draws, TRAIN_BOOTSTRAP_DRAWS, 0.975);
}

train_interval train_interval_of(const double *values, int n) {
    train_interval interval = {0};
    if (n < 1) return interval;
    for (int i = 0; i < n; i++) interval.mean += values[i];
    interval.mean /= n;
    interval.deviation = interval.low = interval.high = NAN;
    if (n == 1) return interval;
    double squares = 0;
    for (int i = 0; i < n; i++) {
        squares += (values[i] - interval.mean) * (values[i] - interval.mean);
    }
    interval.deviation = sqrt(squares / (n - 1));
    double draws[TRAIN_BOOTSTRAP_DRAWS];
    base_rng rng = base_rng_open(0, BASE_RNG_BOOTSTRAP, (uint64_t)n, 0);
    for (int d = 0; d < TRAIN_BOOTSTRAP_DRAWS; d++) {
        double sum = 0;
        for (int i = 0; i < n; i++) sum += values[base_rng_below(&rng, n)];
        draws[d] = sum / n;
    }
    train_percentiles(draws, &interval.low, &interval.high);
    return interval;
}

/* min(1, 2 P(X <= the smaller)) for X ~ Binomial(only_a + only_b, 1/2), summed as logarithms. */
static double mcnemar_exact(int64_t only_a, int64_t only_b) {
    double n = (double)(only_a + only_b), tail = 0;
    int64_t smaller = only_a < only_b ? only_a : only_b;
    for (int64_t i = 0; i <= smaller; i++) {
        double k = (double)i;
        tail += exp(lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) - n * log(2));
    }
    return fmin(1, 2 * tail);
}

/* Sum of the gains of n clips drawn with replacement: a draw is b's gain with probability gain_b,
 * a's with probability gain_a. */
static int64_t draw_gains(base_rng *rng, int64_t n, float gain_b, float gain_a) {
    float uniform[512];
    int64_t sum = 0, block = sizeof uniform / sizeof *uniform;
    for (int64_t first = 0; first < n; first += block) {
        int64_t n_drawn = n - first < block ? n - first : block;
        base_rng_fill_uniform(rng, uniform, n_drawn);
        for (int64_t i = 0; i < n_drawn; i++) {
            sum += uniform[i] < gain_b;
            sum -= uniform[i] >= 1 - gain_a;
        }
    }
    return sum;
}

train_paired train_paired_compare(const uint8_t *right_a, const uint8_t *right_b, int64_t n) {
    train_paired paired = {.p_value = 1};
    if (n < 1) return paired;
    int64_t only_a = 0, only_b = 0;
    for (int64_t i = 0; i < n; i++) {
        only_a += right_a[i] > right_b[i];
        only_b += right_b[i] > right_a[i];
    }
    paired.difference = (double)(only_b - only_a) / (double)n;
    paired.p_value = mcnemar_exact(only_a, only_b);
    double draws[TRAIN_BOOTSTRAP_DRAWS];
    base_rng rng = base_rng_open(0, BASE_RNG_BOOTSTRAP, (uint64_t)n, 1);
    float gain_b = (float)ratio(only_b, n), gain_a = (float)ratio(only_a, n);
    for (int d = 0; d < TRAIN_BOOTSTRAP_DRAWS; d++) {
        draws[d] = (double)draw_gains(&rng, n, gain_b, gain_a) / (double)n;
    }
    train_percentiles(draws, &paired.low, &paired.high);
    return paired;
}
