#include "train/report/report.h"

#include <math.h>
#include <stdio.h>

#include "tests/run_fixture.h"
#include "tests/test.h"
#include "tests/train/figures.h"
#include "train/report/compare.h"
#include "train/report/plot.h"

static void read_run(const run_fixture *fixture, train_run *run) {
    base_error err;
    const char *folder = test_folder();
    run_fixture_write(fixture, folder);
    TEST_OK(train_run_read(folder, run, &err), err);
}

static char *read_page(const char *path) {
    base_error err;
    void *data;
    size_t n_bytes;
    TEST_OK(base_file_read(path, 0, &data, &n_bytes, &err), err);
    return data;
}

static int count(const char *text, const char *part) {
    int n = 0;
    for (const char *at = text; (at = strstr(at, part)) != NULL; at += strlen(part)) n++;
    return n;
}

static char *write_report(const train_run *run) {
    base_error err;
    char path[4096];
    TEST_OK(train_report_write(run, &err), err);
    snprintf(path, sizeof path, "%s/report.html", run->folder);
    return read_page(path);
}

static void check_balanced(const char *page, const char *tag) {
    char opening[32], closing[32];
    snprintf(opening, sizeof opening, "<%s", tag);
    snprintf(closing, sizeof closing, "</%s>", tag);
    ck_assert_int_eq(count(page, opening), count(page, closing));
}

START_TEST(page_stands_alone) {
    train_run run;
    read_run(&run_fixture_drums, &run);
    char *page = write_report(&run);
    ck_assert_int_eq(count(page, "<script"), 0);
    ck_assert_int_eq(count(page, "src="), 0);
    ck_assert_int_eq(count(page, "href=\"h"), 0);
    ck_assert_int_eq(count(page, "@import"), 0);
    ck_assert_int_eq(count(page, "<svg "), 4);
    static const char *const tags[] = {"table", "tr", "figure", "svg", "dl", "details", "html"};
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) check_balanced(page, tags[i]);
    base_free(page);
    train_run_release(&run);
}
END_TEST

START_TEST(page_says_it_all) {
    train_run run;
    char accuracy[64];
    read_run(&run_fixture_drums, &run);
    char *page = write_report(&run);
    snprintf(accuracy, sizeof accuracy, "<dd>%.1f", 100 * run.main.accuracy.mean);
    const char *const parts[] = {accuracy,         "Confusion",
                                 "closedhat",      "152,901",
                                 "grouped by kit", "2 files &lt;silent&gt; &amp; left out",
                                 "Configuration",  "# &lt;b&gt;",
                                 "Kit ",           "last epoch"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        ck_assert_msg(strstr(page, parts[i]) != NULL, "the page lacks '%s'", parts[i]);
    }
    ck_assert_int_eq(count(page, "packs/"), 0); /* only the last two parts of a path */
    base_free(page);
    train_run_release(&run);
}
END_TEST

START_TEST(page_shows_held_out_sounds) {
    run_fixture fixture = run_fixture_drums;
    train_run run;
    char accuracy[64];
    fixture.n_held_out = 40;
    read_run(&fixture, &run);
    char *page = write_report(&run), *section = strstr(page, "Held-out sounds");
    ck_assert_ptr_nonnull(section);
    snprintf(accuracy, sizeof accuracy, "<dd>%.1f", 100 * run.held_out.accuracy.mean);
    ck_assert_ptr_nonnull(strstr(section, accuracy));
    snprintf(accuracy, sizeof accuracy, "model.h5, scores %.1f", 100 * run.model.pooled.accuracy);
    ck_assert_ptr_nonnull(strstr(section, accuracy));
    ck_assert_ptr_nonnull(strstr(section, "unseen.svg"));
    ck_assert_int_eq(count(page, "<svg "), 5);
    check_balanced(page, "table");
    base_free(page);
    train_run_release(&run);
}
END_TEST

START_TEST(page_of_many_classes_has_no_matrix) {
    enum { N = TRAIN_PLOT_MATRIX_CLASSES + 1 };
    static char names[N][16];
    static const char *classes[N];
    for (int c = 0; c < N; c++) {
        snprintf(names[c], sizeof names[c], "c%03d", c);
        classes[c] = names[c];
    }
    run_fixture fixture = run_fixture_drums;
    train_run run;
    fixture.classes = classes;
    fixture.n_classes = N;
    fixture.clips_per_fold = N;
    fixture.n_folds = 1;
    fixture.n_compare_folds = 0;
    fixture.n_held_out = 4;
    read_run(&fixture, &run);
    char *page = write_report(&run);
    char matrix[4096];
    snprintf(matrix, sizeof matrix, "%s/confusion.svg", run.folder);
    ck_assert(!base_file_exists(matrix));
    ck_assert_int_eq(count(page, "<svg "), 3);
    ck_assert_int_eq(count(page, "of more than 100 classes"), 2);
    base_free(page);
    train_run_release(&run);
}
END_TEST

