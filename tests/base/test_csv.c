#include "base/csv.h"

#include "base/file.h"
#include "tests/test.h"

static int read_record(const char **cursor, const char *end, base_arena *arena, const char **fields,
                       int *line) {
    int n;
    base_error err;
    TEST_OK(base_csv_record(cursor, end, arena, fields, 4, &n, line, &err), err);
    return n;
}

START_TEST(records_are_read) {
    const char input[] = "a,b,c\r\n\"x, \"\"y\"\"\nz\",,\"\"\n\nlast,\"q\" w";
    const char *cursor = input, *end = input + sizeof input - 1, *fields[4];
    base_arena arena = {0};
    int line = 0;
    ck_assert_int_eq(read_record(&cursor, end, &arena, fields, &line), 3);
    ck_assert_str_eq(fields[0], "a");
    ck_assert_str_eq(fields[2], "c");
    ck_assert_int_eq(line, 1);
    ck_assert_int_eq(read_record(&cursor, end, &arena, fields, &line), 3);
    ck_assert_str_eq(fields[0], "x, \"y\"\nz");
    ck_assert_str_eq(fields[1], "");
    ck_assert_str_eq(fields[2], "");
    ck_assert_int_eq(line, 3);
    ck_assert_int_eq(read_record(&cursor, end, &arena, fields, &line), 1);
    ck_assert_str_eq(fields[0], "");
    ck_assert_int_eq(read_record(&cursor, end, &arena, fields, &line), 2);
    ck_assert_str_eq(fields[1], "q w");
    ck_assert_int_eq(line, 5);
    ck_assert_int_eq(read_record(&cursor, end, &arena, fields, &line), 0);
    base_arena_release(&arena);
}
END_TEST

