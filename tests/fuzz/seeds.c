/* Makes the kept inputs of tests/fuzz/corpus that are binary: usage: seeds CORPUS. Run by
 * `make fuzz-seeds` from the top of the tree, after a format's version was raised. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/h5_block.h"
#include "data/audio_file.h"
#include "data/cache.h"
#include "infer/export/export.h"
#include "infer/library/index.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/state.h"
#include "train/experiment.h"

static const char *corpus;
static base_arena arena;

static void ok(base_status status, const base_error *err) {
    fuzz_need(status == BASE_OK, err->text);
}

static const char *path_of(const char *name) {
    const char *path = base_path_join(&arena, corpus, name);
    fuzz_need(base_folder_make(base_path_folder(&arena, path), NULL) == BASE_OK, path);
    return path;
}

static void put(const char *name, const void *bytes, size_t n_bytes) {
    base_error err = {0};
    ok(base_file_write(path_of(name), bytes, n_bytes, &err), &err);
}

/* The same for a file that exists, without its first bytes. */
static void copy(const char *name, const char *from, size_t skipped) {
    base_error err = {0};
    void *bytes;
    size_t n_bytes;
    ok(base_file_read(from, 0, &bytes, &n_bytes, &err), &err);
    put(name, (char *)bytes + skipped, n_bytes - skipped);
    base_free(bytes);
}

static const char *temporary(const char *name) {
    return base_path_join(&arena, fuzz_folder(), name);
}

static void export(const char *model_path, const char *format, const char *name) {
    base_error err = {0};
    infer_model *model;
    ok(infer_model_open(model_path, 1, NULL, &model, &err), &err);
    const infer_export_options options = {.member = -1};
    ok(infer_exporter_find(format)->write(model, &options, path_of(name), &err), &err);
    infer_model_free(model);
}

/* An untrained model; n_members networks of the same weights. */
static void write_model(const char *text, int n_members, const char *path) {
    static const char *const classes[] = {"kick", "snare", "hat"};
    enum { N_CLASSES = 3, MOST = 2 };
    base_error err = {0};
    train_config config;
    infer_member member = {0}, members[MOST];
    ok(train_config_parse(text, "seed", &config, &err), &err);
    const train_network_plan plan = {.config = &config, .n_classes = N_CLASSES, .max_batch = 1};
    ok(train_network_new(&plan, &member.network, &member.features, &err), &err);
    nn_network_init(member.network, 1);
    for (int i = 0; i < n_members; i++) members[i] = member;
    const infer_model_content content = {.config = text,
                                         .record = "{\"name\": \"seed\"}",
                                         .classes = classes,
                                         .n_classes = N_CLASSES,
                                         .temperature = 1,
                                         .members = members,
                                         .n_members = n_members};
    ok(infer_model_write(&content, path, &err), &err);
    nn_network_free(member.network);
    dsp_features_free(member.features);
    train_config_release(&config);
}

#define HEAD                                                                                       \
    "name: a\ndataset: {source: synth}\naudio: {sample_rate: 8000, seconds: 0.1, normalize: "      \
    "none}\n"

static void make_models(void) {
    static const char recurrent[] =
        HEAD "features: {kind: log_mel, n_fft: 256, hop: 128, n_mels: 4}\n"
             "network: [{conv2d: {out: 2, kernel: 3, pad: same}}, batch_norm, relu, {max_pool: 2},"
             " to_sequence, {gru: {hidden: 2}}, {time_pool: mean}, {linear: classes}]\n";
    static const char flat[] = HEAD "features: {kind: log_mel, n_fft: 256, hop: 256, n_mels: 2}\n"
                                    "network: [flatten, {linear: classes}]\n";
    const char *model = temporary("model.h5");
    write_model(recurrent, 1, model);
    copy("h5/whole-model", model, BASE__H5_BLOCK_BYTES);
    copy("model/whole-recurrent", model, BASE__H5_BLOCK_BYTES);
    write_model(flat, 2, model);
    copy("model/whole-ensemble", model, BASE__H5_BLOCK_BYTES);
    write_model(flat, 1, model);
    export(model, "safetensors", "safetensors/whole");
    export(model, "npz", "npz/whole");
    export(model, "npz", "zip/whole");
}

