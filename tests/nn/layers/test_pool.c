#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tests/layer_check.h"
#include "tests/test.h"

extern const nn_layer nn_layer_max_pool, nn_layer_avg_pool, nn_layer_global_pool,
    nn_layer_adaptive_pool;

static const struct {
    const char *name;
    const nn_layer *layer;
    const char *options;
} cases[] = {
    {"max_2", &nn_layer_max_pool, NULL},
    {"max_ties", &nn_layer_max_pool, "2"},
    {"max_4x2", &nn_layer_max_pool, "[4, 2]"},
    {"max_3x1", &nn_layer_max_pool, "[3, 1]"},
    {"max_overlap", &nn_layer_max_pool, "{kernel: [3, 2], stride: [1, 2], pad: [1, 0]}"},
    {"max_pad", &nn_layer_max_pool, "{kernel: 3, stride: 2, pad: 1}"},
    {"avg_2", &nn_layer_avg_pool, "2"},
    {"avg_pad", &nn_layer_avg_pool, "{kernel: [3, 2], stride: [2, 1], pad: 1}"},
    {"global_mean", &nn_layer_global_pool, "mean"},
    {"global_max", &nn_layer_global_pool, "max"},
    {"max_same", &nn_layer_max_pool, "{kernel: [4, 6], pad: same}"},
    {"avg_same", &nn_layer_avg_pool, "{kernel: [3, 4], stride: 2, pad: same}"},
};
enum { N_CASES = sizeof cases / sizeof *cases };

START_TEST(agrees_with_pytorch) {
    for (int i = 0; i < N_CASES; i++) {
        layer_check_golden(&(layer_golden){.layer = cases[i].layer,
                                           .options = cases[i].options,
                                           .file = "nn_pool",
                                           .name = cases[i].name,
                                           .rtol = 1e-6,
                                           .atol = 1e-6});
    }
}
END_TEST

static layer_case make_case(int i, int64_t batch) {
    return (layer_case){.layer = cases[i].layer,
                        .options = cases[i].options,
                        .in[0] = {3, {3, 7, 9}},
                        .batch = batch,
                        .fill = layer_fill_apart};
}

START_TEST(has_the_right_gradient) {
    for (int i = 0; i < N_CASES; i++) {
        layer_case setup = make_case(i, 3);
        layer_check_gradient(&setup, 0.004, 1e-3);
    }
}
END_TEST

START_TEST(gives_the_same_bits_on_any_threads) {
    for (int i = 0; i < N_CASES; i++) {
        layer_case setup = make_case(i, 5);
        layer_check_threads(&setup);
    }
}
END_TEST

/* What `same` adds depends on the extent of the input, not on the length of a sample. */
START_TEST(heeds_lengths) {
    static const int32_t length[] = {9, 4, 3, 7};
    for (int i = 0; i < N_CASES; i++) {
        if (cases[i].options != NULL && strstr(cases[i].options, "same") != NULL) continue;
        layer_case setup = make_case(i, 4);
        setup.length = length;
        layer_check_lengths(&setup, 1e-6, 1e-6);
    }
}
END_TEST

/* An average by its definition, in double. */
START_TEST(averages_by_definition) {
    enum { B = 2, C = 3, N_F = 7, N_T = 9, OUT_F = 4, OUT_T = 10 };
    layer_case setup = make_case(7, B);
    layer_probe *probe = layer_probe_new(&setup);
    layer_probe_forward(probe);
    ck_assert_int_eq(probe->n_y, B * C * OUT_F * OUT_T);
    for (int i = 0; i < B * C * OUT_F * OUT_T; i++) {
        int t = i % OUT_T - 1, f = i / OUT_T % OUT_F * 2 - 1, plane = i / (OUT_T * OUT_F);
        double sum = 0;
        for (int k = 0; k < 6; k++) {
            int at_f = f + k / 2, at_t = t + k % 2;
            if (at_f < 0 || at_f >= N_F || at_t < 0 || at_t >= N_T) continue;
            sum += probe->x[0][(plane * N_F + at_f) * N_T + at_t];
        }
        ck_assert_double_eq_tol(probe->y[i], sum / 6, 1e-6);
    }
    layer_probe_free(probe);
}
END_TEST

enum { WIDE_B = 2, WIDE_C = 3, WIDE_F = 12, WIDE_T = 75 };

/* The maximum of window (i, j) under a stride of 2, with one row and column of padding and so many
 * valid frames; its dy is added to dx at the first maximum. */
static float maximum_by_definition(const float *plane, const int kernel[2], const int window[3],
                                   float dy, double *dx) {
    int best = -1;
    for (int e = 0; e < kernel[0] * kernel[1]; e++) {
        int f = 2 * window[0] - 1 + e / kernel[1], t = 2 * window[1] - 1 + e % kernel[1];
        if (f < 0 || f >= WIDE_F || t < 0 || t >= window[2]) continue;
        if (best < 0 || plane[f * WIDE_T + t] > plane[best]) best = f * WIDE_T + t;
    }
    if (best < 0) return 0.0f;
    dx[best] += (double)dy;
    return plane[best];
}

