#include "data/clips.h"

#include <errno.h>
#include <stdio.h>

#include "data/cache.h"
#include "data/synth.h"
#include "tests/fail_reads.h"
#include "tests/sound.h"
#include "tests/test.h"

static base_error err;
static base_arena arena;

static data_audio_options options(void) {
    data_audio_options o;
    TEST_OK(base_options_bind(data_audio_table, NULL, &o, &arena, &err), err);
    return o;
}

/* A data set of all sorts: kicks, a copy at another level, hits that can't be used, spans. */
static const char *data_set(void) {
    const char *folder = test_folder();
    sound_write_tone(&arena, folder, "a.wav", (sound_tone){0.3, 60, 44100, 0.8, 1});
    sound_write_tone(&arena, folder, "copy.wav", (sound_tone){0.3, 60, 44100, 0.4, 1});
    sound_write_tone(&arena, folder, "b.flac", (sound_tone){0.2, 900, 22050, 1.0, 2});
    sound_write_tone(&arena, folder, "quiet.wav", (sound_tone){0.2, 900, 22050, 0.0001, 1});
    sound_write_tone(&arena, folder, "long.wav", (sound_tone){1.8, 300, 48000, 0.5, 2});
    sound_write_text(&arena, folder, "text.wav", "no sound");
    sound_write_text(&arena, folder, "labels.csv",
                     "path,label,begin_s,end_s\na.wav,kick,,\ncopy.wav,kick,,\nb.flac,snare,,\n"
                     "quiet.wav,snare,,\ntext.wav,snare,,\nnone.wav,kick,,\nlong.wav,tom,0.5,0.9\n"
                     "long.wav,tom,1.0,1.2\nlong.wav,tom,5.0,6.0\n");
    return folder;
}

static void open_manifest(const char *folder, data_manifest *m) {
    TEST_OK(sound_open_manifest(
                &arena, base_arena_printf(&arena, "{source: csv, path: %s}", folder), ".", m, &err),
            err);
}

static void open_clips(const char *folder, const char *cache, base_pool *pool, data_manifest *m,
                       data_clips *clips) {
    data_audio_options o = options();
    open_manifest(folder, m);
    data_work work = {.pool = pool, .cache_folder = cache};
    TEST_OK(data_clips_open(m, &o, &work, clips, &err), err);
}

static void check_data_set(const data_manifest *m, const data_clips *clips) {
    static const int64_t rows[] = {0, 1, 2, 6, 7};
    static const int32_t labels[] = {0, 0, 1, 2, 2};
    ck_assert_int_eq(clips->n_clips, 5);
    ck_assert_mem_eq(clips->row, rows, sizeof rows);
    ck_assert_mem_eq(clips->label, labels, sizeof labels);
    ck_assert_int_eq(clips->n_samples, 44100);
    ck_assert_str_eq(m->rows[3].left_out, "silent");
    ck_assert_int_eq(m->rows[3].class_index, -1);
    ck_assert_int_eq(
        strncmp(m->rows[4].left_out, "unreadable: not an audio file libsndfile can read", 49), 0);
    ck_assert_str_eq(m->rows[5].left_out, "unreadable: No such file or directory");
    ck_assert_str_eq(m->rows[8].left_out, "unreadable: no samples from 5 s on");
    const data_row *a = &m->rows[0], *copy = &m->rows[1], *b = &m->rows[2];
    ck_assert_double_eq_tol(a->seconds, 0.3, 1e-9);
    ck_assert_double_eq(b->sample_rate_hz, 22050);
    ck_assert_int_eq(b->n_channels, 2);
    ck_assert_double_eq_tol(a->peak, 0.8, 1e-6);
    ck_assert(base_digest_equal(a->content, copy->content)); /* level is no difference */
    ck_assert(!base_digest_equal(a->content, b->content));
    ck_assert_double_eq_tol(m->rows[6].seconds, 0.4, 1e-9);
    ck_assert_int_eq(data_clips_valid(clips, 0), 13230);
}