/* Which is drawn from the clips of all folds together. */
START_TEST(calibration_is_that_of_the_picture) {
    train_run run;
    char text[64];
    read_run(&run_fixture_drums, &run);
    char *page = write_report(&run);
    ck_assert(fabs(run.main.calibration.mean - run.main.pooled.calibration) > 1e-3);
    snprintf(text, sizeof text, "<dt>Calibration error</dt><dd>%.3f", run.main.pooled.calibration);
    ck_assert_int_eq(count(page, text), 1);
    base_free(page);
    train_run_release(&run);
}
END_TEST

START_TEST(page_escapes_names) {
    static const char *const evil[] = {"<script>", "a&b", "\"'", "kick", "snare"};
    run_fixture fixture = run_fixture_drums;
    train_run run;
    fixture.classes = evil;
    fixture.name = "</title><script>";
    read_run(&fixture, &run);
    char *page = write_report(&run);
    ck_assert_int_eq(count(page, "<script"), 0);
    ck_assert_int_gt(count(page, "&lt;script&gt;"), 2);
    base_free(page);
    train_run_release(&run);
}
END_TEST

START_TEST(page_of_a_single_part) {
    run_fixture fixture = run_fixture_drums;
    train_run run;
    fixture.n_folds = 1;
    fixture.n_compare_folds = 0;
    fixture.skill = 40;
    read_run(&fixture, &run);
    char *page = write_report(&run);
    ck_assert_int_eq(count(page, "95\u202F%"), 0); /* no interval from one value */
    ck_assert_int_eq(count(page, "grouped by kit"), 0);
    ck_assert_int_eq(count(page, "every clip was classified as labelled"), 1);
    base_free(page);
    train_run_release(&run);
}
END_TEST

START_TEST(equal_runs_give_equal_pages) {
    train_run run;
    read_run(&run_fixture_drums, &run);
    char *first = write_report(&run), *second = write_report(&run);
    ck_assert_uint_eq(strlen(first), strlen(second));
    ck_assert(strcmp(first, second) == 0);
    base_free(first);
    base_free(second);
    train_run_release(&run);
}
END_TEST

START_TEST(compares_the_same_clips_in_pairs) {
    run_fixture better = run_fixture_drums;
    train_run a, b;
    train_comparison comparison, reverse, self;
    base_error err;
    better.seed = 9;
    better.skill = 6;
    read_run(&run_fixture_drums, &a);
    read_run(&better, &b);
    TEST_OK(train_compare(&a, &b, &comparison, &err), err);
    TEST_OK(train_compare(&b, &a, &reverse, &err), err);
    TEST_OK(train_compare(&a, &a, &self, &err), err);
    ck_assert(comparison.paired);
    double difference = b.main.pooled.accuracy - a.main.pooled.accuracy;
    ck_assert_double_eq_tol(comparison.result.difference, difference, 1e-12);
    ck_assert_double_gt(comparison.result.low, 0);
    ck_assert_double_lt(comparison.result.p_value, 0.05);
    ck_assert_double_eq_tol(reverse.result.difference, -difference, 1e-12);
    ck_assert_double_eq(self.result.difference, 0);
    ck_assert_double_eq(self.result.p_value, 1);
    train_run_release(&a);
    train_run_release(&b);
}
END_TEST

START_TEST(does_not_pair_other_clips) {
    run_fixture other = run_fixture_drums;
    train_run a, b;
    train_comparison comparison;
    base_error err;
    other.first_clip = 1;
    read_run(&run_fixture_drums, &a);
    read_run(&other, &b);
    TEST_OK(train_compare(&a, &b, &comparison, &err), err);
    ck_assert(!comparison.paired);
    ck_assert_double_eq_tol(comparison.result.difference,
                            b.main.accuracy.mean - a.main.accuracy.mean, 1e-12);
    train_run_release(&a);
    train_run_release(&b);
}
END_TEST

/* A run that consists of its folds' accuracies. */
static train_run bare_run(const double *accuracies, int n) {
    static const train_clip_name clips[2] = {{.path = "a"}, {.path = "b"}};
    static const int32_t truth[2];
    static const float p[2] = {1, 1};
    static const char *const classes[] = {"kick"};
    train_run run = {.folder = "x", .facts = {.classes = classes, .n_classes = 1}};
    run.main = (train_fold_set){.n_folds = n,
                                .predictions = {.n = n > 3 ? 2 : 1, /* the clips differ */
                                                .n_classes = 1,
                                                .classes = classes,
                                                .clip = clips,
                                                .truth = truth,
                                                .probability = p},
                                .accuracy = train_interval_of(accuracies, n)};
    return run;
}

