#include "data/augment.h"
#include "data/batch.h"

#include <math.h>

#include "tests/data/fixture.h"

enum { N_CLIPS = 40, N_CHANNELS = 2, N_SAMPLES = 4410, MAX_BATCH = 12 };

typedef struct {
    fixture data;
    base_arena arena;
    data_augment *augment;
    data_augmenter effects;
    dsp_features *features;
    base_pool *pool;
    data_batcher *batcher;
    int64_t n_floats; /* of a sample's features */
    float *x;         /* [MAX_BATCH][n_floats] */
    int32_t length[MAX_BATCH];
} bench;

/* Clip i: decaying noise of 1000 + 80 i samples; every third ends in 500 zeros. */
static fixture make_clips(void) {
    fixture f = fixture_new(N_CLIPS, 4, N_CHANNELS, N_SAMPLES);
    for (int64_t i = 0; i < N_CLIPS; i++) {
        base_rng rng = base_rng_open(1, BASE_RNG_TEST, (uint64_t)i, 0);
        int64_t n = 1000 + 80 * i, n_sound = i % 3 == 0 ? n - 500 : n;
        float *x = f.clips.audio + f.clips.offset[i];
        for (int64_t j = 0; j < N_CHANNELS * n; j++) {
            x[j] = j % n < n_sound ? expf(-(float)(j % n) / 700.0f) * base_rng_normal(&rng) : 0.0f;
        }
        f.clips.offset[i + 1] = f.clips.offset[i] + N_CHANNELS * n;
    }
    return f;
}

#define EFFECTS                                                                                    \
    "[{polarity: {}}, {gain: {}}, {channel_swap: {}}, {pitch_shift: {p: 0.5}}, {time_shift: "      \
    "{}}, {noise: {p: 0.3}}, {distortion: {}}, {decay: {}}, {eq: {}}, {compress: {}}, "            \
    "{crush: {}}, {reverb: {}}, {mask_frequency: {}}, {mask_time: {}}]"

/* The batcher borrows from *b, which so must stay where it is. */
static void bench_open(bench *b, const char *effects, const char *features, int n_threads) {
    *b = (bench){.data = make_clips()};
    base_error err;
    base_node *node;
    dsp_features_options options;
    TEST_OK(base_yaml_parse(effects, "effects", &b->arena, &node, &err), err);
    const dsp_clip_form form = {44100.0, N_CHANNELS, N_SAMPLES};
    TEST_OK(data_augment_new(node, &form, &b->augment, &err), err);
    TEST_OK(base_yaml_parse(features, "features", &b->arena, &node, &err), err);
    TEST_OK(base_options_bind(dsp_features_table, node, &options, &b->arena, &err), err);
    TEST_OK(dsp_features_new(&options, &form, &b->features, &err), err);
    TEST_OK(base_pool_new(n_threads, &b->pool, &err), err);
    b->effects = data_augmenter_of(b->augment);
    data_batcher_options batcher = {.source = data_clips_source(&b->data.clips),
                                    .effects = &b->effects,
                                    .features = b->features,
                                    .max_batch = MAX_BATCH,
                                    .pool = b->pool};
    TEST_OK(data_batcher_new(&batcher, &b->batcher, &err), err);
    int64_t shape[3];
    dsp_features_shape(b->features, shape);
    b->n_floats = shape[0] * shape[1] * shape[2];
    b->x = base_alloc((size_t)(MAX_BATCH * b->n_floats), sizeof *b->x);
}

static void bench_close(bench *b) {
    data_batcher_free(b->batcher);
    base_pool_free(b->pool);
    dsp_features_free(b->features);
    data_augment_free(b->augment);
    base_arena_release(&b->arena);
    base_free(b->x);
    fixture_release(&b->data);
}

#define LOG_MEL "{kind: log_mel, n_fft: 512, hop: 128, n_mels: 16, normalize: none}"

static const int64_t some[MAX_BATCH] = {3, 39, 0, 7, 21, 4, 30, 12, 9, 18, 33, 38};
static const int64_t places[MAX_BATCH] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};

