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
        state.epochs ? BASE_OK : base_fail(err, BASE_EMEMORY, "%s: out of memory", path);
    if (status == BASE_OK && !fitted && train->result == TRAIN_RESULT_LAST) {
        status = nn_optimizer_new(state.network, train->optimizer, &train->optimizer_options,
                                  train->ema, &state.optimizer, err);
    }
    if (status == BASE_OK) status = train_checkpoint_read(&state, path, err);
    if (status == BASE_OK && state.optimizer) nn_optimizer_swap_average(state.optimizer);
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
    if (!path || !fingerprint) return base_fail(err, BASE_EMEMORY, "model: out of memory");
    BASE_TRY(train_network_new(config, request->facts->n_classes, 1, last && !config->classifier,
                               request->pool, &member->network, &member->features, err));
    return read_judged(request, path, fingerprint, member, err);
}

static int best_fold(const train_fold_set *set) {
    int best = 0;
    for (int i = 1; i < set->n_folds; i++) {
        if (set->folds[i].metrics.accuracy > set->folds[best].metrics.accuracy) best = i;
    }
    return best + 1;
}

/* On failure, too, the first *n_members are the caller's to free, unless train.final is `all`. */
static base_status gather_members(const train_final_request *request, const train_run *run,
                                  base_arena *arena, infer_member *members, int *n_members,
                                  base_error *err) {
    *n_members = 1;
    switch (request->config->train.final) {
    case TRAIN_FINAL_BEST_FOLD:
        return load_fold(request, best_fold(&run->main), arena, members, err);
    case TRAIN_FINAL_ENSEMBLE:
        *n_members = run->main.n_folds;
        for (int i = 0; i < *n_members; i++) {
            BASE_TRY(load_fold(request, i + 1, arena, &members[i], err));
        }
        return BASE_OK;
    default:
        members[0] = (infer_member){.network = request->network,
                                    .features = request->features,
                                    .classifier = request->classifier};
        return BASE_OK;
    }
}

/* The record: what the folds say about this model and, unless it is NULL, what it scores on the
 * unseen sounds, as JSON. */
static void add_record(const train_run *run, int final, const train_metrics *unseen,
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
    if (unseen) {
        base_text_printf(json,
                         ", \"unseen\": {\"clips\": %lld, \"accuracy\": ", (long long)unseen->n);
        base_text_add_number(json, unseen->accuracy);
        base_text_add(json, ", \"balanced_accuracy\": ");
        base_text_add_number(json, unseen->balanced);
        base_text_add(json, ", \"log_loss\": ");
        base_text_add_number(json, unseen->log_loss);
        base_text_add(json, "}");
    }
    base_text_add(json, ", \"version\": ");
    base_text_add_json(json, run->facts.version);
    base_text_add(json, ", \"blas_kernel\": ");
    base_text_add_json(json, run->facts.blas_kernel);
    base_text_add(json, "}");
}

static base_status write_with_record(const train_final_request *request, const train_run *run,
                                     const train_metrics *unseen, infer_model_content *content,
                                     const char *path, base_error *err) {
    base_text record = {0};
    add_record(run, request->config->train.final, unseen, &record);
    content->record = base_text_string(&record);
    base_status status = record.failed ? base_fail(err, BASE_EMEMORY, "model: out of memory")
                                       : infer_model_write(content, path, err);
    base_text_release(&record);
    return status;
}

/* What the model as it is written makes of the unseen sounds. */
static base_status test_model(const train_final_request *request, const char *path,
                              base_arena *arena, train_metrics *metrics, base_error *err) {
    enum { BATCH = 32 };
    const train_data *data = request->data;
    const char *csv = base_path_join(arena, request->folder, "unseen.csv");
    float *p =
        base_arena_alloc(arena, (size_t)(data->n_unseen * request->facts->n_classes), sizeof *p);
    if (!csv || !p) return base_fail(err, BASE_EMEMORY, "model: out of memory");
    infer_model *model;
    BASE_TRY(infer_model_open(path, BATCH, request->pool, &model, err));
    base_status status =
        infer_model_classify_clips(model, &data->clips, data->unseen, data->n_unseen, p, err);
    infer_model_free(model);
    BASE_TRY(status);
    train_predictions all = {.probability = p};
    train_clips clips = {&data->manifest, &data->clips, data->unseen, data->n_unseen};
    BASE_TRY(train_predictions_label(&all, &clips, arena, err));
    BASE_TRY(train_predictions_write(&all, csv, err));
    return train_metrics_compute(&all, arena, metrics, err);
}

static base_status write_model(const train_final_request *request, const train_run *run,
                               base_arena *arena, const infer_member *members, int n_members,
                               base_error *err) {
    const char *path = base_path_join(arena, request->folder, "model.h5");
    if (!path) return base_fail(err, BASE_EMEMORY, "model: out of memory");
    infer_model_content content = {.config = request->yaml,
                                   .classes = request->facts->classes,
                                   .n_classes = request->facts->n_classes,
                                   .temperature =
                                       request->config->train.loss == NN_CROSS_ENTROPY
                                           ? train_fit_temperature(&run->main.predictions)
                                           : 1,
                                   .members = members,
                                   .n_members = n_members};
    BASE_TRY(write_with_record(request, run, NULL, &content, path, err));
    if (request->data->n_unseen == 0) return BASE_OK;
    train_metrics unseen;
    BASE_TRY(test_model(request, path, arena, &unseen, err));
    return write_with_record(request, run, &unseen, &content, path, err);
}

static base_status write_final(const train_final_request *request, train_run *run,
                               base_error *err) {
    infer_member *members =
        base_arena_alloc(&run->arena, (size_t)run->main.n_folds, sizeof *members);
    if (!members) return base_fail(err, BASE_EMEMORY, "model: out of memory");
    int n_members;
    base_status status = gather_members(request, run, &run->arena, members, &n_members, err);
    if (status == BASE_OK) {
        status = write_model(request, run, &run->arena, members, n_members, err);
    }
    bool borrowed = request->config->train.final == TRAIN_FINAL_ALL;
    for (int i = 0; i < n_members && !borrowed; i++) {
        nn_network_free(members[i].network);
        dsp_features_free(members[i].features);
        nn_classifier_free(members[i].classifier);
    }
    return status;
}

base_status train_final_write(const train_final_request *request, base_error *err) {
    train_run run;
    BASE_TRY(train_run_read(request->folder, &run, err));
    base_status status = write_final(request, &run, err);
    train_run_release(&run);
    return status;
}
