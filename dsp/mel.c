#include "dsp/mel.h"

#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "dsp/kernels.h"

enum { GRAIN = 8 }; /* filters are widened with zeros to a multiple of what a vector holds */

/* Filter m weighs bins begin .. begin + n - 1. */
typedef struct {
    int64_t begin, n, first_weight;
} filter;

struct dsp_mel {
    const dsp_kernels_table *kernels;
    int64_t n_bins, n_mels;
    filter *filters; /* [n_mels] */
    float *weights;  /* all filters' */
};

/* Slaney's scale: 200/3 Hz per mel up to 1 kHz, then 27 mels per factor of 6.4. */
#define SLANEY_LINEAR_HZ (200.0 / 3.0)
#define SLANEY_KNEE_HZ   1000.0
#define SLANEY_KNEE_MEL  (SLANEY_KNEE_HZ / SLANEY_LINEAR_HZ)
#define SLANEY_LOG_STEP  (log(6.4) / 27.0)

double dsp_hz_to_mel(double hz, bool htk) {
    if (htk) return 2595.0 * log10(1.0 + hz / 700.0);
    if (hz < SLANEY_KNEE_HZ) return hz / SLANEY_LINEAR_HZ;
    return SLANEY_KNEE_MEL + log(hz / SLANEY_KNEE_HZ) / SLANEY_LOG_STEP;
}

double dsp_mel_to_hz(double mel, bool htk) {
    if (htk) return 700.0 * (pow(10.0, mel / 2595.0) - 1.0);
    if (mel < SLANEY_KNEE_MEL) return mel * SLANEY_LINEAR_HZ;
    return SLANEY_KNEE_HZ * exp(SLANEY_LOG_STEP * (mel - SLANEY_KNEE_MEL));
}

/* The triangle of one filter: corners in Hz. */
typedef struct {
    double left, centre, right, height;
} triangle;

static double corner_hz(const dsp_mel_options *o, int64_t i) {
    double fmax = o->fmax_hz > 0.0 ? o->fmax_hz : o->sample_rate_hz / 2.0;
    double lo = dsp_hz_to_mel(o->fmin_hz, o->htk), hi = dsp_hz_to_mel(fmax, o->htk);
    return dsp_mel_to_hz(lo + (hi - lo) * (double)i / (double)(o->n_mels + 1), o->htk);
}

static triangle triangle_of(const dsp_mel_options *o, int64_t m) {
    triangle t = {corner_hz(o, m), corner_hz(o, m + 1), corner_hz(o, m + 2), 1.0};
    if (o->area) t.height = 2.0 / (t.right - t.left);
    return t;
}

static float weight_at(const triangle *t, double hz) {
    double rise = (hz - t->left) / (t->centre - t->left);
    double fall = (t->right - hz) / (t->right - t->centre);
    double shape = rise < fall ? rise : fall;
    return shape > 0.0 ? (float)((double)(float)shape * t->height) : 0.0f;
}

static double bin_hz(const dsp_mel_options *o, int64_t bin) {
    return (double)bin * o->sample_rate_hz / (double)o->n_fft;
}

/* The bins with weight, widened to whole vectors where the spectrum has room. n 0: none. */
static filter place_filter(const dsp_mel_options *o, const triangle *t, int64_t n_bins) {
    filter f = {0};
    int64_t end = 0;
    for (int64_t k = 0; k < n_bins; k++) {
        if (weight_at(t, bin_hz(o, k)) <= 0.0f) continue;
        if (end == 0) f.begin = k;
        end = k + 1;
    }
    f.n = end - f.begin;
    int64_t wide = (f.n + GRAIN - 1) / GRAIN * GRAIN;
    if (wide > n_bins) return f;
    f.n = wide;
    if (f.begin + wide > n_bins) f.begin = n_bins - wide;
    return f;
}

