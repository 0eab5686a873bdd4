#include "train/loop.h"

#include <math.h>
#include <string.h>

#include "train/checkpoint.h"
#include "train/evaluate.h"
#include "train/mixup.h"
#include "train/setup.h"
#include "train/teacher.h"
#include "train/tensorboard.h"

/* One training in progress. */
typedef struct {
    const train_job *job;
    const train_options *options;
    nn_network *network;
    nn_optimizer *optimizer;
    nn_schedule schedule;
    nn_loss loss;
    dsp_features *features;
    train_feed *train, *test;
    train_feed *plain;      /* of the training clips as they are; NULL: `train` is that */
    train_teacher *teacher; /* NULL: the labels are the targets */
    float *learned_from;    /* [n_train, nn_network_n_learned_from]; NULL: no layer wants it */
    int32_t *label;         /* [n_train], likewise */
    int64_t count;          /* floats per sample of x */
    int64_t n_draws;        /* samples per epoch */
    int64_t n_batches;      /* micro-batches per epoch */
    int64_t *place;         /* [n_draws] this epoch's order, into train_index */
    int64_t *by_class;      /* balanced draws: places sorted by class */
    int64_t *class_begin;   /* [n_classes + 1] into by_class */
    float *class_weight;    /* [n_classes]; NULL: classes are not balanced */
    float *x, *target, *dlogits, *probability;
    int32_t *length;
    train_state state;
    bool begun;       /* there is a checkpoint to resume from */
    bool stopping;    /* this rank is to stop, and the others of its group do not know it yet */
    base_arena arena; /* of the two paths */
    const char *last, *best;
} loop;

/* ------------------------------------------------------------------ order of samples */

static int64_t label_at(const loop *l, int64_t place) {
    return l->job->clips->label[l->job->train_index[place]];
}

/* Sorts the places by class, for balanced draws and class weights. */
static void sort_by_class(loop *l) {
    int64_t n = l->job->n_train, n_classes = l->job->n_classes;
    for (int64_t i = 0; i < n; i++) l->class_begin[label_at(l, i) + 1]++;
    for (int64_t c = 0; c < n_classes; c++) l->class_begin[c + 1] += l->class_begin[c];
    for (int64_t c = 0; c < n_classes; c++) {
        int64_t next = l->class_begin[c];
        for (int64_t i = 0; i < n; i++) {
            if (label_at(l, i) == c) l->by_class[next++] = i;
        }
    }
}

/* Weights inverse to class frequency with mean 1 over the clips, as scikit-learn's "balanced". */
static void weigh_classes(loop *l) {
    int64_t n_classes = l->job->n_classes;
    for (int64_t c = 0; c < n_classes; c++) {
        int64_t n = l->class_begin[c + 1] - l->class_begin[c];
        l->class_weight[c] = n ? (float)((double)l->job->n_train / (double)(n_classes * n)) : 0;
    }
}

/* A class at random, then one of its clips: every class gets the same share. */
static int64_t balanced_draw(const loop *l, base_rng *rng) {
    for (;;) {
        int64_t c = base_rng_below(rng, l->job->n_classes);
        int64_t n = l->class_begin[c + 1] - l->class_begin[c];
        if (n > 0) return l->by_class[l->class_begin[c] + base_rng_below(rng, n)];
    }
}

/* Fills place[] for an epoch: passes in shuffled order, the last one cut short, or balanced draws.
 */
static void order_epoch(loop *l, uint64_t epoch) {
    uint64_t seed = l->job->seed;
    if (l->options->balance == TRAIN_BALANCE_DRAWS) {
        base_rng rng = base_rng_open(seed, BASE_RNG_DRAW, epoch, 0);
        for (int64_t i = 0; i < l->n_draws; i++) l->place[i] = balanced_draw(l, &rng);
        return;
    }
    int64_t n = l->job->n_train;
    for (int64_t begin = 0, pass = 0; begin < l->n_draws; begin += n, pass++) {
        base_rng rng = base_rng_open(seed, BASE_RNG_SHUFFLE, epoch, (uint64_t)pass);
        for (int64_t i = 0; i < n; i++) l->place[begin + i] = i;
        base_rng_shuffle(&rng, l->place + begin, n);
    }
}

/* Micro-batches of nearly equal size, so that no epoch ends with a batch of one. */
static int64_t batch_begin(const loop *l, int64_t batch) {
    return l->n_draws * batch / l->n_batches;
}

