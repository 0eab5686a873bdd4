#include "infer/rimshot.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "base/rng.h"
#include "dsp/descriptors.h"
#include "tests/model_make.h"
#include "tests/test.h"

enum { MAX_FRAMES = 44100 };
#define RATE_HZ ((double)MODEL_MAKE_RATE_HZ)

static char model_path[4096];

static rimshot_model *open_model(int n_members, int n_calls) {
    rimshot_model *model;
    rimshot_error error;
    snprintf(model_path, sizeof model_path, "%s/model.h5", test_folder());
    model_make(model_path, n_members);
    ck_assert_msg(rimshot_open(model_path, n_calls, &model, &error) == RIMSHOT_OK, "%s",
                  error.text);
    return model;
}

/* A decaying sine with noise, the channels a little apart; loud from the first sample on. */
static rimshot_audio make_hit(float *samples, int64_t n_frames, int n_channels, double rate_hz,
                              int number) {
    base_rng rng = base_rng_open(1, BASE_RNG_TEST, 8, (uint64_t)number);
    for (int64_t i = 0; i < n_frames * n_channels; i++) {
        double t = (double)(i / n_channels) / rate_hz;
        double tone = cos(6.2832 * (100 + 150 * number) * t + (double)(i % n_channels));
        samples[i] = (float)(0.5 * exp(-20 * t) * (tone + 0.2 * base_rng_normal(&rng)));
    }
    return (rimshot_audio){samples, n_frames, n_channels, rate_hz};
}

#define CHECK_OK(call, error) ck_assert_msg((call) == RIMSHOT_OK, "%s: %s", #call, (error).text)

/* The call has just failed so, with one line that contains `part`. */
static void check_failed(rimshot_status status, rimshot_status expected, const rimshot_error *error,
                         const char *part) {
    ck_assert_msg(status == expected, "'%s', not '%s': %s", rimshot_status_text(status),
                  rimshot_status_text(expected), error->text);
    ck_assert_int_eq(error->status, expected);
    ck_assert_msg(strstr(error->text, part) != NULL, "'%s' lacks '%s'", error->text, part);
    ck_assert_ptr_null(strchr(error->text, '\n'));
}

START_TEST(versions_agree) {
    char numbers[32];
    snprintf(numbers, sizeof numbers, "%d.%d.%d", RIMSHOT_VERSION_MAJOR, RIMSHOT_VERSION_MINOR,
             RIMSHOT_VERSION_PATCH);
    ck_assert_str_eq(rimshot_version(), numbers);
    ck_assert_str_eq(rimshot_version(), RIMSHOT_VERSION);
}
END_TEST

START_TEST(a_model_tells_about_itself) {
    rimshot_model *model = open_model(1, 1);
    int64_t shape[3];
    ck_assert_int_eq(rimshot_n_classes(model), 3);
    ck_assert_str_eq(rimshot_class_name(model, 2), "hat");
    ck_assert_ptr_null(rimshot_class_name(model, 3));
    ck_assert_ptr_null(rimshot_class_name(model, -1));
    ck_assert_ptr_nonnull(strstr(rimshot_model_config(model), "to_sequence"));
    ck_assert_str_eq(rimshot_model_record(model), "{\"name\": \"test\"}");
    ck_assert_int_eq(rimshot_model_format(model), 3);
    ck_assert(rimshot_model_sample_rate_hz(model) == RATE_HZ);
    ck_assert(rimshot_model_seconds(model) == 0.25);
    ck_assert_int_eq(rimshot_model_n_channels(model), 1);
    rimshot_features_shape(model, shape);
    ck_assert(shape[0] == 1 && shape[1] == 16 && shape[2] == 1 + 5513 / 256);
    rimshot_close(model);
}
END_TEST

