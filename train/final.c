#include "train/final.h"

#include "infer/model.h"
#include "train/calibration.h"
#include "train/checkpoint.h"
#include "train/predictions.h"

/* Reads the weights a fold was judged by: those of best.h5, or those of last.h5 with the average
 * that its optimiser may keep in their place. */
static base_status read_judged(const train_final_request *request, const char *path,
                               const char *fingerprint, infer_member *member, base_error *err) {
    const train_options *train = &request->config->train;
    bool fitted = request->config->classifier != NULL;
    nn_schedule schedule = {0};
    train_state state = {.network = member->network,
                         .features = member->features,
                         .schedule = &schedule,
                         .epochs = base_alloc((size_t)train->epochs, sizeof *state.epochs),
                         .max_epochs = train->epochs,
                         .fingerprint = fingerprint,
                         .n_classes = fitted ? request->facts->n_classes : 0};
    base_status status =
        state.epochs != NULL ? BASE_OK : base_fail(err, BASE_EMEMORY, "%s: out of memory", path);
    if (status == BASE_OK && !fitted && train->result == TRAIN_RESULT_LAST) {
        status = nn_optimizer_new(state.network, train->optimizer, &train->optimizer_options,
                                  train->ema, &state.optimizer, err);
    }
    if (status == BASE_OK) status = train_checkpoint_read(&state, path, err);
    if (status == BASE_OK && state.optimizer != NULL) nn_optimizer_swap_average(state.optimizer);
    nn_optimizer_free(state.optimizer);
    base_free(state.epochs);
    member->classifier = state.classifier;
    return status;
}

/* Loads fold `fold` (from 1) into a network for one clip at a time, which takes little memory. An
 * optimiser needs a network that can be trained. */
static base_status load_fold(const train_final_request *request, int fold, base_arena *arena,
                             infer_member *member, base_error *err) {
    const train_config *config = request->config;
    bool last = config->train.result == TRAIN_RESULT_LAST;
    const char *path = base_arena_printf(arena, "%s/fold%d/%s", request->folder, fold,
                                         last ? "last.h5" : "best.h5");
    const char *fingerprint = base_arena_printf(arena, "%s fold%d", request->fingerprint, fold);
    if (path == NULL || fingerprint == NULL) {
        return base_fail(err, BASE_EMEMORY, "model: out of memory");
    }
    BASE_TRY(train_network_new(&(train_network_plan){.config = config,
                                                     .n_classes = request->facts->n_classes,
                                                     .max_batch = 1,
                                                     .training = last && config->classifier == NULL,
                                                     .pool = request->pool},
                               &member->network, &member->features, err));
    return read_judged(request, path, fingerprint, member, err);
}

static int best_fold(const train_fold_set *set) {
    int best = 0;
    for (int i = 1; i < set->n_folds; i++) {
        if (set->folds[i].metrics.accuracy > set->folds[best].metrics.accuracy) best = i;
    }
    return best + 1;
}

/* A model in the making. */
typedef struct {
    const train_final_request *request;
    train_run run;
    infer_member *members; /* the first n_members are to be freed, unless train.final is `all` */
    int n_members;
    infer_model_content content;
    const char *path;
} final_model;

static base_status out_of_memory(base_error *err) {
    return base_fail(err, BASE_EMEMORY, "model: out of memory");
}

static base_status gather_members(final_model *model, base_error *err) {
    const train_final_request *request = model->request;
    base_arena *arena = &model->run.arena;
    int n_folds = model->run.main.n_folds;
    model->members = base_arena_alloc(arena, (size_t)n_folds, sizeof *model->members);
    if (model->members == NULL) return out_of_memory(err);
    model->n_members = 1;
    switch (request->config->train.final) {
    case TRAIN_FINAL_BEST_FOLD:
        return load_fold(request, best_fold(&model->run.main), arena, model->members, err);
    case TRAIN_FINAL_ENSEMBLE:
        model->n_members = n_folds;
        for (int i = 0; i < n_folds; i++) {
            BASE_TRY(load_fold(request, i + 1, arena, &model->members[i], err));
        }
        return BASE_OK;
    default:
        model->members[0] = (infer_member){.network = request->network,
                                           .features = request->features,
                                           .classifier = request->classifier};
        return BASE_OK;
    }
}

/* The record: what the folds say about this model and, unless it is NULL, what it scores on the
 * held-out sounds, as JSON. */
