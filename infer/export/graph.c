#include "infer/export/graph.h"

#include <string.h>

#include "dsp/features_plan.h"
#include "nn/kernels/kernels.h"

base_status infer_graph_members(const infer_model *model, const infer_export_options *options,
                                int *member, base_error *err) {
    int n = infer_model_n_members(model);
    const nn_classifier *classifier = infer_model_member(model, 0)->classifier;
    if (classifier != NULL) {
        return base_fail(
            err, BASE_ECONFIG,
            "classifier: '%s' has no form in other formats; only networks are exported",
            nn_classifier_name(classifier));
    }
    *member = options->member < 0 && n == 1 ? 0 : options->member;
    if (*member < n) return BASE_OK;
    return base_fail(err, BASE_EUSAGE, "the model has no member %d: it has %d, counted from 0",
                     *member, n);
}

base_status infer_graph_member(const infer_model *model, const infer_export_options *options,
                               int *member, base_error *err) {
    BASE_TRY(infer_graph_members(model, options, member, err));
    if (*member >= 0) return BASE_OK;
    int n = infer_model_n_members(model);
    return base_fail(err, BASE_EUSAGE,
                     "the model is an ensemble of %d networks and this format holds one: choose it "
                     "with --member N, N from 0 to %d",
                     n, n - 1);
}

base_status infer_graph_features(const infer_member *member, const char *format, bool has_rasters,
                                 base_error *err) {
    switch (member->features->options.kind) {
    case DSP_DESCRIPTORS:
        return base_fail(err, BASE_ECONFIG,
                         "features.kind: 'descriptors' has no form in %s, only the network behind "
                         "it has: safetensors, npz, or onnx without --with-features",
                         format);
    case DSP_RASTER:
    case DSP_RASTER_LOG_MEL:
        if (has_rasters) return BASE_OK;
        return base_fail(err, BASE_ECONFIG,
                         "features.kind: '%s' has no form in %s: use onnx --with-features or web; "
                         "safetensors, npz and onnx have the network behind it",
                         member->features->options.kind == DSP_RASTER ? "raster" : "raster_log_mel",
                         format);
    default:
        return BASE_OK;
    }
}

static void copy_tensors(nn_network *from, nn_network *to) {
    BASE_CHECK(nn_network_n_tensors(from) == nn_network_n_tensors(to));
    for (int i = 0; i < nn_network_n_tensors(from); i++) {
        nn_tensor a = nn_network_tensor(from, i), b = nn_network_tensor(to, i);
        BASE_CHECK(strcmp(a.name, b.name) == 0 && nn_shape_equal(a.shape, b.shape));
        memcpy(b.data, a.data, (size_t)nn_shape_count(a.shape) * sizeof *a.data);
    }
}

base_status infer_graph_new(nn_network *network, nn_network **plain, base_error *err) {
    nn_network_config config = *nn_network_get_config(network);
    config.max_batch = 1;
    config.training = config.input_grad = false;
    config.keep_order = true;
    config.pool = NULL;
    BASE_TRY(nn_network_new(nn_network_layers(network), &config, plain, err));
    copy_tensors(network, *plain);
    return BASE_OK;
}

base_status infer_graph_classify(const infer_graph_path *path, const data_audio *clip,
                                 float *probability, base_error *err) {
    const dsp_features *features = infer_model_member(path->model, path->member)->features;
    nn_shape input = nn_network_get_config(path->network)->input;
    float *x = base_alloc((size_t)nn_shape_count(input), sizeof *x);
    if (x == NULL) return base_fail(err, BASE_EMEMORY, "export: out of memory");
    infer_model_prepare(path->model, path->member, clip, x);
    int32_t length = (int32_t)dsp_features_valid_frames(features, clip->n);
    nn_input in = {.x = x, .length = &length, .n = 1};
    const float *logits = nn_network_forward(path->network, &in);
    int n_classes = infer_model_n_classes(path->model);
    for (int c = 0; c < n_classes; c++) {
        probability[c] = (float)((double)logits[c] / infer_model_temperature(path->model));
    }
    nn_loss_probabilities(infer_model_loss(path->model), probability, probability, 1, n_classes);
    base_free(x);
    return BASE_OK;
}

bool infer_graph_keeps_zero(const nn_function *function) {
    float y, x = 0;
    nn_kernels()->activate(&function->map, &x, &y, 1);
    return y == 0;
}

const void *infer_graph_option(const nn_graph_node *node, const char *key) {
    const base_option *option = node->layer->variant.options;
    while (option->key != NULL && strcmp(option->key, key) != 0) option++;
    BASE_CHECK(option->key != NULL);
    return (const char *)node->options + option->offset;
}

int64_t infer_graph_int(const nn_graph_node *node, const char *key) {
    return *(const int64_t *)infer_graph_option(node, key);
}

int infer_graph_choice(const nn_graph_node *node, const char *key) {
    return *(const int *)infer_graph_option(node, key);
}

bool infer_graph_bool(const nn_graph_node *node, const char *key) {
    return *(const bool *)infer_graph_option(node, key);
}

double infer_graph_float(const nn_graph_node *node, const char *key) {
    return *(const double *)infer_graph_option(node, key);
}

base_ints infer_graph_ints(const nn_graph_node *node, const char *key) {
    return *(const base_ints *)infer_graph_option(node, key);
}

base_strings infer_graph_strings(const nn_graph_node *node, const char *key) {
    return *(const base_strings *)infer_graph_option(node, key);
}
