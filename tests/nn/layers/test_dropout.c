#include <math.h>
#include <string.h>

#include "tests/layer_check.h"
#include "tests/test.h"

extern const nn_layer nn_layer_dropout, nn_layer_stochastic_depth;
extern const nn_layer nn_layer_gelu, nn_layer_leaky_relu, nn_layer_silu;

static layer_case make_case(const char *options, int64_t batch) {
    return (layer_case){.layer = &nn_layer_dropout,
                        .options = options,
                        .in[0] = {1, {5000}},
                        .batch = batch,
                        .fill = layer_fill_apart};
}

START_TEST(drops_and_rescales) {
    layer_case setup = make_case("0.3", 2);
    layer_probe *probe = layer_probe_new(&setup);
    layer_probe_run(probe);
    int n_zeros = 0, n_alike = 0;
    for (int64_t i = 0; i < probe->n_y; i++) {
        bool dropped = probe->y[i] == 0.0f;
        float factor = dropped ? 0.0f : 1.0f / 0.7f;
        ck_assert_float_eq_tol(probe->y[i], factor * probe->x[0][i], 1e-5f);
        ck_assert_float_eq_tol(probe->dx[0][i], factor * probe->dy[i], 1e-5f);
        n_zeros += dropped;
        if (i < 5000) n_alike += dropped == (probe->y[i + 5000] == 0.0f);
    }
    ck_assert_int_gt(n_zeros, 3000 - 200); /* of 10,000: deviation 46 */
    ck_assert_int_lt(n_zeros, 3000 + 200);
    ck_assert_int_lt(n_alike, 3500); /* expected 2,900: samples are independent */
    layer_probe_free(probe);
}
END_TEST

START_TEST(does_nothing_in_inference) {
    layer_case setup = make_case("0.3", 2);
    for (layer_mode mode = LAYER_EVAL; mode <= LAYER_INFER; mode++) {
        setup.mode = mode;
        layer_probe *probe = layer_probe_new(&setup);
        layer_probe_forward(probe);
        ck_assert_mem_eq(probe->y, probe->x[0], (size_t)probe->n_y * sizeof(float));
        layer_probe_free(probe);
    }
}
END_TEST

START_TEST(p_zero_keeps_everything) {
    layer_case setup = make_case("0", 1);
    layer_probe *probe = layer_probe_new(&setup);
    layer_probe_forward(probe);
    ck_assert_mem_eq(probe->y, probe->x[0], (size_t)probe->n_y * sizeof(float));
    layer_probe_free(probe);
}
END_TEST

START_TEST(has_the_right_gradient) {
    layer_case setup = make_case("0.5", 2);
    layer_check_gradient(&setup, 0.05, 1e-3);
}
END_TEST

START_TEST(gives_the_same_bits_on_any_threads) {
    layer_case setup = make_case("0.5", 7);
    layer_check_threads(&setup);
}
END_TEST

START_TEST(fuses_without_changing_a_bit) {
    const nn_layer *next[] = {&nn_layer_gelu, &nn_layer_leaky_relu, &nn_layer_silu};
    for (size_t i = 0; i < sizeof next / sizeof *next; i++) {
        layer_case setup = make_case("0.3", 5);
        setup.next[0] = next[i];
        layer_check_fusion(&setup);
        layer_check_threads(&setup);
        setup.mode = LAYER_EVAL; /* frozen, it hands gradients on */
        layer_check_fusion(&setup);
    }
}
END_TEST

static layer_case make_depth(const char *options, int64_t batch) {
    layer_case setup = make_case(options, batch);
    setup.layer = &nn_layer_stochastic_depth;
    return setup;
}

/* Samples as a whole, forward and backward alike. */
START_TEST(skips_samples) {
    enum { SAMPLES = 1000, SIZE = 7 };
    layer_case setup = make_depth("0.2", SAMPLES);
    setup.in[0] = (nn_shape){1, {SIZE}};
    layer_probe *probe = layer_probe_new(&setup);
    layer_probe_run(probe);
    int n_skipped = 0;
    for (int64_t sample = 0; sample < SAMPLES; sample++) {
        bool skipped = probe->y[sample * SIZE] == 0.0f;
        float factor = skipped ? 0.0f : 1.0f / 0.8f;
        for (int64_t i = sample * SIZE; i < (sample + 1) * SIZE; i++) {
            ck_assert_float_eq_tol(probe->y[i], factor * probe->x[0][i], 1e-5f);
            ck_assert_float_eq_tol(probe->dx[0][i], factor * probe->dy[i], 1e-5f);
        }
        n_skipped += skipped;
    }
    ck_assert_int_gt(n_skipped, 200 - 50); /* deviation 13 */
    ck_assert_int_lt(n_skipped, 200 + 50);
    layer_probe_free(probe);
}
END_TEST

START_TEST(skips_nothing_in_inference) {
    for (layer_mode mode = LAYER_EVAL; mode <= LAYER_INFER; mode++) {
        layer_case setup = make_depth("0.5", 8);
        setup.mode = mode;
        layer_probe *probe = layer_probe_new(&setup);
        layer_probe_forward(probe);
        ck_assert_mem_eq(probe->y, probe->x[0], (size_t)probe->n_y * sizeof(float));
        layer_probe_free(probe);
    }
}
END_TEST

START_TEST(skips_the_same_on_any_threads) {
    layer_case setup = make_depth("0.5", 7);
    layer_check_threads(&setup);
    layer_check_gradient(&setup, 0.05, 1e-3);
}
END_TEST

TEST_MAIN("nn/layers/dropout", drops_and_rescales, does_nothing_in_inference,
          p_zero_keeps_everything, has_the_right_gradient, gives_the_same_bits_on_any_threads,
          fuses_without_changing_a_bit, skips_samples, skips_nothing_in_inference,
          skips_the_same_on_any_threads)
