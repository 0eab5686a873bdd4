/* tests/test.h - what every test file shares: a main around Check, and comparisons of arrays.
 *
 *     START_TEST(reads_an_empty_file) { ... } END_TEST
 *     TEST_MAIN("base/file", reads_an_empty_file, ...)
 */
#ifndef TEST_H
#define TEST_H

#include <check.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/status.h"

#define TEST_MAIN(suite_name, ...)                                                                 \
    int main(void) {                                                                               \
        const TTest *const tests[] = {__VA_ARGS__};                                                \
        return test_run(suite_name, tests, (int)(sizeof tests / sizeof *tests));                   \
    }

int test_run(const char *suite_name, const TTest *const *tests, int n_tests);

/* Succeeds if `call` returns BASE_OK; otherwise prints the text in `err`. */
#define TEST_OK(call, err) ck_assert_msg((call) == BASE_OK, "%s: %s", #call, (err).text)

/* Succeeds if `call` fails with `expected` and err.text contains `part`. */
#define TEST_FAILS(call, expected, err, part)                                                      \
    do {                                                                                           \
        base_status test_status_ = (call);                                                         \
        ck_assert_msg(test_status_ == (expected), "%s gave '%s', not '%s': %s", #call,             \
                      base_status_text(test_status_), base_status_text(expected), (err).text);     \
        ck_assert_msg(strstr((err).text, (part)) != NULL, "'%s' lacks '%s'", (err).text, (part));  \
    } while (0)

/* Largest |a - b| / (atol + rtol |b|) must be at most 1; names the first worst element. NaN fails.
 */
void test_close(const char *what, const float *a, const float *b, int64_t n, double rtol,
                double atol);

/* A fresh empty folder below the build folder, removed at exit; its path, valid until then. */
const char *test_folder(void);

/* Path of a file kept under tests/ ("golden/mel.h5"), found from any working folder. */
const char *test_path(const char *name);

#endif
