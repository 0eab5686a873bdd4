/* Sweeps without training: the grid, its names and mistakes, and tables of invented runs. */
#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "base/csv.h"
#include "base/file.h"
#include "tests/memory.h"
#include "tests/run_fixture.h"
#include "tests/test.h"
#include "train/study/sweep.h"

static base_arena memory; /* until the test ends */

static const char *write_text(const char *folder, const char *name, const char *text) {
    base_error err;
    const char *path = base_path_join(&memory, folder, name);
    TEST_OK(base_file_write(path, text, strlen(text), &err), err);
    return path;
}

static const char base_config[] = "name: base\n"
                                  "dataset: {source: synth, per_class: 4}\n"
                                  "augment:\n"
                                  "  - polarity: {p: 0.5}\n"
                                  "network:\n"
                                  "  - flatten\n"
                                  "  - linear: classes\n"
                                  "train: {epochs: 7}\n";

static const char *in_fresh_folder(const char *sweep) {
    const char *folder = test_folder();
    write_text(folder, "base.yaml", base_config);
    return write_text(folder, "sweep.yaml", sweep);
}

static void read_sweep(const char *text, train_sweep *sweep) {
    base_error err;
    TEST_OK(train_sweep_read(in_fresh_folder(text), NULL, 0, sweep, &err), err);
}

static void contains(const char *text, const char *part) {
    ck_assert_msg(strstr(text, part) != NULL, "'%s' is not in: %s", part, text);
}

/* ---- the grid ---- */

START_TEST(cells_are_the_product_in_order) {
    static const char *const names[] = {"kind-log_mel,augment-none", "kind-log_mel,augment-full",
                                        "kind-mfcc,augment-none", "kind-mfcc,augment-full"};
    train_sweep sweep;
    read_sweep("name: s\n"
               "config: base.yaml\n"
               "grid:\n"
               "  features.kind: [log_mel, mfcc]\n"
               "  augment: {none: [], full: ~}\n",
               &sweep);
    ck_assert_int_eq(sweep.n_cells, 4);
    for (int i = 0; i < 4; i++) ck_assert_str_eq(sweep.cells[i].name, names[i]);
    ck_assert_str_eq(sweep.axes[0].word, "kind");
    ck_assert_str_eq(sweep.axes[1].values[0].override, "augment=[]");
    ck_assert_ptr_null(sweep.axes[1].values[1].override);
    ck_assert(!sweep.has_baseline);
    train_sweep_release(&sweep);
}
END_TEST

START_TEST(values_get_readable_and_different_names) {
    static const char *const names[] = {"base",  "adamw",   "adamw.3", "sgd", "none",
                                        "a_b_c", "a_b_C.7", "1+2",     "9"};
    train_sweep sweep;
    read_sweep("name: s\n"
               "config: base.yaml\n"
               "grid:\n"
               "  train.optimizer:\n"
               "    - ~\n"
               "    - adamw: {lr: 1e-3}\n"
               "    - adamw: {lr: 1e-2}\n"
               "    - sgd\n"
               "    - []\n"
               "    - a/b,c\n"
               "    - \"a\\nb:C\"\n"
               "    - [1, 2]\n"
               "    - {a: 1, b: 2}\n",
               &sweep);
    for (int i = 0; i < sweep.n_cells; i++) {
        ck_assert_str_eq(sweep.axes[0].values[i].name, names[i]);
    }
    ck_assert_str_eq(sweep.axes[0].values[6].label, "a b:C");
    train_sweep_release(&sweep);
}
END_TEST

START_TEST(equal_last_words_keep_their_keys) {
    train_sweep sweep;
    read_sweep("name: s\n"
               "config: base.yaml\n"
               "grid: {train.seed: [1], folds.seed: [2], train.epochs: [3]}\n",
               &sweep);
    ck_assert_str_eq(sweep.cells[0].name, "train.seed-1,folds.seed-2,epochs-3");
    train_sweep_release(&sweep);
}
END_TEST

START_TEST(a_baseline_takes_the_other_values_along) {
    train_sweep sweep;
    read_sweep("name: s\n"
               "config: base.yaml\n"
               "grid:\n"
               "  augment: {none: [], full: ~}\n"
               "  train.epochs: [1, 2, 3]\n"
               "baseline: {augment: none}\n",
               &sweep);
    ck_assert(sweep.has_baseline);
    for (int i = 0; i < 6; i++) ck_assert_int_eq(train_sweep_baseline_of(&sweep, i), i % 3);
    train_sweep_release(&sweep);
}
END_TEST

