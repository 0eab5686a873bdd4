#include "train/checkpoint.h"

#include <stdio.h>
#include <string.h>

#include "base/h5.h"
#include "nn/weights.h"

enum { VERSION = 2, HISTORY_COLUMNS = 6 };
#define KIND "checkpoint"

static void epoch_to_row(const train_epoch *epoch, double row[HISTORY_COLUMNS]) {
    row[0] = (double)epoch->epoch;
    row[1] = epoch->lr;
    row[2] = epoch->train_loss;
    row[3] = epoch->loss;
    row[4] = epoch->accuracy;
    row[5] = epoch->balanced;
}

static train_epoch epoch_from_row(const double row[HISTORY_COLUMNS]) {
    return (train_epoch){.epoch = (int64_t)row[0],
                         .lr = row[1],
                         .train_loss = row[2],
                         .loss = row[3],
                         .accuracy = row[4],
                         .balanced = row[5]};
}

static base_status put_history(const train_state *state, base_h5_writer *writer, base_error *err) {
    int64_t shape[2] = {state->n_epochs, HISTORY_COLUMNS};
    double *rows = base_alloc((size_t)(state->n_epochs * HISTORY_COLUMNS), sizeof *rows);
    if (rows == NULL) return base_fail(err, BASE_EMEMORY, "checkpoint: out of memory");
    for (int64_t i = 0; i < state->n_epochs; i++) {
        epoch_to_row(&state->epochs[i], rows + i * HISTORY_COLUMNS);
    }
    base_status status = base_h5_put(writer, "history", BASE_H5_F64, 2, shape, rows, err);
    base_free(rows);
    return status;
}

static base_status put_norm(const dsp_features *features, base_h5_writer *writer, base_error *err) {
    int64_t n = dsp_features_norm_size(features);
    if (n == 0) return BASE_OK;
    float *norm = base_alloc((size_t)(2 * n), sizeof *norm);
    if (norm == NULL) return base_fail(err, BASE_EMEMORY, "checkpoint: out of memory");
    dsp_features_get_norm(features, norm, norm + n);
    int64_t shape[2] = {2, n};
    base_status status = base_h5_put(writer, "norm", BASE_H5_F32, 2, shape, norm, err);
    base_free(norm);
    return status;
}

static base_status put_optimizer(const train_state *state, base_h5_writer *writer,
                                 base_error *err) {
    nn_optimizer_vector vectors[3];
    int n = nn_optimizer_vectors(state->optimizer, vectors);
    for (int i = 0; i < n; i++) {
        char name[64];
        snprintf(name, sizeof name, "optimizer/%s", vectors[i].name);
        BASE_TRY(base_h5_put(writer, name, BASE_H5_F32, 1, &vectors[i].n, vectors[i].data, err));
    }
    BASE_TRY(base_h5_put(writer, "optimizer/steps", BASE_H5_I64, 0, NULL,
                         nn_optimizer_steps(state->optimizer), err));
    const nn_schedule *schedule = state->schedule;
    double memory[3] = {schedule->best, schedule->plateau_factor, (double)schedule->bad_epochs};
    int64_t n_memory = 3;
    return base_h5_put(writer, "schedule", BASE_H5_F64, 1, &n_memory, memory, err);
}

base_status train_checkpoint_write(const train_state *state, const char *path, base_error *err) {
    base_h5_writer *writer;
    BASE_TRY(base_h5_writer_new(KIND, VERSION, &writer, err));
    base_status status = base_h5_put_string(writer, "fingerprint", state->fingerprint, err);
    if (status == BASE_OK) {
        status = base_h5_put(writer, "best_epoch", BASE_H5_I64, 0, NULL, &state->best_epoch, err);
    }
    if (status == BASE_OK) status = put_history(state, writer, err);
    if (status == BASE_OK) status = put_norm(state->features, writer, err);
    if (status == BASE_OK) status = nn_weights_write(state->network, writer, "weights", err);
    if (status == BASE_OK && state->optimizer != NULL) status = put_optimizer(state, writer, err);
    if (status == BASE_OK && state->classifier != NULL) {
        status = nn_classifier_write(state->classifier, writer, "classifier", err);
    }
    if (status != BASE_OK) {
        base_h5_writer_free(writer);
        return status;
    }
    return base_h5_writer_finish(writer, path, err);
}

static base_status fail_fingerprint(const char *path, base_error *err) {
    return base_fail(err, BASE_EMISMATCH,
                     "%s: made with another configuration, data, starting weights, fold or build",
                     path);
}

static base_status check_fingerprint(const train_state *state, base_h5_reader *reader,
                                     const char *path, base_error *err) {
    base_arena arena = {0};
    const char *found;
    base_status status = base_h5_get_string(reader, "fingerprint", &arena, &found, err);
    if (status == BASE_OK && strcmp(found, state->fingerprint) != 0) {
        status = fail_fingerprint(path, err);
    }
    base_arena_release(&arena);
    return status;
}

