#include "infer/library/index.h"

#include <math.h>
#include <string.h>

enum { VERSION = 1, MAX_CLASSES = 10000 };
#define KIND "index"

static base_status no_memory(const char *path, base_error *err) {
    return base_fail(err, BASE_EMEMORY, "%s: out of memory", path);
}

/* ---- writing ---- */

/* The entries by columns, in an arena. */
typedef struct {
    const char **path, **why;                                     /* [n]; [n_failed] */
    int64_t *size_bytes, *modified_ns, *content, *bytes, *failed; /* digests are pairs */
    int32_t *best;
    double *seconds, *pitch_hz, *loudness_lufs;
    int64_t n_failed;
} columns;

static bool allocate(const library_index *index, base_arena *arena, columns *c) {
    size_t n = (size_t)index->n;
    *c = (columns){.path = base_arena_alloc(arena, n, sizeof *c->path),
                   .why = base_arena_alloc(arena, n, sizeof *c->why),
                   .size_bytes = base_arena_alloc(arena, n, sizeof *c->size_bytes),
                   .modified_ns = base_arena_alloc(arena, n, sizeof *c->modified_ns),
                   .content = base_arena_alloc(arena, 2 * n, sizeof *c->content),
                   .bytes = base_arena_alloc(arena, 2 * n, sizeof *c->bytes),
                   .failed = base_arena_alloc(arena, n, sizeof *c->failed),
                   .best = base_arena_alloc(arena, n, sizeof *c->best),
                   .seconds = base_arena_alloc(arena, n, sizeof *c->seconds),
                   .pitch_hz = base_arena_alloc(arena, n, sizeof *c->pitch_hz),
                   .loudness_lufs = base_arena_alloc(arena, n, sizeof *c->loudness_lufs)};
    return c->path != NULL && c->why != NULL && c->size_bytes != NULL && c->modified_ns != NULL &&
           c->content != NULL && c->bytes != NULL && c->failed != NULL && c->best != NULL &&
           c->seconds != NULL && c->pitch_hz != NULL && c->loudness_lufs != NULL;
}

static void put_digest(base_digest digest, int64_t *pair) {
    pair[0] = (int64_t)digest.low;
    pair[1] = (int64_t)digest.high;
}

static base_digest get_digest(const int64_t *pair) {
    return (base_digest){(uint64_t)pair[0], (uint64_t)pair[1]};
}

static base_status make_columns(const library_index *index, base_arena *arena, columns *c,
                                base_error *err) {
    if (!allocate(index, arena, c)) return no_memory("index", err);
    for (int64_t i = 0; i < index->n; i++) {
        const library_entry *e = &index->entries[i];
        c->path[i] = base_path_text(arena, e->name);
        if (c->path[i] == NULL) return no_memory("index", err);
        c->size_bytes[i] = e->stamp.size_bytes;
        c->modified_ns[i] = e->stamp.modified_ns;
        put_digest(e->content, c->content + 2 * i);
        put_digest(e->bytes, c->bytes + 2 * i);
        c->best[i] = e->best;
        c->seconds[i] = e->seconds;
        c->pitch_hz[i] = e->pitch_hz;
        c->loudness_lufs[i] = e->loudness_lufs;
        if (e->error == NULL) continue;
        c->failed[c->n_failed] = i;
        c->why[c->n_failed++] = e->error;
    }
    return BASE_OK;
}

