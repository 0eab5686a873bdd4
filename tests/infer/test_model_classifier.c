/* Models with a classifier behind the network: written, read back, damaged, in the library. */
#include <math.h>

#include "base/file.h"
#include "base/h5.h"
#include "base/rng.h"
#include "infer/model.h"
#include "infer/rimshot.h"
#include "tests/model_make.h"
#include "tests/test.h"

enum { RATE_HZ = 8000, N_SAMPLES = 2000, WIDTH = 64, N_CLASSES = 3, N_ROWS = 60, N_CLIPS = 5 };

#define CONFIG(rest)                                                                               \
    "audio: {sample_rate: 8000, channels: 1, seconds: 0.25, normalize: none, trim_db: 0}\n"        \
    "features: {kind: log_mel, n_fft: 256, hop: 256, n_mels: 8, normalize: none}\n"                \
    "network: [flatten]\n" rest

static base_error err;
static base_arena arena;

static void noise(uint64_t seed, float *x, int64_t n) {
    base_rng rng = base_rng_open(seed, 0, 0, 0);
    for (int64_t i = 0; i < n; i++) x[i] = (float)(base_rng_uniform(&rng) - 0.5);
}

/* Fitted on noise whose first number has the class in it. */
static nn_classifier *make_classifier(const char *name, int64_t width, int n_classes) {
    base_choice choice;
    nn_classifier *classifier;
    int32_t label[N_ROWS];
    float *x = base_arena_alloc(&arena, (size_t)(N_ROWS * width), sizeof *x);
    base_node *node = base_node_scalar(&arena, name, "test", 0);
    TEST_OK(nn_classifier_bind(node, &arena, &choice, &err), err);
    noise(7, x, N_ROWS * width);
    for (int i = 0; i < N_ROWS; i++) x[i * width] += 2 * (float)(label[i] = i % n_classes);
    nn_classifier_training training = {.x = x,
                                       .label = label,
                                       .n = N_ROWS,
                                       .n_features = width,
                                       .n_classes = n_classes,
                                       .seed = 1};
    TEST_OK(nn_classifier_fit(&choice, &training, &classifier, &err), err);
    return classifier;
}

/* Takes the classifiers. */
static const char *write_model(const char *config, double temperature, nn_classifier **classifiers,
                               int n_members) {
    static const char *const classes[N_CLASSES] = {"kick", "snare", "hat"};
    const char *path = base_path_join(&arena, test_folder(), "model.h5");
    infer_member members[2];
    for (int i = 0; i < n_members; i++) {
        members[i] = model_make_member(CONFIG(""), N_CLASSES, 1);
        members[i].classifier = classifiers[i];
    }
    infer_model_content content = {.config = config,
                                   .record = "{}",
                                   .classes = classes,
                                   .n_classes = N_CLASSES,
                                   .temperature = temperature,
                                   .members = members,
                                   .n_members = n_members};
    TEST_OK(infer_model_write(&content, path, &err), err);
    for (int i = 0; i < n_members; i++) {
        nn_network_free(members[i].network);
        dsp_features_free(members[i].features);
        nn_classifier_free(members[i].classifier);
    }
    return path;
}

static float sound[N_CLIPS][N_SAMPLES];

static void make_clips(data_audio clips[N_CLIPS]) {
    for (int i = 0; i < N_CLIPS; i++) {
        noise(100 + (uint64_t)i, sound[i], N_SAMPLES);
        clips[i] =
            (data_audio){.x = sound[i], .n_channels = 1, .n = N_SAMPLES, .sample_rate_hz = RATE_HZ};
    }
}

START_TEST(a_model_says_what_its_classifiers_say) {
    nn_classifier *made[] = {make_classifier("random_forest", WIDTH, N_CLASSES),
                             make_classifier("svm", WIDTH, N_CLASSES)};
    nn_classifier *kept[] = {make_classifier("random_forest", WIDTH, N_CLASSES),
                             make_classifier("svm", WIDTH, N_CLASSES)};
    const char *path = write_model(CONFIG("classifier: random_forest\n"), 2, made, 2);
    data_audio clips[N_CLIPS];
    infer_model *model;
    make_clips(clips);
    float got[N_CLIPS * N_CLASSES], expected[N_CLIPS * N_CLASSES] = {0}, x[WIDTH];
    TEST_OK(infer_model_open(path, 2, NULL, &model, &err), err);
    ck_assert_int_eq(infer_model_format(model), 3);
    ck_assert_int_eq(infer_model_embedding_size(model), 2 * WIDTH);
    TEST_OK(infer_model_classify(model, clips, N_CLIPS, got, &err), err);
    for (int i = 0; i < N_CLIPS; i++) {
        infer_model_prepare(model, 0, &clips[i], x);
        for (int m = 0; m < 2; m++) {
            float p[N_CLASSES], sum = 0;
            TEST_OK(nn_classifier_predict(kept[m], x, 1, NULL, p, &err), err);
            for (int c = 0; c < N_CLASSES; c++) sum += p[c] = sqrtf(p[c]);
            for (int c = 0; c < N_CLASSES; c++) expected[i * N_CLASSES + c] += p[c] / sum / 2;
        }
    }
    test_close("probabilities", got, expected, N_CLIPS * N_CLASSES, 1e-5, 1e-6);
    infer_model_free(model);
    for (int m = 0; m < 2; m++) nn_classifier_free(kept[m]);
}
END_TEST

