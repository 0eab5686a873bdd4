#include <math.h>
#include <stdio.h>
#include <string.h>

#include "nn/layers/options.h"
#include "nn/loss.h"
#include "tests/golden.h"
#include "tests/layer_check.h"
#include "tests/network_make.h"
#include "tests/test.h"

static const char update[] = "{out: 4, trees: 3, depth: 3}";
static const char gradient[] = "{out: 4, trees: 3, depth: 3, leaves: gradient}";

START_TEST(agrees_with_pytorch) {
    static const struct {
        const char *name, *options;
    } cases[] = {
        {"update", update},
        {"gradient", gradient},
        {"stump", "{out: 3, trees: 1, depth: 1, leaves: gradient}"},
        {"shared", "{out: 5, trees: 2, depth: 4}"},
        {"certain", "{out: 3, trees: 2, depth: 3}"},
        {"eval", "{out: 2, trees: 4, depth: 5, leaves: gradient}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        layer_check_golden(&(layer_golden){.layer = &nn_layer_forest,
                                           .options = cases[i].options,
                                           .file = "nn_forest",
                                           .name = cases[i].name,
                                           .rtol = 1e-5,
                                           .atol = 2e-6});
    }
}
END_TEST

static layer_case vectors(const char *options, int64_t features, int64_t batch) {
    return (layer_case){
        .layer = &nn_layer_forest, .options = options, .in[0] = {1, {features}}, .batch = batch};
}

START_TEST(has_the_right_gradient) {
    layer_case setup = vectors(update, 9, 5);
    layer_check_gradient(&setup, 0.02, 1e-3);
    setup = vectors(gradient, 3, 4);
    layer_check_gradient(&setup, 0.02, 1e-3);
    setup.mode = LAYER_EVAL;
    layer_check_gradient(&setup, 0.02, 1e-3);
}
END_TEST

START_TEST(gives_the_same_bits_on_any_threads) {
    layer_case setup = vectors(update, 9, 11);
    layer_check_threads(&setup);
    setup = vectors(gradient, 9, 11);
    layer_check_threads(&setup);
}
END_TEST

/* Cross entropy of the output is -log P of the sample's class. */
START_TEST(gives_logarithms_of_probabilities) {
    layer_case setup = vectors(update, 9, 5);
    layer_probe *probe = layer_probe_new(&setup);
    layer_probe_forward(probe);
    nn_loss loss = {.kind = NN_CROSS_ENTROPY, .n_classes = 4};
    double expected = 0;
    float target[20] = {0};
    for (int64_t i = 0; i < 5; i++) {
        double sum = 0;
        for (int64_t c = 0; c < 4; c++) sum += exp((double)probe->y[4 * i + c]);
        ck_assert_double_eq_tol(sum, 1, 1e-6);
        target[4 * i + i % 4] = 1;
        expected -= (double)probe->y[4 * i + i % 4] / 5;
    }
    ck_assert_double_eq_tol(nn_loss_apply(&loss, 5, probe->y, target, 5, NULL), expected, 1e-6);
    layer_probe_free(probe);
}
END_TEST

static bool all_finite(const float *x, int64_t n) {
    int64_t i = 0;
    while (i < n && isfinite(x[i])) i++;
    return i == n;
}

/* Splits that leave no doubt, leaves that exclude classes. */
START_TEST(stays_finite) {
    static const float extremes[] = {1e4f, -1e4f, 88.0f, -88.0f, 0.0f, 1e30f, -1e30f};
    for (int with_gradient = 0; with_gradient < 2; with_gradient++) {
        layer_case setup = vectors(with_gradient ? gradient : update, 7, 7);
        layer_probe *probe = layer_probe_new(&setup);
        for (int64_t i = 0; i < 49; i++) probe->x[0][i] = extremes[(i + i / 7) % 7];
        int64_t n;
        float *leaves = layer_probe_tensor(probe, "leaves",
                                           with_gradient ? probe->param : probe->state_start, &n);
        for (int64_t i = 0; i < n; i++) {
            leaves[i] = with_gradient ? (i < n / 4 ? 1e4f : -1e4f) : i < n / 4 ? 1.0f : 0.0f;
        }
        layer_probe_run(probe);
        ck_assert(all_finite(probe->y, probe->n_y));
        ck_assert(all_finite(probe->dx[0], probe->n_x[0]));
        ck_assert(all_finite(probe->dparam, probe->plan.n_param));
        ck_assert_float_eq_tol(probe->y[0], 0, 1e-6);
        ck_assert_float_lt(probe->y[1], -60);
        layer_probe_free(probe);
    }
}
END_TEST

