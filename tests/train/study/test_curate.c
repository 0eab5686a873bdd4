/* Which sounds join: invented ones, without a model. Lists and figures: invented rounds. */
#include <math.h>
#include <stdio.h>

#include "base/file.h"
#include "tests/test.h"
#include "train/study/curate_internal.h"

static base_arena memory; /* until the test ends */

static const char *const classes[] = {"hat", "kick", "snare"};
enum { HAT, KICK, SNARE, NEVER = -1 };

/* Sounds in the order of their paths; equal contents are copies. */
static const train_curate_sound sounds[] = {
    {"a", "01", KICK, 0.99},  {"b", "02", KICK, 0.97},  {"c", "03", KICK, 0.97},
    {"d", "04", SNARE, 0.96}, {"e", "05", SNARE, 0.90}, {"f", "01", KICK, 0.995},
    {"g", "07", HAT, 0.95},   {"h", "08", -1, 0},       {"i", "", -1, 0},
};
enum { N_SOUNDS = sizeof sounds / sizeof *sounds };

static const train_curate_record nothing_before;
static const train_curate_labels no_labels;

static train_curate_choice choice_of_all(void) {
    return (train_curate_choice){.n_classes = 3,
                                 .sounds = sounds,
                                 .n_sounds = N_SOUNDS,
                                 .before = &nothing_before,
                                 .labels = &no_labels,
                                 .confidence = 0.95,
                                 .round = 1,
                                 .model = "m1"};
}

static train_curate_proposals choose(const train_curate_choice *choice) {
    train_curate_proposals proposals;
    base_error err;
    TEST_OK(train_curate_choose(choice, &memory, &proposals, &err), err);
    return proposals;
}

/* "f:kick b:kick!": those that join, in order; '!' by a person. */
static void joins(const train_curate_proposals *proposals, const char *expected) {
    base_text text = {0};
    for (int64_t i = 0; i < proposals->record.n; i++) {
        const train_curate_row *row = &proposals->record.rows[i];
        base_text_printf(&text, "%s%s:%s%s", i > 0 ? " " : "", row->path, classes[row->class_index],
                         row->by_person ? "!" : "");
    }
    ck_assert_str_eq(base_text_string(&text), expected);
    base_text_release(&text);
}

/* ---- what is proposed ---- */

START_TEST(the_sure_ones_join_and_copies_count_once) {
    train_curate_choice choice = choice_of_all();
    train_curate_proposals p = choose(&choice);
    joins(&p, "g:hat f:kick b:kick c:kick d:snare");
    ck_assert_int_eq(p.n_new, 5);
    ck_assert_int_eq(p.new_counts[KICK], 3);
    ck_assert_double_eq(p.lowest[KICK], 0.97);
    ck_assert_double_eq(p.lowest[HAT], 0.95);
    ck_assert_int_eq(p.n_copies, 1);
    ck_assert_int_eq(p.n_unsure, 1);
    ck_assert_int_eq(p.n_unheard, 2);
    ck_assert(p.changed);
    const train_curate_row *row = &p.record.rows[1];
    ck_assert_str_eq(row->model, "m1");
    ck_assert_str_eq(row->content, "01");
    ck_assert_double_eq(row->confidence, 0.995);
    ck_assert_int_eq(row->round, 1);
}
END_TEST

START_TEST(the_surest_of_a_class_come_first_and_paths_break_ties) {
    train_curate_choice choice = choice_of_all();
    choice.per_class = 2;
    train_curate_proposals p = choose(&choice);
    joins(&p, "g:hat f:kick b:kick d:snare");
    ck_assert_int_eq(p.n_beyond, 1);
    choice.per_class = 1;
    p = choose(&choice);
    joins(&p, "g:hat f:kick d:snare");
    ck_assert_int_eq(p.n_beyond, 2);
}
END_TEST

START_TEST(copies_of_the_data_set_never_join) {
    static const char *const known[] = {"01", "03", "09"};
    train_curate_choice choice = choice_of_all();
    choice.known = known;
    choice.n_known = 3;
    train_curate_proposals p = choose(&choice);
    joins(&p, "g:hat b:kick d:snare");
    ck_assert_int_eq(p.n_known, 3);
}
END_TEST

START_TEST(nothing_joins_where_nothing_is_sure) {
    train_curate_choice choice = choice_of_all();
    choice.confidence = 1;
    train_curate_proposals p = choose(&choice);
    joins(&p, "");
    ck_assert(!p.changed);
    ck_assert_int_eq(p.n_unsure, 7);
}
END_TEST

