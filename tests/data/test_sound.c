#include "data/sound.h"

#include <errno.h>
#include <math.h>
#include <sndfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/rng.h"
#include "data/audio_file.h"
#include "tests/fail_reads.h"
#include "tests/test.h"

enum { N = 30001 };

static base_error err;
static base_arena arena;

typedef struct {
    const char *name;
    int format, rate_hz;
    bool frames_unknown; /* once its end is cut off */
} kind;

static const kind kinds[] = {
    {"u8.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_U8, 44100, false},
    {"s16.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 44100, false},
    {"s24.wav", SF_FORMAT_WAVEX | SF_FORMAT_PCM_24, 44100, false},
    {"f32.wav", SF_FORMAT_WAV | SF_FORMAT_FLOAT, 44100, false},
    {"f64.rf64", SF_FORMAT_RF64 | SF_FORMAT_DOUBLE, 44100, false},
    {"s16.w64", SF_FORMAT_W64 | SF_FORMAT_PCM_16, 44100, false},
    {"s16.aiff", SF_FORMAT_AIFF | SF_FORMAT_PCM_16, 44100, false},
    {"f32.aiff", SF_FORMAT_AIFF | SF_FORMAT_FLOAT, 44100, false},
    {"s16.au", SF_FORMAT_AU | SF_FORMAT_PCM_16, 44100, false},
    {"le.au", SF_FORMAT_AU | SF_FORMAT_PCM_24 | SF_ENDIAN_LITTLE, 44100, false},
    {"be.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16 | SF_ENDIAN_BIG, 44100, false},
    {"s16.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 44100, false},
    {"info.mp3", SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III, 44100, false},
    {"vorbis.ogg", SF_FORMAT_OGG | SF_FORMAT_VORBIS, 44100, true},
    {"opus.opus", SF_FORMAT_OGG | SF_FORMAT_OPUS, 48000, true}};
enum { N_KINDS = sizeof kinds / sizeof *kinds };

/* Two channels of a tone in noise, n frames. */
static const char *write_kind(const char *folder, const kind *k, int64_t n) {
    const char *path = base_path_join(&arena, folder, k->name);
    SF_INFO info = {.samplerate = k->rate_hz, .channels = 2, .format = k->format};
    SNDFILE *file = sf_open(path, SFM_WRITE, &info);
    ck_assert_msg(file != NULL, "%s: %s", path, sf_strerror(NULL));
    float *x = base_alloc((size_t)(2 * n), sizeof *x);
    base_rng rng = base_rng_open(5, BASE_RNG_TEST, 0, 0);
    for (int64_t i = 0; i < 2 * n; i++) {
        x[i] = 0.5f * (float)sin(0.02 * (double)i) + (float)base_rng_range(&rng, -0.1, 0.1);
    }
    ck_assert_int_eq(sf_writef_float(file, x, n), n);
    ck_assert_int_eq(sf_close(file), 0);
    base_free(x);
    return path;
}

/* Reads all of a sound in blocks; *condition is how it turned out. */
static base_status read_blocks(data_sound *sound, int64_t *n, data_condition *condition) {
    bool last = false;
    base_status status = BASE_OK;
    for (*n = 0; status == BASE_OK && !last;) {
        data_audio block;
        status = data_sound_next(sound, &block, &last, &err);
        if (status == BASE_OK) *n += block.n;
    }
    *condition = *data_sound_condition(sound);
    return status;
}

static base_status read_file(const char *path, const data_audio_span *span, int64_t *n,
                             data_condition *condition) {
    data_sound *sound;
    *n = 0;
    *condition = (data_condition){0};
    BASE_TRY(data_sound_open(path, span, &sound, &err));
    base_status status = read_blocks(sound, n, condition);
    data_sound_close(sound);
    return status;
}

static void rewrite(const char *path, size_t n, size_t at, const char *with, size_t n_with) {
    unsigned char *bytes;
    size_t n_bytes;
    TEST_OK(base_file_read(path, 0, (void **)&bytes, &n_bytes, &err), err);
    if (n_with > 0) memcpy(bytes + at, with, n_with);
    TEST_OK(base_file_write(path, bytes, n > 0 ? n : n_bytes, &err), err);
    base_free(bytes);
}

START_TEST(whole_files_are_whole) {
    const char *folder = test_folder();
    for (int i = 0; i < N_KINDS; i++) {
        int64_t n;
        data_condition condition;
        const char *path = write_kind(folder, &kinds[i], N);
        TEST_OK(read_file(path, NULL, &n, &condition), err);
        ck_assert_int_eq(n, N);
        ck_assert_msg(!condition.damaged && !condition.unfinished, "%s: %s", path, condition.text);
        ck_assert_str_eq(condition.text, "");
    }
}
END_TEST

/* Cut in the middle: what was there, and what was promised, are told. */
START_TEST(cut_files_are_damaged) {
    const char *folder = test_folder();
    for (int i = 0; i < N_KINDS; i++) {
        int64_t n, had, promised;
        data_condition condition;
        const char *path = write_kind(folder, &kinds[i], N);
        rewrite(path, (size_t)base_file_size(path) * 2 / 3, 0, NULL, 0);
        base_status status = read_file(path, NULL, &n, &condition);
        ck_assert_msg(condition.damaged, "%s", path);
        ck_assert_int_lt(n, N * 3 / 4);
        if (n == 0) ck_assert_int_eq(status, BASE_EDATA);
        if (n > 0) TEST_OK(status, err);
        if (kinds[i].frames_unknown) {
            ck_assert_int_eq(
                sscanf(condition.text, "damaged: %ld frames of an unknown number", &had), 1);
        } else {
            ck_assert_msg(sscanf(condition.text, "damaged: %ld of %ld frames", &had, &promised) ==
                              2,
                          "%s: %s", path, condition.text);
            ck_assert_int_eq(promised, N);
        }
        ck_assert_int_eq(had, n);
    }
}
END_TEST

/* Where the content is checked: FLAC and Ogg have checksums. */
START_TEST(flipped_bits_are_damage) {
    static const char *const names[] = {"s16.flac", "vorbis.ogg", "opus.opus"};
    const char *folder = test_folder();
    for (int i = 0; i < N_KINDS; i++) {
        for (int k = 0; k < 3; k++) {
            if (strcmp(names[k], kinds[i].name) != 0) continue;
            int64_t n;
            data_condition condition;
            const char *path = write_kind(folder, &kinds[i], N);
            rewrite(path, 0, (size_t)base_file_size(path) / 2, "\xA5\x5A\xFF\x00", 4);
            read_file(path, NULL, &n, &condition);
            ck_assert_msg(condition.damaged, "%s", path);
        }
    }
}
END_TEST

START_TEST(flac_tells_the_decoders_reason) {
    int64_t n;
    data_condition condition;
    const kind flac = {"a.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 44100, false};
    const char *path = write_kind(test_folder(), &flac, N);
    rewrite(path, (size_t)base_file_size(path) / 2, 0, NULL, 0);
    TEST_OK(read_file(path, NULL, &n, &condition), err);
    ck_assert_msg(strstr(condition.text, " of 30001 frames (flac decoder ") != NULL, "%s",
                  condition.text);
}
END_TEST

/* Only what a span needs has to be there. */
START_TEST(spans_are_judged_alone) {
    int64_t n;
    data_condition condition;
    const kind wav = {"a.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 44100, false};
    const char *path = write_kind(test_folder(), &wav, N);
    rewrite(path, 44 + 4 * 20000, 0, NULL, 0);
    data_audio_span span = {0.1, 0.2, 0};
    TEST_OK(read_file(path, &span, &n, &condition), err);
    ck_assert_int_eq(n, 4410);
    ck_assert(!condition.damaged);
    span = (data_audio_span){0.4, 0.5, 0}; /* frames 17640 to 22050 */
    TEST_OK(read_file(path, &span, &n, &condition), err);
    ck_assert_str_eq(condition.text, "damaged: 2360 of 4410 frames");
    span = (data_audio_span){0.5, 0.6, 0};
    TEST_FAILS(read_file(path, &span, &n, &condition), BASE_EDATA, err,
               "a.wav: damaged: 0 of 4410 frames");
    span = (data_audio_span){5, 6, 0};
    TEST_FAILS(read_file(path, &span, &n, &condition), BASE_EDATA, err, "no samples from 5 s on");
}
END_TEST

/* Sizes that a writer could not go back to: 0, all ones, and what SoX leaves. */
START_TEST(unfinished_headers_are_read_to_the_end) {
    static const char sizes[][5] = {"\0\0\0\0", "\xFF\xFF\xFF\xFF", "\x00\xF0\xFF\x7F"};
    const kind wav = {"a.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 44100, false};
    for (int i = 0; i < 3; i++) {
        int64_t n;
        data_condition condition;
        const char *path = write_kind(test_folder(), &wav, N);
        rewrite(path, 0, 4, sizes[i], 4);
        rewrite(path, 0, 40, sizes[i], 4);
        TEST_OK(read_file(path, NULL, &n, &condition), err);
        ck_assert_int_eq(n, N);
        ck_assert(!condition.damaged && condition.unfinished);
        ck_assert_str_eq(condition.text,
                         "its header was never finalised: read to the end of the file");
    }
}
END_TEST

/* No samples, and a chunk of text behind them. */
START_TEST(an_empty_wav_is_finished) {
    static const char bytes[] = "RIFF\x30\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x44\xAC\0\0\x88\x58\1\0"
                                "\2\0\x10\0data\0\0\0\0LIST\4\0\0\0INFO";
    int64_t n;
    data_condition condition;
    const char *path = base_path_join(&arena, test_folder(), "empty.wav");
    TEST_OK(base_file_write(path, bytes, sizeof bytes - 1, &err), err);
    TEST_FAILS(read_file(path, NULL, &n, &condition), BASE_EDATA, err, "empty.wav: no samples");
    ck_assert(!condition.unfinished);
}
END_TEST

START_TEST(a_long_sound_comes_in_blocks) {
    const kind flac = {"long.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 8000, false};
    int64_t n_frames = DATA_BLOCK_SAMPLES / 2 * 5 / 2, n = 0;
    const char *path = write_kind(test_folder(), &flac, n_frames);
    data_audio whole, block;
    data_sound *sound;
    TEST_OK(data_audio_read(path, NULL, &whole, &err), err);
    TEST_OK(data_sound_open(path, NULL, &sound, &err), err);
    for (int turn = 0; turn < 2; turn++) {
        bool last = false;
        int n_blocks = 0;
        for (n = 0; !last; n += block.n, n_blocks++) {
            TEST_OK(data_sound_next(sound, &block, &last, &err), err);
            ck_assert_int_le(2 * block.n, DATA_BLOCK_SAMPLES);
            for (int c = 0; c < 2; c++) {
                ck_assert_mem_eq(block.x + c * block.n, whole.x + c * whole.n + n,
                                 (size_t)block.n * sizeof *block.x);
            }
        }
        ck_assert_int_eq(n_blocks, 3);
        ck_assert_int_eq(n, n_frames);
        TEST_OK(data_sound_rewind(sound, &err), err);
    }
    data_sound_close(sound);
    data_audio_release(&whole);
}
END_TEST

START_TEST(samples_are_a_sound_of_one_block) {
    data_audio audio = {base_alloc(6, sizeof(float)), 2, 3, 8000}, block;
    data_sound *sound;
    bool last;
    TEST_OK(data_sound_borrow(&audio, &sound, &err), err);
    for (int turn = 0; turn < 2; turn++) {
        TEST_OK(data_sound_next(sound, &block, &last, &err), err);
        ck_assert(last && block.x == audio.x && block.n == 3);
        TEST_OK(data_sound_rewind(sound, &err), err);
    }
    ck_assert_ptr_null(data_sound_name(sound));
    data_sound_close(sound);
    TEST_OK(data_sound_take(&audio, &sound, &err), err);
    ck_assert_ptr_null(audio.x);
    data_sound_close(sound);
    data_sound_close(NULL);
}
END_TEST

/* Every attempt to open or read fails once: an error that names the file, never damage, and never
 * fewer samples. */
START_TEST(a_failed_read_is_no_end) {
    static const int errors[] = {EIO, EMFILE, ENOMEM, ESTALE, FAIL_READS_END};
    const char *folder = test_folder();
    for (int i = 0; i < N_KINDS; i++) {
        int64_t n;
        data_condition condition;
        const char *path = write_kind(folder, &kinds[i], N);
        fail_reads_arm(kinds[i].name, 0, EIO);
        TEST_OK(read_file(path, NULL, &n, &condition), err);
        long n_attempts = fail_reads_disarm();
        ck_assert_int_gt(n_attempts, 3);
        for (long k = 1; k <= n_attempts; k++) {
            int error = errors[k % 5];
            if (k == 1 && error < 0) error = EIO; /* opening */
            fail_reads_arm(kinds[i].name, k, error);
            base_status status = read_file(path, NULL, &n, &condition);
            fail_reads_disarm();
            ck_assert_msg(status == (error == ENOMEM ? BASE_EMEMORY : BASE_EIO),
                          "%s, attempt %ld, error %d: %s, %ld frames, %s", path, k, error,
                          base_status_text(status), (long)n, condition.text);
            ck_assert_msg(strncmp(err.text, path, strlen(path)) == 0, "%s", err.text);
        }
    }
}
END_TEST

START_TEST(interrupted_and_short_reads_are_continued) {
    const char *folder = test_folder();
    for (int i = 0; i < N_KINDS; i++) {
        int64_t n;
        data_condition condition;
        const char *path = write_kind(folder, &kinds[i], N);
        for (long k = 1, n_attempts = 1; k <= n_attempts; k++) {
            for (int how = 0; how < 2; how++) {
                fail_reads_arm(kinds[i].name, k, how == 0 ? EINTR : FAIL_READS_SHORT);
                TEST_OK(read_file(path, NULL, &n, &condition), err);
                n_attempts = fail_reads_disarm();
                ck_assert_int_eq(n, N);
                ck_assert_msg(condition.text[0] == '\0', "%s: %s", path, condition.text);
            }
        }
    }
}
END_TEST

TEST_MAIN("data/sound", whole_files_are_whole, cut_files_are_damaged, flipped_bits_are_damage,
          flac_tells_the_decoders_reason, spans_are_judged_alone,
          unfinished_headers_are_read_to_the_end, an_empty_wav_is_finished,
          a_long_sound_comes_in_blocks, samples_are_a_sound_of_one_block, a_failed_read_is_no_end,
          interrupted_and_short_reads_are_continued)
