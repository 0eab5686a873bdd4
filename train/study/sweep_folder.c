/* Whose folder it is: sweep.yaml says what the cells have in common, and the grid's keys. */
#include <string.h>

#include "base/walk.h"
#include "train/study/sweep.h"

enum { MAX_PATH_BYTES = 512 };

static base_status no_memory(const train_sweep *sweep, base_error *err) {
    return base_fail(err, BASE_EMEMORY, "%s: out of memory", sweep->path);
}

/* ---- making the record ---- */

/* A cell's own name says nothing about the others. */
static bool is_common(const base_node *section) {
    return strcmp(section->key, "name") != 0;
}

static bool put_copy(base_node *map, const char *key, const base_node *node, base_arena *arena) {
    base_node *copy = base_node_copy(node, arena);
    if (copy != NULL) base_node_put(map, key, copy);
    return copy != NULL;
}

static bool put_config(base_node *record, const base_node *base, base_arena *arena) {
    base_node *config = base_node_new(arena, BASE_NODE_MAP, "sweep", 0);
    bool whole = config != NULL;
    for (const base_node *section = base->child; whole && section != NULL;
         section = section->next) {
        whole = !is_common(section) || put_copy(config, section->key, section, arena);
    }
    if (whole) base_node_put(record, "config", config);
    return whole;
}

static bool put_grid(base_node *record, const train_sweep *sweep, base_arena *arena) {
    base_node *grid = base_node_new(arena, BASE_NODE_MAP, "sweep", 0);
    bool whole = grid != NULL;
    for (int a = 0; whole && a < sweep->n_axes; a++) {
        const train_sweep_axis *axis = &sweep->axes[a];
        base_node *values = base_node_new(arena, BASE_NODE_MAP, "sweep", 0);
        whole = values != NULL;
        for (int v = 0; whole && v < axis->n_values; v++) {
            whole = put_copy(values, axis->values[v].name, axis->values[v].node, arena);
        }
        if (whole) base_node_put(grid, axis->key, values);
    }
    if (whole) base_node_put(record, "grid", grid);
    return whole;
}

static base_status make_record(const train_sweep *sweep, base_arena *arena, base_node **record,
                               base_error *err) {
    base_node *base;
    BASE_TRY(train_sweep_base(sweep, arena, &base, err));
    *record = base_node_new(arena, BASE_NODE_MAP, "sweep", 0);
    bool whole =
        *record != NULL && put_config(*record, base, arena) && put_grid(*record, sweep, arena);
    return whole ? BASE_OK : no_memory(sweep, err);
}

/* ---- comparing it ---- */

static bool is_map(const base_node *node) {
    return node != NULL && node->kind == BASE_NODE_MAP;
}

static base_status read_record(const char *path, base_arena *arena, base_node **record,
                               base_error *err) {
    BASE_TRY(base_yaml_read(path, arena, record, err));
    bool is_record = is_map(*record) && is_map(base_node_get(*record, "config")) &&
                     is_map(base_node_get(*record, "grid"));
    if (is_record) return BASE_OK;
    return base_fail(err, BASE_EEXISTS,
                     "%s: is not what a sweep was begun with; --out chooses another folder", path);
}

static const char *list_keys(const base_node *grid, base_arena *arena) {
    const char *text = "";
    for (const base_node *axis = grid->child; axis != NULL && text != NULL; axis = axis->next) {
        text = base_arena_printf(arena, "%s%s%s", text, text[0] != '\0' ? ", " : "", axis->key);
    }
    return text;
}

/* Cells are named by keys and values, in this order: more values leave the others as they are,
 * other keys do not. */
