#include "data/sfz_text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

enum { MAX_TEXT_BYTES = 4 << 20, MAX_DEPTH = 16, MAX_INCLUDES = 1000 };
enum { MAX_VARIABLES = 10000, MAX_NAME_BYTES = 64 };

/* ---- files ---- */

/* Removes the last of "a/b/"; false if there is none. */
static bool leave_folder(base_text *path) {
    if (path->size == 0) return false;
    path->size--;
    while (path->size > 0 && path->data[path->size - 1] != '/') path->size--;
    path->data[path->size] = '\0';
    return true;
}

/* Adds a relative path's folders and file to "a/b/", without its "." and ".."; false if these lead
 * out of where it began. */
static bool add_parts(base_text *path, const char *name) {
    while (*name != '\0') {
        size_t n = strcspn(name, "/\\");
        bool is_folder = name[n] != '\0', is_parent = n == 2 && memcmp(name, "..", 2) == 0;
        if (is_parent && !leave_folder(path)) return false;
        if (!is_parent && n > 0 && !(n == 1 && name[0] == '.')) {
            base_text_add_bytes(path, name, n);
            if (is_folder) base_text_add(path, "/");
        }
        name += n + is_folder;
    }
    return true;
}

static bool is_absolute(const char *name) {
    return name[0] == '/' || name[0] == '\\' || (isalpha((unsigned char)name[0]) && name[1] == ':');
}

static bool is_below(const char *path, const char *folder) {
    char *real = realpath(folder[0] != '\0' ? folder : ".", NULL);
    size_t n = real != NULL ? strlen(real) : 0;
    bool below = real != NULL && strncmp(path, real, n) == 0 &&
                 (path[n] == '/' || (n > 0 && real[n - 1] == '/'));
    free(real);
    return below;
}

/* Whether links lead nowhere else. What is not there leads nowhere. */
static bool stays_inside(const data_sfz_place *place, const char *folder, const char *path) {
    char *real = realpath(path, NULL);
    bool inside = real == NULL || is_below(real, place->root) || is_below(real, folder);
    free(real);
    return inside;
}

base_status data_sfz_find(const data_sfz_place *place, const char *name, base_arena *arena,
                          const char **path, base_error *err) {
    base_text way = {0};
    size_t n_folder = (size_t)(base_path_name(place->name) - place->name);
    const char *folder =
        base_arena_printf(arena, "%s%.*s", place->root, (int)n_folder, place->name);
    *path = NULL;
    base_text_add_bytes(&way, place->name, n_folder);
    bool inside = !is_absolute(name) && add_parts(&way, name);
    const char *found =
        way.failed ? NULL : base_arena_printf(arena, "%s%s", place->root, base_text_string(&way));
    base_text_release(&way);
    if (folder == NULL || found == NULL) {
        return base_fail(err, BASE_EMEMORY, "%s: no memory for its files", place->name);
    }
    if (inside && stays_inside(place, folder, found)) *path = found;
    return BASE_OK;
}

/* ---- the state of reading ---- */

typedef struct {
    const char *name, *value; /* name without the $ */
} variable;

typedef struct {
    const data_sfz_place *place;
    data_sfz_text *out;
    size_t left;         /* bytes of text that may still come */
    base_list variables; /* variable, by name */
    base_text line;      /* the line at hand, with the values of variables */
    const char *open[MAX_DEPTH];
    int depth;
    data_sfz_token at; /* file and line */
} reading;

static base_status fail_at(const reading *r, base_error *err, base_status status,
                           const char *what) {
    return base_fail(err, status, "%s:%d: %s", r->at.file, r->at.line, what);
}

static base_status no_memory(const reading *r, base_error *err) {
    return fail_at(r, err, BASE_EMEMORY, "no memory for its text");
}

static base_status use_bytes(reading *r, size_t n_bytes, base_error *err) {
    if (n_bytes > r->left) {
        return fail_at(r, err, BASE_EFORMAT,
                       "more than 4 MiB of text with what is included and variables stand for");
    }
    r->left -= n_bytes;
    return BASE_OK;
}

/* ---- variables ---- */

