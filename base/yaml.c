#include "base/yaml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/file.h"

enum {
    MAX_BYTES = 1 << 20,
    MAX_LEVELS = 64,
    MAX_NODES = 100000,
    MAX_KEY_BYTES = 200, /* even escaped throughout, libyaml takes it for a key */
    MAX_COLUMNS = 100,
    INDENT = 2
};

/* ---- trees ---- */

base_node *base_node_new(base_arena *arena, base_node_kind kind, const char *source, int line) {
    base_node *node = base_arena_alloc(arena, 1, sizeof *node);
    if (node != NULL) *node = (base_node){.kind = kind, .source = source, .line = line};
    return node;
}

base_node *base_node_scalar(base_arena *arena, const char *text, const char *source, int line) {
    base_node *node = base_node_new(arena, BASE_NODE_SCALAR, source, line);
    if (node != NULL) node->text = base_arena_string(arena, text);
    return node != NULL && node->text != NULL ? node : NULL;
}

base_node *base_node_get(const base_node *map, const char *key) {
    if (map == NULL || map->kind != BASE_NODE_MAP) return NULL;
    base_node *child = map->child;
    while (child != NULL && strcmp(child->key, key) != 0) child = child->next;
    return child;
}

base_node *base_node_at(const base_node *list, int64_t index) {
    if (list == NULL || list->kind != BASE_NODE_LIST || index < 0) return NULL;
    base_node *child = list->child;
    while (child != NULL && index-- > 0) child = child->next;
    return child;
}

/* Whether `text` is `word` as YAML 1.1 writes it: word, Word or WORD. */
static bool is_cased(const char *text, const char *word) {
    char title[8], upper[8];
    size_t n = strlen(word);
    BASE_CHECK(n < sizeof upper);
    for (size_t i = 0; i <= n; i++) {
        upper[i] = (char)(word[i] >= 'a' && word[i] <= 'z' ? word[i] - 'a' + 'A' : word[i]);
        title[i] = i == 0 ? upper[i] : word[i];
    }
    return strcmp(text, word) == 0 || strcmp(text, title) == 0 || strcmp(text, upper) == 0;
}

bool base_yaml_truth(const char *text, bool *value) {
    static const char *const words[] = {"false", "true", "no", "yes", "off", "on"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (!is_cased(text, words[i])) continue;
        *value = i % 2;
        return true;
    }
    return false;
}

/* Numbers in any base, times and dates begin with a digit and have few letters. */
static bool looks_like_number(const char *text) {
    const char *s = text + (text[0] == '+' || text[0] == '-');
    if (strcmp(s, ".inf") == 0 || strcmp(s, ".Inf") == 0 || strcmp(s, ".INF") == 0) return true;
    if (strcmp(s, ".nan") == 0 || strcmp(s, ".NaN") == 0 || strcmp(s, ".NAN") == 0) return true;
    bool begins = (*s >= '0' && *s <= '9') || (*s == '.' && s[1] >= '0' && s[1] <= '9');
    return begins && s[strspn(s, "0123456789abcdefABCDEFxXoOTtZz_.:+- ")] == '\0';
}

/* Whether some reader of YAML 1.1 or 1.2 takes the plain scalar for something else than text. */
static bool is_ambiguous(const char *text) {
    bool value;
    return text[0] == '\0' || strcmp(text, "~") == 0 || strcmp(text, "=") == 0 ||
           strcmp(text, "<<") == 0 || is_cased(text, "null") || is_cased(text, "y") ||
           is_cased(text, "n") || base_yaml_truth(text, &value) || looks_like_number(text);
}

void base_node_mark_text(base_node *node) {
    if (node->kind == BASE_NODE_SCALAR && is_ambiguous(node->text)) node->quoted = true;
}

bool base_node_is_null(const base_node *node) {
    return node->kind == BASE_NODE_SCALAR && !node->quoted &&
           (node->text[0] == '\0' || strcmp(node->text, "~") == 0 || is_cased(node->text, "null"));
}

