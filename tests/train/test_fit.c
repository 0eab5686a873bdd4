/* Configurations with a classifier: what a run with one leaves behind, and what it refuses. */
#include "train/fit.h"

#include <math.h>
#include <stdio.h>

#include "base/file.h"
#include "infer/model.h"
#include "nn/kernels/gemm.h"
#include "tests/program.h"
#include "tests/test.h"

static base_error err;
static base_arena arena;

/* One of each kind, small. */
static const char *const kinds[] = {"random_forest: 9",
                                    "adaboost: {rounds: 5, max_depth: 2}",
                                    "logistic_regression: 1",
                                    "linear_svm: 1",
                                    "svm: {c: 3}",
                                    "nearest: {k: 3, weights: distance}"};
enum { N_KINDS = sizeof kinds / sizeof *kinds };

#define FIT(network) "$RIMSHOT train fit.yaml 'network=" network "' "

static const char fit_yaml[] = "name: fit\n"
                               "dataset: {source: folder, path: drums}\n"
                               "audio: {sample_rate: 8000, seconds: 0.25}\n"
                               "features: {kind: log_mel, n_fft: 256, hop: 256, n_mels: 8}\n"
                               "network: [flatten]\n"
                               "train: {batch: 8}\n"
                               "folds: {k: 2}\n";

#define ENCODER                                                                                    \
    "[{conv2d: {out: 4, kernel: 3, pad: same}}, batch_norm, relu, to_sequence, {gru: {hidden: "    \
    "4}}, {time_pool: mean}]"

static const char *fixture(void) {
    const char *folder = test_folder();
    program_fixture(folder, 4);
    program_write(folder, "fit.yaml", fit_yaml);
    return folder;
}

static void fit_run(const char *folder, const char *kind, const char *network, const char *more) {
    program_expect(folder,
                   base_arena_printf(&arena,
                                     "$RIMSHOT train fit.yaml 'classifier={%s}' 'network=%s' "
                                     "--quiet %s",
                                     kind, network, more),
                   0, NULL);
}

static void same_run(const char *folder, const char *a, const char *b) {
    program_end end = program_run(folder, base_arena_printf(&arena, "diff -r %s %s", a, b));
    ck_assert_msg(end.code == 0, "%s", end.out);
}

/* ---- the model ---- */

static void load_clips(const char *folder, const infer_model *model, const train_fold *fold,
                       data_audio *clips) {
    for (int64_t i = 0; i < fold->predictions.n; i++) {
        data_audio sound = {0};
        const char *path = base_path_join(&arena, folder, fold->predictions.clip[i].path);
        TEST_OK(data_audio_read(path, NULL, &sound, &err), err);
        TEST_OK(data_clip_prepare(&sound, infer_model_audio(model), &clips[i], &err), err);
        data_audio_release(&sound);
    }
}

/* One row at a temperature: softmax of ln p / T. */
static void temper(const float *p, int n, double temperature, float *tempered) {
    double sum = 0;
    for (int c = 0; c < n; c++) sum += pow(p[c], 1 / temperature);
    for (int c = 0; c < n; c++) tempered[c] = (float)(pow(p[c], 1 / temperature) / sum);
}

/* The best fold's model on the clips which that fold was tested with. */
static void expect_model_gives_what_the_fold_gave(const char *folder) {
    train_run run;
    infer_model *model;
    TEST_OK(train_run_read(base_path_join(&arena, folder, "run"), &run, &err), err);
    int best = run.main.folds[1].metrics.accuracy > run.main.folds[0].metrics.accuracy;
    const train_fold *fold = &run.main.folds[best];
    ck_assert_int_eq(fold->n_epochs, 1);
    ck_assert(isnan(fold->epochs[0].train_loss));
    const char *path = base_path_join(&arena, folder, "run/model.h5");
    TEST_OK(infer_model_open(path, 8, NULL, &model, &err), err);
    int n_classes = infer_model_n_classes(model);
    size_t n_floats = (size_t)(fold->predictions.n * n_classes);
    data_audio *clips = base_arena_alloc(&arena, (size_t)fold->predictions.n, sizeof *clips);
    float *got = base_arena_alloc(&arena, n_floats, sizeof *got);
    float *expected = base_arena_alloc(&arena, n_floats, sizeof *expected);
    load_clips(folder, model, fold, clips);
    TEST_OK(infer_model_classify(model, clips, fold->predictions.n, got, &err), err);
    for (int64_t i = 0; i < fold->predictions.n; i++) {
        temper(fold->predictions.probability + i * n_classes, n_classes,
               infer_model_temperature(model), expected + i * n_classes);
        data_audio_release(&clips[i]);
    }
    test_close("probabilities", got, expected, (int64_t)n_floats, 1e-4, 1e-6);
    infer_model_free(model);
    train_run_release(&run);
}

