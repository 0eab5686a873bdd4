/* Near copies are found by locality-sensitive hashing: the signs of some random projections sort
 * the fingerprints into buckets, and neighbours within a bucket are compared. Copies share a bucket
 * with fair probability; over N_TABLES independent sortings they are all but sure to. (M. Charikar,
 * "Similarity estimation techniques from rounding algorithms", STOC 2002; sparse projections: Li,
 * Hastie and Church, "Very sparse random projections", KDD 2006.) */
#include "data/duplicates.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "data/contents.h"
#include "data/sets.h"
#include "dsp/effects.h"
#include "dsp/features.h"
#include "dsp/stft.h"

enum {
    N_MELS = 32,
    N_FRAMES = 16,
    SIZE = N_MELS * N_FRAMES, /* of a fingerprint */
    N_FFT = 2048,
    HOP = 512,
    N_SAMPLES = N_FRAMES * HOP, /* from the onset on */
    N_TABLES = 32,
    MAX_BITS = 20,  /* of a bucket's number */
    PER_BUCKET = 8, /* clips aimed at */
    WINDOW = 64,    /* neighbours compared, at most */
    N_TAPS = 32,    /* coordinates in a projection */
    DOT_BLOCK = 64, /* coordinates between two looks at whether a pair is still near */
};
#define ONSET     0.1     /* of the peak; what is softer may be trimmed from a copy, or be noise */
#define RANGE_DB  50.0    /* below the loudest value, where noise and coding leave their traces */
#define TOP_HZ    10000.0 /* lossy coders cut above */
#define HASH_SEED 20021

static base_status no_memory(base_error *err) {
    return base_fail(err, BASE_EMEMORY, "duplicates: out of memory");
}

/* ---- exact copies ---- */

static base_status join_exact(const data_clips *clips, const data_manifest *manifest,
                              int64_t *parent, base_error *err) {
    data_content *keys = base_alloc((size_t)clips->n_clips, sizeof *keys);
    if (keys == NULL) return no_memory(err);
    for (int64_t i = 0; i < clips->n_clips; i++) {
        keys[i] = (data_content){manifest->rows[clips->row[i]].content, i};
    }
    data_contents_sort(keys, clips->n_clips);
    for (int64_t i = 1; i < clips->n_clips; i++) {
        if (data_content_is_nothing(keys[i].content)) continue;
        if (base_digest_equal(keys[i - 1].content, keys[i].content)) {
            data_sets_join(parent, keys[i - 1].item, keys[i].item);
        }
    }
    base_free(keys);
    return BASE_OK;
}

/* ---- fingerprints ---- */

typedef struct {
    const data_clips *clips;
    dsp_features *features;
    size_t scratch_bytes;
    char *scratch; /* scratch_bytes for each worker: audio, then scratch of the features */
    float *prints; /* [n_clips][SIZE] */
} print_job;

/* Channels whose mean is this much softer than themselves cancel each other: what is left of a
 * sound there says nothing about it. */
#define CANCELLED 1e-3f

/* The mean over the channels of n samples from `onset` on, or, with sign -1, of the first less the
 * others; zeros behind the clip's end. Returns the peak. */
static float mix_onset(const data_clips *clips, int64_t clip, int64_t onset, float sign,
                       float *mono) {
    int64_t n = data_clips_valid(clips, clip);
    const float *x = clips->audio + clips->offset[clip];
    for (int64_t i = 0; i < N_SAMPLES; i++) {
        float sum = 0.0f;
        for (int64_t c = 0; c < clips->n_channels && onset + i < n; c++) {
            sum += (c == 0 ? 1.0f : sign) * x[c * n + onset + i];
        }
        mono[i] = sum / (float)clips->n_channels;
    }
    return dsp_peak(mono, N_SAMPLES);
}

/* The clip's mean over channels from its onset on, in mono[N_SAMPLES]; where they cancel, their
 * difference. */
static void load_onset(const data_clips *clips, int64_t clip, float *mono) {
    int64_t n = data_clips_valid(clips, clip), onset = 0;
    const float *x = clips->audio + clips->offset[clip];
    float peak = dsp_peak(x, n * clips->n_channels);
    bool found = false;
    for (; onset < n && !found; onset += !found) {
        for (int64_t c = 0; c < clips->n_channels; c++) {
            found |= fabsf(x[c * n + onset]) > (float)ONSET * peak;
        }
    }
    float mixed = mix_onset(clips, clip, onset, 1.0f, mono);
    if (mixed < CANCELLED * peak) mix_onset(clips, clip, onset, -1.0f, mono);
}

/* Mean removed, unit norm; nothing but zeros if there is nothing to tell apart. */
static void normalize_print(float *print) {
    double mean = 0.0, squares = 0.0;
    for (int i = 0; i < SIZE; i++) mean += print[i] / (double)SIZE;
    for (int i = 0; i < SIZE; i++) squares += (print[i] - mean) * (print[i] - mean);
    double scale = squares > 1e-6 ? 1.0 / sqrt(squares) : 0.0;
    for (int i = 0; i < SIZE; i++) print[i] = (float)((print[i] - mean) * scale);
}

