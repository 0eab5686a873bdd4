#include "train/report/plot.h"

#include <math.h>
#include <stdio.h>

#include "tests/memory.h"
#include "tests/run_fixture.h"
#include "tests/test.h"
#include "train/report/plot_axes.h"
#include "train/report/plot_canvas.h"
#include "train/report/plot_svg.h"

static void *read_file(const char *folder, const char *name, size_t *n_bytes) {
    base_error err;
    char path[4096];
    void *data;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    TEST_OK(base_file_read(path, 0, &data, n_bytes, &err), err);
    return data;
}

static void check_equal(const char *folder, const char *a, const char *b) {
    size_t n_a, n_b;
    void *data_a = read_file(folder, a, &n_a), *data_b = read_file(folder, b, &n_b);
    ck_assert_uint_eq(n_a, n_b);
    ck_assert_msg(memcmp(data_a, data_b, n_a) == 0, "%s and %s differ", a, b);
    base_free(data_a);
    base_free(data_b);
}

/* Width and height from the PNG's first chunk. */
static void png_size(const char *folder, const char *name, uint32_t *width, uint32_t *height) {
    size_t n_bytes;
    uint8_t *png = read_file(folder, name, &n_bytes);
    ck_assert_uint_gt(n_bytes, 24);
    ck_assert_mem_eq(png, "\x89PNG\r\n\x1a\n", 8);
    *width = (uint32_t)png[16] << 24 | (uint32_t)png[17] << 16 | (uint32_t)png[18] << 8 | png[19];
    *height = (uint32_t)png[20] << 24 | (uint32_t)png[21] << 16 | (uint32_t)png[22] << 8 | png[23];
    base_free(png);
}

static void read_run(const run_fixture *fixture, train_run *run) {
    base_error err;
    const char *folder = test_folder();
    run_fixture_write(fixture, folder);
    TEST_OK(train_run_read(folder, run, &err), err);
}

static void draw_all(const train_run *run, const char *folder) {
    base_error err;
    const train_facts *f = &run->facts;
    TEST_OK(train_plot_confusion(&(train_plot_matrix){&run->main.pooled, f->classes, f->name},
                                 folder, "m", &err),
            err);
    TEST_OK(train_plot_curves(&run->main, folder, "l", &err), err);
    TEST_OK(train_plot_reliability(&run->main, folder, "r", &err), err);
    TEST_OK(train_plot_classes(&(train_plot_counts){f->classes, f->class_counts, f->n_classes},
                               folder, "c", &err),
            err);
}

START_TEST(equal_runs_give_equal_bytes) {
    static const char *const files[] = {"m.svg", "m.png", "l.svg", "l.png",
                                        "r.svg", "r.png", "c.svg", "c.png"};
    train_run run;
    read_run(&run_fixture_drums, &run);
    const char *folder = test_folder();
    base_error err;
    char again[4096];
    snprintf(again, sizeof again, "%s/again", folder);
    TEST_OK(base_folder_make(again, &err), err);
    draw_all(&run, folder);
    draw_all(&run, again);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char other[64];
        snprintf(other, sizeof other, "again/%s", files[i]);
        check_equal(folder, files[i], other);
    }
    train_run_release(&run);
}
END_TEST

/* Predictions of two classes with the confidences that reliability is about. */
static float made_probability[400];
static int32_t made_truth[200];

static void add_clips(train_predictions *p, float confidence, int n, int n_right) {
    for (int i = 0; i < n; i++, p->n++) {
        made_probability[2 * p->n] = confidence;
        made_probability[2 * p->n + 1] = 1 - confidence;
        made_truth[p->n] = i >= n_right;
    }
}

/* Points of the widest line that is drawn as one path. */
static int line_points(const char *folder, const char *name) {
    int most = 0;
    size_t n_bytes;
    char *svg = read_file(folder, name, &n_bytes);
    for (size_t i = 0; i < n_bytes; i++) {
        int n = 1;
        if (strncmp(svg + i, "stroke-width:1.5;", 17) != 0) continue;
        for (; svg[i] != '>'; i++) n += svg[i] == 'L';
        most = n > most ? n : most;
    }
    base_free(svg);
    return most;
}

START_TEST(a_bin_of_one_clip_draws_no_spike) {
    base_error err;
    const char *folder = test_folder();
    train_fold_set set = {
        .n_folds = 1,
        .predictions = {.n_classes = 2, .probability = made_probability, .truth = made_truth}};
    add_clips(&set.predictions, 0.55F, 40, 20);
    add_clips(&set.predictions, 0.75F, 40, 30);
    add_clips(&set.predictions, 0.95F, 40, 38);
    TEST_OK(train_plot_reliability(&set, folder, "three", &err), err);
    add_clips(&set.predictions, 0.85F, 1, 0);
    TEST_OK(train_plot_reliability(&set, folder, "four", &err), err);
    ck_assert_int_eq(line_points(folder, "three.svg"), 3);
    ck_assert_int_eq(line_points(folder, "four.svg"), 3);
}
END_TEST

