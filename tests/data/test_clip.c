#include "data/clip.h"

#include <math.h>

#include "base/file.h"
#include "base/rng.h"
#include "data/clip_set.h"
#include "tests/test.h"

static base_error err;
static base_arena arena;

static data_audio_options options(void) {
    data_audio_options o;
    TEST_OK(base_options_bind(data_audio_table, NULL, &o, &arena, &err), err);
    return o;
}

/* `lead` zeros, n samples of a constant, `tail` zeros, in two channels of which the right one is
 * half as loud. */
static data_audio bar(int64_t lead, int64_t n, int64_t tail, float level) {
    int64_t total = lead + n + tail;
    data_audio audio = {base_alloc((size_t)total * 2, sizeof(float)), 2, total, 44100};
    for (int64_t i = lead; i < lead + n; i++) {
        audio.x[i] = level;
        audio.x[total + i] = level / 2;
    }
    return audio;
}

START_TEST(defaults_are_as_documented) {
    data_audio_options o = options();
    ck_assert(o.sample_rate_hz == 44100 && o.channels == 1 && o.seconds == 1.0);
    ck_assert_int_eq(o.damaged, DATA_DAMAGED_REFUSE);
    ck_assert(o.trim_db == -50 && o.normalize == 1 && o.min_peak_db == -60);
}
END_TEST

START_TEST(clips_are_mixed_trimmed_and_normalised) {
    data_audio_options o = options();
    data_audio audio = bar(1000, 500, 700, 0.4f), clip;
    TEST_OK(data_clip_prepare(&audio, &o, &clip, &err), err);
    ck_assert_int_eq(clip.n_channels, 1);
    ck_assert_int_eq(clip.n, 44 + 500); /* a millisecond before the onset is kept */
    ck_assert_float_eq(clip.x[43], 0);
    for (int i = 44; i < 544; i++) ck_assert_float_eq_tol(clip.x[i], 1.0f, 1e-6f);
    data_audio_release(&clip);
    o.normalize = 0;
    o.trim_db = 0;
    o.channels = 2;
    TEST_OK(data_clip_prepare(&audio, &o, &clip, &err), err);
    ck_assert_int_eq(clip.n, 2200);
    ck_assert_mem_eq(clip.x, audio.x, 4400 * sizeof(float));
    data_audio_release(&clip);
    o.normalize = 3;
    o.channels = 1;
    TEST_OK(data_clip_prepare(&audio, &o, &clip, &err), err);
    double sum = 0, squares = 0;
    for (int i = 0; i < 2200; i++) sum += clip.x[i], squares += (double)clip.x[i] * clip.x[i];
    ck_assert_double_eq_tol(sum / 2200, 0, 1e-5);
    ck_assert_double_eq_tol(squares / 2200, 1, 1e-4);
    data_audio_release(&clip);
    data_audio_release(&audio);
}
END_TEST

START_TEST(mono_is_doubled_for_stereo) {
    data_audio_options o = options();
    o.channels = 2;
    data_audio audio = bar(0, 300, 0, 0.5f), clip;
    audio.n_channels = 1;
    TEST_OK(data_clip_prepare(&audio, &o, &clip, &err), err);
    ck_assert_int_eq(clip.n_channels, 2);
    ck_assert_mem_eq(clip.x, clip.x + clip.n, (size_t)clip.n * sizeof(float));
    data_audio_release(&clip);
    data_audio_release(&audio);
}
END_TEST

START_TEST(long_clips_are_cut_and_faded) {
    data_audio_options o = options();
    o.seconds = 0.1;
    data_audio audio = bar(0, 44100, 0, 0.5f), clip;
    TEST_OK(data_clip_prepare(&audio, &o, &clip, &err), err);
    ck_assert_int_eq(clip.n, 4410);
    ck_assert_float_eq_tol(clip.x[4000], 1.0f, 1e-6f);
    ck_assert_float_lt(clip.x[4409], 0.01f);
    ck_assert_float_eq_tol(clip.x[4300], 0.5f, 0.01f);
    data_audio_release(&clip);
    data_audio_release(&audio);
}
END_TEST