static void put_all(const library_index *index, const columns *c, base_h5_writer *file,
                    base_error *err) {
    const int64_t two = 2, pairs[] = {index->n, 2}, classes[] = {index->n, index->n_classes},
                  vectors[] = {index->n, index->width};
    int64_t model[2];
    put_digest(index->model, model);
    base_h5_put(file, "model", BASE_H5_I64, 1, &two, model, err);
    base_h5_put_string(file, "model_name", index->model_name, err);
    base_h5_put_strings(file, "classes", index->n_classes, index->classes, err);
    base_h5_put_strings(file, "path", index->n, c->path, err);
    base_h5_put(file, "size_bytes", BASE_H5_I64, 1, pairs, c->size_bytes, err);
    base_h5_put(file, "modified_ns", BASE_H5_I64, 1, pairs, c->modified_ns, err);
    base_h5_put(file, "bytes", BASE_H5_I64, 2, pairs, c->bytes, err);
    base_h5_put(file, "content", BASE_H5_I64, 2, pairs, c->content, err);
    base_h5_put(file, "class", BASE_H5_I32, 1, pairs, c->best, err);
    base_h5_put(file, "seconds", BASE_H5_F64, 1, pairs, c->seconds, err);
    base_h5_put(file, "pitch_hz", BASE_H5_F64, 1, pairs, c->pitch_hz, err);
    base_h5_put(file, "loudness_lufs", BASE_H5_F64, 1, pairs, c->loudness_lufs, err);
    base_h5_put(file, "probability", BASE_H5_F32, 2, classes, index->probability, err);
    base_h5_put(file, "embedding", BASE_H5_F32, 2, vectors, index->embedding, err);
    base_h5_put(file, "failed", BASE_H5_I64, 1, &c->n_failed, c->failed, err);
    base_h5_put_strings(file, "failed_why", c->n_failed, c->why, err);
}

base_status library_index_write(const library_index *index, const char *path, base_error *err) {
    base_arena arena = {0};
    base_h5_writer *file;
    columns c;
    base_status status = make_columns(index, &arena, &c, err);
    if (status == BASE_OK) status = base_h5_writer_new(KIND, VERSION, &file, err);
    if (status == BASE_OK) {
        put_all(index, &c, file, err);
        status = base_h5_writer_finish(file, path, err);
    }
    base_arena_release(&arena);
    return status;
}

/* ---- reading ---- */

static base_status malformed(const library_index *index, const char *what, base_error *err) {
    return base_fail(err, BASE_EFORMAT, "%s: %s", base_h5_reader_path(index->file), what);
}

static base_status read_head(library_index *index, base_error *err) {
    base_h5_reader *file = index->file;
    const char **classes;
    int64_t model[2], n, shape[BASE_H5_MAX_RANK];
    int rank;
    BASE_TRY(base_h5_get(file, "model", BASE_H5_I64, 2, model, err));
    BASE_TRY(base_h5_get_string(file, "model_name", &index->arena, &index->model_name, err));
    BASE_TRY(base_h5_shape(file, "classes", &rank, shape, err));
    if (rank != 1 || shape[0] < 1 || shape[0] > MAX_CLASSES) {
        return malformed(index, "classes that are no list of names", err);
    }
    BASE_TRY(base_h5_get_strings(file, "classes", &index->arena, &classes, &n, err));
    BASE_TRY(base_h5_shape(file, "embedding", &rank, shape, err));
    if (rank != 2 || shape[0] < 1 || shape[1] < 1) return malformed(index, "no embeddings", err);
    index->model = get_digest(model);
    index->classes = (const char *const *)classes;
    index->n_classes = (int)n;
    index->n = shape[0];
    index->width = shape[1];
    return BASE_OK;
}

static bool all_finite(const float *x, int64_t n) {
    bool finite = true;
    for (int64_t i = 0; i < n; i++) finite &= isfinite(x[i]) != 0;
    return finite;
}

static base_status borrow_matrix(library_index *index, const char *name, int64_t n_columns,
                                 const float **x, base_error *err) {
    int64_t n;
    void *data;
    if (!base_mul(index->n, n_columns, &n)) return malformed(index, "too many numbers", err);
    BASE_TRY(base_h5_borrow(index->file, name, BASE_H5_F32, n, &data, err));
    if (!all_finite(data, n)) return malformed(index, "numbers that are not finite", err);
    *x = data;
    return BASE_OK;
}

/* Copied, because what lies behind an odd number of classes has no place that doubles can be read
 * from. */