START_TEST(a_picture_grows_with_its_names) {
    static const char *const hostile[] = {"closedhat", "<&>\xff\x01", "a name of some length",
                                          "\xd8\xb7\xd8\xa8\xd9\x84", ""};
    run_fixture fixture = run_fixture_drums;
    train_run run;
    uint32_t narrow, wide, height;
    base_error err;
    read_run(&fixture, &run);
    const char *folder = test_folder();
    draw_all(&run, folder);
    png_size(folder, "m.png", &narrow, &height);
    TEST_OK(train_plot_confusion(&(train_plot_matrix){&run.main.pooled, hostile, ""}, folder, "m",
                                 &err),
            err);
    png_size(folder, "m.png", &wide, &height);
    double more =
        train_text_width(hostile[2], 11.5, false) - train_text_width("closedhat", 11.5, false);
    ck_assert_double_gt(more, 20);
    ck_assert_uint_ge(wide, narrow + (uint32_t)(2 * more) - 2);
    train_run_release(&run);
}
END_TEST

/* cairo draws no image of more than 32767 pixels in a row. */
START_TEST(long_names_and_many_classes_are_drawn) {
    enum { N = 1500, NAME = 6000 };
    static char name[NAME + 1];
    static const char *classes[N];
    static int64_t counts[N];
    uint32_t width, height;
    base_error err;
    const char *folder = test_folder();
    memset(name, 'x', NAME);
    for (int c = 0; c < N; c++) classes[c] = "kick";
    classes[1] = name;
    int64_t confusion[4] = {1, 0, 0, 1}, support[2] = {1, 1};
    double shares[2] = {1, 1};
    train_metrics m = {.n_classes = 2,
                       .n = 2,
                       .confusion = confusion,
                       .support = support,
                       .precision = shares,
                       .recall = shares,
                       .f1 = shares};
    TEST_OK(train_plot_confusion(&(train_plot_matrix){&m, classes, ""}, folder, "m", &err), err);
    png_size(folder, "m.png", &width, &height);
    ck_assert_uint_lt(width, 4000);
    ck_assert_double_eq(train_text_width(name, 11.5, false),
                        train_text_width(name + NAME - 101, 11.5, false));
    ck_assert_double_ne(train_text_width(name + NAME - 100, 11.5, false),
                        train_text_width(name + NAME - 101, 11.5, false));
    TEST_OK(train_plot_classes(&(train_plot_counts){classes, counts, N}, folder, "c", &err), err);
    png_size(folder, "c.png", &width, &height);
    ck_assert_uint_le(height, 32000);
    ck_assert_uint_gt(height, 30000);
}
END_TEST

static train_fold_set histories(train_epoch *epochs, int64_t n, train_fold *folds, int n_folds) {
    for (int f = 0; f < n_folds; f++) folds[f] = (train_fold){.epochs = epochs, .n_epochs = n};
    return (train_fold_set){.n_folds = n_folds, .folds = folds};
}

START_TEST(curves_of_odd_histories) {
    train_epoch epochs[] = {{1, 0, NAN, NAN, 1, 1}, {2, 0, 1, INFINITY, 1, 1}, {3, 0, 1, 1, 1, 1}};
    train_fold folds[2];
    base_error err;
    const char *folder = test_folder();
    for (int64_t n = 0; n <= 3; n++) {
        train_fold_set set = histories(epochs, n, folds, 2);
        folds[0].best_epoch = n;
        TEST_OK(train_plot_curves(&set, folder, "l", &err), err);
    }
    train_fold_set none = {0};
    TEST_OK(train_plot_curves(&none, folder, "l", &err), err);
}
END_TEST

START_TEST(sounds_have_axes) {
    static float x[4410], mel[40 * 50];
    base_error err;
    uint32_t one, four, height;
    for (int i = 0; i < 4410; i++) x[i] = (float)sin(0.05 * i);
    for (int i = 0; i < 40 * 50; i++) mel[i] = (float)(-i % 70);
    const train_plot_sound sound = {"kick", x, 4410, 44100, mel, 40, 50, 22050};
    const train_plot_sound silent = {"nothing", x, 0, 44100, mel, 40, 1, 8000};
    const train_plot_sound all[] = {sound, sound, silent, sound};
    const char *folder = test_folder();
    TEST_OK(train_plot_sounds(all, 1, folder, "one", &err), err);
    TEST_OK(train_plot_sounds(all, 4, folder, "four", &err), err);
    TEST_OK(train_plot_sounds(all, 4, folder, "fore", &err), err);
    png_size(folder, "one.png", &one, &height);
    png_size(folder, "four.png", &four, &height);
    ck_assert_uint_gt(four, 2 * one);
    check_equal(folder, "four.png", "fore.png");
}
END_TEST

