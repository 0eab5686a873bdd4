/* Weights in a file of that kind; every number of them is read. */
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_tensors(infer_npz_read, data, size);
    return 0;
}
