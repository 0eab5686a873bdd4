#include "infer/model.h"

#include <math.h>

#include "base/file.h"
#include "base/h5.h"
#include "base/rng.h"
#include "nn/loss.h"
#include "tests/model_make.h"
#include "tests/test.h"

enum { N_CLIPS = 7, MAX_SAMPLES = MODEL_MAKE_RATE_HZ / 4 };

static base_error err;
static base_arena arena;

static base_pool *pool_of(int n_threads) {
    base_pool *pool;
    TEST_OK(base_pool_new(n_threads, &pool, &err), err);
    return pool;
}

static const char *model_path(int n_members) {
    const char *path = base_path_join(&arena, test_folder(), "model.h5");
    model_make(path, n_members);
    return path;
}

/* Noise of different lengths, one clip of a single sample, one missing (number 3). */
static void make_clips(data_audio clips[N_CLIPS]) {
    base_rng rng = base_rng_open(1, 0, 0, 0);
    for (int i = 0; i < N_CLIPS; i++) {
        int64_t n = i == 0 ? 1 : MAX_SAMPLES * i / (N_CLIPS - 1);
        clips[i] = (data_audio){.n_channels = 1, .n = n, .sample_rate_hz = MODEL_MAKE_RATE_HZ};
        if (i == 3) continue;
        clips[i].x = base_arena_alloc(&arena, (size_t)n, sizeof(float));
        for (int64_t j = 0; j < n; j++) clips[i].x[j] = (float)(base_rng_uniform(&rng) - 0.5);
    }
}

static infer_model *open_model(const char *path, int64_t max_batch, base_pool *pool) {
    infer_model *model;
    TEST_OK(infer_model_open(path, max_batch, pool, &model, &err), err);
    return model;
}

static void classify(const char *path, int64_t max_batch, int n_threads, float *probability) {
    data_audio clips[N_CLIPS];
    base_pool *pool = pool_of(n_threads);
    infer_model *model = open_model(path, max_batch, pool);
    make_clips(clips);
    memset(probability, 0xFF, N_CLIPS * MODEL_MAKE_CLASSES * sizeof *probability);
    TEST_OK(infer_model_classify(model, clips, N_CLIPS, probability, &err), err);
    infer_model_free(model);
    base_pool_free(pool);
}

START_TEST(what_was_written_is_read_back) {
    base_pool *pool = pool_of(1);
    infer_model *model = open_model(model_path(2), 4, pool);
    ck_assert_int_eq(infer_model_n_members(model), 2);
    ck_assert_int_eq(infer_model_n_classes(model), MODEL_MAKE_CLASSES);
    ck_assert_str_eq(infer_model_class(model, 0), "kick");
    ck_assert_str_eq(infer_model_class(model, 2), "hat");
    ck_assert_str_eq(infer_model_record(model), "{\"name\": \"test\"}");
    ck_assert_double_eq(infer_model_audio(model)->sample_rate_hz, MODEL_MAKE_RATE_HZ);
    ck_assert_double_eq(infer_model_audio(model)->seconds, 0.25);
    infer_model_free(model);
    infer_model_free(NULL);
    base_pool_free(pool);
}
END_TEST

/* In a batch of another size the products of matrices have another form, and the last bits differ;
 * with another number of threads none does. */
START_TEST(threads_do_not_matter_and_batches_hardly) {
    float expected[N_CLIPS * MODEL_MAKE_CLASSES], got[N_CLIPS * MODEL_MAKE_CLASSES];
    float one[N_CLIPS * MODEL_MAKE_CLASSES];
    const char *path = model_path(1);
    classify(path, 1, 1, one);
    for (int64_t batch = 1; batch <= 16; batch *= 4) {
        classify(path, batch, 1, expected);
        test_close("probability", expected, one, N_CLIPS * MODEL_MAKE_CLASSES, 1e-5, 1e-7);
        for (int threads = 2; threads <= 3; threads++) {
            classify(path, batch, threads, got);
            ck_assert_mem_eq(got, expected, sizeof expected);
        }
    }
    for (int i = 0; i < N_CLIPS; i++) {
        double sum = 0;
        for (int c = 0; c < MODEL_MAKE_CLASSES; c++) sum += one[i * MODEL_MAKE_CLASSES + c];
        ck_assert_double_eq_tol(sum, i == 3 ? 0 : 1, 1e-6);
    }
}
END_TEST