/* Puts `child` at *link, the place of an entry or the end of the chain. */
static void put_at(base_node **link, base_node *parent, const char *key, base_node *child) {
    base_node *old = *link;
    child->key = key;
    child->parent = parent;
    child->next = old != NULL ? old->next : NULL;
    *link = child;
    if (old == NULL) parent->n_children++;
    if (old != NULL && old != child) old->parent = old->next = NULL;
}

void base_node_put(base_node *parent, const char *key, base_node *child) {
    BASE_CHECK(parent->kind == (key == NULL ? BASE_NODE_LIST : BASE_NODE_MAP));
    base_node **link = &parent->child;
    while (*link != NULL && (key == NULL || strcmp((*link)->key, key) != 0)) link = &(*link)->next;
    put_at(link, parent, key, child);
}

base_node *base_node_copy(const base_node *node, base_arena *arena) {
    base_node *copy = base_arena_alloc(arena, 1, sizeof *copy);
    if (copy == NULL) return NULL;
    *copy = (base_node){.kind = node->kind, .quoted = node->quoted, .line = node->line};
    copy->source = base_arena_string(arena, node->source);
    if (node->text != NULL) copy->text = base_arena_string(arena, node->text);
    if (copy->source == NULL || (node->text != NULL && copy->text == NULL)) return NULL;
    base_node **end = &copy->child;
    for (const base_node *child = node->child; child != NULL; child = child->next) {
        base_node *child_copy = base_node_copy(child, arena);
        const char *key = child->key != NULL ? base_arena_string(arena, child->key) : NULL;
        if (child_copy == NULL || (child->key != NULL && key == NULL)) return NULL;
        put_at(end, copy, key, child_copy);
        end = &child_copy->next;
    }
    return copy;
}

static size_t append(char *buf, size_t size, size_t used, const char *text) {
    int n = snprintf(buf + used, size - used, "%s", text);
    return n < 0 ? used : used + (size_t)n < size ? used + (size_t)n : size - 1;
}

/* Writes the way to `node` and returns its length. */
static size_t write_path(const base_node *node, char *buf, size_t size) {
    if (node->parent == NULL) return 0;
    size_t used = write_path(node->parent, buf, size);
    if (node->key != NULL) {
        if (used > 0) used = append(buf, size, used, ".");
        return append(buf, size, used, node->key);
    }
    int64_t index = 0;
    for (const base_node *item = node->parent->child; item != node; item = item->next) index++;
    char step[32];
    snprintf(step, sizeof step, "[%lld]", (long long)index);
    return append(buf, size, used, step);
}

const char *base_node_path(const base_node *node, char *buf, size_t size) {
    BASE_CHECK(size > 0);
    buf[0] = '\0';
    write_path(node, buf, size);
    return buf;
}

base_status base_node_fail(const base_node *node, base_error *err, base_status status,
                           const char *format, ...) {
    char path[BASE_ERROR_SIZE], text[BASE_ERROR_SIZE];
    va_list arguments;
    va_start(arguments, format);
    if (vsnprintf(text, sizeof text, format, arguments) < 0) text[0] = '\0';
    va_end(arguments);
    base_node_path(node, path, sizeof path);
    const char *colon = path[0] != '\0' ? ": " : "";
    if (node->line > 0) {
        return base_fail(err, status, "%s:%d: %s%s%s", node->source, node->line, path, colon, text);
    }
    if (path[0] == '\0') return base_fail(err, status, "%s: %s", node->source, text);
    return base_fail(err, status, "%s: %s", path, text);
}

/* ---- reading ---- */

typedef struct {
    yaml_parser_t yaml;
    base_arena *arena;
    const char *source;
    const char *assignment; /* of an override; NULL when parsing a file */
    int64_t n_nodes;
    base_error *err;
    const char *text; /* that is parsed */
} reader;

static base_status BASE_PRINTF(3, 4)
    fail_at(const reader *r, yaml_mark_t mark, const char *format, ...) {
    char text[BASE_ERROR_SIZE];
    va_list arguments;
    va_start(arguments, format);
    if (vsnprintf(text, sizeof text, format, arguments) < 0) text[0] = '\0';
    va_end(arguments);
    if (r->assignment != NULL)
        return base_fail(r->err, BASE_ECONFIG, "%s: %s", r->assignment, text);
    return base_fail(r->err, BASE_ECONFIG, "%s:%zu: %s", r->source, mark.line + 1, text);
}

