/* Drums of SFZ instruments: the samples that their regions play (data/sfz.h), read as they are.
 *
 * Nothing is rendered, so no player is needed: a library such as sfizz's would play notes, but
 * hides which sample a note plays, and is in no stable Debian. */
#include <stdlib.h>
#include <string.h>

#include "base/walk.h"
#include "data/midi.h"
#include "data/sfz.h"
#include "data/source.h"

typedef struct {
    data_folder_options folder;
    base_strings files;
    const char *label;
    int label_from;
} sfz_options;

enum { FROM_LABEL, FROM_FILE, FROM_FOLDER, FROM_KEY };

#define FIELD(name) offsetof(sfz_options, name)
static const base_option table[] = {
    DATA_FOLDER_ROWS(sfz_options, folder, "folder of .sfz files and their samples, or one .sfz"),
    {"files", BASE_OPT_STRINGS, FIELD(files), "~", 0, 0, NULL, NULL,
     "names of the .sfz files to use; none: all that are there"},
    {"label", BASE_OPT_STRING, FIELD(label), "~", 0, 0, NULL, NULL,
     "label of every sound; without it, where label_from says"},
    {"label_from", BASE_OPT_CHOICE, FIELD(label_from), "label", 0, 0, "label|file|folder|key", NULL,
     "label: region_label, or else group_label, master_label or global_label, unless it is a "
     "number, "
     "or else the sample's name; file: the sample's name; folder: the name of the folder that the "
     "sample lies in; key: the name of its key, the instrument's own (label_key36) or else General "
     "MIDI's"},
    {0}};
#undef FIELD

/* An instrument that was read, or why not. */
typedef struct {
    data_sfz_place place;
    const char *path, *group;
    data_sfz sfz;
    base_status status;
    const char *why;
} instrument;

typedef struct {
    const sfz_options *options;
    data_manifest *manifest;
    const char *root; /* of what is to be read; as in a data_sfz_place */
    instrument *instruments;
    int64_t n_instruments;
    base_list sounds; /* sound: of the instrument at hand */
} lister;

/* A row-to-be. */
typedef struct {
    data_row row;
    const data_sfz_region *region;
    bool repeats; /* another one, which came before */
} sound;

static base_status no_memory(const lister *l, base_error *err) {
    return base_fail(err, BASE_EMEMORY, "%s: no memory for its instruments",
                     l->options->folder.path);
}

/* ---- instruments ---- */

static bool is_sfz(const char *path) {
    return strcasecmp(base_path_extension(path), "sfz") == 0;
}

static bool is_wanted(const sfz_options *o, const char *path) {
    for (int i = 0; i < o->files.n; i++) {
        if (strcmp(o->files.items[i], base_path_name(path)) == 0) return true;
    }
    return o->files.n == 0;
}

/* "drums/kit" of "drums/kit.sfz", as text. */
static const char *group_name(const char *name, base_arena *arena) {
    const char *dot = strrchr(base_path_name(name), '.');
    const char *stem = base_arena_copy(arena, name, dot != NULL ? (size_t)(dot - name) : 0);
    return stem != NULL ? base_path_text(arena, stem) : NULL;
}

static base_status read_instrument(lister *l, const char *path, base_error *err) {
    base_arena *arena = &l->manifest->arena;
    base_error problem;
    instrument *i = &l->instruments[l->n_instruments++];
    const char *name = path + strlen(l->root);
    while (*name == '/') name++;
    *i = (instrument){.place = {l->root, name}, .path = path};
    i->group = group_name(name, arena);
    i->status = data_sfz_read(&i->place, arena, &i->sfz, &problem);
    if (i->status != BASE_OK) i->why = base_arena_string(arena, problem.text);
    return i->group != NULL && (i->status == BASE_OK || i->why != NULL) ? BASE_OK
                                                                        : no_memory(l, err);
}

static base_status read_folder(lister *l, base_error *err) {
    base_arena *arena = &l->manifest->arena;
    base_walk found;
    BASE_TRY(data_folder_walk(l->options->folder.path, is_sfz, l->manifest, &found, err));
    l->root = base_arena_printf(arena, "%s/", l->options->folder.path);
    l->instruments = base_arena_alloc(arena, (size_t)found.n_paths, sizeof *l->instruments);
    if (l->root == NULL || l->instruments == NULL) return no_memory(l, err);
    for (int64_t i = 0; i < found.n_paths; i++) {
        BASE_TRY(read_instrument(l, found.paths[i], err));
    }
    return BASE_OK;
}

