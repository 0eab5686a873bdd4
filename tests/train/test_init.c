/* train.init and train.freeze, seen in the checkpoints of runs. */
#include "train/init.h"

#include <string.h>

#include "base/h5.h"
#include "tests/program.h"
#include "tests/test.h"

static base_error err;
static base_arena arena;

/* A model to start from, as the program trains it. */
static const char *fixture(void) {
    const char *folder = test_folder();
    program_fixture(folder, 4);
    program_expect(folder,
                   "$RIMSHOT train tiny.yaml train.seed=9 folds.k=1 folds.holdout=0.5 --out first "
                   "--quiet",
                   0, NULL);
    program_expect(folder, "$RIMSHOT export first/model.h5 --to npz --out first.npz --quiet", 0,
                   NULL);
    program_expect(folder,
                   "$RIMSHOT export first/model.h5 --to safetensors --out first.safetensors "
                   "--quiet",
                   0, NULL);
    return folder;
}

/* A tensor of a file's group `within`. */
static const float *read_tensor(const char *folder, const char *name, const char *kind,
                                const char *within, const char *tensor, int64_t *n) {
    base_h5_reader *reader;
    void *data;
    const char *path = base_path_join(&arena, folder, name);
    TEST_OK(base_h5_reader_open(path, kind, 9, NULL, &reader, &err), err);
    const char *place = base_arena_printf(&arena, "%s/%s", within, tensor);
    TEST_OK(base_h5_get_alloc(reader, place, BASE_H5_F32, &arena, &data, n, &err), err);
    base_h5_reader_free(reader);
    return data;
}

/* Whether a tensor after one run is what it was in the model first/model.h5. */
static bool is_as_before(const char *folder, const char *checkpoint, const char *tensor,
                         const char *before) {
    int64_t n, n_before;
    const float *now = read_tensor(folder, checkpoint, "checkpoint", "weights", tensor, &n);
    const float *then =
        read_tensor(folder, "first/model.h5", "model", "members/0/weights", before, &n_before);
    ck_assert_int_eq(n, n_before);
    return memcmp(now, then, (size_t)n * sizeof *now) == 0;
}

#define SECOND "$RIMSHOT train tiny.yaml --out run --overwrite "

START_TEST(frozen_layers_keep_the_weights_of_the_file) {
    static const char *const moved[] = {"4.weight_ih_l0", "7.weight", "7.bias"};
    static const char *const kept[] = {"0.weight", "0.bias",         "1.weight",
                                       "1.bias",   "1.running_mean", "1.num_batches_tracked"};
    const char *folder = fixture();
    program_end end = program_expect(
        folder, SECOND "'train.init={weights: first/model.h5}' 'train.freeze=[0, 1]'", 0, NULL);
    ck_assert_msg(strstr(end.err, "train.init: 13 of 13 tensors start from"), "%s", end.err);
    ck_assert_msg(strstr(end.err, "train.freeze: 48 of "), "%s", end.err);
    static const char *const places[] = {"run/fold1/last.h5", "run/fold2/last.h5",
                                         "run/final/last.h5", "run/fold1/best.h5"};
    for (int p = 0; p < 4; p++) {
        for (int i = 0; i < 6; i++) ck_assert(is_as_before(folder, places[p], kept[i], kept[i]));
        for (int i = 0; i < 3; i++) ck_assert(!is_as_before(folder, places[p], moved[i], moved[i]));
    }
}
END_TEST

