#include "dsp/resample.h"

#include <math.h>
#include <soxr.h>
#include <string.h>

#define MAX_RATIO 256.0

int64_t dsp_resample_length(int64_t n, double from_hz, double to_hz) {
    return (int64_t)ceil((double)n * to_hz / from_hz);
}

static base_status resample_channel(const float *x, dsp_clip clip, double to_hz, float *y,
                                    base_error *err) {
    double from_hz = clip.sample_rate_hz;
    size_t n = (size_t)clip.n, n_out = (size_t)dsp_resample_length(clip.n, from_hz, to_hz);
    soxr_quality_spec_t quality = soxr_quality_spec(SOXR_VHQ, 0);
    soxr_runtime_spec_t runtime = soxr_runtime_spec(1);
    size_t n_done = 0;
    soxr_error_t failure =
        soxr_oneshot(from_hz, to_hz, 1, x, n, NULL, y, n_out, &n_done, NULL, &quality, &runtime);
    if (failure != NULL) {
        return base_fail(err, BASE_EMEMORY, "resampling from %g to %g Hz: %s", from_hz, to_hz,
                         soxr_strerror(failure));
    }
    memset(y + n_done, 0, (n_out - n_done) * sizeof *y);
    return BASE_OK;
}

base_status dsp_resample(dsp_clip clip, double to_hz, float *y, base_error *err) {
    double from_hz = clip.sample_rate_hz;
    if (!(from_hz > 0.0 && to_hz > 0.0 && from_hz <= to_hz * MAX_RATIO &&
          to_hz <= from_hz * MAX_RATIO)) {
        return base_fail(err, BASE_EDATA, "cannot resample from %g to %g Hz", from_hz, to_hz);
    }
    if (clip.n < 1) return BASE_OK;
    if (from_hz == to_hz) {
        memcpy(y, clip.x, (size_t)(clip.n_channels * clip.n) * sizeof *y);
        return BASE_OK;
    }
    int64_t n_out = dsp_resample_length(clip.n, from_hz, to_hz);
    for (int64_t c = 0; c < clip.n_channels; c++) {
        BASE_TRY(resample_channel(clip.x + c * clip.n, clip, to_hz, y + c * n_out, err));
    }
    return BASE_OK;
}
