#include "dsp/resample.h"

#include <math.h>
#include <soxr.h>
#include <string.h>

#define MAX_RATIO 256.0

int64_t dsp_resample_length(int64_t n, double from_hz, double to_hz) {
    return (int64_t)ceil((double)n * to_hz / from_hz);
}

base_status dsp_resample(const float *x, int64_t n, double from_hz, double to_hz, float *y,
                         base_error *err) {
    if (!(from_hz > 0.0 && to_hz > 0.0 && from_hz <= to_hz * MAX_RATIO &&
          to_hz <= from_hz * MAX_RATIO)) {
        return base_fail(err, BASE_EDATA, "cannot resample from %g to %g Hz", from_hz, to_hz);
    }
    int64_t n_out = dsp_resample_length(n, from_hz, to_hz);
    if (n < 1) return BASE_OK;
    if (from_hz == to_hz) {
        memcpy(y, x, (size_t)n * sizeof *y);
        return BASE_OK;
    }
    soxr_quality_spec_t quality = soxr_quality_spec(SOXR_VHQ, 0);
    soxr_runtime_spec_t runtime = soxr_runtime_spec(1);
    size_t n_done = 0;
    soxr_error_t failure = soxr_oneshot(from_hz, to_hz, 1, x, (size_t)n, NULL, y, (size_t)n_out,
                                        &n_done, NULL, &quality, &runtime);
    if (failure != NULL) {
        return base_fail(err, BASE_EMEMORY, "resampling from %g to %g Hz: %s", from_hz, to_hz,
                         soxr_strerror(failure));
    }
    memset(y + n_done, 0, ((size_t)n_out - n_done) * sizeof *y);
    return BASE_OK;
}
