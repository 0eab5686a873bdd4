/* tests/bench/bench_duplicates.c - the search for near copies, and how its time grows. */
#include "tests/bench/bench.h"

#include <string.h>

#include "base/rng.h"
#include "data/duplicates.h"
#include "data/synth.h"

enum { N_SAMPLES = 8192, COPY_EVERY = 10, MAX_CLIPS = 1000000 };
#define NEAR 0.97

typedef struct {
    data_manifest manifest;
    data_clips clips;
    bool failed;
} drum_set;

/* One hit, or a softer copy with a trace of noise of the one before. */
static void make_clip(void *context, int64_t clip, int worker) {
    (void)worker;
    drum_set *set = context;
    bool copy = clip % COPY_EVERY == COPY_EVERY - 1;
    int64_t number = copy ? clip - 1 : clip;
    float *x = set->clips.audio + clip * N_SAMPLES, gain = copy ? 0.5F : 1.0F;
    data_audio hit;
    base_error err;
    base_rng rng = base_rng_open(1, BASE_RNG_TEST, (uint64_t)clip, 0);
    if (data_synth_hit((int)(number % DATA_SYNTH_N_CLASSES), number, 1, &hit, &err) != BASE_OK) {
        set->failed = true;
        return;
    }
    for (int64_t i = 0; i < N_SAMPLES && i < hit.n; i++) {
        x[i] = gain * hit.x[i] + (copy ? 1e-4F * base_rng_normal(&rng) : 0.0F);
    }
    data_audio_release(&hit);
    set->clips.row[clip] = clip;
    set->clips.label[clip] = (int32_t)(number % DATA_SYNTH_N_CLASSES);
    set->clips.offset[clip + 1] = (clip + 1) * N_SAMPLES;
    set->manifest.rows[clip].content = base_digest_bytes(x, N_SAMPLES * sizeof *x);
}

static void set_release(drum_set *set) {
    data_clips_release(&set->clips);
    base_free(set->manifest.rows);
}

static base_status set_make(int64_t n, base_pool *pool, drum_set *set, base_error *err) {
    *set = (drum_set){.manifest = {.n_rows = n, .rows = base_alloc((size_t)n, sizeof(data_row))},
                      .clips = {.sample_rate_hz = 44100,
                                .n_channels = 1,
                                .n_samples = N_SAMPLES,
                                .n_clips = n,
                                .row = base_alloc((size_t)n, sizeof(int64_t)),
                                .label = base_alloc((size_t)n, sizeof(int32_t)),
                                .offset = base_alloc((size_t)n + 1, sizeof(int64_t)),
                                .audio = base_alloc((size_t)n, N_SAMPLES * sizeof(float))}};
    const data_clips *clips = &set->clips;
    bool complete =
        set->manifest.rows && clips->row && clips->label && clips->offset && clips->audio;
    if (complete) base_parallel(pool, n, make_clip, set);
    if (complete && !set->failed) return BASE_OK;
    set_release(set);
    return base_fail(err, BASE_EMEMORY, "duplicates: out of memory for %lld clips", (long long)n);
}

static base_status measure(const bench_call *call, int64_t n, base_text *json, base_error *err) {
    drum_set set;
    data_duplicates found;
    BASE_TRY(set_make(n, call->pool, &set, err));
    double begin = bench_now();
    const data_duplicates_search search = {&set.clips, NEAR, call->pool};
    base_status status = data_duplicates_find(&search, &set.manifest, &found, err);
    double seconds = bench_now() - begin;
    int64_t n_together = 0;
    for (int64_t i = COPY_EVERY - 1; i < n; i += COPY_EVERY) {
        int64_t group = set.manifest.rows[i].duplicate;
        n_together += group >= 0 && group == set.manifest.rows[i - 1].duplicate;
    }
    set_release(&set);
    bench_open(json, NULL, "{");
    bench_number(json, "clips", (double)n);
    bench_number(json, "seconds", seconds);
    bench_number(json, "groups", (double)found.n_groups);
    bench_number(json, "copies", (double)found.n_copies);
    bench_number(json, "made", (double)(n / COPY_EVERY));
    bench_number(json, "made_found", (double)n_together);
    base_text_add(json, "}");
    return status;
}

base_status bench_duplicates(const bench_call *call, base_text *json, base_error *err) {
    base_status status = BASE_OK;
    bench_open(json, "sets", "[");
    for (int i = 0; status == BASE_OK && i < call->n_arguments; i++) {
        int64_t n;
        if (!base_parse_int(call->arguments[i], &n) || n < 1 || n > MAX_CLIPS) {
            return base_fail(err, BASE_EUSAGE, "%s: not a number of clips", call->arguments[i]);
        }
        status = measure(call, n, json, err);
    }
    base_text_add(json, "]");
    return status;
}