static void add_record(const train_run *run, int final, const train_metrics *held_out,
                       base_text *json) {
    static const char *const kinds[] = {"all", "best_fold", "ensemble", "none"};
    base_text_add(json, "{\"name\": ");
    base_text_add_json(json, run->facts.name);
    base_text_printf(json, ", \"final\": \"%s\", \"clips\": %lld, \"folds\": %d, \"accuracy\": ",
                     kinds[final], (long long)run->facts.n_clips, run->main.n_folds);
    base_text_add_number(json, run->main.accuracy.mean);
    if (run->main.n_folds > 1) {
        base_text_add(json, ", \"deviation\": ");
        base_text_add_number(json, run->main.accuracy.deviation);
    }
    base_text_add(json, ", \"balanced_accuracy\": ");
    base_text_add_number(json, run->main.balanced.mean);
    if (held_out != NULL) {
        base_text_printf(json,
                         ", \"unseen\": {\"clips\": %lld, \"accuracy\": ", (long long)held_out->n);
        base_text_add_number(json, held_out->accuracy);
        base_text_add(json, ", \"balanced_accuracy\": ");
        base_text_add_number(json, held_out->balanced);
        base_text_add(json, ", \"log_loss\": ");
        base_text_add_number(json, held_out->log_loss);
        base_text_add(json, "}");
    }
    base_text_add(json, ", \"version\": ");
    base_text_add_json(json, run->facts.version);
    base_text_add(json, ", \"blas_kernel\": ");
    base_text_add_json(json, run->facts.blas_kernel);
    base_text_add(json, "}");
}

static base_status write_with_record(final_model *model, const train_metrics *held_out,
                                     base_error *err) {
    base_text record = {0};
    add_record(&model->run, model->request->config->train.final, held_out, &record);
    model->content.record = base_text_string(&record);
    base_status status =
        record.failed ? out_of_memory(err) : infer_model_write(&model->content, model->path, err);
    base_text_release(&record);
    return status;
}

/* What the model as it is written makes of the held-out sounds. */
static base_status test_model(final_model *model, train_metrics *metrics, base_error *err) {
    enum { BATCH = 32 };
    const train_final_request *request = model->request;
    const train_data *data = request->data;
    base_arena *arena = &model->run.arena;
    const char *csv = base_path_join(arena, request->folder, "unseen.csv");
    float *p =
        base_arena_alloc(arena, (size_t)(data->n_held_out * request->facts->n_classes), sizeof *p);
    if (csv == NULL || p == NULL) return out_of_memory(err);
    infer_model *written;
    BASE_TRY(infer_model_open(model->path, BATCH, request->pool, &written, err));
    infer_selection held_out = {&data->clips, data->held_out, data->n_held_out};
    base_status status = infer_model_classify_clips(written, &held_out, p, err);
    infer_model_free(written);
    BASE_TRY(status);
    train_predictions all = {.probability = p};
    train_clips clips = {&data->manifest, &data->clips, data->held_out, data->n_held_out};
    BASE_TRY(train_predictions_label(&all, &clips, arena, err));
    BASE_TRY(train_predictions_write(&all, csv, err));
    return train_metrics_compute(&all, arena, metrics, err);
}

static base_status write_model(final_model *model, base_error *err) {
    const train_final_request *request = model->request;
    bool scaled = request->config->train.loss == NN_CROSS_ENTROPY;
    model->path = base_path_join(&model->run.arena, request->folder, "model.h5");
    if (model->path == NULL) return out_of_memory(err);
    BASE_TRY(gather_members(model, err));
    model->content = (infer_model_content){
        .config = request->yaml,
        .classes = request->facts->classes,
        .n_classes = request->facts->n_classes,
        .temperature = scaled ? train_fit_temperature(&model->run.main.predictions) : 1,
        .members = model->members,
        .n_members = model->n_members};
    BASE_TRY(write_with_record(model, NULL, err));
    if (request->data->n_held_out == 0) return BASE_OK;
    train_metrics held_out;
    BASE_TRY(test_model(model, &held_out, err));
    return write_with_record(model, &held_out, err);
}

base_status train_final_write(const train_final_request *request, base_error *err) {
    final_model model = {.request = request};
    BASE_TRY(train_run_read(request->folder, &model.run, err));
    base_status status = write_model(&model, err);
    bool borrowed = request->config->train.final == TRAIN_FINAL_ALL;
    for (int i = 0; i < model.n_members && !borrowed; i++) {
        nn_network_free(model.members[i].network);
        dsp_features_free(model.members[i].features);
        nn_classifier_free(model.members[i].classifier);
    }
    train_run_release(&model.run);
    return status;
}
