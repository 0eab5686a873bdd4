#include "tests/test.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

enum { TIMEOUT_S = 120 }; /* a sanitizer on a busy machine is slow */

static char scratch_root[PATH_MAX]; /* beside the test program; holds every test_folder() */
static base_arena paths;            /* what test_folder and test_path returned */

/* The running program, a file in the build folder. Called before any test runs, when Check's own
 * assertions have nowhere to report to. */
static void program_path(char path[PATH_MAX]) {
    ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - 1);
    BASE_CHECK(n > 0);
    path[n] = '\0';
}

/* Removal is the parent's: it sees the end of tests that crash, too. */
int test_run(const char *suite_name, const TTest *const *tests, int n_tests) {
    char program[PATH_MAX];
    program_path(program);
    snprintf(scratch_root, sizeof scratch_root, "%.*s.%ld", PATH_MAX - 32, program, (long)getpid());
    Suite *suite = suite_create(suite_name);
    TCase *tcase = tcase_create(suite_name);
    tcase_set_timeout(tcase, TIMEOUT_S);
    for (int i = 0; i < n_tests; i++) tcase_add_test(tcase, tests[i]);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int n_run = srunner_ntests_run(runner), n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    base_folder_remove(scratch_root, NULL);
    base_arena_release(&paths);
    return n_run == n_tests && n_run > 0 && n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

void test_close(const char *what, const float *a, const float *b, int64_t n, double rtol,
                double atol) {
    double worst = 0.0;
    int64_t worst_at = -1;
    for (int64_t i = 0; i < n; i++) {
        double x = a[i], y = b[i];
        double error = x == y ? 0.0 : fabs(x - y) / (atol + rtol * fabs(y));
        if (isnan(error)) error = INFINITY;
        if (error > worst) {
            worst = error;
            worst_at = i;
        }
    }
    ck_assert_msg(worst <= 1.0, "%s[%lld] is %.9g, not %.9g: %.3g times the tolerance", what,
                  (long long)worst_at, (double)a[worst_at], (double)b[worst_at], worst);
}

const char *test_folder(void) {
    ck_assert_msg(mkdir(scratch_root, 0777) == 0 || errno == EEXIST, "%s: %s", scratch_root,
                  strerror(errno));
    char *folder = base_arena_printf(&paths, "%s/XXXXXX", scratch_root);
    ck_assert_msg(folder != NULL && mkdtemp(folder) != NULL, "%s: %s", scratch_root,
                  strerror(errno));
    return folder;
}

/* Looks for tests/test.h in `folder` and those above it, cutting `folder` down to where it is. */
static bool find_source_root(char *folder) {
    for (;;) {
        char marker[PATH_MAX + 16];
        snprintf(marker, sizeof marker, "%s/tests/test.h", folder);
        if (access(marker, F_OK) == 0) return true;
        char *slash = strrchr(folder, '/');
        if (slash == NULL) return false;
        *slash = '\0';
    }
}

/* The build folder usually lies in the source folder; if not, the working folder should. */
const char *test_path(const char *name) {
    char root[PATH_MAX];
    program_path(root);
    bool found = find_source_root(root);
    if (!found) found = getcwd(root, sizeof root) != NULL && find_source_root(root);
    ck_assert_msg(found, "the source folder is above neither the program nor the working folder");
    const char *path = base_arena_printf(&paths, "%s/tests/%s", root, name);
    ck_assert_ptr_nonnull(path);
    return path;
}
