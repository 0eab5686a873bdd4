#include "data/alike.h"

#include <locale.h>
#include <string.h>
#include <wctype.h>

/* ---- characters ---- */

typedef struct {
    uint32_t first, last;
} range;

static bool is_within(uint32_t code, const range *ranges, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (code >= ranges[i].first && code <= ranges[i].last) return true;
    }
    return false;
}

/* White space, and marks that stand on the character before. */
static bool is_dropped(uint32_t code) {
    static const range space[] = {{0x20, 0x20},     {0xA0, 0xA0},     {0x1680, 0x1680},
                                  {0x2000, 0x200A}, {0x202F, 0x202F}, {0x205F, 0x205F},
                                  {0x3000, 0x3000}};
    static const range marks[] = {{0x300, 0x36F},   {0x1AB0, 0x1AFF}, {0x1DC0, 0x1DFF},
                                  {0x20D0, 0x20FF}, {0x3099, 0x309A}, {0xFE00, 0xFE0F},
                                  {0xFE20, 0xFE2F}};
    return base_utf8_is_hidden(code) || is_within(code, space, sizeof space / sizeof *space) ||
           is_within(code, marks, sizeof marks / sizeof *marks);
}

/* Letters without their accents; a '.' stands for a letter that has none to lose. */
static uint32_t without_accent(uint32_t code) {
    static const struct {
        uint32_t first;
        const char *letters;
    } runs[] = {
        {0xE0, "aaaaaa.ceeeeiiii.nooooo.ouuuuy.y"},
        {0x100, "aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiii..jjkk."
                "llllll..llnnnnnn...oooooo..rrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzz"},
        {0x1EA0, "aaaaaaaaaaaaaaaaaaaaaaaaeeeeeeeeeeeeeeeeiiiioooooooooooooooooooooooo"
                 "uuuuuuuuuuuuuuyyyyyyyy"},
    };
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
        if (code < runs[i].first || code - runs[i].first >= strlen(runs[i].letters)) continue;
        char letter = runs[i].letters[code - runs[i].first];
        return letter != '.' ? (uint32_t)letter : code;
    }
    return code;
}

/* Kana without their marks of voice, hiragana and katakana alike. */
static uint32_t without_voice(uint32_t code) {
    uint32_t hiragana = code >= 0x30A0 && code <= 0x30FF ? code - 0x60 : code;
    bool marked = false;
    if (hiragana >= 0x304B && hiragana <= 0x3062) marked = hiragana % 2 == 0;
    if (hiragana >= 0x3064 && hiragana <= 0x3069) marked = hiragana % 2 == 1;
    if (hiragana >= 0x306F && hiragana <= 0x307D) return code - (hiragana - 0x306F) % 3;
    return marked ? code - 1 : code;
}

/* Cyrillic and Greek letters, small ones here, that look like Latin ones, small or large; digits
 * that look like letters. */
static uint32_t shape(uint32_t code) {
    static const struct {
        uint32_t code;
        char letter;
    } shapes[] = {
        {'0', 'o'},   {'1', 'l'},   {'|', 'l'},   {0x131, 'i'}, {0xB5, 'm'},  {0x3B1, 'a'},
        {0x3B2, 'b'}, {0x3B5, 'e'}, {0x3B6, 'z'}, {0x3B7, 'h'}, {0x3B9, 'i'}, {0x3BA, 'k'},
        {0x3BC, 'm'}, {0x3BD, 'v'}, {0x3BF, 'o'}, {0x3C1, 'p'}, {0x3C4, 't'}, {0x3C5, 'y'},
        {0x3C7, 'x'}, {0x430, 'a'}, {0x432, 'b'}, {0x435, 'e'}, {0x43A, 'k'}, {0x43C, 'm'},
        {0x43D, 'h'}, {0x43E, 'o'}, {0x440, 'p'}, {0x441, 'c'}, {0x442, 't'}, {0x443, 'y'},
        {0x445, 'x'}, {0x451, 'e'}, {0x455, 's'}, {0x456, 'i'}, {0x457, 'i'}, {0x458, 'j'},
        {0x475, 'v'}, {0x4BB, 'h'}, {0x4CF, 'l'}, {0x501, 'd'}, {0x51B, 'q'}, {0x51D, 'w'}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        if (shapes[i].code == code) return (uint32_t)shapes[i].letter;
    }
    return code;
}

/* ---- names ---- */

static void add_code(base_text *out, uint32_t code) {
    base_text_add_bytes(out, &code, sizeof code);
}

/* A syllable of Hangul as its letters, as it stands where it is not composed. */
static void add_hangul(base_text *out, uint32_t syllable) {
    enum { VOWELS = 21, FINALS = 28 };
    uint32_t last = syllable % FINALS;
    add_code(out, 0x1100 + syllable / (VOWELS * FINALS));
    add_code(out, 0x1161 + syllable / FINALS % VOWELS);
    if (last > 0) add_code(out, 0x11A7 + last);
}

/* Without the locale case is that of ASCII. */
static uint32_t small(uint32_t code, locale_t unicode) {
    if (unicode != (locale_t)0) return (uint32_t)towlower_l((wint_t)code, unicode);
    return code >= 'A' && code <= 'Z' ? code - 'A' + 'a' : code;
}

static void add_name(const char *name, locale_t unicode, base_text *out) {
    uint32_t code;
    for (size_t n; (n = base_utf8_decode(name, &code)) > 0; name += n) {
        if (is_dropped(code)) continue;
        if (code >= 0xFF01 && code <= 0xFF5E) code -= 0xFEE0; /* of full width */
        if (code >= 0xAC00 && code <= 0xD7A3) {
            add_hangul(out, code - 0xAC00);
        } else {
            add_code(out, shape(without_accent(without_voice(small(code, unicode)))));
        }
    }
}

void data_alike_add(const char *name, base_text *out) {
    locale_t unicode = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    add_name(name, unicode, out);
    if (unicode != (locale_t)0) freelocale(unicode);
}

static bool are_alike(const base_text *a, const base_text *b) {
    return a->size > 0 && a->size == b->size && memcmp(a->data, b->data, a->size) == 0;
}

base_status data_alike_note(data_manifest *m, base_error *err) {
    base_text *keys = base_alloc((size_t)m->n_classes + 1, sizeof *keys);
    base_status status = BASE_OK;
    for (int c = 0; keys != NULL && c < m->n_classes; c++) {
        int first = 0;
        data_alike_add(m->classes[c], &keys[c]);
        if (keys[c].failed) status = BASE_EMEMORY;
        while (first < c && !are_alike(&keys[first], &keys[c])) first++;
        if (first == c) continue;
        data_manifest_note(m,
                           "the classes '%s' and '%s' look alike: they differ only in case, white "
                           "space, accents or characters of one shape",
                           m->classes[first], m->classes[c]);
    }
    for (int c = 0; keys != NULL && c < m->n_classes; c++) base_text_release(&keys[c]);
    if (keys == NULL) status = BASE_EMEMORY;
    base_free(keys);
    return status == BASE_OK ? BASE_OK : base_fail(err, status, "no memory for the classes");
}