START_TEST(clips_are_resampled) {
    data_audio_options o = options();
    o.sample_rate_hz = 16000;
    data_audio audio = bar(0, 22050, 0, 0.5f), clip;
    TEST_OK(data_clip_prepare(&audio, &o, &clip, &err), err);
    ck_assert_double_eq(clip.sample_rate_hz, 16000);
    ck_assert_int_ge(clip.n, 7990);
    ck_assert_int_le(clip.n, 8000);
    data_audio_release(&clip);
    data_audio_release(&audio);
}
END_TEST

START_TEST(silence_is_no_clip) {
    data_audio_options o = options();
    data_audio zero = bar(100, 0, 0, 0), faint = bar(10, 100, 10, 0.001f), clip;
    TEST_FAILS(data_clip_prepare(&zero, &o, &clip, &err), BASE_EDATA, err, "silent");
    TEST_FAILS(data_clip_prepare(&faint, &o, &clip, &err), BASE_EDATA, err, "silent");
    ck_assert_ptr_null(clip.x);
    o.min_peak_db = -70;
    TEST_OK(data_clip_prepare(&faint, &o, &clip, &err), err);
    data_audio_release(&clip);
    data_audio_release(&zero);
    data_audio_release(&faint);
}
END_TEST

/* Numbers that are certainly not a clip's own. */
static data_audio noise(int64_t n_channels, int64_t n, uint64_t stream, float level) {
    base_rng rng = base_rng_open(1, BASE_RNG_TEST, stream, 0);
    data_audio audio = {base_alloc((size_t)(n_channels * n), sizeof(float)), n_channels, n, 44100};
    for (int64_t i = 0; i < n_channels * n; i++) {
        audio.x[i] = level * (float)base_rng_range(&rng, -1, 1);
    }
    return audio;
}

START_TEST(six_channels_are_mixed_by_their_mean_or_cut_to_two) {
    enum { N = 500, N_CHANNELS = 6 };
    data_audio_options o = options();
    data_audio audio = noise(N_CHANNELS, N, 0, 1), clip;
    o.normalize = DATA_NORMALIZE_NONE;
    o.trim_db = 0;
    TEST_OK(data_clip_prepare(&audio, &o, &clip, &err), err);
    float mean[N];
    for (int i = 0; i < N; i++) {
        double sum = 0;
        for (int c = 0; c < N_CHANNELS; c++) sum += (double)audio.x[c * N + i];
        mean[i] = (float)(sum / N_CHANNELS);
    }
    ck_assert_int_eq(clip.n, N);
    test_close("mean", clip.x, mean, N, 0, 1e-7);
    data_audio_release(&clip);
    o.channels = 2;
    TEST_OK(data_clip_prepare(&audio, &o, &clip, &err), err);
    ck_assert_mem_eq(clip.x, audio.x, 2 * N * sizeof(float));
    data_audio_release(&clip);
    data_audio_release(&audio);
}
END_TEST

/* Some faint samples, some loud ones, some faint ones, in two channels. */
static data_audio faint_around_loud(base_rng *rng, int64_t n, uint64_t stream) {
    data_audio audio = noise(2, n, stream, 0.01f);
    int64_t begin = base_rng_below(rng, n), end = begin + base_rng_below(rng, n - begin + 1);
    for (int64_t i = begin; i < end; i++) audio.x[base_rng_below(rng, 2) * n + i] *= 50;
    return audio;
}

static bool reaches(const data_audio *audio, int64_t i, double level) {
    return fabs((double)audio->x[i]) > level || fabs((double)audio->x[audio->n + i]) > level;
}

