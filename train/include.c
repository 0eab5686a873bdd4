#include "train/include.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

enum { MAX_DEPTH = 16, MAX_FILES = 256 };

typedef struct {
    const char *file;
} include_options;

const base_option train_include_table[] = {
    {"file", BASE_OPT_STRING, offsetof(include_options, file), NULL, 0, 0, NULL, NULL,
     "YAML file with a list of layers, relative to the file that names it"},
    {0}};

static const base_variant include_variant = {"include", "the layers of another file", "file",
                                             train_include_table, sizeof(include_options)};

typedef struct {
    base_arena *arena;
    base_error *err;
    int n_files; /* so far */
} splicer;

/* A file whose layers are being spliced in, below those that led to it. */
typedef struct open_file open_file;
struct open_file {
    const char *folder, *real; /* real: NULL for the configuration itself */
    const open_file *outer;
    int depth;
};

static base_status splice(splicer *s, base_node *node, const open_file *within);

static base_status no_memory(const splicer *s) {
    return base_fail(s->err, BASE_EMEMORY, "include: out of memory");
}

static bool is_include(const base_node *item) {
    return item->kind == BASE_NODE_MAP && base_node_get(item, include_variant.name) != NULL;
}

static base_status file_of(const splicer *s, base_node *item, const char **file) {
    const base_variant *const variants[] = {&include_variant};
    const base_family family = {.what = "include", .variants = variants, .n = 1};
    base_choice choice;
    BASE_TRY(base_variant_bind(&family, item, s->arena, &choice, s->err));
    *file = ((const include_options *)choice.options)->file;
    return BASE_OK;
}

static base_status check_circle(const splicer *s, const base_node *item, const char *path,
                                const open_file *file) {
    for (const open_file *outer = file->outer; outer != NULL; outer = outer->outer) {
        if (outer->real == NULL || strcmp(outer->real, file->real) != 0) continue;
        return base_node_fail(item, s->err, BASE_ECONFIG, "%s includes itself", path);
    }
    return BASE_OK;
}

/* The layers of the file at `path`, which `item` names, with all that they include. */
static base_status read_layers(splicer *s, const base_node *item, const char *path, open_file *file,
                               base_node **layers) {
    base_error why;
    base_status status = base_yaml_read(path, s->arena, layers, &why);
    if (status == BASE_ECONFIG) return base_fail(s->err, status, "%s", why.text);
    if (status != BASE_OK) return base_node_fail(item, s->err, status, "%s", why.text);
    if ((*layers)->kind != BASE_NODE_LIST) {
        return base_node_fail(*layers, s->err, BASE_ECONFIG, "a list of layers is needed here");
    }
    char *real = realpath(path, NULL);
    if (real == NULL) return base_fail_errno(s->err, errno, "%s", path);
    file->real = base_arena_string(s->arena, real);
    free(real);
    file->folder = base_path_folder(s->arena, path);
    if (file->real == NULL || file->folder == NULL) return no_memory(s);
    BASE_TRY(check_circle(s, item, path, file));
    return splice(s, *layers, file);
}

/* Puts the items of `layers` where *link is, moves *link past them and drops the item there. */
static void replace_item(base_node *list, base_node ***link, base_node *layers) {
    base_node *rest = (**link)->next;
    list->n_children += layers->n_children - 1;
    **link = layers->child;
    while (**link != NULL) {
        (**link)->parent = list;
        *link = &(**link)->next;
    }
    **link = rest;
}

static base_status splice_item(splicer *s, base_node *list, base_node ***link,
                               const open_file *within) {
    base_node *item = **link, *layers;
    open_file file = {.outer = within, .depth = within->depth + 1};
    const char *name;
    BASE_TRY(file_of(s, item, &name));
    if (file.depth > MAX_DEPTH || ++s->n_files > MAX_FILES) {
        return base_node_fail(item, s->err, BASE_ECONFIG,
                              "more than %d includes, or one within another more than %d deep",
                              MAX_FILES, MAX_DEPTH);
    }
    const char *path = base_path_join(s->arena, within->folder, name);
    if (path == NULL) return no_memory(s);
    BASE_TRY(read_layers(s, item, path, &file, &layers));
    replace_item(list, link, layers);
    return BASE_OK;
}

static base_status splice(splicer *s, base_node *node, const open_file *within) {
    for (base_node **link = &node->child; *link != NULL;) {
        if (node->kind == BASE_NODE_LIST && is_include(*link)) {
            BASE_TRY(splice_item(s, node, &link, within));
        } else {
            BASE_TRY(splice(s, *link, within));
            link = &(*link)->next;
        }
    }
    return BASE_OK;
}

base_status train_include(base_node *network, const char *folder, base_arena *arena,
                          base_error *err) {
    splicer s = {.arena = arena, .err = err};
    return splice(&s, network, &(open_file){.folder = folder});
}