static void make_print(void *context, int64_t clip, int worker) {
    const print_job *job = context;
    float *mono = (float *)(job->scratch + (size_t)worker * job->scratch_bytes);
    float *print = job->prints + clip * SIZE;
    load_onset(job->clips, clip, mono);
    dsp_features_apply(job->features, mono, mono + N_SAMPLES, print);
    normalize_print(print);
}

static base_status make_features(double sample_rate_hz, dsp_features **features, base_error *err) {
    dsp_features_options options = {.kind = DSP_LOG_MEL,
                                    .n_fft = N_FFT,
                                    .hop = HOP,
                                    .centered = true,
                                    .pad = DSP_PAD_ZERO,
                                    .n_mels = N_MELS,
                                    .fmax_hz = fmin(TOP_HZ, sample_rate_hz / 2.0),
                                    .area = true,
                                    .power = 2.0,
                                    .amin = 1e-10,
                                    .top_db = RANGE_DB,
                                    .reference = 1,
                                    .frames = N_FRAMES};
    const dsp_clip_form form = {sample_rate_hz, 1, N_SAMPLES};
    return dsp_features_new(&options, &form, features, err);
}

static base_status make_prints(const data_clips *clips, base_pool *pool, float *prints,
                               base_error *err) {
    print_job job = {.clips = clips, .prints = prints};
    BASE_TRY(make_features(clips->sample_rate_hz, &job.features, err));
    job.scratch_bytes = N_SAMPLES * sizeof(float) + dsp_features_scratch_bytes(job.features);
    job.scratch_bytes = (job.scratch_bytes + BASE_ALIGNMENT - 1) / BASE_ALIGNMENT * BASE_ALIGNMENT;
    job.scratch = base_alloc((size_t)base_pool_threads(pool), job.scratch_bytes);
    if (job.scratch != NULL) base_parallel(pool, clips->n_clips, make_print, &job);
    base_status status = job.scratch != NULL ? BASE_OK : no_memory(err);
    base_free(job.scratch);
    dsp_features_free(job.features);
    return status;
}

/* ---- near copies ---- */

typedef struct {
    uint32_t bucket;
    float order; /* one more projection: neighbours in a bucket */
    int64_t clip;
} hashed;

typedef struct {
    const float *prints; /* [n][SIZE] */
    int64_t n;
    int n_bits;
    double near;
    float mean[SIZE];
    hashed *hashed;  /* [n] for each worker */
    int64_t *parent; /* [n] for each worker: pairs found by it */
} search_job;

/* Sums of differences of coordinates drawn at random; the mean print is taken off, so that the
 * signs split the prints evenly. */
static float project(const search_job *job, const float *print, const int *taps) {
    float sum = 0.0f;
    for (int i = 0; i < N_TAPS; i++) {
        float value = print[taps[i]] - job->mean[taps[i]];
        sum += i % 2 == 0 ? value : -value;
    }
    return sum;
}

static int compare_hashed(const void *a, const void *b) {
    const hashed *x = a, *y = b;
    if (x->bucket != y->bucket) return x->bucket < y->bucket ? -1 : 1;
    if (x->order != y->order) return x->order < y->order ? -1 : 1;
    return (x->clip > y->clip) - (x->clip < y->clip);
}

static void hash_prints(const search_job *job, int64_t table, hashed *items) {
    int taps[MAX_BITS + 1][N_TAPS];
    base_rng rng = base_rng_open(HASH_SEED, BASE_RNG_DRAW, (uint64_t)table, 0);
    for (int b = 0; b <= job->n_bits; b++) {
        for (int i = 0; i < N_TAPS; i++) taps[b][i] = (int)base_rng_below(&rng, SIZE);
    }
    for (int64_t i = 0; i < job->n; i++) {
        const float *print = job->prints + i * SIZE;
        items[i] = (hashed){.order = project(job, print, taps[job->n_bits]), .clip = i};
        for (int b = 0; b < job->n_bits; b++) {
            items[i].bucket |= (uint32_t)(project(job, print, taps[b]) >= 0.0f) << b;
        }
    }
    qsort(items, (size_t)job->n, sizeof *items, compare_hashed);
}

static float squared_distance(const float *a, const float *b) {
    float lane[8] = {0}, sum = 0.0f;
    for (int i = 0; i < DOT_BLOCK; i += 8) {
        for (int j = 0; j < 8; j++) lane[j] += (a[i + j] - b[i + j]) * (a[i + j] - b[i + j]);
    }
    for (int j = 0; j < 8; j++) sum += lane[j];
    return sum;
}

/* Unit vectors a and b have the cosine 1 - |a - b|^2 / 2; most pairs are found too far apart before
 * their end. A print of zeros is near nothing. */
static bool is_near(const float *a, const float *b, double near) {
    float limit = (float)(2.0 - 2.0 * near), distance = 0.0f;
    for (int i = 0; i < SIZE && distance <= limit; i += DOT_BLOCK) {
        distance += squared_distance(a + i, b + i);
    }
    if (distance > limit) return false;
    for (int i = 0; i < SIZE; i++) {
        if (a[i] != 0.0f) return true;
    }
    return false;
}

