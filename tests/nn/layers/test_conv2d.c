#include <math.h>
#include <stdio.h>
#include <string.h>

#include "nn/kernels/winograd.h"
#include "nn/kernels/winograd_time.h"
#include "nn/layers/options.h"
#include "tests/layer_check.h"
#include "tests/test.h"

extern const nn_layer nn_layer_conv2d, nn_layer_relu, nn_layer_leaky_relu, nn_layer_tanh,
    nn_layer_gelu;

/* Check's own comparison writes to a pipe each time, which is slow in long loops. */
static void expect_near(double value, double expected, double tolerance) {
    if (!(fabs(value - expected) <= tolerance)) {
        ck_abort_msg("%.9g is not within %g of %.9g", value, tolerance, expected);
    }
}

START_TEST(agrees_with_pytorch) {
    static const struct {
        const char *name, *options;
    } cases[] = {
        {"plain", "{out: 5, kernel: 3}"},
        {"same", "{out: 4, kernel: 3, pad: same, bias: false}"},
        {"same_even", "{out: 3, kernel: [2, 4], pad: same}"},
        {"same_stride", "{out: 2, kernel: 3, stride: 2, pad: same}"},
        {"stride_2x1", "{out: 4, kernel: [3, 5], stride: [2, 1], pad: [1, 2]}"},
        {"dilated", "{out: 3, kernel: 3, dilation: [2, 3], pad: [2, 1]}"},
        {"groups", "{out: 4, kernel: 3, groups: 2, stride: [1, 2], pad: 1}"},
        {"depthwise", "{out: 5, kernel: 3, groups: 5, pad: same}"},
        {"depthwise_2", "{out: 6, kernel: [3, 5], groups: 3, stride: [1, 2], pad: [0, 2]}"},
        {"pointwise", "{out: 5, kernel: 1}"},
        {"pointwise_groups", "{out: 4, kernel: 1, groups: 2, bias: false}"},
        {"uneven", "{out: 3, kernel: 3, pad: [2, 1, 0, 3]}"},
        {"extent_1", "{out: 3, kernel: 3, pad: 1}"},
        {"tiles", "{out: 8, kernel: 3, pad: same}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        layer_check_golden(&(layer_golden){.layer = &nn_layer_conv2d,
                                           .options = cases[i].options,
                                           .file = "nn_conv2d",
                                           .name = cases[i].name,
                                           .rtol = 1e-5,
                                           .atol = 2e-5});
    }
}
END_TEST

/* A convolution as it is defined, in double: kernel 3x2, stride 2x1, dilation 1x2, padding
 * [1,0,2,1], 2 groups. */
enum { C = 4, N_F = 7, N_T = 10, O = 6, KF = 3, KT = 2, B = 3 };
static const char naive_options[] = "{out: 6, kernel: [3, 2], stride: [2, 1], dilation: [1, 2], "
                                    "pad: [1, 0, 2, 1], groups: 2}";

typedef struct {
    const layer_probe *probe;
    int64_t out_f, out_t;
    double *dx, *dweight;
} naive;

/* Calls visit with the places in y, weight and x of every product. */
static void visit_products(const naive *n, void (*visit)(naive *, int64_t, int64_t, int64_t),
                           naive *context) {
    for (int64_t i = 0; i < B * O * n->out_f * n->out_t; i++) {
        int64_t t = i % n->out_t, f = i / n->out_t % n->out_f, o = i / (n->out_t * n->out_f) % O;
        int64_t b = i / (n->out_t * n->out_f * O);
        for (int64_t k = 0; k < C / 2 * KF * KT; k++) {
            int64_t x_t = t + k % KT * 2 - 2, x_f = 2 * f + k / KT % KF - 1;
            int64_t c = o / (O / 2) * (C / 2) + k / (KF * KT);
            if (x_t < 0 || x_t >= N_T || x_f < 0 || x_f >= N_F) continue;
            visit(context, i, o * (C / 2 * KF * KT) + k, ((b * C + c) * N_F + x_f) * N_T + x_t);
        }
    }
}