START_TEST(cells_have_their_values) {
    static const char *const overrides[] = {"train.batch=3"};
    train_sweep sweep;
    train_config config;
    base_error err;
    const char *path = in_fresh_folder("name: s\n"
                                       "config: base.yaml\n"
                                       "set: [train.epochs=2, train.batch=9]\n"
                                       "grid:\n"
                                       "  augment: {none: [], full: ~}\n"
                                       "  train: [{seed: 5, epochs: 6}, ~]\n");
    TEST_OK(train_sweep_read(path, overrides, 1, &sweep, &err), err);
    TEST_OK(train_sweep_config(&sweep, 0, &config, &err), err);
    ck_assert_int_eq(config.augment->n_children, 0);
    ck_assert_int_eq(config.train.seed, 5);
    ck_assert_int_eq(config.train.epochs, 6);
    ck_assert_str_eq(config.name, sweep.cells[0].name);
    train_config_release(&config);
    TEST_OK(train_sweep_config(&sweep, 3, &config, &err), err);
    ck_assert_int_eq(config.augment->n_children, 1);
    ck_assert_int_eq(config.train.seed, 1);
    ck_assert_int_eq(config.train.epochs, 2);
    ck_assert_int_eq(config.train.batch, 3);
    train_config_release(&config);
    train_sweep_release(&sweep);
}
END_TEST

/* ---- mistakes ---- */

