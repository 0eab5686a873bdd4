#include "data/annotation.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/csv.h"
#include "base/file.h"

#define MAX_BYTES ((size_t)64 << 20)
enum { MAX_EVENTS = 1 << 20, MAX_FIELDS = 64 };

/* ---- events ---- */

base_status data_annotation_fail(const data_annotation *annotation, int line, base_error *err,
                                 const char *format, ...) {
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (line > 0) return base_fail(err, BASE_EFORMAT, "%s:%d: %s", annotation->path, line, text);
    return base_fail(err, BASE_EFORMAT, "%s: %s", annotation->path, text);
}

static base_status no_memory(const data_annotation *a, base_error *err) {
    return base_fail(err, BASE_EMEMORY, "%s: no memory for its events", a->path);
}

base_status data_annotation_add(data_annotation *annotation, data_event event, base_error *err) {
    data_annotation *a = annotation;
    void *events = a->events;
    if (!(event.begin_s >= 0 && event.begin_s <= 1e9)) {
        return data_annotation_fail(a, event.line, err, "%g is no time in seconds", event.begin_s);
    }
    if (a->n >= MAX_EVENTS) return data_annotation_fail(a, 0, err, "more than 1,048,576 events");
    if (event.label == NULL) return no_memory(a, err);
    bool grown = base_grow(&events, &a->capacity, (size_t)a->n + 1, sizeof *a->events);
    a->events = events;
    if (!grown) return no_memory(a, err);
    a->events[a->n++] = event;
    return BASE_OK;
}

static int compare_events(const void *a, const void *b) {
    const data_event *x = a, *y = b;
    if (x->begin_s != y->begin_s) return x->begin_s < y->begin_s ? -1 : 1;
    return strcmp(x->label, y->label);
}

static void sort(data_annotation *a) {
    if (a->n > 1) qsort(a->events, (size_t)a->n, sizeof *a->events, compare_events);
}

/* ---- lines ---- */

/* One that follows the others in time. */
static base_status add_line(data_annotation *a, data_event event, base_error *err) {
    if (a->n > 0 && event.begin_s < a->events[a->n - 1].begin_s) {
        return data_annotation_fail(a, event.line, err,
                                    "%g s comes after %g s: the lines must be in time order",
                                    event.begin_s, a->events[a->n - 1].begin_s);
    }
    return data_annotation_add(a, event, err);
}

static base_status parse_seconds(const data_annotation *a, int line, const char *text,
                                 double *seconds, base_error *err) {
    if (base_parse_double(text, seconds) && isfinite(*seconds) && *seconds >= 0) return BASE_OK;
    return data_annotation_fail(a, line, err, "'%.40s' is no time in seconds", text);
}

/* Cuts the next word off; words end at tabs, or at white space if the line has no tab. */
static char *next_word(char **cursor, const char *separators) {
    char *word = *cursor + strspn(*cursor, separators);
    size_t n = strcspn(word, separators);
    *cursor = word + n;
    if (word[n] != '\0') *(*cursor)++ = '\0';
    while (n > 0 && word[n - 1] == ' ') word[--n] = '\0';
    return word;
}

/* "BEGIN END LABEL" or "TIME LABEL". Audacity writes a line "\ LOW HIGH" behind a selection of
 * frequencies. */
static base_status read_line(data_annotation *a, char *text, int line, base_error *err) {
    const char *separators = strchr(text, '\t') != NULL ? "\t" : " ";
    char *cursor = text;
    data_event event = {.line = line};
    double end_s;
    const char *first = next_word(&cursor, separators);
    if (first[0] == '\0' || first[0] == '\\' || first[0] == '#') return BASE_OK;
    BASE_TRY(parse_seconds(a, line, first, &event.begin_s, err));
    char *rest = cursor;
    const char *second = next_word(&cursor, separators);
    if (base_parse_double(second, &end_s) && isfinite(end_s)) {
        if (end_s < event.begin_s) {
            return data_annotation_fail(a, line, err, "ends at %g s, before it begins (%g s)",
                                        end_s, event.begin_s);
        }
        event.end_s = end_s > event.begin_s ? end_s : 0;
        second = cursor;
    } else if (cursor[0] != '\0') {
        rest[strlen(rest)] = separators[0]; /* the label has several words */
        second = rest;
    }
    second += strspn(second, " \t");
    event.label = base_arena_string(a->arena, second);
    return add_line(a, event, err);
}

