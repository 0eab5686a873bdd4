/* base/csv.h - reading CSV files (RFC 4180) whose columns are found by their names.
 *
 *     enum { PATH, LABEL, GROUP, N_COLUMNS };
 *     static const char *const columns[N_COLUMNS] = {"path", "label", "group"};
 *     base_csv_form form = {.path = path, .columns = columns, .n_columns = N_COLUMNS, .n_needed =
 * 2}; base_csv_read(&form, &arena, read_row, context, &err);
 *
 * Lines end with \n or \r\n; a UTF-8 mark at the start and empty lines are passed over. Where the
 * header has its columns by semicolons or tabs, and not by commas, those separate the fields.
 * Written with base_text_add_csv. */
#ifndef BASE_CSV_H
#define BASE_CSV_H

#include "base/arena.h"
#include "base/status.h"

/* What a file must look like. Columns may stand in any order, among others that are passed over.
 * A name that is listed twice means the first and the second column of that name. */
typedef struct {
    const char *path;
    const char *const *columns; /* [n_columns] names */
    int n_columns, n_needed;    /* the first n_needed must be there, the others may be */
} base_csv_form;

/* The row at hand. */
typedef struct {
    const base_csv_form *form;
    int line;            /* where it begins, from 1 */
    int64_t most_rows;   /* no file of this size has more */
    const char **fields; /* [n_fields] as they stand in the file */
    int n_fields;        /* of the header and of every row */
    const int *field_of; /* [form->n_columns] where each column stands; -1: nowhere */
} base_csv;

typedef base_status base_csv_row(void *context, const base_csv *row, base_error *err);

/* Calls read_row for every row below the header, in order, until one fails. Fields live in the
 * arena, so they may be kept. Errors name the file and the line: EFORMAT for a column that is
 * missing or there too often, a row with more or fewer fields than the header, an open quote, a
 * NUL byte, UTF-16 or anything else that is not UTF-8, or more than 65,536 fields. A file of more
 * than 1 GiB is not read. */
base_status base_csv_read(const base_csv_form *form, base_arena *arena, base_csv_row *read_row,
                          void *context, base_error *err);

/* The row's field of a column, without the apostrophe of base_text_add_csv; "" if the file has no
 * such column. */
const char *base_csv_field(const base_csv *row, int column);
/* The same as the name of a file (base_path_bytes), in the arena. */
base_status base_csv_path(const base_csv *row, int column, base_arena *arena, const char **path,
                          base_error *err);
/* A number as base_parse_double and base_parse_int take it; EFORMAT for anything else. */
base_status base_csv_double(const base_csv *row, int column, double *value, base_error *err);
base_status base_csv_int(const base_csv *row, int column, int64_t *value, base_error *err);
/* A time: finite, not negative; 0 where the field is empty or the file has no such column. */
base_status base_csv_seconds(const base_csv *row, int column, double *seconds, base_error *err);

/* Fails with "FILE:LINE: " before the text. */
base_status base_csv_fail(const base_csv *row, base_error *err, base_status status,
                          const char *format, ...) BASE_PRINTF(4, 5);

/* One record of a text in memory, wherever it comes from: *cursor moves behind it. Fields are
 * copied into the arena; *n_fields is 0 at the end. *line, 0 at the start, counts the lines read.
 * EFORMAT, naming the line, for an open quote, a NUL byte or more than max_fields fields. */
base_status base_csv_record(const char **cursor, const char *end, base_arena *arena,
                            const char **fields, int max_fields, int *n_fields, int *line,
                            base_error *err);

#endif
