#include "dsp/features.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "dsp/features_plan.h"
#include "dsp/scratch.h"

#define FIELD(name) offsetof(dsp_features_options, name)

const base_option dsp_features_table[] = {
    {"kind", BASE_OPT_CHOICE, FIELD(kind), "log_mel", 0, 0,
     "waveform|stft|log_mel|mel_power|mfcc|descriptors|raster|raster_log_mel", NULL,
     "What the network is given; descriptors: pitch, tone and loudness in numbers, as "
     "`rimshot data descriptors` writes them; raster: the waveform drawn as a picture of n_mels "
     "rows with hop samples to a column; raster_log_mel: this and log_mel"},
    {"n_fft", BASE_OPT_INT, FIELD(n_fft), "2048", 16, 65536, NULL, "samples",
     "Length of the Fourier transform"},
    {"hop", BASE_OPT_INT, FIELD(hop), "441", 1, 65536, NULL, "samples",
     "Distance of neighbouring frames, at most n_fft"},
    {"win_length", BASE_OPT_INT, FIELD(win_length), "0", 0, 65536, NULL, "samples",
     "Length of the window, centred in the transform; 0: n_fft"},
    {"window", BASE_OPT_CHOICE, FIELD(window), "hann", 0, 0, "hann|hamming|rectangular", NULL,
     "Shape of the window"},
    {"centered", BASE_OPT_BOOL, FIELD(centered), "true", 0, 0, NULL, NULL,
     "Whether frame t is centred on sample t * hop, the clip being extended at both ends"},
    {"pad", BASE_OPT_CHOICE, FIELD(pad), "reflect", 0, 0, "reflect|zero|same", NULL,
     "How a centred clip is extended; same: by the zeros that one frame per hop needs, half at "
     "either end, as TensorFlow does"},
    {"n_mels", BASE_OPT_INT, FIELD(n_mels), "64", 1, 1024, NULL, NULL,
     "Number of mel filters; raster: rows of the picture"},
    {"fmin", BASE_OPT_FLOAT, FIELD(fmin_hz), "0", 0, 1e6, NULL, "Hz",
     "Lower edge of the first mel filter"},
    {"fmax", BASE_OPT_FLOAT, FIELD(fmax_hz), "0", 0, 1e6, NULL, "Hz",
     "Upper edge of the last mel filter; 0: half the sample rate"},
    {"htk", BASE_OPT_BOOL, FIELD(htk), "false", 0, 0, NULL, NULL,
     "Mel scale: HTK's instead of Slaney's"},
    {"area", BASE_OPT_BOOL, FIELD(area), "true", 0, 0, NULL, NULL,
     "Whether mel filters have equal area instead of equal height"},
    {"empty", BASE_OPT_BOOL, FIELD(empty), "false", 0, 0, NULL, NULL,
     "Allow mel filters too narrow to hold a bin of the transform: they hear nothing"},
    {"root", BASE_OPT_BOOL, FIELD(root), "false", 0, 0, NULL, NULL,
     "mel kinds: the square root of each filter's power, also under decibels"},
    {"power", BASE_OPT_FLOAT, FIELD(power), "1", 1, 2, NULL, NULL,
     "stft: exponent of the magnitude, 1 or 2"},
    {"scale", BASE_OPT_BOOL, FIELD(scale), "false", 0, 0, NULL, NULL,
     "stft: divide magnitudes by the square root of n_fft"},
    {"drop_last", BASE_OPT_BOOL, FIELD(drop_last), "false", 0, 0, NULL, NULL,
     "stft: leave out the last bin"},
    {"decibels", BASE_OPT_BOOL, FIELD(decibels), "false", 0, 0, NULL, NULL,
     "stft: 10 log10 of each value, with amin, top_db and reference as for log_mel"},
    {"amin", BASE_OPT_FLOAT, FIELD(amin), "1e-10", 1e-30, 1e30, NULL, NULL,
     "Power below which decibels do not fall"},
    {"top_db", BASE_OPT_FLOAT, FIELD(top_db), "0", 0, 1000, NULL, "dB",
     "Range kept below a clip's loudest value; 0: all"},
    {"reference", BASE_OPT_CHOICE, FIELD(reference), "1.0", 0, 0, "1.0|max", NULL,
     "Power at 0 dB: one, or the clip's loudest"},
    {"n_mfcc", BASE_OPT_INT, FIELD(n_mfcc), "20", 1, 1024, NULL, NULL,
     "mfcc: number of coefficients, at most n_mels"},
    {"deltas", BASE_OPT_INT, FIELD(deltas), "0", 0, 2, NULL, NULL,
     "mfcc: derivatives added as further channels"},
    {"normalize", BASE_OPT_CHOICE, FIELD(normalize), "feature", 0, 0,
     "none|clip|feature|dataset|minmax", NULL,
     "Zero mean and unit deviation per clip, per row or over all training data, or their range "
     "mapped to 0..1"},
    {"frames", BASE_OPT_INT, FIELD(frames), "0", 0, 1 << 24, NULL, "frames",
     "Length of the output, cut or filled with zeros; 0: as the clip gives"},
    {"mask_padding", BASE_OPT_BOOL, FIELD(mask_padding), "true", 0, 0, NULL, NULL,
     "Hide what follows a short clip's end from the network: recurrent layers, norms and pooling "
     "skip it"},
    {0}};