START_TEST(members_are_averaged) {
    float both[N_CLIPS * MODEL_MAKE_CLASSES], first[N_CLIPS * MODEL_MAKE_CLASSES];
    float second[MODEL_MAKE_CLASSES], expected[MODEL_MAKE_CLASSES];
    const char *path = model_path(2);
    data_audio clips[N_CLIPS];
    classify(path, 8, 1, both);
    classify(model_path(1), 8, 1, first); /* the ensemble's first member */
    make_clips(clips);
    base_pool *pool = pool_of(1);
    infer_model *model = open_model(path, 1, pool);
    int64_t n = nn_shape_count(nn_network_get_config(infer_model_network(model, 1))->input);
    float *x = base_arena_alloc(&arena, (size_t)n, sizeof *x);
    const int clip = N_CLIPS - 1; /* of full length */
    int32_t length = 22;          /* frames of a quarter second: 1 + 5512 / 256 */
    infer_model_prepare(model, 1, &clips[clip], x);
    nn_input input = {.x = x, .length = &length, .n = 1};
    nn_softmax(nn_network_forward(infer_model_network(model, 1), &input), second, 1,
               MODEL_MAKE_CLASSES);
    for (int c = 0; c < MODEL_MAKE_CLASSES; c++) {
        expected[c] = (first[clip * MODEL_MAKE_CLASSES + c] + second[c]) / 2;
        ck_assert_float_ne(second[c], first[clip * MODEL_MAKE_CLASSES + c]);
    }
    test_close("mean", both + (size_t)clip * MODEL_MAKE_CLASSES, expected, MODEL_MAKE_CLASSES, 1e-5,
               1e-7);
    infer_model_free(model);
    base_pool_free(pool);
}
END_TEST

/* Ten times a rounded tenth is more than 1. */
START_TEST(an_ensemble_is_never_more_than_certain) {
    enum { N_MEMBERS = 10 };
    static const char *const classes[MODEL_MAKE_CLASSES] = {"kick", "snare", "hat"};
    float probability[N_CLIPS * MODEL_MAKE_CLASSES];
    infer_member members[N_MEMBERS];
    base_pool *pool = pool_of(1);
    const char *path = model_path(1);
    infer_model *model = open_model(path, 1, pool);
    for (int i = 0; i < N_MEMBERS; i++) members[i] = *infer_model_member(model, 0);
    infer_model_content content = {.config = infer_model_config(model),
                                   .record = infer_model_record(model),
                                   .classes = classes,
                                   .n_classes = MODEL_MAKE_CLASSES,
                                   .temperature = 1e-6,
                                   .members = members,
                                   .n_members = N_MEMBERS};
    TEST_OK(infer_model_write(&content, path, &err), err);
    infer_model_free(model);
    base_pool_free(pool);
    classify(path, 4, 1, probability);
    float largest = 0;
    for (int i = 0; i < N_CLIPS * MODEL_MAKE_CLASSES; i++) {
        largest = fmaxf(largest, probability[i]);
    }
    ck_assert_float_eq(largest, 1);
}
END_TEST

START_TEST(clips_of_another_form_are_refused) {
    float probability[MODEL_MAKE_CLASSES], samples[2] = {0};
    data_audio stereo = {
        .x = samples, .n_channels = 2, .n = 1, .sample_rate_hz = MODEL_MAKE_RATE_HZ};
    base_pool *pool = pool_of(1);
    infer_model *model = open_model(model_path(1), 1, pool);
    TEST_FAILS(infer_model_classify(model, &stereo, 1, probability, &err), BASE_ESHAPE, err,
               "clip 0 has 2 channels; the model takes 1");
    infer_model_free(model);
    base_pool_free(pool);
}
END_TEST

