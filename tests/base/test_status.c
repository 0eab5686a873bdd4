#include <errno.h>

#include "tests/test.h"

START_TEST(every_status_has_a_text) {
    for (int i = 0; i < BASE_N_STATUS; i++) {
        ck_assert_str_ne(base_status_text((base_status)i), "unknown status");
    }
    ck_assert_str_eq(base_status_text(BASE_EMEMORY), "out of memory");
    ck_assert_str_eq(base_status_text((base_status)999), "unknown status");
}
END_TEST

START_TEST(fail_fills_the_error) {
    base_error err;
    ck_assert_int_eq(base_fail(&err, BASE_EDATA, "%s: %d", "clip", 3), BASE_EDATA);
    ck_assert_int_eq(err.status, BASE_EDATA);
    ck_assert_str_eq(err.text, "clip: 3");
    ck_assert_int_eq(base_fail(NULL, BASE_EDATA, "unheard"), BASE_EDATA);
}
END_TEST

START_TEST(control_characters_cannot_add_lines) {
    base_error err;
    base_fail(&err, BASE_EIO, "a\nb\rc\x1b[31m\x7fü");
    ck_assert_str_eq(err.text, "a\\x0ab\\x0dc\\x1b[31m\\x7fü");
    base_fail(&err, BASE_EIO, "\xe9\xc2\x9b\xe2\x80\xae");
    ck_assert_str_eq(err.text, "\\xe9\\u009b\\u202e");
    base_fail_within(&err, "\n");
    ck_assert_str_eq(err.text, "\\x0a: \\xe9\\u009b\\u202e");
}
END_TEST

START_TEST(long_texts_end_in_dots) {
    char longest[BASE_ERROR_SIZE];
    memset(longest, 'x', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    base_error err;
    base_fail(&err, BASE_EIO, "%s", longest);
    ck_assert_str_eq(err.text, longest);
    base_fail(&err, BASE_EIO, "%sy", longest);
    ck_assert_uint_eq(strlen(err.text), BASE_ERROR_SIZE - 1);
    ck_assert_str_eq(err.text + BASE_ERROR_SIZE - 5, "x...");
    memset(longest, '\n', sizeof longest - 1);
    base_fail(&err, BASE_EIO, "%s", longest);
    ck_assert_uint_eq(strlen(err.text), BASE_ERROR_SIZE - 1);
    ck_assert_str_eq(err.text + BASE_ERROR_SIZE - 8, "\\x0a...");
}
END_TEST

START_TEST(truncation_keeps_whole_characters) {
    char text[2 * BASE_ERROR_SIZE];
    for (size_t i = 0; i + 2 < sizeof text; i += 2) memcpy(text + i, "ü", 3);
    base_error err;
    for (int pad = 0; pad < 2; pad++) {
        base_fail(&err, BASE_EIO, "%.*s%s", pad, "-", text);
        size_t n = strlen(err.text) - 3;
        ck_assert_str_eq(err.text + n, "...");
        ck_assert_uint_eq((n - (size_t)pad) % 2, 0);
    }
}
END_TEST

START_TEST(errno_values_become_statuses) {
    base_error err;
    ck_assert_int_eq(base_fail_errno(&err, ENOENT, "open %s", "x"), BASE_ENOTFOUND);
    ck_assert_str_eq(err.text, "open x: No such file or directory");
    ck_assert_int_eq(base_fail_errno(&err, EEXIST, "x"), BASE_EEXISTS);
    ck_assert_int_eq(base_fail_errno(&err, ENOMEM, "x"), BASE_EMEMORY);
    ck_assert_int_eq(base_fail_errno(&err, EACCES, "x"), BASE_EIO);
    ck_assert_int_eq(base_fail_errno(NULL, ENOENT, "x"), BASE_ENOTFOUND);
}
END_TEST

START_TEST(within_puts_the_place_in_front) {
    base_error err;
    base_fail(&err, BASE_ESHAPE, "bad kernel");
    ck_assert_int_eq(base_fail_within(&err, "network[%d]", 2), BASE_ESHAPE);
    ck_assert_str_eq(err.text, "network[2]: bad kernel");
    ck_assert_int_eq(base_fail_within(NULL, "x"), BASE_EIO);
}
END_TEST

static base_status try_twice(int *n_calls, base_status first) {
    BASE_TRY((++*n_calls, first));
    return BASE_ESTOPPED;
}

START_TEST(try_returns_early_and_evaluates_once) {
    int n_calls = 0;
    ck_assert_int_eq(try_twice(&n_calls, BASE_EDATA), BASE_EDATA);
    ck_assert_int_eq(n_calls, 1);
    ck_assert_int_eq(try_twice(&n_calls, BASE_OK), BASE_ESTOPPED);
    ck_assert_int_eq(n_calls, 2);
}
END_TEST

TEST_MAIN("base/status", every_status_has_a_text, fail_fills_the_error,
          control_characters_cannot_add_lines, long_texts_end_in_dots,
          truncation_keeps_whole_characters, errno_values_become_statuses,
          within_puts_the_place_in_front, try_returns_early_and_evaluates_once)
