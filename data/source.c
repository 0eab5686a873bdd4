#include "data/source.h"

#include <stdio.h>
#include <string.h>

static base_status no_memory(base_error *err) {
    return base_fail(err, BASE_EMEMORY, "no memory for the list of sounds");
}

/* ---- the kinds ---- */

#define DATA_SOURCE(name) &data_source_##name,
static const data_source *const sources[] = {
#include "data/sources.def"
};
#undef DATA_SOURCE
#define DATA_SOURCE(name) &data_source_##name.variant,
static const base_variant *const variants[] = {
#include "data/sources.def"
};
#undef DATA_SOURCE
enum { N_SOURCES = sizeof sources / sizeof *sources };

const base_variant *const *data_source_variants(int *n) {
    *n = N_SOURCES;
    return variants;
}

/* ---- the keys ---- */

/* "|folder|csv|...": the choices begin behind the first stroke. */
#define DATA_SOURCE(name) "|" #name
static const char names[] =
#include "data/sources.def"
    ;
#undef DATA_SOURCE

#define FIELD(name) offsetof(data_source_options, name)
const base_option data_source_table[] = {
    {"source", BASE_OPT_CHOICE, FIELD(source), NULL, 0, 0, names + 1, NULL,
     "where the sounds come from; each kind has keys of its own"},
    {"use", BASE_OPT_CHOICE, FIELD(use), "folds", 0, 0, "folds|train|test", NULL,
     "what the sounds are for: dealt to the folds, each tested once; always trained on and never "
     "tested; or never trained on and tested by the network of every fold"},
    {"rules", BASE_OPT_STRING, FIELD(rules), "~", 0, 0, NULL, NULL,
     "file of rules from labels to classes, relative to the configuration; without it labels are "
     "classes"},
    {"classes", BASE_OPT_STRINGS, FIELD(classes), "~", 0, 0, NULL, NULL,
     "keep only these classes, in this order; mix, performance: the classes to make, parts joined "
     "by '+' (B+CH), and rest"},
    {"only_groups", BASE_OPT_STRINGS, FIELD(only_groups), "~", 0, 0, NULL, NULL,
     "keep only these groups (kits, sub-folders)"},
    {"skip_groups", BASE_OPT_STRINGS, FIELD(skip_groups), "~", 0, 0, NULL, NULL,
     "leave these groups out"},
    {0}};
#undef FIELD

/* A resolved configuration lists these keys, whatever the kind of source, in this order: --resume
 * compares it byte by byte. Keys of other names are listed for the kinds that have them. */
static const char *const listed[] = {
    "source",      "use",       "path",      "labels",    "rules", "classes", "only_groups",
    "skip_groups", "label",     "otherwise", "per_class", "seed",  "parts",   "pools",
    "gain_db",     "jitter_ms", "ringing",   "songs",     "bars",  "tempo"};
enum { N_LISTED = sizeof listed / sizeof *listed, MAX_KEYS = 64 };

static const base_option *find_option(const base_option *table, const char *key) {
    while (table->key != NULL && strcmp(table->key, key) != 0) table++;
    return table->key != NULL ? table : NULL;
}

/* The keys of one entry, and where their values go: the common ones, then the kind's own, then what
 * belongs to other kinds and is not looked at. */
typedef struct {
    base_option rows[MAX_KEYS + 1];
    int n;
    size_t own, other, n_bytes; /* where parts of the memory begin */
} key_table;

static size_t padded(size_t n_bytes) {
    return (n_bytes + BASE_ALIGNMENT - 1) / BASE_ALIGNMENT * BASE_ALIGNMENT;
}

static void add_key(key_table *table, const base_option *option, size_t begin) {
    BASE_CHECK(table->n < MAX_KEYS);
    table->rows[table->n] = *option;
    table->rows[table->n++].offset += begin;
}