static base_status no_memory(const reader *r) {
    return base_fail(r->err, BASE_EMEMORY, "%s: out of memory", r->source);
}

/* The parser reads ahead of what it has understood: what can't be read has a place of its own. */
static size_t count_lines(const char *text, size_t n_bytes) {
    size_t n = 0;
    for (size_t i = 0; i < n_bytes; i++) n += text[i] == '\n';
    return n;
}

static base_status next_event(reader *r, yaml_event_t *event) {
    if (yaml_parser_parse(&r->yaml, event)) return BASE_OK;
    const yaml_parser_t *y = &r->yaml;
    if (y->error == YAML_MEMORY_ERROR) return no_memory(r);
    yaml_mark_t mark = y->problem_mark;
    if (y->error == YAML_READER_ERROR) mark.line = count_lines(r->text, y->problem_offset);
    return fail_at(r, mark, "%s%s%s", y->problem != NULL ? y->problem : "not YAML",
                   y->context != NULL ? " " : "", y->context != NULL ? y->context : "");
}

static const char *copy_scalar(reader *r, const yaml_event_t *event) {
    return base_arena_copy(r->arena, (const char *)event->data.scalar.value,
                           event->data.scalar.length);
}

static base_status check_scalar(const reader *r, const yaml_event_t *event) {
    if (memchr(event->data.scalar.value, '\0', event->data.scalar.length) == NULL) return BASE_OK;
    return fail_at(r, event->start_mark, "a NUL character");
}

static base_status check_plain_yaml(const reader *r, const yaml_event_t *event) {
    const yaml_char_t *anchor = NULL, *tag = NULL;
    if (event->type == YAML_ALIAS_EVENT) anchor = event->data.alias.anchor;
    if (event->type == YAML_SCALAR_EVENT) {
        anchor = event->data.scalar.anchor;
        tag = event->data.scalar.tag;
    } else if (event->type == YAML_SEQUENCE_START_EVENT) {
        anchor = event->data.sequence_start.anchor;
        tag = event->data.sequence_start.tag;
    } else if (event->type == YAML_MAPPING_START_EVENT) {
        anchor = event->data.mapping_start.anchor;
        tag = event->data.mapping_start.tag;
    }
    if (anchor != NULL) {
        return fail_at(r, event->start_mark, "'%s': anchors and aliases are not supported",
                       (const char *)anchor);
    }
    if (tag != NULL) {
        return fail_at(r, event->start_mark, "'%s': tags are not supported", (const char *)tag);
    }
    return BASE_OK;
}

static base_status read_node(reader *r, yaml_event_t *event, int level, base_node **node);

/* Reads the next node, or sets *node to NULL where the list or map ends. */
static base_status read_item(reader *r, int level, base_node **node) {
    *node = NULL;
    yaml_event_t event;
    BASE_TRY(next_event(r, &event));
    base_status status = BASE_OK;
    if (event.type != YAML_SEQUENCE_END_EVENT && event.type != YAML_MAPPING_END_EVENT) {
        status = read_node(r, &event, level, node);
    }
    yaml_event_delete(&event);
    return status;
}

static base_status read_list(reader *r, int level, base_node *list) {
    base_node **end = &list->child, *item;
    for (;;) {
        BASE_TRY(read_item(r, level, &item));
        if (item == NULL) return BASE_OK;
        put_at(end, list, NULL, item);
        end = &item->next;
    }
}

/* Reads a key and its line, or sets *key to NULL at the end of the map. */
static base_status read_key(reader *r, const char **key, yaml_mark_t *mark) {
    *key = NULL;
    yaml_event_t event;
    BASE_TRY(next_event(r, &event));
    *mark = event.start_mark;
    base_status status = BASE_OK;
    if (event.type == YAML_SCALAR_EVENT) {
        status = check_plain_yaml(r, &event);
        if (status == BASE_OK) status = check_scalar(r, &event);
        if (status == BASE_OK && event.data.scalar.length > MAX_KEY_BYTES) {
            status = fail_at(r, *mark, "a key of more than %d bytes", MAX_KEY_BYTES);
        }
        if (status == BASE_OK && (*key = copy_scalar(r, &event)) == NULL) status = no_memory(r);
    } else if (event.type != YAML_MAPPING_END_EVENT) {
        status = fail_at(r, *mark, "a key must be a plain word");
    }
    yaml_event_delete(&event);
    return status;
}

