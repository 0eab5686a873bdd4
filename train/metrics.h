/* train/metrics.h - metrics of a classifier; definitions and values as scikit-learn's. */
#ifndef TRAIN_METRICS_H
#define TRAIN_METRICS_H

#include "train/predictions.h"

/* One metric, as tables and files name and show it. */
typedef struct {
    const char *name;      /* "macro F1"; train_metric_key makes "macro_f1" of it */
    const char *full_name; /* "balanced accuracy", where `name` is the short form of it */
    bool is_share;         /* from 0 to 1, shown in percent */
    bool is_pooled;        /* of bins, which few clips leave empty: where one figure is given for
                              several folds, it is that of all their clips together */
} train_metric;

enum { TRAIN_MAX_METRICS = 16 };

/* All of them, in the order in which they are shown. metrics.c has the table: a metric is a row
 * there and the function that it names. */
int train_n_metrics(void);
const train_metric *train_metric_at(int metric);
/* A name as a key in files: lower case, '_' for spaces. */
const char *train_metric_key(const char *name, char key[32]);
/* A name with an initial capital. */
const char *train_metric_heading(const char *name, char heading[32]);

typedef struct {
    int n_classes;
    int64_t n;
    int64_t *confusion; /* [n_classes, n_classes], row: truth, column: prediction */
    union {
        struct {
            double accuracy;
            double balanced;    /* mean recall over the classes that occur */
            double macro_f1;    /* mean over the classes that occur or are predicted */
            double log_loss;    /* mean of -ln p(truth), p clipped to float32 eps .. 1 - eps as
                                   scikit-learn does */
            double calibration; /* expected calibration error, 15 equal bins of the top probability
                                   (Guo et al. 2017) */
        };
        double value[TRAIN_MAX_METRICS]; /* all, in the table's order */
    };
    double *precision, *recall, *f1; /* [n_classes]; 0 where undefined */
    int64_t *support;                /* [n_classes] */
} train_metrics;                     /* arrays live in the arena given */

/* EDATA, ENUMERIC for what is no prediction. */
base_status train_metrics_compute(const train_predictions *p, base_arena *arena,
                                  train_metrics *metrics, base_error *err);

/* One bin of the reliability diagram: mean confidence, accuracy, count. */
#define TRAIN_RELIABILITY_BINS 15
typedef struct {
    double confidence, accuracy;
    int64_t n;
} train_reliability_bin;
void train_reliability(const train_predictions *p,
                       train_reliability_bin bins[TRAIN_RELIABILITY_BINS]);

/* Mean, sample deviation (n - 1) and 95 % percentile-bootstrap interval of the mean (10,000 draws,
 * seeded). One value has a mean only: the rest is NaN. */
typedef struct {
    double mean, deviation, low, high;
} train_interval;
train_interval train_interval_of(const double *values, int n);

/* The 2.5 % and 97.5 % percentiles of so many draws, which it sorts. */
enum { TRAIN_BOOTSTRAP_DRAWS = 10000 };
void train_percentiles(double *draws, double *low, double *high);

/* Paired difference of two classifiers on the same clips: accuracy of b minus that of a, its 95 %
 * bootstrap interval over clips, and McNemar's exact two-sided p. right_a, right_b: [n] 0 or 1. */
typedef struct {
    double difference, low, high, p_value;
} train_paired;
train_paired train_paired_compare(const uint8_t *right_a, const uint8_t *right_b, int64_t n);

#endif
