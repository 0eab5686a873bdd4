/* The harness must fail when a test does: this program runs itself, made to fail, under run.sh. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "tests/test.h"

#define MODE "RIMSHOT_TEST_HARNESS"

START_TEST(a_test_that_passes) {
    ck_assert(true);
}
END_TEST

START_TEST(a_test_that_fails) {
    ck_assert_msg(false, "as it should");
}
END_TEST

START_TEST(a_test_that_crashes) {
    abort();
}
END_TEST

START_TEST(a_test_with_unequal_numbers) {
    float a[3] = {1.0f, 2.0f, 3.0f}, b[3] = {1.0f, 2.5f, 3.0f};
    test_close("numbers", a, b, 3, 1e-3, 1e-3);
}
END_TEST

START_TEST(a_test_with_nan) {
    float nan_value = 0.0f / (float)strlen(""), one = 1.0f;
    test_close("numbers", &nan_value, &one, 1, 1e9, 1e9);
}
END_TEST

START_TEST(a_test_that_crashes_over_its_files) {
    base_error err;
    TEST_OK(base_folder_make(test_folder(), &err), err);
    abort();
}
END_TEST

static base_arena arena;

/* Runs run.sh on the programs; gives its exit status and its last line. */
static int run(const char *mode, const char *programs, char last_line[256]) {
    char *command =
        base_arena_printf(&arena, MODE "=%s sh %s %s 2>&1", mode, test_path("run.sh"), programs);
    FILE *pipe = popen(command, "r");
    ck_assert_ptr_nonnull(pipe);
    while (fgets(last_line, 256, pipe) != NULL) continue;
    return WEXITSTATUS(pclose(pipe));
}

static void check_run(const char *mode, const char *programs, int expected_status,
                      const char *expected_line) {
    char line[256] = "";
    int status = run(mode, programs, line);
    ck_assert_msg(strcmp(line, expected_line) == 0, "%s: %s", mode, line);
    ck_assert_msg(status == expected_status, "%s: exit status %d", mode, status);
}

static const char *program(void) {
    char *path = base_arena_alloc(&arena, 4096, 1);
    ck_assert_int_gt(readlink("/proc/self/exe", path, 4095), 0);
    return path;
}

static const char *script(const char *text) {
    const char *path = base_path_join(&arena, test_folder(), "script");
    base_error err;
    const char *content = base_arena_printf(&arena, "#!/bin/sh\n%s\n", text);
    TEST_OK(base_file_write(path, content, strlen(content), &err), err);
    ck_assert_int_eq(system(base_arena_printf(&arena, "chmod +x '%s'", path)), 0);
    return path;
}

START_TEST(passes_and_failures_are_counted) {
    check_run("pass", program(), 0, "2 passed, 0 failed\n");
    check_run("fail", program(), 1, "1 passed, 1 failed\n");
    check_run("crash", program(), 1, "1 passed, 1 failed\n");
    check_run("unequal", program(), 1, "0 passed, 1 failed\n");
    check_run("nan", program(), 1, "0 passed, 1 failed\n");
    check_run("fail", base_arena_printf(&arena, "%s %s", program(), program()), 1,
              "2 passed, 2 failed\n");
}
END_TEST

START_TEST(programs_that_die_count_as_failures) {
    check_run("none", script("echo '100%: Checks: 3, Failures: 0, Errors: 0'; exit 3"), 1,
              "3 passed, 1 failed\n");
    check_run("none", script("echo '100%: Checks: 3, Failures: 0, Errors: 0'"), 0,
              "3 passed, 0 failed\n");
    check_run("none", script("kill -SEGV $$"), 1, "0 passed, 1 failed\n");
    check_run("none", script("exit 0"), 1, "0 passed, 1 failed\n");
    check_run("none", script("echo '100%: Checks: 0, Failures: 0, Errors: 0'"), 1,
              "0 passed, 1 failed\n");
    check_run("none", "/no/such/program", 1, "0 passed, 1 failed\n");
    check_run("none", "", 1, "0 passed, 0 failed\n");
}
END_TEST

