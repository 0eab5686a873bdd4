#include "dsp/loudness.h"

#include <math.h>

#include "base/arena.h"
#include "dsp/scratch.h"

#define OFFSET_LU     (-0.691)
#define ABSOLUTE_LUFS (-70.0)
#define RELATIVE_LU   (-10.0)

enum { STEPS = 4 }; /* of 100 ms in a block */

/* Corner, quality and gain of the prototypes: B. De Man, "Evaluation of implementations of the EBU
 * R128 loudness measurement", AES 145 (2018). */
static dsp_biquad high_shelf(double sample_rate_hz) {
    const double corner_hz = 1681.974450955533, q = 0.7071752369554196, gain_db = 3.999843853973347;
    double k = tan(M_PI * corner_hz / sample_rate_hz);
    double high = pow(10.0, gain_db / 20.0), band = pow(high, 0.4996667741545416);
    double a0 = 1.0 + k / q + k * k;
    return (dsp_biquad){{(high + band * k / q + k * k) / a0, 2.0 * (k * k - high) / a0,
                         (high - band * k / q + k * k) / a0},
                        {1.0, 2.0 * (k * k - 1.0) / a0, (1.0 - k / q + k * k) / a0}};
}

static dsp_biquad high_pass(double sample_rate_hz) {
    const double corner_hz = 38.13547087602444, q = 0.5003270373238773;
    double k = tan(M_PI * corner_hz / sample_rate_hz);
    double a0 = 1.0 + k / q + k * k;
    return (dsp_biquad){{1.0, -2.0, 1.0},
                        {1.0, 2.0 * (k * k - 1.0) / a0, (1.0 - k / q + k * k) / a0}};
}

void dsp_loudness_filters(double sample_rate_hz, dsp_biquad filters[2]) {
    filters[0] = high_shelf(sample_rate_hz);
    filters[1] = high_pass(sample_rate_hz);
}

static int64_t step_samples(double sample_rate_hz) {
    return (int64_t)(sample_rate_hz / 10.0 + 0.5);
}

/* Whole steps; those of one block at least. */
static int64_t count_steps(int64_t n, double sample_rate_hz) {
    int64_t n_steps = n / step_samples(sample_rate_hz);
    return n_steps > STEPS ? n_steps : STEPS;
}

size_t dsp_loudness_scratch_bytes(int64_t n, double sample_rate_hz) {
    dsp_scratch count = {0};
    dsp_scratch_take(&count, count_steps(n, sample_rate_hz), sizeof(double));
    return count.used_bytes;
}

/* One sample through a section; z: its two memories (direct form II transposed). */
static double filter(const dsp_biquad *f, double x, double z[2]) {
    double y = f->b[0] * x + z[0];
    z[0] = f->b[1] * x - f->a[1] * y + z[1];
    z[1] = f->b[2] * x - f->a[2] * y;
    return y;
}

/* Adds the weighted energy of each step of one channel, energy[n_steps]. */
static void add_energy(const dsp_loudness_sound *sound, const float *x, int64_t n_steps,
                       double *energy) {
    dsp_biquad filters[2];
    double shelf[2] = {0}, pass[2] = {0};
    int64_t step = step_samples(sound->sample_rate_hz);
    dsp_loudness_filters(sound->sample_rate_hz, filters);
    for (int64_t s = 0; s < n_steps; s++) {
        double sum = 0.0;
        for (int64_t i = s * step; i < (s + 1) * step; i++) {
            double sample = i < sound->n ? (double)x[i] : 0.0;
            double y = filter(&filters[1], filter(&filters[0], sample, shelf), pass);
            sum += y * y;
        }
        energy[s] += sum;
    }
}

/* Mean energy over the blocks that have more than `threshold`; 0 if none has. */
static double gated_mean(const double *energy, int64_t n_steps, double threshold) {
    double total = 0.0;
    int64_t n_blocks = 0;
    for (int64_t s = 0; s + STEPS <= n_steps; s++) {
        double block = 0.0;
        for (int64_t i = 0; i < STEPS; i++) block += energy[s + i];
        if (!(block > threshold)) continue;
        total += block;
        n_blocks++;
    }
    return n_blocks > 0 ? total / (double)n_blocks : 0.0;
}

double dsp_loudness_lufs(const dsp_loudness_sound *sound, void *scratch) {
    double rate_hz = sound->sample_rate_hz, *energy = scratch;
    BASE_CHECK(sound->n_channels >= 1 && sound->n_channels <= 2 && rate_hz >= 8000.0);
    int64_t n_steps = count_steps(sound->n, rate_hz);
    double block = (double)(STEPS * step_samples(rate_hz));
    for (int64_t s = 0; s < n_steps; s++) energy[s] = 0.0;
    for (int64_t c = 0; c < sound->n_channels; c++) {
        add_energy(sound, sound->x + c * sound->stride, n_steps, energy);
    }
    double threshold = block * pow(10.0, (ABSOLUTE_LUFS - OFFSET_LU) / 10.0);
    double mean = gated_mean(energy, n_steps, threshold);
    mean = gated_mean(energy, n_steps, fmax(threshold, mean * pow(10.0, RELATIVE_LU / 10.0)));
    return mean > 0.0 ? OFFSET_LU + 10.0 * log10(mean / block) : NAN;
}
