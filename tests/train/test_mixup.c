#include <math.h>

#include "tests/test.h"
#include "train/mixup.h"

/* Beta(a, a) has mean 1/2 and variance 1 / (4 (2a + 1)). */
static void check_moments(double a) {
    enum { N = 20000 };
    double sum = 0, squares = 0;
    base_rng rng = base_rng_open(5, BASE_RNG_TEST, 0, 0);
    for (int i = 0; i < N; i++) {
        double share = train_beta(&rng, a);
        if (!(share >= 0 && share <= 1)) ck_abort_msg("share %g", share);
        sum += share;
        squares += share * share;
    }
    double mean = sum / N, variance = squares / N - mean * mean;
    ck_assert_double_eq_tol(mean, 0.5, 0.01);
    ck_assert_double_eq_tol(variance * 4 * (2 * a + 1), 1, 0.04);
}

START_TEST(shares_follow_the_beta_distribution) {
    check_moments(0.2);
    check_moments(1);
    check_moments(4);
}
END_TEST

START_TEST(rows_are_blended_with_their_mirror) {
    float x[] = {1, 2, 10, 20, 100, 200}, target[] = {1, 0, 0, 1, 0, 1};
    int32_t length[] = {3, 9, 7};
    train_mixup(0.75, &(train_mixup_batch){3, x, 2, target, 2, length});
    const float mixed[] = {25.75F, 51.5F, 10, 20, 75.25F, 150.5F};
    const float targets[] = {0.75F, 0.25F, 0, 1, 0.25F, 0.75F};
    test_close("x", x, mixed, 6, 0, 1e-5);
    test_close("target", target, targets, 6, 0, 1e-6);
    ck_assert(length[0] == 7 && length[1] == 9 && length[2] == 7);
}
END_TEST

START_TEST(a_whole_share_changes_nothing) {
    float x[] = {1, 2}, target[] = {1, 0, 0, 1};
    int32_t length[] = {1, 1};
    train_mixup(1, &(train_mixup_batch){2, x, 1, target, 2, length});
    ck_assert(x[0] == 1 && x[1] == 2 && target[0] == 1 && target[3] == 1);
}
END_TEST

TEST_MAIN("train/mixup", shares_follow_the_beta_distribution, rows_are_blended_with_their_mirror,
          a_whole_share_changes_nothing)
