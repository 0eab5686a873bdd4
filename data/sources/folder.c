#include <string.h>

#include "base/file.h"
#include "data/source.h"

typedef struct {
    data_folder_options folder;
    const char *label; /* of every sound, wherever it lies; NULL: by label_from */
    int label_from;
} folder_options;

enum { FROM_FOLDER, FROM_FILE };

static const base_option table[] = {
    DATA_FOLDER_ROWS(folder_options, folder, "the folder, relative to the configuration"),
    {"label", BASE_OPT_STRING, offsetof(folder_options, label), "~", 0, 0, NULL, NULL,
     "label of every sound below the folder, whatever folders it lies in; without it the first "
     "folder's name is the label"},
    {"label_from", BASE_OPT_CHOICE, offsetof(folder_options, label_from), "folder", 0, 0,
     "folder|file", NULL,
     "where a label is found: in the name of the first folder, or in the file's own"},
    {0}};

/* Group and label are text, whatever the folders are called. NULL: no memory. */
static const char *group_name(const char *path, base_arena *arena) {
    const char *slash = strchr(path, '/');
    if (slash == NULL) return "";
    const char *name = base_arena_copy(arena, path, (size_t)(slash - path));
    return name != NULL ? base_path_text(arena, name) : NULL;
}

/* The file's name without its extension; NULL: no memory. */
static const char *stem_of(const char *path, base_arena *arena) {
    const char *name = base_path_name(path);
    const char *dot = strrchr(name, '.');
    return base_arena_copy(arena, name, dot != NULL ? (size_t)(dot - name) : strlen(name));
}

/* GROUP/.../file: the label is not a folder's name. */
static bool name_row_otherwise(const char *relative, const folder_options *o, base_arena *arena,
                               data_row *row) {
    row->label = o->label != NULL ? o->label : stem_of(relative, arena);
    row->group = group_name(relative, arena);
    return row->label != NULL && row->group != NULL;
}

/* CLASS/file or CLASS/GROUP/.../file; `relative` is the path below the data set's folder. */
static bool name_row(const char *relative, base_arena *arena, data_row *row) {
    const char *slash = strchr(relative, '/');
    if (slash == NULL) {
        row->label = row->group = "";
        row->left_out = data_no_class_folder;
        return true;
    }
    row->label = base_arena_copy(arena, relative, (size_t)(slash - relative));
    row->group = group_name(slash + 1, arena);
    return row->label != NULL && row->group != NULL;
}

static base_status list_rows(data_origin *origin, data_manifest *manifest, base_error *err) {
    const folder_options *o = origin->options;
    const char *folder = o->folder.path;
    base_walk found;
    bool by_folder = o->label == NULL && o->label_from == FROM_FOLDER;
    BASE_TRY(data_folder_walk(folder, data_audio_is_name, manifest, &found, err));
    for (int64_t i = 0; i < found.n_paths; i++) {
        const char *relative = found.paths[i] + strlen(folder);
        while (*relative == '/') relative++;
        data_row row = {.path = found.paths[i]};
        if (!(by_folder ? name_row(relative, &manifest->arena, &row)
                        : name_row_otherwise(relative, o, &manifest->arena, &row))) {
            return base_fail(err, BASE_EMEMORY, "%s: no memory for its files", folder);
        }
        if (base_utf8_fault(row.label) != NULL) {
            return base_fail(err, BASE_EDATA,
                             "%s/%s: the %s's name would be a label, and is not UTF-8; rename "
                             "it, or name the labels in a labels.csv",
                             folder, row.label, by_folder ? "folder" : "file");
        }
        BASE_TRY(data_manifest_append(manifest, &row, err));
    }
    if (found.n_paths > 0) return BASE_OK;
    return base_fail(err, BASE_EDATA, "%s: no audio files below this folder", folder);
}

const data_source data_source_folder = {
    .variant = {"folder", "a folder of sound files for each class", NULL, table,
                sizeof(folder_options)},
    .folder = DATA_FOLDER_NEEDED,
    .list = list_rows,
};
