#include "data/manifest.h"

#include <math.h>
#include <string.h>

enum { MAX_FIELDS = 64, MAX_BYTES = 1 << 28 };

enum { PATH, LABEL, GROUP, BEGIN, END, N_COLUMNS };
static const char *const columns[N_COLUMNS] = {"path", "label", "group", "begin_s", "end_s"};

typedef struct {
    const char *name; /* of the file, for errors */
    const char *cursor, *end;
    base_arena *arena;
    int line;       /* where the record at hand begins */
    int lines_read; /* physical lines so far */
    const char *fields[MAX_FIELDS];
    int n_fields;         /* of the record at hand; 0 at the end of the file */
    int n_header;         /* fields of the header */
    int index[N_COLUMNS]; /* field of each column; -1: the file has none */
} csv;

static base_status next_record(csv *c, base_error *err) {
    c->line = c->lines_read + 1;
    base_status status = base_csv_record(&c->cursor, c->end, c->arena, c->fields, MAX_FIELDS,
                                         &c->n_fields, &c->lines_read, err);
    return status == BASE_OK ? BASE_OK : base_fail_within(err, "%s", c->name);
}

static base_status read_header(csv *c, base_error *err) {
    if (c->end - c->cursor >= 3 && memcmp(c->cursor, "\xEF\xBB\xBF", 3) == 0) c->cursor += 3;
    BASE_TRY(next_record(c, err));
    c->n_header = c->n_fields;
    for (int k = 0; k < N_COLUMNS; k++) c->index[k] = -1;
    for (int f = 0; f < c->n_fields; f++) {
        for (int k = 0; k < N_COLUMNS; k++) {
            if (strcmp(c->fields[f], columns[k]) != 0) continue;
            if (c->index[k] >= 0)
                return base_fail(err, BASE_EFORMAT, "%s:%d: two columns are named '%s'", c->name,
                                 c->line, columns[k]);
            c->index[k] = f;
        }
    }
    for (int k = PATH; k <= LABEL; k++) {
        if (c->index[k] >= 0) continue;
        const char *near = base_nearest(columns[k], c->fields, c->n_fields);
        return base_fail(err, BASE_EFORMAT, "%s:1: no column '%s' in the header%s%s%s", c->name,
                         columns[k], near != NULL ? " (is '" : "", near != NULL ? near : "",
                         near != NULL ? "' meant?)" : "");
    }
    return BASE_OK;
}

/* The record's field for a column; "" if the file has no such column. */
static const char *field(const csv *c, int column) {
    return c->index[column] >= 0 ? c->fields[c->index[column]] : "";
}

static base_status read_seconds(const csv *c, int column, double *seconds, base_error *err) {
    const char *text = field(c, column);
    *seconds = 0;
    if (text[0] == '\0') return BASE_OK;
    if (!base_parse_double(text, seconds) || !isfinite(*seconds) || *seconds < 0)
        return base_fail(err, BASE_EFORMAT, "%s:%d: %s: '%s' is not a time in seconds", c->name,
                         c->line, columns[column], text);
    return BASE_OK;
}

static base_status read_row(const csv *c, const char *folder, data_row *row, base_error *err) {
    if (c->n_fields != c->n_header)
        return base_fail(err, BASE_EFORMAT, "%s:%d: %d fields where the header has %d", c->name,
                         c->line, c->n_fields, c->n_header);
    for (int k = PATH; k <= LABEL; k++) {
        if (field(c, k)[0] == '\0')
            return base_fail(err, BASE_EFORMAT, "%s:%d: the %s is empty", c->name, c->line,
                             columns[k]);
    }
    row->path = base_path_join(c->arena, folder, field(c, PATH));
    if (row->path == NULL) return base_fail(err, BASE_EMEMORY, "%s: no memory", c->name);
    row->label = field(c, LABEL);
    row->group = field(c, GROUP);
    BASE_TRY(read_seconds(c, BEGIN, &row->begin_s, err));
    BASE_TRY(read_seconds(c, END, &row->end_s, err));
    if (row->end_s > 0 && row->end_s <= row->begin_s)
        return base_fail(err, BASE_EFORMAT, "%s:%d: the span ends at %g s, before it begins (%g s)",
                         c->name, c->line, row->end_s, row->begin_s);
    return BASE_OK;
}

static base_status read_rows(csv *c, const char *folder, data_manifest *manifest, size_t *capacity,
                             base_error *err) {
    BASE_TRY(read_header(c, err));
    int64_t n_rows = 0;
    for (;;) {
        BASE_TRY(next_record(c, err));
        if (c->n_fields == 0) break;
        if (c->n_fields == 1 && c->fields[0][0] == '\0') continue; /* an empty line */
        data_row row = {0};
        BASE_TRY(read_row(c, folder, &row, err));
        BASE_TRY(data_manifest_append(manifest, capacity, &row, err));
        n_rows++;
    }
    if (n_rows == 0) return base_fail(err, BASE_EDATA, "%s: no rows below the header", c->name);
    return BASE_OK;
}

base_status data_source_csv(const data_source_options *options, data_manifest *manifest,
                            size_t *capacity, base_error *err) {
    csv c = {.name = base_path_join(&manifest->arena, options->path, options->labels),
             .arena = &manifest->arena};
    if (c.name == NULL) return base_fail(err, BASE_EMEMORY, "%s: no memory", options->path);
    void *bytes;
    size_t n_bytes;
    BASE_TRY(base_file_read(c.name, MAX_BYTES, &bytes, &n_bytes, err));
    c.cursor = bytes;
    c.end = c.cursor + n_bytes;
    base_status status = read_rows(&c, options->path, manifest, capacity, err);
    base_free(bytes);
    return status;
}
