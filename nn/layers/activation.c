/* Functions of single numbers. A layer of that kind is what its `map` says, and nothing else. */
#include "nn/layer.h"

static void relu_map(const void *options, nn_function *function) {
    (void)options;
    *function = (nn_function){.map = {.kind = NN_RELU},
                              .derivative = NN_READS_X | NN_READS_Y,
                              .c = "return x < 0 ? 0 : x;",
                              .onnx = "Relu(x)"};
}

const nn_layer nn_layer_relu = {
    .variant = {"relu", "max(x, 0)", NULL, NULL, 0}, .map = relu_map, NN_ELEMENTWISE};

typedef struct {
    double slope;
} leaky_relu_options;

static const base_option leaky_relu_table[] = {{"slope", BASE_OPT_FLOAT,
                                                offsetof(leaky_relu_options, slope), "0.01", 0, 1,
                                                NULL, NULL, "factor of negative numbers"},
                                               {0}};

static void leaky_relu_map(const void *options, nn_function *function) {
    const leaky_relu_options *o = options;
    *function = (nn_function){.map = {.kind = NN_LEAKY_RELU, .p = {(float)o->slope}},
                              .n_parameters = 1,
                              .derivative = NN_READS_X | NN_READS_Y,
                              .c = "return x < 0 ? p0 * x : x;",
                              .onnx = "LeakyRelu(x, alpha=p0)"};
}

const nn_layer nn_layer_leaky_relu = {.variant = {"leaky_relu",
                                                  "x, times a small slope where negative", "slope",
                                                  leaky_relu_table, sizeof(leaky_relu_options)},
                                      .map = leaky_relu_map,
                                      NN_ELEMENTWISE};

typedef struct {
    int approximate;
} gelu_options;

enum { GELU_NONE, GELU_TANH };

static const base_option gelu_table[] = {
    {"approximate", BASE_OPT_CHOICE, offsetof(gelu_options, approximate), "none", 0, 0, "none|tanh",
     NULL, "the exact function, or the common approximation by tanh"},
    {0}};

static void gelu_map(const void *options, nn_function *function) {
    static const nn_function exact = {
        .map = {.kind = NN_GELU},
        .derivative = NN_READS_X,
        .c = "return 0.5f * x * (1.0f + erff(x * 0.707106781f));",
        .onnx = "Mul(Mul(x, 0.5), Add(Erf(Mul(x, 0.70710678118654752)), 1))"};
    static const nn_function by_tanh = {
        .map = {.kind = NN_GELU_TANH},
        .derivative = NN_READS_X,
        .c = "const float a = 0.797884561f * x * (1.0f + 0.044715f * x * x);\n"
             "return 0.5f * x * (1.0f + tanhf(a));",
        .onnx = "Mul(Mul(x, 0.5), Add(Tanh(Mul(Add(x, Mul(Mul(Mul(x, x), x), 0.044715)), "
                "0.79788456080286536)), 1))"};
    *function = ((const gelu_options *)options)->approximate == GELU_TANH ? by_tanh : exact;
}

const nn_layer nn_layer_gelu = {.variant = {"gelu", "x times the normal distribution function of x",
                                            "approximate", gelu_table, sizeof(gelu_options)},
                                .map = gelu_map,
                                NN_ELEMENTWISE};

static void silu_map(const void *options, nn_function *function) {
    (void)options;
    *function = (nn_function){.map = {.kind = NN_SILU},
                              .derivative = NN_READS_X,
                              .c = "return x * (1.0f / (1.0f + expf(-x)));",
                              .onnx = "Mul(x, Sigmoid(x))"};
}

const nn_layer nn_layer_silu = {
    .variant = {"silu", "x sigmoid(x), also called swish", NULL, NULL, 0},
    .map = silu_map,
    NN_ELEMENTWISE};

static void sigmoid_map(const void *options, nn_function *function) {
    (void)options;
    *function = (nn_function){.map = {.kind = NN_SIGMOID},
                              .derivative = NN_READS_Y,
                              .c = "return 1.0f / (1.0f + expf(-x));",
                              .onnx = "Sigmoid(x)"};
}

const nn_layer nn_layer_sigmoid = {
    .variant = {"sigmoid", "1 / (1 + exp(-x))", NULL, NULL, 0}, .map = sigmoid_map, NN_ELEMENTWISE};

static void tanh_map(const void *options, nn_function *function) {
    (void)options;
    *function = (nn_function){.map = {.kind = NN_TANH},
                              .derivative = NN_READS_Y,
                              .c = "return tanhf(x);",
                              .onnx = "Tanh(x)"};
}

const nn_layer nn_layer_tanh = {
    .variant = {"tanh", "hyperbolic tangent", NULL, NULL, 0}, .map = tanh_map, NN_ELEMENTWISE};
