#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/fail_reads.h"
#include "tests/test.h"

static base_arena arena;

static const char *in(const char *folder, const char *name) {
    return base_path_join(&arena, folder, name);
}

static void write_file(const char *folder, const char *name, const char *content) {
    base_error err;
    TEST_OK(base_file_write(in(folder, name), content, strlen(content), &err), err);
}

static void check_content(const char *path, const char *expected) {
    void *data;
    size_t n;
    base_error err;
    TEST_OK(base_file_read(path, 0, &data, &n, &err), err);
    ck_assert_uint_eq(n, strlen(expected));
    ck_assert_str_eq(data, expected);
    base_free(data);
}

START_TEST(views_show_what_is_read_and_what_is_mapped) {
    const char *folder = test_folder(), *a = in(folder, "a");
    base_file_view view;
    base_error err;
    write_file(folder, "a", "some bytes");
    for (size_t from = 10; from <= 11; from++) {
        TEST_OK(base_file_view_open(a, from, &view, &err), err);
        ck_assert_int_eq(view.mapped, from == 10);
        ck_assert_uint_eq(view.n_bytes, 10);
        ck_assert_mem_eq(view.data, "some bytes", 10);
        write_file(folder, "a", "other bytes"); /* another file by that name */
        ck_assert_mem_eq(view.data, "some bytes", 10);
        base_file_view_release(&view);
        write_file(folder, "a", "some bytes");
    }
    write_file(folder, "a", "");
    TEST_OK(base_file_view_open(a, 0, &view, &err), err);
    ck_assert(!view.mapped && view.n_bytes == 0);
    base_file_view_release(&view);
    base_file_view_release(&view);
    base_file_view_release(NULL);
    TEST_FAILS(base_file_view_open(folder, 0, &view, &err), BASE_EIO, err, "not a regular file");
    TEST_FAILS(base_file_view_open(in(folder, "b"), 0, &view, &err), BASE_ENOTFOUND, err, "b");
}
END_TEST

START_TEST(files_are_written_and_read) {
    const char *folder = test_folder();
    write_file(folder, "a", "first");
    check_content(in(folder, "a"), "first");
    write_file(folder, "a", "");
    check_content(in(folder, "a"), "");
    base_text text = {0};
    base_text_add(&text, "from text");
    base_error err;
    TEST_OK(base_file_write_text(in(folder, "a"), &text, &err), err);
    check_content(in(folder, "a"), "from text");
    text.failed = true;
    TEST_FAILS(base_file_write_text(in(folder, "a"), &text, &err), BASE_EMEMORY, err, "memory");
    check_content(in(folder, "a"), "from text");
    base_text_release(&text);
    struct stat info;
    ck_assert_int_eq(stat(in(folder, "a"), &info), 0);
    mode_t mask = umask(0);
    umask(mask);
    ck_assert_uint_eq(info.st_mode & 0777, 0666 & ~mask);
}
END_TEST

START_TEST(an_empty_folder_is_told_from_others) {
    base_error err;
    const char *folder = in(test_folder(), "maybe");
    ck_assert(!base_folder_is_empty(folder));
    TEST_OK(base_folder_make(folder, &err), err);
    ck_assert(base_folder_is_empty(folder));
    TEST_OK(base_file_write(in(folder, ".hidden"), "", 0, &err), err);
    ck_assert(!base_folder_is_empty(folder));
    ck_assert(!base_folder_is_empty(in(folder, ".hidden")));
}
END_TEST

/* Everything in a folder, hidden or not. */
static int count_entries(const char *folder) {
    char *command = base_arena_printf(&arena, "ls -A '%s' | wc -l", folder);
    FILE *pipe = popen(command, "r");
    int n = -1;
    ck_assert_ptr_nonnull(pipe);
    ck_assert_int_eq(fscanf(pipe, "%d", &n), 1);
    pclose(pipe);
    return n;
}

START_TEST(failed_writes_leave_nothing_behind) {
    const char *folder = test_folder();
    base_error err;
    TEST_FAILS(base_file_write(in(folder, "none/x"), "a", 1, &err), BASE_ENOTFOUND, err, "none/x");
    TEST_OK(base_folder_make(in(folder, "taken/full"), &err), err);
    TEST_FAILS(base_file_write(in(folder, "taken"), "a", 1, &err), BASE_EIO, err, "taken");
    ck_assert_int_eq(count_entries(folder), 1);
    write_file(folder, "good", "x");
    ck_assert_int_eq(count_entries(folder), 2);
}
END_TEST

