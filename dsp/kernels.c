/* Vectors are GCC's, eight floats wide: each level maps them to the registers it has. */
#include "dsp/kernels.h"

#include <math.h>
#include <string.h>

#define TEXT_(x)    #x
#define TEXT(x)     TEXT_(x)
#define JOIN_(a, b) a##_##b
#define JOIN(a, b)  JOIN_(a, b)
#define TABLE       JOIN(dsp_kernels, KERNEL_LEVEL)

enum { LANES = 8 };
typedef float lanes __attribute__((vector_size(LANES * sizeof(float))));
typedef float lanes_anywhere
    __attribute__((vector_size(LANES * sizeof(float)), aligned(sizeof(float)), may_alias));

#define LOAD(x) (*(const lanes_anywhere *)(x))

static inline float add_lanes(const lanes *v) {
    const float *x = (const float *)v;
    return ((x[0] + x[4]) + (x[2] + x[6])) + ((x[1] + x[5]) + (x[3] + x[7]));
}

static void window(const float *restrict x, const double *restrict w, double *restrict y,
                   int64_t n) {
    for (int64_t i = 0; i < n; i++) y[i] = w[i] * (double)x[i];
}

static void narrow(const double complex *x, float complex *y, int64_t n) {
    const double *restrict wide = (const double *)x;
    float *restrict out = (float *)y;
    for (int64_t i = 0; i < 2 * n; i++) out[i] = (float)wide[i];
}

static void power(const float complex *x, float *restrict y, int64_t n) {
    const float *restrict parts = (const float *)x;
    for (int64_t i = 0; i < n; i++) {
        y[i] = parts[2 * i] * parts[2 * i] + parts[2 * i + 1] * parts[2 * i + 1];
    }
}

static float dot(const float *a, const float *b, int64_t n) {
    lanes even = {0}, odd = {0};
    int64_t i = 0;
    for (; i + 2 * LANES <= n; i += 2 * LANES) {
        even += LOAD(a + i) * LOAD(b + i);
        odd += LOAD(a + i + LANES) * LOAD(b + i + LANES);
    }
    if (i + LANES <= n) {
        even += LOAD(a + i) * LOAD(b + i);
        i += LANES;
    }
    even += odd;
    float sum = add_lanes(&even);
    for (; i < n; i++) sum += a[i] * b[i];
    return sum;
}

/* ln x = e ln 2 + ln m with m in [2/3, 4/3), ln(1 + f) by a minimax polynomial (N. Juffa). */
static inline float natural_log(float x) {
    int32_t bits, e;
    memcpy(&bits, &x, sizeof bits);
    e = (bits - 0x3F2AAAAB) & (int32_t)0xFF800000;
    bits -= e;
    float m;
    memcpy(&m, &bits, sizeof m);
    float f = m - 1.0f, s = f * f;
    float r = -0.130310059f, t = 0.140869141f;
    r = r * s - 0.121483512f;
    t = t * s + 0.139814854f;
    r = r * s - 0.166846126f;
    t = t * s + 0.200120345f;
    r = r * s - 0.249996200f;
    r = t * f + r;
    r = r * f + 0.333331972f;
    r = r * f - 0.5f;
    r = r * s + f;
    return (float)e * 0x1p-23f * 0.693147182f + r;
}

static void decibels(const float *restrict x, float floor, float *restrict y, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        float value = x[i] < floor ? floor : x[i];
        float db = 4.34294482f * natural_log(value);
        y[i] = value <= 3.40282347e38f ? db : value;
    }
}

/* e^(2 pi i x), x in [0, 1], within 1.5e-7. A quarter turn is an exchange of sine and cosine; what
 * is left, an eighth to either side, goes through the polynomials of Cephes (sinf.c). */
static inline float complex turn(float x) {
    int32_t quarter = (int32_t)(4.0f * x + 0.5f);
    float a = 6.28318531f * (x - 0.25f * (float)quarter), s = a * a;
    float sine = ((-1.9515295891e-4f * s + 8.3321608736e-3f) * s - 1.6666654611e-1f) * s;
    float cosine = (2.443315711809948e-5f * s - 1.388731625493765e-3f) * s;
    sine = sine * a + a;
    cosine = (cosine + 4.166664568298827e-2f) * (s * s) - 0.5f * s + 1.0f;
    float re = quarter & 1 ? sine : cosine, im = quarter & 1 ? cosine : sine;
    return CMPLXF((quarter + 1) & 2 ? -re : re, quarter & 2 ? -im : im);
}

/* G. Box, M. Muller, "A note on the generation of random normal deviates", 1958. 1 - u is exact and
 * never 0. */
static void normal(const float *restrict u, float *restrict y, int64_t n) {
    int64_t half = n / 2;
    for (int64_t i = 0; i < half; i++) {
        float radius = sqrtf(-2.0f * natural_log(1.0f - u[i]));
        float complex direction = turn(u[half + i]);
        y[i] = radius * crealf(direction);
        y[half + i] = radius * cimagf(direction);
    }
}

static void read_places(const dsp_reading *reading, float *restrict y, int64_t n) {
    int64_t n_taps = reading->n_taps;
    for (int64_t i = 0; i < n; i++) {
        double place = reading->start + (double)i * reading->step, whole = floor(place);
        double phase = (place - whole) * (double)reading->n_phases;
        int64_t row = (int64_t)phase;
        float fraction = (float)(phase - (double)row);
        const float *x = reading->x + (int64_t)whole - n_taps / 2 + 1;
        const float *a = reading->table + row * n_taps, *b = a + n_taps;
        lanes at_row = {0}, at_next = {0};
        for (int64_t k = 0; k < n_taps; k += LANES) {
            lanes samples = LOAD(x + k);
            at_row += samples * LOAD(a + k);
            at_next += samples * LOAD(b + k);
        }
        at_row += fraction * (at_next - at_row);
        y[i] = add_lanes(&at_row);
    }
}

extern const dsp_kernels_table TABLE;
const dsp_kernels_table TABLE = {
    .level = TEXT(KERNEL_LEVEL),
    .window = window,
    .narrow = narrow,
    .power = power,
    .dot = dot,
    .decibels = decibels,
    .normal = normal,
    .read = read_places,
};
