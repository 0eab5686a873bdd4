/* The C of the way from samples to the network's input: what data_clip_prepare does but for
 * resampling, then the front end. Lines whose condition does not hold are left out: see set_flags.
 */
#include <math.h>
#include <string.h>

#include "dsp/features_plan.h"
#include "infer/export/c.h"

/* As in data/clips.c; the test vectors of a header would not fit if they differed. */
#define BEFORE_ONSET_S 0.001
#define FADE_S         0.005

static const char sample_text[] =
    " /* ---- from samples to a clip: silence off, cut, level set ---- */\n"
    " \n"
    " typedef struct {\n"
    "     const float *x; /* [n_channels, n] */\n"
    "     int n_channels, n;\n"
    " } @_audio;\n"
    " \n"
    "m/* Sample i of the mean of all channels. */\n"
    "s/* Sample i of channel c; a mono sound has it on both. */\n"
    " static float @_sample(const @_audio *a, int c, int i) {\n"
    "m    double sum = 0;\n"
    "m    (void)c;\n"
    "m    for (int k = 0; k < a->n_channels; k++) {\n"
    "m        sum += (double)a->x[(size_t)k * (size_t)a->n + (size_t)i];\n"
    "m    }\n"
    "m    return (float)(sum / a->n_channels);\n"
    "s    return a->x[(size_t)(c < a->n_channels ? c : 0) * (size_t)a->n + (size_t)i];\n"
    " }\n"
    " \n"
    " /* The largest of `peak` and the channels at sample i. */\n"
    " static float @_louder(const @_audio *a, int i, float peak) {\n"
    "     for (int c = 0; c < $_CHANNELS; c++) {\n"
    "         const float x = fabsf(@_sample(a, c, i));\n"
    "         if (x > peak) peak = x;\n"
    "     }\n"
    "     return peak;\n"
    " }\n"
    " \n";

static const char scale_text[] =
    " static void @_multiply_clip(float *clip, int n, float factor) {\n"
    "     for (int c = 0; c < $_CHANNELS; c++) {\n"
    "         for (int i = 0; i < n; i++) clip[c * $_SAMPLES + i] *= factor;\n"
    "     }\n"
    " }\n"
    " \n";

static const char peak_text[] =
    " /* The peak becomes 1. */\n"
    " static void @_set_level(float *clip, int n) {\n"
    "     float peak = 0;\n"
    "     for (int c = 0; c < $_CHANNELS; c++) {\n"
    "         for (int i = 0; i < n; i++) {\n"
    "             const float x = fabsf(clip[c * $_SAMPLES + i]);\n"
    "             if (x > peak) peak = x;\n"
    "         }\n"
    "     }\n"
    "     if (peak > 0) @_multiply_clip(clip, n, (float)(1.0 / (double)peak));\n"
    " }\n"
    " \n";

static const char sums_text[] =
    " static void @_sums(const float *clip, int n, double *sum, double *squares) {\n"
    "     *sum = *squares = 0;\n"
    "     for (int c = 0; c < $_CHANNELS; c++) {\n"
    "         for (int i = 0; i < n; i++) {\n"
    "             const double x = (double)clip[c * $_SAMPLES + i];\n"
    "             *sum += x;\n"
    "             *squares += x * x;\n"
    "         }\n"
    "     }\n"
    " }\n"
    " \n";

static const char rms_text[] =
    " /* The root of the mean square becomes 0.1, which is -20 dB. */\n"
    " static void @_set_level(float *clip, int n) {\n"
    "     double sum, squares;\n"
    "     @_sums(clip, n, &sum, &squares);\n"
    "     const double level = sqrt(squares / ((double)n * $_CHANNELS));\n"
    "     if (level > 0) @_multiply_clip(clip, n, (float)(0.1 / level));\n"
    " }\n"
    " \n";