static bool is_mel(const dsp_features_options *o) {
    return o->kind == DSP_LOG_MEL || o->kind == DSP_MEL_POWER || o->kind == DSP_MFCC ||
           o->kind == DSP_RASTER_LOG_MEL;
}

static bool has_raster(const dsp_features_options *o) {
    return o->kind == DSP_RASTER || o->kind == DSP_RASTER_LOG_MEL;
}

bool dsp_features_is_framed(const dsp_features_options *o) {
    return o->kind != DSP_WAVEFORM && o->kind != DSP_DESCRIPTORS && o->kind != DSP_RASTER;
}

bool dsp_features_is_decibels(const dsp_features_options *o) {
    return o->kind == DSP_LOG_MEL || o->kind == DSP_RASTER_LOG_MEL || o->kind == DSP_MFCC ||
           (o->kind == DSP_STFT && o->decibels);
}

static base_status check_options(const dsp_features_options *o, double sample_rate_hz,
                                 base_error *err) {
    long long n_fft = o->n_fft;
    if (o->hop < 1 || o->hop > o->n_fft) {
        return base_fail(err, BASE_ECONFIG, "features.hop: %lld is not within 1 to n_fft (%lld)",
                         (long long)o->hop, n_fft);
    }
    if (o->win_length < 0 || o->win_length > o->n_fft) {
        return base_fail(err, BASE_ECONFIG, "features.win_length: %lld is longer than n_fft (%lld)",
                         (long long)o->win_length, n_fft);
    }
    if (o->kind == DSP_STFT && o->power != 1.0 && o->power != 2.0) {
        return base_fail(err, BASE_ECONFIG, "features.power: %g is neither 1 nor 2", o->power);
    }
    if (!is_mel(o)) return BASE_OK;
    if (o->fmax_hz > sample_rate_hz / 2.0) {
        return base_fail(err, BASE_ECONFIG,
                         "features.fmax: %g Hz is above half the sample rate (%g Hz)", o->fmax_hz,
                         sample_rate_hz / 2.0);
    }
    double fmax = o->fmax_hz > 0.0 ? o->fmax_hz : sample_rate_hz / 2.0;
    if (o->fmin_hz >= fmax) {
        return base_fail(err, BASE_ECONFIG, "features.fmin: %g Hz is not below fmax (%g Hz)",
                         o->fmin_hz, fmax);
    }
    if (o->kind == DSP_MFCC && o->n_mfcc > o->n_mels) {
        return base_fail(err, BASE_ECONFIG, "features.n_mfcc: %lld is more than n_mels (%lld)",
                         (long long)o->n_mfcc, (long long)o->n_mels);
    }
    return BASE_OK;
}

static base_status make_stft(dsp_features *f, base_error *err) {
    const dsp_features_options *o = &f->options;
    dsp_stft_options stft = {.n_fft = o->n_fft,
                             .hop = o->hop,
                             .win_length = o->win_length > 0 ? o->win_length : o->n_fft,
                             .window = (dsp_window_kind)o->window,
                             .centered = o->centered,
                             .pad = (dsp_pad_kind)o->pad};
    if (dsp_stft_new(&stft, &f->stft, err) != BASE_OK) return base_fail_within(err, "features");
    return BASE_OK;
}

