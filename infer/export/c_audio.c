/* The way from a sound to the network's input: what data_clip_prepare does but for resampling, then
 * the front end. Values of the template, its settings and tables. */
#include <math.h>
#include <string.h>

#include "dsp/features_plan.h"
#include "infer/export/c.h"

static const dsp_features *features_of(const export_c *e) {
    return infer_model_member(e->model, e->member)->features;
}

static bool is_mel(const dsp_features_options *o) {
    return o->kind == DSP_LOG_MEL || o->kind == DSP_MEL_POWER || o->kind == DSP_MFCC;
}

static int64_t window_length(const dsp_features_options *o) {
    return o->win_length > 0 ? o->win_length : o->n_fft;
}

static void set_bool(export_c *e, const char *name, bool value) {
    export_c_set(e, name, "%d", value);
}

static void set_clip(export_c *e) {
    const data_audio_options *audio = infer_model_audio(e->model);
    set_bool(e, "MODEL_MONO", audio->channels == 1);
    set_bool(e, "MODEL_TRIMS", audio->trim_db < 0);
    set_bool(e, "MODEL_LEVELS", audio->normalize != DATA_NORMALIZE_NONE);
    set_bool(e, "MODEL_LEVEL_PEAK", audio->normalize == DATA_NORMALIZE_PEAK);
    set_bool(e, "MODEL_LEVEL_RMS", audio->normalize == DATA_NORMALIZE_RMS);
    export_c_set(e, "MODEL_SECONDS", "%g", audio->seconds);
    export_c_set(e, "MODEL_RATE", "%.17g", audio->sample_rate_hz);
    export_c_set(e, "MODEL_CLIP_CHANNELS", "%lld", (long long)audio->channels);
    export_c_set(e, "MODEL_CLIP_SAMPLES", "%lld", (long long)data_audio_samples(audio));
}

static void set_features(export_c *e) {
    const dsp_features *f = features_of(e);
    const dsp_features_options *o = &f->options;
    bool framed = o->kind != DSP_WAVEFORM, decibels = dsp_features_is_decibels(o);
    set_bool(e, "MODEL_FRAMED", framed);
    set_bool(e, "MODEL_MIRRORED", o->centered && o->pad == DSP_PAD_REFLECT);
    set_bool(e, "MODEL_SILENT_AROUND", o->centered && o->pad != DSP_PAD_REFLECT);
    set_bool(e, "MODEL_EVEN_FFT", o->n_fft % 2 == 0);
    set_bool(e, "MODEL_WINDOWED", window_length(o) != o->n_fft);
    set_bool(e, "MODEL_MEL", is_mel(o));
    set_bool(e, "MODEL_ROOT", framed && (is_mel(o) ? o->root : o->power == 1.0));
    set_bool(e, "MODEL_DECIBELS", decibels);
    set_bool(e, "MODEL_LIMITED", o->top_db > 0);
    set_bool(e, "MODEL_REFERENCED", o->reference != 0);
    set_bool(e, "MODEL_SETS_DECIBELS", decibels && (o->reference != 0 || o->top_db > 0));
    set_bool(e, "MODEL_CEPSTRUM", o->kind == DSP_MFCC);
    set_bool(e, "MODEL_DELTAS", o->kind == DSP_MFCC && o->deltas > 0);
    set_bool(e, "MODEL_NORMALIZED", o->normalize == DSP_NORM_CLIP || f->n_norm > 0);
    set_bool(e, "MODEL_NORM_CLIP", o->normalize == DSP_NORM_CLIP);
    set_bool(e, "MODEL_MASKED", o->mask_padding);
    set_bool(e, "MODEL_REST", f->n_filled < f->n_frames);
}

/* What the front end needs beside the network's input: model_columns says in which order. */
static void set_work(export_c *e) {
    const dsp_features *f = features_of(e);
    const dsp_features_options *o = &f->options;
    bool framed = o->kind != DSP_WAVEFORM;
    int64_t n_fft = framed ? o->n_fft : 0, n_power = framed ? f->n_bins : 0;
    int64_t n_decibels = o->kind == DSP_MFCC ? f->n_channels * o->n_mels * f->n_frames : 0;
    e->n_fourier = n_fft % 2 == 0 ? n_fft / 2 : n_fft;
    e->n_before_decibels = 2 * EXPORT_C_BLOCK + n_fft + n_power;
    e->n_front = e->n_before_decibels + n_decibels;
    export_c_set(e, "MODEL_BLOCK_SIZE", "%d", EXPORT_C_BLOCK);
    export_c_set(e, "MODEL_FRAME_SIZE", "%lld", (long long)e->n_fourier);
}

