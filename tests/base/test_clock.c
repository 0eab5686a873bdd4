#include "base/clock.h"

#include <time.h>

#include "tests/test.h"

START_TEST(counts_nanoseconds_and_never_goes_back) {
    int64_t start = base_clock_ns(), last = start;
    for (int i = 0; i < 1000; i++) {
        int64_t now = base_clock_ns();
        ck_assert(now >= last);
        last = now;
    }
    nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    ck_assert(base_clock_ns() - last >= 2000000);
}
END_TEST

TEST_MAIN("base/clock", counts_nanoseconds_and_never_goes_back)