static base_status read_lines(data_annotation *a, char *text, base_error *err) {
    int line = 0;
    while (*text != '\0') {
        size_t n = strcspn(text, "\n");
        char *next = text + n + (text[n] == '\n');
        while (n > 0 && strchr(" \t\r", text[n - 1]) != NULL) n--;
        bool ended = text[n] == '\0';
        if (!ended) text[n] = '\0';
        BASE_TRY(read_line(a, text, ++line, err));
        text = next;
    }
    return BASE_OK;
}

/* ---- CSV ---- */

enum { TIME, END, DURATION, LABEL, PATH, N_COLUMNS };
static const char *const column_names[N_COLUMNS][8] = {
    {"time", "time_s", "onset", "onset_s", "begin", "begin_s", "start", "start_s"},
    {"end", "end_s", "offset", "offset_s"},
    {"duration", "duration_s"},
    {"label", "class", "instrument"},
    {"path", "file", "recording"}};

typedef struct {
    data_annotation *annotation;
    const char *recording;   /* its file's name */
    int field_of[N_COLUMNS]; /* -1: nowhere */
    int n_fields, line;
    const char *fields[MAX_FIELDS];
} table_reader;

static void read_header(table_reader *r) {
    for (int c = 0; c < N_COLUMNS; c++) {
        for (int k = 7; k >= 0; k--) {
            for (int f = 0; column_names[c][k] != NULL && f < r->n_fields; f++) {
                if (strcasecmp(r->fields[f], column_names[c][k]) == 0) r->field_of[c] = f;
            }
        }
    }
}

/* Where Sonic Visualiser puts what, by the number of columns. */
static void guess_header(table_reader *r) {
    r->field_of[TIME] = 0;
    if (r->n_fields > 3) r->field_of[DURATION] = 2;
    if (r->n_fields > 1) r->field_of[LABEL] = r->n_fields - 1;
}

static const char *field(const table_reader *r, int column) {
    return r->field_of[column] >= 0 ? r->fields[r->field_of[column]] : "";
}

static base_status read_row(table_reader *r, base_error *err) {
    data_annotation *a = r->annotation;
    data_event event = {.line = r->line, .label = field(r, LABEL)};
    double duration_s = 0;
    const char *path = field(r, PATH);
    if (path[0] != '\0' && strcmp(base_path_name(path), r->recording) != 0) return BASE_OK;
    BASE_TRY(parse_seconds(a, r->line, field(r, TIME), &event.begin_s, err));
    if (field(r, DURATION)[0] != '\0') {
        BASE_TRY(parse_seconds(a, r->line, field(r, DURATION), &duration_s, err));
    }
    if (duration_s > 0) event.end_s = event.begin_s + duration_s;
    if (field(r, END)[0] != '\0') {
        BASE_TRY(parse_seconds(a, r->line, field(r, END), &event.end_s, err));
    }
    if (event.end_s > 0 && event.end_s <= event.begin_s) {
        return data_annotation_fail(a, r->line, err, "ends at %g s, before it begins (%g s)",
                                    event.end_s, event.begin_s);
    }
    return add_line(a, event, err);
}

static base_status read_table(data_annotation *a, const char *recording, const char *text,
                              base_error *err) {
    table_reader r = {.annotation = a, .recording = base_path_name(recording)};
    const char *end = text + strlen(text);
    double number;
    int n_first = 0, n_lines = 0;
    for (int c = 0; c < N_COLUMNS; c++) r.field_of[c] = -1;
    while (text < end) {
        r.line = n_lines + 1;
        base_status status =
            base_csv_record(&text, end, a->arena, r.fields, MAX_FIELDS, &r.n_fields, &n_lines, err);
        if (status != BASE_OK) return base_fail_within(err, "%s", a->path);
        if (r.n_fields == 1 && r.fields[0][0] == '\0') continue;
        bool is_first = n_first == 0;
        if (is_first) n_first = r.n_fields;
        if (r.n_fields != n_first) {
            return data_annotation_fail(a, r.line, err, "%d fields where the first line has %d",
                                        r.n_fields, n_first);
        }
        if (is_first && base_parse_double(r.fields[0], &number)) {
            guess_header(&r);
        } else if (is_first) {
            read_header(&r);
            if (r.field_of[TIME] >= 0) continue;
            return data_annotation_fail(a, r.line, err,
                                        "no column is called time, onset, begin "
                                        "or start");
        }
        BASE_TRY(read_row(&r, err));
    }
    return BASE_OK;
}

/* ---- files ---- */

static const char *const extensions[] = {"csv", "txt", "lab", "mid", "midi", "svl", "xml"};
enum { N_EXTENSIONS = sizeof extensions / sizeof *extensions };
enum { CSV, TXT, LAB, MID, MIDI, SVL, XML };

