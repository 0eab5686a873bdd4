#include "base/temporary.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define PREFIX ".rimshot-"
enum { N_DIGITS = 16, N_ATTEMPTS = 100 };

static base_status no_memory(const char *path, base_error *err) {
    return base_fail(err, BASE_EMEMORY, "%s: out of memory", path);
}

static base_status make_name(const char *folder, base_arena *arena, char **path, base_error *err) {
    uint64_t number;
    if (getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number) {
        return base_fail_errno(err, errno, "%s: a name for a temporary file", folder);
    }
    *path = base_arena_printf(arena, "%s/" PREFIX "%016" PRIx64, folder, number);
    return *path != NULL ? BASE_OK : no_memory(folder, err);
}

/* Whether the name is still there: base_leftovers_remove may have come between the making and the
 * lock. Where there are no locks nothing is cleaned. */
static bool hold(const base_temporary *t) {
    struct stat info;
    if (flock(t->fd, LOCK_EX | LOCK_NB) != 0) return errno != EWOULDBLOCK;
    return fstat(t->fd, &info) != 0 || info.st_nlink > 0;
}

typedef int maker(const char *path, mode_t mode);

static int make_file(const char *path, mode_t mode) {
    return open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
}

static int make_folder(const char *path, mode_t mode) {
    if (mkdir(path, mode) != 0) return -1;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), failure = errno;
    if (fd < 0) rmdir(path);
    errno = failure;
    return fd;
}

static base_status make(const char *folder, mode_t mode, maker *open_new, base_arena *arena,
                        base_temporary *t, base_error *err) {
    for (int i = 0; i < N_ATTEMPTS; i++) {
        BASE_TRY(make_name(folder, arena, &t->path, err));
        t->fd = open_new(t->path, mode);
        if (t->fd >= 0 && hold(t)) return BASE_OK;
        int failure = t->fd >= 0 ? EEXIST : errno;
        if (t->fd >= 0) close(t->fd);
        t->fd = -1;
        if (failure != EEXIST) return base_fail_errno(err, failure, "%s", folder);
    }
    return base_fail(err, BASE_EEXISTS, "%s: temporary files are removed as they are made", folder);
}

base_status base_temporary_file(const char *folder, mode_t mode, base_arena *arena,
                                base_temporary *t, base_error *err) {
    return make(folder, mode, make_file, arena, t, err);
}

base_status base_temporary_folder(const char *folder, base_arena *arena, base_temporary *t,
                                  base_error *err) {
    return make(folder, 0777, make_folder, arena, t, err);
}

void base_temporary_close(base_temporary *t) {
    if (t->fd >= 0) close(t->fd);
    t->fd = -1;
}

bool base_temporary_is_name(const char *name) {
    size_t n = strlen(PREFIX);
    return strncmp(name, PREFIX, n) == 0 && strlen(name) == n + N_DIGITS &&
           strspn(name + n, "0123456789abcdef") == N_DIGITS;
}
