#include "train/run.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "base/csv.h"
#include "tests/run_fixture.h"
#include "tests/test.h"

static const char *in(const char *folder, const char *name) {
    static char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static const char *fixture(void) {
    const char *folder = test_folder();
    run_fixture_write(&run_fixture_drums, folder);
    return folder;
}

static void replace(const char *folder, const char *name, const char *content) {
    base_error err;
    TEST_OK(base_file_write(in(folder, name), content, strlen(content), &err), err);
}

START_TEST(reads_a_run_back) {
    base_error err;
    train_run run;
    TEST_OK(train_run_read(fixture(), &run, &err), err);
    ck_assert_str_eq(run.facts.name, "drums");
    ck_assert_int_eq(run.facts.n_classes, 5);
    ck_assert_str_eq(run.facts.classes[4], "tom");
    ck_assert_int_eq(run.facts.class_counts[0], 90);
    ck_assert_int_eq(run.facts.n_param, 152901);
    ck_assert_uint_eq(run.facts.memory_bytes, (size_t)41 << 20);
    ck_assert_str_eq(run.facts.compared_by, "kit");
    ck_assert_int_eq(run.facts.n_notes, 1);
    ck_assert_str_eq(run.facts.notes[0], "2 files <silent> & left out");
    ck_assert(!run.has_model);
    ck_assert_ptr_nonnull(strstr(run.config, "epochs: 12"));
    ck_assert_int_eq(run.main.n_folds, 3);
    ck_assert_int_eq(run.main.predictions.n, 180);
    ck_assert_ptr_eq(run.main.folds[2].predictions.truth, run.main.predictions.truth + 120);
    ck_assert_int_eq(run.main.folds[2].n_epochs, 12);
    ck_assert_int_eq(run.main.folds[2].predictions.n, 60);
    ck_assert_int_eq(run.compare.n_folds, 2);
    ck_assert_int_eq(run.compare.pooled.n, 120);
    train_run_release(&run);
}
END_TEST

START_TEST(reads_what_was_held_out) {
    base_error err;
    train_run run;
    void *json;
    size_t n_bytes;
    run_fixture with = run_fixture_drums;
    with.n_held_out = 40;
    const char *folder = test_folder();
    run_fixture_write(&with, folder);
    TEST_OK(train_run_read(folder, &run, &err), err);
    ck_assert_int_eq(run.facts.n_held_out, 40);
    ck_assert_int_eq(run.held_out.n_folds, 3);
    ck_assert_int_eq(run.held_out.predictions.n, 120);
    ck_assert_int_eq(run.held_out.pooled.n, 120);
    ck_assert_int_eq(run.held_out.folds[1].metrics.n, 40);
    for (int i = 0; i < 40; i++) {
        const char *path = run.held_out.predictions.clip[i].path;
        ck_assert_str_eq(path, run.held_out.predictions.clip[40 + i].path);
        ck_assert_str_eq(path, run.model.predictions.clip[i].path);
    }
    double sum = 0;
    for (int f = 0; f < 3; f++) sum += run.held_out.folds[f].metrics.accuracy;
    ck_assert_double_eq_tol(run.held_out.accuracy.mean, sum / 3, 1e-15);
    ck_assert_double_ne(run.model.pooled.log_loss, run.held_out.folds[0].metrics.log_loss);
    TEST_OK(train_run_write_summary(&run, &err), err);
    TEST_OK(base_file_read(in(folder, "summary.json"), 0, &json, &n_bytes, &err), err);
    char part[64];
    snprintf(part, sizeof part, "\"accuracy\": {\"mean\": %.6f", run.held_out.accuracy.mean);
    ck_assert_ptr_nonnull(strstr(strstr(json, "\"unseen\": {"), part));
    ck_assert_ptr_nonnull(strstr(json, "\"unseen_by_model\": {\"clips\": 40,"));
    ck_assert_ptr_nonnull(strstr(json, "\"n_unseen\": 40,"));
    base_free(json);
    train_run_release(&run);
    unlink(in(folder, "unseen.csv")); /* train.final: none */
    TEST_OK(train_run_read(folder, &run, &err), err);
    ck_assert_int_eq(run.model.n_folds, 0);
    train_run_release(&run);
    unlink(in(folder, "fold2/unseen.csv"));
    TEST_FAILS(train_run_read(folder, &run, &err), BASE_ENOTFOUND, err,
               "fold2/unseen.csv is missing");
}
END_TEST

/* Runs of a version that knew no held_out sounds are read all the same. */
START_TEST(facts_may_lack_what_is_new) {
    base_error err;
    train_run run;
    void *json;
    size_t n_bytes;
    const char *folder = fixture();
    TEST_OK(base_file_read(in(folder, "facts.json"), 0, &json, &n_bytes, &err), err);
    char *line = strstr(json, "  \"n_unseen\": 0,\n");
    ck_assert_ptr_nonnull(line);
    memset(line, ' ', strlen("  \"n_unseen\": 0,"));
    replace(folder, "facts.json", json);
    base_free(json);
    TEST_OK(train_run_read(folder, &run, &err), err);
    ck_assert_int_eq(run.facts.n_held_out, 0);
    train_run_release(&run);
}
END_TEST

START_TEST(measures_what_it_reads) {
    base_error err;
    train_run run;
    TEST_OK(train_run_read(fixture(), &run, &err), err);
    double sum = 0;
    int64_t n_right = 0;
    for (int f = 0; f < 3; f++) sum += run.main.folds[f].metrics.accuracy;
    for (int64_t i = 0; i < run.main.predictions.n; i++) {
        n_right += run.main.predictions.truth[i] == train_predicted(&run.main.predictions, i);
    }
    ck_assert_double_eq_tol(run.main.accuracy.mean, sum / 3, 1e-15);
    ck_assert_double_eq_tol(run.main.pooled.accuracy, (double)n_right / 180, 1e-15);
    ck_assert_double_lt(run.compare.accuracy.mean, run.main.accuracy.mean);
    train_run_release(&run);
}
END_TEST

START_TEST(keeps_every_bit_of_a_probability) {
    static const char *const classes[] = {"a,b", "\"c\"", ""};
    static const float p[] = {0.1F, 1.0F / 3, 1e-30F, /**/ 0.333333343F, 0x1.fffffep-1F, 0.5F};
    static const train_clip_name clips[] = {{.path = "x, \"y\"/z.wav", .end_s = 0.1},
                                            {.path = "q.wav", .begin_s = 1.0 / 3}};
    static const int32_t truth[] = {0, 2};
    const train_predictions all = {.n = 2,
                                   .n_classes = 3,
                                   .classes = classes,
                                   .clip = clips,
                                   .truth = truth,
                                   .probability = p};
    base_error err;
    void *data;
    size_t n_bytes;
    const char *folder = test_folder();
    TEST_OK(train_predictions_write(&all, in(folder, "predictions.csv"), &err), err);
    TEST_OK(base_file_read(in(folder, "predictions.csv"), 0, &data, &n_bytes, &err), err);
    base_arena arena = {0};
    const char *fields[8], *cursor = data;
    int n, line = 0;
    for (int row = -1; row < 2; row++) {
        TEST_OK(
            base_csv_record(&cursor, (char *)data + n_bytes, &arena, fields, 8, &n, &line, &err),
            err);
        ck_assert_int_eq(n, 8);
        for (int c = 0; c < 3 && row >= 0; c++) {
            double value;
            ck_assert(base_parse_double(fields[5 + c], &value));
            ck_assert_float_eq((float)value, p[row * 3 + c]);
        }
        if (row == 0) ck_assert_str_eq(fields[0], clips[0].path);
        if (row == 0) ck_assert_str_eq(fields[4], "\"c\"");
        if (row < 0) ck_assert_str_eq(fields[5], "a,b");
    }
    base_arena_release(&arena);
    base_free(data);
}
END_TEST

START_TEST(writes_history_as_documented) {
    static const train_epoch epochs[] = {{1, 0.1, 1.5, NAN, 0.5, 0.25}, {2, 1e-5, 1, 2, 1, 1}};
    base_error err;
    void *data;
    size_t n_bytes;
    const char *folder = test_folder();
    TEST_OK(train_history_write(epochs, 2, folder, &err), err);
    TEST_OK(base_file_read(in(folder, "history.csv"), 0, &data, &n_bytes, &err), err);
    ck_assert_str_eq(data, "epoch,lr,train_loss,loss,accuracy,balanced\n"
                           "1,0.1,1.5,nan,0.5,0.25\n2,1e-05,1,2,1,1\n");
    base_free(data);
}
END_TEST

START_TEST(finds_the_best_epoch) {
    static const train_epoch epochs[] = {
        {1, 0, 0, 0.9, 0.5, 0.6}, {2, 0, 0, 0.3, 0.7, 0.5}, {3, 0, 0, 0.5, 0.7, 0.8}};
    ck_assert_int_eq(train_history_best(epochs, 3, "accuracy"), 2); /* the first of equals */
    ck_assert_int_eq(train_history_best(epochs, 3, "balanced"), 3);
    ck_assert_int_eq(train_history_best(epochs, 3, "loss"), 2);
    ck_assert_int_eq(train_history_best(epochs, 0, "loss"), 0);
}
END_TEST

START_TEST(says_what_is_missing) {
    base_error err;
    train_run run;
    TEST_FAILS(train_run_read("/nonexistent", &run, &err), BASE_ENOTFOUND, err, "no such folder");
    TEST_FAILS(train_run_read(test_folder(), &run, &err), BASE_ENOTFOUND, err,
               "not a run: facts.json is missing");
    const char *folder = fixture();
    unlink(in(folder, "compare/fold2/history.csv"));
    TEST_FAILS(train_run_read(folder, &run, &err), BASE_ENOTFOUND, err,
               "not a finished run: compare/fold2/history.csv is missing");
    unlink(in(folder, "fold3/predictions.csv"));
    TEST_FAILS(train_run_read(folder, &run, &err), BASE_ENOTFOUND, err,
               "not a finished run: fold3/predictions.csv is missing");
    unlink(in(folder, "config.yaml"));
    TEST_FAILS(train_run_read(folder, &run, &err), BASE_ENOTFOUND, err, "config.yaml is missing");
    ck_assert_ptr_null(run.folder);
}
END_TEST

#define HEADER "path,begin_s,end_s,truth,predicted,closedhat,crash,kick,snare,tom\n"

START_TEST(names_the_line_that_is_wrong) {
    static const struct {
        const char *content, *complaint;
    } cases[] = {{"", "no column 'path'"},
                 {HEADER "", "no predictions"},
                 {HEADER "p,0,1,kick,kick,0,0,1,0\n", ":2: 9 fields where the header has 10"},
                 {HEADER "p,0,1,gong,kick,0,0,1,0,0\n", "'gong' is not one of"},
                 {HEADER "p,0,1,kick,kick,0,0,x,0,0\n", ":2: kick: 'x' is not a number"},
                 {HEADER "p,0,1,kick,kick,0,0,7,0,0\n", "7 is no probability"},
                 {HEADER "p,0,1,kick,snare,0,0,0.6,0.4,0\n", "'kick' is more probable"},
                 {HEADER "\"p,0", "predictions.csv"}};
    base_error err;
    train_run run;
    const char *folder = fixture();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        replace(folder, "fold1/predictions.csv", cases[i].content);
        TEST_FAILS(train_run_read(folder, &run, &err), err.status, err, cases[i].complaint);
        ck_assert_ptr_nonnull(strstr(err.text, "fold1/predictions.csv"));
    }
    replace(folder, "fold1/history.csv",
            "epoch,lr,train_loss,loss,accuracy,balanced\n1,0,0,0,0,0\n3,0,0,0,0,0\n");
    TEST_FAILS(train_run_read(folder, &run, &err), BASE_EFORMAT, err, "history.csv:3: epoch '3'");
}
END_TEST

