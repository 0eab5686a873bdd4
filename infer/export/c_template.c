/* From the template to a header of the model's own. */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "infer/export/c.h"

#define INCLUDE "#include \"infer/export/"
#define PREFIX  "model_"
#define CAPITAL "MODEL_"

enum { N_PREFIX = sizeof PREFIX - 1, MAX_DEPTH = 16, MAX_LINE = 1024 };

extern const char infer_export_c_model[], infer_export_c_clip[], infer_export_c_features[],
    infer_export_c_layers[], infer_export_c_recurrent[], infer_export_c_classify[],
    infer_export_c_sound[], infer_export_c_test[];

/* ---- values ---- */

static const char *format_value(export_c *e, const char *format, va_list arguments) {
    char line[MAX_LINE];
    int n = vsnprintf(line, sizeof line, format, arguments);
    BASE_CHECK(n >= 0 && (size_t)n < sizeof line);
    const char *text = base_arena_string(&e->arena, line);
    if (text == NULL) e->failed = true;
    return text != NULL ? text : "";
}

const char *export_c_format(export_c *e, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    const char *text = format_value(e, format, arguments);
    va_end(arguments);
    return text;
}

static void set(export_c *e, const char *name, const char *value) {
    BASE_CHECK(e->n_values_set < EXPORT_C_MAX_VALUES);
    e->value[e->n_values_set++] = (export_c_named){name, value};
}

void export_c_set(export_c *e, const char *name, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    set(e, name, format_value(e, format, arguments));
    va_end(arguments);
}

void export_c_set_made(export_c *e, const char *name, base_text *value) {
    const char *copy = base_arena_string(&e->arena, base_text_string(value));
    if (value->failed || copy == NULL) e->failed = true;
    base_text_release(value);
    set(e, name, copy != NULL ? copy : "");
}

/* The value of a name in capitals, of n characters; NULL: it has none. */
static const char *value_of(const export_c *e, const char *name, size_t n) {
    for (int i = 0; i < e->n_values_set; i++) {
        const export_c_named *value = &e->value[i];
        if (strncmp(value->name, name, n) == 0 && value->name[n] == '\0') return value->value;
    }
    return NULL;
}

/* ---- words ---- */

static bool is_word(char c) {
    return isalnum((unsigned char)c) || c == '_';
}

static size_t word_length(const char *text, const char *end) {
    const char *c = text;
    while (c < end && is_word(*c)) c++;
    return (size_t)(c - text);
}

static bool has_prefix(const char *word, size_t n, const char *prefix) {
    return n > N_PREFIX && memcmp(word, prefix, N_PREFIX) == 0;
}

static void add_word(const export_c *e, const char *word, size_t n, base_text *out) {
    const char *value = has_prefix(word, n, CAPITAL) ? value_of(e, word, n) : NULL;
    if (value != NULL) {
        base_text_add(out, value);
    } else if (has_prefix(word, n, CAPITAL) || has_prefix(word, n, PREFIX)) {
        base_text_add(out, word[0] == 'M' ? e->upper : e->prefix);
        base_text_add_bytes(out, word + N_PREFIX - 1, n - N_PREFIX + 1);
    } else {
        base_text_add_bytes(out, word, n);
    }
}

void export_c_rename(const export_c *e, const char *text, const char *end, base_text *out) {
    static const char file[] = "model.h";
    const char *done = text;
    while (text < end) {
        size_t n = word_length(text, end);
        bool is_file =
            (size_t)(end - text) >= sizeof file - 1 && memcmp(text, file, sizeof file - 1) == 0;
        if (is_file || has_prefix(text, n, CAPITAL) || has_prefix(text, n, PREFIX)) {
            base_text_add_bytes(out, done, (size_t)(text - done));
            if (is_file) {
                base_text_add(out, e->file_name);
                n = sizeof file - 1;
            } else {
                add_word(e, text, n, out);
            }
            done = text + n;
        }
        text += n > 0 ? n : 1;
    }
    base_text_add_bytes(out, done, (size_t)(end - done));
}