static const char standard_text[] =
    " /* Mean 0 and deviation 1; a constant becomes 0. */\n"
    " static void @_set_level(float *clip, int n) {\n"
    "     const double count = (double)n * $_CHANNELS;\n"
    "     double sum, squares;\n"
    "     @_sums(clip, n, &sum, &squares);\n"
    "     const float mean = (float)(sum / count);\n"
    "     for (int c = 0; c < $_CHANNELS; c++) {\n"
    "         for (int i = 0; i < n; i++) clip[c * $_SAMPLES + i] -= mean;\n"
    "     }\n"
    "     @_sums(clip, n, &sum, &squares);\n"
    "     const double deviation = sqrt(squares / count);\n"
    "     const int varies = deviation > (double)(FLT_EPSILON * fabsf(mean));\n"
    "     @_multiply_clip(clip, n, varies ? (float)(1.0 / deviation) : 0);\n"
    " }\n"
    " \n";

static const char prepare_text[] =
    " /* Fills clip[channels, $_SAMPLES]; the number of samples in it, 0: silence. */\n"
    " static int @_prepare(const @_audio *a, float *clip) {\n"
    "     float peak = 0;\n"
    "     for (int i = 0; i < a->n; i++) peak = @_louder(a, i, peak);\n"
    "     if (!(peak > 0) || (double)peak < $_MIN_PEAK) return 0;\n"
    "     int begin = 0, end = a->n;\n"
    "t    const double threshold = (double)peak * $_TRIM;\n"
    "t    while (end > 0 && !((double)@_louder(a, end - 1, 0) > threshold)) end--;\n"
    "t    while (begin < end && !((double)@_louder(a, begin, 0) > threshold)) begin++;\n"
    "t    if (begin == end) return 0;\n"
    "t    begin -= begin < $_BEFORE_ONSET ? begin : $_BEFORE_ONSET;\n"
    "     const int too_long = end - begin > $_SAMPLES;\n"
    "     const int n = too_long ? $_SAMPLES : end - begin;\n"
    "     for (int c = 0; c < $_CHANNELS; c++) {\n"
    "         float *row = clip + c * $_SAMPLES;\n"
    "         for (int i = 0; i < n; i++) row[i] = @_sample(a, c, begin + i);\n"
    "         for (int i = n; i < $_SAMPLES; i++) row[i] = 0;\n"
    "         for (int i = 0; too_long && i < $_FADE; i++) {\n"
    "             row[n - 1 - i] *= (float)i / (float)$_FADE;\n"
    "         }\n"
    "     }\n"
    "n    @_set_level(clip, n);\n"
    "     return n;\n"
    " }\n"
    " \n";