START_TEST(mistakes_are_named_with_their_lines) {
    static const struct {
        const char *text, *part;
    } rows[] = {
        {"- a\n", "sweep.yaml:1: a sweep is a map"},
        {"name: s\nconfig: base.yaml\n", "sweep.yaml:1: 'grid' is missing"},
        {"config: base.yaml\n", "'name' is missing"},
        {"name: a/b\nconfig: base.yaml\ngrid: {train.seed: [1]}\n", "sweep.yaml:1: name: "},
        {"name: s\nconfig: base.yaml\ngird: {}\n", "sweep.yaml:3: gird: no such key; did you mean"},
        {"name: s\nconfig: base.yaml\ngrid: []\n", "sweep.yaml:3: grid: must be a map"},
        {"name: s\nconfig: base.yaml\ngrid:\n  train.epochs: 5\n",
         "sweep.yaml:4: grid.train.epochs: a list of values is needed here"},
        {"name: s\nconfig: base.yaml\ngrid:\n  train.epochs: []\n", "sweep.yaml:4: "},
        {"name: s\nconfig: base.yaml\ngrid:\n  trian.epochs: [5]\n",
         "sweep.yaml:4: grid.trian.epochs: no such key 'trian'; did you mean 'train'?"},
        {"name: s\nconfig: base.yaml\ngrid:\n  train.epocs: [5]\n",
         "no such key 'epocs'; did you mean 'epochs'?"},
        {"name: s\nconfig: base.yaml\ngrid:\n  dataset[0].paht: [5]\n",
         "no such key 'paht'; did you mean 'path'?"},
        {"name: s\nconfig: base.yaml\ngrid:\n  name: [a, b]\n",
         "sweep.yaml:4: grid.name: the cells are named by their values"},
        {"name: s\nconfig: base.yaml\ngrid:\n  train.seed:\n    - 5\n    - 5\n",
         "sweep.yaml:6: grid.train.seed[1]: the same value as in line 5"},
        {"name: s\nconfig: base.yaml\nset: train.seed=1\ngrid: {train.seed: [1]}\n",
         "sweep.yaml:3: set: must be a list"},
        {"name: s\nconfig: base.yaml\nset: [train.seed]\ngrid: {train.seed: [1]}\n",
         "sweep.yaml:3: set[0]: not of the form key.key=value"},
        {"name: s\nconfig: base.yaml\nset: [train.sed=1]\ngrid: {train.seed: [1]}\n",
         "sweep.yaml:3: set[0]: no such key 'sed'; did you mean 'seed'?"},
        {"name: s\nconfig: base.yaml\ngrid: {train.seed: [1, 2]}\nbaseline: {train.sed: 1}\n",
         "sweep.yaml:4: baseline.train.sed: no such key of the grid 'train.sed'; did you mean"},
        {"name: s\nconfig: base.yaml\ngrid: {augment: {none: []}}\nbaseline: {augment: nne}\n",
         "sweep.yaml:4: baseline.augment: no such value in the grid 'nne'; did you mean 'none'?"},
        {"name: s\nconfig: base.yaml\ngrid: {train.seed: [1]}\nbaseline: x\n",
         "sweep.yaml:4: baseline: must be a map"},
        {"name: s\nconfig: base.yaml\ngrid:\n  network[0].long_long_long_long_long_long_long_long: "
         "[aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa]\n"
         "  network[1].long_long_long_long_long_long_long_other: [1]\n",
         "is too long for a cell's name"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        train_sweep sweep;
        base_error err;
        TEST_FAILS(train_sweep_read(in_fresh_folder(rows[i].text), NULL, 0, &sweep, &err),
                   BASE_ECONFIG, err, rows[i].part);
    }
}
END_TEST

START_TEST(a_grid_is_bounded) {
    base_text text = {0};
    base_error err;
    train_sweep sweep;
    base_text_add(&text, "name: s\nconfig: base.yaml\ngrid:\n");
    for (int a = 0; a < 10; a++) {
        base_text_printf(&text, "  augment[%d].gain.p: [0.1, 0.2]\n", a);
    }
    TEST_FAILS(train_sweep_read(in_fresh_folder(base_text_string(&text)), NULL, 0, &sweep, &err),
               BASE_ECONFIG, err, "sweep.yaml:3: grid: makes more than 1000 cells");
    base_text_release(&text);
}
END_TEST

/* The first cell is wrong, the second is not. */
START_TEST(a_wrong_value_is_found_in_the_sweep_file) {
    static const struct {
        const char *grid, *part;
    } rows[] = {
        {"  train.epochs:\n    - many\n    - 5\n",
         "sweep.yaml:5: train.epochs: 'many' is not a whole number"},
        {"  features.kind: [log_mle, mfcc]\n",
         "sweep.yaml:4: features.kind: no such choice 'log_mle'; did you mean 'log_mel'?"},
        {"  augment[3].gain.p: [1, ~]\n", "sweep.yaml:4: augment[3].gain.p=1: augment has no item"},
        {"  train:\n    - {epocs: 3}\n    - {epochs: 3}\n", "sweep.yaml:5: train.epocs"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        train_sweep sweep;
        train_config config;
        base_error err;
        read_sweep(
            base_arena_printf(&memory, "name: s\nconfig: base.yaml\ngrid:\n%s", rows[i].grid),
            &sweep);
        TEST_FAILS(train_sweep_config(&sweep, 0, &config, &err), BASE_ECONFIG, err, rows[i].part);
        TEST_OK(train_sweep_config(&sweep, 1, &config, &err), err);
        train_config_release(&config);
        TEST_OK(train_sweep_look(&sweep, test_folder(), &err), err);
        ck_assert_int_eq(sweep.cells[0].state, TRAIN_SWEEP_BAD);
        contains(sweep.cells[0].problem, rows[i].part);
        ck_assert_int_eq(sweep.cells[1].state, TRAIN_SWEEP_TO_DO);
        train_sweep_release(&sweep);
    }
}
END_TEST

START_TEST(what_all_cells_share_is_refused_at_once) {
    static const struct {
        const char *text, *part;
    } rows[] = {
        {"name: s\nconfig: nosuch.yaml\ngrid: {train.seed: [1]}\n", "nosuch.yaml: no such file"},
        {"name: s\nconfig: base.yaml\nset: [train.epochs=x]\ngrid: {train.seed: [1, 2]}\n",
         "sweep.yaml:3: train.epochs: 'x' is not a whole number"},
        {"name: s\nconfig: sweep.yaml\ngrid: {train.seed: [1, 2]}\n",
         "sweep.yaml:2: config: no such key"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        train_sweep sweep;
        base_error err;
        read_sweep(rows[i].text, &sweep);
        TEST_FAILS(train_sweep_look(&sweep, test_folder(), &err), BASE_ECONFIG, err, rows[i].part);
        train_sweep_release(&sweep);
    }
}
END_TEST

/* A base that cannot be read for want of memory is not one that is wrong. */
START_TEST(records_are_whole_or_refused) {
    train_sweep sweep;
    base_error err;
    const char *folder = base_path_join(&memory, test_folder(), "out");
    const char *path = base_path_join(&memory, folder, "sweep.yaml");
    read_sweep("name: s\nconfig: base.yaml\ngrid: {train.seed: [1, 2]}\n", &sweep);
    void *whole, *bytes;
    size_t n_whole, n_bytes;
    int64_t i = 0, n;
    train_work_folder work = {.path = folder, .kind = TRAIN_FOLDER_SWEEP, .resume = true};
    TEST_OK(train_sweep_folder_claim(&sweep, &work, &err), err);
    TEST_OK(base_file_read(path, 0, &whole, &n_whole, &err), err);
    do {
        memory_refuse(++i);
        base_status status = train_sweep_folder_claim(&sweep, &work, &err);
        n = memory_requests();
        memory_refuse(0);
        ck_assert(status == BASE_OK || status == BASE_EMEMORY);
        TEST_OK(base_file_read(path, 0, &bytes, &n_bytes, &err), err);
        ck_assert_uint_eq(n_bytes, n_whole);
        ck_assert_mem_eq(bytes, whole, n_whole);
        base_free(bytes);
    } while (n >= i);
    ck_assert_int_gt(i, 10);
    train_work_folder_release(&work);
    base_free(whole);
    train_sweep_release(&sweep);
}
END_TEST

START_TEST(the_folder_of_a_run_is_refused) {
    train_sweep sweep;
    base_error err;
    const char *folder = test_folder();
    run_fixture_write(&run_fixture_drums, folder);
    read_sweep("name: s\nconfig: base.yaml\ngrid: {train.seed: [1]}\n", &sweep);
    TEST_FAILS(train_sweep_look(&sweep, folder, &err), BASE_EEXISTS, err, "the folder of a run");
    train_sweep_release(&sweep);
}
END_TEST

/* ---- whose folder ---- */

static const char folder_sweep[] = "name: s\n"
                                   "config: base.yaml\n"
                                   "set: [train.batch=4]\n"
                                   "grid: {augment: {none: [], full: ~}, train.seed: [1, 2]}\n";

/* The folder of that sweep, whose first cell was begun. */
static const char *claimed_folder(void) {
    train_sweep sweep;
    base_error err;
    const char *folder = base_path_join(&memory, test_folder(), "out");
    read_sweep(folder_sweep, &sweep);
    train_work_folder work = {.path = folder, .kind = TRAIN_FOLDER_SWEEP, .resume = true};
    TEST_OK(train_sweep_folder_claim(&sweep, &work, &err), err);
    train_work_folder_release(&work);
    const char *cell = base_path_join(&memory, folder, sweep.cells[0].name);
    TEST_OK(base_folder_make(cell, &err), err);
    write_text(cell, "facts.json", "{}");
    train_sweep_release(&sweep);
    return folder;
}

/* What becomes of a folder when it is claimed, the base being `base`. */
static base_status claim(const char *folder, const char *base, const char *text, base_error *err) {
    train_sweep sweep;
    const char *path = in_fresh_folder(text);
    write_text(base_path_folder(&memory, path), "base.yaml", base);
    TEST_OK(train_sweep_read(path, NULL, 0, &sweep, err), *err);
    train_work_folder work = {.path = folder, .kind = TRAIN_FOLDER_SWEEP, .resume = true};
    base_status status = train_sweep_folder_claim(&sweep, &work, err);
    train_work_folder_release(&work);
    base_error checked;
    ck_assert_int_eq(train_sweep_folder_check(&sweep, folder, &checked), status);
    if (status != BASE_OK) ck_assert_str_eq(checked.text, err->text);
    train_sweep_release(&sweep);
    return status;
}

/* Values, the baseline, the name, and what the file only says more plainly may change. */
START_TEST(a_sweep_may_grow) {
    static const struct {
        const char *base, *sweep;
    } rows[] = {
        {base_config, folder_sweep},
        {base_config, "name: t\nconfig: base.yaml\nset: [train.batch=4]\n"
                      "grid: {augment: {none: [], full: ~, more: [polarity]}, train.seed: [3]}\n"
                      "baseline: {augment: none}\n"},
        {"train: {seed: 9, batch: 4, epochs: 7}\n" /* every cell has a seed of its own */
         "network: [flatten, {linear: classes}]\n"
         "augment: [{polarity: {p: 0.5}}]\n"
         "dataset: {source: synth, per_class: 4}\n"
         "name: other\n",
         "name: s\nconfig: base.yaml\n"
         "grid: {augment: {none: [], full: ~}, train.seed: [1, 2]}\n"},
    };
    const char *folder = claimed_folder();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        base_error err;
        TEST_OK(claim(folder, rows[i].base, rows[i].sweep, &err), err);
    }
}
END_TEST

START_TEST(another_sweep_is_refused) {
    static const struct {
        const char *base, *sweep, *part;
    } rows[] = {
        {base_config, "name: s\nconfig: base.yaml\ngrid: {train.seed: [1, 2]}\n",
         "out: holds another sweep: the keys of its grid are augment, train.seed, here they are "
         "train.seed; --out chooses another folder"},
        {base_config,
         "name: s\nconfig: base.yaml\nset: [train.batch=4]\n"
         "grid: {train.seed: [1], augment: [~]}\n",
         "here they are train.seed, augment;"},
        {base_config,
         "name: s\nconfig: base.yaml\nset: [train.batch=5]\n"
         "grid: {augment: {none: [], full: ~}, train.seed: [3]}\n",
         "out: holds a sweep with other settings: train.batch was 4 and is 5 now; to go on, give "
         "the same, or choose another folder with --out"},
        {"name: base\ndataset: {source: synth, per_class: 4}\naugment:\n  - polarity: {p: 0.25}\n"
         "network: [flatten, {linear: classes}]\ntrain: {epochs: 7}\n",
         folder_sweep, "augment[0].polarity.p was 0.5 and is 0.25 now"}, /* full: ~ */
        {"name: base\ndataset: [{source: synth, per_class: 4}]\naugment:\n  - polarity: {p: 0.5}\n"
         "network: [flatten, {linear: classes}]\ntrain: {epochs: 7}\n",
         folder_sweep, "dataset has changed"},
        {"name: base\ndataset: {source: synth, per_class: 4}\naugment:\n  - polarity: {p: 0.5}\n"
         "network: [flatten, relu, {linear: classes}]\ntrain: {epochs: 7}\n",
         folder_sweep, "network has changed"},
        {"name: base\ndataset: {source: synth}\naugment:\n  - polarity: {p: 0.5}\n"
         "network: [flatten, {linear: classes}]\ntrain: {epochs: 7}\n",
         folder_sweep, "dataset.per_class is gone"},
    };
    const char *folder = claimed_folder();
    void *before, *after;
    size_t n_before, n_after;
    base_error err;
    const char *record = base_path_join(&memory, folder, "sweep.yaml");
    TEST_OK(base_file_read(record, 0, &before, &n_before, &err), err);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        TEST_FAILS(claim(folder, rows[i].base, rows[i].sweep, &err), BASE_EMISMATCH, err,
                   rows[i].part);
    }
    TEST_OK(base_file_read(record, 0, &after, &n_after, &err), err);
    ck_assert(n_before == n_after && memcmp(before, after, n_before) == 0);
    base_free(before);
    base_free(after);
}
END_TEST

/* What only the cells make whole is compared as it stands. */
START_TEST(the_base_need_not_be_whole) {
    static const char text[] = "name: s\nconfig: base.yaml\n"
                               "grid: {network: {a: [flatten, {linear: classes}]}}\n";
    const char *folder = base_path_join(&memory, test_folder(), "out");
    base_error err;
    TEST_OK(claim(folder, "name: x\ndataset: {source: synth}\n", text, &err), err);
    const char *cell = base_path_join(&memory, folder, "network-a");
    TEST_OK(base_folder_make(cell, &err), err);
    write_text(cell, "facts.json", "{}");
    TEST_OK(claim(folder, "dataset: {source: synth}\n", text, &err), err);
    TEST_FAILS(claim(folder, "dataset: {source: synth, seed: 2}\n", text, &err), BASE_EMISMATCH,
               err, "dataset.seed was not there");
}
END_TEST

/* Until a cell was begun, mistakes in what they have in common can be put right. */
START_TEST(a_sweep_without_cells_binds_nothing) {
    const char *folder = claimed_folder();
    base_error err;
    TEST_OK(base_folder_remove(base_path_join(&memory, folder, "augment-none,seed-1"), &err), err);
    TEST_OK(
        claim(folder, base_config, "name: s\nconfig: base.yaml\ngrid: {train.batch: [1]}\n", &err),
        err);
}
END_TEST

START_TEST(what_is_no_sweeps_folder_is_refused) {
    static const struct {
        const char *file, *text, *part; /* NULL: it is taken */
    } rows[] = {
        {"curate.yaml", "", "is the folder of rounds, not of a sweep; --out chooses another"},
        {"last.h5", "", "is the folder of a pretraining, not of a sweep"},
        {"notes.txt", "", "is neither empty nor the folder of a sweep"},
        {"sweep.yaml", folder_sweep, "sweep.yaml: is not what a sweep was begun with"},
        {".rimshot-1-0", "", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *folder = test_folder();
        base_error err;
        write_text(folder, rows[i].file, rows[i].text);
        if (rows[i].part == NULL) {
            TEST_OK(claim(folder, base_config, folder_sweep, &err), err);
        } else {
            TEST_FAILS(claim(folder, base_config, folder_sweep, &err), BASE_EEXISTS, err,
                       rows[i].part);
            bool is_record = strcmp(rows[i].file, "sweep.yaml") == 0;
            ck_assert(is_record == base_file_exists(base_path_join(&memory, folder, "sweep.yaml")));
        }
    }
}
END_TEST

/* ---- tables ---- */

static const char grid[] = "name: \"odd_name & 5%\"\n"
                           "config: base.yaml\n"
                           "grid:\n"
                           "  augment: {\"no_ne|<b>\": [], full: ~}\n"
                           "  train.seed: [1, 2, 3]\n";

/* Cells 0 to 3 are runs, the better the later (3 tested other clips); 4 failed, 5 was not begun. */
static void make_cells(const train_sweep *sweep, const char *folder, int n_folds) {
    for (int i = 0; i < 4; i++) {
        run_fixture fixture = run_fixture_drums;
        fixture.seed = (unsigned)i + 1;
        fixture.skill = 1 + i;
        fixture.n_folds = n_folds;
        if (i == 3) fixture.first_clip = 7;
        run_fixture_write(&fixture, base_path_join(&memory, folder, sweep->cells[i].name));
    }
    const char *failed = base_path_join(&memory, folder, sweep->cells[4].name);
    base_error err;
    TEST_OK(base_folder_make(failed, &err), err);
    write_text(failed, "failed.txt", "it ran <away>\n");
}

static void read_results(const char *text, int n_folds, train_sweep *sweep,
                         train_sweep_results *results) {
    base_error err;
    const char *folder = test_folder();
    read_sweep(text, sweep);
    make_cells(sweep, folder, n_folds);
    TEST_OK(train_sweep_results_read(sweep, folder, results, &err), err);
}

static void release(train_sweep *sweep, train_sweep_results *results) {
    train_sweep_results_release(results);
    train_sweep_release(sweep);
}

static void read_cell(const train_sweep_results *results, int cell, train_run *run) {
    base_error err;
    const char *name = results->sweep->cells[cell].name;
    TEST_OK(train_run_read(base_path_join(&memory, results->folder, name), run, &err), err);
}

START_TEST(results_are_those_of_the_runs) {
    train_sweep sweep;
    train_sweep_results results;
    train_run first, best;
    train_comparison want;
    base_error err;
    read_results(grid, 3, &sweep, &results);
    read_cell(&results, 0, &first);
    read_cell(&results, 3, &best);
    const train_sweep_result *cells = results.cells;
    ck_assert_int_eq(results.n_finished, 4);
    ck_assert_int_eq(results.best, 3);
    ck_assert_int_eq(cells[3].reference, 3);
    ck_assert_int_eq(cells[0].reference, 3);
    ck_assert_double_eq(cells[0].accuracy.mean, first.main.accuracy.mean);
    ck_assert_double_eq(cells[0].interval[2].deviation, first.main.macro_f1.deviation);
    ck_assert_int_eq(cells[0].n_param, 152901);
    TEST_OK(train_compare(&best, &first, &want, &err), err);
    ck_assert(!cells[0].against.paired && !want.paired);
    ck_assert_double_eq(cells[0].against.result.p_value, want.result.p_value);
    ck_assert_double_lt(cells[0].against.result.difference, 0);
    ck_assert(!cells[4].finished && !cells[5].finished);
    ck_assert_str_eq(cells[4].problem, "it ran <away>");
    ck_assert_ptr_null(cells[5].problem);
    ck_assert_int_eq(results.margins[0][0].n_cells, 3);
    double mean = (cells[0].accuracy.mean + cells[1].accuracy.mean + cells[2].accuracy.mean) / 3;
    ck_assert_double_eq_tol(results.margins[0][0].value[0], mean, 1e-15);
    ck_assert_int_eq(results.margins[1][0].n_cells, 2);
    ck_assert_double_eq_tol(results.margins[1][0].value[2],
                            (cells[0].interval[2].mean + cells[3].interval[2].mean) / 2, 1e-15);
    train_run_release(&first);
    train_run_release(&best);
    release(&sweep, &results);
}
END_TEST

START_TEST(a_baseline_pairs_the_same_clips) {
    train_sweep sweep;
    train_sweep_results results;
    train_run first, second;
    train_comparison want;
    base_error err;
    read_results(base_arena_printf(&memory, "%sbaseline: {train.seed: 1}\n", grid), 3, &sweep,
                 &results);
    const train_sweep_result *cells = results.cells;
    static const int references[] = {0, 0, 0, 3, -1, -1};
    for (int i = 0; i < 6; i++) ck_assert_int_eq(cells[i].reference, references[i]);
    read_cell(&results, 0, &first);
    read_cell(&results, 2, &second);
    TEST_OK(train_compare(&first, &second, &want, &err), err);
    ck_assert(cells[2].against.paired);
    ck_assert_double_eq(cells[2].against.result.p_value, want.result.p_value);
    ck_assert_double_eq(cells[2].against.result.difference, want.result.difference);
    ck_assert_double_gt(cells[2].against.result.difference, 0);
    train_run_release(&first);
    train_run_release(&second);
    release(&sweep, &results);
}
END_TEST

static const train_sweep_field *field_of(const train_sweep_table *table, int row, int column) {
    return &table->fields[row * table->n_columns + column];
}

START_TEST(the_best_of_each_column_is_bold) {
    train_sweep sweep;
    train_sweep_results results;
    train_sweep_table table;
    base_error err;
    read_results(grid, 3, &sweep, &results);
    TEST_OK(train_sweep_table_cells(&results, &memory, &table, &err), err);
    ck_assert_int_eq(table.n_rows, 6);
    for (int f = 2; f < 5; f++) {
        int n_bold = 0;
        for (int i = 0; i < 6; i++) n_bold += field_of(&table, i, f)->bold;
        ck_assert_int_eq(n_bold, 1);
    }
    char figure[64];
    const train_interval *accuracy = &results.cells[3].accuracy;
    snprintf(figure, sizeof figure, "%.1f ± %.1f", 100 * accuracy->mean, 100 * accuracy->deviation);
    ck_assert(field_of(&table, 3, 2)->bold);
    ck_assert_str_eq(field_of(&table, 3, 2)->text, figure);
    ck_assert_str_eq(field_of(&table, 3, 5)->text, "152,901");
    ck_assert_str_eq(field_of(&table, 3, 6)->text, "18.3 M");
    ck_assert_str_eq(field_of(&table, 3, 7)->text, "best");
    contains(field_of(&table, 0, 8)->text, "†");
    ck_assert_str_eq(field_of(&table, 4, 2)->text, "failed");
    ck_assert_str_eq(field_of(&table, 5, 2)->text, "not trained");
    release(&sweep, &results);
}
END_TEST

START_TEST(one_fold_has_no_deviation) {
    train_sweep sweep;
    train_sweep_results results;
    train_sweep_table table;
    base_error err;
    read_results(grid, 1, &sweep, &results);
    TEST_OK(train_sweep_table_cells(&results, &memory, &table, &err), err);
    ck_assert_ptr_null(strstr(field_of(&table, 0, 2)->text, "±"));
    TEST_OK(train_sweep_write(&results, &err), err);
    release(&sweep, &results);
}
END_TEST

static const char *read_text(const char *folder, const char *name) {
    base_error err;
    void *data;
    size_t n_bytes;
    TEST_OK(base_file_read(base_path_join(&memory, folder, name), 0, &data, &n_bytes, &err), err);
    const char *text = base_arena_string(&memory, data);
    base_free(data);
    return text;
}

START_TEST(csv_has_a_field_for_each_column) {
    train_sweep sweep;
    train_sweep_results results;
    base_error err;
    read_results(grid, 3, &sweep, &results);
    TEST_OK(train_sweep_write(&results, &err), err);
    const char *names[] = {"table.csv", "margins.csv"};
    const int n_rows[] = {7, 6}, n_columns[] = {22, 6};
    for (int i = 0; i < 2; i++) {
        const char *cursor = read_text(results.folder, names[i]);
        const char *end = cursor + strlen(cursor), *fields[64];
        int n, line = 0, rows = 0;
        for (;; rows++) {
            TEST_OK(base_csv_record(&cursor, end, &memory, fields, 64, &n, &line, &err), err);
            if (n == 0) break;
            ck_assert_int_eq(n, n_columns[i]);
        }
        ck_assert_int_eq(rows, n_rows[i]);
    }
    const char *table = read_text(results.folder, "table.csv");
    contains(table, "cell,augment,train.seed,state,");
    contains(table, ",failed,,");
    contains(table, ",not trained,,");
    contains(table, ",folds\n");
    release(&sweep, &results);
}
END_TEST

START_TEST(names_are_escaped) {
    train_sweep sweep;
    train_sweep_results results;
    base_error err;
    read_results(grid, 3, &sweep, &results);
    TEST_OK(train_sweep_write(&results, &err), err);
    const char *page = read_text(results.folder, "sweep.html");
    const char *tex = read_text(results.folder, "table.tex");
    const char *markdown = read_text(results.folder, "table.md");
    contains(page, "<h1>odd_name &amp; 5%</h1>");
    contains(page, "no_ne|&lt;b&gt;");
    contains(page, "it ran &lt;away&gt;");
    contains(page, "href=\"augment-no_ne__b_,seed-1/report.html\"");
    ck_assert_ptr_null(strstr(page, "<script"));
    contains(tex, "\nno\\_ne$|$$<$b$>$ & 1 & ");
    contains(tex, " \\\\\n\\bottomrule\n\\end{tabular}\n");
    contains(tex, "accuracy \\%");
    contains(tex, "\\textbf{");
    contains(markdown, "| no\\_ne\\|&lt;b> | 1 |");
    contains(markdown, "| **");
    ck_assert(base_file_exists(base_path_join(&memory, results.folder, "cells.png")));
    release(&sweep, &results);
}
END_TEST

START_TEST(a_damaged_run_is_a_failed_cell) {
    train_sweep sweep;
    train_sweep_results results;
    base_error err;
    read_results(grid, 3, &sweep, &results);
    const char *fold =
        base_arena_printf(&memory, "%s/%s/fold1", results.folder, sweep.cells[0].name);
    const char *folder = base_arena_string(&memory, results.folder);
    write_text(fold, "predictions.csv", "nonsense\n1,2\n");
    unlink(base_arena_printf(&memory, "%s/%s/fold2/history.csv", folder, sweep.cells[1].name));
    train_sweep_results_release(&results);
    TEST_OK(train_sweep_results_read(&sweep, folder, &results, &err), err);
    contains(results.cells[0].problem, "predictions.csv:1: ");
    ck_assert(!results.cells[1].finished && results.cells[1].problem == NULL);
    ck_assert_int_eq(results.n_finished, 2);
    release(&sweep, &results);
}
END_TEST

START_TEST(no_cell_is_finished) {
    train_sweep sweep;
    train_sweep_results results;
    base_error err;
    read_sweep(grid, &sweep);
    TEST_OK(train_sweep_results_read(&sweep, test_folder(), &results, &err), err);
    ck_assert_int_eq(results.best, -1);
    ck_assert(isnan(results.margins[0][0].value[0]));
    TEST_OK(train_sweep_write(&results, &err), err);
    contains(read_text(results.folder, "table.md"), "0 of 6 cells are finished");
    release(&sweep, &results);
}
END_TEST

TEST_MAIN("train/study/sweep", cells_are_the_product_in_order, records_are_whole_or_refused,
          values_get_readable_and_different_names, equal_last_words_keep_their_keys,
          a_baseline_takes_the_other_values_along, cells_have_their_values,
          mistakes_are_named_with_their_lines, a_grid_is_bounded,
          a_wrong_value_is_found_in_the_sweep_file, what_all_cells_share_is_refused_at_once,
          the_folder_of_a_run_is_refused, a_sweep_may_grow, another_sweep_is_refused,
          the_base_need_not_be_whole, a_sweep_without_cells_binds_nothing,
          what_is_no_sweeps_folder_is_refused, results_are_those_of_the_runs,
          a_baseline_pairs_the_same_clips, the_best_of_each_column_is_bold,
          one_fold_has_no_deviation, csv_has_a_field_for_each_column, names_are_escaped,
          a_damaged_run_is_a_failed_cell, no_cell_is_finished)
