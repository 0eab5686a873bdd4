#include "nn/classifiers/coupling.h"

#include <math.h>

#include "base/rng.h"
#include "tests/test.h"

enum { MAX_CLASSES = 9, MAX_PAIRS = MAX_CLASSES * MAX_CLASSES };

START_TEST(pairs_are_numbered_row_by_row) {
    for (int n = 2; n <= MAX_CLASSES; n++) {
        int64_t number = 0;
        for (int i = 0; i < n; i++) {
            for (int j = i + 1; j < n; j++) ck_assert_int_eq(nn_pair(i, j, n), number++);
        }
    }
}
END_TEST

/* Pairs that agree with some probabilities give them back. */
START_TEST(coupling_finds_what_pairs_agree_on) {
    base_rng rng = base_rng_open(3, BASE_RNG_TEST, 0, 0);
    double pair[MAX_PAIRS], scratch[MAX_CLASSES * (MAX_CLASSES + 1)], p[MAX_CLASSES];
    for (int n = 2; n <= MAX_CLASSES; n++) {
        double truth[MAX_CLASSES], sum = 0;
        for (int i = 0; i < n; i++) sum += truth[i] = base_rng_range(&rng, 0.01, 1);
        for (int i = 0; i < n; i++) {
            for (int j = i + 1; j < n; j++) {
                pair[nn_pair(i, j, n)] = truth[i] / (truth[i] + truth[j]);
            }
        }
        nn_couple_pairs(pair, n, scratch, p);
        for (int i = 0; i < n; i++) ck_assert_double_eq_tol(p[i], truth[i] / sum, 1e-5);
    }
}
END_TEST

/* Whatever pairs say, even what no probabilities agree with or what is no number. */
START_TEST(coupling_always_gives_probabilities) {
    const double extremes[] = {0, 1, 0.5, NAN};
    double pair[3], scratch[3 * 4], p[3];
    for (int code = 0; code < 64; code++) {
        for (int i = 0; i < 3; i++) pair[i] = extremes[code >> 2 * i & 3];
        nn_couple_pairs(pair, 3, scratch, p);
        ck_assert_double_eq_tol(p[0] + p[1] + p[2], 1, 1e-9);
        for (int i = 0; i < 3; i++) ck_assert(p[i] >= -1e-9 && p[i] <= 1 + 1e-9);
    }
}
END_TEST

/* Labels drawn by a known sigmoid lead back to it. */
START_TEST(sigmoid_is_found_again) {
    enum { N = 20000 };
    static double values[N];
    static bool first[N];
    const nn_sigmoid truth = {-1.5, 0.4};
    base_rng rng = base_rng_open(4, BASE_RNG_TEST, 0, 0);
    for (int i = 0; i < N; i++) {
        values[i] = base_rng_range(&rng, -3, 3);
        first[i] = base_rng_chance(&rng, nn_sigmoid_apply(truth, values[i]));
    }
    nn_sigmoid found = nn_sigmoid_fit(values, first, N);
    ck_assert_double_eq_tol(found.a, truth.a, 0.1);
    ck_assert_double_eq_tol(found.b, truth.b, 0.1);
}
END_TEST

START_TEST(sigmoid_of_hopeless_values_stays_finite) {
    const double same[] = {1, 1, 1, 1}, far[] = {1e9, -1e9, 1e9, -1e9};
    const bool first[] = {true, false, true, false}, all[] = {true, true, true, true};
    const double *const values[] = {same, far, same};
    const bool *const sides[] = {first, first, all};
    for (int i = 0; i < 3; i++) {
        nn_sigmoid s = nn_sigmoid_fit(values[i], sides[i], 4);
        ck_assert(isfinite(s.a) && isfinite(s.b));
    }
    nn_sigmoid none = nn_sigmoid_fit(same, first, 4);
    ck_assert_double_eq_tol(nn_sigmoid_apply(none, 1), 0.5, 1e-3);
    nn_sigmoid certain = nn_sigmoid_fit(same, all, 4);
    ck_assert_double_eq_tol(nn_sigmoid_apply(certain, 1), 5.0 / 6, 1e-3);
}
END_TEST

TEST_MAIN("nn/classifiers/coupling", pairs_are_numbered_row_by_row,
          coupling_finds_what_pairs_agree_on, coupling_always_gives_probabilities,
          sigmoid_is_found_again, sigmoid_of_hopeless_values_stays_finite)
