#include "infer/library/sounds.h"

#include <math.h>
#include <stdio.h>

#include "base/file.h"
#include "data/clips.h"
#include "dsp/descriptors.h"
#include "infer/classify.h"
#include "tests/model_make.h"
#include "tests/sound.h"
#include "tests/test.h"

enum { N_FILES = 70, MISSING = 3, TEXT = 66 }; /* more than are decoded at once */

static base_error err;
static base_arena arena;
static base_pool *pool;
static infer_model *model;
static const char *paths[N_FILES];

/* What a handler was given. */
typedef struct {
    library_sound sound[N_FILES];
    float probability[N_FILES][MODEL_MAKE_CLASSES];
    float embedding[N_FILES][2 * MODEL_MAKE_EMBEDDING];
    int64_t n, stop_after;
} record;

static record heard, again;

static bool keep(void *context, const library_sound *sound) {
    record *kept = context;
    kept->sound[kept->n] = *sound;
    if (sound->error == NULL) {
        int64_t width = infer_model_embedding_size(model);
        memcpy(kept->probability[kept->n], sound->probability, sizeof kept->probability[0]);
        memcpy(kept->embedding[kept->n], sound->embedding, (size_t)width * sizeof(float));
    }
    return ++kept->n != kept->stop_after;
}

static bool keep_result(void *context, const infer_result *result) {
    record *kept = context;
    if (result->error == NULL) {
        memcpy(kept->probability[kept->n], result->probability, sizeof kept->probability[0]);
    }
    kept->sound[kept->n].best = result->best;
    kept->sound[kept->n++].status = result->status;
    return true;
}

static void setup(int n_members) {
    const char *folder = test_folder(), *path = base_path_join(&arena, folder, "model.h5");
    model_make(path, n_members);
    TEST_OK(base_pool_new(2, &pool, &err), err);
    TEST_OK(infer_model_open(path, 4, pool, &model, &err), err);
    for (int i = 0; i < N_FILES; i++) {
        char name[32];
        sound_tone tone = {.seconds = 0.03 + 0.01 * i,
                           .hz = 100 + 20 * i,
                           .rate_hz = 44100,
                           .peak = 0.5,
                           .n_channels = 1 + i % 2};
        snprintf(name, sizeof name, "%d.wav", i);
        paths[i] = i == TEXT      ? sound_write_text(&arena, folder, name, "no sound")
                   : i == MISSING ? base_path_join(&arena, folder, name)
                                  : sound_write_tone(&arena, folder, name, tone);
    }
    memset(&heard, 0, sizeof heard);
    memset(&again, 0, sizeof again);
}

static void teardown(void) {
    infer_model_free(model);
    base_pool_free(pool);
    base_arena_release(&arena);
}

static base_status listen(base_pool *with, record *kept) {
    library_listen_job job = {.model = model,
                              .paths = paths,
                              .n = N_FILES,
                              .pool = with,
                              .measures = true,
                              .handler = keep,
                              .context = kept};
    return library_listen(&job, &err);
}

START_TEST(probabilities_are_those_of_classify) {
    setup(2);
    infer_classify_job job = {.model = model,
                              .paths = paths,
                              .n = N_FILES,
                              .pool = pool,
                              .handler = keep_result,
                              .context = &again};
    TEST_OK(listen(pool, &heard), err);
    TEST_OK(infer_classify_files(&job, &err), err);
    ck_assert_int_eq(heard.n, N_FILES);
    for (int i = 0; i < N_FILES; i++) {
        ck_assert_str_eq(heard.sound[i].path, paths[i]);
        ck_assert_int_eq(heard.sound[i].status, again.sound[i].status);
        ck_assert_int_eq(heard.sound[i].error != NULL, i == TEXT || i == MISSING);
        if (heard.sound[i].error != NULL) continue;
        ck_assert_int_eq(heard.sound[i].best, again.sound[i].best);
    }
    ck_assert_mem_eq(heard.probability, again.probability, sizeof heard.probability);
    teardown();
}
END_TEST

