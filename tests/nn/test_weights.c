#include "nn/weights.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "tests/network_make.h"
#include "tests/test.h"

static nn_network *make(const char *layers) {
    nn_network_config config = {
        .input = {3, {1, 6, 8}}, .n_classes = 3, .max_batch = 2, .training = false};
    return network_make(layers, &config);
}

static const char layers[] =
    "[{conv2d: {out: 2, kernel: 3}, name: stem}, {residual: {body: [batch_norm]}},"
    " to_sequence, {gru: {hidden: 3}}, {time_pool: last}, {linear: classes}]";

static char path[512];

static void write_with(nn_network *network, const char *extra) {
    base_h5_writer *writer;
    base_error err;
    snprintf(path, sizeof path, "%s/w.h5", test_folder());
    TEST_OK(base_h5_writer_new("test", 1, &writer, &err), err);
    TEST_OK(nn_weights_write(network, writer, "a/weights", &err), err);
    if (extra != NULL) {
        const float one = 1;
        TEST_OK(base_h5_put(writer, extra, BASE_H5_F32, 0, NULL, &one, &err), err);
    }
    TEST_OK(base_h5_writer_finish(writer, path, &err), err);
}

static base_status read_into(nn_network *network, base_error *err) {
    base_h5_reader *reader;
    TEST_OK(base_h5_reader_open(path, "test", 1, NULL, &reader, err), *err);
    base_status status = nn_weights_read(network, reader, "a/weights", err);
    base_h5_reader_free(reader);
    return status;
}

/* Distinct numbers in every tensor, state included. */
static void number_tensors(nn_network *network) {
    float next = 0.5f;
    for (int i = 0; i < nn_network_n_tensors(network); i++) {
        nn_tensor t = nn_network_tensor(network, i);
        for (int64_t j = 0; j < nn_shape_count(t.shape); j++) t.data[j] = next++;
    }
}

START_TEST(reads_what_it_wrote) {
    nn_network *a = make(layers), *b = make(layers);
    base_error err;
    number_tensors(a);
    write_with(a, NULL);
    TEST_OK(read_into(b, &err), err);
    ck_assert_int_gt(nn_network_n_tensors(a), 10);
    for (int i = 0; i < nn_network_n_tensors(a); i++) {
        nn_tensor s = nn_network_tensor(a, i), t = nn_network_tensor(b, i);
        ck_assert_mem_eq(s.data, t.data, (size_t)nn_shape_count(s.shape) * sizeof *s.data);
    }
    nn_network_free(a);
    nn_network_free(b);
}
END_TEST

START_TEST(names_are_pytorchs) {
    nn_network *network = make(layers);
    write_with(network, NULL);
    base_h5_reader *reader;
    base_error err;
    TEST_OK(base_h5_reader_open(path, "test", 1, NULL, &reader, &err), err);
    static const struct {
        const char *name;
        int rank;
        int64_t shape[4];
    } expected[] = {{"stem.weight", 4, {2, 1, 3, 3}},
                    {"1.body.0.running_var", 1, {2}},
                    {"3.weight_ih_l0", 2, {9, 2 * 4}},
                    {"3.bias_hh_l0", 1, {9}},
                    {"5.weight", 2, {3, 3}}};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        char name[64];
        int rank;
        int64_t shape[BASE_H5_MAX_RANK];
        snprintf(name, sizeof name, "a/weights/%s", expected[i].name);
        TEST_OK(base_h5_shape(reader, name, &rank, shape, &err), err);
        ck_assert_int_eq(rank, expected[i].rank);
        ck_assert_mem_eq(shape, expected[i].shape, (size_t)rank * sizeof *shape);
    }
    base_h5_reader_free(reader);
    nn_network_free(network);
}
END_TEST

START_TEST(every_fault_is_named_and_nothing_changes) {
    nn_network *a = make(layers);
    nn_network *b = make("[{conv2d: {out: 2, kernel: [3, 2]}, name: stem}, flatten,"
                         " {linear: classes, name: head}]");
    base_error err;
    write_with(a, NULL);
    number_tensors(b);
    int64_t n;
    const float *params = nn_network_params(b, &n);
    float *before = base_alloc((size_t)n, sizeof *before);
    memcpy(before, params, (size_t)n * sizeof *before);
    ck_assert_int_eq(read_into(b, &err), BASE_ESHAPE);
    static const char *const parts[] = {
        "w.h5: the weights do not fit the network: ",
        "the shape of a/weights/stem.weight is [2,1,3,3], the network needs [2,1,3,2]",
        "missing a/weights/head.weight",
        "missing a/weights/head.bias",
        "unknown a/weights/5.weight",
        "unknown a/weights/1.body.0.running_mean"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        ck_assert_msg(strstr(err.text, parts[i]) != NULL, "'%s' lacks '%s'", err.text, parts[i]);
    }
    ck_assert_mem_eq(params, before, (size_t)n * sizeof *before);
    base_free(before);
    nn_network_free(a);
    nn_network_free(b);
}
END_TEST

START_TEST(something_more_is_a_fault) {
    nn_network *network = make(layers);
    base_error err;
    write_with(network, "a/weights/6.weight");
    TEST_FAILS(read_into(network, &err), BASE_ESHAPE, err, "unknown a/weights/6.weight");
    nn_network_free(network);
}
END_TEST

START_TEST(no_weights_at_all) {
    nn_network *network = make("[flatten, {linear: 2}]");
    base_h5_writer *writer;
    base_error err;
    const float one = 1;
    snprintf(path, sizeof path, "%s/w.h5", test_folder());
    TEST_OK(base_h5_writer_new("test", 1, &writer, &err), err);
    TEST_OK(base_h5_put(writer, "other", BASE_H5_F32, 0, NULL, &one, &err), err);
    TEST_OK(base_h5_writer_finish(writer, path, &err), err);
    ck_assert_int_ne(read_into(network, &err), BASE_OK);
    ck_assert_msg(strstr(err.text, "a/weights") != NULL, "%s", err.text);
    nn_network_free(network);
}
END_TEST

TEST_MAIN("nn/weights", reads_what_it_wrote, names_are_pytorchs,
          every_fault_is_named_and_nothing_changes, something_more_is_a_fault, no_weights_at_all)