/* From a millisecond before the first sample above the level, if there is as much, to the last. */
START_TEST(trimming_keeps_what_sounds) {
    enum { BEFORE = 44, N_RANDOM = 200 };
    base_rng rng = base_rng_open(2, BASE_RNG_TEST, 0, 0);
    data_audio_options o = options();
    o.channels = 2;
    o.normalize = DATA_NORMALIZE_NONE;
    for (int i = 0; i < N_RANDOM; i++) {
        data_audio clip,
            audio = faint_around_loud(&rng, 200 + base_rng_below(&rng, 300), (uint64_t)i);
        o.trim_db = base_rng_range(&rng, -30, -1);
        double peak = 0;
        for (int64_t j = 0; j < 2 * audio.n; j++) peak = fmax(peak, fabs((double)audio.x[j]));
        double level = peak * pow(10, o.trim_db / 20);
        int64_t begin = 0, end = audio.n;
        while (!reaches(&audio, begin, level)) begin++;
        while (!reaches(&audio, end - 1, level)) end--;
        begin = begin > BEFORE ? begin - BEFORE : 0;
        TEST_OK(data_clip_prepare(&audio, &o, &clip, &err), err);
        ck_assert_int_eq(clip.n, end - begin);
        size_t n_bytes = (size_t)clip.n * sizeof(float);
        ck_assert_mem_eq(clip.x, audio.x + begin, n_bytes);
        ck_assert_mem_eq(clip.x + clip.n, audio.x + audio.n + begin, n_bytes);
        data_audio_release(&clip);
        data_audio_release(&audio);
    }
}
END_TEST

START_TEST(rms_is_put_at_20_db_below_full_scale) {
    data_audio_options o = options();
    o.normalize = DATA_NORMALIZE_RMS;
    data_audio audio = noise(1, 5000, 0, 0.03f), clip;
    TEST_OK(data_clip_prepare(&audio, &o, &clip, &err), err);
    double squares = 0;
    for (int64_t i = 0; i < clip.n; i++) squares += (double)clip.x[i] * (double)clip.x[i];
    ck_assert_double_eq_tol(sqrt(squares / (double)clip.n), 0.1, 1e-6);
    data_audio_release(&clip);
    data_audio_release(&audio);
}
END_TEST

/* ---- facts ---- */

static data_row facts_of(const data_audio *audio) {
    data_row facts = {.n_clipped = 5}; /* of what was there before */
    data_audio_options o = options();
    data_audio clip;
    data_sound *sound;
    TEST_OK(data_sound_borrow(audio, &sound, &err), err);
    TEST_OK(data_clip_read(sound, &o, &facts, &clip, &err), err);
    data_audio_release(&clip);
    data_sound_close(sound);
    return facts;
}

/* A sample counts if it and two beside it are at full scale, whichever two. */
static int64_t count_clipped(const float *x, int64_t n) {
    int64_t count = 0;
    for (int64_t i = 0; i < n; i++) {
        bool counts = false;
        for (int64_t first = i - 2; first <= i; first++) {
            bool run = first >= 0 && first + 3 <= n;
            for (int64_t j = first; run && j < first + 3; j++) run = fabsf(x[j]) > 0.99996f;
            counts |= run;
        }
        count += counts;
    }
    return count;
}

START_TEST(facts_tell_of_the_sound) {
    enum { N = 300 };
    base_rng rng = base_rng_open(3, BASE_RNG_TEST, 0, 0);
    for (int i = 0; i < 100; i++) {
        data_audio audio = noise(2, N, (uint64_t)i, 0.9f);
        for (int64_t j = 0; j < 2 * N; j++) {
            if (base_rng_chance(&rng, 0.5)) audio.x[j] = base_rng_chance(&rng, 0.5) ? 1 : -1;
        }
        audio.x[17] = -1.25f;
        data_row facts = facts_of(&audio);
        ck_assert_int_eq(facts.n_clipped,
                         count_clipped(audio.x, N) + count_clipped(audio.x + N, N));
        ck_assert_double_eq(facts.peak, 1.25);
        ck_assert_int_eq(facts.n_channels, 2);
        ck_assert_double_eq(facts.seconds, N / 44100.0);
        ck_assert_double_eq(facts.sample_rate_hz, 44100);
        data_audio_release(&audio);
    }
}
END_TEST

/* How a sound is presented: zeros around it, its level, the same in how many channels. */
typedef struct {
    float gain;
    int64_t lead, tail, n_channels;
} setting;

