/* The model that a run leaves behind, by train.final and train.result. */
#include <stdio.h>

#include "base/file.h"
#include "base/h5.h"
#include "tests/program.h"
#include "tests/test.h"
#include "train/run.h"

enum { N_CLASSES = 9, N_WEIGHTS = N_CLASSES * 4 }; /* of tiny.yaml's last layer */

static base_error err;
static base_arena arena;

static void read_weights(const char *folder, const char *file, const char *kind, const char *group,
                         float weights[N_WEIGHTS]) {
    base_h5_reader *reader;
    const char *name = base_arena_printf(&arena, "%s/7.weight", group);
    TEST_OK(base_h5_reader_open(base_path_join(&arena, folder, file), kind, 9, NULL, &reader, &err),
            err);
    TEST_OK(base_h5_get(reader, name, BASE_H5_F32, N_WEIGHTS, weights, &err), err);
    base_h5_reader_free(reader);
}

static void train(const char *folder, const char *overrides) {
    program_expect(folder,
                   base_arena_printf(&arena,
                                     "$RIMSHOT train tiny.yaml %s --out run --overwrite --quiet",
                                     overrides),
                   0, NULL);
}

/* Member `member` of the model is what fold `fold` was judged by: after one epoch the best weights
 * are the last ones, averaged as they are evaluated. */
static void expect_fold(const char *folder, int member, int fold) {
    float in_model[N_WEIGHTS], best[N_WEIGHTS], last[N_WEIGHTS];
    read_weights(folder, "run/model.h5", "model",
                 base_arena_printf(&arena, "members/%d/weights", member), in_model);
    read_weights(folder, base_arena_printf(&arena, "run/fold%d/best.h5", fold), "checkpoint",
                 "weights", best);
    read_weights(folder, base_arena_printf(&arena, "run/fold%d/last.h5", fold), "checkpoint",
                 "weights", last);
    ck_assert_mem_eq(in_model, best, sizeof best);
    ck_assert_mem_ne(in_model, last, sizeof last);
}

static int n_members(const char *folder) {
    base_h5_reader *reader;
    const char **names;
    int64_t n;
    TEST_OK(base_h5_reader_open(base_path_join(&arena, folder, "run/model.h5"), "model", 3, NULL,
                                &reader, &err),
            err);
    TEST_OK(base_h5_list(reader, "members", &arena, &names, &n, &err), err);
    base_h5_reader_free(reader);
    return (int)n;
}

static const char *const results[] = {"last", "best"};

START_TEST(an_ensemble_has_the_weights_of_every_fold) {
    const char *folder = test_folder();
    program_fixture(folder, 4);
    for (int r = 0; r < 2; r++) {
        train(folder, base_arena_printf(
                          &arena, "train.epochs=1 train.final=ensemble train.result=%s folds.k=3",
                          results[r]));
        ck_assert_int_eq(n_members(folder), 3);
        for (int i = 0; i < 3; i++) expect_fold(folder, i, i + 1);
    }
    program_expect(folder, "$RIMSHOT evaluate run/model.h5 drums --quiet", 0, NULL);
}
END_TEST

START_TEST(the_best_fold_is_the_most_accurate) {
    const char *folder = test_folder();
    program_fixture(folder, 4);
    for (int r = 0; r < 2; r++) {
        train(folder, base_arena_printf(
                          &arena, "train.epochs=1 train.final=best_fold train.result=%s folds.k=3",
                          results[r]));
        train_run run;
        TEST_OK(train_run_read(base_path_join(&arena, folder, "run"), &run, &err), err);
        int best = 0;
        for (int i = 1; i < 3; i++) {
            bool better =
                run.main.folds[i].metrics.accuracy > run.main.folds[best].metrics.accuracy;
            best = better ? i : best;
        }
        ck_assert_int_eq(n_members(folder), 1);
        expect_fold(folder, 0, best + 1);
        train_run_release(&run);
    }
}
END_TEST

TEST_MAIN("train/final", an_ensemble_has_the_weights_of_every_fold,
          the_best_fold_is_the_most_accurate)
