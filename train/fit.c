#include "train/fit.h"

#include <math.h>

#include "train/checkpoint.h"
#include "train/evaluate.h"
#include "train/experiment.h"

/* One fitting in progress. */
typedef struct {
    const train_job *job;
    train_outcome made;
    train_epoch epoch; /* the only one */
    int64_t pass;      /* of augmented clips, from 1 */
    bool augmented;
    float *rows;    /* [n_passes * n_train, width] what the classifier is given */
    int32_t *label; /* of each */
    int64_t n_passes, width;
} fit;

static base_status no_memory(base_error *err) {
    return base_fail(err, BASE_EMEMORY, "fitting: out of memory");
}

static bool is_augmented(const data_augment *augment) {
    return augment != NULL && !data_augment_is_empty(augment);
}

/* ---- what the classifier is fitted on ---- */

/* Clips as they are count as work only where there are no others. */
static bool tell(void *context, int64_t done) {
    const fit *f = context;
    const train_job *job = f->job;
    if (job->progress == NULL) return true;
    bool counts = f->pass > 0 || !f->augmented;
    train_progress progress = {.epoch = f->pass > 0 ? f->pass : 1,
                               .n_epochs = job->config->train.epochs,
                               .done = counts ? done : 0,
                               .total = job->n_train,
                               .loss = NAN,
                               .best_accuracy = -1};
    return job->progress(job->progress_context, &progress);
}

static base_status encode_pass(fit *f, train_feed *feed, base_error *err) {
    train_pass pass = {
        .seed = f->job->seed, .epoch = (uint64_t)f->pass, .progress = tell, .context = f};
    return train_encode(f->made.network, feed, &pass,
                        f->rows + f->pass * f->job->n_train * f->width, err);
}

static base_status new_feed(const fit *f, const data_augment *augment, train_feed **feed,
                            base_error *err) {
    const train_job *job = f->job;
    train_feed_options options = {
        .clips = {.clips = job->clips, .index = job->train_index, .n = job->n_train},
        .augment = augment,
        .features = f->made.features,
        .max_batch = job->config->train.batch,
        .pool = job->pool};
    return train_feed_new(&options, feed, err);
}

static base_status encode_plain(fit *f, base_error *err) {
    train_feed *feed;
    BASE_TRY(new_feed(f, NULL, &feed, err));
    base_status status = train_feed_fit(feed, f->made.features, err);
    if (status == BASE_OK) status = encode_pass(f, feed, err);
    train_feed_free(feed);
    return status;
}

static base_status encode_augmented(fit *f, base_error *err) {
    train_feed *feed;
    BASE_TRY(new_feed(f, f->job->augment, &feed, err));
    base_status status = BASE_OK;
    for (f->pass = 1; status == BASE_OK && f->pass < f->n_passes; f->pass++) {
        status = encode_pass(f, feed, err);
    }
    train_feed_free(feed);
    return status;
}

static base_status make_rows(fit *f, base_error *err) {
    const train_job *job = f->job;
    int64_t n_rows, n_numbers;
    f->n_passes = f->augmented ? 1 + job->config->train.epochs : 1;
    bool fits =
        base_mul(f->n_passes, job->n_train, &n_rows) && base_mul(n_rows, f->width, &n_numbers);
    f->rows = fits ? base_alloc((size_t)n_numbers, sizeof *f->rows) : NULL;
    f->label = fits ? base_alloc((size_t)n_rows, sizeof *f->label) : NULL;
    if (f->rows == NULL || f->label == NULL) return no_memory(err);
    for (int64_t i = 0; i < n_rows; i++) {
        f->label[i] = (int32_t)job->clips->label[job->train_index[i % job->n_train]];
    }
    return BASE_OK;
}

static base_status fit_classifier(fit *f, base_error *err) {
    const train_job *job = f->job;
    BASE_TRY(make_rows(f, err));
    BASE_TRY(encode_plain(f, err));
    if (f->augmented) BASE_TRY(encode_augmented(f, err));
    nn_classifier_training training = {.x = f->rows,
                                       .label = f->label,
                                       .n = f->n_passes * job->n_train,
                                       .n_features = f->width,
                                       .n_classes = job->n_classes,
                                       .seed = job->seed,
                                       .pool = job->pool};
    base_status status =
        nn_classifier_fit(job->config->classifier, &training, &f->made.classifier, err);
    return status == BASE_OK ? BASE_OK : base_fail_within(err, "%s", job->folder);
}

