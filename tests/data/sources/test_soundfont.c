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

/* ---- a SoundFont 2.01 of three sounds, each on one key of a kit and of a preset ---- */

enum { N_FRAMES = 4410, N_GUARD = 46, KICK = 36, SNARE = 38, CYMBAL = 49 };
static const uint32_t key_of[] = {KICK, SNARE, CYMBAL};
enum { N_SOUNDS = sizeof key_of / sizeof *key_of };
enum {
    GEN_ATTACK = 34,
    GEN_RELEASE = 38,
    GEN_INSTRUMENT = 41,
    GEN_KEY_RANGE = 43,
    GEN_SAMPLE = 53,
    GEN_LOOP = 54,
    GEN_ROOT_KEY = 58
};

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
    for (int sound = 0; sound < N_SOUNDS; sound++) {
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

enum { N_GENERATORS = 6 }; /* of a sound; the sample comes last */

/* A cymbal's sample goes on for ever, with an attack of a second and a release of twelve: its first
 * block is soon silent, and it itself not within seconds. */
static void put_generators(base_text *out, uint32_t sound) {
    bool rings = key_of[sound] == CYMBAL;
    put_pair(out, GEN_KEY_RANGE, key_of[sound] | key_of[sound] << 8);
    put_pair(out, GEN_ATTACK, rings ? 0 : (uint32_t)-12000);
    put_pair(out, GEN_RELEASE, rings ? 4302 : (uint32_t)-12000);
    put_pair(out, GEN_LOOP, rings);
    put_pair(out, GEN_ROOT_KEY, key_of[sound]);
    put_pair(out, GEN_SAMPLE, sound);
}

static void put_sample(base_text *out, uint32_t sound) {
    uint32_t start = sound * (N_FRAMES + N_GUARD);
    put_name(out, "sound");
    for (int field = 0; field < 4; field++) put(out, start + (field % 2 ? N_FRAMES : 0), 4);
    put(out, 44100, 4);
    put(out, 60, 2);
    put_pair(out, 0, 1); /* no link; mono */
}

static void put_instrument(base_text *out) {
    base_text heads = {0}, bags = {0}, modulators = {0}, generators = {0}, samples = {0};
    put_name(&heads, "All");
    put(&heads, 0, 2);
    put_name(&heads, "EOI");
    put(&heads, N_SOUNDS, 2);
    for (uint32_t i = 0; i <= N_SOUNDS; i++) put_pair(&bags, N_GENERATORS * i, 0);
    for (uint32_t i = 0; i < N_SOUNDS; i++) {
        put_generators(&generators, i);
        put_sample(&samples, i);
    }
    put_pair(&generators, 0, 0);
    put_name(&samples, "EOS");
    for (int k = 0; k < 13; k++) put(&samples, 0, 2);
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

/* A note that rings on does not hide those that the same synthesiser plays after it. */
START_TEST(a_note_that_rings_on_hides_no_other) {
    data_manifest m, fresh;
    data_audio first, again, cymbal;
    const char *folder = test_folder();
    write_font(folder, "tiny.sf2", true);
    TEST_OK(open_font(folder, "keys: [36, 49], key_step: 13, velocities: 100", &m), err);
    TEST_OK(open_font(folder, "keys: [36, 49], key_step: 13, velocities: 100", &fresh), err);
    TEST_OK(sound_read_row(&fresh.rows[0], &first, &err), err);
    TEST_OK(sound_read_row(&m.rows[1], &cymbal, &err), err);
    TEST_OK(sound_read_row(&m.rows[0], &again, &err), err);
    ck_assert_int_eq(first.n, again.n);
    ck_assert_mem_eq(first.x, again.x, (size_t)(2 * first.n) * sizeof *first.x);
    double end = 0; /* what is heard at the end of a second and a half */
    for (int64_t i = cymbal.n - N_FRAMES; i < cymbal.n; i++) end += fabs((double)cymbal.x[i]);
    ck_assert(end > 10);
    data_audio_release(&first);
    data_audio_release(&again);
    data_audio_release(&cymbal);
    data_manifest_release(&m);
    data_manifest_release(&fresh);
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

#define PACKAGES "(packages timgm6mb-soundfont, opl3-soundfont and others bring some)"

START_TEST(says_what_is_wrong_with_a_font) {
    data_manifest m;
    const char *folder = test_folder();
    TEST_FAILS(open_font(folder, "seconds: 1", &m), BASE_ENOTFOUND, err,
               base_arena_printf(&arena, "no SoundFont in %s " PACKAGES, folder));
    write_font(folder, "melodic.sf2", false);
    TEST_FAILS(open_font(folder, "seconds: 1", &m), BASE_EDATA, err,
               "no preset in bank 128, so no percussion kit " PACKAGES);
    TEST_FAILS(open_font(folder, "bank: 7", &m), BASE_EDATA, err, "no preset in bank 7");
    sound_write_text(&arena, folder, "broken.sf2", "RIFF....sfbk and then nothing");
    TEST_OK(open_font(folder, "bank: 0, keys: 36", &m), err);
    ck_assert(sound_has_note(&m, "broken.sf2: a SoundFont that is cut short"));
    data_manifest_release(&m);
    TEST_FAILS(open_font(folder, "files: [none.sf2]", &m), BASE_ENOTFOUND, err, "no SoundFont in");
}
END_TEST

START_TEST(damaged_fonts_are_named) {
    static const struct {
        const char *bytes, *why;
        size_t n_bytes;
    } damaged[] = {
        {"RIFF....sfbk and then nothing", "a SoundFont that is cut short " PACKAGES, 29},
        {"RIFX", "not a SoundFont " PACKAGES, 4},
        {"RIFF\4\0\0\0WAVE", "not a SoundFont " PACKAGES, 12},
        {"RIFF\x0c\0\0\0sfbkLIST\0\0\0\0", "not a SoundFont that FluidSynth reads " PACKAGES, 20},
    };
    for (size_t i = 0; i < sizeof damaged / sizeof *damaged; i++) {
        data_manifest m;
        const char *folder = test_folder();
        const char *path = base_path_join(&arena, folder, "bad.sf2");
        TEST_OK(base_file_write(path, damaged[i].bytes, damaged[i].n_bytes, &err), err);
        TEST_FAILS(
            open_font(folder, "seconds: 1", &m), BASE_EFORMAT, err,
            base_arena_printf(&arena, "no readable SoundFont: %s: %s", path, damaged[i].why));
    }
}
END_TEST

START_TEST(fonts_are_searched_for) {
    data_manifest m;
    const char *folder = test_folder();
    setenv("XDG_DATA_DIRS", base_arena_printf(&arena, "relative:%s/a:%s/b", folder, folder), 1);
    TEST_FAILS(sound_open_manifest(&arena, "{source: soundfont}", ".", &m, &err), BASE_ENOTFOUND,
               err, "no SoundFont in sounds/sf2 and sounds/sf3 below XDG_DATA_DIRS " PACKAGES);
    const char *place = base_path_join(&arena, folder, "b/sounds/sf2");
    TEST_OK(base_folder_make(place, &err), err);
    write_font(place, "tiny.sf2", true);
    TEST_OK(sound_open_manifest(&arena, "{source: soundfont, keys: 36, velocities: 100}", ".", &m,
                                &err),
            err);
    ck_assert_int_eq(m.n_rows, 1);
    data_manifest_release(&m);
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
          a_note_does_not_depend_on_others_or_threads, a_note_that_rings_on_hides_no_other,
          digests_tell_fonts_and_notes_apart, says_what_is_wrong_with_a_font,
          damaged_fonts_are_named, fonts_are_searched_for,
          a_folder_without_fonts_can_be_synthesised)

#else

START_TEST(says_what_to_install) {
    data_manifest m;
    base_status status = sound_open_manifest(&arena, "{source: soundfont, path: .}", ".", &m, &err);
    TEST_FAILS(status, BASE_ENOTFOUND, err, "install libfluidsynth-dev");
}
END_TEST

TEST_MAIN("data/sources/soundfont", says_what_to_install)

#endif