static base_status read_columns(library_index *index, columns *c, base_error *err) {
    int64_t n = index->n;
    struct {
        const char *name;
        base_h5_type type;
        int64_t n_items;
        void *data;
    } all[] = {{"size_bytes", BASE_H5_I64, n, NULL}, {"modified_ns", BASE_H5_I64, n, NULL},
               {"bytes", BASE_H5_I64, 2 * n, NULL},  {"content", BASE_H5_I64, 2 * n, NULL},
               {"class", BASE_H5_I32, n, NULL},      {"seconds", BASE_H5_F64, n, NULL},
               {"pitch_hz", BASE_H5_F64, n, NULL},   {"loudness_lufs", BASE_H5_F64, n, NULL}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        int64_t n_items;
        BASE_TRY(base_h5_get_alloc(index->file, all[i].name, all[i].type, &index->arena,
                                   &all[i].data, &n_items, err));
        if (n_items != all[i].n_items) {
            return base_fail(err, BASE_ESHAPE, "%s: '%s' is of other entries",
                             base_h5_reader_path(index->file), all[i].name);
        }
    }
    *c = (columns){.size_bytes = all[0].data,
                   .modified_ns = all[1].data,
                   .bytes = all[2].data,
                   .content = all[3].data,
                   .best = all[4].data,
                   .seconds = all[5].data,
                   .pitch_hz = all[6].data,
                   .loudness_lufs = all[7].data};
    return BASE_OK;
}

/* Names in byte order, none twice. */
static base_status read_names(library_index *index, base_error *err) {
    const char **names;
    int64_t n;
    int rank;
    int64_t shape[BASE_H5_MAX_RANK];
    BASE_TRY(base_h5_shape(index->file, "path", &rank, shape, err));
    if (rank != 1 || shape[0] != index->n) return malformed(index, "paths of other entries", err);
    BASE_TRY(base_h5_get_strings(index->file, "path", &index->arena, &names, &n, err));
    for (int64_t i = 0; i < n; i++) {
        const char *name = base_path_bytes(&index->arena, names[i]);
        if (name == NULL) return no_memory("index", err);
        if (name[0] == '\0' || (i > 0 && strcmp(index->entries[i - 1].name, name) >= 0)) {
            return malformed(index, "paths that are out of order", err);
        }
        index->entries[i].name = name;
    }
    return BASE_OK;
}

static base_status read_failures(library_index *index, base_error *err) {
    const char **why;
    void *rows;
    int64_t n, n_rows;
    BASE_TRY(
        base_h5_get_alloc(index->file, "failed", BASE_H5_I64, &index->arena, &rows, &n_rows, err));
    BASE_TRY(base_h5_get_strings(index->file, "failed_why", &index->arena, &why, &n, err));
    if (n != n_rows) return malformed(index, "reasons of other entries", err);
    for (int64_t i = 0; i < n; i++) {
        int64_t row = ((const int64_t *)rows)[i];
        if (row < 0 || row >= index->n) return malformed(index, "reasons of other entries", err);
        index->entries[row].error = why[i];
    }
    return BASE_OK;
}

static base_status read_entries(library_index *index, base_error *err) {
    columns c = {0};
    BASE_TRY(read_columns(index, &c, err));
    index->entries = base_arena_alloc(&index->arena, (size_t)index->n, sizeof *index->entries);
    if (index->entries == NULL) return no_memory(base_h5_reader_path(index->file), err);
    for (int64_t i = 0; i < index->n; i++) {
        if (c.best[i] < INFER_UNKNOWN || c.best[i] >= index->n_classes) {
            return malformed(index, "a class that it does not have", err);
        }
        if (isinf(c.seconds[i]) || isinf(c.pitch_hz[i]) || isinf(c.loudness_lufs[i])) {
            return malformed(index, "numbers that are not finite", err);
        }
        index->entries[i] = (library_entry){.best = c.best[i],
                                            .seconds = c.seconds[i],
                                            .pitch_hz = c.pitch_hz[i],
                                            .loudness_lufs = c.loudness_lufs[i],
                                            .content = get_digest(c.content + 2 * i),
                                            .bytes = get_digest(c.bytes + 2 * i),
                                            .stamp = {c.size_bytes[i], c.modified_ns[i]}};
    }
    BASE_TRY(read_names(index, err));
    return read_failures(index, err);
}