/* ------------------------------------------------------------------ one optimiser step */

static void set_targets(const loop *l, int64_t begin, int64_t n, float *target) {
    int64_t n_classes = l->job->n_classes;
    memset(target, 0, (size_t)(n * n_classes) * sizeof *target);
    for (int64_t i = 0; i < n; i++) target[i * n_classes + label_at(l, l->place[begin + i])] = 1;
}

/* The weight of all micro-batches of one step together, so that their gradients add up to the
 * mean over the step. Mixing keeps it: a blend of two targets weighs what they weigh. What a
 * teacher says does not count: a clip weighs what its label does. */
static double step_weight(const loop *l, int64_t first_batch, int64_t end_batch) {
    double weight = 0;
    for (int64_t b = first_batch; b < end_batch; b++) {
        int64_t begin = batch_begin(l, b), n = batch_begin(l, b + 1) - begin;
        set_targets(l, begin, n, l->target);
        weight += nn_loss_weight(&l->loss, n, l->target);
    }
    return weight;
}

/* One optimiser step's micro-batches [first, end). */
typedef struct {
    uint64_t epoch;
    int64_t step, first, end;
    double weight; /* of all, as step_weight has it */
} step_batches;

static base_status stopped(base_error *err) {
    return base_fail(err, BASE_ESTOPPED, "stopped");
}

/* Ranks that share a batch prepare their own samples, and all learn the lengths of all; a negative
 * one says that its rank has failed, or is to stop. */
static base_status share_batch(loop *l, int64_t n, base_status status, base_error *err) {
    base_ranks *group = l->job->group;
    int64_t begin, end;
    if (group == NULL) return status;
    nn_network_own(l->network, n, &begin, &end);
    if (status == BASE_OK && l->stopping) status = stopped(err);
    if (status != BASE_OK && begin < end) l->length[begin] = -1;
    nn_network_gather(l->network, n, l->length, sizeof *l->length);
    for (int64_t i = 0; i < n; i++) {
        if (l->length[i] < 0) return base_ranks_agree(group, status, err);
    }
    if (l->teacher != NULL) {
        nn_network_gather(l->network, n, l->target, l->job->n_classes * (int64_t)sizeof *l->target);
    }
    if (l->options->mixup > 0) {
        nn_network_gather(l->network, n, l->x, l->count * (int64_t)sizeof *l->x);
    }
    return BASE_OK;
}

static base_status prepare_batch(loop *l, const step_batches *s, int64_t batch, base_error *err) {
    int64_t first = batch_begin(l, batch), n = batch_begin(l, batch + 1) - first, begin, end;
    nn_network_own(l->network, n, &begin, &end);
    train_feed_request request = {.place = l->place + first + begin,
                                  .n = end - begin,
                                  .seed = l->job->seed,
                                  .epoch = s->epoch,
                                  .first = first + begin,
                                  .heard = train_teacher_heard(l->teacher)};
    base_status status = BASE_OK;
    set_targets(l, first, n, l->target);
    if (request.n > 0) {
        status =
            train_feed_batch(l->train, &request, l->x + begin * l->count, l->length + begin, err);
    }
    if (status == BASE_OK) {
        float *target = l->target + begin * l->job->n_classes;
        status = train_teacher_blend(l->teacher, request.n, target, err);
    }
    return share_batch(l, n, status, err);
}

/* Adds one micro-batch's gradients, and to *loss its share of the step's. */
static base_status run_batch(loop *l, const step_batches *s, int64_t batch, double *loss,
                             base_error *err) {
    int64_t begin = batch_begin(l, batch), n = batch_begin(l, batch + 1) - begin;
    BASE_TRY(prepare_batch(l, s, batch, err));
    if (l->options->mixup > 0) {
        train_mixup_batch samples = {.n = n,
                                     .x = l->x,
                                     .count = l->count,
                                     .target = l->target,
                                     .n_classes = l->job->n_classes,
                                     .length = l->length};
        base_rng rng = base_rng_open(l->job->seed, BASE_RNG_MIXUP, s->epoch, (uint64_t)batch);
        train_mixup(train_beta(&rng, l->options->mixup), &samples);
    }
    nn_input input = {.x = l->x,
                      .length = l->length,
                      .n = n,
                      .training = true,
                      .seed = l->job->seed,
                      .step = (uint64_t)s->step,
                      .first_sample = (uint64_t)(begin - batch_begin(l, s->first))};
    const float *logits = nn_network_forward(l->network, &input);
    *loss += nn_loss_apply(&l->loss, n, logits, l->target, s->weight, l->dlogits);
    nn_network_backward(l->network, &input, l->dlogits, NULL);
    return BASE_OK;
}

