/* One training of a run: its clips, its seed, what is told of it, what is tested and written. */
#include <string.h>

#include "base/clock.h"
#include "train/evaluate.h"
#include "train/experiment_internal.h"
#include "train/fit.h"
#include "train/predictions.h"

/* One fold at a time; false as soon as all are to stop. */
static bool tell_of_fold(train__experiment *e, const train__progress *p, train_event *event) {
    event->stage = p->stage;
    event->fold = p->fold;
    event->n_folds = p->n_folds;
    event->at_work = p->at_work;
    if (e->deal != NULL) train__deal_count(p, event);
    if (!e->halted) e->halted = !train__tell(e, event);
    return !e->halted;
}

bool train__progress_tell(train__progress *p, const train_progress *now) {
    train__experiment *e = p->experiment;
    pthread_mutex_lock(&e->mutex);
    double step = (double)((now->epoch - 1) * now->total + now->done) - p->work;
    /* The first report of a fold shows how much of it a resumed run had done already. */
    if (step > (double)now->total) e->worked_before += step - (double)now->done;
    p->work += step;
    e->work_done += step;
    double elapsed_s = 1e-9 * (double)base_clock_ns() - e->started_s,
           worked = e->work_done - e->worked_before;
    double rate = elapsed_s > 0 ? worked / elapsed_s : 0;
    train_event event = {.kind = now->over != NULL ? TRAIN_EVENT_EPOCH : TRAIN_EVENT_STEP,
                         .epoch_number = now->epoch,
                         .n_epochs = now->n_epochs,
                         .done = now->done,
                         .total = now->total,
                         .loss = now->loss,
                         .best_accuracy = now->best_accuracy,
                         .best_epoch = now->best_epoch,
                         .samples_per_s = rate,
                         .seconds_left = rate > 0 ? (e->work_total - e->work_done) / rate : -1,
                         .epoch = now->over};
    bool go_on = tell_of_fold(e, p, &event);
    pthread_mutex_unlock(&e->mutex);
    return go_on;
}

/* Epochs done before, or left out by train.patience, are no work for this run. */
void train__progress_end(train__progress *p) {
    train__experiment *e = p->experiment;
    pthread_mutex_lock(&e->mutex);
    e->worked_before += p->whole - p->work;
    e->work_done += p->whole - p->work;
    p->work = p->whole;
    pthread_mutex_unlock(&e->mutex);
}

bool train__progress_tell_fold(train__progress *p, const train_metrics *metrics,
                               const train_metrics *held_out) {
    train__experiment *e = p->experiment;
    train_event event = {.kind = TRAIN_EVENT_FOLD, .metrics = metrics, .held_out = held_out};
    pthread_mutex_lock(&e->mutex);
    bool go_on = tell_of_fold(e, p, &event);
    pthread_mutex_unlock(&e->mutex);
    return go_on;
}

static bool tell_progress(void *context, const train_progress *now) {
    train__progress *p = context;
    if (p->experiment->deal != NULL) return train__deal_tell(p, now);
    return train__progress_tell(p, now);
}

/* Gives the job its clips: those the fold tests, in order, and those it trains on. */
static base_status split(const train__experiment *e, const train__training *t, train_job *job,
                         base_error *err) {
    int64_t n = e->data.clips.n_clips;
    int64_t *train = base_arena_alloc(job->arena, (size_t)n, sizeof *train);
    int64_t *test = base_arena_alloc(job->arena, (size_t)n, sizeof *test);
    if (train == NULL || test == NULL) return train__out_of_memory(err);
    for (int64_t i = 0; i < n; i++) {
        if (data_folds_tests(t->folds, t->fold, i)) test[job->n_test++] = i;
        if (data_folds_trains(t->folds, t->fold, i)) train[job->n_train++] = i;
    }
    job->train_index = train;
    job->test_index = test;
    return BASE_OK;
}

/* Some clips of a fold's, and what its network made of them. */
typedef struct {
    const int64_t *index;
    int64_t n;
    const float *probability;
    const char *file; /* that says so, in the fold's folder */
} tested_clips;

static base_status report_on(const train__experiment *e, const train_job *job,
                             const tested_clips *tested, train_metrics *metrics, base_error *err) {
    base_arena *arena = job->arena;
    const char *path = base_path_join(arena, job->folder, tested->file);
    train_predictions p = {.probability = tested->probability};
    train_clips clips = {&e->data.manifest, &e->data.clips, tested->index, tested->n};
    if (path == NULL) return train__out_of_memory(err);
    BASE_TRY(train_predictions_label(&p, &clips, arena, err));
    BASE_TRY(train_predictions_write(&p, path, err));
    return train_metrics_compute(&p, arena, metrics, err);
}