static base_digest content_of(const float *x, int64_t n, setting s) {
    int64_t total = s.lead + n + s.tail;
    data_audio audio = {base_alloc((size_t)(s.n_channels * total), sizeof(float)), s.n_channels,
                        total, 44100};
    for (int64_t c = 0; c < s.n_channels; c++) {
        for (int64_t i = 0; i < n; i++) audio.x[c * total + s.lead + i] = s.gain * x[i];
    }
    base_digest digest = facts_of(&audio).content;
    data_audio_release(&audio);
    return digest;
}

START_TEST(content_is_the_sound_whatever_its_level_and_surroundings) {
    enum { N = 1000 };
    data_audio audio = noise(1, N, 0, 0.5f);
    float *x = audio.x;
    x[0] = 0.3f;
    base_digest own = content_of(x, N, (setting){1, 44, 0, 1});
    ck_assert(base_digest_equal(own, content_of(x, N, (setting){0.25f, 44, 0, 1})));
    ck_assert(base_digest_equal(own, content_of(x, N, (setting){1, 5000, 300, 1})));
    ck_assert(base_digest_equal(own, content_of(x, N, (setting){2, 44, 1, 2})));
    ck_assert(!base_digest_equal(own, content_of(x, N - 1, (setting){1, 44, 0, 1})));
    ck_assert(!base_digest_equal(own, content_of(x, N, (setting){-1, 44, 0, 1})));
    x[N / 2] += 0.01f;
    ck_assert(!base_digest_equal(own, content_of(x, N, (setting){1, 44, 0, 1})));
    data_audio_release(&audio);
}
END_TEST

/* Two channels of which the second is `other` times the first. */
static base_digest stereo_content(const float *x, int64_t n, float gain, float other) {
    data_audio audio = {base_alloc((size_t)(2 * n), sizeof(float)), 2, n, 44100};
    for (int64_t i = 0; i < n; i++) {
        audio.x[i] = gain * x[i];
        audio.x[n + i] = gain * other * x[i];
    }
    data_row facts = {0};
    data_audio_options o = options();
    data_audio clip;
    data_sound *sound;
    TEST_OK(data_sound_borrow(&audio, &sound, &err), err);
    base_status status = data_clip_read(sound, &o, &facts, &clip, &err); /* mixed, it is silent */
    ck_assert_int_eq(status, other < -0.9f || gain == 0 ? BASE_EDATA : BASE_OK);
    data_audio_release(&clip);
    data_sound_close(sound);
    data_audio_release(&audio);
    return facts.content;
}

START_TEST(content_of_channels_that_cancel_is_theirs) {
    enum { N = 1000 };
    data_audio one = noise(1, N, 0, 0.5f), two = noise(1, N, 1, 0.5f);
    base_digest a = stereo_content(one.x, N, 1, -1), b = stereo_content(two.x, N, 1, -1);
    ck_assert(!base_digest_equal(a, b));
    ck_assert(base_digest_equal(a, stereo_content(one.x, N, 0.25f, -1)));
    ck_assert(!base_digest_equal(a, stereo_content(one.x, N, 1, -0.9999f)));
    ck_assert(!base_digest_equal(stereo_content(one.x, N, 1, -0.9999f),
                                 stereo_content(two.x, N, 1, -0.9999f)));
    /* Channels that don't are their mean. */
    base_digest mean = stereo_content(one.x, N, 1, -0.5f);
    ck_assert(base_digest_equal(mean, content_of(one.x, N, (setting){1, 0, 0, 1})));
    base_digest nothing = stereo_content(one.x, N, 0, 0);
    ck_assert_uint_eq(nothing.low, 0);
    ck_assert_uint_eq(nothing.high, 0);
    data_audio_release(&one);
    data_audio_release(&two);
}
END_TEST

/* ---- long sounds ---- */

