/* An elementwise layer: the hard swish. */
#include <math.h>

#include "nn/layer.h"

static void forward(const float p[2], const float *x, float *y, int64_t n) {
    (void)p;
    for (int64_t i = 0; i < n; i++) y[i] = x[i] * fminf(fmaxf(x[i] / 6.0f + 0.5f, 0.0f), 1.0f);
}

static void backward(const float p[2], const float *x, float *d, int64_t n) {
    (void)p;
    for (int64_t i = 0; i < n; i++) {
        d[i] *= x[i] < -3.0f ? 0.0f : x[i] > 3.0f ? 1.0f : x[i] / 3.0f + 0.5f;
    }
}

static void hard_swish_map(const void *options, nn_function *function) {
    (void)options;
    *function = (nn_function){
        .map = {.kind = NN_CUSTOM, .forward = forward, .backward = backward},
        .derivative = NN_READS_X,
        .c = "return x * fminf(fmaxf(x / 6.0f + 0.5f, 0.0f), 1.0f);",
        .onnx = "HardSwish(x)",
    };
}

const nn_layer nn_layer_hard_swish = {
    .variant = {.name = "hard_swish", .help = "x times a clipped line (Howard et al. 2019)"},
    .map = hard_swish_map,
    NN_ELEMENTWISE};
