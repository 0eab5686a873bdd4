#include "infer/library/index.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "infer/library/sounds.h"
#include "tests/model_make.h"
#include "tests/sound.h"
#include "tests/test.h"

enum { N_FILES = 13 }; /* odd, so that numbers lie at odd places */

static base_error err;
static base_arena arena;
static infer_model *model;
static const char *folder, *sounds, *path; /* of the model, the sounds, the index */
static library_files found;
static library_index before, after;
static library_changes changes;
static int n_told, n_before_stop;

static const char *in(const char *name) {
    return base_path_join(&arena, sounds, name);
}

static void write_tone(const char *name, double hz) {
    sound_tone tone = {.seconds = 0.06, .hz = hz, .rate_hz = 22050, .peak = 0.5, .n_channels = 1};
    sound_write_tone(&arena, sounds, name, tone);
}

static void setup(void) {
    folder = test_folder();
    sounds = base_path_join(&arena, folder, "my sounds");
    path = in(LIBRARY_INDEX_NAME);
    const char *model_path = base_path_join(&arena, folder, "model.h5");
    model_make(model_path, 1);
    TEST_OK(infer_model_open(model_path, 4, NULL, &model, &err), err);
    for (int i = 0; i < N_FILES; i++) {
        char name[32];
        snprintf(name, sizeof name, "kit/%02d.wav", i);
        write_tone(name, 120 + 30 * i);
    }
    n_told = 0;
    n_before_stop = -1;
}

static void teardown(void) {
    library_index_release(&before);
    library_index_release(&after);
    infer_model_free(model);
    base_arena_release(&arena);
}

static void count(void *context, const char *why) {
    (void)context;
    ck_assert_ptr_nonnull(strstr(why, "bad.wav: "));
    n_told++;
}

static bool go_on(void *context, const char *what, int64_t done, int64_t total) {
    (void)context;
    ck_assert_int_le(done, total);
    return strcmp(what, "listening") != 0 || done != n_before_stop;
}

static base_status update_in(const char *const *arguments, int n, const library_index *old) {
    library_find_request request = {.arguments = arguments, .n_arguments = n};
    TEST_OK(library_find(&request, &arena, &found, &err), err);
    library_update job = {.model = model,
                          .model_digest = {1, 2},
                          .model_name = "model.h5",
                          .files = &found,
                          .path = path,
                          .old = old,
                          .progress = go_on,
                          .failed = count};
    library_index_release(&after);
    return library_index_update(&job, &after, &changes, &err);
}

static void update(void) {
    library_index_release(&before);
    bool there = base_file_exists(path);
    if (there) TEST_OK(library_index_read(path, &before, &err), err);
    TEST_OK(update_in(&sounds, 1, there ? &before : NULL), err);
}

static void expect(int64_t kept, int64_t known, int64_t heard, int64_t removed) {
    ck_assert_int_eq(changes.n_kept, kept);
    ck_assert_int_eq(changes.n_known, known);
    ck_assert_int_eq(changes.n_heard, heard);
    ck_assert_int_eq(changes.n_removed, removed);
}

static const library_entry *entry_of(const library_index *index, const char *name) {
    for (int64_t i = 0; i < index->n; i++) {
        if (strcmp(index->entries[i].name, name) == 0) return &index->entries[i];
    }
    ck_abort_msg("no entry %s", name);
}

static bool check_sound(void *context, const library_sound *sound) {
    const library_index *index = context;
    int64_t i = entry_of(index, sound->path + strlen(sounds) + 1) - index->entries;
    const library_entry *e = &index->entries[i];
    ck_assert_mem_eq(index->embedding + i * index->width, sound->embedding,
                     (size_t)index->width * sizeof(float));
    ck_assert_mem_eq(index->probability + i * index->n_classes, sound->probability,
                     (size_t)index->n_classes * sizeof(float));
    ck_assert_int_eq(e->best, sound->best);
    ck_assert_double_eq(e->seconds, sound->seconds);
    ck_assert_mem_eq(&e->pitch_hz, &sound->pitch_hz, sizeof e->pitch_hz);
    ck_assert_double_eq(e->loudness_lufs, sound->loudness_lufs);
    ck_assert(base_digest_equal(e->content, sound->content));
    ck_assert_int_eq(e->stamp.modified_ns, sound->stamp.modified_ns);
    ck_assert_float_eq((float)library_entry_confidence(index, i), sound->probability[e->best]);
    return true;
}