/* By key, then in the order they stand in the file. */
static int compare_entries(const void *a, const void *b) {
    const base_node *x = *(const base_node *const *)a, *y = *(const base_node *const *)b;
    int order = strcmp(x->key, y->key);
    return order != 0 ? order : (x->line > y->line) - (x->line < y->line);
}

/* Sorting keeps a map of a hundred thousand keys from taking their square in comparisons. */
static base_status check_duplicates(const reader *r, const base_node *map) {
    if (map->n_children < 2) return BASE_OK;
    const base_node **entries = base_alloc((size_t)map->n_children, sizeof(base_node *));
    if (entries == NULL) return no_memory(r);
    int64_t n = 0;
    for (const base_node *child = map->child; child != NULL; child = child->next) {
        entries[n++] = child;
    }
    qsort(entries, (size_t)n, sizeof *entries, compare_entries);
    base_status status = BASE_OK;
    for (int64_t i = 1; i < n && status == BASE_OK; i++) {
        const base_node *first = entries[i - 1], *second = entries[i];
        if (strcmp(first->key, second->key) != 0) continue;
        yaml_mark_t mark = {.line = (size_t)(second->line > 0 ? second->line - 1 : 0)};
        status = r->assignment != NULL ? fail_at(r, mark, "'%s' stands twice", second->key)
                                       : fail_at(r, mark, "'%s' stands twice, first in line %d",
                                                 second->key, first->line);
    }
    base_free(entries);
    return status;
}

static int line_of(const reader *r, yaml_mark_t mark) {
    return r->assignment != NULL ? 0 : (int)mark.line + 1;
}

static base_status read_map(reader *r, int level, base_node *map) {
    base_node **end = &map->child, *value;
    const char *key;
    yaml_mark_t mark;
    for (;;) {
        BASE_TRY(read_key(r, &key, &mark));
        if (key == NULL) return check_duplicates(r, map);
        BASE_TRY(read_item(r, level, &value));
        value->line = line_of(r, mark); /* of the key: that is where one looks */
        put_at(end, map, key, value);
        end = &value->next;
    }
}

static base_status read_node(reader *r, yaml_event_t *event, int level, base_node **node) {
    BASE_TRY(check_plain_yaml(r, event));
    if (++r->n_nodes > MAX_NODES) {
        return fail_at(r, event->start_mark, "more than %d values", MAX_NODES);
    }
    if (level > MAX_LEVELS) {
        return fail_at(r, event->start_mark, "more than %d levels deep", MAX_LEVELS);
    }
    base_node_kind kind = event->type == YAML_SCALAR_EVENT           ? BASE_NODE_SCALAR
                          : event->type == YAML_SEQUENCE_START_EVENT ? BASE_NODE_LIST
                                                                     : BASE_NODE_MAP;
    *node = base_node_new(r->arena, kind, r->source, line_of(r, event->start_mark));
    if (*node == NULL) return no_memory(r);
    if (kind == BASE_NODE_LIST) return read_list(r, level + 1, *node);
    if (kind == BASE_NODE_MAP) return read_map(r, level + 1, *node);
    BASE_TRY(check_scalar(r, event));
    (*node)->text = copy_scalar(r, event);
    (*node)->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    return (*node)->text != NULL ? BASE_OK : no_memory(r);
}

