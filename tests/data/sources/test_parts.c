#include "data/sources/parts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "data/sources/performance.h"
#include "dsp/effects.h"
#include "tests/mix_parts.h"
#include "tests/sound.h"
#include "tests/test.h"

enum { RATE = 8000 };

static base_error err;
static base_arena arena;

static data_audio_options form(void) {
    return (data_audio_options){.sample_rate_hz = RATE,
                                .channels = 1,
                                .seconds = 0.5,
                                .trim_db = -50,
                                .normalize = DATA_NORMALIZE_PEAK,
                                .min_peak_db = -60};
}

static void open_yaml(const char *yaml, data_manifest *m) {
    TEST_OK(sound_open_manifest(&arena, yaml, ".", m, &err), err);
}

/* Loads all sources. */
static base_status load(data_manifest *m) {
    data_audio_options o = form();
    data_work work = {0};
    for (data_origin *origin = m->origins; origin != NULL; origin = origin->next)
        BASE_TRY(origin->source->load(origin, m, &o, &work, &err));
    return BASE_OK;
}

static void describe(data_manifest *m) {
    for (int64_t i = 0; i < m->n_rows; i++) {
        data_row *row = &m->rows[i];
        if (row->left_out == NULL)
            TEST_OK(row->origin->source->describe(row, &m->arena, &err), err);
    }
}

/* Of the first source. */
static data_parts *parts_of(const data_manifest *m) {
    return m->origins->state;
}

static data_audio read_row(const data_row *row) {
    data_audio audio;
    TEST_OK(sound_read_row(row, &audio, &err), err);
    ck_assert(audio.sample_rate_hz == RATE && audio.n_channels == 1);
    return audio;
}

/* Kits of tones, KIT/CLASS for each of n_kits and classes a and b; pitches are all different. */
static const char *kits_of(double seconds, int n_kits, int per_class) {
    const char *folder = test_folder();
    for (int i = 0; i < n_kits * per_class * 2; i++) {
        const char *name = base_arena_printf(&arena, "%s/kit%d/%d.wav", i % 2 ? "b" : "a",
                                             i / 2 % n_kits, i / 2 / n_kits);
        sound_write_tone(&arena, folder, name, (sound_tone){seconds, 100 + 37 * i, RATE, 0.4, 1});
    }
    return folder;
}

static const char *kits(int n_kits, int per_class) {
    return kits_of(0.3, n_kits, per_class);
}

static const char *mix_of(const char *folder, const char *more) {
    return base_arena_printf(&arena, "{source: mix, parts: {source: folder, path: %s}%s}", folder,
                             more);
}

/* The parts are brought to full scale, each gets its gain and its delay, and a quarter of the sum
 * is the sound. */
START_TEST(parts_are_added_with_gain_and_delay) {
    data_manifest m;
    open_yaml(mix_of(kits(1, 1), ", classes: [a, a+b], per_class: 1, pools: 1, gain_db: -6, "
                                 "jitter_ms: 5"),
              &m);
    TEST_OK(load(&m), err);
    const data_parts *parts = parts_of(&m);
    data_audio a = read_row(&m.rows[0]), both = read_row(&m.rows[1]);
    double gain = 0.25 * pow(10, -6 / 20.0);
    int64_t late = 40;
    ck_assert_int_eq(parts->part[0].onset, 0);
    ck_assert_float_eq_tol(dsp_peak(parts->part[0].x, parts->part[0].n), 1.0f, 1e-6f);
    ck_assert_int_eq(a.n, parts->part[0].n + late);
    for (int64_t i = 0; i < a.n; i++) {
        double from_a = i < late ? 0 : gain * parts->part[0].x[i - late];
        double from_b = i < late ? 0 : gain * parts->part[1].x[i - late];
        ck_assert_double_eq_tol(a.x[i], from_a, 1e-7);
        ck_assert_double_eq_tol(both.x[i], from_a + from_b, 1e-7);
    }
    data_audio_release(&a);
    data_audio_release(&both);
    data_manifest_release(&m);
}
END_TEST

