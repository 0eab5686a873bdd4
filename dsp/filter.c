#include "dsp/filter.h"

#include <math.h>

#include "base/status.h"

#define HIGHEST   0.49 /* of the sample rate */
#define INAUDIBLE 1e-9

enum { BLOCK = 64 };

/* A prototype's numerator and denominator: c[0] s^2 + c[1] s + c[2], s = 1 at the frequency. */
typedef struct {
    double top[3], bottom[3];
} prototype;

static prototype prototype_of(dsp_filter filter) {
    double a = pow(10.0, filter.gain_db / 40.0), q = filter.q, root = sqrt(a) / q;
    switch (filter.kind) {
    case DSP_FILTER_LOWPASS:
        return (prototype){{0.0, 0.0, 1.0}, {1.0, 1.0 / q, 1.0}};
    case DSP_FILTER_HIGHPASS:
        return (prototype){{1.0, 0.0, 0.0}, {1.0, 1.0 / q, 1.0}};
    case DSP_FILTER_LOW_SHELF:
        return (prototype){{a, a * root, a * a}, {a, root, 1.0}};
    case DSP_FILTER_HIGH_SHELF:
        return (prototype){{a * a, a * root, a}, {1.0, root, a}};
    case DSP_FILTER_PEAK:
        break;
    }
    return (prototype){{1.0, a / q, 1.0}, {1.0, 1.0 / (a * q), 1.0}};
}

/* c[0] s^2 + c[1] s + c[2] with s = (1 - z) / (k (1 + z)), times (k (1 + z))^2, in powers of the
 * delay z. */
static void transform(const double c[3], double k, double out[3]) {
    out[0] = c[0] + c[1] * k + c[2] * k * k;
    out[1] = 2.0 * (c[2] * k * k - c[0]);
    out[2] = c[0] - c[1] * k + c[2] * k * k;
}

dsp_biquad dsp_filter_design(dsp_filter filter, double sample_rate_hz) {
    BASE_CHECK(filter.hz > 0.0 && filter.q > 0.0);
    double k = tan(M_PI * fmin(filter.hz / sample_rate_hz, HIGHEST));
    prototype p = prototype_of(filter);
    double b[3], a[3];
    transform(p.top, k, b);
    transform(p.bottom, k, a);
    return (dsp_biquad){{b[0] / a[0], b[1] / a[0], b[2] / a[0]}, {a[1] / a[0], a[2] / a[0]}};
}

/* Transposed direct form II. */
typedef struct {
    dsp_biquad f;
    double s1, s2;
} section;

static inline double section_step(section *s, double x) {
    double y = s->f.b[0] * x + s->s1;
    s->s1 = s->f.b[1] * x - s->f.a[0] * y + s->s2;
    s->s2 = s->f.b[2] * x - s->f.a[1] * y;
    return y;
}

static void section_run(section *s, double *x, int64_t n) {
    section own = *s; /* in registers */
    for (int64_t i = 0; i < n; i++) x[i] = section_step(&own, x[i]);
    if (fabs(own.s1) < INAUDIBLE && fabs(own.s2) < INAUDIBLE) own.s1 = own.s2 = 0.0;
    *s = own;
}

static void filter_channel(float *x, int64_t n, section *sections, int n_sections) {
    double block[BLOCK];
    for (int64_t at = 0; at < n; at += BLOCK) {
        int64_t m = n - at < BLOCK ? n - at : BLOCK;
        for (int64_t i = 0; i < m; i++) block[i] = (double)x[at + i];
        for (int k = 0; k < n_sections; k++) section_run(&sections[k], block, m);
        for (int64_t i = 0; i < m; i++) x[at + i] = (float)block[i];
    }
}

void dsp_filter_apply(dsp_clip clip, const dsp_filter *filters, int n) {
    BASE_CHECK(n >= 0 && n <= DSP_FILTERS_AT_ONCE);
    for (int64_t c = 0; c < clip.n_channels; c++) {
        section sections[DSP_FILTERS_AT_ONCE] = {0};
        for (int k = 0; k < n; k++) {
            sections[k].f = dsp_filter_design(filters[k], clip.sample_rate_hz);
        }
        filter_channel(clip.x + c * clip.n, clip.n, sections, n);
    }
}
