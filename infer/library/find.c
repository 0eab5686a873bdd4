#include "infer/library/find.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/file.h"
#include "base/spool.h"
#include "data/audio_file.h"

enum { MAX_LIST_BYTES = 256 << 20 };

static const struct {
    const char *extension, *why;
} unread[] = {
    {"m4a", "AAC or ALAC sound in MP4 is not read"},
    {"mp4", "sound in MP4 is not read"},
    {"aac", "AAC sound is not read"},
    {"wma", "Windows Media sound is not read"},
    {"ape", "Monkey's Audio is not read"},
    {"wv", "WavPack sound is not read"},
    {"mpc", "Musepack sound is not read"},
    {"tta", "True Audio is not read"},
    {"ac3", "Dolby Digital sound is not read"},
    {"amr", "AMR sound is not read"},
    {"dsf", "DSD sound is not read"},
    {"dff", "DSD sound is not read"},
    {"mka", "sound in Matroska is not read"},
    {"webm", "sound in WebM is not read"},
    {"rx2", "REX loops are not read"},
    {"rex", "REX loops are not read"},
    {"ncw", "Kontakt sound is not read"},
    {"rcy", "REX loops are not read"},
};

const char *library_why_skipped(const char *path) {
    for (size_t i = 0; i < sizeof unread / sizeof *unread; i++) {
        if (strcasecmp(base_path_extension(path), unread[i].extension) == 0) return unread[i].why;
    }
    return NULL;
}

typedef struct {
    base_arena *arena;
    base_list files, skipped, problems, repeats;
    void *seen; /* tsearch's tree of paths */
} finder;

static base_status no_memory(base_error *err) {
    return base_fail(err, BASE_EMEMORY, "list of files: out of memory");
}

static base_status append(base_list *list, const void *items, int64_t n, base_error *err) {
    return base_list_append(list, items, (size_t)n) ? BASE_OK : no_memory(err);
}

static int compare_paths(const void *a, const void *b) {
    return strcmp(a, b);
}

static base_status add_file(finder *f, const char *path, const char *root, base_error *err) {
    const library_file file = {path, root};
    const char **node = tsearch(path, &f->seen, compare_paths);
    if (node == NULL) return no_memory(err);
    return *node == path ? append(&f->files, &file, 1, err) : BASE_OK; /* it is there already */
}

static base_status add_skipped(finder *f, const char *path, const char *why, base_error *err) {
    const library_skipped skipped = {path, why};
    return append(&f->skipped, &skipped, 1, err);
}

static bool is_sound_by_name(const char *path) {
    return data_audio_is_name(path) || library_why_skipped(path) != NULL;
}

static base_status add_folder(finder *f, const char *folder, base_error *err) {
    base_walk found;
    base_error problem;
    base_status status = base_folder_walk(folder, is_sound_by_name, f->arena, &found, &problem);
    if (status == BASE_EMEMORY) return no_memory(err);
    if (status != BASE_OK) {
        const base_walk_problem item = {folder, status, base_arena_string(f->arena, problem.text)};
        return item.why != NULL ? append(&f->problems, &item, 1, err) : no_memory(err);
    }
    for (int64_t i = 0; i < found.n_paths; i++) {
        const char *why = library_why_skipped(found.paths[i]);
        BASE_TRY(why != NULL ? add_skipped(f, found.paths[i], why, err)
                             : add_file(f, found.paths[i], folder, err));
    }
    BASE_TRY(append(&f->problems, found.problems, found.n_problems, err));
    return append(&f->repeats, found.repeats, found.n_repeats, err);
}

static base_status add_path(finder *f, const char *path, base_error *err) {
    if (base_folder_exists(path)) return add_folder(f, path, err);
    const char *why = library_why_skipped(path);
    return why != NULL ? add_skipped(f, path, why, err) : add_file(f, path, NULL, err);
}

/* ---- a list on standard input ---- */