START_TEST(says_where_it_cannot_write) {
    base_error err;
    static const int64_t count = 1;
    static const char *const name = "kick";
    ck_assert_int_ne(
        train_plot_classes(&(train_plot_counts){&name, &count, 1}, "/nonexistent", "c", &err),
        BASE_OK);
    ck_assert_ptr_nonnull(strstr(err.text, "/nonexistent/c.svg"));
}
END_TEST

START_TEST(ids_are_renamed_in_order) {
    base_text out = {0};
    train_svg_rename_ids("<g id=\"s17\"><use xlink:href=\"#g0-1\"/><p clip-path=\"url(#s17)\"/>"
                         "<use xlink:href=\"#g0-1\"/></g>",
                         "pic", &out);
    ck_assert_str_eq(base_text_string(&out),
                     "<g id=\"pic-1\"><use xlink:href=\"#pic-2\"/><p clip-path=\"url(#pic-1)\"/>"
                     "<use xlink:href=\"#pic-2\"/></g>");
    base_text_release(&out);
}
END_TEST

START_TEST(map_darkens_evenly) {
    double last = 2;
    for (int i = 0; i <= 20; i++) {
        train_colour c = train_colour_map(i / 20.0);
        double luminance = 0.2126 * pow(c.r, 2.2) + 0.7152 * pow(c.g, 2.2) + 0.0722 * pow(c.b, 2.2);
        double lightness = cbrt(luminance);
        ck_assert_double_lt(lightness, last);
        if (i > 0) ck_assert_double_eq_tol(last - lightness, 0.76 / 20, 0.02);
        last = lightness;
        /* Numbers on it keep the contrast that WCAG asks of large text. */
        double ink = pow(train_colour_on_map(i / 20.0).g, 2.2);
        double contrast = (fmax(ink, luminance) + 0.05) / (fmin(ink, luminance) + 0.05);
        ck_assert_double_gt(contrast, 3.5);
    }
}
END_TEST

START_TEST(ticks_are_round) {
    double ticks[TRAIN_MAX_TICKS];
    int decimals;
    ck_assert_int_eq(train_ticks(0, 1, 5, ticks, &decimals), 6);
    ck_assert_double_eq_tol(ticks[1], 0.2, 1e-12);
    ck_assert_int_eq(decimals, 1);
    ck_assert_int_eq(train_ticks(1, 40, 6, ticks, &decimals), 4);
    ck_assert_double_eq(ticks[0], 10);
    ck_assert_int_eq(decimals, 0);
    double low = 0.43, high = 0.97;
    train_ticks_widen(&low, &high, 4);
    ck_assert_double_eq_tol(low, 0.4, 1e-12);
    ck_assert_double_eq_tol(high, 1, 1e-12);
    low = high = 3;
    train_ticks_widen(&low, &high, 4);
    ck_assert_double_lt(low, 3);
    ck_assert_double_gt(high, 3);
}
END_TEST

/* Without memory a picture fails; it does not come out another. */
START_TEST(pictures_are_right_or_refused) {
    base_error err;
    train_run run;
    read_run(&run_fixture_drums, &run);
    const train_facts *f = &run.facts;
    const train_plot_matrix matrix = {&run.main.pooled, f->classes, f->name};
    const char *folder = test_folder();
    TEST_OK(train_plot_confusion(&matrix, folder, "whole", &err), err);
    memory_refuse(0);
    TEST_OK(train_plot_confusion(&matrix, folder, "some", &err), err);
    int64_t n = memory_requests();
    ck_assert_int_gt(n, 0);
    for (int64_t i = 1; i <= n; i++) {
        memory_refuse(i);
        base_status status = train_plot_confusion(&matrix, folder, "whole", &err);
        memory_refuse(0);
        ck_assert_int_eq(status, BASE_EMEMORY);
    }
    train_run_release(&run);
}
END_TEST

TEST_MAIN("train/report/plot", equal_runs_give_equal_bytes, a_picture_grows_with_its_names,
          a_bin_of_one_clip_draws_no_spike, long_names_and_many_classes_are_drawn,
          curves_of_odd_histories, sounds_have_axes, says_where_it_cannot_write,
          ids_are_renamed_in_order, map_darkens_evenly, ticks_are_round,
          pictures_are_right_or_refused)
