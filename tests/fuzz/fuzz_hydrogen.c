/* A drum kit's description, as part of a data set. */
#include <stdio.h>

#include "base/yaml.h"
#include "data/dataset.h"
#include "data/manifest.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char text[160];
    base_arena arena = {0};
    base_node *root;
    base_error err = {0};
    data_manifest manifest;
    fuzz_put("kit/drumkit.xml", data, size);
    snprintf(text, sizeof text, "{source: hydrogen, path: %s}", fuzz_folder());
    fuzz_need(base_yaml_parse(text, "fuzz", &arena, &root, NULL) == BASE_OK, text);
    if (fuzz_took(data_manifest_open(root, &(data_manifest_request){.config_folder = fuzz_folder()},
                                     &manifest, &err),
                  &err)) {
        data_manifest_release(&manifest);
    }
    base_arena_release(&arena);
    return 0;
}