START_TEST(bad_records_are_refused_with_their_line) {
    static const struct {
        const char *text;
        size_t n;
        const char *part;
    } rows[] = {
        {"a,\"b\nc", 6, "line 8: a quote is never closed"},
        {"a,\"", 3, "line 8: a quote is never closed"},
        {"1,2,3,4,5\n", 10, "line 8: too many fields"},
        {"a,b\0c\n", 6, "line 8: a NUL byte"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *cursor = rows[i].text, *fields[4];
        base_arena arena = {0};
        int line = 7, n;
        base_error err;
        TEST_FAILS(
            base_csv_record(&cursor, rows[i].text + rows[i].n, &arena, fields, 4, &n, &line, &err),
            BASE_EFORMAT, err, rows[i].part);
        base_arena_release(&arena);
    }
}
END_TEST

START_TEST(fields_survive_a_round_trip) {
    static const char *const fields[] = {"",  "a",    "\"",  "\"\"",
                                         ",", "\r\n", " x ", "\"a\",\n\"b\""};
    base_text text = {0};
    for (int i = 0; i < 8; i++) {
        base_text_add_csv(&text, fields[i]);
        base_text_add(&text, i < 7 ? "," : "\n");
    }
    const char *cursor = text.data, *read[8];
    base_arena arena = {0};
    int n, line = 0;
    base_error err;
    TEST_OK(base_csv_record(&cursor, text.data + text.size, &arena, read, 8, &n, &line, &err), err);
    ck_assert_int_eq(n, 8);
    for (int i = 0; i < 8; i++) ck_assert_str_eq(read[i], fields[i]);
    ck_assert_ptr_eq(cursor, text.data + text.size);
    base_arena_release(&arena);
    base_text_release(&text);
}
END_TEST

enum { PATH, COUNT, NOTE, AT, N_COLUMNS };
static const char *const columns[N_COLUMNS] = {"path", "count", "note", "at_s"};

/* What was read, one row after the other. */
typedef struct {
    base_text text;
    int64_t n;
} seen;

static base_status note_row(void *context, const base_csv *row, base_error *err) {
    seen *s = context;
    int64_t count;
    double same, at_s;
    BASE_TRY(base_csv_int(row, COUNT, &count, err));
    BASE_TRY(base_csv_double(row, COUNT, &same, err));
    ck_assert_double_eq((double)count, same);
    BASE_TRY(base_csv_seconds(row, AT, &at_s, err));
    ck_assert_double_eq(at_s, base_csv_field(row, AT)[0] != '\0' ? 0.5 : 0);
    if (count < 0) return base_csv_fail(row, err, BASE_EDATA, "only %d", (int)count);
    ck_assert_int_lt(s->n, row->most_rows);
    base_text_printf(&s->text, "%d:%s=%d(%s) ", row->line, base_csv_field(row, PATH), (int)count,
                     base_csv_field(row, NOTE));
    s->n++;
    return BASE_OK;
}

/* Reads `text` as a file; *out gets what was seen. */
static base_status read_text(const char *text, char *out, base_error *err) {
    base_arena arena = {0};
    seen s = {.n = 0};
    base_csv_form form = {.path = base_arena_printf(&arena, "%s/a.csv", test_folder()),
                          .columns = columns,
                          .n_columns = N_COLUMNS,
                          .n_needed = 2};
    TEST_OK(base_file_write(form.path, text, strlen(text), err), *err);
    base_status status = base_csv_read(&form, &arena, note_row, &s, err);
    strncpy(out, base_text_string(&s.text), 199);
    base_text_release(&s.text);
    base_arena_release(&arena);
    return status;
}

START_TEST(columns_are_found_by_name) {
    static const struct {
        const char *text, *seen;
    } rows[] = {
        {"path,count,note\na,1,x\nb,2,\n", "2:a=1(x) 3:b=2() "},
        {"\xEF\xBB\xBFnote,more,count,path\r\n\"x\r\ny\",,3,a\r\n\r\n,,4,\"b\"\"c\"",
         "2:a=3(x\r\ny) 5:b\"c=4() "},
        {"count,path\n5,a\n", "2:a=5() "},
        {"at_s,count,path\n0.5,6,b\n,7,c\n", "2:b=6() 3:c=7() "},
        {"count,note,path\n8,'=1+1,'-x\n9,''@,'tis\n", "2:-x=8(=1+1) 3:'tis=9('@) "},
        {"count,path\n", ""},
        {"path;count;note\na,b;1;\"x;y\"\n", "2:a,b=1(x;y) "},
        {"\xEF\xBB\xBFpath\tcount\r\na;b\t1\r\n", "2:a;b=1() "},
        {"count;x,path,count\n0,a,2\n", "2:a=2() "},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char out[200] = "";
        base_error err;
        TEST_OK(read_text(rows[i].text, out, &err), err);
        ck_assert_str_eq(out, rows[i].seen);
    }
}
END_TEST

START_TEST(bad_files_are_refused_with_their_line) {
    static const struct {
        const char *text, *part;
    } rows[] = {
        {"", "a.csv:1: no column 'path' in the header"},
        {"path,cuont\n", "a.csv:1: no column 'count' in the header (is 'cuont' meant?)"},
        {"path,count,note,count\n", "a.csv:1: two columns are named 'count'"},
        {"path,count\na,1\n\nb\n", "a.csv:4: 1 fields where the header has 2"},
        {"path,count\na,1,2\n", "a.csv:2: 3 fields where the header has 2"},
        {"path,count\n\"a\nb\",1.5\n", "a.csv:2: count: '1.5' is not a whole number"},
        {"path,count\na,\n", "a.csv:2: count: '' is not a whole number"},
        {"path,count,at_s\na,1,-1\n", "a.csv:2: at_s: '-1' is not a time in seconds"},
        {"path,count,at_s\na,1,nan\n", "a.csv:2: at_s: 'nan' is not a time in seconds"},
        {"path,count\na,1\ncaf\xe9,2\n", "a.csv:3: the byte \\xe9 is not UTF-8"},
        {"path,count,\xff\na,1\n", "a.csv:1: the byte \\xff is not UTF-8"},
        {"path,count\na,1\n\"b", "a.csv: line 3: a quote is never closed"},
        {"path;cuont\n", "a.csv:1: no column 'path' in the header"},
        {"path;count;at_s\na;1;0,5\n", "'0,5' is not a time in seconds; decimals stand behind"},
        {"path;count\na;1;2\n", "a.csv:2: 3 fields where the header has 2"},
        {"\xFF\xFEp", "a.csv: is UTF-16; save it as UTF-8"},
        {"\xFE\xFFp", "a.csv: is UTF-16; save it as UTF-8"},
    };
    char out[200];
    base_error err;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        TEST_FAILS(read_text(rows[i].text, out, &err), BASE_EFORMAT, err, rows[i].part);
    TEST_FAILS(read_text("path,count\na,-1\nb,x\n", out, &err), BASE_EDATA, err,
               "a.csv:2: only -1");
    base_csv_form form = {.path = "no/such.csv", .columns = columns, .n_columns = N_COLUMNS};
    TEST_FAILS(base_csv_read(&form, NULL, note_row, NULL, &err), BASE_ENOTFOUND, err, "no/such");
}
END_TEST

static base_status compare_twins(void *context, const base_csv *row, base_error *err) {
    (void)err;
    ck_assert_str_eq(base_csv_field(row, 0), "1");
    ck_assert_str_eq(base_csv_field(row, 1), "2");
    ck_assert_str_eq(base_csv_field(row, 2), "3");
    ++*(int *)context;
    return BASE_OK;
}

START_TEST(a_name_listed_twice_means_two_columns) {
    static const char *const twins[] = {"path", "count", "path"};
    base_arena arena = {0};
    base_error err;
    int n = 0;
    base_csv_form form = {.path = base_arena_printf(&arena, "%s/twins.csv", test_folder()),
                          .columns = twins,
                          .n_columns = 3,
                          .n_needed = 3};
    const char text[] = "path,path,count\n1,3,2\n", lone[] = "path,count\n1,2\n";
    TEST_OK(base_file_write(form.path, text, sizeof text - 1, &err), err);
    TEST_OK(base_csv_read(&form, &arena, compare_twins, &n, &err), err);
    ck_assert_int_eq(n, 1);
    TEST_OK(base_file_write(form.path, lone, sizeof lone - 1, &err), err);
    TEST_FAILS(base_csv_read(&form, &arena, compare_twins, &n, &err), BASE_EFORMAT, err,
               "no column 'path'");
    base_arena_release(&arena);
}
END_TEST

TEST_MAIN("base/csv", records_are_read, bad_records_are_refused_with_their_line,
          fields_survive_a_round_trip, columns_are_found_by_name,
          bad_files_are_refused_with_their_line, a_name_listed_twice_means_two_columns)