static void search_table(void *context, int64_t table, int worker) {
    const search_job *job = context;
    hashed *items = job->hashed + worker * job->n;
    int64_t *parent = job->parent + worker * job->n;
    hash_prints(job, table, items);
    for (int64_t i = 0; i < job->n; i++) {
        for (int64_t j = i + 1; j < job->n && j <= i + WINDOW; j++) {
            if (items[j].bucket != items[i].bucket) break;
            int64_t a = items[i].clip, b = items[j].clip;
            if (data_sets_find(parent, a) == data_sets_find(parent, b)) continue;
            if (is_near(job->prints + a * SIZE, job->prints + b * SIZE, job->near)) {
                data_sets_join(parent, a, b);
            }
        }
    }
}

static void find_mean(search_job *job) {
    double sum[SIZE] = {0};
    for (int64_t i = 0; i < job->n; i++) {
        for (int j = 0; j < SIZE; j++) sum[j] += job->prints[i * SIZE + j];
    }
    for (int j = 0; j < SIZE; j++) job->mean[j] = (float)(sum[j] / (double)job->n);
}

/* Which worker finds a pair differs from run to run, the union of what all find does not. */
static base_status search_tables(search_job *job, base_pool *pool, int64_t *parent,
                                 base_error *err) {
    int64_t n_workers = base_pool_threads(pool), n = job->n;
    size_t n_items = (size_t)(n_workers * n);
    while (job->n_bits < MAX_BITS && n >> job->n_bits > PER_BUCKET) job->n_bits++;
    find_mean(job);
    job->hashed = base_alloc(n_items, sizeof *job->hashed);
    job->parent = base_alloc(n_items, sizeof *job->parent);
    bool allocated = job->hashed != NULL && job->parent != NULL;
    if (allocated) {
        for (int64_t w = 0; w < n_workers; w++) data_sets_init(job->parent + w * n, n);
        base_parallel(pool, N_TABLES, search_table, job);
        for (int64_t i = 0; i < n_workers * n; i++) data_sets_join(parent, i % n, job->parent[i]);
    }
    base_free(job->hashed);
    base_free(job->parent);
    return allocated ? BASE_OK : no_memory(err);
}

static base_status join_near(const data_duplicates_search *search, int64_t *parent,
                             base_error *err) {
    int64_t n = search->clips->n_clips;
    float *prints = base_alloc((size_t)n, SIZE * sizeof *prints);
    if (prints == NULL) return no_memory(err);
    search_job job = {.prints = prints, .n = n, .near = search->near};
    base_status status = make_prints(search->clips, search->pool, prints, err);
    if (status == BASE_OK) status = search_tables(&job, search->pool, parent, err);
    base_free(prints);
    return status;
}

/* ---- groups ---- */

typedef struct {
    int64_t n_clips, number;
    int32_t label; /* of the first */
    bool conflict;
} set_facts;

/* Sets of one get no number; the others are numbered in order of their first clips. */
static void number_groups(const data_clips *clips, int64_t *parent, set_facts *sets,
                          data_manifest *manifest, data_duplicates *found) {
    *found = (data_duplicates){0};
    for (int64_t i = 0; i < clips->n_clips; i++) {
        set_facts *set = &sets[data_sets_find(parent, i)];
        if (set->n_clips++ == 0) set->label = clips->label[i];
        set->conflict |= set->label != clips->label[i];
    }
    for (int64_t i = 0; i < clips->n_clips; i++) {
        int64_t root = data_sets_find(parent, i);
        set_facts *set = &sets[root];
        if (root == i && set->n_clips > 1) {
            set->number = found->n_groups++;
            found->n_copies += set->n_clips - 1;
            found->n_conflicts += set->conflict;
        }
        manifest->rows[clips->row[i]].duplicate = set->n_clips > 1 ? set->number : -1;
    }
}

base_status data_duplicates_find(const data_duplicates_search *search, data_manifest *manifest,
                                 data_duplicates *found, base_error *err) {
    const data_clips *clips = search->clips;
    double near = search->near;
    if (near != 0.0 && !(near >= 0.9 && near <= 1.0)) {
        return base_fail(err, BASE_ECONFIG, "folds.near: %g is neither 0 nor from 0.9 to 1", near);
    }
    int64_t *parent = base_alloc((size_t)clips->n_clips, sizeof *parent);
    set_facts *sets = base_alloc((size_t)clips->n_clips, sizeof *sets);
    base_status status = parent != NULL && sets != NULL ? BASE_OK : no_memory(err);
    if (status == BASE_OK) {
        data_sets_init(parent, clips->n_clips);
        status = join_exact(clips, manifest, parent, err);
    }
    if (status == BASE_OK && near > 0.0) status = join_near(search, parent, err);
    if (status == BASE_OK) number_groups(clips, parent, sets, manifest, found);
    base_free(sets);
    base_free(parent);
    return status;
}
