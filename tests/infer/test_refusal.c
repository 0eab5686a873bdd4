#include "infer/refusal.h"

#include "tests/test.h"

START_TEST(the_most_probable_class_wins_unless_it_is_refused) {
    const infer_refusal all = {INFER_NONE_REFUSED, 1}, last = {2, 0.5};
    static const struct {
        float p[3];
        int all, last;
    } rows[] = {{{0.2F, 0.7F, 0.1F}, 1, 1},
                {{0.2F, 0.3F, 0.5F}, 2, 1}, /* not above the bound */
                {{0.3F, 0.1F, 0.6F}, 2, INFER_UNKNOWN},
                {{0.5F, 0.5F, 0.0F}, 0, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ck_assert_int_eq(infer_refusal_decide(&all, rows[i].p, 3), rows[i].all);
        ck_assert_int_eq(infer_refusal_decide(&last, rows[i].p, 3), rows[i].last);
    }
}
END_TEST

TEST_MAIN("infer/refusal", the_most_probable_class_wins_unless_it_is_refused)
