#include "data/augment.h"

#include <math.h>
#include <stdio.h>

#include "base/isolated.h"
#include "dsp/compressor.h"
#include "dsp/filter.h"
#include "dsp/pitch_shift.h"
#include "tests/test.h"

enum { N = 4410, N_CHANNELS = 2 };
#define RATE 44100.0

/* Every effect, certain to be applied. */
#define EVERY_EFFECT                                                                               \
    "- polarity: {p: 1}\n"                                                                         \
    "- gain: {p: 1, db: [-6, -3]}\n"                                                               \
    "- channel_swap: {p: 1}\n"                                                                     \
    "- stereo_image: {p: 1, depth: [-0.5, -0.1]}\n"                                                \
    "- pitch_shift: {p: 1, semitones: [1, 3]}\n"                                                   \
    "- varispeed: {p: 1, semitones: [-3, -1]}\n"                                                   \
    "- time_shift: {p: 1, ms: [1, 5]}\n"                                                           \
    "- noise: {p: 1, snr_db: [10, 20], color: pink}\n"                                             \
    "- distortion: {p: 1, gain_db: [5, 30], kind: hard}\n"                                         \
    "- mp3: {p: 1, kbps: [64, 96]}\n"                                                              \
    "- fade: {p: 1, ms: [5, 20]}\n"                                                                \
    "- decay: {p: 1, seconds: [0.02, 0.2]}\n"                                                      \
    "- eq: {p: 1, db: [-9, -3]}\n"                                                                 \
    "- lowpass: {p: 1}\n"                                                                          \
    "- highpass: {p: 1}\n"                                                                         \
    "- compress: {p: 1}\n"                                                                         \
    "- crush: {p: 1}\n"                                                                            \
    "- reverb: {p: 1}\n"                                                                           \
    "- mask_frequency: {p: 1, width: 8}\n"                                                         \
    "- mask_time: {p: 1, width: 10, n: 2}\n"

typedef struct {
    base_arena arena;
    base_node *root, *list;
    data_augment *augment;
    void *scratch;
    base_error err;
} chain;

static base_status chain_open(chain *c, const char *effects, int64_t n_channels) {
    *c = (chain){0};
    char text[4096];
    snprintf(text, sizeof text, "augment:\n%s", effects);
    TEST_OK(base_yaml_parse(text, "a.yaml", &c->arena, &c->root, &c->err), c->err);
    c->list = base_node_get(c->root, "augment");
    base_status status =
        data_augment_new(c->list, &(dsp_clip_form){RATE, n_channels, N}, &c->augment, &c->err);
    if (status == BASE_OK) c->scratch = base_alloc(data_augment_scratch_bytes(c->augment) + 1, 1);
    return status;
}

static void chain_close(chain *c) {
    data_augment_free(c->augment);
    base_free(c->scratch);
    base_arena_release(&c->arena);
}

#define OPEN(c, effects) TEST_OK(chain_open(&(c), effects, N_CHANNELS), (c).err)

static base_rng rng_of(uint64_t sample) {
    return base_rng_open(1, BASE_RNG_TEST, 7, sample);
}

/* Decaying noise, other on the right. */
static dsp_clip clip_in(float *x) {
    base_rng rng = base_rng_open(1, BASE_RNG_TEST, 0, 0);
    for (int64_t i = 0; i < N_CHANNELS * N; i++) {
        x[i] = 0.2f * base_rng_normal(&rng) * expf(-(float)(i % N) / 1000.0f);
    }
    return (dsp_clip){x, N_CHANNELS, N, RATE};
}

/* The clip after the chain's waveform effects. */
static void run(chain *c, uint64_t sample, float *x) {
    base_rng rng = rng_of(sample);
    TEST_OK(data_augment_waveform(c->augment, clip_in(x), &rng, c->scratch, &c->err), c->err);
}

START_TEST(lists_its_variants) {
    int n;
    const base_variant *const *variants = data_augment_variants(&n);
    ck_assert_int_eq(n, 20);
    for (int i = 0; i < n; i++) {
        ck_assert_ptr_nonnull(variants[i]->name);
        ck_assert_str_eq(variants[i]->options[0].key, "p");
    }
}
END_TEST

