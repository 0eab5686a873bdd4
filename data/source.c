#include "data/source.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data/input.h"

static base_status no_memory(base_error *err) {
    return base_fail(err, BASE_EMEMORY, "no memory for the list of sounds");
}

const char data_no_class_folder[] = "not in a folder named after a class";

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
enum { N_SOURCES = sizeof sources / sizeof *sources, MAX_KEYS = 64 };

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
     "what the sounds are for: assigned to the folds, each tested once; always trained on and "
     "never "
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

static const base_option *find_option(const base_option *table, const char *key) {
    while (table->key != NULL && strcmp(table->key, key) != 0) table++;
    return table->key != NULL ? table : NULL;
}

/* ---- keys of other kinds ---- */

static base_status stands_at_default(const base_node *node, const base_option *option,
                                     base_arena *arena, bool *is_default, base_error *err) {
    base_node *preset;
    base_text is = {0}, would_be = {0};
    *is_default = base_node_is_null(node);
    if (*is_default || option->preset == NULL) return BASE_OK;
    BASE_TRY(base_yaml_parse(option->preset, "default", arena, &preset, err));
    base_yaml_write(node, &is);
    base_yaml_write(preset, &would_be);
    *is_default = strcmp(base_text_string(&is), base_text_string(&would_be)) == 0;
    base_status status = is.failed || would_be.failed ? no_memory(err) : BASE_OK;
    base_text_release(&is);
    base_text_release(&would_be);
    return status;
}

/* Whether other kinds have the key, and the entry only its default, so that it can be dropped. What
 * no kind has is left to the binding, which names the nearest key. */
static base_status check_foreign_key(const base_node *node, const data_source *source,
                                     base_arena *arena, bool *drop, base_error *err) {
    base_text owners = {0};
    const char *comma = "";
    base_status status = BASE_OK;
    *drop = false;
    for (int s = 0; s < N_SOURCES && status == BASE_OK && !*drop; s++) {
        const base_option *option = find_option(variants[s]->options, node->key);
        if (option == NULL) continue;
        base_text_printf(&owners, "%s%s", comma, variants[s]->name);
        comma = ", ";
        status = stands_at_default(node, option, arena, drop, err);
    }
    if (status == BASE_OK && !*drop && comma[0] != '\0') {
        status = base_node_fail(node, err, BASE_ECONFIG, "a key of source: %s, not of %s",
                                base_text_string(&owners), source->variant.name);
    }
    base_text_release(&owners);
    return status;
}