static const char fourier_text[] =
    " /* ---- from a clip to the network's input ---- */\n"
    " \n"
    " static @_complex @_times(@_complex a, @_complex b) {\n"
    "     @_complex c;\n"
    "     c.re = a.re * b.re - a.im * b.im;\n"
    "     c.im = a.re * b.im + a.im * b.re;\n"
    "     return c;\n"
    " }\n"
    " \n"
    " /* Transform of `factor` numbers that are in_step apart; result k is turned by root[k turn]. "
    "*/\n"
    " static void @_short_fourier(const @_complex *in, int in_step,\n"
    "         @_complex *out, int out_step, int factor, int turn,\n"
    "         const @_complex *root) {\n"
    "     for (int k = 0; k < factor; k++) {\n"
    "         @_complex sum = in[0];\n"
    "         for (int i = 1; i < factor; i++) {\n"
    "             const int at = i * k % factor * ($_N_FFT / factor);\n"
    "             const @_complex part = @_times(in[i * in_step], root[at]);\n"
    "             sum.re += part.re;\n"
    "             sum.im += part.im;\n"
    "         }\n"
    "         out[k * out_step] = @_times(sum, root[k * turn]);\n"
    "     }\n"
    " }\n"
    " \n"
    " /* The same for factor 4, whose roots are 1, -i, -1 and i. */\n"
    " static void @_fourier_of_4(const @_complex *in, int in_step,\n"
    "         @_complex *out, int out_step, int turn, const @_complex *root) {\n"
    "     const @_complex a = in[0], b = in[in_step], c = in[2 * in_step], d = in[3 * in_step];\n"
    "     @_complex even, odd, first, third;\n"
    "     even.re = a.re + c.re;\n"
    "     even.im = a.im + c.im;\n"
    "     odd.re = b.re + d.re;\n"
    "     odd.im = b.im + d.im;\n"
    "     first.re = a.re - c.re + (b.im - d.im);\n"
    "     first.im = a.im - c.im - (b.re - d.re);\n"
    "     third.re = a.re - c.re - (b.im - d.im);\n"
    "     third.im = a.im - c.im + (b.re - d.re);\n"
    "     out[0].re = even.re + odd.re;\n"
    "     out[0].im = even.im + odd.im;\n"
    "     even.re -= odd.re;\n"
    "     even.im -= odd.im;\n"
    "     out[out_step] = @_times(first, root[turn]);\n"
    "     out[2 * out_step] = @_times(even, root[2 * turn]);\n"
    "     out[3 * out_step] = @_times(third, root[3 * turn]);\n"
    " }\n"
    " \n"
    " /* The discrete Fourier transform of x[$_N_FOURIER], returned in x or in y. T. Stockham's\n"
    "  * method: each pass takes a factor out of the length and leaves its results in order, so\n"
    "  * that nothing has to be shuffled. root[k] = exp(-2 pi i k / $_N_FFT). */\n"
    " static @_complex *@_fourier(@_complex *x, @_complex *y,\n"
    "         const @_complex *root) {\n"
    "     int stride = 1;\n"
    "     for (int length = $_N_FOURIER; length > 1;) {\n"
    "         int factor = length % 4 == 0 ? 4 : 2;\n"
    "         while (length % factor != 0) factor++;\n"
    "         length /= factor;\n"
    "         for (int j = 0; j < length; j++) {\n"
    "             const int turn = j * stride * ($_N_FFT / $_N_FOURIER);\n"
    "             const @_complex *in = x + j * stride;\n"
    "             @_complex *out = y + j * stride * factor;\n"
    "             for (int k = 0; k < stride; k++, in++, out++) {\n"
    "                 if (factor == 4) {\n"
    "                     @_fourier_of_4(in, stride * length, out, stride, turn, root);\n"
    "                 } else {\n"
    "                     @_short_fourier(in, stride * length, out, stride, factor, turn, root);\n"
    "                 }\n"
    "             }\n"
    "         }\n"
    "         @_complex *swap = x;\n"
    "         x = y;\n"
    "         y = swap;\n"
    "         stride *= factor;\n"
    "     }\n"
    "     return x;\n"
    " }\n"
    " \n";

static const char extended_text[] = "x/* Sample i of a clip that is mirrored at both ends. */\n"
                                    "z/* Sample i of a clip with silence around it. */\n"
                                    "u/* Sample i of a clip. */\n"
                                    " static double @_sample_of_clip(const float *clip, int i) {\n"
                                    "x    const int period = 2 * ($_SAMPLES - 1);\n"
                                    "x    if (i >= 0 && i < $_SAMPLES) return (double)clip[i];\n"
                                    "x    i %= period;\n"
                                    "x    if (i < 0) i += period;\n"
                                    "x    return (double)clip[i < $_SAMPLES ? i : period - i];\n"
                                    "z    return i < 0 || i >= $_SAMPLES ? 0 : (double)clip[i];\n"
                                    "u    return (double)clip[i];\n"
                                    " }\n"
                                    " \n";

static const char even_text[] =
    " /* work->power from the frame that starts at sample `start`. Even and odd samples go "
    "through\n"
    "  * one transform of half the length, as real and imaginary parts, and are told apart after\n"
    "  * it by their symmetry. */\n"
    " static void @_spectrum(@_work *work, const float *clip, int start) {\n"
    "     const int half = $_N_FFT / 2;\n"
    "     for (int i = 0; i < half; i++) {\n"
    "         const int k = 2 * i;\n"
    "         work->frame[i].re = work->window[k] * @_sample_of_clip(clip, start + k);\n"
    "         work->frame[i].im = work->window[k + 1] * @_sample_of_clip(clip, start + k + 1);\n"
    "     }\n"
    "     const @_complex *z = @_fourier(work->frame, work->spare, work->root);\n"
    "     for (int k = 0; k <= half; k++) {\n"
    "         const @_complex a = z[k % half], b = z[(half - k) % half];\n"
    "         @_complex even, odd;\n"
    "         even.re = (a.re + b.re) / 2;\n"
    "         even.im = (a.im - b.im) / 2;\n"
    "         odd.re = (a.im + b.im) / 2;\n"
    "         odd.im = (b.re - a.re) / 2;\n"
    "         odd = @_times(odd, work->root[k]);\n"
    "         const float re = (float)(even.re + odd.re), im = (float)(even.im + odd.im);\n"
    "         work->power[k] = re * re + im * im;\n"
    "     }\n"
    " }\n"
    " \n";

