#include "data/alike.h"

#include "tests/sound.h"
#include "tests/test.h"

static base_arena arena;
static base_error err;

static bool are_alike(const char *a, const char *b) {
    base_text x = {0}, y = {0};
    data_alike_add(a, &x);
    data_alike_add(b, &y);
    bool same = x.size == y.size && memcmp(base_text_string(&x), base_text_string(&y), x.size) == 0;
    base_text_release(&x);
    base_text_release(&y);
    return same;
}

START_TEST(names_that_look_alike_are_alike) {
    static const struct {
        const char *a, *b;
    } rows[] = {
        {"kick", "Kick"},
        {"hi hat", " hihat\t"},
        {"hi\xc2\xa0hat", "hihat"}, /* no-break space */
        {"kick", "ki\xe2\x80\x8b\xc2\xad\xef\xbb\xbf"
                 "ck"},                  /* nothing that is seen */
        {"caf\xc3\xa9", "cafe\xcc\x81"}, /* composed or not */
        {"CAF\xc3\x89", "cafe"},
        {"\xc4\x8cINEL", "\xc4\x8dinel"},                             /* Č, č */
        {"\xe1\xba\xbf", "e\xcc\x82\xcc\x81"},                        /* Vietnamese ế */
        {"\xef\xbc\xab\xef\xbd\x89\xef\xbd\x83\xef\xbd\x8b", "kick"}, /* of full width */
        {"\xe3\x83\x89\xe3\x83\xa9\xe3\x83\xa0",
         "\xe3\x83\x88\xe3\x82\x99\xe3\x83\xa9\xe3\x83\xa0"},
        {"\xeb\x93\x9c\xeb\x9f\xbc",
         "\xe1\x84\x83\xe1\x85\xb3\xe1\x84\x85\xe1\x85\xa5\xe1\x86\xb7"},
        {"kick", "k\xd1\x96\xd1\x81k"},      /* Cyrillic і, с */
        {"TOM", "\xd0\xa2\xd0\x9e\xd0\x9c"}, /* Cyrillic ТОМ */
        {"tom", "\xcf\x84\xce\xbf\xce\xbc"}, /* Greek τομ */
        {"tom1", "toml"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ck_assert_msg(are_alike(rows[i].a, rows[i].b), "'%s', '%s'", rows[i].a, rows[i].b);
    }
}
END_TEST

START_TEST(others_are_not) {
    static const struct {
        const char *a, *b;
    } rows[] = {
        {"kick", "kicks"},
        {"S", "SH"},
        {"tom1", "tom2"},
        {"hi hat", "hi-hat"},
        {"\xe3\x81\x8b", "\xe3\x81\x8d"}, /* か, き */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ck_assert_msg(!are_alike(rows[i].a, rows[i].b), "'%s', '%s'", rows[i].a, rows[i].b);
    }
}
END_TEST

START_TEST(a_note_names_both) {
    const char *folder = test_folder();
    data_manifest m;
    sound_write_text(&arena, folder, "labels.csv",
                     "path,label\na.wav,kick\nb.wav,Kick \nc.wav,snare\nd.wav,ki\xe2\x80\x8b"
                     "ck\n");
    TEST_OK(sound_open_manifest(&arena,
                                base_arena_printf(&arena, "{source: csv, path: %s}", folder),
                                folder, &m, &err),
            err);
    ck_assert_int_eq(m.n_classes, 4);
    ck_assert_int_eq(m.n_notes, 2);
    ck_assert(sound_has_note(&m, "the classes 'Kick ' and 'kick' look alike"));
    ck_assert(sound_has_note(&m, "the classes 'Kick ' and 'ki\\u200bck' look alike"));
    data_manifest_release(&m);
}
END_TEST

TEST_MAIN("data/alike", names_that_look_alike_are_alike, others_are_not, a_note_names_both)
