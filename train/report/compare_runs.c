#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "train/report/compare.h"

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
static train_paired welch(const train_interval *a, int n_a, const train_interval *b, int n_b) {
    train_paired result = {b->mean - a->mean, NAN, NAN, NAN};
    if (n_a < 2 || n_b < 2) return result;
    double va = a->deviation * a->deviation / n_a, vb = b->deviation * b->deviation / n_b;
    double error = sqrt(va + vb);
    result.low = result.high = result.difference;
    result.p_value = result.difference == 0 ? 1 : 0;
    if (error == 0) return result;
    double freedom = (va + vb) * (va + vb) / (va * va / (n_a - 1) + vb * vb / (n_b - 1));
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
    int64_t number; /* in the predictions */
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
                          .number = i,
                          .right = p->truth[i] == train_predicted(p, i)};
    }
    qsort(clips, (size_t)p->n, sizeof *clips, compare_clips);
    return clips;
}

/* Two runs, their clips in one order. */
typedef struct {
    const train_run *run[2];
    clip *clips[2];
    uint8_t *right[2]; /* [n] */
    int64_t n;
    bool paired;
} match;

static base_status no_memory(const train_run *run, base_error *err) {
    return base_fail(err, BASE_EMEMORY, "%s: out of memory", run->folder);
}

static base_status match_clips(const train_run *const runs[2], base_arena *arena, match *m,
                               base_error *err) {
    int64_t n = runs[0]->main.predictions.n;
    *m = (match){.n = n, .paired = n == runs[1]->main.predictions.n};
    for (int r = 0; r < 2; r++) {
        m->run[r] = runs[r];
        m->clips[r] = sorted_clips(runs[r], arena);
        m->right[r] = base_arena_alloc(arena, (size_t)n, 1);
        if (m->clips[r] == NULL || m->right[r] == NULL) return no_memory(runs[r], err);
    }
    for (int64_t i = 0; i < n && m->paired; i++) {
        m->paired = compare_clips(&m->clips[0][i], &m->clips[1][i]) == 0;
        for (int r = 0; r < 2; r++) m->right[r][i] = m->clips[r][i].right;
    }
    return BASE_OK;
}

static train_comparison compare_all_clips(const match *m) {
    const train_fold_set *a = &m->run[0]->main, *b = &m->run[1]->main;
    return (train_comparison){
        .paired = m->paired,
        .result = m->paired ? train_paired_compare(m->right[0], m->right[1], m->n)
                            : welch(&a->accuracy, a->n_folds, &b->accuracy, b->n_folds)};
}

base_status train_compare(const train_run *a, const train_run *b, train_comparison *comparison,
                          base_error *err) {
    base_arena scratch = {0};
    match m;
    base_status status = match_clips((const train_run *const[]){a, b}, &scratch, &m, err);
    if (status == BASE_OK) *comparison = compare_all_clips(&m);
    base_arena_release(&scratch);
    return status;
}

/* ---- by class ---- */

static int find_class(const train_facts *facts, const char *name) {
    int c = facts->n_classes - 1;
    while (c >= 0 && strcmp(facts->classes[c], name) != 0) c--;
    return c;
}

/* Right and wrong of the clips of one class, gathered at the start of right_a and right_b. */
static train_paired compare_class_clips(const match *m, const char *name, uint8_t *right_a,
                                        uint8_t *right_b) {
    int64_t n = 0;
    bool differ = false;
    for (int64_t i = 0; i < m->n; i++) {
        if (strcmp(m->clips[0][i].truth, name) != 0) continue;
        right_a[n] = m->right[0][i];
        right_b[n] = m->right[1][i];
        differ |= right_a[n] != right_b[n];
        n++;
    }
    train_paired result = train_paired_compare(right_a, right_b, n);
    if (!differ) result.low = result.high = NAN; /* a bootstrap has nothing to draw */
    return result;
}

/* The recall of a class over the folds that test it. */
static train_interval recall_of_folds(const train_fold_set *set, int class, double *values,
                                      int *n) {
    *n = 0;
    for (int f = 0; f < set->n_folds; f++) {
        const train_metrics *metrics = &set->folds[f].metrics;
        if (metrics->support[class] > 0) values[(*n)++] = metrics->recall[class];
    }
    return train_interval_of(values, *n);
}

static train_paired compare_class_folds(const match *m, const int class[2], double *values) {
    int n[2];
    train_interval recall[2];
    for (int r = 0; r < 2; r++) {
        recall[r] = recall_of_folds(&m->run[r]->main, class[r], values, &n[r]);
    }
    return welch(&recall[0], n[0], &recall[1], n[1]);
}