static base_status make_mel(dsp_features *f, double sample_rate_hz, base_error *err) {
    const dsp_features_options *o = &f->options;
    dsp_mel_options mel = {.sample_rate_hz = sample_rate_hz,
                           .fmin_hz = o->fmin_hz,
                           .fmax_hz = o->fmax_hz,
                           .n_fft = o->n_fft,
                           .n_mels = o->n_mels,
                           .htk = o->htk,
                           .area = o->area};
    if (dsp_mel_new(&mel, o->empty, &f->mel, err) != BASE_OK) {
        return base_fail_within(err, "features.n_mels");
    }
    return BASE_OK;
}

static base_status make_descriptors(dsp_features *f, double sample_rate_hz, base_error *err) {
    base_status status =
        dsp_descriptors_new(sample_rate_hz, f->n_channels, f->n_samples, &f->descriptors, err);
    return status == BASE_OK ? BASE_OK : base_fail_within(err, "features");
}

static base_status make_dct(dsp_features *f, base_error *err) {
    dsp_dct *dct = &f->dct;
    *dct = (dsp_dct){.n_out = f->options.n_mfcc, .n_in = f->options.n_mels};
    dct->matrix = base_alloc((size_t)dct->n_out * (size_t)dct->n_in, sizeof *dct->matrix);
    if (dct->matrix == NULL) return base_fail(err, BASE_EMEMORY, "features: no memory");
    dsp_dct_fill(dct);
    return BASE_OK;
}

/* Before anything is cut or filled up. */
static int64_t natural_frames(const dsp_features *f) {
    if (f->stft != NULL) return dsp_stft_frames(f->stft, f->n_samples);
    if (f->options.kind == DSP_RASTER) return 1 + (f->n_samples - 1) / f->options.hop;
    return f->options.kind == DSP_WAVEFORM ? f->n_samples : 1;
}

static int64_t count_rows(const dsp_features *f) {
    const dsp_features_options *o = &f->options;
    if (o->kind == DSP_WAVEFORM) return 1;
    if (o->kind == DSP_DESCRIPTORS) return DSP_N_DESCRIPTORS;
    if (o->kind == DSP_STFT) return f->n_bins - o->drop_last;
    return o->kind == DSP_MFCC ? o->n_mfcc : o->n_mels;
}

static base_status make_shape(dsp_features *f, base_error *err) {
    const dsp_features_options *o = &f->options;
    int64_t n_frames = natural_frames(f);
    if (n_frames < 1) {
        return base_fail(err, BASE_ECONFIG,
                         "features.n_fft: a clip of %lld samples gives no frame of %lld",
                         (long long)f->n_samples, (long long)o->n_fft);
    }
    f->n_bins = dsp_features_is_framed(o) ? o->n_fft / 2 + 1 : 0;
    f->n_planes = f->n_channels * (o->kind == DSP_MFCC ? 1 + o->deltas : 1);
    if (o->kind == DSP_DESCRIPTORS) f->n_planes = 1;
    f->n_parts = o->kind == DSP_RASTER_LOG_MEL ? 2 : 1;
    f->n_planes *= f->n_parts;
    f->n_rows = count_rows(f);
    f->n_frames = o->frames > 0 ? o->frames : n_frames;
    f->n_filled = n_frames < f->n_frames ? n_frames : f->n_frames;
    int64_t n_rows, n_values;
    if (!base_mul(f->n_planes, f->n_rows + o->n_mels, &n_rows) ||
        !base_mul(n_rows, f->n_frames * (int64_t)sizeof(float), &n_values)) {
        return base_fail(err, BASE_ESHAPE, "features: the output is too large");
    }
    return BASE_OK;
}

static base_status make_norm(dsp_features *f, base_error *err) {
    int kind = f->options.normalize;
    if (kind == DSP_NORM_FEATURE) f->n_norm = f->n_rows;
    if (kind == DSP_NORM_DATASET || kind == DSP_NORM_MINMAX) f->n_norm = 1;
    f->n_norm *= f->n_parts;
    if (f->n_norm == 0) return BASE_OK;
    f->offset = base_alloc((size_t)f->n_norm, sizeof *f->offset);
    f->scale = base_alloc((size_t)f->n_norm, sizeof *f->scale);
    if (f->offset == NULL || f->scale == NULL) {
        return base_fail(err, BASE_EMEMORY, "features: no memory");
    }
    for (int64_t i = 0; i < f->n_norm; i++) f->scale[i] = 1.0f;
    return BASE_OK;
}

