#include "dsp/reverb.h"

#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "tests/test.h"

#define RATE 44100.0

enum { N = 9000 };

static base_error err;

static base_rng rng_of(uint64_t seed) {
    return base_rng_open(seed, BASE_RNG_TEST, 0, 0);
}

/* With scratch of exactly the size asked for, full of NaN. */
static void apply(dsp_clip clip, dsp_room room, base_rng rng) {
    dsp_reverb *reverb;
    const dsp_clip_form form = {RATE, clip.n_channels, N};
    TEST_OK(dsp_reverb_new(&form, (dsp_room){1.0, 0.3, 0.02}, &reverb, &err), err);
    size_t n_bytes = dsp_reverb_scratch_bytes(reverb);
    void *scratch = base_alloc(n_bytes, 1);
    memset(scratch, 0xFF, n_bytes);
    dsp_reverb_apply(reverb, clip, room, &rng, scratch);
    base_free(scratch);
    dsp_reverb_free(reverb);
}

static void fill(float *x, int64_t n, int64_t n_sound) {
    base_rng rng = rng_of(7);
    for (int64_t i = 0; i < n; i++) x[i] = i < n_sound ? base_rng_normal(&rng) : 0.0f;
}

/* Against the sum that a convolution is, in two channels with a response each. */
static void check_convolution(int64_t n, int64_t n_sound, dsp_room room) {
    static float x[2 * N], y[2 * N];
    static double response[N];
    for (int c = 0; c < 2; c++) fill(x + c * n, n, n_sound);
    memcpy(y, x, sizeof x);
    apply((dsp_clip){y, 2, n, RATE}, room, rng_of(3));
    base_rng rng = rng_of(3);
    int64_t delay = llround(room.predelay_s * RATE);
    int64_t n_response = dsp_reverb_response_samples(room.decay_s, RATE);
    if (delay > n) delay = n;
    if (n_response > n - delay) n_response = n - delay;
    for (int c = 0; c < 2; c++) {
        dsp_reverb_response(room.decay_s, RATE, &rng, response, n_response);
        for (int64_t i = 0; i < n; i += 13) {
            double sum = 0.0;
            for (int64_t k = 0; k < n_response && k <= i - delay; k++) {
                sum += response[k] * (double)x[c * n + i - delay - k];
            }
            double wanted = (1.0 - room.wet) * (double)x[c * n + i] + room.wet * sum;
            ck_assert_double_eq_tol((double)y[c * n + i], wanted, 1e-6);
        }
    }
}

START_TEST(is_a_convolution) {
    check_convolution(N, N, (dsp_room){0.4, 0.1, 0.01});
    check_convolution(N, N, (dsp_room){1.0, 0.3, 0.0});
    check_convolution(N, 500, (dsp_room){0.2, 0.02, 0.02});
    check_convolution(1200, 1200, (dsp_room){0.3, 0.3, 0.02});
    check_convolution(300, 300, (dsp_room){0.3, 0.1, 0.02});
    check_convolution(1, 1, (dsp_room){0.3, 0.1, 0.0});
}
END_TEST

START_TEST(a_sound_ends_with_its_room) {
    static float x[N];
    fill(x, N, 1000);
    apply((dsp_clip){x, 1, N, RATE}, (dsp_room){0.5, 0.05, 0.01}, rng_of(1));
    int64_t end = 1000 + llround(0.01 * RATE) + dsp_reverb_response_samples(0.05, RATE) - 1;
    ck_assert(x[end - 1] != 0.0f);
    for (int64_t i = end; i < N; i++) ck_assert_float_eq(x[i], 0.0f);
}
END_TEST

/* Energy, and that of differences, which is nearly all above the crossover. */
static void energies(const double *x, int64_t n, double *all, double *high) {
    *all = *high = 0.0;
    for (int64_t i = 0; i < n; i++) *all += x[i] * x[i];
    for (int64_t i = 2; i < n; i++) {
        double bend = x[i] - 2.0 * x[i - 1] + x[i - 2];
        *high += bend * bend;
    }
}

START_TEST(a_response_decays_and_its_treble_faster) {
    enum { LONG = 44100, SPAN = 4410 };
    static double response[LONG];
    base_rng rng = rng_of(1);
    dsp_reverb_response(1.0, RATE, &rng, response, LONG);
    double all, high, early, early_high, late, late_high;
    energies(response, LONG, &all, &high);
    ck_assert_double_eq_tol(all, 1.0, 1e-9);
    /* far on only the slow part is left: 60 dB a second */
    energies(response + 20000, SPAN, &early, &high);
    energies(response + 20000 + 4 * SPAN, SPAN, &late, &high);
    ck_assert_double_eq_tol(10.0 * log10(early / late), 24.0, 1.5);
    /* near the beginning treble falls at up to 120 dB a second */
    energies(response, SPAN, &early, &early_high);
    energies(response + SPAN, SPAN, &late, &late_high);
    ck_assert_double_gt(10.0 * log10(early_high / late_high), 9.0);
    ck_assert_double_lt(10.0 * log10(early_high / late_high), 12.5);
}
END_TEST

START_TEST(silence_stays) {
    static float x[N];
    memset(x, 0, sizeof x);
    apply((dsp_clip){x, 1, N, RATE}, (dsp_room){0.5, 0.1, 0.01}, rng_of(1));
    for (int i = 0; i < N; i++) ck_assert_float_eq(x[i], 0.0f);
}
END_TEST

START_TEST(refuses_clips_without_end) {
    dsp_reverb *reverb;
    const dsp_clip_form form = {RATE, 1, (int64_t)1 << 26};
    TEST_FAILS(dsp_reverb_new(&form, (dsp_room){1.0, 0.3, 0.0}, &reverb, &err), BASE_ECONFIG, err,
               "too long for a room");
    ck_assert_ptr_null(reverb);
    dsp_reverb_free(NULL);
}
END_TEST

TEST_MAIN("dsp/reverb", is_a_convolution, a_sound_ends_with_its_room,
          a_response_decays_and_its_treble_faster, silence_stays, refuses_clips_without_end)
