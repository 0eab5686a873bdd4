#include <cjson/cJSON.h>
#include <math.h>
#include <string.h>

#include "train/run.h"

/* One row per scalar field: how facts.json names it and where it lies. */
typedef enum { TEXT, OPTIONAL_TEXT, COUNT, OPTIONAL_COUNT, SMALL_COUNT, BYTES } kind;
typedef struct {
    const char *key;
    kind kind;
    size_t offset;
} field;
#define FIELD(kind, name)                                                                          \
    { #name, kind, offsetof(train_facts, name) }
static const field fields[] = {FIELD(TEXT, name),
                               FIELD(TEXT, version),
                               FIELD(OPTIONAL_TEXT, commit),
                               FIELD(TEXT, network),
                               FIELD(TEXT, input),
                               FIELD(COUNT, n_param),
                               FIELD(COUNT, macs),
                               FIELD(BYTES, memory_bytes),
                               FIELD(TEXT, blas_kernel),
                               FIELD(TEXT, level),
                               FIELD(TEXT, fingerprint),
                               FIELD(COUNT, n_rows),
                               FIELD(COUNT, n_clips),
                               FIELD(COUNT, n_left_out),
                               FIELD(COUNT, n_silent),
                               {"n_unseen", OPTIONAL_COUNT, offsetof(train_facts, n_held_out)},
                               FIELD(COUNT, n_duplicate_groups),
                               FIELD(COUNT, n_copies),
                               FIELD(COUNT, n_conflicts),
                               FIELD(TEXT, grouped_by),
                               FIELD(SMALL_COUNT, n_folds),
                               FIELD(OPTIONAL_TEXT, compared_by),
                               FIELD(SMALL_COUNT, n_compare_folds),
                               FIELD(TEXT, monitor),
                               FIELD(TEXT, result)};
enum { N_FIELDS = sizeof fields / sizeof *fields };

static void add_text(base_text *json, const field *f, const char *text) {
    if (text == NULL && f->kind == OPTIONAL_TEXT) {
        base_text_add(json, "null");
    } else {
        base_text_add_json(json, text != NULL ? text : "");
    }
}

static void add_key(base_text *json, const char *key, int indent) {
    base_text_printf(json, "%*s\"%s\": ", indent, "", key);
}

static void add_field(base_text *json, const field *f, const train_facts *facts) {
    const void *at = (const char *)facts + f->offset;
    switch (f->kind) {
    case TEXT:
    case OPTIONAL_TEXT:
        add_text(json, f, *(const char *const *)at);
        break;
    case COUNT:
    case OPTIONAL_COUNT:
        base_text_printf(json, "%lld", (long long)*(const int64_t *)at);
        break;
    case SMALL_COUNT:
        base_text_printf(json, "%d", *(const int *)at);
        break;
    case BYTES:
        base_text_printf(json, "%zu", *(const size_t *)at);
        break;
    }
    base_text_add(json, ",\n");
}

static void add_strings(base_text *json, const char *const *strings, int n) {
    base_text_add(json, "[");
    for (int i = 0; i < n; i++) {
        base_text_add(json, i > 0 ? ", " : "");
        base_text_add_json(json, strings[i]);
    }
    base_text_add(json, "]");
}

void train_facts_add_json(const train_facts *facts, int indent, base_text *json) {
    base_text_add(json, "{\n");
    for (int i = 0; i < N_FIELDS; i++) {
        add_key(json, fields[i].key, indent + 2);
        add_field(json, &fields[i], facts);
    }
    add_key(json, "classes", indent + 2);
    add_strings(json, facts->classes, facts->n_classes);
    base_text_add(json, ",\n");
    add_key(json, "class_counts", indent + 2);
    for (int c = 0; c < facts->n_classes; c++) {
        base_text_printf(json, "%s%lld", c > 0 ? ", " : "[", (long long)facts->class_counts[c]);
    }
    base_text_add(json, "],\n");
    add_key(json, "notes", indent + 2);
    add_strings(json, facts->notes, facts->n_notes);
    base_text_printf(json, "\n%*s}", indent, "");
}

base_status train_facts_write(const train_facts *facts, const char *folder, base_error *err) {
    base_arena arena = {0};
    base_text json = {0};
    train_facts_add_json(facts, 0, &json);
    base_text_add(&json, "\n");
    const char *path = base_path_join(&arena, folder, "facts.json");
    base_status status = path != NULL ? base_file_write_text(path, &json, err)
                                      : base_fail(err, BASE_EMEMORY, "facts: out of memory");
    base_text_release(&json);
    base_arena_release(&arena);
    return status;
}

typedef struct {
    const cJSON *root;
    const char *path;
    base_arena *arena;
    base_error *err;
} reader;

static base_status wrong(const reader *in, const char *key, const char *what) {
    return base_fail(in->err, BASE_EFORMAT, "%s: '%s' is not %s", in->path, key, what);
}

static base_status no_memory(const reader *in) {
    return base_fail(in->err, BASE_EMEMORY, "%s: out of memory", in->path);
}

static base_status read_string(const reader *in, const cJSON *item, const char *key,
                               const char **text) {
    if (!cJSON_IsString(item)) return wrong(in, key, "a text");
    *text = base_arena_string(in->arena, item->valuestring);
    return *text != NULL ? BASE_OK : no_memory(in);
}

/* Counts stay below 2^53, where a double is exact. */
static base_status read_count(const reader *in, const cJSON *item, const char *key, double most,
                              int64_t *count) {
    double value = cJSON_IsNumber(item) ? item->valuedouble : -1;
    if (!(value >= 0 && value <= most && value == floor(value))) return wrong(in, key, "a count");
    *count = (int64_t)value;
    return BASE_OK;
}

static base_status read_field(const reader *in, const field *f, train_facts *facts) {
    void *at = (char *)facts + f->offset;
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(in->root, f->key);
    if (f->kind == OPTIONAL_TEXT && (item == NULL || cJSON_IsNull(item))) return BASE_OK;
    if (f->kind == OPTIONAL_COUNT && item == NULL) return BASE_OK;
    if (f->kind == TEXT || f->kind == OPTIONAL_TEXT) return read_string(in, item, f->key, at);
    int64_t count = 0;
    BASE_TRY(read_count(in, item, f->key, f->kind == SMALL_COUNT ? 1e6 : 0x1p53, &count));
    if (f->kind == COUNT || f->kind == OPTIONAL_COUNT) *(int64_t *)at = count;
    if (f->kind == SMALL_COUNT) *(int *)at = (int)count;
    if (f->kind == BYTES) *(size_t *)at = (size_t)count;
    return BASE_OK;
}

static base_status read_strings(const reader *in, const char *key, const char *const **strings,
                                int *n) {
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(in->root, key), *item;
    if (!cJSON_IsArray(list)) return wrong(in, key, "a list of texts");
    const char **all =
        base_arena_alloc(in->arena, (size_t)cJSON_GetArraySize(list) + 1, sizeof *all);
    if (all == NULL) return no_memory(in);
    *strings = all;
    *n = 0;
    cJSON_ArrayForEach(item, list) {
        BASE_TRY(read_string(in, item, key, &all[(*n)++]));
    }
    return BASE_OK;
}

static base_status read_class_counts(const reader *in, train_facts *facts) {
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(in->root, "class_counts"), *item;
    if (!cJSON_IsArray(list) || cJSON_GetArraySize(list) != facts->n_classes) {
        return wrong(in, "class_counts", "a list with a count for each class");
    }
    facts->class_counts =
        base_arena_alloc(in->arena, (size_t)facts->n_classes, sizeof *facts->class_counts);
    if (facts->class_counts == NULL) return no_memory(in);
    int64_t *count = facts->class_counts;
    cJSON_ArrayForEach(item, list) {
        BASE_TRY(read_count(in, item, "class_counts", 0x1p53, count++));
    }
    return BASE_OK;
}

static base_status read_all(const reader *in, train_facts *facts) {
    if (!cJSON_IsObject(in->root)) {
        return base_fail(in->err, BASE_EFORMAT, "%s: not a JSON object", in->path);
    }
    for (int i = 0; i < N_FIELDS; i++) BASE_TRY(read_field(in, &fields[i], facts));
    BASE_TRY(read_strings(in, "classes", &facts->classes, &facts->n_classes));
    if (facts->n_classes < 1) return wrong(in, "classes", "a list of at least one class");
    if (facts->n_folds < 1) return wrong(in, "n_folds", "at least 1");
    if (facts->n_compare_folds > 0 && facts->compared_by == NULL) {
        return wrong(in, "compared_by", "a text");
    }
    BASE_TRY(read_class_counts(in, facts));
    return read_strings(in, "notes", &facts->notes, &facts->n_notes);
}

base_status train_facts_read(const char *folder, base_arena *arena, train_facts *facts,
                             base_error *err) {
    void *data = NULL;
    size_t n_bytes;
    const char *path = base_path_join(arena, folder, "facts.json");
    if (path == NULL) return base_fail(err, BASE_EMEMORY, "%s: out of memory", folder);
    BASE_TRY(base_file_read(path, (size_t)1 << 28, &data, &n_bytes, err));
    cJSON *root = cJSON_ParseWithLength(data, n_bytes);
    base_free(data);
    *facts = (train_facts){0};
    base_status status = read_all(&(reader){root, path, arena, err}, facts);
    cJSON_Delete(root);
    return status;
}
