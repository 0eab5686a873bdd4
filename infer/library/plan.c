#include "infer/library/plan.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

typedef int comparison(const void *a, const void *b);

/* Growing lists; the items' strings live in the arena. */
typedef struct {
    library_operation *items;
    size_t n, capacity;
} operation_list;

typedef struct {
    library_folder *items;
    size_t n, capacity;
} folder_list;

typedef struct {
    const char **items;
    size_t n, capacity;
} path_list;

/* A key in one of the trees. */
typedef struct {
    base_digest content;
    const char *text;
    const library_operation *operation; /* of a former run; NULL: the plan's, number `planned` */
    size_t planned;
} entry;

struct library_planner {
    library_plan_options options;
    base_arena *arena;
    operation_list operations;
    folder_list folders;
    path_list made;
    void *names;    /* entry.text, of `to`, whatever the case */
    void *contents; /* entry.content */
    void *sources;  /* entry.text, of `from` */
    void *seen;     /* entry.text, of folders */
};

static const char *const side_extensions[] = {".asd", ".reapeaks", ".rimshot.json"};
enum { N_SIDE = sizeof side_extensions / sizeof *side_extensions };

static base_status no_memory(const char *path, base_error *err) {
    return base_fail(err, BASE_EMEMORY, "%s: out of memory", path);
}

static int compare_names(const void *a, const void *b) {
    return strcasecmp(((const entry *)a)->text, ((const entry *)b)->text);
}

static int compare_paths(const void *a, const void *b) {
    return strcmp(((const entry *)a)->text, ((const entry *)b)->text);
}

static int compare_contents(const void *a, const void *b) {
    base_digest x = ((const entry *)a)->content, y = ((const entry *)b)->content;
    if (x.high != y.high) return x.high < y.high ? -1 : 1;
    return (x.low > y.low) - (x.low < y.low);
}

static const entry *find(void *const *tree, const entry *key, comparison *compare) {
    entry *const *found = tfind(key, tree, compare);
    return found != NULL ? *found : NULL;
}

/* *fresh (unless NULL): it was not there. The first one stays. */
static base_status insert(library_planner *planner, void **tree, const entry *key,
                          comparison *compare, bool *fresh, base_error *err) {
    const entry *present = find(tree, key, compare);
    if (fresh != NULL) *fresh = present == NULL;
    if (present != NULL) return BASE_OK;
    entry *kept = base_arena_alloc(planner->arena, 1, sizeof *kept);
    if (kept == NULL) return no_memory(planner->options.folder, err);
    *kept = *key;
    return tsearch(kept, tree, compare) != NULL ? BASE_OK : no_memory(planner->options.folder, err);
}

/* ---- former runs ---- */

static base_status learn_operation(library_planner *planner, const library_operation *operation,
                                   bool stays, base_error *err) {
    entry source = {.text = operation->from, .operation = operation};
    entry content = {.content = operation->content, .operation = operation};
    if (stays) {
        BASE_TRY(insert(planner, &planner->sources, &source, compare_paths, NULL, err));
    }
    return insert(planner, &planner->contents, &content, compare_contents, NULL, err);
}

/* Later runs first: what they say about a file holds. */
static base_status learn(library_planner *planner, base_error *err) {
    for (int64_t j = planner->options.n_journals - 1; j >= 0; j--) {
        const library_journal *journal = &planner->options.journals[j];
        bool stays = journal->plan.action != LIBRARY_MOVE;
        for (int64_t i = 0; i < journal->plan.n_operations; i++) {
            if (journal->states[i] != LIBRARY_DONE) continue;
            BASE_TRY(learn_operation(planner, &journal->plan.operations[i], stays, err));
        }
    }
    return BASE_OK;
}

base_status library_planner_new(const library_plan_options *options, base_arena *arena,
                                library_planner **planner, base_error *err) {
    *planner = base_alloc(1, sizeof **planner);
    if (*planner == NULL) return no_memory(options->folder, err);
    (*planner)->options = *options;
    (*planner)->arena = arena;
    base_status status = learn(*planner, err);
    if (status == BASE_OK) return BASE_OK;
    library_planner_free(*planner);
    *planner = NULL;
    return status;
}

static void keep(void *key) {
    (void)key; /* the arena's */
}

void library_planner_free(library_planner *planner) {
    if (planner == NULL) return;
    tdestroy(planner->names, keep);
    tdestroy(planner->contents, keep);
    tdestroy(planner->sources, keep);
    tdestroy(planner->seen, keep);
    base_free(planner->operations.items);
    base_free(planner->folders.items);
    base_free(planner->made.items);
    base_free(planner);
}

