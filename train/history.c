/* history.csv: one row for each epoch. */
#include <string.h>

#include "base/csv.h"
#include "train/run.h"

enum { EPOCH, N_COLUMNS = 6 };
static const char *const columns[N_COLUMNS] = {"epoch", "lr",       "train_loss",
                                               "loss",  "accuracy", "balanced"};
static const size_t offsets[N_COLUMNS] = {[1] = offsetof(train_epoch, lr),
                                          offsetof(train_epoch, train_loss),
                                          offsetof(train_epoch, loss),
                                          offsetof(train_epoch, accuracy),
                                          offsetof(train_epoch, balanced)};

static double *field(train_epoch *epoch, int column) {
    return (double *)(void *)((char *)epoch + offsets[column]);
}

base_status train_history_write(const train_epoch *epochs, int64_t n, const char *fold_folder,
                                base_error *err) {
    base_text csv = {0};
    for (int c = 0; c < N_COLUMNS; c++) base_text_printf(&csv, "%s%s", c ? "," : "", columns[c]);
    base_text_add(&csv, "\n");
    for (int64_t i = 0; i < n; i++) {
        train_epoch epoch = epochs[i];
        base_text_printf(&csv, "%lld", (long long)epoch.epoch);
        for (int c = EPOCH + 1; c < N_COLUMNS; c++) {
            base_text_add(&csv, ",");
            base_text_add_number(&csv, *field(&epoch, c));
        }
        base_text_add(&csv, "\n");
    }
    base_arena arena = {0};
    const char *path = base_path_join(&arena, fold_folder, "history.csv");
    base_status status = path != NULL
                             ? base_file_write_text(path, &csv, err)
                             : base_fail(err, BASE_EMEMORY, "%s: out of memory", fold_folder);
    base_text_release(&csv);
    base_arena_release(&arena);
    return status;
}

typedef struct {
    base_arena *arena;
    train_fold *fold;
} reader;

static base_status read_row(void *context, const base_csv *row, base_error *err) {
    const reader *in = context;
    train_fold *fold = in->fold;
    if (fold->n_epochs == 0) {
        fold->epochs = base_arena_alloc(in->arena, (size_t)row->most_rows, sizeof *fold->epochs);
    }
    if (fold->epochs == NULL) {
        return base_fail(err, BASE_EMEMORY, "%s: out of memory", row->form->path);
    }
    train_epoch *epoch = &fold->epochs[fold->n_epochs++];
    BASE_TRY(base_csv_int(row, EPOCH, &epoch->epoch, err));
    if (epoch->epoch != fold->n_epochs) {
        return base_csv_fail(row, err, BASE_EFORMAT, "epoch '%s' where %lld should be",
                             base_csv_field(row, EPOCH), (long long)fold->n_epochs);
    }
    for (int c = EPOCH + 1; c < N_COLUMNS; c++) {
        BASE_TRY(base_csv_double(row, c, field(epoch, c), err));
    }
    return BASE_OK;
}

base_status train_history_read(const char *path, base_arena *arena, train_fold *fold,
                               base_error *err) {
    base_csv_form form = {
        .path = path, .columns = columns, .n_columns = N_COLUMNS, .n_needed = N_COLUMNS};
    base_arena scratch = {0};
    base_status status = base_csv_read(&form, &scratch, read_row, &(reader){arena, fold}, err);
    base_arena_release(&scratch);
    return status;
}

static double merit(const train_epoch *epoch, const char *monitor) {
    if (strcmp(monitor, "loss") == 0) return -epoch->loss;
    return strcmp(monitor, "balanced") == 0 ? epoch->balanced : epoch->accuracy;
}

int64_t train_history_best(const train_epoch *epochs, int64_t n, const char *monitor) {
    int64_t best = 0;
    for (int64_t i = 1; i < n; i++) {
        if (merit(&epochs[i], monitor) > merit(&epochs[best], monitor)) best = i;
    }
    return n > 0 ? epochs[best].epoch : 0;
}
