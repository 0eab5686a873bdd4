#include "infer/library/operation.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/temporary.h"

const char *const library_action_names[LIBRARY_N_ACTIONS] = {"copy", "move", "hardlink", "symlink",
                                                             "reflink"};

enum { BLOCK_BYTES = 1 << 18, PERMISSIONS = 07777 };

/* One operation at work. */
typedef struct {
    const library_operation *planned;
    const char *from, *to, *to_folder; /* whole paths */
    base_arena arena;
    base_error *err;
} work;

static base_status no_memory(const char *path, base_error *err) {
    return base_fail(err, BASE_EMEMORY, "%s: out of memory", path);
}

static int64_t modified_ns(const struct stat *info) {
    return (int64_t)info->st_mtim.tv_sec * 1000000000 + info->st_mtim.tv_nsec;
}

bool library_status_is_local(base_status status) {
    return status == BASE_ENOTFOUND || status == BASE_EDATA || status == BASE_EEXISTS ||
           status == BASE_EMISMATCH;
}

/* A failure to read an original: it concerns that file alone. */
static base_status fail_from(int failure, const char *path, base_error *err) {
    if (failure == ENOENT) return base_fail_errno(err, failure, "%s", path);
    return base_fail(err, BASE_EDATA, "%s: %s", path, strerror(failure));
}

static base_status fail_to(int failure, const char *path, base_error *err) {
    base_fail_errno(err, failure, "%s", path);
    bool library = failure != EEXIST && failure != ENOMEM;
    if (err != NULL && library) err->status = BASE_EIO;
    return library ? BASE_EIO : failure == EEXIST ? BASE_EEXISTS : BASE_EMEMORY;
}

base_status library_operation_look(const char *path, library_operation *operation,
                                   base_error *err) {
    struct stat info;
    if (stat(path, &info) != 0) return fail_from(errno, path, err);
    if (!S_ISREG(info.st_mode)) {
        return base_fail(err, BASE_EDATA, "%s: not a regular file", path);
    }
    operation->size_bytes = info.st_size;
    operation->modified_ns = modified_ns(&info);
    operation->mode = info.st_mode & PERMISSIONS;
    return BASE_OK;
}

/* ---- contents ---- */

/* Reads `in` to its end into the hasher and, if out >= 0, that file. *at_out: writing failed. */
static int pump(int in, int out, base_hasher *hasher, bool *at_out) {
    char *block = base_alloc(BLOCK_BYTES, 1);
    int failure = block != NULL ? 0 : ENOMEM;
    while (failure == 0) {
        ssize_t n = read(in, block, BLOCK_BYTES);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) failure = errno;
        if (n <= 0) break;
        base_hasher_add(hasher, block, (size_t)n);
        *at_out = out >= 0 && !base_write_all(out, block, (size_t)n);
        if (*at_out) failure = errno;
    }
    base_free(block);
    return failure;
}

base_status library_digest_file(const char *path, base_digest *content, base_error *err) {
    bool at_out = false;
    base_hasher *hasher = base_hasher_new();
    if (hasher == NULL) return no_memory(path, err);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    int failure = fd >= 0 ? pump(fd, -1, hasher, &at_out) : errno;
    if (fd >= 0) close(fd);
    *content = base_hasher_digest(hasher);
    base_hasher_free(hasher);
    if (failure == ENOMEM) return no_memory(path, err);
    return failure == 0 ? BASE_OK : fail_from(failure, path, err);
}

/* What a name stands for, compared with what was planned. */
typedef enum { ABSENT, SAME, OTHER } presence;

static bool looks_same(const struct stat *info, const library_operation *planned) {
    return S_ISREG(info->st_mode) && info->st_size == planned->size_bytes &&
           modified_ns(info) == planned->modified_ns;
}

/* The original, by its size and time; a link to it is followed. */
static presence present_from(const work *w) {
    struct stat info;
    if (stat(w->from, &info) != 0) return ABSENT;
    return looks_same(&info, w->planned) ? SAME : OTHER;
}