static const char odd_text[] =
    " /* work->power from the frame that starts at sample `start`. */\n"
    " static void @_spectrum(@_work *work, const float *clip, int start) {\n"
    "     for (int i = 0; i < $_N_FFT; i++) {\n"
    "         work->frame[i].re = work->window[i] * @_sample_of_clip(clip, start + i);\n"
    "         work->frame[i].im = 0;\n"
    "     }\n"
    "     const @_complex *z = @_fourier(work->frame, work->spare, work->root);\n"
    "     for (int k = 0; k <= $_N_FFT / 2; k++) {\n"
    "         const float re = (float)z[k].re, im = (float)z[k].im;\n"
    "         work->power[k] = re * re + im * im;\n"
    "     }\n"
    " }\n"
    " \n";

static const char tables_text[] =
    " static void @_fill_tables(@_work *work) {\n"
    "     const double turn = 2 * 3.14159265358979323846;\n"
    "     for (int i = 0; i < $_N_FFT; i++) {\n"
    "         work->root[i].re = cos(turn * i / $_N_FFT);\n"
    "         work->root[i].im = -sin(turn * i / $_N_FFT);\n"
    "         work->window[i] = 0;\n"
    "     }\n"
    "     double *middle = work->window + ($_N_FFT - $_N_WINDOW) / 2;\n"
    "     for (int i = 0; i < $_N_WINDOW; i++) {\n"
    "         const double wave = cos(turn * i / $_N_WINDOW);\n"
    "         middle[i] = $_WINDOW_MEAN - $_WINDOW_WAVE * wave;\n"
    "     }\n"
    " }\n"
    " \n";

static const char column_text[] =
    "M/* One frame: column 0 of y[rows, $_N_FRAMES], from the power of each frequency. */\n"
    "S/* One frame: column 0 of y[$_N_ROWS, $_N_FRAMES], from the power of each frequency. */\n"
    " static void @_column(const float *power, float *y) {\n"
    "M    const float *weight = @_mel_weight;\n"
    "M    for (int i = 0; i < $_N_MELS; i++) {\n"
    "M        float value = 0;\n"
    "M        const float *x = power + @_mel_first[i];\n"
    "M        for (int k = 0; k < @_mel_n[i]; k++) value += *weight++ * x[k];\n"
    "S    for (int i = 0; i < $_N_ROWS; i++) {\n"
    "S        float value = power[i] * $_POWER_SCALE;\n"
    "R        value = sqrtf(value);\n"
    "D        if (value < $_LEAST_POWER) value = $_LEAST_POWER;\n"
    "D        y[i * $_N_FRAMES] = 10 * log10f(value);\n"
    "p        y[i * $_N_FRAMES] = value;\n"
    "     }\n"
    " }\n"
    " \n";

static const char level_text[] =
    "T/* What lies $_TOP_DB below the loudest is raised to that. */\n"
    "G/* The loudest becomes 0 dB. */\n"
    " static void @_set_decibels(float *y, int rows) {\n"
    "     float loudest = -FLT_MAX;\n"
    "     for (int i = 0; i < rows * $_N_FRAMES; i++) {\n"
    "         if (i % $_N_FRAMES < $_N_FILLED && y[i] > loudest) loudest = y[i];\n"
    "     }\n"
    "     for (int i = 0; i < rows * $_N_FRAMES; i++) {\n"
    "T        if (y[i] < loudest - $_TOP_DB) y[i] = loudest - $_TOP_DB;\n"
    "G        y[i] -= loudest;\n"
    "     }\n"
    " }\n"
    " \n";

static const char cepstrum_text[] =
    " /* y[$_N_ROWS, $_N_FRAMES] from x[$_N_MELS, $_N_FRAMES]: an orthonormal DCT-II. */\n"
    " static void @_cepstrum(const float *x, float *y) {\n"
    "     for (int i = 0; i < $_N_ROWS; i++) {\n"
    "         for (int t = 0; t < $_N_FILLED; t++) {\n"
    "             float sum = 0;\n"
    "             for (int k = 0; k < $_N_MELS; k++) {\n"
    "                 sum += @_dct[i * $_N_MELS + k] * x[k * $_N_FRAMES + t];\n"
    "             }\n"
    "             y[i * $_N_FRAMES + t] = sum;\n"
    "         }\n"
    "     }\n"
    " }\n"
    " \n";