/* A tree of 7 splits asks 9 units once at most, and 3 of them twice or thrice. */
START_TEST(chooses_units_evenly) {
    static const int64_t features[] = {9, 7, 3, 1};
    for (int f = 0; f < 4; f++) {
        layer_case setup = vectors(update, features[f], 1);
        layer_probe *probe = layer_probe_new(&setup);
        const float *unit = layer_probe_tensor(probe, "unit", probe->state, NULL);
        for (int tree = 0; tree < 3; tree++) {
            int64_t count[9] = {0}, least = 7 / features[f];
            for (int i = 0; i < 7; i++) count[(int64_t)unit[7 * tree + i]]++;
            for (int64_t u = 0; u < features[f]; u++) {
                ck_assert_int_ge(count[u], least);
                ck_assert_int_le(count[u], 7 % features[f] ? least + 1 : least);
            }
        }
        ck_assert(memcmp(unit, unit + 7, 7 * sizeof *unit) != 0 || features[f] == 1);
        layer_probe_free(probe);
    }
}
END_TEST

START_TEST(starts_with_distributions_that_differ) {
    float leaves[2][4 * 24];
    for (int with_gradient = 0; with_gradient < 2; with_gradient++) {
        layer_case setup = vectors(with_gradient ? gradient : update, 9, 1);
        layer_probe *probe = layer_probe_new(&setup);
        nn_forest_leaves(probe->plan.options, &probe->plan, probe->param, probe->state,
                         leaves[with_gradient]);
        layer_probe_free(probe);
    }
    for (int k = 0; k < 2; k++) {
        for (int l = 0; l < 24; l++) {
            const float *leaf = leaves[k] + l;
            ck_assert_float_eq_tol(leaf[0] + leaf[24] + leaf[48] + leaf[72], 1, 1e-6);
            ck_assert_float_ne(leaf[0], leaf[24]);
        }
    }
}
END_TEST

/* Numbers that name no unit stand for the first. */
START_TEST(survives_rubbish_in_a_model_file) {
    static const float rubbish[] = {-1, 1e9f, -1e30f, INFINITY, -INFINITY, 9, -0.5f};
    layer_case setup = vectors(update, 9, 2);
    layer_probe *probe = layer_probe_new(&setup);
    float *unit = layer_probe_tensor(probe, "unit", probe->state_start, NULL);
    memcpy(unit, rubbish, sizeof rubbish);
    layer_probe_run(probe);
    for (int64_t i = 0; i < 7; i++) {
        ck_assert_int_eq(nn_forest_unit(&probe->plan, probe->state, 0, i), 0);
    }
    layer_probe_free(probe);
}
END_TEST

START_TEST(refuses_what_is_no_vector) {
    layer_case setup = {
        .layer = &nn_layer_forest, .options = update, .in[0] = {2, {5, 6}}, .batch = 1};
    layer_check_refused(&setup, BASE_ESHAPE, "a vector [B,F] is needed");
    setup = vectors(update, (1 << 24) + 1, 1);
    layer_check_refused(&setup, BASE_ESHAPE, "more than splits can name");
}
END_TEST

/* ---- leaves from all samples ---- */

typedef struct {
    golden *file;
    const char *name;
    char key[64];
} leaf_case;

static const float *part(leaf_case *c, const char *what, int64_t *n) {
    snprintf(c->key, sizeof c->key, "%s/%s", c->name, what);
    return golden_get(c->file, c->key, n);
}

/* Through a network, whose weights pass x on as it is. */
static void check_leaves(leaf_case *c, const char *layers, base_pool *pool) {
    enum { UNITS = 8, CLASSES = 3, TREES = 4, LEAVES = 8, MAX_SAMPLES = 64 };
    nn_network_config config = {.input = {1, {UNITS}},
                                .n_classes = CLASSES,
                                .max_batch = MAX_SAMPLES,
                                .training = true,
                                .pool = pool};
    nn_network *network = network_make(layers, &config);
    int64_t n, n_floats;
    const float *x = part(c, "x", &n_floats);
    nn_tensor unit = nn_network_tensor(network, 0), leaves = nn_network_tensor(network, 1);
    memcpy(unit.data, part(c, "unit", NULL), TREES * (LEAVES - 1) * sizeof *unit.data);
    const float *given = part(c, "label", &n);
    ck_assert_int_eq(n_floats, n * UNITS);
    ck_assert_int_eq(nn_network_n_learned_from(network), UNITS);
    float learned_from[MAX_SAMPLES * UNITS];
    int32_t label[MAX_SAMPLES];
    for (int64_t i = 0; i < n; i++) label[i] = (int32_t)given[i];
    nn_input input = {.x = x, .n = 25, .learned_from = learned_from};
    nn_network_forward(network, &input);
    input = (nn_input){.x = x + 25 * UNITS, .n = n - 25, .learned_from = learned_from + 25 * UNITS};
    nn_network_forward(network, &input);
    nn_network_learn(network, n, learned_from, label, part(c, "weight", NULL));
    test_close(c->name, leaves.data, part(c, "leaves", NULL), CLASSES * TREES * LEAVES, 1e-4, 1e-6);
    nn_network_free(network);
}