/* ---- from round to round ---- */

START_TEST(earlier_proposals_stay_as_they_were) {
    train_curate_choice choice = choice_of_all();
    choice.per_class = 1;
    train_curate_proposals first = choose(&choice);
    choice.before = &first.record;
    choice.round = 2;
    choice.model = "m2";
    train_curate_proposals second = choose(&choice);
    joins(&second, "g:hat f:kick d:snare b:kick");
    ck_assert_int_eq(second.n_new, 1);
    ck_assert_str_eq(second.record.rows[1].model, "m1");
    ck_assert_str_eq(second.record.rows[3].model, "m2");
    ck_assert_int_eq(second.record.rows[3].round, 2);
    ck_assert(second.changed);
    /* Though the model now thinks otherwise, and a sound is gone. */
    static const train_curate_sound later[] = {{"b", "02", SNARE, 1}, {"f", "01", HAT, 1}};
    choice.sounds = later;
    choice.n_sounds = 2;
    choice.before = &second.record;
    train_curate_proposals third = choose(&choice);
    joins(&third, "f:kick b:kick");
    ck_assert_int_eq(third.n_new, 0);
    ck_assert(third.changed);
    choice.before = &third.record;
    ck_assert(!choose(&choice).changed);
}
END_TEST

/* ---- a person ---- */

START_TEST(a_label_by_a_person_wins_against_any_proposal) {
    static train_curate_label items[] = {
        {"b", SNARE, 2}, {"e", HAT, 3}, {"f", NEVER, 4}, {"i", KICK, 5}};
    static const train_curate_labels labels = {items, 4};
    train_curate_choice choice = choice_of_all();
    train_curate_proposals without = choose(&choice);
    choice.labels = &labels;
    /* f is never used, so neither is its copy a. */
    static const char expected[] = "e:hat! g:hat i:kick! c:kick b:snare! d:snare";
    train_curate_proposals p = choose(&choice);
    joins(&p, expected);
    ck_assert_int_eq(p.n_person, 3);
    ck_assert_int_eq(p.n_never, 1);
    ck_assert_int_eq(p.n_copies, 1);
    ck_assert(isnan(p.record.rows[0].confidence));
    ck_assert_str_eq(p.record.rows[0].model, "");
    /* The same where the model's proposals were there before. */
    choice.before = &without.record;
    p = choose(&choice);
    joins(&p, expected);
    ck_assert_int_eq(p.n_new, 0);
    ck_assert(p.changed);
    /* And once more, with a surer model. */
    static train_curate_sound surer[N_SOUNDS];
    for (int i = 0; i < N_SOUNDS; i++) {
        surer[i] = sounds[i];
        if (surer[i].class_index >= 0) surer[i].confidence = 1;
    }
    train_curate_record before = p.record;
    choice.before = &before;
    choice.sounds = surer;
    choice.round = 2;
    p = choose(&choice);
    joins(&p, expected);
    ck_assert(!p.changed);
    for (int64_t i = 0; i < p.record.n; i++) ck_assert_int_eq(p.record.rows[i].round, 1);
}
END_TEST

START_TEST(a_copy_of_what_a_person_labelled_leaves_the_record) {
    static train_curate_label items[] = {{"a", SNARE, 2}};
    static const train_curate_labels labels = {items, 1};
    train_curate_choice choice = choice_of_all();
    train_curate_proposals before = choose(&choice); /* has f, the copy */
    choice.labels = &labels;
    choice.before = &before.record;
    choice.round = 2;
    train_curate_proposals p = choose(&choice);
    joins(&p, "g:hat b:kick c:kick d:snare a:snare!");
    /* Without the label all is as before. */
    choice.labels = &no_labels;
    choice.before = &p.record;
    choice.round = 3;
    p = choose(&choice);
    joins(&p, "g:hat b:kick c:kick d:snare f:kick");
}
END_TEST

/* What was proposed when the file could still be read. */
START_TEST(a_label_wins_for_a_sound_that_has_changed) {
    static train_curate_row rows[] = {{"i", HAT, 0.99, 1, "m1", "09", false}};
    static const train_curate_record before = {rows, 1};
    static train_curate_label items[] = {{"i", KICK, 2}};
    static const train_curate_labels labels = {items, 1};
    train_curate_choice choice = choice_of_all();
    choice.confidence = 1;
    choice.round = 2;
    choice.before = &before;
    train_curate_proposals p = choose(&choice);
    joins(&p, "i:hat");
    choice.labels = &labels;
    p = choose(&choice);
    joins(&p, "i:kick!");
}
END_TEST