/* By its bytes. */
static base_status present_content(const work *w, const char *path, presence *found) {
    struct stat info;
    base_digest content;
    *found = ABSENT;
    if (lstat(path, &info) != 0 && errno == ENOENT) return BASE_OK;
    *found = OTHER;
    if (lstat(path, &info) != 0 || !S_ISREG(info.st_mode) ||
        info.st_size != w->planned->size_bytes) {
        return BASE_OK;
    }
    BASE_TRY(library_digest_file(path, &content, w->err));
    if (base_digest_equal(content, w->planned->content)) *found = SAME;
    return BASE_OK;
}

static base_status changed(const work *w) {
    return base_fail(w->err, BASE_EMISMATCH, "%s: changed since it was looked at", w->from);
}

/* ---- steps ---- */

/* Fails with EEXIST where the name is taken, also on file systems whose rename cannot. */
static int rename_new(const char *from, const char *to) {
    struct stat info;
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0) return 0;
    if (errno != EINVAL && errno != ENOSYS) return errno;
    if (link(from, to) == 0) return unlink(from) == 0 ? 0 : errno;
    if (errno != EPERM && errno != EOPNOTSUPP && errno != EMLINK) return errno;
    if (lstat(to, &info) == 0) return EEXIST;
    return rename(from, to) == 0 ? 0 : errno;
}

/* What else a file carries; file systems that cannot hold it go without. */
static void copy_attributes(int in, int out, const struct stat *info) {
    char names[4096], value[4096];
    ssize_t n_names = flistxattr(in, names, sizeof names);
    for (ssize_t i = 0; i < n_names; i += (ssize_t)strlen(names + i) + 1) {
        ssize_t n = fgetxattr(in, names + i, value, sizeof value);
        if (n >= 0) fsetxattr(out, names + i, value, (size_t)n, 0);
    }
    struct stat made;
    bool owned =
        fstat(out, &made) == 0 && made.st_uid == info->st_uid && made.st_gid == info->st_gid;
    if (!owned && fchown(out, info->st_uid, info->st_gid) != 0) return;
}

/* Time stamps are part of what is promised: a file system that refuses them gives an error. */
static int copy_stamps(int out, const struct stat *info, uint32_t mode, int64_t modified) {
    const struct timespec times[2] = {
        info->st_atim,
        {.tv_sec = (time_t)(modified / 1000000000), .tv_nsec = modified % 1000000000}};
    if (fchmod(out, (mode_t)mode) != 0) return errno;
    return futimens(out, times) == 0 ? 0 : errno;
}

typedef struct {
    int in, out;
    bool reflink;
    base_digest content;
} filling;

static base_status share_blocks(const work *w, filling *f) {
    if (ioctl(f->out, FICLONE, f->in) == 0) {
        f->content = w->planned->content;
        return BASE_OK;
    }
    if (errno == ENOSPC || errno == EDQUOT || errno == EIO) return fail_to(errno, w->to, w->err);
    return base_fail(w->err, BASE_EIO,
                     "%s: this file system cannot share a file's blocks (reflink): %s", w->to,
                     strerror(errno));
}

static base_status copy_bytes(const work *w, filling *f) {
    bool at_out = false;
    base_hasher *hasher = base_hasher_new();
    if (hasher == NULL) return no_memory(w->to, w->err);
    int failure = pump(f->in, f->out, hasher, &at_out);
    f->content = base_hasher_digest(hasher);
    base_hasher_free(hasher);
    if (failure == ENOMEM) return no_memory(w->to, w->err);
    if (failure == 0) return BASE_OK;
    return at_out ? fail_to(failure, w->to, w->err) : fail_from(failure, w->from, w->err);
}

/* A changed original is not copied: what the plan says about it is no longer so. */
static base_status fill(const work *w, filling *f) {
    struct stat info, after;
    if (fstat(f->in, &info) != 0) return fail_from(errno, w->from, w->err);
    if (!looks_same(&info, w->planned)) return changed(w);
    BASE_TRY(f->reflink ? share_blocks(w, f) : copy_bytes(w, f));
    if (fstat(f->in, &after) != 0 || !looks_same(&after, w->planned)) return changed(w);
    if (!base_digest_equal(f->content, w->planned->content)) return changed(w);
    copy_attributes(f->in, f->out, &info);
    int failure = copy_stamps(f->out, &info, w->planned->mode, w->planned->modified_ns);
    if (failure == 0 && fsync(f->out) != 0) failure = errno;
    return failure == 0 ? BASE_OK : fail_to(failure, w->to, w->err);
}

