/* base/text.h - growing strings, CSV fields, number formatting, spelling help. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include "base/arena.h"
#include "base/status.h"

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

/* Adds one CSV field (RFC 4180), quoted only where needed; the caller adds commas and newlines.
 * base/csv.h reads. */
void base_text_add_csv(base_text *text, const char *field);

/* Adds `string` with &, <, >, " and ' escaped for HTML and SVG. */
void base_text_add_html(base_text *text, const char *string);

/* Adds `string` escaped for troff: neither requests nor escape sequences. */
void base_text_add_troff(base_text *text, const char *string);

/* Adds `string` as a JSON string with its quotes; bytes that are not UTF-8 become U+FFFD. */
void base_text_add_json(base_text *text, const char *string);

/* Decodes the UTF-8 character at `text` and returns its length in bytes; 0 at the end of the string
 * or where there is no well-formed character. */
size_t base_utf8_decode(const char *text, uint32_t *code);

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