static void add_listed_key(key_table *table, const data_source *source, const char *key) {
    const base_option *option = find_option(data_source_table, key);
    if (option != NULL) {
        add_key(table, option, 0);
        return;
    }
    option = find_option(source->variant.options, key);
    if (option != NULL) {
        add_key(table, option, table->own);
        return;
    }
    for (int s = 0; s < N_SOURCES && option == NULL; s++) {
        option = find_option(variants[s]->options, key);
    }
    BASE_CHECK(option != NULL);
    add_key(table, option, table->other);
}

static void make_table(key_table *table, const data_source *source) {
    *table = (key_table){.own = padded(sizeof(data_source_options))};
    table->other = table->own + padded(source->variant.size_bytes);
    table->n_bytes = table->other;
    for (int s = 0; s < N_SOURCES; s++) {
        size_t n_bytes = table->other + padded(variants[s]->size_bytes);
        if (n_bytes > table->n_bytes) table->n_bytes = n_bytes;
    }
    for (int i = 0; i < N_LISTED; i++) add_listed_key(table, source, listed[i]);
    for (const base_option *own = source->variant.options; own->key != NULL; own++) {
        if (find_option(table->rows, own->key) == NULL) add_key(table, own, table->own);
    }
}

/* ---- keys of other kinds ---- */

static base_status stands_at_default(const base_option *option, const base_node *node,
                                     bool *is_default, base_error *err) {
    base_node *preset;
    base_arena arena = {0};
    base_text is = {0}, would_be = {0};
    *is_default = base_node_is_null(node);
    if (*is_default || option->preset == NULL) return BASE_OK;
    base_status status = base_yaml_parse(option->preset, "default", &arena, &preset, err);
    if (status == BASE_OK) {
        base_yaml_write(node, &is);
        base_yaml_write(preset, &would_be);
        *is_default = strcmp(base_text_string(&is), base_text_string(&would_be)) == 0;
        if (is.failed || would_be.failed) status = no_memory(err);
    }
    base_text_release(&is);
    base_text_release(&would_be);
    base_arena_release(&arena);
    return status;
}

static base_status check_key(const base_node *node, const data_source *source, base_error *err) {
    const base_option *option = NULL;
    base_text owners = {0};
    bool is_default = true;
    if (find_option(data_source_table, node->key) != NULL ||
        find_option(source->variant.options, node->key) != NULL) {
        return BASE_OK;
    }
    for (int s = 0; s < N_SOURCES; s++) {
        const base_option *of_other = find_option(variants[s]->options, node->key);
        if (of_other == NULL) continue;
        base_text_printf(&owners, "%s%s", option != NULL ? ", " : "", variants[s]->name);
        option = of_other;
    }
    base_status status = BASE_OK; /* what no kind has is refused with the nearest key */
    if (option != NULL) status = stands_at_default(option, node, &is_default, err);
    if (!is_default) {
        status = base_node_fail(node, err, BASE_ECONFIG, "a key of source: %s, not of %s",
                                base_text_string(&owners), source->variant.name);
    }
    base_text_release(&owners);
    return status;
}

/* ---- opening an entry ---- */

/* The kind that the entry names; NULL if it names none. */
static const data_source *find_source(const base_node *node) {
    const base_node *name = node->kind == BASE_NODE_MAP ? base_node_get(node, "source") : NULL;
    if (name == NULL || name->kind != BASE_NODE_SCALAR) return NULL;
    for (int s = 0; s < N_SOURCES; s++) {
        if (strcmp(variants[s]->name, name->text) == 0) return sources[s];
    }
    return NULL;
}

static base_status take_path(const data_origin *origin, data_folder_options *folder,
                             base_arena *arena, base_error *err) {
    if (folder->path == NULL) {
        if (origin->source->folder == DATA_FOLDER_SEARCHED) return BASE_OK;
        return base_node_fail(origin->node, err, BASE_ECONFIG, "this source needs a 'path'");
    }
    size_t n = strlen(folder->path);
    while (n > 1 && folder->path[n - 1] == '/') n--;
    folder->path = base_arena_copy(arena, folder->path, n);
    return folder->path != NULL ? BASE_OK : no_memory(err);
}