static double naive_y[B * O * N_F * N_T];

static void add_product(naive *n, int64_t y, int64_t weight, int64_t x) {
    const layer_probe *p = n->probe;
    naive_y[y] += (double)p->param[weight] * p->x[0][x];
    n->dx[x] += (double)p->param[weight] * p->dy[y];
    n->dweight[weight] += (double)p->x[0][x] * p->dy[y];
}

static void expect_close(const float *got, const double *expected, int64_t n) {
    for (int64_t i = 0; i < n; i++) expect_near(got[i], expected[i], 2e-5);
}

START_TEST(agrees_with_the_definition) {
    layer_case setup = {.layer = &nn_layer_conv2d,
                        .options = naive_options,
                        .in[0] = {3, {C, N_F, N_T}},
                        .batch = B};
    layer_probe *probe = layer_probe_new(&setup);
    layer_probe_run(probe);
    static double dx[B * C * N_F * N_T], dweight[O * C / 2 * KF * KT];
    naive n = {.probe = probe,
               .out_f = probe->plan.out.dim[1],
               .out_t = probe->plan.out.dim[2],
               .dx = dx,
               .dweight = dweight};
    ck_assert_int_eq(n.out_f, 3);
    ck_assert_int_eq(n.out_t, 11);
    const float *bias = layer_probe_tensor(probe, "bias", probe->param, NULL);
    for (int64_t i = 0; i < probe->n_y; i++) naive_y[i] = bias[i / (n.out_f * n.out_t) % O];
    visit_products(&n, add_product, &n);
    expect_close(probe->y, naive_y, probe->n_y);
    expect_close(probe->dx[0], dx, probe->n_x[0]);
    expect_close(layer_probe_tensor(probe, "weight", probe->dparam, NULL), dweight,
                 O * C / 2 * KF * KT);
    layer_probe_free(probe);
}
END_TEST

static layer_case make_case(const char *options, int64_t batch) {
    return (layer_case){
        .layer = &nn_layer_conv2d, .options = options, .in[0] = {3, {4, 7, 19}}, .batch = batch};
}

static const char *const various[] = {
    "{out: 6, kernel: 3, pad: same}",
    "{out: 6, kernel: [3, 4], stride: [2, 1], pad: same, groups: 2}",
    "{out: 8, kernel: 3, stride: [1, 2], groups: 4}",
    "{out: 4, kernel: 3, pad: same, groups: 4, bias: false}",
    "{out: 3, kernel: 1}",
    "{out: 3, kernel: 1, stride: 2, pad: 1}",
    "{out: 2, kernel: [7, 19]}",
    "{out: 2, kernel: 2, dilation: [6, 18], pad: 5}",
    "{out: x2, kernel: 5, stride: 2, pad: half, groups: 0}",
    "{out: /2, kernel: 3, stride: [3, 2], dilation: [1, 2], pad: half}",
};
enum { N_VARIOUS = sizeof various / sizeof *various };

START_TEST(has_the_right_gradient) {
    for (int i = 0; i < N_VARIOUS; i++) {
        layer_case setup = make_case(various[i], 3);
        layer_check_gradient(&setup, 0.05, 1e-3);
    }
}
END_TEST

START_TEST(gives_the_same_bits_on_any_threads) {
    for (int i = 0; i < N_VARIOUS; i++) {
        layer_case setup = make_case(various[i], 11);
        layer_check_threads(&setup);
        setup.batch = 1;
        layer_check_threads(&setup);
    }
}
END_TEST

