#include "data/clip.h"

#include <math.h>
#include <string.h>

#include "dsp/effects.h"
#include "dsp/resample.h"

#define RMS_LEVEL_DB    (-20.0) /* where normalize: rms puts a clip */
#define CONTENT_TRIM_DB (-50.0)
#define BEFORE_ONSET_S  0.001 /* kept, so that the attack is whole */
#define FADE_S          0.005
#define FULL_SCALE      (32767.0f / 32768.0f) /* the largest 16-bit sample */
#define MIN_CLIPPED     3                     /* samples in a row */
#define CONTENT_MAX     32767.0

#define FIELD(name) offsetof(data_audio_options, name)
const base_option data_audio_table[] = {
    {"sample_rate", BASE_OPT_FLOAT, FIELD(sample_rate_hz), "44100", 8000, 192000, NULL, "Hz",
     "every clip is resampled to this rate"},
    {"channels", BASE_OPT_INT, FIELD(channels), "1", 1, 2, NULL, NULL,
     "1 mixes down by the mean; 2 keeps the first two channels (mono is doubled)"},
    {"seconds", BASE_OPT_FLOAT, FIELD(seconds), "1.0", 0.05, 30, NULL, "s",
     "longest clip; what is beyond is cut"},
    {"trim_db", BASE_OPT_FLOAT, FIELD(trim_db), "-50", -120, 0, NULL, "dB",
     "silence around the sound, below this level relative to its peak, is removed; 0 keeps it"},
    {"normalize", BASE_OPT_CHOICE, FIELD(normalize), "peak", 0, 0, "none|peak|rms|standard", NULL,
     "peak to full scale, RMS to -20 dB, or zero mean and unit deviation"},
    {"min_peak_db", BASE_OPT_FLOAT, FIELD(min_peak_db), "-60", -200, 0, NULL, "dB",
     "a sound whose peak is below this, relative to full scale, is left out as silent"},
    {0}};
#undef FIELD

/* ---- one clip ---- */

static base_status no_memory(base_error *err) {
    return base_fail(err, BASE_EMEMORY, "no memory for the clips");
}

/* The mean over the channels, summed in their order; out [n]. */
static void mix_down(const data_audio *audio, float *out) {
    for (int64_t i = 0; i < audio->n; i++) {
        double sum = 0;
        for (int64_t c = 0; c < audio->n_channels; c++) sum += audio->x[c * audio->n + i];
        out[i] = (float)(sum / (double)audio->n_channels);
    }
}

static base_status mix(const data_audio *audio, int64_t channels, data_audio *out,
                       base_error *err) {
    *out = (data_audio){NULL, channels, audio->n, audio->sample_rate_hz};
    out->x = base_alloc((size_t)(channels * audio->n), sizeof *out->x);
    if (out->x == NULL) return no_memory(err);
    if (channels == 1) {
        mix_down(audio, out->x);
        return BASE_OK;
    }
    size_t n_bytes = (size_t)audio->n * sizeof *out->x;
    memcpy(out->x, audio->x, n_bytes);
    memcpy(out->x + audio->n, audio->n_channels > 1 ? audio->x + audio->n : audio->x, n_bytes);
    return BASE_OK;
}

static base_status resample(data_audio *clip, double rate_hz, base_error *err) {
    if (clip->sample_rate_hz == rate_hz) return BASE_OK;
    int64_t n = dsp_resample_length(clip->n, clip->sample_rate_hz, rate_hz);
    float *x = base_alloc((size_t)(n * clip->n_channels), sizeof *x);
    if (x == NULL) return no_memory(err);
    dsp_clip from = {clip->x, clip->n_channels, clip->n, clip->sample_rate_hz};
    base_status status = dsp_resample(from, rate_hz, x, err);
    base_free(clip->x);
    *clip = (data_audio){x, clip->n_channels, n, rate_hz};
    return status;
}

static bool is_louder(const data_audio *audio, int64_t i, double threshold) {
    for (int64_t c = 0; c < audio->n_channels; c++) {
        if (fabsf(audio->x[c * audio->n + i]) > threshold) return true;
    }
    return false;
}

/* The span from a little before the first sample within trim_db of the peak to behind the last. */
static void sounding_span(const data_audio *audio, double trim_db, int64_t *begin, int64_t *end) {
    float peak = dsp_peak(audio->x, audio->n * audio->n_channels);
    double threshold = peak * pow(10.0, trim_db / 20);
    *begin = 0;
    *end = audio->n;
    while (*end > 0 && !is_louder(audio, *end - 1, threshold)) --*end;
    while (*begin < *end && !is_louder(audio, *begin, threshold)) ++*begin;
    int64_t before = llround(BEFORE_ONSET_S * audio->sample_rate_hz);
    *begin -= *begin < before ? *begin : before;
}

