/* A run from beginning to end. */
#include "base/clock.h"
#include "train/experiment_internal.h"
#include "train/final.h"

bool train__tell(const train__experiment *e, const train_event *event) {
    if (e->options->listener == NULL) return true;
    return e->options->listener(e->options->listener_context, event);
}

base_status train__out_of_memory(base_error *err) {
    return base_fail(err, BASE_EMEMORY, "run: out of memory");
}

static base_status write_final(train__experiment *e, base_error *err) {
    const train_config *config = e->config;
    if (config->train.final == TRAIN_FINAL_NONE) return BASE_OK;
    train_outcome outcome = {0};
    if (config->train.final == TRAIN_FINAL_ALL) {
        BASE_TRY(train__folds_run_final(e, &outcome, err));
    }
    train_event event = {.kind = TRAIN_EVENT_STAGE, .stage = "model", .text = "model"};
    train__tell(e, &event);
    train_final_request request = {.config = config,
                                   .yaml = base_text_string(&e->yaml),
                                   .folder = e->options->folder,
                                   .facts = &e->facts,
                                   .data = &e->data,
                                   .fingerprint = e->fingerprint,
                                   .pool = e->options->pool,
                                   .network = outcome.network,
                                   .features = outcome.features,
                                   .classifier = outcome.classifier};
    base_status status = train_final_write(&request, err);
    train_outcome_release(&outcome);
    return status;
}

static base_status write_report(train__experiment *e, base_error *err) {
    train_event event = {.kind = TRAIN_EVENT_STAGE, .stage = "report", .text = "report"};
    train__tell(e, &event);
    train_run run;
    BASE_TRY(train_run_read(e->options->folder, &run, err));
    base_status status = train_run_write_summary(&run, err);
    if (status == BASE_OK && e->options->report != NULL) status = e->options->report(&run, err);
    train_run_release(&run);
    return status;
}

static base_status finish(train__experiment *e, base_error *err) {
    BASE_TRY(write_final(e, err));
    return write_report(e, err);
}

static base_status begin(train__experiment *e, base_error *err) {
    BASE_TRY(train_setup_check(e->config, err));
    BASE_TRY(train_work_folder_open(&e->work, err));
    BASE_TRY(train__prepare(e, err));
    return train__folder_begin(e, err);
}

static base_status run_alone(train__experiment *e, base_error *err) {
    BASE_TRY(begin(e, err));
    train__folds_plan(e);
    train_event event = {
        .kind = TRAIN_EVENT_DATA, .stage = "data", .facts = &e->facts, .n_parallel = e->n_parallel};
    if (!train__tell(e, &event)) return base_fail(err, BASE_ESTOPPED, "stopped");
    e->started_s = 1e-9 * (double)base_clock_ns();
    BASE_TRY(train__folds_run(e, &e->main, "fold", "", err));
    BASE_TRY(train__folds_run(e, &e->compare, "compare", "compare/", err));
    return finish(e, err);
}

/* Rank 0 alone writes what comes after the trainings. */
static base_status run_with_ranks(train__experiment *e, base_error *err) {
    base_ranks *ranks = e->options->ranks;
    BASE_TRY(train__ranks_begin(e, err));
    train__folds_plan(e);
    BASE_TRY(train__deal_run(e, err));
    base_status status = base_ranks_self(ranks) == 0 ? finish(e, err) : BASE_OK;
    return base_ranks_agree(ranks, status, err);
}

static void release(train__experiment *e) {
    pthread_mutex_destroy(&e->mutex);
    train__deal_free(e->deal);
    data_augment_free(e->augment);
    data_folds_release(&e->main);
    data_folds_release(&e->compare);
    train_data_release(&e->data);
    train_init_release(&e->init);
    base_text_release(&e->yaml);
    for (int i = 0; i < e->n_kept; i++) base_free(e->kept[i].bytes);
    train_work_folder_release(&e->work);
    base_arena_release(&e->arena);
}

base_status train_experiment_run(train_config *config, const train_experiment_options *options,
                                 base_error *err) {
    train__experiment e = {.config = config,
                           .options = options,
                           .work = {.path = options->folder,
                                    .kind = TRAIN_FOLDER_RUN,
                                    .resume = options->resume,
                                    .overwrite = options->overwrite}};
    pthread_mutex_init(&e.mutex, NULL);
    base_status status = options->ranks != NULL ? run_with_ranks(&e, err) : run_alone(&e, err);
    release(&e);
    return status;
}
