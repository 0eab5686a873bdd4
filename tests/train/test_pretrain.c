#include "train/pretrain.h"

#include <stdio.h>

#include "base/file.h"
#include "infer/tensors.h"
#include "tests/test.h"

#define CONFIG_OF(epochs)                                                                          \
    "name: tiny\n"                                                                                 \
    "dataset: {source: synth, per_class: 3, classes: [kick, snare, closedhat]}\n"                  \
    "audio: {sample_rate: 22050, seconds: 0.25}\n"                                                 \
    "features: {kind: log_mel, n_fft: 512, hop: 256, n_mels: 16}\n"                                \
    "augment: [polarity, {noise: {p: 1, snr_db: [0, 20]}}]\n"                                      \
    "network: [{conv2d: {out: 4, kernel: 3}}, batch_norm, relu, to_sequence, {time_pool: mean}, "  \
    "{dropout: 0.1}, {linear: 8}]\n"                                                               \
    "train: {epochs: " epochs ", batch: 4, ema: 0.9, optimizer: {adamw: {lr: 0.01}}}\n"

#define CONFIG CONFIG_OF("3")

static base_error err;
static base_arena arena;
static int64_t n_taught; /* clips of an epoch, as last reported */

/* Stops after so many reports; negative: never. */
static bool count_down(void *context, const train_progress *progress) {
    int *left = context;
    n_taught = progress->total;
    return *left < 0 || (*left)-- > 0;
}

static base_status pretrain(const char *config_text, const char *folder, bool resume, int n_threads,
                            int n_reports) {
    train_config config;
    base_pool *pool;
    TEST_OK(base_pool_new(n_threads, &pool, &err), err);
    TEST_OK(train_config_parse(config_text, "test", &config, &err), err);
    train_pretrain_options options = {.folder = folder,
                                      .resume = resume,
                                      .pool = pool,
                                      .progress = count_down,
                                      .context = &n_reports};
    base_status status = train_pretrain_run(&config, &options, &err);
    train_config_release(&config);
    base_pool_free(pool);
    return status;
}

static const char *below(const char *folder, const char *name) {
    return base_path_join(&arena, folder, name);
}

static void expect_same_file(const char *a, const char *b, const char *name) {
    void *first, *second;
    size_t n_first, n_second;
    TEST_OK(base_file_read(below(a, name), 0, &first, &n_first, &err), err);
    TEST_OK(base_file_read(below(b, name), 0, &second, &n_second, &err), err);
    ck_assert_msg(n_first == n_second && memcmp(first, second, n_first) == 0, "%s differs", name);
    base_free(first);
    base_free(second);
}

/* However it was stopped, and with any number of threads, it ends with the same bytes. */
START_TEST(stopped_and_resumed_it_ends_the_same) {
    static const char *const files[] = {"config.yaml", "manifest.csv", "history.csv", "last.h5",
                                        "weights.safetensors"};
    const char *folder = test_folder(), *whole = below(folder, "whole"),
               *parts = below(folder, "parts");
    TEST_OK(pretrain(CONFIG, whole, false, 1, -1), err);
    ck_assert_int_eq(pretrain(CONFIG, parts, false, 2, 5), BASE_ESTOPPED);
    ck_assert(!base_file_exists(below(parts, "weights.safetensors")));
    ck_assert_int_eq(pretrain(CONFIG, parts, true, 3, 4), BASE_ESTOPPED);
    TEST_OK(pretrain(CONFIG, parts, true, 2, -1), err);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        expect_same_file(whole, parts, files[i]);
    }
    TEST_FAILS(pretrain(CONFIG, whole, false, 1, -1), BASE_EEXISTS, err, "--resume goes on");
    TEST_FAILS(pretrain(CONFIG "pretrain: {temperature: 0.5}\n", whole, true, 1, -1),
               BASE_EMISMATCH, err, "last.h5");
    expect_same_file(whole, parts, "config.yaml"); /* not overwritten */
}
END_TEST

static void copy_file(const char *from, const char *to) {
    void *bytes;
    size_t n;
    TEST_OK(base_file_read(from, 0, &bytes, &n, &err), err);
    TEST_OK(base_file_write(to, bytes, n, &err), err);
    base_free(bytes);
}

/* The bytes count, not the name of the file: with others it does not go on, with the same it does.
 */
