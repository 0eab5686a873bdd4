#include "infer/classify.h"

#include <stdio.h>
#include <sys/stat.h>

#include "base/file.h"
#include "infer/rimshot.h"
#include "tests/model_make.h"
#include "tests/sound.h"
#include "tests/test.h"

enum { N_FILES = 70 }; /* more than are decoded at once */

static base_error err;
static base_arena arena;
static base_pool *pool;

/* What the handler was given. */
typedef struct {
    const char *paths[N_FILES + 1];
    bool failed[N_FILES + 1];
    float probability[N_FILES + 1][MODEL_MAKE_CLASSES];
    int64_t n, stop_after;
} record;

static bool keep(void *context, const infer_result *result) {
    record *kept = context;
    kept->paths[kept->n] = result->path;
    kept->failed[kept->n] = result->error != NULL;
    ck_assert_int_eq(result->status == BASE_OK, result->error == NULL);
    if (result->probability != NULL) {
        const float *p = result->probability;
        memcpy(kept->probability[kept->n], p, sizeof kept->probability[0]);
        for (int c = 0; c < MODEL_MAKE_CLASSES; c++) ck_assert_float_ge(p[result->best], p[c]);
    }
    return ++kept->n != kept->stop_after;
}

static infer_model *open_model(const char *folder) {
    infer_model *model;
    const char *path = base_path_join(&arena, folder, "model.h5");
    model_make(path, 1);
    TEST_OK(base_pool_new(2, &pool, &err), err);
    TEST_OK(infer_model_open(path, 4, pool, &model, &err), err);
    return model;
}

static void close_model(infer_model *model) {
    infer_model_free(model);
    base_pool_free(pool);
}

/* Short tones; number 40 is no sound. */
static void make_files(const char *folder, const char *paths[N_FILES]) {
    for (int i = 0; i < N_FILES; i++) {
        char name[32];
        snprintf(name, sizeof name, "%d.wav", i);
        sound_tone tone = {.seconds = 0.05,
                           .hz = 100 + 40 * i,
                           .rate_hz = MODEL_MAKE_RATE_HZ,
                           .peak = 0.5,
                           .n_channels = 1};
        paths[i] = i == 40 ? sound_write_text(&arena, folder, name, "no sound")
                           : sound_write_tone(&arena, folder, name, tone);
    }
}

static base_status classify(infer_model *model, const char *const *paths, base_pool *with,
                            record *kept) {
    infer_classify_job job = {.model = model,
                              .paths = paths,
                              .n = N_FILES,
                              .pool = with,
                              .handler = keep,
                              .context = kept};
    return infer_classify_files(&job, &err);
}

START_TEST(results_come_in_order_with_failures_among_them) {
    const char *folder = test_folder(), *paths[N_FILES];
    infer_model *model = open_model(folder);
    record kept = {0};
    make_files(folder, paths);
    TEST_OK(classify(model, paths, pool, &kept), err);
    ck_assert_int_eq(kept.n, N_FILES);
    for (int i = 0; i < N_FILES; i++) {
        ck_assert_str_eq(kept.paths[i], paths[i]);
        ck_assert_int_eq(kept.failed[i], i == 40);
    }
    close_model(model);
}
END_TEST

START_TEST(a_file_is_classified_as_its_clip) {
    const char *folder = test_folder(), *paths[N_FILES];
    infer_model *model = open_model(folder);
    record kept = {0};
    float expected[MODEL_MAKE_CLASSES];
    make_files(folder, paths);
    TEST_OK(classify(model, paths, pool, &kept), err);
    for (int i = 0; i < N_FILES; i += 23) {
        data_audio audio, clip;
        TEST_OK(data_audio_read(paths[i], NULL, &audio, &err), err);
        TEST_OK(data_clip_prepare(&audio, infer_model_audio(model), &clip, &err), err);
        TEST_OK(infer_model_classify(model, &clip, 1, expected, &err), err);
        ck_assert_mem_eq(kept.probability[i], expected, sizeof expected);
        data_audio_release(&audio);
        data_audio_release(&clip);
    }
    close_model(model);
}
END_TEST

