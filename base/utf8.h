/* base/utf8.h - UTF-8 from strangers: where it is broken, and how it is shown to people.
 *
 * Names of files and classes may hold anything. In all that people read (messages, tables, HTML,
 * pictures) characters that would act on a terminal, reorder the text, break the line or be seen by
 * nobody stand as escapes: control characters (C0, DEL, C1), line and paragraph separators, marks
 * of writing direction, and what has no width; and bytes that are not UTF-8. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decodes the UTF-8 character at `text` and returns its length in bytes; 0 at the end of the string
 * or where there is no well-formed character. */
size_t base_utf8_decode(const char *text, uint32_t *code);

/* The first byte that is not UTF-8; NULL if all of `text` is. */
const char *base_utf8_fault(const char *text);

/* Whether the character acts instead of being seen, so that it is shown as an escape. */
bool base_utf8_is_hidden(uint32_t code);

enum { BASE_SHOWN_BYTES = 12 };
/* The character at `text` as it is shown, NUL-terminated: itself, \x1b (a byte: what is below 0x80,
 * or not UTF-8), \u202e or \U000e0001. Returns how many bytes of `text` it took; 0 at the end. What
 * has been shown stays as it is when it is shown again. */
size_t base_utf8_show(const char *text, char shown[BASE_SHOWN_BYTES]);

#endif
