#include "nn/exchange.h"

#include <string.h>

#include "base/arena.h"
#include "nn/kernels/extent.h"
#include "nn/layer.h"

enum { BUCKET = 1 << 16 /* floats that travel together, at least */, COLUMNS = 2048 };

/* One addition: the sums at `from` to those at `into`. */
typedef struct {
    int into, from;
} addition;

typedef enum { SPREAD, COLLECT, OVER } bucket_phase;

/* Floats [begin, end) of the sums on their way. */
typedef struct {
    bucket_phase phase;
    int64_t begin, end;
    int64_t incoming_at;
    base_transfers *transfers;
} bucket;

struct nn_exchange {
    base_ranks *ranks;
    base_pool *pool;
    int n_ranks, self, n_shards;
    addition local[NN_MAX_SHARDS], rest[NN_MAX_SHARDS]; /* within this rank; between ranks */
    int n_local, n_rest;
    bool is_root[NN_MAX_SHARDS];  /* what is left of each rank's shards after its own additions */
    int slot[NN_MAX_SHARDS];      /* of a root: place among this rank's, or among the others' */
    int n_own, n_others;          /* roots */
    int64_t n_floats, n_incoming; /* room */
    float *own;                   /* [n_own, n_floats] */
    float *incoming;              /* [n_others, n_incoming] pieces of the others' roots */
    float *total;                 /* [n_floats] */
    int64_t n_used, n_incoming_used;
    bucket *buckets;
    int n_buckets, n_over, n_most;
};

static int rank_of(const nn_exchange *x, int shard) {
    int rank = 0;
    while (nn_shard_of_rank(x->n_shards, x->n_ranks, rank + 1) <= shard) rank++;
    return rank;
}

/* Sorts the tree's additions into those within one rank and those between ranks. */
static void list_additions(nn_exchange *x) {
    int n = x->n_shards;
    for (int i = 0; i < n; i++) x->is_root[i] = true;
    for (int distance = 1; distance < n; distance *= 2) {
        for (int p = 0; p + distance < n; p += 2 * distance) {
            int last = p + 2 * distance <= n ? p + 2 * distance - 1 : n - 1;
            addition a = {p, p + distance};
            bool within = rank_of(x, p) == rank_of(x, last);
            if (within) x->is_root[a.from] = false;
            if (!within) x->rest[x->n_rest++] = a;
            if (within && rank_of(x, p) == x->self) x->local[x->n_local++] = a;
        }
    }
    for (int i = 0; i < n; i++) {
        if (x->is_root[i]) x->slot[i] = rank_of(x, i) == x->self ? x->n_own++ : x->n_others++;
    }
}

static bool make_buckets(nn_exchange *x) {
    x->n_most = (int)(x->n_floats / BUCKET) + 1;
    x->buckets = base_alloc((size_t)x->n_most, sizeof *x->buckets);
    for (int i = 0; x->buckets != NULL && i < x->n_most; i++) {
        int n_transfers = (x->n_ranks - 1) * (x->n_own + 2) + x->n_others;
        x->buckets[i].transfers = base_transfers_new(x->ranks, n_transfers);
        if (x->buckets[i].transfers == NULL) return false;
    }
    return x->buckets != NULL;
}

nn_exchange *nn_exchange_new(base_ranks *ranks, base_pool *pool, int n_shards, int64_t n_floats) {
    nn_exchange *x = base_alloc(1, sizeof *x);
    if (x == NULL) return NULL;
    *x = (nn_exchange){.ranks = ranks,
                       .pool = pool,
                       .n_ranks = base_ranks_n(ranks),
                       .self = base_ranks_self(ranks),
                       .n_shards = n_shards,
                       .n_floats = n_floats};
    list_additions(x);
    x->n_incoming = n_floats / x->n_ranks + n_floats / BUCKET + 2;
    x->own = base_alloc((size_t)(x->n_own * n_floats) + 1, sizeof *x->own);
    x->incoming = base_alloc((size_t)(x->n_others * x->n_incoming) + 1, sizeof *x->incoming);
    x->total = base_alloc((size_t)n_floats + 1, sizeof *x->total);
    if (x->own != NULL && x->incoming != NULL && x->total != NULL && make_buckets(x)) return x;
    nn_exchange_free(x);
    return NULL;
}

void nn_exchange_free(nn_exchange *x) {
    if (x == NULL) return;
    for (int i = 0; x->buckets != NULL && i < x->n_most; i++) {
        base_transfers_free(x->buckets[i].transfers);
    }
    base_free(x->buckets);
    base_free(x->own);
    base_free(x->incoming);
    base_free(x->total);
    base_free(x);
}

/* ---- additions ---- */

typedef struct {
    const addition *additions;
    int n_additions;
    float *at[NN_MAX_SHARDS]; /* of each shard's sums */
    int64_t n;
} joining;

static void join_columns(void *context, int64_t task, int worker) {
    (void)worker;
    const joining *j = context;
    int64_t begin = task * COLUMNS, n = nn_min(j->n - begin, COLUMNS);
    for (int i = 0; i < j->n_additions; i++) {
        nn_kernels()->add(j->at[j->additions[i].from] + begin, j->at[j->additions[i].into] + begin,
                          n);
    }
}

