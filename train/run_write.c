#include "train/run.h"

base_status train_history_write(const train_epoch *epochs, int64_t n, const char *fold_folder,
                                base_error *err) {
    base_text csv = {0};
    base_text_add(&csv, "epoch,lr,train_loss,loss,accuracy,balanced\n");
    for (int64_t i = 0; i < n; i++) {
        const train_epoch *e = &epochs[i];
        const double columns[] = {e->lr, e->train_loss, e->loss, e->accuracy, e->balanced};
        base_text_printf(&csv, "%lld", (long long)e->epoch);
        for (size_t c = 0; c < sizeof columns / sizeof *columns; c++) {
            base_text_add(&csv, ",");
            base_text_add_number(&csv, columns[c]);
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

base_status train_rows_write(const train_prediction *predictions, int64_t n,
                             const float *probability, const char *const *classes, int n_classes,
                             const char *path, base_error *err) {
    base_text csv = {0};
    base_text_add(&csv, "path,begin_s,end_s,truth,predicted");
    for (int c = 0; c < n_classes; c++) {
        base_text_add(&csv, ",");
        base_text_add_csv(&csv, classes[c]);
    }
    base_text_add(&csv, "\n");
    for (int64_t i = 0; i < n; i++) {
        const train_prediction *p = &predictions[i];
        base_text_add_csv(&csv, p->path);
        base_text_add(&csv, ",");
        base_text_add_number(&csv, p->begin_s);
        base_text_add(&csv, ",");
        base_text_add_number(&csv, p->end_s);
        base_text_add(&csv, ",");
        base_text_add_csv(&csv, classes[p->truth]);
        base_text_add(&csv, ",");
        base_text_add_csv(&csv, classes[p->predicted]);
        for (int c = 0; c < n_classes; c++) {
            base_text_printf(&csv, ",%.9g", (double)probability[i * n_classes + c]);
        }
        base_text_add(&csv, "\n");
    }
    base_status status = base_file_write_text(path, &csv, err);
    base_text_release(&csv);
    return status;
}
