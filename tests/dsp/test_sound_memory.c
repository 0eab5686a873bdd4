#include "dsp/sound_memory.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "tests/test.h"

enum { N = 3000, N_CHANNELS = 2 };

static SF_INFO float_wav(void) {
    return (SF_INFO){
        .samplerate = 44100, .channels = N_CHANNELS, .format = SF_FORMAT_WAV | SF_FORMAT_FLOAT};
}

static void fill(float frames[N_CHANNELS * N]) {
    base_rng rng = base_rng_open(1, BASE_RNG_TEST, 0, 0);
    base_rng_fill_uniform(&rng, frames, N_CHANNELS * N);
}

static SNDFILE *opened(dsp_sound_memory *file, int mode, SF_INFO *info) {
    char reason[DSP_SOUND_REASON];
    SNDFILE *stream = dsp_sound_memory_open(file, mode, info, reason);
    ck_assert_msg(stream != NULL, "%s", reason);
    return stream;
}

static void write_wav(const float *frames, base_text *out) {
    SF_INFO info = float_wav();
    dsp_sound_memory file = {.out = out};
    SNDFILE *stream = opened(&file, SFM_WRITE, &info);
    sf_command(stream, SFC_SET_ADD_PEAK_CHUNK, NULL, SF_FALSE); /* it holds the time of day */
    ck_assert_int_eq(sf_writef_float(stream, frames, N), N);
    ck_assert_int_eq(sf_close(stream), 0);
}

/* A header is written first, and again when it is known how much came. */
START_TEST(memory_holds_what_a_file_would) {
    static float frames[N_CHANNELS * N];
    base_text out = {0};
    base_error err;
    fill(frames);
    write_wav(frames, &out);
    char path[4096];
    snprintf(path, sizeof path, "%s/a.wav", test_folder());
    SF_INFO info = float_wav();
    SNDFILE *stream = sf_open(path, SFM_WRITE, &info);
    ck_assert_ptr_nonnull(stream);
    sf_command(stream, SFC_SET_ADD_PEAK_CHUNK, NULL, SF_FALSE);
    sf_writef_float(stream, frames, N);
    sf_close(stream);
    void *bytes;
    size_t n_bytes;
    TEST_OK(base_file_read(path, 0, &bytes, &n_bytes, &err), err);
    ck_assert_uint_eq(out.size, n_bytes);
    ck_assert_mem_eq(out.data, bytes, n_bytes);
    base_free(bytes);
    base_text_release(&out);
}
END_TEST

/* Any place, in any order; nothing is read past the end. */
START_TEST(borrowed_bytes_are_read_anywhere) {
    static float frames[N_CHANNELS * N], got[N_CHANNELS * N];
    base_text out = {0};
    base_rng rng = base_rng_open(2, BASE_RNG_TEST, 0, 0);
    fill(frames);
    write_wav(frames, &out);
    SF_INFO info = {0};
    dsp_sound_memory file = {.bytes = out.data, .size = (sf_count_t)out.size};
    SNDFILE *stream = opened(&file, SFM_READ, &info);
    ck_assert_int_eq(info.frames, N);
    ck_assert_int_eq(info.channels, N_CHANNELS);
    for (int i = 0; i < 200; i++) {
        int64_t begin = base_rng_below(&rng, N), n = 1 + base_rng_below(&rng, N);
        int64_t wanted = n < N - begin ? n : N - begin;
        ck_assert_int_eq(sf_seek(stream, begin, SEEK_SET), begin);
        ck_assert_int_eq(sf_readf_float(stream, got, n), wanted);
        ck_assert_mem_eq(got, frames + begin * N_CHANNELS,
                         (size_t)(wanted * N_CHANNELS) * sizeof *got);
    }
    sf_close(stream);
    base_text_release(&out);
}
END_TEST