/* What the program does with the same sound. */
static void classify_inside(const rimshot_audio *audio, float *probability) {
    base_error err;
    infer_model *model;
    data_audio clip;
    data_audio planar = {.n_channels = audio->n_channels,
                         .n = audio->n_frames,
                         .sample_rate_hz = audio->sample_rate_hz};
    planar.x = base_alloc((size_t)(planar.n * planar.n_channels), sizeof *planar.x);
    for (int64_t i = 0; i < planar.n; i++) {
        for (int64_t c = 0; c < planar.n_channels; c++) {
            planar.x[c * planar.n + i] = audio->samples[i * planar.n_channels + c];
        }
    }
    TEST_OK(infer_model_open(model_path, 16, NULL, &model, &err), err);
    TEST_OK(data_clip_prepare(&planar, infer_model_audio(model), &clip, &err), err);
    TEST_OK(infer_model_classify(model, &clip, 1, probability, &err), err);
    data_audio_release(&clip);
    data_audio_release(&planar);
    infer_model_free(model);
}

START_TEST(probabilities_are_the_programs) {
    static float samples[2 * MAX_FRAMES];
    rimshot_model *model = open_model(2, 1);
    rimshot_error error;
    for (int number = 0; number < 3; number++) {
        rimshot_audio hit = make_hit(samples, 9000 + number, 1 + number % 2, 44100, number);
        float outside[3], inside[3];
        CHECK_OK(rimshot_classify(model, &hit, outside, &error), error);
        classify_inside(&hit, inside);
        test_close("probability", outside, inside, 3, 0, 0);
        ck_assert_float_eq_tol(outside[0] + outside[1] + outside[2], 1, 1e-5);
        ck_assert_str_eq(error.text, "");
    }
    rimshot_close(model);
}
END_TEST

START_TEST(files_give_what_their_samples_give) {
    static float samples[2 * MAX_FRAMES];
    rimshot_model *model = open_model(1, 1);
    rimshot_error error;
    base_error err;
    char path[4200];
    float from_file[3], from_memory[3];
    data_audio stereo = {base_alloc(2 * 8000, sizeof(float)), 2, 8000, 32000};
    rimshot_audio hit = make_hit(samples, 8000, 2, 32000, 1), read;
    for (int i = 0; i < 16000; i++) stereo.x[i % 2 * 8000 + i / 2] = samples[i];
    snprintf(path, sizeof path, "%s/hit.wav", test_folder());
    TEST_OK(data_audio_write(path, &stereo, &err), err);
    CHECK_OK(rimshot_audio_read(path, &read, &error), error);
    ck_assert_int_eq(read.n_frames, 8000);
    ck_assert_int_eq(read.n_channels, 2);
    ck_assert(read.sample_rate_hz == 32000);
    test_close("samples", read.samples, samples, 16000, 0, 0);
    CHECK_OK(rimshot_classify_file(model, path, from_file, &error), error);
    CHECK_OK(rimshot_classify(model, &hit, from_memory, &error), error);
    test_close("probability", from_file, from_memory, 3, 0, 0);
    rimshot_audio_free(&read);
    rimshot_audio_free(&read);
    data_audio_release(&stereo);
    rimshot_close(model);
}
END_TEST

START_TEST(a_batch_is_its_clips) {
    enum { N = 11 };
    static float samples[N][8000];
    rimshot_model *model = open_model(1, 1);
    rimshot_audio hits[N];
    rimshot_status status[N];
    rimshot_error error;
    float batch[3 * N], single[3 * N] = {0};
    for (int i = 0; i < N; i++) {
        hits[i] = make_hit(samples[i], 4000 + 300 * i, 1, 22050, i);
        CHECK_OK(rimshot_classify(model, &hits[i], single + 3 * i, &error), error);
    }
    CHECK_OK(rimshot_classify_batch(model, hits, N, batch, NULL, &error), error);
    ck_assert_mem_eq(batch, single, sizeof batch);
    samples[9][17] = NAN;
    hits[10].n_frames = 0;
    check_failed(rimshot_classify_batch(model, hits, N, batch, NULL, &error), RIMSHOT_ENUMERIC,
                 &error, "clip 9: frame 17");
    CHECK_OK(rimshot_classify_batch(model, hits, N, batch, status, &error), error);
    check_failed(status[9], RIMSHOT_ENUMERIC, &error, "clip 9: frame 17");
    ck_assert_int_eq(status[8], RIMSHOT_OK);
    ck_assert_int_eq(status[10], RIMSHOT_EDATA);
    memset(single + 3 * 9, 0, 6 * sizeof *single);
    ck_assert_mem_eq(batch, single, sizeof batch);
    CHECK_OK(rimshot_classify_batch(model, hits, 0, batch, NULL, &error), error);
    rimshot_close(model);
}
END_TEST