START_TEST(skipped_programs_count_as_nothing) {
    const char *skipped = script("echo 'skipped: no such tool'");
    check_run("none", skipped, 1, "0 passed, 0 failed\n");
    check_run("pass", base_arena_printf(&arena, "%s %s", skipped, program()), 0,
              "2 passed, 0 failed\n");
    check_run("none", script("echo 'skipped: no such tool'; exit 1"), 1, "0 passed, 1 failed\n");
}
END_TEST

START_TEST(scripts_count_their_checks) {
    const char *shell = "set -e; cd %s; . tests/test.sh; check right true; %s; finish";
    const char *root = test_path("..");
    check_run("none", script(base_arena_printf(&arena, shell, root, "check too true")), 0,
              "2 passed, 0 failed\n");
    check_run("none", script(base_arena_printf(&arena, shell, root, "check wrong false")), 1,
              "1 passed, 1 failed\n");
    check_run("none", script(base_arena_printf(&arena, shell, root, "exit 0")), 1,
              "0 passed, 1 failed\n");
    check_run("none", script(base_arena_printf(&arena, shell, root, "skip reason")), 1,
              "0 passed, 0 failed\n");
}
END_TEST

START_TEST(what_was_counted_before_is_added) {
    const char *counts = script("");
    base_error err;
    TEST_OK(base_file_write(counts, "40 2\n", 5, &err), err);
    setenv("COUNTED", counts, 1);
    check_run("pass", program(), 1, "42 passed, 2 failed\n");
    setenv("COUNTED", "/no/such/file", 1);
    check_run("pass", program(), 1, "2 passed, 1 failed\n");
    unsetenv("COUNTED");
    check_run("pass", program(), 0, "2 passed, 0 failed\n");
}
END_TEST

static int count_folders(void) {
    FILE *pipe = popen(base_arena_printf(&arena, "ls -d '%s'.[0-9]* | wc -l", program()), "r");
    int n = -1;
    ck_assert_ptr_nonnull(pipe);
    ck_assert_int_eq(fscanf(pipe, "%d", &n), 1);
    pclose(pipe);
    return n;
}

START_TEST(folders_are_fresh_and_removed) {
    const char *a = test_folder(), *b = test_folder();
    ck_assert_str_ne(a, b);
    ck_assert(base_folder_exists(a) && base_folder_exists(b));
    ck_assert(base_file_exists(test_path("test.h")));
    int n = count_folders();
    ck_assert_int_ge(n, 1);
    check_run("litter", program(), 1, "0 passed, 1 failed\n");
    ck_assert_int_eq(count_folders(), n);
}
END_TEST

static int run_as_told(const char *mode) {
    const TTest *const pass[] = {a_test_that_passes, a_test_that_passes};
    const TTest *const fail[] = {a_test_that_passes, a_test_that_fails};
    const TTest *const crash[] = {a_test_that_passes, a_test_that_crashes};
    const TTest *const unequal[] = {a_test_with_unequal_numbers};
    const TTest *const litter[] = {a_test_that_crashes_over_its_files};
    const TTest *const nan_values[] = {a_test_with_nan};
    if (strcmp(mode, "pass") == 0) return test_run("harness/pass", pass, 2);
    if (strcmp(mode, "fail") == 0) return test_run("harness/fail", fail, 2);
    if (strcmp(mode, "crash") == 0) return test_run("harness/crash", crash, 2);
    if (strcmp(mode, "unequal") == 0) return test_run("harness/unequal", unequal, 1);
    if (strcmp(mode, "litter") == 0) return test_run("harness/litter", litter, 1);
    return test_run("harness/nan", nan_values, 1);
}

int main(void) {
    const TTest *const tests[] = {
        passes_and_failures_are_counted,   programs_that_die_count_as_failures,
        skipped_programs_count_as_nothing, scripts_count_their_checks,
        what_was_counted_before_is_added,  folders_are_fresh_and_removed};
    const char *mode = getenv(MODE);
    return mode != NULL ? run_as_told(mode)
                        : test_run("base/harness", tests, (int)(sizeof tests / sizeof *tests));
}
