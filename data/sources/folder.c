#include <string.h>

#include "data/source.h"

typedef struct {
    data_folder_options folder;
    const char *label; /* of every sound, wherever it lies; NULL: the first folder's name */
} folder_options;

static const base_option table[] = {
    DATA_FOLDER_ROWS(folder_options, folder, "the folder"),
    {"label", BASE_OPT_STRING, offsetof(folder_options, label), "~", 0, 0, NULL, NULL,
     "label of every sound below the folder, whatever folders it lies in; without it the first "
     "folder's name is the label"},
    {0}};

/* Group and label are text, whatever the folders are called. NULL: no memory. */
static const char *group_name(const char *path, base_arena *arena) {
    const char *slash = strchr(path, '/');
    if (slash == NULL) return "";
    const char *name = base_arena_copy(arena, path, (size_t)(slash - path));
    return name != NULL ? base_path_text(arena, name) : NULL;
}

/* CLASS/file or CLASS/GROUP/.../file; `relative` is the path below the data set's folder. With a
 * label for all there is no folder for the class: GROUP/.../file. */
static bool name_row(const char *relative, const char *label, base_arena *arena, data_row *row) {
    const char *slash = strchr(relative, '/');
    if (label != NULL) {
        row->label = label;
        row->group = group_name(relative, arena);
        return row->group != NULL;
    }
    if (slash == NULL) {
        row->label = row->group = "";
        row->left_out = "not in a folder named after a class";
        return true;
    }
    row->label = base_arena_copy(arena, relative, (size_t)(slash - relative));
    row->group = group_name(slash + 1, arena);
    return row->label != NULL && row->group != NULL;
}

static base_status list_rows(data_origin *origin, data_manifest *manifest, base_error *err) {
    const folder_options *o = origin->options;
    const char **paths, *folder = o->folder.path;
    int64_t n_paths, n_audio = 0;
    BASE_TRY(base_folder_walk(folder, &manifest->arena, &paths, &n_paths, err));
    for (int64_t i = 0; i < n_paths; i++) {
        if (!data_audio_is_name(paths[i])) continue;
        const char *relative = paths[i] + strlen(folder);
        while (*relative == '/') relative++;
        data_row row = {.path = paths[i]};
        if (!name_row(relative, o->label, &manifest->arena, &row)) {
            return base_fail(err, BASE_EMEMORY, "%s: no memory for its files", folder);
        }
        if (base_utf8_fault(row.label) != NULL) {
            return base_fail(err, BASE_EDATA,
                             "%s/%s: the folder's name would be a label, and is not UTF-8; rename "
                             "it, or name the labels in a labels.csv",
                             folder, row.label);
        }
        BASE_TRY(data_manifest_append(manifest, &row, err));
        n_audio++;
    }
    if (n_audio > 0) return BASE_OK;
    return base_fail(err, BASE_EDATA, "%s: no audio files below this folder", folder);
}

const data_source data_source_folder = {
    .variant = {"folder", "a folder of sound files for each class", NULL, table,
                sizeof(folder_options)},
    .folder = DATA_FOLDER_NEEDED,
    .list = list_rows,
    .read = data_file_read,
    .digest = data_file_digest,
};
