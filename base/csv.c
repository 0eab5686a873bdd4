#include "base/csv.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"

enum { MAX_COLUMNS = 1 << 16 };
#define MAX_BYTES ((size_t)1 << 30)

/* ---- records ---- */

static bool ends_record(const char *c, const char *end) {
    return c == end || *c == '\n' || (*c == '\r' && (c + 1 == end || c[1] == '\n'));
}

/* The end of the field that starts at c: a comma (or what stands for it), a line end or the end of
 * the input. NULL if its quote is never closed. */
static const char *field_end(const char *c, const char *end, char comma) {
    if (c < end && *c == '"') {
        for (c++; c < end && (*c != '"' || (c + 1 < end && c[1] == '"')); c++) {
            if (*c == '"') c++; /* a doubled quote stands for one */
        }
        if (c >= end) return NULL;
        c++;
    }
    while (c < end && *c != comma && !ends_record(c, end)) c++;
    return c;
}

/* Copies the field [c, stop) without its quotes, counting the line ends within. */
static void copy_field(const char *c, const char *stop, char *out, int *line) {
    bool quoted = c < stop && *c == '"';
    if (quoted) c++;
    for (; c < stop; c++) {
        if (quoted && *c == '"') {
            if (c + 1 < stop && c[1] == '"') {
                c++;
            } else {
                quoted = false; /* text behind a closing quote is taken as it stands */
                continue;
            }
        }
        *line += *c == '\n';
        *out++ = *c;
    }
}

/* Where a text is read, and how. */
typedef struct {
    const char *cursor, *end;
    char comma;  /* between fields */
    int n_lines; /* read */
    base_arena *arena;
} text_reader;

static base_status read_record(text_reader *r, const char **fields, int max_fields, int *n_fields,
                               base_error *err) {
    const char *end = r->end;
    base_arena *arena = r->arena;
    *n_fields = 0;
    if (r->cursor == end) return BASE_OK;
    int first_line = r->n_lines + 1;
    for (const char *c = r->cursor;; c++) {
        const char *stop = field_end(c, end, r->comma);
        const char *problem = stop == NULL ? "a quote is never closed"
                              : memchr(c, '\0', (size_t)(stop - c)) != NULL ? "a NUL byte"
                              : *n_fields == max_fields                     ? "too many fields"
                                                                            : NULL;
        if (problem != NULL) {
            return base_fail(err, BASE_EFORMAT, "line %d: %s", first_line, problem);
        }
        char *field = base_arena_alloc(arena, (size_t)(stop - c) + 1, 1);
        if (field == NULL) return base_fail(err, BASE_EMEMORY, "line %d: no memory", first_line);
        copy_field(c, stop, field, &r->n_lines);
        fields[(*n_fields)++] = field;
        c = stop;
        if (ends_record(c, end)) {
            if (c < end) c += *c == '\r' && c + 1 < end ? 2 : 1;
            r->n_lines++;
            r->cursor = c;
            return BASE_OK;
        }
    }
}

base_status base_csv_record(const char **cursor, const char *end, base_arena *arena,
                            const char **fields, int max_fields, int *n_fields, int *line,
                            base_error *err) {
    text_reader r = {.cursor = *cursor, .end = end, .comma = ',', .n_lines = *line, .arena = arena};
    base_status status = read_record(&r, fields, max_fields, n_fields, err);
    *cursor = r.cursor;
    *line = r.n_lines;
    return status;
}

/* ---- rows ---- */

/* What was written, without the apostrophe that keeps it from being taken for a formula. */
static const char *plain(const char *field) {
    return field + (*field == '\'' && base_text_is_formula(field));
}

const char *base_csv_field(const base_csv *row, int column) {
    return row->field_of[column] >= 0 ? plain(row->fields[row->field_of[column]]) : "";
}

base_status base_csv_path(const base_csv *row, int column, base_arena *arena, const char **path,
                          base_error *err) {
    *path = base_path_bytes(arena, base_csv_field(row, column));
    return *path != NULL ? BASE_OK : base_csv_fail(row, err, BASE_EMEMORY, "no memory");
}

base_status base_csv_fail(const base_csv *row, base_error *err, base_status status,
                          const char *format, ...) {
    char text[2 * BASE_ERROR_SIZE];
    va_list arguments;
    va_start(arguments, format);
    if (vsnprintf(text, sizeof text, format, arguments) < 0) text[0] = '\0';
    va_end(arguments);
    return base_fail(err, status, "%s:%d: %s", row->form->path, row->line, text);
}

static base_status fail_field(const base_csv *row, int column, const char *what, base_error *err) {
    const char *text = base_csv_field(row, column);
    bool comma = text[strspn(text, "+-0123456789")] == ',';
    return base_csv_fail(row, err, BASE_EFORMAT, "%s: '%s' is not a %s%s",
                         row->form->columns[column], text, what,
                         comma ? "; decimals stand behind a point, not a comma" : "");
}

base_status base_csv_double(const base_csv *row, int column, double *value, base_error *err) {
    bool read = base_parse_double(base_csv_field(row, column), value);
    return read ? BASE_OK : fail_field(row, column, "number", err);
}

base_status base_csv_int(const base_csv *row, int column, int64_t *value, base_error *err) {
    bool read = base_parse_int(base_csv_field(row, column), value);
    return read ? BASE_OK : fail_field(row, column, "whole number", err);
}

base_status base_csv_seconds(const base_csv *row, int column, double *seconds, base_error *err) {
    const char *text = base_csv_field(row, column);
    *seconds = 0;
    if (text[0] == '\0') return BASE_OK;
    if (base_parse_double(text, seconds) && isfinite(*seconds) && *seconds >= 0) return BASE_OK;
    return fail_field(row, column, "time in seconds", err);
}

