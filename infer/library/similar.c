#include "infer/library/similar.h"

#include <math.h>

#include "nn/kernels/kernels.h"

enum { BLOCK = 512 }; /* entries of one task */

typedef struct {
    const library_index *index;
    const nn_kernels_table *kernels;
    const float *query;
    float query_norm;
    float *similarity; /* [index->n] */
} comparison;

/* Of a vector of zeros, which points nowhere, 0. */
static float cosine(const comparison *c, const float *x) {
    int64_t width = c->index->width;
    float norm = sqrtf(c->kernels->dot(x, x, width)) * c->query_norm;
    return norm > 0 ? c->kernels->dot(x, c->query, width) / norm : 0;
}

static void compare_block(void *context, int64_t task, int worker) {
    const comparison *c = context;
    int64_t begin = task * BLOCK, end = begin + BLOCK;
    (void)worker;
    if (end > c->index->n) end = c->index->n;
    for (int64_t i = begin; i < end; i++) {
        c->similarity[i] = cosine(c, c->index->embedding + i * c->index->width);
    }
}

/* Whether a stands behind b. */
static bool is_behind(library_match a, library_match b) {
    if (a.similarity != b.similarity) return a.similarity < b.similarity;
    return a.entry > b.entry;
}

/* Restores a heap of n whose top is the last in order, from place i down. */
static void sift(library_match *heap, int64_t n, int64_t i) {
    for (;;) {
        int64_t last = i;
        for (int64_t child = 2 * i + 1; child <= 2 * i + 2 && child < n; child++) {
            if (is_behind(heap[child], heap[last])) last = child;
        }
        if (last == i) return;
        library_match other = heap[i];
        heap[i] = heap[last];
        heap[last] = other;
        i = last;
    }
}

/* Keeps the best so far in a heap; then takes the last of them, again and again. */
static int64_t choose(const comparison *c, int64_t n_wanted, library_match *heap) {
    int64_t n = 0;
    for (int64_t i = 0; i < c->index->n && n_wanted > 0; i++) {
        const library_match match = {i, c->similarity[i]};
        if (c->index->entries[i].error != NULL) continue;
        if (n < n_wanted) {
            heap[n++] = match;
            if (n == n_wanted) {
                for (int64_t k = n / 2; k-- > 0;) sift(heap, n, k);
            }
        } else if (is_behind(heap[0], match)) {
            heap[0] = match;
            sift(heap, n, 0);
        }
    }
    if (n < n_wanted) {
        for (int64_t k = n / 2; k-- > 0;) sift(heap, n, k);
    }
    for (int64_t left = n; left > 1; left--) {
        library_match last = heap[0];
        heap[0] = heap[left - 1];
        heap[left - 1] = last;
        sift(heap, left - 1, 0);
    }
    return n;
}

base_status library_find_similar(const library_index *index, const float *query, base_pool *pool,
                                 int64_t n_wanted, library_match *matches, int64_t *n_found,
                                 base_error *err) {
    comparison c = {.index = index,
                    .kernels = nn_kernels(),
                    .query = query,
                    .similarity = base_alloc((size_t)index->n, sizeof *c.similarity)};
    if (c.similarity == NULL) return base_fail(err, BASE_EMEMORY, "similar: out of memory");
    c.query_norm = sqrtf(c.kernels->dot(query, query, index->width));
    base_parallel(pool, (index->n + BLOCK - 1) / BLOCK, compare_block, &c);
    *n_found = choose(&c, n_wanted, matches);
    base_free(c.similarity);
    return BASE_OK;
}