static base_status check_options(const dsp_mel_options *o, base_error *err) {
    double nyquist = o->sample_rate_hz / 2.0, fmax = o->fmax_hz > 0.0 ? o->fmax_hz : nyquist;
    if (o->n_mels < 1) return base_fail(err, BASE_ECONFIG, "%lld mels", (long long)o->n_mels);
    if (o->n_fft < 1) return base_fail(err, BASE_ECONFIG, "n_fft %lld", (long long)o->n_fft);
    if (!(o->fmin_hz >= 0.0 && o->fmin_hz < fmax && fmax <= nyquist)) {
        return base_fail(err, BASE_ECONFIG,
                         "filters from %g to %g Hz do not lie within 0 to %g Hz, half the sample "
                         "rate",
                         o->fmin_hz, fmax, nyquist);
    }
    return BASE_OK;
}

static base_status place_filters(const dsp_mel_options *o, bool allow_empty, dsp_mel *mel,
                                 int64_t *n_weights, base_error *err) {
    for (int64_t m = 0; m < mel->n_mels; m++) {
        triangle t = triangle_of(o, m);
        filter *f = &mel->filters[m];
        *f = place_filter(o, &t, mel->n_bins);
        f->first_weight = *n_weights;
        *n_weights += f->n;
        if (f->n == 0 && !allow_empty) {
            return base_fail(err, BASE_ECONFIG,
                             "filter %lld of %lld (%.1f to %.1f Hz) has no bin of the %lld-point "
                             "transform in it: use fewer filters or a longer transform",
                             (long long)m + 1, (long long)o->n_mels, t.left, t.right,
                             (long long)o->n_fft);
        }
    }
    return BASE_OK;
}

static base_status fill(const dsp_mel_options *o, bool allow_empty, dsp_mel *mel, base_error *err) {
    int64_t n_weights = 0;
    mel->filters = base_alloc((size_t)o->n_mels, sizeof *mel->filters);
    if (mel->filters == NULL) return base_fail(err, BASE_EMEMORY, "no memory for mel filters");
    BASE_TRY(place_filters(o, allow_empty, mel, &n_weights, err));
    mel->weights = base_alloc((size_t)n_weights + 1, sizeof *mel->weights);
    if (mel->weights == NULL) return base_fail(err, BASE_EMEMORY, "no memory for mel filters");
    for (int64_t m = 0; m < mel->n_mels; m++) {
        triangle t = triangle_of(o, m);
        const filter *f = &mel->filters[m];
        for (int64_t i = 0; i < f->n; i++) {
            mel->weights[f->first_weight + i] = weight_at(&t, bin_hz(o, f->begin + i));
        }
    }
    return BASE_OK;
}

base_status dsp_mel_new(const dsp_mel_options *options, bool allow_empty, dsp_mel **mel,
                        base_error *err) {
    *mel = NULL;
    BASE_TRY(check_options(options, err));
    dsp_mel *made = base_alloc(1, sizeof *made);
    if (made == NULL) return base_fail(err, BASE_EMEMORY, "no memory for mel filters");
    made->kernels = dsp_kernels();
    made->n_bins = options->n_fft / 2 + 1;
    made->n_mels = options->n_mels;
    base_status status = fill(options, allow_empty, made, err);
    if (status != BASE_OK) {
        dsp_mel_free(made);
        return status;
    }
    *mel = made;
    return BASE_OK;
}

void dsp_mel_free(dsp_mel *mel) {
    if (mel == NULL) return;
    base_free(mel->filters);
    base_free(mel->weights);
    base_free(mel);
}

void dsp_mel_apply(const dsp_mel *mel, const float *power, float *out) {
    for (int64_t m = 0; m < mel->n_mels; m++) {
        const filter *f = &mel->filters[m];
        out[m] = mel->kernels->dot(mel->weights + f->first_weight, power + f->begin, f->n);
    }
}

void dsp_mel_row(const dsp_mel *mel, int64_t m, float *row) {
    const filter *f = &mel->filters[m];
    memset(row, 0, (size_t)mel->n_bins * sizeof *row);
    memcpy(row + f->begin, mel->weights + f->first_weight, (size_t)f->n * sizeof *row);
}