/* The last layer, done by hand on the embedding, must give the probabilities. */
START_TEST(embeddings_lie_before_the_last_layer) {
    static float samples[6000];
    rimshot_model *model = open_model(1, 1);
    infer_model *inside;
    base_error err;
    rimshot_error error;
    float embedding[MODEL_MAKE_EMBEDDING], p[3], expected[3];
    double sum = 0;
    rimshot_audio hit = make_hit(samples, 6000, 1, 22050, 2);
    ck_assert_int_eq(rimshot_embedding_size(model), MODEL_MAKE_EMBEDDING);
    CHECK_OK(rimshot_embed(model, &hit, embedding, &error), error);
    CHECK_OK(rimshot_classify(model, &hit, p, &error), error);
    TEST_OK(infer_model_open(model_path, 1, NULL, &inside, &err), err);
    nn_network *network = infer_model_network(inside, 0);
    int n = nn_network_n_tensors(network);
    const float *weight = nn_network_tensor(network, n - 2).data;
    const float *bias = nn_network_tensor(network, n - 1).data;
    for (int c = 0; c < 3; c++) {
        double logit = bias[c];
        for (int i = 0; i < 8; i++) logit += (double)weight[8 * c + i] * embedding[i];
        sum += expected[c] = expf((float)logit);
    }
    for (int c = 0; c < 3; c++) expected[c] = (float)(expected[c] / sum);
    test_close("probability", p, expected, 3, 0, 1e-5);
    infer_model_free(inside);
    rimshot_close(model);
    model = open_model(2, 1);
    ck_assert_int_eq(rimshot_embedding_size(model), 2 * MODEL_MAKE_EMBEDDING);
    float both[2 * MODEL_MAKE_EMBEDDING];
    CHECK_OK(rimshot_embed(model, &hit, both, &error), error);
    test_close("embedding", both, embedding, MODEL_MAKE_EMBEDDING, 0, 0);
    ck_assert(memcmp(both, both + MODEL_MAKE_EMBEDDING, sizeof embedding) != 0);
    rimshot_close(model);
}
END_TEST

/* The model's normalisation is the identity, and the clip fills its length. */
START_TEST(features_are_log_mel) {
    enum { N = 5513, T = 1 + N / 256 };
    static float samples[N], features[16 * T], decibel[16 * T];
    rimshot_model *model = open_model(1, 1);
    rimshot_error error;
    rimshot_audio hit = make_hit(samples, N, 1, RATE_HZ, 3);
    rimshot_log_mel_options options = {.n_fft = 512, .hop = 256, .n_mels = 16};
    samples[N - 1] = 0.1f;
    ck_assert_int_eq(rimshot_log_mel_frames(&options, N), T);
    CHECK_OK(rimshot_features(model, &hit, features, &error), error);
    CHECK_OK(rimshot_log_mel(&options, &hit, decibel, &error), error);
    test_close("features", features, decibel, 16 * T, 0, 0);
    ck_assert(decibel[0] > -40 && decibel[0] < 60);
    rimshot_close(model);
}
END_TEST

