#include "base/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"

typedef enum { TAKEN, IN_USE, TRY_AGAIN, IMPOSSIBLE } attempt;

/* The former holder may have removed the file between open and lock: then it is no one's way to
 * the lock any more. */
static bool is_still_there(const char *path, int file) {
    struct stat named, opened;
    return stat(path, &named) == 0 && fstat(file, &opened) == 0 && named.st_ino == opened.st_ino &&
           named.st_dev == opened.st_dev;
}

/* POSIX record locks end with their process and go through NFS. */
static attempt try_lock(const char *path, int *file) {
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    *file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (*file < 0) return IMPOSSIBLE;
    bool locked = fcntl(*file, F_SETLK, &whole) == 0;
    if (locked && is_still_there(path, *file)) return TAKEN;
    attempt end = locked ? TRY_AGAIN : errno == EACCES || errno == EAGAIN ? IN_USE : IMPOSSIBLE;
    if (end == IMPOSSIBLE) unlink(path);
    close(*file);
    *file = -1;
    return end;
}

base_status base_lock_take(const char *path, base_lock *lock, base_error *err) {
    attempt end;
    size_t n = strlen(path) + 1;
    *lock = (base_lock){.path = base_alloc(n, 1), .file = -1};
    if (lock->path == NULL) return base_fail(err, BASE_EMEMORY, "%s: out of memory", path);
    memcpy(lock->path, path, n);
    do {
        end = try_lock(path, &lock->file);
    } while (end == TRY_AGAIN);
    if (end != IN_USE) return BASE_OK;
    base_free(lock->path);
    *lock = (base_lock){0};
    return base_fail(err, BASE_EEXISTS, "%s: in use", path);
}

void base_lock_release(base_lock *lock) {
    if (lock->path == NULL) return;
    if (lock->file >= 0) {
        unlink(lock->path); /* while it is still held */
        close(lock->file);
    }
    base_free(lock->path);
    *lock = (base_lock){0};
}
