/* The trainings of a run: fold after fold, folds side by side, all clips. */
#include <stdio.h>
#include <string.h>

#include "train/experiment_internal.h"
#include "train/feed.h"

/* ------------------------------------------------------------------ memory and work */

int64_t train__folds_count_trained(const data_folds *folds, int64_t fold) {
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
    int64_t n_train = train__folds_count_trained(&e->main, 0), n_test = e->facts.n_clips - n_train;
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
        work += work_of(&e->config->train, train__folds_count_trained(folds, fold));
    }
    return work;
}

void train__folds_plan(train__experiment *e) {
    const train_options *train = &e->config->train;
    e->n_parallel = count_parallel(e);
    e->work_total = work_of_set(e, &e->main) + work_of_set(e, &e->compare);
    if (train->final == TRAIN_FINAL_ALL) e->work_total += work_of(train, e->facts.n_clips);
}

/* ------------------------------------------------------------------ folds side by side */

/* A set of folds in progress. */
typedef struct {
    train__experiment *experiment;
    const data_folds *folds;
    const char *stage, *prefix;
    bool *at_work; /* [n_folds] */
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
    if (fold >= 0) set->at_work[fold] = true;
    pthread_mutex_unlock(&e->mutex);
    return fold;
}

/* A fold is over. If it failed, or was stopped, all others stop. */
static void put_fold(fold_set *set, int fold, base_status status, const base_error *err) {
    train__experiment *e = set->experiment;
    pthread_mutex_lock(&e->mutex);
    if (fold >= 0) set->at_work[fold] = false;
    if (status != BASE_OK && set->status == BASE_OK) {
        set->status = status;
        *set->err = *err;
        e->halted = true;
    }
    pthread_mutex_unlock(&e->mutex);
}

static base_status run_fold(fold_set *set, int fold, base_pool *pool, base_error *err) {
    train__training t = {.folds = set->folds,
                         .stage = set->stage,
                         .fold = fold,
                         .pool = pool,
                         .at_work = set->at_work};
    snprintf(t.place, sizeof t.place, "%sfold%d", set->prefix, fold + 1);
    train_outcome outcome = {0};
    BASE_TRY(train__training_run(set->experiment, &t, &outcome, err));
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
    set.at_work = base_arena_alloc(&e->arena, (size_t)folds->n_folds, sizeof *set.at_work);
    if (set.at_work == NULL) return train__out_of_memory(err);
    if (set.n_jobs > 1) {
        base_side_by_side(set.n_jobs, run_fold_job, &set);
    } else {
        run_folds(&set, e->options->pool);
    }
    return set.status;
}

base_status train__folds_run_final(train__experiment *e, train_outcome *outcome, base_error *err) {
    train__training all = {.folds = &e->main,
                           .stage = "final",
                           .fold = DATA_FOLD_NONE,
                           .place = "final",
                           .pool = e->options->pool,
                           .silent = e->deal != NULL};
    return train__training_run(e, &all, outcome, err);
}
