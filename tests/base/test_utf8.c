#include "base/utf8.h"

#include "tests/test.h"

START_TEST(utf8_is_decoded_strictly) {
    static const struct {
        const char *text;
        size_t n;
        uint32_t code;
    } rows[] = {
        {"", 0, 0},
        {"A", 1, 'A'},
        {"\xC2\x80", 2, 0x80},
        {"\xDF\xBF", 2, 0x7FF},
        {"\xE0\xA0\x80", 3, 0x800},
        {"\xEF\xBF\xBF", 3, 0xFFFF},
        {"\xF0\x90\x80\x80", 4, 0x10000},
        {"\xF4\x8F\xBF\xBF", 4, 0x10FFFF},
        {"\xF4\x90\x80\x80", 0, 0},
        {"\xE0\x9F\xBF", 0, 0},
        {"\xC1\xBF", 0, 0},
        {"\x80", 0, 0},
        {"\xE2\x82", 0, 0},
        {"\xED\xBF\xBF", 0, 0},
        {"\xFF", 0, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint32_t code = 0;
        ck_assert_uint_eq(base_utf8_decode(rows[i].text, &code), rows[i].n);
        ck_assert_uint_eq(code, rows[i].code);
    }
}
END_TEST

START_TEST(faults_are_found) {
    ck_assert_ptr_null(base_utf8_fault("caf\xc3\xa9"));
    ck_assert_ptr_null(base_utf8_fault(""));
    const char *latin = "caf\xe9!";
    ck_assert_ptr_eq(base_utf8_fault(latin), latin + 3);
}
END_TEST

/* All of `text`, shown. */
static const char *show(const char *text, char *out) {
    char shown[BASE_SHOWN_BYTES];
    *out = '\0';
    for (size_t n; (n = base_utf8_show(text, shown)) > 0; text += n) strcat(out, shown);
    return out;
}

START_TEST(what_acts_is_shown_as_an_escape) {
    static const struct {
        const char *text, *shown;
    } rows[] = {
        {"plain ü € \xf0\x9f\xa5\x81 \\", "plain ü € \xf0\x9f\xa5\x81 \\"},
        {"a\nb\rc\td\x1b[31m\x7f", "a\\x0ab\\x0dc\\x09d\\x1b[31m\\x7f"},
        {"\xc2\x85\xc2\x9b", "\\u0085\\u009b"},                            /* NEL, CSI */
        {"\x9b\xe9", "\\x9b\\xe9"},                                        /* bytes, not UTF-8 */
        {"\xe2\x80\xaegpj.\xe2\x81\xa6", "\\u202egpj.\\u2066"},            /* override, isolate */
        {"\xe2\x80\xa8\xe2\x80\xa9", "\\u2028\\u2029"},                    /* line, paragraph */
        {"\xe2\x80\x8b\xe2\x80\x8d\xef\xbb\xbf", "\\u200b\\u200d\\ufeff"}, /* no width */
        {"\xf3\xa0\x80\x81", "\\U000e0001"},                               /* a tag */
        {"\xc2\xa0\xef\xb8\x8f", "\xc2\xa0\xef\xb8\x8f"},                  /* seen, or harmless */
    };
    char once[128], twice[128];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ck_assert_str_eq(show(rows[i].text, once), rows[i].shown);
        ck_assert_str_eq(show(once, twice), once);
    }
}
END_TEST

TEST_MAIN("base/utf8", utf8_is_decoded_strictly, faults_are_found, what_acts_is_shown_as_an_escape)