/* What comes before the onset, such as noise or a pause, is not played. */
START_TEST(parts_begin_at_their_onset) {
    const char *folder = test_folder();
    data_audio late = {base_alloc(2400, sizeof(float)), 1, 2400, RATE};
    for (int i = 0; i < 2400; i++) late.x[i] = i < 800 ? 0.005f : 0.5f;
    TEST_OK(base_folder_make(base_path_join(&arena, folder, "a"), &err), err);
    TEST_OK(data_audio_write(base_path_join(&arena, folder, "a/late.wav"), &late, &err), err);
    data_manifest m;
    open_yaml(mix_of(folder, ", classes: [a], per_class: 1, pools: 1, gain_db: 0, jitter_ms: 0"),
              &m);
    TEST_OK(load(&m), err);
    data_audio a = read_row(&m.rows[0]);
    ck_assert_int_eq(a.n, 1600 + 16); /* two milliseconds are kept */
    ck_assert_float_lt(a.x[15], 0.01f);
    ck_assert_float_eq_tol(a.x[16], 0.25f, 1e-6f);
    data_audio_release(&a);
    data_audio_release(&late);
    data_manifest_release(&m);
}
END_TEST

START_TEST(gains_and_delays_fill_their_ranges) {
    data_manifest m;
    open_yaml(mix_of(kits(1, 1), ", classes: [a], per_class: 200, pools: 1, gain_db: [-12, -3], "
                                 "jitter_ms: [2, 20]"),
              &m);
    TEST_OK(load(&m), err);
    double least_db = 0, most_db = -100, least_ms = 100, most_ms = 0;
    for (int i = 0; i < 200; i++) {
        data_audio a = read_row(&m.rows[i]);
        int64_t onset = 0;
        while (a.x[onset] == 0) onset++;
        double db = 20 * log10(4 * dsp_peak(a.x, a.n)), ms = (double)onset * 1000 / RATE;
        least_db = fmin(least_db, db), most_db = fmax(most_db, db);
        least_ms = fmin(least_ms, ms), most_ms = fmax(most_ms, ms);
        data_audio_release(&a);
    }
    ck_assert(least_db >= -12.001 && least_db < -11.5 && most_db <= -2.999 && most_db > -3.5);
    ck_assert(least_ms >= 1.93 && least_ms < 3 && most_ms <= 20.07 && most_ms > 19);
    data_manifest_release(&m);
}
END_TEST

static void check_same(const data_row *x, const data_row *y) {
    data_audio a = read_row(x), b = read_row(y);
    ck_assert_int_eq(a.n, b.n);
    ck_assert_mem_eq(a.x, b.x, (size_t)a.n * sizeof *a.x);
    data_audio_release(&a);
    data_audio_release(&b);
}

START_TEST(a_sound_depends_on_seed_class_and_number_alone) {
    data_manifest m, other;
    const char *folder = kits(3, 2);
    open_yaml(mix_of(folder, ", classes: [a, a+b, rest], per_class: 4, pools: 2"), &m);
    open_yaml(mix_of(folder, ", classes: [rest, b, a+b], per_class: 6, pools: 2"), &other);
    TEST_OK(load(&m), err);
    TEST_OK(load(&other), err);
    for (int i = 0; i < 4; i++) {
        check_same(&m.rows[4 + i], &other.rows[12 + i]);
        check_same(&m.rows[8 + i], &other.rows[i]);
    }
    data_manifest_release(&other);
    open_yaml(mix_of(folder, ", classes: [a+b], per_class: 4, pools: 2, seed: 2"), &other);
    TEST_OK(load(&other), err);
    data_audio a = read_row(&m.rows[4]), b = read_row(&other.rows[0]);
    ck_assert(a.n != b.n || memcmp(a.x, b.x, (size_t)a.n * sizeof *a.x) != 0);
    data_audio_release(&a);
    data_audio_release(&b);
    data_manifest_release(&m);
    data_manifest_release(&other);
}
END_TEST

/* The pools that a kit's sounds are in, as bits. */
static int pools_of(const data_parts *parts, const char *kit) {
    int pools = 0;
    for (int64_t bin = 0; bin < parts->options->pools * parts->manifest.n_classes; bin++) {
        for (int64_t i = parts->first[bin]; i < parts->first[bin + 1]; i++) {
            if (strncmp(parts->part[i].source.name, kit, strlen(kit)) == 0)
                pools |= 1 << (bin / parts->manifest.n_classes);
        }
    }
    return pools;
}

static bool is_one(int bits) {
    return bits != 0 && (bits & (bits - 1)) == 0;
}