START_TEST(refuses_broken_facts) {
    static const struct {
        const char *content, *complaint;
    } cases[] = {{"", "not a JSON object"},
                 {"[1]", "not a JSON object"},
                 {"{\"name\": 1}", "'name' is not a text"},
                 {"{\"name\": \"x\"", "not a JSON object"}};
    base_error err;
    train_run run;
    const char *folder = fixture();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        replace(folder, "facts.json", cases[i].content);
        TEST_FAILS(train_run_read(folder, &run, &err), BASE_EFORMAT, err, cases[i].complaint);
    }
}
END_TEST

/* Every prefix of facts.json is refused, and nothing leaks or crashes on the way. */
START_TEST(refuses_truncated_facts) {
    base_error err;
    train_run run;
    void *data;
    size_t n_bytes;
    const char *folder = fixture();
    TEST_OK(base_file_read(in(folder, "facts.json"), 0, &data, &n_bytes, &err), err);
    for (size_t n = 0; n + 2 < n_bytes; n += 7) {
        TEST_OK(base_file_write(in(folder, "facts.json"), data, n, &err), err);
        ck_assert_int_eq(train_run_read(folder, &run, &err), BASE_EFORMAT);
    }
    base_free(data);
}
END_TEST

START_TEST(facts_survive_a_round_trip) {
    base_error err;
    base_arena arena = {0};
    train_facts facts;
    base_text before = {0}, after = {0};
    const char *folder = fixture();
    TEST_OK(train_facts_read(folder, &arena, &facts, &err), err);
    train_facts_add_json(&facts, 0, &before);
    facts.compared_by = NULL;
    facts.n_compare_folds = 0;
    TEST_OK(train_facts_write(&facts, folder, &err), err);
    TEST_OK(train_facts_read(folder, &arena, &facts, &err), err);
    ck_assert_ptr_null(facts.compared_by);
    facts.compared_by = "kit";
    facts.n_compare_folds = 2;
    train_facts_add_json(&facts, 0, &after);
    ck_assert_str_eq(base_text_string(&before), base_text_string(&after));
    base_text_release(&before);
    base_text_release(&after);
    base_arena_release(&arena);
}
END_TEST