/* `form` with and without groups, the weights between groups being zero. */
static void check_depthwise(const char *form) {
    enum { CHANNELS = 4, N_OUT = 8, MAX_OPTIONS = 200 };
    char options[2][MAX_OPTIONS];
    layer_probe *probes[2];
    for (int i = 0; i < 2; i++) {
        snprintf(options[i], MAX_OPTIONS, "{out: 8, groups: %d, %s}", i ? 1 : CHANNELS, form);
        layer_case setup = make_case(options[i], 3);
        probes[i] = layer_probe_new(&setup);
    }
    layer_probe *apart = probes[0], *dense = probes[1];
    int64_t n, n_dense;
    const float *weight = layer_probe_tensor(apart, "weight", apart->param, &n);
    float *wide = layer_probe_tensor(dense, "weight", dense->param, &n_dense);
    int64_t k = n / N_OUT;
    memset(wide, 0, (size_t)n_dense * sizeof *wide);
    for (int64_t i = 0; i < n; i++) {
        int64_t o = i / k;
        wide[(o * CHANNELS + o * CHANNELS / N_OUT) * k + i % k] = weight[i];
    }
    memcpy(layer_probe_tensor(dense, "bias", dense->param, NULL),
           layer_probe_tensor(apart, "bias", apart->param, NULL), N_OUT * sizeof(float));
    memcpy(dense->x[0], apart->x[0], (size_t)apart->n_x[0] * sizeof(float));
    memcpy(dense->dy, apart->dy, (size_t)apart->n_y * sizeof(float));
    for (int i = 0; i < 2; i++) layer_probe_run(probes[i]);
    test_close(form, apart->y, dense->y, apart->n_y, 0, 1e-5);
    test_close(form, apart->dx[0], dense->dx[0], apart->n_x[0], 0, 1e-5);
    const float *got = layer_probe_tensor(apart, "weight", apart->dparam, NULL);
    const float *expected = layer_probe_tensor(dense, "weight", dense->dparam, NULL);
    for (int64_t o = 0; o < N_OUT; o++) {
        test_close(form, got + o * k, expected + (o * CHANNELS + o * CHANNELS / N_OUT) * k, k, 0,
                   1e-4);
    }
    for (int i = 0; i < 2; i++) layer_probe_free(probes[i]);
}

START_TEST(depthwise_is_a_convolution_with_zeros) {
    static const char *const form[] = {"kernel: 3, pad: 1",
                                       "kernel: 5, stride: 2, pad: 2",
                                       "kernel: [3, 2], stride: [1, 3], pad: [2, 0, 0, 1]",
                                       "kernel: [2, 3], stride: [3, 2], dilation: [3, 2], pad: 2",
                                       "kernel: 1, stride: 4",
                                       "kernel: [7, 19]",
                                       "kernel: 2, stride: 5, pad: 6"};
    for (size_t i = 0; i < sizeof form / sizeof *form; i++) check_depthwise(form[i]);
}
END_TEST

/* More positions than are summed at once. */
START_TEST(depthwise_planes_may_be_large) {
    layer_case setup = {.layer = &nn_layer_conv2d,
                        .options = "{out: x1, kernel: 3, pad: half, groups: 0}",
                        .in[0] = {3, {2, 33, 97}},
                        .batch = 2};
    layer_check_gradient(&setup, 0.05, 1e-3);
    layer_check_threads(&setup);
}
END_TEST

START_TEST(channels_follow_from_the_input) {
    static const struct {
        const char *options;
        int64_t out;
    } forms[] = {
        {"{out: x3, kernel: 1}", 12}, {"{out: /2, kernel: 1}", 2}, {"{out: /3, kernel: 1}", 1}};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        layer_case setup = make_case(forms[i].options, 1);
        layer_probe *probe = layer_probe_new(&setup);
        ck_assert_int_eq(probe->plan.out.dim[0], forms[i].out);
        layer_probe_free(probe);
    }
    static const char *const bad[] = {"{out: /5, kernel: 1}",  "{out: x0, kernel: 1}",
                                      "{out: x, kernel: 1}",   "{out: -1, kernel: 1}",
                                      "{out: 1.5, kernel: 1}", "{out: x999999, kernel: 1}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        layer_case setup = make_case(bad[i], 1);
        layer_check_refused(&setup, BASE_ECONFIG, "out: '");
    }
}
END_TEST