/* ---- settings ---- */

static void define_int(export_c *e, const char *name, int64_t value) {
    base_text_printf(&e->settings, "#define MODEL_%s %lld\n", name, (long long)value);
}

static void define_double(export_c *e, const char *name, double value) {
    base_text_printf(&e->settings, "#define MODEL_%s ", name);
    export_c_double(&e->settings, value);
    base_text_add(&e->settings, "\n");
}

static void define_float(export_c *e, const char *name, float value) {
    base_text_printf(&e->settings, "#define MODEL_%s ", name);
    export_c_number(&e->settings, value);
    base_text_add(&e->settings, "\n");
}

static void define_clip(export_c *e) {
    const data_audio_options *audio = infer_model_audio(e->model);
    define_float(e, "MIN_PEAK", export_c_not_below(pow(10.0, audio->min_peak_db / 20)));
    if (audio->trim_db < 0) {
        define_double(e, "TRIM", pow(10.0, audio->trim_db / 20));
        define_int(e, "BEFORE_ONSET", llround(DATA_BEFORE_ONSET_S * audio->sample_rate_hz));
    }
    define_int(e, "FADE", llround(DATA_FADE_S * audio->sample_rate_hz));
}

/* The window is mean - wave cos(2 pi i / length). */
static double window_mean(const dsp_features_options *o) {
    if (window_length(o) == 1) return 1.0;
    return o->window == DSP_HANN ? 0.5 : o->window == DSP_HAMMING ? 0.54 : 1.0;
}

/* A cosine of which every fourth of a turn and every MODEL_N_FFT-th is a point. */
static int64_t wave_length(const dsp_features_options *o) {
    return o->n_fft % 4 == 0 ? o->n_fft : o->n_fft % 2 == 0 ? 2 * o->n_fft : 4 * o->n_fft;
}

static void define_frames(export_c *e) {
    const dsp_features_options *o = &features_of(e)->options;
    define_int(e, "N_FFT", o->n_fft);
    define_int(e, "N_FOURIER", o->n_fft % 2 == 0 ? o->n_fft / 2 : o->n_fft);
    define_int(e, "N_BANDS", is_mel(o) ? o->n_mels : features_of(e)->n_rows);
    define_int(e, "HOP", o->hop);
    int64_t before, after;
    dsp_stft_extension(features_of(e)->stft, features_of(e)->n_samples, &before, &after);
    define_int(e, "LEAD", before);
    define_int(e, "WAVE", wave_length(o));
    if (window_length(o) == o->n_fft) {
        define_double(e, "WINDOW_MEAN", window_mean(o));
        define_double(e, "WINDOW_WAVE", 1.0 - window_mean(o));
    }
    if (dsp_features_is_decibels(o)) define_float(e, "LEAST_POWER", (float)o->amin);
    if (dsp_features_is_decibels(o) && o->top_db > 0) define_float(e, "TOP_DB", (float)o->top_db);
    if (o->kind == DSP_STFT) {
        define_float(e, "POWER_SCALE", o->scale ? 1.0f / (float)o->n_fft : 1.0f);
    }
}

static void define_all(export_c *e) {
    const dsp_features *f = features_of(e);
    define_clip(e);
    if (f->options.kind != DSP_WAVEFORM) define_frames(e);
    define_float(e, "TEMPERATURE", (float)infer_model_temperature(e->model));
    define_int(e, "N_PLANES", f->n_planes);
    define_int(e, "N_ROWS", f->n_rows);
    define_int(e, "N_FRAMES", f->n_frames);
    define_int(e, "N_FILLED", f->n_filled);
    if (f->options.normalize != DSP_NORM_CLIP && f->n_norm > 0) {
        define_int(e, "N_NORM", f->n_norm);
    }
}