START_TEST(nothing_is_an_empty_chain) {
    static const char *const nothing[] = {"", "  []\n"};
    float x[N_CHANNELS * N], y[N_CHANNELS * N];
    for (int i = 0; i < 2; i++) {
        chain c;
        OPEN(c, nothing[i]);
        ck_assert(data_augment_is_empty(c.augment));
        ck_assert_int_eq(data_augment_n(c.augment), 0);
        clip_in(x);
        run(&c, 0, y);
        ck_assert_mem_eq(x, y, sizeof x);
        chain_close(&c);
    }
    data_augment *none;
    base_error err;
    TEST_OK(data_augment_new(NULL, &(dsp_clip_form){RATE, 1, N}, &none, &err), err);
    ck_assert(data_augment_is_empty(none));
    data_augment_free(none);
    data_augment_free(NULL);
}
END_TEST

START_TEST(fills_in_defaults_in_its_own_copy) {
    chain c;
    OPEN(c, "- polarity\n- pitch_shift: {p: 0.3}\n");
    base_text text = {0};
    base_yaml_write(data_augment_list(c.augment), &text);
    ck_assert_ptr_nonnull(strstr(base_text_string(&text), "semitones: [-3, 3]"));
    ck_assert_ptr_nonnull(strstr(base_text_string(&text), "polarity: {p: 0.5}"));
    ck_assert_ptr_nonnull(strstr(base_text_string(&text), "method: phase_vocoder"));
    base_text_release(&text);
    ck_assert_int_eq(base_node_at(c.list, 0)->kind, BASE_NODE_SCALAR);
    chain_close(&c);
}
END_TEST

static void check_refused(const char *effects, int64_t n_channels, const char *part) {
    chain c;
    TEST_FAILS(chain_open(&c, effects, n_channels), BASE_ECONFIG, c.err, part);
    ck_assert_ptr_null(c.augment);
    chain_close(&c);
}

START_TEST(refuses_what_does_not_fit) {
    check_refused("- polarity\n- gain\n- stereo_image: {p: 0.1}\n", 1,
                  "a.yaml:4: augment[2].stereo_image: needs audio.channels: 2");
    check_refused("- channel_swap\n", 1, "augment[0].channel_swap: needs audio.channels: 2");
    check_refused("- echo: {p: 1}\n", 2, "no such effect 'echo'");
    check_refused("- eq: {low_hz: [0, 100]}\n", 2, "augment[0].eq.low_hz");
    check_refused("- polarity: {q: 1}\n", 2, "augment[0].polarity.q: no such key");
    check_refused("- polarity: {p: 1.5}\n", 2, "augment[0].polarity.p: 1.5 is out of range");
    check_refused("- noise: {color: brown}\n", 2, "augment[0].noise.color: no such choice");
    check_refused("- pitch_shift: {semitones: [0, 36]}\n", 2, "augment[0].pitch_shift.semitones");
    check_refused("  polarity: {p: 1}\n", 2, "augment: a list of effects");
}
END_TEST

START_TEST(refuses_mp3_at_a_rate_it_does_not_know) {
    chain c;
    OPEN(c, "- mp3\n");
    data_augment *augment;
    base_error err;
    TEST_FAILS(data_augment_new(c.list, &(dsp_clip_form){12345.0, 1, N}, &augment, &err),
               BASE_EDATA, err, "augment[0].mp3: MP3 has no sample rate of 12345 Hz");
    ck_assert_ptr_null(augment);
    chain_close(&c);
}
END_TEST

static char *without_chance(const char *effects) {
    static char text[4096];
    snprintf(text, sizeof text, "%s", effects);
    for (char *p = strstr(text, "p: 1"); p != NULL; p = strstr(p, "p: 1")) p[3] = '0';
    return text;
}

START_TEST(p_0_is_identity) {
    chain c;
    OPEN(c, without_chance(EVERY_EFFECT));
    ck_assert_int_eq(data_augment_n(c.augment), 20);
    float x[N_CHANNELS * N], y[N_CHANNELS * N];
    for (uint64_t sample = 0; sample < 50; sample++) {
        clip_in(x);
        run(&c, sample, y);
        ck_assert_mem_eq(x, y, sizeof x);
    }
    float features[20] = {1, 2, 3}, same[20] = {1, 2, 3};
    base_rng rng = rng_of(0);
    data_augment_features(c.augment, features, (int64_t[]){1, 4, 5}, &rng);
    ck_assert_mem_eq(features, same, sizeof same);
    chain_close(&c);
}
END_TEST

