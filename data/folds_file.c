/* folds.csv, written and followed. */
#include "data/folds_file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

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

enum { MAX_FIELDS = 64 };
enum { COLUMN_PATH, COLUMN_BEGIN, COLUMN_END, COLUMN_FOLD, N_COLUMNS };

typedef struct {
    const char *path, *cursor, *end;
    int line;
    int column[N_COLUMNS]; /* field that holds each; -1: none */
    int64_t k;
    base_arena *arena;
} csv_rows;

/* The next record; n 0 at the end. */
static base_status next_record(csv_rows *csv, const char *fields[MAX_FIELDS], int *n,
                               base_error *err) {
    base_status status =
        base_csv_record(&csv->cursor, csv->end, csv->arena, fields, MAX_FIELDS, n, &csv->line, err);
    return status == BASE_OK ? BASE_OK : base_fail_within(err, "%s", csv->path);
}

static base_status read_header(csv_rows *csv, base_error *err) {
    static const char *const names[N_COLUMNS] = {"path", "begin_s", "end_s", "fold"};
    const char *fields[MAX_FIELDS];
    int n;
    BASE_TRY(next_record(csv, fields, &n, err));
    for (int c = 0; c < N_COLUMNS; c++) {
        csv->column[c] = -1;
        for (int i = 0; i < n; i++) {
            if (strcmp(fields[i], names[c]) == 0) csv->column[c] = i;
        }
    }
    if (csv->column[COLUMN_PATH] >= 0 && csv->column[COLUMN_FOLD] >= 0) return BASE_OK;
    return base_fail(err, BASE_EFORMAT, "%s: the first line must name the columns path and fold",
                     csv->path);
}

static bool read_number(const csv_rows *csv, int column, const char *const *fields, int n,
                        double *value) {
    int at = csv->column[column];
    *value = 0.0;
    if (at < 0 || (at < n && fields[at][0] == '\0')) return true;
    return at < n && base_parse_double(fields[at], value) && isfinite(*value);
}

static base_status wrong_fold(const csv_rows *csv, int64_t line, int64_t fold, int64_t first,
                              base_error *err) {
    return base_fail(err, BASE_EDATA, "%s:%lld: fold %lld is not in %lld to %lld (folds.k is %lld)",
                     csv->path, (long long)line, (long long)fold, (long long)first,
                     (long long)csv->k - 1, (long long)csv->k);
}

/* A clip's use says which folds it may have. */
static base_status check_fold(const csv_rows *csv, const placed_span *row, uint8_t use,
                              base_error *err) {
    int32_t first = csv->k > 1 && use == DATA_USE_FOLDS ? 0 : DATA_FOLD_NONE;
    bool is_unseen = row->fold == DATA_FOLD_UNSEEN;
    if (use != DATA_USE_TEST && !is_unseen && row->fold < first) {
        return wrong_fold(csv, row->index, row->fold, first, err);
    }
    if (is_unseen == (use == DATA_USE_TEST)) return BASE_OK;
    return base_fail(err, BASE_EMISMATCH, "%s:%lld: '%s' has fold %d, but its use is %s", csv->path,
                     (long long)row->index, row->path, row->fold, is_unseen ? "not test" : "test");
}

/* One row, or *more false at the end. */
static base_status read_row(csv_rows *csv, placed_span *row, bool *more, base_error *err) {
    const char *fields[MAX_FIELDS];
    int n;
    do {
        BASE_TRY(next_record(csv, fields, &n, err));
    } while (n == 1 && fields[0][0] == '\0'); /* an empty line */
    *more = n > 0;
    if (!*more) return BASE_OK;
    int64_t fold;
    int path = csv->column[COLUMN_PATH], at = csv->column[COLUMN_FOLD];
    if (path >= n || at >= n || !read_number(csv, COLUMN_BEGIN, fields, n, &row->begin_s) ||
        !read_number(csv, COLUMN_END, fields, n, &row->end_s) ||
        !base_parse_int(fields[at], &fold)) {
        return base_fail(err, BASE_EFORMAT, "%s:%d: not a row of path, begin, end and fold",
                         csv->path, csv->line);
    }
    if (fold < DATA_FOLD_UNSEEN || fold >= csv->k) return wrong_fold(csv, csv->line, fold, 0, err);
    row->path = fields[path];
    row->fold = (int32_t)fold;
    row->index = csv->line;
    return BASE_OK;
}

