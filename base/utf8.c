#include "base/utf8.h"

#include <stdio.h>
#include <string.h>

size_t base_utf8_decode(const char *text, uint32_t *code) {
    const unsigned char *s = (const unsigned char *)text;
    size_t n = s[0] == 0     ? 0
               : s[0] < 0x80 ? 1
               : s[0] < 0xC2 ? 0
               : s[0] < 0xE0 ? 2
               : s[0] < 0xF0 ? 3
               : s[0] < 0xF5 ? 4
                             : 0;
    uint32_t value = n > 1 ? s[0] & (0x7Fu >> n) : s[0];
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xC0) != 0x80) return 0;
        value = value << 6 | (s[i] & 0x3F);
    }
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    if (n == 0 || value < smallest[n] || value > 0x10FFFF || (value >= 0xD800 && value < 0xE000))
        return 0;
    *code = value;
    return n;
}

const char *base_utf8_fault(const char *text) {
    uint32_t code;
    for (size_t n; (n = base_utf8_decode(text, &code)) > 0;) text += n;
    return *text != '\0' ? text : NULL;
}

/* Those of Unicode's default-ignorable characters and line ends that names have no use for;
 * variation selectors, which emoji end with, are left alone. */
bool base_utf8_is_hidden(uint32_t code) {
    static const struct {
        uint32_t first, last;
    } hidden[] = {
        {0x00, 0x1F},       /* C0 */
        {0x7F, 0x9F},       /* DEL, C1 */
        {0xAD, 0xAD},       /* soft hyphen */
        {0x34F, 0x34F},     /* grapheme joiner */
        {0x61C, 0x61C},     /* Arabic letter mark */
        {0x115F, 0x1160},   /* Hangul fillers */
        {0x17B4, 0x17B5},   /* Khmer inherent vowels */
        {0x180E, 0x180E},   /* Mongolian vowel separator */
        {0x200B, 0x200F},   /* zero-width space and joiners, direction marks */
        {0x2028, 0x202E},   /* line, paragraph; embeddings and overrides */
        {0x2060, 0x206F},   /* word joiner, invisible operators, isolates */
        {0x3164, 0x3164},   /* Hangul filler */
        {0xFEFF, 0xFEFF},   /* zero-width no-break space */
        {0xFFA0, 0xFFA0},   /* Hangul filler of half width */
        {0xFFF9, 0xFFFB},   /* interlinear annotation */
        {0x1D173, 0x1D17A}, /* musical beams and slurs */
        {0xE0000, 0xE00FF}, /* tags */
    };
    for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++) {
        if (code <= hidden[i].last) return code >= hidden[i].first;
    }
    return false;
}

size_t base_utf8_show(const char *text, char shown[BASE_SHOWN_BYTES]) {
    uint32_t code = 0;
    size_t n = base_utf8_decode(text, &code);
    if (n == 0 && *text == '\0') {
        shown[0] = '\0';
        return 0;
    }
    if (n > 0 && !base_utf8_is_hidden(code)) {
        memcpy(shown, text, n);
        shown[n] = '\0';
        return n;
    }
    if (n == 0) code = (unsigned char)*text;
    const char *form = n == 0 || code < 0x80 ? "\\x%02x" : code < 0x10000 ? "\\u%04x" : "\\U%08x";
    snprintf(shown, BASE_SHOWN_BYTES, form, (unsigned)code);
    return n > 0 ? n : 1;
}
