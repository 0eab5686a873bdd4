/* White noise is drawn, pink noise is white noise through a filter. */
#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "dsp/effects.h"
#include "dsp/kernels.h"

enum {
    CHUNK = 512,  /* samples drawn at once */
    WARM_UP = 16, /* chunks until the slowest pole has forgotten that it began at zero */
    POLES = 6,
    LANES = 8
};

/* P. Kellet's filter (R. Whittle, "DSP generation of pink noise", 1999): one-pole low passes side
 * by side, 1/f within 0.05 dB from 1/4800 of the sample rate to half of it. */
typedef struct {
    float state[POLES], delayed;
} pink_filter;

static const float pole[POLES] = {0.99886f, 0.99332f, 0.969f, 0.8665f, 0.55f, -0.7616f};
static const float weight[POLES] = {0.0555179f, 0.0750759f, 0.153852f,
                                    0.3104856f, 0.5329522f, -0.016898f};
static const float direct = 0.5362f, one_later = 0.115926f;

static void filter_pink(pink_filter *filter, float x[CHUNK]) {
    pink_filter f = *filter;
    for (int i = 0; i < CHUNK; i++) {
        float white = x[i], sum = direct * white + f.delayed;
        f.delayed = one_later * white;
        for (int j = 0; j < POLES; j++) {
            f.state[j] = pole[j] * f.state[j] + weight[j] * white;
            sum += f.state[j];
        }
        x[i] = sum;
    }
    *filter = f;
}

static void draw_chunk(base_rng *rng, pink_filter *filter, float out[CHUNK]) {
    float uniforms[CHUNK];
    base_rng_fill_uniform(rng, uniforms, CHUNK);
    dsp_kernels()->normal(uniforms, out, CHUNK);
    if (filter != NULL) filter_pink(filter, out);
}

static void draw_channel(dsp_noise_kind kind, base_rng *rng, float *out, int64_t n) {
    pink_filter pink = {0}, *filter = kind == DSP_NOISE_PINK ? &pink : NULL;
    float chunk[CHUNK];
    for (int i = 0; filter != NULL && i < WARM_UP; i++) draw_chunk(rng, filter, chunk);
    int64_t i = 0;
    for (; i + CHUNK <= n; i += CHUNK) draw_chunk(rng, filter, out + i);
    if (i == n) return;
    draw_chunk(rng, filter, chunk);
    memcpy(out + i, chunk, (size_t)(n - i) * sizeof *out);
}

static double energy(const float *x, int64_t n) {
    double lane[LANES] = {0.0}, sum = 0.0;
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        for (int j = 0; j < LANES; j++) lane[j] += (double)x[i + j] * (double)x[i + j];
    }
    for (; i < n; i++) sum += (double)x[i] * (double)x[i];
    for (int j = 0; j < LANES; j++) sum += lane[j];
    return sum;
}

base_status dsp_noise(dsp_clip clip, dsp_noise_kind kind, double snr_db, base_rng *rng,
                      base_error *err) {
    int64_t n = clip.n_channels * clip.n;
    double sound = energy(clip.x, n);
    if (!(sound > 0.0)) return BASE_OK;
    float *noise = base_alloc((size_t)n, sizeof *noise);
    if (noise == NULL) {
        return base_fail(err, BASE_EMEMORY, "no memory for noise of %lld samples",
                         (long long)clip.n);
    }
    for (int64_t c = 0; c < clip.n_channels; c++) {
        draw_channel(kind, rng, noise + c * clip.n, clip.n);
    }
    float gain = (float)sqrt(sound / energy(noise, n) * pow(10.0, -snr_db / 10.0));
    for (int64_t i = 0; i < n; i++) clip.x[i] += gain * noise[i];
    base_free(noise);
    return BASE_OK;
}
