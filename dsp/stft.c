#include "dsp/stft.h"

#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "dsp/clip.h"
#include "dsp/fft.h"
#include "dsp/kernels.h"
#include "dsp/scratch.h"
#include "dsp/spectrum.h"

struct dsp_stft {
    const dsp_kernels_table *kernels;
    dsp_stft_options options;
    int64_t n_bins;
    dsp_spectrum *spectrum; /* NULL where there is none of this length: then fft */
    dsp_fft *fft;
    double *window; /* [n_fft], win_length of it not zero */
};

static double window_value(dsp_window_kind kind, int64_t n, int64_t i) {
    if (n == 1) return 1.0;
    double wave = cos(2.0 * M_PI * (double)i / (double)n);
    switch (kind) {
    case DSP_HANN:
        return 0.5 - 0.5 * wave;
    case DSP_HAMMING:
        return 0.54 - 0.46 * wave;
    case DSP_RECTANGULAR:
        break;
    }
    return 1.0;
}

void dsp_window(dsp_window_kind kind, int64_t n, float *window) {
    for (int64_t i = 0; i < n; i++) window[i] = (float)window_value(kind, n, i);
}

static base_status check_options(const dsp_stft_options *o, base_error *err) {
    if (o->n_fft < 1) return base_fail(err, BASE_ECONFIG, "n_fft: must be at least 1");
    if (o->hop < 1) return base_fail(err, BASE_ECONFIG, "hop: must be at least 1");
    if (o->win_length < 1 || o->win_length > o->n_fft) {
        return base_fail(err, BASE_ECONFIG, "win_length: %lld is not within 1 to n_fft (%lld)",
                         (long long)o->win_length, (long long)o->n_fft);
    }
    return BASE_OK;
}

static base_status fill_window(dsp_stft *stft, base_error *err) {
    const dsp_stft_options *o = &stft->options;
    stft->window = base_alloc((size_t)o->n_fft, sizeof *stft->window);
    if (stft->window == NULL) return base_fail(err, BASE_EMEMORY, "no memory for a window");
    double *middle = stft->window + (o->n_fft - o->win_length) / 2;
    for (int64_t i = 0; i < o->win_length; i++) {
        middle[i] = window_value(o->window, o->win_length, i);
    }
    return BASE_OK;
}

static base_status make_transform(dsp_stft *stft, base_error *err) {
    int64_t n = stft->options.n_fft;
    if (!dsp_spectrum_fits(n)) return dsp_fft_new(n, &stft->fft, err);
    return dsp_spectrum_new(stft->window, n, &stft->spectrum, err);
}

base_status dsp_stft_new(const dsp_stft_options *options, dsp_stft **stft, base_error *err) {
    *stft = NULL;
    BASE_TRY(check_options(options, err));
    dsp_stft *made = base_alloc(1, sizeof *made);
    if (made == NULL) return base_fail(err, BASE_EMEMORY, "no memory for an STFT");
    made->kernels = dsp_kernels();
    made->options = *options;
    made->n_bins = options->n_fft / 2 + 1;
    base_status status = fill_window(made, err);
    if (status == BASE_OK) status = make_transform(made, err);
    if (status != BASE_OK) {
        dsp_stft_free(made);
        return status;
    }
    *stft = made;
    return BASE_OK;
}

void dsp_stft_free(dsp_stft *stft) {
    if (stft == NULL) return;
    dsp_spectrum_free(stft->spectrum);
    dsp_fft_free(stft->fft);
    base_free(stft->window);
    base_free(stft);
}

const double *dsp_stft_window(const dsp_stft *stft) {
    return stft->window;
}

int64_t dsp_stft_frames(const dsp_stft *stft, int64_t n) {
    const dsp_stft_options *o = &stft->options;
    if (n < 1) return 0;
    bool less = o->n_fft % 2 != 0 || o->pad == DSP_PAD_SAME;
    if (o->centered) return 1 + (n - less) / o->hop;
    return n < o->n_fft ? 0 : 1 + (n - o->n_fft) / o->hop;
}

void dsp_stft_extension(const dsp_stft *stft, int64_t n, int64_t *before, int64_t *after) {
    const dsp_stft_options *o = &stft->options;
    *before = o->centered ? o->n_fft / 2 : 0;
    int64_t total = (dsp_stft_frames(stft, n) - 1) * o->hop + o->n_fft - n;
    if (total < 0) total = 0;
    if (o->centered && o->pad == DSP_PAD_SAME) *before = total / 2;
    *after = total > *before ? total - *before : 0;
}

