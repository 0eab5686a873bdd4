#include "train/metrics.h"

#include <math.h>
#include <stdio.h>

#include "tests/golden.h"
#include "tests/test.h"
#include "tests/train/figures.h"

static void expect(const char *name, const char *figure, const double *got, int n,
                   double tolerance) {
    char key[64];
    double want[MAX_FIGURES];
    snprintf(key, sizeof key, "%s.%s", name, figure);
    ck_assert_int_eq(figures_read(key, want), n);
    for (int i = 0; i < n; i++) {
        ck_assert_msg(fabs(got[i] - want[i]) <= tolerance * fabs(want[i]),
                      "%s[%d] is %.17g, not %.17g", key, i, got[i], want[i]);
    }
}

static base_status compute(const float *probability, const int32_t *truth, int n, int n_classes,
                           base_arena *arena, train_metrics *m, base_error *err) {
    train_predictions p = {
        .n = n, .n_classes = n_classes, .truth = truth, .probability = probability};
    return train_metrics_compute(&p, arena, m, err);
}

static void check_case(golden *g, const char *name) {
    base_error err;
    base_arena arena = {0};
    train_metrics m;
    char key[64];
    int64_t shape[8];
    int32_t truth[512];
    double confusion[MAX_FIGURES];
    snprintf(key, sizeof key, "%s.probability", name);
    golden_shape(g, key, shape);
    const float *probability = golden_get(g, key, NULL);
    snprintf(key, sizeof key, "%s.truth", name);
    const float *classes = golden_get(g, key, NULL);
    for (int64_t i = 0; i < shape[0]; i++) truth[i] = (int32_t)classes[i];
    int k = (int)shape[1];
    TEST_OK(compute(probability, truth, (int)shape[0], k, &arena, &m, &err), err);
    expect(name, "accuracy", &m.accuracy, 1, 0);
    expect(name, "balanced", &m.balanced, 1, 1e-15);
    expect(name, "macro_f1", &m.macro_f1, 1, 1e-15);
    expect(name, "log_loss", &m.log_loss, 1, 1e-12);
    expect(name, "calibration", &m.calibration, 1, 1e-12);
    expect(name, "precision", m.precision, k, 0);
    expect(name, "recall", m.recall, k, 0);
    expect(name, "f1", m.f1, k, 0);
    for (int i = 0; i < k * k; i++) confusion[i] = (double)m.confusion[i];
    expect(name, "confusion", confusion, k * k, 0);
    int64_t n = 0;
    for (int c = 0; c < k; c++) n += m.support[c];
    ck_assert_int_eq(n, shape[0]);
    base_arena_release(&arena);
}

START_TEST(agrees_with_scikit_learn) {
    golden *g = golden_open("metrics");
    check_case(g, "two");
    check_case(g, "seven");
    check_case(g, "guessed");
    check_case(g, "sparse");
    golden_close(g);
}
END_TEST

START_TEST(counts_by_hand) {
    static const float p[] = {0.5F, 0.5F, 0, /**/ 0.2F, 0.3F, 0.5F, /**/ 0, 1, 0};
    static const int32_t truth[] = {1, 2, 1};
    base_error err;
    base_arena arena = {0};
    train_metrics m;
    TEST_OK(compute(p, truth, 3, 3, &arena, &m, &err), err);
    ck_assert_int_eq(m.confusion[1 * 3 + 0], 1); /* a tie goes to the first class */
    ck_assert_int_eq(m.confusion[2 * 3 + 2], 1);
    ck_assert_int_eq(m.confusion[1 * 3 + 1], 1);
    ck_assert_double_eq(m.accuracy, 2.0 / 3);
    ck_assert_double_eq(m.balanced, 0.75); /* class 0 does not occur */
    ck_assert_double_eq(m.precision[0], 0);
    base_arena_release(&arena);
}
END_TEST

START_TEST(the_table_names_what_the_members_hold) {
    static const float p[] = {0.6F, 0.4F, /**/ 0.7F, 0.3F, /**/ 0.2F, 0.8F, /**/ 0.1F, 0.9F};
    static const int32_t truth[] = {0, 1, 1, 1};
    static const char *const keys[] = {"accuracy", "balanced", "macro_f1", "log_loss",
                                       "calibration"};
    base_error err;
    base_arena arena = {0};
    train_metrics m;
    TEST_OK(compute(p, truth, 4, 2, &arena, &m, &err), err);
    const double named[] = {m.accuracy, m.balanced, m.macro_f1, m.log_loss, m.calibration};
    ck_assert_int_ge(train_n_metrics(), 5);
    for (int i = 0; i < 5; i++) {
        char text[32];
        ck_assert_str_eq(train_metric_key(train_metric_at(i)->name, text), keys[i]);
        ck_assert_double_eq(m.value[i], named[i]);
        for (int j = 0; j < i; j++) ck_assert_double_ne(named[i], named[j]);
    }
    char text[32];
    ck_assert_str_eq(train_metric_heading("macro F1", text), "Macro F1");
    base_arena_release(&arena);
}
END_TEST