/* Several tiles, the last one short, tiles that begin within a row. */
START_TEST(joins_tiles) {
    layer_case setup = {.layer = &nn_layer_conv2d,
                        .options = "{out: 16, kernel: 5, pad: same, groups: 2}",
                        .in[0] = {3, {64, 10, 23}},
                        .batch = 2};
    layer_check_gradient(&setup, 0.05, 1e-3);
    setup.options = "{out: 16, kernel: 5, stride: 2, pad: 3, groups: 2}";
    layer_check_gradient(&setup, 0.05, 1e-3);
}
END_TEST

/* What is convolved directly (nn/kernels/convolution.h), in several blocks. */
START_TEST(joins_blocks) {
    static const char *const forms[] = {"{out: 16, kernel: 5, pad: same}",
                                        "{out: 17, kernel: 5, stride: 2, pad: 3, bias: false}",
                                        "{out: 16, kernel: [3, 1]}"};
    layer_case setup = {.layer = &nn_layer_conv2d, .in[0] = {3, {32, 10, 23}}};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        setup.options = forms[i];
        setup.batch = 2;
        layer_check_gradient(&setup, 0.05, 1e-3);
        layer_check_threads(&setup);
        setup.batch = 1;
        layer_check_threads(&setup);
    }
}
END_TEST

/* The same by F(2x2, 3x3) (nn/kernels/winograd.h). */
START_TEST(joins_blocks_of_tiles) {
    layer_case setup = {.layer = &nn_layer_conv2d,
                        .options = "{out: 16, kernel: 3, pad: same}",
                        .in[0] = {3, {16, 20, 46}},
                        .batch = 11};
    nn_axis f = {.in = 20, .out = 20, .kernel = 3, .stride = 1, .dilation = 1, .before = 1}, t = f;
    t.in = t.out = 46;
    nn_winograd w = nn_winograd_make(f, t, 16, 16, 0);
    ck_assert(nn_winograd_fits(&w) && w.n_blocks > 1);
    layer_check_threads(&setup);
    setup.batch = 2;
    layer_check_gradient(&setup, 0.05, 1e-3);
}
END_TEST

/* The same by F(4, 5) along time (nn/kernels/winograd_time.h). */
START_TEST(joins_blocks_of_tiles_along_time) {
    layer_case setup = {.layer = &nn_layer_conv2d,
                        .options = "{out: 32, kernel: [4, 5], stride: [2, 1], pad: [1, 2]}",
                        .in[0] = {3, {16, 26, 45}},
                        .batch = 11};
    nn_axis f = {.in = 26, .out = 13, .kernel = 4, .stride = 2, .dilation = 1, .before = 1};
    nn_axis t = {.in = 45, .out = 45, .kernel = 5, .stride = 1, .dilation = 1, .before = 2};
    nn_winograd_time w = nn_winograd_time_make(f, t, 16, 32, 0);
    ck_assert(nn_winograd_time_fits(&w) && w.n_blocks > 1);
    layer_check_threads(&setup);
    setup.batch = 2;
    layer_check_gradient(&setup, 0.05, 1e-3);
}
END_TEST