/* What a fold of the first set makes of the held-out sounds. */
static base_status test_held_out(const train__experiment *e, const train_job *job,
                                 const train_outcome *outcome, train_metrics *metrics,
                                 base_error *err) {
    int64_t n = e->data.n_held_out;
    float *p = base_arena_alloc(job->arena, (size_t)(n * job->n_classes), sizeof *p);
    if (p == NULL) return train__out_of_memory(err);
    train_clips clips = {.clips = job->clips, .index = e->data.held_out, .n = n};
    BASE_TRY(train_evaluate(job, outcome, &clips, p, err));
    tested_clips held_out = {e->data.held_out, n, p, "unseen.csv"};
    return report_on(e, job, &held_out, metrics, err);
}

static base_status report_fold(train__experiment *e, const train__training *t, const train_job *job,
                               const train_outcome *outcome, base_error *err) {
    train__progress *p = job->progress_context;
    train_metrics metrics, held_out;
    bool has_held_out = e->data.n_held_out > 0 && t->folds == &e->main;
    tested_clips tested = {job->test_index, job->n_test, outcome->probability, "predictions.csv"};
    BASE_TRY(report_on(e, job, &tested, &metrics, err));
    if (has_held_out) BASE_TRY(test_held_out(e, job, outcome, &held_out, err));
    const train_metrics *other = has_held_out ? &held_out : NULL;
    bool go_on = e->deal != NULL ? train__deal_tell_fold(p, &metrics, other)
                                 : train__progress_tell_fold(p, &metrics, other);
    return go_on ? BASE_OK : base_fail(err, BASE_ESTOPPED, "stopped");
}

/* Each training of a run has its own streams: the run's seed, its stage and its fold. */
static uint64_t training_seed(const train__experiment *e, const char *stage, int fold) {
    base_digest digest = base_digest_bytes(stage, strlen(stage));
    return (uint64_t)e->config->train.seed + digest.low + (uint64_t)fold * 0x9e3779b97f4a7c15u;
}

train__progress train__progress_of(train__experiment *e, const train__training *t) {
    int64_t n_train = train__folds_count_trained(t->folds, t->fold);
    return (train__progress){.experiment = e,
                             .stage = t->stage,
                             .fold = t->fold + 1,
                             .n_folds = t->fold == DATA_FOLD_NONE ? 1 : (int)t->folds->n_folds,
                             .at_work = t->at_work,
                             .number = t->number,
                             .whole = (double)e->config->train.epochs *
                                      (double)train_draws_per_epoch(&e->config->train, n_train)};
}

/* Trains, and tells what came of it; `outcome` is the caller's to release. */
static base_status run_job(train__experiment *e, const train__training *t, train_job *job,
                           train_outcome *outcome, base_error *err) {
    train__progress progress = train__progress_of(e, t);
    if (!t->silent) job->progress = tell_progress;
    job->progress_context = &progress;
    BASE_TRY(e->config->classifier != NULL ? train_fit_run(job, outcome, err)
                                           : train_loop_run(job, outcome, err));
    if (!t->silent) train__progress_end(&progress);
    if (job->n_test == 0 || base_ranks_self(job->group) > 0) return BASE_OK;
    base_status status = report_fold(e, t, job, outcome, err);
    if (status != BASE_OK) train_outcome_release(outcome);
    return status;
}

/* One training, in <folder>/<place>; `outcome` is the caller's to release. */
base_status train__training_run(train__experiment *e, const train__training *t,
                                train_outcome *outcome, base_error *err) {
    base_arena arena = {0};
    train_job job = {.config = e->config,
                     .clips = &e->data.clips,
                     .augment = e->augment,
                     .init = &e->init,
                     .classes = e->facts.classes,
                     .n_classes = e->facts.n_classes,
                     .seed = training_seed(e, t->stage, t->fold),
                     .folder = base_path_join(&arena, e->options->folder, t->place),
                     .fingerprint = base_arena_printf(&arena, "%s %s", e->fingerprint, t->place),
                     .resume = e->options->resume || t->silent,
                     .pool = t->pool,
                     .group = t->group,
                     .arena = &arena};
    base_status status =
        job.folder != NULL && job.fingerprint != NULL ? BASE_OK : train__out_of_memory(err);
    if (status == BASE_OK && e->teacher != NULL) {
        job.teacher = base_path_join(&arena, e->options->folder, TRAIN__TEACHER);
        if (job.teacher == NULL) status = train__out_of_memory(err);
    }
    if (status == BASE_OK) status = split(e, t, &job, err);
    if (status == BASE_OK && base_ranks_self(t->group) == 0) {
        status = base_folder_make(job.folder, err);
    }
    status = base_ranks_agree(t->group, status, err);
    if (status == BASE_OK) status = run_job(e, t, &job, outcome, err);
    base_arena_release(&arena);
    return status;
}