static const char delta_text[] =
    " /* First or second derivative of x[n] over nine points, by A. Savitzky and M. Golay, 1964;\n"
    "  * the ends are repeated. */\n"
    " static void @_derive(const float *x, float *y, int n, int order) {\n"
    "     for (int t = 0; t < n; t++) {\n"
    "         double sum = 0;\n"
    "         for (int k = -4; k <= 4; k++) {\n"
    "             const double weight = order == 1 ? k / 60.0 : (9 * k * k - 60) / 1386.0;\n"
    "             sum += weight * (double)x[t + k < 0 ? 0 : t + k >= n ? n - 1 : t + k];\n"
    "         }\n"
    "         y[t] = (float)sum;\n"
    "     }\n"
    " }\n"
    " \n";

static const char clip_norm_text[] =
    " /* Mean 0 and deviation 1 over the whole clip. */\n"
    " static void @_normalize(float *y) {\n"
    "     const int rows = $_N_PLANES * $_N_ROWS;\n"
    "     double sum = 0, squares = 0;\n"
    "     for (int i = 0; i < rows * $_N_FRAMES; i++) {\n"
    "         if (i % $_N_FRAMES >= $_N_FILLED) continue;\n"
    "         sum += (double)y[i];\n"
    "         squares += (double)y[i] * (double)y[i];\n"
    "     }\n"
    "     const double count = (double)rows * $_N_FILLED, mean = sum / count;\n"
    "     const double variance = squares / count - mean * mean;\n"
    "     const double deviation = sqrt(variance > 0 ? variance : 0);\n"
    "     const int varies = deviation > 1e-6 * fabs(mean) && deviation > 1e-12;\n"
    "     for (int i = 0; i < rows * $_N_FRAMES; i++) {\n"
    "         y[i] = (y[i] - (float)mean) / (varies ? (float)deviation : 1.0f);\n"
    "     }\n"
    " }\n"
    " \n";

static const char fitted_norm_text[] =
    " /* As over the training data. */\n"
    " static void @_normalize(float *y) {\n"
    "     for (int i = 0; i < $_N_PLANES * $_N_ROWS; i++) {\n"
    "         const int k = i % $_N_NORM;\n"
    "         for (int t = 0; t < $_N_FRAMES; t++, y++) {\n"
    "             *y = (*y - @_norm_offset[k]) / @_norm_scale[k];\n"
    "         }\n"
    "     }\n"
    " }\n"
    " \n";

static const char features_text[] =
    " /* y[$_N_PLANES, $_N_ROWS, $_N_FRAMES] from work->clip. */\n"
    " static void @_features(@_work *work, float *y) {\n"
    "v    @_fill_tables(work);\n"
    "w    for (int c = 0; c < $_CHANNELS; c++) {\n"
    "w        memcpy(y + c * $_N_FRAMES, work->clip + c * $_SAMPLES, (size_t)$_N_FILLED * sizeof "
    "*y);\n"
    "w    }\n"
    "v    for (int c = 0; c < $_CHANNELS; c++) {\n"
    "v        for (int t = 0; t < $_N_FILLED; t++) {\n"
    "v            const float *clip = work->clip + c * $_SAMPLES;\n"
    "v            @_spectrum(work, clip, t * $_HOP - $_LEAD);\n"
    "C            @_column(work->power, work->decibels + c * $_N_MELS * $_N_FRAMES + t);\n"
    "U            @_column(work->power, y + c * $_N_ROWS * $_N_FRAMES + t);\n"
    "v        }\n"
    "v    }\n"
    "K    @_set_decibels(work->decibels, $_CHANNELS * $_N_MELS);\n"
    "L    @_set_decibels(y, $_N_PLANES * $_N_ROWS);\n"
    "C    const int plane = $_N_ROWS * $_N_FRAMES;\n"
    "C    for (int c = 0; c < $_CHANNELS; c++) {\n"
    "C        float *z = y + c * ($_N_PLANES / $_CHANNELS) * plane;\n"
    "C        @_cepstrum(work->decibels + c * $_N_MELS * $_N_FRAMES, z);\n"
    "E        for (int k = 1; k < $_N_PLANES / $_CHANNELS; k++) {\n"
    "E            for (int i = 0; i < $_N_ROWS; i++) {\n"
    "E                @_derive(z + i * $_N_FRAMES, z + k * plane + i * $_N_FRAMES, $_N_FILLED, "
    "k);\n"
    "E            }\n"
    "E        }\n"
    "C    }\n"
    "N    @_normalize(y);\n"
    "Z    @_clear(y, $_N_PLANES * $_N_ROWS, $_N_FRAMES, 1, $_N_FILLED);\n"
    " }\n"
    " \n";

