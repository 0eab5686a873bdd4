#include "infer/library/organize.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/leftovers.h"
#include "base/walk.h"

enum { SYNC_EVERY = 256 }; /* operations between two times the journal is written out */

/* One run at work. */
typedef struct {
    const char *folder;
    library_journal *journal;
    const library_watch *watch;
    library_tally *tally;
    base_arena arena;
    base_error *err;
} run;

static base_status no_memory(const char *path, base_error *err) {
    return base_fail(err, BASE_EMEMORY, "%s: out of memory", path);
}

base_status library_lock(const char *folder, base_lock *lock, base_error *err) {
    base_arena arena = {0};
    const char *own = base_path_join(&arena, folder, LIBRARY_JOURNAL_FOLDER);
    const char *path = own != NULL ? base_path_join(&arena, own, "lock") : NULL;
    base_status status = path != NULL ? BASE_OK : no_memory(folder, err);
    if (status == BASE_OK) status = base_folder_make(own, err);
    if (status == BASE_OK) status = base_lock_take(path, lock, err);
    if (status == BASE_OK) base_leftovers_remove(own, false);
    base_arena_release(&arena);
    return status;
}

static bool go_on(const run *r, const char *what, int64_t done) {
    return r->watch->progress(r->watch->context, what, done, r->journal->plan.n_operations);
}

/* What became of one operation. */
static base_status settle(run *r, int64_t i, base_status status, library_state done) {
    if (status == BASE_OK) {
        r->tally->n_done++;
        return library_journal_mark(r->journal, i, done, r->err);
    }
    if (!library_status_is_local(status)) return status;
    r->tally->n_left++;
    r->watch->left(r->watch->context, r->err->text);
    return done == LIBRARY_DONE ? library_journal_mark(r->journal, i, LIBRARY_LEFT, r->err)
                                : BASE_OK;
}

/* ---- forward ---- */

static base_status make_folders(const library_plan *plan, base_error *err) {
    for (int64_t i = 0; i < plan->n_made; i++) BASE_TRY(base_folder_make(plan->made[i], err));
    return BASE_OK;
}

static base_status do_all(run *r) {
    const library_plan *plan = &r->journal->plan;
    for (int64_t i = 0; i < plan->n_operations; i++) {
        if (r->journal->states[i] != LIBRARY_PLANNED) continue;
        if (!go_on(r, library_action_names[plan->action], i)) {
            return base_fail(r->err, BASE_ESTOPPED, "stopped");
        }
        base_status status =
            library_operation_do(r->folder, plan->action, &plan->operations[i], r->err);
        BASE_TRY(settle(r, i, status, LIBRARY_DONE));
        if (i % SYNC_EVERY == SYNC_EVERY - 1) BASE_TRY(library_journal_sync(r->journal, r->err));
    }
    return BASE_OK;
}

static base_status sync_folders(const library_plan *plan, base_error *err) {
    for (int64_t i = 0; i < plan->n_folders; i++) {
        base_status status = base_folder_sync(plan->folders[i].path, err);
        if (status != BASE_OK && status != BASE_ENOTFOUND) return status;
    }
    for (int64_t i = 0; i < plan->n_made; i++) {
        base_status status = base_folder_sync(plan->made[i], err);
        if (status != BASE_OK && status != BASE_ENOTFOUND) return status;
    }
    return BASE_OK;
}

base_status library_apply(const char *folder, library_journal *journal, const library_watch *watch,
                          library_tally *tally, base_error *err) {
    base_error own;
    run r = {folder, journal, watch, tally, {0}, err != NULL ? err : &own};
    base_leftovers_remove(folder, true);
    base_status status = make_folders(&journal->plan, r.err);
    if (status == BASE_OK) status = do_all(&r);
    if (status == BASE_OK) status = sync_folders(&journal->plan, r.err);
    if (status == BASE_OK) status = library_journal_finish(journal, r.err);
    library_journal_close(journal);
    return status;
}

/* ---- and back ---- */

static const library_folder *find_folder(const library_plan *plan, const char *path) {
    for (int64_t i = 0; i < plan->n_folders; i++) {
        if (strcmp(plan->folders[i].path, path) == 0) return &plan->folders[i];
    }
    return NULL;
}

/* The folder that a moved file stood in may have been removed as empty since. */
static base_status restore_folder(run *r, const library_operation *operation) {
    const char *folder = base_path_folder(&r->arena, operation->from);
    if (folder == NULL) return no_memory(operation->from, r->err);
    if (base_folder_exists(folder)) return BASE_OK;
    BASE_TRY(base_folder_make(folder, r->err));
    const library_folder *before = find_folder(&r->journal->plan, folder);
    if (before == NULL || chmod(folder, (mode_t)before->mode) == 0) return BASE_OK;
    return base_fail_errno(r->err, errno, "%s", folder);
}