/* A file renamed over it would take its place. */
START_TEST(a_pipe_stays_a_pipe) {
    const char *folder = test_folder(), *pipe = in(folder, "pipe");
    base_error err;
    struct stat info;
    ck_assert_int_eq(mkfifo(pipe, 0600), 0);
    TEST_FAILS(base_file_write(pipe, "x", 1, &err), BASE_EEXISTS, err, "not a regular file");
    ck_assert_int_eq(stat(pipe, &info), 0);
    ck_assert(S_ISFIFO(info.st_mode));
    ck_assert_int_eq(count_entries(folder), 1);
}
END_TEST

static int mode_of(const char *path) {
    struct stat info;
    ck_assert_int_eq(lstat(path, &info), 0);
    return (int)(info.st_mode & 07777);
}

/* As if it had been written in place: by the umask where there was none, else by the file's own. */
START_TEST(files_keep_the_permissions_they_are_given) {
    static const int modes[] = {0600, 0640, 0666, 0444, 0755};
    const char *folder = test_folder(), *file = in(folder, "a");
    mode_t before = umask(027);
    write_file(folder, "a", "new");
    ck_assert_int_eq(mode_of(file), 0640);
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        ck_assert_int_eq(chmod(file, (mode_t)modes[i]), 0);
        write_file(folder, "a", "again");
        ck_assert_int_eq(mode_of(file), modes[i]);
    }
    umask(before);
}
END_TEST

START_TEST(a_link_is_replaced_and_not_followed) {
    const char *folder = test_folder(), *link = in(folder, "link");
    write_file(folder, "own", "untouched");
    ck_assert_int_eq(symlink("own", link), 0);
    write_file(folder, "link", "new");
    check_content(in(folder, "own"), "untouched");
    check_content(link, "new");
    ck_assert_int_eq(count_entries(folder), 2);
}
END_TEST

START_TEST(renaming_keeps_the_permissions_too) {
    const char *folder = test_folder(), *file = in(folder, "a");
    base_error err;
    write_file(folder, "a", "old");
    write_file(folder, "b", "new");
    ck_assert_int_eq(chmod(file, 0600), 0);
    TEST_OK(base_file_rename(in(folder, "b"), file, &err), err);
    check_content(file, "new");
    ck_assert_int_eq(mode_of(file), 0600);
    TEST_FAILS(base_file_rename(in(folder, "b"), file, &err), BASE_ENOTFOUND, err, "writing");
}
END_TEST

START_TEST(reading_refuses_what_is_no_file) {
    const char *folder = test_folder();
    void *data;
    size_t n;
    base_error err;
    TEST_FAILS(base_file_read(in(folder, "none"), 0, &data, &n, &err), BASE_ENOTFOUND, err,
               "none: No such file");
    TEST_FAILS(base_file_read(folder, 0, &data, &n, &err), BASE_EIO, err, "not a regular file");
    ck_assert_int_eq(mkfifo(in(folder, "pipe"), 0600), 0);
    TEST_FAILS(base_file_read(in(folder, "pipe"), 0, &data, &n, &err), BASE_EIO, err,
               "not a regular file");
    write_file(folder, "large", "12345");
    TEST_FAILS(base_file_read(in(folder, "large"), 4, &data, &n, &err), BASE_EDATA, err,
               "5 bytes, more than the 4 allowed");
    ck_assert_ptr_null(data);
    TEST_OK(base_file_read(in(folder, "large"), 5, &data, &n, &err), err);
    base_free(data);
}
END_TEST

START_TEST(existence_tells_files_from_folders) {
    const char *folder = test_folder();
    write_file(folder, "f", "");
    ck_assert(base_file_exists(in(folder, "f")));
    ck_assert(!base_folder_exists(in(folder, "f")));
    ck_assert(base_folder_exists(folder));
    ck_assert(!base_file_exists(folder));
    ck_assert(!base_file_exists(in(folder, "none")));
}
END_TEST

START_TEST(a_stamp_follows_size_and_time) {
    const char *folder = test_folder();
    base_file_stamp stamp = {-1, -1};
    const struct timespec times[2] = {{.tv_sec = 7}, {.tv_sec = 3, .tv_nsec = 20}};
    ck_assert(!base_file_stat(in(folder, "none"), &stamp));
    ck_assert(!base_file_stat(folder, &stamp));
    ck_assert_int_eq(stamp.size_bytes, -1);
    write_file(folder, "file", "four");
    ck_assert_int_eq(utimensat(AT_FDCWD, in(folder, "file"), times, 0), 0);
    ck_assert(base_file_stat(in(folder, "file"), &stamp));
    ck_assert_int_eq(stamp.size_bytes, 4);
    ck_assert_int_eq(stamp.modified_ns, 3000000020);
}
END_TEST

