/* A clip's logits are the same bits alone and in any batch, at any place of it, with any threads:
 * random networks of every kind of layer, random batches and orders. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn/kernels/gemm.h"
#include "tests/network_make.h"
#include "tests/network_random.h"
#include "tests/test.h"

enum { N_NETWORKS = 160, N_CLIPS = 19, N_ORDERS = 4, MAX_CLASSES = 40, MOST_STEPS = 6 };

static base_error err;

static int64_t below(base_rng *rng, int64_t n) {
    return base_rng_below(rng, n);
}

static nn_shape random_input(base_rng *rng) {
    switch (below(rng, 4)) {
    case 0:
        return nn_shape_make(1, (int64_t[]){below(rng, 2) ? 1 + below(rng, 600) : 4200});
    case 1:
        return nn_shape_make(2, (int64_t[]){2 + below(rng, 24), 1 + below(rng, 300)});
    default:
        return nn_shape_make(
            3, (int64_t[]){1 + below(rng, 6), 4 + below(rng, 24), 4 + below(rng, 30)});
    }
}

/* ---- one network ---- */

typedef struct {
    char layers[8192];
    nn_network_config config;
    bool has_lengths;
    float *x;
    int32_t length[N_CLIPS];
    float alone[N_CLIPS][MAX_CLASSES];
} subject;

/* NULL if the layers do not fit the input. */
static nn_network *open_network(const subject *s, int64_t max_batch, base_pool *pool) {
    nn_network_config config = s->config;
    nn_network *network = NULL;
    config.max_batch = max_batch;
    config.pool = pool;
    if (network_try(s->layers, &config, &network, &err) != BASE_OK) return NULL;
    nn_network_init(network, 1);
    return network;
}

static void subject_init(subject *s, base_rng *rng) {
    base_text text = {0};
    memset(s, 0, sizeof *s);
    s->config = (nn_network_config){.input = random_input(rng),
                                    .n_classes = 2 + below(rng, MAX_CLASSES - 1),
                                    .training = below(rng, 2)};
    network_random(&s->config, rng, MOST_STEPS, &text);
    snprintf(s->layers, sizeof s->layers, "%s", base_text_string(&text));
    base_text_release(&text);
    int64_t count = nn_shape_count(s->config.input), rank = s->config.input.rank;
    int64_t frames = rank > 1 ? s->config.input.dim[rank == 3 ? 2 : 0] : 1;
    s->has_lengths = rank > 1 && below(rng, 2);
    for (int i = 0; i < N_CLIPS; i++) s->length[i] = (int32_t)(1 + below(rng, frames));
    s->x = base_alloc((size_t)(N_CLIPS * count), sizeof *s->x);
    ck_assert_ptr_nonnull(s->x);
    network_fill(s->x, N_CLIPS * count, (uint64_t)below(rng, 1000));
}

/* The logits of n clips in one batch. */
static const float *forward(nn_network *network, const subject *s, const int *clip, int64_t n,
                            float *x) {
    int64_t count = nn_shape_count(s->config.input);
    int32_t length[N_CLIPS];
    for (int64_t i = 0; i < n; i++) {
        memcpy(x + i * count, s->x + clip[i] * count, (size_t)count * sizeof *x);
        length[i] = s->length[clip[i]];
    }
    return nn_network_forward(
        network, &(nn_input){.x = x, .n = n, .length = s->has_lengths ? length : NULL});
}

static void shuffle(base_rng *rng, int *clip) {
    for (int i = 0; i < N_CLIPS; i++) clip[i] = i;
    for (int i = N_CLIPS - 1; i > 0; i--) {
        int j = (int)below(rng, i + 1), other = clip[i];
        clip[i] = clip[j];
        clip[j] = other;
    }
}

/* All clips in a random order, cut into random batches. */
static void check_order(nn_network *network, const subject *s, base_rng *rng, float *x) {
    int clip[N_CLIPS];
    size_t n_bytes = (size_t)s->config.n_classes * sizeof(float);
    shuffle(rng, clip);
    for (int64_t first = 0, n; first < N_CLIPS; first += n) {
        n = 1 + below(rng, N_CLIPS - first);
        const float *logits = forward(network, s, clip + first, n, x);
        for (int64_t i = 0; i < n; i++) {
            if (memcmp(logits + i * s->config.n_classes, s->alone[clip[first + i]], n_bytes) == 0) {
                continue;
            }
            ck_abort_msg("clip %d has other logits as number %lld of %lld: %s", clip[first + i],
                         (long long)i, (long long)n, s->layers);
        }
    }
}

static void check_subject(subject *s, base_rng *rng, base_pool *pool, nn_network *one) {
    int64_t count = nn_shape_count(s->config.input);
    float *x = base_alloc((size_t)(N_CLIPS * count), sizeof *x);
    ck_assert_ptr_nonnull(x);
    for (int i = 0; i < N_CLIPS; i++) {
        memcpy(s->alone[i], forward(one, s, &i, 1, x), (size_t)s->config.n_classes * sizeof(float));
    }
    for (int order = 0; order < N_ORDERS; order++) {
        nn_network *many = open_network(s, N_CLIPS, order % 2 ? pool : NULL);
        ck_assert_ptr_nonnull(many);
        check_order(many, s, rng, x);
        nn_network_free(many);
    }
    base_free(x);
}

/* ---- which layers there were ---- */

/* Of the same network with nothing fused, so that none hides behind another. */
static void note_layers(subject *s, bool *seen) {
    int n_layers;
    const nn_layer *const *layers = nn_layers(&n_layers);
    s->config.keep_order = true;
    nn_network *network = open_network(s, 1, NULL);
    ck_assert_ptr_nonnull(network);
    for (int i = 0; i < nn_network_n_rows(network); i++) {
        nn_graph_node node = nn_network_node(network, i);
        for (int l = 0; l < n_layers; l++) {
            if (node.layer == layers[l]) seen[l] = true;
        }
    }
    nn_network_free(network);
}

START_TEST(logits_do_not_depend_on_neighbours) {
    static subject s;
    bool seen[64] = {false};
    int n_layers, n_tried = 0;
    const nn_layer *const *layers = nn_layers(&n_layers);
    base_pool *pool;
    nn_blas_setup();
    ck_assert_int_le(n_layers, 64);
    TEST_OK(base_pool_new(3, &pool, &err), err);
    for (uint64_t seed = 0; n_tried < N_NETWORKS; seed++) {
        ck_assert_uint_lt(seed, 10 * N_NETWORKS);
        base_rng rng = base_rng_open(seed, BASE_RNG_TEST, 7, 0);
        subject_init(&s, &rng);
        nn_network *one = open_network(&s, 1, NULL);
        if (one != NULL) {
            check_subject(&s, &rng, pool, one);
            note_layers(&s, seen);
            n_tried++;
        }
        nn_network_free(one);
        base_free(s.x);
    }
    for (int l = 0; l < n_layers; l++) {
        if (!seen[l]) ck_abort_msg("no network had %s", layers[l]->variant.name);
    }
    base_pool_free(pool);
}
END_TEST

TEST_MAIN("nn/neighbours", logits_do_not_depend_on_neighbours)