/* Each effect of the list alone changes the clip, keeps it finite, and repeats itself. */
START_TEST(p_1_applies_every_effect) {
    chain c;
    OPEN(c, EVERY_EFFECT);
    float x[N_CHANNELS * N], y[N_CHANNELS * N], z[N_CHANNELS * N];
    int n_waveform = 0;
    for (int i = 0; i < data_augment_n(c.augment); i++) {
        if (strncmp(data_augment_link_name(data_augment_at(c.augment, i)), "mask_", 5) == 0)
            continue;
        n_waveform++;
        clip_in(x);
        base_rng rng = rng_of(3), again = rng_of(3);
        TEST_OK(data_augment_link_run(data_augment_at(c.augment, i), clip_in(y), &rng, c.scratch,
                                      &c.err),
                c.err);
        TEST_OK(data_augment_link_run(data_augment_at(c.augment, i), clip_in(z), &again, c.scratch,
                                      &c.err),
                c.err);
        ck_assert_mem_eq(y, z, sizeof y);
        ck_assert_msg(memcmp(x, y, sizeof x) != 0, "%s did nothing",
                      data_augment_link_name(data_augment_at(c.augment, i)));
        for (int64_t j = 0; j < N_CHANNELS * N; j++) ck_assert(isfinite(y[j]));
    }
    ck_assert_int_eq(n_waveform, 18);
    chain_close(&c);
}
END_TEST

START_TEST(effects_run_in_order_with_amounts_in_range) {
    chain c;
    OPEN(c, "- gain: {p: 1, db: [-6, -3]}\n- polarity: {p: 1}\n- channel_swap: {p: 1}\n");
    float x[N_CHANNELS * N], y[N_CHANNELS * N];
    double lowest = INFINITY, highest = -INFINITY;
    for (uint64_t sample = 0; sample < 200; sample++) {
        clip_in(x);
        run(&c, sample, y);
        double gain = -(double)y[N] / x[0], db = 20 * log10(gain);
        ck_assert_double_ge(db, -6.0 - 1e-4);
        ck_assert_double_le(db, -3.0 + 1e-4);
        ck_assert_float_eq_tol(y[7], (float)(-gain * x[N + 7]), 1e-6f);
        lowest = fmin(lowest, db);
        highest = fmax(highest, db);
    }
    ck_assert_double_lt(lowest, -5.9);
    ck_assert_double_gt(highest, -3.1);
    chain_close(&c);
}
END_TEST

/* An effect whose amount can be told from the output is one call of dsp/. */
START_TEST(single_values_reach_the_effect) {
    static const char *const effects[] = {
        "- pitch_shift: {p: 1, semitones: 2}\n",
        "- pitch_shift: {p: 1, semitones: -1, method: varispeed}\n",
        "- varispeed: {p: 1, semitones: -1}\n",
        "- time_shift: {p: 1, ms: 10}\n",
        "- stereo_image: {p: 1, depth: -1}\n",
        "- distortion: {p: 1, gain_db: 20, kind: hard}\n",
        "- fade: {p: 1, ms: 20}\n",
        "- decay: {p: 1, seconds: 0.05}\n",
        "- eq: {p: 1, db: 6, low_hz: 100, peak_hz: 500, peak_q: 2, high_hz: 6000}\n",
        "- lowpass: {p: 1, hz: 4000, q: 0.9}\n",
        "- highpass: {p: 1, hz: 200, q: 0.6}\n",
        "- compress: {p: 1, threshold_db: -20, ratio: 4, attack_ms: 2, release_ms: 50}\n",
        "- crush: {p: 1, bits: 8, rate_hz: 16000}\n",
    };
    const dsp_filter bands[3] = {{DSP_FILTER_LOW_SHELF, 100.0, M_SQRT1_2, 6.0},
                                 {DSP_FILTER_PEAK, 500.0, 2.0, 6.0},
                                 {DSP_FILTER_HIGH_SHELF, 6000.0, M_SQRT1_2, 6.0}};
    const dsp_filter lowpass = {DSP_FILTER_LOWPASS, 4000.0, 0.9, 0.0};
    const dsp_filter highpass = {DSP_FILTER_HIGHPASS, 200.0, 0.6, 0.0};
    float x[N_CHANNELS * N], y[N_CHANNELS * N];
    for (int i = 0; i < 13; i++) {
        dsp_clip clip = clip_in(x);
        if (i < 3) {
            dsp_pitch_shift *shift;
            base_error err;
            TEST_OK(dsp_pitch_shift_new(i == 0 ? DSP_PHASE_VOCODER : DSP_VARISPEED, N,
                                        i == 0 ? 2 : 1, &shift, &err),
                    err);
            void *scratch = base_alloc(dsp_pitch_shift_scratch_bytes(shift), 1);
            dsp_pitch_shift_apply(shift, clip, i == 0 ? 2 : -1, scratch);
            base_free(scratch);
            dsp_pitch_shift_free(shift);
        }
        if (i == 3) dsp_time_shift(clip, 441);
        if (i == 4) dsp_stereo_image(clip, -1.0);
        if (i == 5) dsp_distortion(clip, DSP_DISTORTION_HARD, 20.0);
        if (i == 6) dsp_fade_out(clip, 882);
        if (i == 7) dsp_decay(clip, 0.05);
        if (i == 8) dsp_filter_apply(clip, bands, 3);
        if (i == 9) dsp_filter_apply(clip, &lowpass, 1);
        if (i == 10) dsp_filter_apply(clip, &highpass, 1);
        if (i == 11) dsp_compress(clip, (dsp_compressor){-20.0, 4.0, 6.0, 1e-3 * 2, 1e-3 * 50});
        if (i == 12) dsp_crush(clip, 8.0, 16000.0);
        chain c;
        OPEN(c, effects[i]);
        run(&c, 0, y);
        ck_assert_msg(memcmp(x, y, sizeof x) == 0, "%s", effects[i]);
        chain_close(&c);
    }
}
END_TEST

