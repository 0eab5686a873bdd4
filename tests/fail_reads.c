#include "tests/fail_reads.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

/* Declared here as well as where the system does, for the compiler asks for it. */
int open(const char *path, int flags, ...);

static const char *part; /* NULL: not armed */
static long failing;
static int failure;
static atomic_long n_attempts;

void fail_reads_arm(const char *of_path, long n, int error) {
    atomic_store(&n_attempts, 0);
    failing = n;
    failure = error;
    part = of_path;
}

long fail_reads_disarm(void) {
    part = NULL;
    return atomic_load(&n_attempts);
}

/* Whether this attempt is the one. */
static int fails(const char *path) {
    return part != NULL && strstr(path, part) != NULL &&
           atomic_fetch_add(&n_attempts, 1) + 1 == failing;
}

static int fails_open(int fd) {
    char link[64], path[4096];
    if (part == NULL) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    if (n < 0) return 0;
    path[n] = '\0';
    return fails(path);
}

int open(const char *path, int flags, ...) {
    static int (*real)(const char *, int, ...);
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    if (real == NULL) *(void **)&real = dlsym(RTLD_NEXT, "open");
    if (fails(path) && failure > 0) {
        errno = failure;
        return -1;
    }
    return real(path, flags, mode);
}

/* How many of n bytes to read; below 0 the attempt fails, with errno set. */
static ssize_t bytes_allowed(int fd, size_t n) {
    if (!fails_open(fd)) return (ssize_t)n;
    if (failure == FAIL_READS_SHORT) return n > 0;
    if (failure == FAIL_READS_END) return 0;
    errno = failure;
    return -1;
}

ssize_t read(int fd, void *bytes, size_t n) {
    static ssize_t (*real)(int, void *, size_t);
    if (real == NULL) *(void **)&real = dlsym(RTLD_NEXT, "read");
    ssize_t allowed = bytes_allowed(fd, n);
    return allowed <= 0 && n > 0 ? allowed : real(fd, bytes, (size_t)allowed);
}

ssize_t pread(int fd, void *bytes, size_t n, off_t at) {
    static ssize_t (*real)(int, void *, size_t, off_t);
    if (real == NULL) *(void **)&real = dlsym(RTLD_NEXT, "pread");
    ssize_t allowed = bytes_allowed(fd, n);
    return allowed <= 0 && n > 0 ? allowed : real(fd, bytes, (size_t)allowed, at);
}

/* ---- in a program ---- */

__attribute__((constructor)) static void arm_by_environment(void) {
    static char name[256];
    const char *how = getenv("FAIL_READS");
    long n;
    int error;
    if (how != NULL && sscanf(how, "%255s %ld %d", name, &n, &error) == 3) {
        fail_reads_arm(name, n, error);
    }
}

__attribute__((destructor)) static void write_count(void) {
    const char *path = getenv("FAIL_READS_COUNT");
    FILE *file = path != NULL && part != NULL ? fopen(path, "w") : NULL;
    if (file == NULL) return;
    fprintf(file, "%ld\n", fail_reads_disarm());
    fclose(file);
}
