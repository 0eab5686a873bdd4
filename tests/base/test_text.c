#include "base/text.h"

#include <locale.h>
#include <math.h>

#include "tests/test.h"

static void check_text(base_text *text, const char *expected) {
    ck_assert(!text->failed);
    ck_assert_str_eq(base_text_string(text), expected);
    ck_assert_uint_eq(text->size, strlen(expected));
    base_text_release(text);
}

START_TEST(text_grows) {
    base_text text = {0};
    ck_assert_str_eq(base_text_string(&text), "");
    base_text_add(&text, "a");
    base_text_add_bytes(&text, "bcd", 2);
    base_text_printf(&text, "%d-%s", 42, "x");
    check_text(&text, "abc42-x");
    for (int i = 0; i < 1000; i++) base_text_printf(&text, "%d,", i % 10);
    ck_assert_uint_eq(text.size, 2000);
    ck_assert_str_eq(text.data + 1990, "5,6,7,8,9,");
    base_text_release(&text);
    ck_assert_ptr_null(text.data);
    base_text_release(NULL);
}
END_TEST

START_TEST(failure_sticks) {
    base_text text = {0};
    base_text_add(&text, "a");
    base_text_add_bytes(&text, "", SIZE_MAX - 1);
    ck_assert(text.failed);
    base_text_add(&text, "b");
    ck_assert_str_eq(base_text_string(&text), "a");
    base_text_release(&text);
}
END_TEST

START_TEST(csv_fields_are_quoted_where_needed) {
    base_text text = {0};
    base_text_add_csv(&text, "plain text");
    base_text_add(&text, "|");
    base_text_add_csv(&text, "a,b");
    base_text_add(&text, "|");
    base_text_add_csv(&text, "say \"hi\"");
    base_text_add(&text, "|");
    base_text_add_csv(&text, "two\nlines");
    check_text(&text, "plain text|\"a,b\"|\"say \"\"hi\"\"\"|\"two\nlines\"");
}
END_TEST

START_TEST(troff_is_escaped) {
    base_text text = {0};
    base_text_add_troff(&text, ".TH a-b.c\\\n.d 'x' `y` ^~");
    ck_assert_str_eq(base_text_string(&text),
                     "\\&.TH a\\-b.c\\e\n\\&.d \\(aqx\\(aq \\(gay\\(ga \\(ha\\(ti");
    base_text_release(&text);
}
END_TEST

static const char *const formulas[] = {"=1+1", "+cmd", "-x", "@sum", "'=a", "''=a", "=\",\""};
static const char *const harmless[] = {"-5", "+1e3", "'tis", "'-5", "a=b", "", "'"};
enum { N_FORMULAS = 7 };

START_TEST(formulas_are_no_formulas_in_csv) {
    for (int i = 0; i < N_FORMULAS; i++) {
        base_text text = {0}, again = {0};
        base_text_add_csv(&text, formulas[i]);
        ck_assert(base_text_is_formula(formulas[i]));
        ck_assert_int_eq(text.data[text.data[0] == '"'], '\'');
        ck_assert(!base_text_is_formula(harmless[i]));
        base_text_add_csv(&again, harmless[i]);
        ck_assert_str_eq(base_text_string(&again), harmless[i]);
        base_text_release(&text);
        base_text_release(&again);
    }
}
END_TEST

START_TEST(names_of_files_are_carried_as_text) {
    static const struct {
        const char *path, *text;
    } rows[] = {
        {"a/b.wav", "a/b.wav"},
        {"caf\xe9.wav", "caf\\xe9.wav"},
        {"caf\xc3\xa9\\x", "caf\xc3\xa9\\x"},
        {"\\xe9", "\\x5cxe9"},
        {"\\\\x41", "\\\\x5cx41"},
        {"\\\xe9\\x4\xe9", "\\\\xe9\\x4\\xe9"},
        {"\\x5cxe9", "\\x5cx5cxe9"},
        {"\\x00\n\x1b", "\\x00\n\x1b"},
        {"", ""},
    };
    base_arena arena = {0};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ck_assert_str_eq(base_path_text(&arena, rows[i].path), rows[i].text);
        ck_assert_str_eq(base_path_bytes(&arena, rows[i].text), rows[i].path);
    }
    ck_assert_str_eq(base_path_bytes(&arena, "\\xE9"), "\xe9");
    base_arena_release(&arena);
    base_text text = {0};
    base_text_add_csv_path(&text, "=\xe9,\\xe9");
    check_text(&text, "\"'=\\xe9,\\x5cxe9\"");
    base_text_add_json_path(&text, "\xe9\\xe9");
    check_text(&text, "\"\\\\xe9\\\\x5cxe9\"");
}
END_TEST