START_TEST(kits_and_copies_stay_in_one_pool) {
    data_manifest m;
    const char *folder = kits(6, 3);
    static const char *const copies[] = {"a/kit1/copy.wav", "a/kit4/copy.wav"};
    for (int i = 0; i < 2; i++)
        sound_write_tone(&arena, folder, copies[i], (sound_tone){0.3, 77, RATE, 0.4, 1});
    open_yaml(mix_of(folder, ", classes: [a+b], per_class: 1, pools: 3"), &m);
    TEST_OK(load(&m), err);
    for (int kit = 0; kit < 6; kit++) {
        const char *name = base_arena_printf(&arena, "kit%d/", kit);
        ck_assert(is_one(pools_of(parts_of(&m), name)));
    }
    ck_assert_int_eq(pools_of(parts_of(&m), "kit1/"), pools_of(parts_of(&m), "kit4/"));
    for (int bin = 0; bin < 6; bin++)
        ck_assert_int_gt(parts_of(&m)->first[bin + 1], parts_of(&m)->first[bin]);
    ck_assert(sound_has_note(&m, "mix: made from 38 one-shots (a 20, b 18) in 3 pools; 0 of"));
    data_manifest_release(&m);
}
END_TEST

START_TEST(the_same_parts_have_the_same_pools) {
    data_manifest m, other;
    const char *folder = kits(8, 2);
    open_yaml(mix_of(folder, ", classes: [a+b], per_class: 1, pools: 3, seed: 1"), &m);
    open_yaml(mix_of(folder, ", classes: [b], per_class: 1, pools: 3, seed: 2"), &other);
    TEST_OK(load(&m), err);
    TEST_OK(load(&other), err);
    for (int i = 0; i < 16 * 2; i++)
        ck_assert_str_eq(parts_of(&m)->part[i].source.name, parts_of(&other)->part[i].source.name);
    data_manifest_release(&m);
    data_manifest_release(&other);
}
END_TEST

START_TEST(few_kits_are_split_with_a_note) {
    data_manifest m;
    open_yaml(mix_of(kits(2, 3), ", classes: [a+b], per_class: 1, pools: 3"), &m);
    TEST_OK(load(&m), err);
    ck_assert(sound_has_note(&m, "kits are split between pools, copies are not"));
    for (int bin = 0; bin < 6; bin++)
        ck_assert_int_eq(parts_of(&m)->first[bin + 1] - parts_of(&m)->first[bin], 2);
    data_manifest_release(&m);
}
END_TEST

START_TEST(pools_that_cannot_be_filled_are_an_error) {
    data_manifest m;
    const char *folder = kits(1, 2);
    open_yaml(mix_of(folder, ", classes: [a+b], per_class: 1, pools: 3"), &m);
    ck_assert_int_eq(load(&m), BASE_EDATA);
    ck_assert_msg(strstr(err.text, "can't fill 3 pools with every class: of 'a' there are 2 "
                                   "one-shots") != NULL,
                  "%s", err.text);
    data_manifest_release(&m);
}
END_TEST

/* All parts of every sound are of the sound's pool: one kit for each. */
START_TEST(sounds_keep_to_their_pool_and_tell_their_parts) {
    data_manifest m;
    data_clips clips;
    data_audio_options o = form();
    open_yaml(mix_of(kits_of(1.5, 3, 3), ", classes: [a+b, rest], per_class: 60, pools: 3"), &m);
    TEST_OK(data_clips_open(&m, &o, NULL, &clips, &err), err);
    char kit_of[3] = {0};
    bool has_noise_alone = false, has_tail = false;
    for (int i = 0; i < 120; i++) {
        const char *label = m.rows[i].label, *at = label;
        ck_assert_msg(i >= 60 || strstr(label, " ms + kit") != NULL, "%s", label);
        has_noise_alone |= i >= 60 && strcmp(label, "noise") == 0;
        has_tail |= i >= 60 && strncmp(label, "tail of kit", 11) == 0;
        while ((at = strstr(at, "kit")) != NULL) {
            if (kit_of[i % 3] == 0) kit_of[i % 3] = at[3];
            ck_assert_int_eq(kit_of[i % 3], at[3]);
            at++;
        }
    }
    ck_assert(has_noise_alone && has_tail);
    ck_assert(kit_of[0] != kit_of[1] && kit_of[1] != kit_of[2] && kit_of[0] != kit_of[2]);
    ck_assert_ptr_null(parts_of(&m)->part); /* given back */
    data_clips_release(&clips);
    data_manifest_release(&m);
}
END_TEST