/* Poisons the output, so that what is not written shows. */
static void prepare(bench *b, const data_batch_request *request) {
    for (int64_t i = 0; i < MAX_BATCH * b->n_floats; i++) b->x[i] = NAN;
    base_error err;
    TEST_OK(data_batch_prepare(b->batcher, request, b->x, b->length, &err), err);
}

static const float *sample(const bench *b, int64_t i) {
    return b->x + i * b->n_floats;
}

static bool same_samples(const bench *a, int64_t i, const bench *b, int64_t j) {
    return memcmp(sample(a, i), sample(b, j), (size_t)a->n_floats * sizeof(float)) == 0;
}

START_TEST(bare_samples_are_the_clips_features) {
    bench b;
    bench_open(&b, EFFECTS, LOG_MEL, 2);
    data_batch_request request = {.index = some, .n = MAX_BATCH, .epoch = 4};
    prepare(&b, &request);
    float *audio = base_alloc(N_CHANNELS * N_SAMPLES, sizeof *audio);
    float *expected = base_alloc((size_t)b.n_floats, sizeof *expected);
    void *scratch = base_alloc(dsp_features_scratch_bytes(b.features), 1);
    for (int64_t i = 0; i < MAX_BATCH; i++) {
        data_clips_load(&b.data.clips, some[i], audio);
        dsp_features_apply(b.features, audio, scratch, expected);
        ck_assert_mem_eq(sample(&b, i), expected, (size_t)b.n_floats * sizeof *expected);
        ck_assert_int_eq(b.length[i], 1 + (1000 + 80 * some[i] - 1) / 128);
    }
    base_free(audio);
    base_free(expected);
    base_free(scratch);
    bench_close(&b);
}
END_TEST

START_TEST(any_number_of_threads_gives_the_same_bits) {
    bench one;
    bench_open(&one, EFFECTS, LOG_MEL, 1);
    data_batch_request request = {
        .index = some, .position = places, .n = MAX_BATCH, .augmented = true, .seed = 9};
    prepare(&one, &request);
    for (int n_threads = 2; n_threads <= 3; n_threads++) {
        bench b;
        bench_open(&b, EFFECTS, LOG_MEL, n_threads);
        prepare(&b, &request);
        for (int64_t i = 0; i < MAX_BATCH; i++) ck_assert(same_samples(&one, i, &b, i));
        ck_assert_mem_eq(one.length, b.length, sizeof one.length);
        bench_close(&b);
    }
    bench_close(&one);
}
END_TEST

/* A sample is the same in another batch at another place; another seed, epoch or position makes
 * another one. */
START_TEST(seed_epoch_and_position_make_the_draw_and_nothing_else) {
    bench a, b;
    bench_open(&a, EFFECTS, LOG_MEL, 1);
    bench_open(&b, EFFECTS, LOG_MEL, 2);
    data_batch_request request = {.index = some,
                                  .position = places,
                                  .n = MAX_BATCH,
                                  .augmented = true,
                                  .seed = 9,
                                  .epoch = 2};
    prepare(&a, &request);
    data_batch_request part = request;
    part.index = some + 5;
    part.position = places + 5;
    part.n = 3;
    prepare(&b, &part);
    for (int64_t i = 0; i < 3; i++) {
        ck_assert(same_samples(&a, 5 + i, &b, i));
        ck_assert_int_eq(a.length[5 + i], b.length[i]);
    }
    data_batch_request other[3] = {request, request, request};
    other[0].seed++;
    other[1].epoch++;
    other[2].position = NULL;
    for (int k = 0; k < 3; k++) {
        prepare(&b, &other[k]);
        for (int64_t i = 0; i < MAX_BATCH; i++) ck_assert(!same_samples(&a, i, &b, i));
    }
    prepare(&a, &other[2]);
    part.index = part.position = some + 1;
    prepare(&b, &part);
    for (int64_t i = 0; i < 3; i++) ck_assert(same_samples(&a, 1 + i, &b, i));
    bench_close(&a);
    bench_close(&b);
}
END_TEST

/* The same clip at two positions of an epoch is drawn twice. */
START_TEST(a_repeated_clip_differs_by_position) {
    bench b;
    bench_open(&b, EFFECTS, LOG_MEL, 1);
    const int64_t twice[2] = {5, 5};
    data_batch_request request = {.index = twice, .position = places, .n = 2, .augmented = true};
    prepare(&b, &request);
    ck_assert(!same_samples(&b, 0, &b, 1));
    request.position = twice;
    prepare(&b, &request);
    ck_assert(same_samples(&b, 0, &b, 1));
    bench_close(&b);
}
END_TEST