static void check_equal(const data_clips *a, const data_clips *b) {
    ck_assert_int_eq(a->n_clips, b->n_clips);
    ck_assert_mem_eq(a->row, b->row, (size_t)a->n_clips * sizeof *a->row);
    ck_assert_mem_eq(a->label, b->label, (size_t)a->n_clips * sizeof *a->label);
    ck_assert_mem_eq(a->offset, b->offset, (size_t)(a->n_clips + 1) * sizeof *a->offset);
    ck_assert_mem_eq(a->audio, b->audio, (size_t)a->offset[a->n_clips] * sizeof *a->audio);
}

START_TEST(rows_become_clips) {
    data_manifest m;
    data_clips clips;
    open_clips(data_set(), NULL, NULL, &m, &clips);
    check_data_set(&m, &clips);
    float *loaded = base_alloc(44100, sizeof *loaded);
    memset(loaded, 0xFF, 44100 * sizeof *loaded);
    data_clips_load(&clips, 2, loaded);
    int64_t n = data_clips_valid(&clips, 2);
    ck_assert_mem_eq(loaded, clips.audio + clips.offset[2], (size_t)n * sizeof *loaded);
    for (int64_t i = n; i < 44100; i++) ck_assert_float_eq(loaded[i], 0);
    base_free(loaded);
    data_clips_release(&clips);
    data_clips_release(&clips);
    data_manifest_release(&m);
}
END_TEST

/* The only file in a folder. */
static const char *only_file(const char *folder) {
    base_walk found;
    TEST_OK(base_folder_walk(folder, NULL, &arena, &found, &err), err);
    ck_assert_int_eq(found.n_paths, 1);
    return found.paths[0];
}

START_TEST(cache_gives_the_same_clips) {
    data_manifest m, cached_m, m2;
    data_clips clips, cached, clips2;
    base_pool *pool;
    const char *folder = data_set();
    const char *cache = base_path_join(&arena, test_folder(), "new/cache");
    TEST_OK(base_pool_new(3, &pool, &err), err);
    open_clips(folder, cache, pool, &m, &clips);
    const char *file = only_file(cache);
    ck_assert_int_eq(strncmp(base_path_name(file), "clips-", 6), 0);
    open_clips(folder, cache, NULL, &cached_m, &cached);
    check_data_set(&cached_m, &cached);
    check_equal(&clips, &cached);
    /* One thread writes the same bytes as three. */
    const char *cache2 = test_folder();
    open_clips(folder, cache2, NULL, &m2, &clips2);
    void *bytes, *bytes2;
    size_t n, n2;
    TEST_OK(base_file_read(file, 0, &bytes, &n, &err), err);
    TEST_OK(base_file_read(only_file(cache2), 0, &bytes2, &n2, &err), err);
    ck_assert_str_eq(base_path_name(file), base_path_name(only_file(cache2)));
    ck_assert_int_eq((int64_t)n, (int64_t)n2);
    ck_assert_mem_eq(bytes, bytes2, n);
    base_free(bytes);
    base_free(bytes2);
    data_clips_release(&clips);
    data_clips_release(&cached);
    data_clips_release(&clips2);
    data_manifest_release(&m);
    data_manifest_release(&cached_m);
    data_manifest_release(&m2);
    base_pool_free(pool);
}
END_TEST

/* Writes a cache of other content in place of `file`: the first sample is `value`, or the clips
 * are said to be longer than they may be. */
static void forge_cache(const char *file, float value, bool too_long) {
    data_audio_options o = options();
    data_decoding decoding = {.n_rows = 9, .options = &o, .arena = &arena};
    data_decoded decoded;
    TEST_OK(data_cache_read(file, &decoding, &decoded, &err), err);
    int64_t n = decoded.offset[9];
    float *audio = base_alloc((size_t)n + 50000, sizeof *audio);
    ck_assert_ptr_nonnull(audio);
    memcpy(audio, decoded.audio, (size_t)n * sizeof *audio);
    audio[0] = value;
    decoded.audio = audio;
    for (int i = 8; too_long && i <= 9; i++) decoded.offset[i] = n + 50000;
    TEST_OK(data_cache_write(file, &decoded, &err), err);
    base_free(audio);
    data_decoded_release(&decoded);
    base_status status = data_cache_read(file, &decoding, &decoded, &err);
    ck_assert_int_eq(status, too_long ? BASE_EFORMAT : BASE_OK);
    data_decoded_release(&decoded);
}

