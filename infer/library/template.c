#include "infer/library/template.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"

enum { MAX_COMPONENT_BYTES = 200 };

typedef void add_field(const library_facts *facts, base_text *out);

/* One component of a path from any text. */
static void add_component(const char *text, size_t n_bytes, base_text *out) {
    static const char refused[] = "/\\:*?\"<>|";
    if (n_bytes > 0 && text[0] == '.') {
        base_text_add(out, "_");
        text++;
        n_bytes--;
    }
    for (size_t i = 0; i < n_bytes; i++) {
        bool bad = (unsigned char)text[i] < ' ' || text[i] == 0x7F || strchr(refused, text[i]);
        base_text_add_bytes(out, bad ? "_" : text + i, 1);
    }
}

static void add_class(const library_facts *facts, base_text *out) {
    add_component(facts->class_name, strlen(facts->class_name), out);
}

static void add_name(const library_facts *facts, base_text *out) {
    const char *name = base_path_name(facts->path), *extension = base_path_extension(name);
    size_t n = *extension != '\0' ? (size_t)(extension - name) - 1 : strlen(name);
    base_text_add_bytes(out, name, n);
}

static void add_ext(const library_facts *facts, base_text *out) {
    const char *extension = base_path_extension(facts->path);
    add_component(extension, strlen(extension), out);
}

static void add_folder(const library_facts *facts, base_text *out) {
    const char *name = base_path_name(facts->path), *end = name, *begin;
    while (end > facts->path && end[-1] == '/') end--;
    for (begin = end; begin > facts->path && begin[-1] != '/'; begin--) continue;
    if (begin == end) base_text_add(out, "none");
    add_component(begin, (size_t)(end - begin), out);
}

static void add_path(const library_facts *facts, base_text *out) {
    base_text_add(out, facts->below[0] != '\0' ? facts->below : "none");
}

static void add_pitch(const library_facts *facts, base_text *out) {
    if (!isfinite(facts->pitch_hz)) base_text_add(out, "none");
    if (isfinite(facts->pitch_hz)) base_text_printf(out, "%.0fHz", facts->pitch_hz);
}

const char *library_note_name(double pitch_hz, char *buf) {
    static const char *const names[] = {"C",  "C#", "D",  "D#", "E",  "F",
                                        "F#", "G",  "G#", "A",  "A#", "B"};
    snprintf(buf, 16, "none");
    if (!(pitch_hz > 8 && pitch_hz < 20000)) return buf;
    int note = (int)lround(69 + 12 * log2(pitch_hz / 440));
    if (note >= 0) snprintf(buf, 16, "%s%d", names[note % 12], note / 12 - 1);
    return buf;
}

static void add_note(const library_facts *facts, base_text *out) {
    char name[16];
    base_text_add(out, library_note_name(facts->pitch_hz, name));
}

static void add_loudness(const library_facts *facts, base_text *out) {
    if (!isfinite(facts->loudness_lufs)) base_text_add(out, "none");
    if (isfinite(facts->loudness_lufs)) base_text_printf(out, "%.0fLUFS", facts->loudness_lufs);
}

static void add_seconds(const library_facts *facts, base_text *out) {
    base_text_printf(out, "%.2fs", facts->seconds);
}

static void add_confidence(const library_facts *facts, base_text *out) {
    if (!isfinite(facts->confidence)) base_text_add(out, "none");
    if (isfinite(facts->confidence)) base_text_printf(out, "%.2f", facts->confidence);
}

typedef struct {
    const char *name;
    add_field *add;
    bool measured;
} field;

static const field fields[] = {
    {"class", add_class, false},     {"name", add_name, false},
    {"ext", add_ext, false},         {"folder", add_folder, false},
    {"path", add_path, false},       {"pitch", add_pitch, true},
    {"note", add_note, true},        {"loudness", add_loudness, true},
    {"seconds", add_seconds, false}, {"confidence", add_confidence, false},
};
enum { N_FIELDS = sizeof fields / sizeof *fields };

