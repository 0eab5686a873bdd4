/* Drum kits of the Hydrogen drum machine: a folder per kit with a drumkit.xml that lists
 * instruments; each has a name and sound files: directly (old kits), in layers, or in layers of
 * components (new kits). */
#include <stdlib.h>
#include <string.h>

#include "base/walk.h"
#include "data/source.h"
#include "data/xml.h"

typedef struct {
    data_folder_options folder;
} hydrogen_options;

static const base_option table[] = {
    DATA_FOLDER_ROWS(hydrogen_options, folder,
                     "the folder of kits, or of one kit; without it the "
                     "installed kits are used"),
    {0}};

enum { MAX_XML_BYTES = 4 << 20, MAX_KIT_ROWS = 4096 };

typedef struct {
    data_manifest *manifest;
    const char *folder; /* of the kit at hand */
    const char *kit;    /* its name: the folder's */
    int64_t first_row;  /* of the kit at hand */
} lister;

/* Whether a file name given by a kit stays in the kit's folder. */
static bool stays_inside(const char *name) {
    if (name[0] == '/') return false;
    for (const char *part = name; part != NULL; part = strchr(part, '/')) {
        part += *part == '/';
        if (strncmp(part, "..", 2) == 0 && (part[2] == '/' || part[2] == '\0')) return false;
    }
    return true;
}

static bool is_listed(const lister *l, const char *path, const char *label) {
    const data_manifest *m = l->manifest;
    for (int64_t i = l->first_row; i < m->n_rows; i++) {
        if (strcmp(m->rows[i].path, path) == 0 && strcmp(m->rows[i].label, label) == 0) return true;
    }
    return false;
}

static base_status add_file(const lister *l, const char *file, const char *label, base_error *err) {
    data_row row = {.path = base_path_join(&l->manifest->arena, l->folder, file),
                    .label = label,
                    .group = l->kit};
    if (row.path == NULL) return base_fail(err, BASE_EMEMORY, "%s: no memory", l->folder);
    if (is_listed(l, row.path, label)) return BASE_OK;
    if (l->manifest->n_rows - l->first_row >= MAX_KIT_ROWS) {
        return base_fail(err, BASE_EFORMAT, "%s/drumkit.xml: more than %d samples", l->folder,
                         MAX_KIT_ROWS);
    }
    if (!stays_inside(file)) row.left_out = "the file lies outside of its kit";
    return data_manifest_append(l->manifest, &row, err);
}

/* All files of an instrument, or of one of its components or layers. The parser bounds the depth.
 */
static base_status add_files(const lister *l, const xmlNode *node, const char *label,
                             base_error *err) {
    for (const xmlNode *child = node->children; child != NULL; child = child->next) {
        if (data_xml_is(child, "filename")) {
            const char *file = data_xml_text(child, &l->manifest->arena);
            if (file == NULL) return base_fail(err, BASE_EMEMORY, "%s: no memory", l->folder);
            if (file[0] != '\0') BASE_TRY(add_file(l, file, label, err));
        } else if (data_xml_is(child, "layer") || data_xml_is(child, "instrumentComponent")) {
            BASE_TRY(add_files(l, child, label, err));
        }
    }
    return BASE_OK;
}

static base_status add_instruments(const lister *l, const xmlNode *root, base_error *err) {
    const xmlNode *list = root != NULL ? data_xml_child(root, "instrumentList") : NULL;
    if (list == NULL) {
        return base_fail(err, BASE_EFORMAT, "%s/drumkit.xml: no list of instruments", l->folder);
    }
    for (const xmlNode *node = list->children; node != NULL; node = node->next) {
        if (!data_xml_is(node, "instrument")) continue;
        const xmlNode *name = data_xml_child(node, "name");
        const char *label = name != NULL ? data_xml_text(name, &l->manifest->arena) : "";
        if (label == NULL) return base_fail(err, BASE_EMEMORY, "%s: no memory", l->folder);
        BASE_TRY(add_files(l, node, label, err));
    }
    return BASE_OK;
}

static base_status read_kit(const lister *l, base_error *err) {
    const char *path = base_path_join(&l->manifest->arena, l->folder, "drumkit.xml");
    xmlDoc *document;
    if (path == NULL) return base_fail(err, BASE_EMEMORY, "%s: no memory", l->folder);
    BASE_TRY(data_xml_read(path, MAX_XML_BYTES, &document, err));
    base_status status = add_instruments(l, xmlDocGetRootElement(document), err);
    xmlFreeDoc(document);
    return status;
}

/* What listing the kits of one or more folders came to. */
typedef struct {
    int64_t n_read, n_broken;
    base_error first; /* why the first broken kit is */
} tally;