static base_status make(dsp_features *f, double sample_rate_hz, base_error *err) {
    const dsp_features_options *o = &f->options;
    if (dsp_features_is_framed(o)) {
        BASE_TRY(check_options(o, sample_rate_hz, err));
        BASE_TRY(make_stft(f, err));
    }
    if (o->kind == DSP_DESCRIPTORS) BASE_TRY(make_descriptors(f, sample_rate_hz, err));
    if (is_mel(o)) BASE_TRY(make_mel(f, sample_rate_hz, err));
    if (o->kind == DSP_MFCC) BASE_TRY(make_dct(f, err));
    BASE_TRY(make_shape(f, err));
    return make_norm(f, err);
}

base_status dsp_features_new(const dsp_features_options *options, const dsp_clip_form *form,
                             dsp_features **features, base_error *err) {
    BASE_CHECK(form->sample_rate_hz > 0.0 && form->n_channels > 0);
    *features = NULL;
    dsp_features *made = base_alloc(1, sizeof *made);
    if (made == NULL) return base_fail(err, BASE_EMEMORY, "features: no memory");
    made->options = *options;
    made->kernels = dsp_kernels();
    made->n_channels = form->n_channels;
    made->n_samples = form->n_samples;
    base_status status = make(made, form->sample_rate_hz, err);
    if (status != BASE_OK) {
        dsp_features_free(made);
        return status;
    }
    *features = made;
    return BASE_OK;
}

void dsp_features_free(dsp_features *features) {
    if (features == NULL) return;
    dsp_stft_free(features->stft);
    dsp_mel_free(features->mel);
    base_free(features->dct.matrix);
    dsp_descriptors_free(features->descriptors);
    base_free(features->offset);
    base_free(features->scale);
    base_free(features);
}

void dsp_features_shape(const dsp_features *features, int64_t shape[3]) {
    shape[0] = features->n_planes;
    shape[1] = features->n_rows;
    shape[2] = features->n_frames;
}

int64_t dsp_features_valid_frames(const dsp_features *features, int64_t n_valid) {
    if (!features->options.mask_padding) return features->n_frames;
    if (n_valid < 1) n_valid = 1;
    int64_t n = features->options.kind == DSP_WAVEFORM ? n_valid
                                                       : 1 + (n_valid - 1) / features->options.hop;
    return n < features->n_filled ? n : features->n_filled;
}

enum {
    BLOCK = 8
}; /* frames stored at once, so that their rows are written in pieces of some length */

/* One call's buffers. */
typedef struct {
    void *stft, *descriptors;
    float *columns; /* [BLOCK, F or n_mels] */
    float *log_mel; /* mfcc: [channels, n_mels, T] */
} buffers;

/* Rows of a frame's column, before an MFCC's cosine transform. */
static int64_t column_rows(const dsp_features *f) {
    return f->options.kind == DSP_MFCC ? f->options.n_mels : f->n_rows;
}

static buffers cut(const dsp_features *f, dsp_scratch *scratch) {
    buffers b = {0};
    const dsp_features_options *o = &f->options;
    if (o->kind == DSP_DESCRIPTORS) {
        b.descriptors = dsp_scratch_take(scratch, 1, dsp_descriptors_scratch_bytes(f->descriptors));
    }
    if (!dsp_features_is_framed(o)) return b;
    b.stft = dsp_scratch_take(scratch, 1, dsp_stft_scratch_bytes(f->stft));
    b.columns = dsp_scratch_take(scratch, BLOCK * column_rows(f), sizeof(float));
    if (o->kind == DSP_MFCC) {
        b.log_mel =
            dsp_scratch_take(scratch, f->n_channels * o->n_mels * f->n_frames, sizeof(float));
    }
    return b;
}

size_t dsp_features_scratch_bytes(const dsp_features *features) {
    dsp_scratch count = {0};
    cut(features, &count);
    return count.used_bytes;
}

