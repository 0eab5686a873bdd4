/* A CSV file that lists the sounds of a data set. */
#include <stdio.h>

#include "data/dataset.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    fuzz_put("a.wav", "", 0);
    fuzz_put("b.wav", "", 0);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char text[160];
    base_arena arena = {0};
    base_node *root;
    base_error err = {0};
    data_manifest manifest;
    fuzz_put("labels.csv", data, size);
    snprintf(text, sizeof text, "{source: csv, path: %s}", fuzz_folder());
    fuzz_need(base_yaml_parse(text, "fuzz", &arena, &root, NULL) == BASE_OK, text);
    if (fuzz_took(data_manifest_open(root, &(data_manifest_request){.config_folder = fuzz_folder()},
                                     &manifest, &err),
                  &err)) {
        char path[96];
        snprintf(path, sizeof path, "%s/manifest.csv", fuzz_folder());
        fuzz_took(data_manifest_write(&manifest, path, &err), &err);
        data_manifest_release(&manifest);
    }
    base_arena_release(&arena);
    return 0;
}
