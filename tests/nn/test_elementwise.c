#include <math.h>

#include "tests/layer_check.h"
#include "tests/test.h"

/* log(1 + exp(p x)) / p, whose derivative is computed from x. */
static void softplus(const float p[2], const float *x, float *y, int64_t n) {
    for (int64_t i = 0; i < n; i++) y[i] = log1pf(expf(p[0] * x[i])) / p[0];
}

static void softplus_backward(const float p[2], const float *x, float *d, int64_t n) {
    for (int64_t i = 0; i < n; i++) d[i] /= 1 + expf(-p[0] * x[i]);
}

typedef struct {
    double beta;
} softplus_options;

static const base_option softplus_table[] = {{"beta", BASE_OPT_FLOAT,
                                              offsetof(softplus_options, beta), "2", 0.1, 10, NULL,
                                              NULL, "steepness"},
                                             {0}};

static void softplus_map(const void *options, nn_function *function) {
    const softplus_options *o = options;
    *function = (nn_function){.map = {.kind = NN_CUSTOM,
                                      .p = {(float)o->beta},
                                      .forward = softplus,
                                      .backward = softplus_backward},
                              .n_parameters = 1,
                              .derivative = NN_READS_X,
                              .c = "return logf(1 + expf(p0 * x)) / p0;"};
}

static const nn_layer layer_softplus = {.variant = {"softplus", "log(1 + exp(beta x)) / beta",
                                                    "beta", softplus_table,
                                                    sizeof(softplus_options)},
                                        .map = softplus_map,
                                        NN_ELEMENTWISE};

/* x / (1 + |x|), whose derivative is (1 - |y|)^2. */
static void softsign(const float p[2], const float *x, float *y, int64_t n) {
    (void)p;
    for (int64_t i = 0; i < n; i++) y[i] = x[i] / (1 + fabsf(x[i]));
}

static void softsign_backward(const float p[2], const float *y, float *d, int64_t n) {
    (void)p;
    for (int64_t i = 0; i < n; i++) d[i] *= (1 - fabsf(y[i])) * (1 - fabsf(y[i]));
}

static void softsign_map(const void *options, nn_function *function) {
    (void)options;
    *function = (nn_function){
        .map = {.kind = NN_CUSTOM, .forward = softsign, .backward = softsign_backward},
        .derivative = NN_READS_Y,
        .c = "return x / (1 + fabsf(x));",
        .onnx = "Div(x, Add(Abs(x), 1))"};
}

static const nn_layer layer_softsign = {
    .variant = {"softsign", "x / (1 + |x|)", NULL, NULL, 0}, .map = softsign_map, NN_ELEMENTWISE};

static const nn_layer *const layers[] = {&layer_softplus, &layer_softsign};
enum { N_LAYERS = sizeof layers / sizeof *layers };

START_TEST(a_layer_is_its_function) {
    for (int i = 0; i < N_LAYERS; i++) {
        layer_case setup = {.layer = layers[i], .in[0] = {2, {7, 900}}, .batch = 6};
        layer_check_threads(&setup);
        layer_probe *probe = layer_probe_new(&setup);
        layer_probe_forward(probe);
        for (int64_t j = 0; j < probe->n_y; j++) {
            double x = probe->x[0][j], y = i == 0 ? log1p(exp(2 * x)) / 2 : x / (1 + fabs(x));
            ck_assert_double_eq_tol(probe->y[j], y, 1e-6);
        }
        layer_probe_free(probe);
        setup.in[0] = (nn_shape){1, {37}};
        setup.batch = 1;
        layer_check_gradient(&setup, 0.005, 1e-3);
    }
}
END_TEST

static layer_case fused(const nn_layer *layer, const nn_layer *next, layer_mode mode) {
    bool is_conv = layer == &nn_layer_conv2d;
    return (layer_case){.layer = layer,
                        .options = is_conv ? "{out: 16, kernel: 3, pad: same}" : NULL,
                        .next[0] = next,
                        .in = {{3, {16, 12, 29}}, {3, {16, 12, 29}}},
                        .n_in = layer == &nn_layer_add ? 2 : 1,
                        .batch = 3,
                        .mode = mode};
}

START_TEST(it_is_fused_like_any_other) {
    static const nn_layer *const before[] = {&nn_layer_conv2d, &nn_layer_batch_norm, &nn_layer_add};
    for (int i = 0; i < 3; i++) {
        for (int j = 0; j < N_LAYERS; j++) {
            layer_case setup = fused(before[i], layers[j], LAYER_INFER);
            layer_check_fusion(&setup);
        }
        bool keeps_x = before[i] == &nn_layer_batch_norm;
        layer_case setup = fused(before[i], layers[keeps_x ? 0 : 1], LAYER_TRAIN);
        layer_check_fusion(&setup);
        layer_check_threads(&setup);
    }
}
END_TEST

START_TEST(not_where_its_derivative_could_not_be_computed) {
    layer_case setup = fused(&nn_layer_conv2d, NULL, LAYER_TRAIN);
    layer_probe *probe = layer_probe_new(&setup);
    softplus_options options = {2};
    ck_assert(!nn_layer_fuse(&probe->plan, &layer_softplus, &options));
    ck_assert(nn_layer_fuse(&probe->plan, &layer_softsign, NULL));
    layer_probe_free(probe);
    setup = fused(&nn_layer_batch_norm, NULL, LAYER_TRAIN);
    probe = layer_probe_new(&setup);
    ck_assert(!nn_layer_fuse(&probe->plan, &layer_softsign, NULL));
    ck_assert(nn_layer_fuse(&probe->plan, &layer_softplus, &options));
    layer_probe_free(probe);
}
END_TEST

/* What exports need. */
START_TEST(every_elementwise_layer_can_be_written_down) {
    int n, found = 0;
    const nn_layer *const *all = nn_layers(&n);
    for (int i = 0; i < n; i++) {
        nn_function function;
        double options[4] = {0}; /* room for any such layer's */
        if (!nn_layer_function(all[i], options, &function)) continue;
        found++;
        ck_assert_ptr_nonnull(function.c);
        ck_assert_int_ne(function.derivative, 0);
        ck_assert(function.map.scale == 1.0f && function.map.shift == 0.0f);
    }
    ck_assert_int_ge(found, 6);
}
END_TEST

TEST_MAIN("nn/elementwise", a_layer_is_its_function, it_is_fused_like_any_other,
          not_where_its_derivative_could_not_be_computed,
          every_elementwise_layer_can_be_written_down)