static const char frames_text[] = " /* Frames of the network's input that n samples reach. */\n"
                                  " static int @_valid_frames(int n) {\n"
                                  "I    const int frames = 1 + (n - 1) / $_HOP;\n"
                                  "J    const int frames = n;\n"
                                  "I    return frames < $_N_FILLED ? frames : $_N_FILLED;\n"
                                  "J    return frames < $_N_FILLED ? frames : $_N_FILLED;\n"
                                  "A    (void)n; /* the silence behind a sound counts as well */\n"
                                  "A    return $_N_FRAMES;\n"
                                  " }\n"
                                  " \n";

static const dsp_features *features_of(const export_c *e) {
    return infer_model_member(e->model, e->member)->features;
}

static bool is_mel(const dsp_features_options *o) {
    return o->kind == DSP_LOG_MEL || o->kind == DSP_MEL_POWER || o->kind == DSP_MFCC;
}

static bool is_normalized(const dsp_features *f) {
    return f->options.normalize == DSP_NORM_CLIP || f->n_norm > 0;
}

/* One condition: its letter is set if it holds. */
static void set(export_c *e, char flag, bool holds) {
    size_t n = strlen(e->flags);
    BASE_CHECK(n + 1 < sizeof e->flags);
    if (holds) e->flags[n] = flag;
}

static void set_flags(export_c *e) {
    const data_audio_options *audio = infer_model_audio(e->model);
    const dsp_features *f = features_of(e);
    const dsp_features_options *o = &f->options;
    bool framed = o->kind != DSP_WAVEFORM, levels = o->reference != 0 || o->top_db > 0;
    bool cepstrum = o->kind == DSP_MFCC;
    set(e, audio->channels == 1 ? 'm' : 's', true);
    set(e, 't', audio->trim_db < 0);
    set(e, 'n', audio->normalize != 0);
    set(e, framed ? 'v' : 'w', true);
    set(e, !o->centered ? 'u' : o->pad == DSP_PAD_REFLECT ? 'x' : 'z', framed);
    set(e, is_mel(o) ? 'M' : 'S', framed);
    set(e, dsp_features_is_decibels(o) ? 'D' : 'p', framed);
    set(e, 'R', framed && (is_mel(o) ? o->root : o->power == 1.0));
    set(e, 'T', o->top_db > 0);
    set(e, 'G', o->reference != 0);
    set(e, cepstrum ? 'C' : 'U', framed);
    set(e, 'K', cepstrum && levels);
    set(e, 'L', dsp_features_is_decibels(o) && !cepstrum && levels);
    set(e, 'E', cepstrum && o->deltas > 0);
    set(e, 'N', is_normalized(f));
    set(e, !o->mask_padding ? 'A' : framed ? 'I' : 'J', true);
    set(e, 'Z', f->n_filled < f->n_frames);
}

static void define_int(const export_c *e, base_text *text, const char *name, int64_t value) {
    export_c_line(e, text, "#define $_%s %lld", name, (long long)value);
}

static void define_double(const export_c *e, base_text *text, const char *name, double value) {
    base_text number = {0};
    export_c_double(&number, value);
    export_c_line(e, text, "#define $_%s %s", name, base_text_string(&number));
    base_text_release(&number);
}

static void define_float(const export_c *e, base_text *text, const char *name, float value) {
    base_text number = {0};
    export_c_number(&number, value);
    export_c_line(e, text, "#define $_%s %s", name, base_text_string(&number));
    base_text_release(&number);
}

