#include "tests/sound.h"
#include "tests/test.h"

static base_error err;
static base_arena arena;

/* Opens a data set whose labels.csv is `csv`. */
static base_status open_csv(const char *csv, data_manifest *m) {
    const char *folder = test_folder();
    sound_write_text(&arena, folder, "labels.csv", csv);
    return sound_open_manifest(&arena, base_arena_printf(&arena, "{source: csv, path: %s}", folder),
                               ".", m, &err);
}

START_TEST(columns_come_in_any_order) {
    data_manifest m;
    TEST_OK(open_csv("\xEF\xBB\xBFnote,end_s,label,begin_s,path,group\r\n"
                     "x,1.5,snare,0.25,\"a, \"\"b\"\".wav\",kit 1\r\n"
                     "\r\n"
                     ",,kick,,/abs/c.wav,\r\n",
                     &m),
            err);
    ck_assert_int_eq(m.n_rows, 2);
    const data_row *row = sound_find_row(&m, "/a, \"b\".wav");
    ck_assert_str_eq(row->label, "snare");
    ck_assert_str_eq(row->group, "kit 1");
    ck_assert_double_eq(row->begin_s, 0.25);
    ck_assert_double_eq(row->end_s, 1.5);
    ck_assert_int_eq(row->class_index, 1);
    ck_assert_str_eq(m.rows[1].path, "/abs/c.wav");
    ck_assert_str_eq(m.rows[1].group, "");
    ck_assert_double_eq(m.rows[1].end_s, 0);
    data_manifest_release(&m);
    TEST_OK(open_csv("path,label\na.wav,kick", &m), err); /* no newline at the end, no group */
    ck_assert_str_eq(m.rows[0].group, "");
    data_manifest_release(&m);
}
END_TEST

START_TEST(errors_name_file_and_line) {
    static const struct {
        const char *csv, *part;
        base_status status;
    } cases[] = {
        {"", "labels.csv:1: no column 'path'", BASE_EFORMAT},
        {"path,lable\na.wav,kick\n", "labels.csv:1: no column 'label' in the header (is 'lable'",
         BASE_EFORMAT},
        {"path,label,path\n", "labels.csv:1: two columns are named 'path'", BASE_EFORMAT},
        {"path,label\na.wav,kick\nb.wav,\n", "labels.csv:3: the label is empty", BASE_EFORMAT},
        {"path,label\n,kick\n", "labels.csv:2: the path is empty", BASE_EFORMAT},
        {"path,label\na.wav\n", "labels.csv:2: 1 fields where the header has 2", BASE_EFORMAT},
        {"path,label\n\"a\nb.wav\",x\nc,d,e\n", "labels.csv:4: 3 fields", BASE_EFORMAT},
        {"path,label\n\"a.wav,kick\n", "line 2: a quote is never closed", BASE_EFORMAT},
        {"path,label,begin_s\na,b,-1\n", "labels.csv:2: begin_s: '-1' is not", BASE_EFORMAT},
        {"path,label,end_s\na,b,nan\n", "labels.csv:2: end_s: 'nan' is not", BASE_EFORMAT},
        {"path,label,begin_s,end_s\na,b,2,1\n", "labels.csv:2: the span ends at 1 s", BASE_EFORMAT},
        {"path,label\n", "no rows below the header", BASE_EDATA}};
    data_manifest m;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        TEST_FAILS(open_csv(cases[i].csv, &m), cases[i].status, err, cases[i].part);
    TEST_FAILS(sound_open_manifest(
                   &arena, base_arena_printf(&arena, "{source: csv, path: %s}", test_folder()), ".",
                   &m, &err),
               BASE_ENOTFOUND, err, "labels.csv");
}
END_TEST

TEST_MAIN("data/sources/csv", columns_come_in_any_order, errors_name_file_and_line)
