/* Frozen layers: they stay as they are, and what is trained is trained as if they were none of the
 * network's affair. */
#include <math.h>
#include <string.h>

#include "nn/optimizer.h"
#include "tests/network_make.h"
#include "tests/test.h"

enum { N = 6, N_STEPS = 5 };

static const char encoder[] = "{conv2d: {out: 4, kernel: 3, pad: same}}, batch_norm, relu, "
                              "{dropout: 0.5}, to_sequence, {gru: {hidden: 6, layers: 2, "
                              "dropout: 0.3}}, {time_pool: mean}";
static const char head[] = "{linear: 6}, batch_norm, tanh, {linear: classes}";
static const char *const encoder_names[] = {"0", "1", "3", "5"};
static base_arena arena;
static base_error err;

static nn_network_config image_config(const char *const *names, int n_names) {
    return (nn_network_config){.input = {3, {2, 8, 12}},
                               .n_classes = 5,
                               .max_batch = N,
                               .training = true,
                               .freeze = {names, n_names}};
}

static const char *list(const char *layers, const char *more) {
    return base_arena_printf(&arena, "[%s%s%s]", layers, more[0] ? ", " : "", more);
}

static float *copy_of(const float *x, int64_t n) {
    float *copy = base_arena_alloc(&arena, (size_t)n, sizeof *copy);
    memcpy(copy, x, (size_t)n * sizeof *x);
    return copy;
}

/* States that no network starts with. */
static void stir_states(nn_network *network) {
    for (int i = 0; i < nn_network_n_tensors(network); i++) {
        nn_tensor tensor = nn_network_tensor(network, i);
        for (int64_t j = 0; tensor.is_state && j < nn_shape_count(tensor.shape); j++) {
            tensor.data[j] += 0.25f + 0.125f * (float)(j % 3);
        }
    }
}

/* Some steps on one batch, all of it decaying. */
static void train(nn_network *network, const float *x, bool adam) {
    int64_t n_y = N * nn_shape_count(nn_network_output(network));
    nn_optimizer_options options = {.momentum = 0.9,
                                    .beta1 = 0.9,
                                    .beta2 = 0.99,
                                    .eps = 1e-8,
                                    .weight_decay = 0.1,
                                    .decay_all = true};
    nn_optimizer *optimizer;
    TEST_OK(nn_optimizer_new(network, adam ? NN_ADAMW : NN_SGD, &options, 0.9, &optimizer, &err),
            err);
    float *dy = base_alloc((size_t)n_y, sizeof *dy);
    for (uint64_t step = 0; step < N_STEPS; step++) {
        nn_input input = {.x = x, .n = N, .training = true, .seed = 7, .step = step};
        nn_network_zero_grads(network);
        const float *y = nn_network_forward(network, &input);
        for (int64_t i = 0; i < n_y; i++) dy[i] = y[i] - (float)(i % 4);
        nn_network_backward(network, &input, dy, NULL);
        nn_clip_gradients(network, 1);
        nn_optimizer_step(optimizer, 0.01);
    }
    nn_optimizer_swap_average(optimizer);
    base_free(dy);
    nn_optimizer_free(optimizer);
}

static int find(nn_network *network, const char *name) {
    int i = 0;
    while (strcmp(nn_network_tensor(network, i).name, name) != 0) i++;
    return i;
}

/* The head's tensors, whose layers count from `first` in the whole network. */
static void same_head(nn_network *whole, nn_network *alone, int first, bool copy) {
    for (int i = 0; i < nn_network_n_tensors(alone); i++) {
        nn_tensor b = nn_network_tensor(alone, i);
        const char *name = base_arena_printf(&arena, "%d%s", b.name[0] - '0' + first, b.name + 1);
        nn_tensor a = nn_network_tensor(whole, find(whole, name));
        size_t n_bytes = (size_t)nn_shape_count(b.shape) * sizeof *b.data;
        if (copy) memcpy(b.data, a.data, n_bytes);
        ck_assert_msg(memcmp(a.data, b.data, n_bytes) == 0, "%s differs", name);
    }
}

