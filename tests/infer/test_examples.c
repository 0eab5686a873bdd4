/* The examples, built outside the tree against the installed library, give what the program
 * gives. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "infer/classify.h"
#include "tests/model_make.h"
#include "tests/sound.h"
#include "tests/test.h"

enum { N_SOUNDS = 3 };

/* A library made for a sanitizer needs programs that are. */
#if defined(__SANITIZE_ADDRESS__)
#define FLAGS "-fsanitize=address,undefined"
#elif defined(__SANITIZE_THREAD__)
#define FLAGS "-fsanitize=thread"
#else
#define FLAGS ""
#endif

static const char *read_text(base_arena *arena, const char *folder, const char *name) {
    base_error err;
    void *text;
    size_t n;
    TEST_OK(base_file_read(base_path_join(arena, folder, name), 0, &text, &n, &err), err);
    const char *copy = base_arena_string(arena, text);
    base_free(text);
    return copy;
}

/* The example's line for a sound: "path<tab>class probability<tab>...". */
static bool check_line(void *context, const infer_result *result) {
    static const char *const classes[MODEL_MAKE_CLASSES] = {"kick", "snare", "hat"};
    const char *line = strstr(context, result->path);
    ck_assert_ptr_nonnull(line);
    for (int c = 0; c < MODEL_MAKE_CLASSES; c++) {
        char label[32];
        snprintf(label, sizeof label, "\t%s ", classes[c]);
        const char *found = strstr(line, label);
        ck_assert_ptr_nonnull(found);
        ck_assert_double_eq_tol(strtod(found + strlen(label), NULL), result->probability[c], 1e-4);
    }
    return true;
}

static void check_probabilities(const char *model_path, const char *const *sounds,
                                const char *output) {
    base_error err;
    infer_model *model;
    TEST_OK(infer_model_open(model_path, 16, NULL, &model, &err), err);
    infer_classify_job job = {.model = model,
                              .paths = sounds,
                              .n = N_SOUNDS,
                              .handler = check_line,
                              .context = (void *)output};
    TEST_OK(infer_classify_files(&job, &err), err);
    infer_model_free(model);
}

/* The folder this program was built into. */
static char *build_folder(base_arena *arena) {
    char path[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    ck_assert(n > 0);
    path[n] = '\0';
    for (int i = 0; i < 3; i++) *strrchr(path, '/') = '\0';
    return base_arena_string(arena, path);
}

START_TEST(examples_build_elsewhere_and_agree) {
    base_arena arena = {0};
    const char *work = test_folder(), *sounds[N_SOUNDS];
    const char *model = base_path_join(&arena, work, "model.h5");
    model_make(model, 2);
    for (int i = 0; i < N_SOUNDS; i++) {
        char name[32];
        snprintf(name, sizeof name, "hit %d.wav", i);
        sound_tone tone = {.seconds = 0.2 + 0.1 * i,
                           .hz = 90 + 400 * i,
                           .rate_hz = i == 1 ? 48000 : 44100,
                           .peak = 0.5,
                           .n_channels = 1 + i % 2};
        sounds[i] = sound_write_tone(&arena, work, name, tone);
    }
    char *command =
        base_arena_printf(&arena, "sh '%s' '%s' '%s' '%s' '" FLAGS "' '%s' '%s' '%s' '%s'",
                          test_path("infer/examples.sh"), test_path(".."), build_folder(&arena),
                          work, model, sounds[0], sounds[1], sounds[2]);
    ck_assert_int_eq(system(command), 0);
    check_probabilities(model, sounds, read_text(&arena, work, "shared"));
    check_probabilities(model, sounds, read_text(&arena, work, "static"));
    ck_assert_int_eq(strncmp(read_text(&arena, work, "nearest"), "1.0000\t", 7), 0);
    ck_assert_ptr_nonnull(strstr(read_text(&arena, work, "log_mel"), ","));
    base_arena_release(&arena);
}
END_TEST

TEST_MAIN("infer/examples", examples_build_elsewhere_and_agree)
