#include "infer/export/tensors.h"

#include "infer/import/weights.h"
#include "tests/model_make.h"
#include "tests/network_make.h"
#include "tests/test.h"

static const char *const formats[] = {"safetensors", "npz"};

static infer_model *open_model(const char *path) {
    base_error err;
    infer_model *model;
    model_make(path, 1);
    TEST_OK(infer_model_open(path, 1, NULL, &model, &err), err);
    return model;
}

/* What is read back is what the network holds, and makes another network the same. */
static void round_trip(infer_model *model, const char *format, const char *path) {
    base_error err;
    base_text report = {0};
    infer_import_options whole = {.whole = true};
    infer_import_report imported = {0};
    infer_export_options options = {.member = -1};
    TEST_OK(infer_exporter_find(format)->write(model, &options, path, &err), err);
    TEST_OK(infer_exporter_find(format)->verify(model, &options, path, &report, &err), err);
    ck_assert(strstr(base_text_string(&report), "equal bit for bit") != NULL);
    base_text_release(&report);

    nn_network *network = infer_model_network(model, 0), *other;
    infer_tensors tensors;
    TEST_OK(
        nn_network_new(nn_network_layers(network), nn_network_get_config(network), &other, &err),
        err);
    TEST_OK(infer_tensors_read(path, &tensors, &err), err);
    TEST_OK(infer_import_weights(&tensors, &whole, other, &imported, &err), err);
    infer_tensors_release(&tensors);
    for (int i = 0; i < nn_network_n_tensors(network); i++) {
        nn_tensor a = nn_network_tensor(network, i), b = nn_network_tensor(other, i);
        ck_assert_mem_eq(a.data, b.data, (size_t)nn_shape_count(a.shape) * sizeof *a.data);
    }
    nn_network_free(other);
    base_text_release(&imported.faults);
}

START_TEST(tensors_survive_the_way_out_and_back) {
    base_arena arena = {0};
    infer_model *model = open_model(base_path_join(&arena, test_folder(), "model.h5"));
    for (int i = 0; i < 2; i++) {
        round_trip(model, formats[i], base_path_join(&arena, test_folder(), formats[i]));
    }
    infer_model_free(model);
    base_arena_release(&arena);
}
END_TEST

START_TEST(a_changed_file_is_told_apart) {
    base_arena arena = {0};
    base_error err;
    base_text report = {0};
    infer_export_options options = {.member = -1};
    infer_model *model = open_model(base_path_join(&arena, test_folder(), "model.h5"));
    const char *path = base_path_join(&arena, test_folder(), "a.safetensors");
    TEST_OK(infer_exporter_find("safetensors")->write(model, &options, path, &err), err);
    void *bytes;
    size_t n_bytes;
    TEST_OK(base_file_read(path, 0, &bytes, &n_bytes, &err), err);
    ((uint8_t *)bytes)[n_bytes - 1] ^= 1;
    TEST_OK(base_file_write(path, bytes, n_bytes, &err), err);
    TEST_FAILS(infer_exporter_find("safetensors")->verify(model, &options, path, &report, &err),
               BASE_EMISMATCH, err, "8.bias differs from the model");
    base_free(bytes);
    infer_model_free(model);
    base_arena_release(&arena);
}
END_TEST

TEST_MAIN("infer/export/tensors", tensors_survive_the_way_out_and_back,
          a_changed_file_is_told_apart)
