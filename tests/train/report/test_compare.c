#include "train/report/compare.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>

#include "tests/run_fixture.h"
#include "tests/test.h"

static void read_run(const run_fixture *fixture, train_run *run) {
    base_error err;
    const char *folder = test_folder();
    run_fixture_write(fixture, folder);
    TEST_OK(train_run_read(folder, run, &err), err);
}

/* Two runs that tested the same clips, the second better. */
static void read_pair(train_run runs[2]) {
    run_fixture better = run_fixture_drums;
    better.seed = 9;
    better.skill = 6;
    read_run(&run_fixture_drums, &runs[0]);
    read_run(&better, &runs[1]);
}

static void compare_two(const train_run *a, const train_run *b, base_arena *arena,
                        train_pair *pair) {
    base_error err;
    TEST_OK(train_compare_pair((const train_run *const[]){a, b}, arena, pair, &err), err);
}

START_TEST(classes_are_compared_clip_by_clip) {
    train_run runs[2];
    train_pair pair, reverse;
    base_arena arena = {0};
    read_pair(runs);
    compare_two(&runs[0], &runs[1], &arena, &pair);
    compare_two(&runs[1], &runs[0], &arena, &reverse);
    ck_assert_int_eq(pair.n_classes, runs[0].facts.n_classes);
    for (int c = 0; c < pair.n_classes; c++) {
        const train_class_comparison *class = &pair.classes[c];
        double recall[2] = {runs[0].main.pooled.recall[c], runs[1].main.pooled.recall[c]};
        ck_assert_str_eq(class->name, runs[0].facts.classes[c]);
        ck_assert_int_eq(class->n, runs[0].main.pooled.support[c]);
        for (int r = 0; r < 2; r++) ck_assert_double_eq(class->recall[r], recall[r]);
        const train_paired *d = &class->result, *back = &reverse.classes[c].result;
        ck_assert_double_eq_tol(d->difference, recall[1] - recall[0], 1e-12);
        ck_assert_double_eq_tol(back->difference, -d->difference, 1e-12);
        ck_assert_double_eq_tol(back->p_value, d->p_value, 1e-12);
        if (isnan(d->low)) continue;
        ck_assert(d->low <= d->difference && d->difference <= d->high && d->low < d->high);
    }
    base_arena_release(&arena);
    for (int r = 0; r < 2; r++) train_run_release(&runs[r]);
}
END_TEST

START_TEST(of_equal_runs_nothing_can_be_said) {
    train_run run;
    train_pair pair;
    base_arena arena = {0};
    read_run(&run_fixture_drums, &run);
    compare_two(&run, &run, &arena, &pair);
    ck_assert_int_eq(pair.n_disagreements, 0);
    for (int c = 0; c < pair.n_classes; c++) {
        ck_assert_double_eq(pair.classes[c].result.difference, 0);
        ck_assert_double_eq(pair.classes[c].result.p_value, 1);
        ck_assert_double_nan(pair.classes[c].result.low);
    }
    base_arena_release(&arena);
    train_run_release(&run);
}
END_TEST

/* Over folds, and only the classes that both have. */
START_TEST(classes_of_other_clips_are_compared_over_folds) {
    static const char *const renamed[] = {"kick", "snare", "bell", "openhat", "tom"};
    run_fixture other = run_fixture_drums;
    train_run runs[2];
    train_pair pair;
    base_arena arena = {0};
    other.first_clip = 1;
    other.classes = renamed;
    read_run(&run_fixture_drums, &runs[0]);
    read_run(&other, &runs[1]);
    compare_two(&runs[0], &runs[1], &arena, &pair);
    int n_shared = 0;
    for (int c = 0; c < runs[0].facts.n_classes; c++) {
        for (int k = 0; k < 5; k++) {
            if (strcmp(runs[0].facts.classes[c], renamed[k]) != 0) continue;
            const train_class_comparison *class = &pair.classes[n_shared++];
            double mean[2] = {0, 0};
            for (int f = 0; f < 3; f++) {
                mean[0] += runs[0].main.folds[f].metrics.recall[c] / 3;
                mean[1] += runs[1].main.folds[f].metrics.recall[k] / 3;
            }
            ck_assert_str_eq(class->name, renamed[k]);
            ck_assert_double_eq_tol(class->result.difference, mean[1] - mean[0], 1e-12);
        }
    }
    ck_assert_int_eq(pair.n_classes, n_shared);
    ck_assert_int_lt(n_shared, 5);
    ck_assert(!pair.all.paired);
    ck_assert_int_eq(pair.n_disagreements, 0);
    base_arena_release(&arena);
    for (int r = 0; r < 2; r++) train_run_release(&runs[r]);
}
END_TEST

static int64_t find_clip(const train_run *run, const train_clip_name *name) {
    const train_predictions *p = &run->main.predictions;
    for (int64_t i = 0; i < p->n; i++) {
        if (strcmp(p->clip[i].path, name->path) == 0) return i;
    }
    ck_abort_msg("%s was not tested", name->path);
}

