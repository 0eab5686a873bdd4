/* Picks the table of inner loops for this processor. */
#include <stdlib.h>
#include <string.h>

#include "dsp/kernels.h"

#if defined(__x86_64__)

extern const dsp_kernels_table dsp_kernels_v2, dsp_kernels_v3, dsp_kernels_v4;

static bool runs_v3(void) {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
           __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
}

static bool runs_v4(void) {
    return runs_v3() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl");
}

const dsp_kernels_table *dsp_kernels(void) {
    const char *level = getenv("RIMSHOT_LEVEL");
    int limit = level == NULL ? 4 : strcmp(level, "v2") == 0 ? 2 : strcmp(level, "v3") == 0 ? 3 : 4;
    if (limit >= 4 && runs_v4()) return &dsp_kernels_v4;
    if (limit >= 3 && runs_v3()) return &dsp_kernels_v3;
    return &dsp_kernels_v2;
}

#else

extern const dsp_kernels_table dsp_kernels_v0;

const dsp_kernels_table *dsp_kernels(void) {
    return &dsp_kernels_v0;
}

#endif