/* ---- lists ---- */

static const char *paths[] = {"songs/a.wav", "songs/b, \"c\".wav", "songs/d.wav"};

/* An opened folder of rounds, as far as lists need it. */
typedef struct {
    train_curate_options options;
    train_curate curate;
} opened;

static void open_folder(opened *o, const char *folder) {
    *o = (opened){.options = {.out = folder}};
    o->curate = (train_curate){.options = &o->options,
                               .name = "drums",
                               .sounds = "songs",
                               .classes = classes,
                               .n_classes = 3,
                               .paths = paths,
                               .n_paths = 3};
}

static const char *write_text(const char *folder, const char *name, const char *text) {
    base_error err;
    const char *path = base_path_join(&memory, folder, name);
    TEST_OK(base_folder_make(base_path_folder(&memory, path), &err), err);
    TEST_OK(base_file_write(path, text, strlen(text), &err), err);
    return path;
}

START_TEST(a_record_is_read_as_it_was_written) {
    static train_curate_row rows[] = {
        {"songs/a.wav", KICK, 0.123456789F, 1, "0a", "0b", false},
        {"songs/b, \"c\".wav", SNARE, 0, 2, "", "0c", true},
    };
    static const train_curate_record record = {rows, 2};
    opened o;
    base_error err;
    train_curate_record read;
    open_folder(&o, test_folder());
    write_text(o.options.out, "round2/x", "");
    const char *path = train__curate_path(&o.curate, 2, "proposals.csv", &memory);
    TEST_OK(train__curate_record_write(&o.curate, &record, path, &err), err);
    TEST_OK(train__curate_record_read(&o.curate, 2, &memory, &read, &err), err);
    ck_assert_int_eq(read.n, 2);
    ck_assert_float_eq((float)read.rows[0].confidence, 0.123456789F);
    ck_assert(isnan(read.rows[1].confidence));
    for (int i = 0; i < 2; i++) {
        ck_assert_str_eq(read.rows[i].path, rows[i].path);
        ck_assert_int_eq(read.rows[i].class_index, rows[i].class_index);
        ck_assert_int_eq(read.rows[i].round, rows[i].round);
        ck_assert_str_eq(read.rows[i].model, rows[i].model);
        ck_assert_str_eq(read.rows[i].content, rows[i].content);
        ck_assert(read.rows[i].by_person == rows[i].by_person);
    }
}
END_TEST

/* As proposals.csv has the path, relative to the sounds, relative to the file. */
START_TEST(labels_find_their_sounds) {
    opened o;
    base_error err;
    train_curate_labels labels;
    open_folder(&o, test_folder());
    TEST_OK(train__curate_labels_read(&o.curate, &memory, &labels, &err), err);
    ck_assert_int_eq(labels.n, 0);
    write_text(o.options.out, "labels.csv",
               "\xEF\xBB\xBFlabel,why,path\r\n"
               "-,,songs/d.wav\r\n\r\nsnare,loud,\"b, \"\"c\"\".wav\"\r\nkick,,a.wav\n"
               "kick,again,songs/a.wav\n");
    TEST_OK(train__curate_labels_read(&o.curate, &memory, &labels, &err), err);
    ck_assert_int_eq(labels.n, 3);
    static const int expected[] = {KICK, SNARE, NEVER};
    for (int i = 0; i < 3; i++) {
        ck_assert_str_eq(labels.items[i].path, paths[i]);
        ck_assert_int_eq(labels.items[i].class_index, expected[i]);
    }
    const char *folder = test_folder();
    const char *own[] = {base_path_join(&memory, folder, "x/a.wav")};
    o.options.labels = write_text(folder, "x/mine.csv", "path,label\na.wav,none\n");
    o.curate.paths = own;
    o.curate.n_paths = 1;
    TEST_OK(train__curate_labels_read(&o.curate, &memory, &labels, &err), err);
    ck_assert_int_eq(labels.n, 1);
    ck_assert_int_eq(labels.items[0].class_index, NEVER);
}
END_TEST