/* The model of model_make, but for its second member's normalisation. */
static void renormalise(const float *offset, const float *scale) {
    static const char *const classes[] = {"kick", "snare", "hat"};
    infer_model *model;
    base_error err;
    TEST_OK(infer_model_open(model_path, 1, NULL, &model, &err), err);
    infer_member members[] = {*infer_model_member(model, 0), *infer_model_member(model, 1)};
    dsp_features_set_norm(members[1].features, offset, scale);
    infer_model_content content = {.config = infer_model_config(model),
                                   .record = infer_model_record(model),
                                   .classes = classes,
                                   .n_classes = 3,
                                   .temperature = 1,
                                   .members = members,
                                   .n_members = 2};
    TEST_OK(infer_model_write(&content, model_path, &err), err);
    infer_model_free(model);
}

START_TEST(each_network_has_its_own_features) {
    enum { T = 1 + 5513 / 256, COUNT = 16 * T };
    static float samples[6000], first[COUNT], second[COUNT], whole[COUNT], expected[COUNT];
    float offset[16], scale[16];
    for (int row = 0; row < 16; row++) offset[row] = (float)row, scale[row] = 2;
    rimshot_close(open_model(2, 1));
    renormalise(offset, scale);
    rimshot_model *model;
    rimshot_error error;
    CHECK_OK(rimshot_open(model_path, 1, &model, &error), error);
    rimshot_audio hit = make_hit(samples, 6000, 1, RATE_HZ, 3);
    CHECK_OK(rimshot_features(model, &hit, whole, &error), error);
    CHECK_OK(rimshot_network_features(model, 0, &hit, first, &error), error);
    CHECK_OK(rimshot_network_features(model, 1, &hit, second, &error), error);
    test_close("features", first, whole, COUNT, 0, 0);
    for (int i = 0; i < COUNT; i++) expected[i] = (whole[i] - offset[i / T]) / 2;
    test_close("features", second, expected, COUNT, 1e-5, 1e-5);
    check_failed(rimshot_network_features(model, 2, &hit, second, &error), RIMSHOT_EUSAGE, &error,
                 "no network 2");
    rimshot_close(model);
}
END_TEST

START_TEST(log_mel_checks_its_options) {
    static float samples[2 * 1000], decibel[2 * 64 * 10];
    rimshot_error error;
    rimshot_audio hit = make_hit(samples, 1000, 2, 44100, 3);
    rimshot_log_mel_options o = {.n_fft = 15};
    ck_assert_int_eq(rimshot_log_mel_frames(NULL, 1000), 3);
    CHECK_OK(rimshot_log_mel(NULL, &hit, decibel, &error), error);
    ck_assert_int_eq(rimshot_log_mel_frames(&o, 1000), 0);
    check_failed(rimshot_log_mel(&o, &hit, decibel, &error), RIMSHOT_ECONFIG, &error, "n_fft");
    o = (rimshot_log_mel_options){.hop = -1};
    check_failed(rimshot_log_mel(&o, &hit, decibel, &error), RIMSHOT_ECONFIG, &error, "hop");
    o = (rimshot_log_mel_options){.n_mels = INT64_MAX};
    check_failed(rimshot_log_mel(&o, &hit, decibel, &error), RIMSHOT_ECONFIG, &error, "n_mels");
    o = (rimshot_log_mel_options){.fmin_hz = NAN};
    check_failed(rimshot_log_mel(&o, &hit, decibel, &error), RIMSHOT_ECONFIG, &error, "nan Hz");
    o = (rimshot_log_mel_options){.fmin_hz = 22051};
    check_failed(rimshot_log_mel(&o, &hit, decibel, &error), RIMSHOT_ECONFIG, &error, "fmin");
}
END_TEST

