#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/parallel.h"
#include "data/source.h"
#include "data/synth.h"
#include "tests/sound.h"
#include "tests/test.h"

static base_error err;
static base_arena arena;

#ifdef RIMSHOT_FLUIDSYNTH

/* ---- a SoundFont 2.01 of two sounds, each on one key of a kit and of a preset ---- */

enum { N_FRAMES = 4410, N_GUARD = 46, KICK = 36, SNARE = 38 };
enum { GEN_INSTRUMENT = 41, GEN_KEY_RANGE = 43, GEN_SAMPLE = 53, GEN_ROOT_KEY = 58 };

static void put(base_text *out, uint32_t value, int n_bytes) {
    for (int i = 0; i < n_bytes; i++) {
        char byte = (char)(value >> (8 * i) & 255);
        base_text_add_bytes(out, &byte, 1);
    }
}

static void put_pair(base_text *out, uint32_t a, uint32_t b) {
    put(out, a, 2);
    put(out, b, 2);
}

static void put_name(base_text *out, const char *name) {
    char field[20] = "";
    strncpy(field, name, sizeof field - 1);
    base_text_add_bytes(out, field, sizeof field);
}

static void put_chunk(base_text *out, const char *id, base_text *body) {
    base_text_add_bytes(out, id, 4);
    put(out, (uint32_t)body->size, 4);
    base_text_add_bytes(out, base_text_string(body), body->size);
    base_text_release(body);
}

static void put_samples(base_text *out) {
    base_text samples = {0};
    for (int sound = 0; sound < 2; sound++) {
        double hz = sound == 0 ? 60 : 900;
        for (int i = 0; i < N_FRAMES + N_GUARD; i++) {
            double x = i < N_FRAMES ? 20000 * exp(-i / 1000.0) * sin(2 * M_PI * hz * i / 44100) : 0;
            put(&samples, (uint32_t)lrint(x), 2);
        }
    }
    put_chunk(out, "smpl", &samples);
}

static void put_presets(base_text *out, bool has_kit) {
    base_text heads = {0}, bags = {0}, modulators = {0}, generators = {0};
    const char *const names[] = {"Tiny Kit", "Tiny Piano", "EOP"};
    for (uint32_t i = 0; i < 3; i++) {
        put_name(&heads, names[i]);
        put_pair(&heads, 0, i == 0 && has_kit ? 128 : i); /* program, bank */
        put(&heads, i, 2);
        for (int k = 0; k < 3; k++) put(&heads, 0, 4);
        put_pair(&bags, i, 0);
        put_pair(&generators, i < 2 ? GEN_INSTRUMENT : 0, 0);
    }
    for (int k = 0; k < 5; k++) put(&modulators, 0, 2);
    put_chunk(out, "phdr", &heads);
    put_chunk(out, "pbag", &bags);
    put_chunk(out, "pmod", &modulators);
    put_chunk(out, "pgen", &generators);
}

static void put_instrument(base_text *out) {
    base_text heads = {0}, bags = {0}, modulators = {0}, generators = {0}, samples = {0};
    put_name(&heads, "Both");
    put(&heads, 0, 2);
    put_name(&heads, "EOI");
    put(&heads, 2, 2);
    for (uint32_t i = 0; i < 3; i++) {
        uint32_t key = i == 0 ? KICK : SNARE, start = i * (N_FRAMES + N_GUARD);
        put_pair(&bags, 3 * i, 0);
        put_name(&samples, i < 2 ? "sound" : "EOS");
        for (int field = 0; field < 4; field++) {
            put(&samples, i < 2 ? start + (field % 2 ? N_FRAMES : 0) : 0, 4);
        }
        put(&samples, 44100, 4);
        put(&samples, 60, 2);
        put_pair(&samples, 0, i < 2); /* no link; mono */
        put_pair(&generators, i < 2 ? GEN_KEY_RANGE : 0, i < 2 ? key | key << 8 : 0);
        if (i == 2) break;
        put_pair(&generators, GEN_ROOT_KEY, key);
        put_pair(&generators, GEN_SAMPLE, i);
    }
    for (int k = 0; k < 5; k++) put(&modulators, 0, 2);
    put_chunk(out, "inst", &heads);
    put_chunk(out, "ibag", &bags);
    put_chunk(out, "imod", &modulators);
    put_chunk(out, "igen", &generators);
    put_chunk(out, "shdr", &samples);
}

