#include "dsp/fft.h"

#include <fftw3.h> /* after complex.h: fftw_complex is double complex */
#include <limits.h>
#include <pthread.h>

#include "base/arena.h"

struct dsp_fft {
    int64_t n;
    fftw_plan forward, inverse;
};

/* FFTW's planner is shared state; running a plan is not. */
static pthread_mutex_t planner = PTHREAD_MUTEX_INITIALIZER;

static void make_plans(dsp_fft *fft, double *x, double complex *X) {
    int n = (int)fft->n;
    pthread_mutex_lock(&planner);
    fft->forward = fftw_plan_dft_r2c_1d(n, x, X, FFTW_ESTIMATE | FFTW_PRESERVE_INPUT);
    fft->inverse = fftw_plan_dft_c2r_1d(n, X, x, FFTW_ESTIMATE | FFTW_DESTROY_INPUT);
    pthread_mutex_unlock(&planner);
}

base_status dsp_fft_new(int64_t n, dsp_fft **fft, base_error *err) {
    *fft = NULL;
    if (n < 1 || n > INT_MAX / 2) {
        return base_fail(err, BASE_ESHAPE, "no Fourier transform of length %lld", (long long)n);
    }
    dsp_fft *made = base_alloc(1, sizeof *made);
    double *x = base_alloc((size_t)n, sizeof *x);
    double complex *X = base_alloc((size_t)n / 2 + 1, sizeof *X);
    if (made != NULL && x != NULL && X != NULL) {
        made->n = n;
        make_plans(made, x, X);
    }
    base_free(x);
    base_free(X);
    if (made == NULL || made->forward == NULL || made->inverse == NULL) {
        dsp_fft_free(made);
        return base_fail(err, BASE_EMEMORY, "no memory for a Fourier transform of length %lld",
                         (long long)n);
    }
    *fft = made;
    return BASE_OK;
}

void dsp_fft_free(dsp_fft *fft) {
    if (fft == NULL) return;
    pthread_mutex_lock(&planner);
    if (fft->forward != NULL) fftw_destroy_plan(fft->forward);
    if (fft->inverse != NULL) fftw_destroy_plan(fft->inverse);
    pthread_mutex_unlock(&planner);
    base_free(fft);
}

int64_t dsp_fft_size(const dsp_fft *fft) {
    return fft->n;
}

/* A plan that preserves its input only reads it, whatever the prototype says. */
void dsp_fft_forward(const dsp_fft *fft, const double *x, double complex *X) {
    fftw_execute_dft_r2c(fft->forward, (double *)x, X);
}

void dsp_fft_inverse(const dsp_fft *fft, double complex *X, double *x) {
    fftw_execute_dft_c2r(fft->inverse, X, x);
    double scale = 1.0 / (double)fft->n;
    for (int64_t i = 0; i < fft->n; i++) x[i] *= scale;
}