START_TEST(a_frozen_front_is_a_constant_input) {
    for (int adam = 0; adam < 2; adam++) {
        nn_network_config config = image_config(encoder_names, 4);
        nn_network *whole = network_make(list(encoder, head), &config);
        stir_states(whole);
        float x[N * 2 * 8 * 12];
        network_fill(x, N * 2 * 8 * 12, 2);
        config = image_config(NULL, 0);
        config.training = false;
        nn_network *front = network_make(list(encoder, ""), &config);
        for (int i = 0; i < nn_network_n_tensors(front); i++) {
            nn_tensor to = nn_network_tensor(front, i);
            nn_tensor from = nn_network_tensor(whole, find(whole, to.name));
            ck_assert(from.is_frozen);
            memcpy(to.data, from.data, (size_t)nn_shape_count(to.shape) * sizeof *to.data);
        }
        const float *between = nn_network_forward(front, &(nn_input){.x = x, .n = N});
        nn_network_config rest = {
            .input = nn_network_output(front), .n_classes = 5, .max_batch = N, .training = true};
        nn_network *alone = network_make(list(head, ""), &rest);
        same_head(whole, alone, 7, true);
        nn_tensor moving = nn_network_tensor(alone, 0);
        float *before = copy_of(moving.data, nn_shape_count(moving.shape));
        train(whole, x, adam);
        train(alone, between, adam);
        same_head(whole, alone, 7, false);
        ck_assert_float_ne(before[0], moving.data[0]);
        for (int i = 0; i < nn_network_n_tensors(front); i++) {
            nn_tensor was = nn_network_tensor(front, i);
            nn_tensor is = nn_network_tensor(whole, find(whole, was.name));
            ck_assert_mem_eq(was.data, is.data, (size_t)nn_shape_count(is.shape) * sizeof *is.data);
        }
        nn_network_free(whole);
        nn_network_free(front);
        nn_network_free(alone);
    }
}
END_TEST

START_TEST(backward_stops_where_nothing_is_trained) {
    nn_network_config config = image_config(encoder_names, 4);
    nn_network *network = network_make(list(encoder, head), &config);
    config.freeze.n = 0;
    nn_network *trained = network_make(list(encoder, head), &config);
    float x[N * 2 * 8 * 12];
    network_fill(x, N * 2 * 8 * 12, 2);
    nn_network_profile(network, true);
    train(network, x, true);
    int n_frozen = 0;
    for (int i = 0; i < nn_network_n_rows(network); i++) {
        nn_summary_row row = nn_network_row(network, i);
        bool front = strlen(row.path) == 1 && row.path[0] < '7';
        ck_assert_msg((row.backward_s > 0) != front, "%s: %g s", row.path, row.backward_s);
        n_frozen += row.is_frozen;
    }
    ck_assert_int_eq(n_frozen, 2); /* conv2d does the batch_norm, the dropout is left out */
    nn_summary frozen = nn_network_summary(network), all = nn_network_summary(trained);
    ck_assert_int_eq(frozen.n_param, all.n_param);
    ck_assert_int_eq(all.n_frozen, 0);
    ck_assert_int_eq(frozen.n_param - frozen.n_frozen, 6 * 6 + 6 + 12 + 6 * 5 + 5);
    ck_assert_uint_lt(frozen.activation_bytes, all.activation_bytes);
    nn_network_free(network);
    nn_network_free(trained);
}
END_TEST

static double loss_of(nn_network *network, const nn_input *input, const float *dy, int64_t n) {
    const float *y = nn_network_forward(network, input);
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += (double)dy[i] * y[i];
    return sum;
}