static void check_alone(const char *options, nn_shape in) {
    enum { BATCH = 5, SAMPLE = 3 };
    layer_case setup = {.layer = &nn_layer_conv2d, .options = options, .in[0] = in, .batch = BATCH};
    layer_probe *all = layer_probe_new(&setup);
    setup.batch = 1;
    layer_probe *alone = layer_probe_new(&setup);
    memcpy(alone->param, all->param, (size_t)all->plan.n_param * sizeof *all->param);
    size_t n_x = (size_t)alone->n_x[0], n_y = (size_t)alone->n_y;
    memcpy(alone->x[0], all->x[0] + SAMPLE * n_x, n_x * sizeof(float));
    memcpy(alone->dy, all->dy + SAMPLE * n_y, n_y * sizeof(float));
    layer_probe_run(all);
    layer_probe_run(alone);
    ck_assert_msg(memcmp(alone->y, all->y + SAMPLE * n_y, n_y * sizeof(float)) == 0, "%s: y",
                  options);
    ck_assert_msg(memcmp(alone->dx[0], all->dx[0] + SAMPLE * n_x, n_x * sizeof(float)) == 0,
                  "%s: dx", options);
    layer_probe_free(all);
    layer_probe_free(alone);
}

START_TEST(a_clip_alone_gives_the_same_bits) {
    nn_shape large = {3, {16, 20, 46}};
    for (int i = 0; i < N_VARIOUS; i++) check_alone(various[i], make_case("", 1).in[0]);
    check_alone("{out: 16, kernel: 3, pad: same}", large);
    check_alone("{out: 16, kernel: [4, 5], stride: [2, 1]}", large);
    check_alone("{out: 17, kernel: 5, stride: 2, pad: 3}", large);
    check_alone("{out: 16, kernel: 5, groups: 2}", large);
}
END_TEST

START_TEST(tells_the_length_of_its_output) {
    layer_case setup = make_case("{out: 1, kernel: [1, 3], stride: [1, 2]}", 1);
    layer_probe *probe = layer_probe_new(&setup);
    ck_assert_int_eq(nn_layer_conv2d.length(&probe->plan, 19), 9);
    ck_assert_int_eq(nn_layer_conv2d.length(&probe->plan, 4), 1);
    ck_assert_int_eq(nn_layer_conv2d.length(&probe->plan, 2), 0);
    layer_probe_free(probe);
}
END_TEST

START_TEST(refuses_what_does_not_fit) {
    layer_case setup = make_case("{out: 3, kernel: 3, groups: 2}", 1);
    layer_check_refused(&setup, BASE_ESHAPE, "groups: 2");
    setup = make_case("{out: 3, kernel: [8, 1]}", 1);
    layer_check_refused(&setup, BASE_ESHAPE, "[8,1]");
    setup = make_case("{out: 1048576, kernel: 65536, pad: half}", 1);
    setup.in[0] = (nn_shape){3, {4096, 1, 1}};
    layer_check_refused(&setup, BASE_ESHAPE, "too large");
    setup = make_case("{out: 1048576, kernel: 1, stride: 65536, pad: 1048576}", 1);
    layer_check_refused(&setup, BASE_ESHAPE, "too large");
    setup = make_case("{out: 3, kernel: [3, 3, 3]}", 1);
    layer_check_refused(&setup, BASE_ECONFIG, "kernel");
    setup = make_case("{out: 3, kernel: 3, pad: valid}", 1);
    layer_check_refused(&setup, BASE_ECONFIG, "pad");
    setup = make_case("{out: 3, kernel: 3, pad: -1}", 1);
    layer_check_refused(&setup, BASE_ECONFIG, "pad");
    setup = make_case("{out: 3, kernel: 3, pad: [1, 2, 3]}", 1);
    layer_check_refused(&setup, BASE_ECONFIG, "pad");
    setup = make_case("{out: 3, kernel: 3}", 1);
    setup.in[0] = (nn_shape){2, {5, 6}};
    layer_check_refused(&setup, BASE_ESHAPE, "an image [B,C,F,T] is needed. Put");
}
END_TEST

