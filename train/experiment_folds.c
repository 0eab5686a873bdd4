/* The trainings of a run: one fold, folds side by side, all clips. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "train/evaluate.h"
#include "train/experiment_internal.h"
#include "train/feed.h"
#include "train/fit.h"
#include "train/predictions.h"

/* ------------------------------------------------------------------ memory and work */

static int64_t count_trained(const data_folds *folds, int64_t fold) {
    int64_t n = 0;
    for (int64_t i = 0; i < folds->n_clips; i++) n += data_folds_trains(folds, fold, i);
    return n;
}

/* What layers, or a classifier, take that learn from all training clips at once. */
static size_t learning_bytes(const train__experiment *e, int64_t n_train) {
    if (e->n_learned_from == 0) return 0;
    bool augmented = e->augment != NULL && !data_augment_is_empty(e->augment);
    return (size_t)(n_train * e->n_learned_from) * sizeof(float) +
           (augmented ? train_feed_kept_bytes(NULL, n_train, e->count) : 0);
}

/* What one fold takes: the network, the optimiser's two moments and average, what it is fed. */
static size_t fold_bytes(const train__experiment *e, int n_threads) {
    int64_t n_train = count_trained(&e->main, 0), n_test = e->facts.n_clips - n_train;
    if (n_test < e->data.n_held_out) n_test = e->data.n_held_out;
    size_t n_floats = (size_t)(3 * e->plan.n_param + e->config->train.batch * e->count);
    return e->plan.param_bytes + e->plan.activation_bytes +
           e->plan.scratch_bytes * (size_t)n_threads + n_floats * sizeof(float) +
           train_feed_kept_bytes(e->augment, n_train, e->count) +
           train_feed_kept_bytes(NULL, n_test, e->count) + learning_bytes(e, n_train);
}

/* As many folds side by side as were asked for and as threads and memory allow. */
static int count_parallel(const train__experiment *e) {
    const train_experiment_options *options = e->options;
    int n = options->parallel_folds, n_threads = base_pool_threads(options->pool);
    size_t budget = options->memory_bytes > 0 ? options->memory_bytes : base_memory() / 4 * 3;
    const data_clips *clips = &e->data.clips;
    size_t shared = (size_t)clips->offset[clips->n_clips] * sizeof *clips->audio;
    if (n > e->main.n_folds) n = (int)e->main.n_folds;
    if (n > n_threads) n = n_threads;
    while (n > 1 && shared + (size_t)n * fold_bytes(e, (n_threads + n - 1) / n) > budget) n--;
    return n > 1 ? n : 1;
}

/* Clips that a training goes through, over all of its epochs. */
static double work_of(const train_options *train, int64_t n_train) {
    return (double)train->epochs * (double)train_draws_per_epoch(train, n_train);
}

static double work_of_set(const train__experiment *e, const data_folds *folds) {
    double work = 0;
    for (int fold = 0; fold < folds->n_folds; fold++) {
        work += work_of(&e->config->train, count_trained(folds, fold));
    }
    return work;
}

void train__folds_plan(train__experiment *e) {
    const train_options *train = &e->config->train;
    e->n_parallel = count_parallel(e);
    e->work_total = work_of_set(e, &e->main) + work_of_set(e, &e->compare);
    if (train->final == TRAIN_FINAL_ALL) e->work_total += work_of(train, e->facts.n_clips);
}

/* ------------------------------------------------------------------ one fold */

/* One training to do. */
typedef struct {
    const data_folds *folds;
    const char *stage;
    int fold;       /* DATA_FOLD_NONE: all clips train, none is tested */
    char place[64]; /* in the run folder */
    base_pool *pool;
} training;

typedef struct {
    train__experiment *experiment;
    const char *stage;
    int fold, n_folds;
    double work; /* of this fold, as told so far */
} fold_progress;