/* *rows is base_alloc'd; its paths are in the arena. */
static base_status read_rows(csv_rows *csv, placed_span **rows, int64_t *n_rows, base_error *err) {
    size_t capacity = 0;
    void *memory = NULL;
    BASE_TRY(read_header(csv, err));
    for (bool more = true;;) {
        if (!base_grow(&memory, &capacity, (size_t)*n_rows + 1, sizeof **rows)) {
            return no_memory(err);
        }
        *rows = memory;
        BASE_TRY(read_row(csv, *rows + *n_rows, &more, err));
        if (!more) return BASE_OK;
        ++*n_rows;
    }
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
static base_status match_rows(const csv_rows *csv, const placed_span *rows, int64_t n_rows,
                              const placed_span *spans, int64_t n_spans, data_folds *folds,
                              base_error *err) {
    unmatched missing = {0}, extra = {0};
    int64_t r = 0, c = 0;
    while (r < n_rows || c < n_spans) {
        int order = r == n_rows ? 1 : c == n_spans ? -1 : compare_spans(&rows[r], &spans[c]);
        if (order == 0) {
            BASE_TRY(check_fold(csv, &rows[r], folds->use[spans[c].index], err));
            folds->fold[spans[c++].index] = rows[r++].fold;
        }
        if (order < 0) add_unmatched(&extra, &rows[r++]);
        if (order > 0) add_unmatched(&missing, &spans[c++]);
    }
    if (missing.n > 0) {
        return base_fail(err, BASE_EMISMATCH,
                         "%s: %lld of %lld clips are missing; the first is '%s' from %g s",
                         csv->path, (long long)missing.n, (long long)n_spans, missing.first->path,
                         missing.first->begin_s);
    }
    if (extra.n > 0) {
        return base_fail(err, BASE_EMISMATCH,
                         "%s:%lld: '%s' from %g s is not in the data set (%lld such rows)",
                         csv->path, (long long)extra.first->index, extra.first->path,
                         extra.first->begin_s, (long long)extra.n);
    }
    return BASE_OK;
}

static base_status replay_rows(csv_rows *csv, placed_span **rows, placed_span *spans,
                               int64_t n_spans, data_folds *folds, base_error *err) {
    int64_t n_rows = 0;
    BASE_TRY(read_rows(csv, rows, &n_rows, err));
    qsort(*rows, (size_t)n_rows, sizeof **rows, compare_placed);
    qsort(spans, (size_t)n_spans, sizeof *spans, compare_placed);
    return match_rows(csv, *rows, n_rows, spans, n_spans, folds, err);
}

base_status data_folds_replay(const data_manifest *manifest, const data_clips *clips,
                              const data_folds_options *options, data_folds *folds,
                              base_error *err) {
    void *text;
    size_t n_bytes;
    BASE_TRY(base_file_read(options->file, (size_t)1 << 30, &text, &n_bytes, err));
    base_arena arena = {0};
    csv_rows csv = {.path = options->file,
                    .cursor = text,
                    .end = (const char *)text + n_bytes,
                    .k = options->k,
                    .arena = &arena};
    if (n_bytes >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) csv.cursor += 3;
    int64_t n_spans;
    placed_span *rows = NULL, *spans = list_clips(manifest, clips, folds, &n_spans);
    base_status status =
        spans != NULL ? replay_rows(&csv, &rows, spans, n_spans, folds, err) : no_memory(err);
    base_free(spans);
    base_free(rows);
    base_arena_release(&arena);
    base_free(text);
    return status;
}

base_status data_folds_write(const data_folds *folds, const data_manifest *manifest,
                             const data_clips *clips, const char *path, base_error *err) {
    static const char *const uses[] = {"folds", "train", "test"};
    base_text text = {0};
    base_text_add(&text, "path,begin_s,end_s,class,group,fold,use\n");
    for (int64_t i = 0; i < folds->n_clips; i++) {
        if (folds->use[i] == DATA_USE_NONE) continue;
        const data_row *row = &manifest->rows[clips->row[i]];
        base_text_add_csv(&text, row->path);
        base_text_add(&text, ",");
        base_text_add_number(&text, row->begin_s);
        base_text_add(&text, ",");
        base_text_add_number(&text, row->end_s);
        base_text_add(&text, ",");
        base_text_add_csv(&text, manifest->classes[clips->label[i]]);
        base_text_printf(&text, ",%lld,%d,%s\n", (long long)folds->group[i], folds->fold[i],
                         uses[folds->use[i]]);
    }
    base_status status = base_file_write_text(path, &text, err);
    base_text_release(&text);
    return status;
}
