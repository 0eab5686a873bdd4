#include "tests/network_make.h"

#include "tests/test.h"

base_status network_try(const char *layers, const nn_network_config *config, nn_network **network,
                        base_error *err) {
    base_arena arena = {0};
    base_text text = {0};
    base_node *root = NULL;
    base_text_printf(&text, "network: %s\n", layers);
    TEST_OK(base_yaml_parse(base_text_string(&text), "test.yaml", &arena, &root, err), *err);
    base_status status = nn_network_new(base_node_get(root, "network"), config, network, err);
    base_text_release(&text);
    base_arena_release(&arena);
    return status;
}

nn_network *network_make(const char *layers, const nn_network_config *config) {
    nn_network *network = NULL;
    base_error err = {0};
    TEST_OK(network_try(layers, config, &network, &err), err);
    nn_network_init(network, 1);
    return network;
}

void network_fill(float *x, int64_t n, uint64_t seed) {
    base_rng rng = base_rng_open(seed, BASE_RNG_TEST, 0, 0);
    for (int64_t i = 0; i < n; i++) x[i] = base_rng_normal(&rng);
}

void network_noise(uint64_t stream, int64_t n, float scale, float *out) {
    for (int64_t i = 0; i < n; i++) {
        uint64_t x = (uint64_t)(i + 1) * 6364136223846793005u + (stream + 1) * 1442695040888963407u;
        x ^= x >> 33;
        x *= 0xFF51AFD7ED558CCDu;
        x ^= x >> 33;
        out[i] = (float)((double)(x >> 40) / 8388608.0 - 1.0) * scale;
    }
}
