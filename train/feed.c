#include "train/feed.h"

#include <string.h>

enum { KEEP_AT_MOST = 1 << 29 }; /* bytes of features kept in memory */

struct train_feed {
    data_batcher *batcher;
    data_augmenter effects; /* the batcher's, if the feed augments */
    train_feed_options options;
    int64_t count; /* floats per clip */
    bool augmented;
    int64_t *index, *position; /* [max_batch] */
    float *kept;               /* [n, count], or NULL */
    int32_t *kept_length;
    int64_t n_kept; /* 0 until filled */
};

size_t train_feed_kept_bytes(const data_augment *augment, int64_t n, int64_t count) {
    if (augment != NULL && !data_augment_is_empty(augment)) return 0;
    int64_t n_bytes = n * count * (int64_t)sizeof(float);
    return n_bytes <= KEEP_AT_MOST ? (size_t)n_bytes : 0;
}

static base_status allocate(train_feed *feed, bool keep, base_error *err) {
    size_t max_batch = (size_t)feed->options.max_batch, n = (size_t)feed->options.clips.n;
    feed->index = base_alloc(max_batch, sizeof *feed->index);
    feed->position = base_alloc(max_batch, sizeof *feed->position);
    bool complete = feed->index != NULL && feed->position != NULL;
    if (complete && keep) {
        feed->kept = base_alloc(n * (size_t)feed->count, sizeof *feed->kept);
        feed->kept_length = base_alloc(n, sizeof *feed->kept_length);
        complete = feed->kept != NULL && feed->kept_length != NULL;
    }
    return complete ? BASE_OK : base_fail(err, BASE_EMEMORY, "features: out of memory");
}

base_status train_feed_new(const train_feed_options *options, train_feed **out, base_error *err) {
    train_feed *feed = base_alloc(1, sizeof *feed);
    if (feed == NULL) return base_fail(err, BASE_EMEMORY, "features: out of memory");
    int64_t shape[3];
    dsp_features_shape(options->features, shape);
    *feed = (train_feed){.options = *options, .count = shape[0] * shape[1] * shape[2]};
    feed->augmented = options->augment != NULL && !data_augment_is_empty(options->augment);
    if (feed->augmented) feed->effects = data_augmenter_of(options->augment);
    bool keep = train_feed_kept_bytes(options->augment, options->clips.n, feed->count) > 0;
    base_status status = allocate(feed, keep, err);
    if (status == BASE_OK) {
        data_batcher_options batcher = {.source = data_clips_source(options->clips.clips),
                                        .effects = feed->augmented ? &feed->effects : NULL,
                                        .features = options->features,
                                        .max_batch = options->max_batch,
                                        .pool = options->pool};
        status = data_batcher_new(&batcher, &feed->batcher, err);
    }
    if (status != BASE_OK) {
        train_feed_free(feed);
        return status;
    }
    *out = feed;
    return BASE_OK;
}

int64_t train_feed_n(const train_feed *feed) {
    return feed->options.clips.n;
}

void train_feed_free(train_feed *feed) {
    if (feed == NULL) return;
    data_batcher_free(feed->batcher);
    base_free(feed->index);
    base_free(feed->position);
    base_free(feed->kept);
    base_free(feed->kept_length);
    base_free(feed);
}

base_status train_feed_fit(train_feed *feed, dsp_features *features, base_error *err) {
    const train_clips *clips = &feed->options.clips;
    return data_batch_fit(feed->batcher, clips->index, clips->n, features, err);
}

static base_status fill_kept(train_feed *feed, base_error *err) {
    const train_clips *clips = &feed->options.clips;
    while (feed->n_kept < clips->n) {
        int64_t n = clips->n - feed->n_kept;
        if (n > feed->options.max_batch) n = feed->options.max_batch;
        data_batch_request request = {.index = clips->index + feed->n_kept, .n = n};
        BASE_TRY(data_batch_prepare(feed->batcher, &request,
                                    feed->kept + feed->n_kept * feed->count,
                                    feed->kept_length + feed->n_kept, err));
        feed->n_kept += n;
    }
    return BASE_OK;
}

base_status train_feed_batch(train_feed *feed, const train_feed_request *request, float *x,
                             int32_t *length, base_error *err) {
    if (feed->kept != NULL && request->heard == NULL) {
        BASE_TRY(fill_kept(feed, err));
        for (int64_t i = 0; i < request->n; i++) {
            int64_t place = request->place[i];
            memcpy(x + i * feed->count, feed->kept + place * feed->count,
                   (size_t)feed->count * sizeof *x);
            length[i] = feed->kept_length[place];
        }
        return BASE_OK;
    }
    for (int64_t i = 0; i < request->n; i++) {
        feed->index[i] = feed->options.clips.index[request->place[i]];
        feed->position[i] = request->first + i;
    }
    data_batch_request batch = {.index = feed->index,
                                .position = feed->position,
                                .n = request->n,
                                .augmented = feed->augmented,
                                .seed = request->seed,
                                .epoch = request->epoch,
                                .heard = request->heard};
    return data_batch_prepare(feed->batcher, &batch, x, length, err);
}
