/* The network of configs/h3.yaml against PyTorch: the same logits for the same weights, and the
 * same losses over twenty AdamW steps. tests/golden/make_crnn.py has the other half, with the same
 * network_noise(). */
#include <math.h>
#include <string.h>

#include "base/yaml.h"
#include "nn/loss.h"
#include "nn/optimizer.h"
#include "tests/golden.h"
#include "tests/network_make.h"
#include "tests/test.h"

enum { BATCH = 8, STEPS = 20, CLASSES = 5, MELS = 64, FRAMES = 101, COUNT = MELS * FRAMES };

static const char layers_yaml[] = "- repeat: {for: {out: [16, 32, 64]}, body: [conv2d: {kernel: 3, "
                                  "pad: same, bias: false}, batch_norm, "
                                  "relu, max_pool: 2]}\n"
                                  "- to_sequence\n"
                                  "- gru: {hidden: 64, bidirectional: true}\n"
                                  "- time_pool: [mean, max]\n"
                                  "- linear: classes\n";

static void make_batch(int step, float *x, float *target) {
    network_noise(1000 + (uint64_t)step, BATCH * COUNT, 1, x);
    memset(target, 0, BATCH * CLASSES * sizeof *target);
    for (int i = 0; i < BATCH; i++) {
        int class_index = i % CLASSES;
        target[i * CLASSES + class_index] = 1;
        float *band = x + i * COUNT + 12 * class_index * FRAMES;
        for (int j = 0; j < 12 * FRAMES; j++) band[j] += 1;
    }
}

/* Every weight by the formula, in the order of PyTorch's named_parameters; batch norm stays at 1
 * and 0. */
static void set_weights(nn_network *network) {
    uint64_t stream = 0;
    for (int i = 0; i < nn_network_n_tensors(network); i++) {
        nn_tensor tensor = nn_network_tensor(network, i);
        if (tensor.is_state) continue;
        bool is_norm = tensor.shape.rank == 1 && strstr(tensor.name, "bias_") == NULL &&
                       tensor.shape.dim[0] != CLASSES;
        int64_t n = nn_shape_count(tensor.shape);
        int64_t fan_in = n / tensor.shape.dim[0];
        float scale = tensor.shape.rank > 1 ? (float)(1 / sqrt((double)fan_in)) : 0.1F;
        if (!is_norm) network_noise(stream, n, scale, tensor.data);
        stream++;
    }
}

/* The layers are few milliseconds of work each; static keeps the tests' stacks small. */
static float x[BATCH * COUNT], target[BATCH * CLASSES], dlogits[BATCH * CLASSES];

static nn_network *make_network(base_arena *arena) {
    base_node *layers;
    base_error err;
    nn_network *network;
    int64_t dim[3] = {1, MELS, FRAMES};
    TEST_OK(base_yaml_parse(layers_yaml, "crnn", arena, &layers, &err), err);
    nn_network_config config = {
        .input = nn_shape_make(3, dim), .n_classes = CLASSES, .max_batch = BATCH, .training = true};
    TEST_OK(nn_network_new(layers, &config, &network, &err), err);
    nn_network_init(network, 1);
    set_weights(network);
    return network;
}

/* In training and then, with running statistics of that one batch, in inference. */
static void check_logits(nn_network *network, golden *g) {
    make_batch(0, x, target);
    nn_input input = {.x = x, .n = BATCH, .training = true};
    test_close("training logits", nn_network_forward(network, &input),
               golden_get(g, "logits_train", NULL), BATCH * CLASSES, 0, 1e-4);
    input.training = false;
    test_close("inference logits", nn_network_forward(network, &input),
               golden_get(g, "logits_eval", NULL), BATCH * CLASSES, 0, 1e-4);
}

START_TEST(agrees_with_pytorch_over_twenty_steps) {
    base_arena arena = {0};
    base_error err;
    golden *g = golden_open("crnn");
    nn_network *network = make_network(&arena);
    nn_optimizer *optimizer;
    nn_optimizer_options options = {.lr = 1e-3,
                                    .weight_decay = 0.01,
                                    .beta1 = 0.9,
                                    .beta2 = 0.999,
                                    .eps = 1e-8,
                                    .decay_all = true};
    TEST_OK(nn_optimizer_new(network, NN_ADAMW, &options, 0, &optimizer, &err), err);
    nn_loss loss = {.kind = NN_CROSS_ENTROPY, .n_classes = CLASSES};
    float losses[STEPS];
    check_logits(network, g);
    for (int step = 0; step < STEPS; step++) {
        make_batch(step, x, target);
        nn_input input = {.x = x, .n = BATCH, .training = true, .step = (uint64_t)step};
        const float *logits = nn_network_forward(network, &input);
        losses[step] = (float)nn_loss_apply(&loss, BATCH, logits, target, BATCH, dlogits);
        nn_network_zero_grads(network);
        nn_network_backward(network, &input, dlogits, NULL);
        nn_optimizer_step(optimizer, options.lr);
    }
    test_close("losses", losses, golden_get(g, "losses", NULL), STEPS, 1e-3, 0);
    nn_optimizer_free(optimizer);
    nn_network_free(network);
    golden_close(g);
    base_arena_release(&arena);
}
END_TEST

TEST_MAIN("nn/crnn", agrees_with_pytorch_over_twenty_steps)