/* Whether what is on the disk is what was read. */
static base_status verify(const work *w, const char *path) {
    presence found;
    BASE_TRY(present_content(w, path, &found));
    if (found == SAME) return BASE_OK;
    return base_fail(w->err, BASE_EIO, "%s: the copy differs from the original", w->to);
}

static base_status copy_through(work *w, filling *f, bool verified) {
    base_temporary t;
    base_status status = base_temporary_file(w->to_folder, 0600, &w->arena, &t, w->err);
    if (status != BASE_OK) {
        if (w->err != NULL && status != BASE_EMEMORY) w->err->status = BASE_EIO;
        return status == BASE_EMEMORY ? status : BASE_EIO;
    }
    f->out = t.fd;
    status = fill(w, f);
    if (status == BASE_OK && verified) status = verify(w, t.path);
    if (status == BASE_OK) {
        int failure = rename_new(t.path, w->to);
        if (failure != 0) status = fail_to(failure, w->to, w->err);
    }
    if (status != BASE_OK) unlink(t.path);
    base_temporary_close(&t);
    return status;
}

static base_status copy(work *w, bool reflink, bool verified) {
    filling f = {.reflink = reflink};
    f.in = open(w->from, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (f.in < 0) return fail_from(errno, w->from, w->err);
    base_status status = copy_through(w, &f, verified);
    close(f.in);
    return status;
}

static base_status remove_from(const work *w) {
    BASE_TRY(base_folder_sync(w->to_folder, w->err));
    return unlink(w->from) == 0 || errno == ENOENT ? BASE_OK : fail_to(errno, w->from, w->err);
}

/* Between file systems the original goes once its copy is known to be on the disk. */
static base_status move(work *w) {
    int failure = rename_new(w->from, w->to);
    if (failure == ENOENT) return fail_from(failure, w->from, w->err);
    if (failure != EXDEV) return failure == 0 ? BASE_OK : fail_to(failure, w->to, w->err);
    BASE_TRY(copy(w, false, true));
    return remove_from(w);
}

static base_status link_to(work *w, library_action action) {
    int failed = action == LIBRARY_HARDLINK
                     ? linkat(AT_FDCWD, w->from, AT_FDCWD, w->to, AT_SYMLINK_FOLLOW)
                     : symlink(w->from, w->to);
    return failed == 0 ? BASE_OK : fail_to(errno, w->to, w->err);
}

/* ---- whole operations ---- */

/* Whether `to` is the link that the operation makes. */
static presence present_link(const work *w, library_action action) {
    struct stat link, from;
    char target[4096];
    if (lstat(w->to, &link) != 0) return ABSENT;
    if (action == LIBRARY_SYMLINK) {
        ssize_t n = readlink(w->to, target, sizeof target);
        bool same = n == (ssize_t)strlen(w->from) && memcmp(target, w->from, (size_t)n) == 0;
        return same ? SAME : OTHER;
    }
    bool same =
        stat(w->from, &from) == 0 && from.st_ino == link.st_ino && from.st_dev == link.st_dev;
    return same ? SAME : OTHER;
}

static base_status present_to(const work *w, library_action action, presence *found) {
    if (action != LIBRARY_HARDLINK && action != LIBRARY_SYMLINK) {
        return present_content(w, w->to, found);
    }
    *found = present_link(w, action);
    return BASE_OK;
}

static base_status carry(work *w, library_action action) {
    presence from = present_from(w), to;
    BASE_TRY(present_to(w, action, &to));
    if (to == OTHER) {
        return base_fail(w->err, BASE_EEXISTS, "%s: not replaced by %s", w->to, w->from);
    }
    if (to == SAME) return action == LIBRARY_MOVE && from == SAME ? remove_from(w) : BASE_OK;
    if (from == OTHER) return changed(w);
    if (from == ABSENT) return fail_from(ENOENT, w->from, w->err);
    if (action == LIBRARY_MOVE) return move(w);
    if (action == LIBRARY_COPY || action == LIBRARY_REFLINK) {
        return copy(w, action == LIBRARY_REFLINK, false);
    }
    return link_to(w, action);
}

/* The paths of an operation, or of the way back. */
static base_status begin(work *w, const char *folder, bool back) {
    const char *to = base_path_join(&w->arena, folder, w->planned->to);
    w->from = back ? to : w->planned->from;
    w->to = back ? w->planned->from : to;
    w->to_folder = w->to != NULL ? base_path_folder(&w->arena, w->to) : NULL;
    return w->from != NULL && w->to_folder != NULL ? BASE_OK : no_memory(folder, w->err);
}

base_status library_operation_do(const char *folder, library_action action,
                                 const library_operation *operation, base_error *err) {
    work w = {.planned = operation, .err = err};
    base_status status = begin(&w, folder, false);
    if (status == BASE_OK) status = carry(&w, action);
    base_arena_release(&w.arena);
    return status;
}

/* Permissions and times as they were: the bytes are. */
static base_status restore_stamps(const work *w, const char *path) {
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
    if (fd < 0 && errno == EACCES) return BASE_OK; /* unreadable as it was */
    if (fd < 0) return fail_to(errno, path, w->err);
    int failure = fstat(fd, &info) == 0 ? 0 : errno;
    bool same = failure == 0 && looks_same(&info, w->planned) &&
                (info.st_mode & PERMISSIONS) == w->planned->mode;
    if (failure == 0 && !same) {
        failure = copy_stamps(fd, &info, w->planned->mode, w->planned->modified_ns);
    }
    close(fd);
    return failure == 0 ? BASE_OK : fail_to(failure, path, w->err);
}

/* Here `from` is the library's file and `to` where it came from. */
static base_status move_back(work *w) {
    presence here, there;
    BASE_TRY(present_content(w, w->from, &here));
    BASE_TRY(present_content(w, w->to, &there));
    if (here == ABSENT && there == SAME) return restore_stamps(w, w->to);
    if (here == ABSENT) return fail_from(ENOENT, w->from, w->err);
    if (here == OTHER) return base_fail(w->err, BASE_EMISMATCH, "%s: changed since", w->from);
    if (there == OTHER) {
        return base_fail(w->err, BASE_EEXISTS, "%s: not replaced by %s", w->to, w->from);
    }
    if (there == SAME) return remove_from(w);
    BASE_TRY(restore_stamps(w, w->from));
    return move(w);
}

/* A copy goes only where its original still has the same bytes, or is one file with it. */
static base_status remove_copy(work *w, library_action action) {
    presence copy_there, original = present_from(w);
    BASE_TRY(present_to(w, action, &copy_there));
    if (copy_there == ABSENT) return BASE_OK;
    if (copy_there == OTHER) return base_fail(w->err, BASE_EMISMATCH, "%s: changed since", w->to);
    if (action != LIBRARY_SYMLINK && original == ABSENT) {
        return base_fail(w->err, BASE_ENOTFOUND, "%s: its original is gone (%s)", w->to, w->from);
    }
    if (action == LIBRARY_COPY || action == LIBRARY_REFLINK) {
        if (original == OTHER) BASE_TRY(present_content(w, w->from, &original));
        if (original != SAME) {
            return base_fail(w->err, BASE_EMISMATCH, "%s: its original has changed since (%s)",
                             w->to, w->from);
        }
    }
    return unlink(w->to) == 0 ? BASE_OK : fail_to(errno, w->to, w->err);
}

base_status library_operation_undo(const char *folder, library_action action,
                                   const library_operation *operation, base_error *err) {
    work w = {.planned = operation, .err = err};
    bool back = action == LIBRARY_MOVE;
    base_status status = begin(&w, folder, back);
    if (status == BASE_OK) status = back ? move_back(&w) : remove_copy(&w, action);
    base_arena_release(&w.arena);
    return status;
}
