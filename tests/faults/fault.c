/* Preloaded into rimshot: counts its calls of the system and the C library, and makes one of them
 * fail, or all from it on. tests/faults/faults.py drives it.
 *
 * FAULTS_PAGE=FILE   a file of sizeof(fault_page) bytes, shared with the driver and with children
 * FAULTS_FAIL=KIND:N:MODE   the N-th call of KIND (from 1) fails; MODE is one of
 *   once    it alone, with the kind's errno
 *   on      it and all that follow
 *   intr    it is interrupted by a signal (EINTR) before anything happened
 *   short   it does a part of its work: reads or writes one byte
 *   kill    the process ends there, before the call, by SIGKILL
 * FAULTS_SYNCED=FOLDER   keeps there what a loss of power would leave: of each file that was synced
 * the bytes it had then, as f<inode>; of each folder its entries then, as d<inode>, "INODE NAME" a
 * line
 *
 * What the C library does for its callers counts as theirs: a stream that is opened, memory that
 * qsort takes. `malloc` are the program's own requests, `library` those of the libraries it uses.
 * Messages on standard error are never hindered. */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <unwind.h>

/* The order and the names are known to faults.py. */
#define KINDS(X)                                                                                   \
    X(MALLOC, "malloc", ENOMEM)                                                                    \
    X(LIBRARY, "library", ENOMEM)                                                                  \
    X(READ, "read", EIO)                                                                           \
    X(WRITE, "write", ENOSPC)                                                                      \
    X(OPEN, "open", EMFILE)                                                                        \
    X(SYNC, "sync", EIO)                                                                           \
    X(RENAME, "rename", EIO)                                                                       \
    X(MMAP, "mmap", ENOMEM)                                                                        \
    X(THREAD, "thread", EAGAIN)                                                                    \
    X(CLOSE, "close", EIO)                                                                         \
    X(TRUNCATE, "truncate", ENOSPC)                                                                \
    X(LIST, "list", EIO)                                                                           \
    X(MKDIR, "mkdir", ENOSPC)                                                                      \
    X(UNLINK, "unlink", EIO)                                                                       \
    X(STAT, "stat", EIO)                                                                           \
    X(LOCK, "lock", ENOLCK)                                                                        \
    X(FORK, "fork", EAGAIN)

#define ENTRY(symbol, name, error) FAULT_##symbol,
typedef enum { KINDS(ENTRY) N_KINDS } fault_kind;
#undef ENTRY

#define ENTRY(symbol, name, error) {name, error},
static const struct {
    const char *name;
    int error;
} kinds[] = {KINDS(ENTRY)};

typedef enum { NONE, ONCE, ON, INTR, SHORT, KILL } fault_mode;

enum { MAX_FRAMES = 24, PLACE_BYTES = 4096 };

typedef struct {
    _Atomic uint64_t count[N_KINDS];
    _Atomic uint64_t failed; /* calls that were made to fail */
    char place[PLACE_BYTES]; /* of the first: "FILE OFFSET SYMBOL" for each frame, a line each */
} fault_page;

typedef struct {
    uintptr_t begin, end;
} range;

static const char *synced; /* folder, or NULL */
static fault_page *page;   /* NULL: nothing is counted */
static fault_mode mode;
static fault_kind failing;
static uint64_t failing_at;
static range program, c_library, self;
static _Thread_local bool inside; /* what the calls below call themselves is not counted */

static bool holds(range r, uintptr_t address) {
    return address >= r.begin && address < r.end;
}

static int note_object(struct dl_phdr_info *info, size_t size, void *context) {
    (void)size, (void)context;
    range r = {UINTPTR_MAX, 0};
    for (int i = 0; i < info->dlpi_phnum; i++) {
        if (info->dlpi_phdr[i].p_type != PT_LOAD) continue;
        uintptr_t begin = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
        uintptr_t end = begin + info->dlpi_phdr[i].p_memsz;
        if (begin < r.begin) r.begin = begin;
        if (end > r.end) r.end = end;
    }
    if (info->dlpi_name[0] == '\0' && program.end == 0) program = r;
    if (strstr(info->dlpi_name, "/libc.so") != NULL) c_library = r;
    if (holds(r, (uintptr_t)note_object)) self = r;
    return 0;
}

