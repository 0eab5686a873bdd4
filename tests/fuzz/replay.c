/* Runs a target of tests/fuzz on inputs that are kept, without libFuzzer: the target PROGRAM on
 * those of tests/fuzz/corpus/PROGRAM. Each must end well within SECONDS, and those named whole*
 * must be read, or they no longer test what they were kept for. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/walk.h"
#include "base/file.h"
#include "tests/fuzz/fuzz.h"

enum { SECONDS = 10 };

int __attribute__((weak)) LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    return 0;
}

static bool run(const char *path) {
    void *bytes;
    size_t n_bytes;
    base_error err;
    printf("%s\n", path);
    fflush(stdout);
    if (base_file_read(path, 0, &bytes, &n_bytes, &err) != BASE_OK) {
        printf("%s\n", err.text);
        return false;
    }
    uint8_t *exact = malloc(n_bytes + (n_bytes == 0)); /* without the zero behind the bytes */
    fuzz_need(exact != NULL, "malloc");
    memcpy(exact, bytes, n_bytes);
    base_free(bytes);
    alarm(SECONDS);
    LLVMFuzzerTestOneInput(exact, n_bytes);
    alarm(0);
    free(exact);
    bool read = fuzz_has_taken();
    bool must = strncmp(base_path_name(path), "whole", strlen("whole")) == 0;
    if (must && !read) printf("FAIL: %s is not read: %s\n", path, fuzz_last_error());
    return read || !must;
}

int main(int argc, char **argv) {
    base_arena arena = {0};
    base_walk found;
    int64_t n_failed = 0;
    base_error err;
    const char *folder = base_path_join(&arena, "tests/fuzz/corpus", base_path_name(argv[0]));
    if (LLVMFuzzerInitialize(&argc, &argv) != 0) return 1;
    if (base_folder_walk(folder, NULL, &arena, &found, &err) != BASE_OK) printf("%s\n", err.text);
    int64_t n = found.n_paths;
    for (int64_t i = 0; i < n; i++) n_failed += !run(found.paths[i]);
    base_arena_release(&arena);
    if (n == 0) return 1;
    printf("%d%%: Checks: %d, Failures: %d, Errors: 0\n", (int)(100 * (n - n_failed) / n), (int)n,
           (int)n_failed);
    return n_failed > 0;
}
