#include "train/final.h"

#include <stdio.h>
#include <string.h>

#include "infer/model.h"
#include "train/calibration.h"
#include "train/checkpoint.h"
#include "train/experiment.h"

enum { MAX_MEMBERS = 20 };

/* Loads the weights that fold `fold` (from 1) was judged by. */
static base_status load_fold(const train_final_request *request, int fold, base_arena *arena,
                             infer_member *member, base_error *err) {
    const train_config *config = request->config;
    char place[32];
    snprintf(place, sizeof place, "fold%d", fold);
    /* Averaged weights are kept as weights in best.h5 alone; last.h5 holds both and is read whole.
     */
    bool best = config->train.result == TRAIN_RESULT_BEST;
    const char *path =
        base_arena_printf(arena, "%s/%s/%s", request->folder, place, best ? "best.h5" : "last.h5");
    const char *fingerprint = base_arena_printf(arena, "%s %s", request->fingerprint, place);
    if (!path || !fingerprint) return base_fail(err, BASE_EMEMORY, "model: out of memory");
    BASE_TRY(train_network_new(config, request->facts->n_classes, config->train.batch, true,
                               request->pool, &member->network, &member->features, err));
    train_epoch *epochs = base_alloc((size_t)config->train.epochs, sizeof *epochs);
    nn_optimizer *optimizer = NULL;
    nn_schedule schedule = {0};
    base_status status = epochs ? BASE_OK : base_fail(err, BASE_EMEMORY, "%s: out of memory", path);
    if (status == BASE_OK && !best) {
        status =
            nn_optimizer_new(member->network, config->train.optimizer,
                             &config->train.optimizer_options, config->train.ema, &optimizer, err);
    }
    if (status == BASE_OK) {
        train_state state = {.network = member->network,
                             .features = member->features,
                             .optimizer = optimizer,
                             .schedule = optimizer ? &schedule : NULL,
                             .epochs = epochs,
                             .max_epochs = config->train.epochs,
                             .fingerprint = fingerprint};
        status = train_checkpoint_read(&state, path, err);
    }
    if (status == BASE_OK && optimizer) nn_optimizer_swap_average(optimizer);
    nn_optimizer_free(optimizer);
    base_free(epochs);
    return status;
}

static int best_fold(const train_fold_set *set) {
    int best = 0;
    for (int i = 1; i < set->n_folds; i++) {
        if (set->folds[i].metrics.accuracy > set->folds[best].metrics.accuracy) best = i;
    }
    return best + 1;
}

static base_status gather_members(const train_final_request *request, const train_run *run,
                                  base_arena *arena, infer_member *members, int *n_members,
                                  base_error *err) {
    *n_members = 0;
    switch (request->config->train.final) {
    case TRAIN_FINAL_BEST_FOLD:
        *n_members = 1;
        return load_fold(request, best_fold(&run->main), arena, members, err);
    case TRAIN_FINAL_ENSEMBLE:
        while (*n_members < run->main.n_folds) {
            int i = (*n_members)++;
            BASE_TRY(load_fold(request, i + 1, arena, &members[i], err));
        }
        return BASE_OK;
    default:
        members[0] = (infer_member){.network = request->network, .features = request->features};
        return BASE_OK;
    }
}

static double fit_temperature(const train_run *run, nn_loss_kind loss) {
    if (loss != NN_CROSS_ENTROPY) return 1;
    const train_fold_set *set = &run->main;
    int32_t *truth = base_alloc((size_t)set->n, sizeof *truth);
    if (!truth) return 1;
    for (int64_t i = 0; i < set->n; i++) truth[i] = set->predictions[i].truth;
    double temperature =
        train_fit_temperature(set->probability, truth, set->n, run->facts.n_classes);
    base_free(truth);
    return temperature;
}

/* The record: what the folds say about this model, as JSON. */
static void add_record(const train_run *run, int final, base_text *json) {
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
    base_text_add(json, ", \"version\": ");
    base_text_add_json(json, run->facts.version);
    base_text_add(json, ", \"blas_kernel\": ");
    base_text_add_json(json, run->facts.blas_kernel);
    base_text_add(json, "}");
}

static base_status write_model(const train_final_request *request, const train_run *run,
                               base_arena *arena, const infer_member *members, int n_members,
                               base_error *err) {
    base_text record = {0};
    add_record(run, request->config->train.final, &record);
    const char *path = base_path_join(arena, request->folder, "model.h5");
    infer_model_content content = {.config = request->yaml,
                                   .record = base_text_string(&record),
                                   .classes = request->facts->classes,
                                   .n_classes = request->facts->n_classes,
                                   .temperature = fit_temperature(run, request->config->train.loss),
                                   .members = members,
                                   .n_members = n_members};
    base_status status = record.failed || !path
                             ? base_fail(err, BASE_EMEMORY, "model: out of memory")
                             : infer_model_write(&content, path, err);
    base_text_release(&record);
    return status;
}

base_status train_final_write(const train_final_request *request, base_error *err) {
    train_run run;
    BASE_TRY(train_run_read(request->folder, &run, err));
    infer_member members[MAX_MEMBERS] = {0};
    int n_members;
    base_status status = gather_members(request, &run, &run.arena, members, &n_members, err);
    bool borrowed = request->config->train.final == TRAIN_FINAL_ALL;
    if (status == BASE_OK) {
        status = write_model(request, &run, &run.arena, members, borrowed ? 1 : n_members, err);
    }
    for (int i = 0; i < n_members; i++) {
        nn_network_free(members[i].network);
        dsp_features_free(members[i].features);
    }
    train_run_release(&run);
    return status;
}