/* The same mixes with tails beneath some of them, and nothing else is different. */
START_TEST(other_sounds_may_ring_on_beneath) {
    data_manifest dry, wet;
    const char *folder = kits_of(1.5, 2, 2);
    open_yaml(mix_of(folder, ", classes: [a], per_class: 60, pools: 2"), &dry);
    open_yaml(mix_of(folder, ", classes: [a], per_class: 60, pools: 2, ringing: 0.5"), &wet);
    TEST_OK(load(&dry), err);
    TEST_OK(load(&wet), err);
    describe(&dry);
    describe(&wet);
    int n_ringing = 0;
    for (int i = 0; i < 60; i++) {
        const char *label = dry.rows[i].label;
        ck_assert_mem_eq(wet.rows[i].label, label, strlen(label));
        bool rings = strstr(wet.rows[i].label, " ms + tail of kit") != NULL;
        ck_assert(rings || strcmp(wet.rows[i].label, label) == 0);
        data_audio a = read_row(&dry.rows[i]), b = read_row(&wet.rows[i]);
        int64_t n = a.n < b.n ? a.n : b.n;
        ck_assert(rings == (memcmp(a.x, b.x, (size_t)n * sizeof *a.x) != 0));
        n_ringing += rings;
        data_audio_release(&a);
        data_audio_release(&b);
    }
    ck_assert(n_ringing > 15 && n_ringing < 45);
    data_manifest_release(&dry);
    data_manifest_release(&wet);
}
END_TEST

/* Rests are quiet, and in their tails nothing is struck: no sample is above the tail's level. */
START_TEST(rests_are_quiet_tails_and_noise) {
    data_manifest m;
    open_yaml(base_arena_printf(&arena,
                                "{source: mix, parts: %s, classes: [rest], per_class: 100, "
                                "pools: 2}",
                                mix_parts(&arena, test_folder(), 4)),
              &m);
    TEST_OK(load(&m), err);
    for (int i = 0; i < 100; i++) {
        data_audio a = read_row(&m.rows[i]);
        double db = 20 * log10(dsp_peak(a.x, a.n));
        ck_assert(db >= -36.01 && db <= -17.99);
        ck_assert(a.n >= 0.3 * 0.5 * RATE && a.n <= parts_of(&m)->n_longest);
        ck_assert(a.x[a.n - 1] != 0);
        data_audio_release(&a);
    }
    data_manifest_release(&m);
}
END_TEST

static void open_clips(const char *yaml, const char *cache, base_pool *pool, data_clips *clips) {
    data_manifest m;
    data_audio_options o = form();
    data_work work = {.pool = pool, .cache_folder = cache};
    o.channels = 2;
    open_yaml(yaml, &m);
    TEST_OK(data_clips_open(&m, &o, &work, clips, &err), err);
    data_manifest_release(&m);
}

static void check_same_clips(const data_clips *a, const data_clips *b) {
    ck_assert_int_eq(a->n_clips, b->n_clips);
    ck_assert_mem_eq(a->offset, b->offset, (size_t)(a->n_clips + 1) * sizeof *a->offset);
    ck_assert_mem_eq(a->audio, b->audio, (size_t)a->offset[a->n_clips] * sizeof *a->audio);
}

static int64_t count_files(const char *folder) {
    base_walk found;
    TEST_OK(base_folder_walk(folder, NULL, &arena, &found, &err), err);
    return found.n_paths;
}

START_TEST(threads_and_the_cache_make_no_difference) {
    const char *yaml = base_arena_printf(
        &arena,
        "[{source: mix, parts: %s, classes: [B, S+B, rest], per_class: 8, pools: 2},"
        " {source: performance, parts: %s, classes: [B, S+B, CH, rest], songs: 2, bars: 4, "
        "pools: 2}]",
        mix_parts(&arena, test_folder(), 3), mix_parts(&arena, test_folder(), 3));
    const char *cache = test_folder();
    data_clips alone, shared, again;
    base_pool *pool;
    TEST_OK(base_pool_new(3, &pool, &err), err);
    open_clips(yaml, NULL, NULL, &alone);
    open_clips(yaml, cache, pool, &shared);
    ck_assert_ptr_null(shared.cache);
    ck_assert_int_eq(count_files(cache), 2); /* both sources have the same parts */
    open_clips(yaml, cache, pool, &again);
    ck_assert_ptr_nonnull(again.cache);
    check_same_clips(&alone, &shared);
    check_same_clips(&alone, &again);
    data_clips_release(&alone);
    data_clips_release(&shared);
    data_clips_release(&again);
    base_pool_free(pool);
}
END_TEST

