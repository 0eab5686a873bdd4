/* The lists that curating reads and writes. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/csv.h"
#include "base/csv.h"
#include "train/study/curate_internal.h"

/* A list of items that is read from a file, one from each row. */
typedef struct {
    const train_curate *curate;
    base_csv_form form;
    size_t size_bytes;
    base_csv_row *read_row;
    base_arena *arena;
    void *items;
    int64_t n;
} list;

/* The next item, all zeros; NULL when out of memory. */
static void *add_item(list *l, const base_csv *row) {
    if (l->items == NULL) {
        l->items = base_arena_alloc(l->arena, (size_t)row->most_rows, l->size_bytes);
    }
    return l->items != NULL ? (char *)l->items + (size_t)l->n++ * l->size_bytes : NULL;
}

static base_status read_list(list *l, base_error *err) {
    if (l->form.path == NULL) return train__curate_no_memory(l->curate, err);
    return base_csv_read(&l->form, l->arena, l->read_row, l, err);
}

/* ---- proposals.csv ---- */

enum { PATH, LABEL, CONFIDENCE, ROUND, MODEL, CONTENT, BY, N_RECORD };
static const char *const record_columns[N_RECORD] = {"path",  "label",   "confidence", "round",
                                                     "model", "content", "by"};

static base_status read_record_row(void *context, const base_csv *csv, base_error *err) {
    list *l = context;
    train_curate_row *row = add_item(l, csv);
    const char *label = base_csv_field(csv, LABEL);
    int64_t round;
    if (row == NULL) return train__curate_no_memory(l->curate, err);
    *row = (train_curate_row){.class_index = train__curate_class(l->curate, label),
                              .confidence = NAN,
                              .model = base_csv_field(csv, MODEL),
                              .content = base_csv_field(csv, CONTENT),
                              .by_person = strcmp(base_csv_field(csv, BY), "person") == 0};
    if (row->class_index < 0) {
        return base_csv_fail(csv, err, BASE_EFORMAT, "'%s' is not a class of the data set", label);
    }
    BASE_TRY(base_csv_path(csv, PATH, l->arena, &row->path, err));
    BASE_TRY(base_csv_int(csv, ROUND, &round, err));
    if (round < 1 || round > INT32_MAX) {
        return base_csv_fail(csv, err, BASE_EFORMAT, "'%s' is not a round",
                             base_csv_field(csv, ROUND));
    }
    row->round = (int)round;
    return row->by_person ? BASE_OK : base_csv_double(csv, CONFIDENCE, &row->confidence, err);
}

base_status train__curate_record_read(const train_curate *curate, int round, base_arena *arena,
                                      train_curate_record *record, base_error *err) {
    *record = (train_curate_record){0};
    if (round < 1) return BASE_OK;
    list l = {.curate = curate,
              .form = {.path = train__curate_path(curate, round, "proposals.csv", arena),
                       .columns = record_columns,
                       .n_columns = N_RECORD,
                       .n_needed = N_RECORD},
              .size_bytes = sizeof *record->rows,
              .read_row = read_record_row,
              .arena = arena};
    BASE_TRY(read_list(&l, err));
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
        base_text_add_csv_path(&out, row->path);
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
static base_status find_sound(const list *l, const base_csv *row, const char **found,
                              base_error *err) {
    const char *path, *here = base_path_folder(l->arena, l->form.path);
    BASE_TRY(base_csv_path(row, PATH, l->arena, &path, err));
    const char *below = base_path_join(l->arena, l->curate->sounds, path);
    const char *beside = here != NULL ? base_path_join(l->arena, here, path) : NULL;
    if (below == NULL || beside == NULL) return train__curate_no_memory(l->curate, err);
    *found = find_path(l->curate, path);
    if (*found == NULL) *found = find_path(l->curate, below);
    if (*found == NULL) *found = find_path(l->curate, beside);
    return BASE_OK;
}

static base_status add_label(list *l, const base_csv *row, const char *path, base_error *err) {
    train_curate_label *label = add_item(l, row);
    if (label == NULL) return train__curate_no_memory(l->curate, err);
    *label = (train_curate_label){.path = path,
                                  .class_index =
                                      train__curate_class(l->curate, base_csv_field(row, LABEL)),
                                  .line = row->line};
    return BASE_OK;
}

static base_status read_person_row(void *context, const base_csv *row, base_error *err) {
    list *l = context;
    const train_curate *curate = l->curate;
    const char *path, *label = base_csv_field(row, LABEL);
    BASE_TRY(find_sound(l, row, &path, err));
    if (path == NULL) {
        return base_csv_fail(row, err, BASE_EDATA, "%s: no such sound in %s",
                             base_csv_field(row, PATH), curate->sounds);
    }
    bool never = strcmp(label, "-") == 0 || strcmp(label, "none") == 0;
    if (train__curate_class(curate, label) >= 0 || never) return add_label(l, row, path, err);
    const char *near = base_nearest(label, curate->classes, curate->n_classes);
    return base_csv_fail(row, err, BASE_EDATA,
                         "'%s' is no class of the data set%s%s%s ('-': never use the sound)", label,
                         near != NULL ? "; did you mean '" : "", near != NULL ? near : "",
                         near != NULL ? "'?" : "");
}

static base_status read_truth_row(void *context, const base_csv *row, base_error *err) {
    list *l = context;
    const char *path;
    BASE_TRY(find_sound(l, row, &path, err));
    return path != NULL ? add_label(l, row, path, err) : BASE_OK;
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
            return base_fail(err, BASE_EDATA, "%s:%d: %s has another label in line %d",
                             l->form.path, item->line, item->path, last->line);
        }
        if (!again) labels->items[n++] = *item;
    }
    labels->n = n;
    return BASE_OK;
}

static base_status read_labels(list *l, const char *path, base_error *err) {
    l->form =
        (base_csv_form){.path = path, .columns = label_columns, .n_columns = 2, .n_needed = 2};
    l->size_bytes = sizeof(train_curate_label);
    return read_list(l, err);
}

base_status train__curate_labels_read(const train_curate *curate, base_arena *arena,
                                      train_curate_labels *labels, base_error *err) {
    const train_curate_options *options = curate->options;
    const char *path = options->labels;
    list l = {.curate = curate, .read_row = read_person_row, .arena = arena};
    *labels = (train_curate_labels){0};
    if (path == NULL) {
        path = base_path_join(arena, options->out, "labels.csv");
        if (path != NULL && !base_file_exists(path)) return BASE_OK;
    }
    BASE_TRY(read_labels(&l, path, err));
    return sort_labels(&l, labels, err);
}

base_status train__curate_truth_read(const train_curate *curate, base_arena *arena,
                                     train_curate_labels *truth, base_error *err) {
    list l = {.curate = curate, .read_row = read_truth_row, .arena = arena};
    BASE_TRY(read_labels(&l, curate->options->truth, err));
    if (l.n > 0) return sort_labels(&l, truth, err);
    return base_fail(err, BASE_EDATA, "%s: none of its paths is a sound in %s", l.form.path,
                     curate->sounds);
}

/* ---- unseen.csv ---- */

base_status train__curate_tests_read(const train_curate *curate, int round, base_arena *arena,
                                     train_predictions *tests, base_error *err) {
    const char *path = train__curate_path(curate, round, "unseen.csv", arena);
    if (path == NULL) return train__curate_no_memory(curate, err);
    *tests = (train_predictions){.classes = curate->classes, .n_classes = curate->n_classes};
    return train_predictions_read(path, arena, tests, err);
}
