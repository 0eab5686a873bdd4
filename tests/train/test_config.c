#include <string.h>

#include "base/file.h"
#include "tests/test.h"
#include "train/config.h"

static const char smallest[] =
    "name: a\ndataset: {source: synth}\nnetwork: [flatten, linear: classes]\n";

static base_status parse(const char *text, train_config *config, base_error *err) {
    return train_config_parse(text, "a.yaml", config, err);
}

/* `text` is refused with a message that contains `part`. */
static void refused(const char *text, const char *part) {
    train_config config;
    base_error err;
    TEST_FAILS(parse(text, &config, &err), BASE_ECONFIG, err, part);
}

START_TEST(fills_in_defaults) {
    train_config config;
    base_error err;
    TEST_OK(parse(smallest, &config, &err), err);
    ck_assert_int_eq(config.train.epochs, 40);
    ck_assert_int_eq(config.train.optimizer, NN_ADAMW);
    ck_assert_int_eq(config.train.schedule, NN_CONSTANT);
    ck_assert_int_eq(config.train.loss, NN_CROSS_ENTROPY);
    ck_assert_double_eq(config.audio.sample_rate_hz, 44100);
    ck_assert_int_eq(config.features.kind, DSP_LOG_MEL);
    ck_assert_int_eq(config.folds.k, 5);
    ck_assert_ptr_null(config.augment);
    train_config_release(&config);
}
END_TEST

/* The written configuration is complete: parsed again it writes the same text. */
START_TEST(the_resolved_configuration_reproduces_itself) {
    train_config config;
    base_error err;
    base_text first = {0}, second = {0};
    TEST_OK(parse(smallest, &config, &err), err);
    base_yaml_write(config.root, &first);
    train_config_release(&config);
    ck_assert_ptr_nonnull(strstr(first.data, "epochs: 40"));
    ck_assert_ptr_nonnull(strstr(first.data, "adamw:"));
    TEST_OK(parse(first.data, &config, &err), err);
    base_yaml_write(config.root, &second);
    ck_assert_str_eq(first.data, second.data);
    train_config_release(&config);
    base_text_release(&first);
    base_text_release(&second);
}
END_TEST

START_TEST(overrides_come_in_order) {
    base_arena arena = {0};
    base_error err;
    const char *path = base_path_join(&arena, test_folder(), "c.yaml");
    TEST_OK(base_file_write(path, smallest, strlen(smallest), &err), err);
    const char *overrides[] = {"train.epochs=5", "train.optimizer={sgd: {lr: 0.1, momentum: 0.9}}",
                               "train.epochs=7"};
    train_config config;
    TEST_OK(train_config_read(path, overrides, 3, &config, &err), err);
    ck_assert_int_eq(config.train.epochs, 7);
    ck_assert_int_eq(config.train.optimizer, NN_SGD);
    ck_assert_double_eq(config.train.optimizer_options.momentum, 0.9);
    train_config_release(&config);
    const char *wrong[] = {"train.epocs=5"};
    TEST_FAILS(train_config_read(path, wrong, 1, &config, &err), BASE_ECONFIG, err, "epochs");
    base_arena_release(&arena);
}
END_TEST

START_TEST(says_what_is_wrong_and_where) {
    refused("name: a\nnetwork: []\n", "dataset");
    refused("name: a\ndataset: {}\n", "network");
    refused("name: a/b\ndataset: {}\nnetwork: []\n", "a.yaml:1");
    refused("name: a\ndataset: {}\nnetwork: {}\n", "a.yaml:3");
    refused("name: a\ndataset: {}\nnetwork: []\ntrian: {}\n", "did you mean 'train'");
    refused("name: a\ndataset: {}\nnetwork: []\ntrain: {epochs: many}\n", "many");
    refused("name: a\ndataset: {}\nnetwork: []\ntrain: {epochs: 0}\n", "epochs");
    refused("name: a\ndataset: {}\nnetwork: []\ntrain: {epochs: 3, epochs: 4}\n", "epochs");
    refused("name: a\ndataset: {}\nnetwork: []\ntrain: {optimizer: adan}\n", "did you mean 'adam'");
    refused("name: a\ndataset: {}\nnetwork: []\ntrain: {mixup: 0.2, batch: 1}\n", "mixup");
    refused("name: a\ndataset: {}\nnetwork: []\naudio: {sample_rate: -1}\n", "sample_rate");
    refused("[1, 2]\n", "map");
}
END_TEST

START_TEST(every_section_has_something_to_say) {
    int n;
    const train_config_section *sections = train_config_sections(&n);
    ck_assert_int_gt(n, 8);
    for (int i = 0; i < n; i++) {
        ck_assert(sections[i].table || sections[i].variants);
        ck_assert_uint_gt(strlen(sections[i].help), 5);
    }
}
END_TEST

START_TEST(a_difference_is_named_by_its_line) {
    static const struct {
        const char *now;
        int line;
    } rows[] = {{"a: 1\nb: 2\n", 0},
                {"a: 1\nb: 3\n", 2},
                {"a: 1\n", 2},
                {"a: 1\nb: 2\nc: 3\n", 3},
                {"", 1}};
    base_arena arena = {0};
    base_error err;
    const char *path = base_path_join(&arena, test_folder(), "config.yaml");
    TEST_OK(base_file_write(path, rows[0].now, strlen(rows[0].now), &err), err);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        base_text now = {0};
        base_text_add(&now, rows[i].now);
        base_status status = train_config_check_same(path, &now, "another", &err);
        ck_assert_int_eq(status, rows[i].line > 0 ? BASE_EMISMATCH : BASE_OK);
        const char *said = base_arena_printf(&arena, "%s:%d: another", path, rows[i].line);
        if (status != BASE_OK) ck_assert_str_eq(err.text, said);
        base_text_release(&now);
    }
    base_arena_release(&arena);
}
END_TEST

TEST_MAIN("train/config", fills_in_defaults, the_resolved_configuration_reproduces_itself,
          overrides_come_in_order, says_what_is_wrong_and_where, every_section_has_something_to_say,
          a_difference_is_named_by_its_line)