static void define_clip(export_c *e, base_text *text) {
    const data_audio_options *audio = infer_model_audio(e->model);
    define_double(e, text, "MIN_PEAK", pow(10.0, audio->min_peak_db / 20));
    if (audio->trim_db < 0) {
        define_double(e, text, "TRIM", pow(10.0, audio->trim_db / 20));
        define_int(e, text, "BEFORE_ONSET", llround(BEFORE_ONSET_S * audio->sample_rate_hz));
    }
    define_int(e, text, "FADE", llround(FADE_S * audio->sample_rate_hz));
}

static void define_window(export_c *e, base_text *text) {
    const dsp_features_options *o = &features_of(e)->options;
    int64_t n = o->win_length > 0 ? o->win_length : o->n_fft;
    double mean = o->window == DSP_HANN ? 0.5 : o->window == DSP_HAMMING ? 0.54 : 1.0;
    if (n == 1) mean = 1.0;
    define_int(e, text, "N_WINDOW", n);
    define_double(e, text, "WINDOW_MEAN", mean);
    define_double(e, text, "WINDOW_WAVE", 1.0 - mean);
}

static void define_frames(export_c *e, base_text *text) {
    const dsp_features_options *o = &features_of(e)->options;
    define_int(e, text, "N_FFT", o->n_fft);
    define_int(e, text, "N_FOURIER", o->n_fft % 2 == 0 ? o->n_fft / 2 : o->n_fft);
    if (is_mel(o)) define_int(e, text, "N_MELS", o->n_mels);
    define_int(e, text, "HOP", o->hop);
    int64_t before, after;
    dsp_stft_extension(features_of(e)->stft, features_of(e)->n_samples, &before, &after);
    define_int(e, text, "LEAD", before);
    define_window(e, text);
    if (dsp_features_is_decibels(o)) define_float(e, text, "LEAST_POWER", (float)o->amin);
    if (dsp_features_is_decibels(o) && o->top_db > 0)
        define_float(e, text, "TOP_DB", (float)o->top_db);
    if (o->kind == DSP_STFT) {
        define_float(e, text, "POWER_SCALE", o->scale ? 1.0f / (float)o->n_fft : 1.0f);
    }
}

static void define_all(export_c *e, base_text *text) {
    const dsp_features *f = features_of(e);
    define_clip(e, text);
    if (f->options.kind != DSP_WAVEFORM) define_frames(e, text);
    define_double(e, text, "TEMPERATURE", infer_model_temperature(e->model));
    define_int(e, text, "N_PLANES", f->n_planes);
    define_int(e, text, "N_ROWS", f->n_rows);
    define_int(e, text, "N_FRAMES", f->n_frames);
    define_int(e, text, "N_FILLED", f->n_filled);
    if (f->options.normalize != DSP_NORM_CLIP && f->n_norm > 0) {
        define_int(e, text, "N_NORM", f->n_norm);
    }
    base_text_add(text, "\n");
}

/* The filters' weights one after the other, without the zeros around them. */
static base_status add_mel(export_c *e, base_text *text) {
    const dsp_features *f = features_of(e);
    int n_mels = (int)f->options.n_mels, n = 0;
    int *first = base_arena_alloc(&e->arena, (size_t)n_mels, sizeof *first);
    int *count = base_arena_alloc(&e->arena, (size_t)n_mels, sizeof *count);
    float *row = base_arena_alloc(&e->arena, (size_t)f->n_bins, sizeof *row);
    float *weights =
        base_arena_alloc(&e->arena, (size_t)n_mels * (size_t)f->n_bins, sizeof *weights);
    if (!first || !count || !row || !weights) return export_c_no_memory(e);
    for (int m = 0; m < n_mels; m++) {
        int end = (int)f->n_bins;
        dsp_mel_row(f->mel, m, row);
        while (end > 0 && row[end - 1] == 0.0f) end--;
        while (first[m] < end && row[first[m]] == 0.0f) first[m]++;
        count[m] = end - first[m];
        memcpy(weights + n, row + first[m], (size_t)count[m] * sizeof *row);
        n += count[m];
    }
    base_text_add(text, "/* Mel filter i weighs the frequencies from mel_first[i] on. */\n");
    export_c_ints(e, text, "mel_first", first, n_mels);
    export_c_ints(e, text, "mel_n", count, n_mels);
    export_c_floats(e, text, "mel_weight", weights, n);
    return BASE_OK;
}

