/* Vectors are GCC's, eight floats wide: each level maps them to the registers it has. */
#include "dsp/kernels.h"

#include <math.h>
#include <string.h>

#if defined(__AVX__)
#include <immintrin.h>
#endif

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

/* Infinity and what is not a number are chosen by a mask: as a branch they would keep compilers
 * from vectors. */
static void decibels(const float *restrict x, float floor, float *restrict y, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        float value = x[i] < floor ? floor : x[i], db = 4.34294482f * natural_log(value);
        uint32_t bits, chosen;
        memcpy(&bits, &value, sizeof bits);
        memcpy(&chosen, &db, sizeof chosen);
        uint32_t mask = -(uint32_t)(bits >= 0x7F800000u);
        chosen = (bits & mask) | (chosen & ~mask);
        memcpy(&y[i], &chosen, sizeof chosen);
    }
}

/* The rational approximation of Eigen (generic_fast_tanh_float); past the bound tanh is 1 in single
 * precision. Sizes are compared as the integers they are stored as, which compilers do without a
 * branch. */
static inline float tangent(float x) {
    const float bound = 7.90531111f;
    const uint32_t infinite = 0x7F800000u; /* above is what is not a number */
    uint32_t bits, most;
    memcpy(&bits, &x, sizeof bits);
    memcpy(&most, &bound, sizeof most);
    uint32_t size = bits & 0x7FFFFFFFu;
    size = ((size < most) | (size > infinite)) ? size : most;
    bits = (bits & 0x80000000u) | size;
    float c;
    memcpy(&c, &bits, sizeof c);
    float s = c * c, p = -2.76076847742355e-16f;
    p = p * s + 2.00018790482477e-13f;
    p = p * s - 8.60467152213735e-11f;
    p = p * s + 5.12229709037114e-8f;
    p = p * s + 1.48572235717979e-5f;
    p = p * s + 6.37261928875436e-4f;
    p = p * s + 4.89352455891786e-3f;
    float q = 1.19825839466702e-6f;
    q = q * s + 1.18534705686654e-4f;
    q = q * s + 2.26843463243900e-3f;
    q = q * s + 4.89352518554385e-3f;
    return c * p / q;
}

static void soft_clip(float *x, float drive, float restore, int64_t n) {
    for (int64_t i = 0; i < n; i++) x[i] = restore * tangent(drive * x[i]);
}

/* Cosine and sine of 2 pi x, x in [0, 1], within 1.5e-7. A quarter turn is an exchange of sine and
 * cosine; what is left, an eighth to either side, goes through the polynomials of Cephes (sinf.c).
 */
static inline void turn(float x, float *across, float *up) {
    int32_t quarter = (int32_t)(4.0f * x + 0.5f);
    float a = 6.28318531f * (x - 0.25f * (float)quarter), s = a * a;
    float sine = ((-1.9515295891e-4f * s + 8.3321608736e-3f) * s - 1.6666654611e-1f) * s;
    float cosine = (2.443315711809948e-5f * s - 1.388731625493765e-3f) * s;
    sine = sine * a + a;
    cosine = (cosine + 4.166664568298827e-2f) * (s * s) - 0.5f * s + 1.0f;
    float re = quarter & 1 ? sine : cosine, im = quarter & 1 ? cosine : sine;
    *across = (quarter + 1) & 2 ? -re : re;
    *up = quarter & 2 ? -im : im;
}

/* G. Box, M. Muller, "A note on the generation of random normal deviates", 1958. 1 - u is exact and
 * never 0. */