START_TEST(it_goes_on_only_from_the_weights_it_started_from) {
    const char *folder = test_folder(), *whole = below(folder, "whole"),
               *parts = below(folder, "parts"), *init = below(folder, "init.safetensors"),
               *first = below(folder, "first"), *second = below(folder, "second");
    TEST_OK(pretrain(CONFIG, first, false, 1, -1), err);
    TEST_OK(pretrain(CONFIG "pretrain: {temperature: 0.5}\n", second, false, 1, -1), err);
    const char *config =
        base_arena_printf(&arena, "%spretrain: {temperature: 0.2}\n",
                          base_arena_printf(&arena, "%.*s, init: {weights: %s}}\n",
                                            (int)strlen(CONFIG) - 2, CONFIG, init));
    copy_file(below(first, "weights.safetensors"), init);
    TEST_OK(pretrain(config, whole, false, 1, -1), err);
    ck_assert_int_eq(pretrain(config, parts, false, 1, 5), BASE_ESTOPPED);
    copy_file(below(second, "weights.safetensors"), init);
    TEST_FAILS(pretrain(config, parts, true, 1, -1), BASE_EMISMATCH, err,
               "last.h5: made with another configuration, data, starting weights");
    copy_file(below(first, "weights.safetensors"), init);
    TEST_OK(pretrain(config, parts, true, 1, -1), err);
    expect_same_file(whole, parts, "weights.safetensors");
}
END_TEST

/* Synthesised drums of one class sound alike, those of others do not: something can be learned. */
START_TEST(it_learns_to_find_the_other_view) {
    const char *folder = below(test_folder(), "run");
    void *text;
    size_t n;
    enum { EPOCHS = 15 };
    TEST_OK(pretrain(CONFIG_OF("15") "pretrain: {temperature: 0.2}\n", folder, false, 2, -1), err);
    TEST_OK(base_file_read(below(folder, "history.csv"), 0, &text, &n, &err), err);
    double first = 0, last = 0;
    const char *line = strchr(text, '\n') + 1;
    ck_assert_int_eq(sscanf(line, "%*d,%*f,%lf", &first), 1);
    for (int i = 1; i < EPOCHS; i++) line = strchr(line, '\n') + 1;
    ck_assert_int_eq(sscanf(line, "%*d,%*f,%lf", &last), 1);
    ck_assert_msg(last < 0.9 * first, "loss %g after %g", last, first);
    base_free(text);
    infer_tensors tensors;
    TEST_OK(infer_tensors_read(below(folder, "weights.safetensors"), &tensors, &err), err);
    ck_assert_str_eq(tensors.items[0].name, "0.weight");
    infer_tensors_release(&tensors);
}
END_TEST

START_TEST(sounds_for_testing_and_their_copies_stay_held_out) {
    static const char config[] =
        "name: x\n"
        "dataset: [{source: synth, per_class: 3, classes: [kick, snare]},\n"
        "          {source: synth, per_class: 1, classes: [kick], use: test}]\n"
        "audio: {seconds: 0.1}\n"
        "augment: [polarity]\n"
        "network: [flatten, {linear: 4}]\n"
        "train: {epochs: 1, batch: 3}\n";
    TEST_OK(pretrain(config, below(test_folder(), "unseen"), false, 1, -1), err);
    ck_assert_int_eq(n_taught, 5); /* the first kick is the one for testing */
}
END_TEST

START_TEST(the_folder_of_a_run_is_refused) {
    const char *folder = test_folder(), *facts = below(folder, "facts.json");
    TEST_OK(base_file_write(facts, "{}", 2, &err), err);
    TEST_FAILS(pretrain(CONFIG, folder, true, 1, -1), BASE_EEXISTS, err, "the folder of a run");
    ck_assert(!base_file_exists(below(folder, "config.yaml")));
}
END_TEST

START_TEST(what_cannot_work_is_refused) {
#define WITHOUT(text) "name: x\ndataset: {source: synth, per_class: 2}\n" text
    const char *folder = below(test_folder(), "none");
    TEST_FAILS(pretrain(WITHOUT("network: [flatten, {linear: 4}]\n"), folder, false, 1, -1),
               BASE_ECONFIG, err, "'augment' is needed");
    TEST_FAILS(pretrain(WITHOUT("augment: [polarity]\nnetwork: [flatten, {linear: 4}]\n"
                                "train: {batch: 2}\n"),
                        folder, false, 1, -1),
               BASE_ECONFIG, err, "there must be at least 3");
    TEST_FAILS(pretrain(WITHOUT("augment: [polarity]\nnetwork: [flatten, {linear: 4}]\n"
                                "train: {mixup: 0.2}\n"),
                        folder, false, 1, -1),
               BASE_ECONFIG, err, "not for pretraining");
    TEST_FAILS(
        pretrain(WITHOUT("augment: [polarity]\nnetwork: [to_sequence]\n"), folder, false, 1, -1),
        BASE_ESHAPE, err, "must end in a vector");
    ck_assert(!base_folder_exists(folder));
}
END_TEST

TEST_MAIN("train/pretrain", stopped_and_resumed_it_ends_the_same,
          it_goes_on_only_from_the_weights_it_started_from, it_learns_to_find_the_other_view,
          sounds_for_testing_and_their_copies_stay_held_out, the_folder_of_a_run_is_refused,
          what_cannot_work_is_refused)