START_TEST(it_holds_what_was_heard_and_reads_back) {
    const char *paths[N_FILES];
    setup();
    update();
    expect(0, 0, N_FILES, 0);
    ck_assert_int_eq(after.n, N_FILES);
    library_index_release(&before);
    TEST_OK(library_index_read(path, &before, &err), err);
    ck_assert_int_eq(before.n, N_FILES);
    ck_assert_int_eq(before.width, MODEL_MAKE_EMBEDDING);
    ck_assert_str_eq(before.classes[1], "snare");
    ck_assert_str_eq(before.model_name, "model.h5");
    ck_assert_str_eq(before.entries[3].name, "kit/03.wav");
    ck_assert_str_eq(library_entry_path(&before.entries[3], path, &arena), in("kit/03.wav"));
    for (int i = 0; i < N_FILES; i++) paths[i] = in(before.entries[i].name);
    library_listen_job job = {.model = model,
                              .paths = paths,
                              .n = N_FILES,
                              .measures = true,
                              .handler = check_sound,
                              .context = &before};
    TEST_OK(library_listen(&job, &err), err);
    teardown();
}
END_TEST

static void set_time(const char *name, int64_t seconds) {
    const struct timespec times[2] = {{.tv_sec = seconds}, {.tv_sec = seconds}};
    ck_assert_int_eq(utimensat(AT_FDCWD, in(name), times, 0), 0);
}

/* Whatever way it came about, its bytes are those of a fresh one. */
static void expect_as_fresh(void) {
    void *kept, *fresh;
    size_t n_kept, n_fresh;
    TEST_OK(base_file_read(path, 0, &kept, &n_kept, &err), err);
    ck_assert_int_eq(unlink(path), 0);
    update();
    TEST_OK(base_file_read(path, 0, &fresh, &n_fresh, &err), err);
    ck_assert_int_eq(n_kept, n_fresh);
    ck_assert_mem_eq(kept, fresh, n_kept);
    base_free(kept);
    base_free(fresh);
}

START_TEST(only_what_changed_is_heard_again) {
    setup();
    update();
    base_file_stamp written, again;
    ck_assert(base_file_stat(path, &written));
    update();
    expect(N_FILES, 0, 0, 0);
    ck_assert(changes.same);
    ck_assert(base_file_stat(path, &again));
    ck_assert_int_eq(written.modified_ns, again.modified_ns);
    set_time("kit/00.wav", 1000);                                       /* touched */
    ck_assert_int_eq(rename(in("kit/01.wav"), in("kit/moved.wav")), 0); /* moved */
    ck_assert_int_eq(unlink(in("kit/02.wav")), 0);                      /* removed */
    ck_assert_int_eq(link(in("kit/03.wav"), in("kit/copy.wav")), 0);    /* copied */
    write_tone("kit/04.wav", 999);                                      /* changed */
    write_tone("kit/new.wav", 555);
    write_tone("kit/new too.wav", 555); /* new twice */
    update();
    ck_assert(!changes.same);
    expect(N_FILES - 4, 4, 2, 2);
    ck_assert_int_eq(after.n, N_FILES + 2);
    ck_assert_ptr_null(entry_of(&after, "kit/new too.wav")->error);
    expect_as_fresh();
    teardown();
}
END_TEST

START_TEST(what_cannot_be_heard_is_named_each_time) {
    setup();
    sound_write_text(&arena, sounds, "bad.wav", "no sound");
    sound_write_text(&arena, sounds, "worse bad.wav", "no sound");
    update();
    expect(0, 1, N_FILES + 1, 0);
    ck_assert_int_eq(n_told, 2);
    ck_assert_int_eq(changes.n_failed, 2);
    update();
    ck_assert(changes.same);
    ck_assert_int_eq(n_told, 4);
    const library_entry *bad = entry_of(&before, "bad.wav");
    ck_assert_ptr_nonnull(bad->error);
    ck_assert_ptr_null(strstr(bad->error, sounds));
    ck_assert_int_eq(bad->best, INFER_UNKNOWN);
    write_tone("bad.wav", 300);
    update();
    ck_assert_int_eq(changes.n_failed, 1);
    ck_assert_ptr_null(entry_of(&after, "bad.wav")->error);
    expect_as_fresh();
    teardown();
}
END_TEST

START_TEST(stopped_it_keeps_what_it_has_heard) {
    setup();
    n_before_stop = 5;
    ck_assert_int_eq(update_in(&sounds, 1, NULL), BASE_ESTOPPED);
    n_before_stop = -1;
    TEST_OK(library_index_read(path, &before, &err), err);
    ck_assert_int_eq(before.n, N_FILES);
    ck_assert_ptr_null(before.entries[4].error);
    ck_assert_str_eq(before.entries[5].error, "not heard yet");
    update();
    expect(5, 0, N_FILES - 5, 0);
    expect_as_fresh();
    teardown();
}
END_TEST

START_TEST(a_file_given_by_two_ways_is_one) {
    setup();
    const char *there = base_path_join(&arena, folder, "my sounds/../my sounds/kit");
    const char *arguments[] = {sounds, there, in("kit/00.wav")};
    path = base_path_join(&arena, folder, "all.h5");
    TEST_OK(update_in(arguments, 3, NULL), err);
    ck_assert_int_eq(after.n, N_FILES);
    ck_assert_str_eq(after.entries[0].name, "my sounds/kit/00.wav");
    teardown();
}
END_TEST

