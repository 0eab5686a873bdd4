#include "base/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "tests/test.h"

static int lock_failure; /* what fcntl says of locks; 0: what the system says */

/* In place of the C library's. */
int fcntl(int file, int command, ...) {
    va_list arguments;
    va_start(arguments, command);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    if (command == F_SETLK && lock_failure != 0) {
        errno = lock_failure;
        return -1;
    }
    return (int)syscall(SYS_fcntl, file, command, argument);
}

static const char *lock_path(void) {
    static char path[4096];
    snprintf(path, sizeof path, "%s/.lock", test_folder());
    return path;
}

/* Whether another process can take the lock, which it holds until it ends. */
static bool other_takes(const char *path) {
    pid_t process = fork();
    if (process == 0) {
        base_lock lock;
        base_error err;
        _exit(base_lock_take(path, &lock, &err) == BASE_OK);
    }
    int status;
    ck_assert_int_eq(waitpid(process, &status, 0), process);
    return WEXITSTATUS(status) == 1;
}

START_TEST(one_process_holds_it) {
    const char *path = lock_path();
    base_lock lock;
    base_error err;
    TEST_OK(base_lock_take(path, &lock, &err), err);
    ck_assert(base_file_exists(path));
    ck_assert(!other_takes(path));
    ck_assert(base_file_exists(path));
    base_lock_release(&lock);
    ck_assert(!base_file_exists(path));
    ck_assert(other_takes(path));
    base_lock_release(&lock); /* once more is harmless */
}
END_TEST

/* A process that takes the lock and keeps it until it is killed. */
static pid_t start_holder(const char *path) {
    int ready[2];
    char answer;
    ck_assert_int_eq(pipe(ready), 0);
    pid_t process = fork();
    if (process == 0) {
        base_lock lock;
        base_error err;
        bool taken = base_lock_take(path, &lock, &err) == BASE_OK;
        if (write(ready[1], taken ? "y" : "n", 1) == 1) pause();
        _exit(0);
    }
    ck_assert_int_eq(read(ready[0], &answer, 1), 1);
    ck_assert_int_eq(answer, 'y');
    close(ready[0]);
    close(ready[1]);
    return process;
}

static void stop_holder(pid_t process) {
    kill(process, SIGKILL);
    waitpid(process, NULL, 0);
}

START_TEST(says_who_is_in_the_way) {
    const char *path = lock_path();
    pid_t process = start_holder(path);
    base_lock lock;
    base_error err;
    TEST_FAILS(base_lock_take(path, &lock, &err), BASE_EEXISTS, err, ".lock: in use");
    ck_assert_ptr_null(lock.path);
    stop_holder(process);
    ck_assert(base_file_exists(path)); /* what it left behind locks nothing */
    TEST_OK(base_lock_take(path, &lock, &err), err);
    base_lock_release(&lock);
    ck_assert(!base_file_exists(path));
}
END_TEST

START_TEST(the_lock_of_another_process_survives_a_release) {
    char folder[4000], aside[4000], path[4096];
    base_lock lock;
    base_error err;
    snprintf(folder, sizeof folder, "%s/run", test_folder());
    snprintf(aside, sizeof aside, "%s/aside", test_folder());
    snprintf(path, sizeof path, "%s/.lock", folder);
    TEST_OK(base_folder_make(folder, &err), err);
    TEST_OK(base_lock_take(path, &lock, &err), err);
    ck_assert(base_lock_holds(&lock));
    ck_assert_int_eq(rename(folder, aside), 0);
    ck_assert(!base_lock_holds(&lock));
    TEST_OK(base_folder_make(folder, &err), err);
    pid_t process = start_holder(path);
    ck_assert(!base_lock_holds(&lock));
    base_lock_release(&lock);
    ck_assert(base_file_exists(path));
    TEST_FAILS(base_lock_take(path, &lock, &err), BASE_EEXISTS, err, ".lock: in use");
    stop_holder(process);
}
END_TEST

START_TEST(what_cannot_be_locked_is_refused) {
    base_lock lock;
    base_error err;
    const char *path = lock_path();
    TEST_FAILS(base_lock_take("/nonexistent/.lock", &lock, &err), BASE_ENOTFOUND, err,
               "/nonexistent/.lock");
    ck_assert_ptr_null(lock.path);
    TEST_OK(base_file_write(path, "", 0, &err), err);
    lock_failure = ENOLCK;
    TEST_FAILS(base_lock_take(path, &lock, &err), BASE_EIO, err,
               "this file system cannot lock files");
    lock_failure = 0;
    ck_assert(base_file_exists(path)); /* it may be another's */
    ck_assert_ptr_null(lock.path);
    base_lock_release(&lock);
}
END_TEST

/* A link that somebody put there does not make or lock a file elsewhere; nor does a pipe block. */
START_TEST(a_link_is_not_followed) {
    char target[5000];
    base_lock lock;
    base_error err;
    const char *path = lock_path();
    snprintf(target, sizeof target, "%s.target", path);
    ck_assert_int_eq(symlink(target, path), 0);
    TEST_FAILS(base_lock_take(path, &lock, &err), BASE_EIO, err, ".lock: ");
    ck_assert(!base_file_exists(target));
}
END_TEST

TEST_MAIN("base/lock", a_link_is_not_followed, one_process_holds_it, says_who_is_in_the_way,
          the_lock_of_another_process_survives_a_release, what_cannot_be_locked_is_refused)
