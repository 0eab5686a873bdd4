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

static bool is_preset(const char *path) {
    return strcmp(base_path_extension(path), "ds") == 0;
}

static base_status list_rows(data_origin *origin, data_manifest *manifest, base_error *err) {
    const drumsynth_options *o = origin->options;
    const char *folder = o->folder.path;
    base_walk found;
    BASE_TRY(data_folder_walk(folder, is_preset, manifest, &found, err));
    for (int64_t i = 0; i < found.n_paths; i++) {
        const char *relative = found.paths[i] + strlen(folder);
        while (*relative == '/') relative++;
        data_row row = {.path = found.paths[i]};
        if (!name_row(relative, &manifest->arena, &row)) {
            return base_fail(err, BASE_EMEMORY, "%s: no memory for its presets", folder);
        }
        BASE_TRY(data_manifest_append(manifest, &row, err));
    }
    if (found.n_paths > 0) return BASE_OK;
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
