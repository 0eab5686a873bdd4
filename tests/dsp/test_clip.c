#include <math.h>

#include "dsp/clip.h"
#include "tests/test.h"

START_TEST(finds_any_sound) {
    enum { N = 100 };
    const float sounds[] = {1.0f, -1e-45f, NAN, -INFINITY};
    float x[N] = {0};
    for (int i = 0; i < N; i += 3) x[i] = -0.0f;
    for (int64_t n = 0; n <= N; n++) {
        ck_assert(dsp_is_silent(x, n));
        for (int i = 0; i < 4 && n > 0; i++) {
            for (int64_t at = 0; at < n; at++) {
                float before = x[at];
                x[at] = sounds[i];
                ck_assert(!dsp_is_silent(x, n));
                ck_assert(dsp_is_silent(x, at));
                x[at] = before;
            }
        }
    }
}
END_TEST

START_TEST(finds_the_last_sound) {
    enum { N = 600 };
    float x[N] = {0};
    for (int64_t n = 0; n <= N; n++) ck_assert_int_eq(dsp_sounding(x, n), 0);
    x[599] = x[598] = -0.0f;
    for (int64_t last = 0; last < N - 2; last++) {
        x[last] = 1e-30f; /* what was there before stays */
        ck_assert_int_eq(dsp_sounding(x, N), last + 1);
    }
    x[N - 1] = NAN;
    ck_assert_int_eq(dsp_sounding(x, N), N);
}
END_TEST

TEST_MAIN("dsp/clip", finds_any_sound, finds_the_last_sound)
