#include "train/tensorboard.h"

#include <stdio.h>

#include "tests/test.h"
#include "train/tensorboard.pb-c.h"

START_TEST(crc_of_the_standard_vectors) {
    uint8_t bytes[32] = {0};
    ck_assert_uint_eq(train_crc32c("123456789", 9), 0xE3069283u);
    ck_assert_uint_eq(train_crc32c("", 0), 0);
    ck_assert_uint_eq(train_crc32c(bytes, 32), 0x8A9136AAu); /* RFC 3720, B.4 */
    memset(bytes, 0xFF, 32);
    ck_assert_uint_eq(train_crc32c(bytes, 32), 0x62A8AB43u);
    for (int i = 0; i < 32; i++) bytes[i] = (uint8_t)i;
    ck_assert_uint_eq(train_crc32c(bytes, 32), 0x46DD794Eu);
}
END_TEST

static uint64_t little_endian(const uint8_t *bytes, int n_bytes) {
    uint64_t number = 0;
    for (int i = n_bytes - 1; i >= 0; i--) number = number << 8 | bytes[i];
    return number;
}

static uint32_t unmasked(const uint8_t *bytes) {
    uint32_t turned = (uint32_t)little_endian(bytes, 4) - 0xA282EAD8u;
    return (turned >> 17) | (turned << 15);
}

/* Checks a record's framing, unpacks it and moves on. */
static Rimshot__Tensorboard__Event *next_event(const uint8_t **cursor, const uint8_t *end) {
    const uint8_t *record = *cursor;
    ck_assert_int_ge(end - record, 16);
    uint64_t n_bytes = little_endian(record, 8);
    ck_assert_int_ge(end - record, (long)(16 + n_bytes));
    ck_assert_uint_eq(unmasked(record + 8), train_crc32c(record, 8));
    ck_assert_uint_eq(unmasked(record + 12 + n_bytes), train_crc32c(record + 12, n_bytes));
    *cursor = record + 16 + n_bytes;
    Rimshot__Tensorboard__Event *event =
        rimshot__tensorboard__event__unpack(NULL, n_bytes, record + 12);
    ck_assert_ptr_nonnull(event);
    return event;
}

static void check_event(const Rimshot__Tensorboard__Event *event, const train_epoch *epoch) {
    static const char *const tags[] = {"lr", "train/loss", "validation/loss", "validation/accuracy",
                                       "validation/balanced"};
    const double numbers[] = {epoch->lr, epoch->train_loss, epoch->loss, epoch->accuracy,
                              epoch->balanced};
    ck_assert_int_eq(event->step, epoch->epoch);
    ck_assert_double_eq(event->wall_time, (double)epoch->epoch);
    ck_assert_int_eq(event->what_case, RIMSHOT__TENSORBOARD__EVENT__WHAT_SUMMARY);
    ck_assert_uint_eq(event->summary->n_value, 5);
    for (int i = 0; i < 5; i++) {
        const Rimshot__Tensorboard__Value *value = event->summary->value[i];
        ck_assert_str_eq(value->tag, tags[i]);
        ck_assert_int_eq(value->value_case, RIMSHOT__TENSORBOARD__VALUE__VALUE_SIMPLE_VALUE);
        ck_assert_float_eq(value->simple_value, (float)numbers[i]);
    }
}

START_TEST(frames_every_epoch) {
    static const train_epoch epochs[] = {{1, 1e-3, 1.5, 1.25, 0.5, 0.25},
                                         {2, 0, 0.5, 0.75, 1, 0.875}}; /* zeros are written, too */
    base_error err;
    char path[4096];
    void *data;
    size_t n_bytes;
    const char *folder = test_folder();
    const train_tensorboard board = {.epochs = epochs, .n_epochs = 2};
    TEST_OK(train_tensorboard_write(&board, folder, &err), err);
    snprintf(path, sizeof path, "%s/events.out.tfevents.0.rimshot", folder);
    TEST_OK(base_file_read(path, 0, &data, &n_bytes, &err), err);
    const uint8_t *cursor = data, *end = cursor + n_bytes;
    Rimshot__Tensorboard__Event *event = next_event(&cursor, end);
    ck_assert_int_eq(event->what_case, RIMSHOT__TENSORBOARD__EVENT__WHAT_FILE_VERSION);
    ck_assert_str_eq(event->file_version, "brain.Event:2");
    rimshot__tensorboard__event__free_unpacked(event, NULL);
    for (int i = 0; i < 2; i++) {
        event = next_event(&cursor, end);
        check_event(event, &epochs[i]);
        rimshot__tensorboard__event__free_unpacked(event, NULL);
    }
    ck_assert_ptr_eq(cursor, end);
    base_free(data);
}
END_TEST

