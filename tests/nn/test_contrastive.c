#include "nn/contrastive.h"

#include <math.h>
#include <stdio.h>

#include "base/arena.h"
#include "tests/golden.h"
#include "tests/test.h"

static const float *get(golden *g, const char *kase, const char *name, int64_t *n) {
    char full[64];
    snprintf(full, sizeof full, "%s/%s", kase, name);
    return golden_get(g, full, n);
}

static nn_contrastive_result run(int64_t n_clips, int64_t width, double temperature, const float *y,
                                 float *dy) {
    double *scratch = base_alloc(nn_contrastive_scratch(n_clips, width), sizeof *scratch);
    ck_assert_ptr_nonnull(scratch);
    nn_contrastive_result result = nn_contrastive(n_clips, width, temperature, y, scratch, dy);
    base_free(scratch);
    return result;
}

START_TEST(loss_and_gradient_are_pytorchs) {
    static const char *const cases[] = {"small", "large"};
    golden *g = golden_open("nn_contrastive");
    for (int i = 0; i < 2; i++) {
        int64_t n, shape[8];
        char name[64];
        const float *y = get(g, cases[i], "y", &n), *dy = get(g, cases[i], "dy", NULL);
        snprintf(name, sizeof name, "%s/y", cases[i]);
        golden_shape(g, name, shape);
        float *ours = base_alloc((size_t)n, sizeof *ours);
        nn_contrastive_result result =
            run(shape[0] / 2, shape[1], (double)*get(g, cases[i], "temperature", NULL), y, ours);
        ck_assert_double_eq_tol(result.loss, (double)*get(g, cases[i], "loss", NULL), 1e-6);
        ck_assert_int_eq(result.n_found, (int64_t)*get(g, cases[i], "found", NULL));
        for (int64_t k = 0; k < n; k++) ck_assert_float_eq_tol(ours[k], dy[k], 1e-6F);
        base_free(ours);
    }
    golden_close(g);
}
END_TEST

/* Views that are all alike tell nothing apart: ln of the number of others. An output of zero has no
 * direction, and must not make a number that is none. */
START_TEST(extremes_stay_finite) {
    float y[4 * 2] = {1, 2, 1, 2, 1, 2, 1, 2}, dy[8];
    ck_assert_double_eq_tol(run(2, 2, 0.1, y, dy).loss, log(3), 1e-12);
    for (int i = 0; i < 8; i++) y[i] = 0;
    nn_contrastive_result result = run(2, 2, 0.01, y, dy);
    ck_assert(isfinite(result.loss));
    for (int i = 0; i < 8; i++) ck_assert(isfinite(dy[i]));
}
END_TEST

TEST_MAIN("nn/contrastive", loss_and_gradient_are_pytorchs, extremes_stay_finite)