START_TEST(summary_is_repeatable) {
    base_error err;
    train_run run;
    void *first, *second;
    size_t n_first, n_second;
    const char *folder = fixture();
    TEST_OK(train_run_read(folder, &run, &err), err);
    TEST_OK(train_run_write_summary(&run, &err), err);
    TEST_OK(base_file_read(in(folder, "summary.json"), 0, &first, &n_first, &err), err);
    TEST_OK(train_run_write_summary(&run, &err), err);
    TEST_OK(base_file_read(in(folder, "summary.json"), 0, &second, &n_second, &err), err);
    ck_assert_uint_eq(n_first, n_second);
    ck_assert_mem_eq(first, second, n_first);
    char accuracy[64];
    snprintf(accuracy, sizeof accuracy, "\"accuracy\": {\"mean\": %.6f", run.main.accuracy.mean);
    ck_assert_ptr_nonnull(strstr(first, accuracy));
    ck_assert_ptr_nonnull(strstr(first, "\"grouped_by\": \"kit\""));
    ck_assert_ptr_nonnull(strstr(first, "\"confusion\": ["));
    base_free(first);
    base_free(second);
    train_run_release(&run);
}
END_TEST

START_TEST(lists_the_surest_mistakes) {
    static const int32_t truth[] = {0, 1, 1, 0, 0};
    static const float p[] = {0.4F, 0.6F,      /**/ 0, 1,         /**/ 0.9F,
                              0.1F, /**/ 0.3F, 0.7F,   /**/ 0.4F, 0.6F};
    const train_predictions set = {.n = 5, .n_classes = 2, .truth = truth, .probability = p};
    int64_t found[8];
    ck_assert_int_eq(train_run_mistakes(&set, 8, found), 4);
    ck_assert_int_eq(found[0], 2);
    ck_assert_int_eq(found[1], 3);
    ck_assert_int_eq(found[2], 0); /* before row 4, which is as sure */
    ck_assert_int_eq(found[3], 4);
    ck_assert_int_eq(train_run_mistakes(&set, 2, found), 2);
    ck_assert_int_eq(found[0], 2);
    ck_assert_int_eq(found[1], 3);
    ck_assert_int_eq(train_run_mistakes(&set, 0, found), 0);
}
END_TEST

TEST_MAIN("train/run", reads_a_run_back, reads_what_was_held_out, facts_may_lack_what_is_new,
          measures_what_it_reads, keeps_every_bit_of_a_probability, writes_history_as_documented,
          finds_the_best_epoch, says_what_is_missing, names_the_line_that_is_wrong,
          refuses_broken_facts, refuses_truncated_facts, facts_survive_a_round_trip,
          summary_is_repeatable, lists_the_surest_mistakes)
