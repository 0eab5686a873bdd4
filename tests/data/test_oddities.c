#include "data/oddities.h"

#include "tests/data/fixture.h"
#include "tests/sound.h"

static base_error err;

START_TEST(classes_of_the_same_sounds_are_named) {
    enum { N = 12 };
    fixture f = fixture_new(N, 3, 1, 1); /* classes 0, 1, 2, 0, ... */
    data_row *rows = f.manifest.rows;
    for (int i = 0; i < N; i += 3) rows[i].duplicate = rows[i + 1].duplicate = i; /* kick, snare */
    rows[0].duplicate = rows[3].duplicate = 7; /* copies within a class */
    rows[1].duplicate = -1;
    TEST_OK(data_oddities_note(&f.manifest, &err), err);
    ck_assert_int_eq(f.manifest.n_notes, 1);
    ck_assert(sound_has_note(&f.manifest,
                             "the classes 'kick' and 'snare' have the same sounds: 2 of the 4 "
                             "sounds of 'kick' are copies of sounds of 'snare'"));
    f.manifest.n_notes = 0;
    rows[10].left_out = "silent"; /* the one that is the copy of 9 */
    TEST_OK(data_oddities_note(&f.manifest, &err), err);
    ck_assert_int_eq(f.manifest.n_notes, 0); /* one of three and four */
    fixture_release(&f);
}
END_TEST

START_TEST(a_class_of_one_group_is_named) {
    enum { N = 9 };
    fixture f = fixture_new(N, 3, 1, 1);
    data_row *rows = f.manifest.rows;
    TEST_OK(data_oddities_note(&f.manifest, &err), err);
    ck_assert_int_eq(f.manifest.n_notes, 0); /* there are no groups */
    for (int i = 0; i < N; i++) rows[i].group = i % 3 == 1 ? "kit1" : i < 5 ? "kit1" : "kit2";
    TEST_OK(data_oddities_note(&f.manifest, &err), err);
    ck_assert_int_eq(f.manifest.n_notes, 1);
    ck_assert(sound_has_note(&f.manifest, "the class 'snare' occurs in one group alone, 'kit1'"));
    f.manifest.n_notes = 0;
    for (int i = 0; i < N; i++) rows[i].group = "kit1";
    TEST_OK(data_oddities_note(&f.manifest, &err), err);
    ck_assert_int_eq(f.manifest.n_notes, 0); /* there is no other group */
    fixture_release(&f);
}
END_TEST

START_TEST(one_class_is_refused) {
    fixture f = fixture_new(4, 2, 1, 1);
    TEST_OK(data_oddities_check_classes(&f.manifest, &err), err);
    f.manifest.n_classes = 1;
    TEST_FAILS(data_oddities_check_classes(&f.manifest, &err), BASE_EDATA, err,
               "the data set has one class alone, 'kick'");
    fixture_release(&f);
}
END_TEST

TEST_MAIN("data/oddities", classes_of_the_same_sounds_are_named, a_class_of_one_group_is_named,
          one_class_is_refused)
