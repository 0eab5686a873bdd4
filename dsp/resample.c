#include "dsp/resample.h"

#include <math.h>
#include <soxr.h>
#include <string.h>

#include "base/arena.h"

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

static base_status check_rates(double from_hz, double to_hz, base_error *err) {
    if (!(from_hz > 0.0 && to_hz > 0.0 && from_hz <= to_hz * MAX_RATIO &&
          to_hz <= from_hz * MAX_RATIO)) {
        return base_fail(err, BASE_EDATA, "cannot resample from %g to %g Hz", from_hz, to_hz);
    }
    return BASE_OK;
}

base_status dsp_resample(dsp_clip clip, double to_hz, float *y, base_error *err) {
    double from_hz = clip.sample_rate_hz;
    BASE_TRY(check_rates(from_hz, to_hz, err));
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

/* ---- block by block ---- */

enum { ROOM_TO_SPARE = 1024, DRAIN_SAMPLES = 4096 };

struct dsp_resampler {
    double from_hz, to_hz;
    int64_t n_channels;
    soxr_t *channel;     /* [n_channels] */
    float **out;         /* [n_channels] of what is pushed, */
    size_t *capacity;    /* and the room there */
    int64_t n_in, n_out; /* so far, of each channel */
    float *y;
    size_t y_capacity;
};

static base_status no_memory(base_error *err) {
    return base_fail(err, BASE_EMEMORY, "no memory for resampling");
}

static base_status open_channels(dsp_resampler *r, base_error *err) {
    soxr_quality_spec_t quality = soxr_quality_spec(SOXR_VHQ, 0);
    soxr_runtime_spec_t runtime = soxr_runtime_spec(1);
    r->channel = base_alloc((size_t)r->n_channels, sizeof *r->channel);
    r->out = base_alloc((size_t)r->n_channels, sizeof *r->out);
    r->capacity = base_alloc((size_t)r->n_channels, sizeof *r->capacity);
    if (r->channel == NULL || r->out == NULL || r->capacity == NULL) return no_memory(err);
    for (int64_t c = 0; c < r->n_channels; c++) {
        soxr_error_t failure;
        r->channel[c] = soxr_create(r->from_hz, r->to_hz, 1, &failure, NULL, &quality, &runtime);
        if (r->channel[c] == NULL) return no_memory(err);
    }
    return BASE_OK;
}

base_status dsp_resampler_new(double from_hz, double to_hz, int64_t n_channels,
                              dsp_resampler **resampler, base_error *err) {
    *resampler = NULL;
    BASE_TRY(check_rates(from_hz, to_hz, err));
    dsp_resampler *r = base_alloc(1, sizeof *r);
    if (r == NULL) return no_memory(err);
    r->from_hz = from_hz;
    r->to_hz = to_hz;
    r->n_channels = n_channels;
    base_status status = open_channels(r, err);
    if (status == BASE_OK) {
        *resampler = r;
    } else {
        dsp_resampler_free(r);
    }
    return status;
}

void dsp_resampler_free(dsp_resampler *r) {
    if (r == NULL) return;
    for (int64_t c = 0; c < r->n_channels; c++) {
        if (r->channel != NULL && r->channel[c] != NULL) soxr_delete(r->channel[c]);
        if (r->out != NULL) base_free(r->out[c]);
    }
    base_free(r->channel);
    base_free(r->out);
    base_free(r->capacity);
    base_free(r->y);
    base_free(r);
}

/* Runs one channel with n samples of x (NULL: its end) and adds what comes out behind the *n_out
 * that are there. */
static base_status run_channel(dsp_resampler *r, int64_t c, const float *x, int64_t n, size_t room,
                               int64_t *n_out, base_error *err) {
    void *out = r->out[c];
    if (!base_grow(&out, &r->capacity[c], (size_t)*n_out + room, sizeof(float))) {
        return no_memory(err);
    }
    r->out[c] = out;
    size_t n_taken = 0, n_done = 0;
    soxr_error_t failure =
        soxr_process(r->channel[c], x, (size_t)n, &n_taken, r->out[c] + *n_out, room, &n_done);
    if (failure != NULL) {
        return base_fail(err, BASE_EMEMORY, "resampling from %g to %g Hz: %s", r->from_hz, r->to_hz,
                         soxr_strerror(failure));
    }
    *n_out += (int64_t)n_done;
    return BASE_OK;
}

static base_status push_channel(dsp_resampler *r, int64_t c, dsp_clip block, bool last, int64_t *n,
                                base_error *err) {
    *n = 0;
    if (block.n > 0) {
        double n_now = ceil((double)block.n * r->to_hz / r->from_hz);
        BASE_TRY(run_channel(r, c, block.x + c * block.n, block.n, (size_t)n_now + ROOM_TO_SPARE, n,
                             err));
    }
    for (int64_t before = -1; last && before != *n;) {
        before = *n;
        BASE_TRY(run_channel(r, c, NULL, 0, DRAIN_SAMPLES, n, err));
    }
    return BASE_OK;
}

/* Channels give the same number of samples. The last are cut to, or filled up with zeros to, the
 * length that they are to have together. */
static base_status join_channels(dsp_resampler *r, int64_t n_there, int64_t n, base_error *err) {
    void *y = r->y;
    if (!base_grow(&y, &r->y_capacity, (size_t)(r->n_channels * n) + 1, sizeof(float))) {
        return no_memory(err);
    }
    r->y = y;
    int64_t n_kept = n_there < n ? n_there : n;
    for (int64_t c = 0; c < r->n_channels; c++) {
        if (n_kept > 0) memcpy(r->y + c * n, r->out[c], (size_t)n_kept * sizeof *r->y);
        memset(r->y + c * n + n_kept, 0, (size_t)(n - n_kept) * sizeof *r->y);
    }
    return BASE_OK;
}

base_status dsp_resampler_push(dsp_resampler *r, dsp_clip block, bool last, const float **y,
                               int64_t *n, base_error *err) {
    int64_t n_there = 0;
    for (int64_t c = 0; c < r->n_channels; c++) {
        BASE_TRY(push_channel(r, c, block, last, &n_there, err));
    }
    r->n_in += block.n;
    *n = last ? dsp_resample_length(r->n_in, r->from_hz, r->to_hz) - r->n_out : n_there;
    BASE_TRY(join_channels(r, n_there, *n, err));
    r->n_out += *n;
    *y = r->y;
    return BASE_OK;
}
