#include "nn/kernels/kernels.h"

#include "base/processor.h"

#if defined(__x86_64__)

extern const nn_kernels_table nn_kernels_v2, nn_kernels_v3, nn_kernels_v4;

const nn_kernels_table *nn_kernels_at(int level) {
    int highest = base_processor_level();
    switch (level < highest ? level : highest) {
    case 4:
        return &nn_kernels_v4;
    case 3:
        return &nn_kernels_v3;
    default:
        return &nn_kernels_v2;
    }
}

#else

extern const nn_kernels_table nn_kernels_v0;

const nn_kernels_table *nn_kernels_at(int level) {
    (void)level;
    return &nn_kernels_v0;
}

#endif

const nn_kernels_table *nn_kernels(void) {
    return nn_kernels_at(base_processor_level());
}
