#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/temporary.h"

static base_status no_memory(const char *path, base_error *err) {
    return base_fail(err, BASE_EMEMORY, "%s: out of memory", path);
}

/* ---- content ---- */

/* Reads until `size` bytes or the end are there; -1 with errno set on failure. */
static ssize_t read_all(int fd, void *data, size_t size) {
    size_t n = 0;
    while (n < size) {
        ssize_t got = read(fd, (char *)data + n, size - n);
        if (got == 0) break;
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return -1;
        n += (size_t)got;
    }
    return (ssize_t)n;
}

bool base_write_all(int fd, const void *data, size_t size) {
    for (size_t n = 0; n < size;) {
        ssize_t put = write(fd, (const char *)data + n, size - n);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return false;
        n += (size_t)put;
    }
    return true;
}

/* A pipe must not block us, and a signal not keep us from a file. */
static int open_to_read(const char *path) {
    int fd;
    do {
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    } while (fd < 0 && errno == EINTR);
    return fd;
}

static base_status read_open(int fd, const char *path, size_t max_bytes, base_file_view *view,
                             base_error *err) {
    struct stat info;
    if (fstat(fd, &info) != 0) return base_fail_errno(err, errno, "%s", path);
    if (!S_ISREG(info.st_mode)) return base_fail(err, BASE_EIO, "%s: not a regular file", path);
    size_t size = (size_t)info.st_size;
    if (max_bytes != 0 && size > max_bytes) {
        return base_fail(err, BASE_EDATA, "%s: %zu bytes, more than the %zu allowed", path, size,
                         max_bytes);
    }
    char *content = base_alloc(size + 1, 1);
    if (content == NULL) return no_memory(path, err);
    ssize_t n = read_all(fd, content, size);
    if (n < (ssize_t)size) {
        base_status status =
            n < 0 ? base_fail_errno(err, errno, "%s", path)
                  : base_fail(err, BASE_EIO, "%s: ended at byte %zd of %zu while it was read", path,
                              n, size);
        base_free(content);
        return status;
    }
    *view = (base_file_view){.data = content, .n_bytes = (size_t)n};
    return BASE_OK;
}

base_status base_file_read(const char *path, size_t max_bytes, void **data, size_t *n_bytes,
                           base_error *err) {
    *data = NULL;
    *n_bytes = 0;
    int fd = open_to_read(path);
    if (fd < 0) return base_fail_errno(err, errno, "%s", path);
    base_file_view view = {0};
    base_status status = read_open(fd, path, max_bytes, &view, err);
    close(fd);
    *data = view.data;
    *n_bytes = view.n_bytes;
    return status;
}

static base_status map_open(int fd, const char *path, size_t n_bytes, base_file_view *view,
                            base_error *err) {
    void *data = mmap(NULL, n_bytes, PROT_READ, MAP_PRIVATE, fd, 0);
    if (data == MAP_FAILED) return base_fail_errno(err, errno, "%s", path);
    *view = (base_file_view){.data = data, .n_bytes = n_bytes, .mapped = true};
    return BASE_OK;
}

base_status base_file_view_open(const char *path, size_t map_from_bytes, base_file_view *view,
                                base_error *err) {
    *view = (base_file_view){0};
    int fd = open_to_read(path);
    if (fd < 0) return base_fail_errno(err, errno, "%s", path);
    struct stat info;
    bool map = fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_size > 0 &&
               (size_t)info.st_size >= map_from_bytes;
    base_status status = map ? map_open(fd, path, (size_t)info.st_size, view, err)
                             : read_open(fd, path, 0, view, err);
    close(fd);
    return status;
}

void base_file_view_release(base_file_view *view) {
    if (view == NULL) return;
    if (view->mapped) {
        munmap(view->data, view->n_bytes);
    } else {
        base_free(view->data);
    }
    *view = (base_file_view){0};
}

base_status base_folder_sync(const char *folder, base_error *err) {
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 && errno == EACCES) return BASE_OK;
    if (fd < 0) return base_fail_errno(err, errno, "%s", folder);
    int failure = fsync(fd) == 0 || errno == EINVAL ? 0 : errno;
    close(fd);
    return failure == 0 ? BASE_OK : base_fail_errno(err, failure, "%s", folder);
}

/* A device, a pipe or a socket: a file renamed over it would take its place. */
static bool is_special(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode);
}

/* Permissions of the file that `path` names; -1 if there is none, or a link, which is replaced. */
static int present_mode(const char *path) {
    struct stat info;
    return lstat(path, &info) == 0 && S_ISREG(info.st_mode) ? (int)(info.st_mode & 0777) : -1;
}

/* Made with no permission more than the present file's, which it then gets whatever the umask; a
 * file system that refuses leaves it with less. */
static base_status open_beside(const char *folder, const char *path, base_arena *arena,
                               base_temporary *t, base_error *err) {
    int mode = present_mode(path);
    BASE_TRY(base_temporary_file(folder, mode >= 0 ? (mode_t)mode : 0666, arena, t, err));
    if (mode >= 0) fchmod(t->fd, (mode_t)mode);
    return BASE_OK;
}

