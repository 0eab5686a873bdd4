#include "tests/model_make.h"

#include <math.h>

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

static base_node *section(base_node *root, const char *key) {
    base_node *node = base_node_get(root, key);
    ck_assert_ptr_nonnull(node);
    return node;
}

static dsp_features *make_features(base_node *root, base_arena *arena, int64_t shape[3]) {
    base_error err;
    data_audio_options audio;
    dsp_features_options options;
    dsp_features *features;
    TEST_OK(base_options_bind(data_audio_table, section(root, "audio"), &audio, arena, &err), err);
    TEST_OK(base_options_bind(dsp_features_table, section(root, "features"), &options, arena, &err),
            err);
    const dsp_clip_form form = data_audio_form(&audio);
    TEST_OK(dsp_features_new(&options, &form, &features, &err), err);
    dsp_features_shape(features, shape);
    return features;
}

infer_member model_make_member(const char *text, int n_classes, uint64_t seed) {
    base_error err;
    base_arena arena = {0};
    base_node *root;
    int64_t shape[3];
    TEST_OK(base_yaml_parse(text, "config", &arena, &root, &err), err);
    infer_member member = {.features = make_features(root, &arena, shape)};
    nn_network_config plan = {
        .input = nn_shape_make(3, shape), .n_classes = n_classes, .max_batch = 1};
    TEST_OK(nn_network_new(section(root, "network"), &plan, &member.network, &err), err);
    nn_network_init(member.network, seed);
    base_arena_release(&arena);
    return member;
}

/* What is built of one configuration. */
typedef struct {
    const char *config;
    double temperature;
    infer_member members[MAX_MEMBERS];
    int n_members;
} recipe;

static void make_members(recipe *r) {
    for (int i = 0; i < r->n_members; i++) {
        r->members[i] = model_make_member(r->config, MODEL_MAKE_CLASSES, (uint64_t)(1 + i));
    }
}

static void write_recipe(recipe *r, const char *path) {
    static const char *const classes[MODEL_MAKE_CLASSES] = {"kick", "snare", "hat"};
    base_error err;
    infer_model_content content = {.config = r->config,
                                   .record = "{\"name\": \"test\"}",
                                   .classes = classes,
                                   .n_classes = MODEL_MAKE_CLASSES,
                                   .temperature = r->temperature,
                                   .members = r->members,
                                   .n_members = r->n_members};
    TEST_OK(infer_model_write(&content, path, &err), err);
    for (int i = 0; i < r->n_members; i++) {
        nn_network_free(r->members[i].network);
        dsp_features_free(r->members[i].features);
    }
}

void model_make(const char *path, int n_members) {
    recipe r = {.config = config, .temperature = 1, .n_members = n_members};
    ck_assert_int_le(n_members, MAX_MEMBERS);
    make_members(&r);
    write_recipe(&r, path);
}

/* Vectors, which start as zeros and ones, are spread a little; a variance stays positive. Weights
 * grow, so that what differs in the input still differs after many layers. */
static void scramble_network(nn_network *network) {
    for (int i = 0; i < nn_network_n_tensors(network); i++) {
        nn_tensor tensor = nn_network_tensor(network, i);
        int64_t n = nn_shape_count(tensor.shape);
        float *noise = base_alloc((size_t)n, sizeof *noise);
        network_fill(noise, n, (uint64_t)(100 + i));
        for (int64_t k = 0; k < n && tensor.shape.rank == 1; k++) {
            tensor.data[k] += 0.3f * (tensor.data[k] == 1.0f ? fabsf(noise[k]) : noise[k]);
        }
        base_free(noise);
        bool grows = tensor.shape.rank > 1 && !tensor.is_state;
        for (int64_t k = 0; grows && k < n; k++) tensor.data[k] *= 2;
    }
}

static void scramble_norm(dsp_features *features) {
    int64_t n = dsp_features_norm_size(features);
    float *norm = base_alloc((size_t)(2 * n + 1), sizeof *norm);
    network_fill(norm, 2 * n, 7);
    for (int64_t i = 0; i < n; i++) norm[n + i] = 10.0f + fabsf(norm[n + i]);
    dsp_features_set_norm(features, norm, norm + n);
    base_free(norm);
}

void model_make_of(const char *path, const char *text) {
    recipe r = {.config = text, .temperature = 0.1, .n_members = 1};
    make_members(&r);
    scramble_network(r.members[0].network);
    scramble_norm(r.members[0].features);
    write_recipe(&r, path);
}
