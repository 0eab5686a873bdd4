#include "base/processor.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

/* Bits by Intel's manual, volume 2, CPUID. */
#define BIT(n) ((uint32_t)1 << (n))
enum { N_LEVELS = 3 };
static const base_processor_bits needed[N_LEVELS] = {
    /* v2: SSE3, SSSE3, CMPXCHG16B, SSE4.1, SSE4.2, POPCNT; LAHF */
    {.basic_ecx = BIT(0) | BIT(9) | BIT(13) | BIT(19) | BIT(20) | BIT(23), .amd_ecx = BIT(0)},
    /* v3: FMA, MOVBE, OSXSAVE, AVX, F16C; BMI1, AVX2, BMI2; LZCNT; XMM and YMM saved */
    {.basic_ecx = BIT(12) | BIT(22) | BIT(27) | BIT(28) | BIT(29),
     .extended_ebx = BIT(3) | BIT(5) | BIT(8),
     .amd_ecx = BIT(5),
     .saved = 0x06},
    /* v4: AVX512F, DQ, CD, BW, VL; masks and both halves of ZMM saved */
    {.extended_ebx = BIT(16) | BIT(17) | BIT(28) | BIT(30) | BIT(31), .saved = 0xE6}};

int base_processor_level_of(const base_processor_bits *bits) {
    int level = 1;
    while (level <= N_LEVELS) {
        const base_processor_bits *need = &needed[level - 1];
        bool has = (bits->basic_ecx & need->basic_ecx) == need->basic_ecx &&
                   (bits->extended_ebx & need->extended_ebx) == need->extended_ebx &&
                   (bits->amd_ecx & need->amd_ecx) == need->amd_ecx &&
                   (bits->saved & need->saved) == need->saved;
        if (!has) break;
        level++;
    }
    return level;
}

#if defined(__x86_64__)

static base_processor_bits read_bits(void) {
    base_processor_bits bits = {0};
    uint32_t a, b, c, d;
    if (__get_cpuid(1, &a, &b, &c, &d)) bits.basic_ecx = c;
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d)) bits.extended_ebx = b;
    if (__get_cpuid(0x80000001, &a, &b, &c, &d)) bits.amd_ecx = c;
    if (bits.basic_ecx & BIT(27)) {
        __asm__ volatile("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
        bits.saved = (uint64_t)d << 32 | a;
    }
    return bits;
}

int base_processor_highest_level(void) {
    base_processor_bits bits = read_bits();
    return base_processor_level_of(&bits);
}

static int allowed_level(void) {
    const char *limit = getenv("RIMSHOT_LEVEL");
    bool is_level = limit && limit[0] == 'v' && limit[1] >= '1' && limit[1] <= '4' && !limit[2];
    return is_level ? limit[1] - '0' : 4;
}

int base_processor_level(void) {
    static atomic_int known;
    int level = atomic_load_explicit(&known, memory_order_relaxed);
    if (level == 0) {
        int highest = base_processor_highest_level(), allowed = allowed_level();
        level = allowed < highest ? allowed : highest;
        atomic_store_explicit(&known, level, memory_order_relaxed);
    }
    return level;
}

#else

int base_processor_highest_level(void) {
    return 0;
}

int base_processor_level(void) {
    return 0;
}

#endif

base_status base_processor_check(base_error *err) {
    if (base_processor_level() != 1) return BASE_OK;
    return base_fail(err, BASE_ECONFIG,
                     "the processor lacks instructions of x86-64-v2 (SSE4.2, POPCNT and before)");
}
