#include "data/drumsynth.h"

#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "tests/test.h"

static base_error err;
static base_arena arena;

#define GENERAL "[General]\r\nVersion=DrumSynth v2.0\r\nTuning=0\r\nStretch=100\r\n"

static void render(const char *text, data_audio *audio) {
    TEST_OK(data_drumsynth_render(text, strlen(text), "a.ds", audio, &err), err);
    ck_assert(audio->n_channels == 1 && audio->sample_rate_hz == 44100);
    for (int64_t i = 0; i < audio->n; i++) ck_assert(isfinite(audio->x[i]));
}

/* Times the signal comes up through zero within [begin, end). */
static int rises(const data_audio *a, int64_t begin, int64_t end) {
    int n = 0;
    for (int64_t i = begin + 1; i < end; i++) n += a->x[i - 1] < 0 && a->x[i] >= 0;
    return n;
}

static double peak(const data_audio *a, int64_t begin, int64_t end) {
    double largest = 0;
    for (int64_t i = begin; i < end; i++) largest = fmax(largest, fabs((double)a->x[i]));
    return largest;
}

START_TEST(a_tone_has_its_pitch_level_and_envelope) {
    data_audio a;
    render(GENERAL "[Tone]\nOn=1\nLevel=128\nF1=441\nF2=441\nDroop=0\nPhase=0\n"
                   "Envelope=0,100 22050,50 44100,0\n",
           &a);
    ck_assert_int_eq(a.n, 44100 + 2400);
    ck_assert_int_eq(rises(&a, 0, 44100), 440); /* the first period begins at 0 */
    /* 128 squared, of 32768, times the line between the points */
    ck_assert(fabs(peak(&a, 0, 200) - 0.5) < 0.005);
    ck_assert(fabs(peak(&a, 22000, 22100) - 0.25) < 0.005);
    ck_assert(fabs(peak(&a, 33000, 33100) - 0.125) < 0.005);
    ck_assert(peak(&a, 44100, a.n) == 0);
    data_audio_release(&a);
}
END_TEST

START_TEST(stretch_tuning_and_gain_apply_to_all) {
    data_audio a;
    render("[General]\nVersion=DrumSynth v2.0\nTuning=12\nStretch=50\nLevel=-6.0206\n"
           "[Tone]\nOn=1\nLevel=128\nF1=441\nF2=441\nPhase=0\nEnvelope=0,100 44100,100\n",
           &a);
    ck_assert_int_eq(a.n, 22050 + 2400);
    int n = rises(&a, 0, 22050); /* an octave higher, in half the time */
    ck_assert_msg(n == 440 || n == 441, "%d", n);
    ck_assert(fabs(peak(&a, 0, 22000) - 0.25) < 0.002);
    data_audio_release(&a);
}
END_TEST

START_TEST(a_droop_falls_ever_slower) {
    data_audio a;
    render(GENERAL "[Tone]\nOn=1\nLevel=100\nF1=1000\nF2=100\nDroop=20\nPhase=0\n"
                   "Envelope=0,100 44100,100\n",
           &a);
    int first = rises(&a, 0, 4410), second = rises(&a, 4410, 8820), last = rises(&a, 39690, 44100);
    ck_assert_msg(first > second && second > 3 * last && last >= 10 && last <= 12, "%d %d %d",
                  first, second, last);
    data_audio_release(&a);
}
END_TEST

static const char *noise(int slope) {
    return base_arena_printf(
        &arena, GENERAL "[Noise]\nOn=1\nLevel=60\nSlope=%d\nEnvelope=0,100 22050,0\n", slope);
}

/* Energy of the difference over the signal's: how bright it is. */
static double brightness(const data_audio *a) {
    double power = 0, difference = 0;
    for (int64_t i = 1; i < a->n; i++) {
        power += (double)a->x[i] * a->x[i];
        difference += pow((double)a->x[i] - a->x[i - 1], 2);
    }
    return difference / power;
}

