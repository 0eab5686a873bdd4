/* A configuration: read, and bound to the options of an experiment. What was read is written so
 * that it reads back. */
#include <stdlib.h>

#include "base/yaml.h"
#include "tests/fuzz/fuzz.h"
#include "train/config.h"

static void write_and_read(const base_node *root) {
    base_text text = {0};
    base_arena arena = {0};
    base_node *again;
    base_yaml_write(root, &text);
    if (base_yaml_parse(base_text_string(&text), "again", &arena, &again, NULL) != BASE_OK) abort();
    base_text_release(&text);
    base_arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const char *text = fuzz_text(data, size);
    base_arena arena = {0};
    base_node *root;
    train_config config;
    if (base_yaml_parse(text, "fuzz", &arena, &root, NULL) == BASE_OK) write_and_read(root);
    base_arena_release(&arena);
    if (train_config_parse(text, "fuzz", &config, NULL) == BASE_OK) train_config_release(&config);
    return 0;
}
