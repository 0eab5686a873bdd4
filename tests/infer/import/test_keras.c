#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/rng.h"
#include "infer/import/keras.h"
#include "infer/import/weights.h"
#include "tests/golden.h"
#include "tests/network_make.h"
#include "tests/test.h"

static const char *golden_path(const char *name) {
    char path[64];
    snprintf(path, sizeof path, "golden/%s", name);
    return test_path(path);
}

/* Keras' network and ours give the same for the same weights. */
static void check_network(const char *file, const char *names, const char *layers,
                          const nn_network_config *config, const char *what) {
    base_arena arena = {0};
    base_error err;
    infer_import_report report = {0};
    infer_tensors tensors;
    base_node *map = NULL;
    char x[32], y[32];
    snprintf(x, sizeof x, "%s_x", what);
    snprintf(y, sizeof y, "%s_y", what);
    golden *g = golden_open("keras");
    nn_network *network = network_make(layers, config);
    TEST_OK(infer_tensors_read(golden_path(file), &tensors, &err), err);
    if (names != NULL) {
        TEST_OK(base_yaml_parse(names, "names.yaml", &arena, &map, &err), err);
    }
    infer_import_options options = {.names = map, .whole = true};
    base_status status = infer_import_weights(&tensors, &options, network, &report, &err);
    ck_assert_msg(status == BASE_OK, "%s", base_text_string(&report.faults));
    nn_input input = {.x = golden_get(g, x, NULL), .n = 1};
    int64_t n;
    const float *expected = golden_get(g, y, &n);
    test_close(what, nn_network_forward(network, &input), expected, n, 1e-5, 1e-5);
    infer_tensors_release(&tensors);
    nn_network_free(network);
    golden_close(g);
    base_arena_release(&arena);
}

START_TEST(images_as_keras_computes_them) {
    static const nn_network_config config = {
        .input = {.rank = 3, .dim = {2, 8, 9}}, .n_classes = 3, .max_batch = 1};
    check_network("keras_image.h5",
                  "{separable.depthwise: separable_1, separable.pointwise: separable_2}",
                  "[{batch_norm: {eps: 1e-3}, name: norm}, "
                  "{conv2d: {out: 3, kernel: [3, 2], pad: same}, name: conv}, relu, "
                  "{max_pool: {kernel: [3, 4], pad: same}}, "
                  "{conv2d: {out: 6, kernel: 3, pad: same, groups: 3}, name: depth}, "
                  "{conv2d: {out: 6, kernel: 3, pad: same, groups: 6, bias: false}, "
                  "name: separable_1}, {conv2d: {out: 4, kernel: 1}, name: separable_2}, "
                  "{permute: [1, 2, 0]}, flatten, {linear: classes, name: out}]",
                  &config, "image");
}
END_TEST

START_TEST(sequences_as_keras_computes_them) {
    static const nn_network_config config = {
        .input = {.rank = 2, .dim = {7, 5}}, .n_classes = 2, .max_batch = 1};
    check_network("keras_sequence.h5", NULL,
                  "[{gru: {hidden: 4, bidirectional: true}, name: both}, {lstm: 3, name: memory}, "
                  "{rnn: 3, name: plain}, {time_pool: last}, {linear: classes, name: out}]",
                  &config, "sequence");
}
END_TEST

START_TEST(old_ways_of_keeping_names) {
    base_error err;
    infer_tensors tensors;
    TEST_OK(infer_tensors_read(golden_path("keras_old.h5"), &tensors, &err), err);
    static const struct {
        const char *name;
        int rank;
        int64_t rows, columns;
    } expected[] = {{"model_1.dense_1.weight", 2, 3, 2},
                    {"dense_2.weight", 2, 2, 3},
                    {"dense_2.scale", 0, 0, 0}};
    ck_assert_uint_eq(tensors.n, 3);
    for (int i = 0; i < 3; i++) {
        const infer_tensor *t = &tensors.items[i];
        ck_assert_str_eq(t->name, expected[i].name);
        ck_assert_int_eq(t->rank, expected[i].rank);
        ck_assert_int_eq(t->dim[0], expected[i].rows);
        ck_assert_int_eq(t->dim[1], expected[i].columns);
    }
    float turned[6], straight[6], scale;
    infer_tensor_floats(&tensors.items[0], turned);
    infer_tensor_floats(&tensors.items[1], straight);
    infer_tensor_floats(&tensors.items[2], &scale);
    ck_assert_mem_eq(turned, ((float[]){0, 3, 1, 4, 2, 5}), sizeof turned);
    ck_assert_mem_eq(straight, ((float[]){0, 1, 2, 3, 4, 5}), sizeof straight);
    ck_assert(scale == 3.0f);
    infer_tensors_release(&tensors);
}
END_TEST

