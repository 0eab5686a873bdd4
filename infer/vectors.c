#include "infer/vectors.h"

#include <math.h>
#include <strings.h>

#include "base/file.h"
#include "infer/npz.h"

enum { VERSION = 2 };

/* The table by columns, for the formats that store arrays. Lives in the arena. */
typedef struct {
    int64_t n;
    const char **path, **group, **column;
    double *begin_s, *end_s;
    int64_t *label;
    const char **class_name; /* [n_classes] without the one of sounds that have no label */
    int64_t n_classes;
} columns;

static base_status out_of_memory(const char *path, base_error *err) {
    return base_fail(err, BASE_EMEMORY, "%s: out of memory", path);
}

static const data_row *row_of(const infer_vectors *vectors, int64_t clip) {
    return &vectors->manifest->rows[vectors->clips->row[clip]];
}

/* ---- CSV ---- */

static void add_head(const infer_vectors *vectors, base_text *out) {
    base_text_add(out, "path,begin_s,end_s,class,group");
    for (int64_t c = 0; c < vectors->n_columns; c++) {
        base_text_add(out, ",");
        if (vectors->columns != NULL) {
            base_text_add_csv(out, vectors->columns[c]);
        } else {
            base_text_printf(out, "%s%lld", vectors->name, (long long)c);
        }
    }
    base_text_add(out, "\n");
}

static void add_row(const infer_vectors *vectors, int64_t clip, base_text *out) {
    const data_row *row = row_of(vectors, clip);
    base_text_add_csv_path(out, row->path);
    base_text_add(out, ",");
    base_text_add_number(out, row->begin_s);
    base_text_add(out, ",");
    base_text_add_number(out, row->end_s);
    base_text_add(out, ",");
    base_text_add_csv(out, vectors->manifest->classes[vectors->clips->label[clip]]);
    base_text_add(out, ",");
    base_text_add_csv(out, row->group);
    for (int64_t c = 0; c < vectors->n_columns; c++) {
        float x = vectors->x[clip * vectors->n_columns + c];
        base_text_add(out, ",");
        if (!isnan(x)) base_text_printf(out, "%.9g", (double)x); /* nine digits keep every bit */
    }
    base_text_add(out, "\n");
}

static base_status write_csv(const infer_vectors *vectors, const char *path, base_error *err) {
    base_text out = {0};
    add_head(vectors, &out);
    for (int64_t i = 0; i < vectors->clips->n_clips; i++) add_row(vectors, i, &out);
    base_status status = base_file_write_text(path, &out, err);
    base_text_release(&out);
    return status;
}

/* ---- arrays ---- */

static base_status name_columns(const infer_vectors *vectors, const char *path, base_arena *arena,
                                columns *table, base_error *err) {
    for (int64_t c = 0; c < vectors->n_columns; c++) {
        table->column[c] = vectors->columns != NULL
                               ? vectors->columns[c]
                               : base_arena_printf(arena, "%s%lld", vectors->name, (long long)c);
        if (table->column[c] == NULL) return out_of_memory(path, err);
    }
    return BASE_OK;
}

/* Sounds without a label, the class of no name, get -1. */
static int64_t class_number(const data_manifest *manifest, int64_t class_index) {
    int64_t number = class_index;
    if (manifest->classes[class_index][0] == '\0') return -1;
    for (int64_t c = 0; c < class_index; c++) number -= manifest->classes[c][0] == '\0';
    return number;
}

static base_status make_columns(const infer_vectors *vectors, const char *path, base_arena *arena,
                                columns *table, base_error *err) {
    size_t n = (size_t)vectors->clips->n_clips;
    *table = (columns){
        .n = vectors->clips->n_clips,
        .path = base_arena_alloc(arena, n, sizeof *table->path),
        .group = base_arena_alloc(arena, n, sizeof *table->group),
        .column = base_arena_alloc(arena, (size_t)vectors->n_columns, sizeof *table->column),
        .begin_s = base_arena_alloc(arena, n, sizeof *table->begin_s),
        .end_s = base_arena_alloc(arena, n, sizeof *table->end_s),
        .label = base_arena_alloc(arena, n, sizeof *table->label),
        .class_name = base_arena_alloc(arena, (size_t)vectors->manifest->n_classes,
                                       sizeof *table->class_name)};
    if (table->path == NULL || table->group == NULL || table->column == NULL ||
        table->begin_s == NULL || table->end_s == NULL || table->label == NULL ||
        table->class_name == NULL) {
        return out_of_memory(path, err);
    }
    for (int64_t i = 0; i < table->n; i++) {
        const data_row *row = row_of(vectors, i);
        table->path[i] = base_path_text(arena, row->path);
        if (table->path[i] == NULL) return out_of_memory(path, err);
        table->group[i] = row->group;
        table->begin_s[i] = row->begin_s;
        table->end_s[i] = row->end_s;
        table->label[i] = class_number(vectors->manifest, vectors->clips->label[i]);
    }
    for (int c = 0; c < vectors->manifest->n_classes; c++) {
        const char *name = vectors->manifest->classes[c];
        if (name[0] != '\0') table->class_name[table->n_classes++] = name;
    }
    return name_columns(vectors, path, arena, table, err);
}