/* ---- conditions and parts ---- */

/* One #if: of the exporter's, or one that stays. */
typedef struct {
    bool stays, active, done; /* done: a branch was taken */
} branch;

typedef struct {
    branch item[MAX_DEPTH];
    int n;
} branches;

static bool all_active(const branches *b) {
    bool active = true;
    for (int i = 0; i < b->n; i++) active = active && (b->item[i].stays || b->item[i].active);
    return active;
}

static bool starts(const char *line, const char *with) {
    return strncmp(line, with, strlen(with)) == 0;
}

/* A condition of the exporter's is a name in capitals, perhaps behind a !. */
static bool holds(const export_c *e, const char *condition) {
    bool negated = condition[0] == '!';
    const char *name = condition + negated;
    const char *value = value_of(e, name, strcspn(name, "\n"));
    BASE_CHECK(value != NULL);
    return (strcmp(value, "0") != 0) != negated;
}

/* Whether the line was a directive that is done with. */
static bool decide(const export_c *e, const char *line, branches *b) {
    if (starts(line, "#if")) {
        BASE_CHECK(b->n < MAX_DEPTH);
        bool own = starts(line, "#if " CAPITAL) || starts(line, "#if !" CAPITAL);
        bool active = own && all_active(b) && holds(e, line + strlen("#if "));
        b->item[b->n++] = (branch){.stays = !own, .active = active, .done = active};
        return own;
    }
    if (!starts(line, "#el") && !starts(line, "#endif")) return false;
    BASE_CHECK(b->n > 0);
    branch *last = &b->item[b->n - 1];
    if (starts(line, "#endif")) {
        b->n--;
    } else if (!last->stays) {
        last->active = !last->done && (starts(line, "#else") || holds(e, line + strlen("#elif ")));
        last->done |= last->active;
    }
    return !last->stays;
}

static const char *text_of(const export_c *e, const char *name, size_t n) {
    const struct {
        const char *name, *text;
    } parts[] = {{"c/settings.h", base_text_string(&e->settings)},
                 {"c/clip.c", infer_export_c_clip},
                 {"c/features.c", infer_export_c_features},
                 {"c/layers.c", infer_export_c_layers},
                 {"c/recurrent.c", infer_export_c_recurrent},
                 {"c/network.c", base_text_string(&e->network_text)},
                 {"c/classify.c", infer_export_c_classify},
                 {"c_sound.h", infer_export_c_sound},
                 {"c/test.c", infer_export_c_test}};
    size_t i = 0;
    while (strncmp(parts[i].name, name, n) != 0 || parts[i].name[n] != '\0') {
        BASE_CHECK(++i < sizeof parts / sizeof *parts);
    }
    return parts[i].text;
}

const char *export_c_parameters(const char *layer) {
    const char *const parts[] = {infer_export_c_layers, infer_export_c_recurrent};
    char start[MAX_LINE];
    snprintf(start, sizeof start, "\nstatic void " PREFIX "%s(", layer);
    for (int i = 0; i < 2; i++) {
        const char *function = strstr(parts[i], start);
        if (function != NULL) return function + strlen(start);
    }
    return NULL;
}

/* Adds the lines whose conditions hold, with the parts that they include. */
static void expand(const export_c *e, const char *text, base_text *out) {
    branches b = {0};
    while (*text != '\0') {
        const char *end = strchr(text, '\n') + 1;
        if (decide(e, text, &b)) {
            /* nothing remains of it */
        } else if (all_active(&b) && starts(text, INCLUDE)) {
            const char *name = text + strlen(INCLUDE);
            expand(e, text_of(e, name, strcspn(name, "\"")), out);
            base_text_add(out, "\n");
        } else if (all_active(&b)) {
            base_text_add_bytes(out, text, (size_t)(end - text));
        }
        text = end;
    }
    BASE_CHECK(b.n == 0);
}

/* ---- what is needed ---- */

