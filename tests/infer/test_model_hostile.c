/* Models that are not what rimshot makes: each is refused with one line, before it costs anything.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/h5.h"
#include "base/h5_block.h"
#include "base/rng.h"
#include "infer/model.h"
#include "infer/rimshot.h"
#include "tests/model_make.h"
#include "tests/test.h"

enum { N_MUTATIONS = 2000, RATE_HZ = 8000, MAX_MEMORY_KIB = 512 << 10 };

#define AUDIO    "audio: {sample_rate: 8000, seconds: 0.1}\n"
#define FEATURES "features: {n_fft: 128, hop: 64, n_mels: 8}\n"
#define NETWORK                                                                                    \
    "network: [{conv2d: {out: 2, kernel: 3, pad: same}}, batch_norm, relu, to_sequence, "          \
    "{gru: 4}, {time_pool: mean}, {linear: classes}]\n"
static const char plain[] = AUDIO FEATURES NETWORK;

static base_error err;
static base_arena arena;

/* ---- making them ---- */

/* A sound model with something about it changed. */
typedef struct {
    const char *config; /* what stands in the file; NULL: what the network was made of */
    const char *tensor; /* whose first number becomes `value` */
    float value;
    bool offset, scale; /* the first of the normalisation becomes `value` */
    double temperature;
} change;

static void set_norm(dsp_features *features, const change *c) {
    float norm[2][64];
    ck_assert_int_le(dsp_features_norm_size(features), 64);
    for (int i = 0; i < 64; i++) {
        norm[0][i] = 0;
        norm[1][i] = 1;
    }
    if (c->offset) norm[0][0] = c->value;
    if (c->scale) norm[1][0] = c->value;
    dsp_features_set_norm(features, norm[0], norm[1]);
}

static void set_weight(nn_network *network, const change *c) {
    int n_found = 0;
    for (int i = 0; c->tensor != NULL && i < nn_network_n_tensors(network); i++) {
        nn_tensor tensor = nn_network_tensor(network, i);
        if (strcmp(tensor.name, c->tensor) != 0) continue;
        tensor.data[0] = c->value;
        n_found++;
    }
    ck_assert_int_eq(n_found, c->tensor != NULL);
}

static const char *make_model(const change *c) {
    static const char *const classes[] = {"kick", "snare"};
    const char *path = base_path_join(&arena, test_folder(), "model.h5");
    infer_member member = model_make_member(plain, 2, 1);
    set_norm(member.features, c);
    set_weight(member.network, c);
    infer_model_content content = {.config = c->config != NULL ? c->config : plain,
                                   .record = "{}",
                                   .classes = classes,
                                   .n_classes = 2,
                                   .temperature = c->temperature != 0 ? c->temperature : 1,
                                   .members = &member,
                                   .n_members = 1};
    TEST_OK(infer_model_write(&content, path, &err), err);
    nn_network_free(member.network);
    dsp_features_free(member.features);
    return path;
}

static void expect_refusal(const change *c, base_status status, const char *part) {
    infer_model *model;
    const char *path = make_model(c);
    TEST_FAILS(infer_model_open(path, 32, NULL, &model, &err), status, err, part);
    ck_assert_ptr_nonnull(strstr(err.text, path));
}

/* ---- numbers ---- */

START_TEST(numbers_that_are_not_finite_are_refused) {
    infer_model *model;
    TEST_OK(infer_model_open(make_model(&(change){0}), 32, NULL, &model, &err), err);
    infer_model_free(model);
    const float bad[] = {NAN, INFINITY, -INFINITY};
    for (int i = 0; i < 3; i++) {
        expect_refusal(&(change){.tensor = "4.weight_hh_l0", .value = bad[i]}, BASE_EFORMAT,
                       "weights are not finite (4.weight_hh_l0)");
        expect_refusal(&(change){.tensor = "1.running_var", .value = bad[i]}, BASE_EFORMAT,
                       "weights are not finite (1.running_var)");
        expect_refusal(&(change){.offset = true, .value = bad[i]}, BASE_EFORMAT, "normalisation");
        expect_refusal(&(change){.scale = true, .value = bad[i]}, BASE_EFORMAT, "normalisation");
    }
    expect_refusal(&(change){.scale = true, .value = 0}, BASE_EFORMAT, "normalisation");
    expect_refusal(&(change){.scale = true, .value = 1e-40f}, BASE_EFORMAT, "normalisation");
    const double temperatures[] = {NAN, INFINITY, -1, 1e-300, 1e300};
    for (int i = 0; i < 5; i++) {
        expect_refusal(&(change){.temperature = temperatures[i]}, BASE_EFORMAT, "temperature");
    }
}
END_TEST

