/* Normalisation of features: fitting it over a training set, keeping it, applying it. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "dsp/features_plan.h"

/* What was seen of one row, or of all. */
typedef struct {
    double sum, squares, lowest, highest;
    int64_t n;
} tally;

struct dsp_features_fit {
    const dsp_features *features;
    int64_t n_tallies; /* at least one, so that fitting nothing is not special */
    tally tallies[];
};

static const tally nothing = {.lowest = DBL_MAX, .highest = -DBL_MAX};

static void tally_add(tally *t, const float *x, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        double value = (double)x[i];
        t->sum += value;
        t->squares += value * value;
        t->lowest = fmin(t->lowest, value);
        t->highest = fmax(t->highest, value);
    }
    t->n += n;
}

/* Dividing by a standard deviation or range that is rounding error would amplify it: such data is
 * only shifted. */
static float usable_scale(double scale, double offset) {
    return scale > 1e-6 * fabs(offset) && scale > 1e-12 ? (float)scale : 1.0f;
}

static void tally_standard(const tally *t, float *offset, float *scale) {
    double n = t->n > 0 ? (double)t->n : 1.0;
    double mean = t->sum / n, variance = t->squares / n - mean * mean;
    *offset = (float)mean;
    *scale = usable_scale(sqrt(variance > 0.0 ? variance : 0.0), mean);
}

static void tally_range(const tally *t, float *offset, float *scale) {
    double lowest = t->n > 0 ? t->lowest : 0.0, highest = t->n > 0 ? t->highest : 0.0;
    *offset = (float)lowest;
    *scale = usable_scale(highest - lowest, lowest);
}

int64_t dsp_features_norm_index(const dsp_features *features, int64_t i) {
    const dsp_features *f = features;
    int64_t part = i / (f->n_planes / f->n_parts * f->n_rows);
    return f->n_norm > f->n_parts ? part * f->n_rows + i % f->n_rows : part;
}

base_status dsp_features_fit_new(const dsp_features *features, dsp_features_fit **fit,
                                 base_error *err) {
    int64_t n = features->n_norm > 0 ? features->n_norm : features->n_parts;
    *fit = base_alloc(1, sizeof **fit + (size_t)n * sizeof(tally));
    if (*fit == NULL) return base_fail(err, BASE_EMEMORY, "no memory for fitting features");
    (*fit)->features = features;
    (*fit)->n_tallies = n;
    for (int64_t i = 0; i < n; i++) (*fit)->tallies[i] = nothing;
    return BASE_OK;
}

void dsp_features_fit_add(dsp_features_fit *fit, const float *out) {
    const dsp_features *f = fit->features;
    for (int64_t i = 0; i < f->n_planes * f->n_rows; i++) {
        tally_add(&fit->tallies[dsp_features_norm_index(f, i)], out + i * f->n_frames, f->n_filled);
    }
}

void dsp_features_fit_finish(dsp_features_fit *fit, dsp_features *features) {
    bool range = features->options.normalize == DSP_NORM_MINMAX;
    for (int64_t i = 0; i < features->n_norm; i++) {
        float *offset = &features->offset[i], *scale = &features->scale[i];
        (range ? tally_range : tally_standard)(&fit->tallies[i], offset, scale);
    }
    features->fitted = true;
    dsp_features_fit_free(fit);
}

void dsp_features_fit_free(dsp_features_fit *fit) {
    base_free(fit);
}

int64_t dsp_features_norm_size(const dsp_features *features) {
    return features->n_norm;
}

bool dsp_features_needs_fit(const dsp_features *features) {
    return features->n_norm > 0 && !features->fitted;
}

void dsp_features_set_norm(dsp_features *features, const float *offset, const float *scale) {
    size_t n_bytes = (size_t)features->n_norm * sizeof *offset;
    if (n_bytes == 0) return;
    memcpy(features->offset, offset, n_bytes);
    memcpy(features->scale, scale, n_bytes);
    features->fitted = true;
}

void dsp_features_get_norm(const dsp_features *features, float *offset, float *scale) {
    size_t n_bytes = (size_t)features->n_norm * sizeof *offset;
    if (n_bytes == 0) return;
    memcpy(offset, features->offset, n_bytes);
    memcpy(scale, features->scale, n_bytes);
}

static void normalize_row(float *row, int64_t n, float offset, float scale) {
    for (int64_t i = 0; i < n; i++) row[i] = (row[i] - offset) / scale;
}

static void normalize_part(const dsp_features *f, float *rows, int64_t n_rows) {
    float offset, scale;
    tally clip = nothing;
    for (int64_t i = 0; i < n_rows; i++) tally_add(&clip, rows + i * f->n_frames, f->n_filled);
    tally_standard(&clip, &offset, &scale);
    for (int64_t i = 0; i < n_rows; i++) {
        normalize_row(rows + i * f->n_frames, f->n_filled, offset, scale);
    }
}

void dsp_features_normalize(const dsp_features *features, float *out) {
    const dsp_features *f = features;
    int64_t n_rows = f->n_planes * f->n_rows, n_part = n_rows / f->n_parts;
    if (f->options.normalize == DSP_NORM_CLIP) {
        for (int64_t i = 0; i < n_rows; i += n_part) {
            normalize_part(f, out + i * f->n_frames, n_part);
        }
    } else if (f->fitted) {
        for (int64_t i = 0; i < n_rows; i++) {
            int64_t which = dsp_features_norm_index(f, i);
            normalize_row(out + i * f->n_frames, f->n_filled, f->offset[which], f->scale[which]);
        }
    }
}
