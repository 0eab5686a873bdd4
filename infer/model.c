#include "infer/model.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/h5.h"
#include "data/batch.h"
#include "infer/budget.h"
#include "nn/loss.h"
#include "nn/weights.h"

enum { VERSION = 3, MAX_MEMBERS = 100, MAX_CLASSES = 10000 };
#define KIND            "model"
#define MAX_TEMPERATURE 1e6

struct infer_model {
    base_arena arena;
    const char *path;
    uint32_t format;
    const char *config, *record;
    const char *const *classes;
    int n_classes;
    double temperature;
    nn_loss_kind loss;
    infer_refusal refusal;
    data_audio_options audio;
    dsp_features_options features;
    base_node *layers;
    bool has_classifier;
    infer_member *members;
    int n_members;
    base_pool *pool;
    infer_needs needs;
    int64_t max_batch, n_samples, count; /* count: floats of features per clip */
    data_batcher *batcher;
    const data_audio *clips; /* what the batcher loads: these, or */
    const data_clips *set;   /* those */
    int64_t *index;          /* [max_batch] */
    float *x;                /* [max_batch, count] */
    int32_t *length;         /* [max_batch] */
    float *share; /* [max_batch, n_classes] of a member's classifier; NULL: there is none */
};

/* By the exponent's bits, so that the loop has no branch. */
static bool all_finite(const float *x, int64_t n) {
    uint32_t exponent = 0x7f800000, others = 0;
    for (int64_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &x[i], sizeof bits);
        others |= (bits & exponent) == exponent;
    }
    return others == 0;
}

/* ---- writing ---- */

static base_status put_member(base_h5_writer *writer, int index, const infer_member *member,
                              base_error *err) {
    char name[64];
    int64_t n = dsp_features_norm_size(member->features);
    float *norm = base_alloc((size_t)(2 * n + 1), sizeof *norm);
    if (norm == NULL) return base_fail(err, BASE_EMEMORY, "model: out of memory");
    dsp_features_get_norm(member->features, norm, norm + n);
    snprintf(name, sizeof name, "members/%d/norm_offset", index);
    base_status status = base_h5_put(writer, name, BASE_H5_F32, 1, &n, norm, err);
    snprintf(name, sizeof name, "members/%d/norm_scale", index);
    if (status == BASE_OK) status = base_h5_put(writer, name, BASE_H5_F32, 1, &n, norm + n, err);
    base_free(norm);
    snprintf(name, sizeof name, "members/%d/weights", index);
    if (status == BASE_OK) status = nn_weights_write(member->network, writer, name, err);
    if (status != BASE_OK || member->classifier == NULL) return status;
    snprintf(name, sizeof name, "members/%d/classifier", index);
    return nn_classifier_write(member->classifier, writer, name, err);
}

base_status infer_model_write(const infer_model_content *content, const char *path,
                              base_error *err) {
    base_h5_writer *writer;
    BASE_TRY(base_h5_writer_new(KIND, VERSION, &writer, err));
    base_status status = base_h5_put_string(writer, "config", content->config, err);
    if (status == BASE_OK) status = base_h5_put_string(writer, "record", content->record, err);
    if (status == BASE_OK) {
        status = base_h5_put_strings(writer, "classes", content->n_classes, content->classes, err);
    }
    if (status == BASE_OK) {
        status =
            base_h5_put(writer, "temperature", BASE_H5_F64, 0, NULL, &content->temperature, err);
    }
    for (int i = 0; status == BASE_OK && i < content->n_members; i++) {
        status = put_member(writer, i, &content->members[i], err);
    }
    if (status != BASE_OK) {
        base_h5_writer_free(writer);
        return status;
    }
    return base_h5_writer_finish(writer, path, err);
}

/* ---- opening ---- */

