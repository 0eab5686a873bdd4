#include "dsp/stft.h"

#include <math.h>

#include "base/arena.h"
#include "dsp/fft.h"
#include "dsp/kernels.h"
#include "dsp/scratch.h"

struct dsp_stft {
    const dsp_kernels_table *kernels;
    dsp_stft_options options;
    int64_t n_bins;
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

base_status dsp_stft_new(const dsp_stft_options *options, dsp_stft **stft, base_error *err) {
    *stft = NULL;
    BASE_TRY(check_options(options, err));
    dsp_stft *made = base_alloc(1, sizeof *made);
    if (made == NULL) return base_fail(err, BASE_EMEMORY, "no memory for an STFT");
    made->kernels = dsp_kernels();
    made->options = *options;
    made->n_bins = options->n_fft / 2 + 1;
    base_status status = dsp_fft_new(options->n_fft, &made->fft, err);
    if (status == BASE_OK) {
        made->window = base_alloc((size_t)options->n_fft, sizeof *made->window);
        if (made->window == NULL) status = base_fail(err, BASE_EMEMORY, "no memory for a window");
    }
    if (status != BASE_OK) {
        dsp_stft_free(made);
        return status;
    }
    double *middle = made->window + (options->n_fft - options->win_length) / 2;
    for (int64_t i = 0; i < options->win_length; i++) {
        middle[i] = window_value(options->window, options->win_length, i);
    }
    *stft = made;
    return BASE_OK;
}

void dsp_stft_free(dsp_stft *stft) {
    if (stft == NULL) return;
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
    double *frame;            /* [n_fft], windowed */
    double complex *spectrum; /* [n_bins] */
    float complex *bins;      /* [n_bins], what emit sees */
    float *edge;              /* [n_fft], a frame that reaches over an end */
} stft_buffers;

static stft_buffers cut(const dsp_stft *stft, dsp_scratch *scratch) {
    int64_t n_fft = stft->options.n_fft;
    stft_buffers b;
    b.frame = dsp_scratch_take(scratch, n_fft, sizeof *b.frame);
    b.spectrum = dsp_scratch_take(scratch, stft->n_bins, sizeof *b.spectrum);
    b.bins = dsp_scratch_take(scratch, stft->n_bins, sizeof *b.bins);
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
    int64_t period = 2 * (n - 1), place = i % period;
    if (place < 0) place += period;
    return place < n ? place : period - place;
}

static const float *frame_samples(const dsp_stft *stft, const float *x, int64_t n, int64_t start,
                                  float *edge) {
    int64_t n_fft = stft->options.n_fft;
    if (start >= 0 && start + n_fft <= n) return x + start;
    for (int64_t i = 0; i < n_fft; i++) {
        int64_t at = extended_index(stft->options.pad, start + i, n);
        edge[i] = at < 0 ? 0.0f : x[at];
    }
    return edge;
}

const float complex *dsp_stft_at(const dsp_stft *stft, const float *x, int64_t n, int64_t start,
                                 void *scratch) {
    stft_buffers b = cut(stft, &(dsp_scratch){.memory = scratch});
    const float *samples = frame_samples(stft, x, n, start, b.edge);
    stft->kernels->window(samples, stft->window, b.frame, stft->options.n_fft);
    dsp_fft_forward(stft->fft, b.frame, b.spectrum);
    stft->kernels->narrow(b.spectrum, b.bins, stft->n_bins);
    return b.bins;
}

const float complex *dsp_stft_frame(const dsp_stft *stft, const float *x, int64_t n, int64_t t,
                                    void *scratch) {
    int64_t before, after;
    dsp_stft_extension(stft, n, &before, &after);
    return dsp_stft_at(stft, x, n, t * stft->options.hop - before, scratch);
}