/* Longer than a block, of two channels at least: hits of the given levels, twelve seconds apart. */
static data_audio long_sound(int64_t n_channels, const float *level, int n_hits) {
    enum { RATE_HZ = 8000, APART = 12 * RATE_HZ, HIT = 3000 };
    int64_t n = (n_hits + 1) * APART;
    data_audio audio = {base_alloc((size_t)(n * n_channels), sizeof(float)), n_channels, n,
                        RATE_HZ};
    base_rng rng = base_rng_open(7, BASE_RNG_TEST, 0, 0);
    for (int64_t c = 0; c < n_channels; c++) {
        for (int h = 0; h < n_hits; h++) {
            float *x = audio.x + c * n + (h + 1) * APART - 40;
            for (int i = 0; i < HIT; i++) x[i] = level[h] * (float)base_rng_range(&rng, -1.0, 1.0);
        }
    }
    return audio;
}

/* The clip and the facts are the same whether the sound comes in blocks or at once. */
static void check_long(const char *folder, int64_t n_channels, const float *level, int n_hits,
                       const data_audio_options *o) {
    data_audio audio = long_sound(n_channels, level, n_hits), clip, wanted, decoded;
    const char *path = base_path_join(&arena, folder, "long.wav");
    data_row facts = {.n_clipped = 9}, wanted_facts = {0};
    data_sound *sound, *whole;
    TEST_OK(data_audio_write(path, &audio, &err), err);
    TEST_OK(data_audio_read(path, NULL, &decoded, &err), err);
    ck_assert_int_gt(decoded.n * decoded.n_channels, DATA_BLOCK_SAMPLES);
    TEST_OK(data_sound_borrow(&decoded, &whole, &err), err);
    TEST_OK(data_sound_open(path, NULL, &sound, &err), err);
    TEST_OK(data_clip_read(whole, o, &wanted_facts, &wanted, &err), err);
    TEST_OK(data_clip_read(sound, o, &facts, &clip, &err), err);
    ck_assert_int_eq(clip.n, wanted.n);
    ck_assert_mem_eq(clip.x, wanted.x, (size_t)(clip.n * clip.n_channels) * sizeof *clip.x);
    ck_assert_mem_eq(&facts, &wanted_facts, sizeof facts);
    data_audio_release(&clip);
    TEST_OK(data_sound_rewind(sound, &err), err);
    TEST_OK(data_clip_read(sound, o, NULL, &clip, &err), err);
    ck_assert_int_eq(clip.n, wanted.n);
    ck_assert_mem_eq(clip.x, wanted.x, (size_t)(clip.n * clip.n_channels) * sizeof *clip.x);
    data_sound_close(sound);
    data_sound_close(whole);
    data_audio_release(&audio);
    data_audio_release(&clip);
    data_audio_release(&wanted);
    data_audio_release(&decoded);
}

static const float rising[] = {0.0005f, 0.01f, 1.0f, 0.3f, 0.001f};
static const float falling[] = {0.9f, 0.0001f, 0.00001f, 0.0001f, 0.00001f};
static const float late[] = {0.00001f, 0.00001f, 0.00001f, 0.00001f, 0.9f};

START_TEST(long_sounds_are_resampled_in_blocks_to_the_same_bits) {
    data_audio_options o = options();
    check_long(test_folder(), 2, rising, 5, &o);
}
END_TEST

START_TEST(long_sounds_of_many_channels_are_too) {
    data_audio_options o = options();
    o.normalize = DATA_NORMALIZE_STANDARD;
    o.channels = 2;
    o.sample_rate_hz = 8000;
    check_long(test_folder(), 4, falling, 5, &o);
}
END_TEST

START_TEST(long_sounds_are_trimmed_or_cut_in_blocks_to_the_same_bits) {
    data_audio_options o = options();
    o.sample_rate_hz = 8000;
    o.seconds = 30;
    o.trim_db = 0;
    check_long(test_folder(), 2, late, 5, &o);
    o.trim_db = -30;
    check_long(test_folder(), 2, late, 5, &o);
}
END_TEST

START_TEST(a_long_clip_reaches_over_blocks) {
    data_audio_options o = options();
    o.sample_rate_hz = 8000;
    o.seconds = 30;
    check_long(test_folder(), 3, rising, 5, &o);
}
END_TEST