/* The sections of the stored configuration that inference needs. */
static base_status bind_config(infer_model *model, base_error *err) {
    base_node *root;
    BASE_TRY(base_yaml_parse(model->config, model->path, &model->arena, &root, err));
    base_node *audio = base_node_get(root, "audio"), *features = base_node_get(root, "features");
    model->layers = base_node_get(root, "network");
    if (audio == NULL || features == NULL || model->layers == NULL) {
        return base_fail(err, BASE_EFORMAT,
                         "%s: its configuration lacks audio, features or network", model->path);
    }
    BASE_TRY(base_options_bind(data_audio_table, audio, &model->audio, &model->arena, err));
    BASE_TRY(base_options_bind(dsp_features_table, features, &model->features, &model->arena, err));
    infer_classes classes = {model->classes, model->n_classes};
    BASE_TRY(infer_refusal_bind(base_node_get(root, "refuse"), &classes, &model->arena,
                                &model->refusal, err));
    const base_node *classifier = base_node_get(root, "classifier");
    model->has_classifier = classifier != NULL && !base_node_is_null(classifier);
    if (model->has_classifier) return BASE_OK; /* whose probabilities sum to 1 */
    const base_node *train = base_node_get(root, "train");
    const base_node *loss = train != NULL ? base_node_get(train, "loss") : NULL;
    if (loss != NULL && base_node_get(loss, nn_loss_binary_cross_entropy.name) != NULL) {
        model->loss = NN_BINARY_CROSS_ENTROPY;
    }
    return BASE_OK;
}

static base_status count_classes(const infer_model *model, base_h5_reader *reader, int64_t *n,
                                 base_error *err) {
    int rank;
    int64_t shape[BASE_H5_MAX_RANK];
    BASE_TRY(base_h5_shape(reader, "classes", &rank, shape, err));
    *n = rank == 1 ? shape[0] : 0;
    if (*n >= 1 && *n <= MAX_CLASSES) return BASE_OK;
    return base_fail(err, BASE_EFORMAT, "%s: classes that are not a list of 1 to %d names",
                     model->path, (int)MAX_CLASSES);
}

static base_status read_head(infer_model *model, base_h5_reader *reader, base_error *err) {
    const char **classes;
    int64_t n_classes;
    BASE_TRY(base_h5_get_string(reader, "config", &model->arena, &model->config, err));
    BASE_TRY(base_h5_get_string(reader, "record", &model->arena, &model->record, err));
    BASE_TRY(count_classes(model, reader, &n_classes, err));
    BASE_TRY(base_h5_get_strings(reader, "classes", &model->arena, &classes, &n_classes, err));
    BASE_TRY(base_h5_get(reader, "temperature", BASE_H5_F64, 1, &model->temperature, err));
    if (!(model->temperature >= 1 / MAX_TEMPERATURE && model->temperature <= MAX_TEMPERATURE)) {
        return base_fail(err, BASE_EFORMAT, "%s: temperature %g", model->path, model->temperature);
    }
    model->classes = (const char *const *)classes;
    model->n_classes = (int)n_classes;
    return bind_config(model, err);
}

/* Scales that can be divided by. */
static bool all_positive(const float *x, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        if (!(x[i] >= FLT_MIN)) return false;
    }
    return true;
}

static base_status read_norm(infer_member *member, base_h5_reader *reader, int index,
                             base_error *err) {
    int64_t n = dsp_features_norm_size(member->features);
    if (n == 0) return BASE_OK;
    char name[64];
    float *norm = base_alloc((size_t)(2 * n), sizeof *norm);
    if (norm == NULL) return base_fail(err, BASE_EMEMORY, "model: out of memory");
    snprintf(name, sizeof name, "members/%d/norm_offset", index);
    base_status status = base_h5_get(reader, name, BASE_H5_F32, n, norm, err);
    snprintf(name, sizeof name, "members/%d/norm_scale", index);
    if (status == BASE_OK) status = base_h5_get(reader, name, BASE_H5_F32, n, norm + n, err);
    if (status == BASE_OK && !(all_finite(norm, 2 * n) && all_positive(norm + n, n))) {
        status = base_fail(err, BASE_EFORMAT, "%s: its normalisation is not of finite numbers",
                           base_h5_reader_path(reader));
    }
    if (status == BASE_OK) dsp_features_set_norm(member->features, norm, norm + n);
    base_free(norm);
    return status;
}

