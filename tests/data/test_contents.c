#include "data/contents.h"

#include "tests/test.h"

/* Both halves count; of equal ones the first item is found. */
START_TEST(sounds_are_found_by_their_content) {
    data_content contents[] = {{{7, 1}, 5}, {{2, 9}, 4}, {{7, 1}, 3}, {{1, 7}, 2},
                               {{2, 8}, 1}, {{7, 1}, 0}, {{9, 0}, 6}};
    int64_t n = sizeof contents / sizeof *contents;
    data_contents_sort(contents, n);
    for (int64_t i = 1; i < n; i++) {
        const data_content *a = &contents[i - 1], *b = &contents[i];
        if (base_digest_equal(a->content, b->content)) ck_assert_int_lt(a->item, b->item);
    }
    static const struct {
        base_digest content;
        int64_t item; /* -1: none */
    } rows[] = {{{7, 1}, 0},  {{1, 7}, 2},  {{2, 8}, 1},  {{2, 9}, 4}, {{9, 0}, 6},
                {{9, 1}, -1}, {{7, 2}, -1}, {{0, 0}, -1}, {{9, 9}, -1}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const data_content *found = data_contents_find(contents, n, rows[i].content);
        ck_assert(rows[i].item < 0 ? found == NULL : found != NULL && found->item == rows[i].item);
    }
    ck_assert_ptr_null(data_contents_find(NULL, 0, (base_digest){1, 1}));
}
END_TEST

TEST_MAIN("data/contents", sounds_are_found_by_their_content)
