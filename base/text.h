/* base/text.h - growing strings, CSV fields, number formatting, spelling help. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include "base/arena.h"
#include "base/status.h"
#include "base/utf8.h"

/* A growing string. All zeros is empty. After an allocation fails, `failed` stays set and further
 * calls do nothing: check once at the end. */
typedef struct {
    char *data; /* NUL-terminated once anything was added; NULL before */
    size_t size, capacity;
    bool failed;
} base_text;

void base_text_add(base_text *text, const char *string);
void base_text_add_bytes(base_text *text, const void *bytes, size_t n_bytes);
void base_text_printf(base_text *text, const char *format, ...) BASE_PRINTF(2, 3);
void base_text_release(base_text *text);
const char *base_text_string(const base_text *text); /* "" when empty */

/* Adds `string` as people are shown it (base/utf8.h), on one line. */
void base_text_add_shown(base_text *text, const char *string);

/* Adds one CSV field (RFC 4180), quoted only where needed; the caller adds commas and newlines.
 * What a spreadsheet would take for a formula gets an apostrophe in front, bytes that are not UTF-8
 * become \xNN. base/csv.h reads, and takes the apostrophe off. */
void base_text_add_csv(base_text *text, const char *field);
/* Whether a field, behind the apostrophes it may begin with, begins with =, +, - or @ and is no
 * number. */
bool base_text_is_formula(const char *field);

/* Adds `string` as it is shown, with &, <, >, " and ' escaped for HTML and SVG; _lines: with its
 * ends of lines. */
void base_text_add_html(base_text *text, const char *string);
void base_text_add_html_lines(base_text *text, const char *string);

/* Adds `string` escaped for troff: neither requests nor escape sequences. */
void base_text_add_troff(base_text *text, const char *string);

/* Adds `string` as a JSON string with its quotes. What is not seen (base/utf8.h) stands as \uNNNN;
 * of a byte that is not UTF-8, the four characters \xNN become part of the string. */
void base_text_add_json(base_text *text, const char *string);

/* The name of a file in a text that is UTF-8: bytes that are not UTF-8 stand as \xNN, and so does a
 * backslash that looks like the beginning of that (\x5c); all other names stay as they are. The way
 * back gives the same bytes. Both return NULL when out of memory. */
const char *base_path_text(base_arena *arena, const char *path);
const char *base_path_bytes(base_arena *arena, const char *text);
/* The same as a field and as a string. */
void base_text_add_csv_path(base_text *text, const char *path);
void base_text_add_json_path(base_text *text, const char *path);

/* Adds the shortest decimal that reads back as the same double ("0.1", "1e-05"); NaN and
 * infinities as "nan", "inf", "-inf". Independent of the locale. */
void base_text_add_number(base_text *text, double value);

/* Whole-string conversions: false unless all of `text` is one number in range. Not locale-bound.
 * base_parse_double accepts "nan", "inf". */
bool base_parse_int(const char *text, int64_t *value);
bool base_parse_double(const char *text, double *value);

/* The candidate nearest to `word` by edit distance (with transpositions), or NULL when none is
 * within a third of its length (at least 2). */
const char *base_nearest(const char *word, const char *const *candidates, int n_candidates);

/* Glob match of `text` against `pattern` with * and ?, case-insensitive for ASCII. */
bool base_glob(const char *pattern, const char *text);

/* "1,480" from 1480, into buf[32]. */
const char *base_thousands(int64_t value, char *buf);

#endif
