#include "dsp/reverb.h"

#include <complex.h>
#include <math.h>
#include <string.h>

#include "dsp/fft.h"

#define CROSSOVER_HZ 3000.0
#define HIGH_SPEED   2.0 /* of the decay above it */

enum {
    SMALLEST = 2048, /* transform */
    N_SIZES = 24,    /* up to 4096 times as long */
    NOISE = 256      /* numbers drawn at a time */
};

/* Transforms of SMALLEST, 3/2 SMALLEST, 2 SMALLEST, ...: a short sound needs no long one. */
struct dsp_reverb {
    double sample_rate_hz;
    int n_sizes;
    dsp_fft *fft[N_SIZES];
};

static int64_t size_at(int i) {
    return ((int64_t)SMALLEST << (i / 2)) * (i % 2 == 0 ? 2 : 3) / 2;
}

int64_t dsp_reverb_response_samples(double decay_s, double sample_rate_hz) {
    return 1 + (int64_t)(decay_s * sample_rate_hz);
}

static int64_t delay_samples(dsp_room room, double sample_rate_hz) {
    return llround(room.predelay_s * sample_rate_hz);
}

base_status dsp_reverb_new(const dsp_clip_form *form, dsp_room longest, dsp_reverb **reverb,
                           base_error *err) {
    double rate = form->sample_rate_hz;
    int64_t n_response =
        delay_samples(longest, rate) + dsp_reverb_response_samples(longest.decay_s, rate);
    if (n_response > form->n_samples) n_response = form->n_samples;
    *reverb = base_alloc(1, sizeof **reverb);
    if (*reverb == NULL) return base_fail(err, BASE_EMEMORY, "no memory for a reverb");
    dsp_reverb *r = *reverb;
    r->sample_rate_hz = rate;
    base_status status = BASE_OK;
    while (status == BASE_OK &&
           (r->n_sizes == 0 || size_at(r->n_sizes - 1) < form->n_samples + n_response)) {
        status = r->n_sizes < N_SIZES
                     ? dsp_fft_new(size_at(r->n_sizes), &r->fft[r->n_sizes], err)
                     : base_fail(err, BASE_ECONFIG, "clips of %lld samples are too long for a room",
                                 (long long)form->n_samples);
        if (status == BASE_OK) r->n_sizes++;
    }
    if (status != BASE_OK) {
        dsp_reverb_free(r);
        *reverb = NULL;
    }
    return status;
}

void dsp_reverb_free(dsp_reverb *reverb) {
    if (reverb == NULL) return;
    for (int i = 0; i < reverb->n_sizes; i++) dsp_fft_free(reverb->fft[i]);
    base_free(reverb);
}

typedef struct {
    double *x, *response;         /* [size] */
    double complex *X, *transfer; /* [size / 2 + 1] */
} buffers;

static buffers cut(const dsp_reverb *r, dsp_scratch *scratch) {
    int64_t size = size_at(r->n_sizes - 1);
    buffers b;
    b.x = dsp_scratch_take(scratch, size, sizeof *b.x);
    b.response = dsp_scratch_take(scratch, size, sizeof *b.response);
    b.X = dsp_scratch_take(scratch, size / 2 + 1, sizeof *b.X);
    b.transfer = dsp_scratch_take(scratch, size / 2 + 1, sizeof *b.transfer);
    return b;
}

size_t dsp_reverb_scratch_bytes(const dsp_reverb *reverb) {
    dsp_scratch counted = {0};
    cut(reverb, &counted);
    return counted.used_bytes;
}

static void fill_noise(base_rng *rng, double *x, int64_t n) {
    float noise[NOISE];
    for (int64_t at = 0; at < n; at += NOISE) {
        int64_t m = n - at < NOISE ? n - at : NOISE;
        base_rng_fill_uniform(rng, noise, m);
        for (int64_t i = 0; i < m; i++) x[at + i] = 2.0 * (double)noise[i] - 1.0;
    }
}

void dsp_reverb_response(double decay_s, double sample_rate_hz, base_rng *rng, double *response,
                         int64_t n) {
    double step = pow(10.0, -3.0 / (decay_s * sample_rate_hz));
    double high_step = pow(step, HIGH_SPEED);
    double follow = 1.0 - exp(-2.0 * M_PI * CROSSOVER_HZ / sample_rate_hz);
    double low = 0.0, low_level = 1.0, high_level = 1.0, energy = 0.0;
    fill_noise(rng, response, n);
    for (int64_t i = 0; i < n; i++) {
        low += follow * (response[i] - low);
        response[i] = low_level * low + high_level * (response[i] - low);
        energy += response[i] * response[i];
        low_level *= step;
        high_level *= high_step;
    }
    double scale = energy > 0.0 ? 1.0 / sqrt(energy) : 0.0;
    for (int64_t i = 0; i < n; i++) response[i] *= scale;
}

/* One channel's sound and the response that it is convolved with. */
typedef struct {
    float *x;
    int64_t n, n_sound; /* n_sound: up to the last sample that is not zero */
    int64_t delay, n_response;
} task;

static void zero_from(double *x, int64_t begin, int64_t end) {
    memset(x + begin, 0, (size_t)(end - begin) * sizeof *x);
}

/* Circular, in a transform so long that nothing comes round. */
static void convolve(const dsp_reverb *r, const task *t, buffers b, double wet) {
    int64_t n_out = t->n_sound + t->delay + t->n_response - 1;
    int which = 0;
    while (size_at(which) < n_out) which++;
    BASE_CHECK(which < r->n_sizes);
    const dsp_fft *fft = r->fft[which];
    int64_t size = size_at(which);
    for (int64_t i = 0; i < t->n_sound; i++) b.x[i] = (double)t->x[i];
    zero_from(b.x, t->n_sound, size);
    zero_from(b.response, t->delay + t->n_response, size);
    dsp_fft_forward(fft, b.x, b.X);
    dsp_fft_forward(fft, b.response, b.transfer);
    for (int64_t k = 0; k <= size / 2; k++) b.X[k] *= b.transfer[k];
    dsp_fft_inverse(fft, b.X, b.x);
    if (n_out > t->n) n_out = t->n;
    for (int64_t i = 0; i < n_out; i++) {
        t->x[i] = (float)((1.0 - wet) * (double)t->x[i] + wet * b.x[i]);
    }
}

void dsp_reverb_apply(const dsp_reverb *reverb, dsp_clip clip, dsp_room room, base_rng *rng,
                      void *scratch) {
    double rate = reverb->sample_rate_hz;
    buffers b = cut(reverb, &(dsp_scratch){.memory = scratch});
    int64_t n_response = dsp_reverb_response_samples(room.decay_s, rate);
    for (int64_t c = 0; c < clip.n_channels; c++) {
        task t = {.x = clip.x + c * clip.n, .n = clip.n, .delay = delay_samples(room, rate)};
        t.n_sound = clip.n;
        while (t.n_sound > 0 && t.x[t.n_sound - 1] == 0.0f) t.n_sound--;
        if (t.delay >= clip.n) t.delay = clip.n;
        t.n_response = n_response < clip.n - t.delay ? n_response : clip.n - t.delay;
        zero_from(b.response, 0, t.delay);
        dsp_reverb_response(room.decay_s, rate, rng, b.response + t.delay, t.n_response);
        if (t.n_sound > 0) convolve(reverb, &t, b, room.wet);
    }
}