START_TEST(starts_as_in_pytorch) {
    layer_case setup = {.layer = &nn_layer_conv2d,
                        .options = "{out: 64, kernel: 3}",
                        .in[0] = {3, {16, 4, 4}},
                        .batch = 1};
    layer_probe *probe = layer_probe_new(&setup);
    base_rng rng = base_rng_open(1, BASE_RNG_TEST, 0, 0);
    nn_layer_conv2d.init(&probe->plan, &rng, probe->param, probe->state);
    int64_t n;
    const float *weight = layer_probe_tensor(probe, "weight", probe->param, &n);
    float bound = 1.0f / 12.0f, largest = 0;
    double squares = 0;
    for (int64_t i = 0; i < n; i++) {
        largest = fmaxf(largest, fabsf(weight[i]));
        squares += (double)weight[i] * weight[i];
    }
    ck_assert_int_eq(n, 64 * 16 * 9);
    ck_assert(largest <= bound && largest > 0.99f * bound);
    expect_near(sqrt(squares / (double)n), bound / sqrt(3.0), 0.02 * bound);
    layer_probe_free(probe);
}
END_TEST

START_TEST(starts_as_he_et_al) {
    layer_case setup = {.layer = &nn_layer_conv2d,
                        .options = "{out: 64, kernel: 3, init: he}",
                        .in[0] = {3, {16, 4, 4}},
                        .batch = 1};
    layer_probe *probe = layer_probe_new(&setup);
    base_rng rng = base_rng_open(1, BASE_RNG_TEST, 0, 0);
    nn_layer_conv2d.init(&probe->plan, &rng, probe->param, probe->state);
    int64_t n, n_bias;
    const float *weight = layer_probe_tensor(probe, "weight", probe->param, &n);
    const float *bias = layer_probe_tensor(probe, "bias", probe->param, &n_bias);
    double sum = 0, squares = 0, deviation = sqrt(2.0 / (64 * 9));
    for (int64_t i = 0; i < n; i++) {
        sum += weight[i];
        squares += (double)weight[i] * weight[i];
    }
    expect_near(sum / (double)n, 0, 0.05 * deviation);
    expect_near(sqrt(squares / (double)n), deviation, 0.02 * deviation);
    for (int64_t i = 0; i < n_bias; i++) ck_assert(bias[i] == 0);
    layer_probe_free(probe);
}
END_TEST

/* Several tiles to a sample, in groups. */
static layer_case fusing(const nn_layer *next, layer_mode mode) {
    return (layer_case){.layer = &nn_layer_conv2d,
                        .options = "{out: 8, kernel: 3, pad: same, groups: 2}",
                        .next[0] = next,
                        .in[0] = {3, {4, 64, 101}},
                        .batch = 3,
                        .mode = mode};
}

START_TEST(fuses_without_changing_a_bit) {
    static const nn_layer *const next[] = {&nn_layer_relu, &nn_layer_leaky_relu, &nn_layer_tanh};
    for (size_t i = 0; i < sizeof next / sizeof *next; i++) {
        layer_case setup = fusing(next[i], LAYER_TRAIN);
        layer_check_fusion(&setup);
    }
    layer_case setup = fusing(&nn_layer_gelu, LAYER_INFER);
    layer_check_fusion(&setup);
    setup = fusing(&nn_layer_relu, LAYER_TRAIN);
    setup.options = "{out: 16, kernel: 3, pad: same}";
    layer_check_fusion(&setup);
}
END_TEST

static const int32_t some_lengths[] = {61, 2, 30, 1, 17};

START_TEST(fuses_pooling) {
    static const char *const kernels[] = {"2", "[3, 2]", "[1, 4]", "[2, 1]"};
    static const char *const convolutions[] = {
        "{out: 16, kernel: 3, pad: same, bias: false}", /* F(2x2, 3x3) */
        "{out: 16, kernel: 3}",
        "{out: 17, kernel: [4, 5], stride: [2, 1], pad: [1, 2]}",
    };
    for (int i = 0; i < 3 * 4 * 2; i++) {
        layer_case setup = {.layer = &nn_layer_conv2d,
                            .options = convolutions[i % 3],
                            .next = {&nn_layer_relu, &nn_layer_max_pool},
                            .next_options = {NULL, kernels[i / 3 % 4]},
                            .in[0] = {3, {16, 37, 61}},
                            .batch = 5,
                            .length = i < 12 ? NULL : some_lengths,
                            .mode = LAYER_TRAIN};
        layer_check_fusion_near(&setup, 1e-3);
        setup.mode = LAYER_INFER;
        layer_check_fusion(&setup);
        layer_check_threads(&setup);
    }
}
END_TEST