START_TEST(welch_agrees_with_scipy) {
    double values[MAX_FIGURES], other[MAX_FIGURES], want[MAX_FIGURES];
    int n = figures_read("interval.values", values), n_other = figures_read("welch.other", other);
    figures_read("welch.low_high_p", want);
    train_run a = bare_run(other, n_other), b = bare_run(values, n);
    train_comparison comparison;
    base_error err;
    TEST_OK(train_compare(&a, &b, &comparison, &err), err);
    ck_assert(!comparison.paired);
    ck_assert_double_eq_tol(comparison.result.low, want[0], 1e-12);
    ck_assert_double_eq_tol(comparison.result.high, want[1], 1e-12);
    ck_assert_double_eq_tol(comparison.result.p_value, want[2], 1e-12);
    train_run one = bare_run(other, 1);
    TEST_OK(train_compare(&one, &b, &comparison, &err), err);
    ck_assert_double_nan(comparison.result.low);
}
END_TEST

static char *write_comparison(const train_run *runs, int n_runs, const train_sounds *sounds,
                              const char *path) {
    base_error err;
    base_arena arena = {0};
    train_compared compared;
    TEST_OK(train_compare_all(runs, n_runs, &arena, &compared, &err), err);
    TEST_OK(train_report_compare(&compared, path, sounds, &err), err);
    base_arena_release(&arena);
    return read_page(path);
}

START_TEST(comparison_page) {
    run_fixture other = run_fixture_drums;
    train_run runs[3];
    char path[4096], picture[4096];
    read_run(&other, &runs[0]);
    other.name = "<second>";
    other.seed = 4;
    read_run(&other, &runs[1]);
    other.first_clip = 5;
    read_run(&other, &runs[2]);
    const char *folder = test_folder();
    snprintf(path, sizeof path, "%s/compare.html", folder);
    snprintf(picture, sizeof picture, "%s/compare-curves.svg", folder);
    char *page = write_comparison(runs, 3, NULL, path);
    ck_assert_int_eq(count(page, "&lt;second&gt;"), 7);
    ck_assert_int_eq(count(page, "paired, over 180 clips"), 1);
    ck_assert_int_eq(count(page, "the clips differ"), 1);
    ck_assert_int_eq(count(page, "<summary>Classes: "), 2);
    ck_assert_int_eq(count(page, "<summary>Clips: "), 1); /* of those that tested the same */
    ck_assert_int_eq(count(page, "<svg role"), 1);
    ck_assert(base_file_exists(picture));
    ck_assert_int_eq(count(page, "<audio"), 0);
    static const char *const tags[] = {"table", "tr", "td", "details", "pre", "html"};
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) check_balanced(page, tags[i]);
    base_free(page);
    page = write_comparison(runs, 1, NULL, path);
    ck_assert_int_eq(count(page, "Accuracy against"), 0);
    base_free(page);
    for (int i = 0; i < 3; i++) train_run_release(&runs[i]);
}
END_TEST

/* Every other clip has a sound. */
static base_status find_sound(void *context, const train_run *run, const train_clip_name *clip,
                              const char **href, base_error *err) {
    (void)run, (void)clip, (void)err;
    int *n = context;
    *href = (*n)++ % 2 == 0 ? "sounds/\"1\".wav" : NULL;
    return BASE_OK;
}

START_TEST(mistakes_can_be_played) {
    run_fixture other = run_fixture_drums;
    train_run runs[2];
    base_error err;
    char path[4096];
    int n = 0;
    const train_sounds sounds = {find_sound, &n};
    other.seed = 9;
    read_run(&run_fixture_drums, &runs[0]);
    read_run(&other, &runs[1]);
    TEST_OK(train_report_write_with(&runs[0], &sounds, &err), err);
    snprintf(path, sizeof path, "%s/report.html", runs[0].folder);
    char *page = read_page(path);
    ck_assert_int_gt(n, 4);
    ck_assert_int_eq(
        count(page, "<audio controls preload=\"none\" src=\"sounds/&quot;1&quot;.wav\">"),
        (n + 1) / 2);
    check_balanced(page, "audio");
    base_free(page);
    n = 0;
    snprintf(path, sizeof path, "%s/compare.html", test_folder());
    page = write_comparison(runs, 2, &sounds, path);
    ck_assert_int_gt(n, 4);
    ck_assert_int_eq(count(page, "<audio "), (n + 1) / 2);
    base_free(page);
    for (int r = 0; r < 2; r++) train_run_release(&runs[r]);
}
END_TEST

TEST_MAIN("train/report/report", calibration_is_that_of_the_picture, page_stands_alone,
          page_says_it_all, page_shows_held_out_sounds, page_of_many_classes_has_no_matrix,
          page_escapes_names, page_of_a_single_part, equal_runs_give_equal_pages,
          compares_the_same_clips_in_pairs, does_not_pair_other_clips, welch_agrees_with_scipy,
          comparison_page, mistakes_can_be_played)
