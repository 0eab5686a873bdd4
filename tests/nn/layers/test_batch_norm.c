#include <math.h>
#include <string.h>

#include "tests/layer_check.h"
#include "tests/test.h"

extern const nn_layer nn_layer_batch_norm, nn_layer_relu, nn_layer_leaky_relu, nn_layer_gelu,
    nn_layer_silu, nn_layer_max_pool;

START_TEST(agrees_with_pytorch) {
    static const struct {
        const char *name, *options;
    } cases[] = {
        {"image", NULL},
        {"image_eval", NULL},
        {"plain", "{eps: 1e-3, momentum: 0.3, affine: false}"},
        {"vector", NULL},
        {"vector_eval", NULL},
        {"sequence", NULL},
        {"sequence_eval", NULL},
        {"length", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        layer_check_golden(&(layer_golden){.layer = &nn_layer_batch_norm,
                                           .options = cases[i].options,
                                           .file = "nn_batch_norm",
                                           .name = cases[i].name,
                                           .rtol = 1e-5,
                                           .atol = 5e-6});
    }
}
END_TEST

static layer_case images(int64_t batch) {
    return (layer_case){.layer = &nn_layer_batch_norm, .in[0] = {3, {3, 7, 11}}, .batch = batch};
}

static layer_case sequences(int64_t batch) {
    return (layer_case){.layer = &nn_layer_batch_norm, .in[0] = {2, {5, 70}}, .batch = batch};
}

typedef struct {
    const nn_layer *layer;
    const char *options;
} follower;

static const follower activations[] = {{&nn_layer_relu, NULL},
                                       {&nn_layer_leaky_relu, "0.1"},
                                       {&nn_layer_gelu, NULL},
                                       {&nn_layer_gelu, "tanh"},
                                       {&nn_layer_silu, NULL}};
enum { N_ACTIVATIONS = sizeof activations / sizeof *activations };

START_TEST(has_the_right_gradient) {
    layer_case setup = images(4);
    layer_check_gradient(&setup, 0.02, 1e-3);
    for (int i = 2; i < N_ACTIVATIONS; i++) { /* those without kinks */
        setup = sequences(4);
        setup.next[0] = activations[i].layer;
        setup.next_options[0] = activations[i].options;
        layer_check_gradient(&setup, 0.02, 1e-3);
    }
    setup = images(2);
    setup.mode = LAYER_EVAL;
    layer_check_gradient(&setup, 0.02, 1e-3);
}
END_TEST

static void check_fusion(const layer_case *setup, const follower *activation,
                         const follower *pool) {
    layer_case fused = *setup;
    int n = 0;
    const follower *followers[2];
    if (activation != NULL) followers[n++] = activation;
    if (pool != NULL) followers[n++] = pool;
    for (int i = 0; i < n; i++) {
        fused.next[i] = followers[i]->layer;
        fused.next_options[i] = followers[i]->options;
    }
    layer_check_fusion(&fused);
}

static const int32_t lengths[] = {11, 2, 7, 4, 1};

START_TEST(fuses_without_changing_a_bit) {
    static const follower pools[] = {{&nn_layer_max_pool, "2"},
                                     {&nn_layer_max_pool, "[3, 1]"},
                                     {&nn_layer_max_pool, "[1, 2]"},
                                     {&nn_layer_max_pool, "{kernel: [2, 5], stride: [2, 5]}"}};
    for (int with_length = 0; with_length < 2; with_length++) {
        layer_case setup = images(5);
        if (with_length) setup.length = lengths;
        for (int i = 0; i < N_ACTIVATIONS; i++) {
            check_fusion(&setup, &activations[i], NULL);
            check_fusion(&setup, &activations[i], &pools[0]);
            layer_case flat = sequences(5);
            static const int32_t flat_lengths[] = {5, 2, 4, 4, 1};
            if (with_length) flat.length = flat_lengths;
            check_fusion(&flat, &activations[i], NULL);
        }
        for (int i = 1; i < 4; i++) check_fusion(&setup, &activations[0], &pools[i]);
        check_fusion(&setup, NULL, &pools[0]);
    }
}
END_TEST

/* Whether `next` is fused with batch_norm (after `first`, unless NULL). */
static bool fuses(const follower *first, const follower *next) {
    layer_case setup = images(1), other = images(1);
    if (first != NULL) {
        setup.next[0] = first->layer;
        setup.next_options[0] = first->options;
    }
    other.layer = next->layer;
    other.options = next->options;
    layer_probe *probe = layer_probe_new(&setup), *option_holder = layer_probe_new(&other);
    bool taken = nn_layer_fuse(&probe->plan, next->layer, option_holder->plan.options);
    layer_probe_free(probe);
    layer_probe_free(option_holder);
    return taken;
}

START_TEST(leaves_what_it_cannot_do) {
    static const follower pool = {&nn_layer_max_pool, "2"},
                          overlapping = {&nn_layer_max_pool, "{kernel: 3, stride: 2}"},
                          padded = {&nn_layer_max_pool, "{kernel: 2, pad: 1}"};
    ck_assert(fuses(NULL, &pool));
    ck_assert(fuses(&activations[0], &pool));
    ck_assert(!fuses(&pool, &pool));
    ck_assert(!fuses(&pool, &activations[0]));
    ck_assert(!fuses(&activations[0], &activations[0]));
    ck_assert(!fuses(NULL, &overlapping));
    ck_assert(!fuses(NULL, &padded));
}
END_TEST

START_TEST(gives_the_same_bits_on_any_threads) {
    layer_case setup = images(9);
    setup.next[0] = &nn_layer_relu;
    setup.next[1] = &nn_layer_max_pool;
    setup.next_options[1] = "2";
    layer_check_threads(&setup);
    setup = sequences(3);
    layer_check_threads(&setup);
}
END_TEST

/* The network relies on this where it does not zero padding. */
START_TEST(passes_over_padding) {
    ck_assert(nn_layer_batch_norm.passes_padding);
    for (int mode = LAYER_TRAIN; mode <= LAYER_EVAL; mode++) {
        for (int with = 0; with < 3; with++) {
            layer_case setup = images(5);
            setup.mode = mode;
            setup.length = lengths;
            if (with > 0) setup.next[0] = &nn_layer_relu;
            if (with > 1) setup.next[1] = &nn_layer_max_pool;
            setup.next_options[1] = "2";
            layer_check_padding(&setup, NAN);
        }
        layer_case setup = sequences(3);
        setup.mode = mode;
        setup.length = (const int32_t[]){5, 1, 3};
        layer_check_padding(&setup, NAN);
    }
}
END_TEST

START_TEST(heeds_lengths_in_inference) {
    layer_case setup = images(5);
    setup.length = lengths;
    setup.mode = LAYER_EVAL;
    layer_check_lengths(&setup, 1e-6, 1e-6);
    setup = sequences(3);
    setup.length = (const int32_t[]){5, 1, 3};
    setup.mode = LAYER_EVAL;
    layer_check_lengths(&setup, 1e-6, 1e-6);
}
END_TEST

/* A mean far from zero must not drown the variance. */
START_TEST(is_exact_far_from_zero) {
    layer_case setup = images(2);
    layer_probe *probe = layer_probe_new(&setup);
    for (int64_t i = 0; i < probe->n_x[0]; i++) probe->x[0][i] = 4096.0f + (float)(i % 2);
    for (int64_t i = 0; i < probe->plan.n_state; i++) probe->state_start[i] = 0.0f;
    layer_probe_forward(probe);
    const float *variance = layer_probe_tensor(probe, "running_var", probe->state, NULL);
    ck_assert_double_eq_tol(variance[0], 0.1 * 0.25 * 154.0 / 153.0, 1e-4);
    layer_probe_free(probe);
}
END_TEST

TEST_MAIN("nn/layers/batch_norm", agrees_with_pytorch, has_the_right_gradient,
          fuses_without_changing_a_bit, leaves_what_it_cannot_do,
          gives_the_same_bits_on_any_threads, passes_over_padding, heeds_lengths_in_inference,
          is_exact_far_from_zero)