START_TEST(p_is_the_share_of_clips) {
    enum { N_CLIPS = 4000 };
    chain c;
    OPEN(c, "- polarity: {p: 0.3}\n- gain: {p: 0.1, db: 6}\n");
    int n_polarity = 0, n_gain = 0, n_both = 0;
    for (uint64_t sample = 0; sample < N_CLIPS; sample++) {
        float x = 1.0f;
        base_rng rng = rng_of(sample);
        dsp_clip clip = {&x, 1, 1, RATE};
        TEST_OK(data_augment_waveform(c.augment, clip, &rng, c.scratch, &c.err), c.err);
        n_polarity += x < 0;
        n_gain += fabsf(x) > 1.5f;
        n_both += x < -1.5f;
    }
    /* four deviations of a binomial count */
    ck_assert_double_lt(fabs(n_polarity - 0.3 * N_CLIPS), 4 * sqrt(N_CLIPS * 0.3 * 0.7));
    ck_assert_double_lt(fabs(n_gain - 0.1 * N_CLIPS), 4 * sqrt(N_CLIPS * 0.1 * 0.9));
    ck_assert_double_lt(fabs(n_both - 0.03 * N_CLIPS), 4 * sqrt(N_CLIPS * 0.03 * 0.97));
    chain_close(&c);
}
END_TEST

/* Noise takes thousands of numbers, pitch shift none: switched off, neither moves the gain. */
START_TEST(switching_an_effect_off_leaves_the_other_draws) {
    static const char *const before[] = {"- noise: {p: 0}\n", "- noise: {p: 1, snr_db: 120}\n",
                                         "- time_shift: {p: 1, ms: 0}\n",
                                         "- time_shift: {p: 0, ms: [0, 30]}\n"};
    float gain[4];
    for (int i = 0; i < 4; i++) {
        char text[256];
        snprintf(text, sizeof text, "%s- gain: {p: 1, db: [-20, 20]}\n", before[i]);
        chain c;
        OPEN(c, text);
        float x[N_CHANNELS * N];
        float first = clip_in(x).x[0];
        run(&c, 5, x);
        gain[i] = x[0] / first;
        chain_close(&c);
    }
    for (int i = 1; i < 4; i++) ck_assert_float_eq_tol(gain[i], gain[0], 1e-4f * gain[0]);
}
END_TEST