/* 1 + (n - 1) / hop, of what is left when the silence behind the clip is taken off. */
START_TEST(frames_are_those_with_sound) {
    static float samples[8000];
    rimshot_model *model = open_model(1, 1);
    rimshot_error error;
    int64_t n_frames;
    rimshot_audio hit = make_hit(samples, 8000, 1, RATE_HZ, 3);
    for (int i = 0; i < 8000; i++) samples[i] = i < 1000 ? 0.5f : 0;
    CHECK_OK(rimshot_features_frames(model, &hit, &n_frames, &error), error);
    ck_assert_int_eq(n_frames, 1 + 999 / 256);
    samples[7999] = 0.5f;
    CHECK_OK(rimshot_features_frames(model, &hit, &n_frames, &error), error);
    ck_assert_int_eq(n_frames, 1 + 5512 / 256);
    rimshot_close(model);
}
END_TEST

START_TEST(descriptors_are_the_programs) {
    enum { N = 6000 };
    static float samples[2 * N], planar[2 * N];
    double values[DSP_N_DESCRIPTORS], inside[DSP_N_DESCRIPTORS];
    rimshot_error error;
    base_error err;
    dsp_descriptors *descriptors;
    rimshot_audio hit = make_hit(samples, N, 2, 44100, 1);
    for (int i = 0; i < 2 * N; i++) planar[i % 2 * N + i / 2] = samples[i];
    ck_assert_int_eq(rimshot_n_descriptors(), DSP_N_DESCRIPTORS);
    ck_assert_str_eq(rimshot_descriptor_name(0), "pitch_hz");
    ck_assert_str_eq(rimshot_descriptor_name(DSP_N_DESCRIPTORS - 1), "duration_s");
    ck_assert_ptr_null(rimshot_descriptor_name(DSP_N_DESCRIPTORS));
    ck_assert_ptr_null(rimshot_descriptor_name(-1));
    CHECK_OK(rimshot_descriptors(&hit, values, &error), error);
    TEST_OK(dsp_descriptors_new(44100, 2, N, &descriptors, &err), err);
    void *scratch = base_alloc(dsp_descriptors_scratch_bytes(descriptors), 1);
    dsp_descriptors_measure(descriptors, planar, N, scratch, inside);
    ck_assert_mem_eq(values, inside, sizeof values);
    ck_assert_double_eq_tol(values[DSP_N_DESCRIPTORS - 1], N / 44100.0, 1e-9);
    base_free(scratch);
    dsp_descriptors_free(descriptors);
    hit.sample_rate_hz = 7000;
    check_failed(rimshot_descriptors(&hit, values, &error), RIMSHOT_ECONFIG, &error, "7000 Hz");
    hit = (rimshot_audio){samples, 100, 3, 44100};
    check_failed(rimshot_descriptors(&hit, values, &error), RIMSHOT_EDATA, &error, "at most 2");
}
END_TEST

/* In every copy the same, in the order and with the names of the network. */
START_TEST(weights_are_the_networks) {
    rimshot_model *model = open_model(2, 2);
    rimshot_error error;
    rimshot_tensor tensor;
    infer_model *inside;
    base_error err;
    ck_assert_int_eq(rimshot_n_networks(model), 2);
    ck_assert_int_eq(rimshot_n_tensors(model, 2), 0);
    ck_assert(rimshot_model_temperature(model) == 1);
    TEST_OK(infer_model_open(model_path, 1, NULL, &inside, &err), err);
    for (int m = 0; m < 2; m++) {
        nn_network *network = infer_model_network(inside, m);
        ck_assert_int_eq(rimshot_n_tensors(model, m), nn_network_n_tensors(network));
        for (int i = 0; i < rimshot_n_tensors(model, m); i++) {
            nn_tensor expected = nn_network_tensor(network, i);
            CHECK_OK(rimshot_get_tensor(model, m, i, &tensor, &error), error);
            ck_assert_str_eq(tensor.name, expected.name);
            ck_assert_int_eq(tensor.n_axes, expected.shape.rank);
            ck_assert_mem_eq(tensor.shape, expected.shape.dim,
                             (size_t)tensor.n_axes * sizeof *tensor.shape);
            ck_assert_mem_eq(tensor.data, expected.data,
                             (size_t)nn_shape_count(expected.shape) * sizeof *tensor.data);
        }
    }
    check_failed(rimshot_get_tensor(model, 0, -1, &tensor, &error), RIMSHOT_EUSAGE, &error,
                 "no tensor -1");
    check_failed(rimshot_get_tensor(model, 5, 0, &tensor, &error), RIMSHOT_EUSAGE, &error,
                 "network 5");
    infer_model_free(inside);
    rimshot_close(model);
}
END_TEST

