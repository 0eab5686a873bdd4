#include "infer/library/operation.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <unistd.h>

#include "tests/sound.h"
#include "tests/test.h"

enum { OLD_S = 1000000000 };

static base_error err;
static base_arena arena;

static const char *in(const char *folder, const char *name) {
    return base_path_join(&arena, folder, name);
}

static void set_time(const char *path, int64_t seconds) {
    const struct timespec times[2] = {{seconds + 7, 5}, {seconds, 123456789}};
    ck_assert_int_eq(utimensat(AT_FDCWD, path, times, 0), 0);
}

/* folder/from/a.wav with a time and permissions of its own, and a folder "to". */
static library_operation make(const char *folder) {
    library_operation op = {.from = sound_write_text(&arena, folder, "from/a.wav", "some bytes"),
                            .to = "to/b.wav"};
    TEST_OK(base_folder_make(in(folder, "to"), &err), err);
    set_time(op.from, OLD_S);
    ck_assert_int_eq(chmod(op.from, 0640), 0);
    TEST_OK(library_operation_look(op.from, &op, &err), err);
    TEST_OK(library_digest_file(op.from, &op.content, &err), err);
    ck_assert_int_eq(op.size_bytes, 10);
    ck_assert_int_eq(op.modified_ns, (int64_t)OLD_S * 1000000000 + 123456789);
    return op;
}

/* As it was planned: bytes, permissions, time. */
static void is_as_planned(const char *path, const library_operation *op) {
    library_operation now;
    TEST_OK(library_operation_look(path, &now, &err), err);
    TEST_OK(library_digest_file(path, &now.content, &err), err);
    ck_assert_int_eq(now.size_bytes, op->size_bytes);
    ck_assert_int_eq(now.modified_ns, op->modified_ns);
    ck_assert_uint_eq(now.mode, op->mode);
    ck_assert(base_digest_equal(now.content, op->content));
}

static bool exists(const char *path) {
    struct stat info;
    return lstat(path, &info) == 0;
}

static const library_action actions[] = {LIBRARY_COPY, LIBRARY_MOVE, LIBRARY_HARDLINK,
                                         LIBRARY_SYMLINK};
enum { N_ACTIONS = sizeof actions / sizeof *actions };

START_TEST(there_and_back_as_often_as_one_likes) {
    for (int a = 0; a < N_ACTIONS; a++) {
        const char *folder = test_folder(), *to = in(folder, "to/b.wav");
        library_operation op = make(folder);
        for (int i = 0; i < 2; i++) {
            TEST_OK(library_operation_do(folder, actions[a], &op, &err), err);
            is_as_planned(to, &op);
            ck_assert_int_eq(exists(op.from), actions[a] != LIBRARY_MOVE);
        }
        for (int i = 0; i < 2; i++) {
            TEST_OK(library_operation_undo(folder, actions[a], &op, &err), err);
            is_as_planned(op.from, &op);
            ck_assert(!exists(to));
        }
        ck_assert(base_folder_is_empty(in(folder, "to"))); /* no temporary files either */
        base_folder_remove(in(folder, "from"), &err);
        base_folder_remove(in(folder, "to"), &err);
    }
}
END_TEST

START_TEST(links_are_links) {
    struct stat a, b;
    const char *folder = test_folder(), *to = in(folder, "to/b.wav");
    library_operation op = make(folder);
    TEST_OK(library_operation_do(folder, LIBRARY_HARDLINK, &op, &err), err);
    ck_assert_int_eq(stat(op.from, &a), 0);
    ck_assert_int_eq(stat(to, &b), 0);
    ck_assert_uint_eq(a.st_ino, b.st_ino);
    TEST_OK(library_operation_undo(folder, LIBRARY_HARDLINK, &op, &err), err);
    TEST_OK(library_operation_do(folder, LIBRARY_SYMLINK, &op, &err), err);
    ck_assert_int_eq(lstat(to, &b), 0);
    ck_assert(S_ISLNK(b.st_mode));
}
END_TEST

START_TEST(nothing_is_overwritten) {
    for (int a = 0; a < N_ACTIONS; a++) {
        const char *folder = test_folder();
        library_operation op = make(folder);
        sound_write_text(&arena, folder, "to/b.wav", "other bytes");
        TEST_FAILS(library_operation_do(folder, actions[a], &op, &err), BASE_EEXISTS, err,
                   "to/b.wav: not replaced by");
        is_as_planned(op.from, &op);
        ck_assert_int_eq(base_file_size(in(folder, "to/b.wav")), 11);
        unlink(in(folder, "to/b.wav"));
        /* and on the way back */
        TEST_OK(library_operation_do(folder, LIBRARY_MOVE, &op, &err), err);
        sound_write_text(&arena, folder, "from/a.wav", "new");
        TEST_FAILS(library_operation_undo(folder, LIBRARY_MOVE, &op, &err), BASE_EEXISTS, err,
                   "from/a.wav: not replaced by");
        ck_assert_int_eq(base_file_size(op.from), 3);
        is_as_planned(in(folder, "to/b.wav"), &op);
        unlink(in(folder, "to/b.wav"));
    }
}
END_TEST

START_TEST(what_changed_or_vanished_is_left) {
    for (int a = 0; a < N_ACTIONS; a++) {
        const char *folder = test_folder(), *to = in(folder, "to/b.wav");
        library_operation op = make(folder);
        sound_write_text(&arena, folder, "from/a.wav", "same sized");
        TEST_FAILS(library_operation_do(folder, actions[a], &op, &err), BASE_EMISMATCH, err,
                   "from/a.wav: changed since it was looked at");
        ck_assert(!exists(to));
        unlink(op.from);
        TEST_FAILS(library_operation_do(folder, actions[a], &op, &err), BASE_ENOTFOUND, err,
                   "from/a.wav: No such file");
        ck_assert(base_folder_is_empty(in(folder, "to")));
    }
}
END_TEST

