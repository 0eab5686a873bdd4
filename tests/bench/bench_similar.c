/* tests/bench/bench_similar.c - the search for the most similar among many sounds. */
#include "base/rng.h"
#include "infer/library/similar.h"
#include "tests/bench/bench.h"

enum { WIDTH = 256, WANTED = 10, MAX_SOUNDS = 10000000 };

typedef struct {
    library_index index;
    base_pool *pool;
    library_match matches[WANTED];
    base_error err;
} search;

static void find(void *context) {
    search *s = context;
    int64_t n;
    library_find_similar(&s->index, s->index.embedding, s->pool, WANTED, s->matches, &n, &s->err);
}

/* n random embeddings, compared with the first. */
static base_status measure(const bench_call *call, int64_t n, base_text *json, base_error *err) {
    base_rng rng = base_rng_open(1, BASE_RNG_TEST, 0, 0);
    library_entry *entries = base_alloc((size_t)n, sizeof *entries);
    float *embedding = base_alloc((size_t)n, WIDTH * sizeof *embedding);
    search s = {.index = {.n = n, .width = WIDTH, .entries = entries, .embedding = embedding},
                .pool = call->pool};
    base_status status = BASE_OK;
    if (entries == NULL || embedding == NULL) {
        status = base_fail(err, BASE_EMEMORY, "similar: out of memory");
    } else {
        base_rng_fill_uniform(&rng, embedding, n * WIDTH);
        bench_open(json, NULL, "{");
        bench_number(json, "sounds", (double)n);
        bench_number(json, "seconds", bench_time(find, &s, call->seconds));
        base_text_add(json, "}");
    }
    base_free(entries);
    base_free(embedding);
    return status;
}

base_status bench_similar(const bench_call *call, base_text *json, base_error *err) {
    base_status status = BASE_OK;
    bench_open(json, "similar", "[");
    for (int i = 0; status == BASE_OK && i < call->n_arguments; i++) {
        int64_t n;
        bool valid = base_parse_int(call->arguments[i], &n) && n > 0 && n <= MAX_SOUNDS;
        status = valid ? measure(call, n, json, err)
                       : base_fail(err, BASE_EUSAGE, "similar: %s sounds", call->arguments[i]);
    }
    base_text_add(json, "]");
    return status;
}