bool library_planner_knows(const library_planner *planner, const library_operation *operation) {
    entry key = {.text = operation->from};
    const entry *found = find(&planner->sources, &key, compare_paths);
    return found != NULL && found->operation->size_bytes == operation->size_bytes &&
           found->operation->modified_ns == operation->modified_ns;
}

static base_status is_there(const library_planner *planner, const char *to, bool *is,
                            base_error *err) {
    struct stat info;
    base_arena arena = {0};
    const char *path = base_path_join(&arena, planner->options.folder, to);
    *is = path != NULL && lstat(path, &info) == 0;
    base_arena_release(&arena);
    return path != NULL ? BASE_OK : no_memory(to, err);
}

base_status library_planner_find(const library_planner *planner, base_digest content,
                                 const library_operation **operation, base_error *err) {
    bool there = true;
    entry key = {.content = content};
    const entry *found = find(&planner->contents, &key, compare_contents);
    *operation = NULL;
    if (found == NULL) return BASE_OK;
    if (found->operation != NULL) BASE_TRY(is_there(planner, found->operation->to, &there, err));
    const library_operation *planned = &planner->operations.items[found->planned];
    if (there) *operation = found->operation != NULL ? found->operation : planned;
    return BASE_OK;
}

/* ---- names ---- */

static base_status is_taken(const library_planner *planner, const char *to, bool *is,
                            base_error *err) {
    entry key = {.text = to};
    *is = find(&planner->names, &key, compare_names) != NULL;
    return *is ? BASE_OK : is_there(planner, to, is, err);
}

/* Whether the name is free, and those of side files, too. */
static base_status is_free(const library_planner *planner, const char *to, bool *is,
                           base_error *err) {
    bool taken;
    base_arena arena = {0};
    base_status status = is_taken(planner, to, &taken, err);
    for (int i = 0; status == BASE_OK && !taken && planner->options.side_files && i < N_SIDE; i++) {
        const char *side = base_arena_printf(&arena, "%s%s", to, side_extensions[i]);
        status = side != NULL ? is_taken(planner, side, &taken, err) : no_memory(to, err);
    }
    base_arena_release(&arena);
    *is = status == BASE_OK && !taken;
    return status;
}

static base_status choose_name(library_planner *planner, const char *from, const char *wanted,
                               const char **to, base_error *err) {
    const char *extension = base_path_extension(from), *dot = *extension != '\0' ? "." : "";
    for (int64_t i = 1;; i++) {
        bool is;
        *to = i == 1 ? base_arena_printf(planner->arena, "%s%s%s", wanted, dot, extension)
                     : base_arena_printf(planner->arena, "%s %" PRId64 "%s%s", wanted, i, dot,
                                         extension);
        if (*to == NULL) return no_memory(from, err);
        BASE_TRY(is_free(planner, *to, &is, err));
        if (is) return BASE_OK;
    }
}

/* ---- operations ---- */

static base_status add(library_planner *planner, const library_operation *operation,
                       base_error *err) {
    operation_list *list = &planner->operations;
    void *items = list->items;
    bool grown = base_grow(&items, &list->capacity, list->n + 1, sizeof *list->items);
    list->items = items;
    if (!grown) return no_memory(operation->from, err);
    entry name = {.text = operation->to};
    entry content = {.content = operation->content, .planned = list->n};
    list->items[list->n++] = *operation;
    BASE_TRY(insert(planner, &planner->names, &name, compare_names, NULL, err));
    return insert(planner, &planner->contents, &content, compare_contents, NULL, err);
}

/* The side files that are there; n of them. */
static base_status find_sides(library_planner *planner, const library_operation *operation,
                              library_operation sides[N_SIDE], int *n, base_error *err) {
    struct stat info;
    *n = 0;
    for (int i = 0; planner->options.side_files && i < N_SIDE; i++) {
        library_operation *side = &sides[*n];
        side->from = base_arena_printf(planner->arena, "%s%s", operation->from, side_extensions[i]);
        side->to = base_arena_printf(planner->arena, "%s%s", operation->to, side_extensions[i]);
        if (side->from == NULL || side->to == NULL) return no_memory(operation->from, err);
        if (lstat(side->from, &info) != 0 && errno == ENOENT) continue;
        BASE_TRY(library_operation_look(side->from, side, err));
        BASE_TRY(library_digest_file(side->from, &side->content, err));
        (*n)++;
    }
    return BASE_OK;
}

base_status library_planner_add(library_planner *planner, const library_operation *operation,
                                const char *wanted, int64_t *number, base_error *err) {
    library_operation own = *operation, sides[N_SIDE];
    int n_sides;
    own.from = base_arena_string(planner->arena, operation->from);
    if (own.from == NULL) return no_memory(operation->from, err);
    BASE_TRY(choose_name(planner, own.from, wanted, &own.to, err));
    BASE_TRY(find_sides(planner, &own, sides, &n_sides, err));
    *number = (int64_t)planner->operations.n;
    BASE_TRY(add(planner, &own, err));
    for (int i = 0; i < n_sides; i++) BASE_TRY(add(planner, &sides[i], err));
    return BASE_OK;
}