START_TEST(html_is_escaped) {
    base_text text = {0};
    base_text_add_html(&text, "<a href=\"x\">Tom & 'Jerry'</a>");
    check_text(&text, "&lt;a href=&quot;x&quot;&gt;Tom &amp; &#39;Jerry&#39;&lt;/a&gt;");
}
END_TEST

START_TEST(html_shows_what_acts) {
    base_text text = {0};
    base_text_add_html(&text, "a\nb\x1b<\xff\xe2\x80\xae");
    check_text(&text, "a\\x0ab\\x1b&lt;\\xff\\u202e");
    base_text_add_html_lines(&text, "a\n\tb\n");
    check_text(&text, "a\n\\x09b\n");
}
END_TEST

START_TEST(json_is_escaped) {
    base_text text = {0};
    base_text_add_json(&text, "q\" b\\ \n\t\x01 ü €");
    check_text(&text, "\"q\\\" b\\\\ \\n\\t\\u0001 ü €\"");
    base_text_add_json(&text, "\xff \xc3 \xed\xa0\x80 \xc0\x80");
    check_text(&text, "\"\\\\xff \\\\xc3 \\\\xed\\\\xa0\\\\x80 \\\\xc0\\\\x80\"");
    base_text_add_json(&text, "\x7f\xc2\x9b\xe2\x80\xae\xf3\xa0\x80\x81\xf0\x9f\xa5\x81");
    check_text(&text, "\"\\u007f\\u009b\\u202e\\udb40\\udc01\xf0\x9f\xa5\x81\"");
}
END_TEST

