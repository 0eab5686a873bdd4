/* Overrides from the command line: the lines before an empty one, applied to the configuration that
 * follows, alone and on the way of a command. */
#include <string.h>

#include "base/yaml.h"
#include "tests/fuzz/fuzz.h"
#include "train/config.h"

enum { MOST = 8 };

/* Cuts lines off up to an empty one; returns how many, and the rest. */
static int take_lines(char *text, const char *lines[MOST], const char **rest) {
    int n = 0;
    while (n < MOST && *text != '\n' && *text != '\0') {
        size_t length = strcspn(text, "\n");
        lines[n++] = text;
        bool is_last = text[length] == '\0';
        text[length] = '\0';
        text += length + !is_last;
    }
    *rest = text;
    return n;
}

static void apply(const char *const *lines, int n, const char *yaml) {
    base_arena arena = {0};
    base_node *root;
    base_error err = {0};
    if (base_yaml_parse(yaml, "fuzz", &arena, &root, NULL) == BASE_OK &&
        root->kind == BASE_NODE_MAP) {
        for (int i = 0; i < n; i++) {
            if (fuzz_took(base_yaml_override(root, lines[i], &arena, &err), &err)) {
                fuzz_yaml_again(root);
            }
        }
    }
    base_arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const char *lines[MOST], *yaml;
    base_error err = {0};
    train_config config;
    int n = take_lines((char *)fuzz_text(data, size), lines, &yaml);
    apply(lines, n, yaml);
    const char *path = fuzz_file(yaml, strlen(yaml));
    if (fuzz_took(train_config_read(path, lines, n, &config, &err), &err)) {
        train_config_release(&config);
    }
    return 0;
}
