/* The lists that curating reads and writes. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/csv.h"
#include "train/study/curate_internal.h"

/* ---- a CSV file whose columns are found by their names ---- */

enum { MAX_FIELDS = 1024, MAX_COLUMNS = 8, MAX_BYTES = 1 << 28 };

typedef struct {
    const char *path;
    const char *cursor, *end;
    base_arena *arena; /* of the fields */
    const char *fields[MAX_FIELDS];
    int n_fields, n_header; /* of the record at hand, of the header */
    int line, lines_read;
    int index[MAX_COLUMNS]; /* field of each column */
} table;

/* A list of items that is read from a file, one from each row. */
typedef struct list list;
struct list {
    const train_curate *curate;
    const char *path;
    const char *const *columns;
    int n_columns;
    size_t size_bytes;
    base_status (*read_row)(const table *t, list *l, base_error *err);
    void *items;
    int64_t n;
};

static base_status next_record(table *t, base_error *err) {
    t->line = t->lines_read + 1;
    base_status status = base_csv_record(&t->cursor, t->end, t->arena, t->fields, MAX_FIELDS,
                                         &t->n_fields, &t->lines_read, err);
    return status == BASE_OK ? BASE_OK : base_fail_within(err, "%s", t->path);
}

/* Further columns play no part. */
static base_status find_columns(table *t, const list *l, base_error *err) {
    if (t->end - t->cursor >= 3 && memcmp(t->cursor, "\xEF\xBB\xBF", 3) == 0) t->cursor += 3;
    BASE_TRY(next_record(t, err));
    t->n_header = t->n_fields;
    for (int c = 0; c < l->n_columns; c++) {
        int f = 0;
        while (f < t->n_header && strcmp(t->fields[f], l->columns[c]) != 0) f++;
        if (f == t->n_header) {
            return base_fail(err, BASE_EFORMAT, "%s:1: no column '%s' in the header", t->path,
                             l->columns[c]);
        }
        t->index[c] = f;
    }
    return BASE_OK;
}

/* At the end of the file there are no fields. Empty lines are passed over. */
static base_status next_row(table *t, base_error *err) {
    do {
        BASE_TRY(next_record(t, err));
    } while (t->n_fields == 1 && t->fields[0][0] == '\0');
    if (t->n_fields == 0 || t->n_fields == t->n_header) return BASE_OK;
    return base_fail(err, BASE_EFORMAT, "%s:%d: %d fields where the header has %d", t->path,
                     t->line, t->n_fields, t->n_header);
}

static base_status read_rows(table *t, list *l, base_error *err) {
    size_t most = 1;
    for (const char *c = t->cursor; c < t->end; c++) most += *c == '\n';
    l->items = base_arena_alloc(t->arena, most, l->size_bytes);
    if (l->items == NULL) return base_fail(err, BASE_EMEMORY, "%s: out of memory", t->path);
    BASE_TRY(find_columns(t, l, err));
    for (;;) {
        BASE_TRY(next_row(t, err));
        if (t->n_fields == 0) return BASE_OK;
        BASE_TRY(l->read_row(t, l, err));
    }
}

static base_status read_list(list *l, base_arena *arena, base_error *err) {
    void *data;
    size_t n_bytes;
    if (l->path == NULL) return train__curate_no_memory(l->curate, err);
    BASE_TRY(base_file_read(l->path, MAX_BYTES, &data, &n_bytes, err));
    table t = {.path = l->path, .cursor = data, .arena = arena};
    t.end = t.cursor + n_bytes;
    base_status status = read_rows(&t, l, err);
    base_free(data);
    return status;
}

static const char *field(const table *t, int column) {
    return t->fields[t->index[column]];
}

static base_status read_class(const table *t, const list *l, int column, int *index,
                              base_error *err) {
    *index = train__curate_class(l->curate, field(t, column));
    if (*index >= 0) return BASE_OK;
    return base_fail(err, BASE_EFORMAT, "%s:%d: '%s' is no class of the data set", t->path, t->line,
                     field(t, column));
}

/* ---- proposals.csv ---- */

enum { PATH, LABEL, CONFIDENCE, ROUND, MODEL, CONTENT, BY, N_RECORD };
static const char *const record_columns[N_RECORD] = {"path",  "label",   "confidence", "round",
                                                     "model", "content", "by"};

