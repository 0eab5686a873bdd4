#include "train/setup.h"

#include <string.h>

#include "data/dataset.h"
#include "data/oddities.h"
#include "train/init.h"

/* A classifier takes any vector; a network by itself has to give the classes. */
static base_status check_output(const train_config *config, const nn_network *network,
                                int64_t n_classes, base_error *err) {
    nn_shape output = nn_network_output(network);
    char text[64];
    if (output.rank == 1 && (config->classifier != NULL || output.dim[0] == n_classes)) {
        return BASE_OK;
    }
    if (config->classifier != NULL) {
        return base_node_fail(nn_network_layers(network), err, BASE_ESHAPE,
                              "the last layer gives %s; a classifier needs one vector per clip: "
                              "end with 'flatten' or 'time_pool'",
                              nn_shape_text(output, true, text));
    }
    return base_node_fail(nn_network_layers(network), err, BASE_ESHAPE,
                          "the last layer gives %s; [B,%lld] is needed, one number per class: end "
                          "with 'linear: classes'",
                          nn_shape_text(output, true, text), (long long)n_classes);
}

base_status train_encoder_new(const train_network_plan *plan, nn_network **network,
                              dsp_features **features, base_error *err) {
    const train_config *config = plan->config;
    dsp_features *front;
    const dsp_clip_form form = {config->audio.sample_rate_hz, config->audio.channels,
                                data_audio_samples(&config->audio)};
    BASE_TRY(dsp_features_new(&config->features, &form, &front, err));
    int64_t shape[3];
    dsp_features_shape(front, shape);
    nn_network_config request = {.input = nn_shape_make(3, shape),
                                 .n_classes = plan->n_classes,
                                 .max_batch = plan->max_batch,
                                 .training = plan->training,
                                 .measure = plan->measure,
                                 .n_shards = (int)config->train.shards,
                                 .ranks = plan->ranks,
                                 .freeze = config->train.freeze,
                                 .pool = plan->pool};
    base_status status = nn_network_new(config->network, &request, network, err);
    if (status != BASE_OK || features == NULL) dsp_features_free(front);
    if (status == BASE_OK && features != NULL) *features = front;
    return status;
}

base_status train_network_new(const train_network_plan *plan, nn_network **network,
                              dsp_features **features, base_error *err) {
    BASE_TRY(train_encoder_new(plan, network, features, err));
    base_status status = check_output(plan->config, *network, plan->n_classes, err);
    if (status == BASE_OK) return BASE_OK;
    nn_network_free(*network);
    *network = NULL;
    if (features != NULL) {
        dsp_features_free(*features);
        *features = NULL;
    }
    return status;
}

base_status train_setup_check(const train_config *config, base_error *err) {
    enum { SOME_CLASSES = 10 }; /* how many there really are, the sounds tell */
    data_augment *augment;
    const dsp_clip_form form = data_audio_form(&config->audio);
    const data_manifest_request request = train_config_request(config);
    BASE_TRY(data_manifest_check(config->dataset, &request, err));
    BASE_TRY(data_augment_new(config->augment, &form, &augment, err));
    data_augment_free(augment);
    nn_network *network;
    base_status status = train_encoder_new(
        &(train_network_plan){
            .config = config, .n_classes = SOME_CLASSES, .max_batch = 1, .measure = true},
        &network, NULL, err);
    if (status == BASE_OK) nn_network_free(network);
    return status == BASE_ESHAPE ? BASE_OK : status; /* shapes may hang on the number of classes */
}

/* The weights to start from must fit, and something must be left to train. */
static base_status check_weights(const train_config *config, nn_network *network, base_error *err) {
    nn_summary summary = nn_network_summary(network);
    if (summary.n_frozen > 0 && summary.n_frozen == summary.n_param) {
        return base_fail(err, BASE_ECONFIG, "train.freeze: nothing is left to train");
    }
    train_init init;
    BASE_TRY(train_init_open(config, &init, err));
    base_status status = train_init_apply(&init, network, NULL, err);
    train_init_release(&init);
    return status;
}

static base_status check_refusal(const train_config *config, const data_manifest *manifest,
                                 base_error *err) {
    const infer_classes classes = {manifest->classes, manifest->n_classes};
    base_arena arena = {0};
    infer_refusal refusal;
    base_status status =
        infer_refusal_bind(base_node_get(config->root, "refuse"), &classes, &arena, &refusal, err);
    base_arena_release(&arena);
    return status;
}

/* Effects and layers are checked before hours of decoding, not after. Memory is needed only to find
 * out whether weights fit. */
static base_status check_parts(train_config *config, int n_classes, base_error *err) {
    data_augment *augment;
    const dsp_clip_form form = data_audio_form(&config->audio);
    BASE_TRY(data_augment_new(config->augment, &form, &augment, err));
    data_augment_free(augment);
    nn_network *network;
    BASE_TRY(train_network_new(&(train_network_plan){.config = config,
                                                     .n_classes = n_classes,
                                                     .max_batch = 1,
                                                     .measure = config->train.init.weights == NULL},
                               &network, NULL, err));
    base_status status = check_weights(config, network, err);
    nn_network_free(network);
    return status;
}

static base_status list_held_out(train_data *data, base_error *err) {
    const data_manifest *manifest = &data->manifest;
    const data_clips *clips = &data->clips;
    bool wanted = false;
    data->held_out = base_alloc((size_t)clips->n_clips, sizeof *data->held_out);
    if (data->held_out == NULL) return base_fail(err, BASE_EMEMORY, "data: out of memory");
    for (int64_t i = 0; i < clips->n_clips; i++) {
        if (manifest->rows[clips->row[i]].use == DATA_USE_TEST)
            data->held_out[data->n_held_out++] = i;
    }
    for (int64_t i = 0; i < manifest->n_rows; i++) {
        wanted = wanted || manifest->rows[i].use == DATA_USE_TEST;
    }
    if (!wanted || data->n_held_out > 0) return BASE_OK;
    return base_fail(err, BASE_EDATA, "none of the sounds for testing (use: test) is in use");
}

base_status train_data_open(train_config *config, const data_work *work, train_data *data,
                            base_error *err) {
    const data_manifest_request request = train_config_request(config);
    *data = (train_data){0};
    BASE_TRY(data_manifest_open(config->dataset, &request, &data->manifest, err));
    base_arena arena = {0};
    data_work cached = *work;
    cached.cache_folder = base_path_cache(&arena);
    base_status status = data_oddities_check_classes(&data->manifest, err);
    if (status == BASE_OK) status = check_refusal(config, &data->manifest, err);
    if (status == BASE_OK) status = check_parts(config, data->manifest.n_classes, err);
    if (status == BASE_OK) {
        status = data_clips_open(&data->manifest, &config->audio, &cached, &data->clips, err);
    }
    if (status == BASE_OK) {
        const data_duplicates_search search = {&data->clips, config->folds.near, work->pool};
        status = data_duplicates_find(&search, &data->manifest, &data->duplicates, err);
    }
    if (status == BASE_OK) status = data_manifest_leave_out_copies(&data->manifest, err);
    if (status == BASE_OK) status = data_oddities_note(&data->manifest, err);
    if (status == BASE_OK) status = list_held_out(data, err);
    base_arena_release(&arena);
    if (status != BASE_OK) train_data_release(data);
    return status;
}

void train_data_release(train_data *data) {
    if (data == NULL) return;
    base_free(data->held_out);
    data_clips_release(&data->clips);
    data_manifest_release(&data->manifest);
    *data = (train_data){0};
}
