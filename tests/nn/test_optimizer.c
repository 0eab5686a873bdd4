#include "nn/optimizer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tests/golden.h"
#include "tests/network_make.h"
#include "tests/test.h"

enum { STEPS = 12, WEIGHTS = 12, BIASES = 3, ALL = 15 };

static nn_network *linear(base_pool *pool, int64_t features, const char *layers) {
    nn_network_config config = {
        .input = {1, {features}}, .n_classes = 3, .max_batch = 1, .training = true, .pool = pool};
    return network_make(layers, &config);
}

/* The golden's vectors hold weight and bias without the padding between them. */
static void put(nn_network *network, const float *numbers, bool grads) {
    for (int i = 0; i < 2; i++) {
        nn_tensor t = nn_network_tensor(network, i);
        memcpy(grads ? t.grad : t.data, numbers + (i == 0 ? 0 : WEIGHTS),
               (size_t)nn_shape_count(t.shape) * sizeof *numbers);
    }
}

static void get(nn_network *network, float numbers[ALL], bool grads) {
    for (int i = 0; i < 2; i++) {
        nn_tensor t = nn_network_tensor(network, i);
        memcpy(numbers + (i == 0 ? 0 : WEIGHTS), grads ? t.grad : t.data,
               (size_t)nn_shape_count(t.shape) * sizeof *numbers);
    }
}

static void check_steps(const char *name, const char *text) {
    golden *g = golden_open("nn_train");
    base_arena arena = {0};
    base_error err;
    base_node *node;
    int n;
    base_choice choice;
    const base_variant *const *variants = nn_optimizer_variants(&n);
    TEST_OK(base_yaml_parse(text, "test", &arena, &node, &err), err);
    const base_family family = {.what = "optimizer", .variants = variants, .n = n};
    TEST_OK(base_variant_bind(&family, node, &arena, &choice, &err), err);
    nn_network *network = linear(NULL, 4, "[{linear: 3}]");
    nn_optimizer *optimizer;
    TEST_OK(nn_optimizer_new(network, (nn_optimizer_kind)choice.index, choice.options, 0,
                             &optimizer, &err),
            err);
    float start[ALL], after[STEPS * ALL];
    memcpy(start, golden_get(g, "weight0", NULL), WEIGHTS * sizeof *start);
    memcpy(start + WEIGHTS, golden_get(g, "bias0", NULL), BIASES * sizeof *start);
    put(network, start, false);
    for (int step = 0; step < STEPS; step++) {
        put(network, golden_get(g, "grads", NULL) + step * ALL, true);
        nn_optimizer_step(optimizer, golden_get(g, "rates", NULL)[step]);
        get(network, after + step * ALL, false);
    }
    char full[64];
    snprintf(full, sizeof full, "steps/%s", name);
    test_close(name, after, golden_get(g, full, NULL), STEPS * ALL, 2e-6, 1e-6);
    ck_assert_int_eq(*nn_optimizer_steps(optimizer), STEPS);
    nn_optimizer_free(optimizer);
    nn_network_free(network);
    base_arena_release(&arena);
    golden_close(g);
}

START_TEST(agrees_with_pytorch) {
    check_steps("sgd", "sgd: {momentum: 0, weight_decay: 0.1, decay_all: true}");
    check_steps("momentum", "sgd: {momentum: 0.9, weight_decay: 0.1, decay_all: true}");
    check_steps("nesterov", "sgd: {momentum: 0.8, nesterov: true}");
    check_steps("adam", "adam: {beta1: 0.8, beta2: 0.95, eps: 1e-6}");
    check_steps("adam_decay", "adam: {weight_decay: 0.1, decay_all: true}");
    check_steps("adamw", "adamw: {weight_decay: 0.1, decay_all: true}");
    check_steps("adamw_weights", "adamw: {weight_decay: 0.1}"); /* biases left alone */
}
END_TEST

