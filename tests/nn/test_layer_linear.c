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

START_TEST(refuses_images) {
    layer_case setup = vectors(1);
    setup.in[0] = (nn_shape){3, {2, 3, 4}};
    layer_check_refused(&setup, BASE_ESHAPE, "'flatten'");
}
END_TEST

TEST_MAIN("nn/layer_linear", agrees_with_pytorch, agrees_with_the_definition,
          has_the_right_gradient, gives_the_same_bits_on_any_threads, refuses_images)
