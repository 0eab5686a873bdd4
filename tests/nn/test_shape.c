#include "nn/shape.h"

#include <string.h>

#include "tests/test.h"

#define SHAPE(...)                                                                                 \
    nn_shape_make((int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)),                       \
                  (const int64_t[]){__VA_ARGS__})

START_TEST(counts) {
    ck_assert_int_eq(nn_shape_count(SHAPE(7)), 7);
    ck_assert_int_eq(nn_shape_count(SHAPE(2, 3, 4, 5)), 120);
    ck_assert_int_eq(nn_shape_count((nn_shape){0}), 1);
    ck_assert_int_eq(nn_shape_count(SHAPE(3, 0)), -1);
    ck_assert_int_eq(nn_shape_count(SHAPE(-2, -3)), -1);
    ck_assert_int_eq(nn_shape_count(SHAPE((int64_t)1 << 20, (int64_t)1 << 20)), (int64_t)1 << 40);
    ck_assert_int_eq(nn_shape_count(SHAPE((int64_t)1 << 20, ((int64_t)1 << 20) + 1)), -1);
    ck_assert_int_eq(nn_shape_count(SHAPE(INT64_MAX, INT64_MAX, INT64_MAX)), -1);
}
END_TEST

START_TEST(compares) {
    ck_assert(nn_shape_equal(SHAPE(2, 3), SHAPE(2, 3)));
    ck_assert(!nn_shape_equal(SHAPE(2, 3), SHAPE(3, 2)));
    ck_assert(!nn_shape_equal(SHAPE(2), SHAPE(2, 1)));
}
END_TEST

START_TEST(knows_the_time_axis) {
    ck_assert_int_eq(nn_shape_time_axis(SHAPE(5)), -1);
    ck_assert_int_eq(nn_shape_time_axis(SHAPE(5, 6)), 0);
    ck_assert_int_eq(nn_shape_time_axis(SHAPE(5, 6, 7)), 2);
}
END_TEST

START_TEST(writes) {
    char text[64];
    ck_assert_str_eq(nn_shape_text(SHAPE(64, 8, 12), true, text), "[B,64,8,12]");
    ck_assert_str_eq(nn_shape_text(SHAPE(64, 8, 12), false, text), "[64,8,12]");
    ck_assert_str_eq(nn_shape_text((nn_shape){0}, true, text), "[B]");
    nn_shape_text(SHAPE(INT64_MIN, INT64_MIN, INT64_MIN, INT64_MIN), true, text);
    ck_assert_int_eq(strlen(text), 63); /* cut, not overrun */
}
END_TEST

TEST_MAIN("nn/shape", counts, compares, knows_the_time_axis, writes)
