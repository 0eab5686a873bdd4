#include "dsp/spectrum.h"

#include <math.h>

#include "base/arena.h"
#include "dsp/kernels.h"

struct dsp_spectrum {
    const dsp_kernels_table *kernels;
    dsp_spectrum_plan plan;
    double *window, *stages, *lanes, *cosines, *sines;
    int32_t *order;
};

enum { SHORTEST = 64 };

bool dsp_spectrum_fits(int64_t n) {
    return n >= SHORTEST && n <= 1 << 24 && (n & (n - 1)) == 0 &&
           dsp_kernels()->spectrum_power != NULL;
}

/* e^(-2 pi i a / n); exact in each quarter. */
static double complex factor(int64_t a, int64_t n) {
    static const double complex quarters[] = {1.0, -I, -1.0, I};
    a %= n;
    if (4 * a % n == 0) return quarters[4 * a / n];
    double angle = 2.0 * M_PI * (double)a / (double)n;
    return cos(angle) - sin(angle) * I;
}

/* Three factors for butterfly i of each stage, over blocks of n_block rows; returns whether a stage
 * of radix 2 is left. */
static bool fill_stages(int64_t n_rows, double *stages) {
    int64_t n_block = n_rows;
    for (; n_block >= 4; n_block /= 4) {
        for (int64_t i = 0; i < n_block / 4; i++) {
            for (int64_t j = 1; j < 4; j++) {
                double complex w = factor(i * j, n_block);
                *stages++ = creal(w);
                *stages++ = cimag(w);
            }
        }
    }
    return n_block == 2;
}

static void fill_lanes(int64_t n_complex, double *lanes) {
    for (int64_t k = 0; k < n_complex / 4; k++) {
        for (int64_t j = 1; j < 4; j++) {
            double *re = lanes + k / 4 * 24 + (j - 1) * 8 + k % 4;
            double complex w = factor(j * k, n_complex);
            re[0] = creal(w);
            re[4] = cimag(w);
        }
    }
}

/* Where frequency k of the rows' transform ends: its lowest digit in base 4 decides the quarter,
 * the next one the quarter of that, and what is left after the last the half. */
static int64_t row_of(int64_t k, int64_t n_rows) {
    int64_t row = 0, weight = n_rows;
    for (; weight >= 4; k /= 4) {
        weight /= 4;
        row += k % 4 * weight;
    }
    return row + k;
}

static void fill(dsp_spectrum *s, const double *window) {
    dsp_spectrum_plan *plan = &s->plan;
    int64_t n = plan->n, n_rows = n / 8;
    for (int64_t i = 0; i < n; i++) s->window[i] = 0.5 * window[i];
    plan->pairs = fill_stages(n_rows, s->stages);
    fill_lanes(n / 2, s->lanes);
    for (int64_t i = 0; i < n_rows / 4; i++) s->order[i] = (int32_t)row_of(4 * i, n_rows);
    for (int64_t k = 0; k <= n / 4; k++) {
        double complex w = factor(k, n);
        s->cosines[k] = creal(w);
        s->sines[k] = cimag(w);
    }
    plan->window = s->window;
    plan->stages = s->stages;
    plan->lanes = s->lanes;
    plan->order = s->order;
    plan->cosines = s->cosines;
    plan->sines = s->sines;
}

base_status dsp_spectrum_new(const double *window, int64_t n, dsp_spectrum **spectrum,
                             base_error *err) {
    BASE_CHECK(dsp_spectrum_fits(n));
    *spectrum = NULL;
    dsp_spectrum *s = base_alloc(1, sizeof *s);
    if (s == NULL) return base_fail(err, BASE_EMEMORY, "no memory for a spectrum");
    s->kernels = dsp_kernels();
    s->plan.n = n;
    size_t n_complex = (size_t)n / 2;
    s->window = base_alloc((size_t)n, sizeof *s->window);
    s->stages = base_alloc(n_complex, sizeof *s->stages);
    s->lanes = base_alloc(n_complex / 16 * 24, sizeof *s->lanes);
    s->order = base_alloc(n_complex / 16, sizeof *s->order);
    s->cosines = base_alloc(n_complex / 2 + 1, sizeof *s->cosines);
    s->sines = base_alloc(n_complex / 2 + 1, sizeof *s->sines);
    if (!s->window || !s->stages || !s->lanes || !s->order || !s->cosines || !s->sines) {
        dsp_spectrum_free(s);
        return base_fail(err, BASE_EMEMORY, "no memory for a spectrum");
    }
    fill(s, window);
    *spectrum = s;
    return BASE_OK;
}

void dsp_spectrum_free(dsp_spectrum *spectrum) {
    if (spectrum == NULL) return;
    base_free(spectrum->window);
    base_free(spectrum->stages);
    base_free(spectrum->lanes);
    base_free(spectrum->order);
    base_free(spectrum->cosines);
    base_free(spectrum->sines);
    base_free(spectrum);
}

int64_t dsp_spectrum_scratch(const dsp_spectrum *spectrum) {
    return 2 * spectrum->plan.n;
}

void dsp_spectrum_bins(const dsp_spectrum *spectrum, const float *x, double *scratch,
                       float complex *bins) {
    spectrum->kernels->spectrum_bins(&spectrum->plan, x, scratch, bins);
}

void dsp_spectrum_power(const dsp_spectrum *spectrum, const float *x, double *scratch,
                        float *power) {
    spectrum->kernels->spectrum_power(&spectrum->plan, x, scratch, power);
}