static bool report_progress(loop *l, int64_t epoch, int64_t done, double loss,
                            const train_epoch *over) {
    const train_job *job = l->job;
    if (job->progress == NULL) return true;
    train_progress progress = {.epoch = epoch,
                               .n_epochs = l->options->epochs,
                               .done = done,
                               .total = l->n_draws,
                               .loss = loss,
                               .over = over,
                               .best_epoch = l->state.best_epoch,
                               .best_accuracy = -1};
    if (progress.best_epoch > 0) {
        progress.best_accuracy = l->state.epochs[progress.best_epoch - 1].accuracy;
    }
    return job->progress(job->progress_context, &progress);
}

static base_status ran_away(const loop *l, int64_t epoch, const char *what, base_error *err) {
    return base_fail(err, BASE_ENUMERIC,
                     "%s: epoch %lld gave %s that is not a finite number; a lower learning rate or "
                     "train.clip_norm may help",
                     l->job->folder, (long long)epoch, what);
}

/* Trains through one epoch. Fails with ENUMERIC as soon as a loss or a gradient is not finite. */
static base_status run_epoch(loop *l, int64_t epoch, double *mean_loss, double *lr,
                             base_error *err) {
    order_epoch(l, (uint64_t)epoch);
    double sum = 0;
    int64_t n_steps = 0;
    for (int64_t first = 0; first < l->n_batches; first += l->options->accumulate) {
        step_batches s = {.epoch = (uint64_t)epoch,
                          .step = *nn_optimizer_steps(l->optimizer),
                          .first = first,
                          .end = first + l->options->accumulate};
        if (s.end > l->n_batches) s.end = l->n_batches;
        s.weight = step_weight(l, s.first, s.end);
        double loss = 0;
        nn_network_zero_grads(l->network);
        for (int64_t b = s.first; b < s.end; b++) BASE_TRY(run_batch(l, &s, b, &loss, err));
        double norm = nn_clip_gradients(l->network, l->options->clip_norm);
        if (!isfinite(loss)) return ran_away(l, epoch, "a loss", err);
        if (!isfinite(norm)) return ran_away(l, epoch, "a gradient", err);
        *lr = l->options->optimizer_options.lr * nn_schedule_factor(&l->schedule, s.step);
        nn_optimizer_step(l->optimizer, *lr);
        sum += loss;
        n_steps++;
        if (report_progress(l, epoch, batch_begin(l, s.end), sum / (double)n_steps, NULL)) continue;
        if (l->job->group == NULL) return stopped(err);
        l->stopping = true;
    }
    *mean_loss = sum / (double)n_steps;
    return BASE_OK;
}

/* ------------------------------------------------------------------ evaluation */

/* Layers that learn from all training clips at once do so from the present (averaged) weights and
 * the clips as they are, in their order. */
static base_status learn(loop *l, base_error *err) {
    train_pass pass = {.learned_from = l->learned_from};
    BASE_TRY(train_encode(l->network, l->plain != NULL ? l->plain : l->train, &pass, NULL, err));
    nn_network_learn(l->network, l->job->n_train, l->learned_from, l->label, l->class_weight);
    return BASE_OK;
}

static bool has_finite_weights(nn_network *network) {
    int64_t n, i = 0;
    const float *weight = nn_network_params(network, &n);
    while (i < n && isfinite(weight[i])) i++;
    return i == n;
}

/* Evaluates the present (averaged) weights on the test clips. Where there are none, at least the
 * weights must be numbers. */
static base_status evaluate_epoch(loop *l, train_epoch *epoch, base_error *err) {
    const train_job *job = l->job;
    if (job->n_test == 0) {
        if (has_finite_weights(l->network)) return BASE_OK;
        return ran_away(l, epoch->epoch, "a weight", err);
    }
    train_pass pass = {.ranks = job->group};
    BASE_TRY(train_encode(l->network, l->test, &pass, l->probability, err));
    nn_loss_probabilities(l->options->loss, l->probability, l->probability, job->n_test,
                          job->n_classes);
    base_status status = train_measure_epoch(job, l->probability, epoch, err);
    return status == BASE_ENUMERIC ? ran_away(l, epoch->epoch, "a prediction", err) : status;
}

