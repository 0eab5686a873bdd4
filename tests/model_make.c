#include "tests/model_make.h"

#include "base/yaml.h"
#include "tests/network_make.h"
#include "tests/test.h"

enum { MAX_MEMBERS = 4 };

#define LAYERS                                                                                     \
    "[{conv2d: {out: 4, kernel: 3, pad: same}}, batch_norm, relu, {max_pool: 2}, to_sequence, "    \
    "{gru: {hidden: 8}}, {time_pool: mean}, {dropout: 0.3}, {linear: classes}]"
#define FRONT_END                                                                                  \
    "audio: {sample_rate: 22050, channels: 1, seconds: 0.25, normalize: none}\n"                   \
    "features: {kind: log_mel, n_fft: 512, hop: 256, n_mels: 16}\n"

static const char config[] = FRONT_END "network: " LAYERS "\n";

static dsp_features *make_features(int64_t shape[3]) {
    base_arena arena = {0};
    base_node *root;
    base_error err;
    data_audio_options audio;
    dsp_features_options options;
    dsp_features *features;
    TEST_OK(base_yaml_parse(config, sizeof config - 1, "config", &arena, &root, &err), err);
    TEST_OK(base_options_bind(data_audio_table, base_node_get(root, "audio"), &audio, &arena, &err),
            err);
    TEST_OK(base_options_bind(dsp_features_table, base_node_get(root, "features"), &options, &arena,
                              &err),
            err);
    TEST_OK(dsp_features_new(&options, audio.sample_rate_hz, audio.channels,
                             data_audio_samples(&audio), &features, &err),
            err);
    dsp_features_shape(features, shape);
    base_arena_release(&arena);
    return features;
}

void model_make(const char *path, int n_members) {
    static const char *const classes[MODEL_MAKE_CLASSES] = {"kick", "snare", "hat"};
    infer_member members[MAX_MEMBERS];
    base_error err;
    ck_assert_int_le(n_members, MAX_MEMBERS);
    for (int i = 0; i < n_members; i++) {
        int64_t shape[3];
        members[i].features = make_features(shape);
        nn_network_config plan = {
            .input = nn_shape_make(3, shape), .n_classes = MODEL_MAKE_CLASSES, .max_batch = 1};
        members[i].network = network_make(LAYERS, &plan);
        nn_network_init(members[i].network, (uint64_t)(1 + i));
    }
    infer_model_content content = {.config = config,
                                   .record = "{\"name\": \"test\"}",
                                   .classes = classes,
                                   .n_classes = MODEL_MAKE_CLASSES,
                                   .temperature = 1,
                                   .members = members,
                                   .n_members = n_members};
    TEST_OK(infer_model_write(&content, path, &err), err);
    for (int i = 0; i < n_members; i++) {
        nn_network_free(members[i].network);
        dsp_features_free(members[i].features);
    }
}
