#include "dsp/compressor.h"

#include <math.h>

#include "dsp/effects.h"

#define DB_PER_OCTAVE 6.0205999132796239 /* 20 log10(2) */
#define INAUDIBLE     1e-6               /* dB */

/* How much too loud a level is, in dB. */
static double reduction_of(const dsp_compressor *c, double level_db) {
    double over = level_db - c->threshold_db, slope = 1.0 - 1.0 / c->ratio;
    if (2.0 * over <= -c->knee_db) return 0.0;
    if (2.0 * over >= c->knee_db) return slope * over;
    double into = over + 0.5 * c->knee_db;
    return slope * into * into / (2.0 * c->knee_db);
}

static float loudest_at(dsp_clip clip, int64_t i) {
    float most = 0.0f;
    for (int64_t c = 0; c < clip.n_channels; c++) {
        float x = fabsf(clip.x[c * clip.n + i]);
        most = x > most ? x : most;
    }
    return most;
}

static void reduce(dsp_clip clip, const dsp_compressor *c, float peak) {
    double attack = exp(-1.0 / (c->attack_s * clip.sample_rate_hz));
    double release = exp(-1.0 / (c->release_s * clip.sample_rate_hz));
    /* nothing to compute below the knee */
    float knee = peak * (float)pow(10.0, (c->threshold_db - 0.5 * c->knee_db) / 20.0);
    double held = 0.0, smooth = 0.0; /* dB */
    for (int64_t i = 0; i < clip.n; i++) {
        float level = loudest_at(clip, i);
        double wanted = 0.0;
        if (level > knee) wanted = reduction_of(c, DB_PER_OCTAVE * (double)log2f(level / peak));
        held = fmax(wanted, release * held + (1.0 - release) * wanted);
        smooth = attack * smooth + (1.0 - attack) * held;
        if (smooth < INAUDIBLE) continue;
        float gain = exp2f((float)(-smooth / DB_PER_OCTAVE));
        for (int64_t ch = 0; ch < clip.n_channels; ch++) clip.x[ch * clip.n + i] *= gain;
    }
}

void dsp_compress(dsp_clip clip, dsp_compressor compressor) {
    BASE_CHECK(compressor.ratio >= 1.0 && compressor.attack_s > 0.0 && compressor.release_s > 0.0);
    float peak = dsp_peak(clip.x, clip.n_channels * clip.n);
    if (!(peak > 0.0f)) return;
    reduce(clip, &compressor, peak);
    dsp_normalize_peak(clip, 20.0 * log10((double)peak));
}