double dsp_features_work(const dsp_features *f) {
    const dsp_features_options *o = &f->options;
    const double per_sample_described = 2000; /* pitch and tone look at each sample that often */
    double n_frames = (double)natural_frames(f), n_channels = (double)f->n_channels;
    double n_values = (double)f->n_planes * (double)f->n_rows * (double)f->n_frames;
    double work = n_values + n_channels * (double)f->n_samples;
    if (dsp_features_is_framed(o)) {
        double n_fft = (double)o->n_fft;
        work += n_channels * n_frames * n_fft * (2 * log2(n_fft) + 2);
    }
    if (o->kind == DSP_MFCC) work += n_values * (double)o->n_mels;
    if (o->kind == DSP_DESCRIPTORS) work += per_sample_described * (double)f->n_samples;
    return work;
}

/* |X|^2, or |X|, over n_fft or not. */
static void scale_spectrum(const dsp_features *f, const float *power, float *column) {
    const dsp_features_options *o = &f->options;
    float scale = o->scale ? 1.0f / (float)o->n_fft : 1.0f;
    for (int64_t k = 0; k < f->n_rows; k++) {
        float value = power[k] * scale;
        column[k] = o->power == 1.0 ? sqrtf(value) : value;
    }
}

/* One frame, given its powers (NULL: all zero), but for the logarithm. */
static void fill_column(const dsp_features *f, const float *power, float *column) {
    const dsp_features_options *o = &f->options;
    if (power == NULL) {
        memset(column, 0, (size_t)column_rows(f) * sizeof *column);
        return;
    }
    if (o->kind == DSP_STFT) {
        scale_spectrum(f, power, column);
        return;
    }
    dsp_mel_apply(f->mel, power, column);
    for (int64_t i = 0; o->root && i < o->n_mels; i++) column[i] = sqrtf(column[i]);
}

/* Stores n frames as columns whose rows are T apart. */
static void store_columns(const dsp_features *f, float *columns, int64_t n, float *out) {
    int64_t n_rows = column_rows(f);
    if (dsp_features_is_decibels(&f->options)) {
        f->kernels->decibels(columns, (float)f->options.amin, columns, n * n_rows);
    }
    for (int64_t i = 0; i < n_rows; i++) {
        for (int64_t t = 0; t < n; t++) out[i * f->n_frames + t] = columns[t * n_rows + i];
    }
}

/* The largest of `most` and x[n], NaN aside; in lanes, so that compilers can vectorise it. */
static float largest(const float *x, int64_t n, float most) {
    enum { LANES = 8 };
    float lane[LANES];
    int64_t i = 0;
    for (int j = 0; j < LANES; j++) lane[j] = most;
    for (; i + LANES <= n; i += LANES) {
        for (int j = 0; j < LANES; j++) lane[j] = x[i + j] > lane[j] ? x[i + j] : lane[j];
    }
    for (; i < n; i++) lane[0] = x[i] > lane[0] ? x[i] : lane[0];
    for (int j = 1; j < LANES; j++) lane[0] = lane[j] > lane[0] ? lane[j] : lane[0];
    return lane[0];
}

/* Subtracts the reference and cuts what lies top_db below the loudest, over a whole clip of n_rows
 * rows. */
static void level_decibels(const dsp_features *f, float *rows, int64_t n_rows) {
    const dsp_features_options *o = &f->options;
    if (o->reference == 0 && !(o->top_db > 0.0)) return;
    float loudest = -FLT_MAX;
    for (int64_t i = 0; i < n_rows; i++) {
        loudest = largest(rows + i * f->n_frames, f->n_filled, loudest);
    }
    float floor = o->top_db > 0.0 ? loudest - (float)o->top_db : -FLT_MAX;
    float zero = o->reference == 0 ? 0.0f : loudest;
    for (int64_t i = 0; i < n_rows; i++) {
        float *row = rows + i * f->n_frames;
        for (int64_t t = 0; t < f->n_filled; t++) row[t] = (row[t] < floor ? floor : row[t]) - zero;
    }
}

/* Plane (1 + deltas) c + d holds derivative d of channel c. */
static void store_mfcc(const dsp_features *f, const float *log_mel, float *out) {
    const dsp_features_options *o = &f->options;
    int64_t n_plane = f->n_rows * f->n_frames;
    for (int64_t c = 0; c < f->n_channels; c++) {
        float *plane = out + c * (1 + o->deltas) * n_plane;
        dsp_dct_apply(&f->dct, log_mel + c * o->n_mels * f->n_frames, plane, f->n_frames,
                      f->n_filled);
        for (int order = 1; order <= o->deltas; order++) {
            for (int64_t i = 0; i < f->n_rows; i++) {
                const float *row = plane + i * f->n_frames;
                dsp_delta(order, row, plane + order * n_plane + i * f->n_frames, f->n_filled);
            }
        }
    }
}