/* Closing comes last, for the lock, and cannot fail after fsync. */
static int fill_and_rename(base_temporary *t, const char *path, const void *data, size_t n_bytes) {
    bool done =
        base_write_all(t->fd, data, n_bytes) && fsync(t->fd) == 0 && rename(t->path, path) == 0;
    int failure = done ? 0 : errno;
    if (!done) unlink(t->path);
    base_temporary_close(t);
    return failure;
}

static base_status replace(const char *path, const void *data, size_t n_bytes, base_arena *arena,
                           base_error *err) {
    if (is_special(path)) {
        return base_fail(err, BASE_EEXISTS, "writing %s: it is not a regular file", path);
    }
    const char *folder = base_path_folder(arena, path);
    if (folder == NULL) return no_memory(path, err);
    base_temporary t;
    if (open_beside(folder, path, arena, &t, err) != BASE_OK) {
        return base_fail_within(err, "writing %s", path);
    }
    int failure = fill_and_rename(&t, path, data, n_bytes);
    return failure == 0 ? base_folder_sync(folder, err)
                        : base_fail_errno(err, failure, "writing %s", path);
}

base_status base_file_rename(const char *from, const char *path, base_error *err) {
    int mode = present_mode(path);
    if (mode >= 0) chmod(from, (mode_t)mode);
    return rename(from, path) == 0 ? BASE_OK : base_fail_errno(err, errno, "writing %s", path);
}

base_status base_file_write(const char *path, const void *data, size_t n_bytes, base_error *err) {
    base_arena arena = {0};
    base_status status = replace(path, data, n_bytes, &arena, err);
    base_arena_release(&arena);
    return status;
}

base_status base_file_write_text(const char *path, const base_text *text, base_error *err) {
    if (text->failed) return no_memory(path, err);
    return base_file_write(path, base_text_string(text), text->size, err);
}

bool base_file_exists(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && S_ISREG(info.st_mode);
}

int64_t base_file_size(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && S_ISREG(info.st_mode) ? (int64_t)info.st_size : 0;
}

bool base_file_stat(const char *path, base_file_stamp *stamp) {
    struct stat info;
    if (stat(path, &info) != 0 || !S_ISREG(info.st_mode)) return false;
    *stamp = (base_file_stamp){(int64_t)info.st_size, (int64_t)info.st_mtim.tv_sec * 1000000000 +
                                                          (int64_t)info.st_mtim.tv_nsec};
    return true;
}

/* ---- folders ---- */

bool base_folder_exists(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

bool base_folder_is_empty(const char *path) {
    DIR *folder = opendir(path);
    if (folder == NULL) return false;
    int n = 0;
    errno = 0;
    while (n <= 2 && readdir(folder) != NULL) n++;
    bool read = errno == 0;
    closedir(folder);
    return read && n <= 2; /* "." and ".." */
}

/* A new folder is an entry of the one above it, and lasts no longer than that. */
static base_status make_one(const char *path, base_arena *arena, base_error *err) {
    if (mkdir(path, 0777) != 0) {
        int failure = errno;
        if (base_folder_exists(path)) return BASE_OK;
        return base_fail_errno(err, failure, "making folder %s", path);
    }
    const char *above = base_path_folder(arena, path);
    if (above == NULL) return no_memory(path, err);
    base_status status = base_folder_sync(above, err);
    return status == BASE_OK ? BASE_OK : base_fail_within(err, "making folder %s", path);
}

base_status base_folder_make(const char *path, base_error *err) {
    base_arena arena = {0};
    char *part = base_arena_string(&arena, path);
    base_status status = part != NULL ? BASE_OK : no_memory(path, err);
    for (size_t i = 1; status == BASE_OK && part[0] != '\0' && part[i] != '\0'; i++) {
        if (part[i] != '/' || part[i - 1] == '/') continue;
        part[i] = '\0';
        status = make_one(part, &arena, err);
        part[i] = '/';
    }
    if (status == BASE_OK) status = make_one(path, &arena, err);
    base_arena_release(&arena);
    return status;
}

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *place) {
    (void)info, (void)kind, (void)place;
    return remove(path);
}

base_status base_folder_remove(const char *path, base_error *err) {
    struct stat info;
    int failure = lstat(path, &info) != 0 ? errno : !S_ISDIR(info.st_mode) ? ENOTDIR : 0;
    if (failure == ENOENT) return BASE_OK;
    enum { OPEN_FOLDERS = 16 };
    if (failure == 0 && nftw(path, remove_entry, OPEN_FOLDERS, FTW_DEPTH | FTW_PHYS) != 0) {
        failure = errno;
    }
    return failure == 0 ? BASE_OK : base_fail_errno(err, failure, "removing %s", path);
}

/* ---- paths ---- */