START_TEST(folders_are_made_and_removed) {
    const char *folder = test_folder();
    base_error err;
    TEST_OK(base_folder_make(in(folder, "a/b//c/"), &err), err);
    TEST_OK(base_folder_make(in(folder, "a/b/c"), &err), err);
    ck_assert(base_folder_exists(in(folder, "a/b/c")));
    write_file(folder, "a/file", "x");
    write_file(folder, "kept", "x");
    TEST_FAILS(base_folder_make(in(folder, "a/file"), &err), BASE_EEXISTS, err, "a/file");
    TEST_FAILS(base_folder_make(in(folder, "a/file/x"), &err), BASE_EEXISTS, err, "a/file");
    ck_assert_int_eq(symlink(folder, in(folder, "a/up")), 0);
    TEST_OK(base_folder_remove(in(folder, "a"), &err), err);
    ck_assert(!base_folder_exists(in(folder, "a")));
    check_content(in(folder, "kept"), "x");
    TEST_OK(base_folder_remove(in(folder, "a"), &err), err);
    TEST_FAILS(base_folder_remove(in(folder, "kept"), &err), BASE_EIO, err, "kept");
    TEST_FAILS(base_folder_make("", &err), BASE_ENOTFOUND, err, "folder");
}
END_TEST

START_TEST(paths_are_taken_apart) {
    ck_assert_str_eq(base_path_join(&arena, "a", "b"), "a/b");
    ck_assert_str_eq(base_path_join(&arena, "a/", "b"), "a/b");
    ck_assert_str_eq(base_path_join(&arena, "", "b"), "b");
    ck_assert_str_eq(base_path_join(&arena, "a", "/b"), "/b");
    ck_assert_str_eq(base_path_folder(&arena, "a/b/c"), "a/b");
    ck_assert_str_eq(base_path_folder(&arena, "a//c"), "a");
    ck_assert_str_eq(base_path_folder(&arena, "c"), ".");
    ck_assert_str_eq(base_path_folder(&arena, "/c"), "/");
    ck_assert_str_eq(base_path_name("a/b.wav"), "b.wav");
    ck_assert_str_eq(base_path_name("b"), "b");
    ck_assert_str_eq(base_path_extension("a.b/c.tar.gz"), "gz");
    ck_assert_str_eq(base_path_extension("a.b/c"), "");
    ck_assert_str_eq(base_path_extension("a/.hidden"), "");
    ck_assert_str_eq(base_path_extension("a/x."), "");
}
END_TEST

START_TEST(ways_between_folders_are_found) {
    static const struct {
        const char *from, *to, *way;
    } rows[] = {{"a/b", "a/b", "."},      {"a/b", "a/c", "../c"},    {"a/b", "a", ".."},
                {"a", "a/b", "b"},        {"a/b", "ab", "../../ab"}, {"ab", "a/b", "../a/b"},
                {"a/link", "a/c", "../c"}};
    base_error err;
    const char *folder = test_folder(), *way;
    for (int i = 0; i < 2; i++) {
        TEST_OK(base_folder_make(base_path_join(&arena, folder, i ? "a/c" : "a/b"), &err), err);
    }
    TEST_OK(base_folder_make(base_path_join(&arena, folder, "ab"), &err), err);
    ck_assert_int_eq(symlink("b", base_path_join(&arena, folder, "a/link")), 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        TEST_OK(base_path_between(base_path_join(&arena, folder, rows[i].from),
                                  base_path_join(&arena, folder, rows[i].to), &arena, &way, &err),
                err);
        ck_assert_str_eq(way, rows[i].way);
    }
    TEST_OK(base_path_between("/", "/usr", &arena, &way, &err), err);
    ck_assert_str_eq(way, "usr");
    TEST_OK(base_path_between("/usr", "/", &arena, &way, &err), err);
    ck_assert_str_eq(way, "..");
    TEST_FAILS(base_path_between(folder, "no/such", &arena, &way, &err), BASE_ENOTFOUND, err,
               "no/such");
}
END_TEST