static base_status read_record_row(const table *t, list *l, base_error *err) {
    train_curate_row *row = (train_curate_row *)l->items + l->n++;
    int64_t round;
    *row = (train_curate_row){.path = field(t, PATH),
                              .confidence = NAN,
                              .model = field(t, MODEL),
                              .content = field(t, CONTENT),
                              .by_person = strcmp(field(t, BY), "person") == 0};
    BASE_TRY(read_class(t, l, LABEL, &row->class_index, err));
    if (!base_parse_int(field(t, ROUND), &round) || round < 1 || round > INT32_MAX) {
        return base_fail(err, BASE_EFORMAT, "%s:%d: '%s' is no round", t->path, t->line,
                         field(t, ROUND));
    }
    row->round = (int)round;
    if (row->by_person || base_parse_double(field(t, CONFIDENCE), &row->confidence)) return BASE_OK;
    return base_fail(err, BASE_EFORMAT, "%s:%d: '%s' is no confidence", t->path, t->line,
                     field(t, CONFIDENCE));
}

base_status train__curate_record_read(const train_curate *curate, int round, base_arena *arena,
                                      train_curate_record *record, base_error *err) {
    *record = (train_curate_record){0};
    if (round < 1) return BASE_OK;
    list l = {.curate = curate,
              .path = train__curate_path(curate, round, "proposals.csv", arena),
              .columns = record_columns,
              .n_columns = N_RECORD,
              .size_bytes = sizeof *record->rows,
              .read_row = read_record_row};
    BASE_TRY(read_list(&l, arena, err));
    *record = (train_curate_record){l.items, l.n};
    return BASE_OK;
}

base_status train__curate_record_write(const train_curate *curate,
                                       const train_curate_record *record, const char *path,
                                       base_error *err) {
    base_text out = {0};
    base_text_add(&out, "path,label,confidence,round,model,content,by\n");
    for (int64_t i = 0; i < record->n; i++) {
        const train_curate_row *row = &record->rows[i];
        base_text_add_csv(&out, row->path);
        base_text_add(&out, ",");
        base_text_add_csv(&out, curate->classes[row->class_index]);
        base_text_add(&out, ",");
        if (!row->by_person) base_text_printf(&out, "%.9g", row->confidence);
        base_text_printf(&out, ",%d,%s,%s,%s\n", row->round, row->model, row->content,
                         row->by_person ? "person" : "model");
    }
    base_status status =
        path != NULL ? base_file_write_text(path, &out, err) : train__curate_no_memory(curate, err);
    base_text_release(&out);
    return status;
}

/* ---- labels ---- */

static const char *const label_columns[] = {"path", "label"};

static const char *find_path(const train_curate *curate, const char *path) {
    const char **found = bsearch(&path, curate->paths, (size_t)curate->n_paths,
                                 sizeof *curate->paths, train__curate_compare);
    return found != NULL ? *found : NULL;
}

/* A path is one of those listed, or relative to the folder of the sounds or to that of the file.
 * *found NULL: it is no sound of the folder. */
static base_status find_sound(const table *t, const list *l, const char **found, base_error *err) {
    const char *path = field(t, PATH), *here = base_path_folder(t->arena, t->path);
    const char *below = base_path_join(t->arena, l->curate->sounds, path);
    const char *beside = here != NULL ? base_path_join(t->arena, here, path) : NULL;
    if (below == NULL || beside == NULL) return train__curate_no_memory(l->curate, err);
    *found = find_path(l->curate, path);
    if (*found == NULL) *found = find_path(l->curate, below);
    if (*found == NULL) *found = find_path(l->curate, beside);
    return BASE_OK;
}

static void add_label(const table *t, list *l, const char *path, int class_index) {
    train_curate_label *label = (train_curate_label *)l->items + l->n++;
    *label = (train_curate_label){.path = path, .class_index = class_index, .line = t->line};
}

static base_status fail_unknown_class(const table *t, const list *l, base_error *err) {
    const char *label = field(t, LABEL);
    const char *near = base_nearest(label, l->curate->classes, l->curate->n_classes);
    return base_fail(err, BASE_EDATA,
                     "%s:%d: '%s' is no class of the data set%s%s%s ('-': never use the sound)",
                     t->path, t->line, label, near != NULL ? "; did you mean '" : "",
                     near != NULL ? near : "", near != NULL ? "'?" : "");
}

