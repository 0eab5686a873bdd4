#include "base/walk.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "tests/test.h"

static base_arena arena;
static base_error err;

static const char *in(const char *folder, const char *name) {
    return base_path_join(&arena, folder, name);
}

static void write_file(const char *folder, const char *name) {
    TEST_OK(base_file_write(in(folder, name), "", 0, &err), err);
}

static bool is_wav(const char *path) {
    return strcmp(base_path_extension(path), "wav") == 0;
}

static const char *without(const char *folder, const char *path) {
    ck_assert_int_eq(strncmp(path, folder, strlen(folder)), 0);
    return path + strlen(folder);
}

/* "/paths /found | /PROBLEM: why | notes", without the folder. */
static const char *walked(const char *folder, base_walk_filter *wanted) {
    base_walk found;
    base_text text = {0};
    TEST_OK(base_folder_walk(folder, wanted, &arena, &found, &err), err);
    for (int64_t i = 0; i < found.n_paths; i++) {
        base_text_printf(&text, "%s ", without(folder, found.paths[i]));
    }
    for (int64_t i = 0; i < found.n_problems; i++) {
        ck_assert_int_ne(found.problems[i].status, BASE_OK);
        base_text_printf(&text, "| %s ", without(folder, found.problems[i].why));
    }
    for (int64_t i = 0; i < found.n_repeats; i++) {
        base_text_printf(&text, "| %s ", without(folder, found.repeats[i]));
    }
    const char *copy = base_arena_string(&arena, base_text_string(&text));
    base_text_release(&text);
    return copy;
}

START_TEST(walks_are_sorted_and_skip_hidden_names) {
    const char *folder = test_folder();
    ck_assert_str_eq(walked(folder, NULL), "");
    TEST_OK(base_folder_make(in(folder, "b/deep"), &err), err);
    TEST_OK(base_folder_make(in(folder, ".git"), &err), err);
    write_file(folder, "c");
    write_file(folder, "B");
    write_file(folder, "b/z.wav");
    write_file(folder, "b/deep/x");
    write_file(folder, ".hidden");
    write_file(folder, ".git/x");
    ck_assert_str_eq(walked(folder, NULL), "/B /b/deep/x /b/z.wav /c ");
    ck_assert_str_eq(walked(folder, is_wav), "/b/z.wav ");
}
END_TEST

START_TEST(walks_follow_links_once) {
    const char *folder = test_folder(), *elsewhere = test_folder();
    TEST_OK(base_folder_make(in(folder, "m"), &err), err);
    write_file(folder, "m/x");
    write_file(elsewhere, "far");
    ck_assert_int_eq(symlink("..", in(folder, "m/cycle")), 0);
    ck_assert_int_eq(symlink("../m", in(folder, "m/inner")), 0);
    ck_assert_int_eq(symlink(elsewhere, in(folder, "n")), 0);
    ck_assert_int_eq(symlink("m/x", in(folder, "zlink")), 0);
    ck_assert_str_eq(walked(folder, NULL), "/m/x /n/far /zlink ");
    ck_assert_int_eq(symlink(elsewhere, in(folder, "o")), 0);
    base_walk found;
    TEST_OK(base_folder_walk(folder, NULL, &arena, &found, &err), err);
    ck_assert_int_eq(found.n_paths, 3);
    ck_assert_int_eq(found.n_problems, 0);
    ck_assert_int_eq(found.n_repeats, 1);
    const char *note =
        base_arena_printf(&arena, "%s/o is the same folder as %s/n: ", folder, folder);
    ck_assert_int_eq(strncmp(found.repeats[0], note, strlen(note)), 0);
}
END_TEST

/* Each folder has two links to the next: 2^40 ways, 40 folders. */
START_TEST(links_do_not_multiply) {
    const char *folder = test_folder();
    enum { N = 40 };
    for (int i = 0; i < N; i++) {
        const char *here = base_arena_printf(&arena, "%s/%02d", folder, i);
        const char *next = base_arena_printf(&arena, "../%02d", (i + 1) % N);
        TEST_OK(base_folder_make(here, &err), err);
        write_file(here, "x");
        ck_assert_int_eq(symlink(next, in(here, "a")), 0);
        ck_assert_int_eq(symlink(next, in(here, "b")), 0);
    }
    base_walk found;
    TEST_OK(base_folder_walk(folder, NULL, &arena, &found, &err), err);
    ck_assert_int_eq(found.n_paths, N);
    ck_assert_int_eq(found.n_problems, 0);
}
END_TEST

