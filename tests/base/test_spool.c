#include "base/spool.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/test.h"

static base_error err;

/* Writes n bytes to a pipe from another process, and spools them. */
static base_status spool(size_t n, int64_t max_bytes, bool (*stopped)(void), int *copy) {
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    pid_t writer = fork();
    if (writer == 0) {
        char block[7000];
        close(ends[0]);
        for (size_t i = 0; i < sizeof block; i++) block[i] = "abcdefg"[i % 7];
        for (size_t i = 0; i < n; i += sizeof block) {
            size_t n_now = n - i < sizeof block ? n - i : sizeof block;
            if (write(ends[1], block, n_now) != (ssize_t)n_now) _exit(1);
        }
        if (stopped != NULL) pause();
        _exit(0);
    }
    close(ends[1]);
    base_status status = base_spool(ends[0], "a pipe", max_bytes, stopped, copy, &err);
    close(ends[0]);
    kill(writer, SIGKILL);
    waitpid(writer, NULL, 0);
    return status;
}

static int n_asked;
static bool stops(void) {
    return ++n_asked > 10;
}

START_TEST(a_pipe_is_spooled_and_bounded) {
    enum { N = 10000 };
    char bytes[N + 1];
    int copy;
    TEST_OK(spool(N, N, NULL, &copy), err);
    ck_assert_int_eq(pread(copy, bytes, sizeof bytes, 0), N);
    for (int i = 0; i < N; i++) ck_assert_int_eq(bytes[i], "abcdefg"[i % 7]);
    close(copy);
    TEST_FAILS(spool((3 << 20) + 100000, 3 << 20, NULL, &copy), BASE_EDATA, err,
               "a pipe: more than 3 MiB");
    ck_assert_int_eq(copy, -1);
    TEST_FAILS(spool(5, N, stops, &copy), BASE_ESTOPPED, err, "stopped");
    TEST_FAILS(base_spool(1000, "nothing", N, NULL, &copy, &err), BASE_EIO, err,
               "nothing: Bad file");
}
END_TEST

START_TEST(a_spool_needs_no_folder) {
    int copy;
    setenv("TMPDIR", "/no/such/folder", 1);
    TEST_OK(spool(100, 100, NULL, &copy), err);
    char bytes[101];
    ck_assert_int_eq(pread(copy, bytes, sizeof bytes, 0), 100);
    close(copy);
}
END_TEST

TEST_MAIN("base/spool", a_pipe_is_spooled_and_bounded, a_spool_needs_no_folder)