static base_status read_one(lister *l, base_error *err) {
    base_arena *arena = &l->manifest->arena;
    const char *path = l->options->folder.path;
    l->root = base_arena_copy(arena, path, (size_t)(base_path_name(path) - path));
    l->instruments = base_arena_alloc(arena, 1, sizeof *l->instruments);
    if (l->root == NULL || l->instruments == NULL) return no_memory(l, err);
    return read_instrument(l, path, err);
}

/* Whether it is a part of another one, which then brings its regions. */
static bool is_part(const lister *l, const instrument *part) {
    for (int64_t i = 0; i < l->n_instruments; i++) {
        const instrument *whole = &l->instruments[i];
        for (int64_t k = 0; whole != part && k < whole->sfz.n_included; k++) {
            if (strcmp(whole->sfz.included[k], part->path) == 0) return true;
        }
    }
    return false;
}

/* ---- sounds ---- */

/* The name of a sample's file without its extension, or that of its folder, as text. */
static const char *name_in(const char *path, bool of_folder, base_arena *arena) {
    const char *end = base_path_name(path), *begin = end;
    if (of_folder) {
        if (end > path) end--;
        for (begin = end; begin > path && begin[-1] != '/'; begin--) continue;
    } else {
        const char *dot = strrchr(begin, '.');
        end = dot != NULL ? dot : begin + strlen(begin);
    }
    const char *name = base_arena_copy(arena, begin, (size_t)(end - begin));
    return name != NULL ? base_path_text(arena, name) : NULL;
}

/* NULL: no memory. */
static const char *label_of(const lister *l, const data_sfz_region *region, const char *path) {
    const sfz_options *o = l->options;
    base_arena *arena = &l->manifest->arena;
    if (o->label != NULL) return o->label;
    if (o->label_from == FROM_KEY) {
        return region->key_label[0] != '\0' ? base_path_text(arena, region->key_label)
                                            : data_midi_key_name(region->key);
    }
    if (o->label_from == FROM_FOLDER) return name_in(path, true, arena);
    if (o->label_from == FROM_FILE || region->label[0] == '\0') return name_in(path, false, arena);
    return base_path_text(arena, region->label);
}

/* Where a region's sample is, and why it cannot be used. */
static base_status find_sample(lister *l, const instrument *i, const data_sfz_region *region,
                               data_row *row, base_error *err) {
    base_arena *arena = &l->manifest->arena;
    const char *why = NULL;
    if (region->sample[0] == '*') {
        why = "made by the player, from no file";
    } else {
        BASE_TRY(data_sfz_find(&i->place, region->sample, arena, &row->path, err));
        if (row->path == NULL) why = "the sample lies outside of the folder";
    }
    if (row->path == NULL) row->path = region->sample;
    if (why == NULL && region->end == 0) why = "never plays (end=0 or -1)";
    if (why == NULL) return BASE_OK;
    row->left_out = base_arena_printf(arena, "%s:%d: %s", region->file, region->line, why);
    return row->left_out != NULL ? BASE_OK : no_memory(l, err);
}

static base_status add_region(lister *l, const instrument *i, const data_sfz_region *region,
                              base_error *err) {
    base_arena *arena = &l->manifest->arena;
    sound s = {.row = {.group = i->group}, .region = region};
    BASE_TRY(find_sample(l, i, region, &s.row, err));
    s.row.label = label_of(l, region, s.row.path);
    if (s.row.label == NULL) return no_memory(l, err);
    s.row.family = region->key >= 0 ? base_arena_printf(arena, "%s:%d", i->group, region->key)
                                    : base_arena_printf(arena, "%s:%s", i->group, s.row.label);
    if (s.row.family == NULL || !base_list_append(&l->sounds, &s, 1)) return no_memory(l, err);
    return BASE_OK;
}

/* ---- rows ---- */

static int compare_numbers(int64_t a, int64_t b) {
    return (a > b) - (a < b);
}

/* By all that makes a sound another one, then by place. */
static int compare_sounds(const void *a, const void *b) {
    const sound *x = *(sound *const *)a, *y = *(sound *const *)b;
    int order = strcmp(x->row.path, y->row.path);
    if (order == 0) order = strcmp(x->row.label, y->row.label);
    if (order == 0) order = compare_numbers(x->region->offset, y->region->offset);
    if (order == 0) order = compare_numbers(x->region->end, y->region->end);
    return order;
}

