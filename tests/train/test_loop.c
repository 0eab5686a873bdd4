/* What train.* promises of one training, seen in the history it leaves behind. */
#include <math.h>

#include "base/file.h"
#include "base/h5.h"
#include "tests/program.h"
#include "tests/test.h"
#include "train/run.h"

/* One linear layer on features that never change, held still by `lr`: nothing but the loop counts.
 */
#define STILL                                                                                      \
    "$RIMSHOT train tiny.yaml augment=[] 'network=[flatten, {linear: classes}]' train.ema=0 "      \
    "train.final=none folds.k=1 folds.holdout=0.5 --out run --overwrite --quiet --threads 1 "
#define RATE(lr) "'train.optimizer={sgd: {lr: " lr ", momentum: 0}}' "

static base_error err;
static base_arena arena;

static train_fold train(const char *folder, const char *command) {
    train_run run;
    program_expect(folder, command, 0, NULL);
    TEST_OK(train_run_read(base_path_join(&arena, folder, "run"), &run, &err), err);
    train_fold fold = run.main.folds[0];
    train_epoch *epochs = base_arena_alloc(&arena, (size_t)fold.n_epochs, sizeof *epochs);
    memcpy(epochs, fold.epochs, (size_t)fold.n_epochs * sizeof *epochs);
    fold.epochs = epochs;
    train_run_release(&run);
    return fold;
}

static int64_t n_steps(const char *folder) {
    base_h5_reader *reader;
    int64_t n;
    const char *path = base_path_join(&arena, folder, "run/fold1/last.h5");
    TEST_OK(base_h5_reader_open(path, "checkpoint", 2, NULL, &reader, &err), err);
    TEST_OK(base_h5_get(reader, "optimizer/steps", BASE_H5_I64, 1, &n, &err), err);
    base_h5_reader_free(reader);
    return n;
}

START_TEST(patience_ends_a_fold) {
    const char *folder = test_folder();
    program_fixture(folder, 4);
    train_fold fold = train(folder, STILL RATE("0") "train.epochs=9 train.patience=2");
    ck_assert_int_eq(fold.n_epochs, 3);
    ck_assert_int_eq(fold.best_epoch, 1);
    fold = train(folder, STILL RATE("0") "train.epochs=9");
    ck_assert_int_eq(fold.n_epochs, 9);
}
END_TEST

START_TEST(a_plateau_lowers_the_rate) {
    static const double factors[] = {1, 1, 0.5, 0.25};
    const char *folder = test_folder();
    program_fixture(folder, 4);
    train_fold fold =
        train(folder, STILL RATE("1e-30") "train.epochs=4 "
                                          "'train.schedule={plateau: {patience: 0, factor: 0.5}}'");
    ck_assert_int_eq(fold.n_epochs, 4);
    for (int i = 0; i < 4; i++) {
        ck_assert_double_eq_tol(fold.epochs[i].lr / 1e-30, factors[i], 1e-12);
    }
}
END_TEST

/* Two micro-batches of 4 are one batch of 8, whatever weighs the loss. */
START_TEST(micro_batches_add_up) {
    static const char *const losses[] = {"train.balance=weights 'train.loss={cross_entropy: 0.2}'",
                                         "train.balance=weights train.loss=binary_cross_entropy",
                                         "train.balance=draws"};
    const char *folder = test_folder();
    program_fixture(folder, 4);
    for (size_t i = 0; i < sizeof losses / sizeof *losses; i++) {
        train_fold whole =
            train(folder, base_arena_printf(&arena,
                                            STILL RATE("0.01") "train.epochs=2 train.batch=8 "
                                                               "train.steps=3 %s",
                                            losses[i]));
        ck_assert_int_eq(n_steps(folder), 6);
        train_fold parts = train(
            folder, base_arena_printf(&arena,
                                      STILL RATE("0.01") "train.epochs=2 train.batch=4 "
                                                         "train.steps=6 train.accumulate=2 %s",
                                      losses[i]));
        ck_assert_int_eq(n_steps(folder), 6);
        for (int e = 0; e < 2; e++) {
            double a = whole.epochs[e].train_loss, b = parts.epochs[e].train_loss;
            ck_assert_msg(fabs(a - b) <= 1e-5 * fabs(a), "%s: epoch %d: %.9g, %.9g", losses[i],
                          e + 1, a, b);
        }
        ck_assert_double_ne(whole.epochs[0].train_loss, whole.epochs[1].train_loss);
    }
}
END_TEST

START_TEST(steps_that_do_not_fill_the_last_one_count) {
    const char *folder = test_folder();
    program_fixture(folder, 4);
    train(folder, STILL RATE("0.01") "train.epochs=2 train.steps=5 train.accumulate=3");
    ck_assert_int_eq(n_steps(folder), 4);
}
END_TEST

/* And does so again where it is taken up. */
START_TEST(a_training_that_runs_away_says_so) {
    static const char part[] = "run/fold1: epoch 3 gave a loss that is not a finite number";
    const char *folder = test_folder();
    program_fixture(folder, 4);
    program_expect(folder,
                   STILL "'train.optimizer={sgd: {lr: 1000, weight_decay: 1000}}' train.epochs=99",
                   1, part);
    program_expect(folder, "$RIMSHOT train run/config.yaml --out run --resume --quiet", 1, part);
}
END_TEST

TEST_MAIN("train/loop", patience_ends_a_fold, a_plateau_lowers_the_rate, micro_batches_add_up,
          steps_that_do_not_fill_the_last_one_count, a_training_that_runs_away_says_so)
