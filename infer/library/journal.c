#include "infer/library/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/walk.h"

#define HEAD "rimshot-organize"
enum { VERSION = 1, MAX_FIELDS = 9, DIGEST_DIGITS = 16 };

static base_status no_memory(const char *path, base_error *err) {
    return base_fail(err, BASE_EMEMORY, "%s: out of memory", path);
}

/* ---- lines: fields between spaces, a digest of what stands before it at the end ---- */

/* Any text as a field: what would end it stands as %XX; an empty one as '%'. */
static void add_field(base_text *out, const char *text) {
    base_text_add(out, " ");
    if (*text == '\0') base_text_add(out, "%");
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (c <= ' ' || c == '%' || c == 0x7F) {
            base_text_printf(out, "%%%02X", c);
        } else {
            base_text_add_bytes(out, text, 1);
        }
    }
}

static void end_line(base_text *out, size_t begin) {
    char hex[33];
    if (out->failed) return;
    base_digest_hex(base_digest_bytes(out->data + begin, out->size - begin), hex);
    base_text_printf(out, " %.*s\n", DIGEST_DIGITS, hex);
}

static int digit_of(char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* In place. */
static void unescape(char *field) {
    char *out = field;
    for (const char *at = field; *at != '\0'; at++) {
        if (*at != '%') {
            *out++ = *at;
        } else if (at[1] != '\0' && digit_of(at[1]) >= 0 && digit_of(at[2]) >= 0) {
            *out++ = (char)(digit_of(at[1]) * 16 + digit_of(at[2]));
            at += 2;
        }
    }
    *out = '\0';
}

/* The fields of the line, which is cut up; 0: its digest does not fit. */
static int split(char *line, char *fields[MAX_FIELDS]) {
    char hex[33];
    char *last = strrchr(line, ' ');
    if (last == NULL) return 0;
    base_digest_hex(base_digest_bytes(line, (size_t)(last - line)), hex);
    if (strlen(last + 1) != DIGEST_DIGITS || strncmp(last + 1, hex, DIGEST_DIGITS) != 0) return 0;
    *last = '\0';
    int n = 0;
    for (char *at = line; at != NULL && n < MAX_FIELDS; n++) {
        char *space = strchr(at, ' ');
        if (space != NULL) *space++ = '\0';
        fields[n] = at;
        at = space;
    }
    for (int i = 0; i < n; i++) unescape(fields[i]);
    return n;
}

/* ---- writing ---- */

static void add_operation(const library_operation *op, base_text *out) {
    char hex[33];
    size_t begin = out->size;
    base_digest_hex(op->content, hex);
    base_text_printf(out, "op %" PRId64 " %" PRId64 " %" PRIo32 " %s", op->size_bytes,
                     op->modified_ns, op->mode, hex);
    add_field(out, op->from);
    add_field(out, op->to);
    end_line(out, begin);
}

static void add_folder(const library_folder *folder, base_text *out) {
    size_t begin = out->size;
    base_text_printf(out, "folder %" PRId64 " %" PRIo32, folder->modified_ns, folder->mode);
    add_field(out, folder->path);
    end_line(out, begin);
}

static void add_made(const char *path, base_text *out) {
    size_t begin = out->size;
    base_text_add(out, "make");
    add_field(out, path);
    end_line(out, begin);
}

static void add_plan(const library_plan *plan, base_text *out) {
    base_text_printf(out, HEAD " %d %s", VERSION, library_action_names[plan->action]);
    add_field(out, plan->settings);
    base_text_printf(out, " %" PRId64 " %" PRId64 " %" PRId64, plan->n_operations, plan->n_folders,
                     plan->n_made);
    end_line(out, 0);
    for (int64_t i = 0; i < plan->n_operations; i++) add_operation(&plan->operations[i], out);
    for (int64_t i = 0; i < plan->n_folders; i++) add_folder(&plan->folders[i], out);
    for (int64_t i = 0; i < plan->n_made; i++) add_made(plan->made[i], out);
}

/* A line that was cut short, by a full disk or an end, gives way to what follows. */
static base_status append(library_journal *journal, const char *text, base_error *err) {
    base_text line = {0};
    base_text_add(&line, text);
    end_line(&line, 0);
    if (line.failed) return no_memory(journal->path, err);
    if (journal->fd < 0) {
        journal->fd = open(journal->path, O_WRONLY | O_CLOEXEC);
        bool ready = journal->fd >= 0 && ftruncate(journal->fd, journal->n_bytes) == 0 &&
                     lseek(journal->fd, 0, SEEK_END) >= 0;
        if (!ready) {
            base_text_release(&line);
            return base_fail_errno(err, errno, "writing %s", journal->path);
        }
    }
    bool written = base_write_all(journal->fd, line.data, line.size);
    int failure = errno;
    if (written) journal->n_bytes += (int64_t)line.size;
    base_text_release(&line);
    if (written) return BASE_OK;
    library_journal_close(journal);
    return base_fail_errno(err, failure, "writing %s", journal->path);
}

base_status library_journal_mark(library_journal *journal, int64_t operation, library_state state,
                                 base_error *err) {
    static const char *const words[] = {"planned", "done", "left", "undone"};
    char line[64];
    snprintf(line, sizeof line, "%s %" PRId64, words[state], operation);
    BASE_TRY(append(journal, line, err));
    journal->states[operation] = (uint8_t)state;
    return BASE_OK;
}

base_status library_journal_finish(library_journal *journal, base_error *err) {
    BASE_TRY(append(journal, "finished", err));
    journal->finished = true;
    return library_journal_sync(journal, err);
}

base_status library_journal_undo(library_journal *journal, base_error *err) {
    BASE_TRY(append(journal, "undo", err));
    journal->undoing = true;
    return library_journal_sync(journal, err);
}

base_status library_journal_sync(library_journal *journal, base_error *err) {
    if (journal->fd < 0 || fsync(journal->fd) == 0) return BASE_OK;
    return base_fail_errno(err, errno, "writing %s", journal->path);
}

void library_journal_close(library_journal *journal) {
    if (journal->fd >= 0) close(journal->fd);
    journal->fd = -1;
}

/* ---- reading ---- */

typedef struct {
    base_arena *arena;
    library_journal *journal;
    library_operation *operations;
    library_folder *folders;
    const char **made;
    int64_t n_operations, n_folders, n_made; /* read so far */
    base_error *err;
} reading;

/* Counts come from the file: none can be larger than the file has bytes. */
static bool read_count(const char *text, int64_t most, int64_t *count) {
    return base_parse_int(text, count) && *count >= 0 && *count <= most;
}

static base_status read_head(reading *r, char **fields, int n, int64_t most) {
    library_plan *plan = &r->journal->plan;
    int64_t version;
    if (n != 7 || strcmp(fields[0], HEAD) != 0 || !base_parse_int(fields[1], &version)) {
        return BASE_EFORMAT;
    }
    if (version != VERSION) {
        return base_fail(r->err, BASE_EFORMAT,
                         "%s: version %" PRId64 ", written by another rimshot", r->journal->path,
                         version);
    }
    int action = 0;
    while (action < LIBRARY_N_ACTIONS && strcmp(fields[2], library_action_names[action]) != 0) {
        action++;
    }
    if (action == LIBRARY_N_ACTIONS || !read_count(fields[4], most, &plan->n_operations) ||
        !read_count(fields[5], most, &plan->n_folders) ||
        !read_count(fields[6], most, &plan->n_made)) {
        return BASE_EFORMAT;
    }
    plan->action = (library_action)action;
    plan->settings = base_arena_string(r->arena, fields[3]);
    r->operations =
        base_arena_alloc(r->arena, (size_t)plan->n_operations + 1, sizeof *r->operations);
    r->folders = base_arena_alloc(r->arena, (size_t)plan->n_folders + 1, sizeof *r->folders);
    r->made = base_arena_alloc(r->arena, (size_t)plan->n_made + 1, sizeof *r->made);
    r->journal->states = base_arena_alloc(r->arena, (size_t)plan->n_operations + 1, 1);
    plan->operations = r->operations;
    plan->folders = r->folders;
    plan->made = r->made;
    bool full = plan->settings != NULL && r->operations != NULL && r->folders != NULL &&
                r->made != NULL && r->journal->states != NULL;
    return full ? BASE_OK : no_memory(r->journal->path, r->err);
}

static bool read_octal(const char *text, uint32_t *mode) {
    char *end;
    unsigned long value = strtoul(text, &end, 8);
    *mode = (uint32_t)value;
    return *text != '\0' && *end == '\0' && value <= 07777;
}

static bool read_digest(const char *text, base_digest *digest) {
    return strlen(text) == 32 &&
           sscanf(text, "%16" SCNx64 "%16" SCNx64, &digest->high, &digest->low) == 2;
}

/* Below the library's folder, and nowhere else. */
static bool is_inside(const char *path) {
    size_t n = strlen(path);
    bool up = strncmp(path, "../", 3) == 0 || strcmp(path, "..") == 0 ||
              strstr(path, "/../") != NULL || (n >= 3 && strcmp(path + n - 3, "/..") == 0);
    return n > 0 && path[0] != '/' && !up;
}

static base_status read_operation(reading *r, char **fields, int n) {
    library_operation *op = &r->operations[r->n_operations];
    bool whole = n == 7 && r->n_operations < r->journal->plan.n_operations &&
                 base_parse_int(fields[1], &op->size_bytes) &&
                 base_parse_int(fields[2], &op->modified_ns) && read_octal(fields[3], &op->mode) &&
                 read_digest(fields[4], &op->content) && fields[5][0] == '/' &&
                 is_inside(fields[6]);
    if (!whole) return BASE_EFORMAT;
    op->from = base_arena_string(r->arena, fields[5]);
    op->to = base_arena_string(r->arena, fields[6]);
    r->n_operations++;
    return op->from != NULL && op->to != NULL ? BASE_OK : no_memory(r->journal->path, r->err);
}

static base_status read_folder(reading *r, char **fields, int n) {
    library_folder *folder = &r->folders[r->n_folders];
    bool whole = n == 4 && r->n_folders < r->journal->plan.n_folders &&
                 base_parse_int(fields[1], &folder->modified_ns) &&
                 read_octal(fields[2], &folder->mode) && fields[3][0] == '/';
    if (!whole) return BASE_EFORMAT;
    folder->path = base_arena_string(r->arena, fields[3]);
    r->n_folders++;
    return folder->path != NULL ? BASE_OK : no_memory(r->journal->path, r->err);
}

static base_status read_made(reading *r, char **fields, int n) {
    if (n != 2 || r->n_made >= r->journal->plan.n_made || fields[1][0] != '/') return BASE_EFORMAT;
    r->made[r->n_made] = base_arena_string(r->arena, fields[1]);
    return r->made[r->n_made++] != NULL ? BASE_OK : no_memory(r->journal->path, r->err);
}

static base_status read_progress(reading *r, char **fields, int n) {
    static const char *const words[] = {"planned", "done", "left", "undone"};
    library_journal *journal = r->journal;
    int64_t operation;
    if (n == 1 && strcmp(fields[0], "finished") == 0) return journal->finished = true, BASE_OK;
    if (n == 1 && strcmp(fields[0], "undo") == 0) return journal->undoing = true, BASE_OK;
    if (n != 2 || !read_count(fields[1], journal->plan.n_operations - 1, &operation)) {
        return BASE_EFORMAT;
    }
    for (int state = LIBRARY_DONE; state <= LIBRARY_UNDONE; state++) {
        if (strcmp(fields[0], words[state]) != 0) continue;
        journal->states[operation] = (uint8_t)state;
        return BASE_OK;
    }
    return BASE_EFORMAT;
}

static base_status read_line(reading *r, char *line, int64_t most) {
    char *fields[MAX_FIELDS];
    int n = split(line, fields);
    if (n == 0) return BASE_EDIGEST;
    if (r->operations == NULL) return read_head(r, fields, n, most);
    if (strcmp(fields[0], "op") == 0) return read_operation(r, fields, n);
    if (strcmp(fields[0], "folder") == 0) return read_folder(r, fields, n);
    if (strcmp(fields[0], "make") == 0) return read_made(r, fields, n);
    return read_progress(r, fields, n);
}

/* The plan appeared whole; of what was appended the last line may be a part. */
static base_status read_lines(reading *r, char *text, size_t n_bytes) {
    const library_plan *plan = &r->journal->plan;
    int64_t number = 1;
    for (char *at = text, *end = text + n_bytes; at < end; number++) {
        char *stop = memchr(at, '\n', (size_t)(end - at));
        if (stop == NULL) break;
        *stop = '\0';
        base_status status = read_line(r, at, (int64_t)n_bytes);
        if (status == BASE_EDIGEST && stop + 1 == end && r->operations != NULL) break;
        if (status == BASE_EDIGEST || (status == BASE_EFORMAT && r->err->text[0] == '\0')) {
            return base_fail(r->err, BASE_EFORMAT, "%s:%" PRId64 ": damaged", r->journal->path,
                             number);
        }
        BASE_TRY(status);
        at = stop + 1;
        r->journal->n_bytes = at - text;
    }
    bool whole = r->operations != NULL && r->n_operations == plan->n_operations &&
                 r->n_folders == plan->n_folders && r->n_made == plan->n_made;
    return whole ? BASE_OK
                 : base_fail(r->err, BASE_EFORMAT, "%s: ends within its plan", r->journal->path);
}

static base_status read_journal(library_journal *journal, base_arena *arena, base_error *err) {
    void *text;
    size_t n_bytes;
    base_error own = {0};
    reading r = {.arena = arena, .journal = journal, .err = err != NULL ? err : &own};
    BASE_TRY(base_file_read(journal->path, (size_t)1 << 30, &text, &n_bytes, r.err));
    r.err->text[0] = '\0';
    base_status status = read_lines(&r, text, n_bytes);
    base_free(text);
    return status;
}

static bool is_journal(const char *path) {
    const char *name = base_path_name(path);
    return strcmp(base_path_extension(name), "journal") == 0 && name[0] >= '0' && name[0] <= '9';
}

/* The files of journals, in the order of their numbers. */
static base_status find_journals(const char *folder, base_arena *arena, base_walk *found,
                                 base_error *err) {
    *found = (base_walk){0};
    const char *own = base_path_join(arena, folder, LIBRARY_JOURNAL_FOLDER);
    if (own == NULL) return no_memory(folder, err);
    if (!base_folder_exists(own)) return BASE_OK;
    BASE_TRY(base_folder_walk(own, is_journal, arena, found, err));
    if (found->n_problems == 0) return BASE_OK;
    return base_fail(err, found->problems[0].status, "%s", found->problems[0].why);
}

base_status library_journals_read(const char *folder, base_arena *arena, library_journal **journals,
                                  int64_t *n_journals, base_error *err) {
    base_walk found;
    BASE_TRY(find_journals(folder, arena, &found, err));
    *n_journals = 0;
    *journals = base_arena_alloc(arena, (size_t)found.n_paths + 1, sizeof **journals);
    if (*journals == NULL) return no_memory(folder, err);
    for (int64_t i = 0; i < found.n_paths; i++) {
        library_journal *journal = &(*journals)[(*n_journals)++];
        *journal = (library_journal){.path = found.paths[i], .fd = -1};
        BASE_TRY(read_journal(journal, arena, err));
    }
    return BASE_OK;
}

/* One more than the last. */
static base_status new_path(const char *folder, base_arena *arena, const char **path,
                            base_error *err) {
    base_walk found;
    BASE_TRY(find_journals(folder, arena, &found, err));
    const char *last = found.n_paths > 0 ? found.paths[found.n_paths - 1] : "";
    int64_t number = strtoll(base_path_name(last), NULL, 10) + 1;
    *path = base_arena_printf(arena, "%s/" LIBRARY_JOURNAL_FOLDER "/%06" PRId64 ".journal", folder,
                              number);
    return *path != NULL ? BASE_OK : no_memory(folder, err);
}

base_status library_journal_write(const char *folder, const library_plan *plan, base_arena *arena,
                                  library_journal *journal, base_error *err) {
    base_text text = {0};
    *journal = (library_journal){.plan = *plan, .fd = -1};
    journal->states = base_arena_alloc(arena, (size_t)plan->n_operations + 1, 1);
    if (journal->states == NULL) return no_memory(folder, err);
    BASE_TRY(new_path(folder, arena, &journal->path, err));
    add_plan(plan, &text);
    journal->n_bytes = (int64_t)text.size;
    base_status status = base_file_write_text(journal->path, &text, err);
    base_text_release(&text);
    return status;
}