static base_status write_h5(const infer_vectors *vectors, const columns *table, const char *path,
                            base_error *err) {
    base_h5_writer *file;
    const int64_t shape[] = {table->n, vectors->n_columns};
    BASE_TRY(base_h5_writer_new("vectors", VERSION, &file, err));
    base_h5_put(file, vectors->name, BASE_H5_F32, 2, shape, vectors->x, err);
    base_h5_put_strings(file, "columns", vectors->n_columns, table->column, err);
    base_h5_put_strings(file, "path", table->n, table->path, err);
    base_h5_put(file, "begin_s", BASE_H5_F64, 1, shape, table->begin_s, err);
    base_h5_put(file, "end_s", BASE_H5_F64, 1, shape, table->end_s, err);
    base_h5_put(file, "class", BASE_H5_I64, 1, shape, table->label, err);
    base_h5_put_strings(file, "classes", table->n_classes, table->class_name, err);
    base_h5_put_strings(file, "group", table->n, table->group, err);
    return base_h5_writer_finish(file, path, err);
}

static base_status write_npz(const infer_vectors *vectors, const columns *table, const char *path,
                             base_error *err) {
    infer_zip_writer zip = {0};
    const int64_t shape[] = {table->n, vectors->n_columns};
    size_t n = (size_t)table->n, n_numbers = n * (size_t)vectors->n_columns;
    const infer_npz_array arrays[] = {
        {vectors->name, "<f4", 2, shape, vectors->x, n_numbers * sizeof *vectors->x},
        {"begin_s", "<f8", 1, shape, table->begin_s, n * sizeof *table->begin_s},
        {"end_s", "<f8", 1, shape, table->end_s, n * sizeof *table->end_s},
        {"class", "<i8", 1, shape, table->label, n * sizeof *table->label}};
    infer_npz_add(&zip, &arrays[0]);
    infer_npz_add_strings(&zip, "columns", table->column, vectors->n_columns);
    infer_npz_add_strings(&zip, "path", table->path, table->n);
    for (int i = 1; i < 4; i++) infer_npz_add(&zip, &arrays[i]);
    infer_npz_add_strings(&zip, "classes", table->class_name, table->n_classes);
    infer_npz_add_strings(&zip, "group", table->group, table->n);
    return infer_npz_finish(&zip, path, err);
}

typedef base_status array_writer(const infer_vectors *vectors, const columns *table,
                                 const char *path, base_error *err);

static base_status write_arrays(const infer_vectors *vectors, array_writer *write, const char *path,
                                base_error *err) {
    base_arena arena = {0};
    columns table;
    base_status status = make_columns(vectors, path, &arena, &table, err);
    if (status == BASE_OK) status = write(vectors, &table, path, err);
    base_arena_release(&arena);
    return status;
}

static bool ends_with(const char *path, const char *extension) {
    return strcasecmp(base_path_extension(path), extension) == 0;
}

static bool is_h5(const char *path) {
    return ends_with(path, "h5") || ends_with(path, "hdf5");
}

base_status infer_vectors_check(const char *path, base_error *err) {
    if (ends_with(path, "csv") || ends_with(path, "npz") || is_h5(path)) return BASE_OK;
    return base_fail(err, BASE_EUSAGE, "%s: the name must end in .csv, .h5 or .npz", path);
}

base_status infer_vectors_write(const infer_vectors *vectors, const char *path, base_error *err) {
    BASE_TRY(infer_vectors_check(path, err));
    if (ends_with(path, "csv")) return write_csv(vectors, path, err);
    return write_arrays(vectors, is_h5(path) ? write_h5 : write_npz, path, err);
}
