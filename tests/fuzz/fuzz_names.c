/* How the tensors of a file are named in a network: the map, and the other keys of train.init. */
#include <stdlib.h>

#include "infer/import/weights.h"
#include "nn/network.h"
#include "tests/fuzz/fuzz.h"
#include "train/config.h"

static nn_network *network;
static base_arena kept;

static void release(void) {
    nn_network_free(network);
    base_arena_release(&kept);
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    static const char layers[] =
        "[{conv2d: {out: 2, kernel: 1}}, batch_norm, flatten, {linear: 2}]";
    const int64_t extents[] = {1, 1, 2};
    base_node *root;
    nn_network_config config = {.input = nn_shape_make(3, extents), .n_classes = 2, .max_batch = 1};
    fuzz_need(base_yaml_parse(layers, "fuzz", &kept, &root, NULL) == BASE_OK, layers);
    fuzz_need(nn_network_new(root, &config, &network, NULL) == BASE_OK, "the network");
    nn_network_init(network, 1);
    atexit(release);
    return 0;
}

/* The network's own tensors under the names of another program. */
static base_status list_tensors(infer_tensors *tensors) {
    static const char *const names[] = {"conv.weight",
                                        "conv.bias",
                                        "norm.weight",
                                        "norm.bias",
                                        "norm.running_mean",
                                        "norm.running_var",
                                        "norm.num_batches_tracked",
                                        "head.0.weight",
                                        "head.0.bias"};
    base_status status = infer_tensors_of(network, tensors, NULL);
    for (size_t i = 0; i < tensors->n && i < sizeof names / sizeof *names; i++) {
        tensors->items[i].name = names[i];
    }
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    base_arena arena = {0};
    base_node *root;
    base_error err = {0};
    infer_tensors tensors = {0};
    infer_import_report report = {0};
    train_init_options bound;
    if (fuzz_took(base_yaml_parse(fuzz_text(data, size), "fuzz", &arena, &root, &err), &err) &&
        base_options_bind(train_init_table, root, &bound, &arena, &err) == BASE_OK &&
        list_tensors(&tensors) == BASE_OK) {
        const infer_import_options options = {.names = bound.names,
                                              .prefix = bound.prefix,
                                              .only = bound.only,
                                              .partial = bound.partial};
        fuzz_took(infer_import_weights(&tensors, &options, network, &report, &err), &err);
    }
    base_text_release(&report.faults);
    infer_tensors_release(&tensors);
    base_arena_release(&arena);
    return 0;
}