static base_status check_weights(const infer_model *model, nn_network *network, base_error *err) {
    for (int i = 0; i < nn_network_n_tensors(network); i++) {
        nn_tensor tensor = nn_network_tensor(network, i);
        if (all_finite(tensor.data, nn_shape_count(tensor.shape))) continue;
        return base_fail(err, BASE_EFORMAT, "%s: its weights are not finite (%s)", model->path,
                         tensor.name);
    }
    return BASE_OK;
}

/* A network gives the classes, or one vector of any size to a classifier. */
static base_status check_output(const infer_model *model, nn_shape output, base_error *err) {
    if (output.rank == 1 && (model->has_classifier || output.dim[0] == model->n_classes)) {
        return BASE_OK;
    }
    if (model->has_classifier) {
        return base_fail(err, BASE_EFORMAT, "%s: its network gives no vector to a classifier",
                         model->path);
    }
    return base_fail(err, BASE_EFORMAT, "%s: its network does not end in %d classes", model->path,
                     model->n_classes);
}

static base_status read_classifier(infer_model *model, base_h5_reader *reader, int index,
                                   base_error *err) {
    infer_member *member = &model->members[index];
    char name[64];
    snprintf(name, sizeof name, "members/%d/classifier", index);
    return nn_classifier_read(reader, name, nn_network_output(member->network).dim[0],
                              model->n_classes, &member->classifier, err);
}

static base_status make_features(const infer_model *model, dsp_features **features,
                                 base_error *err) {
    const dsp_clip_form form = data_audio_form(&model->audio);
    base_status status = dsp_features_new(&model->features, &form, features, err);
    return status == BASE_OK ? BASE_OK : base_fail_within(err, "%s", model->path);
}

/* `measure`: a network that can only be asked what it would need. */
static base_status make_network(const infer_model *model, const dsp_features *features,
                                bool measure, nn_network **network, base_error *err) {
    int64_t shape[3];
    dsp_features_shape(features, shape);
    nn_network_config plan = {.input = nn_shape_make(3, shape),
                              .n_classes = model->n_classes,
                              .max_batch = model->max_batch,
                              .measure = measure,
                              .pool = model->pool};
    return nn_network_new(model->layers, &plan, network, err);
}

/* The model's needs with its present max_batch. */
static base_status measure(infer_model *model, const dsp_features *features, nn_summary *summary,
                           base_error *err) {
    nn_network *network;
    BASE_TRY(make_network(model, features, true, &network, err));
    *summary = nn_network_summary(network);
    nn_network_free(network);
    infer_parts parts = {.features = features,
                         .options = &model->features,
                         .network = *summary,
                         .batch = model->max_batch,
                         .n_members = model->n_members,
                         .n_workers = base_pool_threads(model->pool),
                         .n_audio = model->audio.channels * model->n_samples};
    infer_needs_add_up(&parts, &model->needs);
    return BASE_OK;
}

/* A network that is only a little too large for the file is told which tensors do not fit. */
enum { SLACK_BYTES = 1 << 20 };

/* Large networks get smaller batches, so that half of the memory allowed is left for others. */
static base_status fit_into_budget(infer_model *model, const dsp_features *features,
                                   base_error *err) {
    infer_needs most = {0};
    nn_summary summary;
    BASE_TRY(infer_budget(&most, err));
    BASE_TRY(measure(model, features, &summary, err));
    while (model->max_batch > 1 && model->needs.memory_bytes > most.memory_bytes / 2) {
        model->max_batch /= 2;
        BASE_TRY(measure(model, features, &summary, err));
    }
    BASE_TRY(infer_budget_check(&model->needs, model->path, err));
    double n_numbers = (double)model->n_members * (double)(summary.n_param + summary.n_state);
    if (n_numbers * sizeof(float) <= model->needs.file_bytes + SLACK_BYTES) return BASE_OK;
    return base_fail(err, BASE_ESHAPE, "%s: its network has more weights than the file",
                     model->path);
}

