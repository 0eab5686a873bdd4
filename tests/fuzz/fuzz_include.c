/* A list of layers that a configuration includes. */
#include "tests/fuzz/fuzz.h"
#include "train/config.h"

static const char text[] = "name: a\ndataset: {source: synth}\n"
                           "network: [relu, {include: part.yaml}, {linear: classes}]\n";

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    fuzz_put("config.yaml", text, sizeof text - 1);
    fuzz_put("other.yaml", "[relu]", 6);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    base_arena arena = {0};
    base_error err = {0};
    train_config config;
    fuzz_put("part.yaml", data, size);
    const char *path = base_path_join(&arena, fuzz_folder(), "config.yaml");
    if (fuzz_took(train_config_read(path, NULL, 0, &config, &err), &err)) {
        fuzz_yaml_again(config.root);
        train_config_release(&config);
    }
    base_arena_release(&arena);
    return 0;
}
