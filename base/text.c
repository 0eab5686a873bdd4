#include "base/text.h"

#include <errno.h>
#include <float.h>
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool reserve(base_text *text, size_t n_more) {
    if (text->failed) return false;
    void *data = text->data;
    if (n_more >= SIZE_MAX - text->size ||
        !base_grow(&data, &text->capacity, text->size + n_more + 1, 1)) {
        text->failed = true;
        return false;
    }
    text->data = data;
    return true;
}

void base_text_add_bytes(base_text *text, const void *bytes, size_t n_bytes) {
    if (!reserve(text, n_bytes)) return;
    if (n_bytes > 0) memcpy(text->data + text->size, bytes, n_bytes);
    text->size += n_bytes;
    text->data[text->size] = '\0';
}

void base_text_add(base_text *text, const char *string) {
    base_text_add_bytes(text, string, strlen(string));
}

void base_text_printf(base_text *text, const char *format, ...) {
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int n = vsnprintf(NULL, 0, format, arguments);
    if (n < 0) text->failed = true;
    if (n >= 0 && reserve(text, (size_t)n)) {
        vsnprintf(text->data + text->size, (size_t)n + 1, format, again);
        text->size += (size_t)n;
    }
    va_end(again);
    va_end(arguments);
}

void base_text_release(base_text *text) {
    if (text == NULL) return;
    base_free(text->data);
    *text = (base_text){0};
}

const char *base_text_string(const base_text *text) {
    return text->data != NULL ? text->data : "";
}

void base_text_add_csv(base_text *text, const char *field) {
    if (field[strcspn(field, ",\"\r\n")] == '\0') {
        base_text_add(text, field);
        return;
    }
    base_text_add(text, "\"");
    for (const char *c = field; *c != '\0'; c++) {
        if (*c == '"') base_text_add(text, "\"");
        base_text_add_bytes(text, c, 1);
    }
    base_text_add(text, "\"");
}

