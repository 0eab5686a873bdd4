/* Presets of the DrumSynth text format (.ds), rendered: GROUP/NAME.ds below the folder. */
#include <string.h>

#include "base/file.h"
#include "data/drumsynth.h"
#include "data/source.h"

typedef struct {
    data_folder_options folder;
} drumsynth_options;

static const base_option table[] = {
    DATA_FOLDER_ROWS(drumsynth_options, folder,
                     "the folder of presets, by sub-folders; labels are "
                     "SUBFOLDER/NAME"),
    {0}};

enum { MAX_PRESET_BYTES = 1 << 16 };

/* Counts up when presets come to sound different. */
static const char renderer[] = "drumsynth 1";

/* `relative` is the path below the data set's folder. */
static bool name_row(const char *relative, base_arena *arena, data_row *row) {
    const char *slash = strchr(relative, '/');
    const char *label = base_arena_copy(arena, relative, strlen(relative) - strlen(".ds"));
    const char *group = base_arena_copy(arena, relative, slash ? (size_t)(slash - relative) : 0);
    if (label == NULL || group == NULL) return false;
    row->label = base_path_text(arena, label);
    row->group = base_path_text(arena, group);
    return row->label != NULL && row->group != NULL;
}

static base_status list_rows(data_origin *origin, data_manifest *manifest, base_error *err) {
    const drumsynth_options *o = origin->options;
    const char **paths, *folder = o->folder.path;
    int64_t n_paths, n_presets = 0;
    BASE_TRY(base_folder_walk(folder, &manifest->arena, &paths, &n_paths, err));
    for (int64_t i = 0; i < n_paths; i++) {
        if (strcmp(base_path_extension(paths[i]), "ds") != 0) continue;
        const char *relative = paths[i] + strlen(folder);
        while (*relative == '/') relative++;
        data_row row = {.path = paths[i]};
        if (!name_row(relative, &manifest->arena, &row)) {
            return base_fail(err, BASE_EMEMORY, "%s: no memory for its presets", folder);
        }
        BASE_TRY(data_manifest_append(manifest, &row, err));
        n_presets++;
    }
    if (n_presets > 0) return BASE_OK;
    return base_fail(err, BASE_EDATA,
                     "%s: no DrumSynth presets below this folder (package lmms-common brings some)",
                     folder);
}

static base_status read_row(const data_row *row, data_audio *audio, base_error *err) {
    void *text;
    size_t n_bytes;
    *audio = (data_audio){0};
    BASE_TRY(base_file_read(data_row_file(row), MAX_PRESET_BYTES, &text, &n_bytes, err));
    base_status status = data_drumsynth_render(text, n_bytes, data_row_file(row), audio, err);
    base_free(text);
    return status;
}

static base_digest digest(const data_row *row) {
    (void)row;
    return base_digest_bytes(renderer, sizeof renderer);
}

const data_source data_source_drumsynth = {
    .variant = {"drumsynth", "presets of DrumSynth, as LMMS brings them, rendered", NULL, table,
                sizeof(drumsynth_options)},
    .folder = DATA_FOLDER_NEEDED,
    .list = list_rows,
    .read = read_row,
    .digest = digest,
    .renders_file = true,
};