START_TEST(the_cache_follows_parts_and_settings) {
    const char *folder = kits(2, 2), *cache = test_folder();
    const char *yaml = mix_of(folder, ", classes: [a+b], per_class: 3, pools: 2");
    data_clips clips;
    open_clips(yaml, cache, NULL, &clips);
    data_clips_release(&clips);
    ck_assert_int_eq(count_files(cache), 2);
    yaml = mix_of(folder, ", classes: [a+b], per_class: 3, pools: 2, gain_db: [-3, 0]");
    open_clips(yaml, cache, NULL, &clips);
    ck_assert_ptr_null(clips.cache);
    data_clips_release(&clips);
    ck_assert_int_eq(count_files(cache), 3);
    sound_write_tone(&arena, folder, "a/kit0/0.wav", (sound_tone){0.3, 60, RATE, 0.4, 1});
    open_clips(yaml, cache, NULL, &clips);
    ck_assert_ptr_null(clips.cache);
    data_clips_release(&clips);
    ck_assert_int_eq(count_files(cache), 5);
}
END_TEST

START_TEST(parts_that_cannot_be_used_are_passed_over) {
    data_manifest m;
    data_clips clips;
    data_audio_options o = form();
    const char *folder = kits(1, 2);
    sound_write_text(&arena, folder, "a/kit0/broken.wav", "no sound");
    sound_write_tone(&arena, folder, "b/kit0/silent.wav", (sound_tone){0.3, 99, RATE, 0, 1});
    open_yaml(mix_of(folder, ", classes: [a, b], per_class: 20, pools: 2"), &m);
    TEST_OK(data_clips_open(&m, &o, NULL, &clips, &err), err);
    ck_assert_int_eq(clips.n_clips, 40);
    ck_assert(sound_has_note(&m, "made from 4 one-shots (a 2, b 2) in 2 pools; 2 of the parts' "
                                 "sounds are not used"));
    data_clips_release(&clips);
    data_manifest_release(&m);
}
END_TEST

START_TEST(a_class_of_parts_without_a_sound_is_an_error) {
    data_manifest m;
    data_clips clips;
    data_audio_options o = form();
    const char *folder = kits(1, 1);
    sound_write_text(&arena, folder, "c/kit0/broken.wav", "no sound");
    open_yaml(mix_of(folder, ", classes: [a, c], per_class: 2, pools: 1"), &m);
    TEST_FAILS(data_clips_open(&m, &o, NULL, &clips, &err), BASE_EDATA, err,
               "parts: class 'c' has nothing left to train on (1 left out");
    data_manifest_release(&m);
}
END_TEST

static void open_performance(data_manifest *m) {
    open_yaml(base_arena_printf(&arena,
                                "{source: performance, parts: %s, classes: %s, songs: 3, bars: 8, "
                                "pools: 2}",
                                mix_parts(&arena, test_folder(), 2), mix_classes),
              m);
    TEST_OK(load(m), err);
}

/* Rows are what one would cut out of the whole song, tails and all, to the bit. */
START_TEST(crops_are_cut_from_the_song) {
    data_manifest m;
    open_performance(&m);
    for (int song = 0; song < 3; song++) {
        data_audio whole;
        TEST_OK(data_performance_play(m.origins->state, song, &whole, &err), err);
        for (int i = 0; i < 64; i++) {
            const data_row *row = &m.rows[song * 64 + i];
            data_audio crop = read_row(row);
            int64_t begin = llround(row->begin_s * RATE);
            ck_assert_int_eq(crop.n, llround((row->end_s - row->begin_s) * RATE));
            ck_assert_mem_eq(crop.x, whole.x + begin, (size_t)crop.n * sizeof *crop.x);
            data_audio_release(&crop);
        }
        data_audio_release(&whole);
    }
    data_manifest_release(&m);
}
END_TEST

