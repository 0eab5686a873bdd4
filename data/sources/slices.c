/* Recordings of performances with annotations: a row for each annotated stroke, from there to the
 * next one. */
#include <math.h>
#include <string.h>

#include "base/file.h"
#include "data/annotation.h"
#include "data/audio_file.h"
#include "data/slicer.h"
#include "data/source.h"

typedef struct {
    data_folder_options folder;
    const char *recordings, *annotations;
    double longest_s, together_ms;
} slices_options;

#define FIELD(name) offsetof(slices_options, name)
static const base_option table[] = {
    DATA_FOLDER_ROWS(slices_options, folder, "the folder of recordings and annotations"),
    {"recordings", BASE_OPT_STRING, FIELD(recordings), "\"*\"", 0, 0, NULL, NULL,
     "which files below path are recordings, with one * for the name (audio/*_Drum.wav); * alone: "
     "all sound files"},
    {"annotations", BASE_OPT_STRING, FIELD(annotations), "\"*\"", 0, 0, NULL, NULL,
     "where a recording's annotation is, with * for the same name (annotations/*_class.txt); where "
     "no extension follows the *, any that holds annotations is tried"},
    {"longest", BASE_OPT_FLOAT, FIELD(longest_s), "4", 0.01, 60, NULL, "s",
     "longest sound; it ends where the next stroke begins"},
    {"together", BASE_OPT_FLOAT, FIELD(together_ms), "30", 0, 1000, NULL, "ms",
     "strokes closer than that are one sound, whose label is theirs joined by '+' (KD+HH)"},
    {0}};
#undef FIELD

/* PREFIX*SUFFIX */
typedef struct {
    const char *prefix, *suffix;
    size_t n_prefix, n_suffix;
} pattern;

static base_status read_pattern(const data_origin *origin, const char *key, const char *text,
                                pattern *p, base_error *err) {
    const char *star = strchr(text, '*');
    if (star == NULL || strchr(star + 1, '*') != NULL) {
        const base_node *node = base_node_get(origin->node, key);
        return base_node_fail(node, err, BASE_ECONFIG, "needs one * that stands for the name");
    }
    *p = (pattern){text, star + 1, (size_t)(star - text), strlen(star + 1)};
    return BASE_OK;
}

/* What the * stands for in `path`, in the arena; *stem NULL: the path does not match, or there is
 * no memory (then the call fails). */
static base_status match(const pattern *p, const char *path, base_arena *arena, const char **stem,
                         base_error *err) {
    size_t n = strlen(path), n_suffix = p->n_suffix;
    *stem = NULL;
    if (n < p->n_prefix + n_suffix || memcmp(path, p->prefix, p->n_prefix) != 0) return BASE_OK;
    if (strcmp(path + n - n_suffix, p->suffix) != 0 || !data_audio_is_name(path)) return BASE_OK;
    if (n_suffix == 0) n_suffix = strlen(base_path_extension(path)) + 1;
    if (n <= p->n_prefix + n_suffix) return BASE_OK;
    *stem = base_arena_copy(arena, path + p->n_prefix, n - p->n_prefix - n_suffix);
    return *stem != NULL ? BASE_OK : base_fail(err, BASE_EMEMORY, "%s: no memory", path);
}

typedef struct {
    const slices_options *options;
    data_manifest *manifest;
    pattern recordings, annotations;
    int64_t n_without; /* recordings without an annotation, */
    const char *first; /* and the first of them */
} lister;

static base_status no_memory(base_error *err) {
    return base_fail(err, BASE_EMEMORY, "no memory for the slices of recordings");
}

static base_status add_rows(const lister *l, const char *path, const char *group,
                            const data_annotation *a, base_error *err) {
    double longest_s = l->options->longest_s;
    for (int64_t i = 0; i < a->n; i++) {
        const data_event *e = &a->events[i];
        data_row row = {.path = path, .group = group, .label = e->label, .begin_s = e->begin_s};
        double end_s = i + 1 < a->n ? a->events[i + 1].begin_s : INFINITY;
        if (e->end_s > 0) end_s = fmin(end_s, e->end_s);
        row.end_s = fmin(end_s, row.begin_s + longest_s);
        if (row.label[0] == '\0' && !l->manifest->request.label_free) row.left_out = "no label";
        BASE_TRY(data_manifest_append(l->manifest, &row, err));
    }
    return BASE_OK;
}