/* A kit that is broken is left out whole, with a note; what cannot be read may be whole, and a
 * folder without a drumkit.xml is no kit. */
static base_status add_kit(lister *l, tally *t, base_error *err) {
    base_error problem;
    l->first_row = l->manifest->n_rows;
    base_status status = read_kit(l, &problem);
    if (status == BASE_ENOTFOUND) return BASE_OK;
    if (status == BASE_OK) {
        t->n_read++;
        return BASE_OK;
    }
    l->manifest->n_rows = l->first_row;
    if (base_status_is_transient(status)) {
        return data_manifest_add_unread(l->manifest, problem.text, err);
    }
    if (t->n_broken++ == 0) t->first = problem;
    data_manifest_note(l->manifest, "kit '%s' left out: %s", l->kit, problem.text);
    return BASE_OK;
}

static bool has_kit(const data_manifest *manifest, const char *kit, int64_t first_row) {
    for (int64_t i = first_row; i < manifest->n_rows; i++) {
        if (strcmp(manifest->rows[i].group, kit) == 0) return true;
    }
    return false;
}

static const char *kit_name(lister *l, const char *folder) {
    return base_path_text(&l->manifest->arena, base_path_name(folder));
}

static base_status add_kit_at(lister *l, const char *folder, tally *t, base_error *err) {
    l->folder = folder;
    l->kit = kit_name(l, folder);
    if (l->kit == NULL) return base_fail(err, BASE_EMEMORY, "%s: no memory", folder);
    return add_kit(l, t, err);
}

/* The kits in a folder of kits; one whose name came before (rows from first_row on) is hidden by
 * that, as in Hydrogen itself. */
static base_status add_kits(lister *l, const char *folder, int64_t first_row, tally *t,
                            base_error *err) {
    const char **names;
    int64_t n;
    BASE_TRY(base_folder_list(folder, &l->manifest->arena, &names, &n, err));
    for (int64_t i = 0; i < n; i++) {
        const char *kit = base_path_join(&l->manifest->arena, folder, names[i]);
        const char *name = kit_name(l, names[i]);
        if (kit == NULL || name == NULL) {
            return base_fail(err, BASE_EMEMORY, "%s: no memory", folder);
        }
        if (!has_kit(l->manifest, name, first_row)) BASE_TRY(add_kit_at(l, kit, t, err));
    }
    return BASE_OK;
}

/* hydrogen/data/drumkits below each folder of XDG_DATA_DIRS, with the default that the XDG Base
 * Directory Specification gives it; entries that aren't absolute are ignored, as it says. */
static base_status search_kits(lister *l, tally *t, base_error *err) {
    const char *folders = getenv("XDG_DATA_DIRS");
    if (folders == NULL || folders[0] == '\0') folders = "/usr/local/share:/usr/share";
    int64_t first_row = l->manifest->n_rows;
    while (*folders != '\0') {
        size_t n = strcspn(folders, ":");
        if (folders[0] == '/') {
            const char *folder = base_arena_printf(&l->manifest->arena,
                                                   "%.*s/hydrogen/data/drumkits", (int)n, folders);
            if (folder == NULL) return base_fail(err, BASE_EMEMORY, "no memory for the kits");
            if (base_folder_exists(folder)) BASE_TRY(add_kits(l, folder, first_row, t, err));
        }
        folders += n + (folders[n] == ':');
    }
    return BASE_OK;
}

static base_status list_rows(data_origin *origin, data_manifest *manifest, base_error *err) {
    const hydrogen_options *o = origin->options;
    const char *path = o->folder.path;
    lister l = {.manifest = manifest};
    tally t = {0};
    int n_unread = manifest->n_unread;
    if (path == NULL) {
        BASE_TRY(search_kits(&l, &t, err));
    } else {
        BASE_TRY(add_kit_at(&l, path, &t, err)); /* one kit's own folder */
        BASE_TRY(add_kits(&l, path, manifest->n_rows, &t, err));
    }
    if (t.n_read > 0) return BASE_OK;
    if (manifest->n_unread > n_unread) {
        return base_fail(err, BASE_EIO, "%s", manifest->unread[n_unread]);
    }
    if (t.n_broken > 0) {
        return base_fail(err, t.first.status, "no readable Hydrogen drum kit: %s", t.first.text);
    }
    return base_fail(err, BASE_ENOTFOUND, "no Hydrogen drum kits found%s%s",
                     path != NULL ? " in " : " (package hydrogen-drumkits)",
                     path != NULL ? path : "");
}

const data_source data_source_hydrogen = {
    .variant = {"hydrogen", "drum kits of the Hydrogen drum machine", NULL, table,
                sizeof(hydrogen_options)},
    .folder = DATA_FOLDER_SEARCHED,
    .list = list_rows,
};
