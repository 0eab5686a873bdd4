#include "dsp/kernels.h"

#include "base/processor.h"

#if defined(__x86_64__)

extern const dsp_kernels_table dsp_kernels_v2, dsp_kernels_v3, dsp_kernels_v4;

const dsp_kernels_table *dsp_kernels_at(int level) {
    int highest = base_processor_level();
    switch (level < highest ? level : highest) {
    case 4:
        return &dsp_kernels_v4;
    case 3:
        return &dsp_kernels_v3;
    default:
        return &dsp_kernels_v2;
    }
}

#else

extern const dsp_kernels_table dsp_kernels_v0;

const dsp_kernels_table *dsp_kernels_at(int level) {
    (void)level;
    return &dsp_kernels_v0;
}

#endif

const dsp_kernels_table *dsp_kernels(void) {
    return dsp_kernels_at(base_processor_level());
}