static float first_sample(const char *folder, const char *cache) {
    data_manifest m;
    data_clips clips;
    open_clips(folder, cache, NULL, &m, &clips);
    float x = clips.audio[0];
    data_clips_release(&clips);
    data_manifest_release(&m);
    return x;
}

START_TEST(cache_is_read_unless_it_is_broken) {
    const char *folder = data_set(), *cache = test_folder();
    float true_sample = first_sample(folder, cache);
    const char *file = only_file(cache);
    forge_cache(file, 0.125f, false);
    ck_assert_float_eq(first_sample(folder, cache), 0.125f); /* so it was read, not decoded */
    forge_cache(file, 0.125f, true);
    ck_assert_float_eq(first_sample(folder, cache), true_sample);
    forge_cache(file, 0.125f, false);
    void *bytes;
    size_t n;
    TEST_OK(base_file_read(file, 0, &bytes, &n, &err), err);
    ((unsigned char *)bytes)[n / 2] ^= 1;
    TEST_OK(base_file_write(file, bytes, n, &err), err);
    base_free(bytes);
    ck_assert_float_eq(first_sample(folder, cache), true_sample);
    TEST_OK(base_file_write(file, "cut", 3, &err), err);
    ck_assert_float_eq(first_sample(folder, cache), true_sample);
    forge_cache(file, 0.125f, false); /* reads it first: it was made anew */
}
END_TEST

START_TEST(cache_follows_content_and_settings) {
    const char *folder = data_set(), *cache = test_folder();
    base_walk found;
    first_sample(folder, cache);
    TEST_OK(base_folder_walk(cache, NULL, &arena, &found, &err), err);
    ck_assert_int_eq(found.n_paths, 1);
    sound_write_tone(&arena, folder, "a.wav", (sound_tone){0.3, 61, 44100, 0.8, 1});
    first_sample(folder, cache);
    TEST_OK(base_folder_walk(cache, NULL, &arena, &found, &err), err);
    ck_assert_int_eq(found.n_paths, 2);
    data_manifest m;
    data_clips clips;
    data_audio_options o = options();
    o.seconds = 0.5;
    open_manifest(folder, &m);
    data_work work = {.cache_folder = cache};
    TEST_OK(data_clips_open(&m, &o, &work, &clips, &err), err);
    ck_assert_int_eq(clips.n_samples, 22050);
    TEST_OK(base_folder_walk(cache, NULL, &arena, &found, &err), err);
    ck_assert_int_eq(found.n_paths, 3);
    data_clips_release(&clips);
    data_manifest_release(&m);
}
END_TEST

START_TEST(works_without_a_place_for_the_cache) {
    const char *folder = data_set();
    ck_assert_float_gt(first_sample(folder, base_path_join(&arena, folder, "a.wav/cache")), 0);
}
END_TEST

START_TEST(a_class_without_a_sound_is_an_error) {
    const char *folder = data_set();
    sound_write_text(&arena, folder, "labels.csv",
                     "path,label\na.wav,kick\nquiet.wav,snare\ntext.wav,snare\n");
    data_manifest m;
    data_clips clips;
    data_audio_options o = options();
    open_manifest(folder, &m);
    TEST_FAILS(data_clips_open(&m, &o, NULL, &clips, &err), BASE_EDATA, err,
               "class 'snare' has nothing left to train on (2 left out; the first: ");
    ck_assert_ptr_null(clips.audio);
    data_manifest_release(&m);
}
END_TEST

