#include "dsp/descriptors.h"

#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "dsp/kernels.h"
#include "dsp/loudness.h"
#include "dsp/mel.h"
#include "dsp/mfcc.h"
#include "dsp/pitch.h"
#include "dsp/scratch.h"
#include "dsp/stft.h"

enum { N_FFT = 2048, HOP = 512, N_BINS = N_FFT / 2 + 1, N_MELS = 128, N_MFCC = 13 };
#define LEAST_RATE_HZ 8000.0
#define ROLLOFF       0.85
#define LEAST_POWER   1e-10F /* librosa's amin */
#define TOP_DB        80.0F
#define CROSSING      1e-10F /* smaller magnitudes count as zero */
#define ATTACK_LOW    0.1F
#define ATTACK_HIGH   0.9F
#define DECAY         0.1F /* -20 dB */

enum {
    PITCH,
    CONFIDENCE,
    DROP,
    CENTROID,
    SPREAD,
    ROLLOFF_POINT,
    FLATNESS,
    CROSSINGS,
    MFCC,
    LUFS = MFCC + N_MFCC,
    RMS,
    PEAK,
    CREST,
    ATTACK,
    DECAY_TIME,
    DURATION,
    N
};
_Static_assert((int)N == (int)DSP_N_DESCRIPTORS, "the table has a row for each");

