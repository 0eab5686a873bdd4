/* Noise with a given spectrum: random phases under fixed magnitudes, transformed back. Each sample
 * is a sum of many independent waves and so is normally distributed. */
#include <complex.h>
#include <math.h>

#include "base/arena.h"
#include "dsp/effects.h"
#include "dsp/fft.h"
#include "dsp/kernels.h"

enum { MIN_TRANSFORM = 1024 }; /* few waves would not make normally distributed sums */

typedef struct {
    dsp_noise_kind kind;
    dsp_fft *fft;
    float *phases;            /* [n_bins], fractions of a turn */
    double complex *spectrum; /* [n_bins] */
    double *noise;            /* [size], one channel's */
    float *all;               /* every channel's first n */
} generator;

/* FFTW is fast where a length has no factor above 7. */
static bool is_fast(int64_t n) {
    for (int64_t factor = 2; factor <= 7; factor++) {
        while (n % factor == 0) n /= factor;
    }
    return n == 1;
}

static int64_t transform_size(int64_t n) {
    int64_t size = n < MIN_TRANSFORM ? MIN_TRANSFORM : n + n % 2;
    while (!is_fast(size)) size += 2;
    return size;
}

static base_status generator_init(generator *g, dsp_clip clip, dsp_noise_kind kind,
                                  base_error *err) {
    *g = (generator){.kind = kind};
    int64_t size = transform_size(clip.n);
    size_t n_bins = (size_t)size / 2 + 1;
    g->phases = base_alloc(n_bins, sizeof *g->phases);
    g->spectrum = base_alloc(n_bins, sizeof *g->spectrum);
    g->noise = base_alloc((size_t)size, sizeof *g->noise);
    g->all = base_alloc((size_t)clip.n_channels * (size_t)clip.n, sizeof *g->all);
    if (g->phases == NULL || g->spectrum == NULL || g->noise == NULL || g->all == NULL) {
        return base_fail(err, BASE_EMEMORY, "no memory for noise of %lld samples",
                         (long long)clip.n);
    }
    return dsp_fft_new(size, &g->fft, err);
}

static void generator_release(generator *g) {
    dsp_fft_free(g->fft);
    base_free(g->phases);
    base_free(g->spectrum);
    base_free(g->noise);
    base_free(g->all);
}

/* Pink: power falls with 1/f. No constant and no wave at half the rate, which have no phase. */
static void draw_channel(generator *g, base_rng *rng, float *out, int64_t n) {
    int64_t last = dsp_fft_size(g->fft) / 2;
    base_rng_fill_uniform(rng, g->phases, last + 1);
    dsp_kernels()->turn(g->phases, g->spectrum, last + 1);
    for (int64_t k = 1; k < last && g->kind == DSP_NOISE_PINK; k++) {
        g->spectrum[k] *= 1.0 / sqrt((double)k);
    }
    g->spectrum[0] = g->spectrum[last] = 0.0;
    dsp_fft_inverse(g->fft, g->spectrum, g->noise);
    for (int64_t i = 0; i < n; i++) out[i] = (float)g->noise[i];
}

static double energy(const float *x, int64_t n) {
    double sum = 0.0;
    for (int64_t i = 0; i < n; i++) sum += (double)x[i] * (double)x[i];
    return sum;
}

base_status dsp_noise(dsp_clip clip, dsp_noise_kind kind, double snr_db, base_rng *rng,
                      base_error *err) {
    int64_t n = clip.n_channels * clip.n;
    double sound = energy(clip.x, n);
    if (!(sound > 0.0)) return BASE_OK;
    generator g;
    base_status status = generator_init(&g, clip, kind, err);
    if (status == BASE_OK) {
        for (int64_t c = 0; c < clip.n_channels; c++) {
            draw_channel(&g, rng, g.all + c * clip.n, clip.n);
        }
        float gain = (float)sqrt(sound / energy(g.all, n) * pow(10.0, -snr_db / 10.0));
        for (int64_t i = 0; i < n; i++) clip.x[i] += gain * g.all[i];
    }
    generator_release(&g);
    return status;
}
