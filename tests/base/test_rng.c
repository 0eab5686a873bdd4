#include "base/rng.h"

#include <math.h>
#include <stdlib.h>

#include "tests/test.h"

/* Known answers of the Random123 distribution (kat_vectors, philox4x32 10). */
START_TEST(philox_matches_the_published_vectors) {
    static const struct {
        uint32_t counter[4], key[2], expected[4];
    } rows[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint32_t out[4];
        base_rng_philox(rows[i].counter, rows[i].key, out);
        for (int j = 0; j < 4; j++) ck_assert_uint_eq(out[j], rows[i].expected[j]);
    }
}
END_TEST

START_TEST(streams_are_repeatable_and_apart) {
    base_rng base = base_rng_open(7, BASE_RNG_TEST, 1, 2), again = base;
    base_rng others[] = {
        base_rng_open(8, BASE_RNG_TEST, 1, 2),
        base_rng_open(7 + ((uint64_t)1 << 32), BASE_RNG_TEST, 1, 2),
        base_rng_open(7, BASE_RNG_TEST + 256, 1, 2),
        base_rng_open(7, BASE_RNG_TEST, 2, 2),
        base_rng_open(7, BASE_RNG_TEST, 2, 1),
    };
    uint64_t first = base_rng_u64(&base);
    ck_assert_uint_eq(base_rng_u64(&again), first);
    for (int i = 0; i < 5; i++) ck_assert_uint_ne(base_rng_u64(&others[i]), first);
}
END_TEST

/* The numbers of a stream must never change: they are part of every recorded experiment. */
START_TEST(the_first_numbers_are_fixed) {
    base_rng rng = base_rng_open(0, 0, 0, 0);
    ck_assert_uint_eq(base_rng_u32(&rng), 0x6627e8d5);
    ck_assert_uint_eq(base_rng_u64(&rng), 0xbc57ac4ce169c58d);
    ck_assert(base_rng_uniform(&rng) == (float)(0x9b00dbd8 >> 8) / 16777216.0f);
    ck_assert_uint_eq(rng.counter[0], 1);
}
END_TEST

START_TEST(filling_equals_drawing) {
    float filled[1000];
    for (int skip = 0; skip < 6; skip++) {
        for (int n = 0; n < 300; n += 7) {
            base_rng a = base_rng_open(3, BASE_RNG_TEST, 0, (uint64_t)n), b = a;
            for (int i = 0; i < skip; i++) ck_assert_uint_eq(base_rng_u32(&a), base_rng_u32(&b));
            base_rng_fill_uniform(&a, filled, n);
            for (int i = 0; i < n; i++) ck_assert(filled[i] == base_rng_uniform(&b));
            ck_assert_uint_eq(base_rng_u32(&a), base_rng_u32(&b));
        }
    }
}
END_TEST

START_TEST(uniforms_fill_their_interval) {
    enum { N = 100000 };
    base_rng rng = base_rng_open(1, BASE_RNG_TEST, 0, 0);
    double sum = 0.0, square = 0.0, low = 1.0, high = 0.0;
    for (int i = 0; i < N; i++) {
        double x = base_rng_range(&rng, -3.0, 5.0);
        ck_assert(x >= -3.0 && x < 5.0);
        double u = base_rng_uniform(&rng);
        sum += u;
        square += u * u;
        low = fmin(low, u);
        high = fmax(high, u);
    }
    ck_assert(low >= 0.0 && low < 1e-3 && high < 1.0 && high > 0.999);
    ck_assert_double_eq_tol(sum / N, 0.5, 0.005);
    ck_assert_double_eq_tol(square / N, 1.0 / 3.0, 0.005);
    ck_assert(base_rng_range(&rng, 2.0, 2.0) == 2.0);
}
END_TEST

START_TEST(normals_have_their_moments) {
    enum { N = 100000 };
    base_rng rng = base_rng_open(2, BASE_RNG_TEST, 0, 0);
    double sum = 0.0, square = 0.0, cube = 0.0, fourth = 0.0;
    for (int i = 0; i < N; i++) {
        double x = base_rng_normal(&rng);
        ck_assert(isfinite(x));
        sum += x;
        square += x * x;
        cube += x * x * x;
        fourth += x * x * x * x;
    }
    ck_assert_double_eq_tol(sum / N, 0.0, 0.015);
    ck_assert_double_eq_tol(square / N, 1.0, 0.02);
    ck_assert_double_eq_tol(cube / N, 0.0, 0.05);
    ck_assert_double_eq_tol(fourth / N, 3.0, 0.12);
}
END_TEST

START_TEST(below_is_even) {
    enum { N = 7, DRAWS = 70000 };
    int count[N] = {0};
    base_rng rng = base_rng_open(3, BASE_RNG_TEST, 0, 0);
    for (int i = 0; i < DRAWS; i++) {
        int64_t x = base_rng_below(&rng, N);
        ck_assert(x >= 0 && x < N);
        count[x]++;
    }
    for (int i = 0; i < N; i++) ck_assert_int_lt(abs(count[i] - DRAWS / N), 400);
    ck_assert_int_eq(base_rng_below(&rng, 1), 0);
    for (int i = 0; i < 100; i++) ck_assert_int_ge(base_rng_below(&rng, INT64_MAX), 0);
}
END_TEST

START_TEST(chance_keeps_its_odds) {
    int n = 0;
    base_rng rng = base_rng_open(4, BASE_RNG_TEST, 0, 0);
    for (int i = 0; i < 100000; i++) {
        n += base_rng_chance(&rng, 0.3);
        ck_assert(!base_rng_chance(&rng, 0.0));
        ck_assert(base_rng_chance(&rng, 1.0));
    }
    ck_assert_int_lt(abs(n - 30000), 600);
}
END_TEST

START_TEST(shuffles_are_unbiased_permutations) {
    int first[5] = {0};
    base_rng rng = base_rng_open(5, BASE_RNG_TEST, 0, 0);
    for (int round = 0; round < 10000; round++) {
        int64_t items[5] = {0, 1, 2, 3, 4};
        base_rng_shuffle(&rng, items, 5);
        int seen = 0;
        for (int i = 0; i < 5; i++) seen |= 1 << items[i];
        ck_assert_int_eq(seen, 31);
        first[items[0]]++;
    }
    for (int i = 0; i < 5; i++) ck_assert_int_lt(abs(first[i] - 2000), 200);
    base_rng_shuffle(&rng, NULL, 0);
}
END_TEST

TEST_MAIN("base/rng", philox_matches_the_published_vectors, streams_are_repeatable_and_apart,
          the_first_numbers_are_fixed, filling_equals_drawing, uniforms_fill_their_interval,
          normals_have_their_moments, below_is_even, chance_keeps_its_odds,
          shuffles_are_unbiased_permutations)