static double monitored(const loop *l, const train_epoch *epoch) {
    switch (l->options->monitor) {
    case TRAIN_MONITOR_BALANCED:
        return epoch->balanced;
    case TRAIN_MONITOR_LOSS:
        return -epoch->loss;
    default:
        return epoch->accuracy;
    }
}

/* ------------------------------------------------------------------ epochs and checkpoints */

/* What best.h5 holds: the weights as evaluated, and nothing of the optimiser. */
static train_state without_optimizer(const loop *l) {
    train_state weights = l->state;
    weights.optimizer = NULL;
    weights.schedule = NULL;
    return weights;
}

static bool writes(const loop *l) {
    return base_ranks_self(l->job->group) == 0;
}

/* best.h5 goes first: if the process dies between the two, the epoch is run again and writes the
 * same best.h5. */
static base_status write_best(loop *l, base_error *err) {
    train_state weights = without_optimizer(l);
    return writes(l) ? train_checkpoint_write(&weights, l->best, err) : BASE_OK;
}

static base_status write_last(loop *l, base_error *err) {
    train_state *state = &l->state;
    if (!writes(l)) return BASE_OK;
    BASE_TRY(train_checkpoint_write(state, l->last, err));
    return train_history_write(state->epochs, state->n_epochs, l->job->folder, err);
}

/* Evaluation, bookkeeping and checkpoints after an epoch. */
static base_status finish_epoch(loop *l, int64_t number, double train_loss, double lr,
                                base_error *err) {
    train_epoch epoch = {.epoch = number,
                         .lr = lr,
                         .train_loss = train_loss,
                         .loss = NAN,
                         .accuracy = NAN,
                         .balanced = NAN}; /* until evaluated */
    nn_optimizer_swap_average(l->optimizer);
    base_status status = BASE_OK;
    if (l->learned_from != NULL) status = base_ranks_agree(l->job->group, learn(l, err), err);
    if (status == BASE_OK) status = evaluate_epoch(l, &epoch, err);
    train_state *state = &l->state;
    state->epochs[state->n_epochs++] = epoch;
    bool better = state->best_epoch == 0 || l->job->n_test == 0 ||
                  monitored(l, &epoch) > monitored(l, &state->epochs[state->best_epoch - 1]);
    if (better) state->best_epoch = number;
    if (status == BASE_OK && better) status = write_best(l, err);
    nn_optimizer_swap_average(l->optimizer);
    if (status != BASE_OK) return status;
    nn_schedule_epoch_end(&l->schedule, l->job->n_test ? epoch.loss : train_loss);
    return write_last(l, err);
}

static bool out_of_patience(const loop *l) {
    int64_t patience = l->options->patience;
    return patience > 0 && l->job->n_test > 0 &&
           l->state.n_epochs - l->state.best_epoch >= patience;
}

/* Until here ranks of a group have failed alike; what only one of them did may have failed there.
 */
static base_status end_epoch(loop *l, int64_t number, double loss, double lr, base_error *err) {
    base_status status = finish_epoch(l, number, loss, lr, err);
    if (status == BASE_OK) {
        const train_epoch *over = &l->state.epochs[l->state.n_epochs - 1];
        bool go_on = report_progress(l, number, l->n_draws, loss, over);
        if (!go_on || l->stopping) status = stopped(err);
    }
    return base_ranks_agree(l->job->group, status, err);
}

static base_status run_epochs(loop *l, base_error *err) {
    while (l->state.n_epochs < l->options->epochs && !out_of_patience(l)) {
        int64_t number = l->state.n_epochs + 1;
        double loss = 0, lr = 0;
        BASE_TRY(run_epoch(l, number, &loss, &lr, err));
        BASE_TRY(end_epoch(l, number, loss, lr, err));
    }
    return BASE_OK;
}

/* ------------------------------------------------------------------ setting up */

