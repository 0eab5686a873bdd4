/* ONNX: the network alone, or all of the path from the waveform to probabilities. */
#include "infer/export_graph.h"
#include "infer/onnx_graph.h"

#define BATCH "N"

/* One export. */
typedef struct {
    const infer_model *model;
    const infer_member *member;
    infer_onnx onnx;
    bool with_features, needs_length;
} job;

/* The input `length` that may be left out: it is then that of a clip of full length. */
static void preset_length(infer_onnx *onnx, infer_onnx_shape shape, int64_t full) {
    int64_t *preset = base_arena_alloc(&onnx->arena, 1, sizeof *preset);
    if (preset == NULL) {
        onnx->failed = true;
        return;
    }
    *preset = full;
    infer_onnx_weight(onnx, "length", shape, preset);
}

/* The input `length`, which counts valid samples or frames. Its one number or N numbers become N.
 */
static infer_onnx_value add_length(job *j, infer_onnx_value x, int64_t full, const char *unit) {
    infer_onnx *onnx = &j->onnx;
    infer_onnx_shape shape = {INFER_ONNX_INT64, 1, {1}};
    infer_onnx_input(onnx, "length", "N_or_1", shape, unit);
    if (!j->needs_length) preset_length(onnx, shape, full);
    infer_onnx_value narrow = INFER_OP(onnx, "Cast", "length");
    infer_onnx_set_int(onnx, "to", INFER_ONNX_INT32);
    infer_onnx_value batch = INFER_OP(onnx, "Shape", x);
    infer_onnx_set_int(onnx, "start", 0);
    infer_onnx_set_int(onnx, "end", 1);
    return INFER_OP(onnx, "Expand", narrow, batch);
}

static infer_onnx_signal open_waveform(job *j) {
    const data_audio_options *audio = infer_model_audio(j->model);
    int64_t n = data_audio_samples(audio);
    infer_onnx_signal waveform = {.x = "waveform"};
    infer_onnx_input(&j->onnx, waveform.x, BATCH,
                     (infer_onnx_shape){INFER_ONNX_FLOAT, 3, {0, audio->channels, n}},
                     "clips [N, channels, samples] at the model's rate, trimmed and levelled as "
                     "its configuration says, zero past their end");
    if (infer_model_masks(j->model)) {
        waveform.length = add_length(j, waveform.x, n, "samples of each clip before its end");
    }
    return infer_onnx_features(&j->onnx, j->member->features, waveform);
}

static infer_onnx_signal open_features(job *j) {
    int64_t shape[3], n = data_audio_samples(infer_model_audio(j->model));
    dsp_features_shape(j->member->features, shape);
    infer_onnx_signal features = {.x = "features"};
    infer_onnx_input(&j->onnx, features.x, BATCH,
                     (infer_onnx_shape){INFER_ONNX_FLOAT, 4, {0, shape[0], shape[1], shape[2]}},
                     "normalised features [N, C, F, T]");
    if (infer_model_masks(j->model)) {
        int64_t full = dsp_features_valid_frames(j->member->features, n);
        infer_onnx_value length =
            add_length(j, features.x, full, "frames of each clip before its end");
        infer_onnx_value least = INFER_OP(&j->onnx, "Max", length, infer_onnx_int32(&j->onnx, 1));
        features.length = INFER_OP(&j->onnx, "Min", least, infer_onnx_int32(&j->onnx, shape[2]));
    }
    return features;
}

static void close_probabilities(job *j, infer_onnx_value logits) {
    infer_onnx *onnx = &j->onnx;
    double temperature = infer_model_temperature(j->model);
    if (temperature != 1) {
        logits = INFER_OP(onnx, "Div", logits, infer_onnx_float(onnx, temperature));
    }
    bool binary = infer_model_loss(j->model) == NN_BINARY_CROSS_ENTROPY;
    INFER_OP(onnx, binary ? "Sigmoid" : "Softmax", logits);
    if (!binary) infer_onnx_set_int(onnx, "axis", -1);
    infer_onnx_rename(onnx, "probabilities");
    int64_t n_classes = infer_model_n_classes(j->model);
    infer_onnx_output(onnx, "probabilities", BATCH,
                      (infer_onnx_shape){INFER_ONNX_FLOAT, 2, {0, n_classes}},
                      "[N, classes]; the classes are in the metadata");
}

static base_status build(job *j, const nn_network *network, base_error *err) {
    if (j->with_features) BASE_TRY(infer_graph_features(j->member, "ONNX", err));
    infer_onnx_signal features = j->with_features ? open_waveform(j) : open_features(j);
    infer_onnx_value logits;
    BASE_TRY(infer_onnx_network(&j->onnx, network, features, &logits, err));
    close_probabilities(j, logits);
    return BASE_OK;
}

static base_status write_built(job *j, int member, const char *path, base_error *err) {
    infer_metadata metadata;
    BASE_TRY(infer_metadata_make(j->model, member, &metadata, err));
    base_status status = infer_onnx_write(&j->onnx, &metadata, path, err);
    infer_metadata_release(&metadata);
    return status;
}

static base_status write(infer_model *model, const infer_export_options *options, const char *path,
                         base_error *err) {
    int member;
    nn_network *plain;
    BASE_TRY(infer_graph_member(model, options, &member, err));
    BASE_TRY(infer_graph_new(infer_model_network(model, member), &plain, err));
    job j = {.model = model,
             .member = infer_model_member(model, member),
             .with_features = options->with_features,
             .needs_length = options->needs_length};
    infer_onnx_init(&j.onnx);
    base_status status = build(&j, plain, err);
    if (status == BASE_OK) status = write_built(&j, member, path, err);
    infer_onnx_release(&j.onnx);
    nn_network_free(plain);
    return status;
}

const infer_exporter infer_export_onnx = {
    .name = "onnx",
    .extension = "onnx",
    .help = "ONNX, operator set 17; with features from the waveform, otherwise from the features",
    .takes_features = true,
    .write = write,
    .verify = infer_onnx_verify,
};