START_TEST(masks_set_features_to_their_mean) {
    chain c;
    OPEN(c, "- mask_frequency: {p: 1, width: 3, n: 1}\n- mask_time: {p: 1, width: 4}\n");
    const int64_t shape[3] = {2, 12, 20};
    float x[2 * 12 * 20];
    int64_t n_masked = 0;
    for (uint64_t sample = 0; sample < 20; sample++) {
        double mean = 0.0;
        for (int i = 0; i < 480; i++) mean += (x[i] = (float)(i + 1000)) / 480.0;
        base_rng rng = rng_of(sample);
        data_augment_features(c.augment, x, shape, &rng);
        for (int i = 0; i < 480; i++) {
            bool masked = x[i] != (float)(i + 1000);
            n_masked += masked;
            if (masked) ck_assert_double_lt(fabs(x[i] - mean), 60.0);
        }
    }
    ck_assert_int_gt(n_masked, 0);
    ck_assert_int_lt(n_masked, 20 * 2 * (3 * 20 + 4 * 12));
    chain_close(&c);
}
END_TEST

START_TEST(silence_stays_silent) {
    chain c;
    OPEN(c, EVERY_EFFECT);
    float x[N_CHANNELS * N] = {0};
    base_rng rng = rng_of(0);
    dsp_clip clip = {x, N_CHANNELS, N, RATE};
    TEST_OK(data_augment_waveform(c.augment, clip, &rng, c.scratch, &c.err), c.err);
    for (int64_t i = 0; i < N_CHANNELS * N; i++) ck_assert(fabsf(x[i]) < 1e-4f);
    chain_close(&c);
}
END_TEST

START_TEST(an_effect_that_fails_ends_the_chain) {
    chain c;
    OPEN(c, "- mp3: {p: 1}\n- polarity: {p: 1}\n");
    float x[4] = {1, 2, 3, 4};
    dsp_clip clip = {x, 1, 4, 1234.0}; /* not the rate that the chain was made for */
    base_rng rng = rng_of(0);
    TEST_FAILS(data_augment_waveform(c.augment, clip, &rng, c.scratch, &c.err), BASE_EDATA, c.err,
               "augment: mp3: MP3 has no sample rate of 1234 Hz");
    TEST_FAILS(data_augment_link_run(data_augment_at(c.augment, 0), clip, &rng, c.scratch, &c.err),
               BASE_EDATA, c.err, "augment: mp3: MP3 has no sample rate");
    ck_assert_float_eq(x[3], 4);
    chain_close(&c);
}
END_TEST

enum { LONG = 1 << 23 };

/* In a process that has no room for more than the clip. */
static base_status augment_long_clip(void *context, base_text *out, base_error *err) {
    const chain *c = context;
    static float x[LONG];
    base_rng rng = rng_of(0);
    (void)out;
    for (int64_t i = 0; i < LONG; i++) x[i] = i % 2 ? 0.5f : -0.5f;
    return data_augment_waveform(c->augment, (dsp_clip){x, 1, LONG, RATE}, &rng, c->scratch, err);
}

START_TEST(want_of_memory_is_reported) {
    static const char *const effects[] = {"- noise: {p: 1}\n", "- mp3: {p: 1}\n"};
    static const char *const wanted[] = {"augment: noise: no memory", "augment: mp3: no memory"};
    for (int i = 0; i < 2; i++) {
        chain c;
        base_text out = {0};
        OPEN(c, effects[i]);
        base_isolated_job job = {.name = "x",
                                 .work = augment_long_clip,
                                 .context = &c,
                                 .seconds = 60,
                                 .memory_bytes = 1 << 24,
                                 .result_bytes = 1000};
        base_status status = base_isolated(&job, &out, &c.err);
        ck_assert_int_ne(status, BASE_OK);
        /* a sanitizer's malloc ends the process */
        if (status == BASE_EMEMORY) ck_assert_ptr_nonnull(strstr(c.err.text, wanted[i]));
        chain_close(&c);
    }
}
END_TEST

TEST_MAIN("data/augment", lists_its_variants, nothing_is_an_empty_chain,
          fills_in_defaults_in_its_own_copy, refuses_what_does_not_fit,
          refuses_mp3_at_a_rate_it_does_not_know, p_0_is_identity, p_1_applies_every_effect,
          effects_run_in_order_with_amounts_in_range, single_values_reach_the_effect,
          p_is_the_share_of_clips, switching_an_effect_off_leaves_the_other_draws,
          masks_set_features_to_their_mean, silence_stays_silent,
          an_effect_that_fails_ends_the_chain, want_of_memory_is_reported)
