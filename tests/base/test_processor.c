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

START_TEST(is_refused_below_the_lowest) {
    base_error err;
    ck_assert_int_eq(setenv("RIMSHOT_LEVEL", "v1", 1), 0);
    TEST_FAILS(base_processor_check(&err), BASE_ECONFIG, err, "x86-64-v2");
}
END_TEST

/* What the compiler thinks of this processor, where it can be asked. */
START_TEST(agrees_with_the_compiler) {
    int level = base_processor_highest_level();
    bool v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
              __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
    bool v4 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
              __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
              __builtin_cpu_supports("avx512vl");
    if (level >= 3) ck_assert(v3);
    if (level >= 4) ck_assert(v4);
}
END_TEST
#endif

/* CPUID 1 ecx, 7 ebx, 0x80000001 ecx and XCR0 of processors of these names. */
static const base_processor_bits nehalem = {0x009ce3bd, 0, 0x1, 0};
static const base_processor_bits haswell = {0x7ffafbbf, 0x27ab, 0x21, 0x7};
static const base_processor_bits skylake_x = {0x7ffefbff, 0xd39ffffb, 0x121, 0xe7};

START_TEST(levels_of_known_processors) {
    base_processor_bits core2 = {0x0000e3bd, 0, 0x1, 0}, none = {0};
    ck_assert_int_eq(base_processor_level_of(&none), 1);
    ck_assert_int_eq(base_processor_level_of(&core2), 1);
    ck_assert_int_eq(base_processor_level_of(&nehalem), 2);
    ck_assert_int_eq(base_processor_level_of(&haswell), 3);
    ck_assert_int_eq(base_processor_level_of(&skylake_x), 4);
}
END_TEST

typedef struct {
    int basic, extended, amd; /* the number of the bit that is hidden, or -1 */
    uint64_t saved;           /* XCR0's bits that are hidden */
    int level;
} mask;

START_TEST(a_hidden_instruction_lowers_the_level) {
    static const mask masks[] = {
        /* SSE3, SSSE3, CMPXCHG16B, SSE4.1, SSE4.2, POPCNT, LAHF */
        {0, -1, -1, 0, 1},
        {9, -1, -1, 0, 1},
        {13, -1, -1, 0, 1},
        {19, -1, -1, 0, 1},
        {20, -1, -1, 0, 1},
        {23, -1, -1, 0, 1},
        {-1, -1, 0, 0, 1},
        /* FMA, MOVBE, OSXSAVE, AVX, F16C, BMI1, AVX2, BMI2, LZCNT, XMM, YMM */
        {12, -1, -1, 0, 2},
        {22, -1, -1, 0, 2},
        {27, -1, -1, 0, 2},
        {28, -1, -1, 0, 2},
        {29, -1, -1, 0, 2},
        {-1, 3, -1, 0, 2},
        {-1, 5, -1, 0, 2},
        {-1, 8, -1, 0, 2},
        {-1, -1, 5, 0, 2},
        {-1, -1, -1, 2, 2},
        {-1, -1, -1, 4, 2},
        /* AVX512F, DQ, CD, BW, VL; masks, upper halves, upper registers */
        {-1, 16, -1, 0, 3},
        {-1, 17, -1, 0, 3},
        {-1, 28, -1, 0, 3},
        {-1, 30, -1, 0, 3},
        {-1, 31, -1, 0, 3},
        {-1, -1, -1, 0x20, 3},
        {-1, -1, -1, 0x40, 3},
        {-1, -1, -1, 0x80, 3},
        /* RDRAND and RTM belong to no level */
        {30, -1, -1, 0, 4},
        {-1, 11, -1, 0, 4},
    };
    for (size_t i = 0; i < sizeof masks / sizeof *masks; i++) {
        const mask *m = &masks[i];
        base_processor_bits bits = skylake_x;
        if (m->basic >= 0) bits.basic_ecx &= ~((uint32_t)1 << m->basic);
        if (m->extended >= 0) bits.extended_ebx &= ~((uint32_t)1 << m->extended);
        if (m->amd >= 0) bits.amd_ecx &= ~((uint32_t)1 << m->amd);
        bits.saved &= ~m->saved;
        ck_assert_msg(base_processor_level_of(&bits) == m->level, "mask %zu gives %d", i,
                      base_processor_level_of(&bits));
    }
}
END_TEST

#if defined(__x86_64__)
TEST_MAIN("base/processor", is_a_level_that_was_compiled, levels_of_known_processors,
          a_hidden_instruction_lowers_the_level, can_be_lowered, is_refused_below_the_lowest,
          agrees_with_the_compiler)
#else
TEST_MAIN("base/processor", is_a_level_that_was_compiled, levels_of_known_processors,
          a_hidden_instruction_lowers_the_level)
#endif
