#include "base/leftovers.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/temporary.h"
#include "tests/test.h"

static base_arena arena;
static base_error err;

static const char *in(const char *folder, const char *name) {
    return base_path_join(&arena, folder, name);
}

static int count_entries(const char *folder) {
    DIR *stream = opendir(folder);
    ck_assert_ptr_nonnull(stream);
    int n = -2; /* "." and ".." */
    while (readdir(stream) != NULL) n++;
    closedir(stream);
    return n;
}

static void make_file(const char *path) {
    TEST_OK(base_file_write(path, "x", 1, &err), err);
}

/* As kill -9 does: a file and a folder that nobody holds any more. */
static void leave_behind(const char *folder) {
    pid_t process = fork();
    ck_assert_int_ge(process, 0);
    if (process == 0) {
        base_temporary file, made;
        bool done = base_temporary_file(folder, 0600, &arena, &file, &err) == BASE_OK &&
                    base_temporary_folder(folder, &arena, &made, &err) == BASE_OK &&
                    base_file_write(in(made.path, "part"), "x", 1, &err) == BASE_OK;
        _exit(done ? 0 : 1);
    }
    int status;
    ck_assert_int_eq(waitpid(process, &status, 0), process);
    ck_assert_int_eq(status, 0);
}

START_TEST(what_the_dead_left_is_removed) {
    const char *folder = test_folder(), *below = in(folder, "fold1/epochs");
    TEST_OK(base_folder_make(below, &err), err);
    leave_behind(folder);
    leave_behind(below);
    ck_assert_int_eq(count_entries(folder), 3);
    base_leftovers_remove(folder, false);
    ck_assert_int_eq(count_entries(folder), 1);
    ck_assert_int_eq(count_entries(below), 2);
    base_leftovers_remove(folder, true);
    ck_assert_int_eq(count_entries(below), 0);
    base_leftovers_remove(in(folder, "none"), true);
}
END_TEST

START_TEST(what_is_held_stays) {
    const char *folder = test_folder();
    base_temporary file, made;
    TEST_OK(base_temporary_file(folder, 0600, &arena, &file, &err), err);
    TEST_OK(base_temporary_folder(folder, &arena, &made, &err), err);
    base_leftovers_remove(folder, true);
    ck_assert_int_eq(count_entries(folder), 2);
    base_temporary_close(&file);
    base_leftovers_remove(folder, true);
    ck_assert_int_eq(count_entries(folder), 1);
    base_temporary_close(&made);
    base_leftovers_remove(folder, true);
    ck_assert_int_eq(count_entries(folder), 0);
}
END_TEST

/* Names that are not quite ours, links, and what links lead to. */
START_TEST(nothing_else_is_removed) {
    const char *folder = test_folder(), *other = test_folder();
    static const char *const names[] = {".rimshot-",
                                        ".rimshot-0123456789abcde",
                                        ".rimshot-0123456789abcdeg",
                                        ".rimshot-0123456789abcdef0",
                                        "rimshot-0123456789abcdef",
                                        ".rimshot-web-17",
                                        "model.h5"};
    enum { N = sizeof names / sizeof *names };
    for (int i = 0; i < N; i++) make_file(in(folder, names[i]));
    make_file(in(other, ".rimshot-0123456789abcdef"));
    ck_assert_int_eq(symlink(other, in(folder, ".rimshot-0000000000000000")), 0);
    ck_assert_int_eq(symlink(other, in(folder, "link")), 0);
    ck_assert_int_eq(mkfifo(in(folder, ".rimshot-1111111111111111"), 0600), 0);
    base_leftovers_remove(folder, true);
    ck_assert_int_eq(count_entries(folder), N + 3);
    ck_assert_int_eq(count_entries(other), 1);
}
END_TEST

TEST_MAIN("base/leftovers", what_the_dead_left_is_removed, what_is_held_stays,
          nothing_else_is_removed)
