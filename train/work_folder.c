#include "train/work_folder.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/leftovers.h"

static const struct {
    const char *mark; /* the file that tells the kind */
    const char *name, *command;
    bool begins_with_mark; /* it is the first file written: without it nothing else is there */
} kinds[] = {[TRAIN_FOLDER_RUN] = {"facts.json", "a run", "train", false},
             [TRAIN_FOLDER_ROUNDS] = {"curate.yaml", "rounds", "curate", true},
             [TRAIN_FOLDER_SWEEP] = {"sweep.yaml", "a sweep", "sweep", true},
             [TRAIN_FOLDER_PRETRAINING] = {"last.h5", "a pretraining", "pretrain", false}};
enum { N_KINDS = sizeof kinds / sizeof *kinds };

static bool has_file(const char *folder, const char *name) {
    base_arena arena = {0};
    const char *path = base_path_join(&arena, folder, name);
    bool there = path != NULL && base_file_exists(path);
    base_arena_release(&arena);
    return there;
}

train_folder_kind train_folder_kind_of(const char *path) {
    for (int kind = TRAIN_FOLDER_OTHER + 1; kind < N_KINDS; kind++) {
        if (has_file(path, kinds[kind].mark)) return (train_folder_kind)kind;
    }
    return TRAIN_FOLDER_OTHER;
}

/* A folder that cannot be read counts as not empty. */
static bool is_empty(const char *path) {
    DIR *folder = opendir(path);
    if (folder == NULL) return false;
    const struct dirent *entry;
    errno = 0;
    do {
        entry = readdir(folder);
    } while (entry != NULL && entry->d_name[0] == '.');
    bool read = errno == 0;
    closedir(folder);
    return read && entry == NULL;
}

/* Nothing but a run may be overwritten: a folder with some config.yaml of its user's is not one. */
static bool holds_a_run(const char *path) {
    return has_file(path, "config.yaml") && has_file(path, "manifest.csv");
}

base_status train_work_folder_check(const train_work_folder *folder, base_error *err) {
    const char *path = folder->path, *name = kinds[folder->kind].name;
    if (!base_folder_exists(path)) {
        if (!base_file_exists(path)) return BASE_OK;
        return base_fail(err, BASE_EEXISTS, "%s: is a file, not a folder", path);
    }
    if (is_empty(path)) return BASE_OK;
    train_folder_kind found = train_folder_kind_of(path);
    if (found != TRAIN_FOLDER_OTHER && found != folder->kind) {
        return base_fail(err, BASE_EEXISTS,
                         "%s: is the folder of %s, not of %s; --out chooses another", path,
                         kinds[found].name, name);
    }
    if (!folder->resume && !folder->overwrite) {
        return base_fail(
            err, BASE_EEXISTS,
            "%s: already exists; --resume goes on with it, %s--out chooses another folder", path,
            folder->kind == TRAIN_FOLDER_RUN ? "--overwrite starts afresh, " : "");
    }
    if (folder->overwrite && !holds_a_run(path)) {
        return base_fail(err, BASE_EEXISTS, "%s: is not a run folder, so it is not overwritten",
                         path);
    }
    if (found == folder->kind || !kinds[folder->kind].begins_with_mark) return BASE_OK;
    return base_fail(err, BASE_EEXISTS,
                     "%s: is neither empty nor the folder of %s, which has a %s; --out chooses "
                     "another",
                     path, name, kinds[folder->kind].mark);
}

static base_status lock(train_work_folder *folder, base_error *err) {
    base_arena arena = {0};
    const char *path = base_path_join(&arena, folder->path, ".lock");
    base_status status = path != NULL
                             ? base_lock_take(path, &folder->lock, err)
                             : base_fail(err, BASE_EMEMORY, "%s: out of memory", folder->path);
    base_arena_release(&arena);
    if (status != BASE_EEXISTS) return status;
    return base_fail(err, status, "%s: another rimshot %s is at work in it", folder->path,
                     kinds[folder->kind].command);
}

base_status train_work_folder_open(train_work_folder *folder, base_error *err) {
    BASE_TRY(train_work_folder_check(folder, err));
    return base_folder_exists(folder->path) ? lock(folder, err) : BASE_OK;
}

/* unlink says EISDIR of a folder, POSIX says EPERM, which has other reasons, too. */
static base_status remove_path(const char *path, base_error *err) {
    int failure = unlink(path) != 0 ? errno : 0;
    if (failure == 0 || failure == ENOENT) return BASE_OK;
    if (failure == EISDIR || (failure == EPERM && base_folder_exists(path))) {
        return base_folder_remove(path, err);
    }
    return base_fail_errno(err, failure, "removing %s", path);
}

static base_status remove_entry(const char *folder, const char *name, base_error *err) {
    base_arena arena = {0};
    const char *path = base_path_join(&arena, folder, name);
    base_status status = path != NULL ? remove_path(path, err)
                                      : base_fail(err, BASE_EMEMORY, "%s: out of memory", folder);
    base_arena_release(&arena);
    return status;
}

/* config.yaml and manifest.csv are replaced: they tell until then that it is a run's folder. */
static bool is_kept(const char *name) {
    static const char *const kept[] = {".", "..", ".lock", "config.yaml", "manifest.csv"};
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        if (strcmp(name, kept[i]) == 0) return true;
    }
    return false;
}

static base_status remove_run(const char *path, base_error *err) {
    BASE_TRY(remove_entry(path, kinds[TRAIN_FOLDER_RUN].mark, err));
    DIR *folder = opendir(path);
    if (folder == NULL) return base_fail_errno(err, errno, "%s", path);
    base_status status = BASE_OK;
    for (errno = 0; status == BASE_OK; errno = 0) {
        const struct dirent *entry = readdir(folder);
        if (entry == NULL && errno != 0) status = base_fail_errno(err, errno, "%s", path);
        if (entry == NULL) break;
        if (!is_kept(entry->d_name)) status = remove_entry(path, entry->d_name, err);
    }
    closedir(folder);
    return status;
}

base_status train_work_folder_claim(train_work_folder *folder, base_error *err) {
    bool held = base_lock_holds(&folder->lock);
    if (!held) {
        base_lock_release(&folder->lock);
        BASE_TRY(base_folder_make(folder->path, err));
        BASE_TRY(lock(folder, err));
    }
    /* What was not there when the folder was opened is not what was to be overwritten. */
    train_work_folder wanted = *folder;
    wanted.overwrite = folder->overwrite && held;
    BASE_TRY(train_work_folder_check(&wanted, err));
    base_leftovers_remove(folder->path, true);
    return wanted.overwrite ? remove_run(folder->path, err) : BASE_OK;
}

void train_work_folder_release(train_work_folder *folder) {
    if (folder == NULL) return;
    base_lock_release(&folder->lock);
}