/* Nothing of the model's size is allocated before this has passed. */
static base_status check_needs(infer_model *model, base_error *err) {
    dsp_features *features;
    model->needs.n_fft = (double)model->features.n_fft;
    if (dsp_features_is_framed(&model->features)) {
        BASE_TRY(infer_budget_check(&model->needs, model->path, err));
    }
    BASE_TRY(make_features(model, &features, err));
    base_status status = fit_into_budget(model, features, err);
    dsp_features_free(features);
    return status;
}

static base_status read_member(infer_model *model, base_h5_reader *reader, int index,
                               base_error *err) {
    infer_member *member = &model->members[index];
    BASE_TRY(make_features(model, &member->features, err));
    BASE_TRY(make_network(model, member->features, false, &member->network, err));
    BASE_TRY(check_output(model, nn_network_output(member->network), err));
    BASE_TRY(read_norm(member, reader, index, err));
    char name[64];
    snprintf(name, sizeof name, "members/%d/weights", index);
    BASE_TRY(nn_weights_read(member->network, reader, name, err));
    BASE_TRY(check_weights(model, member->network, err));
    return model->has_classifier ? read_classifier(model, reader, index, err) : BASE_OK;
}

static base_status read_members(infer_model *model, base_h5_reader *reader, base_error *err) {
    const char **names;
    int64_t n;
    BASE_TRY(base_h5_list(reader, "members", &model->arena, &names, &n, err));
    if (n < 1 || n > MAX_MEMBERS) {
        return base_fail(err, BASE_EFORMAT, "%s: %lld members", model->path, (long long)n);
    }
    model->members = base_arena_alloc(&model->arena, (size_t)n, sizeof *model->members);
    if (model->members == NULL) {
        return base_fail(err, BASE_EMEMORY, "%s: out of memory", model->path);
    }
    model->n_members = (int)n;
    BASE_TRY(check_needs(model, err));
    for (int i = 0; i < model->n_members; i++) BASE_TRY(read_member(model, reader, i, err));
    return BASE_OK;
}

/* A clip without sound is all zeros. */
static int64_t load_clip(const void *context, int64_t index, float *x) {
    const infer_model *model = context;
    if (model->set != NULL) {
        data_clips_load(model->set, index, x);
        return data_clips_valid(model->set, index);
    }
    const data_audio *clip = &model->clips[index];
    int64_t n = clip->n < model->n_samples ? clip->n : model->n_samples;
    if (clip->x == NULL) n = 0;
    for (int64_t c = 0; c < model->audio.channels; c++) {
        float *to = x + c * model->n_samples;
        if (n > 0) memcpy(to, clip->x + c * clip->n, (size_t)n * sizeof *x);
        memset(to + n, 0, (size_t)(model->n_samples - n) * sizeof *x);
    }
    return n > 0 ? n : 1;
}

static base_status allocate(infer_model *model, base_error *err) {
    data_batcher_options options = {
        .source = {.form = {model->audio.sample_rate_hz, model->audio.channels, model->n_samples},
                   .load = load_clip,
                   .context = model},
        .features = model->members[0].features,
        .max_batch = model->max_batch,
        .pool = model->pool};
    BASE_TRY(data_batcher_new(&options, &model->batcher, err));
    model->count = nn_shape_count(nn_network_get_config(model->members[0].network)->input);
    model->index = base_alloc((size_t)model->max_batch, sizeof *model->index);
    model->x = base_alloc((size_t)model->max_batch, (size_t)model->count * sizeof *model->x);
    model->length = base_alloc((size_t)model->max_batch, sizeof *model->length);
    bool complete = model->index != NULL && model->x != NULL && model->length != NULL;
    if (complete && model->has_classifier) {
        model->share =
            base_alloc((size_t)model->max_batch, (size_t)model->n_classes * sizeof *model->share);
        complete = model->share != NULL;
    }
    return complete ? BASE_OK : base_fail(err, BASE_EMEMORY, "%s: out of memory", model->path);
}