START_TEST(the_cache_has_its_place) {
    setenv("RIMSHOT_CACHE", "/own", 1);
    setenv("XDG_CACHE_HOME", "/xdg", 1);
    setenv("HOME", "/home/me", 1);
    ck_assert_str_eq(base_path_cache(&arena), "/own");
    unsetenv("RIMSHOT_CACHE");
    ck_assert_str_eq(base_path_cache(&arena), "/xdg/rimshot");
    setenv("XDG_CACHE_HOME", "relative", 1); /* to be ignored, says the XDG specification */
    ck_assert_str_eq(base_path_cache(&arena), "/home/me/.cache/rimshot");
    unsetenv("HOME");
    ck_assert_ptr_null(base_path_cache(&arena));
    setenv("HOME", "relative", 1);
    ck_assert_ptr_null(base_path_cache(&arena));
}
END_TEST

START_TEST(digests_are_xxh3) {
    char hex[33];
    base_digest empty = base_digest_bytes("", 0), a = base_digest_bytes("abc", 3);
    base_digest_hex(empty, hex);
    ck_assert_str_eq(hex, "99aa06d3014798d86001c324468d497f"); /* xxhsum -H2 */
    base_digest_hex(a, hex);
    ck_assert_str_eq(hex, "06b05ab6733a618578af5f94892f3950");
    ck_assert(base_digest_equal(a, base_digest_bytes("abc", 3)));
    ck_assert(!base_digest_equal(a, empty));
    base_digest joined = base_digest_join(a, empty);
    ck_assert(!base_digest_equal(joined, base_digest_join(empty, a)));
    uint64_t words[4] = {a.low, a.high, empty.low, empty.high};
    unsigned char bytes[32];
    for (int i = 0; i < 32; i++) bytes[i] = (unsigned char)(words[i / 8] >> 8 * (i % 8));
    ck_assert(base_digest_equal(joined, base_digest_bytes(bytes, sizeof bytes)));
}
END_TEST

START_TEST(digests_of_pieces_are_those_of_the_whole) {
    unsigned char bytes[3000];
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (unsigned char)(i * i >> 3);
    base_hasher *hasher = base_hasher_new();
    ck_assert_ptr_nonnull(hasher);
    ck_assert(base_digest_equal(base_hasher_digest(hasher), base_digest_bytes("", 0)));
    for (size_t n = 0, step = 1; n < sizeof bytes; n += step, step = step % 700 + 13) {
        if (step > sizeof bytes - n) step = sizeof bytes - n;
        base_hasher_add(hasher, bytes + n, step);
        ck_assert(
            base_digest_equal(base_hasher_digest(hasher), base_digest_bytes(bytes, n + step)));
    }
    base_hasher_free(hasher);
    base_hasher_free(NULL);
}
END_TEST

START_TEST(a_failed_read_is_no_short_file) {
    base_error err;
    const char *path = base_path_join(&arena, test_folder(), "words.txt");
    void *data;
    size_t n;
    TEST_OK(base_file_write(path, "words", 5, &err), err);
    for (long attempt = 1; attempt <= 2; attempt++) { /* opening, reading */
        fail_reads_arm("words.txt", attempt, EIO);
        TEST_FAILS(base_file_read(path, 0, &data, &n, &err), BASE_EIO, err,
                   "words.txt: Input/output");
        fail_reads_arm("words.txt", attempt, EINTR);
        TEST_OK(base_file_read(path, 0, &data, &n, &err), err);
        ck_assert_mem_eq(data, "words", 6);
        base_free(data);
    }
    fail_reads_arm("words.txt", 2, FAIL_READS_SHORT);
    TEST_OK(base_file_read(path, 0, &data, &n, &err), err);
    ck_assert_mem_eq(data, "words", 6);
    base_free(data);
    fail_reads_arm("words.txt", 2, FAIL_READS_END);
    TEST_FAILS(base_file_read(path, 0, &data, &n, &err), BASE_EIO, err,
               "words.txt: ended at byte 0 of 5 while it was read");
    fail_reads_disarm();
}
END_TEST

TEST_MAIN("base/file", views_show_what_is_read_and_what_is_mapped, files_are_written_and_read,
          an_empty_folder_is_told_from_others, failed_writes_leave_nothing_behind,
          a_pipe_stays_a_pipe, files_keep_the_permissions_they_are_given,
          a_link_is_replaced_and_not_followed, renaming_keeps_the_permissions_too,
          reading_refuses_what_is_no_file, existence_tells_files_from_folders,
          a_stamp_follows_size_and_time, folders_are_made_and_removed, paths_are_taken_apart,
          ways_between_folders_are_found, the_cache_has_its_place, digests_are_xxh3,
          digests_of_pieces_are_those_of_the_whole, a_failed_read_is_no_short_file)