/* Files backwards, on one thread and in batches of another size, and through the library. */
START_TEST(neighbours_order_and_library_do_not_matter) {
    const char *folder = test_folder(), *paths[N_FILES], *backwards[N_FILES];
    infer_model *model = open_model(folder), *other;
    static record kept, other_kept;
    float outside[MODEL_MAKE_CLASSES];
    rimshot_model *library;
    const char *path = base_path_join(&arena, folder, "model.h5");
    make_files(folder, paths);
    for (int i = 0; i < N_FILES; i++) backwards[i] = paths[N_FILES - 1 - i];
    TEST_OK(infer_model_open(path, 7, NULL, &other, &err), err);
    ck_assert_int_eq(rimshot_open(path, 1, &library, NULL), RIMSHOT_OK);
    TEST_OK(classify(model, paths, pool, &kept), err);
    TEST_OK(classify(other, backwards, NULL, &other_kept), err);
    for (int i = 0; i < N_FILES; i++) {
        if (kept.failed[i]) continue;
        ck_assert_mem_eq(other_kept.probability[N_FILES - 1 - i], kept.probability[i],
                         sizeof outside);
        ck_assert_int_eq(rimshot_classify_file(library, paths[i], outside, NULL), RIMSHOT_OK);
        ck_assert_mem_eq(outside, kept.probability[i], sizeof outside);
    }
    rimshot_close(library);
    infer_model_free(other);
    close_model(model);
}
END_TEST

START_TEST(the_handler_may_stop) {
    const char *folder = test_folder(), *paths[N_FILES];
    infer_model *model = open_model(folder);
    record kept = {.stop_after = 3};
    make_files(folder, paths);
    ck_assert_int_eq(classify(model, paths, pool, &kept), BASE_ESTOPPED);
    ck_assert_int_eq(kept.n, 3);
    close_model(model);
}
END_TEST

START_TEST(folders_are_expanded) {
    const char *folder = test_folder();
    infer_paths paths;
    const char *names[] = {"b/x.wav", "b/a.FLAC", "b/notes.txt", "b/c/y.aiff", "b/.hidden.wav"};
    for (int i = 0; i < 5; i++) sound_write_text(&arena, folder, names[i], "-");
    const char *arguments[] = {"first.wav", base_path_join(&arena, folder, "b"), "-"};
    TEST_OK(infer_expand_paths(arguments, 3, &arena, &paths, &err), err);
    ck_assert_int_eq(paths.n, 5);
    ck_assert_str_eq(paths.items[0], "first.wav");
    ck_assert_str_eq(paths.items[1], base_path_join(&arena, folder, "b/a.FLAC"));
    ck_assert_str_eq(paths.items[2], base_path_join(&arena, folder, "b/c/y.aiff"));
    ck_assert_str_eq(paths.items[3], base_path_join(&arena, folder, "b/x.wav"));
    ck_assert_str_eq(paths.items[4], "-");
    const char *empty = base_path_join(&arena, folder, "empty");
    TEST_OK(base_folder_make(empty, &err), err);
    const char *some[] = {empty, arguments[1]};
    ck_assert_int_eq(mkfifo(base_path_join(&arena, folder, "b/pipe.wav"), 0600), 0);
    TEST_OK(infer_expand_paths(some, 2, &arena, &paths, &err), err);
    ck_assert_int_eq(paths.n, 3); /* the others go on */
    ck_assert_int_eq(paths.n_problems, 2);
    ck_assert_str_eq(paths.problems[0].path, empty);
    ck_assert_int_eq(paths.problems[0].status, BASE_EDATA);
    ck_assert_ptr_nonnull(strstr(paths.problems[0].why, "empty: no audio files below it"));
    ck_assert_ptr_nonnull(strstr(paths.problems[1].why, "b/pipe.wav: a pipe"));
    const char *twice[] = {"-", "first.wav", "-"};
    TEST_FAILS(infer_expand_paths(twice, 3, &arena, &paths, &err), BASE_EUSAGE, err, "only once");
}
END_TEST

TEST_MAIN("infer/classify", results_come_in_order_with_failures_among_them,
          a_file_is_classified_as_its_clip, neighbours_order_and_library_do_not_matter,
          the_handler_may_stop, folders_are_expanded)
