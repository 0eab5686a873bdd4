#include "data/synth.h"

#include <math.h>
#include <stdio.h>

#include "base/file.h"
#include "tests/test.h"

enum { N_HITS = 24 };

static base_error err;

static int class_index(const char *name) {
    for (int c = 0; c < DATA_SYNTH_N_CLASSES; c++) {
        if (strcmp(name, data_synth_classes[c]) == 0) return c;
    }
    ck_abort_msg("no class '%s'", name);
    return -1;
}

/* Root mean square frequency of a signal, from its first difference (Parseval): how bright it is.
 */
static double brightness_hz(const data_audio *a) {
    double power = 0, difference = 0;
    for (int64_t i = 1; i < a->n; i++) {
        double d = (double)a->x[i] - a->x[i - 1];
        power += (double)a->x[i] * a->x[i];
        difference += d * d;
    }
    double half = fmin(sqrt(difference / power) / 2, 1.0);
    return asin(half) / 3.14159265358979 * a->sample_rate_hz;
}

/* Time by which nine tenths of the energy have passed. */
static double duration_s(const data_audio *a) {
    double total = 0, passed = 0;
    for (int64_t i = 0; i < a->n; i++) total += (double)a->x[i] * a->x[i];
    int64_t i = 0;
    while (passed < 0.9 * total) passed += (double)a->x[i] * a->x[i], i++;
    return (double)i / a->sample_rate_hz;
}

static double mean_of(const char *name, double (*measure)(const data_audio *)) {
    double sum = 0;
    for (int64_t i = 0; i < N_HITS; i++) {
        data_audio audio;
        TEST_OK(data_synth_hit(class_index(name), i, 3, &audio, &err), err);
        sum += measure(&audio);
        data_audio_release(&audio);
    }
    return sum / N_HITS;
}

START_TEST(hits_are_sound) {
    for (int c = 0; c < DATA_SYNTH_N_CLASSES; c++) {
        for (int64_t i = 0; i < N_HITS; i++) {
            data_audio audio;
            TEST_OK(data_synth_hit(c, i, 1, &audio, &err), err);
            ck_assert(audio.n_channels == 1 && audio.sample_rate_hz == 44100);
            ck_assert(audio.n > 4410 && audio.n <= 66150);
            float peak = 0;
            for (int64_t k = 0; k < audio.n; k++) {
                ck_assert(isfinite(audio.x[k]));
                peak = fmaxf(peak, fabsf(audio.x[k]));
            }
            ck_assert_msg(peak > 0.1f && peak < 1.0f, "%s %d: peak %g", data_synth_classes[c],
                          (int)i, (double)peak);
            data_audio_release(&audio);
        }
    }
}
END_TEST

START_TEST(a_seed_gives_the_same_bits) {
    for (int c = 0; c < DATA_SYNTH_N_CLASSES; c++) {
        data_audio a, b, other_number, other_seed;
        TEST_OK(data_synth_hit(c, 5, 9, &a, &err), err);
        TEST_OK(data_synth_hit(c, 5, 9, &b, &err), err);
        TEST_OK(data_synth_hit(c, 6, 9, &other_number, &err), err);
        TEST_OK(data_synth_hit(c, 5, 10, &other_seed, &err), err);
        ck_assert_int_eq(a.n, b.n);
        ck_assert_mem_eq(a.x, b.x, (size_t)a.n * sizeof(float));
        ck_assert(memcmp(a.x, other_number.x, 4410 * sizeof(float)) != 0);
        ck_assert(memcmp(a.x, other_seed.x, 4410 * sizeof(float)) != 0);
        data_audio_release(&a);
        data_audio_release(&b);
        data_audio_release(&other_number);
        data_audio_release(&other_seed);
    }
}
END_TEST

START_TEST(classes_sound_like_their_names) {
    static const char *const by_brightness[] = {"kick", "tom", "cowbell", "snare", "closedhat"};
    for (size_t i = 1; i < sizeof by_brightness / sizeof *by_brightness; i++) {
        double low = mean_of(by_brightness[i - 1], brightness_hz);
        double high = mean_of(by_brightness[i], brightness_hz);
        ck_assert_msg(low < high, "%s (%.0f Hz) is brighter than %s (%.0f Hz)",
                      by_brightness[i - 1], low, by_brightness[i], high);
    }
    static const char *const by_duration[] = {"rim", "closedhat", "openhat", "crash"};
    for (size_t i = 1; i < sizeof by_duration / sizeof *by_duration; i++) {
        double brief = mean_of(by_duration[i - 1], duration_s);
        double lasting = mean_of(by_duration[i], duration_s);
        ck_assert_msg(brief < lasting, "%s (%.3f s) outlasts %s (%.3f s)", by_duration[i - 1],
                      brief, by_duration[i], lasting);
    }
}
END_TEST

TEST_MAIN("data/synth", hits_are_sound, a_seed_gives_the_same_bits, classes_sound_like_their_names)
