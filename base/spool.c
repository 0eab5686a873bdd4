#include "base/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"

/* A file without a name, gone with its descriptor. */
static int open_nameless(const char *name) {
    const char *folder = getenv("TMPDIR");
    if (folder == NULL || folder[0] != '/') folder = "/tmp";
    int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    return fd >= 0 ? fd : memfd_create(name, MFD_CLOEXEC);
}

/* Waits until something can be read; false: stopped. */
static bool wait_for(int fd, bool (*stopped)(void)) {
    enum { LOOK_MS = 250 };
    struct pollfd file = {.fd = fd, .events = POLLIN};
    for (;;) {
        if (stopped != NULL && stopped()) return false;
        if (poll(&file, 1, LOOK_MS) > 0) return true;
    }
}

static base_status copy_all(int from, const char *name, int64_t max_bytes, bool (*stopped)(void),
                            int to, base_error *err) {
    char block[65536];
    for (int64_t n = 0; n <= max_bytes;) {
        if (!wait_for(from, stopped)) return base_fail(err, BASE_ESTOPPED, "stopped");
        ssize_t got = read(from, block, sizeof block);
        if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (got < 0) return base_fail_errno(err, errno, "%s", name);
        if (got == 0) return BASE_OK;
        if (!base_write_all(to, block, (size_t)got)) {
            return base_fail_errno(err, errno, "%s: its temporary file", name);
        }
        n += got;
    }
    return base_fail(err, BASE_EDATA, "%s: more than %lld MiB", name, (long long)(max_bytes >> 20));
}

base_status base_spool(int from, const char *name, int64_t max_bytes, bool (*stopped)(void),
                       int *copy, base_error *err) {
    *copy = open_nameless(name);
    if (*copy < 0) return base_fail_errno(err, errno, "%s: a temporary file", name);
    base_status status = copy_all(from, name, max_bytes, stopped, *copy, err);
    if (status == BASE_OK) return BASE_OK;
    close(*copy);
    *copy = -1;
    return status;
}
