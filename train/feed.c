#include "train/feed.h"

#include <string.h>

enum { KEEP_AT_MOST = 1 << 29 }; /* bytes of features kept in memory */

struct train_feed {
    data_batcher *batcher;
    const int64_t *index;
    int64_t n, max_batch, count; /* count: floats per clip */
    bool augmented;
    int64_t *request, *position; /* [max_batch] */
    float *kept;                 /* [n, count], or NULL */
    int32_t *kept_length;
    int64_t n_kept; /* 0 until filled */
};

size_t train_feed_kept_bytes(const data_augment *augment, int64_t n, int64_t count) {
    if (augment && !data_augment_is_empty(augment)) return 0;
    int64_t n_bytes = n * count * (int64_t)sizeof(float);
    return n_bytes <= KEEP_AT_MOST ? (size_t)n_bytes : 0;
}

static base_status allocate(train_feed *feed, bool keep, base_error *err) {
    feed->request = base_alloc((size_t)feed->max_batch, sizeof *feed->request);
    feed->position = base_alloc((size_t)feed->max_batch, sizeof *feed->position);
    bool complete = feed->request && feed->position;
    if (complete && keep) {
        feed->kept = base_alloc((size_t)(feed->n * feed->count), sizeof *feed->kept);
        feed->kept_length = base_alloc((size_t)feed->n, sizeof *feed->kept_length);
        complete = feed->kept && feed->kept_length;
    }
    return complete ? BASE_OK : base_fail(err, BASE_EMEMORY, "features: out of memory");
}

base_status train_feed_new(const data_clips *clips, const data_augment *augment,
                           const dsp_features *features, const int64_t *index, int64_t n,
                           int64_t max_batch, base_pool *pool, train_feed **out, base_error *err) {
    train_feed *feed = base_alloc(1, sizeof *feed);
    if (!feed) return base_fail(err, BASE_EMEMORY, "features: out of memory");
    int64_t shape[3];
    dsp_features_shape(features, shape);
    *feed = (train_feed){
        .index = index, .n = n, .max_batch = max_batch, .count = shape[0] * shape[1] * shape[2]};
    feed->augmented = augment && !data_augment_is_empty(augment);
    bool keep = train_feed_kept_bytes(augment, n, feed->count) > 0;
    base_status status = allocate(feed, keep, err);
    if (status == BASE_OK) {
        status = data_batcher_new(clips, feed->augmented ? augment : NULL, features, max_batch,
                                  pool, &feed->batcher, err);
    }
    if (status != BASE_OK) {
        train_feed_free(feed);
        return status;
    }
    *out = feed;
    return BASE_OK;
}

void train_feed_free(train_feed *feed) {
    if (!feed) return;
    data_batcher_free(feed->batcher);
    base_free(feed->request);
    base_free(feed->position);
    base_free(feed->kept);
    base_free(feed->kept_length);
    base_free(feed);
}

base_status train_feed_fit(train_feed *feed, dsp_features *features, base_error *err) {
    return data_batch_fit(feed->batcher, feed->index, feed->n, features, err);
}

static base_status fill_kept(train_feed *feed, base_error *err) {
    while (feed->n_kept < feed->n) {
        int64_t n = feed->n - feed->n_kept;
        if (n > feed->max_batch) n = feed->max_batch;
        data_batch_request request = {.index = feed->index + feed->n_kept, .n = n};
        BASE_TRY(data_batch_prepare(feed->batcher, &request,
                                    feed->kept + feed->n_kept * feed->count,
                                    feed->kept_length + feed->n_kept, err));
        feed->n_kept += n;
    }
    return BASE_OK;
}

base_status train_feed_batch(train_feed *feed, const int64_t *place, int64_t n, uint64_t seed,
                             uint64_t epoch, int64_t first, float *x, int32_t *length,
                             base_error *err) {
    if (feed->kept) {
        BASE_TRY(fill_kept(feed, err));
        for (int64_t i = 0; i < n; i++) {
            memcpy(x + i * feed->count, feed->kept + place[i] * feed->count,
                   (size_t)feed->count * sizeof *x);
            length[i] = feed->kept_length[place[i]];
        }
        return BASE_OK;
    }
    for (int64_t i = 0; i < n; i++) {
        feed->request[i] = feed->index[place[i]];
        feed->position[i] = first + i;
    }
    data_batch_request request = {.index = feed->request,
                                  .position = feed->position,
                                  .n = n,
                                  .augmented = feed->augmented,
                                  .seed = seed,
                                  .epoch = epoch};
    return data_batch_prepare(feed->batcher, &request, x, length, err);
}
