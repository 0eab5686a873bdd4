/* A drum kit's description, as part of a data set. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/yaml.h"
#include "data/dataset.h"
#include "data/manifest.h"
#include "tests/fuzz/fuzz.h"

static char folder[64], kit[96], description[128];

static void remove_folder(void) {
    unlink(description);
    rmdir(kit);
    rmdir(folder);
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    snprintf(folder, sizeof folder, "/tmp/rimshot-fuzz-XXXXXX");
    if (mkdtemp(folder) == NULL) return 1;
    snprintf(kit, sizeof kit, "%s/kit", folder);
    snprintf(description, sizeof description, "%s/drumkit.xml", kit);
    atexit(remove_folder);
    return mkdir(kit, 0700);
}

static void open_manifest(void) {
    char text[160];
    base_arena arena = {0};
    base_node *root;
    data_manifest manifest;
    snprintf(text, sizeof text, "{source: hydrogen, path: %s}", folder);
    if (base_yaml_parse(text, "fuzz", &arena, &root, NULL) != BASE_OK) abort();
    if (data_manifest_open(root, folder, &manifest, NULL) == BASE_OK) {
        data_manifest_release(&manifest);
    }
    base_arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    FILE *file = fopen(description, "wb");
    if (file == NULL || fwrite(data, 1, size, file) != size || fclose(file) != 0) abort();
    open_manifest();
    return 0;
}
