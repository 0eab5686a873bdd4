#include "infer/import/weights.h"

#include <math.h>

#include "tests/network_make.h"
#include "tests/test.h"

static const nn_network_config config = {
    .input = {.rank = 1, .dim = {2}}, .n_classes = 3, .max_batch = 1};

static const float numbers[6] = {1, 2, 3, 4, 5, 6};

static void add(infer_tensors *tensors, const char *name, int rank, int64_t rows, int64_t columns,
                const float *data) {
    base_error err;
    infer_tensor tensor = {.name = name,
                           .rank = rank,
                           .dim = {rows, columns},
                           .data = (const uint8_t *)data,
                           .n_bytes = (size_t)(rows * columns) * sizeof *data};
    TEST_OK(infer_tensors_add(tensors, "test", &tensor, &err), err);
}

static base_node *parse(const char *text, base_arena *arena) {
    base_error err;
    base_node *root;
    TEST_OK(base_yaml_parse(text, "names.yaml", arena, &root, &err), err);
    return root;
}

START_TEST(names_are_mapped_by_their_longest_leading_part) {
    base_arena arena = {0};
    base_error err;
    infer_import_report report = {0};
    infer_tensors tensors = {0};
    nn_network *network = network_make("[{linear: classes}]", &config);
    add(&tensors, "head.out.weight", 2, 3, 2, numbers);
    add(&tensors, "head.out.b", 1, 3, 1, numbers);
    add(&tensors, "head.extra.weight", 1, 1, 1, numbers);
    infer_import_options options = {.whole = true};
    options.names = parse("{head.out: \"0\", head.out.b: 0.bias, head.extra: ~}", &arena);
    TEST_OK(infer_import_weights(&tensors, &options, network, &report, &err), err);
    ck_assert_mem_eq(nn_network_tensor(network, 0).data, numbers, sizeof numbers);
    ck_assert_mem_eq(nn_network_tensor(network, 1).data, numbers, 3 * sizeof *numbers);
    nn_network_free(network);
    infer_tensors_release(&tensors);
    base_arena_release(&arena);
}
END_TEST

START_TEST(an_empty_name_drops_a_prefix) {
    base_arena arena = {0};
    base_error err;
    infer_import_report report = {0};
    infer_tensors tensors = {0};
    nn_network *network = network_make("[{linear: classes}]", &config);
    add(&tensors, "net.0.weight", 2, 3, 2, numbers);
    add(&tensors, "net.0.bias", 1, 3, 1, numbers);
    infer_import_options options = {.names = parse("{net: \"\", aux: ~}", &arena), .whole = true};
    TEST_OK(infer_import_weights(&tensors, &options, network, &report, &err), err);
    nn_network_free(network);
    infer_tensors_release(&tensors);
    base_arena_release(&arena);
}
END_TEST

START_TEST(all_faults_are_listed_and_nothing_changes) {
    static const float odd[3] = {1, NAN, 3};
    base_arena arena = {0};
    base_error err;
    infer_import_report report = {0};
    infer_tensors tensors = {0};
    nn_network *network = network_make("[{linear: 3}, {linear: {out: 3}}, batch_norm]", &config);
    float before = nn_network_tensor(network, 0).data[0];
    add(&tensors, "0.weight", 2, 2, 3, numbers);
    add(&tensors, "0.bias", 1, 3, 1, odd);
    add(&tensors, "1.bias", 1, 3, 1, numbers);
    add(&tensors, "other.bias", 1, 3, 1, numbers);
    add(&tensors, "extra", 1, 3, 1, numbers);
    infer_import_options options = {.whole = true};
    options.names = parse("{other: \"1\", none: \"2\"}", &arena);
    TEST_FAILS(infer_import_weights(&tensors, &options, network, &report, &err), BASE_ESHAPE, err,
               "in 10 places");
    ck_assert_str_eq(base_text_string(&report.faults),
                     "names nothing in the file: none\n"
                     "another shape: 0.weight is [2,3], the network needs [3,2]\n"
                     "not finite: 0.bias\n"
                     "given twice: other.bias (as 1.bias)\n"
                     "not in the network: extra\n"
                     "missing: 1.weight\n"
                     "missing: 2.weight\n"
                     "missing: 2.bias\n"
                     "missing: 2.running_mean\n"
                     "missing: 2.running_var\n");
    ck_assert(nn_network_tensor(network, 0).data[0] == before);
    base_text_release(&report.faults);
    nn_network_free(network);
    infer_tensors_release(&tensors);
    base_arena_release(&arena);
}
END_TEST

START_TEST(what_is_kept_may_be_missing) {
    static const char *const names[] = {"0.weight", "0.bias", "0.running_mean", "0.running_var",
                                        "head.bias"};
    base_error err;
    infer_import_report report = {0};
    infer_tensors tensors = {0};
    nn_network *network = network_make("[batch_norm, {linear: 3, name: head}]", &config);
    float before = nn_network_tensor(network, 5).data[0];
    for (int i = 0; i < 5; i++) add(&tensors, names[i], 1, i < 4 ? 2 : 3, 1, numbers);
    infer_import_options options = {.whole = true, .keep = {(const char *const[]){"head", "h"}, 2}};
    TEST_FAILS(infer_import_weights(&tensors, &options, network, &report, &err), BASE_ESHAPE, err,
               "in 1 places");
    ck_assert_str_eq(base_text_string(&report.faults), "to keep, but not in the network: h\n");
    options.keep.n = 1;
    TEST_OK(infer_import_weights(&tensors, &options, network, &report, &err), err);
    ck_assert_int_eq(report.n_taken, 5);
    ck_assert_str_eq(nn_network_tensor(network, 5).name, "head.weight");
    ck_assert(nn_network_tensor(network, 5).data[0] == before);
    ck_assert(nn_network_tensor(network, 6).data[2] == 3.0f);
    base_text_release(&report.faults);
    nn_network_free(network);
    infer_tensors_release(&tensors);
}
END_TEST

START_TEST(other_numbers_become_floats) {
    static const uint16_t half[4] = {0x3C00, 0xC100, 0x0001, 0x7BFF};
    static const uint16_t brain[2] = {0x3F80, 0xC040};
    float out[4];
    infer_tensor_floats(
        &(infer_tensor){.type = INFER_F16, .rank = 1, .dim = {4}, .data = (const uint8_t *)half},
        out);
    ck_assert(out[0] == 1.0f && out[1] == -2.5f && out[2] == 0x1p-24f && out[3] == 65504.0f);
    infer_tensor_floats(
        &(infer_tensor){.type = INFER_BF16, .rank = 1, .dim = {2}, .data = (const uint8_t *)brain},
        out);
    ck_assert(out[0] == 1.0f && out[1] == -3.0f);
    infer_tensor_floats(&(infer_tensor){.type = INFER_I64, .data = (const uint8_t *)&(int64_t){7}},
                        out);
    ck_assert(out[0] == 7.0f);
}
END_TEST

TEST_MAIN("infer/import/weights", names_are_mapped_by_their_longest_leading_part,
          an_empty_name_drops_a_prefix, all_faults_are_listed_and_nothing_changes,
          what_is_kept_may_be_missing, other_numbers_become_floats)