static base_status read_descriptor(int fd, base_arena *arena, char **text, size_t *n_bytes,
                                   base_error *err) {
    off_t size = lseek(fd, 0, SEEK_END);
    if (size < 0) return base_fail_errno(err, errno, "standard input");
    *text = base_arena_alloc(arena, (size_t)size + 1, 1);
    if (*text == NULL) return no_memory(err);
    for (*n_bytes = 0; *n_bytes < (size_t)size;) {
        ssize_t got = pread(fd, *text + *n_bytes, (size_t)size - *n_bytes, (off_t)*n_bytes);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return base_fail_errno(err, errno, "standard input");
        if (got == 0) break;
        *n_bytes += (size_t)got;
    }
    return BASE_OK;
}

static base_status add_list(finder *f, bool (*stopped)(void), base_error *err) {
    char *text = NULL;
    size_t n_bytes = 0;
    int fd;
    BASE_TRY(base_spool(STDIN_FILENO, "standard input", MAX_LIST_BYTES, stopped, &fd, err));
    base_status status = read_descriptor(fd, f->arena, &text, &n_bytes, err);
    close(fd);
    if (status != BASE_OK) return status;
    char end = memchr(text, '\0', n_bytes) != NULL ? '\0' : '\n';
    for (char *line = text, *stop = text + n_bytes; line < stop;) {
        char *next = memchr(line, end, (size_t)(stop - line));
        if (next == NULL) next = stop; /* where a NUL stands */
        *next = '\0';
        if (end == '\n' && next > line && next[-1] == '\r') next[-1] = '\0';
        if (*line != '\0') BASE_TRY(add_path(f, line, err));
        line = next + 1;
    }
    return BASE_OK;
}

/* ---- all ---- */

static base_status add_arguments(finder *f, const library_find_request *request, base_error *err) {
    bool listed = false;
    for (int i = 0; i < request->n_arguments; i++) {
        const char *argument = request->arguments[i];
        if (strcmp(argument, "-") != 0) {
            BASE_TRY(add_path(f, argument, err));
            continue;
        }
        if (listed) return base_fail(err, BASE_EUSAGE, "standard input (-) can be read only once");
        listed = true;
        BASE_TRY(add_list(f, request->stopped, err));
    }
    return BASE_OK;
}

static base_status fail_empty(const finder *f, const library_find_request *request,
                              base_error *err) {
    const char *where = request->n_arguments == 1 && strcmp(request->arguments[0], "-") != 0
                            ? request->arguments[0]
                            : "the files and folders given";
    const base_walk_problem *problems = f->problems.items;
    const library_skipped *skipped = f->skipped.items;
    if (f->problems.n > 0) return base_fail(err, problems[0].status, "%s", problems[0].why);
    if (f->skipped.n == 0) return base_fail(err, BASE_EDATA, "%s: no sound files", where);
    return base_fail(err, BASE_EDATA, "%s: no sound that can be read (%s: %s)", where,
                     skipped[0].path, skipped[0].why);
}

static base_status keep_all(const finder *f, library_files *files, base_error *err) {
    *files = (library_files){.files = base_list_copy(&f->files, f->arena),
                             .n = (int64_t)f->files.n,
                             .skipped = base_list_copy(&f->skipped, f->arena),
                             .n_skipped = (int64_t)f->skipped.n,
                             .problems = base_list_copy(&f->problems, f->arena),
                             .n_problems = (int64_t)f->problems.n,
                             .repeats = base_list_copy(&f->repeats, f->arena),
                             .n_repeats = (int64_t)f->repeats.n};
    bool kept = files->files != NULL && files->skipped != NULL && files->problems != NULL &&
                files->repeats != NULL;
    return kept ? BASE_OK : no_memory(err);
}

static void keep_node(void *node) {
    (void)node; /* paths are the arena's */
}

base_status library_find(const library_find_request *request, base_arena *arena,
                         library_files *files, base_error *err) {
    finder f = {.arena = arena,
                .files = {.size_bytes = sizeof *files->files},
                .skipped = {.size_bytes = sizeof *files->skipped},
                .problems = {.size_bytes = sizeof *files->problems},
                .repeats = {.size_bytes = sizeof *files->repeats}};
    base_status status = add_arguments(&f, request, err);
    if (status == BASE_OK && f.files.n == 0) status = fail_empty(&f, request, err);
    if (status == BASE_OK) status = keep_all(&f, files, err);
    tdestroy(f.seen, keep_node);
    base_free(f.files.items);
    base_free(f.skipped.items);
    base_free(f.problems.items);
    base_free(f.repeats.items);
    return status;
}
