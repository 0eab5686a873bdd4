/* train.distill: targets from a model, in the library and in runs. */
#include "train/teacher.h"

#include <math.h>
#include <string.h>

#include "tests/program.h"
#include "tests/test.h"

static base_error err;
static base_arena arena;

/* A model that teaches, of two folds' networks, as the program trains it. */
static const char *fixture(void) {
    const char *folder = test_folder();
    program_fixture(folder, 4);
    program_expect(folder,
                   "$RIMSHOT train tiny.yaml train.seed=9 train.epochs=6 train.final=ensemble "
                   "--out first --quiet",
                   0, NULL);
    return folder;
}

enum { CLASSES = 9, BATCH = 5 };

/* The classes of the model, backwards. */
static void reverse_classes(const infer_model *model, const char *classes[CLASSES]) {
    ck_assert_int_eq(infer_model_n_classes(model), CLASSES);
    for (int c = 0; c < CLASSES; c++) classes[c] = infer_model_class(model, CLASSES - 1 - c);
}

/* Decaying noise, of another length for each clip. */
static void make_sound(data_audio *clip, int number, int64_t n_samples) {
    base_rng rng = base_rng_open(3, BASE_RNG_TEST, (uint64_t)number, 0);
    clip->n_channels = 1;
    clip->n = n_samples / (number + 1);
    clip->sample_rate_hz = 8000;
    for (int64_t i = 0; i < clip->n; i++) {
        clip->x[i] = (float)(exp(-0.002 * (double)(i * number)) * base_rng_range(&rng, -1, 1));
    }
}

START_TEST(targets_are_blended_with_what_the_model_says) {
    const double share = 0.25;
    const char *path = base_path_join(&arena, fixture(), "first/model.h5");
    infer_model *model;
    TEST_OK(infer_model_open(path, BATCH, NULL, &model, &err), err);
    const char *classes[CLASSES];
    reverse_classes(model, classes);
    const data_audio_options *audio = infer_model_audio(model);
    train_student student = {.path = path,
                             .share = share,
                             .audio = audio,
                             .classes = classes,
                             .n_classes = CLASSES,
                             .max_batch = BATCH};
    train_teacher *teacher;
    TEST_OK(train_teacher_open(&student, &teacher, &err), err);
    data_audio *heard = train_teacher_heard(teacher);
    float target[BATCH * CLASSES] = {0}, said[BATCH * CLASSES];
    for (int i = 0; i < BATCH; i++) {
        make_sound(&heard[i], i, data_audio_samples(audio));
        target[i * CLASSES + i] = 1;
    }
    TEST_OK(infer_model_classify(model, heard, BATCH, said, &err), err);
    TEST_OK(train_teacher_blend(teacher, BATCH, target, &err), err);
    for (int i = 0; i < BATCH; i++) {
        for (int c = 0; c < CLASSES; c++) {
            double label = c == i,
                   expected = (1 - share) * label + share * said[i * CLASSES + CLASSES - 1 - c];
            ck_assert_double_eq_tol(target[i * CLASSES + c], expected, 1e-7);
        }
    }
    train_teacher_free(teacher);
    infer_model_free(model);
}
END_TEST

#define SECOND "$RIMSHOT train tiny.yaml --out run --overwrite --quiet "
#define TAUGHT "'train.distill={model: first/model.h5, share: %s}' "

/* A share of 0 leaves the labels, every other share gives other weights; each the same bits for any
 * number of threads, and from the run folder alone. */
START_TEST(runs_are_taught) {
    const char *folder = fixture();
    program_expect(folder, "$RIMSHOT train tiny.yaml --out plain --quiet", 0, NULL);
    program_expect(folder, base_arena_printf(&arena, SECOND TAUGHT, "0"), 0, NULL);
    program_expect(folder, "h5diff plain/model.h5 run/model.h5 /members", 0, NULL);
    program_expect(folder, base_arena_printf(&arena, SECOND TAUGHT "--threads 1", "0.5"), 0, NULL);
    program_expect(folder, "h5diff plain/model.h5 run/model.h5 /members", 1, NULL);
    program_expect(folder, "mv run one", 0, NULL);
    program_expect(folder, base_arena_printf(&arena, SECOND TAUGHT "--threads 3", "0.5"), 0, NULL);
    program_expect(folder, "cmp one/model.h5 run/model.h5 && rm -r first", 0, NULL);
    program_expect(folder,
                   "$RIMSHOT train one/config.yaml --out run --overwrite --quiet && cmp "
                   "one/model.h5 run/model.h5 && cmp one/facts.json run/facts.json",
                   0, NULL);
}
END_TEST

START_TEST(another_teacher_is_another_run) {
    const char *folder = fixture();
    const char *taught = base_arena_printf(&arena, TAUGHT, "1");
    program_expect(folder, base_arena_printf(&arena, SECOND "%s", taught), 0, NULL);
    program_expect(folder, "$RIMSHOT train tiny.yaml train.seed=3 --out first --overwrite --quiet",
                   0, NULL);
    program_expect(
        folder,
        base_arena_printf(&arena, "$RIMSHOT train tiny.yaml --out run --resume --quiet %s", taught),
        1, "the teacher or the program have changed");
}
END_TEST

START_TEST(a_teacher_that_does_not_fit_is_refused) {
    static const struct {
        const char *more, *complaint;
    } cases[] = {
        {"'train.distill={model: none.h5}'", "none.h5"},
        {"'train.distill={model: tiny.yaml}'", "tiny.yaml"},
        {"'train.distill={share: 0.5}'", "'model' is missing"},
        {"'train.distill={model: first/model.h5, share: 2}'", "share"},
        {"'train.distill={model: first/model.h5}' audio.seconds=0.5",
         "first/model.h5 takes 0.25 s, 8000 Hz, channels 1; audio here is 0.5 s"},
        {"'train.distill={model: first/model.h5}' 'dataset.classes=[kick, snare]'",
         "first/model.h5 has 9 classes, the data 2"},
        {"'train.distill={model: first/model.h5}' 'dataset={source: synth, per_class: 4}'",
         "does not know the class"},
        {"'train.distill={model: first/model.h5}' 'network=[flatten]' classifier=nearest",
         "goes with a network that is trained"},
    };
    const char *folder = fixture();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        program_end end =
            program_run(folder, base_arena_printf(&arena, SECOND "%s", cases[i].more));
        ck_assert_msg(end.code == 1 || end.code == 2, "%s: %d", cases[i].more, end.code);
        ck_assert_msg(strstr(end.err, cases[i].complaint), "%s: %s", cases[i].more, end.err);
    }
    program_expect(folder, "test ! -e run", 0, NULL);
}
END_TEST

TEST_MAIN("train/teacher", targets_are_blended_with_what_the_model_says, runs_are_taught,
          another_teacher_is_another_run, a_teacher_that_does_not_fit_is_refused)
