#include "infer/library/similar.h"

#include <math.h>

#include "tests/test.h"

enum { N = 2000, WIDTH = 37, WANTED = 50 };

static base_error err;
static library_entry entries[N];
static float embedding[N * WIDTH], query[WIDTH];
static library_match found[N], again[N];

static library_index make(void) {
    for (int i = 0; i < N * WIDTH; i++) embedding[i] = (float)((i * 7919LL) % 1009) / 504.5F - 1;
    for (int k = 0; k < WIDTH; k++) query[k] = sinf((float)k);
    for (int i = 0; i < N; i++) entries[i] = (library_entry){.name = "x"};
    entries[1].error = "not heard";
    memset(embedding + 2 * WIDTH, 0, WIDTH * sizeof(float));                   /* silence */
    memcpy(embedding + 1500 * WIDTH, query, WIDTH * sizeof(float));            /* the same, */
    for (int k = 0; k < WIDTH; k++) embedding[700 * WIDTH + k] = 3 * query[k]; /* but louder, */
    for (int k = 0; k < WIDTH; k++) embedding[9 * WIDTH + k] = -query[k]; /* and the opposite */
    memcpy(embedding + 1 * WIDTH, query, WIDTH * sizeof(float)); /* what an error stands beside */
    return (library_index){.n = N, .width = WIDTH, .entries = entries, .embedding = embedding};
}

static double cosine(int64_t i) {
    double xy = 0, xx = 0, yy = 0;
    for (int k = 0; k < WIDTH; k++) {
        double x = (double)embedding[i * WIDTH + k], y = (double)query[k];
        xy += x * y;
        xx += x * x;
        yy += y * y;
    }
    return xx > 0 ? xy / sqrt(xx * yy) : 0;
}

START_TEST(all_are_compared_and_come_in_order) {
    library_index index = make();
    int64_t n;
    TEST_OK(library_find_similar(&index, query, NULL, N, found, &n, &err), err);
    ck_assert_int_eq(n, N - 1); /* all but the one that was not heard */
    bool seen[N] = {0};
    for (int64_t i = 0; i < n; i++) {
        int64_t e = found[i].entry;
        ck_assert(!seen[e] && e != 1);
        seen[e] = true;
        ck_assert_double_eq_tol((double)found[i].similarity, cosine(e), 2e-6);
        if (i == 0) continue;
        ck_assert_float_ge(found[i - 1].similarity, found[i].similarity);
        if (found[i - 1].similarity == found[i].similarity) {
            ck_assert_int_lt(found[i - 1].entry, e);
        }
    }
    ck_assert((found[0].entry == 700 && found[1].entry == 1500) ||
              (found[1].entry == 700 && found[0].entry == 1500));
    ck_assert_int_eq(found[n - 1].entry, 9);
}
END_TEST

START_TEST(fewer_are_the_first_of_all) {
    library_index index = make();
    int64_t n;
    TEST_OK(library_find_similar(&index, query, NULL, N, found, &n, &err), err);
    for (int wanted = 0; wanted <= WANTED; wanted += 10) {
        TEST_OK(library_find_similar(&index, query, NULL, wanted, again, &n, &err), err);
        ck_assert_int_eq(n, wanted);
        ck_assert_mem_eq(again, found, (size_t)wanted * sizeof *found);
    }
}
END_TEST

START_TEST(threads_do_not_matter) {
    library_index index = make();
    base_pool *pool;
    int64_t n;
    TEST_OK(base_pool_new(3, &pool, &err), err);
    TEST_OK(library_find_similar(&index, query, NULL, WANTED, found, &n, &err), err);
    TEST_OK(library_find_similar(&index, query, pool, WANTED, again, &n, &err), err);
    ck_assert_mem_eq(again, found, WANTED * sizeof *found);
    base_pool_free(pool);
}
END_TEST

TEST_MAIN("infer/library/similar", all_are_compared_and_come_in_order, fewer_are_the_first_of_all,
          threads_do_not_matter)