/* Digital silence all along has facts, too. */
START_TEST(a_long_silence_is_silent) {
    static const float none[] = {0, 0, 0, 0, 0};
    data_audio_options o = options();
    data_audio audio = long_sound(2, none, 5), clip;
    const char *path = base_path_join(&arena, test_folder(), "silence.flac");
    data_row facts = {0};
    data_sound *sound;
    TEST_OK(data_audio_write(path, &audio, &err), err);
    TEST_OK(data_sound_open(path, NULL, &sound, &err), err);
    TEST_FAILS(data_clip_read(sound, &o, &facts, &clip, &err), BASE_EDATA, err,
               "silence.flac: silent");
    ck_assert_double_eq(facts.seconds, 72);
    ck_assert_ptr_null(clip.x);
    data_sound_close(sound);
    data_audio_release(&audio);
}
END_TEST

/* ---- sets of clips ---- */

START_TEST(clips_load_both_channels) {
    float audio[] = {1, 2, 3, 4, 5, 6}, out[10];
    int64_t offset[] = {0, 6};
    data_clips clips = {
        .n_channels = 2, .n_samples = 5, .n_clips = 1, .offset = offset, .audio = audio};
    static const float expected[] = {1, 2, 3, 0, 0, 4, 5, 6, 0, 0};
    data_clips_load(&clips, 0, out);
    ck_assert_mem_eq(out, expected, sizeof expected);
}
END_TEST

START_TEST(clips_lie_one_after_the_other) {
    enum { N_CLIPS = 50, ROOM = 30 };
    base_rng rng = base_rng_open(4, BASE_RNG_TEST, 0, 0);
    for (int64_t n_channels = 1; n_channels <= 2; n_channels++) {
        data_clips clips = {.n_channels = n_channels, .n_samples = ROOM, .n_clips = N_CLIPS};
        clips.offset = base_alloc(N_CLIPS + 1, sizeof *clips.offset);
        clips.audio = base_alloc((size_t)(2 * N_CLIPS * ROOM), sizeof *clips.audio);
        for (int64_t i = 0; i < 2 * N_CLIPS * ROOM; i++) clips.audio[i] = (float)(i + 1);
        for (int i = 0; i < N_CLIPS; i++) {
            clips.offset[i + 1] = clips.offset[i] + n_channels * (1 + base_rng_below(&rng, ROOM));
        }
        for (int64_t i = 0; i < N_CLIPS; i++) {
            float out[2 * ROOM], wanted[2 * ROOM] = {0};
            int64_t begin = clips.offset[i], n = (clips.offset[i + 1] - begin) / n_channels;
            for (int64_t j = 0; j < n_channels * n; j++) {
                wanted[j / n * ROOM + j % n] = (float)(begin + j + 1);
            }
            data_clips_load(&clips, i, out);
            ck_assert_mem_eq(out, wanted, (size_t)(n_channels * ROOM) * sizeof *out);
            ck_assert_int_eq(data_clips_valid(&clips, i), n);
        }
        data_clips_release(&clips);
        ck_assert_ptr_null(clips.audio);
    }
    data_clips_release(NULL);
}
END_TEST

TEST_MAIN("data/clip", defaults_are_as_documented, clips_are_mixed_trimmed_and_normalised,
          six_channels_are_mixed_by_their_mean_or_cut_to_two, mono_is_doubled_for_stereo,
          long_clips_are_cut_and_faded, clips_are_resampled, silence_is_no_clip,
          trimming_keeps_what_sounds, rms_is_put_at_20_db_below_full_scale, facts_tell_of_the_sound,
          content_is_the_sound_whatever_its_level_and_surroundings,
          content_of_channels_that_cancel_is_theirs,
          long_sounds_are_resampled_in_blocks_to_the_same_bits,
          long_sounds_of_many_channels_are_too,
          long_sounds_are_trimmed_or_cut_in_blocks_to_the_same_bits,
          a_long_clip_reaches_over_blocks, a_long_silence_is_silent, clips_load_both_channels,
          clips_lie_one_after_the_other)