START_TEST(what_cannot_be_taken_is_refused) {
    static const struct {
        const char *file, *part;
    } rows[] = {{"keras_reset_before.h5", "a: a GRU with reset_after=False"},
                {"keras_link.h5", "'/a/kernel:0' is not in the file"},
                {"keras_storage.h5", "'/a/kernel:0' has no shape this program knows"},
                {"keras_huge.h5", "/a/kernel:0: more numbers than a file of this size holds"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        base_error err;
        infer_tensors tensors;
        TEST_FAILS(infer_tensors_read(golden_path(rows[i].file), &tensors, &err), err.status, err,
                   rows[i].part);
        ck_assert_ptr_nonnull(strstr(err.text, rows[i].file));
        ck_assert(tensors.n == 0);
    }
}
END_TEST

START_TEST(another_hdf5_file_is_no_model) {
    static const char bytes[] = "\x89HDF\r\n\x1a\n and so on, but not so";
    const char *folder = test_folder();
    base_arena arena = {0};
    base_error err;
    infer_tensors tensors;
    const char *path = base_path_join(&arena, folder, "x.h5");
    TEST_OK(base_file_write(path, bytes, sizeof bytes, &err), err);
    TEST_FAILS(infer_tensors_read(path, &tensors, &err), BASE_EFORMAT, err, "not an HDF5 file");
    base_arena_release(&arena);
}
END_TEST

/* An extent of 0 hides what the others multiply to. */
START_TEST(extents_that_overflow_are_refused) {
    static const int64_t extents[][4] = {
        {0, INT64_MAX, INT64_MAX, 1}, {1, 0, 1, 1}, {-1, -1, 1, 1}};
    for (int i = 0; i < 3; i++) {
        base_text bytes = {0};
        base_error err;
        infer_tensors tensors = {0};
        int64_t rank = 4;
        base_text_add_bytes(&bytes, "d\0d/depthwise_kernel:0", 23);
        base_text_add_bytes(&bytes, &rank, sizeof rank);
        base_text_add_bytes(&bytes, extents[i], sizeof extents[i]);
        base_text_add_bytes(&bytes, "1234", 4);
        TEST_FAILS(infer_keras_convert("a.h5", bytes.data, bytes.size, &tensors, &err),
                   BASE_EFORMAT, err, "a.h5: its weights are damaged");
        infer_tensors_release(&tensors);
        base_text_release(&bytes);
    }
}
END_TEST

/* Whatever is done to the bytes, the answer is weights or an error that names the file. */
static void check_damaged(uint8_t *bytes, size_t n_bytes) {
    base_error err;
    infer_tensors tensors = {0};
    if (infer_keras_read("a.h5", bytes, n_bytes, &tensors, &err) != BASE_OK) {
        ck_assert_msg(strncmp(err.text, "a.h5", 4) == 0, "%s", err.text);
    }
    infer_tensors_release(&tensors);
}

START_TEST(survives_damage) {
    enum { ROUNDS = 60 };
    base_error err;
    void *file;
    size_t n;
    TEST_OK(base_file_read(golden_path("keras_old.h5"), 0, &file, &n, &err), err);
    uint8_t *bytes = base_alloc(n, 1);
    base_rng rng = base_rng_open(9, BASE_RNG_TEST, 0, 0);
    for (int i = 0; i < ROUNDS; i++) {
        memcpy(bytes, file, n);
        for (int k = 0; k < 1 + i % 8; k++) {
            bytes[base_rng_below(&rng, (int64_t)n)] = (uint8_t)base_rng_below(&rng, 256);
        }
        check_damaged(bytes, i % 4 == 0 ? 8 + (size_t)base_rng_below(&rng, (int64_t)n - 8) : n);
    }
    base_free(bytes);
    base_free(file);
}
END_TEST

TEST_MAIN("infer/import/keras", images_as_keras_computes_them, sequences_as_keras_computes_them,
          old_ways_of_keeping_names, what_cannot_be_taken_is_refused, another_hdf5_file_is_no_model,
          extents_that_overflow_are_refused, survives_damage)