static const char *write_font(const char *folder, const char *name, bool has_kit) {
    base_text riff = {0}, list = {0}, part = {0}, file = {0};
    base_text_add(&riff, "sfbk");
    base_text_add(&list, "INFO");
    put_pair(&part, 2, 1);
    put_chunk(&list, "ifil", &part);
    base_text_add_bytes(&part, "EMU8000\0tiny\0\0", 8);
    put_chunk(&list, "isng", &part);
    base_text_add_bytes(&part, "tiny\0", 6);
    put_chunk(&list, "INAM", &part);
    put_chunk(&riff, "LIST", &list);
    base_text_add(&list, "sdta");
    put_samples(&list);
    put_chunk(&riff, "LIST", &list);
    base_text_add(&list, "pdta");
    put_presets(&list, has_kit);
    put_instrument(&list);
    put_chunk(&riff, "LIST", &list);
    put_chunk(&file, "RIFF", &riff);
    const char *path = base_path_join(&arena, folder, name);
    TEST_OK(base_file_write_text(path, &file, &err), err);
    base_text_release(&file);
    return path;
}

static base_status open_font(const char *folder, const char *keys, data_manifest *m) {
    return sound_open_manifest(
        &arena, base_arena_printf(&arena, "{source: soundfont, path: %s, %s}", folder, keys), ".",
        m, &err);
}

START_TEST(keys_of_a_kit_have_their_names) {
    data_manifest m;
    const char *folder = test_folder();
    write_font(folder, "tiny.sf2", true);
    TEST_OK(open_font(folder, "keys: [36, 38], velocities: [60, 120]", &m), err);
    ck_assert_int_eq(m.n_rows, 6);
    ck_assert_str_eq(m.rows[0].path, "soundfont:tiny.sf2:128:0:36:60");
    ck_assert_str_eq(m.rows[0].label, "Bass Drum 1");
    ck_assert_str_eq(m.rows[0].group, "tiny 0 Tiny Kit");
    ck_assert_str_eq(m.rows[4].label, "Acoustic Snare");
    ck_assert_str_eq(m.rows[0].family, m.rows[1].family);
    ck_assert_str_ne(m.rows[0].family, m.rows[4].family);
    data_audio audio;
    TEST_FAILS(sound_read_row(&m.rows[2], &audio, &err), BASE_EDATA, err, "no such note");
    data_manifest_release(&m);
    TEST_OK(open_font(folder, "bank: 1, keys: 36", &m), err);
    ck_assert_str_eq(m.rows[0].label, "Tiny Piano");
    data_manifest_release(&m);
    TEST_OK(open_font(folder, "bank: 1, keys: 36, names: keys", &m), err);
    ck_assert_str_eq(m.rows[0].label, "Bass Drum 1");
    data_manifest_release(&m);
}
END_TEST

/* Cycles of a sound, by its upward zero crossings. */
static int count_cycles(const data_audio *audio) {
    int n = 0;
    for (int64_t i = 1; i < audio->n && i < N_FRAMES; i++) {
        n += audio->x[i - 1] < 0 && audio->x[i] >= 0;
    }
    return n;
}

START_TEST(notes_are_what_the_font_holds) {
    data_manifest m;
    const char *folder = test_folder();
    write_font(folder, "tiny.sf2", true);
    TEST_OK(open_font(folder, "keys: [36, 38], key_step: 2, velocities: [60, 120]", &m), err);
    data_audio quiet, loud, snare;
    TEST_OK(sound_read_row(&m.rows[0], &quiet, &err), err);
    TEST_OK(sound_read_row(&m.rows[1], &loud, &err), err);
    TEST_OK(sound_read_row(&m.rows[2], &snare, &err), err);
    ck_assert_int_eq(quiet.n_channels, 2);
    ck_assert(quiet.sample_rate_hz == 44100 && fabs((double)quiet.n / 44100 - 1.5) < 0.002);
    ck_assert_int_le(abs(count_cycles(&loud) - 6), 1);
    ck_assert_int_le(abs(count_cycles(&snare) - 90), 2);
    double sum_quiet = 0, sum_loud = 0;
    for (int64_t i = 0; i < N_FRAMES; i++) {
        sum_quiet += fabs((double)quiet.x[i]);
        sum_loud += fabs((double)loud.x[i]);
    }
    ck_assert(sum_quiet > 0 && sum_loud > 1.5 * sum_quiet);
    data_audio_release(&quiet);
    data_audio_release(&loud);
    data_audio_release(&snare);
    data_manifest_release(&m);
}
END_TEST

enum { N_READS = 64 };

typedef struct {
    const data_manifest *manifest;
    data_audio audio[N_READS];
    base_status status[N_READS];
} reads;