/* A chunk that nobody knows, larger than what is read ahead. */
START_TEST(a_large_chunk_is_passed_over) {
    enum { JUNK = 300000, RIFF_SIZE_AT = 4, FIRST_CHUNK_AT = 12 };
    static float frames[N_CHANNELS * N], got[N_CHANNELS * N];
    static const char zeros[JUNK];
    base_text wav = {0}, longer = {0};
    fill(frames);
    write_wav(frames, &wav);
    uint32_t size = JUNK, riff_size = (uint32_t)(wav.size - 8 + 8 + JUNK);
    base_text_add_bytes(&longer, wav.data, RIFF_SIZE_AT);
    base_text_add_bytes(&longer, &riff_size, sizeof riff_size);
    base_text_add_bytes(&longer, wav.data + RIFF_SIZE_AT + 4, FIRST_CHUNK_AT - RIFF_SIZE_AT - 4);
    base_text_add_bytes(&longer, "junk", 4);
    base_text_add_bytes(&longer, &size, sizeof size);
    base_text_add_bytes(&longer, zeros, JUNK);
    base_text_add_bytes(&longer, wav.data + FIRST_CHUNK_AT, wav.size - FIRST_CHUNK_AT);
    SF_INFO info = {0};
    dsp_sound_memory file = {.bytes = longer.data, .size = (sf_count_t)longer.size};
    SNDFILE *stream = opened(&file, SFM_READ, &info);
    ck_assert_int_eq(sf_readf_float(stream, got, N), N);
    ck_assert_mem_eq(got, frames, sizeof frames);
    sf_close(stream);
    base_text_release(&wav);
    base_text_release(&longer);
}
END_TEST

/* Writing over what is there, writing past the end, and reading it back, as an array does. */
START_TEST(written_frames_can_be_replaced) {
    static float frames[2 * N_CHANNELS * N], got[2 * N_CHANNELS * N];
    base_text out = {0};
    base_rng rng = base_rng_open(3, BASE_RNG_TEST, 0, 0);
    SF_INFO info = float_wav();
    dsp_sound_memory file = {.out = &out};
    SNDFILE *stream = opened(&file, SFM_RDWR, &info);
    int64_t n = 0;
    for (int i = 0; i < 60; i++) {
        int64_t begin = base_rng_below(&rng, n + 1), more = 1 + base_rng_below(&rng, 100);
        float *part = frames + begin * N_CHANNELS;
        base_rng_fill_uniform(&rng, part, more * N_CHANNELS);
        ck_assert_int_eq(sf_seek(stream, begin, SEEK_SET | SFM_WRITE), begin);
        ck_assert_int_eq(sf_writef_float(stream, part, more), more);
        if (begin + more > n) n = begin + more;
        ck_assert_int_eq(sf_seek(stream, 0, SEEK_SET | SFM_READ), 0);
        ck_assert_int_eq(sf_readf_float(stream, got, 2 * N), n);
        ck_assert_mem_eq(got, frames, (size_t)(n * N_CHANNELS) * sizeof *got);
    }
    ck_assert_int_eq(sf_close(stream), 0);
    base_text_release(&out);
}
END_TEST

/* Two ways to fail: bytes that are no sound, and a format that there is not. */
static void fail_to_open(int64_t how, char reason[DSP_SOUND_REASON]) {
    base_text out = {0};
    SF_INFO none = {0}, wrong = {.samplerate = 44100, .channels = 1, .format = SF_FORMAT_WAV};
    dsp_sound_memory noise = {.bytes = "no sound at all", .size = 15}, empty = {.out = &out};
    SNDFILE *stream = how == 0 ? dsp_sound_memory_open(&noise, SFM_READ, &none, reason)
                               : dsp_sound_memory_open(&empty, SFM_WRITE, &wrong, reason);
    BASE_CHECK(stream == NULL);
    base_text_release(&out);
}

typedef struct {
    char wanted[2][DSP_SOUND_REASON];
    bool right[20000];
} reasons;

static void fail_in_parallel(void *context, int64_t task, int worker) {
    reasons *r = context;
    char reason[DSP_SOUND_REASON];
    (void)worker;
    fail_to_open(task % 2, reason);
    r->right[task] = strcmp(reason, r->wanted[task % 2]) == 0;
}

/* libsndfile keeps them in one place for all. */
START_TEST(each_thread_is_told_its_own_reason) {
    static reasons r;
    base_pool *pool;
    base_error err;
    int64_t n = (int64_t)sizeof r.right;
    for (int i = 0; i < 2; i++) fail_to_open(i, r.wanted[i]);
    ck_assert(r.wanted[0][0] != '\0' && r.wanted[1][0] != '\0');
    ck_assert_str_ne(r.wanted[0], r.wanted[1]);
    TEST_OK(base_pool_new(4, &pool, &err), err);
    base_parallel(pool, n, fail_in_parallel, &r);
    base_pool_free(pool);
    for (int64_t i = 0; i < n; i++) {
        if (!r.right[i]) ck_abort_msg("task %d was told another's reason", (int)i);
    }
}
END_TEST

TEST_MAIN("dsp/sound_memory", memory_holds_what_a_file_would, borrowed_bytes_are_read_anywhere,
          a_large_chunk_is_passed_over, written_frames_can_be_replaced,
          each_thread_is_told_its_own_reason)
