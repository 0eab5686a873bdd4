/* folds.csv, written and followed. */
#include "data/folds_file.h"

#include <stdlib.h>
#include <string.h>

#include "base/csv.h"
#include "base/file.h"

static base_status no_memory(base_error *err) {
    return base_fail(err, BASE_EMEMORY, "folds: out of memory");
}

typedef struct {
    const char *path;
    double begin_s, end_s;
    int64_t index; /* clip, or line of the file */
    int32_t fold;
} placed_span;

static int compare_spans(const placed_span *x, const placed_span *y) {
    int order = strcmp(x->path, y->path);
    if (order != 0) return order;
    if (x->begin_s != y->begin_s) return x->begin_s < y->begin_s ? -1 : 1;
    if (x->end_s != y->end_s) return x->end_s < y->end_s ? -1 : 1;
    return 0;
}

static int compare_placed(const void *a, const void *b) {
    const placed_span *x = a, *y = b;
    int order = compare_spans(x, y);
    return order != 0 ? order : (x->index > y->index) - (x->index < y->index);
}

enum { PATH, FOLD, BEGIN, END, N_COLUMNS };
static const char *const columns[N_COLUMNS] = {"path", "fold", "begin_s", "end_s"};

/* The file's rows, while they are read. */
typedef struct {
    const char *path;
    int64_t k;
    placed_span *rows; /* base_alloc'd; their paths are in the arena of the reading */
    int64_t n_rows;
    size_t capacity;
    base_arena *arena; /* of the reading */
} file_rows;

static base_status wrong_fold(const file_rows *file, int64_t line, int64_t fold, int64_t first,
                              base_error *err) {
    return base_fail(err, BASE_EDATA, "%s:%lld: fold %lld is not in %lld to %lld (folds.k is %lld)",
                     file->path, (long long)line, (long long)fold, (long long)first,
                     (long long)file->k - 1, (long long)file->k);
}

/* A clip's use says which folds it may have. */
static base_status check_fold(const file_rows *file, const placed_span *row, uint8_t use,
                              base_error *err) {
    int32_t first = file->k > 1 && use == DATA_USE_FOLDS ? 0 : DATA_FOLD_NONE;
    bool is_held_out = row->fold == DATA_FOLD_HELD_OUT;
    if (use != DATA_USE_TEST && !is_held_out && row->fold < first) {
        return wrong_fold(file, row->index, row->fold, first, err);
    }
    if (is_held_out == (use == DATA_USE_TEST)) return BASE_OK;
    return base_fail(err, BASE_EMISMATCH, "%s:%lld: '%s' has fold %d, but its use is %s",
                     file->path, (long long)row->index, row->path, row->fold,
                     is_held_out ? "not test" : "test");
}

static base_status read_row(void *context, const base_csv *csv, base_error *err) {
    file_rows *file = context;
    void *rows = file->rows;
    if (!base_grow(&rows, &file->capacity, (size_t)file->n_rows + 1, sizeof *file->rows)) {
        return no_memory(err);
    }
    file->rows = rows;
    placed_span *row = &file->rows[file->n_rows++];
    int64_t fold;
    BASE_TRY(base_csv_int(csv, FOLD, &fold, err));
    if (fold < DATA_FOLD_HELD_OUT || fold >= file->k) {
        return wrong_fold(file, csv->line, fold, 0, err);
    }
    *row = (placed_span){.index = csv->line, .fold = (int32_t)fold};
    BASE_TRY(base_csv_path(csv, PATH, file->arena, &row->path, err));
    BASE_TRY(base_csv_seconds(csv, BEGIN, &row->begin_s, err));
    return base_csv_seconds(csv, END, &row->end_s, err);
}

static placed_span *list_clips(const data_manifest *manifest, const data_clips *clips,
                               const data_folds *folds, int64_t *n) {
    placed_span *spans = base_alloc((size_t)clips->n_clips, sizeof *spans);
    *n = 0;
    for (int64_t i = 0; spans != NULL && i < clips->n_clips; i++) {
        const data_row *row = &manifest->rows[clips->row[i]];
        if (folds->use[i] == DATA_USE_NONE) continue;
        spans[(*n)++] = (placed_span){
            .path = row->path, .begin_s = row->begin_s, .end_s = row->end_s, .index = i};
    }
    return spans;
}