void base_text_add_html(base_text *text, const char *string) {
    static const char special[] = "&<>\"'";
    static const char *const entities[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"};
    for (;;) {
        size_t plain = strcspn(string, special);
        base_text_add_bytes(text, string, plain);
        string += plain;
        if (*string == '\0') return;
        base_text_add(text, entities[strchr(special, *string++) - special]);
    }
}

/* '-' alone would be typeset as a hyphen, which cannot be copied into a shell. A full stop at the
 * start of a line begins a request. */
void base_text_add_troff(base_text *text, const char *string) {
    static const char special[] = "\\-'`^~\n";
    static const char *const escapes[] = {"\\e", "\\-", "\\(aq", "\\(ga", "\\(ha", "\\(ti", "\n"};
    for (bool begins_line = true; *string; string++) {
        if (begins_line && *string == '.') base_text_add(text, "\\&");
        size_t plain = strcspn(string, special);
        base_text_add_bytes(text, string, plain);
        string += plain;
        if (*string == '\0') return;
        base_text_add(text, escapes[strchr(special, *string) - special]);
        begins_line = *string == '\n';
    }
}

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

void base_text_add_json(base_text *text, const char *string) {
    base_text_add(text, "\"");
    for (const char *s = string; *s != '\0';) {
        uint32_t code = 0;
        size_t n = base_utf8_decode(s, &code);
        if (n == 0) {
            base_text_add(text, "\xEF\xBF\xBD");
        } else if (*s == '"' || *s == '\\') {
            base_text_printf(text, "\\%c", *s);
        } else if (*s == '\n') {
            base_text_add(text, "\\n");
        } else if (*s == '\t') {
            base_text_add(text, "\\t");
        } else if (code < 0x20) {
            base_text_printf(text, "\\u%04x", (unsigned)code);
        } else {
            base_text_add_bytes(text, s, n);
        }
        s += n > 0 ? n : 1;
    }
    base_text_add(text, "\"");
}

/* The calling thread's former locale; numbers are read and written in the "C" locale between
 * enter_c_locale and leave_c_locale. Without memory for it the thread's own locale stays. */
typedef struct {
    locale_t c, former;
} number_locale;

static number_locale enter_c_locale(void) {
    number_locale l = {.c = newlocale(LC_ALL_MASK, "C", (locale_t)0)};
    if (l.c != (locale_t)0) l.former = uselocale(l.c);
    return l;
}

static void leave_c_locale(number_locale l) {
    if (l.c == (locale_t)0) return;
    uselocale(l.former);
    freelocale(l.c);
}

void base_text_add_number(base_text *text, double value) {
    if (!isfinite(value)) {
        base_text_add(text, isnan(value) ? "nan" : value > 0 ? "inf" : "-inf");
        return;
    }
    number_locale l = enter_c_locale();
    char buf[40];
    /* 15 digits always survive the way to a normal double and back; fewer may do for the others. */
    for (int digits = fabs(value) >= DBL_MIN ? 15 : 1; digits <= 17; digits++) {
        snprintf(buf, sizeof buf, "%.*g", digits, value);
        if (strtod(buf, NULL) == value) break;
    }
    leave_c_locale(l);
    base_text_add(text, buf);
}

bool base_parse_int(const char *text, int64_t *value) {
    const char *digits = text + (*text == '-' || *text == '+');
    if (*digits < '0' || *digits > '9') return false; /* strtoll would skip spaces */
    char *end;
    errno = 0;
    long long parsed = strtoll(text, &end, 10);
    if (errno != 0 || *end != '\0') return false;
    *value = parsed;
    return true;
}

/* Hexadecimal numbers, "nan(...)" and "infinity" are strtod's, not ours. */
static bool looks_like_double(const char *text) {
    const char *c = text + (*text == '-' || *text == '+');
    if (strcmp(c, "nan") == 0 || strcmp(c, "inf") == 0) return true;
    return *c != '\0' && strchr("0123456789.", *c) != NULL &&
           strspn(c, "0123456789.eE+-") == strlen(c);
}

bool base_parse_double(const char *text, double *value) {
    if (!looks_like_double(text)) return false;
    number_locale l = enter_c_locale();
    char *end;
    errno = 0;
    double parsed = strtod(text, &end);
    bool overflow = errno == ERANGE && fabs(parsed) > 1.0;
    leave_c_locale(l);
    if (overflow || end == text || *end != '\0') return false;
    *value = parsed;
    return true;
}

static char lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

enum { MAX_WORD = 63 };

static int smaller(int a, int b) {
    return a < b ? a : b;
}

/* Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours, each 1.
 * Letters of either case are the same. */
static int edit_distance(const char *a, int n_a, const char *b, int n_b) {
    int rows[3][MAX_WORD + 1]; /* of i - 2, i - 1 and i, in turn */
    for (int j = 0; j <= n_b; j++) rows[0][j] = j;
    for (int i = 1; i <= n_a; i++) {
        int *row = rows[i % 3], *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
        row[0] = i;
        for (int j = 1; j <= n_b; j++) {
            char x = lower(a[i - 1]), y = lower(b[j - 1]);
            row[j] = smaller(smaller(last[j], row[j - 1]) + 1, last[j - 1] + (x != y));
            if (i > 1 && j > 1 && x == lower(b[j - 2]) && lower(a[i - 2]) == y) {
                row[j] = smaller(row[j], before[j - 2] + 1);
            }
        }
    }
    return rows[n_a % 3][n_b];
}

const char *base_nearest(const char *word, const char *const *candidates, int n_candidates) {
    size_t n = strlen(word);
    if (n > MAX_WORD) return NULL;
    int limit = n > 6 ? (int)n / 3 : 2;
    const char *nearest = NULL;
    for (int i = 0; i < n_candidates; i++) {
        size_t n_candidate = strlen(candidates[i]);
        if (n_candidate > MAX_WORD) continue;
        int distance = edit_distance(word, (int)n, candidates[i], (int)n_candidate);
        /* Words that share nothing are not near, however short. */
        bool related = distance < (int)(n > n_candidate ? n : n_candidate);
        if (distance > limit || !related) continue;
        nearest = candidates[i];
        limit = distance - 1; /* the first of equals wins */
    }
    return nearest;
}

static const char *next_character(const char *c) {
    do {
        c++;
    } while (((unsigned char)*c & 0xC0) == 0x80);
    return c;
}

/* After a mismatch the last star takes one character more; earlier stars need not be revisited. */
bool base_glob(const char *pattern, const char *text) {
    const char *star = NULL, *resume = NULL;
    while (*text != '\0') {
        if (*pattern == '*') {
            star = pattern++;
            resume = text;
        } else if (*pattern == '?') {
            pattern++;
            text = next_character(text);
        } else if (*pattern != '\0' && lower(*pattern) == lower(*text)) {
            pattern++;
            text++;
        } else if (star != NULL) {
            pattern = star + 1;
            text = ++resume;
        } else {
            return false;
        }
    }
    while (*pattern == '*') pattern++;
    return *pattern == '\0';
}

const char *base_thousands(int64_t value, char *buf) {
    char digits[24];
    int n = snprintf(digits, sizeof digits, "%" PRIu64,
                     value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
    char *out = buf;
    if (value < 0) *out++ = '-';
    for (int i = 0; i < n; i++) {
        if (i > 0 && (n - i) % 3 == 0) *out++ = ',';
        *out++ = digits[i];
    }
    *out = '\0';
    return buf;
}
