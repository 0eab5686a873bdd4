/* The header of a safetensors file, whose length fits, before N_DATA bytes. */
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

enum { N_DATA = 64, N_LENGTH = 8 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint8_t *file = calloc(1, N_LENGTH + size + N_DATA);
    fuzz_need(file != NULL, "calloc");
    for (int i = 0; i < N_LENGTH; i++) file[i] = (uint8_t)((uint64_t)size >> (8 * i));
    memcpy(file + N_LENGTH, data, size);
    fuzz_tensors(infer_safetensors_read, file, N_LENGTH + size + N_DATA);
    free(file);
    return 0;
}