/* Finite weights can still make what is not. */
START_TEST(what_comes_out_is_finite_or_an_error) {
    infer_model *model;
    float x[80] = {1}, probability[2];
    data_audio clip = {.x = x, .n_channels = 1, .n = 80, .sample_rate_hz = RATE_HZ};
    const char *path = make_model(&(change){.tensor = "1.running_var", .value = -1});
    TEST_OK(infer_model_open(path, 1, NULL, &model, &err), err);
    TEST_FAILS(infer_model_classify(model, &clip, 1, probability, &err), BASE_ENUMERIC, err,
               "not finite");
    ck_assert_ptr_nonnull(strstr(err.text, path));
    infer_model_free(model);
}
END_TEST

/* ---- what they cost ---- */

START_TEST(what_costs_too_much_is_refused) {
    static const struct {
        const char *config, *part;
    } bombs[] = {
        {"audio: {sample_rate: 8000, seconds: 30}\n"
         "features: {n_fft: 65536, hop: 1, n_mels: 8}\n" NETWORK,
         "65536 samples in a Fourier transform, 32768 are allowed"},
        {"audio: {sample_rate: 8000, seconds: 30}\n"
         "features: {n_fft: 16384, hop: 1, n_mels: 8}\n" NETWORK,
         "million multiply-adds per sound, 100000 are allowed"},
        {"audio: {sample_rate: 192000, seconds: 30}\n"
         "features: {n_fft: 16, hop: 1, n_mels: 8, empty: true}\n" NETWORK,
         "MiB of memory beside its weights, 1024 are allowed"},
        {AUDIO FEATURES
         "network: [{conv2d: {out: 60000, kernel: 3, pad: same}}, to_sequence, {time_pool: mean}, "
         "{linear: classes}]\n",
         "more weights than the file"},
        {AUDIO FEATURES
         "network: [flatten, {linear: 1000000}, {linear: 1000000}, {linear: classes}]\n",
         "million multiply-adds per sound"},
        {"audio: {sample_rate: 192000, seconds: 2}\nfeatures: {kind: stft, n_fft: 2048, hop: 60}\n"
         "network: [{max_pool: {kernel: 1024, stride: 1, pad: 512}}, to_sequence, "
         "{time_pool: mean}, {linear: classes}]\n",
         "million multiply-adds per sound"},
    };
    for (size_t i = 0; i < sizeof bombs / sizeof *bombs; i++) {
        expect_refusal(&(change){.config = bombs[i].config}, i == 3 ? BASE_ESHAPE : BASE_EDATA,
                       bombs[i].part);
    }
}
END_TEST

START_TEST(the_budget_can_be_raised) {
    infer_model *model;
    const char *path = make_model(&(change){0});
    setenv("RIMSHOT_BUDGET", "1e-6", 1);
    TEST_FAILS(infer_model_open(path, 32, NULL, &model, &err), BASE_EDATA, err, "are allowed");
    setenv("RIMSHOT_BUDGET", "much", 1);
    TEST_FAILS(infer_model_open(path, 32, NULL, &model, &err), BASE_EUSAGE, err, "RIMSHOT_BUDGET");
    setenv("RIMSHOT_BUDGET", "2", 1);
    TEST_OK(infer_model_open(path, 32, NULL, &model, &err), err);
    infer_model_free(model);
    unsetenv("RIMSHOT_BUDGET");
}
END_TEST

/* ---- files ---- */