static bool is_word(char c) {
    return isalnum((unsigned char)c) || c == '_';
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

/* Where a variable is, or would be. */
static size_t find_variable(const reading *r, const char *name, size_t n_name, bool *is_there) {
    const variable *items = r->variables.items;
    size_t low = 0, high = r->variables.n;
    *is_there = false;
    while (low < high && !*is_there) {
        size_t middle = (low + high) / 2;
        int order = strncmp(items[middle].name, name, n_name);
        if (order == 0) order = items[middle].name[n_name] != '\0';
        if (order == 0) *is_there = true;
        if (order < 0) low = middle + 1;
        if (order >= 0) high = middle;
    }
    return *is_there ? high : low;
}

static base_status set_variable(reading *r, const char *name, size_t n_name, const char *value,
                                base_error *err) {
    bool is_there;
    size_t at = find_variable(r, name, n_name, &is_there);
    variable new = {base_arena_copy(r->out->arena, name, n_name), value};
    if (new.name == NULL || value == NULL) return no_memory(r, err);
    if (!is_there) {
        if (r->variables.n == MAX_VARIABLES) {
            return fail_at(r, err, BASE_EFORMAT, "more than 10,000 variables");
        }
        if (!base_list_append(&r->variables, &new, 1)) return no_memory(r, err);
        variable *items = r->variables.items;
        memmove(items + at + 1, items + at, (r->variables.n - 1 - at) * sizeof *items);
    }
    ((variable *)r->variables.items)[at] = new;
    return BASE_OK;
}

/* The longest variable that the text behind a $ begins with; NULL: none. */
static const variable *longest_variable(const reading *r, const char *text, size_t *n_name) {
    size_t n = 0;
    bool is_there = false;
    while (n < MAX_NAME_BYTES && is_word(text[n])) n++;
    for (; n > 0; n--) {
        size_t at = find_variable(r, text, n, &is_there);
        *n_name = n;
        if (is_there) return (const variable *)r->variables.items + at;
    }
    return NULL;
}

/* Whether a line ends in #define, so that a name follows. */
static bool ends_in_define(const base_text *line) {
    static const char define[] = "#define";
    size_t n = line->size, n_define = sizeof define - 1;
    while (n > 0 && is_blank(line->data[n - 1])) n--;
    return n >= n_define && n < line->size &&
           memcmp(line->data + n - n_define, define, n_define) == 0;
}

/* Puts a line of text into r->line, with what variables stand for. */
static base_status expand(reading *r, const char *text, base_error *err) {
    r->line.size = 0;
    base_text_add(&r->line, "");
    while (*text != '\0') {
        size_t n = strcspn(text + 1, "$") + 1, n_name;
        const variable *v = text[0] == '$' && !ends_in_define(&r->line)
                                ? longest_variable(r, text + 1, &n_name)
                                : NULL;
        if (v != NULL) n = n_name + 1;
        const char *put = v != NULL ? v->value : text;
        size_t n_put = v != NULL ? strlen(put) : n;
        if (v != NULL) BASE_TRY(use_bytes(r, n_put, err));
        base_text_add_bytes(&r->line, put, n_put);
        text += n;
    }
    return r->line.failed ? no_memory(r, err) : BASE_OK;
}

/* ---- a line ---- */

static char *skip_blanks(char *text) {
    while (is_blank(*text)) text++;
    return text;
}

static bool begins(const char *text, const char *word) {
    return strncmp(text, word, strlen(word)) == 0;
}

static base_status read_file(reading *r, const char *path, base_error *err);

/* #define $NAME VALUE */
static base_status read_define(reading *r, char **at, base_error *err) {
    char *name = skip_blanks(*at + strlen("#define"));
    size_t n_name = strcspn(name, " \t");
    char *value = skip_blanks(name + n_name);
    size_t n_value = strcspn(value, " \t");
    *at = value + n_value;
    if (name[0] != '$' || n_name < 2 || n_name > MAX_NAME_BYTES + 1) {
        return fail_at(r, err, BASE_EFORMAT, "#define needs a $NAME of up to 64 letters");
    }
    return set_variable(r, name + 1, n_name - 1, base_arena_copy(r->out->arena, value, n_value),
                        err);
}

static base_status include(reading *r, const char *name, base_error *err) {
    const char *path;
    BASE_TRY(data_sfz_find(r->place, name, r->out->arena, &path, err));
    if (path == NULL) {
        return fail_at(r, err, BASE_EFORMAT, "includes a file outside of the folder");
    }
    for (int i = 0; i < r->depth; i++) {
        if (strcmp(r->open[i], path) == 0) {
            return fail_at(r, err, BASE_EFORMAT, "includes a file that it is included by");
        }
    }
    if (r->depth == MAX_DEPTH || r->out->included.n == MAX_INCLUDES) {
        return fail_at(r, err, BASE_EFORMAT, "includes too many files (1,000, 16 deep)");
    }
    if (!base_list_append(&r->out->included, &path, 1)) return no_memory(r, err);
    data_sfz_token here = r->at;
    base_text line = r->line;
    r->line = (base_text){0};
    base_status status = read_file(r, path, err);
    base_text_release(&r->line);
    r->line = line;
    r->at = here;
    return status;
}

/* #include "NAME" */
static base_status read_include(reading *r, char **at, base_error *err) {
    char *name = strchr(*at, '"');
    char *end = name != NULL ? strchr(name + 1, '"') : NULL;
    if (end == NULL) return fail_at(r, err, BASE_EFORMAT, "#include without a \"file\"");
    *end = '\0';
    *at = end + 1;
    return include(r, name + 1, err);
}

static base_status give(reading *r, const char *name, const char *value, base_error *err) {
    r->at.name = name;
    r->at.value = value;
    return r->out->take(r->out->context, &r->at, err);
}

static base_status read_header(reading *r, char **at, base_error *err) {
    char *name = *at + 1, *end = strchr(name, '>');
    if (end == NULL) return fail_at(r, err, BASE_EFORMAT, "a header without its '>'");
    *end = '\0';
    *at = end + 1;
    return give(r, name, NULL, err);
}

/* Whether a header, a directive or another opcode begins here, so that a value ends before. */
static bool ends_value(const char *text, bool is_behind_blank) {
    if (text[0] == '<') {
        size_t n = 1;
        while (is_word(text[n])) n++;
        return n > 1 && text[n] == '>';
    }
    if (!is_behind_blank) return false;
    if (begins(text, "#define") || begins(text, "#include")) return true;
    size_t n = 0;
    while (is_word(text[n])) n++;
    return n > 0 && text[n] == '=';
}

/* NAME=VALUE, where a value may hold blanks. What is no opcode is passed over, to the line's end.
 */
static base_status read_opcode(reading *r, char **at, base_error *err) {
    char *name = *at, *value = strchr(name, '=');
    *at += strlen(*at);
    if (value == NULL) return BASE_OK;
    *value++ = '\0';
    char *end = value;
    while (*end != '\0' && !ends_value(end, end > value && is_blank(end[-1]))) end++;
    char next = *end;
    *at = end;
    while (end > value && is_blank(end[-1])) end--;
    for (char *c = name + strlen(name); c > name && is_blank(c[-1]); c--) c[-1] = '\0';
    *end = '\0';
    BASE_TRY(give(r, name, skip_blanks(value), err));
    **at = next;
    return BASE_OK;
}

static base_status read_line(reading *r, const char *text, base_error *err) {
    BASE_TRY(expand(r, text, err));
    for (char *at = skip_blanks(r->line.data); *at != '\0'; at = skip_blanks(at)) {
        if (begins(at, "#define")) {
            BASE_TRY(read_define(r, &at, err));
        } else if (begins(at, "#include")) {
            BASE_TRY(read_include(r, &at, err));
        } else if (*at == '<') {
            BASE_TRY(read_header(r, &at, err));
        } else {
            BASE_TRY(read_opcode(r, &at, err));
        }
    }
    return BASE_OK;
}

/* ---- a file ---- */

/* Where the comment ends that begins here; where it begins, if none does. */
static const char *comment_end(const char *text) {
    if (text[0] != '/' || (text[1] != '/' && text[1] != '*')) return text;
    if (text[1] == '/') return text + strcspn(text, "\r\n");
    const char *end = strstr(text + 2, "*/");
    return end != NULL ? end + 2 : text + strlen(text);
}

/* Makes comments blank, so that no line moves, and all ends of lines \n. */
static void clean(char *text) {
    while (*text != '\0') {
        const char *end = comment_end(text);
        bool is_comment = end > text;
        do {
            if (*text == '\r') *text = text[1] == '\n' ? ' ' : '\n';
            if (is_comment && *text != '\n') *text = ' ';
            text++;
        } while (text < end);
    }
}

static base_status read_lines(reading *r, char *text, base_error *err) {
    if (begins(text, "\xef\xbb\xbf")) text += 3;
    for (r->at.line = 1; text != NULL; r->at.line++) {
        char *end = strchr(text, '\n');
        if (end != NULL) *end++ = '\0';
        BASE_TRY(read_line(r, text, err));
        text = end;
    }
    return BASE_OK;
}

static base_status read_file(reading *r, const char *path, base_error *err) {
    void *text;
    size_t n_bytes;
    int64_t size = base_file_size(path);
    BASE_TRY(use_bytes(r, size > 0 ? (size_t)size : 0, err));
    base_status status = base_file_read(path, MAX_TEXT_BYTES, &text, &n_bytes, err);
    if (status != BASE_OK) {
        return r->depth > 0 ? base_fail_within(err, "%s:%d", r->at.file, r->at.line) : status;
    }
    for (size_t i = 0; i < n_bytes; i++) {
        if (((char *)text)[i] == '\0') ((char *)text)[i] = ' ';
    }
    clean(text);
    r->open[r->depth++] = r->at.file = path;
    status = read_lines(r, text, err);
    r->depth--;
    base_free(text);
    return status;
}

base_status data_sfz_text_read(data_sfz_text *text, const data_sfz_place *place, base_error *err) {
    reading r = {.place = place, .out = text, .left = MAX_TEXT_BYTES};
    const char *path = base_arena_printf(text->arena, "%s%s", place->root, place->name);
    text->included = (base_list){.size_bytes = sizeof(const char *)};
    r.variables.size_bytes = sizeof(variable);
    r.at.file = path;
    r.at.line = 1;
    base_status status = path != NULL ? read_file(&r, path, err)
                                      : base_fail(err, BASE_EMEMORY, "%s: no memory", place->name);
    base_free(r.variables.items);
    base_text_release(&r.line);
    return status;
}