/* Sounds for testing alone do not help a class whose others cannot be used. */
START_TEST(a_class_without_a_sound_to_train_on_is_an_error) {
    const char *folder = data_set();
    sound_write_text(&arena, folder, "labels.csv", "path,label\na.wav,kick\nquiet.wav,snare\n");
    sound_write_text(&arena, folder, "test.csv", "path,label\na.wav,snare\n");
    data_manifest m;
    data_clips clips;
    data_audio_options o = options();
    const char *yaml = base_arena_printf(
        &arena, "[{source: csv, path: %s}, {source: csv, path: %s, labels: test.csv, use: test}]",
        folder, folder);
    TEST_OK(sound_open_manifest(&arena, yaml, ".", &m, &err), err);
    TEST_FAILS(data_clips_open(&m, &o, NULL, &clips, &err), BASE_EDATA, err,
               "class 'snare' has nothing left to train on (1 left out; the first: ");
    data_manifest_release(&m);
}
END_TEST

/* Two kicks and two snares; one of them is cut, or its header was never finished. */
static const char *damaged_set(void) {
    const char *folder = test_folder();
    for (int i = 0; i < 4; i++) {
        const char *name = base_arena_printf(&arena, "%s/%d.wav", i % 2 ? "kick" : "snare", i);
        sound_write_tone(&arena, folder, name, (sound_tone){0.2, 200 + 50 * i, 44100, 0.8, 1});
    }
    const char *cut = base_path_join(&arena, folder, "kick/3.wav");
    const char *open = base_path_join(&arena, folder, "snare/2.wav");
    void *bytes;
    size_t n;
    TEST_OK(base_file_read(cut, 0, &bytes, &n, &err), err);
    TEST_OK(base_file_write(cut, bytes, n - 4 * 3000, &err), err); /* of 8820 frames */
    base_free(bytes);
    TEST_OK(base_file_read(open, 0, &bytes, &n, &err), err);
    unsigned char *data = memmem(bytes, n, "data", 4);
    memset(data + 4, 0xFF, 4);
    TEST_OK(base_file_write(open, bytes, n, &err), err);
    base_free(bytes);
    return folder;
}

/* Opens the clips of a folder of classes; `damaged` as the option. */
static base_status open_folder(const char *folder, const data_work *work, int damaged,
                               data_manifest *m, data_clips *clips) {
    data_audio_options o = options();
    o.damaged = damaged;
    *clips = (data_clips){0};
    BASE_TRY(sound_open_manifest(
        &arena, base_arena_printf(&arena, "{source: folder, path: %s}", folder), ".", m, &err));
    base_status status = data_clips_open(m, &o, work, clips, &err);
    if (status != BASE_OK) data_manifest_release(m);
    return status;
}

START_TEST(damaged_sounds_are_left_out_or_marked) {
    const char *folder = damaged_set(), *cache = test_folder();
    data_work work = {.cache_folder = cache};
    for (int turn = 0; turn < 4; turn++) { /* from the files, then from the cache */
        int damaged = turn % 2 ? DATA_DAMAGED_USE : DATA_DAMAGED_REFUSE;
        data_manifest m;
        data_clips clips;
        TEST_OK(open_folder(folder, &work, damaged, &m, &clips), err);
        const data_row *cut = sound_find_row(&m, "kick/3.wav");
        const data_row *open = sound_find_row(&m, "snare/2.wav");
        ck_assert_int_eq(clips.n_clips, damaged == DATA_DAMAGED_USE ? 4 : 3);
        if (damaged == DATA_DAMAGED_USE) {
            ck_assert_ptr_null(cut->left_out);
            ck_assert_str_eq(cut->condition, "damaged: 5820 of 8820 frames");
            ck_assert(sound_has_note(&m, "2 sounds in use are not whole; the first: "));
        } else {
            ck_assert_str_eq(cut->left_out, "damaged: 5820 of 8820 frames");
            ck_assert_ptr_null(cut->condition);
            ck_assert(sound_has_note(&m, "1 sounds in use are not whole; the first: "));
        }
        ck_assert_str_eq(open->condition,
                         "its header was never finalised: read to the end of the file");
        ck_assert_double_eq_tol(open->seconds, 0.2, 1e-9);
        ck_assert_ptr_null(sound_find_row(&m, "kick/1.wav")->condition);
        data_clips_release(&clips);
        data_manifest_release(&m);
    }
    base_walk found;
    TEST_OK(base_folder_walk(cache, NULL, &arena, &found, &err), err);
    ck_assert_int_eq(found.n_paths, 2);
}
END_TEST