/* One document: its root node, or an empty scalar where there is none. */
static base_status read_document(reader *r, int level, base_node **root) {
    base_status status = BASE_OK;
    for (bool done = false; !done && status == BASE_OK;) {
        yaml_event_t event;
        BASE_TRY(next_event(r, &event));
        switch (event.type) {
        case YAML_STREAM_START_EVENT:
        case YAML_DOCUMENT_END_EVENT:
            break;
        case YAML_DOCUMENT_START_EVENT:
            if (*root != NULL) status = fail_at(r, event.start_mark, "a second document");
            break;
        case YAML_STREAM_END_EVENT:
            done = true;
            break;
        default:
            status = read_node(r, &event, level, root);
        }
        yaml_event_delete(&event);
    }
    if (status != BASE_OK || *root != NULL) return status;
    *root = base_node_scalar(r->arena, "", r->source, line_of(r, (yaml_mark_t){0}));
    return *root != NULL ? BASE_OK : no_memory(r);
}

/* `level` is where in a tree the root will stand, from 1. */
static base_status parse(reader *r, const char *text, size_t n_bytes, int level, base_node **root) {
    *root = NULL;
    if (n_bytes > MAX_BYTES) {
        return base_fail(r->err, BASE_ECONFIG, "%s: more than 1 MiB", r->source);
    }
    r->text = text;
    r->source = base_arena_string(r->arena, r->source);
    if (r->source == NULL) return base_fail(r->err, BASE_EMEMORY, "out of memory");
    if (!yaml_parser_initialize(&r->yaml)) return no_memory(r);
    yaml_parser_set_input_string(&r->yaml, (const unsigned char *)text, n_bytes);
    base_status status = read_document(r, level, root);
    yaml_parser_delete(&r->yaml);
    if (status != BASE_OK) *root = NULL;
    return status;
}

base_status base_yaml_parse(const char *text, const char *source, base_arena *arena,
                            base_node **root, base_error *err) {
    reader r = {.arena = arena, .source = source, .err = err};
    return parse(&r, text, strlen(text), 1, root);
}

base_status base_yaml_read(const char *path, base_arena *arena, base_node **root, base_error *err) {
    reader r = {.arena = arena, .source = path, .err = err};
    void *data;
    size_t n_bytes;
    *root = NULL;
    BASE_TRY(base_file_read(path, MAX_BYTES, &data, &n_bytes, err));
    base_status status = parse(&r, data, n_bytes, 1, root);
    base_free(data);
    return status;
}

/* ---- writing ---- */

/* Characters that may stand in YAML as they are; libyaml refuses or folds the others. */
static bool is_printable(uint32_t code) {
    bool line_end = code == 0x2028 || code == 0x2029;
    return (code >= 0x20 && code < 0x7F) ||
           (code >= 0xA0 && !line_end && code != 0xFEFF && code != 0xFFFE && code != 0xFFFF);
}

/* Whether `text` can stand without quotes, in block and flow style alike. */
static bool is_plain(const char *text) {
    char first = text[0];
    if (first == '-') { /* a sign is plain before a number or a name */
        if (strchr(" -?:,[]{}#", text[1]) != NULL) return false;
    } else if (strchr(" ?:,[]{}#&*!|>'\"%@`=", first) != NULL) {
        return false;
    }
    if (strncmp(text, "...", 3) == 0) return false;
    for (const char *s = text; *s != '\0';) {
        uint32_t code;
        size_t n = base_utf8_decode(s, &code);
        if (n == 0 || !is_printable(code) || strchr(",[]{}#", *s) != NULL) return false;
        if (*s == ':' && strchr(" :,[]{}?", s[1]) != NULL) return false; /* also at the end */
        if (*s == ' ' && s[1] == '\0') return false;
        s += n;
    }
    return true;
}

static void write_quoted(const char *text, base_text *out) {
    base_text_add(out, "\"");
    for (const char *s = text; *s != '\0';) {
        uint32_t code = 0xFFFD; /* stands for what is not UTF-8 */
        size_t n = base_utf8_decode(s, &code);
        if (*s == '"' || *s == '\\') {
            base_text_printf(out, "\\%c", *s);
        } else if (*s == '\n') {
            base_text_add(out, "\\n");
        } else if (*s == '\t') {
            base_text_add(out, "\\t");
        } else if (n > 0 && is_printable(code)) {
            base_text_add_bytes(out, s, n);
        } else {
            base_text_printf(out, code < 0x100 ? "\\x%02X" : "\\u%04X", (unsigned)code);
        }
        s += n > 0 ? n : 1;
    }
    base_text_add(out, "\"");
}