START_TEST(what_is_no_file_is_named_if_it_is_wanted) {
    const char *folder = test_folder();
    ck_assert_int_eq(symlink("nowhere", in(folder, "a.wav")), 0);
    ck_assert_int_eq(symlink("b.wav", in(folder, "b.wav")), 0);
    ck_assert_int_eq(mkfifo(in(folder, "c.wav"), 0600), 0);
    ck_assert_int_eq(symlink("/dev/null", in(folder, "d.wav")), 0);
    ck_assert_int_eq(symlink("nowhere", in(folder, "dangling")), 0);
    ck_assert_int_eq(mkfifo(in(folder, "pipe"), 0600), 0);
    write_file(folder, "e.wav");
    ck_assert_str_eq(walked(folder, is_wav), "/e.wav | /a.wav: a link that leads nowhere "
                                             "| /b.wav: a link that leads nowhere "
                                             "| /c.wav: a pipe, a socket or a device, not a file "
                                             "| /d.wav: a pipe, a socket or a device, not a file ");
}
END_TEST

/* Folders within each other, until their path is longer than the system opens. */
static void make_deep(const char *folder) {
    char name[201];
    memset(name, 'd', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    int at = open(folder, O_RDONLY | O_DIRECTORY);
    for (int i = 0; i < 30; i++) {
        ck_assert_int_eq(mkdirat(at, name, 0700), 0);
        int below = openat(at, name, O_RDONLY | O_DIRECTORY);
        ck_assert_int_ge(below, 0);
        close(at);
        at = below;
        int file = openat(at, "x.wav", O_WRONLY | O_CREAT, 0600);
        ck_assert_int_ge(file, 0);
        close(file);
    }
    close(at);
}

static void remove_deep(const char *folder) {
    char *command = base_arena_printf(&arena, "rm -r '%s'", folder);
    ck_assert_int_eq(system(command), 0);
}

START_TEST(paths_that_are_too_long_are_named) {
    const char *folder = test_folder();
    TEST_OK(base_folder_make(in(folder, "a"), &err), err);
    make_deep(in(folder, "a"));
    write_file(folder, "b.wav");
    base_walk found;
    TEST_OK(base_folder_walk(folder, is_wav, &arena, &found, &err), err);
    ck_assert_int_gt(found.n_paths, 10);
    ck_assert_str_eq(without(folder, found.paths[found.n_paths - 1]), "/b.wav");
    ck_assert_int_eq(found.n_problems, 1);
    ck_assert_uint_gt(strlen(found.problems[0].path), 4000);
    ck_assert_ptr_nonnull(strstr(found.problems[0].why, "...: File name too long"));
    remove_deep(in(folder, "a"));
}
END_TEST

START_TEST(walks_name_what_they_cannot_read) {
    const char *folder = test_folder();
    base_walk found;
    TEST_FAILS(base_folder_walk(in(folder, "none"), NULL, &arena, &found, &err), BASE_ENOTFOUND,
               err, "none");
    write_file(folder, "file");
    TEST_FAILS(base_folder_walk(in(folder, "file"), NULL, &arena, &found, &err), BASE_EIO, err,
               "file: Not a directory");
    TEST_OK(base_folder_make(in(folder, "shut"), &err), err);
    write_file(folder, "wide");
    if (geteuid() == 0) return; /* nothing is shut to root */
    ck_assert_int_eq(chmod(in(folder, "shut"), 0), 0);
    ck_assert_str_eq(walked(folder, NULL), "/file /wide | /shut: Permission denied ");
    TEST_FAILS(base_folder_walk(in(folder, "shut"), NULL, &arena, &found, &err), BASE_EIO, err,
               "shut");
    chmod(in(folder, "shut"), 0700);
}
END_TEST

START_TEST(sub_folders_are_listed) {
    const char *folder = test_folder();
    TEST_OK(base_folder_make(in(folder, "snare/x"), &err), err);
    TEST_OK(base_folder_make(in(folder, "kick"), &err), err);
    TEST_OK(base_folder_make(in(folder, ".git"), &err), err);
    write_file(folder, "file");
    const char **names;
    int64_t n;
    TEST_OK(base_folder_list(folder, &arena, &names, &n, &err), err);
    ck_assert_int_eq(n, 2);
    ck_assert_str_eq(names[0], "kick");
    ck_assert_str_eq(names[1], "snare");
}
END_TEST

TEST_MAIN("base/walk", walks_are_sorted_and_skip_hidden_names, walks_follow_links_once,
          links_do_not_multiply, what_is_no_file_is_named_if_it_is_wanted,
          paths_that_are_too_long_are_named, walks_name_what_they_cannot_read,
          sub_folders_are_listed)
