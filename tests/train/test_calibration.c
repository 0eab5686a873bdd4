#include <math.h>

#include "base/rng.h"
#include "tests/test.h"
#include "train/calibration.h"

enum { N = 4000, CLASSES = 3 };

/* Draws labels from softmax(logits) and hands out softmax(logits * sharpness): a model
 * over-confident by a known temperature. */
static void make(double sharpness, float *probability, int32_t *truth) {
    base_rng rng = base_rng_open(3, BASE_RNG_TEST, 0, 0);
    for (int i = 0; i < N; i++) {
        double logit[CLASSES], p[CLASSES], q[CLASSES], sum_p = 0, sum_q = 0;
        for (int c = 0; c < CLASSES; c++) {
            logit[c] = 1.5 * base_rng_normal(&rng);
            sum_p += p[c] = exp(logit[c]);
            sum_q += q[c] = exp(logit[c] * sharpness);
        }
        double u = base_rng_range(&rng, 0, sum_p);
        truth[i] = u < p[0] ? 0 : u < p[0] + p[1] ? 1 : 2;
        for (int c = 0; c < CLASSES; c++) probability[i * CLASSES + c] = (float)(q[c] / sum_q);
    }
}

static double fit(const float *p, const int32_t *of, int n, int n_classes) {
    return train_fit_temperature(
        &(train_predictions){.n = n, .n_classes = n_classes, .truth = of, .probability = p});
}

static float probability[N * CLASSES];
static int32_t truth[N];

START_TEST(finds_the_temperature_that_was_put_in) {
    static const double sharpness[] = {0.5, 1, 3};
    for (int i = 0; i < 3; i++) {
        make(sharpness[i], probability, truth);
        double t = fit(probability, truth, N, CLASSES);
        ck_assert_double_eq_tol(t / sharpness[i], 1, 0.06);
    }
}
END_TEST

START_TEST(tempering_divides_logits) {
    float p[] = {0.5f, 0.3f, 0.2f, 1, 0, 0};
    train_temper(2, 2, 3, p);
    double root[] = {sqrt(0.5), sqrt(0.3), sqrt(0.2)}, sum = root[0] + root[1] + root[2];
    for (int c = 0; c < 3; c++) {
        ck_assert_double_eq_tol(p[c], root[c] / sum, 1e-6);
        ck_assert_double_eq(p[3 + c], c == 0);
    }
}
END_TEST

START_TEST(survives_certainty_and_nothing) {
    ck_assert_double_eq(fit(NULL, NULL, 0, 3), 1);
    const float sure[] = {1, 0, 0, 1, 1, 0};
    const int32_t right[] = {0, 1, 1}; /* the last one is wrong, with certainty */
    double t = fit(sure, right, 3, 2);
    ck_assert(isfinite(t) && t >= 0.05 && t <= 20);
}
END_TEST

TEST_MAIN("train/calibration", finds_the_temperature_that_was_put_in, tempering_divides_logits,
          survives_certainty_and_nothing)
