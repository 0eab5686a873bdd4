#include "infer/library/one_shot.h"

#include <math.h>

#include "base/arena.h"
#include "dsp/loudness.h"

#define BEFORE     0.00316 /* -50 dB */
#define BEHIND     0.001   /* -60 dB */
#define PEAK       0.891   /* -1 dBFS */
#define SOFTEST    (-24.0)
#define FADE_IN_S  0.001
#define FADE_OUT_S 0.005

static float peak_at(const data_audio *audio, int64_t i) {
    float peak = 0;
    for (int64_t c = 0; c < audio->n_channels; c++) {
        peak = fmaxf(peak, fabsf(audio->x[c * audio->n + i]));
    }
    return peak;
}

/* NaN at rates that loudness is not defined for. */
static base_status measure(const data_audio *audio, double *lufs, base_error *err) {
    *lufs = NAN;
    if (audio->sample_rate_hz < 8000) return BASE_OK;
    void *scratch = base_alloc(dsp_loudness_scratch_bytes(audio->n, audio->sample_rate_hz), 1);
    if (scratch == NULL) return base_fail(err, BASE_EMEMORY, "loudness: out of memory");
    const dsp_loudness_sound sound = {.x = audio->x,
                                      .n_channels = audio->n_channels,
                                      .n = audio->n,
                                      .stride = audio->n,
                                      .sample_rate_hz = audio->sample_rate_hz};
    *lufs = dsp_loudness_lufs(&sound, scratch);
    base_free(scratch);
    return BASE_OK;
}

base_status library_one_shot_trim(data_audio *audio, library_level *level, base_error *err) {
    float peak = 0;
    if (audio->n_channels > 2) audio->n_channels = 2;
    for (int64_t i = 0; i < audio->n; i++) peak = fmaxf(peak, peak_at(audio, i));
    if (!(peak > 1e-5F)) return base_fail(err, BASE_EDATA, "silent");
    int64_t begin = 0, end = audio->n;
    while (peak_at(audio, begin) < (float)BEFORE * peak) begin++;
    while (peak_at(audio, end - 1) < (float)BEHIND * peak) end--;
    int64_t n_in = llround(FADE_IN_S * audio->sample_rate_hz);
    int64_t n_out = llround(FADE_OUT_S * audio->sample_rate_hz);
    n_in = n_in < begin ? n_in : begin;
    end = end + n_out < audio->n ? end + n_out : audio->n;
    data_audio_crop(audio, begin - n_in, end);
    data_audio_fade(audio, n_in, n_out);
    level->peak = (double)peak;
    return measure(audio, &level->loudness_lufs, err);
}

void library_one_shot_gain(data_audio *audio, double gain) {
    for (int64_t i = 0; i < audio->n * audio->n_channels; i++) audio->x[i] *= (float)gain;
}

double library_common_loudness(const library_level *levels, int64_t n) {
    double common = INFINITY;
    for (int64_t i = 0; i < n; i++) {
        double reach = levels[i].loudness_lufs + 20 * log10(PEAK / levels[i].peak);
        if (reach < common) common = reach;
    }
    if (!isfinite(common)) return SOFTEST;
    return common > SOFTEST ? common : SOFTEST;
}

double library_gain_to(const library_level *level, double loudness_lufs) {
    double most = PEAK / level->peak;
    if (isnan(level->loudness_lufs)) return most;
    double gain = pow(10, (loudness_lufs - level->loudness_lufs) / 20);
    return gain < most ? gain : most;
}
