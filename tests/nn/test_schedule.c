#include "nn/schedule.h"

#include <stdio.h>
#include <string.h>

#include "tests/golden.h"
#include "tests/test.h"

enum { EPOCHS = 10, STEPS = 4 };

/* Binds `text` as train.schedule would, and compares every step's factor with PyTorch's. */
static void check_curve(const char *name, const char *text, nn_schedule_kind kind) {
    golden *g = golden_open("nn_train");
    base_arena arena = {0};
    base_error err;
    base_node *node;
    int n;
    base_choice choice;
    const base_variant *const *variants = nn_schedule_variants(&n);
    TEST_OK(base_yaml_parse(text, "test", &arena, &node, &err), err);
    const base_family family = {.what = "schedule", .variants = variants, .n = n};
    TEST_OK(base_variant_bind(&family, node, &arena, &choice, &err), err);
    ck_assert_int_eq(choice.index, kind);
    nn_schedule schedule;
    nn_schedule_init(&schedule, (nn_schedule_kind)choice.index, choice.options, STEPS, EPOCHS);
    float factors[EPOCHS * STEPS];
    const float *losses = golden_get(g, "val_losses", NULL);
    for (int step = 0; step < EPOCHS * STEPS; step++) {
        factors[step] = (float)nn_schedule_factor(&schedule, step);
        if ((step + 1) % STEPS == 0) nn_schedule_epoch_end(&schedule, losses[step / STEPS]);
    }
    char full[64];
    snprintf(full, sizeof full, "curve/%s", name);
    test_close(name, factors, golden_get(g, full, NULL), EPOCHS * STEPS, 1e-6, 1e-9);
    base_arena_release(&arena);
    golden_close(g);
}

START_TEST(step) {
    check_curve("step", "step: {every: 3, gamma: 0.5}", NN_STEP);
}
END_TEST

START_TEST(exponential) {
    check_curve("exponential", "exponential: 0.9", NN_EXPONENTIAL);
}
END_TEST

START_TEST(cosine) {
    check_curve("cosine", "cosine: {floor: 0.05}", NN_COSINE);
}
END_TEST

START_TEST(cosine_after_a_warm_up) {
    check_curve("warm_cosine", "cosine: {floor: 0.05, warmup: 2, warmup_from: 0.1}", NN_COSINE);
}
END_TEST

START_TEST(constant_after_a_warm_up) {
    check_curve("warm", "constant: {warmup: 2, warmup_from: 0.1}", NN_CONSTANT);
}
END_TEST

START_TEST(one_cycle) {
    check_curve("one_cycle", "one_cycle", NN_ONE_CYCLE);
}
END_TEST

START_TEST(plateau) {
    check_curve("plateau", "plateau: {patience: 1, factor: 0.3, floor: 0.05}", NN_PLATEAU);
}
END_TEST

START_TEST(extremes_stay_in_bounds) {
    static const nn_schedule_options extremes[] = {
        {.peak_at = 0, .start_div = 25, .final_div = 1e4, .step_epochs = 0.5},
        {.peak_at = 1, .start_div = 25, .final_div = 1e4, .step_epochs = 0.5, .warmup = 50},
        {.peak_at = 0.3, .start_div = 1, .final_div = 1, .step_epochs = 3, .gamma = 1}};
    for (int kind = NN_CONSTANT; kind <= NN_PLATEAU; kind++) {
        for (int i = 0; i < 3; i++) {
            for (int n_epochs = 1; n_epochs < 3; n_epochs++) {
                nn_schedule schedule;
                nn_schedule_init(&schedule, (nn_schedule_kind)kind, &extremes[i], 1, n_epochs);
                for (int s = 0; s < 2 * n_epochs; s++) {
                    double factor = nn_schedule_factor(&schedule, s);
                    ck_assert(factor >= 0 && factor <= 1);
                }
            }
        }
    }
}
END_TEST

TEST_MAIN("nn/schedule", step, exponential, cosine, cosine_after_a_warm_up,
          constant_after_a_warm_up, one_cycle, plateau, extremes_stay_in_bounds)