static void write_scalar(const char *text, bool quoted, base_text *out) {
    if (text[0] == '\0' && !quoted) {
        base_text_add(out, "~");
    } else if (quoted || !is_plain(text)) {
        write_quoted(text, out);
    } else {
        base_text_add(out, text);
    }
}

/* Keys are text, never a number or nothing. */
static void write_key(const char *key, base_text *out) {
    write_scalar(key, is_ambiguous(key), out);
}

static void write_flow(const base_node *node, base_text *out) {
    if (node->kind == BASE_NODE_SCALAR) {
        write_scalar(node->text, node->quoted, out);
        return;
    }
    bool map = node->kind == BASE_NODE_MAP;
    base_text_add(out, map ? "{" : "[");
    for (const base_node *child = node->child; child != NULL; child = child->next) {
        if (map) {
            write_key(child->key, out);
            base_text_add(out, ": ");
        }
        write_flow(child, out);
        if (child->next != NULL) base_text_add(out, ", ");
    }
    base_text_add(out, map ? "}" : "]");
}

/* Scalars, and lists and maps of scalars or of lists of scalars, read well on one line. */
static bool is_leaf(const base_node *node) {
    for (const base_node *child = node->child; child != NULL; child = child->next) {
        if (child->kind == BASE_NODE_MAP && child->n_children > 0) return false;
        for (const base_node *item = child->child; item != NULL; item = item->next) {
            if (item->n_children > 0) return false;
        }
    }
    return true;
}

/* Writes `node` behind what stands in the line that began at `line_start`, if it fits there. */
static bool write_in_line(const base_node *node, size_t line_start, base_text *out) {
    size_t size = out->size;
    if (node->kind != BASE_NODE_SCALAR && !is_leaf(node)) return false;
    write_flow(node, out);
    if (node->kind == BASE_NODE_SCALAR || node->n_children == 0) return true;
    if (out->failed || out->size - line_start <= MAX_COLUMNS) return true;
    out->size = size;
    out->data[size] = '\0';
    return false;
}

/* Entries of a list or map from column `indent` on. The first one continues the line that began
 * at `line_start`, the others start lines of their own. */
static void write_block(const base_node *node, int indent, size_t line_start, base_text *out) {
    bool map = node->kind == BASE_NODE_MAP;
    bool sections = map && node->parent == NULL; /* what stands at the top gets room */
    for (const base_node *child = node->child; child != NULL; child = child->next) {
        if (child != node->child) {
            line_start = out->size;
            base_text_printf(out, "%*s", indent, "");
        }
        if (map) write_key(child->key, out);
        base_text_add(out, map ? ":" : "-");
        size_t size = out->size;
        base_text_add(out, " ");
        bool one_entry = !map && child->n_children == 1; /* "- relu: {}", not "- {relu: {}}" */
        bool room =
            child->kind == BASE_NODE_MAP && child->n_children > 0 && (sections || one_entry);
        if (!room && write_in_line(child, line_start, out)) {
            base_text_add(out, "\n");
            continue;
        }
        if (map && !out->failed) {
            out->size = size; /* no space at the end of a line */
            base_text_add(out, "\n");
            line_start = out->size;
            base_text_printf(out, "%*s", indent + INDENT, "");
        }
        write_block(child, indent + INDENT, line_start, out);
    }
}

void base_yaml_write(const base_node *root, base_text *out) {
    if (root->kind != BASE_NODE_SCALAR && root->n_children > 0) {
        write_block(root, 0, out->size, out);
        return;
    }
    write_flow(root, out);
    base_text_add(out, "\n");
}

/* ---- overrides ---- */

typedef struct {
    const char *assignment;
    base_arena *arena;
    base_error *err;
    base_node *node;
    int n_levels; /* from the root to node */
} walk;