/* ---- files ---- */

typedef struct {
    base_csv row;
    text_reader text;
    int most_fields; /* of a record */
    int *field_of;   /* row.field_of */
} reader;

static base_status next_record(reader *r, int *n_fields, base_error *err) {
    r->row.line = r->text.n_lines + 1;
    base_status status = read_record(&r->text, r->row.fields, r->most_fields, n_fields, err);
    if (status != BASE_OK) return base_fail_within(err, "%s", r->row.form->path);
    for (int f = 0; f < *n_fields; f++) {
        const char *fault = base_utf8_fault(r->row.fields[f]);
        if (fault == NULL) continue;
        return base_csv_fail(&r->row, err, BASE_EFORMAT,
                             "the byte \\x%02x is not UTF-8: write the file in that encoding",
                             (unsigned char)*fault);
    }
    return BASE_OK;
}

static base_status fail_missing(const base_csv *header, const char *name, base_error *err) {
    const char *near = base_nearest(name, header->fields, header->n_fields);
    return base_csv_fail(header, err, BASE_EFORMAT, "no column '%s' in the header%s%s%s", name,
                         near != NULL ? " (is '" : "", near != NULL ? near : "",
                         near != NULL ? "' meant?)" : "");
}

/* How often `name` stands before columns[column]. */
static int count_earlier(const base_csv_form *form, int column, const char *name) {
    int n = 0;
    for (int c = 0; c < column; c++) n += strcmp(form->columns[c], name) == 0;
    return n;
}

static base_status find_column(reader *r, int column, base_error *err) {
    const base_csv_form *form = r->row.form;
    const char *name = form->columns[column];
    int n_listed = count_earlier(form, form->n_columns, name);
    int wanted = count_earlier(form, column, name), n = 0;
    r->field_of[column] = -1;
    for (int f = 0; f < r->row.n_fields; f++) {
        if (strcmp(plain(r->row.fields[f]), name) != 0) continue;
        if (n == wanted) r->field_of[column] = f;
        n++;
    }
    if (n > n_listed) {
        return base_csv_fail(&r->row, err, BASE_EFORMAT, "two columns are named '%s'", name);
    }
    if (r->field_of[column] < 0 && column < form->n_needed) return fail_missing(&r->row, name, err);
    return BASE_OK;
}

static base_status find_columns(reader *r, base_error *err) {
    BASE_TRY(next_record(r, &r->row.n_fields, err));
    for (int c = 0; c < r->row.form->n_columns; c++) BASE_TRY(find_column(r, c, err));
    return BASE_OK;
}

/* Spreadsheets also write semicolons or tabs. They are what separates fields where the header has
 * its columns by them and not by commas. */
static base_status read_header(reader *r, base_error *err) {
    const text_reader start = r->text;
    base_error other;
    base_status status = find_columns(r, err);
    for (const char *comma = ";\t"; status == BASE_EFORMAT && *comma != '\0'; comma++) {
        r->text = start;
        r->text.comma = *comma;
        if (find_columns(r, &other) == BASE_OK) return BASE_OK;
    }
    return status;
}

/* Passes over a mark at the start, and counts line ends. */
static base_status begin(reader *r, base_error *err) {
    static const char utf8[] = {'\xEF', '\xBB', '\xBF'}, little[] = {'\xFF', '\xFE'},
                      big[] = {'\xFE', '\xFF'};
    text_reader *text = &r->text;
    ptrdiff_t n = text->end - text->cursor;
    if (n >= 2 && (memcmp(text->cursor, little, 2) == 0 || memcmp(text->cursor, big, 2) == 0)) {
        return base_fail(err, BASE_EFORMAT,
                         "%s: is UTF-16; save it as UTF-8 ('CSV UTF-8' in a spreadsheet)",
                         r->row.form->path);
    }
    if (n >= 3 && memcmp(text->cursor, utf8, 3) == 0) text->cursor += 3;
    for (const char *c = text->cursor; c < text->end; c++) r->row.most_rows += *c == '\n';
    return BASE_OK;
}

static base_status read_rows(reader *r, base_csv_row *read_row, void *context, base_error *err) {
    BASE_TRY(begin(r, err));
    BASE_TRY(read_header(r, err));
    for (;;) {
        int n;
        BASE_TRY(next_record(r, &n, err));
        if (n == 0) return BASE_OK;
        if (n == 1 && r->row.fields[0][0] == '\0') continue;
        if (n != r->row.n_fields) {
            return base_csv_fail(&r->row, err, BASE_EFORMAT, "%d fields where the header has %d", n,
                                 r->row.n_fields);
        }
        BASE_TRY(read_row(context, &r->row, err));
    }
}

base_status base_csv_read(const base_csv_form *form, base_arena *arena, base_csv_row *read_row,
                          void *context, base_error *err) {
    void *bytes;
    size_t n_bytes;
    BASE_TRY(base_file_read(form->path, MAX_BYTES, &bytes, &n_bytes, err));
    reader r = {.row = {.form = form}, .text = {.cursor = bytes, .comma = ',', .arena = arena}};
    r.text.end = r.text.cursor + n_bytes;
    r.most_fields = n_bytes < MAX_COLUMNS ? (int)n_bytes + 1 : MAX_COLUMNS;
    r.row.fields = base_alloc((size_t)r.most_fields, sizeof *r.row.fields);
    r.row.field_of = r.field_of = base_alloc((size_t)form->n_columns, sizeof *r.field_of);
    base_status status = r.row.fields != NULL && r.field_of != NULL
                             ? read_rows(&r, read_row, context, err)
                             : base_fail(err, BASE_EMEMORY, "%s: out of memory", form->path);
    base_free(r.row.fields);
    base_free(r.field_of);
    base_free(bytes);
    return status;
}