/* Where the products of two layers one by one are those of im2col. */
START_TEST(fuses_pooling_behind_few_channels) {
    layer_case setup = {.layer = &nn_layer_conv2d,
                        .options = "{out: 16, kernel: 3}",
                        .next = {&nn_layer_relu, &nn_layer_max_pool},
                        .next_options = {NULL, "2"},
                        .in[0] = {3, {3, 24, 41}},
                        .batch = 3,
                        .mode = LAYER_TRAIN};
    layer_check_threads(&setup);
    layer_check_fusion_near(&setup, 1e-3);
}
END_TEST

static bool fuses_pool(const char *convolution, const char *options) {
    layer_case setup = fusing(&nn_layer_relu, LAYER_TRAIN);
    setup.options = convolution;
    layer_case pool = {.layer = &nn_layer_max_pool,
                       .options = options,
                       .in[0] = setup.in[0],
                       .batch = 1,
                       .mode = LAYER_TRAIN};
    layer_probe *probe = layer_probe_new(&setup), *holder = layer_probe_new(&pool);
    bool taken = nn_layer_fuse(&probe->plan, &nn_layer_max_pool, holder->plan.options);
    layer_probe_free(probe);
    layer_probe_free(holder);
    return taken;
}

START_TEST(leaves_pools_it_cannot_do) {
    const char *usual = "{out: 16, kernel: 3, pad: same}";
    ck_assert(fuses_pool(usual, "2"));
    ck_assert(!fuses_pool(usual, "{kernel: 3, stride: 2}"));
    ck_assert(!fuses_pool(usual, "{kernel: 2, pad: 1}"));
    ck_assert(!fuses_pool(usual, "[16, 17]"));
    ck_assert(!fuses_pool("{out: 16, kernel: 3, pad: same, groups: 2}", "2"));
    ck_assert(!fuses_pool("{out: 8, kernel: 3, pad: same}", "2"));
}
END_TEST

/* Backward would need what gelu was applied to. */
START_TEST(leaves_what_it_cannot_do) {
    layer_case setup = fusing(NULL, LAYER_TRAIN);
    layer_probe *probe = layer_probe_new(&setup);
    static const int exact = 0; /* gelu's options */
    ck_assert(!nn_layer_fuse(&probe->plan, &nn_layer_gelu, &exact));
    ck_assert(!nn_layer_fuse(&probe->plan, &nn_layer_linear, NULL));
    ck_assert_int_eq(probe->plan.map.kind, NN_IDENTITY);
    ck_assert(nn_layer_fuse(&probe->plan, &nn_layer_relu, NULL));
    ck_assert(!nn_layer_fuse(&probe->plan, &nn_layer_relu, NULL));
    layer_probe_free(probe);
}
END_TEST

TEST_MAIN("nn/layers/conv2d", agrees_with_pytorch, agrees_with_the_definition,
          has_the_right_gradient, gives_the_same_bits_on_any_threads, joins_tiles, joins_blocks,
          joins_blocks_of_tiles, joins_blocks_of_tiles_along_time, a_clip_alone_gives_the_same_bits,
          depthwise_is_a_convolution_with_zeros, depthwise_planes_may_be_large,
          channels_follow_from_the_input, starts_as_he_et_al, tells_the_length_of_its_output,
          refuses_what_does_not_fit, starts_as_in_pytorch, fuses_without_changing_a_bit,
          fuses_pooling, fuses_pooling_behind_few_channels, leaves_pools_it_cannot_do,
          leaves_what_it_cannot_do)