void library_template_add_fields(base_text *out) {
    for (int i = 0; i < N_FIELDS; i++) {
        base_text_printf(out, "%s{%s}", i > 0 ? ", " : "", fields[i].name);
    }
}

/* The field that begins at the brace `at`; *end: behind its closing brace. NULL: unknown or open.
 */
static const field *read_field(const char *at, const char **end) {
    const char *close = strchr(at, '}');
    *end = close != NULL ? close + 1 : NULL;
    for (int i = 0; close != NULL && i < N_FIELDS; i++) {
        size_t n = strlen(fields[i].name);
        if ((size_t)(close - at) == n + 1 && memcmp(at + 1, fields[i].name, n) == 0) {
            return &fields[i];
        }
    }
    return NULL;
}

static base_status fail_field(const char *text, const char *at, const char *end, base_error *err) {
    base_text known = {0};
    library_template_add_fields(&known);
    base_fail(err, BASE_ECONFIG, "template '%s': no field %.*s; there are %s", text,
              (int)(end != NULL ? end - at : (ptrdiff_t)strlen(at)), at, base_text_string(&known));
    base_text_release(&known);
    return BASE_ECONFIG;
}

/* Components of the template's own text that would leave the folder or hide. */
static bool has_bad_component(const char *text) {
    if (text[0] == '/' || text[0] == '.') return true;
    return strstr(text, "/.") != NULL || strstr(text, "//") != NULL;
}

base_status library_template_check(const char *text, bool *measures, base_error *err) {
    *measures = false;
    for (const char *at = text; *at != '\0';) {
        const char *end = at + 1;
        if (*at == '}') return base_fail(err, BASE_ECONFIG, "template '%s': a '}' alone", text);
        const field *found = *at == '{' ? read_field(at, &end) : NULL;
        if (*at == '{' && found == NULL) return fail_field(text, at, end, err);
        if (found != NULL) *measures |= found->measured;
        at = end;
    }
    size_t n = strlen(text);
    if (n == 0 || text[n - 1] == '/') {
        return base_fail(err, BASE_ECONFIG, "template '%s': names a folder, not a file", text);
    }
    if (has_bad_component(text)) {
        return base_fail(err, BASE_ECONFIG,
                         "template '%s': must be a path below the library, without hidden folders",
                         text);
    }
    return BASE_OK;
}

/* Where to cut so that no character is cut in two. */
static size_t cut_at(const char *text, size_t n_bytes) {
    while (n_bytes > 0 && ((unsigned char)text[n_bytes] & 0xC0) == 0x80) n_bytes--;
    return n_bytes;
}

/* Components of no more than MAX_COMPONENT_BYTES. */
static void add_cut(const char *path, base_text *out) {
    while (*path != '\0') {
        size_t n = strcspn(path, "/"), slash = path[n] == '/';
        size_t kept = n > MAX_COMPONENT_BYTES ? cut_at(path, MAX_COMPONENT_BYTES) : n;
        base_text_add_bytes(out, path, kept);
        if (slash) base_text_add(out, "/");
        path += n + slash;
    }
}

const char *library_template_expand(const char *text, const library_facts *facts,
                                    base_arena *arena) {
    base_text whole = {0}, cut = {0};
    for (const char *at = text; *at != '\0';) {
        const char *end = at + 1;
        const field *found = *at == '{' ? read_field(at, &end) : NULL;
        if (found != NULL) found->add(facts, &whole);
        if (found == NULL) base_text_add_bytes(&whole, at, 1);
        at = end;
    }
    add_cut(base_text_string(&whole), &cut);
    const char *path =
        whole.failed || cut.failed ? NULL : base_arena_string(arena, base_text_string(&cut));
    base_text_release(&whole);
    base_text_release(&cut);
    return path;
}