/* ---- folders ---- */

static base_status add_made(library_planner *planner, const char *path, base_error *err) {
    path_list *list = &planner->made;
    void *items = list->items;
    bool grown = base_grow(&items, &list->capacity, list->n + 1, sizeof *list->items);
    list->items = items;
    if (!grown) return no_memory(path, err);
    list->items[list->n++] = path;
    return BASE_OK;
}

static base_status add_present(library_planner *planner, const char *path, const struct stat *info,
                               base_error *err) {
    folder_list *list = &planner->folders;
    void *items = list->items;
    bool grown = base_grow(&items, &list->capacity, list->n + 1, sizeof *list->items);
    list->items = items;
    if (!grown) return no_memory(path, err);
    list->items[list->n++] = (library_folder){
        .path = path,
        .modified_ns = (int64_t)info->st_mtim.tv_sec * 1000000000 + info->st_mtim.tv_nsec,
        .mode = info->st_mode & 07777};
    return BASE_OK;
}

/* A folder that will change, and those above it that must be made first. */
static base_status add_folder(library_planner *planner, const char *path, base_error *err) {
    struct stat info;
    bool fresh;
    entry key = {.text = path};
    BASE_TRY(insert(planner, &planner->seen, &key, compare_paths, &fresh, err));
    if (!fresh) return BASE_OK;
    if (stat(path, &info) == 0) {
        if (S_ISDIR(info.st_mode)) return add_present(planner, path, &info, err);
        return base_fail(err, BASE_EDATA, "%s: a file stands where a folder is needed", path);
    }
    if (errno != ENOENT) return base_fail_errno(err, errno, "%s", path);
    const char *above = base_path_folder(planner->arena, path);
    if (above == NULL) return no_memory(path, err);
    BASE_TRY(add_folder(planner, above, err));
    return add_made(planner, path, err);
}

static base_status add_folders(library_planner *planner, const library_operation *operation,
                               base_error *err) {
    const char *to = base_path_join(planner->arena, planner->options.folder, operation->to);
    const char *to_folder = to != NULL ? base_path_folder(planner->arena, to) : NULL;
    const char *from_folder = base_path_folder(planner->arena, operation->from);
    if (to_folder == NULL || from_folder == NULL) return no_memory(operation->from, err);
    BASE_TRY(add_folder(planner, to_folder, err));
    return planner->options.action == LIBRARY_MOVE ? add_folder(planner, from_folder, err)
                                                   : BASE_OK;
}

/* Whether a folder has no entries but, perhaps, one. */
static bool holds_only(const char *folder, const char *name) {
    DIR *stream = opendir(folder);
    const struct dirent *found = NULL;
    while (stream != NULL && (found = readdir(stream)) != NULL) {
        const char *own = found->d_name;
        if (strcmp(own, ".") != 0 && strcmp(own, "..") != 0 && strcmp(own, name) != 0) break;
    }
    if (stream != NULL) closedir(stream);
    return stream != NULL && found == NULL;
}

/* A run was ended before its plan was on the disk: the folder is that run's and nobody's. */
static bool is_left_over(const library_planner *planner) {
    base_arena arena = {0};
    const char *folder = planner->options.folder;
    const char *own = base_path_join(&arena, folder, LIBRARY_JOURNAL_FOLDER);
    bool left_over = own != NULL && planner->options.n_journals == 0 && base_folder_exists(own) &&
                     holds_only(folder, LIBRARY_JOURNAL_FOLDER) && holds_only(own, "lock");
    base_arena_release(&arena);
    return left_over;
}

static base_status add_library_folder(library_planner *planner, base_error *err) {
    const char *folder = planner->options.folder;
    if (!is_left_over(planner)) return add_folder(planner, folder, err);
    bool fresh;
    entry key = {.text = folder};
    const char *above = base_path_folder(planner->arena, folder);
    if (above == NULL) return no_memory(folder, err);
    BASE_TRY(add_folder(planner, above, err));
    BASE_TRY(insert(planner, &planner->seen, &key, compare_paths, &fresh, err));
    return add_made(planner, folder, err);
}