static base_status check_keys(const train_sweep *sweep, const char *folder, const base_node *record,
                              base_arena *arena, base_error *err) {
    const base_node *before = base_node_get(record, "grid"), *axis = before->child;
    int a = 0;
    while (a < sweep->n_axes && axis != NULL && strcmp(sweep->axes[a].key, axis->key) == 0) {
        axis = axis->next;
        a++;
    }
    if (a == sweep->n_axes && axis == NULL) return BASE_OK;
    base_node now = {.kind = BASE_NODE_MAP};
    if (!put_grid(&now, sweep, arena)) return no_memory(sweep, err);
    const char *theirs = list_keys(before, arena), *ours = list_keys(now.child, arena);
    if (theirs == NULL || ours == NULL) return no_memory(sweep, err);
    return base_fail(err, BASE_EMISMATCH,
                     "%s: holds another sweep: the keys of its grid are %s, here they are %s; "
                     "--out chooses another folder",
                     folder, theirs, ours);
}

/* Whether every cell has a value of its own here, so that the base's does not matter. */
static bool is_varied(const train_sweep *sweep, const base_node *node) {
    char path[MAX_PATH_BYTES];
    base_node_path(node, path, sizeof path);
    for (int a = 0; a < sweep->n_axes; a++) {
        const train_sweep_axis *axis = &sweep->axes[a];
        if (strcmp(axis->key, path) != 0) continue;
        int v = 0;
        while (v < axis->n_values && axis->values[v].override != NULL) v++;
        return v == axis->n_values;
    }
    return false;
}

/* What stands at one place of two trees; NULL: nothing. */
typedef struct {
    const base_node *before, *now;
} pair;

static bool find_difference(const train_sweep *sweep, pair at, pair *found);

static bool find_in_map(const train_sweep *sweep, pair at, pair *found) {
    for (const base_node *n = at.before->child; n != NULL; n = n->next) {
        pair entry = {n, base_node_get(at.now, n->key)};
        if (find_difference(sweep, entry, found)) return true;
    }
    for (const base_node *n = at.now->child; n != NULL; n = n->next) {
        pair entry = {base_node_get(at.before, n->key), n};
        if (entry.before == NULL && find_difference(sweep, entry, found)) return true;
    }
    return false;
}

/* The first place where they differ and cells may depend on it. */
static bool find_difference(const train_sweep *sweep, pair at, pair *found) {
    const base_node *before = at.before, *now = at.now;
    if (is_varied(sweep, now != NULL ? now : before)) return false;
    *found = at;
    if (before == NULL || now == NULL || before->kind != now->kind) return true;
    if (before->kind == BASE_NODE_SCALAR) {
        return strcmp(before->text, now->text) != 0 ||
               base_node_is_null(before) != base_node_is_null(now);
    }
    if (before->kind == BASE_NODE_MAP) return find_in_map(sweep, at, found);
    if (before->n_children != now->n_children) return true;
    pair item = {before->child, now->child};
    for (; item.now != NULL; item.before = item.before->next, item.now = item.now->next) {
        if (find_difference(sweep, item, found)) return true;
    }
    return false;
}

static base_status fail_other_settings(const char *folder, pair at, base_error *err) {
    char path[MAX_PATH_BYTES];
    base_text what = {0};
    base_node_path(at.now != NULL ? at.now : at.before, path, sizeof path);
    bool plain = at.before != NULL && at.now != NULL && at.before->kind == BASE_NODE_SCALAR &&
                 at.now->kind == BASE_NODE_SCALAR;
    if (plain) {
        base_text_printf(&what, "%s was %s and is %s now", path, at.before->text, at.now->text);
    } else {
        base_text_printf(&what, "%s %s", path,
                         at.before == NULL ? "was not there"
                         : at.now == NULL  ? "is gone"
                                           : "has changed");
    }
    base_fail(err, BASE_EMISMATCH,
              "%s: holds a sweep with other settings: %s; to go on, give the same, or choose "
              "another folder with --out",
              folder, base_text_string(&what));
    base_text_release(&what);
    return BASE_EMISMATCH;
}