static base_status BASE_PRINTF(2, 3) fail_override(const walk *w, const char *format, ...) {
    char text[BASE_ERROR_SIZE], path[BASE_ERROR_SIZE];
    va_list arguments;
    va_start(arguments, format);
    if (vsnprintf(text, sizeof text, format, arguments) < 0) text[0] = '\0';
    va_end(arguments);
    base_node_path(w->node, path, sizeof path);
    return base_fail(w->err, BASE_ECONFIG, "%s: %s %s", w->assignment,
                     path[0] != '\0' ? path : "the configuration", text);
}

static base_status malformed(const walk *w) {
    return base_fail(w->err, BASE_ECONFIG, "%s: not of the form key.key=value", w->assignment);
}

static base_status out_of_memory(const walk *w) {
    return base_fail(w->err, BASE_EMEMORY, "%s: out of memory", w->assignment);
}

/* Makes a map of what can become one: nothing, or a bare name that stands for `name: {}`. */
static base_status become_map(const walk *w, const char *key) {
    base_node *node = w->node;
    if (node->kind == BASE_NODE_MAP) return BASE_OK;
    if (node->kind == BASE_NODE_LIST) {
        return fail_override(w, "is a list of %lld; name an item, like [0]",
                             (long long)node->n_children);
    }
    if (!base_node_is_null(node) && strcmp(node->text, key) != 0) {
        return fail_override(w, "is '%s', not a map", node->text);
    }
    node->kind = BASE_NODE_MAP;
    node->text = NULL;
    node->quoted = false;
    return BASE_OK;
}

static base_status step_into_key(walk *w, const char *key) {
    if (key[0] == '\0' || strlen(key) > MAX_KEY_BYTES) return malformed(w);
    BASE_TRY(become_map(w, key));
    base_node *child = base_node_get(w->node, key);
    if (child == NULL) {
        child = base_node_scalar(w->arena, "", "command line", 0);
        if (child == NULL) return out_of_memory(w);
        base_node_put(w->node, key, child);
    }
    w->node = child;
    return BASE_OK;
}

static base_status step_into_item(walk *w, const char *digits) {
    if (w->node->kind != BASE_NODE_LIST) return fail_override(w, "is not a list");
    int64_t index;
    if (!base_parse_int(digits, &index)) return fail_override(w, "has no item [%s]", digits);
    base_node *item = base_node_at(w->node, index);
    if (item == NULL) {
        return fail_override(w, "has no item [%s]: there are %lld, counted from 0", digits,
                             (long long)w->node->n_children);
    }
    w->node = item;
    return BASE_OK;
}

/* Follows key.key[index].key, making what is missing. */
static base_status follow_path(walk *w, const char *path, size_t n_bytes) {
    const char *end = path + n_bytes;
    for (const char *p = path; p < end || p == path;) {
        bool item = *p == '[';
        if (!item && p != path && *p != '.') return malformed(w);
        p += item || p != path;
        size_t n = strcspn(p, item ? "]=" : ".[=");
        if ((item && p[n] != ']') || w->n_levels == MAX_LEVELS) return malformed(w);
        const char *step = base_arena_copy(w->arena, p, n);
        if (step == NULL) return out_of_memory(w);
        BASE_TRY(item ? step_into_item(w, step) : step_into_key(w, step));
        w->n_levels++;
        p += n + item;
    }
    return BASE_OK;
}

base_status base_yaml_override(base_node *root, const char *assignment, base_arena *arena,
                               base_error *err) {
    walk w = {.assignment = assignment, .arena = arena, .err = err, .node = root, .n_levels = 1};
    const char *equals = strchr(assignment, '=');
    if (equals == NULL) return malformed(&w);
    const char *fault = base_utf8_fault(assignment);
    if (fault != NULL) {
        return base_fail(err, BASE_ECONFIG, "%s: the byte \\x%02x is not UTF-8", assignment,
                         (unsigned char)*fault);
    }
    BASE_TRY(follow_path(&w, assignment, (size_t)(equals - assignment)));
    reader r = {.arena = arena, .source = "command line", .assignment = assignment, .err = err};
    base_node *value;
    BASE_TRY(parse(&r, equals + 1, strlen(equals + 1), w.n_levels, &value));
    base_node **link = &w.node->parent->child;
    while (*link != w.node) link = &(*link)->next;
    put_at(link, w.node->parent, w.node->key, value);
    return BASE_OK;
}
