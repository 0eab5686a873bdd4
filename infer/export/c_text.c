#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "infer/export/c.h"

/* What a character of a text stands for; NULL: for itself. */
static const char *meaning_of(const export_c *e, char c) {
    return c == '@' ? e->prefix : c == '$' ? e->upper : c == '~' ? e->file_name : NULL;
}

static void add_renamed(const export_c *e, base_text *text, const char *line, const char *end) {
    for (const char *c = line; c < end; c++) {
        const char *meaning = meaning_of(e, *c);
        if (meaning != NULL) {
            base_text_add(text, meaning);
        } else {
            base_text_add_bytes(text, c, 1);
        }
    }
}

void export_c_add(const export_c *e, base_text *text, const char *lines) {
    while (*lines != '\0') {
        const char *end = strchr(lines, '\n') + 1;
        bool holds = lines[0] == ' ' || strchr(e->flags, lines[0]) != NULL;
        if (holds) add_renamed(e, text, lines + 1, end);
        lines = end;
    }
}

void export_c_line(const export_c *e, base_text *text, const char *format, ...) {
    char line[1024];
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    BASE_CHECK(n >= 0 && (size_t)n < sizeof line);
    add_renamed(e, text, line, line + n);
    base_text_add(text, "\n");
}

void export_c_number(base_text *text, float value) {
    char number[32];
    BASE_CHECK(isfinite(value));
    for (int digits = 6; digits <= 9; digits++) {
        snprintf(number, sizeof number, "%.*g", digits, (double)value);
        if (strtof(number, NULL) == value) break;
    }
    bool is_integer = strpbrk(number, ".e") == NULL;
    base_text_printf(text, "%s%sf", number, is_integer ? ".0" : "");
}

void export_c_double(base_text *text, double value) {
    base_text number = {0};
    BASE_CHECK(isfinite(value));
    base_text_add_number(&number, value);
    bool is_integer = strpbrk(base_text_string(&number), ".e") == NULL;
    base_text_printf(text, "%s%s", base_text_string(&number), is_integer ? ".0" : "");
    base_text_release(&number);
}

/* Bytes past ASCII and what could end the string or a comment become octal escapes. */
void export_c_string(base_text *text, const char *string) {
    base_text_add(text, "\"");
    for (const char *c = string; *c != '\0'; c++) {
        bool plain = *c >= ' ' && *c <= '~' && strchr("\"\\?*", *c) == NULL;
        base_text_printf(text, plain ? "%c" : "\\%03o", (unsigned char)*c);
    }
    base_text_add(text, "\"");
}

void export_c_need(export_c *e, export_c_piece piece) {
    if (e->needed[piece]) return;
    e->needed[piece] = true;
    for (int i = 0; i < EXPORT_C_MAX_NEEDS; i++) export_c_need(e, export_c_pieces[piece].needs[i]);
}

const char *export_c_format(export_c *e, const char *format, ...) {
    char line[1024];
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    BASE_CHECK(n >= 0 && (size_t)n < sizeof line);
    const char *text = base_arena_string(&e->arena, line);
    if (text == NULL) e->failed = true;
    return text != NULL ? text : "";
}

base_status export_c_no_memory(const export_c *e) {
    return base_fail(e->err, BASE_EMEMORY, "export: out of memory");
}