static base_status add_constants(export_c *e, base_text *text) {
    const dsp_features *f = features_of(e);
    if (is_mel(&f->options)) BASE_TRY(add_mel(e, text));
    if (f->options.kind == DSP_MFCC) {
        export_c_floats(e, text, "dct", f->dct.matrix, f->dct.n_out * f->dct.n_in);
    }
    if (f->options.normalize != DSP_NORM_CLIP && f->n_norm > 0) {
        export_c_floats(e, text, "norm_offset", f->offset, f->n_norm);
        export_c_floats(e, text, "norm_scale", f->scale, f->n_norm);
    }
    return BASE_OK;
}

static void add_clip(export_c *e, base_text *text) {
    static const char *const levels[] = {"", peak_text, rms_text, standard_text};
    int how = infer_model_audio(e->model)->normalize;
    export_c_add(e, text, sample_text);
    if (how != 0) export_c_add(e, text, scale_text);
    if (how > 1) export_c_add(e, text, sums_text);
    export_c_add(e, text, levels[how]);
    export_c_add(e, text, prepare_text);
}

static void add_features(export_c *e, base_text *text) {
    const dsp_features *f = features_of(e);
    const dsp_features_options *o = &f->options;
    if (o->kind != DSP_WAVEFORM) {
        export_c_add(e, text, fourier_text);
        export_c_add(e, text, extended_text);
        export_c_add(e, text, o->n_fft % 2 == 0 ? even_text : odd_text);
        export_c_add(e, text, tables_text);
        export_c_add(e, text, column_text);
    }
    if (dsp_features_is_decibels(o) && (o->reference != 0 || o->top_db > 0))
        export_c_add(e, text, level_text);
    if (o->kind == DSP_MFCC) export_c_add(e, text, cepstrum_text);
    if (o->kind == DSP_MFCC && o->deltas > 0) export_c_add(e, text, delta_text);
    if (is_normalized(f)) {
        bool per_clip = o->normalize == DSP_NORM_CLIP;
        export_c_add(e, text, per_clip ? clip_norm_text : fitted_norm_text);
    }
    if (f->n_filled < f->n_frames) {
        export_c_add(e, text, export_c_pieces[EXPORT_C_CLEAR].text);
        base_text_add(text, "\n");
        e->has_clear = true;
    }
    export_c_add(e, text, features_text);
    export_c_add(e, text, frames_text);
}

base_status export_c_audio(export_c *e, base_text *text) {
    set_flags(e);
    define_all(e, text);
    BASE_TRY(add_constants(e, text));
    base_text_add(text, "\n");
    add_clip(e, text);
    add_features(e, text);
    return BASE_OK;
}

void export_c_audio_work(const export_c *e, base_text *text, int64_t *n_bytes) {
    const dsp_features *f = features_of(e);
    const dsp_features_options *o = &f->options;
    int64_t n_clip = f->n_channels * f->n_samples;
    int64_t n_log = o->kind == DSP_MFCC ? f->n_channels * o->n_mels * f->n_frames : 0;
    *n_bytes = 4 * (n_clip + n_log);
    if (o->kind != DSP_WAVEFORM) {
        int64_t n_fourier = o->n_fft % 2 == 0 ? o->n_fft / 2 : o->n_fft;
        export_c_line(e, text, "    @_complex frame[%lld], spare[%lld], root[%lld];",
                      (long long)n_fourier, (long long)n_fourier, (long long)o->n_fft);
        export_c_line(e, text, "    double window[%lld];", (long long)o->n_fft);
        export_c_line(e, text, "    float power[%lld];", (long long)f->n_bins);
        *n_bytes += 16 * (2 * n_fourier + o->n_fft) + 8 * o->n_fft + 4 * f->n_bins;
    }
    export_c_line(e, text, "    float clip[%lld];", (long long)n_clip);
    if (n_log > 0) export_c_line(e, text, "    float decibels[%lld];", (long long)n_log);
}