START_TEST(clips_as_pytorch) {
    golden *g = golden_open("nn_train");
    nn_network *network = linear(NULL, 4, "[{linear: 3}]");
    static const double limits[] = {1.5, 100};
    static const char *const names[] = {"clip/clipped", "clip/left"};
    float grads[ALL];
    for (int i = 0; i < 2; i++) {
        put(network, golden_get(g, "grads", NULL), true);
        double norm = nn_clip_gradients(network, limits[i]);
        ck_assert_double_eq_tol(norm, (double)*golden_get(g, "clip/clipped_norm", NULL), 1e-6);
        get(network, grads, true);
        test_close(names[i], grads, golden_get(g, names[i], NULL), ALL, 1e-6, 0);
    }
    put(network, golden_get(g, "grads", NULL), true);
    nn_clip_gradients(network, 0);
    get(network, grads, true);
    ck_assert_mem_eq(grads, golden_get(g, "grads", NULL), sizeof grads);
    nn_network_free(network);
    golden_close(g);
}
END_TEST

START_TEST(a_gradient_that_is_no_number_is_reported) {
    nn_network *network = linear(NULL, 4, "[{linear: 3}]");
    float grads[ALL] = {1, NAN, 2};
    put(network, grads, true);
    ck_assert(isnan(nn_clip_gradients(network, 1)));
    get(network, grads, true);
    ck_assert(grads[0] == 1 && grads[2] == 2);
    nn_network_free(network);
}
END_TEST

/* ema = d ema + (1 - d) param with d = min(0.5, (1 + step) / (10 + step)), from the start's
 * parameters; swapping twice changes nothing. */
START_TEST(averages) {
    nn_network *network = linear(NULL, 4, "[{linear: 3}]");
    nn_optimizer_options options = {.lr = 1};
    nn_optimizer *optimizer;
    base_error err;
    TEST_OK(nn_optimizer_new(network, NN_SGD, &options, 0.5, &optimizer, &err), err);
    ck_assert(nn_optimizer_has_average(optimizer));
    double param = 2, average = 2;
    float numbers[ALL] = {2}, grads[ALL] = {0.25f};
    put(network, numbers, false);
    nn_optimizer_swap_average(optimizer); /* no step yet: nothing to swap */
    for (int step = 0; step < 12; step++) {
        put(network, grads, true);
        nn_optimizer_step(optimizer, 1);
        double d = fmin(0.5, (1.0 + step) / (10.0 + step));
        param -= 0.25;
        average = d * average + (1 - d) * param;
    }
    get(network, numbers, false);
    ck_assert_float_eq_tol(numbers[0], (float)param, 1e-6f);
    nn_optimizer_swap_average(optimizer);
    get(network, numbers, false);
    ck_assert_float_eq_tol(numbers[0], (float)average, 1e-6f);
    nn_optimizer_swap_average(optimizer);
    get(network, numbers, false);
    ck_assert_float_eq_tol(numbers[0], (float)param, 1e-6f);
    nn_optimizer_free(optimizer);
    nn_network_free(network);
}
END_TEST

/* Large enough for many tasks, with stretches that start and end within blocks. */
static float *many_steps(base_pool *pool, nn_optimizer_kind kind, int64_t *n) {
    nn_network *network = linear(pool, 301, "[{linear: 211}, {linear: 97}, {linear: 3}]");
    nn_optimizer_options options = {
        .lr = 1, .weight_decay = 0.01, .momentum = 0.9, .beta1 = 0.9, .beta2 = 0.99, .eps = 1e-8};
    nn_optimizer *optimizer;
    base_error err;
    TEST_OK(nn_optimizer_new(network, kind, &options, 0.9, &optimizer, &err), err);
    float *grads = nn_network_grads(network, n);
    double norm = 0;
    for (int step = 0; step < 3; step++) {
        for (int i = 0; i < nn_network_n_tensors(network); i++) {
            nn_tensor t = nn_network_tensor(network, i);
            network_fill(t.grad, nn_shape_count(t.shape), (uint64_t)(10 * step + i));
        }
        norm += nn_clip_gradients(network, 2.5);
        nn_optimizer_step(optimizer, 0.01);
    }
    double squares = 0;
    for (int64_t i = 0; i < *n; i++) squares += (double)grads[i] * grads[i];
    ck_assert_double_eq_tol(sqrt(squares), 2.5, 1e-4);
    float *result = base_alloc((size_t)*n + 2, sizeof *result);
    memcpy(result, nn_network_params(network, n), (size_t)*n * sizeof *result);
    memcpy(result + *n, &norm, sizeof norm);
    nn_optimizer_free(optimizer);
    nn_network_free(network);
    return result;
}