/* Cut anywhere, or with any byte changed, a model is refused with its name. */
START_TEST(damage_is_found) {
    const char *path = model_path(1), *hurt = base_path_join(&arena, test_folder(), "hurt.h5");
    void *data;
    size_t n_bytes;
    base_pool *pool = pool_of(1);
    infer_model *model;
    TEST_OK(base_file_read(path, 0, &data, &n_bytes, &err), err);
    unsigned char *bytes = data;
    for (size_t at = 0; at < n_bytes; at += 1 + n_bytes / 60) {
        TEST_OK(base_file_write(hurt, bytes, at, &err), err);
        ck_assert_int_ne(infer_model_open(hurt, 1, pool, &model, &err), BASE_OK);
        ck_assert_ptr_nonnull(strstr(err.text, "hurt.h5: "));
        bytes[at] ^= 0x10;
        TEST_OK(base_file_write(hurt, bytes, n_bytes, &err), err);
        ck_assert_int_ne(infer_model_open(hurt, 1, pool, &model, &err), BASE_OK);
        ck_assert_ptr_nonnull(strstr(err.text, "hurt.h5: "));
        bytes[at] ^= 0x10;
    }
    base_free(data);
    base_pool_free(pool);
}
END_TEST

/* A file with a right digest but content that makes no model. */
static base_status open_made(const char *config, int n_classes, double temperature,
                             const char *tensor) {
    static const char *const classes[] = {"kick", "snare"};
    const char *path = base_path_join(&arena, test_folder(), "made.h5");
    base_h5_writer *writer;
    TEST_OK(base_h5_writer_new("model", 1, &writer, &err), err);
    base_h5_put_string(writer, "config", config, &err);
    base_h5_put_string(writer, "record", "{}", &err);
    base_h5_put_strings(writer, "classes", n_classes, classes, &err);
    base_h5_put(writer, "temperature", BASE_H5_F64, 0, NULL, &temperature, &err);
    if (tensor != NULL) base_h5_put(writer, tensor, BASE_H5_F32, 0, NULL, &(float){1}, &err);
    TEST_OK(base_h5_writer_finish(writer, path, &err), err);
    base_pool *pool = pool_of(1);
    infer_model *model;
    base_status status = infer_model_open(path, 1, pool, &model, &err);
    base_pool_free(pool);
    return status;
}

START_TEST(nonsense_is_refused) {
    static const char whole[] = "audio: {}\nfeatures: {}\nnetwork: [{linear: classes}]\n";
    TEST_FAILS(open_made(whole, 0, 1, NULL), BASE_EFORMAT, err,
               "made.h5: classes that are not a list of");
    TEST_FAILS(open_made(whole, 2, 0, NULL), BASE_EFORMAT, err, "made.h5: temperature 0");
    TEST_FAILS(open_made(whole, 2, NAN, NULL), BASE_EFORMAT, err, "made.h5: temperature");
    TEST_FAILS(open_made("audio: {}\n", 2, 1, NULL), BASE_EFORMAT, err,
               "lacks audio, features or net");
    TEST_FAILS(open_made("audio: [\n", 2, 1, NULL), BASE_ECONFIG, err, "made.h5:");
    TEST_FAILS(open_made("audio: {secods: 1}\nfeatures: {}\nnetwork: []\n", 2, 1, NULL),
               BASE_ECONFIG, err, "did you mean 'seconds'?");
    ck_assert_int_ne(open_made(whole, 2, 1, NULL), BASE_OK); /* no members */
    TEST_FAILS(open_made("audio: {}\nfeatures: {hop: 3000}\nnetwork: [{linear: classes}]\n", 2, 1,
                         "members/0/x"),
               BASE_ECONFIG, err, "made.h5: features.hop");
    TEST_FAILS(open_made("audio: {}\nfeatures: {normalize: none}\n"
                         "network: [flatten, {linear: classes}]\n",
                         2, 1, "members/0/weights/2.bias"),
               BASE_ESHAPE, err, "made.h5: the weights do not fit the network");
    ck_assert_int_ne(open_made("- a list\n", 2, 1, NULL), BASE_OK);
}
END_TEST

TEST_MAIN("infer/model", what_was_written_is_read_back, threads_do_not_matter_and_batches_hardly,
          members_are_averaged, an_ensemble_is_never_more_than_certain,
          clips_of_another_form_are_refused, damage_is_found, nonsense_is_refused)