START_TEST(effects_that_never_come_leave_the_bare_sample) {
    bench b;
    bench_open(&b, "[{noise: {p: 0}}, {time_shift: {p: 0}}, {mask_time: {p: 0}}]", LOG_MEL, 1);
    bench bare;
    bench_open(&bare, "[]", LOG_MEL, 1);
    data_batch_request request = {.index = some, .n = MAX_BATCH, .augmented = true};
    prepare(&b, &request);
    request.augmented = false;
    prepare(&bare, &request);
    for (int64_t i = 0; i < MAX_BATCH; i++) ck_assert(same_samples(&b, i, &bare, i));
    ck_assert_mem_eq(b.length, bare.length, sizeof b.length);
    bench_close(&b);
    bench_close(&bare);
}
END_TEST

/* Lengths of clips 3 (1240 samples), 38 (4040) and 0 (1000), the first and the last of which end in
 * 500 zeros, after an effect on all. */
static void check_lengths(const char *effects, const int32_t expected[3]) {
    bench b;
    bench_open(&b, effects, LOG_MEL, 1);
    static const int64_t index[3] = {3, 38, 0};
    data_batch_request request = {.index = index, .n = 3, .augmented = true};
    prepare(&b, &request);
    for (int i = 0; i < 3; i++) ck_assert_int_eq(b.length[i], expected[i]);
    bench_close(&b);
}

START_TEST(lengths_follow_the_sound) {
    enum { FRAMES = 1 + N_SAMPLES / 128 };
    check_lengths("[{polarity: {p: 1}}]",
                  (int32_t[]){1 + 1239 / 128, 1 + 4039 / 128, 1 + 999 / 128});
    check_lengths("[{time_shift: {p: 1, ms: 10}}]",
                  (int32_t[]){1 + 1680 / 128, FRAMES, 1 + 1440 / 128});
    check_lengths("[{time_shift: {p: 1, ms: -10}}]",
                  (int32_t[]){1 + 798 / 128, 1 + 3598 / 128, 1 + 558 / 128});
    check_lengths("[{time_shift: {p: 1, ms: 1000}}]", (int32_t[]){1 + 499 / 128, 1, 1 + 499 / 128});
    check_lengths("[{noise: {p: 1}}]", (int32_t[]){FRAMES, FRAMES, FRAMES});
}
END_TEST

static void fit(bench *b, int64_t n, float *offset, float *scale) {
    int64_t index[N_CLIPS];
    base_error err;
    for (int64_t i = 0; i < n; i++) index[i] = N_CLIPS - 1 - i;
    ck_assert(dsp_features_needs_fit(b->features));
    TEST_OK(data_batch_fit(b->batcher, index, n, b->features, &err), err);
    ck_assert(!dsp_features_needs_fit(b->features));
    dsp_features_get_norm(b->features, offset, scale);
}

#define NORMALIZED(kind) "{kind: log_mel, n_fft: 512, hop: 128, n_mels: 16, normalize: " kind "}"

/* After fitting, the clips fitted on have mean 0 and deviation 1 in every row. */
START_TEST(fits_the_normalisation) {
    enum { N_ROWS = 16 };
    bench b;
    bench_open(&b, EFFECTS, NORMALIZED("feature"), 2);
    float offset[N_ROWS], scale[N_ROWS];
    fit(&b, N_CLIPS, offset, scale);
    int64_t shape[3];
    dsp_features_shape(b.features, shape);
    double sum[N_ROWS] = {0}, squares[N_ROWS] = {0};
    for (int64_t i = 0; i < N_CLIPS; i++) {
        data_batch_request request = {.index = &i, .n = 1};
        prepare(&b, &request);
        for (int64_t j = 0; j < b.n_floats; j++) {
            double y = b.x[j];
            sum[j / shape[2] % N_ROWS] += y;
            squares[j / shape[2] % N_ROWS] += y * y;
        }
    }
    double n = (double)(N_CLIPS * shape[0] * shape[2]);
    for (int r = 0; r < N_ROWS; r++) {
        ck_assert_double_lt(fabs(sum[r] / n), 1e-4);
        ck_assert_double_lt(fabs(squares[r] / n - 1.0), 1e-3);
    }
    bench_close(&b);
}
END_TEST