static base_status read_person_row(const table *t, list *l, base_error *err) {
    const char *path, *label = field(t, LABEL);
    BASE_TRY(find_sound(t, l, &path, err));
    if (path == NULL) {
        return base_fail(err, BASE_EDATA, "%s:%d: %s: no such sound in %s", t->path, t->line,
                         field(t, PATH), l->curate->sounds);
    }
    int class_index = train__curate_class(l->curate, label);
    bool never = class_index < 0 && (strcmp(label, "-") == 0 || strcmp(label, "none") == 0);
    if (class_index < 0 && !never) return fail_unknown_class(t, l, err);
    add_label(t, l, path, class_index);
    return BASE_OK;
}

static base_status read_truth_row(const table *t, list *l, base_error *err) {
    const char *path;
    BASE_TRY(find_sound(t, l, &path, err));
    if (path != NULL) add_label(t, l, path, train__curate_class(l->curate, field(t, LABEL)));
    return BASE_OK;
}

static int compare_labels(const void *a, const void *b) {
    int order = train__curate_compare(a, b);
    const train_curate_label *x = a, *y = b;
    return order != 0 ? order : (x->line > y->line) - (x->line < y->line);
}

/* Sorts them by path; a sound that stands there twice must have one label. */
static base_status sort_labels(const list *l, train_curate_labels *labels, base_error *err) {
    int64_t n = 0;
    *labels = (train_curate_labels){.items = l->items};
    if (l->n > 0) qsort(labels->items, (size_t)l->n, sizeof *labels->items, compare_labels);
    for (int64_t i = 0; i < l->n; i++) {
        const train_curate_label *last = &labels->items[n - (n > 0)], *item = &labels->items[i];
        bool again = n > 0 && strcmp(last->path, item->path) == 0;
        if (again && last->class_index != item->class_index) {
            return base_fail(err, BASE_EDATA, "%s:%d: %s has another label in line %d", l->path,
                             item->line, item->path, last->line);
        }
        if (!again) labels->items[n++] = *item;
    }
    labels->n = n;
    return BASE_OK;
}

base_status train__curate_labels_read(const train_curate *curate, base_arena *arena,
                                      train_curate_labels *labels, base_error *err) {
    const train_curate_options *options = curate->options;
    *labels = (train_curate_labels){0};
    list l = {.curate = curate,
              .path = options->labels,
              .columns = label_columns,
              .n_columns = 2,
              .size_bytes = sizeof *labels->items,
              .read_row = read_person_row};
    if (l.path == NULL) {
        l.path = base_path_join(arena, options->out, "labels.csv");
        if (l.path != NULL && !base_file_exists(l.path)) return BASE_OK;
    }
    BASE_TRY(read_list(&l, arena, err));
    return sort_labels(&l, labels, err);
}

base_status train__curate_truth_read(const train_curate *curate, base_arena *arena,
                                     train_curate_labels *truth, base_error *err) {
    list l = {.curate = curate,
              .path = curate->options->truth,
              .columns = label_columns,
              .n_columns = 2,
              .size_bytes = sizeof *truth->items,
              .read_row = read_truth_row};
    BASE_TRY(read_list(&l, arena, err));
    if (l.n > 0) return sort_labels(&l, truth, err);
    return base_fail(err, BASE_EDATA, "%s: none of its paths is a sound in %s", l.path,
                     curate->sounds);
}

/* ---- unseen.csv ---- */

enum { TEST_PATH, BEGIN, END, TRUTH, PREDICTED, N_TEST };
static const char *const test_columns[N_TEST] = {"path", "begin_s", "end_s", "truth", "predicted"};

static base_status read_test_row(const table *t, list *l, base_error *err) {
    train__curate_test *test = (train__curate_test *)l->items + l->n++;
    *test = (train__curate_test){.path = field(t, TEST_PATH),
                                 .begin_s = field(t, BEGIN),
                                 .end_s = field(t, END),
                                 .right = strcmp(field(t, TRUTH), field(t, PREDICTED)) == 0};
    return read_class(t, l, TRUTH, &test->truth, err);
}

base_status train__curate_tests_read(const train_curate *curate, int round, base_arena *arena,
                                     train__curate_test **tests, int64_t *n, base_error *err) {
    list l = {.curate = curate,
              .path = train__curate_path(curate, round, "unseen.csv", arena),
              .columns = test_columns,
              .n_columns = N_TEST,
              .size_bytes = sizeof **tests,
              .read_row = read_test_row};
    BASE_TRY(read_list(&l, arena, err));
    *tests = l.items;
    *n = l.n;
    if (l.n > 0) return BASE_OK;
    return base_fail(err, BASE_EFORMAT, "%s: no predictions", l.path);
}