base_status library_index_read(const char *path, library_index *index, base_error *err) {
    *index = (library_index){0};
    base_status status = base_h5_reader_open(path, KIND, VERSION, NULL, &index->file, err);
    if (status == BASE_OK) status = read_head(index, err);
    if (status == BASE_OK) {
        status = borrow_matrix(index, "probability", index->n_classes, &index->probability, err);
    }
    if (status == BASE_OK) {
        status = borrow_matrix(index, "embedding", index->width, &index->embedding, err);
    }
    if (status == BASE_OK) status = read_entries(index, err);
    if (status != BASE_OK) library_index_release(index);
    return status;
}

void library_index_release(library_index *index) {
    base_h5_reader_free(index->file);
    base_free(index->own);
    base_arena_release(&index->arena);
    *index = (library_index){0};
}

/* ---- what it says ---- */

double library_entry_confidence(const library_index *index, int64_t i) {
    const float *p = index->probability + i * index->n_classes;
    int best = index->entries[i].best;
    if (best >= 0) return (double)p[best];
    float most = 0;
    for (int c = 0; c < index->n_classes; c++) most = p[c] > most ? p[c] : most;
    return (double)most;
}

const char *library_entry_class(const library_index *index, int64_t i) {
    int best = index->entries[i].best;
    return best >= 0 ? index->classes[best] : "unknown";
}

const char *library_entry_path(const library_entry *entry, const char *path, base_arena *arena) {
    const char *folder = base_path_folder(arena, path);
    if (folder == NULL) return NULL;
    return strcmp(folder, ".") == 0 ? entry->name : base_path_join(arena, folder, entry->name);
}

static void add_number(base_text *out, double value) {
    base_text_add(out, ",");
    if (!isnan(value)) base_text_printf(out, "%.6g", value);
}

static void add_row(const library_index *index, int64_t i, base_text *out) {
    const library_entry *e = &index->entries[i];
    char content[33];
    base_text_add_csv_path(out, e->name);
    base_text_add(out, ",");
    if (e->error != NULL) {
        base_text_add(out, ",,,,,,,,");
        base_text_add_csv(out, e->error);
        base_text_add(out, "\n");
        return;
    }
    base_digest_hex(e->content, content);
    base_text_add_csv(out, library_entry_class(index, i));
    base_text_printf(out, ",%.6f", library_entry_confidence(index, i));
    add_number(out, e->pitch_hz);
    add_number(out, e->loudness_lufs);
    add_number(out, e->seconds);
    base_text_printf(out, ",%lld,%.3f,%s,\n", (long long)e->stamp.size_bytes,
                     1e-9 * (double)e->stamp.modified_ns, content);
}

base_status library_index_write_csv(const library_index *index, const char *path, base_error *err) {
    base_text out = {0};
    base_text_add(&out, "path,class,confidence,pitch_hz,loudness_lufs,seconds,size_bytes,"
                        "modified_s,content,error\n");
    for (int64_t i = 0; i < index->n; i++) add_row(index, i, &out);
    base_status status = base_file_write_text(path, &out, err);
    base_text_release(&out);
    return status;
}

base_status library_model_digest(const char *path, base_digest *digest, base_error *err) {
    void *data;
    size_t n_bytes;
    BASE_TRY(base_file_read(path, 0, &data, &n_bytes, err));
    *digest = base_digest_bytes(data, n_bytes);
    base_free(data);
    return BASE_OK;
}

base_status library_index_check_model(const library_index *index, const char *path,
                                      base_digest model, base_error *err) {
    if (base_digest_equal(index->model, model)) return BASE_OK;
    return base_fail(err, BASE_EMISMATCH,
                     "%s: an index of another model (%s); name that one with --model, or make it "
                     "anew with rimshot index --rebuild",
                     path, index->model_name);
}