START_TEST(numbers_are_the_shortest_that_read_back) {
    static const struct {
        double value;
        const char *text;
    } rows[] = {
        {0.1, "0.1"},
        {1e-5, "1e-05"},
        {0.0, "0"},
        {-0.0, "-0"},
        {1.0 / 3.0, "0.3333333333333333"},
        {0.1 + 0.2, "0.30000000000000004"},
        {44100.0, "44100"},
        {1e22, "1e+22"},
        {5e-324, "5e-324"},
        {1.7976931348623157e308, "1.7976931348623157e+308"},
        {INFINITY, "inf"},
        {-INFINITY, "-inf"},
        {NAN, "nan"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        base_text text = {0};
        base_text_add_number(&text, rows[i].value);
        double back;
        ck_assert(base_parse_double(base_text_string(&text), &back));
        ck_assert(back == rows[i].value || (isnan(back) && isnan(rows[i].value)));
        check_text(&text, rows[i].text);
    }
}
END_TEST

/* A locale with a comma need not be installed; where none is, this checks the plain case again. */
START_TEST(numbers_ignore_the_locale) {
    if (setlocale(LC_ALL, "de_DE.UTF-8") == NULL) setlocale(LC_ALL, "");
    base_text text = {0};
    base_text_add_number(&text, 2.5);
    check_text(&text, "2.5");
    double value;
    ck_assert(base_parse_double("2.5", &value) && value == 2.5);
    ck_assert(!base_parse_double("2,5", &value));
}
END_TEST

START_TEST(whole_strings_are_numbers) {
    int64_t i;
    double d;
    ck_assert(base_parse_int("-42", &i) && i == -42);
    ck_assert(base_parse_int("+7", &i) && i == 7);
    ck_assert(base_parse_int("9223372036854775807", &i) && i == INT64_MAX);
    static const char *const not_int[] = {"",    " 1", "1 ",  "1.0", "0x10", "9223372036854775808",
                                          "--1", "+",  "1e3", "12kg"};
    for (int k = 0; k < 10; k++) ck_assert_msg(!base_parse_int(not_int[k], &i), "%s", not_int[k]);
    ck_assert(base_parse_double("-1.5e-3", &d) && d == -1.5e-3);
    ck_assert(base_parse_double(".5", &d) && d == 0.5);
    ck_assert(base_parse_double("1e-400", &d) && d == 0.0);
    ck_assert(base_parse_double("nan", &d) && isnan(d));
    ck_assert(base_parse_double("-inf", &d) && isinf(d) && d < 0);
    static const char *const not_double[] = {"",     " 1", "1 ",     "1,5",      "0x1p3", "1e400",
                                             "1..2", "1e", "nan(0)", "infinity", "-",     "."};
    for (int k = 0; k < 12; k++) {
        ck_assert_msg(!base_parse_double(not_double[k], &d), "%s", not_double[k]);
    }
}
END_TEST

START_TEST(the_nearest_word_is_found) {
    static const char *const words[] = {"epochs", "batch", "optimizer", "schedule", "lr"};
    ck_assert_str_eq(base_nearest("epocs", words, 5), "epochs");
    ck_assert_str_eq(base_nearest("EPOCHS", words, 5), "epochs");
    ck_assert_str_eq(base_nearest("bacth", words, 5), "batch");
    ck_assert_str_eq(base_nearest("optimiser", words, 5), "optimizer");
    ck_assert_str_eq(base_nearest("sheduel", words, 5), "schedule");
    ck_assert_ptr_null(base_nearest("momentum", words, 5));
    ck_assert_ptr_null(base_nearest("xy", words, 5));
    ck_assert_ptr_null(base_nearest("", words, 5));
    ck_assert_ptr_null(base_nearest("epochs", words, 0));
    char long_word[200];
    memset(long_word, 'e', sizeof long_word - 1);
    long_word[sizeof long_word - 1] = '\0';
    ck_assert_ptr_null(base_nearest(long_word, words, 5));
}
END_TEST

START_TEST(globs_match) {
    static const struct {
        const char *pattern, *text;
        bool match;
    } rows[] = {
        {"", "", true},
        {"*", "", true},
        {"*", "anything", true},
        {"?", "", false},
        {"?", "x", true},
        {"?", "ü", true},
        {"kick*", "Kick_03.wav", true},
        {"*kick*", "808 KICK", true},
        {"*.wav", "x.wav.bak", false},
        {"a*b*c", "a__b__b_c", true},
        {"a*b*c", "a__c__b", false},
        {"**a**", "bab", true},
        {"abc", "abcd", false},
        {"abcd", "abc", false},
        {"*aab", "aaaab", true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ck_assert_msg(base_glob(rows[i].pattern, rows[i].text) == rows[i].match, "'%s' on '%s'",
                      rows[i].pattern, rows[i].text);
    }
}
END_TEST

START_TEST(thousands_are_parted) {
    char buf[32];
    ck_assert_str_eq(base_thousands(0, buf), "0");
    ck_assert_str_eq(base_thousands(999, buf), "999");
    ck_assert_str_eq(base_thousands(1480, buf), "1,480");
    ck_assert_str_eq(base_thousands(-1234567, buf), "-1,234,567");
    ck_assert_str_eq(base_thousands(INT64_MIN, buf), "-9,223,372,036,854,775,808");
}
END_TEST

TEST_MAIN("base/text", text_grows, failure_sticks, csv_fields_are_quoted_where_needed,
          formulas_are_no_formulas_in_csv, names_of_files_are_carried_as_text, html_is_escaped,
          html_shows_what_acts, troff_is_escaped, json_is_escaped,
          numbers_are_the_shortest_that_read_back, numbers_ignore_the_locale,
          whole_strings_are_numbers, the_nearest_word_is_found, globs_match, thousands_are_parted)