char *base_path_join(base_arena *arena, const char *folder, const char *name) {
    size_t n = strlen(folder);
    if (name[0] == '/' || n == 0) return base_arena_string(arena, name);
    return base_arena_printf(arena, "%s%s%s", folder, folder[n - 1] == '/' ? "" : "/", name);
}

char *base_path_folder(base_arena *arena, const char *path) {
    const char *slash = strrchr(path, '/');
    if (slash == NULL) return base_arena_string(arena, ".");
    while (slash > path && slash[-1] == '/') slash--;
    return slash == path ? base_arena_string(arena, "/")
                         : base_arena_copy(arena, path, (size_t)(slash - path));
}

/* Both are absolute and without links. */
static const char *way_between(const char *from, const char *to, base_arena *arena) {
    size_t n = 0, same = 0; /* same: bytes of the folders that both are in */
    while (from[n] != '\0' && from[n] == to[n]) {
        n++;
        bool ends = (from[n] == '\0' || from[n] == '/') && (to[n] == '\0' || to[n] == '/');
        if (ends || n == 1) same = n;
    }
    base_text way = {0};
    for (const char *up = from + same; *up != '\0'; up++) {
        if (*up != '/' && up[-1] == '/') base_text_add(&way, way.size > 0 ? "/.." : "..");
    }
    to += same;
    to += *to == '/';
    if (*to != '\0') base_text_printf(&way, "%s%s", way.size > 0 ? "/" : "", to);
    const char *copy =
        way.failed ? NULL : base_arena_string(arena, way.size > 0 ? base_text_string(&way) : ".");
    base_text_release(&way);
    return copy;
}

base_status base_path_between(const char *from, const char *to, base_arena *arena,
                              const char **path, base_error *err) {
    char *start = realpath(from, NULL);
    if (start == NULL) return base_fail_errno(err, errno, "%s", from);
    char *end = realpath(to, NULL);
    base_status status = end != NULL ? BASE_OK : base_fail_errno(err, errno, "%s", to);
    if (end != NULL) {
        *path = way_between(start, end, arena);
        if (*path == NULL) status = no_memory(to, err);
    }
    free(start);
    free(end);
    return status;
}

const char *base_path_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

const char *base_path_extension(const char *path) {
    const char *name = base_path_name(path);
    const char *dot = strrchr(name, '.');
    return dot != NULL && dot != name ? dot + 1 : "";
}

char *base_path_cache(base_arena *arena) {
    const char *own = getenv("RIMSHOT_CACHE"), *xdg = getenv("XDG_CACHE_HOME");
    const char *home = getenv("HOME");
    if (own != NULL && own[0] != '\0') return base_arena_string(arena, own);
    if (xdg != NULL && xdg[0] == '/') return base_path_join(arena, xdg, "rimshot");
    return home != NULL && home[0] == '/' ? base_path_join(arena, home, ".cache/rimshot") : NULL;
}

/* ---- digests ---- */

base_digest base_digest_bytes(const void *data, size_t n_bytes) {
    XXH128_hash_t hash = XXH3_128bits(data, n_bytes);
    return (base_digest){.low = hash.low64, .high = hash.high64};
}

static void store_u64(uint64_t value, unsigned char out[8]) {
    for (int i = 0; i < 8; i++) out[i] = (unsigned char)(value >> 8 * i);
}

base_digest base_digest_join(base_digest a, base_digest b) {
    unsigned char bytes[32];
    store_u64(a.low, bytes);
    store_u64(a.high, bytes + 8);
    store_u64(b.low, bytes + 16);
    store_u64(b.high, bytes + 24);
    return base_digest_bytes(bytes, sizeof bytes);
}

base_hasher *base_hasher_new(void) {
    XXH3_state_t *state = XXH3_createState();
    if (state != NULL) XXH3_128bits_reset(state);
    return (base_hasher *)state;
}

void base_hasher_free(base_hasher *hasher) {
    XXH3_freeState((XXH3_state_t *)hasher);
}

void base_hasher_add(base_hasher *hasher, const void *data, size_t n_bytes) {
    XXH3_128bits_update((XXH3_state_t *)hasher, data, n_bytes);
}

base_digest base_hasher_digest(const base_hasher *hasher) {
    XXH128_hash_t hash = XXH3_128bits_digest((const XXH3_state_t *)hasher);
    return (base_digest){.low = hash.low64, .high = hash.high64};
}

base_status base_digest_join_file(base_digest *digest, const char *path, base_error *err) {
    void *bytes;
    size_t n_bytes;
    BASE_TRY(base_file_read(path, 0, &bytes, &n_bytes, err));
    *digest = base_digest_join(*digest, base_digest_bytes(bytes, n_bytes));
    base_free(bytes);
    return BASE_OK;
}

bool base_digest_equal(base_digest a, base_digest b) {
    return a.low == b.low && a.high == b.high;
}

void base_digest_hex(base_digest digest, char hex[33]) {
    snprintf(hex, 33, "%016" PRIx64 "%016" PRIx64, digest.high, digest.low);
}
