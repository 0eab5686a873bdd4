#include "nn/loss.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tests/golden.h"
#include "tests/test.h"

enum { N = 6, CLASSES = 5 };

typedef struct {
    const char *name, *target;
    nn_loss_kind kind;
    double smoothing;
    bool weighted;
    double denominator; /* 0: nn_loss_weight */
} loss_case;

static const loss_case cases[] = {{"plain", "one_hot", NN_CROSS_ENTROPY, 0, false, 0},
                                  {"smooth", "one_hot", NN_CROSS_ENTROPY, 0.2, false, 0},
                                  {"weighted", "one_hot", NN_CROSS_ENTROPY, 0, true, 0},
                                  {"weighted_smooth", "one_hot", NN_CROSS_ENTROPY, 0.2, true, 0},
                                  {"soft", "mixed", NN_CROSS_ENTROPY, 0, false, 0},
                                  {"soft_smooth", "mixed", NN_CROSS_ENTROPY, 0.2, false, 0},
                                  {"soft_weighted_sum", "mixed", NN_CROSS_ENTROPY, 0, true, 1},
                                  {"binary", "many", NN_BINARY_CROSS_ENTROPY, 0, false, 0},
                                  {"binary_weighted", "many", NN_BINARY_CROSS_ENTROPY, 0, true, 0}};
enum { N_CASES = sizeof cases / sizeof *cases };

static const float *get(golden *g, const char *kind, const char *name) {
    char full[64];
    snprintf(full, sizeof full, "%s/%s", kind, name);
    return golden_get(g, full, NULL);
}

static nn_loss make(const loss_case *c, golden *g) {
    return (nn_loss){.kind = c->kind,
                     .options = {c->smoothing},
                     .n_classes = CLASSES,
                     .class_weight = c->weighted ? golden_get(g, "weight", NULL) : NULL};
}

static void check_against_pytorch(const loss_case *c) {
    golden *g = golden_open("nn_train");
    nn_loss loss = make(c, g);
    const float *logits = golden_get(g, "logits", NULL), *target = golden_get(g, c->target, NULL);
    double denominator = c->denominator > 0 ? c->denominator : nn_loss_weight(&loss, N, target);
    float dlogits[N * CLASSES];
    double value = nn_loss_apply(&loss, N, logits, target, denominator, dlogits);
    double expected = *get(g, "loss", c->name);
    ck_assert_double_eq_tol(value, expected, 1e-6 * (1 + expected));
    test_close(c->name, dlogits, get(g, "dlogits", c->name), N * CLASSES, 1e-5, 1e-7);
    ck_assert(value == nn_loss_apply(&loss, N, logits, target, denominator, NULL));
    golden_close(g);
}

START_TEST(agrees_with_pytorch) {
    for (int i = 0; i < N_CASES; i++) check_against_pytorch(&cases[i]);
}
END_TEST

static void check_micro_batches(const loss_case *c) {
    golden *g = golden_open("nn_train");
    nn_loss loss = make(c, g);
    const float *logits = golden_get(g, "logits", NULL), *target = golden_get(g, c->target, NULL);
    double denominator = nn_loss_weight(&loss, N, target), sum = 0;
    float whole[N * CLASSES], parts[N * CLASSES];
    double value = nn_loss_apply(&loss, N, logits, target, denominator, whole);
    for (int i = 0, n = 4; i < N; i += n, n = N - i) {
        int at = i * CLASSES;
        sum += nn_loss_apply(&loss, n, logits + at, target + at, denominator, parts + at);
    }
    ck_assert_double_eq_tol(sum, value, 1e-12);
    ck_assert_mem_eq(whole, parts, sizeof whole);
    golden_close(g);
}

START_TEST(micro_batches_add_up) {
    for (int i = 0; i < N_CASES; i++) check_micro_batches(&cases[i]);
}
END_TEST

START_TEST(large_logits_stay_finite) {
    const float logits[] = {1000, -1000, 0, 500, -1e30f}, one_hot[] = {0, 1, 0, 0, 0};
    for (int kind = 0; kind < 2; kind++) {
        nn_loss loss = {.kind = (nn_loss_kind)kind, .n_classes = CLASSES};
        float dlogits[CLASSES], p[CLASSES];
        double value = nn_loss_apply(&loss, 1, logits, one_hot, 1, dlogits);
        ck_assert(isfinite(value) && value >= 1000);
        nn_loss_probabilities(loss.kind, logits, p, 1, CLASSES);
        for (int c = 0; c < CLASSES; c++) {
            ck_assert(fabsf(dlogits[c]) <= 1 && p[c] >= 0 && p[c] <= 1);
        }
    }
}
END_TEST

START_TEST(no_weight_at_all_gives_nothing) {
    const float zeros[CLASSES] = {0}, one_hot[CLASSES] = {0, 1};
    nn_loss loss = {.kind = NN_CROSS_ENTROPY, .n_classes = CLASSES, .class_weight = zeros};
    float dlogits[CLASSES] = {1, 1, 1, 1, 1};
    double weight = nn_loss_weight(&loss, 1, one_hot);
    ck_assert(weight == 0 && nn_loss_apply(&loss, 1, zeros, one_hot, weight, dlogits) == 0);
    for (int c = 0; c < CLASSES; c++) ck_assert(dlogits[c] == 0);
}
END_TEST

START_TEST(probabilities) {
    golden *g = golden_open("nn_train");
    float p[N * CLASSES];
    memcpy(p, golden_get(g, "logits", NULL), sizeof p);
    nn_softmax(p, p, N, CLASSES);
    test_close("softmax", p, golden_get(g, "softmax", NULL), N * CLASSES, 1e-6, 1e-9);
    const float x[] = {0, 2, -2}, expected[] = {0.5f, 0.880797078f, 0.119202922f};
    nn_loss_probabilities(NN_BINARY_CROSS_ENTROPY, x, p, 1, 3);
    test_close("sigmoid", p, expected, 3, 1e-6, 0);
    golden_close(g);
}
END_TEST

START_TEST(options) {
    int n;
    const base_variant *const *variants = nn_loss_variants(&n);
    const base_family family = {.what = "loss", .variants = variants, .n = n};
    base_choice choice;
    base_arena arena = {0};
    base_error err;
    base_node *node = base_node_scalar(&arena, "binary_cross_entropy", "test", 1);
    TEST_OK(base_variant_bind(&family, node, &arena, &choice, &err), err);
    ck_assert_int_eq(choice.index, NN_BINARY_CROSS_ENTROPY);
    TEST_OK(base_yaml_parse("cross_entropy: 0.1", "test", &arena, &node, &err), err);
    TEST_OK(base_variant_bind(&family, node, &arena, &choice, &err), err);
    ck_assert_int_eq(choice.index, NN_CROSS_ENTROPY);
    ck_assert(((const nn_loss_options *)choice.options)->label_smoothing == 0.1);
    base_arena_release(&arena);
}
END_TEST

TEST_MAIN("nn/loss", agrees_with_pytorch, micro_batches_add_up, large_logits_stay_finite,
          no_weight_at_all_gives_nothing, probabilities, options)