START_TEST(clips_that_they_disagree_on) {
    train_run runs[2];
    train_pair pair;
    base_arena arena = {0};
    read_pair(runs);
    compare_two(&runs[0], &runs[1], &arena, &pair);
    const train_predictions *p[2] = {&runs[0].main.predictions, &runs[1].main.predictions};
    int64_t n = 0, n_only[2] = {0, 0};
    for (int64_t i = 0; i < p[0]->n; i++) {
        int64_t j = find_clip(&runs[1], &p[0]->clip[i]);
        int says[2] = {train_predicted(p[0], i), train_predicted(p[1], j)};
        if (says[0] == says[1]) continue;
        n++;
        for (int r = 0; r < 2; r++) n_only[r] += says[r] == p[0]->truth[i];
    }
    ck_assert_int_gt(n, 5);
    ck_assert_int_eq(pair.n_disagreements, n);
    for (int r = 0; r < 2; r++) ck_assert_int_eq(pair.n_only[r], n_only[r]);
    bool before = true;
    double surer = 2;
    for (int64_t i = 0; i < n; i++) {
        const train_disagreement *d = &pair.disagreements[i];
        bool one_is_right = d->right[0] || d->right[1];
        ck_assert_str_eq(p[0]->clip[d->clip[0]].path, p[1]->clip[d->clip[1]].path);
        double confidence = train_confidence(p[0], d->clip[0]) + train_confidence(p[1], d->clip[1]);
        if (one_is_right != before) surer = 2;
        ck_assert(before || !one_is_right);
        ck_assert_double_le(confidence, surer);
        before = one_is_right;
        surer = confidence;
    }
    base_arena_release(&arena);
    for (int r = 0; r < 2; r++) train_run_release(&runs[r]);
}
END_TEST

/* Compares three configurations; rows as "KEY: A | B | C", a line each. */
static const char *differences(const char *const configs[3], const char *const versions[3],
                               base_text *text) {
    train_run runs[3];
    base_arena arena = {0};
    const train_difference *rows;
    int64_t n;
    base_error err;
    for (int r = 0; r < 3; r++) {
        runs[r] = (train_run){.folder = "x"};
        runs[r].config = configs[r];
        runs[r].facts = (train_facts){
            .version = versions[r], .blas_kernel = "Haswell", .level = "v3", .commit = NULL};
    }
    TEST_OK(train_compare_configs(runs, 3, &arena, &rows, &n, &err), err);
    base_text_release(text);
    for (int64_t i = 0; i < n; i++) {
        base_text_printf(text, "%s:", rows[i].key);
        for (int r = 0; r < 3; r++) {
            base_text_add(text, r > 0 ? " | " : " ");
            base_text_add(text, rows[i].values[r] != NULL ? rows[i].values[r] : "none");
        }
        base_text_add(text, "\n");
    }
    base_arena_release(&arena);
    return base_text_string(text);
}

START_TEST(what_differs_between_configurations) {
    static const char *const same[] = {"0.1.0", "0.1.0", "0.1.0"};
    static const char *const newer[] = {"0.1.0", "0.1.0", "0.2.0"};
    base_text text = {0};
    ck_assert_str_eq(differences((const char *const[]){"name: a\nx: 1\n", "name: b\nx: 1\n",
                                                       "name: c\nx: \"1\"\n"},
                                 same, &text),
                     "");
    ck_assert_str_eq(
        differences((const char *const[]){"train: {epochs: 1, lr: 2}\n", "train: {epochs: 1}\n",
                                          "train: {lr: 2, epochs: 3, seed: 4}\n"},
                    newer, &text),
        "train.epochs: 1 | 1 | 3\ntrain.lr: 2 | none | 2\ntrain.seed: none | none | 4\n"
        "(version): 0.1.0 | 0.1.0 | 0.2.0\n");
    ck_assert_str_eq(
        differences((const char *const[]){"n: [gru: {h: 1}, relu]\n", "n: [gru: {h: 2}, relu]\n",
                                          "n: [gru: {h: 1}, relu]\n"},
                    same, &text),
        "n[0].gru.h: 1 | 2 | 1\n");
    ck_assert_str_eq(
        differences((const char *const[]){"n: [a: {}, x: {}, z: {}]\n", "n: [a: {}, z: {}]\n",
                                          "n: [a: {}, x: {}, b: {}, z: {}]\n"},
                    same, &text),
        "n[1..2]: - x: {} | none | - x: {}\n- b: {}\n");
    ck_assert_str_eq(
        differences((const char *const[]){"a: {b: 1}\n", "a: [b]\n", "a: c\n"}, same, &text),
        "a: b: 1 | - b | c\n");
    base_text_release(&text);
}
END_TEST

START_TEST(json_says_it_all) {
    train_run runs[2];
    base_arena arena = {0};
    base_text text = {0};
    train_compared compared;
    base_error err;
    read_pair(runs);
    TEST_OK(train_compare_all(runs, 2, &arena, &compared, &err), err);
    train_compared_add_json(&compared, &text);
    cJSON *root = cJSON_Parse(base_text_string(&text));
    ck_assert_ptr_nonnull(root);
    const cJSON *pair = cJSON_GetArrayItem(cJSON_GetObjectItem(root, "against_first"), 0);
    ck_assert_int_eq(cJSON_GetArraySize(cJSON_GetObjectItem(root, "runs")), 2);
    ck_assert_double_eq_tol(cJSON_GetObjectItem(pair, "difference")->valuedouble,
                            compared.pairs[1].all.result.difference, 1e-15);
    ck_assert_int_eq(cJSON_GetArraySize(cJSON_GetObjectItem(pair, "disagreements")),
                     compared.pairs[1].n_disagreements);
    ck_assert_int_eq(cJSON_GetArraySize(cJSON_GetObjectItem(pair, "classes")), 5);
    cJSON_Delete(root);
    base_text_release(&text);
    base_arena_release(&arena);
    for (int r = 0; r < 2; r++) train_run_release(&runs[r]);
}
END_TEST

TEST_MAIN("train/report/compare", classes_are_compared_clip_by_clip,
          of_equal_runs_nothing_can_be_said, classes_of_other_clips_are_compared_over_folds,
          clips_that_they_disagree_on, what_differs_between_configurations, json_says_it_all)
