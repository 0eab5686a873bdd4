/* The networks of configs/systems/networks against torchvision: as many parameters, and the same
 * logits and gradients for the same weights. tests/golden/make_systems.py has the other half. */
#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/yaml.h"
#include "nn/loss.h"
#include "nn/optimizer.h"
#include "tests/golden.h"
#include "tests/network_make.h"
#include "tests/test.h"

enum { BATCH = 2, CHANNELS = 2, MELS = 64, FRAMES = 96, CLASSES = 5, SAMPLES = 4 };
enum { COUNT = CHANNELS * MELS * FRAMES };

typedef struct {
    const char *name;
    int64_t n_param; /* for 1,000 classes and 3 channels */
    double factor;   /* of the weights' variance */
} system_network;

static const system_network networks[] = {{"vgg19", 143667240, 2},
                                          {"resnet34", 21797672, 2},
                                          {"efficientnet_b0", 5288548, 1},
                                          {"efficientnet_b1", 7794184, 1},
                                          {"efficientnet_b2", 9109994, 1}};
enum { N_NETWORKS = sizeof networks / sizeof *networks };

static base_arena arena;
static base_error err;

static const char *read_text(const char *name) {
    void *data;
    size_t n_bytes;
    const char *path =
        test_path(base_arena_printf(&arena, "../configs/systems/networks/%s.yaml", name));
    TEST_OK(base_file_read(path, 0, &data, &n_bytes, &err), err);
    const char *text = base_arena_printf(&arena, "%.*s", (int)n_bytes, (const char *)data);
    base_free(data);
    return text;
}