static void check_maxima(const int kernel[2], layer_mode mode, const int32_t *length) {
    static double dx[WIDE_B * WIDE_C * WIDE_F * WIDE_T];
    char options[64];
    snprintf(options, sizeof options, "{kernel: [%d, %d], stride: 2, pad: 1}", kernel[0],
             kernel[1]);
    layer_case setup = {.layer = &nn_layer_max_pool,
                        .options = options,
                        .in[0] = {3, {WIDE_C, WIDE_F, WIDE_T}},
                        .batch = WIDE_B,
                        .length = length,
                        .mode = mode};
    layer_probe *probe = layer_probe_new(&setup);
    for (int i = 0; i < probe->n_x[0]; i++) probe->x[0][i] = roundf(probe->x[0][i]); /* ties */
    layer_probe_forward(probe);
    if (mode != LAYER_INFER) layer_probe_backward(probe, true);
    int out_f = (int)probe->plan.out.dim[1], out_t = (int)probe->plan.out.dim[2];
    memset(dx, 0, sizeof dx);
    for (int i = 0; i < probe->n_y; i++) {
        int plane = i / (out_f * out_t), at = plane * WIDE_F * WIDE_T;
        int window[] = {i / out_t % out_f, i % out_t,
                        length != NULL ? length[plane / WIDE_C] : WIDE_T};
        if (length != NULL && window[1] >= probe->out_length[plane / WIDE_C]) continue;
        float y = maximum_by_definition(probe->x[0] + at, kernel, window, probe->dy[i], dx + at);
        ck_assert_float_eq(probe->y[i], y);
    }
    for (int i = 0; i < probe->n_x[0] && mode != LAYER_INFER; i++) {
        ck_assert_double_eq_tol(probe->dx[0][i], dx[i], 1e-5);
    }
    layer_probe_free(probe);
}

START_TEST(maxima_by_definition) {
    static const int kernels[][2] = {{2, 2}, {3, 3}, {5, 4}, {9, 33 /* too many for a byte */}};
    static const int32_t length[] = {75, 40};
    for (int i = 0; i < 4; i++) {
        check_maxima(kernels[i], LAYER_TRAIN, NULL);
        check_maxima(kernels[i], LAYER_TRAIN, length);
        check_maxima(kernels[i], LAYER_INFER, NULL);
    }
}
END_TEST

static layer_case make_adaptive(const char *options, int64_t batch) {
    layer_case setup = make_case(0, batch);
    setup.layer = &nn_layer_adaptive_pool;
    setup.options = options;
    return setup;
}

/* Windows by PyTorch's definition, down and up, in double. */
START_TEST(adapts_to_extents) {
    static const int extents[][2] = {{4, 5}, {1, 1}, {7, 9}, {10, 2}, {3, 20}};
    enum { N_F = 7, N_T = 9 };
    for (size_t k = 0; k < sizeof extents / sizeof *extents; k++) {
        char options[32];
        int out_f = extents[k][0], out_t = extents[k][1];
        snprintf(options, sizeof options, "[%d, %d]", out_f, out_t);
        layer_case setup = make_adaptive(options, 2);
        layer_probe *probe = layer_probe_new(&setup);
        layer_probe_forward(probe);
        ck_assert_int_eq(probe->n_y, 2 * 3 * out_f * out_t);
        for (int i = 0; i < probe->n_y; i++) {
            int t = i % out_t, f = i / out_t % out_f, n = 0;
            const float *plane = probe->x[0] + i / (out_t * out_f) * N_F * N_T;
            double sum = 0;
            for (int j = 0; j < N_F * N_T; j++) {
                bool in_f = (j / N_T + 1) * out_f > f * N_F && j / N_T * out_f < (f + 1) * N_F;
                bool in_t = (j % N_T + 1) * out_t > t * N_T && j % N_T * out_t < (t + 1) * N_T;
                if (!in_f || !in_t) continue;
                sum += plane[j];
                n++;
            }
            ck_assert_double_eq_tol(probe->y[i], sum / n, 1e-5);
        }
        layer_probe_free(probe);
    }
}
END_TEST

START_TEST(adapts_with_all_that_layers_promise) {
    static const char *const options[] = {"[4, 5]", "[10, 2]", "3"};
    static const int32_t length[] = {9, 4, 1, 7};
    for (int i = 0; i < 3; i++) {
        layer_case setup = make_adaptive(options[i], 4);
        layer_check_gradient(&setup, 0.05, 1e-3);
        layer_check_threads(&setup);
        setup.length = length;
        layer_check_lengths(&setup, 1e-6, 1e-6);
    }
}
END_TEST

START_TEST(keeps_the_axes_on_request) {
    layer_case setup = make_case(8, 1);
    setup.options = "{keep: true}";
    layer_probe *probe = layer_probe_new(&setup);
    ck_assert(nn_shape_equal(probe->plan.out, (nn_shape){3, {3, 1, 1}}));
    layer_probe_free(probe);
}
END_TEST

START_TEST(refuses_what_does_not_fit) {
    layer_case setup = make_case(0, 1);
    setup.options = "[2, 10]";
    layer_check_refused(&setup, BASE_ESHAPE, "time axis of 9");
    setup.options = "{kernel: 3, pad: 2}";
    layer_check_refused(&setup, BASE_ECONFIG, "half");
    setup.options = "{kernel: 3, pad: most}";
    layer_check_refused(&setup, BASE_ECONFIG, "same");
    setup.options = "[2, 2, 2]";
    layer_check_refused(&setup, BASE_ECONFIG, "kernel");
    setup = make_case(8, 1);
    setup.in[0] = (nn_shape){2, {3, 4}};
    layer_check_refused(&setup, BASE_ESHAPE, "time_pool");
}
END_TEST

TEST_MAIN("nn/layers/pool", agrees_with_pytorch, has_the_right_gradient,
          gives_the_same_bits_on_any_threads, heeds_lengths, averages_by_definition,
          maxima_by_definition, adapts_to_extents, adapts_with_all_that_layers_promise,
          keeps_the_axes_on_request, refuses_what_does_not_fit)