static int compare_places(const void *a, const void *b) {
    const sound *x = *(sound *const *)a, *y = *(sound *const *)b;
    int order = compare_sounds(a, b);
    return order != 0 ? order : (x > y) - (x < y);
}

/* Velocities and keys often share a sample: what differs in these alone is one sound. */
static base_status mark_repeats(lister *l, base_error *err) {
    sound *sounds = l->sounds.items;
    size_t n = l->sounds.n;
    sound **sorted = base_alloc(n, sizeof *sorted);
    if (sorted == NULL) return no_memory(l, err);
    for (size_t i = 0; i < n; i++) sorted[i] = &sounds[i];
    if (n > 0) qsort(sorted, n, sizeof *sorted, compare_places);
    for (size_t i = 1; i < n; i++) {
        sorted[i]->repeats = compare_sounds(&sorted[i - 1], &sorted[i]) == 0;
    }
    base_free(sorted);
    return BASE_OK;
}

/* The span of a sample of which not all is played. One that cannot be opened says why when it is
 * decoded. */
static base_status find_span(sound *s, base_error *err) {
    data_sound *file;
    base_error problem;
    const data_sfz_region *region = s->region;
    if (s->row.left_out != NULL) return BASE_OK;
    if (region->offset == 0 && region->end == DATA_SFZ_NONE) return BASE_OK;
    base_status status = data_sound_open(s->row.path, NULL, &file, &problem);
    if (base_status_is_transient(status)) return base_fail(err, status, "%s", problem.text);
    if (status != BASE_OK) return BASE_OK;
    double rate_hz = data_sound_rate_hz(file);
    s->row.begin_s = (double)region->offset / rate_hz;
    if (region->end != DATA_SFZ_NONE) s->row.end_s = ((double)region->end + 1) / rate_hz;
    data_sound_close(file);
    return BASE_OK;
}

static base_status add_rows(lister *l, base_error *err) {
    sound *sounds = l->sounds.items;
    BASE_TRY(mark_repeats(l, err));
    for (size_t i = 0; i < l->sounds.n; i++) {
        if (sounds[i].repeats) continue;
        BASE_TRY(find_span(&sounds[i], err));
        BASE_TRY(data_manifest_append(l->manifest, &sounds[i].row, err));
    }
    l->sounds.n = 0;
    return BASE_OK;
}

/* A broken one is left out whole, with a note; what cannot be read may be whole. */
static base_status add_instrument(lister *l, const instrument *i, base_error *err) {
    if (base_status_is_transient(i->status)) {
        return data_manifest_add_unread(l->manifest, i->why, err);
    }
    if (i->status != BASE_OK) {
        data_manifest_note(l->manifest, "left out: %s", i->why);
        return BASE_OK;
    }
    for (int64_t k = 0; k < i->sfz.n_regions; k++) {
        BASE_TRY(add_region(l, i, &i->sfz.regions[k], err));
    }
    return add_rows(l, err);
}

static base_status add_instruments(lister *l, base_error *err) {
    const char *path = l->options->folder.path;
    const instrument *failed = NULL;
    int64_t n_read = 0, n_wanted = 0;
    for (int64_t k = 0; k < l->n_instruments; k++) {
        const instrument *i = &l->instruments[k];
        if (!is_wanted(l->options, i->path) || is_part(l, i)) continue;
        n_wanted++;
        n_read += i->status == BASE_OK;
        if (i->status != BASE_OK && failed == NULL) failed = i;
        BASE_TRY(add_instrument(l, i, err));
    }
    if (n_read > 0) return BASE_OK;
    if (n_wanted == 0) return base_fail(err, BASE_ENOTFOUND, "no SFZ instrument in %s", path);
    return base_fail(err, base_status_is_transient(failed->status) ? BASE_EIO : BASE_EFORMAT, "%s",
                     failed->why);
}

static base_status list_rows(data_origin *origin, data_manifest *manifest, base_error *err) {
    lister l = {.options = origin->options, .manifest = manifest};
    l.sounds.size_bytes = sizeof(sound);
    bool is_folder = base_folder_exists(l.options->folder.path);
    base_status status = is_folder ? read_folder(&l, err) : read_one(&l, err);
    if (status == BASE_OK) status = add_instruments(&l, err);
    base_free(l.sounds.items);
    return status;
}

const data_source data_source_sfz = {
    .variant = {"sfz", "drums of SFZ instruments: the samples that their regions play", NULL, table,
                sizeof(sfz_options)},
    .folder = DATA_FOLDER_NEEDED,
    .takes_file = true,
    .list = list_rows,
};
