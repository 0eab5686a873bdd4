/* A CSV file, by columns and record by record. */
#include "base/csv.h"
#include "tests/fuzz/fuzz.h"

static base_status take_row(void *context, const base_csv *row, base_error *err) {
    double number;
    int64_t whole;
    (void)context;
    base_csv_field(row, 0);
    base_csv_double(row, 1, &number, NULL);
    base_csv_int(row, 2, &whole, NULL);
    return base_csv_seconds(row, 1, &number, err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const columns[] = {"path", "begin_s", "n"};
    base_arena arena = {0};
    base_error err = {0};
    base_csv_form form = {.path = fuzz_file(data, size),
                          .columns = columns,
                          .n_columns = sizeof columns / sizeof *columns,
                          .n_needed = 1};
    fuzz_took(base_csv_read(&form, &arena, take_row, NULL, &err), &err);
    base_arena_release(&arena);
    return 0;
}