static base_status open_all(infer_model *model, base_h5_reader *reader, base_error *err) {
    BASE_TRY(read_head(model, reader, err));
    model->n_samples = data_audio_samples(&model->audio);
    BASE_TRY(read_members(model, reader, err));
    return allocate(model, err);
}

base_status infer_model_open(const char *path, int64_t max_batch, base_pool *pool,
                             infer_model **out, base_error *err) {
    base_h5_reader *reader;
    uint32_t format;
    infer_needs needs = {.file_bytes = (double)base_file_size(path)};
    BASE_TRY(infer_budget_check(&needs, path, err));
    BASE_TRY(base_h5_reader_open(path, KIND, VERSION, &format, &reader, err));
    infer_model *model = base_alloc(1, sizeof *model);
    base_status status =
        model != NULL ? BASE_OK : base_fail(err, BASE_EMEMORY, "%s: out of memory", path);
    if (model != NULL) {
        model->pool = pool;
        model->max_batch = max_batch;
        model->format = format;
        model->needs = needs;
        model->path = base_arena_string(&model->arena, path);
        status = model->path != NULL ? open_all(model, reader, err)
                                     : base_fail(err, BASE_EMEMORY, "%s: out of memory", path);
    }
    base_h5_reader_free(reader);
    if (status != BASE_OK) {
        infer_model_free(model);
        return status;
    }
    *out = model;
    return BASE_OK;
}

void infer_model_free(infer_model *model) {
    if (model == NULL) return;
    for (int i = 0; i < model->n_members; i++) {
        nn_network_free(model->members[i].network);
        dsp_features_free(model->members[i].features);
        nn_classifier_free(model->members[i].classifier);
    }
    data_batcher_free(model->batcher);
    base_free(model->index);
    base_free(model->x);
    base_free(model->length);
    base_free(model->share);
    base_arena_release(&model->arena);
    base_free(model);
}

/* ---- asking ---- */

int infer_model_n_classes(const infer_model *model) {
    return model->n_classes;
}

const char *infer_model_class(const infer_model *model, int index) {
    return model->classes[index];
}

const data_audio_options *infer_model_audio(const infer_model *model) {
    return &model->audio;
}

const char *infer_model_config(const infer_model *model) {
    return model->config;
}

const char *infer_model_record(const infer_model *model) {
    return model->record;
}

int infer_model_n_members(const infer_model *model) {
    return model->n_members;
}

nn_network *infer_model_network(infer_model *model, int member) {
    return model->members[member].network;
}

const infer_member *infer_model_member(const infer_model *model, int member) {
    return &model->members[member];
}

const infer_needs *infer_model_needs(const infer_model *model) {
    return &model->needs;
}

double infer_model_temperature(const infer_model *model) {
    return model->temperature;
}

bool infer_model_masks(const infer_model *model) {
    return model->features.mask_padding;
}

const infer_refusal *infer_model_refusal(const infer_model *model) {
    return &model->refusal;
}

nn_loss_kind infer_model_loss(const infer_model *model) {
    return model->loss;
}

uint32_t infer_model_format(const infer_model *model) {
    return model->format;
}

/* ---- classifying ---- */

/* Clips to classify, from either of two places. */
typedef struct {
    infer_model *model;
    const data_audio *clips; /* or: */
    const data_clips *set;
    const int64_t *index;
    int64_t n, first; /* of all; of the next batch */
} clip_source;

/* A member's features of the next n clips, into the model's x and length. Nothing can fail: there
 * are no effects. */
static void prepare_clips(const clip_source *source, int member, int64_t n) {
    infer_model *model = source->model;
    model->clips = source->clips;
    model->set = source->set;
    for (int64_t i = 0; i < n; i++) {
        model->index[i] =
            source->set != NULL ? source->index[source->first + i] : source->first + i;
    }
    data_batch_request request = {
        .index = model->index, .n = n, .features = model->members[member].features};
    base_error err;
    base_status status =
        data_batch_prepare(model->batcher, &request, model->x, model->length, &err);
    BASE_CHECK(status == BASE_OK);
}

