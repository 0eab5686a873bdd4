#include <math.h>
#include <string.h>

#include "tests/layer_check.h"
#include "tests/test.h"

extern const nn_layer nn_layer_linear;

/* Check's own comparison writes to a pipe each time, which is slow in long loops. */
static void expect_near(double value, double expected, double tolerance) {
    if (!(fabs(value - expected) <= tolerance)) {
        ck_abort_msg("%.9g is not within %g of %.9g", value, tolerance, expected);
    }
}

START_TEST(agrees_with_pytorch) {
    static const struct {
        const char *name, *options;
    } cases[] = {{"vector", "5"}, {"sequence", "{out: 33, bias: false}"}, {"one", "{out: 1}"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        layer_check_golden(&(layer_golden){.layer = &nn_layer_linear,
                                           .options = cases[i].options,
                                           .file = "nn_linear",
                                           .name = cases[i].name,
                                           .rtol = 1e-5,
                                           .atol = 5e-6});
    }
}
END_TEST

static layer_case vectors(int64_t batch) {
    return (layer_case){
        .layer = &nn_layer_linear, .options = "13", .in[0] = {1, {37}}, .batch = batch};
}

static layer_case sequences(int64_t batch) {
    return (layer_case){
        .layer = &nn_layer_linear, .options = "150", .in[0] = {2, {9, 140}}, .batch = batch};
}

START_TEST(agrees_with_the_definition) {
    enum { ROWS = 5 * 9, IN = 140, OUT = 150 };
    layer_case setup = sequences(5);
    layer_probe *probe = layer_probe_new(&setup);
    layer_probe_run(probe);
    const float *w = layer_probe_tensor(probe, "weight", probe->param, NULL);
    const float *bias = layer_probe_tensor(probe, "bias", probe->param, NULL);
    const float *dw = layer_probe_tensor(probe, "weight", probe->dparam, NULL);
    static double dweight[OUT * IN], dx[ROWS * IN];
    for (int r = 0; r < ROWS; r++) {
        for (int o = 0; o < OUT; o++) {
            double y = bias[o], dy = probe->dy[r * OUT + o];
            for (int i = 0; i < IN; i++) {
                y += (double)w[o * IN + i] * probe->x[0][r * IN + i];
                dweight[o * IN + i] += dy * probe->x[0][r * IN + i];
                dx[r * IN + i] += dy * w[o * IN + i];
            }
            expect_near(probe->y[r * OUT + o], y, 5e-5);
        }
    }
    for (int i = 0; i < OUT * IN; i++) expect_near(dw[i], dweight[i], 5e-5);
    for (int i = 0; i < ROWS * IN; i++) expect_near(probe->dx[0][i], dx[i], 5e-5);
    layer_probe_free(probe);
}
END_TEST

START_TEST(has_the_right_gradient) {
    layer_case setup = vectors(3);
    layer_check_gradient(&setup, 0.05, 1e-3);
    setup = sequences(2);
    layer_check_gradient(&setup, 0.05, 1e-3);
}
END_TEST

START_TEST(gives_the_same_bits_on_any_threads) {
    layer_case setup = vectors(1);
    layer_check_threads(&setup);
    setup = sequences(19);
    layer_check_threads(&setup);
}
END_TEST

/* So many features that they are summed in slices. */
static layer_case long_vectors(const char *options, int64_t batch) {
    return (layer_case){
        .layer = &nn_layer_linear, .options = options, .in[0] = {1, {9001}}, .batch = batch};
}

START_TEST(long_vectors_are_multiplied_as_defined) {
    enum { BATCH = 7, IN = 9001, OUT = 5 };
    for (int with_bias = 0; with_bias < 2; with_bias++) {
        layer_case setup = long_vectors(with_bias ? "5" : "{out: 5, bias: false}", BATCH);
        layer_check_threads(&setup);
        layer_probe *probe = layer_probe_new(&setup);
        layer_probe_forward(probe);
        const float *w = layer_probe_tensor(probe, "weight", probe->param, NULL);
        const float *bias =
            with_bias ? layer_probe_tensor(probe, "bias", probe->param, NULL) : NULL;
        for (int k = 0; k < BATCH * OUT; k++) {
            double y = bias != NULL ? bias[k % OUT] : 0;
            for (int i = 0; i < IN; i++) {
                y += (double)w[k % OUT * IN + i] * probe->x[0][k / OUT * IN + i];
            }
            expect_near(probe->y[k], y, 1e-3);
        }
        layer_probe_free(probe);
    }
    layer_case setup = long_vectors("3", 2);
    layer_check_gradient(&setup, 0.05, 1e-2);
}
END_TEST

START_TEST(a_long_vector_alone_gives_the_bits_it_gives_among_others) {
    layer_case many = long_vectors("5", 7), one = long_vectors("5", 1);
    layer_probe *all = layer_probe_new(&many), *alone = layer_probe_new(&one);
    layer_probe_forward(all);
    memcpy(alone->param, all->param, (size_t)all->plan.n_param * sizeof(float));
    for (int i = 0; i < 7; i++) {
        memcpy(alone->x[0], all->x[0] + i * alone->n_x[0], (size_t)alone->n_x[0] * sizeof(float));
        layer_probe_forward(alone);
        ck_assert_mem_eq(alone->y, all->y + 5 * i, 5 * sizeof(float));
    }
    layer_probe_free(all);
    layer_probe_free(alone);
}
END_TEST

START_TEST(refuses_images) {
    layer_case setup = vectors(1);
    setup.in[0] = (nn_shape){3, {2, 3, 4}};
    layer_check_refused(&setup, BASE_ESHAPE, "'flatten'");
}
END_TEST

TEST_MAIN("nn/layers/linear", agrees_with_pytorch, agrees_with_the_definition,
          has_the_right_gradient, gives_the_same_bits_on_any_threads,
          long_vectors_are_multiplied_as_defined,
          a_long_vector_alone_gives_the_bits_it_gives_among_others, refuses_images)