int64_t train_fit_numbers(const train_config *config, const nn_network *network) {
    /* The rows, standardised rows, and a solver's own of twelve to sixteen bytes a number. */
    enum { COPIES = 6 };
    bool augmented = config->augment != NULL && config->augment->child != NULL;
    int64_t n_passes = augmented ? 1 + config->train.epochs : 1;
    return COPIES * n_passes * nn_shape_count(nn_network_output(network));
}

/* ---- before and after ---- */

static base_status make_network(fit *f, base_error *err) {
    const train_job *job = f->job;
    BASE_TRY(train_network_new(&(train_network_plan){.config = job->config,
                                                     .n_classes = job->n_classes,
                                                     .max_batch = job->config->train.batch,
                                                     .pool = job->pool},
                               &f->made.network, &f->made.features, err));
    f->width = nn_shape_count(nn_network_output(f->made.network));
    nn_network_init(f->made.network, job->seed);
    return train_init_apply(job->init, f->made.network, NULL, err);
}

/* The probabilities of the clips to be tested, and what they score. */
static base_status test(fit *f, base_error *err) {
    const train_job *job = f->job;
    train_clips clips = {.clips = job->clips, .index = job->test_index, .n = job->n_test};
    f->epoch =
        (train_epoch){.epoch = 1, .train_loss = NAN, .loss = NAN, .accuracy = NAN, .balanced = NAN};
    if (job->n_test == 0) return BASE_OK;
    f->made.probability =
        base_alloc((size_t)job->n_test, (size_t)job->n_classes * sizeof *f->made.probability);
    if (f->made.probability == NULL) return no_memory(err);
    BASE_TRY(train_evaluate(job, &f->made, &clips, f->made.probability, err));
    return train_measure_epoch(job, f->made.probability, &f->epoch, err);
}

static base_status keep_history(fit *f, base_error *err) {
    f->made.epochs = base_alloc(1, sizeof *f->made.epochs);
    if (f->made.epochs == NULL) return no_memory(err);
    f->made.epochs[0] = f->epoch;
    f->made.n_epochs = f->made.best_epoch = 1;
    return train_history_write(f->made.epochs, 1, f->job->folder, err);
}

/* What is fitted is kept in last.h5; a resumed run tests it again, which gives the same. */
static base_status run(fit *f, const char *path, base_error *err) {
    const train_job *job = f->job;
    train_state state = {.epochs = &f->epoch,
                         .max_epochs = 1,
                         .fingerprint = job->fingerprint,
                         .n_classes = job->n_classes};
    BASE_TRY(make_network(f, err));
    state.network = f->made.network;
    state.features = f->made.features;
    bool fitted = job->resume && base_file_exists(path);
    if (fitted) {
        BASE_TRY(train_checkpoint_read(&state, path, err));
        f->made.classifier = state.classifier;
    } else {
        BASE_TRY(fit_classifier(f, err));
    }
    BASE_TRY(test(f, err));
    BASE_TRY(keep_history(f, err));
    if (fitted) return BASE_OK;
    state.classifier = f->made.classifier;
    state.n_epochs = state.best_epoch = 1;
    return train_checkpoint_write(&state, path, err);
}

base_status train_fit_run(const train_job *job, train_outcome *outcome, base_error *err) {
    fit f = {.job = job, .augmented = is_augmented(job->augment)};
    base_arena arena = {0};
    const char *path = base_path_join(&arena, job->folder, "last.h5");
    base_status status = path != NULL ? run(&f, path, err) : no_memory(err);
    base_arena_release(&arena);
    base_free(f.rows);
    base_free(f.label);
    if (status == BASE_OK) {
        *outcome = f.made;
    } else {
        train_outcome_release(&f.made);
    }
    return status;
}
