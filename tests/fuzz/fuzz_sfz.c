/* An SFZ instrument, as part of a data set, with another file that it may include. */
#include <stdio.h>
#include <string.h>

#include "base/yaml.h"
#include "data/dataset.h"
#include "data/manifest.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char part[] = "#define $K key\n<group> $K=c2 <region> sample=part.wav\n";
    static const char *const labels[] = {"label", "folder", "key"};
    char text[160];
    base_arena arena = {0};
    base_node *root;
    base_error err = {0};
    data_manifest manifest;
    fuzz_put("kit.sfz", data + (size > 0), size - (size > 0));
    fuzz_put("part.txt", part, strlen(part));
    snprintf(text, sizeof text, "{source: sfz, path: %s, label_from: %s}", fuzz_folder(),
             labels[fuzz_choice(data, size, 3)]);
    fuzz_need(base_yaml_parse(text, "fuzz", &arena, &root, NULL) == BASE_OK, text);
    if (fuzz_took(data_manifest_open(root, &(data_manifest_request){.config_folder = fuzz_folder()},
                                     &manifest, &err),
                  &err)) {
        for (int64_t i = 0; i < manifest.n_rows; i++) {
            const char *path = manifest.rows[i].path;
            fuzz_need(manifest.rows[i].left_out != NULL || strstr(path, "/../") == NULL,
                      "a sample outside of the folder");
        }
        data_manifest_release(&manifest);
    }
    base_arena_release(&arena);
    return 0;
}
