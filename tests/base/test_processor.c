#include <stdlib.h>

#include "base/processor.h"
#include "tests/test.h"

START_TEST(is_a_level_that_was_compiled) {
    int level = base_processor_level();
#if defined(__x86_64__)
    ck_assert(level >= 2 && level <= 4);
#else
    ck_assert_int_eq(level, 0);
#endif
}
END_TEST

#if defined(__x86_64__)
/* Each test runs in a process of its own, so the level has not been asked for yet. */
START_TEST(can_be_lowered) {
    ck_assert_int_eq(setenv("RIMSHOT_LEVEL", "v2", 1), 0);
    ck_assert_int_eq(base_processor_level(), 2);
    ck_assert_int_eq(setenv("RIMSHOT_LEVEL", "v3", 1), 0);
    ck_assert_int_eq(base_processor_level(), 2);
}
END_TEST

TEST_MAIN("base/processor", is_a_level_that_was_compiled, can_be_lowered)
#else
TEST_MAIN("base/processor", is_a_level_that_was_compiled)
#endif