START_TEST(every_kind_leaves_a_model_that_gives_what_its_fold_gave) {
    const char *folder = fixture();
    nn_blas_setup();
    for (int i = 0; i < N_KINDS; i++) {
        fit_run(folder, kinds[i], "[flatten]", "train.final=best_fold --out run --overwrite");
        expect_model_gives_what_the_fold_gave(folder);
    }
    fit_run(folder, kinds[2], ENCODER, "train.final=best_fold --out run --overwrite");
    expect_model_gives_what_the_fold_gave(folder);
    program_expect(folder,
                   "test ! -e run/curves.png && ! grep -q 'Loss and' run/report.html && grep -q "
                   "'conv2d, gru, logistic_regression' run/facts.json",
                   0, NULL);
}
END_TEST

START_TEST(threads_and_parallel_folds_do_not_matter) {
    static const char *const flags[] = {"--threads 1", "--threads 2 --parallel-folds 2",
                                        "--threads 3"};
    const char *folder = fixture();
    for (int i = 0; i <= N_KINDS; i++) {
        for (int f = 0; f < 3; f++) {
            fit_run(folder, kinds[i % N_KINDS], i < N_KINDS ? "[flatten]" : ENCODER,
                    base_arena_printf(&arena, "%s --out run%d --overwrite", flags[f], f));
        }
        same_run(folder, "run0", "run1");
        same_run(folder, "run0", "run2");
    }
    /* The run folder stands alone. */
    program_expect(folder, "$RIMSHOT train run0/config.yaml --out again --quiet", 0, NULL);
    same_run(folder, "run0", "again");
}
END_TEST

/* Left where it could have been killed: before a fold, after a fit, before the end. */
START_TEST(a_resumed_run_ends_with_the_same_bytes) {
    static const char *const losses[] = {"fold2 final model.h5 report.html summary.json",
                                         "fold1/predictions.csv fold2/history.csv model.h5",
                                         "final/last.h5"};
    const char *folder = fixture();
    for (int k = 0; k < N_KINDS; k++) {
        fit_run(folder, kinds[k], ENCODER, "--out whole --overwrite");
        program_expect(folder,
                       base_arena_printf(&arena,
                                         "rm -rf hurt && cp -r whole hurt && cd hurt && rm -r %s",
                                         losses[k % 3]),
                       0, NULL);
        fit_run(folder, kinds[k], ENCODER, "--out hurt --resume");
        same_run(folder, "whole", "hurt");
    }
    program_expect(folder, FIT(ENCODER) "classifier=svm --out whole --resume --quiet", 1,
                   "another configuration");
}
END_TEST

/* What is fitted is taken from the checkpoint: one of another fold is noticed. */
START_TEST(a_checkpoint_of_another_fold_is_refused) {
    const char *folder = fixture();
    fit_run(folder, kinds[2], "[flatten]", "--out run");
    program_expect(folder, "cp run/fold1/last.h5 run/fold2/last.h5", 0, NULL);
    program_expect(folder,
                   FIT("[flatten]") "'classifier={logistic_regression: 1}' --out run --resume "
                                    "--quiet",
                   1, "run/fold2/last.h5");
}
END_TEST

/* ---- passes, classes, held_out sounds ---- */

/* Nearest neighbours keep all rows: 9 classes of 4 clips. */
START_TEST(augmented_passes_join_the_clips) {
    static const struct {
        const char *more, *rows;
    } cases[] = {{"", "36 neighbours"},
                 {"'augment=[{gain: {p: 1, db: [-12, 0]}}]'", "72 neighbours"},
                 {"'augment=[{gain: {p: 1, db: [-12, 0]}}]' train.epochs=3", "144 neighbours"},
                 {"'augment=[]'", "36 neighbours"}};
    const char *folder = fixture();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fit_run(folder, "nearest: 3", "[flatten]",
                base_arena_printf(&arena, "%s --out run --overwrite", cases[i].more));
        program_end end = program_expect(folder, "$RIMSHOT summary run/model.h5", 0, NULL);
        ck_assert_msg(strstr(end.out, cases[i].rows), "%s: %s", cases[i].more, end.out);
    }
    fit_run(folder, "nearest: 3", "[flatten]",
            "'augment=[{gain: {p: 1, db: [-12, 0]}}]' train.epochs=3 --out run2 --threads 3");
    fit_run(folder, "nearest: 3", "[flatten]",
            "'augment=[{gain: {p: 1, db: [-12, 0]}}]' train.epochs=3 --out run3 --threads 1");
    same_run(folder, "run2", "run3");
}
END_TEST