START_TEST(fits_the_same_bits_with_any_number_of_threads) {
    static const char *const kinds[] = {NORMALIZED("feature"), NORMALIZED("dataset"),
                                        NORMALIZED("minmax")};
    for (int k = 0; k < 3; k++) {
        float offset[2][16] = {{0}}, scale[2][16] = {{0}};
        for (int n_threads = 1; n_threads <= 3; n_threads++) {
            bench b;
            bench_open(&b, EFFECTS, kinds[k], n_threads);
            fit(&b, 37, offset[n_threads > 1], scale[n_threads > 1]);
            bench_close(&b);
            if (n_threads == 1) continue;
            ck_assert_mem_eq(offset[0], offset[1], sizeof offset[0]);
            ck_assert_mem_eq(scale[0], scale[1], sizeof scale[0]);
        }
        ck_assert_float_ne(scale[0][0], 0.0f);
    }
}
END_TEST

START_TEST(fitting_does_nothing_where_none_is_needed) {
    bench b;
    bench_open(&b, EFFECTS, LOG_MEL, 1);
    base_error err;
    TEST_OK(data_batch_fit(b.batcher, NULL, 0, b.features, &err), err);
    bench_close(&b);
    bench_open(&b, EFFECTS, NORMALIZED("dataset"), 1);
    TEST_FAILS(data_batch_fit(b.batcher, NULL, 0, b.features, &err), BASE_EDATA, err,
               "features.normalize");
    bench_close(&b);
}
END_TEST

START_TEST(works_without_effects_and_pool) {
    bench b;
    bench_open(&b, "[]", LOG_MEL, 1);
    data_batcher *bare;
    base_error err;
    data_batcher_options plain = {
        .source = data_clips_source(&b.data.clips), .features = b.features, .max_batch = 1};
    TEST_OK(data_batcher_new(&plain, &bare, &err), err);
    data_batch_request request = {.index = some, .n = 1, .augmented = true};
    prepare(&b, &request);
    float *x = base_alloc((size_t)b.n_floats, sizeof *x);
    int32_t length;
    TEST_OK(data_batch_prepare(bare, &request, x, &length, &err), err);
    ck_assert_mem_eq(x, b.x, (size_t)b.n_floats * sizeof *x);
    ck_assert_int_eq(length, b.length[0]);
    base_free(x);
    data_batcher_free(bare);
    data_batcher_free(NULL);
    bench_close(&b);
}
END_TEST

START_TEST(an_effect_that_fails_fails_the_batch) {
    bench b;
    base_error err;
    bench_open(&b, "[mp3: {p: 1}]", LOG_MEL, 2);
    data_batch_request request = {.index = some, .n = MAX_BATCH, .augmented = true};
    data_batcher *wrong;
    data_batcher_options options = {.source = data_clips_source(&b.data.clips),
                                    .effects = &b.effects,
                                    .features = b.features,
                                    .max_batch = MAX_BATCH,
                                    .pool = b.pool};
    options.source.form.sample_rate_hz = 1234.0; /* not the rate that the chain was made for */
    TEST_OK(data_batcher_new(&options, &wrong, &err), err);
    TEST_FAILS(data_batch_prepare(wrong, &request, b.x, b.length, &err), BASE_EDATA, err,
               "augment: mp3: MP3 has no sample rate");
    data_batcher_free(wrong);
    prepare(&b, &request);
    bench_close(&b);
}
END_TEST

TEST_MAIN("data/batch", bare_samples_are_the_clips_features,
          any_number_of_threads_gives_the_same_bits,
          seed_epoch_and_position_make_the_draw_and_nothing_else,
          a_repeated_clip_differs_by_position, effects_that_never_come_leave_the_bare_sample,
          lengths_follow_the_sound, fits_the_normalisation,
          fits_the_same_bits_with_any_number_of_threads, fitting_does_nothing_where_none_is_needed,
          works_without_effects_and_pool, an_effect_that_fails_fails_the_batch)