void infer_model_prepare(infer_model *model, int member, const data_audio *clip, float *x) {
    prepare_clips(&(clip_source){.model = model, .clips = clip}, member, 1);
    memcpy(x, model->x, (size_t)model->count * sizeof *x);
}

/* Adds what n rows of logits say, tempered, to the probabilities. */
static void add_probabilities(const infer_model *model, const float *logits, int64_t n,
                              float *probability) {
    int64_t n_classes = model->n_classes;
    float row[MAX_CLASSES];
    for (int64_t i = 0; i < n; i++) {
        for (int64_t c = 0; c < n_classes; c++) {
            row[c] = (float)(logits[i * n_classes + c] / model->temperature);
        }
        nn_loss_probabilities(model->loss, row, row, 1, n_classes);
        for (int64_t c = 0; c < n_classes; c++) {
            probability[i * n_classes + c] += row[c];
        }
    }
}

/* What a member's network gives for the next n clips. */
static const float *run_member(clip_source *source, int member, int64_t n) {
    infer_model *model = source->model;
    prepare_clips(source, member, n);
    nn_input input = {.x = model->x, .length = model->length, .n = n};
    return nn_network_forward(model->members[member].network, &input);
}

/* A member's logits for the next n clips; a classifier's are the logarithms of its probabilities.
 */
static base_status find_logits(clip_source *source, int m, int64_t n, const float **logits,
                               base_error *err) {
    const infer_model *model = source->model;
    const nn_classifier *classifier = model->members[m].classifier;
    *logits = run_member(source, m, n);
    if (classifier == NULL) return BASE_OK;
    BASE_TRY(nn_classifier_predict(classifier, *logits, n, model->pool, model->share, err));
    for (int64_t i = 0; i < n * model->n_classes; i++) model->share[i] = logf(model->share[i]);
    *logits = model->share;
    return BASE_OK;
}

/* What is asked of a model, for each clip; NULL: not asked for. */
typedef struct {
    float *probability; /* [n, n_classes] */
    float *embedding;   /* [n, infer_model_embedding_size] */
} answer;

/* A member's embeddings of the last batch into its columns of [n, width]. */
static void copy_embedding(const infer_model *model, int member, int64_t n, int64_t width,
                           float *column) {
    int64_t size;
    const float *value = infer_model_embedding(model, member, &size);
    for (int64_t i = 0; i < n && value != NULL; i++) {
        memcpy(column + i * width, value + i * size, (size_t)size * sizeof *value);
    }
}

static base_status run_batch(clip_source *source, int64_t n, answer out, base_error *err) {
    const infer_model *model = source->model;
    int64_t n_numbers = n * model->n_classes, width = infer_model_embedding_size(model), size;
    if (out.probability != NULL) memset(out.probability, 0, (size_t)n_numbers * sizeof(float));
    for (int m = 0; m < model->n_members; m++) {
        const float *logits;
        if (out.probability != NULL) {
            BASE_TRY(find_logits(source, m, n, &logits, err));
            add_probabilities(model, logits, n, out.probability);
        } else {
            run_member(source, m, n);
        }
        if (out.embedding == NULL) continue;
        copy_embedding(model, m, n, width, out.embedding);
        infer_model_embedding(model, m, &size);
        out.embedding += size;
    }
    if (out.probability == NULL) return BASE_OK;
    /* At the end, because a sum of rounded shares may come out above 1. */
    for (int64_t i = 0; i < n_numbers; i++) out.probability[i] /= (float)model->n_members;
    return BASE_OK;
}

/* The rows from `first` on. */
static answer answer_from(const infer_model *model, answer all, int64_t first) {
    if (all.probability != NULL) all.probability += first * model->n_classes;
    if (all.embedding != NULL) all.embedding += first * infer_model_embedding_size(model);
    return all;
}