static int extension_of(const char *path) {
    for (int i = 0; i < N_EXTENSIONS; i++) {
        if (strcasecmp(base_path_extension(path), extensions[i]) == 0) return i;
    }
    return -1;
}

base_status data_annotation_find(const char *base, base_arena *arena, const char **path,
                                 base_error *err) {
    *path = base;
    if (extension_of(base) >= 0 && base_file_exists(base)) return BASE_OK;
    for (int i = 0; i < N_EXTENSIONS; i++) {
        *path = base_arena_printf(arena, "%s.%s", base, extensions[i]);
        if (*path == NULL) return base_fail(err, BASE_EMEMORY, "%s: no memory", base);
        if (base_file_exists(*path)) return BASE_OK;
    }
    *path = NULL;
    return BASE_OK;
}

static base_status read_text(data_annotation *a, const char *recording, bool is_table,
                             base_error *err) {
    static const char mark[] = "\xEF\xBB\xBF";
    void *bytes;
    size_t n_bytes;
    BASE_TRY(base_file_read(a->path, MAX_BYTES, &bytes, &n_bytes, err));
    char *text = bytes;
    base_status status = BASE_OK;
    if (strlen(text) != n_bytes) status = data_annotation_fail(a, 0, err, "a NUL byte: no text");
    if (status == BASE_OK && base_utf8_fault(text) != NULL) {
        status = data_annotation_fail(a, 0, err, "not UTF-8");
    }
    if (strncmp(text, mark, 3) == 0) text += 3;
    if (status == BASE_OK) {
        status = is_table ? read_table(a, recording, text, err) : read_lines(a, text, err);
    }
    base_free(bytes);
    return status;
}

static base_status read_file(data_annotation *a, const char *recording, base_error *err) {
    int extension = extension_of(a->path);
    switch (extension) {
    case CSV:
    case TXT:
    case LAB:
        return read_text(a, recording, extension == CSV, err);
    case MID:
    case MIDI:
        return data_annotation_read_midi(a, err);
    case SVL:
        return data_annotation_read_svl(a, err);
    case XML:
        return data_annotation_read_xml(a, err);
    default:
        return data_annotation_fail(a, 0, err,
                                    "annotations are read from csv, txt, lab, mid, "
                                    "midi, svl and xml");
    }
}

base_status data_annotation_read(const char *path, const char *recording, base_arena *arena,
                                 data_annotation *annotation, base_error *err) {
    data_annotation *a = annotation;
    *a = (data_annotation){.path = path, .arena = arena};
    base_status status = read_file(a, recording, err);
    if (status == BASE_OK && a->n == 0) {
        status = base_fail(err, BASE_EDATA, "%s: no event of %s", path, base_path_name(recording));
    }
    sort(a);
    if (status != BASE_OK) data_annotation_release(a);
    return status;
}

void data_annotation_release(data_annotation *annotation) {
    if (annotation == NULL) return;
    base_free(annotation->events);
    *annotation = (data_annotation){0};
}

base_status data_annotation_check(const data_annotation *annotation, double seconds,
                                  base_error *err) {
    for (int64_t i = 0; i < annotation->n; i++) {
        const data_event *e = &annotation->events[i];
        if (e->begin_s < seconds) continue;
        data_annotation_fail(annotation, e->line, err,
                             "%g s lies past the end of the recording (%g s)", e->begin_s, seconds);
        return err->status = BASE_EDATA;
    }
    return BASE_OK;
}

static bool has_label(const char *labels, const char *label) {
    size_t n = strlen(label);
    for (const char *at = labels; at != NULL; at = strchr(at, '+')) {
        at += *at == '+';
        if (strcspn(at, "+") == n && strncmp(at, label, n) == 0) return true;
    }
    return false;
}

base_status data_annotation_join(data_annotation *annotation, double together_s, base_error *err) {
    data_annotation *a = annotation;
    int64_t n = 0;
    for (int64_t i = 0; i < a->n; i++) {
        data_event *last = n > 0 ? &a->events[n - 1] : NULL;
        const data_event event = a->events[i];
        if (last == NULL || event.begin_s - last->begin_s > together_s) {
            a->events[n++] = event;
            continue;
        }
        if (event.end_s > last->end_s) last->end_s = event.end_s;
        if (event.label[0] == '\0' || has_label(last->label, event.label)) continue;
        const char *plus = last->label[0] != '\0' ? "+" : "";
        last->label = base_arena_printf(a->arena, "%s%s%s", last->label, plus, event.label);
        if (last->label == NULL) return no_memory(a, err);
    }
    a->n = n;
    return BASE_OK;
}