/* If the base can't be read no cell can, which tell why. */
static base_status check_settings(const train_sweep *sweep, const char *folder,
                                  const base_node *record, base_arena *arena, base_error *err) {
    base_node *here, *base;
    pair at, found;
    base_status status = make_record(sweep, arena, &here, err);
    if (status != BASE_OK) return base_status_is_transient(status) ? status : BASE_OK;
    base = base_node_get(here, "config");
    at = (pair){base_node_copy(base_node_get(record, "config"), arena),
                base_node_copy(base, arena)}; /* paths begin there */
    if (at.before == NULL || at.now == NULL) return no_memory(sweep, err);
    return find_difference(sweep, at, &found) ? fail_other_settings(folder, found, err) : BASE_OK;
}

/* ---- the folder ---- */

/* As long as no cell has come as far as its facts, nothing binds the folder. */
static base_status find_begun(const char *folder, base_arena *arena, bool *begun, base_error *err) {
    const char **names;
    int64_t n;
    BASE_TRY(base_folder_list(folder, arena, &names, &n, err));
    *begun = false;
    for (int64_t i = 0; i < n && !*begun; i++) {
        const char *cell = base_path_join(arena, folder, names[i]);
        const char *facts = cell != NULL ? base_path_join(arena, cell, "facts.json") : NULL;
        if (facts == NULL) return base_fail(err, BASE_EMEMORY, "%s: out of memory", folder);
        *begun = base_file_exists(facts);
    }
    return BASE_OK;
}

/* What a folder holds of a sweep. */
typedef struct {
    base_node *record; /* NULL: nothing */
    bool begun;
} found_sweep;

static base_status look_at_folder(const train_sweep *sweep, const char *folder, base_arena *arena,
                                  found_sweep *found, base_error *err) {
    const char *path = base_path_join(arena, folder, "sweep.yaml");
    train_work_folder work = {.path = folder, .kind = TRAIN_FOLDER_SWEEP, .resume = true};
    *found = (found_sweep){0};
    if (path == NULL) return no_memory(sweep, err);
    BASE_TRY(train_work_folder_check(&work, err));
    if (!base_file_exists(path)) return BASE_OK;
    BASE_TRY(read_record(path, arena, &found->record, err));
    BASE_TRY(find_begun(folder, arena, &found->begun, err));
    return found->begun ? check_keys(sweep, folder, found->record, arena, err) : BASE_OK;
}

base_status train_sweep_folder_find(const train_sweep *sweep, const char *folder, base_error *err) {
    base_arena arena = {0};
    found_sweep found;
    base_status status = look_at_folder(sweep, folder, &arena, &found, err);
    base_arena_release(&arena);
    if (status != BASE_OK || found.record != NULL) return status;
    return base_fail(err, BASE_ENOTFOUND, "%s: %snothing of the sweep is trained so far", folder,
                     base_folder_exists(folder) ? "" : "no such folder: ");
}

static base_status check(const train_sweep *sweep, const char *folder, base_arena *arena,
                         base_error *err) {
    found_sweep found;
    BASE_TRY(look_at_folder(sweep, folder, arena, &found, err));
    return found.begun ? check_settings(sweep, folder, found.record, arena, err) : BASE_OK;
}

base_status train_sweep_folder_check(const train_sweep *sweep, const char *folder,
                                     base_error *err) {
    base_arena arena = {0};
    base_status status = check(sweep, folder, &arena, err);
    base_arena_release(&arena);
    return status;
}

static base_status claim(const train_sweep *sweep, train_work_folder *work, base_arena *arena,
                         base_text *text, base_error *err) {
    base_node *record;
    const char *path = base_path_join(arena, work->path, "sweep.yaml");
    BASE_TRY(train_work_folder_claim(work, err));
    BASE_TRY(check(sweep, work->path, arena, err));
    BASE_TRY(make_record(sweep, arena, &record, err));
    base_yaml_write(record, text);
    if (path == NULL || text->failed) return no_memory(sweep, err);
    return base_file_write_text(path, text, err);
}

base_status train_sweep_folder_claim(const train_sweep *sweep, train_work_folder *work,
                                     base_error *err) {
    base_arena arena = {0};
    base_text text = {0};
    base_status status = claim(sweep, work, &arena, &text, err);
    base_text_release(&text);
    base_arena_release(&arena);
    return status;
}
