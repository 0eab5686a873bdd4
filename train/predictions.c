#include "train/predictions.h"

#include <string.h>

#include "base/csv.h"
#include "base/file.h"
#include "nn/loss.h"

enum { PATH, BEGIN_S, END_S, TRUTH, PREDICTED, FIRST_CLASS };
static const char *const columns[FIRST_CLASS] = {"path", "begin_s", "end_s", "truth", "predicted"};

base_status train_predictions_label(train_predictions *p, const train_clips *clips,
                                    base_arena *arena, base_error *err) {
    const data_manifest *manifest = clips->manifest;
    size_t n = (size_t)clips->n;
    int32_t *truth = base_arena_alloc(arena, n, sizeof *truth);
    train_clip_name *name = manifest != NULL ? base_arena_alloc(arena, n, sizeof *name) : NULL;
    if (truth == NULL || (manifest != NULL && name == NULL)) {
        return base_fail(err, BASE_EMEMORY, "predictions: out of memory");
    }
    for (int64_t i = 0; i < clips->n; i++) {
        truth[i] = clips->clips->label[clips->index[i]];
        if (name == NULL) continue;
        const data_row *row = &manifest->rows[clips->clips->row[clips->index[i]]];
        name[i] = (train_clip_name){row->path, row->begin_s, row->end_s};
    }
    p->n = clips->n;
    p->truth = truth;
    p->clip = name;
    if (manifest != NULL) p->classes = manifest->classes;
    if (manifest != NULL) p->n_classes = manifest->n_classes;
    return BASE_OK;
}

int train_predicted(const train_predictions *p, int64_t clip) {
    return (int)nn_most_probable(p->probability + clip * p->n_classes, p->n_classes);
}

double train_confidence(const train_predictions *p, int64_t clip) {
    return p->probability[clip * p->n_classes + train_predicted(p, clip)];
}

train_predictions train_predictions_part(const train_predictions *p, int64_t first, int64_t n) {
    train_predictions part = *p;
    part.n = n;
    part.clip = p->clip != NULL ? p->clip + first : NULL;
    part.truth = p->truth + first;
    part.probability = p->probability + first * p->n_classes;
    return part;
}

/* ---- writing ---- */

base_status train_predictions_write(const train_predictions *p, const char *path, base_error *err) {
    base_text csv = {0};
    for (int c = 0; c < FIRST_CLASS; c++) base_text_printf(&csv, "%s%s", c ? "," : "", columns[c]);
    for (int c = 0; c < p->n_classes; c++) {
        base_text_add(&csv, ",");
        base_text_add_csv(&csv, p->classes[c]);
    }
    base_text_add(&csv, "\n");
    for (int64_t i = 0; i < p->n; i++) {
        base_text_add_csv_path(&csv, p->clip[i].path);
        base_text_add(&csv, ",");
        base_text_add_number(&csv, p->clip[i].begin_s);
        base_text_add(&csv, ",");
        base_text_add_number(&csv, p->clip[i].end_s);
        base_text_add(&csv, ",");
        base_text_add_csv(&csv, p->classes[p->truth[i]]);
        base_text_add(&csv, ",");
        base_text_add_csv(&csv, p->classes[train_predicted(p, i)]);
        for (int c = 0; c < p->n_classes; c++) {
            base_text_printf(&csv, ",%.9g", (double)p->probability[i * p->n_classes + c]);
        }
        base_text_add(&csv, "\n");
    }
    base_status status = base_file_write_text(path, &csv, err);
    base_text_release(&csv);
    return status;
}

/* ---- reading ---- */

typedef struct {
    base_arena *arena;
    train_predictions *p;
    train_clip_name *clip;
    int32_t *truth;
    float *probability;
} reader;

static bool begin(reader *in, size_t most_rows) {
    size_t k = (size_t)in->p->n_classes;
    in->clip = base_arena_alloc(in->arena, most_rows, sizeof *in->clip);
    in->truth = base_arena_alloc(in->arena, most_rows, sizeof *in->truth);
    in->probability = most_rows <= SIZE_MAX / k
                          ? base_arena_alloc(in->arena, most_rows * k, sizeof *in->probability)
                          : NULL;
    in->p->clip = in->clip;
    in->p->truth = in->truth;
    in->p->probability = in->probability;
    return in->clip != NULL && in->truth != NULL && in->probability != NULL;
}

static base_status read_class(const train_predictions *p, const base_csv *row, int column,
                              int32_t *index, base_error *err) {
    const char *name = base_csv_field(row, column);
    for (*index = 0; *index < p->n_classes; (*index)++) {
        if (strcmp(name, p->classes[*index]) == 0) return BASE_OK;
    }
    return base_csv_fail(row, err, BASE_EFORMAT, "'%s' is not one of the classes", name);
}

/* Counts and lists rest on what was predicted, metrics on the probabilities: they must agree. */
static base_status read_row(void *context, const base_csv *row, base_error *err) {
    reader *in = context;
    train_predictions *p = in->p;
    int64_t i = p->n;
    int32_t predicted;
    if (i == 0 && !begin(in, (size_t)row->most_rows)) {
        return base_fail(err, BASE_EMEMORY, "%s: out of memory", row->form->path);
    }
    BASE_TRY(base_csv_path(row, PATH, in->arena, &in->clip[i].path, err));
    BASE_TRY(base_csv_double(row, BEGIN_S, &in->clip[i].begin_s, err));
    BASE_TRY(base_csv_double(row, END_S, &in->clip[i].end_s, err));
    BASE_TRY(read_class(p, row, TRUTH, &in->truth[i], err));
    BASE_TRY(read_class(p, row, PREDICTED, &predicted, err));
    for (int c = 0; c < p->n_classes; c++) {
        double value;
        BASE_TRY(base_csv_double(row, FIRST_CLASS + c, &value, err));
        in->probability[i * p->n_classes + c] = (float)value;
    }
    p->n++;
    int first = train_predicted(p, i);
    if (first == predicted) return BASE_OK;
    return base_csv_fail(row, err, BASE_EFORMAT, "'%s' is more probable than '%s'",
                         p->classes[first], p->classes[predicted]);
}

base_status train_predictions_read(const char *path, base_arena *arena, train_predictions *p,
                                   base_error *err) {
    int n_columns = FIRST_CLASS + p->n_classes;
    const char **names = base_arena_alloc(arena, (size_t)n_columns, sizeof *names);
    if (names == NULL) return base_fail(err, BASE_EMEMORY, "%s: out of memory", path);
    memcpy(names, columns, sizeof columns);
    memcpy(names + FIRST_CLASS, p->classes, (size_t)p->n_classes * sizeof *names);
    base_csv_form form = {
        .path = path, .columns = names, .n_columns = n_columns, .n_needed = n_columns};
    reader in = {.arena = arena, .p = p};
    p->n = 0;
    BASE_TRY(base_csv_read(&form, arena, read_row, &in, err));
    return p->n > 0 ? BASE_OK : base_fail(err, BASE_EFORMAT, "%s: no predictions", path);
}