/* One fold at a time; false as soon as all are to stop. */
static bool tell_of_fold(train__experiment *e, const fold_progress *p, train_event *event) {
    event->stage = p->stage;
    event->fold = p->fold;
    event->n_folds = p->n_folds;
    event->at_work = e->at_work;
    if (!e->halted) e->halted = !train__tell(e, event);
    return !e->halted;
}

static bool tell_progress(void *context, const train_progress *now) {
    fold_progress *p = context;
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
static void pass_rest(train__experiment *e, const fold_progress *p, double whole) {
    pthread_mutex_lock(&e->mutex);
    e->worked_before += whole - p->work;
    e->work_done += whole - p->work;
    pthread_mutex_unlock(&e->mutex);
}

/* Gives the job its clips: those the fold tests, in order, and those it trains on. */
static base_status split(const train__experiment *e, const training *t, train_job *job,
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

static base_status report_fold(train__experiment *e, const training *t, const train_job *job,
                               const train_outcome *outcome, base_error *err) {
    const fold_progress *p = job->progress_context;
    train_metrics metrics, held_out;
    bool has_held_out = e->data.n_held_out > 0 && t->folds == &e->main;
    tested_clips tested = {job->test_index, job->n_test, outcome->probability, "predictions.csv"};
    BASE_TRY(report_on(e, job, &tested, &metrics, err));
    if (has_held_out) BASE_TRY(test_held_out(e, job, outcome, &held_out, err));
    train_event event = {
        .kind = TRAIN_EVENT_FOLD, .metrics = &metrics, .held_out = has_held_out ? &held_out : NULL};
    pthread_mutex_lock(&e->mutex);
    bool go_on = tell_of_fold(e, p, &event);
    pthread_mutex_unlock(&e->mutex);
    return go_on ? BASE_OK : base_fail(err, BASE_ESTOPPED, "stopped");
}

/* Each training of a run has its own streams: the run's seed, its stage and its fold. */
static uint64_t training_seed(const train__experiment *e, const char *stage, int fold) {
    base_digest digest = base_digest_bytes(stage, strlen(stage));
    return (uint64_t)e->config->train.seed + digest.low + (uint64_t)fold * 0x9e3779b97f4a7c15u;
}

/* Trains, and tells what came of it; `outcome` is the caller's to release. */
static base_status run_job(train__experiment *e, const training *t, train_job *job,
                           train_outcome *outcome, base_error *err) {
    fold_progress progress = {.experiment = e,
                              .stage = t->stage,
                              .fold = t->fold + 1,
                              .n_folds = t->fold == DATA_FOLD_NONE ? 1 : (int)t->folds->n_folds};
    job->progress = tell_progress;
    job->progress_context = &progress;
    BASE_TRY(e->config->classifier != NULL ? train_fit_run(job, outcome, err)
                                           : train_loop_run(job, outcome, err));
    pass_rest(e, &progress, work_of(&e->config->train, job->n_train));
    if (job->n_test == 0) return BASE_OK;
    base_status status = report_fold(e, t, job, outcome, err);
    if (status != BASE_OK) train_outcome_release(outcome);
    return status;
}

/* One training, in <folder>/<place>; `outcome` is the caller's to release. */
static base_status run_training(train__experiment *e, const training *t, train_outcome *outcome,
                                base_error *err) {
    base_arena arena = {0};
    train_job job = {.config = e->config,
                     .clips = &e->data.clips,
                     .augment = e->augment,
                     .init = &e->init,
                     .n_classes = e->facts.n_classes,
                     .seed = training_seed(e, t->stage, t->fold),
                     .folder = base_path_join(&arena, e->options->folder, t->place),
                     .fingerprint = base_arena_printf(&arena, "%s %s", e->fingerprint, t->place),
                     .resume = e->options->resume,
                     .pool = t->pool,
                     .arena = &arena};
    base_status status =
        job.folder != NULL && job.fingerprint != NULL ? BASE_OK : train__out_of_memory(err);
    if (status == BASE_OK) status = split(e, t, &job, err);
    if (status == BASE_OK) status = base_folder_make(job.folder, err);
    if (status == BASE_OK) status = run_job(e, t, &job, outcome, err);
    base_arena_release(&arena);
    return status;
}

/* ------------------------------------------------------------------ folds side by side */

/* A set of folds in progress. */
typedef struct {
    train__experiment *experiment;
    const data_folds *folds;
    const char *stage, *prefix;
    int n_jobs;
    int next; /* the first fold that no job has taken; guarded by the experiment's mutex, */
    base_status status; /* as is what became of the first fold that failed */
    base_error *err;
} fold_set;

/* The next fold to be trained, or none: -1. */
static int take_fold(fold_set *set) {
    train__experiment *e = set->experiment;
    pthread_mutex_lock(&e->mutex);
    int fold = e->halted || set->next >= set->folds->n_folds ? -1 : set->next++;
    if (fold >= 0) e->at_work[fold] = true;
    pthread_mutex_unlock(&e->mutex);
    return fold;
}

/* A fold is over. If it failed, or was stopped, all others stop. */
static void put_fold(fold_set *set, int fold, base_status status, const base_error *err) {
    train__experiment *e = set->experiment;
    pthread_mutex_lock(&e->mutex);
    if (fold >= 0) e->at_work[fold] = false;
    if (status != BASE_OK && set->status == BASE_OK) {
        set->status = status;
        *set->err = *err;
        e->halted = true;
    }
    pthread_mutex_unlock(&e->mutex);
}

static base_status run_fold(fold_set *set, int fold, base_pool *pool, base_error *err) {
    training t = {.folds = set->folds, .stage = set->stage, .fold = fold, .pool = pool};
    snprintf(t.place, sizeof t.place, "%sfold%d", set->prefix, fold + 1);
    train_outcome outcome = {0};
    BASE_TRY(run_training(set->experiment, &t, &outcome, err));
    train_outcome_release(&outcome);
    return BASE_OK;
}

static void run_folds(fold_set *set, base_pool *pool) {
    for (int fold; (fold = take_fold(set)) >= 0;) {
        base_error err = {0};
        base_status status = run_fold(set, fold, pool, &err);
        put_fold(set, fold, status, &err);
    }
}

/* One of several jobs, with its share of the threads. */
static void run_fold_job(void *context, int job) {
    fold_set *set = context;
    int n_threads = base_pool_threads(set->experiment->options->pool);
    base_error err = {0};
    base_pool *pool;
    base_status status =
        base_pool_new(n_threads / set->n_jobs + (job < n_threads % set->n_jobs), &pool, &err);
    if (status == BASE_OK) {
        run_folds(set, pool);
        base_pool_free(pool);
    } else {
        put_fold(set, -1, status, &err);
    }
}

base_status train__folds_run(train__experiment *e, const data_folds *folds, const char *stage,
                             const char *prefix, base_error *err) {
    if (folds->n_folds == 0) return BASE_OK;
    fold_set set = {.experiment = e, .folds = folds, .stage = stage, .prefix = prefix, .err = err};
    set.n_jobs = e->n_parallel < folds->n_folds ? e->n_parallel : (int)folds->n_folds;
    e->at_work = base_arena_alloc(&e->arena, (size_t)folds->n_folds, sizeof *e->at_work);
    if (e->at_work == NULL) return train__out_of_memory(err);
    if (set.n_jobs > 1) {
        base_side_by_side(set.n_jobs, run_fold_job, &set);
    } else {
        run_folds(&set, e->options->pool);
    }
    e->at_work = NULL;
    return set.status;
}

base_status train__folds_run_final(train__experiment *e, train_outcome *outcome, base_error *err) {
    training all = {.folds = &e->main,
                    .stage = "final",
                    .fold = DATA_FOLD_NONE,
                    .place = "final",
                    .pool = e->options->pool};
    return run_training(e, &all, outcome, err);
}
