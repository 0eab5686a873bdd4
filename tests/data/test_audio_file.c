#include "data/audio_file.h"

#include <math.h>
#include <sndfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/rng.h"
#include "tests/test.h"

enum { N = 600, RATE_HZ = 22050 };

static base_error err;
static base_arena arena; /* left to the end of the process */

/* A path in a fresh folder. */
static const char *scratch(const char *name) {
    return base_path_join(&arena, test_folder(), name);
}

static data_audio sines(int64_t n_channels, int64_t n) {
    data_audio audio = {base_alloc((size_t)(n_channels * n), sizeof(float)), n_channels, n,
                        RATE_HZ};
    for (int64_t c = 0; c < n_channels; c++) {
        for (int64_t i = 0; i < n; i++)
            audio.x[c * n + i] = 0.5f * (float)sin(0.01 * (double)((c + 1) * i) + 0.3);
    }
    return audio;
}

/* Writes `audio` by libsndfile itself in any format. */
static const char *write_as(const char *name, int format, const data_audio *audio) {
    const char *path = scratch(name);
    SF_INFO info = {.samplerate = (int)audio->sample_rate_hz,
                    .channels = (int)audio->n_channels,
                    .format = format};
    SNDFILE *file = sf_open(path, SFM_WRITE, &info);
    ck_assert_msg(file != NULL, "%s: %s", name, sf_strerror(NULL));
    double *x = malloc((size_t)(audio->n * audio->n_channels) * sizeof *x + 1);
    for (int64_t i = 0; i < audio->n; i++) {
        for (int64_t c = 0; c < audio->n_channels; c++)
            x[i * audio->n_channels + c] = audio->x[c * audio->n + i];
    }
    ck_assert_int_eq(sf_writef_double(file, x, audio->n), audio->n);
    sf_close(file);
    free(x);
    return path;
}

static void check_read(const char *path, const data_audio *expected, double tolerance) {
    data_audio read;
    TEST_OK(data_audio_read(path, NULL, &read, &err), err);
    ck_assert_int_eq(read.n, expected->n);
    ck_assert_int_eq(read.n_channels, expected->n_channels);
    ck_assert_double_eq(read.sample_rate_hz, expected->sample_rate_hz);
    test_close(path, read.x, expected->x, read.n * read.n_channels, 0.0, tolerance);
    data_audio_release(&read);
}