/* One call's buffers. */
typedef struct {
    double *work;             /* the spectrum's */
    double *frame;            /* [n_fft], windowed */
    double complex *spectrum; /* [n_bins] */
    float complex *bins;      /* [n_bins], what callers see */
    float *power;             /* [n_bins], or this */
    float *edge;              /* [n_fft], a frame that reaches over an end */
} stft_buffers;

static stft_buffers cut(const dsp_stft *stft, dsp_scratch *scratch) {
    int64_t n_fft = stft->options.n_fft;
    stft_buffers b = {0};
    if (stft->spectrum != NULL) {
        b.work = dsp_scratch_take(scratch, dsp_spectrum_scratch(stft->spectrum), sizeof *b.work);
    } else {
        b.frame = dsp_scratch_take(scratch, n_fft, sizeof *b.frame);
        b.spectrum = dsp_scratch_take(scratch, stft->n_bins, sizeof *b.spectrum);
    }
    b.bins = dsp_scratch_take(scratch, stft->n_bins, sizeof *b.bins);
    b.power = dsp_scratch_take(scratch, stft->n_bins, sizeof *b.power);
    b.edge = dsp_scratch_take(scratch, n_fft, sizeof *b.edge);
    return b;
}

size_t dsp_stft_scratch_bytes(const dsp_stft *stft) {
    dsp_scratch count = {0};
    cut(stft, &count);
    return count.used_bytes;
}

/* Where place i of the extended signal lies in x[n], or -1 for zero. Reflection leaves the end
 * samples single and goes on for as long as it takes: period 2 (n - 1). */
static int64_t extended_index(dsp_pad_kind pad, int64_t i, int64_t n) {
    if (i >= 0 && i < n) return i;
    if (pad != DSP_PAD_REFLECT) return -1;
    if (n == 1) return 0;
    int64_t period = 2 * (n - 1), distance = i < 0 ? -i : i;
    int64_t place = distance < period ? distance : distance % period; /* divisions are slow */
    return place < n ? place : period - place;
}

static const float *frame_samples(const dsp_stft *stft, const float *x, int64_t n, int64_t start,
                                  float *edge) {
    int64_t n_fft = stft->options.n_fft;
    if (start >= 0 && start + n_fft <= n) return x + start;
    int64_t first = start < 0 ? -start : 0, end = n - start < n_fft ? n - start : n_fft;
    if (first < end) memcpy(edge + first, x + start + first, (size_t)(end - first) * sizeof *x);
    for (int64_t i = 0; i < n_fft; i++) {
        if (i >= first && i < end) continue;
        int64_t at = extended_index(stft->options.pad, start + i, n);
        edge[i] = at < 0 ? 0.0f : x[at];
    }
    return edge;
}

static void transform(const dsp_stft *stft, const float *samples, const stft_buffers *b) {
    if (stft->spectrum != NULL) {
        dsp_spectrum_bins(stft->spectrum, samples, b->work, b->bins);
        return;
    }
    stft->kernels->window(samples, stft->window, b->frame, stft->options.n_fft);
    dsp_fft_forward(stft->fft, b->frame, b->spectrum);
    stft->kernels->narrow(b->spectrum, b->bins, stft->n_bins);
}

const float complex *dsp_stft_at(const dsp_stft *stft, const float *x, int64_t n, int64_t start,
                                 void *scratch) {
    stft_buffers b = cut(stft, &(dsp_scratch){.memory = scratch});
    transform(stft, frame_samples(stft, x, n, start, b.edge), &b);
    return b.bins;
}

static int64_t frame_start(const dsp_stft *stft, int64_t n, int64_t t) {
    int64_t before, after;
    dsp_stft_extension(stft, n, &before, &after);
    return t * stft->options.hop - before;
}

const float complex *dsp_stft_frame(const dsp_stft *stft, const float *x, int64_t n, int64_t t,
                                    void *scratch) {
    return dsp_stft_at(stft, x, n, frame_start(stft, n, t), scratch);
}

const float *dsp_stft_power(const dsp_stft *stft, const float *x, int64_t n, int64_t t,
                            void *scratch) {
    stft_buffers b = cut(stft, &(dsp_scratch){.memory = scratch});
    const float *samples = frame_samples(stft, x, n, frame_start(stft, n, t), b.edge);
    if (dsp_is_silent(samples, stft->options.n_fft)) return NULL;
    if (stft->spectrum != NULL) {
        dsp_spectrum_power(stft->spectrum, samples, b.work, b.power);
        return b.power;
    }
    transform(stft, samples, &b);
    stft->kernels->power(b.bins, b.power, stft->n_bins);
    return b.power;
}
