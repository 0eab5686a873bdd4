#include "base/processor.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)

static int highest_level(void) {
    bool v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
              __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
    bool v4 = v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
              __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
              __builtin_cpu_supports("avx512vl");
    return v4 ? 4 : v3 ? 3 : 2;
}

static int allowed_level(void) {
    const char *limit = getenv("RIMSHOT_LEVEL");
    if (limit && strcmp(limit, "v2") == 0) return 2;
    if (limit && strcmp(limit, "v3") == 0) return 3;
    return 4;
}

int base_processor_level(void) {
    static atomic_int known;
    int level = atomic_load_explicit(&known, memory_order_relaxed);
    if (level == 0) {
        int highest = highest_level(), allowed = allowed_level();
        level = allowed < highest ? allowed : highest;
        atomic_store_explicit(&known, level, memory_order_relaxed);
    }
    return level;
}

#else

int base_processor_level(void) {
    return 0;
}

#endif