static base_status make_buffers(loop *l, base_error *err) {
    const train_job *job = l->job;
    int64_t batch = l->options->batch, n_classes = job->n_classes;
    int64_t n_passes = (l->n_draws + job->n_train - 1) / job->n_train;
    l->place = base_alloc((size_t)(n_passes * job->n_train), sizeof *l->place);
    l->by_class = base_alloc((size_t)job->n_train, sizeof *l->by_class);
    l->class_begin = base_alloc((size_t)n_classes + 1, sizeof *l->class_begin);
    l->x = base_alloc((size_t)(batch * l->count), sizeof *l->x);
    l->length = base_alloc((size_t)batch, sizeof *l->length);
    l->target = base_alloc((size_t)(batch * n_classes), sizeof *l->target);
    l->dlogits = base_alloc((size_t)(batch * n_classes), sizeof *l->dlogits);
    int64_t n_tests = job->n_test > 0 ? job->n_test : 1;
    l->probability = base_alloc((size_t)(n_tests * n_classes), sizeof *l->probability);
    l->state.epochs = base_alloc((size_t)l->options->epochs, sizeof *l->state.epochs);
    bool complete = l->place != NULL && l->by_class != NULL && l->class_begin != NULL &&
                    l->x != NULL && l->length != NULL && l->target != NULL && l->dlogits != NULL &&
                    l->probability != NULL && l->state.epochs != NULL;
    if (complete && l->options->balance != TRAIN_BALANCE_NONE) {
        l->class_weight = base_alloc((size_t)n_classes, sizeof *l->class_weight);
        complete = l->class_weight != NULL;
    }
    return complete ? BASE_OK : base_fail(err, BASE_EMEMORY, "training: out of memory");
}

static base_status make_feed(const loop *l, bool tests, const data_augment *augment,
                             train_feed **feed, base_error *err) {
    const train_job *job = l->job;
    train_feed_options options = {.clips = {.clips = job->clips,
                                            .index = tests ? job->test_index : job->train_index,
                                            .n = tests ? job->n_test : job->n_train},
                                  .augment = augment,
                                  .features = l->features,
                                  .max_batch = l->options->batch,
                                  .pool = job->pool};
    return train_feed_new(&options, feed, err);
}

/* What layers need that learn from all training clips at once. */
static base_status prepare_learning(loop *l, base_error *err) {
    const train_job *job = l->job;
    int64_t n_floats = nn_network_n_learned_from(l->network);
    if (n_floats == 0) return BASE_OK;
    l->learned_from = base_alloc((size_t)(job->n_train * n_floats), sizeof *l->learned_from);
    l->label = base_alloc((size_t)job->n_train, sizeof *l->label);
    if (l->learned_from == NULL || l->label == NULL) {
        return base_fail(err, BASE_EMEMORY, "training: out of memory");
    }
    for (int64_t i = 0; i < job->n_train; i++) l->label[i] = (int32_t)label_at(l, i);
    if (job->augment == NULL || data_augment_is_empty(job->augment)) return BASE_OK;
    return make_feed(l, false, NULL, &l->plain, err);
}

int64_t train_draws_per_epoch(const train_options *train, int64_t n_train) {
    return train->steps > 0 ? train->steps * train->batch : n_train;
}

/* Steps are counted in micro-batches of train.batch clips; the schedule counts optimiser steps. */
static void plan_epoch(loop *l) {
    const train_options *options = l->options;
    l->n_draws = train_draws_per_epoch(options, l->job->n_train);
    l->n_batches = (l->n_draws + options->batch - 1) / options->batch;
    int64_t steps = (l->n_batches + options->accumulate - 1) / options->accumulate;
    nn_schedule_init(&l->schedule, options->schedule, &options->schedule_options, steps,
                     options->epochs);
}