/* Bytes that changed under the same size and time are seen by what is copied. */
START_TEST(bytes_are_compared_with_the_plan) {
    const char *folder = test_folder();
    library_operation op = make(folder);
    sound_write_text(&arena, folder, "from/a.wav", "SOME BYTES");
    set_time(op.from, OLD_S);
    TEST_FAILS(library_operation_do(folder, LIBRARY_COPY, &op, &err), BASE_EMISMATCH, err,
               "changed since");
    ck_assert(base_folder_is_empty(in(folder, "to")));
}
END_TEST

START_TEST(undo_leaves_what_was_worked_on) {
    const char *folder = test_folder(), *to = in(folder, "to/b.wav");
    library_operation op = make(folder);
    TEST_OK(library_operation_do(folder, LIBRARY_COPY, &op, &err), err);
    sound_write_text(&arena, folder, "to/b.wav", "SOME BYTES");
    TEST_FAILS(library_operation_undo(folder, LIBRARY_COPY, &op, &err), BASE_EMISMATCH, err,
               "to/b.wav: changed since");
    unlink(to);
    TEST_OK(library_operation_do(folder, LIBRARY_COPY, &op, &err), err);
    unlink(op.from); /* now the copy is the only one */
    TEST_FAILS(library_operation_undo(folder, LIBRARY_COPY, &op, &err), BASE_ENOTFOUND, err,
               "to/b.wav: its original is gone");
    is_as_planned(to, &op);
    sound_write_text(&arena, folder, "from/a.wav", "other");
    TEST_FAILS(library_operation_undo(folder, LIBRARY_COPY, &op, &err), BASE_EMISMATCH, err,
               "its original has changed since");
    is_as_planned(to, &op);
}
END_TEST

/* A moved file keeps its bytes, but a program has set its time and permissions anew. */
START_TEST(undo_restores_stamps) {
    const char *folder = test_folder(), *to = in(folder, "to/b.wav");
    library_operation op = make(folder);
    TEST_OK(library_operation_do(folder, LIBRARY_MOVE, &op, &err), err);
    set_time(to, OLD_S + 1000);
    ck_assert_int_eq(chmod(to, 0600), 0);
    TEST_OK(library_operation_undo(folder, LIBRARY_MOVE, &op, &err), err);
    is_as_planned(op.from, &op);
    TEST_OK(library_operation_do(folder, LIBRARY_MOVE, &op, &err), err);
    unlink(to);
    TEST_FAILS(library_operation_undo(folder, LIBRARY_MOVE, &op, &err), BASE_ENOTFOUND, err,
               "to/b.wav: No such file");
}
END_TEST

/* A move that ended between copy and removal has the file twice. */
START_TEST(a_half_done_move_is_finished) {
    const char *folder = test_folder(), *to = in(folder, "to/b.wav");
    library_operation op = make(folder);
    TEST_OK(library_operation_do(folder, LIBRARY_COPY, &op, &err), err);
    TEST_OK(library_operation_do(folder, LIBRARY_MOVE, &op, &err), err);
    ck_assert(!exists(op.from));
    is_as_planned(to, &op);
}
END_TEST

/* /dev/shm is another file system than the build folder on most machines. */
START_TEST(moves_between_file_systems) {
    struct stat here, there;
    const char *folder = test_folder();
    library_operation op = make(folder);
    char other[] = "/dev/shm/rimshot-test-XXXXXX";
    bool differs = stat(folder, &here) == 0 && stat("/dev/shm", &there) == 0 &&
                   here.st_dev != there.st_dev && mkdtemp(other) != NULL;
    if (!differs) return;
    op.to = "b.wav";
    TEST_OK(library_operation_do(other, LIBRARY_MOVE, &op, &err), err);
    ck_assert(!exists(op.from));
    is_as_planned(in(other, "b.wav"), &op);
    TEST_OK(library_operation_undo(other, LIBRARY_MOVE, &op, &err), err);
    is_as_planned(op.from, &op);
    ck_assert(base_folder_is_empty(other));
    TEST_FAILS(library_operation_do(other, LIBRARY_HARDLINK, &op, &err), BASE_EIO, err,
               "cross-device");
    rmdir(other);
}
END_TEST

START_TEST(a_failing_library_is_told_from_a_bad_file) {
    const char *folder = test_folder();
    library_operation op = make(folder);
    op.to = "nowhere/b.wav";
    for (int a = 0; a < N_ACTIONS; a++) {
        base_status status = library_operation_do(folder, actions[a], &op, &err);
        if (actions[a] == LIBRARY_MOVE) continue; /* rename cannot tell which name is missing */
        ck_assert_msg(status == BASE_EIO, "%s: %s", library_action_names[actions[a]], err.text);
    }
    ck_assert(library_status_is_local(BASE_EDATA) && library_status_is_local(BASE_ENOTFOUND));
    ck_assert(!library_status_is_local(BASE_EIO) && !library_status_is_local(BASE_EMEMORY));
    TEST_FAILS(library_operation_look(folder, &op, &err), BASE_EDATA, err, "not a regular file");
}
END_TEST

TEST_MAIN("infer/library/operation", there_and_back_as_often_as_one_likes, links_are_links,
          nothing_is_overwritten, what_changed_or_vanished_is_left,
          bytes_are_compared_with_the_plan, undo_leaves_what_was_worked_on, undo_restores_stamps,
          a_half_done_move_is_finished, moves_between_file_systems,
          a_failing_library_is_told_from_a_bad_file)
