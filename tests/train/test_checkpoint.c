#include <string.h>

#include "base/file.h"
#include "tests/test.h"
#include "train/checkpoint.h"
#include "train/experiment.h"

static const char text[] =
    "name: a\ndataset: {source: synth}\n"
    "features: {n_mels: 8, n_fft: 4096, hop: 4096}\n"
    "network: [conv2d: {out: 2, kernel: 3}, batch_norm, flatten, linear: classes]\n"
    "train: {epochs: 4, batch: 3, schedule: plateau, ema: 0.9}\n";

/* A training's state, with invented numbers in it. */
typedef struct {
    train_config config;
    train_state state;
    nn_schedule schedule;
    train_epoch epochs[4];
} fixture;

static void set_up(fixture *f, uint64_t seed) {
    base_error err;
    memset(f, 0, sizeof *f);
    TEST_OK(train_config_parse(text, "a.yaml", &f->config, &err), err);
    TEST_OK(train_network_new(
                &(train_network_plan){
                    .config = &f->config, .n_classes = 3, .max_batch = 3, .training = true},
                &f->state.network, &f->state.features, &err),
            err);
    nn_network_init(f->state.network, seed);
    TEST_OK(nn_optimizer_new(f->state.network, f->config.train.optimizer,
                             &f->config.train.optimizer_options, 0.9, &f->state.optimizer, &err),
            err);
    f->state.schedule = &f->schedule;
    f->state.epochs = f->epochs;
    f->state.max_epochs = 4;
    f->state.fingerprint = "0123";
}

static void set_gradients(nn_network *network) {
    for (int t = 0; t < nn_network_n_tensors(network); t++) {
        nn_tensor tensor = nn_network_tensor(network, t);
        int64_t n = tensor.grad ? nn_shape_count(tensor.shape) : 0;
        for (int64_t i = 0; i < n; i++) tensor.grad[i] = 0.01F * (float)(i % 7 - 3);
    }
}

static void invent(fixture *f) {
    float offset[8], scale[8];
    for (int i = 0; i < 8; i++) {
        offset[i] = (float)i;
        scale[i] = 1 + (float)i;
    }
    dsp_features_set_norm(f->state.features, offset, scale);
    for (int step = 0; step < 3; step++) {
        set_gradients(f->state.network);
        nn_optimizer_step(f->state.optimizer, 1e-2);
    }
    f->schedule.best = 0.25;
    f->schedule.plateau_factor = 0.1;
    f->schedule.bad_epochs = 2;
    f->state.n_epochs = 2;
    f->state.best_epoch = 1;
    f->epochs[0] = (train_epoch){1, 1e-3, 0.7, 0.6, 0.9, 0.8};
    f->epochs[1] = (train_epoch){2, 1e-4, 0.5, 1.0 / 3, 0.95, 0.85};
}

static void tear_down(fixture *f) {
    nn_optimizer_free(f->state.optimizer);
    nn_network_free(f->state.network);
    dsp_features_free(f->state.features);
    train_config_release(&f->config);
}

static const char *path_in_folder(base_arena *arena, const char *name) {
    return base_path_join(arena, test_folder(), name);
}

static void expect_same(fixture *a, fixture *b) {
    int64_t n;
    const float *x = nn_network_params(a->state.network, &n),
                *y = nn_network_params(b->state.network, NULL);
    ck_assert_mem_eq(x, y, (size_t)n * sizeof *x);
    nn_optimizer_vector u[3], v[3];
    int n_vectors = nn_optimizer_vectors(a->state.optimizer, u);
    ck_assert_int_eq(n_vectors, nn_optimizer_vectors(b->state.optimizer, v));
    for (int i = 0; i < n_vectors; i++) {
        ck_assert_mem_eq(u[i].data, v[i].data, (size_t)u[i].n * sizeof(float));
    }
    ck_assert_int_eq(*nn_optimizer_steps(a->state.optimizer),
                     *nn_optimizer_steps(b->state.optimizer));
    ck_assert_mem_eq(a->epochs, b->epochs, 2 * sizeof *a->epochs);
    ck_assert_int_eq(b->state.n_epochs, 2);
    ck_assert_int_eq(b->state.best_epoch, 1);
    ck_assert_double_eq(b->schedule.best, 0.25);
    ck_assert_double_eq(b->schedule.plateau_factor, 0.1);
    ck_assert_int_eq(b->schedule.bad_epochs, 2);
    float norm[16];
    dsp_features_get_norm(b->state.features, norm, norm + 8);
    ck_assert_float_eq(norm[3], 3);
    ck_assert_float_eq(norm[8 + 3], 4);
}

