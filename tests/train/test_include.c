#include "train/include.h"

#include <string.h>

#include "base/file.h"
#include "tests/test.h"
#include "train/config.h"

static base_error err;
static base_arena arena;

static void put(const char *folder, const char *name, const char *text) {
    const char *path = base_path_join(&arena, folder, name);
    TEST_OK(base_folder_make(base_path_folder(&arena, path), &err), err);
    TEST_OK(base_file_write(path, text, strlen(text), &err), err);
}

static base_status read_config(const char *folder, const char *network, const char *const *override,
                               train_config *config) {
    put(folder, "c.yaml",
        base_arena_printf(&arena, "name: a\ndataset: {source: synth}\nnetwork:\n%s", network));
    return train_config_read(base_path_join(&arena, folder, "c.yaml"), override, override != NULL,
                             config, &err);
}

static void check_network(const train_config *config, const char *expected) {
    base_text text = {0};
    base_yaml_write(config->network, &text);
    ck_assert_str_eq(base_text_string(&text), expected);
    base_text_release(&text);
}

static const char *files(void) {
    const char *folder = test_folder();
    put(folder, "networks/block.yaml", "- conv2d: {out: 8}\n- include: sub/norm.yaml\n- relu\n");
    put(folder, "networks/sub/norm.yaml", "[batch_norm]\n");
    put(folder, "networks/none.yaml", "[]\n");
    return folder;
}

START_TEST(layers_stand_where_they_are_included) {
    train_config config;
    const char *folder = files();
    TEST_OK(read_config(folder,
                        "- include: networks/block.yaml\n- include: {file: networks/none.yaml}\n"
                        "- linear: classes\n- include: networks/sub/norm.yaml\n",
                        NULL, &config),
            err);
    check_network(&config, "- conv2d: {out: 8}\n- batch_norm\n- relu\n- linear: classes\n"
                           "- batch_norm\n");
    ck_assert_int_eq(config.network->n_children, 5);
    for (const base_node *item = config.network->child; item; item = item->next) {
        ck_assert_ptr_eq(item->parent, config.network);
    }
    train_config_release(&config);
}
END_TEST

START_TEST(lists_within_lists_include) {
    train_config config;
    const char *folder = files();
    TEST_OK(read_config(folder,
                        "- residual: {body: [include: networks/sub/norm.yaml], "
                        "shortcut: [{include: networks/sub/norm.yaml}]}\n"
                        "- gate: [include: networks/sub/norm.yaml]\n"
                        "- concat: [[include: networks/sub/norm.yaml], []]\n"
                        "- repeat: {times: 2, body: [include: networks/sub/norm.yaml, relu]}\n",
                        NULL, &config),
            err);
    check_network(&config, "- residual: {body: [batch_norm], shortcut: [batch_norm]}\n"
                           "- gate: [batch_norm]\n- concat: [[batch_norm], []]\n"
                           "- repeat: {times: 2, body: [batch_norm, relu]}\n");
    train_config_release(&config);
}
END_TEST

START_TEST(overrides_include_relative_to_the_configuration) {
    const char *const whole[] = {"network=[{include: networks/sub/norm.yaml}, relu]"};
    const char *const item[] = {"network[0].include=networks/sub/norm.yaml"};
    train_config config;
    const char *folder = files();
    TEST_OK(read_config(folder, "- relu\n", whole, &config), err);
    check_network(&config, "- batch_norm\n- relu\n");
    train_config_release(&config);
    TEST_OK(read_config(folder, "- include: networks/none.yaml\n- relu\n", item, &config), err);
    check_network(&config, "- batch_norm\n- relu\n");
    train_config_release(&config);
}
END_TEST

static void refused(const char *folder, const char *network, base_status status, const char *part) {
    train_config config;
    TEST_FAILS(read_config(folder, network, NULL, &config), status, err, part);
}

START_TEST(errors_name_file_and_line) {
    const char *folder = files();
    put(folder, "map.yaml", "conv2d: {out: 8}\n");
    put(folder, "broken.yaml", "- relu\n- [\n");
    put(folder, "circle.yaml", "- relu\n- include: networks/../circle.yaml\n");
    put(folder, "many.yaml", "- include: networks/none.yaml\n");
    refused(folder, "- relu\n- include: no.yaml\n", BASE_ENOTFOUND, "c.yaml:5: network[1]");
    refused(folder, "- include: map.yaml\n", BASE_ECONFIG, "map.yaml:1: a list of layers");
    refused(folder, "- include: broken.yaml\n", BASE_ECONFIG, "broken.yaml:3: ");
    refused(folder, "- include: circle.yaml\n", BASE_ECONFIG, "circle.yaml:2: [1]");
    refused(folder, "- include: circle.yaml\n", BASE_ECONFIG, "includes itself");
    refused(folder, "- include: {fiel: map.yaml}\n", BASE_ECONFIG, "did you mean 'file'");
    refused(folder, "- {include: map.yaml, name: x}\n", BASE_ECONFIG, "c.yaml:4");
}
END_TEST

/* A layer that a network cannot have is complained about where it stands. */
START_TEST(layers_keep_their_place) {
    train_config config;
    const char *folder = files();
    put(folder, "wrong.yaml", "- relu\n- conv2d: {out: 8, strode: 2}\n");
    TEST_OK(read_config(folder, "- relu\n- include: wrong.yaml\n", NULL, &config), err);
    nn_network_config plan = {
        .input = nn_shape_make(3, (const int64_t[]){1, 8, 8}), .n_classes = 3, .max_batch = 1};
    nn_network *network;
    TEST_FAILS(nn_network_new(config.network, &plan, &network, &err), BASE_ECONFIG, err,
               "wrong.yaml:2: network[2].conv2d");
    train_config_release(&config);
}
END_TEST

START_TEST(there_is_an_end) {
    const char *folder = test_folder();
    put(folder, "f0.yaml", "[relu]\n");
    for (int i = 1; i <= 16; i++) {
        put(folder, base_arena_printf(&arena, "f%d.yaml", i),
            base_arena_printf(&arena, "[{include: f%d.yaml}, {include: f%d.yaml}]\n", i - 1,
                              i - 1));
    }
    refused(folder, "- include: f16.yaml\n", BASE_ECONFIG, "16 deep");
    refused(folder, "- include: f9.yaml\n", BASE_ECONFIG, "more than 256 includes");
    train_config config;
    TEST_OK(read_config(folder, "- include: f6.yaml\n", NULL, &config), err);
    ck_assert_int_eq(config.network->n_children, 64);
    train_config_release(&config);
}
END_TEST

TEST_MAIN("train/include", layers_stand_where_they_are_included, lists_within_lists_include,
          overrides_include_relative_to_the_configuration, errors_name_file_and_line,
          layers_keep_their_place, there_is_an_end)