static const Rimshot__Tensorboard__Value *only_value(const Rimshot__Tensorboard__Event *event) {
    ck_assert_int_eq(event->step, 0);
    ck_assert_uint_eq(event->summary->n_value, 1);
    return event->summary->value[0];
}

/* What tensorboard 2.20 reads of such a file is checked by tests/train/check_run.py. */
START_TEST(holds_the_configuration) {
    static const char yaml[] = "name: x\naudio: {channels: 1}\ntrain: {clip_norm: 0.5, optimizer: "
                               "{adam: {amsgrad: true}}, balance: none, init: ~}\n"
                               "network:\n  - conv2d: {out: 4}\n  - relu: {}\n";
    static const char *const want[] = {"audio.channels=1", "network=conv2d, relu",
                                       "train.clip_norm=0.5", "train.optimizer.adam.amsgrad=true",
                                       "train.balance=none"};
    base_error err;
    base_arena arena = {0};
    base_node *root;
    char path[4096], got[256];
    void *data;
    size_t n_bytes;
    const char *folder = test_folder();
    TEST_OK(base_yaml_parse(yaml, "x", &arena, &root, &err), err);
    const train_tensorboard board = {.config = root, .name = "x"};
    TEST_OK(train_tensorboard_write(&board, folder, &err), err);
    snprintf(path, sizeof path, "%s/events.out.tfevents.0.rimshot", folder);
    TEST_OK(base_file_read(path, 0, &data, &n_bytes, &err), err);
    const uint8_t *cursor = data, *end = cursor + n_bytes;
    rimshot__tensorboard__event__free_unpacked(next_event(&cursor, end), NULL);
    Rimshot__Tensorboard__Event *event = next_event(&cursor, end);
    const Rimshot__Tensorboard__Value *value = only_value(event);
    ck_assert_str_eq(value->tag, "config");
    ck_assert_str_eq(value->metadata->plugin_data->plugin_name, "text");
    ck_assert_uint_eq(value->tensor->n_string_val, 1);
    base_text text = {0};
    base_text_add_bytes(&text, value->tensor->string_val[0].data, value->tensor->string_val[0].len);
    ck_assert_ptr_nonnull(strstr(base_text_string(&text), "- conv2d: {out: 4}\n"));
    base_text_release(&text);
    rimshot__tensorboard__event__free_unpacked(event, NULL);
    event = next_event(&cursor, end);
    value = only_value(event);
    ck_assert_str_eq(value->tag, "_hparams_/session_start_info");
    ProtobufCBinaryData content = value->metadata->plugin_data->content;
    Rimshot__Tensorboard__Hparams *hparams =
        rimshot__tensorboard__hparams__unpack(NULL, content.len, content.data);
    ck_assert_ptr_nonnull(hparams);
    ck_assert_str_eq(hparams->start->group_name, "x");
    ck_assert_uint_eq(hparams->start->n_hparams, sizeof want / sizeof *want);
    for (size_t i = 0; i < hparams->start->n_hparams; i++) {
        const Rimshot__Tensorboard__Hyperparameter *h = hparams->start->hparams[i];
        const Rimshot__Tensorboard__Setting *s = h->value;
        bool number = s->kind_case == RIMSHOT__TENSORBOARD__SETTING__KIND_NUMBER;
        bool truth = s->kind_case == RIMSHOT__TENSORBOARD__SETTING__KIND_TRUTH;
        if (number) snprintf(got, sizeof got, "%s=%g", h->key, s->number);
        if (!number) {
            snprintf(got, sizeof got, "%s=%s", h->key,
                     !truth     ? s->text
                     : s->truth ? "true"
                                : "false");
        }
        ck_assert_str_eq(got, want[i]);
    }
    rimshot__tensorboard__hparams__free_unpacked(hparams, NULL);
    rimshot__tensorboard__event__free_unpacked(event, NULL);
    base_free(data);
    base_arena_release(&arena);
}
END_TEST

START_TEST(names_the_folder_it_cannot_write) {
    base_error err;
    ck_assert_int_ne(train_tensorboard_write(&(train_tensorboard){0}, "/nonexistent/run", &err),
                     BASE_OK);
    ck_assert_ptr_nonnull(strstr(err.text, "/nonexistent/run"));
}
END_TEST

TEST_MAIN("train/tensorboard", crc_of_the_standard_vectors, frames_every_epoch,
          holds_the_configuration, names_the_folder_it_cannot_write)