#define MFCC_ROW(k)                                                                                \
    [MFCC + (k)] = {"mfcc_" #k, "", "Mean of mel-frequency cepstral coefficient " #k, NAN, 0}

const dsp_descriptor dsp_descriptor_table[DSP_N_DESCRIPTORS] = {
    [PITCH] = {"pitch_hz", "Hz", "Fundamental frequency of the voiced frames (YIN)", 200, 20},
    [CONFIDENCE] = {"pitch_confidence", "", "How periodic the sound is, from 0 to 1", NAN, 0},
    [DROP] = {"pitch_drop_st", "semitones", "How far the pitch falls from onset to tail", 0, 0},
    [CENTROID] = {"centroid_hz", "Hz", "Mean frequency of the spectrum", NAN, 20},
    [SPREAD] = {"spread_hz", "Hz", "Deviation of the spectrum around its mean frequency", NAN, 20},
    [ROLLOFF_POINT] = {"rolloff_hz", "Hz", "Frequency with 85 % of the spectrum below", NAN, 20},
    [FLATNESS] = {"flatness", "", "How noise-like the spectrum is, from 0 to 1", NAN, 1e-6},
    [CROSSINGS] = {"zero_crossings", "", "Changes of sign per sample", NAN, 0},
    MFCC_ROW(0),
    MFCC_ROW(1),
    MFCC_ROW(2),
    MFCC_ROW(3),
    MFCC_ROW(4),
    MFCC_ROW(5),
    MFCC_ROW(6),
    MFCC_ROW(7),
    MFCC_ROW(8),
    MFCC_ROW(9),
    MFCC_ROW(10),
    MFCC_ROW(11),
    MFCC_ROW(12),
    [LUFS] = {"loudness_lufs", "LUFS", "Integrated loudness (ITU-R BS.1770-4)", -70, 0},
    [RMS] = {"rms_db", "dB", "Root mean square re full scale", -100, 0},
    [PEAK] = {"peak_db", "dB", "Largest magnitude re full scale", -100, 0},
    [CREST] = {"crest_db", "dB", "Peak over root mean square", 0, 0},
    [ATTACK] = {"attack_ms", "ms", "From the first sample at 10 % of the peak to that at 90 %", 0,
                0.1},
    [DECAY_TIME] = {"decay_ms", "ms", "From the peak to the last sample above -20 dB of it", 0,
                    0.1},
    [DURATION] = {"duration_s", "s", "Length up to the last sample that is not zero", NAN, 1e-3},
};

struct dsp_descriptors {
    const dsp_kernels_table *kernels;
    double sample_rate_hz;
    int64_t n_channels, max_samples, max_frames;
    dsp_pitch *pitch;
    dsp_stft *stft;
    dsp_mel *mel;
    float matrix[N_MFCC * N_MELS];
    dsp_dct dct;
};

static base_status make(dsp_descriptors *d, base_error *err) {
    const dsp_stft_options stft = {.n_fft = N_FFT,
                                   .hop = HOP,
                                   .win_length = N_FFT,
                                   .window = DSP_HANN,
                                   .centered = true,
                                   .pad = DSP_PAD_ZERO};
    const dsp_mel_options mel = {
        .sample_rate_hz = d->sample_rate_hz, .n_fft = N_FFT, .n_mels = N_MELS, .area = true};
    BASE_TRY(dsp_pitch_new(d->sample_rate_hz, &d->pitch, err));
    BASE_TRY(dsp_stft_new(&stft, &d->stft, err));
    BASE_TRY(dsp_mel_new(&mel, true, &d->mel, err));
    d->max_frames = dsp_stft_frames(d->stft, d->max_samples);
    d->dct = (dsp_dct){.n_out = N_MFCC, .n_in = N_MELS, .matrix = d->matrix};
    dsp_dct_fill(&d->dct);
    return BASE_OK;
}

base_status dsp_descriptors_new(double sample_rate_hz, int64_t n_channels, int64_t max_samples,
                                dsp_descriptors **descriptors, base_error *err) {
    BASE_CHECK(n_channels >= 1 && n_channels <= 2);
    *descriptors = NULL;
    if (max_samples < 1) return base_fail(err, BASE_ECONFIG, "descriptors: clips have no samples");
    if (!(sample_rate_hz >= LEAST_RATE_HZ)) {
        return base_fail(err, BASE_ECONFIG, "descriptors: %g Hz is below %g Hz, the lowest rate",
                         sample_rate_hz, LEAST_RATE_HZ);
    }
    dsp_descriptors *made = base_alloc(1, sizeof *made);
    if (made == NULL) return base_fail(err, BASE_EMEMORY, "no memory for descriptors");
    made->kernels = dsp_kernels();
    made->sample_rate_hz = sample_rate_hz;
    made->n_channels = n_channels;
    made->max_samples = max_samples;
    base_status status = make(made, err);
    if (status != BASE_OK) {
        dsp_descriptors_free(made);
        return status;
    }
    *descriptors = made;
    return BASE_OK;
}

void dsp_descriptors_free(dsp_descriptors *descriptors) {
    if (descriptors == NULL) return;
    dsp_pitch_free(descriptors->pitch);
    dsp_stft_free(descriptors->stft);
    dsp_mel_free(descriptors->mel);
    base_free(descriptors);
}

/* One call's buffers. */
typedef struct {
    float *mono;    /* [max_samples] */
    float *power;   /* [N_BINS] of one frame */
    float *level;   /* [N_BINS], in decibels or magnitudes */
    float *log_mel; /* [N_MELS, max_frames] */
    float *mfcc;    /* [N_MFCC, max_frames] */
    void *stft, *pitch, *loudness;
} buffers;

static buffers cut(const dsp_descriptors *d, dsp_scratch *scratch) {
    int64_t n = d->max_samples;
    buffers b;
    b.mono = dsp_scratch_take(scratch, n, sizeof(float));
    b.power = dsp_scratch_take(scratch, N_BINS, sizeof(float));
    b.level = dsp_scratch_take(scratch, N_BINS, sizeof(float));
    b.log_mel = dsp_scratch_take(scratch, N_MELS * d->max_frames, sizeof(float));
    b.mfcc = dsp_scratch_take(scratch, N_MFCC * d->max_frames, sizeof(float));
    b.stft = dsp_scratch_take(scratch, 1, dsp_stft_scratch_bytes(d->stft));
    b.pitch = dsp_scratch_take(scratch, 1, dsp_pitch_scratch_bytes(d->pitch, n));
    b.loudness = dsp_scratch_take(scratch, 1, dsp_loudness_scratch_bytes(n, d->sample_rate_hz));
    return b;
}

size_t dsp_descriptors_scratch_bytes(const dsp_descriptors *descriptors) {
    dsp_scratch count = {0};
    cut(descriptors, &count);
    return count.used_bytes;
}

/* ---- tone ---- */

/* Where the magnitudes, summed from the lowest bin on, reach `share` of `total`. */
static int64_t rolloff_bin(const float *magnitude, double share, double total) {
    double sum = 0.0;
    for (int64_t k = 0; k < N_BINS; k++) {
        sum += (double)magnitude[k];
        if (sum >= share * total) return k;
    }
    return N_BINS - 1;
}

/* Mean, deviation and 85th percentile of the frequency, weighted by magnitude; silence has 0. */
static void add_moments(const float *magnitude, double hz_per_bin, double *values) {
    double total = 0.0, first = 0.0, second = 0.0;
    for (int64_t k = 0; k < N_BINS; k++) {
        double weight = (double)magnitude[k], bin = (double)k;
        total += weight;
        first += weight * bin;
        second += weight * bin * bin;
    }
    if (!(total > 0.0)) return;
    double centre = first / total, variance = second / total - centre * centre;
    values[CENTROID] += hz_per_bin * centre;
    values[SPREAD] += hz_per_bin * sqrt(fmax(variance, 0.0));
    values[ROLLOFF_POINT] += hz_per_bin * (double)rolloff_bin(magnitude, ROLLOFF, total);
}

/* Geometric over arithmetic mean of the power; `level` holds it in decibels. */
static double flatness(const float *power, const float *level) {
    double level_sum = 0.0, power_sum = 0.0;
    for (int64_t k = 0; k < N_BINS; k++) {
        level_sum += (double)level[k];
        power_sum += (double)fmaxf(power[k], LEAST_POWER);
    }
    return pow(10.0, level_sum / N_BINS / 10.0) / (power_sum / N_BINS);
}

/* Adds one frame's measures and leaves its log-mel spectrum in b->level. */
static void add_frame(const dsp_descriptors *d, const buffers *b, const float complex *bins,
                      double *values) {
    d->kernels->power(bins, b->power, N_BINS);
    d->kernels->decibels(b->power, LEAST_POWER, b->level, N_BINS);
    values[FLATNESS] += flatness(b->power, b->level);
    for (int64_t k = 0; k < N_BINS; k++) b->level[k] = sqrtf(b->power[k]);
    add_moments(b->level, d->sample_rate_hz / N_FFT, values);
    dsp_mel_apply(d->mel, b->power, b->level);
    d->kernels->decibels(b->level, LEAST_POWER, b->level, N_MELS);
}

/* Sums of each coefficient over the frames. */
static void add_cepstrum(const dsp_descriptors *d, const buffers *b, int64_t n_frames,
                         double *values) {
    float loudest = -INFINITY;
    for (int64_t i = 0; i < N_MELS * n_frames; i++) loudest = fmaxf(loudest, b->log_mel[i]);
    for (int64_t i = 0; i < N_MELS * n_frames; i++) {
        b->log_mel[i] = fmaxf(b->log_mel[i], loudest - TOP_DB);
    }
    dsp_dct_apply(&d->dct, b->log_mel, b->mfcc, n_frames, n_frames);
    for (int64_t k = 0; k < N_MFCC; k++) {
        for (int64_t t = 0; t < n_frames; t++) {
            values[MFCC + k] += (double)b->mfcc[k * n_frames + t];
        }
    }
}

static bool negative(float x) {
    return x < -CROSSING;
}

/* Share of crossings in the frames, summed. A frame knows what came before all its samples but the
 * first. */
static double sum_crossings(const float *x, int64_t n, int64_t n_frames) {
    double sum = 0.0;
    for (int64_t i = 1; i < n; i++) {
        if (negative(x[i]) == negative(x[i - 1])) continue;
        int64_t first = i < N_FFT / 2 ? 0 : (i - N_FFT / 2 + HOP) / HOP;
        int64_t last = (i + N_FFT / 2 - 1) / HOP;
        if (last >= n_frames) last = n_frames - 1;
        sum += (double)(last - first + 1);
    }
    return sum / N_FFT;
}

static void measure_tone(const dsp_descriptors *d, const buffers *b, int64_t n, double *values) {
    int64_t n_frames = dsp_stft_frames(d->stft, n);
    memset(values + CENTROID, 0, (LUFS - CENTROID) * sizeof *values);
    for (int64_t t = 0; t < n_frames; t++) {
        add_frame(d, b, dsp_stft_frame(d->stft, b->mono, n, t, b->stft), values);
        for (int64_t m = 0; m < N_MELS; m++) b->log_mel[m * n_frames + t] = b->level[m];
    }
    add_cepstrum(d, b, n_frames, values);
    values[CROSSINGS] = sum_crossings(b->mono, n, n_frames);
    for (int i = CENTROID; i < LUFS; i++) values[i] /= (double)n_frames;
}

/* ---- loudness ---- */

static double decibels(double amplitude) {
    return amplitude > 0.0 ? 20.0 * log10(amplitude) : NAN;
}

static void measure_levels(const dsp_loudness_sound *sound, void *scratch, double *values) {
    double squares = 0.0;
    float peak = 0.0F;
    for (int64_t c = 0; c < sound->n_channels; c++) {
        const float *x = sound->x + c * sound->stride;
        for (int64_t i = 0; i < sound->n; i++) {
            squares += (double)x[i] * (double)x[i];
            peak = fmaxf(peak, fabsf(x[i]));
        }
    }
    values[LUFS] = dsp_loudness_lufs(sound, scratch);
    values[RMS] = decibels(sqrt(squares / (double)(sound->n * sound->n_channels)));
    values[PEAK] = decibels((double)peak);
    values[CREST] = values[PEAK] - values[RMS];
}

static int64_t first_at(const float *x, int64_t n, float magnitude) {
    int64_t i = 0;
    while (i < n - 1 && fabsf(x[i]) < magnitude) i++;
    return i;
}

/* The envelope is the largest magnitude so far for the attack, still to come for the decay. */
static void measure_times(const float *x, int64_t n, double sample_rate_hz, double *values) {
    float peak = 0.0F;
    for (int64_t i = 0; i < n; i++) peak = fmaxf(peak, fabsf(x[i]));
    int64_t low = first_at(x, n, ATTACK_LOW * peak), high = first_at(x, n, ATTACK_HIGH * peak);
    int64_t top = first_at(x, n, peak), last = n - 1;
    while (last > top && fabsf(x[last]) < DECAY * peak) last--;
    values[ATTACK] = peak > 0.0F ? 1000.0 * (double)(high - low) / sample_rate_hz : NAN;
    values[DECAY_TIME] = peak > 0.0F ? 1000.0 * (double)(last - top) / sample_rate_hz : NAN;
    values[DURATION] = (double)n / sample_rate_hz;
}

/* ---- all ---- */

/* Samples up to the last that is not zero; at least one. */
static int64_t sounding(const dsp_descriptors *d, const float *x, int64_t n) {
    int64_t longest = 1;
    for (int64_t c = 0; c < d->n_channels; c++) {
        int64_t end = n;
        while (end > longest && x[c * n + end - 1] == 0.0F) end--;
        longest = end;
    }
    return longest;
}

/* Mean of the channels; false if a sample is not finite. */
static bool mix_down(const dsp_descriptors *d, const float *x, int64_t n, int64_t stride,
                     float *mono) {
    bool finite = true;
    for (int64_t i = 0; i < n; i++) {
        float left = x[i], right = x[(d->n_channels - 1) * stride + i];
        mono[i] = 0.5F * left + 0.5F * right;
        finite &= isfinite(left) && isfinite(right);
    }
    return finite;
}

void dsp_descriptors_measure(const dsp_descriptors *descriptors, const float *x, int64_t n,
                             void *scratch, double values[DSP_N_DESCRIPTORS]) {
    const dsp_descriptors *d = descriptors;
    BASE_CHECK(n >= 1 && n <= d->max_samples);
    buffers b = cut(d, &(dsp_scratch){.memory = scratch});
    dsp_loudness_sound sound = {x, d->n_channels, sounding(d, x, n), n, d->sample_rate_hz};
    if (!mix_down(d, x, sound.n, n, b.mono)) {
        for (int i = 0; i < DSP_N_DESCRIPTORS; i++) values[i] = NAN;
        return;
    }
    dsp_pitch_summary pitch = dsp_pitch_measure(d->pitch, b.mono, sound.n, b.pitch);
    values[PITCH] = pitch.hz;
    values[CONFIDENCE] = pitch.confidence;
    values[DROP] = pitch.drop_st;
    measure_tone(d, &b, sound.n, values);
    measure_levels(&sound, b.loudness, values);
    measure_times(b.mono, sound.n, d->sample_rate_hz, values);
}

void dsp_descriptors_features(const double values[DSP_N_DESCRIPTORS],
                              float features[DSP_N_DESCRIPTORS]) {
    for (int i = 0; i < DSP_N_DESCRIPTORS; i++) {
        const dsp_descriptor *row = &dsp_descriptor_table[i];
        double value = isnan(values[i]) ? row->neutral : values[i];
        if (row->lower_bound > 0.0)
            value = log2(value < row->lower_bound ? row->lower_bound : value);
        features[i] = (float)value;
    }
}
