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

static char lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

void base_text_add_shown(base_text *text, const char *string) {
    char shown[BASE_SHOWN_BYTES];
    for (size_t n; (n = base_utf8_show(string, shown)) > 0; string += n) base_text_add(text, shown);
}

/* Adds the character at `string`, or of a byte that is none, \xNN; returns how many bytes it took,
 * 0 at the end. */
static size_t add_character(base_text *text, const char *string) {
    uint32_t code;
    size_t n = base_utf8_decode(string, &code);
    if (n == 0 && *string != '\0') {
        base_text_printf(text, "\\x%02x", (unsigned char)*string);
        return 1;
    }
    base_text_add_bytes(text, string, n);
    return n;
}

/* ---- CSV ---- */

bool base_text_is_formula(const char *field) {
    double number;
    field += strspn(field, "'");
    return *field != '\0' && strchr("=+-@", *field) != NULL && !base_parse_double(field, &number);
}

void base_text_add_csv(base_text *text, const char *field) {
    bool quoted = field[strcspn(field, ",\"\r\n")] != '\0';
    if (quoted) base_text_add(text, "\"");
    if (base_text_is_formula(field)) base_text_add(text, "'");
    for (size_t n; *field != '\0'; field += n) {
        if (*field == '"') base_text_add(text, "\"");
        n = add_character(text, field);
    }
    if (quoted) base_text_add(text, "\"");
}

/* ---- HTML ---- */

static void add_html(base_text *text, const char *string, bool keep_lines) {
    static const char special[] = "&<>\"'";
    static const char *const entities[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"};
    char shown[BASE_SHOWN_BYTES];
    for (size_t n; (n = base_utf8_show(string, shown)) > 0; string += n) {
        const char *found = strchr(special, *string);
        bool line_end = keep_lines && *string == '\n';
        base_text_add(text, found != NULL ? entities[found - special] : line_end ? "\n" : shown);
    }
}

void base_text_add_html(base_text *text, const char *string) {
    add_html(text, string, false);
}

void base_text_add_html_lines(base_text *text, const char *string) {
    add_html(text, string, true);
}

/* ---- names of files ---- */

/* Whether `text` begins with \xNN; *byte is what that stands for. */
static bool is_byte(const char *text, char *byte) {
    static const char digits[] = "0123456789abcdef";
    if (text[0] != '\\' || text[1] != 'x' || text[2] == '\0' || text[3] == '\0') return false;
    const char *high = strchr(digits, lower(text[2])), *low = strchr(digits, lower(text[3]));
    if (high == NULL || low == NULL) return false;
    *byte = (char)((high - digits) << 4 | (low - digits));
    return *byte != '\0';
}

static void add_path(base_text *text, const char *path) {
    char byte;
    for (size_t n; *path != '\0'; path += n) {
        n = 1;
        if (is_byte(path, &byte)) {
            base_text_add(text, "\\x5c");
        } else {
            n = add_character(text, path);
        }
    }
}

static void remove_escapes(base_text *out, const char *text) {
    while (*text != '\0') {
        char byte;
        bool escaped = is_byte(text, &byte);
        base_text_add_bytes(out, escaped ? &byte : text, 1);
        text += escaped ? 4 : 1;
    }
}

/* What `convert` makes of the string, in the arena. */
static const char *converted(base_arena *arena, const char *string,
                             void convert(base_text *, const char *)) {
    base_text text = {0};
    convert(&text, string);
    const char *copy = text.failed ? NULL : base_arena_string(arena, base_text_string(&text));
    base_text_release(&text);
    return copy;
}

const char *base_path_text(base_arena *arena, const char *path) {
    return converted(arena, path, add_path);
}

const char *base_path_bytes(base_arena *arena, const char *text) {
    return converted(arena, text, remove_escapes);
}

static void add_converted(base_text *text, const char *path, void add(base_text *, const char *)) {
    base_text name = {0};
    add_path(&name, path);
    add(text, base_text_string(&name));
    text->failed |= name.failed;
    base_text_release(&name);
}

void base_text_add_csv_path(base_text *text, const char *path) {
    add_converted(text, path, base_text_add_csv);
}

void base_text_add_json_path(base_text *text, const char *path) {
    add_converted(text, path, base_text_add_json);
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

/* \uNNNN; what is beyond the first plane takes a pair of surrogates. */
static void add_json_escape(base_text *text, uint32_t code) {
    if (code < 0x10000) {
        base_text_printf(text, "\\u%04x", (unsigned)code);
    } else {
        base_text_printf(text, "\\u%04x\\u%04x", (unsigned)(0xD800 + ((code - 0x10000) >> 10)),
                         (unsigned)(0xDC00 + (code & 0x3FF)));
    }
}

void base_text_add_json(base_text *text, const char *string) {
    base_text_add(text, "\"");
    for (const char *s = string; *s != '\0';) {
        uint32_t code = 0;
        size_t n = base_utf8_decode(s, &code);
        if (n == 0) {
            base_text_printf(text, "\\\\x%02x", (unsigned char)*s);
        } else if (*s == '"' || *s == '\\') {
            base_text_printf(text, "\\%c", *s);
        } else if (*s == '\n') {
            base_text_add(text, "\\n");
        } else if (*s == '\t') {
            base_text_add(text, "\\t");
        } else if (base_utf8_is_hidden(code)) {
            add_json_escape(text, code);
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
