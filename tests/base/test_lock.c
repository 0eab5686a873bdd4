#include "base/lock.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "tests/test.h"

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

START_TEST(says_who_is_in_the_way) {
    const char *path = lock_path();
    int ready[2];
    ck_assert_int_eq(pipe(ready), 0);
    pid_t process = fork();
    if (process == 0) {
        base_lock lock;
        base_error err;
        bool taken = base_lock_take(path, &lock, &err) == BASE_OK;
        if (write(ready[1], taken ? "y" : "n", 1) == 1) pause();
        _exit(0);
    }
    char answer;
    base_lock lock;
    base_error err;
    ck_assert_int_eq(read(ready[0], &answer, 1), 1);
    ck_assert_int_eq(answer, 'y');
    TEST_FAILS(base_lock_take(path, &lock, &err), BASE_EEXISTS, err, ".lock: in use");
    ck_assert_ptr_null(lock.path);
    kill(process, SIGKILL);
    waitpid(process, NULL, 0);
    ck_assert(base_file_exists(path)); /* what it left behind locks nothing */
    TEST_OK(base_lock_take(path, &lock, &err), err);
    base_lock_release(&lock);
    ck_assert(!base_file_exists(path));
}
END_TEST

START_TEST(what_cannot_be_locked_is_free) {
    base_lock lock;
    base_error err;
    TEST_OK(base_lock_take("/nonexistent/.lock", &lock, &err), err);
    base_lock_release(&lock);
}
END_TEST

TEST_MAIN("base/lock", one_process_holds_it, says_who_is_in_the_way, what_cannot_be_locked_is_free)