START_TEST(everything_comes_back) {
    base_arena arena = {0};
    base_error err;
    fixture a, b;
    set_up(&a, 1);
    invent(&a);
    const char *path = path_in_folder(&arena, "last.h5");
    TEST_OK(train_checkpoint_write(&a.state, path, &err), err);
    set_up(&b, 2);
    TEST_OK(train_checkpoint_read(&b.state, path, &err), err);
    expect_same(&a, &b);
    tear_down(&a);
    tear_down(&b);
    base_arena_release(&arena);
}
END_TEST

START_TEST(equal_states_give_equal_bytes) {
    base_arena arena = {0};
    base_error err;
    void *bytes[2];
    size_t n[2];
    for (int i = 0; i < 2; i++) {
        fixture f;
        set_up(&f, 1);
        invent(&f);
        const char *path = path_in_folder(&arena, i ? "x.h5" : "y.h5");
        TEST_OK(train_checkpoint_write(&f.state, path, &err), err);
        TEST_OK(base_file_read(path, 0, &bytes[i], &n[i], &err), err);
        tear_down(&f);
    }
    ck_assert_uint_eq(n[0], n[1]);
    ck_assert_mem_eq(bytes[0], bytes[1], n[0]);
    base_free(bytes[0]);
    base_free(bytes[1]);
    base_arena_release(&arena);
}
END_TEST

START_TEST(refuses_what_belongs_elsewhere) {
    base_arena arena = {0};
    base_error err;
    fixture f;
    set_up(&f, 1);
    invent(&f);
    const char *path = path_in_folder(&arena, "z.h5");
    TEST_OK(train_checkpoint_write(&f.state, path, &err), err);
    f.state.fingerprint = "4567";
    TEST_FAILS(train_checkpoint_read(&f.state, path, &err), BASE_EMISMATCH, err, "z.h5");
    f.state.fingerprint = "0123";
    f.state.max_epochs = 1;
    TEST_FAILS(train_checkpoint_read(&f.state, path, &err), BASE_EFORMAT, err, "z.h5");
    f.state.max_epochs = 4;
    f.state.best_epoch = 3; /* of two */
    TEST_OK(train_checkpoint_write(&f.state, path, &err), err);
    TEST_FAILS(train_checkpoint_read(&f.state, path, &err), BASE_EFORMAT, err, "best epoch 3");
    void *bytes;
    size_t n;
    TEST_OK(base_file_read(path, 0, &bytes, &n, &err), err);
    TEST_OK(base_file_write(path, bytes, n / 2, &err), err);
    TEST_FAILS(train_checkpoint_read(&f.state, path, &err), BASE_EDIGEST, err, "z.h5");
    base_free(bytes);
    tear_down(&f);
    base_arena_release(&arena);
}
END_TEST

/* Writes a state with one thing changed, which is then refused with `part`. */
static void expect_refused(fixture *f, const char *part) {
    base_arena arena = {0};
    base_error err;
    const char *path = path_in_folder(&arena, "wrong.h5");
    TEST_OK(train_checkpoint_write(&f->state, path, &err), err);
    TEST_FAILS(train_checkpoint_read(&f->state, path, &err), BASE_EFORMAT, err, part);
    tear_down(f);
    set_up(f, 1);
    invent(f);
    base_arena_release(&arena);
}

START_TEST(refuses_counts_that_cannot_be) {
    fixture f;
    set_up(&f, 1);
    invent(&f);
    f.epochs[1].epoch = 7;
    expect_refused(&f, "wrong.h5: epoch 2 of the history is 7");
    f.schedule.bad_epochs = -1;
    expect_refused(&f, "wrong.h5: -1 epochs without a better one");
    f.schedule.bad_epochs = INT64_MAX;
    expect_refused(&f, "epochs without a better one");
    *nn_optimizer_steps(f.state.optimizer) = -5;
    expect_refused(&f, "wrong.h5: -5 steps");
    tear_down(&f);
}
END_TEST

TEST_MAIN("train/checkpoint", everything_comes_back, equal_states_give_equal_bytes,
          refuses_what_belongs_elsewhere, refuses_counts_that_cannot_be)