static base_status bind(data_origin *origin, base_arena *arena, base_error *err) {
    key_table table;
    const data_source *source = find_source(origin->node);
    if (source != NULL) {
        for (const base_node *key = origin->node->child; key != NULL; key = key->next) {
            BASE_TRY(check_key(key, source, err));
        }
    }
    make_table(&table, source != NULL ? source : sources[0]);
    char *memory = base_arena_alloc(arena, 1, table.n_bytes);
    if (memory == NULL) return no_memory(err);
    BASE_TRY(base_options_bind(table.rows, origin->node, memory, arena, err));
    memcpy(&origin->common, memory, sizeof origin->common);
    origin->source = sources[origin->common.source];
    origin->options = memory + table.own;
    if (origin->source->folder == DATA_FOLDER_NONE) return BASE_OK;
    return take_path(origin, (data_folder_options *)(memory + table.own), arena, err);
}

base_status data_origin_open(base_node *node, const char *config_folder, data_manifest *manifest,
                             data_origin **origin, base_error *err) {
    data_origin *o = *origin = base_arena_alloc(&manifest->arena, 1, sizeof *o);
    if (o == NULL) return no_memory(err);
    o->node = node;
    o->config_folder = config_folder;
    BASE_TRY(bind(o, &manifest->arena, err));
    data_origin **end = &manifest->origins;
    while (*end != NULL) end = &(*end)->next;
    *end = o;
    return BASE_OK;
}

/* ---- its rows ---- */

static base_status list_rows(data_origin *origin, data_manifest *manifest, base_error *err) {
    const data_folder_options *folder = origin->options;
    bool has_path = origin->source->folder != DATA_FOLDER_NONE && folder->path != NULL;
    if (has_path && !base_folder_exists(folder->path)) {
        return base_fail(err, BASE_ENOTFOUND, "%s: no such folder", folder->path);
    }
    return origin->source->list(origin, manifest, err);
}

base_status data_origin_list(data_origin *origin, data_manifest *manifest, base_error *err) {
    base_error problem;
    int64_t first = manifest->n_rows;
    base_status status = list_rows(origin, manifest, &problem);
    const data_folder_options *folder = origin->options;
    if (status == BASE_ENOTFOUND && origin->source->folder != DATA_FOLDER_NONE &&
        folder->otherwise == 1) {
        data_manifest_note(manifest, "%s; using the built-in synthesiser instead", problem.text);
        origin->source = &data_source_synth;
        origin->options = &folder->synth;
        BASE_TRY(origin->source->list(origin, manifest, err));
    } else if (status != BASE_OK) {
        return base_fail(err, status, "%s", problem.text);
    }
    for (int64_t i = first; i < manifest->n_rows; i++) {
        manifest->rows[i].origin = origin;
        manifest->rows[i].use = (data_use)origin->common.use;
    }
    return BASE_OK;
}

/* ---- a row's sound ---- */

base_status data_file_read(const data_row *row, data_audio *audio, base_error *err) {
    data_audio_span span = {row->begin_s, row->end_s, 0};
    return data_audio_read(row->path, &span, audio, err);
}

/* Block by block; the digest of nothing if the file cannot be read. */
base_digest data_file_digest(const data_row *row) {
    enum { READ_BYTES = 1 << 18 };
    base_digest digest = base_digest_bytes(NULL, 0);
    FILE *file = base_file_exists(row->path) ? fopen(row->path, "rbe") : NULL;
    void *block = base_alloc(1, READ_BYTES);
    while (file != NULL && block != NULL) {
        size_t n = fread(block, 1, READ_BYTES, file);
        if (n == 0) break;
        digest = base_digest_join(digest, base_digest_bytes(block, n));
    }
    base_free(block);
    if (file != NULL) fclose(file);
    return digest;
}

base_status data_row_read(const data_row *row, data_audio *audio, base_error *err) {
    return row->origin != NULL ? row->origin->source->read(row, audio, err)
                               : data_file_read(row, audio, err);
}

base_digest data_row_digest(const data_row *row) {
    return row->origin != NULL ? row->origin->source->digest(row) : data_file_digest(row);
}