/* What one side has and the other lacks: how many, and the first in the order of its side. */
typedef struct {
    const placed_span *first;
    int64_t n;
} unmatched;

static void add_unmatched(unmatched *u, const placed_span *span) {
    if (u->n++ == 0 || span->index < u->first->index) u->first = span;
}

/* Both lists are sorted; equal spans are matched in their order. */
static base_status match_rows(const file_rows *file, const placed_span *spans, int64_t n_spans,
                              data_folds *folds, base_error *err) {
    unmatched missing = {0}, extra = {0};
    const placed_span *rows = file->rows;
    int64_t r = 0, c = 0;
    while (r < file->n_rows || c < n_spans) {
        int order = r == file->n_rows ? 1 : c == n_spans ? -1 : compare_spans(&rows[r], &spans[c]);
        if (order == 0) {
            BASE_TRY(check_fold(file, &rows[r], folds->use[spans[c].index], err));
            folds->fold[spans[c++].index] = rows[r++].fold;
        }
        if (order < 0) add_unmatched(&extra, &rows[r++]);
        if (order > 0) add_unmatched(&missing, &spans[c++]);
    }
    if (missing.n > 0) {
        return base_fail(err, BASE_EMISMATCH,
                         "%s: %lld of %lld clips are missing; the first is '%s' from %g s",
                         file->path, (long long)missing.n, (long long)n_spans, missing.first->path,
                         missing.first->begin_s);
    }
    if (extra.n > 0) {
        return base_fail(err, BASE_EMISMATCH,
                         "%s:%lld: '%s' from %g s is not in the data set (%lld such rows)",
                         file->path, (long long)extra.first->index, extra.first->path,
                         extra.first->begin_s, (long long)extra.n);
    }
    return BASE_OK;
}

base_status data_folds_replay(const data_manifest *manifest, const data_clips *clips,
                              const data_folds_options *options, data_folds *folds,
                              base_error *err) {
    base_csv_form form = {
        .path = options->file, .columns = columns, .n_columns = N_COLUMNS, .n_needed = 2};
    base_arena arena = {0};
    file_rows file = {.path = options->file, .k = options->k, .arena = &arena};
    int64_t n_spans;
    placed_span *spans = list_clips(manifest, clips, folds, &n_spans);
    base_status status =
        spans != NULL ? base_csv_read(&form, &arena, read_row, &file, err) : no_memory(err);
    if (status == BASE_OK) {
        if (file.n_rows > 0) {
            qsort(file.rows, (size_t)file.n_rows, sizeof *file.rows, compare_placed);
        }
        qsort(spans, (size_t)n_spans, sizeof *spans, compare_placed);
        status = match_rows(&file, spans, n_spans, folds, err);
    }
    base_free(spans);
    base_free(file.rows);
    base_arena_release(&arena);
    return status;
}

void data_folds_text(const data_folds *folds, const data_manifest *manifest,
                     const data_clips *clips, base_text *out) {
    static const char *const uses[] = {"folds", "train", "test"};
    base_text_add(out, "path,begin_s,end_s,class,group,fold,use\n");
    for (int64_t i = 0; i < folds->n_clips; i++) {
        if (folds->use[i] == DATA_USE_NONE) continue;
        const data_row *row = &manifest->rows[clips->row[i]];
        base_text_add_csv_path(out, row->path);
        base_text_add(out, ",");
        base_text_add_number(out, row->begin_s);
        base_text_add(out, ",");
        base_text_add_number(out, row->end_s);
        base_text_add(out, ",");
        base_text_add_csv(out, manifest->classes[clips->label[i]]);
        base_text_printf(out, ",%lld,%d,%s\n", (long long)folds->group[i], folds->fold[i],
                         uses[folds->use[i]]);
    }
}