static base_status drop_foreign_keys(base_node *entry, const data_source *source, base_arena *arena,
                                     base_error *err) {
    for (base_node **at = &entry->child; *at != NULL;) {
        const char *key = (*at)->key;
        bool drop = false;
        if (find_option(data_source_table, key) == NULL &&
            find_option(source->variant.options, key) == NULL) {
            BASE_TRY(check_foreign_key(*at, source, arena, &drop, err));
        }
        if (drop) {
            *at = (*at)->next;
            entry->n_children--;
        } else {
            at = &(*at)->next;
        }
    }
    return BASE_OK;
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

/* The folder as the configuration has it, and as this process reaches it. */
static base_status take_path(data_origin *origin, const data_manifest_request *request,
                             data_folder_options *folder, base_arena *arena, base_error *err) {
    if (folder->path == NULL) {
        if (origin->source->folder == DATA_FOLDER_SEARCHED) return BASE_OK;
        return base_node_fail(origin->node, err, BASE_ECONFIG, "this source needs a 'path'");
    }
    size_t n = strlen(folder->path);
    while (n > 1 && folder->path[n - 1] == '/') n--;
    folder->path = base_arena_copy(arena, folder->path, n);
    if (folder->path != NULL) folder->path = base_path_bytes(arena, folder->path);
    origin->path = folder->path;
    if (folder->path != NULL && strcmp(request->sounds_folder, ".") != 0) {
        folder->path = base_path_join(arena, request->sounds_folder, folder->path);
    }
    return folder->path != NULL ? BASE_OK : no_memory(err);
}

/* The common keys, then the kind's own, whose values stand `own` bytes further on. */
static void join_tables(const data_source *source, size_t own, base_option rows[MAX_KEYS + 1]) {
    int n = 0;
    for (const base_option *o = data_source_table; o->key != NULL; o++) rows[n++] = *o;
    for (const base_option *o = source->variant.options; o->key != NULL; o++) {
        BASE_CHECK(n < MAX_KEYS);
        rows[n] = *o;
        rows[n++].offset += own;
    }
    rows[n] = (base_option){0};
}

static base_status bind(data_origin *origin, data_manifest *manifest, base_error *err) {
    base_arena *arena = &manifest->arena;
    base_option rows[MAX_KEYS + 1];
    const size_t own =
        (sizeof origin->common + BASE_ALIGNMENT - 1) / BASE_ALIGNMENT * BASE_ALIGNMENT;
    const data_source *source = find_source(origin->node);
    if (source != NULL) BASE_TRY(drop_foreign_keys(origin->node, source, arena, err));
    if (source == NULL) source = sources[0]; /* the binding says what is wrong with the name */
    join_tables(source, own, rows);
    char *memory = base_arena_alloc(arena, 1, own + source->variant.size_bytes);
    if (memory == NULL) return no_memory(err);
    BASE_TRY(base_options_bind(rows, origin->node, memory, arena, err));
    memcpy(&origin->common, memory, sizeof origin->common);
    origin->source = source;
    origin->options = memory + own;
    if (source->folder == DATA_FOLDER_NONE) return BASE_OK;
    return take_path(origin, &manifest->request, (data_folder_options *)(memory + own), arena, err);
}

base_status data_origin_open(base_node *node, data_manifest *manifest, data_origin **origin,
                             base_error *err) {
    data_origin *o = *origin = base_arena_alloc(&manifest->arena, 1, sizeof *o);
    if (o == NULL) return no_memory(err);
    o->node = node;
    BASE_TRY(bind(o, manifest, err));
    data_origin **end = &manifest->origins;
    while (*end != NULL) end = &(*end)->next;
    *end = o;
    return BASE_OK;
}

/* ---- its rows ---- */

/* Tells what the folder is called as a whole, and, if it is there as seen from the working folder,
 * how it is written. */
static base_status fail_folder(const data_origin *origin, const data_manifest *manifest,
                               base_error *err) {
    const data_folder_options *folder = origin->options;
    base_arena arena = {0};
    base_error ignored;
    char *here = getcwd(NULL, 0);
    const char *full = here != NULL ? base_path_join(&arena, here, folder->path) : NULL, *way;
    bool near = folder->path != origin->path && base_folder_exists(origin->path) &&
                base_path_between(manifest->request.sounds_folder, origin->path, &arena, &way,
                                  &ignored) == BASE_OK;
    base_status status =
        base_fail(err, BASE_ENOTFOUND, "%s: no such folder%s%s%s%s",
                  full != NULL ? full : folder->path, origin->source->takes_file ? " or file" : "",
                  near ? "; paths are relative to the configuration: path: " : "", near ? way : "",
                  near ? " is the one seen from here" : "");
    free(here);
    base_arena_release(&arena);
    return status;
}

static bool has_folder(const data_origin *origin) {
    return origin->source->folder != DATA_FOLDER_NONE && origin->path != NULL;
}

/* Whether what the path names is there. */
static bool is_there(const data_origin *origin) {
    const data_folder_options *folder = origin->options;
    return base_folder_exists(folder->path) ||
           (origin->source->takes_file && base_file_exists(folder->path));
}

static base_status list_rows(data_origin *origin, data_manifest *manifest, base_error *err) {
    if (has_folder(origin) && !is_there(origin)) {
        return base_fail(err, BASE_ENOTFOUND, "%s: no such folder%s", origin->path,
                         origin->source->takes_file ? " or file" : "");
    }
    return origin->source->list(origin, manifest, err);
}

/* Files are named as the configuration has it, whoever asks from where. */
static base_status name_files(const data_origin *origin, data_manifest *manifest, int64_t first,
                              base_error *err) {
    const data_folder_options *folder = origin->options;
    if (!has_folder(origin) || folder->path == origin->path) return BASE_OK;
    /* Of a file, up to its name, which is the same in both. */
    size_t n_name = base_folder_exists(folder->path) ? 0 : strlen(base_path_name(folder->path));
    size_t n = strlen(folder->path) - n_name, n_own = strlen(origin->path) - n_name;
    for (int64_t i = first; i < manifest->n_rows; i++) {
        data_row *row = &manifest->rows[i];
        if (strncmp(row->path, folder->path, n) != 0) continue;
        row->file = row->path;
        row->path =
            base_arena_printf(&manifest->arena, "%.*s%s", (int)n_own, origin->path, row->file + n);
        if (row->path == NULL) return no_memory(err);
    }
    return BASE_OK;
}

base_status data_origin_list(data_origin *origin, data_manifest *manifest, base_error *err) {
    base_error problem;
    int64_t first = manifest->n_rows;
    base_status status = list_rows(origin, manifest, &problem);
    const data_folder_options *folder = origin->options;
    if (status == BASE_ENOTFOUND && origin->source->folder != DATA_FOLDER_NONE &&
        folder->otherwise == 1) {
        data_manifest_note(manifest, "%s; using the built-in synthesiser instead", problem.text);
        if (origin->source->close != NULL) origin->source->close(origin);
        manifest->n_rows = first;
        origin->source = &data_source_synth;
        origin->options = &folder->synth;
        BASE_TRY(origin->source->list(origin, manifest, err));
    } else if (status != BASE_OK) {
        bool missing = status == BASE_ENOTFOUND && has_folder(origin) && !is_there(origin);
        return missing ? fail_folder(origin, manifest, err)
                       : base_fail(err, status, "%s", problem.text);
    } else {
        BASE_TRY(name_files(origin, manifest, first, err));
    }
    for (int64_t i = first; i < manifest->n_rows; i++) {
        manifest->rows[i].origin = origin;
        manifest->rows[i].use = (data_use)origin->common.use;
    }
    return BASE_OK;
}

/* ---- a row's sound ---- */

const char *data_row_file(const data_row *row) {
    return row->file != NULL ? row->file : row->path;
}

static bool is_file(const data_row *row) {
    return row->origin == NULL || row->origin->source->read == NULL;
}

base_status data_row_open(const data_row *row, data_sound **sound, base_error *err) {
    data_audio_span span = {row->begin_s, row->end_s, 0};
    *sound = NULL;
    if (is_file(row)) return data_sound_open(data_row_file(row), &span, sound, err);
    data_audio audio;
    BASE_TRY(row->origin->source->read(row, &audio, err));
    base_status status = data_sound_take(&audio, sound, err);
    data_audio_release(&audio);
    return status;
}

static base_status digest_file(const char *path, base_digest *digest, base_error *err) {
    data_input input;
    base_error problem;
    base_status status = data_input_open(path, &input, &problem);
    if (status == BASE_OK) {
        status = data_input_digest(&input, digest, &problem);
        data_input_close(&input);
    }
    if (base_status_is_transient(status)) return base_fail(err, status, "%s", problem.text);
    if (status != BASE_OK) *digest = base_digest_bytes(&status, sizeof status);
    return BASE_OK;
}

base_status data_row_digest(const data_row *row, base_digest *digest, base_error *err) {
    *digest = base_digest_bytes(NULL, 0);
    if (is_file(row)) return digest_file(data_row_file(row), digest, err);
    const data_source *source = row->origin->source;
    if (source->renders_file) BASE_TRY(digest_file(data_row_file(row), digest, err));
    *digest =
        source->renders_file ? base_digest_join(*digest, source->digest(row)) : source->digest(row);
    return BASE_OK;
}

base_status data_folder_walk(const char *folder, base_walk_filter *wanted, data_manifest *manifest,
                             base_walk *found, base_error *err) {
    BASE_TRY(base_folder_walk(folder, wanted, &manifest->arena, found, err));
    if (found->n_paths == 0 && found->n_problems > 0) {
        return base_fail(err, found->problems[0].status, "%s", found->problems[0].why);
    }
    for (int64_t i = 0; i < found->n_problems; i++) {
        BASE_TRY(data_manifest_add_unread(manifest, found->problems[i].why, err));
    }
    for (int64_t i = 0; i < found->n_repeats; i++) {
        data_manifest_note(manifest, "%s", found->repeats[i]);
    }
    return BASE_OK;
}