START_TEST(reads_formats_of_every_depth) {
    static const struct {
        const char *name;
        int format;
        double tolerance;
    } cases[] = {{"u8.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_U8, 1.0 / 120},
                 {"s16.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 1.0 / 32000},
                 {"s24.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_24, 1.0 / 8000000},
                 {"f32.wav", SF_FORMAT_WAV | SF_FORMAT_FLOAT, 1e-9},
                 {"f64.wav", SF_FORMAT_WAV | SF_FORMAT_DOUBLE, 1e-7},
                 {"s16.aiff", SF_FORMAT_AIFF | SF_FORMAT_PCM_16, 1.0 / 32000},
                 {"s16.caf", SF_FORMAT_CAF | SF_FORMAT_PCM_16, 1.0 / 32000},
                 {"s16.au", SF_FORMAT_AU | SF_FORMAT_PCM_16, 1.0 / 32000}};
    data_audio audio = sines(2, N);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_read(write_as(cases[i].name, cases[i].format, &audio), &audio, cases[i].tolerance);
    data_audio_release(&audio);
}
END_TEST

START_TEST(reads_one_sample_and_six_channels) {
    data_audio one = sines(1, 1), six = sines(6, N);
    check_read(write_as("one.wav", SF_FORMAT_WAV | SF_FORMAT_FLOAT, &one), &one, 1e-9);
    check_read(write_as("six.wav", SF_FORMAT_WAV | SF_FORMAT_FLOAT, &six), &six, 1e-9);
    data_audio_release(&one);
    data_audio_release(&six);
}
END_TEST

START_TEST(reads_spans) {
    data_audio audio = sines(2, N), read;
    const char *path = write_as("a.wav", SF_FORMAT_WAV | SF_FORMAT_FLOAT, &audio);
    data_audio_span span = {100.0 / RATE_HZ, 150.0 / RATE_HZ, 0};
    TEST_OK(data_audio_read(path, &span, &read, &err), err);
    ck_assert_int_eq(read.n, 50);
    test_close("right channel", read.x + 50, audio.x + N + 100, 50, 0.0, 1e-9);
    data_audio_release(&read);
    span = (data_audio_span){500.0 / RATE_HZ, 9.0, 0}; /* cut at the end of the file */
    TEST_OK(data_audio_read(path, &span, &read, &err), err);
    ck_assert_int_eq(read.n, N - 500);
    data_audio_release(&read);
    span = (data_audio_span){100.0 / RATE_HZ, 0, 20.0 / RATE_HZ};
    TEST_OK(data_audio_read(path, &span, &read, &err), err);
    ck_assert_int_eq(read.n, 20);
    data_audio_release(&read);
    span = (data_audio_span){1.0, 0, 0};
    TEST_FAILS(data_audio_read(path, &span, &read, &err), BASE_EDATA, err, "no samples from 1 s");
    span = (data_audio_span){1.0, 0.5, 0};
    TEST_FAILS(data_audio_read(path, &span, &read, &err), BASE_EDATA, err, "no span");
    span = (data_audio_span){NAN, 0, 0};
    TEST_FAILS(data_audio_read(path, &span, &read, &err), BASE_EDATA, err, "no span");
    data_audio_release(&audio);
}
END_TEST

START_TEST(says_what_is_wrong_with_a_file) {
    data_audio read, none = sines(1, 0);
    TEST_FAILS(data_audio_read("/no/such.wav", NULL, &read, &err), BASE_ENOTFOUND, err,
               "/no/such.wav: No such file");
    TEST_FAILS(data_audio_read(test_folder(), NULL, &read, &err), BASE_EDATA, err, "not a file");
    const char *path = scratch("empty.wav");
    TEST_OK(base_file_write(path, "", 0, &err), err);
    TEST_FAILS(data_audio_read(path, NULL, &read, &err), BASE_EDATA, err, "file is empty");
    path = scratch("text.wav");
    TEST_OK(base_file_write(path, "Dear diary, no sound today.\n", 28, &err), err);
    TEST_FAILS(data_audio_read(path, NULL, &read, &err), BASE_EFORMAT, err,
               "text.wav: not an audio file libsndfile can read (");
    path = scratch("text.au"); /* libsndfile would guess headerless u-law from this name */
    TEST_OK(base_file_write(path, "Dear diary, no sound today.\n", 28, &err), err);
    TEST_FAILS(data_audio_read(path, NULL, &read, &err), BASE_EFORMAT, err, "not an audio file");
    path = write_as("none.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, &none);
    TEST_FAILS(data_audio_read(path, NULL, &read, &err), BASE_EDATA, err, "none.wav: no samples");
    path = scratch("pipe.wav");
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    TEST_FAILS(data_audio_read(path, NULL, &read, &err), BASE_EDATA, err, "not a file");
    ck_assert_ptr_null(read.x);
    data_audio_release(&none);
}
END_TEST

START_TEST(names_the_sample_that_is_not_finite) {
    data_audio audio = sines(2, N), read;
    audio.x[N + 77] = NAN;
    const char *path = write_as("nan.wav", SF_FORMAT_WAV | SF_FORMAT_FLOAT, &audio);
    TEST_FAILS(data_audio_read(path, NULL, &read, &err), BASE_ENUMERIC, err,
               "nan.wav: sample 77 of channel 2 is not a number");
    audio.x[N + 77] = -INFINITY;
    path = write_as("inf.wav", SF_FORMAT_WAV | SF_FORMAT_DOUBLE, &audio);
    TEST_FAILS(data_audio_read(path, NULL, &read, &err), BASE_ENUMERIC, err, "is infinite");
    data_audio_release(&audio);
}
END_TEST

START_TEST(refuses_too_many_channels) {
    data_audio audio = sines(65, 8), read;
    const char *path = write_as("many.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, &audio);
    TEST_FAILS(data_audio_read(path, NULL, &read, &err), BASE_EDATA, err, "65 channels");
    data_audio_release(&audio);
}
END_TEST

/* Reads that must end, one way or the other, with a result that keeps its promises. */
static bool survives(const void *bytes, size_t n_bytes) {
    void *exact = malloc(n_bytes + (n_bytes == 0)); /* so that a sanitizer sees an overrun */
    memcpy(exact, bytes, n_bytes);
    data_audio read;
    base_status status =
        data_audio_decode((data_audio_bytes){exact, n_bytes, "bytes"}, NULL, &read, &err);
    if (status == BASE_OK) {
        ck_assert(read.n > 0 && read.n_channels > 0 && read.n_channels <= 64);
        for (int64_t i = 0; i < read.n * read.n_channels; i++) ck_assert(isfinite(read.x[i]));
    } else {
        ck_assert_ptr_null(read.x);
        ck_assert_int_eq(strncmp(err.text, "bytes: ", 7), 0);
    }
    data_audio_release(&read);
    free(exact);
    return status == BASE_OK;
}

START_TEST(survives_a_file_cut_anywhere) {
    data_audio audio = sines(1, 100);
    const char *path = write_as("a.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, &audio);
    void *bytes;
    size_t n_bytes;
    int n_read = 0;
    TEST_OK(base_file_read(path, 0, &bytes, &n_bytes, &err), err);
    for (size_t n = 0; n <= n_bytes; n++) n_read += survives(bytes, n);
    ck_assert_int_ge(n_read, 100); /* a cut within the samples leaves those before */
    ck_assert(!survives(bytes, 43));
    base_free(bytes);
    data_audio_release(&audio);
}
END_TEST

START_TEST(survives_altered_headers) {
    static const struct {
        const char *name;
        int format;
    } cases[] = {{"a.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16},
                 {"a.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16},
                 {"a.aiff", SF_FORMAT_AIFF | SF_FORMAT_PCM_24},
                 {"a.mp3", SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III}};
    data_audio audio = sines(2, N);
    audio.sample_rate_hz = 44100;
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        const char *path = write_as(cases[k].name, cases[k].format, &audio);
        void *bytes;
        size_t n_bytes;
        TEST_OK(base_file_read(path, 0, &bytes, &n_bytes, &err), err);
        ck_assert(survives(bytes, n_bytes));
        base_rng rng = base_rng_open(1, BASE_RNG_TEST, k, 0);
        for (int i = 0; i < 200; i++) {
            int64_t at = base_rng_below(&rng, n_bytes < 120 ? (int64_t)n_bytes : 120);
            unsigned char *byte = (unsigned char *)bytes + at, kept = *byte;
            *byte = (unsigned char)base_rng_u32(&rng);
            survives(bytes, n_bytes);
            *byte = kept;
        }
        base_free(bytes);
    }
    data_audio_release(&audio);
}
END_TEST

START_TEST(believes_no_frame_count) {
    data_audio audio = sines(1, 100), read;
    const char *path = write_as("a.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, &audio);
    unsigned char *bytes;
    size_t n_bytes;
    TEST_OK(base_file_read(path, 0, (void **)&bytes, &n_bytes, &err), err);
    memcpy(bytes + 40, "\xF0\xFF\xFF\x7F", 4); /* 2 GiB of samples, says the header */
    TEST_OK(data_audio_decode((data_audio_bytes){bytes, n_bytes, "liar"}, NULL, &read, &err), err);
    ck_assert_int_eq(read.n, 100);
    data_audio_release(&read);
    base_free(bytes);
    data_audio_release(&audio);
}
END_TEST

START_TEST(writes_what_it_reads) {
    static const struct {
        const char *name;
        double tolerance;
    } cases[] = {{"w.wav", 1e-9}, {"w.flac", 1.0 / 8000000}, {"w.AIFF", 1.0 / 32000}};
    data_audio audio = sines(2, N);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *path = scratch(cases[i].name);
        TEST_OK(data_audio_write(path, &audio, &err), err);
        check_read(path, &audio, cases[i].tolerance);
    }
    TEST_FAILS(data_audio_write(scratch("w.mp4"), &audio, &err), BASE_EFORMAT, err, "w.mp4: can");
    data_audio_release(&audio);
}
END_TEST

START_TEST(knows_audio_names) {
    ck_assert(data_audio_is_name("a/b.WAV"));
    ck_assert(data_audio_is_name("x.flac"));
    ck_assert(data_audio_is_name("x.Opus"));
    ck_assert(!data_audio_is_name("x.txt"));
    ck_assert(!data_audio_is_name("wav"));
    ck_assert(!data_audio_is_name("x.wav/readme"));
}
END_TEST

TEST_MAIN("data/audio_file", reads_formats_of_every_depth, reads_one_sample_and_six_channels,
          reads_spans, says_what_is_wrong_with_a_file, names_the_sample_that_is_not_finite,
          refuses_too_many_channels, survives_a_file_cut_anywhere, survives_altered_headers,
          believes_no_frame_count, writes_what_it_reads, knows_audio_names)
