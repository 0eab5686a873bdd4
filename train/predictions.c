#include "train/predictions.h"

#include "nn/loss.h"

static base_status no_memory(base_error *err) {
    return base_fail(err, BASE_EMEMORY, "predictions: out of memory");
}

base_status train_predictions_measure(const train_predictions *p, base_arena *arena,
                                      train_metrics *metrics, base_error *err) {
    int32_t *truth = base_arena_alloc(arena, (size_t)p->n, sizeof *truth);
    if (!truth) return no_memory(err);
    for (int64_t i = 0; i < p->n; i++) truth[i] = p->data->clips.label[p->index[i]];
    return train_metrics_compute(p->probability, truth, p->n, p->data->manifest.n_classes, arena,
                                 metrics, err);
}

base_status train_predictions_write(const train_predictions *p, const char *path, base_error *err) {
    const data_manifest *manifest = &p->data->manifest;
    const data_clips *clips = &p->data->clips;
    train_prediction *rows = base_alloc((size_t)p->n, sizeof *rows);
    if (!rows) return no_memory(err);
    for (int64_t i = 0; i < p->n; i++) {
        const data_row *row = &manifest->rows[clips->row[p->index[i]]];
        const float *probability = p->probability + i * manifest->n_classes;
        rows[i] = (train_prediction){
            .path = row->path,
            .begin_s = row->begin_s,
            .end_s = row->end_s,
            .truth = clips->label[p->index[i]],
            .predicted = (int32_t)nn_most_probable(probability, manifest->n_classes)};
    }
    base_status status = train_rows_write(rows, p->n, p->probability, manifest->classes,
                                          manifest->n_classes, path, err);
    base_free(rows);
    return status;
}