static bool is_finite(const infer_model *model, answer out, int64_t n) {
    return (out.probability == NULL || all_finite(out.probability, n * model->n_classes)) &&
           (out.embedding == NULL ||
            all_finite(out.embedding, n * infer_model_embedding_size(model)));
}

/* Batch by batch. */
static base_status run_all(clip_source *source, answer out, base_error *err) {
    const infer_model *model = source->model;
    int64_t n = source->n, max = model->max_batch;
    for (int64_t first = 0; first < n; first += max) {
        int64_t size = n - first < max ? n - first : max;
        answer batch = answer_from(model, out, first);
        source->first = first;
        BASE_TRY(run_batch(source, size, batch, err));
        if (!is_finite(model, batch, size)) {
            return base_fail(err, BASE_ENUMERIC, "%s: what it gives is not finite", model->path);
        }
    }
    return BASE_OK;
}

base_status infer_model_listen(infer_model *model, const data_audio *clips, int64_t n,
                               float *probability, float *embedding, base_error *err) {
    int64_t width = infer_model_embedding_size(model);
    for (int64_t i = 0; i < n; i++) {
        if (clips[i].x != NULL && clips[i].n_channels != model->audio.channels) {
            return base_fail(err, BASE_ESHAPE, "clip %lld has %lld channels; the model takes %lld",
                             (long long)i, (long long)clips[i].n_channels,
                             (long long)model->audio.channels);
        }
    }
    clip_source source = {.model = model, .clips = clips, .n = n};
    if (width == 0) embedding = NULL;
    BASE_TRY(run_all(&source, (answer){probability, embedding}, err));
    for (int64_t i = 0; i < n; i++) {
        if (clips[i].x != NULL) continue;
        memset(probability + i * model->n_classes, 0,
               (size_t)model->n_classes * sizeof *probability);
        if (embedding == NULL) continue;
        memset(embedding + i * width, 0, (size_t)width * sizeof *embedding);
    }
    return BASE_OK;
}

base_status infer_model_classify(infer_model *model, const data_audio *clips, int64_t n,
                                 float *probability, base_error *err) {
    return infer_model_listen(model, clips, n, probability, NULL, err);
}

/* Clips made for other audio options don't fit. */
static base_status check_set(const infer_model *model, const data_clips *clips, base_error *err) {
    if (clips->n_channels == model->audio.channels && clips->n_samples == model->n_samples) {
        return BASE_OK;
    }
    return base_fail(err, BASE_ESHAPE, "clips of %lld x %lld samples; the model takes %lld x %lld",
                     (long long)clips->n_channels, (long long)clips->n_samples,
                     (long long)model->audio.channels, (long long)model->n_samples);
}

base_status infer_model_classify_clips(infer_model *model, const infer_selection *clips,
                                       float *probability, base_error *err) {
    BASE_TRY(check_set(model, clips->set, err));
    clip_source source = {.model = model, .set = clips->set, .index = clips->index, .n = clips->n};
    return run_all(&source, (answer){.probability = probability}, err);
}

const float *infer_model_embedding(const infer_model *model, int member, int64_t *size) {
    nn_shape shape;
    const infer_member *m = &model->members[member];
    const float *value = nn_network_value(m->network, m->classifier != NULL ? 0 : 1, &shape);
    *size = value != NULL ? nn_shape_count(shape) : 0;
    return value;
}

int64_t infer_model_embedding_size(const infer_model *model) {
    int64_t total = 0, size;
    for (int m = 0; m < model->n_members; m++) {
        infer_model_embedding(model, m, &size);
        total += size;
    }
    return total;
}

base_status infer_model_embed_clips(infer_model *model, const infer_selection *clips,
                                    float *embedding, base_error *err) {
    BASE_TRY(check_set(model, clips->set, err));
    int64_t width = infer_model_embedding_size(model);
    if (width == 0) {
        return base_fail(err, BASE_ESHAPE, "%s: a network of one layer has no embedding",
                         model->path);
    }
    clip_source source = {.model = model, .set = clips->set, .index = clips->index, .n = clips->n};
    return run_all(&source, (answer){.embedding = embedding}, err);
}