base_status library_planner_finish(library_planner *planner, library_plan *plan, base_error *err) {
    BASE_TRY(add_library_folder(planner, err));
    for (size_t i = 0; i < planner->operations.n; i++) {
        BASE_TRY(add_folders(planner, &planner->operations.items[i], err));
    }
    *plan = (library_plan){.action = planner->options.action,
                           .settings = planner->options.settings,
                           .operations = planner->operations.items,
                           .n_operations = (int64_t)planner->operations.n,
                           .folders = planner->folders.items,
                           .n_folders = (int64_t)planner->folders.n,
                           .made = planner->made.items,
                           .n_made = (int64_t)planner->made.n};
    return BASE_OK;
}

/* ---- the library and its sources ---- */

base_status library_absolute(const char *path, base_arena *arena, const char **absolute,
                             base_error *err) {
    char *real = realpath(path, NULL);
    if (real != NULL) {
        *absolute = base_arena_string(arena, real);
        free(real);
        return *absolute != NULL ? BASE_OK : no_memory(path, err);
    }
    const char *name = base_path_name(path), *above = base_path_folder(arena, path);
    if (above == NULL) return no_memory(path, err);
    bool plain = *name != '\0' && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
    if (errno != ENOENT || !plain) return base_fail_errno(err, errno, "%s", path);
    BASE_TRY(library_absolute(above, arena, &above, err));
    *absolute = base_path_join(arena, above, name);
    return *absolute != NULL ? BASE_OK : no_memory(path, err);
}

bool library_is_within(const char *path, const char *folder) {
    size_t n = strlen(folder);
    if (n == 1) return true;
    return strncmp(path, folder, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

base_status library_check_apart(const char *folder, const char *const *sources, int64_t n_sources,
                                base_error *err) {
    for (int64_t i = 0; i < n_sources; i++) {
        char *source = realpath(sources[i], NULL);
        if (source == NULL) return base_fail_errno(err, errno, "%s", sources[i]);
        base_status status = BASE_OK;
        if (library_is_within(folder, source)) {
            status = base_fail(err, BASE_EUSAGE, "%s: lies in %s, which it is made from", folder,
                               sources[i]);
        } else if (library_is_within(source, folder)) {
            status = base_fail(err, BASE_EUSAGE, "%s: lies in %s, the library", sources[i], folder);
        }
        free(source);
        BASE_TRY(status);
    }
    return BASE_OK;
}

/* ---- what can be told before ---- */

/* The folder itself, or the nearest above it that exists. */
static base_status stat_place(const char *folder, struct stat *info, struct statvfs *room,
                              base_error *err) {
    base_arena arena = {0};
    const char *place = folder;
    while (place != NULL && !base_folder_exists(place) && strcmp(place, "/") != 0) {
        place = base_path_folder(&arena, place);
    }
    base_status status = place != NULL ? BASE_OK : no_memory(folder, err);
    bool told = place != NULL && stat(place, info) == 0 && statvfs(place, room) == 0;
    if (status == BASE_OK && !told) status = base_fail_errno(err, errno, "%s", place);
    base_arena_release(&arena);
    return status;
}

/* Bytes that the plan writes, and files that stand on another file system. */
static base_status measure(const library_plan *plan, dev_t device, int64_t *n_bytes,
                           const char **elsewhere, base_error *err) {
    struct stat info;
    *n_bytes = 0;
    *elsewhere = NULL;
    for (int64_t i = 0; i < plan->n_operations; i++) {
        const library_operation *op = &plan->operations[i];
        bool there = stat(op->from, &info) == 0 && info.st_dev == device;
        if (!there) *elsewhere = op->from;
        bool writes = plan->action == LIBRARY_COPY || (plan->action == LIBRARY_MOVE && !there);
        if (writes && !base_add(*n_bytes, op->size_bytes, n_bytes)) {
            return base_fail(err, BASE_EDATA, "%s: too large", op->from);
        }
    }
    return BASE_OK;
}

base_status library_plan_check(const char *folder, const library_plan *plan, base_error *err) {
    struct stat info;
    struct statvfs room;
    int64_t n_bytes;
    const char *elsewhere;
    BASE_TRY(stat_place(folder, &info, &room, err));
    BASE_TRY(measure(plan, info.st_dev, &n_bytes, &elsewhere, err));
    bool linked = plan->action == LIBRARY_HARDLINK || plan->action == LIBRARY_REFLINK;
    if (linked && elsewhere != NULL) {
        return base_fail(err, BASE_EUSAGE,
                         "%s: is on another file system than %s: no %s can be made", elsewhere,
                         folder, library_action_names[plan->action]);
    }
    double free_bytes = (double)room.f_bavail * (double)room.f_frsize;
    if ((double)n_bytes <= free_bytes) return BASE_OK;
    return base_fail(err, BASE_EIO, "%s: %.1f MB are needed, and %.1f MB free; nothing was done",
                     folder, 1e-6 * (double)n_bytes, 1e-6 * free_bytes);
}
