/* The network builder. The first three bytes are the input's extents, the rest is the list of
 * layers; a network that is small enough runs. */
#include <stdlib.h>

#include "base/yaml.h"
#include "nn/network.h"
#include "tests/fuzz/fuzz.h"

enum { MAX_BATCH = 2, N_CLASSES = 3 };
#define MOST_BYTES ((size_t)1 << 22)
#define MOST_WORK  ((int64_t)1 << 24)

static void run(nn_network *network, const nn_network_config *config) {
    size_t n = (size_t)(MAX_BATCH * nn_shape_count(config->input));
    float *x = calloc(n, sizeof *x);
    int32_t length[MAX_BATCH] = {1, (int32_t)config->input.dim[2]};
    if (x == NULL) abort();
    for (size_t i = 0; i < n; i++) x[i] = (float)(i % 7) - 3;
    nn_network_init(network, 1);
    nn_input input = {.x = x, .length = length, .n = MAX_BATCH, .training = config->training};
    nn_network_forward(network, &input);
    free(x);
}

static void build(const base_node *layers, nn_network_config *config) {
    nn_network *network;
    base_error err = {0};
    config->measure = true;
    if (!fuzz_took(nn_network_new(layers, config, &network, &err), &err)) return;
    nn_summary needs = nn_network_summary(network);
    nn_network_free(network);
    if (needs.work > MOST_WORK ||
        needs.param_bytes + needs.activation_bytes + needs.scratch_bytes > MOST_BYTES) {
        return;
    }
    config->measure = false;
    if (nn_network_new(layers, config, &network, NULL) != BASE_OK) abort();
    run(network, config);
    nn_network_free(network);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 3) return 0;
    base_arena arena = {0};
    base_node *layers;
    const int64_t extents[] = {1 + data[0] % 4, 1 + data[1], 1 + data[2]};
    nn_network_config config = {
        .input = nn_shape_make(3, extents), .n_classes = N_CLASSES, .max_batch = MAX_BATCH};
    if (base_yaml_parse(fuzz_text(data + 3, size - 3), "fuzz", &arena, &layers, NULL) == BASE_OK &&
        layers->kind == BASE_NODE_LIST) {
        build(layers, &config);
        config.training = true;
        build(layers, &config);
    }
    base_arena_release(&arena);
    return 0;
}
