/* A configuration: read, and bound to the options of an experiment. */
#include "base/yaml.h"
#include "tests/fuzz/fuzz.h"
#include "train/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const char *text = fuzz_text(data, size);
    base_arena arena = {0};
    base_node *root;
    base_error err = {0};
    train_config config;
    if (fuzz_took(base_yaml_parse(text, "fuzz", &arena, &root, &err), &err)) fuzz_yaml_again(root);
    base_arena_release(&arena);
    if (fuzz_took(train_config_parse(text, "fuzz", &config, &err), &err)) {
        train_config_release(&config);
    }
    return 0;
}