static void read_one(void *context, int64_t task, int worker) {
    reads *r = context;
    base_error ignored;
    (void)worker;
    r->status[task] = sound_read_row(&r->manifest->rows[task * 7 % r->manifest->n_rows],
                                     &r->audio[task], &ignored);
}

START_TEST(a_note_does_not_depend_on_others_or_threads) {
    data_manifest m;
    static reads r;
    base_pool *pool;
    const char *folder = test_folder();
    write_font(folder, "tiny.sf2", true);
    TEST_OK(open_font(folder, "keys: [36, 38], key_step: 2", &m), err);
    TEST_OK(base_pool_new(3, &pool, &err), err);
    r.manifest = &m;
    base_parallel(pool, N_READS, read_one, &r);
    for (int i = 0; i < N_READS; i++) {
        data_audio alone;
        TEST_OK(sound_read_row(&m.rows[i * 7 % m.n_rows], &alone, &err), err);
        ck_assert_int_eq(r.status[i], BASE_OK);
        ck_assert_mem_eq(r.audio[i].x, alone.x, (size_t)(2 * alone.n) * sizeof *alone.x);
        data_audio_release(&r.audio[i]);
        data_audio_release(&alone);
    }
    base_pool_free(pool);
    data_manifest_release(&m);
}
END_TEST

START_TEST(digests_tell_fonts_and_notes_apart) {
    data_manifest a, b;
    const char *one = test_folder();
    const char *other = base_path_join(&arena, one, "other");
    const char *keys = "bank: 1, keys: [36, 38], key_step: 2";
    TEST_OK(base_folder_make(other, &err), err);
    write_font(other, "tiny.sf2", true);
    TEST_OK(open_font(other, keys, &a), err);
    base_digest first = sound_digest_row(&a.rows[0]);
    ck_assert(!base_digest_equal(first, sound_digest_row(&a.rows[1])));
    write_font(other, "tiny.sf2", false); /* the same name, other bytes */
    TEST_OK(open_font(other, keys, &b), err);
    ck_assert_str_eq(a.rows[0].path, b.rows[0].path);
    ck_assert(!base_digest_equal(first, sound_digest_row(&b.rows[0])));
    data_manifest_release(&a);
    data_manifest_release(&b);
}
END_TEST

START_TEST(says_what_is_wrong_with_a_font) {
    data_manifest m;
    const char *folder = test_folder();
    TEST_FAILS(open_font(folder, "seconds: 1", &m), BASE_ENOTFOUND, err, "no SoundFont in");
    write_font(folder, "melodic.sf2", false);
    TEST_FAILS(open_font(folder, "seconds: 1", &m), BASE_EDATA, err, "no percussion kit");
    sound_write_text(&arena, folder, "broken.sf2", "RIFF....sfbk and then nothing");
    TEST_OK(open_font(folder, "bank: 0, keys: 36", &m), err);
    ck_assert(sound_has_note(&m, "broken.sf2: a SoundFont that is cut short"));
    data_manifest_release(&m);
    TEST_FAILS(open_font(folder, "files: [none.sf2]", &m), BASE_ENOTFOUND, err, "no SoundFont in");
}
END_TEST

/* The synthesiser takes its place; nothing of the fonts is left. */
START_TEST(a_folder_without_fonts_can_be_synthesised) {
    data_manifest m;
    const char *folder = test_folder();
    TEST_OK(open_font(folder, "otherwise: synth, per_class: 1", &m), err);
    ck_assert(sound_has_note(&m, "using the built-in synthesiser instead"));
    ck_assert_int_eq(m.n_rows, DATA_SYNTH_N_CLASSES);
    ck_assert_ptr_eq(m.origins->source, &data_source_synth);
    ck_assert_ptr_null(m.origins->state);
    data_manifest_release(&m);
}
END_TEST

TEST_MAIN("data/sources/soundfont", keys_of_a_kit_have_their_names, notes_are_what_the_font_holds,
          a_note_does_not_depend_on_others_or_threads, digests_tell_fonts_and_notes_apart,
          says_what_is_wrong_with_a_font, a_folder_without_fonts_can_be_synthesised)

#else

START_TEST(says_what_to_install) {
    data_manifest m;
    base_status status = sound_open_manifest(&arena, "{source: soundfont, path: .}", ".", &m, &err);
    TEST_FAILS(status, BASE_ENOTFOUND, err, "install libfluidsynth-dev");
}
END_TEST

TEST_MAIN("data/sources/soundfont", says_what_to_install)

#endif