START_TEST(noise_follows_its_slope_and_is_the_same_each_time) {
    data_audio dark, white, bright, again;
    render(noise(-90), &dark);
    render(noise(0), &white);
    render(noise(90), &bright);
    render(noise(90), &again);
    ck_assert(brightness(&dark) < 0.5);
    ck_assert(brightness(&white) > 1.8 && brightness(&white) < 2.2); /* 2 for white noise */
    ck_assert(brightness(&bright) > 2.5);
    ck_assert_mem_eq(bright.x, again.x, (size_t)bright.n * sizeof(float));
    data_audio_release(&dark);
    data_audio_release(&white);
    data_audio_release(&bright);
    data_audio_release(&again);
}
END_TEST

START_TEST(overtones_filters_bands_and_distortion_sound) {
    data_audio a;
    for (int method = 0; method < 4; method++) {
        for (int filter = 0; filter < 2; filter++) {
            render(base_arena_printf(
                       &arena,
                       GENERAL "Filter=%d\nHighPass=1\nResonance=40\nFilterEnv=0,50 1000,90\n"
                               "[Overtones]\nOn=1\nLevel=128\nF1=300\nF2=457\nMethod=%d\nWave1=3\n"
                               "Wave2=2\nParam=60\nEnvelope1=0,100 8000,0\nEnvelope2=0,80 9000,0\n"
                               "[NoiseBand]\nOn=1\nF=2000\ndF=30\nLevel=60\nEnvelope=0,100 500,0\n"
                               "[NoiseBand2]\nOn=1\nF=200\ndF=90\nLevel=60\nEnvelope=0,100 500,0\n"
                               "[Distortion]\nOn=1\nClipping=12\nBits=3\nRate=5\n",
                       filter, method),
                   &a);
            ck_assert_int_eq(a.n, 9000 + 2400);
            ck_assert_msg(peak(&a, 1000, 5000) > 0.01, "method %d is silent", method);
            /* A rate of 5 keeps every tenth sample. */
            for (int64_t i = 0; i + 9 < a.n; i += 10) ck_assert(a.x[i] == a.x[i + 9]);
            data_audio_release(&a);
        }
    }
}
END_TEST

START_TEST(damaged_presets_are_refused_or_bounded) {
    data_audio a;
    static const char *const no_presets[] = {"", "[General]", "Version=DrumSynth v2.0",
                                             "[General]\nVersion=Other v2.0\n"};
    for (size_t i = 0; i < sizeof no_presets / sizeof *no_presets; i++) {
        TEST_FAILS(data_drumsynth_render(no_presets[i], strlen(no_presets[i]), "b.ds", &a, &err),
                   BASE_EFORMAT, err, "b.ds: not a preset of DrumSynth");
        ck_assert_ptr_null(a.x);
    }
    render(GENERAL "[Tone]\nOn=1\nF1=nan\nF2=1e300\nDroop=1e9\nLevel=-1e99\n"
                   "Envelope=0,1e999 -5,nan 1e300,100,,\n"
                   "[Noise]\nOn=1\nLevel=9e99\nSlope=-1e9\nEnvelope=x\n"
                   "[NoiseBand]\nOn=1\nF=-1e9\ndF=1e9\n[Overtones]\nOn=1\nMethod=77\nF1=0\nF2=0\n"
                   "[Distortion]\nOn=1\nRate=99\nBits=99\nClipping=1e9\n",
           &a);
    ck_assert(a.n <= 6 * 44100);
    data_audio_release(&a);
}
END_TEST

TEST_MAIN("data/drumsynth", a_tone_has_its_pitch_level_and_envelope,
          stretch_tuning_and_gain_apply_to_all, a_droop_falls_ever_slower,
          noise_follows_its_slope_and_is_the_same_each_time,
          overtones_filters_bands_and_distortion_sound, damaged_presets_are_refused_or_bounded)