/* Gradients go through frozen layers to those before them: against differences. */
START_TEST(frozen_layers_hand_gradients_on) {
    static const char *const names[] = {"middle", "8"};
    static const char layers[] =
        "[{conv2d: {out: 4, kernel: 3, pad: same}}, "
        "{residual: {body: [batch_norm, {dropout: 0.5}, {conv2d: {out: 4, kernel: 1}}, tanh]}, "
        "name: middle}, to_sequence, {linear: 8}, tanh, {time_pool: mean}, batch_norm, "
        "{linear: 6}, {linear: classes}]";
    nn_network_config config = image_config(names, 2);
    nn_network *network = network_make(layers, &config);
    stir_states(network);
    float x[N * 2 * 8 * 12], dy[N * 5], used[N * 5];
    int64_t n;
    network_fill(x, N * 2 * 8 * 12, 2);
    network_fill(dy, N * 5, 3);
    memcpy(used, dy, sizeof dy);
    nn_input input = {.x = x, .n = N, .training = true, .seed = 1};
    nn_network_forward(network, &input);
    float *param = nn_network_params(network, &n);
    float *start = copy_of(param, n), *way = copy_of(param, n);
    nn_network_backward(network, &input, used, NULL);
    network_fill(way, n, 4);
    double along = 0, difference = 0, step = 2e-3;
    for (int i = 0; i < nn_network_n_tensors(network); i++) {
        nn_tensor tensor = nn_network_tensor(network, i);
        bool named = strncmp(tensor.name, "middle.", 7) == 0 || tensor.name[0] == '8';
        ck_assert_msg(tensor.is_frozen == named, "%s", tensor.name);
        for (int64_t j = 0; !tensor.is_state && j < nn_shape_count(tensor.shape); j++) {
            float *to = way + (tensor.data - param) + j;
            if (named) *to = 0;
            ck_assert(!named || tensor.grad[j] == 0);
            along += (double)*to * tensor.grad[j];
        }
    }
    for (int sign = -1; sign <= 1; sign += 2) {
        for (int i = 0; i < nn_network_n_tensors(network); i++) {
            nn_tensor tensor = nn_network_tensor(network, i);
            for (int64_t j = 0; !tensor.is_state && j < nn_shape_count(tensor.shape); j++) {
                int64_t at = tensor.data - param + j;
                param[at] = start[at] + (float)(sign * step) * way[at];
            }
        }
        difference += sign * loss_of(network, &input, dy, N * 5) / (2 * step);
    }
    ck_assert_msg(fabs(along - difference) <= 1e-2 * (1 + fabs(along)),
                  "backward %g, difference %g", along, difference);
    ck_assert_double_gt(fabs(along), 0.1);
    nn_network_free(network);
}
END_TEST

/* A frozen layer between trained ones of the same kind stays, though all decay together. */
START_TEST(neighbours_are_trained_alone) {
    static const char *const names[] = {"2"};
    nn_network_config config = {
        .input = {1, {5}}, .n_classes = 3, .max_batch = N, .training = true, .freeze = {names, 1}};
    nn_network *network =
        network_make("[{linear: 4}, tanh, {linear: 4}, tanh, {linear: classes}]", &config);
    float x[N * 5];
    int64_t n;
    network_fill(x, N * 5, 2);
    float *param = nn_network_params(network, &n), *before = copy_of(param, n);
    train(network, x, true);
    for (int i = 0; i < nn_network_n_tensors(network); i++) {
        nn_tensor tensor = nn_network_tensor(network, i);
        for (int64_t j = 0; j < nn_shape_count(tensor.shape); j++) {
            bool moved = tensor.data[j] != before[tensor.data - param + j];
            ck_assert_msg(moved == (tensor.name[0] != '2'), "%s[%d]", tensor.name, (int)j);
        }
    }
    nn_network_free(network);
}
END_TEST

START_TEST(names_must_be_those_of_layers) {
    static const char *const unknown[] = {"0", "stem"}, *const part[] = {"1"};
    nn_network *network;
    nn_network_config config = {.input = {1, {5}},
                                .n_classes = 3,
                                .max_batch = N,
                                .training = true,
                                .freeze = {unknown, 2}};
    TEST_FAILS(network_try("[{linear: 4}, {linear: 3, name: stems}]", &config, &network, &err),
               BASE_ECONFIG, err, "test.yaml:1: network: no layer to freeze is named 'stem'");
    config.freeze = (base_strings){part, 1};
    TEST_FAILS(network_try("[{linear: 4, name: a1}]", &config, &network, &err), BASE_ECONFIG, err,
               "'1'");
}
END_TEST

TEST_MAIN("nn/network_freeze", a_frozen_front_is_a_constant_input,
          backward_stops_where_nothing_is_trained, frozen_layers_hand_gradients_on,
          neighbours_are_trained_alone, names_must_be_those_of_layers)
