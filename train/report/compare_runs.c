#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "train/report/report.h"

/* ---- Student's t ---- */

/* The continued fraction of the incomplete beta function (DLMF 8.17.22), by Lentz's method. */
static double beta_fraction(double a, double b, double x) {
    const double tiny = 1e-300;
    double c = 1, d = 1 - (a + b) * x / (a + 1);
    d = 1 / (fabs(d) < tiny ? tiny : d);
    double result = d;
    for (int m = 1; m <= 500; m++) {
        double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        double change = 1;
        for (int half = 0; half < 2; half++) {
            double term = half == 0 ? even : odd;
            d = 1 + term * d;
            c = 1 + term / c;
            d = 1 / (fabs(d) < tiny ? tiny : d);
            c = fabs(c) < tiny ? tiny : c;
            change = c * d;
            result *= change;
        }
        if (fabs(change - 1) < 1e-15) break;
    }
    return result;
}

/* Regularised: I_x(a, b). */
static double incomplete_beta(double a, double b, double x) {
    if (x <= 0 || x >= 1) return x <= 0 ? 0 : 1;
    if (x > (a + 1) / (a + b + 2)) return 1 - incomplete_beta(b, a, 1 - x);
    double front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x));
    return front * beta_fraction(a, b, x) / a;
}

/* P(|T| >= t) with `freedom` degrees. */
static double student_two_sided(double t, double freedom) {
    return incomplete_beta(freedom / 2, 0.5, freedom / (freedom + t * t));
}

static double student_quantile_95(double freedom) {
    double low = 0, high = 1000;
    for (int i = 0; i < 100; i++) {
        double middle = (low + high) / 2;
        if (student_two_sided(middle, freedom) > 0.05) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

/* B. L. Welch, "The generalization of 'Student's' problem ...", Biometrika 34, 1947. */
static train_paired welch(const train_fold_set *a, const train_fold_set *b) {
    train_paired result = {b->accuracy.mean - a->accuracy.mean, NAN, NAN, NAN};
    if (a->n_folds < 2 || b->n_folds < 2) return result;
    double va = a->accuracy.deviation * a->accuracy.deviation / a->n_folds;
    double vb = b->accuracy.deviation * b->accuracy.deviation / b->n_folds;
    double error = sqrt(va + vb);
    result.low = result.high = result.difference;
    result.p_value = result.difference == 0 ? 1 : 0;
    if (error == 0) return result;
    double freedom =
        (va + vb) * (va + vb) / (va * va / (a->n_folds - 1) + vb * vb / (b->n_folds - 1));
    double reach = student_quantile_95(freedom) * error;
    result.low -= reach;
    result.high += reach;
    result.p_value = student_two_sided(result.difference / error, freedom);
    return result;
}

/* ---- the same clips ---- */

/* A clip with the name of its class, and whether it was classified rightly. */
typedef struct {
    train_clip_name name;
    const char *truth;
    bool right;
} clip;

static int compare_clips(const void *a, const void *b) {
    const clip *x = a, *y = b;
    const train_clip_name *p = &x->name, *q = &y->name;
    int order = strcmp(p->path, q->path);
    if (order == 0) order = (p->begin_s > q->begin_s) - (p->begin_s < q->begin_s);
    if (order == 0) order = (p->end_s > q->end_s) - (p->end_s < q->end_s);
    return order != 0 ? order : strcmp(x->truth, y->truth);
}

static clip *sorted_clips(const train_run *run, base_arena *arena) {
    const train_predictions *p = &run->main.predictions;
    clip *clips = base_arena_alloc(arena, (size_t)p->n, sizeof *clips);
    if (clips == NULL) return NULL;
    for (int64_t i = 0; i < p->n; i++) {
        clips[i] = (clip){.name = p->clip[i],
                          .truth = run->facts.classes[p->truth[i]],
                          .right = p->truth[i] == train_predicted(p, i)};
    }
    qsort(clips, (size_t)p->n, sizeof *clips, compare_clips);
    return clips;
}

static base_status compare_sorted(const train_run *a, const train_run *b, base_arena *arena,
                                  train_comparison *comparison, base_error *err) {
    int64_t n = a->main.predictions.n;
    *comparison = (train_comparison){.paired = n == b->main.predictions.n};
    clip *clips_a = sorted_clips(a, arena), *clips_b = sorted_clips(b, arena);
    uint8_t *right_a = base_arena_alloc(arena, (size_t)n, 1);
    uint8_t *right_b = base_arena_alloc(arena, (size_t)n, 1);
    if (clips_a == NULL || clips_b == NULL || right_a == NULL || right_b == NULL) {
        return base_fail(err, BASE_EMEMORY, "%s: out of memory", a->folder);
    }
    for (int64_t i = 0; i < n && comparison->paired; i++) {
        comparison->paired = compare_clips(&clips_a[i], &clips_b[i]) == 0;
        right_a[i] = clips_a[i].right;
        right_b[i] = clips_b[i].right;
    }
    comparison->result =
        comparison->paired ? train_paired_compare(right_a, right_b, n) : welch(&a->main, &b->main);
    return BASE_OK;
}

base_status train_compare(const train_run *a, const train_run *b, train_comparison *comparison,
                          base_error *err) {
    base_arena scratch = {0};
    base_status status = compare_sorted(a, b, &scratch, comparison, err);
    base_arena_release(&scratch);
    return status;
}