START_TEST(refuses_what_is_no_probability) {
    static const float good[] = {0.5F, 0.5F}, bad[] = {NAN, 0.5F}, large[] = {0, 1.5F};
    static const int32_t zero[] = {0}, two[] = {2}, negative[] = {-1};
    base_error err;
    base_arena arena = {0};
    train_metrics m;
    TEST_FAILS(compute(good, zero, 0, 2, &arena, &m, &err), BASE_EDATA, err, "no ");
    TEST_FAILS(compute(good, two, 1, 2, &arena, &m, &err), BASE_EDATA, err, "2 of 2");
    TEST_FAILS(compute(good, negative, 1, 2, &arena, &m, &err), BASE_EDATA, err, "-1");
    TEST_FAILS(compute(bad, zero, 1, 2, &arena, &m, &err), BASE_ENUMERIC, err, "nan");
    TEST_FAILS(compute(large, zero, 1, 2, &arena, &m, &err), BASE_ENUMERIC, err, "1.5");
    base_arena_release(&arena);
}
END_TEST

START_TEST(bins_by_confidence) {
    /* 0.75 * 15 = 11.25; a whole fifteenth belongs to the bin that it ends. */
    static const float p[] = {0.75F, 0.25F, /**/ 0.75F, 0.25F, /**/ 0, 1, /**/ 0.5F, 0.5F};
    static const int32_t truth[] = {0, 1, 1, 1};
    train_reliability_bin bins[TRAIN_RELIABILITY_BINS];
    train_reliability(
        &(train_predictions){.n = 4, .n_classes = 2, .truth = truth, .probability = p}, bins);
    ck_assert_int_eq(bins[11].n, 2);
    ck_assert_double_eq(bins[11].confidence, 0.75);
    ck_assert_double_eq(bins[11].accuracy, 0.5);
    ck_assert_int_eq(bins[14].n, 1);
    ck_assert_double_eq(bins[14].accuracy, 1);
    ck_assert_int_eq(bins[7].n, 1);
    ck_assert_double_eq(bins[7].accuracy, 0);
    ck_assert_int_eq(bins[0].n, 0);
}
END_TEST

START_TEST(interval_of_folds) {
    double values[MAX_FIGURES], want[MAX_FIGURES];
    int n = figures_read("interval.values", values);
    figures_read("interval.mean_deviation", want);
    train_interval interval = train_interval_of(values, n);
    ck_assert_double_eq_tol(interval.mean, want[0], 1e-15);
    ck_assert_double_eq_tol(interval.deviation, want[1], 1e-15);
    /* A bootstrapped mean deviates by deviation * sqrt((n - 1) / n) / sqrt(n). */
    double reach = 1.96 * interval.deviation * sqrt(0.8 / 5);
    ck_assert_double_eq_tol(interval.low, interval.mean - reach, 0.15 * reach);
    ck_assert_double_eq_tol(interval.high, interval.mean + reach, 0.15 * reach);
    train_interval again = train_interval_of(values, n);
    ck_assert_mem_eq(&interval, &again, sizeof again);
}
END_TEST

START_TEST(interval_of_few) {
    train_interval one = train_interval_of((const double[]){0.7}, 1);
    ck_assert_double_eq(one.mean, 0.7);
    ck_assert(isnan(one.deviation) && isnan(one.low) && isnan(one.high));
    ck_assert_double_eq(train_interval_of(NULL, 0).mean, 0);
}
END_TEST

/* `both` clips where a and b agree, then those that only one of them has right. */
static train_paired paired(int only_a, int only_b, int both) {
    uint8_t a[1024] = {0}, b[1024] = {0};
    for (int i = 0; i < both; i++) a[i] = b[i] = 1;
    for (int i = 0; i < only_a; i++) a[both + i] = 1;
    for (int i = 0; i < only_b; i++) b[both + only_a + i] = 1;
    return train_paired_compare(a, b, both + only_a + only_b);
}

START_TEST(mcnemar_agrees_with_scipy) {
    double rows[MAX_FIGURES];
    int n = figures_read("mcnemar", rows);
    for (int i = 0; i < n; i += 3) {
        train_paired result = paired((int)rows[i], (int)rows[i + 1], 100);
        ck_assert_double_eq_tol(result.p_value, rows[i + 2], 1e-12);
    }
}
END_TEST

START_TEST(paired_difference) {
    train_paired result = paired(5, 25, 70), reverse = paired(25, 5, 70);
    ck_assert_double_eq_tol(result.difference, 0.2, 1e-15);
    /* The deviation of one clip's gain is sqrt(0.30 - 0.04). */
    double reach = 1.96 * sqrt(0.26 / 100);
    ck_assert_double_eq_tol(result.low, 0.2 - reach, 0.011);
    ck_assert_double_eq_tol(result.high, 0.2 + reach, 0.011);
    ck_assert_double_eq_tol(reverse.difference, -0.2, 1e-15);
    ck_assert_double_lt(reverse.high, 0);
    train_paired same = paired(0, 0, 10);
    ck_assert_double_eq(same.low, 0);
    ck_assert_double_eq(same.high, 0);
    ck_assert_double_eq(same.p_value, 1);
}
END_TEST

TEST_MAIN("train/metrics", agrees_with_scikit_learn, counts_by_hand,
          the_table_names_what_the_members_hold, refuses_what_is_no_probability, bins_by_confidence,
          interval_of_folds, interval_of_few, mcnemar_agrees_with_scipy, paired_difference)
