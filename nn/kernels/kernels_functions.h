/* nn/kernels/kernels_functions.h - included by kernels.c alone: exp, tanh, sigmoid and GELU of one
 * number, without branches, so that compilers vectorise loops over them. */
#ifndef NN_KERNELS_KERNELS_FUNCTIONS_H
#define NN_KERNELS_KERNELS_FUNCTIONS_H

#include "nn/kernels/kernels_vectors.h"

#include <math.h>

INLINE uint32_t bits_of(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

INLINE float float_of(uint32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* condition ? a : b, for conditions on floats: a branch would keep compilers from vectorising. */
INLINE float choose(bool condition, float a, float b) {
    uint32_t mask = -(uint32_t)condition;
    return float_of((bits_of(a) & mask) | (bits_of(b) & ~mask));
}

/* p = exp(f) for a number or a vector f, |f| <= ln 2 / 2. */
#define EXP_POLYNOMIAL(p, f)                                                                       \
    do {                                                                                           \
        p = f * 1.9875691500e-4f + 1.3981999507e-3f;                                               \
        p = p * f + 8.3334519073e-3f;                                                              \
        p = p * f + 4.1665795894e-2f;                                                              \
        p = p * f + 1.6666665459e-1f;                                                              \
        p = p * f + 5.0000001201e-1f;                                                              \
        p = p * (f * f) + f;                                                                       \
        p = p + 1.0f;                                                                              \
    } while (0)

/* exp(x) = 2^n exp(f), n = round(x / ln 2), |f| <= ln 2 / 2: the polynomial and the split of ln 2
 * are those of Cephes (expf.c). Adding 1.5 * 2^23 rounds and leaves n in the low bits. */
INLINE float exp_of(float x) {
    const float magic = 0x1.8p23f;
    float shifted = x * 1.44269504f + magic;
    float n = shifted - magic;
    float f = x - n * 0.693359375f;
    f = f - n * -2.12194440e-4f;
    float p;
    EXP_POLYNOMIAL(p, f);
    float y = float_of(bits_of(p) + (bits_of(shifted) << 23));
    y = choose(x > 88.7228394f, INFINITY, y);
    y = choose(x < -87.3f, 0.0f, y);
    return choose(x != x, x, y);
}

INLINE float abs_of(float x) {
    return float_of(bits_of(x) & 0x7fffffffu);
}

INLINE float with_sign(float magnitude, float sign) {
    return float_of(bits_of(magnitude) | (bits_of(sign) & 0x80000000u));
}

/* Below 0.625 the odd polynomial of Cephes (tanhf.c); above, 1 - 2 / (exp(2|x|) + 1). */
INLINE float tanh_of(float x) {
    float a = abs_of(x), s = x * x;
    float p = -5.70498872745e-3f;
    p = p * s + 2.06390887954e-2f;
    p = p * s - 5.37397155531e-2f;
    p = p * s + 1.33314422036e-1f;
    p = p * s - 3.33332819422e-1f;
    float small = p * (s * x) + x;
    float large = with_sign(1.0f - 2.0f / (exp_of(2.0f * a) + 1.0f), x);
    return choose(a < 0.625f, small, large);
}

INLINE float sigmoid_of(float x) {
    return 1.0f / (1.0f + exp_of(-x));
}

/* Phi(x), the normal distribution, and its density. With a = |x| / sqrt 2 and t = 1 / (1 + a / 2),
 * erfc(a) / 2 = exp(-a^2) t P(t); P is a least-squares fit to scipy.special.erfcx with a relative
 * error of 5e-8. */
INLINE float normal_of(float x, float *density) {
    float a = abs_of(x), e = exp_of(-0.5f * x * x);
    float t = 1.0f / (1.0f + a * 0.353553391f);
    float p = -0.0295969862f;
    p = p * t + 0.142592937f;
    p = p * t - 0.244233474f;
    p = p * t + 0.139759615f;
    p = p * t - 0.0138138831f;
    p = p * t + 0.101555824f;
    p = p * t + 0.121498108f;
    p = p * t + 0.141195059f;
    p = p * t + 0.141042784f;
    float tail = p * (t * e);
    *density = e * 0.398942280f;
    return choose(x < 0.0f, tail, 1.0f - tail);
}

/* tanh's argument in the approximation of GELU and its derivative. */
INLINE float gelu_argument(float x, float *derivative) {
    float s = x * x;
    *derivative = 0.797884561f + 0.107032225f * s;
    return x * (0.797884561f + 0.0356774081f * s);
}

/* Comparisons are such that NaN comes through. */
INLINE float activation_of(nn_activation kind, float slope, float x) {
    float ignored;
    switch (kind) {
    case NN_RELU:
        return x < 0.0f ? 0.0f : x;
    case NN_LEAKY_RELU:
        return choose(x < 0.0f, slope * x, x);
    case NN_GELU:
        return x * normal_of(x, &ignored);
    case NN_GELU_TANH:
        return 0.5f * x * (1.0f + tanh_of(gelu_argument(x, &ignored)));
    case NN_SIGMOID:
        return sigmoid_of(x);
    case NN_TANH:
        return tanh_of(x);
    default:
        return x;
    }
}

/* f'(x), or for NN_SIGMOID and NN_TANH f'(f^-1(x)). */
INLINE float derivative_of(nn_activation kind, float slope, float x) {
    float aid;
    switch (kind) {
    case NN_RELU:
        return x > 0.0f ? 1.0f : 0.0f;
    case NN_LEAKY_RELU:
        return x > 0.0f ? 1.0f : slope;
    case NN_GELU: {
        float phi = normal_of(x, &aid);
        return aid * x + phi;
    }
    case NN_GELU_TANH: {
        float t = tanh_of(gelu_argument(x, &aid));
        return 0.5f * (1.0f + t) + 0.5f * x * (1.0f - t * t) * aid;
    }
    case NN_SIGMOID:
        return x * (1.0f - x);
    case NN_TANH:
        return 1.0f - x * x;
    default:
        return 1.0f;
    }
}

static void run_exp(const float *x, float *y, int64_t n) {
    EACH(i, n) y[i] = exp_of(x[i]);
}

static void run_tanh(const float *x, float *y, int64_t n) {
    EACH(i, n) y[i] = tanh_of(x[i]);
}

static void run_sigmoid(const float *x, float *y, int64_t n) {
    EACH(i, n) y[i] = sigmoid_of(x[i]);
}

static void add(const float *x, float *y, int64_t n) {
    EACH(i, n) y[i] += x[i];
}

static void axpy(float a, const float *x, float *y, int64_t n) {
    EACH(i, n) y[i] += a * x[i];
}

static void scale(float a, float *y, int64_t n) {
    EACH(i, n) y[i] *= a;
}

static void multiply(const float *a, const float *b, float *y, int64_t n) {
    EACH(i, n) y[i] = a[i] * b[i];
}

static void multiply_add(const float *a, const float *b, float *y, int64_t n) {
    EACH(i, n) y[i] += a[i] * b[i];
}

#endif