static base_status get_history(train_state *state, base_h5_reader *reader, const char *path,
                               base_error *err) {
    base_arena arena = {0};
    void *rows;
    int64_t n;
    base_status status = base_h5_get_alloc(reader, "history", BASE_H5_F64, &arena, &rows, &n, err);
    if (status == BASE_OK &&
        (n % HISTORY_COLUMNS != 0 || n / HISTORY_COLUMNS > state->max_epochs)) {
        status = base_fail(err, BASE_EFORMAT, "%s: history has %lld numbers", path, (long long)n);
    }
    if (status == BASE_OK && (state->best_epoch < 1 || state->best_epoch > n / HISTORY_COLUMNS)) {
        status = base_fail(err, BASE_EFORMAT, "%s: best epoch %lld of %lld", path,
                           (long long)state->best_epoch, (long long)(n / HISTORY_COLUMNS));
    }
    const double *row = rows;
    for (int64_t i = 0; status == BASE_OK && i < n / HISTORY_COLUMNS; i++, row += HISTORY_COLUMNS) {
        if (row[0] != (double)(i + 1)) {
            status = base_fail(err, BASE_EFORMAT, "%s: epoch %lld of the history is %g", path,
                               (long long)i + 1, row[0]);
        } else {
            state->epochs[i] = epoch_from_row(row);
        }
    }
    if (status == BASE_OK) state->n_epochs = n / HISTORY_COLUMNS;
    base_arena_release(&arena);
    return status;
}

static base_status get_norm(dsp_features *features, base_h5_reader *reader, base_error *err) {
    int64_t n = dsp_features_norm_size(features);
    if (n == 0) return BASE_OK;
    float *norm = base_alloc((size_t)(2 * n), sizeof *norm);
    if (norm == NULL) return base_fail(err, BASE_EMEMORY, "checkpoint: out of memory");
    base_status status = base_h5_get(reader, "norm", BASE_H5_F32, 2 * n, norm, err);
    if (status == BASE_OK) dsp_features_set_norm(features, norm, norm + n);
    base_free(norm);
    return status;
}

static base_status get_schedule(train_state *state, base_h5_reader *reader, const char *path,
                                base_error *err) {
    double memory[3];
    BASE_TRY(base_h5_get(reader, "schedule", BASE_H5_F64, 3, memory, err));
    if (!(memory[2] >= 0 && memory[2] <= (double)state->max_epochs)) {
        return base_fail(err, BASE_EFORMAT, "%s: %g epochs without a better one", path, memory[2]);
    }
    state->schedule->best = memory[0];
    state->schedule->plateau_factor = memory[1];
    state->schedule->bad_epochs = (int64_t)memory[2];
    return BASE_OK;
}

static base_status get_optimizer(train_state *state, base_h5_reader *reader, const char *path,
                                 base_error *err) {
    nn_optimizer_vector vectors[3];
    int n = nn_optimizer_vectors(state->optimizer, vectors);
    for (int i = 0; i < n; i++) {
        char name[64];
        snprintf(name, sizeof name, "optimizer/%s", vectors[i].name);
        BASE_TRY(base_h5_get(reader, name, BASE_H5_F32, vectors[i].n, vectors[i].data, err));
    }
    int64_t n_steps;
    BASE_TRY(base_h5_get(reader, "optimizer/steps", BASE_H5_I64, 1, &n_steps, err));
    if (n_steps < 0) {
        return base_fail(err, BASE_EFORMAT, "%s: %lld steps", path, (long long)n_steps);
    }
    *nn_optimizer_steps(state->optimizer) = n_steps;
    return get_schedule(state, reader, path, err);
}

base_status train_checkpoint_read(train_state *state, const char *path, base_error *err) {
    base_h5_reader *reader;
    BASE_TRY(base_h5_reader_open(path, KIND, VERSION, NULL, &reader, err));
    base_status status = check_fingerprint(state, reader, path, err);
    if (status == BASE_OK) {
        status = base_h5_get(reader, "best_epoch", BASE_H5_I64, 1, &state->best_epoch, err);
    }
    if (status == BASE_OK) status = get_history(state, reader, path, err);
    if (status == BASE_OK) status = get_norm(state->features, reader, err);
    if (status == BASE_OK) status = nn_weights_read(state->network, reader, "weights", err);
    if (status == BASE_OK && state->optimizer != NULL) {
        status = get_optimizer(state, reader, path, err);
    }
    if (status == BASE_OK && state->n_classes > 0) {
        status = nn_classifier_read(reader, "classifier",
                                    nn_shape_count(nn_network_output(state->network)),
                                    state->n_classes, &state->classifier, err);
    }
    base_h5_reader_free(reader);
    return status;
}

static base_status rename_in(base_h5_reader *reader, const char *from, const char *to,
                             base_error *err) {
    base_arena arena = {0};
    const char *found, *path = base_h5_reader_path(reader);
    base_status status = base_h5_get_string(reader, "fingerprint", &arena, &found, err);
    if (status == BASE_OK && strcmp(found, to) != 0) {
        status = strcmp(found, from) == 0 ? base_h5_replace_string(reader, "fingerprint", to, err)
                                          : fail_fingerprint(path, err);
    }
    base_arena_release(&arena);
    return status;
}

base_status train_checkpoint_rename(const char *path, const char *from, const char *to,
                                    base_error *err) {
    base_h5_reader *reader;
    BASE_TRY(base_h5_reader_open(path, KIND, VERSION, NULL, &reader, err));
    base_status status = rename_in(reader, from, to, err);
    base_h5_reader_free(reader);
    return status;
}
