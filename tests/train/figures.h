/* tests/train/figures.h - reads tests/golden/metrics.csv: a name, then its numbers, per line. */
#ifndef FIGURES_H
#define FIGURES_H

#include "base/csv.h"
#include "base/file.h"
#include "tests/test.h"

enum { MAX_FIGURES = 64 };

/* Fills values and returns how many there are; fails the test if `name` is missing. */
static inline int figures_read(const char *name, double values[MAX_FIGURES]) {
    base_error err;
    base_arena arena = {0};
    void *data;
    size_t n_bytes;
    const char *fields[MAX_FIGURES + 1];
    int n = 0, line = 0;
    TEST_OK(base_file_read(test_path("golden/metrics.csv"), 0, &data, &n_bytes, &err), err);
    const char *cursor = data, *end = cursor + n_bytes;
    do {
        TEST_OK(base_csv_record(&cursor, end, &arena, fields, MAX_FIGURES + 1, &n, &line, &err),
                err);
    } while (n > 0 && strcmp(fields[0], name) != 0);
    ck_assert_msg(n > 0, "metrics.csv lacks '%s'", name);
    for (int i = 1; i < n; i++) ck_assert(base_parse_double(fields[i], &values[i - 1]));
    base_arena_release(&arena);
    base_free(data);
    return n - 1;
}

#endif