/* Without one the recording is counted, and has no rows. */
static base_status find_annotation(lister *l, const char *path, const char *stem,
                                   const char **found, base_error *err) {
    const char *folder = l->options->folder.path;
    const pattern *p = &l->annotations;
    base_arena *arena = &l->manifest->arena;
    const char *base = base_arena_printf(arena, "%s/%.*s%s%s", folder, (int)p->n_prefix, p->prefix,
                                         stem, p->suffix);
    if (base == NULL) return no_memory(err);
    BASE_TRY(data_annotation_find(base, arena, found, err));
    if (*found == NULL && l->n_without++ == 0) l->first = path;
    return BASE_OK;
}

static base_status add_recording(lister *l, const char *path, const char *stem, base_error *err) {
    const char *found, *group = base_path_text(&l->manifest->arena, stem);
    if (group == NULL) return no_memory(err);
    BASE_TRY(find_annotation(l, path, stem, &found, err));
    if (found == NULL) return BASE_OK;
    data_annotation a;
    BASE_TRY(data_annotation_read(found, path, &l->manifest->arena, &a, err));
    base_status status = data_annotation_join(&a, l->options->together_ms * 1e-3, err);
    if (status == BASE_OK) status = add_rows(l, path, group, &a, err);
    data_annotation_release(&a);
    return status;
}

static base_status list_rows(data_origin *origin, data_manifest *manifest, base_error *err) {
    const slices_options *o = origin->options;
    lister l = {.options = o, .manifest = manifest};
    const char *folder = o->folder.path;
    int64_t first_row = manifest->n_rows;
    base_walk found;
    BASE_TRY(read_pattern(origin, "recordings", o->recordings, &l.recordings, err));
    BASE_TRY(read_pattern(origin, "annotations", o->annotations, &l.annotations, err));
    BASE_TRY(data_folder_walk(folder, data_audio_is_name, manifest, &found, err));
    for (int64_t i = 0; i < found.n_paths; i++) {
        const char *stem, *relative = found.paths[i] + strlen(folder);
        while (*relative == '/') relative++;
        BASE_TRY(match(&l.recordings, relative, &manifest->arena, &stem, err));
        if (stem != NULL) BASE_TRY(add_recording(&l, found.paths[i], stem, err));
    }
    if (manifest->n_rows == first_row) {
        return base_fail(err, BASE_EDATA, "%s: no recording '%s' with an annotation '%s'", folder,
                         o->recordings, o->annotations);
    }
    if (l.n_without > 0) {
        data_manifest_note(manifest, "recordings without an annotation: %lld (the first is %s)",
                           (long long)l.n_without, l.first);
    }
    return BASE_OK;
}

static base_status read_row(const data_row *row, data_audio *audio, base_error *err) {
    const slices_options *o = row->origin->options;
    const data_audio_span span = {.begin_s = row->begin_s, .end_s = row->end_s};
    return data_slice_read(data_row_file(row), &span, o->longest_s, audio, err);
}

/* The number counts up when slices come to be cut in another way. */
static base_digest digest(const data_row *row) {
    static const char maker[] = "slices 1";
    const slices_options *o = row->origin->options;
    return base_digest_join(base_digest_bytes(maker, sizeof maker),
                            base_digest_bytes(&o->longest_s, sizeof o->longest_s));
}

const data_source data_source_slices = {
    .variant = {"slices", "annotated recordings of performances, cut into their strokes", NULL,
                table, sizeof(slices_options)},
    .folder = DATA_FOLDER_NEEDED,
    .list = list_rows,
    .read = read_row,
    .digest = digest,
    .renders_file = true,
};