static void store_waveform(const dsp_features *f, const float *audio, float *out) {
    for (int64_t c = 0; c < f->n_channels; c++) {
        memcpy(out + c * f->n_frames, audio + c * f->n_samples, (size_t)f->n_filled * sizeof *out);
    }
}

/* The first planes. */
static void store_rasters(const dsp_features *f, const float *audio, float *out) {
    dsp_raster raster = {f->n_rows, f->n_filled, f->options.hop, f->n_frames};
    for (int64_t c = 0; c < f->n_channels; c++) {
        dsp_raster_draw(&raster, audio + c * f->n_samples, f->n_samples,
                        out + c * f->n_rows * f->n_frames);
    }
}

static void store_descriptors(const dsp_features *f, const float *audio, void *scratch,
                              float *out) {
    double values[DSP_N_DESCRIPTORS];
    float column[DSP_N_DESCRIPTORS];
    buffers b = cut(f, &(dsp_scratch){.memory = scratch});
    dsp_descriptors_measure(f->descriptors, audio, f->n_samples, b.descriptors, values);
    dsp_descriptors_features(values, column);
    for (int64_t i = 0; i < DSP_N_DESCRIPTORS; i++) out[i * f->n_frames] = column[i];
}

/* All frames of one channel. */
static void store_frames(const dsp_features *f, const buffers *b, const float *x, float *plane) {
    int64_t n_rows = column_rows(f), n_sounding = dsp_sounding(x, f->n_samples), before, after;
    dsp_stft_extension(f->stft, f->n_samples, &before, &after);
    for (int64_t begin = 0; begin < f->n_filled; begin += BLOCK) {
        int64_t n = f->n_filled - begin < BLOCK ? f->n_filled - begin : BLOCK;
        for (int64_t t = 0; t < n; t++) {
            /* Frames behind the sound are silent, except those that reach past the end of the clip:
             * reflection may fill them with sound. */
            int64_t start = (begin + t) * f->options.hop - before;
            bool behind = start >= n_sounding && start + f->options.n_fft <= f->n_samples;
            const float *power =
                behind ? NULL : dsp_stft_power(f->stft, x, f->n_samples, begin + t, b->stft);
            fill_column(f, power, b->columns + t * n_rows);
        }
        store_columns(f, b->columns, n, plane + begin);
    }
}

static void store_spectra(const dsp_features *f, const float *audio, void *scratch, float *out) {
    const dsp_features_options *o = &f->options;
    buffers b = cut(f, &(dsp_scratch){.memory = scratch});
    float *planes = o->kind == DSP_MFCC ? b.log_mel : out;
    if (has_raster(o)) planes += f->n_channels * f->n_rows * f->n_frames;
    int64_t n_rows = column_rows(f);
    for (int64_t c = 0; c < f->n_channels; c++) {
        store_frames(f, &b, audio + c * f->n_samples, planes + c * n_rows * f->n_frames);
    }
    if (dsp_features_is_decibels(o)) level_decibels(f, planes, f->n_channels * n_rows);
    if (o->kind == DSP_MFCC) store_mfcc(f, b.log_mel, out);
}

void dsp_features_apply(const dsp_features *features, const float *audio, void *scratch,
                        float *out) {
    const dsp_features *f = features;
    if (f->options.kind == DSP_WAVEFORM) {
        store_waveform(f, audio, out);
    } else if (f->options.kind == DSP_DESCRIPTORS) {
        store_descriptors(f, audio, scratch, out);
    } else if (f->stft != NULL) {
        store_spectra(f, audio, scratch, out);
    }
    if (has_raster(&f->options)) store_rasters(f, audio, out);
    dsp_features_normalize(f, out);
    size_t n_rest = (size_t)(f->n_frames - f->n_filled);
    for (int64_t i = 0; i < f->n_planes * f->n_rows; i++) {
        memset(out + i * f->n_frames + f->n_filled, 0, n_rest * sizeof *out);
    }
}