/* Where things lie in the work buffer's values. */
static void define_work(export_c *e) {
    define_int(e, "INPUT", e->buffers[e->values[0].buffer].at);
    define_int(e, "FRONT", e->front_at);
    if (features_of(e)->options.kind == DSP_MFCC) {
        define_int(e, "DECIBELS_AT", e->front_at + e->n_before_decibels);
    }
}

/* The filters' weights one after the other, without the zeros around them. */
static base_status add_mel(export_c *e) {
    const dsp_features *f = features_of(e);
    int n_mels = (int)f->options.n_mels, n = 0;
    int *first = base_arena_alloc(&e->arena, (size_t)n_mels, sizeof *first);
    int *count = base_arena_alloc(&e->arena, (size_t)n_mels, sizeof *count);
    float *row = base_arena_alloc(&e->arena, (size_t)f->n_bins, sizeof *row);
    float *weights =
        base_arena_alloc(&e->arena, (size_t)n_mels * (size_t)f->n_bins, sizeof *weights);
    if (first == NULL || count == NULL || row == NULL || weights == NULL) {
        return export_c_no_memory(e);
    }
    for (int m = 0; m < n_mels; m++) {
        int end = (int)f->n_bins;
        dsp_mel_row(f->mel, m, row);
        while (end > 0 && row[end - 1] == 0.0f) end--;
        while (first[m] < end && row[first[m]] == 0.0f) first[m]++;
        count[m] = end - first[m];
        memcpy(weights + n, row + first[m], (size_t)count[m] * sizeof *row);
        n += count[m];
    }
    base_text *text = &e->settings;
    base_text_add(text, "/* Mel filter i weighs the frequencies from model_mel_first[i] on. */\n");
    export_c_ints(text, "mel_first", first, n_mels);
    export_c_ints(text, "mel_n", count, n_mels);
    export_c_floats(text, "mel_weight", weights, n);
    return BASE_OK;
}

static const double turn = 2 * 3.14159265358979323846;

static base_status add_wave(export_c *e) {
    int64_t length = wave_length(&features_of(e)->options), n = length / 4 + 1;
    double *wave = base_arena_alloc(&e->arena, (size_t)n, sizeof *wave);
    if (wave == NULL) return export_c_no_memory(e);
    for (int64_t i = 0; i < n; i++) wave[i] = cos(turn * (double)i / (double)length);
    wave[n - 1] = 0;
    base_text_add(&e->settings, "/* cos(2 pi i / MODEL_WAVE) */\n");
    export_c_reals(&e->settings, "wave", wave, n);
    return BASE_OK;
}

/* A window shorter than the transform, with zeros around it. */
static base_status add_window(export_c *e) {
    const dsp_features_options *o = &features_of(e)->options;
    int64_t n = window_length(o), before = (o->n_fft - n) / 2;
    double *window = base_arena_alloc(&e->arena, (size_t)o->n_fft, sizeof *window);
    if (window == NULL) return export_c_no_memory(e);
    for (int64_t i = 0; i < n; i++) {
        double wave = cos(turn * (double)i / (double)n), mean = window_mean(o);
        window[before + i] = mean - (1.0 - mean) * wave;
    }
    export_c_reals(&e->settings, "fft_window", window, o->n_fft);
    return BASE_OK;
}

static base_status add_tables(export_c *e) {
    base_text *text = &e->settings;
    const dsp_features *f = features_of(e);
    if (f->options.kind != DSP_WAVEFORM) {
        BASE_TRY(add_wave(e));
        if (window_length(&f->options) != f->options.n_fft) BASE_TRY(add_window(e));
    }
    if (is_mel(&f->options)) BASE_TRY(add_mel(e));
    if (f->options.kind == DSP_MFCC) {
        export_c_floats(text, "dct", f->dct.matrix, f->dct.n_out * f->dct.n_in);
    }
    if (f->options.normalize != DSP_NORM_CLIP && f->n_norm > 0) {
        export_c_floats(text, "norm_offset", f->offset, f->n_norm);
        export_c_floats(text, "norm_scale", f->scale, f->n_norm);
    }
    return BASE_OK;
}

base_status export_c_audio(export_c *e) {
    set_clip(e);
    set_features(e);
    set_work(e);
    export_c_place(e);
    define_all(e);
    define_work(e);
    base_text_add(&e->settings, "\n");
    BASE_TRY(add_tables(e));
    e->failed |= e->settings.failed;
    return BASE_OK;
}
