#include "data/manifest.h"

#include <string.h>

#include "data/audio_file.h"

/* CLASS/file or CLASS/GROUP/.../file; `relative` is the path below the data set's folder. With a
 * label for all there is no folder for the class: GROUP/.../file. */
static bool name_row(const char *relative, const char *label, base_arena *arena, data_row *row) {
    const char *slash = strchr(relative, '/');
    if (label != NULL) {
        row->label = label;
        row->group = slash ? base_arena_copy(arena, relative, (size_t)(slash - relative)) : "";
        return row->group != NULL;
    }
    if (slash == NULL) {
        row->label = row->group = "";
        row->left_out = "not in a folder named after a class";
        return true;
    }
    const char *inner = slash + 1;
    const char *next = strchr(inner, '/');
    row->label = base_arena_copy(arena, relative, (size_t)(slash - relative));
    row->group = next != NULL ? base_arena_copy(arena, inner, (size_t)(next - inner)) : "";
    return row->label != NULL && row->group != NULL;
}

base_status data_source_folder(const data_source_options *options, data_manifest *manifest,
                               size_t *capacity, base_error *err) {
    const char **paths;
    int64_t n_paths, n_audio = 0;
    BASE_TRY(base_folder_walk(options->path, &manifest->arena, &paths, &n_paths, err));
    for (int64_t i = 0; i < n_paths; i++) {
        if (!data_audio_is_name(paths[i])) continue;
        const char *relative = paths[i] + strlen(options->path);
        while (*relative == '/') relative++;
        data_row row = {.path = paths[i]};
        if (!name_row(relative, options->label, &manifest->arena, &row))
            return base_fail(err, BASE_EMEMORY, "%s: no memory for its files", options->path);
        BASE_TRY(data_manifest_append(manifest, capacity, &row, err));
        n_audio++;
    }
    if (n_audio == 0)
        return base_fail(err, BASE_EDATA, "%s: no audio files below this folder", options->path);
    return BASE_OK;
}