/* At temperature 1 that is the classifier's own probability; the embedding is what it is given. */
START_TEST(the_library_takes_it) {
    nn_classifier *made = make_classifier("logistic_regression", WIDTH, N_CLASSES);
    nn_classifier *kept = make_classifier("logistic_regression", WIDTH, N_CLASSES);
    const char *path = write_model(CONFIG("classifier: logistic_regression\n"), 1, &made, 1);
    data_audio clips[N_CLIPS];
    rimshot_model *model;
    rimshot_error error;
    float got[N_CLASSES], expected[N_CLASSES], embedding[WIDTH], features[WIDTH];
    make_clips(clips);
    rimshot_audio audio = {sound[0], N_SAMPLES, 1, RATE_HZ};
    ck_assert_msg(rimshot_open(path, 1, &model, &error) == RIMSHOT_OK, "%s", error.text);
    ck_assert_int_eq(rimshot_model_format(model), 3);
    ck_assert_int_eq(rimshot_embedding_size(model), WIDTH);
    ck_assert_int_eq(rimshot_features(model, &audio, features, &error), RIMSHOT_OK);
    ck_assert_int_eq(rimshot_embed(model, &audio, embedding, &error), RIMSHOT_OK);
    ck_assert_mem_eq(embedding, features, sizeof features);
    ck_assert_int_eq(rimshot_classify(model, &audio, got, &error), RIMSHOT_OK);
    TEST_OK(nn_classifier_predict(kept, features, 1, NULL, expected, &err), err);
    test_close("probabilities", got, expected, N_CLASSES, 1e-6, 1e-6);
    rimshot_close(model);
    nn_classifier_free(kept);
}
END_TEST

static void refused(const char *path, base_status status, const char *part) {
    infer_model *model;
    TEST_FAILS(infer_model_open(path, 1, NULL, &model, &err), status, err, part);
    ck_assert_msg(strstr(err.text, path) != NULL, "'%s' lacks '%s'", err.text, path);
}

START_TEST(what_does_not_fit_together_is_refused) {
    static const char config[] = CONFIG("classifier: nearest\n");
    nn_classifier *none = NULL, *made = make_classifier("nearest", WIDTH - 1, N_CLASSES);
    refused(write_model(config, 1, &made, 1), BASE_ESHAPE, "has 63 features and 3 classes, not 64");
    made = make_classifier("nearest", WIDTH, N_CLASSES + 1);
    refused(write_model(config, 1, &made, 1), BASE_ESHAPE, "64 features and 4 classes");
    refused(write_model(config, 1, &none, 1), BASE_ENOTFOUND, "members/0/classifier/kind");
    made = make_classifier("nearest", WIDTH, N_CLASSES);
    refused(write_model(CONFIG(""), 1, &made, 1), BASE_EFORMAT, "does not end in 3 classes");
}
END_TEST

/* tests/nn/classifiers/test_classifier.c spoils every dataset of the group; here it is a
 * stranger's. */
START_TEST(a_classifier_of_another_program_is_refused) {
    static const char *const classes[N_CLASSES] = {"kick", "snare", "hat"};
    const char *path = base_path_join(&arena, test_folder(), "model.h5");
    base_h5_writer *writer;
    double temperature = 1;
    TEST_OK(base_h5_writer_new("model", 2, &writer, &err), err);
    base_h5_put_string(writer, "config", CONFIG("classifier: nearest\n"), &err);
    base_h5_put_string(writer, "record", "{}", &err);
    base_h5_put_strings(writer, "classes", N_CLASSES, classes, &err);
    base_h5_put(writer, "temperature", BASE_H5_F64, 0, NULL, &temperature, &err);
    base_h5_put_string(writer, "members/0/classifier/kind", "oracle", &err);
    TEST_OK(base_h5_writer_finish(writer, path, &err), err);
    refused(path, BASE_EFORMAT, "'oracle', a classifier this program lacks");
}
END_TEST

TEST_MAIN("infer/model_classifier", a_model_says_what_its_classifiers_say, the_library_takes_it,
          what_does_not_fit_together_is_refused, a_classifier_of_another_program_is_refused)
