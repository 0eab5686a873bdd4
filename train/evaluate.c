#include "train/evaluate.h"

#include <string.h>

static base_status no_memory(base_error *err) {
    return base_fail(err, BASE_EMEMORY, "evaluation: out of memory");
}

/* A pass, with the buffers of one batch. */
typedef struct {
    nn_network *network;
    train_feed *feed;
    const train_pass *pass;
    float *x;
    int32_t *length;
    int64_t *place;
} encoder;

/* The first clip of a rank's. */
static int64_t share_begin(const encoder *e, int rank) {
    return train_feed_n(e->feed) * rank / base_ranks_n(e->pass->ranks);
}

static base_status encode(const encoder *e, float *rows, base_error *err) {
    nn_network *network = e->network;
    const train_pass *pass = e->pass;
    int self = base_ranks_self(pass->ranks);
    int64_t n = share_begin(e, self + 1), batch = nn_network_get_config(network)->max_batch;
    int64_t width = nn_shape_count(nn_network_output(network));
    int64_t n_learned_from = nn_network_n_learned_from(network);
    for (int64_t begin = share_begin(e, self); begin < n; begin += batch) {
        int64_t size = n - begin < batch ? n - begin : batch;
        for (int64_t i = 0; i < size; i++) e->place[i] = begin + i;
        train_feed_request request = {
            .place = e->place, .n = size, .seed = pass->seed, .epoch = pass->epoch, .first = begin};
        BASE_TRY(train_feed_batch(e->feed, &request, e->x, e->length, err));
        nn_input input = {.x = e->x, .length = e->length, .n = size};
        if (pass->learned_from != NULL) {
            input.learned_from = pass->learned_from + begin * n_learned_from;
        }
        const float *y = nn_network_forward(network, &input);
        if (rows != NULL) memcpy(rows + begin * width, y, (size_t)(size * width) * sizeof *rows);
        if (pass->progress != NULL && !pass->progress(pass->context, begin + size)) {
            return base_fail(err, BASE_ESTOPPED, "stopped");
        }
    }
    return BASE_OK;
}

/* Every rank gets the rows of all. */
static base_status gather_rows(const encoder *e, float *rows, base_error *err) {
    int n_ranks = base_ranks_n(e->pass->ranks);
    int64_t width = nn_shape_count(nn_network_output(e->network));
    int64_t *begin = base_alloc((size_t)n_ranks + 1, sizeof *begin);
    base_status status = begin != NULL ? BASE_OK : no_memory(err);
    status = base_ranks_agree(e->pass->ranks, status, err);
    for (int r = 0; status == BASE_OK && r <= n_ranks; r++) {
        begin[r] = share_begin(e, r) * width * (int64_t)sizeof *rows;
    }
    if (status == BASE_OK) base_ranks_gather(e->pass->ranks, rows, begin);
    base_free(begin);
    return status;
}

base_status train_encode(nn_network *network, train_feed *feed, const train_pass *pass, float *rows,
                         base_error *err) {
    const nn_network_config *config = nn_network_get_config(network);
    size_t batch = (size_t)config->max_batch, count = (size_t)nn_shape_count(config->input);
    encoder e = {.network = network,
                 .feed = feed,
                 .pass = pass,
                 .x = base_alloc(batch * count, sizeof *e.x),
                 .length = base_alloc(batch, sizeof *e.length),
                 .place = base_alloc(batch, sizeof *e.place)};
    base_status status =
        e.x != NULL && e.length != NULL && e.place != NULL ? encode(&e, rows, err) : no_memory(err);
    status = base_ranks_agree(pass->ranks, status, err);
    if (status == BASE_OK && pass->ranks != NULL) status = gather_rows(&e, rows, err);
    base_free(e.x);
    base_free(e.length);
    base_free(e.place);
    return status;
}

/* What the network gives for the clips as they are. */
static base_status encode_clips(const train_outcome *outcome, const train_clips *clips,
                                base_pool *pool, float *rows, base_error *err) {
    train_feed *feed;
    train_feed_options options = {.clips = *clips,
                                  .features = outcome->features,
                                  .max_batch = nn_network_get_config(outcome->network)->max_batch,
                                  .pool = pool};
    BASE_TRY(train_feed_new(&options, &feed, err));
    base_status status = train_encode(outcome->network, feed, &(train_pass){0}, rows, err);
    train_feed_free(feed);
    return status;
}

base_status train_evaluate(const train_job *job, const train_outcome *outcome,
                           const train_clips *clips, float *probability, base_error *err) {
    int64_t width = nn_shape_count(nn_network_output(outcome->network));
    if (outcome->classifier == NULL) {
        BASE_TRY(encode_clips(outcome, clips, job->pool, probability, err));
        nn_loss_probabilities(job->config->train.loss, probability, probability, clips->n, width);
        return BASE_OK;
    }
    float *rows = base_alloc((size_t)clips->n, (size_t)width * sizeof *rows);
    base_status status =
        rows != NULL ? encode_clips(outcome, clips, job->pool, rows, err) : no_memory(err);
    if (status == BASE_OK) {
        status =
            nn_classifier_predict(outcome->classifier, rows, clips->n, job->pool, probability, err);
    }
    base_free(rows);
    return status;
}

base_status train_measure_epoch(const train_job *job, const float *probability, train_epoch *epoch,
                                base_error *err) {
    base_arena arena = {0};
    train_metrics metrics;
    train_predictions p = {.n_classes = job->n_classes, .probability = probability};
    train_clips clips = {.clips = job->clips, .index = job->test_index, .n = job->n_test};
    base_status status = train_predictions_label(&p, &clips, &arena, err);
    if (status == BASE_OK) status = train_metrics_compute(&p, &arena, &metrics, err);
    if (status == BASE_OK) {
        epoch->loss = metrics.log_loss;
        epoch->accuracy = metrics.accuracy;
        epoch->balanced = metrics.balanced;
    }
    base_arena_release(&arena);
    return status;
}
