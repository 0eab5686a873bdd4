/* Weights in a file of that kind; every number of them is read. */
#include <stdlib.h>

#include "infer/tensors.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    infer_tensors tensors = {0};
    if (infer_npz_read("fuzz", data, size, &tensors, NULL) == BASE_OK) {
        for (size_t i = 0; i < tensors.n; i++) {
            int64_t n = infer_tensor_count(&tensors.items[i]);
            float *floats = calloc((size_t)n + 1, sizeof *floats);
            if (floats == NULL) abort();
            infer_tensor_floats(&tensors.items[i], floats);
            free(floats);
        }
    }
    infer_tensors_release(&tensors);
    return 0;
}