/* With a learning rate of 0 a run ends with what it started from. */
START_TEST(names_say_what_goes_where) {
    static const char still[] =
        SECOND "--quiet train.ema=0 'train.optimizer={sgd: {lr: 0}}' "
               "'network=[{residual: {body: [{conv2d: {out: 4, kernel: 3, pad: same}}, batch_norm],"
               " shortcut: [{conv2d: {out: 4, kernel: 3, pad: same}}]}, name: stem}, relu, "
               "to_sequence, {gru: {hidden: 4}}, {time_pool: mean}, {linear: classes}]' "
               "'train.init=%s'";
    static const struct {
        const char *init;
        bool body, shortcut, head;
    } cases[] = {
        {"{weights: first.npz, names: {0: stem.body.0, 1: stem.body.1, 4: 3, 7: 5}}", true, false,
         true},
        {"{weights: first.safetensors, only: [stem.body], names: names.yaml}", true, false, false},
        {"{weights: first.npz, prefix: 0, names: {weight: stem.shortcut.0.weight, bias: "
         "stem.shortcut.0.bias}}",
         false, true, false},
        {"{weights: first/model.h5, partial: true, names: {0: stem.body.0, 4: ~, 7: 5}}", true,
         false, true},
    };
    const char *folder = fixture();
    program_write(folder, "names.yaml", "{0: stem.body.0, 1: stem.body.1, 4: 3, 7: 5}\n");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        program_expect(folder, base_arena_printf(&arena, still, cases[i].init), 0, NULL);
        const char *last = "run/fold2/last.h5";
        ck_assert(is_as_before(folder, last, "stem.body.0.weight", "0.weight") == cases[i].body);
        ck_assert(is_as_before(folder, last, "stem.shortcut.0.weight", "0.weight") ==
                  cases[i].shortcut);
        ck_assert(is_as_before(folder, last, "5.weight", "7.weight") == cases[i].head);
    }
    /* The run folder stands alone. */
    program_expect(folder, "rm -r first* names.yaml && mv run old", 0, NULL);
    program_expect(folder,
                   "$RIMSHOT train old/config.yaml --out run --quiet && cmp run/model.h5 "
                   "old/model.h5 && cmp run/facts.json old/facts.json && cmp run/init.h5 "
                   "old/init.h5",
                   0, NULL);
}
END_TEST

START_TEST(what_does_not_fit_is_listed) {
    const char *folder = fixture();
    static const struct {
        const char *more, *complaint;
    } cases[] = {
        {"'train.init={weights: none.npz}'", "none.npz"},
        {"'train.init={weights: tiny.yaml}'", "tiny.yaml"},
        {"'train.init={weights: first.npz}' network[0].conv2d.out=6",
         "in 7 places: another shape: 0.weight is [4,1,3,3], the network needs [6,1,3,3]; another "
         "shape: 0.bias"},
        {"'train.init={weights: first.npz, names: {7: 8}}'", "not in the network: 7.weight"},
        {"'train.init={weights: first.npz, names: {0.bias: ~}}'", "missing: 0.bias"},
        {"'train.init={weights: first.npz, names: {0: ~, 1: ~, 4: ~, 7: ~}}'",
         "none of its tensors"},
        {"'train.init={weights: first.npz, only: [0, stem]}'", "nothing to take for: stem"},
        {"'train.init={weights: first.npz, only: [0]}' 'train.freeze=[0, 1, 4, 7]'",
         "nothing is left to train"},
        {"'train.freeze=[9]'", "no layer to freeze is named '9'"},
        {"'train.init={weight: first.npz}'", "did you mean 'weights'"},
        {"train.init=first.npz", "map of options"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        program_end end =
            program_run(folder, base_arena_printf(&arena, SECOND "%s", cases[i].more));
        ck_assert_msg(end.code == 1 || end.code == 2, "%s: %d", cases[i].more, end.code);
        ck_assert_msg(strstr(end.err, cases[i].complaint), "%s: %s", cases[i].more, end.err);
    }
    program_expect(folder, "test ! -e run", 0, NULL);
}
END_TEST

START_TEST(other_weights_are_another_run) {
    const char *folder = fixture();
    program_expect(folder, SECOND "--quiet 'train.init={weights: first.npz}'", 0, NULL);
    program_expect(
        folder,
        "$RIMSHOT train tiny.yaml train.seed=3 folds.k=1 --out first --overwrite --quiet "
        "&& $RIMSHOT export first/model.h5 --to npz --out first.npz --quiet",
        0, NULL);
    program_expect(folder,
                   "$RIMSHOT train tiny.yaml --out run --resume --quiet 'train.init={weights: "
                   "first.npz}'",
                   1, "the starting weights or the program have changed");
}
END_TEST

TEST_MAIN("train/init", frozen_layers_keep_the_weights_of_the_file, names_say_what_goes_where,
          what_does_not_fit_is_listed, other_weights_are_another_run)