/* Replaces the clip by its samples [begin, end). */
static base_status keep_span(data_audio *clip, int64_t begin, int64_t end, base_error *err) {
    int64_t n = end - begin;
    if (n == clip->n) return BASE_OK;
    float *x = base_alloc((size_t)(n * clip->n_channels), sizeof *x);
    if (x == NULL) return no_memory(err);
    for (int64_t c = 0; c < clip->n_channels; c++) {
        memcpy(x + c * n, clip->x + c * clip->n + begin, (size_t)n * sizeof *x);
    }
    base_free(clip->x);
    clip->x = x;
    clip->n = n;
    return BASE_OK;
}

static base_status trim_and_cut(data_audio *clip, const data_audio_options *options,
                                base_error *err) {
    int64_t begin = 0, end = clip->n, n_max = data_audio_samples(options);
    if (options->trim_db < 0) sounding_span(clip, options->trim_db, &begin, &end);
    if (begin == end) return base_fail(err, BASE_EDATA, "silent");
    bool cut = end - begin > n_max;
    BASE_TRY(keep_span(clip, begin, cut ? begin + n_max : end, err));
    if (cut) {
        dsp_fade_out((dsp_clip){clip->x, clip->n_channels, clip->n, clip->sample_rate_hz},
                     llround(FADE_S * clip->sample_rate_hz));
    }
    return BASE_OK;
}

static void normalize(const data_audio *clip, int how) {
    dsp_clip c = {clip->x, clip->n_channels, clip->n, clip->sample_rate_hz};
    if (how == DATA_NORMALIZE_PEAK) dsp_normalize_peak(c, 0.0);
    if (how == DATA_NORMALIZE_RMS) dsp_normalize_rms(c, RMS_LEVEL_DB);
    if (how == DATA_NORMALIZE_STANDARD) dsp_normalize_standard(c);
}

base_status data_clip_prepare(const data_audio *audio, const data_audio_options *options,
                              data_audio *clip, base_error *err) {
    base_status status = mix(audio, options->channels, clip, err);
    if (status == BASE_OK) {
        float peak = dsp_peak(clip->x, clip->n * clip->n_channels);
        if (peak == 0 || peak < pow(10.0, options->min_peak_db / 20)) {
            status = base_fail(err, BASE_EDATA, "silent");
        }
    }
    if (status == BASE_OK) status = resample(clip, options->sample_rate_hz, err);
    if (status == BASE_OK) status = trim_and_cut(clip, options, err);
    if (status == BASE_OK) normalize(clip, options->normalize);
    if (status != BASE_OK) data_audio_release(clip);
    return status;
}

/* ---- facts about a sound ---- */

static int64_t count_clipped(const float *x, int64_t n) {
    int64_t total = 0, run = 0;
    for (int64_t i = 0; i < n; i++) {
        run = fabsf(x[i]) >= FULL_SCALE ? run + 1 : 0;
        if (run == MIN_CLIPPED) total += MIN_CLIPPED;
        if (run > MIN_CLIPPED) total++;
    }
    return total;
}

static base_status digest_content(const data_audio *audio, base_digest *digest, base_error *err) {
    data_audio mono = {base_alloc((size_t)audio->n, sizeof(float)), 1, audio->n,
                       audio->sample_rate_hz};
    int16_t *quantised = base_alloc((size_t)audio->n, sizeof *quantised);
    base_status status = BASE_OK;
    if (mono.x != NULL && quantised != NULL) {
        int64_t begin, end;
        mix_down(audio, mono.x);
        sounding_span(&mono, CONTENT_TRIM_DB, &begin, &end);
        double scale = CONTENT_MAX / dsp_peak(mono.x, mono.n);
        for (int64_t i = begin; i < end; i++) {
            quantised[i - begin] = (int16_t)lround(mono.x[i] * scale);
        }
        *digest = base_digest_bytes(quantised, (size_t)(end - begin) * sizeof *quantised);
    } else {
        status = no_memory(err);
    }
    base_free(mono.x);
    base_free(quantised);
    return status;
}

base_status data_clip_facts(const data_audio *audio, data_row *facts, base_error *err) {
    facts->sample_rate_hz = audio->sample_rate_hz;
    facts->seconds = (double)audio->n / audio->sample_rate_hz;
    facts->n_channels = audio->n_channels;
    facts->peak = dsp_peak(audio->x, audio->n * audio->n_channels);
    facts->n_clipped = 0;
    for (int64_t c = 0; c < audio->n_channels; c++) {
        facts->n_clipped += count_clipped(audio->x + c * audio->n, audio->n);
    }
    return digest_content(audio, &facts->content, err);
}
