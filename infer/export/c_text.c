#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "infer/export/c.h"

/* Folding finite weights can overflow, and C has no literal for the result. */
static bool add_not_finite(base_text *text, double value) {
    if (isfinite(value)) return false;
    base_text_add(text, isnan(value) ? "(0.0f / 0.0f)"
                        : value > 0  ? "(1.0f / 0.0f)"
                                     : "(-1.0f / 0.0f)");
    return true;
}

void export_c_number(base_text *text, float value) {
    char number[32];
    if (add_not_finite(text, (double)value)) return;
    for (int digits = 6; digits <= 9; digits++) {
        snprintf(number, sizeof number, "%.*g", digits, (double)value);
        if (strtof(number, NULL) == value) break;
    }
    bool is_integer = strpbrk(number, ".e") == NULL;
    base_text_printf(text, "%s%sf", number, is_integer ? ".0" : "");
}

void export_c_double(base_text *text, double value) {
    if (add_not_finite(text, value)) return;
    size_t start = text->size;
    base_text_add_number(text, value);
    bool is_integer = strpbrk(base_text_string(text) + start, ".e") == NULL;
    if (is_integer) base_text_add(text, ".0");
}

float export_c_not_below(double x) {
    float y = (float)x;
    return y < x ? nextafterf(y, INFINITY) : y;
}

/* Bytes past ASCII and characters that could end the string or a comment become octal escapes. */
void export_c_string(base_text *text, const char *string) {
    base_text_add(text, "\"");
    for (const char *c = string; *c != '\0'; c++) {
        bool plain = *c >= ' ' && *c <= '~' && strchr("\"\\?*", *c) == NULL;
        base_text_printf(text, plain ? "%c" : "\\%03o", (unsigned char)*c);
    }
    base_text_add(text, "\"");
}

base_status export_c_no_memory(const export_c *e) {
    return base_fail(e->err, BASE_EMEMORY, "export: out of memory");
}