static void make_checkpoint(void) {
    base_error err = {0};
    fuzz_state state;
    const char *path = temporary("last.h5");
    fuzz_state_open(&state);
    state.state.n_epochs = 2;
    state.state.best_epoch = 1;
    for (int i = 0; i < 2; i++) state.epochs[i] = (train_epoch){1 + i, 0.1, 0.7, 0.6, 0.5, 0.5};
    ok(train_checkpoint_write(&state.state, path, &err), &err);
    fuzz_state_release(&state);
    copy("checkpoint/whole", path, BASE__H5_BLOCK_BYTES);
    copy("h5/whole-checkpoint", path, BASE__H5_BLOCK_BYTES);
}

static void make_cache(void) {
    base_error err = {0};
    const char *path = temporary("clips.h5");
    float audio[6] = {0.5F, -0.5F, 0.25F, 1, 0, -1};
    int64_t offset[] = {0, 6, 6};
    data_row rows[] = {{.seconds = 6.0 / 8000, .sample_rate_hz = 8000, .n_channels = 1, .peak = 1},
                       {.left_out = "silent"}};
    const data_decoded decoded = {.n_rows = 2, .facts = rows, .offset = offset, .audio = audio};
    ok(data_cache_write(path, &decoded, &err), &err);
    copy("cache/whole", path, BASE__H5_BLOCK_BYTES);
}

static void make_index(void) {
    static const char *const classes[] = {"kick", "snare"};
    static const float numbers[6] = {0.75F, 0.25F, 0, 0, 0.5F, -1};
    base_error err = {0};
    const char *path = temporary("index.h5");
    library_entry entries[] = {
        {.name = "a.wav", .seconds = 0.5, .pitch_hz = 60, .loudness_lufs = -20},
        {.name = "b.wav", .error = "silent", .best = INFER_UNKNOWN, .stamp = {1, 2}}};
    const library_index index = {.model_name = "m.h5",
                                 .classes = classes,
                                 .n_classes = 2,
                                 .n = 2,
                                 .width = 3,
                                 .entries = entries,
                                 .probability = numbers,
                                 .embedding = numbers};
    ok(library_index_write(&index, path, &err), &err);
    copy("index/whole", path, BASE__H5_BLOCK_BYTES);
}

static void make_sounds(void) {
    static const char *const names[] = {"audio/whole.wav", "audio/whole.flac", "audio/whole.aiff"};
    enum { N = 400 };
    float x[2 * N];
    base_error err = {0};
    for (int i = 0; i < 2 * N; i++) x[i] = 0.5F * sinf(0.2F * (float)(i % N));
    const data_audio audio = {.x = x, .n_channels = 2, .n = N, .sample_rate_hz = 8000};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        ok(data_audio_write(path_of(names[i]), &audio, &err), &err);
    }
}

/* What the process that reads a Keras file hands over: names, rank, extents, numbers. */
static void add_weight(base_text *text, const char *layer, const char *name, int64_t rank,
                       const int64_t *dim) {
    int64_t n = 1;
    const float number = 0.5F;
    base_text_add_bytes(text, layer, strlen(layer) + 1);
    base_text_add_bytes(text, name, strlen(name) + 1);
    base_text_add_bytes(text, &rank, sizeof rank);
    base_text_add_bytes(text, dim, (size_t)rank * sizeof *dim);
    for (int64_t i = 0; i < rank; i++) n *= dim[i];
    for (int64_t i = 0; i < n; i++) base_text_add_bytes(text, &number, sizeof number);
}

static void make_keras(void) {
    base_text text = {0};
    add_weight(&text, "c", "c/kernel:0", 4, (int64_t[]){1, 1, 1, 2});
    add_weight(&text, "c", "c/bias:0", 1, (int64_t[]){2});
    put("keras/whole-convolution", text.data, text.size);
    base_text_release(&text);
    add_weight(&text, "g", "g/gru_cell/kernel:0", 2, (int64_t[]){1, 3});
    add_weight(&text, "g", "g/gru_cell/recurrent_kernel:0", 2, (int64_t[]){1, 3});
    add_weight(&text, "g", "g/gru_cell/bias:0", 2, (int64_t[]){2, 3});
    put("keras/whole-gru", text.data, text.size);
    base_text_release(&text);
    copy("keras_file/whole-old", "tests/golden/keras_old.h5", 0);
    copy("keras_file/link", "tests/golden/keras_link.h5", 0);
    copy("keras_file/storage", "tests/golden/keras_storage.h5", 0);
    copy("keras_file/huge", "tests/golden/keras_huge.h5", 0);
}

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    corpus = argv[1];
    make_models();
    make_checkpoint();
    make_cache();
    make_index();
    make_sounds();
    make_keras();
    base_arena_release(&arena);
    return 0;
}