START_TEST(wrong_labels_are_refused_with_their_line) {
    static const struct {
        const char *text;
        base_status status;
        const char *part;
    } rows[] = {
        {"path,label\na.wav,kik\n", BASE_EDATA,
         "labels.csv:2: 'kik' is no class of the data set; did you mean 'kick'? ('-': never"},
        {"path,label\n\nx.wav,kick\n", BASE_EDATA, "labels.csv:3: x.wav: no such sound in songs"},
        {"path,label\na.wav,kick\nd.wav,hat\nsongs/a.wav,-\n", BASE_EDATA,
         "labels.csv:4: songs/a.wav has another label in line 2"},
        {"path,class\na.wav,kick\n", BASE_EFORMAT, "labels.csv:1: no column 'label'"},
        {"path,label\na.wav\n", BASE_EFORMAT, "labels.csv:2: 1 fields where the header has 2"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        opened o;
        base_error err;
        train_curate_labels labels;
        open_folder(&o, test_folder());
        write_text(o.options.out, "labels.csv", rows[i].text);
        TEST_FAILS(train__curate_labels_read(&o.curate, &memory, &labels, &err), rows[i].status,
                   err, rows[i].part);
    }
}
END_TEST

START_TEST(a_truth_may_tell_of_other_sounds) {
    opened o;
    base_error err;
    train_curate_labels truth;
    open_folder(&o, test_folder());
    o.options.truth =
        write_text(o.options.out, "truth.csv", "path,label\nx.wav,kick\nd.wav,ride\n");
    TEST_OK(train__curate_truth_read(&o.curate, &memory, &truth, &err), err);
    ck_assert_int_eq(truth.n, 1);
    ck_assert_int_eq(truth.items[0].class_index, -1);
    write_text(o.options.out, "truth.csv", "path,label\nx.wav,kick\n");
    TEST_FAILS(train__curate_truth_read(&o.curate, &memory, &truth, &err), BASE_EDATA, err,
               "truth.csv: none of its paths is a sound in songs");
}
END_TEST

START_TEST(labels_that_came_late_are_counted) {
    static const struct {
        const char *text;
        int64_t n;
    } rows[] = {{"a.wav,kick\nd.wav,-\n", 0}, {"a.wav,snare\n", 1}, {"a.wav,-\nd.wav,hat\n", 2}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        opened o;
        base_error err;
        int64_t n;
        open_folder(&o, test_folder());
        o.curate.n_done = 2;
        write_text(o.options.out, "round1/proposals.csv",
                   "path,label,confidence,round,model,content,by\n"
                   "songs/a.wav,kick,0.99,1,0a,0b,model\n");
        write_text(o.options.out, "labels.csv",
                   base_arena_printf(&memory, "path,label\n%s", rows[i].text));
        TEST_OK(train_curate_unused_labels(&o.curate, &n, &err), err);
        ck_assert_int_eq(n, rows[i].n);
    }
}
END_TEST

/* ---- figures ---- */

/* Two rounds tested on n clips, every third a snare, else kicks; the first `right` of each are
 * right. */
static void write_round(const char *folder, int round, int n, int right) {
    base_text text = {0};
    char name[64];
    base_text_add(&text, "path,begin_s,end_s,truth,predicted,hat,kick,snare\n");
    for (int i = 0; i < n; i++) {
        const char *truth = i % 3 == 0 ? "snare" : "kick";
        const char *shares = i >= right ? "1,0,0" : i % 3 == 0 ? "0,0,1" : "0,1,0";
        base_text_printf(&text, "t%d.wav,0,0,%s,%s,%s\n", i, truth, i < right ? truth : "hat",
                         shares);
    }
    snprintf(name, sizeof name, "round%d/unseen.csv", round);
    write_text(folder, name, base_text_string(&text));
    base_text_release(&text);
}

static void read_rounds(opened *o, int n_rounds, int n_right, train_curate_results *results) {
    base_error err;
    open_folder(o, test_folder());
    o->curate.n_done = n_rounds;
    write_round(o->options.out, 0, 90, 60);
    for (int r = 1; r < n_rounds; r++) write_round(o->options.out, r, 90, n_right);
    write_text(o->options.out, "round1/proposals.csv",
               "path,label,confidence,round,model,content,by\n"
               "songs/a.wav,kick,0.99,1,0a,0b,model\n\"songs/b, \"\"c\"\".wav\",hat,,1,,0c,person\n"
               "songs/d.wav,snare,0.98,1,0a,0d,model\n");
    o->options.truth =
        write_text(o->options.out, "truth.csv", "path,label\na.wav,kick\nd.wav,ride\n");
    TEST_OK(train_curate_results_read(&o->curate, results, &err), err);
}

static void says(const train_curate_results *results, const char *part) {
    base_text text = {0};
    train_curate_verdict(results, &text);
    ck_assert_msg(strstr(base_text_string(&text), part) != NULL, "'%s' is not in: %s", part,
                  base_text_string(&text));
    base_text_release(&text);
}

START_TEST(figures_are_those_of_the_tests) {
    opened o;
    train_curate_results results;
    read_rounds(&o, 2, 75, &results);
    const train_curate_result *first = &results.rounds[0], *now = &results.rounds[1];
    ck_assert_int_eq(now->n_new, 2);
    ck_assert_int_eq(now->new_counts[SNARE], 1);
    ck_assert_int_eq(now->n_in_use, 3);
    ck_assert_int_eq(now->n_person, 1);
    ck_assert_int_eq(now->n_checked, 2);
    ck_assert_int_eq(now->n_right, 1);
    ck_assert_double_eq_tol(first->accuracy.value, 60 / 90.0, 1e-12);
    ck_assert_double_eq_tol(now->balanced.value, (25 / 30.0 + 50 / 60.0) / 2, 1e-12);
    ck_assert_double_eq_tol(now->balanced_gain.value, now->balanced.value - first->balanced.value,
                            1e-12);
    /* Against the normal approximation. */
    double error = sqrt(60 / 90.0 * 30 / 90.0 / 90);
    ck_assert_double_eq_tol(first->accuracy.low, 60 / 90.0 - 1.96 * error, 0.012);
    ck_assert_double_eq_tol(first->accuracy.high, 60 / 90.0 + 1.96 * error, 0.012);
    ck_assert_double_eq_tol(now->against.difference, 15 / 90.0, 1e-12);
    ck_assert_double_eq_tol(now->balanced_gain.low, now->against.low, 0.03);
    ck_assert_double_eq_tol(now->against.p_value, pow(0.5, 14), 1e-9);
    ck_assert_double_eq(first->balanced_gain.low, 0);
    says(&results, "A gain is shown: on the 90 sounds of the test set round 1 is +16.7 points");
    train_curate_results_release(&results);
}
END_TEST

START_TEST(an_interval_with_zero_shows_no_gain) {
    opened o;
    train_curate_results results;
    base_error err;
    read_rounds(&o, 2, 61, &results);
    says(&results, "No gain shown: ");
    says(&results, "which includes zero");
    TEST_OK(train_curate_write(&results, &err), err);
    void *page;
    size_t n_bytes;
    const char *path = base_path_join(&memory, o.options.out, "curate.html");
    TEST_OK(base_file_read(path, 0, &page, &n_bytes, &err), err);
    ck_assert_ptr_nonnull(strstr(page, "No gain shown: "));
    ck_assert_ptr_nonnull(strstr(page, "<td class=\"n\">1 of 2</td>"));
    base_free(page);
    train_curate_results_release(&results);
    read_rounds(&o, 2, 40, &results);
    says(&results, "A loss is shown: ");
    train_curate_results_release(&results);
}
END_TEST

START_TEST(rounds_with_other_tests_are_not_compared) {
    opened o;
    train_curate_results results;
    base_error err;
    read_rounds(&o, 2, 61, &results);
    train_curate_results_release(&results);
    write_round(o.options.out, 1, 89, 61);
    TEST_FAILS(train_curate_results_read(&o.curate, &results, &err), BASE_EMISMATCH, err,
               "round1: was not tested on the same sounds as round 0");
}
END_TEST

TEST_MAIN("train/study/curate", the_sure_ones_join_and_copies_count_once,
          the_surest_of_a_class_come_first_and_paths_break_ties, copies_of_the_data_set_never_join,
          nothing_joins_where_nothing_is_sure, earlier_proposals_stay_as_they_were,
          a_label_by_a_person_wins_against_any_proposal,
          a_copy_of_what_a_person_labelled_leaves_the_record,
          a_label_wins_for_a_sound_that_has_changed, a_record_is_read_as_it_was_written,
          labels_find_their_sounds, wrong_labels_are_refused_with_their_line,
          a_truth_may_tell_of_other_sounds, labels_that_came_late_are_counted,
          figures_are_those_of_the_tests, an_interval_with_zero_shows_no_gain,
          rounds_with_other_tests_are_not_compared)