/* Reasons do without the path, whatever it looks like: a cache outlives a move of its files. */
START_TEST(reasons_have_no_path) {
    const char *folder = test_folder();
    sound_write_tone(&arena, folder, "kick/a.wav", (sound_tone){0.2, 200, 44100, 0.8, 1});
    sound_write_text(&arena, folder, "kick/\x1b[2J\n.wav", "no sound");
    data_manifest m;
    data_clips clips;
    TEST_OK(open_folder(folder, NULL, DATA_DAMAGED_REFUSE, &m, &clips), err);
    const char *why = sound_find_row(&m, "\n.wav")->left_out;
    ck_assert_msg(strncmp(why, "unreadable: not an audio file", 29) == 0, "%s", why);
    data_clips_release(&clips);
    data_manifest_release(&m);
}
END_TEST

static int64_t n_files(const char *folder) {
    base_walk found;
    TEST_OK(base_folder_walk(folder, NULL, &arena, &found, &err), err);
    return found.n_paths;
}

typedef struct {
    int64_t n;
    char last[BASE_ERROR_SIZE];
} unread;

static void tell(void *context, const char *why) {
    unread *u = context;
    u->n++;
    snprintf(u->last, sizeof u->last, "%s", why);
}

/* Every attempt to open or read a sound fails once. The work fails, naming the file, or has the
 * healthy result; the cache holds the healthy result or nothing. */
START_TEST(a_failed_read_is_never_kept) {
    const char *folder = damaged_set();
    data_manifest m, healthy_m;
    data_clips clips, healthy;
    TEST_OK(open_folder(folder, NULL, DATA_DAMAGED_REFUSE, &healthy_m, &healthy), err);
    long n_attempts = 1, n_failed = 0;
    for (long k = 1; k <= n_attempts; k++) {
        const char *cache = test_folder();
        data_work work = {.cache_folder = cache};
        fail_reads_arm(".wav", k, k % 3 == 0 ? EMFILE : k % 3 == 1 ? EIO : ENOMEM);
        base_status status = open_folder(folder, &work, DATA_DAMAGED_REFUSE, &m, &clips);
        long n_now = fail_reads_disarm();
        if (n_now > n_attempts) n_attempts = n_now;
        if (status != BASE_OK) {
            n_failed++;
            ck_assert_msg(status == BASE_EIO || status == BASE_EMEMORY, "%s", err.text);
            ck_assert_msg(strstr(err.text, ".wav: ") != NULL, "%s", err.text);
            ck_assert_int_eq(n_files(cache), 0);
        }
        for (int turn = 0; turn < 2;
             turn++) { /* what came of it, and what the next run makes of it */
            if (turn == 1 || status != BASE_OK) {
                TEST_OK(open_folder(folder, &work, DATA_DAMAGED_REFUSE, &m, &clips), err);
                ck_assert_int_eq(n_files(cache), 1);
            }
            check_equal(&healthy, &clips);
            data_clips_release(&clips);
            data_manifest_release(&m);
        }
    }
    ck_assert_int_gt(n_attempts, 40);
    ck_assert_int_gt(n_failed, n_attempts / 3);
    data_clips_release(&healthy);
    data_manifest_release(&healthy_m);
}
END_TEST

