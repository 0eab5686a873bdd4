#include "base/walk.h"

#include <dirent.h>
#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"

static base_status no_memory(const char *path, base_error *err) {
    return base_fail(err, BASE_EMEMORY, "%s: out of memory", path);
}

static bool add_string(base_list *list, const char *string) {
    return string != NULL && base_list_append(list, &string, 1);
}

/* ---- one folder ---- */

static int compare_strings(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static base_status read_entries(DIR *stream, const char *folder, base_arena *arena,
                                base_list *names, base_error *err) {
    for (errno = 0;; errno = 0) {
        const struct dirent *entry = readdir(stream);
        if (entry == NULL) return errno != 0 ? base_fail_errno(err, errno, "%s", folder) : BASE_OK;
        if (entry->d_name[0] == '.') continue;
        if (!add_string(names, base_arena_string(arena, entry->d_name))) {
            return no_memory(folder, err);
        }
    }
}

/* The names in a folder, sorted, without hidden ones; after a failure, those read until then. */
static base_status read_names(const char *folder, base_arena *arena, base_list *names,
                              base_error *err) {
    DIR *stream;
    do {
        stream = opendir(folder);
    } while (stream == NULL && errno == EINTR);
    if (stream == NULL) return base_fail_errno(err, errno, "%s", folder);
    base_status status = read_entries(stream, folder, arena, names, err);
    closedir(stream);
    if (names->n > 0) qsort(names->items, names->n, sizeof(const char *), compare_strings);
    return status;
}

base_status base_folder_list(const char *folder, base_arena *arena, const char ***names,
                             int64_t *n_names, base_error *err) {
    base_list all = {.size_bytes = sizeof(const char *)};
    base_status status = read_names(folder, arena, &all, err);
    const char **items = all.items;
    size_t n = 0;
    for (size_t i = 0; i < all.n && status == BASE_OK; i++) {
        const char *path = base_path_join(arena, folder, items[i]);
        if (path == NULL) status = no_memory(folder, err);
        if (path != NULL && base_folder_exists(path)) items[n++] = items[i];
    }
    all.n = n;
    *n_names = (int64_t)n;
    *names = status == BASE_OK ? base_list_copy(&all, arena) : NULL;
    if (status == BASE_OK && *names == NULL) status = no_memory(folder, err);
    base_free(all.items);
    return status;
}

/* ---- and all below it ---- */

typedef struct {
    base_arena *arena;
    base_walk_filter *wanted;
    base_list paths, problems, repeats;
    void *seen; /* tree of place */
    base_error *err;
} walk;

/* A real folder. */
typedef struct {
    dev_t device;
    ino_t inode;
    const char *path; /* where it was walked */
    bool open;        /* it is being walked */
} place;

static int compare_places(const void *a, const void *b) {
    const place *x = a, *y = b;
    if (x->device != y->device) return x->device < y->device ? -1 : 1;
    return (x->inode > y->inode) - (x->inode < y->inode);
}

/* Keeps a problem; without memory the walk ends, as its other lists would. */
static base_status add_problem(walk *w, const char *path, const base_error *problem) {
    if (problem->status == BASE_EMEMORY) return no_memory(path, w->err);
    const base_walk_problem item = {
        .path = path, .status = problem->status, .why = base_arena_string(w->arena, problem->text)};
    bool kept = item.why != NULL && base_list_append(&w->problems, &item, 1);
    return kept ? BASE_OK : no_memory(path, w->err);
}

static base_status add_repeat(walk *w, const char *path, const place *first) {
    base_error note;
    base_fail(&note, BASE_OK, "%s is the same folder as %s: its files are taken once, from there",
              path, first->path);
    return add_string(&w->repeats, base_arena_string(w->arena, note.text))
               ? BASE_OK
               : no_memory(path, w->err);
}

/* The folder's place; *fresh: it has not been walked yet. Links may lead to it again, even from
 * within. */
static base_status find_place(walk *w, const char *path, const struct stat *info, place **found,
                              bool *fresh) {
    place *here = base_arena_alloc(w->arena, 1, sizeof *here);
    if (here == NULL) return no_memory(path, w->err);
    *here = (place){.device = info->st_dev, .inode = info->st_ino, .path = path};
    place **node = tsearch(here, &w->seen, compare_places);
    if (node == NULL) return no_memory(path, w->err);
    *found = *node;
    *fresh = *node == here;
    return BASE_OK;
}

static base_status walk_entry(walk *w, const char *path);

/* What was read of a folder before it failed is walked, too. */
static base_status walk_names(walk *w, const char *path, const base_list *names) {
    const char *const *items = names->items;
    for (size_t i = 0; i < names->n; i++) {
        const char *below = base_path_join(w->arena, path, items[i]);
        if (below == NULL) return no_memory(path, w->err);
        BASE_TRY(walk_entry(w, below));
    }
    return BASE_OK;
}

static base_status walk_folder(walk *w, const char *path, const struct stat *info) {
    place *here = NULL;
    bool fresh = false;
    BASE_TRY(find_place(w, path, info, &here, &fresh));
    if (!fresh) return here->open ? BASE_OK : add_repeat(w, path, here);
    base_list names = {.size_bytes = sizeof(const char *)};
    base_error problem;
    here->open = true;
    base_status status = read_names(path, w->arena, &names, &problem);
    status = status != BASE_OK ? add_problem(w, path, &problem) : BASE_OK;
    if (status == BASE_OK) status = walk_names(w, path, &names);
    here->open = false;
    base_free(names.items);
    return status;
}

static bool is_wanted(const walk *w, const char *path) {
    return w->wanted == NULL || w->wanted(path);
}

/* Of what leads nowhere only the name tells whether it is missed. */
static base_status miss_entry(walk *w, const char *path, int why) {
    struct stat info;
    base_error problem;
    bool link = (why == ENOENT || why == ELOOP) && lstat(path, &info) == 0 && S_ISLNK(info.st_mode);
    if (link && !is_wanted(w, path)) return BASE_OK;
    if (link) {
        base_fail(&problem, BASE_ENOTFOUND, "%s: a link that leads nowhere", path);
    } else {
        base_fail_errno(&problem, why, "%s", path);
    }
    return add_problem(w, path, &problem);
}

static base_status walk_entry(walk *w, const char *path) {
    struct stat info;
    if (stat(path, &info) != 0) return miss_entry(w, path, errno);
    if (S_ISDIR(info.st_mode)) return walk_folder(w, path, &info);
    if (!is_wanted(w, path)) return BASE_OK;
    if (S_ISREG(info.st_mode)) {
        return add_string(&w->paths, path) ? BASE_OK : no_memory(path, w->err);
    }
    base_error problem;
    base_fail(&problem, BASE_EIO, "%s: a pipe, a socket or a device, not a file", path);
    return add_problem(w, path, &problem);
}

static base_status keep_all(const walk *w, const char *folder, base_walk *found) {
    *found = (base_walk){.paths = base_list_copy(&w->paths, w->arena),
                         .n_paths = (int64_t)w->paths.n,
                         .problems = base_list_copy(&w->problems, w->arena),
                         .n_problems = (int64_t)w->problems.n,
                         .repeats = base_list_copy(&w->repeats, w->arena),
                         .n_repeats = (int64_t)w->repeats.n};
    bool kept = found->paths != NULL && found->problems != NULL && found->repeats != NULL;
    return kept ? BASE_OK : no_memory(folder, w->err);
}

static void keep_in_arena(void *item) {
    (void)item;
}

/* The folder itself must be one that can be read. */
static base_status walk_top(walk *w, const char *folder, base_walk *found) {
    struct stat info;
    if (stat(folder, &info) != 0) return base_fail_errno(w->err, errno, "%s", folder);
    if (!S_ISDIR(info.st_mode)) return base_fail_errno(w->err, ENOTDIR, "%s", folder);
    BASE_TRY(walk_folder(w, folder, &info));
    BASE_TRY(keep_all(w, folder, found));
    const base_walk_problem *first = found->problems;
    bool read = found->n_problems == 0 || first->path != folder || found->n_paths > 0;
    if (read) return BASE_OK;
    return base_fail(w->err, first->status, "%s", first->why);
}

base_status base_folder_walk(const char *folder, base_walk_filter *wanted, base_arena *arena,
                             base_walk *found, base_error *err) {
    walk w = {.arena = arena,
              .wanted = wanted,
              .paths = {.size_bytes = sizeof *found->paths},
              .problems = {.size_bytes = sizeof *found->problems},
              .repeats = {.size_bytes = sizeof *found->repeats},
              .err = err};
    *found = (base_walk){0};
    base_status status = walk_top(&w, folder, found);
    tdestroy(w.seen, keep_in_arena);
    base_free(w.paths.items);
    base_free(w.problems.items);
    base_free(w.repeats.items);
    return status;
}
