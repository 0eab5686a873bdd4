/* A Keras file, which libhdf5 reads in a process of its own: slow, a process for each input. */
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_tensors(infer_keras_read, data, size);
    return 0;
}