static void join(const nn_exchange *x, joining *j) {
    base_parallel(x->pool, nn_ceil_div(j->n, COLUMNS), join_columns, j);
}

/* ---- buckets ---- */

/* The piece of a bucket that a rank joins. */
static int64_t piece_begin(const nn_exchange *x, const bucket *b, int rank) {
    return b->begin + (b->end - b->begin) * rank / x->n_ranks;
}

static size_t piece_bytes(const nn_exchange *x, const bucket *b, int rank) {
    return (size_t)(piece_begin(x, b, rank + 1) - piece_begin(x, b, rank)) * sizeof(float);
}

static float *incoming_at(const nn_exchange *x, const bucket *b, int shard) {
    return x->incoming + x->slot[shard] * x->n_incoming + b->incoming_at;
}

static int tag_of(const nn_exchange *x, const bucket *b) {
    return 2 * (int)(b - x->buckets) + (b->phase == COLLECT);
}

/* To each rank its piece of all roots that are here. */
static void spread(nn_exchange *x, bucket *b) {
    for (int s = 0; s < x->n_shards; s++) {
        int owner = rank_of(x, s);
        if (!x->is_root[s]) continue;
        if (owner != x->self) {
            base_transfers_receive(b->transfers, owner, tag_of(x, b), incoming_at(x, b, s),
                                   piece_bytes(x, b, x->self));
            continue;
        }
        const float *own = x->own + x->slot[s] * x->n_floats;
        for (int r = 0; r < x->n_ranks; r++) {
            if (r == x->self) continue;
            base_transfers_send(b->transfers, r, tag_of(x, b), own + piece_begin(x, b, r),
                                piece_bytes(x, b, r));
        }
    }
}

/* Joins this rank's piece, and sends it to all. */
static void collect(nn_exchange *x, bucket *b) {
    int64_t begin = piece_begin(x, b, x->self), n = piece_begin(x, b, x->self + 1) - begin;
    joining j = {.additions = x->rest, .n_additions = x->n_rest, .n = n};
    for (int s = 0; s < x->n_shards; s++) {
        bool here = rank_of(x, s) == x->self;
        if (!x->is_root[s]) continue;
        j.at[s] = here ? x->own + x->slot[s] * x->n_floats + begin : incoming_at(x, b, s);
    }
    join(x, &j);
    memcpy(x->total + begin, j.at[0], (size_t)n * sizeof *x->total);
    for (int r = 0; r < x->n_ranks; r++) {
        if (r == x->self) continue;
        base_transfers_send(b->transfers, r, tag_of(x, b), x->total + begin,
                            piece_bytes(x, b, x->self));
        base_transfers_receive(b->transfers, r, tag_of(x, b), x->total + piece_begin(x, b, r),
                               piece_bytes(x, b, r));
    }
}

/* Sends what has been added since the last bucket, if anything has. */
static void start_bucket(nn_exchange *x) {
    int64_t begin = x->n_buckets > 0 ? x->buckets[x->n_buckets - 1].end : 0;
    if (begin == x->n_used) return;
    BASE_CHECK(x->n_buckets < x->n_most);
    bucket *b = &x->buckets[x->n_buckets++];
    b->begin = begin;
    b->end = x->n_used;
    b->phase = SPREAD;
    b->incoming_at = x->n_incoming_used;
    x->n_incoming_used += piece_begin(x, b, x->self + 1) - piece_begin(x, b, x->self);
    spread(x, b);
}

/* A bucket whose transfers are over goes on to its next phase. */
static void advance(nn_exchange *x, bucket *b) {
    if (b->phase == OVER || !base_transfers_over(b->transfers)) return;
    b->phase = b->phase == SPREAD ? COLLECT : OVER;
    if (b->phase == COLLECT) collect(x, b);
    x->n_over += b->phase == OVER;
}

void nn_exchange_poll(nn_exchange *x) {
    for (int i = 0; i < x->n_buckets; i++) advance(x, &x->buckets[i]);
}

int64_t nn_exchange_add(nn_exchange *x, float *sums, int64_t stride, int64_t n) {
    int64_t at = x->n_used, begin = x->n_buckets > 0 ? x->buckets[x->n_buckets - 1].end : 0;
    BASE_CHECK(at + n <= x->n_floats);
    joining j = {.additions = x->local, .n_additions = x->n_local, .n = n};
    for (int s = 0; s < x->n_shards; s++) j.at[s] = sums + s * stride;
    join(x, &j);
    for (int s = 0; s < x->n_shards; s++) {
        if (!x->is_root[s] || rank_of(x, s) != x->self) continue;
        memcpy(x->own + x->slot[s] * x->n_floats + at, j.at[s], (size_t)n * sizeof *sums);
    }
    x->n_used += n;
    if (x->n_used - begin >= BUCKET) start_bucket(x);
    nn_exchange_poll(x);
    return at;
}

void nn_exchange_finish(nn_exchange *x) {
    start_bucket(x);
    while (x->n_over < x->n_buckets) nn_exchange_poll(x);
    x->n_used = x->n_incoming_used = 0;
    x->n_buckets = x->n_over = 0;
}

float *nn_exchange_total(nn_exchange *x, int64_t at) {
    return x->total + at;
}