START_TEST(weights_balance_a_classifier) {
    const char *folder = fixture();
    fit_run(folder, kinds[2], "[flatten]", "train.balance=weights --out run");
    program_expect(folder, "grep -q 'class_weight: balanced' run/config.yaml", 0, NULL);
}
END_TEST

START_TEST(an_ensemble_meets_held_out_sounds) {
    const char *folder = fixture();
    fit_run(folder, kinds[0], ENCODER,
            "'dataset=[{source: folder, path: drums}, {source: synth, seed: 9, per_class: 3, "
            "classes: " PROGRAM_CLASSES ", use: test}]' "
            "train.final=ensemble --out run");
    program_expect(folder,
                   "test $(wc -l <run/unseen.csv) = 28 && test $(wc -l <run/fold2/unseen.csv) = 28 "
                   "&& grep -q unseen_by_model run/summary.json",
                   0, NULL);
    program_end end = program_expect(folder, "$RIMSHOT summary run/model.h5", 0, NULL);
    ck_assert_ptr_nonnull(strstr(end.out, "members  2"));
    ck_assert_ptr_nonnull(strstr(end.out, "classifier: random_forest, 9 trees"));
}
END_TEST

/* The embedding of a trained network, its last layer left out. */
START_TEST(first_weights_are_those_of_a_model) {
    const char *folder = fixture();
    program_expect(folder, "$RIMSHOT train tiny.yaml train.epochs=1 folds.k=1 --out net --quiet", 0,
                   NULL);
    fit_run(folder, "nearest: 1", ENCODER,
            "'train.init={weights: net/model.h5, names: {7: ~}}' --out run");
    program_expect(folder,
                   "$RIMSHOT embed net/model.h5 drums --out net.csv --quiet && $RIMSHOT embed "
                   "run/model.h5 drums --out run.csv --quiet && test $(wc -l <run.csv) = 37",
                   0, NULL);
    program_expect(folder, "$RIMSHOT evaluate run/model.h5 drums --quiet", 0, NULL);
    program_expect(folder, "cmp run/init.h5 net/model.h5", 0, NULL);
    /* With weights at random it says so. */
    program_end end = program_expect(
        folder, FIT(ENCODER) "classifier=nearest train.final=none --out random", 0, NULL);
    ck_assert_msg(strstr(end.err, "has random weights and is not trained"), "%s", end.err);
}
END_TEST

START_TEST(what_has_no_meaning_is_refused) {
    static const struct {
        const char *more, *complaint;
    } cases[] = {
        {"classifier=forest", "forest"},
        {"'classifier={svm: {c: -1}}'", "classifier.svm.c"},
        {"classifier=svm train.optimizer=sgd", "train.optimizer: goes with a network that is"},
        {"classifier=svm train.schedule=one_cycle", "train.schedule: goes with"},
        {"classifier=svm train.loss=binary_cross_entropy", "train.loss: goes with"},
        {"classifier=svm train.steps=3", "train.steps: goes with"},
        {"classifier=svm train.ema=0.9", "train.ema: goes with"},
        {"classifier=svm train.mixup=0.2", "train.mixup: goes with"},
        {"classifier=svm train.patience=3", "train.patience: goes with"},
        {"classifier=svm train.result=best", "train.result: goes with"},
        {"classifier=svm train.balance=draws", "train.balance: goes with"},
        {"classifier=svm 'train.freeze=[0]'", "train.freeze: goes with"},
        {"classifier=nearest train.balance=weights", "train.balance: this classifier knows no"},
        {"classifier=svm train.epochs=2", "there is no augment"},
        {"classifier=svm 'network=[relu]'", "a classifier needs one vector per clip"},
        {"classifier=~", "end with 'linear: classes'"},
    };
    const char *folder = fixture();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        program_end end =
            program_run(folder, base_arena_printf(&arena, "$RIMSHOT train fit.yaml --out run %s",
                                                  cases[i].more));
        ck_assert_msg(end.code == 1 || end.code == 2, "%s: %d", cases[i].more, end.code);
        ck_assert_msg(strstr(end.err, cases[i].complaint), "%s: %s", cases[i].more, end.err);
    }
    program_expect(folder, "test ! -e run", 0, NULL);
}
END_TEST

TEST_MAIN("train/fit", every_kind_leaves_a_model_that_gives_what_its_fold_gave,
          threads_and_parallel_folds_do_not_matter, a_resumed_run_ends_with_the_same_bytes,
          a_checkpoint_of_another_fold_is_refused, augmented_passes_join_the_clips,
          weights_balance_a_classifier, an_ensemble_meets_held_out_sounds,
          first_weights_are_those_of_a_model, what_has_no_meaning_is_refused)
