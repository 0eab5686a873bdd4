#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/h5_block.h"

static void need(bool holds, const char *what) {
    if (holds) return;
    perror(what);
    exit(1);
}

const char *fuzz_file(const void *bytes, size_t n_bytes) {
    static int file = -1;
    static char path[64];
    if (file < 0) {
        file = memfd_create("fuzz", MFD_CLOEXEC);
        need(file >= 0, "memfd_create");
        snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    }
    need(ftruncate(file, 0) == 0 && pwrite(file, bytes, n_bytes, 0) == (ssize_t)n_bytes, "pwrite");
    return path;
}

const char *fuzz_h5_file(const char *kind, uint32_t version, const void *bytes, size_t n_bytes) {
    unsigned char *file = calloc(1, BASE__H5_BLOCK_BYTES + n_bytes);
    need(file != NULL, "calloc");
    memcpy(file + BASE__H5_BLOCK_BYTES, bytes, n_bytes);
    base__h5_block_fill(file, kind, version, n_bytes);
    const char *path = fuzz_file(file, BASE__H5_BLOCK_BYTES + n_bytes);
    free(file);
    return path;
}

const char *fuzz_text(const uint8_t *data, size_t size) {
    static char *text;
    free(text);
    text = malloc(size + 1);
    need(text != NULL, "malloc");
    memcpy(text, data, size);
    text[size] = '\0';
    return text;
}

void fuzz_tensors(fuzz_tensors_reader *reader, const uint8_t *data, size_t size) {
    infer_tensors tensors = {0};
    if (reader("fuzz", data, size, &tensors, NULL) == BASE_OK) {
        for (size_t i = 0; i < tensors.n; i++) {
            int64_t n = infer_tensor_count(&tensors.items[i]);
            float *floats = calloc((size_t)n + 1, sizeof *floats);
            need(floats != NULL, "calloc");
            infer_tensor_floats(&tensors.items[i], floats);
            free(floats);
        }
    }
    infer_tensors_release(&tensors);
}
