/* What the process that reads a Keras file hands over, turned into PyTorch's names and layouts. */
#include "infer/import/keras.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    infer_tensors tensors = {0};
    base_error err = {0};
    fuzz_took(infer_keras_convert("fuzz", data, size, &tensors, &err), &err);
    infer_tensors_release(&tensors);
    return 0;
}