static void normal(const float *restrict u, float *restrict y, int64_t n) {
    int64_t half = n / 2;
    for (int64_t i = 0; i < half; i++) {
        float radius = sqrtf(-2.0f * natural_log(1.0f - u[i]));
        float across, up;
        turn(u[half + i], &across, &up);
        y[i] = radius * across;
        y[half + i] = radius * up;
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

#if defined(__AVX__)

/* ---- spectra ----
 *
 * Complex element 4 m + l is lane l of row m, l in the order 0, 2, 1, 3. Rows are transformed as
 * they are, four elements side by side (radix 4, decimation in frequency, in place: they end in the
 * order that plan->order undoes), then their lanes by one more butterfly. */

#define INLINE static inline __attribute__((always_inline))

typedef double wide __attribute__((vector_size(4 * sizeof(double))));
typedef double wide_anywhere
    __attribute__((vector_size(4 * sizeof(double)), aligned(sizeof(double)), may_alias));
typedef float four __attribute__((vector_size(4 * sizeof(float))));
typedef float four_anywhere
    __attribute__((vector_size(4 * sizeof(float)), aligned(sizeof(float)), may_alias));

typedef struct {
    wide re, im;
} wave;

INLINE wide load(const double *x) {
    return *(const wide_anywhere *)x;
}

INLINE void store_row(wide value, double *x) {
    *(wide_anywhere *)x = value;
}

INLINE wave add(wave a, wave b) {
    return (wave){a.re + b.re, a.im + b.im};
}

INLINE wave subtract(wave a, wave b) {
    return (wave){a.re - b.re, a.im - b.im};
}

INLINE wave turned(wave a, wide re, wide im) {
    return (wave){a.re * re - a.im * im, a.re * im + a.im * re};
}

INLINE wide spread(double x) {
    return (wide){x, x, x, x};
}

INLINE void butterfly(wave a[4]) {
    wave even = add(a[0], a[2]), even_difference = subtract(a[0], a[2]);
    wave odd = add(a[1], a[3]), d = subtract(a[1], a[3]);
    wave quarter = {d.im, -d.re};
    a[0] = add(even, odd);
    a[1] = add(even_difference, quarter);
    a[2] = subtract(even, odd);
    a[3] = subtract(even_difference, quarter);
}

INLINE void turn_three(wave a[4], const double *factors) {
    for (int j = 1; j < 4; j++) {
        a[j] = turned(a[j], spread(factors[2 * j - 2]), spread(factors[2 * j - 1]));
    }
}

INLINE wave windowed(const float *x, const double *window) {
    wide a = (wide)_mm256_cvtps_pd(_mm_loadu_ps(x)) * load(window);
    wide b = (wide)_mm256_cvtps_pd(_mm_loadu_ps(x + 4)) * load(window + 4);
    return (wave){__builtin_shufflevector(a, b, 0, 4, 2, 6),
                  __builtin_shufflevector(a, b, 1, 5, 3, 7)};
}

/* Rows of the two parts of complex numbers. */
typedef struct {
    double *re, *im;
} rows;

INLINE void load_rows(rows from, int64_t row, int64_t step, wave a[4]) {
    for (int j = 0; j < 4; j++) {
        int64_t at = 4 * (row + j * step);
        a[j] = (wave){load(from.re + at), load(from.im + at)};
    }
}

INLINE void store_rows(const wave a[4], rows to, int64_t row, int64_t step) {
    for (int j = 0; j < 4; j++) {
        int64_t at = 4 * (row + j * step);
        store_row(a[j].re, to.re + at);
        store_row(a[j].im, to.im + at);
    }
}

/* The first stage, on the windowed samples. */
static const double *begin_spectrum(const dsp_spectrum_plan *plan, const float *x, rows to) {
    const double *factors = plan->stages;
    int64_t step = plan->n / 32;
    for (int64_t i = 0; i < step; i++, factors += 6) {
        wave a[4];
        for (int j = 0; j < 4; j++) {
            int64_t at = 8 * (i + j * step);
            a[j] = windowed(x + at, plan->window + at);
        }
        butterfly(a);
        turn_three(a, factors);
        store_rows(a, to, i, step);
    }
    return factors;
}

/* One stage after the first, on blocks of 4 step rows; the first of each turns by nothing. */
static const double *run_stage(rows z, int64_t n_rows, int64_t step, const double *factors) {
    wave a[4];
    for (int64_t row = 0; row < n_rows; row += 4 * step) {
        load_rows(z, row, step, a);
        butterfly(a);
        store_rows(a, z, row, step);
    }
    for (int64_t i = 1; i < step; i++) {
        factors += 6;
        for (int64_t row = i; row < n_rows; row += 4 * step) {
            load_rows(z, row, step, a);
            butterfly(a);
            turn_three(a, factors);
            store_rows(a, z, row, step);
        }
    }
    return factors + 6;
}

static void add_pairs(rows z, int64_t n_rows) {
    for (int64_t row = 0; row < n_rows; row += 2) {
        double *re = z.re + 4 * row, *im = z.im + 4 * row;
        wave a = {load(re), load(im)}, b = {load(re + 4), load(im + 4)};
        store_row(a.re + b.re, re);
        store_row(a.im + b.im, im);
        store_row(a.re - b.re, re + 4);
        store_row(a.im - b.im, im + 4);
    }
}

INLINE void transpose(wide v[4]) {
    wide a = __builtin_shufflevector(v[0], v[1], 0, 4, 2, 6);
    wide b = __builtin_shufflevector(v[0], v[1], 1, 5, 3, 7);
    wide c = __builtin_shufflevector(v[2], v[3], 0, 4, 2, 6);
    wide d = __builtin_shufflevector(v[2], v[3], 1, 5, 3, 7);
    v[0] = __builtin_shufflevector(a, c, 0, 1, 4, 5);
    v[1] = __builtin_shufflevector(b, d, 0, 1, 4, 5);
    v[2] = __builtin_shufflevector(a, c, 2, 3, 6, 7);
    v[3] = __builtin_shufflevector(b, d, 2, 3, 6, 7);
}

/* From four rows, whose lanes are the parts of four neighbouring frequencies, to these. */
static void join_lanes(const dsp_spectrum_plan *plan, rows z, rows to) {
    int64_t step = plan->n / 32;
    const double *factors = plan->lanes;
    for (int64_t i = 0; i < step; i++, factors += 24) {
        wave row[4];
        load_rows(z, plan->order[i], step, row);
        wide re[4], im[4];
        for (int j = 0; j < 4; j++) {
            re[j] = row[j].re;
            im[j] = row[j].im;
        }
        transpose(re);
        transpose(im);
        wave a[4] = {{re[0], im[0]}, {re[2], im[2]}, {re[1], im[1]}, {re[3], im[3]}};
        for (int j = 1; j < 4; j++) {
            a[j] = turned(a[j], load(factors + 8 * j - 8), load(factors + 8 * j - 4));
        }
        butterfly(a);
        store_rows(a, to, i, step);
    }
}

INLINE wide reversed(wide x) {
    return __builtin_shufflevector(x, x, 3, 2, 1, 0);
}

INLINE four narrowed(wide x) {
    return __builtin_convertvector(x, four);
}

/* Four bins' powers, or themselves, from bin k on. */
INLINE void store_bins(wave a, float *power, float complex *bins, int64_t k) {
    if (power != NULL) {
        *(four_anywhere *)(power + k) = narrowed(a.re * a.re + a.im * a.im);
        return;
    }
    four re = narrowed(a.re), im = narrowed(a.im);
    *(four_anywhere *)(bins + k) = __builtin_shufflevector(re, im, 0, 4, 1, 5);
    *(four_anywhere *)(bins + k + 2) = __builtin_shufflevector(re, im, 2, 6, 3, 7);
}

/* With z the transform of even samples + i odd samples, k and n / 2 - k give two bins: E + T and
 * the conjugate of E - T, where E = (z[k] + conj z[n / 2 - k]) / 2 is the even samples' spectrum
 * and T the odd samples', turned by k / n. The window holds the halves. */
INLINE void split_bins(const dsp_spectrum_plan *plan, rows z, float *power, float complex *bins) {
    int64_t half = plan->n / 2;
    for (int64_t i = 1; i <= half / 2; i += 4) {
        int64_t k = i < half / 2 - 3 ? i : half / 2 - 3, mirror = half - k - 3;
        wave a = {load(z.re + k), load(z.im + k)};
        wave b = {reversed(load(z.re + mirror)), reversed(load(z.im + mirror))};
        wave even = {a.re + b.re, a.im - b.im}, odd = {a.im + b.im, b.re - a.re};
        wave t = turned(odd, load(plan->cosines + k), load(plan->sines + k));
        wave low = add(even, t), high = subtract(even, t);
        store_bins(low, power, bins, k);
        store_bins((wave){reversed(high.re), reversed(-high.im)}, power, bins, mirror);
    }
    double zero = 2.0 * (z.re[0] + z.im[0]), last = 2.0 * (z.re[0] - z.im[0]);
    if (power != NULL) {
        power[0] = (float)(zero * zero);
        power[half] = (float)(last * last);
    } else {
        bins[0] = (float)zero;
        bins[half] = (float)last;
    }
}

static rows run_spectrum(const dsp_spectrum_plan *plan, const float *x, double *scratch) {
    int64_t half = plan->n / 2, n_rows = half / 4, step = n_rows / 16;
    rows z = {scratch, scratch + half}, joined = {scratch + 2 * half, scratch + 3 * half};
    const double *factors = begin_spectrum(plan, x, z);
    for (; step >= 1; step /= 4) factors = run_stage(z, n_rows, step, factors);
    if (plan->pairs) add_pairs(z, n_rows);
    join_lanes(plan, z, joined);
    return joined;
}

static void spectrum_power(const dsp_spectrum_plan *plan, const float *x, double *scratch,
                           float *y) {
    split_bins(plan, run_spectrum(plan, x, scratch), y, NULL);
}

static void spectrum_bins(const dsp_spectrum_plan *plan, const float *x, double *scratch,
                          float complex *y) {
    split_bins(plan, run_spectrum(plan, x, scratch), NULL, y);
}

#endif

extern const dsp_kernels_table TABLE;
const dsp_kernels_table TABLE = {
    .level = TEXT(KERNEL_LEVEL),
    .window = window,
    .narrow = narrow,
    .power = power,
    .dot = dot,
    .decibels = decibels,
    .soft_clip = soft_clip,
    .normal = normal,
    .read = read_places,
#if defined(__AVX__)
    .spectrum_power = spectrum_power,
    .spectrum_bins = spectrum_bins,
#endif
};