/* Upside down, a one-shot changes just those sounds in which it is heard. */
START_TEST(what_is_heard_is_listed) {
    data_manifest m;
    open_yaml(base_arena_printf(
                  &arena,
                  "[{source: performance, parts: %s, classes: %s, songs: 2, bars: 4, pools: 2},"
                  " {source: mix, parts: %s, classes: [B, S+B, rest], per_class: 12, pools: 2, "
                  "ringing: 0.5}]",
                  mix_parts(&arena, test_folder(), 2), mix_classes,
                  mix_parts(&arena, test_folder(), 2)),
              &m);
    TEST_OK(load(&m), err);
    describe(&m);
    int n_heard = 0, n_not_struck = 0;
    for (const data_origin *origin = m.origins; origin != NULL; origin = origin->next) {
        const data_parts *parts = origin->state;
        for (int64_t p = 0; p < parts->clips.n_clips; p++) {
            data_part *part = &parts->part[p], upright = *part;
            float *x = base_alloc((size_t)part->n, sizeof *x);
            for (int64_t i = 0; i < part->n; i++) x[i] = -part->x[i];
            for (int64_t i = 0; i < m.n_rows; i++) {
                const data_row *row = &m.rows[i];
                if (row->origin != origin || row->left_out != NULL) continue;
                bool listed = false;
                for (int64_t j = 0; j < row->n_parts; j++)
                    listed |= base_digest_equal(row->parts[j].content, part->source.content);
                data_audio before = read_row(row);
                part->x = x;
                data_audio after = read_row(row);
                *part = upright;
                bool heard = memcmp(before.x, after.x, (size_t)before.n * sizeof *before.x) != 0;
                ck_assert_msg(heard == listed, "%s %s: %s", row->path, row->label,
                              part->source.name);
                n_heard += heard;
                n_not_struck += heard && strstr(row->label, part->source.name) == NULL;
                data_audio_release(&before);
                data_audio_release(&after);
            }
            base_free(x);
        }
    }
    ck_assert(n_heard > 100 && n_not_struck > 50); /* what rings on */
    data_manifest_release(&m);
}
END_TEST

static double energy(const data_audio *audio, double begin_s, double end_s) {
    double sum = 0;
    for (int64_t i = llround(begin_s * RATE); i < llround(end_s * RATE); i++)
        sum += (double)audio->x[i] * audio->x[i];
    return sum;
}

/* A song of an open hat, and after it nothing or a closed one. */
START_TEST(a_closed_hat_ends_an_open_one) {
    data_manifest m;
    open_performance(&m);
    data_performance *p = m.origins->state;
    data_part_set sets[] = {p->open_hat, p->hats & ~p->open_hat, 0, 0};
    data_song song = {0.125, 4, sets};
    data_audio closed, open, hat;
    const data_song *songs = p->song;
    p->song = &song;
    TEST_OK(data_performance_play(p, 0, &closed, &err), err);
    sets[1] = 0;
    TEST_OK(data_performance_play(p, 0, &open, &err), err);
    sets[0] = 0;
    sets[1] = p->hats & ~p->open_hat;
    TEST_OK(data_performance_play(p, 0, &hat, &err), err);
    p->song = songs;
    ck_assert_double_gt(energy(&open, 0.125, 0.5), 0);
    ck_assert_double_eq(energy(&closed, 0.125, 0.5), energy(&hat, 0.125, 0.5));
    ck_assert_mem_eq(closed.x, open.x, RATE / 10 * sizeof(float));
    data_audio_release(&closed);
    data_audio_release(&open);
    data_audio_release(&hat);
    data_manifest_release(&m);
}
END_TEST

TEST_MAIN("data/sources/parts", parts_are_added_with_gain_and_delay, parts_begin_at_their_onset,
          gains_and_delays_fill_their_ranges, a_sound_depends_on_seed_class_and_number_alone,
          kits_and_copies_stay_in_one_pool, the_same_parts_have_the_same_pools,
          few_kits_are_split_with_a_note, pools_that_cannot_be_filled_are_an_error,
          sounds_keep_to_their_pool_and_tell_their_parts, other_sounds_may_ring_on_beneath,
          rests_are_quiet_tails_and_noise, threads_and_the_cache_make_no_difference,
          the_cache_follows_parts_and_settings, parts_that_cannot_be_used_are_passed_over,
          a_class_of_parts_without_a_sound_is_an_error, crops_are_cut_from_the_song,
          what_is_heard_is_listed, a_closed_hat_ends_an_open_one)