START_TEST(unusable_sound_is_refused) {
    static float samples[8000], silence[8000];
    rimshot_model *model = open_model(1, 1);
    rimshot_error error;
    float p[3];
    make_hit(samples, 8000, 1, 22050, 0);
    const struct {
        rimshot_audio audio;
        rimshot_status status;
        const char *part;
    } cases[] = {
        {{samples, 0, 1, 22050}, RIMSHOT_EDATA, "no samples"},
        {{samples, -1, 1, 22050}, RIMSHOT_EDATA, "no samples"},
        {{samples, INT64_MAX, 64, 22050}, RIMSHOT_EDATA, "at most 600"},
        {{samples, 8000, 0, 22050}, RIMSHOT_EDATA, "0 channels"},
        {{samples, 100, 65, 22050}, RIMSHOT_EDATA, "65 channels"},
        {{samples, 8000, 1, 0}, RIMSHOT_EDATA, "0 Hz"},
        {{samples, 8000, 1, -22050}, RIMSHOT_EDATA, "-22050 Hz"},
        {{samples, 8000, 1, NAN}, RIMSHOT_EDATA, "nan Hz"},
        {{samples, 8000, 1, INFINITY}, RIMSHOT_EDATA, "inf Hz"},
        {{samples, 500, 1, 1}, RIMSHOT_EDATA, "cannot resample"},
        {{silence, 8000, 1, 22050}, RIMSHOT_EDATA, "silent"},
        {{NULL, 8000, 1, 22050}, RIMSHOT_EUSAGE, "samples is NULL"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        check_failed(rimshot_classify(model, &cases[i].audio, p, &error), cases[i].status, &error,
                     cases[i].part);
    }
    samples[7999] = -INFINITY;
    check_failed(rimshot_embed(model, &(rimshot_audio){samples, 4000, 2, 22050}, p, &error),
                 RIMSHOT_ENUMERIC, &error, "frame 3999 is not a finite number");
    samples[7999] = 0;
    rimshot_audio odd = {samples, 8000, 1, 12345.678};
    CHECK_OK(rimshot_classify(model, &odd, p, &error), error);
    odd = (rimshot_audio){samples, 1, 1, 22050};
    CHECK_OK(rimshot_classify(model, &odd, p, &error), error);
    rimshot_close(model);
}
END_TEST

START_TEST(null_arguments_are_refused) {
    static float samples[4000];
    rimshot_model *model = open_model(1, 1), *none;
    rimshot_audio hit = make_hit(samples, 4000, 1, 22050, 0), read;
    rimshot_error error;
    float p[3];
    double values[DSP_N_DESCRIPTORS];
    check_failed(rimshot_open(NULL, 1, &none, &error), RIMSHOT_EUSAGE, &error, "path is NULL");
    ck_assert_ptr_null(none);
    check_failed(rimshot_open(model_path, 1, NULL, &error), RIMSHOT_EUSAGE, &error, "model is");
    check_failed(rimshot_classify(NULL, &hit, p, &error), RIMSHOT_EUSAGE, &error, "model is");
    check_failed(rimshot_classify(model, NULL, p, &error), RIMSHOT_EUSAGE, &error, "audio is");
    check_failed(rimshot_classify(model, &hit, NULL, &error), RIMSHOT_EUSAGE, &error, "is NULL");
    check_failed(rimshot_classify_file(model, NULL, p, &error), RIMSHOT_EUSAGE, &error, "path is");
    check_failed(rimshot_classify_batch(model, NULL, 1, p, NULL, &error), RIMSHOT_EUSAGE, &error,
                 "audio is");
    check_failed(rimshot_classify_batch(model, &hit, -1, p, NULL, &error), RIMSHOT_EUSAGE, &error,
                 "n is -1");
    check_failed(rimshot_embed(model, &hit, NULL, &error), RIMSHOT_EUSAGE, &error, "is NULL");
    check_failed(rimshot_features(model, &hit, NULL, &error), RIMSHOT_EUSAGE, &error, "is NULL");
    check_failed(rimshot_log_mel(NULL, &hit, NULL, &error), RIMSHOT_EUSAGE, &error, "decibel is");
    check_failed(rimshot_features_frames(model, &hit, NULL, &error), RIMSHOT_EUSAGE, &error,
                 "n_frames is");
    check_failed(rimshot_descriptors(&hit, NULL, &error), RIMSHOT_EUSAGE, &error, "values is");
    check_failed(rimshot_descriptors(NULL, values, &error), RIMSHOT_EUSAGE, &error, "audio is");
    check_failed(rimshot_get_tensor(model, 0, 0, NULL, &error), RIMSHOT_EUSAGE, &error,
                 "tensor is");
    check_failed(rimshot_audio_read(NULL, &read, &error), RIMSHOT_EUSAGE, &error, "path is NULL");
    check_failed(rimshot_audio_read("x.wav", NULL, &error), RIMSHOT_EUSAGE, &error, "audio is");
    ck_assert_int_eq(rimshot_classify(NULL, NULL, NULL, NULL), RIMSHOT_EUSAGE);
    ck_assert_int_eq(rimshot_classify(model, &hit, p, NULL), RIMSHOT_OK);
    rimshot_audio_free(NULL);
    rimshot_close(NULL);
    rimshot_close(model);
}
END_TEST

START_TEST(what_is_no_model_is_refused) {
    rimshot_model *model = open_model(1, 1), *none;
    rimshot_error error;
    base_error err;
    char path[4200];
    float p[3];
    const char *folder = test_folder();
    check_failed(rimshot_open(model_path, 0, &none, &error), RIMSHOT_EUSAGE, &error, "n_calls");
    check_failed(rimshot_open(model_path, 257, &none, &error), RIMSHOT_EUSAGE, &error, "n_calls");
    check_failed(rimshot_open("none.h5", 1, &none, &error), RIMSHOT_ENOTFOUND, &error, "none.h5");
    check_failed(rimshot_open(folder, 1, &none, &error), RIMSHOT_EIO, &error, folder);
    snprintf(path, sizeof path, "%s/text", folder);
    TEST_OK(base_file_write(path, "text", 4, &err), err);
    check_failed(rimshot_open(path, 1, &none, &error), RIMSHOT_EFORMAT, &error, path);
    check_failed(rimshot_classify_file(model, path, p, &error), RIMSHOT_EFORMAT, &error, path);
    check_failed(rimshot_classify_file(model, "none.wav", p, &error), RIMSHOT_ENOTFOUND, &error,
                 "none.wav");
    data_audio silence = {base_alloc(500, sizeof(float)), 1, 500, 22050};
    snprintf(path, sizeof path, "%s/silence.wav", folder);
    TEST_OK(data_audio_write(path, &silence, &err), err);
    check_failed(rimshot_classify_file(model, path, p, &error), RIMSHOT_EDATA, &error,
                 "silence.wav: silent");
    data_audio_release(&silence);
    ck_assert_int_eq(truncate(model_path, 5000), 0);
    check_failed(rimshot_open(model_path, 1, &none, &error), RIMSHOT_EDIGEST, &error, model_path);
    ck_assert_ptr_null(none);
    rimshot_close(model);
}
END_TEST

/* ---- threads ---- */

enum { N_THREADS = 4, N_ROUNDS = 5, N_HITS = 3 };

typedef struct {
    float single[N_HITS][3], batch[N_HITS][3], embedding[N_HITS][MODEL_MAKE_EMBEDDING];
    float features[16 * 22];
} answers;

typedef struct {
    rimshot_model *model;
    rimshot_audio hits[N_HITS];
    int n_failed;
    answers answers;
} caller;

static void *ask_everything(void *context) {
    caller *c = context;
    answers *a = &c->answers;
    for (int i = 0; i < N_HITS; i++) {
        c->n_failed += rimshot_classify(c->model, &c->hits[i], a->single[i], NULL) != RIMSHOT_OK;
        c->n_failed += rimshot_embed(c->model, &c->hits[i], a->embedding[i], NULL) != RIMSHOT_OK;
    }
    c->n_failed +=
        rimshot_classify_batch(c->model, c->hits, N_HITS, a->batch[0], NULL, NULL) != RIMSHOT_OK;
    c->n_failed += rimshot_features(c->model, &c->hits[0], a->features, NULL) != RIMSHOT_OK;
    return NULL;
}

/* More threads than may compute at once: they wait for each other, too. */
START_TEST(threads_give_the_same_bits) {
    static float samples[N_HITS][6000];
    caller alone = {.model = open_model(1, 2)};
    for (int i = 0; i < N_HITS; i++) alone.hits[i] = make_hit(samples[i], 6000, 1, 44100, i);
    ask_everything(&alone);
    ck_assert_int_eq(alone.n_failed, 0);
    for (int round = 0; round < N_ROUNDS; round++) {
        pthread_t threads[N_THREADS];
        caller callers[N_THREADS];
        for (int i = 0; i < N_THREADS; i++) {
            callers[i] = alone;
            memset(&callers[i].answers, 0xFF, sizeof callers[i].answers);
            ck_assert_int_eq(pthread_create(&threads[i], NULL, ask_everything, &callers[i]), 0);
        }
        for (int i = 0; i < N_THREADS; i++) {
            pthread_join(threads[i], NULL);
            ck_assert_int_eq(callers[i].n_failed, 0);
            ck_assert_mem_eq(&callers[i].answers, &alone.answers, sizeof alone.answers);
        }
    }
    rimshot_close(alone.model);
}
END_TEST

static void *open_and_ask(void *context) {
    caller *c = context;
    rimshot_error error;
    c->n_failed += rimshot_open(model_path, 1, &c->model, &error) != RIMSHOT_OK;
    if (c->n_failed == 0) ask_everything(c);
    rimshot_close(c->model);
    return NULL;
}

START_TEST(threads_may_open_models) {
    static float samples[N_HITS][6000];
    caller callers[2] = {0};
    pthread_t threads[2];
    rimshot_close(open_model(1, 1));
    for (int i = 0; i < N_HITS; i++) callers[0].hits[i] = make_hit(samples[i], 6000, 1, 44100, i);
    callers[1] = callers[0];
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, open_and_ask, &callers[i]), 0);
    }
    for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
    ck_assert_int_eq(callers[0].n_failed + callers[1].n_failed, 0);
    ck_assert_mem_eq(&callers[0].answers, &callers[1].answers, sizeof callers[0].answers);
}
END_TEST

TEST_MAIN("infer/rimshot", versions_agree, a_model_tells_about_itself,
          probabilities_are_the_programs, files_give_what_their_samples_give, a_batch_is_its_clips,
          embeddings_lie_before_the_last_layer, features_are_log_mel, log_mel_checks_its_options,
          each_network_has_its_own_features, frames_are_those_with_sound,
          descriptors_are_the_programs, weights_are_the_networks, unusable_sound_is_refused,
          null_arguments_are_refused, what_is_no_model_is_refused, threads_give_the_same_bits,
          threads_may_open_models)
