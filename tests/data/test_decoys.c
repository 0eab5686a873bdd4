#include "data/decoys.h"

#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "tests/test.h"

enum { N_SOUNDS = 12 };

static base_error err;

static int kind_named(const char *name) {
    for (int k = 0; k < DATA_DECOYS_N_KINDS; k++) {
        if (strcmp(name, data_decoys_kinds[k]) == 0) return k;
    }
    ck_abort_msg("no kind '%s'", name);
    return -1;
}

START_TEST(all_kinds_sound) {
    for (int kind = 0; kind < DATA_DECOYS_N_KINDS; kind++) {
        for (int64_t i = 0; i < N_SOUNDS; i++) {
            data_audio a;
            TEST_OK(data_decoys_make(kind, i, 1, &a, &err), err);
            ck_assert(a.n_channels == 1 && a.sample_rate_hz == 44100);
            ck_assert(a.n >= 13230 && a.n <= 88200);
            float peak = 0;
            for (int64_t k = 0; k < a.n; k++) {
                ck_assert(isfinite(a.x[k]));
                peak = fmaxf(peak, fabsf(a.x[k]));
            }
            ck_assert_msg(peak > 0.1f && peak < 1.0f, "%s %d: peak %g", data_decoys_kinds[kind],
                          (int)i, (double)peak);
            data_audio_release(&a);
        }
    }
}
END_TEST

START_TEST(a_seed_gives_the_same_bits) {
    for (int kind = 0; kind < DATA_DECOYS_N_KINDS; kind++) {
        data_audio a, b, other;
        TEST_OK(data_decoys_make(kind, 5, 9, &a, &err), err);
        TEST_OK(data_decoys_make(kind, 5, 9, &b, &err), err);
        TEST_OK(data_decoys_make(kind, 5, 10, &other, &err), err);
        ck_assert_int_eq(a.n, b.n);
        ck_assert_mem_eq(a.x, b.x, (size_t)a.n * sizeof(float));
        ck_assert(a.n != other.n || memcmp(a.x, other.x, (size_t)a.n * sizeof(float)) != 0);
        data_audio_release(&a);
        data_audio_release(&b);
        data_audio_release(&other);
    }
}
END_TEST

/* Share of the energy in the second half of the sound. */
static double late_share(const data_audio *a) {
    double whole = 0, late = 0;
    for (int64_t i = 0; i < a->n; i++) {
        double power = (double)a->x[i] * a->x[i];
        whole += power;
        if (i >= a->n / 2) late += power;
    }
    return late / whole;
}

static double mean_late_share(const char *kind) {
    double sum = 0;
    for (int64_t i = 0; i < N_SOUNDS; i++) {
        data_audio a;
        TEST_OK(data_decoys_make(kind_named(kind), i, 4, &a, &err), err);
        sum += late_share(&a);
        data_audio_release(&a);
    }
    return sum / N_SOUNDS;
}

/* What is steady lasts, what is plucked fades. */
START_TEST(kinds_sound_like_their_names) {
    ck_assert(mean_late_share("tone") > 0.25);
    ck_assert(mean_late_share("hum") > 0.4);
    ck_assert(mean_late_share("speech") > 0.3);
    ck_assert(mean_late_share("pluck") < mean_late_share("hum") - 0.1);
}
END_TEST

TEST_MAIN("data/decoys", all_kinds_sound, a_seed_gives_the_same_bits, kinds_sound_like_their_names)