/* ---- who called ---- */

static _Unwind_Reason_Code find_caller(struct _Unwind_Context *frame, void *context) {
    uintptr_t address = _Unwind_GetIP(frame);
    if (holds(self, address) || holds(c_library, address)) return _URC_NO_REASON;
    *(uintptr_t *)context = address;
    return _URC_END_OF_STACK;
}

/* Whether the first caller outside of the C library is the program itself. */
static bool is_ours(uintptr_t caller) {
    if (holds(c_library, caller)) _Unwind_Backtrace(find_caller, &caller);
    return holds(program, caller);
}

typedef struct {
    size_t used;
    int n;
} place_text;

static _Unwind_Reason_Code write_frame(struct _Unwind_Context *frame, void *context) {
    place_text *text = context;
    uintptr_t address = _Unwind_GetIP(frame);
    if (holds(self, address)) return _URC_NO_REASON;
    Dl_info info = {0};
    if (dladdr((void *)(address - 1), &info) == 0) return _URC_END_OF_STACK;
    int n = snprintf(page->place + text->used, PLACE_BYTES - text->used, "%s %#lx %s\n",
                     info.dli_fname, (unsigned long)(address - 1 - (uintptr_t)info.dli_fbase),
                     info.dli_sname != NULL ? info.dli_sname : "?");
    text->used += (size_t)n;
    if (text->used >= PLACE_BYTES || ++text->n == MAX_FRAMES) return _URC_END_OF_STACK;
    return _URC_NO_REASON;
}

/* ---- counting ---- */

/* Counts a call; the mode in which it is to fail, or NONE. */
static fault_mode count(fault_kind kind) {
    if (page == NULL || inside) return NONE;
    uint64_t n = atomic_fetch_add(&page->count[kind], 1) + 1;
    if (mode == NONE || kind != failing) return NONE;
    if (n != failing_at && !(mode == ON && n > failing_at)) return NONE;
    if (mode == KILL) kill(getpid(), SIGKILL);
    if (atomic_fetch_add(&page->failed, 1) == 0) {
        inside = true;
        _Unwind_Backtrace(write_frame, &(place_text){0});
        inside = false;
    }
    return mode;
}

/* Counts a call that fails or not; sets errno if it does. */
static bool fails(fault_kind kind) {
    fault_mode how = count(kind);
    if (how != ONCE && how != ON) return false;
    errno = kinds[kind].error;
    return true;
}

/* Counts a call that moves bytes: fails it with errno set, or cuts its size to one byte. */
static bool fails_or_is_cut(fault_kind kind, size_t *size) {
    fault_mode how = count(kind);
    if (how == SHORT && *size > 1) *size = 1;
    if (how == NONE || how == SHORT) return false;
    errno = how == INTR ? EINTR : kinds[kind].error;
    return true;
}

static void read_wish(const char *wish) {
    static const char *const modes[] = {"", "once", "on", "intr", "short", "kill"};
    char kind[16], how[16];
    unsigned long at;
    if (wish == NULL || sscanf(wish, "%15[a-z]:%lu:%15[a-z]", kind, &at, how) != 3) return;
    for (int i = 0; i < N_KINDS; i++) {
        if (strcmp(kind, kinds[i].name) == 0) failing = (fault_kind)i;
    }
    for (int i = ONCE; i <= KILL; i++) {
        if (strcmp(how, modes[i]) == 0) mode = (fault_mode)i;
    }
    failing_at = at;
}