/* The text with the only occurrence of `from` replaced. */
static const char *replaced(const char *text, const char *from, const char *to) {
    const char *at = strstr(text, from);
    ck_assert_ptr_nonnull(at);
    ck_assert_ptr_null(strstr(at + 1, from));
    return base_arena_printf(&arena, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
}

/* VGG19 as it stands has 140 million weights. */
static const char *narrow_text(const char *name) {
    const char *text = read_text(name);
    if (strcmp(name, "vgg19") != 0) return text;
    text = replaced(text, "[64, 128, 256, 512, 512]", "[8, 16, 32, 64, 64]");
    return replaced(text, "linear: 4096", "linear: 128");
}

static base_node *parse(const char *text, const char *name) {
    base_node *layers;
    TEST_OK(base_yaml_parse(text, name, &arena, &layers, &err), err);
    return layers;
}

static nn_network *make(const base_node *layers, const nn_network_config *config) {
    nn_network *network;
    TEST_OK(nn_network_new(layers, config, &network, &err), err);
    return network;
}

static void zero_scalars(base_node *node) {
    if (node->kind == BASE_NODE_SCALAR) node->text = "0";
    for (base_node *child = node->child; child != NULL; child = child->next) zero_scalars(child);
}

/* Every probability of dropout and stochastic depth becomes 0. */
static void silence(base_node *node) {
    static const char *const keys[] = {"p", "dropout", "stochastic_depth"};
    for (int i = 0; node->key != NULL && i < 3; i++) {
        if (strcmp(node->key, keys[i]) == 0) zero_scalars(node);
    }
    for (base_node *child = node->child; child != NULL; child = child->next) silence(child);
}

START_TEST(has_as_many_parameters_as_torchvision) {
    nn_network_config config = {.input = {3, {3, 32, 32}}, .n_classes = 1000, .max_batch = 1};
    for (int i = 0; i < N_NETWORKS; i++) {
        const char *name = networks[i].name;
        nn_network *network = make(parse(read_text(name), name), &config);
        ck_assert_int_eq(nn_network_summary(network).n_param, networks[i].n_param);
        nn_network_free(network);
    }
    base_arena_release(&arena);
}
END_TEST

static bool ends_in(const char *text, const char *end) {
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

/* First all parameters, then all states. */
static void set_numbers(nn_network *network, double factor) {
    uint64_t stream = 0;
    for (int states = 0; states < 2; states++) {
        for (int i = 0; i < nn_network_n_tensors(network); i++) {
            nn_tensor tensor = nn_network_tensor(network, i);
            if (tensor.is_state != states || ends_in(tensor.name, "tracked")) continue;
            int64_t n = nn_shape_count(tensor.shape), fan_in = n / tensor.shape.dim[0];
            bool wide = tensor.shape.rank > 1;
            float scale = wide ? (float)sqrt(3 * factor / (double)fan_in) : 0.1F;
            bool around_1 = ends_in(tensor.name, states ? "running_var" : ".weight") && !wide;
            network_noise(stream++, n, scale, tensor.data);
            for (int64_t k = 0; k < n && around_1; k++) tensor.data[k] += 1;
        }
    }
}

static float x[BATCH * COUNT], dy[BATCH * CLASSES];

static void check_logits(const char *what, const float *logits, const float *expected) {
    double largest = 0;
    for (int i = 0; i < BATCH * CLASSES; i++) largest = fmax(largest, fabs(expected[i]));
    test_close(what, logits, expected, BATCH * CLASSES, 0, 1e-4 * largest);
}

/* The norm, and a few numbers relative to what a number of the tensor is on average: with two
 * samples and planes of a few numbers, batch_norm makes much of rounding. Where one follows, a bias
 * has no gradient but for `rounding`. */
static void check_gradient(const nn_tensor *tensor, float expected_norm, const float *expected,
                           double rounding) {
    int64_t n = nn_shape_count(tensor->shape);
    double squares = 0, usual = expected_norm / sqrt((double)n);
    float samples[SAMPLES];
    for (int64_t k = 0; k < n; k++) squares += (double)tensor->grad[k] * tensor->grad[k];
    for (int k = 0; k < SAMPLES; k++) samples[k] = tensor->grad[7919 * (k + 1) % n];
    float norm = (float)sqrt(squares);
    test_close(tensor->name, &norm, &expected_norm, 1, 1e-2, rounding);
    test_close(tensor->name, samples, expected, SAMPLES, 0, 5e-2 * usual + rounding);
}

static void check_gradients(nn_network *network, const float *norm, const float *samples) {
    double largest = 0;
    for (int i = 0, k = 0; i < nn_network_n_tensors(network); i++) {
        if (!nn_network_tensor(network, i).is_state) largest = fmax(largest, norm[k++]);
    }
    for (int i = 0; i < nn_network_n_tensors(network); i++) {
        nn_tensor tensor = nn_network_tensor(network, i);
        if (tensor.is_state) continue;
        check_gradient(&tensor, *norm++, samples, 1e-5 * largest);
        samples += SAMPLES;
    }
}

static const float *reference(golden *g, const char *name, const char *what) {
    return golden_get(g, base_arena_printf(&arena, "%s/%s", name, what), NULL);
}

static const nn_network_config small = {.input = {3, {CHANNELS, MELS, FRAMES}},
                                        .n_classes = CLASSES,
                                        .max_batch = BATCH,
                                        .training = true};

static void check_golden(golden *g, const system_network *of) {
    const char *name = of->name;
    base_node *layers = parse(narrow_text(name), name);
    silence(layers);
    nn_network *network = make(layers, &small);
    set_numbers(network, of->factor);
    network_noise(1000, BATCH * COUNT, 1, x);
    network_noise(1001, BATCH * CLASSES, 1, dy);
    nn_input input = {.x = x, .n = BATCH};
    check_logits(name, nn_network_forward(network, &input), reference(g, name, "logits_eval"));
    input.training = true;
    check_logits(name, nn_network_forward(network, &input), reference(g, name, "logits_train"));
    nn_network_backward(network, &input, dy, NULL);
    check_gradients(network, reference(g, name, "norms"), reference(g, name, "samples"));
    nn_network_free(network);
}

START_TEST(agrees_with_torchvision) {
    golden *g = golden_open("systems");
    for (int i = 0; i < N_NETWORKS; i++) check_golden(g, &networks[i]);
    golden_close(g);
    base_arena_release(&arena);
}
END_TEST

/* With dropout and stochastic depth, whose masks the step names, from the first weights. */
static void check_learning(const char *name) {
    nn_network *network = make(parse(narrow_text(name), name), &small);
    nn_optimizer *optimizer;
    nn_optimizer_options options = {.beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8};
    TEST_OK(nn_optimizer_new(network, NN_ADAM, &options, 0, &optimizer, &err), err);
    nn_network_init(network, 1);
    network_fill(x, BATCH * COUNT, 1);
    nn_loss loss = {.kind = NN_CROSS_ENTROPY, .n_classes = CLASSES};
    float target[BATCH * CLASSES] = {[1] = 1, [CLASSES + 3] = 1};
    double losses[3];
    for (int step = 0; step < 3; step++) {
        nn_input input = {.x = x, .n = BATCH, .training = true};
        const float *logits = nn_network_forward(network, &input);
        losses[step] = nn_loss_apply(&loss, BATCH, logits, target, BATCH, dy);
        nn_network_zero_grads(network);
        nn_network_backward(network, &input, dy, NULL);
        nn_optimizer_step(optimizer, 1e-4);
    }
    ck_assert_msg(losses[2] < losses[0], "%s: %g, then %g", name, losses[0], losses[2]);
    nn_optimizer_free(optimizer);
    nn_network_free(network);
}

START_TEST(learns_in_two_steps) {
    for (int i = 0; i < N_NETWORKS; i++) check_learning(networks[i].name);
    base_arena_release(&arena);
}
END_TEST

TEST_MAIN("nn/systems", has_as_many_parameters_as_torchvision, agrees_with_torchvision,
          learns_in_two_steps)