START_TEST(estimates_leaves_as_the_paper) {
    leaf_case c = {.file = golden_open("nn_forest")};
    c.name = "once";
    check_leaves(&c, "[{forest: {out: classes, trees: 4, depth: 3, iterations: 1}}]", NULL);
    c.name = "often";
    check_leaves(&c, "[{forest: {out: classes, trees: 4, depth: 3}}]", NULL);
    c.name = "weighted";
    check_leaves(&c, "[{forest: {out: classes, trees: 4, depth: 3}}]", NULL);
    golden_close(c.file);
}
END_TEST

/* Two forests in one network, each on units of its own, on any number of threads. */
START_TEST(several_forests_learn_side_by_side) {
    static const char both[] = "[{concat: [[{linear: 5}, {forest: 3}], [{linear: 4}, {forest: 3}]]}"
                               ", {linear: 3}]";
    enum { N = 30, UNITS = 6 };
    float x[N * UNITS], learned_from[N * 9], *before = NULL;
    int32_t label[N];
    network_fill(x, N * UNITS, 3);
    for (int i = 0; i < N; i++) label[i] = x[i * UNITS] > 0 ? 2 : x[i * UNITS + 1] > 0;
    for (int n_threads = 1; n_threads <= 3; n_threads++) {
        base_pool *pool;
        base_error err;
        TEST_OK(base_pool_new(n_threads, &pool, &err), err);
        nn_network_config config = {
            .input = {1, {UNITS}}, .n_classes = 3, .max_batch = N, .training = true, .pool = pool};
        nn_network *network = network_make(both, &config);
        ck_assert_int_eq(nn_network_n_learned_from(network), 9);
        nn_network_forward(network, &(nn_input){.x = x, .n = N, .learned_from = learned_from});
        nn_network_learn(network, N, learned_from, label, NULL);
        const float *y = nn_network_forward(network, &(nn_input){.x = x, .n = N});
        if (before == NULL) before = base_alloc(N * 3, sizeof *before);
        if (n_threads == 1) memcpy(before, y, N * 3 * sizeof *y);
        ck_assert_mem_eq(before, y, N * 3 * sizeof *y);
        nn_network_free(network);
        base_pool_free(pool);
    }
    base_free(before);
}
END_TEST

/* A leaf that none reaches has all classes alike. */
START_TEST(leaves_without_samples_are_even) {
    nn_network_config config = {
        .input = {1, {1}}, .n_classes = 2, .max_batch = 2, .training = true};
    nn_network *network = network_make("[{forest: {out: classes, trees: 1, depth: 1}}]", &config);
    float learned_from[2];
    nn_network_forward(
        network, &(nn_input){.x = (const float[]){200, 300}, .n = 2, .learned_from = learned_from});
    nn_network_learn(network, 2, learned_from, (const int32_t[]){1, 1}, NULL);
    const float *leaves = nn_network_tensor(network, 1).data;
    const float expected[] = {0, 0.5f, 1, 0.5f};
    test_close("leaves", leaves, expected, 4, 0, 1e-6);
    nn_network_free(network);
}
END_TEST

START_TEST(outputs_that_are_no_classes_are_refused) {
    nn_network_config config = {.input = {1, {4}}, .n_classes = 5, .max_batch = 1};
    nn_network *network;
    base_error err;
    TEST_FAILS(network_try("[{forest: 3}, {linear: classes}]", &config, &network, &err),
               BASE_ESHAPE, err, "network[0].forest: output is [B,3]; it learns from the labels");
    network = network_make("[{forest: {out: 3, leaves: gradient}}, {linear: classes}]", &config);
    ck_assert_int_eq(nn_network_n_learned_from(network), 0);
    nn_network_free(network);
}
END_TEST

TEST_MAIN("nn/layers/forest", agrees_with_pytorch, has_the_right_gradient,
          gives_the_same_bits_on_any_threads, gives_logarithms_of_probabilities, stays_finite,
          chooses_units_evenly, starts_with_distributions_that_differ,
          survives_rubbish_in_a_model_file, refuses_what_is_no_vector,
          estimates_leaves_as_the_paper, several_forests_learn_side_by_side,
          leaves_without_samples_are_even, outputs_that_are_no_classes_are_refused)