START_TEST(an_index_of_another_model_is_one_line) {
    setup();
    update();
    TEST_OK(library_index_check_model(&after, path, (base_digest){1, 2}, &err), err);
    TEST_FAILS(library_index_check_model(&after, path, (base_digest){1, 3}, &err), BASE_EMISMATCH,
               err, ".rimshot-index.h5: an index of another model (model.h5)");
    const char *other = base_path_join(&arena, folder, "model.h5");
    TEST_FAILS(library_index_read(other, &before, &err), BASE_EMISMATCH, err, "model.h5");
    teardown();
}
END_TEST

START_TEST(the_table_says_the_same) {
    void *text;
    size_t n;
    setup();
    sound_write_text(&arena, sounds, "bad.wav", "no sound");
    update();
    const char *csv = base_path_join(&arena, folder, "index.csv");
    TEST_OK(library_index_write_csv(&after, csv, &err), err);
    TEST_OK(base_file_read(csv, 0, &text, &n, &err), err);
    static const char head[] = "path,class,confidence,pitch_hz,loudness_lufs,seconds,size_bytes,"
                               "modified_s,content,error\nbad.wav,,,,,,,,,";
    ck_assert_int_eq(strncmp(text, head, sizeof head - 1), 0);
    int n_lines = 0;
    for (const char *c = text; *c; c++) n_lines += *c == '\n';
    ck_assert_int_eq(n_lines, N_FILES + 2);
    base_free(text);
    teardown();
}
END_TEST

/* A well-formed file that says something else. */
static void write_with(int64_t n_model, const char *const *names, int32_t class_index,
                       float number) {
    base_h5_writer *file;
    const int64_t two = 2, shape[] = {2, 2}, none = 0;
    const int64_t pairs[4] = {0};
    const double d[2] = {0};
    const int32_t best[2] = {0, class_index};
    const float x[4] = {0, number};
    const char *const classes[] = {"kick", "snare"};
    TEST_OK(base_h5_writer_new("index", 1, &file, &err), err);
    base_h5_put(file, "model", BASE_H5_I64, 1, &n_model, pairs, &err);
    base_h5_put_string(file, "model_name", "m", &err);
    base_h5_put_strings(file, "classes", 2, classes, &err);
    base_h5_put_strings(file, "path", 2, names, &err);
    const char *const wide[] = {"size_bytes", "modified_ns"}, *const twice[] = {"bytes", "content"};
    const char *const real[] = {"seconds", "pitch_hz", "loudness_lufs"};
    for (int i = 0; i < 2; i++) base_h5_put(file, wide[i], BASE_H5_I64, 1, &two, pairs, &err);
    for (int i = 0; i < 2; i++) base_h5_put(file, twice[i], BASE_H5_I64, 2, shape, pairs, &err);
    for (int i = 0; i < 3; i++) base_h5_put(file, real[i], BASE_H5_F64, 1, &two, d, &err);
    base_h5_put(file, "class", BASE_H5_I32, 1, &two, best, &err);
    base_h5_put(file, "probability", BASE_H5_F32, 2, shape, x, &err);
    base_h5_put(file, "embedding", BASE_H5_F32, 2, shape, x, &err);
    base_h5_put(file, "failed", BASE_H5_I64, 1, &none, pairs, &err);
    base_h5_put_strings(file, "failed_why", 0, NULL, &err);
    TEST_OK(base_h5_writer_finish(file, path, &err), err);
}

START_TEST(what_no_index_says_is_refused) {
    static const char *const good[] = {"a", "b"}, *const swapped[] = {"b", "a"};
    setup();
    write_with(2, good, 1, 1);
    TEST_OK(library_index_read(path, &before, &err), err);
    library_index_release(&before);
    write_with(2, swapped, 1, 1);
    TEST_FAILS(library_index_read(path, &before, &err), BASE_EFORMAT, err, "out of order");
    write_with(2, good, 2, 1);
    TEST_FAILS(library_index_read(path, &before, &err), BASE_EFORMAT, err, "a class that it does");
    write_with(2, good, 1, NAN);
    TEST_FAILS(library_index_read(path, &before, &err), BASE_EFORMAT, err, "not finite");
    write_with(1, good, 1, 1);
    TEST_FAILS(library_index_read(path, &before, &err), BASE_ESHAPE, err, "model");
    teardown();
}
END_TEST

TEST_MAIN("infer/library/index", it_holds_what_was_heard_and_reads_back,
          only_what_changed_is_heard_again, what_cannot_be_heard_is_named_each_time,
          stopped_it_keeps_what_it_has_heard, a_file_given_by_two_ways_is_one,
          an_index_of_another_model_is_one_line, the_table_says_the_same,
          what_no_index_says_is_refused)
