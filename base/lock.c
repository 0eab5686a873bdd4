#include "base/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"

/* Whether `path` names the open file: it may have been removed, or its folder renamed. */
static bool names_file(const char *path, int file) {
    struct stat named, opened;
    return lstat(path, &named) == 0 && fstat(file, &opened) == 0 && named.st_ino == opened.st_ino &&
           named.st_dev == opened.st_dev;
}

/* POSIX record locks end with their process and go through NFS. Where there are none, nothing is
 * taken and nothing removed: the file may be another's. */
static base_status try_lock(base_lock *lock, base_error *err) {
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    lock->file = open(lock->path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0666);
    if (lock->file < 0) return base_fail_errno(err, errno, "%s", lock->path);
    if (fcntl(lock->file, F_SETLK, &whole) == 0) return BASE_OK;
    int failure = errno;
    close(lock->file);
    if (failure == EACCES || failure == EAGAIN) {
        return base_fail(err, BASE_EEXISTS, "%s: in use", lock->path);
    }
    return base_fail(err, BASE_EIO, "%s: this file system cannot lock files: %s", lock->path,
                     strerror(failure));
}

/* The former holder may have removed the file between open and lock: then the next one is tried,
 * not without end. */
static base_status take(base_lock *lock, base_error *err) {
    enum { MAX_ATTEMPTS = 100 };
    for (int i = 0; i < MAX_ATTEMPTS; i++) {
        BASE_TRY(try_lock(lock, err));
        if (names_file(lock->path, lock->file)) return BASE_OK;
        close(lock->file);
    }
    return base_fail(err, BASE_EEXISTS, "%s: in use", lock->path);
}

base_status base_lock_take(const char *path, base_lock *lock, base_error *err) {
    size_t n = strlen(path) + 1;
    *lock = (base_lock){.path = base_alloc(n, 1)};
    if (lock->path == NULL) return base_fail(err, BASE_EMEMORY, "%s: out of memory", path);
    memcpy(lock->path, path, n);
    base_status status = take(lock, err);
    if (status == BASE_OK) return BASE_OK;
    base_free(lock->path);
    *lock = (base_lock){0};
    return status;
}

bool base_lock_holds(const base_lock *lock) {
    return lock->path != NULL && names_file(lock->path, lock->file);
}

void base_lock_release(base_lock *lock) {
    if (lock->path == NULL) return;
    if (base_lock_holds(lock)) unlink(lock->path); /* while it is still locked */
    close(lock->file);
    base_free(lock->path);
    *lock = (base_lock){0};
}