START_TEST(what_cannot_be_read_can_be_left_out) {
    const char *folder = damaged_set(), *cache = test_folder();
    unread told = {0};
    data_work work = {.cache_folder = cache, .unread = tell, .unread_context = &told};
    data_manifest m;
    data_clips clips;
    for (int turn = 0; turn < 2; turn++) {
        fail_reads_arm("kick/1.wav", 6, EIO); /* in decoding */
        TEST_OK(open_folder(folder, &work, DATA_DAMAGED_USE, &m, &clips), err);
        ck_assert_int_gt(fail_reads_disarm(), 5);
        ck_assert_int_eq(told.n, turn + 1);
        ck_assert_msg(strstr(told.last, "kick/1.wav: Input/output error") != NULL, "%s", told.last);
        ck_assert_str_eq(sound_find_row(&m, "kick/1.wav")->left_out, "could not be read");
        ck_assert_int_eq(clips.n_clips, 3);
        ck_assert_int_eq(n_files(cache), 0);
        data_clips_release(&clips);
        data_manifest_release(&m);
    }
    TEST_OK(open_folder(folder, &work, DATA_DAMAGED_USE, &m, &clips), err);
    ck_assert_int_eq(clips.n_clips, 4);
    ck_assert_int_eq(told.n, 2);
    data_clips_release(&clips);
    data_manifest_release(&m);
}
END_TEST

typedef struct {
    int64_t n_calls, last, limit;
} watch;

static bool watch_progress(void *context, const char *what, int64_t done, int64_t total) {
    watch *w = context;
    ck_assert(what[0] != '\0' && done > w->last && done <= total);
    w->last = done;
    w->n_calls++;
    return w->n_calls < w->limit;
}

START_TEST(progress_is_told_and_may_stop) {
    data_manifest m;
    data_clips clips;
    data_audio_options o = options();
    o.sample_rate_hz = 8000;
    o.seconds = 0.05;
    watch w = {.limit = 100};
    data_work work = {.progress = watch_progress, .progress_context = &w};
    TEST_OK(sound_open_manifest(&arena, "{source: synth, per_class: 10}", ".", &m, &err), err);
    TEST_OK(data_clips_open(&m, &o, &work, &clips, &err), err);
    ck_assert_int_eq(w.last, 10 * DATA_SYNTH_N_CLASSES);
    ck_assert_int_eq(w.n_calls, 3);
    ck_assert_int_eq(clips.n_clips, 10 * DATA_SYNTH_N_CLASSES);
    data_clips_release(&clips);
    w = (watch){.limit = 2};
    TEST_FAILS(data_clips_open(&m, &o, &work, &clips, &err), BASE_ESTOPPED, err,
               "stopped while decoding");
    ck_assert_ptr_null(clips.audio);
    data_manifest_release(&m);
}
END_TEST

START_TEST(clipped_runs_are_counted) {
    const char *folder = test_folder();
    data_audio audio = {base_alloc(205, sizeof(float)), 1, 205, 44100};
    for (int i = 100; i < 105; i++) audio.x[i] = 1.0f;
    audio.x[10] = audio.x[11] = -1.5f; /* a run of two is none */
    TEST_OK(base_folder_make(base_path_join(&arena, folder, "c"), &err), err);
    TEST_OK(data_audio_write(base_path_join(&arena, folder, "c/a.wav"), &audio, &err), err);
    data_audio_release(&audio);
    data_manifest m;
    data_clips clips;
    data_audio_options o = options();
    const char *yaml = base_arena_printf(&arena, "{source: folder, path: %s}", folder);
    TEST_OK(sound_open_manifest(&arena, yaml, ".", &m, &err), err);
    TEST_OK(data_clips_open(&m, &o, NULL, &clips, &err), err);
    ck_assert_int_eq(m.rows[0].n_clipped, 5);
    ck_assert_double_eq(m.rows[0].peak, 1.5);
    data_clips_release(&clips);
    data_manifest_release(&m);
}
END_TEST

TEST_MAIN("data/clips", rows_become_clips, cache_gives_the_same_clips,
          cache_is_read_unless_it_is_broken, cache_follows_content_and_settings,
          works_without_a_place_for_the_cache, a_class_without_a_sound_is_an_error,
          a_class_without_a_sound_to_train_on_is_an_error, progress_is_told_and_may_stop,
          clipped_runs_are_counted, damaged_sounds_are_left_out_or_marked, reasons_have_no_path,
          a_failed_read_is_never_kept, what_cannot_be_read_can_be_left_out)