static base_status undo_one(run *r, int64_t i) {
    const library_plan *plan = &r->journal->plan;
    if (plan->action == LIBRARY_MOVE) BASE_TRY(restore_folder(r, &plan->operations[i]));
    base_status status =
        library_operation_undo(r->folder, plan->action, &plan->operations[i], r->err);
    return settle(r, i, status, LIBRARY_UNDONE);
}

static base_status undo_all(run *r) {
    int64_t n = r->journal->plan.n_operations;
    for (int64_t i = n - 1; i >= 0; i--) {
        uint8_t state = r->journal->states[i];
        if (state == LIBRARY_UNDONE || state == LIBRARY_LEFT) continue;
        if (!go_on(r, "undo", n - 1 - i)) return base_fail(r->err, BASE_ESTOPPED, "stopped");
        BASE_TRY(undo_one(r, i));
        base_arena_release(&r->arena);
        if (i % SYNC_EVERY == 0) BASE_TRY(library_journal_sync(r->journal, r->err));
    }
    return BASE_OK;
}

/* Folders that hold something else by now stay. */
static base_status remove_made(const library_plan *plan, base_error *err) {
    for (int64_t i = plan->n_made - 1; i >= 0; i--) {
        if (rmdir(plan->made[i]) == 0) continue;
        if (errno == ENOTEMPTY || errno == EEXIST || errno == ENOENT) continue;
        return base_fail_errno(err, errno, "removing %s", plan->made[i]);
    }
    return BASE_OK;
}

static base_status restore_time(const library_folder *folder, base_error *err) {
    const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT},
                                      {.tv_sec = (time_t)(folder->modified_ns / 1000000000),
                                       .tv_nsec = folder->modified_ns % 1000000000}};
    if (utimensat(AT_FDCWD, folder->path, times, 0) == 0 || errno == ENOENT) return BASE_OK;
    return base_fail_errno(err, errno, "%s", folder->path);
}

static base_status restore_times(const library_plan *plan, base_error *err) {
    for (int64_t i = 0; i < plan->n_folders; i++) BASE_TRY(restore_time(&plan->folders[i], err));
    return BASE_OK;
}

/* Unless there are other runs. */
static base_status remove_own_folder(run *r) {
    base_walk found;
    const char *own = base_path_folder(&r->arena, r->journal->path);
    const char *lock = own != NULL ? base_path_join(&r->arena, own, "lock") : NULL;
    if (lock == NULL) return no_memory(r->folder, r->err);
    BASE_TRY(base_folder_walk(own, NULL, &r->arena, &found, r->err));
    for (int64_t i = 0; i < found.n_paths; i++) {
        if (strcmp(found.paths[i], lock) != 0) return BASE_OK;
    }
    unlink(lock); /* held still: whoever takes a new one finds nothing to undo */
    if (rmdir(own) == 0 || errno == ENOTEMPTY || errno == EEXIST) return BASE_OK;
    return base_fail_errno(r->err, errno, "removing %s", own);
}

/* The journal goes last, when all else is on the disk; what stood above it gets its time then. */
static base_status remove_journal(run *r) {
    BASE_TRY(sync_folders(&r->journal->plan, r->err));
    if (unlink(r->journal->path) != 0) {
        return base_fail_errno(r->err, errno, "removing %s", r->journal->path);
    }
    BASE_TRY(remove_own_folder(r));
    BASE_TRY(remove_made(&r->journal->plan, r->err));
    return restore_times(&r->journal->plan, r->err);
}

base_status library_undo(const char *folder, library_journal *journal, const library_watch *watch,
                         library_tally *tally, base_error *err) {
    base_error own;
    run r = {folder, journal, watch, tally, {0}, err != NULL ? err : &own};
    int64_t n_left = tally->n_left;
    base_leftovers_remove(folder, true);
    base_status status = journal->undoing ? BASE_OK : library_journal_undo(journal, r.err);
    if (status == BASE_OK) status = undo_all(&r);
    if (status == BASE_OK) status = library_journal_sync(journal, r.err);
    library_journal_close(journal);
    if (status == BASE_OK) status = remove_made(&journal->plan, r.err);
    if (status == BASE_OK) status = restore_times(&journal->plan, r.err);
    if (status == BASE_OK && tally->n_left == n_left) status = remove_journal(&r);
    base_arena_release(&r.arena);
    return status;
}