/* The same clips by way of a data set, where every number has a function of its own. */
START_TEST(the_rest_is_what_others_make_of_the_same_sounds) {
    setup(2);
    TEST_OK(listen(pool, &heard), err);
    const data_audio_options *form = infer_model_audio(model);
    dsp_descriptors *descriptors;
    TEST_OK(
        dsp_descriptors_new(form->sample_rate_hz, 1, data_audio_samples(form), &descriptors, &err),
        err);
    void *scratch = base_alloc(1, dsp_descriptors_scratch_bytes(descriptors));
    for (int i = 0; i < N_FILES; i += 7) {
        data_sound *sound;
        data_audio clip;
        data_row facts = {0};
        double values[DSP_N_DESCRIPTORS];
        float p[MODEL_MAKE_CLASSES];
        base_file_stamp stamp;
        TEST_OK(data_sound_open(paths[i], NULL, &sound, &err), err);
        TEST_OK(data_clip_read(sound, form, &facts, &clip, &err), err);
        dsp_descriptors_measure(descriptors, clip.x, clip.n, scratch, values);
        TEST_OK(infer_model_classify(model, &clip, 1, p, &err), err);
        for (int m = 0; m < 2; m++) {
            int64_t size;
            const float *value = infer_model_embedding(model, m, &size);
            ck_assert_mem_eq(heard.embedding[i] + m * size, value, (size_t)size * sizeof *value);
        }
        const library_sound *s = &heard.sound[i];
        ck_assert(base_digest_equal(s->content, facts.content));
        ck_assert_double_eq(s->seconds, facts.seconds);
        ck_assert(base_file_stat(paths[i], &stamp));
        ck_assert_int_eq(s->stamp.size_bytes, stamp.size_bytes);
        ck_assert_int_eq(s->stamp.modified_ns, stamp.modified_ns);
        ck_assert_double_eq(s->pitch_hz, values[0]);
        ck_assert_str_eq(dsp_descriptor_table[0].name, "pitch_hz");
        ck_assert_double_eq(s->loudness_lufs, values[21]);
        ck_assert_str_eq(dsp_descriptor_table[21].name, "loudness_lufs");
        data_audio_release(&clip);
        data_sound_close(sound);
    }
    base_free(scratch);
    dsp_descriptors_free(descriptors);
    teardown();
}
END_TEST

/* Loudness is that of the file, whatever level the model takes. */
START_TEST(levels_are_kept_for_the_measures_alone) {
    static const char config[] =
        "audio: {sample_rate: 22050, channels: 1, seconds: 0.25, normalize: peak}\n"
        "features: {kind: log_mel, n_fft: 512, hop: 256, n_mels: 16}\n"
        "network: [to_sequence, {time_pool: mean}, {linear: 8}, {linear: classes}]\n";
    setup(1);
    infer_model_free(model);
    const char *folder = test_folder(), *path = base_path_join(&arena, folder, "other.h5");
    model_make_of(path, config);
    TEST_OK(infer_model_open(path, 4, pool, &model, &err), err);
    sound_tone loud = {.seconds = 0.2, .hz = 400, .rate_hz = 22050, .peak = 0.8, .n_channels = 1};
    sound_tone quiet = loud;
    quiet.peak = 0.08;
    paths[0] = sound_write_tone(&arena, folder, "loud.wav", loud);
    paths[1] = sound_write_tone(&arena, folder, "quiet.wav", quiet);
    TEST_OK(listen(pool, &heard), err);
    ck_assert_double_eq_tol(heard.sound[0].loudness_lufs - heard.sound[1].loudness_lufs, 20, 0.01);
    ck_assert_double_eq_tol(heard.sound[0].pitch_hz, 400, 4);
    infer_classify_job job = {
        .model = model, .paths = paths, .n = N_FILES, .handler = keep_result, .context = &again};
    TEST_OK(infer_classify_files(&job, &err), err);
    ck_assert_mem_eq(heard.probability, again.probability, sizeof heard.probability);
    teardown();
}
END_TEST

START_TEST(threads_do_not_matter) {
    setup(1);
    TEST_OK(listen(pool, &heard), err);
    TEST_OK(listen(NULL, &again), err);
    ck_assert_mem_eq(heard.probability, again.probability, sizeof heard.probability);
    ck_assert_mem_eq(heard.embedding, again.embedding, sizeof heard.embedding);
    for (int i = 0; i < N_FILES; i++) {
        const double *a = &heard.sound[i].pitch_hz, *b = &again.sound[i].pitch_hz;
        ck_assert_mem_eq(a, b, sizeof *a);
    }
    teardown();
}
END_TEST

static bool always(void) {
    return true;
}

START_TEST(it_stops_when_asked_to) {
    setup(1);
    heard.stop_after = 3;
    ck_assert_int_eq(listen(pool, &heard), BASE_ESTOPPED);
    ck_assert_int_eq(heard.n, 3);
    library_listen_job job = {.model = model,
                              .paths = paths,
                              .n = N_FILES,
                              .stopped = always,
                              .handler = keep,
                              .context = &again};
    ck_assert_int_eq(library_listen(&job, &err), BASE_ESTOPPED);
    ck_assert_int_eq(again.n, 0);
    teardown();
}
END_TEST

START_TEST(what_was_not_asked_for_is_none) {
    setup(1);
    library_listen_job job = {
        .model = model, .paths = paths, .n = 1, .handler = keep, .context = &heard};
    TEST_OK(library_listen(&job, &err), err);
    ck_assert(isnan(heard.sound[0].pitch_hz) && isnan(heard.sound[0].loudness_lufs));
    ck_assert_str_eq(library_class_name(model, 0), "kick");
    ck_assert_str_eq(library_class_name(model, INFER_UNKNOWN), "unknown");
    teardown();
}
END_TEST

TEST_MAIN("infer/library/sounds", probabilities_are_those_of_classify,
          the_rest_is_what_others_make_of_the_same_sounds, levels_are_kept_for_the_measures_alone,
          threads_do_not_matter, it_stops_when_asked_to, what_was_not_asked_for_is_none)