START_TEST(threads_change_no_bit) {
    for (int kind = NN_SGD; kind <= NN_ADAMW; kind++) {
        int64_t n;
        float *expected = many_steps(NULL, (nn_optimizer_kind)kind, &n);
        for (int threads = 2; threads <= 3; threads++) {
            base_pool *pool;
            base_error err;
            TEST_OK(base_pool_new(threads, &pool, &err), err);
            float *got = many_steps(pool, (nn_optimizer_kind)kind, &n);
            ck_assert_mem_eq(got, expected, ((size_t)n + 2) * sizeof *got);
            base_free(got);
            base_pool_free(pool);
        }
        base_free(expected);
    }
}
END_TEST

/* Every number is updated once, padding included: all equal gradients move all equal weights. */
START_TEST(every_number_is_updated_once) {
    nn_network *network = linear(NULL, 301, "[{linear: 211}, {linear: 97}, {linear: 3}]");
    nn_optimizer_options options = {.lr = 1};
    nn_optimizer *optimizer;
    base_error err;
    TEST_OK(nn_optimizer_new(network, NN_SGD, &options, 0, &optimizer, &err), err);
    int64_t n;
    float *params = nn_network_params(network, &n), *grads = nn_network_grads(network, &n);
    memset(params, 0, (size_t)n * sizeof *params);
    for (int i = 0; i < nn_network_n_tensors(network); i++) {
        nn_tensor t = nn_network_tensor(network, i);
        for (int64_t j = 0; j < nn_shape_count(t.shape); j++) t.grad[j] = 1;
    }
    nn_optimizer_step(optimizer, 0.5);
    for (int64_t i = 0; i < n; i++) ck_assert(params[i] == -0.5f * grads[i]);
    nn_optimizer_free(optimizer);
    nn_network_free(network);
}
END_TEST

START_TEST(vectors_for_checkpoints) {
    static const struct {
        nn_optimizer_kind kind;
        double momentum, average;
        int n;
        const char *names[3];
    } cases[] = {{NN_SGD, 0, 0, 0, {0}},
                 {NN_SGD, 0.9, 0.99, 2, {"momentum", "average"}},
                 {NN_ADAMW, 0, 0.99, 3, {"adam_m", "adam_v", "average"}}};
    nn_network *network = linear(NULL, 4, "[{linear: 3}]");
    for (int i = 0; i < 3; i++) {
        nn_optimizer_options options = {.momentum = cases[i].momentum};
        nn_optimizer *optimizer;
        base_error err;
        nn_optimizer_vector vectors[3];
        TEST_OK(
            nn_optimizer_new(network, cases[i].kind, &options, cases[i].average, &optimizer, &err),
            err);
        ck_assert_int_eq(nn_optimizer_vectors(optimizer, vectors), cases[i].n);
        for (int j = 0; j < cases[i].n; j++) {
            int64_t n;
            nn_network_params(network, &n);
            ck_assert_str_eq(vectors[j].name, cases[i].names[j]);
            ck_assert_int_eq(vectors[j].n, n);
        }
        nn_optimizer_free(optimizer);
    }
    nn_optimizer_free(NULL);
    nn_network_free(network);
}
END_TEST

TEST_MAIN("nn/optimizer", agrees_with_pytorch, clips_as_pytorch,
          a_gradient_that_is_no_number_is_reported, averages, threads_change_no_bit,
          every_number_is_updated_once, vectors_for_checkpoints)