static base_status set_up(loop *l, base_error *err) {
    const train_job *job = l->job;
    const train_options *options = l->options;
    BASE_TRY(train_network_new(&(train_network_plan){.config = job->config,
                                                     .n_classes = job->n_classes,
                                                     .max_batch = options->batch,
                                                     .training = true,
                                                     .pool = job->pool,
                                                     .ranks = job->group},
                               &l->network, &l->features, err));
    l->count = nn_shape_count(nn_network_get_config(l->network)->input);
    plan_epoch(l);
    BASE_TRY(make_buffers(l, err));
    sort_by_class(l);
    if (l->class_weight != NULL) weigh_classes(l);
    l->loss = (nn_loss){.kind = options->loss,
                        .options = options->loss_options,
                        .n_classes = job->n_classes,
                        .class_weight =
                            options->balance == TRAIN_BALANCE_WEIGHTS ? l->class_weight : NULL};
    BASE_TRY(make_feed(l, false, job->augment, &l->train, err));
    if (job->n_test > 0) BASE_TRY(make_feed(l, true, NULL, &l->test, err));
    BASE_TRY(train_teacher_open(&(train_student){.path = job->teacher,
                                                 .share = options->distill.share,
                                                 .audio = &job->config->audio,
                                                 .classes = job->classes,
                                                 .n_classes = job->n_classes,
                                                 .max_batch = options->batch,
                                                 .pool = job->pool},
                                &l->teacher, err));
    BASE_TRY(prepare_learning(l, err));
    nn_network_init(l->network, job->seed);
    BASE_TRY(train_init_apply(job->init, l->network, NULL, err));
    BASE_TRY(nn_optimizer_new(l->network, options->optimizer, &options->optimizer_options,
                              options->ema, &l->optimizer, err));
    train_state *state = &l->state;
    state->network = l->network;
    state->features = l->features;
    state->optimizer = l->optimizer;
    state->schedule = &l->schedule;
    state->max_epochs = options->epochs;
    state->fingerprint = job->fingerprint;
    if (l->last == NULL || l->best == NULL) {
        return base_fail(err, BASE_EMEMORY, "training: out of memory");
    }
    if (l->begun) return train_checkpoint_read(state, l->last, err);
    return train_feed_fit(l->train, l->features, err);
}

/* One rank of a group decides whether there is a checkpoint. */
static void find_checkpoint(loop *l) {
    const train_job *job = l->job;
    l->last = base_path_join(&l->arena, job->folder, "last.h5");
    l->best = base_path_join(&l->arena, job->folder, "best.h5");
    l->begun = job->resume && l->last != NULL && base_file_exists(l->last);
    base_ranks_share(job->group, 0, &l->begun, sizeof l->begun);
}

static base_status write_curves(const loop *l, base_error *err) {
    const train_job *job = l->job;
    if (!writes(l)) return BASE_OK;
    BASE_TRY(train_history_write(l->state.epochs, l->state.n_epochs, job->folder, err));
    const train_tensorboard board = {l->state.epochs, l->state.n_epochs, job->config->root,
                                     job->config->name};
    return train_tensorboard_write(&board, job->folder, err);
}

/* The weights the fold is judged by. */
static base_status take_judged(loop *l, base_error *err) {
    if (l->options->result == TRAIN_RESULT_BEST && l->job->n_test > 0) {
        train_state weights = without_optimizer(l);
        return train_checkpoint_read(&weights, l->best, err);
    }
    nn_optimizer_swap_average(l->optimizer);
    return BASE_OK;
}

/* Leaves the network with the weights the fold is judged by, and their predictions. */
static base_status conclude(loop *l, base_error *err) {
    base_status status = write_curves(l, err);
    if (status == BASE_OK) status = take_judged(l, err);
    BASE_TRY(base_ranks_agree(l->job->group, status, err));
    train_epoch again = {.epoch = l->state.n_epochs};
    return evaluate_epoch(l, &again, err);
}

static void tear_down(loop *l) {
    train_feed_free(l->train);
    train_feed_free(l->test);
    train_feed_free(l->plain);
    train_teacher_free(l->teacher);
    nn_optimizer_free(l->optimizer);
    nn_network_free(l->network);
    dsp_features_free(l->features);
    base_free(l->place);
    base_free(l->by_class);
    base_free(l->class_begin);
    base_free(l->class_weight);
    base_free(l->x);
    base_free(l->length);
    base_free(l->target);
    base_free(l->dlogits);
    base_free(l->learned_from);
    base_free(l->label);
    base_free(l->probability);
    base_free(l->state.epochs);
    base_arena_release(&l->arena);
}

base_status train_loop_run(const train_job *job, train_outcome *outcome, base_error *err) {
    loop l = {.job = job, .options = &job->config->train};
    find_checkpoint(&l);
    base_status status = base_ranks_agree(job->group, set_up(&l, err), err);
    if (status == BASE_OK) status = run_epochs(&l, err);
    if (status == BASE_OK) status = conclude(&l, err);
    if (status == BASE_OK) {
        *outcome = (train_outcome){.network = l.network,
                                   .features = l.features,
                                   .epochs = l.state.epochs,
                                   .n_epochs = l.state.n_epochs,
                                   .best_epoch = l.state.best_epoch,
                                   .probability = l.probability};
        l.network = NULL;
        l.features = NULL;
        l.state.epochs = NULL;
        l.probability = NULL;
    }
    tear_down(&l);
    return status;
}