START_TEST(only_files_are_read) {
    rimshot_model *model;
    rimshot_error error;
    const char *pipe = base_path_join(&arena, test_folder(), "pipe");
    ck_assert_int_eq(mkfifo(pipe, 0600), 0);
    ck_assert_int_eq(rimshot_open(pipe, 1, &model, &error), RIMSHOT_EIO);
    ck_assert_ptr_nonnull(strstr(error.text, "not a regular file"));
    ck_assert_int_ne(rimshot_open("/dev/zero", 1, &model, &error), RIMSHOT_OK);
    ck_assert_int_ne(rimshot_open(test_folder(), 1, &model, &error), RIMSHOT_OK);
}
END_TEST

/* Byte, bit, or a figure of the configuration and elsewhere. */
static void mutate(unsigned char *content, int64_t n, base_rng *rng) {
    for (int64_t k = 1 + base_rng_below(rng, 4); k > 0; k--) {
        int64_t at = base_rng_below(rng, n), kind = base_rng_below(rng, 3);
        if (kind == 0) content[at] = (unsigned char)base_rng_below(rng, 256);
        if (kind == 1) content[at] ^= (unsigned char)(1 << base_rng_below(rng, 8));
        while (kind == 2 && at < n - 1 && (content[at] < '0' || content[at] > '9')) at++;
        if (kind == 2) content[at] = (unsigned char)('0' + base_rng_below(rng, 10));
    }
}

static void save(const char *path, unsigned char *bytes, size_t n) {
    memset(bytes, 0, BASE__H5_BLOCK_BYTES);
    base__h5_block_fill(bytes, "model", 3, n - BASE__H5_BLOCK_BYTES);
    FILE *file = fopen(path, "wb"); /* no need for durability here */
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes, 1, n, file), n);
    ck_assert_int_eq(fclose(file), 0);
}

/* Opens and uses it; whether that worked. */
static bool use(const char *path) {
    infer_model *model;
    static float x[RATE_HZ];
    if (infer_model_open(path, 32, NULL, &model, &err) != BASE_OK) {
        ck_assert_ptr_nonnull(strstr(err.text, path));
        ck_assert_ptr_null(strchr(err.text, '\n'));
        return false;
    }
    int64_t n_classes = infer_model_n_classes(model);
    float *probability = base_alloc((size_t)n_classes, sizeof *probability);
    data_audio clip = {.x = x, .n_channels = infer_model_audio(model)->channels, .n = RATE_HZ / 2};
    for (int i = 0; i < RATE_HZ; i++) x[i] = (float)(i % 100) / 100;
    clip.sample_rate_hz = infer_model_audio(model)->sample_rate_hz;
    base_status status = infer_model_classify(model, &clip, 1, probability, &err);
    for (int64_t i = 0; status == BASE_OK && i < n_classes; i++) {
        ck_assert(isfinite(probability[i]));
    }
    base_free(probability);
    infer_model_free(model);
    return status == BASE_OK;
}

START_TEST(mutations_are_used_or_refused) {
    void *whole;
    size_t n;
    int n_used = 0;
    const char *path = base_path_join(&arena, test_folder(), "changed.h5");
    TEST_OK(base_file_read(make_model(&(change){0}), 0, &whole, &n, &err), err);
    unsigned char *bytes = base_alloc(n, 1);
    base_rng rng = base_rng_open(1, 0, 0, 0);
    for (int i = 0; i < N_MUTATIONS; i++) {
        memcpy(bytes, whole, n);
        mutate(bytes + BASE__H5_BLOCK_BYTES, (int64_t)n - BASE__H5_BLOCK_BYTES, &rng);
        save(path, bytes, n);
        n_used += use(path);
    }
    ck_assert_int_gt(n_used, N_MUTATIONS / 20);
    ck_assert_int_lt(n_used, N_MUTATIONS * 19 / 20);
#ifndef __SANITIZE_ADDRESS__
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    ck_assert_int_lt(usage.ru_maxrss, MAX_MEMORY_KIB);
#endif
    base_free(bytes);
    base_free(whole);
}
END_TEST

TEST_MAIN("infer/model_hostile", numbers_that_are_not_finite_are_refused,
          what_comes_out_is_finite_or_an_error, what_costs_too_much_is_refused,
          the_budget_can_be_raised, only_files_are_read, mutations_are_used_or_refused)