/* Other programs that rimshot starts (a compiler, python3) are left alone. */
__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("FAULTS_PAGE");
    if (path == NULL || strcmp(program_invocation_short_name, "rimshot") != 0) return;
    dl_iterate_phdr(note_object, NULL);
    read_wish(getenv("FAULTS_FAIL"));
    synced = getenv("FAULTS_SYNCED");
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) return;
    void *memory = mmap(NULL, sizeof(fault_page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (memory != MAP_FAILED) page = memory;
}

/* ---- memory ---- */

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *memory, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

static bool memory_fails(void *caller) {
    if (page == NULL || inside) return false;
    return fails(is_ours((uintptr_t)caller) ? FAULT_MALLOC : FAULT_LIBRARY);
}

void *malloc(size_t size) {
    return memory_fails(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size) {
    return memory_fails(__builtin_return_address(0)) ? NULL : __libc_calloc(n, size);
}

void *realloc(void *memory, size_t size) {
    return memory_fails(__builtin_return_address(0)) ? NULL : __libc_realloc(memory, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    return memory_fails(__builtin_return_address(0)) ? NULL : __libc_memalign(alignment, size);
}

void *memalign(size_t alignment, size_t size);
void *memalign(size_t alignment, size_t size) {
    return memory_fails(__builtin_return_address(0)) ? NULL : __libc_memalign(alignment, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size) {
    if (memory_fails(__builtin_return_address(0))) return ENOMEM;
    *memory = __libc_memalign(alignment, size);
    return *memory != NULL ? 0 : ENOMEM;
}

/* ---- what was synced ---- */

enum { PATH_BYTES = 4096 };

static void path_of(char *path, char kind, ino_t inode, const char *ending) {
    snprintf(path, PATH_BYTES, "%s/%c%lu%s", synced, kind, (unsigned long)inode, ending);
}

static void copy_bytes(int fd, FILE *copy) {
    char block[65536];
    ssize_t n;
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd); /* it may be open for writing alone */
    int from = open(path, O_RDONLY | O_CLOEXEC);
    while (from >= 0 && (n = read(from, block, sizeof block)) > 0)
        fwrite(block, 1, (size_t)n, copy);
    if (from >= 0) close(from);
}

static void copy_entries(int fd, FILE *copy) {
    DIR *folder = fdopendir(openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const struct dirent *entry;
    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        fprintf(copy, "%lu %s\n", (unsigned long)entry->d_ino, entry->d_name);
    }
    if (folder != NULL) closedir(folder);
}

/* The copy appears whole: the process may be killed in the midst of it. */
static void keep_synced(int fd) {
    struct stat info;
    if (synced == NULL || page == NULL) return;
    inside = true;
    char path[PATH_BYTES], temporary[PATH_BYTES];
    bool known = fstat(fd, &info) == 0;
    char kind = known && S_ISDIR(info.st_mode) ? 'd' : 'f';
    path_of(path, kind, info.st_ino, "");
    path_of(temporary, kind, info.st_ino, ".new");
    FILE *copy = known ? fopen(temporary, "wbe") : NULL;
    if (copy != NULL) {
        (kind == 'd' ? copy_entries : copy_bytes)(fd, copy);
        fclose(copy);
        rename(temporary, path);
    }
    inside = false;
}

/* A new file may have the number of one that is gone. */
static int keep_none(int fd, int flags) {
    struct stat info;
    if (synced == NULL || page == NULL || fd < 0 || !(flags & O_CREAT)) return fd;
    inside = true;
    char path[PATH_BYTES];
    if (fstat(fd, &info) == 0 && info.st_size == 0) {
        path_of(path, 'f', info.st_ino, "");
        unlink(path);
    }
    inside = false;
    return fd;
}

/* ---- files ---- */

/* The function that would have been called without this library. */
#define REAL(function)                                                                             \
    static __typeof__(function) *real;                                                             \
    if (real == NULL) real = (__typeof__(function) *)find(#function)

static void *find(const char *name) {
    bool outer = inside;
    inside = true;
    void *function = dlsym(RTLD_NEXT, name);
    inside = outer;
    return function;
}

ssize_t read(int fd, void *data, size_t size) {
    REAL(read);
    return fails_or_is_cut(FAULT_READ, &size) ? -1 : real(fd, data, size);
}

ssize_t pread(int fd, void *data, size_t size, off_t at) {
    REAL(pread);
    return fails_or_is_cut(FAULT_READ, &size) ? -1 : real(fd, data, size, at);
}

ssize_t pread64(int fd, void *data, size_t size, off64_t at) {
    REAL(pread64);
    return fails_or_is_cut(FAULT_READ, &size) ? -1 : real(fd, data, size, at);
}

ssize_t write(int fd, const void *data, size_t size) {
    REAL(write);
    return fails_or_is_cut(FAULT_WRITE, &size) ? -1 : real(fd, data, size);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at) {
    REAL(pwrite);
    return fails_or_is_cut(FAULT_WRITE, &size) ? -1 : real(fd, data, size, at);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) {
    REAL(pwrite64);
    return fails_or_is_cut(FAULT_WRITE, &size) ? -1 : real(fd, data, size, at);
}

/* A stream keeps that it failed, for ferror. */
static void mark(FILE *stream) {
    int error = errno;
    ((struct _IO_FILE *)stream)->_flags |= 0x20; /* _IO_ERR_SEEN */
    errno = error;
}

size_t fread(void *restrict data, size_t size, size_t n, FILE *restrict stream) {
    REAL(fread);
    if (!fails(FAULT_READ)) return real(data, size, n, stream);
    mark(stream);
    return 0;
}

size_t fwrite(const void *restrict data, size_t size, size_t n, FILE *restrict stream) {
    REAL(fwrite);
    if (stream == stderr || !fails(FAULT_WRITE)) return real(data, size, n, stream);
    mark(stream);
    return 0;
}

int fflush(FILE *stream) {
    REAL(fflush);
    if (stream == NULL || stream == stderr || !fails(FAULT_WRITE)) return real(stream);
    mark(stream);
    return EOF;
}

/* The third argument is there only if a file may be made. */
#define OPEN_LIKE(function, ...)                                                                   \
    REAL(function);                                                                                \
    va_list arguments;                                                                             \
    va_start(arguments, flags);                                                                    \
    mode_t made =                                                                                  \
        (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(arguments, mode_t) : 0;     \
    va_end(arguments);                                                                             \
    return fails(FAULT_OPEN) ? -1 : keep_none(real(__VA_ARGS__, flags, made), flags)

int open(const char *path, int flags, ...) {
    OPEN_LIKE(open, path);
}

int open64(const char *path, int flags, ...) {
    OPEN_LIKE(open64, path);
}

int openat(int folder, const char *path, int flags, ...) {
    OPEN_LIKE(openat, folder, path);
}

int openat64(int folder, const char *path, int flags, ...) {
    OPEN_LIKE(openat64, folder, path);
}

FILE *fopen(const char *restrict path, const char *restrict how) {
    REAL(fopen);
    return fails(FAULT_OPEN) ? NULL : real(path, how);
}

FILE *fopen64(const char *restrict path, const char *restrict how) {
    REAL(fopen64);
    return fails(FAULT_OPEN) ? NULL : real(path, how);
}

int fsync(int fd) {
    REAL(fsync);
    if (fails(FAULT_SYNC)) return -1;
    keep_synced(fd);
    return real(fd);
}

int fdatasync(int fd) {
    REAL(fdatasync);
    if (fails(FAULT_SYNC)) return -1;
    keep_synced(fd);
    return real(fd);
}

int rename(const char *from, const char *to) {
    REAL(rename);
    return fails(FAULT_RENAME) ? -1 : real(from, to);
}

int renameat2(int from_folder, const char *from, int to_folder, const char *to, unsigned flags) {
    REAL(renameat2);
    return fails(FAULT_RENAME) ? -1 : real(from_folder, from, to_folder, to, flags);
}

int link(const char *from, const char *to) {
    REAL(link);
    return fails(FAULT_RENAME) ? -1 : real(from, to);
}

void *mmap(void *place, size_t size, int protection, int flags, int fd, off_t at) {
    REAL(mmap);
    return fails(FAULT_MMAP) ? MAP_FAILED : real(place, size, protection, flags, fd, at);
}

void *mmap64(void *place, size_t size, int protection, int flags, int fd, off64_t at) {
    REAL(mmap64);
    return fails(FAULT_MMAP) ? MAP_FAILED : real(place, size, protection, flags, fd, at);
}

/* What is closed is closed, whatever the call says. */
int close(int fd) {
    REAL(close);
    bool failed = fails(FAULT_CLOSE);
    int error = errno, result = real(fd);
    if (!failed) return result;
    errno = error;
    return -1;
}

int fclose(FILE *stream) {
    REAL(fclose);
    bool failed = fails(FAULT_CLOSE);
    int error = errno, result = real(stream);
    if (!failed) return result;
    errno = error;
    return EOF;
}

int ftruncate(int fd, off_t size) {
    REAL(ftruncate);
    return fails(FAULT_TRUNCATE) ? -1 : real(fd, size);
}

int ftruncate64(int fd, off64_t size) {
    REAL(ftruncate64);
    return fails(FAULT_TRUNCATE) ? -1 : real(fd, size);
}

/* ---- folders ---- */

DIR *opendir(const char *path) {
    REAL(opendir);
    return fails(FAULT_LIST) ? NULL : real(path);
}

struct dirent *readdir(DIR *folder) {
    REAL(readdir);
    return fails(FAULT_LIST) ? NULL : real(folder);
}

struct dirent64 *readdir64(DIR *folder) {
    REAL(readdir64);
    return fails(FAULT_LIST) ? NULL : real(folder);
}

int mkdir(const char *path, mode_t made) {
    REAL(mkdir);
    return fails(FAULT_MKDIR) ? -1 : real(path, made);
}

char *mkdtemp(char *pattern) {
    REAL(mkdtemp);
    return fails(FAULT_MKDIR) ? NULL : real(pattern);
}

int unlink(const char *path) {
    REAL(unlink);
    return fails(FAULT_UNLINK) ? -1 : real(path);
}

int unlinkat(int folder, const char *path, int flags) {
    REAL(unlinkat);
    return fails(FAULT_UNLINK) ? -1 : real(folder, path, flags);
}

int remove(const char *path) {
    REAL(remove);
    return fails(FAULT_UNLINK) ? -1 : real(path);
}

int rmdir(const char *path) {
    REAL(rmdir);
    return fails(FAULT_UNLINK) ? -1 : real(path);
}

int stat(const char *restrict path, struct stat *restrict info) {
    REAL(stat);
    return fails(FAULT_STAT) ? -1 : real(path, info);
}

int stat64(const char *restrict path, struct stat64 *restrict info) {
    REAL(stat64);
    return fails(FAULT_STAT) ? -1 : real(path, info);
}

int lstat(const char *restrict path, struct stat *restrict info) {
    REAL(lstat);
    return fails(FAULT_STAT) ? -1 : real(path, info);
}

int fstat(int fd, struct stat *info) {
    REAL(fstat);
    return fails(FAULT_STAT) ? -1 : real(fd, info);
}

int fstat64(int fd, struct stat64 *info) {
    REAL(fstat64);
    return fails(FAULT_STAT) ? -1 : real(fd, info);
}

/* ---- processes and threads ---- */

int fcntl(int fd, int command, ...) {
    REAL(fcntl);
    va_list arguments;
    va_start(arguments, command);
    void *argument = va_arg(arguments, void *); /* of any kind; the kernel knows which */
    va_end(arguments);
    bool locks = command == F_SETLK || command == F_SETLKW;
    return locks && fails(FAULT_LOCK) ? -1 : real(fd, command, argument);
}

pid_t fork(void) {
    REAL(fork);
    return fails(FAULT_FORK) ? -1 : real();
}

int pipe(int ends[2]) {
    REAL(pipe);
    return fails(FAULT_FORK) ? -1 : real(ends);
}

int pipe2(int ends[2], int flags) {
    REAL(pipe2);
    return fails(FAULT_FORK) ? -1 : real(ends, flags);
}

int pthread_create(pthread_t *restrict thread, const pthread_attr_t *restrict attributes,
                   void *(*run)(void *), void *restrict argument) {
    REAL(pthread_create);
    return fails(FAULT_THREAD) ? EAGAIN : real(thread, attributes, run, argument);
}
