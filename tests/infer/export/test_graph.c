#include "infer/export/graph.h"

#include "tests/network_make.h"
#include "tests/test.h"

static const nn_network_config config = {
    .input = {.rank = 3, .dim = {1, 8, 20}}, .n_classes = 3, .max_batch = 4};

#define LAYERS                                                                                     \
    "[{conv2d: {out: 4, kernel: [3, 4], pad: same, stride: [1, 2]}}, batch_norm, {leaky_relu: "    \
    "0.2}, {max_pool: 2}, {gate: [global_pool, sigmoid]}, to_sequence, {time_pool: [mean, "        \
    "last]}, "                                                                                     \
    "{linear: classes}]"

START_TEST(a_copy_has_every_layer_and_the_same_answers) {
    base_error err;
    float x[160], before[3];
    nn_network *network = network_make(LAYERS, &config), *plain;
    network_fill(x, 160, 3);
    nn_input input = {.x = x, .length = &(int32_t){13}, .n = 1};
    memcpy(before, nn_network_forward(network, &input), sizeof before);
    TEST_OK(infer_graph_new(network, &plain, &err), err);
    ck_assert_int_lt(nn_network_n_rows(network), nn_network_n_rows(plain));
    ck_assert_int_eq(nn_network_n_rows(plain), 10);
    test_close("logits", nn_network_forward(plain, &input), before, 3, 1e-6, 1e-6);
    nn_network_free(plain);
    nn_network_free(network);
}
END_TEST

START_TEST(nodes_tell_what_they_read_and_how_long_it_is) {
    base_error err;
    nn_network *network = network_make(LAYERS, &config), *plain;
    TEST_OK(infer_graph_new(network, &plain, &err), err);
    for (int i = 0; i < nn_network_n_rows(plain); i++) {
        nn_graph_node node = nn_network_node(plain, i);
        ck_assert_int_eq(node.out, i + 1);
        for (int k = 0; k < node.plan->n_in; k++) ck_assert_int_le(node.in[k], i);
    }
    nn_graph_node conv = nn_network_node(plain, 0), gate = nn_network_node(plain, 6);
    ck_assert_str_eq(conv.path, "0");
    ck_assert_str_eq(conv.layer->variant.name, "conv2d");
    ck_assert_int_eq(nn_graph_length(&conv, 20), 10);
    ck_assert_int_eq(nn_graph_length(&conv, 0), 1); /* one frame always counts */
    ck_assert_str_eq(gate.layer->variant.name, "multiply");
    ck_assert_int_eq(gate.in[0], 4);
    ck_assert_int_eq(gate.in[1], 6);
    nn_graph_node last = nn_network_node(plain, 9);
    ck_assert_int_eq(nn_graph_length(&last, 5), 0);
    nn_network_free(plain);
    nn_network_free(network);
}
END_TEST

START_TEST(options_are_found_by_their_keys) {
    nn_network_config plain = config;
    plain.keep_order = true;
    nn_network *network = network_make(LAYERS, &plain);
    nn_graph_node conv = nn_network_node(network, 0), pool = nn_network_node(network, 8);
    ck_assert_int_eq(infer_graph_int(&conv, "groups"), 1);
    ck_assert_int_eq(infer_graph_ints(&conv, "kernel").items[1], 4);
    ck_assert(infer_graph_bool(&conv, "bias"));
    nn_graph_node leaky = nn_network_node(network, 2), global = nn_network_node(network, 4);
    ck_assert(infer_graph_float(&leaky, "slope") == 0.2);
    ck_assert_int_eq(infer_graph_choice(&global, "kind"), 0);
    ck_assert_str_eq(infer_graph_strings(&pool, "kinds").items[1], "last");
    nn_network_free(network);
}
END_TEST

TEST_MAIN("infer/export/graph", a_copy_has_every_layer_and_the_same_answers,
          nodes_tell_what_they_read_and_how_long_it_is, options_are_found_by_their_keys)
