#include <string.h>

#include "tests/layer_check.h"
#include "tests/test.h"

enum { BATCH = 3 };

typedef struct {
    nn_shape a, b;
    int64_t outer, inner; /* b has `outer` numbers, each for `inner` of a */
} pair;

static const pair pairs[] = {{{3, {4, 5, 6}}, {3, {4, 5, 6}}, 120, 1},
                             {{3, {4, 5, 6}}, {3, {4, 1, 1}}, 4, 30},
                             {{3, {4, 5, 6}}, {1, {4}}, 4, 30},
                             {{3, {4, 5, 6}}, {2, {4, 5}}, 20, 6},
                             {{2, {7, 3}}, {1, {7}}, 7, 3},
                             {{2, {7, 3}}, {2, {7, 3}}, 21, 1},
                             {{1, {19}}, {1, {1}}, 1, 19},
                             {{1, {19}}, {1, {19}}, 19, 1}};
enum { N_PAIRS = sizeof pairs / sizeof *pairs };

static layer_case case_of(const nn_layer *layer, const pair *p) {
    return (layer_case){.layer = layer, .in = {p->a, p->b}, .n_in = 2, .batch = BATCH};
}

static void check_values(const nn_layer *layer, const pair *p, bool product) {
    layer_case setup = case_of(layer, p);
    layer_probe *probe = layer_probe_new(&setup);
    ck_assert(nn_shape_equal(probe->plan.out, p->a));
    layer_probe_forward(probe);
    for (int64_t i = 0; i < probe->n_y; i++) {
        float a = probe->x[0][i], b = probe->x[1][i / p->inner];
        ck_assert(probe->y[i] == (product ? a * b : a + b));
    }
    layer_probe_free(probe);
    layer_check_gradient(&setup, 0.1, 1e-4);
    layer_check_threads(&setup);
}

START_TEST(add) {
    for (int i = 0; i < N_PAIRS; i++) check_values(&nn_layer_add, &pairs[i], false);
}
END_TEST

START_TEST(multiply) {
    for (int i = 0; i < N_PAIRS; i++) check_values(&nn_layer_multiply, &pairs[i], true);
}
END_TEST

static void check_add_relu(const pair *p) {
    layer_case setup = case_of(&nn_layer_add, p);
    setup.next[0] = &nn_layer_relu;
    layer_probe *probe = layer_probe_new(&setup);
    layer_probe_run(probe);
    int n_zero = 0;
    for (int64_t i = 0; i < probe->n_x[1]; i++) {
        double db = 0;
        for (int64_t at = i * p->inner; at < (i + 1) * p->inner; at++) {
            float sum = probe->x[0][at] + probe->x[1][i], da = sum > 0 ? probe->dy[at] : 0;
            ck_assert(probe->y[at] == (sum > 0 ? sum : 0));
            ck_assert(probe->dx[0][at] == da);
            n_zero += sum <= 0;
            db += da;
        }
        ck_assert_double_eq_tol((double)probe->dx[1][i], db, 1e-5);
    }
    ck_assert(n_zero > 0 && n_zero < probe->n_y);
    layer_probe_free(probe);
    layer_check_threads(&setup);
}

START_TEST(add_takes_relu_along) {
    for (int i = 0; i < N_PAIRS; i++) check_add_relu(&pairs[i]);
}
END_TEST

START_TEST(shapes_that_do_not_fit) {
    static const pair bad[] = {{{3, {4, 5, 6}}, {3, {4, 5, 7}}, 0, 0},
                               {{3, {4, 5, 6}}, {3, {1, 5, 6}}, 0, 0},
                               {{1, {4}}, {2, {4, 5}}, 0, 0}};
    for (int i = 0; i < 3; i++) {
        layer_case setup = case_of(&nn_layer_add, &bad[i]);
        layer_check_refused(&setup, BASE_ESHAPE, "do not fit");
        setup.layer = &nn_layer_multiply;
        layer_check_refused(&setup, BASE_ESHAPE, "do not fit");
    }
    layer_case one = {.layer = &nn_layer_add, .in = {{1, {4}}}, .batch = 1};
    layer_check_refused(&one, BASE_ESHAPE, "needs two inputs; it is what 'residual:' ends in");
    one.layer = &nn_layer_concatenate;
    layer_check_refused(&one, BASE_ESHAPE, "'concat:'");
}
END_TEST

/* Inputs [outer, width_i] of a sample stand side by side in [outer, sum of widths]. */
static void check_joined(const layer_case *setup, int64_t outer) {
    layer_probe *probe = layer_probe_new(setup);
    layer_probe_run(probe);
    int64_t width = probe->n_y / BATCH / outer, column = 0;
    for (int i = 0; i < setup->n_in; i++) {
        int64_t own = probe->n_x[i] / BATCH / outer;
        for (int64_t r = 0; r < BATCH * outer; r++) {
            for (int64_t c = 0; c < own; c++) {
                int64_t at = r * width + column + c;
                ck_assert(probe->y[at] == probe->x[i][r * own + c]);
                ck_assert(probe->dx[i][r * own + c] == probe->dy[at]);
            }
        }
        column += own;
    }
    ck_assert_int_eq(column, width);
    layer_probe_free(probe);
    layer_check_threads(setup);
}

START_TEST(concatenate) {
    layer_case images = {.layer = &nn_layer_concatenate,
                         .in = {{3, {4, 5, 6}}, {3, {1, 5, 6}}, {3, {2, 5, 6}}},
                         .n_in = 3,
                         .batch = BATCH};
    check_joined(&images, 1);
    layer_case sequences = {.layer = &nn_layer_concatenate,
                            .in = {{2, {7, 3}}, {2, {7, 5}}},
                            .n_in = 2,
                            .batch = BATCH};
    check_joined(&sequences, 7);
    layer_case vectors = {
        .layer = &nn_layer_concatenate, .in = {{1, {3}}, {1, {5}}}, .n_in = 2, .batch = BATCH};
    check_joined(&vectors, 1);
    sequences.in[1].dim[0] = 8;
    layer_check_refused(&sequences, BASE_ESHAPE,
                        "[B,7,3] and [B,8,5] differ in more than features");
    images.in[1].rank = 2;
    layer_check_refused(&images, BASE_ESHAPE, "differ in more");
}
END_TEST

TEST_MAIN("nn/layers/combine", add, multiply, add_takes_relu_along, shapes_that_do_not_fit,
          concatenate)