static base_status compare_classes(const match *m, base_arena *arena, train_pair *pair,
                                   base_error *err) {
    const train_facts *a = &m->run[0]->facts, *b = &m->run[1]->facts;
    int n_folds[2] = {m->run[0]->main.n_folds, m->run[1]->main.n_folds};
    int most_folds = n_folds[0] > n_folds[1] ? n_folds[0] : n_folds[1];
    train_class_comparison *classes =
        base_arena_alloc(arena, (size_t)a->n_classes, sizeof *classes);
    double *values = base_arena_alloc(arena, (size_t)most_folds, sizeof *values);
    uint8_t *right_a = base_arena_alloc(arena, (size_t)m->n, 1);
    uint8_t *right_b = base_arena_alloc(arena, (size_t)m->n, 1);
    if (classes == NULL || values == NULL || right_a == NULL || right_b == NULL) {
        return no_memory(m->run[0], err);
    }
    pair->classes = classes;
    for (int c = 0; c < a->n_classes; c++) {
        const char *name = a->classes[c];
        int class[2] = {c, find_class(b, name)};
        if (class[1] < 0) continue;
        train_class_comparison *row = &classes[pair->n_classes++];
        row->name = name;
        row->n = m->run[0]->main.pooled.support[c];
        for (int r = 0; r < 2; r++) row->recall[r] = m->run[r]->main.pooled.recall[class[r]];
        row->result = m->paired ? compare_class_clips(m, name, right_a, right_b)
                                : compare_class_folds(m, class, values);
    }
    return BASE_OK;
}

/* ---- clip by clip ---- */

static const char *taken_for(const match *m, int r, int64_t i) {
    const train_predictions *p = &m->run[r]->main.predictions;
    return m->run[r]->facts.classes[train_predicted(p, m->clips[r][i].number)];
}

typedef struct {
    train_disagreement clips;
    double confidence; /* of both runs together */
} ranked;

static int compare_ranked(const void *a, const void *b) {
    const ranked *x = a, *y = b;
    bool right_x = x->clips.right[0] || x->clips.right[1];
    bool right_y = y->clips.right[0] || y->clips.right[1];
    if (right_x != right_y) return right_x ? -1 : 1;
    if (x->confidence != y->confidence) return x->confidence > y->confidence ? -1 : 1;
    return (x->clips.clip[0] > y->clips.clip[0]) - (x->clips.clip[0] < y->clips.clip[0]);
}

static base_status find_disagreements(const match *m, base_arena *arena, train_pair *pair,
                                      base_error *err) {
    if (!m->paired) return BASE_OK;
    ranked *found = base_arena_alloc(arena, (size_t)m->n, sizeof *found);
    train_disagreement *kept = base_arena_alloc(arena, (size_t)m->n, sizeof *kept);
    if (found == NULL || kept == NULL) return no_memory(m->run[0], err);
    int64_t n = 0;
    for (int64_t i = 0; i < m->n; i++) {
        if (strcmp(taken_for(m, 0, i), taken_for(m, 1, i)) == 0) continue;
        ranked *f = &found[n++];
        for (int r = 0; r < 2; r++) {
            f->clips.clip[r] = m->clips[r][i].number;
            f->clips.right[r] = m->clips[r][i].right;
            f->confidence += train_confidence(&m->run[r]->main.predictions, f->clips.clip[r]);
            pair->n_only[r] += f->clips.right[r];
        }
    }
    qsort(found, (size_t)n, sizeof *found, compare_ranked);
    for (int64_t i = 0; i < n; i++) kept[i] = found[i].clips;
    pair->disagreements = kept;
    pair->n_disagreements = n;
    return BASE_OK;
}

base_status train_compare_pair(const train_run *const runs[2], base_arena *arena, train_pair *pair,
                               base_error *err) {
    match m;
    *pair = (train_pair){0};
    BASE_TRY(match_clips(runs, arena, &m, err));
    pair->all = compare_all_clips(&m);
    BASE_TRY(compare_classes(&m, arena, pair, err));
    return find_disagreements(&m, arena, pair, err);
}

base_status train_compare_all(const train_run *runs, int n_runs, base_arena *arena,
                              train_compared *compared, base_error *err) {
    BASE_CHECK(n_runs >= 1);
    train_pair *pairs = base_arena_alloc(arena, (size_t)n_runs, sizeof *pairs);
    if (pairs == NULL) return no_memory(&runs[0], err);
    *compared = (train_compared){.runs = runs, .n_runs = n_runs, .pairs = pairs};
    for (int i = 1; i < n_runs; i++) {
        const train_run *const two[] = {&runs[0], &runs[i]};
        BASE_TRY(train_compare_pair(two, arena, &pairs[i], err));
    }
    return train_compare_configs(runs, n_runs, arena, &compared->differences,
                                 &compared->n_differences, err);
}