/* Lines up to an empty one: mostly a function, a type or a table with its comment. */
typedef struct {
    const char *begin, *end;
    bool needed;
} item;

typedef struct {
    const char *name;
    size_t n;
    int item; /* that defines it */
} definition;

typedef struct {
    item *items;
    definition *definitions;
    size_t n_items, n_definitions, item_capacity, definition_capacity;
} outline;

static const char *line_end(const char *line) {
    return strchr(line, '\n') + 1;
}

/* Past the comment and the directives before it. */
static const char *first_code(const item *it) {
    const char *line = it->begin;
    while (line < it->end && strchr("/ #", *line) != NULL) line = line_end(line);
    return line;
}

/* The name that a line of code defines: the first before a bracket, a semicolon or a value. */
static definition defined_in(const char *line, int number) {
    const char *end = line_end(line);
    for (const char *c = line; c < end;) {
        size_t n = word_length(c, end);
        bool defines =
            has_prefix(c, n, PREFIX) && (strchr("([;", c[n]) != NULL || starts(c + n, " = "));
        if (defines) return (definition){c, n, number};
        c += n > 0 ? n : 1;
    }
    return (definition){0};
}

static bool add_definitions(outline *o, int number) {
    const item *it = &o->items[number];
    for (const char *line = first_code(it); line < it->end; line = line_end(line)) {
        if (strchr(" #/", *line) != NULL) continue;
        definition found = defined_in(line, number);
        if (found.n == 0) continue;
        if (!base_grow((void **)&o->definitions, &o->definition_capacity, o->n_definitions + 1,
                       sizeof *o->definitions)) {
            return false;
        }
        o->definitions[o->n_definitions++] = found;
    }
    return true;
}

static bool add_item(outline *o, const char *begin, const char *end) {
    if (!base_grow((void **)&o->items, &o->item_capacity, o->n_items + 1, sizeof *o->items)) {
        return false;
    }
    item *it = &o->items[o->n_items];
    *it = (item){.begin = begin, .end = end};
    const char *code = first_code(it);
    it->needed = !starts(code, "static ") && !starts(code, "typedef ");
    o->n_items++;
    return it->needed || add_definitions(o, (int)o->n_items - 1);
}

static bool split(outline *o, const char *text) {
    while (*text != '\0') {
        const char *end = text;
        while (*end != '\0' && *end != '\n') end = line_end(end);
        if (end > text && !add_item(o, text, end)) return false;
        text = *end == '\n' ? end + 1 : end;
    }
    return true;
}

static void need(outline *o, const char *name, size_t n) {
    for (size_t i = 0; i < o->n_definitions; i++) {
        const definition *d = &o->definitions[i];
        if (d->n == n && memcmp(d->name, name, n) == 0) o->items[d->item].needed = true;
    }
}

/* All that an item names but for its comments. */
static void need_named(outline *o, const item *it) {
    for (const char *c = it->begin; c < it->end;) {
        size_t n = word_length(c, it->end);
        if (has_prefix(c, n, PREFIX)) need(o, c, n);
        if (starts(c, "/*")) {
            c = strstr(c, "*/") + 2;
        } else {
            c += n > 0 ? n : 1;
        }
    }
}

base_status export_c_render(export_c *e, base_text *out) {
    base_text source = {0};
    outline o = {0};
    expand(e, infer_export_c_model, &source);
    bool fits = !source.failed && split(&o, base_text_string(&source));
    for (size_t i = o.n_items; fits && i-- > 0;) { /* what is named stands before */
        if (o.items[i].needed) need_named(&o, &o.items[i]);
    }
    for (size_t i = 0; fits && i < o.n_items; i++) {
        if (!o.items[i].needed) continue;
        if (i > 0) base_text_add(out, "\n");
        export_c_rename(e, o.items[i].begin, o.items[i].end, out);
    }
    base_text_release(&source);
    base_free(o.items);
    base_free(o.definitions);
    return fits ? BASE_OK : export_c_no_memory(e);
}
